/* Time, for pools: servers past their age, logins and cleanings that take too long, pools that are kept warm, and a second
 * look at everybody who waits. From the worker's janitor, every tick; the work is bounded by the number of pools and of
 * servers that are closed. */
#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "cancel.h"
#include "client.h"
#include "pool_private.h"
#include "server.h"
#include "worker.h"

enum { ROOMS_MAX = 16 /* searches for room in a tick */ };

struct server *pool_find(const struct list *l, server_test test, usec_t now)
{
    for (struct list_node *n = list_first(l); n; n = list_next(l, n)) {
        struct server *s = LIST_ENTRY(n, struct server, node);
        if (test(s, now))
            return s;
    }
    return NULL;
}

static bool idle_is_over(const struct server *s, usec_t now)
{
    const struct pool *p = s->pool;
    const struct pool_conf *c = &p->group->conf;
    const struct poolpolicy_size size = pool_sizes(p);
    const struct poolpolicy_server v = {.now = now,
                                        .connected_at = s->connected_at,
                                        .last_used = s->last_used,
                                        .lifetime =
                                            poolpolicy_lifetime(c->server_lifetime, s->jitter),
                                        .idle_timeout = c->server_idle_timeout,
                                        .servers = limit_servers(p->limit),
                                        .warm = poolpolicy_warm(&size)};
    if (s->home_of) /* as long as the session, like a backend without tanist */
        return !pool_keeps(s, now);
    return !pool_keeps(s, now) || poolpolicy_idle_over(&v) || pool_too_many(p);
}

static bool login_is_over(const struct server *s, usec_t now)
{
    return s->deadline && now > s->deadline;
}

static bool cleaning_is_over(const struct server *s, usec_t now)
{
    return s->state == SERVER_CLEANING && s->deadline && now > s->deadline;
}

static bool cancel_is_due(const struct server *s, usec_t now)
{
    return s->state == SERVER_CLEANING && s->cancel_at && now > s->cancel_at;
}

static bool any(const struct server *s, usec_t now)
{
    (void)s;
    (void)now;
    return true;
}

/* Each close may change the lists in any way (waiters are served, others are closed), so the search begins anew. */
static void expire_servers(struct pool *p, usec_t now)
{
    struct server *s;
    while ((s = pool_find(&p->idle, idle_is_over, now)) != NULL)
        server_close(s, "idle or old");
    while ((s = pool_find(&p->login, login_is_over, now)) != NULL) {
        struct err e;
        err_set(&e, ERR_TIMEOUT, "login to node %s took longer than server_connect_timeout",
                p->name);
        server_login_fail(s, &e);
    }
    while ((s = pool_find(&p->busy, cancel_is_due, now)) != NULL) {
        s->cancel_at = 0;
        if (s->cancels == 0)
            cancel_server(s);
    }
    while ((s = pool_find(&p->busy, cleaning_is_over, now)) != NULL)
        server_close(s, "could not be cleaned in time");
}

/* One more, if the pool has fewer than it shall keep. Whoever waits for a shared limit comes first. */
static void keep_warm(struct pool *p, usec_t now)
{
    const struct poolpolicy_size size = pool_sizes(p);
    const int warm = poolpolicy_warm(&size);
    struct err e;
    if (warm == 0 || limit_servers(p->limit) >= warm || !list_empty(&p->login) ||
        now < p->retry_at || p->group->paused || limits_claimed(p->limit) ||
        limit_take(p->limit, warm, now) != NULL)
        return;
    if (!server_open(p, &e)) {
        limit_give(p->limit);
        pool_login_failed(p, &e);
    }
}

/* Nodes that clients of the group may use: the writer; replicas too if reads go there. */
static void keep_group_warm(struct pool_group *g, usec_t now)
{
    const struct topology *t = worker_topo(g->w, g->cluster);
    const struct routing_conf *r = &g->w->conf->routing;
    const bool reads = r->read_write_split && g->rules.level != CONSISTENCY_PRIMARY &&
                       g->conf.pool_mode != POOL_SESSION;
    if (!t || g->n_clients == 0 || g->replication || g->conf.min_pool_size == 0 || !g->welcome)
        return;
    for (int i = 0; i < t->n_nodes; i++) {
        if ((g->forbidden >> i & 1) ||
            (i != t->writer && !(reads && t->nodes[i].unreadable == READ_OK)))
            continue;
        struct pool *p = pool_of(g, i);
        if (p)
            keep_warm(p, now);
    }
}

void pool_group_gate(struct pool_group *g)
{
    for (int i = 0; i < POOL_SLOTS; i++) {
        struct pool *p = g->pools[i];
        struct server *s;
        while (p && g->paused && (s = pool_find(&p->idle, any, 0)) != NULL)
            server_close(s, "its database is paused");
        if (p && !g->paused)
            pool_kick(p);
    }
    if (!g->paused)
        pool_want_welcome(g);
}

static bool is_older(const struct server *s, usec_t now)
{
    (void)now;
    return pool_close_needed(s);
}

void pool_group_reconnect(struct pool_group *g, usec_t before)
{
    g->reconnect_at = before;
    for (int i = 0; i < POOL_SLOTS; i++) {
        struct pool *p = g->pools[i];
        struct server *s;
        while (p && (s = pool_find(&p->idle, is_older, 0)) != NULL)
            server_close(s, "RECONNECT");
    }
}

void pool_groups_tick(struct worker *w, usec_t now)
{
    struct pool_group *g, *tmp;
    int rooms = 0;
    HASH_ITER(hh, w->groups, g, tmp)
    {
        pool_want_welcome(g);
        keep_group_warm(g, now);
    }
    LIST_FOR_EACH (n, &w->pools) {
        struct pool *p = LIST_ENTRY(n, struct pool, all);
        expire_servers(p, now);
        pool_kick(p);
        if (p->claim.at && rooms++ < ROOMS_MAX)
            pool_make_room(p);
    }
}
