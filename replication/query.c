#include "query.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/list.h"
#include "base/str.h"
#include "manager_private.h"
#include "pgconn.h"

enum { LINES_MAX = 512, DBNAME_MAX = 64, RETRY_MS = 50 };

static const usec_t IDLE_MAX = 60 * USEC_PER_SEC;
static const usec_t REPLICA_WAIT = USEC_PER_SEC;

struct query_result {
    const struct pgresult *res;
};

/* A request with copies of everything, in one block of memory. */
struct request {
    struct list_node link;
    query_cb cb;
    void *arg;
    usec_t deadline;
    lsn_t replica_at;
    usec_t replica_until;
    const char *sql;
    const char *params[QUERY_PARAMS_MAX];
    int n_params;
    char data[];
};

/* The connection for one (cluster, database, kind of node), and who waits for it. */
struct line {
    struct list_node link;
    struct query_service *service;
    int cluster;
    bool has_dbname, on_replica;
    char dbname[DBNAME_MAX];
    char node[TOPO_NAME_MAX]; /* connected to */
    struct pgconn *conn;
    usec_t connected_at;
    struct list waiting;
    struct request *current;
    usec_t used_at;
    struct err last_error;
};

struct query_service {
    struct manager *m;
    struct list lines;
    int pending;
    uv_timer_t timer; /* retries, deadlines, idle connections */
    int closing;
    void (*done)(void *arg);
    void *done_arg;
};

static void line_step(struct line *l);

int query_n_rows(const struct query_result *r)
{
    return pgresult_rows(r->res);
}

int query_n_cols(const struct query_result *r)
{
    return pgresult_cols(r->res);
}

const char *query_text(const struct query_result *r, int row, int col)
{
    return pgresult_text(r->res, row, col);
}

/* ---- requests ---- */

static void request_end(struct line *l, struct request *q, const struct pgresult *res,
                        const struct err *e)
{
    const struct query_result r = {.res = res};
    const query_cb cb = q->cb;
    void *arg = q->arg;
    l->service->pending--;
    free(q);
    cb(arg, res ? &r : NULL, e);
}

static const char *copy_in(char **at, const char *text)
{
    const size_t n = strlen(text) + 1;
    char *to = *at;
    memcpy(to, text, n);
    *at += n;
    return to;
}

static struct request *request_new(const struct query_spec *spec, query_cb cb, void *arg,
                                   usec_t now)
{
    size_t size = strlen(spec->sql) + 1;
    for (int i = 0; i < spec->n_params; i++)
        size += spec->params[i] ? strlen(spec->params[i]) + 1 : 0;
    struct request *q = calloc(1, sizeof(*q) + size);
    if (!q)
        return NULL;
    char *at = q->data;
    q->cb = cb;
    q->arg = arg;
    q->deadline = now + spec->timeout;
    q->replica_at = spec->replica_at;
    q->replica_until = now + REPLICA_WAIT;
    q->n_params = spec->n_params;
    q->sql = copy_in(&at, spec->sql);
    for (int i = 0; i < spec->n_params; i++)
        q->params[i] = spec->params[i] ? copy_in(&at, spec->params[i]) : NULL;
    return q;
}

static struct request *request_pop(struct list *waiting)
{
    struct list_node *n = list_pop_front(waiting);
    BUG_ON(!n);
    return LIST_ENTRY(n, struct request, link);
}

/* ---- lines ---- */

static void service_closed_one(void *arg)
{
    struct query_service *s = arg;
    if (--s->closing > 0)
        return;
    void (*done)(void *) = s->done;
    void *done_arg = s->done_arg;
    free(s);
    done(done_arg);
}

static int readable_node(const struct topology *t)
{
    for (int i = 0; i < t->n_nodes; i++) {
        if (t->nodes[i].unreadable == READ_OK && t->nodes[i].role == ROLE_REPLICA)
            return i;
    }
    for (int i = 0; i < t->n_nodes; i++) {
        if (t->nodes[i].role == ROLE_REPLICA && t->nodes[i].unreadable != READ_DOWN)
            return i;
    }
    return t->writer;
}

static bool has_replayed(const struct topo_node *n, lsn_t at)
{
    return n->role == ROLE_REPLICA && n->unreadable == READ_OK && n->replay_lsn >= at;
}

/* A replica for the first request that waits; -1: soon; else the writer. */
static int replica_node(const struct line *l, const struct topology *t)
{
    struct manager *m = l->service->m;
    const struct request *q = LIST_ENTRY(list_first(&l->waiting), struct request, link);
    int here = l->conn ? topology_find(t, l->node) : -1, any = -1, has = -1;
    for (int i = 0; i < t->n_nodes; i++) {
        any = has_replayed(&t->nodes[i], 0) ? i : any;
        has = has_replayed(&t->nodes[i], q->replica_at) ? i : has;
    }
    if (here >= 0 && !has_replayed(&t->nodes[here], q->replica_at))
        here = -1;
    /* A server that restarted may replay less at first: what is known of it must be newer than the connection. */
    if (here >= 0 && t->nodes[here].replay_at > l->connected_at)
        return here;
    if (here < 0 && has >= 0)
        return has;
    if (any < 0 || clock_now(m->clock) >= q->replica_until)
        return t->writer;
    cluster_want_sample(m->clusters[l->cluster], true);
    return -1;
}

/* Which node serves this line now; -1 none, or none yet. */
static int line_node(const struct line *l)
{
    const struct topology *t = &l->service->m->clusters[l->cluster]->topo;
    /* A writer that only we lost (a replica vetoes) still serves: who knows it from a replica goes on. */
    if (t->writer < 0 || (!l->on_replica && t->nodes[t->writer].unreadable == READ_DOWN))
        return readable_node(t);
    return l->on_replica ? replica_node(l, t) : t->writer;
}

static void line_disconnect(struct line *l)
{
    if (!l->conn)
        return;
    pgconn_close(l->conn, NULL, NULL);
    l->conn = NULL;
    l->node[0] = '\0';
}

static void on_lost(void *arg, const struct err *e, enum pgconn_fail fail)
{
    (void)e;
    (void)fail;
    line_disconnect(arg);
}

static void on_connected(void *arg, const struct err *e, enum pgconn_fail fail)
{
    struct line *l = arg;
    if (fail == PGCONN_OK) {
        l->connected_at = clock_now(l->service->m->clock);
        line_step(l);
        return;
    }
    l->last_error = *e;
    line_disconnect(l);
    /* A database or a login that the server refuses will not come by waiting; who wants a replica has another choice. */
    const bool final = fail == PGCONN_AUTH || strcmp(e->sqlstate, "3D000") == 0 || l->on_replica;
    while (final && !list_empty(&l->waiting)) {
        struct request *q = request_pop(&l->waiting);
        request_end(l, q, NULL, &l->last_error);
    }
}

static void line_connect(struct line *l, int node)
{
    struct action_place at;
    cluster_place(l->service->m->clusters[l->cluster], node, &at);
    l->conn = pgconn_new(&l->service->m->loop->uv, on_lost, l);
    if (!l->conn)
        return;
    str_copy(l->node, sizeof(l->node), at.name);
    const struct pgconn_target target = {.conninfo = at.conninfo,
                                         .host = at.host,
                                         .addr = at.addr,
                                         .port = at.port,
                                         .dbname = l->has_dbname ? l->dbname : NULL};
    pgconn_connect(l->conn, &target, 5 * USEC_PER_SEC, on_connected, l);
    memset(&at, 0, sizeof(at));
}

static void on_answer(void *arg, const struct pgresult *r, const struct err *e,
                      enum pgconn_fail fail)
{
    struct line *l = arg;
    struct request *q = l->current;
    struct err err = *e;
    (void)fail;
    l->current = NULL;
    l->used_at = clock_now(l->service->m->clock);
    if (r && pgresult_rows(r) > QUERY_ROWS_MAX) {
        err_set(&err, ERR_LIMIT, "more than %d rows", QUERY_ROWS_MAX);
        r = NULL;
    }
    if (!pgconn_usable(l->conn))
        line_disconnect(l);
    request_end(l, q, r, &err);
    if (!l->service->closing)
        line_step(l);
}

static void line_step(struct line *l)
{
    if (l->current || list_empty(&l->waiting) || pgconn_busy(l->conn))
        return;
    const struct cluster *c = l->service->m->clusters[l->cluster];
    const int node = line_node(l);
    if (l->conn && node < 0 && l->on_replica)
        return; /* it, or another one, will have the position soon */
    if (l->conn && (node < 0 || strcmp(c->view.nodes[node].name, l->node) != 0))
        line_disconnect(l);
    if (node < 0) {
        err_set(&l->last_error, ERR_STATE, "cluster %s has no node that can answer", c->conf.name);
        return; /* the timer tries again */
    }
    if (!pgconn_usable(l->conn)) {
        line_disconnect(l);
        line_connect(l, node);
        return;
    }
    l->current = request_pop(&l->waiting);
    const usec_t left = l->current->deadline - clock_now(l->service->m->clock);
    const struct pgconn_query q = {.sql = l->current->sql,
                                   .params = l->current->params,
                                   .n_params = l->current->n_params,
                                   .timeout = left > USEC_PER_MS ? left : USEC_PER_MS};
    pgconn_query(l->conn, &q, on_answer, l);
}

static void line_expire(struct line *l, usec_t now)
{
    LIST_FOR_EACH (n, &l->waiting) {
        struct request *q = LIST_ENTRY(n, struct request, link);
        if (q->deadline > now)
            continue;
        struct err e = l->last_error;
        list_remove(&l->waiting, &q->link);
        if (!e.code)
            err_set(&e, ERR_TIMEOUT, "no answer within the deadline");
        request_end(l, q, NULL, &e);
    }
}

static void line_free(struct line *l)
{
    line_disconnect(l);
    list_remove(&l->service->lines, &l->link);
    free(l);
}

static void on_timer(uv_timer_t *t)
{
    struct query_service *s = t->data;
    const usec_t now = clock_now(s->m->clock);
    LIST_FOR_EACH (n, &s->lines) {
        struct line *l = LIST_ENTRY(n, struct line, link);
        line_expire(l, now);
        line_step(l);
        if (!l->current && list_empty(&l->waiting) && !pgconn_busy(l->conn) &&
            now - l->used_at > IDLE_MAX)
            line_free(l);
    }
}

static struct line *line_find(struct query_service *s, const struct query_spec *spec)
{
    LIST_FOR_EACH (n, &s->lines) {
        struct line *l = LIST_ENTRY(n, struct line, link);
        const bool same_db =
            spec->dbname ? l->has_dbname && strcmp(l->dbname, spec->dbname) == 0 : !l->has_dbname;
        if (l->cluster == spec->cluster && l->on_replica == (spec->replica_at != 0) && same_db)
            return l;
    }
    return NULL;
}

static struct line *line_new(struct query_service *s, const struct query_spec *spec, struct err *e)
{
    if (s->lines.count >= LINES_MAX) {
        err_set(e, ERR_LIMIT, "more than %d databases are asked", LINES_MAX);
        return NULL;
    }
    struct line *l = calloc(1, sizeof(*l));
    if (!l) {
        err_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    l->service = s;
    l->cluster = spec->cluster;
    l->on_replica = spec->replica_at != 0;
    l->has_dbname = spec->dbname != NULL;
    l->used_at = clock_now(s->m->clock);
    str_copy(l->dbname, sizeof(l->dbname), spec->dbname ? spec->dbname : "");
    list_init(&l->waiting);
    list_push_back(&s->lines, &l->link);
    return l;
}

static void on_first_timer(uv_timer_t *t)
{
    on_timer(t);
    uv_timer_start(t, on_timer, RETRY_MS, RETRY_MS);
}

int manager_query(struct manager *m, const struct query_spec *spec, query_cb cb, void *arg,
                  struct err *e)
{
    struct query_service *s = m->query;
    loop_assert_owner(m->loop);
    if (m->closing || !s)
        return err_set(e, ERR_CANCELED, "the daemon stops");
    if (spec->cluster < 0 || spec->cluster >= m->n_clusters)
        return err_set(e, ERR_NOTFOUND, "there is no such cluster");
    if (spec->n_params < 0 || spec->n_params > QUERY_PARAMS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d parameters", QUERY_PARAMS_MAX);
    if (spec->dbname && strlen(spec->dbname) >= DBNAME_MAX)
        return err_set(e, ERR_INVALID, "the name of the database is too long");
    if (s->pending >= QUERY_PENDING_MAX)
        return err_set(e, ERR_LIMIT, "more than %d queries wait", QUERY_PENDING_MAX);
    struct line *l = line_find(s, spec);
    if (!l)
        l = line_new(s, spec, e);
    if (!l)
        return e->code;
    struct request *q = request_new(spec, cb, arg, clock_now(m->clock));
    if (!q)
        return err_set(e, ERR_NOMEM, "out of memory");
    s->pending++;
    err_clear(&l->last_error);
    list_push_back(&l->waiting, &q->link);
    /* Now, but never from within this call: pgconn calls back in a later turn, and failures come by the timer. */
    line_step(l);
    if (!uv_is_active((uv_handle_t *)&s->timer))
        uv_timer_start(&s->timer, on_first_timer, RETRY_MS, 0);
    return 0;
}

/* ---- life ---- */

struct query_service *query_service_new(struct manager *m)
{
    struct query_service *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->m = m;
    list_init(&s->lines);
    BUG_ON(uv_timer_init(&m->loop->uv, &s->timer) != 0);
    s->timer.data = s;
    return s;
}

static void on_timer_closed(uv_handle_t *h)
{
    service_closed_one(h->data);
}

static void line_cancel(struct line *l)
{
    struct err e;
    err_set(&e, ERR_CANCELED, "the daemon stops");
    line_disconnect(l);
    if (l->current) {
        struct request *q = l->current;
        l->current = NULL;
        request_end(l, q, NULL, &e);
    }
    while (!list_empty(&l->waiting)) {
        struct request *q = request_pop(&l->waiting);
        request_end(l, q, NULL, &e);
    }
}

void query_service_close(struct query_service *s, void (*done)(void *arg), void *arg)
{
    s->done = done;
    s->done_arg = arg;
    s->closing = 1;
    LIST_FOR_EACH (n, &s->lines) {
        struct line *l = LIST_ENTRY(n, struct line, link);
        line_cancel(l);
        line_free(l);
    }
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}
