#include "client_doubt.h"

#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "../replication/manager.h"
#include "client.h"
#include "client_route.h"
#include "core/doubt.h"
#include "pool.h"
#include "server.h"
#include "session_private.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/errresp.h"
#include "worker.h"

/* Between two questions while the transaction is still in progress, or nobody can be asked. */
static const usec_t DOUBT_PAUSE = 50 * USEC_PER_MS;

struct doubt {
    struct doubt_case fact;
    struct doubt_owed owed;
    usec_t deadline;
    bool sync_seen;
    bool on_server; /* its own server lives, and is asked */
    bool unsynced;  /* our own commit was not waited for either */
    uint8_t held_n;
    uint8_t held[CLIENT_HELD_MAX];
};

void client_doubt_free(struct client *c)
{
    free(c->doubt);
    c->doubt = NULL;
}

/* -- what is owed --------------------------------------------------------------------------------------------------- */

void client_doubt_owed(const struct server *s, struct doubt_owed *out)
{
    const struct pipeline *p = &s->pl;
    *out = (struct doubt_owed){0};
    for (uint32_t i = 0; i < p->n; i++) {
        const uint8_t kind = p->ring[(p->head + i) & (p->cap - 1)].kind;
        if (out->n == sizeof(out->kinds)) {
            out->more = true;
            return;
        }
        out->kinds[out->n++] = kind;
    }
}

/* Answers can be made up for a COMMIT, and where everything but ReadyForQuery has come. */
static bool can_tell(const struct client *c, const struct doubt_owed *o)
{
    const bool commit = c->batch.bits == CLASS_TX_COMMIT;
    if (o->more)
        return false;
    for (int i = 0; i < o->n; i++) {
        const uint8_t k = o->kinds[i];
        const bool ours = k == PL_HIDDEN_QUERY || k == PL_PARSE_HIDDEN || k == PL_BIND_HIDDEN ||
                          k == PL_EXECUTE_HIDDEN || k == PL_SYNC;
        const bool of_commit = k == PL_QUERY || k == PL_PARSE || k == PL_BIND || k == PL_DESCRIBE ||
                               k == PL_EXECUTE || k == PL_CLOSE_FAKE;
        if (!ours && !(commit && of_commit))
            return false;
    }
    return true;
}

static void make_up(struct client *c, const struct doubt *d)
{
    uint8_t out[sizeof(d->owed.kinds) * 16];
    struct writer w = writer_of(out, sizeof(out));
    for (int i = 0; i < d->owed.n; i++) {
        switch (d->owed.kinds[i]) {
        case PL_PARSE:
            encode_parse_complete(&w);
            break;
        case PL_BIND:
            encode_bind_complete(&w);
            break;
        case PL_DESCRIBE:
            encode_no_data(&w);
            break;
        case PL_CLOSE_FAKE:
            encode_close_complete(&w);
            break;
        case PL_QUERY:
        case PL_EXECUTE:
            if (d->held_n == 0)
                encode_command_complete(&w, "COMMIT");
            break;
        default:
            break;
        }
    }
    BUG_ON(w.bad);
    if (w.n)
        stream_send(&c->st, out, w.n);
    if (d->held_n)
        stream_send(&c->st, d->held, d->held_n);
}

/* -- the end -------------------------------------------------------------------------------------------------------- */

static void log_end(const struct client *c, enum doubt_verdict v)
{
    const char *what = v == DOUBT_IS_COMMITTED ? "committed"
                       : v == DOUBT_IS_LOST    ? "not committed"
                                               : "unknown";
    LOG_AT(v == DOUBT_IS_UNKNOWN ? LOG_WARNING : LOG_INFO, "commit.resolved",
           LOG_KV({"client", c->peer}, {"user", c->user}, {"database", c->database},
                  {"outcome", what}),
           "a commit whose answer was lost: %s", what);
}

static void tell_end(struct client *c, const struct doubt *d, enum doubt_verdict v)
{
    struct group_stats *st = &c->group->stats;
    log_end(c, v);
    if (v == DOUBT_IS_COMMITTED) {
        st->resolved++;
        make_up(c, d);
    } else if (v == DOUBT_IS_LOST) {
        st->lost++;
        client_tell(c, ERRRESP_SERIALIZATION_FAILURE,
                    "the transaction was lost with its server and certainly not committed",
                    "Run it again.");
    } else {
        st->in_doubt++;
        client_tell(c, ERRRESP_RESOLUTION_UNKNOWN,
                    "the server was lost while it committed; the outcome is not known",
                    "Look whether the change is there before running it again.");
    }
}

/* Its server is there, and its batch as well: it ends as any other. */
static void end_on_server(struct client *c, const struct doubt *d, enum doubt_verdict v)
{
    tell_end(c, d, v);
    c->batch.errored |= v != DOUBT_IS_COMMITTED;
    c->batch.unsynced = false;
    session_settle_names(c);
    if (session_must_look(c, 'I'))
        session_look(c);
    else
        session_tell_ready(c);
}

static void end(struct client *c, enum doubt_verdict v)
{
    const struct doubt d = *c->doubt;
    client_wait_end(c);
    client_doubt_free(c);
    c->waited_since = 0;
    if (c->server) {
        end_on_server(c, &d, v);
        return;
    }
    tell_end(c, &d, v);
    c->tx = 'I';
    c->tx_since = 0;
    c->batch.sync_seen = d.sync_seen;
    client_told(c);
}

/* -- the beginning -------------------------------------------------------------------------------------------------- */

static bool make(struct client *c)
{
    struct doubt *d = calloc(1, sizeof(*d));
    if (!d)
        return false;
    const struct batch *b = &c->batch;
    d->fact = (struct doubt_case){.xid = b->xid, .learned = b->learned, .node = -1};
    if (!b->xid) /* then all that is known is that its connection was there */
        d->fact.learned = b->started;
    d->deadline = worker_now() + c->w->conf->repl.failover.client_hold;
    d->sync_seen = b->sync_seen;
    d->held_n = c->held_n;
    memcpy(d->held, c->held, c->held_n);
    c->held_n = 0;
    c->doubt = d;
    return true;
}

bool client_doubt_begin(struct client *c, bool wrote)
{
    const struct batch *b = &c->batch;
    const struct doubt_owed *o = &c->w->owed;
    const bool commit = b->bits == CLASS_TX_COMMIT && c->tx == 'T';
    const bool nothing = !b->unsynced && (b->no_xid || (commit && !wrote));
    if (b->chain || !can_tell(c, o) || (!b->xid && !b->unsynced && !nothing) || !make(c))
        return false;
    c->doubt->owed = *o;
    client_batch_reset(c, false);
    if (nothing)
        end(c, DOUBT_IS_COMMITTED);
    else
        client_doubt_step(c);
    return true;
}

/* -- asking --------------------------------------------------------------------------------------------------------- */

static bool send_question(struct client *c)
{
    struct server *s = c->server;
    char sql[512];
    uint8_t out[600];
    struct strbuf b;
    struct doubt *d = c->doubt;
    strbuf_init(&b, sql, sizeof(sql));
    if (!doubt_sql(d->on_server ? 0 : d->fact.xid, &b) ||
        !server_expect(s, PL_HIDDEN_QUERY, 0, TAG_XID))
        return false;
    struct writer w = writer_of(out, sizeof(out));
    encode_query(&w, sql);
    BUG_ON(w.bad);
    s->hidden_failed = false;
    s->unnamed = s->unnamed_done = 0;
    d->fact.status = DOUBT_NOT_ASKED;
    d->fact.node = s->pool->node;
    d->fact.asked_of = s->role_since;
    d->unsynced = false;
    stream_send(&s->st, out, w.n);
    return true;
}

void client_doubt_unsynced(struct client *c)
{
    log_debug("commit.unsynced", "a commit of %s was not waited for", c->peer);
    if (make(c)) {
        c->doubt->on_server = true;
        if (send_question(c))
            return;
        end(c, DOUBT_IS_UNKNOWN);
        return;
    }
    client_fatal(c, ERRRESP_RESOLUTION_UNKNOWN,
                 "the commit is not known to be on the replicas, and there is no memory to wait",
                 NULL);
}

void client_doubt_on_server(struct client *c)
{
    if (!send_question(c)) {
        c->server->close_after = true;
        server_unlink(c->server);
        end(c, DOUBT_IS_UNKNOWN);
    }
}

static void pause_for(struct client *c)
{
    client_route_pause(c, worker_now() + DOUBT_PAUSE);
}

void client_doubt_retry(struct client *c)
{
    struct doubt *d = c->doubt;
    d->fact.status = DOUBT_NOT_ASKED;
    d->on_server = false;
    if (worker_now() >= d->deadline)
        end(c, DOUBT_IS_UNKNOWN);
    else
        pause_for(c);
}

void client_doubt_on_row(struct client *c, const uint8_t *body, size_t n)
{
    struct msg_row row;
    struct slice v = {0};
    struct doubt *d = c->doubt;
    if (decode_data_row(body, n, &row) == 0 && decode_value_next(&row.values, &v))
        d->fact.status = doubt_status_of(v);
}

void client_doubt_on_unsynced(struct client *c)
{
    c->doubt->unsynced = true;
}

/* An id that the writer has not assigned yet is an error to pg_xact_status. */
static void take_refusal(struct doubt *d, const struct err *e)
{
    d->fact.status = strcmp(e->sqlstate, "22023") == 0 ? DOUBT_ABORTED : DOUBT_NOT_ASKED;
}

void client_doubt_on_answered(struct client *c)
{
    struct server *s = c->server;
    struct doubt *d = c->doubt;
    d->fact.answered_at = worker_now();
    if (s->hidden_failed) {
        take_refusal(d, &s->login_error);
        s->hidden_failed = false;
    }
    if (d->unsynced)
        d->fact.status = DOUBT_NOT_ASKED; /* committed there, but not known to be anywhere else */
    const bool again = d->fact.status == DOUBT_NOT_ASKED;
    if (d->on_server) {
        if (!again)
            end(c, DOUBT_IS_COMMITTED);
        else if (worker_now() >= d->deadline || s->tx != 'I' || !send_question(c))
            end(c, DOUBT_IS_UNKNOWN);
        return;
    }
    server_unlink(s);
    if (c->state == CLIENT_CLOSED)
        return;
    if (again)
        client_doubt_retry(c);
    else
        client_doubt_step(c);
}

/* -- steps ---------------------------------------------------------------------------------------------------------- */

static void ask(struct client *c, const struct topology *t)
{
    struct pool *p = pool_of(c->group, t->writer);
    if (!p)
        end(c, DOUBT_IS_UNKNOWN);
    else if (pool_checkout(p, c))
        client_doubt_on_server(c);
}

void client_doubt_step(struct client *c)
{
    struct doubt *d = c->doubt;
    const struct topology *t = worker_topo(c->w, c->group->cluster);
    if (c->waiting_in || c->server)
        return;
    if (worker_now() >= d->deadline) {
        end(c, DOUBT_IS_UNKNOWN);
        return;
    }
    const enum doubt_verdict v = doubt_judge(&d->fact, t);
    if (v == DOUBT_ASK)
        ask(c, t);
    else if (v == DOUBT_WAIT && (!t || t->writer < 0))
        client_wait_in(c, &c->w->held[c->group->cluster]);
    else if (v == DOUBT_WAIT)
        pause_for(c);
    else
        end(c, v);
}

bool client_doubt_ready(const struct client *c)
{
    const struct doubt_case *f = &c->doubt->fact;
    return f->status != DOUBT_NOT_ASKED && f->status != DOUBT_IN_PROGRESS &&
           doubt_judge(f, worker_topo(c->w, c->group->cluster)) != DOUBT_WAIT;
}

void client_doubt_tick(struct client *c, usec_t now)
{
    if (now < c->doubt->deadline)
        return;
    struct server *s = c->server;
    const bool bound = s && c->doubt->on_server &&
                       (session_is_bound(c) || c->group->conf.pool_mode == POOL_SESSION);
    if (s)
        s->close_after = true; /* it stands in a commit of its own */
    if (bound) {
        c->group->stats.in_doubt++;
        client_fatal(c, ERRRESP_RESOLUTION_UNKNOWN, "the commit is not known to be on the replicas",
                     NULL);
        return;
    }
    if (s)
        server_unlink(s);
    if (c->state != CLIENT_CLOSED)
        end(c, DOUBT_IS_UNKNOWN);
}
