#include <stdarg.h>
#include <string.h>

#include "../../replication/base/bug.h"
#include "sim.h"

static bool before(const struct sim_key *a, const struct sim_key *b)
{
    return a->at < b->at || (a->at == b->at && a->seq < b->seq);
}

/* The heap holds keys; events stay where they are. */
void sim_push(struct sim *s, usec_t delay, struct sim_event ev)
{
    BUG_ON(s->n_events == SIM_EVENTS_MAX);
    BUG_ON(delay < 0);
    ev.at = s->now + delay;
    const int slot = s->n_events < s->n_slots ? s->heap[s->n_events].slot : s->n_slots++;
    const struct sim_key key = {.at = ev.at, .seq = ++s->seq, .slot = slot};
    int i = s->n_events++;
    for (; i > 0 && before(&key, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = key;
    s->events[slot] = ev;
}

bool sim_pop(struct sim *s, struct sim_event *ev)
{
    if (s->n_events == 0)
        return false;
    const struct sim_key top = s->heap[0];
    const struct sim_key last = s->heap[--s->n_events];
    int i = 0;
    for (int child = 1; child < s->n_events; child = 2 * i + 1) {
        if (child + 1 < s->n_events && before(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (!before(&s->heap[child], &last))
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    s->heap[s->n_events] = top; /* its slot is the next free one */
    *ev = s->events[top.slot];
    s->now = ev->at;
    sim_hash(s, (uint64_t)ev->at ^ ((uint64_t)ev->kind << 56) ^ ((uint64_t)(ev->a + 7) << 48) ^
                    ((uint64_t)(ev->b + 7) << 40));
    return true;
}

uint32_t sim_below(struct sim *s, uint32_t n)
{
    return prng_below(&s->prng, n);
}

bool sim_chance(struct sim *s, uint32_t percent)
{
    return percent > 0 && sim_below(s, 100) < percent;
}

void sim_hash(struct sim *s, uint64_t x)
{
    s->hash = (s->hash ^ x) * UINT64_C(0x9e3779b97f4a7c15);
    s->hash ^= s->hash >> 29;
}

void sim_trace(struct sim *s, const char *fmt, ...)
{
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    for (const char *p = line; *p; p++)
        s->hash = (s->hash ^ (uint8_t)*p) * UINT64_C(1099511628211);
    if (s->trace)
        printf("# %9.3f %s\n", (double)s->now / 1e6, line);
}

uint64_t sim_id(struct sim *s)
{
    return ++s->ids;
}

bool sim_send(struct sim *s, int from, int to, usec_t *delay)
{
    *delay = 200 + (usec_t)sim_below(s, (uint32_t)s->delay_max);
    return s->cut[from][to] == 0 && !sim_chance(s, (uint32_t)s->loss_percent);
}
