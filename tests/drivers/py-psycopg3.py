"""psycopg 3: extended protocol, prepare_threshold, binary formats, pipelines, COPY objects, async connections."""
import asyncio
import datetime
import decimal
import threading
import uuid

import psycopg
from psycopg import sql
from psycopg.rows import dict_row, namedtuple_row
from psycopg.types.json import Jsonb
from drv import ok, same, raises, section, done, schema, rounds


def connect(**kw):
    kw.setdefault("application_name", "drv psycopg3")
    kw.setdefault("options", f"-csearch_path={schema},public")
    return psycopg.connect("", connect_timeout=20, **kw)


def one(conn, query, args=None, **kw):
    return conn.execute(query, args, **kw).fetchone()[0]


conn = connect(autocommit=True)


def parameters():
    same("application_name", one(conn, "SHOW application_name"), "drv psycopg3")
    same("its ParameterStatus", conn.info.parameter_status("application_name"), "drv psycopg3")
    same("search_path", one(conn, "SHOW search_path"), f"{schema},public")
    conn.execute("SET TIME ZONE 'Europe/Rome'")
    same("info.timezone follows SET", str(conn.info.timezone), "Europe/Rome")
    got = {one(conn, "SELECT '2026-07-01 12:00+00'::timestamptz").isoformat() for _ in range(20)}
    same("timezone sticks", got, {"2026-07-01T14:00:00+02:00"})
    conn.execute("SELECT set_config('app.who', %s, false)", ("jill",))
    same("a setting of its own sticks", {one(conn, "SELECT current_setting('app.who')") for _ in range(20)}, {"jill"})
    with conn.transaction():
        conn.execute("SET LOCAL app.who = 'jack'")
        same("SET LOCAL", one(conn, "SHOW app.who"), "jack")
    same("is over with its transaction", one(conn, "SHOW app.who"), "jill")
    with conn.transaction(force_rollback=True):
        conn.execute("SET TIME ZONE 'Asia/Tokyo'")
    same("a SET that was rolled back", one(conn, "SHOW timezone"), "Europe/Rome")
    conn.execute("RESET ALL")
    same("RESET ALL", one(conn, "SHOW timezone"), one(connect(), "SHOW timezone"))


def tables():
    with conn.transaction():
        conn.execute("CREATE TABLE items (id bigserial PRIMARY KEY, name text UNIQUE, n numeric, tags text[], doc jsonb, raw bytea, at timestamptz, u uuid)")
        with conn.cursor() as cur:
            cur.executemany("INSERT INTO items (name, n) VALUES (%s, %s)", [(f"i{i}", i) for i in range(1000)])
            same("executemany", cur.rowcount, 1000)
            cur.executemany("INSERT INTO items (name) VALUES (%s) RETURNING id", [(f"j{i}",) for i in range(50)], returning=True)
            ids = []
            while True:
                ids.append(cur.fetchone()[0])
                if not cur.nextset():
                    break
            same("executemany with RETURNING", len(ids), 50)


def types():
    row = ("wörld", decimal.Decimal("1234567890123456789.123456789"), ["a", 'b"c', None], Jsonb({"k": [1, 2.5, None]}), bytes(range(256)),
           datetime.datetime(2026, 2, 3, 4, 5, 6, 789012, tzinfo=datetime.timezone.utc), uuid.uuid4())
    for binary in (False, True):
        with conn.cursor(binary=binary) as cur:
            ph = "%b" if binary else "%s"
            cur.execute(f"INSERT INTO items (name, n, tags, doc, raw, at, u) VALUES ({', '.join([ph] * 7)}) RETURNING id", (row[0] + str(binary),) + row[1:])
            i = cur.fetchone()[0]
            cur.execute("SELECT name, n, tags, doc, raw, at, u FROM items WHERE id = %s", (i,))
            got = cur.fetchone()
            same(f"types, binary {binary}", got, (row[0] + str(binary),) + row[1:3] + (row[3].obj,) + row[4:])
    same("range and interval", one(conn, "SELECT (%s::interval, %s::int4)", (datetime.timedelta(days=1), 5))[1], "5")
    cur = conn.cursor(row_factory=dict_row)
    same("dict rows", cur.execute("SELECT 1 AS a, 'x' AS b").fetchone(), {"a": 1, "b": "x"})
    cur = conn.cursor(row_factory=namedtuple_row)
    same("named rows", cur.execute(sql.SQL("SELECT {} AS q FROM items WHERE id = 1").format(sql.Identifier("name"))).fetchone().q, "i0")


def prepared():
    same("prepare_threshold", conn.prepare_threshold, 5)
    bad = sum(one(conn, "SELECT n FROM items WHERE name = %s", (f"i{i}",)) != i for i in range(200))
    same("prepared after five executions", bad, 0)
    bad = 0
    for i in range(400):    # more texts than prepared_max
        k = i % 150
        bad += conn.execute(f"SELECT {k} + %s::int8", (i,), prepare=True).fetchone()[0] != k + i
    same("150 statements, evicted by DEALLOCATE", bad, 0)
    conn.execute("ALTER TABLE items ADD COLUMN extra int DEFAULT 3")
    got = conn.execute("SELECT n FROM items WHERE name = %s", ("i7",)).fetchone()
    same("after ALTER TABLE", got[0], 7)
    for i in range(8):
        conn.execute("SELECT * FROM items WHERE id = %s", (1,)).fetchone()
    conn.execute("ALTER TABLE items DROP COLUMN extra")
    try:
        conn.execute("SELECT * FROM items WHERE id = %s", (1,)).fetchone()
        state = "none"
    except psycopg.Error as e:
        state = e.sqlstate
        conn.execute("DEALLOCATE ALL")
        conn._prepared.clear()
    ok("SELECT * after its table changed: as PostgreSQL, or better", state in ("0A000", "none"), state)
    conn.execute("SELECT 1")
    # Other types for one text are another statement.
    for v in (1, 1.5, "1", decimal.Decimal("1"), 2 ** 40) * 7:
        conn.execute("SELECT %s::text", (v,))
    ok("one text with many types", True)
    with connect(prepare_threshold=0) as c:
        for i in range(20):
            c.execute("SELECT n FROM items WHERE id = %s", (i,))
        c.rollback()
        try:
            c.execute("SELECT n FROM items WHERE id = %s", ("x",))
        except psycopg.Error:
            c.rollback()
        same("after an error of a prepared statement", one(c, "SELECT n FROM items WHERE id = %s", (5,)), 4)


def transactions():
    with connect() as c:
        c.execute("INSERT INTO items (name) VALUES ('t1')")
        try:
            with c.transaction():
                c.execute("INSERT INTO items (name) VALUES ('t2')")
                c.execute("INSERT INTO items (name) VALUES ('t1')")
        except psycopg.errors.UniqueViolation as e:
            same("constraint name", e.diag.constraint_name, "items_name_key")
        with c.transaction() as t1:
            with c.transaction("named"):
                c.execute("INSERT INTO items (name) VALUES ('t3')")
            raise psycopg.Rollback(t1)
        c.commit()
        got = [r[0] for r in c.execute("SELECT name FROM items WHERE name LIKE 't_' ORDER BY 1")]
        same("nested transactions", got, ["t1"])
        c.rollback()
        raises("division by zero", "22012", lambda: c.execute("SELECT 1/%s", (0,)))
        raises("failed", "25P02", lambda: c.execute("SELECT 1"))
        c.rollback()
        c.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        c.read_only = True
        c.deferrable = True
        same("BEGIN with all its options", [one(c, f"SHOW transaction_{x}") for x in ("isolation", "read_only", "deferrable")], ["serializable", "on", "on"])
        raises("which hold", "25006", lambda: c.execute("DELETE FROM items"))
        c.rollback()


def pipelines():
    with conn.pipeline() as p:
        curs = [conn.execute("SELECT %s::int * 2", (i,)) for i in range(100)]
        p.sync()
        same("pipeline of 100", sum(c.fetchone()[0] for c in curs), 9900)
    with conn.pipeline():
        with conn.transaction():
            conn.execute("INSERT INTO items (name) VALUES ('p1')")
            c = conn.execute("SELECT count(*) FROM items WHERE name = 'p1'")
            same("a transaction in a pipeline", c.fetchone()[0], 1)
    try:
        with conn.pipeline() as p:
            conn.execute("INSERT INTO items (name) VALUES ('p2')")
            conn.execute("SELECT 1/0")
            conn.execute("INSERT INTO items (name) VALUES ('p3')")
            p.sync()
        ok("error in a pipeline", False)
    except psycopg.Error as e:
        same("error in a pipeline", e.sqlstate, "22012")
    same("undoes what stood in its segment", one(conn, "SELECT count(*) FROM items WHERE name IN ('p2', 'p3')"), 0)
    with conn.pipeline():
        for i in range(10):
            conn.execute("INSERT INTO items (name) VALUES (%s)", (f"q{i}",))
        with conn.pipeline():
            conn.execute("INSERT INTO items (name) VALUES ('q10')")
    same("nested pipelines", one(conn, "SELECT count(*) FROM items WHERE name LIKE 'q%'"), 11)
    with conn.pipeline():
        first = conn.execute("SELECT i FROM generate_series(1, 20000) i")
        second = conn.execute("SELECT md5(i::text) FROM generate_series(1, 20000) i")
        same("two large results at once", (len(first.fetchall()), len(second.fetchall())), (20000, 20000))


def cursors():
    with connect() as c, c.cursor("named") as cur:
        cur.itersize = 300
        cur.execute("SELECT i FROM generate_series(1, %s::int) i", (2000,))
        same("server-side cursor", sum(r[0] for r in cur), 2001000)
    with conn.cursor("held", withhold=True, scrollable=True) as cur:
        cur.execute("SELECT i FROM generate_series(1, 100) i")
        cur.fetchmany(10)
        one(conn, "SELECT 1")
        cur.scroll(-5)
        same("with hold, in autocommit", cur.fetchone()[0], 6)
    n = 0
    with conn.cursor() as cur:
        for r in cur.stream("SELECT i, repeat('y', 100) FROM generate_series(1, 5000) i"):
            n += 1
    same("single-row mode", n, 5000)
    with conn.cursor(binary=True) as cur:
        same("large binary result", len(cur.execute("SELECT i, now() FROM generate_series(1, 50000) i").fetchall()), 50000)


def copy():
    with conn.transaction():
        conn.execute("CREATE TABLE copied (a int, b text, c timestamptz)")
    with conn.cursor().copy("COPY copied FROM STDIN") as cp:
        for i in range(10000):
            cp.write_row((i, f"row\t{i}", None))
    with conn.cursor().copy("COPY copied FROM STDIN (FORMAT BINARY)") as cp:
        cp.set_types(["int4", "text", "timestamptz"])
        for i in range(1000):
            cp.write_row((-i, "bin", datetime.datetime.now(datetime.timezone.utc)))
    same("COPY in, text and binary", one(conn, "SELECT count(*) FROM copied"), 11000)
    with conn.cursor().copy("COPY (SELECT a, b FROM copied WHERE a >= 0 ORDER BY a LIMIT %s) TO STDOUT", (500,)) as cp:
        cp.set_types(["int4", "text"])
        rows = list(cp.rows())
    same("COPY out", (len(rows), rows[499]), (500, (498, "row\t498")))
    try:
        with conn.cursor().copy("COPY copied FROM STDIN") as cp:
            cp.write("1\tx\t\\N\n")
            raise KeyError("the program gives up")
    except (KeyError, psycopg.errors.QueryCanceled) as e:
        ok("COPY given up by the client", "the program gives up" in str(e))
    same("and nothing is left of it", one(conn, "SELECT count(*) FROM copied"), 11000)


def notify():
    c = connect(autocommit=True)
    c.execute("LISTEN drv3")
    t = threading.Timer(0.1, lambda: [conn.execute("SELECT pg_notify('drv3', %s)", (str(i),)) for i in range(3)])
    t.start()
    got = []
    for n in c.notifies():
        got.append(n.payload)
        if len(got) == 3:
            break
    t.join()
    same("notifications", got, ["0", "1", "2"])
    c.execute("UNLISTEN drv3")
    same("UNLISTEN", c.execute("SELECT count(*) FROM pg_listening_channels()").fetchone()[0], 0)
    c.close()


def session_objects():
    with connect(autocommit=True) as c:
        c.execute("CREATE TEMP TABLE mine (a int)")
        for i in range(10):
            c.execute("INSERT INTO mine VALUES (%s)", (i,))
        same("temporary table", {one(c, "SELECT sum(a) FROM mine") for _ in range(10)}, {45})
        raises("is nobody else's", "42P01", lambda: conn.execute("SELECT * FROM mine"))
        c.execute("DROP TABLE mine")
        same("advisory lock", one(c, "SELECT pg_try_advisory_lock(31)"), True)
        same("is held over statements", {one(conn, "SELECT pg_try_advisory_lock(31)") for _ in range(5)}, {False})
        c.execute("SELECT pg_advisory_unlock_all()")
        same("and given back", one(conn, "SELECT pg_try_advisory_lock(31)"), True)
        conn.execute("SELECT pg_advisory_unlock(31)")
    same("lock of a connection that ended", one(conn, "SELECT pg_try_advisory_xact_lock(31)"), True)


def cancel():
    t = threading.Timer(0.3, conn.cancel)
    t.start()
    raises("cancel", "57014", lambda: conn.execute("SELECT pg_sleep(20)"))
    t.join()
    same("and on", one(conn, "SELECT 1"), 1)


def asynchronous():
    async def main():
        cs = [await psycopg.AsyncConnection.connect("", options=f"-csearch_path={schema}", autocommit=True) for _ in range(4)]

        async def work(k, c):
            bad = 0
            for i in range(50):
                cur = await c.execute("SELECT %s::int, n FROM items WHERE name = %s", (k, f"i{i}"))
                bad += await cur.fetchone() != (k, i)
            return bad
        same("four asynchronous connections", await asyncio.gather(*(work(k, c) for k, c in enumerate(cs))), [0] * 4)
        for c in cs:
            await c.close()
    asyncio.run(main())


def own_writes():
    conn.execute("CREATE TABLE rw (id int PRIMARY KEY, v int)")
    bad = 0
    for i in range(rounds):
        conn.execute("INSERT INTO rw VALUES (%s, %s)", (i, i * 2))
        r = conn.execute("SELECT v FROM rw WHERE id = %s", (i,)).fetchone()
        bad += r is None or r[0] != i * 2
    same(f"{rounds} rounds of write and read", bad, 0)


for f in (parameters, tables, types, prepared, transactions, pipelines, cursors, copy, notify, session_objects, cancel, asynchronous, own_writes):
    section(f)
conn.close()
done()
