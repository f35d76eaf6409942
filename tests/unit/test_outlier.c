/* Ejection: who is silent or late while others answer, or fails again and again, and how it comes back. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../replication/core/outlier.h"

#define MS USEC_PER_MS

static const struct outlier_policy policy = {.after = 400 * MS, .rest = 1000 * MS};

static void test_silence(void **state)
{
    (void)state;
    static const struct {
        usec_t asked, witness, now;
        bool may, out;
    } rows[] = {
        {1000, 1000, 1401, true, true},  /* another one answered a question of the same moment */
        {1000, 1000, 1400, true, false}, /* not late yet */
        {1000, 999, 1900, true, false},  /* nobody has answered anything since: is it us? */
        {1000, 1300, 1500, false, false}, {0, 1300, 9999, true, false}, /* nothing is open */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outlier o = {0};
        if (rows[i].asked)
            outlier_asked(&o, rows[i].asked * MS);
        outlier_asked(&o, rows[i].asked * MS + 1); /* the first one counts */
        if (!rows[i].asked)
            outlier_answered(&o, &policy, 1, 2);
        assert_int_equal(
            outlier_judge(&o, &policy, rows[i].witness * MS, rows[i].may, rows[i].now * MS),
            rows[i].out);
        assert_int_equal(outlier_ejected(&o), rows[i].out);
    }
}

static void test_off(void **state)
{
    (void)state;
    const struct outlier_policy off = {.after = 0, .rest = 1000 * MS};
    struct outlier o = {0};
    outlier_asked(&o, 1);
    for (int i = 0; i < 10; i++)
        outlier_failed(&o, i);
    assert_false(outlier_judge(&o, &off, 9000 * MS, true, 9000 * MS));
    o.reason = OUTLIER_SLOW; /* switched off meanwhile */
    assert_true(outlier_judge(&o, &off, 9000 * MS, true, 9000 * MS));
    assert_false(outlier_ejected(&o));
}

/* An answer came, but late: it counts even if nothing is open when it is judged. */
static void test_late(void **state)
{
    (void)state;
    struct outlier o = {0};
    outlier_answered(&o, &policy, 1000 * MS, 1500 * MS);
    assert_false(outlier_judge(&o, &policy, 900 * MS, true, 1500 * MS));
    outlier_answered(&o, &policy, 1600 * MS, 2100 * MS);
    assert_true(outlier_judge(&o, &policy, 1700 * MS, true, 2100 * MS));
    assert_int_equal(o.reason, OUTLIER_SLOW);
}

static void test_failures(void **state)
{
    (void)state;
    struct outlier o = {0};
    for (int i = 0; i < OUTLIER_FAILURES - 1; i++)
        outlier_failed(&o, 1000 * MS + i);
    assert_false(outlier_judge(&o, &policy, 0, true, 1001 * MS));
    outlier_failed(&o, 3000 * MS); /* much later: it counts from one */
    assert_false(outlier_judge(&o, &policy, 0, true, 3000 * MS));
    for (int i = 1; i < OUTLIER_FAILURES; i++)
        outlier_failed(&o, 3000 * MS + i);
    assert_true(outlier_judge(&o, &policy, 0, true, 3001 * MS));
    assert_int_equal(o.reason, OUTLIER_FAILS);
}

/* Questions every 200 ms; the answer takes so long. Until the state changes; returns the moment. */
static usec_t ask_until(struct outlier *o, usec_t from, usec_t takes, bool ejected)
{
    for (usec_t at = from; at < from + 100000 * MS; at += 200 * MS) {
        outlier_asked(o, at);
        outlier_answered(o, &policy, at, at + takes);
        outlier_judge(o, &policy, at, true, at + takes);
        if (outlier_ejected(o) == ejected)
            return at + takes;
    }
    fail_msg("it stays as it is");
    return 0;
}

static void test_return(void **state)
{
    (void)state;
    struct outlier o = {0};
    usec_t at = ask_until(&o, 1000 * MS, 500 * MS, true);
    assert_int_equal(outlier_left(&o, at), policy.rest);
    /* Prompt, then late once: it begins anew. */
    outlier_answered(&o, &policy, at, at + MS);
    assert_int_equal(outlier_left(&o, at + 100 * MS), 900 * MS);
    outlier_answered(&o, &policy, at + 200 * MS, at + 700 * MS);
    assert_false(outlier_judge(&o, &policy, at, true, at + 2000 * MS));
    usec_t back = ask_until(&o, at + 800 * MS, 10 * MS, false);
    assert_in_range(back, at + 1800 * MS, at + 2100 * MS);
    assert_int_equal(outlier_left(&o, back), 0);
    /* Again and again: longer and longer, but not for ever. */
    usec_t rest = policy.rest;
    for (int i = 0; i < 8; i++) {
        at = ask_until(&o, back + 1000 * MS, 500 * MS, true);
        rest = 2 * rest > 30000 * MS ? 30000 * MS : 2 * rest;
        assert_int_equal(o.rest, rest);
        back = ask_until(&o, at, 10 * MS, false);
    }
    at = ask_until(&o, back + 60000 * MS, 500 * MS, true); /* it had been good for long */
    assert_int_equal(o.rest, policy.rest);
    /* Silence while it is out, and refusals, begin anew too. */
    outlier_answered(&o, &policy, at, at + MS);
    outlier_asked(&o, at + 100 * MS);
    assert_false(outlier_judge(&o, &policy, at, true, at + 1000 * MS));
    assert_int_equal(o.good_since, 0);
    outlier_answered(&o, &policy, at + 1100 * MS, at + 1101 * MS);
    outlier_refused(&o);
    assert_int_equal(o.good_since, 0);
}

static void test_excuse(void **state)
{
    (void)state;
    struct outlier o = {0};
    outlier_asked(&o, 1000 * MS);
    outlier_excuse(&o, 2000 * MS);
    assert_false(outlier_judge(&o, &policy, 2000 * MS, true, 2300 * MS));
    assert_true(outlier_judge(&o, &policy, 2000 * MS, true, 2500 * MS));
}

static void test_at_most_half(void **state)
{
    (void)state;
    static const int most[] = {0, 1, 1, 1, 2, 2, 3};
    for (int n = 0; n < 7; n++)
        assert_int_equal(outlier_max(n), most[n]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence),      cmocka_unit_test(test_off),
        cmocka_unit_test(test_late),         cmocka_unit_test(test_failures),
        cmocka_unit_test(test_return),       cmocka_unit_test(test_excuse),
        cmocka_unit_test(test_at_most_half),
    };
    return cmocka_run_group_tests_name("outlier", tests, NULL, NULL);
}
