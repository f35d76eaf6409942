# Batches that drivers seldom send: errors in the middle, requests behind an error, statements that a batch makes anew,
# COPY that fails early, long messages. Each is told by the answers that PostgreSQL itself gives to the same bytes.
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
$c->sql('pg1', 'CREATE TABLE t (a int PRIMARY KEY, b text); GRANT ALL ON t TO app', 'app');
$c->wait_catchup;
my $t = Tanist->new(cluster => $c, settings => { 'pool *' => { max_prepared_statements => 4 } });
$t->start;
my $node = $c->node('pg1');

sub direct { return Wire->connect(host => '127.0.0.1', port => $node->port, database => 'app', user => 'app', password => 'app-secret') }

# What came back, in one line: types, rows, tags and SQLSTATEs.
sub summary
{
    my (@messages) = @_;
    my @out;
    for my $m (@messages) {
        my ($type, $body) = @$m;
        next if $type eq 'N' || $type eq 'S';
        if ($type eq 'E') { push @out, 'E:' . Wire::fields($body)->{C} }
        elsif ($type eq 'D') { push @out, 'D:' . join ',', map { $_ // 'null' } @{ Wire::row($body) } }
        elsif ($type eq 'C') { push @out, 'C:' . ($body =~ s/\0$//r) }
        elsif ($type eq 'Z') { push @out, "Z:$body" }
        else { push @out, $type }
    }
    return join ' ', @out;
}

# Sends each step and reads as many ReadyForQuery as it says (0: nothing is read).
sub talk
{
    my ($w, @steps) = @_;
    my @got;
    while (my ($bytes, $n) = splice @steps, 0, 2) {
        $w->send_raw($bytes);
        push @got, $w->read_until('Z') for 1 .. $n;
    }
    return summary(@got);
}

# The same bytes to the node and to the port, in fresh sessions; returns the port's session to go on with.
sub same
{
    my ($what, @steps) = @_;
    my ($d, $p) = (direct(), $t->wire);
    my ($want, $got) = (talk($d, @steps), talk($p, @steps));
    is($got, $want, $what);
    is(talk($p, Wire::message('Q', Wire::cstr('SELECT 7')), 1), 'T D:7 C:SELECT 1 Z:I', "$what: the session goes on") if $want =~ /Z:I$/;
    $d->close;
    return $p;
}

sub q_ { return Wire::message('Q', Wire::cstr($_[0])) }
sub pbe { my ($name, $sql) = @_; return Wire::parse($name, $sql) . be($name) }
sub be { return Wire::bind('', $_[0]) . Wire::execute('') }
my $sync = Wire::sync();

# ---- Errors up to Sync ----

same('an error skips to Sync', pbe('', 'SELECT 1') . pbe('', 'SELECT nonsense') . pbe('', 'SELECT 2') . $sync, 1);
same('also a Query', Wire::parse('', 'SELECT nonsense') . q_('SELECT 2') . $sync, 1);
same('and what is sent when the error is known',
    Wire::parse('', 'SELECT nonsense') . Wire::flush(), 0,
    pbe('x', 'SELECT 1') . Wire::close_message('S', 'y') . $sync, 1,
    be('x') . $sync, 1);
{
    my ($d, $p) = (direct(), $t->wire);
    for my $w ($d, $p) { # the error is read before the rest is sent
        $w->send_raw(Wire::parse('', 'SELECT nonsense') . Wire::flush());
        my $m = $w->read_message;
        is($m->[0], 'E', 'error at Flush');
        is(talk($w, pbe('x', 'SELECT 1') . $sync, 1), 'Z:I', 'the rest is skipped');
        is(talk($w, pbe('x', 'SELECT 1') . $sync, 1), '1 2 D:1 C:SELECT 1 Z:I', 'and the name is free');
    }
}
same('an error at Sync', q_('CREATE TEMP TABLE c (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)'), 1,
    pbe('', 'INSERT INTO c VALUES (1), (1)') . $sync, 1, pbe('', 'SELECT 1') . $sync, 1);

# ---- Statements ----

same('the old unnamed statement, then a new one, in one batch',
    Wire::parse('', q(SELECT 'old')) . $sync, 1,
    be('') . pbe('', q(SELECT 'new')) . $sync, 1,
    be('') . $sync, 1);
same('a Close that is skipped', Wire::parse('s', 'SELECT 5') . $sync, 1,
    Wire::parse('', 'nonsense') . Wire::close_message('S', 's') . $sync, 1, be('s') . $sync, 1);
same('a Close and a Parse of its name that are skipped', Wire::parse('s', 'SELECT 5') . $sync, 1,
    Wire::parse('', 'nonsense') . Wire::close_message('S', 's') . Wire::parse('s', 'SELECT 6') . $sync, 1,
    be('s') . $sync, 1);
same('a Close and a Parse of its name', Wire::parse('s', 'SELECT 5') . $sync, 1,
    Wire::close_message('S', 's') . Wire::parse('s', 'SELECT 6') . $sync, 1, be('s') . $sync, 1);
same('a name that is taken', Wire::parse('s', 'SELECT 5') . $sync, 1, Wire::parse('s', 'SELECT 6') . $sync, 1,
    be('s') . $sync, 1);
same('a name that is not known', be('s') . $sync, 1);

# More statements than a server may hold, with errors in between: what was to be closed and was not is still known.
{
    my $p = $t->wire;
    my $bad = 0;
    for my $round (1 .. 6) {
        for my $i (1 .. 9) {
            my $name = "s${round}_$i";
            my $error = ($i % 3) == 0 ? Wire::parse('', 'nonsense') : '';
            my $got = talk($p, $error . pbe($name, "SELECT $i, 'e'") . $sync, 1);
            my $want = $error ? 'E:42601 Z:I' : "1 2 D:$i,e C:SELECT 1 Z:I";
            $bad++, diag("$name: $got") if $got ne $want;
        }
    }
    is($bad, 0, 'statements are evicted and come back, errors or not');
}

# ---- Sessions ----

{
    my $p = $t->wire;
    talk($p, q_('SET search_path = pg_catalog'), 1);
    is(talk($p, q_('DISCARD ALL; SELECT 1'), 1), 'E:25001 Z:I', 'DISCARD ALL among others fails');
    is(talk($p, q_('SHOW search_path'), 1), 'T D:pg_catalog C:SHOW Z:I', 'and the session keeps its setting');
    is(talk($p, pbe('', 'DISCARD ALL') . pbe('', 'SET search_path = pg_catalog') . $sync, 1) =~ /Z:I$/, 1, 'DISCARD ALL and SET');
    my @others = map { $t->wire } 1 .. 3;
    is(talk($_, q_('SHOW search_path'), 1), 'T D:"$user", public C:SHOW Z:I', 'nothing leaks into another session') for @others;
}

# ---- COPY ----

my $row = sub { return Wire::message('d', $_[0]) };
same('COPY with the Sync behind it', pbe('', 'COPY t FROM STDIN') . $sync, 0, $row->("1\tx\n") . Wire::message('c', '') . $sync, 1,
    q_('DELETE FROM t'), 1);
same('Sync and Flush amid the data are ignored', pbe('', 'COPY t FROM STDIN') . Wire::flush(), 0,
    $row->("1\tx\n") . $sync . Wire::flush() . $row->("2\ty\n") . Wire::message('c', '') . $sync, 1,
    q_('DELETE FROM t'), 1);
# Data cut at every byte of a header: each piece has been read before the next is sent.
{
    my $p = $t->wire;
    my @others = map { $t->wire } 1 .. 4;
    $p->send_raw(q_('COPY t FROM STDIN'));
    is($p->read_message->[0], 'G', 'copying in');
    for my $cut (1 .. 7) {
        my $d = $row->("$cut\tx\n");
        $p->send_raw(substr $d, 0, $cut, '');
        $_->value('SELECT 1') for @others;
        $p->send_raw($d);
    }
    $p->send_raw(Wire::message('c', ''));
    is(summary($p->read_until('Z')), 'C:COPY 7 Z:I', 'data cut at every byte of a header');
    is(talk($p, q_('DELETE FROM t'), 1), 'C:DELETE 7 Z:I', 'all of it came');
}
for my $size (10, 70_000, 3_000_000) {
    my $p = $t->wire;
    $p->send_raw(q_('COPY t FROM STDIN'));
    is($p->read_message->[0], 'G', 'copying in');
    $p->send_raw($row->("not a number\tx\n") x 3000); # the error comes while a long message is under way
    my $long = $row->('1' x $size);
    $p->send_raw(substr $long, 0, length($long) / 2, '');
    is(summary($p->read_until('Z')), 'E:22P02 Z:I', "COPY fails amid a message of $size bytes");
    my @others = map { $t->wire } 1 .. 4;
    is(talk($_, q_('SELECT 8'), 1), 'T D:8 C:SELECT 1 Z:I', 'others are not disturbed') for @others;
    $p->send_raw($long . Wire::message('c', ''));
    is(talk($p, q_('SELECT 9'), 1), 'T D:9 C:SELECT 1 Z:I', 'nor is the session');
}

# ---- Malformed or unfinished batches, with output already collected ----

for my $end (Wire::message('D', "X\0") . $sync, Wire::message('C', 'Sx') . $sync, Wire::message('B', 'x' x 20), Wire::message('X', '')) {
    my $p = $t->wire;
    $p->send_raw(Wire::parse('', 'SELECT 1') . Wire::bind('', '') . $end);
    ok($p->closed_in(10), 'a batch that ends with ' . substr($end, 0, 1) . ' closes its session only');
}
is($t->safe_psql('app', 'SELECT 1'), '1', 'the daemon goes on');

# ---- Long messages ----

for my $n (20_000, 50_000, 200_000) {
    my $sql = "DO \$\$BEGIN RAISE EXCEPTION '%', repeat('x', $n); END\$\$";
    same("an error of $n bytes, simple", q_($sql), 1);
    same("an error of $n bytes, extended", pbe('', $sql) . be('') . $sync, 1);
}
same('a Query of 1.5 MB', q_("SELECT length('" . 'x' x 1_500_000 . "')"), 1);

# A very long Query that cannot be sent anywhere is refused once, and the session goes on.
{
    my $p = $t->wire;
    is(talk($p, q_('BEGIN') . q_('SELECT 1/0'), 2), 'C:BEGIN Z:T E:22012 Z:E', 'a failed transaction');
    is(talk($p, q_("SELECT '" . 'x' x 1_500_000 . "'") . q_('ROLLBACK'), 2), 'E:25P02 Z:E C:ROLLBACK Z:I', 'refuses a long Query');
}

# ---- Retries ----

# A function that the catalog says is stable, and that writes: its replica refuses, and the batch runs again on the primary
# with the name that it makes.
$c->sql('pg1', q(
    CREATE FUNCTION liar() RETURNS int LANGUAGE plpgsql STABLE AS $$
    BEGIN
        IF current_setting('transaction_read_only')::bool THEN RAISE EXCEPTION 'no' USING ERRCODE = '25006'; END IF;
        RETURN 1;
    END$$;
    CREATE FUNCTION on_replica() RETURNS bool LANGUAGE sql STABLE AS 'SELECT current_setting(''transaction_read_only'')::bool';
    GRANT EXECUTE ON FUNCTION liar(), on_replica() TO app), 'app');
$c->wait_catchup;
$t->reload;
{
    my $p = $t->wire;
    my $routed = poll_until(sub { return talk($p, q_('SELECT on_replica()'), 1) =~ /D:t/ });
    ok($routed, 'reads go to the replica');
    my @got = map { talk($p, pbe("r$_", "SELECT liar(), $_") . $sync, 1) } 1 .. 5;
    is($got[$_ - 1], "1 2 D:1,$_ C:SELECT 1 Z:I", "a named statement that a replica refuses ($_)") for 1 .. 5;
    is(talk($p, be("r$_") . $sync, 1), "2 D:1,$_ C:SELECT 1 Z:I", "is there afterwards ($_)") for 1 .. 5;
}

# The server ends the session before it has done anything, with replies of the same batch in one packet.
{
    my $p = $t->wire;
    talk($p, pbe('k0', 'SELECT pg_backend_pid()') . $sync, 1);
    my $sql = q(SELECT count(*) FROM generate_series(1, 5000000));
    for my $i (1 .. 3) {
        $p->send_raw(Wire::parse("k$i", $sql) . be("k$i") . $sync);
        my $killed = poll_until(
            sub {
                my $n = 0;
                $n += $c->sql($_, q(SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE usename = 'app' AND state = 'active' AND query LIKE 'SELECT count%generate_series%') x)) for $c->names;
                return $n > 0;
            });
        ok($killed, 'the backend was terminated');
        is(summary($p->read_until('Z')), '1 2 D:5000000 C:SELECT 1 Z:I', 'the read ran again');
    }
    is(talk($p, be('k1') . $sync, 1), '2 D:5000000 C:SELECT 1 Z:I', 'and its name is there');
}

$t->stop;
done_testing;
