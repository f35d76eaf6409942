#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../replication/base/prng.h"
#include "../../replication/base/slab.h"
#include "expect_bug.h"

static bool all_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i])
            return false;
    }
    return true;
}

static void cap_and_counts(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 8, 16, 17, 100, 4096, 70000};
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        enum { MAX = 40 };
        void *objs[MAX];
        struct slab s;
        slab_init(&s, "test", sizes[k], MAX);
        assert_true(s.size >= sizes[k]);
        for (size_t i = 0; i < MAX; i++) {
            objs[i] = slab_get(&s);
            assert_non_null(objs[i]);
            assert_int_equal((uintptr_t)objs[i] % 16, 0);
            assert_true(all_zero(objs[i], sizes[k]));
            memset(objs[i], 0xff, sizes[k]);
        }
        assert_int_equal(s.used, MAX);
        assert_int_equal(s.allocated, MAX);
        assert_null(slab_get(&s));
        assert_null(slab_get(&s));
        assert_int_equal(s.refused, 2);
        assert_int_equal(s.used, MAX);
        slab_put(&s, objs[3]);
        objs[3] = slab_get(&s); /* room again, and clean */
        assert_non_null(objs[3]);
        assert_true(all_zero(objs[3], sizes[k]));
        for (size_t i = 0; i < MAX; i++)
            slab_put(&s, objs[i]);
        assert_int_equal(s.used, 0);
        assert_int_equal(s.peak, MAX);
        slab_fini(&s);
    }
}

/* Objects never overlap and keep their content, in any order of get and put. */
static void random_use(void **state)
{
    (void)state;
    enum { MAX = 500 };
    struct slab s;
    uint64_t *objs[MAX] = {NULL};
    struct prng r;
    prng_init(&r, 7);
    slab_init(&s, "random", 24, MAX);
    for (uint64_t step = 1; step < 50000; step++) {
        const uint32_t i = prng_below(&r, MAX);
        if (objs[i]) {
            assert_true(objs[i][1] == i);
            assert_true(objs[i][0] == objs[i][2]);
            slab_put(&s, objs[i]);
            objs[i] = NULL;
        } else {
            objs[i] = slab_get(&s);
            assert_non_null(objs[i]);
            objs[i][0] = objs[i][2] = step;
            objs[i][1] = i;
        }
    }
    for (int i = 0; i < MAX; i++) {
        if (objs[i])
            slab_put(&s, objs[i]);
    }
    slab_fini(&s);
}

static void fault_injection(void **state)
{
    (void)state;
    struct slab s;
    slab_init(&s, "faults", 8, 10);
    s.fail_countdown = 2;
    void *a = slab_get(&s);
    assert_non_null(a);
    assert_null(slab_get(&s));
    assert_int_equal(s.refused, 1);
    void *b = slab_get(&s); /* only that one */
    assert_non_null(b);
    slab_put(&s, a);
    slab_put(&s, b);
    slab_fini(&s);
}

static void misuse(void **state)
{
    (void)state;
    static struct slab s;
    EXPECT_BUG(slab_init(&s, "zero", 0, 1));
    EXPECT_BUG(slab_init(&s, "none", 1, 0));
    slab_init(&s, "test", 8, 2);
    EXPECT_BUG(slab_put(&s, NULL));
    static int foreign;
    EXPECT_BUG(slab_put(&s, &foreign)); /* nothing is out */
    void *a = slab_get(&s);
    assert_non_null(a);
    EXPECT_BUG(slab_fini(&s));
    slab_put(&s, a);
    slab_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cap_and_counts),
        cmocka_unit_test(random_use),
        cmocka_unit_test(fault_injection),
        cmocka_unit_test(misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
