#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../proxy/core/balance.h"

enum { PICKS = 40000 };

static const enum balance_policy policies[] = {BALANCE_LEAST_BUSY, BALANCE_ROUND_ROBIN,
                                               BALANCE_RANDOM, BALANCE_LATENCY};

static void test_none_and_one(void **state)
{
    (void)state;
    struct prng rng;
    prng_init(&rng, 1);
    for (size_t p = 0; p < 4; p++) {
        struct balance_state st = {0};
        struct balance_load loads[3] = {{.weight = 1}, {.weight = 1}, {.weight = 1}};
        assert_int_equal(balance_pick(policies[p], NULL, 0, &st, &rng), BALANCE_NONE);
        assert_int_equal(balance_pick(policies[p], loads, 3, &st, &rng), BALANCE_NONE);
        loads[1].eligible = true;
        for (int i = 0; i < 20; i++)
            assert_int_equal(balance_pick(policies[p], loads, 3, &st, &rng), 1);
        loads[1].weight = 0; /* the only one: serves in spite of its weight */
        assert_int_equal(balance_pick(policies[p], loads, 3, &st, &rng), 1);
    }
}

/* Never an ineligible node, never weight 0 beside a positive one, whatever the loads are. */
static void test_never_wrong(void **state)
{
    (void)state;
    struct prng rng;
    prng_init(&rng, 42);
    struct balance_state st[4] = {{{0}}};
    for (int round = 0; round < 20000; round++) {
        struct balance_load loads[BALANCE_NODES_MAX] = {{0}};
        int n = (int)prng_below(&rng, round % 10 ? 6 : BALANCE_NODES_MAX + 1);
        bool any = false, any_weight = false;
        for (int i = 0; i < n; i++) {
            static const uint32_t weights[] = {0, 1, 2, 7, 1000, UINT32_MAX};
            loads[i].eligible = prng_below(&rng, 2);
            loads[i].weight = weights[prng_below(&rng, 6)];
            loads[i].in_flight = prng_below(&rng, 8) ? prng_below(&rng, 50) : UINT32_MAX;
            loads[i].latency = prng_below(&rng, 8) ? (usec_t)prng_below(&rng, 100000) : INT64_MAX;
            any |= loads[i].eligible;
            any_weight |= loads[i].eligible && loads[i].weight;
        }
        for (size_t p = 0; p < 4; p++) {
            int k = balance_pick(policies[p], loads, n, &st[p], &rng);
            if (!any) {
                assert_int_equal(k, BALANCE_NONE);
                continue;
            }
            assert_in_range(k, 0, (unsigned)n - 1);
            assert_true(loads[k].eligible);
            assert_true(loads[k].weight || !any_weight);
        }
    }
}

static void count_picks(enum balance_policy policy, struct balance_load *loads, int n, int counts[])
{
    struct prng rng;
    prng_init(&rng, 7);
    struct balance_state st = {0};
    for (int i = 0; i < n; i++)
        counts[i] = 0;
    for (int i = 0; i < PICKS; i++)
        counts[balance_pick(policy, loads, n, &st, &rng)]++;
}

static void assert_share(int count, double share)
{
    double got = (double)count / PICKS;
    if (got < share - 0.02 || got > share + 0.02)
        fail_msg("share %.3f instead of %.3f", got, share);
}

/* Idle nodes are used by weight. */
static void test_shares_of_idle_nodes(void **state)
{
    (void)state;
    static const enum balance_policy by_weight[] = {BALANCE_LEAST_BUSY, BALANCE_ROUND_ROBIN,
                                                    BALANCE_RANDOM};
    for (size_t p = 0; p < 3; p++) {
        int counts[4];
        struct balance_load even[4];
        for (int i = 0; i < 4; i++)
            even[i] = (struct balance_load){.eligible = true, .weight = 5};
        count_picks(by_weight[p], even, 4, counts);
        for (int i = 0; i < 4; i++)
            assert_share(counts[i], 0.25);
        struct balance_load uneven[3] = {{.eligible = true, .weight = 1},
                                         {.eligible = true, .weight = 3},
                                         {.eligible = false, .weight = 9}};
        count_picks(by_weight[p], uneven, 3, counts);
        assert_share(counts[0], 0.25);
        assert_share(counts[1], 0.75);
        assert_int_equal(counts[2], 0);
    }
}

/* Statements that take as long on every node: in-flight work ends up in proportion to weight. */
static void test_least_busy_levels_work(void **state)
{
    (void)state;
    struct prng rng;
    prng_init(&rng, 3);
    struct balance_state st = {0};
    struct balance_load loads[4];
    for (int i = 0; i < 4; i++)
        loads[i] = (struct balance_load){.eligible = true, .weight = i == 3 ? 3 : 1};
    for (int i = 0; i < 600; i++)
        loads[balance_pick(BALANCE_LEAST_BUSY, loads, 4, &st, &rng)].in_flight++;
    for (int i = 0; i < 3; i++)
        assert_in_range(loads[i].in_flight, 95, 105);
    assert_in_range(loads[3].in_flight, 290, 310);
    /* One that is stuck gets nothing new while others are free. */
    loads[0].in_flight = 10000;
    for (int i = 0; i < 200; i++)
        assert_int_not_equal(balance_pick(BALANCE_LEAST_BUSY, loads, 4, &st, &rng), 0);
}

/* Smooth: no node is picked twice in a row while equals wait, and a run of `total` picks is exact. */
static void test_round_robin_is_exact_and_smooth(void **state)
{
    (void)state;
    struct prng rng;
    prng_init(&rng, 1);
    struct balance_state st = {0};
    struct balance_load loads[3] = {{.eligible = true, .weight = 5},
                                    {.eligible = true, .weight = 1},
                                    {.eligible = true, .weight = 1}};
    for (int run = 0; run < 10; run++) {
        int counts[3] = {0}, longest = 0, row = 0, last = -1;
        for (int i = 0; i < 7; i++) {
            int k = balance_pick(BALANCE_ROUND_ROBIN, loads, 3, &st, &rng);
            row = k == last ? row + 1 : 1;
            last = k;
            longest = row > longest ? row : longest;
            counts[k]++;
        }
        assert_int_equal(counts[0], 5);
        assert_int_equal(counts[1], 1);
        assert_int_equal(counts[2], 1);
        assert_in_range(longest, 1, 3);
    }
    /* A node that was away is not flooded when it comes back. */
    loads[1].weight = loads[0].weight = 1;
    loads[2].eligible = false;
    for (int i = 0; i < 1000; i++)
        balance_pick(BALANCE_ROUND_ROBIN, loads, 3, &st, &rng);
    loads[2].eligible = true;
    int back = 0;
    for (int i = 0; i < 30; i++)
        back += balance_pick(BALANCE_ROUND_ROBIN, loads, 3, &st, &rng) == 2;
    assert_in_range(back, 9, 12);
}

static void test_latency_prefers_the_fast(void **state)
{
    (void)state;
    int counts[3];
    struct balance_load loads[3] = {{.eligible = true, .weight = 1, .latency = 5000},
                                    {.eligible = true, .weight = 1, .latency = 200},
                                    {.eligible = true, .weight = 1, .latency = 5000}};
    count_picks(BALANCE_LATENCY, loads, 3, counts);
    assert_share(counts[1], 2.0 / 3);
    loads[2].latency = 0; /* not known: tried */
    count_picks(BALANCE_LATENCY, loads, 3, counts);
    assert_share(counts[2], 2.0 / 3);
    assert_int_equal(counts[0], 0);
}

static void test_latency_mean(void **state)
{
    (void)state;
    assert_int_equal(balance_latency(0, 800), 800);
    assert_int_equal(balance_latency(0, 0), 1);
    assert_int_equal(balance_latency(800, 1600), 900);
    assert_int_equal(balance_latency(800, 0), 701);
    usec_t v = 1000;
    for (int i = 0; i < 200; i++)
        v = balance_latency(v, 100);
    assert_int_equal(v, 100); /* it arrives, rounding does not stop it */
    for (int i = 0; i < 200; i++)
        v = balance_latency(v, 107);
    assert_int_equal(v, 107);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_and_one),
        cmocka_unit_test(test_never_wrong),
        cmocka_unit_test(test_shares_of_idle_nodes),
        cmocka_unit_test(test_least_busy_levels_work),
        cmocka_unit_test(test_round_robin_is_exact_and_smooth),
        cmocka_unit_test(test_latency_prefers_the_fast),
        cmocka_unit_test(test_latency_mean),
    };
    return cmocka_run_group_tests_name("balance", tests, NULL, NULL);
}
