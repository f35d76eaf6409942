# The primary dies, or freezes, under load: clients stay connected, a replica takes over, the old primary serves nothing.
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
$t->start;

# tanist's connections to a node: those of its pools, which log in as the client's role.
sub pool_connections { return $c->sql($_[0], "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'") }

sub writer { my ($row) = $t->console('SHOW CLUSTERS'); return $row->{writer} // '' }
sub epoch { my ($row) = $t->console('SHOW CLUSTERS'); return $row->{epoch} }

sub node_row { my ($name) = @_; my ($row) = grep { $_->{node} eq $name } $t->console('SHOW NODES'); return $row }

# One failover. how: kill or freeze.
sub failover
{
    my ($how, $old, @others) = @_;
    my $mark = $t->log_offset;
    my $epoch = epoch();
    my $load = Load->new(tanist => $t, writers => 3, readers => 2, txns => 2);
    # Until the functions of the database are known, nothing counts as a read.
    ok($t->wait_for_event('catalog.loaded'), "$how: the catalog is loaded");
    ok($load->wait_acks(5), "$how: the load runs");

    # A block that is open when the primary goes; and one in which only a read was made.
    my $block = $t->wire;
    $block->query('BEGIN');
    is($block->query("INSERT INTO load.rows VALUES ('block.$how', 1)")->{error}, undef, "$how: a block is open");
    my $commit = $t->wire;
    $commit->query('BEGIN');
    is($commit->query("INSERT INTO load.rows VALUES ('commit.$how', 1)")->{error}, undef, "$how: and another one");
    my $idle = $t->wire;
    is($idle->value('SELECT 7'), '7', "$how: and there is an idle client");

    $how eq 'kill' ? $c->kill9($old) : $c->freeze($old);
    my $announced = $t->wait_for_event('failover.announced', $mark);
    ok($announced, "$how: a new writer is announced") or return;
    my $new = $announced->{node};
    isnt($new, $old, "$how: another node");
    ok((grep { $_ eq $new } @others), "$how: a replica");
    for my $event (qw(failover.detected failover.held failover.drained failover.chosen failover.promote.sent failover.promoted)) {
        ok($t->find_event($event, $mark), "$how: event $event");
    }
    ok($load->wait_acks(5), "$how: every client goes on over its connection") or return;

    # The open blocks.
    my $r = $block->query("INSERT INTO load.rows VALUES ('block.$how', 2)");
    is($r->{error}{C}, '40001', "$how: the open block was lost: 40001");
    is($r->{status}, 'E', "$how: and is a failed transaction");
    is($block->query('SELECT 1')->{error}{C}, '25P02', "$how: it stays failed");
    $r = $block->query('ROLLBACK');
    is_deeply([ $r->{error}, $r->{status} ], [ undef, 'I' ], "$how: until ROLLBACK");
    is($block->query("INSERT INTO load.rows VALUES ('block.$how', 3)")->{error}, undef, "$how: and then the session goes on");
    $r = $commit->query('COMMIT');
    is($r->{error}{C}, '40001', "$how: a COMMIT of a lost block is an error, not a ROLLBACK that looks well");
    is($r->{status}, 'I', "$how: and ends the block");
    is($commit->value('SELECT 8'), '8', "$how: and that session goes on");
    is($idle->value('SELECT 9'), '9', "$how: the idle client noticed nothing");

    my $done = $t->wait_for_event('failover.done', $mark);
    is($done->{result}, 'promoted', "$how: done");
    is(writer(), $new, "$how: the console knows the writer");
    cmp_ok(epoch(), '>', $epoch, "$how: the epoch rose");

    # The other replica follows.
    my ($other) = grep { $_ ne $new } @others;
    ok($c->poll_sql($new, "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming' AND application_name = '$other'"),
        "$how: $other streams from $new");
    is($c->sql($new, "SELECT count(*) FROM pg_replication_slots WHERE active AND slot_type = 'physical'"), '1', "$how: by a slot");
    ok(poll_until(sub { (node_row($other) // {})->{readable} eq 't' }), "$how: $other is readable");

    # The old one returns as a primary.
    my $return = $t->log_offset;
    $how eq 'kill' ? $c->start($old) : $c->thaw($old);
    ok($t->wait_for_event('node.up', $return, node => $old), "$how: $old is back");
    ok($c->poll_sql($old, 'SELECT pg_is_in_recovery()', 'f'), "$how: it takes itself for a primary");
    ok(poll_until(sub { (node_row($old) // {})->{reason} =~ /old primary/ }), "$how: it is fenced") or diag(explain(node_row($old)));
    ok($load->wait_acks(10), "$how: the load goes on beside it");
    is(node_row($old)->{readable}, 'f', "$how: no reads go there");
    is(writer(), $new, "$how: the writer stays");
    is(pool_connections($old), '0', "$how: no server connection to $old");
    is($c->sql($old, "SELECT count(*) FROM load.rows WHERE client = 'block.$how' AND seq = 3", 'app'), '0', "$how: it got no write");

    my $s = $load->stop;
    is_deeply($s->{hung}, [], "$how: no client hangs");
    is(Load::describe(@{ $s->{died} }), '', "$how: no client died");
    is(Load::describe(@{ $s->{closed} }), '', "$how: no connection was closed");
    is(Load::describe(grep { $_->{state} !~ /^(?:40001|08007)$/ } @{ $s->{errors} }), '', "$how: no errors but 40001 and 08007");
    is(Load::describe(grep { $_->{kind} eq 'reader' } @{ $s->{errors} }), '', "$how: readers fail never");
    cmp_ok(scalar @{ $s->{errors} }, '<=', 5, "$how: at most one error for each client that writes")
        or diag(Load::describe(@{ $s->{errors} }));
    note Load::describe(@{ $s->{errors} });
    note "longest good statement $s->{longest} s";

    # Asynchronous mode may lose what was acknowledged in the last moments. It says from where on.
    my $loss = $t->find_event('failover.loss', $mark);
    ok($loss, "$how: a loss report");
    my @missing = $load->missing($s, $c->node($new));
    note 'missing: ', scalar @missing, "; reported: $loss->{msg}";
    is(join(', ', $load->missing_before($s, $loss->{lsn_from}, @missing)), '', "$how: whatever was before $loss->{lsn_from} is there");
    is($load->halves($c->node($new)), '0', "$how: no half transaction");
    return $new;
}

my $new = failover('kill', 'pg1', 'pg2', 'pg3') or BAIL_OUT('no failover');
$c->stop('pg1');

# A third node again, so that somebody can take over, then the writer freezes.
my $added = $c->add_replica;
$t->drop_section('node pg1');
$t->set("node $added", cluster => 'prod', host => '127.0.0.1', port => $c->node($added)->port);
my ($rc, $out, $err) = $t->reload;
is($rc, 0, 'a new node is added, the old one removed') or diag($err);
ok(poll_until(sub { (node_row($added) // { readable => '' })->{readable} eq 't' }), "$added serves reads");
failover('freeze', $new, grep { $_ ne $new } 'pg2', 'pg3', $added);

$t->stop;
done_testing();
