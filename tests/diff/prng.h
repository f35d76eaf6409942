/* xorshift64*: the same numbers for the same seed on every machine. */
#ifndef TANIST_DIFF_PRNG_H
#define TANIST_DIFF_PRNG_H

#include <stdbool.h>
#include <stdint.h>

struct prng {
    uint64_t s;
};

static inline uint64_t prng_next(struct prng *r)
{
    r->s ^= r->s >> 12;
    r->s ^= r->s << 25;
    r->s ^= r->s >> 27;
    return r->s * UINT64_C(2685821657736338717);
}

static inline struct prng prng_of(uint64_t seed, uint64_t round)
{
    struct prng r = {(seed + 1) * UINT64_C(0x9E3779B97F4A7C15) ^
                     (round + 1) * UINT64_C(0xBF58476D1CE4E5B9)};
    if (r.s == 0)
        r.s = 1;
    for (int i = 0; i < 8; i++)
        prng_next(&r);
    return r;
}

/* 0 .. n-1 */
static inline unsigned prng_below(struct prng *r, unsigned n)
{
    return (unsigned)((prng_next(r) >> 33) % n);
}

/* True once in n. */
static inline bool prng_once(struct prng *r, unsigned n)
{
    return prng_below(r, n) == 0;
}

#endif
