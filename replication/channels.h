/* Notification channels for the rest of the program: one connection for each (cluster, database), to the writer, listens
 * for everybody. When the writer changes, it listens there again; what was sent in between is lost, as it is for a client
 * that connects again.
 *
 * Manager thread, callbacks included. At most CHANNELS_MAX channels in all. */
#ifndef TANIST_CHANNELS_H
#define TANIST_CHANNELS_H

#include "base/attrs.h"
#include "base/clock.h"
#include "base/err.h"

struct manager;

enum { CHANNELS_MAX = 100000, CHANNELS_NAME_MAX = 64 };

struct channels_ops {
    /* From now on notifications of the channel come; or e says why they cannot yet (it is tried again). */
    void (*listening)(void *arg, int cluster, const char *dbname, const char *channel,
                      const struct err *e);
    /* pid: the backend that notified. */
    void (*notified)(void *arg, int cluster, const char *dbname, const char *channel,
                     const char *payload, int pid);
    /* The connection was lost, and all of its channels are heard again: what was sent in the gap is lost. */
    void (*resumed)(void *arg, int cluster, const char *dbname, usec_t gap);
    /* The answer to manager_channels_sync. */
    void (*synced)(void *arg, int cluster, const char *dbname);
};

/* Before the first channel is wanted. ops is lent. */
void manager_channels(struct manager *m, const struct channels_ops *ops, void *arg);
/* ops->listening follows, from within the call if the channel is there already. */
int manager_listen(struct manager *m, int cluster, const char *dbname, const char *channel,
                   struct err *e) MUST_CHECK;
/* ops->synced follows, perhaps from within the call, when everything that was sent before the call has been told, or
 * nothing can be had for a while. One at a time for each database. */
void manager_channels_sync(struct manager *m, int cluster, const char *dbname);
/* Nobody wants it any more. */
void manager_unlisten(struct manager *m, int cluster, const char *dbname, const char *channel);

#endif
