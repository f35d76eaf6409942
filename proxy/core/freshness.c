#include "freshness.h"

#include <stdio.h>
#include <string.h>

#include "../../replication/base/bug.h"
#include "../../replication/base/str.h"

static const char *const names[CONSISTENCY_NR] = {
    [CONSISTENCY_EVENTUAL] = "eventual", [CONSISTENCY_SESSION] = "session",
    [CONSISTENCY_BOUNDED] = "bounded",   [CONSISTENCY_GLOBAL] = "global",
    [CONSISTENCY_PRIMARY] = "primary",
};

const char *consistency_name(enum consistency c)
{
    return c > 0 && c < CONSISTENCY_NR ? names[c] : "?";
}

bool consistency_parse(const char *text, enum consistency *out)
{
    for (int c = CONSISTENCY_EVENTUAL; c < CONSISTENCY_NR; c++)
        if (slice_ieq((struct slice){text, strlen(text)}, names[c])) {
            *out = (enum consistency)c;
            return true;
        }
    return false;
}

void freshness_primary(struct freshness *f, bool async, usec_t now)
{
    f->dirty = true;
    f->dirty_async |= async || f->async_commit;
    f->dirty_since = now;
    f->open = false; /* the primary has all that replicas have */
}

void freshness_replica(struct freshness *f, int node, int64_t incarnation, usec_t now)
{
    BUG_ON(node < 0 || node >= TOPO_NODES_MAX);
    f->open = true;
    f->node = (int16_t)node;
    f->incarnation = incarnation;
    f->read_at = now;
}

lsn_t freshness_position(const struct topo_sample *s, bool async)
{
    return s->flush_covers && !async ? s->flush_lsn : lsn_of_insert(s->insert_lsn);
}

/* On the timeline of the snapshot. */
static void raise_to(struct freshness *f, const struct topology *t, lsn_t lsn)
{
    if (f->lsn == 0 || f->timeline != t->timeline || lsn > f->lsn) {
        f->lsn = lsn;
        f->timeline = t->timeline;
    }
}

static const struct topo_fork *fork_of(const struct topology *t, uint32_t timeline)
{
    for (int i = 0; i < t->n_forks; i++)
        if (t->forks[i].timeline == timeline)
            return &t->forks[i];
    return NULL;
}

/* A floor of another timeline than the snapshot's. */
static void translate(struct freshness *f, const struct topology *t, usec_t now)
{
    if (t->timeline == 0 || t->timeline < f->timeline)
        return; /* the snapshot is the older one: nobody has the floor until a newer one comes */
    const struct topo_fork *fork = fork_of(t, f->timeline);
    if (!t->lineage_known || !fork) {
        /* Nobody can tell: whatever the new primary has by now is a floor that is certainly high enough. */
        f->lsn = 0;
        freshness_primary(f, false, now);
        return;
    }
    if (f->lsn > fork->end) {
        f->lost = f->lsn;
        f->lost_timeline = f->timeline;
        f->lsn = fork->end;
    }
    f->timeline = t->timeline;
}

/* The replica's replay is never ahead of what the primary has flushed, so the primary's later position will do as well. */
static void close_read(struct freshness *f, const struct topology *t)
{
    const struct topo_node *n = f->node < t->n_nodes ? &t->nodes[f->node] : NULL;
    if (n && f->incarnation != 0 && n->incarnation == f->incarnation && n->replay_at > f->read_at &&
        n->timeline == t->timeline)
        raise_to(f, t, n->replay_lsn);
    else if (t->sample.sent_at > f->read_at)
        raise_to(f, t, t->sample.flush_lsn);
    else
        return;
    f->open = false;
}

void freshness_update(struct freshness *f, const struct topology *t, usec_t now)
{
    if (f->lsn != 0 && f->timeline != t->timeline)
        translate(f, t, now);
    if (f->lsn != 0 && f->timeline != t->timeline)
        return; /* from the future: what is sampled now says nothing about it */
    if (f->dirty && t->sample.sent_at > f->dirty_since) {
        raise_to(f, t, freshness_position(&t->sample, f->dirty_async));
        f->dirty = f->dirty_async = false;
    }
    if (f->open)
        close_read(f, t);
}

bool freshness_has(const struct freshness *f, const struct topology *t, int i)
{
    BUG_ON(i < 0 || i >= t->n_nodes);
    const struct topo_node *n = &t->nodes[i];
    if (f->dirty)
        return false;
    if (f->open && (i != f->node || f->incarnation == 0 || n->incarnation != f->incarnation))
        return false;
    return f->lsn == 0 || (n->timeline == f->timeline && n->replay_lsn >= f->lsn);
}

const char *freshness_token(const struct freshness *f, char out[FRESHNESS_TOKEN_MAX])
{
    char lsn[24];
    if (f->lsn == 0)
        snprintf(out, FRESHNESS_TOKEN_MAX, "0");
    else
        snprintf(out, FRESHNESS_TOKEN_MAX, "%u/%s", f->timeline, lsn_text(f->lsn, lsn));
    return out;
}

int freshness_take_token(struct freshness *f, const char *text)
{
    char timeline[12];
    uint64_t tli;
    lsn_t lsn;
    if (strcmp(text, "0") == 0)
        return 0;
    const char *slash = strchr(text, '/');
    if (!slash || slash == text || (size_t)(slash - text) >= sizeof(timeline))
        return ERR_INVALID;
    memcpy(timeline, text, (size_t)(slash - text));
    timeline[slash - text] = '\0';
    if (!str_to_u64(timeline, &tli) || tli == 0 || tli > UINT32_MAX || !lsn_parse(slash + 1, &lsn))
        return ERR_INVALID;
    /* Of two timelines the newer one wins: a position of the older one above the fork is lost anyway, one below is lower. */
    if (f->lsn == 0 || tli > f->timeline || (tli == f->timeline && lsn > f->lsn)) {
        f->timeline = (uint32_t)tli;
        f->lsn = lsn;
    }
    return 0;
}
