#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../proxy/core/classify.h"
#include "../../replication/base/attrs.h"
#include "../../replication/base/err.h"
#include "classify_catalog.h"

static struct classification classify(const char *sql)
{
    struct classification c;
    classify_sql(slice_of(sql), classify_test_catalog(), NULL, &c);
    return c;
}

/* What certainly reads: nothing else may be said of it. */
static const char *const reads[] = {
    "",
    ";",
    " ; ; ",
    "-- nothing",
    "/* nothing */",
    "select 1",
    "SELECT 1;",
    "SELECT",
    "select * from t",
    "select * from public.t",
    "select a, b as c from t x where x.a = $1 order by b desc limit 10 offset 5",
    "select distinct a from t",
    "select distinct on (a) a, b from t",
    "select distinct on (a) lower(b) from t",
    "select all (a) from t",
    "select count(*), sum(a), avg(b) from t group by c having count(*) > 1",
    "select now(), clock_timestamp(), random()",
    "select lower('x'), UPPER('y'), LeFt('abc', 1)",
    "select pg_catalog.lower('x')",
    "select \"lower\"('x')",
    "select \"Quoted\"(1)",
    "select coalesce(a, b), nullif(a, b), greatest(1, 2), least(1, 2) from t",
    "select cast(a as numeric(10,2)), cast(b as varchar(10)), cast(c as char(1)) from t",
    "select a::numeric(10, 2), b::varchar(5), c::timestamp(3), d::bit(3), e::time(6) from t",
    "select a::geometry(Point, 4326), b::public.vector(3) from t",
    "select cast(a as public.geometry(point, 4326)) from t",
    "select a::character varying(10), b::bit varying(5), c::interval day to second from t",
    "select interval(0) '1 day', numeric '1.5', date '2020-01-01'",
    "select extract(epoch from now()), overlay('abc' placing 'x' from 2 for 1)",
    "select substring('abc' from 1 for 2)",
    "select substring('abc' for 2)",
    "select substring((select b from t) from 1 for length(c)) from t",
    "select substring(a, 1, 2), substring(a similar 'x' escape '#') from t",
    "select trim(both 'x' from a), trim(a), position('a' in b) from t",
    "select row(1, 2), (1, 2) = (3, 4), array[1, 2], array(select a from t)",
    "select exists (select 1 from t), a in (1, 2), a = any (array[1]), a = all (select 1), a = "
    "some (select 1) from t",
    "select case when a then f(b) else g(c) end from t",
    "select case when (a) then (b) else (c) end from t",
    "select current_user, session_user, current_date, current_timestamp, localtimestamp(3), "
    "current_time(2)",
    "select current_schema(), current_database()",
    "select collation for ('x')",
    "select a collate \"C\" from t",
    "select a at time zone 'utc', a at time zone (b) from t",
    "select (t).a, (t).*, t.* from t",
    "select t.update, t.delete, t.into from t",
    "select a[1], a[1:2], a[f(1):g(2)] from t",
    "select 'delete from t', $$ update t $$, \"insert\" from t",
    "select 'it''s', E'a\\'b', U&'\\0041', B'01', X'ff', N'x', $1",
    "select 1 -- delete\n, 2 /* update /* nested */ */",
    "select e'x' 'y'\n'z'",
    "select a from t where a like ('x') and b ilike ('y') or not (c) and d similar to ('z')",
    "select a from t where a between (1) and (2) and b is not null and (c, d) overlaps (e, f)",
    "select a from t where a like 'x' escape ('#')",
    "select count(*) filter (where a > 1) from t",
    "select rank() over (partition by a order by b), sum(x) over w from t window w as (order by a)",
    "select sum(x) over (order by a rows between 1 preceding and current row exclude ties) from t",
    "select percentile_cont(0.5) within group (order by a) from t",
    "select string_agg(a, ',' order by b) from t",
    "select a from t group by rollup (a, b)",
    "select a from t group by cube (a), grouping sets ((a), (b), ())",
    "select grouping(a) from t group by (a)",
    "select a from t order by a using <",
    "select a from t order by (a) nulls first",
    "select a from t fetch first (5) rows only",
    "select a from t offset (5) rows fetch next row with ties",
    "select a from t limit (select 1)",
    "select a from t for read only",
    "select a from only t, only (u)",
    "select * from t tablesample bernoulli (10) repeatable (1)",
    "select * from t tablesample system (f(1))",
    "select * from a join b using (x), c left join d on (c.y = d.y) cross join e natural join f",
    "select * from a join (b join c on true) on (true)",
    "select * from a, lateral (select f(a.x)) s",
    "select * from f(1) as x",
    "select * from f(1) with ordinality as x(a, b)",
    "select * from f(1) with ordinality x(a, b)",
    "select * from generate_series(1, 3) g(i)",
    "select * from generate_series(1, 3) as g(i)",
    "select * from (select 1) t(a), (values (1)) as v(b)",
    "select * from (values (1, 2), (3, 4)) v(x, y)",
    "select * from a join (select 1) b(x) on true",
    "select * from lateral (select 1) b(x)",
    "select * from rows from (f(1), g(2)) as x(a, b)",
    "select * from json_to_record('{}') as x(a int, b numeric(10,2), c text)",
    "select * from t as x(a, b)",
    "select * from xmltable('/a' passing b columns c int path '@c', n for ordinality)",
    "select xmlelement(name foo, xmlattributes(a as b), xmlforest(c, d)), xmlparse(document e) "
    "from t",
    "select xmlserialize(content a as varchar(10)), xmlpi(name b), xmlconcat(c, d), xmlroot(e, "
    "version '1.0') from t",
    "select xmlexists('x' passing (a)) from t",
    "with x as (select 1) select * from x",
    "with x(a) as (select 1) select * from x",
    "with x(a, b) as materialized (select 1, 2), y(c) as not materialized (select 3) select * from "
    "x, y",
    "with x(a) as (values (1)), y(b) as (with z as (select 1) select * from z) select 1",
    "with x(a) as (select 1), y(b, c) as ((select 1, 2)) select 1",
    "with recursive x(n) as (select 1 union all select n + 1 from x where n < 10) select sum(n) "
    "from x",
    "with recursive x(n) as (select 1) search depth first by n set o cycle n set c using p select "
    "* from x",
    "with x as (table t) values (1)",
    "values (1), (f(2))",
    "table t",
    "table only public.t",
    "(select 1)",
    "((select 1) union (select 2)) order by 1",
    "(((values (1))))",
    "(with x as (select 1) select * from x)",
    "(table t)",
    "select 1 union all (select 2) intersect select 3 except (select 4)",
    "select a operator(pg_catalog.+) b, a operator (pg_catalog.*) (b) from t",
    "select - (1), + f(2), not (true), @ (3)",
    "select \"a b\".\"c d\" from \"a b\"",
    "select a from \"select\" where \"from\" = 1",
    "select * from information_schema.tables",
    "select * from pg_class c join pg_namespace n on n.oid = c.relnamespace",
    "select * from pg_stats",
    "select pg_relation_size('t'), pg_size_pretty(1::bigint), pg_sleep(0)",
    "select gen_random_uuid()",
    "select x.name, x.value, x.key, x.rows, x.filter, x.over from x",
    "select name, value, key, rows, first, set, start from x",
    "select 1; select 2",
    "select 1; ; table t;",
    "explain select 1",
    "explain analyze select f(1)",
    "explain analyse verbose select 1",
    "explain verbose select 1",
    "explain (analyze, buffers off, format json) select 1",
    "explain (costs off) with x as (select 1) select * from x",
    "explain (select 1)",
    "explain ((select 1))",
    "explain (analyze) (select 1)",
    "explain values (1)",
    "copy (select * from t) to stdout",
    "copy (select f(a), substring(b from 1 for 2) from t) to stdout with (format csv, header)",
    "copy (with x(a) as (select 1) select * from x) to STDOUT",
    "copy t to stdout",
    "copy t (a, b) to stdout (format binary)",
    "copy public.t (a, b) to stdout with csv force quote a",
    "copy binary t to stdout",
    "copy (values (1)) to stdout",
    "copy (table t) to stdout",
    "/* a */ select /* b */ 1 -- c",
    "select(1)",
    "select*from t",
    "select\"a\"from t",
    "select'a'from t",
    "select 1from t",
    "\n\tselect\n\t1\n",
    "select \xc3\xa9t\xc3\xa9(1), \"\xc3\xa9\" from \xc3\xa0",
    "select a ? 'x', a ?| array['y'], a @> '{}', a #>> '{x}', a ->> 'y' from t",
    "select $1::int, $2::text[]",
    "select json_object('a': 1), json_value(a, '$.b')",
    "select t.a.b.c from t",
    "select escape, zone, operator, by1 from t",
    "select f(g(h(1)))",
    "select f(variadic array[1])",
    "select f(a => 1, b := 2)",
    "select f(distinct a order by b) from t",
    "select normalize('x', nfc)",
    "select 1 as insert_time, 2 as updated, 3 as deleter, 4 as intox",
    "select * from t where ctid = '(0,1)'",
    "select local temp from t",
    "select * from f(1) as set_config(a)",
};

static void test_reads(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(reads); i++) {
        struct classification c = classify(reads[i]);
        if (c.bits == CLASS_READ && c.reason == REASON_NONE && c.touches == 0 &&
            !c.mentions_sync_commit)
            continue;
        print_error("[%s] bits %x, %s at [%.*s], touches %x\n", reads[i], c.bits,
                    classify_reason_name(c.reason), (int)c.token.n, c.token.n ? c.token.p : "",
                    c.touches);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

struct row {
    const char *sql;
    unsigned bits;
    enum classify_reason reason;
    const char *token; /* NULL: not compared */
    unsigned touches;
};

enum {
    R_ = CLASS_READ,
    W_ = CLASS_WRITE,
    U_ = CLASS_UNKNOWN,
    S_ = CLASS_SESSION,
    B_ = CLASS_TX_BEGIN,
    C_ = CLASS_TX_COMMIT,
    A_ = CLASS_TX_ROLLBACK,
    P_ = CLASS_TX_SAVEPOINT,
};

static const struct row rows[] = {
    /* Changes of data. */
    {"insert into t values (1)", W_, REASON_DML, "insert", 0},
    {"INSERT INTO t SELECT 1 RETURNING a", W_, REASON_DML, "INSERT", 0},
    {"update t set a = 1", W_, REASON_DML, "update", 0},
    {"delete from t", W_, REASON_DML, "delete", 0},
    {"merge into t using s on true when matched then delete", W_, REASON_DML, "merge", 0},
    {"with x as (insert into t values (1) returning *) select * from x", W_, REASON_DML, "insert",
     0},
    {"with x as (select 1) delete from t", W_, REASON_DML, "delete", 0},
    {"with x as (select 1), y as (update t set a = 1 returning a) select 1", W_, REASON_DML,
     "update", 0},
    {"with x(a) as (delete from t returning a) select 1", W_, REASON_DML, "delete", 0},
    {"with x as (select 1) insert into t select * from x", W_, REASON_DML, "insert", 0},
    {"with x as (merge into t using s on true when matched then delete returning 1) select 1", W_,
     REASON_DML, "merge", 0},
    {"select update from t", W_, REASON_DML, "update", 0}, /* a column, but who knows */
    {"explain analyze insert into t values (1)", W_, REASON_DML, "insert", 0},
    {"explain (analyze) delete from t", W_, REASON_DML, "delete", 0},
    {"explain update t set a = 1", W_, REASON_DML, "update", 0},
    {"explain analyze with x as (delete from t returning 1) select 1", W_, REASON_DML, "delete", 0},
    {"copy (delete from t returning *) to stdout", W_ | U_, REASON_COPY, "copy", 0},
    {"copy (with x as (delete from t returning *) select * from x) to stdout", W_, REASON_DML,
     "delete", 0},
    {"select 1; delete from t", W_, REASON_DML, "delete", 0},
    {"/**/insert/**/into t values(1)", W_, REASON_DML, "insert", 0},

    /* SELECT INTO and locking. */
    {"select * into x from t", W_, REASON_INTO, "into", 0},
    {"select 1into x", W_, REASON_INTO, "into", 0},
    {"select * into temp x from t", W_, REASON_INTO, "into", TOUCH_TEMP},
    {"select * into temporary table x from t", W_, REASON_INTO, "into", TOUCH_TEMP},
    {"select * into local temp x from t", W_, REASON_INTO, "into", TOUCH_TEMP},
    {"select * into unlogged x from t", W_, REASON_INTO, "into", 0},
    {"select * from t for update", W_, REASON_LOCKING, "for", 0},
    {"select * from t for share", W_, REASON_LOCKING, "for", 0},
    {"select * from t for no key update of t nowait", W_, REASON_LOCKING, "for", 0},
    {"select * from t for key share skip locked", W_, REASON_LOCKING, "for", 0},
    {"select * from (select * from t for update) x", W_, REASON_LOCKING, "for", 0},
    {"select substring((select a from t for update) from 1 for 2)", W_, REASON_LOCKING, "for", 0},
    {"select * from t for/**/update", W_, REASON_LOCKING, "for", 0},
    {"select substring('a' from 1 for 2) from t for share", W_, REASON_LOCKING, "for", 0},
    {"select f('a' for 2)", U_, REASON_LOCKING, "for", 0},
    {"select a from t for something", U_, REASON_LOCKING, "for", 0},
    {"(select * from t) for update", W_, REASON_LOCKING, "for", 0},
    {"values (1) for update", W_, REASON_LOCKING, "for", 0},
    {"explain analyze select * from t for update", W_, REASON_LOCKING, "for", 0},

    /* Functions. */
    {"select nextval('s')", U_, REASON_VOLATILE_FUNCTION, "nextval", 0},
    {"select NextVal ('s')", U_, REASON_VOLATILE_FUNCTION, "NextVal", 0},
    {"select pg_catalog.nextval('s')", U_, REASON_VOLATILE_FUNCTION, "nextval", 0},
    {"select \"nextval\"('s')", U_, REASON_VOLATILE_FUNCTION, "\"nextval\"", 0},
    {"select pg_catalog . /* x */ \"nextval\" -- y\n ('s')", U_, REASON_VOLATILE_FUNCTION,
     "\"nextval\"", 0},
    {"select \"NEXTVAL\"('s')", U_, REASON_UNKNOWN_FUNCTION, "\"NEXTVAL\"", 0},
    {"select u&\"nextval\"('s')", U_, REASON_NAME, "u&\"nextval\"",
     TOUCH_ANY | TOUCH_SEED | TOUCH_FUNCTION},
    {"select u&\"\\006eextval\"('s')", U_, REASON_NAME, "u&\"\\006eextval\"",
     TOUCH_ANY | TOUCH_SEED | TOUCH_FUNCTION},
    {"select \"a\"\"b\"(1)", U_, REASON_NAME, "\"a\"\"b\"", 0},
    {"select setval('s', 1)", U_, REASON_VOLATILE_FUNCTION, "setval", 0},
    {"select currval('s'), lastval()", U_, REASON_VOLATILE_FUNCTION, "currval", TOUCH_SEQUENCE},
    {"select volatile_fn(1)", U_, REASON_VOLATILE_FUNCTION, "volatile_fn", 0},
    {"select mixed(1)", U_, REASON_VOLATILE_FUNCTION, "mixed", 0},
    {"select unknown_fn(1)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn", 0},
    {"select public.unknown_fn(1)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn", 0},
    {"select * from unknown_fn(1) as x(a int)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn", 0},
    {"select * from t, unknown_fn(a) as x(a int)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn", 0},
    {"select * from t, unknown_fn(a) as (a int)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn", 0},
    {"select * from t, unknown_fn(a) as (values int)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn",
     0},
    {"select a, unknown_fn(b) from t", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn", 0},
    {"select public.coalesce(1)", U_, REASON_UNKNOWN_FUNCTION, "coalesce", 0},
    {"select public.select(1)", U_, REASON_UNKNOWN_FUNCTION, "select", 0},
    {"select \"coalesce\"(1)", U_, REASON_UNKNOWN_FUNCTION, "\"coalesce\"", 0},
    {"select distinct on (a) volatile_fn(b) from t", U_, REASON_VOLATILE_FUNCTION, "volatile_fn",
     0},
    {"select distinct on ((a)) unknown_fn(b) from t", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn", 0},
    {"select 1 operator(pg_catalog.+) unknown_fn(2)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn", 0},
    {"select count(*) filter (where volatile_fn(a)) from t", U_, REASON_VOLATILE_FUNCTION,
     "volatile_fn", 0},
    {"select treat('s' as nextval)", U_, REASON_UNKNOWN_FUNCTION, "treat", 0}, /* it calls that */
    {"select by(1)", U_, REASON_UNKNOWN_FUNCTION, "by", 0},
    {"select rollup(1) from t order by rollup(2)", U_, REASON_UNKNOWN_FUNCTION, "rollup", 0},
    {"select 1 where not materialized(2)", U_, REASON_UNKNOWN_FUNCTION, "materialized", 0},
    {"select distinct on (a) over(b) from t", U_, REASON_UNKNOWN_FUNCTION, "over", 0},
    {"select a operator(pg_catalog.+) filter(b) from t", U_, REASON_UNKNOWN_FUNCTION, "filter", 0},
    {"select next(1), first(2)", U_, REASON_UNKNOWN_FUNCTION, "next", 0},
    {"select * from t tablesample lower(1)", U_, REASON_UNKNOWN_FUNCTION, "lower", 0},
    {"select groups (1) from t", U_, REASON_VOLATILE_FUNCTION, "groups",
     0}, /* a key word and a function */
    {"select * from t tablesample volatile_fn(1)", U_, REASON_VOLATILE_FUNCTION, "volatile_fn", 0},
    {"select bernoulli(1)", U_, REASON_VOLATILE_FUNCTION, "bernoulli", 0},
    {"select a like unknown_fn(b) escape unknown_fn(c) from t", U_, REASON_UNKNOWN_FUNCTION,
     "unknown_fn", 0},
    {"select a::int4 from t where x = unknown_fn(1)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn", 0},
    {"select a::numeric(10,2), unknown_fn(1) from t", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn", 0},
    {"select numeric(10,2) unknown_fn(1)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn", 0},
    {"values (nextval('s'))", U_, REASON_VOLATILE_FUNCTION, "nextval", 0},
    {"select * from t order by volatile_fn(a)", U_, REASON_VOLATILE_FUNCTION, "volatile_fn", 0},
    {"with x as (select volatile_fn(1)) select * from x", U_, REASON_VOLATILE_FUNCTION,
     "volatile_fn", 0},
    {"with x as (select 1), volatile_fn(a) as (select 1) select 1", U_, REASON_VOLATILE_FUNCTION,
     "volatile_fn", 0},
    {"select (select volatile_fn(1))", U_, REASON_VOLATILE_FUNCTION, "volatile_fn", 0},
    {"select array[volatile_fn(1)]", U_, REASON_VOLATILE_FUNCTION, "volatile_fn", 0},
    {"copy (select volatile_fn(1)) to stdout", U_, REASON_VOLATILE_FUNCTION, "volatile_fn", 0},
    {"explain select volatile_fn(1)", U_, REASON_VOLATILE_FUNCTION, "volatile_fn", 0},
    {"select txid_current()", U_, REASON_VOLATILE_FUNCTION, "txid_current", 0},
    {"select pg_current_xact_id()", U_, REASON_VOLATILE_FUNCTION, "pg_current_xact_id", 0},
    {"select pg_current_wal_lsn()", U_, REASON_VOLATILE_FUNCTION, "pg_current_wal_lsn", 0},
    {"select pg_is_in_recovery()", U_, REASON_VOLATILE_FUNCTION, "pg_is_in_recovery", 0},
    {"select pg_last_wal_replay_lsn()", U_, REASON_VOLATILE_FUNCTION, "pg_last_wal_replay_lsn", 0},
    {"select inet_server_addr()", U_, REASON_VOLATILE_FUNCTION, "inet_server_addr", 0},
    {"select pg_backend_pid()", U_, REASON_VOLATILE_FUNCTION, "pg_backend_pid", 0},
    {"select pg_notify('a', 'b')", U_, REASON_VOLATILE_FUNCTION, "pg_notify", 0},
    {"select lo_import('x')", U_, REASON_VOLATILE_FUNCTION, "lo_import", 0},
    {"select lo_something_new(1)", U_, REASON_VOLATILE_FUNCTION, "lo_something_new", 0},
    {"select * from dblink('x', 'y') as t(a int)", U_, REASON_VOLATILE_FUNCTION, "dblink",
     TOUCH_ANY},
    {"select pg_read_file('x')", U_, REASON_VOLATILE_FUNCTION, "pg_read_file", 0},
    {"select current_setting('x')", U_, REASON_VOLATILE_FUNCTION, "current_setting", 0},
    {"select setseed(0.5)", U_, REASON_VOLATILE_FUNCTION, "setseed", TOUCH_SEED},
    {"select a234567890123456789012345678901234567890123456789012345678901234(1)", U_, REASON_NAME,
     NULL, 0},

    /* Relations. */
    {"select * from unlogged_t", U_, REASON_PRIMARY_RELATION, "unlogged_t", 0},
    {"select * from public.Unlogged_T", U_, REASON_PRIMARY_RELATION, "Unlogged_T", 0},
    {"select * from t join \"foreign_t\" using (a)", U_, REASON_PRIMARY_RELATION, "\"foreign_t\"",
     0},
    {"select * from mixed_case", R_, REASON_NONE, NULL, 0},
    {"select * from \"Mixed_Case\"", U_, REASON_PRIMARY_RELATION, "\"Mixed_Case\"", 0},
    {"table v_volatile", U_, REASON_PRIMARY_RELATION, "v_volatile", 0},
    {"select last_value from some_seq", U_, REASON_PRIMARY_RELATION, "some_seq", 0},
    {"select * from pg_stat_activity", U_, REASON_PRIMARY_RELATION, "pg_stat_activity", 0},
    {"select * from pg_catalog.pg_locks", U_, REASON_PRIMARY_RELATION, "pg_locks", 0},
    {"select * from pg_settings", U_, REASON_PRIMARY_RELATION, "pg_settings", 0},
    {"select * from pg_prepared_statements", U_, REASON_PRIMARY_RELATION, "pg_prepared_statements",
     TOUCH_NAMES},
    {"select * from pg_cursors", U_, REASON_PRIMARY_RELATION, "pg_cursors", 0},
    {"select * from pg_replication_slots", U_, REASON_PRIMARY_RELATION, "pg_replication_slots", 0},
    {"select * from u&\"\\0075nlogged_t\"", U_, REASON_NAME, NULL, 0},
    {"select * from pg_temp.x", U_, REASON_TEMP, "pg_temp", TOUCH_TEMP},
    {"select * from \"pg_temp\".x", U_, REASON_TEMP, "\"pg_temp\"", TOUCH_TEMP},
    {"select * from pg_temp_3.x", U_, REASON_TEMP, "pg_temp_3", TOUCH_TEMP},
    {"copy unlogged_t to stdout", U_, REASON_PRIMARY_RELATION, "unlogged_t", 0},
    {"copy (select * from unlogged_t) to stdout", U_, REASON_PRIMARY_RELATION, "unlogged_t", 0},

    /* COPY. */
    {"copy t from stdin", W_, REASON_COPY, "copy", 0},
    {"copy t (a, b) from stdin with (format csv)", W_, REASON_COPY, "copy", 0},
    {"copy t to '/tmp/x'", W_, REASON_COPY, "copy", 0},
    {"copy t to program 'cat'", W_, REASON_COPY, "copy", 0},
    {"copy (select 1) to '/tmp/x'", W_, REASON_COPY, "copy", 0},
    {"copy (select 1) to program 'cat'", W_, REASON_COPY, "copy", 0},
    {"copy t from '/tmp/x'", W_, REASON_COPY, "copy", 0},
    {"copy t to \"stdout\"", W_, REASON_COPY, "copy", 0},
    {"copy t", U_, REASON_SYNTAX, NULL, 0},
    {"copy (select 1", U_, REASON_SYNTAX, NULL, 0},
    {"copy", U_, REASON_SYNTAX, NULL, 0},

    /* Commands. */
    {"create table t (a int)", W_, REASON_UTILITY, "create", 0},
    {"create table t as select 1", W_, REASON_UTILITY, "create", 0},
    {"create temp table t (a int)", W_, REASON_UTILITY, "create", TOUCH_TEMP},
    {"create temporary table t as select 1", W_, REASON_UTILITY, "create", TOUCH_TEMP},
    {"create local temporary sequence s", W_, REASON_UTILITY, "create", TOUCH_TEMP},
    {"create global temp table t (a int)", W_, REASON_UTILITY, "create", TOUCH_TEMP},
    {"create or replace temp view v as select 1", W_, REASON_UTILITY, "create", TOUCH_TEMP},
    {"create table pg_temp.t (a int)", W_ | U_, REASON_UTILITY, "create", TOUCH_TEMP},
    {"create table t (temp int)", W_, REASON_UTILITY, "create", 0},
    {"explain analyze create temp table t as select 1", W_, REASON_UTILITY, "create", TOUCH_TEMP},
    {"create function f() returns int language sql begin atomic select 1; select case when true "
     "then 1 end; end",
     W_, REASON_UTILITY, "create", 0},
    {"create function f() returns int begin atomic select 1; end; select 1", W_, REASON_UTILITY,
     "create", 0},
    {"create rule r as on insert to t do (select 1; select 2)", W_, REASON_UTILITY, "create", 0},
    {"drop table t", W_, REASON_UTILITY, "drop", 0},
    {"alter table t add b int", W_, REASON_UTILITY, "alter", 0},
    {"truncate t", W_, REASON_UTILITY, "truncate", 0},
    {"vacuum", W_, REASON_UTILITY, "vacuum", 0},
    {"analyze t", W_, REASON_UTILITY, "analyze", 0},
    {"analyse", W_, REASON_UTILITY, "analyse", 0},
    {"grant select on t to u", W_, REASON_UTILITY, "grant", 0},
    {"revoke all on t from u", W_, REASON_UTILITY, "revoke", 0},
    {"comment on table t is 'x'", W_, REASON_UTILITY, "comment", 0},
    {"security label on table t is 'x'", W_, REASON_UTILITY, "security", 0},
    {"lock table t", W_, REASON_UTILITY, "lock", 0},
    {"call p()", W_, REASON_UTILITY, "call", TOUCH_ANY},
    {"do $$ begin end $$", W_, REASON_UTILITY, "do", TOUCH_ANY},
    {"refresh materialized view v", W_, REASON_UTILITY, "refresh", 0},
    {"reindex table t", W_, REASON_UTILITY, "reindex", 0},
    {"cluster t", W_, REASON_UTILITY, "cluster", 0},
    {"checkpoint", W_, REASON_UTILITY, "checkpoint", 0},
    {"reassign owned by a to b", W_, REASON_UTILITY, "reassign", 0},
    {"import foreign schema s from server x into y", W_, REASON_UTILITY, "import", 0},
    {"notify c", W_, REASON_UTILITY, "notify", 0},
    {"frobnicate the table", U_, REASON_UTILITY, "frobnicate", 0},
    {"\"select\" 1", U_, REASON_UTILITY, "\"select\"", 0},
    {"'select' 1", U_, REASON_SYNTAX, "'select'", 0},
    {"(delete from t)", U_, REASON_SYNTAX, "(", 0},
    {"explain", U_, REASON_SYNTAX, "explain", 0},
    {"explain explain select 1", U_, REASON_SYNTAX, "explain", 0},
    {"explain begin", U_, REASON_SYNTAX, "explain", 0},
    {"explain execute p", S_ | U_, REASON_PREPARED, "execute", TOUCH_EXECUTE},
    {"explain declare c cursor for select 1", U_, REASON_CURSOR, "declare", 0},

    /* Session. */
    {"set a = 1", S_, REASON_SESSION, "set", TOUCH_SETTINGS},
    {"set session a to default", S_, REASON_SESSION, "set", TOUCH_SETTINGS},
    {"set local a = 1", S_, REASON_SESSION, "set", 0},
    {"set time zone 'utc'", S_, REASON_SESSION, "set", TOUCH_SETTINGS},
    {"set local time zone 'utc'", S_, REASON_SESSION, "set", 0},
    {"set role x", S_, REASON_SESSION, "set", TOUCH_SETTINGS},
    {"set local role x", S_, REASON_SESSION, "set", 0},
    {"set session authorization x", S_, REASON_SESSION, "set", TOUCH_SETTINGS},
    {"set local session authorization x", S_, REASON_SESSION, "set", 0},
    {"set session session authorization x", S_, REASON_SESSION, "set", TOUCH_SETTINGS},
    {"set session characteristics as transaction read only", S_, REASON_SESSION, "set",
     TOUCH_SETTINGS},
    {"set constraints all deferred", S_, REASON_SESSION, "set", 0},
    {"set transaction read only", S_, REASON_SESSION, "set", 0},
    {"set transaction snapshot 'x'", S_ | U_, REASON_SESSION, "set", 0},
    {"set search_path = pg_temp, public", S_ | U_, REASON_SESSION, "set",
     TOUCH_SETTINGS | TOUCH_TEMP},
    {"reset a", S_, REASON_SESSION, "reset", TOUCH_SETTINGS},
    {"reset all", S_, REASON_SESSION, "reset", TOUCH_SETTINGS},
    {"reset session authorization", S_, REASON_SESSION, "reset", TOUCH_SETTINGS},
    {"show a", U_, REASON_SESSION, "show", 0},
    {"show transaction_read_only", U_, REASON_SESSION, "show", 0},
    {"discard all", S_, REASON_SESSION, "discard", TOUCH_ANY},
    {"discard temp", S_, REASON_SESSION, "discard", 0},
    {"listen c", S_, REASON_SESSION, "listen", TOUCH_LISTEN},
    {"unlisten *", S_, REASON_SESSION, "unlisten", 0},
    {"load 'x'", S_, REASON_SESSION, "load", TOUCH_LOAD},
    {"prepare p as select 1", S_, REASON_PREPARED, "prepare", TOUCH_PREPARED},
    {"prepare p (int) as delete from t", S_, REASON_PREPARED, "prepare", TOUCH_PREPARED},
    {"prepare transaction as select 1", S_, REASON_PREPARED, "prepare", TOUCH_PREPARED},
    {"execute p (1)", S_ | U_, REASON_PREPARED, "execute", TOUCH_EXECUTE},
    {"deallocate p", S_, REASON_PREPARED, "deallocate", 0},
    {"deallocate prepare p", S_, REASON_PREPARED, "deallocate", 0},
    {"deallocate prepare", S_, REASON_PREPARED, "deallocate", 0},
    {"deallocate all", S_, REASON_PREPARED, "deallocate", 0},
    {"declare c cursor for select 1", U_, REASON_CURSOR, "declare", 0},
    {"declare c cursor with hold for select 1", U_, REASON_CURSOR, "declare", TOUCH_CURSORS},
    {"declare c insensitive no scroll cursor without hold for select 1", U_, REASON_CURSOR,
     "declare", 0},
    {"declare c cursor for with hold as (select 1) select * from hold", U_, REASON_CURSOR,
     "declare", 0},
    {"fetch 5 from c", U_, REASON_CURSOR, "fetch", 0},
    {"move c", U_, REASON_CURSOR, "move", 0},
    {"close c", U_, REASON_CURSOR, "close", 0},
    {"select set_config('a', 'b', false)", U_, REASON_VOLATILE_FUNCTION, "set_config",
     TOUCH_SETTINGS},
    {"select set_config('a', 'b', true)", U_, REASON_VOLATILE_FUNCTION, "set_config", 0},
    {"select set_config('a', 'b', TRUE)", U_, REASON_VOLATILE_FUNCTION, "set_config", 0},
    {"select set_config('a', 'b', $1)", U_, REASON_VOLATILE_FUNCTION, "set_config", TOUCH_SETTINGS},
    {"select set_config('a', 'b', not true)", U_, REASON_VOLATILE_FUNCTION, "set_config",
     TOUCH_SETTINGS},
    {"select set_config('a', f(1, 2), true)", U_, REASON_VOLATILE_FUNCTION, "set_config", 0},
    {"select set_config('a', 'b', true", U_, REASON_VOLATILE_FUNCTION, "set_config",
     TOUCH_SETTINGS},
    {"select pg_catalog.set_config('a', 'b', false)", U_, REASON_VOLATILE_FUNCTION, "set_config",
     TOUCH_SETTINGS},
    {"insert into t values (set_config('a', 'b', false))", W_, REASON_DML, "insert",
     TOUCH_SETTINGS},
    {"select pg_advisory_lock(1)", U_, REASON_VOLATILE_FUNCTION, "pg_advisory_lock", TOUCH_LOCKS},
    {"select pg_advisory_lock_shared(1)", U_, REASON_VOLATILE_FUNCTION, NULL, TOUCH_LOCKS},
    {"select pg_try_advisory_lock(1, 2)", U_, REASON_VOLATILE_FUNCTION, NULL, TOUCH_LOCKS},
    {"select \"pg_try_advisory_lock\"(1, 2)", U_, REASON_VOLATILE_FUNCTION, NULL, TOUCH_LOCKS},
    {"select pg_advisory_xact_lock(1)", U_, REASON_VOLATILE_FUNCTION, NULL, 0},
    {"select pg_try_advisory_xact_lock_shared(1)", U_, REASON_VOLATILE_FUNCTION, NULL, 0},
    {"update t set a = 1 where pg_try_advisory_lock(2)", W_, REASON_DML, "update", TOUCH_LOCKS},

    /* Transactions. */
    {"begin", B_, REASON_TRANSACTION, "begin", 0},
    {"BEGIN;", B_, REASON_TRANSACTION, "BEGIN", 0},
    {"begin work", B_, REASON_TRANSACTION, "begin", 0},
    {"begin transaction isolation level serializable, read only, deferrable", B_,
     REASON_TRANSACTION, "begin", 0},
    {"start transaction", B_, REASON_TRANSACTION, "start", 0},
    {"start transaction read write isolation level read committed", B_, REASON_TRANSACTION, "start",
     0},
    {"begin read only", B_, REASON_TRANSACTION, "begin", 0},
    {"begin /* x */ read -- y\n only", B_, REASON_TRANSACTION, "begin", 0},
    {"start", U_, REASON_SYNTAX, NULL, 0},
    {"start work", U_, REASON_SYNTAX, NULL, 0},
    {"begin foo", U_, REASON_SYNTAX, "foo", 0},
    {"begin read", U_, REASON_SYNTAX, NULL, 0},
    {"begin read only,", U_, REASON_SYNTAX, NULL, 0},
    {"begin isolation level", U_, REASON_SYNTAX, NULL, 0},
    {"begin isolation level chaos", U_, REASON_SYNTAX, "chaos", 0},
    {"begin read only 'x", U_, REASON_SYNTAX, NULL, 0},
    {"commit", C_, REASON_TRANSACTION, "commit", 0},
    {"commit work", C_, REASON_TRANSACTION, "commit", 0},
    {"commit and no chain", C_, REASON_TRANSACTION, "commit", 0},
    {"end transaction", C_, REASON_TRANSACTION, "end", 0},
    {"commit and chain", C_, REASON_TRANSACTION, "commit", 0},
    {"commit and", U_, REASON_SYNTAX, NULL, 0},
    {"commit prepared 'x'", W_, REASON_UTILITY, NULL, 0},
    {"rollback prepared 'x'", W_, REASON_UTILITY, NULL, 0},
    {"prepare transaction 'x'", C_ | W_, REASON_TRANSACTION, "prepare", 0},
    {"rollback", A_, REASON_TRANSACTION, "rollback", 0},
    {"abort", A_, REASON_TRANSACTION, "abort", 0},
    {"rollback transaction and chain", A_, REASON_TRANSACTION, "rollback", 0},
    {"rollback to a", P_, REASON_TRANSACTION, "rollback", 0},
    {"rollback work to savepoint a", P_, REASON_TRANSACTION, "rollback", 0},
    {"rollback to savepoint", P_, REASON_TRANSACTION, "rollback", 0},
    {"rollback to", U_, REASON_SYNTAX, NULL, 0},
    {"abort to a", U_, REASON_SYNTAX, NULL, 0},
    {"savepoint a", P_, REASON_TRANSACTION, "savepoint", 0},
    {"release a", P_, REASON_TRANSACTION, "release", 0},
    {"release savepoint \"A b\"", P_, REASON_TRANSACTION, "release", 0},
    {"savepoint", U_, REASON_SYNTAX, NULL, 0},
    {"savepoint 1", U_, REASON_SYNTAX, NULL, 0},

    /* Several statements. */
    {"begin; select 1", B_ | U_, REASON_TRANSACTION, "begin", 0},
    {"begin; insert into t values (1); commit", B_ | C_ | W_ | U_, REASON_TRANSACTION, "begin", 0},
    {"select 1; commit;", C_ | U_, REASON_TRANSACTION, "commit", 0},
    {"select 1; set a = 1", S_, REASON_SESSION, "set", TOUCH_SETTINGS},
    {"select 1; select nextval('s')", U_, REASON_VOLATILE_FUNCTION, "nextval", 0},
    {"select 1; 'x", U_, REASON_LEX_ERROR, "'x", 0},
    {"discard all; listen x", S_, REASON_SESSION, "discard", TOUCH_ANY},

    /* Not well-formed. */
    {"select 'a", U_, REASON_LEX_ERROR, "'a", 0},
    {"select \"a", U_, REASON_LEX_ERROR, "\"a", 0},
    {"select /* a", U_, REASON_LEX_ERROR, "/* a", 0},
    {"select $a$ b", U_, REASON_LEX_ERROR, "$a$ b", 0},
    {"select \\x", U_, REASON_LEX_ERROR, NULL, 0},
    {"'", U_, REASON_LEX_ERROR, "'", 0},
    {"select (1", U_, REASON_SYNTAX, NULL, 0},
    {"select 1)", U_, REASON_SYNTAX, ")", 0},
    {"select (1; select 2)", U_, REASON_SYNTAX, ";", 0},
    {"((((", U_, REASON_SYNTAX, "(", 0},

    /* Where one quoting rule decides what is seen: each of these deletes. */
    {"select e'\\'' ; delete from t --'", W_, REASON_DML, "delete", 0},
    {"select '\\' ; delete from t --'", W_, REASON_DML, "delete", 0},
    {"select e''\n'\\' || '; delete from t; --'", W_, REASON_DML, "delete", 0},
    {"select $a$ $b$ $a$; delete from t; -- $b$", W_, REASON_DML, "delete", 0},
    {"select a$b$ from t; delete from t; select $b$ $b$", W_, REASON_DML, "delete", 0},
    {"select /* /* */ */ 1; delete from t /* */", W_, REASON_DML, "delete", 0},
    {"select /*/ */ 1; delete from t", W_, REASON_DML, "delete", 0},
    {"select \"a\"\"b\", 1; delete from t --\"", W_ | U_, REASON_NAME, NULL, 0},
    {"select 1 --\r; delete from t", W_, REASON_DML, "delete", 0},
    {"select n'\\'; delete from t --'", W_, REASON_DML, "delete", 0},
    {"select b'\\'; delete from t --'", W_, REASON_DML, "delete", 0},
    {"select u&'\\'; delete from t --'", W_, REASON_DML, "delete", 0},
};

static void test_rows(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        struct classification c = classify(r->sql);
        bool token = !r->token || slice_eq(c.token, r->token);
        /* What nobody knows may have been made a moment ago, and do anything. */
        const unsigned any = r->reason == REASON_UNKNOWN_FUNCTION ? TOUCH_ANY : 0;
        if (c.bits == r->bits && c.reason == r->reason && c.touches == (r->touches | any) && token)
            continue;
        print_error("[%s] bits %x not %x, %s not %s, at [%.*s], touches %x not %x\n", r->sql,
                    c.bits, r->bits, classify_reason_name(c.reason),
                    classify_reason_name(r->reason), (int)c.token.n, c.token.n ? c.token.p : "",
                    c.touches, r->touches);
        wrong++;
    }
    assert_int_equal(wrong, 0);
    assert_true(ARRAY_LEN(rows) + ARRAY_LEN(reads) >= 300);
}

/* No prefix of a text that is not a read may become one by touching memory behind its end (copies are exact), and a text
 * cut within a token is never trusted with more than its own tokens. */
static void test_every_prefix(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = strlen(rows[i].sql);
        for (size_t cut = 0; cut <= n; cut++) {
            char *copy = malloc(cut ? cut : 1);
            assert_non_null(copy);
            memcpy(copy, rows[i].sql, cut);
            struct classification c;
            classify_sql((struct slice){.p = copy, .n = cut}, classify_test_catalog(), NULL, &c);
            assert_true(c.bits != 0);
            if (c.bits & CLASS_READ)
                assert_int_equal(c.bits, CLASS_READ);
            if (c.token.n)
                assert_true(c.token.p >= copy && c.token.p + c.token.n <= copy + cut);
            free(copy);
        }
    }
}

static void test_transaction_modes(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        struct classify_tx tx;
        bool set;
    } modes[] = {
        {"begin", {.access = ACCESS_UNSPECIFIED}, false},
        {"begin read only", {.access = ACCESS_READ_ONLY}, false},
        {"begin read write", {.access = ACCESS_READ_WRITE}, false},
        {"begin read only, read write",
         {.access = ACCESS_READ_WRITE},
         false}, /* the last one holds */
        {"start transaction read only isolation level repeatable read",
         {.access = ACCESS_READ_ONLY, .isolation = ISOLATION_REPEATABLE_READ},
         false},
        {"begin isolation level serializable, read only, deferrable",
         {.access = ACCESS_READ_ONLY, .isolation = ISOLATION_SERIALIZABLE, .deferrable = true},
         false},
        {"begin deferrable not deferrable", {.deferrable = false}, false},
        {"begin isolation level read uncommitted", {.isolation = ISOLATION_READ_COMMITTED}, false},
        {"set transaction read only", {.access = ACCESS_READ_ONLY}, true},
        {"set local transaction isolation level serializable",
         {.isolation = ISOLATION_SERIALIZABLE},
         true},
        {"commit and chain", {.chain = true}, false},
        {"rollback and no chain", {.chain = false}, false},
        {"begin read only foo", {.access = ACCESS_UNSPECIFIED}, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        struct classification c = classify(modes[i].sql);
        assert_int_equal(c.tx.access, modes[i].tx.access);
        assert_int_equal(c.tx.isolation, modes[i].tx.isolation);
        assert_int_equal(c.tx.deferrable, modes[i].tx.deferrable);
        assert_int_equal(c.tx.chain, modes[i].tx.chain);
        assert_int_equal(c.set_transaction, modes[i].set);
    }
}

static void test_counts_and_flags(void **state)
{
    (void)state;
    assert_int_equal(classify("").n_statements, 0);
    assert_true(classify("").empty);
    assert_true(classify(";; -- x").empty);
    assert_false(classify("'").empty);
    assert_false(classify("select 1").empty);
    assert_int_equal(classify("select 1;;select 2;").n_statements, 2);
    assert_int_equal(
        classify("create rule r as on insert to t do (select 1; select 2)").n_statements, 1);
    assert_int_equal(
        classify("create function f() begin atomic select 1; end; select 1").n_statements, 2);

    assert_true(classify("discard all").discards_all);
    assert_true(classify("DISCARD ALL;").discards_all);
    assert_false(classify("discard all; select 1").discards_all);
    assert_false(classify("discard plans").discards_all);
    assert_true(classify("discard all").drops_prepared);
    assert_true(classify("deallocate all").drops_prepared);
    assert_true(classify("deallocate prepare all").drops_prepared);
    assert_true(slice_eq(classify("prepare p as select 1").prepared, "p"));
    assert_true(slice_eq(classify("deallocate \"P q\"").prepared, "\"P q\""));
    assert_true(slice_eq(classify("explain analyze execute p(1)").prepared, "p"));
    assert_true(slice_eq(classify("create table x as execute p").prepared, "p"));
    assert_int_equal(classify("create table x as execute p").touches, TOUCH_EXECUTE);
    assert_int_equal(classify("grant execute on function f to g").prepared.n, 0);
    assert_true(classify("deallocate p").deallocates);
    assert_false(classify("execute p").deallocates);
    assert_false(classify("execute p").more_prepared);
    assert_true(classify("execute p; deallocate q").more_prepared);
    assert_true(classify("select * from pg_prepared_statements").touches & TOUCH_NAMES);
    assert_true(classify("select * from pg_prepared_statement()").touches & TOUCH_NAMES);
    assert_false(classify("select 'pg_prepared_statements'").touches & TOUCH_NAMES);
    assert_false(classify("deallocate \"all\"").drops_prepared);

    struct classification c = classify("/* tanist: primary */ select 1");
    assert_true(slice_eq(c.hint, "primary"));
    assert_int_equal(c.bits, CLASS_READ);
}

/* The names of the settings that may change, and whether there are others. */
static void test_settings(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *names;
        unsigned touches;
        bool all;
    } cases[] = {
        {"set work_mem = '1MB'", "work_mem,", TOUCH_SETTINGS, false},
        {"SET SESSION work_mem TO 1", "work_mem,", TOUCH_SETTINGS, false},
        {"set my.var = 1", "my.var,", TOUCH_SETTINGS, false},
        {"set my . var = 1", "", TOUCH_SETTINGS, true},
        {"set \"work_mem\" = 1", "", TOUCH_SETTINGS, true},
        {"set local work_mem = 1", "", 0, false},
        {"set local my.var = 1", "my.var,", TOUCH_LOCAL, false},
        {"set time zone 'UTC'", "timezone,", TOUCH_SETTINGS, false},
        {"set time zone default", "timezone,", TOUCH_SETTINGS, true},
        {"set names 'UTF8'", "client_encoding,", TOUCH_SETTINGS, false},
        {"set schema 'x'", "search_path,", TOUCH_SETTINGS, false},
        {"set role x", "role,", TOUCH_SETTINGS, false},
        {"set role = x", "role,", TOUCH_SETTINGS, false},
        {"set session authorization x", "", TOUCH_SETTINGS, true},
        {"set session characteristics as transaction read only", "", TOUCH_SETTINGS, true},
        {"set transaction read only", "", 0, false},
        {"set constraints all deferred", "", 0, false},
        {"set work_mem to default", "work_mem,", TOUCH_SETTINGS, true},
        {"reset work_mem", "", TOUCH_SETTINGS, true},
        {"set a = 1; set b = 2; select 1", "a,b,", TOUCH_SETTINGS, false},
        {"set a = 1; set b = 2; set c = 3; set d = 4; set e = 5", "a,b,c,d,", TOUCH_SETTINGS, true},
        {"select set_config('a', 'x', false), set_config('b.c', 'x', true)", "a,b.c,",
         TOUCH_SETTINGS | TOUCH_LOCAL, false},
        {"select set_config('a', 'x', true)", "", 0, false},
        {"select set_config($1, 'x', true)", "", TOUCH_LOCAL, true},
        {"select set_config($1, $2, $3)", "", TOUCH_SETTINGS, true},
        {"select set_config('a' || 'b', 'x', false)", "", TOUCH_SETTINGS, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int with_catalog = 0; with_catalog < 2; with_catalog++) {
            struct classification c;
            char names[200] = "";
            classify_sql(slice_of(cases[i].sql), with_catalog ? classify_test_catalog() : NULL,
                         NULL, &c);
            for (unsigned k = 0; k < c.n_settings; k++) {
                snprintf(names + strlen(names), sizeof(names) - strlen(names), "%.*s,",
                         (int)c.settings[k].n, c.settings[k].p);
            }
            if (strcmp(names, cases[i].names) != 0 || c.touches != cases[i].touches ||
                c.all_settings != cases[i].all)
                print_error("[%s] %x %d\n", cases[i].sql, c.touches, c.all_settings);
            assert_string_equal(names, cases[i].names);
            assert_int_equal(c.touches, cases[i].touches);
            assert_int_equal(c.all_settings, cases[i].all);
        }
    }
}

static void test_sync_commit(void **state)
{
    (void)state;
    static const char *const mentions[] = {
        "set synchronous_commit = off",
        "SET LOCAL Synchronous_Commit TO off",
        "set \"SYNCHRONOUS_COMMIT\" = off",
        "set u&\"synchronous\\005fcommit\" = off",
        "reset synchronous_commit",
        "alter role x set synchronous_commit = off",
        "do $$ begin set local synchronous_commit = off; end $$",
        "select set_config('synchronous_commit', 'off', true)",
        "select set_config('Synchronous_Commit', 'off', false)",
        "select set_config($1, 'off', true)",
        "select set_config(e'synchronous\\x5fcommit', 'off', true)",
        "select set_config('synchronous_' || 'commit', 'off', true)",
        "select u&\"set_config\"('a', 'b', true)",
        "insert into t select set_config('synchronous_commit', 'off', true)",
    };
    for (size_t i = 0; i < ARRAY_LEN(mentions); i++) {
        if (!classify(mentions[i]).mentions_sync_commit)
            fail_msg("[%s]", mentions[i]);
    }
    static const char *const others[] = {"set a = 1", "select 1", "show synchronous_commi",
                                         "select set_config('a', 'b', true)", "reset all"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(classify(others[i]).mentions_sync_commit);
}

static void test_options(void **state)
{
    (void)state;
    struct classification c;
    classify_sql(slice_of("select 1"), NULL, NULL, &c);
    assert_int_equal(c.bits, CLASS_UNKNOWN);
    assert_int_equal(c.reason, REASON_NO_CATALOG);
    classify_sql(slice_of("select f(1)"), NULL, NULL, &c);
    assert_int_equal(c.reason, REASON_NO_CATALOG);
    classify_sql(slice_of("insert into t values (1)"), NULL, NULL, &c);
    assert_int_equal(c.bits, CLASS_WRITE);
    classify_sql(slice_of(";"), NULL, NULL, &c);
    assert_int_equal(c.bits, CLASS_READ);

    /* With backslashes in ordinary strings the same bytes are another statement. */
    struct slice sql = slice_of("select '\\'; delete from t; --'");
    struct classify_opts backslash = {.backslash = true};
    classify_sql(sql, classify_test_catalog(), &backslash, &c);
    assert_int_equal(c.bits, CLASS_READ);
    classify_sql(sql, classify_test_catalog(), NULL, &c);
    assert_int_equal(c.bits, CLASS_WRITE);

    struct classify_opts sjis = {.unsafe_encoding = true};
    classify_sql(slice_of("select '\x83\x5c'"), classify_test_catalog(), &sjis, &c);
    assert_int_equal(c.bits, CLASS_UNKNOWN);
    classify_sql(slice_of("select 'a'"), classify_test_catalog(), &sjis, &c);
    assert_int_equal(c.bits, CLASS_READ);

    static _Alignas(16) char mem[4096];
    struct catalog own;
    assert_int_equal(catalog_init_plain(&own, mem, sizeof(mem)), 0);
    assert_int_equal(catalog_add_function(&own, slice_of("volatile_fn"), false), 0);
    assert_int_equal(catalog_add_function(&own, slice_of("current_setting"), false), 0);
    assert_int_equal(catalog_add_function(&own, slice_of("lower"), true), 0);
    catalog_seal(&own);
    struct classify_opts override = {.override = &own};
    classify_sql(slice_of("select volatile_fn(current_setting('a.b'))"), classify_test_catalog(),
                 &override, &c);
    assert_int_equal(c.bits, CLASS_READ);
    classify_sql(slice_of("select lower('x')"), classify_test_catalog(), &override, &c);
    assert_int_equal(c.reason, REASON_VOLATILE_FUNCTION);
}

/* Depth is bounded by nothing but the text; beyond the bits of a word no doubt is resolved in favour of a read. */
static void test_depth_and_length(void **state)
{
    (void)state;
    enum { SIZE = 400000 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    static const char *const parts[] = {"(",  "f(",    "set_config(", ",f(a,",         "1;",
                                        "a.", "case ", "'x'\n",       "with x(a) as ("};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        memcpy(text, "select ", 7);
        size_t at = 7, n = strlen(parts[i]);
        for (; at + n <= SIZE; at += n)
            memcpy(text + at, parts[i], n);
        struct classification c;
        classify_sql((struct slice){.p = text, .n = at}, classify_test_catalog(), NULL, &c);
        assert_true(c.bits != 0);
    }
    free(text);
    /* An alias with columns is believed up to 63 levels. */
    for (int depth = 1; depth < 200; depth++) {
        char sql[1024] = "select * from ";
        for (int i = 0; i < depth; i++)
            strncat(sql, "(", sizeof(sql) - strlen(sql) - 1);
        strncat(sql, "select 1", sizeof(sql) - strlen(sql) - 1);
        for (int i = 0; i < depth; i++)
            strncat(sql, ")", sizeof(sql) - strlen(sql) - 1);
        strncat(sql, " x(a)", sizeof(sql) - strlen(sql) - 1);
        assert_int_equal(classify(sql).bits, CLASS_READ); /* the outermost is what counts */
    }
}

static void test_names(void **state)
{
    (void)state;

    for (int i = 0; i < REASON_NR; i++) {
        assert_non_null(classify_reason_name((enum classify_reason)i));
        assert_non_null(classify_reason_text((enum classify_reason)i));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(classify_reason_name((enum classify_reason)i),
                                    classify_reason_name((enum classify_reason)k));
    }
}

/* Functions, views and facts of the database that may change the session; volatile operators. */
static void test_what_the_catalog_tells(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        bool read, touches;
    } cases[] = {
        {"select loud_fn(1)", false, true},
        {"select loud_safe(1)", true, true},
        {"select loud_safe from t", true, false},
        {"select * from v_loud", true, true},
        {"select a from s.v_loud", true, true},
        {"update t set a = loud_safe(a)", false, true},
        {"update t set a = new_fn(a)", false, true},
        {"update t set a = lower(a)", false, false},
        {"insert into t (a, b) values (lower('x'), 1) on conflict (a) do update set (a) = row (1)",
         false, false},
        {"insert into s.t (a) select new_fn(1)", false, true},
        {"insert into v_loud values (1)", false, true},
        {"delete from t where a = loud_fn(1)", false, true},
        {"do $$begin end$$", false, true},
        {"call x()", false, true},
        {"create table new_table (a int)", false, false},
        {"copy (select loud_safe(1)) to stdout", true, true},
        {"explain analyze select loud_safe(1)", true, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct classification c = classify(cases[i].sql);
        if ((c.bits == CLASS_READ) != cases[i].read ||
            ((c.touches & TOUCH_ANY) == TOUCH_ANY) != cases[i].touches)
            fail_msg("[%s] bits %x touches %x", cases[i].sql, c.bits, c.touches);
    }
    static _Alignas(16) char mem[64 * 1024];
    struct catalog own;
    struct classification c;
    assert_int_equal(catalog_init(&own, mem, sizeof(mem)), 0);
    assert_int_equal(catalog_add_row(&own, "o", slice_of("<%"), CATALOG_BIT_UNSAFE), 0);
    assert_int_equal(catalog_add_row(&own, "d", slice_of(""), CATALOG_FACT_TRIGGERS), 0);
    catalog_seal(&own);
    classify_sql(slice_of("select a <% b from t"), &own, NULL, &c);
    assert_int_equal(c.reason, REASON_OPERATOR);
    classify_sql(slice_of("select a operator(public.<%) b"), &own, NULL, &c);
    assert_int_equal(c.reason, REASON_OPERATOR);
    classify_sql(slice_of("select a < b from t"), &own, NULL, &c);
    assert_int_equal(c.bits, CLASS_READ);
    assert_int_equal(c.touches, 0);
    classify_sql(slice_of("insert into t values (1)"), &own, NULL, &c);
    assert_int_equal(c.touches & TOUCH_ANY, TOUCH_ANY);
    classify_sql(slice_of("commit"), &own, NULL, &c); /* deferred triggers */
    assert_int_equal(c.touches & TOUCH_ANY, TOUCH_ANY);
    own.facts = CATALOG_FACT_ALL;
    classify_sql(slice_of("select 1"), &own, NULL, &c);
    assert_int_equal(c.touches & TOUCH_ANY, TOUCH_ANY);
    own.facts = CATALOG_FACT_LIKE;
    classify_sql(slice_of("select a not ilike 'x'"), &own, NULL, &c);
    assert_int_equal(c.reason, REASON_OPERATOR);
    classify_sql(slice_of("select a similar to 'x'"), &own, NULL, &c);
    assert_int_equal(c.reason, REASON_OPERATOR);
    own.facts = CATALOG_FACT_UNSAFE;
    classify_sql(slice_of("select 1"), &own, NULL, &c);
    assert_int_equal(c.reason, REASON_HIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_what_the_catalog_tells),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_transaction_modes),
        cmocka_unit_test(test_counts_and_flags),
        cmocka_unit_test(test_sync_commit),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_depth_and_length),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("classify", tests, NULL, NULL);
}
