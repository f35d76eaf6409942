#include "cluster.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/str.h"

/* What leaves a decision: first the journal, then the snapshot. */

enum { VERSIONS_RESERVED = 1000000 };

/* ---- journal ---- */

static void reserve_versions(struct cluster *c)
{
    c->version_reserved = c->topo.version + VERSIONS_RESERVED;
}

int cluster_journal(struct cluster *c, const struct decide_memory *m, struct err *e)
{
    if (!c->state_dir[0])
        return 0;
    struct journal_record *r = calloc(1, sizeof(*r));
    if (!r)
        return err_set(e, ERR_NOMEM, "out of memory");
    str_copy(r->cluster, sizeof(r->cluster), c->conf.name);
    r->memory = *m;
    r->version_reserved = c->version_reserved;
    r->maintenance = c->maintenance;
    for (int i = 0; i < c->view.n_nodes; i++) {
        if (c->view.nodes[i].drained)
            str_copy(r->drained[r->n_drained++], TOPO_NAME_MAX, c->view.nodes[i].name);
    }
    const int rc = journal_store(c->state_dir, r, e);
    free(r);
    /* A full disk must not stop a failover: go on, but say so. A restart now would find older epochs, which the workers of
     * a new process accept. */
    if (rc != 0 && !c->journal_broken)
        log_event(LOG_ERROR, "journal.failed", LOG_KV({"cluster", c->conf.name}), 1,
                  "the journal cannot be written, going on without it: %s", e->text);
    else if (rc == 0 && c->journal_broken)
        log_event(LOG_NOTICE, "journal.works", LOG_KV({"cluster", c->conf.name}), 1,
                  "the journal is written again");
    c->journal_broken = rc != 0;
    return rc;
}

static void journal_now(struct cluster *c)
{
    struct err e = {0};
    (void)cluster_journal(c, &c->memory, &e);
}

void cluster_take_record(struct cluster *c, const struct journal_record *r)
{
    char epoch[24];
    c->memory = r->memory;
    c->version_reserved = r->version_reserved;
    c->maintenance = r->maintenance;
    c->interrupted = r->memory.kind != 0;
    for (int i = 0; i < r->n_drained; i++) {
        const int n = view_find(&c->view, r->drained[i]);
        if (n >= 0)
            c->view.nodes[n].drained = true;
    }
    snprintf(epoch, sizeof(epoch), "%llu", (unsigned long long)r->memory.epoch);
    log_event(LOG_INFO, "journal.read",
              LOG_KV({"cluster", c->conf.name}, {"epoch", epoch}, {"writer", r->memory.writer}), 3,
              "state of an earlier run was read");
}

/* A damaged journal ends the start: to forget which node was the writer could let an old primary serve. */
int cluster_read_journal(struct cluster *c, struct journal_record *r, struct err *e)
{
    if (!c->state_dir[0]) {
        log_event(LOG_WARNING, "journal.off", LOG_KV({"cluster", c->conf.name}), 1,
                  "state_dir is not set: nothing is remembered over a restart, an old primary "
                  "could be taken for the "
                  "present one");
        return 0;
    }
    const int rc = journal_load(c->state_dir, c->conf.name, r, e);
    if (rc != ERR_IO)
        return rc == ERR_NOTFOUND ? 0 : rc;
    log_event(LOG_ERROR, "journal.failed", LOG_KV({"cluster", c->conf.name}), 1,
              "the journal cannot be read, going on without it: %s", e->text);
    c->state_dir[0] = '\0';
    return 0;
}

/* ---- publish ---- */

/* Numbers that a snapshot carries besides its rules. */
static bool same_numbers(const struct topology *a, const struct topology *b)
{
    const struct topo_sample *s = &a->sample, *t = &b->sample;
    if (s->sent_at != t->sent_at || s->flush_lsn != t->flush_lsn ||
        s->insert_lsn != t->insert_lsn || s->flush_covers != t->flush_covers ||
        a->lineage_known != b->lineage_known)
        return false;
    for (int i = 0; i < a->n_nodes; i++) {
        const struct topo_node *x = &a->nodes[i], *y = &b->nodes[i];
        if (x->lag_known != y->lag_known || x->lag != y->lag || x->lag_bytes != y->lag_bytes ||
            x->replay_lsn != y->replay_lsn || x->replay_at != y->replay_at ||
            x->incarnation != y->incarnation || x->timeline != y->timeline ||
            x->unreadable != y->unreadable || x->connections_max != y->connections_max)
            return false;
    }
    return true;
}

static void log_epoch(const struct cluster *c, const struct topology *t)
{
    char epoch[24], timeline[16];
    snprintf(epoch, sizeof(epoch), "%llu", (unsigned long long)t->epoch);
    snprintf(timeline, sizeof(timeline), "%u", t->timeline);
    const char *writer = t->writer >= 0 ? t->nodes[t->writer].name : "none";
    log_event(LOG_INFO, "epoch.published",
              LOG_KV({"cluster", c->conf.name}, {"epoch", epoch}, {"writer", writer},
                     {"timeline", timeline}, {"holding", t->holding ? "yes" : "no"}),
              5, "topology with epoch %s, writer %s", epoch, writer);
}

void cluster_publish(struct cluster *c, int writer, bool holding, uint64_t epoch_min)
{
    struct err e = {0};
    struct topology *t = &c->scratch;
    /* Whoever chose the writer looked at the view some moments ago: only a primary may be announced. */
    if (writer >= 0 &&
        (!c->view.nodes[writer].seen || c->view.nodes[writer].obs.role != ROLE_PRIMARY)) {
        writer = TOPO_NO_WRITER;
        holding = true;
    }
    const struct decide_publish what = {.writer = writer,
                                        .holding = holding,
                                        .epoch_min = epoch_min,
                                        .now = clock_now(c->clock),
                                        .began = c->began};
    const bool moved = decide_topology(&c->view, &c->memory, &c->topo, &what, t);
    const struct term_known known = {.fork = &c->fork, .view = &c->view, .now = what.now};
    term_follow(&c->topo, &known, t);
    if (!moved && same_numbers(t, &c->topo))
        return;
    BUG_ON(topology_check(t, &e) != 0);
    if (t->version >= c->version_reserved) {
        reserve_versions(c);
        if (!moved)
            journal_now(c);
    }
    if (moved) {
        decide_remember(&c->memory, t);
        if (writer >= 0)
            c->memory.writer_start = c->view.nodes[writer].obs.postmaster_start;
        journal_now(c);
    }
    const int was = c->topo.writer;
    c->topo = *t;
    if (was >= 0 && t->writer < 0)
        c->writerless_at = what.now;
    publish_topology(c->publish, c->index, &c->topo);
    if (moved)
        log_epoch(c, &c->topo);
    if (c->topo.writer >= 0 && c->topo.writer != was)
        cluster_mark_dirty(c); /* lags are measured against the new writer */
}
