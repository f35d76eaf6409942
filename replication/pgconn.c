#include "pgconn.h"

#include <errno.h>
#include <libpq-fe.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/str.h"

/* A uv_poll_t is bound to one descriptor for life and lives until its close callback, but libpq may change its socket
 * while it connects (next address, TLS refused). So the handle is a box of its own. */
struct pgconn_poll {
    uv_poll_t handle;
    struct pgconn *conn; /* NULL once dropped */
    int armed; /* events given to uv_poll_start, which costs two epoll_ctl each time; 0: stopped */
};

enum { GRACE_MS = 20 };

enum pgconn_state {
    PGCONN_STATE_NEW = 1,
    PGCONN_STATE_CONNECTING,
    PGCONN_STATE_IDLE,
    PGCONN_STATE_QUERY,
    PGCONN_STATE_DEAD,
    PGCONN_STATE_CLOSING,
};

struct pgresult {
    PGresult *res;
};

struct pgconn {
    uv_loop_t *loop;
    enum pgconn_state state;
    PGconn *pq;
    struct pgconn_poll *poll;
    int poll_fd;
    int handles; /* open uv handles, those of dropped polls included */
    uv_timer_t timer;
    bool unix_socket;
    bool replication;
    bool failed_early; /* connect or query failed inside the call; told from the timer */
    bool graced;       /* the deadline passed once already: see on_timer */
    usec_t due_at;     /* when the timer should fire */
    PGresult *result;
    struct err last_notice; /* the FATAL that came before the end */

    pgconn_lost_cb on_lost;
    pgconn_notify_cb on_notify;
    void *lost_arg;
    pgconn_connect_cb on_connect;
    pgconn_query_cb on_query;
    void *op_arg;
    void (*on_closed)(void *arg);
    void *closed_arg;
};

static void pgconn_step(struct pgconn *c);
static void pgconn_fail_now(struct pgconn *c, const struct err *e, enum pgconn_fail fail);

static const char *const fail_names[PGCONN_NR] = {
    [PGCONN_OK] = "ok",
    [PGCONN_REFUSED] = "refused",
    [PGCONN_UNREACHABLE] = "unreachable",
    [PGCONN_TIMEOUT] = "timeout",
    [PGCONN_CLOSED] = "closed",
    [PGCONN_AUTH] = "auth",
    [PGCONN_SERVER] = "server",
    [PGCONN_OTHER] = "other",
};

const char *pgconn_fail_name(enum pgconn_fail f)
{
    return f >= PGCONN_OK && f < PGCONN_NR ? fail_names[f] : "?";
}

/* libpq's messages end in a newline and may have several lines; a log line has one. Advice for interactive users ("Is the
 * server running...") stands behind a tab and is left out. */
static void text_one_line(struct err *e)
{
    char *advice = strstr(e->text, "\n\t");
    if (advice)
        *advice = '\0';
    size_t n = strlen(e->text);
    while (n > 0 && (e->text[n - 1] == '\n' || e->text[n - 1] == ' '))
        e->text[--n] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (e->text[i] == '\n' || e->text[i] == '\t')
            e->text[i] = ' ';
    }
}

static enum pgconn_fail fail_of_sqlstate(const char *sqlstate)
{
    if (strncmp(sqlstate, "28", 2) == 0)
        return PGCONN_AUTH;
    return PGCONN_SERVER;
}

static int code_of_fail(enum pgconn_fail fail)
{
    switch (fail) {
    case PGCONN_REFUSED:
    case PGCONN_UNREACHABLE:
        return ERR_IO;
    case PGCONN_TIMEOUT:
        return ERR_TIMEOUT;
    case PGCONN_CLOSED:
        return ERR_EOF;
    case PGCONN_AUTH:
        return ERR_AUTH;
    case PGCONN_SERVER:
        return ERR_SERVER;
    case PGCONN_OK:
    case PGCONN_OTHER:
    case PGCONN_NR:
        break;
    }
    return ERR_IO;
}

/* libpq tells a refused connection only by the text of strerror, in the locale of this process: so compare with that. */
static bool message_has_errno(const char *msg, int errnum)
{
    char buf[128];
    const char *text = strerror_r(errnum, buf, sizeof(buf));
    return strstr(msg, text) != NULL;
}

/* A server that refuses a login says so in text only: PQconnectPoll keeps no result with the sqlstate field. The
 * message is "FATAL:  ..."; these are the ones that matter to the failure detector, in the servers' C locale. */
static void sqlstate_of_login_message(const char *msg, struct err *e)
{
    static const struct {
        const char *text, *sqlstate;
    } known[] = {
        {"is starting up", "57P03"},
        {"is shutting down", "57P03"},
        {"not yet accepting", "57P03"},
        {"not accepting connections", "57P03"},
        {"in recovery mode", "57P03"},
        {"too many clients", "53300"},
        {"remaining connection slots", "53300"},
        {"password authentication failed", "28P01"},
        {"no pg_hba.conf entry", "28000"},
        {"does not exist", "3D000"},
        {"fe_sendauth", "28P01"},
        {"terminating connection", "57P01"},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strstr(msg, known[i].text)) {
            str_copy(e->sqlstate, sizeof(e->sqlstate), known[i].sqlstate);
            return;
        }
    }
}

static enum pgconn_fail connect_error(const struct pgconn *c, struct err *e)
{
    const char *msg = c->pq ? PQerrorMessage(c->pq) : "out of memory";
    err_set(e, ERR_IO, "%s", msg && *msg ? msg : "the connection attempt failed");
    text_one_line(e);
    enum pgconn_fail fail = PGCONN_OTHER;
    sqlstate_of_login_message(msg, e);
    if (message_has_errno(msg, ECONNREFUSED) || (c->unix_socket && message_has_errno(msg, ENOENT)))
        fail = PGCONN_REFUSED;
    else if (message_has_errno(msg, EHOSTUNREACH) || message_has_errno(msg, ENETUNREACH) ||
             message_has_errno(msg, ETIMEDOUT))
        fail = PGCONN_UNREACHABLE;
    else if (e->sqlstate[0])
        fail = fail_of_sqlstate(e->sqlstate);
    else if (strstr(msg, "FATAL:"))
        fail = PGCONN_SERVER;
    else if (message_has_errno(msg, ECONNRESET) || message_has_errno(msg, EPIPE) ||
             strstr(msg, "closed the connection unexpectedly"))
        fail = PGCONN_CLOSED;
    e->code = code_of_fail(fail);
    return fail;
}

/* libpq prints notices to stderr by default. Only a FATAL that arrives between queries is of interest: it is the
 * reason of the end of file that follows. */
static void on_notice(void *arg, const PGresult *res)
{
    struct pgconn *c = arg;
    const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    if (!severity || (strcmp(severity, "FATAL") != 0 && strcmp(severity, "PANIC") != 0))
        return;
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    err_set(&c->last_notice, ERR_EOF, "%s", text ? text : "the server ended the connection");
    str_copy(c->last_notice.sqlstate, sizeof(c->last_notice.sqlstate), sqlstate ? sqlstate : "");
}

/* ---- handles ---- */

static void maybe_free(struct pgconn *c)
{
    if (c->state != PGCONN_STATE_CLOSING || c->handles > 0)
        return;
    void (*done)(void *) = c->on_closed;
    void *arg = c->closed_arg;
    free(c);
    if (done)
        done(arg);
}

static void on_poll_closed(uv_handle_t *h)
{
    struct pgconn_poll *p = h->data;
    struct pgconn *c = p->conn;
    free(p);
    c->handles--;
    maybe_free(c);
}

static void on_timer_closed(uv_handle_t *h)
{
    struct pgconn *c = h->data;
    c->handles--;
    maybe_free(c);
}

static void poll_drop(struct pgconn *c)
{
    if (!c->poll)
        return;
    uv_poll_stop(&c->poll->handle);
    uv_close((uv_handle_t *)&c->poll->handle, on_poll_closed);
    c->poll = NULL;
    c->poll_fd = -1;
}

static void pq_drop(struct pgconn *c)
{
    poll_drop(c); /* the descriptor must leave epoll before PQfinish closes it */
    if (c->result)
        PQclear(c->result);
    c->result = NULL;
    if (c->pq)
        PQfinish(c->pq);
    c->pq = NULL;
}

static void on_poll(uv_poll_t *h, int status, int events)
{
    struct pgconn_poll *p = h->data;
    (void)events;
    if (status < 0)   /* an error is also readable: libpq finds out and words it */
        p->armed = 0; /* uv has stopped it */
    if (p->conn->poll == p)
        pgconn_step(p->conn);
}

static int poll_want(struct pgconn *c, int events)
{
    const int fd = PQsocket(c->pq);
    if (fd < 0)
        return -1;
    if (c->poll && c->poll_fd != fd)
        poll_drop(c);
    if (!c->poll) {
        struct pgconn_poll *p = calloc(1, sizeof(*p));
        if (!p)
            return -1;
        if (uv_poll_init(c->loop, &p->handle, fd) != 0) {
            free(p);
            return -1;
        }
        p->handle.data = p;
        p->conn = c;
        c->poll = p;
        c->poll_fd = fd;
        c->handles++;
    }
    if (c->poll->armed == events)
        return 0;
    c->poll->armed = events;
    return uv_poll_start(&c->poll->handle, events, on_poll);
}

static void on_timer(uv_timer_t *t)
{
    struct pgconn *c = t->data;
    struct err e = {0};
    if (c->failed_early) {
        c->failed_early = false;
        const enum pgconn_fail fail =
            c->state == PGCONN_STATE_CONNECTING ? connect_error(c, &e) : PGCONN_CLOSED;
        if (c->state == PGCONN_STATE_QUERY) {
            err_set(&e, ERR_EOF, "%s", c->pq ? PQerrorMessage(c->pq) : "the connection is gone");
            text_one_line(&e);
        }
        pgconn_fail_now(c, &e, fail);
        return;
    }
    if (!c->graced) {
        /* libuv runs timers before it looks at descriptors: after a stall of our own (a starved or stopped machine) the
         * answer may be waiting already. Silence counts only after one more look, which is as late as we were. */
        const usec_t late = clock_now(clock_real()) - c->due_at;
        c->graced = true;
        uv_timer_start(&c->timer, on_timer,
                       (uint64_t)(GRACE_MS + (late > 0 ? 2 * late / USEC_PER_MS : 0)), 0);
        return;
    }
    const char *what = c->state == PGCONN_STATE_CONNECTING ? "no connection" : "no answer";
    err_set(&e, ERR_TIMEOUT, "%s within the deadline", what);
    pgconn_fail_now(c, &e, PGCONN_TIMEOUT);
}

static void timer_set(struct pgconn *c, usec_t timeout)
{
    const usec_t ms = (timeout + USEC_PER_MS - 1) / USEC_PER_MS;
    uv_update_time(c->loop);
    c->graced = false;
    c->due_at = clock_now(clock_real()) + timeout;
    uv_timer_start(&c->timer, on_timer, (uint64_t)(ms > 0 ? ms : 0), 0);
}

static void fail_later(struct pgconn *c)
{
    c->failed_early = true;
    uv_timer_start(&c->timer, on_timer, 0, 0);
}

/* ---- outcomes: each leaves the state it was in before it calls back, because the callback may close ---- */

static void pgconn_fail_now(struct pgconn *c, const struct err *e, enum pgconn_fail fail)
{
    const enum pgconn_state was = c->state;
    c->state = PGCONN_STATE_DEAD;
    uv_timer_stop(&c->timer);
    pq_drop(c);
    if (was == PGCONN_STATE_CONNECTING)
        c->on_connect(c->op_arg, e, fail);
    else if (was == PGCONN_STATE_QUERY)
        c->on_query(c->op_arg, NULL, e, fail);
    else if (was == PGCONN_STATE_IDLE && c->on_lost)
        c->on_lost(c->lost_arg, e, fail);
}

static void fail_closed(struct pgconn *c)
{
    struct err e = c->last_notice;
    const char *sqlstate = c->result ? PQresultErrorField(c->result, PG_DIAG_SQLSTATE) : NULL;
    if (!e.code && sqlstate) {
        err_set(&e, ERR_EOF, "%s", PQresultErrorField(c->result, PG_DIAG_MESSAGE_PRIMARY));
        str_copy(e.sqlstate, sizeof(e.sqlstate), sqlstate);
    }
    if (!e.code) {
        err_set(&e, ERR_EOF, "%s", PQerrorMessage(c->pq));
        text_one_line(&e);
    }
    if (!e.text[0])
        err_set(&e, ERR_EOF, "the server closed the connection");
    pgconn_fail_now(c, &e, PGCONN_CLOSED);
}

/* ---- connecting ---- */

static void step_connect(struct pgconn *c)
{
    /* libpq may close its socket and open another with the same number: never leave the old one in epoll. */
    if (c->poll) {
        uv_poll_stop(&c->poll->handle);
        c->poll->armed = 0;
    }
    const PostgresPollingStatusType s = PQconnectPoll(c->pq);
    if (s == PGRES_POLLING_READING || s == PGRES_POLLING_WRITING) {
        if (poll_want(c, s == PGRES_POLLING_READING ? UV_READABLE : UV_WRITABLE) == 0)
            return;
    }
    struct err e = {0};
    if (s != PGRES_POLLING_OK || PQsetnonblocking(c->pq, 1) != 0 ||
        poll_want(c, UV_READABLE) != 0) {
        const enum pgconn_fail fail = connect_error(c, &e);
        pgconn_fail_now(c, &e, fail);
        return;
    }
    c->state = PGCONN_STATE_IDLE;
    uv_timer_stop(&c->timer);
    c->on_connect(c->op_arg, &e, PGCONN_OK);
}

enum { KEYWORDS_MAX = 12 };

struct keywords {
    const char *keys[KEYWORDS_MAX + 1], *vals[KEYWORDS_MAX + 1];
    int n;
};

static void keyword_add(struct keywords *k, const char *key, const char *value)
{
    BUG_ON(k->n >= KEYWORDS_MAX);
    k->keys[k->n] = key;
    k->vals[k->n++] = value;
}

/* "dbname" with expansion carries the whole conninfo string; keywords behind it override it. */
static PGconn *connect_start(const struct pgconn_target *t)
{
    struct keywords k = {0};
    char port[8];
    const bool has_conninfo = t->conninfo && *t->conninfo;
    snprintf(port, sizeof(port), "%u", (unsigned)t->port);
    if (has_conninfo)
        keyword_add(&k, "dbname", t->conninfo);
    keyword_add(&k, "host", t->host);
    if (t->addr && *t->addr)
        keyword_add(&k, "hostaddr", t->addr);
    keyword_add(&k, "port", port);
    if (t->replication)
        keyword_add(&k, "replication", "true");
    keyword_add(&k, "application_name", "tanist");
    keyword_add(&k, "client_encoding", "UTF8");
    if (t->dbname)
        keyword_add(&k, "dbname", t->dbname);
    return PQconnectStartParams(k.keys, k.vals, has_conninfo ? 1 : 0);
}

void pgconn_connect(struct pgconn *c, const struct pgconn_target *t, usec_t timeout,
                    pgconn_connect_cb cb, void *arg)
{
    BUG_ON(c->state != PGCONN_STATE_NEW);
    c->unix_socket = t->host[0] == '/';
    c->replication = t->replication;
    c->on_connect = cb;
    c->op_arg = arg;
    c->state = PGCONN_STATE_CONNECTING;
    c->pq = connect_start(t);
    if (!c->pq || PQstatus(c->pq) == CONNECTION_BAD) {
        fail_later(c);
        return;
    }
    PQsetNoticeReceiver(c->pq, on_notice, c);
    timer_set(c, timeout);
    if (poll_want(c, UV_WRITABLE) != 0)
        fail_later(c);
}

/* ---- queries ---- */

static void query_done(struct pgconn *c)
{
    struct err e = {0};
    struct pgresult r = {.res = c->result};
    c->result = NULL;
    const pgconn_query_cb cb = c->on_query;
    void *arg = c->op_arg;
    enum pgconn_fail fail = PGCONN_OK;
    const ExecStatusType s = r.res ? PQresultStatus(r.res) : PGRES_FATAL_ERROR;
    if (s != PGRES_TUPLES_OK && s != PGRES_COMMAND_OK) {
        const char *text = r.res ? PQresultErrorField(r.res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
        const char *sqlstate = r.res ? PQresultErrorField(r.res, PG_DIAG_SQLSTATE) : NULL;
        err_set(&e, ERR_SERVER, "%s", text ? text : "the server gave no result");
        str_copy(e.sqlstate, sizeof(e.sqlstate), sqlstate ? sqlstate : "");
        fail = PGCONN_SERVER;
    }
    c->state = PGCONN_STATE_IDLE;
    uv_timer_stop(&c->timer);
    cb(arg, fail == PGCONN_OK ? &r : NULL, &e, fail); /* may close c or send the next query */
    PQclear(r.res);
}

void pgconn_on_notify(struct pgconn *c, pgconn_notify_cb cb)
{
    c->on_notify = cb;
}

static void take_notifications(struct pgconn *c)
{
    PGnotify *n;
    while (c->pq && (n = PQnotifies(c->pq)) != NULL) {
        if (c->on_notify)
            c->on_notify(c->lost_arg, n->relname, n->extra, n->be_pid);
        PQfreemem(n);
    }
}

static void step_query(struct pgconn *c)
{
    const int flush = PQflush(c->pq);
    if (!PQconsumeInput(c->pq) || flush < 0) {
        fail_closed(c);
        return;
    }
    while (!PQisBusy(c->pq)) {
        PGresult *res = PQgetResult(c->pq);
        if (!res) {
            take_notifications(c);
            if (PQstatus(c->pq) == CONNECTION_BAD)
                fail_closed(c);
            else
                query_done(c);
            return;
        }
        /* One statement gives one result; should there be more, an error wins, else the last. */
        if (c->result && PQresultStatus(c->result) == PGRES_FATAL_ERROR) {
            PQclear(res);
            continue;
        }
        PQclear(c->result);
        c->result = res;
    }
    if (poll_want(c, UV_READABLE | (flush > 0 ? UV_WRITABLE : 0)) != 0)
        fail_closed(c);
}

void pgconn_query(struct pgconn *c, const struct pgconn_query *q, pgconn_query_cb cb, void *arg)
{
    BUG_ON(c->state != PGCONN_STATE_IDLE);
    BUG_ON(c->replication && q->n_params > 0);
    c->state = PGCONN_STATE_QUERY;
    c->on_query = cb;
    c->op_arg = arg;
    timer_set(c, q->timeout);
    const int sent = q->n_params == 0 ? PQsendQuery(c->pq, q->sql)
                                      : PQsendQueryParams(c->pq, q->sql, q->n_params, NULL,
                                                          q->params, NULL, NULL, 0);
    if (!sent) {
        fail_later(c);
        return;
    }
    const int flush = PQflush(c->pq);
    if (flush < 0 || poll_want(c, UV_READABLE | (flush > 0 ? UV_WRITABLE : 0)) != 0)
        fail_later(c);
}

static void step_idle(struct pgconn *c)
{
    if (!PQconsumeInput(c->pq)) {
        fail_closed(c);
        return;
    }
    (void)PQisBusy(c->pq); /* parses notices and parameter changes */
    take_notifications(c);
    if (PQstatus(c->pq) == CONNECTION_BAD)
        fail_closed(c);
}

static void pgconn_step(struct pgconn *c)
{
    switch (c->state) {
    case PGCONN_STATE_CONNECTING:
        step_connect(c);
        return;
    case PGCONN_STATE_QUERY:
        step_query(c);
        return;
    case PGCONN_STATE_IDLE:
        step_idle(c);
        return;
    case PGCONN_STATE_NEW:
    case PGCONN_STATE_DEAD:
    case PGCONN_STATE_CLOSING:
        return;
    }
}

/* ---- life ---- */

struct pgconn *pgconn_new(uv_loop_t *loop, pgconn_lost_cb on_lost, void *arg)
{
    struct pgconn *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->loop = loop;
    c->state = PGCONN_STATE_NEW;
    c->poll_fd = -1;
    c->on_lost = on_lost;
    c->lost_arg = arg;
    BUG_ON(uv_timer_init(loop, &c->timer) != 0);
    c->timer.data = c;
    c->handles = 1;
    return c;
}

void pgconn_close(struct pgconn *c, void (*done)(void *arg), void *arg)
{
    if (!c || c->state == PGCONN_STATE_CLOSING)
        return;
    c->state = PGCONN_STATE_CLOSING;
    c->on_closed = done;
    c->closed_arg = arg;
    pq_drop(c);
    uv_timer_stop(&c->timer);
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

bool pgconn_usable(const struct pgconn *c)
{
    return c && c->state == PGCONN_STATE_IDLE;
}

bool pgconn_busy(const struct pgconn *c)
{
    return c && (c->state == PGCONN_STATE_CONNECTING || c->state == PGCONN_STATE_QUERY);
}

int pgconn_server_version(const struct pgconn *c)
{
    return c && c->pq ? PQserverVersion(c->pq) : 0;
}

int pgconn_backend_pid(const struct pgconn *c)
{
    return c && c->pq ? PQbackendPID(c->pq) : 0;
}

/* ---- results and conninfo ---- */

int pgresult_rows(const struct pgresult *r)
{
    return PQntuples(r->res);
}

int pgresult_cols(const struct pgresult *r)
{
    return PQnfields(r->res);
}

const char *pgresult_text(const struct pgresult *r, int row, int col)
{
    if (row < 0 || row >= PQntuples(r->res) || col < 0 || col >= PQnfields(r->res))
        return NULL;
    return PQgetisnull(r->res, row, col) ? NULL : PQgetvalue(r->res, row, col);
}

int pgresult_col(const struct pgresult *r, const char *name)
{
    return PQfnumber(r->res, name);
}

int pgconn_conninfo_each(const char *conninfo, pgconn_keyword_cb cb, void *arg, struct err *e)
{
    char *msg = NULL;
    PQconninfoOption *opts = PQconninfoParse(conninfo, &msg);
    if (!opts) {
        const int rc = err_set(e, ERR_INVALID, "%s", msg ? msg : "out of memory");
        text_one_line(e);
        PQfreemem(msg);
        return rc;
    }
    int rc = 0;
    for (const PQconninfoOption *o = opts; o->keyword && rc == 0; o++) {
        if (o->val)
            rc = cb(arg, o->keyword, o->val, e);
    }
    PQconninfoFree(opts);
    return rc;
}
