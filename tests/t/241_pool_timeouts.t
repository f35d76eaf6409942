# Time limits of clients, and clients that vanish: who is told what, and what becomes of the server.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Wire;
use TestEnv qw(poll_until);
use IO::Select;
use POSIX ();
use Test::More;

my $c = TanistCluster->new(replicas => 1);
$c->sql('pg1', 'CREATE TABLE t (a int PRIMARY KEY, b text); GRANT ALL ON t TO app, other; CREATE TABLE big (a int); GRANT ALL ON big TO app', 'app');
$c->wait_catchup;
my $t = Tanist->new(
    cluster  => $c,
    settings => { tanist => { workers => 3 }, failover => { mode => 'manual' }, 'pool *' => { pool_mode => 'transaction', pool_size => 1 } });
$t->start;

sub send_query { my ($w, $sql) = @_; $w->send_message('Q', Wire::cstr($sql)) }
sub pids { my ($where, $node) = @_; return $c->sql($node // 'pg1', "SELECT string_agg(pid::text, ' ' ORDER BY pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename = 'app' AND $where") }
sub runs { my ($like) = @_; return $c->poll_sql('pg1', "SELECT count(*) = 1 FROM pg_stat_activity WHERE usename = 'app' AND state = 'active' AND query LIKE '%$like%'") }
sub settings
{
    my (%pool) = @_;
    $t->{sets}{'pool *'} = { pool_mode => 'transaction', pool_size => 1, %pool };
    my ($rc, $out, $err) = $t->reload;
    is($rc, 0, 'reload: ' . join ' ', map { "$_ = $pool{$_}" } sort keys %pool) or diag($err);
}
# What a client hears that is disconnected: its error, and that the connection ends.
sub ends
{
    my ($w, $code, $like, $what) = @_;
    my $r = $w->result;
    is($r->{error}{C}, $code, "$what: SQLSTATE $code");
    is($r->{error}{S}, 'FATAL', "$what: FATAL");
    like($r->{error}{M}, $like, "$what: says why");
    ok($r->{closed}, "$what: the connection ends");
}
# The server, alone in its pool, is the same as before and clean.
sub reused
{
    my ($pid, $what) = @_;
    my $w = $t->wire;
    my $r = $w->query('SELECT pg_backend_pid(), txid_current_if_assigned() IS NULL FROM txid_current()');
    is($r->{rows}[0][0], $pid, "$what: the server is reused");
    is($w->{status}, 'I', "$what: clean");
    $w->terminate;
}
my $server = $t->wire;
my $pid = $server->value('SELECT pg_backend_pid() FROM txid_current()');
my $held = "INSERT INTO t VALUES (1, 'x')";

# ---- idle_transaction_timeout ----

settings(idle_transaction_timeout => '300ms');
my $w = $t->wire;
$w->query("BEGIN; $held");
ends($w, '25P03', qr/idle-in-transaction/, 'idle_transaction_timeout');
reused($pid, 'idle_transaction_timeout');
is($c->sql('pg1', 'SELECT count(*) FROM t', 'app'), 0, 'and the transaction is rolled back');
$w = $t->wire;
$w->query("BEGIN; $held");
is($w->query('SELECT pg_sleep(0.6)')->{error}, undef, 'a transaction that works is not idle');
$w->query('SELECT 1/0');
is($w->{status}, 'E', 'a transaction that failed');
ends($w, '25P03', qr/idle-in-transaction/, 'idle_transaction_timeout of a failed one');
reused($pid, 'a failed one');

# ---- transaction_timeout ----

settings(transaction_timeout => '400ms');
$w = $t->wire;
$w->query("BEGIN; $held");
send_query($w, 'SELECT pg_sleep(600) /* long */');
ends($w, '25P04', qr/transaction timeout/, 'transaction_timeout in a query');
reused($pid, 'transaction_timeout in a query');
$w = $t->wire;
$w->query("BEGIN; $held");
my $n = 0;
while (++$n < 1000) {
    my $r = $w->query('SELECT pg_sleep(0.02)');
    next unless $r->{error};
    is($r->{error}{C}, '25P04', 'transaction_timeout between queries');
    last;
}
cmp_ok($n, '<', 1000, 'in time');
reused($pid, 'transaction_timeout between queries');
is($c->sql('pg1', 'SELECT count(*) FROM t', 'app'), 0, 'all rolled back');
$w = $t->wire;
send_query($w, 'SELECT pg_sleep(600) FROM txid_current()');
ends($w, '25P04', qr/transaction timeout/, 'transaction_timeout of a single statement');
$w = $t->wire;
is($w->query('SELECT pg_sleep(0.05) FROM txid_current()')->{error}, undef, 'many short transactions are not one long one') for 1 .. 10;
$w->terminate;

# ---- query_timeout ----

settings(query_timeout => '300ms');
$w = $t->wire;
send_query($w, 'SELECT pg_sleep(600) FROM txid_current()');
my $r = $w->result;
is($r->{error}{C}, '57014', 'query_timeout: 57014');
like($r->{error}{M}, qr/query_timeout/, 'that says which limit it was');
is($r->{status}, 'I', 'the session goes on');
is($w->value('SELECT pg_backend_pid() FROM txid_current()'), $pid, 'on the same server');
$w->send_raw(Wire::parse('', 'SELECT pg_sleep($1::float8) FROM txid_current()') . Wire::bind('', '', '600') . Wire::execute('') . Wire::sync());
is($w->result->{error}{C}, '57014', 'query_timeout: in the extended protocol');
$w->query("BEGIN; $held");
send_query($w, 'SELECT pg_sleep(600)');
is($w->result->{error}{C}, '57014', 'in a transaction');
is($w->{status}, 'E', 'which has failed then');
$w->query('ROLLBACK');
is($w->query('SELECT pg_sleep(600)')->{error}{C}, '57014', 'a read on a replica, too');
is($w->query('SELECT pg_sleep(0.05)')->{error}, undef, 'a short one is not hit');
# A query that the node does not end: the client is told, and goes.
$c->freeze('pg1');
send_query($w, 'INSERT INTO t VALUES (99) ');
$c->thaw('pg1') if !poll_until(sub { length $w->{in} || IO::Select->new($w->{socket})->can_read(0) }, 30);
ok(1, 'a node that stands still');
$c->thaw('pg1');
$r = eval { $w->result } // { error => { C => 'none' } };
like($r->{error}{C} // 'none', qr/^(?:57014|40001|08007|08006|none)$/, "a client of a node that stands still hears of it: " . ($r->{error}{C} // 'none'));
$w->close;
$c->wait_streaming;
$c->sql('pg1', 'DELETE FROM t', 'app');

# ---- client_idle_timeout ----

settings(client_idle_timeout => '400ms');
$w = $t->wire;
$w->value('SELECT 1') for 1 .. 3;
ends($w, '57P05', qr/client_idle_timeout/, 'client_idle_timeout');
$w = $t->wire;
is($w->query('SELECT pg_sleep(0.8)')->{error}, undef, 'a query is not idleness');
$w->query('BEGIN; SELECT txid_current()');
ok($w->silent_for(0.8), 'nor is a transaction');
is($w->query('COMMIT')->{error}, undef, 'which goes on');
$w->terminate;
settings();
my ($row) = grep { $_->{database} eq 'app' } $t->console('SHOW STATS');
cmp_ok($row->{total_timeouts}, '>=', 10, 'SHOW STATS counts them');

# ---- Clients that vanish ----

$server = $t->wire;
$pid = $server->value('SELECT pg_backend_pid() FROM txid_current()');
my $mark = $t->log_offset;
for my $how (qw(close reset)) {
    $w = $t->wire;
    $w->query("BEGIN; $held");
    $w->$how;
    reused($pid, "$how in an idle transaction");
    $w = $t->wire;
    $w->query("BEGIN; $held");
    $w->query('SELECT 1/0');
    $w->$how;
    reused($pid, "$how in a failed transaction");
    $w = $t->wire;
    $w->query("BEGIN; $held");
    send_query($w, "SELECT pg_sleep(600) /* $how-tx */");
    ok(runs("$how-tx"), "$how: a query sleeps in a transaction");
    $w->$how;
    reused($pid, "$how while a query runs in a transaction: it is cancelled");
    $w = $t->wire;
    send_query($w, "INSERT INTO t SELECT 1, pg_sleep(600)::text /* $how-auto */");
    ok(runs("$how-auto"), "$how: a statement without a transaction");
    $w->$how;
    reused($pid, "$how while it runs");
    $w = $t->wire;
    $w->send_raw(Wire::parse('s', 'SELECT pg_sleep(600) FROM txid_current() /* ' . "$how-ext" . ' */') . Wire::bind('', 's') . Wire::execute('') . Wire::flush());
    ok(runs("$how-ext"), "$how: in the extended protocol, before Sync");
    $w->$how;
    reused($pid, "$how before Sync");
    $w = $t->wire;
    $w->send_raw(Wire::parse('', $held) . Wire::bind('', '') . Wire::execute('') . Wire::flush());
    $w->read_until('C');
    $w->$how;
    reused($pid, "$how after the answer, before Sync");
    is($c->sql('pg1', 'SELECT count(*) FROM t', 'app'), 0, "$how: nothing of all that is committed");
    # State that a rollback does not undo is discarded.
    $w = $t->wire;
    $w->query(q(SET work_mem = '9MB'));
    $w->query("BEGIN; $held; SELECT pg_advisory_lock(7)");
    $w->$how;
    my $next = $t->wire;
    isnt($next->value('SHOW work_mem'), '9MB', "$how: settings are discarded");
    $next->terminate;
    is($c->sql('pg1', q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')), 0, "$how: and locks");
    reused($pid, "$how with session state");
    # Rows on their way to it are swallowed.
    $w = $t->wire;
    send_query($w, q(SELECT repeat('x', 100000) FROM generate_series(1, 1000), txid_current()));
    $w->fill(10);
    $w->$how;
    reused($pid, "$how in the middle of rows");
}
# Not safe: these servers are closed.
sub replaced
{
    my ($what) = @_;
    my $w = $t->wire;
    my $now = $w->value('SELECT pg_backend_pid() FROM txid_current()');
    isnt($now, $pid, "$what: the server is not used again");
    $w->terminate;
    $pid = $now;
}
$w = $t->wire;
$w->query('COPY big FROM STDIN');
$w->send_message('d', "1\n");
$w->reset;
replaced('a client that vanishes in COPY FROM STDIN');
is($c->sql('pg1', 'SELECT count(*) FROM big', 'app'), 0, 'whose data is not there');
$w = $t->wire;
$w->query("BEGIN; $held");
my $half = Wire::message('Q', Wire::cstr("SELECT '" . 'x' x 3_000_000 . "'"));
$w->send_raw(substr $half, 0, 2_000_000);
ok(poll_until(sub { my ($cl) = grep { $_->{state} eq 'active' && $_->{database} eq 'app' } $t->console('SHOW CLIENTS'); $cl }), 'half a message is sent');
$w->reset;
replaced('a client that vanishes in the middle of a message');
is($c->sql('pg1', 'SELECT count(*) FROM t', 'app'), 0, 'nothing is committed');

# kill -9 of real clients, many times, with three workers and four servers.
settings(pool_size => 4);
my @children;
for my $i (1 .. 12) {
    my $pid = fork() // die "fork: $!";
    if ($pid == 0) {
        my $w = eval { $t->wire } or POSIX::_exit(1);
        for my $k (1 .. 100_000) {
            $w->query("BEGIN; INSERT INTO t VALUES (" . ($i * 1_000_000 + $k) . ", 'never')");
            $w->query($k % 3 ? 'SELECT 1' : 'SELECT pg_sleep(0.01)');
            $w->query('ROLLBACK');
        }
        POSIX::_exit(0);
    }
    push @children, $pid;
}
my $good = $t->wire;
my $bad = 0;
for my $round (1 .. 60) {
    $bad++ if $good->query("INSERT INTO t VALUES ($round, 'good')")->{error};
    kill 'KILL', $children[ $round / 5 - 1 ] if $round % 5 == 0;
}
waitpid $_, 0 for @children;
is($bad, 0, 'beside 12 clients that are killed in their transactions, another one works');
is($c->sql('pg1', q(SELECT count(*), count(*) FILTER (WHERE b = 'good') FROM t), 'app'), '60|60', 'none of theirs is committed');
ok(poll_until(sub { !grep { $_->{cl_waiting} || $_->{sv_active} || $_->{sv_login} || $_->{sv_tested} || $_->{sv_being_canceled} } grep { $_->{database} eq 'app' } $t->console('SHOW POOLS') }), 'no server is left in use');
is($c->sql('pg1', q(SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND state LIKE 'idle in%')), 0, 'nor in a transaction');
$_->terminate for $good, $server;
$t->stop;
done_testing();
