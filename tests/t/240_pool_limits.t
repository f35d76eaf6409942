# How many servers there are, for whom, and for how long: sizes, reserve, shared limits, fairness, lifetime, statement mode.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Wire;
use TestEnv qw(poll_until);
use IO::Select;
use Time::HiRes qw(time);
use Test::More;

my $c = TanistCluster->new(replicas => 1);
$c->sql('pg1', 'CREATE DATABASE second OWNER app');
$c->sql('pg1', "CREATE ROLE third LOGIN PASSWORD 'third-secret'");
$c->sql('pg1', 'CREATE TABLE t (a int); GRANT ALL ON t TO app, other, third', 'app');
$c->wait_catchup;
my $t = Tanist->new(
    cluster  => $c,
    settings => {
        tanist   => { workers => 3, max_db_connections => 0 },
        'pool *' => { pool_mode => 'transaction', pool_size => 4, query_wait_timeout => '60s' },
    });
$t->start;

sub send_query { my ($w, $sql) = @_; $w->send_message('Q', Wire::cstr($sql)) }
sub backends { my ($where, $node) = @_; return $c->sql($node // 'pg1', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename IN ('app', 'other', 'third') AND $where") }
sub waiting { return scalar grep { $_->{state} eq 'waiting' } $t->console('SHOW CLIENTS') }
sub row { my ($what, %k) = @_; my ($r) = grep { my $r = $_; !grep { $r->{$_} ne $k{$_} } keys %k } $t->console("SHOW $what"); return $r }
sub idle { return poll_until(sub { !grep { $_->{cl_waiting} || $_->{sv_active} || $_->{sv_login} || $_->{sv_tested} } grep { $_->{database} ne 'tanist' } $t->console('SHOW POOLS') }) }
# Every setting of [pool *] that a part of the test needs, and what was there before is gone.
my %plain = (pool_mode => 'transaction', pool_size => 4, query_wait_timeout => '60s');
sub settings
{
    my ($pool, $tanist) = @_;
    $t->{sets}{'pool *'} = { %plain, %{ $pool // {} } };
    $t->set(tanist => max_db_connections => 0, max_user_connections => 0, node_headroom => 5, %{ $tanist // {} });
    my ($rc, $out, $err) = $t->reload;
    is($rc, 0, 'reload: ' . join ' ', %{ $pool // {} }, %{ $tanist // {} }) or diag($err);
}

# ---- min_pool_size ----

settings({ min_pool_size => 3 });
my $w = $t->wire;
ok(poll_until(sub { backends(q(usename = 'app')) == 3 && backends(q(usename = 'app'), 'pg2') == 3 }), 'min_pool_size: 3 servers on each node that it may use, for a client that asked for nothing');
is(row('DATABASES', name => 'app')->{min_pool_size}, 3, 'SHOW DATABASES: min_pool_size') if $w->value('SELECT 1');
$c->sql('pg1', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app' LIMIT 2));
ok(poll_until(sub { backends(q(usename = 'app')) == 3 }), 'and again 3 when some are gone');
settings({ min_pool_size => 3, server_idle_timeout => '100ms' });
my $mark = $t->log_offset;
my @w = map { $t->wire } 1 .. 4;
$_->query('BEGIN; INSERT INTO t VALUES (1)') for @w;
is(backends(q(usename = 'app')), 4, 'more when needed');
$_->query('ROLLBACK') for @w;
ok(poll_until(sub { backends(q(usename = 'app')) == 3 }), 'server_idle_timeout closes what is above min_pool_size');
$w->value('SELECT 1') for 1 .. 20;
is(backends(q(usename = 'app')), 3, 'and no more than that');
$_->terminate for @w, $w;

# ---- server_idle_timeout, server_lifetime ----

settings({ server_idle_timeout => '100ms' });
ok(poll_until(sub { backends('true') == 0 && backends('true', 'pg2') == 0 }), 'without min_pool_size all idle servers go');
settings({ server_lifetime => '1s' });
$w = $t->wire;
my %pid;
ok(poll_until(sub { $pid{ $w->query('INSERT INTO t VALUES (0) RETURNING pg_backend_pid()')->{rows}[0][0] // '' }++; return keys %pid >= 3 }), 'server_lifetime: a busy client gets new servers');
ok(!exists $pid{''}, 'and no error');
$w->query('BEGIN; INSERT INTO t VALUES (0)');
my $pid = $w->value('SELECT pg_backend_pid()');
my $end = time + 1.5;
poll_until(sub { $w->value('SELECT pg_backend_pid()') != $pid || time > $end });
is($w->value('SELECT pg_backend_pid()'), $pid, 'a transaction keeps its server beyond that');
$w->query('COMMIT');
$w->terminate;

# ---- reserve_pool_size ----

settings({ pool_size => 1, reserve_pool_size => 2, reserve_pool_timeout => '300ms' });
ok(idle(), 'nobody works');
@w = map { $t->wire } 1 .. 4;
$w[0]->query('BEGIN; INSERT INTO t VALUES (1)');
my $began = time;
send_query($w[$_], "BEGIN; INSERT INTO t VALUES ($_); SELECT pg_backend_pid()") for 1 .. 3;
IO::Select->new(map { $w[$_]{socket} } 1 .. 3)->can_read($TestEnv::timeout);
cmp_ok(time - $began, '>=', 0.25, 'the reserve is used after reserve_pool_timeout') ;
ok(poll_until(sub { backends(q(usename = 'app')) == 3 && waiting() == 1 }), 'as far as it goes: 3 servers, one client waits');
is(row('DATABASES', name => 'app')->{reserve_pool_size}, 2, 'SHOW DATABASES: reserve_pool_size');
my ($cl) = grep { $_->{state} eq 'waiting' } $t->console('SHOW CLIENTS');
is($cl->{waits_for}, 'pool_size', 'SHOW CLIENTS says what it waits for');
$w[0]->query('ROLLBACK');
$w[$_]->close for 1 .. 3;
$w[0]->close;
ok(idle(), 'all is released');
settings({ pool_size => 2 });
ok(poll_until(sub { backends(q(usename = 'app')) <= 2 }), 'a smaller pool_size closes what is too much');

# ---- query_wait_notify, query_wait_timeout ----

settings({ pool_size => 1, query_wait_notify => '100ms', query_wait_timeout => '600ms' });
ok(poll_until(sub { backends(q(usename = 'app')) <= 1 }), 'one server at most');
@w = map { $t->wire } 1 .. 2;
$w[0]->query('BEGIN; INSERT INTO t VALUES (1)');
send_query($w[1], 'INSERT INTO t VALUES (2)');
my $m = $w[1]->read_message;
is($m->[0], 'N', 'query_wait_notify: a NOTICE');
my $n = Wire::fields($m->[1]);
like("$n->{S} $n->{C} $n->{M}", qr/^NOTICE 00000 .*waits \(pool_size\)/, 'that says what it waits for');
my $r = $w[1]->result;
is($r->{error}{C}, '53300', 'then query_wait_timeout');
like($r->{error}{H}, qr/pool_size/, 'whose hint says it too');
is(scalar @{ $w[1]{notices} }, 1, 'told once');
is($r->{status}, 'I', 'and the session goes on');
settings({ pool_size => 1, query_wait_notify => '50ms' });
$w[1]{notices} = [];
send_query($w[1], 'INSERT INTO t VALUES (2)');
$w[1]->read_until('N');
$w[0]->query('COMMIT');
$r = $w[1]->result;
ok(!$r->{error} && $r->{tags}[0] eq 'INSERT 0 1', 'a NOTICE, and then served');
$_->terminate for @w;

# ---- max_db_connections: shared by the users of a database ----

settings({ pool_size => 4 }, { max_db_connections => 3 });
my $most = 0;
sub load
{
    my ($rounds, @who) = @_;
    my @c = map { $t->wire($_->[0], user => $_->[1]) } @who;
    my (%served, $bad);
    for my $round (1 .. $rounds) {
        send_query($c[$_], "BEGIN; SELECT $_ AS n FROM (SELECT pg_sleep(0.002)) s, txid_current() x; COMMIT") for 0 .. $#c;
        if ($round % 4 == 0) {
            my $k = backends(q(datname = 'app'));
            $most = $k if $k > $most;
        }
        for my $i (0 .. $#c) {
            my $r = $c[$i]->result;
            ($r->{rows}[0][0] // '') eq $i ? $served{ $who[$i][1] }++ : $bad++;
        }
    }
    $_->terminate for @c;
    return ($bad // 0, \%served);
}
my ($bad, $served) = load(12, ([ 'app', 'app' ]) x 6, ([ 'app', 'other' ]) x 6, ([ 'app', 'third' ]) x 6);
is($bad, 0, 'max_db_connections = 3, three users of 6 clients each, 3 workers: all are served') or diag(explain($served));
cmp_ok($most, '<=', 3, "never more than 3 servers of the database (most: $most)");
is(row('DATABASES', name => 'app')->{max_connections}, 3, 'SHOW DATABASES: max_connections');

# One user holds them all, idle: another one's first client gets one at once.
@w = map { $t->wire } 1 .. 3;
$_->query('BEGIN; INSERT INTO t VALUES (3)') for @w;
is(backends(q(datname = 'app' AND usename = 'app')), 3, 'one user has all three');
$_->query('COMMIT') for @w;
my $o = $t->wire('app', user => 'other');
is($o->value('SELECT current_user FROM txid_current()'), 'other', 'they are idle, so another user gets one');
cmp_ok(backends(q(datname = 'app')), '<=', 3, 'within the limit');
# Busy without end: clients that send again at once, so that somebody always waits; the newcomer is served all the same.
settings({ pool_size => 4 }, { max_db_connections => 1 });
ok(poll_until(sub { backends(q(datname = 'app')) <= 1 }), 'a smaller limit') or diag(backends('true'));
{
    my $stop = 0;
    my @busy = map { $t->wire } 1 .. 4;
    my $one = "SELECT 1 FROM (SELECT pg_sleep(0.005)) s, txid_current() x";
    send_query($_, $one) for @busy;
    send_query($o, q(SELECT 'newcomer' FROM txid_current()));
    my ($rounds, $got) = (0);
    my $select = IO::Select->new(map { $_->{socket} } @busy, $o);
    my $until = time + $TestEnv::timeout;
    while (!$got && time < $until) {
        for my $s ($select->can_read(1)) {
            my ($b) = grep { $_->{socket} == $s } @busy;
            if ($b) { $rounds++ unless $b->result->{error}; send_query($b, $one) }
            else { $got = $o->result }
        }
    }
    is($got && $got->{rows}[0][0], 'newcomer', 'a newcomer among clients that never rest is served') or diag(explain($got));
    cmp_ok($rounds, '>', 0, "who were served, too ($rounds times)");
    is($_->result->{error}, undef, 'and still are') for @busy;
    $_->terminate for @busy;
}
$_->terminate for @w, $o;
ok(idle(), 'all is released');

# ---- max_user_connections: over the databases of a user; and [user NAME] ----

$t->set('user other', max_user_connections => 1);
settings({ pool_size => 4 }, { max_user_connections => 2 });
$most = 0;
($bad, $served) = load(8, ([ 'app', 'app' ]) x 5, ([ 'second', 'app' ]) x 5, ([ 'app', 'other' ]) x 3);
is($bad, 0, 'max_user_connections = 2, two databases: all are served');
@w = (map({ $t->wire('app') } 1 .. 3), map { $t->wire('second') } 1 .. 3);
send_query($_, 'BEGIN; SELECT txid_current()') for @w;
ok(poll_until(sub { waiting() == 4 }), 'of 6 transactions of the user, 2 run');
is(backends(q(usename = 'app')), 2, 'on 2 servers');
my %for = map { $_->{waits_for} => 1 } grep { $_->{state} eq 'waiting' } $t->console('SHOW CLIENTS');
is(join(',', keys %for), 'max_user_connections', 'the others wait for max_user_connections');
my @served;
for (1 .. 6) {
    my ($s) = poll_until(sub { my ($x) = grep { $_->{socket} && !$_->{served} && IO::Select->new($_->{socket})->can_read(0) } @w; $x });
    last unless $s;
    $s->result;
    $s->{served} = 1;
    push @served, $s;
    $s->query('COMMIT');
}
is(scalar @served, 6, 'one after the other all get theirs');
$_->terminate for @w;
@w = map { $t->wire('app', user => 'other') } 1 .. 2;
send_query($_, 'BEGIN; SELECT txid_current()') for @w;
ok(poll_until(sub { waiting() == 1 }), '[user other] has a limit of its own');
$_->close for @w;
$t->drop_section('user other');

# ---- The node's own limit ----

ok(idle(), 'all is released');
my $max = $c->sql('pg1', q(SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int));
settings({ pool_size => 100 }, { node_headroom => $max - 6 });
@w = (map({ $t->wire } 1 .. 5), map { $t->wire('app', user => 'other') } 1 .. 5);
send_query($_, 'BEGIN; SELECT txid_current()') for @w;
ok(poll_until(sub { waiting() == 4 }), 'node_headroom: of 10 transactions 6 run') or diag(waiting());
is(backends('true'), 6, 'on 6 servers');
%for = map { $_->{waits_for} => 1 } grep { $_->{state} eq 'waiting' } $t->console('SHOW CLIENTS');
is(join(',', keys %for), 'node_headroom', 'the others wait for the node');
$_->close for @w;
ok(idle(), 'all is released');
settings({ pool_size => 100 });
# Others take what the node has: the node refuses tanist, clients wait for the servers that there are.
@w = map { $t->wire } 1 .. 6;
$w[0]->query('BEGIN; SELECT txid_current()');
$c->sql('pg1', 'ALTER ROLE app CONNECTION LIMIT 2');
settings({ pool_size => 100, server_login_retry => '100ms' });
ok(poll_until(sub { backends(q(usename = 'app')) >= 1 }), 'one works');
send_query($w[$_], "SELECT $_ FROM txid_current()") for 1 .. 5;
is(join(',', map { $w[$_]->result->{rows}[0][0] // 'none' } 1 .. 5), '1,2,3,4,5', '53300 from the node: its clients share the servers that there are');
$w[0]->query('COMMIT');
$c->sql('pg1', 'ALTER ROLE app CONNECTION LIMIT -1');
$_->terminate for @w;

# ---- A node that takes no logins ----

$c->wait_catchup;
ok(idle(), 'all is released');
my $hba = $c->node('pg2')->data_dir . '/pg_hba.conf';
open my $in, '<', $hba or die;
my $old = join '', <$in>;
close $in;
sub write_hba { my ($text) = @_; open my $out, '>', $hba or die; print $out $text; close $out; $c->sql('pg2', 'SELECT pg_reload_conf()') }
settings({ pool_size => 4, server_idle_timeout => '50ms', server_login_retry => '200ms' });
ok(poll_until(sub { backends('true', 'pg2') == 0 }), 'no server is left on the replica');
$c->sql('pg1', 'ALTER ROLE third CONNECTION LIMIT 0');
$c->wait_catchup;
$mark = $t->log_offset;
$w = $t->wire('app', user => 'app');
$c->sql('pg1', 'ALTER ROLE app CONNECTION LIMIT 0');
$c->wait_catchup;
$c->sql('pg1', 'ALTER ROLE app CONNECTION LIMIT -1');
is(join(',', map { $w->value('SELECT 1') } 1 .. 20), join(',', (1) x 20), 'reads are served while the replica, then not, takes logins');
$c->sql('pg1', 'ALTER ROLE third CONNECTION LIMIT -1');
$c->wait_catchup;
$w->terminate;

# ---- pool_mode = statement ----

settings({ pool_mode => 'statement' });
is(row('DATABASES', name => 'app')->{pool_mode}, 'statement', 'SHOW DATABASES: statement');
$w = $t->wire;
is($w->value('SELECT 1'), 1, 'statement mode: a read');
is($w->query('INSERT INTO t VALUES (77)')->{tags}[0], 'INSERT 0 1', 'a write');
for my $sql ('BEGIN', 'START TRANSACTION READ ONLY', 'BEGIN; INSERT INTO t VALUES (78); COMMIT', 'SELECT 1; BEGIN') {
    $r = $w->query($sql);
    is($r->{error}{C}, '0A000', "$sql is refused");
    like($r->{error}{M}, qr/statement pooling/, 'clearly');
    is($r->{status}, 'I', 'and there is no transaction');
}
$r = $w->extended('BEGIN');
is($r->{error}{C}, '0A000', 'in the extended protocol, too');
is($w->extended('SELECT $1::int', 5)->{rows}[0][0], 5, 'which goes on');
is($w->query('COMMIT')->{notices} // '', '', 'COMMIT without one is PostgreSQL\'s to answer');
is($w->query('SELECT 1; SELECT 2')->{tags}[1], 'SELECT 1', 'several statements in one message are one request');
is($c->sql('pg1', 'SELECT count(*) FROM t WHERE a = 78', 'app'), 0, 'nothing of what was refused ran');
$w->terminate;
ok(idle(), 'nothing is left busy');
$t->stop;
done_testing();
