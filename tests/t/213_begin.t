# BEGIN is answered at once and goes out with the first statement; ParameterStatus comes as from a server of one's own.
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
$c->sql('pg1', 'CREATE TABLE t (a int); GRANT ALL ON t TO app', 'app');
$c->wait_catchup;
my $t = Tanist->new(cluster => $c, settings => { tanist => { workers => 1 }, 'pool *' => { pool_size => 1 } });
$t->start;

sub direct { return Wire->connect(host => '127.0.0.1', port => $c->node('pg1')->port, database => 'app', user => 'app', password => 'app-secret', @_) }

# What a client hears of a query, as one line; node-specific and session-specific numbers are not asked for.
sub heard {
    my ($w, $sql) = @_;
    $w->send_message('Q', Wire::cstr($sql));
    my @out;
    while (my $m = $w->read_message) {
        my ($type, $body) = @$m;
        $body =~ s/\0/,/g;
        push @out, $type eq 'E' || $type eq 'N' ? "$type:" . join(' ', $body =~ /(?:^|,)C([^,]*),M([^,]*)/) : "$type:" . ($type =~ /[TD]/ ? '' : $body);
        last if $type eq 'Z';
    }
    return join ' | ', @out;
}

my $w = $t->wire;
ok(poll_until(sub { $w->query('SELECT count(*) FROM t'); grep { $_->{node} eq 'pg2' && $_->{reads} > 0 } $t->console('SHOW NODES') }), 'reads go to the replica');

my ($own, $twin) = ($t->wire, direct());
for my $sql (
    'BEGIN', 'SELECT 1', 'COMMIT', 'START TRANSACTION', 'COMMIT', 'BEGIN', 'ROLLBACK', 'begin work', 'abort', 'BEGIN', 'END',
    'BEGIN; SELECT 1', 'COMMIT', 'BEGIN', 'BEGIN', 'COMMIT', 'BEGIN', 'SELECT 1/0', 'SELECT 1', 'COMMIT',
    'BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY', 'SHOW transaction_isolation', 'INSERT INTO t VALUES (1)', 'ROLLBACK',
    'BEGIN', 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'SHOW transaction_isolation', 'COMMIT',
    'BEGIN', 'SET TRANSACTION READ ONLY', 'SELECT count(*) FROM t', 'INSERT INTO t VALUES (1)', 'ROLLBACK',
    'BEGIN READ ONLY', 'SELECT 1', 'COMMIT; INSERT INTO t VALUES (2)', 'BEGIN READ ONLY', 'SELECT 1', 'ROLLBACK; INSERT INTO t VALUES (3); SELECT 1/0',
    'BEGIN', 'COMMIT AND CHAIN', 'SELECT 1', 'ROLLBACK', 'BEGIN ISOLATION LEVEL nonsense', 'BEGIN', 'SAVEPOINT a', 'ROLLBACK TO a', 'COMMIT',
    'BEGIN', 'BEGIN; COMMIT; SELECT 1', 'COMMIT', 'BEGIN READ ONLY', 'SELECT 1', q(PREPARE TRANSACTION 'x'), 'ROLLBACK',
    # ParameterStatus
    q(SET application_name = 'one'), q(SET application_name = 'one'), 'RESET application_name', 'RESET ALL', 'DISCARD ALL',
    q(BEGIN; SET application_name = 'two'), 'ROLLBACK', q(BEGIN; SET timezone = 'Asia/Tokyo'; COMMIT), q(SET timezone = 'UTC'; SET timezone = 'Asia/Tokyo'),
    q(SET datestyle = 'German'; SELECT 1/0), q(SELECT set_config('datestyle', 'German', false)), q(SET client_encoding = 'LATIN1'), 'RESET ALL',
    q(SET LOCAL timezone = 'UTC'), q(BEGIN), q(SET LOCAL timezone = 'Europe/Rome'), q(COMMIT), 'DISCARD ALL',
    'BEGIN', q(SELECT set_config('application_name', 'x', true)), 'COMMIT; RESET ALL')
{
    is(heard($own, $sql), heard($twin, $sql), $sql);
}
is($own->value('SELECT count(*) FROM t'), $twin->value('SELECT count(*) FROM t'), 'the same was written');
$_->terminate for $own, $twin;

# The parameters of a session's start: what it hears at login and what RESET leads to.
my %start = (application_name => 'mine', DateStyle => 'German', TimeZone => 'Asia/Tokyo', options => '-c work_mem=7MB');
($own, $twin) = map { $_->() } sub { $t->wire('app', parameters => {%start}) }, sub { direct(parameters => {%start}) };
my $noise = $t->wire('app', parameters => {%start});
for my $sql ('SHOW datestyle', q(SET work_mem = '8MB'), 'RESET work_mem', 'SHOW work_mem', q(SET datestyle = 'ISO'; SET application_name = 'other'), 'RESET ALL',
    'SHOW datestyle', 'SHOW work_mem', 'DISCARD ALL', 'SHOW application_name', q(SET timezone TO DEFAULT))
{
    is(heard($own, $sql), heard($twin, $sql), "with start-up parameters: $sql");
    $noise->query('SELECT 1');
}
$_->terminate for $own, $twin, $noise;

# One server, and everybody in a transaction that has not begun.
my @many = map { $t->wire } 1 .. 3;
is($_->query('BEGIN')->{status} // 'T', 'T', 'BEGIN needs no server') for @many;
is($many[0]->query('INSERT INTO t VALUES (10)')->{tags}[0], 'INSERT 0 1', 'the first statement takes it');
$many[0]->query('COMMIT');
is($many[1]->query('INSERT INTO t VALUES (11)')->{tags}[0], 'INSERT 0 1', 'then the next');
$many[1]->query('ROLLBACK');
$many[2]->terminate;

# The primary goes away between BEGIN and the first statement: nothing was lost.
$many[0]->query('BEGIN');
$many[1]->query('BEGIN READ ONLY');
my $ear = $t->wire;
$ear->query('LISTEN news');
my $mark = $t->log_offset;
$c->kill9('pg1');
$t->wait_for_event('failover.done', $mark);
is($many[0]->query('INSERT INTO t VALUES (12)')->{tags}[0], 'INSERT 0 1', 'a transaction that had only begun goes to the new primary');
is($many[0]->query('COMMIT')->{tags}[0], 'COMMIT', 'and commits there');
is($many[1]->value('SELECT count(*) FROM t WHERE a = 12'), 1, 'a read-only one reads');
$many[1]->query('COMMIT');
ok(poll_until(sub { $many[1]->query(q(NOTIFY news, 'new primary')); @{ $ear->query('SELECT 1')->{notifications} } > 0 }), 'who listened listens on the new primary');
$_->terminate for @many[ 0, 1 ], $w, $ear;
$t->stop;
done_testing;
