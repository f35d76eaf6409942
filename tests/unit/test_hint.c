#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../proxy/core/classify.h"
#include "../../proxy/core/hint.h"
#include "../../replication/base/attrs.h"

static void test_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool primary, replica, odd;
        const char *node;
        usec_t max_lag;
    } cases[] = {
        {"", false, false, false, "", 0},
        {"primary", true, false, false, "", 0},
        {" Primary ", true, false, false, "", 0},
        {"replica", false, true, false, "", 0},
        {"replica max_lag=2s", false, true, false, "", 2 * USEC_PER_SEC},
        {"max_lag=250", false, false, false, "", 250 * USEC_PER_MS},
        {"max_lag=250us", false, false, false, "", 250},
        {"max_lag=1min,node=pg2", false, false, false, "pg2", 60 * USEC_PER_SEC},
        {"node=pg-3.x", false, false, false, "pg-3.x", 0},
        {"node=", false, false, true, "", 0},
        {"node", false, false, true, "", 0},
        {"max_lag=", false, false, true, "", 0},
        {"max_lag=0", false, false, true, "", 0},
        {"max_lag=s", false, false, true, "", 0},
        {"max_lag=-1s", false, false, true, "", 0},
        {"max_lag=1 parsec", false, false, true, "", USEC_PER_MS},
        {"max_lag=999999999h", false, false, false, "", INT64_C(999999999) * 3600 * USEC_PER_SEC},
        {"max_lag=9999999999", false, false, true, "", 0},
        {"primary and so on", true, false, true, "", 0},
        {"primary=yes", false, false, true, "", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct hint h = hint_parse(slice_of(cases[i].text));
        if (h.primary != cases[i].primary || h.replica != cases[i].replica ||
            h.odd != cases[i].odd || !slice_eq(h.node, cases[i].node) ||
            h.max_lag != cases[i].max_lag)
            fail_msg("[%s]", cases[i].text);
    }
}

static void test_in_a_statement(void **state)
{
    (void)state;
    struct classification c;
    classify_sql(slice_of("select /* tanist: node=pg2, max_lag=2s */ 1"), NULL, NULL, &c);
    const struct hint h = hint_parse(c.hint);
    assert_true(slice_eq(h.node, "pg2"));
    assert_int_equal(h.max_lag, 2 * USEC_PER_SEC);
    classify_sql(slice_of("select '/* tanist: primary */'"), NULL, NULL, &c);
    assert_int_equal(c.hint.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_in_a_statement),
    };
    return cmocka_run_group_tests_name("hint", tests, NULL, NULL);
}
