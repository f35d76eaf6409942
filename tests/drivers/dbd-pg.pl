# DBD::Pg: server-side prepare from the first execute on, savepoints, COPY, asynchronous queries, notifications.
use strict;
use warnings;
use DBI;
use DBD::Pg qw(:pg_types :async);
use Time::HiRes qw(time sleep);

my ($n, $failed) = (0, 0);
my ($schema, $rounds) = @ENV{qw(DRV_SCHEMA DRV_ROUNDS)};
$| = 1;

sub ok
{
    my ($what, $cond, $detail) = @_;
    $n++;
    print $cond ? '' : 'not ', "ok $n - $what\n";
    $failed++, print '# ', ($detail // '') =~ s/\n/ /gr, "\n" unless $cond;
    return $cond;
}
sub same { my ($what, $got, $exp) = @_; ok($what, ($got // 'undef') eq $exp, "$what: got " . ($got // 'undef') . ", expected $exp") }

sub raises
{
    my ($what, $state, $code) = @_;
    return ok($what, 0, "$what: no error") if eval { $code->(); 1 };
    ok($what, ($DBI::state // '') eq $state, "$what: $DBI::state: $@");
}

sub section
{
    my ($name, $code) = @_;
    ok("$name runs", 0, $@) unless eval { $code->(); 1 };
}

sub new_dbh
{
    my %o = @_;
    local $ENV{PGAPPNAME} = 'drv dbd';
    local $ENV{PGOPTIONS} = "-c search_path=$schema,public";
    return DBI->connect('dbi:Pg:', undef, undef, { RaiseError => 1, PrintError => 0, AutoCommit => 1, pg_enable_utf8 => 1, %o });
}
my $h = new_dbh();
sub one { my ($dbh, $sql, @args) = @_; return $dbh->selectrow_array($sql, undef, @args) }
sub all_same { my ($sql) = @_; my %s; $s{ one($h, $sql) // 'undef' }++ for 1 .. 20; return join ' | ', sort keys %s }

section parameters => sub {
    same('application_name', one($h, 'SHOW application_name'), 'drv dbd');
    same('search_path', one($h, 'SHOW search_path'), "$schema,public");
    $h->do(q(SET TIME ZONE 'Europe/Oslo'));
    same('time zone sticks', all_same(q(SELECT '2026-01-01 00:00+00'::timestamptz::text)), '2026-01-01 01:00:00+01');
    $h->do(q(SET bytea_output = 'escape'));
    same('bytea_output sticks', all_same('SHOW bytea_output'), 'escape');
    $h->do('RESET bytea_output');
    same('ping', $h->ping, 1);
    same('pg_server_version', $h->{pg_server_version} >= 130000 ? 1 : 0, 1);
};

section tables => sub {
    $h->do('CREATE TABLE items (id serial PRIMARY KEY, name text UNIQUE, n numeric, tags text[], doc jsonb, raw bytea, at timestamptz)');
    my $st = $h->prepare('INSERT INTO items (name, n) VALUES (?, ?)');
    $h->begin_work;
    $st->execute("i$_", $_) for 0 .. 999;
    $h->commit;
    same('inserted', one($h, 'SELECT count(*) FROM items'), 1000);
    $st->execute_array(undef, [ map { "a$_" } 1 .. 20 ], [ 1 .. 20 ]);
    same('execute_array', one($h, q(SELECT count(*) FROM items WHERE name ~ '^a')), 20);
    same('last_insert_id', $h->last_insert_id(undef, $schema, 'items', undef), one($h, 'SELECT max(id) FROM items'));
    same('table_info', join(',', map { $_->{TABLE_NAME} } @{ $h->table_info(undef, $schema, '%', 'TABLE')->fetchall_arrayref({}) }), 'items');
    same('column_info', join(',', map { $_->{COLUMN_NAME} } @{ $h->column_info(undef, $schema, 'items', '%')->fetchall_arrayref({}) }), 'id,name,n,tags,doc,raw,at');
    same('primary_key', join(',', $h->primary_key(undef, $schema, 'items')), 'id');
};

section types => sub {
    my $raw = join '', map { chr } 0 .. 255;
    my $st = $h->prepare('INSERT INTO items (name, n, tags, doc, raw, at) VALUES (?, ?, ?, ?, ?, ?) RETURNING id');
    $st->bind_param(5, undef, { pg_type => PG_BYTEA });
    $st->execute("w\x{f6}rld \x{263a}", '123456789.000000001', [ 'a', 'b"c', undef ], '{"k": [1, null]}', $raw, '2026-02-03 04:05:06.789012+00');
    my ($id) = $st->fetchrow_array;
    my ($name, $num, $tags, $doc, $back, $at) = $h->selectrow_array(q(SELECT name, n, tags, doc, raw, at AT TIME ZONE 'UTC' FROM items WHERE id = ?), undef, $id);
    same('text', $name, "w\x{f6}rld \x{263a}") if utf8::is_utf8($name) || 1;
    same('numeric', $num, '123456789.000000001');
    same('array', join('|', map { $_ // 'NULL' } @$tags), 'a|b"c|NULL');
    same('jsonb', $doc, '{"k": [1, null]}');
    ok('bytea', $back eq $raw);
    same('timestamp', $at, '2026-02-03 04:05:06.789012');
};

section prepared => sub {
    for my $server (0, 1) {
        local $h->{pg_server_prepare} = $server;
        my $st = $h->prepare('SELECT n FROM items WHERE name = ?');
        my $bad = 0;
        for my $i (0 .. 199) {
            $st->execute("i$i");
            $bad++ unless $st->fetchall_arrayref->[0][0] == $i;
        }
        same("pg_server_prepare $server", $bad, 0);
    }
    my $bad = 0;
    for my $i (0 .. 149) {
        my $st = $h->prepare("SELECT ?::int + $i");
        $st->execute(1);
        $bad++ unless $st->fetchrow_array == $i + 1;
    }
    same('150 statements, each deallocated', $bad, 0);
    my $st = $h->prepare('SELECT name FROM items WHERE id = ?', { pg_prepare_now => 1 });
    $h->begin_work;
    $st->execute(1);
    $st->finish;
    eval { $h->do('SELECT 1/0') };
    $h->rollback;
    $st->execute(1);
    same('a statement after a rollback', $st->fetchrow_array, 'i0');
    $st->finish;
    $st = $h->prepare('SELECT $1::int + :foo::int', { pg_placeholder_dollaronly => 1 }) if 0;
    $st = $h->prepare(q(SELECT :a::text || :b::text));
    $st->bind_param(':a', 'x');
    $st->bind_param(':b', 'y');
    $st->execute;
    same('named placeholders', $st->fetchall_arrayref->[0][0], 'xy');
    $h->do(q(PREPARE mine (int) AS SELECT name FROM items WHERE id = $1));
    $st = $h->prepare('SELECT 1');
    $st->{pg_prepare_name} = 'mine' if 0;
    same('SQL PREPARE', one($h, 'EXECUTE mine(2)'), 'i1');
    $h->do('DEALLOCATE mine');
    raises('DEALLOCATE', '26000', sub { one($h, 'EXECUTE mine(2)') });
};

section transactions => sub {
    $h->begin_work;
    $h->do(q(INSERT INTO items (name) VALUES ('t1')));
    $h->pg_savepoint('s1');
    raises('unique violation', '23505', sub { $h->do(q(INSERT INTO items (name) VALUES ('t1'))) });
    raises('failed', '25P02', sub { one($h, 'SELECT 1') });
    same('ping of a failed transaction', $h->pg_ping, 4);
    $h->pg_rollback_to('s1');
    $h->do(q(INSERT INTO items (name) VALUES ('t2')));
    $h->pg_release('s1');
    $h->commit;
    same('savepoint', one($h, q(SELECT count(*) FROM items WHERE name IN ('t1', 't2'))), 2);
    {
        local $h->{AutoCommit} = 0;
        $h->do('DELETE FROM items');
        $h->rollback;
        same('rollback', one($h, 'SELECT count(*) > 1000 FROM items'), 1);
        local $h->{ReadOnly} = 1;
        $h->rollback;
        raises('ReadOnly', '25006', sub { $h->do('DELETE FROM items') });
        $h->rollback;
    }
    raises('syntax error', '42601', sub { $h->do('SELEC 1') });
    same('and on', one($h, 'SELECT 1'), 1);
};

section cursors => sub {
    $h->begin_work;
    $h->do('DECLARE c SCROLL CURSOR FOR SELECT i FROM generate_series(1, 1000) i');
    my ($sum, $rows) = (0);
    while (@{ $rows = $h->selectcol_arrayref('FETCH 77 FROM c') }) { $sum += $_ for @$rows }
    same('cursor', $sum, 500500);
    $h->commit;
    $h->do('DECLARE d CURSOR WITH HOLD FOR SELECT i FROM generate_series(1, 100) i');
    $h->selectcol_arrayref('FETCH 10 FROM d');
    one($h, 'SELECT count(*) FROM items');
    same('cursor WITH HOLD', one($h, 'FETCH 1 FROM d'), 11);
    $h->do('CLOSE d');
    same('large result', scalar @{ $h->selectall_arrayref('SELECT i, md5(i::text) FROM generate_series(1, 50000) i') }, 50000);
};

section copy => sub {
    $h->do('CREATE TABLE copied (a int, b text)');
    $h->do('COPY copied FROM STDIN');
    $h->pg_putcopydata("$_\trow $_\n") for 1 .. 5000;
    $h->pg_putcopyend;
    same('COPY in', one($h, 'SELECT count(*) FROM copied'), 5000);
    $h->do('COPY (SELECT * FROM copied WHERE a <= 100 ORDER BY a) TO STDOUT');
    my ($line, $k) = ('', 0);
    $k++ while $h->pg_getcopydata($line) >= 0;
    same('COPY out', $k, 100);
    $h->do('COPY copied FROM STDIN');
    $h->pg_putcopydata("x\ty\n");
    raises('COPY in, bad data', '22P02', sub { $h->pg_putcopyend });
    same('and on', one($h, 'SELECT count(*) FROM copied'), 5000);
};

section notify => sub {
    my $l = new_dbh();
    $l->do('LISTEN drvp');
    $h->do(qq(NOTIFY drvp, '$_')) for 1 .. 3;
    my (@got, $end);
    for ($end = time + 20; @got < 3 && time < $end; sleep 0.02) {
        while (my $x = $l->pg_notifies) { push @got, $x->[2] }
    }
    same('notifications', "@got", '1 2 3');
    $l->do('UNLISTEN *');
    $l->disconnect;
};

section objects => sub {
    my $o = new_dbh();
    $h->do('CREATE TEMP TABLE mine AS SELECT 4711 AS a');
    same('temporary table', all_same('SELECT a FROM mine'), 4711);
    raises('is nobody else\'s', '42P01', sub { one($o, 'SELECT a FROM mine') });
    $h->do('DROP TABLE mine');
    one($h, 'SELECT pg_advisory_lock(43)');
    same('advisory lock', one($o, 'SELECT pg_try_advisory_lock(43)'), 0);
    one($h, 'SELECT pg_advisory_unlock(43)');
    same('is free again', one($o, 'SELECT pg_try_advisory_lock(43)'), 1);
    $o->disconnect;
    $h->begin_work;
    my $lo = $h->pg_lo_creat($h->{pg_INV_READ} | $h->{pg_INV_WRITE});
    my $fd = $h->pg_lo_open($lo, $h->{pg_INV_WRITE});
    $h->pg_lo_write($fd, 'x' x 100000, 100000);
    $h->pg_lo_lseek($fd, 99990, 0);
    $h->pg_lo_close($fd);
    $fd = $h->pg_lo_open($lo, $h->{pg_INV_READ});
    my $buf = '';
    same('large object', $h->pg_lo_read($fd, $buf, 200000), 100000);
    $h->pg_lo_unlink($lo);
    $h->commit;
};

section asynchronous => sub {
    my $st = $h->prepare('SELECT pg_sleep(0.05), 42', { pg_async => PG_ASYNC });
    $st->execute;
    sleep 0.01 until $h->pg_ready;
    $h->pg_result;
    same('asynchronous query', ($st->fetchrow_array)[1], 42);
    # A request that comes before the statement began cancels nothing, with PostgreSQL too.
    my $cancelled = 0;
    for (1 .. 10) {
        $st = $h->prepare('SELECT pg_sleep(2)', { pg_async => PG_ASYNC });
        $st->execute;
        $cancelled = $h->pg_cancel and last;
    }
    same('cancelled', $cancelled, 1);
    same('and on', one($h, 'SELECT 1'), 1);
    $h->do(q(SET statement_timeout = '100ms'));
    raises('statement_timeout', '57014', sub { one($h, 'SELECT pg_sleep(20)') });
    $h->do('RESET statement_timeout');
};

section own_writes => sub {
    $h->do('CREATE TABLE rw (id int PRIMARY KEY, v int)');
    my $in = $h->prepare('INSERT INTO rw VALUES (?, ?)');
    my $out = $h->prepare('SELECT v FROM rw WHERE id = ?');
    my $bad = 0;
    for my $i (1 .. $rounds) {
        $in->execute($i, 2 * $i);
        $out->execute($i);
        my ($v) = $out->fetchrow_array;
        $bad++ unless defined $v && $v == 2 * $i;
        $out->finish;
    }
    same("$rounds rounds of write and read", $bad, 0);
};
$h->disconnect;
print "1..$n\n";
exit($failed ? 1 : 0);
