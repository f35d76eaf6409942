# TLS on both sides: modes of a listener, certificates, hostile handshakes, large results, TLS to the nodes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Wire;
use TestEnv qw(poll_until);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'no openssl command' if system('openssl version >/dev/null 2>&1') != 0;

# ---- Certificates: one CA, a server's, a client's, and a stranger's ----

my $dir = PostgreSQL::Test::Utils::tempdir_short();
sub openssl { system("openssl @_ >>$dir/log 2>&1") == 0 or die "openssl @_: see $dir/log\n" }

sub make_ca
{
    my ($name) = @_;
    openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$name -keyout $dir/$name.key -out $dir/$name.crt");
}

sub make_cert
{
    my ($name, $ca, $cn, $san) = @_;
    openssl("req -newkey rsa:2048 -nodes -subj /CN=$cn -keyout $dir/$name.key -out $dir/$name.csr");
    open my $f, '>', "$dir/$name.ext" or die;
    print $f "subjectAltName=$san\n" if $san;
    close $f;
    openssl("x509 -req -in $dir/$name.csr -CA $dir/$ca.crt -CAkey $dir/$ca.key -CAcreateserial -days 2 -out $dir/$name.crt -extfile $dir/$name.ext");
    chmod 0600, "$dir/$name.key";
}
make_ca('ca');
make_ca('stranger');
make_cert('server', 'ca', 'localhost', 'DNS:localhost,IP:127.0.0.1');
make_cert('client', 'ca', 'app');
make_cert('odd', 'stranger', 'app');

# ---- Nodes with TLS ----

my $c = TanistCluster->new(replicas => 2);
for my $n ($c->nodes) {
    my $data = $n->data_dir;
    system('cp', "$dir/server.crt", "$dir/server.key", $data) == 0 or die;
    chmod 0600, "$data/server.key";
    $n->append_conf('postgresql.conf', "ssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\n");
    $n->reload;
}
$c->poll_sql($_, 'SHOW ssl', 'on') for $c->names;

my %port = map { $_ => PostgreSQL::Test::Cluster::get_free_port() } qw(allow require verify);
my %files = (tls_cert_file => "$dir/server.crt", tls_key_file => "$dir/server.key");
my $t = Tanist->new(
    cluster  => $c,
    settings => {
        'listen allow'   => { address => '127.0.0.1', port => $port{allow}, tls => 'allow', %files },
        'listen require' => { address => '127.0.0.1', port => $port{require}, tls => 'require', %files },
        'listen verify'  => { address => '127.0.0.1', port => $port{verify}, tls => 'verify-ca', tls_ca_file => "$dir/ca.crt", %files },
        server_tls       => { mode => 'verify-full', ca_file => "$dir/ca.crt" },
        tanist           => { workers => 2 },
    });
$t->start;

sub psql { my ($port, $sql, %o) = @_; return $t->psql('app', $sql, port => $port, %o) }

sub is_tls
{
    my ($port, $what, %o) = @_;
    my ($rc, $out, $err) = psql($port, "SELECT 41 + 1;\n\\conninfo\n", %o);
    is($rc, 0, "$what: connects") or diag($err);
    like($out, qr/^42$/m, "$what: works");
    like($out, qr/SSL connection/, "$what: over TLS");
}

sub is_refused
{
    my ($port, $like, $what, %o) = @_;
    my ($rc, undef, $err) = psql($port, 'SELECT 1', %o);
    is($rc, 2, "$what: is refused");
    like($err, $like, "$what: and told why");
}

is((psql($t->port, 'SELECT 1', sslmode => 'prefer'))[1], '1', 'tls = off: prefer falls back to plain');
is_refused($t->port, qr/server does not support SSL/, 'tls = off, sslmode = require', sslmode => 'require');
is((psql($port{allow}, 'SELECT 1', sslmode => 'disable'))[1], '1', 'tls = allow: plain');
is_tls($port{allow}, 'tls = allow, sslmode = prefer', sslmode => 'prefer');
is_tls($port{require}, 'tls = require', sslmode => 'require');
is_tls($port{require}, 'verify-ca', sslmode => 'verify-ca', sslrootcert => "$dir/ca.crt");
is_tls($port{require}, 'verify-full', sslmode => 'verify-full', sslrootcert => "$dir/ca.crt", host => 'localhost', hostaddr => '127.0.0.1');
is_tls($port{require}, 'TLS 1.2', sslmode => 'require', ssl_max_protocol_version => 'TLSv1.2');
is_refused($port{require}, qr/certificate verify failed/, 'a CA that did not sign the port', sslmode => 'verify-ca', sslrootcert => "$dir/stranger.crt");
is_refused($port{require}, qr/this port requires TLS/, 'tls = require: plain', sslmode => 'disable');
is_refused($port{require}, qr/password authentication failed/, 'a wrong password over TLS', sslmode => 'require', password => 'wrong');
is_tls($port{verify}, 'tls = verify-ca with a certificate', sslmode => 'require', sslcert => "$dir/client.crt", sslkey => "$dir/client.key");
my ($rc, $out, $err) = psql($port{verify}, 'SELECT 1', sslmode => 'require', sslcert => "$dir/none", sslkey => "$dir/none");
is($rc, 2, 'tls = verify-ca without a certificate: refused');
($rc) = psql($port{verify}, 'SELECT 1', sslmode => 'require', sslcert => "$dir/odd.crt", sslkey => "$dir/odd.key");
is($rc, 2, 'tls = verify-ca with a stranger\'s certificate: refused');
is_refused($port{verify}, qr/requires TLS/, 'tls = verify-ca: plain', sslmode => 'disable');

# ---- To the nodes ----

for my $n ($c->names) {
    is($c->sql($n, q(SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE usename = 'app' AND NOT ssl)), '0', "$n: no plain connection of a client");
}
cmp_ok($c->sql('pg1', q(SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE usename = 'app' AND ssl)), '>', 0, 'servers are over TLS');
my ($server) = grep { $_->{user} eq 'app' } $t->console('SHOW SERVERS');
isnt($server->{tls}, '', 'SHOW SERVERS tells it');

# ---- Large results and parameters, both ways, over TLS on both sides ----

my %tls = (port => $port{require}, sslmode => 'require');
is(length $t->safe_psql('app', q(SELECT repeat('x', 20000000)), %tls), 20_000_000, 'a value of 20 MB');
is($t->safe_psql('app', q(SELECT count(*) FROM (SELECT repeat('r', 1000) FROM generate_series(1, 20000)) x), %tls), '20000', 'an aggregate');
my $many = $t->safe_psql('app', q(SELECT i || repeat('r', 500) FROM generate_series(1, 20000) i), %tls);
is(scalar(split /\n/, $many), 20_000, '20000 rows');
like($many, qr/\n20000r{500}\z/, 'in order to the last');
$c->sql('pg1', 'CREATE TABLE big (a text); GRANT ALL ON big TO app', 'app');
is($t->safe_psql('app', "SELECT length('" . 'q' x 5_000_000 . "')", %tls), 5_000_000, 'a statement of 5 MB');
($rc, $out, $err) = psql($port{require}, "\\copy big from program 'yes copy | head -n 500000'\nSELECT count(*) FROM big;\n", sslmode => 'require');
is($out, '500000', 'COPY in over TLS') or diag($err);
is(length $t->safe_psql('app', 'COPY big TO STDOUT', %tls), 500_000 * 5 - 1, 'COPY out over TLS');

# pgbench over TLS, for many small messages and reconnections.
{
    local @ENV{qw(PGHOST PGPORT PGUSER PGPASSWORD PGSSLMODE)} = ($t->host, $port{require}, 'app', 'app-secret', 'require');
    open my $f, '>', "$dir/script.sql" or die;
    print $f "\\set i random(1, 1000)\nSELECT :i, repeat('x', :i * 20);\nBEGIN;\nINSERT INTO big VALUES (:i);\nEND;\n";
    close $f;
    my ($o, $e) = ('', '');
    IPC::Run::run([ 'pgbench', '-n', '-M', 'prepared', '-f', "$dir/script.sql", '-c', '8', '-t', '50', 'app' ], '<', \'', '>', \$o, '2>', \$e);
    like($o, qr/number of failed transactions: 0 /, 'pgbench over TLS') or diag($e);
    IPC::Run::run([ 'pgbench', '-n', '-C', '-f', "$dir/script.sql", '-c', '4', '-t', '10', 'app' ], '<', \'', '>', \$o, '2>', \$e);
    like($o, qr/number of failed transactions: 0 /, 'pgbench -C over TLS') or diag($e);
}

# ---- Hostile handshakes ----

sub start_tls { my ($port) = @_; my $w = Wire->open('127.0.0.1', $port); return ($w, $w->negotiate(Wire::SSL_REQUEST)) }
my $fds = $t->fds;
my ($w, $answer) = start_tls($port{require});
is($answer, 'S', 'SSLRequest is answered S');
$w->send_raw("GET / HTTP/1.1\r\n\r\n" x 10);
ok($w->closed_in(30), 'something that is not TLS: closed');
($w) = start_tls($port{require});
$w->send_raw(Wire::startup_packet(196608, user => 'app', database => 'app'));
ok($w->closed_in(30), 'a start-up packet in clear after S: closed');
($w) = start_tls($port{require});
$w->send_raw("\x16\x03\x01\x40\x00" . "\x01" . "\0" x 200);
$w->close;
($w) = start_tls($port{require});
$w->reset;
my @half = map { (start_tls($port{require}))[0] } 1 .. 20;
$_->send_raw("\x16\x03\x01") for @half;
is($t->safe_psql('app', 'SELECT 1', %tls), '1', 'twenty half-open handshakes hold nobody up');
$_->close for @half;
$w = Wire->open('127.0.0.1', $port{require});
$w->send_raw(Wire::request(Wire::SSL_REQUEST) . Wire::startup_packet(196608, user => 'app', database => 'app'));
ok($w->closed_in(30), 'bytes behind SSLRequest in one packet: closed');
unlike($w->{in}, qr/R\0\0\0/, 'and not taken for a login');
$w = Wire->open('127.0.0.1', $port{require});
is($w->negotiate(Wire::GSS_REQUEST) . $w->negotiate(Wire::SSL_REQUEST), 'NS', 'GSSENCRequest first');
$w->close;
ok(poll_until(sub { $t->fds <= $fds + 5 }), 'no descriptor of theirs is left');

# ---- Nodes that do not offer what is asked for ----

my $strict = Tanist->new(
    cluster  => $c,
    name     => 'strict',
    settings => { server_tls => { mode => 'verify-ca', ca_file => "$dir/stranger.crt" }, 'pool *' => { query_wait_timeout => '1s' } });
$strict->start;
my $s = $strict->wire('app', fail_ok => 1);
ok($s->{error}, 'nodes whose certificate the CA did not sign are not used');
like($s->{error}{M}, qr/certificate|TLS/, 'and the client is told') or diag(explain($s->{error}));
is((grep { $_->{database} eq 'app' && $_->{state} eq 'idle' } $strict->console('SHOW SERVERS')), 0, 'no server');
$strict->stop;

$t->stop;
done_testing();
