#include "rejoin.h"

enum rejoin rejoin_need(const struct view *v, int i)
{
    const struct view_node *n = &v->nodes[i];
    if (!v->lineage.timeline || !n->seen)
        return REJOIN_UNKNOWN;
    if (n->timeline == v->lineage.timeline)
        return REJOIN_UNKNOWN; /* An equal number proves nothing: both may have been promoted. */
    return timeline_can_follow(&v->lineage, n->timeline, view_position(v, i)) ? REJOIN_FOLLOW
                                                                              : REJOIN_REWIND;
}

const char *rejoin_name(enum rejoin r)
{
    static const char *const names[REJOIN_NR] = {"unknown", "no", "yes"};
    return (unsigned)r < REJOIN_NR ? names[r] : "invalid";
}

const char *rejoin_text(enum rejoin r)
{
    static const char *const texts[REJOIN_NR] = {
        "the new primary's history is not known: rewind it or make a new copy",
        "it has no WAL of its own: make it a replica (standby.signal, restart)",
        "it has WAL that the new primary does not have: pg_rewind, or a new copy",
    };
    return (unsigned)r < REJOIN_NR ? texts[r] : "is in an invalid state";
}
