/* A returned old primary: can it follow the writer as it is, or has it WAL that the writer's history does not? Pure. */
#ifndef TANIST_CORE_REJOIN_H
#define TANIST_CORE_REJOIN_H

#include "view.h"

enum rejoin {
    REJOIN_UNKNOWN = 0, /* the writer's history is not known (or not of this lineage) */
    REJOIN_FOLLOW,      /* nothing of its own: standby.signal and a restart are enough */
    REJOIN_REWIND,      /* it wrote past the fork: pg_rewind, or a new copy */
    REJOIN_NR
};

/* Of node i, against view.lineage. */
enum rejoin rejoin_need(const struct view *v, int i);
const char *
rejoin_name(enum rejoin r); /* "unknown", "no", "yes": the answer to "is a rewind needed" */
const char *rejoin_text(enum rejoin r);

#endif
