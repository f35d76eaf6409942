/* Life of a client: made, waiting, linked, ready, lost server, closed. What it asks is in client_request.c. */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "../replication/manager.h"
#include "admin/extended.h"
#include "cancel.h"
#include "catalogs.h"
#include "client_doubt.h"
#include "client_replay.h"
#include "client_route.h"
#include "home.h"
#include "pool.h"
#include "relay.h"
#include "server.h"
#include "tls.h"
#include "wire/encode.h"
#include "wire/errresp.h"
#include "wire/msgtype.h"
#include "worker.h"

const char *client_state_name(const struct client *c)
{
    if (c->state < CLIENT_READY)
        return "login";
    if (c->waiting_in)
        return "waiting";
    return c->server || c->state == CLIENT_CONSOLE || c->state == CLIENT_RELAY ? "active" : "idle";
}

static void on_stream_ready(struct stream *st) /* TLS is up; the start-up packet follows */
{
    struct client *c = CONTAINER_OF(st, struct client, st);
    c->state = CLIENT_STARTUP;
}

static void on_readable(struct stream *st)
{
    struct client *c = CONTAINER_OF(st, struct client, st);
    if (c->state < CLIENT_READY)
        client_login_on_bytes(c);
    else if (c->state == CLIENT_RELAY)
        relay_on_client(c);
    else
        client_on_readable(st);
}

static void on_drained(struct stream *st)
{
    struct client *c = CONTAINER_OF(st, struct client, st);
    if (c->server)
        stream_resume(&c->server->st);
    else if (c->relay)
        stream_resume(&c->relay->st);
}

static void on_hangup(struct stream *st)
{
    client_close(CONTAINER_OF(st, struct client, st), "client closed the connection");
}

static void on_error(struct stream *st, const struct err *e)
{
    client_close(CONTAINER_OF(st, struct client, st), e->text);
}

static const struct stream_ops ops = {.on_ready = on_stream_ready,
                                      .on_readable = on_readable,
                                      .on_drained = on_drained,
                                      .on_hangup = on_hangup,
                                      .on_error = on_error};

/* -- slots -------------------------------------------------------------------------------------------------------- */

static bool slot_take(struct worker *w, struct client *c)
{
    for (uint32_t i = 0; i < w->n_slots; i++) {
        const uint32_t at = (w->free_slot_hint + i) % w->n_slots;
        if (!w->slots[at]) {
            w->slots[at] = c;
            c->slot = at;
            w->free_slot_hint = at + 1;
            return true;
        }
    }
    const uint32_t n = w->n_slots ? w->n_slots * 2 : 64;
    struct client **slots =
        n <= WORKER_CLIENTS_MAX ? realloc(w->slots, n * sizeof(struct client *)) : NULL;
    if (!slots)
        return false;
    memset(slots + w->n_slots, 0, (n - w->n_slots) * sizeof(struct client *));
    c->slot = w->n_slots;
    slots[c->slot] = c;
    w->free_slot_hint = c->slot + 1;
    w->slots = slots;
    w->n_slots = n;
    return true;
}

static void name_peer(struct client *c, int fd)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof(a);
    char ip[48] = "";
    str_copy(c->peer, sizeof(c->peer), "unix");
    if (getpeername(fd, (struct sockaddr *)&a, &n) < 0)
        return;
    if (a.ss_family == AF_INET) {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)&a;
        inet_ntop(AF_INET, &in4->sin_addr, ip, sizeof(ip));
        snprintf(c->peer, sizeof(c->peer), "%s:%u", ip, ntohs(in4->sin_port));
    } else if (a.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&a;
        inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
        snprintf(c->peer, sizeof(c->peer), "[%s]:%u", ip, ntohs(in6->sin6_port));
    }
}

struct client *client_new(struct worker *w, int fd, int listen_index, struct tls_ctx *tls,
                          bool local_admin)
{
    struct err e;
    struct client *c = slab_get(&w->client_slab);
    if (!c) {
        close(fd);
        return NULL;
    }
    c->w = w;
    c->listen_index = listen_index;
    c->tls_ctx = tls;
    c->local_admin = local_admin;
    c->state = CLIENT_STARTUP;
    c->tx = 'I';
    c->key_len = STARTUP_KEY_MIN;
    list_init(&c->session.subs);
    c->serial = worker_serial(w);
    c->connected_at = worker_now();
    c->deadline = w->conf->tanist.client_login_timeout
                      ? c->connected_at + w->conf->tanist.client_login_timeout
                      : 0;
    c->route_mode = listen_index >= 0 && listen_index < w->conf->n_listens
                        ? w->conf->listens[listen_index].route
                        : ROUTE_AUTO;
    name_peer(c, fd);
    if (!slot_take(w, c) || crypto_random(c->key, sizeof(c->key)) < 0) {
        if (w->slots && w->slots[c->slot] == c)
            w->slots[c->slot] = NULL;
        slab_put(&w->client_slab, c);
        close(fd);
        return NULL;
    }
    if (stream_open(&c->st, &ops, &w->loop, fd, &e) < 0) {
        w->slots[c->slot] = NULL;
        slab_put(&w->client_slab, c);
        return NULL;
    }
    list_push_back(&w->clients, &c->all);
    w->stats.clients_total++;
    return c;
}

/* -- waiting ------------------------------------------------------------------------------------------------------ */

void client_wait_in(struct client *c, struct list *l)
{
    BUG_ON(c->waiting_in != NULL);
    list_push_back(l, &c->wait);
    c->waiting_in = l;
    c->wait_since = worker_now();
    if (c->waited_since == 0) {
        c->waited_since = c->wait_since;
        c->wait_notified = false;
    }
    stream_pause(&c->st);
}

void client_wait_end(struct client *c)
{
    if (!c->waiting_in)
        return;
    list_remove(c->waiting_in, &c->wait);
    c->waiting_in = NULL;
    c->fresh_until = 0;
    c->turning = c->settling = false;
    c->waits_at = NULL;
    if (c->group)
        c->group->stats.wait_time += (uint64_t)(worker_now() - c->wait_since);
    stream_resume(&c->st);
}

void client_cancel_wait(struct client *c)
{
    if (c->doubt)
        return; /* a commit cannot be cancelled */
    client_wait_end(c);
    client_error(c, ERRRESP_QUERY_CANCELED, "canceling statement due to user request", NULL);
}

/* -- end ---------------------------------------------------------------------------------------------------------- */

static void bury(struct loop_free *f)
{
    struct client *c = CONTAINER_OF(f, struct client, grave);
    slab_put(&c->w->client_slab, c);
}

void client_close(struct client *c, const char *why)
{
    if (c->state == CLIENT_CLOSED)
        return;
    struct worker *w = c->w;
    if (w->conf->tanist.log_connections)
        LOG_AT(LOG_INFO, "client.closed",
               LOG_KV({"peer", c->peer}, {"user", c->user}, {"database", c->database}), "%s", why);
    client_wait_end(c);
    spread_give(c);
    if (gather_to(&w->gather, &c->st))
        gather_drop(&w->gather);
    home_client_gone(c);
    if (c->server)
        server_unlink(c->server);
    BUG_ON(c->server != NULL);
    relay_end_client(c);
    c->state = CLIENT_CLOSED;
    stream_close(&c->st);
    tls_ctx_unref(c->tls_ctx);
    client_login_free(c);
    named_clear(&c->named);
    client_set_unnamed(c, NULL);
    client_batch_reset(c, false);
    params_unref(c->params);
    params_unref(c->told);
    c->params = c->told = NULL;
    session_free(c);
    inbuf_free(&c->in);
    inbuf_free(&c->retain);
    client_doubt_free(c);
    client_replay_free(c);
    extended_free(c->console_ext);
    c->console_ext = NULL;
    client_route_close(c);
    if (c->group)
        c->group->n_clients--;
    list_remove(&w->clients, &c->all);
    w->slots[c->slot] = NULL;
    if (c->slot < w->free_slot_hint)
        w->free_slot_hint = c->slot;
    atomic_fetch_sub_explicit(&w->n_clients, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&w->proxy->n_clients, 1, memory_order_relaxed);
    c->grave.free = bury;
    loop_defer_free(&w->loop, &c->grave);
}

static void send_error(struct client *c, int code, enum errresp_severity sev, const char *message,
                       const char *hint)
{
    uint8_t out[ERRRESP_SIZE_MAX];
    struct writer w = writer_of(out, sizeof(out));
    errresp_write(&w, &(struct errresp){.code = (enum errresp_code)code,
                                        .severity = sev,
                                        .message = message,
                                        .hint = hint});
    stream_send(&c->st, out, w.n);
}

void client_write_key(const struct client *c, struct writer *w)
{
    encode_key_data(w, c->key_pid ? c->key_pid : cancel_pid(c->w->id, c->slot), c->key, c->key_len);
}

void client_send_ready(struct client *c)
{
    if (UNLIKELY(c->session.notes.n > 0) && c->tx == 'I')
        session_send_notes(c);
    uint8_t out[8];
    struct writer w = writer_of(out, sizeof(out));
    encode_ready(&w, c->tx);
    stream_send(&c->st, out, w.n);
}

void client_fatal(struct client *c, int code, const char *message, const char *hint)
{
    /* Not into the middle of a message that is being forwarded. */
    if (!c->server || c->server->forward_left == 0 || c->server->forward_drop)
        send_error(c, code, ERRRESP_SEV_FATAL, message, hint);
    c->w->stats.clients_closed_by_us++;
    client_close(c, message);
}

static void replace(struct pstmt **at, struct pstmt *p)
{
    struct pstmt *old = *at;
    *at = p ? pstmt_ref(p) : NULL;
    pstmt_unref(old);
}

void client_set_unnamed(struct client *c, struct pstmt *p)
{
    replace(&c->unnamed, p);
    replace(&c->unnamed_done, p);
}

/* Every request was answered or given up: what was sent behind an error has not happened. */
static void settle_unnamed(struct client *c)
{
    c->awaiting = c->moving = false;
    if (c->unnamed != c->unnamed_done)
        replace(&c->unnamed, c->unnamed_done);
}

void client_batch_reset(struct client *c, bool retry)
{
    pstmt_unref(c->batch.stmt);
    pstmt_unref(c->batch.parsed);
    pstmt_unref(c->batch.unnamed);
    pstmt_unref(c->batch.unnamed_before);
    for (unsigned i = 0; i < c->batch.n_made; i++)
        pstmt_unref(c->batch.made[i].stmt);
    c->batch = (struct batch){.retry = retry};
    c->held_n = 0;
    c->session.sequence = false;
    session_names_reset(&c->session);
}

/* Drops the client's messages up to and including the Sync (or the Query) that it waits for. */
static void answer_and_skip(struct client *c)
{
    if (c->batch.sync_seen) {
        client_send_ready(c);
        client_batch_reset(c, false);
        return;
    }
    /* The rest up to Sync is still to come, or waits in c->in. */
    c->lost_skip = true;
    client_batch_reset(c, false);
}

/* Nothing of the batch was used: a Query is dropped, extended messages up to Sync. */
static void skip_unused(struct client *c)
{
    const uint8_t *next = c->view_n > 0 ? c->view : c->in.n > 0 ? c->in.p : NULL;
    if (next && (*next == MSG_F_QUERY || *next == MSG_F_FUNCTION_CALL))
        c->lost_query = true;
    else
        c->lost_skip = true;
}

void client_tell(struct client *c, int code, const char *message, const char *hint)
{
    send_error(c, code, ERRRESP_SEV_ERROR, message, hint);
}

void client_told(struct client *c)
{
    inbuf_free(&c->retain);
    answer_and_skip(c);
    client_process(c);
}

static void lose_transaction(struct client *c)
{
    c->begin = (struct begin){0};
    client_replay_free(c);
    c->lost = true;
    c->lost_told = false;
    c->tx = 'E';
}

void client_lose(struct client *c)
{
    c->group->stats.lost++;
    inbuf_free(&c->retain);
    client_batch_reset(c, false);
    lose_transaction(c);
    client_process(c);
}

void client_error(struct client *c, int code, const char *message, const char *hint)
{
    BUG_ON(c->server != NULL);
    spread_give(c);
    if (UNLIKELY(client_replay_runs(c))) {
        client_replay_fail(c);
        return;
    }
    c->waited_since = 0;
    c->ready_at = worker_now();
    send_error(c, code, ERRRESP_SEV_ERROR, message, hint);
    inbuf_free(&c->retain);
    if (c->begin.deferred) { /* as any error in a block, it stays failed until the client ends it */
        lose_transaction(c);
        c->lost_told = true;
    }
    if (c->batch.opened)
        answer_and_skip(c);
    else
        skip_unused(c);
    client_process(c);
}

/* -- link --------------------------------------------------------------------------------------------------------- */

void client_on_server(struct client *c, struct server *s)
{
    BUG_ON(c->server != s);
    c->waited_since = 0;
    if (UNLIKELY(c->doubt != NULL)) {
        client_doubt_on_server(c);
        return;
    }
    if (c->verifying) {
        client_login_verify(c);
        return;
    }
    if (c->homing) {
        home_found(c);
        client_login_welcome(c);
        return;
    }
    c->resume = true;
    client_process(c);
}

void client_on_refused(struct client *c, const struct err *e)
{
    if (c->doubt) {
        client_doubt_retry(c);
        return;
    }
    if (c->homing) { /* it can do without */
        c->homing = false;
        client_login_welcome(c);
        return;
    }
    if (!e) { /* the topology moved */
        if (c->state == CLIENT_WELCOME)
            client_login_welcome(c);
        else
            client_process(c);
        return;
    }
    const bool final = pool_error_is_final(e);
    if (c->verifying && !final) { /* another node may take it */
        client_login_welcome(c);
        return;
    }
    if (c->state < CLIENT_READY || c->verifying) {
        char text[ERR_TEXT_MAX + 64];
        const int code =
            e->sqlstate[0] ? (int)errresp_code_of(e->sqlstate) : ERRRESP_CANNOT_CONNECT;
        snprintf(text, sizeof(text), "cannot log in to the server: %s", e->text);
        client_fatal(c, code > 0 ? code : ERRRESP_CANNOT_CONNECT,
                     e->code == ERR_SERVER ? e->text : text, NULL);
        return;
    }
    if (!c->batch.retry) {
        /* A replica that takes no logins now: another node. One that has an older password yet: the primary. */
        c->batch.retry = final;
        client_process(c);
        return;
    }
    const int code = (int)errresp_code_of(e->sqlstate);
    client_error(c, code > 0 ? code : ERRRESP_CANNOT_CONNECT, e->text, NULL);
}

/* After DISCARD ALL a session-mode client gives its server back. */
static bool discards(const struct client *c, uint8_t status)
{
    return c->batch.discards_all && !c->batch.errored && status == 'I';
}

static void settle_batch(struct client *c, uint8_t status)
{
    struct worker *w = c->w;
    struct server *s = c->server;
    const usec_t now = worker_now();
    if (c->batch.bits & (CLASS_WRITE | CLASS_UNKNOWN))
        c->tx_wrote = true;
    c->defaults |= c->batch.defaults;
    if (discards(c, status))
        s->unnamed = s->unnamed_done = 0;
    struct group_stats *st = &c->group->stats;
    st->query_time += (uint64_t)(now - c->batch.started);
    c->tx_session = status != 'I' && (c->tx_session || (c->batch.bits & CLASS_SESSION));
    if (status == 'I')
        c->tx_since = 0;
    else if (c->tx_since == 0)
        c->tx_since = c->batch.started;
    c->ready_at = now;
    if (!c->on_replica)
        publish_heard(w->proxy->publish, w->id, c->group->cluster, now);
    if (status == 'I') {
        st->xacts++;
        st->xact_time += (uint64_t)(now - c->request_at);
        client_route_settle(c, s, now);
        if (c->batch.read)
            spread_measure(w, c->group->cluster, s->pool->node, now - c->batch.started);
        if (discards(c, status))
            c->own = (struct own_settings){.node = c->own.node};
        /* A transaction that ran on a replica wrote nothing, whatever its statements were called. */
        if (c->tx_wrote && !c->on_replica && !c->batch.errored)
            session_wrote(c);
        c->tx_wrote = false;
        c->tx_read_only = false;
        if (UNLIKELY(c->defaults)) {
            c->defaults = false;
            atomic_fetch_add_explicit(&w->proxy->defaults, 1, memory_order_relaxed);
        }
        if (c->ddl) {
            c->ddl = false;
            atomic_fetch_add_explicit(&w->proxy->ddl, 1, memory_order_relaxed);
            catalogs_changed(w, c->group->cluster, c->group->dbname);
        }
    }
    client_begin_settle(c, status);
    c->tx = status;
}

void client_on_ready(struct client *c, uint8_t status)
{
    struct server *s = c->server;
    settle_unnamed(c);
    server_settle(s);
    settle_batch(c, status);
    if (UNLIKELY(c->replay != NULL) && !client_replay_on_ready(c, status))
        return;
    inbuf_free(&c->retain);
    const bool keeps = c->group->conf.pool_mode == POOL_SESSION && !discards(c, status);
    client_batch_reset(c, false);
    if (status != 'I' && c->group->conf.pool_mode == POOL_STATEMENT) {
        client_fatal(c, ERRRESP_FEATURE_NOT_SUPPORTED,
                     "transaction blocks are not allowed in statement pooling mode", NULL);
        return;
    }
    if (status == 'I' && c->pin == PIN_NONE && !keeps && pipeline_empty(&s->pl))
        server_unlink(s);
    if (UNLIKELY(c->session.notes.n > 0))
        session_tell_notes(c);
    if (c->state != CLIENT_CLOSED)
        client_process(c);
}

/* The retained batch comes again, as if it had not been used yet. */
static void replay(struct client *c, bool on_primary)
{
    const size_t n = c->batch.used < c->retain.n ? c->batch.used : c->retain.n;
    const bool ok = inbuf_prepend(&c->in, c->retain.p, n);
    replace(&c->unnamed_done, c->batch.unnamed_before); /* it may have been told of another one */
    settle_unnamed(c);
    inbuf_free(&c->retain);
    named_forget_since(&c->named, c->batch_no);
    client_batch_reset(c, on_primary);
    c->group->stats.retries++;
    if (ok)
        client_process(c);
    else
        client_fatal(c, ERRRESP_OUT_OF_MEMORY, "no memory to run the statement again", NULL);
}

void client_on_left(struct client *c)
{
    const bool errored = c->batch.errored;
    settle_unnamed(c);
    server_settle(c->server);
    c->tx = c->server->tx; /* it may have ended one */
    c->inspected = 0;
    client_begin_left(c);
    client_batch_reset(c, false);
    if (c->tx != 'E')
        server_unlink(c->server);
    if (c->state == CLIENT_CLOSED)
        return;
    c->lost_skip = errored; /* the client has not sent its Sync yet */
    client_process(c);
}

void client_retry(struct client *c)
{
    c->batch.opened = false; /* nothing of it is left on the server */
    client_begin_again(c);
    server_unlink(c->server);
    log_debug("client.retried", "a statement of %s runs again on the primary", c->peer);
    if (c->state != CLIENT_CLOSED)
        replay(c, true);
}

/* -- lost servers -------------------------------------------------------------------------------------------------- */

bool client_batch_done(const struct client *c)
{
    const struct batch *b = &c->batch;
    if (!b->opened || b->errored || b->chain || b->partial || b->completed == 0 ||
        b->completed != b->asked || b->xid_asked || b->unsynced)
        return false;
    if (b->bits == CLASS_TX_COMMIT && b->asked == 1)
        return true;
    if (c->tx != 'I')
        return false;
    return b->bits == CLASS_READ ||
           (b->simple && (b->bits & ~(unsigned)(CLASS_READ | CLASS_WRITE | CLASS_UNKNOWN)) == 0);
}

enum lost_answer {
    LOST_NOTHING,
    LOST_DONE,
    LOST_AGAIN,
    LOST_ABORTED,
    LOST_IN_DOUBT,
    LOST_TRANSACTION
};

static enum lost_answer judge(const struct client *c, bool aborted)
{
    const struct batch *b = &c->batch;
    const bool in_tx = c->tx != 'I';
    if (b->opened && c->session.sync_in)
        return LOST_DONE; /* only what it listens to was awaited */
    if (b->unsynced)
        return LOST_IN_DOUBT; /* it has committed, and whether the next primary has it is not known */
    if (!b->opened)
        return in_tx && !c->begin.deferred ? LOST_TRANSACTION : LOST_NOTHING;
    if (c->begin.deferred && b->retainable && !b->delivered && (!b->commit || c->on_replica))
        return LOST_AGAIN; /* the first statement of the block: nothing was told, nothing is committed */
    if (client_batch_done(c))
        return LOST_DONE;
    if (in_tx && !b->commit)
        return LOST_TRANSACTION;
    const bool reads = b->bits == CLASS_READ || b->bits == 0;
    const bool dml = (b->bits & ~(unsigned)(CLASS_READ | CLASS_WRITE)) == 0;
    const bool undone = aborted && !b->partial;
    if (!in_tx && b->retainable && !b->delivered && (reads || (undone && dml)))
        return LOST_AGAIN;
    if (reads || undone || c->on_replica)
        return (in_tx || (b->bits & CLASS_TX_BEGIN)) && !b->commit ? LOST_TRANSACTION
                                                                   : LOST_ABORTED;
    if (!in_tx && (b->bits & CLASS_TX_BEGIN) && !b->commit)
        return LOST_TRANSACTION; /* a block was being opened; nothing in it can have been committed */
    return LOST_IN_DOUBT;
}

static void lose_session(struct client *c, enum lost_answer a, const char *why)
{
    char text[200];
    const bool doubt = a == LOST_IN_DOUBT;
    snprintf(text, sizeof(text), "the server of this session is gone: %s", why);
    c->group->stats.in_doubt += doubt;
    client_fatal(c, doubt ? ERRRESP_RESOLUTION_UNKNOWN : ERRRESP_CONNECTION_FAILURE, text,
                 "The session was bound to one server (SHOW CLIENTS tells why), so it cannot "
                 "move: connect again.");
}

void client_on_server_lost(struct client *c, bool aborted, const char *why)
{
    client_begin_again(c); /* what has only read so far */
    const enum lost_answer a = judge(c, aborted);
    const bool pinned = session_is_bound(c) || c->group->conf.pool_mode == POOL_SESSION;
    const bool wrote = c->tx_wrote, plain = c->session.touches == 0;
    BUG_ON(c->server != NULL);
    settle_unnamed(c);
    session_forget(c);
    c->tx_wrote = false;
    c->resume = false;
    if (UNLIKELY(c->doubt != NULL) && !pinned) {
        client_doubt_retry(c);
        return;
    }
    if (c->verifying) {
        struct err e;
        err_set(&e, ERR_IO, "%s", why);
        c->verifying = false;
        client_wait_in(c, &c->group->welcome_waiters);
        pool_want_welcome(c->group);
        return;
    }
    if (pinned) {
        lose_session(c, a, why);
        return;
    }
    LOG_AT(LOG_DEBUG, "client.server.lost", LOG_KV({"peer", c->peer}), "%s", why);
    freshness_primary(&c->floor, false,
                      worker_now()); /* whatever became of it, later reads must not be older */
    if (UNLIKELY(c->replay != NULL) &&
        client_replay_lost(c, a == LOST_TRANSACTION || (a == LOST_AGAIN && c->begin.deferred)))
        return;
    if (a != LOST_NOTHING && a != LOST_AGAIN)
        c->begin = (struct begin){0};
    switch (a) {
    case LOST_NOTHING:
        client_process(c);
        return;
    case LOST_AGAIN:
        replay(c, false);
        return;
    case LOST_DONE:
        c->tx = 'I';
        break;
    case LOST_TRANSACTION:
        c->group->stats.lost++;
        lose_transaction(c);
        if (!c->batch.opened) {
            client_process(c);
            return;
        }
        c->lost_told = true;
        send_error(c, ERRRESP_SERIALIZATION_FAILURE, ERRRESP_SEV_ERROR,
                   "the transaction was lost with its server and certainly not committed",
                   "Roll back and run the transaction again.");
        break;
    case LOST_ABORTED:
        c->group->stats.lost++;
        send_error(c, ERRRESP_SERIALIZATION_FAILURE, ERRRESP_SEV_ERROR,
                   "the statement was lost with its server and certainly not committed",
                   "Run it again.");
        c->tx = 'I';
        break;
    case LOST_IN_DOUBT:
        if (plain && client_doubt_begin(c, wrote))
            return;
        c->group->stats.in_doubt++;
        c->tx = 'I';
        send_error(c, ERRRESP_RESOLUTION_UNKNOWN, ERRRESP_SEV_ERROR,
                   "the server was lost while it committed; the outcome is not known",
                   "Look whether the change is there before running it again.");
        break;
    }
    client_told(c);
}

/* -- start-up parameters -------------------------------------------------------------------------------------------- */

void client_on_verified(struct client *c, const struct err *e)
{
    struct server *s = c->server;
    if (!e) {
        params_become(&c->params->told, s->reports);
        c->verifying = false;
        if (session_begin(c))
            params_become(&s->params, c->params); /* as the server spells them */
        else
            s->close_after = true;
        server_unlink(s);
        client_login_welcome(c);
        return;
    }
    const int code = (int)errresp_code_of(e->sqlstate);
    if (!c->verifying)
        log_warning("client.params.refused", "%s: %s", c->peer, e->text);
    client_fatal(c, code > 0 ? code : ERRRESP_INVALID_PARAMETER_VALUE, e->text, NULL);
}

void client_send_fakes(struct client *c, struct server *s)
{
    struct pl_entry e;
    while (pipeline_take_fake(&s->pl, &e)) {
        if (client_replay_runs(c)) {
            server_entry_done(s, &e);
            continue;
        }
        uint8_t out[8];
        struct writer w = writer_of(out, sizeof(out));
        encode_empty(&w, '3');
        stream_send(&c->st, out, w.n);
        c->batch.delivered = true;
        server_entry_done(s, &e);
    }
}
