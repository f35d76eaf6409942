#include "quorum.h"

#include <string.h>

#include "../base/bug.h"
#include "../base/str.h"

#define BIT(i) (UINT64_C(1) << (i))

static const uint64_t SECRET_MASK = UINT64_C(0xffffffffffff);

void quorum_policy_default(struct quorum_policy *p)
{
    *p = (struct quorum_policy){
        .away_after = 2 * USEC_PER_SEC,
        .settle = 500 * USEC_PER_MS,
        .max_lag = UINT64_C(16) << 20,
    };
}

static int count(uint64_t bits)
{
    int n = 0;
    for (; bits; bits &= bits - 1)
        n++;
    return n;
}

/* FNV-1a of the node's name: names may be long or alike in their beginning. */
static uint32_t hash_of(const char *s)
{
    uint32_t h = 2166136261u;
    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * 16777619u;
    return h;
}

void quorum_name(uint64_t secret, const char *node, char out[QUORUM_NAME_MAX])
{
    struct strbuf b;
    strbuf_init(&b, out, QUORUM_NAME_MAX);
    strbuf_addf(&b, "tanist_%012llx_%08x", (unsigned long long)(secret & SECRET_MASK),
                (unsigned)hash_of(node));
    BUG_ON(b.truncated);
}

void quorum_text(uint64_t secret, const struct quorum_config *c, char out[QUORUM_TEXT_MAX])
{
    char name[QUORUM_NAME_MAX];
    struct strbuf b;
    strbuf_init(&b, out, QUORUM_TEXT_MAX);
    if (c->k == 0)
        return;
    strbuf_addf(&b, "ANY %d (", c->k);
    for (int i = 0; i < c->n; i++) {
        quorum_name(secret, c->members[i], name);
        strbuf_addf(&b, "%s%s", i ? ", " : "", name);
    }
    strbuf_addc(&b, ')');
    BUG_ON(b.truncated);
}

const struct quorum_config *quorum_newest(const struct quorum_record *r)
{
    return r->n ? &r->c[r->n - 1] : NULL;
}

uint64_t quorum_members(const struct quorum_config *c, const struct view *v)
{
    uint64_t bits = 0;
    for (int i = 0; i < c->n; i++) {
        const int node = view_find(v, c->members[i]);
        if (node >= 0)
            bits |= BIT(node);
    }
    return bits;
}

int quorum_needed(const struct quorum_config *c)
{
    return c->n - c->k + 1;
}

bool quorum_revoked(const struct quorum_record *r, const struct view *v, uint64_t revoked)
{
    for (int i = 0; i < r->n; i++) {
        const struct quorum_config *c = &r->c[i];
        if (c->k == 0 || count(quorum_members(c, v) & revoked) < quorum_needed(c))
            return false;
    }
    return r->n > 0;
}

/* The walsender that serves node i's receiver under its name, or NULL. */
static const struct observe_peer *peer_of(const struct quorum_record *r, const struct view *v,
                                          int writer, int i)
{
    char name[QUORUM_NAME_MAX];
    if (writer < 0 || v->peers_of != writer)
        return NULL;
    quorum_name(r->secret, v->nodes[i].name, name);
    for (int p = 0; p < v->peers.n; p++) {
        const struct observe_peer *w = &v->peers.peers[p];
        if (w->state == PEER_STREAMING && !strcmp(w->application_name, name))
            return w;
    }
    return NULL;
}

static int flushed(const struct quorum_record *r, const struct quorum_look *l,
                   const struct quorum_config *c, lsn_t lsn)
{
    const uint64_t members = quorum_members(c, l->view);
    int n = 0;
    for (int i = 0; i < l->view->n_nodes; i++) {
        const struct observe_peer *p = members & BIT(i) ? peer_of(r, l->view, l->writer, i) : NULL;
        n += p && p->flush_lsn >= lsn;
    }
    return n;
}

bool quorum_covered(const struct quorum_record *r, const struct view *v, int writer, lsn_t lsn)
{
    const struct quorum_config *c = quorum_newest(r);
    const struct quorum_look l = {.view = v, .writer = writer};
    return c && c->k > 0 && flushed(r, &l, c, lsn) >= c->k;
}

/* ---- which configuration should be ---- */

static bool suitable(const struct view_node *n)
{
    return n->promotable && !n->drained;
}

static void add_members(struct quorum_config *c, const struct view *v, uint64_t bits)
{
    for (int i = 0; i < v->n_nodes && c->n < QUORUM_MEMBERS_MAX; i++)
        if (bits & BIT(i))
            (void)str_copy(c->members[c->n++], TOPO_NAME_MAX, v->nodes[i].name);
}

void quorum_after(const struct view *v, const struct quorum_policy *p, int node, uint64_t ready,
                  struct quorum_record *out)
{
    const uint64_t all = v->n_nodes == 64 ? ~UINT64_C(0) : BIT(v->n_nodes) - 1;
    uint64_t members = 0;
    for (int i = 0; i < v->n_nodes; i++)
        if (i != node && (ready & BIT(i)) && suitable(&v->nodes[i]))
            members |= BIT(i);
    /* Too few: the others are named as well, and commits wait until one of them is back. */
    for (int i = 0; i < v->n_nodes && count(members) < p->k; i++)
        if (i != node)
            members |= BIT(i) & all;
    out->n = 2;
    out->c[0] = (struct quorum_config){0};
    out->c[1] = (struct quorum_config){.k = p->k};
    add_members(&out->c[1], v, members);
}

static bool same(const struct quorum_config *a, const struct quorum_config *b)
{
    if (a->k != b->k || a->n != b->n)
        return false;
    for (int i = 0; i < a->n; i++)
        if (strcmp(a->members[i], b->members[i]) != 0)
            return false;
    return true;
}

/* Members that stay and replicas that may join; fewer than k: the old members stay, and if there were none, nothing is
 * formed (k = 0). */
static void desire(const struct quorum_record *r, struct quorum_watch *w,
                   const struct quorum_look *l, struct quorum_config *out)
{
    const struct view *v = l->view;
    const lsn_t at = v->nodes[l->writer].obs.flush_lsn;
    const struct quorum_config *c = quorum_newest(r);
    const uint64_t old = c && c->k ? quorum_members(c, v) & ~BIT(l->writer) : 0;
    uint64_t members = 0;
    for (int i = 0; i < v->n_nodes; i++) {
        const struct observe_peer *p = i == l->writer ? NULL : peer_of(r, v, l->writer, i);
        if (p)
            w->away_since[i] = 0;
        else if (!w->away_since[i])
            w->away_since[i] = l->now;
        if (i == l->writer || !suitable(&v->nodes[i]))
            continue;
        const bool stays =
            (old & BIT(i)) && (p || l->now - w->away_since[i] < l->policy->away_after);
        const bool joins = p && p->flush_lsn + l->policy->max_lag >= at;
        if (stays || joins)
            members |= BIT(i);
    }
    for (int i = 0; i < v->n_nodes && count(members) < l->policy->k; i++)
        members |= old & BIT(i);
    *out = (struct quorum_config){.k = l->policy->k};
    add_members(out, v, members);
    if (out->n < out->k)
        *out = (struct quorum_config){0};
}

static uint64_t unnamed(const struct quorum_record *r, const struct quorum_look *l)
{
    const struct view *v = l->view;
    const struct quorum_config *c = quorum_newest(r);
    const uint64_t members = c ? quorum_members(c, v) : 0;
    uint64_t bits = 0;
    for (int i = 0; i < v->n_nodes; i++) {
        const struct view_node *n = &v->nodes[i];
        /* A member that streams from another replica confirms nothing: it is pointed at the writer again. */
        if (i != l->writer && n->seen && n->health.verdict == HEALTH_OK &&
            n->obs.role == ROLE_REPLICA && n->obs.streaming &&
            (view_upstream(v, i) == l->writer || (members & BIT(i))) && suitable(n) &&
            !peer_of(r, v, l->writer, i))
            bits |= BIT(i);
    }
    return bits;
}

/* ---- steps ---- */

static bool recorded(const struct quorum_record *r, const char *text)
{
    char mine[QUORUM_TEXT_MAX];
    for (int i = 0; i < r->n; i++) {
        if (r->c[i].k == 0) /* Under an open one anything may have been in force. */
            return true;
        quorum_text(r->secret, &r->c[i], mine);
        if (!strcmp(mine, text))
            return true;
    }
    return false;
}

static bool in_force(const struct quorum_record *r, const struct observation *o)
{
    char mine[QUORUM_TEXT_MAX];
    quorum_text(r->secret, quorum_newest(r), mine);
    return !strcmp(mine, o->synchronous_standby_names);
}

static void change(struct quorum_step *out, const struct quorum_record *r,
                   enum quorum_reason reason)
{
    out->record = *r;
    out->what = QUORUM_JOURNAL;
    out->reason = reason;
}

static bool writer_ready(const struct quorum_look *l)
{
    const struct view *v = l->view;
    return l->writer >= 0 && v->peers_of == l->writer &&
           v->nodes[l->writer].health.verdict == HEALTH_OK && v->nodes[l->writer].seen;
}

static bool has_open(const struct quorum_record *r)
{
    for (int i = 0; i < r->n; i++)
        if (r->c[i].k == 0)
            return true;
    return false;
}

/* The newest names are what the writer uses; the older ones may be forgotten when all is covered. */
static void settle(const struct quorum_record *r, const struct quorum_watch *w,
                   const struct quorum_look *l, struct quorum_step *out)
{
    const struct observation *o = &l->view->nodes[l->writer].obs;
    if (r->n < 2)
        return;
    if (!w->sure && has_open(r)) {
        out->what = QUORUM_CONFIRM;
        out->reason = QUORUM_CHANGING;
        return;
    }
    if (o->sent_at < w->in_force_since + l->policy->settle ||
        !quorum_covered(r, l->view, l->writer, o->flush_lsn))
        return;
    change(out, r, QUORUM_OK);
    out->record.c[0] = r->c[r->n - 1];
    out->record.n = 1;
}

void quorum_next(const struct quorum_record *r, struct quorum_watch *w, const struct quorum_look *l,
                 struct quorum_step *out)
{
    out->what = QUORUM_NOTHING;
    out->unnamed = 0;
    out->reason = l->policy->k ? QUORUM_OK : QUORUM_OFF;
    if (!writer_ready(l)) {
        out->reason = QUORUM_NO_WRITER;
        return;
    }
    const struct observation *o = &l->view->nodes[l->writer].obs;
    if (!l->policy->k) {
        if (r->n)
            out->what = QUORUM_CLEAR;
        return;
    }
    if (!r->n) {
        change(out, r, QUORUM_FEW);
        out->record.n = 1;
        out->record.secret = l->random & SECRET_MASK;
        out->record.c[0] = (struct quorum_config){0};
        return;
    }
    const struct quorum_config *newest = quorum_newest(r);
    BUG_ON(!newest);
    if (w->secret != r->secret) { /* another writer: what was seen of the last one says nothing */
        w->secret = r->secret;
        w->in_force_since = 0;
        w->sure = false;
    }
    out->unnamed = unnamed(r, l);
    struct quorum_config wish;
    desire(r, w, l, &wish);
    if (newest->k && !in_force(r, o)) {
        w->in_force_since = 0;
        w->sure = false;
        out->what = QUORUM_APPLY;
        out->reason = QUORUM_CHANGING;
        if (!recorded(r, o->synchronous_standby_names)) {
            change(out, r, QUORUM_FOREIGN);
            out->record.c[0] = (struct quorum_config){0};
            out->record.c[1] = *newest;
            out->record.n = 2;
        }
        return;
    }
    if (newest->k && !w->in_force_since) {
        /* A question may wait in a server that stands still, and see what came after it was sent. */
        w->in_force_since = o->received_at;
        w->sure = false;
    }
    if (newest->k)
        settle(r, w, l, out);
    if ((out->what == QUORUM_NOTHING || out->what == QUORUM_CONFIRM) && wish.k &&
        !same(&wish, newest)) {
        change(out, r, QUORUM_CHANGING);
        /* One change after the other and none of them settled: an open one stands for all, which is the most careful. */
        if (r->n == QUORUM_CONFIGS_MAX) {
            out->record.c[0] = (struct quorum_config){0};
            out->record.n = 1;
        }
        out->record.c[out->record.n++] = wish;
        w->in_force_since = 0;
        w->sure = false;
    }
}

enum quorum_reason quorum_safe(const struct quorum_record *r, const struct quorum_watch *w,
                               const struct quorum_look *l)
{
    const struct quorum_config *c = quorum_newest(r);
    if (!l->policy->k)
        return QUORUM_OFF;
    if (!writer_ready(l))
        return QUORUM_NO_WRITER;
    if (!c || !c->k)
        return QUORUM_FEW;
    if (r->n > 1 || !w->in_force_since || w->secret != r->secret)
        return flushed(r, l, c, 0) < c->k ? QUORUM_SHORT : QUORUM_CHANGING;
    if (flushed(r, l, c, 0) < c->k)
        return QUORUM_SHORT;
    return quorum_revoked(r, l->view, view_ready(l->view, l->writer)) ? QUORUM_OK
                                                                      : QUORUM_UNREACHED;
}

static const struct {
    const char *name, *text;
} reasons[QUORUM_REASON_NR] = {
    [QUORUM_OK] = {"ok", "every acknowledged write is on enough replicas that can be revoked"},
    [QUORUM_OFF] = {"off", "replication is asynchronous (failover.synchronous)"},
    [QUORUM_NO_WRITER] = {"no-writer", "there is no healthy writer"},
    [QUORUM_FEW] = {"few", "fewer replicas stream than the quorum needs: writes are not protected"},
    [QUORUM_CHANGING] = {"changing",
                         "the quorum is being changed, or its members have not caught up yet"},
    [QUORUM_FOREIGN] = {"foreign",
                        "somebody else changed synchronous_standby_names: setting it again"},
    [QUORUM_SHORT] = {"short", "fewer members stream than the quorum needs: commits wait for them"},
    [QUORUM_UNREACHED] = {"unreached",
                          "too few members answer: they could not be revoked for a failover"},
};

const char *quorum_reason_name(enum quorum_reason r)
{
    return (unsigned)r < QUORUM_REASON_NR ? reasons[r].name : "invalid";
}

const char *quorum_reason_text(enum quorum_reason r)
{
    return (unsigned)r < QUORUM_REASON_NR ? reasons[r].text : "is in an invalid state";
}
