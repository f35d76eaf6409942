/* Where a client's batch goes, what it waits for until then, and what its session has seen when it is over: the shell of
 * core/route and core/freshness. Worker's thread. */
#ifndef TANIST_PROXY_CLIENT_ROUTE_H
#define TANIST_PROXY_CLIENT_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "../replication/base/clock.h"
#include "core/route.h"

struct client;
struct server;
struct worker;

enum {
    CLIENT_FRESH_WAITERS_MAX = 10000
}; /* of a worker and cluster; others go to the primary at once */

/* Decides for the batch that was looked at. ROUTE_WAIT: call client_route_wait. */
struct route_out client_route(struct client *c);
/* A line for each decision (log_routes). No SQL text. */
void client_route_log(const struct client *c, const struct route_out *r);
/* What the session asks for, or else its listener or pool. */
enum consistency client_route_level(const struct client *c);
int client_route_mode(const struct client *c); /* enum route_mode */
/* The client waits for newer positions; client_process is called when they came or the time is over. */
void client_route_wait(struct client *c, enum route_reason why);

/* The same for a session that only wants its floor to be known. */
/* Waits for a moment, or until something changes that client_doubt_ready looks at. */
void client_route_pause(struct client *c, usec_t until);
void client_route_settling(struct client *c, usec_t until);

/* The server that was linked: may the batch be sent there? A connection may be newer than all that is known of its server; then
 * the client has let go of it and waits, or chooses again. */
bool client_route_linked(struct client *c);

/* The transaction, or the statement outside of one, is over: where it ran bounds what it wrote and saw. */
void client_route_settle(struct client *c, const struct server *s, usec_t now);

/* The session may from now on commit without waiting for the flush; floor.async_commit tells when that is over. */
void client_route_async(struct client *c);
/* The session ends. */
void client_route_close(struct client *c);

/* Those who wait look again: a new snapshot came. */
void client_route_wake(struct worker *w, int cluster);
void client_route_init(struct worker *w); /* on its loop */
void client_route_fini(struct worker *w);

#endif
