/* A data-plane thread: its loop, its snapshots, its clients and its servers. Everything here is for the worker's own
 * thread unless it says otherwise. */
#ifndef TANIST_PROXY_WORKER_H
#define TANIST_PROXY_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../replication/base/list.h"
#include "../replication/base/loop.h"
#include "../replication/base/prng.h"
#include "../replication/base/slab.h"
#include "../replication/publish.h"
#include "client_doubt.h"
#include "control.h"
#include "core/balance.h"
#include "core/classify.h"
#include "gather.h"
#include "prepared.h"
#include "proxy.h"
#include "spread.h"
#include "stats.h"

struct client;
struct pool_group;
struct tls_ctx;
struct topic;

/* Mailbox slots of a worker's loop above the topologies'. */
enum { WORKER_SLOT_CONFIG = REPL_CLUSTERS_MAX, WORKER_SLOT_NR };

enum {
    WORKER_BUF = 64 * 1024, /* one for all reads of the worker */
    WORKER_LEARNED =
        4096, /* statements that a replica refused; direct-mapped, so the oldest of a slot goes */
    WORKER_CLIENTS_MAX = 1 << 24 /* a client's slot fits 24 bits of its cancel key */
};

/* For so long a refused statement is not tried on a replica again: the function may have been altered. */
#define WORKER_LEARNED_FOR (600 * USEC_PER_SEC)

/* State of an epoch change for one cluster (drain.c). */
struct drain {
    bool active;
    uint64_t epoch;  /* to be acknowledged as drained */
    usec_t deadline; /* then transactions on the old writer are cut */
    bool busy;
};

struct worker {
    struct loop loop;
    struct proxy *proxy;
    int id; /* its index for publish, in cancel keys, in limit.wanted */
    struct config *conf;
    struct tls_ctx *server_tls;
    struct topo_snapshot *topo[REPL_CLUSTERS_MAX]; /* NULL until the first one came */
    struct drain drains[REPL_CLUSTERS_MAX];
    struct balance_state balance[REPL_CLUSTERS_MAX];
    uint32_t in_flight[REPL_CLUSTERS_MAX][POOL_SLOTS];
    struct spread spread[REPL_CLUSTERS_MAX];
    uv_timer_t room_timer;
    struct list held[REPL_CLUSTERS_MAX]; /* clients that wait for a primary or for any replica */
    struct list fresh
        [REPL_CLUSTERS_MAX]; /* clients that wait for a fresh enough replica (client_route.c) */
    uv_timer_t fresh_timer;  /* for the first of them to give up; fresh_due 0: not armed */
    usec_t fresh_due;
    struct prng prng;
    struct list clients;
    struct list cancels;   /* cancel requests under way to nodes (cancel.c) */
    struct client **slots; /* by cancel-key slot */
    uint32_t n_slots, free_slot_hint;
    uint64_t serial;     /* of the last client or server; see worker_serial */
    uint64_t statements; /* prepared on servers so far */
    uint32_t sweep;      /* the slot that client_timeouts_tick looks at next */
    struct slab client_slab;
    struct pool_group *groups; /* uthash by key */
    struct list pools;         /* of all groups */
    struct control_gates control;
    struct topic *topics; /* uthash by key: channels that sessions listen to (listen.c) */
    uint64_t topics_ended;
    struct list syncing,
        synced; /* clients that wait to be up to date; that are, and will be told */
    uint64_t sync_asked;
    struct doubt_owed owed; /* by the server that is lost at this moment */
    struct pstmt_cache pstmts;
    bool has_learned;
    usec_t learned_until[WORKER_LEARNED];
    uint64_t learned[WORKER_LEARNED];
    usec_t last_budgets;
    uint8_t buf[WORKER_BUF];
    struct gather gather;
    uv_timer_t janitor;
    struct worker_stats stats;
    bool stopping;
    _Atomic int64_t n_clients; /* relaxed; read by the listener to choose the least loaded */
};

struct worker *worker_new(struct proxy *p, int id, struct err *e) MUST_CHECK;
int worker_start(struct worker *w, struct err *e) MUST_CHECK;
/* Any thread: closes every client and server, then ends the loop. */
void worker_stop(struct worker *w);
void worker_join(struct worker *w);
/* After all workers were joined: runs what was still under way to it. */
void worker_drain(struct worker *w);
void worker_free(struct worker *w);

/* Any thread: hands over an accepted socket; the worker closes it if it cannot keep it. */
void worker_give_client(struct worker *w, int fd, int listen_index, struct tls_ctx *tls,
                        bool local_admin);

/* A number for a client or a server that no other one of the process gets. */
static inline uint64_t worker_serial(struct worker *w)
{
    return w->serial += PROXY_WORKERS_MAX;
}
static inline usec_t worker_now(void)
{
    return clock_now(clock_real());
}
static inline const struct topology *worker_topo(const struct worker *w, int cluster)
{
    return w->topo[cluster] ? &w->topo[cluster]->topo : NULL;
}

/* The client of a cancel key or of an answer that was under way; NULL if it is gone. */
struct client *worker_client(struct worker *w, uint32_t slot, uint64_t serial);

/* Statements that replicas refused. */
bool worker_learned(const struct worker *w, struct slice sql);
void worker_learn(struct worker *w, struct slice sql);

#endif
