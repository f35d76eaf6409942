/* Picks one node for a read from a copied array of loads. Pure: randomness and state are the caller's. One state belongs
 * to one worker and one cluster. */
#ifndef TANIST_CORE_BALANCE_H
#define TANIST_CORE_BALANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../replication/base/clock.h"
#include "../../replication/base/prng.h"

enum { BALANCE_NODES_MAX = 64, BALANCE_NONE = -1, BALANCE_WEIGHT_MAX = 1000000 };

enum balance_policy {
    BALANCE_LEAST_BUSY = 1, /* power of two choices over in_flight / weight */
    BALANCE_ROUND_ROBIN,    /* smooth, weighted */
    BALANCE_RANDOM,         /* weighted */
    BALANCE_LATENCY,        /* power of two choices over latency * (in_flight + 1) / weight */
    BALANCE_NR
};

struct balance_load {
    bool eligible;
    uint32_t
        weight; /* 0: only when no other is eligible; above BALANCE_WEIGHT_MAX counts as that */
    uint32_t in_flight; /* statements and transactions on it now, as far as this worker knows */
    usec_t latency;     /* smoothed; 0: not known */
};

/* Zero-initialise. Indexed as the loads are; reset it when indexes change their meaning. */
struct balance_state {
    int64_t credit[BALANCE_NODES_MAX]; /* round robin */
};

/* Index of the node, or BALANCE_NONE if none is eligible. n <= BALANCE_NODES_MAX. */
int balance_pick(enum balance_policy policy, const struct balance_load *loads, int n,
                 struct balance_state *st, struct prng *rng);

/* Exponentially weighted mean for balance_load.latency: an eighth of the new sample each time. */
usec_t balance_latency(usec_t smoothed, usec_t sample);

#endif
