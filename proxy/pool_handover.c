/* Servers, and places for servers, that go to where clients have waited longest: an idle server moves to another worker
 * that starves for the same pool; below a shared limit a pool closes a server so that another pool can log in. */
#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "client.h"
#include "home.h"
#include "pool_private.h"
#include "server.h"
#include "worker.h"

enum { OFFER_EVERY = 8 };

/* A question, and its answer: a server that moves, or none; or only the news that a token is free. */
struct offer {
    struct loop_msg msg;
    struct worker *from; /* who asked */
    char key[POOL_KEY_MAX];
    char node[TOPO_NAME_MAX];
    struct server *server;
    bool answer_due;            /* it was asked for */
    bool for_home;              /* only one that is nobody's home (home.h) */
    struct params_ref *welcome; /* of its group */
};

static struct pool *find_pool(struct worker *w, const char *key, const char *node)
{
    struct pool_group *g = NULL;
    HASH_FIND_STR(w->groups, key, g);
    for (int i = 0; g && i < POOL_SLOTS; i++)
        if (g->pools[i] && strcmp(g->pools[i]->name, node) == 0)
            return g->pools[i];
    return NULL;
}

/* -- the same pool on another worker -------------------------------------------------------------------------------- */

static void on_server(struct offer *o, struct pool *p)
{
    struct err e;
    if (server_attach(o->server, p, &e) < 0) {
        server_close(o->server, "could not be handed over");
        return;
    }
    list_remove(&p->idle, &o->server->node);
    o->server->state = SERVER_CANCELING;
    list_push_front(&p->busy, &o->server->node);
    /* Clients that waited for the welcome go on at once, and must not find the server idle. */
    if (!p->group->welcome)
        pool_welcome_learned(p->group, o->welcome);
    if (o->server->state == SERVER_CANCELING)
        pool_release(p, o->server);
}

static void on_answer(struct loop_msg *m, struct loop *on)
{
    struct offer *o = CONTAINER_OF(m, struct offer, msg);
    struct worker *w = on->data;
    struct pool *p = find_pool(w, o->key, o->node);
    if (!p) { /* shutting down: the groups are gone */
        if (o->server)
            server_destroy(o->server);
        params_unref(o->welcome);
        free(o);
        return;
    }
    if (o->answer_due)
        p->asked--;
    if (o->server)
        on_server(o, p);
    else if (!o->answer_due)
        pool_kick(p); /* a token came free elsewhere */
    params_unref(o->welcome);
    free(o);
}

static void give(struct offer *o, struct pool *p, struct server *s)
{
    struct worker *to = o->from;
    o->msg.run = on_answer;
    o->server = s;
    if (s) {
        o->welcome = params_take(p->group->welcome);
        server_detach(s);
    }
    if (!loop_post(&to->loop, &o->msg))
        BUG("the queue of a worker is full of servers");
}

static void on_question(struct loop_msg *m, struct loop *on)
{
    struct offer *o = CONTAINER_OF(m, struct offer, msg);
    struct worker *w = on->data;
    struct pool *p = find_pool(w, o->key, o->node);
    struct server *s = NULL;
    if (w->stopping) {
        free(o);
        return;
    }
    if (p && list_empty(&p->waiters))
        s = home_spare(p, o->for_home);
    if (s && (!pool_keeps(s, worker_now()) || s->in.n > 0 || stream_kept(&s->st) > 0))
        s = NULL;
    give(o, p, s);
}

static struct offer *offer_new(const char *key, const char *node, struct worker *from)
{
    struct offer *o = calloc(1, sizeof(*o));
    if (!o)
        return NULL;
    o->from = from;
    str_copy(o->node, sizeof(o->node), node);
    str_copy(o->key, sizeof(o->key), key);
    return o;
}

void pool_want_flag(struct pool *p, bool on)
{
    const uint64_t bit = UINT64_C(1) << p->group->w->id;
    const uint64_t now = atomic_load_explicit(&p->limit->wanted, memory_order_relaxed);
    if (on && !(now & bit))
        atomic_fetch_or_explicit(&p->limit->wanted, bit, memory_order_relaxed);
    else if (!on && (now & bit))
        atomic_fetch_and_explicit(&p->limit->wanted, ~bit, memory_order_relaxed);
}

void pool_ask_others(struct pool *p)
{
    struct worker *w = p->group->w;
    const bool for_home = home_wanted_only(p); /* then nobody gives up a home: it is only asked */
    if (!for_home)
        pool_want_flag(p, true);
    if (p->asked > 0)
        return;
    for (int i = 0; i < w->proxy->n_workers; i++) {
        struct worker *other = w->proxy->workers[i];
        struct offer *o = other == w ? NULL : offer_new(p->group->key, p->name, w);
        if (!o)
            continue;
        o->answer_due = true;
        o->for_home = for_home;
        o->msg.run = on_question;
        if (loop_post(&other->loop, &o->msg))
            p->asked++;
        else
            free(o);
    }
}

bool pool_offer_away(struct pool *p, struct server *s)
{
    const uint64_t wanted = atomic_load_explicit(&p->limit->wanted, memory_order_relaxed) &
                            ~(UINT64_C(1) << p->group->w->id);
    if (wanted == 0 || (!list_empty(&p->waiters) && ++p->grants % OFFER_EVERY != 0))
        return false;
    const int to = __builtin_ctzll(wanted);
    struct offer *o = to < p->group->w->proxy->n_workers
                          ? offer_new(p->group->key, p->name, p->group->w->proxy->workers[to])
                          : NULL;
    if (!o)
        return false;
    atomic_fetch_and_explicit(&p->limit->wanted, ~(UINT64_C(1) << to), memory_order_relaxed);
    list_remove(&p->busy, &s->node);
    s->state = SERVER_IDLE;
    list_push_front(&p->idle, &s->node);
    give(o, p, s);
    return true;
}

/* -- other pools below a shared limit ------------------------------------------------------------------------------- */

static bool shares(const struct pool *p, const struct limit *at)
{
    for (int i = 0; i < LIMIT_SHARED_NR; i++)
        if (p->limit->shared[i] == at)
            return true;
    return false;
}

/* Closes the idle server that was unused for longest, of all pools below the limit that can spare one for this pool. */
static bool evict_here(struct worker *w, const struct limit *at, const struct limit *of)
{
    const usec_t now = worker_now();
    struct poolpolicy_idle two[2] = {{.usable = false}};
    struct server *best = NULL;
    LIST_FOR_EACH (n, &w->pools) {
        const struct pool *p = LIST_ENTRY(n, struct pool, all);
        if (p->limit == of || pool_demand(p) > 0 || !shares(p, at))
            continue;
        struct list_node *last = list_last(&p->idle);
        struct server *s = last ? LIST_ENTRY(last, struct server, node) : NULL;
        if (!s)
            continue;
        const struct poolpolicy_claim c = {.mine = limit_servers(p->limit),
                                           .theirs = limit_servers(of),
                                           .held_for = now - s->connected_at,
                                           .idle_for = now - s->last_used};
        two[1] =
            (struct poolpolicy_idle){.usable = poolpolicy_yields(&c), .last_used = s->last_used};
        if (poolpolicy_evict(two, 2) == 1) {
            two[0] = two[1];
            best = s;
        }
    }
    if (best)
        server_close(best, "idle, and its place is needed by another pool");
    return best != NULL;
}

/* Goes round the workers until one has closed a server, and back. */
struct eviction {
    struct loop_msg msg;
    struct worker *from;
    struct limit *at;
    const struct limit *of; /* the pool that needs room */
    int hops;
    char key[POOL_KEY_MAX];
    char node[TOPO_NAME_MAX];
};

static void on_eviction(struct loop_msg *m, struct loop *on)
{
    struct eviction *v = CONTAINER_OF(m, struct eviction, msg);
    struct worker *w = on->data;
    struct proxy *x = w->proxy;
    if (w == v->from) {
        struct pool *p = find_pool(w, v->key, v->node);
        if (p)
            p->evicting = false;
        free(v);
        return;
    }
    const bool done = w->stopping || evict_here(w, v->at, v->of);
    v->hops++;
    struct worker *next =
        done || v->hops >= x->n_workers ? v->from : x->workers[(w->id + 1) % x->n_workers];
    if (!loop_post(&next->loop, &v->msg))
        BUG("the queue of a worker is full of questions");
}

void pool_make_room(struct pool *p)
{
    struct worker *w = p->group->w;
    struct proxy *x = w->proxy;
    struct limit *at = p->claim.at;
    if (!at || p->evicting)
        return;
    p->evicting = true; /* closing one kicks pools */
    const bool done = evict_here(w, at, p->limit);
    p->evicting = false;
    if (done || x->n_workers == 1)
        return;
    struct eviction *v = calloc(1, sizeof(*v));
    if (!v)
        return;
    *v = (struct eviction){.from = w, .at = at, .of = p->limit, .hops = 1};
    v->msg.run = on_eviction;
    str_copy(v->key, sizeof(v->key), p->group->key);
    str_copy(v->node, sizeof(v->node), p->name);
    p->evicting = loop_post(&x->workers[(w->id + 1) % x->n_workers]->loop, &v->msg);
    if (!p->evicting)
        free(v);
}

static bool has_room(const struct limit *at)
{
    const int max = limit_max(at);
    return max == 0 || limit_servers(at) < max;
}

static void copy_claimant(const struct limit_claim *c, void *arg)
{
    const struct pool *p =
        c->owner; /* its names do not change; it is not freed while it has a claim */
    struct offer *o = arg;
    o->from = p->group->w;
    str_copy(o->node, sizeof(o->node), p->name);
    str_copy(o->key, sizeof(o->key), p->group->key);
}

void pool_wake_claimants(struct pool *p)
{
    for (int i = 0; limits_claimed(p->limit) && i < LIMIT_SHARED_NR; i++) {
        if (!has_room(p->limit->shared[i]))
            continue;
        struct offer *o = offer_new("", "", p->group->w);
        if (o && limit_oldest(p->limit->shared[i], p->limit, copy_claimant, o))
            give(o, p, NULL);
        else
            free(o);
    }
    /* Another worker's clients of the same pool may wait for the token, too. */
    const uint64_t wanted = atomic_load_explicit(&p->limit->wanted, memory_order_relaxed);
    const int to = wanted ? __builtin_ctzll(wanted) : -1;
    if (pool_demand(p) > 0 || to < 0 || to == p->group->w->id ||
        to >= p->group->w->proxy->n_workers)
        return;
    struct offer *o = offer_new(p->group->key, p->name, p->group->w->proxy->workers[to]);
    if (o)
        give(o, p, NULL);
}

struct rival {
    const struct pool *mine;
    usec_t since;
    int servers;
};

static void copy_rival(const struct limit_claim *c, void *arg)
{
    struct rival *r = arg;
    r->since = c->since;
    r->servers = limit_servers(c->pool);
}

bool pool_yields(struct pool *p, const struct server *s)
{
    const usec_t now = worker_now();
    for (int i = 0; i < LIMIT_SHARED_NR; i++) {
        struct limit *at = p->limit->shared[i];
        struct rival r = {.mine = p};
        if (has_room(at) || !limit_oldest(at, p->limit, copy_rival, &r))
            continue;
        const struct poolpolicy_claim c = {.mine = limit_servers(p->limit),
                                           .theirs = r.servers,
                                           .waiting = pool_demand(p) > 0,
                                           .my_since = pool_demand_since(p, now),
                                           .their_since = r.since,
                                           .held_for = now - s->connected_at};
        if (poolpolicy_yields(&c))
            return true;
    }
    return false;
}
