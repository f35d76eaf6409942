#include "txnode.h"

#include "classify.h"

static const unsigned ENDS = CLASS_TX_COMMIT | CLASS_TX_ROLLBACK;

/* Every node answers it alike, and it leaves nothing on its node that a new beginning would not make again. */
static bool is_plain(const struct txnode_in *in)
{
    if (in->each & ~(CLASS_READ | CLASS_TX_SAVEPOINT | ENDS))
        return false;
    if (in->failed && in->chain)
        return false; /* the next one is not READ ONLY: the abort has forgotten it */
    if (in->each & CLASS_TX_SAVEPOINT)
        return in->n_statements == 1 && in->savepoint_fits;
    if (in->writes && in->tells_time)
        return false; /* it would be another time on the primary */
    return true;
}

/* With a snapshot: would a replica answer it as the primary would, or fail where we can tell? */
static bool is_alike(const struct txnode_in *in)
{
    const unsigned harmless = TOUCH_SETTINGS | TOUCH_LOCAL | TOUCH_PREPARED | TOUCH_EXECUTE |
                              TOUCH_TEMP; /* which READ ONLY refuses */
    if (in->nodal || (in->touches & ~harmless))
        return false;
    /* What comes behind its end would be on the wrong node; PREPARE TRANSACTION is both. */
    return !(in->each & ENDS) || !(in->each & ~(CLASS_READ | CLASS_TX_SAVEPOINT | ENDS));
}

enum txnode txnode_decide(const struct txnode_in *in)
{
    /* It fails at its first statement, everywhere. */
    if (in->failed && !(in->first & CLASS_TX))
        return TXNODE_STAY;
    const bool plain = is_plain(in);
    if (plain && !in->portals)
        return TXNODE_STAY;
    if (plain && in->fetches && !in->writes)
        return TXNODE_STAY_TIED; /* much is read that way */
    if (!in->tied && (!in->snapshot || (in->first & ENDS)))
        return TXNODE_MOVE;
    return is_alike(in) ? TXNODE_STAY_TIED : TXNODE_REFUSE;
}
