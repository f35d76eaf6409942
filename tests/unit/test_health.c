/* Failure detector and TILT as tables over fake time. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../replication/base/attrs.h"
#include "../../replication/core/health.h"

#define MS USEC_PER_MS

struct row {
    int sent_ms, received_ms;
    enum observe_outcome outcome;
    const char *sqlstate;
    enum health_verdict verdict;
    enum health_reason reason;
    int next_ms;
};

static void run(const struct health_policy *p, const struct row *rows, size_t n)
{
    struct health h;
    health_init(&h);
    assert_int_equal(h.verdict, HEALTH_UNKNOWN);
    assert_true(health_next_probe(&h) == 0);
    for (size_t i = 0; i < n; i++) {
        struct observation o = {.outcome = rows[i].outcome,
                                .sent_at = rows[i].sent_ms * MS,
                                .received_at = rows[i].received_ms * MS};
        if (rows[i].sqlstate)
            memcpy(o.sqlstate, rows[i].sqlstate, 6);
        enum health_verdict v = h.verdict;
        enum health_reason r = h.reason;
        bool changed = health_probed(&h, p, &o);
        assert_int_equal(h.verdict, rows[i].verdict);
        assert_int_equal(h.reason, rows[i].reason);
        assert_int_equal(changed, v != h.verdict || r != h.reason);
        assert_int_equal(health_next_probe(&h) / MS, rows[i].next_ms);
        assert_int_equal(h.suspect_at == 0, h.verdict == HEALTH_OK);
    }
}

static struct health_policy policy(void)
{
    struct health_policy p;
    health_policy_default(&p);
    return p;
}

static void refused_is_confirmed_at_once(void **state)
{
    (void)state;
    struct health_policy p = policy();
    static const struct row rows[] = {
        {0, 1, OBSERVE_OK, NULL, HEALTH_OK, HEALTH_ANSWERS, 500},
        {500, 501, OBSERVE_REFUSED, NULL, HEALTH_SUSPECT, HEALTH_REFUSED_ONCE, 501},
        {501, 502, OBSERVE_REFUSED, NULL, HEALTH_DOWN, HEALTH_REFUSED, 1001},
        {1001, 1002, OBSERVE_REFUSED, NULL, HEALTH_DOWN, HEALTH_REFUSED, 1501},
        {1501, 1502, OBSERVE_STARTING, "57P03", HEALTH_SUSPECT, HEALTH_STARTING, 1602},
        {1602, 1603, OBSERVE_OK, NULL, HEALTH_OK, HEALTH_ANSWERS, 2102},
        {2102, 2103, OBSERVE_REFUSED, NULL, HEALTH_SUSPECT, HEALTH_REFUSED_ONCE, 2103},
        {2103, 2104, OBSERVE_OK, NULL, HEALTH_OK, HEALTH_ANSWERS, 2603},
    };
    run(&p, rows, ARRAY_LEN(rows));
}

static void silence_needs_misses(void **state)
{
    (void)state;
    struct health_policy p = policy();
    static const struct row rows[] = {
        {0, 1, OBSERVE_OK, NULL, HEALTH_OK, HEALTH_ANSWERS, 500},
        {500, 1500, OBSERVE_TIMEOUT, NULL, HEALTH_SUSPECT, HEALTH_SILENT_ONCE, 1500},
        {1500, 2000, OBSERVE_TIMEOUT, NULL, HEALTH_DOWN, HEALTH_SILENT, 2050},
        {2050, 3050, OBSERVE_TIMEOUT, NULL, HEALTH_DOWN, HEALTH_SILENT, 3100},
    };
    run(&p, rows, ARRAY_LEN(rows));
    p.misses = 3;
    static const struct row three[] = {
        {0, 1000, OBSERVE_TIMEOUT, NULL, HEALTH_SUSPECT, HEALTH_SILENT_ONCE, 1000},
        {1000, 1500, OBSERVE_UNREACHABLE, NULL, HEALTH_SUSPECT, HEALTH_SILENT_ONCE, 1500},
        {1500, 2000, OBSERVE_TIMEOUT, NULL, HEALTH_DOWN, HEALTH_SILENT, 2050},
    };
    run(&p, three, ARRAY_LEN(three));
    p.misses = 0; /* nonsense from a caller is taken as one */
    static const struct row one[] = {
        {0, 1000, OBSERVE_TIMEOUT, NULL, HEALTH_DOWN, HEALTH_SILENT, 1050}};
    run(&p, one, ARRAY_LEN(one));
}

static void signs_of_life_never_kill(void **state)
{
    (void)state;
    struct health_policy p = policy();
    static const struct row rows[] = {
        {0, 1, OBSERVE_OK, NULL, HEALTH_OK, HEALTH_ANSWERS, 500},
        {500, 501, OBSERVE_TOO_MANY, "53300", HEALTH_SUSPECT, HEALTH_TOO_MANY, 1000},
        {1000, 1001, OBSERVE_TOO_MANY, "53300", HEALTH_SUSPECT, HEALTH_TOO_MANY, 1500},
        {1500, 1501, OBSERVE_AUTH, "28P01", HEALTH_SUSPECT, HEALTH_AUTH, 2000},
        {2000, 3000, OBSERVE_TIMEOUT, NULL, HEALTH_SUSPECT, HEALTH_SILENT_ONCE, 3000},
        {3000, 3001, OBSERVE_AUTH, "28P01", HEALTH_SUSPECT, HEALTH_AUTH, 3500},
        {3500, 4500, OBSERVE_TIMEOUT, NULL, HEALTH_SUSPECT, HEALTH_SILENT_ONCE, 4500},
        {4500, 4501, OBSERVE_QUERY, "XX000", HEALTH_SUSPECT, HEALTH_BROKEN, 5000},
        {5000, 5001, OBSERVE_PROTOCOL, NULL, HEALTH_SUSPECT, HEALTH_BROKEN, 5500},
    };
    run(&p, rows, ARRAY_LEN(rows));
    /* A storm of ended sessions (57P01) is no death either, however long. */
    struct health h;
    health_init(&h);
    for (int i = 0; i < 1000; i++) {
        struct observation o = {
            .outcome = OBSERVE_CLOSED, .sqlstate = "57P01", .sent_at = i + 1, .received_at = i + 1};
        (void)health_probed(&h, &p, &o);
        assert_int_equal(h.verdict, HEALTH_SUSPECT);
    }
}

static void closed_without_a_word(void **state)
{
    (void)state;
    struct health_policy p = policy();
    static const struct row rows[] = {
        {0, 1, OBSERVE_OK, NULL, HEALTH_OK, HEALTH_ANSWERS, 500},
        {500, 501, OBSERVE_CLOSED, NULL, HEALTH_SUSPECT, HEALTH_CLOSED, 526},
        {526, 527, OBSERVE_CLOSED, NULL, HEALTH_SUSPECT, HEALTH_CLOSED, 552},
        {552, 553, OBSERVE_CLOSED, NULL, HEALTH_DOWN, HEALTH_CLOSED, 1052},
        {1052, 1053, OBSERVE_OK, NULL, HEALTH_OK, HEALTH_ANSWERS, 1552},
        {1552, 1553, OBSERVE_CLOSED, NULL, HEALTH_SUSPECT, HEALTH_CLOSED, 1578},
        {1578, 1579, OBSERVE_REFUSED, NULL, HEALTH_SUSPECT, HEALTH_REFUSED_ONCE, 1579},
        {1579, 1580, OBSERVE_REFUSED, NULL, HEALTH_DOWN, HEALTH_REFUSED, 2079},
    };
    run(&p, rows, ARRAY_LEN(rows));
}

static void starting_has_a_limit(void **state)
{
    (void)state;
    struct health_policy p = policy();
    static const struct row rows[] = {
        {100, 101, OBSERVE_STARTING, "57P03", HEALTH_SUSPECT, HEALTH_STARTING, 201},
        {30000, 30001, OBSERVE_STARTING, "57P03", HEALTH_SUSPECT, HEALTH_STARTING, 30101},
        {30101, 30102, OBSERVE_STARTING, "57P03", HEALTH_DOWN, HEALTH_STARTING_LONG, 30601},
        {30601, 30602, OBSERVE_STARTING, "57P03", HEALTH_DOWN, HEALTH_STARTING_LONG, 31101},
        {31101, 31102, OBSERVE_OK, NULL, HEALTH_OK, HEALTH_ANSWERS, 31601},
    };
    run(&p, rows, ARRAY_LEN(rows));
    p.starting_max = USEC_NEVER;
    static const struct row never[] = {
        {100, 101, OBSERVE_STARTING, "57P03", HEALTH_SUSPECT, HEALTH_STARTING, 201},
        {999000, 999001, OBSERVE_STARTING, "57P03", HEALTH_SUSPECT, HEALTH_STARTING, 999101},
    };
    run(&p, never, ARRAY_LEN(never));
}

static void timeouts_and_hints(void **state)
{
    (void)state;
    struct health_policy p = policy();
    struct health h;
    health_init(&h);
    assert_true(health_probe_timeout(&h, &p) == 1000 * MS);
    struct observation o = {.outcome = OBSERVE_OK, .sent_at = 10, .received_at = 20};
    (void)health_probed(&h, &p, &o);
    health_hint(&h, 300);
    assert_true(health_next_probe(&h) == 300);
    assert_int_equal(h.verdict, HEALTH_OK); /* a hint is never a verdict */
    health_hint(&h, 400);
    assert_true(health_next_probe(&h) == 300);
    o.outcome = OBSERVE_TIMEOUT;
    (void)health_probed(&h, &p, &o);
    assert_true(health_probe_timeout(&h, &p) == 500 * MS); /* confirming */
    (void)health_probed(&h, &p, &o);
    assert_int_equal(h.verdict, HEALTH_DOWN);
    assert_true(health_probe_timeout(&h, &p) == 1000 * MS);
}

static void tilt(void **state)
{
    (void)state;
    const usec_t tick = 100 * MS;
    struct tilt t = {0};
    usec_t now = 1000 * MS;
    assert_false(tilt_tick(&t, tick, now));
    assert_false(tilt_tick(&t, tick, now += tick));
    assert_false(tilt_tick(&t, tick, now += TILT_GAP(tick))); /* just at the bound */
    assert_true(tilt_tick(&t, tick, now += TILT_GAP(tick) + 1));
    assert_true(tilt_tick(&t, tick, now + TILT_REST - 1));
    assert_false(tilt_tick(&t, tick, now + TILT_REST));
    assert_true(tilt_tick(&t, tick, now)); /* backwards */
}

static void names(void **state)
{
    (void)state;
    for (int i = 0; i < HEALTH_REASON_NR; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(health_reason_name((enum health_reason)i),
                                    health_reason_name((enum health_reason)j));
    assert_string_equal(health_verdict_name(HEALTH_DOWN), "down");
    assert_true(health_reason_text(HEALTH_SILENT)[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_is_confirmed_at_once),
        cmocka_unit_test(silence_needs_misses),
        cmocka_unit_test(signs_of_life_never_kill),
        cmocka_unit_test(closed_without_a_word),
        cmocka_unit_test(starting_has_a_limit),
        cmocka_unit_test(timeouts_and_hints),
        cmocka_unit_test(tilt),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
