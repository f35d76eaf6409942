/* The fault menu. A seed picks which kinds are on in its run (swarm), then faults come and go until heal_at. Most of them
 * strike at random; those of FAULT_AIM wait for the moments in which a mistake would show: the quorum changes, a run
 * begins, a node was just promoted. */
#include <string.h>

#include "../../replication/base/attrs.h"
#include "../../replication/base/bug.h"
#include "sim.h"

enum fault {
    FAULT_CRASH = 0,
    FAULT_FREEZE,
    FAULT_DEAD_HOST,
    FAULT_CUT_MANAGER, /* manager and workers cut from a node, one or both ways */
    FAULT_CUT_WITNESS, /* the manager alone is cut from a node, workers are not */
    FAULT_CUT_REPLICA, /* a replica cut from the others */
    FAULT_SLOW_WORKER,
    FAULT_SLOW_WAL,
    FAULT_SLOW_REPLAY,
    FAULT_JOURNAL,
    FAULT_LOSS,
    FAULT_LOST_REPLIES,
    FAULT_CLOCK,
    FAULT_DAEMON,
    FAULT_HAND_PROMOTE, /* somebody promotes a replica behind our back */
    FAULT_SWITCHOVER,   /* not a fault: an operator */
    FAULT_CUT_PAIR,     /* two nodes do not reach each other; how: the other one */
    FAULT_STALE,        /* answers of probes come late and tell of the past */
    FAULT_DRAIN,        /* an operator takes a node out of the cohort and back */
    FAULT_REBUILD,      /* ... and makes a diverged node a copy of the writer */
    FAULT_AIM,
    FAULT_NR
};

static usec_t next_fault(struct sim *s)
{
    return (200 + (usec_t)sim_below(s, 3000)) * SIM_MS;
}

void sim_faults_init(struct sim *s)
{
    s->fault_kinds = 0;
    for (int f = 0; f < FAULT_NR; f++)
        if (sim_chance(s, f == FAULT_AIM || f == FAULT_REBUILD ? 60 : 35))
            s->fault_kinds |= 1u << f;
    if (s->quorum.k) /* whoever promotes by hand takes the promise into his own hands */
        s->fault_kinds &= ~(1u << FAULT_HAND_PROMOTE);
    sim_push(s, 3 * SIM_SEC + next_fault(s), (struct sim_event){.kind = SIM_EV_FAULT});
    sim_push(s, s->heal_at, (struct sim_event){.kind = SIM_EV_HEAL});
}

static void cut(struct sim *s, int a, int b, int how, int by)
{
    if (how & 1)
        s->cut[a][b] += by;
    if (how & 2)
        s->cut[b][a] += by;
}

static void cut_daemon(struct sim *s, int node, int how, int by, bool workers)
{
    cut(s, SIM_MANAGER, node, how, by);
    for (int w = 0; w < SIM_WORKERS && workers; w++)
        cut(s, SIM_WORKER0 + w, node, how, by);
}

static void cut_node(struct sim *s, int node, int how, int by)
{
    for (int j = 0; j < s->n_nodes; j++)
        if (j != node)
            cut(s, node, j, how, by);
}

/* on: begins; else ends. how: directions of a cut. */
static void apply(struct sim *s, int fault, int node, int how, bool on)
{
    int by = on ? 1 : -1;
    switch (fault) {
    case FAULT_CRASH:
    case FAULT_DEAD_HOST:
        if (on) {
            sim_pg_crash(s, node);
            s->nodes[node].dead_host = fault == FAULT_DEAD_HOST;
        } else {
            sim_pg_start(s, node);
        }
        break;
    case FAULT_FREEZE:
        sim_pg_freeze(s, node, on);
        break;
    case FAULT_CUT_MANAGER:
    case FAULT_CUT_WITNESS:
        cut_daemon(s, node, how, by, fault == FAULT_CUT_MANAGER);
        break;
    case FAULT_CUT_REPLICA:
        cut_node(s, node, how, by);
        break;
    case FAULT_CUT_PAIR:
        cut(s, node, how, 3, by);
        break;
    case FAULT_STALE:
        s->stale_max = on ? (usec_t)how * 250 * SIM_MS : 0;
        break;
    case FAULT_DRAIN:
        s->m.view.nodes[node].drained = on;
        break;
    case FAULT_SLOW_WORKER:
        s->workers[node % SIM_WORKERS].slow = on ? (usec_t)how * SIM_SEC : 0;
        break;
    case FAULT_SLOW_WAL:
        s->nodes[node].wal_rate = on ? 30 : 1 << 20;
        break;
    case FAULT_SLOW_REPLAY:
        s->nodes[node].replay_rate = on ? 30 : 1 << 20;
        break;
    case FAULT_JOURNAL:
        s->journal_fail_percent = on ? 30 : 0;
        break;
    case FAULT_LOSS:
        s->loss_percent = on ? 10 : 0;
        break;
    case FAULT_LOST_REPLIES:
        s->reply_loss_percent = on ? 30 : 0;
        break;
    default:
        BUG("not a fault with a duration");
    }
}

static void crash_daemon(struct sim *s)
{
    if (!s->m.alive)
        return;
    sim_manager_crash(s);
    sim_push(s, (100 + (usec_t)sim_below(s, 3000)) * SIM_MS,
             (struct sim_event){.kind = SIM_EV_RESTART});
}

/* A fault that begins after `delay` and lasts for `time`. */
static void plan(struct sim *s, const struct sim_event *what, usec_t delay, usec_t time)
{
    struct sim_event ev = *what;
    ev.kind = SIM_EV_FAULT;
    ev.id = (uint64_t)time;
    sim_push(s, delay, ev);
}

static usec_t some_ms(struct sim *s, uint32_t n)
{
    return (usec_t)sim_below(s, n) * SIM_MS;
}

static bool aims(struct sim *s, uint32_t percent)
{
    return !s->healed && (s->fault_kinds & (1u << FAULT_AIM)) && sim_chance(s, percent);
}

/* Replicas fall behind a node or lose it, each at its own moment. */
static void part_from(struct sim *s, int node, uint32_t percent)
{
    const uint32_t later = sim_chance(s, 50) ? 400 : 1;
    for (int i = 0; i < s->n_nodes; i++) {
        if (i == node || !sim_chance(s, percent))
            continue;
        if (sim_chance(s, 60))
            plan(s, &(struct sim_event){.a = 1 + FAULT_CUT_PAIR, .b = node, .c = i},
                 some_ms(s, later), some_ms(s, 3000));
        else
            plan(s, &(struct sim_event){.a = 1 + FAULT_SLOW_WAL, .b = i}, some_ms(s, later),
                 some_ms(s, 3000));
    }
}

static int away_for(struct sim *s)
{
    static const int kinds[] = {FAULT_CRASH, FAULT_CRASH, FAULT_FREEZE, FAULT_DEAD_HOST};
    return kinds[sim_below(s, 4)];
}

/* A configuration of the quorum begins or was forgotten: what only the other one protects would be lost now. */
void sim_faults_quorum(struct sim *s)
{
    const int writer = s->check.newest_writer;
    if (writer < 0 || !aims(s, 40))
        return;
    if (sim_chance(s, 40)) /* the next change of it comes soon */
        plan(
            s,
            &(struct sim_event){.a = 1 + FAULT_DRAIN, .b = (int)sim_below(s, (uint32_t)s->n_nodes)},
            some_ms(s, 2000), some_ms(s, 4000));
    part_from(s, writer, 40);
    const usec_t when = (50 + (usec_t)sim_below(s, 1200)) * SIM_MS;
    if (sim_chance(s, 70))
        plan(s, &(struct sim_event){.a = 1 + away_for(s), .b = writer}, when, some_ms(s, 5000));
    if (sim_chance(s, 40))
        plan(s, &(struct sim_event){.a = 1 + FAULT_DAEMON},
             sim_chance(s, 50) ? when : some_ms(s, 600), 0);
}

/* The old writer goes on for those who reach it, while its successor is looked for. */
void sim_faults_run(struct sim *s)
{
    const int writer = s->check.newest_writer;
    if (writer < 0 || !aims(s, 50))
        return;
    plan(s, &(struct sim_event){.a = 1 + FAULT_CUT_MANAGER, .b = writer, .c = 3}, 0,
         500 * SIM_MS + some_ms(s, 3000));
    sim_push(s, some_ms(s, 300),
             (struct sim_event){.kind = SIM_EV_UNDO, .a = FAULT_FREEZE, .b = writer});
    part_from(s, writer, 30);
}

/* Only what is lost to the cluster: it was written on a side that nobody follows. */
static void rebuild(struct sim *s, int node)
{
    const int writer = s->check.newest_writer;
    if (writer < 0 || node == writer || failover_running(&s->m.run) || !s->nodes[writer].up ||
        s->nodes[writer].recovery || !strcmp(s->durable.target, s->m.view.nodes[node].name) ||
        sim_pg_has(&s->nodes[writer], s->nodes[node].branch, s->nodes[node].flush))
        return;
    sim_pg_rebuild(s, node, writer);
}

static void strike(struct sim *s)
{
    int fault = (int)sim_below(s, FAULT_NR), how = 1 + (int)sim_below(s, 3);
    int node = (int)sim_below(s, (uint32_t)s->n_nodes);
    /* The writer is the interesting one. */
    if (s->check.newest_writer >= 0 && sim_chance(s, 50))
        node = s->check.newest_writer;
    for (int tries = 0; !(s->fault_kinds & (1u << fault)) && tries < 4; tries++)
        fault = (int)sim_below(s, FAULT_NR);
    if (!(s->fault_kinds & (1u << fault)))
        return;
    sim_trace(s, "fault %d node %d how %d", fault, node, how);
    if (fault == FAULT_CLOCK) {
        s->clock_offset += (1 + (usec_t)sim_below(s, 20)) * SIM_SEC;
    } else if (fault == FAULT_HAND_PROMOTE) {
        (void)sim_pg_act(s, &(struct failover_effect){.kind = FX_PROMOTE, .node = node, .to = -1});
    } else if (fault == FAULT_SWITCHOVER) {
        s->m.switchover_wanted = true;
    } else if (fault == FAULT_DAEMON) {
        crash_daemon(s);
    } else if (fault == FAULT_REBUILD || fault == FAULT_AIM) {
        for (int i = 0; i < s->n_nodes; i++)
            rebuild(s, i);
    } else {
        if (fault == FAULT_CUT_PAIR)
            how = (node + how) % s->n_nodes;
        apply(s, fault, node, how, true);
        sim_push(s, (50 + (usec_t)sim_below(s, sim_chance(s, 70) ? 3000 : 15000)) * SIM_MS,
                 (struct sim_event){.kind = SIM_EV_UNDO, .a = fault, .b = node, .c = how});
    }
}

void sim_faults_promoted(struct sim *s, int node)
{
    if (s->healed || !(s->fault_kinds & (1u << FAULT_CRASH)) || !sim_chance(s, 30))
        return;
    plan(s, &(struct sim_event){.a = 1 + FAULT_CRASH, .b = node}, 10 * SIM_MS + some_ms(s, 400),
         50 * SIM_MS + some_ms(s, 5000));
}

static void aimed(struct sim *s, const struct sim_event *ev)
{
    const int fault = ev->a - 1;
    sim_trace(s, "aimed fault %d node %d how %d", fault, ev->b, ev->c);
    if (fault == FAULT_DAEMON) {
        crash_daemon(s);
        return;
    }
    apply(s, fault, ev->b, ev->c, true);
    sim_push(s, (usec_t)ev->id,
             (struct sim_event){.kind = SIM_EV_UNDO, .a = fault, .b = ev->b, .c = ev->c});
}

static void heal(struct sim *s)
{
    s->healed = true;
    s->loss_percent = s->reply_loss_percent = s->journal_fail_percent = 0;
    s->stale_max = 0;
    for (int i = 0; i < SIM_ENDS; i++)
        for (int j = 0; j < SIM_ENDS; j++)
            s->cut[i][j] = 0;
    for (int i = 0; i < s->n_nodes; i++) {
        s->nodes[i].wal_rate = s->nodes[i].replay_rate = 1 << 20;
        sim_pg_freeze(s, i, false);
        sim_pg_start(s, i);
        s->m.view.nodes[i].drained = false;
    }
    for (int w = 0; w < SIM_WORKERS; w++)
        s->workers[w].slow = 0;
    sim_trace(s, "healed");
}

void sim_faults_event(struct sim *s, const struct sim_event *ev)
{
    switch ((int)ev->kind) { /* the others are not for this file */
    case SIM_EV_FAULT:
        if (s->healed)
            return;
        if (ev->a) {
            aimed(s, ev);
            return;
        }
        strike(s);
        sim_push(s, next_fault(s), *ev);
        break;
    case SIM_EV_UNDO:
        if (!s->healed) {
            sim_trace(s, "fault %d node %d ends", ev->a, ev->b);
            apply(s, ev->a, ev->b, ev->c, false);
        }
        break;
    case SIM_EV_HEAL:
        heal(s);
        break;
    case SIM_EV_RESTART:
        sim_trace(s, "the daemon starts");
        sim_manager_start(s);
        break;
    default:
        BUG("not a fault's event");
    }
}
