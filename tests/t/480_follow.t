# Somebody else manages the cluster: tanist changes nothing on it, holds its clients and follows.
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
my $t = Tanist->new(cluster => $c, settings => { failover => { mode => 'follow' } });
$t->start;

sub writer { my ($row) = $t->console('SHOW CLUSTERS'); return $row->{writer} // '' }
sub node_row { my ($name) = @_; my ($row) = grep { $_->{node} eq $name } $t->console('SHOW NODES'); return $row // {} }
sub readable { my ($name) = @_; return poll_until(sub { (node_row($name)->{readable} // '') eq 't' }) }
sub auto_conf { my ($name) = @_; return PostgreSQL::Test::Utils::slurp_file($c->node($name)->data_dir . '/postgresql.auto.conf') }

# What the other manager does with a replica, without tanist.
sub point
{
    my ($name, $at) = @_;
    my $slot = "SELECT pg_create_physical_replication_slot('$name') WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '$name')";
    $c->sql($at, $slot);
    $c->sql($name, "ALTER SYSTEM SET primary_conninfo = '" . $c->replication_conninfo($name, $at) . "'");
    $c->sql($name, 'SELECT pg_reload_conf()');
}

ok(readable($_), "$_ is readable") for qw(pg2 pg3);
my %before = map { $_ => auto_conf($_) } $c->names;

# ---- The primary dies, the other manager promotes ----

my $load = Load->new(tanist => $t, writers => 3, readers => 2);
ok($t->wait_for_event('catalog.loaded'), 'the catalog is loaded');
ok($load->wait_acks(5), 'clients are at work');
my $mark = $t->log_offset;
$c->kill9('pg1');
ok($t->wait_for_event('decide.verdict', $mark, verdict => 'down-manual'), 'the primary is down');
my $client = $t->wire;
$client->send_message('Q', Wire::cstr("INSERT INTO load.rows VALUES ('main', 1)"));
ok(poll_until(sub { grep { ($_->{waits_for} // '') ne '' } $t->console('SHOW CLIENTS') }), 'a write waits');
is($t->wire->value(q(SELECT count(*) FROM load.rows WHERE client = 'none')), '0', 'reads go on');
is((grep { $t->events($_, $mark) } qw(failover.detected failover.promote.sent)), 0, 'nothing is done about it');
my ($rc, $out, $err) = $t->cli('failover', '--yes');
is($rc, 4, 'a command to do it is refused');
like($err, qr/follow/, 'with the reason') or diag("$out$err");
is_deeply({ map { $_ => auto_conf($_) } $c->names }, \%before, 'no node was changed');

$mark = $t->log_offset;
$c->promote('pg2');
ok($t->wait_for_event('decide.verdict', $mark, verdict => 'succeeded'), 'the new primary is taken');
is($client->result->{error}, undef, 'the write that waited is done');
is(writer(), 'pg2', 'pg2 is the writer');
my $is = auto_conf('pg3');
is($is, $before{pg3}, 'the other replica is not touched');
point('pg3', 'pg2');
ok(readable('pg3'), 'which serves reads when its manager has pointed it');
ok($load->wait_acks(5), 'clients go on');

# ---- The old primary comes back as one: it gets no client, and is left alone ----

$c->start('pg1');
ok(poll_until(sub { node_row('pg1')->{reason} =~ /old primary/ }), 'the old primary gets no reads') or diag(explain(node_row('pg1')));
ok($load->wait_acks(5), 'clients go on beside it');
is(writer(), 'pg2', 'the writer stays');
is($c->sql('pg1', 'SHOW default_transaction_read_only'), 'off', 'it is not fenced');
is(auto_conf('pg1'), $before{pg1}, 'nor changed in any other way');
$c->stop('pg1');
my $s = $load->stop;
is_deeply($s->{hung}, [], 'no client hangs');
is(Load::describe(@{ $s->{closed} }, @{ $s->{died} }), '', 'no client was thrown out');

# ---- A switchover of the other manager: stop, promote, follow ----

$load = Load->new(tanist => $t, writers => 3, readers => 2);
ok($load->wait_acks(5), 'clients are at work again');
$mark = $t->log_offset;
$c->stop('pg2');
$c->promote('pg3');
ok($t->wait_for_event('decide.verdict', $mark, verdict => 'succeeded'), 'the new primary is taken');
is(writer(), 'pg3', 'pg3 is the writer');
$c->sql('pg3', q(SELECT pg_create_physical_replication_slot('pg2')));
$c->follow('pg2', 'pg3');
$c->start('pg2');
ok(readable('pg2'), 'the old primary is a replica and serves reads');
ok($load->wait_acks(5), 'clients go on');
$s = $load->stop;
is_deeply($s->{hung}, [], 'no client hangs');
is(Load::describe(@{ $s->{closed} }, @{ $s->{died} }), '', 'no client was thrown out');
is(Load::describe(grep { $_->{kind} eq 'reader' } @{ $s->{errors} }), '', 'readers fail never');
is(join(', ', $load->missing($s, $c->node('pg3'))), '', 'every acknowledged row is there');

# ---- A manager that shows: automatic is not what it says ----

sub mode { my ($row) = $t->console('SHOW CLUSTERS'); return $row->{mode} }

$t->set(failover => mode => 'automatic');
is(($t->reload)[0], 0, 'failover.mode = automatic');
is(mode(), 'automatic', 'nobody is seen');
$mark = $t->log_offset;
$c->node('pg3')->append_conf('postgresql.conf', "cnpg.config_sha256 = 'x'");
$c->sql('pg3', 'SELECT pg_reload_conf()');
is($t->wait_for_event('cluster.managed', $mark)->{manager}, 'CloudNativePG', 'a manager shows');
is(mode(), 'follow', 'tanist only follows');
$t->set(failover => ignore_manager => 'on');
is(($t->reload)[0], 0, 'ignore_manager = on');
is(mode(), 'automatic', 'unless it is told to act');

$t->stop;
done_testing();
