# The extended protocol where it is hard: requests skipped behind an error, statements over schema changes and on other
# servers, settings that change what a text means, portals, Flush. Each script gives the same messages as PostgreSQL.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Wire;
use Compare;
use TestEnv qw(poll_until);
use Test::More;

my $c = TanistCluster->new(replicas => 1);
$c->sql('pg1', <<'SQL', 'app');
CREATE TABLE t (a int PRIMARY KEY, b text);
INSERT INTO t SELECT i, 'row ' || i FROM generate_series(1, 20) i;
CREATE TABLE w (a int, b text);
-- By way of a view, which is not seen through: what the server has, not what the session has.
CREATE VIEW kept AS SELECT count(*) FROM pg_prepared_statements;
CREATE FUNCTION here() RETURNS int LANGUAGE sql STABLE AS 'SELECT inet_server_port()';
GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
GRANT CREATE ON SCHEMA public TO app;
SQL
$c->wait_catchup;
my $direct_port = $c->node('pg1')->port;
my $t = Tanist->new(cluster => $c, settings => {
        'pool *' => { pool_size => 1, max_prepared_statements => 10 },
        tanist   => { workers => 1 },
        routing  => { max_lag => 'off', max_lag_bytes => 0 },
    });
$t->start;

sub direct { return Wire->connect(port => $direct_port, user => 'app', database => 'app', password => 'app-secret', @_) }

# Every script begins with the same tables.
sub fresh
{
    $c->sql('pg1', 'TRUNCATE w; DROP TABLE IF EXISTS d; CREATE TABLE d (x int, y text); INSERT INTO d VALUES (1, \'one\'), (2, \'two\'); GRANT ALL ON d TO app', 'app');
    $c->wait_catchup;
}

# By somebody else, who does not go through the port.
sub ddl { my ($sql) = @_; return sub { $c->sql('pg1', $sql, 'app'); $c->wait_catchup } }

# The servers of the port are gone: the next batch gets others.
sub other_servers
{
    return sub {
        my ($w, $side) = @_;
        return if $side eq 'direct';
        for my $node ($c->names) {
            $c->sql($node, q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'));
            poll_until(sub { $c->sql($node, q(SELECT count(*) FROM pg_stat_activity WHERE usename = 'app')) eq '0' });
        }
    };
}

my $cmp = Compare->new(direct => \&direct, port => sub { $t->wire }, before => \&fresh);
sub same { return $cmp->same(@_) }

# ---- Requests that are skipped ----

same('an unnamed Parse that was skipped leaves the older statement', P('', 'SELECT 1') . S(), B('', 'none') . P('', 'SELECT 3') . S(), B('', '') . E('') . S());
same('one that failed ends it', P('', 'SELECT 1') . S(), P('', 'SELECT FROM WHERE') . P('', 'SELECT 3') . S(), B('', '') . E('') . S());
same('one that was done before the error counts', P('', 'SELECT 1') . S(), P('', 'SELECT 2') . B('', 'none') . P('', 'SELECT 3') . S(), B('', '') . E('') . S());
same('a Close that was skipped leaves it, too', P('', 'SELECT 1') . S(), B('', 'none') . C('S', '') . S(), B('', '') . E('') . S());
same('a Close of the unnamed statement', P('', 'SELECT 1') . S(), C('S', '') . S(), B('', '') . E('') . S());
same('a Query that was skipped leaves it', P('', 'SELECT 1') . S(), [ B('', 'none') . Q('SELECT 2') . S(), 'Z', 1 ], B('', '') . E('') . S());
same('the same, when the error has been read', P('', 'SELECT 1') . S(), [ B('', 'none') . H(), 'E' ], [ Q('SELECT 2') . F(177, 1, 2) . P('', 'SELECT 3') . S(), 'Z', 1 ], B('', '') . E('') . S());
same('a Query that failed ends it', P('', 'SELECT 1') . S(), Q('SELECT FROM WHERE'), B('', '') . E('') . S());
same('a Query among extended messages', B('', 'none') . S(), P('s', 'SELECT 1') . Q('SELECT 2') . B('', 's') . E('') . S());
same('a function call leaves the unnamed statement', P('', 'SELECT 1') . S(), F(177, 40, 2), B('', '') . E('') . S());
same('function calls: null, error, unknown', F(177, 1, 'x'), F(1, 1), F(177, 1, 2) . F(177, 3, 4), [ B('', 'none') . F(177, 1, 2) . S(), 'Z', 1 ]);
same('a function call in a transaction', Q('BEGIN'), F(177, 1, 2), F(177, 1, 'x'), F(177, 1, 2), Q('ROLLBACK'));
same('several Syncs, errors in between', P('a', 'SELECT 1') . S() . B('', 'none') . P('b', 'SELECT 2') . S() . S() . B('', 'b') . E('') . S() . B('', 'a') . E('') . S());
same('a name is made twice, the first one is skipped', B('', 'none') . P('n', 'SELECT 1') . S() . P('n', 'SELECT 2') . B('', 'n') . E('') . S());
same('closed, then an error, then used', P('n', 'SELECT 1') . S(), C('S', 'n') . B('', 'none') . S() . B('', 'n') . E('') . S());
same('closed behind an error, made anew behind it, used', P('n', 'SELECT 1') . S(), B('', 'none') . C('S', 'n') . P('n', 'SELECT 2') . S() . B('', 'n') . E('') . S());
same('an error at Sync', Q('CREATE TEMP TABLE def (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)'),
    P('i', 'INSERT INTO def VALUES ($1)') . B('', 'i', 1) . E('') . B('', 'i', 1) . E('') . S(), B('', 'i', 2) . E('') . S(), Q('SELECT * FROM def'), Q('DISCARD ALL'));

# ---- Names ----

same('a name as servers have it', P('tanist_1', 'SELECT 1') . S(), B('', 'tanist_1') . E('') . S(), B('', 'tanist_2') . E('') . S(), D('S', 'tanist_3') . S(),
    C('S', 'tanist_1') . S(), B('', 'tanist_1') . E('') . S());
same('long names', P('x' x 70, 'SELECT 1') . S(), B('', 'x' x 70) . E('') . S(), B('', 'x' x 63) . E('') . S(), B('', 'x' x 62) . S(), P('x' x 63 . 'y', 'SELECT 2') . S());
same('an error that names the statement', P('a', 'SELECT 7') . P('b', 'SELECT 7') . S(), B('', 'a', 1) . S(), B('', 'b', 1) . S(), P('b', 'SELECT 8') . S(),
    P('b', 'SELECT FROM WHERE') . S());
same('one text in a long batch', join('', map { P("n$_", 'SELECT $1::int') . B('', "n$_", $_) . E('') } 1 .. 30) . S(), map { B('', "n$_", $_) . E('') . S() } 1 .. 30);

# ---- The schema changes ----

same('the result changes', P('s', 'SELECT * FROM d') . S(), B('', 's') . E('') . S(), ddl('ALTER TABLE d ADD z int'), B('', 's') . E('') . S(), D('S', 's') . S(),
    P('s2', 'SELECT * FROM d') . D('S', 's2') . S(), B('', 's2') . E('') . S(), C('S', 's') . P('s', 'SELECT * FROM d') . S(), B('', 's') . E('') . S());
same('the result changes, on another server', P('s', 'SELECT * FROM d ORDER BY x') . D('S', 's') . S(), ddl('ALTER TABLE d ADD z int'), other_servers(), B('', 's') . E('') . S(),
    D('S', 's') . S(), Q('SELECT 1'), P('s', 'SELECT 1') . S(), C('S', 's') . P('s', 'SELECT * FROM d ORDER BY x') . B('', 's') . E('') . S());
same('the same within a transaction', Q('BEGIN'), P('s', 'SELECT * FROM d') . S(), Q('COMMIT'), ddl('ALTER TABLE d ALTER x TYPE bigint'), other_servers(), Q('BEGIN'),
    B('', 's') . E('') . P('z', 'SELECT 1') . S(), Q('SELECT 1'), Q('ROLLBACK'), B('', 's') . S());
same('a parameter gets another type', P('s', 'SELECT y FROM d WHERE x = $1') . D('S', 's') . S(), ddl('ALTER TABLE d ALTER x TYPE text'), P('r', 'SELECT y FROM d WHERE x = $1') . D('S', 'r') . S(),
    B('', 'r', 'none') . E('') . S(), B('', 'r', 1) . E('') . S());
same('a table that was dropped and made again is the same', P('s', 'SELECT * FROM d WHERE x = $1') . S(), B('', 's', 1) . E('') . S(),
    ddl('DROP TABLE d; CREATE TABLE d (x int, y text); INSERT INTO d VALUES (1, \'new\'); GRANT ALL ON d TO app'), B('', 's', 1) . E('') . S(), other_servers(), B('', 's', 1) . E('') . S());
same('a table that is gone', P('s', 'SELECT * FROM d') . S(), ddl('DROP TABLE d'), B('', 's') . E('') . S(), other_servers(), B('', 's') . E('') . S(), P('s2', 'SELECT * FROM d') . S(),
    ddl('CREATE TABLE d (x int, y text); GRANT ALL ON d TO app'), B('', 's') . E('') . S());
same('what a ROLLBACK takes back', Q('BEGIN'), Q('ALTER TABLE w ADD c int'), P('s', 'SELECT * FROM w') . D('S', 's') . S(), Q('ROLLBACK'), B('', 's') . E('') . S(), P('s2', 'SELECT * FROM w') . D('S', 's2') . S());
same('a table of a transaction that is rolled back', Q('BEGIN'), Q('CREATE TABLE tmp (a int)'), P('s', 'SELECT * FROM tmp') . B('', 's') . E('') . S(), Q('ROLLBACK'), B('', 's') . S(),
    other_servers(), B('', 's') . S());

# Another session has prepared the text before the change, on the only server there is.
{
    fresh();
    my $w = $t->wire;
    run_script($w, 'port', P('s', 'SELECT * FROM d') . B('', 's') . E('') . S());
    ddl('ALTER TABLE d ADD z int')->();
    my $before = $cmp->{before};
    $cmp->{before} = sub { };
    same('another session had the text before the change', P('s', 'SELECT * FROM d ORDER BY x') . D('S', 's') . S(), B('', 's') . E('') . S(), D('S', 's') . B('', 's') . E('') . S());
    $cmp->{before} = $before;
    my $out = run_script($w, 'port', B('', 's') . E('') . S());
    like("@$out", qr/cached plan must not change/, 'and for that session it has changed');
    $w->terminate;
}

# ---- Settings that change what a text means ----

{
    my @style = map { my $s = $_; $t->wire('app', parameters => { options => "-c DateStyle=$s" }) } 'ISO,DMY', 'ISO,MDY';
    my @got = map { [] } @style;
    for my $round (1 .. 3) {
        for my $i (0, 1) {
            run_script($style[$i], 'port', P('s', q(SELECT '01/02/2003'::date)) . S()) if $round == 1;
            $style[$i]->send_raw(B('', 's') . E('') . S());
            push @{ $got[$i] }, $style[$i]->result->{rows}[0][0];
        }
    }
    is_deeply(\@got, [ [ ('2003-02-01') x 3 ], [ ('2003-01-02') x 3 ] ], 'one text, two meanings by DateStyle');
    $_->terminate for @style;
    my @enc = map { $t->wire('app', parameters => { client_encoding => $_ }) } 'UTF8', 'LATIN1';
    my @len;
    for my $round (1, 2) {
        for my $i (0, 1) {
            run_script($enc[$i], 'port', P('s', "SELECT length('\xc3\xa9')") . S()) if $round == 1;
            $enc[$i]->send_raw(B('', 's') . E('') . S());
            push @len, $enc[$i]->result->{rows}[0][0];
        }
    }
    is("@len", '1 2 1 2', 'one text, two meanings by client_encoding');
    $_->terminate for @enc;
    my @scs = map { $t->wire('app', parameters => { standard_conforming_strings => $_, escape_string_warning => 'off' }) } 'on', 'off';
    my @txt;
    for my $round (1, 2) {
        for my $i (0, 1) {
            run_script($scs[$i], 'port', P('s', q(SELECT 'a\\\\b')) . S()) if $round == 1;
            $scs[$i]->send_raw(B('', 's') . E('') . S());
            push @txt, $scs[$i]->result->{rows}[0][0];
        }
    }
    is("@txt", 'a\\\\b a\\b a\\\\b a\\b', 'one text, two meanings by standard_conforming_strings');
    $_->terminate for @scs;
}
same('a search path of a transaction', Q('BEGIN'), Q('SET LOCAL search_path = pg_catalog'), P('s', 'SELECT relname FROM pg_class WHERE relname = \'t\'') . B('', 's') . E('') . S(), Q('COMMIT'),
    B('', 's') . E('') . S());

# ---- Portals ----

same('many portals', P('s', 'SELECT a FROM t WHERE a <= $1 ORDER BY a') . join('', map { B("p$_", 's', $_ + 3) . E("p$_", 2) } 1 .. 4) . join('', map { E("p$_", 2) . E("p$_", 0) } 1 .. 4) . S());
same('a portal twice', P('s', 'SELECT 1') . B('p', 's') . B('p', 's') . S(), Q('BEGIN'), B('p', 's') . S(), C('P', 'p') . B('p', 's') . E('p') . S(), Q('COMMIT'));
same('a limit over batches of a transaction', Q('BEGIN'), P('', 'SELECT a, b FROM t ORDER BY a') . B('p', '') . D('P', 'p') . E('p', 3) . S(), (E('p', 5) . S()) x 4, E('p', 1) . S(), Q('COMMIT'), E('p', 1) . S());
same('a limit, then an error, then the rest', Q('BEGIN'), P('', 'SELECT a FROM t ORDER BY a') . B('p', '') . E('p', 2) . S(), P('', 'SELECT 1/0') . B('', '') . E('') . S(), E('p', 2) . S(), Q('ROLLBACK'));
same('a limit of what writes', P('', 'INSERT INTO w SELECT a FROM t ORDER BY a RETURNING a') . B('p', '') . E('p', 4) . E('p', 4) . S(), Q('SELECT count(*) FROM w'));
same('a limit of an utility command', P('', 'SHOW server_version_num') . B('', '') . D('P', '') . E('', 1) . E('', 1) . S());
same('the unnamed portal goes with its transaction', P('', 'SELECT 1') . B('', '') . S(), E('') . S());
same('the unnamed portal goes with a Query', Q('BEGIN'), P('s', 'SELECT 1') . B('', 's') . S(), Q('SELECT 2'), E('') . S(), Q('ROLLBACK'));
same('binary and text columns', P('b', 'SELECT a, b FROM t WHERE a = $1') . Wire::message('B', "\0b\0" . pack('nn', 1, 1) . pack('n', 1) . pack('NN', 4, 3) . pack('nnn', 2, 1, 0)) . D('P', '') . E('') . S());
same('formats that do not fit', P('b', 'SELECT $1::int4') . S(), Wire::message('B', "\0b\0" . pack('nnn', 2, 1, 1) . pack('nNN', 1, 4, 3) . pack('n', 0)) . S(),
    Wire::message('B', "\0b\0" . pack('nn', 1, 1) . pack('nNn', 1, 2, 3) . pack('n', 0)) . S());

# ---- Empty ----

same('empty statements', P('e', '') . D('S', 'e') . S(), B('', 'e') . D('P', '') . E('') . E('') . S(), P('', ' ; ') . S(), Q(''), Q(';;'), Q('-- nothing'), B('', 'e') . E('') . B('', 'e') . E('') . S());

# ---- What comes unasked ----

same('notices in the extended protocol', P('', q(DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; END $$)) . B('', '') . E('') . P('', 'SELECT 1') . B('', '') . E('') . S());
same('parameters in the extended protocol', P('', q(SELECT set_config('application_name', 'other', true))) . B('', '') . E('') . S(), Q('BEGIN'), P('', q(SET LOCAL TimeZone = 'Asia/Tokyo')) . B('', '') . E('') . S(), Q('ROLLBACK'));
same('a session hears itself before ReadyForQuery', Q('LISTEN x'), P('n', q(NOTIFY x, 'hello')) . B('', 'n') . E('') . S(),
    P('', q(SELECT pg_notify('x', 'a'))) . B('', '') . E('') . P('', q(SELECT pg_notify('x', 'b'))) . B('', '') . E('') . S(), Q('BEGIN; NOTIFY x; COMMIT; SELECT 1'));

# ---- COPY ----

sub data { return Wire::message('d', $_[0]) }
my $done = Wire::message('c', '');
same('COPY in a pipeline', [ P('', 'INSERT INTO w VALUES (0)') . B('', '') . E('') . P('', 'COPY w FROM STDIN') . B('', '') . E('') . H(), 'G' ],
    data("1\ta\n") . $done . P('', 'SELECT * FROM w ORDER BY a') . B('', '') . E('') . S());
same('COPY in, then an error in the same pipeline', [ P('', 'COPY w FROM STDIN') . B('', '') . E('') . H(), 'G' ], data("1\ta\n") . $done . P('', 'SELECT 1/0') . B('', '') . E('') . S(), Q('SELECT * FROM w'));
same('COPY in, failed by the client in the extended protocol', [ P('', 'COPY w FROM STDIN') . B('', '') . E('') . H(), 'G' ], data("1\ta\n") . Wire::message('f', "no\0") . P('', 'SELECT 1') . S(), Q('SELECT * FROM w'));
same('COPY in a transaction, prepared', Q('BEGIN'), P('c', 'COPY w FROM STDIN') . S(), [ B('', 'c') . E('') . H(), 'G' ], data("5\tx\n") . $done . S(), [ B('', 'c') . E('') . H(), 'G' ], data("6\ty\n") . $done . S(), Q('SELECT * FROM w ORDER BY a'), Q('COMMIT'));
same('COPY out with a row limit', P('', 'COPY (SELECT a FROM t ORDER BY a) TO STDOUT') . B('', '') . E('', 3) . P('', 'SELECT 1') . B('', '') . E('') . S());

# ---- Flush ----

same('Flush alone', [ H(), 'Z', 0 ], Q('SELECT 1'), [ H() . H(), 'Z', 0 ], S());
same('one step at a time', (map { [ $_->[0] . H(), $_->[1] ] } [ P('s', 'SELECT a FROM t ORDER BY a LIMIT $1'), '1' ], [ D('S', 's'), 'T' ], [ B('p', 's', 5), '2' ], [ D('P', 'p'), 'T' ], [ E('p', 2), 's' ], [ E('p', 2), 's' ], [ E('p', 2), 'C' ], [ C('P', 'p'), '3' ],
    [ C('S', 's'), '3' ]), S());
same('an error between Flushes', [ P('s', 'SELECT 1') . H(), '1' ], [ B('', 'none') . H(), 'E' ], [ B('', 's') . H(), 'Z', 0 ], E('') . S(), B('', 's') . E('') . S());
same('a read, then a write, flushed', [ P('r', 'SELECT a FROM t WHERE a = $1') . D('S', 'r') . H(), 'T' ], [ B('', 'r', 3) . E('') . H(), 'C' ], [ P('i', 'INSERT INTO w VALUES ($1)') . D('S', 'i') . H(), 'n' ],
    [ B('', 'i', 7) . E('') . H(), 'C' ], [ B('', 'r', 4) . E('') . H(), 'C' ], S(), Q('SELECT * FROM w'));
same('prepared as asyncpg does it', [ P('i', 'INSERT INTO w VALUES ($1) RETURNING a') . D('S', 'i') . H(), 'T' ], B('', 'i', 1) . E('') . S(), B('', 'i', 2) . E('') . S(),
    [ P('r', 'SELECT a FROM w ORDER BY a') . D('S', 'r') . H(), 'T' ], B('', 'r') . E('') . S());
same('a read and a write in one pipeline', P('r', 'SELECT a FROM t WHERE a = 1') . B('', 'r') . E('') . P('i', 'INSERT INTO w VALUES (1)') . B('', 'i') . E('') . S(), Q('SELECT * FROM w'));
same('a write behind several Flushes', [ P('a', 'SELECT 1') . H(), '1' ], [ P('b', 'SELECT 2') . H(), '1' ], [ P('i', 'INSERT INTO w VALUES (1)') . H(), '1' ], [ B('', 'a') . E('') . H(), 'C' ], B('', 'i') . E('') . S(), Q('SELECT * FROM w'));
same('a Query behind a Flush', [ P('a', 'SELECT 1') . B('', 'a') . E('') . H(), 'C' ], Q('INSERT INTO w VALUES (1)'), S(), Q('SELECT * FROM w'));
same('a write of an older batch behind a Flush', P('i', 'INSERT INTO w VALUES (1)') . S(), [ P('a', 'SELECT 1') . B('', 'a') . E('') . H(), 'C' ], B('', 'i') . E('') . S(), Q('SELECT * FROM w'));

# ---- Bounds ----

{
    # More requests than are taken at once, and no Flush. The answers are read only afterwards.
    my $n = 20_000;
    for my $bytes (P('s', 'SELECT 1') . join('', map { B('', 's') . E('') } 1 .. $n) . S(), join('', map { C('S', 'none') } 1 .. $n) . S(), B('', 'none') . join('', map { C('S', 'x') . E('') } 1 .. $n) . S()) {
        my @got;
        for my $w (direct(), $t->wire) {
            my $pid = fork;
            if (!$pid) { $w->send_raw($bytes); require POSIX; POSIX::_exit(0) }
            push @got, join '', map { $_->[0] } $w->read_until('Z');
            waitpid $pid, 0;
        }
        ok($got[0] eq $got[1], 'a batch of ' . length($bytes) . ' bytes and ' . length($got[0]) . ' answers');
    }
}

my $long = 'SELECT ' . join(', ', map { "'" . ('x' x 100_000) . "' AS c$_" } 1 .. 25);
same('a statement of 2.5 MB', P('', $long) . D('S', '') . S(), B('', '') . E('') . S(), P('l', $long) . S(), B('', 'l') . E('') . S(), C('S', 'l') . S(), B('', 'l') . S());
{
    my $w = $t->wire;
    my $count = P('', 'SELECT count FROM kept') . B('', '') . E('');
    $w->send_raw(join('', map { P("m$_", "SELECT $_ + \$1::int") } 1 .. 40) . $count . S());
    my $r = $w->result;
    cmp_ok($r->{rows}[0][0], '<=', 11, 'a server keeps no more than max_prepared_statements within a batch, besides the unnamed one');
    $w->send_raw(join('', map { B('', "m$_", 0) . E('') } 1 .. 40) . $count . S());
    $r = $w->result;
    cmp_ok($r->{rows}[-1][0], '<=', 11, 'nor when they are used');
    is(join(',', map { $_->[0] } @{ $r->{rows} }[ 0 .. 39 ]), join(',', 1 .. 40), 'and all of them work');
    $w->terminate;
}

$t->stop;
done_testing();
