# The daemon under test.
#
#   my $t = Tanist->new(cluster => $c, settings => { routing => { max_lag => '200ms' } });
#   $t->start;
#   $t->safe_psql('app', 'SELECT 1');                      # through the port, as role app
#   my $mark = $t->log_offset;
#   my $e = $t->wait_for_event('failover.promote.sent', $mark, node => 'pg2');   # hash of the line's pairs
#   my ($rc, $out, $err) = $t->cli('status');
#   $t->stop;
#
# The log is logfmt in $t->log_file. A daemon that a test leaves running is stopped at its end; what a sanitizer
# reported fails the test.
package Tanist;

use strict;
use warnings;
use TestEnv qw($binary poll_until sanitizer_reports);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);

# The event that says: every listener accepts.
our $ready_event = 'daemon.ready';

my @all;
my $count = 0;

# Options: cluster (a TanistCluster; its nodes are configured), settings (section => { name => value }, over the
# defaults below; undef as value takes a line out), conf (the whole file as text, instead), conninfo (no file at all),
# args (more arguments of serve), env, name.
sub new
{
    my ($class, %o) = @_;
    my $name = $o{name} // 'tanist' . ($count++ || '');
    my $self = bless {
        %o,
        name => $name,
        port => $o{port} // PostgreSQL::Test::Cluster::get_free_port(),
        dir  => PostgreSQL::Test::Utils::tempdir_short(),
        log  => "$PostgreSQL::Test::Utils::log_path/$name.log",
        sets => {},
    }, $class;
    unlink $self->{log};
    if ($o{cluster}) {
        my $pass = "$self->{dir}/monitor.pgpass";
        _write($pass, "*:*:*:tanist:tanist-secret\n", 0600);
        $self->{sets} = $self->_defaults($pass);
    }
    $self->set($_, %{ $o{settings}{$_} }) for keys %{ $o{settings} // {} };
    $self->write_conf;
    push @all, $self;
    return $self;
}

sub _defaults
{
    my ($self, $passfile) = @_;
    my $c = $self->{cluster};
    my %s = (
        tanist => { workers => 2, state_dir => $self->{dir}, log_level => 'debug', log_format => 'logfmt' },
        'listen main'  => { address => '127.0.0.1', port => $self->{port} },
        'cluster prod' => {
            monitor        => "'user=tanist dbname=postgres passfile=$passfile'",
            check_interval => '200ms',
            check_timeout  => 3000 * $TestEnv::slow . 'ms',
        },
        'database *' => { cluster     => 'prod' },
        'pool *'     => { pool_mode   => 'transaction', pool_size => 20 },
        routing      => { consistency => 'session', eject_after => 3000 * $TestEnv::slow . 'ms' },
        failover     => { mode        => 'automatic' },
        auth         => { method      => 'scram-sha-256' },
        admin        => { admin_users => 'postgres,tanist', stats_users => 'app' },
    );
    for my $n ($c->names) {
        $s{"node $n"} = { cluster => 'prod', host => '127.0.0.1', port => $c->node($n)->port };
    }
    return \%s;
}

# Changes settings in memory; write_conf (start, reload) puts them into the file.
sub set
{
    my ($self, $section, %values) = @_;
    for my $k (keys %values) {
        if (defined $values{$k}) {
            $self->{sets}{$section}{$k} = $values{$k};
        } else {
            delete $self->{sets}{$section}{$k};
        }
    }
    return $self;
}

sub drop_section { my ($self, $section) = @_; delete $self->{sets}{$section}; return $self }

sub conf_text
{
    my ($self) = @_;
    return $self->{conf} if defined $self->{conf};
    my $s = $self->{sets};
    return join '', map {
        my $section = $_;
        "[$section]\n" . join('', map { "$_ = $s->{$section}{$_}\n" } sort keys %{ $s->{$section} }) . "\n";
    } sort keys %$s;
}

sub write_conf { my ($self) = @_; _write($self->conf_file, $self->conf_text, 0600) }

sub _write
{
    my ($file, $text, $mode) = @_;
    open my $out, '>', $file or die "$file: $!\n";
    print $out $text;
    close $out or die "$file: $!\n";
    chmod $mode, $file;
}

sub port { $_[0]{port} }
sub host { '127.0.0.1' }
sub dir { $_[0]{dir} }
sub pid { $_[0]{pid} }
sub conf_file { "$_[0]{dir}/tanist.conf" }
sub log_file { $_[0]{log} }

sub _command
{
    my ($self) = @_;
    my @wrapper = split ' ', $ENV{TANIST_WRAPPER} // '';
    my @conf = ('-c', $self->conf_file);
    @conf = ('--set', "tanist.state_dir=$self->{dir}", '--set', "listen.main.port=$self->{port}", $self->{conninfo})
        if defined $self->{conninfo};
    # The daemon must not outlive a test that was killed.
    return ('setpriv', '--pdeathsig', 'KILL', @wrapper, $binary, 'serve', @{ $self->{args} // [] }, @conf);
}

# Options: wait (1): for readiness, and with a cluster for a primary and its replicas; fail_ok: return 0 instead of failing
# the test.
sub start
{
    my ($self, %o) = @_;
    die "$self->{name} runs already\n" if $self->{pid};
    $self->write_conf unless defined $self->{conninfo};
    my $mark = $self->log_offset;
    my @command = $self->_command;
    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        %ENV = (%ENV, %{ $self->{env} // {} });
        delete @ENV{ grep { /^PG(?:HOST|PORT|USER|DATABASE|APPNAME)$/ } keys %ENV };
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>>', $self->{log} or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;
        chdir $self->{dir};
        exec @command or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    return 1 if exists $o{wait} && !$o{wait};
    my $e = poll_until(sub { !$self->alive || $self->find_event($ready_event, $mark) });
    $e &&= $self->wait_topology($mark) if $self->{cluster} && $e && $self->alive && ($o{topology} // 1);
    return 1 if $e && $self->alive;
    my $text = $self->log_text($mark);
    $self->stop(signal => 'KILL', check => 0) if $self->alive;
    return 0 if $o{fail_ok};
    BAIL_OUT("tanist does not start; its log:\n$text");
}

# Until a topology with a writer is published and every node that runs has been seen.
sub wait_topology
{
    my ($self, $mark) = @_;
    my $c = $self->{cluster};
    my @up = grep { $c->running($_) } $c->names;
    return 1 unless @up;
    return poll_until(
        sub {
            my %seen = map { $_->{node} => 1 } $self->events('node.up', $mark);
            return !$self->alive
                || (!(grep { !$seen{$_} } @up) && grep { $_->{writer} ne 'none' } $self->events('epoch.published', $mark));
        });
}

# Reaps the process if it ended.
sub alive
{
    my ($self) = @_;
    return 0 unless $self->{pid};
    if (waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid}) {
        $self->{status} = $?;
        delete $self->{pid};
        return 0;
    }
    return 1;
}

# Waits until the daemon has ended by itself; returns its wait status.
sub wait_exit
{
    my ($self, $seconds) = @_;
    poll_until(sub { !$self->alive }, $seconds);
    return $self->{pid} ? undef : $self->{status};
}

# Options: signal (TERM), check (1: a test that it ended well).
sub stop
{
    my ($self, %o) = @_;
    return unless $self->alive;
    kill $o{signal} // 'TERM', $self->{pid};
    my $status = $self->wait_exit;
    if (!defined $status) {
        kill 'KILL', $self->{pid};
        $status = $self->wait_exit;
        $status = 'it did not end in time' if ($o{signal} // 'TERM') ne 'KILL';
    }
    $self->check_end($status) if $o{check} // 1;
    return $status;
}

sub check_end
{
    my ($self, $status) = @_;
    my @reports = sanitizer_reports($self->log_text(0));
    local $Test::Builder::Level = $Test::Builder::Level + 2;
    is($status, 0, "$self->{name} ended with status 0");
    is(join("\n", @reports), '', "$self->{name}: nothing reported by sanitizers") or diag("see $self->{log}");
}

sub kill9 { my ($self) = @_; $self->stop(signal => 'KILL', check => 0) }
sub restart { my ($self, %o) = @_; $self->stop; $self->start(%o) }

# Writes the configuration anew and has the daemon read it.
sub reload
{
    my ($self) = @_;
    $self->write_conf;
    return $self->cli('reload');
}

# ---- The log ----

sub log_offset { my ($self) = @_; return -s $self->{log} // 0 }

sub log_text
{
    my ($self, $from) = @_;
    open my $in, '<', $self->{log} or return '';
    seek $in, $from // 0, 0;
    local $/;
    return <$in> // '';
}

# One logfmt line as a hash.
sub parse_line
{
    my ($line) = @_;
    my %h = (line => $line);
    while ($line =~ /(\S+?)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/g) {
        my ($k, $v) = ($1, $2 // $3);
        $v =~ s/\\(.)/$1/g;
        $h{$k} = $v;
    }
    return \%h;
}

# All events from an offset on; `$event` is a token, a regular expression or undef.
sub events
{
    my ($self, $event, $from, %kv) = @_;
    my $text = $self->log_text($from);
    # The last line may still be in the writing.
    my @lines = split /\n/, substr($text, 0, rindex($text, "\n") + 1);
    my @found;
    for my $line (@lines) {
        next unless $line =~ /\bevent=/;
        my $e = parse_line($line);
        next if defined $event && !(ref $event ? $e->{event} =~ $event : $e->{event} eq $event);
        next if grep { ($e->{$_} // '') ne $kv{$_} } keys %kv;
        push @found, $e;
    }
    return @found;
}

sub find_event { my ($self, @a) = @_; return ($self->events(@a))[0] }

# The first such event from an offset on, waited for.
sub wait_for_event
{
    my ($self, $event, $from, %kv) = @_;
    my $e = poll_until(sub { $self->find_event($event, $from, %kv) || ($self->alive ? undef : { gone => 1 }) });
    if (!$e || $e->{gone}) {
        my @tail = split /\n/, $self->log_text($from);
        splice @tail, 0, @tail - 30 if @tail > 30;
        diag("no event $event (", join(' ', %kv), ') in time; the log ends with:', "\n", join "\n", @tail);
        return;
    }
    return $e;
}

# ---- Clients ----

# Options: user (app), password, port, host, and any libpq keyword.
sub conninfo
{
    my ($self, $db, %o) = @_;
    my $user = delete $o{user} // 'app';
    my %c = (
        host            => $self->host,
        port            => $self->port,
        dbname          => $db // 'app',
        user            => $user,
        password        => "$user-secret",
        connect_timeout => 20,
        sslmode         => 'disable',
        %o);
    return join ' ', map { my $v = $c{$_}; $v =~ s/([\\'])/\\$1/g; "$_='$v'" } grep { defined $c{$_} } sort keys %c;
}

# (exit code, stdout, stderr) of psql -XAtq through the port. Options of conninfo, and: args, stdin_file.
sub psql
{
    my ($self, $db, $sql, %o) = @_;
    my @args = @{ delete $o{args} // [] };
    my ($out, $err) = ('', '');
    my @command = ('psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $self->conninfo($db, %o), @args, '-f', '-');
    my $timer = IPC::Run::timeout($TestEnv::timeout, exception => 'psql timed out');
    eval { IPC::Run::run(\@command, '<', \$sql, '>', \$out, '2>', \$err, $timer); 1 }
        or do { die $@ unless $@ =~ /psql timed out/; $err .= 'psql timed out'; return (-1, $out, $err) };
    my $rc = $? & 127 ? -($? & 127) : $? >> 8;
    chomp $out;
    chomp $err;
    return ($rc, $out, $err);
}

sub safe_psql
{
    my ($self, $db, $sql, %o) = @_;
    my ($rc, $out, $err) = $self->psql($db, $sql, %o);
    die "psql failed ($rc) on: $sql\n$err\n" if $rc != 0;
    return $out;
}

sub background_psql
{
    my ($self, $db, %o) = @_;
    require PostgreSQL::Test::BackgroundPsql;
    return PostgreSQL::Test::BackgroundPsql->new(0,
        [ 'psql', '-XAtq', '-d', $self->conninfo($db, %o), '-f', '-' ], $TestEnv::timeout, 1);
}

# A byte-level client, logged in.
sub wire
{
    my ($self, $db, %o) = @_;
    require Wire;
    my $user = delete $o{user} // 'app';
    return Wire->connect(host => $self->host, port => $self->port, database => $db // 'app', user => $user,
        password => "$user-secret", %o);
}

# Rows of the console as hashes: console('SHOW NODES').
sub console
{
    my ($self, $sql, %o) = @_;
    my $w = $self->wire('tanist', user => 'tanist', %o);
    my $r = $w->query($sql);
    $w->terminate;
    die "console: $sql: $r->{error}{M}\n" if $r->{error};
    return map { my $row = $_; +{ map { $r->{names}[$_] => $row->[$_] } 0 .. $#{ $r->{names} } } } @{ $r->{rows} };
}

# (exit code, stdout, stderr) of a command of the binary, with -c where the daemon has a file.
sub cli
{
    my ($self, $command, @args) = @_;
    push @args, '-c', $self->conf_file if !defined $self->{conninfo} && !grep { $_ eq '-c' } @args;
    return run_cli($command, @args);
}

sub run_cli
{
    my @command = ($binary, @_);
    my ($in, $out, $err) = ('', '', '');
    my $timer = IPC::Run::timeout($TestEnv::timeout, exception => 'cli timed out');
    eval { IPC::Run::run(\@command, '<', \$in, '>', \$out, '2>', \$err, $timer); 1 }
        or do { die $@ unless $@ =~ /cli timed out/; return (-1, $out, $err . 'timed out') };
    return ($? & 127 ? -($? & 127) : $? >> 8, $out, $err);
}

# Open descriptors and resident kilobytes: for tests that look for leaks.
sub fds { my ($self) = @_; my @f = glob "/proc/$self->{pid}/fd/*"; return scalar @f }

sub rss_kb
{
    my ($self) = @_;
    open my $in, '<', "/proc/$self->{pid}/status" or return 0;
    my ($kb) = join('', <$in>) =~ /^VmRSS:\s+(\d+)/m;
    return $kb;
}

END {
    my $status = $?;
    for my $t (@all) {
        next unless $t->alive;
        my $end = $t->stop(check => 0);
        my @reports = sanitizer_reports($t->log_text(0));
        next if $end eq '0' && !@reports;
        print STDERR "# $t->{name} ended with status $end; ", join("\n# ", @reports), "\n# see $t->{log}\n";
        $status ||= 99;
    }
    $? = $status;
}

1;
