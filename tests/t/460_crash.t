# tanist itself dies at a step of a failover: the next start finishes or undoes it, nobody loses an acknowledged write.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use TestEnv qw(poll_until);
use Test::More;

my @steps = qw(holding revoking choosing catchup set-sync promote announcing repointing repoint);
my $c = TanistCluster->new(replicas => 3);
$c->sql('pg1', 'CREATE TABLE acked(i int PRIMARY KEY)', 'app');
$c->sql('pg1', 'ALTER TABLE acked OWNER TO app', 'app');
my $t = Tanist->new(cluster => $c, settings => { failover => { mode => 'automatic', synchronous => 'quorum', min_interval => 0 }, 'cluster prod' => { check_timeout => 1000 * $TestEnv::slow . 'ms' } });

sub cluster { my ($row) = $t->console('SHOW CLUSTERS'); return $row }
sub safe { return cluster()->{failover_safe} eq 't' }

my ($key, @acked) = (0);
sub write_some { for (1 .. 5) { $t->safe_psql('app', 'INSERT INTO acked VALUES (' . ++$key . ')'); push @acked, $key } }

my $primary = 'pg1';
for my $step (@steps) {
    $ENV{TANIST_CRASH_AT} = $step;
    $t->start;
    delete $ENV{TANIST_CRASH_AT};
    ok(poll_until(\&safe), "$step: a failover is without loss") or diag(explain(cluster()));
    write_some();
    # The primary freezes: it may go on later, and must not acknowledge anything then.
    $c->freeze($primary);
    ok($t->wait_exit, "$step: the daemon dies there");
    $t->start(topology => 0);
    ok(poll_until(sub { my $w = cluster()->{writer}; defined $w && $w ne $primary }), "$step: the next start finishes the failover")
        or diag(explain(cluster())), last;
    my $new = cluster()->{writer};
    write_some();
    is($c->sql($new, 'SELECT count(*) FROM acked', 'app'), scalar @acked, "$step: no acknowledged write is lost");
    # The old primary is thrown away and a new replica takes its place.
    $c->thaw($primary);
    $c->stop($primary, 'immediate');
    my $added = $c->add_replica;
    $t->drop_section("node $primary");
    $t->set("node $added", cluster => 'prod', host => '127.0.0.1', port => $c->node($added)->port);
    $t->stop;
    $primary = $new;
}
done_testing();
