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
        const struct balance_rules rules = {.policy = policies[p]};
        struct balance_state st = {0};
        struct balance_load loads[3] = {{.weight = 1}, {.weight = 1}, {.weight = 1}};
        assert_int_equal(balance_pick(&rules, NULL, 0, &st, &rng), BALANCE_NONE);
        assert_int_equal(balance_pick(&rules, loads, 3, &st, &rng), BALANCE_NONE);
        loads[1].eligible = true;
        for (int i = 0; i < 20; i++)
            assert_int_equal(balance_pick(&rules, loads, 3, &st, &rng), 1);
        loads[1].weight = 0; /* the only one: serves in spite of its weight */
        assert_int_equal(balance_pick(&rules, loads, 3, &st, &rng), 1);
    }
}

/* Never an ineligible node, never weight 0 beside a positive one, whatever the loads are. */
static void test_never_wrong(void **state)
{
    (void)state;
    struct prng rng;
    prng_init(&rng, 42);
    static struct balance_state st[4];
    for (int round = 0; round < 20000; round++) {
        struct balance_load loads[BALANCE_NODES_MAX] = {{0}};
        int n = (int)prng_below(&rng, round % 10 ? 6 : BALANCE_NODES_MAX + 1);
        bool any = false, any_weight = false;
        for (int i = 0; i < n; i++) {
            static const uint32_t weights[] = {0, 1, 2, 7, 1000, UINT32_MAX};
            loads[i].eligible = prng_below(&rng, 2);
            loads[i].tier = (uint8_t)prng_below(&rng, 3);
            loads[i].since = prng_below(&rng, 3);
            loads[i].weight = weights[prng_below(&rng, 6)];
            loads[i].in_flight = prng_below(&rng, 8) ? prng_below(&rng, 50) : UINT32_MAX;
            loads[i].latency = prng_below(&rng, 8) ? (usec_t)prng_below(&rng, 100000) : INT64_MAX;
            any |= loads[i].eligible;
            any_weight |= loads[i].eligible && loads[i].weight;
        }
        for (size_t p = 0; p < 4; p++) {
            const struct balance_rules rules = {.policy = policies[p],
                                                .spill = prng_below(&rng, 3)};
            int k = balance_pick(&rules, loads, n, &st[p], &rng);
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
    const struct balance_rules rules = {.policy = policy};
    struct prng rng;
    prng_init(&rng, 7);
    struct balance_state st = {0};
    for (int i = 0; i < n; i++)
        counts[i] = 0;
    for (int i = 0; i < PICKS; i++)
        counts[balance_pick(&rules, loads, n, &st, &rng)]++;
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
            even[i] = (struct balance_load){.eligible = true, .weight = 5 * BALANCE_UNIT};
        count_picks(by_weight[p], even, 4, counts);
        for (int i = 0; i < 4; i++)
            assert_share(counts[i], 0.25);
        struct balance_load uneven[3] = {{.eligible = true, .weight = BALANCE_UNIT},
                                         {.eligible = true, .weight = 3 * BALANCE_UNIT},
                                         {.eligible = false, .weight = 9}};
        count_picks(by_weight[p], uneven, 3, counts);
        assert_share(counts[0], 0.25);
        assert_share(counts[1], 0.75);
        assert_int_equal(counts[2], 0);
    }
}

/* Clients that send their next read when the last one was answered: shares are those of the weights, however many clients
 * there are; service times are random, with the same mean on every node but a slow one. */
struct closed {
    enum balance_policy policy;
    int clients, nodes;
    uint32_t weight[4];
    int slow; /* times the mean of node 0 */
};

static void run_closed(const struct closed *c, int reads, double share[4])
{
    const struct balance_rules rules = {.policy = c->policy};
    struct balance_state st = {0};
    struct balance_load loads[4] = {{0}};
    struct {
        int node;
        uint64_t end;
    } client[64];
    struct prng rng;
    int counts[4] = {0};
    uint64_t now = 0;
    prng_init(&rng, (uint64_t)c->clients);
    for (int i = 0; i < c->nodes; i++)
        loads[i] = (struct balance_load){.eligible = true, .weight = c->weight[i] * BALANCE_UNIT};
    for (int i = 0; i < c->clients; i++) {
        client[i].node = -1;
        client[i].end = 0;
    }
    for (int n = 0; n < reads; n++) {
        int next = 0;
        for (int i = 1; i < c->clients; i++)
            if (client[i].end < client[next].end)
                next = i;
        now = client[next].end;
        if (client[next].node >= 0)
            loads[client[next].node].in_flight--;
        const int k = balance_pick(&rules, loads, c->nodes, &st, &rng);
        counts[k]++;
        loads[k].in_flight++;
        client[next].node = k;
        const unsigned mean = 1000 * (unsigned)(k == 0 && c->slow ? c->slow : 1);
        client[next].end = now + mean / 4 + prng_below(&rng, mean * 3 / 2);
    }
    for (int i = 0; i < c->nodes; i++)
        share[i] = (double)counts[i] / reads;
}

static void test_shares_of_busy_nodes(void **state)
{
    (void)state;
    static const struct closed rows[] = {
        {BALANCE_LEAST_BUSY, 0, 4, {1, 1, 1, 1}, 0},
        {BALANCE_LEAST_BUSY, 0, 3, {1, 2, 4}, 0},
        {BALANCE_ROUND_ROBIN, 0, 4, {1, 1, 1, 1}, 0},
        {BALANCE_ROUND_ROBIN, 0, 3, {1, 2, 4}, 0},
    };
    static const int clients[] = {1, 2, 3, 4, 7, 8, 13, 16, 32, 64};
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
        for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
            struct closed c = rows[r];
            double share[4];
            unsigned sum = 0;
            c.clients = clients[i];
            run_closed(&c, 20000, share);
            for (int k = 0; k < c.nodes; k++)
                sum += c.weight[k];
            for (int k = 0; k < c.nodes; k++) {
                const double want = (double)c.weight[k] / sum;
                if (share[k] < want * 0.97 || share[k] > want * 1.03)
                    fail_msg("row %zu, %d clients: node %d has %.4f, not %.4f", r, c.clients, k,
                             share[k], want);
            }
        }
}

/* A node that takes ten times as long gets about a tenth of what the others get. */
static void test_slow_node_loses_its_share(void **state)
{
    (void)state;
    const struct closed c = {BALANCE_LEAST_BUSY, 16, 4, {1, 1, 1, 1}, 10};
    double share[4];
    run_closed(&c, 20000, share);
    if (share[0] > 0.08)
        fail_msg("the slow node has %.3f of the reads", share[0]);
}

/* Statements that take as long on every node: in-flight work ends up in proportion to weight. */
static void test_least_busy_levels_work(void **state)
{
    (void)state;
    const struct balance_rules rules = {.policy = BALANCE_LEAST_BUSY};
    struct prng rng;
    prng_init(&rng, 3);
    struct balance_state st = {0};
    struct balance_load loads[4];
    for (int i = 0; i < 4; i++)
        loads[i] =
            (struct balance_load){.eligible = true, .weight = (i == 3 ? 3 : 1) * BALANCE_UNIT};
    for (int i = 0; i < 600; i++)
        loads[balance_pick(&rules, loads, 4, &st, &rng)].in_flight++;
    for (int i = 0; i < 3; i++)
        assert_in_range(loads[i].in_flight, 95, 105);
    assert_in_range(loads[3].in_flight, 290, 310);
    /* One that is stuck gets nothing new while others are free. */
    loads[0].in_flight = 10000;
    for (int i = 0; i < 200; i++)
        assert_int_not_equal(balance_pick(&rules, loads, 4, &st, &rng), 0);
}

/* Smooth: after any number of picks every node is within one and a half of its share. */
static void test_round_robin_is_exact_and_smooth(void **state)
{
    (void)state;
    const struct balance_rules rules = {.policy = BALANCE_ROUND_ROBIN};
    struct prng rng;
    prng_init(&rng, 1);
    struct balance_state st = {0};
    struct balance_load loads[3] = {{.eligible = true, .weight = 5 * BALANCE_UNIT},
                                    {.eligible = true, .weight = BALANCE_UNIT},
                                    {.eligible = true, .weight = BALANCE_UNIT}};
    int counts[3] = {0};
    for (int i = 1; i <= 7000; i++) {
        counts[balance_pick(&rules, loads, 3, &st, &rng)]++;
        for (int k = 0; k < 3; k++) {
            const double off = counts[k] - i * (k ? 1 : 5) / 7.0;
            if (off < -1.5 || off > 1.5)
                fail_msg("after %d picks node %d is off by %.2f", i, k, off);
        }
    }
    /* A node that was away is not flooded when it comes back. */
    loads[1].weight = loads[0].weight = BALANCE_UNIT;
    loads[2].eligible = false;
    for (int i = 0; i < 1000; i++)
        balance_pick(&rules, loads, 3, &st, &rng);
    loads[2].eligible = true;
    loads[2].since = 1;
    int back = 0;
    for (int i = 0; i < 30; i++)
        back += balance_pick(&rules, loads, 3, &st, &rng) == 2;
    assert_in_range(back, 9, 12);
}

/* Zones: the nearest one that can serve does; a farther one helps when all of the nearer are as busy as the rule says; nodes
 * without a weight only serve when nobody else can, wherever that is. */
static void test_zones(void **state)
{
    (void)state;
    static const struct {
        struct balance_load loads[3];
        uint32_t spill;
        unsigned may; /* bits of the nodes that may be picked */
    } rows[] = {
        {{{true, 0, 1000, 9, 0, 0}, {true, 1, 1000, 0, 0, 0}, {true, 2, 1000, 0, 0, 0}}, 0, 1},
        {{{false, 0, 1000, 9, 0, 0}, {true, 1, 1000, 0, 0, 0}, {true, 2, 1000, 0, 0, 0}}, 0, 2},
        {{{true, 0, 1000, 9, 0, 0}, {true, 1, 1000, 0, 0, 0}, {true, 2, 1000, 0, 0, 0}}, 9, 3},
        {{{true, 0, 1000, 8, 0, 0}, {true, 1, 1000, 0, 0, 0}, {true, 2, 1000, 0, 0, 0}}, 9, 1},
        {{{true, 0, 2000, 9, 0, 0}, {true, 1, 1000, 0, 0, 0}, {true, 2, 1000, 0, 0, 0}}, 9, 1},
        {{{true, 0, 1000, 9, 0, 0}, {true, 1, 1000, 9, 0, 0}, {true, 2, 1000, 0, 0, 0}}, 9, 7},
        {{{true, 0, 1000, 9, 0, 0}, {true, 0, 1000, 0, 0, 0}, {true, 2, 1000, 0, 0, 0}}, 9, 3},
        {{{true, 0, 0, 0, 0, 0}, {true, 1, 1000, 0, 0, 0}, {true, 2, 1000, 0, 0, 0}}, 0, 2},
        {{{true, 1, 0, 0, 0, 0}, {true, 0, 0, 0, 0, 0}, {true, 2, 0, 0, 0, 0}}, 0, 2},
    };
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
        for (size_t p = 0; p < 4; p++) {
            const struct balance_rules rules = {.policy = policies[p], .spill = rows[r].spill};
            struct balance_state st = {0};
            struct prng rng;
            prng_init(&rng, r);
            for (int i = 0; i < 50; i++) {
                const int k = balance_pick(&rules, rows[r].loads, 3, &st, &rng);
                if (!(rows[r].may >> k & 1))
                    fail_msg("row %zu: picked %d", r, k);
            }
        }
}

/* A session that reads on one node without a pause leaves it when others are behind. */
static void test_leaves(void **state)
{
    (void)state;
    const struct balance_rules rules = {.policy = BALANCE_LEAST_BUSY};
    struct balance_state st = {0};
    struct prng rng;
    prng_init(&rng, 5);
    struct balance_load one[2] = {{.eligible = true, .weight = BALANCE_UNIT},
                                  {.weight = BALANCE_UNIT}};
    struct balance_load both[2] = {one[0], one[0]};
    assert_false(balance_leaves(&rules, both, 2, &st, 0));
    for (int i = 0; i < 10; i++)
        balance_pick(&rules, one, 2, &st, &rng);
    assert_false(balance_leaves(&rules, both, 2, &st, 0)); /* not for so few */
    for (int i = 0; i < 10; i++)
        balance_pick(&rules, one, 2, &st, &rng);
    assert_true(balance_leaves(&rules, both, 2, &st, 0));
    assert_false(balance_leaves(&rules, both, 2, &st, 1));
    both[1].in_flight = 1; /* the other one is busier */
    assert_false(balance_leaves(&rules, both, 2, &st, 0));
    both[1].in_flight = 0;
    both[0].in_flight = 3;
    assert_true(balance_leaves(&rules, both, 2, &st, 0));
    both[0].in_flight = 0;
    both[1].tier = 1; /* farther */
    assert_false(balance_leaves(&rules, both, 2, &st, 0));
    assert_true(balance_leaves(&rules, both, 2, &st, 1));
    assert_false(balance_leaves(&rules, one, 2, &st, 0));
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
    v = 1600; /* not measured for a while */
    for (int i = 0; i < 11; i++)
        v = balance_forget(v);
    assert_in_range(v, 700, 900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_and_one),
        cmocka_unit_test(test_never_wrong),
        cmocka_unit_test(test_shares_of_idle_nodes),
        cmocka_unit_test(test_shares_of_busy_nodes),
        cmocka_unit_test(test_slow_node_loses_its_share),
        cmocka_unit_test(test_zones),
        cmocka_unit_test(test_leaves),
        cmocka_unit_test(test_least_busy_levels_work),
        cmocka_unit_test(test_round_robin_is_exact_and_smooth),
        cmocka_unit_test(test_latency_prefers_the_fast),
        cmocka_unit_test(test_latency_mean),
    };
    return cmocka_run_group_tests_name("balance", tests, NULL, NULL);
}
