# Quorum mode: the cohort forms, shrinks and grows by itself; a primary that is killed or frozen loses no acknowledged
# write, and, once it goes on, can acknowledge nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Load;
use TestEnv qw(poll_until);
use Test::More;

my $c = TanistCluster->new(replicas => 2);
Load->prepare($c);
my $t = Tanist->new(cluster => $c, settings => { failover => { mode => 'automatic', synchronous => 'quorum', quorum => 1 } });
$t->start;

sub cluster { my ($row) = $t->console('SHOW CLUSTERS'); return $row }
sub safe { return cluster()->{failover_safe} eq 't' }
sub quorum { return cluster()->{quorum} // '' }

# ---- forming ----
ok(poll_until(\&safe), 'a failover is without loss after a moment') or diag(explain(cluster()));
is(quorum(), 'any 1 of pg2, pg3', 'both replicas are members');
my $names = $c->sql('pg1', 'SHOW synchronous_standby_names');
like($names, qr/^ANY 1 \(tanist_[0-9a-f]{12}_[0-9a-f]{8}, tanist_[0-9a-f]{12}_[0-9a-f]{8}\)$/, 'the primary waits for names that nobody can guess');
is($c->sql('pg1', "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'"), '2', 'and both count');

# ---- shrinking and growing ----
my $mark = $t->log_offset;
$c->stop('pg3');
ok(poll_until(sub { quorum() eq 'any 1 of pg2' && safe() }), 'a replica that is gone leaves the cohort') or diag(explain(cluster()));
ok($t->find_event('quorum.changing', $mark), 'the intent was journaled and logged');
$c->start('pg3');
ok(poll_until(sub { quorum() eq 'any 1 of pg2, pg3' && safe() }), 'it is back, has caught up and joins again') or diag(explain(cluster()));

# ---- somebody else changes the names ----
$mark = $t->log_offset;
$c->sql('pg1', 'ALTER SYSTEM SET synchronous_standby_names = \'\'');
$c->sql('pg1', 'SELECT pg_reload_conf()');
ok($t->wait_for_event('quorum.foreign', $mark), 'a foreign change is noticed');
ok($c->poll_sql('pg1', 'SHOW synchronous_standby_names', $names), 'and undone');
ok(poll_until(\&safe), 'and the failover is without loss again');

sub failover
{
    my ($how, $old) = @_;
    my $mark = $t->log_offset;
    my $load = Load->new(tanist => $t, writers => 4, readers => 1, txns => 2);
    ok($t->wait_for_event('catalog.loaded'), "$how: the catalog is loaded");
    ok($load->wait_acks(10), "$how: the load runs");
    $how eq 'kill' ? $c->kill9($old) : $c->freeze($old);
    my $announced = $t->wait_for_event('failover.announced', $mark);
    ok($announced, "$how: a new writer is announced") or return;
    my $new = $announced->{node};
    ok($load->wait_acks(10), "$how: the load goes on");
    ok(poll_until(sub { quorum() =~ /^any 1 of/ }), "$how: a quorum is in force");
    like($c->sql($new, 'SHOW synchronous_standby_names'), qr/^ANY 1 \(tanist_/, "$how: the new primary waits for its replica");
    my ($secret) = $c->sql($new, 'SHOW synchronous_standby_names') =~ /tanist_([0-9a-f]{12})_/;
    unlike($names, qr/$secret/, "$how: by new names");
    ok(poll_until(\&safe), "$how: the next failover is without loss too") or diag(explain(cluster()));

    # The old primary goes on with what it was doing: nobody confirms it, so it says nothing.
    if ($how eq 'freeze') {
        $c->thaw($old);
        ok($c->poll_sql($old, "SELECT count(*) = 0 FROM pg_stat_replication WHERE state = 'streaming'"), "$how: nobody streams from the old primary");
        my $timed_out = 0;
        my $rc = eval {
            $c->node($old)->psql('postgres', "BEGIN; SET LOCAL transaction_read_only = off; CREATE TABLE split_brain(); COMMIT;",
                timeout => 2, timed_out => \$timed_out);
        };
        ok($timed_out || ($rc // 1) != 0, "$how: a write there is never acknowledged");
    }
    my $s = $load->stop;
    is_deeply($s->{hung}, [], "$how: no client hangs");
    is(Load::describe(@{ $s->{died} }), '', "$how: no client died");
    is(Load::describe(grep { $_->{state} !~ /^(?:40001|08007)$/ } @{ $s->{errors} }), '', "$how: no errors but 40001 and 08007");
    is(Load::describe($load->missing($s, $c->node($new))), '', "$how: no acknowledged write is lost");
    is($load->halves($c->node($new)), '0', "$how: no half transaction");
    return $new;
}

my $new = failover('kill', 'pg1') or BAIL_OUT('no failover');

# ---- too few members: nothing is promoted ----
my $added = $c->add_replica;
$t->drop_section('node pg1');
$t->set("node $added", cluster => 'prod', host => '127.0.0.1', port => $c->node($added)->port);
my ($rc, $out, $err) = $t->reload;
is($rc, 0, 'a new node is added') or diag($err);
ok(poll_until(sub { quorum() =~ /\Q$added\E/ && safe() }), 'it joins the cohort') or diag(explain(cluster()));
$names = $c->sql($new, 'SHOW synchronous_standby_names');

my $third = failover('freeze', $new);
ok(defined $third, 'a second failover');

$mark = $t->log_offset;
my ($member) = quorum() =~ m{of (\w+)};
$c->freeze($member);
ok($t->wait_for_event('node.down', $mark, node => $member), 'a member is down');
$c->kill9($third);
my $verdict = $t->wait_for_event('decide.verdict', $mark, verdict => 'down-quorum');
ok($verdict, 'without enough members nothing is promoted');
my ($said, undef, $why) = $t->cli('failover', '--yes');
is($said, 4, 'the command is refused too') or diag($why);
like($why, qr/acknowledged writes could be lost/, 'with the reason');
$c->thaw($member);
ok($t->wait_for_event('failover.announced', $mark), 'the member is back: the failover happens');

$t->stop;
done_testing();
