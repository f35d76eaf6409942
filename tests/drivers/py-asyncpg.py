"""asyncpg: binary formats everywhere, a statement cache, introspection of types, a pool with its reset query."""
import asyncio
import datetime
import decimal
import json
import ssl
import sys
import uuid

import asyncpg
from drv import ok, same, done, env, schema, rounds

if env("PGSSLMODE") == "disable":
    tls = False
else:
    tls = ssl.create_default_context(cafile=env("PGSSLROOTCERT"))
where = dict(ssl=tls, timeout=20, server_settings={"application_name": "drv asyncpg", "search_path": f"{schema},public", "jit": "off"})


async def raises(what, state, aw):
    try:
        await aw
    except asyncpg.PostgresError as e:
        return same(what, e.sqlstate, state)
    except Exception as e:
        return ok(what, False, repr(e))
    return ok(what, False, "no error")


async def parameters(c):
    same("application_name", await c.fetchval("SHOW application_name"), "drv asyncpg")
    same("jit of server_settings", await c.fetchval("SHOW jit"), "off")
    same("search_path", await c.fetchval("SHOW search_path"), f"{schema},public")
    same("its ParameterStatus", c.get_settings().application_name, "drv asyncpg")
    await c.execute("SET TIME ZONE 'Asia/Kolkata'")
    same("timezone sticks", {await c.fetchval("SELECT '2026-01-01 00:00+00'::timestamptz::text") for _ in range(20)}, {"2026-01-01 05:30:00+05:30"})
    await c.execute("SET statement_timeout = '61s'; SET lock_timeout = '7s'")
    same("two settings of one query", [await c.fetchval(f"SHOW {x}") for x in ("statement_timeout", "lock_timeout")], ["61s", "7s"])
    await c.execute("RESET ALL")
    same("RESET ALL keeps what the start-up asked for", await c.fetchval("SHOW application_name"), "drv asyncpg")


async def tables(c):
    await c.execute("""CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE TYPE pair AS (x int, y text);
        CREATE TABLE things (id serial PRIMARY KEY, name text UNIQUE, n numeric, tags text[], doc jsonb, raw bytea, at timestamptz, u uuid, m mood, p pair)""")
    await c.executemany("INSERT INTO things (name, n) VALUES ($1, $2)", [(f"t{i}", decimal.Decimal(i)) for i in range(1000)])
    same("executemany", await c.fetchval("SELECT count(*) FROM things"), 1000)


async def types(c):
    await c.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    row = ("wörld", decimal.Decimal("123456789.000000001"), ["a", None, 'b"c'], {"k": [1, None]}, bytes(range(256)),
           datetime.datetime(2026, 2, 3, 4, 5, 6, 789012, tzinfo=datetime.timezone.utc), uuid.uuid4(), "happy", (7, "seven"))
    i = await c.fetchval("INSERT INTO things (name, n, tags, doc, raw, at, u, m, p) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id", *row)
    got = await c.fetchrow("SELECT name, n, tags, doc, raw, at, u, m, p FROM things WHERE id = $1", i)
    same("types, with an enum and a composite type", tuple(got), row)
    same("arrays of arrays", await c.fetchval("SELECT $1::int[]", [[1, 2], [3, 4]]), [[1, 2], [3, 4]])
    same("range", await c.fetchval("SELECT $1::int4range", asyncpg.Range(1, 5)), asyncpg.Range(1, 5))
    same("enum array (introspected)", await c.fetchval("SELECT ARRAY['sad', 'ok']::mood[]"), ["sad", "ok"])
    await c.reset_type_codec("jsonb", schema="pg_catalog")


async def prepared(c):
    bad = 0
    for i in range(300):
        bad += await c.fetchval("SELECT n FROM things WHERE name = $1", f"t{i}") != i
    for i in range(250):    # more than the cache of 100
        bad += await c.fetchval(f"SELECT {i % 120} + $1::int", i) != i % 120 + i
    same("statement cache", bad, 0)
    st = await c.prepare("SELECT id, name FROM things WHERE id > $1 ORDER BY id LIMIT 3")
    same("prepare: its columns", [a.name for a in st.get_attributes()], ["id", "name"])
    same("prepare: its rows", [r["name"] for r in await st.fetch(5)], ["t5", "t6", "t7"])
    await c.execute("ALTER TABLE things ADD COLUMN extra int")
    await c.fetchrow("SELECT * FROM things WHERE id = 1")
    other = await asyncpg.connect(**where)
    await other.execute("ALTER TABLE things ADD COLUMN extra2 int")
    await other.close()
    r = await c.fetchrow("SELECT * FROM things WHERE id = 1")
    ok("the cache is renewed after another session's ALTER TABLE", "extra2" in r)
    async with c.transaction():
        same("the same statement in a transaction", (await c.fetchrow("SELECT * FROM things WHERE id = 1"))["name"], "t0")
    await c.reload_schema_state()


async def transactions(c):
    async with c.transaction():
        await c.execute("INSERT INTO things (name) VALUES ('a1')")
        try:
            async with c.transaction():
                await c.execute("INSERT INTO things (name) VALUES ('a2')")
                await c.execute("INSERT INTO things (name) VALUES ('a1')")
        except asyncpg.UniqueViolationError as e:
            same("constraint name", e.constraint_name, "things_name_key")
        await c.execute("INSERT INTO things (name) VALUES ('a3')")
    same("nested", await c.fetchval("SELECT string_agg(name, ',' ORDER BY name) FROM things WHERE name ~ '^a'"), "a1,a3")
    t = c.transaction()
    await t.start()
    await raises("division", "22012", c.fetchval("SELECT 1 / $1::int", 0))
    await raises("failed", "25P02", c.fetchval("SELECT 1"))
    await t.rollback()
    for iso in ("serializable", "repeatable_read"):
        async with c.transaction(isolation=iso, readonly=True, deferrable=iso == "serializable"):
            same(f"{iso}, read only", (await c.fetchval("SHOW transaction_isolation"), await c.fetchval("SHOW transaction_read_only")), (iso.replace("_", " "), "on"))
    await raises("a syntax error", "42601", c.fetch("SELECT FROM WHERE"))
    same("and on", await c.fetchval("SELECT 1"), 1)
    same("status of a multi-statement", await c.execute("SELECT 1; UPDATE things SET n = n WHERE id < 4"), "UPDATE 3")


async def cursors(c):
    n = 0
    async with c.transaction():
        async for r in c.cursor("SELECT i FROM generate_series(1, $1::int) i", 1000, prefetch=70):
            n += r["i"]
    same("portal with a row limit", n, 500500)
    async with c.transaction():
        cur = await c.cursor("SELECT i FROM generate_series(1, 100) i")
        await cur.forward(10)
        same("forward and fetch", [r["i"] for r in await cur.fetch(2)], [11, 12])
    same("large result", len(await c.fetch("SELECT i, md5(i::text) FROM generate_series(1, 60000) i")), 60000)


async def copy(c):
    await c.execute("CREATE TABLE copied (a int, b text)")
    same("COPY in, binary", await c.copy_records_to_table("copied", records=[(i, f"r{i}") for i in range(20000)]), "COPY 20000")

    async def source():
        for i in range(100):
            yield f"{i}\tx\n".encode()
    same("COPY in, a stream", await c.copy_to_table("copied", source=source()), "COPY 100")
    size = 0

    async def sink(b):
        nonlocal size
        size += len(b)
    same("COPY out", await c.copy_from_query("SELECT * FROM copied WHERE a < $1", 50, output=sink, format="csv"), "COPY 100")
    ok("has bytes", size > 300)
    await raises("COPY in, bad data", "22P04", c.copy_to_table("copied", source=source(), columns=["a"]))
    same("and on", await c.fetchval("SELECT count(*) FROM copied"), 20100)


async def notify(c):
    other = await asyncpg.connect(**where)
    got, event = [], asyncio.Event()

    def heard(conn, pid, channel, payload):
        got.append(payload)
        if len(got) == 3:
            event.set()
    await other.add_listener("drva", heard)
    for i in range(3):
        await c.execute("SELECT pg_notify('drva', $1)", str(i))
    await asyncio.wait_for(event.wait(), 20)
    same("notifications while idle", got, ["0", "1", "2"])
    await other.remove_listener("drva", heard)
    same("no channel is left", await other.fetchval("SELECT count(*) FROM pg_listening_channels()"), 0)
    await other.close()


async def session_objects(c):
    await c.execute("CREATE TEMP TABLE mine (a int)")
    await c.executemany("INSERT INTO mine VALUES ($1)", [(i,) for i in range(10)])
    same("temporary table", {await c.fetchval("SELECT sum(a) FROM mine") for _ in range(8)}, {45})
    await c.execute("DROP TABLE mine")
    await c.fetchval("SELECT pg_advisory_lock($1)", 99)
    other = await asyncpg.connect(**where)
    same("a lock is held", await other.fetchval("SELECT pg_try_advisory_lock(99)"), False)
    await c.reset()
    same("reset() gives it back", await other.fetchval("SELECT pg_try_advisory_lock(99)"), True)
    await other.close()


async def cancel(c):
    try:
        await c.fetchval("SELECT pg_sleep(20)", timeout=0.3)
        ok("timeout", False)
    except asyncio.TimeoutError:
        ok("timeout cancels", True)
    same("and on", await c.fetchval("SELECT 42"), 42)
    for i in range(10):
        task = asyncio.ensure_future(c.fetchval("SELECT pg_sleep(20)"))
        await asyncio.sleep(0.01)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        if await c.fetchval("SELECT $1::int", i) != i:
            ok("cancelled tasks", False)
    ok("ten tasks cancelled at once, the connection stays in step", True)


async def pool(c):
    async def init(x):
        await x.execute("SET intervalstyle = 'iso_8601'")
    p = await asyncpg.create_pool(min_size=2, max_size=6, setup=init, max_queries=100, **where)

    async def work(k):
        bad = 0
        for i in range(40):
            async with p.acquire() as x:
                bad += await x.fetchval("SELECT $1::int + n FROM things WHERE name = $2", k, f"t{i}") != k + i
                bad += await x.fetchval("SELECT interval '1 hour'::text") != "PT1H"
        return bad
    same("a pool of six for twenty tasks", await asyncio.gather(*(work(k) for k in range(20))), [0] * 20)
    await p.expire_connections()
    same("after expire_connections", await p.fetchval("SELECT 1"), 1)
    await p.close()


async def own_writes(c):
    await c.execute("CREATE TABLE rw (id int PRIMARY KEY, v int)")
    bad = 0
    for i in range(rounds):
        await c.execute("INSERT INTO rw VALUES ($1, $2)", i, i * 2)
        bad += await c.fetchval("SELECT v FROM rw WHERE id = $1", i) != i * 2
    same(f"{rounds} rounds of write and read", bad, 0)


async def main():
    c = await asyncpg.connect(**where)
    for f in (parameters, tables, types, prepared, transactions, cursors, copy, notify, session_objects, cancel, pool, own_writes):
        try:
            await f(c)
        except Exception as e:
            import traceback
            traceback.print_exc()
            ok(f"{f.__name__} runs", False, repr(e))
            if c.is_closed():
                c = await asyncpg.connect(**where)
    await c.close()

asyncio.run(main())
done()
