#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../replication/base/attrs.h"
#include "../../replication/base/prng.h"

/* The published sequence of xoshiro256** seeded by splitmix64(0): a run with a seed must give the same for ever. */
static void known_sequence(void **state)
{
    (void)state;
    static const uint64_t expected[] = {UINT64_C(0x99ec5f36cb75f2b4), UINT64_C(0xbf6e1f784956452a),
                                        UINT64_C(0x1a5f849d4933e6e0), UINT64_C(0x6aa594f1262d2d2c)};
    struct prng r;
    prng_init(&r, 0);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_true(prng_next(&r) == expected[i]);
}

static void seeds_differ(void **state)
{
    (void)state;
    struct prng a, b, c;
    prng_init(&a, 1);
    prng_init(&b, 2);
    prng_init(&c, 1);
    for (int i = 0; i < 100; i++) {
        const uint64_t v = prng_next(&a);
        assert_true(v == prng_next(&c));
        assert_true(v != prng_next(&b));
    }
}

static void below_is_uniform(void **state)
{
    (void)state;
    static const uint32_t ns[] = {1, 2, 3, 7, 10, 100};
    struct prng r;
    prng_init(&r, 42);
    for (size_t k = 0; k < ARRAY_LEN(ns); k++) {
        int counts[100] = {0};
        const int per = 1000;
        for (int i = 0; i < per * (int)ns[k]; i++) {
            const uint32_t v = prng_below(&r, ns[k]);
            assert_true(v < ns[k]);
            counts[v]++;
        }
        /* 1000 expected, standard deviation 32 at most: 200 is beyond six of them. */
        for (uint32_t v = 0; v < ns[k]; v++)
            assert_in_range(counts[v], per - 200, per + 200);
    }
    for (int i = 0; i < 1000; i++) {
        assert_true(prng_below(&r, UINT32_MAX) < UINT32_MAX);
        assert_true(prng_below(&r, 0x80000001u) <= 0x80000000u);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sequence),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(below_is_uniform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
