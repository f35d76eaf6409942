#include "manager.h"

#include <stdlib.h>

#include "actions_pg.h"
#include "base/bug.h"
#include "base/log.h"
#include "base/str.h"
#include "manager_private.h"

static struct cluster_env env_of(struct manager *m)
{
    return (struct cluster_env){.loop = m->loop,
                                .clock = m->clock,
                                .publish = m->publish,
                                .actions = m->actions,
                                .wishes = &m->wishes};
}

/* ---- from other threads ---- */

static void wake_run(struct loop_msg *msg, struct loop *on)
{
    struct manager_wake *w = (struct manager_wake *)(void *)msg;
    struct manager *m = w->owner;
    (void)on;
    atomic_store_explicit(&w->posted, false, memory_order_release);
    if (m->freed) {
        free(m);
        return;
    }
    if (m->closing || !m->started) { /* nobody would clear them */
        atomic_store_explicit(&m->wishes.wants, 0, memory_order_release);
        atomic_store_explicit(&m->wishes.uses, 0, memory_order_release);
        return;
    }
    const uint64_t wants = atomic_load_explicit(&m->wishes.wants, memory_order_acquire);
    const uint64_t uses = atomic_load_explicit(&m->wishes.uses, memory_order_acquire);
    for (int i = 0; i < m->n_clusters; i++) {
        const uint64_t hints = atomic_exchange_explicit(&m->hints[i], 0, memory_order_acq_rel);
        if (hints)
            cluster_hint(m->clusters[i], hints);
        if (wants & (UINT64_C(1) << i))
            cluster_want_sample(m->clusters[i], true);
        else if (uses & (UINT64_C(1) << i))
            cluster_want_sample(m->clusters[i], false);
    }
}

static void wake_manager(struct manager *m)
{
    if (atomic_exchange_explicit(&m->wake.posted, true, memory_order_acq_rel))
        return;
    if (!loop_post(m->loop, &m->wake.msg))
        atomic_store_explicit(&m->wake.posted, false, memory_order_release);
}

void manager_hint(struct manager *m, int cluster, int node)
{
    if (cluster < 0 || cluster >= REPL_CLUSTERS_MAX || node < 0 || node >= TOPO_NODES_MAX)
        return;
    const uint64_t bit = UINT64_C(1) << node;
    if (!(atomic_fetch_or_explicit(&m->hints[cluster], bit, memory_order_acq_rel) & bit))
        wake_manager(m);
}

static void want(struct manager *m, _Atomic uint64_t *wishes, int cluster)
{
    if (cluster < 0 || cluster >= REPL_CLUSTERS_MAX)
        return;
    const uint64_t bit = UINT64_C(1) << cluster;
    if (atomic_load_explicit(wishes, memory_order_relaxed) & bit)
        return; /* the next round answers it */
    if (!(atomic_fetch_or_explicit(wishes, bit, memory_order_acq_rel) & bit))
        wake_manager(m);
}

void manager_want_sample(struct manager *m, int cluster)
{
    want(m, &m->wishes.wants, cluster);
}

void manager_use_sample(struct manager *m, int cluster)
{
    want(m, &m->wishes.uses, cluster);
}

static void on_ack(void *arg)
{
    struct manager *m = arg;
    for (int i = 0; i < m->n_clusters && !m->closing; i++)
        cluster_acked(m->clusters[i]);
}

/* ---- life ---- */

static void clusters_drop(struct manager *m)
{
    /* Clusters that were made but never started hold handles on a loop that does not run yet: this happens only when
     * the start fails, and the process ends then. */
    m->n_clusters = 0;
}

int manager_new(struct loop *loop, struct publish *publish, const struct repl_conf *conf,
                struct manager **out, struct err *e)
{
    struct manager *m = calloc(1, sizeof(*m));
    if (!m)
        return err_set(e, ERR_NOMEM, "out of memory");
    m->loop = loop;
    m->clock = clock_real();
    m->publish = publish;
    m->conf = *conf;
    m->wake.msg.run = wake_run;
    m->wake.owner = m;
    m->events = events_new();
    m->actions = actions_pg_new(&loop->uv, m->clock);
    m->query = query_service_new(m);
    m->channels = channels_new(m);
    BUG_ON(!m->events || !m->actions || !m->query || !m->channels);
    const struct cluster_env env = env_of(m);
    for (int i = 0; i < conf->n_clusters; i++) {
        m->clusters[i] = cluster_new(&env, conf, i, e);
        if (!m->clusters[i]) {
            clusters_drop(m);
            return e->code;
        }
        m->n_clusters++;
    }
    publish_on_ack(publish, on_ack, m);
    *out = m;
    return 0;
}

void manager_start(struct manager *m)
{
    m->started = true;
    for (int i = 0; i < m->n_clusters; i++)
        cluster_start(m->clusters[i]);
}

static void closed_one(void *arg)
{
    struct manager *m = arg;
    if (--m->closing > 0)
        return;
    m->closing = 1; /* stays so: nothing is accepted any more */
    m->closed = true;
    m->on_closed(m->closed_arg);
}

void manager_close(struct manager *m, void (*done)(void *arg), void *arg)
{
    loop_assert_owner(m->loop);
    BUG_ON(m->closing);
    publish_on_ack(m->publish, NULL, NULL);
    m->on_closed = done;
    m->closed_arg = arg;
    m->closing = 3 + m->n_clusters;
    for (int i = 0; i < m->n_clusters; i++)
        cluster_close(m->clusters[i], closed_one, m);
    query_service_close(m->query, closed_one, m);
    channels_close(m->channels, closed_one, m);
    m->actions->close(m->actions, closed_one, m);
}

void manager_free(struct manager *m)
{
    if (!m)
        return;
    BUG_ON(m->started && !m->closed);
    for (int i = 0; i < m->n_clusters; i++)
        cluster_free(m->clusters[i]);
    events_free(m->events);
    memset(&m->conf, 0, sizeof(m->conf)); /* monitor may hold a password */
    m->freed = true;
    if (!atomic_load_explicit(&m->wake.posted, memory_order_acquire))
        free(m);
}

/* ---- reload ---- */

/* Publish slots belong to clusters by index, so the clusters that run keep their place; new ones go behind them. */
static int check_reload(const struct manager *m, const struct repl_conf *conf, struct err *e)
{
    for (int i = 0; i < m->n_clusters; i++) {
        if (i >= conf->n_clusters || strcmp(conf->clusters[i].name, m->clusters[i]->conf.name) != 0)
            return err_set(e, ERR_REFUSED, "cluster %s was removed or moved: that needs a restart",
                           m->clusters[i]->conf.name);
        if (failover_running(&m->clusters[i]->failover))
            return err_set(e, ERR_STATE, "a failover of cluster %s is under way: reload later",
                           m->clusters[i]->conf.name);
    }
    return 0;
}

int manager_reload(struct manager *m, const struct repl_conf *conf, struct err *e)
{
    loop_assert_owner(m->loop);
    if (check_reload(m, conf, e) != 0)
        return e->code;
    const struct cluster_env env = env_of(m);
    for (int i = m->n_clusters; i < conf->n_clusters; i++) {
        m->clusters[i] = cluster_new(&env, conf, i, e);
        if (!m->clusters[i])
            return e->code;
        m->n_clusters++;
        cluster_start(m->clusters[i]);
    }
    for (int i = 0; i < m->n_clusters; i++)
        cluster_reload(m->clusters[i], conf);
    m->conf = *conf;
    return 0;
}

/* ---- commands ---- */

void manager_command(struct manager *m, const struct manager_cmd *cmd, manager_done_cb done,
                     void *arg)
{
    struct err e = {0};
    loop_assert_owner(m->loop);
    if (m->closing)
        err_set(&e, ERR_CANCELED, "the daemon stops");
    else if (cmd->cluster < 0 && m->n_clusters != 1)
        err_set(&e, ERR_INVALID, "there are %d clusters: name one", m->n_clusters);
    else if (cmd->cluster >= m->n_clusters)
        err_set(&e, ERR_NOTFOUND, "there is no such cluster");
    if (e.code) {
        done(arg, &e, "");
        return;
    }
    cluster_command(m->clusters[cmd->cluster < 0 ? 0 : cmd->cluster], cmd, done, arg);
}
