/* The effect port over SQL (and a hook for what SQL cannot do). Each action has a connection of its own, so that a node
 * that hangs delays nobody else. Manager's loop only. */
#ifndef TANIST_ACTIONS_PG_H
#define TANIST_ACTIONS_PG_H

#include <uv.h>

#include "actions.h"

/* Returns owned (freed by its close), or NULL without memory. */
struct actions *actions_pg_new(uv_loop_t *loop, const struct clock *clock);

/* The replica's primary_conninfo with the place replaced: host and port of `to`, the user if one is given, every other
 * keyword kept. Pure but for libpq's parser. ERR_LIMIT when it does not fit. */
int actions_pg_conninfo(const char *old, const char *host, uint16_t port, const char *user,
                        char *out, size_t cap, struct err *e) MUST_CHECK;

#endif
