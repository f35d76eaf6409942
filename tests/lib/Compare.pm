# Runs a script of frontend messages on a direct connection and through the port, and compares every message that comes back.
#
#   my $cmp = Compare->new(direct => sub { Wire->connect(..) }, port => sub { $t->wire }, before => sub { ... });
#   $cmp->same('what it is', step, step, ...);
#
# A step is bytes (sent when the answer to the step before is complete: as many ReadyForQuery as the bytes ask for), or
# [ bytes, types, n ]: its answer ends with the n-th (1) message of one of these types; n = 0: nothing is read. Or code,
# which is called with the session and the name of the side ("direct" or "port"). `before` runs before each side. With
# notes_last, a notification may come at any place of an answer.
package Compare;

use strict;
use warnings;
use Exporter 'import';
use Test::More;
use Wire;

our @EXPORT = qw(P B D E C S H Q F run_script);

sub P { return Wire::parse(@_) }
sub B { return Wire::bind(@_) }
sub D { return Wire::describe(@_) }
sub E { return Wire::execute(@_) }
sub C { return Wire::close_message(@_) }
sub S { return Wire::sync() }
sub H { return Wire::flush() }
sub Q { return Wire::message('Q', Wire::cstr($_[0])) }

# A function call with text arguments and result.
sub F
{
    my ($oid, @values) = @_;
    return Wire::message('F', pack('Nnn', $oid, 0, scalar @values) . join('', map { pack('N', length $_) . $_ } @values) . pack('n', 0));
}

sub new { my ($class, %o) = @_; return bless {%o}, $class }

# A RowDescription without the OIDs of tables: each side has made its own.
sub without_tables
{
    my ($body) = @_;
    my $at = 2;
    for (1 .. unpack 'n', $body) {
        $at = index($body, "\0", $at) + 1;
        substr($body, $at, 4) = 'OIDx' if substr($body, $at, 4) ne "\0\0\0\0";
        $at += 18;
    }
    return $body;
}

# What a message means: errors without the place in the server's source; of notifications, whether they are the session's own.
sub show
{
    my ($w, $type, $body) = @_;
    if ($type eq 'E' || $type eq 'N') {
        my $f = Wire::fields($body);
        delete @$f{qw(F L R)};
        return join(' ', $type, map { "$_=$f->{$_}" } sort keys %$f) =~ s/pg_temp_\d+/pg_temp_N/gr;
    }
    $body = (unpack('N', $body) == $w->{backend_pid} ? 'own ' : 'other ') . (substr($body, 4) =~ tr/\0/ /r) if $type eq 'A';
    $body = without_tables($body) if $type eq 'T';
    $body = substr($body, 0, 40) . '...' . length($body) . ':' . unpack('%32C*', $body) if length $body > 4000;
    return $type . ' ' . ($body =~ /^[\x20-\x7e]*$/ ? $body : unpack('H*', $body));
}

sub run_script
{
    my ($w, $side, @steps) = @_;
    my @out;
    for my $step (@steps) {
        if (ref $step eq 'CODE') {
            $step->($w, $side);
            next;
        }
        my ($bytes, $until, $n) = ref $step ? @$step : ($step, 'Z');
        $n //= $until eq 'Z' ? count_ends($bytes) : 1;
        $w->send_raw($bytes);
        for (1 .. $n) {
            my @m = $w->read_until($until);
            push @out, map { show($w, @$_) } @m;
            push @out, 'closed' if !@m || index($until, $m[-1][0]) < 0;
            last if $out[-1] eq 'closed';
        }
        push @out, '--';
    }
    return \@out;
}

# How many ReadyForQuery the bytes ask for.
sub count_ends
{
    my ($bytes) = @_;
    my ($n, $at) = (0, 0);
    while ($at < length $bytes) {
        my ($type, $len) = unpack 'aN', substr $bytes, $at, 5;
        $n++ if $type eq 'S' || $type eq 'Q' || $type eq 'F';
        $at += 1 + $len;
    }
    return $n;
}

sub notes_last
{
    my ($out) = @_;
    my (@sorted, @notes);
    for (@$out) {
        push @sorted, splice @notes if /^Z/;
        push @{ /^A/ ? \@notes : \@sorted }, $_;
    }
    return [ @sorted, @notes ];
}

sub same
{
    my ($self, $what, @steps) = @_;
    my @got;
    for my $side ('direct', 'port') {
        $self->{before}->($side) if $self->{before};
        my $w = $self->{$side}->();
        my $out = eval { run_script($w, $side, @steps) } // ["died: $@"];
        $out = notes_last($out) if $self->{notes_last};
        push @got, $out;
        $w->terminate;
    }
    is_deeply($got[1], $got[0], $what) or diag("direct:\n  ", join("\n  ", @{ $got[0] }), "\nthrough the port:\n  ", join "\n  ", @{ $got[1] });
    return $got[0];
}

1;
