# What sessions may see, by level: many clients write rising numbers and read each other's, while replicas are delayed,
# paused, frozen and restarted; tests/consistency judges the history.
#
# TANIST_CONSISTENCY_READS: reads for each level (make check-consistency: a million).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use TestEnv qw($build poll_until);
use IPC::Run ();
use Test::More;

my $reads = $ENV{TANIST_CONSISTENCY_READS} // 60_000;
my $checker = "$build/consistency";
plan skip_all => "$checker is not built" unless -x $checker;

my $c = TanistCluster->new(replicas => 3, conf => "max_standby_streaming_delay = 100ms\n");
$c->sql('pg1', <<'SQL', 'app');
CREATE TABLE reg (k int, v bigint);
CREATE INDEX ON reg (k, v);
CREATE FUNCTION here() RETURNS int STABLE LANGUAGE sql AS 'SELECT inet_server_port()';
CREATE FUNCTION bump(k int, v bigint) RETURNS bigint VOLATILE LANGUAGE sql AS 'INSERT INTO reg VALUES (k, v) RETURNING v';
CREATE PROCEDURE bump_proc(k int, v bigint) LANGUAGE plpgsql AS 'BEGIN INSERT INTO reg VALUES (k, v); END';
GRANT ALL ON reg TO app;
SQL
$c->wait_catchup;
my %port = map { $_ => $c->node($_)->port } $c->names;

my $t = Tanist->new(
    cluster  => $c,
    settings => {
        tanist  => { log_level => 'info' },
        routing => { max_lag   => '0', max_lag_bytes => '0' },
        'pool *' => { pool_size => 40 },
    });
$t->start;

# The catalog is known when reads are on replicas.
my $first = $t->wire;
ok(poll_until(sub { $first->value('SELECT here() FROM reg WHERE k = 0 UNION ALL SELECT here()') != $port{pg1} }), 'reads are on replicas');
$first->terminate;

# ---- The checker ----

my $round = 0;

sub start_checker
{
    my (%o) = @_;
    my $run = { out => '', err => '' };
    # max(v) of what is there is where the values of this round begin; each round has a table of its own instead.
    $c->primary->safe_psql('app', 'TRUNCATE reg');
    $c->wait_catchup;
    my %args = (
        conninfo => $t->conninfo('app'), clients => 12, reads => $reads, writes => 5, seconds => $TestEnv::test_max / 4, %o);
    $run->{h} = IPC::Run::start([ $checker, map { ("--$_", $args{$_}) } sort keys %args ],
        '<', \undef, '>', \$run->{out}, '2>', \$run->{err});
    return $run;
}

sub running { my ($run) = @_; return $run->{h}->pumpable && do { $run->{h}->pump_nb; $run->{h}->pumpable } }

sub result
{
    my ($run) = @_;
    $run->{h}->finish;
    my %r = $run->{out} =~ /^(\w+)=(\S+)$/mg;
    note(join ' ', map { "$_=$r{$_}" } sort keys %r);
    diag($run->{err}) if $run->{err} =~ /example/ && ($run->{show} // 1);
    $r{replica_share} = 0;
    my $primary = $c->primary->port;
    my $all = 0;
    for my $p (map { /reads_on_(\d+)/ ? $1 : () } keys %r) {
        $all += $r{"reads_on_$p"};
        $r{replica_share} += $r{"reads_on_$p"} if $p != $primary;
    }
    $r{replica_share} /= $all || 1;
    return \%r;
}

# ---- What goes wrong meanwhile ----

# Behind by at least so many bytes, as a node counts; nothing waits for a clock.
sub behind
{
    my ($name, $bytes, $run) = @_;
    my $primary = $c->primary;
    poll_until(
        sub {
            my $lsn = $primary->safe_psql('postgres', 'SELECT pg_current_wal_flush_lsn()');
            return !running($run)
                || $c->sql($name, "SELECT pg_wal_lsn_diff('$lsn', pg_last_wal_replay_lsn()) > $bytes") eq 't';
        });
}

sub caught_up
{
    my ($name, $run) = @_;
    my $lsn = $c->primary->safe_psql('postgres', 'SELECT pg_current_wal_flush_lsn()');
    poll_until(sub { !running($run) || $c->sql($name, "SELECT pg_last_wal_replay_lsn() >= '$lsn'") eq 't' });
}

sub set_delay
{
    my ($name, $delay) = @_;
    $c->sql($name, "ALTER SYSTEM SET recovery_min_apply_delay = '$delay'");
    $c->sql($name, 'SELECT pg_reload_conf()');
}

# One round of every kind of trouble on the replicas named.
sub trouble
{
    my ($run, @names) = @_;
    for my $name (@names) {
        last unless running($run);
        $c->pause_replay($name);
        behind($name, 2000, $run);
        $c->resume_replay($name);
        caught_up($name, $run);
        last unless running($run);
        set_delay($name, '40ms');
        behind($name, 1000, $run);
        set_delay($name, 0);
        caught_up($name, $run);
        last unless running($run);
        $c->freeze($name);
        my $lsn = $c->primary->safe_psql('postgres', 'SELECT pg_current_wal_flush_lsn()');
        poll_until(
            sub {
                !running($run)
                    || $c->primary->safe_psql('postgres', "SELECT pg_current_wal_flush_lsn() > '$lsn'::pg_lsn + 2000") eq 't';
            });
        $c->thaw($name);
        caught_up($name, $run);
    }
}

sub crash
{
    my ($run, $name) = @_;
    return unless running($run);
    $c->pause_replay($name);
    behind($name, 1000, $run);
    $c->kill9($name);
    $c->start($name);
    caught_up($name, $run);
}

sub level
{
    my ($level, %more) = @_;
    $t->set(routing => consistency => $level, %more);
    is(($t->reload)[0], 0, "consistency = $level");
}

# ---- Eventual: the checker bites ----

level('eventual');
set_delay('pg3', '30ms');
my $run = start_checker(reads => 20_000);
$run->{show} = 0;
my $r = result($run);
cmp_ok($r->{own} + $r->{back}, '>', 0, 'eventual: sessions miss their own writes or go back in time, and the checker sees it');
cmp_ok($r->{stale}, '>', 0, 'eventual: reads are stale');
is($r->{alien}, 0, 'eventual: every value was written by somebody');
set_delay('pg3', 0);

# ---- Session ----

level('session');
$run = start_checker(reads => $reads);
$r = result($run);
is($r->{own}, 0, 'session: no read misses a write of its session');
is($r->{back}, 0, 'session: no read goes back in time');
is($r->{alien}, 0, 'session: every value was written by somebody');
is($r->{read_errors}, 0, 'session: no read fails');
cmp_ok($r->{replica_share}, '>', 0.9, 'session: over 90 % of the reads are on replicas');

$run = start_checker(reads => $reads);
my $rounds = 0;
while (running($run)) {
    trouble($run, 'pg2', 'pg3');
    crash($run, 'pg3') if $rounds++ % 3 == 0;
}
$r = result($run);
note("$rounds rounds of trouble");
is($r->{own}, 0, 'session, with trouble: no read misses a write of its session');
is($r->{back}, 0, 'session, with trouble: no read goes back in time');
is($r->{alien}, 0, 'session, with trouble: every value was written by somebody');

# ---- Bounded, and global ----

# A replica that is always behind by more than the bound, one that is behind by less, and trouble.
level('bounded', max_lag => '150ms');
set_delay('pg4', '400ms');
$run = start_checker(reads => $reads, 'allow-ms' => 150, 'show-stale' => 1);
trouble($run, 'pg2') while running($run);
$r = result($run);
is($r->{stale}, 0, 'bounded: no read is older than max_lag');
is($r->{own} + $r->{back}, 0, 'bounded: what level session promises holds too');
cmp_ok($r->{stalest_us}, '>', 0, 'bounded: though some are not the newest');
level('global', max_lag => '0');
$run = start_checker(reads => $reads, 'show-stale' => 1);
trouble($run, 'pg3') while running($run);
$r = result($run);
is($r->{stale}, 0, 'global: no read misses a write that was confirmed to anybody before it began');
is($r->{own} + $r->{back}, 0, 'global: what level session promises holds too');
set_delay('pg4', 0);

$t->stop;
done_testing();
