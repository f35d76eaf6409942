# A small load of clients that keep a diary, for tests of what clients see of failures.
#
#   my $l = Load->new(tanist => $t, writers => 3, readers => 2, txns => 2);   # Load->prepare($cluster) made the table
#   $l->wait_acks(5);                # every client has 5 more answers without error
#   ...
#   my $s = $l->stop;                # { errors => [ { kind, client, state, text } ], closed => [..], acked => {..}, .. }
#
# Each client is a process with one connection; it never connects again. A writer inserts one row by one statement, with
# a key of its own; a `txn` inserts two in a block; a reader counts. pace is the pause between two statements.
# The table load.rows has (client, seq), and each insert has its key only once.
package Load;

use strict;
use warnings;
use TestEnv qw(poll_until);
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);
use Wire;

my @all;
my $count = 0;

sub prepare
{
    my ($class, $c) = @_;
    $c->primary->safe_psql('app', <<'SQL');
CREATE SCHEMA IF NOT EXISTS load AUTHORIZATION app;
CREATE TABLE load.rows (client text, seq int, PRIMARY KEY (client, seq));
ALTER TABLE load.rows OWNER TO app;
SQL
    $c->wait_catchup;
}

sub new
{
    my ($class, %o) = @_;
    my $self = bless {
        tanist => $o{tanist},
        dir    => PostgreSQL::Test::Utils::tempdir_short(),
        round  => ++$count,
        pace   => $o{pace} // 0.005,
        clients => {},
        owner  => $$,
    }, $class;
    for my $kind (qw(writer reader txn)) {
        $self->_client($kind, "$kind$count.$_") for 1 .. $o{"${kind}s"} // 0;
    }
    push @all, $self;
    return $self;
}

sub _client
{
    my ($self, $kind, $name) = @_;
    my $file = "$self->{dir}/$name";
    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(TERM INT);
        $SIG{ALRM} = 'DEFAULT';
        alarm 2 * $TestEnv::timeout;    # whatever becomes of the test
        open my $out, '>', $file or POSIX::_exit(1);
        $out->autoflush(1);
        eval { $self->_run($kind, $name, $out); 1 } or print $out "died - - - $@\n";
        POSIX::_exit(0);
    }
    $self->{clients}{$name} = { kind => $kind, pid => $pid, file => $file };
}

sub _run
{
    my ($self, $kind, $name, $out) = @_;
    my $w = $self->{tanist}->wire;
    my $seq = 0;
    # One line for each statement or transaction: what, seq, when it began, how long it took, and of an error its state.
    my $note = sub {
        my ($what, $t0, @more) = @_;
        printf $out "%s %d %.6f %.6f %s\n", $what, $seq, $t0, time - $t0, join ' ', @more;
    };
    until (-e "$self->{dir}/stop") {
        my $t0 = time;
        $seq++;
        my @sql =
              $kind eq 'writer' ? "INSERT INTO load.rows VALUES ('$name', $seq) RETURNING pg_current_wal_insert_lsn()"
            : $kind eq 'reader' ? "SELECT count(*) FROM load.rows WHERE client = '$name'"
            : (
                'BEGIN',
                "INSERT INTO load.rows VALUES ('$name', $seq) RETURNING pg_current_wal_insert_lsn()",
                "INSERT INTO load.rows VALUES ('$name', -$seq)",
                'COMMIT');
        my ($error, $lsn);
        for my $sql (@sql) {
            my $r = $w->query($sql);
            if ($r->{closed}) {
                $note->('closed', $t0, $r->{error} ? "$r->{error}{C} $r->{error}{M}" : $w->{read_error} // '');
                return;
            }
            $error = $r->{error};
            $lsn //= $r->{rows}[0][0] if $sql =~ /^INSERT/ && $r->{rows}[0];
            # What a COMMIT answers is part of the outcome: ROLLBACK without an error would be a lie.
            $error //= { C => 'LIE', M => "COMMIT answered @{ $r->{tags} }" } if $sql eq 'COMMIT' && "@{ $r->{tags} }" ne 'COMMIT';
            last if $error;
        }
        if ($error) {
            my $state = $w->{status};
            $w->query('ROLLBACK') if $state ne 'I';
            $note->('error', $t0, $error->{C}, "[$state]", $error->{M});
        } else {
            $note->('ok', $t0, $lsn // '');
        }
        sleep $self->{pace};
    }
    $w->terminate;
}

# The diary of a client so far.
sub _read
{
    my ($self, $name) = @_;
    open my $in, '<', $self->{clients}{$name}{file} or return;
    return map { chomp; my ($what, $seq, $at, $took, $more) = split / /, $_, 5; { client => $name, kind => $self->{clients}{$name}{kind},
            what => $what, seq => $seq, at => $at, took => $took, more => $more // '' } } grep { /\n$/ } <$in>;
}

sub _acks
{
    my ($self) = @_;
    return { map { my $n = $_; $n => scalar grep { $_->{what} eq 'ok' } $self->_read($n) } keys %{ $self->{clients} } };
}

# Waits until every client (of a kind) has $n more good answers than now. False if it does not come to that.
sub wait_acks
{
    my ($self, $n, $kind) = @_;
    my $before = $self->_acks;
    my @who = grep { !$kind || $self->{clients}{$_}{kind} eq $kind } keys %$before;
    return poll_until(sub { my $now = $self->_acks; !grep { $now->{$_} < $before->{$_} + $n } @who });
}

# Ends the clients and returns what they saw: errors, closed, died (lists of diary entries), ok (all good ones), acked
# (keys "client seq" of rows that were acknowledged), longest (seconds).
sub stop
{
    my ($self) = @_;
    open my $f, '>', "$self->{dir}/stop" or die;
    close $f;
    my %alive = map { $_->{pid} => 1 } values %{ $self->{clients} };
    my $all = poll_until(
        sub {
            for my $pid (keys %alive) { delete $alive{$pid} if waitpid($pid, POSIX::WNOHANG()) == $pid }
            !%alive;
        });
    my %s = (map { $_ => [] } qw(errors closed died ok hung));
    my (%acked, $longest);
    for my $name (sort keys %{ $self->{clients} }) {
        my $c = $self->{clients}{$name};
        push @{ $s{hung} }, $name if $alive{ $c->{pid} };
        for my $e ($self->_read($name)) {
            my $list = $e->{what} eq 'error' ? 'errors' : $e->{what};
            push @{ $s{$list} }, $e;
            ($e->{state}) = $e->{more} =~ /^(\S+)/ if $list eq 'errors';
            next unless $e->{what} eq 'ok';
            $longest = $e->{took} if !defined $longest || $e->{took} > $longest;
            $acked{"$name $e->{seq}"} = $e if $c->{kind} ne 'reader';
            $acked{"$name -$e->{seq}"} = $e if $c->{kind} eq 'txn';
        }
    }
    kill 'KILL', keys %alive;
    waitpid $_, 0 for keys %alive;
    @s{qw(acked longest)} = (\%acked, $longest);
    $self->{clients} = {};
    return \%s;
}

# Rows that were acknowledged and are not on the node, as sorted keys.
sub missing
{
    my ($self, $s, $node) = @_;
    my %there = map { $_ => 1 } split /\n/, $node->safe_psql('app', q(SELECT client || ' ' || seq FROM load.rows));
    return sort grep { !$there{$_} } keys %{ $s->{acked} };
}

# An LSN as a number.
sub lsn { my ($hi, $lo) = $_[0] =~ m{^([0-9A-F]+)/([0-9A-F]+)$} or die "no LSN: '$_[0]'\n"; return hex($hi) * 2**32 + hex $lo }

# Of those keys the ones that a node with all WAL up to $from must have: each client writes in turn, so the commit of a row is
# before the position at which its next row was inserted.
sub missing_before
{
    my ($self, $s, $from, @keys) = @_;
    my $limit = lsn($from);
    return grep {
        my ($name, $seq) = split / /;
        my ($next) = sort { $a->{seq} <=> $b->{seq} } grep { $_->{client} eq $name && $_->{seq} > abs $seq } values %{ $s->{acked} };
        $next && lsn($next->{more}) <= $limit;
    } @keys;
}

# How many transactions are there by half.
sub halves
{
    my ($self, $node) = @_;
    return $node->safe_psql('app', q(SELECT count(*) FROM load.rows a WHERE client LIKE 'txn%'
        AND NOT EXISTS (SELECT 1 FROM load.rows b WHERE b.client = a.client AND b.seq = -a.seq)));
}

sub describe { return join "\n", map { "$_->{client} $_->{what} seq $_->{seq} after $_->{took}: $_->{more}" } @_ }

END {
    my $status = $?;
    for my $l (@all) {
        next unless $l->{owner} == $$;
        kill 'KILL', map { $_->{pid} } values %{ $l->{clients} };
    }
    $? = $status;
}

1;
