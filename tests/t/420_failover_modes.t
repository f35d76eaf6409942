# When a failover must not happen by itself, and what happens instead.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Load;
use Relay;
use TestEnv qw(poll_until);
use Test::More;

my $c = TanistCluster->new(replicas => 2);
Load->prepare($c);
# tanist reaches the first primary through a relay; the replicas reach it directly.
my $relay = Relay->new(port => $c->node('pg1')->port);
my $t = Tanist->new(cluster => $c);
$t->set('node pg1', port => $relay->port);
$t->start;

sub cluster_row { my ($row) = $t->console('SHOW CLUSTERS'); return $row }
sub writer { return cluster_row()->{writer} // '' }
sub node_row { my ($name) = @_; my ($row) = grep { $_->{node} eq $name } $t->console('SHOW NODES'); return $row // {} }
sub readable { my ($name) = @_; return poll_until(sub { (node_row($name)->{readable} // '') eq 't' }) }
sub reload_ok { my ($what) = @_; my ($rc, $out, $err) = $t->reload; is($rc, 0, $what) or diag($err) }
sub promoted { my ($mark) = @_; return scalar $t->events('failover.promote.sent', $mark) }

sub verdict
{
    my ($verdict, $mark) = @_;
    return $t->wait_for_event('decide.verdict', $mark, verdict => $verdict);
}

my $n = 1000;
sub insert { return 'INSERT INTO load.rows VALUES (\'main\', ' . $n++ . ')' }

# A client whose write waits.
sub waiting_write
{
    my ($what) = @_;
    my $w = $t->wire;
    $w->send_message('Q', Wire::cstr(insert()));
    ok(poll_until(sub { grep { ($_->{waits_for} // '') ne '' } $t->console('SHOW CLIENTS') }), "$what: a write waits");
    return $w;
}

sub no_errors
{
    my ($load, $what) = @_;
    my $s = $load->stop;
    is_deeply($s->{hung}, [], "$what: no client hangs");
    is(Load::describe(map { @$_ } @$s{qw(errors closed died)}), '', "$what: no client saw an error");
    return $s;
}

# ---- Replicas die ----

readable($_) or BAIL_OUT("$_ is not readable") for qw(pg2 pg3);
my $load = Load->new(tanist => $t, readers => 4, writers => 1);
ok($t->wait_for_event('catalog.loaded'), 'the catalog is loaded');
ok($load->wait_acks(10), 'readers run');
my $mark = $t->log_offset;
$c->kill9('pg3');
ok($t->wait_for_event('node.down', $mark, node => 'pg3'), 'a replica dies');
ok($load->wait_acks(10), 'all go on');
$mark = $t->log_offset;
$c->kill9('pg2');
ok($t->wait_for_event('node.down', $mark, node => 'pg2'), 'the last replica dies');
ok($load->wait_acks(10), 'all go on: the primary reads');
is(writer(), 'pg1', 'the writer is as before');
is(cluster_row()->{failover_possible}, 'f', 'and a failover is not possible');
no_errors($load, 'replicas die');
$c->start($_) for qw(pg2 pg3);
ok(readable($_), "$_ is back") for qw(pg2 pg3);
$c->wait_streaming;

# ---- Only tanist does not reach the primary: the replicas still hear it ----

# Somebody else writes all the time, for an idle primary says nothing to its replicas.
$c->sql('pg1', 'CREATE TABLE beat (t timestamptz)');
my $beat = fork() // die "fork: $!\n";
if ($beat == 0) {
    $SIG{$_} = 'DEFAULT' for qw(TERM INT ALRM);
    alarm 60;
    open STDERR, '>', '/dev/null';
    exec 'psql', '-XAtq', '-d', $c->node('pg1')->connstr('postgres'), '-c',
        'DO $$BEGIN LOOP INSERT INTO beat VALUES (clock_timestamp()); COMMIT; PERFORM pg_sleep(0.05); END LOOP; END$$';
}
ok($c->poll_sql('pg1', 'SELECT count(*) > 1 FROM beat'), 'somebody else writes');
# The path answers with resets: what the replicas said before is not enough, what they say now counts.
$mark = $t->log_offset;
$relay->set(mode => 'reset');
ok(verdict('down-vetoed', $mark), 'refused: the veto is an event');
$relay->set(mode => 'pass');
my $w0 = waiting_write('refused');
is($w0->result->{error}, undef, 'refused: healed, the write is done');
is(promoted($mark), 0, 'refused: nothing was promoted');
my $epoch = cluster_row()->{epoch};
$mark = $t->log_offset;
$relay->set(mode => 'drop');
my $e = verdict('down-vetoed', $mark);
ok($e, 'the veto is an event');
like($e->{vetoed_by} // '', qr/^pg[23]$/, 'and says who hears the primary');
my $w = waiting_write('veto');
my $reader = $t->wire;
is($reader->value('SELECT count(*) FROM load.rows WHERE client = \'none\''), '0', 'veto: reads go on');
# What was swallowed meanwhile never comes, so those connections have to end.
$relay->set(mode => $_) for qw(reset pass);
is($w->result->{error}, undef, 'healed: the write is done');
is(promoted($mark), 0, 'nothing was promoted');
is(writer(), 'pg1', 'the writer is as before');
$c->sql('pg1', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DO %LOOP%' AND pid <> pg_backend_pid()));
waitpid $beat, 0;

# ---- Maintenance ----

my ($rc, $out, $err) = $t->cli('maintenance', 'on');
is($rc, 0, 'maintenance on') or diag($err);
$mark = $t->log_offset;
$c->kill9('pg1');
ok($t->wait_for_event('node.down', $mark, node => 'pg1'), 'maintenance: the primary is down');
$w = waiting_write('maintenance');
is(promoted($mark), 0, 'maintenance: nothing is promoted');
$c->start('pg1');
is($w->result->{error}, undef, 'maintenance: the primary is back, the write is done');
is(promoted($mark), 0, 'maintenance: nothing was promoted');
($rc, $out, $err) = $t->cli('maintenance', 'off');
is($rc, 0, 'maintenance off') or diag($err);
# Who has read from the primary waits with it, so the readers to come shall find replicas.
$c->wait_streaming;
ok(readable($_), "maintenance: $_ is readable") for qw(pg2 pg3);

# ---- Manual ----

$t->set(failover => mode => 'manual');
reload_ok('failover.mode = manual');
$load = Load->new(tanist => $t, readers => 2);
ok($load->wait_acks(5), 'manual: readers run');
$mark = $t->log_offset;
$c->kill9('pg1');
ok(verdict('down-manual', $mark), 'manual: down, an event says that it waits');
$w = waiting_write('manual');
ok($load->wait_acks(10), 'manual: reads go on');
is(promoted($mark), 0, 'manual: nothing is promoted');
$c->start('pg1');
is($w->result->{error}, undef, 'manual: the primary is back, the write is done');
is(writer(), 'pg1', 'manual: the writer is as before');
$c->wait_streaming;
ok(readable($_), "manual: $_ is readable") for qw(pg2 pg3);

$mark = $t->log_offset;
$c->kill9('pg1');
ok(verdict('down-manual', $mark), 'manual: down again');
$w = waiting_write('manual, by command');
($rc, $out, $err) = $t->cli('failover', '--dry-run');
is($rc, 0, 'failover --dry-run') or diag($err);
like($out, qr/would promote: pg[23]/, 'says what it would do');
is(promoted($mark), 0, 'and does nothing');
($rc, $out, $err) = $t->cli('failover', '--yes');
is($rc, 0, 'failover --yes') or diag("$out$err");
my ($new) = $out =~ /^(pg[23]) is the writer/ or diag($out);
is($w->result->{error}, undef, 'by command: the write is done');
is(writer(), $new, "the writer is $new");
no_errors($load, 'manual');
my ($other) = grep { $_ ne $new } qw(pg2 pg3);

# Another replica in place of the dead node.
sub replace_node
{
    my ($dead) = @_;
    my $added = $c->add_replica;
    $t->drop_section("node $dead");
    $t->set("node $added", cluster => 'prod', host => '127.0.0.1', port => $c->node($added)->port);
    reload_ok("$added replaces $dead");
    ok(readable($added), "$added is readable");
    return $added;
}
my $third = replace_node('pg1');
ok(readable($other), "$other is readable");

# ---- tanist dies in the middle of a failover ----

$t->set(failover => mode => 'automatic');
reload_ok('failover.mode = automatic');
$epoch = cluster_row()->{epoch};
$mark = $t->log_offset;
$c->kill9($new);
ok($t->wait_for_event('failover.held', $mark), 'a failover begins');
$t->kill9;
my ($last) = reverse $t->events('epoch.published', $mark);
ok($t->start(topology => 0), 'tanist was killed and starts again');
$w = $t->wire;
is($w->query(insert())->{error}, undef, 'a write gets through');
my $writer = writer();
isnt($writer, $new, 'there is a new writer');
ok(!$c->in_recovery($writer), 'which is a primary');
cmp_ok(cluster_row()->{epoch}, '>=', $last->{epoch}, 'the epoch did not go back');
cmp_ok(cluster_row()->{epoch}, '>', $epoch, 'it rose');
is((grep { $c->running($_) && !$c->in_recovery($_) } $c->names), 1, 'one node was promoted');
($other) = grep { $_ ne $writer && $_ ne $new } 'pg2', 'pg3', $third;
ok($c->poll_sql($writer, "SELECT count(*) = 1 FROM pg_stat_replication WHERE application_name = '$other' AND state = 'streaming'"),
    "$other follows $writer");
my $dead = $new;
$third = replace_node($dead);
ok(readable($other), "$other is readable");

# ---- Every replica lacks more than failover_max_lag ----

$t->set(failover => failover_max_lag => '64kB');
reload_ok('failover_max_lag = 64kB');
for my $name ($other, $third) {
    $c->sql($name, $_) for "ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1 user=replicator application_name=$name'",
        'SELECT pg_reload_conf()';
    ok($c->poll_sql($name, 'SELECT count(*) = 0 FROM pg_stat_wal_receiver'), "$name receives nothing any more");
}
$c->sql($writer, q(CREATE TABLE bulk AS SELECT repeat('x', 1000) FROM generate_series(1, 1000)));
ok(poll_until(sub { 2 == grep { ($_->{lag_bytes} // 0) > 500_000 } $t->console('SHOW LAG') }), 'the lag is seen');
$mark = $t->log_offset;
$c->kill9($writer);
ok(verdict('down-no-candidate', $mark), 'too far behind: no candidate');
$w = waiting_write('too far behind');
is(promoted($mark), 0, 'nothing is promoted');
is(cluster_row()->{failover_possible}, 'f', 'a failover is not possible');
note cluster_row()->{because};
($rc, $out, $err) = $t->cli('failover', '--yes');
is($rc, 4, 'failover --yes: refused');
like($err, qr/behind|lag|lack|miss/, 'with the reason') or diag("$out$err");
is(promoted($mark), 0, 'nothing is promoted');
($rc, $out, $err) = $t->cli('failover', '--accept-data-loss', '--yes');
is($rc, 0, 'failover --accept-data-loss') or diag("$out$err");
is($w->result->{error}, undef, 'the write is done');
my $loss = $t->find_event('failover.loss', $mark);
cmp_ok($loss->{bytes} // 0, '>', 500_000, 'the loss is reported in bytes');
is($loss->{level}, 'warning', 'as a warning');
$t->stop;

# ---- No replica at all ----

my $one = TanistCluster->new(name => 'one', replicas => 0);
$t = Tanist->new(cluster => $one, settings => { failover => { client_hold => '500ms' } });
$t->start;
$one->sql('pg1', 'CREATE TABLE one (a int); GRANT ALL ON one TO app', 'app');
my $client = $t->wire;
is($client->query('INSERT INTO one VALUES (1)')->{error}, undef, 'one node: a write');
is($client->value('SELECT count(*) FROM one'), '1', 'one node: a read');
$mark = $t->log_offset;
$one->kill9('pg1');
ok($t->wait_for_event('node.down', $mark, node => 'pg1'), 'one node: it is down');
my $r = $client->query('INSERT INTO one VALUES (2)');
is($r->{error}{C}, '57P03', 'one node: after client_hold an error') or diag(explain($r));
like($r->{error}{M}, qr/primary/, 'that says why');
note "$r->{error}{M} / ", $r->{error}{H} // '';
is($r->{status}, 'I', 'and the session lives');
$one->start('pg1');
ok(poll_until(sub { !$client->query('INSERT INTO one VALUES (3)')->{error} }), 'one node: it is back, the same session goes on');
is($one->sql('pg1', 'SELECT count(*) FROM one WHERE a = 2', 'app'), '0', 'what was refused was not done');

$t->stop;
done_testing();
