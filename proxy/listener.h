/* Listening sockets and who gets an accepted one. On the manager's loop: one acceptor for all workers, which hands each
 * descriptor to the worker with the fewest clients, because connections to databases live long. */
#ifndef TANIST_PROXY_LISTENER_H
#define TANIST_PROXY_LISTENER_H

#include "../replication/base/err.h"

struct listeners;
struct proxy;

/* Binds everything of p->conf, and the control socket in state_dir. ERR_IO says which address and why. */
int listeners_start(struct proxy *p, struct listeners **out, struct err *e) MUST_CHECK;
/* New TLS contexts after a reload. The old ones go on if a file is bad. */
int listeners_reload(struct listeners *l, struct err *e) MUST_CHECK;
/* Accepts nothing more. */
void listeners_close(struct listeners *l);
void listeners_free(struct listeners *l);

#endif
