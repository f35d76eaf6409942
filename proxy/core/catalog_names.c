#include "catalog_names.h"

#include <string.h>

#include "../../replication/base/bug.h"

/* What a call does to the session: nothing, anything, or what the classifier knows exactly (but not within a body). */
enum { QUIET, LOUD, KNOWN };

/* The formatter would move the items of such lists at every run. */
/* clang-format off */

/* Functions that answer for the node or the session they run in, or act on them, though pg_proc may call them stable. */
static const struct {
    const char *name;
    uint8_t loud;
} node_functions[] = {
    {"binary_upgrade_set_next_pg_type_oid", LOUD},
    {"current_setting", QUIET},
    {"currval", QUIET},
    {"cursor_to_xml", LOUD},
    {"cursor_to_xmlschema", LOUD},
    {"inet_client_addr", QUIET},
    {"inet_client_port", QUIET},
    {"inet_server_addr", QUIET},
    {"inet_server_port", QUIET},
    {"lastval", QUIET},
    {"lo_creat", QUIET},
    {"lo_open", QUIET},
    {"nextval", QUIET},
    {"pg_advisory_lock", KNOWN},
    {"pg_advisory_lock_shared", KNOWN},
    {"pg_advisory_unlock", KNOWN},
    {"pg_advisory_unlock_all", KNOWN},
    {"pg_advisory_unlock_shared", KNOWN},
    {"pg_available_wal_summaries", QUIET},
    {"pg_backend_pid", QUIET},
    {"pg_backup_start", LOUD},
    {"pg_backup_stop", LOUD},
    {"pg_blocking_pids", QUIET},
    {"pg_conf_load_time", QUIET},
    {"pg_copy_logical_replication_slot", LOUD},
    {"pg_copy_physical_replication_slot", LOUD},
    {"pg_create_logical_replication_slot", LOUD},
    {"pg_create_physical_replication_slot", LOUD},
    {"pg_current_logfile", QUIET},
    {"pg_current_snapshot", QUIET},
    {"pg_current_xact_id", QUIET},
    {"pg_current_xact_id_if_assigned", QUIET},
    {"pg_cursor", QUIET},
    {"pg_export_snapshot", QUIET},
    {"pg_hba_file_rules", QUIET},
    {"pg_ident_file_mappings", QUIET},
    {"pg_is_in_backup", QUIET},
    {"pg_is_in_recovery", QUIET},
    {"pg_is_wal_replay_paused", QUIET},
    {"pg_jit_available", QUIET},
    {"pg_listening_channels", QUIET},
    {"pg_lock_status", QUIET},
    {"pg_notification_queue_usage", QUIET},
    {"pg_notify", QUIET},
    {"pg_postmaster_start_time", QUIET},
    {"pg_replication_origin_session_reset", LOUD},
    {"pg_replication_origin_session_setup", LOUD},
    {"pg_safe_snapshot_blocking_pids", QUIET},
    {"pg_sequence_last_value", QUIET},
    {"pg_show_all_file_settings", QUIET},
    {"pg_show_all_settings", QUIET},
    {"pg_start_backup", LOUD},
    {"pg_stop_backup", LOUD},
    {"pg_tablespace_databases", QUIET},
    {"pg_try_advisory_lock", KNOWN},
    {"pg_try_advisory_lock_shared", KNOWN},
    {"pg_walfile_name", QUIET},
    {"pg_walfile_name_offset", QUIET},
    {"pg_xact_status", QUIET},
    {"query_to_xml", LOUD},
    {"query_to_xml_and_xmlschema", LOUD},
    {"query_to_xmlschema", LOUD},
    {"set_config", KNOWN},
    {"setseed", KNOWN},
    {"setval", QUIET},
    {"ts_rewrite", LOUD},
    {"ts_stat", LOUD},
    {"txid_current", QUIET},
    {"txid_current_if_assigned", QUIET},
    {"txid_current_snapshot", QUIET},
    {"txid_status", QUIET},
};

/* The same by how they begin, for functions and relations alike: families that grow with every version. */
static const struct {
    const char *name;
    uint8_t loud;
} node_prefixes[] = {
    {"dblink", LOUD},
    {"lo_", QUIET},
    {"pg_advisory", QUIET},
    {"pg_control_", QUIET},
    {"pg_current_wal", QUIET},
    {"pg_get_backend_", QUIET},
    {"pg_get_repl", QUIET},
    {"pg_get_shmem", QUIET},
    {"pg_get_wal_", QUIET},
    {"pg_last_", QUIET},
    {"pg_log_", QUIET},
    {"pg_logical_", QUIET},
    {"pg_ls_", QUIET},
    {"pg_prepared_", QUIET},
    {"pg_read_", QUIET},
    {"pg_replication_", QUIET},
    {"pg_show_repl", QUIET},
    {"pg_stat_", QUIET},
    {"pg_statio_", QUIET},
    {"pg_temp", QUIET},
    {"pg_toast_temp", QUIET},
    {"pg_try_advisory", QUIET},
};

/* Relations of pg_catalog that show the node. (pg_stat_* and the like go by prefix.) */
static const char *const node_relations[] = {
    "pg_aios", "pg_backend_memory_contexts", "pg_config", "pg_cursors", "pg_dsm_registry_allocations", "pg_file_settings",
    "pg_hba_file_rules", "pg_ident_file_mappings", "pg_locks", "pg_sequences", "pg_settings", "pg_shmem_allocations",
    "pg_shmem_allocations_numa",
};

/* What shows the moment at which the transaction began. */
static const char *const time_names[] = {
    "age", "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "now", "transaction_timestamp",
};

/* Volatile functions of pg_catalog that do no harm on a replica: they give a new answer at each call, and that is all. */
static const char *const harmless_functions[] = {
    "random", "random_normal", "clock_timestamp", "timeofday", "pg_sleep", "pg_sleep_for", "pg_sleep_until",
    "gen_random_uuid", "uuidv4", "uuidv7", "pg_relation_size", "pg_table_size", "pg_indexes_size",
    "pg_total_relation_size", "pg_database_size", "pg_tablespace_size", "pg_client_encoding", "current_query",
    "pg_partition_tree", "pg_partition_ancestors", "amvalidate",
};

/* -- The query. PostgreSQL 12 and later; ':' and the letters behind it in the stored trees are the names of node fields,
 *    which have been the same since version 9. -- */

#define TREE_FUNCTIONS "(?:funcid|aggfnoid|winfnoid|opfuncid)"

/* Every function with what it is made of. prosqlbody came with version 14, hence the way by JSON. */
static const char sql_functions[] =
    "fn AS MATERIALIZED (SELECT p.oid, p.proname::text AS name, p.pronamespace, p.prokind, p.provolatile, p.prosrc, p.proargtypes,"
    " p.prorettype, p.proallargtypes, p.pronargs - p.pronargdefaults AS least, l.lanname,"
    " CASE WHEN p.prosrc = '' THEN pg_catalog.to_jsonb(p) ->> 'prosqlbody' END AS tree,"
    " p.prokind = 'p' OR p.provolatile = 'v' AND p.prokind <> 'a' AND NOT (p.oid < 16384 AND p.proname IN (SELECT name FROM harmless)) AS vol"
    " FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang),"
    /* Words in the bodies of functions that we can read, as they stand and folded. */
    " word AS MATERIALIZED (SELECT DISTINCT f.oid AS over, n AS name, m[2] <> '' AS call FROM fn f,"
    " pg_catalog.regexp_matches(f.prosrc, '([^][(){}[:space:]\"'',;.:=<>+*/%^&|~!?@#`-]+)\"?[[:space:]]*([(]?)', 'g') m,"
    " pg_catalog.unnest(ARRAY[m[1], pg_catalog.lower(m[1])]) n"
    " WHERE f.oid >= 16384 AND f.lanname IN ('sql', 'plpgsql')),"
    /* What calls what: by name in a text, by OID in a parsed body or an aggregate. */
    " edge AS MATERIALIZED (SELECT w.over, g.oid AS under, w.call FROM word w JOIN fn g ON g.name = w.name"
    " WHERE g.vol OR g.oid >= 16384 OR g.name IN (SELECT name FROM node)"
    " UNION ALL SELECT f.oid, m[1]::oid, true FROM fn f, pg_catalog.regexp_matches(f.tree, ':" TREE_FUNCTIONS " ([0-9]+)', 'g') m"
    " UNION ALL SELECT a.aggfnoid::oid, x, true FROM pg_catalog.pg_aggregate a, pg_catalog.unnest(ARRAY[a.aggtransfn, a.aggfinalfn,"
    " a.aggcombinefn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn]::oid[]) x WHERE x <> 0),"
    /* Volatile, whatever they say: they call what is. */
    " vol(oid) AS (SELECT oid FROM fn WHERE vol UNION SELECT e.over FROM vol v JOIN edge e ON e.under = v.oid WHERE e.call),";

/* Functions that may change the session. A body in a language that we cannot read is believed if it is not volatile. A SET
 * is looked for where a statement may begin, with comments and without (UPDATE has SET too). */
static const char sql_loud[] =
    "loud(oid) AS (SELECT f.oid FROM fn f WHERE CASE WHEN f.oid < 16384 THEN f.name IN (SELECT name FROM node WHERE loud)"
    " WHEN f.lanname IN ('sql', 'plpgsql') THEN f.prosrc ~* '\\m(reset|discard|listen|unlisten|load|prepare|deallocate|execute|"
    "temp|temporary|pg_temp|hold|create|drop|do[[:space:]]+(\\$|language)|dblink)\\M|pg_temp_|dblink_'"
    " OR f.prosrc ~* '(^|[;>*/'']|\\m(begin|then|else|loop|atomic)\\M)[[:space:]]*set\\M'"
    " OR pg_catalog.regexp_replace(f.prosrc, '--[^\\n]*|/[*].*?[*]/', ' ', 'g') ~* '(^|[;>]|\\m(begin|then|else|loop)\\M)[[:space:]]*set\\M'"
    " WHEN f.lanname IN ('c', 'internal') THEN f.provolatile = 'v' AND f.prokind <> 'a' AND f.name !~ '^(uuid_generate_|gen_random_|gen_salt$)'"
    " ELSE f.provolatile <> 'i' END"
    " UNION SELECT e.over FROM loud l JOIN edge e ON e.under = l.oid),";

/* Types whose values cannot be handled without a volatile function: input and output, casts, domains' constraints,
 * operators and support functions; and types made of them. Casts between built-in types are among the facts. */
static const char sql_types[] =
    "badtype(oid) AS (SELECT t.oid FROM pg_catalog.pg_type t, pg_catalog.unnest(ARRAY[t.typinput, t.typoutput, t.typreceive, t.typsend,"
    " t.typmodin, t.typmodout]::oid[]) x JOIN vol ON vol.oid = x"
    " UNION SELECT t FROM pg_catalog.pg_cast c JOIN vol ON vol.oid = c.castfunc, pg_catalog.unnest(ARRAY[c.castsource, c.casttarget]) t WHERE t >= 16384"
    " UNION SELECT k.contypid FROM pg_catalog.pg_constraint k, pg_catalog.regexp_matches(k.conbin::text, ':" TREE_FUNCTIONS
    " ([0-9]+)', 'g') m JOIN vol ON vol.oid = m[1]::oid WHERE k.contypid <> 0"
    " UNION SELECT t FROM pg_catalog.pg_amproc a JOIN vol ON vol.oid = a.amproc, pg_catalog.unnest(ARRAY[a.amproclefttype, a.amprocrighttype]) t"
    " UNION SELECT t FROM pg_catalog.pg_operator o JOIN vol ON vol.oid = o.oprcode, pg_catalog.unnest(ARRAY[o.oprleft, o.oprright]) t"
    " WHERE t >= 16384 AND o.oprname IN ('=', '<>', '<', '>', '<=', '>=') AND o.oprleft >= 16384 AND o.oprright >= 16384"
    " UNION SELECT d.over FROM badtype b JOIN made d ON d.under = b.oid),";

static const char sql_made[] =
    "made(over, under) AS MATERIALIZED (SELECT t.oid, t.typelem FROM pg_catalog.pg_type t WHERE t.typelem >= 16384"
    " UNION ALL SELECT t.oid, t.typbasetype FROM pg_catalog.pg_type t WHERE t.typbasetype >= 16384"
    " UNION ALL SELECT r.rngtypid, r.rngsubtype FROM pg_catalog.pg_range r"
    " UNION ALL SELECT (pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::oid, r.rngsubtype FROM pg_catalog.pg_range r"
    " UNION ALL SELECT c.reltype, a.atttypid FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
    " WHERE a.atttypid >= 16384 AND c.reltype <> 0),";

/* Starting from relations that a replica has not (temporary, unlogged), has otherwise (sequences, logged ahead of their use)
 * or reaches elsewhere (foreign), from views whose rule and tables whose policies call a volatile or node-local function,
 * and from columns of bad types: all of these, and the views and parents over them. pg_depend does not know of uses of
 * built-in functions, so the stored trees are read. A materialized view is data. */
static const char sql_relations[] =
    "nodal AS MATERIALIZED (SELECT oid FROM vol UNION SELECT oid FROM fn WHERE name IN (SELECT name FROM node)"
    " OR pg_catalog.left(name, 3) IN ('pg_', 'lo_', 'dbl') AND name ~ (SELECT names FROM prefixes)),"
    " refs AS MATERIALIZED (SELECT DISTINCT r.ev_class AS rel, CASE m[1] WHEN 'relid' THEN 'rel' WHEN 'resulttype' THEN 'type' ELSE 'call' END AS kind,"
    " m[2]::oid AS ref FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class AND c.relkind = 'v' AND c.oid >= 16384,"
    " pg_catalog.regexp_matches(r.ev_action::text, ':(funcid|aggfnoid|winfnoid|opfuncid|relid|resulttype) ([0-9]+)', 'g') m WHERE r.ev_type = '1'"
    " UNION ALL SELECT l.polrelid, 'call', m[1]::oid FROM pg_catalog.pg_policy l JOIN pg_catalog.pg_class c ON c.oid = l.polrelid AND c.relrowsecurity, pg_catalog.regexp_matches("
    "pg_catalog.concat(l.polqual::text, l.polwithcheck::text), ':" TREE_FUNCTIONS " ([0-9]+)', 'g') m),"
    " over AS MATERIALIZED (SELECT rel AS over, ref AS under FROM refs WHERE kind = 'rel'"
    " UNION SELECT inhparent, inhrelid FROM pg_catalog.pg_inherits),"
    " bad(oid) AS (SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relkind IN ('f', 'S') OR (c.relkind IN ('r', 'p', 'v', 'm') AND c.relpersistence <> 'p')"
    " OR c.oid < 16384 AND c.relkind = 'v' AND (c.relname IN (SELECT name FROM shows) OR c.relname::text ~ (SELECT names FROM prefixes))"
    " UNION SELECT rel FROM refs WHERE kind = 'call' AND ref IN (SELECT oid FROM nodal)"
    " UNION SELECT rel FROM refs WHERE kind = 'type' AND ref IN (SELECT oid FROM badtype)"
    " UNION SELECT a.attrelid FROM pg_catalog.pg_attribute a JOIN badtype b ON b.oid = a.atttypid"
    " UNION SELECT o.over FROM bad JOIN over o ON o.under = bad.oid),"
    " speaks(oid) AS (SELECT rel FROM refs WHERE kind = 'call' AND ref IN (SELECT oid FROM loud)"
    " UNION SELECT o.over FROM speaks s JOIN over o ON o.under = s.oid)";

/* Kinds: f function, r name that matters wherever it stands, o operator, d the database. Functions of one row are among
 * the names because t.name may call them. The words of the grammar that look like functions come by the version that
 * brought them (up to then a function may have the name). */
static const char sql_answer[] =
    " SELECT 'f', f.name, pg_catalog.max(CASE WHEN v.oid IS NULL AND h.oid IS NULL THEN 1 ELSE 2 END)"
    " + pg_catalog.max(CASE WHEN l.oid IS NULL OR l.oid < 16384 THEN 0 ELSE 16 END)"
    " FROM fn f LEFT JOIN vol v ON v.oid = f.oid LEFT JOIN loud l ON l.oid = f.oid LEFT JOIN handles h ON h.oid = f.oid GROUP BY 2"
    " UNION ALL SELECT 'f', w.name, 1 FROM (VALUES (160000, 'json_array'), (160000, 'json_arrayagg'), (160000, 'json_object'),"
    " (160000, 'json_objectagg'), (170000, 'json'), (170000, 'json_scalar'), (170000, 'json_serialize'), (170000, 'json_exists'),"
    " (170000, 'json_query'), (170000, 'json_value'), (170000, 'json_table')) w(since, name)"
    " WHERE pg_catalog.current_setting('server_version_num')::int >= w.since"
    " UNION ALL SELECT 'r', c.relname::text, 4 FROM pg_catalog.pg_class c JOIN bad USING (oid)"
    " UNION ALL SELECT 'r', c.relname::text, 8 FROM pg_catalog.pg_class c JOIN speaks USING (oid)"
    " UNION ALL SELECT 'r', t.typname::text, 4 FROM pg_catalog.pg_type t JOIN badtype USING (oid)"
    " UNION ALL SELECT 'r', f.name, CASE WHEN v.oid IS NULL THEN 0 ELSE 4 END + CASE WHEN l.oid IS NULL THEN 0 ELSE 8 END"
    " FROM fn f LEFT JOIN vol v ON v.oid = f.oid LEFT JOIN loud l ON l.oid = f.oid JOIN pg_catalog.pg_type t ON t.oid = f.proargtypes[0]"
    " WHERE t.typtype = 'c' AND f.least <= 1 AND f.oid >= 16384 AND (v.oid IS NOT NULL OR l.oid IS NOT NULL)"
    " UNION ALL SELECT 'o', o.oprname::text, 2 FROM pg_catalog.pg_operator o WHERE o.oid >= 16384"
    " AND (o.oprcode IN (SELECT oid FROM vol) OR o.oprleft IN (SELECT oid FROM badtype) OR o.oprright IN (SELECT oid FROM badtype))"
    " AND NOT (o.oprname IN ('=', '<>', '<', '>', '<=', '>=') AND o.oprleft >= 16384 AND o.oprright >= 16384)";

/* Functions with arguments or a result of such types; and those called by defaults, constraints and rules of tables. */
static const char sql_uses[] =
    "handles(oid) AS MATERIALIZED (SELECT DISTINCT f.oid FROM fn f, pg_catalog.unnest(f.proargtypes::oid[] || f.prorettype ||"
    " coalesce(f.proallargtypes, '{}')) t JOIN badtype b ON b.oid = t WHERE f.oid >= 16384),"
    " hidden(oid) AS MATERIALIZED (SELECT DISTINCT m[1]::oid FROM (SELECT adbin::text FROM pg_catalog.pg_attrdef"
    " UNION ALL SELECT conbin::text FROM pg_catalog.pg_constraint WHERE conbin IS NOT NULL"
    " UNION ALL SELECT ev_action::text FROM pg_catalog.pg_rewrite WHERE ev_type <> '1' AND ev_class >= 16384) t(tree),"
    " pg_catalog.regexp_matches(t.tree, ':" TREE_FUNCTIONS " ([0-9]+)', 'g') m),";

/* Bits of enum catalog_fact. */
static const char sql_facts[] =
    " UNION ALL SELECT 'd', '', CASE WHEN EXISTS (SELECT FROM loud JOIN pg_catalog.pg_trigger g ON g.tgfoid = loud.oid WHERE NOT g.tgisinternal)"
    " OR EXISTS (SELECT FROM loud JOIN pg_catalog.pg_event_trigger g ON g.evtfoid = loud.oid)"
    " OR EXISTS (SELECT FROM loud JOIN hidden h ON h.oid = loud.oid) THEN 1 ELSE 0 END"
    " + CASE WHEN EXISTS (SELECT FROM loud WHERE oid >= 16384 AND oid IN (SELECT castfunc FROM pg_catalog.pg_cast UNION ALL SELECT oprcode FROM pg_catalog.pg_operator"
    " UNION ALL SELECT amproc FROM pg_catalog.pg_amproc UNION ALL SELECT x FROM pg_catalog.pg_type, pg_catalog.unnest(ARRAY[typinput, typoutput]::oid[]) x))"
    " THEN 2 ELSE 0 END"
    " + CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_class WHERE relkind = 'S') THEN 4 ELSE 0 END"
    " + CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_cast JOIN vol ON vol.oid = castfunc WHERE castsource < 16384 AND casttarget < 16384)"
    " THEN 8 ELSE 0 END"
    " + CASE WHEN pg_catalog.current_setting('default_transaction_isolation') <> 'read committed' OR EXISTS (SELECT FROM pg_catalog.pg_db_role_setting,"
    " pg_catalog.unnest(setconfig) v WHERE v LIKE 'default_transaction_isolation=%' AND v <> 'default_transaction_isolation=read committed')"
    " THEN 32 ELSE 0 END";
/* clang-format on */

/* The names are asked for on the same connection behind it: their recursion is estimated as so huge that compiling the query
 * would take longer than running it. */
const char *const catalog_sql_prepare = "SELECT pg_catalog.set_config('jit', 'off', false)";

/* The counters live with the server and move within a second of a commit; they may fall, which is a change too. The position
 * covers what made them move. */
const char *const catalog_sql_version =
    "SELECT pg_catalog.sum(pg_catalog.pg_stat_get_tuples_inserted(r) + "
    "pg_catalog.pg_stat_get_tuples_updated(r)"
    " + pg_catalog.pg_stat_get_tuples_deleted(r))::bigint,"
    " CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_current_wal_insert_lsn() END"
    " FROM pg_catalog.unnest("
    "ARRAY['pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_class'::regclass, "
    "'pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_inherits'::regclass, "
    "'pg_catalog.pg_trigger'::regclass, 'pg_catalog.pg_policy'::regclass, "
    "'pg_catalog.pg_operator'::regclass, 'pg_catalog.pg_cast'::regclass, "
    "'pg_catalog.pg_type'::regclass, 'pg_catalog.pg_attribute'::regclass, "
    "'pg_catalog.pg_amproc'::regclass, 'pg_catalog.pg_constraint'::regclass, "
    "'pg_catalog.pg_db_role_setting'::regclass]::oid[]) r";

/* The names of our own lists hold letters, digits and underscores only. */
static void write_lists(struct strbuf *b)
{
    strbuf_adds(b, "node(name, loud) AS MATERIALIZED (VALUES ");
    for (size_t i = 0; i < ARRAY_LEN(node_functions); i++)
        strbuf_addf(b, "%s('%s', %s)", i ? "," : "", node_functions[i].name,
                    node_functions[i].loud ? "true" : "false");
    strbuf_adds(b, "), harmless(name) AS MATERIALIZED (VALUES ");
    for (size_t i = 0; i < ARRAY_LEN(harmless_functions); i++)
        strbuf_addf(b, "%s('%s')", i ? "," : "", harmless_functions[i]);
    strbuf_adds(b, "), shows(name) AS MATERIALIZED (VALUES ");
    for (size_t i = 0; i < ARRAY_LEN(node_relations); i++)
        strbuf_addf(b, "%s('%s')", i ? "," : "", node_relations[i]);
    strbuf_adds(b, "), prefixes(names) AS (SELECT '^(");
    for (size_t i = 0; i < ARRAY_LEN(node_prefixes); i++)
        strbuf_addf(b, "%s%s", i ? "|" : "", node_prefixes[i].name);
    strbuf_adds(b, ")'::text), ");
}

void catalog_write_sql(struct strbuf *b)
{
    strbuf_adds(b, "WITH RECURSIVE ");
    write_lists(b);
    const char *const parts[] = {sql_functions, sql_loud,      sql_made,   sql_types,
                                 sql_uses,      sql_relations, sql_answer, sql_facts};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        strbuf_adds(b, parts[i]);
}

int catalog_names_add(struct catalog *c)
{
    for (size_t i = 0; i < ARRAY_LEN(node_functions); i++) {
        const unsigned loud = node_functions[i].loud == LOUD ? CATALOG_BIT_LOUD : 0;
        int rc = catalog_add(c, slice_of(node_functions[i].name), CATALOG_BIT_UNSAFE | loud);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < ARRAY_LEN(node_relations); i++) {
        int rc = catalog_add(c, slice_of(node_relations[i]), CATALOG_BIT_PRIMARY);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < ARRAY_LEN(time_names); i++) {
        int rc = catalog_add(c, slice_of(time_names[i]), CATALOG_BIT_TIME);
        if (rc < 0)
            return rc;
    }
    return 0;
}

size_t catalog_names_count(void)
{
    return ARRAY_LEN(node_functions) + ARRAY_LEN(node_relations) + ARRAY_LEN(time_names);
}

unsigned catalog_names_prefix(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(node_prefixes); i++) {
        size_t n = strlen(node_prefixes[i].name);
        if (name.n < n || memcmp(name.p, node_prefixes[i].name, n) != 0)
            continue;
        const unsigned loud = node_prefixes[i].loud == LOUD ? CATALOG_BIT_LOUD : 0;
        return CATALOG_BIT_UNSAFE | loud | (name.p[0] == 'p' ? CATALOG_BIT_PRIMARY : 0U);
    }
    return 0;
}

/* A volatile function of a user is believed to write or to read; nextval() and the like fail on a replica. */
bool catalog_names_nodal(struct slice name)
{
    static const char *const families[] = {"pg_", "txid_", "inet_", "dblink"};
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        const size_t n = strlen(families[i]);
        if (name.n >= n && memcmp(name.p, families[i], n) == 0)
            return true;
    }
    return false;
}
