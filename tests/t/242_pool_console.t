# PAUSE, RESUME, RECONNECT, WAIT_CLOSE, DISABLE, ENABLE, KILL, KILL_CLIENT; on idle pools, under load, and against nodes that
# stand still.
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
$c->sql('pg1', 'CREATE DATABASE second OWNER app');
$c->sql('pg1', 'CREATE TABLE t (a int, b text); GRANT ALL ON t TO app, other', 'app');
$c->wait_catchup;
my $t = Tanist->new(
    cluster  => $c,
    settings => {
        tanist       => { workers => 3 },
        failover     => { mode => 'manual' },
        'pool *'     => { pool_size => 4 },
        'pool *.other' => { pool_mode => 'session', pool_size => 4 },
    });
$t->start;

sub send_query { my ($w, $sql) = @_; $w->send_message('Q', Wire::cstr($sql)) }
sub servers { my ($where) = @_; return join '+', map { $c->sql($_, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename IN ('app', 'other') AND $where") } $c->names }
sub row { my ($what, %k) = @_; my ($r) = grep { my $r = $_; !grep { $r->{$_} ne $k{$_} } keys %k } $t->console("SHOW $what"); return $r }
sub console { return $t->wire('tanist', user => 'tanist') }
my $admin = console();
sub order { my ($sql) = @_; return $admin->query($sql) }
sub ordered { my ($sql) = @_; my $r = order($sql); is($r->{error} ? "$r->{error}{C} $r->{error}{M}" : $r->{tags}[0], (split ' ', $sql)[0], $sql) }
sub refused { my ($sql, $code, $like) = @_; my $r = order($sql); is($r->{error}{C}, $code, "$sql is refused: $code"); like($r->{error}{M} // '', $like, 'and says why') }
sub answered { my ($w) = @_; return IO::Select->new($w->{socket})->can_read(0) }
my $write = 'INSERT INTO t VALUES (1) RETURNING pg_backend_pid()';

# ---- PAUSE and RESUME of a database ----

my @w = map { $t->wire } 1 .. 6;
my $second = $t->wire('second');
$second->value('SELECT 1 FROM txid_current()');
$_->query($write) for @w;
isnt(servers(q(datname = 'app')), '0+0', 'servers of the database');
ordered('PAUSE app');
is(servers(q(datname = 'app')), '0+0', 'PAUSE app: none is left when it answers');
isnt(servers(q(datname = 'second')), '0+0', 'another database keeps its own');
is(row('DATABASES', name => 'app')->{paused}, 1, 'SHOW DATABASES: paused');
is(row('DATABASES', name => 'second')->{paused}, 0, 'and the other one is not');
is(row('STATE', key => 'paused')->{value}, 'no', 'SHOW STATE speaks of all');
send_query($_, $write) for @w;
ok(poll_until(sub { 6 == grep { $_->{state} eq 'waiting' } $t->console('SHOW CLIENTS') }), 'queries wait');
is((grep { $_->{state} eq 'waiting' } $t->console('SHOW CLIENTS'))[0]{waits_for}, 'paused', 'SHOW CLIENTS says for what');
is($second->value('SELECT 2'), 2, 'the other database works');
my $late = $t->wire;
is($late->{status}, 'I', 'new clients get in');
refused('PAUSE app', '55000', qr/paused already/);
ordered('RESUME app');
is(scalar(grep { !$_->result->{error} } @w), 6, 'RESUME app: all queries are answered');
refused('RESUME app', '55000', qr/not paused/);
refused('RESUME', '55000', qr/not paused/);
refused('PAUSE tanist', '22023', qr/console/);
refused('PAUSE app extra', '42601', qr/syntax error/);

# It waits for transactions, and for whoever waits there it is over with RESUME.
$w[0]->query("BEGIN; $write");
my $pauser = console();
send_query($pauser, 'PAUSE app');
ok(poll_until(sub { row('DATABASES', name => 'app')->{paused} }), 'PAUSE app while a transaction is open');
is($w[0]->query($write)->{error}, undef, 'the transaction goes on');
ok(!answered($pauser), 'and PAUSE waits for it');
send_query($w[1], $write);
ok(poll_until(sub { grep { $_->{state} eq 'waiting' } $t->console('SHOW CLIENTS') }), 'others wait');
$w[0]->query('COMMIT');
is($pauser->result->{tags}[0], 'PAUSE', 'with the COMMIT it is done');
ok(!answered($w[1]), 'and others still wait');
ordered('RESUME app');
is($w[1]->result->{error}, undef, 'until RESUME');
$w[0]->query("BEGIN; $write");
send_query($pauser, 'PAUSE app');
ok(poll_until(sub { row('DATABASES', name => 'app')->{paused} }), 'PAUSE again');
ordered('RESUME app');
is($pauser->result->{error}{C}, '55000', 'RESUME ends a PAUSE that waits');
$w[0]->query('COMMIT');
# A session that keeps its server.
my $s = $t->wire('app', user => 'other');
my $pid = $s->value('SELECT pg_backend_pid()');
send_query($pauser, 'PAUSE app');
ok(poll_until(sub { row('DATABASES', name => 'app')->{paused} }), 'PAUSE beside a session that keeps its server');
is($s->value('SELECT pg_backend_pid()'), $pid, 'which goes on');
ok(!answered($pauser), 'PAUSE waits for it');
$s->terminate;
is($pauser->result->{tags}[0], 'PAUSE', 'until it leaves');
ordered('RESUME app');

# ---- All databases; the command line ----

my ($rc, $out, $err) = $t->cli('pause');
is($rc, 0, 'tanist pause') or diag($err);
is(servers('true'), '0+0', 'nobody has a server');
is(row('STATE', key => 'paused')->{value}, 'yes', 'SHOW STATE: paused');
send_query($_, $write) for @w;
send_query($second, 'SELECT 3');
my $new = fork() // die;
if ($new == 0) { my $w = eval { $t->wire('second', user => 'other') }; POSIX::_exit($w && $w->value('SELECT 4') == 4 ? 0 : 1) }
ok(poll_until(sub { 7 <= grep { $_->{state} eq 'waiting' } $t->console('SHOW CLIENTS') }), 'all wait, those of new users and databases, too');
is(servers('true'), '0+0', 'and nobody logs in');
($rc) = $t->cli('pause');
is($rc, 4, 'a second tanist pause is refused');
($rc, $out, $err) = $t->cli('resume');
is($rc, 0, 'tanist resume') or diag($err);
is(scalar(grep { !$_->result->{error} } @w), 6, 'all go on');
is($second->result->{rows}[0][0], 3, 'in the other database, too');
waitpid $new, 0;
is($?, 0, 'and the new one is served');
($rc) = $t->cli('pause', 'app');
is($rc, 0, 'tanist pause app');
is(row('DATABASES', name => 'app')->{paused}, 1, 'paused');
# query_wait_timeout holds meanwhile.
$t->set('pool *', query_wait_timeout => '200ms', query_wait_notify => '50ms');
is(($t->reload)[0], 0, 'reload');
send_query($w[0], $write);
my $r = $w[0]->result;
is($r->{error}{C}, '53300', 'query_wait_timeout goes on');
like($r->{error}{M}, qr/is paused/, 'and says that it is paused');
like($w[0]{notices}[-1]{M}, qr/is paused/, 'as the NOTICE did');
$t->set('pool *', query_wait_timeout => undef, query_wait_notify => undef);
is(($t->reload)[0], 0, 'reload');
($rc) = $t->cli('resume', 'app');
is($rc, 0, 'tanist resume app');

# ---- RECONNECT and WAIT_CLOSE ----

my %old = map { $_->value('SELECT pg_backend_pid() FROM txid_current()') => 1 } @w;
ordered('WAIT_CLOSE');
$w[0]->query("BEGIN; $write");
my $kept = $w[0]->value('SELECT pg_backend_pid()');
ordered('RECONNECT app');
ok(poll_until(sub { servers(qq(datname = 'app' AND pid <> $kept AND pid IN (@{[join ',', keys %old]}))) =~ /^0\+/ }), 'RECONNECT: idle servers are closed');
my %new = map { $_->value('SELECT pg_backend_pid() FROM txid_current()') => 1 } @w[ 1 .. 5 ];
is(scalar(grep { $old{$_} && $_ != $kept } keys %new), 0, 'new ones are made');
is(scalar(grep { $_->{close_needed} } $t->console('SHOW SERVERS')), 1, 'SHOW SERVERS: close_needed');
my $waiter = console();
send_query($waiter, 'WAIT_CLOSE app');
my $waiter2 = console();
is($waiter2->query('WAIT_CLOSE second')->{tags}[0], 'WAIT_CLOSE', 'WAIT_CLOSE of another database does not wait');
is($w[0]->value('SELECT pg_backend_pid()'), $kept, 'a transaction keeps its server');
ok(!answered($waiter), 'WAIT_CLOSE waits for it');
$w[0]->query('COMMIT');
is($waiter->result->{tags}[0], 'WAIT_CLOSE', 'and is done with the COMMIT');
isnt($w[0]->value('SELECT pg_backend_pid() FROM txid_current()'), $kept, 'whose server is not used again');
$_->terminate for $waiter, $waiter2;

# ---- DISABLE and ENABLE ----

refused('DISABLE', '42601', qr/database is missing/);
ordered('DISABLE app');
is(row('DATABASES', name => 'app')->{disabled}, 1, 'SHOW DATABASES: disabled');
my $no = $t->wire('app', fail_ok => 1);
like("$no->{error}{S} $no->{error}{M}", qr/^FATAL .*disabled/, 'new clients are refused');
is($w[0]->value('SELECT 1'), 1, 'those that are in go on');
$t->wire('second')->terminate;
ordered('ENABLE app');
$t->wire('app')->terminate;
is(row('DATABASES', name => 'app')->{disabled}, 0, 'ENABLE app');

# ---- KILL_CLIENT and KILL ----

$w[0]->query("BEGIN; $write");
$kept = $w[0]->value('SELECT pg_backend_pid()');
my %id = map { $_->{id} => 1 } $t->console('SHOW CLIENTS');
is(scalar(keys %id), scalar(my @all = $t->console('SHOW CLIENTS')) - 1 + 1, 'ids of clients are unique');
my ($cl) = grep { $_->{state} eq 'active' && $_->{database} eq 'app' } @all;
ordered("KILL_CLIENT $cl->{id}");
$r = $w[0]->result;
is($r->{error}{C}, '57P01', 'KILL_CLIENT: 57P01');
ok($r->{closed}, 'and the connection ends');
ok($c->poll_sql('pg1', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $kept"), 'its server, too');
refused("KILL_CLIENT $cl->{id}", '22023', qr/no client/);
refused('KILL_CLIENT', '42601', qr/missing/);
refused('KILL_CLIENT x', '42601', qr/not the id/);
$w[0] = $t->wire;
$w[0]->query("BEGIN; $write");
send_query($w[1], "INSERT INTO t SELECT 2 FROM (SELECT pg_sleep(600)) x");
ok($c->poll_sql('pg1', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep')), 'a query runs');
ordered('KILL app');
ok($c->poll_sql('pg1', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep')), 'what ran is cancelled');
for my $i (0 .. 5) { $r = $w[$i]->result; is($r->{error}{C}, '57P01', "KILL app: client $i") ; ok($r->{closed}, 'is gone') }
is(row('DATABASES', name => 'app')->{paused}, 1, 'and the database is paused');
is($second->value('SELECT 5'), 5, 'others do not notice');
$w[0] = $t->wire;
send_query($w[0], $write);
ok(poll_until(sub { grep { $_->{state} eq 'waiting' } $t->console('SHOW CLIENTS') }), 'who comes now waits');
ordered('RESUME app');
is($w[0]->result->{error}, undef, 'until RESUME');
ordered('KILL');
ok($second->closed_in(30), 'KILL: all databases');
is($admin->query('SHOW STATE')->{rows}[1][1], 'yes', 'but not the console');
ordered('RESUME');

# ---- Rights ----

my $look = $t->wire('tanist', user => 'app');
is($look->query($_)->{error}{C}, '42501', "a stats user may not $_") for 'PAUSE', 'KILL app', 'KILL_CLIENT 1', 'WAIT_CLOSE';
$look->terminate;

# ---- Under load: nothing is lost, nothing is done twice ----

$c->sql('pg1', 'TRUNCATE t', 'app');
my @children;
for my $i (1 .. 8) {
    my $pid = fork() // die "fork: $!";
    if ($pid == 0) {
        my $w = eval { $t->wire('app') } or POSIX::_exit(1);
        for my $k (1 .. 150) {
            my $r = $k % 3 ? $w->query("INSERT INTO t VALUES ($i, '$k')") : $w->query("BEGIN; INSERT INTO t VALUES ($i, '$k'); COMMIT");
            POSIX::_exit(2) if $r->{error} || $r->{closed};
            $r = $w->query('SELECT 1');
            POSIX::_exit(3) if $r->{error} || $r->{rows}[0][0] ne '1';
        }
        POSIX::_exit(0);
    }
    push @children, $pid;
}
for my $round (1 .. 12) {
    $r = order('PAUSE app');
    is($r->{error}, undef, "PAUSE app under load, round $round") or last;
    is(servers(q(datname = 'app')), '0+0', 'no server is left') if $round % 4 == 0;
    order('RESUME app');
    order('RECONNECT');
    order('WAIT_CLOSE') if $round % 3 == 0;
}
my @status = map { waitpid $_, 0; $? } @children;
is(join(',', @status), join(',', (0) x 8), 'no client saw any of it');
is($c->sql('pg1', 'SELECT count(*), count(DISTINCT (a, b)) FROM t', 'app'), '1200|1200', 'every row is there once');

# ---- A node that stands still while clients wait ----

@w = map { $t->wire } 1 .. 3;
$_->value('SELECT 1') for @w;
ordered('RECONNECT');
$c->freeze('pg2');
is(join(',', map { $_->value('SELECT 1') } @w), '1,1,1', 'reads go on while a replica stands still');
$c->thaw('pg2');
my $p = console();    # before: the node is asked for passwords
$c->freeze('pg1');
send_query($w[0], $write);
send_query($p, 'PAUSE app');
ok(poll_until(sub {
            my $r = $admin->query('SHOW DATABASES');
            my ($at) = grep { $r->{names}[$_] eq 'paused' } 0 .. $#{ $r->{names} };
            grep { $_->[0] eq 'app' && $_->[$at] } @{ $r->{rows} };
        }), 'PAUSE while the primary stands still');
$c->thaw('pg1');
$r = $p->result;
is($r->{tags}[0], 'PAUSE', 'is done when it goes on');
ordered('RESUME app');
$r = $w[0]->result;
ok(!$r->{error} || $r->{error}{C} =~ /^(?:08007|40001)$/, 'and the query is answered') or diag(explain($r->{error}));

# ---- The daemon ends while a PAUSE waits ----

$w[1]->query("BEGIN; $write");
send_query($p, 'PAUSE');
ok(poll_until(sub { row('STATE', key => 'paused')->{value} eq 'yes' }), 'a PAUSE that waits');
$t->stop;
ok($p->closed_in(30), 'does not keep the daemon');
done_testing();
