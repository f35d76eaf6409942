#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../proxy/cli_print.h"
#include "../../replication/base/attrs.h"
#include "../../replication/base/table.h"

static struct table *nodes(void)
{
    static const char *const columns[] = {"node", "lag_ms", "zone", "port"};
    struct table *t = table_new(columns, 4);
    static const char *const cells[] = {"pg1", "12", "é\"x", "5432", "a\tb\\", NULL, "", "x"};
    for (size_t i = 0; i < ARRAY_LEN(cells); i++)
        table_cell(t, cells[i]);
    return t;
}

static void assert_prints(const struct table *t, const char *const *columns, enum cli_format format,
                          const char *expected)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    cli_print_rows(t, columns, format, f);
    fclose(f);
    assert_string_equal(text, expected);
    free(text);
}

static void test_formats(void **state)
{
    (void)state;
    struct table *t = nodes();
    /* Numbers to the right, widths in characters. */
    assert_prints(t, NULL, CLI_TABLE,
                  "node  lag_ms  zone  port\n"
                  "pg1       12  é\"x   5432\n"
                  "a\tb\\                x\n");
    assert_prints(
        t, NULL, CLI_JSON,
        "[{\"node\": \"pg1\", \"lag_ms\": 12, \"zone\": \"é\\\"x\", \"port\": 5432},\n"
        " {\"node\": \"a\\tb\\\\\", \"lag_ms\": null, \"zone\": \"\", \"port\": \"x\"}]\n");
    assert_prints(t, NULL, CLI_TSV,
                  "node\tlag_ms\tzone\tport\npg1\t12\té\"x\t5432\na\\tb\\\\\t\t\tx\n");
    table_free(t);
}

static void test_columns(void **state)
{
    static const char *const columns[] = {"port", "nothing", "node", NULL};
    (void)state;
    struct table *t = nodes();
    assert_prints(t, columns, CLI_TSV, "port\tnode\n5432\tpg1\nx\ta\\tb\\\\\n");
    table_free(t);
}

/* What looks like a number stays a string unless the column says that it is one. */
static void test_numbers(void **state)
{
    static const char *const columns[] = {"node", "total_x", "epoch"};
    static const char *const cells[] = {"15", "1.5", "007", "-1", "-0", "1e3", "x", "", "."};
    (void)state;
    struct table *t = table_new(columns, 3);
    for (size_t i = 0; i < ARRAY_LEN(cells); i++)
        table_cell(t, cells[i]);
    assert_prints(t, NULL, CLI_JSON,
                  "[{\"node\": \"15\", \"total_x\": 1.5, \"epoch\": \"007\"},\n"
                  " {\"node\": \"-1\", \"total_x\": -0, \"epoch\": \"1e3\"},\n"
                  " {\"node\": \"x\", \"total_x\": \"\", \"epoch\": \".\"}]\n");
    table_free(t);
}

static void test_booleans(void **state)
{
    static const char *const columns[] = {"readable", "zone"};
    static const char *const cells[] = {"t", "t", "f", "f", NULL, "x"};
    (void)state;
    struct table *t = table_new(columns, 2);
    for (size_t i = 0; i < ARRAY_LEN(cells); i++)
        table_cell(t, cells[i]);
    assert_prints(t, NULL, CLI_TABLE, "readable  zone\nyes       t\nno        f\n          x\n");
    assert_prints(
        t, NULL, CLI_JSON,
        "[{\"readable\": true, \"zone\": \"t\"},\n {\"readable\": false, \"zone\": \"f\"},\n"
        " {\"readable\": null, \"zone\": \"x\"}]\n");
    assert_prints(t, NULL, CLI_TSV, "readable\tzone\nt\tt\nf\tf\n\tx\n");
    table_free(t);
}

static void test_parts(void **state)
{
    static const char *const columns[] = {"a"};
    (void)state;
    struct table *t = table_new(columns, 1);
    table_cell(t, "1");
    const struct cli_print_part parts[] = {{"one", t, NULL}, {"two", t, NULL}};
    static const char *const expected[] = {
        "a\n1\n\na\n1\n", "{\"one\": [{\"a\": \"1\"}],\n\"two\": [{\"a\": \"1\"}]}\n"};
    for (int i = 0; i < 2; i++) {
        char *text = NULL;
        size_t n = 0;
        FILE *f = open_memstream(&text, &n);
        cli_print_parts(parts, 2, i ? CLI_JSON : CLI_TABLE, f);
        fclose(f);
        assert_string_equal(text, expected[i]);
        free(text);
    }
    table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats), cmocka_unit_test(test_columns),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_booleans),
        cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
