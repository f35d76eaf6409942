/* Terms of writers, and what an answer about a transaction id proves: tables, and a random history of a cluster that gives
 * ids anew after every crash and promotion, against its own truth. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../proxy/core/doubt.h"
#include "../../replication/base/attrs.h"
#include "../../replication/base/prng.h"
#include "../../replication/core/term.h"

static void name_node(struct topology *t, int i, enum topo_role role, int64_t incarnation)
{
    struct topo_node *n = &t->nodes[i];
    (void)str_copy(n->name, sizeof(n->name), i == 0 ? "a" : i == 1 ? "b" : "c");
    n->role = role;
    n->incarnation = incarnation;
    n->timeline = 1;
}

static struct topology two_nodes(void)
{
    struct topology t = {.writer = 0, .n_nodes = 2, .timeline = 1};
    name_node(&t, 0, ROLE_PRIMARY, 100);
    name_node(&t, 1, ROLE_REPLICA, 200);
    return t;
}

/* -- terms -------------------------------------------------------------------------------------------------------------- */

static void terms_of_one_writer(void **state)
{
    (void)state;
    struct view *v = calloc(1, sizeof(*v));
    const struct term_fork none = {.frontier = 0};
    struct term_known k = {.fork = &none, .view = v, .now = 1000};
    struct topology a = two_nodes(), b = two_nodes(), zero = {.writer = TOPO_NO_WRITER};
    term_follow(&zero, &k, &a);
    assert_int_equal(a.n_terms, 1);
    assert_int_equal(a.terms[0].by, 1000);
    assert_int_equal(topology_term_of(&a, 7, 999),
                     TOPO_TERM_UNKNOWN); /* of before we knew anything */
    assert_int_equal(topology_term_of(&a, 7, 1000), TOPO_TERM_SAME);

    a.nodes[0].replay_at = 2000;
    k.now = 2100;
    term_follow(&a, &k, &b); /* nothing new */
    assert_int_equal(b.n_terms, 1);

    /* Started again; the next id then is known. It may have happened any time behind 2000. */
    b.nodes[0].incarnation = 101;
    v->nodes[0].obs.start_xid = 50;
    k.now = 3000;
    b.n_terms = 0;
    term_follow(&a, &k, &b);
    assert_int_equal(b.n_terms, 2);
    assert_int_equal(topology_term_of(&b, 49, 1500), TOPO_TERM_SAME);
    assert_int_equal(topology_term_of(&b, 50, 1500), TOPO_TERM_OTHER);
    assert_int_equal(topology_term_of(&b, 49, 2500), TOPO_TERM_SAME);
    assert_int_equal(topology_term_of(&b, 50, 2500),
                     TOPO_TERM_UNKNOWN); /* perhaps of after the start */
    assert_int_equal(topology_term_of(&b, 50, 3000), TOPO_TERM_SAME);
    assert_int_equal(topology_term_of(&b, 0, 1500), TOPO_TERM_UNKNOWN);
    assert_int_equal(topology_term_of(&b, 0, 3000), TOPO_TERM_SAME);

    /* Not known any more. */
    v->nodes[0].obs.start_xid = 0;
    term_follow(&a, &k, &b);
    assert_int_equal(topology_term_of(&b, 49, 1500), TOPO_TERM_UNKNOWN);
    free(v);
}

/* Held while it comes back: the moment of the old life counts, not that of the new one. */
static void terms_without_a_writer(void **state)
{
    (void)state;
    struct view *v = calloc(1, sizeof(*v));
    const struct term_fork none = {.frontier = 0};
    struct term_known k = {.fork = &none, .view = v, .now = 1000};
    struct topology a = two_nodes(), b = two_nodes(), c = two_nodes(),
                    zero = {.writer = TOPO_NO_WRITER};
    term_follow(&zero, &k, &a);
    a.nodes[0].replay_at = 2000;
    b.writer = TOPO_NO_WRITER;
    b.nodes[0].incarnation = 101;
    b.nodes[0].replay_at = 5000;
    v->nodes[0].obs.start_xid = 50;
    k.now = 5001;
    term_follow(&a, &k, &b);
    assert_int_equal(b.n_terms, 2);
    assert_int_equal(b.terms[1].after, 2000);
    c.nodes[0].incarnation = 101;
    term_follow(&b, &k, &c);
    assert_int_equal(c.n_terms, 2);
    free(v);
}

static void terms_of_a_failover(void **state)
{
    (void)state;
    struct view *v = calloc(1, sizeof(*v));
    struct term_fork f = {.node = "b", .frontier = 700, .replayed = 0x3000, .at = 4000};
    struct term_known k = {.fork = &f, .view = v, .now = 1000};
    struct topology a = two_nodes(), zero = {.writer = TOPO_NO_WRITER};
    term_follow(&zero, &k, &a);
    struct topology b = two_nodes();
    b.writer = 1;
    b.timeline = 2;
    b.nodes[1].role = ROLE_PRIMARY;
    b.nodes[1].timeline = 2;
    k.now = 4500;
    static const struct {
        lsn_t end;
        bool known;
        enum topo_term_says at_frontier;
    } rows[] = {{0x3000, true, TOPO_TERM_OTHER},
                {0x3008, true, TOPO_TERM_UNKNOWN},
                {0x3000, false, TOPO_TERM_UNKNOWN}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct topology t = b;
        t.lineage_known = rows[i].known;
        t.n_forks = rows[i].known;
        t.forks[0] = (struct topo_fork){1, rows[i].end};
        term_follow(&a, &k, &t);
        assert_int_equal(t.n_terms, 2);
        assert_int_equal(topology_term_of(&t, 699, 3000),
                         TOPO_TERM_SAME); /* whatever became of the rest */
        assert_int_equal(topology_term_of(&t, 700, 3000), rows[i].at_frontier);
        assert_int_equal(topology_term_of(&t, 700, 4500), TOPO_TERM_SAME);
    }
    (void)str_copy(f.node, sizeof(f.node), "a"); /* of another promotion */
    struct topology t = b;
    term_follow(&a, &k, &t);
    assert_int_equal(topology_term_of(&t, 699, 3000), TOPO_TERM_UNKNOWN);
    free(v);
}

static void terms_are_forgotten_carefully(void **state)
{
    (void)state;
    struct view *v = calloc(1, sizeof(*v));
    const struct term_fork none = {.frontier = 0};
    struct topology t = {.writer = TOPO_NO_WRITER}, next;
    v->nodes[0].obs.start_xid = 1000;
    for (int i = 0; i < 3 * TOPO_TERMS_MAX; i++) {
        struct term_known k = {.fork = &none, .view = v, .now = 100 * (i + 1)};
        next = two_nodes();
        next.nodes[0].incarnation = 100 + i;
        term_follow(&t, &k, &next);
        t = next;
    }
    assert_int_equal(t.n_terms, TOPO_TERMS_MAX);
    assert_int_equal(topology_term_of(&t, 5, 150), TOPO_TERM_UNKNOWN);
    assert_int_equal(topology_term_of(&t, 5, t.terms[0].by), TOPO_TERM_SAME);
    free(v);
}

/* -- verdicts ----------------------------------------------------------------------------------------------------------- */

static void verdicts(void **state)
{
    (void)state;
    struct topology t = two_nodes();
    t.nodes[0].replay_at = 5000;
    t.nodes[0].role_since = 3;
    t.n_terms = 1;
    t.terms[0] = (struct topo_term){.node = "a", .by = 100};
    static const struct {
        enum doubt_status status;
        usec_t answered_at;
        uint64_t asked_of;
        int node;
        usec_t learned;
        enum doubt_verdict want;
    } rows[] = {
        {DOUBT_NOT_ASKED, 0, 0, -1, 200, DOUBT_ASK},
        {DOUBT_IN_PROGRESS, 4000, 3, 0, 200, DOUBT_ASK},
        {DOUBT_COMMITTED, 4000, 3, 0, 200, DOUBT_IS_COMMITTED},
        {DOUBT_COMMITTED, 5000, 3, 0, 200, DOUBT_WAIT},
        {DOUBT_COMMITTED, 4000, 2, 0, 200, DOUBT_ASK}, /* its role is a new one */
        {DOUBT_COMMITTED, 4000, 3, 1, 200, DOUBT_ASK}, /* another node */
        {DOUBT_COMMITTED, 4000, 3, 0, 50, DOUBT_IS_UNKNOWN},
        {DOUBT_ABORTED, 4000, 3, 0, 50, DOUBT_IS_LOST},
        {DOUBT_ABORTED, 5000, 3, 0, 50, DOUBT_WAIT},
        {DOUBT_FORGOTTEN, 4000, 3, 0, 200, DOUBT_IS_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct doubt_case d = {.xid = 9,
                                     .status = rows[i].status,
                                     .answered_at = rows[i].answered_at,
                                     .asked_of = rows[i].asked_of,
                                     .node = rows[i].node,
                                     .learned = rows[i].learned};
        assert_int_equal(doubt_judge(&d, &t), rows[i].want);
    }
    const struct doubt_case d = {.xid = 9, .status = DOUBT_COMMITTED};
    t.writer = TOPO_NO_WRITER;
    assert_int_equal(doubt_judge(&d, &t), DOUBT_WAIT);
    assert_int_equal(doubt_judge(&d, NULL), DOUBT_WAIT);
}

static void answers(void **state)
{
    (void)state;
    char sql[512];
    struct strbuf b;
    assert_int_equal(doubt_status_of(slice_of("committed")), DOUBT_COMMITTED);
    assert_int_equal(doubt_status_of(slice_of("aborted")), DOUBT_ABORTED);
    assert_int_equal(doubt_status_of(slice_of("in progress")), DOUBT_IN_PROGRESS);
    assert_int_equal(doubt_status_of((struct slice){NULL, 0}), DOUBT_FORGOTTEN);
    strbuf_init(&b, sql, sizeof(sql));
    assert_true(doubt_sql(UINT64_MAX, &b));
    assert_non_null(strstr(sql, "'18446744073709551615'"));
    strbuf_init(&b, sql, 20);
    assert_false(doubt_sql(1, &b));
}

/* -- a random history --------------------------------------------------------------------------------------------------- */

/* One primary that crashes now and then, but not twice before the manager looks. What it had assigned but not written to disk is assigned again. A transaction
 * commits or not; the manager looks only sometimes; afterwards a proof must be the truth. */
enum { IDS = 400 };

struct server {
    uint64_t next, durable; /* ids below are on disk */
    int owner[IDS];         /* transaction that has it, -1 none */
    bool committed[IDS];    /* on disk */
    int64_t incarnation;
    uint64_t start_xid;
};

static void crash(struct server *s)
{
    for (uint64_t x = s->durable; x < s->next; x++)
        s->owner[x] = -1, s->committed[x] = false;
    s->next = s->start_xid = s->durable;
    s->incarnation++;
}

static void random_history(void **state)
{
    (void)state;
    struct prng r;
    unsigned proved = 0;
    struct view *v = calloc(1, sizeof(*v));
    const struct term_fork none = {.frontier = 0};
    prng_init(&r, 5);
    for (int round = 0; round < 3000; round++) {
        struct server s = {.next = 3, .durable = 3, .incarnation = 1, .start_xid = 3};
        for (int i = 0; i < IDS; i++)
            s.owner[i] = -1;
        struct topology t = {.writer = TOPO_NO_WRITER};
        struct {
            uint64_t xid;
            usec_t learned;
            bool committed;
        } tx[40];
        int n = 0;
        int64_t looked = 1;
        usec_t now = 100;
        for (int step = 0; step < 60; step++) {
            now += 10;
            switch (prng_below(&r, 5)) {
            case 0:
            case 1: /* a transaction; its connection was there at now */
                if (n == 40 || s.next >= IDS - 1)
                    break;
                tx[n].xid = s.next;
                tx[n].learned = now;
                s.owner[s.next++] = n;
                tx[n].committed = prng_below(&r, 2) != 0;
                if (tx[n].committed && prng_below(&r, 2)) { /* flushed, and all before it */
                    s.committed[tx[n].xid] = true;
                    s.durable = s.next;
                } else {
                    tx[n].committed = false;
                }
                n++;
                break;
            case 2:
                if (s.incarnation == looked)
                    crash(&s);
                break;
            default: { /* the manager looks */
                struct term_known k = {.fork = &none, .view = v, .now = now + 5};
                struct topology next = two_nodes();
                next.nodes[0].incarnation = s.incarnation;
                next.nodes[0].replay_at = now;
                v->nodes[0].obs.start_xid = prng_below(&r, 4) ? s.start_xid : 0;
                term_follow(&t, &k, &next);
                t = next;
                now += 10;
                looked = s.incarnation;
            }
            }
        }
        struct term_known k = {.fork = &none, .view = v, .now = now + 5};
        struct topology next = two_nodes();
        next.nodes[0].incarnation = s.incarnation;
        next.nodes[0].replay_at = now + 1;
        v->nodes[0].obs.start_xid = s.start_xid;
        term_follow(&t, &k, &next);
        for (int i = 0; i < n; i++) {
            struct doubt_case d = {.xid = tx[i].xid, .learned = tx[i].learned, .answered_at = now};
            d.status =
                tx[i].xid < s.next && s.committed[tx[i].xid] ? DOUBT_COMMITTED : DOUBT_ABORTED;
            const enum doubt_verdict got = doubt_judge(&d, &next);
            if (got == DOUBT_IS_COMMITTED)
                assert_true(tx[i].committed);
            if (got == DOUBT_IS_LOST)
                assert_false(tx[i].committed);
            proved += got != DOUBT_IS_UNKNOWN;
        }
    }
    assert_true(proved > 10000);
    free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_of_one_writer),
        cmocka_unit_test(terms_without_a_writer),
        cmocka_unit_test(terms_of_a_failover),
        cmocka_unit_test(terms_are_forgotten_carefully),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(answers),
        cmocka_unit_test(random_history),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
