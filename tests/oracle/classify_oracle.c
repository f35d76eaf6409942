/* Classification against PostgreSQL itself: its grammar (libpg_query) and the analysis of a live server.
 *
 *   classify_oracle CONNINFO STATEMENTS.json [MUTANTS] [SEED]
 *
 * STATEMENTS.json is a server's log in JSON with log_statement = all: what psql sent while it ran PostgreSQL's regression
 * scripts. The statements run again, in that order and in sessions as they were, on the empty database of CONNINFO (which
 * must be of a superuser). Before each of them, with all objects as they are then, the classifier is asked, with a catalog
 * loaded by its own query; and the oracle, for the same statement and for MUTANTS others made from its tokens and those of
 * some other statement. The oracle takes the statement for safe on a replica if
 *   - the grammar sees only queries, EXPLAIN of queries and COPY of queries to the client, without INTO and row locks;
 *   - the server's analysis of them (a function with the query as its body is made and undone, and the tree of that body
 *     read) calls only functions, operators, casts, types' input and output that are not volatile, whatever overload they
 *     resolve to, and reads only permanent relations, views resolved and policies included.
 * If the server refuses the statement, the oracle has no say: every node would.
 *
 * Fails if the classifier called anything a read that the oracle does not take for safe, or sends more than 3 % of what is
 * safe to the primary. */
#include <jansson.h>
#include <libpq-fe.h>
#include <pg_query.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../proxy/core/catalog.h"
#include "../../proxy/core/classify.h"
#include "../../proxy/core/sqllex.h"
#include "../../replication/base/attrs.h"
#include "../../replication/base/bug.h"
#include "../../replication/base/prng.h"
#include "../../replication/base/str.h"

enum {
    STATEMENTS_MAX = 200000,
    TOKENS_MAX = 4096,
    TEXT_MAX = 1 << 17,
    TALLY_MAX = 512,
    SHOW_MAX = 60
};

struct statement {
    char *sql;
    long session;
};

struct tally {
    char key[96];
    unsigned n;
    char example[160];
};

/* What the oracle says. */
enum say { SAY_NOTHING, SAY_SAFE, SAY_WRITE };
struct opinion {
    enum say say;
    bool parsed;
    char why[128];
};

static struct statement *all;
static int n_all;
static PGconn *db;
static struct catalog catalog, builtin;
static void *catalog_mem;
static bool stale = true;
static bool wrote; /* the oracle takes the last statement for a write */
static struct tally needless[TALLY_MAX], silent[TALLY_MAX];
static struct {
    unsigned long statements, safe, needless, reads, wrong, silent, loads;
    unsigned long mutants, mutants_read, mutants_parsed, mutants_safe, mutants_wrong;
} count;

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, db ? PQerrorMessage(db) : "");
    exit(2);
}

static void tally_add(struct tally *t, const char *key, const char *example)
{
    for (int i = 0; i < TALLY_MAX; i++) {
        if (t[i].n && strncmp(t[i].key, key, sizeof(t[i].key) - 1) != 0)
            continue;
        if (!t[i].n) {
            snprintf(t[i].key, sizeof(t[i].key), "%s", key);
            snprintf(t[i].example, sizeof(t[i].example), "%s", example);
        }
        t[i].n++;
        return;
    }
}

static int tally_order(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    return x->n < y->n ? 1 : x->n > y->n ? -1 : 0;
}

static void tally_print(struct tally *t, const char *title)
{
    qsort(t, TALLY_MAX, sizeof(*t), tally_order);
    printf("# %s\n", title);
    for (int i = 0; i < SHOW_MAX && t[i].n; i++) {
        for (char *p = t[i].example; *p; p++)
            if (*p == '\n' || *p == '\r')
                *p = ' ';
        printf("# %6u  %-50s %s\n", t[i].n, t[i].key, t[i].example);
    }
}

/* ---- The statements ---------------------------------------------------------------------------------------------- */

static void load_statements(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        die(path);
    all = calloc(STATEMENTS_MAX, sizeof(*all));
    char *line = NULL;
    size_t cap = 0;
    static const char mark[] = "statement: ";
    while (all && getline(&line, &cap, f) > 0 && n_all < STATEMENTS_MAX) {
        json_error_t e;
        json_t *j = json_loads(line, JSON_ALLOW_NUL, &e);
        const char *m = json_string_value(json_object_get(j, "message"));
        const char *dbname = json_string_value(json_object_get(j, "dbname"));
        if (m && dbname && strcmp(dbname, "regression") == 0 &&
            strncmp(m, mark, sizeof(mark) - 1) == 0) {
            all[n_all].sql = strdup(m + sizeof(mark) - 1);
            all[n_all++].session = (long)json_integer_value(json_object_get(j, "pid"));
        }
        json_decref(j);
    }
    free(line);
    fclose(f);
}

/* ---- The server -------------------------------------------------------------------------------------------------- */

static void no_notices(void *arg, const PGresult *r)
{
    (void)arg;
    (void)r;
}

static void reconnect(const char *conninfo)
{
    PQfinish(db);
    db = PQconnectdb(conninfo);
    if (PQstatus(db) != CONNECTION_OK)
        die("connect");
    PQsetNoticeReceiver(db, no_notices, NULL);
}

static bool quiet(const char *sql)
{
    PGresult *r = PQexec(db, sql);
    const bool ok = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;
    PQclear(r);
    return ok;
}

/* Around what the oracle does. False: the transaction has failed, nothing can be asked. */
static bool step_in(void)
{
    switch (PQtransactionStatus(db)) {
    case PQTRANS_IDLE:
        return quiet("BEGIN READ WRITE");
    case PQTRANS_INTRANS:
        return quiet("SAVEPOINT tanist_oracle");
    case PQTRANS_ACTIVE:
    case PQTRANS_INERROR:
    case PQTRANS_UNKNOWN:
    default:
        return false;
    }
}

static void step_out(bool was_idle)
{
    if (!quiet(was_idle ? "ROLLBACK" : "ROLLBACK TO tanist_oracle; RELEASE tanist_oracle"))
        die("rollback");
}

static bool load_catalog(void)
{
    static char sql[CATALOG_SQL_MAX];
    const bool idle = PQtransactionStatus(db) == PQTRANS_IDLE;
    if (!step_in())
        return false;
    quiet("SET LOCAL jit = off");
    quiet("SET LOCAL statement_timeout = 0");
    struct strbuf b;
    strbuf_init(&b, sql, sizeof(sql));
    catalog_write_sql(&b);
    PGresult *r = PQexec(db, sql);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        die("catalog");
    size_t bytes = 0;
    const int n = PQntuples(r);
    for (int i = 0; i < n; i++)
        bytes += (size_t)PQgetlength(r, i, 1) + 1;
    const size_t cap = catalog_size((size_t)n, bytes);
    free(catalog_mem);
    catalog_mem = malloc(cap);
    if (!catalog_mem || catalog_init(&catalog, catalog_mem, cap) < 0)
        die("no memory");
    for (int i = 0; i < n; i++) {
        const int rc = catalog_add_row(&catalog, PQgetvalue(r, i, 0), slice_of(PQgetvalue(r, i, 1)),
                                       (unsigned)strtoul(PQgetvalue(r, i, 2), NULL, 10));
        (void)rc;
    }
    catalog_seal(&catalog);
    PQclear(r);
    step_out(idle);
    stale = false;
    count.loads++;
    return true;
}

/* The statement itself, whatever comes of it. */
static void run(const char *sql)
{
    static const char *const calm[] = {"SELECT", "INSERT",  "UPDATE",     "DELETE",    "MERGE",
                                       "SHOW",   "EXPLAIN", "BEGIN",      "FETCH",     "MOVE",
                                       "CLOSE",  "COPY",    "ANALYZE",    "SET",       "DECLARE",
                                       "RESET",  "PREPARE", "DEALLOCATE", "SAVEPOINT", "LOCK"};
    if (!PQsendQuery(db, sql))
        return;
    PGresult *r;
    while ((r = PQgetResult(db))) {
        const ExecStatusType s = PQresultStatus(r);
        if (s == PGRES_COPY_IN)
            (void)PQputCopyEnd(db, NULL);
        if (s == PGRES_COPY_OUT) {
            char *row;
            while (PQgetCopyData(db, &row, 0) > 0)
                PQfreemem(row);
        }
        if (s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK) {
            const char *tag = PQcmdStatus(r);
            bool still = false;
            for (size_t i = 0; i < ARRAY_LEN(calm); i++)
                still |= strncmp(tag, calm[i], strlen(calm[i])) == 0;
            /* CREATE TABLE AS and SELECT INTO; and a function may have done anything. */
            const bool query = tag[0] == 'S' || strncmp(tag, "EX", 2) == 0;
            stale |= !still ||
                     (query && (wrote || strcasestr(sql, "create") || strcasestr(sql, "into")));
        }
        PQclear(r);
    }
}

/* ---- The grammar ------------------------------------------------------------------------------------------------- */

static bool has_key(const json_t *node, const char *const *keys)
{
    if (json_is_array(node)) {
        for (size_t i = 0; i < json_array_size(node); i++)
            if (has_key(json_array_get(node, i), keys))
                return true;
        return false;
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)node, key, value)
    {
        for (const char *const *k = keys; *k; k++)
            if (strcmp(key, *k) == 0)
                return true;
        if (has_key(value, keys))
            return true;
    }
    return false;
}

static const char *const writing[] = {"intoClause", "lockingClause", "InsertStmt", "UpdateStmt",
                                      "DeleteStmt", "MergeStmt",     NULL};

/* Where the query of EXPLAIN or COPY begins: behind the options; or NULL. *to is moved before the parenthesis that closes
 * COPY's. */
static const char *inner_query(const char *from, const char **to, bool copy)
{
    struct lexer lx;
    lex_init(&lx, (struct slice){from, (size_t)(*to - from)}, false);
    struct lex_token t = lex_next(&lx); /* EXPLAIN or COPY */
    t = lex_next(&lx);
    if (!copy) {
        const struct lexer before = lx;
        if (lex_is_punct(&t, '(')) {
            struct lex_token first = lex_next(&lx);
            if (lex_is_punct(&first, '(') || lex_is(&first, "select") || lex_is(&first, "with") ||
                lex_is(&first, "values") || lex_is(&first, "table")) {
                lx = before;
                return t.text.p;
            }
            int depth = 1;
            while (depth > 0 && first.kind != LEX_END && first.kind != LEX_ERROR) {
                first = lex_next(&lx);
                depth += lex_is_punct(&first, '(') - lex_is_punct(&first, ')');
            }
            return lex_next(&lx).text.p;
        }
        while (lex_is(&t, "analyze") || lex_is(&t, "analyse") || lex_is(&t, "verbose"))
            t = lex_next(&lx);
        return t.text.p;
    }
    if (!lex_is_punct(&t, '('))
        return NULL;
    const char *begin = t.text.p + 1;
    int depth = 1;
    while (depth > 0 && t.kind != LEX_END && t.kind != LEX_ERROR) {
        t = lex_next(&lx);
        depth += lex_is_punct(&t, '(') - lex_is_punct(&t, ')');
    }
    *to = t.text.p;
    return begin;
}

/* ---- The oracle -------------------------------------------------------------------------------------------------- */

/* All objects that a stored tree names, views, policies, partitions, domains and so on resolved. */
static const char objects_sql[] =
    "WITH RECURSIVE want(kind, id) AS ("
    "SELECT CASE WHEN m[1] = 'relid' THEN 'r' WHEN m[1] ~ 'fn?oid|fnoid|func' THEN 'f' WHEN m[1] ~ "
    "'op' AND m[1] !~ 'type' THEN 'o' ELSE 't' END, m[2]::oid"
    " FROM pg_catalog.regexp_matches($1, "
    "':(relid|funcid|aggfnoid|winfnoid|opfuncid|tsmhandler|opno|eqop|sortop|vartype|consttype|"
    "resulttype|"
    "funcresulttype|opresulttype|minmaxtype|row_typeid) ([0-9]+)', 'g') m WHERE m[2] <> '0'"
    " UNION SELECT x.kind, x.id FROM want w CROSS JOIN LATERAL ("
    "SELECT CASE WHEN m[1] = 'relid' THEN 'r' WHEN m[1] ~ 'fn?oid|fnoid|func' THEN 'f' WHEN m[1] ~ "
    "'op' AND m[1] !~ 'type' THEN 'o' ELSE 't' END, m[2]::oid"
    " FROM (SELECT r.ev_action::text FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON "
    "c.oid = r.ev_class"
    " WHERE w.kind = 'r' AND r.ev_class = w.id AND r.ev_type = '1' AND c.relkind = 'v'"
    " UNION ALL SELECT l.polqual::text FROM pg_catalog.pg_policy l JOIN pg_catalog.pg_class c ON "
    "c.oid = l.polrelid"
    " WHERE w.kind = 'r' AND l.polrelid = w.id AND c.relrowsecurity"
    " UNION ALL SELECT k.conbin::text FROM pg_catalog.pg_constraint k WHERE w.kind = 't' AND "
    "k.contypid = w.id"
    " UNION ALL SELECT p.prosqlbody::text FROM pg_catalog.pg_proc p WHERE w.kind = 'f' AND p.oid = "
    "w.id) t(tree),"
    " pg_catalog.regexp_matches(t.tree, "
    "':(relid|funcid|aggfnoid|winfnoid|opfuncid|tsmhandler|opno|eqop|sortop|vartype|consttype|"
    "resulttype|"
    "funcresulttype|opresulttype|minmaxtype|row_typeid) ([0-9]+)', 'g') m WHERE m[2] <> '0'"
    " UNION ALL SELECT 'r', i.inhrelid FROM pg_catalog.pg_inherits i WHERE w.kind = 'r' AND "
    "i.inhparent = w.id"
    " UNION ALL SELECT 'f', f FROM pg_catalog.pg_aggregate a, "
    "pg_catalog.unnest(ARRAY[a.aggtransfn, a.aggfinalfn]::oid[]) f"
    " WHERE w.kind = 'f' AND a.aggfnoid = w.id AND f <> 0"
    " UNION ALL SELECT 'f', o.oprcode::oid FROM pg_catalog.pg_operator o WHERE w.kind = 'o' AND "
    "o.oid = w.id AND o.oprcode <> 0"
    " UNION ALL SELECT 't', t FROM pg_catalog.pg_type y, pg_catalog.unnest(ARRAY[y.typbasetype, "
    "y.typelem]) t WHERE w.kind = 't' AND y.oid = w.id AND t <> 0"
    " UNION ALL SELECT 'f', f FROM pg_catalog.pg_type y, pg_catalog.unnest(ARRAY[y.typinput, "
    "y.typoutput]::oid[]) f WHERE w.kind = 't' AND y.oid = w.id AND f <> 0"
    ") x(kind, id))"
    " SELECT 'f', p.proname, CASE WHEN p.oid < 16384 THEN 'b' ELSE 'u' END, p.provolatile::text, "
    "p.prokind::text FROM want JOIN pg_catalog.pg_proc p ON kind = 'f' AND p.oid = id"
    " UNION ALL SELECT 'r', c.relname, CASE WHEN c.oid < 16384 THEN 'b' ELSE 'u' END, "
    "c.relpersistence::text, c.relkind::text FROM want JOIN pg_catalog.pg_class c ON kind = 'r' "
    "AND c.oid = id";

/* The functions of PostgreSQL that only look volatile. */
static bool is_harmless(const char *name)
{
    static const char *const names[] = {"random",
                                        "clock_timestamp",
                                        "timeofday",
                                        "pg_sleep",
                                        "pg_sleep_for",
                                        "pg_sleep_until",
                                        "gen_random_uuid",
                                        "pg_relation_size",
                                        "pg_table_size",
                                        "pg_indexes_size",
                                        "pg_database_size",
                                        "pg_total_relation_size",
                                        "current_query",
                                        "pg_tablespace_size",
                                        "amvalidate",
                                        "pg_partition_tree",
                                        "bernoulli",
                                        "system",
                                        "pg_partition_ancestors"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static bool object_is_safe(const PGresult *r, int i, char *why, size_t why_n)
{
    const char *name = PQgetvalue(r, i, 1);
    const bool own = PQgetvalue(r, i, 2)[0] == 'b';
    const char a = PQgetvalue(r, i, 3)[0], kind = PQgetvalue(r, i, 4)[0];
    if (PQgetvalue(r, i, 0)[0] == 'f') {
        const bool node = own && catalog_function(&builtin, slice_of(name)) == CATALOG_UNSAFE;
        snprintf(why, why_n, "%sfunction %s", node ? "node's " : a == 'v' ? "volatile " : "", name);
        return !node && (a != 'v' || (own && is_harmless(name)));
    }
    const bool node = own && catalog_is_primary(&builtin, slice_of(name));
    snprintf(why, why_n, "relation %s, %c%c", name, a, kind);
    return !node && a == 'p' && strchr("rpvmit", kind) != NULL;
}

/* One query: what the server makes of it. */
static enum say analyse(struct slice query, char *why, size_t why_n)
{
    static char sql[TEXT_MAX + 256];
    const bool idle = PQtransactionStatus(db) == PQTRANS_IDLE;
    if (query.n > TEXT_MAX || !step_in()) {
        snprintf(why, why_n, "cannot ask");
        return SAY_NOTHING;
    }
    snprintf(sql, sizeof(sql),
             "CREATE FUNCTION pg_temp.tanist_oracle() RETURNS void LANGUAGE sql BEGIN ATOMIC "
             "%.*s\n; END",
             (int)query.n, query.p);
    enum say say = SAY_NOTHING;
    PGresult *r = PQexec(db, sql);
    if (PQresultStatus(r) == PGRES_COMMAND_OK) {
        PQclear(r);
        r = PQexec(db, "SELECT prosqlbody::text FROM pg_catalog.pg_proc WHERE oid = "
                       "'pg_temp.tanist_oracle'::pg_catalog.regproc");
        if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1)
            die("prosqlbody");
        char *body = strdup(PQgetvalue(r, 0, 0));
        PQclear(r);
        const char *params[] = {body};
        r = PQexecParams(db, objects_sql, 1, NULL, params, NULL, NULL, 0);
        if (PQresultStatus(r) != PGRES_TUPLES_OK)
            die("objects");
        say = SAY_SAFE;
        for (int i = 0; i < PQntuples(r) && say == SAY_SAFE; i++) {
            if (!object_is_safe(r, i, why, why_n))
                say = SAY_WRITE;
        }
        free(body);
    } else {
        snprintf(why, why_n, "%s %.60s",
                 PQresultErrorField(r, PG_DIAG_SQLSTATE) ? PQresultErrorField(r, PG_DIAG_SQLSTATE)
                                                         : "",
                 PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY)
                     ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY)
                     : "");
    }
    PQclear(r);
    step_out(idle);
    return say;
}

static enum say one_statement(const char *sql, const json_t *raw, char *why, size_t why_n)
{
    const json_t *stmt = json_object_get(raw, "stmt");
    const long at = (long)json_integer_value(json_object_get(raw, "stmt_location"));
    const long len = (long)json_integer_value(json_object_get(raw, "stmt_len"));
    const char *from = sql + at, *to = len ? from + len : sql + strlen(sql);
    const char *kind = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)stmt));
    static char table[1024];
    snprintf(why, why_n, "%s", kind ? kind : "nothing");
    if (!kind || has_key(stmt, writing))
        return SAY_WRITE;
    if (strcmp(kind, "SelectStmt") == 0)
        return analyse((struct slice){from, (size_t)(to - from)}, why, why_n);
    const json_t *inner = json_object_get(stmt, kind);
    const json_t *query = json_object_get(inner, "query");
    if (strcmp(kind, "ExplainStmt") == 0 && json_object_get(query, "SelectStmt")) {
        from = inner_query(from, &to, false);
        return analyse((struct slice){from, (size_t)(to - from)}, why, why_n);
    }
    if (strcmp(kind, "CopyStmt") != 0 || json_object_get(inner, "is_from") ||
        json_object_get(inner, "filename") || json_object_get(inner, "is_program"))
        return SAY_WRITE;
    if (query) {
        from = json_object_get(query, "SelectStmt") ? inner_query(from, &to, true) : NULL;
        return from ? analyse((struct slice){from, (size_t)(to - from)}, why, why_n) : SAY_WRITE;
    }
    const json_t *rel = json_object_get(inner, "relation");
    const char *schema = json_string_value(json_object_get(rel, "schemaname"));
    snprintf(table, sizeof(table), "SELECT * FROM %s%s%s\"%s\"", schema ? "\"" : "",
             schema ? schema : "", schema ? "\"." : "",
             json_string_value(json_object_get(rel, "relname")));
    return analyse(slice_of(table), why, why_n);
}

static struct opinion ask(const char *sql)
{
    struct opinion o = {.say = SAY_NOTHING};
    PgQueryParseResult r = pg_query_parse(sql);
    json_error_t e;
    json_t *tree = r.error ? NULL : json_loads(r.parse_tree, 0, &e);
    snprintf(o.why, sizeof(o.why), "syntax error");
    if (tree) {
        const json_t *stmts = json_object_get(tree, "stmts");
        o.parsed = true;
        o.say = SAY_SAFE;
        for (size_t i = 0; i < json_array_size(stmts) && o.say != SAY_WRITE; i++) {
            const enum say s = one_statement(sql, json_array_get(stmts, i), o.why, sizeof(o.why));
            if (s == SAY_WRITE || o.say == SAY_SAFE)
                o.say = s;
        }
        json_decref(tree);
    }
    pg_query_free_parse_result(r);
    return o;
}

/* ---- Comparing --------------------------------------------------------------------------------------------------- */

static bool backslash;

static struct classification classify(const char *sql)
{
    struct classification c;
    const struct classify_opts opts = {.backslash = backslash};
    classify_sql(slice_of(sql), &catalog, &opts, &c);
    return c;
}

/* Loading the catalog takes longer than all the rest, so one from before the last changes is good enough where it leads
 * to what the oracle says and does not know a name too few. */
static bool good_enough(const struct classification *c, const struct opinion *o)
{
    const bool read = c->bits == CLASS_READ;
    return o->say == SAY_NOTHING
               ? !read
               : read == (o->say == SAY_SAFE) && c->reason != REASON_UNKNOWN_FUNCTION;
}

static void compare(const char *sql)
{
    char key[96];
    static int since;
    count.statements++;
    struct classification c = classify(sql);
    const struct opinion o = ask(sql);
    if (stale && (++since > 25 || !good_enough(&c, &o)) &&
        PQtransactionStatus(db) != PQTRANS_INERROR) {
        (void)load_catalog();
        since = 0;
        c = classify(sql);
    }
    count.reads += c.bits == CLASS_READ;
    wrote = o.say == SAY_WRITE;
    if (o.say == SAY_NOTHING && o.parsed) {
        count.silent++;
        tally_add(silent, o.why, sql);
    }
    if (o.say == SAY_SAFE)
        count.safe++;
    if (o.say == SAY_WRITE && c.bits == CLASS_READ && !c.empty) {
        count.wrong++;
        printf("WRONG: a read, but the oracle says %s: [%s]\n", o.why, sql);
    }
    if (o.say == SAY_SAFE && c.bits != CLASS_READ) {
        count.needless++;
        snprintf(key, sizeof(key), "%s %.*s", classify_reason_name(c.reason),
                 (int)(c.token.n < 40 ? c.token.n : 40), c.token.n ? c.token.p : "");
        tally_add(needless, key, sql);
    }
}

/* Whether it begins as a query, EXPLAIN or COPY, or goes on after the first statement. */
static bool may_ask(const char *sql)
{
    static const char *const words[] = {"select", "with", "values", "table", "explain", "copy"};
    struct lexer lx;
    lex_init(&lx, slice_of(sql), false);
    struct lex_token t;
    do
        t = lex_next(&lx);
    while (lex_is_punct(&t, '(') || t.kind == LEX_SEMI);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (lex_is(&t, words[i]))
            return true;
    }
    return false;
}

static int tokens_of(const char *sql, struct slice *tokens)
{
    struct lexer lx;
    lex_init(&lx, slice_of(sql), false);
    int n = 0;
    for (; n < TOKENS_MAX; n++) {
        struct lex_token t = lex_next(&lx);
        if (t.kind == LEX_END || t.kind == LEX_ERROR)
            break;
        tokens[n] = t.text;
    }
    return n;
}

/* A tail for a tail, tokens for tokens, an insertion, a gap, or two tokens swapped. */
static bool mutate(struct prng *rng, const char *sql, char *to, size_t cap)
{
    static struct slice a[TOKENS_MAX], b[TOKENS_MAX];
    const int na = tokens_of(sql, a);
    const int nb = tokens_of(all[prng_below(rng, (uint32_t)n_all)].sql, b);
    if (na == 0 || nb == 0)
        return false;
    const int cut = (int)prng_below(rng, (uint32_t)na), from = (int)prng_below(rng, (uint32_t)nb);
    const uint32_t how = prng_below(rng, 6);
    int take = how == 0 ? nb - from : how == 3 ? 0 : 1 + (int)prng_below(rng, how == 4 ? 1 : 4);
    int resume = how == 0   ? na
                 : how == 2 ? cut
                 : how == 4 ? cut + 1
                            : cut + 1 + (int)prng_below(rng, 3);
    if (how == 5) { /* another token of its own */
        memcpy(b, a, sizeof(*a) * (size_t)na);
        take = 1;
        resume = cut + 1;
    }
    struct strbuf out;
    strbuf_init(&out, to, cap);
    for (int k = 0; k < cut; k++)
        strbuf_addf(&out, "%.*s ", (int)a[k].n, a[k].p);
    for (int k = how == 5 ? (int)prng_below(rng, (uint32_t)na) : from, end = k + take;
         k < end && k < (how == 5 ? na : nb); k++)
        strbuf_addf(&out, "%.*s ", (int)b[k].n, b[k].p);
    for (int k = resume; k < na; k++)
        strbuf_addf(&out, "%.*s ", (int)a[k].n, a[k].p);
    return !out.truncated;
}

static void compare_mutants(struct prng *rng, const char *sql, int n)
{
    static char text[TEXT_MAX];
    for (int i = 0; i < n; i++) {
        if (!mutate(rng, sql, text, sizeof(text)))
            continue;
        count.mutants++;
        const struct classification c = classify(text);
        if (c.bits != CLASS_READ || c.empty)
            continue;
        count.mutants_read++;
        const struct opinion o = ask(text);
        count.mutants_parsed += o.parsed;
        count.mutants_safe += o.say == SAY_SAFE;
        if (o.say == SAY_WRITE) {
            count.mutants_wrong++;
            printf("WRONG: a read, but the oracle says %s: [%s]\n", o.why, text);
        }
    }
}

static void report(bool with_mutants)
{
    const double share = 100.0 * (double)count.needless / (double)(count.safe ? count.safe : 1);
    tally_print(needless, "sent to the primary needlessly, by reason");
    if (getenv("TANIST_ORACLE_VERBOSE"))
        tally_print(silent, "no say, by the server's refusal");
    printf("# %lu statements, %lu of them safe for the oracle, no say about %lu; %lu called a "
           "read; %lu loads of the catalog\n",
           count.statements, count.safe, count.silent, count.reads, count.loads);
    if (with_mutants)
        printf("# %lu mutants, %lu called a read, %lu of these parsed and %lu safe\n",
               count.mutants, count.mutants_read, count.mutants_parsed, count.mutants_safe);
    printf("%s 1 - never a read where the oracle says write (%lu and %lu are)\n",
           count.wrong + count.mutants_wrong ? "not ok" : "ok", count.wrong, count.mutants_wrong);
    printf("%s 2 - to the primary needlessly: %lu of %lu, %.2f %%, less than 3\n",
           share < 3 ? "ok" : "not ok", count.needless, count.safe, share);
    printf("1..2\n");
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: classify_oracle CONNINFO STATEMENTS.json [MUTANTS] [SEED]\n");
        return 2;
    }
    const long mutants = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
    struct prng rng;
    prng_init(&rng, argc > 4 ? strtoull(argv[4], NULL, 10) : 1);
    static _Alignas(16) char mem[64 * 1024];
    BUG_ON(catalog_init(&builtin, mem, sizeof(mem)) < 0);
    catalog_seal(&builtin);
    setvbuf(stdout, NULL, _IOLBF, 0);
    load_statements(argv[2]);
    long session = -1;
    for (int i = 0; i < n_all; i++) {
        if (i % 2000 == 0)
            fprintf(stderr, "# %d of %d\n", i, n_all);
        if (all[i].session != session || PQstatus(db) != CONNECTION_OK) {
            reconnect(argv[1]);
            session = all[i].session;
            stale = true;
        }
        backslash = strcmp(PQparameterStatus(db, "standard_conforming_strings"), "off") == 0;
        /* Of statements that are no query, the grammar knows all there is to know. */
        const bool asks = may_ask(all[i].sql);
        if (asks && PQtransactionStatus(db) != PQTRANS_INERROR) {
            if (!count.loads)
                (void)load_catalog();
            compare(all[i].sql);
            const long due =
                stale ? 0 : (long)((double)mutants * (i + 1) / n_all) - (long)count.mutants;
            if (due > 0)
                compare_mutants(&rng, all[i].sql, (int)(due < 500 ? due : 500));
        }
        run(all[i].sql);
    }
    report(mutants > 0);
    const bool ok =
        count.wrong == 0 && count.mutants_wrong == 0 && count.needless * 100 < count.safe * 3;
    PQfinish(db);
    free(catalog_mem);
    return ok ? 0 : 1;
}
