/* The invariant of session.h, asserted in debug builds (make DEBUG=1): the label of a server that goes back to its pool equals
 * its real settings, as the server itself tells them. Worker's thread. */
#ifndef TANIST_PROXY_SERVER_LABEL_H
#define TANIST_PROXY_SERVER_LABEL_H

#include <stdbool.h>

struct server;

#ifdef TANIST_DEBUG
enum { SERVER_LABEL_ASSERTED = 1 };
#else
enum { SERVER_LABEL_ASSERTED = 0 };
#endif

/* Asks it, if that has not been done: server_clean_step goes on when it has answered. False: nothing to ask. */
bool server_label_ask(struct server *s);
/* What it has answered must be the label. */
void server_label_assert(struct server *s);

#endif
