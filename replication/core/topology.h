/* The immutable snapshot of one cluster that the manager publishes and every worker routes by. Pure.
 *
 * Fixed size, no pointers, comparable. Refcounting and delivery are publish.h's. Epoch changes when the writer
 * assignment or a node's right to serve changes; version at every publish (lag, loads, LSNs). Neither ever goes back. */
#ifndef TANIST_CORE_TOPOLOGY_H
#define TANIST_CORE_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/clock.h"
#include "../base/err.h"

enum {
    TOPO_NODES_MAX = 64,
    TOPO_NO_WRITER = -1,
    TOPO_NAME_MAX = 64,
    TOPO_HOST_MAX = 256,
    TOPO_FORKS_MAX = 8,
    TOPO_TERMS_MAX = 8
};

#define TOPO_ALWAYS (-(INT64_C(1) << 60))

typedef uint64_t lsn_t; /* WAL position; 0 is invalid (PostgreSQL InvalidXLogRecPtr) */

enum topo_role { ROLE_UNKNOWN = 0, ROLE_PRIMARY, ROLE_REPLICA, ROLE_NR };

/* Why a node may not be read from now; READ_OK means it may. One reason, the first that applies. */
enum topo_unreadable {
    READ_OK = 0,
    READ_DOWN,          /* not reachable, or its verdict is down */
    READ_UNKNOWN,       /* not observed yet */
    READ_NOT_REPLICA,   /* role is not replica (and it is not the writer) */
    READ_FOREIGN,       /* another system identifier */
    READ_TIMELINE,      /* not on the current timeline's lineage */
    READ_NOT_STREAMING, /* no wal receiver and not caught up */
    READ_LAG_TIME,      /* over max_lag (or not yet back under lag_resume) */
    READ_LAG_BYTES,     /* over max_lag_bytes (or not yet back under lag_resume) */
    READ_FENCED,        /* an old primary that came back, not shown to be on the current lineage */
    READ_DRAINED,       /* drained by the operator */
    READ_STARTING,      /* 57P03 */
    READ_EJECTED,       /* slower to answer than the others, or it fails: see outlier.h */
    READ_NR
};

struct topo_node {
    char name[TOPO_NAME_MAX];
    char zone[TOPO_NAME_MAX];
    char host[TOPO_HOST_MAX]; /* as configured; a leading '/' is a Unix socket directory */
    char addr
        [64]; /* numeric address, resolved by the manager; empty for Unix sockets or if unresolved */
    uint16_t port;
    enum topo_role role;
    uint64_t
        role_since; /* epoch at which it got its role: a server connection that remembers another one is closed */
    enum topo_unreadable unreadable;
    usec_t readable_since; /* READ_OK since then, TOPO_ALWAYS: since we know it; 0: it is not */
    uint32_t weight;       /* 0: gets reads only when nobody else can */
    bool drained;          /* by the operator; a writer goes on serving what must run on it */
    bool lag_known;
    usec_t lag;         /* time behind, when lag_known */
    uint64_t lag_bytes; /* behind the newest known primary position */
    lsn_t replay_lsn;   /* latest observed; monotonic within an incarnation */
    usec_t replay_at;   /* moment just before the question for replay_lsn was sent */
    usec_t
        fresh_at; /* a replica: it has everything that was flushed on the writer before; 0: not known */
    int64_t incarnation; /* another one after each restart of the server; 0: not known */
    uint32_t timeline;
    uint32_t connections_max; /* that ordinary roles may have there; 0: not known */
};

/* A position of the writer, sampled by the manager. A session whose write was answered before sent_at is covered by
 * it: its floor is at most this LSN. */
struct topo_sample {
    usec_t sent_at; /* monotonic moment just before the question was sent; 0: none yet */
    lsn_t flush_lsn, insert_lsn;
    bool
        flush_covers; /* every commit waits for its flush (synchronous_commit is not off anywhere known) */
};

/* Where an ancestor of the present timeline was left. */
struct topo_fork {
    uint32_t timeline;
    lsn_t end;
};

/* A writer's life: of a node, on a timeline, from its start to its end (term.h). */
struct topo_term {
    char node[TOPO_NAME_MAX];
    uint32_t timeline;
    int64_t incarnation;
    usec_t after, by;  /* it began between these moments; after 0: not known */
    uint64_t frontier; /* transaction ids from there on may have been assigned anew; 0: not known */
    bool exact;        /* ... and nothing from there on was taken over */
};

struct topology {
    char cluster[TOPO_NAME_MAX];
    uint64_t epoch;
    uint64_t version;
    uint64_t system_identifier;
    uint32_t timeline; /* of the writer; the newest known when there is none */
    int16_t writer;    /* index into nodes, or TOPO_NO_WRITER: clients that need it are held */
    bool holding; /* a failover or switchover is under way: hold writers instead of failing them */
    uint16_t n_nodes;
    struct topo_sample sample;
    bool lineage_known; /* forks are the newest ancestors of `timeline`, oldest first */
    uint8_t n_forks;
    struct topo_fork forks[TOPO_FORKS_MAX];
    uint8_t n_terms;
    struct topo_term terms[TOPO_TERMS_MAX]; /* of the writers, oldest first */
    struct topo_node nodes[TOPO_NODES_MAX];
};

/* 0, or ERR_INVALID and why: index bounds, writer is a primary, role_since <= epoch, names unique. */
int topology_check(const struct topology *t, struct err *e) MUST_CHECK;

/* Same in everything but version, lags, LSNs and sample: if not, the epoch must have moved. */
bool topology_same_rules(const struct topology *a, const struct topology *b);

/* What changed for a node between two snapshots (matched by index and name). */
enum {
    TOPO_CHANGED_ADDED = 1 << 0,
    TOPO_CHANGED_GONE = 1 << 1,
    TOPO_CHANGED_ROLE = 1 << 2, /* role or role_since */
    TOPO_CHANGED_ADDRESS = 1 << 3,
    TOPO_CHANGED_READABLE = 1 << 4,
};
/* changes[i] for i < max(old->n_nodes, new->n_nodes); old may be NULL (all added). Returns how many are non-zero. */
int topology_diff(const struct topology *old, const struct topology *new,
                  uint8_t changes[TOPO_NODES_MAX]);

/* Slow start: what a node has of its weight, in thousandths. A tenth when it comes back, all of it after slow_start (0: at
 * once). */
unsigned topo_share(const struct topo_node *n, usec_t slow_start, usec_t now);

/* What a transaction id means by now (term.h). */
enum topo_term_says {
    TOPO_TERM_SAME = 1, /* the id means the same transaction as at the moment `learned` */
    TOPO_TERM_OTHER,    /* it certainly means another one, which is younger */
    TOPO_TERM_UNKNOWN
};
enum topo_term_says topology_term_of(const struct topology *t, uint64_t xid, usec_t learned);

int topology_find(const struct topology *t, const char *name); /* index or -1 */
const char *topo_role_name(enum topo_role r);
const char *topo_unreadable_name(enum topo_unreadable u); /* short token: "lag-time" */
const char *topo_unreadable_text(enum topo_unreadable u); /* a sentence for people */

/* The end of the last record below an insert position. At the very start of a page that position stands behind the page's
 * header, where no replica can be before another record is written. Source: XLogBytePosToRecPtr and -EndRecPtr in xlog.c. */
lsn_t lsn_of_insert(lsn_t insert);

/* "16/B374D848"; LSN arithmetic on uint64_t needs no function. buf at least 24 bytes; returns buf. */
const char *lsn_text(lsn_t lsn, char buf[24]);
bool lsn_parse(const char *text, lsn_t *out);

#endif
