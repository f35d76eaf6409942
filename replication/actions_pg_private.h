/* Private to actions_pg.c (connections, deadlines, the end) and actions_sql.c (what is said to the server). */
#ifndef TANIST_ACTIONS_PG_PRIVATE_H
#define TANIST_ACTIONS_PG_PRIVATE_H

#include "actions_pg.h"
#include "base/list.h"
#include "hook.h"
#include "pgconn.h"

enum { SQL_MAX = 4096 };

struct actions_pg {
    struct actions port; /* first */
    uv_loop_t *loop;
    const struct clock *clock;
    struct list runs;
    bool closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

struct actions_run;

/* What a step wants: the next statement is in run->sql, or the action is over. */
enum actions_verdict { STEP_SQL = 1, STEP_OPTIONAL, STEP_WAIT, STEP_DONE, STEP_FAIL };
typedef enum actions_verdict (*actions_step_fn)(struct actions_run *r, const struct pgresult *prev);

struct actions_run {
    struct list_node link;
    struct actions_pg *owner;
    struct action what;
    action_done_cb done;
    void *arg;
    usec_t deadline;
    actions_step_fn step;
    int at; /* which statement comes next */
    bool optional;
    struct pgconn *conn;
    struct hook *hook;
    uv_timer_t timer; /* between polls, and the start */
    char sql[SQL_MAX];
    struct err err;
    bool ended;
    int closing;
};

/* The machine of an action by SQL; NULL if it is none. */
actions_step_fn actions_sql_step(enum failover_effect_kind kind);

#endif
