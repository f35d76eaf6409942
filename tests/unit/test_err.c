#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "../../replication/base/err.h"

static void tokens(void **state)
{
    (void)state;
    assert_string_equal(err_token(0), "ok");
    assert_string_equal(err_token(ERR_IO), "io");
    assert_string_equal(err_token(ERR_AGAIN), "again");
    assert_string_equal(err_token(1), "unknown");
    assert_string_equal(err_token(-1000), "unknown");
    /* Every code has a token of its own. */
    static const int codes[] = {
#define X(name, value, token) name,
        ERR_CODES(X)
#undef X
    };
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        assert_true(codes[i] < 0);
        assert_string_not_equal(err_token(codes[i]), "unknown");
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(err_token(codes[i]), err_token(codes[j]));
    }
}

static void set_and_wrap(void **state)
{
    (void)state;
    struct err e = {.sqlstate = "57P01"};
    assert_int_equal(err_set(&e, ERR_PROTO, "length %d", 5), ERR_PROTO);
    assert_int_equal(e.code, ERR_PROTO);
    assert_string_equal(e.text, "length 5");
    assert_string_equal(e.sqlstate, "");
    assert_int_equal(err_wrap(&e, "node %s", "pg1"), ERR_PROTO);
    assert_string_equal(e.text, "node pg1: length 5");
    assert_int_equal(err_set(&e, e.code, "again: %s", e.text), ERR_PROTO);
    assert_string_equal(e.text, "again: node pg1: length 5");
    err_clear(&e);
    assert_int_equal(e.code, 0);
    assert_string_equal(e.text, "");
    assert_int_equal(err_errno(&e, ENOENT, "open %s", "x"), ERR_IO);
    assert_int_equal(e.code, ERR_IO);
    assert_string_equal(e.text, "open x: No such file or directory");
}

static void without_a_place(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_LIMIT, "x"), ERR_LIMIT);
    assert_int_equal(err_errno(NULL, EIO, "x"), ERR_IO);
    assert_int_equal(err_wrap(NULL, "x"), ERR_INVALID);
    err_clear(NULL);
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    struct {
        struct err e;
        char guard[8];
    } s;
    char text[2 * ERR_TEXT_MAX];
    memset(s.guard, 'g', sizeof(s.guard));
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    err_set(&s.e, ERR_IO, "%s", text);
    assert_int_equal(strlen(s.e.text), ERR_TEXT_MAX - 1);
    err_wrap(&s.e, "%s", "prefix");
    assert_int_equal(strlen(s.e.text), ERR_TEXT_MAX - 1);
    assert_memory_equal(s.e.text, "prefix: xxx", 11);
    err_wrap(&s.e, "%s", text);
    assert_int_equal(strlen(s.e.text), ERR_TEXT_MAX - 1);
    err_errno(&s.e, EIO, "%s", text);
    assert_int_equal(strlen(s.e.text), ERR_TEXT_MAX - 1);
    assert_memory_equal(s.guard, "gggggggg", 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens),
        cmocka_unit_test(set_and_wrap),
        cmocka_unit_test(without_a_place),
        cmocka_unit_test(long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
