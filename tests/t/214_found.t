# Sequences that the differential tester has found (tests/diff): through the port every message is what it is directly.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Compare;
use Wire;
use Test::More;

my $c = TanistCluster->new(replicas => 1);
$c->sql('pg1', <<'SQL', 'app');
CREATE TABLE t (id int PRIMARY KEY, v text); GRANT ALL ON t TO app;
CREATE ROLE helper; GRANT helper TO app; CREATE SCHEMA closed; CREATE TABLE closed.t (id int); GRANT USAGE ON SCHEMA closed TO app;
SQL
$c->wait_catchup;
my $t = Tanist->new(cluster => $c, settings => { tanist => { workers => 1 }, 'pool *' => { pool_size => 1 } });
$t->start;

# Both sides begin with these start-up parameters.
sub compare
{
    my (%with) = @_;
    return Compare->new(
        before => sub { $c->sql('pg1', 'TRUNCATE t', 'app') },
        port   => sub { $t->wire('app', parameters => \%with) },
        direct => sub {
            Wire->connect(port => $c->node('pg1')->port, database => 'app', user => 'app', password => 'app-secret', parameters => \%with);
        });
}
my $plain = compare();

# Another session uses the server, and leaves it with its own settings.
my $other = $t->wire('app', parameters => { application_name => 'other', DateStyle => 'German', TimeZone => 'Asia/Tokyo' });
sub disturb { return sub { $other->value('SELECT 1') } }

# What a client is told of its settings.
my $reports = sub { my ($w) = @_; return map { "$_=$w->{parameters}{$_}" } grep { $_ ne 'in_hot_standby' } sort keys %{ $w->{parameters} } };
my %start = (DateStyle => 'German', TimeZone => 'Asia/Tokyo', application_name => 'start', options => '-c work_mem=5MB');
{
    disturb()->();    # the server that tries the parameters has them already
    my @w = ($t->wire('app', parameters => \%start),
        Wire->connect(port => $c->node('pg1')->port, database => 'app', user => 'app', password => 'app-secret', parameters => \%start));
    is_deeply([ $reports->($w[0]) ], [ $reports->($w[1]) ], 'a login is told its settings, whatever its server had before');
    $_->terminate for @w;
}
my $started = compare(%start);
{
    my $partly = compare(DateStyle => 'SQL');
    $other->query('SET DateStyle = YMD');
    $partly->same('of a DateStyle, what is not given is not what another session has', Q('SHOW DateStyle'));
    $other->query('RESET DateStyle');
}
$started->same('DISCARD ALL leads to the start-up parameters, and nothing is told that was known', Q('SELECT 1'), disturb(), Q('DISCARD ALL'), Q('SHOW work_mem'), Q('SHOW DateStyle'));
$started->same('DISCARD ALL tells what it has changed', Q('SET TimeZone = UTC'), disturb(), Q(q(SET client_encoding = 'LATIN1')), disturb(), Q('DISCARD ALL'));
$plain->same('settings are told in the order of their names',
    Q(q(SET TIME ZONE 'Europe/Berlin')), disturb(), Q(q(SET client_encoding = 'LATIN1')), disturb(), Q('RESET ALL'));
$plain->same('what was told within a transaction is taken back at its end',
    Q('BEGIN'), Q(q(SELECT set_config('application_name', 'x', true))), Q('COMMIT; RESET ALL'), disturb(), Q('SHOW application_name'));
$plain->same('a role tells what follows from it', Q('SET SESSION AUTHORIZATION DEFAULT'), disturb(), Q('SET ROLE app'), disturb(), Q('RESET ROLE'));

# A value is spelled in the session's client_encoding, whatever the server has at that moment.
my @umlaut = (Q(q(SET client_encoding = 'LATIN1')), Q("SET my.var = '\xe4\xf6'"));
$plain->same('a value in another encoding', @umlaut, disturb(), Q(q(SELECT current_setting('my.var'), length(current_setting('my.var')))));
$plain->same('and a role', @umlaut, Q('SET ROLE helper'), disturb(), Q(q(SELECT current_setting('my.var'), current_user)), Q('RESET ROLE'), disturb(),
    Q(q(SET client_encoding = 'UTF8')), disturb(), Q(q(SELECT current_setting('my.var'))));

$plain->same('and another encoding behind it', @umlaut, Q(q(SET client_encoding = 'UTF8')), disturb(), Q(q(SELECT current_setting('my.var'))), Q('SET ROLE helper'),
    disturb(), Q(q(SELECT current_setting('my.var'))));

# Names of statements.
$plain->same('a Parse behind an error leaves nothing, closed and made again or not',
    P('bad', 'SELECT nonsense') . C('S', 'one') . P('one', 'SELECT 1') . C('S', 'one') . P('one', 'SELECT 2') . S(), B('', 'one') . E('') . S());
$plain->same('DISCARD ALL drops names though an error follows in its batch',
    P('one', 'SELECT 1') . S(), P('', 'DISCARD ALL') . B('', '') . E('') . E('') . S(), B('', 'one') . E('') . S(), P('one', 'SELECT 2') . B('', 'one') . E('') . S());
$plain->same('DEALLOCATE ALL, too', P('one', 'SELECT 1') . S(), Q('DEALLOCATE ALL; SELECT 1/0'), B('', 'one') . E('') . S(), P('one', 'SELECT 3') . B('', 'one') . E('') . S());
$plain->same('in a transaction that is rolled back, too',
    P('one', 'SELECT 1') . S(), Q('BEGIN; DEALLOCATE ALL; ROLLBACK'), B('', 'one') . E('') . S());


# RESET within a transaction leads to the start-up parameters, for as long as it would without tanist.
my @look = (Q('SHOW application_name'), Q('SHOW DateStyle'), Q('SHOW work_mem'), Q('SHOW TimeZone'));
for my $reset ('RESET application_name', 'RESET ALL', 'SET application_name TO DEFAULT', 'SET SESSION DateStyle = DEFAULT', q(SELECT set_config('work_mem', NULL, true) IS NULL),
    'SET LOCAL application_name TO DEFAULT', 'SET TIME ZONE LOCAL')
{
    $started->same("$reset in a transaction", Q('BEGIN'), Q($reset), @look, Q('COMMIT'), disturb(), @look);
    my @change = (Q(q(SET application_name = 'changed')), Q(q(SET DateStyle = 'SQL, DMY')), Q(q(SET work_mem = '7MB')), disturb());
    $started->same("$reset takes back a change, ROLLBACK gives it again", @change, Q('BEGIN'), Q($reset), @look, Q('ROLLBACK'), disturb(), @look);
    $started->same("$reset in a savepoint", @change, Q('BEGIN'), Q('SAVEPOINT a'), Q($reset), @look, Q(q(SET application_name = 'x')),
        Q('ROLLBACK TO a'), @look, Q($reset), Q('RELEASE a'), Q('COMMIT'), disturb(), @look);
    $started->same("$reset by the extended protocol", @change, P('', 'BEGIN') . B('', '') . E('') . S(), P('', $reset) . B('', '') . E('') . S(), @look, Q('COMMIT'), disturb(), @look);
    $started->same("$reset outside of a transaction", @change, Q($reset), @look, disturb(), @look);
}
my $helped = compare(options => '-c role=helper');
$helped->same('a role of the start-up parameters', Q('SELECT current_user'), Q('SET ROLE NONE'), disturb(), Q('SELECT current_user'), Q('RESET ROLE'), Q('SELECT current_user'));
$helped->same('RESET ROLE in a transaction', Q('BEGIN'), Q('RESET ROLE'), Q('SELECT current_user'), Q('COMMIT'), disturb(), Q('SELECT current_user'));
$helped->same('and a look at everything', Q('SET ROLE NONE'), disturb(), Q('DO $$ BEGIN END $$'), disturb(), Q('SELECT current_user'));
$helped->same('DISCARD ALL and it', Q('SET ROLE NONE'), disturb(), Q('DISCARD ALL'), Q('SELECT current_user'), disturb(), Q('SELECT current_user'));
$plain->same('UPDATE pg_settings', Q(q(UPDATE pg_settings SET setting = '98' WHERE name = 'work_mem')), disturb(), Q('SHOW work_mem'));

$plain->same('a transaction that has failed goes on from its savepoint, in a text that uses names behind it',
    Q('PREPARE two AS SELECT 2'), Q('BEGIN'), Q(q(INSERT INTO t VALUES (5, 'x'))), Q('SAVEPOINT a'), Q('SELECT 1/0'), Q('ROLLBACK TO a; COMMIT; DEALLOCATE ALL'),
    Q('SELECT * FROM t'));
$plain->same('or from a text that fails before it ends the transaction', Q('PREPARE two AS SELECT 2'), Q('BEGIN'), Q('SAVEPOINT a'), Q('SELECT 1/0'),
    Q('START TRANSACTION; ROLLBACK; DO $$ BEGIN END $$'), Q('ROLLBACK TO a'), Q('EXECUTE two'), Q('COMMIT'));

# A second Parse of a name is refused for that reason, whatever the session may do by now.
$plain->same('a name is taken, in a failed transaction, too',
    P('one', 'SELECT * FROM closed.t') . S(), disturb(), Q('BEGIN'), Q('SELECT 1'), P('one', 'SELECT 2') . S(), P('one', 'SELECT 3') . S(), P('one', 'ROLLBACK') . S(), Q('ROLLBACK'));
$plain->same('and for another role', P('one', 'SELECT * FROM closed.t') . S(), Q('SET ROLE helper'), sub { $other->query('DISCARD ALL') },
    P('one', 'SELECT 2') . S(), P('two', 'SELECT 1; SELECT 2') . P('one', 'SELECT 2') . S(), P('one', 'SELECT 1; SELECT 2') . S());

$plain->same('a name is gone behind DISCARD ALL, in the same batch',
    P('one', 'SELECT 1') . S(), disturb(), P('', 'DISCARD ALL') . B('', '') . E('') . B('', 'one') . E('') . S(),
    P('one', 'SELECT 1') . S(), P('', 'DEALLOCATE ALL') . B('', '') . E('') . P('one', 'SELECT 2') . B('', 'one') . E('') . S(), disturb(), B('', 'one') . E('') . S());
$plain->same('CloseComplete in front of a notice of the next request', P('one', 'SELECT 1') . S(), Q('SET standard_conforming_strings = off'),
    C('S', 'one') . P('one', q(SELECT 'a\\b')) . B('', 'one') . E('') . S());
$plain->same('CloseComplete at a Flush, behind what tanist asks the server itself', Q("SET work_mem = '3MB'"), disturb(), [ C('S', 'none') . H(), '3' ], S());

# A replica has answered a read because of a Flush: BEGIN behind it goes to the primary, with all that follows.
$plain->same('BEGIN behind a read and a Flush',
    [ P('', 'SELECT 1') . B('', '') . D('P', '') . E('') . H(), 'C' ],
    P('', 'START TRANSACTION READ WRITE') . B('', '') . D('P', '') . E('') . S(), Q(q(INSERT INTO t VALUES (1, 'x'))), Q('ROLLBACK AND CHAIN'), Q(q(INSERT INTO t VALUES (2, 'y'))), Q('COMMIT'));

$plain->same('COMMIT and a write there', [ P('', 'SELECT 1') . B('', '') . D('P', '') . E('') . H(), 'C' ],
    P('', 'COMMIT') . B('', '') . E('') . P('', q(INSERT INTO t VALUES (1, 'x'))) . B('', '') . E('') . S());

$plain->same('a read that runs again on the primary finds the unnamed statement that it began with',
    P('one', 'SELECT 1') . S(), P('', 'SELECT 7') . S(), D('S', '') . B('', '') . E('') . P('', 'SELECT 8, 9') . D('S', '') . P('one', 'SELECT 2') . S(),
    B('', '') . E('') . S());

$other->terminate;
$t->stop;
done_testing;
