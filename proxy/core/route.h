/* Where a batch goes: (what it does, the session, the snapshot, the policy) -> node / hold / refuse, with a reason. Pure.
 *
 * Also the freshness rule of today: a session that wrote is dirty since a moment; a writer position sampled after that
 * moment bounds what it wrote (its floor); until then, and on replicas below the floor, it does not read from replicas. */
#ifndef TANIST_CORE_ROUTE_H
#define TANIST_CORE_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../replication/base/clock.h"
#include "../../replication/core/topology.h"
#include "balance.h"

struct session_floor {
    bool dirty;         /* wrote, and no later sample has been seen yet */
    bool async_commit;  /* may commit without waiting for its flush */
    usec_t dirty_since; /* moment of the last answer to a write */
    lsn_t floor;        /* 0: none */
};

/* Takes over a newer sample. */
void floor_update(struct session_floor *f, const struct topo_sample *s);
void floor_wrote(struct session_floor *f, usec_t now);

enum route_kind { ROUTE_TO_NODE = 1, ROUTE_HOLD, ROUTE_REFUSE };

#define ROUTE_REASONS(X)                                                                     \
    X(RR_READ, "read", "a read, on the chosen replica")                                      \
    X(RR_WRITE, "write", "not known to be a read")                                           \
    X(RR_FORCED_PRIMARY, "forced-primary", "listener, setting or hint asks for the primary") \
    X(RR_SPLIT_OFF, "split-off", "read_write_split is off")                                  \
    X(RR_DIRTY, "own-writes", "the session wrote, and its position is not known yet")        \
    X(RR_FLOOR, "floor", "no replica has replayed the session's own writes yet")             \
    X(RR_NO_REPLICA, "no-replica", "no replica is eligible")                                 \
    X(RR_NO_WRITER, "no-writer", "there is no primary now")                                  \
    X(RR_RETRY, "retry", "it failed on a replica and runs again on the primary")             \
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

struct route_in {
    const struct topology *topo;
    struct session_floor *floor; /* updated from the sample */
    bool read;                   /* safe on a replica */
    bool force_primary;          /* listener or setting */
    bool force_replica;          /* the listener's route = replica */
    bool retry;                  /* failed on a replica: the primary now */
    bool split;                  /* read_write_split */
    bool eventual;               /* consistency = eventual: no floor */
    uint64_t avoid;              /* bit i: logins to node i have just failed */
    int when_no_replica;         /* 1 primary, 2 wait, 3 error (proxy_conf.h) */
    enum balance_policy balance;
    const uint32_t *in_flight; /* by node, of this worker */
    struct balance_state *balance_state;
    struct prng *prng;
};

struct route_out {
    enum route_kind kind;
    enum route_reason reason;
    int node;
    bool want_sample; /* a fresh sample would allow a replica */
};

struct route_out route_decide(const struct route_in *in);

/* Is node i eligible for a read at this floor? READ_OK or why not; floor 0 asks for no position. */
enum topo_unreadable route_readable(const struct topology *t, int i);
bool route_has_floor(const struct topology *t, int i, lsn_t floor);

#endif
