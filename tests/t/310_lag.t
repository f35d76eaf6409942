# Lag: a replica over a limit gets no reads until it is well below it again; who wrote never sees the past; an idle
# primary is no lag.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use TestEnv qw(poll_until);
use Test::More;

my $c = TanistCluster->new(replicas => 2);
$c->sql('pg1', <<'SQL', 'app');
CREATE TABLE kv (k int PRIMARY KEY, v int);
CREATE TABLE bulk (x text);
INSERT INTO kv VALUES (1, 0);
CREATE FUNCTION here() RETURNS int STABLE LANGUAGE sql AS 'SELECT inet_server_port()';
GRANT ALL ON kv, bulk TO app;
SQL
$c->wait_catchup;
my %port = map { $_ => $c->node($_)->port } $c->names;

my $t = Tanist->new(cluster => $c, settings => { routing => { max_lag => '0', max_lag_bytes => '256kB', freshness_wait => '1s' } });
$t->start;

sub lag_row { my ($name) = @_; my ($r) = grep { $_->{node} eq $name } $t->console('SHOW LAG'); return $r // {} }
sub lag_is { my ($name, $yes) = @_; return poll_until(sub { (lag_row($name)->{eligible} // '') eq ($yes ? 't' : 'f') }) }

# Where reads of a fresh session land: port => count. A session that never wrote has no floor.
sub landings
{
    my ($n, $w) = @_;
    $w //= $t->wire;
    my %on;
    $on{ $w->value('SELECT here()') }++ for 1 .. $n;
    return \%on;
}

# Until a node has got a read, of a session that has seen nothing yet: later reads are not older than earlier ones.
sub gets_reads
{
    my ($name) = @_;
    return poll_until(
        sub {
            my $w = $t->wire;
            my $on = landings(1, $w);
            $w->terminate;
            return $on->{ $port{$name} };
        });
}

# Writes about so many kB of WAL, past tanist: it has to see that by itself.
sub write_kb { my ($kb) = @_; $c->sql('pg1', "INSERT INTO bulk SELECT repeat('x', 1000) FROM generate_series(1, $kb)", 'app') }

for my $name (qw(pg2 pg3)) {
    ok(lag_is($name, 1), "$name is eligible");
    ok(gets_reads($name), "$name gets reads");
}
is(landings(50)->{ $port{pg1} }, undef, 'the primary gets no reads');

# ---- Bytes: replay is paused while writes go on ----

$c->pause_replay('pg2');
write_kb(100);
ok(poll_until(sub { (lag_row('pg2')->{lag_bytes} // 0) >= 100_000 }), 'a lag below the limit is seen');
is(lag_row('pg2')->{eligible}, 't', 'and allowed');
ok(gets_reads('pg2'), 'and reads go there');

# A client that wrote: its reads are never older than its writes, wherever they land.
my $rw = $t->wire;
my $past = 0;
for my $i (1 .. 40) {
    $rw->value("UPDATE kv SET v = $i WHERE k = 1 RETURNING v");
    my $seen = $rw->value('SELECT v FROM kv WHERE k = 1');
    $past++ if $seen != $i;
}
is($past, 0, 'a session sees its own writes while a readable replica is behind');

write_kb(400);
ok(lag_is('pg2', 0), 'over max_lag_bytes: not eligible');
my $row = lag_row('pg2');
like($row->{reason}, qr/max_lag_bytes/, 'the reason is max_lag_bytes');
is($row->{paused}, 't', 'and the pause is shown');
cmp_ok($row->{lag_bytes}, '>', 256 * 1024, 'the bytes are shown');
is($row->{max_lag_bytes}, 256 * 1024, 'beside the limit');
my $on = landings(100);
is($on->{ $port{pg2} }, undef, 'no new read lands there');
is($on->{ $port{pg3} }, 100, 'the other replica takes them');

# The writes go on for the session as well; then it reads what others wrote too.
$past = 0;
for my $i (41 .. 80) {
    $rw->value("UPDATE kv SET v = $i WHERE k = 1 RETURNING v");
    $past++ if $rw->value('SELECT v FROM kv WHERE k = 1') != $i;
}
is($past, 0, 'and still does');

$c->resume_replay('pg2');
ok(lag_is('pg2', 1), 'after the replay resumed: eligible again');
ok(gets_reads('pg2'), 'and gets reads');

# Hysteresis: a replica that comes back only part of the way stays out. Replay stops at 90 % of the limit.
$c->pause_replay('pg2');
write_kb(400);
ok(lag_is('pg2', 0), 'over the limit again');
$t->set(routing => max_lag_bytes => sprintf('%dB', lag_row('pg2')->{lag_bytes} * 10 / 9));
is(($t->reload)[0], 0, 'the limit is raised until the lag is 90 % of it');
ok(poll_until(sub { lag_row('pg2')->{max_lag_bytes} > lag_row('pg2')->{lag_bytes} }), 'the new limit is in force');
is(lag_row('pg2')->{eligible}, 'f', 'lag below the limit and above lag_resume: still out');
$t->set(routing => max_lag_bytes => sprintf('%dB', lag_row('pg2')->{lag_bytes} * 10 / 6));
is(($t->reload)[0], 0, 'then to where it is 60 %');
ok(lag_is('pg2', 1), 'below lag_resume: back');
$c->resume_replay('pg2');

# ---- Time ----

$t->set(routing => max_lag => '300ms', max_lag_bytes => '1GB');
is(($t->reload)[0], 0, 'limits: 300 ms, 1 GB');
$c->wait_catchup;
ok(lag_is($_, 1), "$_ is eligible") for qw(pg2 pg3);
$c->pause_replay('pg3');
$c->sql('pg1', 'UPDATE kv SET v = v WHERE k = 1', 'app');
ok(lag_is('pg3', 0), 'a paused replica with little WAL: over max_lag in time');
like(lag_row('pg3')->{reason}, qr/max_lag\b/, 'the reason is max_lag');
is(landings(60)->{ $port{pg3} }, undef, 'no read lands there');
is(($t->reload)[0], 0, 'a reload');
is(lag_row('pg3')->{eligible}, 'f', 'does not forget how long the replica has been behind');
is(landings(20)->{ $port{pg3} }, undef, 'still no read lands there');
$c->resume_replay('pg3');
ok(lag_is('pg3', 1), 'after the replay resumed: eligible again');
ok(gets_reads('pg3'), 'and gets reads');

# Nothing is written: the time since the last replayed commit grows, the lag does not. (Facts 2.4.)
my $mark = $t->log_offset;
$c->wait_catchup;
ok(lag_is($_, 1), "$_ has caught up") for qw(pg2 pg3);
my ($idle, $bad) = (0, 0);
my $since = q(SELECT extract(epoch FROM now() - pg_last_xact_replay_timestamp()) > 1.0);
poll_until(
    sub {
        $bad += grep { lag_row($_)->{eligible} ne 't' } qw(pg2 pg3);
        # Over three times the limit without a write, as the replica itself counts.
        return $c->sql('pg2', $since) eq 't';
    });
is($bad, 0, 'an idle primary never looks like lag');
is($c->sql('pg2', $since), 't', 'though the last replayed commit is long ago');
is(landings(40)->{ $port{pg1} }, undef, 'reads stay on the replicas');

# ---- A delayed replica, limits of a user, of a statement ----

# Its clock and the primary's do not matter: recovery_min_apply_delay holds a commit back, and with it the position.
$t->set(routing => max_lag => '500ms');
$t->set('pool *.other' => max_lag => '1h');
is(($t->reload)[0], 0, 'limits: 500 ms, one user an hour');
$c->sql('pg2', $_) for "ALTER SYSTEM SET recovery_min_apply_delay = '1h'", 'SELECT pg_reload_conf()';
ok($c->poll_sql('pg2', q(SELECT current_setting('recovery_min_apply_delay') = '1h')), 'pg2 replays commits an hour late');
is(lag_row('pg2')->{eligible}, 't', 'as long as nothing is committed it misses nothing');
$c->sql('pg1', 'UPDATE kv SET v = 1500 WHERE k = 1', 'app');
ok(lag_is('pg2', 0), 'a commit that it holds back: over max_lag');
cmp_ok(lag_row('pg2')->{lag_ms}, '>=', 500, 'its lag is the age of what it lacks');
is(landings(40)->{ $port{pg2} }, undef, 'no read lands there');

# Where a session that has seen nothing yet reads, as the user with the wider limit.
sub patient
{
    my ($hint) = @_;
    my $p = $t->wire('app', user => 'other');
    my $port = $p->value("/* tanist: $hint */ SELECT here()");
    $p->terminate;
    return $port;
}

ok(poll_until(sub { patient('node=pg2') == $port{pg2} }), 'a user with a wider limit may still read there');
is(patient('node=pg2 max_lag=100ms'), $port{pg1}, 'but not with a hint for a narrower one');
is(patient('node=pg2, max_lag=1h'), $port{pg2}, 'with a wide one it may');
$t->drop_section('pool *.other');
$t->set(routing => max_lag => '300ms');
is(($t->reload)[0], 0, 'limits as before');
$c->sql('pg2', $_) for 'ALTER SYSTEM RESET recovery_min_apply_delay', 'SELECT pg_reload_conf()';
ok(lag_is('pg2', 1), 'the delay is over: eligible again');
ok(gets_reads('pg2'), 'and gets reads');

# ---- The receiver ----

# A replica that is cut off its primary, while writes go on: no reads.
my $conninfo = $c->sql('pg2', 'SHOW primary_conninfo');
$c->sql('pg2', $_) for "ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1 user=replicator application_name=pg2'",
    'SELECT pg_reload_conf()';
ok($c->poll_sql('pg2', 'SELECT count(*) = 0 FROM pg_stat_wal_receiver'), 'the receiver of pg2 is gone');
write_kb(50);
ok(lag_is('pg2', 0), 'a replica that does not stream and is behind: not eligible');
is(landings(60)->{ $port{pg2} }, undef, 'no read lands there');
is(lag_row('pg2')->{streaming}, 'f', 'shown as not streaming');
$rw->value('UPDATE kv SET v = 1000 WHERE k = 1 RETURNING v');
is($rw->value('SELECT v FROM kv WHERE k = 1'), '1000', 'who wrote sees it');
$c->sql('pg2', $_) for "ALTER SYSTEM SET primary_conninfo = '$conninfo'", 'SELECT pg_reload_conf()';
ok(lag_is('pg2', 1), 'it streams again: eligible');
ok(gets_reads('pg2'), 'and gets reads');

# A replica restarts while a client reads.
my $reader = $t->wire;
$mark = $t->log_offset;
$c->stop('pg3');
my $failed = 0;
for (1 .. 60) { $failed++ if $reader->query('SELECT v FROM kv WHERE k = 1')->{error} }
is($failed, 0, 'a replica stops: no read fails');
ok($t->wait_for_event('node.down', $mark, node => 'pg3'), 'it is down');
is(landings(40)->{ $port{pg2} }, 40, 'the other one takes all');
$mark = $t->log_offset;
$c->start('pg3');
ok($t->wait_for_event('node.up', $mark, node => 'pg3'), 'it is up');
ok(gets_reads('pg3'), 'and gets reads');

# No replica within the limit: the primary reads; and when_no_replica = error says why.
$c->pause_replay($_) for qw(pg2 pg3);
$c->sql('pg1', 'UPDATE kv SET v = 2000 WHERE k = 1', 'app');
ok(lag_is($_, 0), "$_ is behind") for qw(pg2 pg3);
is(landings(20)->{ $port{pg1} }, 20, 'no replica is eligible: the primary reads');
$t->set(routing => when_no_replica => 'error');
is(($t->reload)[0], 0, 'when_no_replica = error');
my $e;
ok(poll_until(sub { $e = $t->wire->query('SELECT v FROM kv')->{error} }), 'reads are refused');
like($e->{M} . ($e->{H} // ''), qr/replica/, 'with a reason') or diag(explain($e));
$t->set(routing => when_no_replica => 'wait');
is(($t->reload)[0], 0, 'when_no_replica = wait');
my $waits = $t->wire;
$waits->send_message('Q', Wire::cstr('SELECT v FROM kv WHERE k = 1'));
ok(poll_until(sub { grep { ($_->{waits_for} // '') ne '' } $t->console('SHOW CLIENTS') }), 'a read waits');
$c->resume_replay($_) for qw(pg2 pg3);
is($waits->result->{rows}[0][0], '2000', 'and is answered when a replica is back');

$t->stop;
done_testing();
