/* The failover simulator: one deterministic run of a whole cluster in virtual time.
 *
 * Real: all of replication/core. Modelled: PostgreSQL nodes, network, workers with clients, the manager's shell, the
 * journal, time. One seed gives one run: no wall clock, one generator, events ordered by (time, sequence). */
#ifndef TANIST_SIM_H
#define TANIST_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../../replication/base/prng.h"
#include "../../replication/core/failover.h"

#define SIM_MS  USEC_PER_MS
#define SIM_SEC USEC_PER_SEC

enum {
    SIM_NODES_MAX = 7,
    SIM_WORKERS = 2,
    SIM_CLIENTS = 3, /* of each worker */
    SIM_EVENTS_MAX = 4096,
    SIM_FORKS_MAX = 32,
    SIM_EPOCHS_MAX = 4096,
    SIM_BRANCHES_MAX = 512,
    SIM_WAITERS_MAX = 256,
    SIM_ACTIONS_MAX = 256,
    /* End points of the network: nodes first. */
    SIM_MANAGER = SIM_NODES_MAX,
    SIM_WORKER0,
    SIM_ENDS = SIM_WORKER0 + SIM_WORKERS,
    SIM_SYSID = 77,
};

enum sim_event_kind {
    SIM_EV_NONE = 0,
    SIM_EV_TICK,       /* manager */
    SIM_EV_PROBE_AT,   /* a probe reaches a node: a = node, id */
    SIM_EV_PROBE_BACK, /* its answer reaches the manager */
    SIM_EV_PROBE_LATE, /* its deadline */
    SIM_EV_ACTION_AT,  /* an action reaches a node: a = slot of the action, id */
    SIM_EV_ACTION_BACK,
    SIM_EV_ACTION_LATE,
    SIM_EV_PROMOTED, /* a = node, id = incarnation: promotion completes */
    SIM_EV_STREAM,   /* all nodes: replication goes on */
    SIM_EV_UP,       /* a = node, id = incarnation: start-up is done */
    SIM_EV_CLIENT,   /* a = worker, b = client: next write */
    SIM_EV_WRITE_AT, /* a = worker, b = client, c = node, id = connection */
    SIM_EV_WRITE_BACK,
    SIM_EV_BYPASS, /* a client that does not come through us writes where it can */
    SIM_EV_ADOPT,  /* a = worker: looks into its mailbox */
    SIM_EV_GRACE,  /* a = worker: in-flight transactions end */
    SIM_EV_FAULT,
    SIM_EV_UNDO,     /* a = fault, b = object: the fault ends */
    SIM_EV_HEAL,     /* all faults end for good */
    SIM_EV_RESTART,  /* the daemon starts again */
    SIM_EV_OPERATOR, /* a switchover is asked for */
    SIM_EV_NR
};

struct sim_event {
    usec_t at;
    enum sim_event_kind kind;
    int a, b, c;
    uint64_t id;
    lsn_t lsn;
    uint32_t branch;
    uint64_t inc;
};

struct sim_key {
    usec_t at;
    uint64_t seq;
    int slot;
};

/* A timeline as it is, not as it is numbered: two nodes promoted at once get one number, but different branches. */
struct sim_fork {
    uint32_t timeline, branch;
    lsn_t end;
};

/* synchronous_standby_names as the server takes it. */
struct sim_sync {
    int k; /* 0: none */
    uint64_t secret, members;
    char text[QUORUM_TEXT_MAX];
};

struct sim_node {
    bool up, frozen, starting, dead_host;
    uint64_t incarnation; /* of the server process */
    bool recovery, promoting, read_only;
    uint32_t timeline, branch;
    int n_forks;
    struct sim_fork forks[SIM_FORKS_MAX];
    lsn_t flush, replay;
    lsn_t receive; /* of this incarnation's streaming; 0 none */
    int upstream;  /* primary_conninfo; -1 empty */
    bool use_slot; /* primary_slot_name is set */
    uint64_t slots;
    bool streaming;
    usec_t heard_at, streaming_since;
    uint32_t wal_rate, replay_rate; /* bytes in one streaming step */
    usec_t wrote_at;                /* last client write */
    struct sim_sync sync, was_sync; /* a walsender may still use the old one until sync_at */
    usec_t sync_at;
    uint64_t app;    /* secret in the receiver's application name; 0 none */
    lsn_t confirmed; /* flush position that the upstream has heard of */
};

enum sim_bug {
    SIM_BUG_NONE = 0,
    SIM_BUG_NO_BARRIER,       /* promotes although workers have not drained */
    SIM_BUG_LEAST_ADVANCED,   /* chooses by positions turned upside down */
    SIM_BUG_IGNORE_VETO,      /* does not look at what replicas hear */
    SIM_BUG_EPOCH_KEPT,       /* announces the new writer under the old epoch */
    SIM_BUG_EARLY_DRAIN,      /* a worker reports drained with a write in flight */
    SIM_BUG_JOURNAL_LIES,     /* the journal says written and is not */
    SIM_BUG_SHORT_SWITCHOVER, /* a switchover does not wait for the last WAL */
    SIM_BUG_REVOKE_LESS,      /* quorum mode: one member less is revoked than needed */
    SIM_BUG_FORGET_OPEN,      /* a new writer counts as safe before its members have caught up */
    SIM_BUG_FORGET_OLD,       /* while the quorum changes only the new one is looked at */
    SIM_BUG_LATE_NAMES,       /* the candidate is promoted without names in force */
    SIM_BUG_REVOKE_LIES,      /* a receiver is said to be stopped and is not */
    SIM_BUG_NO_SETTLE,        /* an older quorum is forgotten while walsenders still use it */
    SIM_BUG_STALE_POSITIONS,  /* positions from before the revocation choose the candidate */
    SIM_BUG_COUNT_ALL,        /* members count as caught up when they are not */
    SIM_BUG_STALE_WATCH,      /* what was seen of the last writer counts for the next one */
    SIM_BUG_NO_INTENT,        /* the quorum is changed without its intent in the journal */
    SIM_BUG_NR
};

struct sim_probe {
    uint64_t id; /* 0: none in flight */
    usec_t sent_at;
    struct observation answer; /* made at the node */
    struct observe_peers peers;
};

struct sim_action {
    uint64_t id; /* 0: free */
    struct failover_effect fx;
    bool of_run; /* false: the manager's own re-pointing of strays */
    bool ok;     /* made at the node */
    usec_t sent_at;
    uint64_t run; /* the run that asked: a late answer to an older one does not count */
    uint64_t secret;
    struct quorum_config names; /* SET_SYNC */
};

struct sim_manager {
    bool alive;
    uint64_t boot;
    struct view view;
    struct failover run;
    struct topology topology, scratch;
    struct tilt tilt;
    struct sim_probe probes[SIM_NODES_MAX];
    struct sim_action actions[SIM_ACTIONS_MAX];
    usec_t stray_at[SIM_NODES_MAX], unfence_at;
    uint64_t drain_epoch; /* awaited; 0 none */
    usec_t drain_deadline, drain_grace;
    usec_t published_at;
    bool switchover_wanted;
    struct quorum_watch watch;
    usec_t apply_at;
    uint64_t unnamed;
    bool confirming;
    usec_t confirm_at;
    int kept;
    enum decide_verdict verdict;
    int depth;
};

struct sim_worker {
    uint64_t epoch, version, adopted, drained;
    int writer;
    bool holding;
    bool mail; /* unread snapshot */
    struct {
        uint64_t epoch, version;
        int writer;
        bool holding;
        usec_t grace;
    } box;
    bool draining;
    usec_t slow; /* extra delay of adoption (fault) */
    struct {
        uint64_t conn; /* of the write in flight; 0 none */
        int node;
        uint64_t epoch;
        usec_t sent_at;
    } clients[SIM_CLIENTS];
};

struct sim_check {
    int epoch_writer[SIM_EPOCHS_MAX]; /* + 2: node or none + 1; 0 not published */
    int epoch_acks[SIM_EPOCHS_MAX];   /* node + 1 that acknowledged a write in this epoch */
    uint64_t newest_epoch, newest_version;
    int newest_writer;         /* of the newest snapshot with a writer */
    uint64_t newest_writer_at; /* its epoch */
    lsn_t acked_lsn;           /* newest acknowledged write of the present writer */
    uint32_t acked_branch;
    usec_t acked_at;
    long acks, promotions, failovers, switchovers, kept, gave_up, lost_writes;
    lsn_t served[SIM_BRANCHES_MAX]; /* by branch: newest write that a server acknowledged */
    bool pure_switchover;           /* the run under way was and is planned */
    const char *broken;             /* invariant, NULL while all hold */
    char detail[160];
};

struct sim {
    uint64_t seed;
    enum sim_bug bug;
    bool trace;
    struct prng prng;
    usec_t now, heal_at, end_at;
    bool healed;
    usec_t calm_since; /* all that must be true in the end is; 0: it is not */
    uint64_t seq, ids, hash;
    int n_events;
    int n_slots; /* in use at most so far; the keys behind n_events name the free ones */
    struct sim_key heap[SIM_EVENTS_MAX];
    struct sim_event events[SIM_EVENTS_MAX];
    int n_waiters;
    struct sim_event waiters[SIM_WAITERS_MAX]; /* commits that wait for a quorum, oldest first */
    int n_nodes;
    uint32_t branches;
    struct sim_node nodes[SIM_NODES_MAX];
    int cut[SIM_ENDS][SIM_ENDS]; /* > 0: messages from row to column are lost */
    int loss_percent;
    usec_t delay_max;
    int journal_fail_percent, reply_loss_percent;
    usec_t stale_max;             /* answers of probes are late by up to so much */
    usec_t write_every;           /* at most between two writes of a client */
    usec_t bypass_every;          /* ... and of somebody past us */
    uint32_t fault_kinds;         /* swarm: which are on in this run */
    struct decide_memory durable; /* the journal */
    struct sim_manager m;
    struct sim_worker workers[SIM_WORKERS];
    struct sim_check check;
    struct health_policy health;
    struct lag_policy lag;
    struct decide_policy decide;
    struct failover_policy failover;
    struct quorum_policy quorum;
    usec_t clock_offset; /* jumps of the manager's clock */
};

/* world.c: time, events, chance, trace. */
void sim_push(struct sim *s, usec_t delay, struct sim_event ev);
bool sim_pop(struct sim *s, struct sim_event *ev);
uint32_t sim_below(struct sim *s, uint32_t n);
bool sim_chance(struct sim *s, uint32_t percent);
void sim_trace(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sim_hash(struct sim *s, uint64_t x);
uint64_t sim_id(struct sim *s);
/* net: false when lost; else *delay. */
bool sim_send(struct sim *s, int from, int to, usec_t *delay);

/* pgmodel.c */
void sim_pg_init(struct sim *s);
void sim_pg_crash(struct sim *s, int i);
void sim_pg_start(struct sim *s, int i);
void sim_pg_freeze(struct sim *s, int i, bool frozen);
/* A new copy of the writer in place of what node i had. */
void sim_pg_rebuild(struct sim *s, int i, int writer);
void sim_pg_stream(struct sim *s);
void sim_pg_event(struct sim *s, const struct sim_event *ev);
void sim_pg_observe(struct sim *s, int i, struct observation *o);
bool sim_pg_act(
    struct sim *s,
    const struct failover_effect *fx); /* at the node; false: it answers with an error */
bool sim_pg_has(const struct sim_node *n, uint32_t branch, lsn_t lsn);
bool sim_pg_write(struct sim *s, int i, bool bypass, lsn_t *lsn);
void sim_pg_set_sync(struct sim *s, int i, uint64_t secret, const struct quorum_config *c);
void sim_pg_peers(const struct sim *s, int i, struct observe_peers *out);
/* The newest position of node i that enough members have confirmed. */
lsn_t sim_pg_confirmed_lsn(const struct sim *s, int i);

/* manager.c */
void sim_manager_start(struct sim *s);
void sim_manager_crash(struct sim *s);
void sim_manager_event(struct sim *s, const struct sim_event *ev);
void sim_manager_drained(struct sim *s);
usec_t sim_manager_now(const struct sim *s);

/* proxymodel.c */
void sim_proxy_start(struct sim *s);
void sim_proxy_crash(struct sim *s);
void sim_proxy_mail(struct sim *s, const struct topology *t, usec_t grace);
/* Commits whose quorum has them by now. */
void sim_proxy_synced(struct sim *s);
void sim_proxy_event(struct sim *s, const struct sim_event *ev);

/* faults.c */
void sim_faults_init(struct sim *s);
/* Faults that aim at moments: a node was promoted, the quorum's record changed, a run began. */
void sim_faults_promoted(struct sim *s, int node);
void sim_faults_quorum(struct sim *s);
void sim_faults_run(struct sim *s);
void sim_faults_event(struct sim *s, const struct sim_event *ev);

/* check.c */
void sim_check_fail(struct sim *s, const char *invariant, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void sim_check_publish(struct sim *s, const struct topology *t);
void sim_check_effect(struct sim *s, const struct failover_effect *fx);
void sim_check_start(struct sim *s, enum failover_kind kind);
void sim_check_ack(struct sim *s, int worker, int node, uint64_t epoch, uint32_t branch, lsn_t lsn);
void sim_check_served(struct sim *s, int node, uint32_t branch, lsn_t lsn);
/* The journal's record of the quorum changed. */
void sim_check_quorum(struct sim *s);
/* A node became a primary. */
void sim_check_promoted(struct sim *s, int node);
void sim_check_always(struct sim *s);
/* What must be true in the end is true. */
bool sim_check_calm(struct sim *s);
void sim_check_end(struct sim *s);

/* run.c: a whole run; false when an invariant broke. */
bool sim_run(struct sim *s, uint64_t seed, enum sim_bug bug, bool trace);
const char *sim_bug_name(enum sim_bug b);

#endif
