#include "observe.h"

#include <string.h>

#include "../base/str.h"

/* CASE guards the functions that fail in recovery: all of them are volatile, so the planner cannot fold them. The
 * timeline of a primary comes from its WAL file name because the control file is stale until the first checkpoint after
 * a promotion; min_recovery_end_timeline corrects the same staleness on a replica without a receiver. primary_conninfo
 * may hold a password, so that only its host leaves the node. After a crash of one backend the postmaster lives on, but
 * everything in shared memory begins anew, and so does the checkpointer. A checkpoint that begins where it is written is one
 * of a shutdown or of the end of a recovery: nothing ran beside it. */
const char OBSERVE_SQL[] =
    "SELECT r.rec, s.system_identifier,"
    " CASE WHEN r.rec THEN GREATEST(w.received_tli, c.timeline_id, "
    "m.min_recovery_end_timeline)::text"
    " ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int::text END,"
    " r.rec AND w.status = 'streaming',"
    " CASE WHEN r.rec THEN NULL ELSE pg_current_wal_flush_lsn() END,"
    " CASE WHEN r.rec THEN NULL ELSE pg_current_wal_insert_lsn() END,"
    " CASE WHEN r.rec THEN pg_last_wal_receive_lsn() END,"
    " CASE WHEN r.rec THEN pg_last_wal_replay_lsn() END,"
    " CASE WHEN r.rec THEN pg_is_wal_replay_paused() END,"
    " w.status, w.sender_host, w.sender_port, w.slot_name, w.latest_end_lsn,"
    " (extract(epoch FROM clock_timestamp() - w.last_msg_receipt_time) * 1000000)::bigint,"
    " (extract(epoch FROM GREATEST(pg_postmaster_start_time(), a.backend_start)) * "
    "1000000)::bigint,"
    " current_setting('server_version_num'),"
    " current_setting('synchronous_commit') <> 'off' AND NOT EXISTS"
    " (SELECT FROM pg_catalog.pg_db_role_setting d, unnest(d.setconfig) x"
    " WHERE x ~* '^synchronous_commit=(off|false|no|0|f|n|of)$'),"
    " current_setting('default_transaction_read_only'),"
    " current_setting('max_connections')::int - "
    "current_setting('superuser_reserved_connections')::int"
    " - coalesce(current_setting('reserved_connections', true), '0')::int,"
    " current_setting('synchronous_standby_names'),"
    " substring(p.setting FROM '(?:^|\\s)host\\s*=\\s*''?([^''\\s]+)'),"
    " substring(p.setting FROM '(?:^|\\s)port\\s*=\\s*''?([0-9]+)'),"
    " p.setting IS NOT NULL AND p.setting <> '',"
    " current_setting('port'),"
    " CASE WHEN NOT r.rec AND left(pg_walfile_name(pg_current_wal_lsn()), 8) > '00000001'"
    " AND has_function_privilege('pg_read_file(text,bigint,bigint,boolean)', 'execute')"
    " THEN pg_read_file('pg_wal/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '.history',"
    " 0, 65536, true) END,"
    " (extract(epoch FROM current_setting('wal_receiver_timeout')::interval) * 1000000)::bigint,"
    " CASE WHEN NOT r.rec AND c.checkpoint_lsn = c.redo_lsn THEN c.next_xid END,"
    /* Settings that only these have; Patroni gives what must be alike on all nodes on the command line. */
    " CASE WHEN current_setting('cnpg.config_sha256', true) IS NOT NULL THEN 'CloudNativePG'"
    " WHEN current_setting('rds.extensions', true) IS NOT NULL THEN 'Amazon RDS'"
    " WHEN current_setting('cloudsql.supported_extensions', true) IS NOT NULL THEN 'Cloud SQL'"
    " WHEN current_setting('azure.extensions', true) IS NOT NULL THEN 'Azure'"
    " WHEN p.others = 2 THEN 'Patroni'"
    " WHEN EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pgautofailover')"
    " THEN 'pg_auto_failover' END"
    " FROM (SELECT pg_is_in_recovery() AS rec) r"
    " CROSS JOIN pg_control_system() s"
    " CROSS JOIN pg_control_checkpoint() c"
    " CROSS JOIN pg_control_recovery() m"
    " LEFT JOIN pg_catalog.pg_stat_wal_receiver w ON true"
    " CROSS JOIN (SELECT max(setting) FILTER (WHERE name = 'primary_conninfo') AS setting,"
    " count(*) FILTER (WHERE name IN ('wal_log_hints', 'track_commit_timestamp')"
    " AND source = 'command line') AS others FROM pg_catalog.pg_settings) p"
    " LEFT JOIN pg_catalog.pg_stat_activity a ON a.backend_type = 'checkpointer'";

const char OBSERVE_PEERS_SQL[] =
    "SELECT application_name, host(client_addr), state, sent_lsn, flush_lsn, replay_lsn,"
    " (extract(epoch FROM replay_lag) * 1000000)::bigint"
    " FROM pg_catalog.pg_stat_replication ORDER BY application_name, pid";

const char OBSERVE_SLOTS_SQL[] =
    "SELECT slot_name, slot_type = 'physical', active, temporary, restart_lsn"
    " FROM pg_catalog.pg_replication_slots ORDER BY slot_name";

enum column {
    COL_RECOVERY = 0,
    COL_SYSID,
    COL_TIMELINE,
    COL_TIMELINE_RECEIVED,
    COL_FLUSH,
    COL_INSERT,
    COL_RECEIVE,
    COL_REPLAY,
    COL_PAUSED,
    COL_STATUS,
    COL_HOST,
    COL_PORT,
    COL_SLOT,
    COL_LATEST_END,
    COL_AGE,
    COL_START,
    COL_VERSION,
    COL_FLUSHES,
    COL_READ_ONLY,
    COL_MAX_CONN,
    COL_SYNC_NAMES,
    COL_CONNINFO_HOST,
    COL_CONNINFO_PORT,
    COL_HAS_CONNINFO,
    COL_LISTEN_PORT,
    COL_LINEAGE,
    COL_RECEIVER_TIMEOUT,
    COL_START_XID,
    COL_MANAGER,
    COL_NR
};
_Static_assert((int)COL_NR == (int)OBSERVE_COLUMNS, "columns of OBSERVE_SQL");

/* Typed readers over one row; the first that fails names its column and the rest do nothing. */
struct row {
    const char *const *f;
    struct err *e;
    int rc;
};

static void row_bad(struct row *r, int col)
{
    r->rc = err_set(r->e, ERR_PROTO, "column %d of the probe: \"%.40s\" is not understood", col,
                    r->f[col] ? r->f[col] : "(null)");
}

static bool row_bool(struct row *r, int col)
{
    const char *s = r->f[col];
    if (r->rc || !s)
        return false;
    if (!strcmp(s, "t") || !strcmp(s, "on"))
        return true;
    if (strcmp(s, "f") != 0 && strcmp(s, "off") != 0)
        row_bad(r, col);
    return false;
}

static uint64_t row_u64(struct row *r, int col, uint64_t max)
{
    uint64_t v = 0;
    if (r->rc || !r->f[col])
        return 0;
    if (!str_to_u64(r->f[col], &v) || v > max) {
        row_bad(r, col);
        return 0;
    }
    return v;
}

static int64_t row_i64(struct row *r, int col)
{
    int64_t v = 0;
    if (r->rc || !r->f[col])
        return 0;
    if (!str_to_i64(r->f[col], &v)) {
        row_bad(r, col);
        return 0;
    }
    return v;
}

static lsn_t row_lsn(struct row *r, int col)
{
    lsn_t v = 0;
    if (r->rc || !r->f[col])
        return 0;
    if (!lsn_parse(r->f[col], &v)) {
        row_bad(r, col);
        return 0;
    }
    return v;
}

/* Text is cut, not refused: it is only compared with names that fit, or shown. */
static void row_text(const struct row *r, int col, char *out, size_t cap)
{
    (void)str_copy(out, cap, r->f[col] ? r->f[col] : "");
}

static void row_require(struct row *r, int col)
{
    if (!r->rc && !r->f[col])
        row_bad(r, col);
}

static void parse_receiver(struct row *r, struct observation *o)
{
    const char *status = r->f[COL_STATUS];
    o->receiver = status != NULL;
    o->streaming = status && !strcmp(status, "streaming");
    row_text(r, COL_HOST, o->sender_host, sizeof(o->sender_host));
    o->sender_port = (uint16_t)row_u64(r, COL_PORT, UINT16_MAX);
    row_text(r, COL_SLOT, o->receiver_slot, sizeof(o->receiver_slot));
    o->latest_end_lsn = row_lsn(r, COL_LATEST_END);
    o->message_age_known = r->f[COL_AGE] != NULL;
    o->message_age = row_i64(r, COL_AGE);
    if (o->message_age < 0) /* The node's clock was set back since the message. */
        o->message_age = 0;
}

/* "epoch:id" */
static uint64_t row_xid(struct row *r, int col)
{
    uint64_t epoch = 0, id = 0;
    char head[16];
    const char *s = r->f[col];
    const char *colon = s ? strchr(s, ':') : NULL;
    if (r->rc || !s)
        return 0;
    if (!colon || (size_t)(colon - s) >= sizeof(head)) {
        row_bad(r, col);
        return 0;
    }
    (void)str_copy(head, (size_t)(colon - s) + 1, s);
    if (!str_to_u64(head, &epoch) || !str_to_u64(colon + 1, &id) || epoch > UINT32_MAX ||
        id > UINT32_MAX)
        row_bad(r, col);
    return r->rc ? 0 : epoch << 32 | id;
}

static void parse_settings(struct row *r, struct observation *o)
{
    o->postmaster_start = row_i64(r, COL_START);
    o->server_version_num = (int)row_u64(r, COL_VERSION, 10000000);
    o->commit_flushes = row_bool(r, COL_FLUSHES);
    o->read_only = row_bool(r, COL_READ_ONLY);
    o->max_connections = (int)row_u64(r, COL_MAX_CONN, INT32_MAX);
    row_text(r, COL_SYNC_NAMES, o->synchronous_standby_names, sizeof(o->synchronous_standby_names));
    row_text(r, COL_CONNINFO_HOST, o->primary_conninfo_host, sizeof(o->primary_conninfo_host));
    o->primary_conninfo_port = (uint16_t)row_u64(r, COL_CONNINFO_PORT, UINT16_MAX);
    if (!o->primary_conninfo_port && o->primary_conninfo_host[0])
        o->primary_conninfo_port = 5432;
    row_text(r, COL_MANAGER, o->manager, sizeof(o->manager));
    o->receiver_timeout = row_i64(r, COL_RECEIVER_TIMEOUT);
    o->has_primary_conninfo = row_bool(r, COL_HAS_CONNINFO);
    row_text(r, COL_LISTEN_PORT, o->listen_port, sizeof(o->listen_port));
}

/* Timeline 1 has no ancestors and no file. A file that is not understood is as good as none. */
static void parse_lineage(const struct row *r, struct observation *o)
{
    struct err e = {0};
    const char *text = r->f[COL_LINEAGE];
    o->lineage.timeline = o->role == ROLE_PRIMARY && o->timeline == 1 ? 1 : 0;
    o->lineage.n = 0;
    if (o->role == ROLE_PRIMARY && text && text[0] &&
        timeline_parse(o->timeline, text, strlen(text), &o->lineage, &e) != 0)
        o->lineage.timeline = 0;
}

int observe_parse(const char *const *fields, int n, struct observation *out, struct err *e)
{
    if (n != OBSERVE_COLUMNS)
        return err_set(e, ERR_PROTO, "the probe gave %d columns instead of %d", n, OBSERVE_COLUMNS);

    struct observation o = *out;
    struct row r = {.f = fields, .e = e, .rc = 0};
    row_require(&r, COL_RECOVERY);
    row_require(&r, COL_SYSID);
    row_require(&r, COL_TIMELINE);
    o.role = row_bool(&r, COL_RECOVERY) ? ROLE_REPLICA : ROLE_PRIMARY;
    row_require(&r, o.role == ROLE_PRIMARY ? COL_FLUSH : COL_REPLAY);
    o.system_identifier = row_u64(&r, COL_SYSID, UINT64_MAX);
    o.timeline = (uint32_t)row_u64(&r, COL_TIMELINE, UINT32_MAX);
    o.timeline_received = row_bool(&r, COL_TIMELINE_RECEIVED);
    o.flush_lsn = row_lsn(&r, COL_FLUSH);
    o.insert_lsn = row_lsn(&r, COL_INSERT);
    o.receive_lsn = row_lsn(&r, COL_RECEIVE);
    o.replay_lsn = row_lsn(&r, COL_REPLAY);
    o.replay_paused = row_bool(&r, COL_PAUSED);
    parse_receiver(&r, &o);
    parse_settings(&r, &o);
    parse_lineage(&r, &o);
    o.start_xid = row_xid(&r, COL_START_XID);
    if (r.rc)
        return r.rc;
    if (o.system_identifier == 0 || o.timeline == 0)
        return err_set(e, ERR_PROTO, "the probe gave no system identifier or timeline");
    o.outcome = OBSERVE_OK;
    o.sqlstate[0] = '\0';
    o.detail[0] = '\0';
    *out = o;
    return 0;
}

static enum observe_peer_state peer_state(const char *s)
{
    static const struct {
        const char *name;
        enum observe_peer_state state;
    } names[] = {
        {"startup", PEER_STARTUP}, {"catchup", PEER_CATCHUP},   {"streaming", PEER_STREAMING},
        {"backup", PEER_BACKUP},   {"stopping", PEER_STOPPING},
    };
    for (size_t i = 0; s && i < ARRAY_LEN(names); i++)
        if (!strcmp(s, names[i].name))
            return names[i].state;
    return PEER_NONE;
}

int observe_peers_add(struct observe_peers *p, const char *const *fields, int n, struct err *e)
{
    if (n != OBSERVE_PEERS_COLUMNS)
        return err_set(e, ERR_PROTO, "pg_stat_replication gave %d columns instead of %d", n,
                       OBSERVE_PEERS_COLUMNS);
    if (p->n == TOPO_NODES_MAX) {
        p->more = true;
        return 0;
    }
    struct row r = {.f = fields, .e = e, .rc = 0};
    struct observe_peer w = {.state = peer_state(fields[2])};
    row_text(&r, 0, w.application_name, sizeof(w.application_name));
    row_text(&r, 1, w.client_addr, sizeof(w.client_addr));
    w.sent_lsn = row_lsn(&r, 3);
    w.flush_lsn = row_lsn(&r, 4);
    w.replay_lsn = row_lsn(&r, 5);
    w.replay_lag_known = fields[6] != NULL;
    w.replay_lag = row_i64(&r, 6);
    if (r.rc)
        return r.rc;
    p->peers[p->n++] = w;
    return 0;
}

int observe_slots_add(struct observe_slots *s, const char *const *fields, int n, struct err *e)
{
    if (n != OBSERVE_SLOTS_COLUMNS)
        return err_set(e, ERR_PROTO, "pg_replication_slots gave %d columns instead of %d", n,
                       OBSERVE_SLOTS_COLUMNS);
    if (s->n == OBSERVE_SLOTS_MAX) {
        s->more = true;
        return 0;
    }
    struct row r = {.f = fields, .e = e, .rc = 0};
    struct observe_slot slot = {0};
    row_require(&r, 0);
    row_text(&r, 0, slot.name, sizeof(slot.name));
    slot.physical = row_bool(&r, 1);
    slot.active = row_bool(&r, 2);
    slot.temporary = row_bool(&r, 3);
    slot.restart_lsn = row_lsn(&r, 4);
    if (r.rc)
        return r.rc;
    s->slots[s->n++] = slot;
    return 0;
}

enum observe_outcome observe_outcome_of_sqlstate(const char *sqlstate)
{
    static const struct {
        const char *state;
        enum observe_outcome outcome;
    } exact[] = {
        {"57P03", OBSERVE_STARTING}, {"53300", OBSERVE_TOO_MANY}, {"57P01", OBSERVE_CLOSED},
        {"57P02", OBSERVE_CLOSED},   {"57P04", OBSERVE_CLOSED},   {"08006", OBSERVE_CLOSED},
        {"08P01", OBSERVE_PROTOCOL},
    };
    if (!sqlstate || !sqlstate[0])
        return OBSERVE_PROTOCOL;
    for (size_t i = 0; i < ARRAY_LEN(exact); i++)
        if (!strcmp(sqlstate, exact[i].state))
            return exact[i].outcome;
    /* 28: invalid authorization; 3D: the monitoring database does not exist; 42501 on connect: no privilege. */
    if (!strncmp(sqlstate, "28", 2) || !strncmp(sqlstate, "3D", 2) || !strcmp(sqlstate, "42501"))
        return OBSERVE_AUTH;
    return OBSERVE_QUERY;
}

const char *observe_outcome_name(enum observe_outcome o)
{
    static const char *const names[OBSERVE_NR] = {
        [OBSERVE_NONE] = "none",         [OBSERVE_OK] = "ok",
        [OBSERVE_REFUSED] = "refused",   [OBSERVE_TIMEOUT] = "timeout",
        [OBSERVE_CLOSED] = "closed",     [OBSERVE_UNREACHABLE] = "unreachable",
        [OBSERVE_AUTH] = "auth",         [OBSERVE_STARTING] = "starting",
        [OBSERVE_TOO_MANY] = "too-many", [OBSERVE_QUERY] = "query",
        [OBSERVE_PROTOCOL] = "protocol",
    };
    return (unsigned)o < OBSERVE_NR ? names[o] : "invalid";
}
