#include "relay.h"

#include <string.h>
#include <strings.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "cancel.h"
#include "client.h"
#include "pool.h"
#include "reports.h"
#include "server.h"
#include "wire/encode.h"
#include "wire/errresp.h"
#include "wire/frame.h"
#include "wire/startup.h"
#include "worker.h"

const char *relay_kind_name(enum relay_kind k)
{
    static const char *const names[RELAY_NR] = {"none", "physical", "logical"};
    return names[k];
}

/* PostgreSQL takes any unambiguous beginning of these words (parse_bool). */
static bool begins(const char *word, const char *value, size_t least)
{
    const size_t n = strlen(value);
    return n >= least && strncasecmp(word, value, n) == 0;
}

int relay_kind_of(const char *value)
{
    if (strcmp(value, "database") == 0)
        return RELAY_LOGICAL;
    if (begins("true", value, 1) || begins("yes", value, 1) || begins("on", value, 2) ||
        strcmp(value, "1") == 0)
        return RELAY_PHYSICAL;
    if (begins("false", value, 1) || begins("no", value, 1) || begins("off", value, 2) ||
        strcmp(value, "0") == 0)
        return RELAY_NONE;
    return -1;
}

/* -- beginning ------------------------------------------------------------------------------------------------------ */

/* The primary; a replica if the listener is for reads. */
static struct pool *choose(struct client *c)
{
    const struct topology *t = worker_topo(c->w, c->group->cluster);
    int node = t && c->route_mode != ROUTE_REPLICA ? t->writer : -1;
    for (int i = 0; t && c->route_mode == ROUTE_REPLICA && i < t->n_nodes && node < 0; i++)
        if (t->nodes[i].role == ROLE_REPLICA && t->nodes[i].unreadable == READ_OK &&
            !(c->group->forbidden >> i & 1))
            node = i;
    return node >= 0 && !(c->group->forbidden >> node & 1) ? pool_of(c->group, node) : NULL;
}

void relay_begin(struct client *c)
{
    struct err e;
    struct pool *p = choose(c);
    if (!p) {
        client_fatal(c, ERRRESP_CANNOT_CONNECT_NOW,
                     c->route_mode == ROUTE_REPLICA ? "there is no replica to connect to now"
                                                    : "there is no primary now",
                     "SHOW NODES tells what is known.");
        return;
    }
    if (c->group->paused) {
        client_fatal(c, ERRRESP_CANNOT_CONNECT_NOW, "the database is paused", NULL);
        return;
    }
    if (limit_take(p->limit, (int)c->group->conf.pool_size, worker_now()) != NULL) {
        client_fatal(c, ERRRESP_TOO_MANY_CONNECTIONS,
                     "too many replication connections of this user (pool_size), or too many "
                     "server connections of this user, database or node",
                     NULL);
        return;
    }
    struct server *s = server_open(p, &e);
    if (!s) {
        limit_give(p->limit);
        client_fatal(c, ERRRESP_CANNOT_CONNECT, e.text, NULL);
        return;
    }
    s->relay = c;
    c->relay = s;
    c->deadline = 0; /* the server's login has one */
}

void relay_write_startup(const struct server *s, struct writer *w)
{
    const struct pool_group *g = s->pool->group;
    const struct params *p = s->relay->params ? &s->relay->params->p : NULL;
    struct startup_pair pairs[PARAMS_MAX + 3];
    size_t n = 0;
    uint32_t at = 0;
    pairs[n++] = (struct startup_pair){"user", g->user};
    if (g->replication == RELAY_LOGICAL)
        pairs[n++] = (struct startup_pair){"database", g->dbname};
    pairs[n++] =
        (struct startup_pair){"replication", g->replication == RELAY_LOGICAL ? "database" : "true"};
    while (p && n < PARAMS_MAX + 3 && params_next(p, &at, &pairs[n].name, &pairs[n].value))
        n++;
    startup_write(w, 0, pairs, n);
}

void relay_ready(struct server *s)
{
    struct client *c = s->relay;
    uint8_t out[REPORTS_ROOM + STARTUP_KEY_MAX + 64];
    struct writer w = writer_of(out, sizeof(out));
    s->state = SERVER_RELAYING;
    encode_auth_ok(&w);
    reports_write(&w, &s->reports->p);
    client_write_key(c, &w);
    encode_ready(&w, 'I');
    BUG_ON(w.bad);
    c->state = CLIENT_RELAY;
    c->request_at = worker_now();
    stream_send(&c->st, out, w.n);
    if (c->in.n > 0)
        stream_send(&s->st, c->in.p, c->in.n);
    inbuf_free(&c->in);
    if (c->w->conf->tanist.log_connections)
        LOG_AT(LOG_INFO, "client.login",
               LOG_KV({"peer", c->peer}, {"user", c->user}, {"database", c->database}),
               "client logged in for %s replication, from node %s",
               relay_kind_name(s->pool->group->replication), s->pool->name);
}

/* -- bytes ---------------------------------------------------------------------------------------------------------- */

void relay_on_client(struct client *c)
{
    struct server *s = c->relay;
    struct err e = {0};
    const long got = stream_recv(&c->st, c->w->buf, WORKER_BUF, &e);
    if (got == ERR_AGAIN)
        return;
    if (got <= 0) {
        client_close(c, got == 0 ? "client closed the connection" : e.text);
        return;
    }
    c->group->stats.received += (uint64_t)got;
    stream_send(&s->st, c->w->buf, (size_t)got);
    if (stream_kept(&s->st) > STREAM_HIGH)
        stream_pause(&c->st);
}

/* Headers are followed only to know where a message ends, so that a last word of ours would not come in the middle of one. */
static void follow(struct server *s, const uint8_t *p, size_t n)
{
    while (n > 0 && !s->forward_drop) {
        if (s->forward_left > 0) {
            const size_t take = s->forward_left < n ? s->forward_left : n;
            s->forward_left -= (uint32_t)take;
            p += take;
            n -= take;
            continue;
        }
        struct frame f = {0};
        if (frame_next(p, n, FRAME_BACKEND, &f) == FRAME_OK)
            s->forward_left = f.total;
        else
            s->forward_drop = true; /* a header in two pieces: not followed any more */
    }
}

void relay_on_server(struct server *s)
{
    struct client *c = s->relay;
    struct err e = {0};
    const long got = stream_recv(&s->st, s->w->buf, WORKER_BUF, &e);
    if (got == ERR_AGAIN)
        return;
    if (got <= 0) {
        server_close(s, got == 0 ? "server closed the connection" : e.text);
        return;
    }
    s->last_used = worker_now();
    c->group->stats.sent += (uint64_t)got;
    follow(s, s->w->buf, (size_t)got);
    stream_send(&c->st, s->w->buf, (size_t)got);
    if (stream_kept(&c->st) > STREAM_HIGH)
        stream_pause(&s->st);
}

/* -- end ------------------------------------------------------------------------------------------------------------ */

void relay_failed(struct server *s, const struct err *e)
{
    struct client *c = s->relay;
    s->relay = NULL;
    c->relay = NULL;
    const int code = (int)errresp_code_of(e->sqlstate);
    client_fatal(c, code > 0 ? code : ERRRESP_CANNOT_CONNECT, e->text, NULL);
}

void relay_end_client(struct client *c)
{
    struct server *s = c->relay;
    if (!s)
        return;
    c->relay = NULL;
    s->relay = NULL;
    server_close(s, "its client left");
}

void relay_end_server(struct server *s, const char *why)
{
    struct client *c = s->relay;
    if (!c)
        return;
    s->relay = NULL;
    c->relay = NULL;
    if (c->state == CLIENT_RELAY && (s->forward_left > 0 || s->forward_drop))
        client_close(c, why);
    else
        client_fatal(c, ERRRESP_ADMIN_SHUTDOWN, why, NULL);
}
