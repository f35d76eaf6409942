#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/str.h"
#include "cluster.h"
#include "core/slots.h"

/* The shell of the failover machine: executes its effects, feeds results back, and tells people what happens. */

#define BIT(i) (UINT64_C(1) << (i))

static const usec_t REPAIR_PAUSE = 5 * USEC_PER_SEC;
static const usec_t STUCK_AFTER = 6 * USEC_PER_SEC; /* wal_retrieve_retry_interval and a bit */
static const usec_t STUCK_AGAIN = 60 * USEC_PER_SEC;
static const usec_t REPAIR_TIMEOUT = 10 * USEC_PER_SEC;
static const usec_t SETTLE = 5 * USEC_PER_SEC;
static const usec_t DEMOTE_TIMEOUT = 600 * USEC_PER_SEC;
static const usec_t CHECKPOINT_TIMEOUT = 600 * USEC_PER_SEC;

static void pump(struct cluster *c);

static const char *node_name(const struct cluster *c, int i)
{
    return i >= 0 && i < c->view.n_nodes ? c->view.nodes[i].name : "none";
}

void cluster_place(const struct cluster *c, int node, struct action_place *out)
{
    const struct node *n = c->nodes[node];
    *out = (struct action_place){.port = (uint16_t)n->conf.port};
    str_copy(out->name, sizeof(out->name), n->conf.name);
    str_copy(out->host, sizeof(out->host), n->conf.host);
    str_copy(out->addr, sizeof(out->addr), node_addr(n));
    str_copy(out->conninfo, sizeof(out->conninfo), c->conf.monitor);
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

/* ---- actions ---- */

/* One action under way; names instead of indices, because a reload may move nodes between start and end. */
struct pending {
    struct cluster *c;
    enum failover_effect_kind kind;
    char node[TOPO_NAME_MAX];
    char to[TOPO_NAME_MAX];
    usec_t started_at;
    bool repair; /* not part of a run */
};

static void log_action(const struct cluster *c, const struct pending *p, const struct err *e)
{
    char took[24];
    snprintf(took, sizeof(took), "%lld",
             (long long)((clock_now(c->clock) - p->started_at) / USEC_PER_MS));
    const struct log_kv kv[] = {{"cluster", c->conf.name},
                                {"node", p->node},
                                {"action", failover_effect_name(p->kind)},
                                {"took_ms", took},
                                {"sqlstate", e->sqlstate[0] ? e->sqlstate : NULL}};
    if (e->code)
        log_event(LOG_WARNING, "failover.action.failed", kv, 5, "%s on %s: %s",
                  failover_effect_name(p->kind), p->node, e->text);
    else if (p->kind == FX_DEMOTE)
        log_event(LOG_NOTICE, "switchover.demoted", kv, 4, "demote_command for %s ended well",
                  p->node);
    else if (p->kind == FX_REPOINT)
        log_event(LOG_INFO, "failover.repointed", kv, 4, "%s was pointed at %s", p->node, p->to);
    else if (p->kind == FX_FENCE)
        log_event(LOG_NOTICE, "fence.soft", kv, 4,
                  "%s was made read-only and its sessions were ended", p->node);
    else
        log_event(LOG_DEBUG, "failover.action.done", kv, 4, "%s on %s",
                  failover_effect_name(p->kind), p->node);
}

static void repair_next(struct cluster *c, const struct pending *p, const struct err *e);

static void on_action(void *arg, const struct err *e)
{
    struct pending *p = arg;
    struct cluster *c = p->c;
    struct err result = *e;
    if (c->closing) {
        free(p);
        return;
    }
    const int node = view_find(&c->view, p->node);
    log_action(c, p, e);
    if (p->kind == FX_CREATE_SLOT && node >= 0) {
        /* No right to make slots, or no free one: a follower without a slot is better than none. */
        const bool slotless =
            strcmp(e->sqlstate, "42501") == 0 || strcmp(e->sqlstate, "53400") == 0;
        c->slotless = slotless ? c->slotless | BIT(node) : c->slotless & ~BIT(node);
        if (slotless)
            err_clear(&result);
    }
    if (p->repair) {
        repair_next(c, p, &result);
    } else if (node >= 0) {
        report_effect(c, p->kind, node, &result);
        if (p->kind == FX_PROMOTE || p->kind == FX_FENCE)
            node_probe(c->nodes[node], c->health_policy.check_timeout);
        pump(c);
    }
    free(p);
}

static int start_action(struct cluster *c, enum failover_effect_kind kind, int node, int to,
                        usec_t timeout, bool repair)
{
    struct err e = {0};
    struct action *a = calloc(1, sizeof(*a));
    struct pending *p = calloc(1, sizeof(*p));
    BUG_ON(!a || !p);
    a->kind = kind;
    a->timeout = timeout > USEC_PER_MS ? timeout : USEC_PER_MS;
    str_copy(a->cluster, sizeof(a->cluster), c->conf.name);
    str_copy(a->user, sizeof(a->user), c->conf.replication_user);
    str_copy(a->command, sizeof(a->command), c->failover_conf.demote_command);
    cluster_place(c, node, &a->node);
    if (to >= 0)
        cluster_place(c, to, &a->to);
    if (kind == FX_CREATE_SLOT || (kind == FX_REPOINT && !(c->slotless & BIT(node))))
        slots_name(c->view.nodes[node].name, a->slot);
    *p =
        (struct pending){.c = c, .kind = kind, .started_at = clock_now(c->clock), .repair = repair};
    str_copy(p->node, sizeof(p->node), node_name(c, node));
    str_copy(p->to, sizeof(p->to), node_name(c, to));
    const int rc = c->actions->start(c->actions, a, on_action, p, &e);
    if (rc != 0) {
        log_action(c, p, &e);
        free(p);
    }
    memset(a, 0, sizeof(*a)); /* the conninfo may hold a password */
    free(a);
    return rc;
}

/* ---- effects ---- */

#define RUN_KV(c)                 \
    {                             \
        "cluster", (c)->conf.name \
    }

static const char *ms_between(usec_t from, usec_t to, char buf[24])
{
    snprintf(buf, 24, "%lld", (long long)((to - from) / USEC_PER_MS));
    return buf;
}

static void do_hold(struct cluster *c, const struct failover_effect *fx)
{
    char ms[24];
    cluster_publish(c, TOPO_NO_WRITER, true, fx->epoch);
    c->run.held_at = clock_now(c->clock);
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
              LOG_KV(RUN_KV(c), {"node", node_name(c, fx->node)},
                     {"since_held_ms", ms_between(c->run.held_at, c->run.announced_at, held)},
                     {"since_detected_ms",
                      ms_between(c->run.detected_at, c->run.announced_at, detected)}),
              4, "%s is the writer", node_name(c, fx->node));
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
                                {"node", node_name(c, fx->node)},
                                {"lsn_from", lsn_text(fx->lsn_from, from)},
                                {"lsn_to", lsn_text(fx->lsn_to, to)},
                                {"bytes", bytes}};
    if (fx->lost_bytes)
        log_event(LOG_WARNING, "failover.loss", kv, 5,
                  "at least %s bytes of WAL (%s to %s) of the old writer are not on %s: writes in "
                  "it are lost",
                  bytes, from, to, node_name(c, fx->node));
    else if (c->failover.kind == FAILOVER_UNPLANNED)
        log_event(LOG_NOTICE, "failover.loss", kv, 5,
                  "%s has everything that was seen of the old writer; what it wrote in its last "
                  "moments is not known",
                  node_name(c, fx->node));
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
                    node_name(c, r->to), c->conf.name, node_name(c, r->from),
                    (unsigned long long)c->topo.epoch, c->topo.timeline);
    else
        strbuf_addf(b, "nothing was promoted; the writer of cluster %s is %s\n", c->conf.name,
                    node_name(c, c->topo.writer));
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
        {"node", node_name(c, good ? c->run.to : c->topo.writer)},
        {"from", node_name(c, c->run.from)},
        {"result", failover_result_name(fx->result)},
        {"held_ms",
         c->run.announced_at ? ms_between(c->run.held_at, c->run.announced_at, held) : NULL},
        {"total_ms", ms_between(c->run.detected_at, now, total)}};
    const int n = (int)ARRAY_LEN(kv);
    if (good)
        log_event(LOG_NOTICE, planned ? "switchover.done" : "failover.done", kv, n,
                  "%s took over from %s", node_name(c, c->run.to), node_name(c, c->run.from));
    else
        log_event(LOG_ERROR, planned ? "switchover.aborted" : "failover.aborted", kv, n,
                  "nothing was promoted: %s", abort_reason(&c->failover));
    c->settle_until = now + SETTLE;
    for (int i = 0; i < c->view.n_nodes; i++) {
        /* What the run did shall show before it is repaired. */
        if (c->view.nodes[i].obs.role == ROLE_REPLICA)
            c->repair_at[i] = now + REPAIR_PAUSE;
    }
    if (good && planned && c->failover_conf.demote_command[0] && c->run.from >= 0)
        (void)start_action(c, FX_DEMOTE, c->run.from, c->run.to, DEMOTE_TIMEOUT, true);
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
    (void)cluster_journal(c, &c->memory, &e);
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
                  LOG_KV(RUN_KV(c), {"node", node_name(c, fx->node)}), 2, "promoting %s",
                  node_name(c, fx->node));
    }
    if (start_action(c, fx->kind, fx->node, fx->to, timeout, false) != 0) {
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

static void do_effect(struct cluster *c, const struct failover_effect *fx)
{
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
        do_action(c, fx);
        return;
    case FX_NONE:
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
    if (now == FAILOVER_CATCHUP && f->candidate >= 0) {
        char missing[24];
        snprintf(missing, sizeof(missing), "%llu",
                 (unsigned long long)f->candidates.missing[f->candidate]);
        log_event(
            LOG_NOTICE, "failover.chosen",
            LOG_KV(RUN_KV(c), {"node", node_name(c, f->candidate)}, {"missing_bytes", missing}), 3,
            "%s is the most advanced of %d candidates", node_name(c, f->candidate),
            f->candidates.n);
    } else if (now == FAILOVER_ANNOUNCING && !c->run.promoted_at) {
        c->run.promoted_at = clock_now(c->clock);
        log_event(LOG_NOTICE, "failover.promoted",
                  LOG_KV(RUN_KV(c), {"node", node_name(c, f->candidate)}), 2,
                  "%s is a primary on timeline %u", node_name(c, f->candidate),
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

static int start_run(struct cluster *c, const struct failover_request *r, struct err *e)
{
    const struct failover_input in = cluster_input(c);
    c->failover.memory = c->memory;
    const int from = c->topo.writer >= 0 ? c->topo.writer : view_find(&c->view, c->memory.writer);
    const int rc = failover_start(&c->failover, r, &in, &c->effects, e);
    if (rc != 0)
        return rc;
    c->run = (struct cluster_run){.from = from, .to = -1, .detected_at = in.now};
    c->drain_epoch = 0;
    c->n_events = 0;
    const bool planned = r->kind == FAILOVER_SWITCHOVER;
    log_event(LOG_NOTICE, planned ? "switchover.started" : "failover.detected",
              LOG_KV(RUN_KV(c), {"node", node_name(c, from)}), 2,
              planned ? "switching over from %s" : "the writer %s is given up", node_name(c, from));
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
    if (start_run(c, &r, &e) == 0)
        return;
    log_event(LOG_WARNING, "failover.refused", LOG_KV(RUN_KV(c)), 1, "%s", e.text);
    cluster_publish(c, c->decision.writer, c->decision.holding, 0);
}

/* ---- repairs outside of runs ---- */

static bool may_repair(struct cluster *c, int i)
{
    const usec_t now = clock_now(c->clock);
    if ((c->repairing & BIT(i)) || now < c->repair_at[i] ||
        c->view.nodes[i].health.verdict != HEALTH_OK)
        return false;
    c->repair_at[i] = now + REPAIR_PAUSE;
    return true;
}

static void repair_next(struct cluster *c, const struct pending *p, const struct err *e)
{
    const int node = view_find(&c->view, p->node), to = view_find(&c->view, p->to);
    if (node < 0)
        return;
    c->repairing &= ~BIT(node);
    const bool on = p->kind == FX_CREATE_SLOT && !e->code && to >= 0 && to == c->topo.writer;
    if (on && !failover_running(&c->failover) &&
        start_action(c, FX_REPOINT, node, to, REPAIR_TIMEOUT, true) == 0)
        c->repairing |= BIT(node);
    else
        node_probe(c->nodes[node], c->health_policy.check_timeout);
}

static void repair(struct cluster *c, enum failover_effect_kind kind, int node, int to)
{
    if (start_action(c, kind, node, to, REPAIR_TIMEOUT, true) == 0)
        c->repairing |= BIT(node);
}

/* Replicas whose receiver we stopped and never started again (an interrupted run). */
static uint64_t left_stopped(const struct cluster *c)
{
    uint64_t bits = 0;
    for (int i = 0; i < c->view.n_nodes; i++) {
        const struct view_node *n = &c->view.nodes[i];
        if (n->seen && n->obs.role == ROLE_REPLICA && !n->obs.streaming && i != c->topo.writer &&
            strcmp(n->obs.primary_conninfo_host, ACTIONS_NOWHERE) == 0)
            bits |= BIT(i);
    }
    return bits;
}

/* Replicas that point at the writer and yet do not stream for long: mostly a slot that is not there (a copy of another
 * node brings that node's slot name along). Making their own slot and pointing them again helps or does no harm. */
static uint64_t stuck(struct cluster *c)
{
    const struct view_node *w = &c->view.nodes[c->topo.writer];
    const usec_t now = clock_now(c->clock);
    uint64_t bits = 0;
    for (int i = 0; i < c->view.n_nodes; i++) {
        const struct view_node *n = &c->view.nodes[i];
        const struct observation *o = &n->obs;
        const bool here = strcmp(o->primary_conninfo_host, w->host) == 0 ||
                          strcmp(o->primary_conninfo_host, w->addr) == 0;
        if (!n->seen || o->role != ROLE_REPLICA || o->streaming || !here ||
            o->primary_conninfo_port != w->port || n->timeline > w->timeline)
            c->silent_since[i] = 0;
        else if (!c->silent_since[i])
            c->silent_since[i] = now;
        else if (now - c->silent_since[i] > STUCK_AFTER)
            bits |= BIT(i);
    }
    return bits;
}

void cluster_repair(struct cluster *c)
{
    const int w = c->topo.writer;
    if (c->decide_policy.mode == FAILOVER_FOLLOW || w < 0 || c->view.tilt ||
        c->view.nodes[w].health.verdict != HEALTH_OK)
        return;
    const bool left_fenced = decide_unfence(&c->view, &c->memory, &c->topo) ||
                             (c->interrupted && c->view.nodes[w].obs.read_only);
    if (left_fenced && may_repair(c, w))
        repair(c, FX_UNFENCE, w, -1);
    else if (!c->view.nodes[w].obs.read_only)
        c->interrupted = false;
    const uint64_t lost = stuck(c);
    const uint64_t strays = decide_strays(&c->view, &c->topo) | left_stopped(c);
    for (int i = 0; i < c->view.n_nodes; i++) {
        const struct view_node *n = &c->view.nodes[i];
        const bool returned = (c->decision.fenced & BIT(i)) && i != w &&
                              n->obs.role == ROLE_PRIMARY && !n->obs.read_only &&
                              n->timeline < c->topo.timeline;
        if (returned && may_repair(c, i))
            repair(c, FX_FENCE, i, -1);
        else if (((strays | lost) & BIT(i)) && may_repair(c, i)) {
            repair(c, FX_CREATE_SLOT, i, w);
            if (lost & BIT(i))
                c->silent_since[i] = clock_now(c->clock) + STUCK_AGAIN;
        }
    }
}

/* ---- commands ---- */

static void candidates_text(struct cluster *c, const struct failover_request *r, struct strbuf *b)
{
    const int writer = c->topo.writer >= 0 ? c->topo.writer : view_find(&c->view, c->memory.writer);
    struct candidate_list list;
    const struct candidate_rules rules = {
        .system_identifier = c->memory.system_identifier,
        .timeline = c->memory.timeline,
        .writer_lsn = writer >= 0 ? view_position(&c->view, writer) : c->memory.writer_lsn,
        .writer = writer,
        .named = r->named,
        .max_lag = c->failover_policy.failover_max_lag,
        .accept_loss = r->accept_loss,
        .will_catch_up = r->kind == FAILOVER_SWITCHOVER,
    };
    const int best = candidate_rank(&c->view, &rules, &list);
    strbuf_addf(b, "writer now: %s\n", node_name(c, writer));
    if (best >= 0)
        strbuf_addf(b, "would promote: %s\n", node_name(c, best));
    for (int i = 0; i < list.n; i++)
        strbuf_addf(b, "  %d. %s  %llu bytes behind\n", i + 1, node_name(c, list.order[i]),
                    (unsigned long long)list.missing[list.order[i]]);
    for (int i = 0; i < c->view.n_nodes; i++) {
        if (list.reason[i] != CANDIDATE_OK)
            strbuf_addf(b, "  -  %s  %s\n", node_name(c, i), candidate_reason_text(list.reason[i]));
    }
}

static void command_run(struct cluster *c, const struct manager_cmd *cmd, int named,
                        manager_done_cb done, void *arg)
{
    char text[CLUSTER_REPORT_MAX];
    struct strbuf b;
    struct err e = {0};
    const struct failover_request r = {
        .kind = cmd->kind == MANAGER_SWITCHOVER ? FAILOVER_SWITCHOVER : FAILOVER_UNPLANNED,
        .named = named,
        .accept_loss = cmd->accept_data_loss,
    };
    strbuf_init(&b, text, sizeof(text));
    candidates_text(c, &r, &b);
    int rc;
    if (c->decide_policy.mode == FAILOVER_FOLLOW) {
        rc = err_set(&e, ERR_REFUSED,
                     "failover.mode is follow: another manager changes this cluster");
    } else if (cmd->dry_run) {
        const struct failover_input in = cluster_input(c);
        if (!failover_running(&c->failover))
            c->failover.memory = c->memory;
        rc = failover_start(&c->failover, &r, &in, NULL, &e);
    } else {
        /* The command is noted first: a run may end within its start. */
        const struct cluster_command was = c->command;
        c->command =
            (struct cluster_command){.active = true, .kind = cmd->kind, .done = done, .arg = arg};
        rc = start_run(c, &r, &e);
        if (rc == 0)
            return;
        c->command = was;
    }
    done(arg, &e, text);
}

void cluster_command(struct cluster *c, const struct manager_cmd *cmd, manager_done_cb done,
                     void *arg)
{
    struct err e = {0};
    const int node = cmd->node[0] ? view_find(&c->view, cmd->node) : -1;
    if (cmd->node[0] && node < 0) {
        err_set(&e, ERR_NOTFOUND, "cluster %s has no node %s", c->conf.name, cmd->node);
        done(arg, &e, "");
        return;
    }
    switch (cmd->kind) {
    case MANAGER_SWITCHOVER:
    case MANAGER_FAILOVER:
        command_run(c, cmd, node, done, arg);
        return;
    case MANAGER_DRAIN:
    case MANAGER_UNDRAIN:
        if (node < 0) {
            err_set(&e, ERR_INVALID, "name the node");
            break;
        }
        c->view.nodes[node].drained = cmd->kind == MANAGER_DRAIN;
        log_event(LOG_NOTICE, cmd->kind == MANAGER_DRAIN ? "node.drained" : "node.undrained",
                  LOG_KV(RUN_KV(c), {"node", cmd->node}), 2, "by command");
        break;
    case MANAGER_MAINTENANCE_ON:
    case MANAGER_MAINTENANCE_OFF:
        c->maintenance = cmd->kind == MANAGER_MAINTENANCE_ON;
        log_event(LOG_NOTICE, c->maintenance ? "cluster.maintenance.on" : "cluster.maintenance.off",
                  LOG_KV(RUN_KV(c)), 1, "by command");
        break;
    }
    if (!e.code) {
        struct err je = {0};
        (void)cluster_journal(c, &c->memory, &je);
        cluster_mark_dirty(c);
    }
    done(arg, &e, "");
}
