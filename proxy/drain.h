/* What a worker does with a new topology: adopt it, let go of servers whose node lost its role, release those who waited.
 *
 * adopted(e): no new use of the old writer is made by this worker, its idle servers are closed. drained(e): no transaction
 * is left on it; those in flight had until failover.drain_timeout if it still lives, no time at all if it is down. */
#ifndef TANIST_PROXY_DRAIN_H
#define TANIST_PROXY_DRAIN_H

#include "../replication/base/clock.h"
#include "../replication/publish.h"

struct worker;

/* Takes the reference. */
void drain_adopt(struct worker *w, int cluster, struct topo_snapshot *s);
/* From the janitor and whenever a server ends: is the epoch drained now? */
void drain_check(struct worker *w, int cluster, usec_t now);

#endif
