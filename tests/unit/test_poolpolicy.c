/* What pools decide, by tables. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../proxy/core/poolpolicy.h"
#include "../../replication/base/attrs.h"

#define SEC USEC_PER_SEC
#define MS  USEC_PER_MS

static void test_capacity(void **state)
{
    (void)state;
    static const struct {
        struct poolpolicy_size s;
        usec_t waited;
        int capacity, warm;
    } rows[] = {
        {{.size = 20}, 0, 20, 0},
        {{.size = 20}, 100 * SEC, 20, 0},
        {{.size = 20, .reserve = 5, .reserve_timeout = 5 * SEC}, 0, 20, 0},
        {{.size = 20, .reserve = 5, .reserve_timeout = 5 * SEC}, 5 * SEC - 1, 20, 0},
        {{.size = 20, .reserve = 5, .reserve_timeout = 5 * SEC}, 5 * SEC, 25, 0},
        {{.size = 20, .reserve = 5, .reserve_timeout = 0}, 100 * SEC, 20, 0}, /* 0 disables it */
        {{.size = 20, .min = 7}, 0, 20, 7},
        {{.size = 5, .min = 7}, 0, 5, 5},
        {{.size = 1, .min = 1, .reserve = 1, .reserve_timeout = 1}, 1, 2, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(poolpolicy_capacity(&rows[i].s, rows[i].waited), rows[i].capacity);
        assert_int_equal(poolpolicy_warm(&rows[i].s), rows[i].warm);
    }
}

static void test_node_budget(void **state)
{
    (void)state;
    assert_int_equal(poolpolicy_node_budget(0, 5), 0); /* not known: no limit */
    assert_int_equal(poolpolicy_node_budget(97, 5), 92);
    assert_int_equal(poolpolicy_node_budget(97, 0), 97);
    assert_int_equal(poolpolicy_node_budget(5, 5), 1);
    assert_int_equal(poolpolicy_node_budget(1, 100000), 1);
    assert_int_equal(poolpolicy_node_budget(UINT32_MAX, 0), INT32_MAX);
}

static void test_lifetime(void **state)
{
    (void)state;
    usec_t least = INT64_MAX, most = 0;
    assert_int_equal(poolpolicy_lifetime(0, 12345), 0);
    for (uint32_t r = 0; r < 5000; r++) {
        const usec_t t = poolpolicy_lifetime(3600 * SEC, r);
        least = t < least ? t : least;
        most = t > most ? t : most;
    }
    assert_true(most == 3600 * SEC);
    assert_true(least >= 3240 * SEC && least < 3241 * SEC);
    assert_true(poolpolicy_lifetime(365LL * 86400 * SEC, UINT32_MAX) > 0);
    assert_true(poolpolicy_lifetime(1, 77) == 1);
}

static void test_server(void **state)
{
    (void)state;
    static const struct {
        struct poolpolicy_server s;
        bool idle_over, life_over;
    } rows[] = {
        {{.now = 100 * SEC}, false, false},
        {{.now = 100 * SEC, .lifetime = 100 * SEC}, false, false},
        {{.now = 100 * SEC, .lifetime = 99 * SEC}, true, true},
        {{.now = 100 * SEC, .lifetime = 99 * SEC, .servers = 1, .warm = 5}, true, true},
        {{.now = 100 * SEC, .idle_timeout = 10 * SEC, .servers = 1}, true, false},
        {{.now = 100 * SEC, .last_used = 90 * SEC, .idle_timeout = 10 * SEC, .servers = 1},
         false,
         false},
        {{.now = 100 * SEC, .idle_timeout = 10 * SEC, .servers = 3, .warm = 3}, false, false},
        {{.now = 100 * SEC, .idle_timeout = 10 * SEC, .servers = 4, .warm = 3}, true, false},
        {{.now = 100 * SEC, .connected_at = 50 * SEC, .lifetime = 60 * SEC}, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(poolpolicy_idle_over(&rows[i].s), rows[i].idle_over);
        assert_int_equal(poolpolicy_life_over(&rows[i].s), rows[i].life_over);
    }
}

static void test_yields(void **state)
{
    (void)state;
    static const struct {
        struct poolpolicy_claim c;
        bool yields;
    } rows[] = {
        /* Nobody waits here. */
        {{.mine = 1, .theirs = 0, .held_for = SEC}, true},
        {{.mine = 1, .theirs = 0, .held_for = 49 * MS}, false},
        {{.mine = 3, .theirs = 1, .held_for = SEC}, true},
        {{.mine = 2, .theirs = 1, .held_for = SEC}, false},
        {{.mine = 1, .theirs = 9, .held_for = SEC}, false},
        {{.mine = 1, .theirs = 9, .held_for = SEC, .idle_for = SEC - 1}, false},
        {{.mine = 1, .theirs = 9, .held_for = SEC, .idle_for = SEC}, true},
        /* Both wait: older first, after the quantum. */
        {{.mine = 2,
          .theirs = 0,
          .waiting = true,
          .my_since = 9,
          .their_since = 5,
          .held_for = 50 * MS},
         true},
        {{.mine = 2,
          .theirs = 0,
          .waiting = true,
          .my_since = 9,
          .their_since = 5,
          .held_for = 49 * MS},
         false},
        {{.mine = 2,
          .theirs = 0,
          .waiting = true,
          .my_since = 4,
          .their_since = 5,
          .held_for = SEC},
         false},
        {{.mine = 2,
          .theirs = 0,
          .waiting = true,
          .my_since = 5,
          .their_since = 5,
          .held_for = SEC},
         false},
        {{.mine = 1,
          .theirs = 0,
          .waiting = true,
          .my_since = 9,
          .their_since = 5,
          .held_for = SEC},
         true},
        /* Those that have some get more only from those that have two more. */
        {{.mine = 2,
          .theirs = 1,
          .waiting = true,
          .my_since = 9,
          .their_since = 5,
          .held_for = SEC},
         false},
        {{.mine = 3,
          .theirs = 1,
          .waiting = true,
          .my_since = 9,
          .their_since = 5,
          .held_for = SEC},
         true},
        {{.mine = 1,
          .theirs = 3,
          .waiting = true,
          .my_since = 9,
          .their_since = 5,
          .held_for = SEC},
         false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(poolpolicy_yields(&rows[i].c), rows[i].yields);
}

/* Servers pass between pools until nobody would pass any more, whatever the beginning: it ends, and evenly. */
static void test_yields_settle(void **state)
{
    (void)state;
    for (int a = 0; a <= 12; a++)
        for (int b = 0; a + b <= 12; b++) {
            int n[3] = {a, b, 12 - a - b};
            int moves = 0;
            for (bool moved = true; moved; moves++) {
                moved = false;
                assert_true(moves < 100);
                for (int from = 0; from < 3; from++)
                    for (int to = 0; to < 3; to++) {
                        const struct poolpolicy_claim c = {.mine = n[from],
                                                           .theirs = n[to],
                                                           .waiting = true,
                                                           .my_since = 2,
                                                           .their_since = 1,
                                                           .held_for = SEC};
                        if (from == to || n[from] == 0 || !poolpolicy_yields(&c))
                            continue;
                        n[from]--;
                        n[to]++;
                        moved = true;
                    }
            }
            for (int i = 0; i < 3; i++)
                assert_in_range(n[i], 3, 5);
        }
}

static void test_evict(void **state)
{
    (void)state;
    const struct poolpolicy_idle p[] = {
        {.usable = true, .last_used = 30},
        {.usable = false, .last_used = 1},
        {.usable = true, .last_used = 10},
        {.usable = true, .last_used = 10},
    };
    assert_int_equal(poolpolicy_evict(p, 0), -1);
    assert_int_equal(poolpolicy_evict(p, 1), 0);
    assert_int_equal(poolpolicy_evict(p + 1, 1), -1);
    assert_int_equal(poolpolicy_evict(p, 4), 2);
}

static void test_client_over(void **state)
{
    (void)state;
    static const struct poolpolicy_timeouts all = {.query_wait = 30 * SEC,
                                                   .query_wait_notify = 5 * SEC,
                                                   .query = 10 * SEC,
                                                   .transaction = 60 * SEC,
                                                   .idle_transaction = 20 * SEC,
                                                   .client_idle = 100 * SEC,
                                                   .cancel_grace = 3 * SEC};
    static const struct poolpolicy_timeouts none = {.cancel_grace = 3 * SEC};
    static const struct {
        struct poolpolicy_client c;
        usec_t now; /* seconds */
        enum poolpolicy_over over;
    } rows[] = {
        {{.waiting = true}, 4, POOLPOLICY_OVER_NONE},
        {{.waiting = true}, 5, POOLPOLICY_OVER_NOTIFY},
        {{.waiting = true, .notified = true}, 29, POOLPOLICY_OVER_NONE},
        {{.waiting = true, .notified = true}, 30, POOLPOLICY_OVER_WAIT},
        {{.waiting = true}, 30, POOLPOLICY_OVER_WAIT},
        {{.waiting = true, .waited_since = 10 * SEC}, 30, POOLPOLICY_OVER_NOTIFY},
        {{.held = true}, 5, POOLPOLICY_OVER_NOTIFY},
        {{.held = true, .notified = true}, 1000, POOLPOLICY_OVER_NONE}, /* client_hold's */
        {{.running = true}, 9, POOLPOLICY_OVER_NONE},
        {{.running = true}, 10, POOLPOLICY_OVER_QUERY},
        {{.running = true, .canceled_at = 10 * SEC}, 12, POOLPOLICY_OVER_NONE},
        {{.running = true, .canceled_at = 10 * SEC}, 13, POOLPOLICY_OVER_CANCEL},
        {{.running = true, .in_transaction = true, .query_since = 55 * SEC, .transaction_since = 1},
         59,
         POOLPOLICY_OVER_NONE},
        {{.running = true, .in_transaction = true, .query_since = 55 * SEC, .transaction_since = 1},
         61,
         POOLPOLICY_OVER_TRANSACTION},
        {{.running = true, .transaction_since = 1 * SEC}, 61, POOLPOLICY_OVER_TRANSACTION},
        {{.in_transaction = true, .transaction_since = 1, .ready_at = 10 * SEC},
         29,
         POOLPOLICY_OVER_NONE},
        {{.in_transaction = true, .transaction_since = 1, .ready_at = 10 * SEC},
         30,
         POOLPOLICY_OVER_IDLE_TRANSACTION},
        {{.in_transaction = true, .transaction_since = 1, .ready_at = 50 * SEC},
         61,
         POOLPOLICY_OVER_TRANSACTION},
        {{.ready_at = 1 * SEC}, 100, POOLPOLICY_OVER_NONE},
        {{.ready_at = 1 * SEC}, 101, POOLPOLICY_OVER_IDLE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const usec_t now = rows[i].now * SEC;
        assert_int_equal(poolpolicy_client_over(&rows[i].c, &all, now), rows[i].over);
        const enum poolpolicy_over without = poolpolicy_client_over(&rows[i].c, &none, now);
        assert_int_equal(without, rows[i].over == POOLPOLICY_OVER_CANCEL ? POOLPOLICY_OVER_CANCEL
                                                                         : POOLPOLICY_OVER_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capacity), cmocka_unit_test(test_node_budget),
        cmocka_unit_test(test_lifetime), cmocka_unit_test(test_server),
        cmocka_unit_test(test_yields),   cmocka_unit_test(test_yields_settle),
        cmocka_unit_test(test_evict),    cmocka_unit_test(test_client_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
