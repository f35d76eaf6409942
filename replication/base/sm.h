/* State machines as tables: names, allowed edges, an invariant hook, one log line for each move. Pure but for log.
 *
 * State 0 is invalid. States are at most 63, so that the edges of one state fit a bit mask. */
#ifndef TANIST_BASE_SM_H
#define TANIST_BASE_SM_H

#include <stdbool.h>
#include <stdint.h>

struct sm_state {
    const char *name;
    uint64_t allowed; /* bit n: may move to state n */
    bool initial, final;
};

struct sm {
    const char *machine; /* "failover", "server": the log's machine= */
    const struct sm_state *states;
    int n_states;
    bool (*invariant)(const struct sm *sm, int prev); /* may be NULL */
    bool quiet;                                       /* log at debug instead of info */
    uint64_t id;
    int state;
};

#define SM_TO(state) (UINT64_C(1) << (state))

void sm_init(struct sm *sm, const char *machine, const struct sm_state *states, int n_states,
             int initial);
/* Asserts the edge (BUG_ON otherwise), checks the invariant, logs event=<machine>.<new state name>. */
void sm_move(struct sm *sm, int state, const char *reason);
bool sm_can_move(const struct sm *sm, int state);
const char *sm_name(const struct sm *sm);
/* Asserts that the state is final. */
void sm_fini(struct sm *sm);

#endif
