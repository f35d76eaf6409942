#include "catalog.h"

#include <string.h>

#include "../../replication/base/bug.h"
#include "../../replication/base/err.h"

enum { NAME_MAX_BYTES = 63, FUNCTIONS_MAX = 1 << 20 };

/* It would move the items of such lists at every run. */
/* clang-format off */

/* The lists are macros because they are needed twice, as C strings and within the SQL below. Each item is quoted there, so
 * they hold letters, digits and underscores only. */

/* Functions that answer for the node or the session they run in, or act on them, though pg_proc may call them stable. */
#define NODE_FUNCTIONS(X)                                                                         \
    X("current_setting")                                                                          \
    X("currval")                                                                                  \
    X("inet_client_addr")                                                                         \
    X("inet_client_port")                                                                         \
    X("inet_server_addr")                                                                         \
    X("inet_server_port")                                                                         \
    X("lastval")                                                                                  \
    X("nextval") X("set_config") X("setseed") X("setval") X("txid_current")                       \
        X("txid_current_if_assigned") X("txid_current_snapshot") X("txid_status")                 \
            X("pg_available_wal_summaries") X("pg_backend_pid") X("pg_blocking_pids")             \
                X("pg_conf_load_time") X("pg_current_logfile") X("pg_current_snapshot") X(        \
                    "pg_current_xact_id") X("pg_current_xact_id_if_assigned") X("pg_cursor")      \
                    X("pg_export_snapshot") X("pg_hba_file_rules") X("pg_ident_file_mappings") X( \
                        "pg_is_in_backup") X("pg_is_in_recovery") X("pg_is_wal_replay_paused")    \
                        X("pg_jit_available") X("pg_listening_channels") X("pg_lock_status")      \
                            X("pg_notification_queue_usage") X("pg_notify")                       \
                                X("pg_postmaster_start_time") X("pg_safe_snapshot_blocking_pids") \
                                    X("pg_sequence_last_value") X("pg_show_all_file_settings")    \
                                        X("pg_show_all_settings") X("pg_tablespace_databases")    \
                                            X("pg_walfile_name") X("pg_walfile_name_offset")      \
                                                X("pg_xact_status")

/* The same by prefix, for functions and relations alike: families that grow with every version. */
#define NODE_PREFIXES(X)                                                                       \
    X("dblink")                                                                                \
    X("lo_")                                                                                   \
    X("pg_advisory")                                                                           \
    X("pg_control_")                                                                           \
    X("pg_current_wal")                                                                        \
    X("pg_get_backend_")                                                                       \
    X("pg_get_repl")                                                                           \
    X("pg_get_shmem") X("pg_get_wal_") X("pg_last_") X("pg_log_") X("pg_logical_") X("pg_ls_") \
        X("pg_prepared_") X("pg_read_") X("pg_replication_") X("pg_show_repl") X("pg_stat_")   \
            X("pg_statio_") X("pg_temp") X("pg_toast_temp") X("pg_try_advisory")

/* Relations of pg_catalog that show the node. (pg_stat_* and the like go by prefix.) */
#define NODE_RELATIONS(X)                                                        \
    X("pg_aios")                                                                 \
    X("pg_backend_memory_contexts")                                              \
    X("pg_config")                                                               \
    X("pg_cursors")                                                              \
    X("pg_dsm_registry_allocations")                                             \
    X("pg_file_settings")                                                        \
    X("pg_hba_file_rules")                                                       \
    X("pg_ident_file_mappings") X("pg_locks") X("pg_sequences") X("pg_settings") \
        X("pg_shmem_allocations") X("pg_shmem_allocations_numa")

/* Volatile functions of pg_catalog that do no harm on a replica: they give a new answer at each call, and that is all. */
#define HARMLESS_FUNCTIONS(X)                                                             \
    X("random")                                                                           \
    X("random_normal")                                                                    \
    X("clock_timestamp")                                                                  \
    X("timeofday")                                                                        \
    X("pg_sleep")                                                                         \
    X("pg_sleep_for")                                                                     \
    X("pg_sleep_until")                                                                   \
    X("gen_random_uuid") X("uuidv4") X("uuidv7") X("pg_relation_size") X("pg_table_size") \
        X("pg_indexes_size") X("pg_total_relation_size") X("pg_database_size")            \
            X("pg_tablespace_size") X("pg_client_encoding") X("current_query")            \
                X("pg_partition_tree") X("pg_partition_ancestors")

#define ITEM(name) name,
static const char *const node_functions[] = {NODE_FUNCTIONS(ITEM)};
static const char *const node_prefixes[] = {NODE_PREFIXES(ITEM)};
static const char *const node_relations[] = {NODE_RELATIONS(ITEM)};
#undef ITEM

/* Both end with an item that is no name, for the comma and the bar before it. */
#define LISTED(name)           "'" name "',"
#define BARRED(name)           name "|"
#define SQL_NODE_FUNCTIONS     NODE_FUNCTIONS(LISTED) "''"
#define SQL_NODE_PREFIXES      "'^(" NODE_PREFIXES(BARRED) "!)'"
#define SQL_HARMLESS_FUNCTIONS HARMLESS_FUNCTIONS(LISTED) "''"

/* Of pg_proc p. An aggregate is as volatile as the functions it is made of. */
#define SQL_IS_VOLATILE                                                                            \
    "(p.prokind = 'p' OR (p.provolatile = 'v' AND NOT (p.pronamespace = "                          \
    "'pg_catalog'::regnamespace"                                                                   \
    " AND p.proname IN (" SQL_HARMLESS_FUNCTIONS ")))"                                             \
    " OR EXISTS (SELECT FROM pg_catalog.pg_aggregate a JOIN pg_catalog.pg_proc s ON "              \
    "s.provolatile = 'v'"                                                                          \
    " AND s.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggmtransfn, a.aggminvtransfn, " \
    "a.aggmfinalfn)"                                                                               \
    " WHERE p.prokind = 'a' AND a.aggfnoid = p.oid))"

/* Words of the grammar that look like functions, by the version that brought them (up to then a function may have the
 * name). */
#define SQL_CONSTRUCTS                                                                        \
    " UNION ALL SELECT w.name, false FROM (VALUES (160000, 'json_array'), (160000, "          \
    "'json_arrayagg'),"                                                                       \
    " (160000, 'json_object'), (160000, 'json_objectagg'), (170000, 'json'), (170000, "       \
    "'json_scalar'),"                                                                         \
    " (170000, 'json_serialize'), (170000, 'json_exists'), (170000, 'json_query'), (170000, " \
    "'json_value'),"                                                                          \
    " (170000, 'json_table')) w(since, name)"                                                 \
    " WHERE pg_catalog.current_setting('server_version_num')::int >= w.since"

const char *const catalog_sql_functions =
    "SELECT p.proname::text, pg_catalog.bool_or(" SQL_IS_VOLATILE
    ") FROM pg_catalog.pg_proc p GROUP BY 1" SQL_CONSTRUCTS;

/* Starting from relations that a replica has not (temporary, unlogged), has otherwise (sequences, logged ahead of their use)
 * or reaches elsewhere (foreign), and from views whose rule calls a volatile or node-local function: all of these, and the
 * views and parents over them. pg_depend does not know of uses of built-in functions, so the stored rule is read; the
 * node names in it have been the same since version 9. Functions of one row are here because t.name may call them. */
const char *const catalog_sql_relations =
    "WITH RECURSIVE refs AS MATERIALIZED (SELECT r.ev_class, m[1] AS kind, m[2]::oid AS ref"
    " FROM pg_catalog.pg_rewrite r, pg_catalog.regexp_matches(r.ev_action::text,"
    " ':(funcid|aggfnoid|winfnoid|relid) ([0-9]+)', 'g') m WHERE r.ev_type = '1'),"
    " edges AS (SELECT ev_class AS over, ref AS under FROM refs WHERE kind = 'relid'"
    " UNION SELECT inhparent, inhrelid FROM pg_catalog.pg_inherits),"
    " bad(oid) AS (SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', "
    "'f', 'S')"
    " AND (c.relkind IN ('f', 'S') OR c.relpersistence <> 'p')"
    " UNION SELECT refs.ev_class FROM refs JOIN pg_catalog.pg_proc p ON p.oid = refs.ref WHERE "
    "refs.kind <> 'relid'"
    " AND (p.proname IN (" SQL_NODE_FUNCTIONS ") OR p.proname ~ " SQL_NODE_PREFIXES
    " OR " SQL_IS_VOLATILE ")"
    " UNION SELECT edges.over FROM bad JOIN edges ON edges.under = bad.oid)"
    " SELECT c.relname::text FROM pg_catalog.pg_class c JOIN bad USING (oid)"
    " UNION SELECT p.proname::text FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_type t ON t.oid = "
    "p.proargtypes[0]"
    " WHERE t.typtype = 'c' AND p.pronargs - p.pronargdefaults <= 1"
    " AND p.pronamespace <> 'pg_catalog'::regnamespace AND " SQL_IS_VOLATILE;

/* The counters live with the server and move within a second of a commit; they may fall, which is a change too. */
const char *const catalog_sql_version =
    "SELECT pg_catalog.sum(pg_catalog.pg_stat_get_tuples_inserted(r) + "
    "pg_catalog.pg_stat_get_tuples_updated(r)"
    " + pg_catalog.pg_stat_get_tuples_deleted(r))::bigint FROM pg_catalog.unnest("
    "ARRAY['pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_class'::regclass, "
    "'pg_catalog.pg_rewrite'::regclass,"
    " 'pg_catalog.pg_inherits'::regclass]::oid[]) r";
/* clang-format on */

/* n is 1 to 8. Two loads that may overlap, so that no length needs a loop; different lengths never meet, as the length
 * is part of the hash. */
static uint64_t load8(const char *p, size_t n)
{
    uint64_t v = 0;
    if (n == 8) {
        memcpy(&v, p, 8);
        return v;
    }
    if (n >= 4) {
        uint32_t a, b;
        memcpy(&a, p, 4);
        memcpy(&b, p + n - 4, 4);
        return (uint64_t)a << 32 | b;
    }
    return (uint64_t)(uint8_t)p[0] | (uint64_t)(uint8_t)p[n / 2] << 8 |
           (uint64_t)(uint8_t)p[n - 1] << 16;
}

/* Names are short, so eight bytes a step. Never 0, which marks a free slot. */
static uint32_t hash_name(struct slice s)
{
    uint64_t h = s.n * UINT64_C(0x9e3779b97f4a7c15);
    const char *p = s.p;
    size_t n = s.n;
    for (; n > 8; p += 8, n -= 8)
        h = ((h ^ load8(p, 8)) * UINT64_C(0xff51afd7ed558ccd)) ^ (h >> 32);
    h = (h ^ load8(p, n)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return (uint32_t)(h >> 32) | 1;
}

static const struct catalog_slot *find_slot(const struct catalog *c, struct slice name,
                                            uint32_t hash)
{
    uint32_t i = (hash >> 1) & c->mask;
    for (uint32_t step = 0; step <= c->mask; step++, i = (i + 1) & c->mask) {
        const struct catalog_slot *s = &c->slots[i];
        if (!s->hash)
            return s;
        if (s->hash == hash && s->len == name.n && memcmp(c->text + s->at, name.p, name.n) == 0)
            return s;
    }
    BUG("a catalog's table is never full");
}

static int add(struct catalog *c, struct slice name, unsigned bits)
{
    BUG_ON(!c || c->sealed);
    if (name.n == 0 || name.n > NAME_MAX_BYTES || memchr(name.p, 0, name.n))
        return ERR_INVALID;
    uint32_t hash = hash_name(name);
    struct catalog_slot *s = &c->slots[find_slot(c, name, hash) - c->slots];
    if (!s->hash) {
        if (c->used == c->used_max || c->text_cap - c->text_n < name.n)
            return ERR_LIMIT;
        memcpy(c->text + c->text_n, name.p, name.n);
        *s = (struct catalog_slot){.hash = hash, .at = c->text_n, .len = (uint8_t)name.n};
        c->text_n += (uint32_t)name.n;
        c->used++;
    }
    s->flags = (uint8_t)(s->flags | bits);
    return 0;
}

static int add_builtin(struct catalog *c)
{
    for (size_t i = 0; i < ARRAY_LEN(node_functions); i++) {
        int rc = add(c, slice_of(node_functions[i]), CATALOG_BIT_UNSAFE);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < ARRAY_LEN(node_relations); i++) {
        int rc = add(c, slice_of(node_relations[i]), CATALOG_BIT_PRIMARY);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* A power of two of slots that n names fill to at most three quarters. */
static size_t slots_for(size_t n)
{
    size_t slots = 16;
    while (slots / 4 * 3 < n)
        slots *= 2;
    return slots;
}

size_t catalog_size(size_t names, size_t text_bytes)
{
    if (names > FUNCTIONS_MAX) /* more is refused as it comes */
        names = FUNCTIONS_MAX;
    size_t builtin = ARRAY_LEN(node_functions) + ARRAY_LEN(node_relations);
    size_t slots = slots_for(names + builtin) * sizeof(struct catalog_slot);
    size_t text = text_bytes + builtin * NAME_MAX_BYTES;
    /* catalog_init gives the table at most a half. */
    return 2 * (slots > text ? slots : text);
}

int catalog_init(struct catalog *c, void *mem, size_t cap)
{
    int rc = catalog_init_plain(c, mem, cap);
    if (rc < 0)
        return rc;
    c->plain = false;
    return add_builtin(c);
}

int catalog_init_plain(struct catalog *c, void *mem, size_t cap)
{
    BUG_ON(!c || (!mem && cap));
    BUG_ON((uintptr_t)mem % _Alignof(struct catalog_slot) != 0);
    size_t slots = 16;
    if (slots * sizeof(struct catalog_slot) > cap / 2)
        return ERR_LIMIT;
    while (slots < (size_t)FUNCTIONS_MAX * 2 && 2 * slots * sizeof(struct catalog_slot) <= cap / 2)
        slots *= 2;
    size_t table = slots * sizeof(struct catalog_slot);
    size_t text_cap = cap - table;
    *c = (struct catalog){
        .slots = mem,
        .mask = (uint32_t)(slots - 1),
        .used_max = (uint32_t)(slots / 4 * 3),
        .plain = true,
        .text = (char *)mem + table,
        .text_cap = text_cap > UINT32_MAX ? UINT32_MAX : (uint32_t)text_cap,
    };
    memset(c->slots, 0, table);
    return 0;
}

int catalog_add_function(struct catalog *c, struct slice name, bool is_volatile)
{
    int rc = add(c, name, is_volatile ? CATALOG_BIT_UNSAFE : CATALOG_BIT_SAFE);
    if (rc == 0)
        c->n_functions++;
    return rc;
}

int catalog_add_relation(struct catalog *c, struct slice name)
{
    int rc = add(c, name, CATALOG_BIT_PRIMARY);
    if (rc == 0)
        c->n_relations++;
    return rc;
}

void catalog_seal(struct catalog *c)
{
    BUG_ON(!c || c->sealed);
    BUG_ON(c->used > c->used_max);
    c->sealed = true;
}

static bool has_node_prefix(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(node_prefixes); i++) {
        size_t n = strlen(node_prefixes[i]);
        if (name.n >= n && memcmp(name.p, node_prefixes[i], n) == 0)
            return true;
    }
    return false;
}

unsigned catalog_lookup(const struct catalog *c, struct slice name)
{
    BUG_ON(!c || !c->sealed);
    if (name.n == 0 || name.n > NAME_MAX_BYTES)
        return 0;
    unsigned bits = find_slot(c, name, hash_name(name))->flags;
    if (c->plain || name.n < 3)
        return bits;
    /* All prefixes begin with one of these three pairs. */
    if ((name.p[0] == 'p' && name.p[1] == 'g') || (name.p[0] == 'l' && name.p[1] == 'o') ||
        (name.p[0] == 'd' && name.p[1] == 'b')) {
        if (has_node_prefix(name))
            bits |= CATALOG_BIT_UNSAFE | (name.p[0] == 'p' ? CATALOG_BIT_PRIMARY : 0U);
    }
    return bits;
}

enum catalog_answer catalog_function(const struct catalog *c, struct slice name)
{
    unsigned bits = catalog_lookup(c, name);
    if (bits & CATALOG_BIT_UNSAFE)
        return CATALOG_UNSAFE;
    return bits & CATALOG_BIT_SAFE ? CATALOG_SAFE : CATALOG_ABSENT;
}

bool catalog_is_primary(const struct catalog *c, struct slice name)
{
    return (catalog_lookup(c, name) & CATALOG_BIT_PRIMARY) != 0;
}
