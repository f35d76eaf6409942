/* Process-wide admission: how many servers a node, database and user may have, whatever the number of workers. A token is
 * an atomic count; entries are made once (mutex), never freed before the end, so workers keep the pointer. Any thread. */
#ifndef TANIST_PROXY_LIMITS_H
#define TANIST_PROXY_LIMITS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../replication/base/attrs.h"

struct limits;

struct limit {
    _Atomic int servers;     /* relaxed; taken before a login, given back after the close */
    _Atomic int max;         /* relaxed; reload changes it */
    _Atomic uint64_t wanted; /* relaxed; bit w: worker w has clients that wait and no server */
};

struct limits *limits_new(void);
void limits_free(struct limits *l);

/* The entry for a key ("cluster/node/database/user"); NULL without memory. */
struct limit *limits_get(struct limits *l, const char *key, int max) MUST_CHECK;

static inline bool limit_take(struct limit *l)
{
    const int max = atomic_load_explicit(&l->max, memory_order_relaxed);
    int n = atomic_load_explicit(&l->servers, memory_order_relaxed);
    while (n < max)
        if (atomic_compare_exchange_weak_explicit(&l->servers, &n, n + 1, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    return false;
}

static inline void limit_give(struct limit *l)
{
    atomic_fetch_sub_explicit(&l->servers, 1, memory_order_relaxed);
}

#endif
