#include <stdarg.h>
#include <string.h>

#include "../../replication/base/bug.h"
#include "sim.h"

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at < b->at || (a->at == b->at && a->seq < b->seq);
}

static void swap(struct sim *s, int i, int j)
{
    struct sim_event t = s->heap[i];
    s->heap[i] = s->heap[j];
    s->heap[j] = t;
}

void sim_push(struct sim *s, usec_t delay, struct sim_event ev)
{
    BUG_ON(s->n_events == SIM_EVENTS_MAX);
    BUG_ON(delay < 0);
    ev.at = s->now + delay;
    ev.seq = ++s->seq;
    int i = s->n_events++;
    s->heap[i] = ev;
    for (; i > 0 && before(&s->heap[i], &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(s, i, (i - 1) / 2);
}

bool sim_pop(struct sim *s, struct sim_event *ev)
{
    if (s->n_events == 0)
        return false;
    *ev = s->heap[0];
    s->heap[0] = s->heap[--s->n_events];
    for (int i = 0;;) {
        int least = i;
        for (int child = 2 * i + 1; child <= 2 * i + 2; child++)
            if (child < s->n_events && before(&s->heap[child], &s->heap[least]))
                least = child;
        if (least == i)
            break;
        swap(s, i, least);
        i = least;
    }
    s->now = ev->at;
    sim_hash(s, (uint64_t)ev->at);
    sim_hash(s,
             (uint64_t)ev->kind * 1000003u + (uint64_t)(ev->a + 7) * 131u + (uint64_t)(ev->b + 7));
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
    for (int i = 0; i < 8; i++, x >>= 8)
        s->hash = (s->hash ^ (x & 0xff)) * UINT64_C(1099511628211);
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
