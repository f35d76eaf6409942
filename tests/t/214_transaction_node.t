# A transaction that reads on a replica is answered as on the primary, whatever comes next in it: what is not a plain read lets it
# begin again on the primary, unseen. transaction_reads = replica: the same for transactions that may write.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Wire;
use TestEnv qw(poll_until);
use Test::More;

my $c = TanistCluster->new(replicas => 1, conf => "max_prepared_transactions = 10\n");
$c->sql('pg1', <<'SQL', 'app');
CREATE TABLE t (a int);
INSERT INTO t SELECT generate_series(1, 10);
CREATE SEQUENCE s;
CREATE FUNCTION here() RETURNS int LANGUAGE sql STABLE AS 'SELECT inet_server_port()';
-- Nobody can see what it calls.
CREATE FUNCTION liar(f text) RETURNS text LANGUAGE plpgsql STABLE AS $$ DECLARE r text; BEGIN EXECUTE 'SELECT ' || f || '::text' INTO r; RETURN r; END $$;
DO $$ BEGIN FOR i IN 0..6 LOOP EXECUTE format('CREATE ROLE u%s LOGIN PASSWORD ''u%s-secret''', i, i); END LOOP; END $$;
GRANT ALL ON t TO PUBLIC; GRANT ALL ON s TO app; GRANT CREATE ON SCHEMA public TO app;
SQL
$c->wait_catchup;
my $t = Tanist->new(cluster => $c, settings => {
        tanist   => { workers => 1, log_level => 'debug' },
        'pool *' => { pool_size => 4 },
        routing  => { max_lag => 'off', max_lag_bytes => 0, freshness_wait => '10s' },
    });
$t->start;
my $replica = $c->node('pg2')->port;
my $primary = $c->node('pg1')->port;

sub direct { return Wire->connect(host => '127.0.0.1', port => $primary, database => 'app', user => 'app', password => 'app-secret', @_) }

# What a client hears until so many ReadyForQuery came (or, without one, until the messages that a Flush brings).
sub heard
{
    my ($w, $bytes, $ready, $messages) = @_;
    $w->send_raw($bytes);
    my @out;
    while (my $m = $w->read_message) {
        my ($type, $body) = @$m;
        $body =~ s/\0/,/g;
        push @out, $type eq 'E' || $type eq 'N' ? "$type:" . join(' ', $body =~ /(?:^|,)C([^,]*),M([^,]*)/) : "$type:" . ($type =~ /[T]/ ? '' : $body);
        $w->{status} = $body if $type eq 'Z';
        last if $type eq 'Z' && --$ready == 0;
        last if $messages && @out == $messages;
    }
    return join ' | ', @out;
}

sub q1 { return Wire::message('Q', Wire::cstr($_[0])) }
sub x  { return join '', map { Wire::parse('', $_) . Wire::bind('', '') . Wire::execute('') } @_ }

# A step: a Query, or [bytes, number of ReadyForQuery], or [bytes up to a Flush, 0, number of messages]. Both sides must hear the same.
$SIG{__DIE__} = sub { diag("died: @_") };
sub same
{
    my ($name, @steps) = @_;
    my (@heard, @differ);
    for my $l ($t->wire, direct()) { # one after the other: they would wait for each other's locks
        push @heard, [ map { heard($l, ref $_ ? @$_ : (q1($_), 1)) } @steps ];
        $l->query('ROLLBACK') if $l->{status} ne 'I';
        $l->terminate;
    }
    for my $i (0 .. $#steps) {
        my $text = ref $steps[$i] ? "step $i" : $steps[$i];
        push @differ, "$text\n  through the port: $heard[0][$i]\n  directly:         $heard[1][$i]" if $heard[0][$i] ne $heard[1][$i];
    }
    ok(!@differ, $name) or diag(join "\n", @differ);
}

my $w = $t->wire;
ok(poll_until(sub { $w->value('SELECT here()') == $replica }), 'reads go to the replica');

my $begun = 'SELECT count(*) FROM t';
my @begin = ('BEGIN READ ONLY', $begun);
my @snapshot = ('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY', $begun);

# ---- READ ONLY: the text that ends it goes on ----
for my $b (\@begin, \@snapshot) {
    my $level = $b->[0] =~ /REPEATABLE/ ? 'REPEATABLE READ' : 'READ COMMITTED';
    for my $text (
        'COMMIT; UPDATE t SET a = a WHERE false', 'ROLLBACK; INSERT INTO t VALUES (100); DELETE FROM t WHERE a = 100', 'ROLLBACK; COMMIT; UPDATE t SET a = a WHERE false',
        'COMMIT; SELECT count(*) FROM t', 'COMMIT; BEGIN; UPDATE t SET a = a WHERE false; ROLLBACK', 'COMMIT AND CHAIN; INSERT INTO t VALUES (1)', 'ROLLBACK; SELECT 1/0',
        'COMMIT; BEGIN', 'ROLLBACK; LISTEN a; SELECT pg_listening_channels()', 'COMMIT; SHOW transaction_read_only')
    {
        same("$level: $text", @$b, $text, 'SHOW transaction_read_only', 'ROLLBACK');
        same("$level, failed: $text", @$b, 'SELECT 1/0', $text, 'SHOW transaction_read_only', 'ROLLBACK');
    }
    for my $text ('ROLLBACK AND CHAIN', 'COMMIT AND CHAIN') {
        same("$level, failed: $text", @$b, 'SELECT 1/0', $text, 'SHOW transaction_read_only', 'SHOW transaction_isolation', 'UPDATE t SET a = a WHERE false', 'ROLLBACK');
        same("$level: $text", @$b, $text, 'SELECT count(*) FROM t', 'INSERT INTO t VALUES (1)', 'ROLLBACK');
    }
    # What a replica answers alike.
    same("$level: $_", @$b, $_, 'SELECT 1', 'ROLLBACK')
        for 'INSERT INTO t VALUES (1)', q(SELECT nextval('s')), 'SELECT * FROM t FOR UPDATE', 'CREATE TEMP TABLE x (a int)', 'SELECT 1 AS a INTO TEMP x', 'CREATE TABLE x (a int)', 'TRUNCATE t',
        q(SET LOCAL work_mem = '7MB'; SHOW work_mem), 'SET TRANSACTION READ WRITE', 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'START TRANSACTION READ WRITE',
        'BEGIN', 'DECLARE c CURSOR FOR SELECT a FROM t ORDER BY a; FETCH 2 FROM c', 'no sql', 'SELECT no_column FROM t', 'SELECT * FROM no_table', 'EXPLAIN (COSTS OFF) SELECT * FROM t',
        'LOCK TABLE t IN ACCESS SHARE MODE', 'COPY (SELECT 1) TO STDOUT', 'SELECT 1; COMMIT; SELECT 2', 'SAVEPOINT a; SELECT 1';
}

# ---- READ COMMITTED: it moves ----
same("READ ONLY: $_", @begin, $_, 'SELECT 1', 'COMMIT')
    for 'LISTEN a', 'UNLISTEN *', 'COPY t FROM STDIN', 'LISTEN a; NOTIFY b', 'DO $$BEGIN LISTEN a; END$$', 'LOCK TABLE t IN EXCLUSIVE MODE', 'SELECT pg_try_advisory_xact_lock(9)', 'ANALYZE t', 'REINDEX TABLE t', 'VACUUM t',
    q(SELECT current_setting('transaction_read_only')),
    'SHOW transaction_read_only', 'SELECT pg_is_in_recovery()', 'SELECT set_config($$work_mem$$, $$7MB$$, true)', 'CALL no_such()',
    q(SELECT liar('nextval(''s'')')), q(SELECT length(liar('pg_current_xact_id()')) > 0), 'DECLARE c CURSOR WITH HOLD FOR SELECT 1', 'PREPARE p AS SELECT 1; EXECUTE p';
same('savepoints come along', @begin, 'SAVEPOINT a', 'SELECT 1/0', 'ROLLBACK TO a', 'SAVEPOINT "b ""c"', 'SAVEPOINT a', 'RELEASE a', 'LISTEN x', 'RELEASE "b ""c"', 'ROLLBACK TO a', 'RELEASE a', 'RELEASE a', 'ROLLBACK');
same('savepoints come along in a failed one', @begin, 'SAVEPOINT a', $begun, 'SELECT 1/0', 'SELECT 1', 'ROLLBACK TO a; LISTEN x', 'SELECT 1', 'RELEASE a', 'COMMIT');
same('many savepoints', @begin, (map { ("SAVEPOINT s$_", $begun, $_ % 2 ? "RELEASE s$_" : ()) } 1 .. 30), 'LISTEN x', 'ROLLBACK TO s2', 'RELEASE s4', 'COMMIT');
same('modes after a read', @begin, 'LISTEN x', 'SET TRANSACTION READ WRITE', 'ROLLBACK');
same('modes before a read', 'BEGIN READ ONLY', 'SAVEPOINT a', 'RELEASE a', 'SET TRANSACTION READ WRITE', 'UPDATE t SET a = a WHERE false', 'COMMIT');
same('comments', "BEGIN READ ONLY -- for reading", $begun, 'SAVEPOINT a', 'LISTEN x', 'RELEASE a', 'COMMIT');
same('both modes', 'BEGIN READ WRITE, READ ONLY', $begun, 'INSERT INTO t VALUES (1)', 'ROLLBACK', 'START TRANSACTION READ WRITE, READ ONLY', $begun, 'COMMIT');
same('prepared, failed', @begin, 'SELECT 1/0', q(PREPARE TRANSACTION 'x'), 'SELECT 1');
{
    my ($o, $d) = ($t->wire, direct());
    for my $l ($o, $d) {
        $l->query($_) for @begin;
        is($l->value('SELECT pg_try_advisory_lock(77)'), 't', 'an advisory lock is taken');
        my $other = direct();
        is($other->value('SELECT pg_try_advisory_lock(77)'), 'f', 'on the primary, where all see it');
        $other->terminate;
        $l->query('COMMIT');
        $l->query('SELECT pg_advisory_unlock_all()');
    }
    $_->terminate for $o, $d;
}

# ---- Extended protocol ----
my $sync = Wire::sync();
my @ext = ([ x('BEGIN READ ONLY') . $sync, 1 ]);
same('extended: LISTEN', @ext, [ x($begun) . $sync, 1 ], [ x('LISTEN a') . $sync, 1 ], [ x('COMMIT') . $sync, 1 ]);
same('extended: one batch ends it and writes', @ext, [ x($begun) . $sync, 1 ], [ x('COMMIT', 'UPDATE t SET a = a WHERE false') . $sync, 1 ]);
same('extended: one batch ends it, reads and fails', @ext, [ x($begun) . $sync, 1 ], [ x('ROLLBACK', 'SELECT 1', 'SELECT 1/0') . $sync . q1('UPDATE t SET a = a WHERE false'), 2 ]);
same('extended: the batch behind its end', @ext, [ x($begun) . $sync . x('ROLLBACK') . $sync . q1('UPDATE t SET a = a WHERE false'), 3 ]);
same('extended: failed, its end and a write', @ext, [ x('SELECT 1/0') . $sync, 1 ], [ x('ROLLBACK', 'UPDATE t SET a = a WHERE false') . $sync, 1 ], 'SELECT 1');
same('extended: begun and read in one batch', [ x('BEGIN READ ONLY', $begun) . $sync, 1 ], [ x('NOTIFY a') . $sync, 1 ], 'COMMIT');
same('extended: begun as REPEATABLE READ', [ x('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY') . $sync, 1 ], [ x('LISTEN a') . $sync, 1 ], 'SHOW transaction_isolation', 'COMMIT');
same('extended: begun alone', @ext, 'SET TRANSACTION READ WRITE', 'UPDATE t SET a = a WHERE false', 'COMMIT');
same('extended: a savepoint among others', @ext, [ x($begun) . $sync, 1 ], [ x('SAVEPOINT a', $begun, 'SELECT 1/0') . $sync, 1 ], [ x('ROLLBACK TO a') . $sync, 1 ], 'LISTEN x', 'RELEASE a', 'COMMIT');
my $flush = Wire::flush();
same('Flush within: LISTEN behind it', @ext, [ x($begun) . $flush, 0, 4 ], [ x('LISTEN a') . $sync, 1 ], 'COMMIT');
same('Flush within: the end, then a write', @ext, [ x($begun) . $sync, 1 ], [ x('COMMIT') . $flush, 0, 3 ], [ x('UPDATE t SET a = a WHERE false') . $sync, 1 ], 'SELECT 1');
same('Flush within: failed behind it', @ext, [ x($begun) . $flush, 0, 4 ], [ x('SELECT 1/0', 'LISTEN a') . $sync, 1 ], 'ROLLBACK; UPDATE t SET a = a WHERE false');
same('Flush, then START TRANSACTION', [ x($begun) . $flush, 0, 4 ], [ x($_) . $sync, 1 ], 'SHOW transaction_read_only', 'UPDATE t SET a = a WHERE false', 'ROLLBACK')
    for 'START TRANSACTION READ WRITE', 'START TRANSACTION', 'BEGIN ISOLATION LEVEL REPEATABLE READ', 'BEGIN READ ONLY';
same('Flush, then START TRANSACTION and a write', [ x($begun) . $flush, 0, 4 ], [ x('START TRANSACTION READ WRITE', 'UPDATE t SET a = a WHERE false') . $sync, 1 ], 'ROLLBACK');
my $cursor = Wire::parse('', 'SELECT a FROM t ORDER BY a') . Wire::bind('c', '') . Wire::execute('c', 2) . $sync;
same('a portal with a limit stays', @begin, [ $cursor, 1 ], [ Wire::execute('c', 3) . $sync, 1 ], $begun, [ Wire::execute('c') . $sync, 1 ], 'COMMIT');
same('a named portal', @begin, [ Wire::parse('', 'SELECT a FROM t ORDER BY a') . Wire::bind('c', '') . Wire::execute('c') . $sync, 1 ], 'LISTEN a', [ Wire::execute('c') . $sync, 1 ], 'COMMIT');
same('a name that is taken', [ Wire::parse('st', 'COMMIT AND CHAIN') . $sync, 1 ], 'BEGIN READ ONLY', [ Wire::parse('st', 'SAVEPOINT b') . Wire::bind('', 'st') . Wire::execute('') . $sync, 1 ], 'ROLLBACK');
same('a named statement comes along', [ Wire::parse('st', $begun) . $sync, 1 ], @begin, [ Wire::bind('', 'st') . Wire::execute('') . $sync, 1 ], 'LISTEN a', [ Wire::bind('', 'st') . Wire::execute('') . $sync, 1 ], 'COMMIT');
is($t->wire->value('SELECT count(*) FROM t'), 10, 'nothing was written by the way');

# ---- A snapshot that lasts does not move ----
sub stranded
{
    my ($user, $text, @more) = @_;
    my $w = $t->wire('app', user => $user);
    $w->query($snapshot[0]);
    is($w->value('SELECT here()'), $replica, 'REPEATABLE READ, READ ONLY: on the replica');
    $w->query($_) for @more;
    is($w->query($text)->{error}{C}, '40001', "it cannot move: $text");
    is($w->{status}, 'E', 'the transaction has failed');
    is($w->query('ROLLBACK')->{tags}[0], 'ROLLBACK', 'and is rolled back');
    # Again: it begins on the primary.
    $w->query($snapshot[0]);
    is($w->value('SELECT here()'), $primary, 'the next one begins on the primary');
    $w->query($_) for @more;
    ok(!$w->query($text)->{error}, "and there it works: $text");
    $w->query('ROLLBACK');
    $w->terminate;
}
my @strands = ('LISTEN a', 'NOTIFY a', 'SELECT pg_try_advisory_xact_lock(5)', 'SELECT pg_export_snapshot()', 'LOCK TABLE t IN EXCLUSIVE MODE', q(SELECT liar('count(*)') FROM pg_locks));
stranded("u$_", $strands[$_]) for 0 .. $#strands;
stranded('u6', 'COMMIT; INSERT INTO t SELECT 1 WHERE false', q(SET work_mem = '7MB'));
# ---- transaction_reads = replica ----
$t->set('routing', transaction_reads => 'replica');
$t->reload;
sub at { my ($w) = @_; my $p = $w->value('SELECT here()'); return $p == $replica ? 'replica' : $p == $primary ? 'primary' : $p }
$w = $t->wire;
$w->query('BEGIN');
is(at($w), 'replica', 'transaction_reads = replica: a read');
is(at($w), 'replica', 'and another');
is($w->query('INSERT INTO t VALUES (50)')->{tags}[0], 'INSERT 0 1', 'a write');
is(at($w), 'primary', 'then it reads on the primary');
is($w->value('SELECT count(*) FROM t WHERE a = 50'), 1, 'what it wrote');
is($w->query('COMMIT')->{tags}[0], 'COMMIT', 'and commits');
is($w->value('SELECT count(*) FROM t WHERE a = 50'), 1, 'its write is seen');
$w->query('BEGIN');
$w->query('DELETE FROM t WHERE a = 50');
is($w->query('COMMIT')->{tags}[0], 'COMMIT', 'a transaction that writes first');
my %where = (
    'BEGIN'                                   => 'replica', 'START TRANSACTION READ WRITE' => 'replica', 'BEGIN ISOLATION LEVEL READ COMMITTED' => 'replica',
    'BEGIN ISOLATION LEVEL REPEATABLE READ'   => 'primary', 'BEGIN ISOLATION LEVEL SERIALIZABLE'            => 'primary', 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY' => 'primary',
    'BEGIN READ ONLY'                         => 'replica', 'BEGIN ISOLATION LEVEL READ UNCOMMITTED, READ WRITE' => 'replica');
for my $b (sort keys %where) {
    $w->query($b);
    is(at($w), $where{$b}, "$b: reads on the $where{$b}");
    $w->query('COMMIT');
}
$w->query('BEGIN');
$w->query('SELECT now()');
is(at($w), 'primary', 'the time of the transaction is the primary\'s');
$w->query('COMMIT');
for my $level (qw(bounded global)) {
    $w->query("SET tanist.consistency = $level");
    $w->query('BEGIN');
    is(at($w), 'primary', "consistency $level: on the primary");
    $w->query('COMMIT');
}
$w->query('RESET tanist.consistency');
$w->query('SET default_transaction_isolation = $$repeatable read$$');
$w->query('BEGIN');
is(at($w), 'primary', 'the session\'s default isolation counts');
$w->query('COMMIT');
$w->query('RESET default_transaction_isolation');
my @open = ('BEGIN', $begun);
same("transaction_reads: $_", @open, $_, 'SHOW transaction_read_only', 'UPDATE t SET a = a WHERE false', 'ROLLBACK')
    for 'SET TRANSACTION READ ONLY', 'SET TRANSACTION READ WRITE', 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ', 'SAVEPOINT a', 'SELECT 1/0', 'ROLLBACK AND CHAIN', 'COMMIT AND CHAIN', 'COMMIT; INSERT INTO t VALUES (60); DELETE FROM t WHERE a = 60',
    'BEGIN READ WRITE', 'SELECT * FROM t ORDER BY a FOR UPDATE', q(SELECT nextval('s') > 0), q(SELECT liar('nextval(''s'')') <> ''), q(SET LOCAL work_mem = '7MB'), 'LOCK TABLE t IN ROW EXCLUSIVE MODE', 'SELECT pg_is_in_recovery()',
    q(SELECT current_setting('transaction_read_only')), 'CREATE TEMP TABLE x (a int) ON COMMIT DROP', 'DECLARE c CURSOR FOR SELECT 1', 'SELECT * FROM no_table';
same('transaction_reads: savepoints come along', @open, 'SAVEPOINT a', $begun, 'SELECT 1/0', 'ROLLBACK TO a', 'INSERT INTO t VALUES (70)', 'ROLLBACK TO a', $begun, 'RELEASE a', 'COMMIT');
same('transaction_reads: failed, then written to', @open, 'SAVEPOINT a', 'SELECT 1/0', 'ROLLBACK TO a; INSERT INTO t VALUES (71)', 'SELECT count(*) FROM t WHERE a = 71', 'ROLLBACK');
same('transaction_reads: two-phase commit', @open, q(PREPARE TRANSACTION 'a1'), q(ROLLBACK PREPARED 'a1'));
same('transaction_reads: extended, in one batch', [ x('BEGIN', $begun) . $sync, 1 ], [ x('UPDATE t SET a = a WHERE false') . $sync, 1 ], [ x('COMMIT') . $sync, 1 ]);
same('transaction_reads: extended, READ WRITE', [ x('BEGIN READ WRITE', $begun) . $sync, 1 ], [ x('UPDATE t SET a = a WHERE false') . $sync, 1 ], [ x('COMMIT') . $sync, 1 ]);
same('transaction_reads: extended, with the write', [ x('BEGIN', $begun, 'UPDATE t SET a = a WHERE false', 'COMMIT') . $sync, 1 ], 'SELECT 1');
same('transaction_reads: Flush, then a write', [ x('BEGIN', $begun) . $flush, 0, 7 ], [ x('UPDATE t SET a = a WHERE false') . $sync, 1 ], 'COMMIT');
same('transaction_reads: Flush in a later batch', @open, [ x($begun) . $flush, 0, 4 ], [ x('UPDATE t SET a = a WHERE false') . $sync, 1 ], 'COMMIT');
same('transaction_reads: a portal with a limit', @open, [ $cursor, 1 ], 'UPDATE t SET a = a WHERE false', [ Wire::execute('c', 3) . $sync, 1 ], 'COMMIT');
same('transaction_reads: the session is READ ONLY', 'SET default_transaction_read_only = on', @open, 'INSERT INTO t VALUES (1)', 'ROLLBACK', 'RESET default_transaction_read_only');
is($w->value('SELECT count(*) FROM t'), 10, 'nothing was written by the way');

# A role whose default is another isolation: nobody knows what BEGIN begins.
$c->sql('pg1', q(ALTER ROLE app SET default_transaction_isolation = 'repeatable read'), 'app');
ok(poll_until(sub { my $n = $t->wire; $n->query('BEGIN'); my $at = at($n); $n->query('COMMIT'); $n->terminate; $at eq 'primary' }), 'a default of the role is noticed');
$c->sql('pg1', 'ALTER ROLE app RESET default_transaction_isolation', 'app');
ok(poll_until(sub { my $n = $t->wire; $n->query('BEGIN'); my $at = at($n); $n->query('COMMIT'); $n->terminate; $at eq 'replica' }), 'and its end');

# ---- The replica dies within the transaction ----
my ($writes, $reads, $failed) = map { $t->wire } 1 .. 3;
for my $l ($writes, $reads, $failed) {
    $l->query('BEGIN');
    is(at($l), 'replica', 'begun on the replica');
    $l->query('SAVEPOINT a');
}
$failed->query('SELECT 1/0');
$c->stop('pg2', 'immediate');
is($reads->query($begun)->{rows}[0][0], 10, 'a transaction that has only read goes on elsewhere');
is($writes->query('INSERT INTO t VALUES (80)')->{tags}[0], 'INSERT 0 1', 'or begins to write');
is($writes->query('ROLLBACK TO a')->{tags}[0], 'ROLLBACK', 'its savepoints come along');
is($failed->query('SELECT 1')->{error}{C}, '25P02', 'one that has failed stays so');
is($failed->query('ROLLBACK TO a')->{tags}[0], 'ROLLBACK', 'and goes back to its savepoint');
is($_->query('COMMIT')->{tags}[0], 'COMMIT', 'committed') for $writes, $reads, $failed;
is($w->value('SELECT count(*) FROM t'), 10, 'and nothing is left of it');
$t->stop;
done_testing;
