#include "prng.h"

#include "bug.h"

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

/* Spreads a small seed over all state, so that seeds 1 and 2 give unrelated streams. */
static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void prng_init(struct prng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix64(&seed);
}

uint64_t prng_next(struct prng *r)
{
    uint64_t *s = r->s;
    const uint64_t result = rotl(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint32_t prng_below(struct prng *r, uint32_t n)
{
    BUG_ON(n == 0);
    /* Multiply-shift; draws that would favour low results are thrown away. */
    const uint32_t reject_below = (uint32_t)(-n) % n;
    uint64_t m;
    do {
        m = (prng_next(r) >> 32) * n;
    } while ((uint32_t)m < reject_below);
    return (uint32_t)(m >> 32);
}
