/* Unused input: growing, keeping a part of itself, putting something in front; against a plain array. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../proxy/inbuf.h"
#include "../../replication/base/prng.h"

static void append(struct inbuf *b, const void *p, size_t n)
{
    uint8_t *at = inbuf_room(b, n);
    assert_non_null(at);
    memcpy(at, p, n);
    b->n += n;
}

static void is(const struct inbuf *b, const char *text)
{
    assert_int_equal(b->n, strlen(text));
    assert_memory_equal(b->p, text, b->n);
    assert_true(b->cap >= b->n);
}

static void test_keep(void **state)
{
    (void)state;
    struct inbuf b = {0};
    assert_true(inbuf_keep(&b, NULL, 0));
    assert_null(b.p);
    assert_true(inbuf_keep(&b, (const uint8_t *)"hello", 5));
    is(&b, "hello");
    append(&b, " world", 6);
    is(&b, "hello world");
    assert_true(inbuf_keep(&b, b.p + 6, 5)); /* of its own content */
    is(&b, "world");
    assert_true(inbuf_keep(&b, b.p, 5));
    is(&b, "world");
    assert_true(inbuf_keep(&b, b.p + 5, 0)); /* empty means no memory */
    assert_null(b.p);
    assert_int_equal(b.cap, 0);
    inbuf_free(&b);
}

static void test_prepend(void **state)
{
    (void)state;
    struct inbuf b = {0};
    assert_true(inbuf_prepend(&b, NULL, 0));
    assert_null(b.p);
    assert_true(inbuf_prepend(&b, (const uint8_t *)"c", 1));
    assert_true(inbuf_prepend(&b, (const uint8_t *)"ab", 2));
    is(&b, "abc");
    inbuf_free(&b);
    assert_null(b.p);
    assert_int_equal(b.n, 0);
}

static void test_random(void **state)
{
    (void)state;
    static uint8_t model[200000], tmp[200000];
    struct inbuf b = {0};
    struct prng r;
    size_t n = 0;
    prng_init(&r, 5);
    for (unsigned round = 0; round < 4000; round++) {
        const size_t k = prng_below(&r, prng_below(&r, 4) ? 40 : 5000);
        for (size_t i = 0; i < k; i++)
            tmp[i] = (uint8_t)prng_next(&r);
        switch (prng_below(&r, 4)) {
        case 0:
        case 1:
            append(&b, tmp, k);
            memcpy(model + n, tmp, k);
            n += k;
            break;
        case 2:
            assert_true(inbuf_prepend(&b, tmp, k));
            memmove(model + k, model, n);
            memcpy(model, tmp, k);
            n += k;
            break;
        default: {
            const size_t used = n > 100000 ? n : prng_below(&r, (uint32_t)n + 1);
            if (b.p)
                assert_true(inbuf_keep(&b, b.p + used, n - used));
            memmove(model, model + used, n - used);
            n -= used;
        }
        }
        assert_int_equal(b.n, n);
        if (n)
            assert_memory_equal(b.p, model, n);
    }
    inbuf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep),
        cmocka_unit_test(test_prepend),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
