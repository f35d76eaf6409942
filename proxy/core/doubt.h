/* What became of a commit whose answer was lost: from what the present writer says of its transaction id, and the terms of
 * the writers since. Pure.
 *
 * Nobody hears of success or failure without a proof. "Aborted", and an id that the writer has not assigned yet, prove that
 * the transaction is not on the surviving timeline. "Committed" proves something only if the id still means the same
 * transaction (term.h), and only once the manager has talked with that writer after it said so: a restart that it does not
 * know of yet could have come before the answer. */
#ifndef TANIST_CORE_DOUBT_H
#define TANIST_CORE_DOUBT_H

#include <stdbool.h>
#include <stdint.h>

#include "../../replication/base/str.h"
#include "../../replication/core/topology.h"

enum doubt_status {
    DOUBT_NOT_ASKED = 0,
    DOUBT_IN_PROGRESS,
    DOUBT_COMMITTED,
    DOUBT_ABORTED,  /* or not assigned yet */
    DOUBT_FORGOTTEN /* too old for the server to know */
};

struct doubt_case {
    uint64_t
        xid; /* 0: not known; then its server said that it had committed, but not for its replicas */
    usec_t learned; /* the request that it was told with was sent */
    enum doubt_status status;
    usec_t answered_at; /* of status */
    uint64_t asked_of;  /* role_since of the node that was asked */
    int node;           /* it */
};

enum doubt_verdict {
    DOUBT_WAIT = 1, /* for the manager to have seen the writer since */
    DOUBT_ASK,      /* ask, or ask again */
    DOUBT_IS_COMMITTED,
    DOUBT_IS_LOST,
    DOUBT_IS_UNKNOWN
};
enum doubt_verdict doubt_judge(const struct doubt_case *d, const struct topology *t);

/* The question for the writer, which also waits until its synchronous replicas have what it has: a transaction of our own
 * commits behind the one that is asked for. False: no room. */
bool doubt_sql(uint64_t xid, struct strbuf *b) MUST_CHECK;
/* What it answers: the text of pg_xact_status, p NULL for NULL. */
enum doubt_status doubt_status_of(struct slice text);

#endif
