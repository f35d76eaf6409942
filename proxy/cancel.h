/* Cancel requests: from the key a client was given to the one server that runs its query now. The key's pid holds worker
 * and slot, or is that of the client's home (home.h); its secret is random, 4 bytes in protocol 3.0 and 32 in 3.2. A server
 * with a cancel under way is not given to anybody else before that ended, so
 * that it can only hit the query it was meant for. Worker's thread. */
#ifndef TANIST_PROXY_CANCEL_H
#define TANIST_PROXY_CANCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "../replication/base/attrs.h"
#include "wire/startup.h"

struct client;
struct server;
struct worker;

struct cancel_key {
    uint32_t len;
    uint8_t bytes[STARTUP_KEY_MAX];
};

/* Numbers below are those of processes (home.h): Linux has at most 2^22. */
#define KEY_PID_VIRTUAL (1u << 24)

/* Never 0 and never negative: drivers take such a pid for none and send no cancel requests. */
static inline uint32_t cancel_pid(int worker, uint32_t slot)
{
    return ((uint32_t)worker + 1) << 24 | slot;
}

/* A CancelRequest arrived: finds the worker and forwards. Nothing is ever answered, but the canceller's connection ends only
 * when the request has reached its worker: true if the caller closes it now, false if that happens later. */
bool cancel_request(struct client *canceller, uint32_t pid, const struct cancel_key *key)
    MUST_CHECK;
/* Sends a CancelRequest to the server's node (also for clients that went away). */
void cancel_server(struct server *s);
/* The server is being closed: requests under way for it end by themselves. */
void cancel_forget(struct server *s);
/* At the end of the worker. */
void cancel_end_all(struct worker *w);

#endif
