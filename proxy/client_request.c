/* From clients to servers: messages are cut, looked at, routed and forwarded. What can be forwarded as it is goes by
 * reference; names of prepared statements are rewritten. */
#include <stdio.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "../replication/manager.h"
#include "client.h"
#include "client_begin.h"
#include "client_extended.h"
#include "client_inspect.h"
#include "client_doubt.h"
#include "client_replay.h"
#include "client_route.h"
#include "client_xid.h"
#include "pool.h"
#include "server.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/errresp.h"
#include "wire/frame.h"
#include "worker.h"

static void protocol_error(struct client *c, const char *what)
{
    client_fatal(c, ERRRESP_PROTOCOL_VIOLATION, what, NULL);
}

/* -- a batch begins ------------------------------------------------------------------------------------------------- */

static bool batch_reads(const struct client *c)
{
    const unsigned bits = c->batch.bits;
    if (UNLIKELY(c->params->serializable))
        return false;
    if (c->begin.deferred)
        return client_begin_reads(c);
    if (bits == CLASS_READ || bits == 0)
        return true;
    /* A hint says that it reads; if not, a replica refuses and it runs again on the primary. */
    if (c->batch.to_replica && c->batch.reason != REASON_NONE &&
        (bits & ~(unsigned)(CLASS_READ | CLASS_UNKNOWN)) == 0)
        return true;
    return (bits & CLASS_TX_BEGIN) && (bits & ~(unsigned)(CLASS_TX_BEGIN | CLASS_READ)) == 0 &&
           client_begin_reads(c);
}

static void aim(struct client *c);

static void hold(struct client *c, const struct route_out *r)
{
    c->wait_reason = (uint8_t)r->reason;
    c->group->stats.held++;
    client_wait_in(c, &c->w->held[c->group->cluster]);
}

static bool link_ready(struct client *c, size_t end, bool flush)
{
    struct server *s = c->server;
    if (!client_route_linked(c))
        return false;
    if (LIKELY(c->session.subs.count == 0))
        s->noted_by = c->serial;
    else if (!session_claims(c))
        return false;
    aim(c);
    switch (session_send(c)) {
    case SESSION_WAIT:
        return false;
    case SESSION_FAILED:
        s->close_after = true;
        server_unlink(s);
        protocol_error(c, "cannot set the session's parameters");
        return false;
    case SESSION_SENT:
    default:
        break;
    }
    if (!client_begin_send(c)) {
        s->close_after = true;
        server_unlink(s);
        protocol_error(c, "cannot begin the transaction");
        return false;
    }
    c->batch.retainable =
        end > 0 && end <= CLIENT_RETAIN_MAX && !flush && inbuf_keep(&c->retain, c->view, end);
    if (c->batch.retainable && c->unnamed_done && !c->batch.unnamed_before)
        c->batch.unnamed_before = pstmt_ref(c->unnamed_done);
    c->batch_no++;
    c->request_at = c->batch.started = worker_now();
    c->waited_since = 0;
    struct node_stats *n = &c->w->stats.nodes[c->group->cluster][s->pool->node];
    if (c->batch.read)
        n->reads++;
    else
        n->writes++;
    return true;
}

/* True when a server is linked and the batch may be forwarded. *answered: bytes of it that needed none. */
static bool begin_batch(struct client *c, size_t *answered)
{
    size_t end;
    bool flush;
    client_batch_reset(c, c->batch.retry);
    spread_give(c);
    c->tx_read_only = false;
    if (client_scan(c, &end, &flush) != SCAN_ROUTE)
        return false;
    if (c->group->conf.pool_mode == POOL_STATEMENT &&
        (c->batch.bits & (CLASS_TX_BEGIN | CLASS_TX_SAVEPOINT))) {
        client_error(c, ERRRESP_FEATURE_NOT_SUPPORTED,
                     "transaction blocks are not allowed in statement pooling mode",
                     "pool_mode = transaction of this database and user would allow them.");
        return false;
    }
    if (end > FRAME_HEADER && c->view[0] == MSG_F_QUERY &&
        client_begin_answers(
            c, (struct slice){(const char *)c->view + FRAME_HEADER, end - FRAME_HEADER})) {
        *answered = end;
        return false;
    }
    c->batch.read = batch_reads(c);
    c->tx_read_only = c->batch.read && (c->begin.deferred || (c->batch.bits & CLASS_TX_BEGIN));
    const struct route_out r = client_route(c);
    if (r.kind == ROUTE_WAIT) {
        client_route_wait(c, r.reason);
        return false;
    }
    c->w->stats.routes[r.reason]++;
    c->w->stats.classes[c->batch.reason]++;
    if (UNLIKELY(c->w->conf->tanist.log_routes))
        client_route_log(c, &r);
    if (r.kind == ROUTE_REFUSE) {
        if (r.reason == RR_ZONE)
            client_error(c, ERRRESP_CANNOT_CONNECT_NOW,
                         "no node within allow_zones may serve this statement",
                         "The settings forbid all others, the primary included. SHOW NODES tells "
                         "zones and states.");
        else
            client_error(c, ERRRESP_CANNOT_CONNECT_NOW,
                         "no replica may serve this read now (when_no_replica = error)",
                         "SHOW LAG tells why each replica is not eligible.");
        return false;
    }
    if (r.kind == ROUTE_HOLD) {
        hold(c, &r);
        return false;
    }
    if (r.kind == ROUTE_QUEUE || !spread_take(c, r.node)) {
        c->wait_reason = RR_FULL;
        spread_wait(c);
        return false;
    }
    struct pool *p = pool_of(c->group, r.node);
    if (!p) {
        client_fatal(c, ERRRESP_OUT_OF_MEMORY, "no memory for a pool", NULL);
        return false;
    }
    c->wait_reason = (uint8_t)r.reason;
    if (!pool_checkout(p, c))
        return false;
    return link_ready(c, end, flush);
}

/* A server came while the client waited: the batch was scanned before, but its account must be made again. */
static bool resume_batch(struct client *c)
{
    size_t end;
    bool flush;
    const bool read = c->batch.read;
    client_batch_reset(c, c->batch.retry);
    if (client_scan(c, &end, &flush) != SCAN_ROUTE)
        return false;
    c->batch.read = read;
    if (!read)
        c->tx_read_only = false;
    return link_ready(c, end, flush);
}

/* -- forwarding ------------------------------------------------------------------------------------------------------ */

/* The worker's gather collects for this client's server now. */
static void aim(struct client *c)
{
    if (gather_empty(&c->w->gather))
        gather_begin(&c->w->gather, &c->server->st);
    BUG_ON(c->w->gather.to != &c->server->st);
}

static size_t forward_simple(struct client *c, const struct frame *f)
{
    struct server *s = c->server;
    c->batch.sync_seen = true;
    c->batch.simple = true;
    c->group->stats.queries++;
    if (f->type == 'F') /* leaves the unnamed statement alone */
        return client_pass_expecting(c, f, PL_QUERY);
    s->unnamed = 0;
    pstmt_unref(c->unnamed);
    c->unnamed = NULL;
    if (client_xid_converts(c, f))
        return client_xid_convert(c, f) ? f->total : client_no_room(c);
    return client_expect(c, PL_QUERY, 0, TAG_QUERY) ? client_pass(c, f) : client_no_room(c);
}

static bool needs_whole(uint8_t type)
{
    return type == 'P' || type == 'D' || type == 'C' || type == 'E' || type == 'S' || type == 'H';
}

static bool is_copy(uint8_t type)
{
    return type == 'd' || type == 'c' || type == 'f';
}

/* The server will ignore it, whatever it is: it leaves no trace. */
static bool is_skipped(const struct client *c, uint8_t type)
{
    return c->server->pl.skipping && type != 'S' && type != 'H';
}

static size_t forward(struct client *c, const struct frame *f)
{
    const uint8_t *body = c->view + FRAME_HEADER;
    const size_t have = (f->total < c->view_n ? f->total : c->view_n) - FRAME_HEADER;
    if (is_skipped(c, f->type) && !is_copy(f->type))
        return client_pass(c, f);
    switch (f->type) {
    case 'Q':
    case 'F':
        return forward_simple(c, f);
    case 'P':
    case 'B':
    case 'D':
    case 'C':
    case 'E':
        return client_extended_forward(c, f, body, have);
    case 'S':
        if (c->server->copying && !c->server->copy_ended)
            return client_pass(c, f); /* ignored by a server that copies in */
        if (!client_xid_before_sync(c))
            return client_no_room(c);
        c->batch.sync_seen = true;
        return client_pass_expecting(c, f, PL_SYNC);
    case 'H':
        gather_flush(&c->w->gather);
        client_send_fakes(c, c->server);
        return client_pass(c, f);
    case 'c':
    case 'f':
        c->server->copy_ended = true;
        return client_pass(c, f);
    case 'd':
        return client_pass(c, f);
    default:
        protocol_error(c, "unexpected message type");
        return 0;
    }
}

/* -- the loop over messages ------------------------------------------------------------------------------------------ */

static size_t forward_rest(struct client *c)
{
    const size_t n = c->forward_left < c->view_n ? c->forward_left : c->view_n;
    /* Without a server it was lost: the rest of the message is dropped with it. */
    if (c->server && !c->forward_drop) {
        aim(c);
        gather_ref(&c->w->gather, c->view, n);
    }
    c->forward_left -= (uint32_t)n;
    c->forward_drop = c->forward_drop && c->forward_left > 0;
    return n;
}

/* Messages that need no server when none is linked. Bytes used, or 0. */
static size_t without_server(struct client *c, const struct frame *f)
{
    if (f->total > c->view_n && f->type == 'd') { /* of a COPY that failed: dropped as it comes */
        c->forward_left = f->total - (uint32_t)c->view_n;
        return c->view_n;
    }
    if (f->total > c->view_n ||
        (f->type != 'S' && f->type != 'H' && f->type != 'd' && f->type != 'c' && f->type != 'f'))
        return 0;
    if (f->type == 'S')
        client_send_ready(c);
    return f->total;
}

/* A write, or transaction control, after reads of the same batch, which a replica has answered already because of a Flush (and which did `before`).
 * They stay what they are; the rest goes to the primary. Portals that were bound on the replica do not come along. */
static bool must_leave(const struct client *c, unsigned before)
{
    const struct topology *t = worker_topo(c->w, c->group->cluster);
    if (!c->batch.opened)
        return false;
    if (c->tx != 'I' || (before & CLASS_TX))
        return client_begin_must_leave(c, before);
    if (!c->batch.read || batch_reads(c) || c->route_mode == ROUTE_REPLICA || !t ||
        c->server->pool->node == t->writer || c->server->pl.skipping)
        return false;
    /* An isolation that comes too late is refused by a replica as well. */
    return (c->batch.bits & CLASS_TX) != CLASS_TX_BEGIN ||
           c->batch.tx.isolation == ISOLATION_UNSPECIFIED;
}

static size_t leave(struct client *c)
{
    aim(c);
    if (!client_expect(c, PL_SYNC_HIDDEN, 0, TAG_NONE))
        return client_no_room(c);
    struct writer w = gather_writer(&c->w->gather, 8);
    encode_sync(&w);
    gather_wrote(&c->w->gather, &w);
    c->moving = true;
    return 0;
}

static bool owes_too_much(struct client *c)
{
    struct server *s = c->server;
    if (s->pl.n < PL_HIGH)
        return false;
    gather_flush(&c->w->gather);
    client_send_fakes(c, s); /* these would wait for the answer to the next request */
    return s->pl.n >= PL_HIGH;
}

/* At a further batch of a transaction. On a replica: may it go on there? And whoever listens may end that in a batch: its
 * channels must be on the server before its first message. False: it waits, or begins anew. */
static bool look_ahead(struct client *c, const struct frame *f)
{
    size_t end;
    bool flush;
    if (c->on_replica) {
        const enum begin_look look = client_begin_look(c);
        c->again |= look == BEGIN_LEAVES;
        if (look != BEGIN_GOES_ON)
            return false;
    }
    if (c->session.subs.count == 0 || c->inspected > 0 || f->type == MSG_F_QUERY ||
        f->type == MSG_F_FUNCTION_CALL)
        return true;
    client_batch_reset(c, false);
    return client_scan(c, &end, &flush) == SCAN_ROUTE;
}

static size_t step_linked(struct client *c, const struct frame *f)
{
    struct server *s = c->server;
    if (c->moving)
        return 0;
    if (c->batch.sync_seen && !(is_copy(f->type) && s->copying)) {
        if (!is_copy(f->type) || s->pl.turns > 0)
            return 0; /* one batch at a time: the next waits for ReadyForQuery */
        return f->total <= c->view_n ? f->total : 0;
    }
    if (stream_kept(&s->st) > STREAM_HIGH || owes_too_much(c))
        return 0;
    if (s->cancels > 0 && !c->batch.opened)
        return 0; /* a cancel under way was meant for the batch before: it shall not hit this one */
    if (f->total > c->view_n && needs_whole(f->type)) {
        if (f->total > CLIENT_PARSE_MAX)
            client_fatal(c, ERRRESP_OUT_OF_MEMORY, "the text of a prepared statement is too long",
                         "It may have 64 MB.");
        return 0;
    }
    if (f->total > c->view_n && f->type == 'Q' && f->total <= CLIENT_INSPECT_MAX)
        return 0;
    if (!c->batch.opened && c->batch.started == 0) { /* a further batch of the same transaction */
        if (UNLIKELY(c->on_replica || c->session.subs.count > 0) && !look_ahead(c, f))
            return 0;
        c->batch_no++;
        c->batch.started = worker_now();
        aim(c);
    }
    const unsigned before =
        c->batch.each | (c->batch.portals || c->batch.fetches ? BEGIN_BEFORE_PORTALS : 0U);
    if (c->inspected >= f->total) {
        c->inspected -= f->total;
    } else if (f->total <= c->view_n || f->type == 'B') {
        c->inspected = 0;
        const size_t have = (f->total < c->view_n ? f->total : c->view_n) - FRAME_HEADER;
        const int rc = client_inspect(c, f, c->view + FRAME_HEADER, have);
        if (rc == ERR_AGAIN)
            return 0;
        if (rc < 0) {
            protocol_error(c, "invalid message format");
            return 0;
        }
    } else {
        c->batch.bits |= CLASS_UNKNOWN;
        c->batch.each |= CLASS_UNKNOWN;
        c->batch.commit = true; /* nobody has looked */
        c->batch.partial = true;
    }
    if (UNLIKELY(c->on_replica) && must_leave(c, before))
        return leave(c);
    aim(c);
    if (!c->batch.opened &&
        (!session_precede(c, f->type == MSG_F_QUERY) || !client_xid_precede(c))) {
        protocol_error(c, "too many messages without a Sync");
        return 0;
    }
    c->batch.opened = true;
    const size_t used = forward(c, f);
    if (used == 0) /* it comes again, and has been looked at */
        c->inspected += f->total;
    return used;
}

/* Nothing of the next batch was looked at or sent. */
static bool at_boundary(const struct client *c)
{
    return !c->server || (!c->batch.opened && !c->resume && !c->moving && c->batch.started == 0 &&
                          !c->batch.sync_seen && !c->server->copying);
}

/* Bytes used of the view; 0: stop, something is awaited. */
static size_t step(struct client *c)
{
    struct frame f = {0};
    if (c->state != CLIENT_READY || c->waiting_in || c->session.applying || c->doubt ||
        c->view_n == 0)
        return 0;
    if (c->forward_left > 0)
        return forward_rest(c);
    const enum frame_result r = frame_next(c->view, c->view_n, FRAME_FRONTEND, &f);
    if (r == FRAME_BAD)
        protocol_error(c, frame_bad_reason(c->view, c->view_n, FRAME_FRONTEND));
    if (r != FRAME_OK)
        return 0;
    if (f.type == 'X') {
        if (!c->batch.sync_seen)
            client_close(c, "client said goodbye");
        return 0;
    }
    if (c->lost || c->lost_skip || c->lost_query)
        return client_lost_request(c, c->view, c->view_n);
    size_t answered;
    if (at_boundary(c) && client_settings(c, &f, &answered))
        return answered;
    if (!c->server) {
        size_t n = without_server(c, &f);
        if (n || !begin_batch(c, &n))
            return n;
    } else if (c->resume) {
        c->resume = false;
        if (!resume_batch(c))
            return 0;
    }
    return step_linked(c, &f);
}

static void run(struct client *c)
{
    c->processing = true;
    do {
        c->again = false;
        for (;;) {
            const size_t used = step(c);
            if (used == 0)
                break;
            BUG_ON(used > c->view_n);
            if (UNLIKELY(c->replay != NULL))
                client_replay_used(c, c->view, used);
            c->view += used;
            c->view_n -= used;
            c->batch.used += used;
        }
    } while (c->again && c->state == CLIENT_READY);
    c->processing = false;
    if (c->server)
        gather_flush(&c->w->gather);
    if (c->state == CLIENT_CLOSED)
        return;
    const bool ok = inbuf_keep(&c->in, c->view, c->view_n);
    c->view = NULL;
    c->view_n = 0;
    if (!ok) {
        client_fatal(c, ERRRESP_OUT_OF_MEMORY, "no memory for the request", NULL);
        return;
    }
    /* A long Parse is read as a whole. */
    const bool full = c->in.n > 2 * (size_t)CLIENT_INSPECT_MAX && c->in.p[0] != MSG_F_PARSE;
    /* The next batch waits; but while copying in, what is left is the cut header of more data. */
    const bool next = c->in.n > 0 && c->batch.sync_seen && !(c->server && c->server->copying);
    /* Answers go on with what is in c->in: with nothing there, a pause for PL_HIGH would never end. */
    const bool busy = c->server && (stream_kept(&c->server->st) > STREAM_HIGH ||
                                    (c->in.n > 0 && c->server->pl.n >= PL_HIGH));
    if (c->waiting_in || full || next || busy)
        stream_pause(&c->st);
    else
        stream_resume(&c->st);
}

void client_process(struct client *c)
{
    if (c->processing) {
        c->again = true;
        return;
    }
    if (c->state == CLIENT_CONSOLE) {
        client_console_process(c);
        return;
    }
    if (c->state != CLIENT_READY)
        return;
    if (UNLIKELY(c->doubt != NULL)) {
        client_doubt_step(c);
        return;
    }
    c->view = c->in.p;
    c->view_n = c->in.n;
    run(c);
}

void client_on_readable(struct stream *st)
{
    struct client *c = CONTAINER_OF(st, struct client, st);
    struct worker *w = c->w;
    struct err e = {0};
    uint8_t *at = w->buf;
    size_t cap = WORKER_BUF;
    if (c->in.n > 0) {
        at = inbuf_room(&c->in, WORKER_BUF);
        if (!at) {
            client_fatal(c, ERRRESP_OUT_OF_MEMORY, "no memory for the request", NULL);
            return;
        }
    }
    const long got = stream_recv(st, at, cap, &e);
    if (got == ERR_AGAIN)
        return;
    if (got <= 0) {
        client_close(c, got == 0 ? "client closed the connection" : e.text);
        return;
    }
    if (c->group)
        c->group->stats.received += (uint64_t)got;
    if (c->in.n > 0) {
        c->in.n += (size_t)got;
        client_process(c);
        return;
    }
    if (c->state == CLIENT_CONSOLE) {
        if (inbuf_keep(&c->in, at, (size_t)got))
            client_process(c);
        return;
    }
    c->view = at;
    c->view_n = (size_t)got;
    run(c);
}
