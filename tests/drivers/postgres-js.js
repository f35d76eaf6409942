// postgres.js: every query is a prepared statement and pipelined; types are fetched at connect; a pool; cursors; listen.
const { createRequire } = require('module');
const { ok, same, raises, section, done } = require('./drv.js');
const postgres = createRequire(process.env.DRV_NPM + '/')('postgres');
const { pipeline } = require('stream/promises');
const { Readable } = require('stream');

const env = process.env, schema = env.DRV_SCHEMA, rounds = Number(env.DRV_ROUNDS);

function open(more) {
  return postgres({ host: env.PGHOST, port: Number(env.PGPORT), user: env.PGUSER, password: env.PGPASSWORD, database: env.PGDATABASE, ssl: false,
    max: 5, connect_timeout: 20, onnotice: () => 0, connection: { application_name: 'drv postgres.js', search_path: `${schema},public` }, ...more });
}

async function main() {
  const sql = open();
  await section('parameters', async () => {
    const seen = await Promise.all([...Array(40)].map(() => sql`SELECT current_setting('application_name') AS a, current_setting('search_path') AS p`));
    same('parameters of every connection', [...new Set(seen.map((r) => `${r[0].a} ${r[0].p}`))], [`drv postgres.js ${schema},public`]);
    same('ParameterStatus', sql.parameters.application_name, 'drv postgres.js');
  });
  await section('tables', async () => {
    await sql`CREATE TABLE items (id serial PRIMARY KEY, name text UNIQUE, n numeric, v int, tags text[], doc jsonb, raw bytea, at timestamptz)`;
    await sql`INSERT INTO items ${sql([...Array(500).keys()].map((i) => ({ name: `i${i}`, v: i })))}`;
    await sql.begin(async (t) => t`SELECT count(*) FROM items`);
    const one = await sql.reserve();
    const all = await Promise.all([...Array(300).keys()].map((i) => one`SELECT v FROM items WHERE name = ${`i${i}`}`));
    same('300 pipelined queries', all.filter((r, i) => !r[0] || r[0].v !== i).length, 0);
    one.release();
  });
  await section('types', async () => {
    const raw = Buffer.from([...Array(256).keys()]);
    const at = new Date('2026-02-03T04:05:06.789Z');
    const [x] = await sql`INSERT INTO items ${sql({ n: '123456789.000000001', tags: ['a', 'b"c'], doc: sql.json({ k: [1, null] }), raw, at })} RETURNING *`;
    ok('types', x.n === '123456789.000000001' && x.tags[1] === 'b"c' && x.doc.k[0] === 1 && x.raw.equals(raw) && x.at.getTime() === at.getTime(), JSON.stringify(x));
    const m = await sql.unsafe('SELECT 1 AS a; SELECT 2 AS b');
    same('several results', m.map((y) => y[0]), [{ a: 1 }, { b: 2 }]);
    const d = await sql`SELECT v, name FROM items WHERE id = ${1}`.describe();
    same('describe', d.columns.map((c) => c.name), ['v', 'name']);
  });
  await section('prepared', async () => {
    for (const prepare of [true, false]) {
      const p = open({ prepare, max: 2 });
      const all = await Promise.all([...Array(150).keys()].map((i) => p.unsafe(`SELECT $1::int + ${i % 60} AS x`, [i], { prepare })));
      same(`prepare ${prepare}`, all.filter((r, i) => r[0].x !== i + (i % 60)).length, 0);
      await p.end();
    }
    const simple = await sql`SELECT 'simple' AS a`.simple();
    same('simple protocol', simple[0].a, 'simple');
    const one = await sql.reserve();
    await one`SELECT * FROM items WHERE id = 1`;
    await sql`ALTER TABLE items ADD COLUMN extra int`;
    const r = await one`SELECT * FROM items WHERE id = 1`;
    ok('after ALTER TABLE it is prepared anew', 'extra' in r[0]);
    one.release();
  });
  await section('transactions', async () => {
    await sql.begin(async (t) => {
      await t`INSERT INTO items (name) VALUES ('t1')`;
      await t.savepoint(async (s) => s`INSERT INTO items (name) VALUES ('t1')`).catch((e) => same('unique violation', e.code, '23505'));
      await t`INSERT INTO items (name) VALUES ('t2')`;
    });
    same('savepoint', (await sql`SELECT count(*)::int AS k FROM items WHERE name IN ('t1', 't2')`)[0].k, 2);
    await raises('rollback by an error', '22012', sql.begin(async (t) => { await t`DELETE FROM items`; await t`SELECT 1 / ${0}::int`; }));
    ok('all is there', (await sql`SELECT count(*)::int AS k FROM items`)[0].k > 500);
    await sql.begin('isolation level serializable read only', async (t) => same('options', (await t`SHOW transaction_isolation`)[0].transaction_isolation, 'serializable'));
    const r = await sql.begin((t) => [t`SELECT 1 AS a`, t`SELECT 2 AS a`]);
    same('pipelined transaction', r.map((x) => x[0].a), [1, 2]);
    await raises('syntax', '42601', sql.unsafe('SELEC 1'));
  });
  await section('cursors and COPY', async () => {
    let sum = 0;
    await sql`SELECT i FROM generate_series(1, 1000) i`.cursor(77, (rows) => { sum += rows.reduce((a, r) => a + r.i, 0); });
    same('cursor', sum, 500500);
    let k = 0;
    await sql`SELECT i FROM generate_series(1, 5000) i`.forEach(() => k++);
    same('forEach', k, 5000);
    await sql`CREATE TABLE copied (a int, b text)`;
    await pipeline(Readable.from([...Array(5000).keys()].map((i) => `${i}\trow ${i}\n`)), await sql`COPY copied FROM STDIN`.writable());
    let bytes = 0;
    for await (const chunk of await sql`COPY copied TO STDOUT`.readable()) bytes += chunk.length;
    ok('COPY in and out', bytes > 60000, bytes);
  });
  await section('listen', async () => {
    const got = [];
    let done;
    const three = new Promise((r) => { done = r; });
    const l = await sql.listen('drvjs', (x) => got.push(x) === 3 && done());
    for (let i = 0; i < 3; i++) await sql.notify('drvjs', String(i));
    await Promise.race([three, new Promise((r) => setTimeout(r, 20000).unref())]);
    same('notifications', got, ['0', '1', '2']);
    await l.unlisten();
  });
  await section('cancel', async () => {
    // With any server, postgres.js sometimes never uses that connection again; so it gets one for it alone.
    const own = open({ max: 1 });
    await own`SELECT 1`;
    const q = own`SELECT pg_sleep(20)`.execute();
    setTimeout(() => q.cancel(), 200);
    await raises('cancel', '57014', q);
    await own.end({ timeout: 1 });
  });
  await section('own writes', async () => {
    const one = await sql.reserve();
    await one`CREATE TABLE rw (id int PRIMARY KEY, v int)`;
    let bad = 0;
    for (let i = 0; i < rounds; i++) {
      await one`INSERT INTO rw VALUES (${i}, ${2 * i})`;
      const r = await one`SELECT v FROM rw WHERE id = ${i}`;
      bad += !r[0] || r[0].v !== 2 * i;
    }
    same('rounds of write and read', bad, 0);
    one.release();
  });
  await sql.end({ timeout: 5 });
  done();
}
main();
