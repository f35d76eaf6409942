#include "publish.h"

#include <stdlib.h>

#include "base/bug.h"

struct publish_worker {
    struct loop *loop;
    /* Written by the worker (release), read by the manager (acquire). */
    _Atomic uint64_t adopted[REPL_CLUSTERS_MAX];
    _Atomic uint64_t drained[REPL_CLUSTERS_MAX];
    _Atomic usec_t heard[REPL_CLUSTERS_MAX]; /* relaxed: a time that is a little old is as good */
};

/* A worker's acknowledgement wakes the manager with this message; one is under way at a time, because the callback
 * looks at all acknowledgements anyway. */
struct publish_wake {
    struct loop_msg msg; /* first */
    _Atomic bool posted; /* exchange acq_rel, worker sets, manager clears before it looks */
    struct publish *owner;
};

struct publish {
    struct loop *manager;
    struct publish_wake wake;
    int n_workers;
    struct publish_worker workers[PUBLISH_WORKERS_MAX];
    uint64_t last_epoch[REPL_CLUSTERS_MAX], last_version[REPL_CLUSTERS_MAX];
    struct topo_snapshot *current[REPL_CLUSTERS_MAX]; /* the last one, for publish_current */
    void (*on_ack)(void *arg);
    void *on_ack_arg;
    bool freed; /* while a wake was under way: its run frees */
};

void topo_snapshot_ref(struct topo_snapshot *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
}

void topo_snapshot_unref(struct topo_snapshot *s)
{
    if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
        free(s);
}

static void wake_run(struct loop_msg *m, struct loop *on)
{
    struct publish_wake *w = (struct publish_wake *)(void *)m;
    struct publish *p = w->owner;
    (void)on;
    atomic_store_explicit(&w->posted, false, memory_order_release);
    if (p->freed)
        free(p);
    else if (p->on_ack)
        p->on_ack(p->on_ack_arg);
}

struct publish *publish_new(struct loop *manager_loop)
{
    struct publish *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->manager = manager_loop;
    p->wake.msg.run = wake_run;
    p->wake.owner = p;
    return p;
}

void publish_free(struct publish *p)
{
    if (!p)
        return;
    for (int i = 0; i < REPL_CLUSTERS_MAX; i++) {
        topo_snapshot_unref(p->current[i]);
        p->current[i] = NULL;
    }
    if (atomic_load_explicit(&p->wake.posted, memory_order_acquire))
        p->freed = true;
    else
        free(p);
}

int publish_add_worker(struct publish *p, struct loop *worker)
{
    BUG_ON(p->n_workers >= PUBLISH_WORKERS_MAX);
    p->workers[p->n_workers].loop = worker;
    return p->n_workers++;
}

void publish_topology(struct publish *p, int cluster, const struct topology *t)
{
    BUG_ON(cluster < 0 || cluster >= REPL_CLUSTERS_MAX);
    BUG_ON(t->epoch < p->last_epoch[cluster]);
    BUG_ON(t->version <= p->last_version[cluster]);
    p->last_epoch[cluster] = t->epoch;
    p->last_version[cluster] = t->version;
    struct topo_snapshot *s = malloc(sizeof(*s));
    if (!s)
        return; /* the workers keep the last snapshot; the next publish carries everything */
    atomic_init(&s->refs, (uint32_t)p->n_workers + 1);
    s->topo = *t;
    topo_snapshot_unref(p->current[cluster]);
    p->current[cluster] = s;
    for (int i = 0; i < p->n_workers; i++)
        topo_snapshot_unref(loop_mail(p->workers[i].loop, PUBLISH_SLOT(cluster), s));
}

const struct topology *publish_current(const struct publish *p, int cluster)
{
    return p->current[cluster] ? &p->current[cluster]->topo : NULL;
}

bool publish_all_adopted(const struct publish *p, int cluster, uint64_t epoch)
{
    for (int i = 0; i < p->n_workers; i++) {
        if (atomic_load_explicit(&p->workers[i].adopted[cluster], memory_order_acquire) < epoch)
            return false;
    }
    return true;
}

bool publish_all_drained(const struct publish *p, int cluster, uint64_t epoch)
{
    for (int i = 0; i < p->n_workers; i++) {
        if (atomic_load_explicit(&p->workers[i].drained[cluster], memory_order_acquire) < epoch)
            return false;
    }
    return true;
}

void publish_heard(struct publish *p, int worker, int cluster, usec_t at)
{
    atomic_store_explicit(&p->workers[worker].heard[cluster], at, memory_order_relaxed);
}

usec_t publish_heard_at(const struct publish *p, int cluster)
{
    usec_t last = 0;
    for (int i = 0; i < p->n_workers; i++) {
        const usec_t at = atomic_load_explicit(&p->workers[i].heard[cluster], memory_order_relaxed);
        last = at > last ? at : last;
    }
    return last;
}

static void wake_manager(struct publish *p)
{
    if (atomic_exchange_explicit(&p->wake.posted, true, memory_order_acq_rel))
        return;
    if (!loop_post(p->manager, &p->wake.msg))
        atomic_store_explicit(&p->wake.posted, false,
                              memory_order_release); /* its tick looks as well */
}

void publish_ack_adopted(struct publish *p, int worker, int cluster, uint64_t epoch)
{
    BUG_ON(worker < 0 || worker >= p->n_workers);
    atomic_store_explicit(&p->workers[worker].adopted[cluster], epoch, memory_order_release);
    wake_manager(p);
}

void publish_ack_drained(struct publish *p, int worker, int cluster, uint64_t epoch)
{
    BUG_ON(worker < 0 || worker >= p->n_workers);
    atomic_store_explicit(&p->workers[worker].drained[cluster], epoch, memory_order_release);
    wake_manager(p);
}

void publish_on_ack(struct publish *p, void (*cb)(void *arg), void *arg)
{
    p->on_ack = cb;
    p->on_ack_arg = arg;
}
