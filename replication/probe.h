/* One node's persistent control connection and the questions asked over it: probes (everything of core/observe.h) and
 * samples (WAL positions only, cheap). Owned by a struct node; manager's loop only.
 *
 * One question is under way at a time. A question asked while another runs is remembered and asked next; two of a kind
 * become one. Every answer, failures included, comes through the callbacks. */
#ifndef TANIST_PROBE_H
#define TANIST_PROBE_H

#include <stdbool.h>
#include <uv.h>

#include "core/observe.h"
#include "core/timeline.h"
#include "pgconn.h"

enum { PROBE_ADDRS_MAX = 4, PROBE_ADDR_LEN = 64 };

/* Where and as whom; lent by the node, may change between probes. */
struct probe_target {
    char conninfo[1024];
    char host[TOPO_HOST_MAX];
    uint16_t port;
    bool is_socket;
    int n_addrs, at; /* at: the address that worked last */
    char addrs[PROBE_ADDRS_MAX][PROBE_ADDR_LEN];
};

struct probe_result {
    struct observation obs;
    bool has_peers; /* a primary; peers and slots are set */
    struct observe_peers peers;
    struct observe_slots slots;
    struct timeline_history history; /* of a primary, when it was wanted; timeline 0: not known */
};

struct probe_sample {
    usec_t sent_at, received_at;
    enum topo_role role;
    lsn_t flush_or_replay, insert_or_receive;
};

struct probe_events {
    void (*on_result)(void *arg, const struct probe_result *r);
    /* NULL: it failed, probe instead; timed_out: for want of an answer. */
    void (*on_sample)(void *arg, const struct probe_sample *s, bool timed_out);
    void (*on_lost)(void *arg, const struct err *e); /* the idle connection ended */
    void *arg;
};

enum probe_state {
    PROBE_IDLE = 1,
    PROBE_CONNECTING,
    PROBE_OBSERVING,
    PROBE_BEATING,
    PROBE_PEERS,
    PROBE_SLOTS,
    PROBE_HISTORY,
    PROBE_SAMPLING
};

struct probe {
    uv_loop_t *loop;
    const struct clock *clock;
    struct probe_target *target; /* lends until probe_close */
    struct probe_events events;
    enum probe_state state;
    bool want_history; /* set by the owner: a primary is asked for its timeline history */
    bool beat;         /* set by the owner: a primary gets a heartbeat with every probe */
    struct pgconn *conn;
    int tries; /* addresses tried by this connect */
    bool retried;
    usec_t deadline; /* of the probe under way */
    bool again;      /* a probe was asked for during a sample */
    usec_t again_timeout;
    struct probe_sample sample;
    struct probe_result result;
    int closing; /* connections whose close is awaited */
    bool closed;
    void (*on_closed)(void *arg);
};

void probe_init(struct probe *p, uv_loop_t *loop, const struct clock *clock,
                struct probe_target *target, const struct probe_events *events);
/* Asks everything; connects first when needed. */
void probe_run(struct probe *p, usec_t timeout);
/* Asks for WAL positions if the connection is there and nothing else is asked; returns false otherwise. */
bool probe_sample(struct probe *p, usec_t timeout);
bool probe_busy(const struct probe *p);
/* Drops the connection (the target changed); the next probe connects anew. */
void probe_disconnect(struct probe *p);
/* Calls events.arg's on_closed when every handle is gone; no other callback comes after this call. */
void probe_close(struct probe *p, void (*on_closed)(void *arg));

#endif
