# Where statements go: reads to the replicas, everything else to the primary, and nobody sees the past after his own write.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Wire;
use TestEnv qw(poll_until);
use PostgreSQL::Test::Cluster;
use Test::More;

my $c = TanistCluster->new(replicas => 2);
# here() is declared STABLE: a call of it is a read. Its answer is the port of the node that ran it.
$c->sql('pg1', <<'SQL', 'app');
CREATE FUNCTION here() RETURNS int LANGUAGE sql STABLE AS 'SELECT inet_server_port()';
CREATE FUNCTION here_volatile() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT inet_server_port()';
CREATE TABLE t (a int PRIMARY KEY, b text);
CREATE TABLE log (a int);
CREATE SEQUENCE s;
CREATE VIEW quiet AS SELECT here() AS port;
CREATE VIEW loud AS SELECT here_volatile() AS port;
CREATE FUNCTION writes(i int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$
  BEGIN INSERT INTO log VALUES (i); RETURN inet_server_port(); END $$;
-- All write, and say that they do not. Nobody can see it in the first.
CREATE FUNCTION liar(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
  DECLARE r int; BEGIN EXECUTE 'SELECT wri' || 'tes($1)' INTO r USING i; RETURN r; END $$;
CREATE FUNCTION liar_seen(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
  BEGIN RETURN writes(i); END $$;
CREATE FUNCTION liar_atomic(i int) RETURNS int LANGUAGE sql STABLE BEGIN ATOMIC SELECT liar_seen(i); END;
CREATE FUNCTION liar2(i int) RETURNS int LANGUAGE sql STABLE AS 'SELECT here() + 0 * nextval(''s'')::int';
CREATE FUNCTION knocks() RETURNS int LANGUAGE sql STABLE AS 'SELECT here()';
GRANT ALL ON ALL TABLES IN SCHEMA public TO app; GRANT ALL ON s TO app; GRANT CREATE ON SCHEMA public TO app;
INSERT INTO t SELECT i, 'x' FROM generate_series(1, 100) i;
SQL
$c->wait_catchup;
my %port = map { $_ => $c->node($_)->port } $c->names;
my %name = reverse %port;
my ($to_primary, $to_replica) = map { PostgreSQL::Test::Cluster::get_free_port() } 1 .. 2;

my $t = Tanist->new(
    cluster  => $c,
    settings => {
        'listen primary' => { address => '127.0.0.1', port => $to_primary, route => 'primary' },
        'listen replica' => { address => '127.0.0.1', port => $to_replica, route => 'replica' },
        routing          => { max_lag => 'off', max_lag_bytes => 0, consistency => 'session' },
    });
$t->start;

# How many connections a freshly known catalog needs: the functions above are known when here() goes to a replica.
my $w = $t->wire;
ok(poll_until(sub { $name{ $w->value('SELECT here()') } ne 'pg1' }), 'the catalog is loaded: reads go to replicas');

# The node that answers, simple and extended.
sub node_of
{
    my ($w, $sql) = @_;
    my $r = $w->query($sql);
    return "error $r->{error}{C} $r->{error}{M}" if $r->{error};
    return $name{ $r->{rows}[0][0] } // "unknown $r->{rows}[0][0]";
}

sub node_of_extended
{
    my ($w, $sql) = @_;
    my $r = $w->extended($sql);
    return "error $r->{error}{C} $r->{error}{M}" if $r->{error};
    return $name{ $r->{rows}[0][0] } // "unknown $r->{rows}[0][0]";
}

sub replica { return $_[0] =~ /^pg[23]$/ ? 'a replica' : $_[0] }

my @reads = (
    'SELECT here()', 'select here() from t limit 1', '/* a comment */ SELECT here()', 'WITH x AS (SELECT here() AS p) SELECT p FROM x',
    'VALUES (here())', 'SELECT port FROM quiet', 'TABLE quiet', '(SELECT here())', 'SELECT here() UNION ALL SELECT 1 WHERE false',
    q(SELECT here() WHERE 'FOR UPDATE' <> 'insert into'), 'SELECT here(), now(), version(), random()', 'SELECT $q$;$q$, here()' =~ s/^SELECT (.*), (.*)$/SELECT $2, $1/r,
    'SELECT here() FROM t WHERE a = (SELECT max(a) FROM t)', 'SELECT "here"()', 'SELECT public.here()');
is(replica(node_of($w, $_)), 'a replica', "read: $_") for @reads;
is(replica(node_of_extended($w, $_)), 'a replica', "read, extended: $_") for @reads;
my $r = $w->query('EXPLAIN SELECT here()');
ok(!$r->{error}, 'EXPLAIN of a read');
$r = $w->query('COPY (SELECT here()) TO STDOUT');
is(replica($name{ $r->{copy} =~ s/\s//gr }), 'a replica', 'COPY of a read goes to a replica');

my @writes = (
    'SELECT here() FOR UPDATE' =~ s/FOR/FROM t WHERE a = 1 FOR/r, 'SELECT here() FROM t WHERE a = 1 FOR NO KEY UPDATE', 'SELECT here() FROM t WHERE a = 1 FOR SHARE',
    'WITH x AS (UPDATE t SET b = b WHERE a = 1 RETURNING a) SELECT here() FROM x',
    'WITH x AS (INSERT INTO log VALUES (1) RETURNING a) SELECT here() FROM x', 'WITH x AS (DELETE FROM log RETURNING a) SELECT here()',
    'INSERT INTO log VALUES (1) RETURNING here()', 'UPDATE t SET b = b WHERE a = 1 RETURNING here()', q(SELECT here() + 0 * nextval('s')),
    'SELECT here_volatile()', 'SELECT port FROM loud', 'SELECT here(), pg_advisory_xact_lock(1)', 'SELECT here(), txid_current()',
    q(SELECT here(), set_config('x.y', '1', true)));
for my $sql (@writes) {
    # A session that has not written: where it goes is the statement's doing.
    my $w = $t->wire;
    is(node_of($w, $sql), 'pg1', "to the primary: $sql");
    $w->terminate;
    $w = $t->wire;
    is(node_of_extended($w, $sql), 'pg1', "to the primary, extended: $sql");
    $w->terminate;
}

# ---- Transactions ----

$w = $t->wire;
$w->query('BEGIN');
is(node_of($w, 'SELECT here()'), 'pg1', 'a read in an explicit transaction is on the primary');
$w->query('COMMIT');
for my $begin ('BEGIN READ ONLY', 'START TRANSACTION READ ONLY', 'BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY') {
    my $w = $t->wire;
    is(($w->query($begin)->{tags} // [])->[0], $begin =~ /^BEGIN/ ? 'BEGIN' : 'START TRANSACTION', $begin);
    my $first = node_of($w, 'SELECT here()');
    is(replica($first), 'a replica', "$begin: on a replica");
    is(node_of($w, 'SELECT here()'), $first, "$begin: and stays there");
    # In READ COMMITTED it begins again on the primary for what may be more than a read; a lasting snapshot stays where it is.
    is(node_of($w, 'SELECT here_volatile()'), $begin =~ /REPEATABLE/ ? $first : 'pg1', "$begin: a volatile function");
    is($w->query('INSERT INTO log VALUES (1)')->{error}{C}, '25006', "$begin: writes are refused");
    is($w->query('ROLLBACK')->{tags}[0], 'ROLLBACK', "$begin: and rolled back");
    is($w->{status}, 'I', "$begin: idle");
    $w->terminate;
}
$r = $w->query('BEGIN READ ONLY; SELECT here(); COMMIT');
is_deeply($r->{tags}, [ 'BEGIN', 'SELECT 1', 'COMMIT' ], 'a READ ONLY transaction in one message');
$r = $w->query('SELECT here(); INSERT INTO log VALUES (2); SELECT here()');
is_deeply([ map { $name{ $_->[0] } } @{ $r->{rows} } ], [ 'pg1', 'pg1' ], 'a message with one write among reads: all on the primary');
$w->terminate;
$w = $t->wire;
$w->send_raw(Wire::parse('', 'BEGIN READ ONLY') . Wire::bind('', '') . Wire::execute('') . Wire::sync());
$w->result;
is(replica(node_of_extended($w, 'SELECT here()')), 'a replica', 'BEGIN READ ONLY in the extended protocol');
$w->query('COMMIT');
$w->terminate;

# ---- Functions that come and go ----

$w = $t->wire;
$w->query(q(CREATE FUNCTION fresh() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT inet_server_port()'));
is(node_of($w, 'SELECT fresh()'), 'pg1', 'a function made a moment ago, volatile');
$w->query(q(CREATE FUNCTION fresh2() RETURNS int LANGUAGE sql STABLE AS 'SELECT inet_server_port()'));
is(replica(node_of($w, 'SELECT fresh2()')) =~ /^(?:pg1|a replica)$/ ? 1 : 0, 1, 'a stable one works at once, wherever');
my $other = $t->wire;
ok(poll_until(sub { node_of($other, 'SELECT fresh2()') ne 'pg1' }), 'and is soon known as a read to others');
is(node_of($other, 'SELECT fresh()'), 'pg1', 'the volatile one stays on the primary');
$w->query('ALTER FUNCTION fresh2() VOLATILE');
ok(poll_until(sub { node_of($other, 'SELECT fresh2()') eq 'pg1' }), 'altered to volatile: on the primary soon');
$_->terminate for $w, $other;

# ---- A function that lies ----

for my $how (\&node_of, \&node_of_extended) {
    my ($a) = $how == \&node_of ? (100) : (200);
    my $before = (map { $_->{total_retries} } grep { $_->{database} eq 'app' } $t->console('SHOW STATS'))[0];
    my $w = $t->wire;
    is($how->($w, "SELECT liar($a)"), 'pg1', 'a STABLE function that writes runs on the primary in the end');
    is($w->{status}, 'I', 'unseen by the client');
    my $after = (map { $_->{total_retries} } grep { $_->{database} eq 'app' } $t->console('SHOW STATS'))[0];
    cmp_ok($after, '>', $before, 'it ran again');
    is($how->($w, "SELECT liar($a)"), 'pg1', 'once more');
    $w->terminate;
    $w = $t->wire;
    is($how->($w, "SELECT liar($a)"), 'pg1', 'and in another session');
    $w->terminate;
    is($c->sql('pg1', "SELECT count(*) FROM log WHERE a = $a", 'app'), '3', 'each call wrote once');
}
{
    my $before = (map { $_->{total_retries} } grep { $_->{database} eq 'app' } $t->console('SHOW STATS'))[0];
    my $w = $t->wire;
    is(node_of($w, "SELECT $_(600)"), 'pg1', "$_: its body tells") for qw(liar_seen liar_atomic);
    $w->terminate;
    my $after = (map { $_->{total_retries} } grep { $_->{database} eq 'app' } $t->console('SHOW STATS'))[0];
    is($after, $before, 'so it does not have to run again');
}
$w = $t->wire;
$r = $w->query('SELECT liar2(1)');
is($name{ $r->{rows}[0][0] // 0 }, 'pg1', 'nextval inside a STABLE function') or diag(explain($r));
# After an answer was under way it is too late: the error is the replica's.
$r = $w->query('SELECT here(); SELECT liar(300)');
ok(!$r->{error}, 'the second of two statements in one message lies: both run on the primary') or diag(explain($r));
is_deeply([ map { $name{ $_->[0] } } @{ $r->{rows} } ], [ 'pg1', 'pg1' ], 'and both answers are from there');
# Named statements.
$w->terminate;
$w = $t->wire;
$w->send_raw(Wire::parse('l', 'SELECT liar($1)', 23) . Wire::sync());
$w->result;
for my $i (400 .. 403) {
    $w->send_raw(Wire::bind('', 'l', $i) . Wire::execute('') . Wire::sync());
    $r = $w->result;
    is($r->{error} ? "error $r->{error}{C}" : $name{ $r->{rows}[0][0] }, 'pg1', "a prepared liar, $i");
}
is($c->sql('pg1', 'SELECT count(*) FROM log WHERE a BETWEEN 400 AND 403', 'app'), '4', 'wrote once each');
$w->send_raw(Wire::parse('l2', 'SELECT liar($1) + 0', 23) . Wire::bind('', 'l2', 500) . Wire::execute('') . Wire::sync());
$r = $w->result;
is($r->{types}, '12DCZ', 'prepared under a name and executed in one batch, which runs again') or diag(explain($r));
is($c->sql('pg1', 'SELECT count(*) FROM log WHERE a = 500', 'app'), '1', 'wrote once');
$w->terminate;

# ---- Hints ----

$w = $t->wire;
is(node_of($w, 'SELECT /* tanist: primary */ here()'), 'pg1', 'hint: primary');
is(node_of_extended($w, 'SELECT /* tanist: primary */ here()'), 'pg1', 'the same in the extended protocol');
is(replica(node_of($w, 'SELECT here() -- a comment')), 'a replica', 'other comments are none');
$w->terminate;
for my $n ('pg2', 'pg3', 'pg1') {
    my $w = $t->wire;
    is(node_of($w, "/* tanist: node=$n */ SELECT here()"), $n, "hint: node=$n") for 1 .. 3;
    $w->terminate;
}
$w = $t->wire;
is(node_of($w, '/* tanist: node=elsewhere */ SELECT here()') =~ /^pg\d$/ ? 1 : 0, 1, 'a node that is not there is no obstacle');
is(node_of($w, '/* tanist: node=pg2 */ SELECT here_volatile()'), 'pg1', 'a hint for a node makes no read of a write');
is(replica(node_of($t->wire, '/* tanist: replica */ SELECT here_volatile()')), 'a replica', 'hint: replica, though it is volatile');
is(node_of($w, '/* tanist: replica */ INSERT INTO log VALUES (1) RETURNING here()'), 'pg1', 'but not for what surely writes');
is(node_of($w, '/* tanist: replica */ SELECT writes(700)'), 'pg1', 'what a replica refuses runs on the primary');
is($c->sql('pg1', 'SELECT count(*) FROM log WHERE a = 700', 'app'), '1', 'once');
$w->terminate;
my %route = map { $_->{reason} => $_->{count} } $t->console('SHOW ROUTES');
cmp_ok($route{hint}, '>', 10, 'SHOW ROUTES counts hints');
cmp_ok($route{'hint odd'}, '>', 0, 'and odd ones');
cmp_ok($route{learned}, '>', 0, 'and what was learned');
cmp_ok($route{'class volatile-function'}, '>', 0, 'and classes by reason');
my %ex = map { $_->{item} => $_ } $t->console('EXPLAIN ROUTE (DATABASE app) SELECT /* tanist: node=pg2 */ here_volatile()');
is($ex{class}{value}, 'unknown', 'EXPLAIN ROUTE: class');
is($ex{reason}{value}, 'volatile-function', 'reason');
is($ex{'decided by'}{value}, 'here_volatile', 'and the function that decided');
is($ex{hint}{value}, 'node=pg2', 'hint');
is($ex{route}{value}, 'pg1', 'route');
like($ex{'node pg2'}{explanation}, qr/behind/, 'with the lag of each node');

# ---- READ ONLY by the session's default ----

$w = $t->wire;
$w->query('SET default_transaction_read_only = on');
$w->query('BEGIN');
is(replica(node_of($w, 'SELECT here()')), 'a replica', 'default_transaction_read_only: BEGIN goes to a replica');
is($w->query('INSERT INTO log VALUES (1)')->{error}{C}, '25006', 'and cannot write');
$w->query('ROLLBACK');
$w->query('BEGIN READ WRITE');
is(node_of($w, 'SELECT here()'), 'pg1', 'unless it says READ WRITE');
$w->query('COMMIT');
$w->terminate;

# ---- The log of decisions ----

$t->set('tanist', log_routes => 'on');
$t->reload;
$w = $t->wire;
ok(poll_until(sub { $w->query('SELECT here_volatile()'); $t->log_text =~ /route\.chosen.*node=pg1.*class=volatile-function/ }), 'log_routes');
unlike($t->log_text, qr/here_volatile/, 'without SQL text');
$w->terminate;
$t->set('tanist', log_routes => undef);
$t->reload;

# ---- Listeners ----

$w = $t->wire('app', port => $to_primary);
is(node_of($w, 'SELECT here()'), 'pg1', 'route = primary: reads too');
$w->query('BEGIN READ ONLY');
is(node_of($w, 'SELECT here()'), 'pg1', 'route = primary: READ ONLY too');
$w->terminate;
$w = $t->wire('app', port => $to_replica);
is(replica(node_of($w, 'SELECT here()')), 'a replica', 'route = replica: reads');
is(replica(node_of($w, 'SELECT here_volatile()')), 'a replica', 'route = replica: volatile functions');
is($w->query('INSERT INTO log VALUES (1)')->{error}{C}, '25006', 'route = replica: writes are refused');
$w->query('BEGIN');
is(replica(node_of($w, 'SELECT here()')), 'a replica', 'route = replica: transactions');
$w->query('COMMIT');
$w->terminate;

# ---- Read your writes ----

$c->pause_replay($_) for 'pg2', 'pg3';
my ($wrong, $stale) = (0, 0);
for my $i (1 .. 30) {
    my $w = $t->wire;
    my $way = $i % 5;
    my $key = 1000 + $i;
    if ($way == 0) { $w->query("INSERT INTO t VALUES ($key, 'new')") }
    elsif ($way == 1) { $w->extended('INSERT INTO t VALUES ($1, $2)', $key, 'new') }
    elsif ($way == 2) { $w->query('BEGIN'); $w->query("INSERT INTO t VALUES ($key, 'new')"); $w->query('COMMIT') }
    elsif ($way == 3) { $w->query("WITH x AS (INSERT INTO t VALUES ($key, 'new') RETURNING a) SELECT a FROM x") }
    else {
        $w->query('COPY t FROM STDIN');
        $w->send_raw(Wire::message('d', "$key\tnew\n") . Wire::message('c', ''));
        $w->result;
    }
    for my $j (1 .. 3) {
        my $r = $j == 2 ? $w->extended("SELECT b FROM t WHERE a = $key") : $w->query("SELECT b FROM t WHERE a = $key");
        $wrong++ unless ($r->{rows}[0][0] // '') eq 'new';
    }
    $w->terminate;
}
is($wrong, 0, 'with replay paused everywhere, 30 sessions see their own writes at once');
my $reader = $t->wire;
is(replica(node_of($reader, 'SELECT here()')), 'a replica', 'a session that wrote nothing still reads from replicas (no lag limit here)');
is($reader->value('SELECT count(*) FROM t WHERE a > 1000'), '0', 'and sees their past');
my $writer = $t->wire;
$writer->query(q(INSERT INTO t VALUES (2000, 'x')));
is(node_of($writer, 'SELECT here()'), 'pg1', 'one that wrote reads from the primary');
$c->resume_replay($_) for 'pg2', 'pg3';
ok(poll_until(sub { node_of($writer, 'SELECT here()') ne 'pg1' }), 'and from replicas again once they have replayed it');
is($writer->value('SELECT b FROM t WHERE a = 2000'), 'x', 'which is there');
# A replica alone behind: the other one serves.
$c->wait_catchup;
$c->pause_replay('pg2');
$writer->query(q(UPDATE t SET b = 'y' WHERE a = 2000));
my %seen;
ok(poll_until(sub { $seen{ node_of($writer, 'SELECT here()') }++; $seen{pg3} }), 'the replica that has it serves the read');
is($writer->value('SELECT b FROM t WHERE a = 2000'), 'y', 'always the new value') for 1 .. 20;
ok(!$seen{pg2}, 'never the one that has not');
$c->resume_replay('pg2');
$_->terminate for $reader, $writer;

# ---- Lag ----

$t->set('routing', max_lag => '300ms', max_lag_bytes => '16MB');
is(($t->reload)[0], 0, 'reload: max_lag');
$c->wait_catchup;
$w = $t->wire;
ok(poll_until(sub { my %s; $s{ node_of($w, 'SELECT here()') }++ for 1 .. 10; $s{pg2} && $s{pg3} && !$s{pg1} }), 'both replicas serve');
$c->pause_replay('pg2');
$c->sql('pg1', 'INSERT INTO log VALUES (0)', 'app');
ok(poll_until(sub { my ($n) = grep { $_->{node} eq 'pg2' } $t->console('SHOW LAG'); $n->{eligible} eq 'f' }), 'a paused replica is taken out');
my ($lag) = grep { $_->{node} eq 'pg2' } $t->console('SHOW LAG');
like($lag->{reason}, qr/max_lag/, 'with the reason');
is($lag->{paused}, 't', 'and that it is paused');
%seen = ();
$seen{ node_of($w, 'SELECT here()') }++ for 1 .. 30;
is_deeply([ keys %seen ], ['pg3'], 'it gets no reads');
$c->pause_replay('pg3');
$c->sql('pg1', 'INSERT INTO log VALUES (0)', 'app');
ok(poll_until(sub { node_of($w, 'SELECT here()') eq 'pg1' }), 'when_no_replica = primary');
$t->set('routing', when_no_replica => 'error');
$t->reload;
ok(poll_until(sub { node_of($w, 'SELECT here()') =~ /^error 57P03/ }), 'when_no_replica = error');
is($w->{status}, 'I', 'and the session goes on');
is(node_of_extended($w, 'SELECT here()'), node_of($w, 'SELECT here()'), 'the same in the extended protocol');
is(node_of($w, 'SELECT here_volatile()'), 'pg1', 'writes are not concerned');
$w->terminate;
$t->set('routing', when_no_replica => 'wait');
$t->reload;
my $waiting = $t->wire;
ok(poll_until(
        sub {
            $waiting->send_message('Q', Wire::cstr('SELECT here()'));
            return 1 if grep { $_->{state} eq 'waiting' || $_->{waits_for} } $t->console('SHOW CLIENTS');
            $waiting->result if !$waiting->silent_for(0.05);
            return 0;
        }), 'when_no_replica = wait: it waits');
$c->resume_replay('pg2');
$r = $waiting->result;
is($name{ $r->{rows}[0][0] // 0 }, 'pg2', 'and is served when a replica is back') or diag(explain($r));
$waiting->terminate;
$c->resume_replay('pg3');
$t->set('routing', when_no_replica => 'primary');
$t->reload;
$c->wait_catchup;

# ---- Balance ----

sub spread
{
    my ($n) = @_;
    my %s;
    my $w = $t->wire;
    $s{ node_of($w, 'SELECT here()') }++ for 1 .. $n;
    $w->terminate;
    return \%s;
}
sub both_serve { return poll_until(sub { my $s = spread(20); $s->{pg2} && $s->{pg3} && !$s->{pg1} }) }
ok(both_serve(), 'both replicas serve again');
# At level session the reads of one session that follow each other closely stay on one replica; statement by statement the
# choice is free only where nothing must be known of what the session has seen.
$t->set('routing', consistency => 'eventual');
$t->set('routing', balance => 'round_robin');
$t->reload;
my $s;
ok(poll_until(sub { $s = spread(40); ($s->{pg2} // 0) == 20 && ($s->{pg3} // 0) == 20 }), 'round_robin takes turns') or diag(explain($s));
$t->set('node pg2', weight => 3);
$t->reload;
ok(poll_until(sub { $s = spread(40); ($s->{pg2} // 0) == 30 && ($s->{pg3} // 0) == 10 }), 'by weight') or diag(explain($s));
$t->set('node pg2', weight => 0);
$t->reload;
ok(poll_until(sub { $s = spread(40); ($s->{pg3} // 0) == 40 }), 'weight 0: only when no other can') or diag(explain($s));
$t->set('routing', balance => 'least_busy');
$t->reload;
ok(poll_until(sub { $s = spread(40); ($s->{pg3} // 0) == 40 }), 'weight 0 with least_busy') or diag(explain($s));
$t->set('node pg3', weight => 0);
$t->reload;
ok(poll_until(sub { $s = spread(40); ($s->{pg1} // 0) == 0 }), 'all have weight 0: they serve') or diag(explain($s));
$t->set("node $_", weight => undef) for 'pg2', 'pg3';
$t->set('routing', consistency => 'session');

# ---- Switches ----

$t->set('routing', read_write_split => 'off');
$t->reload;
ok(poll_until(sub { $s = spread(20); ($s->{pg1} // 0) == 20 }), 'read_write_split = off: all on the primary') or diag(explain($s));
$t->set('routing', read_write_split => 'on', consistency => 'primary');
$t->reload;
ok(poll_until(sub { $s = spread(20); ($s->{pg1} // 0) == 20 }), 'consistency = primary: the same') or diag(explain($s));
$t->set('routing', consistency => 'session', write_functions => 'knocks', read_functions => 'here_volatile');
is(($t->reload)[0], 0, 'reload with lists of functions');
$w = $t->wire;
ok(poll_until(sub { node_of($w, 'SELECT here_volatile()') ne 'pg1' }), 'read_functions');
is(node_of($w, 'SELECT knocks()'), 'pg1', 'write_functions');
$w->terminate;

$t->stop;
done_testing();
