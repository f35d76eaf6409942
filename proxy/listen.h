/* LISTEN that costs no server: one connection for each database listens for all sessions (replication/channels.h), and
 * what it hears goes to every session that wants it.
 *
 * A session's channels are learned from the server on which it ran LISTEN (session.c); when the shared connection has them
 * too, the session needs that server no more. Worker's thread, but for the hub's life. */
#ifndef TANIST_PROXY_LISTEN_H
#define TANIST_PROXY_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "../replication/base/attrs.h"
#include "../replication/base/list.h"
#include "../replication/base/str.h"

struct client;
struct hub;
struct proxy;

/* Manager's thread. */
struct hub *hub_new(struct proxy *p);
void hub_free(struct hub *h);

/* The session wants the channel. False: no memory, or too many. */
bool listen_add(struct client *c, const char *channel) MUST_CHECK;
/* session_on_synced follows when the session has all that was sent until now: what it sent itself, what others sent that were
 * done before. New channels are heard then, if they can be (listen_ready). False: it does not. */
bool listen_sync(struct client *c) MUST_CHECK;
/* It does not wait any more. Idempotent. */
void listen_sync_end(struct client *c);
/* From now on it hears its channels. */
void listen_live(struct client *c);
/* All of its channels are heard. */
bool listen_ready(const struct client *c);
bool listen_any(const struct client *c);
bool listen_has(const struct client *c, struct slice channel);
/* LISTEN for each of its channels. */
void listen_sql(const struct client *c, struct strbuf *out);
/* Forgets those that keep() does not keep; keep NULL: all. */
void listen_drop(struct client *c, bool (*keep)(const void *arg, const char *channel),
                 const void *arg);

#endif
