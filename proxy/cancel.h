/* Cancel requests: from the key a client was given to the one server that runs its query now. The key's pid holds worker
 * and slot, its secret 32 random bits. A server with a cancel under way is not given to anybody else before that ended, so
 * that it can only hit the query it was meant for. Worker's thread. */
#ifndef TANIST_PROXY_CANCEL_H
#define TANIST_PROXY_CANCEL_H

#include <stdint.h>

struct client;
struct server;
struct worker;

/* Never 0 and never negative: drivers take such a pid for none and send no cancel requests. */
static inline uint32_t cancel_pid(int worker, uint32_t slot)
{
    return ((uint32_t)worker + 1) << 24 | slot;
}

/* A CancelRequest arrived on w: find the worker and forward. Nothing is ever answered. */
void cancel_request(struct worker *w, uint32_t pid, uint32_t secret);
/* Sends a CancelRequest to the server's node (also for clients that went away). */
void cancel_server(struct server *s);
/* The server is being closed: requests under way for it end by themselves. */
void cancel_forget(struct server *s);
/* At the end of the worker. */
void cancel_end_all(struct worker *w);

#endif
