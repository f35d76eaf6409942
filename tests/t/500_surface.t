# What an operator touches: the command line with its exit codes and formats, the console in both protocols, reload,
# EXPLAIN ROUTE, TLS on both sides.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use TestEnv qw(poll_until);
use PostgreSQL::Test::Utils;
use Test::More;
use JSON::PP;

my $c = TanistCluster->new(replicas => 2);
my $t = Tanist->new(cluster => $c);

# ---- Without a daemon ----

my ($rc, $out, $err) = $t->cli('status');
is($rc, 3, 'status: 3 when the daemon is not running');
like($err, qr/not running/, 'and says so');
is($out, '', 'with nothing on stdout');
($rc, $out, $err) = $t->cli('check', '--live');
is($rc, 0, 'check --live on healthy nodes') or diag($err);
like($out, qr/pg1\s+primary\s+\d+\s+\S.*\bok$/m, 'the primary');
like($out, qr/pg3\s+replica\s+\d+\s+\S.*\bok$/m, 'a replica');
($rc, $out, $err) = $t->cli('check', '--live', '--set', 'cluster prod.monitor=user=app password=app-secret dbname=postgres');
is($rc, 1, 'check --live with a role that may not do the work');
like($out, qr/lacks .*pg_promote/, 'names what it lacks');
($rc, $out, $err) = $t->cli('explain');
is($rc, 1, 'a missing argument');
($rc, $out, $err) = $t->cli('pools', '--format', 'xml');
is($rc, 1, 'an unknown format');

# ---- Looking ----

$t->start;
poll_until(sub { (grep { $_->{readable} eq 't' } $t->console('SHOW NODES')) == 3 }, 'three nodes are readable');
($rc, $out, $err) = $t->cli('status');
is($rc, 0, 'status');
like($out, qr/^prod\s+pg1\s.*\byes\b/m, 'a failover is possible');
my $status = decode_json(($t->cli('status', '--format', 'json'))[1]);
is($status->{clusters}[0]{writer}, 'pg1', 'status in JSON: the writer');
is_deeply([ map { $_->{role} } @{ $status->{nodes} } ], [qw(primary replica replica)], 'the roles');
is($status->{nodes}[1]{readable}, JSON::PP::true, 'a boolean');
cmp_ok($status->{nodes}[1]{port}, '==', $c->node('pg2')->port, 'a number');
my @lines = split /\n/, ($t->cli('topology', '--format', 'tsv'))[1];
is(scalar @lines, 4, 'topology in TSV: a head and three nodes');
is((split /\t/, $lines[0])[1], 'node', 'its second column');
is((split /\t/, $lines[2])[1], 'pg2', 'of the second node');
like(($t->cli('events'))[1], qr/daemon\.ready/, 'events');
is($t->safe_psql('app', 'SELECT 1'), '1', 'a query');
like(($t->cli('pools'))[1], qr/^app\s+app\s/m, 'pools');

# ---- EXPLAIN ROUTE ----

poll_until(sub { ($t->cli('explain', '-d', 'app', 'SELECT now()'))[1] =~ /^class\s+read/m }, 'the catalog is loaded');
like(($t->cli('explain', '-d', 'app', 'UPDATE t SET a = 1'))[1], qr/^class\s+write/m, 'explain: a write');
my %row = map { $_->{item} => $_->{value} } $t->console('EXPLAIN ROUTE (DATABASE app) SELECT nextval(\'s\')');
isnt($row{class}, 'read', 'nextval is no read');

# ---- The console ----

my @columns = qw(database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel
    sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode load_balance_hosts);
my $w = $t->wire('tanist', user => 'tanist');
my $r = $w->query('SHOW POOLS');
is_deeply($r->{names}, \@columns, 'SHOW POOLS has the columns of pgbouncer');
$r = $w->query('SHOW STATS');
is($r->{names}[13], 'avg_server_assignment_count', 'SHOW STATS has the averages behind the totals');
for my $q (map { "SHOW $_" } qw(HELP CLUSTERS TOPOLOGY LAG EVENTS FAILOVER STATS_TOTALS STATS_AVERAGES TOTALS CLIENTS PINS
    SERVERS ROUTES DATABASES LISTS STATE CONFIG VERSION))
{
    $r = $w->query($q);
    ok(!$r->{error} && @{ $r->{names} }, $q) or diag($r->{error}{M});
}
$r = $w->query('SHOW POOL');
is($r->{error}{C}, '42601', 'an unknown command');
like($r->{error}{M}, qr/did you mean SHOW POOLS/, 'with the nearest one');
$r = $w->query('SET x = 1');
ok(!$r->{error}, 'SET is answered politely');
$w->terminate;
my $looker = $t->wire('tanist', user => 'app');
ok(!$looker->query('SHOW VERSION')->{error}, 'a stats user may look');
is($looker->query('RELOAD')->{error}{C}, '42501', 'and may not change');
$looker->terminate;
($rc, $out) = $t->psql('tanist', "PREPARE x AS SELECT 1", user => 'tanist');
isnt($rc, 0, 'a console is no database');

# ---- Changing ----

is(($t->cli('switchover'))[0], 4, 'switchover without a terminal and --yes is refused');
($rc, $out) = $t->cli('switchover', '--to', 'pg3', '--dry-run');
is($rc, 0, 'switchover --dry-run');
like($out, qr/would promote: pg3/, 'says what it would do');
is(($t->cli('switchover', '--to', 'pg9', '--yes'))[0], 1, 'no such node');
($rc, $out, $err) = $t->cli('failover', '--yes');
is($rc, 4, 'failover with a living primary is refused');
is(($t->cli('drain', 'pg3'))[0], 0, 'drain');
is((grep { $_->{node} eq 'pg3' } $t->console('SHOW NODES'))[0]{readable}, 'f', 'no reads for the drained node');
is(($t->cli('undrain', 'pg3'))[0], 0, 'undrain');
is(($t->cli('maintenance', 'on'))[0], 0, 'maintenance on');
is(($t->cli('maintenance', 'off'))[0], 0, 'maintenance off');

# ---- Reload ----

$t->set('pool *', pool_size => 7);
$t->write_conf;
is(($t->cli('reload'))[0], 0, 'reload');
is((grep { $_->{key} eq 'pool *.pool_size' } $t->console('SHOW CONFIG'))[0]{value}, '7', 'applies what changed');
$t->set('pool *', pool_size => 'many');
$t->write_conf;
($rc, $out, $err) = $t->cli('reload');
is($rc, 1, 'reload of a broken file');
like($err, qr/pool_size/, 'names the setting');
is((grep { $_->{key} eq 'pool *.pool_size' } $t->console('SHOW CONFIG'))[0]{value}, '7', 'the old one stays in force');
is(($t->cli('status'))[0], 0, 'a broken file does not hide the daemon');
$t->set('pool *', pool_size => 7);
$t->write_conf;

# ---- Stop ----

my $pid = $t->pid;
($rc, $out, $err) = $t->cli('stop');
is($rc, 0, 'stop') or diag($err);
$t->wait_exit;
is(($t->cli('status'))[0], 3, 'and it is gone');

# ---- TLS on both sides ----

my $dir = PostgreSQL::Test::Utils::tempdir();
system_or_bail('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', "$dir/key.pem", '-out', "$dir/cert.pem",
    '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1');
chmod 0600, "$dir/key.pem";
for my $n ($c->nodes) {
    my $data = $n->data_dir;
    system_or_bail('cp', '-p', "$dir/key.pem", "$dir/cert.pem", $data);
    $n->safe_psql('postgres', "ALTER SYSTEM SET $_") for "ssl_key_file = 'key.pem'", "ssl_cert_file = 'cert.pem'", 'ssl = on';
    $n->reload;
}
my $tls = Tanist->new(
    cluster  => $c,
    name     => 'tls',
    settings => {
        'listen main' => { tls => 'require', tls_cert_file => "$dir/cert.pem", tls_key_file => "$dir/key.pem" },
        server_tls    => { mode => 'verify-full', ca_file => "$dir/cert.pem" },
    });
$tls->start;
my %tls = (sslmode => 'verify-full', sslrootcert => "$dir/cert.pem");
is($tls->safe_psql('app', 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()', %tls), 't', 'TLS on both sides');
is(length $tls->safe_psql('app', "SELECT repeat('x', 3000000)", %tls), 3_000_000, 'a long row');
($rc, $out, $err) = $tls->psql('app', 'SELECT 1', sslmode => 'disable');
isnt($rc, 0, 'a client without TLS is refused');
like($err, qr/requires TLS/, 'and told why');
# A renewed certificate comes with a reload.
system_or_bail('openssl', 'req', '-x509', '-key', "$dir/key.pem", '-out', "$dir/new.pem", '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:elsewhere');
system_or_bail('cp', "$dir/cert.pem", "$dir/ca.pem");
$tls->set('listen main', tls_cert_file => "$dir/new.pem");
$tls->set('server_tls', ca_file => "$dir/ca.pem");
$tls->write_conf;
is(($tls->cli('reload'))[0], 0, 'reload with another certificate');
($rc, $out, $err) = $tls->psql('app', 'SELECT 1', sslmode => 'verify-full', sslrootcert => "$dir/new.pem");
isnt($rc, 0, 'new connections see it');
is($tls->safe_psql('app', 'SELECT 1', sslmode => 'verify-ca', sslrootcert => "$dir/new.pem"), '1', 'and may trust it');
$tls->stop;

done_testing();
