/* The live record of one node: its addresses, its probe, and when to probe next. Manager's loop only.
 *
 * Heap object owned by a cluster (cluster.h), which is told of everything through node_sink. */
#ifndef TANIST_NODE_H
#define TANIST_NODE_H

#include <stdbool.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/health.h"
#include "probe.h"
#include "repl_conf.h"

struct node;

struct node_sink {
    void (*on_result)(void *arg, struct node *n, const struct probe_result *r);
    void (*on_sample)(void *arg, struct node *n, const struct probe_sample *s);
    void (*on_addr)(void *arg, struct node *n); /* the numeric address that is in use changed */
    void *arg;
};

struct node {
    struct node_conf conf;
    int index; /* in the view and in the topology */
    struct node_sink sink;
    uv_loop_t *loop;
    const struct clock *clock;
    uv_timer_t timer;
    struct probe probe;
    /* A second opinion: when the established connection has been silent for half of its time, a new connection is asked
     * as well, so that two witnesses are heard within one check_timeout. */
    struct probe second;
    struct observation
        miss; /* what the first witness had to say, kept until the other one is heard */
    bool has_miss, first_failed;
    int excused; /* probes in a row that do not count (cluster_observe.c) */
    struct probe_target target;
    char published_addr[PROBE_ADDR_LEN]; /* what on_addr told last */

    uv_getaddrinfo_t resolve;
    bool resolving;
    bool probe_when_resolved;
    usec_t resolved_at; /* 0: never */
    usec_t timeout;     /* of the next probe */

    /* Counters for SHOW NODES. */
    uint64_t probes, failures;
    usec_t last_duration;

    int closing;
    void (*on_closed)(void *arg);
    void *closed_arg;
};

/* Returns owned, or NULL without memory. */
struct node *node_new(uv_loop_t *loop, const struct clock *clock, const struct node_conf *conf,
                      const char *monitor, const struct node_sink *sink);
/* The configuration changed; drops the connection when the place or the credentials did. */
void node_reconfigure(struct node *n, const struct node_conf *conf, const char *monitor);
/* When the question was sent that is not answered yet; 0: none is open. */
usec_t node_asked_at(const struct node *n);
/* Arms the timer for the moment that the failure detector advises. */
void node_schedule(struct node *n, const struct health *h, const struct health_policy *p);
/* Probes now, whatever the schedule says. */
void node_probe(struct node *n, usec_t timeout);
/* Whether probes write a heartbeat when the node is a primary: on the announced writer only. */
void node_beat(struct node *n, bool on);
/* Whether the next probes also ask for the timeline history. */
void node_want_history(struct node *n, bool on);
/* False when no sample can be taken now. */
bool node_sample(struct node *n, usec_t timeout);
/* The address in use; empty for sockets and while unresolved. */
const char *node_addr(const struct node *n);
/* Frees n in the end. */
void node_close(struct node *n, void (*on_closed)(void *arg), void *arg);

#endif
