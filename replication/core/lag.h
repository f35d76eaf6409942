/* How far a replica is behind, in time and bytes, and whether it may serve reads (with hysteresis). Pure.
 *
 * The manager samples the writer's position at each probe. A replica is behind by the age of the oldest sample that its
 * replay has not reached; a replica that reached the newest sample has no lag, so an idle primary never looks like lag. */
#ifndef TANIST_CORE_LAG_H
#define TANIST_CORE_LAG_H

#include <stdbool.h>

#include "observe.h"

enum { LAG_SAMPLES_MAX = 64 };

struct lag_sample {
    usec_t at,
        until; /* the first and the last moment at which the writer was asked and stood here */
    lsn_t lsn;
};

/* Positions of one writer, oldest first, strictly rising. When full, the older half is thinned out. */
struct lag_history {
    int n;
    struct lag_sample samples[LAG_SAMPLES_MAX];
};

void lag_history_reset(struct lag_history *h); /* at every new writer */
/* at = moment before the question was sent, lsn = flush position. Ignored if lsn is older than the newest. */
void lag_history_add(struct lag_history *h, usec_t at, lsn_t lsn);
lsn_t lag_history_newest(const struct lag_history *h); /* 0: none */

/* The newest moment of which it is known that all that the writer had flushed before is at or below replay: a promise, where
 * lag_measure's time is an estimate. 0: none is known. */
usec_t lag_fresh_at(const struct lag_history *h, lsn_t replay);

struct lag {
    bool known; /* false without any sample or without a replay position */
    usec_t time;
    uint64_t bytes;
};

/* o: the replica's last good observation. */
struct lag lag_measure(const struct lag_history *h, const struct observation *o, usec_t now);

struct lag_policy {
    usec_t max_lag;         /* 0: no limit */
    uint64_t max_lag_bytes; /* 0: no limit */
    int resume_percent;     /* a node over a limit returns at this share of it, 1..100 */
};

void lag_policy_default(struct lag_policy *p); /* 1s, 16MB, 70 */

/* READ_OK, READ_LAG_TIME or READ_LAG_BYTES; before is the last answer for this node (hysteresis). Unknown lag keeps READ_OK
 * only if the node was READ_OK before; callers treat unobserved nodes earlier. */
enum topo_unreadable lag_judge(const struct lag_policy *p, const struct lag *lag,
                               enum topo_unreadable before);

#endif
