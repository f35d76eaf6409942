#include "cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/str.h"

/* The shell of the failover machine: executes its effects, feeds results back, and tells people what happens. */

static const usec_t SETTLE = 5 * USEC_PER_SEC;
static const usec_t DEMOTE_TIMEOUT = 600 * USEC_PER_SEC;
static const usec_t CHECKPOINT_TIMEOUT = 600 * USEC_PER_SEC;

static void pump(struct cluster *c);

const char *cluster_node_name(const struct cluster *c, int i)
{
    return i >= 0 && i < c->view.n_nodes ? c->view.nodes[i].name : "none";
}
/* ---- events into the machine ---- */

static void queue_event(struct cluster *c, const struct failover_event *ev)
{
    BUG_ON(c->n_events >=
           CLUSTER_EVENTS_MAX); /* each effect in flight gives one, and effects are bounded */
    c->events[(c->first_event + c->n_events++) % CLUSTER_EVENTS_MAX] = *ev;
}

static void report_effect(struct cluster *c, enum failover_effect_kind kind, int node,
                          const struct err *e)
{
    struct failover_event ev = {
        .kind = e->code ? FAILOVER_EV_FAILED : FAILOVER_EV_DONE, .effect = kind, .node = node};
    str_copy(ev.detail, sizeof(ev.detail), e->text);
    queue_event(c, &ev);
}
void cluster_action_ended(struct cluster *c, enum failover_effect_kind kind, int node,
                          const struct err *e)
{
    report_effect(c, kind, node, e);
    pump(c);
}

/* ---- effects ---- */

/* The pair that every event of a cluster has. */
#define RUN_KV(c)                 \
    {                             \
        "cluster", (c)->conf.name \
    }

static const char *ms_between(usec_t from, usec_t to, char buf[24])
{
    snprintf(buf, 24, "%lld", (long long)(to > from ? (to - from) / USEC_PER_MS : 0));
    return buf;
}

static void do_hold(struct cluster *c, const struct failover_effect *fx)
{
    char ms[24];
    cluster_publish(c, TOPO_NO_WRITER, true, fx->epoch);
    c->run.held_at = c->writerless_at ? c->writerless_at : clock_now(c->clock);
    log_event(LOG_NOTICE, "failover.held",
              LOG_KV(RUN_KV(c),
                     {"since_detected_ms", ms_between(c->run.detected_at, c->run.held_at, ms)}),
              2, "clients that write are held");
}

static void do_announce(struct cluster *c, const struct failover_effect *fx)
{
    char held[24], detected[24];
    view_refresh(&c->view, fx->node, &c->lag_policy, clock_now(c->clock));
    cluster_publish(c, fx->node, false, fx->epoch);
    c->run.announced_at = clock_now(c->clock);
    c->run.to = fx->node;
    log_event(LOG_NOTICE, "failover.announced",
              LOG_KV(RUN_KV(c), {"node", cluster_node_name(c, fx->node)},
                     {"since_held_ms", ms_between(c->run.held_at, c->run.announced_at, held)},
                     {"since_detected_ms",
                      ms_between(c->run.detected_at, c->run.announced_at, detected)}),
              4, "%s is the writer", cluster_node_name(c, fx->node));
}

static void do_report_loss(struct cluster *c, const struct failover_effect *fx)
{
    char from[24], to[24], bytes[24];
    c->run.lost_bytes = fx->lost_bytes;
    c->run.lost_from = fx->lsn_from;
    c->run.lost_to = fx->lsn_to;
    c->run.lost_known = true;
    snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)fx->lost_bytes);
    const struct log_kv kv[] = {RUN_KV(c),
                                {"node", cluster_node_name(c, fx->node)},
                                {"lsn_from", lsn_text(fx->lsn_from, from)},
                                {"lsn_to", lsn_text(fx->lsn_to, to)},
                                {"bytes", bytes}};
    if (fx->lost_bytes)
        log_event(LOG_WARNING, "failover.loss", kv, 5,
                  "at least %s bytes of WAL (%s to %s) of the old writer are not on %s: writes in "
                  "it are lost",
                  bytes, from, to, cluster_node_name(c, fx->node));
    else if (c->failover.kind == FAILOVER_UNPLANNED)
        log_event(LOG_NOTICE, "failover.loss", kv, 5,
                  "%s has everything that was seen of the old writer; what it wrote in its last "
                  "moments is not known",
                  cluster_node_name(c, fx->node));
}

static void add_moves(struct strbuf *b, const struct failover *f)
{
    for (int i = 0; i < f->n_moves; i++) {
        const struct failover_move *m = &f->moves[i];
        strbuf_addf(b, "  +%lld ms  %s -> %s  (%s)\n",
                    (long long)((m->at - f->started_at) / USEC_PER_MS),
                    failover_state_name(m->from), failover_state_name(m->to), m->reason);
    }
}

static void report_text(const struct cluster *c, enum failover_result result, struct strbuf *b)
{
    const struct cluster_run *r = &c->run;
    char from[24], to[24];
    if (result == FAILOVER_PROMOTED)
        strbuf_addf(b, "%s is the writer of cluster %s now (before: %s), epoch %llu, timeline %u\n",
                    cluster_node_name(c, r->to), c->conf.name, cluster_node_name(c, r->from),
                    (unsigned long long)c->topo.epoch, c->topo.timeline);
    else
        strbuf_addf(b, "nothing was promoted; the writer of cluster %s is %s\n", c->conf.name,
                    cluster_node_name(c, c->topo.writer));
    if (r->announced_at && r->held_at)
        strbuf_addf(b, "writes were held for %lld ms\n",
                    (long long)((r->announced_at - r->held_at) / USEC_PER_MS));
    if (r->lost_known && r->lost_bytes)
        strbuf_addf(b, "at least %llu bytes of WAL were lost (%s to %s)\n",
                    (unsigned long long)r->lost_bytes, lsn_text(r->lost_from, from),
                    lsn_text(r->lost_to, to));
    add_moves(b, &c->failover);
}

static void end_command(struct cluster *c, const struct err *e, const char *text)
{
    if (!c->command.active)
        return;
    c->command.active = false;
    c->command.done(c->command.arg, e, text);
}

/* What ended the run: the reason of the move into ABORTING. */
static const char *abort_reason(const struct failover *f)
{
    for (int i = f->n_moves - 1; i >= 0; i--) {
        if (f->moves[i].to == FAILOVER_ABORTING)
            return f->moves[i].reason;
    }
    return "no reason was kept";
}

static void do_notify(struct cluster *c, const struct failover_effect *fx)
{
    char held[24], total[24], text[CLUSTER_REPORT_MAX];
    struct strbuf b;
    struct err e = {0};
    const bool planned = c->command.active && c->command.kind == MANAGER_SWITCHOVER;
    const bool good = fx->result == FAILOVER_PROMOTED;
    const usec_t now = clock_now(c->clock);
    strbuf_init(&b, text, sizeof(text));
    report_text(c, fx->result, &b);
    const struct log_kv kv[] = {
        RUN_KV(c),
        {"node", cluster_node_name(c, good ? c->run.to : c->topo.writer)},
        {"from", cluster_node_name(c, c->run.from)},
        {"result", failover_result_name(fx->result)},
        {"held_ms",
         c->run.announced_at ? ms_between(c->run.held_at, c->run.announced_at, held) : NULL},
        {"total_ms", ms_between(c->run.detected_at, now, total)}};
    const int n = (int)ARRAY_LEN(kv);
    if (good)
        log_event(LOG_NOTICE, planned ? "switchover.done" : "failover.done", kv, n,
                  "%s took over from %s", cluster_node_name(c, c->run.to),
                  cluster_node_name(c, c->run.from));
    else
        log_event(LOG_ERROR, planned ? "switchover.aborted" : "failover.aborted", kv, n,
                  "nothing was promoted: %s", abort_reason(&c->failover));
    c->settle_until = now + SETTLE;
    cluster_rest(c, now); /* what the run did shall show before it is repaired */
    if (good && planned && c->failover_conf.demote_command[0] && c->run.from >= 0)
        (void)cluster_action(c, FX_DEMOTE, c->run.from, c->run.to, DEMOTE_TIMEOUT, true);
    c->ended_at = now;
    c->promoted_last = good;
    if (c->failover_conf.notify_command[0] && c->run.from >= 0)
        (void)cluster_action(c, FX_NOTIFY, good ? c->run.to : c->run.from, -1,
                             c->failover_policy.hook_timeout, true);
    if (!good)
        err_set(&e, ERR_REFUSED, "aborted: %s", abort_reason(&c->failover));
    end_command(c, &e, text);
}

static void do_journal(struct cluster *c)
{
    struct err e = {0};
    const uint64_t epoch = c->memory.epoch;
    c->memory = c->failover.memory;
    if (c->memory.epoch < epoch)
        c->memory.epoch = epoch;
    if (cluster_journal(c, &c->memory, &e) != 0 && !c->quorum_policy.k)
        err_clear(
            &e); /* Said already. Asynchronous mode goes on: a full disk must not stop a failover. */
    report_effect(c, FX_JOURNAL, -1, &e);
}

static void do_action(struct cluster *c, const struct failover_effect *fx)
{
    struct err e = {0};
    usec_t timeout = fx->deadline - clock_now(c->clock);
    if (fx->kind == FX_CHECKPOINT)
        timeout = CHECKPOINT_TIMEOUT;
    if (fx->kind == FX_PROMOTE) {
        c->run.promote_sent_at = clock_now(c->clock);
        log_event(LOG_NOTICE, "failover.promote.sent",
                  LOG_KV(RUN_KV(c), {"node", cluster_node_name(c, fx->node)}), 2, "promoting %s",
                  cluster_node_name(c, fx->node));
    }
    if (cluster_action(c, fx->kind, fx->node, fx->to, timeout, false) != 0) {
        err_set(&e, ERR_LIMIT, "the action could not be started");
        report_effect(c, fx->kind, fx->node, &e);
    }
}

static void do_probe(struct cluster *c, int node)
{
    if (node < 0)
        cluster_probe_all(c);
    else
        node_probe(c->nodes[node],
                   health_probe_timeout(&c->view.nodes[node].health, &c->health_policy));
}

/* For tests of what a crash leaves behind: the program ends, without any last word, where a state is entered or before
 * an effect is executed that TANIST_CRASH_AT names. Not in builds with NDEBUG. */
static void crash_at(const char *token)
{
#ifndef NDEBUG
    const char *at = getenv("TANIST_CRASH_AT");
    if (at && strcmp(at, token) == 0)
        _exit(70);
#else
    (void)token;
#endif
}

static void do_effect(struct cluster *c, const struct failover_effect *fx)
{
    crash_at(failover_effect_name(fx->kind));
    switch (fx->kind) {
    case FX_JOURNAL:
        do_journal(c);
        return;
    case FX_HOLD:
        do_hold(c, fx);
        return;
    case FX_DRAIN:
        c->drain_epoch = fx->epoch;
        c->drain_deadline = fx->deadline;
        return;
    case FX_PROBE:
        do_probe(c, fx->node);
        return;
    case FX_ANNOUNCE:
        do_announce(c, fx);
        return;
    case FX_REPORT_LOSS:
        do_report_loss(c, fx);
        return;
    case FX_NOTIFY:
        do_notify(c, fx);
        return;
    case FX_FENCE:
    case FX_UNFENCE:
    case FX_UNFENCE_NEW:
    case FX_STOP_RECEIVER:
    case FX_DEMOTE:
    case FX_PROMOTE:
    case FX_CREATE_SLOT:
    case FX_REPOINT:
    case FX_CHECKPOINT:
    case FX_FENCE_HOOK:
    case FX_VETO:
    case FX_SET_SYNC:
        do_action(c, fx);
        return;
    case FX_NONE:
    case FX_REJOIN:
    case FX_WITNESS:
    case FX_NR:
        break;
    }
    BUG("an effect without a meaning");
}

/* ---- driving the machine ---- */

/* Tokens of the moves that people wait for; the machine itself logs every move. */
static void log_progress(struct cluster *c, enum failover_state was)
{
    const struct failover *f = &c->failover;
    const enum failover_state now = failover_state_of(f);
    if (now == was)
        return;
    crash_at(failover_state_name(now));
    if (now == FAILOVER_CATCHUP && f->candidate >= 0) {
        char missing[24];
        snprintf(missing, sizeof(missing), "%llu",
                 (unsigned long long)f->candidates.missing[f->candidate]);
        log_event(LOG_NOTICE, "failover.chosen",
                  LOG_KV(RUN_KV(c), {"node", cluster_node_name(c, f->candidate)},
                         {"missing_bytes", missing}),
                  3, "%s is the most advanced of %d candidates", cluster_node_name(c, f->candidate),
                  f->candidates.n);
    } else if (now == FAILOVER_ANNOUNCING && !c->run.promoted_at) {
        c->run.promoted_at = clock_now(c->clock);
        log_event(LOG_NOTICE, "failover.promoted",
                  LOG_KV(RUN_KV(c), {"node", cluster_node_name(c, f->candidate)}), 2,
                  "%s is a primary on timeline %u", cluster_node_name(c, f->candidate),
                  c->view.nodes[f->candidate].timeline);
    }
}

static void run_effects(struct cluster *c)
{
    /* Effects may be reported while they are executed; the reports wait in the queue. */
    for (int i = 0; i < c->effects.n; i++) {
        const struct failover_effect fx = c->effects.e[i];
        do_effect(c, &fx);
    }
    c->effects.n = 0;
}

static void pump(struct cluster *c)
{
    if (c->pumping)
        return;
    c->pumping = true;
    while (c->n_events > 0) {
        const struct failover_event ev = c->events[c->first_event];
        c->first_event = (c->first_event + 1) % CLUSTER_EVENTS_MAX;
        c->n_events--;
        const enum failover_state was = failover_state_of(&c->failover);
        const struct failover_input in = cluster_input(c);
        failover_step(&c->failover, &ev, &in, &c->effects);
        log_progress(c, was);
        run_effects(c);
    }
    c->pumping = false;
    if (!failover_running(&c->failover))
        cluster_mark_dirty(c);
}

static void check_barrier(struct cluster *c)
{
    struct failover_event ev = {.effect = FX_DRAIN, .node = -1, .epoch = c->drain_epoch};
    if (!c->drain_epoch)
        return;
    if (publish_all_drained(c->publish, c->index, c->drain_epoch))
        ev.kind = FAILOVER_EV_DONE;
    else if (clock_now(c->clock) >= c->drain_deadline)
        ev.kind = FAILOVER_EV_FAILED;
    else
        return;
    if (ev.kind == FAILOVER_EV_DONE && !c->run.drained_at) {
        char ms[24];
        c->run.drained_at = clock_now(c->clock);
        log_event(
            LOG_INFO, "failover.drained",
            LOG_KV(RUN_KV(c), {"since_held_ms", ms_between(c->run.held_at, c->run.drained_at, ms)}),
            2, "no worker uses the old writer any more");
    }
    c->drain_epoch = 0;
    queue_event(c, &ev);
}

void cluster_failover_tick(struct cluster *c)
{
    const struct failover_event tick = {.kind = FAILOVER_EV_TICK, .node = -1};
    const enum failover_state s = failover_state_of(&c->failover);
    /* A promotion is over sooner than the machine's own pace of asking. */
    if ((s == FAILOVER_PROMOTING || s == FAILOVER_CATCHUP) && c->failover.candidate >= 0)
        do_probe(c, c->failover.candidate);
    check_barrier(c);
    queue_event(c, &tick);
    pump(c);
}

bool cluster_failover_cancel(struct cluster *c)
{
    const enum failover_state s = failover_state_of(&c->failover);
    const struct failover_event ev = {.kind = FAILOVER_EV_CANCEL, .node = -1};
    if (!failover_running(&c->failover) || s == FAILOVER_ANNOUNCING || s == FAILOVER_REPOINTING ||
        s == FAILOVER_ABORTING || (s == FAILOVER_PROMOTING && c->failover.attempted))
        return false;
    queue_event(c, &ev);
    pump(c);
    return true;
}

int cluster_run_start(struct cluster *c, const struct failover_request *r, struct err *e)
{
    const struct failover_input in = cluster_input(c);
    c->failover.memory = c->memory;
    const int from = c->topo.writer >= 0 ? c->topo.writer : view_find(&c->view, c->memory.writer);
    const int rc = failover_start(&c->failover, r, &in, &c->effects, e);
    if (rc != 0)
        return rc;
    c->decision.kept = -1;
    c->run = (struct cluster_run){.from = from, .to = -1, .detected_at = in.now};
    c->drain_epoch = 0;
    c->n_events = 0;
    const bool planned = r->kind == FAILOVER_SWITCHOVER;
    log_event(LOG_NOTICE, planned ? "switchover.started" : "failover.detected",
              LOG_KV(RUN_KV(c), {"node", cluster_node_name(c, from)}), 2,
              planned ? "switching over from %s" : "the writer %s is given up",
              cluster_node_name(c, from));
    crash_at(failover_state_name(FAILOVER_HOLDING));
    c->pumping = true;
    run_effects(c);
    c->pumping = false;
    pump(c);
    uv_timer_start(&c->tick, c->tick.timer_cb, CLUSTER_RUN_TICK_MS, 0);
    return 0;
}

void cluster_failover_start(struct cluster *c)
{
    struct err e = {0};
    const struct failover_request r = {.kind = FAILOVER_UNPLANNED, .named = -1};
    if (cluster_run_start(c, &r, &e) == 0)
        return;
    log_event(LOG_WARNING, "failover.refused", LOG_KV(RUN_KV(c)), 1, "%s", e.text);
    cluster_publish(c, c->decision.writer, c->decision.holding, 0);
}
