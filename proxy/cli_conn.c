#include "cli_conn.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../replication/base/clock.h"
#include "../replication/base/str.h"
#include "../replication/base/table.h"

enum { HINT_MAX = 1024 };

struct cli_conn {
    PGconn *pg;
    int peer; /* descriptor of the process at the other end of a Unix socket, or -1 */
    char hint[HINT_MAX];
};

/* libpq's texts end with a newline and may have several lines; an error here is one line. */
static int cli_conn_error(struct err *e, int code, const char *text)
{
    char line[ERR_TEXT_MAX];
    (void)str_copy(line, sizeof line, text);
    for (size_t n = strlen(line); n && line[n - 1] == '\n'; n--)
        line[n - 1] = '\0';
    for (char *p = line; *p; p++)
        if (*p == '\n' || *p == '\t')
            *p = ' ';
    return err_set(e, code, "%s", line);
}

/* Waits for the socket; false when the time is over. */
static bool cli_conn_wait(int fd, bool write, usec_t deadline)
{
    struct pollfd p = {.fd = fd, .events = write ? POLLOUT : POLLIN};
    for (;;) {
        usec_t left = deadline - clock_now(clock_real());
        int rc = left > 0 ? poll(&p, 1, (int)(left / USEC_PER_MS) + 1) : 0;
        if (rc >= 0 || errno != EINTR)
            return rc > 0;
    }
}

static usec_t cli_conn_deadline(int timeout_s)
{
    return clock_now(clock_real()) + timeout_s * USEC_PER_SEC;
}

static int cli_conn_failure(const PGconn *pg, struct err *e)
{
    const char *text = PQerrorMessage(pg);
    if (strstr(text, "No such file or directory") || strstr(text, "Connection refused"))
        return cli_conn_error(e, ERR_NOTFOUND, text);
    /* libpq does not give the SQLSTATE of a failed login. */
    if (strstr(text, "authentication") || strstr(text, "password") ||
        strstr(text, "permission denied"))
        return cli_conn_error(e, ERR_AUTH, text);
    return cli_conn_error(e, ERR_IO, text);
}

static int cli_conn_poll(PGconn *pg, usec_t deadline, struct err *e)
{
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    for (;;) {
        if (want == PGRES_POLLING_OK)
            return 0;
        if (want == PGRES_POLLING_FAILED)
            return cli_conn_failure(pg, e);
        if (!cli_conn_wait(PQsocket(pg), want == PGRES_POLLING_WRITING, deadline))
            return err_set(e, ERR_TIMEOUT, "no answer in time");
        want = PQconnectPoll(pg);
    }
}

static int cli_conn_peer(int fd)
{
    struct ucred cred;
    socklen_t n = sizeof cred;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0 || cred.pid <= 0)
        return -1;
    return (int)syscall(SYS_pidfd_open, cred.pid, 0);
}

/* Takes pg. */
static int cli_conn_open(PGconn *pg, int timeout_s, struct cli_conn **out, struct err *e)
{
    *out = NULL;
    struct cli_conn *c = calloc(1, sizeof *c);
    int rc;
    if (!c || !pg)
        rc = err_set(e, ERR_NOMEM, "out of memory");
    else if (PQstatus(pg) == CONNECTION_BAD)
        rc = cli_conn_failure(pg, e);
    else
        rc = cli_conn_poll(pg, cli_conn_deadline(timeout_s), e);
    if (rc != 0) {
        PQfinish(pg);
        free(c);
        return rc;
    }
    c->pg = pg;
    c->peer = cli_conn_peer(PQsocket(pg));
    *out = c;
    return 0;
}

static void cli_conn_on_notice(void *arg, const char *message)
{
    (void)arg;
    /* That a shutdown ends the connection is no news to who asked for it. */
    if (strncmp(message, "FATAL", 5) != 0)
        fputs(message, stderr);
}

int cli_conn_open_console(const char *dir, int port, int timeout_s, struct cli_conn **out,
                          struct err *e)
{
    char port_text[16];
    snprintf(port_text, sizeof port_text, "%d", port);
    const struct passwd *pw = getpwuid(geteuid());
    /* The daemon knows us by the socket's credentials; the name is for its log. */
    const char *user = pw ? pw->pw_name : "tanist";
    const char *const keys[] = {"host",    "port",       "dbname", "user", "application_name",
                                "sslmode", "gssencmode", NULL};
    const char *const values[] = {dir,      port_text, "tanist",  user,
                                  "tanist", "disable", "disable", NULL};
    int rc = cli_conn_open(PQconnectStartParams(keys, values, 0), timeout_s, out, e);
    if (rc == 0)
        (void)PQsetNoticeProcessor((*out)->pg, cli_conn_on_notice, NULL);
    return rc;
}

int cli_conn_open_node(const char *conninfo, const char *host, int port, int timeout_s,
                       struct cli_conn **out, struct err *e)
{
    char port_text[16];
    snprintf(port_text, sizeof port_text, "%d", port);
    /* A connection string as dbname is expanded; keys behind it win. */
    const char *const keys[] = {"dbname", "host", "port", "application_name", NULL};
    const char *const values[] = {conninfo, host, port_text, "tanist check", NULL};
    return cli_conn_open(PQconnectStartParams(keys, values, 1), timeout_s, out, e);
}

void cli_conn_close(struct cli_conn *c)
{
    if (!c)
        return;
    PQfinish(c->pg);
    if (c->peer >= 0)
        (void)close(c->peer);
    free(c);
}

static struct table *cli_conn_table(const PGresult *r)
{
    const char *names[TABLE_COLS_MAX];
    int cols = PQnfields(r) < TABLE_COLS_MAX ? PQnfields(r) : TABLE_COLS_MAX;
    for (int col = 0; col < cols; col++)
        names[col] = PQfname(r, col);
    struct table *t = table_new(names, cols);
    for (int row = 0; t && row < PQntuples(r); row++)
        for (int col = 0; col < cols; col++)
            table_cell(t, PQgetisnull(r, row, col) ? NULL : PQgetvalue(r, row, col));
    return t;
}

static int cli_conn_take(struct cli_conn *c, const PGresult *r, struct table **out, struct err *e)
{
    ExecStatusType status = PQresultStatus(r);
    if (status == PGRES_TUPLES_OK && PQnfields(r) > 0) {
        *out = cli_conn_table(r);
        return *out ? 0 : err_set(e, ERR_NOMEM, "out of memory");
    }
    if (status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY || status == PGRES_TUPLES_OK)
        return 0;
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    const char *sqlstate = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT);
    const char *detail = PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL);
    int rc =
        cli_conn_error(e, sqlstate ? ERR_SERVER : ERR_IO, text ? text : PQresultErrorMessage(r));
    (void)str_copy(e->sqlstate, sizeof e->sqlstate, sqlstate ? sqlstate : "");
    snprintf(c->hint, sizeof c->hint, "%s%s%s", detail ? detail : "", detail && hint ? "\n" : "",
             hint ? hint : "");
    return rc;
}

/* Reads results until there are none; the first error or the last rows count. */
static int cli_conn_collect(struct cli_conn *c, usec_t deadline, struct table **out, struct err *e)
{
    int rc = 0;
    for (;;) {
        while (PQisBusy(c->pg)) {
            if (!cli_conn_wait(PQsocket(c->pg), false, deadline))
                return err_set(e, ERR_TIMEOUT, "no answer in time");
            if (!PQconsumeInput(c->pg))
                return cli_conn_error(e, ERR_IO, PQerrorMessage(c->pg));
        }
        PGresult *r = PQgetResult(c->pg);
        if (!r)
            return rc;
        if (rc == 0) {
            table_free(*out);
            *out = NULL;
            rc = cli_conn_take(c, r, out, e);
        }
        PQclear(r);
    }
}

int cli_conn_query(struct cli_conn *c, const char *sql, int timeout_s, struct table **out,
                   struct err *e)
{
    *out = NULL;
    c->hint[0] = '\0';
    if (!PQsendQuery(c->pg, sql))
        return cli_conn_error(e, ERR_IO, PQerrorMessage(c->pg));
    int rc = cli_conn_collect(c, cli_conn_deadline(timeout_s), out, e);
    if (rc != 0) {
        table_free(*out);
        *out = NULL;
    }
    return rc;
}

const char *cli_conn_hint(const struct cli_conn *c)
{
    return c->hint;
}

/* The connection ends a little before the process does, and whoever stops a daemon wants its port and its journal. The
 * descriptor of the process was opened while it certainly lived, so its number cannot be another's. */
int cli_conn_wait_gone(struct cli_conn *c, int timeout_s, struct err *e)
{
    usec_t deadline = cli_conn_deadline(timeout_s);
    while (cli_conn_wait(PQsocket(c->pg), false, deadline))
        if (!PQconsumeInput(c->pg) || PQstatus(c->pg) == CONNECTION_BAD)
            return c->peer < 0 || cli_conn_wait(c->peer, false, deadline)
                       ? 0
                       : err_set(e, ERR_TIMEOUT, "still running");
    return err_set(e, ERR_TIMEOUT, "still open");
}
