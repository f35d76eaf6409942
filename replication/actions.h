/* The effect port: how decisions of the failover machine reach the nodes. The daemon's port is actions_pg; the
 * simulator has its own.
 *
 * Every action is idempotent, has a deadline, and ends with exactly one callback, never from within start (with
 * ERR_CANCELED when the port is closed). Passwords in a replica's primary_conninfo are kept and never logged. */
#ifndef TANIST_ACTIONS_H
#define TANIST_ACTIONS_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/failover.h"

enum { ACTIONS_MAX = 256, ACTION_CONNINFO_MAX = 1024 };

/* A receiver that shall stop is pointed at this host. The replica keeps all other keywords of its primary_conninfo, so that
 * it can be pointed at a new primary later, also by another run of this program. */
#define ACTIONS_NOWHERE "/tanist-revoked"

/* A node, as the port reaches it. */
struct action_place {
    char name[TOPO_NAME_MAX];
    char host[TOPO_HOST_MAX];
    char addr[64]; /* empty for socket directories */
    uint16_t port;
    char conninfo[ACTION_CONNINFO_MAX];
};

/* What the steps of an action found out; valid when it ended without an error. */
struct action_found {
    uint64_t
        frontier;   /* PROMOTE: pg_snapshot_xmax, from the statement that promoted; 0: not asked */
    lsn_t replayed; /* PROMOTE: replayed for certain before that */
};

struct action {
    enum failover_effect_kind
        kind; /* FENCE, UNFENCE, UNFENCE_NEW, STOP_RECEIVER, DEMOTE, PROMOTE, CREATE_SLOT, REPOINT,
                                       CHECKPOINT, SET_SYNC, WITNESS */
    char cluster[TOPO_NAME_MAX];
    struct action_place node;
    struct action_place
        to; /* REPOINT, DEMOTE: the new primary; CREATE_SLOT: where the slot is made */
    char slot[TOPO_NAME_MAX];               /* CREATE_SLOT, REPOINT; empty: no slot */
    char user[TOPO_NAME_MAX];               /* REPOINT: replication user; empty: keep */
    char application_name[QUORUM_NAME_MAX]; /* REPOINT; empty: keep */
    char names[QUORUM_TEXT_MAX];            /* SET_SYNC */
    usec_t receiver_timeout;                /* WITNESS */
    bool archive;                           /* STOP_RECEIVER: cut off the archive as well */
    char command[ACTION_CONNINFO_MAX];      /* hooks: the operator's command */
    char result[16]; /* NOTIFY: how the run ended; REJOIN: is a rewind needed */
    uint64_t epoch;
    usec_t timeout;
    struct action_found *found; /* lent until the callback; may be NULL */
};

typedef void (*action_done_cb)(void *arg, const struct err *e);

struct actions {
    /* ERR_LIMIT at ACTIONS_MAX, ERR_NOMEM. Copies the action. */
    int (*start)(struct actions *a, const struct action *what, action_done_cb done, void *arg,
                 struct err *e);
    /* Drops what is under way and frees a. */
    void (*close)(struct actions *a, void (*done)(void *arg), void *arg);
};

#endif
