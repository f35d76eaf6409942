/* Slots: names, and the plan from what is to what should be; backoff. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../replication/base/attrs.h"
#include "../../replication/core/backoff.h"
#include "../../replication/core/slots.h"
#include "coreview.h"

static struct view v;
static struct slots_plan plan;

static void slot_names(void **state)
{
    (void)state;
    char a[TOPO_NAME_MAX], b[TOPO_NAME_MAX], long_name[TOPO_NAME_MAX];
    slots_name("pg_2", a);
    assert_string_equal(a, "tanist_pg_2");
    slots_name("pg-2", a);
    slots_name("pg.2", b);
    assert_string_not_equal(a, b);
    assert_memory_equal(a, "tanist_pg_2_", 12);
    slots_name("PG_2", b);
    assert_string_not_equal(b, "tanist_pg_2");
    memset(long_name, 'a', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    slots_name(long_name, a);
    long_name[sizeof(long_name) - 2] = 'b';
    slots_name(long_name, b);
    assert_string_not_equal(a, b);
    assert_true(strlen(a) < TOPO_NAME_MAX);
    for (const char *s = a; *s; s++)
        assert_true((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || *s == '_');
    long_name[56] = '\0'; /* 7 + 56 = 63: fits as it is */
    slots_name(long_name, a);
    assert_int_equal(strlen(a), 63);
    assert_memory_equal(a + 7, long_name, 56);
}

static struct observe_slots have(const char *name, bool physical, bool active, bool temporary)
{
    struct observe_slots s = {.n = 1};
    memcpy(s.slots[0].name, name, strlen(name) + 1);
    s.slots[0].physical = physical;
    s.slots[0].active = active;
    s.slots[0].temporary = temporary;
    return s;
}

static void creates_what_is_missing(void **state)
{
    (void)state;
    struct observe_slots none = {0};
    coreview_make(&v, 3, 10);
    slots_plan(&v, 0, 0x7, &none, &plan);
    assert_int_equal(plan.n, 2); /* never for the writer itself */
    assert_int_equal(plan.steps[0].action, SLOTS_CREATE);
    assert_int_equal(plan.steps[0].for_node, 1);
    assert_string_equal(plan.steps[0].name, "tanist_pg2");
    assert_string_equal(plan.steps[1].name, "tanist_pg3");
    struct observe_slots one = have("tanist_pg2", true, false, false);
    slots_plan(&v, 0, 0x6, &one, &plan);
    assert_int_equal(plan.n, 1);
    assert_int_equal(plan.steps[0].for_node, 2);
    slots_plan(&v, 0, 0x2, &one, &plan);
    assert_int_equal(plan.n, 0);
}

static void drops_only_our_idle_ones(void **state)
{
    (void)state;
    coreview_make(&v, 2, 10);
    static const struct {
        const char *name;
        bool physical, active, temporary;
        int drops;
    } rows[] = {
        {"tanist_gone", true, false, false, 1},  {"tanist_gone", true, true, false, 0},
        {"tanist_gone", false, false, false, 0}, {"tanist_gone", true, false, true, 0},
        {"other", true, false, false, 0},        {"tanist_pg1", true, false, false, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct observe_slots s =
            have(rows[i].name, rows[i].physical, rows[i].active, rows[i].temporary);
        slots_plan(&v, 0, 0, &s, &plan);
        assert_int_equal(plan.n, rows[i].drops);
        if (plan.n)
            assert_int_equal(plan.steps[0].action, SLOTS_DROP);
    }
}

static void fits_at_the_bounds(void **state)
{
    (void)state;
    struct observe_slots s = {.n = OBSERVE_SLOTS_MAX};
    for (int i = 0; i < s.n; i++) {
        memcpy(s.slots[i].name, "tanist_x000", 12);
        s.slots[i].name[9] = (char)('0' + i / 10 % 10);
        s.slots[i].name[8] = (char)('0' + i / 100);
        s.slots[i].name[10] = (char)('0' + i % 10);
        s.slots[i].physical = true;
    }
    coreview_make(&v, TOPO_NODES_MAX, 10);
    slots_plan(&v, 0, UINT64_MAX, &s, &plan);
    assert_int_equal(plan.n, OBSERVE_SLOTS_MAX + TOPO_NODES_MAX - 1);
}

static void backoff(void **state)
{
    (void)state;
    struct prng g;
    prng_init(&g, 3);
    struct backoff b;
    backoff_init(&b, 100, 1000);
    usec_t top[] = {100, 200, 400, 800, 1000, 1000, 1000};
    for (size_t i = 0; i < ARRAY_LEN(top); i++) {
        usec_t d = backoff_next(&b, &g);
        assert_true(d <= top[i] && d > top[i] - top[i] / 4);
    }
    for (int i = 0; i < 1000; i++)
        assert_true(backoff_next(&b, &g) <= 1000);
    backoff_reset(&b);
    assert_true(backoff_next(&b, &g) <= 100);
    backoff_init(&b, 0, 0);
    assert_true(backoff_next(&b, &g) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slot_names),
        cmocka_unit_test(creates_what_is_missing),
        cmocka_unit_test(drops_only_our_idle_ones),
        cmocka_unit_test(fits_at_the_bounds),
        cmocka_unit_test(backoff),
    };
    return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
