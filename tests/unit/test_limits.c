/* Tokens of four limits at once, and the queue of those that found one full. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "../../proxy/limits.h"

static struct limits *all;

static struct limit *pool(const char *node, const char *database, const char *user)
{
    char group[64];
    snprintf(group, sizeof group, "%s\x1f%s", database, user);
    struct limit *l = limits_get(
        all, &(struct limit_key){.node = node, .database = database, .user = user, .group = group});
    assert_non_null(l);
    return l;
}

static int make(void **state)
{
    (void)state;
    all = limits_new();
    return all ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    limits_free(all);
    return 0;
}

static void test_shared(void **state)
{
    (void)state;
    struct limit *a = pool("n1", "db", "a"), *b = pool("n1", "db", "b"), *c = pool("n1", "x", "a"),
                 *d = pool("n2", "db", "a");
    assert_ptr_equal(a, pool("n1", "db", "a"));
    assert_ptr_equal(a->shared[LIMIT_DB], b->shared[LIMIT_DB]);
    assert_ptr_equal(a->shared[LIMIT_USER], c->shared[LIMIT_USER]);
    assert_ptr_equal(a->shared[LIMIT_NODE], c->shared[LIMIT_NODE]);
    assert_ptr_not_equal(a->shared[LIMIT_DB], c->shared[LIMIT_DB]);
    assert_ptr_not_equal(a->shared[LIMIT_DB], d->shared[LIMIT_DB]); /* each node has its own */
    assert_ptr_equal(limits_node(all, "n1"), a->shared[LIMIT_NODE]);
}

static void test_tokens(void **state)
{
    (void)state;
    struct limit *a = pool("n1", "db", "a"), *b = pool("n1", "db", "b"), *c = pool("n1", "x", "a"),
                 *d = pool("n2", "db", "a");
    struct limit *db = a->shared[LIMIT_DB], *user = a->shared[LIMIT_USER],
                 *node = a->shared[LIMIT_NODE];
    assert_null(limit_take(a, 2, 0)); /* no shared limit: only its own */
    assert_null(limit_take(a, 2, 0));
    assert_ptr_equal(limit_take(a, 2, 0), a);
    assert_null(limit_take(a, 3, 0)); /* with the reserve */
    limit_give(a);
    limit_set_max(db, 3);
    assert_null(limit_take(b, 9, 0));
    assert_ptr_equal(limit_take(b, 9, 0), db);
    assert_int_equal(limit_servers(b), 1); /* what was taken on the way is back */
    assert_int_equal(limit_servers(node), 3);
    limit_set_max(user, 2);
    assert_ptr_equal(limit_take(c, 9, 0), user);
    limit_set_max(user, 0);
    limit_set_max(node, 3);
    assert_ptr_equal(limit_take(c, 9, 0), node);
    assert_null(limit_take(d, 9, 0)); /* another node */
    assert_int_equal(limits_servers(all, "db"), 4);
    assert_int_equal(limits_servers(all, "x"), 0);
    assert_int_equal(limits_servers(all, NULL), 4);
    limit_give(a);
    limit_give(a);
    limit_give(b);
    limit_give(d);
    assert_int_equal(limits_servers(all, NULL), 0);
}

static void copy(const struct limit_claim *c, void *arg)
{
    *(usec_t *)arg = c->since;
}

/* The oldest claim gets the next token, whoever asks first. */
static void test_claims(void **state)
{
    (void)state;
    struct limit *a = pool("n1", "db", "a"), *b = pool("n1", "db", "b"), *c = pool("n1", "db", "c");
    struct limit *db = a->shared[LIMIT_DB];
    struct limit_claim cb = {.pool = b}, cc = {.pool = c};
    usec_t since = 0;
    limit_set_max(db, 1);
    assert_null(limit_take(a, 9, 50));
    assert_false(limits_claimed(a));
    assert_ptr_equal(limit_take(b, 9, 20), db);
    limit_claim(&cb, db, 20);
    assert_ptr_equal(limit_take(c, 9, 10), db);
    limit_claim(&cc, db, 10);
    assert_true(limits_claimed(a));
    assert_true(limit_oldest(db, NULL, copy, &since));
    assert_int_equal(since, 10);
    assert_true(limit_oldest(db, c, copy, &since));
    assert_int_equal(since, 20);
    limit_give(a);
    assert_ptr_equal(limit_take(a, 9, 60), db); /* younger than both */
    assert_ptr_equal(limit_take(b, 9, 20), db); /* younger than c */
    assert_null(limit_take(c, 9, 10));
    limit_unclaim(&cc);
    limit_unclaim(&cc);
    limit_give(c);
    limit_claim(&cb, db, 5); /* its first client left; the next one's moment counts */
    assert_ptr_equal(limit_take(a, 9, 6), db);
    limit_set_max(db, 2);
    assert_null(limit_take(a, 9, 6)); /* room for both */
    assert_null(limit_take(b, 9, 5));
    limit_unclaim(&cb);
    assert_false(limits_claimed(a));
    assert_false(limit_oldest(db, NULL, copy, &since));
    limit_give(a);
    limit_give(b);
    limit_set_max(db, 0);
}

/* Many threads, two shared limits, claims on the way: never too many, and nothing is lost. */
static _Atomic int most_db, errors;

static void *work(void *arg)
{
    struct limit *mine = arg;
    struct limit *db = mine->shared[LIMIT_DB];
    struct limit_claim claim = {.pool = mine};
    for (usec_t i = 1; i <= 20000; i++) {
        struct limit *full = limit_take(mine, 2, i);
        if (full && full != mine) {
            limit_claim(&claim, full, i);
            full = limit_take(mine, 2, i);
        }
        limit_unclaim(&claim);
        if (full)
            continue;
        const int n = limit_servers(db);
        if (n > 3 || limit_servers(mine) > 2)
            atomic_fetch_add(&errors, 1);
        if (n > atomic_load(&most_db))
            atomic_store(&most_db, n);
        limit_give(mine);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    enum { N = 6 };
    pthread_t t[N];
    struct limit *p[N];
    for (int i = 0; i < N; i++) {
        const char user[] = {(char)('a' + i / 2), 0};
        p[i] = pool("n1", "db", user); /* two threads for each pool */
    }
    limit_set_max(p[0]->shared[LIMIT_DB], 3);
    limit_set_max(p[0]->shared[LIMIT_NODE], 4);
    for (int i = 0; i < N; i++)
        assert_int_equal(pthread_create(&t[i], NULL, work, p[i]), 0);
    for (int i = 0; i < N; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    assert_int_equal(errors, 0);
    assert_true(most_db >= 1);
    assert_int_equal(limits_servers(all, NULL), 0);
    assert_false(limits_claimed(p[0]));
    for (int i = 0; i < N; i++)
        assert_int_equal(limit_servers(p[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shared, make, end),
        cmocka_unit_test_setup_teardown(test_tokens, make, end),
        cmocka_unit_test_setup_teardown(test_claims, make, end),
        cmocka_unit_test_setup_teardown(test_threads, make, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
