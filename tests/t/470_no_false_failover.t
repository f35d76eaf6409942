# The primary lives, whatever it looks like from here: nothing is promoted.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Load;
use Relay;
use TestEnv qw(poll_until);
use Wire;
use Test::More;

my $c = TanistCluster->new(replicas => 2, conf => "max_connections = 60\nsuperuser_reserved_connections = 3");
Load->prepare($c);
# tanist reaches the primary through a relay; the replicas reach it directly.
my $relay = Relay->new(port => $c->node('pg1')->port);
my $t = Tanist->new(cluster => $c);
$t->set('node pg1', port => $relay->port);
$t->set('cluster prod', check_timeout => 1000 * $TestEnv::slow . 'ms');
$t->start;

sub cluster_row { my ($row) = $t->console('SHOW CLUSTERS'); return $row }
sub node_row { my ($name) = @_; my ($row) = grep { $_->{node} eq $name } $t->console('SHOW NODES'); return $row // {} }
sub probes { return node_row($_[0])->{probes} // 0 }

# As long as it takes to ask a node so many times more.
sub asked
{
    my ($name, $times) = @_;
    my $from = probes($name);
    return poll_until(sub { probes($name) >= $from + $times });
}

my $seq = 1000;
sub kept
{
    my ($mark, $what) = @_;
    is($t->wire->query("INSERT INTO load.rows VALUES ('main', " . $seq++ . ')')->{error}, undef, "$what: a write is done");
    is(scalar $t->events('failover.detected', $mark), 0, "$what: the primary was not given up");
    is(scalar $t->events('failover.promote.sent', $mark), 0, "$what: nothing was promoted");
    is(cluster_row()->{writer}, 'pg1', "$what: the writer is as before");
}

sub steady
{
    my ($what) = @_;
    ok(poll_until(sub { node_row('pg1')->{state} eq 'ok' && 2 == grep { node_row($_)->{readable} eq 't' } qw(pg2 pg3) }),
        "$what: all is well again") or diag(explain([ $t->console('SHOW NODES') ]));
}

sub direct { my ($name, $user) = @_; return Wire->connect(port => $c->node($name)->port, user => $user, password => "$user-secret",
        database => 'postgres', fail_ok => 1) }

steady('begin');

# ---- Replicas ask for themselves ----

for my $name (qw(pg2 pg3)) {
    ok($c->poll_sql($name, q(SELECT current_setting('wal_receiver_timeout') = '2s')), "$name asks a silent primary for a sign of life");
}
isnt($c->sql('pg1', q(SELECT current_setting('wal_receiver_timeout'))), '2s', 'the primary is left alone');

# ---- Only tanist loses the primary, and nobody else writes: alert and hold ----

my ($waiting, $reader) = ($t->wire, $t->wire);
my $mark = $t->log_offset;
$relay->set(mode => 'drop');
ok($t->wait_for_event('decide.verdict', $mark, verdict => 'down-vetoed'), 'cut off: the veto is an event');
$waiting->send_message('Q', Wire::cstr("INSERT INTO load.rows VALUES ('main', 1)"));
ok(asked('pg1', 10), 'cut off: for long');
is(scalar $t->events('failover.detected', $mark), 0, 'cut off: the primary is not given up');
is($reader->value(q(SELECT count(*) FROM load.rows WHERE client = 'none')), '0', 'cut off: reads go on');
$relay->set(mode => $_) for qw(reset pass);
# If it was on its way when the cut-off connection ended, nobody knows what became of it.
my $answer = $waiting->result;
like($answer->{error}{C} // 'done', qr/^(?:done|08007|40001)$/, 'cut off: healed, the write that waited is done or in doubt')
    or diag(explain($answer));
kept($mark, 'cut off');
steady('cut off');

# ---- Too many clients, tanist's own connection among the lost ----

$mark = $t->log_offset;
my $load = Load->new(tanist => $t, writers => 2, readers => 2);
ok($load->wait_acks(5), '53300: clients are at work');
my $root = direct('pg1', 'tanist');
is($root->{error}, undef, '53300: a superuser is in') or BAIL_OUT('no login');
my @crowd;
my $crowded = sub {
    for my $user (qw(app tanist)) {
        my $w = 1;
        while ($w && @crowd < 100) {
            $w = direct('pg1', $user);
            $w = undef if $w->{error};
            push @crowd, $w if $w;
        }
    }
};
$crowded->();
# What it leaves is taken at once, so that it finds no place when it asks again.
ok(poll_until(sub {
        $root->query(q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tanist' AND usename = 'tanist'));
        $crowded->();
        return $t->find_event('probe.failed', $mark, sqlstate => '53300');
    }), '53300: there is no place for tanist');
ok(asked('pg1', 8), '53300: for long');
ok($load->wait_acks(5), '53300: clients that are in go on');
is(scalar $t->events('failover.detected', $mark), 0, '53300: the primary is not given up');
$_->close for @crowd, $root;
@crowd = ();
steady('53300');
kept($mark, '53300');
my $s = $load->stop;
is_deeply($s->{hung}, [], '53300: no client hangs');

# ---- Somebody ends all sessions, again and again ----

$mark = $t->log_offset;
my $storm = fork() // die "fork: $!\n";
if ($storm == 0) {
    $SIG{$_} = 'DEFAULT' for qw(TERM INT ALRM);
    alarm 60;
    open STDERR, '>', '/dev/null';
    exec 'psql', '-XAtq', '-d', $c->node('pg1')->connstr('postgres'), '-c',
        q(DO $$BEGIN LOOP PERFORM pg_stat_clear_snapshot(), pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid(); PERFORM pg_sleep(0.01); END LOOP; END$$);
}
ok($t->wait_for_event('probe.failed', $mark, sqlstate => '57P01'), 'sessions end: tanist is met, too');
ok(asked('pg1', 30), 'sessions end: for long');
is(scalar $t->events('failover.detected', $mark), 0, 'sessions end: the primary is not given up');
kill 'TERM', $storm;
waitpid $storm, 0;
$c->sql('pg1', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DO %LOOP%' AND pid <> pg_backend_pid()));
steady('sessions end');
kept($mark, 'sessions end');

# ---- The checkpointer and the writers stand still ----

$mark = $t->log_offset;
$load = Load->new(tanist => $t, writers => 2, readers => 2);
my @pids = split /\n/, $c->sql('pg1', q(SELECT pid FROM pg_stat_activity WHERE backend_type IN ('checkpointer', 'background writer', 'walwriter')));
is(scalar @pids, 3, 'checkpoint: its processes are known');
kill 'STOP', @pids;
my $checkpoint = direct('pg1', 'tanist');
$checkpoint->send_message('Q', Wire::cstr('CHECKPOINT'));
ok(asked('pg1', 20), 'checkpoint: it hangs for long');
ok($load->wait_acks(5), 'checkpoint: clients go on');
kill 'CONT', @pids;
is($checkpoint->result->{error}, undef, 'checkpoint: it ends');
kept($mark, 'checkpoint');
$s = $load->stop;
is(Load::describe(map { @$_ } @$s{qw(errors closed died)}), '', 'checkpoint: no client saw an error');

# ---- One replica is cut off ----

$mark = $t->log_offset;
$load = Load->new(tanist => $t, writers => 2, readers => 2);
$c->freeze('pg2');
ok($t->wait_for_event('node.down', $mark, node => 'pg2'), 'replica cut off: it is down');
ok($load->wait_acks(20), 'replica cut off: clients go on');
ok(asked('pg1', 5), 'replica cut off: for long');
$c->thaw('pg2');
steady('replica cut off');
kept($mark, 'replica cut off');
$s = $load->stop;
is(Load::describe(map { @$_ } @$s{qw(closed died)}), '', 'replica cut off: no client was thrown out');

# ---- The primary gets little of the machine ----

$mark = $t->log_offset;
$load = Load->new(tanist => $t, writers => 2);
ok($load->wait_acks(5), 'slow: clients are at work');
my $slow = fork() // die "fork: $!\n";
if ($slow == 0) {
    $SIG{$_} = 'DEFAULT' for qw(TERM INT);
    for (1 .. 16) {
        $c->freeze('pg1');
        select undef, undef, undef, 0.4;
        $c->thaw('pg1');
        select undef, undef, undef, 0.1;
    }
    POSIX::_exit(0);
}
waitpid $slow, 0;
is(scalar $t->events('failover.detected', $mark), 0, 'slow: the primary is not given up');
kept($mark, 'slow');
$s = $load->stop;
is(Load::describe(map { @$_ } @$s{qw(errors closed died)}), '', 'slow: no client saw an error');

$t->stop;
done_testing();
