/* A transaction that has only read so far, on a replica: where does its next batch go? Pure.
 *
 * What certainly reads stays. For everything else the transaction begins again on the primary, so that it is answered as it
 * would be there, and nobody sees the difference, because each statement of READ COMMITTED has a snapshot of its own. A
 * snapshot that lasts (REPEATABLE READ) cannot be taken to another node, and neither can a cursor or a setting of the
 * transaction. Then what is the same on a replica runs there, and the rest is refused: the client runs the transaction again,
 * and it begins on the primary. */
#ifndef TANIST_CORE_TXNODE_H
#define TANIST_CORE_TXNODE_H

#include <stdbool.h>

struct txnode_in {
    unsigned each, first; /* enum class_bits, as in struct classification, of the batch */
    unsigned n_statements;
    unsigned touches;    /* enum classify_touch */
    bool chain;          /* COMMIT or ROLLBACK AND CHAIN is among them */
    bool nodal;          /* a replica would answer otherwise, without an error */
    bool tells_time;     /* as in struct classification */
    bool portals;        /* opens a portal that may outlive it */
    bool fetches;        /* takes its rows bit by bit, as from a cursor */
    bool failed;         /* the transaction has */
    bool snapshot;       /* it has a snapshot that lasts */
    bool tied;           /* it has left something else on its node */
    bool writes;         /* it is not READ ONLY: it must be able to move at any time */
    bool savepoint_fits; /* a further savepoint can be kept */
};

enum txnode { TXNODE_STAY = 1, TXNODE_STAY_TIED, TXNODE_MOVE, TXNODE_REFUSE };

/* STAY_TIED: it stays, and leaves something there. */
enum txnode txnode_decide(const struct txnode_in *in);

#endif
