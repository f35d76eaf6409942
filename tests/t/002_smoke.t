# The short end-to-end test that also runs under the sanitizers: sessions, pooling, reads and writes, load, a switchover,
# a failover, a reload, an orderly end.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use TestEnv qw(poll_until);
use IPC::Run ();
use Test::More;

my $c = TanistCluster->new(replicas => 2);
my $t = Tanist->new(cluster => $c);
$t->start;

# Sessions.
is($t->safe_psql('app', 'SELECT 40 + 2'), '42', 'a statement through the port');
$t->safe_psql('app', 'CREATE TABLE t (a int PRIMARY KEY, b text)');
my $w = $t->wire('app');
is_deeply($w->query("INSERT INTO t VALUES (1, 'one') RETURNING a; SELECT b FROM t")->{rows}, [ [1], ['one'] ],
    'several statements in one message');
is_deeply($w->extended('SELECT $1::int + 1, $2::text', 41, undef)->{rows}, [ [ 42, undef ] ], 'extended protocol');
is($w->query('SELECT 1/0')->{error}{C}, '22012', 'an error of the server reaches the client');
$w->query('BEGIN');
$w->query("INSERT INTO t VALUES (2, 'two')");
is($w->{status}, 'T', 'in a transaction');
$w->query('ROLLBACK');
is($w->value('SELECT count(*) FROM t'), '1', 'rolled back, and it reads its own writes');
is($w->value("SELECT length(repeat('x', 3000000))"), '3000000', 'a computed value');
is(length $w->value("SELECT repeat('y', 3000000)"), 3000000, 'a large row');

# COPY both ways.
$w->query('COPY t FROM STDIN');
$w->send_message('d', join '', map { "$_\trow $_\n" } 10 .. 1009);
$w->send_message('c');
is_deeply($w->result->{tags}, ['COPY 1000'], 'COPY in');
is(scalar(split /\n/, $w->query('COPY t TO STDOUT')->{copy}), 1001, 'COPY out');

# Prepared statements wander with the client.
$w->send_raw(Wire::parse('s1', 'SELECT b FROM t WHERE a = $1') . Wire::sync());
$w->result;
my $other = $t->wire('app');
for my $i (1 .. 5) {
    $other->query('BEGIN; SELECT 1');
    $w->send_raw(Wire::bind('', 's1', 9 + $i) . Wire::execute('') . Wire::sync());
    is_deeply($w->result->{rows}, [ [ 'row ' . (9 + $i) ] ], "a prepared statement, run $i");
    $other->query('COMMIT');
}
$other->terminate;

# Cancel.
$w->send_message('Q', Wire::cstr('SELECT pg_sleep(600)'));
ok(poll_until(sub { grep { $c->sql($_, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") } $c->names }),
    'a query sleeps');
ok($w->cancel, 'a cancel request');
is($w->result->{error}{C}, '57014', 'cancelled');

# Refused clients.
is(Wire->connect(port => $t->port, user => 'app', database => 'app', password => 'wrong', fail_ok => 1)->{error}{C},
    '28P01', 'a wrong password');
my $raw = Wire->open($t->host, $t->port);
$raw->send_raw("\0\0\0\4");
ok($raw->closed_in(20), 'a bad startup packet ends only that connection');
Wire->open($t->host, $t->port)->reset;

# Load.
$c->primary->command_ok([ 'pgbench', '-i', '-q', '-s', '1', '-U', 'postgres', 'app' ], 'pgbench tables');
$c->sql('pg1', 'GRANT ALL ON ALL TABLES IN SCHEMA public TO app', 'app');
$c->wait_catchup;
for my $mode (qw(simple extended prepared)) {
    for my $script ('-S', '-N') {
        my ($out, $err) = ('', '');
        IPC::Run::run(
            [ 'pgbench', '-n', $script, '-M', $mode, '-c', 8, '-j', 2, '-T', 2, $t->conninfo('app') ],
            '>', \$out, '2>', \$err, IPC::Run::timeout($TestEnv::timeout));
        is($?, 0, "pgbench $script -M $mode: exit code") or diag($err);
        like($out, qr/number of failed transactions: 0 /, "pgbench $script -M $mode: nothing failed");
    }
}
my %reads = map { $_->{node} => $_ } $t->console('SHOW NODES');
cmp_ok($reads{$_}{reads}, '>', 0, "$_ served reads") for qw(pg2 pg3);
is($reads{$_}{writes}, 0, "$_ got no writes") for qw(pg2 pg3);

# A planned change under a session that stays.
my $mark = $t->log_offset;
my ($rc, $out, $err) = $t->cli('switchover', '--to', 'pg2', '--yes');
is($rc, 0, 'switchover') or diag($out, $err);
ok($t->wait_for_event('switchover.done', $mark, node => 'pg2'), 'it is reported');
is($w->query("INSERT INTO t VALUES (3, 'three')")->{tags}[0], 'INSERT 0 1', 'the same client writes');

# An unplanned one, once pg3 is seen on the new timeline: before that it is not shown to be an heir.
ok(poll_until(sub { grep { $_->{node} eq 'pg3' && $_->{timeline} == 2 } $t->console('SHOW NODES') }),
    'the other replica follows the new primary');
$mark = $t->log_offset;
$c->kill9('pg2');
my $e = $t->wait_for_event('failover.done', $mark);
is($e->{result}, 'promoted', 'the dead primary is replaced');
is($w->query("INSERT INTO t VALUES (4, 'four')")->{tags}[0], 'INSERT 0 1', 'the same client writes again');
is($w->value('SELECT count(*) FROM t WHERE a < 10'), '3', 'and nothing of its own is missing');

# Reload, good and bad.
$t->set('routing', max_lag => '5s');
($rc, $out, $err) = $t->reload;
is($rc, 0, 'reload') or diag($err);
$t->set('routing', max_lag => 'never ever');
($rc, $out, $err) = $t->reload;
isnt($rc, 0, 'a bad file is refused');
is($w->value('SELECT 1'), '1', 'and the session goes on');

$w->send_message('Q', Wire::cstr('BEGIN; SELECT 1'));
$w->close;
$t->stop;
done_testing();
