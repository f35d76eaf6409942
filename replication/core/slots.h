/* Physical slots for followers on the writer: what should be, what is, what to do. Pure.
 *
 * A follower's slot is made before the follower is pointed at a new writer. Only slots with our prefix are ever dropped. */
#ifndef TANIST_CORE_SLOTS_H
#define TANIST_CORE_SLOTS_H

#include "view.h"

#define SLOTS_PREFIX "tanist_"

/* "tanist_" and the node's name in PostgreSQL's slot alphabet (a-z 0-9 _); a changed or shortened name gets a hash
 * suffix so that two nodes never share a slot. out at least TOPO_NAME_MAX. */
void slots_name(const char *node_name, char out[TOPO_NAME_MAX]);

enum slots_action { SLOTS_NONE = 0, SLOTS_CREATE, SLOTS_DROP };

struct slots_step {
    enum slots_action action;
    int for_node; /* -1 for a drop */
    char name[TOPO_NAME_MAX];
};

struct slots_plan {
    int n;
    struct slots_step steps[OBSERVE_SLOTS_MAX + TOPO_NODES_MAX];
};

/* followers: bit i for each node that shall have a slot on the writer. Drops inactive slots of ours that nobody needs. */
void slots_plan(const struct view *v, int writer, uint64_t followers,
                const struct observe_slots *actual, struct slots_plan *out);

#endif
