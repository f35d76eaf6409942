/* The fault menu. A seed picks which kinds are on in its run (swarm), then faults come and go until heal_at. */
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
        if (sim_chance(s, 35))
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
        if (s->m.alive) {
            sim_manager_crash(s);
            sim_push(s, (100 + (usec_t)sim_below(s, 3000)) * SIM_MS,
                     (struct sim_event){.kind = SIM_EV_RESTART});
        }
    } else {
        apply(s, fault, node, how, true);
        sim_push(s, (50 + (usec_t)sim_below(s, sim_chance(s, 70) ? 3000 : 15000)) * SIM_MS,
                 (struct sim_event){.kind = SIM_EV_UNDO, .a = fault, .b = node, .c = how});
    }
}

void sim_faults_promoted(struct sim *s, int node)
{
    if (s->healed || !(s->fault_kinds & (1u << FAULT_CRASH)) || !sim_chance(s, 30))
        return;
    sim_push(s, (10 + (usec_t)sim_below(s, 400)) * SIM_MS,
             (struct sim_event){.kind = SIM_EV_FAULT, .a = 1 + node});
}

static void heal(struct sim *s)
{
    s->healed = true;
    s->loss_percent = s->reply_loss_percent = s->journal_fail_percent = 0;
    for (int i = 0; i < SIM_ENDS; i++)
        for (int j = 0; j < SIM_ENDS; j++)
            s->cut[i][j] = 0;
    for (int i = 0; i < s->n_nodes; i++) {
        s->nodes[i].wal_rate = s->nodes[i].replay_rate = 1 << 20;
        sim_pg_freeze(s, i, false);
        sim_pg_start(s, i);
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
            sim_trace(s, "the new primary %d dies", ev->a - 1);
            apply(s, FAULT_CRASH, ev->a - 1, 0, true);
            sim_push(s, (50 + (usec_t)sim_below(s, 5000)) * SIM_MS,
                     (struct sim_event){.kind = SIM_EV_UNDO, .a = FAULT_CRASH, .b = ev->a - 1});
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
