/* Counters of one worker, and the SHOW rows that are made of a worker's objects. Counters are plain: only the worker's
 * thread touches them; readers gather on that thread (proxy_gather). Times in microseconds. */
#ifndef TANIST_PROXY_STATS_H
#define TANIST_PROXY_STATS_H

#include <stdint.h>

#include "../replication/base/table.h"
#include "../replication/core/topology.h"
#include "../replication/repl_conf.h"
#include "core/classify.h"

struct worker;

/* Places for pools of one database and user: by node, and some more for nodes that are gone but still in use. */
enum { POOL_SLOTS = TOPO_NODES_MAX + 64 };

struct group_stats { /* of a database and user */
    uint64_t assignments, xacts, queries, received, sent;
    uint64_t xact_time, query_time, wait_time;
    uint64_t client_parses, server_parses, binds, logins;
    uint64_t retries;     /* ran again on another node, unseen */
    uint64_t held;        /* waited for a primary */
    uint64_t fresh_waits; /* reads that waited for a replica to catch up */
    uint64_t floors_lost; /* sessions whose floor was on a lost suffix */
    uint64_t in_doubt;    /* answered 08007 */
    uint64_t resolved;    /* commits whose answer was lost, and that were found to be there */
    uint64_t lost;        /* answered 40001 because the server went away */
    uint64_t timeouts;    /* requests cancelled and clients disconnected by a time limit */
};

struct node_stats {
    uint64_t reads, writes; /* batches sent there */
    uint64_t connects, connect_failures;
};

struct worker_stats {
    struct node_stats nodes[REPL_CLUSTERS_MAX][POOL_SLOTS];
    uint64_t routes[32]; /* by enum route_reason */
    uint64_t
        classes[REASON_NR];    /* of requests that were routed, by what their text was taken for */
    uint64_t hints, hints_odd; /* in comments; and those of which something was not understood */
    uint64_t learned;          /* reads that a replica refused */
    uint64_t pins[16];         /* by enum pin */
    uint64_t clients_total, clients_closed_by_us;
};

extern const char *const stats_cols_pools[]; /* pgbouncer's SHOW POOLS */
extern const int stats_n_cols_pools;
extern const char
    *const stats_cols_stats[]; /* database, the totals of pgbouncer's SHOW STATS, then ours */
extern const int stats_n_cols_stats;
extern const char *const stats_cols_clients[]; /* pgbouncer's SHOW CLIENTS, then pin, node */
extern const int stats_n_cols_clients;
extern const char *const stats_cols_servers[]; /* pgbouncer's SHOW SERVERS, then node */
extern const int stats_n_cols_servers;
extern const char *const
    stats_cols_nodes[]; /* cluster, node, reads, writes, in_flight, servers, connects, failures */
extern const int stats_n_cols_nodes;
extern const char *const stats_cols_routes[]; /* reason, count, meaning */
extern const int stats_n_cols_routes;

/* Worker's thread: one row an object, for the console to sum by its key columns. */
void stats_rows_pools(struct worker *w, struct table *t);
void stats_rows_stats(struct worker *w, struct table *t);
void stats_rows_clients(struct worker *w, struct table *t);
void stats_rows_servers(struct worker *w, struct table *t);
void stats_rows_nodes(struct worker *w, struct table *t);
void stats_rows_routes(struct worker *w, struct table *t);

#endif
