#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <time.h>

#include "../../replication/base/clock.h"

static void real_goes_forward(void **state)
{
    (void)state;
    usec_t before = clock_now(clock_real());
    assert_true(before > 0);
    for (int i = 0; i < 1000; i++) {
        const usec_t now = clock_now(clock_real());
        assert_true(now >= before);
        before = now;
    }
}

static void fake_stands_still(void **state)
{
    (void)state;
    struct clock_fake f;
    clock_fake_init(&f, 7);
    assert_int_equal(clock_now(&f.clock), 7);
    assert_int_equal(clock_now(&f.clock), 7);
    f.at += 5 * USEC_PER_SEC;
    assert_int_equal(clock_now(&f.clock), 5000007);
}

static void wall_is_wall(void **state)
{
    (void)state;
    const time_t before = time(NULL);
    const usec_t now = clock_wall() / USEC_PER_SEC;
    assert_true(now >= before - 1 && now <= time(NULL) + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_goes_forward),
        cmocka_unit_test(fake_stands_still),
        cmocka_unit_test(wall_is_wall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
