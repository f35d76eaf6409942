# Roles are discovered, whatever is configured and whatever is missing at the start.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use TestEnv qw(poll_until);
use Test::More;

my $c = TanistCluster->new(replicas => 2);
$c->sql('pg1', 'CREATE TABLE t (a int); GRANT ALL ON t TO app', 'app');
$c->wait_catchup;

sub node_row { my ($t, $name) = @_; my ($r) = grep { $_->{node} eq $name } $t->console('SHOW NODES'); return $r // {} }
sub readable { my ($t, $name) = @_; return poll_until(sub { (node_row($t, $name)->{readable} // '') eq 't' }) }
sub writer { my ($t) = @_; my ($r) = $t->console('SHOW CLUSTERS'); return $r->{writer} // '' }
my $n = 0;
sub writes { my ($t) = @_; $n++; return $t->wire->query("INSERT INTO t VALUES ($n)")->{error} ? 0 : 1 }

# ---- The order of nodes: names that sort the primary first, in the middle and last ----

for my $order ([qw(a_pg1 b_pg2 c_pg3)], [qw(b_pg1 a_pg2 c_pg3)], [qw(c_pg1 b_pg2 a_pg3)]) {
    my $t = Tanist->new(cluster => $c);
    for my $name (@$order) {
        my ($real) = $name =~ /_(pg\d)/;
        $t->drop_section("node $real");
        $t->set("node $name", cluster => 'prod', host => '127.0.0.1', port => $c->node($real)->port);
    }
    $t->start(topology => 0);
    my ($primary) = grep { /pg1/ } @$order;
    ok(writes($t), "@$order: a write");
    is(writer($t), $primary, "@$order: the writer is $primary");
    for my $name (grep { !/pg1/ } @$order) {
        ok(readable($t, $name), "@$order: $name is readable");
        is(node_row($t, $name)->{role}, 'replica', "@$order: and a replica");
    }
    $t->stop;
}

# ---- A node that is down at the start joins later ----

$c->stop('pg3');
my $t = Tanist->new(cluster => $c);
$t->start;
my $e = $t->wait_for_event('node.down', 0, node => 'pg3');
like($e->{msg}, qr/pg3/, 'a node that is down at the start: an event');
like($e->{msg}, qr/refuse/i, 'which says why');
ok(writes($t), 'and the rest works');
$c->start('pg3');
ok(readable($t, 'pg3'), 'it joins when it comes');
$t->stop;

# ---- All nodes are down at the start ----

$c->stop($_) for qw(pg3 pg2 pg1);
$t = Tanist->new(cluster => $c);
$t->start;
ok($t->wait_for_event('node.down', 0, node => $_), "all down: event for $_") for qw(pg1 pg2 pg3);
ok($t->alive, 'all down: the daemon runs');
# Nobody can log in to the console by SCRAM now; the control socket needs no password.
my ($rc, $out, $err) = $t->cli('topology');
like($out, qr/pg1.*\bdown\b/, 'all down: the command line shows it') or diag("$rc $out $err");
$c->start($_) for qw(pg1 pg2 pg3);
ok(poll_until(sub { eval { writes($t) } }), 'started: writes work');
ok(readable($t, $_), "started: $_ is readable") for qw(pg2 pg3);
$t->stop;

# ---- A wrong password of the monitor ----

$t = Tanist->new(cluster => $c);
my $pass = $t->dir . '/wrong.pgpass';
open my $f, '>', $pass or die;
print $f "*:*:*:tanist:wrong\n";
close $f;
chmod 0600, $pass;
$t->set('cluster prod', monitor => "'user=tanist dbname=postgres passfile=$pass'");
$t->start(topology => 0);
$e = $t->wait_for_event(qr/^(?:node\.down|probe\.failed)$/, 0, node => 'pg1');
like($e->{msg}, qr/password authentication failed/, 'a wrong password of the monitor: the event says it');
is($e->{sqlstate}, '28P01', 'with its SQLSTATE') or diag($e->{line});
ok($t->alive, 'the daemon runs');
$t->set('cluster prod', monitor => "'user=tanist dbname=postgres passfile=" . $t->dir . "/monitor.pgpass'");
($rc, $out, $err) = $t->reload;
is($rc, 0, 'the right one, by reload') or diag($err);
ok(poll_until(sub { eval { writes($t) } }), 'and it works');
$t->stop;

# ---- A node of another cluster ----

my $foreign = TanistCluster->new(name => 'foreign', replicas => 0);
$t = Tanist->new(cluster => $c);
$t->set('node stranger', cluster => 'prod', host => '127.0.0.1', port => $foreign->node('pg1')->port);
$t->start;
ok(poll_until(sub { (node_row($t, 'stranger')->{reason} // '') =~ /system/ }), 'another system identifier is the reason')
    or diag(explain(node_row($t, 'stranger')));
is(node_row($t, 'stranger')->{readable}, 'f', 'and it serves nothing');
is(writer($t), 'pg1', 'the writer is ours');
ok(writes($t), 'and takes writes');
is($foreign->sql('pg1', q(SELECT count(*) FROM pg_stat_activity WHERE usename = 'app')), '0', 'no client gets there');
$t->stop;

# ---- Without a file: one URI ----

my $hosts = join ',', map { '127.0.0.1:' . $c->node($_)->port } qw(pg3 pg2 pg1);
$t = Tanist->new(conninfo => "postgresql://tanist:tanist-secret\@$hosts/postgres");
$t->start;
ok(poll_until(sub { eval { writes($t) } }), 'a URI of three hosts: a write');
ok(poll_until(sub { $t->find_event('catalog.loaded') }), 'and a catalog');
is($t->wire->value('SELECT count(*) FROM t'), $c->sql('pg1', 'SELECT count(*) FROM t', 'app'), 'and a read');

# A replica is asked for the catalog, so that no snapshot stands in the way of VACUUM; the primary if none has replayed the change.
sub asked { return join ' ', grep { $c->sql($_, q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'WITH RECURSIVE node(%'}) > 0 } $c->names }
like(asked(), qr/^pg[23]$/, 'a replica was asked for the catalog');
$c->pause_replay($_) for qw(pg2 pg3);
my $seen = $t->log_offset;
ok(poll_until(sub { $t->wire->query('CREATE TABLE replayed (a int); DROP TABLE replayed'); $t->find_event('catalog.loaded', $seen) }),
    'it is loaded after a change, though no replica has it');
like(asked(), qr/pg1/, 'from the primary');
$c->resume_replay($_) for qw(pg2 pg3);
$t->stop;

# ---- One node ----

$foreign->sql('pg1', 'CREATE TABLE t (a int); GRANT ALL ON t TO app', 'app');
$t = Tanist->new(cluster => $foreign);
$t->start;
ok(writes($t), 'one node: a write');
is($t->wire->value('SELECT count(*) FROM t'), '1', 'one node: a read');
my ($row) = $t->console('SHOW CLUSTERS');
is($row->{failover_possible}, 'f', 'one node: a failover is not possible');
like($row->{because}, qr/\w/, 'and the reason is told');
note $row->{because};
$t->stop;

done_testing();
