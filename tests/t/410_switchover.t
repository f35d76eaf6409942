# A planned change of the primary, by command line and console, under load.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Load;
use TestEnv qw(poll_until);
use Test::More;

my $c = TanistCluster->new(replicas => 2, conf => 'wal_log_hints = on');
Load->prepare($c);
my $t = Tanist->new(cluster => $c);
$t->start;

sub cluster_row { my ($row) = $t->console('SHOW CLUSTERS'); return $row }
sub writer { return cluster_row()->{writer} // '' }
sub node_row { my ($name) = @_; my ($row) = grep { $_->{node} eq $name } $t->console('SHOW NODES'); return $row }

# ---- Dry runs and refusals change nothing ----

my $epoch = cluster_row()->{epoch};
my ($rc, $out, $err) = $t->cli('switchover', '--dry-run');
is($rc, 0, 'dry run: exit code') or diag($err);
like($out, qr/would promote: pg[23]/, 'dry run: says what would be promoted');
($rc, $out, $err) = $t->cli('switchover', '--to', 'pg3', '--dry-run');
is($rc, 0, 'dry run to a named node') or diag($err);
like($out, qr/would promote: pg3/, 'names it');
($rc, $out, $err) = $t->cli('switchover', '--to', 'pg9', '--yes');
is($rc, 1, 'an unknown node: exit code 1');
like($err, qr/pg9/, 'and it is named');
($rc, $out, $err) = $t->cli('switchover', '--to', 'pg1', '--yes');
is($rc, 4, 'to the present primary: refused');
like($err, qr/pg1/, 'with its name');
$c->stop('pg3');
ok(poll_until(sub { node_row('pg3')->{state} eq 'down' }), 'pg3 is down');
($rc, $out, $err) = $t->cli('switchover', '--to', 'pg3', '--yes');
is($rc, 4, 'to a node that is down: refused');
like($err, qr/pg3/, 'with its name') or diag($err);
$c->start('pg3');
ok(poll_until(sub { node_row('pg3')->{readable} eq 't' }), 'pg3 is back');
is(writer(), 'pg1', 'the writer is as before');
ok(poll_until(sub { (cluster_row()->{failover_possible} // '') eq 't' }), 'a failover is possible') or diag(explain(cluster_row()));

# A replica that cannot catch up in time: the switchover ends with the old writer, and clients go on there.
$t->set(failover => catchup_timeout => '1s');
is(($t->reload)[0], 0, 'catchup_timeout = 1s');
$c->pause_replay('pg3');
my $slow = Load->new(tanist => $t, writers => 2, readers => 1);
ok($slow->wait_acks(5), 'a load runs');
my $mark = $t->log_offset;
($rc, $out, $err) = $t->cli('switchover', '--to', 'pg3', '--yes');
is($rc, 4, 'to a replica whose replay is paused: refused or aborted');
like("$out$err", qr/replay|behind|lag|catch|paused/, 'with the reason');
note "$out$err";
ok($slow->wait_acks(5), 'the load goes on');
is(writer(), 'pg1', 'pg1 is the writer');
my $s = $slow->stop;
is(Load::describe(map { @$_ } @$s{qw(errors closed died)}), '', 'and saw no error');
is(join(', ', $slow->missing($s, $c->node('pg1'))), '', 'and every row is there');
is($c->sql('pg1', 'SHOW default_transaction_read_only'), 'off', 'pg1 is not fenced');
$c->resume_replay('pg3');
ok(poll_until(sub { node_row('pg3')->{readable} eq 't' }), 'pg3 is readable again');
$c->wait_streaming;
$t->set(failover => catchup_timeout => undef);
is(($t->reload)[0], 0, 'catchup_timeout as before');

# ---- Planned for later, and given up ----

sub failover_row { my ($row) = $t->console('SHOW FAILOVER'); return $row }

$mark = $t->log_offset;
($rc, $out, $err) = $t->cli('switchover', '--at', '+1h', '--to', 'pg3', '--yes');
is($rc, 0, '--at +1h') or diag($err);
like($out, qr/planned.*would promote: pg3/s, 'says what it will do');
cmp_ok(failover_row()->{planned_in_ms} // 0, '>', 3_000_000, 'SHOW FAILOVER knows');
is(($t->cli('switchover', '--at', '+2h', '--yes'))[0], 4, 'one at a time');
is(($t->cli('cancel'))[0], 0, 'cancel');
ok($t->wait_for_event('switchover.canceled', $mark), 'which is an event');
is(failover_row()->{planned_in_ms} // '', '', 'none is planned');
is(($t->cli('cancel'))[0], 4, 'nothing to cancel');
isnt(($t->cli('switchover', '--at', '2001-01-01 00:00', '--yes'))[0], 0, 'a time that is past');

# One that is under way: the old primary serves again, and no client notices.
$c->pause_replay('pg3');
$slow = Load->new(tanist => $t, writers => 2, readers => 1);
ok($slow->wait_acks(5), 'cancel: a load runs');
$mark = $t->log_offset;
my $operator = $t->wire('tanist', user => 'tanist');
$operator->send_message('Q', Wire::cstr('SWITCHOVER TO pg3'));
ok($t->wait_for_event('failover.chosen', $mark, node => 'pg3'), 'cancel: it waits for pg3');
is(($t->cli('cancel'))[0], 0, 'cancel: accepted');
like($operator->result->{error}{M} // '', qr/cancel/, 'cancel: who asked for it is told');
ok($slow->wait_acks(5), 'cancel: the load goes on');
is(writer(), 'pg1', 'cancel: pg1 is the writer');
$s = $slow->stop;
is(Load::describe(map { @$_ } @$s{qw(errors closed died)}), '', 'cancel: no client saw an error');
$c->resume_replay('pg3');
ok(poll_until(sub { node_row('pg3')->{readable} eq 't' }), 'cancel: pg3 is readable again');
$c->wait_streaming;

# ---- Under load ----

sub switchover
{
    my ($how, $from, $to, $command) = @_;
    my $load = Load->new(tanist => $t, writers => 4, readers => 2, txns => 2);
    ok($load->wait_acks(5), "$how: the load runs");
    my $idle = $t->wire;
    is($idle->value('SELECT 1'), '1', "$how: an idle client");
    my $before = cluster_row()->{epoch};
    my $mark = $t->log_offset;

    my $report = $command->();
    like($report, qr/^\Q$to\E is the writer of cluster prod now \(before: \Q$from\E\)/, "$how: the report names the new writer");
    like($report, qr/^writes were held for \d+ ms$/m, "$how: and the write pause");
    note $report;
    ok($load->wait_acks(10), "$how: every client goes on");
    is(writer(), $to, "$how: the console knows the writer");
    cmp_ok(cluster_row()->{epoch}, '>', $before, "$how: the epoch rose");
    my $done = $t->wait_for_event('switchover.done', $mark);
    is($done->{node}, $to, "$how: event switchover.done");
    like($done->{held_ms} // '', qr/^\d+$/, "$how: with the write pause");
    is($idle->value('SELECT 2'), '2', "$how: the idle client noticed nothing");

    my $s = $load->stop;
    is_deeply($s->{hung}, [], "$how: no client hangs");
    is(Load::describe(@{ $s->{closed} }, @{ $s->{died} }), '', "$how: no connection was closed");
    is(Load::describe(@{ $s->{errors} }), '', "$how: no statement failed");
    is(join(', ', $load->missing($s, $c->node($to))), '', "$how: every acknowledged row is there");
    is($load->halves($c->node($to)), '0', "$how: no half transaction");
    note "longest good statement $s->{longest} s";
    for my $other (grep { $_ ne $from && $_ ne $to } $c->names) {
        ok($c->poll_sql($to, "SELECT count(*) = 1 FROM pg_stat_replication WHERE application_name = '$other' AND state = 'streaming'"),
            "$how: $other follows $to");
        ok(poll_until(sub { node_row($other)->{readable} eq 't' }), "$how: and serves reads");
    }
}

switchover('command line', 'pg1', 'pg3', sub {
    my ($rc, $out, $err) = $t->cli('switchover', '--to', 'pg3', '--yes');
    is($rc, 0, 'command line: exit code 0') or diag("$out$err");
    return $out;
});

# ---- The old primary ----

# Without demote_command it is fenced: its last checkpoints are WAL beyond the fork, so it cannot follow without a rewind.
ok(poll_until(sub { node_row('pg1')->{reason} =~ /old primary/ }), 'pg1 may not serve') or diag(explain(node_row('pg1')));
is($c->sql('pg1', "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'"), '0', 'and has no connections of clients');
is($c->sql('pg1', 'SHOW default_transaction_read_only'), 'on', 'and refuses writes');

# What an operator, or demote_command, does with it.
my $script = $t->dir . '/demote';
open my $f, '>', $script or die "$script: $!\n";
print $f "#!/bin/sh\nset -e\nnode=\$1 port=\$2\ncase \$node in\n",
    (map { "$_) data='" . $c->node($_)->data_dir . "' log='" . $c->node($_)->logfile . "' ;;\n" } $c->names), <<'END';
esac
exec >>"$0.log" 2>&1
pg_ctl stop -w -s -m fast -D "$data"
cp "$data/postgresql.conf" "$0.conf"
pg_rewind -D "$data" --source-server="host=127.0.0.1 port=$port user=tanist password=tanist-secret dbname=postgres"
cp "$0.conf" "$data/postgresql.conf"
cat >>"$data/postgresql.auto.conf" <<CONF
primary_conninfo = 'host=127.0.0.1 port=$port user=replicator password=replicator-secret application_name=$node'
primary_slot_name = '$node'
CONF
touch "$data/standby.signal"
psql -qAtX "host=127.0.0.1 port=$port user=tanist password=tanist-secret dbname=postgres" \
    -c "SELECT pg_create_physical_replication_slot('$node') WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '$node')"
pg_ctl start -w -s -D "$data" -l "$log"
END
close $f;
chmod 0755, $script;

# The old primary is a replica again: PostgreSQL::Test::Cluster has to learn its new postmaster.
sub back_as_replica
{
    my ($name, $of) = @_;
    $c->node($name)->_update_pid(1);
    ok($c->poll_sql($of, "SELECT count(*) = 1 FROM pg_stat_replication WHERE application_name = '$name' AND state = 'streaming'"),
        "$name streams from $of");
    ok(poll_until(sub { node_row($name)->{readable} eq 't' }), "$name serves reads") or diag(explain(node_row($name)));
}

is(system($script, 'pg1', $c->node('pg3')->port), 0, 'pg1 is rewound') or diag(PostgreSQL::Test::Utils::slurp_file("$script.log"));
back_as_replica('pg1', 'pg3');

# Back again, and with demote_command the old primary returns by itself.
$t->set(failover => demote_command => "'$script \$TANIST_NODE \$TANIST_NEW_PORT'");
is(($t->reload)[0], 0, 'demote_command is set');
$mark = $t->log_offset;
switchover('console', 'pg3', 'pg1', sub { return join '', map { "$_->{report}\n" } $t->console('SWITCHOVER TO pg1') });
ok($t->wait_for_event('switchover.demoted', $mark, node => 'pg3'), 'demote_command ran')
    or diag(PostgreSQL::Test::Utils::slurp_file("$script.log"));
back_as_replica('pg3', 'pg1');

# At its time.
$mark = $t->log_offset;
is(($t->cli('switchover', '--at', '+1s', '--to', 'pg3', '--yes'))[0], 0, '--at +1s');
ok($t->wait_for_event('switchover.done', $mark), 'it happens by itself');
is(writer(), 'pg3', 'pg3 is the writer');
ok($t->wait_for_event('switchover.demoted', $mark, node => 'pg1'), 'and pg1 is demoted');
back_as_replica('pg1', 'pg3');

$t->stop;
done_testing();
