#include "candidate.h"

#include <string.h>

#include "../base/bug.h"

enum { PG_VERSION_MIN = 130000 };

static uint64_t missing_bytes(const struct view *v, int i, lsn_t writer_lsn)
{
    lsn_t at = view_position(v, i);
    return writer_lsn > at ? writer_lsn - at : 0;
}

static bool on_lineage(const struct view *v, int i, uint32_t timeline)
{
    const struct view_node *n = &v->nodes[i];
    if (!timeline || n->timeline == timeline)
        return true;
    return v->lineage.timeline == timeline &&
           timeline_can_follow(&v->lineage, n->timeline, view_position(v, i));
}

/* The first reason that applies, from what cannot be helped to what the operator decided. */
static enum candidate_reason judge(const struct view *v, const struct candidate_rules *r, int i)
{
    const struct view_node *n = &v->nodes[i];
    if (i == r->writer)
        return CANDIDATE_IS_WRITER;
    if (r->excluded & (UINT64_C(1) << i))
        return CANDIDATE_EXCLUDED;
    if (n->health.verdict == HEALTH_DOWN || n->health.verdict == HEALTH_SUSPECT)
        return CANDIDATE_DOWN;
    if (!n->seen || n->health.verdict != HEALTH_OK)
        return CANDIDATE_UNKNOWN;
    if (n->obs.role != ROLE_REPLICA)
        return CANDIDATE_NOT_REPLICA;
    if (r->system_identifier && n->obs.system_identifier != r->system_identifier)
        return CANDIDATE_FOREIGN;
    if (!on_lineage(v, i, r->timeline))
        return CANDIDATE_TIMELINE;
    if (n->obs.server_version_num < PG_VERSION_MIN)
        return CANDIDATE_VERSION;
    if (!n->promotable)
        return CANDIDATE_NOT_PROMOTABLE;
    if (n->drained)
        return CANDIDATE_DRAINED;
    if (r->only && !(r->only & (UINT64_C(1) << i)))
        return CANDIDATE_NOT_REVOKED;
    if (!r->will_catch_up && !r->accept_loss && missing_bytes(v, i, r->writer_lsn) > r->max_lag)
        return CANDIDATE_LAG;
    if (r->named >= 0 && r->named != i)
        return CANDIDATE_NOT_NAMED;
    return CANDIDATE_OK;
}

/* Descending by an unsigned key: negative when a comes first. */
static int by_key(uint64_t a, uint64_t b)
{
    return a > b ? -1 : a < b ? 1 : 0;
}

int candidate_compare(const struct view *v, int a, int b)
{
    const struct view_node *x = &v->nodes[a], *y = &v->nodes[b];
    int c = by_key(x->timeline, y->timeline);
    if (!c)
        c = by_key(view_position(v, a), view_position(v, b));
    if (!c)
        c = x->priority > y->priority ? -1 : x->priority < y->priority ? 1 : 0;
    if (!c)
        c = by_key(x->weight, y->weight);
    if (!c)
        c = strcmp(x->name, y->name);
    if (!c)
        c = a - b;
    return c;
}

static uint32_t newest_timeline(const struct view *v, uint64_t system_identifier)
{
    uint32_t newest = 0;
    for (int i = 0; i < v->n_nodes; i++) {
        const struct view_node *n = &v->nodes[i];
        if (!n->seen || (system_identifier && n->obs.system_identifier != system_identifier))
            continue;
        if (n->timeline > newest)
            newest = n->timeline;
    }
    return newest;
}

int candidate_rank(const struct view *v, const struct candidate_rules *r,
                   struct candidate_list *out)
{
    struct candidate_rules rules = *r;
    if (!rules.timeline)
        rules.timeline = newest_timeline(v, r->system_identifier);
    out->n = 0;
    for (int i = 0; i < v->n_nodes; i++) {
        out->reason[i] = judge(v, &rules, i);
        out->missing[i] = missing_bytes(v, i, r->writer_lsn);
        if (out->reason[i] != CANDIDATE_OK)
            continue;
        int at = out->n++;
        for (; at > 0 && candidate_compare(v, i, out->order[at - 1]) < 0; at--)
            out->order[at] = out->order[at - 1];
        out->order[at] = i;
    }
    BUG_ON(out->n > v->n_nodes);
    return out->n ? out->order[0] : -1;
}

static const struct {
    const char *name, *text;
} reasons[CANDIDATE_NR] = {
    [CANDIDATE_OK] = {"ok", "may be promoted"},
    [CANDIDATE_IS_WRITER] = {"is-writer", "is the present or old writer"},
    [CANDIDATE_EXCLUDED] = {"excluded", "its promotion failed in this run"},
    [CANDIDATE_UNKNOWN] = {"unknown", "has never been observed"},
    [CANDIDATE_DOWN] = {"down", "does not answer now"},
    [CANDIDATE_NOT_REPLICA] = {"not-replica", "is not a replica"},
    [CANDIDATE_FOREIGN] = {"foreign", "belongs to another cluster (system identifier differs)"},
    [CANDIDATE_TIMELINE] = {"timeline", "is not shown to be on the lineage of the writer"},
    [CANDIDATE_LAG] = {"lag",
                       "lacks more than failover_max_lag of the writer's last known position"},
    [CANDIDATE_NOT_PROMOTABLE] = {"not-promotable", "has promotable = off"},
    [CANDIDATE_DRAINED] = {"drained", "was drained by the operator"},
    [CANDIDATE_VERSION] = {"version", "runs a PostgreSQL older than 13"},
    [CANDIDATE_NOT_REVOKED] = {"not-revoked", "was not cut off the old writer in this run"},
    [CANDIDATE_NOT_NAMED] = {"not-named", "is not the node that the operator named"},
};

const char *candidate_reason_name(enum candidate_reason r)
{
    return (unsigned)r < CANDIDATE_NR ? reasons[r].name : "invalid";
}

const char *candidate_reason_text(enum candidate_reason r)
{
    return (unsigned)r < CANDIDATE_NR ? reasons[r].text : "is in an invalid state";
}
