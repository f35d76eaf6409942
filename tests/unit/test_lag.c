/* Lag: idle is not lag, growth, thinning, hysteresis. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../replication/base/attrs.h"
#include "../../replication/core/lag.h"

#define SEC USEC_PER_SEC
#define MS  USEC_PER_MS

static struct lag at(const struct lag_history *h, lsn_t replay, usec_t now)
{
    struct observation o = {
        .outcome = OBSERVE_OK, .role = ROLE_REPLICA, .replay_lsn = replay, .streaming = true};
    return lag_measure(h, &o, now);
}

static void idle_is_not_lag(void **state)
{
    (void)state;
    struct lag_history h = {0};
    assert_false(at(&h, 100, SEC).known);
    lag_history_add(&h, 1 * SEC, 100);
    /* Nothing is written for an hour: samples repeat the same position. */
    for (usec_t t = 1; t < 3600; t++)
        lag_history_add(&h, t * SEC, 100);
    struct lag l = at(&h, 100, 3600 * SEC);
    assert_true(l.known && l.time == 0 && l.bytes == 0);
    l = at(&h, 150, 3600 * SEC); /* a replica asked later than the writer */
    assert_true(l.known && l.time == 0 && l.bytes == 0);
    assert_false(at(&h, 0, SEC).known);
}

static void lag_is_the_age_of_the_oldest_missing(void **state)
{
    (void)state;
    struct lag_history h = {0};
    for (int i = 1; i <= 10; i++)
        lag_history_add(&h, i * SEC, (lsn_t)i * 100);
    struct lag l = at(&h, 1000, 20 * SEC);
    assert_true(l.time == 0);
    l = at(&h, 999, 11 * SEC);
    assert_true(l.time == 1 * SEC && l.bytes == 1);
    l = at(&h, 300, 11 * SEC);
    assert_true(l.time == 7 * SEC && l.bytes == 700);
    l = at(&h, 1, 11 * SEC);
    assert_true(l.time == 10 * SEC && l.bytes == 999);
    l = at(&h, 1, 0); /* a clock from before the sample gives no negative lag */
    assert_true(l.time == 0);
}

/* The promise: all that was flushed before is there. Between two samples it is the older one's last moment. */
static void fresh_at_is_a_promise(void **state)
{
    (void)state;
    struct lag_history h = {0};
    assert_true(lag_fresh_at(&h, 1000) == 0);
    lag_history_add(&h, 1 * SEC, 100);
    lag_history_add(&h, 2 * SEC, 100); /* idle */
    lag_history_add(&h, 3 * SEC, 200);
    static const struct {
        lsn_t replay;
        usec_t fresh;
    } rows[] = {{0, 0}, {99, 0}, {100, 2}, {199, 2}, {200, 3}, {5000, 3}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_true(lag_fresh_at(&h, rows[i].replay) == rows[i].fresh * SEC);
    for (usec_t t = 4; t < 3600; t++)
        lag_history_add(&h, t * SEC, 200);
    assert_true(lag_fresh_at(&h, 200) == 3599 * SEC);
    lag_history_add(&h, 1 * SEC, 200); /* an answer that came late changes nothing */
    assert_true(lag_fresh_at(&h, 200) == 3599 * SEC);
    for (int i = 0; i < 1000; i++) /* thinned out: older, never younger than the truth */
        lag_history_add(&h, (4000 + i) * SEC, (lsn_t)(1000 + i));
    for (int i = 0; i < 1000; i++)
        assert_true(lag_fresh_at(&h, (lsn_t)(1000 + i)) <= (4000 + i) * SEC);
}

static void old_positions_are_ignored(void **state)
{
    (void)state;
    struct lag_history h = {0};
    lag_history_add(&h, 1 * SEC, 500);
    lag_history_add(&h, 2 * SEC, 400);
    lag_history_add(&h, 3 * SEC, 500);
    assert_int_equal(h.n, 1);
    assert_true(lag_history_newest(&h) == 500);
    lag_history_reset(&h);
    assert_true(lag_history_newest(&h) == 0);
}

static void thinning_keeps_order_and_the_oldest(void **state)
{
    (void)state;
    struct lag_history h = {0};
    for (int i = 1; i <= 10000; i++) {
        lag_history_add(&h, i * SEC, (lsn_t)i);
        assert_true(h.n <= LAG_SAMPLES_MAX);
        for (int k = 1; k < h.n; k++)
            assert_true(h.samples[k - 1].lsn < h.samples[k].lsn &&
                        h.samples[k - 1].at < h.samples[k].at);
    }
    assert_true(h.samples[0].lsn == 1);
    assert_true(lag_history_newest(&h) == 10000);
    /* The last half is exact. */
    for (int back = 1; back < LAG_SAMPLES_MAX / 4; back++)
        assert_true(at(&h, (lsn_t)(10000 - back), 10001 * SEC).time == back * SEC);
}

static void hysteresis(void **state)
{
    (void)state;
    struct lag_policy p;
    lag_policy_default(&p);
    static const struct {
        int ms;
        uint64_t bytes;
        enum topo_unreadable verdict;
    } rows[] = {
        {0, 0, READ_OK},
        {1000, 0, READ_OK},
        {1001, 0, READ_LAG_TIME},
        {900, 0, READ_LAG_TIME},
        {701, 0, READ_LAG_TIME},
        {700, 0, READ_OK},
        {701, 0, READ_OK},
        {999, 16 << 20, READ_OK},
        {10, (16 << 20) + 1, READ_LAG_BYTES},
        {10, 12 << 20, READ_LAG_BYTES},
        {10, 11 << 20, READ_OK},
        {5000, 99 << 20, READ_LAG_TIME},
        {10, 99 << 20, READ_LAG_BYTES},
        {800, 0, READ_LAG_TIME},
        {0, 0, READ_OK},
    };
    enum topo_unreadable v = READ_OK;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct lag l = {.known = true, .time = rows[i].ms * MS, .bytes = rows[i].bytes};
        v = lag_judge(&p, &l, v);
        assert_int_equal(v, rows[i].verdict);
    }
    struct lag unknown = {.known = false};
    assert_int_equal(lag_judge(&p, &unknown, READ_OK), READ_OK);
    assert_int_equal(lag_judge(&p, &unknown, READ_LAG_BYTES), READ_LAG_BYTES);
    p.max_lag = 0;
    p.max_lag_bytes = 0;
    struct lag huge = {.known = true, .time = 1000000 * SEC, .bytes = UINT64_MAX};
    assert_int_equal(lag_judge(&p, &huge, READ_OK), READ_OK);
    p.max_lag_bytes = UINT64_MAX;
    assert_int_equal(lag_judge(&p, &huge, READ_OK), READ_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_is_not_lag),
        cmocka_unit_test(lag_is_the_age_of_the_oldest_missing),
        cmocka_unit_test(old_positions_are_ignored),
        cmocka_unit_test(fresh_at_is_a_promise),
        cmocka_unit_test(thinning_keeps_order_and_the_oldest),
        cmocka_unit_test(hysteresis),
    };
    return cmocka_run_group_tests_name("lag", tests, NULL, NULL);
}
