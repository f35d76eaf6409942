# LISTEN costs no server, and nobody can tell: a session hears itself, and what others have sent before, ahead of
# ReadyForQuery, as from PostgreSQL; channels follow transactions and savepoints in either protocol, and stay over a failover.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Wire;
use Compare;
use TestEnv qw(poll_until);
use Test::More;

my $c = TanistCluster->new(replicas => 1);
$c->sql('pg1', <<'SQL', 'app');
CREATE TABLE t (a int);
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('a', 'row ' || NEW.a); RETURN NULL; END $$;
CREATE TRIGGER shout AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION shout();
GRANT ALL ON t TO app;
SQL
$c->wait_catchup;
my $t = Tanist->new(cluster => $c, settings => { tanist => { workers => 2 }, 'pool *' => { pool_size => 2 } });
$t->start;

my %open = (
    direct => sub { return Wire->connect(port => $c->node('pg1')->port, user => 'app', database => 'app', password => 'app-secret') },
    port   => sub { return $t->wire });
my %other = map { $_ => $open{$_}->() } keys %open;
my $cmp = Compare->new(%open);
# What others send comes when it comes, if before ReadyForQuery.
my $late = Compare->new(%open, notes_last => 1);

sub same { return $cmp->same(@_) }
sub U { my ($sql) = @_; return P('', $sql) . B('', '') . E('') . S() }
sub channels { return Q('SELECT array(SELECT pg_listening_channels() ORDER BY 1)') }
# Somebody else does something, and is done.
sub other { my (@sql) = @_; return sub { $other{ $_[1] }->query($_) for @sql } }
sub pins { return join ',', map { $_->{pin} } grep { $_->{pin} } $t->console('SHOW CLIENTS') }

# ---- A session hears itself ----

same('simple', Q('LISTEN a'), Q(q(NOTIFY a, 'one')), Q(q(SELECT pg_notify('a', 'two'), pg_notify('a', 'three'))), Q('NOTIFY a; SELECT 1; NOTIFY a'), Q('NOTIFY b'));
same('extended', U('LISTEN a'), U(q(NOTIFY a, 'one')), P('n', q(SELECT pg_notify('a', $1))) . S(), (B('', 'n', 'two') . E('') . S()) x 2, B('', 'n', 'x') . E('') . S() . U('NOTIFY a'));
same('a pipeline', Q('LISTEN a'), U('NOTIFY a') . U('SELECT 1') . U(q(NOTIFY a, 'two')) . Q(q(NOTIFY a, 'three')) . U('SELECT 1/0') . U(q(NOTIFY a, 'four')));
same('a pipeline without Sync in between', Q('LISTEN a'), join('', map { P('', "NOTIFY a, '$_'") . B('', '') . E('') } 1 .. 20) . S());
same('a transaction', Q('LISTEN a'), Q('BEGIN'), Q(q(NOTIFY a, 'in')), Q('SELECT 1'), Q('COMMIT'), Q('BEGIN'), Q(q(NOTIFY a, 'lost')), Q('ROLLBACK'), Q('SELECT 1'));
same('savepoints', Q('LISTEN a'), Q('BEGIN'), Q('SAVEPOINT s'), Q(q(NOTIFY a, 'lost')), Q('ROLLBACK TO s'), Q(q(NOTIFY a, 'kept')), Q('COMMIT'), Q('COMMIT'));
same('a failed transaction', Q('LISTEN a'), Q('BEGIN'), Q('NOTIFY a'), Q('SELECT 1/0'), Q('COMMIT'), Q('SELECT 1'));
same('a trigger', Q('LISTEN a'), Q('INSERT INTO t VALUES (1), (2)'), U('INSERT INTO t VALUES (3)'));
same('DO', Q('LISTEN a'), Q(q(DO $$ BEGIN NOTIFY a, 'one'; COMMIT; NOTIFY a, 'two'; END $$)));
same('several channels, in order', Q('LISTEN a; LISTEN b'), Q(q(BEGIN; NOTIFY b, '1'; NOTIFY a, '2'; NOTIFY b, '3'; COMMIT)), Q(q(NOTIFY b, '4')) . Q(q(NOTIFY a, '5')));
same('what it has just begun to listen to', Q(q(BEGIN; LISTEN a; NOTIFY a, 'early'; COMMIT)), Q(q(BEGIN; LISTEN b; NOTIFY b, 'early'; NOTIFY b, 'too'; COMMIT)), Q(q(NOTIFY b, 'late')));
same('a channel that others listen to, too', Q('SELECT 1'), sub { $other{ $_[1] }->query('LISTEN shared') }, Q(q(BEGIN; LISTEN shared; NOTIFY shared, 'early'; COMMIT)),
    Q(q(NOTIFY shared, 'late')), sub { $other{ $_[1] }->query('UNLISTEN *') });
same('COPY', Q('LISTEN a'), [ Q('COPY t FROM STDIN'), 'G' ], Wire::message('d', "7\n8\n") . Wire::message('c', ''), Q('COPY t TO STDOUT'));

# ---- And others ----

$late->same('what was sent before', Q('LISTEN a'), other(q(NOTIFY a, 'one')), Q('SELECT 1'), other(q(NOTIFY a, 'two')), U('SELECT 1'), other(q(NOTIFY a, 'three')), Q('SELECT count(*) FROM t WHERE false'));
$late->same('with its own', Q('LISTEN a'), other(q(NOTIFY a, 'one'), q(NOTIFY a, 'two')), Q(q(NOTIFY a, 'three')), other(q(NOTIFY a, 'four')), Q('SELECT 1/0'));
$late->same('not within a transaction', Q('LISTEN a'), Q('BEGIN'), Q('SELECT 1'), other('NOTIFY a'), Q('SELECT 1'), Q(q(NOTIFY a, 'own')), Q('COMMIT'));
$late->same('a transaction that did nothing', Q('LISTEN a'), Q('BEGIN'), other('NOTIFY a'), Q('COMMIT'), Q('BEGIN READ ONLY'), other('NOTIFY a'), Q('ROLLBACK'));
$late->same('a replica reads for it', Q('LISTEN a'), Q('BEGIN READ ONLY'), Q('SELECT 1'), other(q(NOTIFY a, 'x')), Q('SELECT 1'), Q('COMMIT'));
$late->same('not before it listened', other('NOTIFY a'), Q('LISTEN a'), Q('SELECT 1'), Q('UNLISTEN a'), other('NOTIFY a'), Q('SELECT 1'));
$late->same('in the order of their commits', Q('LISTEN a'), (map { (other("NOTIFY a, 'x$_'"), Q("NOTIFY a, 'y$_'")) } 1 .. 20));
{
    my $w = $t->wire;
    $w->query('LISTEN a');
    $other{port}->query("NOTIFY a, '$_'") for 1 .. 50;
    my @got = map { substr($_->[1], 6) =~ s/\0//gr } map { $w->read_until('A') } 1 .. 50;
    is("@got", join(' ', 1 .. 50), 'an idle session hears without asking, in order');
    $w->terminate;
}

# ---- Channels ----

my @ways = ([ 'simple', sub { return Q($_[0]) } ], [ 'extended', \&U ],
    [ 'flushed', sub { return ([ P('', $_[0]) . D('S', '') . H(), 'nT' ], B('', '') . E('') . S()) } ],
    [ 'prepared', sub { return (P('', 'SELECT 1') . P('x', $_[0]) . S(), P('', 'SELECT 2') . B('', '') . E('') . B('', 'x') . E('') . C('S', 'x') . S()) } ]);
for my $way (@ways) {
    my ($name, $do) = @$way;
    same("$name: LISTEN and UNLISTEN", $do->('LISTEN a'), channels(), $do->('LISTEN "B c"'), $do->('LISTEN A'), channels(), $do->('UNLISTEN a'), channels(), Q('NOTIFY a'), Q('NOTIFY "B c"'),
        $do->('UNLISTEN other'), channels(), $do->('UNLISTEN *'), channels(), Q('NOTIFY "B c"'));
    for my $end ('COMMIT', 'ROLLBACK') {
        same("$name: in a transaction, $end", $do->('LISTEN a'), Q('BEGIN'), $do->('LISTEN b'), Q('NOTIFY b'), $do->($end), channels(), Q('NOTIFY b'),
            Q('BEGIN'), $do->('UNLISTEN a'), $do->('SELECT 1'), $do->($end), channels(), Q('NOTIFY a'),
            Q('BEGIN'), Q('SELECT 1'), $do->('UNLISTEN *'), $do->($end), channels(), Q('NOTIFY a'));
        same("$name: savepoints, $end", $do->('LISTEN a'), Q('BEGIN'), $do->('SAVEPOINT s'), $do->('UNLISTEN a'), $do->('LISTEN b'), $do->('ROLLBACK TO s'), $do->('LISTEN c'),
            $do->('RELEASE s'), $do->($end), channels(), Q(q(NOTIFY a; NOTIFY b; NOTIFY c)));
    }
}
same('DO', Q(q(DO $$ BEGIN LISTEN a; LISTEN b; END $$)), channels(), Q('NOTIFY a'), Q(q(DO $$ BEGIN UNLISTEN a; END $$)), channels(), Q('NOTIFY a'), U(q(DO $$ BEGIN UNLISTEN *; END $$)), channels());
same('several in one text', Q('LISTEN a; LISTEN b; UNLISTEN a; NOTIFY b'), channels(), Q('BEGIN'), Q('UNLISTEN b'), Q('ROLLBACK; SELECT 1'), channels(), Q('BEGIN'), Q('UNLISTEN b'), Q('ROLLBACK; LISTEN x'), channels(),
    Q('BEGIN'), Q('UNLISTEN x'), Q('SAVEPOINT s; UNLISTEN b; ROLLBACK TO s; COMMIT'), channels(), Q('UNLISTEN b; SELECT 1/0'), channels(), Q('BEGIN; UNLISTEN b; COMMIT; LISTEN a; BEGIN; LISTEN d'), channels(), Q('ROLLBACK'), channels());
same('a failed transaction', Q('LISTEN a'), Q('BEGIN'), Q('SELECT 1/0'), Q('UNLISTEN *'), U('LISTEN b'), Q('ROLLBACK'), channels(), Q('NOTIFY a'));
for my $back ('ROLLBACK', 'abort work') {
    same("what a pool of connections does to reset one: $back", Q('LISTEN a'), Q('BEGIN'), Q('SELECT 1/0'), Q("$back; UNLISTEN *; SELECT 1"), channels(), Q('NOTIFY a'));
}
same('DISCARD ALL', Q('LISTEN a'), Q('DISCARD ALL'), channels(), Q('NOTIFY a'), Q('LISTEN b'), U('DISCARD ALL'), channels());
same('a long name', Q('LISTEN ' . 'x' x 63), Q('NOTIFY ' . 'x' x 63), channels(), Q('LISTEN ' . 'y' x 64), Q('NOTIFY ' . 'y' x 63));
same('many', (map { Q("LISTEN c$_") } 1 .. 100), channels(), Q('NOTIFY c77'), Q('UNLISTEN c77'), Q('NOTIFY c77'), Q('NOTIFY c78'));
is(pins(), '', 'and nobody was pinned');

# ---- Who sent it ----

{
    my @w = map { $t->wire } 1 .. 6;
    $_->query('LISTEN who') for @w[ 0 .. 2 ];
    my ($wrong, $missing) = (0, 0);
    for my $i (1 .. 60) {
        my $from = $w[ $i % 6 ];
        my $told = $from->query("NOTIFY who, '$i'");
        $missing++ if $i % 6 < 3 && !grep { /[\0]${i}[\0]/ } @{ $told->{notifications} };
        for my $to (0 .. 2) {
            my @heard = @{ $told->{notifications} };
            @heard = @{ $w[$to]->query('SELECT 1')->{notifications} } if $to != $i % 6;
            $missing++ if @heard != 1;
            $wrong++ if grep { (unpack('N', $_) == $w[$to]{backend_pid}) != ($to == $i % 6) } @heard;
        }
    }
    is($missing, 0, 'everybody hears everything');
    is($wrong, 0, 'and knows its own from that of others, on shared servers');
    $_->terminate for @w;
}

# ---- Many ----

{
    my @w = map { $t->wire } 1 .. 300;
    for my $i (0 .. $#w) { $w[$i]->send_message('Q', Wire::cstr("LISTEN all_of_us; LISTEN only_$i")) }
    is((grep { $_->result->{error} } @w), 0, '300 sessions listen');
    is(pins(), '', 'and hold no server');
    cmp_ok($c->sql('pg1', q(SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND backend_type = 'client backend')), '<=', 4, 'nor are there more');
    $other{port}->query(q(NOTIFY all_of_us, 'hello'));
    is((grep { my $m = $_->read_message; $m->[0] eq 'A' && substr($m->[1], 4) eq "all_of_us\0hello\0" } @w), 300, 'each hears what is for all');
    for my $i (0 .. $#w) { $w[$i]->send_message('Q', Wire::cstr("NOTIFY only_$i, '$i'")) }
    is((grep { my $r = $w[$_]->result; "@{ $r->{notifications} }" eq pack('N', $w[$_]{backend_pid}) . "only_$_\0$_\0" } 0 .. $#w), 300, 'and what is its own');
    $_->terminate for @w;
}

# ---- The connection that listens is lost ----

my $ear = $t->wire;
$ear->query('LISTEN a');
my $mark = $t->log_offset;
is($c->sql('pg1', q(SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'tanist' AND datname = 'app' AND query ~ '^(LISTEN|UNLISTEN|SELECT$)')), 1, 'one server listens for all');
my @m = $ear->read_until('N');
is(Wire::fields($m[-1][1])->{M}, 'notifications may have been missed', 'who listened is told');
ok($t->wait_for_event('listen.gap', $mark), 'and the log');
is(@{ $ear->query('NOTIFY a')->{notifications} }, 1, 'it still listens');

$mark = $t->log_offset;
$c->kill9('pg1');
$t->wait_for_event('failover.done', $mark);
my $r = $ear->query(q(NOTIFY a, 'after'));
is(@{ $r->{notifications} }, 1, 'after a failover as well: its own first notification is not lost');
like($r->{types}, qr/N.*A.*Z/, 'and it is told that others may be');
is($ear->value('SELECT array(SELECT pg_listening_channels())'), '{a}', 'its channels are the same');
$_->terminate for $ear, $other{port};
$t->stop;
done_testing();
