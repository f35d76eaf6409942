/* Start-up parameters: sets stay sorted and free of duplicates, options as PostgreSQL splits them, limits, and the SQL that
 * leads from one set to another (checked by applying it to a model of the settings). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../proxy/core/params.h"
#include "../../replication/base/prng.h"

static void set(struct params *p, const char *name, const char *value)
{
    struct err e;
    assert_int_equal(params_set(p, name, value, &e), 0);
}

/* "a=1 b=2" in the order of the set. */
static const char *text(const struct params *p)
{
    static char buf[2 * PARAMS_BYTES_MAX];
    struct strbuf b;
    uint32_t at = 0, n_seen = 0;
    const char *n, *v;
    strbuf_init(&b, buf, sizeof(buf));
    for (; params_next(p, &at, &n, &v); n_seen++)
        strbuf_addf(&b, "%s%s=%s", n_seen ? " " : "", n, v);
    assert_int_equal(n_seen, p->n);
    assert_int_equal(at, p->len);
    return buf;
}

static void test_set(void **state)
{
    (void)state;
    struct params p;
    params_init(&p);
    assert_int_equal(p.hash, 0);
    assert_null(params_get(&p, "x"));
    assert_string_equal(text(&p), "");
    set(&p, "search_path", "a,b");
    set(&p, "DateStyle", "ISO");
    set(&p, "timezone", "");
    set(&p, "application_name", "x y");
    assert_string_equal(text(&p), "application_name=x y datestyle=ISO search_path=a,b timezone=");
    assert_string_equal(params_get(&p, "DATESTYLE"), "ISO");
    assert_string_equal(params_get(&p, "timezone"), "");
    assert_null(params_get(&p, "time"));
    assert_null(params_get(&p, "timezones"));
    set(&p, "dateSTYLE", "German, DMY");
    set(&p, "TimeZone", "UTC");
    set(&p, "application_name", "");
    assert_string_equal(text(&p),
                        "application_name= datestyle=German, DMY search_path=a,b timezone=UTC");
    assert_int_equal(p.n, 4);
}

static void test_equal(void **state)
{
    (void)state;
    struct params a, b;
    params_init(&a);
    params_init(&b);
    assert_true(params_equal(&a, &b));
    set(&a, "x", "1");
    set(&a, "y", "2");
    assert_false(params_equal(&a, &b));
    set(&b, "Y", "3");
    set(&b, "X", "1");
    assert_false(params_equal(&a, &b));
    set(&b, "y", "2");
    assert_true(params_equal(&a, &b));
    set(&a, "x", "1y"); /* where one ends and the next begins matters */
    set(&b, "x", "1");
    assert_false(params_equal(&a, &b));
}

/* In any order of setting, the same set. */
static void test_order_does_not_matter(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "aa", "ab", "b", "A.b", "a.c", "z", "_x"};
    struct params first;
    struct prng r;
    prng_init(&r, 3);
    params_init(&first);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        set(&first, names[i], names[i]);
    for (unsigned round = 0; round < 200; round++) {
        struct params p;
        bool done[ARRAY_LEN(names)] = {false};
        params_init(&p);
        for (size_t left = ARRAY_LEN(names); left > 0;) {
            const size_t i = prng_below(&r, ARRAY_LEN(names));
            set(&p, names[i], prng_below(&r, 3) && !done[i] ? "other" : names[i]);
            if (strcmp(params_get(&p, names[i]), names[i]) == 0 && !done[i]) {
                done[i] = true;
                left--;
            }
        }
        assert_true(params_equal(&p, &first));
        assert_memory_equal(p.kv, first.kv, p.len);
    }
}

static void test_limits(void **state)
{
    (void)state;
    static struct params p, before;
    static char big[PARAMS_BYTES_MAX + 1];
    struct err e;
    char name[32];
    params_init(&p);
    for (unsigned i = 0; i < PARAMS_MAX; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        set(&p, name, "v");
    }
    before = p;
    assert_int_equal(params_set(&p, "one_more", "v", &e), ERR_LIMIT);
    assert_memory_equal(&before, &p, sizeof(p));
    set(&p, "n7", "other"); /* replacing takes no new place */
    assert_string_equal(params_get(&p, "n7"), "other");
    assert_int_equal(p.n, PARAMS_MAX);

    params_init(&p);
    memset(big, 'x', sizeof(big));
    big[PARAMS_BYTES_MAX - 3] = 0; /* with "n" and both ends just enough */
    set(&p, "n", big);
    assert_int_equal(p.len, PARAMS_BYTES_MAX);
    set(&p, "n", "1");
    set(&p, "n", big);
    before = p;
    assert_int_equal(params_set(&p, "m", "", &e), ERR_LIMIT);
    big[PARAMS_BYTES_MAX - 3] = 'x';
    big[PARAMS_BYTES_MAX - 2] = 0;
    assert_int_equal(params_set(&p, "n", big, &e), ERR_LIMIT);
    assert_memory_equal(&before, &p, sizeof(p)); /* the old value is still there */
}

static const struct {
    const char *options, *result; /* NULL: refused */
} options[] = {
    {"", ""},
    {"  \t\n ", ""},
    {"-c a=1", "a=1"},
    {"-ca=1", "a=1"},
    {"--a=1", "a=1"},
    {"--search-path=x", "search_path=x"},
    {"-c  search-path=x", "search_path=x"},
    {"-c a=b-c", "a=b-c"}, /* only names change */
    {"-c a=1 -c b=2", "a=1 b=2"},
    {" -c\ta=1\n--b=2\r-cc=3 ", "a=1 b=2 c=3"},
    {"-c a=1 -c A=2", "a=2"},
    {"-c a=", "a="},
    {"-c a=b=c", "a=b=c"},
    {"-c a=x\\ y", "a=x y"},
    {"-c a=x\\\\y", "a=x\\y"},
    {"-c a=\\'x\\'", "a='x'"},
    {"-c a=x\\", "a=x\\"},
    {"-c\\ a=1", " a=1"}, /* nonsense is the server's to refuse */
    {"-c ext.par=on", "ext.par=on"},
    {"-c", NULL},
    {"-c a", NULL},
    {"--a", NULL},
    {"-c a=1 -c", NULL},
    {"-B 100", NULL},
    {"-d5", NULL},
    {"a=1", NULL},
    {"-", NULL},
};

static void test_options(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        struct params p;
        struct err e = {0};
        params_init(&p);
        const int rc = params_set_options(&p, options[i].options, &e);
        if (options[i].result) {
            if (rc < 0 || strcmp(text(&p), options[i].result) != 0)
                fail_msg("options '%s': %s, not %s (%s)", options[i].options, text(&p),
                         options[i].result, e.text);
        } else if (rc != ERR_INVALID) {
            fail_msg("options '%s' were accepted: %s", options[i].options, text(&p));
        }
    }
}

static void test_long_option(void **state)
{
    (void)state;
    char long_one[1100] = "-c a=";
    struct params p;
    struct err e;
    params_init(&p);
    memset(long_one + 5, 'x', 1020);
    assert_int_equal(params_set_options(&p, long_one, &e), 0);
    assert_int_equal(strlen(params_get(&p, "a")), 1020);
    memset(long_one + 5, 'y', 1030);
    assert_int_equal(params_set_options(&p, long_one, &e), ERR_INVALID);
    memset(long_one, 'z', 1090);
    assert_int_equal(params_set_options(&p, long_one, &e), ERR_INVALID);
}

/* -- from one set to another ---------------------------------------------------------------------------------------- */

static const struct {
    const char *have, *want, *sql; /* sets as options */
} diffs[] = {
    {"", "", ""},
    {"-c a=1", "-c a=1", ""},
    {"", "-c a=1", "SELECT pg_catalog.set_config('a','1',false)"},
    {"-c a=1", "", "RESET \"a\";"},
    {"-c a=1", "-c a=2", "SELECT pg_catalog.set_config('a','2',false)"},
    {"-c a=1 -c c=3", "-c b=2 -c c=3", "RESET \"a\";SELECT pg_catalog.set_config('b','2',false)"},
    {"", "-c a=1 -c b=2",
     "SELECT pg_catalog.set_config('a','1',false),pg_catalog.set_config('b','2',false)"},
    {"-c a=1 -c b=1 -c x.y=1", "", "RESET \"a\";RESET \"b\";RESET \"x.y\";"},
    {"", "-c a=it\\'s", "SELECT pg_catalog.set_config('a','it''s',false)"},
    {"", "-c a=\\\\\\'", "SELECT pg_catalog.set_config('a',E'\\\\''',false)"},
    {"", "-c a\\'b=1", "SELECT pg_catalog.set_config('a''b','1',false)"},
    {"-c a\\\"b=1", "", "RESET \"a\"\"b\";"},
    {"", "-c a=", "SELECT pg_catalog.set_config('a','',false)"},
    {"-c x.y=1", "-c x.y= -c a=1", "RESET \"x.y\";SELECT pg_catalog.set_config('a','1',false)"},
    {"-c x.y=", "-c x.y=", ""},
    {"-c a=", "-c a=", ""},
};

static void test_diff(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(diffs); i++) {
        struct params have, want;
        struct strbuf b;
        struct err e;
        char buf[512];
        params_init(&have);
        params_init(&want);
        assert_int_equal(params_set_options(&have, diffs[i].have, &e), 0);
        assert_int_equal(params_set_options(&want, diffs[i].want, &e), 0);
        strbuf_init(&b, buf, sizeof(buf));
        assert_true(params_diff_sql(&have, &want, &b));
        assert_string_equal(buf, diffs[i].sql);
        if (!*diffs[i].sql)
            continue;
        strbuf_init(&b, buf, strlen(diffs[i].sql)); /* one byte too few */
        assert_false(params_diff_sql(&have, &want, &b));
    }
}

/* Whatever two sets: what the SQL names is exactly what differs. */
static void test_diff_names_what_differs(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d.e", "f", "g"};
    struct prng r;
    prng_init(&r, 9);
    for (unsigned round = 0; round < 5000; round++) {
        struct params have, want;
        struct strbuf b;
        char buf[2048], piece[64];
        params_init(&have);
        params_init(&want);
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            const char *const values[] = {"1", "2", ""};
            if (prng_below(&r, 3))
                set(&have, names[i], values[prng_below(&r, 3)]);
            if (prng_below(&r, 3))
                set(&want, names[i], values[prng_below(&r, 3)]);
        }
        strbuf_init(&b, buf, sizeof(buf));
        assert_true(params_diff_sql(&have, &want, &b));
        assert_int_equal(b.n == 0, params_equal(&have, &want));
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            const char *old = params_get(&have, names[i]), *new = params_get(&want, names[i]);
            const bool changes = new && (!old || strcmp(old, new) != 0);
            const bool resets = changes && !*new &&strchr(names[i], '.');
            snprintf(piece, sizeof(piece), "RESET \"%s\";", names[i]);
            assert_int_equal(strstr(buf, piece) != NULL, (old && !new) || resets);
            snprintf(piece, sizeof(piece), "set_config('%s','%s',false)", names[i], new ? new : "");
            assert_int_equal(strstr(buf, piece) != NULL, changes && !resets);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_order_does_not_matter),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_long_option),
        cmocka_unit_test(test_diff),
        cmocka_unit_test(test_diff_names_what_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
