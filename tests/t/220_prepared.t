# The extended protocol, byte for byte: a script of messages is run on a direct connection to the primary and through the
# port, and every message that comes back must be the same.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Wire;
use TestEnv qw(poll_until);
use Test::More;

my $c = TanistCluster->new(replicas => 2);
$c->sql('pg1', <<'SQL', 'app');
CREATE TABLE t (a int PRIMARY KEY, b text);
INSERT INTO t SELECT i, 'row ' || i FROM generate_series(1, 20) i;
CREATE TABLE w (a int, b text);
-- By way of a view, which is not seen through: what the server has, not what the session has.
CREATE VIEW kept AS SELECT count(*) FROM pg_prepared_statements;
CREATE FUNCTION here() RETURNS int LANGUAGE sql STABLE AS 'SELECT inet_server_port()';
GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
SQL
$c->wait_catchup;
my $direct_port = $c->node('pg1')->port;
my $t = Tanist->new(cluster => $c, settings => { 'pool *' => { pool_size => 2, max_prepared_statements => 10 }, routing => { max_lag => 'off', max_lag_bytes => 0 } });
$t->start;

sub direct { return Wire->connect(port => $direct_port, user => 'app', database => 'app', password => 'app-secret') }

sub P { return Wire::parse(@_) }
sub B { return Wire::bind(@_) }
sub D { return Wire::describe(@_) }
sub E { return Wire::execute(@_) }
sub C { return Wire::close_message(@_) }
sub S { return Wire::sync() }
sub Q { return Wire::message('Q', Wire::cstr($_[0])) }

# What a message means, for the comparison: errors without the place in the server's source.
sub show
{
    my ($type, $body) = @_;
    if ($type eq 'E' || $type eq 'N') {
        my $f = Wire::fields($body);
        delete @$f{qw(F L R)};
        return join ' ', $type, map { "$_=$f->{$_}" } sort keys %$f;
    }
    return $type . ' ' . ($body =~ /^[\x20-\x7e]*$/ ? $body : unpack('H*', $body));
}

# Runs the steps (bytes; each is sent when the answer to the one before is complete) and lists the messages. A step
# may be [bytes, types]: its answer ends with one of these types instead of ReadyForQuery.
sub run_script
{
    my ($w, @steps) = @_;
    my @out;
    for my $step (@steps) {
        my ($bytes, $until, $n) = ref $step ? @$step : ($step, 'Z', 0);
        $n ||= $until eq 'Z' ? count_ends($bytes) : 1;
        $w->send_raw($bytes);
        for (1 .. $n) {
            push @out, map { show(@$_) } $w->read_until($until);
        }
        push @out, '--';
    }
    return \@out;
}

# How many ReadyForQuery the bytes ask for.
sub count_ends
{
    my ($bytes) = @_;
    my ($n, $at) = (0, 0);
    while ($at < length $bytes) {
        my ($type, $len) = unpack 'aN', substr $bytes, $at, 5;
        $n++ if $type eq 'S' || $type eq 'Q' || $type eq 'F';
        $at += 1 + $len;
    }
    return $n;
}

# The same script on both, from the same state of the tables.
sub same
{
    my ($what, @steps) = @_;
    my @got;
    for my $open (\&direct, sub { $t->wire }) {
        $c->sql('pg1', 'TRUNCATE w', 'app');
        my $w = $open->();
        my $out = eval { run_script($w, @steps) } // ["died: $@"];
        push @got, $out;
        $w->terminate;
    }
    is_deeply($got[1], $got[0], $what) or diag("direct:\n  ", join("\n  ", @{ $got[0] }), "\nthrough the port:\n  ", join "\n  ", @{ $got[1] });
    return $got[0];
}

# ---- One batch ----

same('unnamed statement', P('', 'SELECT $1::int + 1', 23) . B('', '', 41) . D('P', '') . E('') . S());
same('named statement', P('s', 'SELECT $1::int + 1') . D('S', 's') . B('p', 's', 41) . D('P', 'p') . E('p') . C('P', 'p') . C('S', 's') . S());
same('a statement without rows', P('', 'INSERT INTO w VALUES (1)') . B('', '') . D('P', '') . E('') . S());
same('an empty statement', P('', '') . B('', '') . D('P', '') . E('') . S());
same('a NULL', P('', 'SELECT $1::text IS NULL') . B('', '', undef) . E('') . S());
same('several executions', P('s', 'SELECT $1::int') . join('', map { B('', 's', $_) . E('') } 1 .. 5) . S());
same('several statements', join('', map { P("s$_", "SELECT $_ + \$1::int") . B('', "s$_", 1) . E('') } 1 .. 5) . S());
same('Parse alone', P('x', 'SELECT 1') . S());
same('Sync alone', S() . S());
same('Close of nothing', C('S', 'none') . C('P', 'none') . S());
same('two statements in one Parse', P('', 'SELECT 1; SELECT 2') . S());
same('types that do not fit', P('', 'SELECT $1::int', 17) . S());
same('65535 would be too many, 100 parameters are not',
    P('', 'SELECT ' . join(', ', map { "\$$_\::int" } 1 .. 100)) . B('', '', 1 .. 100) . E('') . S());

# ---- Over batches: names live in the session, wherever it runs ----

same('a named statement over batches', P('s', 'SELECT $1::int * 2') . S(), map({ B('', 's', $_) . E('') . S() } 1 .. 6), C('S', 's') . S(),
    B('', 's', 1) . E('') . S());
same('the unnamed statement over batches', P('', 'SELECT $1::int * 3') . S(), map({ B('', '', $_) . D('P', '') . E('') . S() } 1 .. 4),
    D('S', '') . S());
same('a Query ends the unnamed statement', P('', 'SELECT 1') . S(), Q('SELECT 2'), B('', '') . E('') . S());
same('a new unnamed statement replaces the old one', P('', 'SELECT 1') . S(), P('', 'SELECT 2') . S(), B('', '') . E('') . S());
same('a new session has none', B('', '') . E('') . S(), D('S', '') . S(), D('S', 's') . S(), B('', 's') . S());
same('Describe of a statement later', P('s', 'SELECT a, b FROM t WHERE a = $1') . S(), D('S', 's') . S(), D('S', 's') . D('S', 's') . S());
same('statements in and out of transactions', P('s', 'INSERT INTO w VALUES ($1) RETURNING a', 23) . S(), Q('BEGIN'), B('', 's', 1) . E('') . S(),
    Q('ROLLBACK'), B('', 's', 2) . E('') . S(), Q('SELECT a FROM w'));
same('ROLLBACK keeps statements', Q('BEGIN'), P('s', 'SELECT 5') . S(), Q('ROLLBACK'), B('', 's') . E('') . S());
same('after the name was closed it can be given anew', P('s', 'SELECT 1') . S(), C('S', 's') . S(), P('s', 'SELECT 2') . S(), B('', 's') . E('') . S());
same('close and prepare anew in one batch', P('s', 'SELECT 1') . S(), C('S', 's') . P('s', 'SELECT 2') . B('', 's') . E('') . S(), B('', 's') . E('') . S());
same('the same text under two names', P('a', 'SELECT 7') . P('b', 'SELECT 7') . S(), C('S', 'a') . S(), B('', 'b') . E('') . S(), B('', 'a') . S());
same('the same text with other types', P('a', 'SELECT $1', 25) . P('b', 'SELECT $1', 23) . S(), B('', 'a', '08') . E('') . S(),
    B('', 'b', '08') . E('') . S(), D('S', 'a') . D('S', 'b') . S());
same('DEALLOCATE ALL', P('s', 'SELECT 1') . S(), Q('DEALLOCATE ALL'), B('', 's') . S(), P('s', 'SELECT 2') . B('', 's') . E('') . S());
same('DISCARD ALL', P('s', 'SELECT 1') . S(), Q('DISCARD ALL'), B('', 's') . S(), P('s', 'SELECT 2') . B('', 's') . E('') . S());
# Names of SQL and of the protocol are the same.
same('DEALLOCATE', P('Sx', 'SELECT 1') . S(), Q('DEALLOCATE "Sx"'), B('', 'Sx') . E('') . S(), Q('DEALLOCATE "Sx"'), P('Sx', 'SELECT 2') . B('', 'Sx') . E('') . S());
same('DEALLOCATE in transactions', P('s', 'SELECT 1') . S(), Q('BEGIN'), Q('DEALLOCATE PREPARE S'), Q('ROLLBACK'), B('', 's') . E('') . S(), P('s', 'SELECT 2') . S(), Q('BEGIN'),
    Q('SELECT 1/0'), Q('DEALLOCATE s'), Q('ROLLBACK'), B('', 's') . E('') . S());
same('DEALLOCATE among others', P('s', 'SELECT 1') . S(), Q('BEGIN'), Q('SAVEPOINT a;DEALLOCATE "s";RELEASE a'), Q('COMMIT'), B('', 's') . E('') . S());
same('DEALLOCATE in the extended protocol', P('s', 'SELECT 1') . S(), P('', 'DEALLOCATE s') . B('', '') . D('P', '') . E('') . S(), B('', 's') . E('') . S());
same('DEALLOCATE of a name that is not there', P('s', 'SELECT 1') . S(), Q('DEALLOCATE t'), B('', 's') . E('') . S());

# ---- Errors ----

same('an error of Parse leaves no name', P('bad', 'SELECT FROM WHERE') . S(), B('', 'bad') . S(), P('bad', 'SELECT 1') . B('', 'bad') . E('') . S());
same('an error of Parse leaves no unnamed statement', P('', 'SELECT 1') . S(), P('', 'SELECT FROM WHERE') . S(), B('', '') . E('') . S());
same('what is behind an error is skipped up to Sync',
    P('a', 'SELECT 1') . B('', 'a') . E('') . P('', 'SELECT 1/0') . B('', '') . E('') . P('c', 'SELECT 3') . B('', 'c') . E('') . S(),
    B('', 'a') . E('') . S(), B('', 'c') . E('') . S(), P('c', 'SELECT 4') . B('', 'c') . E('') . S());
same('a Close that was skipped closes nothing', P('a', 'SELECT 1') . S(), P('', 'SELECT * FROM nowhere') . C('S', 'a') . S(), B('', 'a') . E('') . S());
same('a Parse that was skipped, of a text that is known', P('a', 'SELECT 1') . S(), P('', 'SELECT * FROM nowhere') . P('b', 'SELECT 1') . S(), B('', 'b') . E('') . S(),
    P('b', 'SELECT 2') . B('', 'b') . E('') . S());
same('an error of Bind', P('s', 'SELECT $1::int') . S(), B('', 's', 'x') . E('') . S(), B('', 's') . E('') . S(), B('', 's', 1, 2) . S(), B('', 's', 3) . E('') . S());
same('an error of Execute', P('s', 'SELECT 1 / $1::int') . S(), B('', 's', 0) . E('') . S(), B('', 's', 1) . E('') . S());
same('Execute of no portal', E('nowhere') . S(), D('P', 'nowhere') . S());
same('an error in a transaction', Q('BEGIN'), P('s', 'SELECT 1') . B('', 's') . E('') . S(), P('', 'SELECT 1/0') . B('', '') . E('') . S(),
    B('', 's') . E('') . S(), P('r', 'ROLLBACK') . B('', 'r') . E('') . S(), B('', 's') . E('') . S());
same('a duplicate name', P('s', 'SELECT 1') . S(), P('s', 'SELECT 2') . B('', 's') . E('') . S(), B('', 's') . E('') . S());
same('a duplicate name in one batch', P('s', 'SELECT 1') . P('s', 'SELECT 2') . S());
same('a statement whose table changes', P('s', 'SELECT * FROM w') . S(), B('', 's') . E('') . S(), Q('ALTER TABLE w RENAME b TO c'), B('', 's') . E('') . S(),
    Q('ALTER TABLE w RENAME c TO b'));

# ---- Portals ----

same('a row limit', P('', 'SELECT a FROM t ORDER BY a') . B('', '') . E('', 7) . E('', 7) . E('', 7) . E('', 7) . S());
same('a suspended portal ends with its transaction', P('', 'SELECT a FROM t ORDER BY a') . B('p', '') . E('p', 2) . S(), E('p', 2) . S());
same('a portal over batches of a transaction', Q('BEGIN'), P('', 'SELECT a FROM t ORDER BY a') . B('p', '') . E('p', 2) . S(), E('p', 2) . S(), D('P', 'p') . S(),
    C('P', 'p') . S(), E('p', 2) . S(), Q('ROLLBACK'));
same('a cursor', Q('BEGIN'), Q('DECLARE c CURSOR FOR SELECT a FROM t ORDER BY a'), P('f', 'FETCH 3 FROM c') . B('', 'f') . E('') . S(), B('', 'f') . E('') . S(), Q('COMMIT'));

# ---- Formats ----

my $binary = Wire::message('B', "\0\0" . pack('nn', 1, 1) . pack('n', 2) . pack('NN', 4, 40) . pack('NN', 4, 2) . pack('nn', 1, 1));
same('binary parameters and results', P('', 'SELECT $1::int4 + $2::int4') . $binary . D('P', '') . E('') . S());
my $named = Wire::message('B', "p\0add\0" . pack('nn', 1, 1) . pack('n', 2) . pack('NN', 4, 40) . pack('NN', 4, 2) . pack('nn', 1, 1));
same('the same with names', P('add', 'SELECT $1::int4 + $2::int4') . S(), $named . D('P', 'p') . E('p') . S(), $named . E('p') . S());
same('a long parameter', P('l', 'SELECT length($1::text)') . S(), B('', 'l', 'x' x 300_000) . E('') . S(), B('', 'l', 'y' x 3_000_000) . E('') . S());
same('a long statement', P('l', 'SELECT 1 AS a' . ' ' x 200_000 . ', 2 AS b') . B('', 'l') . E('') . S(), B('', 'l') . E('') . S());
same('a long result', P('', 'SELECT repeat(b, 100000) FROM t WHERE a < 4 ORDER BY a') . B('', '') . E('') . S());

# ---- Flush ----

same('Flush after every message', [ P('', 'SELECT $1::int') . Wire::flush(), '1' ], [ B('', '', 4) . Wire::flush(), '2' ],
    [ D('P', '') . Wire::flush(), 'T' ], [ E('') . Wire::flush(), 'C' ], S());
same('Flush after Parse and Describe of a name', [ P('s', 'SELECT $1::int') . D('S', 's') . Wire::flush(), 'T' ], B('', 's', 4) . E('') . S(),
    [ P('t', 'SELECT $1::int') . Wire::flush(), '1' ], B('', 't', 4) . E('') . S());
same('Flush, then an error', [ P('', 'SELECT 1 / (random() * 0)::int') . B('', '') . Wire::flush(), '2' ], [ E('') . Wire::flush(), 'E' ], B('', '') . E('') . S(), Q('SELECT 1'));
same('Flush and a write', [ P('', 'INSERT INTO w VALUES (1)') . Wire::flush(), '1' ], [ B('', '') . E('') . Wire::flush(), 'C' ], S(), Q('SELECT a FROM w'));
same('Flush after a fake Parse', P('a', 'SELECT 9') . S(), [ P('b', 'SELECT 9') . Wire::flush(), '1' ], [ C('S', 'b') . Wire::flush(), '3' ], B('', 'a') . E('') . S());

# ---- COPY ----

sub data { return Wire::message('d', $_[0]) }
my $done = Wire::message('c', '');
same('COPY in, simple', [ Q('COPY w FROM STDIN'), 'G' ], [ data("1\ta\n") . data("2\tb\n3\t") . data("c\n") . $done, 'Z', 1 ], Q('SELECT * FROM w ORDER BY a'));
same('COPY in, failed by the client', [ Q('COPY w FROM STDIN'), 'G' ], [ data("1\ta\n") . Wire::message('f', "no more\0"), 'Z', 1 ], Q('SELECT count(*) FROM w'));
same('COPY in, bad data', [ Q('COPY w FROM STDIN'), 'G' ], [ data("x\ta\n") . data("2\tb\n") . $done, 'Z', 1 ], Q('SELECT count(*) FROM w'));
same('COPY out, simple', Q('COPY (SELECT a FROM t ORDER BY a) TO STDOUT'));
same('COPY in, extended', [ P('', 'COPY w FROM STDIN') . B('', '') . E('') . Wire::flush(), 'G' ], data("1\ta\n") . $done . S(), Q('SELECT * FROM w'));
same('COPY in, extended, with a Sync that the server ignores', [ P('', 'COPY w FROM STDIN') . B('', '') . E('') . S(), 'G' ], data("1\ta\n") . $done . S(),
    Q('SELECT * FROM w'));
same('COPY in, extended, bad data', [ P('', 'COPY w FROM STDIN') . B('', '') . E('') . Wire::flush(), 'G' ], data("x\ta\n") . $done . S(), Q('SELECT count(*) FROM w'));
same('COPY out, extended', P('', 'COPY t TO STDOUT') . B('', '') . E('') . S());
same('COPY among others', [ Q('INSERT INTO w VALUES (0); COPY w FROM STDIN; SELECT * FROM w ORDER BY a'), 'G' ], [ data("1\ta\n") . $done, 'Z', 1 ]);

# ---- Pipelines ----

same('Query, batch and Query at once', Q('SELECT 1') . P('s', 'SELECT $1::int') . B('', 's', 2) . E('') . S() . Q('SELECT 3') . B('', 's', 4) . E('') . S());
same('errors in a pipeline', join '', map { P("p$_", $_ % 3 ? 'SELECT $1::int' : 'SELECT $1::int / 0') . B('', "p$_", $_) . E('') . S() } 1 .. 12);
same('a transaction in one packet', Q('BEGIN') . P('', 'INSERT INTO w VALUES (1)') . B('', '') . E('') . S() . Q('COMMIT') . Q('SELECT a FROM w'));
same('an implicit transaction is rolled back as a whole',
    P('', 'INSERT INTO w VALUES (1)') . B('', '') . E('') . P('', 'SELECT 1/0') . B('', '') . E('') . S(), Q('SELECT count(*) FROM w'));
same('BEGIN and COMMIT in the extended protocol', map { P('', $_) . B('', '') . E('') . S() } 'BEGIN', 'INSERT INTO w VALUES (1)', 'SAVEPOINT x', 'SELECT 1/0',
    'ROLLBACK TO x', 'COMMIT', 'SELECT a FROM w');

# ---- Many sessions on few servers ----

my @w = map { $t->wire } 1 .. 6;
for my $i (0 .. $#w) {
    my $r = run_script($w[$i], P('q', "SELECT $i * 100 + \$1::int") . S());
    is($r->[0], '1 ', "client $i gives name q to its own text");
}
my $bad = 0;
for my $round (1 .. 10) {
    $w[$_]->send_raw(B('', 'q', $round) . E('') . S()) for 0 .. $#w;
    for my $i (0 .. $#w) {
        my $r = $w[$i]->result;
        $bad++ unless ($r->{rows}[0][0] // '') eq $i * 100 + $round;
    }
}
is($bad, 0, 'the same name means another text in each session');
for my $i (0 .. $#w) {
    $w[$i]->send_raw(P('', "SELECT -$i - \$1::int") . S());
    $w[$i]->result;
}
for my $i (0 .. $#w) {
    $w[$i]->send_raw(B('', '', 1000) . E('') . S());
    is($w[$i]->result->{rows}[0][0], -$i - 1000, "client $i has its own unnamed statement");
}

# More statements than a server keeps.
my $w = $w[0];
for my $i (1 .. 40) {
    $w->send_raw(P("m$i", "SELECT $i + \$1::int") . S());
    $w->result;
}
$bad = 0;
for my $round (1 .. 2) {
    for my $i (map { $_ * 7 % 41 } 1 .. 40) {
        $w->send_raw(B('', "m$i", 0) . E('') . S());
        my $r = $w->result;
        $bad++ unless ($r->{rows}[0][0] // '') eq $i;
    }
}
is($bad, 0, '40 statements with max_prepared_statements = 10 all work');
$w->query('BEGIN');
my $kept = $w->value('SELECT count FROM kept');
cmp_ok($kept, '<=', 11, "the server keeps no more than 10 and that of the latest batch ($kept)");
$w->query('COMMIT');
# All of them in one batch.
$w->send_raw(join('', map { B('', "m$_", 0) . E('') } 1 .. 40) . S());
my $r = $w->result;
is(join(',', map { $_->[0] } @{ $r->{rows} }), join(',', 1 .. 40), '40 of them in one batch');
is($w->value('SELECT 1'), '1', 'and the session goes on');
# Named statements run on replicas.
$w->send_raw(P('here', 'SELECT here()') . S());
$w->result;
my %seen;
my @replicas = map { $c->node($_)->port } 'pg2', 'pg3';
ok(poll_until(sub { $w->send_raw(B('', 'here') . E('') . S()); $seen{ $w->result->{rows}[0][0] }++; $seen{$_} || return 0 for @replicas; 1 }), 'one statement runs on both replicas');
# Servers that are gone are replaced, names stay.
$c->sql($_, q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app')) for $c->names;
$w->send_raw(B('', 'm3', 39) . E('') . S());
is($w->result->{rows}[0][0], '42', 'a named statement outlives its servers');
$_->terminate for @w;

# psql and libpq's own way of doing it.
is($t->safe_psql('app', "SELECT \$1::int + \$2::int \\bind 40 2 \\g\n"), '42', 'psql \bind') if `psql --version` =~ /(\d+)/ && $1 >= 16;

$t->stop;
done_testing();
