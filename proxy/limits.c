#include "limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <uthash.h>

#include "../replication/base/bug.h"

enum { KEY_MAX = 512 };

struct entry {
    struct limit limit;
    UT_hash_handle hh;
    size_t name_at; /* of the database or node, in the key */
    char kind;
    char key[];
};

struct limits {
    uv_mutex_t mutex;
    struct entry *all;       /* under mutex */
    _Atomic uint32_t claims; /* relaxed; how many there are */
};

struct limits *limits_new(void)
{
    struct limits *l = calloc(1, sizeof(*l));
    if (l && uv_mutex_init(&l->mutex) != 0) {
        free(l);
        l = NULL;
    }
    return l;
}

void limits_free(struct limits *l)
{
    if (!l)
        return;
    struct entry *e, *tmp;
    HASH_ITER(hh, l->all, e, tmp)
    {
        HASH_DEL(l->all, e);
        free(e);
    }
    uv_mutex_destroy(&l->mutex);
    free(l);
}

/* Under the mutex. kind: p pool, u user, d database, n node. The separator cannot occur in names. */
static struct limit *get(struct limits *l, char kind, const char *scope, const char *name)
{
    char key[KEY_MAX];
    const int at = snprintf(key, sizeof(key), "%c\x1f%s\x1f", kind, scope);
    const int n = snprintf(key, sizeof(key), "%c\x1f%s\x1f%s", kind, scope, name);
    struct entry *e;
    BUG_ON(at < 0 || n < 0 || (size_t)n >= sizeof(key));
    HASH_FIND_STR(l->all, key, e);
    if (e)
        return &e->limit;
    e = calloc(1, sizeof(*e) + (size_t)n + 1);
    if (!e)
        return NULL;
    memcpy(e->key, key, (size_t)n + 1);
    e->kind = kind;
    e->name_at = (size_t)at;
    e->limit.of = l;
    list_init(&e->limit.claims);
    HASH_ADD_STR(l->all, key, e);
    return &e->limit;
}

struct limit *limits_get(struct limits *l, const struct limit_key *k)
{
    uv_mutex_lock(&l->mutex);
    struct limit *pool = get(l, 'p', k->node, k->group);
    struct limit *const shared[LIMIT_SHARED_NR] = {[LIMIT_USER] = get(l, 'u', k->node, k->user),
                                                   [LIMIT_DB] = get(l, 'd', k->node, k->database),
                                                   [LIMIT_NODE] = get(l, 'n', "", k->node)};
    for (int i = 0; pool && i < LIMIT_SHARED_NR; i++) {
        if (!shared[i]) {
            pool = NULL;
            break;
        }
        if (!pool->shared[i]) /* once: others read it without the mutex */
            pool->shared[i] = shared[i];
    }
    uv_mutex_unlock(&l->mutex);
    return pool;
}

struct limit *limits_node(struct limits *l, const char *node)
{
    uv_mutex_lock(&l->mutex);
    struct limit *n = get(l, 'n', "", node);
    uv_mutex_unlock(&l->mutex);
    return n;
}

int limits_servers(struct limits *l, const char *database)
{
    struct entry *e, *tmp;
    int n = 0;
    uv_mutex_lock(&l->mutex);
    HASH_ITER(hh, l->all, e, tmp)
    if (database ? e->kind == 'd' && strcmp(e->key + e->name_at, database) == 0 : e->kind == 'n')
        n += limit_servers(&e->limit);
    uv_mutex_unlock(&l->mutex);
    return n;
}

/* -- tokens ------------------------------------------------------------------------------------------------------- */

/* One of l, leaving `keep` for others. max 0: no limit. */
static bool take_one(struct limit *l, int max, int keep)
{
    int n = limit_servers(l);
    while (max == 0 || n + keep < max)
        if (atomic_compare_exchange_weak_explicit(&l->servers, &n, n + 1, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    return false;
}

static void give_one(struct limit *l)
{
    BUG_ON(atomic_fetch_sub_explicit(&l->servers, 1, memory_order_relaxed) <= 0);
}

static struct limit *take_all(struct limit *l, int capacity, const int keep[LIMIT_SHARED_NR])
{
    if (!take_one(l, capacity, 0))
        return l;
    for (int i = 0; i < LIMIT_SHARED_NR; i++) {
        if (take_one(l->shared[i], limit_max(l->shared[i]), keep[i]))
            continue;
        struct limit *full = l->shared[i];
        while (i-- > 0)
            give_one(l->shared[i]);
        give_one(l);
        return full;
    }
    return NULL;
}

/* Older claims of others: they come first. Under the mutex. */
static int older(const struct limit *at, const struct limit *pool, usec_t since)
{
    int n = 0;
    LIST_FOR_EACH (i, &at->claims) {
        const struct limit_claim *c = LIST_ENTRY(i, struct limit_claim, node);
        n += c->pool != pool && c->since < since;
    }
    return n;
}

struct limit *limit_take(struct limit *l, int capacity, usec_t since)
{
    int keep[LIMIT_SHARED_NR] = {0};
    BUG_ON(capacity < 1);
    if (LIKELY(!limits_claimed(l)))
        return take_all(l, capacity, keep);
    uv_mutex_lock(&l->of->mutex);
    for (int i = 0; i < LIMIT_SHARED_NR; i++)
        keep[i] = older(l->shared[i], l, since);
    struct limit *full = take_all(l, capacity, keep);
    uv_mutex_unlock(&l->of->mutex);
    return full;
}

void limit_give(struct limit *l)
{
    for (int i = 0; i < LIMIT_SHARED_NR; i++)
        give_one(l->shared[i]);
    give_one(l);
}

/* -- claims ------------------------------------------------------------------------------------------------------- */

bool limits_claimed(const struct limit *l)
{
    return atomic_load_explicit(&l->of->claims, memory_order_relaxed) > 0;
}

void limit_claim(struct limit_claim *c, struct limit *at, usec_t since)
{
    struct limits *l = at->of;
    if (c->at == at && c->since == since)
        return;
    uv_mutex_lock(&l->mutex);
    if (c->at)
        list_remove(&c->at->claims, &c->node);
    else
        atomic_fetch_add_explicit(&l->claims, 1, memory_order_relaxed);
    c->at = at;
    c->since = since;
    list_push_back(&at->claims, &c->node);
    uv_mutex_unlock(&l->mutex);
}

void limit_unclaim(struct limit_claim *c)
{
    if (!c->at)
        return;
    struct limits *l = c->at->of;
    uv_mutex_lock(&l->mutex);
    list_remove(&c->at->claims, &c->node);
    c->at = NULL;
    atomic_fetch_sub_explicit(&l->claims, 1, memory_order_relaxed);
    uv_mutex_unlock(&l->mutex);
}

bool limit_oldest(struct limit *at, const struct limit *but,
                  void (*fn)(const struct limit_claim *c, void *arg), void *arg)
{
    const struct limit_claim *best = NULL;
    uv_mutex_lock(&at->of->mutex);
    LIST_FOR_EACH (n, &at->claims) {
        const struct limit_claim *c = LIST_ENTRY(n, struct limit_claim, node);
        if (c->pool != but && (!best || c->since < best->since))
            best = c;
    }
    if (best)
        fn(best, arg);
    uv_mutex_unlock(&at->of->mutex);
    return best != NULL;
}
