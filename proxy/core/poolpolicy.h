/* Decisions about pools: how many servers one may have, who gets the next, which time is over, which idle server goes.
 * Pure: counts and moments in, a verdict out. */
#ifndef TANIST_CORE_POOLPOLICY_H
#define TANIST_CORE_POOLPOLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "../../replication/base/clock.h"

/* -- sizes -------------------------------------------------------------------------------------------------------- */

struct poolpolicy_size {
    int size, min, reserve;
    usec_t reserve_timeout; /* 0: the reserve is not used */
};

/* How many servers a pool may have while its longest waiting client has waited for so long. */
int poolpolicy_capacity(const struct poolpolicy_size *s, usec_t waited);
/* How many are kept open for clients that ask for nothing. */
int poolpolicy_warm(const struct poolpolicy_size *s);
/* What tanist may have of a node's connections; 0: not known, no limit. At least 1 if it is known. */
int poolpolicy_node_budget(uint32_t connections_max, int headroom);

/* -- servers ------------------------------------------------------------------------------------------------------ */

/* The lifetime of one server: up to a tenth less, by its own random number. 0 stays 0: no limit. */
usec_t poolpolicy_lifetime(usec_t lifetime, uint32_t random);

struct poolpolicy_server {
    usec_t now, connected_at, last_used;
    usec_t lifetime;     /* of this server; 0: no limit */
    usec_t idle_timeout; /* 0: no limit */
    int servers, warm;   /* that its pool has, and that are kept */
};
/* Is an idle server to be closed? */
bool poolpolicy_idle_over(const struct poolpolicy_server *s);
/* Is a server that was just released to be closed? */
bool poolpolicy_life_over(const struct poolpolicy_server *s);

/* -- fairness between pools that share a limit ---------------------------------------------------------------------- */

/* A pool keeps a server for at least this long before it goes to another pool: a login costs more than most statements. And
 * one that is idle for a moment only is not taken by pools that have as many. */
enum { POOLPOLICY_QUANTUM = 50 /* ms */, POOLPOLICY_LINGER = 1000 /* ms */ };

struct poolpolicy_claim {
    int mine, theirs;   /* servers of the pool that has one, and of the one that waits */
    bool waiting;       /* clients wait here, too */
    usec_t my_since;    /* since when the first of them does */
    usec_t their_since; /* since when the first of the others does */
    usec_t held_for;    /* how long this pool has had the server */
    usec_t idle_for;    /* how long nobody has used it */
};
/* Does a server that nobody uses go to the other pool? */
bool poolpolicy_yields(const struct poolpolicy_claim *c);

struct poolpolicy_idle {
    bool usable;      /* it may be taken */
    usec_t last_used; /* of the pool's oldest idle server */
};
/* Which of n pools gives up its oldest idle server; -1: none can. */
int poolpolicy_evict(const struct poolpolicy_idle *pools, int n);

/* -- times of a client ---------------------------------------------------------------------------------------------- */

enum poolpolicy_over {
    POOLPOLICY_OVER_NONE = 0,
    POOLPOLICY_OVER_WAIT,             /* query_wait_timeout */
    POOLPOLICY_OVER_NOTIFY,           /* query_wait_notify */
    POOLPOLICY_OVER_TRANSACTION,      /* transaction_timeout */
    POOLPOLICY_OVER_IDLE_TRANSACTION, /* idle_transaction_timeout */
    POOLPOLICY_OVER_QUERY,            /* query_timeout: cancel it */
    POOLPOLICY_OVER_CANCEL,           /* it was cancelled, and still runs */
    POOLPOLICY_OVER_IDLE,             /* client_idle_timeout */
    POOLPOLICY_OVER_NR
};

struct poolpolicy_timeouts { /* 0: none */
    usec_t query_wait, query_wait_notify, query, transaction, idle_transaction, client_idle;
    usec_t cancel_grace;
};

struct poolpolicy_client {
    bool waiting;  /* in a pool's queue */
    bool held;     /* for a primary or a replica: its own time-out rules */
    bool notified; /* of its wait */
    bool running;  /* a request was sent and is not answered */
    bool in_transaction;
    usec_t waited_since;      /* when waiting or held */
    usec_t query_since;       /* when running */
    usec_t transaction_since; /* 0: it is in none */
    usec_t canceled_at;       /* 0: not by us */
    usec_t ready_at;          /* when it was last told to go on */
};

/* The first that applies. */
enum poolpolicy_over poolpolicy_client_over(const struct poolpolicy_client *c,
                                            const struct poolpolicy_timeouts *t, usec_t now);

#endif
