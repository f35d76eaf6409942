#include "deadline.h"

#include "bug.h"

static void check_reason(const struct deadlines *d, int reason)
{
    BUG_ON(reason < 0);
    BUG_ON(reason >= d->n);
}

void deadlines_init(struct deadlines *d, int n)
{
    BUG_ON(n < 1);
    BUG_ON(n > DEADLINE_MAX);
    d->n = n;
    for (int i = 0; i < DEADLINE_MAX; i++)
        d->at[i] = USEC_NEVER;
}

void deadline_set(struct deadlines *d, int reason, usec_t at)
{
    check_reason(d, reason);
    d->at[reason] = at;
}

void deadline_clear(struct deadlines *d, int reason)
{
    check_reason(d, reason);
    d->at[reason] = USEC_NEVER;
}

bool deadline_is_set(const struct deadlines *d, int reason)
{
    check_reason(d, reason);
    return d->at[reason] != USEC_NEVER;
}

/* Index of the earliest deadline; of equal ones the lowest reason. -1 when all are off. */
static int earliest(const struct deadlines *d)
{
    int best = -1;
    for (int i = 0; i < d->n; i++) {
        if (d->at[i] != USEC_NEVER && (best < 0 || d->at[i] < d->at[best]))
            best = i;
    }
    return best;
}

usec_t deadline_next(const struct deadlines *d)
{
    int i = earliest(d);
    return i < 0 ? USEC_NEVER : d->at[i];
}

int deadline_expired(struct deadlines *d, usec_t now)
{
    int i = earliest(d);
    if (i < 0 || d->at[i] > now)
        return -1;
    d->at[i] = USEC_NEVER;
    return i;
}
