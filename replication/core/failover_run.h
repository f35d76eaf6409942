/* The states of the failover machine, one function each. Pure; private to failover.c, which owns starting, events and
 * names. */
#ifndef TANIST_CORE_FAILOVER_RUN_H
#define TANIST_CORE_FAILOVER_RUN_H

#include "failover.h"

/* Between extra probes: while clients are held and one answer is awaited, and while nobody can be promoted. */
#define FAILOVER_RUN_ASK_AGAIN   (10 * USEC_PER_MS)
#define FAILOVER_RUN_ASK_WAITING (200 * USEC_PER_MS)

/* One step's surroundings; fx may be NULL only for failover_run_rank. */
struct failover_ctx {
    struct failover *f;
    const struct failover_input *in;
    struct failover_effects *fx;
};

/* Goes on as far as what is known allows. */
void failover_run_advance(const struct failover_ctx *c);

void failover_run_move(const struct failover_ctx *c, enum failover_state to, usec_t timeout,
                       const char *reason);
/* Best candidate by the run's rules, or -1; reasons go to f->candidates. */
int failover_run_rank(const struct failover_ctx *c);
/* Above everything published or journaled. */
uint64_t failover_run_next_epoch(const struct failover_ctx *c);

#endif
