# A primary with N streaming replicas, made of PostgreSQL::Test::Cluster nodes.
#
#   my $c = TanistCluster->new(replicas => 2);
#   $c->node('pg1')->safe_psql('postgres', '...');   $c->primary   $c->replicas   $c->nodes
#   $c->kill9('pg1');  $c->freeze('pg1');  $c->thaw('pg1');  $c->promote('pg2');
#   $c->pause_replay('pg2');  $c->resume_replay('pg2');  $c->wait_catchup;
#
# Nodes are pg1 (the first primary), pg2, ... Each listens on 127.0.0.1 (SCRAM) and on a Unix socket (trust, for the
# test itself). Roles: postgres; tanist (superuser, for the daemon); app and other (plain); replicator. A role's
# password is its name and "-secret". fsync is off.
package TanistCluster;

use strict;
use warnings;
use TestEnv qw(poll_until);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %frozen;    # postmaster pid -> all pids

# Options: name, replicas (2), slots (1: replicas use a slot each), conf (lines for every node), log_statement (none).
sub new
{
    my ($class, %o) = @_;
    my $self = bless {
        name  => $o{name} // 'main',
        slots => $o{slots} // 1,
        nodes => {},
        order => [],
    }, $class;
    $ENV{PGUSER} = 'postgres';

    my $p = $self->_new_node(1);
    $p->init(allows_streaming => 1, extra => [ '-U', 'postgres', '--no-instructions', '-E', 'UTF8', '--locale=C' ]);
    $p->append_conf('postgresql.conf', _conf(%o));
    _write_hba($p);
    $p->start;
    $p->safe_psql('postgres', join '', map {
            my ($role, $how) = @$_;
            "CREATE ROLE $role LOGIN $how PASSWORD '$role-secret';";
        } [ 'tanist', 'SUPERUSER' ], [ 'app', '' ], [ 'other', '' ], [ 'replicator', 'REPLICATION' ]);
    $p->safe_psql('postgres', 'CREATE DATABASE app OWNER app');
    $self->add_replica for 1 .. $o{replicas} // 2;
    $self->wait_streaming;
    return $self;
}

sub _conf
{
    my %o = @_;
    my $log = $o{log_statement} // 'none';
    return <<"END" . ($o{conf} // '') . "\n";
listen_addresses = '127.0.0.1'
max_connections = 100
shared_buffers = 16MB
max_wal_senders = 10
max_replication_slots = 10
wal_level = replica
wal_keep_size = 256MB
hot_standby = on
hot_standby_feedback = on
log_statement = $log
log_connections = off
wal_receiver_status_interval = 1s
autovacuum = off
END
}

sub _write_hba
{
    my ($node) = @_;
    my $file = $node->data_dir . '/pg_hba.conf';
    open my $out, '>', $file or die "$file: $!\n";
    print $out "local all all trust\nlocal replication all trust\n",
        "host all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 scram-sha-256\n";
    close $out;
}

sub _new_node
{
    my ($self, $i) = @_;
    my $name = "pg$i";
    my $n = PostgreSQL::Test::Cluster->new($self->{name} eq 'main' ? $name : "$self->{name}_$name");
    $self->{nodes}{$name} = $n;
    push @{ $self->{order} }, $name;
    return $n;
}

# Adds a replica of the present primary (by pg_basebackup) and starts it; returns its name.
sub add_replica
{
    my ($self) = @_;
    my $i = @{ $self->{order} } + 1;
    my $p = $self->primary;
    my $n = $self->_new_node($i);
    my @slot = $self->{slots} ? ('-C', '-S', "pg$i") : ();
    $p->backup("base_$i", backup_options => \@slot);
    $n->init_from_backup($p, "base_$i");
    $self->follow("pg$i", $self->name_of($p));
    $n->start;
    return "pg$i";
}

# Writes the settings of a replica that streams from another node (which may have its slot or not).
sub follow
{
    my ($self, $name, $from) = @_;
    my $n = $self->node($name);
    my $slot = $self->{slots} ? "primary_slot_name = '$name'\n" : '';
    $n->append_conf('postgresql.auto.conf',
        "primary_conninfo = '" . $self->replication_conninfo($name, $from) . "'\n$slot");
    $n->set_standby_mode;
}

sub replication_conninfo
{
    my ($self, $name, $from) = @_;
    return 'host=127.0.0.1 port=' . $self->node($from)->port
        . " user=replicator password=replicator-secret application_name=$name";
}

sub node { my ($self, $name) = @_; return ref $name ? $name : $self->{nodes}{$name} // die "no node $name\n" }
sub names { return @{ $_[0]{order} } }
sub nodes { my ($self) = @_; return map { $self->{nodes}{$_} } @{ $self->{order} } }

sub name_of
{
    my ($self, $n) = @_;
    my ($name) = grep { $self->{nodes}{$_} == $n } @{ $self->{order} };
    return $name;
}

sub running { my ($self, $name) = @_; return defined $self->node($name)->{_pid} }

# The node that is not in recovery now (the first one, if a test made two); replicas are the other running ones.
sub primary
{
    my ($self) = @_;
    my ($p) = grep { $self->running($_) && !$frozen{ $_->{_pid} } && !$self->in_recovery($_) } $self->nodes;
    return $p // die "no node is a primary\n";
}

sub replicas
{
    my ($self) = @_;
    return grep { $self->running($_) && !$frozen{ $_->{_pid} } && $self->in_recovery($_) } $self->nodes;
}

sub in_recovery
{
    my ($self, $name) = @_;
    my ($rc, $out) = $self->node($name)->psql('postgres', 'SELECT pg_is_in_recovery()');
    return ($rc == 0 ? $out eq 't' : 1);
}

# SQL on a node, as postgres, over the Unix socket.
sub sql { my ($self, $name, $sql, $db) = @_; return $self->node($name)->safe_psql($db // 'postgres', $sql) }

sub poll_sql
{
    my ($self, $name, $sql, $expected, $seconds) = @_;
    return poll_until(
        sub {
            # Cluster's psql dies when its connection ends, as it does on a primary that is being fenced.
            my ($rc, $out) = eval { $self->node($name)->psql('postgres', $sql) };
            return defined $rc && $rc == 0 && $out eq ($expected // 't');
        },
        $seconds);
}

sub wait_streaming
{
    my ($self, $n) = @_;
    my $p = $self->primary;
    $n //= scalar $self->replicas;
    $self->poll_sql($p, "SELECT count(*) >= $n FROM pg_stat_replication WHERE state = 'streaming'")
        or die 'replicas do not stream from ' . $self->name_of($p) . "\n";
}

# Waits until every running replica has replayed what the primary has written by now.
sub wait_catchup
{
    my ($self) = @_;
    my $lsn = $self->primary->safe_psql('postgres', 'SELECT pg_current_wal_flush_lsn()');
    for my $r ($self->replicas) {
        $self->poll_sql($r, "SELECT pg_last_wal_replay_lsn() >= '$lsn'")
            or die $self->name_of($r) . " does not reach $lsn\n";
    }
}

sub pause_replay
{
    my ($self, $name) = @_;
    $self->sql($name, 'SELECT pg_wal_replay_pause()');
    # The request takes effect when the startup process looks at it.
    $self->poll_sql($name, "SELECT pg_get_wal_replay_pause_state() = 'paused'") or die "$name: replay does not pause\n";
}

sub resume_replay { my ($self, $name) = @_; $self->sql($name, 'SELECT pg_wal_replay_resume()') }

# The postmaster and every process below it, found in /proc.
sub pids
{
    my ($self, $name) = @_;
    my $root = $self->node($name)->{_pid} // return;
    my %children;
    for my $stat (glob '/proc/[0-9]*/stat') {
        open my $in, '<', $stat or next;
        my $line = <$in> // next;
        my ($pid, $ppid) = $line =~ /^(\d+) \(.*\) \S (\d+)/s or next;
        push @{ $children{$ppid} }, $pid;
    }
    my @all = ($root);
    for (my $i = 0; $i < @all; $i++) {
        push @all, @{ $children{ $all[$i] } // [] };
    }
    return @all;
}

# Kills the postmaster with SIGKILL. Its backends end by themselves a moment later, as after a real crash.
sub kill9
{
    my ($self, $name) = @_;
    my $n = $self->node($name);
    $n->{orphans} = [ $self->pids($name) ];
    $n->kill9;
}

# True while the process does anything: in a container whose first process does not reap, the dead stay as zombies.
sub _lives
{
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/stat" or return 0;
    my $line = <$in> // return 0;
    return $line !~ /^\d+ \(.*\) [ZX]/s;
}

# Starts a node that was stopped or killed, as it is.
sub start
{
    my ($self, $name) = @_;
    my $n = $self->node($name);
    if (my $old = delete $n->{orphans}) {
        poll_until(sub { !grep { _lives($_) } @$old }) or die "$name: processes of the old postmaster do not end\n";
        # PostgreSQL would take a zombie for a running postmaster.
        my $socket = $n->host . '/.s.PGSQL.' . $n->port;
        unlink $n->data_dir . '/postmaster.pid', $socket, "$socket.lock";
    }
    $n->start;
}

sub stop { my ($self, $name, $mode) = @_; $self->node($name)->stop($mode // 'fast') }

# Stops every process of the node where it is (SIGSTOP): its sockets stay open and nobody answers.
sub freeze
{
    my ($self, $name) = @_;
    my $root = $self->node($name)->{_pid} or die "$name does not run\n";
    my %stopped;
    # The postmaster first, so that it forks no more; then again until no new child shows.
    for (1 .. 10) {
        my @new = grep { !$stopped{$_} } $self->pids($name) or last;
        kill 'STOP', $_ for @new;
        @stopped{@new} = (1) x @new;
        $frozen{$root} = [ keys %stopped ];
    }
}

sub thaw
{
    my ($self, $name) = @_;
    my $root = $self->node($name)->{_pid} or return;
    kill 'CONT', reverse @{ delete $frozen{$root} // [] };
}

# Promotes by hand, as an operator without tanist would.
sub promote { my ($self, $name) = @_; $self->node($name)->promote }

# PostgreSQL::Test::Cluster ends its nodes in its own END, which runs after this one.
END {
    my $status = $?;
    kill 'CONT', @$_ for values %frozen;
    $? = $status;
}

1;
