/* The manager's own struct, for manager.c, query.c and status.c only. */
#ifndef TANIST_MANAGER_PRIVATE_H
#define TANIST_MANAGER_PRIVATE_H

#include <stdatomic.h>

#include "channels_private.h"
#include "cluster.h"
#include "events.h"
#include "manager.h"
#include "query_private.h"

/* Wakes the manager's loop for hints and wishes; one is under way at a time. */
struct manager_wake {
    struct loop_msg msg; /* first */
    _Atomic bool
        posted; /* exchange acq_rel by any thread; cleared by the manager before it looks */
    struct manager *owner;
};

struct manager {
    struct loop *loop;
    const struct clock *clock;
    struct publish *publish;
    struct actions *actions;
    struct events *events;
    struct query_service *query;
    struct channels *channels;
    struct repl_conf conf;
    int n_clusters;
    struct cluster *clusters[REPL_CLUSTERS_MAX];

    struct manager_wake wake;
    _Atomic uint64_t hints
        [REPL_CLUSTERS_MAX]; /* bit i: node i. fetch_or by any thread, exchange by the manager */
    struct cluster_wishes wishes;

    bool started, freed;
    int closing;
    bool closed;
    void (*on_closed)(void *arg);
    void *closed_arg;
};

#endif
