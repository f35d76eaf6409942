"""psqlODBC through unixODBC and pyodbc: autocommit off by default, server-side prepare, catalog functions, fast executemany."""
import datetime
import decimal
import sys

import pyodbc
from drv import ok, same, section, done, env, schema, rounds

pyodbc.pooling = False


def connect(**kw):
    more = "".join(f"{k}={v};" for k, v in kw.items())
    return pyodbc.connect("DRIVER={PostgreSQL Unicode};" + f"Server={env('PGHOST')};Port={env('PGPORT')};Database={env('PGDATABASE')};Uid={env('PGUSER')};"
                          f"Pwd={env('PGPASSWORD')};SSLmode={env('PGSSLMODE')};ConnSettings=SET search_path TO {schema},public%3bSET application_name TO odbc;"
                          "MaxVarcharSize=4000;BoolsAsChar=0;" + more, autocommit=kw.pop("autocommit", False))


def one(c, sql, *args):
    return c.execute(sql, *args).fetchone()[0]


def raises(what, state, f):
    try:
        f()
        ok(what, False, "no error")
    except pyodbc.Error as e:
        same(what, e.args[0], state)


conn = connect()


def parameters():
    same("ConnSettings", (one(conn, "SHOW application_name"), one(conn, "SHOW search_path")), ("odbc", f"{schema}, public"))
    conn.commit()
    same("over transactions", {one(conn, "SHOW search_path") for _ in range(10) if conn.commit() is None}, {f"{schema}, public"})
    conn.execute("SET timezone = 'Asia/Tokyo'")
    conn.commit()
    same("time zone sticks", {one(conn, "SELECT '2026-01-01 00:00+00'::timestamptz::text") for _ in range(20)}, {"2026-01-01 09:00:00+09"})
    conn.execute("SET timezone = 'UTC'")
    conn.commit()
    ok("getinfo", conn.getinfo(pyodbc.SQL_DBMS_NAME) == "PostgreSQL")


def tables():
    conn.execute("CREATE TABLE items (id serial PRIMARY KEY, name varchar(100) UNIQUE, n numeric(20, 5), at timestamp, raw bytea, b boolean, f float8)")
    conn.commit()
    cur = conn.cursor()
    cur.executemany("INSERT INTO items (name, n) VALUES (?, ?)", [(f"i{i}", decimal.Decimal(i)) for i in range(500)])
    conn.commit()
    same("executemany", one(conn, "SELECT count(*) FROM items"), 500)
    same("SQLTables", [r.table_name for r in conn.cursor().tables(schema=schema, tableType="TABLE")], ["items"])
    same("SQLColumns", [r.column_name for r in conn.cursor().columns(table="items", schema=schema)][:3], ["id", "name", "n"])
    same("SQLPrimaryKeys", [r.column_name for r in conn.cursor().primaryKeys(table="items", schema=schema)], ["id"])
    conn.commit()


def types():
    row = ("wörld ☺", decimal.Decimal("123456789.12345"), datetime.datetime(2026, 2, 3, 4, 5, 6, 789012), bytes(range(256)), True, 0.1)
    for k in range(4):
        i = one(conn, "INSERT INTO items (name, n, at, raw, b, f) VALUES (?, ?, ?, ?, ?, ?) RETURNING id", f"{row[0]}{k}", *row[1:])
        got = tuple(conn.execute("SELECT name, n, at, raw, b, f FROM items WHERE id = ?", i).fetchone())
    same("types", got, (f"{row[0]}{k}",) + row[1:])
    conn.commit()


def prepared():
    for server in (0, 1):
        c = connect(UseServerSidePrepare=server)
        cur = c.cursor()
        bad = sum(cur.execute("SELECT n FROM items WHERE name = ?", f"i{i}").fetchone()[0] != i for i in range(200))
        same(f"UseServerSidePrepare {server}", bad, 0)
        c.rollback()
        bad = sum(cur.execute(f"SELECT CAST(? AS int) + {i % 50}", i).fetchone()[0] != i + i % 50 for i in range(150))
        same("many texts", bad, 0)
        c.close()


def transactions():
    for mode in (0, 1, 2):    # none, whole transaction, statement
        c = connect(Protocol=f"7.4-{mode}")
        c.execute("INSERT INTO items (name) VALUES (?)", f"t{mode}")
        raises(f"unique violation, rollback mode {mode}", "23505", lambda: c.execute("INSERT INTO items (name) VALUES (?)", f"t{mode}"))
        try:
            left = one(c, "SELECT count(*) FROM items WHERE name = ?", f"t{mode}")
        except pyodbc.Error as e:
            left = e.args[0]
        same(f"what is left, mode {mode}", left, {0: "25P02", 1: 0, 2: 1}[mode])
        c.rollback()
        c.close()
    conn.execute("DELETE FROM items")
    conn.rollback()
    ok("rollback", one(conn, "SELECT count(*) FROM items") >= 500)
    conn.rollback()
    c = connect()
    c.set_attr(pyodbc.SQL_ATTR_TXN_ISOLATION, pyodbc.SQL_TXN_SERIALIZABLE)
    same("isolation", one(c, "SHOW transaction_isolation"), "serializable")
    c.rollback()
    raises("syntax error", "42601", lambda: c.execute("SELEC 1"))
    c.rollback()
    same("and on", one(c, "SELECT 1"), 1)
    c.close()


def cursors():
    for fetch in (0, 1):
        c = connect(UseDeclareFetch=fetch, Fetch=97)
        same(f"UseDeclareFetch {fetch}", sum(r[0] for r in c.execute("SELECT i FROM generate_series(1, 5000) i")), 12502500)
        c.rollback()
        c.close()
    c = connect(UseDeclareFetch=1, Fetch=50)
    c.autocommit = True
    cur = c.cursor()
    cur.execute("SELECT id FROM items ORDER BY id")
    cur.fetchmany(20)
    one(c, "SELECT 1")
    same("a cursor in autocommit", len(cur.fetchall()), one(c, "SELECT count(*) FROM items") - 20)
    c.close()


def objects():
    o = connect()
    conn.execute("CREATE TEMP TABLE mine AS SELECT 4711 AS a")
    conn.commit()
    same("temporary table", {one(conn, "SELECT a FROM mine") for _ in range(10) if conn.commit() is None}, {4711})
    raises("is nobody else's", "42P01", lambda: o.execute("SELECT a FROM mine"))
    o.rollback()
    conn.execute("DROP TABLE mine")
    conn.commit()
    one(conn, "SELECT pg_advisory_lock(81)::text")
    conn.commit()
    ok("advisory lock", one(o, "SELECT pg_try_advisory_lock(81)") in (False, "0"))
    same("unlock", bool(int(one(conn, "SELECT pg_advisory_unlock(81)"))), True)
    conn.commit()
    o.close()


def own_writes():
    c = connect()
    c.autocommit = True
    c.execute("CREATE TABLE rw (id int PRIMARY KEY, v int)")
    bad = 0
    for i in range(rounds):
        c.execute("INSERT INTO rw VALUES (?, ?)", i, 2 * i)
        r = c.execute("SELECT v FROM rw WHERE id = ?", i).fetchone()
        bad += r is None or r[0] != 2 * i
    same(f"{rounds} rounds of write and read", bad, 0)
    c.close()


for f in (parameters, tables, types, prepared, transactions, cursors, objects, own_writes):
    section(f)
conn.close()
done()
