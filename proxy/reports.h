/* What a server says of its settings (ParameterStatus), and what a client was told of its session's. As by PostgreSQL itself, a
 * client hears at ReadyForQuery of those that are not as it was told last, in the order of their names. Worker's thread.
 *
 * Sets are shared (pool_params); struct params_ref.told of start-up parameters is what a session that begins with them is
 * told. */
#ifndef TANIST_PROXY_REPORTS_H
#define TANIST_PROXY_REPORTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/params.h"

struct client;
struct server;
struct writer;

enum { REPORTS_ROOM = PARAMS_BYTES_MAX + 8 * PARAMS_MAX };

/* The server sent a ParameterStatus message; this is its body. */
void reports_hear(struct server *s, const uint8_t *body, size_t n);
/* It sent ReadyForQuery. */
void reports_settle(struct server *s);

/* All of them as messages, REPORTS_ROOM at most. */
void reports_write(struct writer *w, const struct params *p);
/* The client is told what it does not know of its server's; that is in w then, REPORTS_ROOM at most. */
void reports_tell(struct client *c, struct writer *w);

#endif
