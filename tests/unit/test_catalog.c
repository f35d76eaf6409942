#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../proxy/core/catalog.h"
#include "../../replication/base/attrs.h"
#include "../../replication/base/err.h"

static void test_answers(void **state)
{
    (void)state;
    static _Alignas(16) char mem[65536];
    struct catalog c;
    assert_int_equal(catalog_init(&c, mem, sizeof(mem)), 0);
    assert_int_equal(catalog_add_function(&c, slice_of("lower"), false), 0);
    assert_int_equal(catalog_add_function(&c, slice_of("Lower"), true), 0);
    assert_int_equal(catalog_add_function(&c, slice_of("mixed"), false), 0);
    assert_int_equal(catalog_add_function(&c, slice_of("mixed"), true), 0);
    assert_int_equal(catalog_add_function(&c, slice_of("mixed2"), true), 0);
    assert_int_equal(catalog_add_function(&c, slice_of("mixed2"), false), 0);
    assert_int_equal(catalog_add_relation(&c, slice_of("cache")), 0);
    assert_int_equal(catalog_add_function(&c, slice_of("cache"), false), 0);
    catalog_seal(&c);
    assert_int_equal(c.n_functions, 7);
    assert_int_equal(c.n_relations, 1);

    assert_int_equal(catalog_function(&c, slice_of("lower")), CATALOG_SAFE);
    assert_int_equal(catalog_function(&c, slice_of("Lower")), CATALOG_UNSAFE);
    assert_int_equal(catalog_function(&c, slice_of("LOWER")), CATALOG_ABSENT);
    assert_int_equal(catalog_function(&c, slice_of("mixed")), CATALOG_UNSAFE);
    assert_int_equal(catalog_function(&c, slice_of("mixed2")), CATALOG_UNSAFE);
    assert_int_equal(catalog_function(&c, slice_of("absent")), CATALOG_ABSENT);
    assert_int_equal(catalog_function(&c, slice_of("")), CATALOG_ABSENT);
    assert_true(catalog_is_primary(&c, slice_of("cache")));
    assert_int_equal(catalog_function(&c, slice_of("cache")), CATALOG_SAFE);
    assert_false(catalog_is_primary(&c, slice_of("lower")));
}

static void test_built_in(void **state)
{
    (void)state;
    static _Alignas(16) char mem[32768];
    struct catalog c;
    assert_int_equal(catalog_init(&c, mem, sizeof(mem)), 0);
    /* What pg_proc says of them does not matter. */
    assert_int_equal(catalog_add_function(&c, slice_of("current_setting"), false), 0);
    assert_int_equal(catalog_add_function(&c, slice_of("pg_stat_get_numscans"), false), 0);
    catalog_seal(&c);
    static const char *const unsafe[] = {"nextval",
                                         "currval",
                                         "setval",
                                         "current_setting",
                                         "txid_current",
                                         "pg_notify",
                                         "pg_is_in_recovery",
                                         "pg_backend_pid",
                                         "pg_stat_get_numscans",
                                         "lo_import",
                                         "dblink",
                                         "dblink_exec",
                                         "pg_advisory_lock",
                                         "pg_try_advisory_xact_lock",
                                         "pg_read_file",
                                         "pg_current_wal_lsn",
                                         "pg_last_wal_replay_lsn",
                                         "inet_server_addr"};
    for (size_t i = 0; i < ARRAY_LEN(unsafe); i++)
        assert_int_equal(catalog_function(&c, slice_of(unsafe[i])), CATALOG_UNSAFE);
    static const char *const primary[] = {"pg_stat_activity",
                                          "pg_locks",
                                          "pg_settings",
                                          "pg_stat_statements",
                                          "pg_cursors",
                                          "pg_prepared_xacts",
                                          "pg_replication_slots",
                                          "pg_hba_file_rules",
                                          "pg_statio_user_tables",
                                          "pg_temp",
                                          "pg_temp_3"};
    for (size_t i = 0; i < ARRAY_LEN(primary); i++)
        assert_true(catalog_is_primary(&c, slice_of(primary[i])));
    static const char *const any_node[] = {"pg_class", "pg_stats",    "pg_statistic", "pg_proc",
                                           "pg",       "pg_",         "lo",           "t",
                                           "lower",    "pg_stats_ext"};
    for (size_t i = 0; i < ARRAY_LEN(any_node); i++)
        assert_int_equal(catalog_lookup(&c, slice_of(any_node[i])), 0);
}

static void test_plain(void **state)
{
    (void)state;
    static _Alignas(16) char mem[4096];
    struct catalog c;
    assert_int_equal(catalog_init_plain(&c, mem, sizeof(mem)), 0);
    assert_int_equal(catalog_add_function(&c, slice_of("pg_stat_file"), false), 0);
    catalog_seal(&c);
    assert_int_equal(catalog_function(&c, slice_of("pg_stat_file")), CATALOG_SAFE);
    assert_int_equal(catalog_lookup(&c, slice_of("nextval")), 0);
}

/* Many names in exactly the memory that was asked for; every one is found again and no other. */
static void test_many(void **state)
{
    (void)state;
    enum { NAMES = 20000 };
    size_t text = 0;
    char name[64];
    for (int i = 0; i < NAMES; i++)
        text += (size_t)snprintf(name, sizeof(name), "some_function_%d", i * 7);
    size_t cap = catalog_size(NAMES, text);
    void *mem = malloc(cap);
    assert_non_null(mem);
    struct catalog c;
    assert_int_equal(catalog_init(&c, mem, cap), 0);
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof(name), "some_function_%d", i * 7);
        assert_int_equal(catalog_add_function(&c, slice_of(name), i % 3 == 0), 0);
    }
    catalog_seal(&c);
    for (int i = 0; i < NAMES * 7; i++) {
        snprintf(name, sizeof(name), "some_function_%d", i);
        enum catalog_answer want = i % 7       ? CATALOG_ABSENT
                                   : i / 7 % 3 ? CATALOG_SAFE
                                               : CATALOG_UNSAFE;
        assert_int_equal(catalog_function(&c, slice_of(name)), want);
    }
    free(mem);
}

static void test_bounds(void **state)
{
    (void)state;
    static _Alignas(16) char mem[8192];
    struct catalog c;
    assert_int_equal(catalog_init_plain(&c, mem, 0), ERR_LIMIT);
    assert_int_equal(catalog_init(&c, mem, 600), ERR_LIMIT);
    assert_int_equal(catalog_init_plain(&c, mem, 600), 0);
    assert_int_equal(catalog_add_function(&c, slice_of(""), false), ERR_INVALID);
    assert_int_equal(catalog_add_function(&c, (struct slice){.p = "a\0b", .n = 3}, false),
                     ERR_INVALID);
    char longest[65];
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(catalog_add_function(&c, (struct slice){.p = longest, .n = 64}, false),
                     ERR_INVALID);
    assert_int_equal(catalog_add_function(&c, (struct slice){.p = longest, .n = 63}, false), 0);
    int rc = 0, n = 0;
    for (; rc == 0 && n < 1000; n++) {
        char name[16];
        snprintf(name, sizeof(name), "f%d", n);
        rc = catalog_add_function(&c, slice_of(name), false);
    }
    assert_int_equal(rc, ERR_LIMIT);
    /* A name that is there needs no room. */
    assert_int_equal(catalog_add_function(&c, slice_of("f0"), true), 0);
    catalog_seal(&c);
    assert_int_equal(catalog_function(&c, slice_of("f0")), CATALOG_UNSAFE);
    assert_int_equal(catalog_function(&c, slice_of("absent")), CATALOG_ABSENT);
}

/* Every length from 1 to 63 is hashed and compared to its last byte. */
static void test_lengths(void **state)
{
    (void)state;
    static _Alignas(16) char mem[16384];
    struct catalog c;
    assert_int_equal(catalog_init_plain(&c, mem, sizeof(mem)), 0);
    char name[64];
    memset(name, 'a', sizeof(name));
    for (size_t n = 1; n <= 63; n++)
        assert_int_equal(catalog_add_function(&c, (struct slice){.p = name, .n = n}, n % 2), 0);
    catalog_seal(&c);
    for (size_t n = 1; n <= 63; n++) {
        assert_int_equal(catalog_function(&c, (struct slice){.p = name, .n = n}),
                         n % 2 ? CATALOG_UNSAFE : CATALOG_SAFE);
        name[n - 1] = 'b';
        assert_int_equal(catalog_function(&c, (struct slice){.p = name, .n = n}), CATALOG_ABSENT);
        name[n - 1] = 'a';
    }
}

static void test_sql(void **state)
{
    (void)state;
    static char sql[CATALOG_SQL_MAX];
    struct strbuf b;
    strbuf_init(&b, sql, sizeof(sql));
    catalog_write_sql(&b);
    assert_false(b.truncated);
    const char *const all[] = {sql, catalog_sql_version};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_non_null(strstr(all[i], "SELECT"));
    }
    assert_non_null(strstr(sql, "'random'"));
    assert_non_null(strstr(sql, "'nextval'"));
    assert_non_null(strstr(sql, "|pg_stat_|"));
}

/* Rows of the query's answer. */
static void test_rows(void **state)
{
    (void)state;
    static _Alignas(16) char mem[32768];
    struct catalog c;
    assert_int_equal(catalog_init(&c, mem, sizeof(mem)), 0);
    const unsigned any = CATALOG_BIT_LOUD;
    assert_int_equal(catalog_add_row(&c, "f", slice_of("quiet"), CATALOG_BIT_SAFE), 0);
    assert_int_equal(catalog_add_row(&c, "f", slice_of("loud"), CATALOG_BIT_UNSAFE | any), 0);
    assert_int_equal(catalog_add_row(&c, "f", slice_of("set_config"), CATALOG_BIT_UNSAFE), 0);
    assert_int_equal(catalog_add_row(&c, "r", slice_of("v"), CATALOG_BIT_SPEAKS), 0);
    assert_int_equal(catalog_add_row(&c, "o", slice_of("==="), CATALOG_BIT_UNSAFE), 0);
    assert_int_equal(catalog_add_row(&c, "o", slice_of("#>#"), CATALOG_BIT_UNSAFE), 0);
    assert_int_equal(catalog_add_row(&c, "o", slice_of(""), CATALOG_BIT_UNSAFE), ERR_INVALID);
    assert_int_equal(catalog_add_row(&c, "d", slice_of(""), CATALOG_FACT_SEQUENCES), 0);
    assert_int_equal(catalog_add_row(&c, "?", slice_of("x"), 1), ERR_INVALID);
    assert_int_equal(catalog_add_row(&c, NULL, slice_of("x"), 1), ERR_INVALID);
    catalog_seal(&c);
    assert_int_equal(c.facts, CATALOG_FACT_SEQUENCES);
    assert_int_equal(catalog_lookup(&c, slice_of("quiet")), CATALOG_BIT_SAFE);
    assert_int_equal(catalog_lookup(&c, slice_of("loud")), CATALOG_BIT_UNSAFE | any);
    assert_int_equal(catalog_lookup(&c, slice_of("set_config")), CATALOG_BIT_UNSAFE);
    assert_int_equal(catalog_lookup(&c, slice_of("dblink_exec")), CATALOG_BIT_UNSAFE | any);
    assert_int_equal(catalog_lookup(&c, slice_of("v")), CATALOG_BIT_SPEAKS);
    assert_true(catalog_operator_is_volatile(&c, slice_of("===")));
    assert_true(catalog_operator_is_volatile(&c, slice_of("===-"))); /* and a sign */
    assert_true(catalog_operator_is_volatile(&c, slice_of("#>#")));
    assert_false(catalog_operator_is_volatile(&c, slice_of("==")));
    assert_false(catalog_operator_is_volatile(&c, slice_of("-")));
}

/* Operators that the grammar uses by itself concern every statement; very many are all taken for volatile. */
static void test_operators(void **state)
{
    (void)state;
    static _Alignas(16) char mem[32768];
    struct catalog c;
    assert_int_equal(catalog_init(&c, mem, sizeof(mem)), 0);
    assert_int_equal(catalog_add_row(&c, "o", slice_of("!~~*"), CATALOG_BIT_UNSAFE), 0);
    assert_int_equal(c.facts, CATALOG_FACT_LIKE);
    assert_int_equal(catalog_add_row(&c, "o", slice_of("<="), CATALOG_BIT_UNSAFE), 0);
    assert_int_equal(c.facts, CATALOG_FACT_LIKE | CATALOG_FACT_UNSAFE);
    for (int i = 0; i < 100; i++)
        assert_int_equal(catalog_add_row(&c, "o", slice_of("@@@@@@@"), CATALOG_BIT_UNSAFE), 0);
    catalog_seal(&c);
    assert_true(catalog_operator_is_volatile(&c, slice_of("+")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),   cmocka_unit_test(test_built_in),
        cmocka_unit_test(test_plain),     cmocka_unit_test(test_many),
        cmocka_unit_test(test_bounds),    cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_sql),       cmocka_unit_test(test_rows),
        cmocka_unit_test(test_operators),
    };
    return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
