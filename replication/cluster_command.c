#include "cluster.h"

#include <stdio.h>

#include "base/log.h"
#include "base/str.h"

/* What operators command: runs with their reports, drained nodes, maintenance. */

#define RUN_KV(c)                 \
    {                             \
        "cluster", (c)->conf.name \
    }

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
    strbuf_addf(b, "writer now: %s\n", cluster_node_name(c, writer));
    if (best >= 0)
        strbuf_addf(b, "would promote: %s\n", cluster_node_name(c, best));
    for (int i = 0; i < list.n; i++)
        strbuf_addf(b, "  %d. %s  %llu bytes behind\n", i + 1, cluster_node_name(c, list.order[i]),
                    (unsigned long long)list.missing[list.order[i]]);
    for (int i = 0; i < c->view.n_nodes; i++) {
        if (list.reason[i] != CANDIDATE_OK)
            strbuf_addf(b, "  -  %s  %s\n", cluster_node_name(c, i),
                        candidate_reason_text(list.reason[i]));
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
        rc = cluster_run_start(c, &r, &e);
        if (rc == 0)
            return;
        c->command = was;
    }
    done(arg, &e, text);
}

static bool is_known(const struct cluster *c, const struct cluster_wait *w)
{
    const int n = topology_find(&c->topo, w->node);
    return n < 0 || (c->topo.nodes[n].drained == w->drained &&
                     publish_all_adopted(c->publish, c->index, c->topo.epoch));
}

void cluster_answer_waits(struct cluster *c, const struct err *e)
{
    const struct err none = {0};
    for (int i = 0; i < CLUSTER_WAITS_MAX; i++) {
        const struct cluster_wait w = c->waits[i];
        if (!w.done || (!e && !is_known(c, &w) && clock_now(c->clock) < w.until))
            continue;
        c->waits[i].done = NULL;
        w.done(w.arg, e ? e : &none, "");
    }
}

static bool wait_for_workers(struct cluster *c, const struct manager_cmd *cmd, manager_done_cb done,
                             void *arg)
{
    for (int i = 0; i < CLUSTER_WAITS_MAX; i++) {
        struct cluster_wait *w = &c->waits[i];
        if (w->done)
            continue;
        *w = (struct cluster_wait){.done = done,
                                   .arg = arg,
                                   .drained = cmd->kind == MANAGER_DRAIN,
                                   .until = clock_now(c->clock) + USEC_PER_SEC};
        str_copy(w->node, sizeof(w->node), cmd->node);
        return true;
    }
    return false;
}

static void plan(struct cluster *c, const struct manager_cmd *cmd, int named, manager_done_cb done,
                 void *arg)
{
    char text[CLUSTER_REPORT_MAX], seconds[24];
    struct strbuf b;
    struct err e = {0};
    const struct failover_request r = {.kind = FAILOVER_SWITCHOVER, .named = named};
    strbuf_init(&b, text, sizeof(text));
    snprintf(seconds, sizeof(seconds), "%lld", (long long)(cmd->delay / USEC_PER_SEC));
    strbuf_addf(&b, "planned: the switchover begins in %s s (CANCEL gives it up)\n", seconds);
    candidates_text(c, &r, &b);
    if (c->decide_policy.mode == FAILOVER_FOLLOW) {
        err_set(&e, ERR_REFUSED, "failover.mode is follow: another manager changes this cluster");
    } else if (c->plan_at) {
        err_set(&e, ERR_REFUSED, "a switchover is planned already; CANCEL gives it up");
    } else {
        c->plan = *cmd;
        c->plan.delay = 0;
        c->plan_at = clock_now(c->clock) + cmd->delay;
        log_event(LOG_NOTICE, "switchover.planned",
                  LOG_KV(RUN_KV(c), {"node", cmd->node[0] ? cmd->node : NULL}, {"in_s", seconds}),
                  3, "a switchover begins in %s s", seconds);
    }
    done(arg, &e, text);
}

static void planned_done(void *arg, const struct err *e, const char *text)
{
    const struct cluster *c = arg;
    (void)text;
    if (e->code)
        log_event(LOG_ERROR, "switchover.refused", LOG_KV(RUN_KV(c)), 1,
                  "the planned switchover did not happen: %s", e->text);
}

void cluster_plan_due(struct cluster *c)
{
    if (!c->plan_at || clock_now(c->clock) < c->plan_at)
        return;
    const struct manager_cmd cmd = c->plan;
    c->plan_at = 0;
    cluster_command(c, &cmd, planned_done, c);
}

static void cancel(struct cluster *c, manager_done_cb done, void *arg)
{
    struct err e = {0};
    const bool planned = c->plan_at != 0;
    c->plan_at = 0;
    if (planned)
        log_event(LOG_NOTICE, "switchover.canceled", LOG_KV(RUN_KV(c)), 1,
                  "the planned switchover was given up by command");
    else if (!cluster_failover_cancel(c))
        err_set(&e, ERR_REFUSED, "there is nothing to cancel, or a node is being promoted already");
    done(arg, &e, planned ? "the planned switchover is given up\n" : "the run is given up\n");
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
    case MANAGER_CANCEL:
        cancel(c, done, arg);
        return;
    case MANAGER_SWITCHOVER:
        if (cmd->delay > 0 && !cmd->dry_run) {
            plan(c, cmd, node, done, arg);
            return;
        }
        command_run(c, cmd, node, done, arg);
        return;
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
        if ((cmd->kind == MANAGER_DRAIN || cmd->kind == MANAGER_UNDRAIN) &&
            wait_for_workers(c, cmd, done, arg))
            return;
    }
    done(arg, &e, "");
}
