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
    struct pstmt *p = pstmt_get(c, slice_of(sql), types, n);
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
    char x[PSTMT_NAME_MAX], y[PSTMT_NAME_MAX];
    pstmt_server_name(a->id, x);
    pstmt_server_name(t->id, y);
    assert_string_not_equal(x, y);
    assert_int_equal(strncmp(x, "tanist_", 7), 0);
    assert_int_equal(strlen(x), 7 + 16);
    pstmt_server_name(UINT64_MAX, x);
    assert_string_equal(x, "tanist_ffffffffffffffff");
    pstmt_unref(a);
    pstmt_unref(b);
    pstmt_unref(t);
    pstmt_unref(u);
    pstmt_unref(v);
    pstmt_unref(empty);
    pstmt_unref(NULL);
    assert_int_equal(c.unused.count, 5);
    assert_ptr_equal(get(&c, "select $1", int4, 1), t); /* still there, and the same */
    assert_int_equal(c.unused.count, 4);
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
    struct named *map = NULL;
    pstmt_cache_init(&c);
    struct pstmt *p = get(&c, "select 1", NULL, 0);
    struct named *a = named_add(&map, slice_of("a"), p), *ab = named_add(&map, slice_of("ab"), p);
    assert_non_null(a);
    assert_non_null(ab);
    pstmt_unref(p);
    assert_int_equal(p->refs, 2);
    assert_ptr_equal(named_find(map, slice_of("a")), a);
    assert_ptr_equal(named_find(map, (struct slice){"abc", 2}), ab);
    assert_null(named_find(map, slice_of("abc")));
    assert_null(named_find(map, slice_of("")));
    assert_string_equal(ab->name, "ab");

    named_ref(a); /* a Parse in flight */
    named_remove(&map, a);
    assert_null(named_find(map, slice_of("a")));
    assert_string_equal(a->stmt->sql, "select 1"); /* outlives its Close */
    named_remove(&map, a);                         /* once more does nothing */
    struct named *again = named_add(&map, slice_of("a"), p);
    assert_true(again != a);
    named_unref(a);
    assert_int_equal(p->refs, 2);

    named_ref(again);
    named_clear(&map);
    assert_null(map);
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
    uint64_t id = 99;
    sstmt_init(&s);
    assert_false(sstmt_evict(&s, 0, &id));
    for (uint64_t i = 1; i <= 5; i++)
        assert_true(sstmt_add(&s, i));
    assert_false(sstmt_evict(&s, 5, &id));
    assert_int_equal(id, 99);
    assert_true(sstmt_has(&s, 1)); /* touched: now 2 is the oldest */
    assert_true(sstmt_has(&s, 5));
    assert_false(sstmt_has(&s, 6));
    assert_true(sstmt_evict(&s, 4, &id));
    assert_int_equal(id, 2);
    assert_false(sstmt_evict(&s, 4, &id));
    sstmt_forget(&s, 3);
    sstmt_forget(&s, 3);
    assert_true(sstmt_evict(&s, 0, &id));
    assert_int_equal(id, 4);
    assert_true(sstmt_evict(&s, 0, &id));
    assert_int_equal(id, 1);
    assert_true(sstmt_evict(&s, 0, &id));
    assert_int_equal(id, 5);
    assert_false(sstmt_evict(&s, 0, &id));
    assert_true(sstmt_add(&s, 7));
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
        uint64_t id = 1 + prng_below(&r, IDS), out;
        size_t at = 0;
        while (at < n && model[at] != id)
            at++;
        const bool there = at < n;
        switch (prng_below(&r, 4)) {
        case 0:
        case 1:
            assert_int_equal(sstmt_has(&s, id), there);
            if (!there)
                assert_true(sstmt_add(&s, id));
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
            assert_int_equal(sstmt_evict(&s, IDS / 2, &out), n > IDS / 2);
            if (n > IDS / 2) {
                assert_int_equal(out, model[0]);
                memmove(&model[0], &model[1], --n * sizeof(model[0]));
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
