/* Invariants after every event, and what must be true some time after all faults have ended. */
#include <stdarg.h>
#include <string.h>

#include "sim.h"

#define STATE_TIME_MAX \
    (45 * SIM_SEC) /* longest deadline of a state is 20 s of the manager's time, TILT stops it */
#define BIT(i) (UINT64_C(1) << (i))

void sim_check_fail(struct sim *s, const char *invariant, const char *fmt, ...)
{
    va_list ap;
    if (s->check.broken)
        return;
    s->check.broken = invariant;
    va_start(ap, fmt);
    (void)vsnprintf(s->check.detail, sizeof(s->check.detail), fmt, ap);
    va_end(ap);
    sim_trace(s, "BROKEN: %s: %s", invariant, s->check.detail);
}

/* Every write that any server acknowledged to anybody, through us or past us. */
static void has_all(struct sim *s, int node, const char *invariant)
{
    for (uint32_t b = 1; b <= s->branches && b < SIM_BRANCHES_MAX; b++)
        if (s->check.served[b] && !sim_pg_has(&s->nodes[node], b, s->check.served[b]))
            sim_check_fail(s, invariant, "node %d lacks branch %u lsn %llu", node, b,
                           (unsigned long long)s->check.served[b]);
}

static int holders(const struct sim *s, const struct quorum_config *c, uint32_t branch, lsn_t lsn)
{
    const uint64_t members = quorum_members(c, &s->m.view);
    int n = 0;
    for (int i = 0; i < s->n_nodes; i++)
        n += (members & BIT(i)) && sim_pg_has(&s->nodes[i], branch, lsn);
    return n;
}

/* I1: what was acknowledged is on k members of a configuration that the journal knows, so that revoking by the journal
 * leaves somebody who has it. */
static void check_held(struct sim *s, const struct quorum_record *r, uint32_t branch, lsn_t lsn)
{
    for (int i = 0; i < r->n; i++)
        if (r->c[i].k == 0 || holders(s, &r->c[i], branch, lsn) >= r->c[i].k)
            return;
    if (r->n)
        sim_check_fail(s, "I1: an acknowledged write is on a quorum that the journal knows",
                       "branch %u lsn %llu", branch, (unsigned long long)lsn);
}

void sim_check_quorum(struct sim *s)
{
    const int writer = view_find(&s->m.view, s->durable.writer);
    if (writer < 0)
        return;
    const uint32_t branch = s->nodes[writer].branch;
    if (branch < SIM_BRANCHES_MAX && s->check.served[branch])
        check_held(s, &s->durable.quorum, branch, s->check.served[branch]);
}

void sim_check_promoted(struct sim *s, int node)
{
    if (s->quorum.k && !s->nodes[node].sync.k)
        sim_check_fail(s, "I5: a node is promoted with its new quorum in force", "node %d", node);
}

void sim_check_served(struct sim *s, int node, uint32_t branch, lsn_t lsn)
{
    if (!s->quorum.k || branch >= SIM_BRANCHES_MAX)
        return;
    has_all(s, node, "a server that acknowledges has all that was acknowledged before");
    if (!strcmp(s->m.view.nodes[node].name, s->durable.writer))
        check_held(s, &s->durable.quorum, branch, lsn);
    else if (!strcmp(s->m.view.nodes[node].name, s->durable.target))
        check_held(s, &s->durable.plan, branch, lsn);
    if (lsn > s->check.served[branch])
        s->check.served[branch] = lsn;
}

static void check_announced(struct sim *s, const struct topology *t)
{
    struct sim_check *c = &s->check;
    const struct sim_node *n = &s->nodes[t->writer];
    if (t->writer != c->newest_writer && c->acked_lsn &&
        !sim_pg_has(n, c->acked_branch, c->acked_lsn)) {
        c->lost_writes++;
        if (s->quorum.k)
            sim_check_fail(s, "quorum mode loses no acknowledged write",
                           "branch %u lsn %llu is not on node %d", c->acked_branch,
                           (unsigned long long)c->acked_lsn, t->writer);
        if (c->pure_switchover && failover_running(&s->m.run))
            sim_check_fail(s, "a switchover loses no acknowledged write",
                           "branch %u lsn %llu is not on node %d", c->acked_branch,
                           (unsigned long long)c->acked_lsn, t->writer);
    }
    if (t->writer != c->newest_writer && s->quorum.k)
        has_all(s, t->writer, "what is announced has every acknowledged write");
    if (t->writer != c->newest_writer)
        c->acked_lsn = 0;
    c->newest_writer = t->writer;
    c->newest_writer_at = t->epoch;
}

/* What the manager knows of a node is still so: what happened a moment ago it cannot know. */
static bool seen_as_is(const struct sim *s, int i)
{
    const struct sim_node *n = &s->nodes[i];
    const struct observation *o = &s->m.view.nodes[i].obs;
    return n->recovery == (o->role == ROLE_REPLICA) && n->timeline == o->timeline &&
           o->postmaster_start == (int64_t)n->incarnation;
}

void sim_check_publish(struct sim *s, const struct topology *t)
{
    struct sim_check *c = &s->check;
    struct err e = {0};
    if (topology_check(t, &e))
        sim_check_fail(s, "snapshots are valid", "%s", e.text);
    if (t->epoch < c->newest_epoch || t->version <= c->newest_version)
        sim_check_fail(s, "epoch and version never go back", "epoch %llu after %llu",
                       (unsigned long long)t->epoch, (unsigned long long)c->newest_epoch);
    if (t->epoch > s->durable.epoch)
        sim_check_fail(s, "an epoch is journaled before it is published",
                       "epoch %llu, journal %llu", (unsigned long long)t->epoch,
                       (unsigned long long)s->durable.epoch);
    c->newest_epoch = t->epoch;
    c->newest_version = t->version;
    if (t->epoch < SIM_EPOCHS_MAX) {
        int *writer = &c->epoch_writer[t->epoch];
        if (*writer && *writer != t->writer + 2)
            sim_check_fail(s, "one writer assignment in an epoch", "epoch %llu has %d and %d",
                           (unsigned long long)t->epoch, *writer - 2, t->writer);
        *writer = t->writer + 2;
    }
    for (int i = 0; i < t->n_nodes; i++)
        if (i != t->writer && t->nodes[i].role == ROLE_PRIMARY && t->nodes[i].unreadable == READ_OK)
            sim_check_fail(s, "never two primaries that serve", "node %d beside %d", i, t->writer);
    if (t->writer < 0)
        return;
    check_announced(s, t);
    for (int i = 0; i < t->n_nodes; i++)
        if (i != t->writer && t->nodes[i].unreadable == READ_OK && seen_as_is(s, i) &&
            !sim_pg_has(&s->nodes[t->writer], s->nodes[i].branch, s->nodes[i].replay))
            sim_check_fail(s, "I8: a node that left the lineage serves nothing",
                           "node %d beside %d", i, t->writer);
}

/* I2: in truth, not only as far as the manager was told. */
static void check_revoked(struct sim *s)
{
    const struct quorum_record *r = &s->m.run.memory.quorum;
    uint64_t revoked = 0;
    for (int i = 0; i < s->n_nodes; i++)
        if (s->nodes[i].recovery && s->nodes[i].upstream < 0 && !s->nodes[i].streaming)
            revoked |= BIT(i);
    if (!quorum_revoked(r, &s->m.view, revoked))
        sim_check_fail(s, "I2: a quorum is revoked before a node is promoted", "revoked %llx",
                       (unsigned long long)revoked);
}

static void check_promote(struct sim *s, int node)
{
    const struct failover *f = &s->m.run;
    for (int w = 0; w < SIM_WORKERS; w++)
        if (s->workers[w].drained < f->hold_epoch || s->workers[w].writer >= 0)
            sim_check_fail(s, "promote only after the barrier", "worker %d drained %llu of %llu", w,
                           (unsigned long long)s->workers[w].drained,
                           (unsigned long long)f->hold_epoch);
    if (s->durable.step != FAILOVER_PROMOTING ||
        strcmp(s->durable.target, s->m.view.nodes[node].name) != 0 ||
        s->durable.epoch < f->hold_epoch)
        sim_check_fail(s, "promote only after the journal", "journal has step %d target %s",
                       s->durable.step, s->durable.target);
    if (s->quorum.k) {
        check_revoked(s);
        has_all(s, node, "I3: who is promoted has every acknowledged write");
    }
    for (int i = 0; i < s->n_nodes; i++)
        if (f->candidates.reason[i] == CANDIDATE_OK && s->nodes[i].upstream < 0 &&
            s->nodes[i].recovery && s->nodes[i].branch == s->nodes[node].branch &&
            s->nodes[i].flush > s->nodes[node].flush)
            sim_check_fail(s, "the most advanced candidate is promoted",
                           "node %d has %llu, node %d has %llu", i,
                           (unsigned long long)s->nodes[i].flush, node,
                           (unsigned long long)s->nodes[node].flush);
}

void sim_check_effect(struct sim *s, const struct failover_effect *fx)
{
    if (s->m.view.tilt)
        sim_check_fail(s, "no effect in TILT", "%s", failover_effect_name(fx->kind));
    if (fx->kind == FX_PROMOTE)
        check_promote(s, fx->node);
}

static bool hears(const struct sim *s, int i, int writer)
{
    const struct sim_node *n = &s->nodes[i];
    const struct view_node *v = &s->m.view.nodes[i];
    return n->up && !n->frozen && n->recovery && n->upstream == writer && n->streaming &&
           n->timeline == v->timeline && s->now - n->streaming_since > 3 * SIM_SEC &&
           s->now - n->heard_at < 100 * SIM_MS && v->health.verdict == HEALTH_OK && v->seen &&
           v->obs.received_at > s->m.view.nodes[writer].health.suspect_at + 50 * SIM_MS &&
           sim_manager_now(s) - v->obs.received_at < 600 * SIM_MS;
}

void sim_check_start(struct sim *s, enum failover_kind kind)
{
    int writer = s->check.newest_writer;
    if (kind != FAILOVER_UNPLANNED || writer < 0 || !s->nodes[writer].up || s->nodes[writer].frozen)
        return;
    if (s->m.topology.version == 0 || s->m.view.nodes[writer].timeline != s->nodes[writer].timeline)
        return;
    for (int i = 0; i < s->n_nodes; i++)
        if (i != writer && hears(s, i, writer))
            sim_check_fail(s, "no failover while a replica hears the writer",
                           "node %d hears node %d", i, writer);
}

void sim_check_ack(struct sim *s, int worker, int node, uint64_t epoch, uint32_t branch, lsn_t lsn)
{
    struct sim_check *c = &s->check;
    if (epoch < SIM_EPOCHS_MAX) {
        if (c->epoch_acks[epoch] && c->epoch_acks[epoch] != node + 1)
            sim_check_fail(s, "one node acknowledges in an epoch", "epoch %llu: %d and %d",
                           (unsigned long long)epoch, c->epoch_acks[epoch] - 1, node);
        c->epoch_acks[epoch] = node + 1;
    }
    if (c->newest_writer != node && c->newest_writer_at > epoch)
        sim_check_fail(s, "nobody acknowledges after a successor was announced",
                       "node %d in epoch %llu, worker %d", node, (unsigned long long)epoch, worker);
    if (branch != c->acked_branch || lsn > c->acked_lsn) {
        c->acked_branch = branch;
        c->acked_lsn = lsn;
    }
    c->acked_at = s->now;
    c->acks++;
}

void sim_check_always(struct sim *s)
{
    static usec_t entered;
    static enum failover_state state;
    static usec_t since;
    const struct failover *f = &s->m.run;
    if (!s->m.alive)
        return;
    if (s->now < entered || failover_state_of(f) != state || f->since != since) {
        entered = s->now;
        state = failover_state_of(f);
        since = f->since;
    }
    if (failover_running(f) && s->now - entered > STATE_TIME_MAX)
        sim_check_fail(s, "every state of a run has an end", "%s since %lld ms",
                       failover_state_name(state), (long long)((s->now - entered) / SIM_MS));
}

static bool may_follow(const struct sim_node *n, const struct sim_node *w)
{
    return n->up && n->recovery && sim_pg_has(w, n->branch, n->flush);
}

static int followers_of(const struct sim *s, int w)
{
    int n = 0;
    for (int i = 0; w >= 0 && i < s->n_nodes; i++)
        n += i != w && may_follow(&s->nodes[i], &s->nodes[w]);
    return n;
}

/* Quorum mode waits for replicas that are not there: diverged old primaries need somebody to rebuild them. */
static bool hopeless(const struct sim *s)
{
    const int writer = view_find(&s->m.view, s->m.run.memory.writer);
    return s->quorum.k && followers_of(s, writer) < s->quorum.k;
}

/* A replica that we never pointed may have become a cascade behind somebody's back: it has all, and we leave it. */
static bool strays(const struct sim *s, int i, int w)
{
    const struct sim_node *n = &s->nodes[i];
    if (n->streaming && !n->use_slot && n->upstream >= 0 && s->nodes[n->upstream].recovery &&
        s->nodes[n->upstream].upstream == w)
        return false;
    return i != w && may_follow(n, &s->nodes[w]) && (!n->streaming || n->upstream != w);
}

bool sim_check_calm(struct sim *s)
{
    const int w = s->m.topology.writer;
    if (w < 0 || !s->m.alive || failover_running(&s->m.run) ||
        s->now - s->check.acked_at > 3 * SIM_SEC)
        return false;
    for (int i = 0; i < s->n_nodes; i++)
        if (strays(s, i, w) || s->nodes[i].starting)
            return false;
    return true;
}

void sim_check_end(struct sim *s)
{
    int w = s->m.topology.writer;
    if (hopeless(s))
        return;
    if (w < 0) {
        sim_check_fail(s, "in the end there is a writer", "state %s, verdict %s",
                       failover_state_name(failover_state_of(&s->m.run)),
                       decide_verdict_name(s->m.verdict));
        return;
    }
    if (failover_running(&s->m.run))
        sim_check_fail(s, "in the end no run goes on", "state %s",
                       failover_state_name(failover_state_of(&s->m.run)));
    if (s->now - s->check.acked_at > 3 * SIM_SEC)
        sim_check_fail(s, "in the end writes succeed", "last one %lld ms ago",
                       (long long)((s->now - s->check.acked_at) / SIM_MS));
    for (int i = 0; i < s->n_nodes; i++)
        if (strays(s, i, w))
            sim_check_fail(s, "in the end all that can follow the writer do",
                           "node %d follows %d, writer is %d", i, s->nodes[i].upstream, w);
}
