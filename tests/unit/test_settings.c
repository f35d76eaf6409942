/* SET, SHOW and RESET of tanist.*: what is ours, what is the server's, what is neither. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../proxy/core/settings.h"

static struct slice text(const char *s)
{
    return (struct slice){s, strlen(s)};
}

static void ours(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        enum settings_verb verb;
        enum settings_name name;
        const char *value;
        bool is_default, local, bad;
    } rows[] = {
        {"SET tanist.consistency = 'global'", SETTINGS_SET, SETTINGS_CONSISTENCY, "global", 0, 0,
         0},
        {"  set session Tanist.Consistency to session ;", SETTINGS_SET, SETTINGS_CONSISTENCY,
         "session", 0, 0, 0},
        {"SET LOCAL tanist.route = primary", SETTINGS_SET, SETTINGS_ROUTE, "primary", 0, 1, 0},
        {"SET tanist.max_lag TO DEFAULT", SETTINGS_SET, SETTINGS_MAX_LAG, "DEFAULT", 1, 0, 0},
        {"SET tanist.max_lag = 500", SETTINGS_SET, SETTINGS_MAX_LAG, "500", 0, 0, 0},
        {"/* x */ SHOW tanist.floor", SETTINGS_NONE, SETTINGS_UNKNOWN, "", 0, 0, 0},
        {"SHOW tanist.floor", SETTINGS_SHOW, SETTINGS_FLOOR, "", 0, 0, 0},
        {"show /* x */ tanist . node;", SETTINGS_SHOW, SETTINGS_NODE, "", 0, 0, 0},
        {"RESET tanist.floor", SETTINGS_RESET, SETTINGS_FLOOR, "", 1, 0, 0},
        {"SHOW tanist.colour", SETTINGS_SHOW, SETTINGS_UNKNOWN, "", 0, 0, 0},
        {"SET tanist.floor = 'a''b'", SETTINGS_SET, SETTINGS_FLOOR, "", 0, 0, 1},
        {"SET tanist.floor = 1, 2", SETTINGS_SET, SETTINGS_FLOOR, "1", 0, 0, 1},
        {"SET tanist.floor", SETTINGS_SET, SETTINGS_FLOOR, "", 0, 0, 1},
        {"SHOW tanist.floor; SELECT 1", SETTINGS_SHOW, SETTINGS_FLOOR, "", 0, 0, 1},
        {"SELECT 1 FROM tanist.floor", SETTINGS_NONE, SETTINGS_UNKNOWN, "", 0, 0, 0},
        {"SET search_path = tanist", SETTINGS_NONE, SETTINGS_UNKNOWN, "", 0, 0, 0},
        {"SET tanistic.x = 1234", SETTINGS_NONE, SETTINGS_UNKNOWN, "", 0, 0, 0},
        {"SHOW tanist_version", SETTINGS_NONE, SETTINGS_UNKNOWN, "", 0, 0, 0},
        {"SET", SETTINGS_NONE, SETTINGS_UNKNOWN, "", 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct settings_command c = {0};
        const bool yes = settings_parse(text(rows[i].sql), false, &c);
        assert_int_equal(yes, rows[i].verb != SETTINGS_NONE);
        if (!yes)
            continue;
        assert_int_equal(c.verb, rows[i].verb);
        assert_int_equal(c.name, rows[i].name);
        assert_int_equal(c.bad, rows[i].bad);
        assert_int_equal(c.local, rows[i].local);
        assert_int_equal(c.is_default, rows[i].is_default);
        if (!rows[i].bad)
            assert_string_equal(c.value, rows[i].value);
    }
}

static void durations(void **state)
{
    (void)state;
    usec_t d;
    assert_true(settings_duration("2s", &d) && d == 2 * USEC_PER_SEC);
    assert_true(settings_duration("500", &d) && d == 500 * USEC_PER_MS);
    assert_true(settings_duration("1 min", &d) && d == 60 * USEC_PER_SEC);
    assert_true(settings_duration("0", &d) && d == 0);
    static const char *const bad[] = {"", "s", "-1s", "1x", "1.5s", "99999999999s", "1s "};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(settings_duration(bad[i], &d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ours), cmocka_unit_test(durations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
