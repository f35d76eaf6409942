# A TCP relay with faults, as a forked process: no root needed.
#
#   my $r = Relay->new(port => $target);          # listens on $r->port
#   $r->set(delay => 0.05);       # seconds, both ways (or c2s => .., s2c => .. in place of both)
#   $r->set(mode => 'stall');     # accept and read nothing more; buffers fill, senders block
#   $r->set(mode => 'drop');      # read and throw away: the other side just never answers
#   $r->set(mode => 'reset');     # reset every connection now, and every new one
#   $r->set(mode => 'refuse');    # close the listener; connections stay
#   $r->set(mode => 'pass', way => 's2c');   # one direction only: c2s, s2c or both (default)
#   $r->stop;
#
# set returns when the relay has taken the change.
package Relay;

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

my @all;

sub new
{
    my ($class, %o) = @_;
    my $listener = _listen($o{listen_port} // 0);
    socketpair(my $mine, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!\n";
    my $pid = fork() // die "fork: $!\n";
    my $self = bless { pid => $pid, owner => $$, control => $mine, port => $listener->sockport }, $class;
    if ($pid == 0) {
        CORE::close $mine;
        $SIG{TERM} = $SIG{INT} = $SIG{ALRM} = 'DEFAULT';
        $SIG{PIPE} = 'IGNORE';
        eval { _run($listener, $theirs, $o{host} // '127.0.0.1', $o{port}); 1 } or print STDERR "relay: $@";
        POSIX::_exit(0);
    }
    CORE::close $theirs;
    CORE::close $listener;
    push @all, $self;
    return $self;
}

sub port { $_[0]{port} }

sub set
{
    my ($self, %o) = @_;
    my $line = join(' ', map { "$_=$o{$_}" } sort keys %o) . "\n";
    syswrite $self->{control}, $line;
    IO::Select->new($self->{control})->can_read(10) or die "relay: no answer\n";
    sysread $self->{control}, my $ack, 100 or die "relay: gone\n";
    return $ack =~ /^(\d+)/ ? $1 : 0;    # connections open now
}

sub connections { return $_[0]->set }

sub stop
{
    my ($self) = @_;
    return unless $self->{pid} && $self->{owner} == $$;
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    delete $self->{pid};
}

END { my $status = $?; $_->stop for @all; $? = $status }

# ---- The relay's own process ----

sub _listen
{
    my ($port) = @_;
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 128, ReuseAddr => 1)
        or die "relay: listen: $!\n";
    $s->blocking(0);
    return $s;
}

sub _run
{
    my ($listener, $control, $host, $port) = @_;
    my %rule = map { $_ => { mode => 'pass', delay => 0 } } qw(c2s s2c);
    my $own = $listener->sockport;
    my %pipes;     # fileno of the source -> { from, to, way, queue => [[due, bytes]], queued, eof, peer }
    my $n_open = sub { return (keys %pipes) / 2 };

    my $drop = sub {
        my ($p, $reset) = @_;
        my @both = ($p, $p->{peer});
        for my $q (@both) {
            my $fd = fileno $q->{from};
            setsockopt $q->{from}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) if $reset;
            delete $pipes{$fd} if defined $fd;
        }
        CORE::close $p->{from};
        CORE::close $p->{to};
        delete $p->{peer}{peer};
        delete $p->{peer};
    };
    my $refused = sub { return grep { $rule{$_}{mode} eq 'reset' } keys %rule };

    while (1) {
        my $now = time;
        my ($rs, $ws) = (IO::Select->new($control), IO::Select->new);
        $rs->add($listener) if $listener;
        my $wait = 1;
        for my $p (values %pipes) {
            $rs->add($p->{from}) unless $p->{eof} || $rule{ $p->{way} }{mode} eq 'stall' || $p->{queued} > 262144;
            if (@{ $p->{queue} }) {
                my $left = $p->{queue}[0][0] - $now;
                if ($left <= 0) { $ws->add($p->{to}) } elsif ($left < $wait) { $wait = $left }
            }
        }
        my ($can_read, $can_write) = IO::Select->select($rs, $ws, undef, $wait);

        for my $s (@{ $can_read // [] }) {
            if ($s == $control) {
                sysread $control, my $line, 4096 or return;
                my %o = $line =~ /(\w+)=(\S+)/g;
                my $way = delete $o{way} // 'both';
                for my $w ($way eq 'both' ? qw(c2s s2c) : $way) {
                    $rule{$w}{$_} = $o{$_} for keys %o;
                }
                if ($refused->()) {
                    my @now = values %pipes;
                    for my $p (@now) {
                        $drop->($p, 1) if $p->{peer};
                    }
                }
                my $refuse = grep { $rule{$_}{mode} eq 'refuse' } keys %rule;
                if ($refuse && $listener) {
                    CORE::close $listener;
                    undef $listener;
                } elsif (!$refuse && !$listener) {
                    $listener = _listen($own);
                }
                syswrite $control, $n_open->() . "\n";
            } elsif ($listener && $s == $listener) {
                my $c = $listener->accept or next;
                my $t = $refused->() ? undef : IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 5);
                if (!$t) {
                    setsockopt $c, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
                    CORE::close $c;
                    next;
                }
                for ($c, $t) { $_->blocking(0); setsockopt $_, IPPROTO_TCP, TCP_NODELAY, 1 }
                my $a = { from => $c, to => $t, way => 'c2s', queue => [], queued => 0 };
                my $b = { from => $t, to => $c, way => 's2c', queue => [], queued => 0 };
                ($a->{peer}, $b->{peer}) = ($b, $a);
                $pipes{ fileno $c } = $a;
                $pipes{ fileno $t } = $b;
            } else {
                my $fd = fileno $s;
                my $p = defined $fd ? $pipes{$fd} : undef or next;
                my $n = sysread $s, my $bytes, 65536;
                if (!defined $n) {
                    $drop->($p, 1) unless $!{EAGAIN} || $!{EINTR};
                } elsif ($n == 0) {
                    $p->{eof} = 1;
                    push @{ $p->{queue} }, [ $now + $rule{ $p->{way} }{delay}, undef ]
                        unless $rule{ $p->{way} }{mode} eq 'drop';
                } elsif ($rule{ $p->{way} }{mode} ne 'drop') {
                    push @{ $p->{queue} }, [ $now + $rule{ $p->{way} }{delay}, $bytes ];
                    $p->{queued} += $n;
                }
            }
        }
        for my $s (@{ $can_write // [] }) {
            my ($p) = grep { $_->{to} == $s && $_->{peer} } values %pipes or next;
            my $item = $p->{queue}[0] or next;
            if (!defined $item->[1]) {
                shift @{ $p->{queue} };
                shutdown $p->{to}, 1;
                $drop->($p, 0) if $p->{peer}{eof} && !@{ $p->{peer}{queue} };
                next;
            }
            my $n = syswrite $s, $item->[1];
            if (!defined $n) {
                $drop->($p, 1) unless $!{EAGAIN} || $!{EINTR};
                next;
            }
            $p->{queued} -= $n;
            substr $item->[1], 0, $n, '';
            shift @{ $p->{queue} } unless length $item->[1];
        }
    }
}

1;
