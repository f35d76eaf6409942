#include "pool.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "catalogs.h"
#include "client.h"
#include "server.h"
#include "wire/errresp.h"
#include "worker.h"

enum { GROUPS_MAX = 10000, PARAMS_SETS_MAX = 256, OFFER_EVERY = 8, BEST_OF = 8 };

/* -- groups ------------------------------------------------------------------------------------------------------- */

void params_unref(struct params_ref *r)
{
    if (r && atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) == 1)
        free(r);
}

void pool_group_configure(struct pool_group *g, const struct config *c)
{
    g->conf = *config_pool(c, g->database, g->user);
    g->rules = config_read_rules(c, g->database, g->user);
    g->lag.own = g->rules.own_lag;
    g->lag.max_lag = g->rules.max_lag;
    g->lag.max_lag_bytes = g->rules.max_lag_bytes;
    g->lag.resume_percent = g->rules.lag_resume;
    for (int i = 0; i < POOL_SLOTS; i++)
        if (g->pools[i])
            atomic_store_explicit(&g->pools[i]->limit->max, (int)g->conf.pool_size,
                                  memory_order_relaxed);
}

struct pool_group *pool_group_get(struct worker *w, const struct database_conf *db,
                                  const char *database, const char *user,
                                  enum relay_kind replication)
{
    char key[POOL_KEY_MAX];
    const int cluster = config_database_cluster(w->conf, db);
    const char *dbname = db->dbname[0] ? db->dbname : database;
    /* The separator cannot occur in a name that came as a C string. */
    snprintf(key, sizeof(key), "%s\x1f%s\x1f%s\x1f%d%s%s", database, user, dbname, cluster,
             replication ? "\x1f" : "", replication ? relay_kind_name(replication) : "");
    struct pool_group *g = NULL;
    HASH_FIND_STR(w->groups, key, g);
    if (g || HASH_COUNT(w->groups) >= GROUPS_MAX)
        return g;
    g = calloc(1, sizeof(*g));
    if (!g)
        return NULL;
    str_copy(g->key, sizeof(g->key), key);
    str_copy(g->database, sizeof(g->database), database);
    str_copy(g->dbname, sizeof(g->dbname), dbname);
    str_copy(g->user, sizeof(g->user), user);
    g->w = w;
    g->cluster = cluster;
    g->replication = replication;
    list_init(&g->welcome_waiters);
    list_init(&g->params);
    pool_group_configure(g, w->conf);
    HASH_ADD_STR(w->groups, key, g);
    if (!replication) /* nothing of it is looked at */
        catalogs_want(w, cluster, g->dbname);
    return g;
}

struct params_ref *pool_params(struct pool_group *g, const struct params *p)
{
    LIST_FOR_EACH (n, &g->params) {
        struct params_ref *r = LIST_ENTRY(n, struct params_ref, node);
        if (params_equal(&r->p, p) && memcmp(r->p.kv, p->kv, p->len) == 0)
            return params_take(r);
        if (atomic_load_explicit(&r->refs, memory_order_relaxed) == 1 &&
            g->params.count >= PARAMS_SETS_MAX) {
            list_remove(&g->params, n);
            params_unref(r);
        }
    }
    struct params_ref *r =
        calloc(1, offsetof(struct params_ref, p) + offsetof(struct params, kv) + p->len + 1);
    if (!r)
        return NULL;
    memcpy(&r->p, p, offsetof(struct params, kv) + p->len);
    atomic_init(&r->refs, 2);
    r->verified = p->n == 0;
    list_push_front(&g->params, &r->node);
    return r;
}

struct pool *pool_of(struct pool_group *g, int node)
{
    const struct topology *t = worker_topo(g->w, g->cluster);
    BUG_ON(!t || node < 0 || node >= t->n_nodes);
    struct pool *p = g->pools[node];
    if (p)
        return p;
    char key[POOL_KEY_MAX + TOPO_NAME_MAX];
    snprintf(key, sizeof(key), "%s\x1f%s", t->nodes[node].name, g->key);
    p = calloc(1, sizeof(*p));
    struct limit *l = p ? limits_get(g->w->proxy->limits, key, (int)g->conf.pool_size) : NULL;
    if (!l) {
        free(p);
        return NULL;
    }
    p->group = g;
    p->node = node;
    p->limit = l;
    str_copy(p->name, sizeof(p->name), t->nodes[node].name);
    list_init(&p->idle);
    list_init(&p->busy);
    list_init(&p->login);
    list_init(&p->waiters);
    g->pools[node] = p;
    return p;
}

static void close_all(struct list *l, const char *why)
{
    while (!list_empty(l)) {
        struct server *s = LIST_ENTRY(list_first(l), struct server, node);
        if (s->client)
            client_close(s->client, why);
        if (s->state != SERVER_CLOSED)
            server_close(s, why);
    }
}

void pool_groups_fini(struct worker *w)
{
    struct pool_group *g, *tmp;
    HASH_ITER(hh, w->groups, g, tmp)
    {
        HASH_DEL(w->groups, g);
        for (int i = 0; i < POOL_SLOTS; i++) {
            struct pool *p = g->pools[i];
            if (!p)
                continue;
            close_all(&p->login, "shutting down");
            close_all(&p->busy, "shutting down");
            close_all(&p->idle, "shutting down");
            free(p);
        }
        while (!list_empty(&g->params))
            params_unref(LIST_ENTRY(list_pop_front(&g->params), struct params_ref, node));
        catalog_unref(g->catalog);
        crypto_wipe(&g->creds, sizeof(g->creds));
        free(g);
    }
}

static bool pool_empty(const struct pool *p)
{
    return list_empty(&p->idle) && list_empty(&p->busy) && list_empty(&p->login) &&
           list_empty(&p->waiters) && p->asked == 0;
}

static void pool_discard(struct pool *p)
{
    close_all(&p->login, "its node is gone");
    close_all(&p->busy, "its node is gone");
    close_all(&p->idle, "its node is gone");
    free(p);
}

/* Pools of nodes that are gone stay behind the last node until they are empty: they have no current server. */
static void group_move(struct pool_group *g, const struct topology *t)
{
    struct pool *all[POOL_SLOTS];
    int parked = TOPO_NODES_MAX, n_left = 0;
    memcpy(all, g->pools, sizeof(all));
    memset(g->pools, 0, sizeof(g->pools));
    for (int i = 0; i < POOL_SLOTS; i++) {
        struct pool *p = all[i];
        if (!p)
            continue;
        const int at = topology_find(t, p->name);
        if (at < 0 && (pool_empty(p) || parked == POOL_SLOTS)) {
            all[n_left++] = p; /* n_left <= i */
            continue;
        }
        p->node = at >= 0 ? at : parked++;
        BUG_ON(g->pools[p->node]);
        g->pools[p->node] = p;
    }
    for (int i = 0; i < n_left; i++)
        pool_discard(all[i]);
}

void pool_groups_move(struct worker *w, int cluster, const struct topology *t)
{
    struct pool_group *g, *tmp;
    memset(w->in_flight[cluster], 0, sizeof(w->in_flight[cluster]));
    HASH_ITER(hh, w->groups, g, tmp)
    {
        if (g->cluster != cluster)
            continue;
        group_move(g, t);
        for (int i = 0; i < POOL_SLOTS; i++) {
            if (!g->pools[i])
                continue;
            LIST_FOR_EACH (n, &g->pools[i]->busy)
                w->in_flight[cluster][i] +=
                    LIST_ENTRY(n, struct server, node)->state == SERVER_LINKED;
        }
    }
}

/* -- handing over between workers ---------------------------------------------------------------------------------- */

/* A question, and its answer: a server that moves, or none. */
struct offer {
    struct loop_msg msg;
    struct worker *from; /* who asked */
    char key[POOL_KEY_MAX];
    char node[TOPO_NAME_MAX];
    struct server *server;
    bool answer_due; /* it was asked for */
    size_t welcome_len;
    uint8_t welcome[POOL_WELCOME_MAX];
};

static void grow(struct pool *p);

static struct pool *find_pool(struct worker *w, const char *key, const char *node)
{
    struct pool_group *g = NULL;
    HASH_FIND_STR(w->groups, key, g);
    for (int i = 0; g && i < POOL_SLOTS; i++)
        if (g->pools[i] && strcmp(g->pools[i]->name, node) == 0)
            return g->pools[i];
    return NULL;
}

static void on_answer(struct loop_msg *m, struct loop *on)
{
    struct offer *o = CONTAINER_OF(m, struct offer, msg);
    struct worker *w = on->data;
    struct pool *p = find_pool(w, o->key, o->node);
    if (!p) { /* shutting down: the groups are gone */
        if (o->server)
            server_destroy(o->server);
        free(o);
        return;
    }
    if (o->answer_due)
        p->asked--;
    if (o->server) {
        struct err e;
        if (server_attach(o->server, p, &e) < 0) {
            server_close(o->server, "could not be handed over");
        } else {
            list_remove(&p->idle, &o->server->node);
            o->server->state = SERVER_CANCELING;
            list_push_front(&p->busy, &o->server->node);
            /* Clients that waited for the welcome go on at once, and must not find the server idle. */
            if (!p->group->welcome_ready)
                pool_welcome_learned(p->group, o->welcome, o->welcome_len);
            pool_release(p, o->server);
        }
    } else if (!o->answer_due && !list_empty(&p->waiters)) {
        grow(p); /* a token came free elsewhere */
    }
    free(o);
}

static void give(struct offer *o, struct pool *p, struct server *s)
{
    struct worker *to = o->from;
    o->msg.run = on_answer;
    o->server = s;
    if (s) {
        o->welcome_len = p->group->welcome_len;
        memcpy(o->welcome, p->group->welcome, p->group->welcome_len);
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
    if (p && !list_empty(&p->idle) && list_empty(&p->waiters))
        s = LIST_ENTRY(list_last(&p->idle), struct server, node);
    if (s && (!server_current(s) || s->in.n > 0 || stream_kept(&s->st) > 0))
        s = NULL;
    give(o, p, s);
}

static struct offer *offer_new(struct pool *p, struct worker *from)
{
    struct offer *o = calloc(1, sizeof(*o));
    if (!o)
        return NULL;
    o->from = from;
    str_copy(o->node, sizeof(o->node), p->name);
    str_copy(o->key, sizeof(o->key), p->group->key);
    return o;
}

static void want_flag(struct pool *p, bool on)
{
    const uint64_t bit = UINT64_C(1) << p->group->w->id;
    const uint64_t now = atomic_load_explicit(&p->limit->wanted, memory_order_relaxed);
    if (on && !(now & bit))
        atomic_fetch_or_explicit(&p->limit->wanted, bit, memory_order_relaxed);
    else if (!on && (now & bit))
        atomic_fetch_and_explicit(&p->limit->wanted, ~bit, memory_order_relaxed);
}

/* All tokens are taken, and not all by us: who has an idle server? */
static void ask_others(struct pool *p)
{
    struct worker *w = p->group->w;
    want_flag(p, true);
    if (p->asked > 0)
        return;
    for (int i = 0; i < w->proxy->n_workers; i++) {
        struct worker *other = w->proxy->workers[i];
        struct offer *o = other == w ? NULL : offer_new(p, w);
        if (!o)
            continue;
        o->answer_due = true;
        o->msg.run = on_question;
        if (loop_post(&other->loop, &o->msg))
            p->asked++;
        else
            free(o);
    }
}

/* Another worker starves for this pool: it gets the server, unless our own clients wait and it is not its turn. */
static bool offer_away(struct pool *p, struct server *s)
{
    const uint64_t wanted = atomic_load_explicit(&p->limit->wanted, memory_order_relaxed) &
                            ~(UINT64_C(1) << p->group->w->id);
    if (wanted == 0 || (!list_empty(&p->waiters) && ++p->grants % OFFER_EVERY != 0))
        return false;
    const int to = __builtin_ctzll(wanted);
    struct offer *o =
        to < p->group->w->proxy->n_workers ? offer_new(p, p->group->w->proxy->workers[to]) : NULL;
    if (!o)
        return false;
    atomic_fetch_and_explicit(&p->limit->wanted, ~(UINT64_C(1) << to), memory_order_relaxed);
    list_remove(&p->busy, &s->node);
    s->state = SERVER_IDLE;
    list_push_front(&p->idle, &s->node);
    give(o, p, s);
    return true;
}

/* -- checkout ------------------------------------------------------------------------------------------------------ */

static void grow(struct pool *p)
{
    struct worker *w = p->group->w;
    struct err e;
    while (!w->stopping && p->login.count < p->waiters.count && worker_now() >= p->retry_at) {
        if (!limit_take(p->limit)) {
            if (list_empty(&p->login))
                ask_others(p);
            return;
        }
        if (!server_open(p, &e)) {
            limit_give(p->limit);
            pool_login_failed(p, &e);
            return;
        }
    }
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
    while (!list_empty(&p->idle)) {
        struct server *s = best_idle(p, c);
        if (server_usable(s) && s->in.n == 0) {
            server_link(s, c);
            return true;
        }
        server_close(s, "its node changed");
    }
    client_wait_in(c, &p->waiters);
    grow(p);
    return false;
}

void pool_release(struct pool *p, struct server *s)
{
    BUG_ON(s->state != SERVER_CANCELING || s->client);
    const usec_t life = p->group->conf.server_lifetime;
    if (s->close_after || !server_usable(s) || (life && worker_now() - s->connected_at > life)) {
        server_close(s, "it is not to be used again");
        return;
    }
    if (UNLIKELY(atomic_load_explicit(&p->limit->wanted, memory_order_relaxed) != 0) &&
        offer_away(p, s))
        return;
    list_remove(&p->busy, &s->node);
    s->state = SERVER_IDLE;
    list_push_front(&p->idle, &s->node);
    if (list_empty(&p->waiters))
        return;
    struct client *c = LIST_ENTRY(list_first(&p->waiters), struct client, wait);
    client_wait_end(c);
    if (list_empty(&p->waiters))
        want_flag(p, false);
    server_link(s, c);
    client_on_server(c, s);
}

void pool_kick(struct pool *p)
{
    if (!list_empty(&p->waiters))
        grow(p);
    else if (UNLIKELY(atomic_load_explicit(&p->limit->wanted, memory_order_relaxed) != 0)) {
        /* A token came free that another worker's clients wait for: wake it. */
        const uint64_t wanted = atomic_load_explicit(&p->limit->wanted, memory_order_relaxed);
        const int to = __builtin_ctzll(wanted);
        if (to != p->group->w->id && to < p->group->w->proxy->n_workers) {
            struct offer *o = offer_new(p, p->group->w->proxy->workers[to]);
            if (o)
                give(o, p, NULL);
        }
    }
}

static void refuse_all(struct list *l, const struct err *e)
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

/* Errors that will not go away by trying again: they are about this user or database. */
static bool is_final(const struct err *e)
{
    return e->code == ERR_AUTH || strncmp(e->sqlstate, "28", 2) == 0 ||
           strncmp(e->sqlstate, "3D", 2) == 0 || strncmp(e->sqlstate, "42", 2) == 0 ||
           strncmp(e->sqlstate, "08P01", 5) == 0;
}

void pool_login_failed(struct pool *p, const struct err *e)
{
    p->last_error = *e;
    p->retry_at = worker_now() + POOL_BACKOFF * USEC_PER_MS;
    const struct topology *t = worker_topo(p->group->w, p->group->cluster);
    const bool writer = t && t->writer == p->node;
    if (is_final(e) && !p->group->welcome_ready)
        pool_welcome_failed(p->group, e);
    if (is_final(e) || !writer)
        refuse_all(&p->waiters, e);
}

void pool_reroute(struct pool *p)
{
    refuse_all(&p->waiters, NULL);
}

/* -- welcome ------------------------------------------------------------------------------------------------------- */

struct pool *pool_of_any(struct pool_group *g)
{
    const struct topology *t = worker_topo(g->w, g->cluster);
    int node = t ? t->writer : TOPO_NO_WRITER;
    for (int i = 0; t && i < t->n_nodes && node < 0; i++)
        if (t->nodes[i].unreadable == READ_OK)
            node = i;
    return node >= 0 ? pool_of(g, node) : NULL;
}

void pool_want_welcome(struct pool_group *g)
{
    if (!worker_topo(g->w, g->cluster) || list_empty(&g->welcome_waiters))
        return;
    if (g->welcome_ready) { /* they wait for a node to try their parameters on */
        refuse_all(&g->welcome_waiters, NULL);
        return;
    }
    struct pool *p = pool_of_any(g);
    if (!p || !list_empty(&p->login) || worker_now() < p->retry_at)
        return;
    struct err e;
    if (!limit_take(p->limit)) {
        ask_others(p);
    } else if (!server_open(p, &e)) {
        limit_give(p->limit);
        pool_login_failed(p, &e);
    }
}

void pool_welcome_learned(struct pool_group *g, const uint8_t *p, size_t n)
{
    g->welcome_len = (uint16_t)n;
    if (n)
        memcpy(g->welcome, p, n);
    g->welcome_ready = true;
    while (!list_empty(&g->welcome_waiters)) {
        struct client *c = LIST_ENTRY(list_first(&g->welcome_waiters), struct client, wait);
        client_wait_end(c);
        client_login_welcome(c);
    }
}

void pool_welcome_failed(struct pool_group *g, const struct err *e)
{
    while (!list_empty(&g->welcome_waiters)) {
        struct client *c = LIST_ENTRY(list_first(&g->welcome_waiters), struct client, wait);
        client_wait_end(c);
        client_on_refused(c, e);
    }
}

/* -- janitor ------------------------------------------------------------------------------------------------------- */

static void expire_waiters(struct pool *p, usec_t now)
{
    const usec_t limit = p->group->conf.query_wait_timeout;
    while (limit > 0 && !list_empty(&p->waiters)) {
        struct client *c = LIST_ENTRY(list_first(&p->waiters), struct client, wait);
        if (now - c->wait_since < limit)
            break;
        client_wait_end(c);
        char text[160];
        snprintf(text, sizeof(text),
                 "no server connection to node %s became free in time (query_wait_timeout)",
                 p->name);
        client_error(c, ERRRESP_TOO_MANY_CONNECTIONS, text,
                     "Raise pool_size, or end transactions sooner.");
    }
}

static bool idle_is_over(const struct server *s, usec_t now)
{
    const usec_t idle = s->pool->group->conf.server_idle_timeout,
                 life = s->pool->group->conf.server_lifetime;
    return (idle && now - s->last_used > idle) || (life && now - s->connected_at > life) ||
           !server_usable(s);
}

static bool login_is_over(const struct server *s, usec_t now)
{
    return s->deadline && now > s->deadline;
}

static bool cleaning_is_over(const struct server *s, usec_t now)
{
    return s->state == SERVER_CLEANING && s->deadline && now > s->deadline;
}

struct server *pool_find(const struct list *l, server_test test, usec_t now)
{
    for (struct list_node *n = list_first(l); n; n = list_next(l, n)) {
        struct server *s = LIST_ENTRY(n, struct server, node);
        if (test(s, now))
            return s;
    }
    return NULL;
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
    while ((s = pool_find(&p->busy, cleaning_is_over, now)) != NULL)
        server_close(s, "could not be cleaned in time");
}

void pool_groups_tick(struct worker *w, usec_t now)
{
    struct pool_group *g, *tmp;
    HASH_ITER(hh, w->groups, g, tmp)
    {
        pool_want_welcome(g);
        for (int i = 0; i < POOL_SLOTS; i++) {
            struct pool *p = g->pools[i];
            if (!p)
                continue;
            expire_servers(p, now);
            expire_waiters(p, now);
            pool_kick(p);
        }
    }
}
