#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../replication/base/str.h"

static void slices(void **state)
{
    (void)state;
    assert_int_equal(slice_of(NULL).n, 0);
    assert_true(slice_eq(slice_of("ab"), "ab"));
    assert_false(slice_eq(slice_of("ab"), "abc"));
    assert_false(slice_eq(slice_of("ab"), "aB"));
    assert_true(slice_ieq(slice_of("aB"), "Ab"));
    assert_false(slice_ieq(slice_of("a["), "a{")); /* differ by the case bit, but are no letters */
    assert_true(slice_eq(slice_trim(slice_of(" \t\r\na b\v\f ")), "a b"));
    assert_int_equal(slice_trim(slice_of("  ")).n, 0);
    assert_true(slice_eq(slice_of(""), ""));
}

/* Every byte and the length count, in each of the 8 places of a step. */
static void hashes(void **state)
{
    (void)state;
    char text[40];
    memset(text, 'a', sizeof(text));
    for (size_t n = 0; n < sizeof(text); n++) {
        const uint64_t h = slice_hash((struct slice){text, n});
        assert_true(h == slice_hash((struct slice){text, n}));
        assert_true(h != slice_hash((struct slice){text, n + 1}));
        for (size_t i = 0; i < n; i++) {
            text[i] = 'b';
            assert_true(h != slice_hash((struct slice){text, n}));
            text[i] = 'a';
        }
    }
    assert_true(slice_hash((struct slice){"\0", 1}) != slice_hash((struct slice){"\0\0", 2}));
}

static void builder_bounds(void **state)
{
    (void)state;
    char mem[8];
    struct strbuf b;
    for (size_t cap = 1; cap <= 6; cap++) {
        memset(mem, 'x', sizeof(mem));
        strbuf_init(&b, mem, cap);
        strbuf_adds(&b, "abcde");
        assert_int_equal(b.truncated, cap < 6);
        assert_int_equal(b.n, cap - 1);
        assert_memory_equal(mem, "abcde", cap - 1);
        assert_int_equal(mem[cap - 1], '\0');
        assert_int_equal(mem[cap], 'x');

        memset(mem, 'x', sizeof(mem));
        strbuf_reset(&b);
        strbuf_addf(&b, "%s%d", "abcd", 7);
        assert_int_equal(b.truncated, cap < 6);
        assert_int_equal(b.n, cap - 1);
        assert_memory_equal(mem, "abcd7", cap - 1);
        assert_int_equal(mem[cap - 1], '\0');
        assert_int_equal(mem[cap], 'x');
    }
    strbuf_init(&b, mem, 3);
    strbuf_addc(&b, 'a');
    strbuf_addc(&b, 'b');
    assert_false(b.truncated);
    strbuf_addc(&b, 'c');
    strbuf_addf(&b, "%s", "");
    assert_true(b.truncated);
    assert_string_equal(mem, "ab");
    strbuf_reset(&b);
    assert_false(b.truncated);
    assert_string_equal(mem, "");
}

static void quoting(void **state)
{
    (void)state;
    static const struct {
        const char *in, *literal, *ident;
    } t[] = {
        {"", "''", "\"\""},
        {"a", "'a'", "\"a\""},
        {"it's", "'it''s'", "\"it's\""},
        {"a\"b", "'a\"b'", "\"a\"\"b\""},
        {"a\\b'c", "E'a\\\\b''c'", "\"a\\b'c\""},
        {"select", "'select'", "\"select\""},
    };
    char mem[64];
    struct strbuf b;
    strbuf_init(&b, mem, sizeof(mem));
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        strbuf_reset(&b);
        strbuf_add_sql_literal(&b, t[i].in);
        assert_string_equal(mem, t[i].literal);
        strbuf_reset(&b);
        strbuf_add_sql_ident(&b, t[i].in);
        assert_string_equal(mem, t[i].ident);
    }
}

static void json(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t n;
        const char *out;
    } t[] = {
        {"", 0, "\"\""},
        {"a\"\\/", 4, "\"a\\\"\\\\/\""},
        {"\n\r\t\x01\x7f", 5, "\"\\n\\r\\t\\u0001\\u007f\""},
        {"a\0b", 3, "\"a\\u0000b\""},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\xe4x", 2, "\"\\ufffdx\""},
        {"\xc3", 1, "\"\\ufffd\""},
    };
    char mem[64];
    struct strbuf b;
    strbuf_init(&b, mem, sizeof(mem));
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        strbuf_reset(&b);
        strbuf_add_json(&b, t[i].in, t[i].n);
        assert_string_equal(mem, t[i].out);
    }
}

static void utf8(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t n, len;
    } t[] = {
        {"", 0, 0},
        {"a", 1, 1},
        {"\x80", 1, 0},
        {"\xc1\x81", 2, 0}, /* overlong */
        {"\xc2\x80", 2, 2},
        {"\xc2", 1, 0},
        {"\xc2x", 2, 0},
        {"\xe0\x9f\xbf", 3, 0}, /* overlong */
        {"\xe0\xa0\x80", 3, 3},
        {"\xed\xa0\x80", 3, 0}, /* surrogate */
        {"\xed\x9f\xbf", 3, 3},
        {"\xf0\x8f\xbf\xbf", 4, 0}, /* overlong */
        {"\xf0\x90\x80\x80", 4, 4},
        {"\xf4\x8f\xbf\xbf", 4, 4},
        {"\xf4\x90\x80\x80", 4, 0}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", 4, 0},
        {"\xf0\x90\x80", 3, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++)
        assert_int_equal(str_utf8_len(t[i].in, t[i].n), t[i].len);
}

static void copies(void **state)
{
    (void)state;
    char mem[4];
    assert_true(str_copy(mem, sizeof(mem), "abc"));
    assert_string_equal(mem, "abc");
    assert_false(str_copy(mem, sizeof(mem), "abcd"));
    assert_string_equal(mem, "abc");
    assert_false(str_copy(mem, 1, "a"));
    assert_string_equal(mem, "");
    assert_true(str_copy(mem, 1, ""));
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        bool u, i;
    } t[] = {
        {"0", true, true},
        {"007", true, true},
        {"", false, false},
        {" 1", false, false},
        {"1 ", false, false},
        {"1a", false, false},
        {"+1", false, true},
        {"-1", false, true},
        {"-", false, false},
        {"--1", false, false},
        {"9223372036854775807", true, true},
        {"9223372036854775808", true, false},
        {"-9223372036854775808", false, true},
        {"-9223372036854775809", false, false},
        {"18446744073709551615", true, false},
        {"18446744073709551616", false, false},
        {"99999999999999999999", false, false},
    };
    uint64_t u;
    int64_t i;
    for (size_t k = 0; k < ARRAY_LEN(t); k++) {
        assert_int_equal(str_to_u64(t[k].in, &u), t[k].u);
        assert_int_equal(str_to_i64(t[k].in, &i), t[k].i);
    }
    assert_true(str_to_u64("18446744073709551615", &u) && u == UINT64_MAX);
    assert_true(str_to_i64("-9223372036854775808", &i) && i == INT64_MIN);
    assert_true(str_to_i64("-0", &i) && i == 0);
    assert_true(str_to_i64("-42", &i) && i == -42);
    u = 5;
    assert_false(str_to_u64("x", &u));
    assert_int_equal(u, 5);
}

static void distances(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        unsigned max, d;
    } t[] = {
        {"", "", 3, 0},
        {"abc", "abc", 3, 0},
        {"abc", "abd", 3, 1},
        {"abc", "ab", 3, 1},
        {"ab", "abc", 3, 1},
        {"wait", "wiat", 3, 1},
        {"kitten", "sitting", 5, 3},
        {"", "abc", 5, 3},
        {"abc", "", 5, 3},
        {"abc", "xyz", 2, 3},
        {"abcd", "wxyz", 2, 3},
        {"abc", "ABC", 5, 3},
        {"max_lag", "maxlag", 2, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++)
        assert_int_equal(str_distance(t[i].a, t[i].b, t[i].max), t[i].d);
    char a[66], b[66];
    memset(a, 'a', sizeof(a));
    memset(b, 'a', sizeof(b));
    a[64] = b[64] = '\0';
    assert_int_equal(str_distance(a, b, 3), 0);
    a[64] = 'a';
    a[65] = '\0';
    assert_int_equal(str_distance(a, b, 3), 4);
    assert_int_equal(str_distance(b, a, 3), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices),  cmocka_unit_test(hashes),  cmocka_unit_test(builder_bounds),
        cmocka_unit_test(quoting), cmocka_unit_test(json),    cmocka_unit_test(utf8),
        cmocka_unit_test(copies),  cmocka_unit_test(numbers), cmocka_unit_test(distances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
