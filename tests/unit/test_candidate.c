/* Candidates: one reason for each rejected node; ranking is a total order (properties over random views). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../replication/base/attrs.h"
#include "../../replication/base/prng.h"
#include "coreview.h"

static struct view v;
static struct candidate_list list;

static struct candidate_rules rules(void)
{
    return (struct candidate_rules){.system_identifier = COREVIEW_SYSID,
                                    .timeline = 1,
                                    .writer_lsn = 1000,
                                    .writer = 0,
                                    .named = -1,
                                    .max_lag = 100};
}

static void expect(const struct candidate_rules *r, int node, enum candidate_reason why)
{
    (void)candidate_rank(&v, r, &list);
    assert_string_equal(candidate_reason_name(list.reason[node]), candidate_reason_name(why));
    for (int i = 0; i < list.n; i++)
        assert_int_equal(list.order[i] == node && why != CANDIDATE_OK, 0);
}

static void reasons(void **state)
{
    (void)state;
    struct candidate_rules r = rules();
    coreview_make(&v, 3, 10);
    expect(&r, 0, CANDIDATE_IS_WRITER);
    expect(&r, 1, CANDIDATE_OK);
    r.excluded = 2;
    expect(&r, 1, CANDIDATE_EXCLUDED);
    r = rules();
    r.named = 2;
    expect(&r, 1, CANDIDATE_NOT_NAMED);
    assert_int_equal(candidate_rank(&v, &r, &list), 2);
    r = rules();
    coreview_down(&v, 1, 10);
    expect(&r, 1, CANDIDATE_DOWN);
    v.nodes[1].health.verdict = HEALTH_SUSPECT;
    expect(&r, 1, CANDIDATE_DOWN);
    v.nodes[1].health.verdict = HEALTH_UNKNOWN;
    expect(&r, 1, CANDIDATE_UNKNOWN);
    coreview_ok(&v, 1, 10);
    v.nodes[1].obs.system_identifier = 1;
    expect(&r, 1, CANDIDATE_FOREIGN);
    v.nodes[1].obs.system_identifier = COREVIEW_SYSID;
    v.nodes[1].obs.server_version_num = 120009;
    expect(&r, 1, CANDIDATE_VERSION);
    v.nodes[1].obs.server_version_num = 130000;
    expect(&r, 1, CANDIDATE_OK);
    v.nodes[1].promotable = false;
    expect(&r, 1, CANDIDATE_NOT_PROMOTABLE);
    v.nodes[1].promotable = true;
    v.nodes[1].drained = true;
    expect(&r, 1, CANDIDATE_DRAINED);
    v.nodes[1].drained = false;
    coreview_primary(&v, 1, 2, 1000);
    expect(&r, 1, CANDIDATE_NOT_REPLICA);
}

static void lag_bound(void **state)
{
    (void)state;
    struct candidate_rules r = rules();
    coreview_make(&v, 2, 10);
    coreview_replica(&v, 1, 0, 900, 1);
    expect(&r, 1, CANDIDATE_OK); /* received counts, exactly max_lag behind */
    assert_true(list.missing[1] == 100);
    coreview_replica(&v, 1, 0, 899, 899);
    expect(&r, 1, CANDIDATE_LAG);
    assert_int_equal(candidate_rank(&v, &r, &list), -1);
    r.accept_loss = true;
    expect(&r, 1, CANDIDATE_OK);
    r.accept_loss = false;
    r.will_catch_up = true;
    expect(&r, 1, CANDIDATE_OK);
    r.will_catch_up = false;
    r.writer_lsn = 0; /* nothing known to be lost */
    expect(&r, 1, CANDIDATE_OK);
}

static void lineage(void **state)
{
    (void)state;
    struct candidate_rules r = rules();
    coreview_make(&v, 3, 10);
    r.timeline = 3;
    expect(&r, 1, CANDIDATE_TIMELINE);
    v.lineage = (struct timeline_history){.timeline = 3, .n = 1, .forks = {{1, 1000}}};
    expect(&r, 1, CANDIDATE_OK); /* an ancestor, not past the fork */
    coreview_replica(&v, 1, -1, 1001, 1001);
    expect(&r, 1, CANDIDATE_TIMELINE);
    v.nodes[2].timeline = 3;
    assert_int_equal(candidate_rank(&v, &r, &list), 2);
    r.timeline = 0; /* nothing remembered: the newest timeline seen */
    expect(&r, 2, CANDIDATE_OK);
    expect(&r, 1, CANDIDATE_TIMELINE);
}

static void order(void **state)
{
    (void)state;
    struct candidate_rules r = rules();
    coreview_make(&v, 4, 10);
    assert_int_equal(candidate_rank(&v, &r, &list), 1); /* all equal: by name */
    v.nodes[3].weight = 5;
    assert_int_equal(candidate_rank(&v, &r, &list), 3);
    v.nodes[2].priority = 1;
    assert_int_equal(candidate_rank(&v, &r, &list), 2);
    coreview_replica(&v, 1, 0, 1001, 950); /* one byte of WAL beats every wish */
    assert_int_equal(candidate_rank(&v, &r, &list), 1);
    assert_int_equal(list.n, 3);
    assert_int_equal(list.order[1], 2);
    assert_int_equal(list.order[2], 3);
}

static void randomize(struct prng *g, int n)
{
    coreview_make(&v, n, 10);
    for (int i = 1; i < n; i++) {
        coreview_replica(&v, i, 0, 990 + prng_below(g, 3), 980);
        v.nodes[i].timeline = 1 + prng_below(g, 2);
        v.nodes[i].priority = (int)prng_below(g, 3) - 1;
        v.nodes[i].weight = prng_below(g, 2);
    }
}

static void is_a_total_order(void **state)
{
    (void)state;
    struct prng g;
    prng_init(&g, 1);
    for (int round = 0; round < 300; round++) {
        int n = 2 + (int)prng_below(&g, 7);
        randomize(&g, n);
        for (int a = 1; a < n; a++)
            for (int b = 1; b < n; b++) {
                int ab = candidate_compare(&v, a, b), ba = candidate_compare(&v, b, a);
                assert_int_equal(ab == 0, a == b);
                assert_int_equal(ab<0, ba> 0);
                for (int c = 1; c < n; c++)
                    if (ab < 0 && candidate_compare(&v, b, c) < 0)
                        assert_true(candidate_compare(&v, a, c) < 0);
            }
    }
}

static void best_has_most_of_the_lineage(void **state)
{
    (void)state;
    struct prng g;
    prng_init(&g, 2);
    for (int round = 0; round < 2000; round++) {
        int n = 2 + (int)prng_below(&g, 7);
        randomize(&g, n);
        for (int i = 1; i < n; i++) {
            if (prng_below(&g, 5) == 0)
                coreview_down(&v, i, 5);
            if (prng_below(&g, 7) == 0)
                v.nodes[i].promotable = false;
        }
        struct candidate_rules r = rules();
        int best = candidate_rank(&v, &r, &list), eligible = 0;
        for (int i = 0; i < n; i++) {
            eligible += list.reason[i] == CANDIDATE_OK;
            if (list.reason[i] == CANDIDATE_OK)
                assert_true(view_position(&v, best) >= view_position(&v, i));
        }
        assert_int_equal(eligible, list.n);
        assert_int_equal(best, list.n ? list.order[0] : -1);
        for (int i = 1; i < list.n; i++)
            assert_true(candidate_compare(&v, list.order[i - 1], list.order[i]) < 0);
    }
}

static void sixty_four(void **state)
{
    (void)state;
    struct candidate_rules r = rules();
    coreview_make(&v, TOPO_NODES_MAX, 10);
    assert_int_equal(candidate_rank(&v, &r, &list), 9); /* pg10 sorts before pg2 */
    assert_int_equal(list.n, TOPO_NODES_MAX - 1);
    r.excluded = UINT64_MAX;
    assert_int_equal(candidate_rank(&v, &r, &list), -1);
    for (int i = 0; i < CANDIDATE_NR; i++)
        assert_true(candidate_reason_text((enum candidate_reason)i)[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons),          cmocka_unit_test(lag_bound),
        cmocka_unit_test(lineage),          cmocka_unit_test(order),
        cmocka_unit_test(is_a_total_order), cmocka_unit_test(best_has_most_of_the_lineage),
        cmocka_unit_test(sixty_four),
    };
    return cmocka_run_group_tests_name("candidate", tests, NULL, NULL);
}
