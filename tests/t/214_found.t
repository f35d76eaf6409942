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
$started->same('DISCARD ALL leads to the start-up parameters, and nothing is told that was known', Q('SELECT 1'), disturb(), Q('DISCARD ALL'), Q('SHOW work_mem'), Q('SHOW DateStyle'));
$started->same('DISCARD ALL tells what it has changed', Q('SET TimeZone = UTC'), disturb(), Q(q(SET client_encoding = 'LATIN1')), disturb(), Q('DISCARD ALL'));
$plain->same('settings are told in the order of their names',
    Q(q(SET TIME ZONE 'Europe/Berlin')), disturb(), Q(q(SET client_encoding = 'LATIN1')), disturb(), Q('RESET ALL'));
$plain->same('what was told within a transaction is taken back at its end',
    Q('BEGIN'), Q(q(SELECT set_config('application_name', 'x', true))), Q('COMMIT; RESET ALL'), disturb(), Q('SHOW application_name'));
$plain->same('a role tells what follows from it', Q('SET SESSION AUTHORIZATION DEFAULT'), disturb(), Q('SET ROLE app'), disturb(), Q('RESET ROLE'));

# Names of statements.
$plain->same('a Parse behind an error leaves nothing, closed and made again or not',
    P('bad', 'SELECT nonsense') . C('S', 'one') . P('one', 'SELECT 1') . C('S', 'one') . P('one', 'SELECT 2') . S(), B('', 'one') . E('') . S());
$plain->same('DISCARD ALL drops names though an error follows in its batch',
    P('one', 'SELECT 1') . S(), P('', 'DISCARD ALL') . B('', '') . E('') . E('') . S(), B('', 'one') . E('') . S(), P('one', 'SELECT 2') . B('', 'one') . E('') . S());
$plain->same('DEALLOCATE ALL, too', P('one', 'SELECT 1') . S(), Q('DEALLOCATE ALL; SELECT 1/0'), B('', 'one') . E('') . S(), P('one', 'SELECT 3') . B('', 'one') . E('') . S());
$plain->same('in a transaction that is rolled back, too',
    P('one', 'SELECT 1') . S(), Q('BEGIN; DEALLOCATE ALL; ROLLBACK'), B('', 'one') . E('') . S());

$other->terminate;
$t->stop;
done_testing;
