/* A commit in doubt: its server was lost before it answered, or did not wait for its replicas. The client waits, for
 * client_hold at most, and hears what is proved: success, 40001 (certainly not applied), or 08007. Worker's thread.
 *
 * The writer of the moment is asked what became of the transaction id (core/doubt.h says what its answer proves), over a
 * server of the client's own pool. A failover that is under way is waited for. Source: postgres/src/backend/replication/
 * syncrep.c for commits that were not waited for. */
#ifndef TANIST_PROXY_CLIENT_DOUBT_H
#define TANIST_PROXY_CLIENT_DOUBT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../replication/base/attrs.h"
#include "../replication/base/clock.h"
#include "core/pipeline.h"

struct client;
struct server;

/* What a lost server owed its client; kept for the moment of the loss. */
struct doubt_owed {
    uint8_t n;
    bool more; /* than fit */
    uint8_t kinds[16];
};

void client_doubt_owed(const struct server *s, struct doubt_owed *out);

/* The server is lost within a commit. wrote: its transaction had before. False: nobody can find out; nothing was done. */
bool client_doubt_begin(struct client *c, bool wrote);
/* ReadyForQuery of a commit that was not waited for; it has been kept back. */
void client_doubt_unsynced(struct client *c);

/* Goes on with what is waited for. */
void client_doubt_step(struct client *c);
/* For those that wait: is it worth another step? */
bool client_doubt_ready(const struct client *c);
/* A server is linked to ask; none can be had now; the one that was asked is lost. */
void client_doubt_on_server(struct client *c);
void client_doubt_retry(struct client *c);
/* Its answer: a row, and the end. */
void client_doubt_on_row(struct client *c, const uint8_t *body, size_t n);
void client_doubt_on_answered(struct client *c);
/* The quorum did not confirm our own commit either. */
void client_doubt_on_unsynced(struct client *c);
/* Gives up when its time is over. */
void client_doubt_tick(struct client *c, usec_t now);
void client_doubt_free(struct client *c);

#endif
