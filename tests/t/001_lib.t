# The test library itself, against bare PostgreSQL: no tanist. If this fails, mistrust the other tests.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Wire;
use Relay;
use TestEnv qw(poll_until);
use Test::More;
use Time::HiRes qw(time);

isnt($>, 0, 'tests do not run as root');

my $c = TanistCluster->new(replicas => 2);
is($c->name_of($c->primary), 'pg1', 'pg1 is the primary');
is(join(' ', map { $c->name_of($_) } $c->replicas), 'pg2 pg3', 'pg2 and pg3 are replicas');
is($c->sql('pg1', 'SELECT count(*) FROM pg_replication_slots WHERE active'), '2', 'each replica uses its slot');
my $port = $c->node('pg1')->port;

# Replication and its pause.
$c->sql('pg1', 'CREATE TABLE t (a int); GRANT ALL ON t TO app');
$c->wait_catchup;
$c->pause_replay('pg2');
$c->sql('pg1', 'INSERT INTO t VALUES (1)');
ok($c->poll_sql('pg3', 'SELECT count(*) = 1 FROM t'), 'pg3 replays');
is($c->sql('pg2', 'SELECT count(*) FROM t'), '0', 'pg2 is paused');
$c->resume_replay('pg2');
$c->wait_catchup;
is($c->sql('pg2', 'SELECT count(*) FROM t'), '1', 'pg2 goes on');

# The byte-level client.
my %login = (port => $port, user => 'app', database => 'postgres', password => 'app-secret');
my $w = Wire->connect(%login);
ok($w->{auth}{10} && $w->{auth}{12}, 'SCRAM with the server signature checked');
is($w->{status}, 'I', 'idle after login');
ok($w->{backend_pid} > 0 && length $w->{secret} == 4, 'a cancel key');
is($w->value('SELECT 40 + 2'), '42', 'simple query');
my $r = $w->query('SELECT 1; SELECT 2 AS b; INSERT INTO t VALUES (7)');
is_deeply($r->{rows}, [ [1], [2] ], 'rows of several statements');
is_deeply($r->{tags}, [ 'SELECT 1', 'SELECT 1', 'INSERT 0 1' ], 'their tags');
is($w->query('SELECT 1/0')->{error}{C}, '22012', 'an error has its SQLSTATE');
is_deeply($w->extended('SELECT $1::int + 1, $2::text', 41, undef)->{rows}, [ [ 42, undef ] ], 'extended query');
$w->query('BEGIN');
is($w->{status}, 'T', 'in a transaction');
$w->send_message('Q', Wire::cstr('SELECT pg_sleep(600)'));
ok($c->poll_sql('pg1', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep')), 'a query sleeps');
ok($w->cancel, 'the cancel connection closes');
is($w->result->{error}{C}, '57014', 'the query was cancelled');
is(Wire->connect(%login, password => 'wrong', fail_ok => 1)->{error}{C}, '28P01', 'a wrong password is an error');
is(Wire->open('127.0.0.1', $port)->negotiate(Wire::SSL_REQUEST), 'N', 'SSLRequest is answered');
my $raw = Wire->open('127.0.0.1', $port);
$raw->send_raw(pack 'NN', 7, 0);
ok($raw->closed_in(10), 'a malformed startup packet ends the connection');
$w->terminate;

# The relay.
my $relay = Relay->new(port => $port);
my $via = Wire->connect(%login, port => $relay->port);
is($via->value('SELECT 1'), '1', 'through the relay');
is($relay->connections, 1, 'the relay counts connections');
$relay->set(delay => 0.15);
my $t0 = time;
$via->value('SELECT 1');
cmp_ok(time - $t0, '>=', 0.3, 'delay applies both ways');
$relay->set(delay => 0, mode => 'drop', way => 's2c');
eval { $via->value('SELECT 1', 0.3) };
like($@, qr/timed out/, 'a dropped answer never comes');
$relay->set(mode => 'pass');
my $big = Wire->connect(%login, port => $relay->port);
is(length $big->value("SELECT repeat('x', 3000000)"), 3000000, 'a large answer');
$relay->set(mode => 'stall');
$big->send_message('Q', Wire::cstr('SELECT 1'));
ok($big->silent_for(0.2), 'a stalled relay passes nothing');
$relay->set(mode => 'pass');
is($big->result->{rows}[0][0], '1', 'and goes on with what was held');
$relay->set(mode => 'reset');
ok($big->closed_in(5) && $via->closed_in(5), 'reset ends all connections');
$relay->set(mode => 'refuse');
ok(!eval { Wire->open('127.0.0.1', $relay->port) }, 'refuse: nobody listens');
$relay->set(mode => 'pass');
is(Wire->connect(%login, port => $relay->port)->value('SELECT 1'), '1', 'and again somebody does');
$relay->stop;

# A frozen node keeps its sockets and does not answer.
my $s = Wire->connect(%login);
$c->freeze('pg1');
$s->send_message('Q', Wire::cstr('SELECT 1'));
ok($s->silent_for(0.3), 'a frozen node does not answer');
$c->thaw('pg1');
is($s->result->{rows}[0][0], '1', 'a thawed node does');

# A crash, a promotion by hand, a return.
$c->kill9('pg1');
ok($s->closed_in(10), 'backends end after their postmaster was killed');
$c->promote('pg2');
ok($c->poll_sql('pg2', 'SELECT NOT pg_is_in_recovery()'), 'pg2 is promoted');
is($c->name_of($c->primary), 'pg2', 'pg2 is the primary');
$c->start('pg1');
is($c->sql('pg1', 'SELECT pg_is_in_recovery()'), 'f', 'the old primary came back as one');
$c->stop('pg1');
is($c->add_replica, 'pg4', 'a replica of the new primary');
$c->wait_streaming(1);

# Log lines.
my $e = Tanist::parse_line('ts=2026-11-21T10:00:00.123Z level=info event=a.b.c node=pg2 msg="it said \"no\" \\\\ twice"');
is($e->{event}, 'a.b.c', 'logfmt: token');
is($e->{msg}, 'it said "no" \\ twice', 'logfmt: quoted value');

done_testing();
