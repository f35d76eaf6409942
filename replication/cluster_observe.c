#include "cluster.h"

#include "base/bug.h"
#include "base/log.h"
#include "base/str.h"

/* What comes in: probe results, samples, addresses, hints. All of it is only recorded here. */

enum { EXCUSED_MAX = 3 };

static const usec_t SAMPLE_GAP = 2 * USEC_PER_MS;
static const usec_t SAMPLE_GAP_CALM = 50 * USEC_PER_MS;
static const usec_t HINT_GAP = 20 * USEC_PER_MS;

#define BIT(i) (UINT64_C(1) << (i))

/* ---- observe ---- */

static void log_health(const struct cluster *c, int i, const struct health *was,
                       const struct probe_result *r)
{
    const struct view_node *n = &c->view.nodes[i];
    const struct health *h = &n->health;
    const struct log_kv kv[] = {{"cluster", c->conf.name},
                                {"node", n->name},
                                {"reason", health_reason_name(h->reason)},
                                {"outcome", observe_outcome_name(r->obs.outcome)},
                                {"sqlstate", r->obs.sqlstate[0] ? r->obs.sqlstate : NULL}};
    const char *detail = r->obs.detail[0] ? r->obs.detail : "no detail";
    if (h->verdict == HEALTH_OK && was->verdict != HEALTH_OK)
        log_event(LOG_NOTICE, "node.up", kv, 3, "%s answers as %s on timeline %u", n->name,
                  topo_role_name(n->obs.role), n->timeline);
    else if (h->verdict == HEALTH_DOWN && was->verdict != HEALTH_DOWN)
        log_event(LOG_WARNING, "node.down", kv, 5, "%s %s: %s", n->name,
                  health_reason_text(h->reason), detail);
    else if (h->reason == HEALTH_REFUSED_ONCE && was->reason != HEALTH_REFUSED_ONCE)
        log_event(LOG_WARNING, "node.refused", kv, 5, "%s: %s", n->name, detail);
    else if (r->obs.outcome != OBSERVE_OK && h->reason != was->reason)
        log_event(LOG_WARNING, "probe.failed", kv, 5, "%s: %s", n->name, detail);
}

static void log_role(const struct cluster *c, int i, enum topo_role was)
{
    const struct view_node *n = &c->view.nodes[i];
    if (n->obs.role != was && was != ROLE_UNKNOWN)
        log_event(LOG_NOTICE, "node.role",
                  LOG_KV({"cluster", c->conf.name}, {"node", n->name},
                         {"from", topo_role_name(was)}, {"to", topo_role_name(n->obs.role)}),
                  4, "%s is a %s now", n->name, topo_role_name(n->obs.role));
}

/* The replicas' positions are wanted from the same moment as the writer's, else a busy writer looks like lag. */
static void sample_replicas(struct cluster *c)
{
    for (int i = 0; i < c->n_nodes; i++) {
        if (c->view.nodes[i].seen && c->view.nodes[i].obs.role == ROLE_REPLICA)
            (void)node_sample(c->nodes[i], c->health_policy.check_timeout / 2);
    }
}

/* Our own loop stood still while the probe ran (a starved or stopped machine): its silence says nothing about the node.
 * Bounded, so that a machine that is always starved still finds out. */
static bool excused(struct cluster *c, struct node *node, const struct probe_result *r)
{
    if (r->obs.outcome != OBSERVE_TIMEOUT) {
        node->excused = 0;
        return false;
    }
    if (c->stalled_at < r->obs.sent_at || node->excused >= EXCUSED_MAX)
        return false;
    node->excused++;
    LOG_AT(LOG_NOTICE, "probe.excused",
           LOG_KV({"cluster", c->conf.name}, {"node", node->conf.name}),
           "%s did not answer in time, but the manager itself stood still meanwhile: asking again",
           node->conf.name);
    return true;
}

/* Two managers would promote two nodes. Until the configuration is read again it stays so. */
static void respect_manager(struct cluster *c, const struct view_node *n)
{
    if (!n->obs.manager[0] || c->failover_conf.ignore_manager ||
        c->decide_policy.mode == FAILOVER_FOLLOW)
        return;
    c->decide_policy.mode = FAILOVER_FOLLOW;
    log_event(LOG_WARNING, "cluster.managed",
              LOG_KV({"cluster", c->conf.name}, {"node", n->name}, {"manager", n->obs.manager}), 3,
              "%s manages this cluster: tanist only follows (mode = follow; ignore_manager)",
              n->obs.manager);
}

static void on_result(void *arg, struct node *node, const struct probe_result *r)
{
    struct cluster *c = arg;
    const int i = node->index;
    if (excused(c, node, r)) {
        node_probe(node, c->health_policy.check_timeout);
        return;
    }
    struct view_node *n = &c->view.nodes[i];
    if (r->obs.outcome == OBSERVE_OK)
        outlier_answered(&n->outlier, &c->outlier_policy, r->obs.sent_at, r->obs.received_at);
    else if (r->obs.outcome != OBSERVE_TIMEOUT)
        outlier_refused(&n->outlier);
    const struct health was = n->health;
    const enum topo_role role = n->seen ? n->obs.role : ROLE_UNKNOWN;
    const bool good =
        r->obs.outcome == OBSERVE_OK; /* r does not outlive the start of another probe */
    const bool changed = view_observe(&c->view, i, &c->health_policy, &r->obs);
    const bool writer =
        i == c->topo.writer || (c->topo.writer < 0 && strcmp(n->name, c->memory.writer) == 0);
    if (r->has_peers && writer) {
        c->view.peers_of = i;
        c->view.peers = r->peers;
        c->view.slots = r->slots;
    }
    if (writer && good && r->history.timeline)
        c->view.lineage = r->history;
    log_health(c, i, &was, r);
    if (good) {
        log_role(c, i, role);
        respect_manager(c, n);
    }
    node_schedule(node, &n->health, &c->health_policy);
    if (i == c->topo.writer && was.verdict == HEALTH_OK && n->health.verdict != HEALTH_OK)
        cluster_probe_all(c);
    if (i == c->topo.writer && good)
        sample_replicas(c);
    if (changed || failover_running(&c->failover) || i == c->topo.writer)
        cluster_mark_dirty(c);
}

static void take_sample(struct cluster *c, int i, const struct probe_sample *s)
{
    struct observation *o = &c->view.nodes[i].obs;
    if (!c->view.nodes[i].seen || s->role != o->role)
        return;
    if (o->role == ROLE_PRIMARY) {
        if (s->sent_at <= o->position_at)
            return;
        o->sent_at = s->sent_at;
        o->received_at = s->received_at;
        o->position_at = s->sent_at;
        o->flush_lsn = s->flush_or_replay;
        o->insert_lsn = s->insert_or_receive;
    } else {
        /* The other times stay: the age of the sender's last message counts from them. */
        if (s->sent_at <= o->position_at)
            return;
        o->position_at = s->sent_at;
        o->replay_lsn = s->flush_or_replay;
        o->receive_lsn =
            s->insert_or_receive > o->receive_lsn ? s->insert_or_receive : o->receive_lsn;
    }
}

static void on_sample(void *arg, struct node *node, const struct probe_sample *s)
{
    struct cluster *c = arg;
    if (s)
        outlier_answered(&c->view.nodes[node->index].outlier, &c->outlier_policy, s->sent_at,
                         s->received_at);
    c->sampling &= ~BIT(node->index);
    if (s && s->role == c->view.nodes[node->index].obs.role)
        take_sample(c, node->index, s);
    else if (s)
        node_probe(node, c->health_policy.check_timeout); /* promoted or demoted meanwhile */
    /* Every snapshot wakes all workers: one for a whole round, if nobody waits for its parts. If a node does not answer, the
     * answers of the others go out with the next tick. */
    if (!c->sampled_calmly || c->sampling == 0)
        cluster_mark_dirty(c);
}

static void on_addr(void *arg, struct node *node)
{
    struct cluster *c = arg;
    str_copy(c->view.nodes[node->index].addr, sizeof(c->view.nodes[0].addr), node_addr(node));
    cluster_mark_dirty(c);
}

/* ---- hints and samples ---- */

/* Many clients may meet the same error: a node that has answered this very moment is asked again a little later. */
void cluster_hint(struct cluster *c, uint64_t nodes)
{
    const usec_t now = clock_now(c->clock);
    for (int i = 0; i < c->n_nodes; i++) {
        struct view_node *n = &c->view.nodes[i];
        if (!(nodes & BIT(i)))
            continue;
        outlier_failed(&n->outlier, now);
        const bool fresh = n->health.verdict == HEALTH_OK && now - n->health.last_ok < HINT_GAP;
        health_hint(&n->health, fresh ? n->health.last_ok + HINT_GAP : now);
        if (fresh)
            node_schedule(c->nodes[i], &n->health, &c->health_policy);
        else
            node_probe(c->nodes[i], health_probe_timeout(&n->health, &c->health_policy));
    }
}

static void sample_round(struct cluster *c);

static void on_sample_timer(uv_timer_t *t)
{
    sample_round(t->data);
}

/* One round asks every node once that is not being asked something else: who is slow must not keep the others waiting.
 * Rounds are SAMPLE_GAP apart while somebody waits, SAMPLE_GAP_CALM if a sample is only of use later. */
static void sample_round(struct cluster *c)
{
    const usec_t now = clock_now(c->clock);
    const usec_t gap = c->sample_wanted ? SAMPLE_GAP : SAMPLE_GAP_CALM;
    if (c->closing || (!c->sample_wanted && !c->sample_of_use))
        return;
    if (now - c->sampled_at < gap) {
        const usec_t wait = c->sampled_at + gap - now;
        uv_update_time(&c->loop->uv);
        uv_timer_start(&c->sample_timer, on_sample_timer,
                       (uint64_t)((wait + USEC_PER_MS - 1) / USEC_PER_MS), 0);
        return;
    }
    c->sampled_calmly = !c->sample_wanted;
    c->sample_wanted = c->sample_of_use = false;
    c->sampled_at = now;
    c->sampling = 0;
    atomic_fetch_and_explicit(&c->wishes->wants, ~BIT(c->index), memory_order_acq_rel);
    atomic_fetch_and_explicit(&c->wishes->uses, ~BIT(c->index), memory_order_acq_rel);
    for (int i = 0; i < c->n_nodes; i++)
        if (node_sample(c->nodes[i], c->health_policy.check_timeout / 2))
            c->sampling |= BIT(i);
}

void cluster_want_sample(struct cluster *c, bool waiting)
{
    if (waiting)
        c->sample_wanted = true;
    else if (c->sample_of_use)
        return; /* its round is under way */
    else
        c->sample_of_use = true;
    sample_round(c);
}

struct node_sink cluster_sink(struct cluster *c)
{
    return (struct node_sink){
        .on_result = on_result, .on_sample = on_sample, .on_addr = on_addr, .arg = c};
}
