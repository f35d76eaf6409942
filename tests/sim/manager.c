/* The manager's shell over the modelled world: probes, ticks, effects, journal, publishing. Follows the real one. */
#include <string.h>

#include "../../replication/base/bug.h"
#include "../../replication/base/str.h"
#include "sim.h"

#define TICK          (50 * SIM_MS)
#define PUBLISH_EVERY (500 * SIM_MS)
#define STRAY_EVERY   (2 * SIM_SEC)
#define JOURNAL_TIME  SIM_MS

usec_t sim_manager_now(const struct sim *s)
{
    return s->now + s->clock_offset;
}

static struct failover_input input(struct sim *s)
{
    return (struct failover_input){
        .view = &s->m.view,
        .topology = &s->m.topology,
        .policy = &s->failover,
        .authority = AUTHORITY_HELD,
        .random = sim_id(s),
        .now = sim_manager_now(s),
    };
}

void sim_manager_start(struct sim *s)
{
    struct sim_manager *m = &s->m;
    memset(m, 0, sizeof(*m));
    m->alive = true;
    m->boot = sim_id(s);
    view_init(&m->view, "sim");
    for (int i = 0; i < s->n_nodes; i++) {
        char name[4] = {'n', (char)('0' + i), 0, 0};
        int k = view_add_node(&m->view, name);
        (void)str_copy(m->view.nodes[k].host, sizeof(m->view.nodes[k].host), "node");
        m->view.nodes[k].port = (uint16_t)(1000 + i);
    }
    failover_init(&m->run, &s->durable);
    s->check.newest_version = 0;
    sim_push(s, TICK, (struct sim_event){.kind = SIM_EV_TICK, .id = m->boot});
}

void sim_manager_crash(struct sim *s)
{
    sim_trace(s, "the daemon crashes in %s", failover_state_name(failover_state_of(&s->m.run)));
    s->m.alive = false;
    s->m.boot = 0;
    memset(s->m.probes, 0, sizeof(s->m.probes));
    memset(s->m.actions, 0, sizeof(s->m.actions));
    sim_proxy_crash(s);
}

/* ---- Publishing ---- */

static bool publish(struct sim *s, int writer, bool holding, uint64_t epoch_min, usec_t grace)
{
    struct sim_manager *m = &s->m;
    struct decide_publish what = {
        .writer = writer, .holding = holding, .epoch_min = epoch_min, .now = sim_manager_now(s)};
    bool moved = decide_topology(&m->view, &m->run.memory, &m->topology, &what, &m->scratch);
    bool due = sim_manager_now(s) - m->published_at >= PUBLISH_EVERY;
    if (!moved && !due)
        return false;
    bool of_run = failover_running(&m->run);
    if (moved && !of_run && sim_chance(s, (uint32_t)s->journal_fail_percent))
        return false; /* the journal could not be written: nothing changes */
    if (s->bug == SIM_BUG_EPOCH_KEPT && of_run && writer >= 0)
        m->scratch.epoch = m->topology.epoch;
    m->topology = m->scratch;
    m->published_at = sim_manager_now(s);
    decide_remember(&m->run.memory, &m->topology);
    if (writer >= 0)
        m->run.memory.writer_start = m->view.nodes[writer].obs.postmaster_start;
    if (moved && !(of_run && s->bug == SIM_BUG_JOURNAL_LIES))
        s->durable = m->run.memory;
    if (moved)
        sim_trace(s, "publish epoch %llu writer %d", (unsigned long long)m->topology.epoch, writer);
    sim_check_publish(s, &m->topology);
    sim_proxy_mail(s, &m->topology, grace);
    return moved;
}

/* ---- Effects ---- */

static struct sim_action *new_action(struct sim *s, const struct failover_effect *fx, bool of_run)
{
    for (int i = 0; i < SIM_ACTIONS_MAX; i++)
        if (!s->m.actions[i].id) {
            s->m.actions[i] = (struct sim_action){.id = sim_id(s),
                                                  .fx = *fx,
                                                  .of_run = of_run,
                                                  .run = s->m.run.hold_epoch,
                                                  .sent_at = sim_manager_now(s)};
            return &s->m.actions[i];
        }
    BUG("more actions than SIM_ACTIONS_MAX");
}

static void push_action(struct sim *s, const struct sim_action *a, enum sim_event_kind kind,
                        usec_t delay)
{
    int slot = (int)(a - s->m.actions);
    sim_push(s, delay > 0 ? delay : 0, (struct sim_event){.kind = kind, .a = slot, .id = a->id});
}

static int target_of(const struct failover_effect *fx)
{
    return fx->kind == FX_CREATE_SLOT ? fx->to : fx->node;
}

/* As actions_pg.c does it. */
static void call_off_older(struct sim *s, int node)
{
    for (int i = 0; i < SIM_ACTIONS_MAX; i++) {
        struct sim_action *a = &s->m.actions[i];
        if (a->fx.node == node && (a->fx.kind == FX_REPOINT || a->fx.kind == FX_CREATE_SLOT))
            a->id = 0;
    }
}

static void send_action(struct sim *s, const struct failover_effect *fx, bool of_run)
{
    usec_t delay;
    if (fx->kind == FX_STOP_RECEIVER)
        call_off_older(s, fx->node);
    struct sim_action *a = new_action(s, fx, of_run);
    const struct decide_memory *m = &s->m.run.memory;
    const struct quorum_record *r = fx->kind == FX_SET_SYNC && of_run ? &m->plan : &m->quorum;
    if (s->quorum.k) {
        a->secret = r->secret;
        if (fx->kind == FX_SET_SYNC)
            a->names = *quorum_newest(r);
    }
    push_action(s, a, SIM_EV_ACTION_LATE, fx->deadline - sim_manager_now(s));
    if (sim_send(s, SIM_MANAGER, target_of(fx), &delay))
        push_action(s, a, SIM_EV_ACTION_AT, delay);
}

static void journal(struct sim *s, const struct failover_effect *fx)
{
    struct sim_action *a = new_action(s, fx, true);
    a->ok = !sim_chance(s, (uint32_t)s->journal_fail_percent);
    if (a->ok && s->bug != SIM_BUG_JOURNAL_LIES)
        s->durable = s->m.run.memory;
    push_action(s, a, SIM_EV_ACTION_BACK, JOURNAL_TIME);
}

static void probe(struct sim *s, int i)
{
    struct sim_probe *p = &s->m.probes[i];
    usec_t delay;
    if (p->id)
        return;
    p->id = sim_id(s);
    p->sent_at = sim_manager_now(s);
    sim_push(s, health_probe_timeout(&s->m.view.nodes[i].health, &s->health),
             (struct sim_event){.kind = SIM_EV_PROBE_LATE, .a = i, .id = p->id});
    if (sim_send(s, SIM_MANAGER, i, &delay))
        sim_push(s, delay, (struct sim_event){.kind = SIM_EV_PROBE_AT, .a = i, .id = p->id});
}

static void drain(struct sim *s, const struct failover_effect *fx)
{
    struct sim_action *a = new_action(s, fx, true);
    a->ok = s->bug == SIM_BUG_NO_BARRIER;
    push_action(s, a, a->ok ? SIM_EV_ACTION_BACK : SIM_EV_ACTION_LATE,
                a->ok ? SIM_MS : fx->deadline - sim_manager_now(s));
    s->m.drain_epoch = fx->epoch;
}

static void execute(struct sim *s, const struct failover_effect *fx)
{
    sim_trace(s, "effect %s node %d to %d", failover_effect_name(fx->kind), fx->node, fx->to);
    sim_check_effect(s, fx);
    switch (fx->kind) {
    case FX_JOURNAL:
        journal(s, fx);
        break;
    case FX_HOLD:
        (void)publish(s, TOPO_NO_WRITER, true, fx->epoch, fx->grace);
        break;
    case FX_ANNOUNCE:
        (void)publish(s, fx->node, false, fx->epoch, 0);
        break;
    case FX_DRAIN:
        drain(s, fx);
        break;
    case FX_PROBE:
        for (int i = 0; i < s->n_nodes; i++)
            if (fx->node < 0 || fx->node == i)
                probe(s, i);
        break;
    case FX_FENCE:
    case FX_UNFENCE:
    case FX_UNFENCE_NEW:
    case FX_STOP_RECEIVER:
    case FX_PROMOTE:
    case FX_CREATE_SLOT:
    case FX_REPOINT:
    case FX_SET_SYNC:
        send_action(s, fx, true);
        break;
    case FX_NONE:
    case FX_DEMOTE:
    case FX_CHECKPOINT:
    case FX_FENCE_HOOK:
    case FX_VETO:
    case FX_REJOIN:
    case FX_WITNESS:
    case FX_REPORT_LOSS:
    case FX_NOTIFY:
    case FX_NR:
        break;
    }
}

/* ---- The run ---- */

static struct failover_effects effects;

static void mislead(struct sim *s, bool on)
{
    struct view *v = &s->m.view;
    enum failover_state st = failover_state_of(&s->m.run);
    if (s->bug == SIM_BUG_LEAST_ADVANCED &&
        (st == FAILOVER_CHOOSING || st == FAILOVER_REVOKING || !on))
        for (int i = 0; i < s->n_nodes; i++) {
            struct observation *o = &v->nodes[i].obs;
            if (o->role != ROLE_REPLICA || (!on && o->receive_lsn < INT32_MAX))
                continue;
            lsn_t p = view_position(v, i);
            o->receive_lsn = on ? (UINT64_C(1) << 40) - p : (UINT64_C(1) << 40) - o->receive_lsn;
        }
    if (s->bug == SIM_BUG_SHORT_SWITCHOVER && on && st == FAILOVER_CATCHUP &&
        s->m.run.old_writer >= 0)
        v->nodes[s->m.run.old_writer].obs.flush_lsn = 1;
}

/* Bugs of quorum mode. */
static void mislead_quorum(struct sim *s, bool on)
{
    struct failover *f = &s->m.run;
    struct quorum_record *r = &f->memory.quorum;
    const enum failover_state st = failover_state_of(f);
    for (int i = 0; s->bug == SIM_BUG_REVOKE_LESS && st != FAILOVER_REPOINTING && i < r->n; i++)
        if (r->c[i].k)
            r->c[i].k += on ? 1 : -1;
    for (int i = 0; s->bug == SIM_BUG_STALE_POSITIONS && on && i < s->n_nodes; i++)
        s->m.view.nodes[i].obs.sent_at = sim_manager_now(s);
    if (s->bug == SIM_BUG_FORGET_OPEN && !on && r->n == 2 && !r->c[0].k) {
        r->c[0] = r->c[1];
        r->n = 1;
    }
}

static void step(struct sim *s, const struct failover_event *ev)
{
    struct sim_manager *m = &s->m;
    if (!failover_running(&m->run))
        return;
    struct failover_input in = input(s);
    enum failover_state was = failover_state_of(&m->run);
    mislead(s, true);
    mislead_quorum(s, true);
    failover_step(&m->run, ev, &in, &effects);
    mislead(s, false);
    mislead_quorum(s, false);
    if (failover_state_of(&m->run) != was)
        sim_trace(s, "run: %s -> %s (%s)", failover_state_name(was),
                  failover_state_name(failover_state_of(&m->run)),
                  m->run.moves[m->run.n_moves - 1].reason);
    if (m->run.kind != FAILOVER_SWITCHOVER && failover_running(&m->run))
        s->check.pure_switchover = false;
    for (int i = 0; i < effects.n; i++)
        execute(s, &effects.e[i]);
    if (failover_running(&m->run))
        return;
    s->check.kept += m->run.result == FAILOVER_KEPT;
    s->check.gave_up += m->run.result == FAILOVER_GAVE_UP;
    s->check.promotions += m->run.result == FAILOVER_PROMOTED;
}

static void tick_run(struct sim *s)
{
    step(s, &(struct failover_event){.kind = FAILOVER_EV_TICK, .node = -1});
}

static void start(struct sim *s, enum failover_kind kind)
{
    struct failover_request r = {.kind = kind, .named = -1};
    struct failover_input in = input(s);
    struct err e = {0};
    sim_check_start(s, kind);
    if (failover_start(&s->m.run, &r, &in, &effects, &e)) {
        sim_trace(s, "not started: %s", e.text);
        return;
    }
    sim_trace(s, "%s starts", kind == FAILOVER_SWITCHOVER ? "switchover" : "failover");
    sim_faults_run(s);
    s->check.pure_switchover = kind == FAILOVER_SWITCHOVER;
    s->check.switchovers += kind == FAILOVER_SWITCHOVER;
    s->check.failovers += kind != FAILOVER_SWITCHOVER;
    for (int i = 0; i < effects.n; i++)
        execute(s, &effects.e[i]);
}

static void repoint_strays(struct sim *s)
{
    struct sim_manager *m = &s->m;
    uint64_t strays = decide_strays(&m->view, &m->topology, m->kept) | m->unnamed;
    if (m->kept < 0)
        return;
    usec_t now = sim_manager_now(s);
    for (int i = 0; i < s->n_nodes; i++) {
        if (!(strays & (UINT64_C(1) << i)) || m->stray_at[i] > now)
            continue;
        m->stray_at[i] = now + STRAY_EVERY;
        struct failover_effect fx = {
            .kind = FX_CREATE_SLOT, .node = i, .to = m->kept, .deadline = now + SIM_SEC};
        send_action(s, &fx, false);
    }
}

static void repair_fence(struct sim *s)
{
    struct sim_manager *m = &s->m;
    usec_t now = sim_manager_now(s);
    if (!decide_unfence(&m->view, &m->run.memory, &m->topology) || m->unfence_at > now)
        return;
    m->unfence_at = now + STRAY_EVERY;
    struct failover_effect fx = {
        .kind = FX_UNFENCE, .node = m->topology.writer, .to = -1, .deadline = now + SIM_SEC};
    send_action(s, &fx, false);
}

/* The cohort's next steps: intent first, as cluster_quorum.c does. */
static void cohort(struct sim *s)
{
    static struct quorum_step next;
    struct sim_manager *m = &s->m;
    const usec_t now = sim_manager_now(s);
    const struct quorum_look l = {
        .view = &m->view, .writer = m->kept, .policy = &s->quorum, .random = sim_id(s), .now = now};
    m->unnamed = 0;
    if (s->bug == SIM_BUG_STALE_WATCH)
        m->watch.secret = m->run.memory.quorum.secret;
    for (int i = 0; s->quorum.k && i < 4; i++) {
        quorum_next(&m->run.memory.quorum, &m->watch, &l, &next);
        m->unnamed = next.unnamed;
        if (next.what != QUORUM_JOURNAL)
            break;
        if (sim_chance(s, (uint32_t)s->journal_fail_percent))
            return;
        if (s->bug == SIM_BUG_FORGET_OLD && next.record.n > 1) {
            next.record.c[0] = next.record.c[next.record.n - 1];
            next.record.n = 1;
        }
        sim_trace(s, "quorum: %d configurations, newest any %d of %d", next.record.n,
                  next.record.c[next.record.n - 1].k, next.record.c[next.record.n - 1].n);
        m->run.memory.quorum = next.record;
        if (s->bug != SIM_BUG_NO_INTENT || next.record.n == 1)
            s->durable = m->run.memory;
        sim_check_quorum(s);
        sim_faults_quorum(s);
        if (!m->alive)
            return;
    }
    if (s->quorum.k && next.what == QUORUM_CONFIRM && now >= m->confirm_at) {
        m->confirm_at = now + 6 * SIM_SEC; /* and a little more than its deadline */
        send_action(
            s,
            &(struct failover_effect){
                .kind = FX_CHECKPOINT, .node = m->kept, .to = -1, .deadline = now + 5 * SIM_SEC},
            false);
    }
    if (!s->quorum.k || next.what != QUORUM_APPLY || now < m->apply_at)
        return;
    m->apply_at = now + 500 * SIM_MS;
    send_action(s,
                &(struct failover_effect){
                    .kind = FX_SET_SYNC, .node = m->kept, .to = -1, .deadline = now + SIM_SEC},
                false);
}

static void decide_now(struct sim *s)
{
    static struct decision d;
    struct sim_manager *m = &s->m;
    struct decide_policy p = s->decide;
    if (s->bug == SIM_BUG_IGNORE_VETO)
        p.veto_fresh = -1;
    m->view.drained = true;
    for (int w = 0; w < SIM_WORKERS; w++)
        m->view.drained = m->view.drained && s->workers[w].drained >= m->topology.epoch;
    decide(&m->view, &m->run.memory, &p, AUTHORITY_HELD, &m->topology, sim_manager_now(s), &d);
    if (m->view.tilt)
        return;
    if (d.start) {
        start(s, FAILOVER_UNPLANNED);
        if (failover_running(&m->run))
            return;
    }
    struct decide_memory memory = m->run.memory;
    if (s->quorum.k && decide_abandon(&memory, &m->view, &d)) {
        if (sim_chance(s, (uint32_t)s->journal_fail_percent))
            return;
        s->durable = m->run.memory = memory;
        sim_trace(s, "a promotion that was not seen is given up");
    }
    (void)publish(s, d.writer, d.holding, 0, 0);
    m->kept = d.kept;
    m->verdict = d.verdict;
    cohort(s);
    repoint_strays(s);
    repair_fence(s);
    if (m->switchover_wanted && d.verdict == DECIDE_STEADY) {
        m->switchover_wanted = false;
        start(s, FAILOVER_SWITCHOVER);
    }
}

static int writer_for_lag(const struct sim *s)
{
    return s->m.topology.version ? s->m.topology.writer : TOPO_NO_WRITER;
}

static void work(struct sim *s)
{
    struct sim_manager *m = &s->m;
    view_refresh(&m->view, writer_for_lag(s), &s->lag, sim_manager_now(s));
    if (failover_running(&m->run))
        tick_run(s);
    else
        decide_now(s);
}

static void tick(struct sim *s)
{
    struct sim_manager *m = &s->m;
    usec_t now = sim_manager_now(s);
    m->view.tilt = tilt_tick(&m->tilt, TICK, now);
    for (int i = 0; i < s->n_nodes; i++)
        if (health_next_probe(&m->view.nodes[i].health) <= now)
            probe(s, i);
    work(s);
    sim_push(s, TICK, (struct sim_event){.kind = SIM_EV_TICK, .id = m->boot});
}

/* ---- Answers ---- */

static void probed(struct sim *s, int i, struct observation *o)
{
    struct sim_probe *p = &s->m.probes[i];
    o->sent_at = p->sent_at;
    /* A question may wait in a server that stands still; its answer tells of the moment it comes. */
    o->received_at = s->bug == SIM_BUG_NO_SETTLE ? p->sent_at : sim_manager_now(s);
    p->id = 0;
    enum health_verdict was = s->m.view.nodes[i].health.verdict;
    const char *writer = s->m.run.memory.writer;
    if (o->outcome == OBSERVE_OK && o->role == ROLE_PRIMARY &&
        (i == s->m.topology.writer ||
         (s->m.topology.writer < 0 && !strcmp(writer, s->m.view.nodes[i].name)))) {
        s->m.view.peers_of = i;
        s->m.view.peers = p->peers;
        for (int k = 0; s->bug == SIM_BUG_COUNT_ALL && k < p->peers.n; k++)
            s->m.view.peers.peers[k].flush_lsn = UINT64_MAX;
    }
    bool changed = view_observe(&s->m.view, i, &s->health, o);
    if (s->m.view.nodes[i].health.verdict != was)
        sim_trace(s, "node %d is %s (%s)", i,
                  health_verdict_name(s->m.view.nodes[i].health.verdict),
                  observe_outcome_name(o->outcome));
    if (health_next_probe(&s->m.view.nodes[i].health) <= sim_manager_now(s))
        probe(s, i);
    if (changed || failover_running(&s->m.run))
        work(s);
}

static void probe_at(struct sim *s, const struct sim_event *ev)
{
    const struct sim_node *n = &s->nodes[ev->a];
    usec_t delay;
    if (s->m.probes[ev->a].id != ev->id || n->dead_host)
        return;
    if (n->frozen) { /* the question waits in the socket */
        sim_push(s, 20 * SIM_MS, *ev);
        return;
    }
    if (sim_chance(s, (uint32_t)s->reply_loss_percent))
        return;
    sim_pg_observe(s, ev->a, &s->m.probes[ev->a].answer);
    sim_pg_peers(s, ev->a, &s->m.probes[ev->a].peers);
    if (sim_send(s, ev->a, SIM_MANAGER, &delay))
        sim_push(s, delay + (s->stale_max ? (usec_t)sim_below(s, (uint32_t)s->stale_max) : 0),
                 (struct sim_event){.kind = SIM_EV_PROBE_BACK, .a = ev->a, .id = ev->id});
}

static void action_at(struct sim *s, const struct sim_event *ev)
{
    struct sim_action *a = &s->m.actions[ev->a];
    if (a->id != ev->id)
        return;
    const struct sim_node *n = &s->nodes[target_of(&a->fx)];
    usec_t delay;
    if (n->dead_host)
        return;
    if (n->frozen) { /* the order waits in the socket and is carried out when the node goes on */
        sim_push(s, 20 * SIM_MS, *ev);
        return;
    }
    if (a->fx.kind == FX_CHECKPOINT && s->now < n->sync_at) { /* the checkpointer is busy */
        sim_push(s, n->sync_at - s->now, *ev);
        return;
    }
    a->ok = sim_pg_act(s, &a->fx);
    if (a->ok && a->fx.kind == FX_SET_SYNC && !(a->of_run && s->bug == SIM_BUG_LATE_NAMES))
        sim_pg_set_sync(s, a->fx.node, a->secret, &a->names);
    if (a->ok && a->fx.kind == FX_REPOINT)
        s->nodes[a->fx.node].app = a->secret;
    if (!sim_chance(s, (uint32_t)s->reply_loss_percent) &&
        sim_send(s, target_of(&a->fx), SIM_MANAGER, &delay))
        push_action(s, a, SIM_EV_ACTION_BACK, delay);
}

/* The manager forgets an action at its deadline; the order may still be on its way (see action_at: it is not, in this
 * model, once forgotten; a frozen node keeps it until then). */
static void action_done(struct sim *s, const struct sim_event *ev, bool ok)
{
    struct sim_action a = s->m.actions[ev->a];
    if (a.id != ev->id)
        return;
    s->m.actions[ev->a].id = 0;
    if (a.of_run && a.run != s->m.run.hold_epoch)
        return;
    if (a.of_run) {
        step(s, &(struct failover_event){.kind = ok ? FAILOVER_EV_DONE : FAILOVER_EV_FAILED,
                                         .effect = a.fx.kind,
                                         .node = a.fx.node,
                                         .epoch = a.fx.epoch});
    } else if (a.fx.kind == FX_CHECKPOINT) {
        s->m.confirm_at = 0;
        if (ok && s->m.watch.in_force_since && a.sent_at >= s->m.watch.in_force_since) {
            s->m.watch.sure = true;
            s->m.watch.in_force_since = sim_manager_now(s);
        }
    } else if (ok && a.fx.kind == FX_UNFENCE && !failover_running(&s->m.run)) {
        s->m.run.memory.fenced[0] = '\0';
    } else if (ok && a.fx.kind == FX_CREATE_SLOT) {
        a.fx.kind = FX_REPOINT;
        a.fx.deadline = sim_manager_now(s) + SIM_SEC;
        send_action(s, &a.fx, false);
    }
}

void sim_manager_drained(struct sim *s)
{
    for (int i = 0; i < SIM_ACTIONS_MAX; i++) {
        struct sim_action *a = &s->m.actions[i];
        if (!a->id || a->fx.kind != FX_DRAIN || a->ok)
            continue;
        bool all = true;
        for (int w = 0; w < SIM_WORKERS; w++)
            all = all && s->workers[w].drained >= a->fx.epoch;
        if (!all)
            continue;
        a->ok = true;
        push_action(s, a, SIM_EV_ACTION_BACK, 0);
    }
}

void sim_manager_event(struct sim *s, const struct sim_event *ev)
{
    struct observation o;
    if (!s->m.alive)
        return;
    switch ((int)ev->kind) { /* the others are not for this file */
    case SIM_EV_TICK:
        if (ev->id == s->m.boot)
            tick(s);
        break;
    case SIM_EV_PROBE_AT:
        probe_at(s, ev);
        break;
    case SIM_EV_PROBE_BACK:
        if (s->m.probes[ev->a].id == ev->id) {
            o = s->m.probes[ev->a].answer;
            probed(s, ev->a, &o);
        }
        break;
    case SIM_EV_PROBE_LATE:
        if (s->m.probes[ev->a].id == ev->id) {
            memset(&o, 0, sizeof(o));
            o.outcome = OBSERVE_TIMEOUT;
            probed(s, ev->a, &o);
        }
        break;
    case SIM_EV_ACTION_AT:
        action_at(s, ev);
        break;
    case SIM_EV_ACTION_BACK:
        action_done(s, ev, s->m.actions[ev->a].ok);
        break;
    case SIM_EV_ACTION_LATE:
        action_done(s, ev, false);
        break;
    default:
        BUG("not the manager's event");
    }
}
