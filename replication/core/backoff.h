/* Bounded exponential back-off with jitter. Pure, inline. */
#ifndef TANIST_CORE_BACKOFF_H
#define TANIST_CORE_BACKOFF_H

#include "../base/clock.h"
#include "../base/prng.h"

struct backoff {
    usec_t first, max;
    int tries;
};

static inline void backoff_init(struct backoff *b, usec_t first, usec_t max)
{
    *b = (struct backoff){.first = first, .max = max, .tries = 0};
}

static inline void backoff_reset(struct backoff *b)
{
    b->tries = 0;
}

/* The next pause: first * 2^tries up to max, minus up to a quarter at random so that nodes do not march in step. */
static inline usec_t backoff_next(struct backoff *b, struct prng *r)
{
    usec_t d = b->first > 0 ? b->first : 1;
    for (int i = 0; i < b->tries && d < b->max; i++)
        d *= 2;
    if (d > b->max)
        d = b->max;
    if (b->tries < 30)
        b->tries++;
    usec_t jitter = d / 4;
    if (jitter > UINT32_MAX)
        jitter = UINT32_MAX;
    return jitter > 0 ? d - (usec_t)prng_below(r, (uint32_t)jitter) : d;
}

#endif
