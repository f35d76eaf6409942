# Cancel requests: they reach the query they are meant for, or nobody.
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
$c->sql('pg1', 'CREATE TABLE t (a int); GRANT ALL ON t TO app', 'app');
my $t = Tanist->new(cluster => $c, settings => { tanist => { workers => 3 }, 'pool *' => { pool_size => 2 } });
$t->start;

sub send_query { my ($w, $sql) = @_; $w->send_message('Q', Wire::cstr($sql)) }
# Sleeps on the primary, where it can be seen; $tag tells sleepers apart.
sub sleeper { my ($tag) = @_; return "/* $tag */ INSERT INTO t SELECT 1 FROM (SELECT pg_sleep(600)) s" }

sub sleeps
{
    my ($tag) = @_;
    return $c->poll_sql('pg1', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%/* $tag */%' AND wait_event = 'PgSleep'");
}

# ---- One ----

my $w = $t->wire;
ok($w->{backend_pid} > 0 && $w->{backend_pid} < 2**31, 'a pid that every driver takes for one');
isnt($w->{secret}, "\0\0\0\0", 'and a secret');
send_query($w, sleeper('one'));
ok(sleeps('one'), 'a query sleeps');
ok($w->cancel, 'the cancel connection is closed without an answer');
my $r = $w->result;
is($r->{error}{C}, '57014', 'the query was cancelled');
is($r->{status}, 'I', 'and the session goes on');
is($w->value('SELECT 1'), '1', 'with its next query');
$w->send_raw(Wire::parse('', sleeper('ext')) . Wire::bind('', '') . Wire::execute('') . Wire::sync());
ok(sleeps('ext'), 'a sleeping query of the extended protocol');
$w->cancel;
is($w->result->{error}{C}, '57014', 'was cancelled');
$w->query('BEGIN');
send_query($w, sleeper('tx'));
ok(sleeps('tx'), 'in a transaction');
$w->cancel;
is($w->result->{error}{C}, '57014', 'was cancelled');
is($w->{status}, 'E', 'and the transaction has failed');
$w->query('ROLLBACK');
# On a replica.
my $reader = $t->wire;
$reader->value('SELECT 1');
ok(poll_until(sub { my ($n) = grep { $_->{node} eq 'pg2' } $t->console('SHOW NODES'); $n->{reads} > 0 || !$reader->query('SELECT 1') }), 'reads go to the replica');
send_query($reader, 'SELECT pg_sleep(600)');
ok($c->poll_sql('pg2', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep')), 'a read sleeps there');
$reader->cancel;
is($reader->result->{error}{C}, '57014', 'and is cancelled there');
$reader->terminate;
# COPY.
$w->query('COPY t FROM STDIN');
$w->cancel;
$w->send_message('d', "5\n");
$w->send_message('c', '');
ok($w->result->{status} eq 'I', 'a COPY that was cancelled ends, one way or the other');

# ---- Keys that are not right ----

send_query($w, sleeper('keep'));
ok(sleeps('keep'), 'a query sleeps');
my $other = $t->wire;
$other->cancel(pid => $w->{backend_pid}, secret => "\0\0\0\0");
$other->cancel(pid => $w->{backend_pid}, secret => $w->{secret} ^ "\0\0\0\1");
$other->cancel(pid => $w->{backend_pid} + 1, secret => $w->{secret});
$other->cancel(pid => 0xffffffff, secret => $w->{secret});
$other->cancel(pid => 0, secret => $w->{secret});
$other->cancel(secret => $w->{secret});
$other->cancel(pid => $w->{backend_pid});
my $long = Wire->open($t->host, $t->port);
$long->send_raw(Wire::request(Wire::CANCEL_REQUEST, pack('N', $w->{backend_pid}) . $w->{secret} x 8));
ok($long->closed_in(30), 'a key of protocol 3.2 is taken, and is nobody\'s');
# The real pid of the server is not a key either.
my $pid = $c->sql('pg1', q(SELECT pid FROM pg_stat_activity WHERE query LIKE '%/* keep */%' AND wait_event = 'PgSleep'));
$other->cancel(pid => $pid, secret => $w->{secret});
is($other->value('SELECT 1'), '1', 'the other session works');
ok(sleeps('keep'), 'wrong keys do nothing');
$w->cancel;
is($w->result->{error}{C}, '57014', 'the right one does');
$other->cancel;
is($other->value('SELECT 5'), '5', 'a cancel of an idle session does nothing');

# ---- While it waits ----

my @hold = map { my $h = $t->wire; $h->query('BEGIN'); $h->query('INSERT INTO t VALUES (0)'); $h } 1 .. 2;
send_query($w, 'INSERT INTO t VALUES (99)');
ok(poll_until(sub { grep { $_->{state} eq 'waiting' } $t->console('SHOW CLIENTS') }), 'a query waits for a server');
$w->cancel;
$r = $w->result;
is($r->{error}{C}, '57014', 'cancelled while it waits');
is($r->{status}, 'I', 'the session is idle');
$w->send_raw(Wire::parse('', 'INSERT INTO t VALUES (99)') . Wire::bind('', '') . Wire::execute('') . Wire::sync());
ok(poll_until(sub { grep { $_->{state} eq 'waiting' } $t->console('SHOW CLIENTS') }), 'one of the extended protocol waits');
$w->cancel;
$r = $w->result;
is($r->{types}, 'EZ', 'cancelled, one error and one ReadyForQuery');
$_->query('ROLLBACK') for @hold;
is($w->value('SELECT 1'), '1', 'its next query is served');
is($c->sql('pg1', 'SELECT count(*) FROM t WHERE a = 99', 'app'), '0', 'what was cancelled did not run');

# ---- The holders keep their transactions ----

$hold[0]->query('BEGIN; INSERT INTO t VALUES (7)');
$hold[0]->cancel;
is($hold[0]->query('INSERT INTO t VALUES (7)')->{tags}[0], 'INSERT 0 1', 'a cancel between two statements of a transaction hits neither');
is($hold[0]->query('COMMIT')->{tags}[0], 'COMMIT', 'and it commits');

# ---- Races: the canceller and the end of the query; other sessions use the same two servers ----

my @bystanders = map { $t->wire } 1 .. 4;
my ($cancelled, $done, $wrong, $hurt) = (0, 0, 0, 0);
for my $round (1 .. 50) {
    send_query($_, 'INSERT INTO t SELECT 1 FROM (SELECT pg_sleep(0.002)) s') for @bystanders;
    send_query($w, 'INSERT INTO t SELECT 2 FROM (SELECT pg_sleep(0.003)) s');
    # Sooner or later in the life of the query, by round.
    select undef, undef, undef, 0.0002 * $round;
    $w->cancel;
    my $r = $w->result;
    if (!$r->{error}) { $done++ }
    elsif ($r->{error}{C} eq '57014') { $cancelled++ }
    else { $wrong++ }
    for my $b (@bystanders) {
        my $r = $b->result;
        $hurt++ if $r->{error} || $r->{tags}[0] ne 'INSERT 0 1';
    }
    # What comes next on whatever server is not hit by a late signal.
    for my $b (@bystanders, $w) {
        my $r = $b->query('INSERT INTO t VALUES (3)');
        $hurt++ if $r->{error};
    }
}
is($wrong, 0, "50 rounds: cancelled ($cancelled) or done ($done), nothing else");
is($hurt, 0, 'no query of another session, and no later query of the same one, was hit');
is($c->sql('pg1', 'SELECT count(*) FROM t WHERE a = 2', 'app'), $done, 'what was reported as done is there, what was cancelled is not');
is($c->sql('pg1', 'SELECT count(*) FROM t WHERE a = 1', 'app'), 200, 'all of the others is there');

# psql's own way.
my $quiet = poll_until(sub { !grep { $_->{sv_active} || $_->{sv_active_cancel} || $_->{sv_being_canceled} } grep { $_->{database} eq 'app' } $t->console('SHOW POOLS') });
ok($quiet, 'no server is left with a cancel') or diag(explain([ $t->console('SHOW POOLS') ]));
$_->terminate for @bystanders, @hold, $w, $other;
$t->stop;
done_testing();
