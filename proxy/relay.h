/* Replication connections (start-up parameter "replication"): one server for one client, from login to end, bytes unread in both
 * directions, because what follows START_REPLICATION is a stream of its own. Worker's thread.
 *
 * The client is authenticated as everybody is, and its server logs in with its key and its start-up parameters. The server is
 * of a group of its own, so it never meets other clients; it ends when its node is no longer what it was. */
#ifndef TANIST_PROXY_RELAY_H
#define TANIST_PROXY_RELAY_H

#include <stddef.h>
#include <stdint.h>

struct client;
struct err;
struct server;
struct writer;

enum relay_kind { RELAY_NONE = 0, RELAY_PHYSICAL, RELAY_LOGICAL, RELAY_NR };

const char *relay_kind_name(enum relay_kind k); /* as pgbouncer's column "replication" has it */

/* The value of the start-up parameter; -1 if it is neither a boolean nor "database". */
int relay_kind_of(const char *value);

/* The client is authenticated: opens its server, or tells it why not. */
void relay_begin(struct client *c);
/* The server's start-up packet. */
void relay_write_startup(const struct server *s, struct writer *w);
/* The server is logged in: the client gets its welcome. */
void relay_ready(struct server *s);
/* The server could not log in. Takes it away from the client; the caller closes it. */
void relay_failed(struct server *s, const struct err *e);

void relay_on_client(struct client *c);
void relay_on_server(struct server *s);

/* One of the two is being closed: so is the other. */
void relay_end_client(struct client *c);
void relay_end_server(struct server *s, const char *why);

#endif
