#include "cluster.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/str.h"
#include "core/slots.h"

/* Actions on nodes: those of a run, and the repairs between runs. */

#define BIT(i) (UINT64_C(1) << (i))

static const usec_t REPAIR_PAUSE = 5 * USEC_PER_SEC;
static const usec_t STUCK_AFTER = 6 * USEC_PER_SEC; /* wal_retrieve_retry_interval and a bit */
static const usec_t STUCK_AGAIN = 60 * USEC_PER_SEC;
static const usec_t REJOIN_LOOK = 2 * USEC_PER_SEC;
static const usec_t REJOIN_AGAIN = 60 * USEC_PER_SEC;
static const usec_t REJOIN_TIMEOUT = 3600 * USEC_PER_SEC;
static const usec_t WITNESS_AGAIN = 60 * USEC_PER_SEC;
static const usec_t REPAIR_TIMEOUT = 10 * USEC_PER_SEC;

void cluster_place(const struct cluster *c, int node, struct action_place *out)
{
    const struct node *n = c->nodes[node];
    *out = (struct action_place){.port = (uint16_t)n->conf.port};
    str_copy(out->name, sizeof(out->name), n->conf.name);
    str_copy(out->host, sizeof(out->host), n->conf.host);
    str_copy(out->addr, sizeof(out->addr), node_addr(n));
    str_copy(out->conninfo, sizeof(out->conninfo), c->conf.monitor);
}
/* ---- actions ---- */

/* One action under way; names instead of indices, because a reload may move nodes between start and end. */
struct pending {
    struct cluster *c;
    enum failover_effect_kind kind;
    char node[TOPO_NAME_MAX];
    char to[TOPO_NAME_MAX];
    usec_t started_at;
    uint64_t run; /* the run's no-writer epoch: an answer to an older run's question is no answer */
    bool repair;  /* not part of a run */
    struct action_found found;
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
    else if (p->kind == FX_REJOIN)
        log_event(LOG_NOTICE, "rejoin.done", kv, 4, "rejoin_command for %s ended well", p->node);
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
    if (p->kind == FX_PROMOTE && !e->code && p->found.frontier) {
        c->fork = (struct term_fork){
            .frontier = p->found.frontier, .replayed = p->found.replayed, .at = p->started_at};
        str_copy(c->fork.node, sizeof(c->fork.node), p->node);
    }
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
    } else if (node >= 0 && p->run == c->failover.hold_epoch) {
        if (p->kind == FX_PROMOTE || p->kind == FX_FENCE)
            node_probe(c->nodes[node], c->health_policy.check_timeout);
        cluster_action_ended(c, p->kind, node, &result);
    }
    free(p);
}

/* In quorum mode a receiver has a name that nobody else knows. */
static void add_names(const struct cluster *c, struct action *a, int node, bool repair)
{
    const struct decide_memory *m = repair ? &c->memory : &c->failover.memory;
    a->archive = c->quorum_policy.k > 0;
    if (a->kind == FX_REPOINT && c->quorum_policy.k > 0 && m->quorum.secret)
        quorum_name(m->quorum.secret, c->view.nodes[node].name, a->application_name);
    if (a->kind != FX_SET_SYNC || (repair && c->quorum_clearing))
        return;
    const struct quorum_record *r = repair ? &m->quorum : &m->plan;
    const struct quorum_config *newest = quorum_newest(r);
    BUG_ON(!newest);
    quorum_text(r->secret, newest, a->names);
}

static void add_command(const struct cluster *c, struct action *a, int node)
{
    const struct failover_conf *f = &c->failover_conf;
    const char *command = a->kind == FX_DEMOTE       ? f->demote_command
                          : a->kind == FX_FENCE_HOOK ? f->fence_command
                          : a->kind == FX_VETO       ? f->pre_promote_command
                          : a->kind == FX_NOTIFY     ? f->notify_command
                          : a->kind == FX_REJOIN     ? f->rejoin_command
                                                     : "";
    str_copy(a->command, sizeof(a->command), command);
    if (a->kind == FX_NOTIFY)
        str_copy(a->result, sizeof(a->result), failover_result_name(c->failover.result));
    if (a->kind == FX_REJOIN)
        str_copy(a->result, sizeof(a->result), rejoin_name(rejoin_need(&c->view, node)));
}

int cluster_action(struct cluster *c, enum failover_effect_kind kind, int node, int to,
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
    a->epoch = c->topo.epoch;
    a->receiver_timeout = c->failover_conf.receiver_timeout;
    add_command(c, a, node);
    cluster_place(c, node, &a->node);
    if (to >= 0)
        cluster_place(c, to, &a->to);
    add_names(c, a, node, repair);
    if (kind == FX_CREATE_SLOT || (kind == FX_REPOINT && !(c->slotless & BIT(node))))
        slots_name(c->view.nodes[node].name, a->slot);
    *p = (struct pending){.c = c,
                          .kind = kind,
                          .started_at = clock_now(c->clock),
                          .run = c->failover.hold_epoch,
                          .repair = repair};
    str_copy(p->node, sizeof(p->node), cluster_node_name(c, node));
    str_copy(p->to, sizeof(p->to), cluster_node_name(c, to));
    a->found = &p->found;
    const int rc = c->actions->start(c->actions, a, on_action, p, &e);
    if (rc != 0) {
        log_action(c, p, &e);
        free(p);
    }
    memset(a, 0, sizeof(*a)); /* the conninfo may hold a password */
    free(a);
    return rc;
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
    /* A run that began meanwhile has noted a newer fence. */
    if (p->kind == FX_UNFENCE && !e->code && !failover_running(&c->failover) &&
        strcmp(c->memory.fenced, p->node) == 0) {
        struct err je = {0};
        c->memory.fenced[0] = '\0';
        (void)cluster_journal(c, &c->memory, &je);
    }
    if (p->kind == FX_CHECKPOINT)
        cluster_quorum_confirmed(c, e, p->started_at);
    if (p->kind == FX_SET_SYNC && !e->code && c->quorum_clearing)
        cluster_quorum_cleared(c);
    const bool on = p->kind == FX_CREATE_SLOT && !e->code && to >= 0 && to == c->decision.kept;
    if (on && !failover_running(&c->failover) &&
        cluster_action(c, FX_REPOINT, node, to, REPAIR_TIMEOUT, true) == 0)
        c->repairing |= BIT(node);
    else
        node_probe(c->nodes[node], c->health_policy.check_timeout);
}

static void repair(struct cluster *c, enum failover_effect_kind kind, int node, int to)
{
    if (cluster_action(c, kind, node, to, REPAIR_TIMEOUT, true) == 0)
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
    const struct view_node *w = &c->view.nodes[c->decision.kept];
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

/* A fenced old primary of an older timeline. */
static bool outcast(const struct cluster *c, int i)
{
    const struct view_node *n = &c->view.nodes[i];
    return (c->decision.fenced & BIT(i)) && n->health.verdict == HEALTH_OK &&
           n->obs.role == ROLE_PRIMARY && n->timeline < c->topo.timeline;
}

static void rejoin(struct cluster *c, int i, int w)
{
    const usec_t now = clock_now(c->clock);
    const struct view_node *n = &c->view.nodes[i], *to = &c->view.nodes[w];
    const enum rejoin need = rejoin_need(&c->view, i);
    const bool asked = c->view.lineage.timeline == c->topo.timeline;
    if ((c->repairing & BIT(i)) || now < c->rejoin_at[i])
        return;
    if (!asked && !c->rejoin_at[i]) { /* the next probe of the writer brings its history */
        c->rejoin_at[i] = now + REJOIN_LOOK;
        return;
    }
    c->rejoin_at[i] = now + REJOIN_AGAIN;
    const bool command = c->failover_conf.rejoin_command[0] != '\0';
    log_event(LOG_WARNING, command ? "rejoin.started" : "rejoin.needed",
              LOG_KV({"cluster", c->conf.name}, {"node", n->name}, {"rewind", rejoin_name(need)}),
              3,
              "%s stays fenced: %s. On its host: stop it, pg_rewind -D DATADIR -R "
              "--source-server='host=%s port=%u user=... dbname=postgres' (or pg_basebackup -R "
              "into an empty directory), start it",
              n->name, rejoin_text(need), to->host, (unsigned)to->port);
    if (command && cluster_action(c, FX_REJOIN, i, w, REJOIN_TIMEOUT, true) == 0)
        c->repairing |= BIT(i);
}

/* The replica keeps a silent primary's silence to itself for too long. */
static bool mute(const struct cluster *c, int i)
{
    const struct view_node *n = &c->view.nodes[i];
    const usec_t wanted = c->failover_conf.receiver_timeout, has = n->obs.receiver_timeout;
    return wanted > 0 && c->decide_policy.mode == FAILOVER_AUTOMATIC && n->seen &&
           n->obs.role == ROLE_REPLICA && (has == 0 || has > wanted);
}

void cluster_repair(struct cluster *c)
{
    const int w = c->decision.kept;
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
    const uint64_t strays =
        decide_strays(&c->view, &c->topo, w) | left_stopped(c) | c->quorum_step.unnamed;
    for (int i = 0; i < c->view.n_nodes; i++) {
        const struct view_node *n = &c->view.nodes[i];
        const bool returned = (c->decision.fenced & BIT(i)) && i != w &&
                              n->obs.role == ROLE_PRIMARY && !n->obs.read_only &&
                              n->timeline < c->topo.timeline;
        if (returned && may_repair(c, i))
            repair(c, FX_FENCE, i, -1);
        else if (outcast(c, i))
            rejoin(c, i, w);
        else if (((strays | lost) & BIT(i)) && may_repair(c, i)) {
            repair(c, FX_CREATE_SLOT, i, w);
            if (lost & BIT(i))
                c->silent_since[i] = clock_now(c->clock) + STUCK_AGAIN;
        } else if (mute(c, i) && clock_now(c->clock) >= c->witness_at[i] && may_repair(c, i)) {
            c->witness_at[i] = clock_now(c->clock) + WITNESS_AGAIN;
            c->repair_at[i] = 0; /* nothing else has to wait for it */
            repair(c, FX_WITNESS, i, -1);
        }
    }
}

void cluster_rest(struct cluster *c, usec_t now)
{
    for (int i = 0; i < c->view.n_nodes; i++) {
        if (c->view.nodes[i].obs.role == ROLE_REPLICA)
            c->repair_at[i] = now + REPAIR_PAUSE;
    }
}
