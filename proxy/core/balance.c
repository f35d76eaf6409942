#include "balance.h"

#include "../../replication/base/bug.h"

/* Those who take part in this pick, in the order of their indexes. */
struct field {
    int n;
    int index[BALANCE_NODES_MAX];
    uint32_t weight[BALANCE_NODES_MAX]; /* at least 1 */
    uint64_t total;
};

static void field_add(struct field *f, int index, uint32_t weight)
{
    f->index[f->n] = index;
    f->weight[f->n] = weight > BALANCE_WEIGHT_MAX ? BALANCE_WEIGHT_MAX : weight;
    f->total += f->weight[f->n];
    f->n++;
}

/* Eligible nodes with a weight; if there is none, all eligible ones, as equals. */
static void field_fill(struct field *f, const struct balance_load *loads, int n)
{
    f->n = 0;
    f->total = 0;
    for (int i = 0; i < n; i++) {
        if (loads[i].eligible && loads[i].weight > 0)
            field_add(f, i, loads[i].weight);
    }
    if (f->n)
        return;
    for (int i = 0; i < n; i++) {
        if (loads[i].eligible)
            field_add(f, i, 1);
    }
}

/* Position in the field, with the probability of its weight. */
static int draw(const struct field *f, struct prng *rng)
{
    uint64_t at = prng_below(rng, (uint32_t)f->total);
    int k = 0;
    while (at >= f->weight[k])
        at -= f->weight[k++];
    BUG_ON(k >= f->n);
    return k;
}

/* Another position than `not`, again by weight. */
static int draw_other(const struct field *f, int not, struct prng *rng)
{
    uint64_t at = prng_below(rng, (uint32_t)(f->total - f->weight[not ]));
    int k = 0;
    for (;; k++) {
        if (k == not )
            continue;
        if (at < f->weight[k])
            break;
        at -= f->weight[k];
    }
    BUG_ON(k >= f->n);
    return k;
}

/* What is compared, before division by weight. An unknown latency counts as the best one, so that a new node is tried.
 * Idle nodes cost nothing by least_busy, so that the draw by weight decides between them. */
static uint64_t cost(enum balance_policy policy, const struct balance_load *l)
{
    if (policy != BALANCE_LATENCY)
        return l->in_flight;
    uint64_t work = (uint64_t)l->in_flight + 1;
    uint64_t us = l->latency > 0 ? (uint64_t)l->latency : 1;
    uint64_t max = UINT64_MAX / BALANCE_WEIGHT_MAX;
    return us > max / work ? max : us * work;
}

/* Power of two choices: the cheaper of two drawn nodes, the first if they are equal. */
static int pick_cheaper(enum balance_policy policy, const struct field *f,
                        const struct balance_load *loads, struct prng *rng)
{
    if (f->n == 1)
        return f->index[0];
    int a = draw(f, rng);
    int b = draw_other(f, a, rng);
    /* cost(a) / weight(a) <= cost(b) / weight(b), without division */
    uint64_t left = cost(policy, &loads[f->index[a]]) * f->weight[b];
    uint64_t right = cost(policy, &loads[f->index[b]]) * f->weight[a];
    return f->index[left <= right ? a : b];
}

/* Everyone earns its weight, the richest serves and pays the total: in each run of `total` picks everyone serves as often
 * as its weight says, spread evenly. */
static int pick_round_robin(const struct field *f, struct balance_state *st)
{
    int best = 0;
    int64_t total = (int64_t)f->total;
    for (int k = 0; k < f->n; k++) {
        int64_t *credit = &st->credit[f->index[k]];
        *credit += f->weight[k];
        /* Who was away, or changed its weight, must not repay for ever or be flooded. */
        if (*credit > total)
            *credit = total;
        if (*credit < -total)
            *credit = -total;
        if (*credit > st->credit[f->index[best]])
            best = k;
    }
    st->credit[f->index[best]] -= total;
    return f->index[best];
}

int balance_pick(enum balance_policy policy, const struct balance_load *loads, int n,
                 struct balance_state *st, struct prng *rng)
{
    BUG_ON(policy < BALANCE_LEAST_BUSY || policy >= BALANCE_NR);
    BUG_ON(n < 0 || n > BALANCE_NODES_MAX || (n && !loads));
    BUG_ON(!st || !rng);
    struct field f;
    field_fill(&f, loads, n);
    if (f.n == 0)
        return BALANCE_NONE;
    int picked;
    if (policy == BALANCE_ROUND_ROBIN)
        picked = pick_round_robin(&f, st);
    else if (policy == BALANCE_RANDOM)
        picked = f.index[draw(&f, rng)];
    else
        picked = pick_cheaper(policy, &f, loads, rng);
    BUG_ON(!loads[picked].eligible);
    return picked;
}

usec_t balance_latency(usec_t smoothed, usec_t sample)
{
    if (sample < 1)
        sample = 1;
    if (smoothed <= 0)
        return sample;
    usec_t next = smoothed + (sample - smoothed) / 8;
    if (next == smoothed && sample != smoothed)
        next += sample > smoothed ? 1 : -1;
    return next;
}
