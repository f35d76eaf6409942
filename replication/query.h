/* A small asynchronous SQL service of the manager for the rest of the program: role verifiers (auth_query), the
 * catalog of a database. Runs on the manager thread over libpq connections of its own, never on the probe's.
 *
 * At most QUERY_PENDING_MAX requests wait; each has a deadline. A connection is kept for a while for each
 * (cluster, database). Results are text and live only during the callback. */
#ifndef TANIST_QUERY_H
#define TANIST_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/topology.h"

struct manager;
struct query_result; /* borrowed by the callback */

enum { QUERY_PENDING_MAX = 4096, QUERY_PARAMS_MAX = 4, QUERY_ROWS_MAX = 1000000 };

struct query_spec {
    int cluster;
    const char *dbname; /* NULL: the monitor's database */
    const char *sql;
    const char *params[QUERY_PARAMS_MAX];
    int n_params;
    /* A replica that has replayed this position, or the primary if none has within a second. 0: the primary if there is one,
     * else any readable node. */
    lsn_t replica_at;
    usec_t timeout;
};

/* r is NULL when e->code is not 0. */
typedef void (*query_cb)(void *arg, const struct query_result *r, const struct err *e);

/* Manager thread. Copies the spec. The callback comes later, exactly once, on the manager thread. */
int manager_query(struct manager *m, const struct query_spec *spec, query_cb cb, void *arg,
                  struct err *e) MUST_CHECK;

int query_n_rows(const struct query_result *r);
int query_n_cols(const struct query_result *r);
const char *query_text(const struct query_result *r, int row, int col); /* NULL for SQL NULL */

#endif
