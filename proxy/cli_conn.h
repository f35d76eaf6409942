/* A small blocking PostgreSQL client for the command line: the console's, and `check --live`'s. Main thread of a process
 * that is no daemon. The only file besides replication/pgconn.c that includes libpq: pgconn is made for loops. */
#ifndef TANIST_PROXY_CLI_CONN_H
#define TANIST_PROXY_CLI_CONN_H

#include "../replication/base/err.h"

struct cli_conn;
struct table;

/* Errors: ERR_NOTFOUND nobody listens, ERR_TIMEOUT, ERR_AUTH, ERR_IO, ERR_SERVER. Returned connection is owned. */
int cli_conn_open_console(const char *dir, int port, int timeout_s, struct cli_conn **out,
                          struct err *e) MUST_CHECK;
/* A node by the monitor's connection string; host and port are added. */
int cli_conn_open_node(const char *conninfo, const char *host, int port, int timeout_s,
                       struct cli_conn **out, struct err *e) MUST_CHECK;
void cli_conn_close(struct cli_conn *c); /* NULL is fine */

/* Runs one statement. *out is the rows (owned), or NULL if the statement has none. ERR_SERVER carries the SQLSTATE, and
 * detail and hint (if any) are in cli_conn_hint until the next call. ERR_TIMEOUT: no answer in time; the connection is useless. */
int cli_conn_query(struct cli_conn *c, const char *sql, int timeout_s, struct table **out,
                   struct err *e) MUST_CHECK;
const char *cli_conn_hint(const struct cli_conn *c);

/* Waits until the process at the other end of a console connection has ended, or at least closed it. */
int cli_conn_wait_gone(struct cli_conn *c, int timeout_s, struct err *e) MUST_CHECK;

#endif
