/* Where the next batch of a transaction on a replica goes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../proxy/core/classify.h"
#include "../../proxy/core/txnode.h"

enum { STAY = TXNODE_STAY, TIED = TXNODE_STAY_TIED, MOVE = TXNODE_MOVE, REFUSE = TXNODE_REFUSE };

/* READ COMMITTED and READ ONLY; the same, with a snapshot that lasts; READ WRITE. */
static const struct {
    const char *sql;
    int committed, lasting, writes;
} texts[] = {
    {"select 1", STAY, STAY, STAY},
    {"", STAY, STAY, STAY},
    {"savepoint a", STAY, STAY, STAY},
    {"rollback to a", STAY, STAY, STAY},
    {"commit", STAY, STAY, STAY},
    {"rollback and chain", STAY, STAY, STAY},
    {"select 1; commit; select 2", STAY, STAY, STAY},
    {"savepoint a; select 1", MOVE, TIED, MOVE},
    {"select now()", STAY, STAY, MOVE},
    {"select current_date", STAY, STAY, MOVE},
    {"insert into t values (1)", MOVE, TIED, MOVE},
    {"select * from t for update", MOVE, TIED, MOVE},
    {"commit; insert into t values (1)", MOVE, MOVE, MOVE},
    {"rollback; commit; insert into t values (1)", MOVE, MOVE, MOVE},
    {"select 1; commit; insert into t values (1)", MOVE, REFUSE, MOVE},
    {"prepare transaction 'x'", MOVE, MOVE, MOVE},
    {"begin read write", MOVE, TIED, MOVE},
    {"set transaction read write", MOVE, TIED, MOVE},
    {"set local work_mem = '7MB'", MOVE, TIED, MOVE},
    {"show transaction_read_only", MOVE, TIED, MOVE},
    {"listen a", MOVE, REFUSE, MOVE},
    {"do $$begin end$$", MOVE, REFUSE, MOVE},
    {"lock table t in access share mode", MOVE, TIED, MOVE},
    {"declare c cursor for select 1", MOVE, TIED, MOVE},
    {"declare c cursor with hold for select 1", MOVE, REFUSE, MOVE},
    {"select pg_advisory_xact_lock(1)", MOVE, REFUSE, MOVE},
    {"select pg_export_snapshot()", MOVE, REFUSE, MOVE},
    {"select * from pg_stat_activity", MOVE, REFUSE, MOVE},
    {"select vol()", MOVE, TIED, MOVE},
    {"create temp table x (a int)", MOVE, TIED, MOVE},
};

static struct catalog cat;
static _Alignas(8) char mem[65536];

static int setup(void **state)
{
    (void)state;
    if (catalog_init(&cat, mem, sizeof(mem)) < 0 ||
        catalog_add_function(&cat, slice_of("now"), false) < 0 ||
        catalog_add_function(&cat, slice_of("vol"), true) < 0)
        return -1;
    catalog_seal(&cat);
    return 0;
}

static struct txnode_in in_of(const char *sql)
{
    struct classification k;
    classify_sql(slice_of(sql), &cat, NULL, &k);
    return (struct txnode_in){.each = k.each,
                              .first = k.first,
                              .n_statements = k.n_statements,
                              .touches = k.touches,
                              .chain = k.tx.chain,
                              .nodal = k.nodal,
                              .tells_time = k.tells_time,
                              .savepoint_fits = true};
}

static int decide(struct txnode_in in, bool snapshot, bool writes)
{
    in.snapshot = snapshot;
    in.writes = writes;
    return (int)txnode_decide(&in);
}

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        const struct txnode_in in = in_of(texts[i].sql);
        if (decide(in, false, false) != texts[i].committed ||
            decide(in, true, false) != texts[i].lasting ||
            decide(in, false, true) != texts[i].writes)
            fail_msg("%s: %d %d %d", texts[i].sql, decide(in, false, false),
                     decide(in, true, false), decide(in, false, true));
    }
}

static int failed(const char *sql, bool snapshot)
{
    struct txnode_in in = in_of(sql);
    in.failed = true;
    return decide(in, snapshot, false);
}

static void test_failed(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        const bool snapshot = i == 1;
        assert_int_equal(failed("select 1", snapshot), STAY);
        assert_int_equal(failed("listen a", snapshot), STAY); /* refused like anything */
        assert_int_equal(failed("select 1; rollback; listen a", snapshot), STAY);
        assert_int_equal(failed("rollback", snapshot), STAY);
        assert_int_equal(failed("rollback to a", snapshot), STAY);
        assert_int_equal(failed("rollback and chain", snapshot), MOVE); /* READ WRITE follows */
        assert_int_equal(failed("rollback; insert into t values (1)", snapshot), MOVE);
        assert_int_equal(failed("prepare transaction 'x'", snapshot), MOVE);
        assert_int_equal(failed("rollback to a; listen a", snapshot), snapshot ? REFUSE : MOVE);
    }
}

static void test_ties(void **state)
{
    (void)state;
    struct txnode_in in = in_of("select 1");
    in.portals = true;
    assert_int_equal(decide(in, false, false), MOVE);
    assert_int_equal(decide(in, true, false), TIED);
    in.fetches = true;
    assert_int_equal(decide(in, false, false), TIED);
    assert_int_equal(decide(in, false, true), MOVE);
    in = in_of("listen a");
    in.tied = true;
    assert_int_equal(decide(in, false, false), REFUSE);
    in = in_of("commit; insert into t values (1)");
    in.tied = true;
    assert_int_equal(decide(in, false, false), REFUSE);
    in = in_of("savepoint a");
    in.savepoint_fits = false;
    assert_int_equal(decide(in, false, true), MOVE);
    in.tied = true;
    assert_int_equal(decide(in, false, false), TIED);
}

static void test_savepoints(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        enum classify_savepoint what;
        const char *name;
    } rows[] = {
        {"savepoint a", SAVEPOINT_SET, "a"},
        {"release a", SAVEPOINT_RELEASE, "a"},
        {"release savepoint \"A b\"", SAVEPOINT_RELEASE, "\"A b\""},
        {"rollback to a", SAVEPOINT_BACK, "a"},
        {"rollback work to savepoint a", SAVEPOINT_BACK, "a"},
        {"rollback to savepoint", SAVEPOINT_BACK, "savepoint"},
        {"rollback", SAVEPOINT_NONE, ""},
        {"select 1", SAVEPOINT_NONE, ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct classification k;
        classify_sql(slice_of(rows[i].sql), &cat, NULL, &k);
        assert_int_equal(k.savepoint, rows[i].what);
        assert_true(slice_eq(k.savepoint_name, rows[i].name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_failed),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_savepoints),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
