/* What a transaction's client was told so far, as a checksum, and whether the transaction may run again. Pure. */
#ifndef TANIST_CORE_TXSUM_H
#define TANIST_CORE_TXSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/clock.h"

/* Over all bytes, and where each batch ended; how they were cut into pieces does not matter. */
struct txsum {
    uint64_t a, b, bytes;
    uint32_t batches;
};

void txsum_init(struct txsum *t);
void txsum_add(struct txsum *t, const uint8_t *p, size_t n);
void txsum_batch(struct txsum *t);
bool txsum_equal(const struct txsum *a, const struct txsum *b);

struct txsum_case {
    bool lost;        /* certainly not committed */
    bool begun_apart; /* by a BEGIN that was answered by us: we know how to begin again */
    const struct txsum *told, *at_batch; /* all, and up to the last ReadyForQuery */
    uint32_t attempts, attempts_max;
    usec_t age, age_max;
};
/* Nothing of the batch that was under way may have been told: it cannot be taken back. */
bool txsum_may_run_again(const struct txsum_case *c);

#endif
