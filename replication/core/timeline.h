/* Timeline history: who descends from whom and where they forked. Pure. An equal timeline number alone proves nothing
 * about equal history; a node that wrote past the fork point cannot follow. */
#ifndef TANIST_CORE_TIMELINE_H
#define TANIST_CORE_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>

#include "topology.h"

enum { TIMELINE_FORKS_MAX = 64 };

struct timeline_fork {
    uint32_t timeline;
    lsn_t end; /* the next timeline began here */
};

/* History of one timeline: its ancestors, oldest first. With more than TIMELINE_FORKS_MAX the oldest are forgotten, which
 * only makes answers more careful. timeline 0: not known. */
struct timeline_history {
    uint32_t timeline;
    int n;
    struct timeline_fork forks[TIMELINE_FORKS_MAX];
};

/* text: content of a .history file as TIMELINE_HISTORY sends it. */
int timeline_parse(uint32_t timeline, const char *text, size_t len, struct timeline_history *out,
                   struct err *e) MUST_CHECK;

/* The timeline itself counts as its own ancestor. */
bool timeline_is_ancestor(const struct timeline_history *h, uint32_t timeline);
/* Where `timeline` was left; false if it is not an earlier ancestor. */
bool timeline_fork_point(const struct timeline_history *h, uint32_t timeline, lsn_t *end);
/* A node on `timeline` that has WAL up to `lsn` can follow h without pg_rewind. */
bool timeline_can_follow(const struct timeline_history *h, uint32_t timeline, lsn_t lsn);

#endif
