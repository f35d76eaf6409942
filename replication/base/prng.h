/* Seedable generator (xoshiro256**, seeded by splitmix64). Pure; not for secrets (proxy/wire/crypto.h has those). */
#ifndef TANIST_BASE_PRNG_H
#define TANIST_BASE_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t s[4];
};

void prng_init(struct prng *r, uint64_t seed);
uint64_t prng_next(struct prng *r);
/* Uniform in [0, n); n > 0. */
uint32_t prng_below(struct prng *r, uint32_t n);

#endif
