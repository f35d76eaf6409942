/* Routing, exhaustively over a small domain: a writer or none, up to three replicas in every state, a session that is dirty,
 * has a floor or none, and every policy. A second, naive reading of the rules says what must never happen. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../proxy/core/route.h"

enum { FLOOR = 1000 };

static void test_reasons_have_names(void **state)
{
    (void)state;
    for (int i = RR_NONE + 1; i < RR_NR; i++) {
        assert_true(strlen(route_reason_token((enum route_reason)i)) > 0);
        assert_true(strlen(route_reason_text((enum route_reason)i)) > 0);
        for (int j = RR_NONE + 1; j < i; j++)
            assert_string_not_equal(route_reason_token((enum route_reason)i),
                                    route_reason_token((enum route_reason)j));
    }
    assert_string_equal(route_reason_token(RR_NONE), "none");
    assert_string_equal(route_reason_token(RR_NR), "none");
}

/* -- the whole domain ------------------------------------------------------------------------------------------------ */

/* States of a replica: readable and ahead, readable and behind, readable on an old timeline, weight 0, then every reason. */
enum {
    REP_AHEAD,
    REP_BEHIND,
    REP_OLD_TIMELINE,
    REP_LIGHT,
    REP_UNREADABLE,
    REP_NR = REP_UNREADABLE + READ_NR - 1
};

static void make_replica(struct topo_node *n, int kind)
{
    *n =
        (struct topo_node){.role = ROLE_REPLICA, .weight = 100, .timeline = 2, .replay_lsn = FLOOR};
    if (kind == REP_BEHIND)
        n->replay_lsn = FLOOR - 1;
    if (kind == REP_OLD_TIMELINE)
        n->timeline = 1;
    if (kind == REP_LIGHT)
        n->weight = 0;
    if (kind >= REP_UNREADABLE)
        n->unreadable = (enum topo_unreadable)(READ_OK + 1 + kind - REP_UNREADABLE);
}

struct session {
    bool dirty, has_floor;
    int sample; /* 0: none, 1: older than the write, 2: later */
};

static struct freshness floor_of(const struct session *s)
{
    return (struct freshness){
        .dirty = s->dirty, .dirty_since = 50, .timeline = 2, .lsn = s->has_floor ? FLOOR : 0};
}

/* May this replica serve the read? Written without the tricks of route.c. */
static bool may_serve(const struct route_in *in, const struct freshness *after, int i)
{
    const struct topo_node *n = &in->topo->nodes[i];
    if (i == in->topo->writer || n->role != ROLE_REPLICA || n->unreadable != READ_OK)
        return false;
    if ((in->level == CONSISTENCY_EVENTUAL))
        return true;
    if (after->dirty)
        return false;
    return after->lsn == 0 || (n->timeline == in->topo->timeline && n->replay_lsn >= after->lsn);
}

static bool readable(const struct route_in *in, int i)
{
    const struct topo_node *n = &in->topo->nodes[i];
    return i != in->topo->writer && n->role == ROLE_REPLICA && n->unreadable == READ_OK;
}

static void check(const struct route_in *in, const struct freshness *before)
{
    const struct topology *t = in->topo;
    const struct freshness *f = in->fresh;
    const struct route_out out = route_decide(in);
    bool any = false, any_readable = false;
    for (int i = 0; i < t->n_nodes; i++) {
        any |= may_serve(in, f, i);
        any_readable |= readable(in, i);
    }
    /* Dirty clears only by a later sample; the floor never goes back. */
    if (before->dirty && !f->dirty)
        assert_true(t->sample.sent_at > before->dirty_since);
    assert_true(f->dirty <= before->dirty && f->lsn >= before->lsn);
    assert_true(out.reason > RR_NONE && out.reason < RR_NR);
    if (out.kind != ROUTE_TO_NODE) {
        assert_int_equal(out.node, -1);
    } else {
        assert_in_range(out.node, 0, t->n_nodes - 1);
        if (out.node != t->writer) { /* a replica */
            assert_true(in->read || in->force_replica);
            assert_false(in->retry);
            assert_true(may_serve(in, f, out.node));
            assert_int_equal(out.reason, RR_READ);
            if (!in->force_replica)
                assert_true(in->split && !in->force_primary);
        }
    }
    if (out.kind == ROUTE_REFUSE) {
        assert_int_equal(in->when_no_replica, 3);
        assert_int_equal(out.reason, RR_NO_REPLICA);
        assert_false(any);
    }
    const bool asks_replicas =
        !in->retry && (in->force_replica || (!in->force_primary && in->split && in->read));
    if (!asks_replicas) { /* the primary or nothing */
        assert_int_equal(out.kind, t->writer >= 0 ? ROUTE_TO_NODE : ROUTE_HOLD);
        assert_int_equal(out.node, t->writer);
        assert_false(out.want_sample);
        return;
    }
    if (any) { /* a replica that may serve does serve */
        assert_int_equal(out.kind, ROUTE_TO_NODE);
        assert_true(out.node != t->writer);
        assert_false(out.want_sample);
        return;
    }
    const bool only_position = in->level != CONSISTENCY_EVENTUAL && any_readable;
    assert_int_equal(out.want_sample, only_position);
    if (in->force_replica) { /* never the primary */
        assert_int_equal(out.kind,
                         in->when_no_replica == 3 && !only_position ? ROUTE_REFUSE : ROUTE_HOLD);
    } else if (only_position || in->when_no_replica == 1) {
        assert_int_equal(out.kind, t->writer >= 0 ? ROUTE_TO_NODE : ROUTE_HOLD);
        assert_int_equal(out.node, t->writer);
    } else {
        assert_int_equal(out.kind, in->when_no_replica == 2 ? ROUTE_HOLD : ROUTE_REFUSE);
    }
}

static unsigned check_policies(const struct topology *t, const struct session *s)
{
    static const uint32_t in_flight[TOPO_NODES_MAX];
    static struct balance_state st;
    static struct prng prng = {{1, 2, 3, 4}};
    unsigned n = 0;
    for (unsigned bits = 0; bits < 64; bits++)
        for (int when = 1; when <= 3; when++, n++) {
            const struct freshness before = floor_of(s);
            struct freshness f = before;
            const struct route_in in = {.topo = t,
                                        .fresh = &f,
                                        .read = bits & 1,
                                        .force_primary = bits & 2,
                                        .force_replica = bits & 4,
                                        .retry = bits & 8,
                                        .split = bits & 16,
                                        .level =
                                            bits & 32 ? CONSISTENCY_EVENTUAL : CONSISTENCY_SESSION,
                                        .when_no_replica = when,
                                        .balance = {.policy = BALANCE_LEAST_BUSY},
                                        .in_flight = in_flight,
                                        .balance_state = &st,
                                        .prng = &prng};
            check(&in, &before);
        }
    return n;
}

static unsigned check_sessions(struct topology *t)
{
    unsigned n = 0;
    for (int i = 0; i < 12; i++) {
        const struct session s = {.dirty = i & 1, .has_floor = i & 2, .sample = i / 4};
        t->sample = (struct topo_sample){.sent_at = s.sample == 2   ? 60
                                                    : s.sample == 1 ? 40
                                                                    : 0,
                                         .flush_lsn = FLOOR,
                                         .insert_lsn = FLOOR,
                                         .flush_covers = true};
        n += check_policies(t, &s);
    }
    return n;
}

static void test_whole_domain(void **state)
{
    (void)state;
    static struct topology t;
    unsigned n = 0, kinds_nr = 1;
    for (int replicas = 0; replicas <= 3; replicas++, kinds_nr *= REP_NR)
        for (unsigned kinds = 0; kinds < kinds_nr; kinds++)
            for (int writer = 0; writer < 2; writer++) {
                unsigned k = kinds;
                bool sorted = true; /* of replicas in other order, one order is enough */
                t = (struct topology){.timeline = 2, .epoch = 1, .writer = TOPO_NO_WRITER};
                t.nodes[0] = (struct topo_node){.role = writer ? ROLE_PRIMARY : ROLE_UNKNOWN,
                                                .unreadable = writer ? READ_NOT_REPLICA : READ_DOWN,
                                                .timeline = 2};
                if (writer)
                    t.writer = 0;
                for (int i = 1; i <= replicas; i++, k /= REP_NR) {
                    make_replica(&t.nodes[i], (int)(k % REP_NR));
                    sorted &= i == replicas || k % REP_NR <= k / REP_NR % REP_NR;
                }
                t.n_nodes = (uint16_t)(1 + replicas);
                if (sorted)
                    n += check_sessions(&t);
            }
    assert_true(n > 1000000);
}

/* Replicas that may serve are all used. */
/* A writer that does not answer, but is not given up (a replica may still hear it): hold, whatever the policy. */
static void test_silent_writer(void **state)
{
    (void)state;
    static struct topology t;
    struct freshness floor = {0};
    struct balance_state balance = {0};
    struct prng prng;
    const uint32_t in_flight[TOPO_NODES_MAX] = {0};
    prng_init(&prng, 1);
    memset(&t, 0, sizeof(t));
    t.n_nodes = 1;
    t.nodes[0].role = ROLE_PRIMARY;
    struct route_in in = {.topo = &t,
                          .fresh = &floor,
                          .split = true,
                          .when_no_replica = 1,
                          .balance = {.policy = BALANCE_LEAST_BUSY},
                          .in_flight = in_flight,
                          .balance_state = &balance,
                          .prng = &prng};
    assert_int_equal(route_decide(&in).kind, ROUTE_TO_NODE);
    t.nodes[0].unreadable = READ_DOWN;
    for (int read = 0; read < 2; read++) {
        in.read = read;
        assert_int_equal(route_decide(&in).kind, ROUTE_HOLD);
        assert_int_equal(route_decide(&in).reason, RR_NO_WRITER);
    }
}

/* Nodes that take no logins now: others serve, the primary too; if nobody else may, they are waited for. */
static void test_avoids(void **state)
{
    (void)state;
    static struct topology t;
    static const uint32_t in_flight[TOPO_NODES_MAX];
    static const struct {
        uint64_t avoid;
        int when_no_replica;
        bool force_replica, no_writer;
        int among; /* bits of the nodes that may be chosen */
    } rows[] = {
        {.avoid = 2, .when_no_replica = 1, .among = 4},
        {.avoid = 4, .when_no_replica = 2, .among = 2},
        {.avoid = 6, .when_no_replica = 1, .among = 1},
        {.avoid = 7, .when_no_replica = 1, .among = 1},
        {.avoid = 6, .when_no_replica = 1, .no_writer = true, .among = 6},
        {.avoid = 6, .when_no_replica = 2, .among = 6},
        {.avoid = 6, .when_no_replica = 3, .among = 6},
        {.avoid = 6, .when_no_replica = 1, .force_replica = true, .among = 6},
        {.avoid = 1, .when_no_replica = 1, .among = 6},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct freshness f = {0};
        struct balance_state st = {0};
        struct prng prng;
        prng_init(&prng, i + 1);
        t = (struct topology){.timeline = 2, .n_nodes = 3};
        t.writer = rows[i].no_writer ? TOPO_NO_WRITER : 0;
        t.nodes[0] = (struct topo_node){.role = ROLE_PRIMARY, .timeline = 2};
        make_replica(&t.nodes[1], REP_AHEAD);
        make_replica(&t.nodes[2], REP_AHEAD);
        const struct route_in in = {.topo = &t,
                                    .fresh = &f,
                                    .read = true,
                                    .split = true,
                                    .avoid = rows[i].avoid,
                                    .force_replica = rows[i].force_replica,
                                    .when_no_replica = rows[i].when_no_replica,
                                    .balance = {.policy = BALANCE_LEAST_BUSY},
                                    .in_flight = in_flight,
                                    .balance_state = &st,
                                    .prng = &prng};
        int seen = 0;
        for (int k = 0; k < 50; k++) {
            const struct route_out out = route_decide(&in);
            assert_int_equal(out.kind, ROUTE_TO_NODE);
            seen |= 1 << out.node;
        }
        assert_int_equal(seen, rows[i].among);
    }
}

static void test_spreads(void **state)
{
    (void)state;
    static struct topology t;
    static const uint32_t in_flight[TOPO_NODES_MAX];
    struct freshness f = {0};
    struct balance_state st = {0};
    struct prng prng;
    unsigned seen[4] = {0};
    prng_init(&prng, 1);
    t = (struct topology){.timeline = 2, .n_nodes = 4, .writer = 0};
    t.nodes[0] = (struct topo_node){.role = ROLE_PRIMARY, .timeline = 2};
    for (int i = 1; i < 4; i++)
        make_replica(&t.nodes[i], REP_AHEAD);
    for (unsigned i = 0; i < 300; i++) {
        const struct route_in in = {.topo = &t,
                                    .fresh = &f,
                                    .read = true,
                                    .split = true,
                                    .when_no_replica = 1,
                                    .balance = {.policy = BALANCE_ROUND_ROBIN},
                                    .in_flight = in_flight,
                                    .balance_state = &st,
                                    .prng = &prng};
        seen[route_decide(&in).node]++;
    }
    assert_int_equal(seen[0], 0);
    for (int i = 1; i < 4; i++)
        assert_int_equal(seen[i], 100);
}

/* Zones that are forbidden are never used; nodes that are full are passed over or waited for; the primary has its share if it
 * is given one; a session's home is kept as long as it may serve. Node 0 is the primary, 1 and 2 are replicas. */
static void test_rules(void **state)
{
    (void)state;
    static struct topology t;
    static const uint32_t in_flight[TOPO_NODES_MAX];
    static const struct {
        bool write, force_replica, dirty, drained;
        uint64_t forbidden, full, only;
        int home, when_no_replica;
        uint32_t primary_weight;
        int among; /* bits of the nodes that may be chosen; 0: kind and reason */
        enum route_kind kind;
        enum route_reason reason;
    } rows[] = {
        {.forbidden = 2, .among = 4},
        {.forbidden = 3, .among = 4},
        {.forbidden = 6, .among = 1},
        {.forbidden = 7, .kind = ROUTE_REFUSE, .reason = RR_ZONE},
        {.forbidden = 7, .when_no_replica = 2, .kind = ROUTE_HOLD, .reason = RR_NO_REPLICA},
        {.forbidden = 6, .force_replica = true, .kind = ROUTE_HOLD, .reason = RR_NO_REPLICA},
        {.forbidden = 1, .dirty = true, .kind = ROUTE_HOLD, .reason = RR_DIRTY},
        {.forbidden = 6, .write = true, .among = 1},
        {.forbidden = 1, .write = true, .kind = ROUTE_REFUSE, .reason = RR_ZONE},
        {.forbidden = 1, .primary_weight = 5, .among = 6},
        {.forbidden = 2, .only = 2, .among = 1},
        {.forbidden = 2, .home = 2, .among = 4},
        {.full = 2, .among = 4},
        {.full = 6, .kind = ROUTE_QUEUE, .reason = RR_FULL},
        {.full = 1, .among = 6},
        {.full = 1, .write = true, .kind = ROUTE_QUEUE, .reason = RR_FULL},
        {.full = 1, .dirty = true, .kind = ROUTE_QUEUE, .reason = RR_FULL},
        {.full = 6, .primary_weight = 1, .among = 1},
        {.full = 2, .home = 2, .among = 4},
        {.home = 2, .among = 2},
        {.home = 3, .among = 4},
        {.home = 1, .among = 6},
        {.home = 1, .primary_weight = 1, .among = 1},
        {.primary_weight = 1, .among = 7},
        {.primary_weight = 1, .drained = true, .among = 6},
        {.primary_weight = 1, .force_replica = true, .among = 6},
        {.primary_weight = 1, .only = 4, .among = 4},
        {.primary_weight = 1, .forbidden = 6, .among = 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct freshness f = {.dirty = rows[i].dirty, .dirty_since = 50};
        struct balance_state st = {0};
        struct prng prng;
        prng_init(&prng, i + 1);
        t = (struct topology){.timeline = 2, .n_nodes = 3};
        t.nodes[0] = (struct topo_node){
            .role = ROLE_PRIMARY, .timeline = 2, .weight = 1, .drained = rows[i].drained};
        make_replica(&t.nodes[1], REP_AHEAD);
        make_replica(&t.nodes[2], REP_AHEAD);
        t.nodes[1].weight = t.nodes[2].weight = 1;
        const struct route_in in = {.topo = &t,
                                    .fresh = &f,
                                    .read = !rows[i].write,
                                    .split = true,
                                    .level = CONSISTENCY_SESSION,
                                    .force_replica = rows[i].force_replica,
                                    .forbidden = rows[i].forbidden,
                                    .full = rows[i].full,
                                    .only = rows[i].only,
                                    .home = rows[i].home,
                                    .primary_weight = rows[i].primary_weight,
                                    .when_no_replica =
                                        rows[i].when_no_replica ? rows[i].when_no_replica : 1,
                                    .balance = {.policy = BALANCE_LEAST_BUSY},
                                    .in_flight = in_flight,
                                    .balance_state = &st,
                                    .prng = &prng};
        int seen = 0;
        for (int k = 0; k < 50; k++) {
            const struct route_out out = route_decide(&in);
            if (!rows[i].among) {
                if (out.kind != rows[i].kind || out.reason != rows[i].reason)
                    fail_msg("row %zu: kind %d, %s", i, (int)out.kind,
                             route_reason_token(out.reason));
                continue;
            }
            assert_int_equal(out.kind, ROUTE_TO_NODE);
            seen |= 1 << out.node;
        }
        if (seen != rows[i].among)
            fail_msg("row %zu: nodes %x", i, (unsigned)seen);
    }
}

/* A session that reads on without a pause is bound to its replica. When that has had too many reads it waits to be free. */
static void test_turns(void **state)
{
    (void)state;
    static struct topology t;
    static const uint32_t in_flight[TOPO_NODES_MAX];
    struct freshness f = {0};
    struct balance_state st = {0};
    struct prng prng;
    prng_init(&prng, 1);
    t = (struct topology){.timeline = 2, .n_nodes = 3};
    t.nodes[0] = (struct topo_node){.role = ROLE_PRIMARY, .timeline = 2};
    for (int i = 1; i < 3; i++) {
        make_replica(&t.nodes[i], REP_AHEAD);
        t.nodes[i].incarnation = 7;
        t.nodes[i].lag_known = true;
    }
    struct route_in in = {.topo = &t,
                          .fresh = &f,
                          .read = true,
                          .split = true,
                          .may_wait = true,
                          .turn = true,
                          .level = CONSISTENCY_SESSION,
                          .when_no_replica = 1,
                          .balance = {.policy = BALANCE_LEAST_BUSY},
                          .in_flight = in_flight,
                          .balance_state = &st,
                          .prng = &prng};
    struct route_out out = route_decide(&in);
    const int at = out.node, other = 3 - at;
    int reads = 1;
    for (freshness_replica(&f, at, 7, 100); !(out = route_decide(&in)).turns; reads++) {
        assert_int_equal(out.node, at);
        assert_true(reads < 100);
    }
    assert_int_equal(out.kind, ROUTE_WAIT);
    in.turn = false; /* it may not yet */
    assert_int_equal(route_decide(&in).node, at);
    in.turn = in.turning = true;
    assert_true(route_waits(&in));
    t.nodes[at].replay_at = t.nodes[other].replay_at = 200; /* the sample comes */
    assert_false(route_waits(&in));
    assert_int_equal(route_decide(&in).node, other);
    freshness_replica(&f, at, 7, 300);
    in.turning = false;
    in.home = at + 1; /* balance_by = session: it stays */
    assert_int_equal(route_decide(&in).node, at);
}

/* Waiting: only while there is time, and only for replicas that are near. */
static void test_waits(void **state)
{
    (void)state;
    static struct topology t;
    static const uint32_t in_flight[TOPO_NODES_MAX];
    static const struct {
        enum consistency level;
        bool dirty, open, may_wait;
        usec_t lag;      /* of both replicas; -1: not known */
        usec_t fresh_at; /* of both */
        usec_t max_lag;
        lsn_t floor;
        enum route_kind kind;
        enum route_reason reason;
    } rows[] = {
        {CONSISTENCY_SESSION, .kind = ROUTE_TO_NODE, .reason = RR_READ},
        {CONSISTENCY_SESSION, .dirty = true, .may_wait = true, .kind = ROUTE_WAIT,
         .reason = RR_DIRTY},
        {CONSISTENCY_SESSION, .dirty = true, .kind = ROUTE_TO_NODE, .reason = RR_DIRTY},
        {CONSISTENCY_SESSION, .dirty = true, .may_wait = true, .lag = 51, .kind = ROUTE_TO_NODE,
         .reason = RR_DIRTY},
        {CONSISTENCY_SESSION, .dirty = true, .may_wait = true, .lag = -1, .kind = ROUTE_WAIT,
         .reason = RR_DIRTY},
        {CONSISTENCY_SESSION, .floor = FLOOR + 1, .may_wait = true, .kind = ROUTE_WAIT,
         .reason = RR_FLOOR},
        {CONSISTENCY_SESSION, .floor = FLOOR + 1, .kind = ROUTE_TO_NODE, .reason = RR_FLOOR},
        {CONSISTENCY_SESSION, .open = true, .may_wait = true, .kind = ROUTE_WAIT,
         .reason = RR_OPEN},
        {CONSISTENCY_EVENTUAL, .dirty = true, .open = true, .floor = FLOOR + 1, .may_wait = true,
         .kind = ROUTE_TO_NODE, .reason = RR_READ},
        {CONSISTENCY_EVENTUAL, .max_lag = 100, .fresh_at = 900, .kind = ROUTE_TO_NODE,
         .reason = RR_READ},
        {CONSISTENCY_BOUNDED, .max_lag = 100, .fresh_at = 900, .kind = ROUTE_TO_NODE,
         .reason = RR_READ},
        {CONSISTENCY_BOUNDED, .max_lag = 100, .fresh_at = 899, .may_wait = true, .kind = ROUTE_WAIT,
         .reason = RR_BOUND},
        {CONSISTENCY_BOUNDED, .max_lag = 100, .fresh_at = 899, .kind = ROUTE_TO_NODE,
         .reason = RR_BOUND},
        {CONSISTENCY_BOUNDED, .max_lag = 100, .fresh_at = 0, .kind = ROUTE_TO_NODE,
         .reason = RR_BOUND},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct balance_state st = {0};
        struct prng prng;
        struct freshness f = {.dirty = rows[i].dirty,
                              .dirty_since = 50,
                              .open = rows[i].open,
                              .node = 0, /* not one of the replicas any more */
                              .read_at = 50,
                              .timeline = 2,
                              .lsn = rows[i].floor};
        prng_init(&prng, i + 1);
        t = (struct topology){.timeline = 2, .n_nodes = 3};
        t.nodes[0] = (struct topo_node){.role = ROLE_PRIMARY, .timeline = 2};
        for (int k = 1; k < 3; k++) {
            make_replica(&t.nodes[k], REP_AHEAD);
            t.nodes[k].lag_known = rows[i].lag >= 0;
            t.nodes[k].lag = rows[i].lag;
            t.nodes[k].fresh_at = rows[i].fresh_at;
        }
        const struct route_in in = {.topo = &t,
                                    .fresh = &f,
                                    .read = true,
                                    .split = true,
                                    .level = rows[i].level,
                                    .now = 1010,
                                    .began = 1000,
                                    .max_lag = rows[i].max_lag,
                                    .may_wait = rows[i].may_wait,
                                    .wait = 50,
                                    .when_no_replica = 1,
                                    .balance = {.policy = BALANCE_LEAST_BUSY},
                                    .in_flight = in_flight,
                                    .balance_state = &st,
                                    .prng = &prng};
        assert_int_equal(route_waits(&in), rows[i].kind == ROUTE_WAIT);
        const struct route_out out = route_decide(&in);
        assert_int_equal(out.kind, rows[i].kind);
        assert_int_equal(out.reason, rows[i].reason);
        assert_int_equal(out.want_sample, out.reason != RR_READ);
        if (out.kind == ROUTE_TO_NODE)
            assert_int_equal(out.node == 0, out.reason != RR_READ);
    }
}

/* Limits of a database: wider or narrower than the cluster's, with a memory of their own. */
static void test_own_lag(void **state)
{
    (void)state;
    static struct topology t;
    static const uint32_t in_flight[TOPO_NODES_MAX];
    struct balance_state st = {0};
    struct prng prng;
    struct freshness f = {0};
    struct route_lag lag = {
        .own = true, .max_lag = 1000, .max_lag_bytes = 500, .resume_percent = 70};
    static const struct {
        enum topo_unreadable manager;
        usec_t lag;
        uint64_t bytes;
        bool ok;
    } rows[] = {
        {READ_OK, 0, 0, true},           {READ_LAG_TIME, 1000, 500, true},
        {READ_LAG_TIME, 1001, 0, false}, {READ_OK, 701, 0, false},
        {READ_OK, 700, 351, false},      {READ_OK, 700, 350, true},
        {READ_LAG_BYTES, 0, 501, false}, {READ_LAG_BYTES, 0, 300, true},
        {READ_DRAINED, 0, 0, false},     {READ_OK, 1000, 500, true},
    };
    prng_init(&prng, 1);
    t = (struct topology){.timeline = 2, .n_nodes = 2};
    t.nodes[0] = (struct topo_node){.role = ROLE_PRIMARY, .timeline = 2};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make_replica(&t.nodes[1], REP_AHEAD);
        t.nodes[1].unreadable = rows[i].manager;
        t.nodes[1].lag_known = true;
        t.nodes[1].lag = rows[i].lag;
        t.nodes[1].lag_bytes = rows[i].bytes;
        const struct route_in in = {.topo = &t,
                                    .fresh = &f,
                                    .lag = &lag,
                                    .read = true,
                                    .split = true,
                                    .level = CONSISTENCY_SESSION,
                                    .when_no_replica = 1,
                                    .balance = {.policy = BALANCE_LEAST_BUSY},
                                    .in_flight = in_flight,
                                    .balance_state = &st,
                                    .prng = &prng};
        assert_int_equal(route_decide(&in).node, rows[i].ok ? 1 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reasons_have_names),
        cmocka_unit_test(test_whole_domain),
        cmocka_unit_test(test_avoids),
        cmocka_unit_test(test_spreads),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_own_lag),
        cmocka_unit_test(test_silent_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
