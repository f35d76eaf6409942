/* The cohort of quorum mode: arithmetic, safe changes in both directions, and when a failover is without loss. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../replication/base/str.h"
#include "../../replication/core/quorum.h"

#define BIT(i) (UINT64_C(1) << (i))
#define SEC    USEC_PER_SEC

static struct view v;
static struct quorum_policy policy;
static struct quorum_record record;
static struct quorum_watch watch;
static struct quorum_step step;
static usec_t now;
static usec_t waited; /* how long the question waited for its answer */

static void set_up(int nodes, int k)
{
    view_init(&v, "test");
    for (int i = 0; i < nodes; i++) {
        const char name[4] = {'n', (char)('1' + i), 0, 0};
        struct view_node *n = &v.nodes[view_add_node(&v, name)];
        str_copy(n->host, sizeof(n->host), "h");
        n->port = (uint16_t)(100 + i);
        n->promotable = n->seen = true;
        n->health.verdict = HEALTH_OK;
        n->obs.role = i ? ROLE_REPLICA : ROLE_PRIMARY;
        n->obs.streaming = i > 0;
        str_copy(n->obs.sender_host, sizeof(n->obs.sender_host), "h");
        n->obs.sender_port = 100;
    }
    v.peers_of = 0;
    quorum_policy_default(&policy);
    policy.k = k;
    memset(&record, 0, sizeof(record));
    memset(&watch, 0, sizeof(watch));
    now = 100 * SEC;
    waited = 0;
}

/* The replica streams under its name and has flushed so far; lsn 0: it does not stream. */
static void peer(int i, lsn_t lsn)
{
    char name[QUORUM_NAME_MAX];
    int at = 0;
    quorum_name(record.secret, v.nodes[i].name, name);
    while (at < v.peers.n && strcmp(v.peers.peers[at].application_name, name) != 0)
        at++;
    if (at == v.peers.n)
        v.peers.n++;
    struct observe_peer *p = &v.peers.peers[at];
    str_copy(p->application_name, sizeof(p->application_name), name);
    p->state = lsn ? PEER_STREAMING : PEER_NONE;
    p->flush_lsn = lsn;
}

static enum quorum_do ask(usec_t later)
{
    now += later;
    v.nodes[0].obs.sent_at = now - waited;
    v.nodes[0].obs.received_at = now;
    const struct quorum_look l = {
        .view = &v, .writer = 0, .policy = &policy, .random = 0xabc, .now = now};
    quorum_next(&record, &watch, &l, &step);
    if (step.what == QUORUM_JOURNAL)
        record = step.record;
    return step.what;
}

/* As the shell does: a checkpoint is run at once. */
static enum quorum_do look(usec_t later)
{
    if (ask(later) == QUORUM_CONFIRM) {
        watch.sure = true;
        return QUORUM_NOTHING;
    }
    return step.what;
}

static enum quorum_reason safe(void)
{
    const struct quorum_look l = {.view = &v, .writer = 0, .policy = &policy, .now = now};
    return quorum_safe(&record, &watch, &l);
}

/* As the shell does: the names reach the server. */
static void apply(void)
{
    quorum_text(record.secret, quorum_newest(&record), v.nodes[0].obs.synchronous_standby_names);
}

static void formed(int nodes, int k)
{
    set_up(nodes, k);
    v.nodes[0].obs.flush_lsn = 1000;
    assert_int_equal(look(0), QUORUM_JOURNAL); /* a secret, and the open configuration */
    assert_int_equal(look(0), QUORUM_NOTHING);
    assert_int_equal(step.unnamed, (BIT(nodes) - 1) & ~BIT(0));
    assert_int_equal(safe(), QUORUM_FEW);
    for (int i = 1; i < nodes; i++)
        peer(i, 1000);
    assert_int_equal(look(0), QUORUM_JOURNAL);
    assert_int_equal(record.n, 2);
    assert_int_equal(look(0), QUORUM_APPLY);
    apply();
    assert_int_equal(look(SEC), QUORUM_NOTHING); /* seen in force, not yet for long */
    assert_int_equal(safe(), QUORUM_CHANGING);
    assert_int_equal(look(SEC), QUORUM_JOURNAL);
    assert_int_equal(record.n, 1);
    assert_int_equal(record.c[0].n, nodes - 1);
    assert_int_equal(look(0), QUORUM_NOTHING);
    assert_int_equal(safe(), QUORUM_OK);
}

static void forms(void **state)
{
    (void)state;
    for (int nodes = 2; nodes <= 7; nodes++)
        for (int k = 1; k < nodes; k++)
            formed(nodes, k);
}

static void too_few_form_nothing(void **state)
{
    (void)state;
    set_up(3, 2);
    assert_int_equal(look(0), QUORUM_JOURNAL);
    peer(1, 1000);
    assert_int_equal(look(0), QUORUM_NOTHING);
    assert_int_equal(safe(), QUORUM_FEW);
}

static void counts(void **state)
{
    (void)state;
    static const struct {
        int nodes, k, needed;
    } rows[] = {{2, 1, 1}, {3, 1, 2}, {3, 2, 1}, {4, 2, 2}, {5, 2, 3}, {7, 3, 4}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        formed(rows[i].nodes, rows[i].k);
        assert_int_equal(quorum_needed(&record.c[0]), rows[i].needed);
        uint64_t revoked = 0;
        for (int n = 1; n < rows[i].needed; n++)
            revoked |= BIT(n);
        assert_false(quorum_revoked(&record, &v, revoked | BIT(0)));
        assert_true(quorum_revoked(&record, &v, revoked | BIT(rows[i].needed)));
    }
    record.n = 0;
    assert_false(quorum_revoked(&record, &v, ~UINT64_C(0)));
}

static void shrinks_and_grows(void **state)
{
    (void)state;
    formed(3, 1);
    peer(2, 0);
    assert_int_equal(look(SEC), QUORUM_NOTHING); /* perhaps it is only connecting anew */
    assert_int_equal(look(2 * SEC), QUORUM_JOURNAL);
    /* Until it is settled both quorums count: one node is not enough for the older one. */
    assert_int_equal(record.n, 2);
    assert_int_equal(record.c[1].n, 1);
    assert_false(quorum_revoked(&record, &v, BIT(1)));
    assert_true(quorum_revoked(&record, &v, BIT(1) | BIT(2)));
    assert_int_equal(look(0), QUORUM_APPLY);
    apply();
    assert_int_equal(look(0), QUORUM_NOTHING);
    v.nodes[0].obs.flush_lsn =
        2000; /* acknowledged by whom? the member that stays has not got it yet */
    assert_int_equal(look(SEC), QUORUM_NOTHING);
    peer(1, 2000);
    assert_int_equal(look(0), QUORUM_JOURNAL);
    assert_int_equal(record.n, 1);
    assert_true(quorum_revoked(&record, &v, BIT(1)));
    assert_int_equal(safe(), QUORUM_OK);
    /* The last one goes too: it stays a member, and commits wait. */
    peer(1, 0);
    assert_int_equal(look(SEC), QUORUM_NOTHING);
    assert_int_equal(look(9 * SEC), QUORUM_NOTHING);
    assert_int_equal(safe(), QUORUM_SHORT);
    peer(1, 2000);
    peer(2, 100);
    policy.max_lag = 1000;
    assert_int_equal(look(0), QUORUM_NOTHING); /* too far behind to join */
    peer(2, 1500);
    assert_int_equal(look(0), QUORUM_JOURNAL);
    assert_int_equal(record.c[1].n, 2);
    apply();
    assert_int_equal(look(0), QUORUM_NOTHING);
    assert_int_equal(look(SEC), QUORUM_JOURNAL);
    assert_int_equal(safe(), QUORUM_OK);
}

/* The question waited in a frozen writer while the names were set: they are in force since its answer. */
static void late_answers(void **state)
{
    (void)state;
    formed(3, 1);
    v.nodes[1].drained = true;
    assert_int_equal(look(0), QUORUM_JOURNAL);
    assert_int_equal(look(0), QUORUM_APPLY);
    apply();
    waited = SEC;
    assert_int_equal(look(SEC), QUORUM_NOTHING);
    waited = 0;
    assert_int_equal(look(policy.settle / 2), QUORUM_NOTHING);
    assert_int_equal(look(policy.settle), QUORUM_JOURNAL);
    assert_int_equal(record.n, 1);
}

static void a_new_member_counts_when_it_has_all(void **state)
{
    (void)state;
    formed(3, 1);
    policy.k = 2;
    assert_int_equal(look(0), QUORUM_JOURNAL);
    apply();
    assert_int_equal(look(0), QUORUM_NOTHING);
    v.nodes[0].obs.flush_lsn = 5000;
    peer(1, 5000);
    assert_int_equal(look(SEC), QUORUM_NOTHING);
    /* ANY 2 of two would be satisfied by one revoked node: not before both have what one had confirmed alone. */
    assert_false(quorum_revoked(&record, &v, BIT(2)));
    peer(2, 5000);
    assert_int_equal(look(0), QUORUM_JOURNAL);
    assert_true(quorum_revoked(&record, &v, BIT(2)));
}

/* Members come and go faster than any change settles: there is always a next step, and never a false promise. */
static void one_change_after_the_other(void **state)
{
    (void)state;
    formed(4, 2);
    v.nodes[0].obs.flush_lsn = 9000; /* nobody has it */
    for (int i = 0; i < 12; i++) {
        peer(1 + i % 3, 0);
        (void)look(SEC);
        const enum quorum_do what = look(3 * SEC);
        peer(1 + i % 3, 1000);
        if (what == QUORUM_JOURNAL)
            apply();
        assert_true(record.n <= QUORUM_CONFIGS_MAX);
        assert_int_not_equal(safe(), QUORUM_OK);
    }
    for (int i = 1; i < 4; i++)
        peer(i, 9000);
    for (int i = 0; i < 6; i++)
        if (look(SEC) == QUORUM_APPLY)
            apply();
    assert_int_equal(record.n, 1);
    assert_int_equal(record.c[0].n, 3);
    assert_int_equal(safe(), QUORUM_OK);
}

static void foreign_names(void **state)
{
    (void)state;
    formed(3, 1);
    v.nodes[0].obs.synchronous_standby_names[0] = '\0';
    assert_int_equal(look(0), QUORUM_JOURNAL);
    assert_int_equal(step.reason, QUORUM_FOREIGN);
    assert_false(quorum_revoked(&record, &v, ~UINT64_C(0)));
    assert_int_equal(look(0), QUORUM_APPLY);
    assert_int_equal(look(0), QUORUM_APPLY); /* again and again, but recorded once */
    assert_int_equal(record.n, 2);
    apply();
    assert_int_equal(look(0), QUORUM_NOTHING);
    assert_int_equal(look(SEC), QUORUM_JOURNAL);
    assert_int_equal(safe(), QUORUM_OK);
}

static void after_a_promotion(void **state)
{
    (void)state;
    struct quorum_record plan;
    formed(4, 1);
    quorum_after(&v, &policy, 2, BIT(3), &plan);
    assert_int_equal(plan.n, 2);
    assert_int_equal(plan.c[0].k,
                     0); /* what the old epoch acknowledged may be on the new writer only */
    assert_int_equal(plan.c[1].n, 1);
    assert_string_equal(plan.c[1].members[0], "n4");
    assert_false(quorum_revoked(&plan, &v, BIT(3)));
    policy.k = 2; /* nobody else is there: the others are named, and commits wait */
    quorum_after(&v, &policy, 2, BIT(3), &plan);
    assert_int_equal(plan.c[1].n, 2);
}

static void switched_off(void **state)
{
    (void)state;
    formed(3, 1);
    policy.k = 0;
    assert_int_equal(look(0), QUORUM_CLEAR);
    assert_int_equal(safe(), QUORUM_OFF);
}

static void names(void **state)
{
    (void)state;
    char a[QUORUM_NAME_MAX], b[QUORUM_NAME_MAX], text[QUORUM_TEXT_MAX];
    struct quorum_config c = {.k = 2, .n = QUORUM_MEMBERS_MAX};
    quorum_name(~UINT64_C(0), "a-node", a);
    quorum_name(~UINT64_C(0), "b-node", b);
    assert_string_not_equal(a, b);
    assert_memory_equal(a, "tanist_ffffffffffff_", 20);
    quorum_name(1, "a-node", b);
    assert_string_not_equal(a, b);
    for (int i = 0; i < c.n; i++)
        str_copy(c.members[i], TOPO_NAME_MAX, "n");
    quorum_text(~UINT64_C(0), &c, text); /* the longest fits */
    assert_memory_equal(text, "ANY 2 (", 7);
    assert_true(strlen(text) < sizeof(v.nodes[0].obs.synchronous_standby_names));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(forms),
        cmocka_unit_test(too_few_form_nothing),
        cmocka_unit_test(counts),
        cmocka_unit_test(shrinks_and_grows),
        cmocka_unit_test(late_answers),
        cmocka_unit_test(a_new_member_counts_when_it_has_all),
        cmocka_unit_test(one_change_after_the_other),
        cmocka_unit_test(foreign_names),
        cmocka_unit_test(after_a_promotion),
        cmocka_unit_test(switched_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
