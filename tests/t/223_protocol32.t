# Protocol 3.2: negotiation and cancel keys of more than four bytes, as libpq of PostgreSQL 18 speaks it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster;
use Tanist;
use Wire;
use TestEnv qw(poll_until);
use Test::More;

my $c = TanistCluster->new(replicas => 0);
my $t = Tanist->new(cluster => $c, settings => { tanist => { workers => 2 } });
$t->start;

sub version { return (3 << 16) | $_[0] }

for my $case ([ 0, undef, 4 ], [ 1, undef, 4 ], [ 2, undef, 32 ], [ 3, version(2), 32 ], [ 9999, version(2), 32 ]) {
    my ($minor, $negotiated, $len) = @$case;
    my $w = $t->wire('app', version => version($minor));
    is($w->{negotiated} && $w->{negotiated}{version}, $negotiated, "3.$minor: " . ($negotiated ? '3.2 is offered' : 'nothing to negotiate'));
    is(length $w->{secret}, $len, "3.$minor: the key has $len bytes");
    is($w->value('SELECT 1'), '1', "3.$minor: statements run");
    $w->terminate;
}
my $w = $t->wire('app', version => version(0), parameters => { '_pq_.command_tag' => 'short', '_pq_.other' => '1' });
is_deeply($w->{negotiated}, { version => version(0), options => [ '_pq_.command_tag', '_pq_.other' ] }, 'options that nobody knows are refused, the version stays');
$w->terminate;
$w = $t->wire('app', version => version(2), parameters => { '_pq_.other' => '1' });
is_deeply($w->{negotiated}, { version => version(2), options => ['_pq_.other'] }, 'the same with 3.2');
$w->terminate;
my $x = $t->wire('tanist', user => 'tanist', version => version(2));
is(length $x->{secret}, 32, 'the console does the same');
$x->terminate;

# ---- Cancel ----

for my $minor (0, 2) {
    my $w = $t->wire('app', version => version($minor));
    my $backends = sub { $c->sql('pg1', q(SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active')) };
    $w->send_message('Q', Wire::cstr('SELECT pg_sleep(300)'));
    ok(poll_until(sub { $backends->() eq '1' }), "3.$minor: a statement runs");
    my @wrong = (substr($w->{secret}, 0, -1) . chr(ord(substr $w->{secret}, -1) ^ 1), $w->{secret} . 'x', 'x' x 256);
    push @wrong, substr $w->{secret}, 0, 4 if $minor;
    $w->cancel(secret => $_) for @wrong;
    is($backends->(), '1', "3.$minor: wrong keys do nothing");
    $w->cancel;
    is($w->result->{error}{C}, '57014', "3.$minor: the right one cancels");
    is($w->value('SELECT 1'), '1', "3.$minor: and the session goes on");
    $w->terminate;
}

$t->stop;
done_testing();
