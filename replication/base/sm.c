#include "sm.h"

#include <stdio.h>

#include "bug.h"
#include "log.h"

static void check(const struct sm *sm)
{
    BUG_ON(sm->states == NULL);
    BUG_ON(sm->state <= 0);
    BUG_ON(sm->state >= sm->n_states);
}

void sm_init(struct sm *sm, const char *machine, const struct sm_state *states, int n_states,
             int initial)
{
    BUG_ON(machine == NULL);
    BUG_ON(states == NULL);
    BUG_ON(n_states < 2);
    BUG_ON(n_states > 64);
    BUG_ON(initial <= 0);
    BUG_ON(initial >= n_states);
    BUG_ON(!states[initial].initial);
    *sm = (struct sm){.machine = machine, .states = states, .n_states = n_states, .state = initial};
}

bool sm_can_move(const struct sm *sm, int state)
{
    check(sm);
    return state > 0 && state < sm->n_states && (sm->states[sm->state].allowed & SM_TO(state));
}

static void log_move(const struct sm *sm, int prev, const char *reason)
{
    const enum log_level level = sm->quiet ? LOG_DEBUG : LOG_INFO;
    if (!log_enabled(level))
        return;
    char event[96], id[24];
    snprintf(event, sizeof(event), "%s.%s", sm->machine, sm->states[sm->state].name);
    snprintf(id, sizeof(id), "%llu", (unsigned long long)sm->id);
    const struct log_kv kv[] = {
        {"machine", sm->machine},           {"id", id},         {"from", sm->states[prev].name},
        {"to", sm->states[sm->state].name}, {"reason", reason},
    };
    log_event(level, event, kv, (int)ARRAY_LEN(kv), "%s: %s -> %s", sm->machine,
              sm->states[prev].name, sm->states[sm->state].name);
}

void sm_move(struct sm *sm, int state, const char *reason)
{
    check(sm);
    BUG_ON(!sm_can_move(sm, state));
    const int prev = sm->state;
    sm->state = state;
    BUG_ON(sm->invariant && !sm->invariant(sm, prev));
    log_move(sm, prev, reason);
}

const char *sm_name(const struct sm *sm)
{
    check(sm);
    return sm->states[sm->state].name;
}

void sm_fini(struct sm *sm)
{
    check(sm);
    BUG_ON(!sm->states[sm->state].final);
    sm->states = NULL;
    sm->state = 0;
}
