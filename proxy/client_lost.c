/* A session without a server that must still answer: its transaction was lost with its server and stays failed until the
 * client ends it, as PostgreSQL's own failed transactions do; or an error was answered and everything up to Sync is skipped.
 * Source: protocol chapter, "Extended Query" (error recovery). */
#include "../replication/base/bug.h"
#include "client.h"
#include "pool.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/errresp.h"
#include "wire/frame.h"
#include "worker.h"

enum { OUT = ERRRESP_SIZE_MAX + 64 };

static void refuse(struct client *c)
{
    uint8_t out[OUT];
    struct writer w = writer_of(out, sizeof(out));
    struct errresp e = {
        .code = ERRRESP_IN_FAILED_TRANSACTION,
        .message =
            "current transaction is aborted, commands ignored until end of transaction block"};
    if (!c->lost_told)
        e = (struct errresp){
            .code = ERRRESP_SERIALIZATION_FAILURE,
            .message = "the transaction was lost with its server and certainly not committed",
            .hint = "Roll back and run the transaction again."};
    c->lost_told = true;
    errresp_write(&w, &e);
    stream_send(&c->st, out, w.n);
}

static bool ends(struct client *c, const struct classification *k)
{
    (void)c;
    return k->n_statements == 1 && (k->bits == CLASS_TX_ROLLBACK || k->bits == CLASS_TX_COMMIT);
}

static void end_transaction(struct client *c)
{
    uint8_t out[32];
    struct writer w = writer_of(out, sizeof(out));
    encode_command_complete(&w, "ROLLBACK");
    stream_send(&c->st, out, w.n);
    c->lost = false;
    c->tx = 'I';
}

/* PostgreSQL answers ROLLBACK to the COMMIT of a transaction that has failed, and no error: its client has heard of one
 * before. If ours has not, this is the moment, or it would take the transaction for committed. */
static void refuse_commit(struct client *c)
{
    refuse(c);
    c->lost = false;
    c->tx = 'I';
}

static void classify(struct client *c, struct slice sql, struct classification *k)
{
    const struct classify_opts opts = {.backslash = c->backslash};
    classify_sql(sql, NULL, &opts, k);
}

static void on_query(struct client *c, const uint8_t *body, size_t n)
{
    struct slice sql;
    struct classification k;
    if (decode_query(body, n, &sql) < 0) {
        client_fatal(c, ERRRESP_PROTOCOL_VIOLATION, "invalid message format", NULL);
        return;
    }
    classify(c, sql, &k);
    if (ends(c, &k) && k.bits == CLASS_TX_COMMIT && !c->lost_told) {
        refuse_commit(c);
    } else if (ends(c, &k)) {
        end_transaction(c);
    } else if (k.empty) {
        uint8_t out[8];
        struct writer w = writer_of(out, sizeof(out));
        encode_empty_query(&w);
        stream_send(&c->st, out, w.n);
    } else {
        refuse(c);
    }
    client_send_ready(c);
}

static void made_up(struct client *c, uint8_t type)
{
    uint8_t out[8];
    struct writer w = writer_of(out, sizeof(out));
    encode_empty(&w, type);
    stream_send(&c->st, out, w.n);
}

static void skip(struct client *c)
{
    refuse(c);
    c->lost_skip = true;
}

static int on_parse(struct client *c, const uint8_t *body, size_t n)
{
    struct msg_parse m;
    struct classification k;
    if (decode_parse(body, n, &m) < 0)
        return ERR_PROTO;
    classify(c, m.sql, &k);
    c->lost_rollback = ends(c, &k);
    c->lost_commit = k.bits == CLASS_TX_COMMIT;
    if (!c->lost_rollback) {
        skip(c);
        return 0;
    }
    struct pstmt *p = pstmt_get(&c->w->pstmts, m.sql, m.types, m.n_types, c->backslash);
    if (!p)
        return ERR_NOMEM;
    if (m.name.n == 0) {
        client_set_unnamed(c, p);
        pstmt_unref(p);
    } else {
        struct named *old = named_find(&c->named, m.name);
        if (old)
            named_remove(&c->named, old);
        const struct named *added = named_add(&c->named, m.name, p);
        pstmt_unref(p);
        if (!added)
            return ERR_NOMEM;
    }
    made_up(c, '1');
    return 0;
}

static int on_bind(struct client *c, const uint8_t *body, size_t n)
{
    struct msg_bind m;
    struct classification k;
    if (decode_bind(body, n, n, &m) < 0)
        return ERR_PROTO;
    struct named *named = m.statement.n ? named_find(&c->named, m.statement) : NULL;
    const struct pstmt *p = m.statement.n ? (named ? named->stmt : NULL) : c->unnamed;
    c->lost_rollback = false;
    if (p) {
        classify(c, (struct slice){p->sql, p->sql_len}, &k);
        c->lost_rollback = ends(c, &k);
        c->lost_commit = k.bits == CLASS_TX_COMMIT;
    }
    if (c->lost_rollback)
        made_up(c, '2');
    else
        skip(c);
    return 0;
}

static int on_describe(struct client *c, const uint8_t *body, size_t n)
{
    struct msg_target m;
    if (decode_describe(body, n, &m) < 0)
        return ERR_PROTO;
    if (!c->lost_rollback) {
        skip(c);
        return 0;
    }
    if (m.kind == 'S') {
        uint8_t out[16];
        struct writer w = writer_of(out, sizeof(out));
        encode_parameter_description(&w, NULL, 0);
        stream_send(&c->st, out, w.n);
    }
    made_up(c, 'n');
    return 0;
}

static int on_close(struct client *c, const uint8_t *body, size_t n)
{
    struct msg_target m;
    if (decode_close(body, n, &m) < 0)
        return ERR_PROTO;
    struct named *named = m.kind == 'S' && m.name.n ? named_find(&c->named, m.name) : NULL;
    if (named)
        named_remove(&c->named, named);
    made_up(c, '3');
    return 0;
}

static int on_extended(struct client *c, const struct frame *f, const uint8_t *body)
{
    switch (f->type) {
    case 'P':
        return on_parse(c, body, f->body_len);
    case 'B':
        return on_bind(c, body, f->body_len);
    case 'D':
        return on_describe(c, body, f->body_len);
    case 'C':
        return on_close(c, body, f->body_len);
    case 'E':
        if (c->lost_rollback && c->lost_commit && !c->lost_told) {
            refuse_commit(c);
            c->lost_skip = true;
        } else if (c->lost_rollback)
            end_transaction(c);
        else
            skip(c);
        return 0;
    case 'F':
        refuse(c);
        client_send_ready(c);
        return 0;
    default: /* Flush, and copy data of a COPY that is no more */
        return 0;
    }
}

/* The Query that the error answered already. */
static size_t drop_query(struct client *c, const struct frame *f, size_t n)
{
    c->lost_query = false;
    c->forward_left = f->total > n ? f->total - (uint32_t)n : 0;
    client_send_ready(c);
    return f->total > n ? n : f->total;
}

size_t client_lost_request(struct client *c, const uint8_t *p, size_t n)
{
    struct frame f = {0};
    if (frame_next(p, n, FRAME_FRONTEND, &f) != FRAME_OK)
        return 0;
    if (c->lost_query)
        return drop_query(c, &f, n);
    const bool skipping = c->lost_skip && f.type != 'S';
    if (f.total > n) {
        if (!skipping && f.total <= CLIENT_INSPECT_MAX) /* a longer one is not a ROLLBACK */
            return 0;
        c->forward_left = f.total - (uint32_t)n; /* nobody is linked: it is dropped as it comes */
        if (f.type == 'Q' && !skipping) {
            refuse(c);
            client_send_ready(c);
        } else if (!skipping) {
            skip(c);
        }
        return n;
    }
    if (skipping)
        return f.total;
    if (f.type == 'S') {
        c->lost_skip = false;
        client_send_ready(c);
    } else if (f.type == 'Q') {
        on_query(c, p + FRAME_HEADER, f.body_len);
    } else if (on_extended(c, &f, p + FRAME_HEADER) < 0) {
        client_fatal(c, ERRRESP_PROTOCOL_VIOLATION, "invalid message format", NULL);
        return 0;
    }
    return f.total;
}
