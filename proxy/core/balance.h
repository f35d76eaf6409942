/* Picks one node for a read from a copied array of loads. Pure: randomness and state are the caller's. One state belongs
 * to one worker and one cluster.
 *
 * Every read is charged to its node, divided by the node's weight, whether there was a choice or not. Policies that go by
 * shares pick the node that is charged least, so shares are those of the weights although most reads of a busy session have no
 * choice. */
#ifndef TANIST_CORE_BALANCE_H
#define TANIST_CORE_BALANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../replication/base/clock.h"
#include "../../replication/base/prng.h"

enum {
    BALANCE_NODES_MAX = 64,
    BALANCE_NONE = -1,
    BALANCE_UNIT = 1000, /* a weight of 1 that has its whole share (topo_share) */
    BALANCE_WEIGHT_MAX = 1000 * BALANCE_UNIT
};

enum balance_policy {
    BALANCE_LEAST_BUSY =
        1, /* the one charged least, unless another one has clearly less in flight for its weight */
    BALANCE_ROUND_ROBIN, /* the one charged least */
    BALANCE_RANDOM,      /* by weight */
    BALANCE_LATENCY,     /* power of two choices over latency * (in_flight + 1) / weight */
    BALANCE_NR
};

struct balance_load {
    bool eligible;
    uint8_t tier;       /* of its zone, 0: the nearest; farther ones serve when no nearer one can */
    uint32_t weight;    /* in BALANCE_UNITs; 0: only when no other is eligible */
    uint32_t in_flight; /* statements and transactions on it now, as far as this worker knows */
    usec_t latency;     /* smoothed; 0: not known */
    usec_t since;       /* eligible since then: a node that was away begins anew */
};

struct balance_rules {
    enum balance_policy policy;
    uint32_t
        spill; /* in flight for each unit of weight on all of a tier: the next one helps; 0: never */
};

/* Zero-initialise. Indexed as the loads are; reset it when indexes change their meaning. */
struct balance_state {
    uint64_t charged[BALANCE_NODES_MAX], most;
    usec_t since[BALANCE_NODES_MAX];
};

/* Index of the node, or BALANCE_NONE if none is eligible; it is charged for a read. n <= BALANCE_NODES_MAX. */
int balance_pick(const struct balance_rules *r, const struct balance_load *loads, int n,
                 struct balance_state *st, struct prng *rng);

/* A read went to node i without a pick. */
void balance_charge(struct balance_state *st, int i, uint32_t weight);

/* Would a session that has been reading on `at` better go to another one? at is farther than others, was charged for clearly more
 * reads, or has twice as much in flight. */
bool balance_leaves(const struct balance_rules *r, const struct balance_load *loads, int n,
                    const struct balance_state *st, int at);

/* Exponentially weighted mean for balance_load.latency: an eighth of the new sample each time. */
usec_t balance_latency(usec_t smoothed, usec_t sample);
/* A node that nobody measured lately gets another chance: half of it is forgotten within some ten calls. */
usec_t balance_forget(usec_t smoothed);

#endif
