#include "cluster.h"

#include <stdio.h>
#include <sys/random.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/str.h"

/* Quorum mode in steady times: the cohort's next step, its intent in the journal first. */

static const usec_t APPLY_TIMEOUT = 5 * USEC_PER_SEC;
static const usec_t APPLY_PAUSE = 500 * USEC_PER_MS;

enum { STEPS_MAX = 4 }; /* of the record in one turn; more come with the next probe */

uint64_t cluster_random(void)
{
    uint64_t x = 0;
    while (x == 0 && getrandom(&x, sizeof(x), 0) != (ssize_t)sizeof(x))
        x = 0; /* only a signal can interrupt it once the kernel's pool is seeded */
    return x;
}

static struct quorum_look look(const struct cluster *c)
{
    return (struct quorum_look){.view = &c->view,
                                .writer = c->decision.kept,
                                .policy = &c->quorum_policy,
                                .random = cluster_random(),
                                .now = clock_now(c->clock)};
}

enum quorum_reason cluster_quorum_safe(const struct cluster *c)
{
    const struct quorum_look l = look(c);
    return quorum_safe(&c->memory.quorum, &c->watch, &l);
}

static void log_record(const struct cluster *c, enum quorum_reason why)
{
    char text[TOPO_NODES_MAX * 8];
    struct strbuf b;
    const struct quorum_record *r = &c->memory.quorum;
    const struct quorum_config *newest = quorum_newest(r);
    strbuf_init(&b, text, sizeof(text));
    strbuf_addf(&b, "any %d of", newest->k);
    for (int i = 0; i < newest->n; i++)
        strbuf_addf(&b, "%s %s", i ? "," : "", newest->members[i]);
    const struct log_kv kv[] = {{"cluster", c->conf.name},
                                {"quorum", newest->k ? text : "none"},
                                {"step", r->n > 1 ? "changing" : "settled"}};
    if (why == QUORUM_FOREIGN)
        log_event(LOG_WARNING, "quorum.foreign", kv, 3, "%s", quorum_reason_text(why));
    else if (newest->k)
        log_event(LOG_NOTICE, r->n > 1 ? "quorum.changing" : "quorum.settled", kv, 3,
                  r->n > 1 ? "commits shall wait for %s" : "commits wait for %s", text);
}

/* False when the intent could not be written: then nothing is changed. */
static bool take(struct cluster *c, const struct quorum_step *s)
{
    struct err e = {0};
    struct quorum_record was = c->memory.quorum;
    c->memory.quorum = s->record;
    if (cluster_journal(c, &c->memory, &e) != 0) {
        c->memory.quorum = was;
        return false;
    }
    log_record(c, s->reason);
    return true;
}

static void apply(struct cluster *c, bool clear)
{
    const usec_t now = clock_now(c->clock);
    const uint64_t bit = UINT64_C(1) << c->decision.kept;
    if ((c->repairing & bit) || now < c->apply_at)
        return;
    c->apply_at = now + APPLY_PAUSE;
    c->quorum_clearing = clear;
    if (cluster_action(c, FX_SET_SYNC, c->decision.kept, -1, APPLY_TIMEOUT, true) == 0)
        c->repairing |= bit;
}

static void confirm(struct cluster *c)
{
    static const usec_t CONFIRM_TIMEOUT = 600 * USEC_PER_SEC;
    if (!c->confirming)
        c->confirming =
            cluster_action(c, FX_CHECKPOINT, c->decision.kept, -1, CONFIRM_TIMEOUT, true) == 0;
}

/* Positions are compared with what the writer had after it. */
void cluster_quorum_confirmed(struct cluster *c, const struct err *e, usec_t started_at)
{
    c->confirming = false;
    if (e->code || !c->watch.in_force_since || started_at < c->watch.in_force_since)
        return;
    c->watch.sure = true;
    c->watch.in_force_since = clock_now(c->clock);
}

void cluster_quorum_cleared(struct cluster *c)
{
    struct err e = {0};
    c->quorum_clearing = false;
    c->memory.quorum = (struct quorum_record){0};
    (void)cluster_journal(c, &c->memory, &e);
    log_event(LOG_NOTICE, "quorum.cleared", LOG_KV({"cluster", c->conf.name}), 1,
              "commits wait for nobody any more (failover.synchronous)");
}

static void say(struct cluster *c)
{
    const enum quorum_reason now = cluster_quorum_safe(c);
    if (now == c->quorum_said)
        return;
    c->quorum_said = now;
    log_event(now == QUORUM_OK || now == QUORUM_OFF ? LOG_NOTICE : LOG_WARNING,
              now == QUORUM_OK ? "quorum.safe" : "quorum.unsafe",
              LOG_KV({"cluster", c->conf.name}, {"because", quorum_reason_name(now)}), 2,
              "failover without loss is %s: %s", now == QUORUM_OK ? "possible" : "not possible",
              quorum_reason_text(now));
}

void cluster_quorum(struct cluster *c)
{
    struct quorum_step *s = &c->quorum_step;
    const bool off = !c->quorum_policy.k && !c->memory.quorum.n;
    s->unnamed = 0;
    if (off || c->decide_policy.mode == FAILOVER_FOLLOW || c->view.tilt || c->maintenance)
        return;
    for (int i = 0; i < STEPS_MAX; i++) {
        const struct quorum_look l = look(c);
        quorum_next(&c->memory.quorum, &c->watch, &l, s);
        if (s->what != QUORUM_JOURNAL)
            break;
        if (!take(c, s))
            return;
    }
    if (s->what == QUORUM_APPLY || s->what == QUORUM_CLEAR)
        apply(c, s->what == QUORUM_CLEAR);
    if (s->what == QUORUM_CONFIRM)
        confirm(c);
    if (c->quorum_policy.k)
        say(c);
}
