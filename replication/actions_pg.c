#include "actions_pg.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "hook.h"
#include "pgconn.h"

enum { SQL_MAX = 4096, POLL_MS = 10 };

struct actions_pg {
    struct actions port; /* first */
    uv_loop_t *loop;
    const struct clock *clock;
    struct list runs;
    bool closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

struct run;

/* What a step wants: the next statement is in run->sql, or the action is over. */
enum verdict { STEP_SQL = 1, STEP_OPTIONAL, STEP_WAIT, STEP_DONE, STEP_FAIL };
typedef enum verdict (*step_fn)(struct run *r, const struct pgresult *prev);

struct run {
    struct list_node link;
    struct actions_pg *owner;
    struct action what;
    action_done_cb done;
    void *arg;
    usec_t deadline;
    step_fn step;
    int at; /* which statement comes next */
    bool optional;
    struct pgconn *conn;
    struct hook *hook;
    uv_timer_t timer; /* between polls, and the start */
    char sql[SQL_MAX];
    struct err err;
    bool ended;
    int closing;
};

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
    struct run *r = arg;
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

static void run_end(struct run *r)
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

static void run_fail(struct run *r, const struct err *e)
{
    r->err = *e;
    if (!r->err.code)
        r->err.code = ERR_SERVER;
    run_end(r);
}

/* ---- steps ---- */

static void run_next(struct run *r, const struct pgresult *prev);

static usec_t time_left(const struct run *r)
{
    return r->deadline - clock_now(r->owner->clock);
}

static void on_step(void *arg, const struct pgresult *res, const struct err *e,
                    enum pgconn_fail fail)
{
    struct run *r = arg;
    if (!res && !(r->optional && fail == PGCONN_SERVER && pgconn_usable(r->conn))) {
        run_fail(r, e);
        return;
    }
    run_next(r, res);
}

static void on_poll_again(uv_timer_t *t)
{
    struct run *r = t->data;
    if (!pgconn_usable(r->conn)) {
        struct err e;
        err_set(&e, ERR_EOF, "the connection ended");
        run_fail(r, &e);
        return;
    }
    run_next(r, NULL);
}

static void run_next(struct run *r, const struct pgresult *prev)
{
    const enum verdict v = r->step(r, prev);
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

static enum verdict sql(struct run *r, const char *text)
{
    str_copy(r->sql, sizeof(r->sql), text);
    return STEP_SQL;
}

static bool is_true(const struct pgresult *res)
{
    const char *v = res && pgresult_rows(res) == 1 ? pgresult_text(res, 0, 0) : NULL;
    return v && v[0] == 't';
}

/* Idempotent: a node that is a primary already needs nothing. Whether the promotion succeeds is seen by probes. */
static enum verdict step_promote(struct run *r, const struct pgresult *prev)
{
    switch (r->at++) {
    case 0:
        return sql(r, "SELECT pg_catalog.pg_is_in_recovery()");
    case 1:
        if (!is_true(prev))
            return STEP_DONE;
        return sql(r, "SELECT pg_catalog.pg_promote(false)");
    default:
        if (is_true(prev))
            return STEP_DONE;
        err_set(&r->err, ERR_SERVER, "pg_promote returned false");
        return STEP_FAIL;
    }
}

/* New sessions are read-only by default and the present ones end. A role without superuser rights may not end
 * superusers' sessions, so those are tried apart. Walsenders stay: replicas shall get the last WAL. */
static enum verdict step_fence(struct run *r, const struct pgresult *prev)
{
    (void)prev;
    switch (r->at++) {
    case 0:
        return sql(r, "ALTER SYSTEM SET default_transaction_read_only = on");
    case 1:
        return sql(r, "SELECT pg_catalog.pg_reload_conf()");
    case 2:
        return sql(r, "SELECT pg_catalog.count(pg_catalog.pg_terminate_backend(a.pid)) FROM "
                      "pg_catalog.pg_stat_activity a "
                      "LEFT JOIN pg_catalog.pg_roles u ON u.oid = a.usesysid WHERE a.backend_type "
                      "= 'client backend' "
                      "AND a.application_name <> 'tanist' AND a.pid <> pg_catalog.pg_backend_pid() "
                      "AND u.rolsuper IS NOT TRUE");
    case 3:
        sql(r, "SELECT pg_catalog.count(pg_catalog.pg_terminate_backend(a.pid)) FROM "
               "pg_catalog.pg_stat_activity a "
               "WHERE a.backend_type = 'client backend' AND a.application_name <> 'tanist' "
               "AND a.pid <> pg_catalog.pg_backend_pid()");
        return STEP_OPTIONAL;
    default:
        return STEP_DONE;
    }
}

static enum verdict step_unfence(struct run *r, const struct pgresult *prev)
{
    (void)prev;
    switch (r->at++) {
    case 0:
        return sql(r, "ALTER SYSTEM RESET default_transaction_read_only");
    case 1:
        return sql(r, "SELECT pg_catalog.pg_reload_conf()");
    default:
        return STEP_DONE;
    }
}

/* A new primary also forgets the slot that it used as a replica: copies of it (pg_basebackup, pg_rewind) bring its
 * settings along, would ask for a slot that nobody has, and could not even reach consistency. */
static enum verdict step_checkpoint(struct run *r, const struct pgresult *prev)
{
    (void)prev;
    switch (r->at++) {
    case 0:
        sql(r, "ALTER SYSTEM SET primary_slot_name = ''");
        return STEP_OPTIONAL;
    case 1:
        sql(r, "SELECT pg_catalog.pg_reload_conf()");
        return STEP_OPTIONAL;
    case 2:
        return sql(r, "CHECKPOINT");
    default:
        return STEP_DONE;
    }
}

static enum verdict step_create_slot(struct run *r, const struct pgresult *prev)
{
    struct strbuf b;
    (void)prev;
    if (r->at++ > 0)
        return STEP_DONE;
    strbuf_init(&b, r->sql, sizeof(r->sql));
    strbuf_adds(&b,
                "SELECT pg_catalog.pg_create_physical_replication_slot(s, true) FROM (VALUES (");
    strbuf_add_sql_literal(&b, r->what.slot);
    strbuf_adds(&b, ")) v(s) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots WHERE "
                    "slot_name = s)");
    return STEP_SQL;
}

struct rewrite {
    struct strbuf *out;
    bool user_given;
};

static void add_keyword(struct strbuf *b, const char *keyword, const char *value)
{
    strbuf_addf(b, "%s%s='", b->n ? " " : "", keyword);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            strbuf_addc(b, '\\');
        strbuf_addc(b, *value);
    }
    strbuf_addc(b, '\'');
}

static int keep_keyword(void *arg, const char *keyword, const char *value, struct err *e)
{
    struct rewrite *w = arg;
    (void)e;
    const bool replaced = strcmp(keyword, "host") == 0 || strcmp(keyword, "hostaddr") == 0 ||
                          strcmp(keyword, "port") == 0 ||
                          (w->user_given && strcmp(keyword, "user") == 0);
    if (!replaced)
        add_keyword(w->out, keyword, value);
    return 0;
}

int actions_pg_conninfo(const char *old, const char *host, uint16_t port, const char *user,
                        char *out, size_t cap, struct err *e)
{
    struct strbuf b;
    char port_text[8];
    strbuf_init(&b, out, cap);
    struct rewrite w = {.out = &b, .user_given = user && *user};
    snprintf(port_text, sizeof(port_text), "%u", (unsigned)port);
    const int rc = pgconn_conninfo_each(old, keep_keyword, &w, e);
    if (rc != 0)
        return rc;
    if (w.user_given)
        add_keyword(&b, "user", user);
    add_keyword(&b, "host", host);
    add_keyword(&b, "port", port_text);
    return b.truncated ? err_set(e, ERR_LIMIT, "primary_conninfo is too long") : 0;
}

/* r->sql = ALTER SYSTEM SET primary_conninfo = the rewritten one. */
static enum verdict alter_conninfo(struct run *r, const struct pgresult *prev, const char *host,
                                   uint16_t port)
{
    char conninfo[SQL_MAX / 2];
    struct strbuf b;
    const char *old = prev && pgresult_rows(prev) == 1 ? pgresult_text(prev, 0, 0) : NULL;
    if (!old) {
        err_set(&r->err, ERR_SERVER,
                "primary_conninfo cannot be read: the role needs pg_read_all_settings");
        return STEP_FAIL;
    }
    if (actions_pg_conninfo(old, host, port, r->what.user, conninfo, sizeof(conninfo), &r->err) !=
        0)
        return STEP_FAIL;
    strbuf_init(&b, r->sql, sizeof(r->sql));
    strbuf_adds(&b, "ALTER SYSTEM SET primary_conninfo = ");
    strbuf_add_sql_literal(&b, conninfo);
    memset(conninfo, 0, sizeof(conninfo));
    return b.truncated ? STEP_FAIL : STEP_SQL;
}

/* A statement with a password in it shall not enter the server's log, where we may prevent it. */
static enum verdict step_quiet(struct run *r)
{
    sql(r, "SELECT pg_catalog.set_config('log_statement', 'none', false), "
           "pg_catalog.set_config('log_min_duration_statement', '-1', false)");
    return STEP_OPTIONAL;
}

static const char READ_CONNINFO[] = "SELECT pg_catalog.current_setting('primary_conninfo', true)";

static enum verdict step_repoint(struct run *r, const struct pgresult *prev)
{
    struct strbuf b;
    switch (r->at++) {
    case 0:
        return step_quiet(r);
    case 1:
        return sql(r, READ_CONNINFO);
    case 2:
        return alter_conninfo(r, prev, r->what.to.host, r->what.to.port);
    case 3:
        strbuf_init(&b, r->sql, sizeof(r->sql));
        strbuf_adds(&b, "ALTER SYSTEM SET primary_slot_name = ");
        strbuf_add_sql_literal(&b, r->what.slot);
        return STEP_SQL;
    case 4:
        return sql(r, "SELECT pg_catalog.pg_reload_conf()");
    default:
        return STEP_DONE;
    }
}

static enum verdict step_stop_receiver(struct run *r, const struct pgresult *prev)
{
    switch (r->at++) {
    case 0:
        return step_quiet(r);
    case 1:
        return sql(r, READ_CONNINFO);
    case 2:
        return alter_conninfo(r, prev, ACTIONS_NOWHERE, 1);
    case 3:
        return sql(r, "SELECT pg_catalog.pg_reload_conf()");
    case 4:
        return sql(r, "SELECT pg_catalog.count(*) = 0 FROM pg_catalog.pg_stat_get_wal_receiver() r "
                      "WHERE r.pid IS NOT NULL");
    default:
        if (is_true(prev))
            return STEP_DONE;
        r->at = 4;
        return STEP_WAIT;
    }
}

static step_fn step_of(enum failover_effect_kind kind)
{
    switch ((int)kind) {
    case FX_PROMOTE:
        return step_promote;
    case FX_FENCE:
        return step_fence;
    case FX_UNFENCE:
    case FX_UNFENCE_NEW:
        return step_unfence;
    case FX_STOP_RECEIVER:
        return step_stop_receiver;
    case FX_CREATE_SLOT:
        return step_create_slot;
    case FX_REPOINT:
        return step_repoint;
    case FX_CHECKPOINT:
        return step_checkpoint;
    default:
        return NULL;
    }
}

/* ---- the start of a run ---- */

static void on_connected(void *arg, const struct err *e, enum pgconn_fail fail)
{
    struct run *r = arg;
    if (fail != PGCONN_OK)
        run_fail(r, e);
    else
        run_next(r, NULL);
}

static void on_hook_done(void *arg, const struct err *e)
{
    struct run *r = arg;
    r->hook = NULL;
    if (e->code)
        run_fail(r, e);
    else
        run_end(r);
}

static void start_hook(struct run *r)
{
    const struct action *w = &r->what;
    char env[7][TOPO_HOST_MAX + 32];
    snprintf(env[0], sizeof(env[0]), "TANIST_CLUSTER=%s", w->cluster);
    snprintf(env[1], sizeof(env[1]), "TANIST_NODE=%s", w->node.name);
    snprintf(env[2], sizeof(env[2]), "TANIST_HOST=%s", w->node.host);
    snprintf(env[3], sizeof(env[3]), "TANIST_PORT=%u", (unsigned)w->node.port);
    snprintf(env[4], sizeof(env[4]), "TANIST_NEW_NODE=%s", w->to.name);
    snprintf(env[5], sizeof(env[5]), "TANIST_NEW_HOST=%s", w->to.host);
    snprintf(env[6], sizeof(env[6]), "TANIST_NEW_PORT=%u", (unsigned)w->to.port);
    struct hook_spec spec = {.command = w->command, .timeout = w->timeout};
    for (size_t i = 0; i < ARRAY_LEN(env); i++)
        spec.env[i] = env[i];
    r->hook = hook_start(r->owner->loop, &spec, on_hook_done, r, &r->err);
    if (!r->hook)
        run_end(r);
}

static void on_start(uv_timer_t *t)
{
    struct run *r = t->data;
    const struct action_place *at = r->what.kind == FX_CREATE_SLOT ? &r->what.to : &r->what.node;
    if (r->what.kind == FX_DEMOTE) {
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

static int actions_pg_start(struct actions *port, const struct action *what, action_done_cb done,
                            void *arg, struct err *e)
{
    struct actions_pg *a = (struct actions_pg *)(void *)port;
    BUG_ON(what->kind != FX_DEMOTE && !step_of(what->kind));
    if (a->closing || a->runs.count >= ACTIONS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d actions at once", ACTIONS_MAX);
    struct run *r = calloc(1, sizeof(*r));
    if (!r)
        return err_set(e, ERR_NOMEM, "out of memory");
    r->owner = a;
    r->what = *what;
    r->done = done;
    r->arg = arg;
    r->deadline = clock_now(a->clock) + what->timeout;
    r->step = step_of(what->kind);
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
        struct run *r = LIST_ENTRY(n, struct run, link);
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
