#include "actions_pg_private.h"

#include <stdio.h>

#include "base/bug.h"
#include "base/str.h"

/* What each action says to the server, one statement after the other. */

static enum actions_verdict sql(struct actions_run *r, const char *text)
{
    str_copy(r->sql, sizeof(r->sql), text);
    return STEP_SQL;
}

static bool is_true(const struct pgresult *res)
{
    const char *v = res && pgresult_rows(res) == 1 ? pgresult_text(res, 0, 0) : NULL;
    return v && v[0] == 't';
}

/* Which transaction ids the new primary may assign anew is known only from before it is one: the snapshot of the statement
 * that promotes is taken before pg_promote runs, and after the position that the statement before it told. */
static void take_frontier(struct actions_run *r, const struct pgresult *res)
{
    const char *xmax = res && pgresult_cols(res) == 2 ? pgresult_text(res, 0, 1) : NULL;
    if (r->what.found && (!xmax || !str_to_u64(xmax, &r->what.found->frontier)))
        r->what.found->frontier = 0;
}

static void take_replayed(struct actions_run *r, const struct pgresult *res)
{
    const char *lsn = pgresult_cols(res) == 2 ? pgresult_text(res, 0, 1) : NULL;
    if (r->what.found && (!lsn || !lsn_parse(lsn, &r->what.found->replayed)))
        r->what.found->replayed = 0;
}

/* Idempotent: a node that is a primary already needs nothing. Whether the promotion succeeds is seen by probes. */
static enum actions_verdict step_promote(struct actions_run *r, const struct pgresult *prev)
{
    switch (r->at++) {
    case 0:
        return sql(r, "SELECT r, CASE WHEN r THEN pg_catalog.pg_last_wal_replay_lsn() END "
                      "FROM (SELECT pg_catalog.pg_is_in_recovery() AS r) s");
    case 1:
        if (!is_true(prev))
            return STEP_DONE;
        take_replayed(r, prev);
        return sql(r, "SELECT pg_catalog.pg_promote(false), "
                      "pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())");
    default:
        take_frontier(r, prev);
        if (is_true(prev))
            return STEP_DONE;
        err_set(&r->err, ERR_SERVER, "pg_promote returned false");
        return STEP_FAIL;
    }
}

/* New sessions are read-only by default and the present ones end. A role without superuser rights may not end
 * superusers' sessions, so those are tried apart. Walsenders stay: replicas shall get the last WAL. */
static enum actions_verdict step_fence(struct actions_run *r, const struct pgresult *prev)
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

static enum actions_verdict step_unfence(struct actions_run *r, const struct pgresult *prev)
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

/* The archive feeds a replica as well. It is cut off for the time of a revocation (14 and later can do that without a
 * restart) unless the setting is in postgresql.auto.conf already, from where it could not be brought back. */
static const char HAS_RESTORE[] =
    "SELECT count(*) > 0 FROM pg_catalog.pg_settings WHERE name = 'restore_command' AND setting <> "
    "'' AND context <> 'postmaster' AND sourcefile !~ 'postgresql[.]auto[.]conf$'";
static const char LEFT_RESTORE[] =
    "SELECT count(*) > 0 FROM pg_catalog.pg_settings WHERE name = 'restore_command' AND setting = "
    "'' AND context <> 'postmaster' AND sourcefile ~ 'postgresql[.]auto[.]conf$'";

/* A new primary also forgets the slot that it used as a replica: copies of it (pg_basebackup, pg_rewind) bring its
 * settings along, would ask for a slot that nobody has, and could not even reach consistency. */
static enum actions_verdict step_checkpoint(struct actions_run *r, const struct pgresult *prev)
{
    switch (r->at++) {
    case 0:
        sql(r, "ALTER SYSTEM SET primary_slot_name = ''");
        return STEP_OPTIONAL;
    case 1:
        sql(r, "SELECT pg_catalog.pg_reload_conf()");
        return STEP_OPTIONAL;
    case 2:
        return sql(r, "CHECKPOINT");
    case 3:
        sql(r, LEFT_RESTORE);
        return STEP_OPTIONAL;
    case 4:
        sql(r, is_true(prev) ? "ALTER SYSTEM RESET restore_command" : "SELECT 1");
        return STEP_OPTIONAL;
    default:
        return STEP_DONE;
    }
}

static enum actions_verdict step_create_slot(struct actions_run *r, const struct pgresult *prev)
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
    const struct actions_sql_place *to;
};

static bool given(const char *text)
{
    return text && *text;
}

static int keep_keyword(void *arg, const char *keyword, const char *value, struct err *e)
{
    struct rewrite *w = arg;
    (void)e;
    const bool replaced =
        strcmp(keyword, "host") == 0 || strcmp(keyword, "hostaddr") == 0 ||
        strcmp(keyword, "port") == 0 || (given(w->to->user) && strcmp(keyword, "user") == 0) ||
        (given(w->to->application_name) && strcmp(keyword, "application_name") == 0);
    if (!replaced)
        strbuf_add_conninfo(w->out, keyword, value);
    return 0;
}

int actions_sql_conninfo(const char *old, const struct actions_sql_place *to, char *out, size_t cap,
                         struct err *e)
{
    struct strbuf b;
    char port_text[8];
    strbuf_init(&b, out, cap);
    struct rewrite w = {.out = &b, .to = to};
    snprintf(port_text, sizeof(port_text), "%u", (unsigned)to->port);
    const int rc = pgconn_conninfo_each(old, keep_keyword, &w, e);
    if (rc != 0)
        return rc;
    if (given(to->user))
        strbuf_add_conninfo(&b, "user", to->user);
    if (given(to->application_name))
        strbuf_add_conninfo(&b, "application_name", to->application_name);
    strbuf_add_conninfo(&b, "host", to->host);
    strbuf_add_conninfo(&b, "port", port_text);
    return b.truncated ? err_set(e, ERR_LIMIT, "primary_conninfo is too long") : 0;
}

/* r->sql = ALTER SYSTEM SET primary_conninfo = the rewritten one. */
static enum actions_verdict alter_conninfo(struct actions_run *r, const struct pgresult *prev,
                                           const struct actions_sql_place *to)
{
    char conninfo[SQL_MAX / 2];
    struct strbuf b;
    const char *old = prev && pgresult_rows(prev) == 1 ? pgresult_text(prev, 0, 0) : NULL;
    if (!old) {
        err_set(&r->err, ERR_SERVER,
                "primary_conninfo cannot be read: the role needs pg_read_all_settings");
        return STEP_FAIL;
    }
    if (actions_sql_conninfo(old, to, conninfo, sizeof(conninfo), &r->err) != 0)
        return STEP_FAIL;
    strbuf_init(&b, r->sql, sizeof(r->sql));
    strbuf_adds(&b, "ALTER SYSTEM SET primary_conninfo = ");
    strbuf_add_sql_literal(&b, conninfo);
    memset(conninfo, 0, sizeof(conninfo));
    return b.truncated ? STEP_FAIL : STEP_SQL;
}

/* What changes where a replica streams from happens one at a time on a node. A statement of an action that was given up
 * (its node stood still) may still wait there: its session holds the lock until it is over, so that it can never undo
 * what a later action was told is done. */
static const char LOCK[] = "SELECT pg_catalog.pg_advisory_lock(7308604759847526)";

/* A statement with a password in it shall not enter the server's log, where we may prevent it. */
static enum actions_verdict step_quiet(struct actions_run *r)
{
    sql(r, "SELECT pg_catalog.set_config('log_statement', 'none', false), "
           "pg_catalog.set_config('log_min_duration_statement', '-1', false)");
    return STEP_OPTIONAL;
}

static const char READ_CONNINFO[] = "SELECT pg_catalog.current_setting('primary_conninfo', true)";

static enum actions_verdict step_repoint(struct actions_run *r, const struct pgresult *prev)
{
    struct strbuf b;
    const struct actions_sql_place to = {.host = r->what.to.host,
                                         .port = r->what.to.port,
                                         .user = r->what.user,
                                         .application_name = r->what.application_name};
    switch (r->at++) {
    case 0:
        return sql(r, LOCK);
    case 1:
        return step_quiet(r);
    case 2:
        sql(r, LEFT_RESTORE);
        return STEP_OPTIONAL;
    case 3:
        sql(r, is_true(prev) ? "ALTER SYSTEM RESET restore_command" : "SELECT 1");
        return STEP_OPTIONAL;
    case 4:
        return sql(r, READ_CONNINFO);
    case 5:
        return alter_conninfo(r, prev, &to);
    case 6:
        strbuf_init(&b, r->sql, sizeof(r->sql));
        strbuf_adds(&b, "ALTER SYSTEM SET primary_slot_name = ");
        strbuf_add_sql_literal(&b, r->what.slot);
        return STEP_SQL;
    case 7:
        return sql(r, "SELECT pg_catalog.pg_reload_conf()");
    default:
        return STEP_DONE;
    }
}

static enum actions_verdict step_stop_receiver(struct actions_run *r, const struct pgresult *prev)
{
    const struct actions_sql_place nowhere = {.host = ACTIONS_NOWHERE, .port = 1};
    switch (r->at++) {
    case 0:
        return sql(r, LOCK);
    case 1:
        return step_quiet(r);
    case 2:
        sql(r, r->what.archive ? HAS_RESTORE : "SELECT false");
        return STEP_OPTIONAL;
    case 3:
        sql(r, is_true(prev) ? "ALTER SYSTEM SET restore_command = ''" : "SELECT 1");
        return STEP_OPTIONAL;
    case 4:
        return sql(r, READ_CONNINFO);
    case 5:
        return alter_conninfo(r, prev, &nowhere);
    case 6:
        return sql(r, "SELECT pg_catalog.pg_reload_conf()");
    case 7:
        return sql(r, "SELECT pg_catalog.count(*) = 0 FROM pg_catalog.pg_stat_get_wal_receiver() r "
                      "WHERE r.pid IS NOT NULL");
    default:
        if (is_true(prev))
            return STEP_DONE;
        r->at = 7;
        return STEP_WAIT;
    }
}

/* Done when a session sees it: the walsenders take the reload at the same time. */
static enum actions_verdict step_set_sync(struct actions_run *r, const struct pgresult *prev)
{
    struct strbuf b;
    strbuf_init(&b, r->sql, sizeof(r->sql));
    switch (r->at++) {
    case 0:
        return sql(r, LOCK);
    case 1:
        strbuf_adds(&b, "ALTER SYSTEM SET synchronous_standby_names = ");
        strbuf_add_sql_literal(&b, r->what.names);
        return b.truncated ? STEP_FAIL : STEP_SQL;
    case 2:
        return sql(r, "SELECT pg_catalog.pg_reload_conf()");
    case 3:
        strbuf_adds(&b, "SELECT pg_catalog.current_setting('synchronous_standby_names') = ");
        strbuf_add_sql_literal(&b, r->what.names);
        return STEP_SQL;
    default:
        if (is_true(prev))
            return STEP_DONE;
        r->at = 3;
        return STEP_WAIT;
    }
}

static enum actions_verdict step_witness(struct actions_run *r, const struct pgresult *prev)
{
    (void)prev;
    switch (r->at++) {
    case 0:
        snprintf(r->sql, sizeof(r->sql), "ALTER SYSTEM SET wal_receiver_timeout = %lld",
                 (long long)(r->what.receiver_timeout / USEC_PER_MS));
        return STEP_SQL;
    case 1:
        return sql(r, "SELECT pg_catalog.pg_reload_conf()");
    default:
        return STEP_DONE;
    }
}

actions_step_fn actions_sql_step(enum failover_effect_kind kind)
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
    case FX_SET_SYNC:
        return step_set_sync;
    case FX_REPOINT:
        return step_repoint;
    case FX_CHECKPOINT:
        return step_checkpoint;
    case FX_WITNESS:
        return step_witness;
    default:
        return NULL;
    }
}
