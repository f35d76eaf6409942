#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../proxy/admin/answer.h"
#include "../../replication/base/bytes.h"
#include "../../replication/base/table.h"

/* The types of the messages, and a check that the lengths add up. Takes the bytes. */
static const char *types_of(uint8_t *bytes, size_t n)
{
    static char types[64];
    size_t count = 0;
    assert_non_null(bytes);
    struct reader r = reader_of(bytes, n);
    while (reader_left(&r)) {
        assert_true(count < sizeof types - 1);
        types[count++] = (char)read_u8(&r);
        uint32_t len = read_u32(&r);
        assert_true(len >= 4);
        (void)read_bytes(&r, len - 4);
    }
    assert_true(reader_done(&r));
    types[count] = '\0';
    free(bytes);
    return types;
}

static void test_rows(void **state)
{
    static const char *const columns[] = {"node", "lag_ms"};
    (void)state;
    struct table *t = table_new(columns, 2);
    size_t n = 0;
    uint8_t *bytes;
    bytes = answer_table(t, "SHOW", ANSWER_SIMPLE, &n);
    assert_string_equal(types_of(bytes, n), "TCZ");
    table_cell(t, "pg1");
    table_cell(t, NULL);
    table_cell(t, "");
    table_cell_i64(t, -5);
    bytes = answer_table(t, "SHOW", ANSWER_SIMPLE, &n);
    assert_string_equal(types_of(bytes, n), "TDDCZ");
    bytes = answer_table(t, "SHOW", ANSWER_EXECUTE, &n);
    assert_string_equal(types_of(bytes, n), "DDC");
    bytes = answer_table(t, "SHOW", ANSWER_SIMPLE, &n);
    /* NULL is length -1, an empty text is length 0. */
    static const uint8_t rows[] = {'D', 0,   0,    0,    17,   0,    2,   0, 0, 0,   3,  'p',
                                   'g', '1', 0xff, 0xff, 0xff, 0xff, 'D', 0, 0, 0,   16, 0,
                                   2,   0,   0,    0,    0,    0,    0,   0, 2, '-', '5'};
    assert_non_null(memmem(bytes, n, rows, sizeof rows));
    free(bytes);
    table_free(t);
}

static void test_report(void **state)
{
    static const char *const columns[] = {"report"};
    (void)state;
    struct table *t = table_new(columns, 1);
    size_t n = 0;
    table_cell(t, "one");
    table_cell(t, "two");
    uint8_t *bytes = answer_report(t, "SWITCHOVER", ANSWER_SIMPLE, &n);
    assert_string_equal(types_of(bytes, n), "TDDCZ");
    bytes = answer_report(t, "SWITCHOVER", ANSWER_EXECUTE, &n);
    assert_non_null(memmem(bytes, n, "Mtwo", 5));
    assert_string_equal(types_of(bytes, n), "NNC");
    table_free(t);
}

static void test_many_rows(void **state)
{
    static const char *const columns[] = {"x"};
    (void)state;
    struct table *t = table_new(columns, 1);
    char cell[1000];
    memset(cell, 'y', sizeof cell - 1);
    cell[sizeof cell - 1] = '\0';
    for (int i = 0; i < TABLE_ROWS_MAX; i++)
        table_cell(t, cell);
    assert_true(table_truncated(t));
    size_t n;
    uint8_t *bytes = answer_table(t, "SHOW", ANSWER_SIMPLE, &n);
    assert_non_null(bytes);
    assert_int_equal(bytes[n - 6], 'Z');
    assert_int_equal(bytes[n - 1], 'I');
    assert_true(n > (size_t)TABLE_BYTES_MAX / 2 && n < 2 * (size_t)TABLE_BYTES_MAX);
    free(bytes);
    table_free(t);
}

static void test_others(void **state)
{
    (void)state;
    size_t n = 0;
    uint8_t *bytes;
    bytes = answer_tag("RELOAD", ANSWER_SIMPLE, &n);
    assert_string_equal(types_of(bytes, n), "CZ");
    bytes = answer_tag("RELOAD", ANSWER_EXECUTE, &n);
    assert_string_equal(types_of(bytes, n), "C");
    bytes = answer_empty(ANSWER_SIMPLE, &n);
    assert_string_equal(types_of(bytes, n), "IZ");
    bytes = answer_empty(ANSWER_DESCRIBE, &n);
    assert_string_equal(types_of(bytes, n), "n");
    bytes = answer_empty(ANSWER_EXECUTE, &n);
    assert_string_equal(types_of(bytes, n), "I");
    bytes = answer_tag("RELOAD", ANSWER_DESCRIBE, &n);
    assert_string_equal(types_of(bytes, n), "n");
    struct errresp e = {.code = ERRRESP_SYNTAX_ERROR, .message = "no", .hint = "SHOW HELP"};
    bytes = answer_error(&e, ANSWER_SIMPLE, &n);
    assert_string_equal(types_of(bytes, n), "EZ");
    bytes = answer_error(&e, ANSWER_SIMPLE, &n);
    assert_non_null(memmem(bytes, n, "C42601", 7));
    assert_non_null(memmem(bytes, n, "HSHOW HELP", 11));
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
