/* Quorum mode: which replicas must confirm a commit, and how many of them must be revoked before another node may be
 * promoted. Pure; the record is part of what the journal keeps.
 *
 * A configuration is "ANY k (S)". A commit that was acknowledged under it is on k of the n members of S, so any n-k+1
 * members contain one that has it: revoking so many of them stops the old primary from acknowledging and leaves nothing
 * behind. While a change is under way every configuration that may still be in force is in the record, and a promotion
 * must satisfy each of them. So a change is safe in either direction at any moment; the older ones are dropped when k
 * members of the newest have all that was ever acknowledged under them (a new member counts only after it caught up).
 *
 * A configuration with k = 0 is "open": commits were acknowledged without a quorum. Nothing can be revoked to make up for
 * that, so no automatic promotion happens until it has been dropped. */
#ifndef TANIST_CORE_QUORUM_H
#define TANIST_CORE_QUORUM_H

#include "view.h"

enum {
    QUORUM_MEMBERS_MAX = 16,
    QUORUM_CONFIGS_MAX = 4,
    QUORUM_TEXT_MAX = 640,
    QUORUM_NAME_MAX = 40
};

struct quorum_config {
    int k; /* 0: open */
    int n;
    char members[QUORUM_MEMBERS_MAX][TOPO_NAME_MAX]; /* names of nodes */
};

/* Of one writer. n = 0: nothing is known, which means open. The newest configuration is the last. */
struct quorum_record {
    uint64_t secret; /* in the application names: only replicas that we pointed know it */
    int n;
    struct quorum_config c[QUORUM_CONFIGS_MAX];
};

struct quorum_policy {
    int k;             /* wanted; 0: quorum mode is off */
    usec_t away_after; /* a member that does not stream for so long leaves the cohort */
    usec_t settle;     /* names must be seen in force for so long before older ones are dropped */
    uint64_t max_lag;  /* bytes: a replica joins when it is at most so far behind */
};

void quorum_policy_default(struct quorum_policy *p); /* off, 2s, 500ms, 16MB */

/* What is remembered between looks; by index of the view, so a reload clears it. Not journaled. */
struct quorum_watch {
    uint64_t secret;       /* of the record that the next two are about */
    usec_t in_force_since; /* 0: the newest names are not in force */
    bool sure;             /* a checkpoint that began since then has ended (QUORUM_CONFIRM) */
    usec_t away_since[TOPO_NODES_MAX];
};

/* The application name of a node's receiver. */
void quorum_name(uint64_t secret, const char *node, char out[QUORUM_NAME_MAX]);
/* synchronous_standby_names for a configuration; empty text for an open one. */
void quorum_text(uint64_t secret, const struct quorum_config *c, char out[QUORUM_TEXT_MAX]);

/* Members of c among the nodes of the view. */
uint64_t quorum_members(const struct quorum_config *c, const struct view *v);
/* How many members must be revoked: n - k + 1. */
int quorum_needed(const struct quorum_config *c);
/* The nodes in `revoked` are enough for every configuration of the record. */
bool quorum_revoked(const struct quorum_record *r, const struct view *v, uint64_t revoked);
/* k members of the newest configuration have flushed `lsn`, by what the writer says of them. */
bool quorum_covered(const struct quorum_record *r, const struct view *v, int writer, lsn_t lsn);
const struct quorum_config *quorum_newest(const struct quorum_record *r); /* NULL: none */

/* The record of `node` once it is promoted: commits of the old epoch may be nowhere else yet, so it begins with an open
 * configuration. ready: replicas that can follow it. */
void quorum_after(const struct view *v, const struct quorum_policy *p, int node, uint64_t ready,
                  struct quorum_record *out);

/* While the writer is healthy: the next step of the cohort. */
enum quorum_do {
    QUORUM_NOTHING = 0,
    QUORUM_JOURNAL, /* replace the record by step.record, durably, then look again */
    QUORUM_APPLY,   /* set quorum_text of the record's newest configuration on the writer */
    /* Run a CHECKPOINT on the writer; when it ended well set watch.sure. Whether backends wait at all is decided by the
     * checkpointer, and it may be busy for long before it takes a changed setting; a checkpoint begins after that. */
    QUORUM_CONFIRM,
    QUORUM_CLEAR, /* quorum mode was switched off: set no names, then forget the record */
};
enum quorum_reason {
    QUORUM_OK = 0,
    QUORUM_OFF,
    QUORUM_NO_WRITER,
    QUORUM_FEW,       /* fewer than k replicas stream: no quorum was ever formed */
    QUORUM_CHANGING,  /* a change is under way, or its members have not caught up */
    QUORUM_FOREIGN,   /* somebody else changed synchronous_standby_names */
    QUORUM_SHORT,     /* a quorum is in force, but fewer than k members stream: commits wait */
    QUORUM_UNREACHED, /* too few members answer us: they could not be revoked */
    QUORUM_REASON_NR
};
struct quorum_step {
    enum quorum_do what;
    enum quorum_reason reason; /* of JOURNAL: what changed; else the state */
    uint64_t unnamed;          /* replicas of the writer that do not have their name yet */
    struct quorum_record record;
};
struct quorum_look {
    const struct view *view;
    int writer; /* TOPO_NO_WRITER: none */
    const struct quorum_policy *policy;
    uint64_t random; /* for a first secret */
    usec_t now;
};
void quorum_next(const struct quorum_record *r, struct quorum_watch *w, const struct quorum_look *l,
                 struct quorum_step *out);

/* Would a failover now be without loss and possible? QUORUM_OK, or why not. */
enum quorum_reason quorum_safe(const struct quorum_record *r, const struct quorum_watch *w,
                               const struct quorum_look *l);
const char *quorum_reason_name(enum quorum_reason r);
const char *quorum_reason_text(enum quorum_reason r);

#endif
