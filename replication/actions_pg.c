#include "actions_pg.h"

#include <stdio.h>
#include <stdlib.h>

#include "actions_pg_private.h"
#include "base/bug.h"
#include "base/log.h"
#include "base/str.h"

enum { POLL_MS = 10 };

/* ---- the end of a run ---- */

static void actions_maybe_closed(struct actions_pg *a)
{
    if (!a->closing || !list_empty(&a->runs))
        return;
    void (*closed)(void *) = a->closed;
    void *arg = a->closed_arg;
    free(a);
    if (closed)
        closed(arg);
}

static void closed_one(void *arg)
{
    struct actions_run *r = arg;
    if (--r->closing > 0)
        return;
    struct actions_pg *a = r->owner;
    list_remove(&a->runs, &r->link);
    memset(r->sql, 0, sizeof(r->sql)); /* may hold a primary_conninfo with a password */
    const action_done_cb done = r->done;
    void *done_arg = r->arg;
    const struct err e = r->err;
    free(r);
    done(done_arg, &e);
    actions_maybe_closed(a);
}

static void on_timer_closed(uv_handle_t *h)
{
    closed_one(h->data);
}

static void run_end(struct actions_run *r)
{
    if (r->ended)
        return;
    r->ended = true;
    r->closing = 1 + (r->conn != NULL) + (r->hook != NULL);
    if (r->conn)
        pgconn_close(r->conn, closed_one, r);
    if (r->hook)
        hook_close(r->hook, closed_one, r);
    uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}

static void run_fail(struct actions_run *r, const struct err *e)
{
    r->err = *e;
    if (!r->err.code)
        r->err.code = ERR_SERVER;
    run_end(r);
}

/* ---- steps ---- */

static void run_next(struct actions_run *r, const struct pgresult *prev);

static usec_t time_left(const struct actions_run *r)
{
    return r->deadline - clock_now(r->owner->clock);
}

static void on_step(void *arg, const struct pgresult *res, const struct err *e,
                    enum pgconn_fail fail)
{
    struct actions_run *r = arg;
    if (!res && !(r->optional && fail == PGCONN_SERVER && pgconn_usable(r->conn))) {
        run_fail(r, e);
        return;
    }
    run_next(r, res);
}

static void on_poll_again(uv_timer_t *t)
{
    struct actions_run *r = t->data;
    if (!pgconn_usable(r->conn)) {
        struct err e;
        err_set(&e, ERR_EOF, "the connection ended");
        run_fail(r, &e);
        return;
    }
    run_next(r, NULL);
}

static void run_next(struct actions_run *r, const struct pgresult *prev)
{
    const enum actions_verdict v = r->step(r, prev);
    const usec_t left = time_left(r);
    if (v == STEP_FAIL) {
        run_fail(r, &r->err);
    } else if (v == STEP_DONE) {
        run_end(r);
    } else if (left <= 0) {
        struct err e;
        err_set(&e, ERR_TIMEOUT, "not done within the deadline");
        run_fail(r, &e);
    } else if (v == STEP_WAIT) {
        uv_timer_start(&r->timer, on_poll_again, POLL_MS, 0);
    } else {
        r->optional = v == STEP_OPTIONAL;
        const struct pgconn_query q = {.sql = r->sql, .timeout = left};
        pgconn_query(r->conn, &q, on_step, r);
    }
}

/* ---- the start of a run ---- */

static void on_connected(void *arg, const struct err *e, enum pgconn_fail fail)
{
    struct actions_run *r = arg;
    if (fail != PGCONN_OK)
        run_fail(r, e);
    else
        run_next(r, NULL);
}

static void on_hook_done(void *arg, const struct err *e)
{
    struct actions_run *r = arg;
    r->hook = NULL;
    if (e->code)
        run_fail(r, e);
    else
        run_end(r);
}

static bool is_hook(enum failover_effect_kind kind)
{
    return kind == FX_DEMOTE || kind == FX_FENCE_HOOK || kind == FX_VETO || kind == FX_REJOIN ||
           kind == FX_NOTIFY;
}

static void start_hook(struct actions_run *r)
{
    const struct action *w = &r->what;
    char env[10][TOPO_HOST_MAX + 32];
    snprintf(env[0], sizeof(env[0]), "TANIST_CLUSTER=%s", w->cluster);
    snprintf(env[1], sizeof(env[1]), "TANIST_NODE=%s", w->node.name);
    snprintf(env[2], sizeof(env[2]), "TANIST_HOST=%s", w->node.host);
    snprintf(env[3], sizeof(env[3]), "TANIST_PORT=%u", (unsigned)w->node.port);
    snprintf(env[4], sizeof(env[4]), "TANIST_NEW_NODE=%s", w->to.name);
    snprintf(env[5], sizeof(env[5]), "TANIST_NEW_HOST=%s", w->to.host);
    snprintf(env[6], sizeof(env[6]), "TANIST_NEW_PORT=%u", (unsigned)w->to.port);
    snprintf(env[7], sizeof(env[7]), "TANIST_EVENT=%s", failover_effect_name(w->kind));
    snprintf(env[8], sizeof(env[8]), "TANIST_EPOCH=%llu", (unsigned long long)w->epoch);
    snprintf(env[9], sizeof(env[9]), "%s=%s",
             w->kind == FX_REJOIN ? "TANIST_REWIND" : "TANIST_RESULT", w->result);
    struct hook_spec spec = {.command = w->command, .timeout = w->timeout};
    for (size_t i = 0; i < ARRAY_LEN(env); i++)
        spec.env[i] = env[i];
    r->hook = hook_start(r->owner->loop, &spec, on_hook_done, r, &r->err);
    if (!r->hook)
        run_end(r);
}

static void on_start(uv_timer_t *t)
{
    struct actions_run *r = t->data;
    const struct action_place *at = r->what.kind == FX_CREATE_SLOT ? &r->what.to : &r->what.node;
    if (is_hook(r->what.kind)) {
        start_hook(r);
        return;
    }
    r->conn = pgconn_new(r->owner->loop, NULL, NULL);
    if (!r->conn) {
        err_set(&r->err, ERR_NOMEM, "out of memory");
        run_end(r);
        return;
    }
    const struct pgconn_target target = {
        .conninfo = at->conninfo, .host = at->host, .addr = at->addr, .port = at->port};
    pgconn_connect(r->conn, &target, time_left(r), on_connected, r);
}

/* A node whose receiver is to stop shall not be told to follow by an order from before: not sent yet, or waiting in a server
 * that stood still. What that has read already, the lock that every action takes puts before the stop. */
static void call_off_older(struct actions_pg *a, const struct action *what)
{
    LIST_FOR_EACH (n, &a->runs) {
        struct actions_run *r = LIST_ENTRY(n, struct actions_run, link);
        if (r->ended || (r->what.kind != FX_REPOINT && r->what.kind != FX_CREATE_SLOT) ||
            strcmp(r->what.cluster, what->cluster) != 0 ||
            strcmp(r->what.node.name, what->node.name) != 0)
            continue;
        err_set(&r->err, ERR_CANCELED, "its receiver is to be stopped");
        run_end(r);
    }
}

static int actions_pg_start(struct actions *port, const struct action *what, action_done_cb done,
                            void *arg, struct err *e)
{
    struct actions_pg *a = (struct actions_pg *)(void *)port;
    BUG_ON(!is_hook(what->kind) && !actions_sql_step(what->kind));
    if (a->closing || a->runs.count >= ACTIONS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d actions at once", ACTIONS_MAX);
    struct actions_run *r = calloc(1, sizeof(*r));
    if (!r)
        return err_set(e, ERR_NOMEM, "out of memory");
    if (what->kind == FX_STOP_RECEIVER)
        call_off_older(a, what);
    r->owner = a;
    r->what = *what;
    r->done = done;
    r->arg = arg;
    r->deadline = clock_now(a->clock) + what->timeout;
    r->step = actions_sql_step(what->kind);
    BUG_ON(uv_timer_init(a->loop, &r->timer) != 0);
    r->timer.data = r;
    list_push_back(&a->runs, &r->link);
    uv_timer_start(&r->timer, on_start, 0, 0);
    return 0;
}

static void actions_pg_close(struct actions *port, void (*done)(void *arg), void *arg)
{
    struct actions_pg *a = (struct actions_pg *)(void *)port;
    a->closing = true;
    a->closed = done;
    a->closed_arg = arg;
    LIST_FOR_EACH (n, &a->runs) {
        struct actions_run *r = LIST_ENTRY(n, struct actions_run, link);
        if (!r->ended)
            err_set(&r->err, ERR_CANCELED, "the daemon stops");
        run_end(r);
    }
    actions_maybe_closed(a);
}

struct actions *actions_pg_new(uv_loop_t *loop, const struct clock *clock)
{
    struct actions_pg *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    a->port = (struct actions){.start = actions_pg_start, .close = actions_pg_close};
    a->loop = loop;
    a->clock = clock;
    list_init(&a->runs);
    return &a->port;
}
