/* A server whose client has left goes back to the pool only when its state is known: whatever still runs ends or is
 * cancelled, the transaction is rolled back, the session's state is discarded if there may be any, and each step is proved
 * by ReadyForQuery. Within a bounded time, or it is closed. */
#include <string.h>

#include "../replication/base/bug.h"
#include "cancel.h"
#include "client.h"
#include "pool.h"
#include "server.h"
#include "wire/encode.h"
#include "worker.h"

enum {
    CLEAN_S = 10, /* for all of it */
    FINISH_MS =
        1000 /* a write outside of a transaction may finish, as it would on a direct connection */
};

static void ask(struct server *s, const char *sql)
{
    uint8_t msg[32];
    struct writer w = writer_of(msg, sizeof(msg));
    encode_query(&w, sql);
    BUG_ON(w.bad);
    if (server_expect(s, PL_HIDDEN_QUERY, 0, 0))
        stream_send(&s->st, msg, w.n);
    else
        server_close(s, "no memory");
}

/* Everything of the session is undone by the server itself; then it is as if it had just logged in. */
static void discard(struct server *s)
{
    s->clean_discard = false;
    sstmt_clear(&s->prepared);
    sqlname_clear(&s->sqlnames);
    params_unref(s->params);
    s->params = NULL;
    ask(s, "DISCARD ALL");
}

void server_clean_step(struct server *s)
{
    BUG_ON(s->state != SERVER_CLEANING || s->client);
    if (s->hidden_failed || s->copying) {
        server_close(s, "could not be cleaned");
        return;
    }
    if (!pipeline_empty(&s->pl) || s->cancels > 0)
        return; /* the answer, or the end of the cancel request, comes here again */
    s->cancel_at = 0;
    const bool checked = s->checking;
    if (checked)
        server_check_end(s);
    if (s->tx != 'I' && s->clean_rolled_back) {
        server_close(s, "could not be rolled back");
    } else if (s->tx != 'I') {
        s->clean_rolled_back = true;
        ask(s, "ROLLBACK");
    } else if (s->clean_discard) {
        discard(s);
    } else if (checked || !server_check_begin(s)) {
        s->state = SERVER_CANCELING;
        s->deadline = 0;
        server_settle(s);
        s->last_used = worker_now();
        pool_release(s->pool, s);
    }
}

/* The client did not come to its Sync, which would commit what it has done so far: a ROLLBACK goes first. If something
 * failed, or fails now, the server skips that, and the Sync does no harm. */
static bool end_batch(struct server *s)
{
    uint8_t msg[64];
    struct writer w = writer_of(msg, sizeof(msg));
    encode_query(&w, "ROLLBACK");
    encode_sync(&w);
    BUG_ON(w.bad);
    if (!server_expect(s, PL_HIDDEN_QUERY, 0, 0) || !server_expect(s, PL_SYNC_HIDDEN, 0, 0)) {
        server_close(s, "no memory");
        return false;
    }
    stream_send(&s->st, msg, w.n);
    return true;
}

bool server_cleans(const struct server *s, const struct client *c)
{
    return !s->close_after && !s->look && !s->restoring && !c->session.applying &&
           c->forward_left == 0 && !s->copying && stream_kept(&s->st) == 0;
}

/* May the session have left something that a rollback does not undo? */
static bool leaves_state(const struct server *s, const struct client *c)
{
    const struct batch *b = &c->batch;
    return c->pin != PIN_NONE || c->session.touches != 0 || c->verifying ||
           s->pool->group->conf.pool_mode == POOL_SESSION ||
           (b->opened &&
            (b->drops_prepared || b->discards_all || (b->bits & (CLASS_SESSION | CLASS_UNKNOWN))));
}

bool server_needs_cleaning(const struct server *s, const struct client *c)
{
    return s->tx != 'I' || !pipeline_empty(&s->pl) || s->forward_left > 0 || c->batch.opened ||
           leaves_state(s, c);
}

void server_clean(struct server *s, const struct client *c)
{
    const usec_t now = worker_now();
    const struct batch *b = &c->batch;
    const bool running = !pipeline_empty(&s->pl);
    const bool worth = s->tx == 'I' && (b->bits & ~(unsigned)CLASS_READ) && b->sync_seen;
    s->state = SERVER_CLEANING;
    s->deadline = now + CLEAN_S * USEC_PER_SEC;
    s->clean_discard = leaves_state(s, c);
    s->clean_rolled_back = false;
    s->retrying = false;
    s->cancel_at = running && worth ? now + FINISH_MS * USEC_PER_MS : 0;
    if (b->opened && s->pl.turns == 0 && !end_batch(s))
        return;
    if (running && !worth && s->cancels == 0)
        cancel_server(s);
    server_clean_step(s);
}
