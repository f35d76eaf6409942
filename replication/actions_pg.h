/* The effect port over SQL (and a hook for what SQL cannot do). Each action has a connection of its own, so that a node
 * that hangs delays nobody else. Manager's loop only. */
#ifndef TANIST_ACTIONS_PG_H
#define TANIST_ACTIONS_PG_H

#include <uv.h>

#include "actions.h"

/* Returns owned (freed by its close), or NULL without memory. */
struct actions *actions_pg_new(uv_loop_t *loop, const struct clock *clock);

/* What is replaced in a replica's primary_conninfo; empty or NULL texts keep what is there. */
struct actions_sql_place {
    const char *host, *user, *application_name;
    uint16_t port;
};
/* The conninfo with the place replaced and every other keyword kept. Pure but for libpq's parser. ERR_LIMIT when it does
 * not fit. */
int actions_sql_conninfo(const char *old, const struct actions_sql_place *to, char *out, size_t cap,
                         struct err *e) MUST_CHECK;

#endif
