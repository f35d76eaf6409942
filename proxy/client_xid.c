#include "client_xid.h"

#include <string.h>

#include "client.h"
#include "client_extended.h"
#include "server.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/frame.h"
#include "worker.h"

enum { TXID_CURRENT_IF_ASSIGNED = 3348 }; /* pg_proc.dat; the same in every version */

static const char XID_SQL[] = "SELECT pg_catalog.txid_current_if_assigned()";

static bool wanted(const struct client *c)
{
    return c->w->conf->repl.failover.commit_resolution && !c->on_replica;
}

bool client_xid_precede(struct client *c)
{
    struct batch *b = &c->batch;
    if (LIKELY(((b->bits | b->parsed_bits) & ~(unsigned)CLASS_READ) != CLASS_TX_COMMIT) ||
        c->tx != 'T' || !c->tx_wrote || !wanted(c))
        return true;
    if (!server_expect(c->server, PL_HIDDEN_QUERY, 0, TAG_XID))
        return false;
    struct writer w = gather_writer(&c->w->gather, 32);
    encode_function_call(&w, TXID_CURRENT_IF_ASSIGNED);
    gather_wrote(&c->w->gather, &w);
    b->learned = worker_now();
    return true;
}

/* Parse (unless the server has it in its unnamed slot), Bind and Execute of the question; and Flush, which sends all that
 * has been answered before the commit begins. */
static bool ask(struct client *c)
{
    struct worker *w = c->w;
    struct server *s = c->server;
    struct pstmt *p = pstmt_get(&w->pstmts, slice_of(XID_SQL), NULL, 0, false);
    if (!p)
        return false;
    bool ok = true;
    struct writer out = gather_writer(&w->gather, 256);
    if (s->unnamed != p->id) {
        s->unnamed = p->id;
        ok = client_expect(c, PL_PARSE_HIDDEN, (uint64_t)(uintptr_t)pstmt_ref(p), TAG_UNNAMED_OURS);
        encode_parse(&out, "", slice_of(XID_SQL), NULL, 0);
    }
    pstmt_unref(p);
    ok = ok && server_expect(s, PL_BIND_HIDDEN, 0, TAG_XID) &&
         server_expect(s, PL_EXECUTE_HIDDEN, 0, TAG_XID);
    encode_bind_head(&out, "", "", ENCODE_BIND_REST_EMPTY);
    encode_bind_rest_empty(&out);
    encode_execute(&out, "", 0);
    encode_flush(&out);
    gather_wrote(&w->gather, &out);
    c->batch.learned = worker_now();
    c->batch.xid_asked = ok;
    return ok;
}

bool client_xid_before_sync(struct client *c)
{
    const struct batch *b = &c->batch;
    if (LIKELY(b->read) || c->tx != 'I' || !(b->bits & (CLASS_WRITE | CLASS_UNKNOWN)) ||
        (b->bits & (CLASS_TX | CLASS_SESSION)) || b->asked == 0 || b->partial || b->copies ||
        c->ddl || c->server->pl.skipping || c->server->copying || !wanted(c))
        return true;
    return ask(c);
}

/* What it returns would be described before it has run, and an error come behind that. A parameter would be an error in a
 * Query; a dollar may be one. */
static bool is_plain(const char *sql, size_t n)
{
    return !memchr(sql, '$', n) && !strcasestr(sql, "returning");
}

bool client_xid_converts(const struct client *c, const struct frame *f)
{
    const struct batch *b = &c->batch;
    return f->type == 'Q' && c->tx == 'I' && b->reason == REASON_DML && b->n_statements == 1 &&
           !(b->bits & (CLASS_TX | CLASS_SESSION)) && wanted(c) && f->total <= c->view_n &&
           is_plain((const char *)c->view + FRAME_HEADER, f->body_len);
}

bool client_xid_convert(struct client *c, const struct frame *f)
{
    struct gather *g = &c->w->gather;
    struct server *s = c->server;
    const struct slice sql = {(const char *)c->view + FRAME_HEADER, f->body_len};
    struct writer w = gather_writer(g, 16);
    encode_header(&w, 'P', (uint32_t)(1 + sql.n + 2)); /* its NUL is the text's end */
    write_cstr(&w, "");
    gather_wrote(g, &w);
    gather_ref(g, sql.p, sql.n);
    w = gather_writer(g, 64);
    write_u16(&w, 0);
    encode_bind_head(&w, "", "", ENCODE_BIND_REST_EMPTY);
    encode_bind_rest_empty(&w);
    encode_execute(&w, "", 0);
    gather_wrote(g, &w);
    c->batch.converted = true;
    s->unnamed = 0;
    if (!server_expect(s, PL_PARSE_HIDDEN, 0, TAG_QUERY) ||
        !server_expect(s, PL_BIND_HIDDEN, 0, TAG_NONE) ||
        !server_expect(s, PL_EXECUTE, 0, TAG_NONE) || !ask(c) ||
        !server_expect(s, PL_SYNC, 0, TAG_NONE))
        return false;
    w = gather_writer(g, 8);
    encode_sync(&w);
    gather_wrote(g, &w);
    return true;
}

void client_xid_on_answer(struct client *c, uint8_t type, const uint8_t *body, size_t n)
{
    struct batch *b = &c->batch;
    struct msg_row row;
    struct slice v = {0};
    uint64_t xid = 0;
    if (type == 'V') { /* length, then a binary int8 */
        struct reader r = reader_of(body, n);
        const uint32_t len = read_u32(&r);
        const uint64_t high = read_u32(&r);
        if (len == 8)
            xid = high << 32 | read_u32(&r);
        b->no_xid = len == UINT32_MAX;
    } else if (decode_data_row(body, n, &row) == 0 && decode_value_next(&row.values, &v)) {
        char text[24];
        if (v.p && v.n < sizeof(text)) {
            memcpy(text, v.p, v.n);
            text[v.n] = 0;
            if (!str_to_u64(text, &xid))
                xid = 0;
        }
        b->no_xid = v.p == NULL;
    }
    b->xid = xid;
}

bool client_xid_commits(const struct client *c)
{
    const struct batch *b = &c->batch;
    return b->xid != 0 || (c->tx == 'T' && b->opened && b->bits == CLASS_TX_COMMIT);
}
