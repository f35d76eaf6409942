/* Who gets a server: checkout and release, the queue, logins, and what a failed login means for those that wait. */
#include <stdio.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "client.h"
#include "home.h"
#include "pool_private.h"
#include "server.h"
#include "session.h"
#include "worker.h"

enum { BEST_OF = 8 };

/* -- demand ------------------------------------------------------------------------------------------------------- */

static bool has_welcome_waiters(const struct pool *p)
{
    const struct pool_group *g = p->group;
    return g->welcome_at == p && !g->welcome && !list_empty(&g->welcome_waiters);
}

size_t pool_demand(const struct pool *p)
{
    return p->waiters.count + (has_welcome_waiters(p) ? 1 : 0);
}

static usec_t first_since(const struct list *l, usec_t now)
{
    struct list_node *n = list_first(l);
    return n ? LIST_ENTRY(n, struct client, wait)->waited_since : now;
}

usec_t pool_demand_since(const struct pool *p, usec_t now)
{
    const usec_t w = first_since(&p->waiters, now);
    const usec_t l = has_welcome_waiters(p) ? first_since(&p->group->welcome_waiters, now) : now;
    return w < l ? w : l;
}

struct poolpolicy_size pool_sizes(const struct pool *p)
{
    const struct pool_conf *c = &p->group->conf;
    return (struct poolpolicy_size){.size = (int)c->pool_size,
                                    .min = (int)c->min_pool_size,
                                    .reserve = (int)c->reserve_pool_size,
                                    .reserve_timeout = c->reserve_pool_timeout};
}

const char *pool_waits_for(const struct pool *p)
{
    if (p->group->paused)
        return "paused";
    if (p->full == p->limit)
        return "pool_size";
    if (p->full && p->full == p->limit->shared[LIMIT_USER])
        return "max_user_connections";
    if (p->full && p->full == p->limit->shared[LIMIT_DB])
        return "max_db_connections";
    if (p->full)
        return "node_headroom";
    return worker_now() < p->retry_at ? "server_login_retry" : "login";
}

/* -- logins ------------------------------------------------------------------------------------------------------- */

static bool wants(const struct pool *p, usec_t now)
{
    return !p->group->w->stopping && !p->group->paused && p->login.count < pool_demand(p) &&
           now >= p->retry_at;
}

void pool_grow(struct pool *p)
{
    const usec_t now = worker_now();
    const usec_t since = pool_demand_since(p, now);
    const struct poolpolicy_size size = pool_sizes(p);
    struct limit *full = NULL;
    while (wants(p, now)) {
        struct err e;
        full = limit_take(p->limit, poolpolicy_capacity(&size, now - since), since);
        if (full)
            break;
        if (!server_open(p, &e)) {
            limit_give(p->limit);
            pool_login_failed(p, &e);
            return;
        }
    }
    p->full = full;
    if (!full || full == p->limit) {
        limit_unclaim(&p->claim);
    } else {
        const bool fresh = p->claim.at != full;
        limit_claim(&p->claim, full, since);
        if (fresh)
            pool_make_room(p);
    }
    if (full && list_empty(&p->login))
        pool_ask_others(p);
}

void pool_kick(struct pool *p)
{
    if (pool_demand(p) > 0 || p->claim.at)
        pool_grow(p);
    pool_wake_claimants(p);
}

/* -- checkout ------------------------------------------------------------------------------------------------------ */

bool pool_keeps(const struct server *s, usec_t now)
{
    const struct poolpolicy_server life = {
        .now = now,
        .connected_at = s->connected_at,
        .lifetime = poolpolicy_lifetime(s->pool->group->conf.server_lifetime, s->jitter)};
    return !pool_close_needed(s) && !s->pool->group->paused && home_keeps(s) &&
           (s->home_of || !poolpolicy_life_over(&life));
}

bool pool_close_needed(const struct server *s)
{
    return s->close_after || s->connected_at < s->pool->group->reconnect_at;
}

/* The idle server that suits the session best: it has the session's own currval(), or the same settings; else the one used
 * last. Only a few are looked at. */
static struct server *best_idle(const struct pool *p, const struct client *c)
{
    struct server *best = NULL;
    int score = -1, left = BEST_OF;
    for (struct list_node *n = list_first(&p->idle); n && left-- > 0; n = list_next(&p->idle, n)) {
        struct server *s = LIST_ENTRY(n, struct server, node);
        const int now = 2 * session_owns(c, s) + (s->params == c->params);
        if (now > score) {
            best = s;
            score = now;
        }
        if (score == 3)
            break;
    }
    return best;
}

bool pool_checkout(struct pool *p, struct client *c)
{
    struct server *s;
    while ((s = p->n_homes ? home_choose(p, c) : best_idle(p, c)) != NULL) {
        if ((c->home == s ? server_current(s) : server_usable(s)) && s->in.n == 0 &&
            !pool_close_needed(s)) {
            server_link(s, c);
            return true;
        }
        server_close(s, "its node changed");
    }
    client_wait_in(c, &p->waiters);
    c->waits_at = p;
    pool_grow(p);
    return false;
}

/* More than the settings allow now: they were lowered. */
bool pool_too_many(const struct pool *p)
{
    const struct pool_conf *c = &p->group->conf;
    bool many = limit_servers(p->limit) > c->pool_size + c->reserve_pool_size;
    for (int i = 0; i < LIMIT_SHARED_NR; i++) {
        const struct limit *l = p->limit->shared[i];
        const int max = limit_max(l);
        many |= max > 0 && limit_servers(l) > max;
    }
    return many;
}

void pool_release(struct pool *p, struct server *s)
{
    BUG_ON(s->state != SERVER_CANCELING || s->client);
    if (!pool_keeps(s, worker_now()) || UNLIKELY(pool_too_many(p))) {
        server_close(s, "it is not to be used again");
        return;
    }
    if (UNLIKELY(limits_claimed(p->limit)) && pool_yields(p, s)) {
        server_close(s, "its place goes to another pool");
        return;
    }
    if (UNLIKELY(atomic_load_explicit(&p->limit->wanted, memory_order_relaxed) != 0) &&
        pool_offer_away(p, s))
        return;
    list_remove(&p->busy, &s->node);
    s->state = SERVER_IDLE;
    list_push_front(&p->idle, &s->node);
    if (list_empty(&p->waiters))
        return;
    struct client *c = home_first_waiter(p, s);
    if (!c)
        return;
    client_wait_end(c);
    if (list_empty(&p->waiters)) {
        pool_want_flag(p, false);
        limit_unclaim(&p->claim);
    }
    server_link(s, c);
    client_on_server(c, s);
}

/* -- failures ------------------------------------------------------------------------------------------------------ */

void pool_refuse_all(struct list *l, const struct err *e)
{
    struct list moved;
    list_init(&moved);
    while (!list_empty(l)) { /* whoever waits again from inside the call is not asked twice */
        struct client *c = LIST_ENTRY(list_first(l), struct client, wait);
        client_wait_end(c);
        list_push_back(&moved, &c->wait);
        c->waiting_in = &moved;
    }
    while (!list_empty(&moved)) {
        struct client *c = LIST_ENTRY(list_first(&moved), struct client, wait);
        client_wait_end(c);
        client_on_refused(c, e);
    }
}

bool pool_error_is_final(const struct err *e)
{
    return e->code == ERR_AUTH || strncmp(e->sqlstate, "28", 2) == 0 ||
           strncmp(e->sqlstate, "3D", 2) == 0 || strncmp(e->sqlstate, "42", 2) == 0 ||
           strncmp(e->sqlstate, "08P01", 5) == 0;
}

uint64_t pool_avoid_now(struct pool_group *g)
{
    const usec_t now = worker_now();
    for (int i = 0; i < TOPO_NODES_MAX; i++) {
        const struct pool *p = g->avoid >> i & 1 ? g->pools[i] : NULL;
        if (!p || now >= p->retry_at || !list_empty(&p->idle) || !list_empty(&p->busy))
            g->avoid &= ~(UINT64_C(1) << i);
    }
    return g->avoid;
}

void pool_back_off(struct pool *p)
{
    p->retry_at = worker_now() + p->group->conf.server_login_retry;
    if (p->node < TOPO_NODES_MAX)
        p->group->avoid |= UINT64_C(1) << p->node;
}

/* The node is full, although we thought otherwise: so many as there are now must do until it has told its limit. */
static void learn_budget(const struct pool *p)
{
    struct limit *node = p->limit->shared[LIMIT_NODE];
    const int n = limit_servers(node);
    if (limit_max(node) == 0)
        limit_set_max(node, n > 1 ? n : 1);
}

void pool_login_failed(struct pool *p, const struct err *e)
{
    const bool full = strcmp(e->sqlstate, "53300") == 0, final = pool_error_is_final(e);
    p->last_error = *e;
    pool_back_off(p);
    p->full = NULL;
    limit_unclaim(&p->claim);
    if (full)
        learn_budget(p);
    const struct topology *t = worker_topo(p->group->w, p->group->cluster);
    const bool writer = t && t->writer == p->node;
    /* A full node: those that wait get one of the servers that there are. */
    const bool serves = full && (!list_empty(&p->busy) || !list_empty(&p->idle));
    if (final && !p->group->welcome)
        pool_welcome_failed(p->group, e);
    if (final || !(writer || serves))
        pool_refuse_all(&p->waiters, e);
    else if (full && pool_demand(p) > 0)
        pool_ask_others(p);
}

void pool_reroute(struct pool *p)
{
    pool_refuse_all(&p->waiters, NULL);
}
