/* Answers to Describe as numbers: alike where PostgreSQL would go on with a cached plan, different where it would not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../proxy/core/signature.h"
#include "../../replication/base/bytes.h"

struct column {
    const char *name;
    uint32_t table;
    uint16_t number;
    uint32_t type;
    uint16_t len;
    uint32_t modifier;
    uint16_t format;
};

static size_t describe(uint8_t *out, size_t cap, const struct column *c, size_t n)
{
    struct writer w = writer_of(out, cap);
    write_u16(&w, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        write_cstr(&w, c[i].name);
        write_u32(&w, c[i].table);
        write_u16(&w, c[i].number);
        write_u32(&w, c[i].type);
        write_u16(&w, c[i].len);
        write_u32(&w, c[i].modifier);
        write_u16(&w, c[i].format);
    }
    assert_false(w.bad);
    return w.n;
}

/* The number, fed `step` bytes at a time. */
static uint64_t of(const struct column *c, size_t n, size_t step)
{
    static const uint8_t int4[] = {0, 1, 0, 0, 0, 23};
    uint8_t body[512];
    struct signature s;
    const size_t len = describe(body, sizeof(body), c, n);
    signature_begin(&s);
    signature_message(&s, 't');
    signature_feed(&s, int4, sizeof(int4));
    signature_message(&s, 'T');
    for (size_t at = 0; at < len; at += step)
        signature_feed(&s, body + at, len - at < step ? len - at : step);
    return signature_value(&s);
}

static const struct column two[] = {{"a", 16384, 1, 23, 4, UINT32_MAX, 0},
                                    {"b", 16384, 2, 25, UINT16_MAX, UINT32_MAX, 0}};

static void test_pieces(void **state)
{
    (void)state;
    const uint64_t all = of(two, 2, 512);
    assert_true(all != 0);
    for (size_t step = 1; step < 60; step++)
        assert_int_equal(of(two, 2, step), all);
}

static void test_what_counts(void **state)
{
    (void)state;
    const uint64_t all = of(two, 2, 512);
    struct column c[2];
#define CHANGED(change, same)                         \
    do {                                              \
        memcpy(c, two, sizeof(c));                    \
        change;                                       \
        assert_int_equal(of(c, 2, 512) == all, same); \
    } while (0)
    CHANGED(c[1].type = 23, 0);
    CHANGED(c[0].type = 20, 0);
    CHANGED(c[0].len = 8, 0);
    CHANGED(c[1].modifier = 14, 0);
    CHANGED(c[1].name = "c", 0);
    CHANGED(c[1].name = "bb", 0);
    CHANGED(c[0].table = c[1].table = 20000, 1); /* dropped and made again */
    CHANGED(c[0].number = 7, 1);                 /* a column before it was dropped */
    CHANGED(c[1].format = 1, 1);
#undef CHANGED
    assert_true(of(two, 1, 512) != all);
    assert_true(of(NULL, 0, 512) != of(two, 1, 512));
}

static void test_parameters_and_no_data(void **state)
{
    (void)state;
    static const uint8_t int4[] = {0, 1, 0, 0, 0, 23}, int8[] = {0, 1, 0, 0, 0, 20};
    uint64_t v[3];
    const uint8_t *types[] = {int4, int8, int4};
    for (int i = 0; i < 3; i++) {
        struct signature s;
        signature_begin(&s);
        signature_message(&s, 't');
        signature_feed(&s, types[i], 6);
        signature_message(&s, 'n');
        v[i] = signature_value(&s);
    }
    assert_true(v[0] != v[1]);
    assert_int_equal(v[0], v[2]);
}

static void test_mix(void **state)
{
    (void)state;
    assert_true(signature_mix(1, 2, 3) != signature_mix(1, 3, 2));
    assert_true(signature_mix(1, 2, 3) != signature_mix(2, 1, 3));
    assert_true(signature_mix(0, 0, 0) != signature_mix(0, 0, 1));
    assert_int_equal(signature_mix(UINT64_MAX, 7, UINT64_MAX) >> 63, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_what_counts),
        cmocka_unit_test(test_parameters_and_no_data),
        cmocka_unit_test(test_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
