/* Delivery of topology snapshots to workers, and their acknowledgements.
 *
 * The manager builds a snapshot, takes one reference for each worker, exchanges it into that worker's mailbox slot
 * (base/loop.h) and drops what was unread there: latest wins. The worker swaps its private pointer and stores adopted,
 * later drained. A promotion waits until every worker has drained the no-writer epoch; a worker that does not answer
 * aborts the plan.
 *
 * adopted(e): the worker makes no new use of the old writer, idle connections to it are closed.
 * drained(e): no transaction is left on the old writer. */
#ifndef TANIST_PUBLISH_H
#define TANIST_PUBLISH_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/loop.h"
#include "core/topology.h"
#include "repl_conf.h"

struct topo_snapshot {
    _Atomic uint32_t refs; /* acq_rel on the last drop */
    struct topology topo;  /* immutable after publish */
};

void topo_snapshot_ref(struct topo_snapshot *s);
void topo_snapshot_unref(struct topo_snapshot *s); /* NULL is fine */

enum { PUBLISH_WORKERS_MAX = 64 };

/* The mailbox slot for a cluster on every worker loop. */
#define PUBLISH_SLOT(cluster) \
    (cluster) /* 0 .. REPL_CLUSTERS_MAX-1; higher slots belong to the proxy */

struct publish;

/* Created and freed on the manager thread; workers are registered before they start. */
struct publish *publish_new(struct loop *manager_loop);
void publish_free(struct publish *p); /* after all workers have ended */
/* Returns the worker's index. */
int publish_add_worker(struct publish *p, struct loop *worker);

/* Manager thread: hands t to all workers. Asserts that epoch and version never go back. */
void publish_topology(struct publish *p, int cluster, const struct topology *t);
/* Manager thread: the last one published, borrowed until the next; NULL before the first. */
const struct topology *publish_current(const struct publish *p, int cluster);
/* Manager thread: have all workers adopted / drained at least this epoch? */
bool publish_all_adopted(const struct publish *p, int cluster, uint64_t epoch);
bool publish_all_drained(const struct publish *p, int cluster, uint64_t epoch);

/* Worker thread: release-stores the acknowledgement and wakes the manager (publish_on_ack's callback). */
void publish_ack_adopted(struct publish *p, int worker, int cluster, uint64_t epoch);
void publish_ack_drained(struct publish *p, int worker, int cluster, uint64_t epoch);
/* Worker thread, cheap: a client's batch on the writer of its snapshot ended just now. A sign of life that no probe can
 * give while our own connections to the writer fail. */
void publish_heard(struct publish *p, int worker, int cluster, usec_t at);
/* Manager thread: when any worker heard so last; 0 never. */
usec_t publish_heard_at(const struct publish *p, int cluster);
void publish_on_ack(struct publish *p, void (*cb)(void *arg), void *arg);

#endif
