# transaction_replay: transactions run again when their primary dies, and their clients notice nothing; or hear 40001 if
# anything came out differently.
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
$c->sql('pg1', 'CREATE TABLE t (k text PRIMARY KEY, n int DEFAULT 0); GRANT ALL ON t TO app', 'app');
my $t = Tanist->new(cluster => $c, settings => { failover => { mode => 'automatic', transaction_replay => 'on', commit_resolution => 'on', transaction_replay_bytes => '2kB' } });
$t->start;

sub send_query { my ($w, $sql) = @_; $w->send_message('Q', Wire::cstr($sql)) }
sub well { my ($w, $sql) = @_; my $r = $w->query($sql); is($r->{error}, undef, $sql) or diag(explain($r)); return $r }

# Each: what it does before the primary dies, whether its transaction lives on, and what it is told of a request that is under way.
my %cases = (
    plain => [ sub {
            my ($w) = @_;
            well($w, $_) for "INSERT INTO t VALUES ('plain')", 'SELECT k, n FROM t ORDER BY k', "UPDATE t SET n = n + 1 WHERE k = 'base' RETURNING n";
        }, 1 ],
    modes => [ sub { my ($w) = @_; well($w, 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ'); well($w, "INSERT INTO t VALUES ('modes')") }, 1 ],
    extended => [ sub {
            my ($w) = @_;
            $w->send_raw(Wire::parse('mine', 'SELECT n FROM t WHERE k = $1') . Wire::bind('', 'mine', 'base') . Wire::describe('P', '') . Wire::execute('')
                    . Wire::sync());
            is($w->result->{types}, '12TDCZ', 'extended: a named statement');
            $w->send_raw(Wire::bind('', 'before', 'extended') . Wire::execute('') . Wire::sync());
            is($w->result->{types}, '2CZ', 'extended: one that was there before');
        }, 1 ],
    setting => [ sub { my ($w) = @_; well($w, "SET LOCAL application_name = 'of this one'"); well($w, "INSERT INTO t VALUES ('setting')") }, 1 ],
    running => [ sub {
            my ($w) = @_;
            well($w, "INSERT INTO t VALUES ('running')");
            send_query($w, 'SELECT pg_sleep(2), 7');
            ok($c->poll_sql('pg1', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), 'running: a statement is under way');
        }, 1, 'TDCZ' ],
    empty => [ sub { }, 1 ],
    different => [ sub { my ($w) = @_; well($w, "INSERT INTO t VALUES ('different')"); well($w, 'SELECT pg_backend_pid()') }, 0 ],
    failed => [ sub {
            my ($w) = @_;
            well($w, $_) for "INSERT INTO t VALUES ('failed')", 'SAVEPOINT a';
            $w->query('SELECT 1/0');
            well($w, 'ROLLBACK TO a');
        }, 0 ],
    long => [ sub { my ($w) = @_; well($w, "INSERT INTO t VALUES ('long') /* " . 'x' x 3000 . ' */') }, 0 ],
);

well($t->wire, "INSERT INTO t VALUES ('base', 41)");
$c->wait_catchup;
my %w = map { $_ => $t->wire } keys %cases;
$w{extended}->send_raw(Wire::parse('before', 'INSERT INTO t VALUES ($1)') . Wire::sync());
$w{extended}->result;
for my $name (sort keys %cases) {
    $w{$name}->query('BEGIN');
    # Only one of them may touch the row of the first; the others would wait for it.
    $cases{$name}[0]->($w{$name});
}
my $mark = $t->log_offset;
$c->kill9('pg1');
ok($t->wait_for_event('failover.announced', $mark), 'pg2 takes over');
for my $name (sort keys %cases) {
    my ($w, $lives, $under_way) = ($w{$name}, @{ $cases{$name} }[ 1, 2 ]);
    if ($under_way) {
        my $r = $w->result;
        is($r->{types}, $under_way, "$name: what was under way is answered") or diag(explain($r));
        is($r->{rows}[0][1], '7', "$name: well");
    }
    my $r = $w->query("INSERT INTO t VALUES ('after $name')");
    if ($lives) {
        is($r->{error}, undef, "$name: goes on") or diag(explain($r));
        is($r->{types}, 'CZ', "$name: and hears of nothing else");
        is($w->value("SELECT current_setting('application_name')"), 'of this one', "$name: with its setting") if $name eq 'setting';
        is($w->query('COMMIT')->{error}, undef, "$name: and commits");
    } else {
        is($r->{error}{C}, '40001', "$name: is lost");
        is($r->{status}, 'E', "$name: and stays failed");
        $w->query('ROLLBACK');
    }
    is($w->value("SELECT count(*) FROM t WHERE k = 'after $name'"), $lives ? '1' : '0', "$name: the truth");
    is($w->value("SELECT count(*) FROM t WHERE k = '$name'"), $lives && $name ne 'empty' ? '1' : '0', "$name: also of what was before");
}
is($w{plain}->value("SELECT n FROM t WHERE k = 'base'"), '42', 'nothing was done twice');
is(scalar(grep { $_->{outcome} eq 'again' } $t->events('transaction.replayed', $mark)), 5, 'events');
$_->terminate for values %w;

$t->stop;
done_testing();
