#include <string.h>

#include "../../replication/base/bug.h"
#include "sim.h"

#define STREAM_EVERY (20 * SIM_MS)
#define HEAL_AFTER   (40 * SIM_SEC)
#define REST         (60 * SIM_SEC)
#define CALM         (10 * SIM_SEC) /* of this the end of a run may be told */

static void configure(struct sim *s)
{
    static const int sizes[] = {3, 3, 3, 2, 4, 5, 1, 3, 6, 7};
    s->n_nodes = sizes[sim_below(s, 10)];
    quorum_policy_default(&s->quorum);
    if (s->n_nodes > 1 && sim_chance(s, 50))
        s->quorum.k = 1 + (int)sim_below(s, (uint32_t)(s->n_nodes > 4 ? 3 : s->n_nodes - 1));
    if (s->bug == SIM_BUG_NO_SETTLE)
        s->quorum.settle = 0;
    s->delay_max = 300 + (usec_t)sim_below(s, sim_chance(s, 20) ? 30000 : 3000);
    health_policy_default(&s->health);
    lag_policy_default(&s->lag);
    decide_policy_default(&s->decide);
    failover_policy_default(&s->failover);
    s->decide.mode = FAILOVER_AUTOMATIC;
    s->decide.quorum = s->failover.quorum = s->quorum;
    s->failover.wait_timeout = 10 * SIM_SEC;
    s->failover.promote_timeout = 8 * SIM_SEC;
    s->write_every = (sim_chance(s, 50) ? 40 : 300) * SIM_MS;
    s->bypass_every = (20 + (usec_t)sim_below(s, 480)) * SIM_MS;
    s->heal_at = HEAL_AFTER;
    s->end_at = HEAL_AFTER + REST;
    /* A manager's clock does not begin at zero: that would hide "never" taken for a moment. */
    s->clock_offset = 1000 * SIM_SEC;
    s->check.newest_writer = -1;
}

static void dispatch(struct sim *s, const struct sim_event *ev)
{
    switch (ev->kind) {
    case SIM_EV_TICK:
    case SIM_EV_PROBE_AT:
    case SIM_EV_PROBE_BACK:
    case SIM_EV_PROBE_LATE:
    case SIM_EV_ACTION_AT:
    case SIM_EV_ACTION_BACK:
    case SIM_EV_ACTION_LATE:
        sim_manager_event(s, ev);
        break;
    case SIM_EV_PROMOTED:
    case SIM_EV_UP:
        sim_pg_event(s, ev);
        break;
    case SIM_EV_STREAM:
        sim_pg_stream(s);
        sim_proxy_synced(s);
        sim_push(s, STREAM_EVERY, *ev);
        break;
    case SIM_EV_CLIENT:
    case SIM_EV_WRITE_AT:
    case SIM_EV_BYPASS:
    case SIM_EV_WRITE_BACK:
    case SIM_EV_ADOPT:
    case SIM_EV_GRACE:
        sim_proxy_event(s, ev);
        break;
    case SIM_EV_FAULT:
    case SIM_EV_UNDO:
    case SIM_EV_HEAL:
    case SIM_EV_RESTART:
        sim_faults_event(s, ev);
        break;
    case SIM_EV_OPERATOR:
        s->m.switchover_wanted = true;
        break;
    case SIM_EV_NONE:
    case SIM_EV_NR:
        BUG("an event without a kind");
    }
}

/* Calm for long enough after the faults: nothing more will happen. */
static bool over(struct sim *s)
{
    if (s->now > s->end_at)
        return true;
    if (!s->healed || !sim_check_calm(s))
        s->calm_since = 0;
    else if (!s->calm_since)
        s->calm_since = s->now;
    return s->calm_since && s->now - s->calm_since > CALM;
}

/* For people: where everybody was when it ended. */
static void dump(struct sim *s)
{
    const struct quorum_record *r = &s->m.run.memory.quorum;
    for (int i = 0; s->trace && i < s->n_nodes; i++) {
        const struct sim_node *n = &s->nodes[i];
        sim_trace(
            s,
            "node %d: %s%s%s timeline %u branch %u flush %llu confirmed %llu follows %d%s%s%s [%s]",
            i, n->up ? "up" : "down", n->frozen ? " frozen" : "",
            n->recovery ? " replica" : " primary", n->timeline, n->branch,
            (unsigned long long)n->flush, (unsigned long long)n->confirmed, n->upstream,
            n->streaming ? " streaming" : "", n->app ? " named" : "",
            n->read_only ? " read-only" : "", n->sync.text);
    }
    for (int i = 0; s->trace && i < r->n; i++)
        sim_trace(s, "record %d: any %d of %d", i, r->c[i].k, r->c[i].n);
}

bool sim_run(struct sim *s, uint64_t seed, enum sim_bug bug, bool trace)
{
    struct sim_event ev;
    memset(s, 0, sizeof(*s));
    s->seed = seed;
    s->bug = bug;
    s->trace = trace;
    s->hash = UINT64_C(14695981039346656037);
    prng_init(&s->prng, seed);
    configure(s);
    sim_pg_init(s);
    sim_manager_start(s);
    sim_proxy_start(s);
    sim_faults_init(s);
    sim_push(s, STREAM_EVERY, (struct sim_event){.kind = SIM_EV_STREAM});
    if (s->quorum.k)
        sim_push(s, SIM_SEC, (struct sim_event){.kind = SIM_EV_BYPASS});
    if (sim_chance(s, 50))
        sim_push(s, (5 + (usec_t)sim_below(s, 30)) * SIM_SEC,
                 (struct sim_event){.kind = SIM_EV_OPERATOR});
    while (!s->check.broken && sim_pop(s, &ev)) {
        if (ev.kind == SIM_EV_STREAM && over(s))
            break;
        dispatch(s, &ev);
        sim_check_always(s);
    }
    if (!s->check.broken)
        sim_check_end(s);
    if (s->check.broken)
        dump(s);
    return s->check.broken == NULL;
}

const char *sim_bug_name(enum sim_bug b)
{
    static const char *const names[SIM_BUG_NR] = {
        [SIM_BUG_NONE] = "none",
        [SIM_BUG_NO_BARRIER] = "no-barrier",
        [SIM_BUG_LEAST_ADVANCED] = "least-advanced",
        [SIM_BUG_IGNORE_VETO] = "ignore-veto",
        [SIM_BUG_EPOCH_KEPT] = "epoch-kept",
        [SIM_BUG_EARLY_DRAIN] = "early-drain",
        [SIM_BUG_JOURNAL_LIES] = "journal-lies",
        [SIM_BUG_SHORT_SWITCHOVER] = "short-switchover",
        [SIM_BUG_REVOKE_LESS] = "revoke-less",
        [SIM_BUG_NO_SETTLE] = "no-settle",
        [SIM_BUG_FORGET_OPEN] = "forget-open",
        [SIM_BUG_FORGET_OLD] = "forget-old",
        [SIM_BUG_LATE_NAMES] = "late-names",
        [SIM_BUG_REVOKE_LIES] = "revoke-lies",
        [SIM_BUG_STALE_POSITIONS] = "stale-positions",
        [SIM_BUG_COUNT_ALL] = "count-all",
        [SIM_BUG_STALE_WATCH] = "stale-watch",
        [SIM_BUG_NO_INTENT] = "no-intent",
    };
    return (unsigned)b < SIM_BUG_NR ? names[b] : "invalid";
}
