/* BEGIN is answered at once and sent with the first statement, which tells where the transaction goes. Until then it has
 * no server, so nothing of it can be lost. */
#include "client_begin.h"

#include <string.h>

#include "client.h"
#include "pool.h"
#include "server.h"
#include "wire/encode.h"
#include "worker.h"

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
    if (tx->isolation != ISOLATION_UNSPECIFIED)
        b->serializable = tx->isolation == ISOLATION_SERIALIZABLE;
}

static bool keep_text(struct begin *b, struct slice sql)
{
    const char *end = memchr(sql.p, 0, sql.n);
    const size_t n = end ? (size_t)(end - sql.p) : sql.n;
    if (b->len + n + 2 > sizeof(b->sql))
        return false;
    if (b->len)
        b->sql[b->len++] = ';';
    memcpy(b->sql + b->len, sql.p, n);
    b->len = (uint16_t)(b->len + n);
    b->sql[b->len] = 0;
    return true;
}

static bool defer(struct client *c, struct slice sql)
{
    struct begin *b = &c->begin;
    /* What the session has as default counts where the BEGIN says nothing. */
    *b = (struct begin){.read_only = c->params->read_only, .serializable = c->params->serializable};
    if (!keep_text(b, sql))
        return false;
    adopt_modes(c, &c->batch.tx);
    b->deferred = true;
    answer(c, c->batch.starts ? "START TRANSACTION" : "BEGIN", 'T');
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
    if (b->bits == CLASS_SESSION && b->set_transaction) {
        if (!keep_text(d, sql))
            return false;
        adopt_modes(c, &b->tx);
        answer(c, "SET", 'T');
        return true;
    }
    /* Who listens hears at its end what others have sent meanwhile, so a server ends it. */
    if ((b->bits != CLASS_TX_COMMIT && b->bits != CLASS_TX_ROLLBACK) || b->tx.chain ||
        c->session.subs.count > 0)
        return false;
    *d = (struct begin){0};
    answer(c, b->bits == CLASS_TX_COMMIT ? "COMMIT" : "ROLLBACK", 'I');
    return true;
}

bool client_begin_reads(const struct client *c)
{
    return c->begin.read_only && !c->begin.serializable &&
           (c->batch.bits & ~(unsigned)(CLASS_READ | CLASS_TX_SAVEPOINT)) == 0;
}

bool client_begin_send(struct client *c)
{
    return !c->begin.deferred || server_hide(c->server, c->begin.sql);
}

bool client_begin_again(struct client *c)
{
    const struct topology *t = worker_topo(c->w, c->group->cluster);
    struct server *s = c->server;
    const unsigned bits = c->batch.bits, ends = CLASS_TX_COMMIT | CLASS_TX_ROLLBACK;
    if (c->tx != 'T' || c->batch.opened || !t || s->pool->node == t->writer || c->pin != PIN_NONE ||
        c->route_mode == ROUTE_REPLICA || !(bits & ends) || !(bits & ~(CLASS_READ | ends)))
        return false;
    if (c->begin.len == 0)
        (void)keep_text(&c->begin, slice_of("BEGIN READ ONLY"));
    c->begin.deferred = true;
    server_unlink(s);
    return true;
}
