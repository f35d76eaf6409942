/* All deadlines of one object in one array indexed by reason; the owner runs one timer. Pure. */
#ifndef TANIST_BASE_DEADLINE_H
#define TANIST_BASE_DEADLINE_H

#include <stdbool.h>

#include "clock.h"

enum { DEADLINE_MAX = 16 };

struct deadlines {
    usec_t at[DEADLINE_MAX]; /* USEC_NEVER when off */
    int n;
};

void deadlines_init(struct deadlines *d, int n);
void deadline_set(struct deadlines *d, int reason, usec_t at);
void deadline_clear(struct deadlines *d, int reason);
bool deadline_is_set(const struct deadlines *d, int reason);
/* Earliest moment, or USEC_NEVER. */
usec_t deadline_next(const struct deadlines *d);
/* A reason whose moment is at or before now (earliest first), cleared as it is returned; -1 when none. */
int deadline_expired(struct deadlines *d, usec_t now);

#endif
