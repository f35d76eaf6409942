/* Checksums of what was told: cuts do not matter, everything else does; and when a transaction may run again. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../proxy/core/txsum.h"
#include "../../replication/base/attrs.h"
#include "../../replication/base/prng.h"

static struct txsum sum_of(const uint8_t *p, size_t n)
{
    struct txsum t;
    txsum_init(&t);
    txsum_add(&t, p, n);
    return t;
}

static void pieces(void **state)
{
    (void)state;
    struct prng r;
    uint8_t bytes[200];
    prng_init(&r, 3);
    for (int round = 0; round < 500; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)prng_below(&r, 256);
        const struct txsum whole = sum_of(bytes, sizeof(bytes));
        struct txsum cut;
        txsum_init(&cut);
        for (size_t at = 0; at < sizeof(bytes);) {
            size_t n = prng_below(&r, 20);
            n = n < sizeof(bytes) - at ? n : sizeof(bytes) - at;
            txsum_add(&cut, bytes + at, n);
            at += n;
        }
        assert_true(txsum_equal(&whole, &cut));
        bytes[prng_below(&r, sizeof(bytes))] ^= (uint8_t)(1 + prng_below(&r, 255));
        const struct txsum other = sum_of(bytes, sizeof(bytes));
        assert_false(txsum_equal(&whole, &other));
        assert_true(whole.a != other.a);
    }
}

static void ends_of_batches(void **state)
{
    (void)state;
    struct txsum a = sum_of((const uint8_t *)"ab", 2), b = sum_of((const uint8_t *)"a", 1);
    txsum_batch(&a);
    txsum_batch(&b);
    txsum_add(&b, (const uint8_t *)"b", 1);
    assert_false(txsum_equal(&a, &b));
}

static void may_run_again(void **state)
{
    (void)state;
    const struct txsum x = sum_of((const uint8_t *)"x", 1), y = sum_of((const uint8_t *)"xy", 2);
    static const struct {
        bool lost, begun_apart, told_more;
        uint32_t attempts;
        usec_t age;
        bool want;
    } rows[] = {
        {true, true, false, 0, 10, true},   {false, true, false, 0, 10, false},
        {true, false, false, 0, 10, false}, {true, true, true, 0, 10, false},
        {true, true, false, 5, 10, false},  {true, true, false, 4, 100, true},
        {true, true, false, 0, 101, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct txsum_case c = {.lost = rows[i].lost,
                                     .begun_apart = rows[i].begun_apart,
                                     .told = rows[i].told_more ? &y : &x,
                                     .at_batch = &x,
                                     .attempts = rows[i].attempts,
                                     .attempts_max = 5,
                                     .age = rows[i].age,
                                     .age_max = 100};
        assert_int_equal(txsum_may_run_again(&c), rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces),
        cmocka_unit_test(ends_of_batches),
        cmocka_unit_test(may_run_again),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
