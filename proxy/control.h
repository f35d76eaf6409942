/* Orders of the console to the pools: PAUSE, RESUME, RECONNECT, DISABLE, ENABLE, KILL, KILL_CLIENT, WAIT_CLOSE, with
 * pgbouncer's meaning. The manager's thread keeps what is in force and tells every worker; a worker has its own copy, for
 * groups that come later. Orders that wait (PAUSE, WAIT_CLOSE) count again every now and then until nothing is left. */
#ifndef TANIST_PROXY_CONTROL_H
#define TANIST_PROXY_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "../replication/base/err.h"
#include "proxy_conf.h"

struct control;
struct pool_group;
struct proxy;
struct worker;

enum { CONTROL_NAMES_MAX = 256 };

struct control_gate {
    char database[CONF_NAME_MAX];
    bool paused, disabled;
};

/* What is in force. The manager has one, and each worker. */
struct control_gates {
    bool all_paused;
    int n;
    struct control_gate gates[CONTROL_NAMES_MAX];
};

bool control_paused(const struct control_gates *c, const char *database);
bool control_disabled(const struct control_gates *c, const char *database);

/* Worker's thread: a new group gets what is in force. */
void control_apply(const struct control_gates *c, struct pool_group *g);

enum control_op {
    CONTROL_PAUSE = 1,
    CONTROL_RESUME,
    CONTROL_RECONNECT,
    CONTROL_DISABLE,
    CONTROL_ENABLE,
    CONTROL_KILL,
    CONTROL_KILL_CLIENT,
    CONTROL_WAIT_CLOSE,
};

struct control_req {
    enum control_op op;
    char database[CONF_NAME_MAX]; /* as clients call it; empty: all */
    uint64_t client;              /* of KILL_CLIENT: the id that SHOW CLIENTS shows */
};

/* e->code 0: done. Once, on the manager's thread, perhaps before control_run returns. */
typedef void (*control_done)(void *arg, const struct err *e);

/* Manager's thread. */
struct control *control_new(struct proxy *p) MUST_CHECK;
void control_run(struct control *c, const struct control_req *req, control_done done, void *arg);
const struct control_gates *control_gates(const struct control *c);
/* Whoever waits is told that the daemon ends. Before the workers are stopped. */
void control_stop(struct control *c);
void control_free(struct control *c); /* nothing may be under way */

#endif
