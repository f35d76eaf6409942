/* Timeline history: parsing, ancestors, fork points. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../replication/base/attrs.h"
#include "../../replication/core/timeline.h"

static const char HISTORY[] = "1\t0/A000198\tno recovery target specified\n"
                              "\n"
                              "# a comment\n"
                              "3\t0/9000000000\tbad\n";

static int parse(uint32_t tli, const char *text, struct timeline_history *h)
{
    struct err e = {0};
    int rc = timeline_parse(tli, text, strlen(text), h, &e);
    assert_true(rc == 0 || e.text[0]);
    return rc;
}

static void parses(void **state)
{
    (void)state;
    struct timeline_history h;
    assert_int_equal(parse(4, "1\t0/A000198\tno recovery target\n\n# x\n3\t1/0\treason\n", &h), 0);
    assert_int_equal(h.n, 2);
    assert_int_equal(h.timeline, 4);
    assert_true(timeline_is_ancestor(&h, 1));
    assert_false(timeline_is_ancestor(&h, 2));
    assert_true(timeline_is_ancestor(&h, 3));
    assert_true(timeline_is_ancestor(&h, 4));
    assert_false(timeline_is_ancestor(&h, 5));
    assert_false(timeline_is_ancestor(&h, 0));
    lsn_t at;
    assert_true(timeline_fork_point(&h, 1, &at));
    assert_true(at == 0xA000198);
    assert_false(timeline_fork_point(&h, 4, &at));
    assert_int_equal(parse(1, "", &h), 0);
    assert_int_equal(h.n, 0);
    assert_int_equal(parse(2, "1 0/1", &h), 0); /* no reason, no newline, blanks */
    assert_int_equal(h.n, 1);
}

static void can_follow(void **state)
{
    (void)state;
    struct timeline_history h;
    assert_int_equal(parse(3, "1\t0/100\tx\n2\t0/200\ty\n", &h), 0);
    assert_true(timeline_can_follow(&h, 1, 0x100));
    assert_false(timeline_can_follow(&h, 1, 0x101)); /* one byte past the fork */
    assert_true(timeline_can_follow(&h, 2, 0x200));
    assert_false(timeline_can_follow(&h, 2, 0x201));
    assert_true(timeline_can_follow(&h, 3, 0x900));
    assert_false(timeline_can_follow(&h, 4, 0x1));
    assert_false(timeline_can_follow(&h, 0, 0x1));
}

static void refuses(void **state)
{
    (void)state;
    struct timeline_history h = {.timeline = 99};
    static const char *const bad[] = {
        "1\n",
        "x\t0/1\tr\n",
        "1\t0\tr\n",
        "0\t0/1\tr\n",
        "2\t0/1\n1\t0/2\n",
        "1\t0/2\n1\t0/3\n",
        "1\t0/2\n2\t0/1\n",
        "5\t0/1\n",
        "6\t0/1\n",
        "4294967296\t0/1\n",
        "00000000000000000000000000000000001\t0/1\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(parse(5, bad[i], &h), ERR_PROTO);
    assert_int_equal(parse(3, HISTORY, &h), ERR_PROTO);
    assert_int_equal(h.timeline, 99); /* untouched */
}

static void keeps_the_newest(void **state)
{
    (void)state;
    char text[16384];
    size_t n = 0;
    for (int i = 1; i <= 100; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%d\t0/%X\tr\n", i, i * 16);
    struct timeline_history h;
    assert_int_equal(parse(101, text, &h), 0);
    assert_int_equal(h.n, TIMELINE_FORKS_MAX);
    assert_false(timeline_is_ancestor(&h, 36)); /* forgotten: the careful answer */
    assert_true(timeline_is_ancestor(&h, 37));
    assert_true(timeline_is_ancestor(&h, 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),
        cmocka_unit_test(can_follow),
        cmocka_unit_test(refuses),
        cmocka_unit_test(keeps_the_newest),
    };
    return cmocka_run_group_tests_name("timeline", tests, NULL, NULL);
}
