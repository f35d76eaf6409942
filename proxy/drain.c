#include "drain.h"

#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "client.h"
#include "client_route.h"
#include "pool.h"
#include "server.h"
#include "worker.h"

static bool is_old(const struct server *s, usec_t now)
{
    (void)now;
    return !server_current(s);
}

/* Servers that may not go on under the present snapshot: idle ones are closed, those in use are counted, or cut. */
static int sweep_pool(struct pool *p, bool cut)
{
    int left = 0;
    struct server *old;
    while ((old = pool_find(&p->idle, is_old, 0)) != NULL)
        server_close(old, "its node changed its role");
    while ((old = pool_find(&p->login, is_old, 0)) != NULL) {
        struct err e;
        err_set(&e, ERR_STATE, "node %s changed its role", p->name);
        server_login_fail(old, &e);
    }
    struct list_node *n = list_first(&p->busy);
    while (n) {
        struct server *s = LIST_ENTRY(n, struct server, node);
        n = list_next(&p->busy, n);
        if (server_current(s))
            continue;
        s->close_after = true;
        if (!cut && s->client) {
            left++;
            continue;
        }
        struct err e;
        err_set(&e, ERR_STATE, "node %s is not in service any more", p->name);
        server_broken(s, &e, false);
        n = list_first(
            &p->busy); /* the list may have changed in any way; every round shortens it */
    }
    return left;
}

static bool is_down(const struct worker *w, int cluster, int node)
{
    const struct topology *t = worker_topo(w, cluster);
    return t && node < t->n_nodes && t->nodes[node].unreadable == READ_DOWN;
}

static int sweep(struct worker *w, int cluster, bool cut)
{
    struct pool_group *g, *tmp;
    int left = 0;
    HASH_ITER(hh, w->groups, g, tmp)
    {
        if (g->cluster != cluster)
            continue;
        for (int i = 0; i < POOL_SLOTS; i++)
            if (g->pools[i])
                left += sweep_pool(g->pools[i], cut || is_down(w, cluster, i));
    }
    return left;
}

void drain_check(struct worker *w, int cluster, usec_t now)
{
    struct drain *d = &w->drains[cluster];
    if (!d->active || d->busy)
        return;
    d->busy = true; /* sweeping closes servers, which asks again */
    const int left = sweep(w, cluster, now >= d->deadline);
    d->busy = false;
    if (left > 0)
        return;
    d->active = false;
    publish_ack_drained(w->proxy->publish, w->id, cluster, d->epoch);
}

static void release_held(struct worker *w, int cluster)
{
    struct list *l = &w->held[cluster];
    /* Each is looked at once; who must wait again joins the end. */
    for (size_t n = l->count; n > 0 && !list_empty(l); n--) {
        struct client *c = LIST_ENTRY(list_first(l), struct client, wait);
        const usec_t since = c->wait_since;
        client_wait_end(c);
        client_process(c);
        if (c->waiting_in == l)
            c->wait_since = since; /* it has been waiting all along */
    }
}

/* Who waits in a pool of a node that changed chooses again. */
static void reroute(struct worker *w, int cluster, const uint8_t *changes)
{
    struct pool_group *g, *tmp;
    HASH_ITER(hh, w->groups, g, tmp)
    for (int i = 0; g->cluster == cluster && i < POOL_SLOTS; i++) {
        if (!g->pools[i] || (i < TOPO_NODES_MAX && !changes[i]))
            continue;
        g->pools[i]->retry_at = 0; /* what failed before says nothing about the node as it is now */
        if (!list_empty(&g->pools[i]->waiters))
            pool_reroute(g->pools[i]);
    }
}

static bool same_places(const struct topology *a, const struct topology *b)
{
    for (int i = 0; i < a->n_nodes || i < b->n_nodes; i++)
        if (i >= a->n_nodes || i >= b->n_nodes || strcmp(a->nodes[i].name, b->nodes[i].name) != 0)
            return false;
    return true;
}

/* A reload may move nodes to other indexes: what is counted and kept by index moves along. */
static void move_places(struct worker *w, int cluster, const struct topology *old,
                        const struct topology *new)
{
    struct node_stats moved[POOL_SLOTS] = {{0}};
    for (int i = 0; i < old->n_nodes; i++) {
        const int at = topology_find(new, old->nodes[i].name);
        if (at >= 0)
            moved[at] = w->stats.nodes[cluster][i];
    }
    memcpy(w->stats.nodes[cluster], moved, sizeof(moved));
    pool_groups_move(w, cluster, new);
}

void drain_adopt(struct worker *w, int cluster, struct topo_snapshot *s)
{
    struct topo_snapshot *old = w->topo[cluster];
    uint8_t changes[TOPO_NODES_MAX];
    BUG_ON(old && (s->topo.epoch < old->topo.epoch || s->topo.version < old->topo.version));
    const int changed = topology_diff(old ? &old->topo : NULL, &s->topo, changes);
    const bool new_epoch = !old || old->topo.epoch != s->topo.epoch;
    /* Who waits for the old writer's servers waits for nothing now, even if nothing else of that node changed. */
    const bool writer_moved = old && old->topo.writer != s->topo.writer;
    if (writer_moved && old->topo.writer >= 0)
        changes[old->topo.writer] |= TOPO_CHANGED_ROLE;
    const bool writer_came = s->topo.writer >= 0 && (!old || old->topo.writer != s->topo.writer);
    w->topo[cluster] = s;
    if (old && !same_places(&old->topo, &s->topo))
        move_places(w, cluster, &old->topo, &s->topo);
    spread_adopt(w, cluster, old ? &old->topo : NULL);
    topo_snapshot_unref(old);
    if (new_epoch) {
        const usec_t now = worker_now();
        w->drains[cluster] = (struct drain){.active = true,
                                            .epoch = s->topo.epoch,
                                            .deadline = now + w->conf->repl.failover.drain_timeout};
        memset(&w->balance[cluster], 0, sizeof(w->balance[cluster]));
        publish_ack_adopted(w->proxy->publish, w->id, cluster, s->topo.epoch);
        drain_check(w, cluster, now);
    }
    if (changed > 0 || writer_moved)
        reroute(w, cluster, changes);
    if (changed > 0 || writer_came || !list_empty(&w->held[cluster]))
        release_held(w, cluster);
    client_route_wake(w, cluster);
    struct pool_group *g, *tmp;
    if (changed > 0 || writer_came)
        HASH_ITER(hh, w->groups, g, tmp)
    if (g->cluster == cluster)
        pool_want_welcome(g);
}
