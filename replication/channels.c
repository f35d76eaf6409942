#include "channels.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "manager_private.h"
#include "pgconn.h"

enum { RETRY_MS = 100, DBNAME_MAX = 64, BATCH_MAX = 50, BUCKETS = 512 };

/* SYNC_MAX: the longest that anybody waits for a connection that does not answer. */
static const usec_t CONNECT_MAX = 5 * USEC_PER_SEC, COMMAND_MAX = 10 * USEC_PER_SEC,
                    SYNC_MAX = 5 * USEC_PER_SEC;

struct channel {
    struct list_node link, of_bucket;
    bool wanted, listening;
    bool asked; /* the command under way turns listening */
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
    struct list by_name[BUCKETS];
    bool commanding;    /* LISTEN and UNLISTEN are under way */
    usec_t sync_since;  /* manager_channels_sync waits; 0: it does not */
    bool syncing, late; /* its query is under way; the last one has waited too long */
    usec_t lost_at;     /* what was sent since is lost; 0: nothing */
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

static usec_t now_of(const struct ear *r)
{
    return clock_now(r->service->m->clock);
}

static void synced(struct ear *r)
{
    struct channels *s = r->service;
    if (r->sync_since == 0)
        return;
    r->sync_since = 0;
    s->ops->synced(s->arg, r->cluster, r->dbname);
}

static struct list *bucket_of(struct ear *r, const char *name)
{
    return &r->by_name[slice_hash(slice_of(name)) % BUCKETS];
}

static void channel_free(struct ear *r, struct channel *ch)
{
    list_remove(&r->channels, &ch->link);
    list_remove(bucket_of(r, ch->name), &ch->of_bucket);
    r->service->n--;
    free(ch);
}

static void ear_disconnect(struct ear *r)
{
    if (r->conn)
        pgconn_close(r->conn, NULL, NULL);
    r->conn = NULL;
    r->commanding = r->syncing = false;
    r->node[0] = '\0';
    LIST_FOR_EACH (n, &r->channels) {
        struct channel *ch = LIST_ENTRY(n, struct channel, link);
        if (ch->listening && r->lost_at == 0)
            r->lost_at = now_of(r);
        ch->listening = ch->asked = false;
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
    if (!r->service->m->closing)
        synced(r);
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
    synced(r);
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

/* The commands were done, all of them or none. */
static void on_answer(void *arg, const struct pgresult *res, const struct err *e,
                      enum pgconn_fail fail)
{
    struct ear *r = arg;
    const struct err err = *e;
    const bool ok = fail == PGCONN_OK && pgconn_usable(r->conn);
    (void)res;
    r->commanding = false;
    LIST_FOR_EACH (n, &r->channels) {
        struct channel *ch = LIST_ENTRY(n, struct channel, link);
        if (!ch->asked)
            continue;
        ch->asked = false;
        ch->listening ^= ok;
        if (ch->wanted && (ch->listening || !ok))
            tell(r, ch, &err);
        else if (!ch->wanted && !ch->listening)
            channel_free(r, ch);
    }
    if (ok)
        ear_step(r);
    else
        ear_disconnect(r);
}

/* Until here it has heard everything that was sent before the question. */
static void on_sync_answer(void *arg, const struct pgresult *res, const struct err *e,
                           enum pgconn_fail fail)
{
    struct ear *r = arg;
    (void)res;
    r->syncing = r->late = false;
    if (fail != PGCONN_OK || !pgconn_usable(r->conn)) {
        log_info("channels.lost", "connection that listens in database %s was lost: %s", r->dbname,
                 e->text);
        ear_disconnect(r);
    }
    synced(r);
    ear_step(r);
}

/* LISTEN and UNLISTEN for some of the channels that need it; 0: none does. */
static int add_commands(struct ear *r, struct strbuf *b)
{
    int n_asked = 0;
    LIST_FOR_EACH (n, &r->channels) {
        struct channel *ch = LIST_ENTRY(n, struct channel, link);
        if (ch->wanted == ch->listening)
            continue;
        ch->asked = true;
        strbuf_adds(b, ch->wanted ? "LISTEN " : "UNLISTEN ");
        strbuf_add_sql_ident(b, ch->name);
        strbuf_addc(b, ';');
        if (++n_asked == BATCH_MAX)
            break;
    }
    BUG_ON(b->truncated);
    return n_asked;
}

static void ear_ask(struct ear *r)
{
    struct channels *s = r->service;
    char sql[BATCH_MAX * (CHANNELS_NAME_MAX * 2 + 16)];
    struct strbuf b;
    strbuf_init(&b, sql, sizeof(sql));
    if (add_commands(r, &b) > 0) {
        const struct pgconn_query q = {.sql = sql, .timeout = COMMAND_MAX};
        r->commanding = true;
        pgconn_query(r->conn, &q, on_answer, r);
        return;
    }
    if (r->lost_at) {
        const usec_t gap = now_of(r) - r->lost_at;
        r->lost_at = 0;
        s->ops->resumed(s->arg, r->cluster, r->dbname, gap);
    }
    if (r->sync_since) {
        const struct pgconn_query q = {.sql = "SELECT", .timeout = COMMAND_MAX};
        r->syncing = true;
        pgconn_query(r->conn, &q, on_sync_answer, r);
    }
}

static void ear_step(struct ear *r)
{
    const struct cluster *c = r->service->m->clusters[r->cluster];
    const int writer = c->topo.writer;
    if (r->conn && (writer < 0 || strcmp(c->view.nodes[writer].name, r->node) != 0))
        ear_disconnect(r);
    if (writer < 0 || list_empty(&r->channels)) {
        synced(r);
        return;
    }
    if (r->commanding || pgconn_busy(r->conn))
        return;
    if (pgconn_usable(r->conn)) {
        ear_ask(r);
        return;
    }
    ear_disconnect(r);
    ear_connect(r, writer);
}

/* Whoever waits for it has waited long enough; and so has everybody until it answers again. */
static void give_up_sync(struct ear *r)
{
    if (r->sync_since == 0 || now_of(r) - r->sync_since < SYNC_MAX)
        return;
    log_warning("channels.late", "the connection that listens in database %s does not answer",
                r->dbname);
    r->late = true;
    synced(r);
}

static void on_timer(uv_timer_t *t)
{
    struct channels *s = t->data;
    LIST_FOR_EACH (n, &s->ears) {
        struct ear *r = LIST_ENTRY(n, struct ear, link);
        ear_step(r);
        give_up_sync(r);
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
    for (int i = 0; i < BUCKETS; i++)
        list_init(&r->by_name[i]);
    list_push_back(&s->ears, &r->link);
    if (!uv_is_active((uv_handle_t *)&s->timer))
        uv_timer_start(&s->timer, on_timer, RETRY_MS, RETRY_MS);
    return r;
}

static struct channel *channel_find(struct ear *r, const char *name)
{
    LIST_FOR_EACH (n, bucket_of(r, name)) {
        struct channel *ch = LIST_ENTRY(n, struct channel, of_bucket);
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
        list_push_front(bucket_of(r, channel), &ch->of_bucket);
        s->n++;
    }
    if (!ch)
        return err_set(e, ERR_NOMEM, "out of memory");
    const struct err none = {0};
    ch->wanted = true;
    if (ch->listening && !ch->asked)
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
    if (!ch->listening && !ch->asked)
        channel_free(r, ch);
    else
        ear_step(r);
}

void manager_channels_sync(struct manager *m, int cluster, const char *dbname)
{
    struct channels *s = m->channels;
    loop_assert_owner(m->loop);
    struct ear *r = m->closing ? NULL : ear_find(s, cluster, dbname);
    if (!r || r->late) {
        s->ops->synced(s->arg, cluster, dbname);
        return;
    }
    BUG_ON(r->sync_since != 0);
    r->sync_since = now_of(r);
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
