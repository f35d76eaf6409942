/* Groups and their pools: made, configured, moved when nodes change their places, ended; and the welcome of a group. */
#include "pool.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "catalogs.h"
#include "client.h"
#include "pool_private.h"
#include "server.h"
#include "worker.h"

enum { GROUPS_MAX = 10000, PARAMS_SETS_MAX = 256 };

/* -- groups ------------------------------------------------------------------------------------------------------- */

void params_unref(struct params_ref *r)
{
    while (r && atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) == 1) {
        struct params_ref *told = r->told;
        free(r);
        r = told;
    }
}

/* The shared limits above a pool, as the settings and the node say now. */
static void set_limits(struct pool *p, const struct config *c)
{
    const struct pool_group *g = p->group;
    const struct topology *t = worker_topo(g->w, g->cluster);
    limit_set_max(p->limit->shared[LIMIT_USER], config_max_user_connections(c, g->user));
    limit_set_max(p->limit->shared[LIMIT_DB], config_max_db_connections(c, g->database));
    if (t && p->node < t->n_nodes && t->nodes[p->node].connections_max > 0)
        limit_set_max(p->limit->shared[LIMIT_NODE],
                      poolpolicy_node_budget(t->nodes[p->node].connections_max,
                                             (int)c->tanist.node_headroom));
}

void pool_group_configure(struct pool_group *g, const struct config *c)
{
    g->conf = *config_pool(c, g->database, g->user);
    g->rules = config_read_rules(c, g->database, g->user);
    g->lag.own = g->rules.own_lag;
    g->lag.max_lag = g->rules.max_lag;
    g->lag.max_lag_bytes = g->rules.max_lag_bytes;
    g->lag.resume_percent = g->rules.lag_resume;
    spread_group(g);
    for (int i = 0; i < POOL_SLOTS; i++)
        if (g->pools[i])
            set_limits(g->pools[i], c);
}

void pool_set_budgets(struct worker *w)
{
    LIST_FOR_EACH (n, &w->pools)
        set_limits(LIST_ENTRY(n, struct pool, all), w->conf);
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
    control_apply(&w->control, g);
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
    const char *isolation = params_get(p, "default_transaction_isolation");
    const char *access = params_get(p, "default_transaction_read_only");
    r->serializable = isolation && slice_ieq(slice_of(isolation), "serializable");
    r->repeatable = isolation && slice_ieq(slice_of(isolation), "repeatable read");
    r->committed = isolation && !r->serializable && !r->repeatable;
    r->read_only = access && slice_ieq(slice_of(access), "on");
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
    p = calloc(1, sizeof(*p));
    struct limit *l =
        p ? limits_get(g->w->proxy->limits, &(struct limit_key){.node = t->nodes[node].name,
                                                                .database = g->database,
                                                                .user = g->user,
                                                                .group = g->key})
          : NULL;
    if (!l) {
        free(p);
        return NULL;
    }
    p->group = g;
    p->node = node;
    p->limit = l;
    p->claim = (struct limit_claim){.pool = l, .owner = p};
    str_copy(p->name, sizeof(p->name), t->nodes[node].name);
    list_init(&p->idle);
    list_init(&p->busy);
    list_init(&p->login);
    list_init(&p->waiters);
    list_push_back(&g->w->pools, &p->all);
    g->pools[node] = p;
    set_limits(p, g->w->conf);
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

static void pool_discard(struct pool *p, const char *why)
{
    close_all(&p->login, why);
    close_all(&p->busy, why);
    close_all(&p->idle, why);
    limit_unclaim(&p->claim);
    if (p->group->welcome_at == p)
        p->group->welcome_at = NULL;
    list_remove(&p->group->w->pools, &p->all);
    free(p);
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
            pool_discard(p, "shutting down");
        }
        while (!list_empty(&g->params))
            params_unref(LIST_ENTRY(list_pop_front(&g->params), struct params_ref, node));
        params_unref(g->welcome);
        catalog_unref(g->catalog);
        crypto_wipe(&g->creds, sizeof(g->creds));
        free(g);
    }
}

static bool pool_empty(const struct pool *p)
{
    return list_empty(&p->idle) && list_empty(&p->busy) && list_empty(&p->login) &&
           list_empty(&p->waiters) && p->asked == 0 && !p->evicting;
}

/* Pools of nodes that are gone stay behind the last node until they are empty: they have no current server. */
static void group_move(struct pool_group *g, const struct topology *t)
{
    struct pool *all[POOL_SLOTS];
    int parked = TOPO_NODES_MAX, n_left = 0;
    memcpy(all, g->pools, sizeof(all));
    memset(g->pools, 0, sizeof(g->pools));
    g->avoid = 0; /* by index: it is learned again */
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
        pool_discard(all[i], "its node is gone");
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

/* -- welcome ------------------------------------------------------------------------------------------------------- */

struct pool *pool_of_any(struct pool_group *g)
{
    const struct topology *t = worker_topo(g->w, g->cluster);
    const uint64_t avoid = pool_avoid(g);
    int node = t ? t->writer : TOPO_NO_WRITER;
    if (node >= 0 && (g->forbidden >> node & 1))
        node = TOPO_NO_WRITER;
    for (int pass = 0; t && pass < 2; pass++) /* then those that take no logins now */
        for (int i = 0; i < t->n_nodes && (node < 0 || (pass == 0 && (avoid >> node & 1))); i++)
            if (t->nodes[i].unreadable == READ_OK && !(g->forbidden >> i & 1) &&
                (pass == 1 || !(avoid >> i & 1)))
                node = i;
    return node >= 0 ? pool_of(g, node) : NULL;
}

void pool_want_welcome(struct pool_group *g)
{
    if (!worker_topo(g->w, g->cluster) || list_empty(&g->welcome_waiters))
        return;
    if (g->welcome) { /* they wait for a node to try their parameters on */
        pool_refuse_all(&g->welcome_waiters, NULL);
        return;
    }
    struct pool *p = pool_of_any(g);
    if (!p)
        return;
    g->welcome_at =
        p; /* its demand counts the welcome now; the janitor takes back what another one has claimed */
    pool_grow(p);
}

void pool_welcome_learned(struct pool_group *g, struct params_ref *welcome)
{
    params_become(&g->welcome, welcome);
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
