/* Snapshots: checks, comparison, differences, LSN text. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../replication/base/attrs.h"
#include "../../replication/core/topology.h"

static struct topology base_topology(void)
{
    struct topology t = {.epoch = 7, .version = 9, .timeline = 2, .writer = 0, .n_nodes = 3};
    memcpy(t.cluster, "prod", 5);
    const char *const names[] = {"pg1", "pg2", "pg3"};
    for (int i = 0; i < 3; i++) {
        memcpy(t.nodes[i].name, names[i], 4);
        memcpy(t.nodes[i].host, "10.0.0.1", 9);
        t.nodes[i].port = (uint16_t)(5432 + i);
        t.nodes[i].role = i ? ROLE_REPLICA : ROLE_PRIMARY;
        t.nodes[i].role_since = 5;
        t.nodes[i].weight = 1;
    }
    return t;
}

static void check_accepts(void **state)
{
    (void)state;
    struct err e = {0};
    struct topology t = base_topology();
    assert_int_equal(topology_check(&t, &e), 0);
    t.writer = TOPO_NO_WRITER;
    t.holding = true;
    assert_int_equal(topology_check(&t, &e), 0);
    t.n_nodes = 0;
    assert_int_equal(topology_check(&t, &e), 0);
}

static void check_refuses(void **state)
{
    (void)state;
    struct err e = {0};
    struct topology t = base_topology();
    t.writer = 3;
    assert_int_equal(topology_check(&t, &e), ERR_INVALID);
    t.writer = -2;
    assert_int_equal(topology_check(&t, &e), ERR_INVALID);
    t.writer = 1; /* a replica */
    assert_int_equal(topology_check(&t, &e), ERR_INVALID);
    t = base_topology();
    t.holding = true;
    assert_int_equal(topology_check(&t, &e), ERR_INVALID);
    t = base_topology();
    t.nodes[2].role_since = 8;
    assert_int_equal(topology_check(&t, &e), ERR_INVALID);
    t = base_topology();
    memcpy(t.nodes[2].name, "pg1", 4);
    assert_int_equal(topology_check(&t, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "pg1"));
    t = base_topology();
    t.nodes[1].name[0] = '\0';
    assert_int_equal(topology_check(&t, &e), ERR_INVALID);
    t = base_topology();
    t.n_nodes = TOPO_NODES_MAX + 1;
    assert_int_equal(topology_check(&t, &e), ERR_INVALID);
}

static void rules_ignore_what_moves_often(void **state)
{
    (void)state;
    struct topology a = base_topology(), b = base_topology();
    b.version = 10;
    b.nodes[1].lag = 5;
    b.nodes[1].lag_known = true;
    b.nodes[1].lag_bytes = 77;
    b.nodes[1].replay_lsn = 99;
    b.sample.flush_lsn = 4;
    b.nodes[1].unreadable = READ_LAG_TIME;
    assert_true(topology_same_rules(&a, &b));
}

static void rules_see_what_matters(void **state)
{
    (void)state;
    const struct topology a = base_topology();
    for (int what = 0; what < 10; what++) {
        struct topology b = a;
        switch (what) {
        case 0:
            b.writer = TOPO_NO_WRITER;
            break;
        case 1:
            b.holding = true;
            break;
        case 2:
            b.n_nodes = 2;
            break;
        case 3:
            b.timeline = 3;
            break;
        case 4:
            b.nodes[1].role = ROLE_PRIMARY;
            break;
        case 5:
            b.nodes[1].role_since = 6;
            break;
        case 6:
            b.nodes[1].unreadable = READ_DOWN;
            break;
        case 7:
            b.nodes[1].port = 1;
            break;
        case 8:
            b.nodes[1].weight = 0;
            break;
        case 9:
            b.nodes[2].zone[0] = 'x';
            break;
        }
        assert_false(topology_same_rules(&a, &b));
        assert_false(topology_same_rules(&b, &a));
    }
}

static void diff_table(void **state)
{
    (void)state;
    uint8_t c[TOPO_NODES_MAX];
    struct topology a = base_topology(), b = base_topology();
    assert_int_equal(topology_diff(&a, &b, c), 0);
    assert_int_equal(topology_diff(NULL, &b, c), 3);
    assert_int_equal(c[2], TOPO_CHANGED_ADDED);
    b.nodes[0].role = ROLE_REPLICA;
    b.nodes[1].unreadable = READ_LAG_BYTES;
    b.nodes[2].port = 9;
    b.nodes[2].role_since = 7;
    assert_int_equal(topology_diff(&a, &b, c), 3);
    assert_int_equal(c[0], TOPO_CHANGED_ROLE);
    assert_int_equal(c[1], TOPO_CHANGED_READABLE);
    assert_int_equal(c[2], TOPO_CHANGED_ADDRESS | TOPO_CHANGED_ROLE);
    b = base_topology();
    b.n_nodes = 2;
    assert_int_equal(topology_diff(&a, &b, c), 1);
    assert_int_equal(c[2], TOPO_CHANGED_GONE);
    memcpy(b.nodes[1].name, "new", 4);
    assert_int_equal(topology_diff(&a, &b, c), 2);
    assert_int_equal(c[1], TOPO_CHANGED_GONE | TOPO_CHANGED_ADDED);
}

static void names(void **state)
{
    (void)state;
    struct topology t = base_topology();
    assert_int_equal(topology_find(&t, "pg3"), 2);
    assert_int_equal(topology_find(&t, "pg4"), -1);
    for (int i = 0; i < READ_NR; i++) {
        assert_non_null(topo_unreadable_name((enum topo_unreadable)i));
        assert_true(topo_unreadable_text((enum topo_unreadable)i)[0] != '\0');
        for (int j = 0; j < i; j++)
            assert_string_not_equal(topo_unreadable_name((enum topo_unreadable)i),
                                    topo_unreadable_name((enum topo_unreadable)j));
    }
    assert_string_equal(topo_role_name(ROLE_PRIMARY), "primary");
    assert_string_equal(topo_unreadable_name(READ_NR), "invalid");
}

static void lsn_round_trip(void **state)
{
    (void)state;
    char buf[24];
    static const lsn_t values[] = {0, 1, 0x16B374D848, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        lsn_t back = 42;
        assert_true(lsn_parse(lsn_text(values[i], buf), &back));
        assert_true(back == values[i]);
    }
    assert_string_equal(lsn_text(0x16B374D848, buf), "16/B374D848");
}

static void lsn_rejects(void **state)
{
    (void)state;
    static const char *const bad[] = {"",      "/",    "1",    "1/",          "/1",
                                      "1/2/3", " 1/2", "1/2 ", "123456789/0", "0/123456789",
                                      "g/1",   "1/-2", "0x1/2"};
    lsn_t out = 42;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(lsn_parse(bad[i], &out));
    assert_true(out == 42);
    assert_true(lsn_parse("a/Bc", &out));
    assert_true(out == 0xA000000BC);
}

static void insert_positions(void **state)
{
    (void)state;
    static const struct {
        lsn_t insert, end;
    } rows[] = {
        {0x3000148, 0x3000148}, {0x3002018, 0x3002000}, /* behind a page's header */
        {0x3000028, 0x3000000},                         /* behind a segment's */
        {0x3002028, 0x3002028},                         /* 16 bytes of a record on a page */
        {0x3002020, 0x3002020}, {0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_true(lsn_of_insert(rows[i].insert) == rows[i].end);
}

static void slow_start(void **state)
{
    (void)state;
    static const struct {
        usec_t since, slow_start, now;
        unsigned share;
    } rows[] = {
        {0, 0, 0, 1000},        {5, 0, 5, 1000},
        {0, 10000, 0, 100},     {7, 10000, 5007, 550},
        {7, 10000, 10006, 999}, {7, 10000, 10007, 1000},
        {500, 10000, 400, 100}, {TOPO_ALWAYS, 3600 * USEC_PER_SEC, 5, 1000},
    };
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        const struct topo_node n = {.readable_since = rows[r].since};
        assert_int_equal(topo_share(&n, rows[r].slow_start, rows[r].now), rows[r].share);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_start),
        cmocka_unit_test(insert_positions),
        cmocka_unit_test(check_accepts),
        cmocka_unit_test(check_refuses),
        cmocka_unit_test(rules_ignore_what_moves_often),
        cmocka_unit_test(rules_see_what_matters),
        cmocka_unit_test(diff_table),
        cmocka_unit_test(names),
        cmocka_unit_test(lsn_round_trip),
        cmocka_unit_test(lsn_rejects),
    };
    return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
