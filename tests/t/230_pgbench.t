# pgbench through the port, in every mode of the protocol: no failures; reads on the replicas, writes on the primary.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use TestEnv qw(poll_until);
use IPC::Run ();
use Test::More;

my $c = TanistCluster->new(replicas => 2);
my $t = Tanist->new(cluster => $c, settings => { tanist => { log_level => 'info' }, 'pool *' => { pool_size => 10 }, routing => { max_lag => '30s' } });
$t->start;

sub pgbench
{
    my (@args) = @_;
    my ($out, $err) = ('', '');
    local @ENV{qw(PGHOST PGPORT PGUSER PGPASSWORD PGSSLMODE)} = ($t->host, $t->port, 'app', 'app-secret', 'disable');
    IPC::Run::run([ 'pgbench', @args, 'app' ], '<', \'', '>', \$out, '2>', \$err, IPC::Run::timeout(3 * $TestEnv::timeout));
    return ($? >> 8, $out, $err);
}

my ($rc, $out, $err) = pgbench('-i', '-q', '-s', '1');
is($rc, 0, 'pgbench -i through the port') or diag($err);
$c->wait_catchup;

# Transactions by node, as the servers count them. Backends report with a delay, so this waits until the sum stands still.
sub committed
{
    my %n;
    my $before = '';
    poll_until(
        sub {
            my $calm = poll_until(
                sub { !grep { $c->sql($_, q(SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND state <> 'idle')) } $c->names });
            %n = map { my $r = $c->sql($_, q(SELECT xact_commit || ' ' || tup_fetched + tup_returned || ' ' || tup_updated + tup_inserted
                FROM pg_stat_database WHERE datname = 'app')); $_ => [ split / /, $r ] } $c->names;
            my $now = join ' ', map { "@{ $n{$_} }" } sort keys %n;
            my $same = $now eq $before;
            $before = $now;
            return $same;
        });
    return \%n;
}

my $w = $t->wire;
poll_until(sub { (grep { $_->{reads} > 0 && $_->{role} eq 'replica' } $t->console('SHOW NODES')) || !$w->query('SELECT abalance FROM pgbench_accounts WHERE aid = 1') });
$w->terminate;

sub nodes { return { map { $_->{node} => $_ } $t->console('SHOW NODES') } }

for my $mode (qw(simple extended prepared)) {
    my $before = nodes();
    ($rc, $out, $err) = pgbench('-n', '-S', '-M', $mode, '-c', 16, '-j', 2, '-T', 3);
    is($rc, 0, "-S -M $mode: exit code") or diag($err);
    is($err =~ s/^pgbench \(.*\n//mr, '', "-S -M $mode: nothing on stderr");
    like($out, qr/number of failed transactions: 0 /, "-S -M $mode: no failures");
    my ($n) = $out =~ /number of transactions actually processed: (\d+)/;
    cmp_ok($n, '>', 100, "-S -M $mode: $n transactions");
    my $after = nodes();
    my %reads = map { $_ => $after->{$_}{reads} - $before->{$_}{reads} } keys %$after;
    my $sum = 0;
    $sum += $_ for values %reads;
    cmp_ok($sum, '>=', $n, "-S -M $mode: SHOW NODES counts them all");
    cmp_ok($reads{pg2} + $reads{pg3}, '>', 0.99 * $n, "-S -M $mode: more than 99 % on the replicas ($reads{pg2} + $reads{pg3})");
    cmp_ok($reads{$_}, '>', 0.2 * $n, "-S -M $mode: $_ has its share") for 'pg2', 'pg3';

    $before = nodes();
    my $history = $c->sql('pg1', 'SELECT count(*) FROM pgbench_history', 'app');
    ($rc, $out, $err) = pgbench('-n', '-M', $mode, '-c', 16, '-j', 2, '-T', 3);
    is($rc, 0, "-M $mode: exit code") or diag($err);
    is($err =~ s/^pgbench \(.*\n//mr, '', "-M $mode: nothing on stderr");
    like($out, qr/number of failed transactions: 0 /, "-M $mode: no failures");
    ($n) = $out =~ /number of transactions actually processed: (\d+)/;
    is($c->sql('pg1', 'SELECT count(*) FROM pgbench_history', 'app') - $history, $n, "-M $mode: each of $n transactions wrote its row");
    $after = nodes();
    is($after->{$_}{writes} - $before->{$_}{writes}, 0, "-M $mode: no write was sent to $_") for 'pg2', 'pg3';
    is($c->sql('pg1', 'SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)', 'app'), 't', "-M $mode: the books are balanced");
}

# The servers' own view: on the replicas nothing but reads; reads of -S reached them.
my $n = committed();
($rc, $out) = pgbench('-n', '-S', '-M', 'prepared', '-c', 8, '-t', 500);
is($rc, 0, 'a last -S run of 4000 transactions');
my $m;
my $fetched = sub { my $k = committed(); $m = $k; return $k->{pg2}[0] + $k->{pg3}[0] - $n->{pg2}[0] - $n->{pg3}[0] };
ok(poll_until(sub { $fetched->() >= 0.99 * 4000 }), 'pg_stat_database of the replicas has more than 99 % of them') or diag(explain([ $n, $m ]));
cmp_ok($m->{pg1}[0] - $n->{pg1}[0], '<', 0.05 * 4000, 'the primary had next to none, the tests\' own questions included');

# New connections all the time.
($rc, $out, $err) = pgbench('-n', '-S', '-C', '-c', 4, '-t', 50);
is($rc, 0, '-C: a connection for each transaction') or diag($err);
like($out, qr/number of failed transactions: 0 /, '-C: no failures');

# Pipelines of pgbench's own.
my $script = "$ENV{TESTDIR}/pipeline.sql";
open my $f, '>', $script or die "$script: $!\n";
print $f "\\startpipeline\n", "SELECT abalance FROM pgbench_accounts WHERE aid = 1;\n" x 5,
    "UPDATE pgbench_branches SET bbalance = bbalance WHERE bid = 1;\nSELECT 2;\n\\endpipeline\n";
close $f;
($rc, $out, $err) = pgbench('-n', '-M', 'prepared', '-c', 4, '-t', 50, '-f', $script);
is($rc, 0, '\startpipeline') or diag($err);
like($out, qr/number of failed transactions: 0 /, 'no failures in pipelines');

is(scalar(grep { $_->{level} =~ /^(?:error|fatal)$/ } $t->events(undef, 0)), 0, 'no error in the log');
$t->stop;
done_testing();
