/* The view: what probes change, lag classes, who follows whom. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "coreview.h"

static struct view v;

static void nodes(void **state)
{
    (void)state;
    view_init(&v, "prod");
    for (int i = 0; i < TOPO_NODES_MAX; i++) {
        char name[8] = {'n', (char)('0' + i / 10), (char)('0' + i % 10), 0};
        assert_int_equal(view_add_node(&v, name), i);
        assert_int_equal(view_find(&v, name), i);
    }
    assert_int_equal(view_add_node(&v, "more"), -1);
    assert_int_equal(view_find(&v, "more"), -1);
}

static void observe_reports_what_matters(void **state)
{
    (void)state;
    struct health_policy p;
    health_policy_default(&p);
    coreview_make(&v, 3, 1000);
    struct observation o = v.nodes[1].obs;
    o.sent_at = 2000;
    o.received_at = 2100;
    assert_false(view_observe(&v, 1, &p, &o)); /* the same again */
    o.replay_lsn = 2000;
    assert_false(view_observe(&v, 1, &p, &o)); /* positions alone are no reason to hurry */
    assert_true(v.nodes[1].obs.replay_lsn == 2000);
    o.streaming = false;
    assert_true(view_observe(&v, 1, &p, &o));
    o.postmaster_start = 5;
    assert_false(v.nodes[1].restarted);
    assert_true(view_observe(&v, 1, &p, &o));
    assert_true(v.nodes[1].restarted);
    struct observation bad = {.outcome = OBSERVE_REFUSED, .sent_at = 3000, .received_at = 3001};
    assert_true(view_observe(&v, 1, &p, &bad));
    assert_true(v.nodes[1].obs.replay_lsn == 2000); /* the last good one stays */
    assert_int_equal(v.nodes[1].health.verdict, HEALTH_SUSPECT);
    assert_true(view_observe(&v, 1, &p, &bad));
    assert_int_equal(v.nodes[1].health.verdict, HEALTH_DOWN);
    assert_true(view_observe(&v, 1, &p, &o));
    assert_int_equal(v.nodes[1].health.verdict, HEALTH_OK);
}

static void since_when_a_primary(void **state)
{
    (void)state;
    struct health_policy p;
    health_policy_default(&p);
    coreview_make(&v, 2, 1000);
    struct observation o = v.nodes[1].obs;
    o.received_at = 2000;
    (void)view_observe(&v, 1, &p, &o);
    assert_true(v.nodes[1].primary_since == 0);
    o.role = ROLE_PRIMARY;
    o.timeline = 2;
    for (o.received_at = 3000; o.received_at < 5000; o.received_at += 1000)
        (void)view_observe(&v, 1, &p, &o);
    assert_true(v.nodes[1].primary_since == 3000);
    o.timeline = 3;
    (void)view_observe(&v, 1, &p, &o);
    assert_true(v.nodes[1].primary_since == 5000);
    o.role = ROLE_REPLICA;
    (void)view_observe(&v, 1, &p, &o);
    assert_true(v.nodes[1].primary_since == 0);
}

static void timeline_is_not_forgotten(void **state)
{
    (void)state;
    struct health_policy p;
    health_policy_default(&p);
    coreview_make(&v, 2, 1000);
    struct observation o = v.nodes[1].obs;
    o.timeline = 2;
    assert_true(view_observe(&v, 1, &p, &o));
    /* The primary dies, the receiver is gone, and the control file still says 1. */
    o.timeline = 1;
    o.timeline_received = o.receiver = o.streaming = false;
    (void)view_observe(&v, 1, &p, &o);
    assert_int_equal(v.nodes[1].timeline, 2);
    o.replay_lsn = 10; /* it went back: rebuilt from a copy */
    (void)view_observe(&v, 1, &p, &o);
    assert_int_equal(v.nodes[1].timeline, 1);
    o.timeline = 3;
    (void)view_observe(&v, 1, &p, &o);
    assert_int_equal(v.nodes[1].timeline, 3);
    /* A primary that was rebuilt from an older timeline's copy, with more WAL than it had. */
    coreview_primary(&v, 1, 3, 500);
    o.timeline = 2;
    o.replay_lsn = 2000;
    (void)view_observe(&v, 1, &p, &o);
    assert_int_equal(v.nodes[1].timeline, 2);
    o.timeline = 1;
    o.system_identifier = 99; /* another cluster altogether */
    (void)view_observe(&v, 1, &p, &o);
    assert_int_equal(v.nodes[1].timeline, 1);
}

static void lag_follows_the_writer(void **state)
{
    (void)state;
    struct lag_policy p;
    lag_policy_default(&p);
    coreview_make(&v, 3, USEC_PER_SEC);
    view_refresh(&v, 0, &p, USEC_PER_SEC);
    assert_true(v.nodes[1].lag.known && v.nodes[1].lag.time == 0);
    assert_true(v.sample.flush_lsn == 1000 && v.sample.sent_at == USEC_PER_SEC &&
                v.sample.flush_covers);
    v.nodes[0].obs.flush_lsn = 2000;
    v.nodes[0].obs.sent_at = v.nodes[0].obs.position_at = 2 * USEC_PER_SEC;
    coreview_replica(&v, 2, 0, 2000, 2000);
    view_refresh(&v, 0, &p, 4 * USEC_PER_SEC);
    assert_true(v.nodes[1].lag.time == 2 * USEC_PER_SEC && v.nodes[1].lag.bytes == 1000);
    assert_int_equal(v.nodes[1].lag_class, READ_LAG_TIME);
    assert_int_equal(v.nodes[2].lag_class, READ_OK);
    /* No writer: the last history still judges. */
    view_refresh(&v, TOPO_NO_WRITER, &p, 5 * USEC_PER_SEC);
    assert_true(v.nodes[1].lag.time == 3 * USEC_PER_SEC);
    /* A new writer: the old one's positions mean nothing any more. */
    coreview_primary(&v, 2, 2, 1500);
    v.nodes[2].obs.sent_at = v.nodes[2].obs.position_at = 6 * USEC_PER_SEC;
    coreview_replica(&v, 1, 2, 1500, 1500);
    view_refresh(&v, 2, &p, 6 * USEC_PER_SEC);
    assert_int_equal(v.history_of, 2);
    assert_int_equal(v.history.n, 1);
    assert_int_equal(v.nodes[1].lag_class, READ_OK);
    assert_true(v.sample.flush_lsn == 1500);
}

static void who_follows_whom(void **state)
{
    (void)state;
    coreview_make(&v, 4, 1000);
    assert_int_equal(view_followers(&v, 0), 3);
    assert_int_equal(view_upstream(&v, 0), -1);
    coreview_replica(&v, 3, 2, 900, 900); /* cascade */
    assert_int_equal(view_upstream(&v, 3), 2);
    assert_int_equal(view_followers(&v, 0), 2);
    assert_int_equal(view_followers(&v, 2), 1);
    /* By numeric address when the host is a name. */
    memcpy(v.nodes[0].addr, v.nodes[0].host, sizeof(v.nodes[0].addr));
    memcpy(v.nodes[0].host, "db1", 4);
    assert_int_equal(view_upstream(&v, 1), 0);
    v.nodes[1].obs.sender_port = 1;
    assert_int_equal(view_upstream(&v, 1), -1);
    coreview_down(&v, 2, 5);
    assert_int_equal(view_followers(&v, 0), 0);
    assert_int_equal(view_at(&v, "", 5432, -1), -1);
    assert_int_equal(view_at(&v, "db1", 5432, -1), 0);
    assert_int_equal(view_at(&v, "db1", 5432, 0), -1);
}

static void positions(void **state)
{
    (void)state;
    coreview_make(&v, 2, 1000);
    assert_true(view_position(&v, 0) == 1000);
    coreview_replica(&v, 1, 0, 500, 700); /* from an archive: replay is ahead */
    assert_true(view_position(&v, 1) == 700);
    coreview_replica(&v, 1, 0, 800, 700);
    assert_true(view_position(&v, 1) == 800);
    v.nodes[1].seen = false;
    assert_true(view_position(&v, 1) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes),
        cmocka_unit_test(observe_reports_what_matters),
        cmocka_unit_test(since_when_a_primary),
        cmocka_unit_test(timeline_is_not_forgotten),
        cmocka_unit_test(lag_follows_the_writer),
        cmocka_unit_test(who_follows_whom),
        cmocka_unit_test(positions),
    };
    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
