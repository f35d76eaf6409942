# Commits whose answer is lost, or that nobody waited for: the client hears what became of them, and nothing else.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Wire;
use TestEnv qw(poll_until);
use Test::More;

my $c = TanistCluster->new(replicas => 2);
$c->sql('pg1', 'CREATE TABLE t (k text PRIMARY KEY, n int DEFAULT 0); GRANT ALL ON t TO app', 'app');
$c->wait_catchup;
my $t = Tanist->new(cluster => $c, settings => { failover => { mode => 'automatic', synchronous => 'quorum', quorum => 1, commit_resolution => 'on' } });
$t->start;

sub safe { my ($row) = $t->console('SHOW CLUSTERS'); return $row->{failover_safe} eq 't' }
sub writer { my ($row) = $t->console('SHOW CLUSTERS'); return $row->{writer} }
sub has { my ($node, $k) = @_; return $c->sql($node, "SELECT count(*) FROM t WHERE k = '$k'", 'app') }
sub send_query { my ($w, $sql) = @_; $w->send_message('Q', Wire::cstr($sql)) }
ok(poll_until(\&safe), 'the quorum is there');

# The walsenders of a node stand still: commits wait for their quorum until they go on.
my @stopped;

sub hold_commits
{
    my ($node) = @_;
    @stopped = split /\n/, $c->sql($node, "SELECT pid FROM pg_stat_replication");
    is(scalar @stopped, 2, "$node: two walsenders") or BAIL_OUT('no replicas');
    kill 'STOP', @stopped;
}

sub release_commits { kill 'CONT', @stopped }

# The backend that waits for the quorum.
sub waiter
{
    my ($node) = @_;
    my $sql = "FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'app'";
    $c->poll_sql($node, "SELECT count(*) = 1 $sql") or return 0;
    return $c->sql($node, "SELECT pid $sql");
}

# Ways to write one row, up to the moment where the commit is under way; each with what a good answer looks like.
my %ways = (
    'COMMIT' => [
        sub { my ($w, $k) = @_; $w->query('BEGIN'); $w->query("INSERT INTO t VALUES ('$k')"); send_query($w, 'COMMIT') }, 'CZ', 'COMMIT' ],
    'extended COMMIT' => [
        sub {
            my ($w, $k) = @_;
            $w->query('BEGIN');
            $w->query("INSERT INTO t VALUES ('$k')");
            $w->send_raw(Wire::parse('', 'COMMIT') . Wire::bind('', '') . Wire::describe('P', '') . Wire::execute('') . Wire::sync());
        }, '12nCZ', 'COMMIT' ],
    'Query' => [ sub { my ($w, $k) = @_; send_query($w, "INSERT INTO t VALUES ('$k')") }, 'CZ', 'INSERT 0 1' ],
    'extended' => [
        sub {
            my ($w, $k) = @_;
            $w->send_raw(Wire::parse('', "INSERT INTO t VALUES ('$k')") . Wire::bind('', '') . Wire::describe('P', '') . Wire::execute('')
                    . Wire::sync());
        }, '12nCZ', 'INSERT 0 1' ],
);

# The types of the messages that are there after a moment; they stay.
sub came
{
    my ($w) = @_;
    my ($at, $types) = (0, '');
    eval { $w->fill(1_000_000, 0.1) };
    while (length $w->{in} >= $at + 5) {
        my ($type, $len) = unpack 'aN', substr $w->{in}, $at, 5;
        $types .= $type;
        $at += 1 + $len;
    }
    return $types;
}

sub good
{
    my ($w, $way, $what) = @_;
    my $r = $w->result;
    is($r->{types}, $ways{$way}[1], "$what: is answered as if nothing had been") or diag(explain($r));
    is_deeply($r->{tags}, [ $ways{$way}[2] ], "$what: success");
    is($w->value('SELECT 1'), '1', "$what: the session goes on");
}

# ---- nobody waited ----
for my $how (qw(request cancel terminate)) {
    for my $way (sort keys %ways) {
        my $what = "$how, $way";
        my $w = $t->wire;
        $w->value('SELECT 1');
        hold_commits('pg1');
        $ways{$way}[0]->($w, $what);
        my $pid = waiter('pg1') or BAIL_OUT("$what: no commit waits");
        if ($how eq 'request') {
            ok($w->cancel, "$what: a cancel request");
        } else {
            $c->sql('pg1', "SELECT pg_${how}_backend($pid)");
            ok($c->poll_sql('pg1', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'SyncRep' AND query <> ''
                AND query !~ 'pg_logical_emit_message'"), "$what: it waits no more");
        }
        unlike(came($w), qr/[CEZ]/, "$what: the client hears of no end");
        release_commits();
        good($w, $way, $what);
        is(has('pg1', $what), '1', "$what: the row is there");
        $w->terminate;
    }
}
my ($stats) = grep { $_->{database} eq 'app' } $t->console('SHOW STATS');
is($stats->{total_in_doubt}, '0', 'no outcome stayed unknown');

# ---- the primary dies ----
# What its replicas have heard of when it does is up to the case: the walsenders stand still, or the replicas do.
sub dies
{
    my ($old, $replicated, @which) = @_;
    my $what = $replicated ? 'replicated' : 'not replicated';
    my @others = grep { $_ ne $old } $c->names;
    my %w = map { $_ => $t->wire } @which;
    my $reader = $t->wire;
    $_->value('SELECT 1') for values %w, $reader;
    my $mark = $t->log_offset;
    if ($replicated) {
        $c->freeze($_) for @others;
    } else {
        hold_commits($old);
    }
    $ways{$_}[0]->($w{$_}, "$what $_") for @which;
    my $n = @which;
    ok($c->poll_sql($old, "SELECT count(*) = $n FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'app'"), "$what: $n commits wait");
    my $admin = $t->wire('tanist', user => 'tanist');
    send_query($admin, 'PAUSE app') if !$replicated;
    is(came($admin), '', "$what: the console waits for them, too");
    $c->kill9($old);
    if ($replicated) {
        $c->thaw($_) for @others;
    } else {
        kill 'KILL', @stopped;
    }
    my $e = $t->wait_for_event('failover.announced', $mark);
    ok($e, "$what: a new writer") or return;
    if (!$replicated) {
        # Before anybody asks, the new primary gives the same transaction ids to others, which commit.
        $c->sql($e->{node}, "INSERT INTO t VALUES ('reuse $_')", 'app') for 1 .. 10;
        is($admin->result->{error}, undef, "$what: nobody of the database has a server");
        $t->console('RESUME app');
    }
    for my $way (@which) {
        my $r = $w{$way}->result;
        my $there = has($e->{node}, "$what $way");
        my $told = $r->{error} ? $r->{error}{C} : 'success';
        note "$what, $way: told $told, row there: $there";
        is($told, $there ? 'success' : '40001', "$what, $way: told what is true");
        is($there, $replicated ? '1' : '0', "$what, $way: and that is what it shall be here");
        is($r->{status}, 'I', "$what, $way: no transaction is left");
        is($r->{types}, $ways{$way}[1], "$what, $way: as if nothing had been") if $there;
        is($w{$way}->value('SELECT 1'), '1', "$what, $way: the session goes on");
        $w{$way}->terminate;
    }
    $reader->terminate;
    return $e->{node};
}

sub back
{
    my ($old) = @_;
    my $added = $c->add_replica;
    $t->drop_section("node $old");
    $t->set("node $added", cluster => 'prod', host => '127.0.0.1', port => $c->node($added)->port);
    my ($rc, undef, $err) = $t->reload;
    is($rc, 0, "$added in place of $old") or diag($err);
    my ($row) = $t->console('SHOW CLUSTERS');
    ok(poll_until(sub { ($row) = $t->console('SHOW CLUSTERS'); $row->{quorum} =~ /\Q$added\E/ && safe() }), 'and in the quorum')
        or diag(explain($row));
}

my $new = dies('pg1', 1, sort keys %ways) or BAIL_OUT('no failover');
back('pg1');
my $third = dies($new, 0, sort keys %ways) or BAIL_OUT('no failover');
($stats) = grep { $_->{database} eq 'app' } $t->console('SHOW STATS');
is($stats->{total_in_doubt}, '0', 'no outcome stayed unknown');

$t->stop;
done_testing();
