/* From servers to clients. A chunk is scanned header by header; what the client may see is collected by reference and sent
 * with one call at the end. Bodies of rows are never buffered: what has arrived goes on, the rest is counted. */
#include <stdio.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "../replication/manager.h"
#include "client.h"
#include "client_begin.h"
#include "client_doubt.h"
#include "client_replay.h"
#include "client_xid.h"
#include "pool.h"
#include "reports.h"
#include "server.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/errresp.h"
#include "wire/frame.h"
#include "worker.h"

enum {
    ERROR_WHOLE_MAX = WORKER_BUF / 2,
    ERROR_HEAD = 2048,
    TAG_MAX = 256,
    NOTICE_WHOLE_MAX = 4096
};

struct chunk {
    struct server *s;
    struct client *c; /* NULL while nobody is linked */
    struct gather *g;
    const uint8_t *p;
    size_t n, at;
    bool ready;    /* the client's ReadyForQuery is in it */
    bool look;     /* the same, but the server is asked first what the session has */
    bool cleaned;  /* ReadyForQuery of our own query */
    bool unsynced; /* ready, but its commit was not waited for */
    bool changed;  /* a statement prepared again has another result than the client was told */
    bool dead;     /* the server is gone; nothing may be touched */
};

static void pass(struct chunk *k, const uint8_t *p, size_t n)
{
    if (!k->c || k->s->retrying || k->c->batch.muted)
        return;
    if (UNLIKELY(k->c->replay != NULL) && client_replay_hears(k->c, p, n))
        return;
    gather_ref(k->g, p, n);
}

/* A CommandComplete that waited for its commit. */
static void release_held(struct chunk *k)
{
    if (LIKELY(!k->c || k->c->held_n == 0))
        return;
    struct writer w = gather_writer(k->g, k->c->held_n);
    write_bytes(&w, k->c->held, k->c->held_n);
    gather_wrote(k->g, &w);
    k->c->held_n = 0;
}

/* Does it say anything of the commit? Not if that comes later, nor if nobody waited for it. */
static bool holds(struct chunk *k, const uint8_t *msg, size_t n)
{
    struct client *c = k->c;
    if (LIKELY(!c || !(c->batch.xid_asked | c->batch.unsynced)) || n > sizeof(c->held) ||
        k->s->retrying || (c->batch.xid_asked && c->batch.completed != c->batch.asked))
        return false;
    release_held(k);
    memcpy(c->held, msg, n);
    c->held_n = (uint8_t)n;
    return true;
}

/* A wait for replicas that was cut off: the commit is done here, and perhaps nowhere else. Its text is translated, the routine
 * is not. Source: SyncRepWaitForLSN in syncrep.c. */
static bool is_unsynced(struct chunk *k, const uint8_t *body, size_t n)
{
    struct msg_error m;
    if (decode_error(body, n, &m) < 0 || !slice_eq(m.routine, "SyncRepWaitForLSN"))
        return false;
    if (k->c->doubt)
        client_doubt_on_unsynced(k->c);
    else
        k->c->batch.unsynced = true;
    return true;
}

static void fakes(struct chunk *k)
{
    struct pl_entry e;
    while (pipeline_take_fake(&k->s->pl, &e)) {
        if (k->c && !k->s->retrying && !client_replay_runs(k->c)) {
            struct writer w = gather_writer(k->g, 8);
            encode_empty(&w, '3');
            gather_wrote(k->g, &w);
        }
        server_entry_done(k->s, &e);
    }
}

static void out_of_step(struct chunk *k, uint8_t type)
{
    struct err e;
    err_set(&e, ERR_PROTO, "server sent message '%c' out of order", type);
    log_error("server.protocol", "node %s: %s", k->s->pool->name, e.text);
    gather_drop(k->g);
    k->dead = true;
    if (k->c)
        k->c->batch.errored = true; /* whatever was dropped with it */
    server_broken(k->s, &e, false);
}

/* Nothing of a read's answer has been seen yet, and there is the primary to ask. */
static bool may_run_elsewhere(const struct chunk *k)
{
    const struct client *c = k->c;
    if (!c || !c->batch.retainable || c->batch.delivered || k->g->sent || !c->batch.read ||
        c->batch.retry)
        return false;
    const struct topology *t = worker_topo(k->s->w, k->s->pool->group->cluster);
    return t && k->s->pool->node != t->writer;
}

/* The replica cannot do it, and never could: the statement is not a read after all. */
static bool refuses(const struct msg_error *m)
{
    return slice_eq(m->sqlstate, "25006") || slice_eq(m->sqlstate, "55000") ||
           (slice_eq(m->sqlstate, "0A000") && !slice_eq(m->routine, "RevalidateCachedQuery"));
}

/* Errors after which the same batch may run on another node: besides, a recovery conflict, or something that another session
 * made or changed and that the replica may not have heard of (class 42, and a cached plan). */
static bool runs_elsewhere(const struct chunk *k, const struct msg_error *m)
{
    return may_run_elsewhere(k) &&
           (refuses(m) || slice_eq(m->sqlstate, "0A000") || slice_eq(m->sqlstate, "40001") ||
            slice_eq(m->sqlstate, "3F000") ||
            (m->sqlstate.n == 5 && memcmp(m->sqlstate.p, "42", 2) == 0));
}

static bool session_ends(struct slice sqlstate)
{
    return sqlstate.n == 5 &&
           (memcmp(sqlstate.p, "57P0", 4) == 0 || memcmp(sqlstate.p, "08", 2) == 0 ||
            memcmp(sqlstate.p, "40001", 5) == 0);
}

static void skip_rest(struct chunk *k)
{
    struct pl_entry e;
    while (pipeline_take_skipped(&k->s->pl, &e))
        server_entry_done(k->s, &e);
}

static void on_fatal(struct chunk *k, const struct msg_error *m, const uint8_t *msg, size_t total)
{
    struct err e;
    err_set(&e, ERR_SERVER, "%.*s", (int)m->message.n, m->message.p ? m->message.p : "");
    struct server *s = k->s;
    const bool nothing_done =
        k->c && !k->c->batch.complete_seen && !k->c->batch.delivered && !k->g->sent;
    const bool bound =
        k->c && (k->c->pin != PIN_NONE || s->pool->group->conf.pool_mode == POOL_SESSION);
    if (k->c && (bound || !session_ends(m->sqlstate))) {
        /* It is about this session (a time-out, a wrong setting), or the session cannot go on elsewhere: the client
         * hears what it would hear directly. */
        if (session_ends(m->sqlstate))
            manager_hint(s->w->proxy->manager, s->pool->group->cluster, s->pool->node);
        pass(k, msg, total);
        gather_flush(k->g);
        struct client *c = k->c;
        k->dead = true;
        s->close_after = true;
        client_close(c, "server ended the session");
        return;
    }
    if (k->ready ||
        k->unsynced) { /* the batch before it is whole; the end of the connection follows */
        s->close_after = true;
        return;
    }
    if (k->c && (client_batch_done(k->c) || k->c->batch.xid))
        gather_flush(
            k->g); /* the client may hear of its success; or of rows, if it turns out one */
    else
        gather_drop(k->g);
    k->dead = true;
    server_broken(s, &e, nothing_done);
}

/* What the request that failed was about. */
static const struct named *name_of(const struct server *s)
{
    const struct pl_entry *e = pipeline_head(&s->pl);
    return e && (e->tag == TAG_USED || e->tag == TAG_PARSED || e->tag == TAG_MADE)
               ? (const struct named *)(uintptr_t)e->ref
               : NULL;
}

/* The failure that we asked for. A changed result is told in PostgreSQL's words: drivers know them, and prepare anew. */
static void pass_refusal(struct chunk *k, enum entry_tag tag)
{
    static const struct errresp changed = {.code = ERRRESP_FEATURE_NOT_SUPPORTED,
                                           .severity = ERRRESP_SEV_ERROR,
                                           .message = "cached plan must not change result type",
                                           .routine = "RevalidateCachedQuery"};
    static const struct errresp refused = {
        .code = ERRRESP_OUT_OF_MEMORY,
        .severity = ERRRESP_SEV_ERROR,
        .message = "no memory for another prepared statement",
        .hint =
            "The named statements of a session may take 64 MB. Close those that are not needed."};
    struct writer w = gather_writer(k->g, ERRRESP_SIZE_MAX);
    errresp_write(&w, tag == TAG_CHANGED ? &changed : &refused);
    gather_wrote(k->g, &w);
}

/* An error that names a prepared statement names it as the client does. */
static void pass_error(struct chunk *k, const uint8_t *msg, size_t total)
{
    static const char mark[] = "\"" PSTMT_NAME_PREFIX;
    const uint8_t *at = memmem(msg, total, mark, sizeof(mark) - 1);
    const uint8_t *from = at ? at + 1 : NULL;
    const uint8_t *to = from ? memchr(from, '"', (size_t)(msg + total - from)) : NULL;
    const struct pl_entry *head = pipeline_head(&k->s->pl);
    const struct named *n = to && k->c ? name_of(k->s) : NULL;
    if (head && (head->tag == TAG_CHANGED || head->tag == TAG_REFUSED) && k->c && !k->s->retrying) {
        pass_refusal(k, (enum entry_tag)head->tag);
        return;
    }
    const size_t len = n ? strlen(n->name) : 0;
    if (!n || total + len > GATHER_SCRATCH / 2 || k->s->retrying) {
        pass(k, msg, total);
        return;
    }
    const size_t body = total - FRAME_HEADER - (size_t)(to - from) + len;
    struct writer w = gather_writer(k->g, body + FRAME_HEADER);
    encode_header(&w, 'E', (uint32_t)body);
    write_bytes(&w, msg + FRAME_HEADER, (size_t)(from - msg) - FRAME_HEADER);
    write_bytes(&w, n->name, len);
    write_bytes(&w, to, (size_t)(msg + total - to));
    gather_wrote(k->g, &w);
}

/* It was not the user who cancelled it. */
static void pass_timeout(struct chunk *k)
{
    if (k->s->retrying)
        return;
    struct writer w = gather_writer(k->g, ERRRESP_SIZE_MAX);
    errresp_write(&w, &(struct errresp){.code = ERRRESP_QUERY_CANCELED,
                                        .message = "canceling statement due to query_timeout"});
    gather_wrote(k->g, &w);
}

/* The primary would have done it; the transaction's snapshot is here. */
static void pass_stranded(struct chunk *k)
{
    if (k->s->retrying)
        return;
    struct writer w = gather_writer(k->g, ERRRESP_SIZE_MAX);
    errresp_write(&w, &(struct errresp){.code = ERRRESP_SERIALIZATION_FAILURE,
                                        .severity = ERRRESP_SEV_ERROR,
                                        .message = client_begin_stranded,
                                        .hint = client_begin_stranded_hint});
    gather_wrote(k->g, &w);
}

/* The first fields of an error too long to be kept: severity and SQLSTATE come before everything that can be long. */
static void error_head(const uint8_t *body, size_t have, struct msg_error *m)
{
    *m = (struct msg_error){0};
    for (size_t at = 0; at < have && body[at] != 0;) {
        const char *value = (const char *)body + at + 1;
        const char *end = memchr(value, 0, have - at - 1);
        const struct slice v = {value, end ? (size_t)(end - value) : have - at - 1};
        if (body[at] == 'V')
            m->severity = v;
        else if (body[at] == 'C')
            m->sqlstate = v;
        else if (body[at] == 'M')
            m->message = v;
        if (!end)
            return;
        at = (size_t)(end + 1 - (const char *)body);
    }
}

/* `have` bytes of it are there; all, unless it is very long. */
static void on_error(struct chunk *k, const struct frame *f, const uint8_t *msg, size_t have)
{
    struct server *s = k->s;
    struct msg_error m;
    if (have < f->total) {
        error_head(msg + FRAME_HEADER, have - FRAME_HEADER, &m);
    } else if (decode_error(msg + FRAME_HEADER, f->body_len, &m) < 0) {
        out_of_step(k, 'E');
        return;
    }
    if (slice_eq(m.severity, "FATAL") || slice_eq(m.severity, "PANIC")) {
        on_fatal(k, &m, msg, have);
        return;
    }
    fakes(k); /* of what came before the request that failed */
    const struct pl_entry *head = pipeline_head(&s->pl);
    const bool meant = head && head->tag == TAG_FAILS;
    if (UNLIKELY(head && head->tag == TAG_XID && head->kind == PL_HIDDEN_QUERY && k->c &&
                 !k->c->doubt)) {
        pass(k, msg, have); /* a time-out, say; the COMMIT behind it will roll back */
        k->c->batch.errored = k->c->batch.muted = true;
        return;
    }
    if (k->c && k->c->batch.converted)
        k->c->held_n = 0; /* a Query fails as a whole */
    release_held(k);
    if (pipeline_error(&s->pl) == PL_SWALLOW) {
        if (meant)
            return;
        s->hidden_failed = true;
        err_set(&s->login_error, ERR_SERVER, "%.*s", (int)m.message.n,
                m.message.p ? m.message.p : "");
        snprintf(s->login_error.sqlstate, 6, "%.*s", (int)m.sqlstate.n,
                 m.sqlstate.p ? m.sqlstate.p : "");
        skip_rest(k);
        return;
    }
    if (!s->retrying && runs_elsewhere(k, &m)) {
        gather_drop(k->g);
        s->retrying = true;
        if (refuses(&m))
            client_learn(k->c);
    }
    s->copying = false;
    if (k->c)
        k->c->batch.errored = true;
    if (k->c && UNLIKELY(k->c->replay != NULL))
        client_replay_spoilt(k->c);
    if (k->c && client_replay_runs(k->c))
        ; /* it is not told */
    else if (have < f->total)
        pass(k, msg, have);
    else if (k->c && k->c->batch.canceled_at && slice_eq(m.sqlstate, "57014"))
        pass_timeout(k);
    else if (k->c && UNLIKELY(k->c->on_replica) && client_begin_strands(k->c, &m))
        pass_stranded(k);
    else
        pass_error(k, msg, have);
    skip_rest(k);
    if (k->c && s->pl.skipping && s->pl.turns == 0)
        k->c->batch.sync_seen = false; /* a Query was skipped too: only a Sync will be answered */
}

static void on_ready(struct chunk *k, const struct frame *f, const uint8_t *msg)
{
    struct server *s = k->s;
    struct pl_entry done;
    uint8_t status;
    fakes(k);
    skip_rest(k);
    const enum pl_verdict v = pipeline_reply(&s->pl, 'Z', &done);
    if (v == PL_BROKEN || decode_ready(msg + FRAME_HEADER, f->body_len, &status) < 0) {
        out_of_step(k, 'Z');
        return;
    }
    server_entry_done(s, &done);
    s->tx = status;
    s->copying = false;
    if (UNLIKELY(s->news != NULL))
        reports_settle(s);
    if (v == PL_SWALLOW) {
        fakes(
            k); /* of what came behind our query, which nothing else may answer before the next Flush */
        k->cleaned = true;
        return;
    }
    if (k->c && UNLIKELY(k->c->batch.unsynced) && !s->retrying) {
        k->unsynced = true;
        return;
    }
    release_held(k);
    if (k->c && !s->retrying)
        session_settle_names(k->c);
    if (k->c && !s->retrying && session_must_look(k->c, status)) {
        k->look = true; /* the client hears of it afterwards */
        return;
    }
    if (k->c)
        k->c->batch.muted = false;
    if (k->c && UNLIKELY(k->c->told != s->reports) && !s->retrying) {
        struct writer w = gather_writer(k->g, REPORTS_ROOM);
        reports_tell(k->c, &w);
        if (w.n > 0)
            gather_wrote(k->g, &w);
    }
    pass(k, msg, f->total);
    k->ready = true;
}

static void on_notification(struct chunk *k, const struct frame *f, const uint8_t *msg)
{
    struct msg_notification m;
    if (!k->c || decode_notification(msg + FRAME_HEADER, f->body_len, &m) < 0 ||
        !session_passes(k->c, m.channel, &m.pid))
        return;
    pass(k, msg, FRAME_HEADER);
    if (!k->s->retrying) {
        struct writer w = gather_writer(k->g, 4);
        write_u32(&w, m.pid);
        gather_wrote(k->g, &w);
    }
    pass(k, msg + FRAME_HEADER + 4, f->total - FRAME_HEADER - 4);
}

/* A message that must be there as a whole. */
static void on_whole(struct chunk *k, const struct frame *f, const uint8_t *msg)
{
    switch (f->type) {
    case 'Z':
        on_ready(k, f, msg);
        return;
    case 'E':
        on_error(k, f, msg, f->total);
        return;
    case 'S':
        reports_hear(k->s, msg + FRAME_HEADER, f->body_len);
        return;
    case 'A':
        on_notification(k, f, msg);
        return;
    default:
        BUG("not a message to be read as a whole");
    }
}

static void on_copy_in(struct chunk *k)
{
    k->s->copying = true;
    k->s->copy_ended = false;
    if (k->c && UNLIKELY(k->c->replay != NULL))
        client_replay_spoilt(k->c);
    if (k->c && k->s->pl.turns == 0)
        k->c->batch.sync_seen = false; /* its Sync was ignored; another one follows the data */
}

/* A piece of the answer to our own Describe; the last one completes it. */
static void on_described(struct chunk *k, const uint8_t *p, size_t n)
{
    struct server *s = k->s;
    signature_feed(&s->sig, p, n);
    if (s->forward_left > 0 || s->describing.kind == PL_NONE)
        return;
    if (server_described(s))
        k->changed = true;
}

/* Is this CommandComplete message the one of that command? */
static bool is_tag(const uint8_t *msg, size_t have, const char *tag)
{
    const size_t n = strlen(tag) + 1;
    return have == FRAME_HEADER + n && memcmp(msg + FRAME_HEADER, tag, n) == 0;
}

/* The answer to our question for a transaction id, or for what became of one. */
static void take_xid(struct chunk *k, const struct frame *f, size_t have)
{
    const uint8_t *body = k->p + k->at + FRAME_HEADER;
    if (!k->c || have < f->total || pipeline_head(&k->s->pl)->tag != TAG_XID)
        return;
    if (k->c->doubt && f->type == 'D')
        client_doubt_on_row(k->c, body, f->body_len);
    else if (!k->c->doubt && (f->type == 'D' || f->type == 'V'))
        client_xid_on_answer(k->c, f->type, body, f->body_len);
}

/* Messages that are looked into must be there as a whole. */
static bool needs_rest(const struct chunk *k, const struct frame *f)
{
    const struct pl_entry *head = pipeline_head(&k->s->pl);
    if (!k->c || f->total > NOTICE_WHOLE_MAX)
        return false;
    return f->type == 'N' || ((f->type == 'D' || f->type == 'V') && head && head->tag == TAG_XID);
}

/* The head of any other message: whose is it? `have` bytes of it are there. */
static void on_head(struct chunk *k, const struct frame *f, size_t have)
{
    struct server *s = k->s;
    const uint8_t *msg = k->p + k->at;
    bool drop = false, describe = false;
    if (f->type == 'N') {
        fakes(k); /* it is about what comes behind them */
        drop = !k->c ||
               (have == f->total && have <= NOTICE_WHOLE_MAX &&
                is_unsynced(k, msg + FRAME_HEADER, f->body_len)) ||
               pipeline_hidden(&s->pl);
    } else {
        struct pl_entry done;
        fakes(k);
        const bool hidden = pipeline_hidden(&s->pl);
        if (UNLIKELY(hidden))
            take_xid(k, f, have);
        const enum pl_verdict v = pipeline_reply(&s->pl, f->type, &done);
        if (v == PL_BROKEN) {
            out_of_step(k, f->type);
            return;
        }
        drop = v == PL_SWALLOW;
        describe = hidden && (f->type == 't' || f->type == 'T' || f->type == 'n');
        if (done.kind == PL_DESCRIBE_HIDDEN)
            s->describing = done;
        else if (done.kind != PL_NONE)
            server_entry_done(s, &done);
        if (f->type == 'C' && k->c && !drop) {
            struct batch *b = &k->c->batch;
            b->complete_seen = true;
            if (UNLIKELY(k->c->session.replayed_within))
                session_on_tag(k->c, (const char *)msg + FRAME_HEADER, have - FRAME_HEADER);
            if (UNLIKELY(b->drops_prepared) &&
                (is_tag(msg, have, "DISCARD ALL") || is_tag(msg, have, "DEALLOCATE ALL")))
                session_drop_names(k->c);
        }
        if ((f->type == 'C' || f->type == 'I') && k->c && !drop)
            k->c->batch.completed++;
        if (f->type == 'C' && !drop)
            drop = holds(k, msg, have);
        else if (!drop)
            release_held(k);
        if (f->type == 'G' || f->type == 'W')
            on_copy_in(k);
        else if (f->type == 'C')
            s->copying = false;
    }
    if (!drop)
        pass(k, msg, have);
    k->at += have;
    s->forward_left = f->total - (uint32_t)have;
    s->forward_drop = drop;
    s->forward_describe = describe;
    if (describe) {
        if (f->type == 't')
            signature_begin(&s->sig);
        signature_message(&s->sig, f->type);
        on_described(k, msg + FRAME_HEADER, have - FRAME_HEADER);
    }
    if (s->forward_left == 0)
        fakes(k);
}

/* Rows of a query that is the client's own need no more than their length. */
static bool plain_rows(const struct server *s)
{
    if (pipeline_empty(&s->pl))
        return false;
    const uint8_t head = s->pl.ring[s->pl.head].kind;
    return head == PL_QUERY || head == PL_EXECUTE;
}

/* A row of what the session has. False: it is not all there yet. */
static bool look_row_of(struct chunk *k, const struct frame *f, size_t left)
{
    struct server *s = k->s;
    if (f->total > left && f->total <= ERROR_WHOLE_MAX)
        return false;
    const size_t have = f->total < left ? f->total : left;
    session_on_row(s, k->p + k->at + FRAME_HEADER, have < f->total ? 0 : f->body_len);
    k->at += have;
    s->forward_left = f->total - (uint32_t)have;
    s->forward_drop = true;
    return true;
}

static void scan_rest_of_message(struct chunk *k)
{
    struct server *s = k->s;
    const size_t left = k->n - k->at;
    const size_t n = s->forward_left < left ? s->forward_left : left;
    if (!s->forward_drop)
        pass(k, k->p + k->at, n);
    k->at += n;
    s->forward_left -= (uint32_t)n;
    if (s->forward_describe)
        on_described(k, k->p + k->at - n, n);
    if (s->forward_left == 0)
        fakes(k);
}

static void on_long_error(struct chunk *k, const struct frame *f, const uint8_t *msg, size_t have)
{
    on_error(k, f, msg, have);
    if (k->dead)
        return;
    k->at += have;
    k->s->forward_left = f->total - (uint32_t)have;
    k->s->forward_drop =
        !pipeline_empty(&k->s->pl) && k->s->pl.ring[k->s->pl.head].kind == PL_HIDDEN_QUERY;
}

static void scan(struct chunk *k)
{
    struct server *s = k->s;
    while (!k->dead && k->at < k->n) {
        if (s->forward_left > 0) {
            scan_rest_of_message(k);
            continue;
        }
        struct frame f = {0};
        const size_t left = k->n - k->at;
        const uint8_t *msg = k->p + k->at;
        const enum frame_result r = frame_next(msg, left, FRAME_BACKEND, &f);
        if (r == FRAME_MORE)
            return;
        if (r == FRAME_BAD) {
            out_of_step(k, msg[0]);
            return;
        }
        if (f.type == 'D' && f.total <= left && plain_rows(s)) {
            pass(k, msg, f.total);
            k->at += f.total;
            continue;
        }
        if (f.type == 'D' && s->look) {
            if (!look_row_of(k, &f, left))
                return;
            continue;
        }
        if (f.type == 'E' && f.total > ERROR_WHOLE_MAX) {
            if (left < ERROR_HEAD)
                return;
            on_long_error(k, &f, msg, f.total < left ? f.total : left);
            continue;
        }
        if (f.type == 'C' && f.total > left && f.total <= TAG_MAX)
            return;
        if (f.type != 'Z' && f.type != 'S' && f.type != 'E' && f.type != 'A') {
            if (UNLIKELY(f.total > left) && needs_rest(k, &f))
                return;
            on_head(k, &f, f.total < left ? f.total : left);
            continue;
        }
        if (f.total > left)
            return;
        on_whole(k, &f, msg);
        k->at += f.total;
    }
}

/* The transaction goes on behind the commit (AND CHAIN): nobody can wait for that one any more. */
static void unsynced(struct chunk *k)
{
    struct err e;
    if (k->s->tx == 'I') {
        client_doubt_unsynced(k->c);
        return;
    }
    err_set(&e, ERR_STATE, "a commit was not waited for");
    server_broken(k->s, &e, false);
}

/* The client's start-up parameters, or a change of them, were answered. */
static bool after_hidden(struct chunk *k)
{
    struct server *s = k->s;
    struct client *c = k->c;
    if (!c)
        return true;
    if (UNLIKELY(c->doubt != NULL)) {
        client_doubt_on_answered(c);
        return false;
    }
    if (c->session.applying && !pipeline_empty(&s->pl))
        return false;
    if (s->look || s->restoring || c->session.applying) {
        if (s->look)
            session_on_looked(c);
        else if (s->restoring)
            session_on_restored(c);
        else
            session_on_applied(c);
        return false;
    }
    const struct pl_entry *head = pipeline_head(&s->pl);
    if (s->hidden_failed && head && (head->tag == TAG_FAILS || head->tag == TAG_GIVEN))
        return true; /* it may fail; its ReadyForQuery comes in the next chunk */
    if (s->hidden_failed) {
        const struct err e = s->login_error;
        s->close_after = true;
        client_on_verified(c, &e);
        return false;
    }
    if (c->verifying) {
        if (pipeline_empty(&s->pl))
            client_on_verified(c, NULL);
        return false;
    }
    if (c->moving && pipeline_empty(&s->pl)) {
        client_on_left(c);
        return false;
    }
    return true;
}

static void after_scan(struct chunk *k)
{
    struct server *s = k->s;
    struct client *c = k->c;
    if (!inbuf_keep(&s->in, k->p + k->at, k->n - k->at)) {
        out_of_step(k, '?');
        return;
    }
    if (c) {
        gather_flush(k->g);
        if (k->g->sent)
            c->batch.delivered = true;
        if (stream_kept(&c->st) > STREAM_HIGH)
            stream_pause(&s->st);
    }
    if (s->state == SERVER_CLEANING) {
        if (k->ready || k->cleaned || s->copying)
            server_clean_step(s);
        return;
    }
    if (k->cleaned && !after_hidden(k))
        return;
    if (!c)
        return;
    if (UNLIKELY(k->unsynced)) {
        unsynced(k);
    } else if (k->changed &&
               may_run_elsewhere(k)) { /* this replica may not have heard of the change yet */
        s->close_after = true;
        client_retry(c);
    } else if (k->look) {
        session_look(c);
    } else if (k->ready && s->retrying) {
        s->retrying = false;
        client_retry(c);
    } else if (k->ready) {
        client_on_ready(c, s->tx);
    } else if (s->copying || c->in.n > 0) {
        client_process(c);
    }
}

void server_on_reply(struct server *s)
{
    struct worker *w = s->w;
    struct err e = {0};
    const size_t have = s->in.n;
    if (have)
        memcpy(w->buf, s->in.p, have);
    const long got = stream_recv(&s->st, w->buf + have, WORKER_BUF - have, &e);
    if (got == ERR_AGAIN)
        return;
    if (got <= 0) {
        if (got == 0)
            err_set(&e, ERR_EOF, "server closed the connection unexpectedly");
        server_broken(s, &e, false);
        return;
    }
    s->pool->group->stats.sent += (uint64_t)got;
    struct chunk k = {
        .s = s, .c = s->client, .g = &w->gather, .p = w->buf, .n = have + (size_t)got};
    gather_begin(k.g, k.c ? &k.c->st : NULL);
    scan(&k);
    if (!k.dead)
        after_scan(&k);
}
