/* Terms: since when transaction ids of the writer mean what they mean. Pure.
 *
 * A transaction id that somebody learned from a primary may be given to another transaction by the next one, and by the same
 * one after a crash: what was assigned but never written to disk is assigned again. So "committed" is an answer about the
 * transaction that was meant only if no term began since, or if the id lies below the frontier of each that did: the first
 * id that may have been assigned anew. Two restarts between two looks of the manager are taken for one: it looks at once when
 * a connection breaks, so the life between them would have to be a matter of milliseconds. Source: GetNewTransactionId in
 * varsup.c, pg_xact_status in xid8funcs.c. */
#ifndef TANIST_CORE_TERM_H
#define TANIST_CORE_TERM_H

#include <stdbool.h>
#include <stdint.h>

#include "view.h"

/* What a candidate told in the moment of its promotion. */
struct term_fork {
    char node[TOPO_NAME_MAX]; /* empty: nothing is known */
    uint64_t frontier;        /* its pg_snapshot_xmax, asked together with the promotion */
    lsn_t replayed;           /* what it had replayed for certain before that */
    usec_t at;                /* the question was sent */
};

struct term_known {
    const struct term_fork *fork;
    const struct view *view; /* out was made of it */
    usec_t now;
};

/* After decide_topology: out gets the terms of prev, and another one if its writer is somebody else, or was started again. */
void term_follow(const struct topology *prev, const struct term_known *k, struct topology *out);

#endif
