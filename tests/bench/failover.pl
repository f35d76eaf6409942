#!/usr/bin/perl
# How long writes stand still: N runs each of kill -9, SIGSTOP and switchover on three real servers, default settings.
#
#   make bench-failover RUNS=50 KINDS=kill,stop,switchover SYNC=off
#
# A client writes one row after the other over one connection. Measured is the longest time between two acknowledged
# writes; for a fault from the fault on (a backend may live for a moment longer than its postmaster). fsync is off.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use TestEnv qw(poll_until);
use IO::Select;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);

alarm 0;
my $runs = $ENV{BENCH_RUNS} || 10;
my @kinds = split /,/, $ENV{BENCH_KINDS} || 'kill,stop,switchover';
my $sync = $ENV{BENCH_SYNC} || 'off';

my $c = TanistCluster->new(replicas => 2, conf => "wal_log_hints = on\nwal_retrieve_retry_interval = 200ms");
$c->sql('pg1', 'CREATE TABLE bench (t timestamptz DEFAULT now()); ALTER TABLE bench OWNER TO app', 'app');
my $t = Tanist->new(cluster => $c);
# The tests' own settings are not the defaults.
$t->set('cluster prod', check_interval => undef, check_timeout => undef);
$t->set(tanist => log_level => 'info');
$t->set(failover => min_interval => '0', synchronous => $sync);
$t->start;

sub writer { my ($row) = $t->console('SHOW CLUSTERS'); return $row->{writer} // '' }

# Three nodes that are well, and a failover that is possible.
sub healthy
{
    my ($row) = $t->console('SHOW CLUSTERS');
    return ($row->{failover_possible} // '') eq 't'
        && 2 == grep { $_->{readable} eq 't' && $_->{node} ne $row->{writer} } $t->console('SHOW NODES');
}

# The old primary becomes a replica of the new one.
sub rejoin
{
    my ($old, $new) = @_;
    my $n = $c->node($old);
    my ($data, $port) = ($n->data_dir, $c->node($new)->port);
    if ($c->running($old)) {
        $c->stop($old, 'fast');
    } else {
        $c->start($old);    # crash recovery: pg_rewind wants a clean end
        $c->stop($old, 'fast');
    }
    my $conf = PostgreSQL::Test::Utils::slurp_file("$data/postgresql.conf");
    my $ok = PostgreSQL::Test::Utils::run_log([ 'pg_rewind', '-D', $data,
            "--source-server=host=127.0.0.1 port=$port user=tanist password=tanist-secret dbname=postgres" ]);
    die "pg_rewind $old\n" unless $ok;
    open my $out, '>', "$data/postgresql.conf" or die "$data: $!\n";
    print $out $conf;
    close $out;
    $c->sql($new, "SELECT pg_create_physical_replication_slot('$old') WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '$old')");
    $c->follow($old, $new);
    $n->append_conf('postgresql.auto.conf', "default_transaction_read_only = off\nsynchronous_standby_names = ''\n");
    $c->start($old);
    poll_until(sub { healthy() }, 120) or die "the cluster does not get well\n" . explain($t->console('SHOW NODES'));
}

# One connection; a line for each write: begin, end, SQLSTATE or ok.
sub client
{
    pipe(my $r, my $w) or die "pipe: $!\n";
    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(TERM INT);
        $w->autoflush(1);
        my $wire = $t->wire;
        while (1) {
            my $from = time;
            my $answer = eval { $wire->query('INSERT INTO bench DEFAULT VALUES') };
            printf $w "%.6f %.6f %s\n", $from, time, !$answer ? 'closed' : $answer->{error} ? $answer->{error}{C} : 'ok';
            POSIX::_exit(1) unless $answer;
            sleep 0.002;
        }
    }
    close $w;
    return ($pid, $r);
}

sub lines_until
{
    my ($r, $end) = @_;
    my @lines;
    while (my $line = <$r>) {
        my ($from, $to, $how) = split ' ', $line;
        push @lines, [ $from, $to, $how ];
        last if $how eq 'closed' || $end->(@{ $lines[-1] });
    }
    return @lines;
}

sub percentile
{
    my ($p, @v) = @_;
    @v = sort { $a <=> $b } @v;
    my $at = POSIX::ceil($p / 100 * @v) - 1;
    return $v[ $at < 0 ? 0 : $at ];
}

sub one
{
    my ($kind) = @_;
    my $old = writer();
    my ($pid, $r) = client();
    lines_until($r, sub { $_[2] eq 'ok' }) for 1 .. 20;
    my $mark = $t->log_offset;
    my $start = time;
    $c->kill9($old) if $kind eq 'kill';
    $c->freeze($old) if $kind eq 'stop';
    if ($kind eq 'switchover') {
        my ($rc, $out, $err) = $t->cli('switchover', '--yes');
        die "switchover: $out$err\n" if $rc;
    } else {
        $t->wait_for_event('failover.announced', $mark) or die "$kind: no failover\n";
    }
    my $until = time;
    my @lines = lines_until($r, sub { my ($from, undef, $how) = @_; return $how eq 'ok' && $from >= $until });
    kill 'KILL', $pid;
    waitpid $pid, 0;
    my $errors = grep { $_->[2] ne 'ok' } @lines;
    my ($last, $longest, $took) = ($start, 0, 0);
    for my $l (grep { $_->[2] eq 'ok' && $_->[1] > $start } @lines) {
        my $gap = $l->[1] - $last;
        ($longest, $took) = ($gap, $kind eq 'switchover' ? $gap : $l->[1] - $start) if $gap > $longest;
        $last = $l->[1];
    }
    my $new = writer();
    $c->thaw($old) if $kind eq 'stop';
    rejoin($old, $new);
    return ($took, $errors);
}

poll_until(sub { healthy() }, 60) or die "the cluster does not get well\n";
for my $kind (@kinds) {
    my (@took, $errors);
    for my $i (1 .. $runs) {
        my ($took, $bad) = one($kind);
        push @took, $took;
        $errors += $bad;
        diag(sprintf '%s %d: %.3f s', $kind, $i, $took) if $ENV{BENCH_VERBOSE};
    }
    diag(sprintf '%-10s %d runs: min %.3f  p50 %.3f  p90 %.3f  p99 %.3f  max %.3f s; client errors: %d', $kind, scalar @took,
        percentile(0, @took), (map { percentile($_, @took) } 50, 90, 99), percentile(100, @took), $errors);
}
ok(1, 'measured');
$t->stop(check => 0);
done_testing();
