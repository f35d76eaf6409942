/* Everything known about one cluster at one moment: the decider's only input besides policy and memory. Pure.
 *
 * The manager owns one view and updates it with finished probes; then it marks itself dirty and decides at its own pace. */
#ifndef TANIST_CORE_VIEW_H
#define TANIST_CORE_VIEW_H

#include <stdbool.h>

#include "health.h"
#include "lag.h"
#include "observe.h"
#include "outlier.h"
#include "timeline.h"

struct view_node {
    /* Configured; set by the manager at start and reload. */
    char name[TOPO_NAME_MAX];
    char zone[TOPO_NAME_MAX];
    char host[TOPO_HOST_MAX];
    char addr[64];
    uint16_t port;
    uint32_t weight;
    int priority; /* higher is preferred among equally advanced candidates */
    bool promotable;
    bool drained; /* by the operator */

    /* Known. */
    struct health health;
    bool seen;              /* obs is valid */
    struct observation obs; /* the last good one, however old (see health) */
    uint32_t timeline;      /* best knowledge: a stopped wal receiver does not make us forget */
    struct lag lag;
    usec_t fresh_at; /* a replica: has all that the writer had then; 0: not known */
    struct outlier outlier;
    enum topo_unreadable lag_class; /* READ_OK or a lag reason; with hysteresis */
    usec_t primary_since; /* first observed as a primary on this timeline; 0: it is none */
    bool restarted; /* postmaster start time changed since the last topology that made it writer */
};

struct view {
    char cluster[TOPO_NAME_MAX];
    uint16_t n_nodes;
    bool tilt;
    bool
        drained; /* set by the manager before decide: every worker has drained the newest published epoch */
    usec_t heard_at;            /* set likewise: the writer answered a client of ours; 0 never */
    struct lag_history history; /* of the present writer */
    int history_of;             /* node whose positions history holds; -1 none */
    struct topo_sample sample;  /* newest of the present writer */
    struct timeline_history
        lineage;  /* of the present writer, or of the last one; timeline 0: not known */
    int peers_of; /* node that peers and slots belong to; -1 none */
    struct observe_peers peers;
    struct observe_slots slots;
    struct view_node nodes[TOPO_NODES_MAX];
};

void view_init(struct view *v, const char *cluster);
/* Returns the new index, or -1 when full. The caller fills the configured fields but the name. */
int view_add_node(struct view *v, const char *name);
int view_find(const struct view *v, const char *name); /* index or -1 */

/* Takes one finished probe of node i: health, observation, timeline. Returns true if anything that decide looks at
 * changed (a reason to decide now instead of at the next tick). */
bool view_observe(struct view *v, int i, const struct health_policy *p,
                  const struct observation *o);

/* Recomputes lag of all nodes for `now`, given the present writer (TOPO_NO_WRITER keeps the last history). Also takes the
 * writer's newest position into history and sample. Call before decide. */
void view_refresh(struct view *v, int writer, const struct lag_policy *p, usec_t now);

/* Node that i's wal receiver streams from, matched by host or address and port; -1 unknown or none. */
int view_upstream(const struct view *v, int i);
/* Node at this address (host or numeric address, and port), other than `but`; -1 none. */
int view_at(const struct view *v, const char *host, uint16_t port, int but);
/* i's last position in the WAL: primary flush, replica max(receive, replay). */
lsn_t view_position(const struct view *v, int i);
/* Replicas that answer, without `but`: bit i is node i. */
uint64_t view_ready(const struct view *v, int but);
/* Replicas that stream from node i, by their own wal receivers. */
int view_followers(const struct view *v, int i);

#endif
