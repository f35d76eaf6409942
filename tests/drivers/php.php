<?php
// PHP: PDO with emulated and with real prepared statements, and the pgsql extension (pipeline-free, asynchronous, COPY).
$n = 0;
$failed = 0;
$schema = getenv('DRV_SCHEMA');
$rounds = (int)getenv('DRV_ROUNDS');

function ok($what, $cond, $detail = '')
{
    global $n, $failed;
    $n++;
    echo $cond ? '' : 'not ', "ok $n - $what\n";
    if (!$cond) {
        $failed++;
        echo '# ', str_replace("\n", ' ', "$what: $detail"), "\n";
    }
}

function same($what, $got, $expected)
{
    ok($what, $got === $expected, 'got ' . json_encode($got) . ', expected ' . json_encode($expected));
}

function raises($what, $state, $f)
{
    try {
        $f();
        ok($what, false, 'no error');
    } catch (PDOException $e) {
        same($what, (string)$e->errorInfo[0], $state);
    }
}

function section($name, $f)
{
    try {
        $f();
    } catch (Throwable $e) {
        ok("$name runs", false, (string)$e);
    }
}

function connect($options = [])
{
    global $schema;
    $dsn = sprintf("pgsql:host=%s;port=%s;dbname=%s;sslmode=%s;sslrootcert=%s;application_name='drv php';options='-c search_path=%s,public'",
        getenv('PGHOST'), getenv('PGPORT'), getenv('PGDATABASE'), getenv('PGSSLMODE'), getenv('PGSSLROOTCERT'), $schema);
    return new PDO($dsn, getenv('PGUSER'), getenv('PGPASSWORD'), $options + [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
}

function one($db, $sql, $args = [])
{
    $st = $db->prepare($sql);
    $st->execute($args);
    return $st->fetchColumn();
}

function sticks($db, $what, $sql, $expected)
{
    for ($i = 0, $got = $expected; $i < 20 && $got === $expected; $i++)
        $got = one($db, $sql);
    same($what, $got, $expected);
}

$db = connect();

section('parameters', function () use ($db, $schema) {
    same('application_name', one($db, 'SHOW application_name'), 'drv php');
    same('search_path', one($db, 'SHOW search_path'), "$schema,public");
    $db->exec("SET timezone = 'Asia/Tokyo'; SET NAMES 'UTF8'");
    sticks($db, 'time zone sticks', "SELECT '2026-01-01 00:00+00'::timestamptz::text", '2026-01-01 09:00:00+09');
    $db->exec("RESET timezone");
    ok('server version', version_compare($db->getAttribute(PDO::ATTR_SERVER_VERSION), '13') > 0);
});

section('tables', function () use ($db) {
    $db->exec('CREATE TABLE items (id serial PRIMARY KEY, name text UNIQUE, n numeric, doc jsonb, raw bytea, at timestamptz, b boolean)');
    $st = $db->prepare('INSERT INTO items (name, n) VALUES (?, ?)');
    $db->beginTransaction();
    for ($i = 0; $i < 500; $i++)
        $st->execute(["i$i", $i]);
    $db->commit();
    same('rows', (int)one($db, 'SELECT count(*) FROM items'), 500);
    same('lastInsertId', (int)$db->lastInsertId(), 500);
    same('lastInsertId of a sequence', (int)$db->lastInsertId('items_id_seq'), 500);
});

foreach ([false, true] as $emulate) {
    foreach ([false, true] as $disabled) {
        section("prepared statements, emulated $emulate", function () use ($emulate, $disabled) {
            $label = ($emulate ? 'emulated' : 'real') . ($disabled ? ', PGSQL_ATTR_DISABLE_PREPARES' : '');
            $db = connect([PDO::ATTR_EMULATE_PREPARES => $emulate, PDO::PGSQL_ATTR_DISABLE_PREPARES => $disabled]);
            $bad = 0;
            $st = $db->prepare('SELECT n FROM items WHERE name = :name');
            for ($i = 0; $i < 200; $i++) {
                $st->execute(['name' => "i$i"]);
                $bad += (int)$st->fetchColumn() !== $i;
            }
            for ($i = 0; $i < 150; $i++)    // each is deallocated when it goes out of scope
                $bad += (int)one($db, "SELECT ?::int + $i", [1]) !== $i + 1;
            same("$label: statements", $bad, 0);
            same("$label: none is left", (int)one($db, 'SELECT count(*) FROM pg_prepared_statements WHERE name !~ \'tanist\'') <= 2, true);
            $raw = implode('', array_map('chr', range(0, 255)));
            $st = $db->prepare('INSERT INTO items (n, doc, raw, at, b) VALUES (?, ?, ?, ?, ?) RETURNING id');
            $st->bindValue(1, '123456789.000000001');
            $st->bindValue(2, '{"k": [1, null]}');
            $st->bindValue(3, $raw, PDO::PARAM_LOB);
            $st->bindValue(4, '2026-02-03 04:05:06.789012+00');
            $st->bindValue(5, true, PDO::PARAM_BOOL);
            $st->execute();
            $id = $st->fetchColumn();
            $st = $db->prepare("SELECT n, doc, raw, at AT TIME ZONE 'UTC' AS at, b FROM items WHERE id = ?");
            $st->execute([$id]);
            $r = $st->fetch(PDO::FETCH_ASSOC);
            $r['raw'] = stream_get_contents($r['raw']) === $raw;
            same("$label: types", $r, ['n' => '123456789.000000001', 'doc' => '{"k": [1, null]}', 'raw' => true, 'at' => '2026-02-03 04:05:06.789012', 'b' => true]);
            raises("$label: division", '22012', function () use ($db) { one($db, 'SELECT 1 / ?::int', [0]); });
            same("$label: and on", (int)one($db, 'SELECT 1'), 1);
        });
    }
}

section('transactions', function () use ($db) {
    $db->beginTransaction();
    $db->exec("INSERT INTO items (name) VALUES ('t1')");
    $db->exec('SAVEPOINT a');
    raises('unique violation', '23505', function () use ($db) { $db->exec("INSERT INTO items (name) VALUES ('t1')"); });
    raises('failed', '25P02', function () use ($db) { $db->query('SELECT 1'); });
    $db->exec('ROLLBACK TO a');
    ok('inTransaction', $db->inTransaction());
    $db->commit();
    $db->beginTransaction();
    $db->exec('DELETE FROM items');
    $db->rollBack();
    ok('rollback', one($db, 'SELECT count(*) FROM items') > 500);
    ok('not inTransaction', !$db->inTransaction());
});

section('cursors and COPY', function () use ($db) {
    $st = $db->prepare('SELECT i FROM generate_series(1, 100) i', [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
    $db->beginTransaction();
    $st->execute();
    $st->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_ABS, 50);
    same('scroll cursor', (int)$st->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_PRIOR)[0], 49);
    $st = null;
    $db->commit();
    same('large result', count($db->query('SELECT i, md5(i::text) FROM generate_series(1, 30000) i')->fetchAll()), 30000);
    $db->exec('CREATE TABLE copied (a int, b text)');
    $db->pgsqlCopyFromArray('copied', array_map(function ($i) { return "$i\trow $i"; }, range(1, 3000)));
    same('COPY', count($db->pgsqlCopyToArray('copied')), 3000);
});

section('session objects', function () use ($db) {
    $o = connect();
    $db->exec('CREATE TEMP TABLE mine AS SELECT 4711 AS a');
    sticks($db, 'temporary table', 'SELECT a FROM mine', 4711);
    raises('is nobody else\'s', '42P01', function () use ($o) { $o->query('SELECT a FROM mine'); });
    $db->exec('DROP TABLE mine');
    one($db, 'SELECT pg_advisory_lock(91)');
    same('advisory lock', one($o, 'SELECT pg_try_advisory_lock(91)'), false);
    same('unlock', one($db, 'SELECT pg_advisory_unlock(91)'), true);
    $o->exec('LISTEN drvphp');
    $db->exec("NOTIFY drvphp, 'hello'");
    same('notification', ($o->pgsqlGetNotify(PDO::FETCH_ASSOC, 10000) ?: ['payload' => ''])['payload'], 'hello');
    $o->exec('UNLISTEN *');
    $db->beginTransaction();
    $oid = $db->pgsqlLOBCreate();
    $s = $db->pgsqlLOBOpen($oid, 'w');
    fwrite($s, str_repeat('x', 100000));
    fclose($s);
    $s = $db->pgsqlLOBOpen($oid, 'r');
    same('large object', strlen(stream_get_contents($s)), 100000);
    fclose($s);
    $db->pgsqlLOBUnlink($oid);
    $db->commit();
});

section('persistent connections', function () {
    for ($i = 0; $i < 5; $i++) {
        $p = connect([PDO::ATTR_PERSISTENT => true]);
        same("persistent $i", one($p, 'SHOW application_name'), 'drv php');
        $p = null;
    }
});

section('the pgsql extension', function () use ($schema) {
    $c = pg_connect("application_name=pgsql options='-c search_path=$schema'");
    pg_prepare($c, 'byname', 'SELECT n FROM items WHERE name = $1');
    for ($i = 0, $bad = 0; $i < 100; $i++)
        $bad += (int)pg_fetch_result(pg_execute($c, 'byname', ["i$i"]), 0, 0) !== $i;
    same('pg_execute', $bad, 0);
    same('pg_query_params', pg_fetch_result(pg_query_params($c, 'SELECT $1::int + 1', [41]), 0, 0), '42');
    pg_send_query($c, 'SELECT 1; SELECT 2');
    $got = '';
    while ($r = pg_get_result($c))
        $got .= pg_fetch_result($r, 0, 0);
    same('pg_send_query', $got, '12');
    pg_send_query($c, 'SELECT pg_sleep(3)');
    usleep(50000);
    ok('pg_cancel_query', pg_cancel_query($c));
    same('and on', pg_fetch_result(pg_query($c, 'SELECT 1'), 0, 0), '1');
    pg_copy_from($c, 'copied', ["1\tx\n", "2\ty\n"]);
    ok('pg_ping', pg_ping($c));
    same('pg_insert', (bool)pg_insert($c, "$schema.copied", ['a' => 7, 'b' => 'x']), true);
    ok('pg_meta_data', isset(pg_meta_data($c, "$schema.items")['name']));
    pg_close($c);
});

section('own writes', function () use ($db, $rounds) {
    $db->exec('CREATE TABLE rw (id int PRIMARY KEY, v int)');
    $in = $db->prepare('INSERT INTO rw VALUES (?, ?)');
    $out = $db->prepare('SELECT v FROM rw WHERE id = ?');
    for ($i = 0, $bad = 0; $i < $rounds; $i++) {
        $in->execute([$i, 2 * $i]);
        $out->execute([$i]);
        $bad += $out->fetchColumn() !== 2 * $i;
    }
    same("$rounds rounds of write and read", $bad, 0);
});
$db = null;
echo "1..$n\n";
exit($failed ? 1 : 0);
