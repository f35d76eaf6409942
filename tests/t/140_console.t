# The console: columns that pgbouncer's tools rely on, numbers that agree with what happened, both protocols, hostile input,
# EXPLAIN ROUTE against what really happens, files that are wrong, and the end by SHUTDOWN.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Wire;
use TestEnv qw(poll_until);
use Test::More;

my $c = TanistCluster->new(replicas => 1);
$c->sql('pg1', <<'SQL', 'app');
CREATE TABLE t (a int); GRANT ALL ON t TO app; CREATE SEQUENCE s;
CREATE FUNCTION vol() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1';
CREATE FUNCTION sta() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
SQL
my $t = Tanist->new(cluster => $c, settings => { tanist => { workers => 2 }, routing => { max_lag => 'off' } });
$t->start;
my $w = $t->wire('tanist', user => 'tanist');

# ---- Columns ----

my @conn = qw(type user database replication state addr port local_addr local_port connect_time request_time wait wait_us
    close_needed ptr link remote_pid tls application_name prepared_statements id);
my @stats = qw(server_assignment_count xact_count query_count received sent xact_time query_time wait_time client_parse_count
    server_parse_count bind_count client_login_count);
my @averages = map { s/^received$/recv/r } @stats;
my %columns = (
    POOLS => [ qw(database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel
            sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode load_balance_hosts) ],
    CLIENTS   => [ @conn, qw(pin node waits_for) ],
    SERVERS   => [ @conn, 'node' ],
    DATABASES => [ qw(name host port database force_user pool_size min_pool_size reserve_pool_size server_lifetime pool_mode
            load_balance_hosts max_connections current_connections max_client_connections current_client_connections paused
            disabled cluster) ],
    STATS          => [ 'database', (map { "total_$_" } @stats), (map { "avg_$_" } @averages), map { "total_$_" } qw(retries held lost in_doubt resolved timeouts) ],
    STATS_TOTALS   => [ 'database', (map { "total_$_" } @stats), map { "total_$_" } qw(retries held lost in_doubt resolved timeouts) ],
    STATS_AVERAGES => [ 'database', (map { "avg_$_" } @averages) ],
    TOTALS         => [ qw(name value) ],
    LISTS          => [ qw(list items) ],
    STATE          => [ qw(key value) ],
    CONFIG         => [ qw(key value default changeable) ],
    VERSION        => [ qw(version) ],
    HELP           => [ qw(command description rights) ],
    CLUSTERS       => [ qw(cluster epoch version timeline writer mode authority failover_possible because system_identifier nodes
        quorum failover_safe safe_because) ],
    NODES          => [ qw(cluster node host port role state readable reason timeline lag_ms lag_bytes replay_lsn weight zone last_probe_ms probe_ms
            probes probe_failures server_version epoch_since reads writes in_flight servers connects connect_failures
            share ejected_ms returns_ms drained max_in_flight) ],
    LAG => [ qw(cluster node eligible reason lag_ms lag_bytes max_lag_ms max_lag_bytes resume_ms resume_bytes received_lsn replay_lsn writer_lsn
            streaming paused zone weight share ejected_ms returns_ms drained) ],
    EVENTS   => [ qw(time level event cluster node message) ],
    FAILOVER => [ qw(cluster state since_ms deadline_ms epoch writer candidate reason last_moves planned_in_ms) ],
    PINS     => [ qw(id user database addr port node pin application_name) ],
    ROUTES   => [ qw(reason count meaning) ]);
$columns{TOPOLOGY} = $columns{CLUSTERS};
for my $what (sort keys %columns) {
    my $r = $w->query("SHOW $what");
    is($r->{error}{M}, undef, "SHOW $what");
    is(join(' ', @{ $r->{names} // [] }), join(' ', @{ $columns{$what} }), "SHOW $what: its columns");
    is($r->{tags}[0], 'SHOW', "SHOW $what: its tag");
    my $bad = grep { @$_ != @{ $columns{$what} } } @{ $r->{rows} };
    is($bad, 0, "SHOW $what: every row is complete");
    # The same in the extended protocol, and in another spelling.
    my $x = $w->extended(lc "  show \t$what ; ");
    is_deeply($x->{names}, $r->{names}, "SHOW $what: extended, lower case, with blanks");
}
my @help = map { $_->[0] } @{ $w->query('SHOW HELP')->{rows} };
is(scalar(grep { my $word = $_; !grep { /^SHOW\b.*\b$word\b/ } @help } grep { !/TOPOLOGY/ } keys %columns), 0, 'SHOW HELP lists them all') or diag("@help");

# ---- Numbers ----

sub stats { my ($r) = grep { $_->{database} eq 'app' } $t->console('SHOW STATS'); return $r // {} }
sub node { my ($n) = @_; my ($r) = grep { $_->{node} eq $n } $t->console('SHOW NODES'); return $r }

my $app = $t->wire('app', parameters => { application_name => 'counter' });
ok(poll_until(sub { $app->value('SELECT 1'); node('pg2')->{reads} > 0 }), 'reads go to the replica');
$c->wait_catchup;
my ($s0, $p0, $r0) = (stats(), node('pg1'), node('pg2'));
$app->value("SELECT $_") for 1 .. 7;
$app->extended('SELECT $1::int', $_) for 1 .. 5;
$app->query($_) for 'BEGIN', 'INSERT INTO t VALUES (1)', 'INSERT INTO t VALUES (2)', 'COMMIT';
my ($s1, $p1, $r1) = (stats(), node('pg1'), node('pg2'));
sub diff { my ($k) = @_; return $s1->{"total_$k"} - $s0->{"total_$k"} }
is(diff('xact_count'), 13, 'SHOW STATS: transactions');
is(diff('query_count'), 16, 'queries');
is(diff('client_parse_count'), 5, 'Parse messages');
is(diff('bind_count'), 5, 'Bind messages');
is(diff('client_login_count'), 0, 'logins');
cmp_ok(diff($_), '>', 0, $_) for qw(received sent server_assignment_count xact_time query_time);
is($r1->{reads} - $r0->{reads}, 12, 'SHOW NODES: reads of the replica');
is($r1->{writes} - $r0->{writes}, 0, 'no writes there');
cmp_ok($p1->{writes} - $p0->{writes}, '>=', 1, 'writes of the primary');
is($p1->{role}, 'primary', 'roles');
is($r1->{role}, 'replica', 'of both');
is($p1->{host} . ':' . $p1->{port}, '127.0.0.1:' . $c->node('pg1')->port, 'host and port');
my ($client) = grep { $_->{application_name} eq 'counter' } $t->console('SHOW CLIENTS');
is("$client->{type} $client->{user} $client->{database}", 'C app app', 'SHOW CLIENTS');
is($client->{port}, $app->{socket}->sockport, 'its port');
like($client->{connect_time}, qr/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/, 'a time that a person can read');
ok(!defined $client->{pin} || $client->{pin} eq '', 'no pin');
$app->query('CREATE TEMP TABLE x (a int)');
($client) = grep { $_->{application_name} eq 'counter' } $t->console('SHOW CLIENTS');
is("$client->{pin} $client->{node}", 'temporary-object pg1', 'SHOW CLIENTS: a pin, and where');
my ($pin) = $t->console('SHOW PINS');
is("$pin->{pin} $pin->{node} $pin->{application_name}", 'temporary-object pg1 counter', 'SHOW PINS');
my ($server) = grep { $_->{user} eq 'app' && $_->{node} eq 'pg1' && $_->{state} eq 'active' } $t->console('SHOW SERVERS');
is($server->{port}, $c->node('pg1')->port, 'SHOW SERVERS: the bound server');
is($c->sql('pg1', "SELECT count(*) FROM pg_stat_activity WHERE pid = $server->{remote_pid} AND usename = 'app'"), '1', 'remote_pid is the backend\'s');
is($server->{link}, $client->{ptr}, 'link and ptr tie client and server');
my ($pool) = grep { $_->{database} eq 'app' } $t->console('SHOW POOLS');
is("$pool->{cl_active} $pool->{cl_waiting} $pool->{sv_active} $pool->{pool_mode}", '1 0 1 transaction', 'SHOW POOLS');
my %lists = map { $_->{list} => $_->{items} } $t->console('SHOW LISTS');
is($lists{databases} >= 1 ? 1 : 0, 1, 'SHOW LISTS: databases');
my %config = map { $_->{key} => $_ } $t->console('SHOW CONFIG');
is($config{'tanist.workers'}{value}, '2', 'SHOW CONFIG: a value');
is($config{'tanist.workers'}{changeable}, 'no', 'that needs a restart');
is($config{'routing.max_lag_bytes'}{changeable}, 'yes', 'and one that does not');
ok(!(grep { ($_->{value} // '') =~ /secret/ } values %config), 'no secrets');
$app->terminate;
ok(poll_until(sub { !grep { $_->{application_name} eq 'counter' } $t->console('SHOW CLIENTS') }), 'a client that left is not shown');

# ---- Input that is not a command ----

for my $sql ('SHOW', 'SHOW NOTHING', 'SHOW POOLS POOLS', 'SELECT * FROM t', 'DROP TABLE t', "SHOW POOLS; DROP TABLE t", 'EXPLAIN', 'DRAIN', 'DRAIN nowhere',
    "'" x 100, '"', 'SHOW ' . 'x' x 10_000, "\x{1}\x{2}\xff", 'EXPLAIN ROUTE', 'SWITCHOVER TO', 'FAILOVER CLUSTER', 'MAINTENANCE maybe', '/*', '--')
{
    my $what = length $sql > 40 ? substr($sql, 0, 40) . '...' : $sql =~ s/[^\x20-\x7e]/?/gr;
    my $r = $w->query($sql);
    ok($r->{error} ? $r->{error}{C} =~ /^(?:42601|22023|42704|0A000)$/ : $r->{types} =~ /^(?:C|I)Z$/, "refused politely: $what") or diag(explain($r));
    is($r->{status}, 'I', 'and the console goes on');
}
ok(!$w->query($_)->{error}, "what drivers send by themselves: $_") for 'BEGIN', 'COMMIT', 'ROLLBACK', 'SELECT 1', '', ';', q(SET client_encoding TO 'UTF8'), 'DISCARD ALL';
$w->send_raw(Wire::parse('a', 'SHOW VERSION') . Wire::describe('S', 'a') . Wire::bind('', 'a') . Wire::execute('') . Wire::close_message('S', 'a') . Wire::sync());
my $r = $w->result;
like($r->{types}, qr/^1tT2(?:T)?DC3Z$/, 'a named statement of the console');
$w->send_raw(Wire::parse('', 'SHOW NONSENSE') . Wire::bind('', '') . Wire::execute('') . Wire::sync());
$r = $w->result;
is($r->{error}{C}, '42601', 'an error in the extended protocol');
like($r->{types}, qr/E.*Z$/, 'and then ReadyForQuery');
$w->send_raw(Wire::message('Q', "SHOW VERSION\0") x 50);
is(scalar(grep { $w->result->{tags}[0] eq 'SHOW' } 1 .. 50), 50, 'fifty commands sent at once');
for my $bytes ("~\0\0\0\4", "Q\0\0\0\3", Wire::message('Q', 'no end'), "Q\x7f\xff\xff\xff", Wire::message('d', 'x' x 100) . Wire::message('F', "\0" x 10)) {
    my $h = $t->wire('tanist', user => 'tanist');
    $h->send_raw($bytes);
    $h->send_raw(Wire::message('X', ''));
    ok($h->closed_in(30), 'hostile bytes to the console: closed');
}
for my $how (qw(close reset)) {
    my @h = map { $t->wire('tanist', user => 'tanist') } 1 .. 5;
    $_->send_raw(Wire::message('Q', "SHOW STATS\0") x 20) for @h;
    $_->$how for @h;
}
is($w->value('SHOW VERSION') ne '', 1, 'consoles that vanish while they are answered hurt nobody');

# ---- EXPLAIN ROUTE tells what then happens ----

my $x = $t->wire;
for my $e ([ 'SELECT 1', 'read' ], [ 'SELECT sta()', 'read' ], [ 'SELECT vol()', 'write' ], [ q(SELECT nextval('s')), 'write' ], [ 'INSERT INTO t VALUES (1)', 'write' ],
    [ 'SELECT a FROM t FOR UPDATE', 'write' ], [ 'WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x', 'write' ], [ 'TABLE t', 'read' ])
{
    my %row = map { $_->{item} => $_ } $t->console("EXPLAIN ROUTE (DATABASE app, USER app) $e->[0]");
    is($row{class}{value} eq 'read' ? 'read' : 'write', $e->[1], "EXPLAIN ROUTE: $e->[0]") or diag(explain(\%row));
    is($row{route}{value}, $e->[1] eq 'read' ? 'pg2' : 'pg1', 'and the node');
    my ($rc, $out, $err) = $t->cli('explain', '-d', 'app', '--format', 'tsv', $e->[0]);
    like($out, $e->[1] eq 'read' ? qr/^class\tread/m : qr/^class\t(?!read)/m, 'the same on the command line') or diag($err);
}
is($c->sql('pg1', 'SELECT count(*) FROM t', 'app'), '2', 'nothing of it was run');
$x->terminate;

# ---- Files ----

sub check_of
{
    my ($text) = @_;
    my $file = $t->dir . '/other.conf';
    open my $f, '>', $file or die;
    print $f $text;
    close $f;
    return (Tanist::run_cli('check', '-c', $file), $file);
}
my $head = "[cluster prod]\n[node a]\nhost = 127.0.0.1\n";
for my $e (
    [ "[tanist]\nworkers = 0\n",                       qr/:2:11: .*workers/,        'a number out of range' ],
    [ "[tanist]\nworkers = many\n",                    qr/:2:11: .*workers/,        'not a number' ],
    [ "[tanist]\nworkerz = 1\n",                       qr/:2:\d+: .*did you mean.*workers/s, 'a name with a typing error' ],
    [ "[tanistt]\nworkers = 1\n",                      qr/:1:\d+: .*tanist/,        'a section with one' ],
    [ "[routing]\nmax_lag = 5 parsecs\n",              qr/:2:11: .*max_lag/,        'a unit that does not exist' ],
    [ "[routing]\nbalance = fair\n",                   qr/:2:11: .*least_busy/s,    'an unknown word, and the known ones' ],
    [ "workers = 1\n",                                 qr/:1:\d+: /,                'a setting before any section' ],
    [ "[tanist\nworkers = 1\n",                        qr/:1:\d+: /,                'a section without its end' ],
    [ "[listen main]\nport = 70000\n",                 qr/:2:8: .*port/,            'a port out of range' ],
    [ "[listen a]\nport = 7001\n[listen b]\nport = 7001\n", qr/listen b.*port.*7001.*listen a/, 'a port twice' ],
    [ "[node b]\ncluster = none\nhost = x\n",          qr/node b.*cluster.*none/,    'a cluster that does not exist' ],
    [ "[listen main]\ntls = require\n",                qr/tls_cert_file/,           'TLS without a certificate' ])
{
    my ($rc, $out, $err, $file) = check_of($e->[0] . $head);
    is($rc, 1, "check: $e->[2]");
    like($err, $e->[1], 'with its place and name');
}
my ($rc, $out, $err, $file) = check_of($head);
is($rc, 0, 'check of a good file') or diag($err);
($rc, $out, $err) = $t->cli('config', 'dump');
like($out . $err, qr/workers|usage/i, 'config dump');

# ---- The end ----

is($w->query('RELOAD')->{error}, undef, 'RELOAD by the console');
my $user = $t->wire;
is($user->value('SELECT 1'), '1', 'a session');
$w->send_message('Q', Wire::cstr('SHUTDOWN'));
ok($user->closed_in(30), 'SHUTDOWN ends sessions');
like($user->{in}, qr/57P01/, 'with the SQLSTATE of a shutdown');
$w->closed_in(30);
is($t->wait_exit, 0, 'and the daemon, with status 0');
is(join("\n", TestEnv::sanitizer_reports($t->log_text(0))), '', 'nothing reported by sanitizers');
is(($t->cli('stop'))[0], 3, 'stop of what does not run: 3');
is(($t->cli('status'))[0], 3, 'status: 3');
done_testing();
