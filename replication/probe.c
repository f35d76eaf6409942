#include "probe.h"

#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/str.h"

/* Cheap enough for every few milliseconds. */
static const char SAMPLE_SQL[] = "SELECT r, CASE WHEN r THEN pg_catalog.pg_last_wal_replay_lsn() "
                                 "ELSE pg_catalog.pg_current_wal_flush_lsn() END, "
                                 "CASE WHEN r THEN pg_catalog.pg_last_wal_receive_lsn() ELSE "
                                 "pg_catalog.pg_current_wal_insert_lsn() END "
                                 "FROM (SELECT pg_catalog.pg_is_in_recovery() AS r) s";

/* A tiny WAL record that needs no table, no transaction id and no flush of its own (the WAL writer flushes it within
 * wal_writer_delay). It gives an otherwise idle primary something to send: replicas keep hearing it, and their lag can be
 * told from their silence. The CASE guards a node that became a replica meanwhile. */
static const char BEAT_SQL[] = "SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN "
                               "pg_catalog.pg_logical_emit_message(false, 'tanist', '') END";

static void probe_connect(struct probe *p);
static void probe_observe(struct probe *p);
static void probe_ask(struct probe *p, const char *sql, enum probe_state state, pgconn_query_cb cb);

void probe_init(struct probe *p, uv_loop_t *loop, const struct clock *clock,
                struct probe_target *target, const struct probe_events *events)
{
    *p = (struct probe){
        .loop = loop, .clock = clock, .target = target, .events = *events, .state = PROBE_IDLE};
}

static void on_conn_closed(void *arg)
{
    struct probe *p = arg;
    p->closing--;
    if (p->closed && p->closing == 0)
        p->on_closed(p->events.arg);
}

static void drop_conn(struct probe *p)
{
    if (!p->conn)
        return;
    p->closing++;
    struct pgconn *c = p->conn;
    p->conn = NULL;
    pgconn_close(c, on_conn_closed, p);
}

static enum observe_outcome outcome_of(enum pgconn_fail fail, const struct err *e, bool connecting)
{
    switch (fail) {
    case PGCONN_REFUSED:
        return OBSERVE_REFUSED;
    case PGCONN_TIMEOUT:
        return OBSERVE_TIMEOUT;
    case PGCONN_UNREACHABLE:
        return OBSERVE_UNREACHABLE;
    case PGCONN_CLOSED:
        return OBSERVE_CLOSED;
    case PGCONN_AUTH:
        return OBSERVE_AUTH;
    case PGCONN_SERVER:
        return observe_outcome_of_sqlstate(e->sqlstate);
    case PGCONN_OK:
    case PGCONN_OTHER:
    case PGCONN_NR:
        break;
    }
    return connecting ? OBSERVE_UNREACHABLE : OBSERVE_QUERY;
}

static void probe_finish(struct probe *p)
{
    p->result.obs.received_at = clock_now(p->clock);
    p->state = PROBE_IDLE;
    p->events.on_result(p->events.arg, &p->result);
    if (p->closed || p->state != PROBE_IDLE || !p->again)
        return;
    p->again = false;
    probe_run(p, p->again_timeout);
}

static void probe_fail(struct probe *p, const struct err *e, enum observe_outcome outcome)
{
    struct observation *o = &p->result.obs;
    o->outcome = outcome;
    str_copy(o->sqlstate, sizeof(o->sqlstate), e->sqlstate);
    str_copy(o->detail, sizeof(o->detail), e->text);
    p->result.has_peers = false;
    if (!pgconn_usable(p->conn))
        drop_conn(p);
    probe_finish(p);
}

static usec_t time_left(const struct probe *p)
{
    const usec_t left = p->deadline - clock_now(p->clock);
    return left > USEC_PER_MS ? left : USEC_PER_MS;
}

static int row_of(const struct pgresult *r, int row, const char **fields, int max)
{
    const int n = pgresult_cols(r) < max ? pgresult_cols(r) : max;
    for (int i = 0; i < n; i++)
        fields[i] = pgresult_text(r, row, i);
    return n;
}

/* A role that may not read files (it needs pg_read_server_files) is refused, and the history stays unknown. */
static void on_history(void *arg, const struct pgresult *r, const struct err *e,
                       enum pgconn_fail fail)
{
    struct probe *p = arg;
    struct err pe = {0};
    struct timeline_history *h = &p->result.history;
    if (!r && (fail != PGCONN_SERVER || !pgconn_usable(p->conn))) {
        probe_fail(p, e, outcome_of(fail, e, false));
        return;
    }
    const char *text = r && pgresult_rows(r) == 1 ? pgresult_text(r, 0, 0) : NULL;
    if (!text || timeline_parse(p->result.obs.timeline, text, strlen(text), h, &pe) != 0)
        h->timeline = 0;
    probe_finish(p);
}

static void ask_history(struct probe *p)
{
    char sql[128];
    if (!p->want_history || p->result.obs.timeline < 2) {
        probe_finish(p);
        return;
    }
    snprintf(sql, sizeof(sql),
             "SELECT pg_catalog.pg_read_file('pg_wal/%08X.history', 0, 100000, true)",
             (unsigned)p->result.obs.timeline);
    probe_ask(p, sql, PROBE_HISTORY, on_history);
}

static void on_slots(void *arg, const struct pgresult *r, const struct err *e,
                     enum pgconn_fail fail)
{
    struct probe *p = arg;
    struct err pe = {0};
    const char *fields[OBSERVE_SLOTS_COLUMNS];
    if (!r && fail != PGCONN_SERVER) {
        probe_fail(p, e, outcome_of(fail, e, false));
        return;
    }
    for (int i = 0; r && i < pgresult_rows(r); i++) {
        const int n = row_of(r, i, fields, OBSERVE_SLOTS_COLUMNS);
        if (observe_slots_add(&p->result.slots, fields, n, &pe) != 0)
            break;
    }
    ask_history(p);
}

static void on_peers(void *arg, const struct pgresult *r, const struct err *e,
                     enum pgconn_fail fail)
{
    struct probe *p = arg;
    struct err pe = {0};
    const char *fields[OBSERVE_PEERS_COLUMNS];
    if (!r && fail != PGCONN_SERVER) {
        probe_fail(p, e, outcome_of(fail, e, false));
        return;
    }
    for (int i = 0; r && i < pgresult_rows(r); i++) {
        const int n = row_of(r, i, fields, OBSERVE_PEERS_COLUMNS);
        if (observe_peers_add(&p->result.peers, fields, n, &pe) != 0)
            break;
    }
    probe_ask(p, OBSERVE_SLOTS_SQL, PROBE_SLOTS, on_slots);
}

/* A heartbeat that the server refuses is no sign of death; one that it does not answer is. */
static void on_beat(void *arg, const struct pgresult *r, const struct err *e, enum pgconn_fail fail)
{
    struct probe *p = arg;
    if (!r && (fail != PGCONN_SERVER || !pgconn_usable(p->conn))) {
        probe_fail(p, e, outcome_of(fail, e, false));
        return;
    }
    probe_ask(p, OBSERVE_PEERS_SQL, PROBE_PEERS, on_peers);
}

static void on_observed(void *arg, const struct pgresult *r, const struct err *e,
                        enum pgconn_fail fail)
{
    struct probe *p = arg;
    struct observation *o = &p->result.obs;
    struct err pe = {0};
    const char *fields[OBSERVE_COLUMNS];
    /* A promotion between two functions of the statement ("recovery is not in progress"): ask again. */
    if (!r && strcmp(e->sqlstate, "55000") == 0 && pgconn_usable(p->conn) && !p->retried) {
        p->retried = true;
        probe_observe(p);
        return;
    }
    if (!r) {
        probe_fail(p, e, outcome_of(fail, e, false));
        return;
    }
    if (pgresult_rows(r) != 1) {
        err_set(&pe, ERR_PROTO, "the probe gave %d rows", pgresult_rows(r));
        probe_fail(p, &pe, OBSERVE_PROTOCOL);
        return;
    }
    if (observe_parse(fields, row_of(r, 0, fields, OBSERVE_COLUMNS), o, &pe) != 0) {
        probe_fail(p, &pe, OBSERVE_PROTOCOL);
        return;
    }
    if (o->role != ROLE_PRIMARY) {
        probe_finish(p);
        return;
    }
    p->result.has_peers = true;
    if (p->beat)
        probe_ask(p, BEAT_SQL, PROBE_BEATING, on_beat);
    else
        probe_ask(p, OBSERVE_PEERS_SQL, PROBE_PEERS, on_peers);
}

static void probe_ask(struct probe *p, const char *sql, enum probe_state state, pgconn_query_cb cb)
{
    p->state = state;
    const struct pgconn_query q = {.sql = sql, .timeout = time_left(p)};
    pgconn_query(p->conn, &q, cb, p);
}

static void probe_observe(struct probe *p)
{
    p->result.obs.sent_at = clock_now(p->clock);
    probe_ask(p, OBSERVE_SQL, PROBE_OBSERVING, on_observed);
}

static void on_lost(void *arg, const struct err *e, enum pgconn_fail fail)
{
    struct probe *p = arg;
    (void)fail;
    drop_conn(p);
    p->events.on_lost(p->events.arg, e);
}

static void on_connected(void *arg, const struct err *e, enum pgconn_fail fail)
{
    struct probe *p = arg;
    struct probe_target *t = p->target;
    if (fail == PGCONN_OK) {
        probe_observe(p);
        return;
    }
    drop_conn(p);
    /* A name with several addresses ("localhost"): the server may listen on one of them only. */
    const bool nobody = fail == PGCONN_REFUSED || fail == PGCONN_UNREACHABLE;
    if (nobody && ++p->tries < t->n_addrs) {
        t->at = (t->at + 1) % t->n_addrs;
        probe_connect(p);
        return;
    }
    probe_fail(p, e, outcome_of(fail, e, true));
}

static void probe_connect(struct probe *p)
{
    const struct probe_target *t = p->target;
    p->state = PROBE_CONNECTING;
    p->conn = pgconn_new(p->loop, on_lost, p);
    BUG_ON(!p->conn);
    const struct pgconn_target to = {
        .conninfo = t->conninfo,
        .host = t->host,
        .addr = t->is_socket ? NULL : t->addrs[t->at],
        .port = t->port,
    };
    pgconn_connect(p->conn, &to, time_left(p), on_connected, p);
}

void probe_run(struct probe *p, usec_t timeout)
{
    if (p->closed)
        return;
    if (p->state != PROBE_IDLE) {
        p->again = p->state == PROBE_SAMPLING; /* a probe under way is as good */
        p->again_timeout = timeout;
        return;
    }
    const usec_t now = clock_now(p->clock);
    p->deadline = now + timeout;
    p->result = (struct probe_result){.obs = {.sent_at = now}};
    p->tries = 0;
    p->retried = false;
    if (pgconn_usable(p->conn)) {
        probe_observe(p);
        return;
    }
    drop_conn(p);
    probe_connect(p);
}

static void on_sampled(void *arg, const struct pgresult *r, const struct err *e,
                       enum pgconn_fail fail)
{
    struct probe *p = arg;
    struct probe_sample *s = &p->sample;
    (void)e;
    p->state = PROBE_IDLE;
    bool ok = r && pgresult_rows(r) == 1 && pgresult_cols(r) == 3;
    if (ok) {
        const char *recovery = pgresult_text(r, 0, 0), *a = pgresult_text(r, 0, 1),
                   *b = pgresult_text(r, 0, 2);
        s->received_at = clock_now(p->clock);
        s->role = recovery && recovery[0] == 't' ? ROLE_REPLICA : ROLE_PRIMARY;
        ok = recovery && a && lsn_parse(a, &s->flush_or_replay);
        s->insert_or_receive = 0;
        if (ok && b)
            ok = lsn_parse(b, &s->insert_or_receive);
    }
    if (!pgconn_usable(p->conn))
        drop_conn(p);
    p->events.on_sample(p->events.arg, ok ? s : NULL, fail == PGCONN_TIMEOUT);
    if (p->closed || p->state != PROBE_IDLE || !p->again)
        return;
    p->again = false;
    probe_run(p, p->again_timeout);
}

bool probe_sample(struct probe *p, usec_t timeout)
{
    if (p->closed || p->state != PROBE_IDLE || !pgconn_usable(p->conn))
        return false;
    p->state = PROBE_SAMPLING;
    p->sample = (struct probe_sample){.sent_at = clock_now(p->clock)};
    const struct pgconn_query q = {.sql = SAMPLE_SQL, .timeout = timeout};
    pgconn_query(p->conn, &q, on_sampled, p);
    return true;
}

bool probe_busy(const struct probe *p)
{
    return p->state != PROBE_IDLE;
}

void probe_disconnect(struct probe *p)
{
    drop_conn(p);
    p->state = PROBE_IDLE;
    p->again = false;
}

void probe_close(struct probe *p, void (*on_closed)(void *arg))
{
    BUG_ON(p->closed);
    p->closed = true;
    p->on_closed = on_closed;
    p->closing++; /* so that the callback never comes from within */
    drop_conn(p);
    /* A connection of nothing but a timer: its close callback comes in a later turn. */
    struct pgconn *last = pgconn_new(p->loop, NULL, NULL);
    BUG_ON(!last);
    pgconn_close(last, on_conn_closed, p);
}
