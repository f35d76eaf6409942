/* The consistency checker's own rules: it must find what is wrong and nothing else. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "../consistency/history.h"

static void add(struct history *h, struct op op)
{
    assert_true(history_add(h, &op));
}

static struct op wrote(uint32_t session, uint64_t value, int64_t from, int64_t to)
{
    return (struct op){OP_WRITE, OP_OK, 0, session, 7, value, from, to};
}

static struct op saw(uint32_t session, uint64_t value, int64_t from, int64_t to)
{
    return (struct op){OP_READ, OP_OK, 0, session, 7, value, from, to};
}

static struct verdict check(struct history *h, size_t n, int64_t allow)
{
    struct verdict v = history_check(h, n, allow, CHECK_OWN | CHECK_BACK | CHECK_STALE);
    for (size_t i = 0; i < n; i++)
        free(h[i].ops);
    return v;
}

static void good_histories(void **state)
{
    (void)state;
    struct history h[2] = {{0}};
    add(&h[0], wrote(1, 1, 0, 10));
    add(&h[0], saw(1, 1, 11, 12));
    add(&h[0], wrote(1, 2, 20, 30));
    add(&h[1], saw(2, 0, 5, 8));
    add(&h[1], saw(2, 2, 25, 29)); /* seen before it was confirmed */
    add(&h[1], saw(2, 2, 31, 33));
    const struct verdict v = check(h, 2, 0);
    assert_int_equal(v.reads, 4);
    assert_int_equal(v.writes, 2);
    assert_int_equal(v.own + v.back + v.stale + v.alien, 0);
}

static void own_writes(void **state)
{
    (void)state;
    struct history h = {0};
    add(&h, wrote(1, 5, 0, 10));
    add(&h, saw(1, 4, 11, 12));
    struct verdict v = check(&h, 1, 1000);
    assert_int_equal(v.own, 1);
    assert_int_equal(v.alien, 1); /* nobody wrote a 4 */
    assert_int_equal(v.stale, 0);
    assert_int_equal(v.n_examples, 1);

    h = (struct history){0}; /* another session owes nothing; an unknown outcome promises nothing */
    add(&h, wrote(1, 5, 0, 10));
    add(&h, saw(2, 0, 11, 12));
    struct op unknown = wrote(2, 6, 20, 30);
    unknown.outcome = OP_UNKNOWN;
    add(&h, unknown);
    add(&h, saw(2, 5, 31, 32));
    add(&h, saw(2, 6, 33, 34));
    v = check(&h, 1, 1000);
    assert_int_equal(v.own + v.back + v.stale + v.alien, 0);
}

static void going_back(void **state)
{
    (void)state;
    struct history h[2] = {{0}};
    add(&h[0], wrote(1, 1, 0, 10));
    add(&h[0], wrote(1, 2, 11, 20));
    add(&h[1], saw(2, 2, 12, 13));
    add(&h[1], saw(2, 1, 14, 15));
    add(&h[1], saw(3, 0, 16, 17)); /* a new session */
    const struct verdict v = check(h, 2, 1000);
    assert_int_equal(v.back, 1);
    assert_int_equal(v.own + v.stale, 0);
    assert_int_equal(v.examples[0].value, 1);
}

static void real_time(void **state)
{
    (void)state;
    for (int64_t allow = 0; allow <= 200; allow += 100) {
        struct history h[2] = {{0}};
        add(&h[0], wrote(1, 1, 0, 10));
        add(&h[0], wrote(1, 2, 20, 30));
        struct op failed = wrote(1, 3, 40, 50);
        failed.outcome = OP_FAILED;
        add(&h[0], failed);
        add(&h[1], saw(2, 1, 130, 140));
        add(&h[1], saw(3, 2, 60, 70));
        const struct verdict v = check(h, 2, allow);
        assert_int_equal(v.stale, allow <= 100 ? 1 : 0);
        assert_int_equal(v.stalest, 100);
    }
}

static void aliens(void **state)
{
    (void)state;
    struct history h[2] = {{0}};
    struct op failed = wrote(1, 1, 0, 10);
    failed.outcome = OP_FAILED;
    add(&h[0], failed);
    add(&h[0], wrote(1, 2, 20, 30));
    add(&h[1], saw(2, 1, 11, 12)); /* of a transaction that was said to be undone */
    add(&h[1], saw(2, 2, 13, 14)); /* from the future */
    add(&h[1], saw(2, 3, 15, 16)); /* from nowhere */
    assert_int_equal(check(h, 2, 0).alien, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_histories), cmocka_unit_test(own_writes),
        cmocka_unit_test(going_back),     cmocka_unit_test(real_time),
        cmocka_unit_test(aliens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
