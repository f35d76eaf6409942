# Hooks: an old primary that was killed comes back as a replica by contrib/hooks/rejoin; a veto stops a promotion; fence and
# notify commands learn what happens.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Load;
use TestEnv qw(poll_until);
use PostgreSQL::Test::Utils;
use Test::More;

my $c = TanistCluster->new(replicas => 2, conf => 'wal_log_hints = on');
Load->prepare($c);
my $t = Tanist->new(cluster => $c, settings => { failover => { mode => 'automatic', synchronous => 'quorum', min_interval => 0 } });
my $dir = $t->dir;
my ($bin) = PostgreSQL::Test::Utils::run_command([ 'pg_config', '--bindir' ]);
open my $f, '>', "$dir/rejoin.conf" or die "$dir/rejoin.conf: $!\n";
print $f "BINDIR='$bin'\nSOURCE='user=tanist password=tanist-secret dbname=postgres'\n",
    "REPLICATION='user=replicator password=replicator-secret'\n",
    map { "DATADIR_$_='" . $c->node($_)->data_dir . "'\n" } $c->names;
close $f;

my $rejoin = "$FindBin::RealBin/../../contrib/hooks/rejoin";
sub seen { my ($name) = @_; return -e "$dir/$name" ? PostgreSQL::Test::Utils::slurp_file("$dir/$name") : '' }
$t->set(failover =>
    rejoin_command => "'if [ -e $dir/allow ]; then exec $rejoin $dir/rejoin.conf; else exit 1; fi'",
    notify_command => "'echo \$TANIST_EVENT \$TANIST_RESULT \$TANIST_NODE >>$dir/notified'",
    fence_command  => "'echo \$TANIST_EVENT \$TANIST_NODE >>$dir/fenced'",
    pre_promote_command => "'echo \$TANIST_NODE >>$dir/asked; test ! -e $dir/veto'");
$t->start;

sub cluster { my ($row) = $t->console('SHOW CLUSTERS'); return $row }
sub node_row { my ($name) = @_; my ($row) = grep { $_->{node} eq $name } $t->console('SHOW NODES'); return $row }
ok(poll_until(sub { cluster()->{failover_safe} eq 't' }), 'a failover is without loss') or diag(explain(cluster()));

# ---- A veto ----
my $mark = $t->log_offset;
append_to_file("$dir/veto", "no\n");
append_to_file("$dir/allow", "yes\n");
my $load = Load->new(tanist => $t, writers => 2, readers => 0, txns => 1);
ok($load->wait_acks(5), 'the load runs');
$c->kill9('pg1');
ok($t->wait_for_event('failover.aborted', $mark), 'pre_promote_command says no: nothing is promoted');
like(seen('asked'), qr/^pg[23]$/m, 'it was asked about the candidate');
like(seen('fenced'), qr/^fence-hook pg1$/m, 'fence_command was told whom to fence');
ok(poll_until(sub { seen('notified') =~ /^notify gave-up pg1$/m }), 'notify_command was told how it ended');
is($c->in_recovery('pg2'), 1, 'pg2 is a replica still') if $c->can('in_recovery');
unlink "$dir/veto";
my $done = $t->wait_for_event('failover.done', $mark);
ok($done, 'without a veto the next attempt goes through') or BAIL_OUT('no failover');
my $new = $done->{node};
ok(poll_until(sub { seen('notified') =~ /^notify promoted \Q$new\E$/m }), 'and notify_command knows it');
ok($load->wait_acks(5), 'the load goes on');
my $s = $load->stop;
is(Load::describe($load->missing($s, $c->node($new))), '', 'no acknowledged write is lost');

# ---- The old primary comes back ----
$mark = $t->log_offset;
$c->sql($new, 'CHECKPOINT');
$c->start('pg1');
my $started = $t->wait_for_event('rejoin.started', $mark, node => 'pg1');
ok($started, 'rejoin_command runs');
like($started->{rewind} // '', qr/^(?:yes|no)$/, "the new primary's history says whether a rewind is needed");
note "rewind: $started->{rewind}";
ok($t->wait_for_event('rejoin.done', $mark, node => 'pg1'), 'and ends well') or diag($t->log_text($mark));
$c->node('pg1')->_update_pid(1);
ok(poll_until(sub { my $r = node_row('pg1'); $r->{role} eq 'replica' && $r->{readable} eq 't' }), 'pg1 is a replica that serves reads')
    or diag(explain(node_row('pg1')));
ok(poll_until(sub { (cluster()->{quorum} // '') =~ /pg1/ && cluster()->{failover_safe} eq 't' }), 'and a member of the quorum')
    or diag(explain(cluster()));
is($c->sql('pg1', 'SHOW default_transaction_read_only'), 'off', 'without the fence');

$t->stop;
done_testing();
