/* Probe rows: every column, NULLs, malformed text, bounds. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../replication/base/attrs.h"
#include "../../replication/core/observe.h"

/* Rows as PostgreSQL 15 gave them. */
static const char *const primary_row[OBSERVE_COLUMNS] = {
    "f",         "7710421939135605028",
    "1",         "f",
    "0/3040590", "0/3040600",
    NULL,        NULL,
    NULL,        NULL,
    NULL,        NULL,
    NULL,        NULL,
    NULL,        "1795222503540976",
    "150020",    "t",
    "off",       "100",
    "",          NULL,
    NULL,        "f",
    "25510",     NULL,
    "60000000",  "1:726",
    NULL,
};
static const char *const replica_row[OBSERVE_COLUMNS] = {
    "t",         "7710421939135605028",
    "2",         "t",
    NULL,        NULL,
    "0/3040590", "0/3040580",
    "f",         "streaming",
    "127.0.0.1", "25510",
    "s1",        "0/3040590",
    "348458",    "1795222503946935",
    "150020",    "f",
    "on",        "100",
    "ANY 1 (*)", "127.0.0.1",
    NULL,        "t",
    "25511",     NULL,
    "2000000",   NULL,
    "Patroni",
};

static void primary(void **state)
{
    (void)state;
    struct observation o = {.sent_at = 5, .received_at = 6, .detail = "old"};
    struct err e = {0};
    assert_int_equal(observe_parse(primary_row, OBSERVE_COLUMNS, &o, &e), 0);
    assert_int_equal(o.outcome, OBSERVE_OK);
    assert_int_equal(o.role, ROLE_PRIMARY);
    assert_true(o.system_identifier == UINT64_C(7710421939135605028));
    assert_int_equal(o.timeline, 1);
    assert_true(o.flush_lsn == 0x3040590 && o.insert_lsn == 0x3040600);
    assert_true(o.receive_lsn == 0 && o.replay_lsn == 0);
    assert_false(o.receiver);
    assert_false(o.streaming);
    assert_false(o.message_age_known);
    assert_true(o.commit_flushes);
    assert_true(o.start_xid == (UINT64_C(1) << 32 | 726));
    assert_false(o.read_only);
    assert_int_equal(o.server_version_num, 150020);
    assert_int_equal(o.max_connections, 100);
    assert_true(o.postmaster_start == INT64_C(1795222503540976));
    assert_true(o.sent_at == 5 && o.received_at == 6); /* the shell's */
    assert_string_equal(o.detail, "");
}

static void lineage(void **state)
{
    (void)state;
    const char *row[OBSERVE_COLUMNS];
    struct observation o = {0};
    struct err e = {0};
    assert_int_equal(observe_parse(primary_row, OBSERVE_COLUMNS, &o, &e), 0);
    assert_int_equal(o.lineage.timeline, 1); /* the first one has no ancestors */
    memcpy(row, primary_row, sizeof(row));
    row[2] = "3";
    assert_int_equal(observe_parse(row, OBSERVE_COLUMNS, &o, &e), 0);
    assert_int_equal(o.lineage.timeline, 0); /* we may not read the file */
    row[25] = "1\t0/3000000\tno recovery target specified\n2\t0/4000000\twhy\n";
    assert_int_equal(observe_parse(row, OBSERVE_COLUMNS, &o, &e), 0);
    assert_int_equal(o.lineage.timeline, 3);
    assert_int_equal(o.lineage.n, 2);
    assert_true(o.lineage.forks[1].timeline == 2 && o.lineage.forks[1].end == 0x4000000);
    row[25] = "nonsense";
    assert_int_equal(observe_parse(row, OBSERVE_COLUMNS, &o, &e), 0);
    assert_int_equal(o.lineage.timeline, 0);
    assert_int_equal(observe_parse(replica_row, OBSERVE_COLUMNS, &o, &e), 0);
    assert_int_equal(o.lineage.timeline, 0);
}

static void replica(void **state)
{
    (void)state;
    struct observation o = {0};
    struct err e = {0};
    assert_int_equal(observe_parse(replica_row, OBSERVE_COLUMNS, &o, &e), 0);
    assert_int_equal(o.role, ROLE_REPLICA);
    assert_int_equal(o.timeline, 2);
    assert_true(o.timeline_received);
    assert_true(o.receive_lsn == 0x3040590 && o.replay_lsn == 0x3040580);
    assert_true(o.receiver && o.streaming);
    assert_string_equal(o.sender_host, "127.0.0.1");
    assert_int_equal(o.sender_port, 25510);
    assert_string_equal(o.receiver_slot, "s1");
    assert_true(o.message_age_known);
    assert_true(o.message_age == 348458);
    assert_false(o.commit_flushes);
    assert_true(o.read_only);
    assert_string_equal(o.synchronous_standby_names, "ANY 1 (*)");
    assert_string_equal(o.primary_conninfo_host, "127.0.0.1");
    assert_int_equal(o.primary_conninfo_port, 5432); /* a host alone means the default port */
    assert_true(o.has_primary_conninfo);
}

static void replica_without_receiver(void **state)
{
    (void)state;
    const char *row[OBSERVE_COLUMNS];
    memcpy(row, replica_row, sizeof(row));
    for (int i = 9; i <= 14; i++)
        row[i] = NULL;
    row[3] = "f";
    row[6] = NULL; /* never streamed since its start */
    struct observation o = {0};
    struct err e = {0};
    assert_int_equal(observe_parse(row, OBSERVE_COLUMNS, &o, &e), 0);
    assert_false(o.receiver || o.streaming || o.message_age_known);
    assert_true(o.receive_lsn == 0);
    row[9] = "waiting";
    row[14] = "-5"; /* the node's clock was set back */
    assert_int_equal(observe_parse(row, OBSERVE_COLUMNS, &o, &e), 0);
    assert_true(o.receiver && !o.streaming);
    assert_true(o.message_age == 0);
}

static void malformed(void **state)
{
    (void)state;
    /* Each typed column in turn gets text that is not of its type: an error, and the old content stays. */
    static const int typed[] = {0, 1, 2, 3, 6, 7, 8, 11, 13, 14, 15, 16, 17, 18, 19, 22, 23};
    for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
        const char *row[OBSERVE_COLUMNS];
        memcpy(row, replica_row, sizeof(row));
        row[typed[i]] = "bogus";
        struct observation o = {.timeline = 77};
        struct err e = {0};
        assert_int_equal(observe_parse(row, OBSERVE_COLUMNS, &o, &e), ERR_PROTO);
        assert_non_null(strstr(e.text, "bogus"));
        assert_int_equal(o.timeline, 77);
        assert_int_equal(o.outcome, OBSERVE_NONE);
    }
    static const int required[] = {0, 1, 2, 7};
    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        const char *row[OBSERVE_COLUMNS];
        memcpy(row, replica_row, sizeof(row));
        row[required[i]] = NULL;
        struct observation o = {0};
        assert_int_equal(observe_parse(row, OBSERVE_COLUMNS, &o, NULL), ERR_PROTO);
    }
    struct observation o = {0};
    assert_int_equal(observe_parse(replica_row, OBSERVE_COLUMNS - 1, &o, NULL), ERR_PROTO);
    const char *row[OBSERVE_COLUMNS];
    memcpy(row, replica_row, sizeof(row));
    row[2] = "0";
    assert_int_equal(observe_parse(row, OBSERVE_COLUMNS, &o, NULL), ERR_PROTO);
    row[2] = "4294967296";
    assert_int_equal(observe_parse(row, OBSERVE_COLUMNS, &o, NULL), ERR_PROTO);
}

static void long_text_is_cut(void **state)
{
    (void)state;
    char big[2000];
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    const char *row[OBSERVE_COLUMNS];
    memcpy(row, replica_row, sizeof(row));
    row[10] = row[12] = row[20] = row[21] = row[24] = big;
    struct observation o = {0};
    assert_int_equal(observe_parse(row, OBSERVE_COLUMNS, &o, NULL), 0);
    assert_int_equal(strlen(o.sender_host), TOPO_HOST_MAX - 1);
    assert_int_equal(strlen(o.receiver_slot), TOPO_NAME_MAX - 1);
}

static void peers(void **state)
{
    (void)state;
    struct observe_peers p = {0};
    const char *const row[] = {"pg2", "10.0.0.12", "streaming", "0/30", "0/20", "0/10", "1500"};
    const char *const bare[] = {"pg3", NULL, "catchup", NULL, NULL, NULL, NULL};
    assert_int_equal(observe_peers_add(&p, row, OBSERVE_PEERS_COLUMNS, NULL), 0);
    assert_int_equal(observe_peers_add(&p, bare, OBSERVE_PEERS_COLUMNS, NULL), 0);
    assert_int_equal(p.n, 2);
    assert_int_equal(p.peers[0].state, PEER_STREAMING);
    assert_true(p.peers[0].replay_lag_known && p.peers[0].replay_lag == 1500);
    assert_true(p.peers[0].sent_lsn == 0x30 && p.peers[0].replay_lsn == 0x10);
    assert_int_equal(p.peers[1].state, PEER_CATCHUP);
    assert_false(p.peers[1].replay_lag_known);
    while (p.n < TOPO_NODES_MAX)
        assert_int_equal(observe_peers_add(&p, row, OBSERVE_PEERS_COLUMNS, NULL), 0);
    assert_false(p.more);
    assert_int_equal(observe_peers_add(&p, row, OBSERVE_PEERS_COLUMNS, NULL), 0);
    assert_true(p.more);
    assert_int_equal(p.n, TOPO_NODES_MAX);
    assert_int_equal(observe_peers_add(&p, row, 3, NULL), ERR_PROTO);
}

static void slots(void **state)
{
    (void)state;
    struct observe_slots s = {0};
    const char *const row[] = {"tanist_pg2", "t", "f", "f", "0/10"};
    const char *const bad[] = {"x", "t", "f", "f", "zz"};
    assert_int_equal(observe_slots_add(&s, row, OBSERVE_SLOTS_COLUMNS, NULL), 0);
    assert_true(s.slots[0].physical && !s.slots[0].active && s.slots[0].restart_lsn == 0x10);
    assert_int_equal(observe_slots_add(&s, bad, OBSERVE_SLOTS_COLUMNS, NULL), ERR_PROTO);
    assert_int_equal(s.n, 1);
    while (s.n < OBSERVE_SLOTS_MAX)
        assert_int_equal(observe_slots_add(&s, row, OBSERVE_SLOTS_COLUMNS, NULL), 0);
    assert_int_equal(observe_slots_add(&s, row, OBSERVE_SLOTS_COLUMNS, NULL), 0);
    assert_true(s.more);
}

static void outcomes(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate;
        enum observe_outcome outcome;
    } rows[] = {
        {"57P03", OBSERVE_STARTING}, {"53300", OBSERVE_TOO_MANY}, {"57P01", OBSERVE_CLOSED},
        {"28P01", OBSERVE_AUTH},     {"28000", OBSERVE_AUTH},     {"3D000", OBSERVE_AUTH},
        {"42501", OBSERVE_AUTH},     {"XX000", OBSERVE_QUERY},    {"55000", OBSERVE_QUERY},
        {"08P01", OBSERVE_PROTOCOL}, {"", OBSERVE_PROTOCOL},      {NULL, OBSERVE_PROTOCOL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(observe_outcome_of_sqlstate(rows[i].sqlstate), rows[i].outcome);
    for (int i = 0; i < OBSERVE_NR; i++)
        assert_non_null(observe_outcome_name((enum observe_outcome)i));
    assert_string_equal(observe_outcome_name(OBSERVE_TOO_MANY), "too-many");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(primary),   cmocka_unit_test(lineage),
        cmocka_unit_test(replica),   cmocka_unit_test(replica_without_receiver),
        cmocka_unit_test(malformed), cmocka_unit_test(long_text_is_cut),
        cmocka_unit_test(peers),     cmocka_unit_test(slots),
        cmocka_unit_test(outcomes),
    };
    return cmocka_run_group_tests_name("observe", tests, NULL, NULL);
}
