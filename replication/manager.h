/* The control plane: observe -> view -> decide -> act -> publish, on one thread.
 *
 * Owner: main. Every function is for the manager's thread unless it says "any thread". */
#ifndef TANIST_MANAGER_H
#define TANIST_MANAGER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/loop.h"
#include "publish.h"
#include "repl_conf.h"

struct manager;

/* Lends loop and publish until manager_free; copies conf. Reads the journal. */
int manager_new(struct loop *loop, struct publish *publish, const struct repl_conf *conf,
                struct manager **out, struct err *e) MUST_CHECK;
void manager_start(struct manager *m);
/* Stops probes and plans, closes every handle, then calls done. */
void manager_close(struct manager *m, void (*done)(void *arg), void *arg);
void manager_free(struct manager *m);

/* A reload: nodes and clusters may come and go, settings change. */
int manager_reload(struct manager *m, const struct repl_conf *conf, struct err *e) MUST_CHECK;

/* Any thread, cheap, coalesced: the data path saw an error of a node's connection; probe it now. It is a hint, never a
 * verdict. */
void manager_hint(struct manager *m, int cluster, int node);

/* Any thread, cheap, coalesced: a session waits for a fresh sample of the writer's position (and of replicas'
 * replay positions); sample soon instead of at the next interval. */
void manager_want_sample(struct manager *m, int cluster);
/* The same for a sample that nobody waits for: it will spare somebody a wait if it comes within some ten milliseconds. */
void manager_use_sample(struct manager *m, int cluster);

/* Operator commands. cluster -1 means the only one (else ERR_INVALID). The callback comes once, on the manager thread,
 * when the command ended: e->code 0 done, ERR_REFUSED with the reason, ERR_TIMEOUT, ... ; text is a report for people
 * (plan and measured pause), may be multi-line. */
typedef void (*manager_done_cb)(void *arg, const struct err *e, const char *text);

struct manager_cmd {
    enum manager_cmd_kind {
        MANAGER_SWITCHOVER = 1,
        MANAGER_FAILOVER,
        MANAGER_CANCEL, /* of a planned switchover, or of a run that has not promoted yet */
        MANAGER_DRAIN,
        MANAGER_UNDRAIN,
        MANAGER_MAINTENANCE_ON,
        MANAGER_MAINTENANCE_OFF,
    } kind;
    int cluster;
    char node[TOPO_NAME_MAX]; /* target; empty: choose */
    bool dry_run;
    bool accept_data_loss;
    usec_t delay; /* SWITCHOVER: begin so much later; the command ends at once. Not journaled */
};

void manager_command(struct manager *m, const struct manager_cmd *cmd, manager_done_cb done,
                     void *arg);

#endif
