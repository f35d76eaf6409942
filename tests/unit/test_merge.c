#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../proxy/admin/averages.h"
#include "../../proxy/admin/merge.h"
#include "../../replication/base/table.h"

static struct table *filled(const char *const *columns, int n, const char *const *cells,
                            int n_cells)
{
    struct table *t = table_new(columns, n);
    assert_non_null(t);
    for (int i = 0; i < n_cells; i++)
        table_cell(t, cells[i]);
    return t;
}

#define FILLED(columns, cells) \
    filled(columns, (int)ARRAY_LEN(columns), cells, (int)ARRAY_LEN(cells))

static void assert_rows(const struct table *t, const char *const *cells, int n_cells)
{
    int cols = table_n_cols(t);
    assert_int_equal(table_n_rows(t) * cols, n_cells);
    for (int i = 0; i < n_cells; i++) {
        const char *got = table_get(t, i / cols, i % cols);
        if (cells[i])
            assert_string_equal(got, cells[i]);
        else
            assert_null(got);
    }
}

#define ASSERT_ROWS(t, ...)                                   \
    do {                                                      \
        static const char *const expected_[] = {__VA_ARGS__}; \
        assert_rows(t, expected_, (int)ARRAY_LEN(expected_)); \
    } while (0)

static void test_pools(void **state)
{
    static const char *const columns[] = {"database", "user",       "cl_active",
                                          "maxwait",  "maxwait_us", "pool_mode"};
    static const char *const cells[] = {
        "b", "u", "1", "2", "700", "session",     "a", "u", "10", "0", "5", "transaction",
        "a", "u", "5", "3", "1",   "transaction", "a", "t", "7",  "0", "0", "transaction",
        "a", "u", "1", "3", "9",   "transaction",
    };
    (void)state;
    struct table *t = FILLED(columns, cells);
    struct table *m = merge_rows(t, 2);
    /* Ordered by key; the microseconds are those of the row that waited longest. */
    ASSERT_ROWS(m, "a", "t", "7", "0", "0", "transaction", "a", "u", "16", "3", "1", "transaction",
                "b", "u", "1", "2", "700", "session");
    assert_int_equal(merge_sum(m, "cl_active"), 24);
    assert_int_equal(merge_sum(m, "no_such"), 0);
    assert_int_equal(merge_column(m, "pool_mode"), 5);
    assert_int_equal(merge_column(m, "pool"), -1);
    table_free(m);
    table_free(t);
}

static void test_empty_and_null(void **state)
{
    static const char *const columns[] = {"database", "n"};
    static const char *const cells[] = {"a", NULL, "a", NULL};
    (void)state;
    struct table *t = table_new(columns, 2);
    struct table *m = merge_rows(t, 1);
    assert_int_equal(table_n_rows(m), 0);
    table_free(m);
    table_free(t);
    t = FILLED(columns, cells);
    m = merge_rows(t, 1);
    ASSERT_ROWS(m, "a", NULL);
    table_free(m);
    table_free(t);
}

static void test_project(void **state)
{
    static const char *const columns[] = {"database", "total_x", "avg_x", "total_y"};
    static const char *const cells[] = {"a", "1", "2", "3"};
    static const char *const keep[] = {"database"};
    (void)state;
    struct table *t = FILLED(columns, cells);
    struct table *p = merge_project(t, keep, 1, "total_");
    assert_int_equal(table_n_cols(p), 3);
    assert_string_equal(table_column(p, 2), "total_y");
    ASSERT_ROWS(p, "a", "1", "3");
    table_free(p);
    p = merge_without(t, "total_x");
    ASSERT_ROWS(p, "a", "2", "3");
    table_free(p);
    p = merge_without(t, "nothing");
    assert_int_equal(table_n_cols(p), 4);
    table_free(p);
    table_free(t);
}

static const char *cell(const struct table *t, int row, const char *column)
{
    int col = merge_column(t, column);
    assert_true(col >= 0);
    return table_get(t, row, col);
}

static struct table *stats(const char *xacts, const char *xact_time, const char *sent)
{
    static const char *const columns[] = {"database", "total_xact_count", "total_xact_time",
                                          "total_sent", "retries"};
    const char *cells[] = {"a", xacts, xact_time, sent, "4"};
    return filled(columns, 5, cells, 5);
}

static void assert_average(struct averages *a, const char *const in[3], usec_t now,
                           const char *const out[3])
{
    struct table *t = stats(in[0], in[1], in[2]);
    struct table *r = averages_add(a, t, now);
    assert_string_equal(cell(r, 0, "avg_xact_count"), out[0]);
    assert_string_equal(cell(r, 0, "avg_xact_time"), out[1]);
    assert_string_equal(cell(r, 0, "avg_sent"), out[2]);
    assert_string_equal(cell(r, 0, "retries"), "4");
    /* Totals, then averages, then ours. */
    assert_int_equal(merge_column(r, "total_sent"), 3);
    assert_int_equal(merge_column(r, "avg_server_assignment_count"), 4);
    assert_int_equal(merge_column(r, "retries"), table_n_cols(r) - 1);
    table_free(r);
    table_free(t);
}

#define AVERAGE(a, seconds, x, t, s, ax, at, as)                                        \
    assert_average(a, (const char *const[]){x, t, s}, 1000000 + (seconds)*USEC_PER_SEC, \
                   (const char *const[]){ax, at, as})

static void test_averages(void **state)
{
    struct averages a;
    (void)state;
    averages_init(&a, 1000000);
    AVERAGE(&a, 0, "0", "0", "0", "0", "0", "0");
    /* The first minute counts from the start. */
    AVERAGE(&a, 10, "100", "5000", "1000", "10", "50", "100");
    AVERAGE(&a, 20, "100", "5000", "1000", "5", "50", "50");
    /* This look is a minute old: it becomes the latest, the start is still the base. */
    AVERAGE(&a, 60, "600", "60000", "6000", "10", "100", "100");
    AVERAGE(&a, 100, "1000", "60000", "6000", "10", "60", "60");
    /* Now the look at 60 s is the base. */
    AVERAGE(&a, 120, "1800", "300000", "6000", "20", "200", "0");
    AVERAGE(&a, 160, "1600", "60000", "6000", "10", "0", "0");
    averages_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pools),
        cmocka_unit_test(test_empty_and_null),
        cmocka_unit_test(test_project),
        cmocka_unit_test(test_averages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
