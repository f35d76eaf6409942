#include "base/log.h"
#include "cluster.h"

/* Replicas that answer worse than the others (core/outlier.h): what is asked and answered is told to each one's record, and a
 * tick judges all of them. */

static bool is_replica(const struct cluster *c, int i)
{
    return c->view.nodes[i].seen && c->view.nodes[i].obs.role == ROLE_REPLICA;
}

/* The newest question that another node than i has answered promptly. */
static usec_t witness_for(const struct cluster *c, int i)
{
    usec_t newest = 0;
    for (int j = 0; j < c->n_nodes; j++)
        if (j != i && c->view.nodes[j].outlier.answered_at > newest)
            newest = c->view.nodes[j].outlier.answered_at;
    return newest;
}

static void log_outlier(const struct cluster *c, int i, usec_t now)
{
    const struct view_node *n = &c->view.nodes[i];
    const struct outlier *o = &n->outlier;
    const char *why = outlier_reason_text(o->reason);
    if (outlier_ejected(o))
        log_event(LOG_WARNING, "node.ejected",
                  LOG_KV({"cluster", c->conf.name}, {"node", n->name}, {"reason", why}), 3,
                  "%s gets no reads: %s; it returns when it has answered well for %lld ms", n->name,
                  why, (long long)(o->rest / USEC_PER_MS));
    else
        log_event(LOG_NOTICE, "node.returned", LOG_KV({"cluster", c->conf.name}, {"node", n->name}),
                  2, "%s answers well again, after %lld ms without reads", n->name,
                  (long long)((now - o->ejected_at) / USEC_PER_MS));
}

void cluster_outliers(struct cluster *c)
{
    const usec_t now = clock_now(c->clock);
    int replicas = 0, out = 0;
    for (int i = 0; i < c->n_nodes; i++) {
        struct outlier *o = &c->view.nodes[i].outlier;
        const usec_t at = node_asked_at(c->nodes[i]);
        if (at)
            outlier_asked(o, at);
        if (c->stalled_at >= o->asked_at)
            outlier_excuse(o, now);
        replicas += is_replica(c, i);
        out += is_replica(c, i) && outlier_ejected(o);
    }
    for (int i = 0; i < c->n_nodes && !c->view.tilt; i++) {
        struct outlier *o = &c->view.nodes[i].outlier;
        if (!is_replica(c, i) || !outlier_judge(o, &c->outlier_policy, witness_for(c, i),
                                                out < outlier_max(replicas), now))
            continue;
        out += outlier_ejected(o) ? 1 : -1;
        log_outlier(c, i, now);
    }
}
