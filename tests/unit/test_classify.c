#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
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
        if (c.bits == CLASS_READ && c.reason == REASON_NONE && c.pin == PIN_NONE &&
            !c.mentions_sync_commit)
            continue;
        print_error("[%s] bits %x, %s at [%.*s], pin %s\n", reads[i], c.bits,
                    classify_reason_name(c.reason), (int)c.token.n, c.token.n ? c.token.p : "",
                    classify_pin_name(c.pin));
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

struct row {
    const char *sql;
    unsigned bits;
    enum classify_reason reason;
    const char *token; /* NULL: not compared */
    enum classify_pin pin;
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
    {"insert into t values (1)", W_, REASON_DML, "insert", PIN_NONE},
    {"INSERT INTO t SELECT 1 RETURNING a", W_, REASON_DML, "INSERT", PIN_NONE},
    {"update t set a = 1", W_, REASON_DML, "update", PIN_NONE},
    {"delete from t", W_, REASON_DML, "delete", PIN_NONE},
    {"merge into t using s on true when matched then delete", W_, REASON_DML, "merge", PIN_NONE},
    {"with x as (insert into t values (1) returning *) select * from x", W_, REASON_DML, "insert",
     PIN_NONE},
    {"with x as (select 1) delete from t", W_, REASON_DML, "delete", PIN_NONE},
    {"with x as (select 1), y as (update t set a = 1 returning a) select 1", W_, REASON_DML,
     "update", PIN_NONE},
    {"with x(a) as (delete from t returning a) select 1", W_, REASON_DML, "delete", PIN_NONE},
    {"with x as (select 1) insert into t select * from x", W_, REASON_DML, "insert", PIN_NONE},
    {"with x as (merge into t using s on true when matched then delete returning 1) select 1", W_,
     REASON_DML, "merge", PIN_NONE},
    {"select update from t", W_, REASON_DML, "update", PIN_NONE}, /* a column, but who knows */
    {"explain analyze insert into t values (1)", W_, REASON_DML, "insert", PIN_NONE},
    {"explain (analyze) delete from t", W_, REASON_DML, "delete", PIN_NONE},
    {"explain update t set a = 1", W_, REASON_DML, "update", PIN_NONE},
    {"explain analyze with x as (delete from t returning 1) select 1", W_, REASON_DML, "delete",
     PIN_NONE},
    {"copy (delete from t returning *) to stdout", W_ | U_, REASON_COPY, "copy", PIN_NONE},
    {"copy (with x as (delete from t returning *) select * from x) to stdout", W_, REASON_DML,
     "delete", PIN_NONE},
    {"select 1; delete from t", W_, REASON_DML, "delete", PIN_NONE},
    {"/**/insert/**/into t values(1)", W_, REASON_DML, "insert", PIN_NONE},

    /* SELECT INTO and locking. */
    {"select * into x from t", W_, REASON_INTO, "into", PIN_NONE},
    {"select 1into x", W_, REASON_INTO, "into", PIN_NONE},
    {"select * into temp x from t", W_, REASON_INTO, "into", PIN_TEMP},
    {"select * into temporary table x from t", W_, REASON_INTO, "into", PIN_TEMP},
    {"select * into local temp x from t", W_, REASON_INTO, "into", PIN_TEMP},
    {"select * into unlogged x from t", W_, REASON_INTO, "into", PIN_NONE},
    {"select * from t for update", W_, REASON_LOCKING, "for", PIN_NONE},
    {"select * from t for share", W_, REASON_LOCKING, "for", PIN_NONE},
    {"select * from t for no key update of t nowait", W_, REASON_LOCKING, "for", PIN_NONE},
    {"select * from t for key share skip locked", W_, REASON_LOCKING, "for", PIN_NONE},
    {"select * from (select * from t for update) x", W_, REASON_LOCKING, "for", PIN_NONE},
    {"select substring((select a from t for update) from 1 for 2)", W_, REASON_LOCKING, "for",
     PIN_NONE},
    {"select * from t for/**/update", W_, REASON_LOCKING, "for", PIN_NONE},
    {"select substring('a' from 1 for 2) from t for share", W_, REASON_LOCKING, "for", PIN_NONE},
    {"select f('a' for 2)", U_, REASON_LOCKING, "for", PIN_NONE},
    {"select a from t for something", U_, REASON_LOCKING, "for", PIN_NONE},
    {"(select * from t) for update", W_, REASON_LOCKING, "for", PIN_NONE},
    {"values (1) for update", W_, REASON_LOCKING, "for", PIN_NONE},
    {"explain analyze select * from t for update", W_, REASON_LOCKING, "for", PIN_NONE},

    /* Functions. */
    {"select nextval('s')", U_, REASON_VOLATILE_FUNCTION, "nextval", PIN_NONE},
    {"select NextVal ('s')", U_, REASON_VOLATILE_FUNCTION, "NextVal", PIN_NONE},
    {"select pg_catalog.nextval('s')", U_, REASON_VOLATILE_FUNCTION, "nextval", PIN_NONE},
    {"select \"nextval\"('s')", U_, REASON_VOLATILE_FUNCTION, "\"nextval\"", PIN_NONE},
    {"select pg_catalog . /* x */ \"nextval\" -- y\n ('s')", U_, REASON_VOLATILE_FUNCTION,
     "\"nextval\"", PIN_NONE},
    {"select \"NEXTVAL\"('s')", U_, REASON_UNKNOWN_FUNCTION, "\"NEXTVAL\"", PIN_NONE},
    {"select u&\"nextval\"('s')", U_, REASON_NAME, "u&\"nextval\"", PIN_SET},
    {"select u&\"\\006eextval\"('s')", U_, REASON_NAME, "u&\"\\006eextval\"", PIN_SET},
    {"select \"a\"\"b\"(1)", U_, REASON_NAME, "\"a\"\"b\"", PIN_NONE},
    {"select setval('s', 1)", U_, REASON_VOLATILE_FUNCTION, "setval", PIN_NONE},
    {"select currval('s'), lastval()", U_, REASON_VOLATILE_FUNCTION, "currval", PIN_NONE},
    {"select volatile_fn(1)", U_, REASON_VOLATILE_FUNCTION, "volatile_fn", PIN_NONE},
    {"select mixed(1)", U_, REASON_VOLATILE_FUNCTION, "mixed", PIN_NONE},
    {"select unknown_fn(1)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn", PIN_NONE},
    {"select public.unknown_fn(1)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn", PIN_NONE},
    {"select * from unknown_fn(1) as x(a int)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn",
     PIN_NONE},
    {"select * from t, unknown_fn(a) as x(a int)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn",
     PIN_NONE},
    {"select * from t, unknown_fn(a) as (a int)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn",
     PIN_NONE},
    {"select * from t, unknown_fn(a) as (values int)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn",
     PIN_NONE},
    {"select a, unknown_fn(b) from t", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn", PIN_NONE},
    {"select public.coalesce(1)", U_, REASON_UNKNOWN_FUNCTION, "coalesce", PIN_NONE},
    {"select public.select(1)", U_, REASON_UNKNOWN_FUNCTION, "select", PIN_NONE},
    {"select \"coalesce\"(1)", U_, REASON_UNKNOWN_FUNCTION, "\"coalesce\"", PIN_NONE},
    {"select distinct on (a) volatile_fn(b) from t", U_, REASON_VOLATILE_FUNCTION, "volatile_fn",
     PIN_NONE},
    {"select distinct on ((a)) unknown_fn(b) from t", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn",
     PIN_NONE},
    {"select 1 operator(pg_catalog.+) unknown_fn(2)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn",
     PIN_NONE},
    {"select count(*) filter (where volatile_fn(a)) from t", U_, REASON_VOLATILE_FUNCTION,
     "volatile_fn", PIN_NONE},
    {"select treat('s' as nextval)", U_, REASON_UNKNOWN_FUNCTION, "treat",
     PIN_NONE}, /* it calls that */
    {"select by(1)", U_, REASON_UNKNOWN_FUNCTION, "by", PIN_NONE},
    {"select rollup(1) from t order by rollup(2)", U_, REASON_UNKNOWN_FUNCTION, "rollup", PIN_NONE},
    {"select 1 where not materialized(2)", U_, REASON_UNKNOWN_FUNCTION, "materialized", PIN_NONE},
    {"select distinct on (a) over(b) from t", U_, REASON_UNKNOWN_FUNCTION, "over", PIN_NONE},
    {"select a operator(pg_catalog.+) filter(b) from t", U_, REASON_UNKNOWN_FUNCTION, "filter",
     PIN_NONE},
    {"select next(1), first(2)", U_, REASON_UNKNOWN_FUNCTION, "next", PIN_NONE},
    {"select * from t tablesample lower(1)", U_, REASON_UNKNOWN_FUNCTION, "lower", PIN_NONE},
    {"select groups (1) from t", U_, REASON_VOLATILE_FUNCTION, "groups",
     PIN_NONE}, /* a key word and a function */
    {"select * from t tablesample volatile_fn(1)", U_, REASON_VOLATILE_FUNCTION, "volatile_fn",
     PIN_NONE},
    {"select bernoulli(1)", U_, REASON_VOLATILE_FUNCTION, "bernoulli", PIN_NONE},
    {"select a like unknown_fn(b) escape unknown_fn(c) from t", U_, REASON_UNKNOWN_FUNCTION,
     "unknown_fn", PIN_NONE},
    {"select a::int4 from t where x = unknown_fn(1)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn",
     PIN_NONE},
    {"select a::numeric(10,2), unknown_fn(1) from t", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn",
     PIN_NONE},
    {"select numeric(10,2) unknown_fn(1)", U_, REASON_UNKNOWN_FUNCTION, "unknown_fn", PIN_NONE},
    {"values (nextval('s'))", U_, REASON_VOLATILE_FUNCTION, "nextval", PIN_NONE},
    {"select * from t order by volatile_fn(a)", U_, REASON_VOLATILE_FUNCTION, "volatile_fn",
     PIN_NONE},
    {"with x as (select volatile_fn(1)) select * from x", U_, REASON_VOLATILE_FUNCTION,
     "volatile_fn", PIN_NONE},
    {"with x as (select 1), volatile_fn(a) as (select 1) select 1", U_, REASON_VOLATILE_FUNCTION,
     "volatile_fn", PIN_NONE},
    {"select (select volatile_fn(1))", U_, REASON_VOLATILE_FUNCTION, "volatile_fn", PIN_NONE},
    {"select array[volatile_fn(1)]", U_, REASON_VOLATILE_FUNCTION, "volatile_fn", PIN_NONE},
    {"copy (select volatile_fn(1)) to stdout", U_, REASON_VOLATILE_FUNCTION, "volatile_fn",
     PIN_NONE},
    {"explain select volatile_fn(1)", U_, REASON_VOLATILE_FUNCTION, "volatile_fn", PIN_NONE},
    {"select txid_current()", U_, REASON_VOLATILE_FUNCTION, "txid_current", PIN_NONE},
    {"select pg_current_xact_id()", U_, REASON_VOLATILE_FUNCTION, "pg_current_xact_id", PIN_NONE},
    {"select pg_current_wal_lsn()", U_, REASON_VOLATILE_FUNCTION, "pg_current_wal_lsn", PIN_NONE},
    {"select pg_is_in_recovery()", U_, REASON_VOLATILE_FUNCTION, "pg_is_in_recovery", PIN_NONE},
    {"select pg_last_wal_replay_lsn()", U_, REASON_VOLATILE_FUNCTION, "pg_last_wal_replay_lsn",
     PIN_NONE},
    {"select inet_server_addr()", U_, REASON_VOLATILE_FUNCTION, "inet_server_addr", PIN_NONE},
    {"select pg_backend_pid()", U_, REASON_VOLATILE_FUNCTION, "pg_backend_pid", PIN_NONE},
    {"select pg_notify('a', 'b')", U_, REASON_VOLATILE_FUNCTION, "pg_notify", PIN_NONE},
    {"select lo_import('x')", U_, REASON_VOLATILE_FUNCTION, "lo_import", PIN_NONE},
    {"select lo_something_new(1)", U_, REASON_VOLATILE_FUNCTION, "lo_something_new", PIN_NONE},
    {"select * from dblink('x', 'y') as t(a int)", U_, REASON_VOLATILE_FUNCTION, "dblink",
     PIN_NONE},
    {"select pg_read_file('x')", U_, REASON_VOLATILE_FUNCTION, "pg_read_file", PIN_NONE},
    {"select current_setting('x')", U_, REASON_VOLATILE_FUNCTION, "current_setting", PIN_NONE},
    {"select setseed(0.5)", U_, REASON_VOLATILE_FUNCTION, "setseed", PIN_NONE},
    {"select a234567890123456789012345678901234567890123456789012345678901234(1)", U_, REASON_NAME,
     NULL, PIN_NONE},

    /* Relations. */
    {"select * from unlogged_t", U_, REASON_PRIMARY_RELATION, "unlogged_t", PIN_NONE},
    {"select * from public.Unlogged_T", U_, REASON_PRIMARY_RELATION, "Unlogged_T", PIN_NONE},
    {"select * from t join \"foreign_t\" using (a)", U_, REASON_PRIMARY_RELATION, "\"foreign_t\"",
     PIN_NONE},
    {"select * from mixed_case", R_, REASON_NONE, NULL, PIN_NONE},
    {"select * from \"Mixed_Case\"", U_, REASON_PRIMARY_RELATION, "\"Mixed_Case\"", PIN_NONE},
    {"table v_volatile", U_, REASON_PRIMARY_RELATION, "v_volatile", PIN_NONE},
    {"select last_value from some_seq", U_, REASON_PRIMARY_RELATION, "some_seq", PIN_NONE},
    {"select * from pg_stat_activity", U_, REASON_PRIMARY_RELATION, "pg_stat_activity", PIN_NONE},
    {"select * from pg_catalog.pg_locks", U_, REASON_PRIMARY_RELATION, "pg_locks", PIN_NONE},
    {"select * from pg_settings", U_, REASON_PRIMARY_RELATION, "pg_settings", PIN_NONE},
    {"select * from pg_prepared_statements", U_, REASON_PRIMARY_RELATION, "pg_prepared_statements",
     PIN_NONE},
    {"select * from pg_cursors", U_, REASON_PRIMARY_RELATION, "pg_cursors", PIN_NONE},
    {"select * from pg_replication_slots", U_, REASON_PRIMARY_RELATION, "pg_replication_slots",
     PIN_NONE},
    {"select * from u&\"\\0075nlogged_t\"", U_, REASON_NAME, NULL, PIN_NONE},
    {"select * from pg_temp.x", U_, REASON_TEMP, "pg_temp", PIN_TEMP},
    {"select * from \"pg_temp\".x", U_, REASON_TEMP, "\"pg_temp\"", PIN_TEMP},
    {"select * from pg_temp_3.x", U_, REASON_TEMP, "pg_temp_3", PIN_TEMP},
    {"copy unlogged_t to stdout", U_, REASON_PRIMARY_RELATION, "unlogged_t", PIN_NONE},
    {"copy (select * from unlogged_t) to stdout", U_, REASON_PRIMARY_RELATION, "unlogged_t",
     PIN_NONE},

    /* COPY. */
    {"copy t from stdin", W_, REASON_COPY, "copy", PIN_NONE},
    {"copy t (a, b) from stdin with (format csv)", W_, REASON_COPY, "copy", PIN_NONE},
    {"copy t to '/tmp/x'", W_, REASON_COPY, "copy", PIN_NONE},
    {"copy t to program 'cat'", W_, REASON_COPY, "copy", PIN_NONE},
    {"copy (select 1) to '/tmp/x'", W_, REASON_COPY, "copy", PIN_NONE},
    {"copy (select 1) to program 'cat'", W_, REASON_COPY, "copy", PIN_NONE},
    {"copy t from '/tmp/x'", W_, REASON_COPY, "copy", PIN_NONE},
    {"copy t to \"stdout\"", W_, REASON_COPY, "copy", PIN_NONE},
    {"copy t", U_, REASON_SYNTAX, NULL, PIN_NONE},
    {"copy (select 1", U_, REASON_SYNTAX, NULL, PIN_NONE},
    {"copy", U_, REASON_SYNTAX, NULL, PIN_NONE},

    /* Commands. */
    {"create table t (a int)", W_, REASON_UTILITY, "create", PIN_NONE},
    {"create table t as select 1", W_, REASON_UTILITY, "create", PIN_NONE},
    {"create temp table t (a int)", W_, REASON_UTILITY, "create", PIN_TEMP},
    {"create temporary table t as select 1", W_, REASON_UTILITY, "create", PIN_TEMP},
    {"create local temporary sequence s", W_, REASON_UTILITY, "create", PIN_TEMP},
    {"create global temp table t (a int)", W_, REASON_UTILITY, "create", PIN_TEMP},
    {"create or replace temp view v as select 1", W_, REASON_UTILITY, "create", PIN_TEMP},
    {"create table pg_temp.t (a int)", W_ | U_, REASON_UTILITY, "create", PIN_TEMP},
    {"create table t (temp int)", W_, REASON_UTILITY, "create", PIN_NONE},
    {"explain analyze create temp table t as select 1", W_, REASON_UTILITY, "create", PIN_TEMP},
    {"create function f() returns int language sql begin atomic select 1; select case when true "
     "then 1 end; end",
     W_, REASON_UTILITY, "create", PIN_NONE},
    {"create function f() returns int begin atomic select 1; end; select 1", W_, REASON_UTILITY,
     "create", PIN_NONE},
    {"create rule r as on insert to t do (select 1; select 2)", W_, REASON_UTILITY, "create",
     PIN_NONE},
    {"drop table t", W_, REASON_UTILITY, "drop", PIN_NONE},
    {"alter table t add b int", W_, REASON_UTILITY, "alter", PIN_NONE},
    {"truncate t", W_, REASON_UTILITY, "truncate", PIN_NONE},
    {"vacuum", W_, REASON_UTILITY, "vacuum", PIN_NONE},
    {"analyze t", W_, REASON_UTILITY, "analyze", PIN_NONE},
    {"analyse", W_, REASON_UTILITY, "analyse", PIN_NONE},
    {"grant select on t to u", W_, REASON_UTILITY, "grant", PIN_NONE},
    {"revoke all on t from u", W_, REASON_UTILITY, "revoke", PIN_NONE},
    {"comment on table t is 'x'", W_, REASON_UTILITY, "comment", PIN_NONE},
    {"security label on table t is 'x'", W_, REASON_UTILITY, "security", PIN_NONE},
    {"lock table t", W_, REASON_UTILITY, "lock", PIN_NONE},
    {"call p()", W_, REASON_UTILITY, "call", PIN_NONE},
    {"do $$ begin end $$", W_, REASON_UTILITY, "do", PIN_NONE},
    {"refresh materialized view v", W_, REASON_UTILITY, "refresh", PIN_NONE},
    {"reindex table t", W_, REASON_UTILITY, "reindex", PIN_NONE},
    {"cluster t", W_, REASON_UTILITY, "cluster", PIN_NONE},
    {"checkpoint", W_, REASON_UTILITY, "checkpoint", PIN_NONE},
    {"reassign owned by a to b", W_, REASON_UTILITY, "reassign", PIN_NONE},
    {"import foreign schema s from server x into y", W_, REASON_UTILITY, "import", PIN_NONE},
    {"notify c", W_, REASON_UTILITY, "notify", PIN_NONE},
    {"frobnicate the table", U_, REASON_UTILITY, "frobnicate", PIN_NONE},
    {"\"select\" 1", U_, REASON_UTILITY, "\"select\"", PIN_NONE},
    {"'select' 1", U_, REASON_SYNTAX, "'select'", PIN_NONE},
    {"(delete from t)", U_, REASON_SYNTAX, "(", PIN_NONE},
    {"explain", U_, REASON_SYNTAX, "explain", PIN_NONE},
    {"explain explain select 1", U_, REASON_SYNTAX, "explain", PIN_NONE},
    {"explain begin", U_, REASON_SYNTAX, "explain", PIN_NONE},
    {"explain execute p", S_ | U_, REASON_PREPARED, "execute", PIN_PREPARE},
    {"explain declare c cursor for select 1", U_, REASON_CURSOR, "declare", PIN_NONE},

    /* Session. */
    {"set a = 1", S_, REASON_SESSION, "set", PIN_SET},
    {"set session a to default", S_, REASON_SESSION, "set", PIN_SET},
    {"set local a = 1", S_, REASON_SESSION, "set", PIN_NONE},
    {"set time zone 'utc'", S_, REASON_SESSION, "set", PIN_SET},
    {"set local time zone 'utc'", S_, REASON_SESSION, "set", PIN_NONE},
    {"set role x", S_, REASON_SESSION, "set", PIN_SET},
    {"set local role x", S_, REASON_SESSION, "set", PIN_NONE},
    {"set session authorization x", S_, REASON_SESSION, "set", PIN_SET},
    {"set local session authorization x", S_, REASON_SESSION, "set", PIN_NONE},
    {"set session session authorization x", S_, REASON_SESSION, "set", PIN_SET},
    {"set session characteristics as transaction read only", S_, REASON_SESSION, "set", PIN_SET},
    {"set constraints all deferred", S_, REASON_SESSION, "set", PIN_NONE},
    {"set transaction read only", S_, REASON_SESSION, "set", PIN_NONE},
    {"set transaction snapshot 'x'", S_ | U_, REASON_SESSION, "set", PIN_NONE},
    {"set search_path = pg_temp, public", S_ | U_, REASON_SESSION, "set", PIN_SET},
    {"reset a", S_, REASON_SESSION, "reset", PIN_SET},
    {"reset all", S_, REASON_SESSION, "reset", PIN_SET},
    {"reset session authorization", S_, REASON_SESSION, "reset", PIN_SET},
    {"show a", U_, REASON_SESSION, "show", PIN_NONE},
    {"show transaction_read_only", U_, REASON_SESSION, "show", PIN_NONE},
    {"discard all", S_, REASON_SESSION, "discard", PIN_NONE},
    {"discard temp", S_, REASON_SESSION, "discard", PIN_NONE},
    {"listen c", S_, REASON_SESSION, "listen", PIN_LISTEN},
    {"unlisten *", S_, REASON_SESSION, "unlisten", PIN_NONE},
    {"load 'x'", S_, REASON_SESSION, "load", PIN_LOAD},
    {"prepare p as select 1", S_, REASON_PREPARED, "prepare", PIN_PREPARE},
    {"prepare p (int) as delete from t", S_, REASON_PREPARED, "prepare", PIN_PREPARE},
    {"prepare transaction as select 1", S_, REASON_PREPARED, "prepare", PIN_PREPARE},
    {"execute p (1)", S_ | U_, REASON_PREPARED, "execute", PIN_PREPARE},
    {"deallocate p", S_, REASON_PREPARED, "deallocate", PIN_PREPARE},
    {"deallocate prepare p", S_, REASON_PREPARED, "deallocate", PIN_PREPARE},
    {"deallocate prepare", S_, REASON_PREPARED, "deallocate", PIN_PREPARE},
    {"deallocate all", S_, REASON_PREPARED, "deallocate", PIN_NONE},
    {"declare c cursor for select 1", U_, REASON_CURSOR, "declare", PIN_NONE},
    {"declare c cursor with hold for select 1", U_, REASON_CURSOR, "declare", PIN_CURSOR_HOLD},
    {"declare c insensitive no scroll cursor without hold for select 1", U_, REASON_CURSOR,
     "declare", PIN_NONE},
    {"declare c cursor for with hold as (select 1) select * from hold", U_, REASON_CURSOR,
     "declare", PIN_NONE},
    {"fetch 5 from c", U_, REASON_CURSOR, "fetch", PIN_NONE},
    {"move c", U_, REASON_CURSOR, "move", PIN_NONE},
    {"close c", U_, REASON_CURSOR, "close", PIN_NONE},
    {"select set_config('a', 'b', false)", U_, REASON_VOLATILE_FUNCTION, "set_config", PIN_SET},
    {"select set_config('a', 'b', true)", U_, REASON_VOLATILE_FUNCTION, "set_config", PIN_NONE},
    {"select set_config('a', 'b', TRUE)", U_, REASON_VOLATILE_FUNCTION, "set_config", PIN_NONE},
    {"select set_config('a', 'b', $1)", U_, REASON_VOLATILE_FUNCTION, "set_config", PIN_SET},
    {"select set_config('a', 'b', not true)", U_, REASON_VOLATILE_FUNCTION, "set_config", PIN_SET},
    {"select set_config('a', f(1, 2), true)", U_, REASON_VOLATILE_FUNCTION, "set_config", PIN_NONE},
    {"select set_config('a', 'b', true", U_, REASON_VOLATILE_FUNCTION, "set_config", PIN_SET},
    {"select pg_catalog.set_config('a', 'b', false)", U_, REASON_VOLATILE_FUNCTION, "set_config",
     PIN_SET},
    {"insert into t values (set_config('a', 'b', false))", W_, REASON_DML, "insert", PIN_SET},
    {"select pg_advisory_lock(1)", U_, REASON_VOLATILE_FUNCTION, "pg_advisory_lock", PIN_ADVISORY},
    {"select pg_advisory_lock_shared(1)", U_, REASON_VOLATILE_FUNCTION, NULL, PIN_ADVISORY},
    {"select pg_try_advisory_lock(1, 2)", U_, REASON_VOLATILE_FUNCTION, NULL, PIN_ADVISORY},
    {"select \"pg_try_advisory_lock\"(1, 2)", U_, REASON_VOLATILE_FUNCTION, NULL, PIN_ADVISORY},
    {"select pg_advisory_xact_lock(1)", U_, REASON_VOLATILE_FUNCTION, NULL, PIN_NONE},
    {"select pg_try_advisory_xact_lock_shared(1)", U_, REASON_VOLATILE_FUNCTION, NULL, PIN_NONE},
    {"update t set a = 1 where pg_try_advisory_lock(2)", W_, REASON_DML, "update", PIN_ADVISORY},

    /* Transactions. */
    {"begin", B_, REASON_TRANSACTION, "begin", PIN_NONE},
    {"BEGIN;", B_, REASON_TRANSACTION, "BEGIN", PIN_NONE},
    {"begin work", B_, REASON_TRANSACTION, "begin", PIN_NONE},
    {"begin transaction isolation level serializable, read only, deferrable", B_,
     REASON_TRANSACTION, "begin", PIN_NONE},
    {"start transaction", B_, REASON_TRANSACTION, "start", PIN_NONE},
    {"start transaction read write isolation level read committed", B_, REASON_TRANSACTION, "start",
     PIN_NONE},
    {"begin read only", B_, REASON_TRANSACTION, "begin", PIN_NONE},
    {"begin /* x */ read -- y\n only", B_, REASON_TRANSACTION, "begin", PIN_NONE},
    {"start", U_, REASON_SYNTAX, NULL, PIN_NONE},
    {"start work", U_, REASON_SYNTAX, NULL, PIN_NONE},
    {"begin foo", U_, REASON_SYNTAX, "foo", PIN_NONE},
    {"begin read", U_, REASON_SYNTAX, NULL, PIN_NONE},
    {"begin read only,", U_, REASON_SYNTAX, NULL, PIN_NONE},
    {"begin isolation level", U_, REASON_SYNTAX, NULL, PIN_NONE},
    {"begin isolation level chaos", U_, REASON_SYNTAX, "chaos", PIN_NONE},
    {"begin read only 'x", U_, REASON_SYNTAX, NULL, PIN_NONE},
    {"commit", C_, REASON_TRANSACTION, "commit", PIN_NONE},
    {"commit work", C_, REASON_TRANSACTION, "commit", PIN_NONE},
    {"commit and no chain", C_, REASON_TRANSACTION, "commit", PIN_NONE},
    {"end transaction", C_, REASON_TRANSACTION, "end", PIN_NONE},
    {"commit and chain", C_, REASON_TRANSACTION, "commit", PIN_NONE},
    {"commit and", U_, REASON_SYNTAX, NULL, PIN_NONE},
    {"commit prepared 'x'", W_, REASON_UTILITY, NULL, PIN_NONE},
    {"rollback prepared 'x'", W_, REASON_UTILITY, NULL, PIN_NONE},
    {"prepare transaction 'x'", C_ | W_, REASON_TRANSACTION, "prepare", PIN_NONE},
    {"rollback", A_, REASON_TRANSACTION, "rollback", PIN_NONE},
    {"abort", A_, REASON_TRANSACTION, "abort", PIN_NONE},
    {"rollback transaction and chain", A_, REASON_TRANSACTION, "rollback", PIN_NONE},
    {"rollback to a", P_, REASON_TRANSACTION, "rollback", PIN_NONE},
    {"rollback work to savepoint a", P_, REASON_TRANSACTION, "rollback", PIN_NONE},
    {"rollback to savepoint", P_, REASON_TRANSACTION, "rollback", PIN_NONE},
    {"rollback to", U_, REASON_SYNTAX, NULL, PIN_NONE},
    {"abort to a", U_, REASON_SYNTAX, NULL, PIN_NONE},
    {"savepoint a", P_, REASON_TRANSACTION, "savepoint", PIN_NONE},
    {"release a", P_, REASON_TRANSACTION, "release", PIN_NONE},
    {"release savepoint \"A b\"", P_, REASON_TRANSACTION, "release", PIN_NONE},
    {"savepoint", U_, REASON_SYNTAX, NULL, PIN_NONE},
    {"savepoint 1", U_, REASON_SYNTAX, NULL, PIN_NONE},

    /* Several statements. */
    {"begin; select 1", B_ | U_, REASON_TRANSACTION, "begin", PIN_NONE},
    {"begin; insert into t values (1); commit", B_ | C_ | W_ | U_, REASON_TRANSACTION, "begin",
     PIN_NONE},
    {"select 1; commit;", C_ | U_, REASON_TRANSACTION, "commit", PIN_NONE},
    {"select 1; set a = 1", S_, REASON_SESSION, "set", PIN_SET},
    {"select 1; select nextval('s')", U_, REASON_VOLATILE_FUNCTION, "nextval", PIN_NONE},
    {"select 1; 'x", U_, REASON_LEX_ERROR, "'x", PIN_NONE},
    {"discard all; listen x", S_, REASON_SESSION, "discard", PIN_LISTEN},

    /* Not well-formed. */
    {"select 'a", U_, REASON_LEX_ERROR, "'a", PIN_NONE},
    {"select \"a", U_, REASON_LEX_ERROR, "\"a", PIN_NONE},
    {"select /* a", U_, REASON_LEX_ERROR, "/* a", PIN_NONE},
    {"select $a$ b", U_, REASON_LEX_ERROR, "$a$ b", PIN_NONE},
    {"select \\x", U_, REASON_LEX_ERROR, NULL, PIN_NONE},
    {"'", U_, REASON_LEX_ERROR, "'", PIN_NONE},
    {"select (1", U_, REASON_SYNTAX, NULL, PIN_NONE},
    {"select 1)", U_, REASON_SYNTAX, ")", PIN_NONE},
    {"select (1; select 2)", U_, REASON_SYNTAX, ";", PIN_NONE},
    {"((((", U_, REASON_SYNTAX, "(", PIN_NONE},

    /* Where one quoting rule decides what is seen: each of these deletes. */
    {"select e'\\'' ; delete from t --'", W_, REASON_DML, "delete", PIN_NONE},
    {"select '\\' ; delete from t --'", W_, REASON_DML, "delete", PIN_NONE},
    {"select e''\n'\\' || '; delete from t; --'", W_, REASON_DML, "delete", PIN_NONE},
    {"select $a$ $b$ $a$; delete from t; -- $b$", W_, REASON_DML, "delete", PIN_NONE},
    {"select a$b$ from t; delete from t; select $b$ $b$", W_, REASON_DML, "delete", PIN_NONE},
    {"select /* /* */ */ 1; delete from t /* */", W_, REASON_DML, "delete", PIN_NONE},
    {"select /*/ */ 1; delete from t", W_, REASON_DML, "delete", PIN_NONE},
    {"select \"a\"\"b\", 1; delete from t --\"", W_ | U_, REASON_NAME, NULL, PIN_NONE},
    {"select 1 --\r; delete from t", W_, REASON_DML, "delete", PIN_NONE},
    {"select n'\\'; delete from t --'", W_, REASON_DML, "delete", PIN_NONE},
    {"select b'\\'; delete from t --'", W_, REASON_DML, "delete", PIN_NONE},
    {"select u&'\\'; delete from t --'", W_, REASON_DML, "delete", PIN_NONE},
};

static void test_rows(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        struct classification c = classify(r->sql);
        bool token = !r->token || slice_eq(c.token, r->token);
        if (c.bits == r->bits && c.reason == r->reason && c.pin == r->pin && token)
            continue;
        print_error("[%s] bits %x not %x, %s not %s, at [%.*s], pin %s not %s\n", r->sql, c.bits,
                    r->bits, classify_reason_name(c.reason), classify_reason_name(r->reason),
                    (int)c.token.n, c.token.n ? c.token.p : "", classify_pin_name(c.pin),
                    classify_pin_name(r->pin));
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

    assert_true(classify("discard all").unpin);
    assert_true(classify("DISCARD ALL;").unpin);
    assert_false(classify("discard all; select 1").unpin);
    assert_false(classify("discard plans").unpin);
    assert_true(classify("discard all").drops_prepared);
    assert_true(classify("deallocate all").drops_prepared);
    assert_true(classify("deallocate prepare all").drops_prepared);
    assert_false(classify("deallocate \"all\"").drops_prepared);

    struct classification c = classify("/* tanist: primary */ select 1");
    assert_true(slice_eq(c.hint, "primary"));
    assert_int_equal(c.bits, CLASS_READ);
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
    for (int i = 0; i < PIN_NR; i++)
        assert_non_null(classify_pin_name((enum classify_pin)i));
    for (int i = 0; i < REASON_NR; i++) {
        assert_non_null(classify_reason_name((enum classify_reason)i));
        assert_non_null(classify_reason_text((enum classify_reason)i));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(classify_reason_name((enum classify_reason)i),
                                    classify_reason_name((enum classify_reason)k));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
