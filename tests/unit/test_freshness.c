/* Floors: the rules one by one, then a model of a cluster that is sampled late, restarts and fails over, in which no session may
 * ever miss what it wrote or saw. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../proxy/core/freshness.h"
#include "../../replication/base/prng.h"

static struct topology cluster(void)
{
    struct topology t = {.timeline = 1, .writer = 0, .n_nodes = 3, .lineage_known = true};
    t.sample.flush_covers = true;
    for (int i = 0; i < 3; i++)
        t.nodes[i] = (struct topo_node){
            .role = i ? ROLE_REPLICA : ROLE_PRIMARY, .timeline = 1, .incarnation = 100 + i};
    return t;
}

static void set_sample(struct topology *t, usec_t at, lsn_t flush, lsn_t insert)
{
    t->sample.sent_at = at;
    t->sample.flush_lsn = flush;
    t->sample.insert_lsn = insert;
}

static void set_replay(struct topology *t, int i, usec_t at, lsn_t lsn)
{
    t->nodes[i].replay_at = at;
    t->nodes[i].replay_lsn = lsn;
}

/* -- dirty ---------------------------------------------------------------------------------------------------------- */

static void only_later_samples_bound(void **state)
{
    (void)state;
    struct topology t = cluster();
    struct freshness f = {0};
    set_replay(&t, 1, 200, 50);
    assert_true(freshness_has(&f, &t, 1) && freshness_settled(&f));
    set_sample(&t, 100, 50, 60);
    freshness_primary(&f, false, 100);
    freshness_update(&f, &t, 0); /* asked at the same moment, not later */
    assert_true(f.dirty && f.lsn == 0);
    assert_false(freshness_has(&f, &t, 1));
    set_sample(&t, 101, 51, 61);
    freshness_update(&f, &t, 0);
    assert_true(freshness_settled(&f) && f.lsn == 51 && f.timeline == 1);
    assert_false(freshness_has(&f, &t, 1));
    set_replay(&t, 1, 201, 51);
    assert_true(freshness_has(&f, &t, 1));
    t.nodes[1].timeline = 2; /* the same number on another timeline is another place */
    assert_false(freshness_has(&f, &t, 1));

    freshness_primary(&f, false,
                      300); /* a later visit waits for a later sample; the old floor holds */
    freshness_update(&f, &t, 0);
    assert_true(f.dirty && f.lsn == 51);
    set_sample(&t, 301, 40, 45);
    freshness_update(&f, &t, 0);
    assert_true(!f.dirty && f.lsn == 51); /* never goes back */
}

static void flush_or_insert(void **state)
{
    (void)state;
    for (int covers = 0; covers < 2; covers++)
        for (int own = 0; own < 2; own++)
            for (int others = 0; others < 2; others++) {
                struct topology t = cluster();
                struct freshness f = {.async_commit = own != 0};
                freshness_primary(&f, others != 0, 10);
                f.async_commit = false; /* what it did before counts */
                set_sample(&t, 11, 50, 60);
                t.sample.flush_covers = covers != 0;
                freshness_update(&f, &t, 0);
                assert_int_equal(f.lsn, covers && !own && !others ? 50 : 60);
                freshness_primary(&f, false, 20);
                set_sample(&t, 21, 70, 80);
                freshness_update(&f, &t, 0);
                assert_int_equal(f.lsn, covers ? 70 : 80);
            }
}

/* -- open reads ------------------------------------------------------------------------------------------------------- */

static void open_reads(void **state)
{
    (void)state;
    static const struct {
        usec_t replay_at, sample_at;
        int64_t incarnation; /* at the snapshot; 101 served the read */
        lsn_t floor;         /* 0: still open */
    } rows[] = {
        {100, 0, 101, 0},   {101, 0, 101, 70},   {101, 101, 101, 70}, {100, 101, 101, 90},
        {101, 100, 102, 0}, {101, 101, 102, 90}, {0, 100, 101, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct topology t = cluster();
        struct freshness f = {0};
        freshness_replica(&f, 1, 101, 100);
        set_replay(&t, 1, rows[i].replay_at, 70);
        set_replay(&t, 2, 1000, 80);
        set_sample(&t, rows[i].sample_at, 90, 95);
        t.nodes[1].incarnation = rows[i].incarnation;
        freshness_update(&f, &t, 0);
        assert_int_equal(f.open, rows[i].floor == 0);
        assert_true(f.lsn == rows[i].floor);
        /* While it is open only the same server is certainly not older. */
        if (f.open) {
            assert_int_equal(freshness_has(&f, &t, 1), rows[i].incarnation == 101);
            assert_false(freshness_has(&f, &t, 2));
        } else {
            assert_int_equal(freshness_has(&f, &t, 2), rows[i].floor <= 80);
        }
    }
}

static void unknown_incarnations_bound_nothing(void **state)
{
    (void)state;
    struct topology t = cluster();
    struct freshness f = {0};
    freshness_replica(&f, 1, 0, 100);
    set_replay(&t, 1, 200, 70);
    t.nodes[1].incarnation = 0;
    freshness_update(&f, &t, 0);
    assert_true(f.open && !freshness_has(&f, &t, 1));
    set_sample(&t, 200, 90, 90);
    freshness_update(&f, &t, 0);
    assert_true(!f.open && f.lsn == 90);
    assert_true(freshness_knows(&t.nodes[1], 199) && !freshness_knows(&t.nodes[1], 200));
}

/* -- failover --------------------------------------------------------------------------------------------------------- */

static void floors_survive_failovers(void **state)
{
    (void)state;
    static const struct {
        uint32_t timeline;
        lsn_t lsn, want, lost;
        bool dirty, known;
    } rows[] = {
        {1, 90, 90, 0, false, true},     {1, 100, 100, 0, false, true},
        {1, 101, 100, 101, false, true}, {2, 150, 150, 0, false, true},
        {2, 201, 200, 201, false, true}, {1, 90, 0, 0, true, false},
        {3, 500, 500, 0, false, true},   {7, 600, 600, 0, false, true}, /* from the future: kept */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct topology t = cluster();
        struct freshness f = {.lsn = rows[i].lsn, .timeline = rows[i].timeline};
        t.timeline = 3;
        t.lineage_known = rows[i].known;
        t.n_forks = rows[i].known ? 2 : 0;
        t.forks[0] = (struct topo_fork){1, 100};
        t.forks[1] = (struct topo_fork){2, 200};
        freshness_update(&f, &t, 1000);
        assert_true(f.lsn == rows[i].want);
        assert_true(f.lost == rows[i].lost);
        assert_int_equal(f.dirty, rows[i].dirty);
        if (f.lsn)
            assert_int_equal(f.timeline, rows[i].timeline == 7 ? 7 : 3);
    }
}

/* -- tokens ----------------------------------------------------------------------------------------------------------- */

static void tokens(void **state)
{
    (void)state;
    char text[FRESHNESS_TOKEN_MAX];
    struct freshness f = {0}, g = {0};
    assert_string_equal(freshness_token(&f, text), "0");
    f = (struct freshness){.lsn = UINT64_C(0x1600000148), .timeline = 4294967295u};
    assert_string_equal(freshness_token(&f, text), "4294967295/16/148");
    assert_int_equal(freshness_take_token(&g, text), 0);
    assert_true(g.lsn == f.lsn && g.timeline == f.timeline);
    g = (struct freshness){.lsn = 100, .timeline = 2};
    static const struct {
        const char *token;
        int rc;
        lsn_t lsn;
        uint32_t timeline;
    } rows[] = {
        {"2/0/63", 0, 100, 2},
        {"2/0/65", 0, 0x65, 2},
        {"1/F/0", 0, 0x65, 2},
        {"3/0/1", 0, 1, 3},
        {"0", 0, 1, 3},
        {"", ERR_INVALID, 1, 3},
        {"3", ERR_INVALID, 1, 3},
        {"/0/1", ERR_INVALID, 1, 3},
        {"0/0/1", ERR_INVALID, 1, 3},
        {"3/0/", ERR_INVALID, 1, 3},
        {"3/x/1", ERR_INVALID, 1, 3},
        {"99999999999/0/1", ERR_INVALID, 1, 3},
        {"-3/0/1", ERR_INVALID, 1, 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(freshness_take_token(&g, rows[i].token), rows[i].rc);
        assert_true(g.lsn == rows[i].lsn && g.timeline == rows[i].timeline);
    }
}

static void levels(void **state)
{
    (void)state;
    enum consistency c;
    for (int i = CONSISTENCY_EVENTUAL; i < CONSISTENCY_NR; i++) {
        assert_true(consistency_parse(consistency_name((enum consistency)i), &c));
        assert_int_equal(c, i);
    }
    assert_true(consistency_parse("GLOBAL", &c) && c == CONSISTENCY_GLOBAL);
    assert_false(consistency_parse("strong", &c));
    assert_string_equal(consistency_name(CONSISTENCY_NR), "?");
}

/* -- the model -------------------------------------------------------------------------------------------------------- */

enum { NODES = 4, SESSIONS = 3 };

struct model {
    struct prng r;
    usec_t now;
    lsn_t at[NODES]; /* the truth: what each node has */
    int64_t incarnation[NODES];
    usec_t born[NODES];
    int writer;
    uint32_t timeline;
    struct topology t; /* what the workers know */
    struct {
        struct freshness f;
        lsn_t truth; /* what it wrote or saw, as far as it survived */
        usec_t connected[NODES];
    } s[SESSIONS];
    unsigned reads, refused, lost;
};

static bool chance(struct model *m, uint32_t n)
{
    return prng_below(&m->r, n) == 0;
}

/* Positions of a moment become known some time later; each node alone, and perhaps never. */
static void model_sample(struct model *m)
{
    const usec_t asked = m->now;
    for (int i = 0; i < NODES; i++) {
        if (chance(m, 3))
            continue;
        m->now++;
        if (i == m->writer && m->t.writer == i) {
            m->t.sample = (struct topo_sample){asked, m->at[i], m->at[i] + 5, true};
            m->t.timeline = m->timeline;
        }
        m->t.nodes[i].replay_lsn = m->at[i];
        m->t.nodes[i].replay_at = asked;
        m->t.nodes[i].incarnation = m->incarnation[i];
        m->t.nodes[i].timeline = m->timeline;
    }
    m->now += prng_below(&m->r, 3);
}

static void model_restart(struct model *m)
{
    const int i = (int)prng_below(&m->r, NODES);
    m->incarnation[i]++;
    if (i != m->writer)
        m->at[i] -= prng_below(&m->r, 20) < m->at[i]
                        ? prng_below(&m->r, (uint32_t)(m->at[i] < 20 ? m->at[i] : 20))
                        : 0;
    m->born[i] = ++m->now;
    for (int k = 0; k < SESSIONS; k++)
        m->s[k].connected[i] = ++m->now; /* connections are made anew, at once or later */
}

/* Any replica may be the next writer, so that something may be lost; the others follow it, by a rewind if they must. */
static void model_failover(struct model *m)
{
    int next = (int)prng_below(&m->r, NODES);
    if (next == m->writer)
        return;
    const lsn_t fork = m->at[next];
    for (int i = 0; i < NODES; i++)
        if (m->at[i] > fork) {
            m->at[i] = fork;
            m->incarnation[i]++;
            for (int k = 0; k < SESSIONS; k++)
                m->s[k].connected[i] = ++m->now;
        }
    struct topology *t = &m->t;
    if (t->n_forks == TOPO_FORKS_MAX) {
        memmove(&t->forks[0], &t->forks[1], sizeof(t->forks[0]) * (TOPO_FORKS_MAX - 1));
        t->n_forks--;
    }
    t->forks[t->n_forks++] = (struct topo_fork){m->timeline, fork};
    t->lineage_known = !chance(m, 4);
    m->timeline++;
    m->writer = next;
    t->writer = (int16_t)next;
    t->timeline = m->timeline;
    t->sample = (struct topo_sample){.flush_covers = true};
    for (int i = 0; i < NODES; i++) {
        t->nodes[i].role = i == next ? ROLE_PRIMARY : ROLE_REPLICA;
        t->nodes[i].timeline = 0; /* nobody is known to follow yet */
    }
    for (int k = 0; k < SESSIONS; k++)
        if (m->s[k].truth > fork)
            m->s[k].truth = fork;
}

static void model_session(struct model *m, int k)
{
    struct freshness *f = &m->s[k].f;
    m->now++;
    if (chance(m, 4)) { /* a write, or a read on the primary */
        if (chance(m, 2))
            m->at[m->writer]++;
        m->s[k].truth = m->at[m->writer];
        freshness_primary(f, false, ++m->now);
        return;
    }
    freshness_update(f, &m->t, m->now);
    m->lost += f->lost != 0;
    f->lost = 0;
    const int i = (int)prng_below(&m->r, NODES);
    if (i == m->writer || m->t.nodes[i].timeline != m->t.timeline || !freshness_has(f, &m->t, i) ||
        !freshness_knows(&m->t.nodes[i], m->s[k].connected[i])) {
        m->refused++;
        return;
    }
    m->reads++;
    assert_true(m->at[i] >= m->s[k].truth);
    m->s[k].truth = m->at[i];
    freshness_replica(f, i, m->t.nodes[i].incarnation, ++m->now);
}

static void model_turn(struct model *m)
{
    const uint32_t what = prng_below(&m->r, 100);
    m->now++;
    if (what < 15) {
        m->at[m->writer] += prng_below(&m->r, 3);
    } else if (what < 45) {
        const int i = (int)prng_below(&m->r, NODES);
        const lsn_t behind = m->at[m->writer] - m->at[i];
        if (i != m->writer)
            m->at[i] += behind ? prng_below(&m->r, (uint32_t)behind + 1) : 0;
    } else if (what < 65) {
        model_sample(m);
    } else if (what == 65) {
        model_restart(m);
    } else if (what == 66 && chance(m, 5)) {
        model_failover(m);
    } else {
        model_session(m, (int)prng_below(&m->r, SESSIONS));
    }
}

static void nobody_goes_back(void **state)
{
    (void)state;
    unsigned reads = 0, lost = 0;
    for (unsigned seed = 1; seed <= 300; seed++) {
        static struct model m;
        memset(&m, 0, sizeof(m));
        prng_init(&m.r, seed);
        m.now = 10;
        m.timeline = 1;
        m.t = (struct topology){.timeline = 1, .n_nodes = NODES, .lineage_known = true};
        m.t.sample.flush_covers = true;
        for (int i = 0; i < NODES; i++) {
            m.at[i] = 1000;
            m.incarnation[i] = 1000 * (i + 1);
            m.t.nodes[i] =
                (struct topo_node){.role = i ? ROLE_REPLICA : ROLE_PRIMARY, .timeline = 1};
        }
        for (int i = 0; i < 4000; i++)
            model_turn(&m);
        reads += m.reads;
        lost += m.lost;
    }
    assert_true(reads > 50000 && lost > 10); /* it has tried */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_later_samples_bound),
        cmocka_unit_test(flush_or_insert),
        cmocka_unit_test(open_reads),
        cmocka_unit_test(unknown_incarnations_bound_nothing),
        cmocka_unit_test(floors_survive_failovers),
        cmocka_unit_test(tokens),
        cmocka_unit_test(levels),
        cmocka_unit_test(nobody_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
