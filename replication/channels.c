#include "channels.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "manager_private.h"
#include "pgconn.h"

enum { RETRY_MS = 100, DBNAME_MAX = 64 };

static const usec_t CONNECT_MAX = 5 * USEC_PER_SEC, COMMAND_MAX = 10 * USEC_PER_SEC;

struct channel {
    struct list_node link;
    bool wanted, listening;
    char name[CHANNELS_NAME_MAX];
};

/* The connection for one database. */
struct ear {
    struct list_node link;
    struct channels *service;
    int cluster;
    char dbname[DBNAME_MAX];
    char node[TOPO_NAME_MAX]; /* connected to */
    struct pgconn *conn;
    struct list channels;
    struct channel *current; /* the command under way is about it */
};

struct channels {
    struct manager *m;
    const struct channels_ops *ops;
    void *arg;
    struct list ears;
    int n;
    uv_timer_t timer;
    void (*done)(void *arg);
    void *done_arg;
};

static void ear_step(struct ear *r);

static void tell(struct ear *r, const struct channel *ch, const struct err *e)
{
    struct channels *s = r->service;
    s->ops->listening(s->arg, r->cluster, r->dbname, ch->name, e);
}

static void channel_free(struct ear *r, struct channel *ch)
{
    list_remove(&r->channels, &ch->link);
    r->service->n--;
    free(ch);
}

static void ear_disconnect(struct ear *r)
{
    if (r->conn)
        pgconn_close(r->conn, NULL, NULL);
    r->conn = NULL;
    r->current = NULL;
    r->node[0] = '\0';
    LIST_FOR_EACH (n, &r->channels) {
        struct channel *ch = LIST_ENTRY(n, struct channel, link);
        ch->listening = false;
        if (!ch->wanted)
            channel_free(r, ch);
    }
}

static void ear_free(struct ear *r)
{
    LIST_FOR_EACH (n, &r->channels)
        LIST_ENTRY(n, struct channel, link)->wanted = false;
    ear_disconnect(r);
    list_remove(&r->service->ears, &r->link);
    free(r);
}

static void on_lost(void *arg, const struct err *e, enum pgconn_fail fail)
{
    struct ear *r = arg;
    (void)fail;
    log_info("channels.lost", "connection that listens in database %s was lost: %s", r->dbname,
             e->text);
    ear_disconnect(r);
}

static void on_notify(void *arg, const char *channel, const char *payload, int pid)
{
    struct ear *r = arg;
    r->service->ops->notified(r->service->arg, r->cluster, r->dbname, channel, payload, pid);
}

static void on_connected(void *arg, const struct err *e, enum pgconn_fail fail)
{
    struct ear *r = arg;
    if (fail == PGCONN_OK) {
        ear_step(r);
        return;
    }
    const struct err err = *e;
    ear_disconnect(r);
    LIST_FOR_EACH (n, &r->channels)
        tell(r, LIST_ENTRY(n, struct channel, link), &err);
}

static void ear_connect(struct ear *r, int node)
{
    struct action_place at;
    cluster_place(r->service->m->clusters[r->cluster], node, &at);
    r->conn = pgconn_new(&r->service->m->loop->uv, on_lost, r);
    if (!r->conn)
        return;
    pgconn_on_notify(r->conn, on_notify);
    str_copy(r->node, sizeof(r->node), at.name);
    const struct pgconn_target target = {.conninfo = at.conninfo,
                                         .host = at.host,
                                         .addr = at.addr,
                                         .port = at.port,
                                         .dbname = r->dbname};
    pgconn_connect(r->conn, &target, CONNECT_MAX, on_connected, r);
    memset(&at, 0, sizeof(at));
}

static void on_answer(void *arg, const struct pgresult *res, const struct err *e,
                      enum pgconn_fail fail)
{
    struct ear *r = arg;
    struct channel *ch = r->current;
    const struct err err = *e;
    (void)res;
    r->current = NULL;
    if (fail != PGCONN_OK || !pgconn_usable(r->conn)) {
        ear_disconnect(r);
        if (ch && ch->wanted)
            tell(r, ch, &err);
        return;
    }
    ch->listening = !ch->listening;
    if (ch->listening && ch->wanted)
        tell(r, ch, &err);
    else if (!ch->listening && !ch->wanted)
        channel_free(r, ch);
    ear_step(r);
}

static struct channel *next_change(const struct ear *r)
{
    LIST_FOR_EACH (n, &r->channels) {
        struct channel *ch = LIST_ENTRY(n, struct channel, link);
        if (ch->wanted != ch->listening)
            return ch;
    }
    return NULL;
}

static void ear_step(struct ear *r)
{
    const struct cluster *c = r->service->m->clusters[r->cluster];
    const int writer = c->topo.writer;
    if (r->conn && (writer < 0 || strcmp(c->view.nodes[writer].name, r->node) != 0))
        ear_disconnect(r);
    if (r->current || pgconn_busy(r->conn) || writer < 0 || list_empty(&r->channels))
        return;
    if (!pgconn_usable(r->conn)) {
        ear_disconnect(r);
        ear_connect(r, writer);
        return;
    }
    struct channel *ch = next_change(r);
    if (!ch)
        return;
    char sql[CHANNELS_NAME_MAX * 2 + 16];
    struct strbuf b;
    strbuf_init(&b, sql, sizeof(sql));
    strbuf_adds(&b, ch->wanted ? "LISTEN " : "UNLISTEN ");
    strbuf_add_sql_ident(&b, ch->name);
    BUG_ON(b.truncated);
    r->current = ch;
    const struct pgconn_query q = {.sql = sql, .timeout = COMMAND_MAX};
    pgconn_query(r->conn, &q, on_answer, r);
}

static void on_timer(uv_timer_t *t)
{
    struct channels *s = t->data;
    LIST_FOR_EACH (n, &s->ears) {
        struct ear *r = LIST_ENTRY(n, struct ear, link);
        ear_step(r);
        if (list_empty(&r->channels) && !pgconn_busy(r->conn))
            ear_free(r);
    }
    if (list_empty(&s->ears))
        uv_timer_stop(t);
}

static struct ear *ear_find(struct channels *s, int cluster, const char *dbname)
{
    LIST_FOR_EACH (n, &s->ears) {
        struct ear *r = LIST_ENTRY(n, struct ear, link);
        if (r->cluster == cluster && strcmp(r->dbname, dbname) == 0)
            return r;
    }
    return NULL;
}

static struct ear *ear_new(struct channels *s, int cluster, const char *dbname)
{
    struct ear *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->service = s;
    r->cluster = cluster;
    str_copy(r->dbname, sizeof(r->dbname), dbname);
    list_init(&r->channels);
    list_push_back(&s->ears, &r->link);
    if (!uv_is_active((uv_handle_t *)&s->timer))
        uv_timer_start(&s->timer, on_timer, RETRY_MS, RETRY_MS);
    return r;
}

static struct channel *channel_find(const struct ear *r, const char *name)
{
    LIST_FOR_EACH (n, &r->channels) {
        struct channel *ch = LIST_ENTRY(n, struct channel, link);
        if (strcmp(ch->name, name) == 0)
            return ch;
    }
    return NULL;
}

void manager_channels(struct manager *m, const struct channels_ops *ops, void *arg)
{
    m->channels->ops = ops;
    m->channels->arg = arg;
}

int manager_listen(struct manager *m, int cluster, const char *dbname, const char *channel,
                   struct err *e)
{
    struct channels *s = m->channels;
    loop_assert_owner(m->loop);
    if (m->closing || cluster < 0 || cluster >= m->n_clusters)
        return err_set(e, ERR_CANCELED, "the daemon stops");
    if (strlen(channel) >= CHANNELS_NAME_MAX || strlen(dbname) >= DBNAME_MAX ||
        s->n >= CHANNELS_MAX)
        return err_set(e, ERR_LIMIT, "too many channels, or too long a name");
    struct ear *r = ear_find(s, cluster, dbname);
    if (!r)
        r = ear_new(s, cluster, dbname);
    struct channel *ch = r ? channel_find(r, channel) : NULL;
    if (r && !ch && (ch = calloc(1, sizeof(*ch)))) {
        str_copy(ch->name, sizeof(ch->name), channel);
        list_push_front(&r->channels, &ch->link); /* what is new is done first */
        s->n++;
    }
    if (!ch)
        return err_set(e, ERR_NOMEM, "out of memory");
    const struct err none = {0};
    ch->wanted = true;
    if (ch->listening && r->current != ch)
        tell(r, ch, &none);
    else
        ear_step(r);
    return 0;
}

void manager_unlisten(struct manager *m, int cluster, const char *dbname, const char *channel)
{
    loop_assert_owner(m->loop);
    struct ear *r = m->closing ? NULL : ear_find(m->channels, cluster, dbname);
    struct channel *ch = r ? channel_find(r, channel) : NULL;
    if (!ch)
        return;
    ch->wanted = false;
    if (!ch->listening && r->current != ch)
        channel_free(r, ch);
    else
        ear_step(r);
}

/* ---- life ---- */

struct channels *channels_new(struct manager *m)
{
    struct channels *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->m = m;
    list_init(&s->ears);
    BUG_ON(uv_timer_init(&m->loop->uv, &s->timer) != 0);
    s->timer.data = s;
    return s;
}

static void on_timer_closed(uv_handle_t *h)
{
    struct channels *s = h->data;
    void (*done)(void *) = s->done;
    void *arg = s->done_arg;
    free(s);
    done(arg);
}

void channels_close(struct channels *s, void (*done)(void *arg), void *arg)
{
    s->done = done;
    s->done_arg = arg;
    while (!list_empty(&s->ears))
        ear_free(LIST_ENTRY(list_first(&s->ears), struct ear, link));
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}
