/* The decider: tables for each verdict, the snapshot it proposes, and an exhaustive domain of three nodes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../replication/base/log.h"
#include "../../replication/core/failover.h"
#include "coreview.h"

#define SEC USEC_PER_SEC

static struct view v;
static struct topology prev, next;
static struct decision d;
static struct decide_memory m;
static struct decide_policy p;

/* pg1 announced and published; automatic mode; everything is fine at second 10. */
static void world(int n)
{
    coreview_make(&v, n, 10 * SEC);
    m = coreview_memory();
    decide_policy_default(&p);
    p.mode = FAILOVER_AUTOMATIC;
    p.failover_max_lag = 100;
    memset(&prev, 0, sizeof(prev));
    struct decide_publish what = {.writer = 0, .now = 10 * SEC};
    assert_true(decide_topology(&v, &m, &prev, &what, &next));
    decide_remember(&m, &next);
    prev = next;
}

static void expect(enum decide_verdict verdict, int writer, bool start)
{
    decide(&v, &m, &p, AUTHORITY_HELD, &prev, 10 * SEC, &d);
    assert_string_equal(decide_verdict_name(d.verdict), decide_verdict_name(verdict));
    assert_int_equal(d.writer, writer);
    assert_int_equal(d.start, start);
}

static void steady(void **state)
{
    (void)state;
    for (int n = 1; n <= TOPO_NODES_MAX; n += 21) { /* 1, 22, 43, 64: the same code */
        world(n);
        expect(DECIDE_STEADY, 0, false);
    }
    world(3);
    v.nodes[0].health.verdict = HEALTH_SUSPECT;
    expect(DECIDE_SUSPECT, 0, false);
    coreview_primary(&v, 2, 1, 5000); /* somebody started a copy as a primary */
    expect(DECIDE_SUSPECT, 0, false);
    assert_true(d.fenced == 4);
}

static void failover(void **state)
{
    (void)state;
    world(3);
    coreview_down(&v, 0, 9 * SEC);
    for (int i = 1; i < 3; i++)
        coreview_unfollow(&v, i);
    expect(DECIDE_FAILOVER, TOPO_NO_WRITER, true);
    assert_true(d.holding);
    assert_int_equal(d.candidates.n, 2);
    p.mode = FAILOVER_MANUAL;
    expect(DECIDE_DOWN_MANUAL, TOPO_NO_WRITER, false);
    assert_true(d.holding);
    assert_int_equal(d.candidates.n, 2); /* the operator sees who could */
    p.mode = FAILOVER_FOLLOW;
    expect(DECIDE_DOWN_MANUAL, TOPO_NO_WRITER, false);
    p.mode = FAILOVER_AUTOMATIC;
    for (int i = 1; i < 3; i++)
        coreview_replica(&v, i, -1, 800, 800);
    expect(DECIDE_DOWN_NO_CANDIDATE, TOPO_NO_WRITER, false);
    assert_int_equal(d.candidates.reason[1], CANDIDATE_LAG);
    world(1);
    coreview_down(&v, 0, 9 * SEC);
    expect(DECIDE_DOWN_NO_CANDIDATE, TOPO_NO_WRITER, false);
}

static void veto(void **state)
{
    (void)state;
    world(3);
    coreview_down(&v, 0, 8 * SEC);
    coreview_unfollow(&v, 1);
    v.nodes[2].obs.message_age = SEC / 2; /* heard half a second ago, after the trouble began */
    expect(DECIDE_DOWN_VETOED, 0, false);
    assert_int_equal(d.vetoed_by, 2);
    v.nodes[2].obs.message_age = 2 * SEC; /* at 8 s: not after the first missed probe */
    expect(DECIDE_FAILOVER, TOPO_NO_WRITER, true);
    v.nodes[2].obs.message_age = SEC;
    v.nodes[0].health.suspect_at = 5 * SEC;
    expect(DECIDE_DOWN_VETOED, 0, false);
    v.nodes[2].obs.message_age =
        2 * SEC + 1; /* too long ago: a frozen primary leaves receivers that say "streaming" */
    expect(DECIDE_FAILOVER, TOPO_NO_WRITER, true);
    v.nodes[2].obs.message_age = 0;
    coreview_down(&v, 2, 9 * SEC); /* a witness that does not answer now is none */
    expect(DECIDE_FAILOVER, TOPO_NO_WRITER, true);
    coreview_ok(&v, 2, 10 * SEC);
    v.nodes[2].obs.message_age_known = false;
    expect(DECIDE_FAILOVER, TOPO_NO_WRITER, true);
    coreview_replica(&v, 2, 1, 1000, 1000); /* a cascade hears another replica */
    expect(DECIDE_FAILOVER, TOPO_NO_WRITER, true);
    memcpy(v.nodes[2].obs.sender_host, "alias", 6); /* an unknown name may well be the writer */
    expect(DECIDE_DOWN_VETOED, 0, false);
}

/* It still answers clients of ours, after the trouble began and not long ago. */
static void clients_vote(void **state)
{
    (void)state;
    world(3);
    coreview_down(&v, 0, 8 * SEC);
    coreview_unfollow(&v, 1);
    coreview_unfollow(&v, 2);
    v.heard_at = 9 * SEC;
    expect(DECIDE_DOWN_VETOED, 0, false);
    assert_int_equal(d.vetoed_by, 0);
    p.mode = FAILOVER_MANUAL; /* nor are its clients taken from it */
    expect(DECIDE_DOWN_VETOED, 0, false);
    p.mode = FAILOVER_AUTOMATIC;
    v.heard_at = 8 * SEC - 1;
    expect(DECIDE_FAILOVER, TOPO_NO_WRITER, true);
    v.nodes[0].health.suspect_at = 5 * SEC;
    expect(DECIDE_FAILOVER, TOPO_NO_WRITER, true);
}

/* The path to the writer answers with a reset: the node is down at once, but what the replicas said is older. */
static void votes_are_awaited(void **state)
{
    (void)state;
    world(3);
    coreview_down(&v, 0, 10 * SEC - SEC / 2);
    v.nodes[1].obs.message_age = v.nodes[2].obs.message_age = SEC;
    expect(DECIDE_SUSPECT, 0, false);
    coreview_unfollow(&v, 1);
    expect(DECIDE_SUSPECT, 0, false);
    v.nodes[2].obs.message_age = SEC / 4; /* heard after the trouble began */
    expect(DECIDE_DOWN_VETOED, 0, false);
    v.nodes[2].obs.message_age = SEC;
    coreview_unfollow(&v, 2); /* the last receiver ended: the writer is gone */
    expect(DECIDE_FAILOVER, TOPO_NO_WRITER, true);
    world(3);
    coreview_down(&v, 0, 8 * SEC); /* silent receivers are not waited for for ever */
    v.nodes[1].obs.message_age = v.nodes[2].obs.message_age = 2 * SEC;
    expect(DECIDE_FAILOVER, TOPO_NO_WRITER, true);
}

static void old_primary_returns(void **state)
{
    (void)state;
    world(3);
    memcpy(m.writer, "pg2", 4);
    m.timeline = 2;
    coreview_primary(&v, 1, 2, 1200);
    coreview_replica(&v, 2, 1, 1200, 1200);
    expect(DECIDE_STEADY, 1, false);
    assert_true(d.fenced == 1);
    /* Also when the new writer is down: never back to timeline 1. */
    coreview_down(&v, 1, 9 * SEC);
    coreview_unfollow(&v, 2);
    expect(DECIDE_FAILOVER, TOPO_NO_WRITER, true);
    assert_true(d.fenced & 1);
    assert_int_equal(d.candidates.reason[0], CANDIDATE_NOT_REPLICA);
    coreview_down(&v, 2, 9 * SEC);
    expect(DECIDE_DOWN_NO_CANDIDATE, TOPO_NO_WRITER, false);
}

static void discovery(void **state)
{
    (void)state;
    world(3);
    memset(&m, 0, sizeof(m));
    memset(&prev, 0, sizeof(prev));
    expect(DECIDE_DISCOVERED, 0, false);
    health_init(
        &v.nodes[2].health); /* wait for everybody: the first to answer may be an old primary */
    v.nodes[2].seen = false;
    expect(DECIDE_NONE, TOPO_NO_WRITER, false);
    assert_true(d.holding);
    coreview_down(&v, 2, 5);
    expect(DECIDE_DISCOVERED, 0, false);
    coreview_replica(&v, 0, -1, 1000, 1000);
    expect(DECIDE_NONE, TOPO_NO_WRITER, false);
    /* Two primaries: the one on the newer timeline that others follow. */
    coreview_make(&v, 3, 10 * SEC);
    coreview_primary(&v, 1, 2, 1100);
    expect(DECIDE_MANY, TOPO_NO_WRITER, false);
    assert_true(d.fenced == 3);
    coreview_replica(&v, 2, 1, 1100, 1100);
    expect(DECIDE_DISCOVERED, 1, false);
    assert_true(d.fenced == 1);
    v.nodes[1].timeline = v.nodes[1].obs.timeline = 1; /* the same timeline twice */
    v.nodes[2].timeline = 1;
    expect(DECIDE_MANY, TOPO_NO_WRITER, false);
    /* The only primary is on an older timeline than a replica. */
    coreview_make(&v, 2, 10 * SEC);
    v.nodes[1].timeline = 2;
    expect(DECIDE_FENCED, TOPO_NO_WRITER, false);
    /* Two clusters by mistake: the majority's identifier. */
    coreview_make(&v, 3, 10 * SEC);
    coreview_primary(&v, 2, 1, 99999);
    v.nodes[2].obs.system_identifier = 1;
    expect(DECIDE_DISCOVERED, 0, false);
    v.nodes[1].obs.system_identifier = 2;
    expect(DECIDE_MANY, TOPO_NO_WRITER, false);
    coreview_make(&v, 0, 0);
    expect(DECIDE_MANY, TOPO_NO_WRITER, false); /* no nodes at all */
}

/* The barrier behind us: nobody is published, and all workers have drained that. */
static void nobody_published(void)
{
    prev.writer = TOPO_NO_WRITER;
    prev.holding = true;
    v.drained = true;
}

static void successors(void **state)
{
    (void)state;
    world(3);
    nobody_published();
    /* The operator promoted pg2 by hand while pg1 was stopped. */
    coreview_down(&v, 0, 9 * SEC);
    coreview_primary(&v, 1, 2, 1100);
    expect(DECIDE_SUCCEEDED, 1, false);
    /* pg1 still runs: who is followed wins. */
    coreview_ok(&v, 0, 10 * SEC);
    coreview_replica(&v, 2, 1, 1100, 1100);
    expect(DECIDE_SUCCEEDED, 1, false);
    assert_true(d.fenced == 1);
    coreview_replica(&v, 2, 0, 1100, 1100);
    expect(DECIDE_STEADY, 0, false);
    assert_true(d.fenced == 2);
    coreview_unfollow(&v, 2);
    expect(DECIDE_STEADY, 0, false); /* nobody follows anyone: what was announced stays */
    /* ... unless it was us: an interrupted run had told pg2 to promote. */
    memcpy(m.target, "pg2", 4);
    m.step = FAILOVER_PROMOTING;
    expect(DECIDE_SUCCEEDED, 1, false);
    m.step = 0;
    /* A clean demotion by another tool, between its two halves. */
    coreview_make(&v, 3, 10 * SEC);
    nobody_published();
    coreview_replica(&v, 0, -1, 1000, 1000);
    expect(DECIDE_DEMOTED, TOPO_NO_WRITER, false);
    assert_true(d.holding);
    coreview_primary(&v, 2, 2, 1100);
    expect(DECIDE_SUCCEEDED, 2, false);
    coreview_primary(&v, 1, 2, 1100); /* two at once */
    expect(DECIDE_MANY, TOPO_NO_WRITER, false);
    /* Somebody promoted two nodes, we took one for the writer, and he made it a copy of the other one. */
    coreview_make(&v, 3, 10 * SEC);
    nobody_published();
    coreview_primary(&v, 2, 1, 1100);
    coreview_replica(&v, 0, 2, 1100, 1100);
    expect(DECIDE_SUCCEEDED, 2, false);
    coreview_primary(&v, 1, 1, 1100); /* not the only one, but nobody follows it */
    expect(DECIDE_SUCCEEDED, 2, false);
    coreview_make(&v, 4, 10 * SEC);
    nobody_published();
    coreview_primary(&v, 1, 1, 1100);
    coreview_primary(&v, 2, 1, 1100);
    coreview_replica(&v, 0, 2, 1100, 1100);
    coreview_replica(&v, 3, 1, 1100, 1100);
    expect(DECIDE_DEMOTED, TOPO_NO_WRITER, false);
    /* A copy of the announced writer on its own timeline is no successor. */
    coreview_make(&v, 2, 10 * SEC);
    coreview_down(&v, 0, 9 * SEC);
    coreview_primary(&v, 1, 1, 5000);
    expect(DECIDE_DOWN_NO_CANDIDATE, TOPO_NO_WRITER, false);
    assert_true(d.fenced == 2);
}

static void successor_waits_for_the_barrier(void **state)
{
    (void)state;
    world(3);
    coreview_down(&v, 0, 9 * SEC);
    coreview_primary(&v, 1, 2, 1100);
    expect(DECIDE_SUCCEEDED, TOPO_NO_WRITER,
           false); /* pg1 is published: its leases must go first */
    assert_true(d.holding);
    prev.writer = TOPO_NO_WRITER;
    expect(DECIDE_SUCCEEDED, TOPO_NO_WRITER, false);
    v.drained = true;
    expect(DECIDE_SUCCEEDED, 1, false);
    memset(&prev, 0, sizeof(prev)); /* after a start no worker has any lease */
    v.drained = false;
    expect(DECIDE_SUCCEEDED, 1, false);
}

/* Found by the simulator: a node that was promoted while the announced writer went on serving is no heir. */
static void forked_off(void **state)
{
    (void)state;
    world(3);
    nobody_published();
    coreview_primary(&v, 1, 2, 1100);
    v.nodes[1].primary_since = 5 * SEC;
    v.nodes[0].health.last_ok = 8 * SEC;
    coreview_down(&v, 0, 9 * SEC);
    coreview_unfollow(&v, 2);
    expect(DECIDE_FAILOVER, TOPO_NO_WRITER, true);
    assert_int_equal(d.candidates.order[0], 2);
    p.mode = FAILOVER_FOLLOW;
    expect(DECIDE_SUCCEEDED, 1, false);
    p.mode = FAILOVER_AUTOMATIC;
    v.nodes[0].health.last_ok = 4 * SEC;
    expect(DECIDE_SUCCEEDED, 1, false);
    m.writer_lsn = 1201; /* it lacks more than failover_max_lag */
    expect(DECIDE_DOWN_NO_CANDIDATE, TOPO_NO_WRITER, false);
    m.writer_lsn = 1200;
    expect(DECIDE_SUCCEEDED, 1, false);
}

/* Found by the simulator: after a crash between promotion and announcement the target is asked before anybody serves. */
static void interrupted_promotion(void **state)
{
    (void)state;
    world(3);
    memset(&prev, 0, sizeof(prev));
    memcpy(m.target, "pg2", 4);
    m.step = FAILOVER_PROMOTING;
    health_init(&v.nodes[1].health);
    v.nodes[1].seen = false;
    expect(DECIDE_NONE, TOPO_NO_WRITER, false);
    coreview_ok(&v, 1, 10 * SEC);
    expect(DECIDE_STEADY, 0, false);
    coreview_primary(&v, 1, 2, 1100);
    expect(DECIDE_SUCCEEDED, 1, false);
}

static void soft_fence_left_behind(void **state)
{
    (void)state;
    world(2);
    v.nodes[0].obs.read_only = true; /* the operator's own wish */
    assert_false(decide_unfence(&v, &m, &prev));
    memcpy(m.fenced, "pg1", 4);
    assert_true(decide_unfence(&v, &m, &prev));
    v.nodes[0].obs.read_only = false;
    assert_false(decide_unfence(&v, &m, &prev));
    v.nodes[0].obs.read_only = true;
    v.nodes[0].health.verdict = HEALTH_SUSPECT;
    assert_false(decide_unfence(&v, &m, &prev));
}

static void rolled_back_writer(void **state)
{
    (void)state;
    world(2);
    m.timeline = 4;
    expect(DECIDE_FENCED, TOPO_NO_WRITER, false);
    world(2);
    v.nodes[0].obs.system_identifier = 1; /* replaced by another cluster's node */
    expect(DECIDE_FAILOVER, TOPO_NO_WRITER, true);
}

static void restart_asks_first(void **state)
{
    (void)state;
    world(2);
    memset(&prev, 0, sizeof(prev));
    health_init(&v.nodes[0].health);
    v.nodes[0].seen = false;
    expect(DECIDE_NONE, TOPO_NO_WRITER, false);
    assert_true(d.holding);
    coreview_down(&v, 0, 9 * SEC);
    coreview_unfollow(&v, 1);
    expect(DECIDE_FAILOVER, TOPO_NO_WRITER, true);
}

static void no_action_in_tilt_or_without_authority(void **state)
{
    (void)state;
    world(3);
    coreview_down(&v, 0, 9 * SEC);
    v.tilt = true;
    expect(DECIDE_TILT, 0, false);
    v.tilt = false;
    decide(&v, &m, &p, AUTHORITY_LOST, &prev, 10 * SEC, &d);
    assert_int_equal(d.verdict, DECIDE_NO_AUTHORITY);
    assert_int_equal(d.writer, 0);
    assert_false(d.start);
    decide(&v, &m, &p, AUTHORITY_UNKNOWN, &prev, 10 * SEC, &d);
    assert_int_equal(d.verdict, DECIDE_NO_AUTHORITY);
}

static usec_t publish_at = 10 * SEC;

static bool publish(int writer, bool holding)
{
    struct err e = {0};
    struct decide_publish what = {.writer = writer, .holding = holding, .now = publish_at};
    bool moved = decide_topology(&v, &m, &prev, &what, &next);
    assert_int_equal(topology_check(&next, &e), 0);
    assert_true(next.version == prev.version + 1);
    assert_true(moved ? next.epoch > prev.epoch : next.epoch == prev.epoch);
    return moved;
}

static void snapshots(void **state)
{
    (void)state;
    world(3);
    assert_true(prev.epoch == 6); /* above the journal's */
    assert_int_equal(prev.writer, 0);
    assert_false(publish(0, false));
    v.nodes[1].obs.replay_lsn = 900;
    v.nodes[1].lag_class = READ_LAG_TIME;
    assert_false(publish(0, false)); /* lag moves the version only */
    assert_int_equal(next.nodes[1].unreadable, READ_LAG_TIME);
    assert_true(next.nodes[1].replay_lsn == 900);
    coreview_down(&v, 1, 9 * SEC);
    assert_true(publish(0, false));
    assert_int_equal(next.nodes[1].unreadable, READ_DOWN);
    assert_true(next.nodes[1].role_since == prev.nodes[1].role_since);
    assert_true(publish(TOPO_NO_WRITER, true));
    assert_int_equal(next.nodes[0].unreadable, READ_FENCED);
    assert_true(next.holding);
    prev = next;
    /* The run's own epoch is taken as it was journaled. */
    m.epoch = prev.epoch + 5;
    struct decide_publish what = {
        .writer = TOPO_NO_WRITER, .holding = true, .epoch_min = prev.epoch + 5};
    assert_true(decide_topology(&v, &m, &prev, &what, &next));
    assert_true(next.epoch == prev.epoch + 5);
    prev = next;
    coreview_primary(&v, 2, 2, 1100);
    assert_true(publish(2, false));
    assert_int_equal(next.timeline, 2);
    assert_true(next.nodes[2].role_since == next.epoch);
    assert_int_equal(next.nodes[0].unreadable, READ_FENCED);
    decide_remember(&m, &next);
    assert_string_equal(m.writer, "pg3");
    assert_int_equal(m.timeline, 2);
    assert_true(m.epoch == next.epoch && m.writer_lsn == 1100);
}

static void unreadable_reasons(void **state)
{
    (void)state;
    static const enum topo_unreadable wanted[] = {
        READ_OK,       READ_DOWN,     READ_UNKNOWN,       READ_FOREIGN,
        READ_TIMELINE, READ_DRAINED,  READ_NOT_STREAMING, READ_LAG_BYTES,
        READ_FENCED,   READ_STARTING, READ_EJECTED};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        world(3);
        struct view_node *n = &v.nodes[1];
        switch (wanted[i]) {
        case READ_DOWN:
            coreview_down(&v, 1, 9 * SEC);
            break;
        case READ_UNKNOWN:
            n->seen = false;
            health_init(&n->health);
            break;
        case READ_FOREIGN:
            n->obs.system_identifier = 1;
            break;
        case READ_TIMELINE:
            n->timeline = 7;
            break;
        case READ_DRAINED:
            n->drained = true;
            break;
        case READ_NOT_STREAMING:
            coreview_unfollow(&v, 1);
            break;
        case READ_LAG_BYTES:
            n->lag_class = READ_LAG_BYTES;
            break;
        case READ_FENCED:
            coreview_primary(&v, 1, 1, 1);
            break;
        case READ_STARTING:
            n->health.verdict = HEALTH_SUSPECT;
            n->health.reason = HEALTH_STARTING;
            break;
        case READ_EJECTED:
            n->outlier.reason = OUTLIER_SLOW;
            break;
        case READ_OK:
        case READ_NOT_REPLICA:
        case READ_LAG_TIME:
        case READ_NR:
            break;
        }
        (void)publish(0, false);
        assert_string_equal(topo_unreadable_name(next.nodes[1].unreadable),
                            topo_unreadable_name(wanted[i]));
    }
    /* Without its receiver but caught up: may serve; nor does a dead writer make replicas unreadable. */
    world(3);
    coreview_unfollow(&v, 1);
    v.nodes[1].lag = (struct lag){.known = true};
    (void)publish(0, false);
    assert_int_equal(next.nodes[1].unreadable, READ_OK);
    v.nodes[1].lag = (struct lag){.known = true, .bytes = 10};
    (void)publish(0, false);
    assert_int_equal(next.nodes[1].unreadable, READ_NOT_STREAMING);
    coreview_down(&v, 0, 9 * SEC);
    (void)publish(TOPO_NO_WRITER, true);
    assert_int_equal(next.nodes[1].unreadable, READ_OK);
}

/* A node begins anew when it may be read from again, for whatever reason it was out. */
static void readable_since(void **state)
{
    (void)state;
    world(3);
    for (int i = 0; i < 3; i++)
        prev.nodes[i].unreadable = READ_UNKNOWN;
    (void)publish(0, false);
    assert_true(next.nodes[1].readable_since == publish_at); /* long after the start */
    struct decide_publish what = {.writer = 0, .now = publish_at, .began = publish_at - SEC};
    (void)decide_topology(&v, &m, &prev, &what, &next);
    assert_true(next.nodes[1].readable_since == TOPO_ALWAYS);
    const usec_t first = next.nodes[1].readable_since;
    prev = next;
    publish_at += SEC;
    (void)publish(0, false);
    assert_int_equal(next.nodes[1].readable_since, first);
    prev = next;
    v.nodes[1].outlier.reason = OUTLIER_SLOW;
    (void)publish(0, false);
    assert_int_equal(next.nodes[1].readable_since, 0);
    assert_int_equal(next.nodes[2].readable_since, first);
    assert_true(next.epoch == prev.epoch); /* as with lag */
    prev = next;
    publish_at += SEC;
    v.nodes[1].outlier.reason = OUTLIER_NONE;
    (void)publish(0, false);
    assert_int_equal(next.nodes[1].readable_since, publish_at);
}

static void strays(void **state)
{
    (void)state;
    world(4);
    assert_true(decide_strays(&v, &prev, prev.writer) == 0);
    coreview_unfollow(&v, 1); /* still points at the writer: it will find it by itself */
    assert_true(decide_strays(&v, &prev, prev.writer) == 0);
    v.nodes[1].obs.has_primary_conninfo = false; /* we cut it off */
    assert_true(decide_strays(&v, &prev, prev.writer) == 2);
    v.nodes[1].obs.has_primary_conninfo = true;
    memcpy(v.nodes[1].obs.primary_conninfo_host, v.nodes[3].host, TOPO_HOST_MAX);
    assert_true(decide_strays(&v, &prev, prev.writer) == 2);
    memcpy(v.nodes[1].obs.primary_conninfo_host, "elsewhere", 10);
    assert_true(decide_strays(&v, &prev, prev.writer) == 0);
    coreview_primary(&v, 3, 1, 900); /* pg3 follows a primary that may not serve */
    coreview_replica(&v, 2, 3, 900, 900);
    assert_true(decide_strays(&v, &prev, prev.writer) == 4);
    coreview_replica(&v, 3, 0, 900, 900); /* now it is a cascade */
    assert_true(decide_strays(&v, &prev, prev.writer) == 0);
    memcpy(v.nodes[2].obs.receiver_slot, "tanist_pg3", 11); /* which nobody wanted: we pointed it */
    assert_true(decide_strays(&v, &prev, prev.writer) == 4);
    prev.writer = TOPO_NO_WRITER;
    coreview_unfollow(&v, 1);
    v.nodes[1].obs.has_primary_conninfo = false;
    assert_true(decide_strays(&v, &prev, prev.writer) == 0);
}

/* ---- Exhaustive: 3 nodes x role 3 x verdict 3 x position 3 x priority 2, x 8 policies ---- */

enum { PER_NODE = 54, POLICIES = 8 };

static void set_node(int i, int code)
{
    static const enum health_verdict verdicts[] = {HEALTH_OK, HEALTH_SUSPECT, HEALTH_DOWN};
    static const lsn_t positions[] = {1000, 900,
                                      899}; /* all, just within failover_max_lag, outside */
    struct view_node *n = &v.nodes[i];
    int role = code % 3, verdict = code / 3 % 3, lag = code / 9 % 3;
    n->priority = code / 27;
    n->health.verdict = verdicts[verdict];
    n->health.suspect_at = verdict ? 9 * SEC : 0;
    n->health.reason = verdict ? HEALTH_REFUSED : HEALTH_ANSWERS;
    if (role == 0)
        coreview_replica(&v, i, -1, positions[lag], positions[lag]);
    else
        coreview_primary(&v, i, (uint32_t)role, positions[lag]);
    if (role == 0)
        n->timeline = n->obs.timeline = 1;
}

static bool claims(int i)
{
    return v.nodes[i].health.verdict != HEALTH_DOWN && v.nodes[i].obs.role == ROLE_PRIMARY;
}

static void check_writer(bool remembered)
{
    if (d.writer < 0)
        return;
    const struct view_node *w = &v.nodes[d.writer];
    assert_true(w->obs.role == ROLE_PRIMARY);
    assert_false(d.holding);
    assert_false(d.fenced & (UINT64_C(1) << d.writer));
    if (remembered && d.writer != 0)
        assert_true(w->timeline >
                    m.timeline); /* nobody takes over on the announced writer's own timeline */
    for (int i = 0; i < 3; i++)
        if (i != d.writer && claims(i)) {
            assert_true(d.fenced & (UINT64_C(1) << i));
            if (!remembered)
                assert_true(v.nodes[i].timeline < w->timeline);
        }
}

static void check_start(bool remembered)
{
    static struct failover f;
    static struct failover_effects fx;
    struct failover_policy fp;
    struct err e = {0};
    if (!d.start)
        return;
    assert_true(remembered && p.mode == FAILOVER_AUTOMATIC && d.writer == TOPO_NO_WRITER);
    assert_false(claims(0));
    int best = d.candidates.order[0];
    assert_true(best > 0 && v.nodes[best].health.verdict == HEALTH_OK &&
                v.nodes[best].obs.role == ROLE_REPLICA);
    assert_true(view_position(&v, best) + p.failover_max_lag >= m.writer_lsn);
    for (int i = 1; i < 3; i++)
        if (d.candidates.reason[i] == CANDIDATE_OK)
            assert_true(view_position(&v, i) <= view_position(&v, best));
    /* What the decider starts, the machine must be able to start. */
    failover_policy_default(&fp);
    fp.failover_max_lag = p.failover_max_lag;
    failover_init(&f, &m);
    struct failover_request r = {.kind = FAILOVER_UNPLANNED, .named = -1};
    struct failover_input in = {
        .view = &v, .topology = &prev, .policy = &fp, .authority = AUTHORITY_HELD, .now = 10 * SEC};
    assert_int_equal(failover_start(&f, &r, &in, &fx, &e), 0);
    assert_int_equal(failover_state_of(&f), FAILOVER_HOLDING);
    assert_int_equal(fx.n, 1);
    assert_int_equal(fx.e[0].kind, FX_JOURNAL);
}

static void exhaustive(void **state)
{
    (void)state;
    log_set_level(LOG_FATAL);
    uint64_t seen[2] = {0, 0};
    long starts = 0, calls = 0;
    world(3);
    nobody_published();
    const struct decide_memory announced = m;
    for (int policy = 0; policy < POLICIES; policy++) {
        bool remembered = policy & 1, held = !(policy & 4);
        p.mode = policy & 2 ? FAILOVER_MANUAL : FAILOVER_AUTOMATIC;
        memset(&m, 0, sizeof(m));
        if (remembered)
            m = announced;
        for (int a = 0; a < PER_NODE; a++) {
            set_node(0, a);
            for (int b = 0; b < PER_NODE; b++) {
                set_node(1, b);
                for (int c = 0; c < PER_NODE; c++) {
                    set_node(2, c);
                    decide(&v, &m, &p, held ? AUTHORITY_HELD : AUTHORITY_LOST, &prev, 10 * SEC, &d);
                    calls++;
                    assert_true(d.verdict >= 1 && d.verdict < DECIDE_NR);
                    seen[remembered] |= UINT64_C(1) << d.verdict;
                    if (!held) {
                        assert_true(d.verdict == DECIDE_NO_AUTHORITY && d.writer == prev.writer &&
                                    !d.start);
                        continue;
                    }
                    starts += d.start;
                    check_writer(remembered);
                    check_start(remembered);
                    if (calls % 97 == 0 &&
                        (d.writer < 0 || v.nodes[d.writer].obs.role == ROLE_PRIMARY))
                        (void)publish(d.writer, d.holding);
                }
            }
        }
    }
    assert_int_equal(calls, 54L * 54 * 54 * POLICIES);
    assert_true(starts > 0);
    /* The domain reaches these verdicts, and no other unexpectedly. */
    assert_true(seen[0] == (SM_TO(DECIDE_DISCOVERED) | SM_TO(DECIDE_FENCED) | SM_TO(DECIDE_NONE) |
                            SM_TO(DECIDE_MANY) | SM_TO(DECIDE_NO_AUTHORITY)));
    assert_true(seen[1] == (SM_TO(DECIDE_STEADY) | SM_TO(DECIDE_SUSPECT) | SM_TO(DECIDE_SUCCEEDED) |
                            SM_TO(DECIDE_FAILOVER) | SM_TO(DECIDE_DOWN_MANUAL) |
                            SM_TO(DECIDE_DOWN_NO_CANDIDATE) | SM_TO(DECIDE_DEMOTED) |
                            SM_TO(DECIDE_MANY) | SM_TO(DECIDE_NO_AUTHORITY)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady),
        cmocka_unit_test(failover),
        cmocka_unit_test(veto),
        cmocka_unit_test(clients_vote),
        cmocka_unit_test(votes_are_awaited),
        cmocka_unit_test(old_primary_returns),
        cmocka_unit_test(discovery),
        cmocka_unit_test(successors),
        cmocka_unit_test(successor_waits_for_the_barrier),
        cmocka_unit_test(forked_off),
        cmocka_unit_test(interrupted_promotion),
        cmocka_unit_test(soft_fence_left_behind),
        cmocka_unit_test(rolled_back_writer),
        cmocka_unit_test(restart_asks_first),
        cmocka_unit_test(no_action_in_tilt_or_without_authority),
        cmocka_unit_test(snapshots),
        cmocka_unit_test(readable_since),
        cmocka_unit_test(unreadable_reasons),
        cmocka_unit_test(strays),
        cmocka_unit_test(exhaustive),
    };
    return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
