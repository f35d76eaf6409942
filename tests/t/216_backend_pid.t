# backend_pid = server: the pid that a client is told is the one of the server it runs on, while there are enough.
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
$c->sql('pg1', 'CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1), (2); GRANT ALL ON t TO app', 'app');
my $t = Tanist->new(
    cluster  => $c,
    settings => { tanist => { workers => 3 }, 'pool *' => { pool_size => 4, backend_pid => 'server' } });
$t->start;

sub pid_now { my ($w) = @_; return $w->value('SELECT pg_backend_pid()') }
sub send_query { my ($w, $sql) = @_; $w->send_message('Q', Wire::cstr($sql)) }

# ---- Told and real ----

my @w = map { $t->wire } 1 .. 4;
is(pid_now($_), $_->{backend_pid}, 'a session runs on the server it was told') for @w;
my %pids = map { $_->{backend_pid} => 1 } @w;
is(scalar keys %pids, 4, 'each on its own');
for my $round (1 .. 3) {
    my @got = map { pid_now($_) } reverse @w;
    is("@got", join(' ', map { $_->{backend_pid} } reverse @w), "and again, in another order ($round)");
}
is($w[0]->value('SELECT a FROM t WHERE a = 1'), 1, 'reads go where they go');

# ---- What pids are for ----

$w[0]->query('BEGIN');
$w[0]->query('UPDATE t SET a = 10 WHERE a = 1');
send_query($w[1], 'UPDATE t SET a = 11 WHERE a = 1');
ok(poll_until(sub { $w[2]->value("SELECT pg_blocking_pids($w[1]{backend_pid})") eq "{$w[0]{backend_pid}}" }),
    'pg_blocking_pids tells who waits for whom');
ok($w[1]->cancel, 'a cancel request with a real pid');
is($w[1]->result->{error}{C}, '57014', 'cancels');
is($w[2]->value("SELECT pg_cancel_backend($w[1]{backend_pid})"), 't', 'pg_cancel_backend knows the pid');
$w[0]->query('ROLLBACK');
my $wrong = bless { %{ $w[1] }, secret => "\1\2\3\4" }, 'Wire';
send_query($w[1], 'INSERT INTO t SELECT 5 FROM (SELECT pg_sleep(600)) s');
ok($c->poll_sql('pg1', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), 'a query sleeps');
ok($wrong->cancel, 'a cancel request with a wrong secret');
ok($w[1]->silent_for(0.2), 'does nothing');
$w[1]->cancel;
is($w[1]->result->{error}{C}, '57014', 'the right one does');

$w[3]->query('LISTEN ch');
$w[2]->query("NOTIFY ch, 'x'");
my ($m) = reverse $w[3]->read_until('A');
is(unpack('N', $m->[1]), $w[2]{backend_pid}, 'a notification comes from the pid that its sender was told');
$w[3]->query('UNLISTEN *');

# ---- More sessions than servers ----

my $more = $t->wire;
cmp_ok($more->{backend_pid}, '>=', 2**24, 'one session more gets a number that no process has');
is($more->value('INSERT INTO t VALUES (20) RETURNING a'), 20, 'and runs on a server that is free');
is($w[2]->value("SELECT pg_terminate_backend($more->{backend_pid})"), 'f', 'nobody is hit by that number');
is($w[$_]->value('SELECT 1 FROM t LIMIT 1'), 1, "session $_ goes on") for 0 .. 3;
send_query($more, 'INSERT INTO t SELECT 5 FROM (SELECT pg_sleep(600)) s');
ok($c->poll_sql('pg1', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), 'its query sleeps');
is($_->query('DELETE FROM t WHERE a = 99')->{tags}[0], 'DELETE 0', 'the others still work') for @w;
$more->cancel;
is($more->result->{error}{C}, '57014', 'and it is cancelled by its number');
$more->terminate;

# ---- Ends ----

my $victim = $t->wire;
$_->terminate for @w;
@w = ();
ok(poll_until(sub {
    my $w = $t->wire;
    my $good = $w->{backend_pid} < 2**24 && pid_now($w) == $w->{backend_pid};
    $w->terminate;
    return $good;
}), 'homes of sessions that ended are given again');
my ($a, $b) = map { $t->wire } 1 .. 2;
is($b->value("SELECT pg_terminate_backend($a->{backend_pid})"), 't', 'a home is terminated');
ok(poll_until(sub { my $r = $a->query('SELECT 1 FROM t LIMIT 1 FOR UPDATE'); !$r->{error} }), 'its session goes on elsewhere');
$a->query('CREATE TEMP TABLE tmp (a int)');
my $now = pid_now($a);
is($b->value("SELECT pg_terminate_backend($now)"), 't', 'the server of a pinned session is terminated');
ok($c->poll_sql('pg1', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $now"), 'and is gone');
ok($a->closed_in(30), 'so is the session');
like($a->{in}, qr/FATAL.*57P01.*terminating connection due to administrator command/s, 'with what the server said');
$_->terminate for $victim, $b;

# ---- Other modes ----

$t->set('pool *', backend_pid => 'server', pool_mode => 'session');
my ($rc, $out, $err) = $t->reload;
is($rc, 0, 'reload with session pooling') or diag($err);
my $s = $t->wire;
is(pid_now($s), $s->{backend_pid}, 'the pid is real in session pooling, too');
$s->terminate;
$t->set('pool *', backend_pid => 'virtual', pool_mode => 'transaction');
$t->reload;
my $v = $t->wire;
cmp_ok($v->{backend_pid}, '>=', 2**24, 'by default the number is that of no process');
$v->terminate;
$t->stop;
done_testing();
