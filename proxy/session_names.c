/* Prepared statements as SQL knows them. PREPARE makes a name in the session, not in a server: the session keeps its text,
 * and a server that is about to run PREPARE, EXECUTE or DEALLOCATE is given the session's names first and loses those of
 * others. What a server has under which name is part of its label, so that sessions that prepare the same share it.
 *
 * Names that the client made by Parse are called otherwise on servers (prepared.h). SQL may use them, too: then the server
 * gets that one under its own name as well. */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "client_extended.h"
#include "core/signature.h"
#include "core/sqllex.h"
#include "pool.h"
#include "server.h"
#include "session_private.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/frame.h"
#include "worker.h"

enum {
    NAMES_MAX = 1024, /* that a session may have by PREPARE, or a server under their own names */
    NAMES_BYTES_MAX = 1024 * 1024
};

/* What a server has in place of a statement that shall only be dropped. */
static const uint64_t dummy_id = 1;

static uint64_t made_id(const struct named *n)
{
    return signature_mix(n->stmt->id, n->settings, n->sid);
}

static uint64_t parsed_id(const struct named *n)
{
    return signature_mix(n->stmt->id, n->settings, n->sig) | 2;
}

/* -- noticing ------------------------------------------------------------------------------------------------------- */

void session_note_names(struct client *c, const struct classification *k, bool executed)
{
    struct session *s = &c->session;
    struct lexer lx;
    struct slice plain;
    char buf[LEX_NAME_MAX + 1];
    s->uses_names = true;
    s->views_names |= (k->touches & TOUCH_NAMES) != 0;
    s->all_names |= k->more_prepared || s->views_names;
    if (executed)
        s->drops_name |= k->deallocates;
    s->only_drops &= k->deallocates;
    if (k->prepared.n == 0)
        return;
    lex_init(&lx, k->prepared, false);
    const struct lex_token t = lex_next(&lx);
    if (!lex_name(&t, buf, &plain)) {
        s->all_names = true;
        return;
    }
    if (s->name[0] && !slice_eq(plain, s->name))
        s->all_names = true;
    snprintf(s->name, sizeof(s->name), "%.*s", (int)plain.n, plain.p);
}

void session_names_reset(struct session *s)
{
    s->uses_names = s->all_names = s->views_names = s->drops_name = false;
    s->only_drops = true;
    s->name[0] = 0;
}

/* -- before a batch ------------------------------------------------------------------------------------------------- */

static bool deallocate(struct server *s, const char *name)
{
    char sql[2 * NAMED_LEN_MAX + 32];
    struct strbuf b;
    strbuf_init(&b, sql, sizeof(sql));
    strbuf_adds(&b, "DEALLOCATE ");
    strbuf_add_sql_ident(&b, name);
    return !b.truncated && server_hide(s, sql);
}

/* Does the session mean by this name what the server has? */
static bool is_ours(const struct client *c, const struct sqlname *e)
{
    const struct named *n = named_find(&c->session.made, slice_of(e->name));
    if (n)
        return made_id(n) == e->id;
    n = named_find(&c->named, slice_of(e->name));
    return n && parsed_id(n) == e->id;
}

static bool drop_foreign(struct client *c)
{
    struct sqlname_set *have = &c->server->sqlnames;
    for (unsigned i = have->n; i > 0; i--) {
        const struct sqlname e = have->e[i - 1];
        if (is_ours(c, &e))
            continue;
        sqlname_remove(have, e.name);
        if (!deallocate(c->server, e.name))
            return false;
    }
    return true;
}

/* Whatever becomes of it is told by server_name_given. */
static bool expect_given(struct client *c, enum pl_kind kind, struct named *n, uint64_t id)
{
    struct server *s = c->server;
    if (!sqlname_add(&s->sqlnames, n->name, id))
        return false;
    named_ref(n);
    return client_expect(c, kind, (uint64_t)(uintptr_t)n, TAG_GIVEN);
}

static bool make(struct client *c, struct named *n)
{
    struct gather *g = &c->w->gather;
    if (!expect_given(c, PL_HIDDEN_QUERY, n, made_id(n)))
        return false;
    struct writer w = gather_writer(g, 16);
    encode_header(&w, 'Q', n->stmt->sql_len + 1);
    gather_wrote(g, &w);
    gather_ref(g, n->stmt->sql, n->stmt->sql_len + 1);
    return true;
}

static bool make_all(struct client *c)
{
    struct named *n, *tmp;
    HASH_ITER(hh, c->session.made.all, n, tmp)
    if (!sqlname_find(&c->server->sqlnames, n->name) && !make(c, n))
        return false;
    return true;
}

static bool give(struct client *c, struct named *n)
{
    struct gather *g = &c->w->gather;
    char sql[2 * NAMED_LEN_MAX + 32];
    struct strbuf b;
    if (sqlname_find(&c->server->sqlnames, n->name))
        return true;
    if (c->session.only_drops && !c->session.all_names) {
        strbuf_init(&b, sql, sizeof(sql));
        strbuf_adds(&b, "PREPARE ");
        strbuf_add_sql_ident(&b, n->name);
        strbuf_adds(&b, " AS SELECT");
        return !b.truncated && sqlname_add(&c->server->sqlnames, n->name, dummy_id) &&
               server_hide(c->server, sql);
    }
    if (!expect_given(c, PL_PARSE_QUIET, n, parsed_id(n)) ||
        !client_extended_send_parse(c, n->stmt, n->name) ||
        !client_expect(c, PL_SYNC_HIDDEN, 0, TAG_NONE))
        return false;
    struct writer w = gather_writer(g, 8);
    encode_sync(&w);
    gather_wrote(g, &w);
    return true;
}

static bool give_all(struct client *c)
{
    struct named *n, *tmp;
    HASH_ITER(hh, c->named.all, n, tmp)
    if (!give(c, n))
        return false;
    return true;
}

static bool put(struct client *c)
{
    struct session *ss = &c->session;
    if (!drop_foreign(c))
        return false;
    if (!ss->matched && c->group->conf.pool_mode != POOL_SESSION && !make_all(c))
        return false;
    ss->matched = true;
    if (ss->views_names && !client_extended_close_all(c))
        return false;
    if (ss->all_names)
        return give_all(c);
    struct named *n = ss->name[0] ? named_find(&c->named, slice_of(ss->name)) : NULL;
    return !n || give(c, n);
}

/* Is the client's next request a Query whose first statement ends the transaction? Anything else fails, and leaves it as it is. */
static bool ends_at_once(const struct client *c)
{
    static const char *const words[] = {"commit", "end", "rollback", "abort"};
    struct frame f = {0};
    struct slice sql;
    struct lexer lx;
    if (c->batch.bits & CLASS_TX_SAVEPOINT || /* ROLLBACK TO goes on with what it has done */
        frame_next(c->view, c->view_n, FRAME_FRONTEND, &f) != FRAME_OK || f.type != 'Q' ||
        f.total > c->view_n || decode_query(c->view + FRAME_HEADER, f.body_len, &sql) < 0)
        return false;
    lex_init(&lx, sql, c->backslash);
    const struct lex_token t = lex_next(&lx);
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (lex_is(&t, words[i]))
            return true;
    return false;
}

/* Of a transaction that has failed the text may end it, and then name statements. Nothing can be prepared before that, so the
 * transaction is ended by us and another one fails in its place; none of it can be seen. */
static bool put_after_failure(struct client *c)
{
    if (!(c->batch.bits & (CLASS_TX_COMMIT | CLASS_TX_ROLLBACK)) || c->batch.chain ||
        c->tx_session || !ends_at_once(c))
        return true;
    if (!server_hide(c->server, "ROLLBACK") || !put(c) || !server_hide(c->server, "BEGIN") ||
        !client_expect(c, PL_HIDDEN_QUERY, 0, TAG_FAILS))
        return false;
    struct writer w = gather_writer(&c->w->gather, 64);
    encode_query(&w, "SELECT 1/0");
    gather_wrote(&c->w->gather, &w);
    return !w.bad;
}

bool session_send_names(struct client *c)
{
    return c->tx == 'E' ? put_after_failure(c) : put(c);
}

/* It could not be prepared there: a table is gone, say. PostgreSQL would have said so at EXECUTE. */
void session_name_refused(struct server *s, const struct named *n)
{
    s->hidden_failed = false;
    sqlname_remove(&s->sqlnames, n->name);
}

/* -- after a batch -------------------------------------------------------------------------------------------------- */

void session_settle_names(struct client *c)
{
    struct session *s = &c->session;
    if (LIKELY(!s->drops_name))
        return;
    s->drops_name = false;
    if (c->batch.errored || c->tx == 'E' || s->all_names) {
        s->touches |= TOUCH_PREPARED; /* which were dropped? */
        return;
    }
    struct named *made = named_find(&s->made, slice_of(s->name)),
                 *parsed = named_find(&c->named, slice_of(s->name));
    sqlname_remove(&c->server->sqlnames, s->name);
    if (made)
        named_remove(&s->made, made);
    if (parsed && parsed->batch_no != c->batch_no)
        named_remove(&c->named, parsed);
}

bool session_drops(const struct client *c, const struct named *n)
{
    return c->session.drops_name && !c->session.all_names && strcmp(n->name, c->session.name) == 0;
}

void session_drop_names(struct client *c)
{
    struct named *n, *tmp;
    sstmt_clear(&c->server->prepared);
    sqlname_clear(&c->server->sqlnames);
    named_clear(&c->session.made);
    HASH_ITER(hh, c->named.all, n, tmp)
    {
        if (n->batch_no == c->batch_no && n->sig == 0) /* its Parse comes behind */
            c->server->close_after = true;
        else
            named_remove(&c->named, n);
    }
}

/* -- looking -------------------------------------------------------------------------------------------------------- */

void session_look_names(struct session *s)
{
    s->seen_name[0] = 0;
    s->too_many_names = s->none_of_ours = false;
    named_clear(&s->seen);
    sqlname_clear(&s->seen_on_server);
}

static struct named *seen_made(struct client *c, struct slice name, struct slice text)
{
    struct session *s = &c->session;
    struct slice own;
    if (s->seen.bytes + text.n > NAMES_BYTES_MAX || s->seen_on_server.n >= NAMES_MAX ||
        !look_prepare_text(text, name, c->backslash, &own))
        return NULL;
    struct pstmt *p = pstmt_get(&c->w->pstmts, own, NULL, 0, c->backslash);
    struct named *n = p ? named_add(&s->seen, name, p) : NULL;
    pstmt_unref(p);
    if (!n)
        return NULL;
    const struct named *before = named_find(&s->made, name);
    const bool same = before && before->stmt == n->stmt;
    n->settings = same ? before->settings : params_analysis_key(&c->params->p);
    n->sid = same ? before->sid : atomic_load_explicit(&c->w->proxy->ddl, memory_order_relaxed);
    return n;
}

void session_see_name(struct client *c, struct slice name, struct slice text)
{
    struct session *s = &c->session;
    const struct sqlname *had = NULL;
    uint64_t id;
    char buf[NAMED_LEN_MAX + 1];
    snprintf(buf, sizeof(buf), "%.*s", (int)name.n, name.p);
    had = sqlname_find(&c->server->sqlnames, buf);
    if (!text.p || (had && had->id == dummy_id && named_find(&c->named, name))) {
        id = had ? had->id : dummy_id;
    } else {
        const struct named *n = seen_made(c, name, text);
        if (!n)
            s->too_many_names = true;
        id = n ? made_id(n) : dummy_id;
    }
    if (!sqlname_add(&s->seen_on_server, buf, id))
        s->too_many_names = true;
}

/* What was given and is there no more has been dropped by SQL. */
static void forget_dropped(struct client *c)
{
    const struct sqlname_set *had = &c->server->sqlnames;
    for (unsigned i = 0; i < had->n; i++) {
        struct named *n = named_find(&c->named, slice_of(had->e[i].name));
        if (n && !sqlname_find(&c->session.seen_on_server, had->e[i].name))
            named_remove(&c->named, n);
    }
}

bool session_adopt_names(struct client *c, bool ok)
{
    struct session *s = &c->session;
    ok = ok && !s->too_many_names;
    if (ok) {
        if (s->none_of_ours && c->server->prepared.lru.count > 0) /* a function may do that */
            session_drop_names(c);
        forget_dropped(c);
        named_swap(&s->made, &s->seen);
        sqlname_swap(&c->server->sqlnames, &s->seen_on_server);
    } else {
        sqlname_clear(&c->server->sqlnames);
        named_clear(&s->made);
    }
    s->matched = true;
    session_look_names(s);
    return ok;
}

void session_free_names(struct session *s)
{
    named_clear(&s->made);
    session_look_names(s);
    sqlname_fini(&s->seen_on_server);
}
