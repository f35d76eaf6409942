# Many clients on few servers: limits, waiting, pins, what must not leak from one session to the next, COPY and large rows.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Wire;
use TestEnv qw(poll_until);
use IO::Select;
use Test::More;

my $c = TanistCluster->new(replicas => 2);
$c->sql('pg1', <<'SQL', 'app');
CREATE TABLE t (a int, b text); GRANT ALL ON t TO app; GRANT ALL ON SCHEMA public TO app;
CREATE SCHEMA one; CREATE SCHEMA two;
CREATE TABLE one.which AS SELECT 'one' AS name; CREATE TABLE two.which AS SELECT 'two' AS name;
GRANT USAGE ON SCHEMA one, two TO app; GRANT SELECT ON one.which, two.which TO app;
ALTER ROLE other CONNECTION LIMIT 100;
SQL
$c->sql('pg1', 'GRANT ALL ON t TO other', 'app');
$c->wait_catchup;
my $t = Tanist->new(
    cluster  => $c,
    settings => {
        tanist           => { workers => 4 },
        'pool *'         => { pool_mode => 'transaction', pool_size => 2 },
        'pool app.other' => { pool_mode => 'session', pool_size => 2, query_wait_timeout => '300ms' },
    });
$t->start;

sub servers_of { my ($n, $user) = @_; return $c->sql($n, "SELECT count(*) FROM pg_stat_activity WHERE usename = '$user' AND backend_type = 'client backend'") }
sub pinned { return map { $_->{pin} } grep { defined $_->{pin} && $_->{pin} ne '' } $t->console('SHOW CLIENTS') }
sub send_query { my ($w, $sql) = @_; $w->send_message('Q', Wire::cstr($sql)) }

# ---- pool_size holds for all workers together ----

my @w = map { $t->wire } 1 .. 16;
my ($most, $bad) = (0, 0);
for my $round (1 .. 10) {
    send_query($w[$_], $round % 2 ? "INSERT INTO t VALUES ($_, 'r$round') RETURNING a" : "SELECT $_ FROM pg_sleep(0.001)") for 0 .. $#w;
    if ($round % 3 == 0) {
        for my $n ($c->names) { my $k = servers_of($n, 'app'); $most = $k if $k > $most }
    }
    for my $i (0 .. $#w) {
        my $r = $w[$i]->result;
        $bad++ unless ($r->{rows}[0][0] // '') eq $i;
    }
}
is($bad, 0, '16 clients of 4 workers with pool_size = 2: all are served');
for my $n ($c->names) { my $k = servers_of($n, 'app'); $most = $k if $k > $most }
cmp_ok($most, '<=', 2, 'never more than 2 servers on a node');
is($c->sql('pg1', 'SELECT count(*) FROM t', 'app'), 16 * 5, 'every insert was done once');

# Two that hold both servers: the others wait, and are served when one ends.
for my $i (0, 1) { $w[$i]->query('BEGIN'); $w[$i]->query('INSERT INTO t VALUES (0)') }
send_query($w[$_], "INSERT INTO t VALUES (-1) RETURNING $_") for 2 .. 15;
ok(poll_until(sub { my ($p) = grep { $_->{database} eq 'app' && $_->{user} eq 'app' } $t->console('SHOW POOLS'); $p->{cl_waiting} == 14 }), 'SHOW POOLS: 14 wait');
is($c->sql('pg1', q(SELECT count(*) FROM pg_stat_activity WHERE usename = 'app')), '2', 'and 2 servers');
$w[0]->query('COMMIT');
is(join(',', map { $w[$_]->result->{rows}[0][0] } 2 .. 15), join(',', 2 .. 15), 'one COMMIT, and all 14 are served over one server');
$w[1]->query('ROLLBACK');

# A client that leaves while it waits takes nothing along.
for my $i (0, 1) { $w[$i]->query('BEGIN'); $w[$i]->query('INSERT INTO t VALUES (0)') }
send_query($w[$_], 'INSERT INTO t VALUES (-2)') for 2 .. 15;
ok(poll_until(sub { 14 == grep { $_->{state} eq 'waiting' } $t->console('SHOW CLIENTS') }), 'SHOW CLIENTS: 14 wait');
$w[$_]->close for 2 .. 8;
$w[$_]->reset for 9 .. 12;
ok(poll_until(sub { 3 == grep { $_->{state} eq 'waiting' } $t->console('SHOW CLIENTS') }), 'eleven left');
$w[$_]->query('ROLLBACK') for 0, 1;
is(scalar(grep { !$_->result->{error} } @w[ 13 .. 15 ]), 3, 'the others are served');
is($c->sql('pg1', 'SELECT count(*) FROM t WHERE a = -2', 'app'), '3', 'those that left wrote nothing');
$_->terminate for @w[ 0, 1, 13 .. 15 ];

# ---- Session mode, query_wait_timeout ----

my @s = map { $t->wire('app', user => 'other') } 1 .. 3;
my @pid = map { $_->value('SELECT pg_backend_pid()') } @s[ 0, 1 ];
is($s[0]->value('SELECT pg_backend_pid()'), $pid[0], 'session mode: always the same server') for 1 .. 3;
$s[0]->query(q(SET application_name = 'mine'));
is($s[0]->value('SHOW application_name'), 'mine', 'which keeps its settings');
my $r = $s[2]->query('SELECT 1');
is($r->{error}{C}, '53300', 'a third one waits for query_wait_timeout only') or diag(explain($r->{error}));
like($r->{error}{M}, qr/query_wait_timeout/, 'and is told so');
is($s[2]->{status}, 'I', 'and keeps its connection');
$s[0]->terminate;
ok(poll_until(sub { my $r = $s[2]->query('SHOW application_name'); !$r->{error} && ($r->{rows}[0][0] eq '' || diag(explain($r->{rows})) || 1) }), 'the next one gets the server');
is($s[2]->value('SHOW application_name'), '', 'and nothing of the last session is left');
$_->terminate for @s[ 1, 2 ];

# ---- Pins ----

my @pins = (
    [ 'setting', 'SET work_mem = \'7MB\'', 'SHOW work_mem', '7MB' ],
    [ 'setting', 'SELECT set_config(\'work_mem\', \'7MB\', false)', 'SHOW work_mem', '7MB' ],
    [ 'setting', 'SET ROLE app; SET timezone = \'Asia/Tokyo\'', 'SHOW timezone', 'Asia/Tokyo' ],
    [ 'temporary-object', 'CREATE TEMP TABLE tt AS SELECT 42 AS a', 'SELECT a FROM tt', '42' ],
    [ 'temporary-object', 'SELECT 42 AS a INTO TEMP tt', 'SELECT a FROM tt', '42' ],
    [ 'advisory-lock', 'SELECT pg_advisory_lock(4711)', q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()), '1' ],
    [ 'sql-prepare', 'PREPARE p AS SELECT 42', 'EXECUTE p', '42' ],
    [ 'listen', 'LISTEN chan', 'SELECT * FROM pg_listening_channels()', 'chan' ],
    [ 'cursor-with-hold', 'BEGIN; DECLARE cur CURSOR WITH HOLD FOR SELECT 42; COMMIT', 'FETCH 1 FROM cur', '42' ]);
for my $p (@pins) {
    my ($pin, $sql, $probe, $value) = @$p;
    for my $how (qw(discard leave)) {
        my $w = $t->wire;
        my $noise = $t->wire;
        my $r = $w->query($sql);
        ok(!$r->{error}, "$pin: $sql") or diag(explain($r->{error}));
        is(join(',', pinned()), $pin =~ /^(setting|listen|sql-prepare)$/ ? '' : $pin, "$pin: SHOW CLIENTS tells it");
        $noise->query("INSERT INTO t VALUES (1)") for 1 .. 3;
        is($w->value($probe), $value, "$pin: it is there in later statements");
        if ($how eq 'discard') {
            ok(!$w->query('DISCARD ALL')->{error}, "$pin: DISCARD ALL");
            is(join(',', pinned()), '', "$pin: unpins");
        } else {
            $how eq 'leave' ? $w->terminate : 0;
            ok(poll_until(sub { !pinned() }), "$pin: gone with the session");
        }
        # Whoever uses the servers next sees none of it.
        my @next = map { $t->wire } 1 .. 2;
        for my $n (@next) { $n->query('BEGIN'); }
        my $seen = 0;
        for my $n (@next) {
            my $r = $n->query($probe);
            my $v = $r->{error} ? 'error' : $r->{rows}[0][0] // 'nothing';
            $seen++ if $v eq $value;
        }
        is($seen, 0, "$pin: nothing of it is left on the servers");
        $_->terminate for @next, $noise, $how eq 'discard' ? $w : ();
    }
}
is($c->sql('pg1', q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')), '0', 'no advisory lock is left');

# NOTIFY reaches the one that listens, while it is idle too.
my $listener = $t->wire;
$listener->query('LISTEN news');
my $notifier = $t->wire;
$notifier->query(q(NOTIFY news, 'hello'));
my $m = $listener->read_message;
is($m->[0], 'A', 'a notification comes unasked');
like($m->[1], qr/news\0hello\0$/, 'the right one');
$notifier->query(q(NOTIFY news, 'again'));
$r = $listener->query('SELECT 1');
is($r->{rows}[0][0], '1', 'the listener still queries');
ok(@{ $r->{notifications} } == 1 || $listener->read_message->[0] eq 'A', 'and gets the next notification');
is($notifier->query('SELECT 1')->{notifications}[0], undef, 'the other one hears nothing');
$_->terminate for $listener, $notifier;

# SET LOCAL does not pin, nor do settings in a transaction that is rolled back reach anybody.
my $w = $t->wire;
$w->query(q(BEGIN; SET LOCAL work_mem = '9MB'));
is($w->value('SHOW work_mem'), '9MB', 'SET LOCAL');
$w->query('COMMIT');
isnt($_->value('SHOW work_mem'), '9MB', 'is gone after the transaction') for $w;
is(join(',', pinned()), '', 'and pins nobody');
$w->terminate;

# ---- Start-up parameters ----

my %p = (application_name => 'report', options => '-c search_path=two -c work_mem=11MB', DateStyle => 'German', client_encoding => 'LATIN1');
my $a = $t->wire('app', parameters => \%p);
my $b = $t->wire('app', parameters => { application_name => 'web', options => '-csearch_path=one' });
my $plain = $t->wire;
my $date = q(SELECT '2026-02-01'::date);
for my $round (1 .. 5) {
    for my $x ([ $a, 'two', 'report', '11MB', '01.02.2026' ], [ $b, 'one', 'web', undef, '2026-02-01' ]) {
        my ($w, $name, $app, $mem, $d) = @$x;
        $bad++ if $w->value('SELECT name FROM which') ne $name || $w->value('SHOW application_name') ne $app || $w->value($date) ne $d;
        $bad++ if $mem && $w->value('SHOW work_mem') ne $mem;
        $bad++ if ($w->extended('SELECT name FROM which')->{rows}[0][0] // '') ne $name;
    }
    $bad++ unless $plain->query('SELECT name FROM which')->{error};
    $bad++ if $plain->value('SHOW application_name') ne '' || $plain->value($date) ne '2026-02-01';
}
is($bad, 0, 'three sessions with different parameters over the same servers: each has its own');
is($a->{parameters}{application_name}, 'report', 'ParameterStatus at login: application_name');
is($a->{parameters}{client_encoding}, 'LATIN1', 'client_encoding');
is($a->{parameters}{DateStyle}, 'German, DMY', 'DateStyle');
is($plain->{parameters}{client_encoding}, 'UTF8', 'the plain one has the default');
is($a->value(q(SELECT 'caf' || chr(233))), "caf\xe9", 'and the encoding applies');
ok(exists $plain->{parameters}{$_}, "ParameterStatus $_") for qw(server_version server_encoding integer_datetimes TimeZone standard_conforming_strings is_superuser session_authorization);
is($c->sql('pg1', q(SELECT count(DISTINCT pid) FROM pg_stat_activity WHERE usename = 'app')) <= 2 ? 1 : 0, 1, 'without more servers than allowed');
$_->terminate for $a, $b, $plain;

for my $p ([ { options => '-c work_mem=lots' }, '22023' ], [ { options => '-c no_such_setting=1' }, '42704' ], [ { client_encoding => 'KLINGON' }, '22023' ],
    [ { options => '-z' }, undef ], [ { DateStyle => 'nonsense' }, '22023' ], [ { options => '-c search_path' }, undef ])
{
    my $w = $t->wire('app', parameters => $p->[0], fail_ok => 1);
    my $what = join ' ', %{ $p->[0] };
    ok($w->{error}, "a bad parameter is an error at login: $what") or next;
    is($w->{error}{C}, $p->[1], "$what: SQLSTATE") if $p->[1];
    is($w->{error}{S}, 'FATAL', "$what: FATAL");
    ok($w->closed_in(30), "$what: closed");
}
is($t->safe_psql('app', 'SELECT name FROM which', options => '-c search_path=one'), 'one', 'psql with options');
is($t->safe_psql('app', 'SHOW application_name', application_name => q(it's "odd" \\)), q(it's "odd" \\), 'a value that needs quoting');

# ---- COPY ----

$w = $t->wire;
$w->query('TRUNCATE t');
my $line = "7\t" . 'x' x 98 . "\n";
my $rows = 100_000;
$w->query('COPY t FROM STDIN');
$w->send_raw(Wire::message('d', $line x 1000)) for 1 .. $rows / 1000;
$w->send_message('c', '');
is($w->result->{tags}[0], "COPY $rows", 'COPY in, 10 MB');
$w->send_raw(Wire::parse('', 'COPY t FROM STDIN') . Wire::bind('', '') . Wire::execute('') . Wire::flush());
$w->result;
$w->send_raw(Wire::message('d', $line x 10) x ($rows / 10) . Wire::message('c', '') . Wire::sync());
is($w->result->{tags}[0], "COPY $rows", 'COPY in, extended, 10 MB in small messages');
is($w->value('SELECT count(*) FROM t'), 2 * $rows, 'all is there');
$r = $w->query('COPY t TO STDOUT');
is(length $r->{copy}, 2 * $rows * length $line, 'COPY out, 20 MB');
$w->send_raw(Wire::parse('', 'COPY (SELECT * FROM t LIMIT 100000) TO STDOUT') . Wire::bind('', '') . Wire::execute('') . Wire::sync());
$r = $w->result;
is(length $r->{copy}, $rows * length $line, 'COPY out, extended');
is($w->value('SELECT 1'), '1', 'and the session goes on');
my ($rc, $out, $err) = $t->psql('app', "\\copy t from program 'seq -f \"%g	y\" 1 1000'\nSELECT count(*) FROM t WHERE b = 'y';\n");
is($out, '1000', 'psql \copy') or diag($err);

# ---- Large rows do not cost memory ----

sub vmhwm { open my $in, '<', '/proc/' . $t->pid . '/status' or die; my ($kb) = join('', <$in>) =~ /^VmHWM:\s+(\d+)/m; return $kb }
my $before = vmhwm();
is(length $w->value(q(SELECT repeat('x', 50000000))), 50_000_000, 'a value of 50 MB');
is(length $w->extended(q(SELECT repeat('y', 50000000)))->{rows}[0][0], 50_000_000, 'extended');
$w->query('COPY t FROM STDIN');
$w->send_message('d', "8\t" . 'z' x 50_000_000 . "\n");
$w->send_message('c', '');
is($w->result->{tags}[0], 'COPY 1', 'a row of 50 MB by COPY');
$w->send_raw(Wire::parse('', 'SELECT length($1)') . Wire::bind('', '', 'p' x 50_000_000) . Wire::execute('') . Wire::sync());
is($w->result->{rows}[0][0], 50_000_000, 'a parameter of 50 MB');
my $grown = vmhwm() - $before;
SKIP: {
    skip 'sanitizers have memory of their own', 1 if ($ENV{TANIST_BUILD} // '') =~ /-(?:address|thread)$/ || $ENV{TANIST_WRAPPER};
    cmp_ok($grown, '<', 16 * 1024, "the daemon's peak memory grew by less than 16 MB ($grown kB)");
}
# One that does not read its result blocks its server only, and not with memory.
my $slow = $t->wire;
send_query($slow, q(SELECT repeat('s', 1000000) FROM generate_series(1, 60)));
$slow->fill(10);
$before = vmhwm();
is($w->value('SELECT 2'), '2', 'others go on beside a client that does not read');
my $got = 0;
$r = $slow->result;
is(scalar @{ $r->{rows} }, 60, 'which gets all of it in the end');
$slow->terminate;

# ---- Statements in a row ----

$r = $w->query('SELECT 1; SELECT 2; INSERT INTO t VALUES (9); SELECT 3');
is_deeply($r->{rows}, [ [1], [2], [3] ], 'several statements in one message');
$r = $w->query(q(INSERT INTO t VALUES (10, 'm'); SELECT 1/0; INSERT INTO t VALUES (11, 'm')));
is($r->{error}{C}, '22012', 'an error among them');
is($w->value(q(SELECT count(*) FROM t WHERE b = 'm')), '0', 'rolls all of them back');
$r = $w->query('BEGIN; SELECT 1/0');
is($w->{status}, 'E', 'a transaction that failed');
is($w->query('SELECT 1')->{error}{C}, '25P02', 'stays failed');
$w->query('ROLLBACK');
is($w->{status}, 'I', 'until it is rolled back');
is($w->query('COMMIT')->{tags}[0], 'COMMIT', 'COMMIT outside is a warning');
is($w->{notices}[-1]{C}, '25P01', 'like PostgreSQL');
$r = $w->query('SELECT ' . join(' + ', (1) x 100_000));
is($r->{error} ? $r->{error}{C} : $r->{rows}[0][0], $r->{error} ? '54001' : 100_000, 'a statement of 400 kB is run, or refused by PostgreSQL');
$r = $w->query("SELECT length('" . 'q' x 3_000_000 . "')");
is($r->{rows}[0][0], 3_000_000, 'a statement of 3 MB');
$w->terminate;
$w = $t->wire;
$w->send_raw(Wire::parse('', "SELECT length('" . 'q' x 3_000_000 . "')") . Wire::bind('', '') . Wire::execute('') . Wire::sync());
$r = eval { $w->result } // {};
ok($r->{closed} ? $r->{error}{C} =~ /^(?:08P01|54000)$/ : ($r->{rows}[0][0] // '') eq 3_000_000, 'a Parse of 3 MB is run, or refused clearly') or diag(explain($r->{error}));

# Nothing is left behind.
my $quiet = poll_until(
    sub {
        my @p = grep { $_->{database} eq 'app' } $t->console('SHOW POOLS');
        return !grep { $_->{cl_waiting} || $_->{sv_active} || $_->{sv_login} } @p;
    });
ok($quiet, 'no server is busy at the end') or diag(explain([ $t->console('SHOW POOLS') ]));
$t->stop;
done_testing();
