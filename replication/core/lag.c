#include "lag.h"

#include "../base/bug.h"

void lag_policy_default(struct lag_policy *p)
{
    *p = (struct lag_policy){
        .max_lag = USEC_PER_SEC,
        .max_lag_bytes = UINT64_C(16) << 20,
        .resume_percent = 70,
    };
}

void lag_history_reset(struct lag_history *h)
{
    h->n = 0;
}

/* Keeps every second of the older half: recent lag stays exact, old lag gets coarser, and the oldest sample stays. */
static void thin_out(struct lag_history *h)
{
    int half = h->n / 2, out = 0;
    for (int i = 0; i < h->n; i++)
        if (i >= half || i % 2 == 0)
            h->samples[out++] = h->samples[i];
    h->n = out;
}

void lag_history_add(struct lag_history *h, usec_t at, lsn_t lsn)
{
    const lsn_t newest = lag_history_newest(h);
    if (lsn == newest && h->n > 0 && at > h->samples[h->n - 1].until)
        h->samples[h->n - 1].until = at;
    if (lsn <= newest)
        return;
    if (h->n == LAG_SAMPLES_MAX)
        thin_out(h);
    BUG_ON(h->n >= LAG_SAMPLES_MAX);
    h->samples[h->n++] = (struct lag_sample){.at = at, .until = at, .lsn = lsn};
}

lsn_t lag_history_newest(const struct lag_history *h)
{
    return h->n ? h->samples[h->n - 1].lsn : 0;
}

usec_t lag_fresh_at(const struct lag_history *h, lsn_t replay)
{
    for (int i = h->n - 1; i >= 0; i--)
        if (h->samples[i].lsn <= replay)
            return h->samples[i].until;
    return 0;
}

struct lag lag_measure(const struct lag_history *h, const struct observation *o, usec_t now)
{
    lsn_t newest = lag_history_newest(h);
    if (!newest || !o->replay_lsn)
        return (struct lag){.known = false};
    if (o->replay_lsn >= newest)
        return (struct lag){.known = true};
    for (int i = 0; i < h->n; i++)
        if (h->samples[i].lsn > o->replay_lsn) {
            usec_t behind = now - h->samples[i].at;
            return (struct lag){
                .known = true, .time = behind > 0 ? behind : 0, .bytes = newest - o->replay_lsn};
        }
    BUG("the newest sample was not reached");
}

/* Over its limit? A node that was over returns below the share only. */
static bool over(uint64_t value, uint64_t limit, int percent, bool before)
{
    if (!limit)
        return false;
    if (!before)
        return value > limit;
    /* Division first: the limit may be as large as its type. */
    uint64_t resume = limit / 100 * (uint64_t)percent + limit % 100 * (uint64_t)percent / 100;
    return value > resume;
}

enum topo_unreadable lag_judge(const struct lag_policy *p, const struct lag *lag,
                               enum topo_unreadable before)
{
    bool was_over = before == READ_LAG_TIME || before == READ_LAG_BYTES;
    if (!lag->known)
        return was_over ? before : READ_OK;
    /* Either limit puts a node into the same waiting state: it returns when both are below their share. */
    if (over((uint64_t)lag->time, (uint64_t)p->max_lag, p->resume_percent, was_over))
        return READ_LAG_TIME;
    if (over(lag->bytes, p->max_lag_bytes, p->resume_percent, was_over))
        return READ_LAG_BYTES;
    return READ_OK;
}
