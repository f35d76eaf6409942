#include "limits.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <uthash.h>

struct entry {
    struct limit limit;
    UT_hash_handle hh;
    char key[];
};

struct limits {
    uv_mutex_t mutex;
    struct entry *all; /* under mutex */
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

struct limit *limits_get(struct limits *l, const char *key, int max)
{
    uv_mutex_lock(&l->mutex);
    struct entry *e;
    HASH_FIND_STR(l->all, key, e);
    if (!e) {
        const size_t n = strlen(key) + 1;
        e = calloc(1, sizeof(*e) + n);
        if (e) {
            memcpy(e->key, key, n);
            HASH_ADD_STR(l->all, key, e);
        }
    }
    if (e)
        atomic_store_explicit(&e->limit.max, max, memory_order_relaxed);
    uv_mutex_unlock(&l->mutex);
    return e ? &e->limit : NULL;
}
