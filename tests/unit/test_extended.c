#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../proxy/admin/extended.h"
#include "../../proxy/wire/encode.h"
#include "../../proxy/wire/frame.h"

static struct extended *x;
static struct extended_step step;
static uint8_t buf[65536];

static int setup(void **state)
{
    (void)state;
    x = extended_new();
    return x ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    extended_free(x);
    return 0;
}

/* Hands over the message that was written, and says which message the reply begins with (0: none). */
static char give(const struct writer *w)
{
    assert_false(w->bad);
    assert_int_equal(extended_message(x, w->p[0], w->p + FRAME_HEADER, w->n - FRAME_HEADER, &step),
                     0);
    return step.n_reply ? (char)step.reply[0] : '\0';
}

static char parse(const char *name, const char *sql)
{
    struct writer w = writer_of(buf, sizeof buf);
    encode_parse(&w, name, slice_of(sql), NULL, 0);
    return give(&w);
}

static char bind(const char *portal, const char *name)
{
    struct writer w = writer_of(buf, sizeof buf);
    encode_bind_head(&w, portal, name, ENCODE_BIND_REST_EMPTY);
    encode_bind_rest_empty(&w);
    return give(&w);
}

static char describe(uint8_t kind, const char *name)
{
    struct writer w = writer_of(buf, sizeof buf);
    encode_describe(&w, kind, name);
    return give(&w);
}

static char execute(const char *portal)
{
    struct writer w = writer_of(buf, sizeof buf);
    encode_execute(&w, portal, 0);
    return give(&w);
}

static char close_it(uint8_t kind, const char *name)
{
    struct writer w = writer_of(buf, sizeof buf);
    encode_close(&w, kind, name);
    return give(&w);
}

static char sync_it(void)
{
    struct writer w = writer_of(buf, sizeof buf);
    encode_sync(&w);
    return give(&w);
}

/* As libpq's PQexecParams and pgjdbc send it. */
static void test_unnamed(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(parse("", i % 2 ? "SHOW NODES" : "SHOW LAG"), '1');
        assert_int_equal(bind("", ""), '2');
        assert_int_equal(describe('P', ""), 0);
        assert_string_equal(step.run, i % 2 ? "SHOW NODES" : "SHOW LAG");
        assert_int_equal(step.form, ANSWER_DESCRIBE);
        assert_int_equal(execute(""), 0);
        assert_int_equal(step.form, ANSWER_EXECUTE);
        assert_string_equal(step.run, i % 2 ? "SHOW NODES" : "SHOW LAG");
        assert_int_equal(sync_it(), 'Z');
        assert_null(step.run);
    }
}

/* As pgx does it: prepare and describe once, bind later and again. */
static void test_named(void **state)
{
    (void)state;
    assert_int_equal(parse("a", "SHOW NODES"), '1');
    assert_int_equal(describe('S', "a"), 't');
    assert_string_equal(step.run, "SHOW NODES");
    assert_int_equal(sync_it(), 'Z');
    assert_int_equal(parse("b", "SHOW LAG"), '1');
    for (int i = 0; i < 3; i++) {
        assert_int_equal(bind("p", i % 2 ? "a" : "b"), '2');
        assert_int_equal(execute("p"), 0);
        assert_string_equal(step.run, i % 2 ? "SHOW NODES" : "SHOW LAG");
        assert_int_equal(sync_it(), 'Z');
    }
    assert_int_equal(parse("a", "SHOW POOLS"), 'E');
    assert_int_equal(sync_it(), 'Z');
    assert_int_equal(close_it('S', "a"), '3');
    assert_int_equal(close_it('S', "never"), '3');
    assert_int_equal(parse("a", "SHOW POOLS"), '1');
}

static void test_errors_skip(void **state)
{
    (void)state;
    assert_int_equal(bind("", "none"), 'E');
    assert_non_null(memmem(step.reply, step.n_reply, "C26000", 7));
    assert_int_equal(parse("", "SHOW NODES"), 0);
    assert_int_equal(execute(""), 0);
    assert_null(step.run);
    assert_int_equal(sync_it(), 'Z');
    assert_int_equal(execute(""), 'E');
    assert_non_null(memmem(step.reply, step.n_reply, "C34000", 7));
    assert_int_equal(sync_it(), 'Z');
    /* An error of the console skips too. */
    assert_int_equal(parse("", "BOGUS"), '1');
    assert_int_equal(bind("", ""), '2');
    assert_int_equal(execute(""), 0);
    extended_answered(x, (const uint8_t *)"E", 1);
    assert_int_equal(parse("", "SHOW NODES"), 0);
    assert_int_equal(sync_it(), 'Z');
    /* The portal ended with Sync. */
    assert_int_equal(describe('P', ""), 'E');
}

static void test_limits(void **state)
{
    char name[80];
    (void)state;
    for (int i = 0; i < EXTENDED_STATEMENTS_MAX; i++) {
        snprintf(name, sizeof name, "s%d", i);
        assert_int_equal(parse(name, "SHOW NODES"), '1');
    }
    assert_int_equal(parse("more", "SHOW NODES"), 'E');
    assert_int_equal(sync_it(), 'Z');
    assert_int_equal(close_it('S', "s3"), '3');
    memset(name, 'n', sizeof name);
    name[EXTENDED_NAME_MAX] = '\0';
    assert_int_equal(parse(name, "SHOW NODES"), 'E');
    assert_int_equal(sync_it(), 'Z');
    name[EXTENDED_NAME_MAX - 1] = '\0';
    assert_int_equal(parse(name, "SHOW NODES"), '1');
    assert_int_equal(bind(name, name), '2');
    assert_int_equal(execute(name), 0);
    assert_string_equal(step.run, "SHOW NODES");
}

static void test_broken(void **state)
{
    (void)state;
    assert_int_equal(extended_message(x, 'P', (const uint8_t *)"a", 1, &step), ERR_PROTO);
    assert_int_equal(extended_message(x, 'B', (const uint8_t *)"", 0, &step), ERR_PROTO);
    assert_int_equal(extended_message(x, 'F', (const uint8_t *)"", 0, &step), ERR_PROTO);
    assert_int_equal(extended_message(x, 'H', (const uint8_t *)"", 0, &step), 0);
    assert_int_equal(step.n_reply, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_unnamed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_skip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
