/* From the whole view to a verdict: who is the writer, is a failover due, and what shall be published. Pure.
 *
 *   decide():          (view, memory, policy, authority) -> verdict, writer, start a failover or not
 *   decide_topology(): (view, memory, previous snapshot, chosen writer) -> next snapshot
 *
 * Memory is what the journal keeps over restarts. Rule of trust: what we (or an older run) announced wins over what a
 * node says of itself; a primary that is not the announced writer serves nothing until it is shown to be its successor. */
#ifndef TANIST_CORE_DECIDE_H
#define TANIST_CORE_DECIDE_H

#include "candidate.h"
#include "quorum.h"
#include "view.h"

enum authority { AUTHORITY_UNKNOWN = 0, AUTHORITY_HELD, AUTHORITY_LOST, AUTHORITY_NR };

enum failover_mode { FAILOVER_AUTOMATIC = 1, FAILOVER_MANUAL, FAILOVER_FOLLOW, FAILOVER_MODE_NR };

struct decide_policy {
    enum failover_mode mode;
    uint64_t failover_max_lag; /* bytes */
    struct quorum_policy quorum;
    /* A replica vetoes when its last message of the writer is at most this old, clients when its last answer is. More
     * than the pause between two messages that the replicas ask for themselves (half of wal_receiver_timeout). */
    usec_t veto_fresh;
};

void decide_policy_default(struct decide_policy *p); /* manual, 1MB, 2s */

/* Survives restarts in the journal. Zeroed: a first start. */
struct decide_memory {
    uint64_t epoch; /* highest ever journaled; every new epoch is above it */
    uint64_t system_identifier;
    uint32_t timeline;          /* of the announced writer */
    lsn_t writer_lsn;           /* last known flush position of it, for loss reports */
    char writer[TOPO_NAME_MAX]; /* announced; stays while there is none. Empty: never one */
    char fenced[TOPO_NAME_MAX]; /* carries, or may carry, our soft fence; empty: none */
    char target[TOPO_NAME_MAX]; /* being promoted; empty: none */
    int step;                   /* enum failover_state when journaled; 0 is steady */
    int kind;                   /* enum failover_kind of the run under way; 0 none */
    int64_t
        writer_start; /* start of the writer's postmaster when it was last admitted; 0 unknown */
    struct quorum_record quorum; /* of the announced writer */
    struct quorum_record plan;   /* of `target`, in force there before it is promoted */
};

enum decide_verdict {
    DECIDE_STEADY = 1,  /* the announced writer serves */
    DECIDE_SUSPECT,     /* it does not answer, not yet down: keep it */
    DECIDE_DISCOVERED,  /* first writer, nothing remembered */
    DECIDE_SUCCEEDED,   /* somebody else promoted another node and the others follow it: adopt it */
    DECIDE_FAILOVER,    /* the writer is down: start a failover */
    DECIDE_DOWN_VETOED, /* a replica still hears the writer: keep it */
    DECIDE_DOWN_MANUAL, /* down, and mode is manual or follow: hold, wait for an operator, the writer or a successor */
    DECIDE_DOWN_QUORUM, /* down, and too few members can be revoked: promoting could lose writes */
    DECIDE_DOWN_TOO_SOON, /* down, but the last failover ended only just (the shell's anti-flap) */
    DECIDE_REFILLING,     /* the writer restarted: clients wait until its quorum has its position */
    DECIDE_DOWN_NO_CANDIDATE, /* down, nobody is eligible (see candidates) */
    DECIDE_DEMOTED,           /* the announced writer is a replica now and nobody succeeded it */
    DECIDE_NONE,              /* no primary seen yet */
    DECIDE_MANY,              /* several primaries and no rule picks one */
    DECIDE_FENCED, /* only primaries that may not serve (old timeline, same timeline as the announced writer) */
    DECIDE_TILT,         /* time jumped: as before */
    DECIDE_NO_AUTHORITY, /* as before */
    DECIDE_NR
};

struct decision {
    enum decide_verdict verdict;
    int writer;   /* to publish; TOPO_NO_WRITER */
    bool holding; /* clients wait for a writer (false: fail them at once) */
    int kept; /* whom replicas shall follow: the writer, or the one that is refilling; -1 nobody */
    bool start;                       /* start failover_start(..., FAILOVER kind) */
    int vetoed_by;                    /* node, or -1 */
    uint64_t fenced;                  /* bit i: a primary that may not serve */
    struct candidate_list candidates; /* filled when the writer is down */
};

/* Not to be called while a failover runs (the machine decides then). prev: the snapshot published last; its writer is kept
 * in TILT and without authority. */
void decide(const struct view *v, const struct decide_memory *m, const struct decide_policy *p,
            enum authority a, const struct topology *prev, usec_t now, struct decision *out);

/* The next snapshot: nodes from the view, epoch above prev and memory when rules changed (else prev's), version + 1.
 * Returns true if the epoch moved (journal it before publishing). out may not be prev. */
struct decide_publish {
    int writer; /* TOPO_NO_WRITER */
    bool holding;
    uint64_t epoch_min; /* the epoch is at least this: it moves if it must; 0: no wish */
    usec_t now;
    usec_t began; /* of the daemon: what it finds in good order soon after has not been away */
};
bool decide_topology(const struct view *v, const struct decide_memory *m,
                     const struct topology *prev, const struct decide_publish *what,
                     struct topology *out);

/* Quorum mode: the announced writer is back, while an interrupted run told a node to promote, which has not been seen to.
 * Before replicas follow the writer again that node's title must be gone from the journal. True when m changed: journal
 * it, and do nothing else unless that worked. */
bool decide_abandon(struct decide_memory *m, const struct view *v, const struct decision *d);

/* The replica that still hears the writer, the writer itself if it still answers our clients, or -1. */
int decide_veto(const struct view *v, int writer, const struct decide_policy *p, usec_t now);

/* Bit i: replica i follows nobody although it should follow the writer (its primary_conninfo is empty or names another of
 * our nodes); writer is decision.kept. The manager makes its slot and points it at the writer, with back-off, outside of runs; not in follow mode. */
uint64_t decide_strays(const struct view *v, const struct topology *t, int writer);

/* The writer still carries our soft fence (an undoing of it was lost): send FX_UNFENCE to it, with back-off, outside of
 * runs; when that is done clear memory.fenced. */
bool decide_unfence(const struct view *v, const struct decide_memory *m, const struct topology *t);

/* Memory after `t` (with its epoch) is to be published: journal this first. */
void decide_remember(struct decide_memory *m, const struct topology *t);

const char *decide_verdict_name(enum decide_verdict v);
const char *decide_verdict_text(enum decide_verdict v);

#endif
