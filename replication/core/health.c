#include "health.h"

#include "../base/bug.h"

void health_policy_default(struct health_policy *p)
{
    *p = (struct health_policy){
        .check_interval = 500 * USEC_PER_MS,
        .check_timeout = USEC_PER_SEC,
        .misses = 2,
        .starting_max = 30 * USEC_PER_SEC,
    };
}

void health_init(struct health *h)
{
    *h = (struct health){.verdict = HEALTH_UNKNOWN, .reason = HEALTH_NOT_ASKED};
}

static bool set(struct health *h, enum health_verdict verdict, enum health_reason reason, usec_t at)
{
    bool changed = h->verdict != verdict || h->reason != reason;
    if (h->verdict != verdict)
        h->since = at;
    h->verdict = verdict;
    h->reason = reason;
    return changed;
}

/* A node that is down stays down until it shows life; a first failure only makes it suspect. */
static bool missed(struct health *h, const struct health_policy *p, usec_t at, bool refused)
{
    bool down = h->misses >= (refused ? 2 : p->misses < 1 ? 1 : p->misses);
    if (h->verdict == HEALTH_DOWN)
        down = true;
    if (refused)
        return set(h, down ? HEALTH_DOWN : HEALTH_SUSPECT,
                   down ? HEALTH_REFUSED : HEALTH_REFUSED_ONCE, at);
    return set(h, down ? HEALTH_DOWN : HEALTH_SUSPECT, down ? HEALTH_SILENT : HEALTH_SILENT_ONCE,
               at);
}

/* 57P01 is the server's own word: only our session was ended. Bare ends of file count from the second in a row on (a
 * forwarder in front of a dead server accepts and closes). */
static bool closed(struct health *h, const struct health_policy *p, const struct observation *o)
{
    bool again = h->reason == HEALTH_CLOSED || h->misses > 0 || h->verdict == HEALTH_DOWN;
    if (again && !o->sqlstate[0]) {
        h->misses++;
        if (h->verdict == HEALTH_DOWN || h->misses >= (p->misses < 1 ? 1 : p->misses))
            return set(h, HEALTH_DOWN, HEALTH_CLOSED, o->received_at);
    }
    return set(h, h->verdict == HEALTH_DOWN ? HEALTH_DOWN : HEALTH_SUSPECT, HEALTH_CLOSED,
               o->received_at);
}

static bool starting(struct health *h, const struct health_policy *p, usec_t at)
{
    bool same = h->reason == HEALTH_STARTING || h->reason == HEALTH_STARTING_LONG;
    /* The time counts from the first sign of trouble: a node that crashes and starts again and again is no better. */
    bool too_long =
        p->starting_max != USEC_NEVER && h->suspect_at && at - h->suspect_at > p->starting_max;
    if (too_long || (same && h->verdict == HEALTH_DOWN))
        return set(h, HEALTH_DOWN, HEALTH_STARTING_LONG, at);
    return set(h, HEALTH_SUSPECT, HEALTH_STARTING, at);
}

static bool judge(struct health *h, const struct health_policy *p, const struct observation *o)
{
    usec_t at = o->received_at;
    switch (o->outcome) {
    case OBSERVE_OK:
        h->last_ok = at;
        return set(h, HEALTH_OK, HEALTH_ANSWERS, at);
    case OBSERVE_REFUSED:
        h->misses++;
        return missed(h, p, at, true);
    case OBSERVE_TIMEOUT:
    case OBSERVE_UNREACHABLE:
        h->misses++;
        return missed(h, p, at, false);
    case OBSERVE_CLOSED:
        return closed(h, p, o);
    case OBSERVE_STARTING:
        h->misses = 0;
        return starting(h, p, at);
    case OBSERVE_TOO_MANY:
        h->misses = 0;
        return set(h, HEALTH_SUSPECT, HEALTH_TOO_MANY, at);
    case OBSERVE_AUTH:
        h->misses = 0;
        return set(h, HEALTH_SUSPECT, HEALTH_AUTH, at);
    case OBSERVE_QUERY:
    case OBSERVE_PROTOCOL:
        h->misses = 0;
        return set(h, HEALTH_SUSPECT, HEALTH_BROKEN, at);
    case OBSERVE_NONE:
    case OBSERVE_NR:
        break;
    }
    BUG("a finished probe has an outcome");
}

static usec_t next_after(const struct health *h, const struct health_policy *p,
                         const struct observation *o)
{
    usec_t now = o->received_at;
    switch (h->reason) {
    case HEALTH_REFUSED_ONCE:
    case HEALTH_SILENT_ONCE:
        return now; /* Confirm at once. */
    case HEALTH_CLOSED:
        if (h->verdict == HEALTH_DOWN)
            break;
        /* Ask again on a new connection, but do not spin when every new one is ended, too. */
        return now + p->check_interval / 20;
    case HEALTH_STARTING:
        return now + p->check_interval / 5;
    case HEALTH_NOT_ASKED:
    case HEALTH_ANSWERS:
    case HEALTH_TOO_MANY:
    case HEALTH_AUTH:
    case HEALTH_STARTING_LONG:
    case HEALTH_REFUSED:
    case HEALTH_SILENT:
    case HEALTH_BROKEN:
    case HEALTH_REASON_NR:
        break;
    }
    /* From the start of the last probe, so that the period does not drift with the answer's time; never a burst. */
    usec_t at = o->sent_at + p->check_interval;
    return at > now ? at : now + p->check_interval / 10;
}

bool health_probed(struct health *h, const struct health_policy *p, const struct observation *o)
{
    if (o->outcome == OBSERVE_OK) {
        h->misses = 0;
        h->suspect_at = 0;
    } else if (!h->suspect_at) {
        h->suspect_at = o->sent_at > 0 ? o->sent_at : 1;
    }
    bool changed = judge(h, p, o);
    h->next_at = next_after(h, p, o);
    return changed;
}

void health_hint(struct health *h, usec_t now)
{
    if (h->next_at > now)
        h->next_at = now;
}

usec_t health_next_probe(const struct health *h)
{
    return h->next_at;
}

usec_t health_probe_timeout(const struct health *h, const struct health_policy *p)
{
    return h->verdict == HEALTH_SUSPECT && h->misses > 0 ? p->check_timeout / 2 : p->check_timeout;
}

bool tilt_tick(struct tilt *t, usec_t interval, usec_t now)
{
    if (t->last_tick && (now < t->last_tick || now - t->last_tick > TILT_GAP(interval)))
        t->until = now + TILT_REST;
    t->last_tick = now;
    return now < t->until;
}

const char *health_verdict_name(enum health_verdict v)
{
    static const char *const names[HEALTH_NR] = {"unknown", "ok", "suspect", "down"};
    return (unsigned)v < HEALTH_NR ? names[v] : "invalid";
}

static const struct {
    const char *name, *text;
} reasons[HEALTH_REASON_NR] = {
    [HEALTH_NOT_ASKED] = {"not-asked", "has not been asked yet"},
    [HEALTH_ANSWERS] = {"answers", "answers"},
    [HEALTH_TOO_MANY] = {"too-many-clients", "is alive but has no free connection for the probe"},
    [HEALTH_AUTH] = {"authentication", "is alive but refuses the monitoring role"},
    [HEALTH_STARTING] = {"starting", "is starting up or shutting down"},
    [HEALTH_STARTING_LONG] = {"starting-long", "has been starting up for too long"},
    [HEALTH_REFUSED_ONCE] = {"refused-once", "refused a connection; asking again"},
    [HEALTH_REFUSED] = {"refused", "refuses connections"},
    [HEALTH_SILENT_ONCE] = {"silent-once", "did not answer in time; asking again"},
    [HEALTH_SILENT] = {"silent", "does not answer"},
    [HEALTH_CLOSED] = {"closed", "ended the monitoring connection; asking again"},
    [HEALTH_BROKEN] = {"broken", "answers, but not as PostgreSQL should"},
};

const char *health_reason_name(enum health_reason r)
{
    return (unsigned)r < HEALTH_REASON_NR ? reasons[r].name : "invalid";
}

const char *health_reason_text(enum health_reason r)
{
    return (unsigned)r < HEALTH_REASON_NR ? reasons[r].text : "is in an invalid state";
}
