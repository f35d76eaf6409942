/* Gathered output: order, merging of neighbours, and what happens when pieces or scratch run out. The stream is a fake that
 * writes down what it is given. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../proxy/gather.h"
#include "../../proxy/stream.h"
#include "../../replication/base/prng.h"
#include "expect_bug.h"

static uint8_t sent[1 << 20];
static size_t n_sent, n_calls;
static struct stream *sent_to;

void stream_sendv(struct stream *s, const struct iovec *iov, int n)
{
    assert_true(n > 0 && n <= GATHER_IOV);
    sent_to = s;
    n_calls++;
    for (int i = 0; i < n; i++) {
        assert_true(iov[i].iov_len > 0);
        assert_true(n_sent + iov[i].iov_len <= sizeof(sent));
        memcpy(sent + n_sent, iov[i].iov_base, iov[i].iov_len);
        n_sent += iov[i].iov_len;
    }
}

static struct gather g;
static struct stream st;

static int setup(void **state)
{
    (void)state;
    memset(&g, 0, sizeof(g));
    n_sent = n_calls = 0;
    return 0;
}

static void scratch(const char *text)
{
    struct writer w = gather_writer(&g, strlen(text));
    write_bytes(&w, text, strlen(text));
    gather_wrote(&g, &w);
}

static void test_order(void **state)
{
    (void)state;
    const char *text = "abcdef";
    gather_begin(&g, &st);
    assert_true(gather_empty(&g));
    gather_ref(&g, text, 2);
    gather_ref(&g, text + 2, 0);
    gather_ref(&g, text + 2, 2); /* a neighbour */
    assert_int_equal(g.n, 1);
    scratch("12");
    scratch("34"); /* neighbours in scratch */
    assert_int_equal(g.n, 2);
    gather_ref(&g, text + 4, 2);
    assert_int_equal(n_calls, 0);
    assert_false(g.sent);
    gather_flush(&g);
    assert_int_equal(n_calls, 1);
    assert_ptr_equal(sent_to, &st);
    assert_true(g.sent);
    assert_int_equal(n_sent, 10);
    assert_memory_equal(sent, "abcd1234ef", 10);
    gather_flush(&g); /* nothing is there */
    assert_int_equal(n_calls, 1);
}

static void test_drop(void **state)
{
    (void)state;
    gather_begin(&g, &st);
    gather_ref(&g, "x", 1);
    scratch("y");
    gather_drop(&g);
    gather_flush(&g);
    assert_int_equal(n_calls, 0);
    assert_false(g.sent);
    scratch("z");
    gather_flush(&g);
    assert_memory_equal(sent, "z", 1);
}

static void test_begin_when_not_empty(void **state)
{
    (void)state;
    gather_begin(&g, &st);
    gather_ref(&g, "x", 1);
    EXPECT_BUG(gather_begin(&g, &st));
    EXPECT_BUG((void)gather_writer(&g, GATHER_SCRATCH + 1));
}

/* More than fits into one call goes out in several, in order. */
static void test_random(void **state)
{
    (void)state;
    static uint8_t source[4096], model[sizeof(sent)];
    struct prng r;
    prng_init(&r, 11);
    for (size_t i = 0; i < sizeof(source); i++)
        source[i] = (uint8_t)prng_next(&r);
    for (unsigned round = 0; round < 50; round++) {
        size_t n = 0;
        setup(NULL);
        gather_begin(&g, &st);
        for (unsigned i = 0; i < 600; i++) {
            const size_t at = prng_below(&r, sizeof(source) - 600), len = prng_below(&r, 600);
            if (prng_below(&r, 2)) {
                gather_ref(&g, source + at, len);
            } else {
                struct writer w = gather_writer(&g, len);
                write_bytes(&w, source + at, len);
                gather_wrote(&g, &w);
            }
            memcpy(model + n, source + at, len);
            n += len;
        }
        gather_flush(&g);
        assert_true(n_calls > 1);
        assert_int_equal(n_sent, n);
        assert_memory_equal(sent, model, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_order, setup),
        cmocka_unit_test_setup(test_drop, setup),
        cmocka_unit_test_setup(test_begin_when_not_empty, setup),
        cmocka_unit_test_setup(test_random, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
