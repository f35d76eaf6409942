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

/* ---- between the failover_*.c files: helpers, then the states that live in failover_promote.c and failover_end.c ---- */
const struct view_node *failover_run_node(const struct failover_ctx *c, int i);
struct failover_effect *failover_run_emit(const struct failover_ctx *c,
                                          enum failover_effect_kind kind, int node);
void failover_run_abort(const struct failover_ctx *c, const char *reason);
void failover_run_journal(const struct failover_ctx *c, int step);
/* Quorum mode, and the operator has not accepted a loss. */
bool failover_run_strict(const struct failover_ctx *c);
/* Revoked nodes whose position was asked since: it cannot move any more. */
uint64_t failover_run_known(const struct failover_ctx *c);
bool failover_run_proven(const struct failover_ctx *c, uint64_t known);
/* An operator's command; absorbed into hook_pending and hook_failed. */
void failover_run_hook(const struct failover_ctx *c, enum failover_effect_kind kind, int node);
bool failover_run_late(const struct failover_ctx *c);
void failover_run_ask(const struct failover_ctx *c, int node);
void failover_run_ask_again(const struct failover_ctx *c, int node);
bool failover_run_ours(const struct failover_ctx *c, int i);
bool failover_run_ready(const struct failover_ctx *c, int i);
bool failover_run_old_back(const struct failover_ctx *c, usec_t after);
bool failover_run_old_fits(const struct failover_ctx *c);
int failover_run_promoted(const struct failover_ctx *c);
bool failover_run_adopt(const struct failover_ctx *c, const char *reason);
void failover_run_stop(const struct failover_ctx *c, int but);
void failover_promote_announce(const struct failover_ctx *c, int node);
bool failover_promote_catchup(const struct failover_ctx *c);
bool failover_promote_promoting(const struct failover_ctx *c);
bool failover_promote_announcing(const struct failover_ctx *c);
bool failover_end_repointing(const struct failover_ctx *c);
bool failover_end_waiting(const struct failover_ctx *c);
bool failover_end_aborting(const struct failover_ctx *c);
bool failover_run_all_asked(const struct failover_ctx *c, usec_t since);

#endif
