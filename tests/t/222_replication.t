# Replication connections through the port: base backups, WAL, logical decoding; who may, where they go, how they end.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Wire;
use TestEnv qw(poll_until);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $c = TanistCluster->new(replicas => 2, conf => "wal_level = logical\nmax_wal_senders = 12\n");
$c->sql('pg1', 'CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100); ALTER ROLE replicator SUPERUSER', 'app');
$c->wait_catchup;
my %port = map { $_ => $c->node($_)->port } $c->names;
my $to_replica = PostgreSQL::Test::Cluster::get_free_port();
my $t = Tanist->new(cluster => $c, settings => { 'listen replica' => { address => '127.0.0.1', port => $to_replica, route => 'replica' } });
$t->start;
$ENV{PGPASSWORD} = 'replicator-secret';
my $dir = PostgreSQL::Test::Utils::tempdir();

# (exit code, stderr) of a program of PostgreSQL against the port.
sub program
{
    my ($name, @args) = @_;
    my ($in, $out, $err) = ('', '', '');
    IPC::Run::run([ $name, '-h', $t->host, '-p', $t->port, '-U', 'replicator', @args ], '<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout($TestEnv::timeout));
    return ($? >> 8, $out . $err);
}

sub replication { my ($how, %o) = @_; return $t->wire(delete $o{database} // 'app', user => 'replicator', parameters => { replication => $how, %{ delete $o{parameters} // {} } }, %o) }

# ---- Commands ----

my $w = replication('true', parameters => { application_name => 'a walreceiver' });
my $r = $w->query('IDENTIFY_SYSTEM');
my ($system, $timeline) = @{ $r->{rows}[0] };
is($system, $c->sql('pg1', 'SELECT system_identifier FROM pg_control_system()'), 'IDENTIFY_SYSTEM');
is($r->{rows}[0][3], undef, 'a physical connection has no database');
is($w->value('SHOW port'), $port{pg1}, 'it is on the primary');
like($w->query('SELECT 1')->{error}{M}, qr/cannot execute SQL commands in WAL sender/, 'and takes no SQL');
is($w->value('SHOW application_name'), 'a walreceiver', 'start-up parameters go along');
is(length $w->{secret}, 4, 'it has a key');
my ($client) = grep { $_->{replication} eq 'physical' } $t->console('SHOW CLIENTS');
is($client && "$client->{user} $client->{state} $client->{application_name}", 'replicator active a walreceiver', 'SHOW CLIENTS');
my ($server) = grep { $_->{replication} eq 'physical' } $t->console('SHOW SERVERS');
is($server && "$server->{user} $server->{state} $server->{application_name} $server->{port}", "replicator active a walreceiver $port{pg1}", 'SHOW SERVERS');
$w->terminate;
ok(poll_until(sub { !grep { $_->{replication} ne 'none' } $t->console('SHOW SERVERS'), $t->console('SHOW CLIENTS') }), 'both are gone with the client');

$w = replication('database');
$r = $w->query('IDENTIFY_SYSTEM');
is($r->{rows}[0][3], 'app', 'a logical connection has a database');
is($w->value('SELECT count(*) FROM t'), '100', 'and takes SQL');
is_deeply($w->query('CREATE_REPLICATION_SLOT tmp TEMPORARY LOGICAL pgoutput')->{rows}[0][0], 'tmp', 'CREATE_REPLICATION_SLOT');
$w->terminate;

$w = replication('1', port => $to_replica);
like($w->value('SHOW port'), qr/^(?:$port{pg2}|$port{pg3})$/, 'a listener of replicas leads to one');
$w->terminate;
$w = replication('on', database => 'no such database');
is($w->query('IDENTIFY_SYSTEM')->{rows}[0][0], $system, 'the name of its database means nothing to a physical one');
$w->terminate;
is($t->wire('app', parameters => { replication => 'off' })->value('SELECT 1'), '1', 'replication=off is a common connection');

# ---- Who may ----

for my $case ([ 'app', 'true', 'app-secret', qr/must be superuser or replication role/ ], [ 'replicator', 'true', 'wrong', qr/password authentication failed/ ], [ 'app', 'perhaps', 'app-secret', qr/invalid value for parameter "replication"/ ]) {
    my ($user, $how, $password, $like) = @$case;
    my $x = $t->wire('app', user => $user, password => $password, parameters => { replication => $how }, fail_ok => 1);
    like($x->{error}{M}, $like, "refused: $user, replication=$how");
}

# ---- PostgreSQL's own programs ----

my ($rc, $out) = program('pg_basebackup', '-D', "$dir/backup", '-X', 'stream', '-c', 'fast');
is($rc, 0, 'pg_basebackup') or diag $out;
($rc, $out) = do { my $o = ''; IPC::Run::run([ 'pg_verifybackup', "$dir/backup" ], '>&', \$o); ($? >> 8, $o) };
is($rc, 0, 'the backup is whole') or diag $out;

mkdir "$dir/wal";
($rc, $out) = program('pg_receivewal', '--create-slot', '--slot', 'through');
is($rc, 0, 'pg_receivewal --create-slot') or diag $out;
my $receive = IPC::Run::start([ 'pg_receivewal', '-h', $t->host, '-p', $t->port, '-U', 'replicator', '-D', "$dir/wal", '--slot', 'through', '--no-loop' ], '<', \undef, '>&', \$out,
    IPC::Run::timeout($TestEnv::timeout));
ok(poll_until(sub { $receive->pump_nb; glob "$dir/wal/*.partial" }), 'pg_receivewal begins');
$c->sql('pg1', 'INSERT INTO t SELECT generate_series(101, 20000); SELECT pg_switch_wal()', 'app');
ok(poll_until(sub { $receive->pump_nb; grep { !/partial/ } glob "$dir/wal/*" }), 'a whole segment has arrived') or diag $out;
$receive->signal('INT');
ok($receive->finish, 'it ends as it should') or diag $out;
($rc, $out) = program('pg_receivewal', '--drop-slot', '--slot', 'through');
is($rc, 0, 'pg_receivewal --drop-slot') or diag $out;

($rc, $out) = program('pg_recvlogical', '-d', 'app', '--create-slot', '--slot', 'logical', '--plugin', 'test_decoding');
is($rc, 0, 'pg_recvlogical --create-slot') or diag $out;
$c->sql('pg1', 'INSERT INTO t SELECT generate_series(30001, 33000)', 'app');
my $end = $c->sql('pg1', 'SELECT pg_current_wal_lsn()');
($rc, $out) = program('pg_recvlogical', '-d', 'app', '--start', '--slot', 'logical', '-f', '-', '--endpos', $end, '--no-loop');
is($rc, 0, 'pg_recvlogical up to a position') or diag $out;
is(scalar(() = $out =~ /INSERT: a\[integer\]:3\d{4}$/mg), 3000, 'every row was decoded');

# A stream that stays: rows arrive as they are committed.
my $stream = '';
my $h = IPC::Run::start([ 'pg_recvlogical', '-h', $t->host, '-p', $t->port, '-U', 'replicator', '-d', 'app', '--start', '--slot', 'logical', '-f', '-', '--no-loop' ], '<', \undef, '>', \$stream, '2>', \$out,
    IPC::Run::timeout($TestEnv::timeout));
$c->sql('pg1', 'INSERT INTO t VALUES (40001)', 'app');
ok(poll_until(sub { $h->pump_nb; $stream =~ /40001/ }), 'a row arrives at once');
$c->sql('pg1', 'INSERT INTO t SELECT generate_series(50001, 90000)', 'app');
ok(poll_until(sub { $h->pump_nb; $stream =~ /:90000$/m }), 'and many of them');

# ---- The primary is replaced ----

my $wr = replication('true');
$wr->query('IDENTIFY_SYSTEM');
$c->kill9('pg1');
ok($wr->closed_in($TestEnv::timeout), 'the primary dies: its replication connections end');
ok(poll_until(sub { $h->pump_nb; !$h->pumpable }), 'streams, too');
eval { $h->finish };
my $new;
poll_until(sub { $new = eval { replication('database', fail_ok => 1) }; return $new && !$new->{error} });
is($new->value('SHOW transaction_read_only'), 'off', 'the next one is on the new primary');
my $old = $new->value('SHOW port');
isnt($old, $port{pg1}, 'which is another node');

# A switchover: the connection to the old primary ends, and does not hold it up.
my ($to) = grep { $port{$_} != $old && $_ ne 'pg1' } $c->names;
my @said;
ok(poll_until(sub { @said = $t->cli('switchover', '--to', $to, '--yes'); return $said[0] == 0 }), "switchover to $to") or diag "@said";
ok($new->closed_in($TestEnv::timeout), 'a switchover ends them');

$t->stop;
done_testing();
