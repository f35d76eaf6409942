/* What the files of the pool share: pool.c (groups), pool_wait.c (who gets a server), pool_handover.c (between workers and
 * pools), pool_janitor.c (time). Worker's thread. */
#ifndef TANIST_PROXY_POOL_PRIVATE_H
#define TANIST_PROXY_POOL_PRIVATE_H

#include "core/poolpolicy.h"
#include "pool.h"

/* How many clients wait for a server of it, and since when the first of them does (now: nobody does). */
size_t pool_demand(const struct pool *p);
usec_t pool_demand_since(const struct pool *p, usec_t now);
struct poolpolicy_size pool_sizes(const struct pool *p);

/* Logs in as often as clients wait and limits allow; else stands in the queue of the limit, and asks around. */
void pool_grow(struct pool *p);
/* Everybody in the list chooses again (e NULL) or hears of the error. */
void pool_refuse_all(struct list *l, const struct err *e);
/* May it be used, or is it too old, of a node that changed, or not wanted any more? */
bool pool_keeps(const struct server *s, usec_t now);

/* More servers than the settings allow now: they were lowered. */
bool pool_too_many(const struct pool *p);

/* All tokens are taken, and not all by us: which other worker has an idle server of this pool? */
void pool_ask_others(struct pool *p);
/* That clients of this worker wait for a server of this pool. */
void pool_want_flag(struct pool *p, bool on);
/* Another worker starves for this pool: it gets the server, unless our own clients wait and it is not its turn. */
bool pool_offer_away(struct pool *p, struct server *s);
/* A shared limit is full: an idle server of another pool below it is closed, here or on another worker. */
void pool_make_room(struct pool *p);
/* A token came free: those that have waited longest for it are told. */
void pool_wake_claimants(struct pool *p);
/* Clients of another pool that have waited longer for a shared limit get the place of this server. */
bool pool_yields(struct pool *p, const struct server *s);

#endif
