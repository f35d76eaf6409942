# Sessions are virtual: settings follow a client over whatever servers it gets, with PostgreSQL's own semantics, and reach
# nobody else. Every probe is compared with a direct connection that did the same.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Wire;
use TestEnv qw(poll_until);
use Test::More;

$ENV{TANIST_CHECK_LABELS} = 1;
my $c = TanistCluster->new(replicas => 1);
$c->sql('pg1', <<'SQL', 'app');
CREATE SCHEMA one; CREATE SCHEMA two; GRANT USAGE ON SCHEMA one, two TO app;
CREATE TABLE one.which AS SELECT 'one' AS name; CREATE TABLE two.which AS SELECT 'two' AS name;
GRANT SELECT ON one.which, two.which TO app;
CREATE ROLE helper; GRANT helper TO app; GRANT USAGE ON SCHEMA one, two TO helper; GRANT SELECT ON one.which, two.which TO helper;
CREATE FUNCTION remember(v text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('work_mem', v, false); RETURN v; END $$;
CREATE PROCEDURE settle(v text) LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('work_mem', v, false); COMMIT; END $$;
SQL
$c->wait_catchup;
my $t = Tanist->new(
    cluster  => $c,
    settings => { tanist => { workers => 2 }, 'pool *' => { pool_size => 1 }, routing => { read_write_split => 'off' } });
$t->start;

sub pins { return join ',', map { $_->{pin} } grep { $_->{pin} } $t->console('SHOW CLIENTS') }

# Three sessions on one server; each has a twin on a private connection.
my @own    = map { $t->wire } 1 .. 3;
my @direct = map { Wire->connect(host => '127.0.0.1', port => $c->node('pg1')->port, database => 'app', user => 'app', password => 'app-secret') } 1 .. 3;
my $differ = 0;

sub answer {
    my ($w, $sql) = @_;
    my $r = $w->query($sql);
    return join ' | ', ($r->{error} ? "$r->{error}{C} $r->{error}{M}" : ()), map { join ',', map { $_ // 'NULL' } @$_ } @{ $r->{rows} };
}

sub both {
    my ($i, $sql) = @_;
    my ($got, $want) = (answer($own[$i], $sql), answer($direct[$i], $sql));
    return if $got eq $want;
    $differ++;
    diag("client $i: $sql\n  got:  $got\n  want: $want");
}

my @probes = (
    'SHOW work_mem', 'SHOW search_path', 'SHOW timezone', 'SHOW application_name', 'SELECT current_user, session_user',
    'SHOW default_transaction_isolation', 'SELECT name FROM which', q(SELECT current_setting('my.var', true)), 'SHOW datestyle', 'SHOW role');

sub probe {
    my ($label) = @_;
    my $before = $differ;
    for my $p (@probes) { both($_, $p) for 0 .. 2 }
    is($differ, $before, $label);
}

# The custom setting is made known to all servers first, since one that has never heard of it answers NULL instead of ''.
both($_, q(SET my.var = 'x'; RESET my.var)) for 0 .. 2;
my @steps = (
    [ 0, q(SET work_mem = '7MB') ],
    [ 1, q(SET SESSION work_mem TO '9216kB') ],
    [ 0, 'SET search_path = one, public' ],
    [ 1, 'SET SCHEMA \'two\'' ],
    [ 2, q(SET TIME ZONE 'Asia/Tokyo') ],
    [ 1, 'SET TIME ZONE 3' ],
    [ 2, 'SET my.var = \'it\'\'s\'' ],
    [ 1, 'SET ROLE helper' ],
    [ 2, q(BEGIN; SET work_mem = '11MB'; ROLLBACK) ],
    [ 2, q(BEGIN; SET work_mem = '12MB'; SAVEPOINT a; SET work_mem = '13MB'; ROLLBACK TO a; COMMIT) ],
    [ 0, q(BEGIN; SET LOCAL work_mem = '14MB'; SELECT current_setting('work_mem'); COMMIT) ],
    [ 0, q(SET work_mem = '15MB'; SELECT 1/0) ],
    [ 0, q(SELECT set_config('work_mem', '16MB', false), set_config('timezone', 'UTC', true)) ],
    [ 1, 'SELECT remember(\'17MB\')' ],
    [ 2, 'CALL settle(\'18MB\')' ],
    [ 0, q(DO $$ BEGIN PERFORM set_config('datestyle', 'German', false); END $$) ],
    [ 0, 'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ' ],
    [ 1, 'RESET ROLE' ],
    [ 0, 'RESET work_mem' ],
    [ 1, 'SET work_mem TO DEFAULT' ],
    [ 2, 'SET datestyle = \'SQL, DMY\'; SET application_name = \'second\'' ],
    [ 2, 'RESET ALL' ],
    [ 0, 'SET nonsense = 1' ],
    [ 0, 'SET work_mem = \'too much\'' ],
    [ 1, 'BEGIN', 'open' ], [ 1, 'SET search_path = one', 'open' ], [ 1, 'SELECT name FROM which', 'open' ], [ 1, 'ROLLBACK' ],
    [ 1, 'SET ROLE helper; SET work_mem = \'19MB\'' ],
    [ 0, 'DISCARD ALL' ],
    [ 1, 'SET SESSION AUTHORIZATION DEFAULT' ],
    [ 1, 'RESET ALL' ]);
for my $s (@steps) {
    my ($i, $sql, $open) = @$s;
    both($i, $sql);
    probe("client $i after: $sql") if !$open; # the only server is taken by an open transaction
}
is(pins(), '', 'nobody is pinned by a setting');
is($c->sql('pg1', q(SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND backend_type = 'client backend')), 4, 'one server for all, and three private ones');

# What pins ends with its cause.
for my $p (
    [ 'temporary-object', 'CREATE TEMP TABLE tt (a int)', 'DROP TABLE tt' ],
    [ 'temporary-object', 'CREATE TEMP VIEW tv AS SELECT 1', 'DISCARD TEMP' ],
    [ 'advisory-lock', 'SELECT pg_advisory_lock(1)', 'SELECT pg_advisory_unlock(1)' ],
    [ 'advisory-lock', 'SELECT pg_try_advisory_lock(1), pg_advisory_lock(2)', 'SELECT pg_advisory_unlock_all()' ],
    [ 'cursor-with-hold', 'DECLARE c CURSOR WITH HOLD FOR SELECT 1', 'CLOSE c' ],
    [ '', 'PREPARE p AS SELECT 1', 'DEALLOCATE p' ],
    [ '', 'LISTEN a; LISTEN b', 'UNLISTEN *' ])
{
    my ($pin, $sql, $end) = @$p;
    ok(!$own[0]->query($sql)->{error}, $sql);
    is(pins(), $pin, "$pin: $sql");
    ok(!$own[0]->query($end)->{error}, $end);
    is(pins(), '', "$pin ends with: $end");
    both(1, 'SELECT 1');
}
both(0, 'BEGIN; CREATE TEMP TABLE gone (a int) ON COMMIT DROP; COMMIT');
is(pins(), '', 'a temporary table that the commit drops pins nobody');
both(0, 'BEGIN; CREATE TEMP TABLE gone (a int); ROLLBACK');
is(pins(), '', 'nor does one that was rolled back');
# Channels cost no server: three sessions and a fourth on the only one.
my @ears = map { $t->wire } 1 .. 3;
for my $i (0 .. 2) { ok(!$ears[$i]->query("LISTEN news; LISTEN \"Own $i\"")->{error}, "session $i listens") }
is(pins(), '', 'and needs no server for it');
sub hears
{
    my ($w) = @_;
    my $m = $w->read_message;
    return "$m->[0]:" . substr($m->[1], 4) =~ s/\0/,/gr;
}
my $speaker = $t->wire;
$speaker->query(q(NOTIFY news, 'hello'));
is(hears($_), 'A:news,hello,', 'everybody hears what is for all') for @ears;
$speaker->query(q(NOTIFY "Own 1", 'you'));
is(hears($ears[1]), 'A:Own 1,you,', 'one hears what is for it');
$ears[0]->query('BEGIN');
$ears[0]->query('SELECT 1');
$c->sql('pg1', q(NOTIFY news, 'during'), 'app');
is(hears($ears[1]), 'A:news,during,', 'an idle one hears at once');
my $end = $ears[0]->query('COMMIT');
is(@{ $end->{notifications} } ? 'A' : substr(hears($ears[0]), 0, 1), 'A', 'one in a transaction when it is over');
is(hears($ears[2]), 'A:news,during,', 'the other idle one, too');
is(join(',', sort map { $_->[0] } @{ $ears[2]->query('SELECT * FROM pg_listening_channels()')->{rows} }), 'Own 2,news', 'a session sees its channels');
$ears[2]->query('UNLISTEN news');
is(join(',', sort map { $_->[0] } @{ $ears[2]->query('SELECT * FROM pg_listening_channels()')->{rows} }), 'Own 2', 'UNLISTEN');
$ears[1]->query('BEGIN; SELECT 1');
$ears[1]->query('UNLISTEN *');
$ears[1]->query('ROLLBACK');
$ears[1]->query('BEGIN; LISTEN other; ROLLBACK');
is(join(',', sort map { $_->[0] } @{ $ears[1]->query('SELECT * FROM pg_listening_channels()')->{rows} }), 'Own 1,news', 'what is rolled back changes nothing');
$speaker->query(q(NOTIFY news, 'again'));
is(hears($ears[$_]), 'A:news,again,', "session $_ still listens") for 0, 1;
$ears[0]->query('DISCARD ALL');
$speaker->query(q(NOTIFY news, 'last'));
is(hears($ears[1]), 'A:news,last,', 'who listens hears');
is(@{ $ears[0]->query('SELECT 1')->{notifications} }, 0, 'who has discarded it does not');
my $self = $ears[1]->query(q(NOTIFY news, 'self'));
is((@{ $self->{notifications} } ? 'A' : substr(hears($ears[1]), 0, 1)), 'A', 'a session hears itself');
$_->terminate for @ears, $speaker;

is($differ, 0, 'all answers were those of a private connection');

# A setting of an extension is text on a server that has not loaded it, and '' once it was reset. That is nobody's value.
{
    my ($resets, $other, $loads) = map { $t->wire } 1 .. 3;
    $t->console('RECONNECT');
    $resets->query('SET plpgsql.check_asserts = off; RESET plpgsql.check_asserts');
    $other->query('RESET ALL');
    $t->console('RECONNECT');
    $loads->query('DO $$ BEGIN END $$');
    for my $w ($other, $resets) {
        my $r = $w->query('SHOW plpgsql.check_asserts');
        is($r->{error} ? $r->{error}{M} : $r->{rows}[0][0], 'on', 'a server that has loaded it tells its default');
    }
}

# Drivers drop by SQL what they made by Parse.
{
    my $w = $t->wire;
    my $sync = Wire::message('S', '');
    my $run = sub { $w->send_raw(join('', @_) . $sync); return $w->result };
    for my $how ('DEALLOCATE "_pg3_0"', 'deallocate prepare "_pg3_0"') {
        ok(!$run->(Wire::parse('_pg3_0', 'SELECT 1'))->{error}, 'a named statement');
        my $r = $w->query($how);
        is($r->{tags}[0], 'DEALLOCATE', $how);
        $r = $run->(Wire::bind('', '_pg3_0'), Wire::message('E', "\0" . pack('N', 0)));
        is($r->{error}{C}, '26000', 'it is gone');
        ok(!$run->(Wire::parse('_pg3_0', 'SELECT 2'))->{error}, 'the name is free');
        $w->query('BEGIN; SELECT 1');
        $r = $run->(Wire::parse('', $how), Wire::bind('', ''), Wire::message('E', "\0" . pack('N', 0)));
        is($r->{tags}[0], 'DEALLOCATE', "$how in the extended protocol, in a transaction");
        $w->query('COMMIT');
        is($w->query($how)->{error}{C}, '26000', 'once only');
    }
    is(pins(), '', 'and nobody is pinned by it');
    $w->terminate;
}

# A role that is dropped: the session cannot be had on another server; the client hears it and goes on.
$c->sql('pg1', 'CREATE ROLE shortlived; GRANT shortlived TO app', 'app');
ok(!$own[0]->query('SET ROLE shortlived')->{error}, 'SET ROLE');
$own[1]->query('SELECT 1');
$c->sql('pg1', 'DROP ROLE shortlived', 'app');
my $r = $own[0]->query('SELECT current_user');
is($r->{error} ? $r->{error}{C} : '', '22023', 'the role is gone: an error, not another role');
is($own[1]->value('SELECT current_user'), 'app', 'the other session is served');
ok(!$own[0]->query('RESET ROLE')->{error}, 'RESET ROLE is the way out');
is($own[0]->value('SELECT current_user'), 'app', 'and the session goes on');
# currval() and lastval() are of the session's own nextval(), or an error, never another session's.
$c->sql('pg1', 'CREATE SEQUENCE q; GRANT ALL ON q TO app', 'app');
is($own[0]->value(q(SELECT nextval('q'))), 1, 'nextval');
is($own[0]->value(q(SELECT currval('q'))), 1, 'currval is there when nobody else wrote on the server');
is(pins(), 'sequence', 'and binds the session from then on');
is($own[0]->value('SELECT lastval()'), 1, 'lastval');
ok(!$own[0]->query('DISCARD SEQUENCES')->{error}, 'DISCARD SEQUENCES');
is(pins(), '', 'frees it');
is($own[1]->query('SELECT lastval()')->{error}{C}, '55000', 'another session has no lastval');
is($own[1]->value(q(SELECT nextval('q'))), 2, 'who writes in a database where that is asked keeps its server');
is(pins(), 'sequence', 'SHOW CLIENTS tells it');
is($own[1]->value(q(SELECT currval('q'))), 2, 'and finds its own');
$own[1]->query('DISCARD ALL');

# New sessions begin with new defaults, whatever servers there are.
$own[2]->query('SELECT 1');
my $admin = $t->wire('app', user => 'other');
$c->sql('pg1', 'ALTER ROLE other SUPERUSER');
ok(!$admin->query(q(ALTER ROLE app SET work_mem = '23MB'))->{error}, 'ALTER ROLE SET');
my $new = $t->wire;
is($new->value('SHOW work_mem'), '23MB', 'a new session has the new default');
$_->terminate for @own, @direct, $new, $admin;
$t->stop;
done_testing;
