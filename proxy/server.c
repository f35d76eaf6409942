#include "server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/un.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "../replication/manager.h"
#include "cancel.h"
#include "client.h"
#include "home.h"
#include "drain.h"
#include "pool.h"
#include "relay.h"
#include "wire/encode.h"
#include "wire/scram.h"
#include "worker.h"

static const char *const state_names[SERVER_NR] = {
    "none",           "new",   "new", "new", "login", "idle", "active", "tested", "active",
    "being_canceled", "closed"};

const char *server_state_name(enum server_state st)
{
    return st > SERVER_NONE && st < SERVER_NR ? state_names[st] : "?";
}

static void on_ready(struct stream *st)
{
    server_login_begin(CONTAINER_OF(st, struct server, st));
}

static void on_readable(struct stream *st)
{
    struct server *s = CONTAINER_OF(st, struct server, st);
    if (s->state < SERVER_IDLE)
        server_login_on_bytes(s);
    else if (s->state == SERVER_RELAYING)
        relay_on_server(s);
    else
        server_on_reply(s);
}

/* The server takes input again: the client may go on. */
static void on_drained(struct stream *st)
{
    struct server *s = CONTAINER_OF(st, struct server, st);
    if (s->client)
        client_process(s->client);
    else if (s->relay)
        stream_resume(&s->relay->st);
}

void server_broken(struct server *s, const struct err *e, bool aborted)
{
    manager_hint(s->w->proxy->manager, s->pool->group->cluster, s->pool->node);
    if (s->state < SERVER_IDLE) {
        server_login_fail(s, e);
        return;
    }
    struct client *c = s->client;
    s->close_after = true;
    if (c) {
        char why[ERR_TEXT_MAX];
        str_copy(why, sizeof(why), e->text);
        client_doubt_owed(s, &s->w->owed);
        server_drop_expectations(s);
        c->server = NULL;
        s->client = NULL;
        server_close(s, why);
        client_on_server_lost(c, aborted, why);
        return;
    }
    server_close(s, e->text);
}

static void on_hangup(struct stream *st)
{
    struct err e;
    err_set(&e, ERR_EOF, "server closed the connection");
    server_broken(CONTAINER_OF(st, struct server, st), &e, false);
}

static void on_error(struct stream *st, const struct err *e)
{
    server_broken(CONTAINER_OF(st, struct server, st), e, false);
}

static const struct stream_ops ops = {.on_ready = on_ready,
                                      .on_readable = on_readable,
                                      .on_drained = on_drained,
                                      .on_hangup = on_hangup,
                                      .on_error = on_error};

/* The node's address as the manager resolved it. */
static socklen_t node_address(const struct topo_node *n, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    if (n->host[0] == '/') {
        struct sockaddr_un *un = (struct sockaddr_un *)(void *)out;
        un->sun_family = AF_UNIX;
        const int len =
            snprintf(un->sun_path, sizeof(un->sun_path), "%s/.s.PGSQL.%u", n->host, n->port);
        if (len < 0 || (size_t)len >= sizeof(un->sun_path))
            return 0;
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len + 1);
    }
    struct sockaddr_in *in4 = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)out;
    const char *addr = n->addr[0] ? n->addr : n->host;
    if (inet_pton(AF_INET, addr, &in4->sin_addr) == 1) {
        in4->sin_family = AF_INET;
        in4->sin_port = htons(n->port);
        return sizeof(*in4);
    }
    if (inet_pton(AF_INET6, addr, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(n->port);
        return sizeof(*in6);
    }
    return 0;
}

socklen_t server_address(const struct pool *p, struct sockaddr_storage *out)
{
    const struct topology *t = worker_topo(p->group->w, p->group->cluster);
    return t && p->node < t->n_nodes ? node_address(&t->nodes[p->node], out) : 0;
}

struct server *server_open(struct pool *p, struct err *e)
{
    struct worker *w = p->group->w;
    const struct topology *t = worker_topo(w, p->group->cluster);
    struct sockaddr_storage addr;
    const socklen_t len = server_address(p, &addr);
    if (len == 0) {
        err_set(e, ERR_NOTFOUND, "address of node %s is not known", p->name);
        return NULL;
    }
    struct server *s =
        calloc(1, sizeof(*s)); /* not of a slab: it may end its life on another worker */
    if (!s) {
        err_set(e, ERR_NOMEM, "no memory for a server connection");
        return NULL;
    }
    s->pool = p;
    s->limit = p->limit;
    s->w = w;
    s->id = worker_serial(w);
    s->jitter = (uint32_t)prng_next(&w->prng);
    s->role_since = t->nodes[p->node].role_since;
    s->defaults = atomic_load_explicit(&w->proxy->defaults, memory_order_relaxed);
    s->connected_at = s->last_used = worker_now();
    s->deadline = s->connected_at + (p->group->conf.server_connect_timeout
                                         ? p->group->conf.server_connect_timeout
                                         : 15 * USEC_PER_SEC);
    pipeline_init(&s->pl, s->pl_inline, PL_INLINE);
    sstmt_init(&s->prepared);
    s->state = SERVER_CONNECTING;
    if (stream_connect(&s->st, &ops, &w->loop, (const struct sockaddr *)&addr, len, e) < 0) {
        free(s);
        return NULL;
    }
    list_push_back(&p->login, &s->node);
    w->stats.nodes[p->group->cluster][p->node].connects++;
    return s;
}

static struct list *list_of(struct server *s)
{
    if (s->state < SERVER_IDLE)
        return &s->pool->login;
    return s->state == SERVER_IDLE ? &s->pool->idle : &s->pool->busy;
}

static void forget_link(struct server *s)
{
    struct worker *w = s->w;
    uint32_t *n = &w->in_flight[s->pool->group->cluster][s->pool->node];
    BUG_ON(*n == 0);
    (*n)--;
    spread_unlink(s);
    s->client = NULL;
}

/* Not before the loop's turn is over: callbacks up the stack may still look at it. */
static void bury(struct loop_free *f)
{
    free(CONTAINER_OF(f, struct server, grave));
}

/* Everything but the object itself. */
static void release_all(struct server *s)
{
    s->state = SERVER_CLOSED;
    home_server_gone(s);
    cancel_forget(s);
    stream_close(&s->st);
    server_drop_expectations(s);
    if (s->pl.ring != s->pl_inline)
        free(s->pl.ring);
    sstmt_clear(&s->prepared);
    sqlname_fini(&s->sqlnames);
    params_unref(s->params);
    params_unref(s->reports);
    s->params = s->reports = NULL;
    free(s->news);
    s->news = NULL;
    inbuf_free(&s->in);
    free(s->look);
    s->look = NULL;
    if (s->scram) {
        scram_client_wipe(s->scram);
        free(s->scram);
        s->scram = NULL;
    }
    limit_give(s->limit);
}

void server_close(struct server *s, const char *why)
{
    if (s->state == SERVER_CLOSED)
        return;
    struct pool *p = s->pool;
    struct worker *w = s->w;
    log_debug("server.closed", "server of %s to node %s closed: %s", p->group->key, p->name, why);
    BUG_ON(s->client != NULL);
    list_remove(list_of(s), &s->node);
    if (s->state == SERVER_LINKED)
        forget_link(s);
    if (s->state >= SERVER_IDLE && s->state != SERVER_RELAYING && s->st.state == STREAM_OPEN &&
        stream_kept(&s->st) == 0) {
        uint8_t bye[8];
        struct writer wr = writer_of(bye, sizeof(bye));
        encode_terminate(&wr);
        stream_send(&s->st, bye, wr.n);
    }
    release_all(s);
    relay_end_server(s, why);
    s->grave.free = bury;
    loop_defer_free(&w->loop, &s->grave);
    pool_kick(p);
    drain_check(w, p->group->cluster, worker_now());
}

bool server_current(const struct server *s)
{
    const struct topology *t = worker_topo(s->w, s->pool->group->cluster);
    if (!t || s->pool->node >= t->n_nodes)
        return false;
    const struct topo_node *n = &t->nodes[s->pool->node];
    return n->role_since == s->role_since && strcmp(n->name, s->pool->name) == 0 &&
           n->unreadable != READ_DOWN && n->unreadable != READ_FENCED &&
           n->unreadable != READ_FOREIGN;
}

bool server_usable(const struct server *s)
{
    return server_current(s) &&
           s->defaults == atomic_load_explicit(&s->w->proxy->defaults, memory_order_relaxed);
}

bool server_hide(struct server *s, const char *sql)
{
    return server_hide_failing(s, sql, false);
}

bool server_hide_failing(struct server *s, const char *sql, bool fails)
{
    struct gather *g = &s->w->gather;
    if (!server_expect(s, PL_HIDDEN_QUERY, 0, fails ? TAG_FAILS : TAG_NONE))
        return false;
    if (gather_empty(g))
        gather_begin(g, &s->st);
    BUG_ON(g->to != &s->st);
    struct writer w = gather_writer(g, strlen(sql) + 16);
    encode_query(&w, sql);
    gather_wrote(g, &w);
    s->unnamed = s->unnamed_done = 0; /* a Query ends it */
    return !w.bad;
}

/* -- linking ------------------------------------------------------------------------------------------------------ */

static void to_list(struct server *s, enum server_state st, struct list *l)
{
    list_remove(list_of(s), &s->node);
    s->state = st;
    list_push_front(l, &s->node);
}

void server_link(struct server *s, struct client *c)
{
    BUG_ON(s->state != SERVER_IDLE && s->state != SERVER_LOGIN);
    BUG_ON(c->server != NULL);
    to_list(s, SERVER_LINKED, &s->pool->busy);
    s->client = c;
    c->server = s;
    spread_link(s, c);
    s->tx = 'I';
    c->session.matched = false;
    s->w->in_flight[s->pool->group->cluster][s->pool->node]++;
    s->pool->group->stats.assignments++;
}

void server_unlink(struct server *s)
{
    struct client *c = s->client;
    BUG_ON(s->state != SERVER_LINKED || !c);
    const bool unsent = gather_to(&s->w->gather, &s->st);
    const bool keep = !unsent && server_cleans(s, c),
               clean = !c->homing && server_needs_cleaning(s, c);
    c->server = NULL;
    if (unsent)
        gather_drop(&s->w->gather);
    if (!keep || (s->in.n > 0 && !clean)) {
        server_drop_expectations(s);
        forget_link(s);
        s->state = SERVER_CLEANING;
        server_close(s, "client left it in use");
        return;
    }
    forget_link(s);
    s->last_used = worker_now();
    stream_resume(&s->st);
    s->state = SERVER_CANCELING; /* in the busy list; not linked any more */
    if (clean)
        server_clean(s, c);
    else if (s->cancels == 0 && server_check_begin(s))
        s->state = SERVER_CLEANING;
    else if (s->cancels == 0)
        pool_release(s->pool, s);
}

/* -- moving ------------------------------------------------------------------------------------------------------- */

void server_detach(struct server *s)
{
    BUG_ON(s->state != SERVER_IDLE);
    home_server_gone(s);
    list_remove(&s->pool->idle, &s->node);
    s->written_by = 0; /* serials are the worker's */
    stream_detach(&s->st);
}

int server_attach(struct server *s, struct pool *p, struct err *e)
{
    s->pool = p;
    BUG_ON(s->limit != p->limit);
    s->w = p->group->w;
    list_push_front(&p->idle, &s->node);
    return stream_attach(&s->st, &p->group->w->loop, e);
}

void server_destroy(struct server *s)
{
    release_all(s);
    free(s);
}
