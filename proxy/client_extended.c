/* The messages of the extended protocol on their way to a server: names of prepared statements are rewritten, and what a
 * server does not have yet is prepared in front of it. */
#include "client_extended.h"

#include <stdio.h>
#include <string.h>

#include "client.h"
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

bool client_expect(struct client *c, enum pl_kind kind, uint64_t ref, uint32_t tag)
{
    if (server_expect(c->server, kind, ref, tag))
        return true;
    server_entry_done(c->server, &(struct pl_entry){.ref = ref, .tag = tag, .kind = (uint8_t)kind},
                      true);
    return false;
}

/* Before anything else of a batch: behind an error the server would skip the Close, and still have the statement. */
void client_extended_evict(struct client *c)
{
    struct server *s = c->server;
    uint64_t id;
    char name[PSTMT_NAME_MAX];
    while (sstmt_evict(&s->prepared, (size_t)c->group->conf.max_prepared_statements, &id)) {
        if (!client_expect(c, PL_CLOSE_HIDDEN, 0, 0))
            return;
        struct writer w = gather_writer(&c->w->gather, 64);
        pstmt_server_name(id, name);
        encode_close(&w, 'S', name);
        gather_wrote(&c->w->gather, &w);
    }
}

/* The message as it is; what has not arrived follows as it comes. */
size_t client_pass(struct client *c, const struct frame *f)
{
    const size_t n = f->total < c->view_n ? f->total : c->view_n;
    gather_ref(&c->w->gather, c->view, n);
    c->forward_left = f->total - (uint32_t)n;
    return n;
}

size_t client_no_room(struct client *c)
{
    protocol_error(c, "too many messages without a Sync");
    return 0;
}

size_t client_pass_expecting(struct client *c, const struct frame *f, enum pl_kind kind)
{
    return client_expect(c, kind, 0, 0) ? client_pass(c, f) : client_no_room(c);
}

static bool send_parse(struct client *c, const struct pstmt *p, const char *name)
{
    const size_t need = p->sql_len + 64u + 4u * p->n_types;
    struct gather *g = &c->w->gather;
    if (need > GATHER_SCRATCH) { /* long: its text goes by reference */
        struct writer w = gather_writer(g, 128);
        encode_header(&w, 'P', (uint32_t)(strlen(name) + 1 + p->sql_len + 1 + 2 + 4u * p->n_types));
        write_cstr(&w, name);
        gather_wrote(g, &w);
        gather_ref(g, p->sql, p->sql_len + 1);
        w = gather_writer(g, 2);
        write_u16(&w, p->n_types);
        gather_wrote(g, &w);
        gather_ref(g, pstmt_types(p), 4u * p->n_types);
        return true;
    }
    struct writer w = gather_writer(g, need);
    encode_parse(&w, name, (struct slice){p->sql, p->sql_len}, p->n_types ? pstmt_types(p) : NULL,
                 p->n_types);
    if (w.bad)
        return false;
    gather_wrote(g, &w);
    return true;
}

/* The server knows the statement under its shared name, or is told now. */
static bool ensure_prepared(struct client *c, struct pstmt *p)
{
    struct server *s = c->server;
    char name[PSTMT_NAME_MAX];
    if (sstmt_has(&s->prepared, p->id))
        return true;
    if (!sstmt_add(&s->prepared, p->id) ||
        !client_expect(c, PL_PARSE_HIDDEN, (uint64_t)(uintptr_t)pstmt_ref(p), 2))
        return false;
    pstmt_server_name(p->id, name);
    c->group->stats.server_parses++;
    return send_parse(c, p, name);
}

/* A name that is new in the session. The reply is made up if the server has the statement already. */
static bool parse_new_name(struct client *c, struct pstmt *p, struct slice as)
{
    struct server *s = c->server;
    char name[PSTMT_NAME_MAX];
    struct named *n = named_add(&c->named, as, p);
    if (!n)
        return false;
    n->batch_no = c->batch_no;
    named_ref(n);
    if (sstmt_has(&s->prepared, p->id))
        return client_expect(c, PL_PARSE_FAKE, (uint64_t)(uintptr_t)n, 1);
    if (!sstmt_add(&s->prepared, p->id) || !client_expect(c, PL_PARSE, (uint64_t)(uintptr_t)n, 1))
        return false;
    pstmt_server_name(p->id, name);
    c->group->stats.server_parses++;
    return send_parse(c, p, name);
}

static size_t forward_parse(struct client *c, const struct frame *f, const uint8_t *body)
{
    struct server *s = c->server;
    struct msg_parse m;
    if (decode_parse(body, f->body_len, &m) < 0) {
        protocol_error(c, "invalid Parse message");
        return 0;
    }
    c->group->stats.client_parses++;
    struct pstmt *p = pstmt_get(&c->w->pstmts, m.sql, m.types, m.n_types);
    if (!p)
        return client_no_room(c);
    if (m.name.n == 0) {
        pstmt_unref(c->unnamed);
        c->unnamed = p;
        s->unnamed = p->id;
        return client_expect(c, PL_PARSE, 0, 3) ? client_pass(c, f) : client_no_room(c);
    }
    struct named *n = named_find(c->named, m.name);
    bool ok;
    if (n) { /* PostgreSQL refuses a second Parse of a name: let the server say so, with a name that it has */
        char name[PSTMT_NAME_MAX];
        pstmt_server_name(n->stmt->id, name);
        ok = ensure_prepared(c, n->stmt) && client_expect(c, PL_PARSE, 0, 0) &&
             send_parse(c, n->stmt, name);
    } else {
        ok = parse_new_name(c, p, m.name);
    }
    pstmt_unref(p);
    return ok ? f->total : client_no_room(c);
}

/* The unnamed statement lives in the session; another session may have used the server's in between. */
static bool ensure_unnamed(struct client *c)
{
    struct server *s = c->server;
    if (c->unnamed && s->unnamed == c->unnamed->id)
        return true;
    if (!c->unnamed) { /* the session has none: neither may the server, so that it answers what it would answer */
        struct writer w = gather_writer(&c->w->gather, 16);
        encode_close(&w, 'S', "");
        gather_wrote(&c->w->gather, &w);
        s->unnamed = 0;
        return client_expect(c, PL_CLOSE_HIDDEN, 0, 0);
    }
    s->unnamed = c->unnamed->id;
    return client_expect(c, PL_PARSE_HIDDEN, (uint64_t)(uintptr_t)pstmt_ref(c->unnamed), 2) &&
           send_parse(c, c->unnamed, "");
}

static size_t forward_bind(struct client *c, const struct frame *f, const uint8_t *body,
                           size_t have)
{
    struct msg_bind m;
    const int rc = decode_bind(body, have, f->body_len, &m);
    if (rc == ERR_AGAIN)
        return 0;
    if (rc < 0) {
        protocol_error(c, "invalid Bind message");
        return 0;
    }
    c->group->stats.binds++;
    struct named *n = m.statement.n ? named_find(c->named, m.statement) : NULL;
    if (!n) {
        if (m.statement.n == 0 && !ensure_unnamed(c))
            return client_no_room(c);
        return client_expect(c, PL_BIND, 0, 0) ? client_pass(c, f) : client_no_room(c);
    }
    char name[PSTMT_NAME_MAX];
    if (!ensure_prepared(c, n->stmt) || !client_expect(c, PL_BIND, 0, 0))
        return client_no_room(c);
    pstmt_server_name(n->stmt->id, name);
    struct writer w = gather_writer(&c->w->gather, m.portal.n + PSTMT_NAME_MAX + 16);
    encode_bind_head(&w, m.portal.p, name, m.rest_len);
    gather_wrote(&c->w->gather, &w);
    const size_t rest = have - m.rest_off;
    gather_ref(&c->w->gather, body + m.rest_off, rest);
    c->forward_left = m.rest_len - (uint32_t)rest;
    return FRAME_HEADER + have;
}

static size_t forward_target(struct client *c, const struct frame *f, const uint8_t *body)
{
    struct msg_target m;
    const bool close = f->type == 'C';
    if ((close ? decode_close(body, f->body_len, &m) : decode_describe(body, f->body_len, &m)) <
        0) {
        protocol_error(c, "invalid Describe or Close message");
        return 0;
    }
    const enum pl_kind kind = close ? PL_CLOSE : PL_DESCRIBE;
    struct named *n = m.kind == 'S' && m.name.n ? named_find(c->named, m.name) : NULL;
    if (close && m.kind == 'S' && m.name.n) { /* the statement stays on the server, for others */
        if (!n)
            return client_expect(c, PL_CLOSE_FAKE, 0, 0) ? f->total : client_no_room(c);
        named_ref(n);
        named_remove(&c->named, n);
        return client_expect(c, PL_CLOSE_FAKE, (uint64_t)(uintptr_t)n, 4) ? f->total
                                                                          : client_no_room(c);
    }
    if (!n) {
        if (m.kind == 'S' && !close && !ensure_unnamed(c))
            return client_no_room(c);
        return client_expect(c, kind, 0, 0) ? client_pass(c, f) : client_no_room(c);
    }
    char name[PSTMT_NAME_MAX];
    if (!ensure_prepared(c, n->stmt) || !client_expect(c, kind, 0, 0))
        return client_no_room(c);
    pstmt_server_name(n->stmt->id, name);
    struct writer w = gather_writer(&c->w->gather, 64);
    encode_describe(&w, 'S', name);
    gather_wrote(&c->w->gather, &w);
    return f->total;
}

size_t client_extended_forward(struct client *c, const struct frame *f, const uint8_t *body,
                               size_t have)
{
    switch (f->type) {
    case 'P':
        return forward_parse(c, f, body);
    case 'B':
        return forward_bind(c, f, body, have);
    case 'E':
        c->group->stats.queries++;
        return client_pass_expecting(c, f, PL_EXECUTE);
    default:
        return forward_target(c, f, body);
    }
}
