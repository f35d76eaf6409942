#include "cluster.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/str.h"

static const usec_t IN_DOUBT_MAX = 10 * USEC_PER_SEC;

static void tick_start(struct cluster *c);
static void closed_one(void *arg);

/* ---- decide ---- */

enum authority cluster_authority(const struct cluster *c)
{
    (void)c;
    return AUTHORITY_HELD; /* one daemon; a lease module can answer here */
}

struct failover_input cluster_input(struct cluster *c)
{
    return (struct failover_input){
        .view = &c->view,
        .topology = &c->topo,
        .policy = &c->failover_policy,
        .authority = cluster_authority(c),
        .random = cluster_random(),
        .now = clock_now(c->clock),
    };
}

static void log_verdict(struct cluster *c, const struct decision *d)
{
    if (d->verdict == c->said)
        return;
    const bool bad =
        d->verdict != DECIDE_STEADY && d->verdict != DECIDE_DISCOVERED && d->verdict != DECIDE_NONE;
    const char *writer = d->writer >= 0 ? c->view.nodes[d->writer].name : NULL;
    const char *veto = d->vetoed_by >= 0 ? c->view.nodes[d->vetoed_by].name : NULL;
    c->said = d->verdict;
    log_event(bad ? LOG_WARNING : LOG_INFO, "decide.verdict",
              LOG_KV({"cluster", c->conf.name}, {"verdict", decide_verdict_name(d->verdict)},
                     {"writer", writer}, {"vetoed_by", veto}),
              4, "%s", decide_verdict_text(d->verdict));
}

/* Anti-flap. Another pause after a command said no: it is not asked ten times in a second. */
static bool too_soon(const struct cluster *c)
{
    static const usec_t AFTER_VETO = 5 * USEC_PER_SEC;
    const bool hooks = c->failover_policy.has_veto || c->failover_policy.has_fence;
    const usec_t pause = c->promoted_last ? c->failover_conf.min_interval : hooks ? AFTER_VETO : 0;
    return c->ended_at && clock_now(c->clock) - c->ended_at < pause;
}

/* False: nothing may be done, because the intent is not on disk. */
static bool abandon(struct cluster *c, const struct decision *d)
{
    struct err e = {0};
    const struct decide_memory was = c->memory;
    if (!c->quorum_policy.k || !decide_abandon(&c->memory, &c->view, d))
        return true;
    log_event(LOG_WARNING, "failover.abandoned",
              LOG_KV({"cluster", c->conf.name}, {"node", was.target}), 2,
              "the promotion of %s was not seen and %s is back: %s stays the writer", was.target,
              was.writer, was.writer);
    if (cluster_journal(c, &c->memory, &e) == 0)
        return true;
    c->memory = was;
    return false;
}

static void decide_steady(struct cluster *c)
{
    struct decision *d = &c->decision;
    struct decide_policy policy = c->decide_policy;
    if (c->maintenance && policy.mode == FAILOVER_AUTOMATIC)
        policy.mode = FAILOVER_MANUAL;
    c->view.drained = publish_all_drained(c->publish, c->index, c->topo.epoch);
    c->view.heard_at = publish_heard_at(c->publish, c->index);
    decide(&c->view, &c->memory, &policy, cluster_authority(c), &c->topo, clock_now(c->clock), d);
    if (d->start && too_soon(c)) {
        d->start = false;
        d->verdict = DECIDE_DOWN_TOO_SOON;
    }
    log_verdict(c, d);
    if (d->start) {
        cluster_failover_start(c);
        return;
    }
    if (!abandon(c, d))
        return;
    cluster_publish(c, d->writer, d->holding, 0);
    cluster_quorum(c);
    if (!c->maintenance)
        cluster_repair(c);
}

static void set_beats(struct cluster *c)
{
    const bool on = c->failover_conf.heartbeat && c->decide_policy.mode != FAILOVER_FOLLOW;
    for (int i = 0; i < c->n_nodes; i++) {
        node_beat(c->nodes[i], on && i == c->topo.writer);
        node_want_history(c->nodes[i],
                          i == c->topo.writer && c->view.lineage.timeline != c->topo.timeline);
    }
}

static void cluster_decide(struct cluster *c)
{
    c->dirty = false;
    if (c->closing)
        return;
    cluster_outliers(c);
    view_refresh(&c->view, c->topo.writer, &c->lag_policy, clock_now(c->clock));
    if (failover_running(&c->failover)) {
        cluster_failover_tick(c);
        if (failover_running(&c->failover))
            cluster_publish(c, c->topo.writer, c->topo.holding, 0);
    } else {
        decide_steady(c);
    }
    set_beats(c);
    cluster_answer_waits(c, NULL);
}

static void on_soon(uv_timer_t *t)
{
    cluster_decide(t->data);
}

void cluster_mark_dirty(struct cluster *c)
{
    if (c->dirty || c->closing)
        return;
    c->dirty = true;
    uv_timer_start(&c->soon, on_soon, 0, 0);
}

void cluster_probe_all(struct cluster *c)
{
    for (int i = 0; i < c->n_nodes; i++)
        node_probe(c->nodes[i], health_probe_timeout(&c->view.nodes[i].health, &c->health_policy));
}

/* After a run the followers connect to the new writer within moments: do not wait for the next interval to see it. */
static void probe_unreadable(struct cluster *c)
{
    for (int i = 0; i < c->topo.n_nodes && i < c->n_nodes; i++) {
        const enum topo_unreadable why = c->topo.nodes[i].unreadable;
        if (why == READ_TIMELINE || why == READ_NOT_STREAMING)
            node_probe(c->nodes[i], c->health_policy.check_timeout);
    }
}

/* While the writer's fate is open, or hangs on them, the replicas' voices must be fresh. Not for ever: a writer that stays
 * down is asked at the usual pace. */
static bool in_doubt(const struct cluster *c)
{
    const int w = view_find(&c->view, c->memory.writer);
    if (w < 0 || failover_running(&c->failover))
        return false;
    const struct health *h = &c->view.nodes[w].health;
    return h->verdict != HEALTH_OK && (clock_now(c->clock) - h->since < IN_DOUBT_MAX ||
                                       c->decision.verdict == DECIDE_DOWN_VETOED);
}

static void on_tick(uv_timer_t *t)
{
    struct cluster *c = t->data;
    const bool was = c->view.tilt;
    const usec_t now = clock_now(c->clock);
    if (c->ticked_at && now - c->ticked_at > (CLUSTER_TICK_MS + CLUSTER_STALL_MS) * USEC_PER_MS)
        c->stalled_at = now;
    c->ticked_at = now;
    c->view.tilt = tilt_tick(&c->tilt, CLUSTER_TICK_MS * USEC_PER_MS, now);
    if (c->view.tilt != was)
        log_event(LOG_WARNING, c->view.tilt ? "tilt.on" : "tilt.off",
                  LOG_KV({"cluster", c->conf.name}), 1,
                  c->view.tilt ? "time jumped: observing only for a while" : "deciding again");
    if (in_doubt(c))
        cluster_probe_all(c);
    if (clock_now(c->clock) < c->settle_until)
        probe_unreadable(c);
    cluster_plan_due(c);
    cluster_decide(c);
    tick_start(c);
}

/* A run is followed closely. */
static void tick_start(struct cluster *c)
{
    const uint64_t ms = failover_running(&c->failover) ? CLUSTER_RUN_TICK_MS : CLUSTER_TICK_MS;
    if (!c->closing)
        uv_timer_start(&c->tick, on_tick, ms, 0);
}

void cluster_acked(struct cluster *c)
{
    cluster_answer_waits(c, NULL);
    if (failover_running(&c->failover) && c->drain_epoch)
        cluster_failover_tick(c);
    else if (!c->view.drained)
        cluster_mark_dirty(c); /* a successor waits for the barrier */
}

/* ---- configuration ---- */

static void set_policies(struct cluster *c, const struct repl_conf *conf)
{
    const struct cluster_conf *cc = &c->conf;
    c->failover_conf = conf->failover;
    health_policy_default(&c->health_policy);
    c->health_policy.check_interval = cc->check_interval;
    c->health_policy.check_timeout = cc->check_timeout;
    c->health_policy.misses = (int)cc->check_misses;
    c->lag_policy = (struct lag_policy){
        .max_lag = conf->lag.max_lag,
        .max_lag_bytes = conf->lag.max_lag_bytes,
        .resume_percent = (int)conf->lag.lag_resume,
    };
    c->outlier_policy =
        (struct outlier_policy){.after = conf->lag.eject_after, .rest = conf->lag.eject_time};
    c->slow_start = conf->lag.slow_start;
    decide_policy_default(&c->decide_policy);
    c->decide_policy.mode = (enum failover_mode)conf->failover.mode;
    c->decide_policy.failover_max_lag = conf->failover.failover_max_lag;
    failover_policy_default(&c->failover_policy);
    c->failover_policy.drain_timeout = conf->failover.drain_timeout;
    c->failover_policy.promote_timeout = conf->failover.promote_timeout;
    c->failover_policy.catchup_timeout = conf->failover.catchup_timeout;
    c->failover_policy.failover_max_lag = conf->failover.failover_max_lag;
    c->failover_policy.has_fence = conf->failover.fence_command[0] != '\0';
    c->failover_policy.has_veto = conf->failover.pre_promote_command[0] != '\0';
    c->failover_policy.hook_timeout = conf->failover.hook_timeout;
    if (conf->failover.profile == 2) {
        c->health_policy.misses *= 2;
        c->decide_policy.veto_fresh *= 3;
    }
    quorum_policy_default(&c->quorum_policy);
    c->quorum_policy.k = conf->failover.synchronous == REPL_QUORUM ? (int)conf->failover.quorum : 0;
    c->decide_policy.quorum = c->failover_policy.quorum = c->quorum_policy;
    c->failover_policy.has_demote = conf->failover.demote_command[0] != '\0';
}

static void configure_view_node(struct view_node *v, const struct node_conf *n, const char *addr)
{
    str_copy(v->name, sizeof(v->name), n->name);
    str_copy(v->zone, sizeof(v->zone), n->zone);
    str_copy(v->host, sizeof(v->host), n->host);
    str_copy(v->addr, sizeof(v->addr), addr);
    v->port = (uint16_t)n->port;
    v->weight = (uint32_t)n->weight;
    v->priority = (int)n->priority;
    v->promotable = n->promotable;
}

static struct node *make_node(struct cluster *c, const struct node_conf *conf)
{
    const struct node_sink sink = cluster_sink(c);
    return node_new(&c->loop->uv, c->clock, conf, c->conf.monitor, &sink);
}

static int add_node(struct cluster *c, const struct node_conf *conf, struct err *e)
{
    struct node *n = make_node(c, conf);
    if (!n)
        return err_set(e, ERR_NOMEM, "out of memory");
    n->index = view_add_node(&c->view, conf->name);
    BUG_ON(n->index < 0 || n->index != c->n_nodes);
    c->nodes[c->n_nodes++] = n;
    configure_view_node(&c->view.nodes[n->index], conf, node_addr(n));
    return 0;
}

static void dropped_one(void *arg)
{
    struct cluster *c = arg;
    c->dropping--;
    if (c->closing > 0)
        closed_one(c);
}

static int find_conf(const struct repl_conf *conf, const char *name)
{
    for (int i = 0; i < conf->n_nodes; i++) {
        if (strcmp(conf->nodes[i].name, name) == 0)
            return i;
    }
    BUG("a node without its configuration");
}

static struct node *take_node(struct cluster *c, const char *name)
{
    for (int i = 0; i < c->n_nodes; i++) {
        struct node *n = c->nodes[i];
        if (n && strcmp(n->conf.name, name) == 0) {
            c->nodes[i] = NULL;
            return n;
        }
    }
    return NULL;
}

/* How long a replica has been behind is known from the writer's past positions only: forgotten, it would look fresh. */
static void keep_history(struct view *to, const struct view *from)
{
    const int writer =
        from->history_of >= 0 ? view_find(to, from->nodes[from->history_of].name) : -1;
    if (writer < 0)
        return;
    to->history = from->history;
    to->sample = from->sample;
    to->history_of = writer;
}

/* The view is made anew in the order of the configuration; what is known of a node moves with its name. Positions in
 * the lists of peers and slots are found again by the next probes. */
void cluster_reload(struct cluster *c, const struct repl_conf *conf)
{
    struct view *old = malloc(sizeof(*old));
    struct node *nodes[TOPO_NODES_MAX];
    int n_nodes = 0;
    BUG_ON(!old || failover_running(&c->failover));
    *old = c->view;
    c->conf = conf->clusters[c->index];
    set_policies(c, conf);
    view_init(&c->view, c->conf.name);
    c->view.tilt = old->tilt;
    for (int i = 0; i < conf->n_nodes; i++) {
        const struct node_conf *nc = &conf->nodes[i];
        if (strcmp(nc->cluster, c->conf.name) != 0)
            continue;
        struct node *n = take_node(c, nc->name);
        const int was = view_find(old, nc->name);
        const bool is_new = n == NULL;
        if (is_new)
            n = make_node(c, nc);
        BUG_ON(!n);
        n->index = view_add_node(&c->view, nc->name);
        nodes[n_nodes++] = n;
        if (was >= 0)
            c->view.nodes[n->index] = old->nodes[was];
        configure_view_node(&c->view.nodes[n->index], nc, node_addr(n));
    }
    for (int i = 0; i < c->n_nodes; i++) {
        if (!c->nodes[i])
            continue;
        c->dropping++;
        node_close(c->nodes[i], dropped_one, c);
    }
    memcpy(c->nodes, nodes, sizeof(c->nodes[0]) * (size_t)n_nodes);
    c->n_nodes = n_nodes;
    c->repairing = c->slotless = 0;
    c->watch = (struct quorum_watch){0};
    memset(c->rejoin_at, 0, sizeof(c->rejoin_at));
    memset(c->witness_at, 0, sizeof(c->witness_at));
    c->decision.kept = -1;
    keep_history(&c->view, old);
    const int writer =
        c->topo.writer >= 0 ? view_find(&c->view, c->topo.nodes[c->topo.writer].name) : -1;
    for (int i = 0; i < n_nodes; i++)
        node_reconfigure(c->nodes[i], &conf->nodes[find_conf(conf, c->nodes[i]->conf.name)],
                         c->conf.monitor);
    free(old);
    cluster_publish(c, writer, writer < 0, 0);
    cluster_probe_all(c);
    cluster_mark_dirty(c);
}

/* ---- life ---- */

static void timers_init(struct cluster *c)
{
    uv_timer_t *timers[] = {&c->tick, &c->soon, &c->sample_timer};
    for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
        BUG_ON(uv_timer_init(&c->loop->uv, timers[i]) != 0);
        timers[i]->data = c;
    }
}

static void add_nodes(struct cluster *c, const struct repl_conf *conf)
{
    struct err e;
    for (int i = 0; i < conf->n_nodes; i++) {
        if (strcmp(conf->nodes[i].cluster, c->conf.name) == 0)
            BUG_ON(add_node(c, &conf->nodes[i], &e) != 0); /* only without memory at start */
    }
}

struct cluster *cluster_new(const struct cluster_env *env, const struct repl_conf *conf, int index,
                            struct err *e)
{
    struct cluster *c = calloc(1, sizeof(*c));
    struct journal_record *r = calloc(1, sizeof(*r));
    BUG_ON(!c || !r);
    c->index = index;
    c->loop = env->loop;
    c->clock = env->clock;
    c->publish = env->publish;
    c->actions = env->actions;
    c->wishes = env->wishes;
    c->conf = conf->clusters[index];
    str_copy(c->state_dir, sizeof(c->state_dir), conf->state_dir);
    set_policies(c, conf);
    if (cluster_read_journal(c, r, e) != 0) {
        free(r);
        free(c);
        return NULL;
    }
    view_init(&c->view, c->conf.name);
    timers_init(c);
    add_nodes(c, conf);
    if (r->cluster[0])
        cluster_take_record(c, r);
    free(r);
    c->topo.epoch = c->memory.epoch;
    c->topo.version = c->version_reserved;
    c->topo.writer = TOPO_NO_WRITER;
    c->decision.kept = -1;
    str_copy(c->topo.cluster, sizeof(c->topo.cluster), c->conf.name);
    failover_init(&c->failover, &c->memory);
    return c;
}

/* A first snapshot goes out at once, so that the data plane knows the nodes and holds its clients. */
void cluster_start(struct cluster *c)
{
    c->began = clock_now(c->clock);
    cluster_publish(c, TOPO_NO_WRITER, true, 0);
    cluster_probe_all(c);
    tick_start(c);
}

static void closed_one(void *arg)
{
    struct cluster *c = arg;
    BUG_ON(c->closing <= 0);
    if (--c->closing > 0)
        return;
    c->closing = -1; /* closed */
    c->on_closed(c->closed_arg);
}

static void on_handle_closed(uv_handle_t *h)
{
    closed_one(h->data);
}

void cluster_close(struct cluster *c, void (*done)(void *arg), void *arg)
{
    BUG_ON(c->closing);
    c->on_closed = done;
    c->closed_arg = arg;
    c->closing = 3 + c->n_nodes + c->dropping;
    uv_close((uv_handle_t *)&c->tick, on_handle_closed);
    uv_close((uv_handle_t *)&c->soon, on_handle_closed);
    uv_close((uv_handle_t *)&c->sample_timer, on_handle_closed);
    for (int i = 0; i < c->n_nodes; i++)
        node_close(c->nodes[i], closed_one, c);
    c->n_nodes = 0;
    struct err e;
    err_set(&e, ERR_CANCELED, "the daemon stops");
    cluster_answer_waits(c, &e);
    if (c->command.active) {
        c->command.active = false;
        c->command.done(c->command.arg, &e, "");
    }
}

void cluster_free(struct cluster *c)
{
    if (!c)
        return;
    BUG_ON(c->closing != -1);
    memset(c->conf.monitor, 0, sizeof(c->conf.monitor)); /* may hold a password */
    free(c);
}
