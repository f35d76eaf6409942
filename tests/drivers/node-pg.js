// node-postgres: named statements, a pool, cursors (portals), COPY streams, notifications, pipelined queries of one client.
const { createRequire } = require('module');
const { ok, same, raises, section, done } = require('./drv.js');
const npm = createRequire(process.env.DRV_NPM + '/');
const { Client, Pool } = npm('pg');
const Cursor = npm('pg-cursor');
const copy = npm('pg-copy-streams');
const { pipeline } = require('stream/promises');
const { Readable } = require('stream');
const fs = require('fs');

const schema = process.env.DRV_SCHEMA, rounds = Number(process.env.DRV_ROUNDS);

const env = process.env;
const config = {
  host: env.PGHOST, port: Number(env.PGPORT), user: env.PGUSER, password: env.PGPASSWORD, database: env.PGDATABASE,
  ssl: env.PGSSLMODE === 'disable' ? false : { ca: fs.readFileSync(env.PGSSLROOTCERT), servername: 'localhost' },
  application_name: 'drv node-pg', options: `-c search_path=${schema},public`, statement_timeout: 60000, connectionTimeoutMillis: 20000,
};
async function connect(more) {
  const c = new Client({ ...config, ...more });
  c.on('error', (e) => console.error(e));
  await c.connect();
  return c;
}
async function one(c, text, values) {
  const r = await c.query({ text, values, rowMode: 'array' });
  return r.rows.length ? r.rows[0][0] : undefined;
}
async function sticks(c, what, text, expected) {
  const seen = new Set();
  for (let i = 0; i < 20; i++) seen.add(await one(c, text));
  same(what, [...seen], [expected]);
}

async function main() {
  const c = await connect();
  await section('parameters', async () => {
    same('application_name', await one(c, 'SHOW application_name'), 'drv node-pg');
    same('statement_timeout of the start-up packet', await one(c, 'SHOW statement_timeout'), '1min');
    same('search_path', await one(c, 'SHOW search_path'), `${schema},public`);
    await c.query("SET TIME ZONE 'Asia/Tokyo'");
    await sticks(c, 'time zone sticks', "SELECT '2026-01-01 00:00+00'::timestamptz::text", '2026-01-01 09:00:00+09');
    await c.query('RESET timezone');
  });
  await section('tables', async () => {
    await c.query('CREATE TABLE items (id serial PRIMARY KEY, name text UNIQUE, n numeric, v int, tags text[], doc jsonb, raw bytea, at timestamptz)');
    await c.query("INSERT INTO items (name, v) SELECT 'i' || i, i FROM generate_series(0, 499) i");
    const all = await Promise.all([...Array(200).keys()].map((i) => one(c, 'SELECT v FROM items WHERE name = $1', [`i${i}`])));
    same('200 queries queued on one client', all.filter((v, i) => v !== i), []);
  });
  await section('types', async () => {
    const raw = Buffer.from([...Array(256).keys()]);
    const at = new Date('2026-02-03T04:05:06.789Z');
    const r = await c.query({ text: 'INSERT INTO items (n, tags, doc, raw, at) VALUES ($1, $2, $3, $4, $5) RETURNING *',
      values: ['123456789.000000001', ['a', 'b"c', null], { k: [1, null] }, raw, at] });
    const x = r.rows[0];
    ok('types', x.n === '123456789.000000001' && x.tags[1] === 'b"c' && x.tags[2] === null && x.doc.k[0] === 1 && x.raw.equals(raw) && x.at.getTime() === at.getTime(), JSON.stringify(x));
    const b = await c.query({ text: 'SELECT $1::int4 AS a, true AS b', values: [42], binary: true });
    same('binary results', b.rows[0], { a: 42, b: true });
    const m = await c.query('SELECT 1 AS a; SELECT 2 AS b');
    same('several results', m.map((y) => y.rows[0]), [{ a: 1 }, { b: 2 }]);
  });
  await section('named statements', async () => {
    let bad = 0;
    for (let i = 0; i < 200; i++) bad += (await c.query({ name: 'byname', text: 'SELECT v FROM items WHERE name = $1', values: [`i${i}`] })).rows[0].v !== i;
    for (let i = 0; i < 150; i++) bad += Number((await c.query({ name: `s${i}`, text: `SELECT $1::int + ${i} AS x`, values: [1] })).rows[0].x) !== i + 1;
    same('named statements', bad, 0);
    const o = await connect();
    bad = 0;
    for (let i = 0; i < 50; i++) bad += (await o.query({ name: 'byname', text: 'SELECT -v AS v FROM items WHERE name = $1', values: [`i${i + 1}`] })).rows[0].v !== -i - 1;
    same('the same name with another text in another session', bad, 0);
    await o.end();
    await raises('an error of a named statement', '22P02', c.query({ name: 'num', text: 'SELECT $1::int', values: ['x'] }));
    same('which can be used again', (await c.query({ name: 'num', text: 'SELECT $1::int AS a', values: ['5'] }).catch((e) => e.message)).rows?.[0]?.a ?? 'renamed', 'renamed');
    await raises('Parse error', '42601', c.query({ name: 'bad', text: 'SELEC 1' }));
  });
  await section('transactions', async () => {
    await c.query('BEGIN');
    await c.query("INSERT INTO items (name) VALUES ('t1')");
    await c.query('SAVEPOINT a');
    await raises('unique violation', '23505', c.query("INSERT INTO items (name) VALUES ('t1')"));
    await raises('failed', '25P02', c.query('SELECT 1'));
    await c.query('ROLLBACK TO a');
    await c.query('COMMIT');
    same('savepoint', await one(c, "SELECT count(*)::int FROM items WHERE name = 't1'"), 1);
    const all = [c.query('BEGIN'), c.query('DELETE FROM items'), c.query('ROLLBACK'), one(c, 'SELECT count(*)::int FROM items')];
    ok('a transaction queued at once', (await Promise.all(all))[3] > 500);
  });
  await section('cursors', async () => {
    const cur = c.query(new Cursor('SELECT i FROM generate_series(1, $1::int) i', [1000]));
    let sum = 0;
    for (let rows = await cur.read(77); rows.length; rows = await cur.read(77)) sum += rows.reduce((a, r) => a + r.i, 0);
    await cur.close();
    same('portal with a row limit', sum, 500500);
    const half = c.query(new Cursor('SELECT i FROM generate_series(1, 1000) i'));
    await half.read(5);
    await half.close();
    same('closed half-way', await one(c, 'SELECT 5'), 5);
    same('large result', (await c.query('SELECT i, md5(i::text) FROM generate_series(1, 50000) i')).rows.length, 50000);
  });
  await section('copy', async () => {
    await c.query('CREATE TABLE copied (a int, b text)');
    await pipeline(Readable.from([...Array(5000).keys()].map((i) => `${i}\trow ${i}\n`)), c.query(copy.from('COPY copied FROM STDIN')));
    let bytes = 0;
    for await (const chunk of c.query(copy.to('COPY copied TO STDOUT'))) bytes += chunk.length;
    ok('COPY in and out', bytes > 60000, bytes);
    await raises('COPY in, bad data', '22P02', pipeline(Readable.from(['x\ty\n']), c.query(copy.from('COPY copied FROM STDIN'))));
    same('and on', await one(c, 'SELECT count(*)::int FROM copied'), 5000);
  });
  await section('notify', async () => {
    const l = await connect();
    const got = [];
    const three = new Promise((done) => l.on('notification', (m) => got.push(m.payload) === 3 && done()));
    await l.query('LISTEN drvn');
    for (let i = 0; i < 3; i++) await c.query('SELECT pg_notify($1, $2)', ['drvn', String(i)]);
    await Promise.race([three, new Promise((done) => setTimeout(done, 20000).unref())]);
    same('notifications', got, ['0', '1', '2']);
    await l.query('UNLISTEN *');
    await l.end();
  });
  await section('objects', async () => {
    const o = await connect();
    await c.query('CREATE TEMP TABLE mine AS SELECT 4711 AS a');
    await sticks(c, 'temporary table', 'SELECT a FROM mine', 4711);
    await raises("is nobody else's", '42P01', o.query('SELECT a FROM mine'));
    await c.query('DROP TABLE mine');
    await c.query('SELECT pg_advisory_lock(95)');
    same('advisory lock', await one(o, 'SELECT pg_try_advisory_lock(95)'), false);
    same('unlock', await one(c, 'SELECT pg_advisory_unlock(95)'), true);
    await o.end();
  });
  await section('pool', async () => {
    const p = new Pool({ ...config, max: 6, idleTimeoutMillis: 1000 });
    p.on('error', (e) => console.error(e));
    const all = await Promise.all([...Array(200).keys()].map(async (i) => Number(await one(p, 'SELECT v FROM items WHERE name = $1', [`i${i}`])) === i && await one(p, 'SHOW application_name') === 'drv node-pg'));
    same('200 queries on a pool of six', all.filter((x) => !x).length, 0);
    const x = await p.connect();
    await raises('statement_timeout', '57014', (async () => { await x.query("SET statement_timeout = '100ms'"); await x.query('SELECT pg_sleep(5)'); })());
    await x.query('RESET statement_timeout');
    same('RESET', await one(x, 'SHOW statement_timeout'), '1min');
    x.release();
    await p.end();
    const t = await connect({ query_timeout: 200 });
    const e = await t.query('SELECT pg_sleep(5)').catch((err) => err.message);
    ok('query_timeout', /timeout/i.test(e), e);
    await t.end().catch(() => 0);
  });
  await section('own writes', async () => {
    await c.query('CREATE TABLE rw (id int PRIMARY KEY, v int)');
    let bad = 0;
    for (let i = 0; i < rounds; i++) {
      await c.query('INSERT INTO rw VALUES ($1, $2)', [i, 2 * i]);
      bad += (await one(c, 'SELECT v FROM rw WHERE id = $1', [i])) !== 2 * i;
    }
    same('rounds of write and read', bad, 0);
  });
  await c.end();
  done();
}
main();
