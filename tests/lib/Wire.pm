# A client of protocol 3 at the level of bytes, on core sockets: for what libpq would never send.
#
#   my $w = Wire->connect(host => .., port => .., database => .., user => .., password => ..);   # logged in
#   my $r = $w->query('SELECT 1');   # { rows => [[..]], names => [..], tags => [..], error => {C => .., M => ..}, status => 'I' }
#   my $w = Wire->open($host, $port);   $w->send_raw("\0\0\0\x08...");   $w->read_message;   $w->closed_in(5)
#   $w->send_message('P', Wire::cstr('') . Wire::cstr('SELECT $1') . pack('n', 0));
#
# Every read has a deadline; past it, it dies.
package Wire;

use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Digest::SHA qw(sha256 hmac_sha256);
use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64 decode_base64);
use Socket qw(IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

use constant { PROTOCOL_30 => 196608, PROTOCOL_32 => 196610, SSL_REQUEST => 80877103, GSS_REQUEST => 80877104,
    CANCEL_REQUEST => 80877102 };

our $timeout = $TestEnv::timeout // 60;

sub cstr { return $_[0] . "\0" }

# ---- Bytes ----

sub open
{
    my ($class, $host, $port) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Proto => 'tcp', Timeout => $timeout)
        or die "connect $host:$port: $!\n";
    $s->blocking(0);
    setsockopt $s, IPPROTO_TCP, TCP_NODELAY, 1;
    return bless { socket => $s, host => $host, port => $port, in => '', parameters => {}, notices => [] }, $class;
}

sub send_raw
{
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $end = time + $timeout;
    my $done = 0;
    while ($done < length $bytes) {
        my $n = syswrite $self->{socket}, $bytes, length($bytes) - $done, $done;
        if (defined $n) {
            $done += $n;
        } elsif ($!{EAGAIN}) {
            die "send: timed out\n" if time > $end;
            IO::Select->new($self->{socket})->can_write(0.1);
        } else {
            return 0;
        }
    }
    return 1;
}

# Reads until at least $n bytes are there. False at end of file; dies at the deadline.
sub fill
{
    my ($self, $n, $seconds) = @_;
    my $end = time + ($seconds // $timeout);
    while (length $self->{in} < $n) {
        my $left = $end - time;
        die "read: timed out\n" if $left <= 0;
        next unless IO::Select->new($self->{socket})->can_read($left);
        my $r = sysread $self->{socket}, $self->{in}, 65536, length $self->{in};
        return 0 if defined $r && $r == 0;
        next if !defined $r && ($!{EAGAIN} || $!{EINTR});
        $self->{read_error} = "$!", return 0 unless defined $r;
    }
    return 1;
}

sub take { my ($self, $n) = @_; return substr $self->{in}, 0, $n, '' }

# True if the other side closes within the time; what it sent before stays in {in}.
sub closed_in
{
    my ($self, $seconds) = @_;
    return eval { !$self->fill(length($self->{in}) + (1 << 30), $seconds) } ? 1 : 0;
}

# True if nothing comes for that long. (The one place where a test has to let time pass.)
sub silent_for
{
    my ($self, $seconds) = @_;
    return 0 if length $self->{in};
    return !IO::Select->new($self->{socket})->can_read($seconds);
}

sub close { my ($self) = @_; close $self->{socket} if $self->{socket}; delete $self->{socket} }

# Ends the connection with a reset instead of a FIN.
sub reset
{
    my ($self) = @_;
    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    $self->close;
}

sub terminate { my ($self) = @_; $self->send_message('X', ''); $self->close }

# ---- Messages ----

sub message { my ($type, $body) = @_; return $type . pack('N', length($body) + 4) . $body }
sub send_message { my ($self, $type, $body) = @_; return $self->send_raw(message($type, $body // '')) }

# [type, body], or nothing at end of file.
sub read_message
{
    my ($self, $seconds) = @_;
    $self->fill(5, $seconds) or return;
    my ($type, $len) = unpack 'aN', $self->{in};
    die "lost synchronization: type '$type', length $len\n" if $len < 4 || $len > (1 << 30);
    $self->fill(1 + $len, $seconds) or return;
    $self->take(5);
    my $m = [ $type, $self->take($len - 4) ];
    $self->{parameters}{$1} = $2 if $type eq 'S' && $m->[1] =~ /^(.*?)\0(.*?)\0/s;
    push @{ $self->{notices} }, fields($m->[1]) if $type eq 'N';
    return $m;
}

# All messages up to and with one of a type in $types ('Z'), or up to end of file.
sub read_until
{
    my ($self, $types, $seconds) = @_;
    my @all;
    while (my $m = $self->read_message($seconds)) {
        push @all, $m;
        last if index($types, $m->[0]) >= 0;
    }
    return @all;
}

# The fields of an ErrorResponse or NoticeResponse.
sub fields
{
    my ($body) = @_;
    my %f;
    $f{$1} = $2 while $body =~ /\G([^\0])([^\0]*)\0/g;
    return \%f;
}

sub row
{
    my ($body) = @_;
    my $n = unpack 'n', $body;
    my $at = 2;
    my @row;
    for (1 .. $n) {
        my $len = unpack 'N', substr $body, $at, 4;
        $at += 4;
        if ($len == 0xffffffff) {
            push @row, undef;
        } else {
            push @row, substr $body, $at, $len;
            $at += $len;
        }
    }
    return \@row;
}

sub column_names
{
    my ($body) = @_;
    my $n = unpack 'n', $body;
    my @names;
    my $at = 2;
    for (1 .. $n) {
        my $end = index $body, "\0", $at;
        push @names, substr $body, $at, $end - $at;
        $at = $end + 1 + 18;
    }
    return \@names;
}

# ---- Start-up ----

sub startup_packet
{
    my ($version, %p) = @_;
    my $body = pack('N', $version) . join('', map { cstr($_) . cstr($p{$_}) } sort keys %p) . "\0";
    return pack('N', length($body) + 4) . $body;
}

sub request { my ($code, $more) = @_; $more //= ''; return pack('NN', 8 + length $more, $code) . $more }

# The one-byte answer to SSLRequest or GSSENCRequest.
sub negotiate
{
    my ($self, $code) = @_;
    $self->send_raw(request($code));
    return $self->fill(1) ? $self->take(1) : undef;
}

# Options: host, port, user, database, password, version, parameters ({ application_name => .. }), fail_ok.
# With fail_ok an object with {error} comes back where the login was refused.
sub connect
{
    my ($class, %o) = @_;
    my $self = $class->open($o{host} // '127.0.0.1', $o{port});
    $self->{user} = $o{user};
    $self->send_raw(startup_packet($o{version} // PROTOCOL_30, user => $o{user}, database => $o{database} // $o{user},
            %{ $o{parameters} // {} }));
    my $ok = eval { $self->login($o{password}) };
    die $@ if $@ && !$self->{error};
    die "login: $self->{error}{C}: $self->{error}{M}\n" unless $ok || $o{fail_ok};
    return $self;
}

sub login
{
    my ($self, $password) = @_;
    while (my $m = $self->read_message) {
        my ($type, $body) = @$m;
        if ($type eq 'R') {
            $self->authenticate($body, $password);
        } elsif ($type eq 'K') {
            ($self->{backend_pid}, $self->{secret}) = (unpack('N', $body), substr $body, 4);
        } elsif ($type eq 'v') {
            my ($minor, $n) = unpack 'NN', $body;
            $self->{negotiated} = { version => $minor, options => [ split /\0/, substr $body, 8 ] };
        } elsif ($type eq 'E') {
            $self->{error} = fields($body);
            return 0;
        } elsif ($type eq 'Z') {
            $self->{status} = $body;
            return 1;
        }
    }
    $self->{error} //= { C => '', M => 'the connection was closed' };
    return 0;
}

sub authenticate
{
    my ($self, $body, $password) = @_;
    my $kind = unpack 'N', $body;
    my $data = substr $body, 4;
    $self->{auth}{$kind} = 1;
    if ($kind == 0) {
        return;
    } elsif ($kind == 3) {
        $self->send_message('p', cstr($password));
    } elsif ($kind == 5) {
        $self->send_message('p', cstr('md5' . md5_hex(md5_hex($password . $self->{user}) . $data)));
    } elsif ($kind == 10) {
        die "no SCRAM-SHA-256 among: $data\n" unless grep { $_ eq 'SCRAM-SHA-256' } split /\0/, $data;
        $self->{nonce} = encode_base64(join('', map { chr int rand 256 } 1 .. 18), '');
        my $first = "n=,r=$self->{nonce}";
        $self->{first_bare} = $first;
        my $sasl = "n,,$first";
        $self->send_message('p', cstr('SCRAM-SHA-256') . pack('N', length $sasl) . $sasl);
    } elsif ($kind == 11) {
        my ($r, $s, $i) = $data =~ /^r=(.*?),s=(.*?),i=(\d+)/ or die "bad server-first: $data\n";
        die "the server's nonce does not extend ours\n" unless index($r, $self->{nonce}) == 0;
        my $salted = pbkdf2($password, decode_base64($s), $i);
        my $client_key = hmac_sha256('Client Key', $salted);
        my $without = "c=biws,r=$r";
        my $auth = "$self->{first_bare},$data,$without";
        my $proof = $client_key ^ hmac_sha256($auth, sha256($client_key));
        $self->{server_signature} = encode_base64(hmac_sha256($auth, hmac_sha256('Server Key', $salted)), '');
        $self->send_message('p', "$without,p=" . encode_base64($proof, ''));
    } elsif ($kind == 12) {
        die "wrong server signature\n" unless $data eq "v=$self->{server_signature}";
    } else {
        die "authentication kind $kind\n";
    }
}

sub pbkdf2
{
    my ($password, $salt, $iterations) = @_;
    my $u = hmac_sha256($salt . pack('N', 1), $password);
    my $out = $u;
    for (2 .. $iterations) {
        $u = hmac_sha256($u, $password);
        $out ^= $u;
    }
    return $out;
}

# Sends a cancel request for this session over a new connection; true when the other side has closed it.
sub cancel
{
    my ($self, %o) = @_;
    my $c = Wire->open($self->{host}, $self->{port});
    $c->send_raw(request(CANCEL_REQUEST, pack('N', $o{pid} // $self->{backend_pid}) . ($o{secret} // $self->{secret})));
    return $c->closed_in($timeout);
}

# ---- Queries ----

# Reads results up to ReadyForQuery. Statements' rows are together in {rows}, with all {tags} and the first {error}.
sub result
{
    my ($self, $seconds) = @_;
    my %r = (rows => [], tags => [], types => '', copy => '', notifications => []);
    while (my $m = $self->read_message($seconds)) {
        my ($type, $body) = @$m;
        $r{types} .= $type;
        push @{ $r{rows} }, row($body) if $type eq 'D';
        $r{names} = column_names($body) if $type eq 'T';
        push @{ $r{tags} }, $body =~ s/\0$//r if $type eq 'C';
        $r{error} //= fields($body) if $type eq 'E';
        $r{copy} .= $body if $type eq 'd';
        push @{ $r{notifications} }, $body if $type eq 'A';
        return \%r if $type eq 'G' || $type eq 'W';    # the caller sends the copy's data now
        if ($type eq 'Z') {
            $self->{status} = $r{status} = $body;
            return \%r;
        }
    }
    $r{closed} = 1;
    return \%r;
}

sub query { my ($self, $sql, $seconds) = @_; $self->send_message('Q', cstr($sql)); return $self->result($seconds) }

# The first value of the first row; dies on an error.
sub value
{
    my ($self, $sql, $seconds) = @_;
    my $r = $self->query($sql, $seconds);
    die "$sql: $r->{error}{C}: $r->{error}{M}\n" if $r->{error};
    die "$sql: the connection was closed\n" if $r->{closed};
    return $r->{rows}[0] && $r->{rows}[0][0];
}

sub parse { my ($name, $sql, @types) = @_; return message('P', cstr($name) . cstr($sql) . pack('nN*', scalar @types, @types)) }

sub bind
{
    my ($portal, $name, @values) = @_;
    return message('B', cstr($portal) . cstr($name) . pack('n', 0) . pack('n', scalar @values)
            . join('', map { defined $_ ? pack('N', length $_) . $_ : pack('N', 0xffffffff) } @values) . pack('n', 0));
}

sub describe { my ($what, $name) = @_; return message('D', $what . cstr($name)) }
sub execute { my ($portal, $rows) = @_; return message('E', cstr($portal) . pack('N', $rows // 0)) }
sub close_message { my ($what, $name) = @_; return message('C', $what . cstr($name)) }
sub sync { return message('S', '') }
sub flush { return message('H', '') }

# Parse, Bind, Describe, Execute, Sync of the unnamed statement in one packet.
sub extended
{
    my ($self, $sql, @values) = @_;
    $self->send_raw(parse('', $sql) . Wire::bind('', '', @values) . describe('P', '') . execute('') . sync());
    return $self->result;
}

1;
