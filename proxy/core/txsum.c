#include "txsum.h"

void txsum_init(struct txsum *t)
{
    *t = (struct txsum){.a = UINT64_C(0xcbf29ce484222325), .b = UINT64_C(0x9e3779b97f4a7c15)};
}

static void mix(struct txsum *t, uint32_t v)
{
    t->a = (t->a ^ v) * UINT64_C(0x100000001b3);
    t->b = (t->b + v) * UINT64_C(0xd6e8feb86659fd93);
    t->b ^= t->b >> 32;
}

void txsum_add(struct txsum *t, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mix(t, p[i]);
    t->bytes += n;
}

void txsum_batch(struct txsum *t)
{
    mix(t, 256); /* no byte */
    t->batches++;
}

bool txsum_equal(const struct txsum *a, const struct txsum *b)
{
    return a->a == b->a && a->b == b->b && a->bytes == b->bytes && a->batches == b->batches;
}

bool txsum_may_run_again(const struct txsum_case *c)
{
    return c->lost && c->begun_apart && txsum_equal(c->told, c->at_batch) &&
           c->attempts < c->attempts_max && c->age <= c->age_max;
}
