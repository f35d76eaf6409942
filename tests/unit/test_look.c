#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../../proxy/core/classify.h"
#include "../../proxy/core/look.h"
#include "../../replication/base/err.h"

static struct params params_of(const char *const *kv)
{
    struct params p;
    struct err e;
    params_init(&p);
    for (; *kv; kv += 2)
        assert_int_equal(params_set(&p, kv[0], kv[1], &e), 0);
    return p;
}

static void test_names(void **state)
{
    (void)state;
    struct look_names l = {0};
    look_name_add(&l, slice_of("My.Var"));
    look_name_add(&l, slice_of("my.var"));
    look_name_add(&l, slice_of("work_mem"));
    uint16_t at = 0;
    const char *n;
    assert_true(look_name_next(&l, &at, &n));
    assert_string_equal(n, "my.var");
    assert_true(look_name_next(&l, &at, &n));
    assert_string_equal(n, "work_mem");
    assert_false(look_name_next(&l, &at, &n));
    char name[20];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "name_%d", i);
        look_name_add(&l, slice_of(name));
    }
    assert_true(l.full);
    assert_true(l.len <= sizeof(l.text));
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum look_name kind;
    } rows[] = {{"Work_Mem", LOOK_NAME_PLAIN},
                {"my.var", LOOK_NAME_PLAIN},
                {"shared_buffers", LOOK_NAME_OTHER},
                {"server_version", LOOK_NAME_OTHER},
                {"log_statement", LOOK_NAME_OTHER},
                {"transaction_timeout", LOOK_NAME_OTHER},
                {"TRANSACTION_READ_ONLY", LOOK_NAME_NEVER},
                {"seed", LOOK_NAME_NEVER}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(look_name_kind(slice_of(rows[i].name)), rows[i].kind);
}

static void test_sql(void **state)
{
    (void)state;
    char sql[4096];
    struct strbuf b;
    struct look_names names = {0};
    strbuf_init(&b, sql, sizeof(sql));
    struct look_ask ask = {.names = &names};
    assert_true(look_sql(&ask, &b));
    assert_int_equal(b.n, 0); /* nothing asked, nothing sent */
    look_name_add(&names, slice_of("work_mem"));
    look_name_add(&names, slice_of("a.b"));
    assert_true(look_sql(&ask, &b));
    assert_string_equal(sql, "SELECT n,pg_catalog.current_setting(n,true) FROM "
                             "pg_catalog.unnest(ARRAY['work_mem','a.b']::pg_catalog.text[]) n");
    strbuf_reset(&b);
    ask = (struct look_ask){.objects = TOUCH_TEMP | TOUCH_LISTEN};
    assert_true(look_sql(&ask, &b));
    assert_non_null(strstr(sql, "'?temp'"));
    assert_non_null(strstr(sql, " UNION ALL SELECT '?listen'"));
    assert_null(strstr(sql, "'?locks'"));
    assert_null(strstr(sql, "pg_settings"));
    strbuf_reset(&b);
    const struct params known = params_of((const char *const[]){"x.y", "1", "work_mem", "1", NULL});
    ask = (struct look_ask){.all = true, .known = &known};
    assert_true(look_sql(&ask, &b));
    assert_non_null(strstr(sql, "pg_settings"));
    assert_non_null(strstr(sql, "ARRAY['x.y','role','session_authorization']"));
    assert_null(strstr(sql, "<>) ''"));
    strbuf_reset(&b);
    names.len = 0;
    look_name_add(&names, slice_of("of.another"));
    ask.custom = &names;
    assert_true(look_sql(&ask, &b));
    assert_non_null(strstr(sql, "ARRAY['of.another']"));
    /* The session's own come last: theirs is the last word. */
    assert_true(strstr(sql, "ARRAY['of.another']") < strstr(sql, "ARRAY['x.y'"));
    strbuf_init(&b, sql, 100);
    assert_false(look_sql(&ask, &b));
}

static void row(struct look_seen *s, const char *name, const char *value)
{
    look_row(s, slice_of(name), value ? slice_of(value) : (struct slice){NULL, 0}, "alice");
}

static void test_named_rows(void **state)
{
    (void)state;
    struct look_seen seen;
    const struct look_ask ask = {0};
    const struct params before =
        params_of((const char *const[]){"a.b", "1", "role", "bob", "work_mem", "4MB", NULL});
    look_begin(&seen, &ask, &before);
    row(&seen, "work_mem", "8MB");
    row(&seen, "role", "none");
    row(&seen, "session_authorization", "alice");
    row(&seen, "c.d", "");
    row(&seen, "never.set", NULL);
    assert_string_equal(params_get(&seen.settings, "work_mem"), "8MB");
    assert_string_equal(params_get(&seen.settings, "a.b"), "1"); /* not asked for, so still so */
    assert_string_equal(params_get(&seen.settings, "c.d"), "");
    assert_null(params_get(&seen.settings, "role"));
    assert_null(params_get(&seen.settings, "session_authorization"));
    assert_null(params_get(&seen.settings, "never.set"));
    assert_int_equal(seen.found, 0);
    row(&seen, "session_authorization", "bob");
    assert_string_equal(params_get(&seen.settings, "session_authorization"), "bob");
}

static void test_all_rows(void **state)
{
    (void)state;
    struct look_seen seen;
    const struct look_ask ask = {.all = true};
    const struct params before = params_of((const char *const[]){"a.b", "1", NULL});
    const struct params base =
        params_of((const char *const[]){"application_name", "x", "datestyle", "ISO", NULL});
    look_begin(&seen, &ask, &before);
    row(&seen, "datestyle", "SQL, DMY");
    row(&seen, "?temp", "");
    row(&seen, "?listen", "channel");
    assert_null(params_get(&seen.settings, "a.b")); /* everything was asked for */
    assert_int_equal(seen.found, TOUCH_TEMP | TOUCH_LISTEN);
    look_restore_base(&seen, &base);
    assert_string_equal(params_get(&seen.settings, "application_name"), "x");
    assert_string_equal(params_get(&seen.settings, "datestyle"), "SQL, DMY");
    char big[5000];
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = 0;
    row(&seen, "search_path", big);
    assert_true(seen.found & LOOK_STATE); /* too much to carry is said, not cut */
}

static void test_prepare_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *found; /* NULL: not there */
    } rows[] = {
        {"PREPARE p AS SELECT 1", "p", "PREPARE p AS SELECT 1"},
        {"  prepare P (int) as select $1 ;", "p", "  prepare P (int) as select $1 ;"},
        {"PREPARE a AS SELECT ';prepare b as'; PREPARE b AS SELECT 2; SELECT 3", "b",
         "PREPARE b AS SELECT 2"},
        {"PREPARE a AS SELECT 1; DEALLOCATE a; PREPARE a AS SELECT 2", "a",
         "PREPARE a AS SELECT 2"},
        {"/* PREPARE a AS SELECT 1; */ PREPARE \"A b\" AS SELECT 1", "A b",
         "/* PREPARE a AS SELECT 1; */ PREPARE \"A b\" AS SELECT 1"},
        {"PREPARE \"A b\" AS SELECT 1", "a b", NULL},
        {"SELECT prepare a FROM t", "a", NULL},
        {"PREPARE", "a", NULL},
        {"", "a", NULL},
        {"PREPARE a AS SELECT 'open", "b", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice out = {NULL, 0};
        const bool ok =
            look_prepare_text(slice_of(rows[i].text), slice_of(rows[i].name), false, &out);
        if (ok != (rows[i].found != NULL) || (ok && !slice_eq(out, rows[i].found)))
            fail_msg("%s: '%.*s'", rows[i].text, (int)out.n, out.p);
    }
}

static void test_pins(void **state)
{
    (void)state;
    assert_int_equal(look_pin(0), PIN_NONE);
    assert_int_equal(look_pin(TOUCH_SETTINGS), PIN_NONE);
    assert_int_equal(look_pin(TOUCH_LOCKS | TOUCH_TEMP), PIN_TEMP);
    assert_int_equal(look_pin(LOOK_STATE), PIN_STATE);
    for (int i = 0; i < PIN_NR; i++)
        assert_true(*pin_name((enum pin)i) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_sql),          cmocka_unit_test(test_named_rows),
        cmocka_unit_test(test_all_rows),     cmocka_unit_test(test_pins),
        cmocka_unit_test(test_prepare_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
