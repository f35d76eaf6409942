#include "balance.h"

#include "../../replication/base/bug.h"

/* What is charged for a read at a weight of one unit. A node is never owed more than OWED_MAX such reads: who was slow is
 * not flooded when it is fast again. */
static const uint64_t CHARGE = 1 << 20;
static const uint64_t OWED_MAX = UINT64_C(4096) << 20;
/* A session leaves a node that has had so many reads too many. */
static const uint64_t AHEAD = 16;

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

/* The nearest tier behind `after` that has an eligible node, with a weight or of any; -1: none. */
static int next_tier(const struct balance_load *loads, int n, int after, bool weighted)
{
    int best = -1;
    for (int i = 0; i < n; i++)
        if (loads[i].eligible && (loads[i].weight > 0 || !weighted) && loads[i].tier > after &&
            (best < 0 || loads[i].tier < best))
            best = loads[i].tier;
    return best;
}

static bool is_busy(const struct balance_rules *r, const struct balance_load *l)
{
    return r->spill && (uint64_t)l->in_flight * BALANCE_UNIT >= (uint64_t)r->spill * l->weight;
}

/* Eligible nodes of the nearest zone that have a weight, and of the next ones while all of those are busy; if nobody has a
 * weight, the nearest eligible ones, as equals. */
static void field_fill(struct field *f, const struct balance_rules *r,
                       const struct balance_load *loads, int n)
{
    bool busy = true;
    f->n = 0;
    f->total = 0;
    for (int tier = next_tier(loads, n, -1, true); tier >= 0 && busy;
         tier = next_tier(loads, n, tier, true)) {
        for (int i = 0; i < n; i++)
            if (loads[i].eligible && loads[i].weight > 0 && loads[i].tier == tier) {
                field_add(f, i, loads[i].weight);
                busy &= is_busy(r, &loads[i]);
            }
    }
    if (f->n)
        return;
    const int tier = next_tier(loads, n, -1, false);
    for (int i = 0; i < n && tier >= 0; i++)
        if (loads[i].eligible && loads[i].tier == tier)
            field_add(f, i, 1);
}

/* -- charges ------------------------------------------------------------------------------------------------------- */

static uint64_t price(uint32_t weight)
{
    return CHARGE * BALANCE_UNIT / weight;
}

static uint64_t charged(const struct balance_state *st, int i)
{
    const uint64_t least = st->most > OWED_MAX ? st->most - OWED_MAX : 0;
    return st->charged[i] > least ? st->charged[i] : least;
}

void balance_charge(struct balance_state *st, int i, uint32_t weight)
{
    st->charged[i] = charged(st, i) + price(weight);
    if (st->charged[i] > st->most)
        st->most = st->charged[i];
}

/* Nothing is owed to a node for the time that it was away: it begins level with the one that is charged least. */
static void welcome(struct balance_state *st, const struct field *f,
                    const struct balance_load *loads)
{
    uint64_t least = UINT64_MAX;
    bool any = false;
    for (int k = 0; k < f->n; k++) {
        const int i = f->index[k];
        if (st->since[i] != loads[i].since)
            any = true;
        else if (charged(st, i) < least)
            least = charged(st, i);
    }
    for (int k = 0; any && k < f->n; k++) {
        const int i = f->index[k];
        if (st->since[i] == loads[i].since)
            continue;
        st->since[i] = loads[i].since;
        st->charged[i] = least == UINT64_MAX ? st->most : least;
    }
}

/* The one whose next read would be due first; by chance among equals, so that workers do not march in step. Half a price
 * ahead, so that a heavy node does not have all its reads in a row. */
static int fairest(const struct field *f, const struct balance_state *st, struct prng *rng)
{
    const int first = (int)prng_below(rng, (uint32_t)f->n);
    int best = first;
    uint64_t least = UINT64_MAX;
    for (int j = 0; j < f->n; j++) {
        const int k = first + j < f->n ? first + j : first + j - f->n;
        const uint64_t due = charged(st, f->index[k]) + price(f->weight[k]) / 2;
        if (due < least) {
            least = due;
            best = k;
        }
    }
    return best;
}

/* -- policies ------------------------------------------------------------------------------------------------------ */

/* The fairest one, unless another one would have less in flight for its weight even with one more, and this one with one
 * less. */
static int least_busy(const struct field *f, const struct balance_load *loads, int fair)
{
    int idle = fair;
    for (int k = 0; k < f->n; k++)
        if (((uint64_t)loads[f->index[k]].in_flight + 1) * f->weight[idle] <
            ((uint64_t)loads[f->index[idle]].in_flight + 1) * f->weight[k])
            idle = k;
    const uint64_t mine = loads[f->index[fair]].in_flight, theirs = loads[f->index[idle]].in_flight;
    return mine > 1 && (mine - 1) * f->weight[idle] >= (theirs + 1) * f->weight[fair] ? idle : fair;
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

/* What is compared, before division by weight. An unknown latency counts as the best one, so that a new node is tried. */
static uint64_t cost(const struct balance_load *l)
{
    const uint64_t work = (uint64_t)l->in_flight + 1;
    const uint64_t us = l->latency > 0 ? (uint64_t)l->latency : 1;
    const uint64_t max = UINT64_MAX / BALANCE_WEIGHT_MAX;
    return us > max / work ? max : us * work;
}

/* Power of two choices: the cheaper of two drawn nodes, the first if they are equal. */
static int fastest(const struct field *f, const struct balance_load *loads, struct prng *rng)
{
    if (f->n == 1)
        return 0;
    const int a = draw(f, rng);
    const int b = draw_other(f, a, rng);
    /* cost(a) / weight(a) <= cost(b) / weight(b), without division */
    return cost(&loads[f->index[a]]) * f->weight[b] <= cost(&loads[f->index[b]]) * f->weight[a] ? a
                                                                                                : b;
}

int balance_pick(const struct balance_rules *r, const struct balance_load *loads, int n,
                 struct balance_state *st, struct prng *rng)
{
    BUG_ON(r->policy < BALANCE_LEAST_BUSY || r->policy >= BALANCE_NR);
    BUG_ON(n < 0 || n > BALANCE_NODES_MAX || (n && !loads));
    BUG_ON(!st || !rng);
    struct field f;
    field_fill(&f, r, loads, n);
    if (f.n == 0)
        return BALANCE_NONE;
    welcome(st, &f, loads);
    int k = 0;
    if (r->policy == BALANCE_RANDOM)
        k = draw(&f, rng);
    else if (r->policy == BALANCE_LATENCY)
        k = fastest(&f, loads, rng);
    else if (f.n > 1)
        k = fairest(&f, st, rng);
    if (r->policy == BALANCE_LEAST_BUSY)
        k = least_busy(&f, loads, k);
    balance_charge(st, f.index[k], f.weight[k]);
    BUG_ON(!loads[f.index[k]].eligible);
    return f.index[k];
}

static bool busier(const struct field *f, const struct balance_load *loads, int a, int b,
                   unsigned n)
{
    return (uint64_t)loads[f->index[a]].in_flight * f->weight[b] >
           n * ((uint64_t)loads[f->index[b]].in_flight + n - 1) * f->weight[a];
}

static bool better(const struct balance_rules *r, const struct field *f,
                   const struct balance_load *loads, const struct balance_state *st, int mine,
                   int other)
{
    const int a = f->index[mine], b = f->index[other];
    if (busier(f, loads, mine, other, 2))
        return true;
    switch (r->policy) {
    case BALANCE_RANDOM:
        return true;
    case BALANCE_LATENCY:
        return cost(&loads[a]) / 2 * f->weight[other] > cost(&loads[b]) * f->weight[mine];
    case BALANCE_LEAST_BUSY:
    case BALANCE_ROUND_ROBIN:
    case BALANCE_NR:
    default:
        return charged(st, a) > charged(st, b) + AHEAD * price(f->weight[mine]) &&
               (r->policy == BALANCE_ROUND_ROBIN || !busier(f, loads, other, mine, 1));
    }
}

bool balance_leaves(const struct balance_rules *r, const struct balance_load *loads, int n,
                    const struct balance_state *st, int at)
{
    struct field f;
    int mine = -1;
    field_fill(&f, r, loads, n);
    for (int k = 0; k < f.n; k++)
        if (f.index[k] == at)
            mine = k;
    if (mine < 0)
        return f.n > 0;
    for (int k = 0; k < f.n; k++)
        if (k != mine && better(r, &f, loads, st, mine, k))
            return true;
    return false;
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

usec_t balance_forget(usec_t smoothed)
{
    return smoothed - smoothed / 16;
}
