#include "poolpolicy.h"

#include "../../replication/base/bug.h"

/* -- sizes -------------------------------------------------------------------------------------------------------- */

int poolpolicy_capacity(const struct poolpolicy_size *s, usec_t waited)
{
    const bool reserve = s->reserve > 0 && s->reserve_timeout > 0 && waited >= s->reserve_timeout;
    return s->size + (reserve ? s->reserve : 0);
}

int poolpolicy_warm(const struct poolpolicy_size *s)
{
    return s->min < s->size ? s->min : s->size;
}

int poolpolicy_node_budget(uint32_t connections_max, int headroom)
{
    if (connections_max == 0)
        return 0;
    const int64_t left = (int64_t)connections_max - headroom;
    return left < 1 ? 1 : left > INT32_MAX ? INT32_MAX : (int)left;
}

/* -- servers ------------------------------------------------------------------------------------------------------ */

usec_t poolpolicy_lifetime(usec_t lifetime, uint32_t random)
{
    const usec_t most = lifetime / 10;
    return lifetime - most / 1024 * (random % 1025);
}

bool poolpolicy_life_over(const struct poolpolicy_server *s)
{
    return s->lifetime > 0 && s->now - s->connected_at > s->lifetime;
}

bool poolpolicy_idle_over(const struct poolpolicy_server *s)
{
    if (poolpolicy_life_over(s))
        return true;
    return s->idle_timeout > 0 && s->now - s->last_used > s->idle_timeout && s->servers > s->warm;
}

/* -- fairness ------------------------------------------------------------------------------------------------------- */

bool poolpolicy_yields(const struct poolpolicy_claim *c)
{
    if (c->held_for < POOLPOLICY_QUANTUM * USEC_PER_MS)
        return false;
    if (c->waiting && c->their_since >= c->my_since)
        return false;
    /* One that has none must get one; else servers go only where fewer are, or two pools would pass one to and fro. */
    if (c->theirs == 0 || c->theirs + 2 <= c->mine)
        return true;
    return !c->waiting && c->idle_for >= POOLPOLICY_LINGER * USEC_PER_MS;
}

int poolpolicy_evict(const struct poolpolicy_idle *pools, int n)
{
    int best = -1;
    for (int i = 0; i < n; i++)
        if (pools[i].usable && (best < 0 || pools[i].last_used < pools[best].last_used))
            best = i;
    return best;
}

/* -- times of a client ---------------------------------------------------------------------------------------------- */

static bool over(usec_t limit, usec_t since, usec_t now)
{
    return limit > 0 && now - since >= limit;
}

enum poolpolicy_over poolpolicy_client_over(const struct poolpolicy_client *c,
                                            const struct poolpolicy_timeouts *t, usec_t now)
{
    if (c->waiting && over(t->query_wait, c->waited_since, now))
        return POOLPOLICY_OVER_WAIT;
    /* Within a transaction a request may wait too, if its server was lost; the transaction's own time goes on. */
    if (c->transaction_since && over(t->transaction, c->transaction_since, now))
        return POOLPOLICY_OVER_TRANSACTION;
    if (c->waiting || c->held)
        return !c->notified && over(t->query_wait_notify, c->waited_since, now)
                   ? POOLPOLICY_OVER_NOTIFY
                   : POOLPOLICY_OVER_NONE;
    if (c->running && c->canceled_at)
        return over(t->cancel_grace, c->canceled_at, now) ? POOLPOLICY_OVER_CANCEL
                                                          : POOLPOLICY_OVER_NONE;
    if (c->running)
        return over(t->query, c->query_since, now) ? POOLPOLICY_OVER_QUERY : POOLPOLICY_OVER_NONE;
    if (c->in_transaction)
        return over(t->idle_transaction, c->ready_at, now) ? POOLPOLICY_OVER_IDLE_TRANSACTION
                                                           : POOLPOLICY_OVER_NONE;
    return over(t->client_idle, c->ready_at, now) ? POOLPOLICY_OVER_IDLE : POOLPOLICY_OVER_NONE;
}
