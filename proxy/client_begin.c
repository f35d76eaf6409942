/* BEGIN is answered at once and sent with the first statement, which tells where the transaction goes. Until then it has
 * no server, so nothing of it can be lost. On a replica it can end and begin again on the primary, unseen, as long as what it
 * did there is kept here: which modes and savepoints it has. core/txnode.h decides when it must. */
#include "client_begin.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../replication/base/log.h"
#include "catalogs.h"
#include "client.h"
#include "client_inspect.h"
#include "client_replay.h"
#include "client_route.h"
#include "core/sqllex.h"
#include "core/txnode.h"
#include "pool.h"
#include "server.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/errresp.h"
#include "worker.h"

const char client_begin_stranded[] =
    "this statement needs the primary, and the transaction's snapshot is a replica's";
const char client_begin_stranded_hint[] =
    "Run the transaction again: it will begin on the primary.";

static const char savepoint_word[] = "\n;SAVEPOINT ";

static void answer(struct client *c, const char *tag, uint8_t tx)
{
    uint8_t out[64];
    struct writer w = writer_of(out, sizeof(out));
    encode_command_complete(&w, tag);
    if (UNLIKELY(c->session.notes.n > 0) && tx == 'I') {
        stream_send(&c->st, out, w.n);
        session_send_notes(c);
        w = writer_of(out, sizeof(out));
    }
    encode_ready(&w, tx);
    c->tx = tx;
    c->ready_at = worker_now();
    if (tx == 'I')
        c->tx_since = 0;
    else if (c->tx_since == 0)
        c->tx_since = c->ready_at;
    c->group->stats.queries++;
    client_set_unnamed(c, NULL); /* as by any Query */
    stream_send(&c->st, out, w.n);
    client_batch_reset(c, false);
}

static void adopt_modes(struct client *c, const struct classify_tx *tx)
{
    struct begin *b = &c->begin;
    if (tx->access != ACCESS_UNSPECIFIED)
        b->read_only = tx->access == ACCESS_READ_ONLY;
    if (tx->isolation != ISOLATION_UNSPECIFIED) {
        b->isolation = (uint8_t)tx->isolation;
        b->serializable = tx->isolation == ISOLATION_SERIALIZABLE;
        b->repeatable = tx->isolation == ISOLATION_REPEATABLE_READ;
    }
}

/* What the session has as default counts where the BEGIN says nothing. */
static struct begin by_default(const struct client *c)
{
    const struct params_ref *p = c->params;
    const struct catalog_ref *cat = c->group->catalog;
    const bool unsure = !p->committed && (!cat || (cat->cat.facts & CATALOG_FACT_ISOLATION));
    return (struct begin){.read_only = p->read_only,
                          .serializable = p->serializable,
                          .repeatable = p->repeatable || unsure};
}

/* The line's end closes a comment. */
static bool keep_text(struct begin *b, struct slice sql)
{
    const char *end = memchr(sql.p, 0, sql.n);
    const size_t n = end ? (size_t)(end - sql.p) : sql.n;
    if (b->len + n + 3 > sizeof(b->sql))
        return false;
    if (b->len) {
        b->sql[b->len++] = '\n';
        b->sql[b->len++] = ';';
    }
    memcpy(b->sql + b->len, sql.p, n);
    b->len = (uint16_t)(b->len + n);
    b->sql[b->len] = 0;
    b->modes = b->len;
    return true;
}

static bool defer(struct client *c, struct slice sql)
{
    struct begin *b = &c->begin;
    *b = by_default(c);
    if (!keep_text(b, sql)) {
        *b = (struct begin){0};
        return false;
    }
    adopt_modes(c, &c->batch.tx);
    b->deferred = true;
    client_replay_begin(c);
    answer(c, c->batch.starts ? "START TRANSACTION" : "BEGIN", 'T');
    return true;
}

static bool defer_modes(struct client *c, struct slice sql)
{
    struct begin *b = &c->begin;
    if (b->read || b->failed || b->len > b->modes || !keep_text(b, sql))
        return false;
    adopt_modes(c, &c->batch.tx);
    answer(c, "SET", 'T');
    return true;
}

bool client_begin_answers(struct client *c, struct slice sql)
{
    const struct batch *b = &c->batch;
    struct begin *d = &c->begin;
    if (b->n_statements != 1 || c->group->conf.pool_mode != POOL_TRANSACTION)
        return false;
    if (!d->deferred)
        return c->tx == 'I' && b->bits == CLASS_TX_BEGIN && defer(c, sql);
    if (b->bits == CLASS_SESSION && b->set_transaction)
        return defer_modes(c, sql);
    /* Who listens hears at its end what others have sent meanwhile, so a server ends it. */
    if ((b->bits != CLASS_TX_COMMIT && b->bits != CLASS_TX_ROLLBACK) || b->tx.chain ||
        c->session.subs.count > 0)
        return false;
    const bool commits = b->bits == CLASS_TX_COMMIT && !d->failed;
    *d = (struct begin){0};
    answer(c, commits ? "COMMIT" : "ROLLBACK", 'I');
    return true;
}

/* -- savepoints ----------------------------------------------------------------------------------------------------- */

static void note_savepoint(struct begin *b, const struct classification *k)
{
    struct lexer lx;
    struct slice plain;
    char buf[LEX_NAME_MAX + 1];
    lex_init(&lx, k->savepoint_name, false);
    const struct lex_token t = lex_next(&lx);
    b->savepoint = SAVEPOINT_NONE;
    if (!lex_name(&t, buf, &plain) || plain.n >= sizeof(b->savepoint_name))
        return;
    memcpy(b->savepoint_name, plain.p, plain.n);
    b->savepoint_name[plain.n] = 0;
    b->savepoint = (uint8_t)k->savepoint;
}

/* Where the last one of that text begins, or 0. */
static size_t find_last(const struct begin *b, const char *text, size_t n)
{
    for (size_t at = b->len; at >= b->modes + n; at--)
        if (memcmp(b->sql + at - n, text, n) == 0)
            return at - n;
    return 0;
}

/* The batch has set, released or gone back to a savepoint: what is kept does the same. */
static bool apply_savepoint(struct begin *b)
{
    char text[2 * sizeof(b->savepoint_name) + sizeof(savepoint_word) + 2];
    struct strbuf s;
    strbuf_init(&s, text, sizeof(text));
    strbuf_adds(&s, savepoint_word);
    strbuf_add_sql_ident(&s, b->savepoint_name);
    strbuf_adds(&s, "\n");
    if (s.truncated || b->len == 0)
        return false;
    if (b->savepoint == SAVEPOINT_SET) {
        if (b->len + s.n >= sizeof(b->sql))
            return false;
        memcpy(b->sql + b->len, text, s.n + 1);
        b->len = (uint16_t)(b->len + s.n);
        return true;
    }
    const size_t at = find_last(b, text, s.n);
    if (at == 0)
        return false;
    b->len = (uint16_t)(b->savepoint == SAVEPOINT_RELEASE ? at : at + s.n);
    b->sql[b->len] = 0;
    return true;
}

/* -- where it goes -------------------------------------------------------------------------------------------------- */

void client_begin_note(struct client *c, struct slice sql, const struct classification *k)
{
    struct begin *b = &c->begin;
    if (k->savepoint != SAVEPOINT_NONE)
        note_savepoint(b, k);
    if (c->tx != 'I' || b->deferred || k->bits != CLASS_TX_BEGIN)
        return;
    *b = by_default(c);
    adopt_modes(c, &k->tx);
    if (!keep_text(b, sql))
        b->tied = true;
}

/* before: what the part of the batch that was sent did. */
static struct txnode_in input(const struct client *c, unsigned before)
{
    const struct batch *b = &c->batch;
    const struct begin *g = &c->begin;
    const bool unnamed = (b->each & CLASS_TX_SAVEPOINT) && g->savepoint == SAVEPOINT_NONE;
    const bool read = g->read || (before & (CLASS_READ | CLASS_WRITE | CLASS_UNKNOWN));
    return (struct txnode_in){
        .each = b->each & ~(before & CLASS_TX_BEGIN),
        .first = b->first,
        .n_statements = b->n_statements,
        .touches = c->session.touches | (c->session.releases & TOUCH_LISTEN),
        .chain = b->chain,
        .nodal = b->nodal,
        .tells_time = b->tells_time,
        .portals = b->portals || b->fetches,
        .fetches = b->fetches,
        .failed = c->tx == 'E',
        .snapshot = g->repeatable && read,
        .tied = g->tied || g->len == 0 || c->pin != PIN_NONE || (before & BEGIN_BEFORE_PORTALS),
        .writes = !g->read_only,
        .savepoint_fits =
            !unnamed && !b->flush && g->len + 2 * sizeof(g->savepoint_name) + 16 < sizeof(g->sql),
    };
}

/* Is the transaction on a node that it may leave for the primary? */
static bool may_leave(const struct client *c)
{
    const struct topology *t = worker_topo(c->w, c->group->cluster);
    return c->on_replica && t && c->server && c->server->pool->node != t->writer &&
           client_route_mode(c) != ROUTE_REPLICA && c->group->conf.pool_mode == POOL_TRANSACTION;
}

/* transaction_reads = replica: what a transaction reads before it writes. */
static bool shares_reads(const struct client *c)
{
    const struct read_rules *r = &c->group->rules;
    return r->transaction_reads == TRANSACTION_READS_REPLICA && !c->begin.repeatable &&
           !c->begin.tied && client_route_level(c) <= CONSISTENCY_SESSION &&
           client_route_mode(c) != ROUTE_REPLICA;
}

/* A replica refuses READ WRITE, even if READ ONLY comes behind it. */
static bool says_write(const struct begin *b)
{
    static const char word[] = "write";
    const size_t n = sizeof(word) - 1;
    for (size_t i = 0; i + n <= b->modes; i++)
        if (strncasecmp(b->sql + i, word, n) == 0)
            return true;
    return false;
}

bool client_begin_reads(const struct client *c)
{
    const struct begin *b = &c->begin;
    const unsigned begins = c->batch.each & CLASS_TX_BEGIN;
    const unsigned reads = CLASS_READ | CLASS_TX_SAVEPOINT | (begins ? CLASS_TX_BEGIN : 0U);
    if (b->leaves || b->serializable || (c->batch.bits & ~reads))
        return false;
    if (begins && says_write(b))
        return false; /* it goes as it is */
    if (b->repeatable && worker_now() < c->group->snapshots_leave_until)
        return false;
    if (!b->read_only && (!shares_reads(c) || !(c->batch.each & CLASS_READ)))
        return false;
    const struct txnode_in in = input(c, begins);
    return b->tied || txnode_decide(&in) != TXNODE_MOVE;
}

void client_begin_again(struct client *c)
{
    struct begin *b = &c->begin;
    if (c->tx == 'I' || b->deferred || b->tied || b->len == 0 || !c->on_replica ||
        c->pin != PIN_NONE || c->group->conf.pool_mode != POOL_TRANSACTION ||
        (b->repeatable && b->read))
        return;
    b->deferred = true;
    b->failed = c->tx == 'E';
}

static void leave(struct client *c, unsigned touches)
{
    const unsigned now = c->session.touches;
    c->begin.deferred = c->begin.leaves = true;
    c->begin.failed = c->tx == 'E';
    c->tx_read_only = false;
    c->session.touches = touches; /* the batch was only looked at */
    server_unlink(c->server);
    c->session.touches = now;
}

/* For a while such transactions begin on the primary. */
static void learn(struct client *c)
{
    c->group->snapshots_leave_until = worker_now() + WORKER_LEARNED_FOR;
    log_debug("client.stranded", "a transaction of %s on a replica needs the primary", c->peer);
}

static void refuse(struct client *c, unsigned touches)
{
    learn(c);
    leave(c, touches);
    if (c->state != CLIENT_CLOSED)
        client_error(c, ERRRESP_SERIALIZATION_FAILURE, client_begin_stranded,
                     client_begin_stranded_hint);
}

static void stay(struct client *c, size_t end, bool movable)
{
    struct batch *b = &c->batch;
    /* It may run again on the primary. */
    b->read = movable && c->tx == 'T' && !(b->each & ~(unsigned)CLASS_READ);
    b->retainable =
        end > 0 && end <= CLIENT_RETAIN_MAX && !b->flush && inbuf_keep(&c->retain, c->view, end);
}

enum begin_look client_begin_look(struct client *c)
{
    size_t end;
    bool flush;
    const unsigned touches = c->session.touches;
    if (c->tx == 'I' || c->begin.deferred || !may_leave(c))
        return BEGIN_GOES_ON;
    client_batch_reset(c, false);
    c->begin.savepoint = SAVEPOINT_NONE;
    if (client_scan(c, &end, &flush) != SCAN_ROUTE)
        return BEGIN_WAITS;
    const struct txnode_in in = input(c, 0);
    switch (txnode_decide(&in)) {
    case TXNODE_MOVE:
        leave(c, touches);
        return BEGIN_LEAVES;
    case TXNODE_REFUSE:
        refuse(c, touches);
        return BEGIN_LEAVES;
    case TXNODE_STAY_TIED:
        c->batch.ties = true;
        break;
    case TXNODE_STAY:
        break;
    }
    stay(c, end, !in.snapshot && !in.tied && !c->batch.ties);
    return BEGIN_GOES_ON;
}

bool client_begin_must_leave(const struct client *c, unsigned before)
{
    if (!may_leave(c) || c->server->pl.skipping)
        return false;
    const unsigned ends = CLASS_TX_COMMIT | CLASS_TX_ROLLBACK;
    const unsigned other =
        c->batch.each & ~(CLASS_READ | CLASS_TX_SAVEPOINT | CLASS_TX_BEGIN | ends);
    if (before & ends) /* what comes behind it is a transaction of its own */
        return other && !c->batch.chain;
    if (c->tx == 'I' && !(before & CLASS_TX_BEGIN))
        return false;
    const struct txnode_in in = input(c, before);
    return txnode_decide(&in) == TXNODE_MOVE;
}

/* -- on a server ---------------------------------------------------------------------------------------------------- */

/* The empty SELECT takes a snapshot, since what must come before one is refused behind it. */
bool client_begin_send(struct client *c)
{
    static const char *const isolations[] = {
        [ISOLATION_UNSPECIFIED] = "",
        [ISOLATION_READ_COMMITTED] = ", ISOLATION LEVEL READ COMMITTED",
        [ISOLATION_REPEATABLE_READ] = ", ISOLATION LEVEL REPEATABLE READ",
        [ISOLATION_SERIALIZABLE] = ", ISOLATION LEVEL SERIALIZABLE",
    };
    const struct begin *b = &c->begin;
    struct strbuf s;
    char sql[BEGIN_TEXT_MAX + 128];
    if (!b->deferred)
        return true;
    strbuf_init(&s, sql, sizeof(sql));
    if (c->on_replica && (!b->read_only || says_write(b)))
        strbuf_addf(&s, "BEGIN READ ONLY%s%s", isolations[b->isolation], b->sql + b->modes);
    else
        strbuf_adds(&s, b->sql);
    if (b->read)
        strbuf_adds(&s, "\n;SELECT");
    if (b->failed)
        strbuf_adds(&s, "\n;ROLLBACK TO SAVEPOINT \"the transaction failed on a replica\"");
    return !s.truncated && server_hide_failing(c->server, sql, b->failed);
}

void client_begin_settle(struct client *c, uint8_t status)
{
    struct begin *b = &c->begin;
    const struct batch *batch = &c->batch;
    b->deferred = b->failed = false;
    if (status == 'I') {
        if (b->len || b->tied)
            *b = (struct begin){0};
        return;
    }
    if (!c->on_replica)
        return;
    if (batch->chain && status == 'T') { /* a new one, with the same modes */
        b->read = b->tied = false;
        b->len = b->modes;
        b->sql[b->len] = 0;
        return;
    }
    b->read |= ((batch->each | batch->parsed_bits) &
                (CLASS_READ | CLASS_WRITE | CLASS_UNKNOWN | CLASS_SESSION)) != 0;
    b->tied |= batch->ties || batch->portals || batch->fetches;
    if (b->savepoint != SAVEPOINT_NONE && status == 'T' && !batch->errored && !apply_savepoint(b))
        b->tied = true;
    b->savepoint = SAVEPOINT_NONE;
}

void client_begin_left(struct client *c)
{
    struct begin *b = &c->begin;
    if (c->tx == 'E') {
        client_begin_settle(c, 'E');
    } else if (c->tx == 'I') {
        *b = (struct begin){0};
        c->tx_read_only = false;
    } else {
        b->deferred = b->leaves = b->read = true;
        c->tx_read_only = false;
    }
}

bool client_begin_strands(struct client *c, const struct msg_error *m)
{
    const bool recovery =
        (slice_eq(m->sqlstate, "25006") && slice_eq(m->routine, "PreventCommandDuringRecovery")) ||
        (slice_eq(m->sqlstate, "55000") && slice_eq(m->routine, "LockAcquireExtended")) ||
        (slice_eq(m->sqlstate, "0A000") && slice_eq(m->routine, "get_relation_info"));
    if (!recovery || c->tx != 'T' || !may_leave(c))
        return false;
    learn(c);
    return true;
}
