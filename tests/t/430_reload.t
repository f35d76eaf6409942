# A reload adds and removes nodes and changes limits while clients work; a bad file changes nothing.
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
my $t = Tanist->new(cluster => $c);
$t->drop_section('node pg3');
$t->start(topology => 0);
my $load = Load->new(tanist => $t, writers => 2, readers => 2, txns => 1);
ok($t->wait_for_event('catalog.loaded'), 'the catalog is loaded');
ok($load->wait_acks(5), 'a load runs');

sub node_row { my ($name) = @_; my ($r) = grep { $_->{node} eq $name } $t->console('SHOW NODES'); return $r }
sub cluster_row { my ($row) = $t->console('SHOW CLUSTERS'); return $row }
sub app_connections { return $c->sql($_[0], "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'") }

my %pg3 = (cluster => 'prod', host => '127.0.0.1', port => $c->node('pg3')->port);

for my $round (1, 2) {
    is(node_row('pg3'), undef, "round $round: pg3 is not known");
    my $epoch = cluster_row()->{epoch};
    my $mark = $t->log_offset;
    $t->set('node pg3', %pg3);
    my ($rc, $out, $err) = $t->reload;
    is($rc, 0, "round $round: a reload adds it") or diag($err);
    ok($t->wait_for_event('config.reloaded', $mark), "round $round: event config.reloaded");
    ok(poll_until(sub { (node_row('pg3') // { readable => '' })->{readable} eq 't' }), "round $round: pg3 is readable");
    ok(poll_until(sub { app_connections('pg3') > 0 }), "round $round: and gets work");
    ok($load->wait_acks(5), "round $round: the load goes on");

    $t->drop_section('node pg3');
    ($rc, $out, $err) = $t->reload;
    is($rc, 0, "round $round: a reload removes it") or diag($err);
    ok(poll_until(sub { !node_row('pg3') }), "round $round: pg3 is gone");
    ok(poll_until(sub { app_connections('pg3') == 0 }), "round $round: and tanist's connections with it");
    ok(poll_until(sub { $c->sql('pg3', "SELECT count(*) FROM pg_stat_activity WHERE usename = 'tanist'") == 0 }),
        "round $round: those of the monitor too");
    ok($load->wait_acks(5), "round $round: the load goes on");
    cmp_ok(cluster_row()->{epoch}, '>', $epoch, "round $round: the epoch rose");
    is(cluster_row()->{writer}, 'pg1', "round $round: the writer stays");
}

# Limits.
sub lag_row { my ($name) = @_; my ($r) = grep { $_->{node} eq $name } $t->console('SHOW LAG'); return $r }
$t->set(routing => max_lag => '5s', max_lag_bytes => '1MB');
is(($t->reload)[0], 0, 'max_lag and max_lag_bytes');
is(lag_row('pg2')->{max_lag_ms}, 5000, 'max_lag is in force');
is(lag_row('pg2')->{max_lag_bytes}, 1024 * 1024, 'max_lag_bytes is in force');

# A bad file.
my $mark = $t->log_offset;
$t->set(routing => max_lag => '5 parsecs', max_lagg => '1s');
$t->set('node pg3', %pg3);
my ($rc, $out, $err) = $t->reload;
is($rc, 1, 'a bad file is refused');
like($err, qr/max_lag\b/, 'with the first error') or diag($err);
ok($t->wait_for_event('config.refused', $mark), 'event config.refused');
my @refused = map { $_->{msg} } $t->events('config.refused', $mark);
ok((grep { /max_lagg/ } @refused), 'the log names the others too') or diag(explain(\@refused));
is(lag_row('pg2')->{max_lag_ms}, 5000, 'max_lag is as before');
is(node_row('pg3'), undef, 'and nothing of the file is taken');
ok($load->wait_acks(5), 'the load goes on');

# By signal.
$t->set(routing => max_lag => '7s', max_lagg => undef);
$t->drop_section('node pg3');
$t->write_conf;
$mark = $t->log_offset;
kill 'HUP', $t->pid;
ok($t->wait_for_event('config.reloaded', $mark), 'SIGHUP reads the file');
is(lag_row('pg2')->{max_lag_ms}, 7000, 'max_lag is in force');

# Nodes move to other indexes and back while transactions are open.
for my $round (1 .. 3) {
    $t->set('node a3', %pg3);
    is(($t->reload)[0], 0, "move $round: a node that sorts before the others");
    ok(poll_until(sub { (node_row('a3') // { readable => '' })->{readable} eq 't' }), "move $round: is readable");
    ok($load->wait_acks(5), "move $round: the load goes on");
    $t->drop_section('node a3');
    is(($t->reload)[0], 0, "move $round: and is taken out again");
    ok(poll_until(sub { !node_row('a3') }), "move $round: is gone");
    ok($load->wait_acks(5), "move $round: the load goes on again");
}

my $s = $load->stop;
is_deeply($s->{hung}, [], 'no client hangs');
is(Load::describe(map { @$_ } @$s{qw(errors closed died)}), '', 'no client saw an error');
is(join(', ', $load->missing($s, $c->node('pg1'))), '', 'every row is there');

# The nodes in another order: the new one comes first. A session from before goes on.
my $w = $t->wire;
is($w->value('SELECT 1'), '1', 'a session');
$t->set('node a3', %pg3);
is(($t->reload)[0], 0, 'a node that sorts before the others');
ok(poll_until(sub { (node_row('a3') // { readable => '' })->{readable} eq 't' }), 'is readable');
is($w->query("INSERT INTO load.rows VALUES ('reorder', 1)")->{error}, undef, 'the session writes');
is($w->value("SELECT count(*) FROM load.rows WHERE client = 'reorder'"), '1', 'and reads');
ok(poll_until(sub { $w->value("SELECT count(*) FROM load.rows WHERE client = 'none'"); app_connections('pg3') > 0 }), 'the new node gets reads');
$t->stop;
done_testing();
