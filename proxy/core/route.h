/* Where a batch goes: (what it does, the session, the snapshot, the policy) -> node / hold / wait / refuse, with a reason.
 * Pure. What a session's reads must have reached is freshness.h's. */
#ifndef TANIST_CORE_ROUTE_H
#define TANIST_CORE_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../replication/base/clock.h"
#include "../../replication/core/topology.h"
#include "balance.h"
#include "freshness.h"

/* WAIT: a replica will have what the read needs in a moment; ask again with a newer snapshot, or when the time is over.
 * QUEUE: the nodes that may serve it have as much in flight as they may; ask again when one has less. */
enum route_kind { ROUTE_TO_NODE = 1, ROUTE_HOLD, ROUTE_REFUSE, ROUTE_WAIT, ROUTE_QUEUE };

#define ROUTE_REASONS(X)                                                                           \
    X(RR_READ, "read", "a read, on the chosen replica")                                            \
    X(RR_WRITE, "write", "not known to be a read")                                                 \
    X(RR_FORCED_PRIMARY, "forced-primary", "listener, setting or hint asks for the primary")       \
    X(RR_SPLIT_OFF, "split-off", "read_write_split is off")                                        \
    X(RR_DIRTY, "own-writes", "the session was on the primary, and its position is not known yet") \
    X(RR_FLOOR, "floor", "no replica has replayed what the session wrote or saw yet")              \
    X(RR_OPEN, "own-reads", "it is not known yet who else has what the session saw on a replica")  \
    X(RR_NEW, "new-connection", "nothing was sampled of the replica since the connection to it")   \
    X(RR_BOUND, "max-lag", "no replica is known to be within max_lag")                             \
    X(RR_NO_REPLICA, "no-replica", "no replica is eligible")                                       \
    X(RR_SHARE, "primary-share", "a read, on the primary as its share (primary_weight)")           \
    X(RR_FULL, "max-in-flight", "the node has as many statements in flight as it may")             \
    X(RR_ZONE, "allow-zones", "no node within allow_zones may serve it")                           \
    X(RR_NO_WRITER, "no-writer", "there is no primary now")                                        \
    X(RR_RETRY, "retry", "it failed on a replica and runs again on the primary")                   \
    X(RR_ONLY_REPLICA, "replica-only", "the listener serves reads only")

enum route_reason {
    RR_NONE = 0,
#define X(name, token, text) name,
    ROUTE_REASONS(X)
#undef X
        RR_NR
};

const char *route_reason_token(enum route_reason r);
const char *route_reason_text(enum route_reason r);

/* Lag limits of a database or a user, instead of the cluster's. */
struct route_lag {
    bool own; /* false: the manager's verdict holds */
    usec_t max_lag;
    uint64_t max_lag_bytes; /* 0: no limit */
    int resume_percent;
    uint64_t over; /* bit i: node i was over a limit and is not back below its share yet */
};

struct route_in {
    const struct topology *topo;
    struct freshness *fresh; /* brought up to date */
    struct route_lag *lag;   /* NULL: as if not own */
    bool read;               /* safe on a replica */
    bool force_primary;      /* listener, setting or hint */
    bool force_replica;      /* the listener's route = replica */
    bool retry;              /* failed on a replica: the primary now */
    bool split;              /* read_write_split */
    enum consistency level;
    usec_t now;
    usec_t began;        /* moment at which the read arrived */
    usec_t max_lag;      /* of level bounded, or of a hint: a promise; 0: none */
    bool may_wait;       /* there is still time for ROUTE_WAIT */
    usec_t wait;         /* freshness_wait: a replica that is further behind is not waited for */
    bool turn;           /* the session has been on its replica for long: it may choose again */
    bool turning;        /* it waits for that */
    uint64_t only;       /* bit i: a hint names node i; 0: any */
    uint64_t avoid;      /* bit i: logins to node i have just failed */
    uint64_t forbidden;  /* bit i: node i is not in a zone that is allowed; never relaxed */
    uint64_t full;       /* bit i: node i has as much in flight as it may */
    int home;            /* balance_by = session: one more than the node that it chose; 0: none */
    int when_no_replica; /* 1 primary, 2 wait, 3 error (proxy_conf.h) */
    uint32_t primary_weight; /* the primary's share of reads; 0: none */
    usec_t slow_start;
    struct balance_rules balance;
    const uint32_t *in_flight; /* by node, of this worker */
    const usec_t *latency;     /* the same; NULL: not known */
    const uint8_t *tier;       /* by node; NULL: all are equally near */
    struct balance_state *balance_state;
    struct prng *prng;
};

struct route_out {
    enum route_kind kind;
    enum route_reason reason;
    int node;
    bool want_sample; /* a fresh sample would allow a replica, or another one */
    bool chose;       /* there was a choice */
    bool turns;       /* ROUTE_WAIT, but not for want of a replica: to choose again among all */
};

struct route_out route_decide(const struct route_in *in);

/* Would route_decide give ROUTE_WAIT again? For reads that wait already; leaves no trace in the balance. */
bool route_waits(const struct route_in *in);

#endif
