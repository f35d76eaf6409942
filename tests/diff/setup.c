#include "setup.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
static const char common[] =
    "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC;"
    "CREATE FUNCTION make_role(name text, how text) RETURNS void LANGUAGE plpgsql AS $f$BEGIN"
    " IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN"
    "  EXECUTE format('CREATE ROLE %I %s', name, how); END IF; END$f$;"
    "SELECT make_role('su', $$LOGIN SUPERUSER PASSWORD 'su-secret'$$), make_role('r1', ''), make_role('r2', ''),"
    " make_role('outsider', '');"
    "GRANT r1, r2 TO app;"
    "ALTER ROLE app SET work_mem = '3MB'; ALTER ROLE app SET bytea_output = 'escape';"
    "ALTER DATABASE app SET my.var = ''; ALTER DATABASE app SET my.list = '';"
    "ALTER DATABASE app SET IntervalStyle = 'sql_standard'; ALTER ROLE su IN DATABASE app SET DateStyle = 'SQL, DMY';"
    "CREATE TABLE t (id int PRIMARY KEY, v text, n numeric); INSERT INTO t SELECT i, 'public' || i, i FROM generate_series(1, 9) i;"
    "GRANT SELECT ON t TO PUBLIC;"
    "CREATE TABLE secret (x int); GRANT SELECT ON secret TO r2;"
    "CREATE FUNCTION f_read(name text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$DECLARE n bigint; BEGIN"
    " EXECUTE 'SELECT count(*) FROM ' || name INTO n; RETURN n; END$$;"
    "CREATE FUNCTION f_set(name text, value text, local bool) RETURNS text LANGUAGE plpgsql AS $$BEGIN"
    " RETURN set_config(name, value, local); END$$;"
    "CREATE FUNCTION f_set_stable(name text, value text, local bool) RETURNS text LANGUAGE plpgsql STABLE AS $$BEGIN"
    " RETURN set_config(name, value, local); END$$;"
    "CREATE FUNCTION f_attr() RETURNS text LANGUAGE plpgsql SET work_mem = '2222kB' AS $$BEGIN"
    " RETURN current_setting('work_mem'); END$$;"
    "CREATE FUNCTION f_temp(name text) RETURNS void LANGUAGE plpgsql AS $$BEGIN"
    " EXECUTE 'CREATE TEMP TABLE ' || name || ' (id int, v text)'; END$$;"
    "CREATE FUNCTION f_raise(code text) RETURNS void LANGUAGE plpgsql STABLE AS $$BEGIN"
    " RAISE EXCEPTION 'raised %', code USING ERRCODE = code, HINT = 'none'; END$$;"
    "CREATE FUNCTION f_notice(what text) RETURNS text LANGUAGE plpgsql STABLE AS $$BEGIN"
    " RAISE NOTICE 'noticed %', what; RAISE WARNING 'warned'; RETURN what; END$$;"
    "CREATE FUNCTION f_ins(name text, id int) RETURNS int LANGUAGE plpgsql AS $$BEGIN"
    " EXECUTE 'INSERT INTO ' || name || ' (id, v) VALUES ($1, $2)' USING id, 'f'; RETURN id; END$$;"
    "CREATE FUNCTION ins(name text, id int) RETURNS int LANGUAGE plpgsql AS $$BEGIN"
    " EXECUTE 'INSERT INTO ' || name || ' (id, v) VALUES ($1, $2)' USING id, 'g'; RETURN id; END$$;"
    "CREATE FUNCTION f_ins_stable(name text, id int) RETURNS int LANGUAGE plpgsql STABLE AS $$BEGIN"
    " RETURN ins(name, id); END$$;"
    "CREATE FUNCTION f_who() RETURNS text LANGUAGE sql STABLE AS 'SELECT current_user || ''/'' || session_user';"
    "CREATE FUNCTION f_definer() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS"
    " 'SELECT current_user || ''/'' || session_user';"
    "CREATE PROCEDURE p_commit(name text, id int) LANGUAGE plpgsql AS $$BEGIN"
    " EXECUTE 'INSERT INTO ' || name || ' (id) VALUES ($1)' USING id; COMMIT;"
    " EXECUTE 'INSERT INTO ' || name || ' (id) VALUES ($1)' USING id + 1; END$$;"
    "CREATE PROCEDURE p_fail(name text, id int) LANGUAGE plpgsql AS $$BEGIN"
    " EXECUTE 'INSERT INTO ' || name || ' (id) VALUES ($1)' USING id; COMMIT; RAISE EXCEPTION 'after the commit'; END$$;"
    "CREATE PROCEDURE p_set(value text) LANGUAGE plpgsql AS $$BEGIN"
    " PERFORM set_config('work_mem', value, false); COMMIT; PERFORM set_config('work_mem', '1234kB', false); ROLLBACK; END$$;"
    "CREATE PROCEDURE p_out(a int, INOUT b int) LANGUAGE plpgsql AS $$BEGIN b := a + 1; END$$;";

/* @ is the client. Every role may use the schemas, or a statement that is analysed again on another server is refused at Bind
 * rather than at Execute (doc/next.md). */
static const char own[] =
    "CREATE SCHEMA s@ AUTHORIZATION app; CREATE SCHEMA s@b AUTHORIZATION app;"
    "GRANT USAGE ON SCHEMA s@, s@b TO PUBLIC; GRANT ALL ON SCHEMA s@b TO r2;"
    "SET ROLE app;"
    "CREATE TABLE s@.t (id int PRIMARY KEY, v text NOT NULL DEFAULT 'd', n numeric(10,2) CHECK (n < 1000));"
    "INSERT INTO s@.t SELECT i, 'v' || i, i * 1.5 FROM generate_series(1, 5) i;"
    "CREATE TABLE s@b.t (id int PRIMARY KEY, v text, n int DEFAULT 7);"
    "INSERT INTO s@b.t VALUES (1, 'b1'), (2, 'b2');"
    "GRANT SELECT, INSERT ON s@.t TO r1; GRANT ALL ON s@b.t TO r2;"
    "CREATE TABLE s@.u (a serial PRIMARY KEY, b text, c int UNIQUE DEFERRABLE INITIALLY DEFERRED);"
    "CREATE TABLE s@.empty (x int);"
    "CREATE VIEW s@.view AS SELECT id, v FROM s@.t WHERE id > 2;"
    "CREATE SEQUENCE s@.q;"
    "CREATE TYPE s@.mood AS ENUM ('sad', 'ok', 'happy');"
    "CREATE TABLE s@.typed (a int2, b int8, c float8, d date, e timestamptz, f interval, g bytea, h uuid, i jsonb, j int[],"
    " k bool, l numeric, m s@.mood, n char(5), o inet);"
    "INSERT INTO s@.typed VALUES (1, 2, 1.5, '2024-02-03', '2024-02-03 04:05:06+00', '1 day 2 hours', '\\x00ff', "
    " '00000000-0000-0000-0000-000000000001', '{\"a\": [1]}', '{1,2,NULL}', true, 12.50, 'ok', 'ab', '10.0.0.1/8'),"
    " (2, NULL, 'NaN', 'infinity', '1999-12-31 23:59:59.999-05', '-1 mon', '', NULL, 'null', '{}', false, 'NaN', 'sad', '', NULL);"
    "RESET ROLE;";
/* clang-format on */

void setup_run(struct link *l, int n_clients)
{
    struct buf sql = {0};
    setup_end(l);
    buf_adds(&sql, "SET lock_timeout = '20s';");
    for (int i = 0; i < n_clients; i++)
        buf_addf(&sql, "DROP SCHEMA IF EXISTS s%d, s%db CASCADE;", i, i);
    buf_cstr(&sql, common);
    link_value(l, (char *)sql.p);
    buf_free(&sql);
}

static void add_own(struct buf *sql, int client)
{
    for (const char *c = own; *c; c++) {
        if (*c == '@')
            buf_addf(sql, "%d", client);
        else
            buf_u8(sql, (uint8_t)*c);
    }
}

void setup_end(struct link *l)
{
    char sql[128];
    for (;;) {
        snprintf(
            sql, sizeof(sql), "%s",
            link_value(
                l, "SELECT format('ROLLBACK PREPARED %L', gid) FROM pg_prepared_xacts LIMIT 1"));
        if (!sql[0])
            return;
        link_value(l, sql);
    }
}

void setup_round(struct link *l, int n_clients)
{
    struct buf sql = {0};
    setup_end(l);
    for (int i = 0; i < n_clients; i++)
        buf_addf(&sql, "DROP SCHEMA IF EXISTS s%d, s%db CASCADE;", i, i);
    buf_adds(&sql, "SELECT lo_unlink(oid) FROM pg_largeobject_metadata;");
    for (int i = 0; i < n_clients; i++)
        add_own(&sql, i);
    buf_u8(&sql, 0);
    link_value(l, (char *)sql.p);
    buf_free(&sql);
}

const char *setup_digest(struct link *l, int client)
{
    char sql[800];
    snprintf(sql, sizeof(sql),
             "SELECT md5(string_agg(x, ';' ORDER BY x COLLATE \"C\")) FROM ("
             "SELECT 't' || t::text AS x FROM s%d.t t UNION ALL SELECT 'b' || t::text FROM s%db.t "
             "t UNION ALL "
             "SELECT 'u' || u::text FROM s%d.u u UNION ALL SELECT 'q' || last_value FROM s%d.q "
             "UNION ALL "
             "SELECT 'r' || relname || relkind::text FROM pg_class WHERE relnamespace IN "
             "('s%d'::regnamespace, "
             "'s%db'::regnamespace)) y",
             client, client, client, client, client, client);
    return link_value(l, sql);
}
