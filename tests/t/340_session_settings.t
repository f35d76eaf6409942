# SET, SHOW and RESET of tanist.*, and the floor as a token between sessions.
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
CREATE TABLE kv (k int PRIMARY KEY, v int);
INSERT INTO kv VALUES (1, 0);
CREATE FUNCTION here() RETURNS int STABLE LANGUAGE sql AS 'SELECT inet_server_port()';
GRANT ALL ON kv TO app;
SQL
$c->wait_catchup;
my %name = map { $c->node($_)->port => $_ } $c->names;
my $t = Tanist->new(
    cluster  => $c,
    settings => {
        routing           => { max_lag  => '0', max_lag_bytes => '0', freshness_wait => '100ms' },
        'pool app.other'  => { consistency => 'primary' },
    });
$t->start;
my $w = $t->wire;
sub node { my ($s) = @_; return $name{ ($s // $w)->value('SELECT here()') } }
ok(poll_until(sub { node() eq 'pg2' }), 'reads are on the replica');

# ---- Simple protocol ----

is($w->value('SHOW tanist.node'), 'pg2', 'tanist.node: where the last statement ran');
is($w->value('SHOW tanist.consistency'), 'session', 'the level as configured');
is($w->value('SHOW tanist.route'), 'auto', 'the route as configured');
my $r = $w->query(q(SET tanist.consistency = 'primary'));
is_deeply($r->{tags}, ['SET'], 'SET is answered');
is($w->value('SHOW tanist.consistency'), 'primary', 'and in force');
is(node(), 'pg1', 'level primary: reads go there');
is($w->value('SHOW tanist.node'), 'pg1', 'and tanist.node says so');
is_deeply($w->query('RESET tanist.consistency')->{tags}, ['RESET'], 'RESET');
ok(poll_until(sub { node() eq 'pg2' }), 'back on the replica');
$w->query('SET tanist.route TO primary');
is(node(), 'pg1', 'route primary');
$w->query('SET tanist.route TO replica');
is(node(), 'pg2', 'route replica');
is($w->query('INSERT INTO kv VALUES (2, 0)')->{error}{C}, '25006', 'where writes are refused');
$w->query('SET tanist.route TO DEFAULT');
$w->query("SET tanist.max_lag = '1min'");
is($w->value('SHOW tanist.max_lag'), '60000ms', 'a bound');
$w->query('DISCARD ALL');
is($w->value('SHOW tanist.max_lag'), '0ms', 'DISCARD ALL resets them');
my %bad = (
    q(SET tanist.consistency = 'strong')  => '22023',
    q(SET tanist.route = sideways)        => '22023',
    q(SET tanist.max_lag = '1 fortnight') => '22023',
    q(SET tanist.floor = 'x')             => '22023',
    q(SET tanist.node = 'pg1')            => '42704',
    q(SHOW tanist.colour)                 => '42704',
    q(SET LOCAL tanist.route = primary)   => '0A000',
    q(SET tanist.route primary)           => '42601',
);
is($w->query($_)->{error}{C}, $bad{$_}, "$_ is $bad{$_}") for sort keys %bad;
is($w->{status}, 'I', 'the session goes on');

# Within a transaction, also a failed one.
$w->query('BEGIN');
$w->query('UPDATE kv SET v = 1 WHERE k = 1');
is($w->value('SHOW tanist.node'), 'pg1', 'in a transaction: of the last that is over, DISCARD ALL');
is($w->{status}, 'T', 'and it goes on');
$w->query('SELECT 1/0');
is($w->query('SHOW tanist.node')->{error}{C}, '25P02', 'a failed transaction refuses it');
is($w->{status}, 'E', 'and stays failed');
$w->query('ROLLBACK');

# ---- Extended protocol ----

$r = $w->extended('SHOW tanist.consistency');
is_deeply($r->{rows}, [ ['session'] ], 'SHOW by the extended protocol') or diag(explain($r));
$r = $w->extended(q(SET tanist.consistency TO 'global'));
is_deeply($r->{tags}, ['SET'], 'SET by the extended protocol');
is($w->extended('SHOW tanist.consistency')->{rows}[0][0], 'global', 'is in force');
is($w->extended(q(SET tanist.consistency TO 'x'))->{error}{C}, '22023', 'an error');
is($w->value('SELECT 7'), '7', 'and the session goes on');
$w->query('RESET tanist.consistency');

# ---- Rules of a user ----

my $other = $t->wire('app', user => 'other');
is($other->value('SHOW tanist.consistency'), 'primary', '[pool app.other] has a level of its own');
is(node($other), 'pg1', 'which is in force');
$other->terminate;

# ---- The floor ----

my $reader = $t->wire;
ok(poll_until(sub { node($reader) eq 'pg2' }), 'another session reads on the replica');
is(node($reader), 'pg2', 'and again');
# What a session saw by a connection of which nothing is known yet is bounded by the primary's position: the replica gets there.
$c->wait_catchup;
$c->pause_replay('pg2');
$w->query('UPDATE kv SET v = 42 WHERE k = 1');
my $floor = $w->value('SHOW tanist.floor');
like($floor, qr{^1/[0-9A-F]+/[0-9A-F]+$}, 'a session that wrote has a floor');
is($reader->value('SELECT v FROM kv WHERE k = 1'), '0', 'the other session has none so high');
is($reader->value('SHOW tanist.node'), 'pg2', 'and reads on the replica that is behind');
is_deeply($reader->query("SET tanist.floor = '$floor'")->{tags}, ['SET'], 'until it takes over the token');
is($reader->value('SELECT v FROM kv WHERE k = 1'), '42', 'then it sees what the other one wrote');
is($reader->value('SHOW tanist.node'), 'pg1', 'on the primary');
my $waits = $t->wire;
$waits->query("SET tanist.floor = '$floor'");
$c->resume_replay('pg2');
ok(poll_until(sub { node($reader) eq 'pg2' }), 'and on the replica when that has it');
is($waits->value('SELECT v FROM kv WHERE k = 1'), '42', 'whoever took over the token sees it');

$t->stop;
done_testing();
