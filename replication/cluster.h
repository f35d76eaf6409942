/* One cluster's control plane: its nodes, view, memory, failover machine and what was published last. Made and owned by
 * the manager; manager's loop only. Not for other folders: they use manager.h, status.h and query.h.
 *
 * observe (nodes) -> view -> decide (cluster_decide) -> act (cluster_failover.c) -> publish (cluster_publish). Probe
 * callbacks only record and mark dirty; decisions are taken in a turn of their own. */
#ifndef TANIST_CLUSTER_H
#define TANIST_CLUSTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "actions.h"
#include "base/loop.h"
#include "core/failover.h"
#include "core/rejoin.h"
#include "core/term.h"
#include "journal.h"
#include "manager.h"
#include "node.h"
#include "publish.h"

enum {
    CLUSTER_EVENTS_MAX = 512,
    CLUSTER_REPORT_MAX = 8192,
    CLUSTER_TICK_MS = 100,
    CLUSTER_RUN_TICK_MS = 20,
    CLUSTER_STALL_MS = 200 /* a tick that is later than this: the loop stood still */
};

/* An operator's command that waits for the machine, and what its report needs. */
struct cluster_command {
    bool active;
    enum manager_cmd_kind kind;
    manager_done_cb done;
    void *arg;
};

/* DRAIN and UNDRAIN are answered when every worker knows. */
enum { CLUSTER_WAITS_MAX = 8 };
struct cluster_wait {
    manager_done_cb done; /* NULL: none */
    void *arg;
    char node[TOPO_NAME_MAX];
    bool drained;
    usec_t until;
};

/* Moments of a run, for the report and the log. */
struct cluster_run {
    usec_t detected_at, held_at, drained_at, promote_sent_at, promoted_at, announced_at;
    uint64_t lost_bytes;
    lsn_t lost_from, lost_to;
    bool lost_known;
    int from, to; /* nodes */
};

/* Wishes for samples, bit i: of cluster i. Set by any thread (fetch_or acq_rel), which then wakes the manager; cleared by the
 * manager when a round begins, so that one wake serves all that wish before it. */
struct cluster_wishes {
    _Atomic uint64_t wants; /* somebody waits */
    _Atomic uint64_t uses;  /* a sample would be of use */
};

struct cluster {
    int index; /* in the configuration and of the publish slot */
    struct loop *loop;
    const struct clock *clock;
    struct publish *publish;
    struct actions *actions;
    struct cluster_wishes *wishes;

    struct cluster_conf conf;
    struct failover_conf failover_conf;
    struct health_policy health_policy;
    struct lag_policy lag_policy;
    struct outlier_policy outlier_policy;
    usec_t slow_start; /* for SHOW NODES */
    struct decide_policy decide_policy;
    struct failover_policy failover_policy;

    int n_nodes;
    struct node *nodes[TOPO_NODES_MAX];
    struct view view;
    struct tilt tilt;
    usec_t ticked_at, stalled_at; /* the last tick; the end of the last stall of our own loop */

    /* What is journaled. */
    char state_dir[512]; /* empty: nothing is kept */
    bool journal_broken; /* said so once */
    struct decide_memory memory;
    uint64_t version_reserved;
    bool maintenance;
    bool
        interrupted; /* an earlier process ended in the middle of a run: it may have left a soft fence behind */

    struct decision decision;
    enum decide_verdict said; /* verdict that was logged last */
    struct topology topo;     /* published last */
    struct topology scratch;
    struct term_fork fork; /* of the last promotion */
    usec_t writerless_at;  /* since when there is no writer; of no meaning while there is one */

    struct failover failover;
    struct failover_effects effects;
    struct failover_event events[CLUSTER_EVENTS_MAX];
    int first_event, n_events;
    bool pumping;
    uint64_t drain_epoch; /* 0: no barrier is awaited */
    usec_t drain_deadline;
    int run_ticks;
    struct cluster_run run;
    struct cluster_command command;
    struct manager_cmd plan; /* a switchover that begins at plan_at */
    usec_t plan_at;          /* 0: none */
    struct cluster_wait waits[CLUSTER_WAITS_MAX];
    usec_t began; /* nodes that are first seen soon after have not been away */

    /* Repairs outside of runs: bit i while an action on node i is under way, and when the next one may start. */
    uint64_t repairing;
    uint64_t slotless; /* followers whose slot could not be made: they are pointed without one */
    usec_t repair_at[TOPO_NODES_MAX];
    usec_t witness_at[TOPO_NODES_MAX]; /* not sooner: the role may have no right to do it */
    usec_t
        silent_since[TOPO_NODES_MAX]; /* a replica that points at the writer but does not stream */

    /* Quorum mode (cluster_quorum.c). */
    struct quorum_policy quorum_policy;
    struct quorum_watch watch;
    struct quorum_step quorum_step;
    enum quorum_reason quorum_said;
    bool quorum_clearing, confirming;
    usec_t apply_at;

    usec_t ended_at; /* of the last run */
    bool promoted_last;
    usec_t rejoin_at[TOPO_NODES_MAX]; /* not sooner */

    usec_t settle_until; /* after a run: watch the followers closely */

    bool sample_wanted;  /* somebody waits for a sample */
    bool sample_of_use;  /* nobody waits, but it would spare somebody the wait */
    usec_t sampled_at;   /* start of the last round */
    bool sampled_calmly; /* nobody waited when it began */
    uint64_t sampling;   /* bit i: node i has not answered it */

    uv_timer_t tick, soon, sample_timer;
    bool dirty;
    int dropping; /* nodes that a reload removed and whose close is awaited */
    int closing;  /* handles and nodes whose close is awaited; 0 while open */
    void (*on_closed)(void *arg);
    void *closed_arg;
};

/* What a cluster borrows from the manager. */
struct cluster_env {
    struct loop *loop;
    const struct clock *clock;
    struct publish *publish;
    struct actions *actions;
    struct cluster_wishes *wishes; /* of all clusters */
};

/* Reads the journal. Returns owned, or NULL with err set. */
struct cluster *cluster_new(const struct cluster_env *env, const struct repl_conf *conf, int index,
                            struct err *e);
void cluster_start(struct cluster *c);
void cluster_close(struct cluster *c, void (*done)(void *arg),
                   void *arg); /* idempotent; c stays readable */
void cluster_free(struct cluster *c);
/* Nodes may come, go and change. Not during a run. */
void cluster_reload(struct cluster *c, const struct repl_conf *conf);

void cluster_hint(struct cluster *c, uint64_t nodes);
void cluster_want_sample(struct cluster *c, bool waiting);
void cluster_acked(struct cluster *c); /* a worker acknowledged something */
void cluster_command(struct cluster *c, const struct manager_cmd *cmd, manager_done_cb done,
                     void *arg);

/* ---- between the cluster*.c files ---- */
/* A switchover that was planned for now begins. */
void cluster_plan_due(struct cluster *c);
/* False: there is no run, or it has told a node to promote. */
bool cluster_failover_cancel(struct cluster *c);

/* Decides soon, in a turn of its own (cluster.c). */
void cluster_mark_dirty(struct cluster *c);
void cluster_probe_all(struct cluster *c);
/* Answers the commands that wait for the workers and need not any more; e: all of them. */
void cluster_answer_waits(struct cluster *c, const struct err *e);
/* Judges who gets no reads because it answers worse than the others (cluster_outlier.c). */
void cluster_outliers(struct cluster *c);
struct failover_input cluster_input(struct cluster *c);
enum authority cluster_authority(const struct cluster *c);

/* Publishes if anything differs from the last snapshot; a new epoch is journaled before (cluster_publish.c). */
void cluster_publish(struct cluster *c, int writer, bool holding, uint64_t epoch_min);
/* Writes memory, drained nodes and maintenance. 0 also without persistence. What must not happen without its intent on
 * disk (quorum mode) looks at the result. */
int cluster_journal(struct cluster *c, const struct decide_memory *m, struct err *e);
int cluster_read_journal(struct cluster *c, struct journal_record *r, struct err *e);
void cluster_take_record(struct cluster *c, const struct journal_record *r);

/* Where nodes report to (cluster_observe.c). */
struct node_sink cluster_sink(struct cluster *c);

/* Runs of the failover machine (cluster_failover.c). */
const char *cluster_node_name(const struct cluster *c, int i);
void cluster_failover_start(struct cluster *c);
int cluster_run_start(struct cluster *c, const struct failover_request *r, struct err *e);
/* A tick or a change of the view while a run is under way. */
void cluster_failover_tick(struct cluster *c);
void cluster_action_ended(struct cluster *c, enum failover_effect_kind kind, int node,
                          const struct err *e);

/* Actions on nodes (cluster_action.c). repair: not part of a run. Returns 0 when the action is under way. */
void cluster_place(const struct cluster *c, int node, struct action_place *out);
int cluster_action(struct cluster *c, enum failover_effect_kind kind, int node, int to,
                   usec_t timeout, bool repair);
/* Fences old primaries that came back, points strays at the writer. Outside of runs. */
void cluster_repair(struct cluster *c);
/* One more step of the cohort while the writer is healthy; outside of runs (cluster_quorum.c). */
void cluster_quorum(struct cluster *c);
enum quorum_reason cluster_quorum_safe(const struct cluster *c);
/* The checkpoint that quorum mode waits for ended. */
void cluster_quorum_confirmed(struct cluster *c, const struct err *e, usec_t started_at);
/* The names that were cleared are gone. */
void cluster_quorum_cleared(struct cluster *c);
uint64_t cluster_random(void);
/* No repairs of replicas for a moment. */
void cluster_rest(struct cluster *c, usec_t now);

#endif
