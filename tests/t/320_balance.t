# How reads are spread over four replicas: shares, weights, zones, drain, ejection and slow start, places, sessions. What is
# counted is what SHOW NODES says each node was sent.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use TestEnv qw(poll_until);
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my @replicas = qw(pg2 pg3 pg4 pg5);
my $c = TanistCluster->new(replicas => 4);
$c->sql('pg1', <<'SQL', 'app');
CREATE FUNCTION here() RETURNS int STABLE LANGUAGE sql AS 'SELECT inet_server_port()';
-- Waits for the test, which holds the lock.
CREATE FUNCTION hold() RETURNS int STABLE LANGUAGE plpgsql AS
  'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN inet_server_port(); END';
CREATE TABLE t (a int);
GRANT ALL ON t TO app, other;
SQL
$c->wait_catchup;
my %port = map { $_ => $c->node($_)->port } $c->names;
my %name = reverse %port;

my $t = Tanist->new(cluster => $c,
    settings => { routing => { slow_start => 'off', max_lag => 'off', max_lag_bytes => 0, read_functions => 'hold' } });
$t->start;
my $w = $t->wire;
ok(poll_until(sub { $name{ $w->value('SELECT here()') } ne 'pg1' }), 'the catalog is loaded: reads go to replicas');

sub nodes { return map { $_->{node} => $_ } $t->console('SHOW NODES') }
sub reads { my %n = nodes(); return map { $_ => $n{$_}{reads} } keys %n }

sub reconfigure
{
    my (%sections) = @_;
    $t->set($_, %{ $sections{$_} }) for keys %sections;
    is(($t->reload)[0], 0, 'a reload: ' . join ', ', map { my $s = $_; map { "$s.$_ = " . ($sections{$s}{$_} // 'default') } keys %{ $sections{$s} } } keys %sections);
    # Workers take the settings over one after the other; a new connection on each of them has them.
    $t->console('SHOW POOLS');
}

my $script = PostgreSQL::Test::Utils::tempdir_short() . '/read.sql';
append_to_file($script, "SELECT here();\n");

sub pgbench_command
{
    my ($clients, $each) = @_;
    return [ 'pgbench', '-n', '-c', $clients, '-j', 2, '-t', $each, '-f', $script, $t->conninfo('app') ];
}

# Reads of sessions that never pause: node => how many it got.
sub run_reads
{
    my ($clients, $each) = @_;
    my %before = reads();
    my ($out, $err);
    IPC::Run::run(pgbench_command($clients, $each), '>', \$out, '2>', \$err, IPC::Run::timeout($TestEnv::timeout * 3))
        or diag($err);
    my %after = reads();
    return map { $_ => $after{$_} - $before{$_} } keys %after;
}

# Every node has its share, three parts in a hundred more or less; those without one have less than one in a hundred. A session
# that never pauses moves from node to node, so that shares are even when it has moved often enough: up to ten runs are counted.
sub shares_are
{
    my ($what, $clients, $each, %weight) = @_;
    my ($sum, $all, $runs, %got, @bad) = (0, 0, 0);
    $sum += $_ for values %weight;
    do {
        my %more = run_reads($clients, $each);
        $got{$_} += $more{$_} for keys %more;
        $all += $more{$_} for keys %more;
        @bad = grep { my $want = $all * ($weight{$_} // 0) / $sum; abs($got{$_} - $want) > ($want ? 0.03 * $want : 0.01 * $all) } sort keys %got;
    } while (@bad && ++$runs < 10);
    my $text = join ' ', map { "$_=$got{$_}" } sort keys %got;
    is("@bad", '', "$what: $text");
    return %got;
}

# ---- Shares ----

my %equal = map { $_ => 1 } @replicas;
my %got = shares_are('least_busy: four equal replicas', 8, 4000, %equal);
%got = run_reads(1, 20000);
is(scalar(grep { $got{$_} > 1000 } @replicas), 4, 'a session that never pauses uses all of them') or diag(explain(\%got));
reconfigure(routing => { consistency => 'eventual' });
%got = shares_are('eventual', 8, 2000, %equal);
reconfigure(routing => { balance => 'random' });
%got = shares_are('random', 8, 8000, %equal);
reconfigure(routing => { balance => 'latency' });
%got = run_reads(8, 1000);
is($got{pg1}, 0, 'latency: nothing on the primary');
cmp_ok($got{$_}, '>', 0, "reads on $_") for @replicas;
reconfigure(routing => { consistency => 'session', balance => 'round_robin' });
%got = shares_are('round_robin', 8, 4000, %equal);

reconfigure(routing => { balance => undef }, 'node pg3' => { weight => 2 }, 'node pg4' => { weight => 4 }, 'node pg5' => { weight => 0 });
%got = shares_are('weights 1, 2, 4 and 0', 8, 4000, pg2 => 1, pg3 => 2, pg4 => 4);
reconfigure(map { ("node $_" => { weight => 1 }) } @replicas);
reconfigure(routing => { primary_weight => 1 });
%got = shares_are('primary_weight: it has a share', 10, 4000, %equal, pg1 => 1);
cmp_ok((map { $_->{count} } grep { $_->{reason} eq 'primary-share' } $t->console('SHOW ROUTES'))[0], '>', $got{pg1} / 2, 'and SHOW ROUTES says why');
reconfigure(routing => { primary_weight => undef });

# ---- Sessions ----

reconfigure(routing => { balance_by => 'session' });
my (%homes, @sessions);
for (1 .. 8) {
    my $s = $t->wire;
    my %on;
    $on{ $name{ $s->value('SELECT here()') } }++ for 1 .. 25;
    is(scalar keys %on, 1, 'balance_by = session: all reads of a session are on one node');
    $homes{ (keys %on)[0] }++;
    push @sessions, [ $s, keys %on ];
}
is(scalar keys %homes, 4, 'and sessions are on all of them');
my ($moved, $home) = @{ $sessions[0] };
$t->console("DRAIN $home");
isnt($name{ $moved->value('SELECT here()') }, $home, 'its node is drained: the session goes on elsewhere');
$t->console("UNDRAIN $home");
$_->[0]->terminate for @sessions;
reconfigure(routing => { balance_by => undef });

# ---- While clients read ----

my ($bench, $bench_err) = (undef, '');
sub bench_start { my $in = ''; $bench = IPC::Run::start(pgbench_command(12, 10_000_000), '<', \$in, '>', '/dev/null', '2>', \$bench_err) }

# Until the nodes together have had n more; returns what each had of them.
sub after_reads
{
    my ($n) = @_;
    my %before = reads();
    my %now;
    ok(poll_until(sub { %now = reads(); my $sum = 0; $sum += $now{$_} - $before{$_} for keys %now; return $sum >= $n }), "$n more reads");
    return map { $_ => $now{$_} - $before{$_} } keys %now;
}

# The session's home was away a moment ago; of the others one is drained, one stands still, and one is compared with.
my ($away, $slow, $other) = grep { $_ ne $home } @replicas;
bench_start();
after_reads(2000);
$t->console("DRAIN $away");
my $row = { map { $_->{node} => $_ } $t->console('SHOW LAG') }->{$away};
is("$row->{eligible} $row->{drained} $row->{reason}", 'f t was drained by the operator', 'drain: SHOW LAG says so');
%got = after_reads(4000);
is($got{$away}, 0, 'nothing is sent to a drained node');
reconfigure(routing => { slow_start => '1h' });
my $mark = $t->log_offset;
$t->console("UNDRAIN $away");
ok($t->wait_for_event('node.undrained', $mark, node => $away), 'undrained');
%got = after_reads(12_000);
cmp_ok($got{$away}, '>', 0, 'it gets reads again');
cmp_ok($got{$away} * 3, '<', $got{$other}, 'a small share at first') or diag(explain(\%got));
my %n = nodes();
is($n{$away}{share}, '10%', 'which SHOW NODES tells');
is($n{$other}{share}, '100%', 'others have all of theirs');

# A replica that stands still. It is not down: check_timeout is far away.
reconfigure(routing => { eject_after => 400 * $TestEnv::slow . 'ms' });
$mark = $t->log_offset;
$c->freeze($slow);
my $frozen = time;
ok($t->wait_for_event('node.ejected', $mark, node => $slow), 'a replica that does not answer is ejected');
note(sprintf 'after %.0f ms', 1000 * (time - $frozen));
%got = after_reads(3000);
is($got{$slow}, 0, 'and gets no reads');
($row) = grep { $_->{node} eq $slow } $t->console('SHOW LAG');
like($row->{reason}, qr/ejected.*later than the others/, 'SHOW LAG says why');
cmp_ok($row->{returns_ms}, '>', 0, 'and when it may return');
$c->thaw($slow);
ok($t->wait_for_event('node.returned', $mark, node => $slow), 'it answers again, and returns');
is(scalar $t->events('node.down', $mark), 0, 'it was never down');
%got = after_reads(12_000);
cmp_ok($got{$slow} * 3, '<', $got{$other}, 'with a small share') or diag(explain(\%got));
reconfigure(routing => { slow_start => '1s' });
ok(poll_until(sub { my %now = nodes(); !grep { $now{$_}{share} ne '100%' } @replicas }), 'then it has all of it');
%got = after_reads(12_000);
cmp_ok($got{$slow}, '>', $got{$other} / 2, 'and reads like the others') or diag(explain(\%got));
is($bench_err, '', 'no client met an error');
$bench->kill_kill;
reconfigure(routing => { slow_start => 'off', eject_after => 'off' });

# ---- Zones ----

reconfigure(routing => { zones => 'east, west' }, (map { ("node $_" => { zone => 'east' }) } qw(pg2 pg3)), map { ("node $_" => { zone => 'west' }) } qw(pg4 pg5));
%got = shares_are('the nearest zone serves', 8, 2000, pg2 => 1, pg3 => 1);
$t->console("DRAIN $_") for qw(pg2 pg3);
%got = shares_are('the next one, if nobody in the nearest can', 8, 2000, pg4 => 1, pg5 => 1);
$t->console("UNDRAIN $_") for qw(pg2 pg3);
reconfigure(routing => { zone_spill => 1 });
%got = run_reads(16, 2000);
cmp_ok($got{$_}, '>', 0, "zone_spill: busy neighbours get help ($_)") for @replicas;
cmp_ok($got{pg2} + $got{pg3}, '>', $got{pg4} + $got{pg5}, 'but the nearest have more');

reconfigure('database *' => { allow_zones => 'west' }, 'pool *.other' => { allow_zones => 'east' });
%got = shares_are('allow_zones: farther nodes, if only they may', 8, 2000, pg4 => 1, pg5 => 1);
my $e = $t->wire->query('INSERT INTO t VALUES (1)')->{error};
like("$e->{C} $e->{M}", qr/^57P03 .*allow_zones/, 'what must run on a node outside is refused');
like(join('', map { $_->{text} // $_->{meaning} // join ' ', values %$_ } $t->console("EXPLAIN ROUTE (DATABASE app) SELECT 1")), qr/not in a zone of allow_zones/, 'EXPLAIN ROUTE knows');
reconfigure('node pg1' => { zone => 'west' });
is($t->wire->query('INSERT INTO t VALUES (1)')->{error}, undef, 'the primary is inside: writes work');
$t->console("DRAIN $_") for qw(pg4 pg5);
is($name{ $t->wire->value('SELECT here()') }, 'pg1', 'and it reads when no replica inside may');
reconfigure('node pg1' => { zone => 'east' });
$e = $t->wire->query('SELECT here()')->{error};
like($e->{M}, qr/allow_zones/, 'no node inside may serve a read: it is refused, not sent elsewhere');
$t->console("UNDRAIN $_") for qw(pg4 pg5);
$t->drop_section('pool *.other');
reconfigure(routing => { zones => undef, zone_spill => undef }, 'database *' => { allow_zones => undef });

# ---- Places ----

reconfigure(map { ("node $_" => { max_in_flight => 1 }) } @replicas);
my %lock = map { $_ => $c->node($_)->background_psql('app', on_error_stop => 0) } @replicas;
$lock{$_}->query_safe('SELECT pg_advisory_lock(1)') for @replicas;
my @held = map { $t->wire } 1 .. 7;
$_->send_message('Q', Wire::cstr('SELECT hold()')) for @held;
sub waiting { return scalar grep { ($_->{waits_for} // '') eq 'max-in-flight' } $t->console('SHOW CLIENTS') }
ok(poll_until(sub { waiting() == 3 }), 'max_in_flight: one on each replica, the others wait') or diag(waiting());
%n = nodes();
is("@{[ map { $n{$_}{in_flight} } @replicas ]}", '1 1 1 1', 'SHOW NODES counts them');
is($n{pg2}{max_in_flight}, 1, 'and tells the limit');
is($name{ $t->wire->value('/* tanist: primary */ SELECT here()') }, 'pg1', 'the primary has no limit');
$_->quit for values %lock;
my %answered;
$answered{ $name{ $_->result->{rows}[0][0] } }++ for @held;
is(scalar keys %answered, 4, 'all are answered when there is room, by all four');
is(waiting(), 0, 'nobody waits any more');
reconfigure('pool *' => { query_wait_timeout => '1s' });
$lock{$_} = $c->node($_)->background_psql('app') for @replicas;
$lock{$_}->query_safe('SELECT pg_advisory_lock(1)') for @replicas;
$_->send_message('Q', Wire::cstr('SELECT hold()')) for @held;
my %codes;
for my $h (@held) { last if ($codes{'53300'} // 0) == 3; my $r = eval { $h->result(3 * $TestEnv::slow) } // next; $codes{ $r->{error}{C} }++ if $r->{error} }
is($codes{'53300'}, 3, 'who finds no room in time is told (query_wait_timeout)');
$_->quit for values %lock;
$_->terminate for @held;

# A client that has a place and waits for a connection gives the place back when it gives up.
sub hold_all { my @h = map { $t->wire } 1 .. 8; $_->send_message('Q', Wire::cstr('SELECT hold()')) for @h; return @h }
sub waits { my %n; $n{ $_->{waits_for} }++ for grep { $_->{waits_for} } $t->console('SHOW CLIENTS'); return join ' ', map { "$_=$n{$_}" } sort keys %n }
reconfigure('pool *' => { pool_size => 1 }, map { ("node $_" => { max_in_flight => 2 }) } @replicas);
$lock{$_} = $c->node($_)->background_psql('app') for @replicas;
$lock{$_}->query_safe('SELECT pg_advisory_lock(1)') for @replicas;
my @first = hold_all();
my $gave_up = 0;
ok(poll_until(sub { $gave_up += grep { $_ && $_->{error} } map { $_->{socket} && !$_->silent_for(0) ? $_->result : undef } @first; $gave_up >= 4 }), 'four wait for a connection in vain');
reconfigure('pool *' => { query_wait_timeout => '1min' });
my @second = map { $t->wire } 1 .. 4;
$_->send_message('Q', Wire::cstr('SELECT hold()')) for @second;
ok(poll_until(sub { waits() eq 'pool_size=4' }), 'their places are free for others') or diag(waits());
$_->quit for values %lock;
is(scalar(grep { !$_->result->{error} } @second), 4, 'who are answered in the end');

$t->stop;
done_testing();
