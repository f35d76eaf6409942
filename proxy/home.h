/* Homes. With backend_pid = server, a session is told the process id of a server of the primary that is its home: as long
 * as the pool has room, no other session has the same one, and the session runs there whenever that server is free. So
 * while there are no more sessions than pool_size, pids mean what they mean without tanist: in pg_locks,
 * pg_blocking_pids(), pg_terminate_backend() and notifications. A home is a preference, not a pin: it is lent to others
 * rather than let anybody wait, and a server that is closed or moves to another worker is nobody's home. A session that
 * found none keeps a number that no process has. Worker's thread. */
#ifndef TANIST_PROXY_HOME_H
#define TANIST_PROXY_HOME_H

#include <stdbool.h>

#include "../replication/base/attrs.h"

struct client;
struct pool;
struct server;

/* At login. true: go on (with or without a home); false: a server logs in, client_on_server or client_on_refused follows. */
bool home_seek(struct client *c) MUST_CHECK;
/* The client that sought was linked: the server becomes its home, if it is nobody's, and goes back to its pool. */
void home_found(struct client *c);

/* In a pool with homes, the idle server that the client shall have; NULL: none, or a new one is better. */
struct server *home_choose(struct pool *p, const struct client *c) MUST_CHECK;

/* The idle server that another worker may have: it wants one for its own work, or one that is nobody's home. */
struct server *home_spare(const struct pool *p, bool for_home) MUST_CHECK;
/* May the server stay open? A home keeps the defaults with which its session began. */
bool home_keeps(const struct server *s) MUST_CHECK;
/* Who of those that wait gets the server that came free: the session whose home it is, else the first. NULL: nobody may. */
struct client *home_first_waiter(const struct pool *p, const struct server *s) MUST_CHECK;
/* Do all that wait seek a home, or for their own to return? */
bool home_wanted_only(const struct pool *p) MUST_CHECK;

void home_client_gone(struct client *c);
/* Closed, or about to move to another worker. Its session still counts as one that was told a pid, so that a newcomer who
 * took the server away does not get it for good. */
void home_server_gone(struct server *s);

#endif
