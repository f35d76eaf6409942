#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../replication/base/table.h"
#include "expect_bug.h"

static void cells(void **state)
{
    (void)state;
    static const char *const columns[] = {"name", "lag", "state", "size", "ok"};
    struct table *t = table_new(columns, 5);
    assert_non_null(t);
    assert_int_equal(table_n_cols(t), 5);
    assert_int_equal(table_n_rows(t), 0);
    assert_string_equal(table_column(t, 0), "name");
    assert_string_equal(table_column(t, 4), "ok");
    char name[8] = "pg1";
    table_cell(t, name);
    name[0] = 'x'; /* was copied */
    table_cell_i64(t, INT64_MIN);
    table_cell(t, NULL);
    assert_int_equal(table_n_rows(t), 0); /* not complete yet */
    table_cell_u64(t, UINT64_MAX);
    table_cell_bool(t, true);
    assert_int_equal(table_n_rows(t), 1);
    table_cellf(t, "%s-%d", "pg", 2);
    table_cell(t, "");
    assert_string_equal(table_get(t, 0, 0), "pg1");
    assert_string_equal(table_get(t, 0, 1), "-9223372036854775808");
    assert_null(table_get(t, 0, 2));
    assert_string_equal(table_get(t, 0, 3), "18446744073709551615");
    assert_string_equal(table_get(t, 0, 4), "t");
    EXPECT_BUG((void)table_get(t, 1, 0));
    table_cell(t, NULL);
    table_cell(t, NULL);
    table_cell_bool(t, false);
    assert_string_equal(table_get(t, 1, 0), "pg-2");
    assert_string_equal(table_get(t, 1, 1), ""); /* empty is not NULL */
    assert_string_equal(table_get(t, 1, 4), "f");
    EXPECT_BUG((void)table_get(t, 0, 5));
    EXPECT_BUG((void)table_column(t, -1));
    assert_false(table_truncated(t));
    table_free(t);
    table_free(NULL);
}

static void long_cells(void **state)
{
    (void)state;
    static const char *const columns[] = {"c"};
    static char text[5000];
    memset(text, 'x', sizeof(text) - 1);
    struct table *t = table_new(columns, 1);
    assert_non_null(t);
    table_cell(t, text);
    table_cellf(t, "%s", text);
    assert_int_equal(strlen(table_get(t, 0, 0)), sizeof(text) - 1);
    assert_int_equal(strlen(table_get(t, 1, 0)), TABLE_CELL_MAX - 1);
    table_free(t);
}

static void bound_of_rows(void **state)
{
    (void)state;
    static const char *const columns[] = {"a", "b"};
    struct table *t = table_new(columns, 2);
    assert_non_null(t);
    for (int i = 0; i < TABLE_ROWS_MAX; i++) {
        table_cellf(t, "%d", i);
        table_cell(t, NULL);
    }
    assert_int_equal(table_n_rows(t), TABLE_ROWS_MAX);
    assert_false(table_truncated(t));
    table_cell(t, "x");
    assert_true(table_truncated(t));
    table_cell(t, "y");
    assert_int_equal(table_n_rows(t), TABLE_ROWS_MAX);
    assert_string_equal(table_get(t, TABLE_ROWS_MAX - 1, 0), "99999");
    table_free(t);
}

/* A row that does not fit goes as a whole; what is there stays readable. */
static void bound_of_bytes(void **state)
{
    (void)state;
    static const char *const columns[] = {"a", "b"};
    enum { MB = 1024 * 1024 };
    char *big = malloc(MB);
    assert_non_null(big);
    memset(big, 'x', MB - 1);
    big[MB - 1] = '\0';
    struct table *t = table_new(columns, 2);
    assert_non_null(t);
    for (int i = 0; i < 10; i++) {
        table_cell(t, big);
        table_cell(t, big);
    }
    assert_true(table_truncated(t));
    assert_int_equal(table_n_rows(t), 7);
    for (int i = 0; i < 7; i++)
        assert_int_equal(strlen(table_get(t, i, 1)), MB - 1);
    table_free(t);
    free(big);
}

static void misuse(void **state)
{
    (void)state;
    static const char *const columns[TABLE_COLS_MAX + 1] = {"a"};
    static struct table *t;
    EXPECT_BUG(t = table_new(columns, 0));
    EXPECT_BUG(t = table_new(columns, TABLE_COLS_MAX + 1));
    assert_null(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells),         cmocka_unit_test(long_cells),
        cmocka_unit_test(bound_of_rows), cmocka_unit_test(bound_of_bytes),
        cmocka_unit_test(misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
