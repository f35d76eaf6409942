#include "client_replay.h"

#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "client.h"
#include "core/txsum.h"
#include "pool.h"
#include "server.h"
#include "worker.h"

enum { REPLAY_ATTEMPTS_MAX = 5 };

struct replay {
    struct inbuf log;            /* requests since BEGIN */
    size_t done;                 /* of it: answered as a whole */
    size_t left;                 /* of those, still to be used again */
    struct txsum told, at_batch; /* all that was told; up to the last ReadyForQuery */
    struct txsum again;          /* what this run would have told */
    struct pstmt *unnamed;       /* of the session when the transaction began */
    uint64_t first_batch;
    uint32_t attempts;
    bool runs, spoilt;
};

static const struct failover_conf *conf_of(const struct client *c)
{
    return &c->w->conf->repl.failover;
}

void client_replay_free(struct client *c)
{
    struct replay *r = c->replay;
    if (LIKELY(!r))
        return;
    c->replay = NULL;
    pstmt_unref(r->unnamed);
    inbuf_free(&r->log);
    free(r);
}

void client_replay_begin(struct client *c)
{
    client_replay_free(c);
    if (LIKELY(!conf_of(c)->transaction_replay) || c->begin.read_only)
        return;
    struct replay *r = calloc(1, sizeof(*r));
    if (!r)
        return; /* it can do without */
    txsum_init(&r->told);
    r->at_batch = r->told;
    r->first_batch = c->batch_no + 1;
    r->unnamed = c->unnamed ? pstmt_ref(c->unnamed) : NULL;
    c->replay = r;
}

/* -- keeping -------------------------------------------------------------------------------------------------------- */

void client_replay_used(struct client *c, const uint8_t *p, size_t n)
{
    struct replay *r = c->replay;
    if (r->left > 0) { /* batches end where the log does */
        BUG_ON(n > r->left);
        r->left -= n;
        return;
    }
    if (!c->server)
        return;  /* answered by us: it is in begin.sql, or changed nothing */
    if (r->runs) /* behind the log while its last answer is awaited: one batch at a time */
        BUG("a request was used too early");
    uint8_t *at =
        r->log.n + n <= conf_of(c)->transaction_replay_bytes ? inbuf_room(&r->log, n) : NULL;
    if (!at) {
        client_replay_free(c);
        return;
    }
    memcpy(at, p, n);
    r->log.n += n;
}

bool client_replay_hears(struct client *c, const uint8_t *p, size_t n)
{
    struct replay *r = c->replay;
    txsum_add(r->runs ? &r->again : &r->told, p, n);
    return r->runs;
}

void client_replay_spoilt(struct client *c)
{
    if (c->replay->runs)
        c->replay->spoilt = true;
    else
        client_replay_free(c);
}

bool client_replay_runs(const struct client *c)
{
    return c->replay && c->replay->runs;
}

/* -- again ---------------------------------------------------------------------------------------------------------- */

static void note(const struct client *c, const char *outcome)
{
    LOG_AT(LOG_INFO, "transaction.replayed",
           LOG_KV({"client", c->peer}, {"user", c->user}, {"database", c->database},
                  {"outcome", outcome}),
           "a transaction that was lost with its server: %s", outcome);
}

/* What is left of the log in front of the client's own requests. */
static void forget_rest(struct client *c)
{
    const size_t left = c->replay->left;
    c->replay->left = 0;
    if (c->processing) { /* they are in the view */
        BUG_ON(left > c->view_n);
        c->view += left;
        c->view_n -= left;
    } else {
        BUG_ON(left > c->in.n);
        if (left && !inbuf_keep(&c->in, c->in.p + left, c->in.n - left))
            BUG("nothing is longer than it was");
    }
}

bool client_replay_lost(struct client *c, bool lost)
{
    struct replay *r = c->replay;
    const usec_t now = worker_now();
    const struct txsum_case k = {.lost = lost && !r->spoilt,
                                 .begun_apart = c->begin.len > 0,
                                 .told = &r->told,
                                 .at_batch = &r->at_batch,
                                 .attempts = r->attempts,
                                 .attempts_max = REPLAY_ATTEMPTS_MAX,
                                 .age = c->tx_since ? now - c->tx_since : 0,
                                 .age_max = conf_of(c)->transaction_replay_time};
    if (!txsum_may_run_again(&k) || (!r->runs && r->log.n == 0)) {
        if (!r->runs) {
            client_replay_free(c);
            return false;
        }
        client_replay_fail(c);
        return true;
    }
    forget_rest(c);
    if (!inbuf_prepend(&c->in, r->log.p, r->log.n)) {
        client_replay_fail(c);
        return true;
    }
    r->left = r->log.n = r->done;
    r->runs = r->done > 0;
    r->attempts++;
    txsum_init(&r->again);
    c->forward_left = 0; /* the rest of a message comes behind its beginning again */
    c->forward_drop = false;
    c->begin.deferred = true;
    inbuf_free(&c->retain);
    named_forget_since(&c->named, r->first_batch);
    client_set_unnamed(c, r->unnamed);
    client_batch_reset(c, false);
    c->group->stats.retries++;
    client_process(c);
    return true;
}

bool client_replay_on_ready(struct client *c, uint8_t status)
{
    struct replay *r = c->replay;
    if (!r->runs) {
        txsum_batch(&r->told);
        r->at_batch = r->told;
        r->done = r->log.n;
        if (status != 'T')
            client_replay_free(c);
        return true;
    }
    txsum_batch(&r->again);
    if (!r->spoilt && status == 'T' && r->again.batches < r->told.batches)
        return true;
    if (r->spoilt || status != 'T' || r->left > 0 || !txsum_equal(&r->again, &r->told)) {
        server_unlink(c->server);
        if (c->state != CLIENT_CLOSED)
            client_replay_fail(c);
        return false;
    }
    r->runs = false;
    note(c, "again");
    return true;
}

void client_replay_fail(struct client *c)
{
    note(c, "another result");
    forget_rest(c);
    client_replay_free(c);
    client_lose(c);
}
