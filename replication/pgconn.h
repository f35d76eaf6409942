/* One libpq connection on a uv loop: everything asynchronous, every deadline ours. The only file that knows libpq.
 *
 * A pgconn lives for one connection: new -> connect -> queries one at a time -> lost or close. Whoever made it closes it,
 * also after it was lost; a reconnect is a new pgconn. Loop thread only. After pgconn_close no callback comes but the
 * close callback. */
#ifndef TANIST_PGCONN_H
#define TANIST_PGCONN_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"

struct pgconn;
struct pgresult; /* borrowed by a query's callback */

/* What kind of failure an error is: the failure detector treats them differently. */
enum pgconn_fail {
    PGCONN_OK = 0,
    PGCONN_REFUSED,     /* nobody listens there: the postmaster is not running */
    PGCONN_UNREACHABLE, /* no route, host down */
    PGCONN_TIMEOUT,     /* no answer within our deadline */
    PGCONN_CLOSED,      /* an established connection ended or was reset */
    PGCONN_AUTH,        /* class 28: the server lives but does not let us in */
    PGCONN_SERVER,      /* the server answered with an error; see the sqlstate */
    PGCONN_OTHER,       /* TLS, a malformed conninfo, no memory */
    PGCONN_NR
};

struct pgconn_target {
    const char *conninfo; /* without host and port; may be empty */
    const char *host;     /* name kept for TLS, or a socket directory beginning with '/' */
    const char *addr;     /* numeric address; NULL or empty only for socket directories */
    uint16_t port;
    const char *dbname; /* NULL: what conninfo says */
    bool
        replication; /* physical replication mode: pgconn_query then takes replication commands, no params */
};

/* A connection that had been made ended while no query was in flight. Close it now or later. */
typedef void (*pgconn_lost_cb)(void *arg, const struct err *e, enum pgconn_fail fail);
/* e->code 0 when connected. */
typedef void (*pgconn_connect_cb)(void *arg, const struct err *e, enum pgconn_fail fail);
/* r is NULL when e->code is not 0. The connection is still good if fail is PGCONN_SERVER and pgconn_usable says so. */
typedef void (*pgconn_query_cb)(void *arg, const struct pgresult *r, const struct err *e,
                                enum pgconn_fail fail);

/* Returns owned, or NULL without memory. */
struct pgconn *pgconn_new(uv_loop_t *loop, pgconn_lost_cb on_lost, void *arg);

/* Copies target. The callback comes once, never from within the call. */
void pgconn_connect(struct pgconn *c, const struct pgconn_target *t, usec_t timeout,
                    pgconn_connect_cb cb, void *arg);

struct pgconn_query {
    const char *sql;
    const char *const *params; /* text or NULL for SQL NULL */
    int n_params;
    usec_t timeout; /* the connection is dropped when it passes */
};

/* Notifications of the channels that this connection listens to, between and during queries. Before connect. */
typedef void (*pgconn_notify_cb)(void *arg, const char *channel, const char *payload, int pid);
void pgconn_on_notify(struct pgconn *c, pgconn_notify_cb cb); /* arg: that of pgconn_new */

/* One query at a time, on a usable connection. The callback comes once, never from within the call. */
void pgconn_query(struct pgconn *c, const struct pgconn_query *q, pgconn_query_cb cb, void *arg);

bool pgconn_usable(const struct pgconn *c);        /* connected, no query in flight */
bool pgconn_busy(const struct pgconn *c);          /* connecting or a query in flight */
int pgconn_server_version(const struct pgconn *c); /* 150020; 0 when not connected */
int pgconn_backend_pid(const struct pgconn *c);

/* Idempotent; drops what is in flight without its callback. Frees c later; done may be NULL. */
void pgconn_close(struct pgconn *c, void (*done)(void *arg), void *arg);

int pgresult_rows(const struct pgresult *r);
int pgresult_cols(const struct pgresult *r);
const char *pgresult_text(const struct pgresult *r, int row, int col); /* NULL for SQL NULL */
int pgresult_col(const struct pgresult *r, const char *name);          /* -1 if absent */

const char *pgconn_fail_name(enum pgconn_fail f);

/* Calls back for each keyword given in a conninfo string or URI. A non-zero return ends it and is returned. */
typedef int (*pgconn_keyword_cb)(void *arg, const char *keyword, const char *value, struct err *e);
int pgconn_conninfo_each(const char *conninfo, pgconn_keyword_cb cb, void *arg, struct err *e)
    MUST_CHECK;

/* For libpq's cancel and password files nothing is needed; versions older than this are not managed. */
enum { PGCONN_VERSION_MANAGED = 130000 };

#endif
