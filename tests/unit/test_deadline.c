#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../replication/base/deadline.h"
#include "expect_bug.h"

static void off_at_first(void **state)
{
    (void)state;
    struct deadlines d;
    deadlines_init(&d, DEADLINE_MAX);
    assert_true(deadline_next(&d) == USEC_NEVER);
    assert_int_equal(deadline_expired(&d, USEC_NEVER), -1);
    assert_int_equal(deadline_expired(&d, 0), -1);
    for (int i = 0; i < DEADLINE_MAX; i++)
        assert_false(deadline_is_set(&d, i));
}

static void earliest_first(void **state)
{
    (void)state;
    struct deadlines d;
    deadlines_init(&d, 4);
    deadline_set(&d, 0, 30);
    deadline_set(&d, 1, 10);
    deadline_set(&d, 2, 20);
    deadline_set(&d, 3, 10);
    assert_int_equal(deadline_next(&d), 10);
    assert_int_equal(deadline_expired(&d, 9), -1);
    assert_int_equal(deadline_expired(&d, 20), 1); /* of equal ones the lower reason */
    assert_false(deadline_is_set(&d, 1));
    assert_int_equal(deadline_expired(&d, 20), 3);
    assert_int_equal(deadline_expired(&d, 20), 2);
    assert_int_equal(deadline_expired(&d, 20), -1);
    assert_int_equal(deadline_next(&d), 30);
    deadline_set(&d, 0, 5); /* set again: moved */
    assert_int_equal(deadline_next(&d), 5);
    deadline_clear(&d, 0);
    assert_true(deadline_next(&d) == USEC_NEVER);
    deadline_set(&d, 2, USEC_NEVER);
    assert_false(deadline_is_set(&d, 2));
}

static void negative_times(void **state)
{
    (void)state;
    struct deadlines d;
    deadlines_init(&d, 2);
    deadline_set(&d, 0, -5);
    assert_int_equal(deadline_expired(&d, -6), -1);
    assert_int_equal(deadline_expired(&d, -5), 0);
}

static void misuse(void **state)
{
    (void)state;
    static struct deadlines d;
    EXPECT_BUG(deadlines_init(&d, DEADLINE_MAX + 1));
    EXPECT_BUG(deadlines_init(&d, 0));
    deadlines_init(&d, 2);
    EXPECT_BUG(deadline_set(&d, 2, 1));
    EXPECT_BUG(deadline_set(&d, -1, 1));
    EXPECT_BUG(deadline_clear(&d, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(off_at_first),
        cmocka_unit_test(earliest_first),
        cmocka_unit_test(negative_times),
        cmocka_unit_test(misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
