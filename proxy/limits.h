/* Process-wide admission: how many servers there may be, whatever the number of workers. A pool (node, database, user) has
 * a limit, and above it those of the user on that node, of the database on that node, and of the node. A token is one in
 * all four. Counts are atomics; entries are made once (mutex), never freed before the end, so workers keep the pointer.
 *
 * Who finds a shared limit full leaves a claim there. While there are claims, a token goes to the oldest: a younger one is
 * refused even if there is room. Any thread. */
#ifndef TANIST_PROXY_LIMITS_H
#define TANIST_PROXY_LIMITS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../replication/base/attrs.h"
#include "../replication/base/clock.h"
#include "../replication/base/list.h"

struct limits;

enum { LIMIT_USER = 0, LIMIT_DB, LIMIT_NODE, LIMIT_SHARED_NR };

struct limit {
    _Atomic int servers; /* relaxed; taken before a login, given back after the close */
    _Atomic int max; /* relaxed; reload and probes change it; 0: no limit; of a pool: not used */
    _Atomic int
        homes; /* relaxed; of a pool: sessions that were told the pid of a server (home.h) */
    _Atomic uint64_t
        wanted; /* relaxed; bit w: worker w has clients that wait and no server; of a node: and no place */
    _Atomic int in_flight, places; /* relaxed; of a node with max_in_flight (spread.h) */
    struct limits *of;
    struct limit *shared[LIMIT_SHARED_NR]; /* of a pool; else NULL */
    struct list claims;                    /* of a shared one; under the mutex */
};

/* That a pool of a worker waits for a token of a shared limit. The pool embeds it; of its own thread except where noted. */
struct limit_claim {
    struct list_node node; /* under the mutex */
    struct limit *
        at; /* where it stands in the queue, NULL: nowhere; under the mutex, read by its owner without */
    struct limit *pool;
    usec_t since; /* since when its first client waits; under the mutex */
    void *owner;  /* the pool; compared, and lent to the callback of limits_oldest */
};

struct limits *limits_new(void);
void limits_free(struct limits *l);

struct limit_key {
    const char *node, *database, *user;
    const char *group; /* tells pools apart */
};
/* The entry for a pool, with the shared ones above it; NULL without memory. */
struct limit *limits_get(struct limits *l, const struct limit_key *k) MUST_CHECK;
/* The entry of a node. */
struct limit *limits_node(struct limits *l, const char *node) MUST_CHECK;

static inline void limit_set_max(struct limit *l, int max)
{
    atomic_store_explicit(&l->max, max, memory_order_relaxed);
}
static inline int limit_servers(const struct limit *l)
{
    return atomic_load_explicit(&l->servers, memory_order_relaxed);
}
static inline int limit_max(const struct limit *l)
{
    return atomic_load_explicit(&l->max, memory_order_relaxed);
}

/* A token for a pool that may have `capacity` servers and whose first client has waited since then. NULL: taken; else the
 * limit that stands in the way (l itself: the pool's own). */
struct limit *limit_take(struct limit *l, int capacity, usec_t since) MUST_CHECK;
void limit_give(struct limit *l);

/* Are there any claims at all? One relaxed load, for the hot path. */
bool limits_claimed(const struct limit *l);
/* Puts c into the queue of the shared limit `at` (or moves it, or only its moment). */
void limit_claim(struct limit_claim *c, struct limit *at, usec_t since);
void limit_unclaim(struct limit_claim *c);
/* The oldest claim on a shared limit that is not of pool `but` (NULL: of any): calls fn with it under the mutex, which
 * must only copy. false: there is none. */
bool limit_oldest(struct limit *at, const struct limit *but,
                  void (*fn)(const struct limit_claim *c, void *arg), void *arg);

/* Servers of a database on all nodes; of everything if it is NULL. */
int limits_servers(struct limits *l, const char *database);

#endif
