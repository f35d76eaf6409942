#include "spread.h"

#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "client.h"
#include "core/balance.h"
#include "limits.h"
#include "pool.h"
#include "server.h"
#include "worker.h"

/* -- zones --------------------------------------------------------------------------------------------------------- */

/* How near: the position in the list, behind all of them if it is not there. */
static uint8_t tier_of(const char *zones, const char *zone)
{
    uint8_t at = 0;
    while (*zones) {
        const char *comma = strchrnul(zones, ',');
        const struct slice item = slice_trim((struct slice){zones, (size_t)(comma - zones)});
        if (slice_eq(item, zone) || at == UINT8_MAX)
            return at;
        at++;
        zones = *comma ? comma + 1 : comma;
    }
    return at;
}

void spread_group(struct pool_group *g)
{
    const struct topology *t = worker_topo(g->w, g->cluster);
    g->forbidden = 0;
    for (int i = 0; t && i < t->n_nodes; i++)
        if (!config_allows_zone(&g->rules, t->nodes[i].zone))
            g->forbidden |= UINT64_C(1) << i;
}

static const struct node_conf *conf_of(const struct worker *w, const char *name)
{
    const struct repl_conf *r = &w->conf->repl;
    for (int i = 0; i < r->n_nodes; i++)
        if (strcmp(r->nodes[i].name, name) == 0)
            return &r->nodes[i];
    return NULL;
}

static void set_limit(struct worker *w, int cluster, int i, const char *name)
{
    struct spread *s = &w->spread[cluster];
    const struct node_conf *n = conf_of(w, name);
    const int max = n ? (int)n->max_in_flight : 0;
    s->limits[i] = max > 0 ? limits_node(w->proxy->limits, name) : NULL;
    if (!s->limits[i])
        return;
    atomic_store_explicit(&s->limits[i]->places, max, memory_order_relaxed);
    s->limited |= UINT64_C(1) << i;
}

static void look_at(struct worker *w, int cluster)
{
    const struct topology *t = worker_topo(w, cluster);
    struct spread *s = &w->spread[cluster];
    struct pool_group *g, *tmp;
    s->limited = 0;
    for (int i = 0; t && i < t->n_nodes; i++) {
        s->tier[i] = tier_of(w->conf->routing.zones, t->nodes[i].zone);
        set_limit(w, cluster, i, t->nodes[i].name);
    }
    HASH_ITER(hh, w->groups, g, tmp)
    if (g->cluster == cluster)
        spread_group(g);
}

void spread_configure(struct worker *w)
{
    for (int i = 0; i < REPL_CLUSTERS_MAX; i++)
        look_at(w, i);
}

void spread_adopt(struct worker *w, int cluster, const struct topology *old)
{
    const struct topology *t = worker_topo(w, cluster);
    bool moved = !old || old->n_nodes != t->n_nodes, same = !moved;
    for (int i = 0; !moved && i < t->n_nodes; i++) {
        moved |= strcmp(old->nodes[i].name, t->nodes[i].name) != 0;
        same &= strcmp(old->nodes[i].zone, t->nodes[i].zone) == 0;
    }
    if (moved) {
        w->spread[cluster].generation++;
        memset(w->spread[cluster].latency, 0, sizeof(w->spread[cluster].latency));
    }
    if (moved || !same)
        look_at(w, cluster);
}

/* -- places -------------------------------------------------------------------------------------------------------- */

static bool has_place(const struct limit *l)
{
    return atomic_load_explicit(&l->in_flight, memory_order_relaxed) <
           atomic_load_explicit(&l->places, memory_order_relaxed);
}

uint64_t spread_full(const struct worker *w, int cluster)
{
    const struct spread *s = &w->spread[cluster];
    uint64_t full = 0;
    for (int i = 0; i < TOPO_NODES_MAX && s->limited >> i; i++)
        if ((s->limited >> i & 1) && !has_place(s->limits[i]))
            full |= UINT64_C(1) << i;
    return full;
}

bool spread_take(struct client *c, int node)
{
    struct spread *s = &c->w->spread[c->group->cluster];
    if (LIKELY(!(s->limited >> node & 1)))
        return true;
    struct limit *l = s->limits[node];
    int n = atomic_load_explicit(&l->in_flight, memory_order_relaxed);
    do {
        if (n >= atomic_load_explicit(&l->places, memory_order_relaxed))
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&l->in_flight, &n, n + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    c->place = l;
    return true;
}

enum { LOOK_MAX = 32 };

static void on_room(uv_timer_t *t);

static void look_soon(struct worker *w)
{
    uv_timer_start(&w->room_timer, on_room, 0, 0);
}

static void on_elsewhere(struct loop_msg *m, struct loop *on)
{
    struct worker *w = on->data;
    free(m);
    if (!w->stopping)
        look_soon(w);
}

/* Whoever waits for a place looks again: here in a turn of its own, on other workers by a message. */
static void give(struct worker *w, struct limit *l)
{
    const int was = atomic_fetch_sub_explicit(&l->in_flight, 1, memory_order_relaxed);
    BUG_ON(was <= 0);
    uint64_t wanted = atomic_load_explicit(&l->wanted, memory_order_relaxed);
    if (LIKELY(!wanted))
        return;
    wanted = atomic_exchange_explicit(&l->wanted, 0, memory_order_relaxed);
    for (int i = 0; i < w->proxy->n_workers; i++) {
        struct worker *to = w->proxy->workers[i];
        if (!(wanted >> i & 1))
            continue;
        if (to == w) {
            look_soon(w);
            continue;
        }
        struct loop_msg *m = calloc(1, sizeof(*m));
        if (m)
            m->run = on_elsewhere;
        if (m && !loop_post(&to->loop, m))
            free(m); /* its janitor looks */
    }
}

void spread_give(struct client *c)
{
    struct limit *l = c->place;
    c->place = NULL;
    if (l)
        give(c->w, l);
}

void spread_link(struct server *s, struct client *c)
{
    BUG_ON(s->place != NULL);
    s->place = c->place;
    c->place = NULL;
}

void spread_unlink(struct server *s)
{
    struct limit *l = s->place;
    s->place = NULL;
    if (l)
        give(s->w, l);
}

static void want(struct worker *w, int cluster)
{
    const struct spread *s = &w->spread[cluster];
    for (int i = 0; i < TOPO_NODES_MAX && s->limited >> i; i++)
        if (s->limited >> i & 1)
            atomic_fetch_or_explicit(&s->limits[i]->wanted, UINT64_C(1) << w->id,
                                     memory_order_relaxed);
}

void spread_wait(struct client *c)
{
    const int cluster = c->group->cluster;
    client_wait_in(c, &c->w->spread[cluster].room);
    want(c->w, cluster);
    if (spread_full(c->w, cluster) != c->w->spread[cluster].limited)
        look_soon(c->w); /* one was given back meanwhile */
}

/* The first ones go on as long as there are places. Those who must wait again (for another node than the one that has room) keep
 * their turn. */
static void look(struct worker *w, int cluster)
{
    struct spread *s = &w->spread[cluster];
    struct list again;
    list_init(&again);
    for (int n = 0; n < LOOK_MAX; n++) {
        struct list_node *first = list_first(&s->room);
        if (!first || (s->limited && spread_full(w, cluster) == s->limited))
            break;
        struct client *c = LIST_ENTRY(first, struct client, wait);
        const usec_t since = c->wait_since;
        client_wait_end(c);
        client_process(c);
        if (c->waiting_in != &s->room)
            continue;
        c->wait_since = since;
        list_remove(&s->room, &c->wait);
        list_push_front(&again, &c->wait);
        c->waiting_in = &again;
    }
    for (struct list_node *n; (n = list_pop_front(&again)) != NULL;) {
        struct client *c = LIST_ENTRY(n, struct client, wait);
        list_push_front(&s->room, &c->wait);
        c->waiting_in = &s->room;
    }
    if (!list_empty(&s->room))
        want(w, cluster);
}

static void on_room(uv_timer_t *t)
{
    struct worker *w = t->data;
    for (int i = 0; i < REPL_CLUSTERS_MAX; i++)
        if (!list_empty(&w->spread[i].room))
            look(w, i);
}

/* -- time ---------------------------------------------------------------------------------------------------------- */

void spread_measure(struct worker *w, int cluster, int node, usec_t took)
{
    struct spread *s = &w->spread[cluster];
    if (node >= TOPO_NODES_MAX)
        return;
    s->latency[node] = balance_latency(s->latency[node], took);
    s->measured |= UINT64_C(1) << node;
}

void spread_tick(struct worker *w)
{
    for (int i = 0; i < REPL_CLUSTERS_MAX; i++) {
        struct spread *s = &w->spread[i];
        const struct topology *t = worker_topo(w, i);
        for (int k = 0; t && k < t->n_nodes; k++)
            if (!(s->measured >> k & 1))
                s->latency[k] = balance_forget(s->latency[k]);
        s->measured = 0;
        if (!list_empty(&s->room))
            look(w, i);
    }
}

void spread_init(struct worker *w)
{
    for (int i = 0; i < REPL_CLUSTERS_MAX; i++)
        list_init(&w->spread[i].room);
}

void spread_start(struct worker *w)
{
    uv_timer_init(&w->loop.uv, &w->room_timer);
    w->room_timer.data = w;
}

void spread_stop(struct worker *w)
{
    uv_close((uv_handle_t *)&w->room_timer, NULL);
}
