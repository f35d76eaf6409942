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
    server_entry_done(
        c->server,
        &(struct pl_entry){.ref = ref, .tag = tag, .kind = (uint8_t)kind, .fate = PL_SKIPPED});
    return false;
}

static bool expect_named(struct client *c, enum pl_kind kind, struct named *n, enum entry_tag tag)
{
    named_ref(n);
    return client_expect(c, kind, (uint64_t)(uintptr_t)n, tag);
}

static bool expect_unnamed(struct client *c, enum pl_kind kind, struct pstmt *p, enum entry_tag tag)
{
    return client_expect(c, kind, (uint64_t)(uintptr_t)(p ? pstmt_ref(p) : NULL), tag);
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

bool client_extended_send_parse(struct client *c, const struct pstmt *p, const char *name)
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

/* -- names ---------------------------------------------------------------------------------------------------------- */

static bool evict(struct client *c, size_t max)
{
    char name[PSTMT_NAME_MAX];
    struct sstmt *old;
    while ((old = sstmt_evict(&c->server->prepared, max)) != NULL) {
        if (!client_expect(c, PL_CLOSE_HIDDEN, (uint64_t)(uintptr_t)old, TAG_EVICTED))
            return false;
        struct writer w = gather_writer(&c->w->gather, 64);
        sstmt_name(old, name);
        encode_close(&w, 'S', name);
        gather_wrote(&c->w->gather, &w);
    }
    return true;
}

bool client_extended_close_all(struct client *c)
{
    return evict(c, 0);
}

/* A server never has more than max_prepared_statements (but for one that is in use): the oldest is closed in front of the new. */
static bool make_room(struct client *c)
{
    const int64_t max = c->group->conf.max_prepared_statements;
    return evict(c, max > 0 ? (size_t)max : 1);
}

/* No statement of a client has it. */
static const uint64_t SID_TAKEN = 1;

/* An id that no other server uses either. */
static uint64_t fresh_sid(struct worker *w)
{
    return UINT64_C(1) << 63 | (uint64_t)w->id << 48 |
           (++w->statements & ((UINT64_C(1) << 48) - 1));
}

/* Sends a Parse under a name that is new on the server, and asks what came out of it. */
static bool prepare(struct client *c, struct named *n, enum pl_kind kind, enum entry_tag tag)
{
    char name[PSTMT_NAME_MAX];
    n->making = fresh_sid(c->w);
    const struct sstmt *e = make_room(c) ? sstmt_add(&c->server->prepared, n->making) : NULL;
    if (!e || !expect_named(c, kind, n, tag))
        return false;
    c->group->stats.server_parses++;
    sstmt_name(e, name);
    if (!client_extended_send_parse(c, n->stmt, name) ||
        !expect_named(c, PL_DESCRIBE_HIDDEN, n, TAG_DESCRIBED))
        return false;
    struct writer w = gather_writer(&c->w->gather, 64);
    encode_describe(&w, 'S', name);
    gather_wrote(&c->w->gather, &w);
    return true;
}

enum have { HAVE_IT, HAVE_WAIT, HAVE_CHANGED, HAVE_NO_ROOM };

/* What n is called on the server. If the server lacks it, it is prepared there, and the client's request waits until it is
 * known that it still returns what the client was told: PostgreSQL would not run it otherwise. */
static enum have ensure(struct client *c, struct named *n, char name[PSTMT_NAME_MAX])
{
    const struct sstmt *e = sstmt_use(&c->server->prepared, n->sid);
    if (e) {
        sstmt_name(e, name);
        return HAVE_IT;
    }
    if (c->awaiting)
        return HAVE_WAIT;
    if (n->changed && sstmt_find(&c->server->prepared, n->making))
        return HAVE_CHANGED;
    n->changed = false;
    if (!prepare(c, n, PL_PARSE_HIDDEN, TAG_MADE))
        return HAVE_NO_ROOM;
    if (n->sig == 0) { /* its own Parse was cut off before we heard what it returns */
        n->sid = n->making;
        e = sstmt_find(&c->server->prepared, n->sid);
        sstmt_name(e, name);
        return HAVE_IT;
    }
    struct writer w = gather_writer(&c->w->gather, 8);
    encode_flush(&w);
    gather_wrote(&c->w->gather, &w);
    c->awaiting = true;
    return HAVE_WAIT;
}

/* In place of a request that we refuse: one that fails, so that the server's transaction ends as PostgreSQL would end it. The
 * error that the client sees is ours. */
static bool fail_instead(struct client *c, enum entry_tag tag)
{
    if (!client_expect(c, PL_DESCRIBE, 0, tag))
        return false;
    struct writer w = gather_writer(&c->w->gather, 64);
    encode_describe(&w, 'S', PSTMT_NAME_UNKNOWN);
    gather_wrote(&c->w->gather, &w);
    return true;
}

/* PostgreSQL tells the parameters before it looks whether the result has changed. */
static bool describe_parameters(struct client *c, struct named *n)
{
    char name[PSTMT_NAME_MAX];
    if (!client_expect(c, PL_DESCRIBE_PARAMS, 0, TAG_NONE))
        return false;
    struct writer w = gather_writer(&c->w->gather, 64);
    sstmt_name(sstmt_find(&c->server->prepared, n->making), name);
    encode_describe(&w, 'S', name);
    gather_wrote(&c->w->gather, &w);
    return true;
}

static size_t refuse_changed(struct client *c, const struct frame *f, struct named *n, size_t have)
{
    if ((f->type == 'D' && !describe_parameters(c, n)) || !fail_instead(c, TAG_CHANGED))
        return client_no_room(c);
    c->forward_left = f->body_len - (uint32_t)have;
    c->forward_drop = c->forward_left > 0;
    return FRAME_HEADER + have;
}

static bool no_memory_for(const struct client *c, const struct msg_parse *m)
{
    return c->named.bytes + m->sql.n > CLIENT_STATEMENTS_MAX ||
           c->w->pstmts.bytes + m->sql.n > PSTMT_BYTES_MAX;
}

/* -- Parse ---------------------------------------------------------------------------------------------------------- */

static bool parse_new_name(struct client *c, struct pstmt *p, struct slice as)
{
    struct named *n = named_add(&c->named, as, p);
    if (!n)
        return false;
    n->batch_no = c->batch_no;
    n->settings = c->params ? params_analysis_key(&c->params->p) : 0;
    n->own = c->pin != PIN_NONE || c->tx_session || (c->batch.bits & CLASS_SESSION);
    const bool ok = prepare(c, n, PL_PARSE, TAG_PARSED);
    n->sid = n->making;
    return ok;
}

/* A name that is certainly taken on the server, whatever its transaction and its role: the empty text is always good. */
static bool use_taken(struct client *c, char name[PSTMT_NAME_MAX])
{
    const struct sstmt *e = sstmt_use(&c->server->prepared, SID_TAKEN);
    if (e) {
        sstmt_name(e, name);
        return true;
    }
    struct named *n = named_loose(slice_of(""));
    e = n && make_room(c) ? sstmt_add(&c->server->prepared, SID_TAKEN) : NULL;
    if (!e) {
        free(n);
        return false;
    }
    n->making = SID_TAKEN;
    struct writer w = gather_writer(&c->w->gather, 64);
    sstmt_name(e, name);
    encode_parse(&w, name, slice_of(""), NULL, 0);
    gather_wrote(&c->w->gather, &w);
    return client_expect(c, PL_PARSE_HIDDEN, (uint64_t)(uintptr_t)n, TAG_MADE);
}

static size_t forward_parse(struct client *c, const struct frame *f, const uint8_t *body)
{
    struct msg_parse m;
    char name[PSTMT_NAME_MAX];
    if (decode_parse(body, f->body_len, &m) < 0) {
        protocol_error(c, "invalid Parse message");
        return 0;
    }
    struct named *n = m.name.n ? named_find(&c->named, m.name) : NULL;
    if (UNLIKELY(c->session.drops_name) && n && session_drops(c, n)) {
        named_remove(&c->named, n);
        n = NULL;
    }
    if (m.name.n > 0 && !n && named_find(&c->session.made, m.name))
        return client_pass_expecting(c, f, PL_PARSE);
    if (m.name.n > 0 && !n && no_memory_for(c, &m))
        return fail_instead(c, TAG_REFUSED) ? f->total : client_no_room(c);
    struct pstmt *p = pstmt_get(&c->w->pstmts, m.sql, m.types, m.n_types, c->backslash);
    if (!p)
        return client_no_room(c);
    c->group->stats.client_parses++;
    size_t used = f->total;
    bool ok;
    if (m.name.n == 0) {
        pstmt_unref(c->unnamed);
        c->unnamed = pstmt_ref(p);
        c->server->unnamed = p->id;
        ok = expect_unnamed(c, PL_PARSE, p, TAG_UNNAMED);
        used = ok ? client_pass(c, f) : 0;
    } else if (n) {
        /* PostgreSQL refuses a second Parse of a name: let the server say so, with a name that it has. */
        n = named_loose(m.name);
        ok = n && use_taken(c, name) &&
             client_expect(c, PL_PARSE, (uint64_t)(uintptr_t)n, TAG_USED) &&
             client_extended_send_parse(c, p, name);
    } else {
        ok = parse_new_name(c, p, m.name);
    }
    pstmt_unref(p);
    return ok ? used : client_no_room(c);
}

/* -- Bind, Describe, Close ------------------------------------------------------------------------------------------ */

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
        return expect_unnamed(c, PL_CLOSE_HIDDEN, NULL, TAG_UNNAMED_OURS);
    }
    s->unnamed = c->unnamed->id;
    return expect_unnamed(c, PL_PARSE_HIDDEN, c->unnamed, TAG_UNNAMED_OURS) &&
           client_extended_send_parse(c, c->unnamed, "");
}

/* A name that the session does not have, and that could be another session's on the server: instead of it goes one that
 * nobody has. The error is told with the client's name. */
static bool is_foreign(const struct client *c, struct slice name)
{
    const size_t prefix = sizeof(PSTMT_NAME_PREFIX) - 1;
    char buf[NAMED_LEN_MAX + 1];
    if (name.n >= prefix && memcmp(name.p, PSTMT_NAME_PREFIX, prefix) == 0)
        return true;
    if (LIKELY(c->server->sqlnames.n == 0) || named_find(&c->session.made, name))
        return false;
    snprintf(buf, sizeof(buf), "%.*s", (int)name.n, name.p);
    return sqlname_find(&c->server->sqlnames, buf) != NULL;
}

static bool expect_foreign(struct client *c, enum pl_kind kind, struct slice name,
                           char out[PSTMT_NAME_MAX])
{
    struct named *n = named_loose(name);
    memcpy(out, PSTMT_NAME_UNKNOWN, sizeof(PSTMT_NAME_UNKNOWN));
    return n && client_expect(c, kind, (uint64_t)(uintptr_t)n, TAG_USED);
}

/* Expects the answer to a request for n, or for a name that the session does not have. */
static bool expect_target(struct client *c, enum pl_kind kind, struct named *n, struct slice given,
                          char name[PSTMT_NAME_MAX])
{
    if (n && given.n > NAMED_LEN_MAX) /* errors tell the name as it was given */
        n = named_loose(given);
    else if (n)
        named_ref(n);
    if (n)
        return client_expect(c, kind, (uint64_t)(uintptr_t)n, TAG_USED);
    if (is_foreign(c, given))
        return expect_foreign(c, kind, given, name);
    name[0] = 0; /* it goes as it is */
    return (given.n > 0 || ensure_unnamed(c)) && client_expect(c, kind, 0, 0);
}

static size_t forward_bind(struct client *c, const struct frame *f, const uint8_t *body,
                           size_t have)
{
    struct msg_bind m;
    char name[PSTMT_NAME_MAX];
    const int rc = decode_bind(body, have, f->body_len, &m);
    if (rc == ERR_AGAIN)
        return 0;
    if (rc < 0) {
        protocol_error(c, "invalid Bind message");
        return 0;
    }
    struct named *n = m.statement.n ? named_find(&c->named, m.statement) : NULL;
    enum have h = n ? ensure(c, n, name) : HAVE_IT;
    if (h == HAVE_WAIT)
        return 0;
    c->group->stats.binds++;
    if (h == HAVE_CHANGED)
        return refuse_changed(c, f, n, have);
    if (h == HAVE_NO_ROOM || !expect_target(c, PL_BIND, n, m.statement, name))
        return client_no_room(c);
    if (!name[0])
        return client_pass(c, f);
    struct writer w = gather_writer(&c->w->gather, m.portal.n + PSTMT_NAME_MAX + 16);
    encode_bind_head(&w, m.portal.p, name, m.rest_len);
    gather_wrote(&c->w->gather, &w);
    const size_t rest = have - m.rest_off;
    gather_ref(&c->w->gather, body + m.rest_off, rest);
    c->forward_left = m.rest_len - (uint32_t)rest;
    return FRAME_HEADER + have;
}

/* The statement stays on the server, for others. */
static size_t close_name(struct client *c, const struct frame *f, struct slice name)
{
    struct named *n = named_find(&c->named, name);
    if (!n && (n = named_find(&c->session.made, name)) != NULL) {
        sqlname_remove(&c->server->sqlnames, n->name);
        named_remove(&c->session.made, n); /* if it comes to that; the server is asked afterwards */
        return client_pass_expecting(c, f, PL_CLOSE);
    }
    if (!n)
        return client_expect(c, PL_CLOSE_FAKE, 0, 0) ? f->total : client_no_room(c);
    named_ref(n);
    named_remove(&c->named, n);
    return client_expect(c, PL_CLOSE_FAKE, (uint64_t)(uintptr_t)n, TAG_CLOSED) ? f->total
                                                                               : client_no_room(c);
}

static size_t forward_close(struct client *c, const struct frame *f, const uint8_t *body)
{
    struct msg_target m;
    if (decode_close(body, f->body_len, &m) < 0) {
        protocol_error(c, "invalid Close message");
        return 0;
    }
    if (m.kind == 'P')
        return client_pass_expecting(c, f, PL_CLOSE);
    if (m.name.n > 0)
        return close_name(c, f, m.name);
    pstmt_unref(c->unnamed);
    c->unnamed = NULL;
    c->server->unnamed = 0;
    return expect_unnamed(c, PL_CLOSE, NULL, TAG_UNNAMED) ? client_pass(c, f) : client_no_room(c);
}

static size_t forward_describe(struct client *c, const struct frame *f, const uint8_t *body)
{
    struct msg_target m;
    char name[PSTMT_NAME_MAX];
    if (decode_describe(body, f->body_len, &m) < 0) {
        protocol_error(c, "invalid Describe message");
        return 0;
    }
    if (m.kind == 'P')
        return client_pass_expecting(c, f, PL_DESCRIBE);
    struct named *n = m.name.n ? named_find(&c->named, m.name) : NULL;
    enum have h = n ? ensure(c, n, name) : HAVE_IT;
    if (h == HAVE_WAIT)
        return 0;
    if (h == HAVE_CHANGED)
        return refuse_changed(c, f, n, f->body_len);
    if (h == HAVE_NO_ROOM || !expect_target(c, PL_DESCRIBE, n, m.name, name))
        return client_no_room(c);
    if (!name[0])
        return client_pass(c, f);
    struct writer w = gather_writer(&c->w->gather, 64);
    encode_describe(&w, 'S', name);
    gather_wrote(&c->w->gather, &w);
    return f->total;
}

/* DISCARD ALL or DEALLOCATE ALL is under way: what names mean behind it is known when it has been answered. */
static bool names_vanish(struct client *c, uint8_t type)
{
    struct server *s = c->server;
    if (LIKELY(!c->batch.drops_prepared) || type == 'E')
        return false;
    gather_flush(&c->w->gather);
    client_send_fakes(c, s);
    if (pipeline_empty(&s->pl))
        return false;
    gather_begin(&c->w->gather, &s->st);
    struct writer w = gather_writer(&c->w->gather, 8);
    encode_flush(&w);
    gather_wrote(&c->w->gather, &w);
    return true;
}

size_t client_extended_forward(struct client *c, const struct frame *f, const uint8_t *body,
                               size_t have)
{
    if (names_vanish(c, f->type))
        return 0;
    switch (f->type) {
    case 'P':
        return forward_parse(c, f, body);
    case 'B':
        return forward_bind(c, f, body, have);
    case 'E':
        c->group->stats.queries++;
        c->batch.asked++;
        return client_pass_expecting(c, f, PL_EXECUTE);
    case 'C':
        return forward_close(c, f, body);
    default:
        return forward_describe(c, f, body);
    }
}
