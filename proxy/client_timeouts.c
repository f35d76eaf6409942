/* Times of clients: login, waiting, queries, transactions, idleness. Nobody has a timer: the worker's janitor looks at a
 * bounded number of clients at each tick, in turn. */
#include <stdio.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "cancel.h"
#include "client.h"
#include "client_doubt.h"
#include "client_xid.h"
#include "core/poolpolicy.h"
#include "pool.h"
#include "server.h"
#include "wire/encode.h"
#include "wire/errresp.h"
#include "worker.h"

enum { SWEEP_MAX = 4096, CANCEL_GRACE_S = 5 };

static bool waits_for_room(const struct client *c)
{
    return c->waiting_in && c->waiting_in == &c->w->spread[c->group->cluster].room;
}

static enum poolpolicy_over judge(const struct client *c, usec_t now)
{
    const struct pool_conf *f = &c->group->conf;
    const struct poolpolicy_timeouts t = {.query_wait = f->query_wait_timeout,
                                          .query_wait_notify = f->query_wait_notify,
                                          .query = f->query_timeout,
                                          .transaction = f->transaction_timeout,
                                          .idle_transaction = f->idle_transaction_timeout,
                                          .client_idle = f->client_idle_timeout,
                                          .cancel_grace = CANCEL_GRACE_S * USEC_PER_SEC};
    const bool commits = client_xid_commits(c); /* whoever ends it now could not tell how */
    const bool running = c->server && c->batch.opened && !commits;
    const struct poolpolicy_client v = {
        .waiting = c->waits_at != NULL || waits_for_room(c),
        .held = c->waiting_in != NULL,
        .notified = c->wait_notified,
        .running = running,
        .in_transaction = c->tx != 'I' && !commits,
        .waited_since = c->waited_since,
        .query_since = c->batch.started,
        .transaction_since = c->tx_since ? c->tx_since
                             : running   ? c->batch.started
                                         : 0,
        .canceled_at = c->batch.canceled_at,
        .ready_at = c->ready_at,
    };
    return poolpolicy_client_over(&v, &t, now);
}

static void on_wait_over(struct client *c)
{
    const struct pool *p = c->waits_at;
    char text[200], hint[160];
    if (!p) {
        client_wait_end(c);
        client_error(c, ERRRESP_TOO_MANY_CONNECTIONS,
                     "no node has room for the statement (query_wait_timeout)",
                     "It waited for: max_in_flight. Raise that limit, or end transactions sooner.");
        return;
    }
    const char *why = pool_waits_for(p);
    if (p->group->paused)
        snprintf(text, sizeof(text), "database \"%s\" is paused (query_wait_timeout)", c->database);
    else
        snprintf(text, sizeof(text),
                 "no server connection to node %s became free in time (query_wait_timeout)",
                 p->name);
    snprintf(hint, sizeof(hint), "It waited for: %s. Raise that limit, or end transactions sooner.",
             why);
    client_wait_end(c);
    if (c->homing) {
        client_on_refused(c, NULL); /* it goes on without */
        return;
    }
    if (c->verifying)
        client_fatal(c, ERRRESP_TOO_MANY_CONNECTIONS, text, p->group->paused ? NULL : hint);
    else
        client_error(c, ERRRESP_TOO_MANY_CONNECTIONS, text, p->group->paused ? NULL : hint);
}

static void notify(struct client *c)
{
    uint8_t out[ERRRESP_SIZE_MAX];
    char text[200];
    struct writer w = writer_of(out, sizeof(out));
    c->wait_notified = true;
    if (!c->waits_at)
        snprintf(text, sizeof(text), "this request is held: %s",
                 route_reason_text((enum route_reason)c->wait_reason));
    else if (c->group->paused)
        snprintf(text, sizeof(text), "database \"%s\" is paused, this request waits", c->database);
    else
        snprintf(text, sizeof(text),
                 "no server connection to node %s is free, this request waits (%s)",
                 c->waits_at->name, pool_waits_for(c->waits_at));
    errresp_write(&w, &(struct errresp){.code = ERRRESP_SUCCESS, .message = text});
    stream_send(&c->st, out, w.n);
}

static void on_query_over(struct client *c, usec_t now)
{
    c->batch.canceled_at = now;
    c->group->stats.timeouts++;
    if (c->server->cancels == 0)
        cancel_server(c->server);
}

static void end_session(struct client *c, int code, const char *what, const char *setting)
{
    LOG_AT(LOG_INFO, "client.timeout",
           LOG_KV({"peer", c->peer}, {"user", c->user}, {"database", c->database},
                  {"setting", setting}),
           "%s", what);
    c->group->stats.timeouts++;
    client_fatal(c, code, what, NULL);
}

static void look(struct client *c, usec_t now)
{
    if (UNLIKELY(c->doubt != NULL)) {
        client_doubt_tick(c, now);
        return;
    }
    if (c->state < CLIENT_READY && c->deadline && now > c->deadline) {
        client_fatal(c, ERRRESP_CANNOT_CONNECT_NOW, "login took longer than client_login_timeout",
                     NULL);
        return;
    }
    if (!c->group || c->state == CLIENT_CONSOLE || c->state == CLIENT_RELAY ||
        (c->state < CLIENT_READY && !c->waits_at))
        return;
    switch (judge(c, now)) {
    case POOLPOLICY_OVER_WAIT:
        on_wait_over(c);
        return;
    case POOLPOLICY_OVER_NOTIFY:
        if (c->state == CLIENT_READY)
            notify(c);
        return;
    case POOLPOLICY_OVER_TRANSACTION:
        end_session(c, ERRRESP_TRANSACTION_TIMEOUT,
                    "terminating connection due to transaction timeout", "transaction_timeout");
        return;
    case POOLPOLICY_OVER_IDLE_TRANSACTION:
        end_session(c, ERRRESP_IDLE_IN_TRANSACTION_TIMEOUT,
                    "terminating connection due to idle-in-transaction timeout",
                    "idle_transaction_timeout");
        return;
    case POOLPOLICY_OVER_QUERY:
        on_query_over(c, now);
        return;
    case POOLPOLICY_OVER_CANCEL:
        c->server->close_after = true; /* it did not hear of the cancel, or does not care */
        end_session(c, ERRRESP_QUERY_CANCELED,
                    "terminating connection: the query did not end after query_timeout",
                    "query_timeout");
        return;
    case POOLPOLICY_OVER_IDLE:
        end_session(c, ERRRESP_IDLE_SESSION_TIMEOUT,
                    "terminating connection due to client_idle_timeout", "client_idle_timeout");
        return;
    case POOLPOLICY_OVER_NONE:
    case POOLPOLICY_OVER_NR:
        return;
    }
}

/* By slot, not by the list: closing one client may close any other. */
void client_timeouts_tick(struct worker *w, usec_t now)
{
    const uint32_t n = w->n_slots < SWEEP_MAX ? w->n_slots : SWEEP_MAX;
    for (uint32_t i = 0; i < n; i++) {
        if (w->sweep >= w->n_slots)
            w->sweep = 0;
        struct client *c = w->slots[w->sweep++];
        if (c)
            look(c, now);
    }
}
