#include "home.h"

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "cancel.h"
#include "client.h"
#include "pool.h"
#include "server.h"
#include "worker.h"

static void part(struct client *c, struct server *s)
{
    BUG_ON(c->home != s || s->home_of != c || s->pool->n_homes == 0);
    c->home = NULL;
    s->home_of = NULL;
    s->pool->n_homes--;
}

void home_client_gone(struct client *c)
{
    if (c->home)
        part(c, c->home);
    if (c->home_limit)
        atomic_fetch_sub_explicit(&c->home_limit->homes, 1, memory_order_relaxed);
    c->home_limit = NULL;
}

void home_server_gone(struct server *s)
{
    if (!s->home_of)
        return;
    log_debug("session.home.lost", "server %u is no longer the home of %s", s->pid,
              s->home_of->peer);
    part(s->home_of, s);
}

/* May the pool open another server now? */
static bool has_room(const struct pool *p)
{
    return limit_servers(p->limit) < p->group->conf.pool_size && worker_now() >= p->retry_at;
}

static struct server *nobodys(const struct pool *p)
{
    LIST_FOR_EACH (n, &p->idle) {
        struct server *s = LIST_ENTRY(n, struct server, node);
        if (!s->home_of)
            return s;
    }
    return NULL;
}

static bool all_taken(const struct pool *p)
{
    return atomic_load_explicit(&p->limit->homes, memory_order_relaxed) >= p->group->conf.pool_size;
}

/* It is being cleaned, or a cancel request for it ends: it comes in a moment. */
static bool returns(const struct server *s)
{
    return s && (s->state == SERVER_CLEANING || s->state == SERVER_CANCELING);
}

struct server *home_choose(struct pool *p, const struct client *c)
{
    if (c->home && c->home->pool == p && c->home->state == SERVER_IDLE)
        return c->home;
    if (c->home && c->home->pool == p && returns(c->home))
        return NULL;
    struct server *s = nobodys(p);
    if (s || c->homing || has_room(p))
        return s;
    LIST_FOR_EACH (n, &p->idle) { /* borrowed */
        s = LIST_ENTRY(n, struct server, node);
        if (server_usable(s))
            return s;
    }
    return NULL;
}

struct server *home_spare(const struct pool *p, bool for_home)
{
    if (list_empty(&p->idle))
        return NULL;
    struct server *last = LIST_ENTRY(list_last(&p->idle), struct server, node);
    if (!last->home_of)
        return last;
    struct server *s = nobodys(p);
    return s || for_home ? s : last;
}

bool home_wanted_only(const struct pool *p)
{
    if (list_empty(&p->waiters)) /* a welcome is wanted */
        return false;
    LIST_FOR_EACH (n, &p->waiters) {
        const struct client *c = LIST_ENTRY(n, struct client, wait);
        if (!c->homing && !(c->home && c->home->pool == p && returns(c->home)))
            return false;
    }
    return true;
}

struct client *home_first_waiter(const struct pool *p, const struct server *s)
{
    if (s->home_of && s->home_of->waiting_in == &p->waiters)
        return s->home_of;
    if (UNLIKELY(s->home_of && !server_usable(s)))
        return NULL;
    return LIST_ENTRY(list_first(&p->waiters), struct client, wait);
}

bool home_keeps(const struct server *s)
{
    return s->home_of ? server_current(s) : server_usable(s);
}

bool home_seek(struct client *c)
{
    const struct topology *t = worker_topo(c->w, c->group->cluster);
    if (LIKELY(c->group->conf.backend_pid != PID_SERVER) || c->home_sought)
        return true;
    c->home_sought = true;
    const bool may = t && t->writer >= 0 && !(c->group->forbidden >> t->writer & 1);
    struct pool *p = may ? pool_of(c->group, t->writer) : NULL;
    if (!p || all_taken(p) || worker_now() < p->retry_at)
        return true;
    c->homing = true;
    if (!pool_checkout(p, c))
        return false;
    home_found(c);
    return true;
}

void home_found(struct client *c)
{
    struct server *s = c->server;
    /* Numbers from KEY_PID_VIRTUAL on are those of sessions. */
    if (!s->home_of && s->pid > 0 && s->pid < KEY_PID_VIRTUAL) {
        c->home = s;
        s->home_of = c;
        s->pool->n_homes++;
        c->home_limit = s->limit;
        atomic_fetch_add_explicit(&s->limit->homes, 1, memory_order_relaxed);
        c->key_pid = s->pid;
    }
    server_unlink(s);
    c->homing = false;
}
