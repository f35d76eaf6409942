/* The last log events of the control plane and everything at notice or above, for SHOW EVENTS. Fed by the log's tap on
 * any thread, read on the manager's; a mutex inside. */
#ifndef TANIST_EVENTS_H
#define TANIST_EVENTS_H

#include "base/table.h"

struct events;

enum { EVENTS_MAX = 1000 };

/* Returns owned, or NULL without memory. Becomes the log's tap; call before other threads run. */
struct events *events_new(void);
/* No other thread may log any more. */
void events_free(struct events *ev);
/* time, level, event, cluster, node, message; oldest first. Returns owned, NULL without memory. */
struct table *events_table(struct events *ev);

#endif
