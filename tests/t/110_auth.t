# Who gets in: SCRAM, md5, clear passwords and trust against the roles of the nodes, changes of roles, limits, and the
# rights of the console.
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
$c->sql('pg1', <<'SQL');
SET password_encryption = 'md5';
CREATE ROLE old LOGIN PASSWORD 'old-secret';
RESET password_encryption;
CREATE ROLE nologin_role PASSWORD 'nologin_role-secret';
CREATE ROLE nopass LOGIN;
CREATE ROLE expired LOGIN PASSWORD 'expired-secret' VALID UNTIL '2001-01-01';
CREATE ROLE moving LOGIN PASSWORD 'moving-secret';
CREATE ROLE "Mixed Case""é" LOGIN PASSWORD 'p w"''\é';
CREATE DATABASE closed; REVOKE CONNECT ON DATABASE closed FROM PUBLIC;
CREATE DATABASE other; CREATE DATABASE "da""ta base";
SQL
$c->wait_catchup;
# The md5 role logs in to the nodes by md5.
for my $n ($c->nodes) {
    my $file = $n->data_dir . '/pg_hba.conf';
    open my $in, '<', $file or die;
    my $hba = join '', <$in>;
    open my $out, '>', $file or die;
    print $out "host all old 127.0.0.1/32 md5\n", $hba;
    close $out;
    $n->reload;
}
my $t = Tanist->new(
    cluster  => $c,
    settings => { auth => { method => 'scram-sha-256', auth_cache_ttl => '1h' }, tanist => { log_connections => 'on' } });
$t->start;

# The error of a login, or the session.
sub try_login { my ($db, %o) = @_; return $t->wire($db, fail_ok => 1, %o) }

sub is_in
{
    my ($w, $what) = @_;
    ok(!$w->{error}, $what) or return diag(explain($w->{error}));
    is($w->value('SELECT 1'), '1', "$what: and works");
    $w->terminate;
}

sub is_out
{
    my ($w, $code, $message, $what) = @_;
    is($w->{error}{C}, $code, "$what: $code");
    is($w->{error}{S}, 'FATAL', "$what: FATAL");
    like($w->{error}{M}, $message, "$what: the message");
    ok($w->closed_in(30), "$what: closed");
    return $w;
}

# ---- SCRAM ----

my $w = try_login('app');
ok($w->{auth}{10} && $w->{auth}{11} && $w->{auth}{12}, 'SCRAM, and the port proves that it knows the verifier');
is($w->value('SELECT session_user || current_user'), 'appapp', 'the session on the node is of the same role');
$w->terminate;
my $denied = qr/^password authentication failed for user "(?:app|nobody|nologin_role|nopass)"$/;
my @out = (
    is_out(try_login('app', password => 'wrong'), '28P01', $denied, 'a wrong password'),
    is_out(try_login('app', password => ''), '28P01', $denied, 'an empty password'),
    is_out(try_login('app', user => 'nobody'), '28P01', $denied, 'an unknown role'),
    is_out(try_login('app', user => 'nologin_role'), '28P01', $denied, 'a role that may not log in'),
    is_out(try_login('app', user => 'nopass'), '28P01', $denied, 'a role without a password'));
for my $w (@out[ 1 .. $#out ]) {
    is(join(',', sort keys %{ $w->{auth} }), join(',', sort keys %{ $out[0]{auth} }), 'the same steps as for a wrong password');
    is(join(',', sort keys %{ $w->{error} }), join(',', sort keys %{ $out[0]{error} }), 'and the same fields of the error');
}
# The salt of a role that does not exist is always the same, as that of one that does.
sub salt_of
{
    my ($user) = @_;
    my $w = Wire->open($t->host, $t->port);
    $w->send_raw(Wire::startup_packet(Wire::PROTOCOL_30, user => $user, database => 'app'));
    my $m = $w->read_message;
    my $sasl = 'n,,n=,r=abcdefghijklmnop';
    $w->send_message('p', Wire::cstr('SCRAM-SHA-256') . pack('N', length $sasl) . $sasl);
    $m = $w->read_message;
    $w->close;
    return $m->[1] =~ /,(s=.*)/ ? $1 : explain($m);
}
is(salt_of('nobody'), salt_of('nobody'), 'salt and iterations of an unknown role do not vary');
isnt(salt_of('nobody'), salt_of('nobody2'), 'nor are they the same for all');
is(length salt_of('nobody'), length salt_of('app'), 'and look like real ones');

is_in(try_login('app', user => "Mixed Case\"\xc3\xa9", password => "p w\"'\\\xc3\xa9"), 'a role and a password that need quoting');
is_in(try_login('da"ta base'), 'so does a database');
$w = try_login('app', user => 'expired');
is_out($w, '28P01', qr/./, 'an expired password, which the node refuses');
is_in(try_login('app', parameters => { replication => 'false' }), 'replication=false is an ordinary session');
is_out(try_login('app', parameters => { replication => 'database' }), '42501', qr/replication/, 'a replication connection of a role that may not');

# libpq, with its own idea of SCRAM.
is($t->safe_psql('app', 'SELECT 1'), '1', 'psql');
is($t->safe_psql('app', 'SELECT 1', channel_binding => 'disable', require_auth => undef), '1', 'psql without channel binding');
my ($rc, $out, $err) = $t->psql('app', 'SELECT 1', password => 'wrong');
is($rc, 2, 'psql with a wrong password');
like($err, qr/FATAL:  password authentication failed for user "app"/, 'says so');

# ---- md5 ----

$w = try_login('app', user => 'old');
ok($w->{auth}{5}, 'a role whose stored password is md5 is asked for md5');
is_in($w, 'an md5 role');
is_out(try_login('app', user => 'old', password => 'wrong'), '28P01', qr/"old"/, 'an md5 role with a wrong password');
is($t->safe_psql('app', 'SELECT 1', user => 'old'), '1', 'psql with md5');

# ---- Roles that change ----

$w = try_login('app', user => 'moving');
ok(!$w->{error}, 'moving logs in');
$c->sql('pg1', q(ALTER ROLE moving PASSWORD 'second'));
is($w->value('SELECT 1'), '1', 'a session outlives a change of the password');
# What is cached (here for an hour) cannot be asked again in the middle of SCRAM; the refusal throws it away.
try_login('app', user => 'moving', password => 'second');
is_in(try_login('app', user => 'moving', password => 'second'), 'the new password is accepted at the second try at the latest');
# The servers of the pool are gone: new ones log in with the new key.
$c->sql('pg1', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'moving'));
is_in(try_login('app', user => 'moving', password => 'second'), 'and new servers log in with it');
is_out(try_login('app', user => 'moving', password => 'moving-secret'), '28P01', qr/"moving"/, 'the old one is not');
$c->sql('pg1', q(ALTER ROLE moving RENAME TO moved));
$c->sql('pg1', q(ALTER ROLE moved PASSWORD 'third'));
is_in(try_login('app', user => 'moved', password => 'third'), 'a renamed role');
is_out(try_login('app', user => 'moving', password => 'wrong'), '28P01', qr/"moving"/, 'its old name with a wrong password');
$c->sql('pg1', q(CREATE ROLE late LOGIN PASSWORD 'late-secret'));
is_in(try_login('app', user => 'late'), 'a role that was made meanwhile');
$w->terminate;

# ---- Databases ----

is_out(try_login('none'), '3D000', qr/database "none" does not exist/, 'a database that the nodes do not have');
is_out(try_login('none'), '3D000', qr/database "none" does not exist/, 'and again');
is_out(try_login('closed'), '42501', qr/permission denied for database "closed"/, 'a database without the right to connect');
is_in(try_login('app'), 'others go on');

# ---- The console ----

is_out(try_login('tanist', user => 'other'), '42501', qr/console/, 'a role without rights in the console');
is_out(try_login('tanist', user => 'nobody'), '28P01', qr/password/, 'an unknown role in the console');
is_out(try_login('tanist', user => 'tanist', password => 'wrong'), '28P01', qr/password/, 'an admin with a wrong password');
$w = try_login('tanist', user => 'app');
is(scalar @{ $w->query('SHOW NODES')->{rows} }, 3, 'stats_users may look');
for my $command ('RELOAD', 'SHUTDOWN', 'DRAIN pg2', 'SWITCHOVER', 'FAILOVER', 'MAINTENANCE ON') {
    is($w->query($command)->{error}{C}, '42501', "but not $command");
}
$w->terminate;
$w = try_login('pgbouncer', user => 'tanist');
ok($w->query('RELOAD')->{tags}[0], 'admin_users may change things, and the alias works');
$w->terminate;

# ---- Rules for databases ----

$t->drop_section('database *');
$t->set('database app', cluster => 'prod');
$t->set('database alias', cluster => 'prod', dbname => 'other');
($rc, $out, $err) = $t->reload;
is($rc, 0, 'reload with a list of databases') or diag($err);
is_out(try_login('other'), '3D000', qr/"other"/, 'a database that is not in the list');
$w = try_login('alias');
is($w->value('SELECT current_database()'), 'other', 'a database under another name');
$w->terminate;
is_in(try_login('app'), 'a database of the list');

# ---- Other methods ----

$t->set('auth', method => 'password');
($rc, $out, $err) = $t->reload;
is($rc, 0, 'reload with method = password') or diag($err);
$w = try_login('app');
ok($w->{auth}{3}, 'a clear password is asked for');
is_in($w, 'a clear password');
is_out(try_login('app', password => 'wrong'), '28P01', qr/"app"/, 'a wrong clear password');
is_out(try_login('app', user => 'nobody'), '28P01', qr/"nobody"/, 'a clear password of nobody');
is_in(try_login('app', user => 'old'), 'a clear password of an md5 role');
is_in(try_login('app', user => 'late'), 'a clear password of a SCRAM role gives the key for the nodes');

# trust: the nodes must let the roles in by themselves; here by their Unix sockets.
my $open = Tanist->new(cluster => $c, name => 'open', settings => { auth => { method => 'trust' } });
$open->set("node $_", host => "'" . $c->node($_)->host . "'") for $c->names;
$open->start;
$w = $open->wire('app', password => undef);
is_deeply([ keys %{ $w->{auth} } ], [0], 'trust asks for nothing');
is($w->value('SELECT session_user'), 'app', 'and is who the client says');
$w->terminate;
$w = $open->wire('app', user => 'nobody', fail_ok => 1);
is($w->{error}{C}, '28000', 'a role that the node does not know') or diag(explain($w->{error}));
$w = $open->wire('tanist', user => 'other', fail_ok => 1);
is($w->{error}{C}, '42501', 'the console needs its rights all the same');
$open->stop;

# ---- Limits ----

my $small = Tanist->new(cluster => $c, name => 'small', settings => { tanist => { max_client_conn => 5, workers => 3 } });
$small->start;
my @in;
push @in, $small->wire for 1 .. 5;
$w = $small->wire('app', fail_ok => 1);
is($w->{error}{C}, '53300', 'one client more than max_client_conn');
is($w->{error}{S}, 'FATAL', 'is refused');
is(scalar(grep { $_->value('SELECT 1') == 1 } @in), 5, 'the others work');
(pop @in)->terminate;
ok(poll_until(sub { my $w = $small->wire('app', fail_ok => 1); $w->{error} ? 0 : push @in, $w }), 'one left: the next one gets in');
my ($crc, $cout) = $small->cli('status');
is($crc, 0, 'the command line gets in although the port is full');
$_->terminate for @in;
$small->stop;

my $mark = 0;
ok($t->find_event('client.auth.failed', $mark, user => 'nobody'), 'refusals are in the log');
unlike($t->log_text, qr/app-secret|old-secret|SCRAM-SHA-256\$|md5[0-9a-f]{32}/, 'the log has no secrets');
$t->stop;
done_testing();
