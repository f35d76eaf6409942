/* Who may be promoted, and in which order. Pure. Total order: lineage, then position, then priority, weight, name. */
#ifndef TANIST_CORE_CANDIDATE_H
#define TANIST_CORE_CANDIDATE_H

#include <stdbool.h>

#include "view.h"

enum candidate_reason {
    CANDIDATE_OK = 0,
    CANDIDATE_IS_WRITER, /* the present or old writer itself */
    CANDIDATE_EXCLUDED,  /* a promotion of it failed in this run */
    CANDIDATE_UNKNOWN,   /* never observed */
    CANDIDATE_DOWN,      /* down or suspect now */
    CANDIDATE_NOT_REPLICA,
    CANDIDATE_FOREIGN,        /* another system identifier */
    CANDIDATE_TIMELINE,       /* not shown to be on the writer's lineage */
    CANDIDATE_LAG,            /* lacks more than failover_max_lag of the last known position */
    CANDIDATE_NOT_PROMOTABLE, /* promotable = off */
    CANDIDATE_DRAINED,
    CANDIDATE_VERSION,     /* older than PostgreSQL 13 */
    CANDIDATE_NOT_NAMED,   /* the operator named another node */
    CANDIDATE_NOT_REVOKED, /* quorum mode: it was not cut off the old writer in this run */
    CANDIDATE_NR
};

struct candidate_rules {
    uint64_t system_identifier; /* 0: any */
    uint32_t timeline;          /* of the last writer; 0: the newest among the replicas */
    lsn_t writer_lsn;           /* last known flush position of the writer; 0: unknown, no bound */
    int writer;                 /* node that may not be chosen; -1 none */
    int named;                  /* only this one; -1 any */
    uint64_t excluded;          /* bit i: node i */
    uint64_t only;              /* bit i: node i may be chosen; 0: any */
    uint64_t max_lag;           /* failover_max_lag in bytes */
    bool accept_loss;           /* the operator said so: max_lag does not apply */
    bool
        will_catch_up; /* switchover: the writer lives and the candidate will get the rest; max_lag does not apply */
};

struct candidate_list {
    int n;                                        /* eligible */
    int order[TOPO_NODES_MAX];                    /* best first */
    enum candidate_reason reason[TOPO_NODES_MAX]; /* for each node of the view */
    uint64_t missing[TOPO_NODES_MAX];             /* bytes behind writer_lsn */
};

/* Best candidate or -1. */
int candidate_rank(const struct view *v, const struct candidate_rules *r,
                   struct candidate_list *out);
/* < 0 when a is better than b; never 0 for a != b. Both eligible. */
int candidate_compare(const struct view *v, int a, int b);

const char *candidate_reason_name(enum candidate_reason r);
const char *candidate_reason_text(enum candidate_reason r);

#endif
