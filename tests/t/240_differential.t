# The differential tester (tests/diff): the same random statements through tanist, with two servers for six clients, and on
# private connections to a server that has seen the same; every message must be equal. `make diff` for longer runs.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TestEnv qw($build);
use TanistCluster;
use Tanist;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use Test::More;

my $statements = $ENV{DIFF_STATEMENTS} // 10_000;
my $seed       = $ENV{DIFF_SEED}       // 1;
my @more       = split ' ', $ENV{DIFF_OPTIONS} // '';
$ENV{TANIST_CHECK_LABELS} = 1;
my $seconds    = $ENV{DIFF_SECONDS} // 600 * $TestEnv::slow;
alarm $seconds + 240;

# A lock that is waited for makes an error soon, and the same one on both sides.
my $conf = "max_prepared_transactions = 20\nlock_timeout = 100ms\nmax_standby_streaming_delay = -1\nlog_min_messages = fatal\n";
my $c = TanistCluster->new(replicas => 2, conf => $conf);
my $twin = TanistCluster->new(name => 'twin', replicas => 0, conf => $conf);
my $t = Tanist->new(
    cluster  => $c,
    settings => {
        tanist   => { log_level => 'info' },
        'pool *' => { pool_size => 2, query_wait_timeout => '10s' },
        routing  => { max_lag => '1h', max_lag_bytes => '10GB' },
        failover => { mode => 'manual' },
    });
$t->start;

my @world = (
    '--host', $c->node('pg1')->host, '--primary', $c->node('pg1')->port,
    (map { ('--replica', $c->node($_)->port) } qw(pg2 pg3)),
    '--twin-host', $twin->node('pg1')->host, '--twin', $twin->node('pg1')->port,
    '--port', $t->port);

# Output goes to the test's as it comes: a long run tells how far it is.
sub run_diff
{
    my ($what, @o) = @_;
    my $out = '';
    my $show = sub { $out .= $_[0]; (my $text = $_[0]) =~ s/^(?!#)/# /mg; print STDERR $text };
    my $done = IPC::Run::run([ "$build/diff", @world, @o ], '<', '/dev/null', '>', $show, '2>', $show,
        IPC::Run::timeout($seconds));
    ok($done, $what) or diag($out);
    my ($replicas) = $out =~ /(\d+) transactions on replicas/;
    cmp_ok($replicas // 0, '>', 0, "$what: replicas took part");
}

# What is compared today; doc/next.md tells what differs in the rest.
my @known = ('--pins', 'none', '--only',
    $ENV{DIFF_FEATURES} // 'extended,tx,savepoint,multi,error,copy,function,set,custom,login,abrupt,discard,code,cursor,catalog,twophase');
run_diff('random sessions', '--statements', $statements, '--seed', $seed, @known, @more);
run_diff('random sessions, replicas lag', '--statements', int($statements / 4), '--seed', $seed + 1, '--lag', 'pause', @known, @more);

$t->stop;
done_testing;
