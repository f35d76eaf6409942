#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../replication/base/log.h"
#include "../../replication/base/sm.h"
#include "expect_bug.h"

enum door { DOOR_NONE = 0, DOOR_CLOSED, DOOR_OPEN, DOOR_GONE, DOOR_NR };

static const struct sm_state doors[DOOR_NR] = {
    [DOOR_CLOSED] = {.name = "closed",
                     .allowed = SM_TO(DOOR_OPEN) | SM_TO(DOOR_GONE),
                     .initial = true},
    [DOOR_OPEN] = {.name = "open", .allowed = SM_TO(DOOR_CLOSED)},
    [DOOR_GONE] = {.name = "gone", .final = true},
};

static char last_event[128], last_line[2048];
static enum log_level last_level;
static int lines;

static void tap(enum log_level level, const char *event, const char *line, void *arg)
{
    (void)arg;
    last_level = level;
    snprintf(last_event, sizeof(last_event), "%s", event);
    snprintf(last_line, sizeof(last_line), "%s", line);
    lines++;
}

static void moves_and_logs(void **state)
{
    (void)state;
    struct sm sm;
    lines = 0;
    sm_init(&sm, "door", doors, DOOR_NR, DOOR_CLOSED);
    sm.id = 42;
    assert_string_equal(sm_name(&sm), "closed");
    assert_int_equal(lines, 0);
    sm_move(&sm, DOOR_OPEN, "pushed hard");
    assert_int_equal(lines, 1);
    assert_int_equal(last_level, LOG_INFO);
    assert_string_equal(last_event, "door.open");
    assert_non_null(
        strstr(last_line, " machine=door id=42 from=closed to=open reason=\"pushed hard\" "));
    sm.quiet = true; /* debug is below the present level */
    sm_move(&sm, DOOR_CLOSED, NULL);
    assert_int_equal(lines, 1);
    log_set_level(LOG_DEBUG);
    sm_move(&sm, DOOR_GONE, NULL);
    assert_int_equal(lines, 2);
    assert_int_equal(last_level, LOG_DEBUG);
    assert_null(strstr(last_line, "reason="));
    log_set_level(LOG_INFO);
    sm_fini(&sm);
    assert_int_equal(sm.state, 0);
}

/* Every pair of states, against the table. */
static void edges(void **state)
{
    (void)state;
    static const bool may[DOOR_NR][DOOR_NR] = {
        [DOOR_CLOSED] = {[DOOR_OPEN] = true, [DOOR_GONE] = true},
        [DOOR_OPEN] = {[DOOR_CLOSED] = true},
    };
    for (int from = DOOR_CLOSED; from < DOOR_NR; from++) {
        for (int to = -1; to <= 64; to++) {
            static struct sm sm;
            sm_init(&sm, "door", doors, DOOR_NR, DOOR_CLOSED);
            if (from != DOOR_CLOSED)
                sm_move(&sm, from, NULL);
            const bool expected = to >= 0 && to < DOOR_NR && may[from][to];
            assert_int_equal(sm_can_move(&sm, to), expected);
            if (expected)
                sm_move(&sm, to, NULL);
            else
                EXPECT_BUG(sm_move(&sm, to, NULL));
            assert_int_equal(sm.state, expected ? to : from);
        }
    }
}

static bool never_open_after_closed(const struct sm *sm, int prev)
{
    return !(sm->state == DOOR_OPEN && prev == DOOR_CLOSED);
}

static void misuse(void **state)
{
    (void)state;
    static struct sm sm;
    EXPECT_BUG(sm_init(&sm, "door", doors, DOOR_NR, DOOR_OPEN));
    EXPECT_BUG(sm_init(&sm, "door", doors, DOOR_NR, DOOR_NONE));
    EXPECT_BUG(sm_init(&sm, "door", doors, DOOR_NR, DOOR_NR));
    sm_init(&sm, "door", doors, DOOR_NR, DOOR_CLOSED);
    EXPECT_BUG(sm_fini(&sm));
    sm.invariant = never_open_after_closed;
    EXPECT_BUG(sm_move(&sm, DOOR_OPEN, NULL));
    sm_init(&sm, "door", doors, DOOR_NR, DOOR_CLOSED);
    sm_move(&sm, DOOR_GONE, NULL);
    sm_fini(&sm);
    EXPECT_BUG((void)sm_name(&sm));
}

static int quiet_log(void **state)
{
    (void)state;
    log_set_fd(-1);
    log_set_tap(tap, NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_and_logs),
        cmocka_unit_test(edges),
        cmocka_unit_test(misuse),
    };
    return cmocka_run_group_tests(tests, quiet_log, NULL);
}
