#include "worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "cancel.h"
#include "client.h"
#include "client_route.h"
#include "drain.h"
#include "pool.h"
#include "server.h"
#include "tls.h"
#include "wire/errresp.h"

enum { JANITOR_MS = 100 };

struct client *worker_client(struct worker *w, uint32_t slot, uint64_t serial)
{
    struct client *c = slot < w->n_slots ? w->slots[slot] : NULL;
    return c && c->serial == serial ? c : NULL;
}

bool worker_learned(const struct worker *w, struct slice sql)
{
    if (!w->has_learned)
        return false;
    const uint64_t h = slice_hash(sql);
    const size_t at = h % WORKER_LEARNED;
    return w->learned[at] == h && worker_now() < w->learned_until[at];
}

void worker_learn(struct worker *w, struct slice sql)
{
    const uint64_t h = slice_hash(sql);
    w->learned[h % WORKER_LEARNED] = h;
    w->learned_until[h % WORKER_LEARNED] = worker_now() + WORKER_LEARNED_FOR;
    w->stats.learned++;
    w->has_learned = true;
}

/* -- mailbox ---------------------------------------------------------------------------------------------------------- */

static void adopt_config(struct worker *w, struct config *c)
{
    struct err e = {0};
    struct pool_group *g, *tmp;
    struct tls_ctx *tls = NULL;
    config_unref(w->conf);
    w->conf = c;
    HASH_ITER(hh, w->groups, g, tmp)
    pool_group_configure(g, c);
    spread_configure(w);
    if (tls_ctx_server(&c->server_tls, &tls, &e) < 0) {
        log_error("tls.failed", "server_tls: %s", e.text);
        return; /* the old context goes on */
    }
    tls_ctx_unref(w->server_tls);
    w->server_tls = tls;
}

static void on_mail(struct loop *l, int slot, void *item)
{
    struct worker *w = l->data;
    if (slot == WORKER_SLOT_CONFIG)
        adopt_config(w, item);
    else
        drain_adopt(w, slot, item);
}

/* -- janitor ---------------------------------------------------------------------------------------------------------- */

static void expire_held(struct worker *w, int cluster, usec_t now)
{
    const usec_t hold = w->conf->repl.failover.client_hold;
    while (!list_empty(&w->held[cluster])) {
        struct client *c = LIST_ENTRY(list_first(&w->held[cluster]), struct client, wait);
        if (now - c->wait_since < hold)
            return;
        client_wait_end(c);
        if (c->doubt) {
            client_doubt_step(c);
            if (c->waiting_in)
                return; /* its own time is not over */
            continue;
        }
        client_error(c, ERRRESP_CANNOT_CONNECT_NOW,
                     c->batch.read ? "no node may serve this read now" : "there is no primary now",
                     "The statement was not sent anywhere: run it again. SHOW FAILOVER tells what "
                     "is going on.");
    }
}

static void on_janitor(uv_timer_t *t)
{
    struct worker *w = t->data;
    const usec_t now = worker_now();
    pool_groups_tick(w, now);
    for (int i = 0; i < REPL_CLUSTERS_MAX; i++) {
        expire_held(w, i, now);
        drain_check(w, i, now);
    }
    client_timeouts_tick(w, now);
    spread_tick(w);
    if (now - w->last_budgets > USEC_PER_SEC) {
        w->last_budgets = now;
        pool_set_budgets(w);
    }
}

/* -- clients from the listener ------------------------------------------------------------------------------------------ */

struct arrival {
    struct loop_msg msg;
    int fd, listen_index;
    struct tls_ctx *tls; /* a reference */
    bool local_admin;
};

static void on_arrival(struct loop_msg *m, struct loop *on)
{
    struct arrival *a = CONTAINER_OF(m, struct arrival, msg);
    struct worker *w = on->data;
    struct client *c =
        w->stopping ? NULL : client_new(w, a->fd, a->listen_index, a->tls, a->local_admin);
    if (!c) {
        if (w->stopping)
            close(a->fd); /* else client_new has closed it */
        atomic_fetch_sub_explicit(&w->n_clients, 1, memory_order_relaxed);
        atomic_fetch_sub_explicit(&w->proxy->n_clients, 1, memory_order_relaxed);
    }
    if (!c || !a->tls)
        tls_ctx_unref(a->tls);
    free(a);
}

void worker_give_client(struct worker *w, int fd, int listen_index, struct tls_ctx *tls,
                        bool local_admin)
{
    struct arrival *a = calloc(1, sizeof(*a));
    atomic_fetch_add_explicit(&w->n_clients, 1, memory_order_relaxed);
    if (a) {
        if (tls)
            tls_ctx_ref(tls);
        *a = (struct arrival){
            .fd = fd, .listen_index = listen_index, .tls = tls, .local_admin = local_admin};
        a->msg.run = on_arrival;
        if (loop_post(&w->loop, &a->msg))
            return;
        tls_ctx_unref(tls);
        free(a);
    }
    close(fd);
    atomic_fetch_sub_explicit(&w->n_clients, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&w->proxy->n_clients, 1, memory_order_relaxed);
}

/* -- life --------------------------------------------------------------------------------------------------------------- */

struct worker *worker_new(struct proxy *p, int id, struct err *e)
{
    struct worker *w = calloc(1, sizeof(*w));
    uint64_t seed;
    if (!w) {
        err_set(e, ERR_NOMEM, "no memory for a worker");
        return NULL;
    }
    if (loop_init(&w->loop, "worker", id, e) < 0 ||
        tls_ctx_server(&p->conf->server_tls, &w->server_tls, e) < 0 ||
        crypto_random(&seed, sizeof(seed)) < 0) {
        free(w);
        return NULL;
    }
    w->loop.data = w;
    w->proxy = p;
    w->id = id;
    w->serial = (uint64_t)id;
    w->conf = p->conf;
    config_ref(w->conf);
    prng_init(&w->prng, seed);
    list_init(&w->clients);
    list_init(&w->pools);
    list_init(&w->cancels);
    list_init(&w->syncing);
    list_init(&w->synced);
    for (int i = 0; i < REPL_CLUSTERS_MAX; i++)
        list_init(&w->held[i]);
    for (int i = 0; i < REPL_CLUSTERS_MAX; i++)
        list_init(&w->fresh[i]);
    spread_init(w);
    slab_init(&w->client_slab, "clients", sizeof(struct client),
              (size_t)p->conf->tanist.max_client_conn + 16);
    pstmt_cache_init(&w->pstmts);
    loop_on_mail(&w->loop, on_mail);
    return w;
}

static void on_start(struct loop *l)
{
    struct worker *w = l->data;
    uv_timer_init(&l->uv, &w->janitor);
    w->janitor.data = w;
    uv_timer_start(&w->janitor, on_janitor, JANITOR_MS, JANITOR_MS);
    client_route_init(w);
    spread_start(w);
}

int worker_start(struct worker *w, struct err *e)
{
    return loop_start(&w->loop, on_start, e);
}

static void on_stop(struct loop_msg *m, struct loop *on)
{
    struct worker *w = on->data;
    free(m);
    w->stopping = true;
    while (!list_empty(&w->clients)) {
        struct client *c = LIST_ENTRY(list_first(&w->clients), struct client, all);
        client_fatal(c, ERRRESP_ADMIN_SHUTDOWN,
                     "terminating connection because tanist is shutting down", NULL);
    }
    cancel_end_all(w);
    pool_groups_fini(w);
    uv_close((uv_handle_t *)&w->janitor, NULL);
    client_route_fini(w);
    spread_stop(w);
    loop_stop(on);
}

void worker_stop(struct worker *w)
{
    struct loop_msg *m = calloc(1, sizeof(*m));
    BUG_ON(!m);
    m->run = on_stop;
    if (!loop_post(&w->loop, m))
        BUG("a worker's queue is full at shutdown");
}

void worker_join(struct worker *w)
{
    loop_join(&w->loop);
}

void worker_drain(struct worker *w)
{
    for (struct loop_msg *m = loop_take_msgs(&w->loop), *next; m; m = next) {
        next = m->next;
        m->run(m, &w->loop);
    }
}

void worker_free(struct worker *w)
{
    for (int i = 0; i < REPL_CLUSTERS_MAX; i++)
        topo_snapshot_unref(loop_take_mail(&w->loop, PUBLISH_SLOT(i)));
    config_unref(loop_take_mail(&w->loop, WORKER_SLOT_CONFIG));
    for (int i = 0; i < REPL_CLUSTERS_MAX; i++)
        topo_snapshot_unref(w->topo[i]);
    pstmt_cache_fini(&w->pstmts);
    slab_fini(&w->client_slab);
    free(w->slots);
    tls_ctx_unref(w->server_tls);
    config_unref(w->conf);
    loop_fini(&w->loop);
    free(w);
}
