#include "view.h"

#include <string.h>

#include "../base/bug.h"
#include "../base/str.h"

void view_init(struct view *v, const char *cluster)
{
    memset(v, 0, sizeof(*v));
    (void)str_copy(v->cluster, sizeof(v->cluster), cluster);
    v->history_of = -1;
    v->peers_of = -1;
}

int view_add_node(struct view *v, const char *name)
{
    if (v->n_nodes == TOPO_NODES_MAX)
        return -1;
    struct view_node *n = &v->nodes[v->n_nodes];
    memset(n, 0, sizeof(*n));
    (void)str_copy(n->name, sizeof(n->name), name);
    n->weight = 1;
    n->promotable = true;
    n->port = 5432;
    health_init(&n->health);
    return v->n_nodes++;
}

int view_find(const struct view *v, const char *name)
{
    for (int i = 0; i < v->n_nodes; i++)
        if (!strcmp(v->nodes[i].name, name))
            return i;
    return -1;
}

static lsn_t position(const struct observation *o)
{
    if (o->role == ROLE_PRIMARY)
        return o->flush_lsn;
    return o->receive_lsn > o->replay_lsn ? o->receive_lsn : o->replay_lsn;
}

lsn_t view_position(const struct view *v, int i)
{
    BUG_ON(i < 0 || i >= v->n_nodes);
    return v->nodes[i].seen ? position(&v->nodes[i].obs) : 0;
}

/* The control file of a replica without a receiver may name an older timeline than it was known to be on. What was
 * known holds as long as the node did not go back (a rebuilt one does, and one that was a primary has been rebuilt, or it
 * was stopped cleanly and its control file is right). */
static uint32_t timeline_of(const struct view_node *n, const struct observation *o)
{
    if (o->role == ROLE_PRIMARY || n->obs.role == ROLE_PRIMARY || o->timeline_received || !n->seen)
        return o->timeline;
    bool same_cluster = n->obs.system_identifier == o->system_identifier;
    if (!same_cluster || o->replay_lsn < n->obs.replay_lsn)
        return o->timeline;
    return n->timeline > o->timeline ? n->timeline : o->timeline;
}

static bool differs(const struct observation *a, const struct observation *b)
{
    return a->role != b->role || a->system_identifier != b->system_identifier ||
           a->streaming != b->streaming || a->postmaster_start != b->postmaster_start ||
           a->sender_port != b->sender_port || strcmp(a->sender_host, b->sender_host) != 0;
}

bool view_observe(struct view *v, int i, const struct health_policy *p, const struct observation *o)
{
    BUG_ON(i < 0 || i >= v->n_nodes);
    struct view_node *n = &v->nodes[i];
    bool changed = health_probed(&n->health, p, o);
    if (o->outcome != OBSERVE_OK)
        return changed;
    uint32_t timeline = timeline_of(n, o);
    changed = changed || !n->seen || timeline != n->timeline || differs(&n->obs, o);
    if (n->seen && n->obs.postmaster_start != o->postmaster_start)
        n->restarted = true;
    bool new_primary = !n->seen || n->obs.role != ROLE_PRIMARY || n->timeline != timeline;
    if (o->role != ROLE_PRIMARY)
        n->primary_since = 0;
    else if (new_primary || !n->primary_since)
        n->primary_since = o->received_at > 0 ? o->received_at : 1;
    n->obs = *o;
    n->obs.position_at = o->sent_at;
    n->seen = true;
    n->timeline = timeline;
    return changed;
}

static void take_sample(struct view *v, int writer)
{
    if (v->history_of != writer) {
        lag_history_reset(&v->history);
        memset(&v->sample, 0, sizeof(v->sample));
        v->history_of = writer;
    }
    const struct view_node *w = &v->nodes[writer];
    if (!w->seen || w->obs.role != ROLE_PRIMARY)
        return;
    if (w->obs.lineage.timeline != 0)
        v->lineage = w->obs.lineage;
    /* What was acknowledged: without the wait for the flush, all that was written. */
    lag_history_add(&v->history, w->obs.position_at,
                    w->obs.commit_flushes ? w->obs.flush_lsn : lsn_of_insert(w->obs.insert_lsn));
    v->sample = (struct topo_sample){
        .sent_at = w->obs.position_at,
        .flush_lsn = w->obs.flush_lsn,
        .insert_lsn = w->obs.insert_lsn,
        .flush_covers = w->obs.commit_flushes,
    };
}

void view_refresh(struct view *v, int writer, const struct lag_policy *p, usec_t now)
{
    BUG_ON(writer >= v->n_nodes);
    if (writer >= 0)
        take_sample(v, writer);
    for (int i = 0; i < v->n_nodes; i++) {
        struct view_node *n = &v->nodes[i];
        if (!n->seen || n->obs.role != ROLE_REPLICA) {
            n->lag = (struct lag){.known = i == writer};
            n->lag_class = READ_OK;
            n->fresh_at = 0;
            continue;
        }
        n->lag = lag_measure(&v->history, &n->obs, now);
        n->fresh_at = lag_fresh_at(&v->history, n->obs.replay_lsn);
        n->lag_class = lag_judge(p, &n->lag, n->lag_class);
    }
}

int view_at(const struct view *v, const char *host, uint16_t port, int but)
{
    for (int j = 0; j < v->n_nodes && host[0]; j++) {
        const struct view_node *u = &v->nodes[j];
        if (j != but && u->port == port && (!strcmp(u->host, host) || !strcmp(u->addr, host)))
            return j;
    }
    return -1;
}

int view_upstream(const struct view *v, int i)
{
    BUG_ON(i < 0 || i >= v->n_nodes);
    const struct view_node *n = &v->nodes[i];
    if (!n->seen || n->obs.role != ROLE_REPLICA || !n->obs.streaming)
        return -1;
    return view_at(v, n->obs.sender_host, n->obs.sender_port, i);
}

int view_followers(const struct view *v, int i)
{
    int n = 0;
    for (int j = 0; j < v->n_nodes; j++)
        n += j != i && v->nodes[j].health.verdict != HEALTH_DOWN && view_upstream(v, j) == i;
    return n;
}

uint64_t view_ready(const struct view *v, int but)
{
    uint64_t bits = 0;
    for (int i = 0; i < v->n_nodes; i++) {
        const struct view_node *n = &v->nodes[i];
        if (i != but && n->seen && n->health.verdict == HEALTH_OK && n->obs.role == ROLE_REPLICA)
            bits |= UINT64_C(1) << i;
    }
    return bits;
}
