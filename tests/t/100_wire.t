# The port against bytes that no driver would send, and against clients that vanish: each gets a clear answer or is
# closed, nothing leaks, and nobody else notices.
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
$c->sql('pg1', 'CREATE TABLE t (a int, b text); GRANT ALL ON t TO app', 'app');
$c->wait_catchup;
my $t = Tanist->new(cluster => $c);
$t->start;
my $port = $t->port;

# Everybody else: lives through the whole file on one connection.
my $witness = $t->wire;
is($witness->value('SELECT 40 + 2'), '42', 'the witness works');
my $fds = $t->fds;

sub raw { return Wire->open('127.0.0.1', $port) }

# Sends bytes, expects the other side to close; returns the fields of the error that came first, if any.
sub dies_of
{
    my ($w, $bytes) = @_;
    $w->send_raw($bytes);
    my $e = {};
    while (my $m = $w->read_message) {
        $e = Wire::fields($m->[1]) if $m->[0] eq 'E';
    }
    return $e;
}

# No session but the witness holds a server or waits, in the eyes of the console and of every node.
sub is_quiet
{
    my ($what) = @_;
    my $quiet = poll_until(
        sub {
            my @pools = grep { $_->{database} eq 'app' } $t->console('SHOW POOLS');
            my @clients = grep { $_->{database} eq 'app' } $t->console('SHOW CLIENTS');
            my @busy = grep { $_->{state} ne 'idle' } $t->console('SHOW SERVERS');
            return @clients == 1 && !@busy && !grep { $_->{cl_waiting} || $_->{sv_active} || $_->{sv_login} } @pools;
        });
    ok($quiet, "$what: clients, pools and servers are as before") or diag(explain([ $t->console('SHOW CLIENTS') ]));
    for my $n ($c->names) {
        my $busy = q(SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'app' AND state <> 'idle');
        ok($c->poll_sql($n, $busy), "$what: nothing runs or stays open on $n");
    }
    is($witness->value('SELECT 40 + 2'), '42', "$what: the witness goes on");
}

# ---- Before the login ----

my @packets = (
    [ 'a length below the head', pack('NN', 7, 196608) ],
    [ 'length zero', pack('NN', 0, 196608) ],
    [ 'an oversized packet', pack('NN', 0x00100000, 196608) . 'x' x 100 ],
    [ 'HTTP', "GET / HTTP/1.1\r\nHost: x\r\n\r\n" ],
    [ 'protocol 2', Wire::startup_packet(131072, user => 'app') ],
    [ 'protocol 4', Wire::startup_packet(262144, user => 'app') ],
    [ 'no end of the pairs', pack('NN', 8 + 8, 196608) . "user\0app" ],
    [ 'a name without a value', pack('NN', 8 + 6, 196608) . "user\0\0" ],
    [ 'bytes behind the end', pack('NN', 8 + 14, 196608) . "user\0app\0\0junk\0" ],
    [ 'no user', Wire::startup_packet(196608, database => 'app') ],
    [ 'an endless user name', Wire::startup_packet(196608, user => 'u' x 5000) ],
    [ 'a password before it was asked for, then garbage', Wire::startup_packet(196608, user => 'app') . "\0\0\0\0\0\0" ],
    [ 'a query in place of the password', Wire::startup_packet(196608, user => 'app') . Wire::message('Q', "SELECT 1\0") ],
    [ 'an endless password message', Wire::startup_packet(196608, user => 'app') . 'p' . pack('N', 0x7fffffff) ],
    [ 'a negative length during login', Wire::startup_packet(196608, user => 'app') . 'p' . pack('N', 0x80000001) ],
    [ 'an unknown SASL mechanism', Wire::startup_packet(196608, user => 'app') . Wire::message('p', "FOO\0" . pack('N', 0)) ],
    [ 'a lying SASL length', Wire::startup_packet(196608, user => 'app') . Wire::message('p', "SCRAM-SHA-256\0" . pack('N', 999) . 'n,,') ],
    [ 'a cancel request with an impossible key', Wire::request(Wire::CANCEL_REQUEST, 'x') ],
    [ 'an SSLRequest with a body', pack('NNN', 12, Wire::SSL_REQUEST, 0) ]);
for my $p (@packets) {
    my $e = dies_of(raw(), $p->[1]);
    like($e->{C} // '', qr/^(?:08P01|0A000|28000|22023)$/, "$p->[0]: refused with an SQLSTATE") or diag(explain($e));
    is($e->{S}, 'FATAL', "$p->[0]: FATAL");
}
ok(raw()->closed_in(0.0001) == 0, 'a connection that says nothing is kept');
my $hello = raw();
$hello->send_raw("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
ok($hello->closed_in(30), 'a TLS hello without SSLRequest is closed');
for my $n (1 .. 12) {
    my $w = raw();
    $w->send_raw(substr Wire::startup_packet(196608, user => 'app', database => 'app'), 0, $n);
    $n % 2 ? $w->close : $w->reset;
}
is_quiet('after bad start-up packets');

is(raw()->negotiate(Wire::SSL_REQUEST), 'N', 'SSLRequest without a certificate is answered N');
is(raw()->negotiate(Wire::GSS_REQUEST), 'N', 'GSSENCRequest is answered N');
my $w = raw();
is($w->negotiate(Wire::GSS_REQUEST) . $w->negotiate(Wire::SSL_REQUEST), 'NN', 'one after the other');
$w->send_raw(Wire::startup_packet(196608, user => 'app', database => 'app'));
$w->{user} = 'app';
ok($w->login('app-secret'), 'and then a login in clear on the same connection');
is($w->value('SELECT 1'), '1', 'which works');
$w->terminate;
$w = raw();
$w->send_raw(Wire::request(Wire::SSL_REQUEST) . Wire::startup_packet(196608, user => 'app', database => 'app'));
ok($w->closed_in(30), 'what came in one packet with SSLRequest is not trusted: closed');
unlike($w->{in}, qr/^N?R/, 'and no authentication began');

# ---- Versions and options ----

$w = $t->wire('app', version => Wire::PROTOCOL_32);
ok(!$w->{negotiated}, 'protocol 3.2 is spoken');
is(length $w->{secret}, 32, 'with a long key');
is($w->value('SELECT 1'), '1', 'and works');
$w->terminate;
$w = $t->wire('app', parameters => { '_pq_.one' => 'x', '_pq_.two' => 'y', application_name => 'neg' });
is_deeply($w->{negotiated}, { version => Wire::PROTOCOL_30, options => [ '_pq_.one', '_pq_.two' ] }, '_pq_ options are named as unknown');
is($w->value('SHOW application_name'), 'neg', 'and the others are taken');
$w->terminate;
$w = $t->wire;
ok(!$w->{negotiated}, '3.0 without options is not negotiated');
$w->terminate;
$w = $t->wire('app', version => (3 << 16) | 9999);
is($w->{negotiated}{version}, Wire::PROTOCOL_32, '3.9999, which libpq sends to try out servers, becomes 3.2');
$w->terminate;

# ---- After the login ----

my @hostile = (
    [ 'an unknown message type', "~\0\0\0\4" ],
    [ 'type zero', "\0\0\0\0\4" ],
    [ 'length 3', "Q\0\0\0\3" ],
    [ 'length zero', "Q\0\0\0\0" ],
    [ 'a negative length', "Q\xff\xff\xff\xff" ],
    [ 'an enormous length', "B\x7f\xff\xff\xff" ],
    [ 'a Query without its NUL', Wire::message('Q', 'SELECT 1') ],
    [ 'a Parse without an end', Wire::message('P', 'x') . Wire::sync() ],
    [ 'a Parse with a lying number of types', Wire::message('P', "\0SELECT 1\0" . pack('n', 100)) . Wire::sync() ],
    [ 'a Bind that is only its names', Wire::message('B', "a\0b\0") . Wire::sync() ],
    [ 'a Describe of nothing', Wire::message('D', "X\0") . Wire::sync() ],
    [ 'a Close without a name', Wire::message('C', 'S') . Wire::sync() ],
    [ 'an Execute without its count', Wire::message('E', "\0") . Wire::sync() ],
    [ 'a Flush that is too long', Wire::message('H', 'x' x 100000) ],
    [ 'a second start-up packet', Wire::startup_packet(196608, user => 'postgres', database => 'postgres') ],
    [ 'an SSLRequest in mid-session', Wire::request(Wire::SSL_REQUEST) ],
    [ 'a password nobody asked for', Wire::message('p', "secret\0") ]);
for my $h (@hostile) {
    my $w = $t->wire;
    my $e = dies_of($w, $h->[1]);
    is($e->{C}, '08P01', "$h->[0]: a protocol violation") or diag(explain($e));
    is($e->{S}, 'FATAL', "$h->[0]: FATAL, and the connection is closed");
}
is_quiet('after hostile messages');
for my $h (@hostile) {
    my $w = $t->wire;
    $w->query('BEGIN; INSERT INTO t VALUES (-1)');
    my $e = dies_of($w, $h->[1]);
    is($e->{S}, 'FATAL', "$h->[0], within a transaction: FATAL");
}
is_quiet('after hostile messages in transactions');
is($c->sql('pg1', 'SELECT count(*) FROM t', 'app'), '0', 'and those transactions were rolled back');

# What a Bind's values look like inside is the server's business: an error, and the session goes on.
$w = $t->wire;
for my $b ([ 'a lying value length', pack('nnN', 0, 1, 1000) . 'x' . pack('n', 0) ],
    [ 'a value length of -2', pack('nnN', 0, 1, 0xfffffffe) . pack('n', 0) ],
    [ 'a lying number of formats', pack('nnn', 1000, 0, 0) ],
    [ 'a lying number of values', pack('nnn', 0, 1000, 0) ])
{
    $w->send_raw(Wire::parse('', 'SELECT $1::int') . Wire::message('B', "\0\0" . $b->[1]) . Wire::execute('') . Wire::sync());
    my $r = $w->result;
    is($r->{error}{C}, '08P01', "a Bind with $b->[0]: a protocol violation");
    is($r->{status}, 'I', "and the session goes on");
}
$w->terminate;

$w = $t->wire;
$w->send_raw(Wire::message('d', 'data of no COPY') . Wire::message('c', '') . Wire::message('f', "x\0"));
is($w->value('SELECT 7'), '7', 'copy messages outside COPY are ignored, as PostgreSQL does');
$w->terminate;
$w = $t->wire;
is($w->query('')->{types}, 'IZ', 'an empty query');
is($w->query(';;')->{types}, 'IZ', 'only semicolons');
$w->send_raw(Wire::sync() x 3);
is(join('', map { $w->result->{types} } 1 .. 3), 'ZZZ', 'Sync and nothing else, three times');
$w->terminate;

# A function call by the old message: int4pl(20, 22).
$w = $t->wire;
$w->send_message('F', pack('N', 177) . pack('nn', 1, 1) . pack('n', 2) . pack('NN', 4, 20) . pack('NN', 4, 22) . pack('n', 1));
my ($m) = $w->read_until('Z');
is($m->[0] . unpack('x4N', $m->[1]), 'V42', 'FunctionCall is answered');
$w->terminate;

# ---- Clients that vanish ----

for my $how (qw(close reset)) {
    my $w = raw();
    $w->send_raw(Wire::startup_packet(196608, user => 'app', database => 'app'));
    $w->fill(1);
    $w->$how;

    $w = $t->wire;
    $w->query('BEGIN');
    $w->query('INSERT INTO t VALUES (1)');
    $w->query('SELECT pg_advisory_xact_lock(77)');
    $w->$how;

    $w = $t->wire;
    $w->query('COPY t FROM STDIN');
    $w->send_message('d', "2\tx\n");
    $w->$how;

    $w = $t->wire;
    $w->send_message('Q', Wire::cstr('COPY (SELECT generate_series(1, 3000000)) TO STDOUT'));
    $w->fill(20);
    $w->$how;

    $w = $t->wire;
    $w->send_message('Q', Wire::cstr("SELECT repeat('x', 100000) FROM generate_series(1, 2000)"));
    $w->fill(100);
    $w->$how;

    $w = $t->wire;
    $w->send_raw(substr Wire::message('Q', "INSERT INTO t VALUES (3)\0"), 0, 12);
    $w->$how;

    $w = $t->wire;
    $w->send_raw(Wire::parse('s', 'INSERT INTO t VALUES ($1)', 23) . Wire::bind('', 's', 4) . Wire::execute(''));
    $w->$how;
    is_quiet("clients gone by $how");
}
is($c->sql('pg1', 'SELECT count(*) FROM t WHERE a < 3', 'app'), '0', 'nothing of theirs was committed');
ok($c->poll_sql('pg1', q(SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory')), 'and their locks are gone');

# ---- Cut at every byte ----

my $session = Wire::message('Q', "SELECT 1\0") . Wire::parse('s1', 'SELECT $1::int + 1') . Wire::bind('p1', 's1', 41)
    . Wire::describe('P', 'p1') . Wire::execute('p1') . Wire::close_message('S', 's1') . Wire::sync() . Wire::message('Q', "BEGIN\0")
    . Wire::message('Q', "INSERT INTO t VALUES (9)\0") . Wire::message('Q', "ROLLBACK\0");

sub answers
{
    my ($w) = @_;
    return join ' ', map { my ($type, $body) = @$_; $type . unpack('H*', $body) }
        map { $w->read_until('Z') } 1 .. 5;
}
$w = $t->wire;
$w->send_raw($session);
my $expected = answers($w);
like($expected, qr/^T.* D.* C.* Z.* 1 2 T.* D.* C.* 3 Z/, 'a small session');
my $bad = 0;
for my $cut (1 .. length($session) - 1) {
    $w->send_raw(substr $session, 0, $cut);
    # The first part has arrived when the daemon has answered what it can of it.
    my $part = substr $session, 0, $cut;
    select undef, undef, undef, 0.0005;
    $w->send_raw(substr $session, $cut);
    my $got = answers($w);
    next if $got eq $expected;
    diag("cut at $cut: $got\nexpected: $expected") if $bad++ < 3;
}
is($bad, 0, 'the same answers wherever it is cut in two');
for my $i (1 .. length $session) {
    $w->send_raw(substr $session, $i - 1, 1);
}
is(answers($w), $expected, 'and one byte at a time');
$w->terminate;

my $packet = Wire::startup_packet(196608, user => 'app', database => 'app', application_name => 'slow');
$w = raw();
$w->{user} = 'app';
$w->send_raw($_) for split //, $packet;
ok($w->login('app-secret'), 'a start-up packet byte by byte');
is($w->value('SHOW application_name'), 'slow', 'is understood');
$w->terminate;

# ---- Pipelining ----

$w = $t->wire;
my $n = 200;
$w->send_raw(join '', map {
        Wire::parse('', $_ % 7 == 0 ? 'SELECT 1 / ($1::int - $1::int)' : 'SELECT $1::int') . Wire::bind('', '', $_)
            . Wire::execute('') . Wire::sync()
    } 1 .. $n);
my $wrong = 0;
for my $i (1 .. $n) {
    my $r = $w->result;
    $wrong++ unless $i % 7 == 0 ? ($r->{error}{C} // '') eq '22012' : ($r->{rows}[0][0] // '') eq $i;
}
is($wrong, 0, "$n batches, each with its Sync, sent at once: each has its own answer, errors too");
$w->send_raw(join '', map { Wire::message('Q', "SELECT $_\0") } 1 .. $n);
is(join(',', map { $w->result->{rows}[0][0] } 1 .. $n), join(',', 1 .. $n), "$n simple queries sent at once");
$w->send_raw(join('', map { Wire::parse('', 'INSERT INTO t VALUES ($1::int)') . Wire::bind('', '', 1000 + $_) . Wire::execute('') } 1 .. 50)
        . Wire::sync());
is($w->result->{types}, '12C' x 50 . 'Z', 'fifty inserts with one Sync');
$w->send_raw(join('', map { Wire::parse('', 'INSERT INTO t VALUES ($1::int)') . Wire::bind('', '', 2000 + $_) . Wire::execute('') } 1 .. 50)
        . Wire::parse('', 'SELECT 1/0') . Wire::bind('', '') . Wire::execute('') . Wire::sync());
is($w->result->{error}{C}, '22012', 'fifty more, and an error at their end');
is($w->value('SELECT count(*) FROM t WHERE a > 1000'), '50', 'are rolled back together');
$w->terminate;

is_quiet('at the end');
$witness->terminate;
ok(poll_until(sub { $t->fds <= $fds + 12 }), 'no descriptors leaked') or diag("$fds before, " . $t->fds . ' now');
$t->stop;
done_testing();
