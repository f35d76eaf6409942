/* Settings of the control plane: clusters, nodes, lag thresholds, failover. Values live in one struct that is
 * immutable once loaded; the rows for base/conf.h are in repl_conf.c. Durations in microseconds, sizes in bytes. */
#ifndef TANIST_REPL_CONF_H
#define TANIST_REPL_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/conf.h"
#include "core/decide.h" /* enum failover_mode */
#include "core/topology.h"

enum { REPL_CLUSTERS_MAX = 16, REPL_CONNINFO_MAX = 1024, REPL_QUORUM = 2 };

struct node_conf {
    char name[TOPO_NAME_MAX];
    char cluster[TOPO_NAME_MAX]; /* may be left out with one cluster */
    char host[TOPO_HOST_MAX];    /* name, address, or Unix socket directory */
    int64_t port;
    int64_t weight;        /* 0..1000 */
    int64_t max_in_flight; /* 0: no limit */
    char zone[TOPO_NAME_MAX];
    bool promotable;
    int64_t priority; /* candidate preference among equals; higher first */
};

struct cluster_conf {
    char name[TOPO_NAME_MAX];
    char monitor[REPL_CONNINFO_MAX]; /* conninfo without host and port, for probes and actions */
    usec_t check_interval;           /* default 500ms */
    usec_t check_timeout;            /* default 1s */
    int64_t check_misses; /* unanswered probes in a row that make a node down; default 2 */
    char replication_user
        [TOPO_NAME_MAX]; /* for primary_conninfo when re-pointing; empty: keep what the replica has */
};

struct failover_conf {
    int mode;                  /* enum failover_mode */
    int synchronous;           /* 1 off, 2 quorum */
    int64_t quorum;            /* replicas that must confirm a commit, when synchronous is quorum */
    uint64_t failover_max_lag; /* bytes */
    usec_t client_hold;
    bool commit_resolution;
    bool transaction_replay;
    uint64_t transaction_replay_bytes;
    usec_t transaction_replay_time;
    usec_t drain_timeout;
    usec_t promote_timeout;
    usec_t catchup_timeout; /* replay of received WAL before a promotion */
    bool heartbeat;
    bool ignore_manager;     /* act though somebody else manages the cluster */
    usec_t receiver_timeout; /* 0: leave wal_receiver_timeout of the replicas alone */
    usec_t min_interval;
    usec_t hook_timeout;
    int profile; /* 1 fast, 2 conservative */
    char fence_command[REPL_CONNINFO_MAX];
    char pre_promote_command[REPL_CONNINFO_MAX];
    char notify_command[REPL_CONNINFO_MAX];
    char rejoin_command[REPL_CONNINFO_MAX];
    char demote_command[REPL_CONNINFO_MAX];
};

struct lag_conf {
    usec_t max_lag;         /* 0: no limit */
    uint64_t max_lag_bytes; /* 0: no limit */
    int64_t lag_resume;     /* percent of the limit under which a replica gets reads again */
    usec_t slow_start;      /* 0: none */
    usec_t eject_after;     /* 0: nobody is ejected */
    usec_t eject_time;
};

struct repl_conf {
    int n_clusters, n_nodes;
    struct cluster_conf clusters[REPL_CLUSTERS_MAX];
    struct node_conf nodes[TOPO_NODES_MAX]; /* of all clusters */
    struct failover_conf failover;
    struct lag_conf lag; /* rows of section [routing] */
    char state_dir
        [512]; /* copied from [tanist] by the caller; journal and events; empty: nothing is kept */
};

/* Rows: [cluster NAME], [node NAME], [failover], and the lag rows of [routing] (exported apart, because the proxy owns
 * the section). Offsets are relative to the struct named. The section getters take a root that begins with
 * struct repl_conf. */
extern const struct conf_section repl_conf_sections[];
extern const int repl_conf_n_sections;

/* Semantic checks after loading: references, duplicates, ranges between settings; fills node_conf.cluster when there
 * is one cluster. Adds to diags. */
void repl_conf_check(struct repl_conf *c, struct conf_diags *diags);

/* From a multi-host conninfo or URI ("postgresql://postgres@h1,h2,h3/postgres"): cluster "main" with nodes named
 * after host (and port where hosts repeat), monitor = the rest. ERR_INVALID with libpq's text. */
int repl_conf_from_conninfo(struct repl_conf *c, const char *conninfo, struct err *e) MUST_CHECK;

#endif
