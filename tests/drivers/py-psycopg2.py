"""psycopg2: simple protocol, client-side parameters, implicit BEGIN, named cursors, COPY, notifications."""
import datetime
import decimal
import io
import select
import threading
import uuid

import sys
import psycopg2
import psycopg2.extensions as ext
import psycopg2.extras as extras
import psycopg2.pool
import psycopg2.errors
from drv import ok, same, raises, section, done, env, schema, rounds


def connect(**kw):
    kw.setdefault("application_name", "drv psycopg2")
    kw.setdefault("options", f"-c search_path={schema},public -c statement_timeout=60s")
    return psycopg2.connect("", connect_timeout=20, **kw)


def one(conn, sql, args=None):
    with conn.cursor() as cur:
        cur.execute(sql, args)
        return cur.fetchone()[0]


conn = connect()


def parameters():
    same("application_name", one(conn, "SHOW application_name"), "drv psycopg2")
    same("search_path of options", one(conn, "SHOW search_path"), f"{schema},public")
    same("statement_timeout of options", one(conn, "SHOW statement_timeout"), "1min")
    same("encoding", conn.encoding, "UTF8")
    same("ParameterStatus application_name", conn.get_parameter_status("application_name"), "drv psycopg2")
    ok("server version", conn.server_version >= 130000)
    conn.rollback()
    conn.autocommit = True
    conn.set_client_encoding("LATIN1")
    same("client_encoding", one(conn, "SELECT 'é'"), "é")
    same("client_encoding sticks", {one(conn, "SHOW client_encoding") for _ in range(20)}, {"LATIN1"})
    conn.set_client_encoding("UTF8")
    with conn.cursor() as cur:
        cur.execute("SET timezone TO 'America/New_York'")
    got = {one(conn, "SELECT '2026-01-01 12:00+00'::timestamptz::text") for _ in range(20)}
    same("timezone sticks", got, {"2026-01-01 07:00:00-05"})
    with conn.cursor() as cur:
        cur.execute("RESET timezone")
    conn.autocommit = False


def tables():
    with conn, conn.cursor() as cur:
        cur.execute("""CREATE TABLE accounts (id serial PRIMARY KEY, name text UNIQUE, balance numeric(12,2) NOT NULL DEFAULT 0
            CHECK (balance >= 0), tags text[], doc jsonb, raw bytea, made timestamptz DEFAULT now(), u uuid)""")
        extras.execute_values(cur, "INSERT INTO accounts (name, balance) VALUES %s",
                              [(f"n{i}", i) for i in range(1000)], page_size=200)
        cur.execute("CREATE INDEX ON accounts (balance)")
    same("execute_values", one(conn, "SELECT count(*) FROM accounts"), 1000)
    conn.rollback()
    with conn, conn.cursor() as cur:
        extras.execute_batch(cur, "UPDATE accounts SET balance = balance + %s WHERE name = %s",
                             [(1, f"n{i}") for i in range(500)], page_size=50)
    same("execute_batch", one(conn, "SELECT sum(balance) FROM accounts"), decimal.Decimal(499500 + 500))
    conn.rollback()


def types():
    extras.register_uuid()
    now = datetime.datetime(2026, 2, 3, 4, 5, 6, 789012, tzinfo=datetime.timezone.utc)
    row = ("wörld", decimal.Decimal("12345.67"), ["a", 'b"c', None], {"k": [1, 2.5, None], "s": "ü"}, bytes(range(256)), now, uuid.uuid4())
    with conn.cursor() as cur:
        cur.execute("INSERT INTO accounts (name, balance, tags, doc, raw, made, u) VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
                    row[:3] + (extras.Json(row[3]),) + row[4:])
        i = cur.fetchone()[0]
        conn.commit()
        cur.execute("SELECT name, balance, tags, doc, raw, made, u FROM accounts WHERE id = %s", (i,))
        got = list(cur.fetchone())
        got[4] = bytes(got[4])
    conn.commit()
    same("types round trip", tuple(got), row)
    with conn.cursor(cursor_factory=extras.RealDictCursor) as cur:
        cur.execute("SELECT 1 AS a, NULL AS b, interval '1 day 2 hours' AS c, '[1,5)'::int4range AS d")
        r = cur.fetchone()
        same("dict row", (r["a"], r["b"], r["c"]), (1, None, datetime.timedelta(days=1, hours=2)))
    conn.rollback()


def transactions():
    cur = conn.cursor()
    cur.execute("INSERT INTO accounts (name) VALUES ('t1')")
    cur.execute("SAVEPOINT a")
    raises("unique violation", "23505", lambda: cur.execute("INSERT INTO accounts (name) VALUES ('t1')"))
    raises("failed transaction", "25P02", lambda: cur.execute("SELECT 1"))
    same("state", conn.get_transaction_status(), ext.TRANSACTION_STATUS_INERROR)
    cur.execute("ROLLBACK TO a")
    cur.execute("INSERT INTO accounts (name) VALUES ('t2')")
    conn.commit()
    cur.execute("SELECT count(*) FROM accounts WHERE name IN ('t1', 't2')")
    same("savepoint", cur.fetchone()[0], 2)
    conn.rollback()
    cur.execute("DELETE FROM accounts")
    conn.rollback()
    cur.execute("SELECT count(*) > 1000 FROM accounts")
    ok("rollback", cur.fetchone()[0])
    conn.rollback()
    try:
        cur.execute("INSERT INTO accounts (name, balance) VALUES ('bad', -1)")
        ok("check violation", False)
    except psycopg2.errors.CheckViolation as e:
        same("its constraint", e.diag.constraint_name, "accounts_balance_check")
    conn.rollback()
    for level in ("SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED"):
        conn.set_session(isolation_level=level, readonly=level == "REPEATABLE READ")
        same(level, one(conn, "SHOW transaction_isolation"), level.lower())
        same(level + " read only", one(conn, "SHOW transaction_read_only"), "on" if level == "REPEATABLE READ" else "off")
        if level == "REPEATABLE READ":
            raises("write in a read only transaction", "25006", lambda: cur.execute("INSERT INTO accounts (name) VALUES ('ro')"))
        conn.rollback()
    conn.set_session(isolation_level="DEFAULT", readonly="DEFAULT")
    conn.autocommit = True
    conn.set_session(readonly=True)
    raises("default_transaction_read_only in autocommit", "25006", lambda: cur.execute("INSERT INTO accounts (name) VALUES ('ro')"))
    conn.set_session(readonly=False)
    cur.execute("INSERT INTO accounts (name) VALUES ('rw')")
    cur.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
    conn.set_session(readonly="DEFAULT")
    conn.autocommit = False
    # Two phases.
    conn.reset()
    same("reset keeps the options", one(conn, "SHOW search_path"), f"{schema},public")
    conn.rollback()


def cursors():
    with conn, conn.cursor(name="c1") as cur:
        cur.itersize = 100
        cur.execute("SELECT i, repeat('x', 50) FROM generate_series(1, 2500) i")
        same("named cursor", sum(r[0] for r in cur), 2500 * 2501 // 2)
    with conn:
        cur = conn.cursor(name="c2", scrollable=True)
        cur.execute("SELECT name FROM accounts ORDER BY id")
        cur.fetchmany(10)
        cur.scroll(-5)
        same("scroll", cur.fetchone()[0], "n5")
        cur.close()
    cur = conn.cursor(name="c3", withhold=True)
    cur.execute("SELECT i FROM generate_series(1, 100) i")
    cur.fetchmany(10)
    conn.commit()
    same("with hold over a commit", cur.fetchone()[0], 11)
    one(conn, "SELECT 1")
    conn.commit()
    same("and another", cur.fetchone()[0], 12)
    cur.close()
    conn.commit()
    with conn.cursor() as cur:
        cur.execute("SELECT i, md5(i::text) FROM generate_series(1, 100000) i")
        same("large result", sum(1 for _ in cur), 100000)
    conn.rollback()


def copy():
    with conn, conn.cursor() as cur:
        cur.execute("CREATE TABLE copied (a int, b text)")
        cur.copy_expert("COPY copied FROM STDIN", io.StringIO("".join(f"{i}\trow {i}\n" for i in range(20000))))
        same("COPY in", cur.rowcount, 20000)
        out = io.StringIO()
        cur.copy_expert("COPY (SELECT * FROM copied WHERE a < 100 ORDER BY a) TO STDOUT WITH CSV HEADER", out)
        same("COPY out", len(out.getvalue().splitlines()), 101)
    raises("COPY in, bad data", "22P02", lambda: conn.cursor().copy_expert("COPY copied FROM STDIN", io.StringIO("x\ty\n")))
    conn.rollback()
    out = io.StringIO()
    conn.cursor().copy_expert("COPY copied TO STDOUT", out)
    same("COPY out of all", len(out.getvalue().splitlines()), 20000)
    conn.rollback()


def notify():
    c = connect()
    c.autocommit = True
    c.cursor().execute("LISTEN drv2")
    with conn, conn.cursor() as cur:
        cur.execute("NOTIFY drv2, 'one'")
        cur.execute("SELECT pg_notify('drv2', 'two')")
    got = []
    for _ in range(50):
        select.select([c], [], [], 0.2)
        c.poll()
        got += [n.payload for n in c.notifies]
        c.notifies.clear()
        if len(got) >= 2:
            break
    same("notifications", got, ["one", "two"])
    c.cursor().execute("UNLISTEN *")
    c.close()


def session_objects():
    c = connect()
    c.autocommit = True
    cur = c.cursor()
    cur.execute("CREATE TEMP TABLE accounts (id int) ON COMMIT PRESERVE ROWS")
    cur.execute("INSERT INTO accounts SELECT 4711")
    same("temporary table hides the other", {one(c, "SELECT id FROM accounts") for _ in range(10)}, {4711})
    ok("others see the real one", one(conn, "SELECT count(*) FROM accounts") > 1000)
    cur.execute("DROP TABLE pg_temp.accounts")
    ok("back to the real one", one(c, "SELECT count(*) FROM accounts") > 1000)
    cur.execute("SELECT pg_advisory_lock(777, 2)")
    same("a lock excludes others", one(conn, "SELECT pg_try_advisory_lock(777, 2)"), False)
    cur.execute("SELECT pg_advisory_unlock(777, 2)")
    same("until it is given back", one(conn, "SELECT pg_try_advisory_lock(777, 2)"), True)
    same("unlock", one(conn, "SELECT pg_advisory_unlock(777, 2)"), True)
    conn.rollback()
    cur.execute("PREPARE plan AS SELECT name FROM accounts WHERE id = $1")
    same("SQL PREPARE", {one(c, "EXECUTE plan(1)") for _ in range(10)}, {"n0"})
    cur.execute("DISCARD ALL")
    raises("DISCARD ALL", "26000", lambda: cur.execute("EXECUTE plan(1)"))
    c.close()


def cancel():
    t = threading.Timer(0.3, conn.cancel)
    t.start()
    raises("cancel", "57014", lambda: one(conn, "SELECT pg_sleep(20)"))
    t.join()
    conn.rollback()
    with conn.cursor() as cur:
        cur.execute("SET LOCAL statement_timeout = '100ms'")
        raises("statement_timeout", "57014", lambda: cur.execute("SELECT pg_sleep(20)"))
    conn.rollback()
    same("SET LOCAL ended", one(conn, "SHOW statement_timeout"), "1min")
    conn.rollback()


def two_phase():
    # max_prepared_transactions is 0 on the servers: the error has to come through, and the session goes on.
    x = conn.xid(1, "gtrid", "bqual")
    conn.tpc_begin(x)
    conn.cursor().execute("INSERT INTO accounts (name) VALUES ('tpc')")
    raises("PREPARE TRANSACTION", "55000", conn.tpc_prepare)
    conn.tpc_rollback()
    same("and on", one(conn, "SELECT count(*) FROM accounts WHERE name = 'tpc'"), 0)
    conn.rollback()


def pool():
    p = psycopg2.pool.ThreadedConnectionPool(2, 6, "", options=f"-c search_path={schema}", application_name="pooled")
    bad = []

    def work(k):
        for i in range(20):
            c = p.getconn()
            try:
                with c, c.cursor() as cur:
                    cur.execute("SELECT %s, current_setting('application_name'), count(*) FROM accounts WHERE balance > %s", (k, i))
                    if cur.fetchone()[:2] != (k, "pooled"):
                        bad.append(k)
            except Exception as e:
                bad.append(e)
            finally:
                p.putconn(c)
    ts = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    [t.start() for t in ts]
    [t.join() for t in ts]
    same("pool of six", bad, [])
    p.closeall()


def own_writes():
    c = connect()
    c.autocommit = True
    cur = c.cursor()
    cur.execute("CREATE TABLE rw (id int PRIMARY KEY, v int)")
    bad = 0
    for i in range(rounds):
        cur.execute("INSERT INTO rw VALUES (%s, %s)", (i, i * 2))
        cur.execute("SELECT v FROM rw WHERE id = %s", (i,))
        r = cur.fetchone()
        bad += r is None or r[0] != i * 2
    same(f"{rounds} rounds of write and read", bad, 0)
    c.close()


for f in (parameters, tables, types, transactions, cursors, copy, notify, session_objects, cancel, two_phase, pool, own_writes):
    section(f)
conn.close()
done()
