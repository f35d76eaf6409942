# Prepared statements have one name space, for SQL and for the protocol, and it is the session's: whatever server it gets, and
# whoever used that one before, every message is what a private connection answers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use Compare;
use TanistCluster;
use Tanist;
use Wire;
use TestEnv qw(poll_until);
use Test::More;

$ENV{TANIST_CHECK_LABELS} = 1;
my $c = TanistCluster->new(replicas => 1);
$c->sql('pg1', <<'SQL', 'app');
CREATE TABLE t (a int PRIMARY KEY, b text);
INSERT INTO t SELECT i, 'row ' || i FROM generate_series(1, 20) i;
GRANT ALL ON t TO app;
GRANT CREATE ON SCHEMA public TO app;
SQL
$c->wait_catchup;
my $t = Tanist->new(cluster => $c, settings => {
        'pool *' => { pool_size => 1 },
        tanist   => { workers => 1 },
        routing  => { max_lag => 'off', max_lag_bytes => 0 },
    });
$t->start;

sub pins { return join ',', map { $_->{pin} } grep { $_->{pin} } $t->console('SHOW CLIENTS') }

# Somebody else prepares other things under the same names, on the only server of the pool.
sub thief
{
    my ($w, $side) = @_;
    return if $side eq 'direct';
    my $n = $t->wire;
    for my $name ('p', 's', '"B c"') {
        my $r = $n->query("PREPARE $name AS SELECT 'not yours'");
        fail("the other session: $r->{error}{M}") if $r->{error};
    }
    is($n->value('EXECUTE p'), 'not yours', 'the other session has its own');
    is(pins(), '', 'nobody is pinned by names');
    $n->terminate;
}

sub no_servers
{
    my ($w, $side) = @_;
    return if $side eq 'direct';
    $c->sql('pg1', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'));
    poll_until(sub { $c->sql('pg1', q(SELECT count(*) FROM pg_stat_activity WHERE usename = 'app')) eq '0' });
}

my $cmp = Compare->new(
    direct => sub { Wire->connect(port => $c->node('pg1')->port, user => 'app', database => 'app', password => 'app-secret') },
    port   => sub { $t->wire });
my $list = Q('SELECT name, statement, parameter_types::text, from_sql FROM pg_prepared_statements ORDER BY 1');

for my $between ([ 'somebody else in between', \&thief ], [ 'another server in between', \&no_servers ]) {
    my ($label, $x) = @$between;
    my $same = sub { my ($what, @steps) = @_; $cmp->same("$what, $label", @steps) };
    $same->('a name of Parse, dropped and made again in a transaction', Q('BEGIN'), P('Plan', 'SELECT 1') . D('S', 'Plan') . S(), B('', 'Plan') . E('') . S(), Q('DEALLOCATE "Plan"'), P('Plan', 'SELECT 2') . S(),
        Q('SAVEPOINT s'), P('p2', 'SELECT 1/0') . B('', 'p2') . E('') . S(), Q('ROLLBACK TO s'), Q('DEALLOCATE "Plan"'), P('Plan', 'SELECT 3') . B('', 'Plan') . E('') . S(), Q('COMMIT'));
    $same->('PREPARE, EXECUTE, DEALLOCATE',
        Q('PREPARE p AS SELECT 1'), $x, Q('EXECUTE p'), Q('PREPARE p AS SELECT 2'), $x, $list, Q('DEALLOCATE p'), $x, Q('EXECUTE p'), Q('DEALLOCATE p'), $list);
    $same->('with parameters', Q('PREPARE p (int, text) AS SELECT $1 + 1, $2'), $x, Q(q(EXECUTE p (1, 'x'))), Q('EXECUTE p (1)'), $x, $list,
        Q('EXPLAIN (COSTS OFF) EXECUTE p (1, NULL)'), $x, Q('CREATE TEMP TABLE made AS EXECUTE p (1, NULL)'), Q('SELECT count(*) FROM made'), Q('DROP TABLE made'));
    $same->('several in one text', Q(q(PREPARE p AS SELECT ';prepare s as'; /* prepare s */ PREPARE "B c" AS SELECT 2)), $x, Q('EXECUTE p'), Q('EXECUTE "B c"; EXECUTE p'),
        Q('DEALLOCATE "B c"; SELECT 1/0'), $x, Q('EXECUTE "B c"'), Q('EXECUTE p'));
    $same->('kept over ROLLBACK', Q('BEGIN'), Q('PREPARE p AS SELECT 1'), Q('ROLLBACK'), $x, Q('EXECUTE p'), Q('BEGIN'), Q('DEALLOCATE p'), Q('ROLLBACK'), $x, Q('EXECUTE p'));
    $same->('in a transaction that fails', Q('PREPARE p AS SELECT a FROM t WHERE a = 1'), $x, Q('BEGIN'), Q('SELECT 1/0'), Q('EXECUTE p'), Q('ROLLBACK; EXECUTE p'), $x, Q('BEGIN; EXECUTE p'),
        Q('COMMIT'));
    $same->('behind a transaction that failed', P('s', 'SELECT 1') . S, $x, Q('BEGIN'), Q('SELECT 1/0'), Q('COMMIT; EXECUTE s'), Q('BEGIN'), Q('SELECT 1/0'), Q('COMMIT; SELECT name FROM pg_prepared_statements'),
        Q('BEGIN'), Q('SELECT 1/0'), Q('ROLLBACK AND CHAIN; EXECUTE s'), Q('ROLLBACK'));
    $same->('a statement whose table is changed', Q('CREATE TABLE d (x int)'), Q('PREPARE p AS SELECT * FROM d'), Q('EXECUTE p'), Q('DROP TABLE d'), Q('CREATE TABLE d (x int)'), Q('EXECUTE p'),
        $x, Q('EXECUTE p'), Q('DROP TABLE d'));
    $same->('DEALLOCATE ALL', Q('PREPARE p AS SELECT 1'), P('s', 'SELECT 2') . S, $x, Q('DEALLOCATE ALL'), $x, Q('EXECUTE p'), B('', 's') . E('') . S, Q('PREPARE s AS SELECT 3'), $x,
        Q('DEALLOCATE ALL; PREPARE p AS SELECT 4'), $x, Q('EXECUTE p'), Q('EXECUTE s'), Q('DISCARD ALL'), $x, Q('EXECUTE p'));
    $same->('a name made by Parse, used by SQL', P('s', 'SELECT $1::int + 1', 23) . S, $x, Q('EXECUTE s (4)'), $x, Q('PREPARE s AS SELECT 1'), Q('EXECUTE s (5)'), $list, $x,
        B('', 's', '7') . E('') . S, Q('DEALLOCATE s'), $x, B('', 's', '7') . E('') . S, Q('EXECUTE s (5)'), P('s', 'SELECT 3') . B('', 's') . E('') . S);
    $same->('dropped by a text that fails', P('s', 'SELECT 1') . S, $x, Q('DEALLOCATE s; SELECT 1/0'), $x, B('', 's') . E('') . S, P('s', 'SELECT 2') . B('', 's') . E('') . S,
        Q('SELECT 1/0; DEALLOCATE s'), $x, B('', 's') . E('') . S);
    $same->('the same in a transaction', P('s', 'SELECT 1') . S, $x, Q('BEGIN'), Q('SELECT 1'), Q('EXECUTE s'), Q('DEALLOCATE s'), Q('EXECUTE s'), Q('ROLLBACK'), $x, B('', 's') . E('') . S);
    $same->('the list in a transaction, by the extended protocol', P('s', 'SELECT 1') . P('t', 'SELECT 2') . S, $x, Q('BEGIN'), Q('SELECT 1'),
        P('', 'SELECT name FROM pg_prepared_statements ORDER BY 1') . B('', '') . E('') . S, B('', 't') . E('') . S, Q('COMMIT'));
    $same->('a name made by PREPARE, used by the protocol', Q('PREPARE p (int) AS SELECT $1 * 2'), $x, B('', 'p', '21') . E('') . S, $x, D('S', 'p') . S, P('p', 'SELECT 1') . S, $x,
        C('S', 'p') . S, $x, B('', 'p', '21') . S, Q('EXECUTE p (1)'), P('p', 'SELECT 1') . B('', 'p') . E('') . S);
    $same->('closed and parsed anew in one batch', Q('PREPARE p AS SELECT 1'), $x, C('S', 'p') . P('p', 'SELECT 2') . B('', 'p') . E('') . S, D('S', 'p') . S, $x, B('', 'p') . E('') . S,
        Q('PREPARE s AS SELECT 3'), $x, B('', 'nobody') . C('S', 's') . P('s', 'SELECT 4') . S, Q('EXECUTE s'), $x, B('', 's') . E('') . S, Q('DEALLOCATE s'));
    $same->('SQL by the extended protocol', P('', 'PREPARE p AS SELECT 1') . B('', '') . E('') . S, $x, P('e', 'EXECUTE p') . D('S', 'e') . S, $x, B('', 'e') . E('') . S,
        P('d', 'DEALLOCATE p') . S, Q('EXECUTE p'), $x, B('', 'd') . E('') . S, $x, B('', 'e') . E('') . S);
    $same->('in one batch', P('s', 'SELECT 1') . S, $x, P('', 'DEALLOCATE s') . B('', '') . E('') . P('s', 'SELECT 2') . B('', 's') . E('') . S, $x, B('', 's') . E('') . S);
    $same->('its text as it came', Q(' PREPARE p AS SELECT 1 ;'), $x, Q('SELECT statement FROM pg_prepared_statements'), Q('DEALLOCATE p'));
    $same->('made within a function', Q(q(DO $$ BEGIN EXECUTE 'PREPARE p AS SELECT 8'; END $$)), $x, Q('EXECUTE p'), Q(q(DO $$ BEGIN EXECUTE 'DEALLOCATE p'; END $$)), $x, Q('EXECUTE p'));
    $same->('many', Q(join ';', map { "PREPARE m$_ AS SELECT $_" } 1 .. 60), $x, Q('EXECUTE m60'), Q('EXECUTE m1'), Q('DEALLOCATE m1'), $x, Q('EXECUTE m1'),
        Q('SELECT name FROM pg_prepared_statements ORDER BY 1'));
}
# Two sessions that prepare the same share it.
my @w = map { $t->wire } 1 .. 2;
$_->query('PREPARE p AS SELECT pg_backend_pid()') for @w;
is($w[0]->value('EXECUTE p'), $w[1]->value('EXECUTE p'), 'on one server');
is(pins(), '', 'which is not pinned');
$w[0]->query('CREATE TEMP TABLE gone (a int); PREPARE t AS SELECT * FROM gone');
$w[0]->query('DROP TABLE gone');
is(pins(), 'sql-prepare', 'a text over temporary objects that are gone is prepared nowhere else');
is($w[0]->query('EXECUTE t')->{error}{C}, '42P01', 'and is still known');
$w[0]->query('DEALLOCATE ALL');
is(pins(), '', 'until it is dropped');
# More than a session is given room for: it keeps its server then, and has all of them.
my $long = 'x' x 30_000;
for my $i (1 .. 40) { $w[0]->query("PREPARE l$i AS SELECT '$i $long'") }
is(pins(), 'sql-prepare', 'too much to be carried pins');
like($w[0]->value('EXECUTE l40'), qr/^40 x/, 'and works');
$w[0]->query('DEALLOCATE ALL');
is(pins(), '', 'until it is dropped');
$_->terminate for @w;
$t->stop;
done_testing;
