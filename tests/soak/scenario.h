/* What a client of the soak test does next, and what it must see: a scenario is a list of steps, each a statement with
 * its only right answer, made from the client's own idea of its session. Pure but for the generator that it is lent. */
#ifndef TANIST_SOAK_SCENARIO_H
#define TANIST_SOAK_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "../../replication/base/prng.h"

enum { SCENARIO_STEPS = 24, SCENARIO_SQL = 640, SCENARIO_WANT = 200, SCENARIO_VALUE = 40 };

enum step_kind {
    STEP_QUERY = 0, /* want: the first value, or the command's tag, or "!SQLSTATE" */
    STEP_PREPARE,   /* sql under the name p */
    STEP_EXECUTE,   /* p with sql as its parameter */
    STEP_NOTIFY, /* a query after which a notification on the client's own channel, with the payload want, arrives */
    STEP_RECONNECT, /* leave as it is, and come back as a new session */
};

struct step {
    enum step_kind kind;
    char sql[SCENARIO_SQL];
    char want[SCENARIO_WANT];
};

/* What a session has. */
struct model {
    char application_name[SCENARIO_VALUE], search_path[SCENARIO_VALUE], timezone[SCENARIO_VALUE];
    char custom[SCENARIO_VALUE], role[SCENARIO_VALUE], work_mem[SCENARIO_VALUE];
    bool prepared, temp, lock, listening, cursor;
};

struct scenario {
    int id;      /* of the client */
    bool pinner; /* may do what binds it to a server */
    int seq;     /* of its last write */
    struct model m;
    int n, at;
    struct step step[SCENARIO_STEPS];
    struct prng rng;
    const char *name;
};

void scenario_init(struct scenario *s, int id, bool pinner, uint64_t seed);
/* The state of a session that has just begun. */
void scenario_begin_session(struct scenario *s);
/* Writes the next steps. */
void scenario_next(struct scenario *s);

#endif
