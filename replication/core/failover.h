/* Failover and switchover: one machine, step(state, event) -> effects. Pure; owned by the manager, one per cluster.
 *
 *   STEADY -> HOLDING -> REVOKING -> CHOOSING -> CATCHUP -> PROMOTING -> ANNOUNCING -> REPOINTING -> STEADY
 *   with WAITING (no candidate), ABORTING (back to the old writer).
 *
 * The shell executes effects in the order given and reports each that has a deadline with FAILOVER_DONE, FAILOVER_FAILED
 * (FAILED also for its own timeout). Effects are idempotent; a report for another state's effect is ignored. Promotion never
 * happens before the no-writer epoch is journaled and drained, and its own journal entry is written. */
#ifndef TANIST_CORE_FAILOVER_H
#define TANIST_CORE_FAILOVER_H

#include "../base/sm.h"
#include "decide.h"

enum failover_state {
    FAILOVER_STEADY = 1,
    FAILOVER_HOLDING,
    FAILOVER_REVOKING, /* soft-fence the old writer and stop the receivers: quorum mode counts them, else best effort */
    FAILOVER_CHOOSING,
    FAILOVER_CATCHUP,
    FAILOVER_PROMOTING,
    FAILOVER_ANNOUNCING,
    FAILOVER_REPOINTING,
    FAILOVER_WAITING,
    FAILOVER_ABORTING,
    FAILOVER_STATE_NR
};

enum failover_kind {
    FAILOVER_KIND_NONE = 0,
    FAILOVER_UNPLANNED,
    FAILOVER_SWITCHOVER,
    FAILOVER_KIND_NR
};

/* Effects, and what the shell does. Those marked * must be answered by DONE or FAILED with the same kind and node. */
enum failover_effect_kind {
    FX_NONE = 0,
    FX_JOURNAL, /* * write `memory` of the machine durably */
    FX_HOLD,    /*   publish writer none, holding, epoch >= effect.epoch (decide_topology) */
    FX_DRAIN,   /* * wait until every worker has drained effect.epoch; FAILED at the deadline */
    FX_PROBE,   /*   probe node now (-1: all) */
    FX_FENCE, /* * soft fence of the old writer: default_transaction_read_only on, end sessions; fence_command */
    FX_UNFENCE,       /* * undo it (switchover aborted) */
    FX_STOP_RECEIVER, /* * primary_conninfo = '' and reload on node, until its receiver is gone */
    FX_DEMOTE, /* * demote_command hook: stop the old writer cleanly, restart as replica (when configured) */
    FX_PROMOTE, /* * pg_promote on node; DONE means the call returned, the machine waits for what probes see */
    FX_ANNOUNCE,    /*   publish writer = node, epoch >= effect.epoch */
    FX_CREATE_SLOT, /* * on `to`, physical slot for node */
    FX_REPOINT,     /* * primary_conninfo of node -> `to`, with its slot, reload */
    FX_CHECKPOINT,  /*   CHECKPOINT on node, no answer awaited */
    FX_UNFENCE_NEW, /*   reset default_transaction_read_only on node, if a soft fence is found there */
    FX_SET_SYNC, /* * synchronous_standby_names of node (a candidate) = the plan of memory, seen in force */
    FX_FENCE_HOOK, /* * fence_command for the old writer (when configured) */
    FX_VETO,       /* * pre_promote_command for the candidate (when configured); FAILED is a veto */
    FX_REJOIN,     /*   rejoin_command, by the shell's repairs only */
    FX_WITNESS, /*   wal_receiver_timeout of a replica, likewise: it asks the primary for a sign of life */
    FX_REPORT_LOSS, /*   log: WAL from lsn_from to lsn_to of the old writer may be lost (equal: nothing known) */
    FX_NOTIFY, /*   notify hook: the run ended (effect.result) */
    FX_NR
};

enum failover_result {
    FAILOVER_RESULT_NONE = 0,
    FAILOVER_PROMOTED, /* a new writer serves */
    FAILOVER_KEPT,     /* aborted; the old writer serves */
    FAILOVER_GAVE_UP,  /* aborted; no writer */
    FAILOVER_RESULT_NR
};

struct failover_effect {
    enum failover_effect_kind kind;
    int node;        /* -1 when it concerns none */
    int to;          /* REPOINT, CREATE_SLOT */
    usec_t deadline; /* monotonic */
    usec_t
        grace; /* HOLD, DRAIN: transactions in flight may finish for so long (0: close at once) */
    uint64_t epoch; /* HOLD, DRAIN, ANNOUNCE */
    lsn_t lsn_from, lsn_to;
    uint64_t lost_bytes;
    enum failover_result result;
};

enum { FAILOVER_EFFECTS_MAX = 4 * TOPO_NODES_MAX };

struct failover_effects {
    int n;
    struct failover_effect e[FAILOVER_EFFECTS_MAX];
};

enum failover_event_kind {
    FAILOVER_EV_TICK = 1, /* time passed, or the view changed */
    FAILOVER_EV_DONE,
    FAILOVER_EV_FAILED,
    FAILOVER_EV_CANCEL, /* the operator wants it stopped; honoured before PROMOTING only */
    FAILOVER_EV_NR
};

struct failover_event {
    enum failover_event_kind kind;
    enum failover_effect_kind effect; /* DONE, FAILED */
    int node;                         /* DONE, FAILED: the effect's node */
    uint64_t epoch;                   /* DONE of DRAIN: the epoch that is drained */
    char detail[OBSERVE_TEXT_MAX];    /* FAILED: why, for people */
};

struct failover_policy {
    usec_t drain_timeout; /* switchover: transactions in flight may finish for so long */
    usec_t hold_timeout;  /* barrier: workers must confirm within (after drain_timeout) */
    usec_t revoke_timeout;
    usec_t
        catchup_timeout; /* replay of received WAL; in switchover: receiving the old writer's last WAL too */
    usec_t promote_timeout;
    usec_t repoint_timeout;
    usec_t
        wait_timeout; /* WAITING for a candidate before giving up the run (no writer is published, holding off) */
    uint64_t failover_max_lag;
    bool has_demote; /* demote_command is configured */
    bool has_fence;  /* fence_command */
    bool has_veto;   /* pre_promote_command */
    usec_t hook_timeout;
    struct quorum_policy quorum;
};

void failover_policy_default(struct failover_policy *p);

/* The world at this step. */
struct failover_input {
    const struct view *view;
    const struct topology *topology; /* published last */
    const struct failover_policy *policy;
    enum authority authority;
    uint64_t random; /* for the names of a new quorum */
    usec_t now;
};

struct failover_move {
    usec_t at;
    enum failover_state from, to;
    char reason[64];
};

enum { FAILOVER_MOVES_MAX = 10 };

struct failover {
    struct sm sm;
    enum failover_kind kind;
    usec_t started_at, since, deadline; /* deadline of the state */
    int old_writer;                     /* -1 none */
    int candidate;                      /* -1 none yet */
    int named;                          /* operator's wish; -1 any */
    bool accept_loss;
    enum failover_result result; /* of this or the last run */
    lsn_t old_lsn;               /* last known flush position of the old writer */
    lsn_t goal_lsn;              /* CATCHUP: candidate's replay must reach it; 0 not known yet */
    lsn_t candidate_lsn;         /* what the candidate had when it was promoted */
    uint32_t old_timeline;
    uint64_t hold_epoch;     /* no-writer epoch of this run */
    uint64_t announce_epoch; /* epoch of the new (or kept) writer */
    uint64_t drained_epoch;  /* barrier seen for this epoch */
    uint64_t excluded;       /* candidates whose promotion failed */
    uint64_t attempted;      /* nodes that were told to promote */
    uint64_t stopped;        /* receivers that were told to stop */
    uint64_t revoked;        /* ... and durably have */
    usec_t revoked_at[TOPO_NODES_MAX];
    /* What FX_JOURNAL writes. The manager has no other copy: it passes &f->memory to decide(), decide_topology() and
     * decide_remember(), and journals it before it publishes a new epoch. */
    struct decide_memory memory;
    struct candidate_list candidates; /* of the last CHOOSING, with reasons */
    int n_moves;
    struct failover_move moves[FAILOVER_MOVES_MAX]; /* newest last */

    /* Private: progress inside the state. */
    int phase;
    uint64_t only; /* CHOOSING: revoked and asked since; 0 no restriction */
    bool cancel;
    int journal_step;
    bool journaling, journal_failed;
    uint64_t journaled;             /* bit n: state n was journaled in this run */
    bool vetted;                    /* pre_promote_command was asked for this candidate */
    bool hook_pending, hook_failed; /* fence_command, pre_promote_command */
    bool drain_failed, fence_pending, fence_failed, fenced, promote_failed;
    uint64_t pending, slots_made, repoint_sent; /* nodes */
    usec_t asked_at;                            /* of the last extra probe */
    lsn_t seen_replay;
    usec_t seen_at, failed_at;
    int stalls;
};

void failover_init(struct failover *f, const struct decide_memory *m);

struct failover_request {
    enum failover_kind kind;
    int named; /* -1 any */
    bool accept_loss;
};
/* Starts a run. ERR_REFUSED with the reason when it cannot (one runs already, no authority, TILT, no writer for a
 * switchover, named node not eligible: dry run with fx NULL asks only). */
int failover_start(struct failover *f, const struct failover_request *r,
                   const struct failover_input *in, struct failover_effects *fx, struct err *e)
    MUST_CHECK;

/* One event. fx is overwritten. Nothing happens in STEADY. */
void failover_step(struct failover *f, const struct failover_event *ev,
                   const struct failover_input *in, struct failover_effects *fx);

/* When the next TICK is due (USEC_NEVER in STEADY); ticks at every change of the view come besides. */
usec_t failover_next(const struct failover *f);

bool failover_running(const struct failover *f);
enum failover_state failover_state_of(const struct failover *f);
const char *failover_state_name(enum failover_state s);
const char *failover_effect_name(enum failover_effect_kind k);
const char *failover_result_name(enum failover_result r);
extern const struct sm_state
    failover_states[FAILOVER_STATE_NR]; /* the edge table; index is the state */

/* Invariants of the state; BUGs when broken. */
void failover_check(const struct failover *f);

#endif
