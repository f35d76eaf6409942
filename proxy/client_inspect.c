/* Looking at what a batch asks before it is sent anywhere. */
#include "client_inspect.h"

#include <string.h>

#include "catalogs.h"
#include "core/hint.h"
#include "client.h"
#include "client_begin.h"
#include "client_route.h"
#include "pool.h"
#include "wire/decode.h"
#include "wire/errresp.h"
#include "wire/frame.h"
#include "worker.h"

enum { BATCH_WAIT_MAX = 48 * 1024 }; /* a batch without Sync is routed unseen beyond this */

static void bad_message(struct client *c, const char *what)
{
    client_fatal(c, ERRRESP_PROTOCOL_VIOLATION, what, NULL);
}

static bool commits_in_between(struct slice word)
{
    return slice_ieq(word, "call") || slice_ieq(word, "do") || slice_ieq(word, "vacuum") ||
           slice_ieq(word, "cluster") || slice_ieq(word, "reindex");
}

static int8_t node_of(const struct client *c, struct slice name)
{
    const struct topology *t = worker_topo(c->w, c->group->cluster);
    for (int i = 0; t && i < t->n_nodes; i++) {
        if (slice_eq(name, t->nodes[i].name))
            return (int8_t)(i + 1);
    }
    return 0;
}

/* Of several in a batch the most careful counts. */
static void take_hint(struct client *c, struct slice text)
{
    struct batch *b = &c->batch;
    const struct hint h = hint_parse(text);
    b->to_primary |= h.primary;
    b->to_replica |= h.replica;
    if (h.node.n)
        b->to_node = node_of(c, h.node);
    if (h.max_lag && (!b->max_lag || h.max_lag < b->max_lag))
        b->max_lag = h.max_lag;
    c->w->stats.hints++;
    c->w->stats.hints_odd += h.odd || (h.node.n && !b->to_node);
}

/* BEGIN without a mode begins what the session's default says. */
static bool reads_only(const struct client *c, const struct classify_tx *tx)
{
    if (tx->isolation == ISOLATION_SERIALIZABLE || tx->access == ACCESS_READ_WRITE)
        return false;
    if (tx->access == ACCESS_READ_ONLY)
        return true;
    return c->params && c->params->read_only && !c->params->serializable;
}

static void batch_add(struct client *c, const struct classification *k)
{
    struct batch *b = &c->batch;
    if (b->n_statements == 0)
        b->first = k->first;
    b->bits |= k->bits;
    b->each |= k->each;
    b->nodal |= k->nodal;
    b->tells_time |= k->tells_time;
    b->n_statements += k->n_statements;
    b->chain |= k->tx.chain;
    b->discards_all |= k->discards_all;
    b->defaults |= k->defaults;
    if (UNLIKELY(k->touches | k->releases))
        session_note(c, k);
    /* A session's channels must be on the server before its first savepoint, lest a rollback to that takes them away. */
    if (UNLIKELY(c->session.subs.count > 0) && (k->bits & CLASS_TX_SAVEPOINT))
        c->session.touches |= TOUCH_LISTEN;
    b->drops_prepared |= k->drops_prepared;
    if (k->bits & CLASS_TX_COMMIT)
        b->commit = true;
    if (k->reason == REASON_UTILITY && commits_in_between(k->token))
        b->partial = true;
    if (k->bits & ~(unsigned)(CLASS_READ | CLASS_TX))
        c->tx_read_only = false;
    if (k->mentions_sync_commit)
        client_route_async(c);
    if ((k->bits & CLASS_TX_BEGIN) && reads_only(c, &k->tx))
        c->tx_read_only = true;
    b->copies |= k->reason == REASON_COPY;
    if (b->reason == REASON_NONE)
        b->reason = k->reason;
    if (UNLIKELY(k->hint.n))
        take_hint(c, k->hint);
    if (k->reason == REASON_UTILITY && c->group)
        c->ddl = true;
}

static void batch_unknown(struct client *c)
{
    c->batch.bits |= CLASS_UNKNOWN;
    c->batch.each |= CLASS_UNKNOWN;
}

static const struct catalog *catalog_of(const struct client *c)
{
    return c->group->catalog ? &c->group->catalog->cat : NULL;
}

static void inspect_sql(struct client *c, struct slice sql)
{
    struct classification k;
    const struct classify_opts opts = {.backslash = c->backslash,
                                       .override = config_functions(c->w->conf)};
    classify_sql(sql, catalog_of(c), &opts, &k);
    if (k.bits == CLASS_READ && worker_learned(c->w, sql))
        k.bits = k.each = CLASS_UNKNOWN;
    if (UNLIKELY(k.bits & (CLASS_TX | CLASS_SESSION))) {
        c->batch.tx = k.tx;
        c->batch.set_transaction |= k.set_transaction;
        c->batch.starts = slice_ieq(k.token, "start");
        if (k.savepoint != SAVEPOINT_NONE)
            client_begin_note(c, sql, &k);
    }
    c->batch.asked = k.empty ? 1 : k.n_statements;
    batch_add(c, &k);
}

static void classify_stmt(const struct client *c, struct pstmt *p)
{
    const struct catalog *cat = catalog_of(c);
    if (p->sql_len > CLIENT_INSPECT_MAX) { /* it would take too long to look at */
        p->cls = (struct classification){
            .bits = CLASS_UNKNOWN, .each = CLASS_UNKNOWN, .n_statements = 1};
        return;
    }
    if (p->classified_by != cat || p->classified_conf != c->w->conf || !p->cls.n_statements) {
        const struct classify_opts opts = {.backslash = c->backslash,
                                           .override = config_functions(c->w->conf)};
        classify_sql((struct slice){p->sql, p->sql_len}, cat, &opts, &p->cls);
        p->classified_by = cat;
        p->classified_conf = c->w->conf;
    }
    const bool refused = p->learned_until && worker_now() < p->learned_until;
    if (p->learned_until && p->cls.reason == REASON_NONE) {
        p->cls.bits = p->cls.each = refused ? CLASS_UNKNOWN : CLASS_READ;
        p->learned_until = refused ? p->learned_until : 0;
    }
}

static void remember(struct pstmt **at, struct pstmt *p)
{
    struct pstmt *old = *at;
    *at = pstmt_ref(p);
    pstmt_unref(old);
}

static struct pstmt *stmt_of(struct client *c, struct slice name)
{
    if (name.n == 0)
        return c->batch.unnamed ? c->batch.unnamed : c->unnamed;
    const uint64_t hash = slice_hash(name);
    for (unsigned i = c->batch.n_made; i > 0; i--) /* a Close before it may have freed the name */
        if (c->batch.made[i - 1].name == hash)
            return c->batch.made[i - 1].stmt;
    struct named *n = named_find(&c->named, name);
    return n ? n->stmt : NULL;
}

/* The Binds behind it are looked at next, when the session does not have the statement yet. */
static void batch_makes(struct client *c, struct slice name, struct pstmt *p)
{
    struct batch *b = &c->batch;
    if (name.n == 0)
        remember(&b->unnamed, p);
    else if (b->n_made < BATCH_MADE_MAX)
        b->made[b->n_made++] = (struct made){slice_hash(name), pstmt_ref(p)};
    else
        batch_add(c, &p->cls); /* too many to tell apart: as if all were executed */
}

/* By the protocol, a name that PREPARE made. */
static bool is_made(const struct client *c, struct slice name)
{
    return UNLIKELY(c->session.made.all != NULL) && name.n > 0 &&
           named_find(&c->session.made, name) != NULL;
}

static void note_made(struct client *c)
{
    const struct classification k = {.bits = CLASS_UNKNOWN | CLASS_SESSION,
                                     .each = CLASS_UNKNOWN | CLASS_SESSION,
                                     .touches = TOUCH_EXECUTE,
                                     .reason = REASON_PREPARED};
    batch_add(c, &k);
}

static void note_transaction(struct client *c, const struct pstmt *st)
{
    if (st->cls.bits & CLASS_TX_BEGIN)
        c->batch.tx = st->cls.tx;
    client_begin_note(c, (struct slice){st->sql, st->sql_len}, &st->cls);
}

int client_inspect(struct client *c, const struct frame *f, const uint8_t *body, size_t have)
{
    struct msg_parse p;
    struct msg_bind b;
    struct msg_target t;
    struct msg_execute e;
    struct slice sql;
    int rc;
    switch (f->type) {
    case 'Q':
        rc = decode_query(body, f->body_len, &sql);
        if (rc == 0)
            inspect_sql(c, sql);
        return rc;
    case 'P':
        rc = decode_parse(body, f->body_len, &p);
        if (rc < 0)
            return rc;
        struct pstmt *st = pstmt_get(&c->w->pstmts, p.sql, p.types, p.n_types, c->backslash);
        if (!st)
            return ERR_NOMEM;
        classify_stmt(c, st);
        c->batch.parsed_bits |= st->cls.bits;
        c->batch.parsed_listens |=
            ((st->cls.touches | st->cls.releases) & TOUCH_LISTEN) ||
            (c->session.subs.count > 0 && (st->cls.bits & CLASS_TX_SAVEPOINT));
        /* Within a transaction, messages go as they come: names must be there before the first. */
        if (UNLIKELY(st->cls.prepared.n > 0 || (st->cls.touches & TOUCH_NAMES)))
            session_note_names(c, &st->cls, false);
        if (is_made(c, p.name)) /* the server has it, and refuses */
            note_made(c);
        remember(&c->batch.parsed, st);
        batch_makes(c, p.name, st);
        pstmt_unref(st);
        return 0;
    case 'B':
        rc = decode_bind(body, have, f->body_len, &b);
        if (rc < 0)
            return rc;
        st = stmt_of(c, b.statement);
        if (st) {
            classify_stmt(c, st);
            if (UNLIKELY(st->cls.bits & (CLASS_TX_BEGIN | CLASS_TX_SAVEPOINT)))
                note_transaction(c, st);
            batch_add(c, &st->cls);
            remember(&c->batch.stmt, st);
        } else if (is_made(c, b.statement)) {
            note_made(c);
        } else if (!c->batch.parsed) {
            batch_unknown(c);
        } else { /* a name that nobody knows, or one of too many */
            c->batch.bits |= c->batch.parsed_bits;
            c->batch.each |= c->batch.parsed_bits;
        }
        c->batch.portals |= b.portal.n > 0;
        return 0;
    case 'E':
        if ((c->tx != 'I' || (c->batch.bits & CLASS_TX_BEGIN)) && have == f->body_len)
            c->batch.fetches |= decode_execute(body, have, &e) == 0 && e.max_rows > 0;
        return 0;
    case 'D':
    case 'C':
        rc = decode_close(body, f->body_len, &t);
        if (rc == 0 && t.kind == 'S' && is_made(c, t.name)) {
            note_made(c);
            c->session.touches |= f->type == 'C' ? TOUCH_PREPARED : 0U;
        }
        return rc;
    case 'F':
        batch_unknown(c);
        return 0;
    case 'p': /* nobody asked; waiting for the Sync behind it would be for ever */
        return ERR_PROTO;
    default:
        return 0;
    }
}

void client_learn(struct client *c)
{
    struct slice sql;
    if (c->batch.stmt) {
        c->batch.stmt->learned_until = worker_now() + WORKER_LEARNED_FOR;
        c->w->stats.learned++;
    } else if (c->batch.simple &&
               decode_query(c->retain.p + FRAME_HEADER, c->retain.n - FRAME_HEADER, &sql) == 0) {
        worker_learn(c->w, sql);
    }
}

enum scan client_scan(struct client *c, size_t *end, bool *flush)
{
    size_t at = 0;
    *end = 0;
    *flush = false;
    c->inspected = 0;
    while (at < c->view_n) {
        struct frame f = {0};
        const size_t left = c->view_n - at;
        const enum frame_result r = frame_next(c->view + at, left, FRAME_FRONTEND, &f);
        if (r == FRAME_BAD) {
            bad_message(c, frame_bad_reason(c->view + at, left, FRAME_FRONTEND));
            return SCAN_FAILED;
        }
        if (r == FRAME_MORE)
            break;
        if (f.type == 'X') { /* what it did not end with a Sync would be undone */
            client_close(c, "client said goodbye");
            return SCAN_FAILED;
        }
        if (f.total > left) {
            if (f.total <= CLIENT_INSPECT_MAX && c->view_n <= CLIENT_INSPECT_MAX)
                break;
            batch_unknown(c); /* too long to look at: it streams to the primary */
            return SCAN_ROUTE;
        }
        if (client_inspect(c, &f, c->view + at + FRAME_HEADER, f.body_len) < 0) {
            bad_message(c, "invalid message format");
            return SCAN_FAILED;
        }
        at += f.total;
        c->inspected = at;
        if (f.type == 'Q' || f.type == 'F' || f.type == 'S' || f.type == 'H') {
            *end = at;
            *flush = f.type == 'H';
            c->batch.flush = *flush;
            if (*flush) { /* what was parsed will be executed by messages behind the Flush, on the same server */
                c->batch.bits |= c->batch.parsed_bits;
                c->session.touches |= c->batch.parsed_listens ? TOUCH_LISTEN : 0;
            }
            return SCAN_ROUTE;
        }
    }
    if (c->view_n < BATCH_WAIT_MAX)
        return SCAN_MORE;
    batch_unknown(c);
    return SCAN_ROUTE;
}
