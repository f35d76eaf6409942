#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../proxy/admin/console_parse.h"

static struct console_parsed parsed;
static const struct console_command *usage;
static struct err error;

static int parse(const char *text)
{
    error = (struct err){0};
    return console_parse(text, &parsed, &usage, &error);
}

static void test_words(void **state)
{
    static const struct {
        const char *text;
        enum console_id id;
    } rows[] = {
        {"", CONSOLE_EMPTY},
        {"  ;; ", CONSOLE_EMPTY},
        {"-- nothing\n /* at all */", CONSOLE_EMPTY},
        {"SHOW NODES", CONSOLE_SHOW_NODES},
        {"show nodes;", CONSOLE_SHOW_NODES},
        {"\tShow\n  pools ; -- bye", CONSOLE_SHOW_POOLS},
        {"/* hi */ show /* there */ stats", CONSOLE_SHOW_STATS},
        {"SHOW STATS_TOTALS", CONSOLE_SHOW_STATS_TOTALS},
        {"SHOW TRANSACTION ISOLATION LEVEL", CONSOLE_SHOW_ISOLATION},
        {"SELECT version()", CONSOLE_SELECT_VERSION},
        {"SELECT 1", CONSOLE_SELECT},
        {"SET extra_float_digits = 3", CONSOLE_SET},
        {"SET x TO 'a;b'", CONSOLE_SET},
        {"BEGIN", CONSOLE_BEGIN},
        {"START TRANSACTION READ ONLY", CONSOLE_START_TRANSACTION},
        {"reload", CONSOLE_RELOAD},
        {"SHUTDOWN;", CONSOLE_SHUTDOWN},
        {"PAUSE", CONSOLE_PAUSE},
        {"resume;", CONSOLE_RESUME},
        {"KILL", CONSOLE_KILL},
        {"reconnect -- all", CONSOLE_RECONNECT},
        {"WAIT_CLOSE", CONSOLE_WAIT_CLOSE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (parse(rows[i].text) != 0)
            fail_msg("\"%s\": %s", rows[i].text, error.text);
        if (parsed.id != rows[i].id)
            fail_msg("\"%s\": got %d, not %d", rows[i].text, (int)parsed.id, (int)rows[i].id);
    }
}

static void test_pools(void **state)
{
    static const char *const with_database[] = {"PAUSE",      "RESUME",  "RECONNECT", "KILL",
                                                "WAIT_CLOSE", "DISABLE", "ENABLE"};
    char text[64];
    (void)state;
    for (size_t i = 0; i < sizeof with_database / sizeof with_database[0]; i++) {
        snprintf(text, sizeof text, "%s \"My db\" ;", with_database[i]);
        assert_int_equal(parse(text), 0);
        assert_string_equal(parsed.database, "My db");
        assert_int_equal(console_command(parsed.id)->access, CONSOLE_CHANGE);
        snprintf(text, sizeof text, "%s a b", with_database[i]);
        assert_int_equal(parse(text), ERR_INVALID);
    }
    assert_int_equal(parse("PAUSE ;"), 0);
    assert_string_equal(parsed.database, "");
    assert_int_equal(parse("DISABLE"), ERR_INVALID);
    assert_int_equal(parse("ENABLE;"), ERR_INVALID);
    assert_int_equal(parse("KILL_CLIENT 18446744"), 0);
    assert_true(parsed.client == 18446744);
    assert_int_equal(parse("KILL_CLIENT"), ERR_INVALID);
    assert_int_equal(parse("KILL_CLIENT -1"), ERR_INVALID);
    assert_int_equal(parse("KILL_CLIENT one"), ERR_INVALID);
    assert_int_equal(parse("KILL_CLIENT 1 2"), ERR_INVALID);
}

static void test_change(void **state)
{
    (void)state;
    assert_int_equal(parse("SWITCHOVER AT '2026-11-21 22:00' TO pg2"), 0);
    assert_string_equal(parsed.literal, "2026-11-21 22:00");
    assert_string_equal(parsed.node, "pg2");
    assert_int_equal(parse("CANCEL CLUSTER c"), 0);
    assert_string_equal(parsed.cluster, "c");
    assert_int_equal(parse("SWITCHOVER"), 0);
    assert_string_equal(parsed.node, "");
    assert_int_equal(parse("switchover to pg-2.example:5432 dry run;"), 0);
    assert_string_equal(parsed.node, "pg-2.example:5432");
    assert_true(parsed.dry_run);
    assert_int_equal(parse("SWITCHOVER DRY RUN CLUSTER \"pro\"\"d\" TO 'it''s'"), 0);
    assert_string_equal(parsed.cluster, "pro\"d");
    assert_string_equal(parsed.node, "it's");
    assert_true(parsed.dry_run);
    assert_false(parsed.accept_data_loss);
    assert_int_equal(parse("FAILOVER TO \"to\" ACCEPT DATA LOSS"), 0);
    assert_string_equal(parsed.node, "to");
    assert_true(parsed.accept_data_loss);
    assert_int_equal(parse("DRAIN pg1"), 0);
    assert_int_equal(parsed.id, CONSOLE_DRAIN);
    assert_string_equal(parsed.node, "pg1");
    assert_int_equal(parse("UNDRAIN pg1 CLUSTER b"), 0);
    assert_string_equal(parsed.cluster, "b");
    assert_int_equal(parse("MAINTENANCE on"), 0);
    assert_true(parsed.on);
    assert_int_equal(parse("MAINTENANCE OFF CLUSTER x"), 0);
    assert_false(parsed.on);
    assert_string_equal(parsed.cluster, "x");
}

static void test_explain(void **state)
{
    (void)state;
    assert_int_equal(parse("EXPLAIN ROUTE select 1; select 2"), 0);
    assert_string_equal(parsed.sql, "select 1; select 2");
    assert_string_equal(parsed.database, "");
    assert_int_equal(
        parse("explain route (database app, user \"a b\")  /* tanist: primary */ SELECT 'x"), 0);
    assert_string_equal(parsed.database, "app");
    assert_string_equal(parsed.user, "a b");
    assert_string_equal(parsed.sql, "/* tanist: primary */ SELECT 'x");
    assert_int_equal(parse("EXPLAIN ROUTE (USER bob) TABLE t"), 0);
    assert_string_equal(parsed.user, "bob");
    assert_int_equal(parse("EXPLAIN ROUTE (SELECT 1)"), 0);
    assert_string_equal(parsed.sql, "(SELECT 1)");
    assert_int_equal(parse("EXPLAIN ROUTE"), ERR_INVALID);
    assert_int_equal(parse("EXPLAIN ROUTE (DATABASE app SELECT 1"), ERR_INVALID);
    assert_int_equal(parse("EXPLAIN ROUTE (DATABASE app, PORT 1) SELECT 1"), ERR_INVALID);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *says;
        enum console_id meant; /* its usage is the hint */
    } rows[] = {
        {"SHOW", "unknown command", CONSOLE_EMPTY},
        {"SHOW POOL", "did you mean SHOW POOLS?", CONSOLE_EMPTY},
        {"switchovr", "did you mean SWITCHOVER?", CONSOLE_EMPTY},
        {"DROP TABLE x", "unknown command \"DROP TABLE x\"", CONSOLE_EMPTY},
        {"\"SHOW\" NODES", "unknown command", CONSOLE_EMPTY},
        {"SHOW NODES nine", "syntax error at \"nine\"", CONSOLE_SHOW_NODES},
        {"RELOAD; SHUTDOWN", "one command at a time", CONSOLE_RELOAD},
        {"SWITCHOVER TO", "name of a node is missing", CONSOLE_SWITCHOVER},
        {"SWITCHOVER TO a TO b", "syntax error at \"TO b\"", CONSOLE_SWITCHOVER},
        {"SWITCHOVER ACCEPT DATA LOSS", "syntax error at \"ACCEPT", CONSOLE_SWITCHOVER},
        {"SWITCHOVER AT", "the time is missing", CONSOLE_SWITCHOVER},
        {"FAILOVER AT '+5min'", "syntax error at \"AT", CONSOLE_FAILOVER},
        {"CANCEL a", "syntax error at \"a\"", CONSOLE_CANCEL},
        {"SWITCHOVER DRY", "syntax error at \"DRY\"", CONSOLE_SWITCHOVER},
        {"DRAIN", "name of a node is missing", CONSOLE_DRAIN},
        {"DRAIN ''", "name of a node is empty", CONSOLE_DRAIN},
        {"DRAIN (", "not \"(\"", CONSOLE_DRAIN},
        {"DRAIN \"pg1", "unterminated quote", CONSOLE_DRAIN},
        {"MAINTENANCE", "expected ON or OFF", CONSOLE_MAINTENANCE},
        {"MAINTENANCE \"on\"", "expected ON or OFF", CONSOLE_MAINTENANCE},
        {"SELECT * FROM pg_class", "not a database", CONSOLE_SELECT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(parse(rows[i].text), ERR_INVALID);
        if (!strstr(error.text, rows[i].says))
            fail_msg("\"%s\": says \"%s\"", rows[i].text, error.text);
        const struct console_command *meant = rows[i].meant ? console_command(rows[i].meant) : NULL;
        if (usage != meant)
            fail_msg("\"%s\": wrong usage", rows[i].text);
    }
}

static void test_long_names(void **state)
{
    char text[1024];
    char name[600];
    (void)state;
    for (size_t n = 60; n < sizeof name; n++) {
        memset(name, 'x', n);
        name[n] = '\0';
        snprintf(text, sizeof text, "DRAIN %s", name);
        assert_int_equal(parse(text), n < CONSOLE_NAME_MAX ? 0 : ERR_INVALID);
        snprintf(text, sizeof text, "DRAIN \"%s\"", name);
        assert_int_equal(parse(text), n < CONSOLE_NAME_MAX ? 0 : ERR_INVALID);
    }
}

/* Any prefix of any command is an answer, not an accident. */
static void test_prefixes(void **state)
{
    static const char *const texts[] = {
        "EXPLAIN ROUTE (DATABASE \"a\"\"b\", USER 'x') /* c */ SELECT $1 -- end",
        "FAILOVER CLUSTER 'c' TO \"n\" ACCEPT DATA LOSS DRY RUN ; /* x */ -- y",
    };
    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (size_t n = 0; n <= strlen(texts[i]); n++) {
            char text[256];
            memcpy(text, texts[i], n);
            text[n] = '\0';
            int rc = parse(text);
            assert_true(rc == 0 || (rc == ERR_INVALID && error.text[0]));
        }
}

static void test_table(void **state)
{
    (void)state;
    for (enum console_id id = CONSOLE_EMPTY + 1; id < CONSOLE_ID_NR; id++) {
        const struct console_command *c = console_command(id);
        assert_non_null(c->words);
        assert_non_null(c->usage);
        /* Whoever may change things must be told so by SHOW HELP. */
        if (c->access != CONSOLE_NOISE)
            assert_non_null(c->doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),    cmocka_unit_test(test_pools),
        cmocka_unit_test(test_change),   cmocka_unit_test(test_explain),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_prefixes), cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
