/* What a server owes: tables of requests and replies, errors up to Sync, COPY, growth, and random sessions against a plain
 * model of PostgreSQL that knows nothing of pipelines. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../proxy/core/pipeline.h"
#include "../../replication/base/prng.h"
#include "expect_bug.h"

/* One letter for each kind, so that tables can be read. */
static const struct {
    char letter;
    enum pl_kind kind;
} letters[] = {{'Q', PL_QUERY},
               {'q', PL_HIDDEN_QUERY},
               {'P', PL_PARSE},
               {'p', PL_PARSE_HIDDEN},
               {'B', PL_BIND},
               {'d', PL_DESCRIBE_HIDDEN},
               {'h', PL_DESCRIBE_PARAMS},
               {'D', PL_DESCRIBE},
               {'E', PL_EXECUTE},
               {'C', PL_CLOSE},
               {'c', PL_CLOSE_HIDDEN},
               {'k', PL_CLOSE_FAKE},
               {'S', PL_SYNC},
               {'s', PL_SYNC_HIDDEN},
               {'g', PL_PARSE_QUIET},
               {'b', PL_BIND_HIDDEN},
               {'e', PL_EXECUTE_HIDDEN}};

static enum pl_kind kind_of(char letter)
{
    for (size_t i = 0; i < ARRAY_LEN(letters); i++)
        if (letters[i].letter == letter)
            return letters[i].kind;
    fail_msg("no kind '%c'", letter);
    return PL_NONE;
}

/* Does with the replies what server_reply.c does. */
struct talk {
    struct pipeline p;
    struct pl_entry ring[PL_INLINE];
    struct pl_entry *heap;
    char seen[4096]; /* what the client sees, '!' for a broken server */
    size_t n;
    uint64_t next_ref, done_ref;
    bool broken;
};

static void talk_init(struct talk *t)
{
    memset(t, 0, sizeof(*t));
    pipeline_init(&t->p, t->ring, PL_INLINE);
}

static void talk_fini(struct talk *t)
{
    struct pl_entry e;
    while (pipeline_take_any(&t->p, &e))
        ;
    assert_int_equal(t->p.turns, 0);
    free(t->heap);
}

static void see(struct talk *t, char c)
{
    assert_true(t->n + 1 < sizeof(t->seen));
    t->seen[t->n++] = c;
    t->seen[t->n] = 0;
}

static void push(struct talk *t, enum pl_kind kind)
{
    if (pipeline_full(&t->p)) {
        const uint32_t cap = t->p.cap * 2;
        struct pl_entry *ring = malloc(cap * sizeof(*ring));
        assert_non_null(ring);
        struct pl_entry *old = pipeline_move(&t->p, ring, cap);
        assert_ptr_equal(old, t->heap ? t->heap : t->ring);
        free(t->heap);
        t->heap = ring;
    }
    pipeline_push(&t->p, kind, t->next_ref, (uint32_t)kind + 100);
    t->next_ref++;
}

/* Entries leave in the order in which they came, with what they were given. */
static void left(struct talk *t, const struct pl_entry *e)
{
    assert_int_equal(e->tag, e->kind + 100u);
    assert_true(e->ref >= t->done_ref);
    t->done_ref = e->ref + 1;
}

static void fakes(struct talk *t)
{
    struct pl_entry e;
    while (pipeline_take_fake(&t->p, &e)) {
        see(t, '3');
        left(t, &e);
    }
}

static void skipped(struct talk *t)
{
    struct pl_entry e;
    while (pipeline_take_skipped(&t->p, &e))
        left(t, &e);
}

static void reply(struct talk *t, char type)
{
    struct pl_entry done = {.kind = PL_NONE};
    enum pl_verdict v;
    fakes(t);
    if (type == 'Z')
        skipped(t);
    if (type == 'E')
        v = pipeline_error(&t->p);
    else
        v = pipeline_reply(&t->p, (uint8_t)type, &done);
    if (v == PL_BROKEN) {
        see(t, '!');
        t->broken = true;
        return;
    }
    if (v == PL_FORWARD)
        see(t, type);
    if (done.kind != PL_NONE)
        left(t, &done);
    if (type == 'E')
        skipped(t);
    fakes(t);
}

struct row {
    const char *requests, *replies, *seen;
    unsigned left; /* entries that are still owed */
};

static const struct row rows[] = {
    /* simple */
    {"Q", "TDDCZ", "TDDCZ", 0},
    {"Q", "IZ", "IZ", 0},
    {"Q", "CTDCZ", "CTDCZ", 0},
    {"Q", "EZ", "EZ", 0},
    {"Q", "TDEZ", "TDEZ", 0},
    {"Q", "VZ", "VZ", 0}, /* a function call */
    {"Q", "T", "T", 1},
    {"Q", "GCZ", "GCZ", 0},
    {"Q", "HdddcCZ", "HdddcCZ", 0},
    {"qQ", "CZTDCZ", "TDCZ", 0},
    {"qQ", "EZTDCZ", "TDCZ", 0},
    {"q", "CCZ", "", 0},
    {"QQ", "CZCZ", "CZCZ", 0},
    /* extended */
    {"PBDES", "12TDCZ", "12TDCZ", 0},
    {"PBDES", "12nCZ", "12nCZ", 0},
    {"PDS", "1tTZ", "1tTZ", 0},
    {"PDS", "1tnZ", "1tnZ", 0},
    {"BES", "2IZ", "2IZ", 0},
    {"BEES", "2DsDCZ", "2DsDCZ", 0},
    {"CS", "3Z", "3Z", 0},
    {"BEBES", "2C2CZ", "2C2CZ", 0},
    {"qPBES", "CCZ12CZ", "12CZ", 0},
    /* a statement that is given to the server, and one that it refuses: whatever is behind goes on */
    {"gsQ", "1ZTDCZ", "TDCZ", 0},
    {"gsQ", "EZTDCZ", "TDCZ", 0},
    {"gsgsPBES", "1ZEZ12CZ", "12CZ", 0},
    {"gs", "E", "", 1},
    {"gs", "2", "!", 2},
    {"SS", "ZZ", "ZZ", 0},
    {"BEQ", "2CTDCZ", "2CTDCZ", 0}, /* a Query without a Sync before it */
    /* hidden and made up */
    {"pBES", "12DCZ", "2DCZ", 0},
    {"kBES", "2DCZ", "32DCZ", 0},
    {"pdBES", "1tT2DCZ", "2DCZ", 0},
    {"PdBDES", "1tn2TDCZ", "12TDCZ", 0},
    {"PdDS", "1tTtTZ", "1tTZ", 0},
    {"hDS", "tTEZ", "tEZ", 0},
    {"hDS", "tnEZ", "tEZ", 0},
    {"pdkS", "1tnZ", "3Z", 0},
    {"PsPS", "1Z1Z", "11Z", 0}, /* a turn ended between two messages of the client */
    {"kS", "Z", "3Z", 0},
    {"PkS", "1Z", "13Z", 0},
    {"kPBES", "12CZ", "312CZ", 0},
    {"kkkBES", "2CZ", "3332CZ", 0},
    {"PcBES", "132CZ", "12CZ", 0},
    {"cpBES", "312CZ", "2CZ", 0},
    {"BEkBES", "2C2CZ", "2C32CZ", 0},
    {"k", "", "", 1}, /* nothing came: the caller makes it up at Flush */
    {"BEk", "2C", "2C3", 0},
    /* errors */
    {"PBDES", "EZ", "EZ", 0},
    {"PBDES", "1EZ", "1EZ", 0},
    {"PBDES", "12EZ", "12EZ", 0},
    {"PBDES", "12TDDEZ", "12TDDEZ", 0},
    {"PBES", "12E", "12E", 1},
    {"PBESPBES", "EZ12CZ", "EZ12CZ", 0},
    {"PBESPBES", "12CZEZ", "12CZEZ", 0},
    {"pBES", "EZ", "EZ", 0},       /* the client hears why its statement cannot be prepared */
    {"PBES", "12CEZ", "12CEZ", 0}, /* at Sync: a deferred constraint */
    {"S", "EZ", "EZ", 0},
    {"kPBES", "EZ", "3EZ", 0}, /* what was due before the error comes before it */
    {"PkBES", "EZ", "EZ", 0},  /* what was skipped is not made up */
    {"BEkkBES", "2EZ", "2EZ", 0},
    {"pdBES", "1EZ", "EZ", 0},
    {"PBs", "1EZ", "1E", 0},
    {"PBss", "1EZZ", "1E", 0},
    {"PcBES", "1EZ", "1EZ", 0},
    {"PQ", "E", "E", 0}, /* a Query is skipped as well: only Sync is answered */
    {"PQS", "EZ", "EZ", 0},
    {"PQQBS", "1CZCZ2Z", "1CZCZ2Z", 0},
    {"BQBES", "EZ", "EZ", 0},
    {"QBES", "EZ2CZ", "EZ2CZ", 0}, /* an error of a Query skips nothing */
    /* COPY */
    {"BES", "2G", "2G", 1}, /* the Sync was ignored */
    {"BESS", "2G", "2G", 1},
    {"BES", "2GEZ", "2GE!", 0},
    {"BE", "2GC", "2GC", 0},
    {"BES", "2HddcCZ", "2HddcCZ", 0}, /* copying out ignores nothing */
    {"BES", "2EZ", "2EZ", 0},
    {"BESBES", "2GEZ", "2GEZ",
     0}, /* what follows ends the COPY with an error, up to the second Sync */
    {"BESSBESS", "2GEZZ", "2GEZZ", 0},
    {"QSS", "GCZ", "GCZ", 0},
    /* out of step */
    {"", "Z", "!", 0},
    {"", "C", "!", 0},
    {"P", "2", "!", 1},
    {"d", "C", "!", 1},
    {"s", "1", "!", 1},
    {"P", "Z", "!", 1},
    {"B", "1", "!", 1},
    {"D", "C", "!", 1},
    {"E", "T", "!", 1},
    {"E", "3", "!", 1},
    {"C", "C", "!", 1},
    {"S", "C", "!", 1},
    {"S", "1", "!", 1},
    {"B", "t", "!", 1},
    {"P", "D", "!", 1},
    {"P", "G", "!", 1},
    {"B", "G", "!", 1},
    {"PS", "Z", "!", 2},
    {"PBS", "E2", "E!", 1},
    {"PBQ", "EZ", "E!", 0},
    {"E", "?", "!", 1},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        struct talk t;
        talk_init(&t);
        for (const char *p = r->requests; *p; p++)
            push(&t, kind_of(*p));
        for (const char *p = r->replies; *p && !t.broken; p++)
            reply(&t, *p);
        if (strcmp(t.seen, r->seen) != 0 || t.p.n != r->left)
            fail_msg("%s -> %s: client sees %s, not %s; %u are owed, not %u", r->requests,
                     r->replies, t.seen, r->seen, t.p.n, r->left);
        talk_fini(&t);
    }
}

/* Requests that follow after the error was seen are skipped too, until their Sync. */
static void test_requests_after_the_error(void **state)
{
    (void)state;
    struct talk t;
    talk_init(&t);
    push(&t, PL_PARSE);
    push(&t, PL_BIND);
    reply(&t, 'E');
    assert_int_equal(t.p.n, 0);
    assert_true(t.p.skipping);
    push(&t, PL_CLOSE_FAKE);
    push(&t, PL_BIND);
    push(&t, PL_EXECUTE);
    push(&t, PL_SYNC);
    fakes(&t);
    assert_string_equal(t.seen, "E"); /* no answer is made up for what is skipped */
    reply(&t, 'Z');
    assert_string_equal(t.seen, "EZ");
    assert_false(t.p.skipping);
    assert_true(pipeline_empty(&t.p));
    push(&t, PL_CLOSE_FAKE);
    fakes(&t);
    assert_string_equal(t.seen, "EZ3");
    talk_fini(&t);
}

static void test_turns(void **state)
{
    (void)state;
    struct talk t;
    talk_init(&t);
    for (const char *p = "qPBESQPBS"; *p; p++)
        push(&t, kind_of(*p));
    assert_int_equal(t.p.turns, 4);
    for (const char *p = "CZ12"; *p; p++)
        reply(&t, *p);
    assert_int_equal(t.p.turns, 3);
    reply(&t, 'G');
    assert_int_equal(t.p.turns, 2);
    reply(&t, 'E'); /* the Query ended the COPY and was itself skipped, with all up to the Sync */
    assert_int_equal(t.p.turns, 1);
    reply(&t, 'Z');
    assert_int_equal(t.p.turns, 0);
    assert_true(pipeline_empty(&t.p));
    assert_string_equal(t.seen, "12GEZ");
    talk_fini(&t);
}

static void test_take_any(void **state)
{
    (void)state;
    struct talk t;
    struct pl_entry e;
    talk_init(&t);
    for (const char *p = "qPkBESQ"; *p; p++)
        push(&t, kind_of(*p));
    reply(&t, 'E');
    for (uint64_t i = 0; i < 7; i++) {
        assert_true(pipeline_take_any(&t.p, &e));
        assert_int_equal(e.ref, i);
    }
    assert_false(pipeline_take_any(&t.p, &e));
    assert_int_equal(t.p.turns, 0);
    assert_false(t.p.skipping);
    talk_fini(&t);
}

/* Every length, at every offset of the head, survives a move with its order. */
static void test_growth(void **state)
{
    (void)state;
    for (uint32_t head = 0; head < PL_INLINE; head++)
        for (uint32_t n = 0; n <= PL_INLINE; n++) {
            struct pl_entry small[PL_INLINE], large[4 * PL_INLINE], e;
            struct pipeline p;
            pipeline_init(&p, small, PL_INLINE);
            for (uint32_t i = 0; i < head; i++) {
                pipeline_push(&p, PL_BIND, 0, 0);
                assert_true(pipeline_take_any(&p, &e));
            }
            for (uint32_t i = 0; i < n; i++)
                pipeline_push(&p, i % 3 ? PL_BIND : PL_SYNC, i, i * 7);
            assert_int_equal(pipeline_full(&p), n == PL_INLINE);
            assert_ptr_equal(pipeline_move(&p, large, 4 * PL_INLINE), small);
            assert_false(pipeline_full(&p));
            assert_int_equal(p.turns, (n + 2) / 3);
            pipeline_push(&p, PL_EXECUTE, n, n * 7);
            for (uint32_t i = 0; i <= n; i++) {
                assert_true(pipeline_take_any(&p, &e));
                assert_int_equal(e.ref, i);
                assert_int_equal(e.tag, i * 7);
            }
            assert_true(pipeline_empty(&p));
        }
}

static void test_programmer_errors(void **state)
{
    (void)state;
    struct pl_entry ring[4], other[2];
    struct pipeline p;
    EXPECT_BUG(pipeline_init(&p, ring, 3));
    EXPECT_BUG(pipeline_init(&p, ring, 0));
    pipeline_init(&p, ring, 4);
    for (unsigned i = 0; i < 4; i++)
        pipeline_push(&p, PL_BIND, 0, 0);
    EXPECT_BUG(pipeline_push(&p, PL_BIND, 0, 0));
    EXPECT_BUG((void)!pipeline_move(&p, other, 2));
}

/* Who failed, and who was only skipped. */
static void test_fates(void **state)
{
    (void)state;
    struct talk t;
    struct pl_entry e;
    talk_init(&t);
    for (const char *p = "PBDESB"; *p; p++)
        push(&t, kind_of(*p));
    assert_int_equal(pipeline_reply(&t.p, '1', &e), PL_FORWARD);
    assert_int_equal(e.fate, PL_DONE);
    assert_int_equal(pipeline_head(&t.p)->kind, PL_BIND);
    assert_false(pipeline_hidden(&t.p));
    assert_int_equal(pipeline_error(&t.p), PL_FORWARD);
    assert_true(pipeline_take_skipped(&t.p, &e));
    assert_int_equal(e.kind, PL_BIND);
    assert_int_equal(e.fate, PL_FAILED);
    assert_true(pipeline_take_skipped(&t.p, &e));
    assert_int_equal(e.fate, PL_SKIPPED);
    assert_true(pipeline_take_skipped(&t.p, &e));
    assert_false(pipeline_take_skipped(&t.p, &e));
    assert_int_equal(pipeline_reply(&t.p, 'Z', &e), PL_FORWARD);
    assert_int_equal(e.fate, PL_DONE);
    assert_true(pipeline_take_any(&t.p, &e));
    assert_int_equal(e.fate, PL_SKIPPED);
    assert_null(pipeline_head(&t.p));
    assert_false(pipeline_hidden(&t.p));
    push(&t, PL_DESCRIBE_HIDDEN);
    assert_true(pipeline_hidden(&t.p));
    talk_fini(&t);
}

/* -- random sessions ------------------------------------------------------------------------------------------------ */

enum { OPS_MAX = 120 };

struct op {
    enum pl_kind kind;
    bool fails, rows;
};

/* What PostgreSQL does with one request. */
struct model {
    bool skipping;
    char out[4096];
    size_t n;
};

static void says(struct model *m, const char *s)
{
    for (; *s; s++)
        m->out[m->n++] = *s;
    m->out[m->n] = 0;
}

static void model_does(struct model *m, const struct op *o)
{
    if (m->skipping && o->kind != PL_SYNC)
        return;
    switch (o->kind) {
    case PL_QUERY:
    case PL_HIDDEN_QUERY:
        says(m, o->fails ? "EZ" : o->rows ? "TDCZ" : "CZ");
        return;
    case PL_SYNC:
        says(m, o->fails && !m->skipping ? "EZ" : "Z");
        m->skipping = false;
        return;
    case PL_PARSE:
    case PL_PARSE_HIDDEN:
        says(m, o->fails ? "E" : "1");
        break;
    case PL_BIND:
    case PL_BIND_HIDDEN:
        says(m, o->fails ? "E" : "2");
        break;
    case PL_DESCRIBE:
    case PL_DESCRIBE_HIDDEN:
        says(m, o->fails ? "E" : o->rows ? "tT" : "n");
        break;
    case PL_EXECUTE:
    case PL_EXECUTE_HIDDEN:
        says(m, o->fails ? "DE" : o->rows ? "DDs" : "I");
        break;
    case PL_CLOSE:
    case PL_CLOSE_HIDDEN:
    case PL_CLOSE_FAKE:
        says(m, o->fails ? "E" : "3");
        break;
    case PL_SYNC_HIDDEN:
    case PL_PARSE_QUIET:
    case PL_DESCRIBE_PARAMS:
    case PL_NONE:
    case PL_NR:
        fail();
    }
    m->skipping = o->fails;
}

static bool is_fake(enum pl_kind k)
{
    return k == PL_CLOSE_FAKE;
}

static bool is_hidden(enum pl_kind k)
{
    return k == PL_PARSE_HIDDEN || k == PL_CLOSE_HIDDEN || k == PL_DESCRIBE_HIDDEN ||
           k == PL_HIDDEN_QUERY || k == PL_BIND_HIDDEN || k == PL_EXECUTE_HIDDEN;
}

/* What a client sees that sends only its own requests. A failure of a hidden one is told in place of the next. */
static void expected(const struct op *ops, size_t n, struct model *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < n; i++) {
        const struct op *o = &ops[i];
        if (!is_hidden(o->kind)) {
            model_does(out, o);
        } else if (o->kind != PL_HIDDEN_QUERY && o->fails && !out->skipping) {
            says(out, "E");
            out->skipping = true;
        }
    }
}

static void random_ops(struct prng *r, struct op *ops, size_t n)
{
    bool turn = true; /* hidden queries are sent only where a turn begins */
    for (size_t i = 0; i < n; i++) {
        enum pl_kind k;
        do {
            k = (enum pl_kind)(1 + prng_below(r, PL_NR - 1));
        } while (k == PL_SYNC_HIDDEN || k == PL_PARSE_QUIET || k == PL_DESCRIBE_PARAMS ||
                 (k == PL_HIDDEN_QUERY && !turn) || (k == PL_QUERY && prng_below(r, 4) != 0));
        ops[i] = (struct op){.kind = k,
                             .fails = !is_fake(k) && prng_below(r, 12) == 0,
                             .rows = prng_below(r, 2) != 0};
        turn = k == PL_SYNC || (turn && k == PL_HIDDEN_QUERY);
    }
    ops[n - 1] = (struct op){.kind = PL_SYNC};
}

static void test_random_sessions(void **state)
{
    (void)state;
    struct prng r;
    prng_init(&r, 20261121);
    for (unsigned round = 0; round < 20000; round++) {
        struct op ops[OPS_MAX];
        struct model want, server = {0};
        struct talk t;
        const size_t n = 1 + prng_below(&r, OPS_MAX);
        size_t sent = 0, told = 0;
        const uint32_t eager = 1 + prng_below(&r, 8);
        talk_init(&t);
        random_ops(&r, ops, n);
        expected(ops, n, &want);
        while (sent < n || told < server.n) {
            if (told < server.n && (sent == n || prng_below(&r, eager) == 0)) {
                reply(&t, server.out[told++]);
                assert_false(t.broken);
                continue;
            }
            push(&t, ops[sent].kind);
            if (!is_fake(ops[sent].kind))
                model_does(&server, &ops[sent]);
            sent++;
        }
        assert_string_equal(t.seen, want.out);
        assert_true(pipeline_empty(&t.p));
        assert_int_equal(t.p.turns, 0);
        assert_false(t.p.skipping);
        assert_int_equal(t.done_ref, n);
        talk_fini(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_requests_after_the_error),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_take_any),
        cmocka_unit_test(test_fates),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_programmer_errors),
        cmocka_unit_test(test_random_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
