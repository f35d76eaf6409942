/* Views for the tests of replication/core: small clusters made in one call, nodes changed in one line. */
#ifndef TANIST_TESTS_COREVIEW_H
#define TANIST_TESTS_COREVIEW_H

#include "../../replication/core/decide.h"
#include "../../replication/core/view.h"

enum { COREVIEW_SYSID = 4711 };

/* n nodes pg1.. on 10.0.0.x:5432, all healthy on timeline 1 at LSN 1000; pg1 is the primary, the others stream from it.
 * Everything was observed at `now`. */
void coreview_make(struct view *v, int n, usec_t now);

/* A memory in which pg1 was announced, epoch 5, timeline 1, LSN 1000. */
struct decide_memory coreview_memory(void);

void coreview_down(struct view *v, int i, usec_t since);
void coreview_ok(struct view *v, int i, usec_t now);
void coreview_primary(struct view *v, int i, uint32_t timeline, lsn_t flush);
void coreview_replica(struct view *v, int i, int of, lsn_t receive, lsn_t replay);
void coreview_unfollow(struct view *v, int i);

#endif
