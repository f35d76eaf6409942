/* Statements by text and types, names that outlive their Close, and a server's set with its eviction. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../proxy/prepared.h"
#include "../../replication/base/prng.h"
#include "expect_bug.h"

static const uint8_t int4[] = {0, 0, 0, 23}, two[] = {0, 0, 0, 23, 0, 0, 0, 25};

static struct pstmt *get(struct pstmt_cache *c, const char *sql, const uint8_t *types, uint16_t n)
{
    struct pstmt *p = pstmt_get(c, slice_of(sql), types, n, false);
    assert_non_null(p);
    assert_int_equal(p->sql_len, strlen(sql));
    assert_string_equal(p->sql, sql); /* NUL-terminated */
    assert_int_equal(p->n_types, n);
    if (n)
        assert_memory_equal(pstmt_types(p), types, 4u * n);
    return p;
}

static void test_same_text_and_types(void **state)
{
    (void)state;
    struct pstmt_cache c;
    pstmt_cache_init(&c);
    struct pstmt *a = get(&c, "select $1", NULL, 0), *b = get(&c, "select $1", NULL, 0);
    struct pstmt *t = get(&c, "select $1", int4, 1), *u = get(&c, "select $1", two, 2),
                 *v = get(&c, "select $1 ", NULL, 0);
    struct pstmt *empty = get(&c, "", NULL, 0);
    assert_ptr_equal(a, b);
    assert_int_equal(a->refs, 2);
    assert_true(a != t && a != u && a != v && t != u && a != empty);
    assert_true(a->id != t->id && a->id != u->id && t->id != u->id && a->id != v->id);
    struct pstmt *other = pstmt_get(&c, slice_of("select $1"), NULL, 0, true); /* lexed otherwise */
    assert_non_null(other);
    assert_true(other != a && other->id != a->id);
    pstmt_unref(other);
    pstmt_unref(a);
    pstmt_unref(b);
    pstmt_unref(t);
    pstmt_unref(u);
    pstmt_unref(v);
    pstmt_unref(empty);
    pstmt_unref(NULL);
    assert_int_equal(c.unused.count, 6);
    assert_ptr_equal(get(&c, "select $1", int4, 1), t); /* still there, and the same */
    assert_int_equal(c.unused.count, 5);
    EXPECT_BUG(pstmt_unref(a));
    pstmt_unref(t);
    pstmt_cache_fini(&c);
}

/* Another text that hashes alike gets the next id. */
static void test_hash_collision(void **state)
{
    (void)state;
    struct pstmt_cache c;
    pstmt_cache_init(&c);
    struct pstmt *a = get(&c, "one", NULL, 0);
    HASH_DEL(c.all, a);
    a->id = slice_hash(slice_of("two")); /* as if "one" hashed as "two" does */
    HASH_ADD(hh, c.all, id, sizeof(a->id), a);
    struct pstmt *b = get(&c, "two", NULL, 0);
    assert_true(a != b);
    assert_int_equal(b->id, a->id + 1);
    assert_ptr_equal(get(&c, "two", NULL, 0), b);
    pstmt_unref(a);
    pstmt_unref(b);
    pstmt_unref(b);
    pstmt_cache_fini(&c);
}

static void test_cache_is_bounded(void **state)
{
    (void)state;
    struct pstmt_cache c;
    char sql[64];
    pstmt_cache_init(&c);
    struct pstmt *kept = get(&c, "kept", NULL, 0);
    for (unsigned i = 0; i < 2 * PSTMT_CACHE_MAX; i++) {
        snprintf(sql, sizeof(sql), "select %u", i);
        pstmt_unref(get(&c, sql, NULL, 0));
    }
    assert_in_range(c.unused.count, PSTMT_CACHE_MAX - 1, PSTMT_CACHE_MAX + 1);
    assert_in_range(HASH_COUNT(c.all), PSTMT_CACHE_MAX, PSTMT_CACHE_MAX + 2);
    assert_ptr_equal(get(&c, "kept", NULL, 0), kept); /* used ones never go */
    struct pstmt *oldest = LIST_ENTRY(list_first(&c.unused), struct pstmt, unused);
    snprintf(sql, sizeof(sql), "select %u", (unsigned)(2 * PSTMT_CACHE_MAX - c.unused.count));
    assert_string_equal(oldest->sql, sql); /* the oldest went first */
    pstmt_unref(kept);
    pstmt_unref(kept);
    pstmt_cache_fini(&c);
}

static void test_cache_bytes(void **state)
{
    (void)state;
    struct pstmt_cache c;
    enum { BIG = 1 << 20 };
    char *sql = malloc(BIG + 1);
    assert_non_null(sql);
    memset(sql, 'x', BIG);
    sql[BIG] = 0;
    pstmt_cache_init(&c);
    for (unsigned i = 0; i < 40; i++) {
        sql[0] = (char)('A' + i);
        pstmt_unref(get(&c, sql, NULL, 0));
        assert_true(c.bytes <= PSTMT_CACHE_BYTES_MAX + 2 * BIG);
    }
    assert_true(c.unused.count < 20);
    free(sql);
    pstmt_cache_fini(&c);
    assert_int_equal(c.bytes, 0);
}

/* -- names ---------------------------------------------------------------------------------------------------------- */

static void test_names(void **state)
{
    (void)state;
    struct pstmt_cache c;
    struct named_map map = {0};
    pstmt_cache_init(&c);
    struct pstmt *p = get(&c, "select 1", NULL, 0);
    struct named *a = named_add(&map, slice_of("a"), p), *ab = named_add(&map, slice_of("ab"), p);
    assert_non_null(a);
    assert_non_null(ab);
    pstmt_unref(p);
    assert_int_equal(p->refs, 2);
    assert_ptr_equal(named_find(&map, slice_of("a")), a);
    assert_ptr_equal(named_find(&map, (struct slice){"abc", 2}), ab);
    assert_null(named_find(&map, slice_of("abc")));
    assert_null(named_find(&map, slice_of("")));
    assert_string_equal(ab->name, "ab");

    char lng[81];
    memset(lng, 'n', 80);
    lng[80] = 0;
    struct named *cut = named_add(&map, slice_of(lng), p);
    assert_int_equal(strlen(cut->name), NAMED_LEN_MAX);
    assert_ptr_equal(named_find(&map, (struct slice){lng, 70}), cut);
    assert_null(named_find(&map, (struct slice){lng, 62}));
    named_remove(&map, cut);

    named_ref(a); /* a Parse in flight */
    named_remove(&map, a);
    assert_null(named_find(&map, slice_of("a")));
    assert_string_equal(a->stmt->sql, "select 1"); /* outlives its Close */
    named_remove(&map, a);                         /* once more does nothing */
    struct named *again = named_add(&map, slice_of("a"), p);
    assert_true(again != a);
    named_unref(a);
    assert_int_equal(p->refs, 2);

    named_ref(again);
    named_clear(&map);
    assert_null(map.all);
    assert_int_equal(map.bytes, 0);
    assert_int_equal(p->refs, 1);
    named_unref(again);
    assert_int_equal(p->refs, 0);
    assert_true(list_linked(&p->unused));
    pstmt_cache_fini(&c);
}

/* -- a server's set ------------------------------------------------------------------------------------------------- */

static void test_set_evicts_the_least_recently_used(void **state)
{
    (void)state;
    struct sstmt_set s;
    char name[PSTMT_NAME_MAX];
    sstmt_init(&s);
    assert_null(sstmt_evict(&s, 0));
    for (uint64_t i = 1; i <= 5; i++) {
        struct sstmt *e = sstmt_add(&s, 100 + i);
        assert_non_null(e);
        assert_int_equal(e->no, i);
    }
    assert_null(sstmt_evict(&s, 6)); /* room for one more */
    assert_non_null(sstmt_use(&s, 101));
    assert_non_null(sstmt_use(&s, 105));
    assert_null(sstmt_use(&s, 106));
    struct sstmt *gone = sstmt_evict(&s, 5);
    assert_int_equal(gone->id, 102);
    assert_null(sstmt_find(&s, 102));
    sstmt_name(gone, name);
    assert_string_equal(name, "tanist_2");
    sstmt_put_back(&s, gone); /* its Close was skipped: still the next to go */
    assert_ptr_equal(sstmt_evict(&s, 5), gone);
    struct sstmt *again = sstmt_add(&s, 102);
    assert_int_equal(again->no, 6); /* never a name twice */
    sstmt_put_back(&s, gone);
    assert_ptr_equal(sstmt_find(&s, 102), again);
    assert_int_equal(s.lru.count, 6);
    assert_ptr_equal(sstmt_evict(&s, 5), gone);
    free(gone);
    sstmt_forget(&s, 103);
    sstmt_forget(&s, 103);
    sstmt_rename(&s, again, 7);
    assert_null(sstmt_find(&s, 102));
    assert_ptr_equal(sstmt_find(&s, 7), again);
    sstmt_age(&s, again);
    assert_ptr_equal(sstmt_evict(&s, 2), again);
    free(again);
    static const uint64_t order[] = {104, 101, 105};
    for (size_t i = 0; i < 3; i++) {
        struct sstmt *e = sstmt_evict(&s, 0);
        assert_int_equal(e->id, order[i]);
        free(e);
    }
    assert_null(sstmt_evict(&s, 0));
    assert_non_null(sstmt_add(&s, 7));
    EXPECT_BUG((void)!sstmt_add(&s, 7));
    sstmt_clear(&s);
    assert_null(s.all);
    assert_true(list_empty(&s.lru));
}

/* Against an array in order of use. */
static void test_set_random(void **state)
{
    (void)state;
    enum { IDS = 12 };
    struct sstmt_set s;
    struct prng r;
    uint64_t model[IDS];
    size_t n = 0;
    sstmt_init(&s);
    prng_init(&r, 21);
    for (unsigned round = 0; round < 20000; round++) {
        uint64_t id = 1 + prng_below(&r, IDS);
        size_t at = 0;
        while (at < n && model[at] != id)
            at++;
        const bool there = at < n;
        struct sstmt *e;
        switch (prng_below(&r, 4)) {
        case 0:
        case 1:
            assert_int_equal(sstmt_use(&s, id) != NULL, there);
            if (!there)
                assert_non_null(sstmt_add(&s, id));
            if (there)
                memmove(&model[at], &model[at + 1], (--n - at) * sizeof(model[0]));
            model[n++] = id;
            break;
        case 2:
            sstmt_forget(&s, id);
            if (there)
                memmove(&model[at], &model[at + 1], (--n - at) * sizeof(model[0]));
            break;
        default:
            e = sstmt_evict(&s, IDS / 2);
            assert_int_equal(e != NULL, n >= IDS / 2);
            if (e) {
                assert_int_equal(e->id, model[0]);
                memmove(&model[0], &model[1], --n * sizeof(model[0]));
                free(e);
            }
        }
        assert_int_equal(s.lru.count, n);
        assert_int_equal(HASH_COUNT(s.all), n);
    }
    sstmt_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_text_and_types),
        cmocka_unit_test(test_hash_collision),
        cmocka_unit_test(test_cache_is_bounded),
        cmocka_unit_test(test_cache_bytes),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_set_evicts_the_least_recently_used),
        cmocka_unit_test(test_set_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
