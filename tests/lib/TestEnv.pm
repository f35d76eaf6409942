# Where things are, and as whom a test runs. Load this (or Tanist, TanistCluster) before PostgreSQL::Test::*.
#
# PostgreSQL refuses to run as root. A test that root starts therefore starts itself again as user postgres (or nobody)
# before anything else happens; if that user cannot reach the checkout, it runs from a copy of the few files it needs.
# Everything a test writes is below $ENV{TESTDIR}, and is kept if the test fails.
package TestEnv;

use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(basename dirname);
use File::Temp ();
use POSIX ();
use Time::HiRes qw(time sleep);

our @EXPORT_OK = qw($top $build $binary deadline poll_until sanitizer_reports);
our ($top, $build, $binary);

# Seconds that anything may take before a test gives up; and a whole test file.
our $timeout;
our $test_max;
# How much slower than usual everything is.
our $slow;

sub reachable
{
    my ($user, @paths) = @_;
    for my $p (grep { -e } @paths) {
        return 0 if system('setpriv', @$user, 'test', -x $p ? '-x' : '-r', $p) != 0;
    }
    return 1;
}

# Copies what tests use to a folder of that user; returns its path.
sub stage
{
    my ($uid, $gid) = @_;
    my $dir = File::Temp::tempdir('tanist-check-XXXXXX', DIR => '/var/tmp');
    system('cp', '-a', (grep { -e } map { "$top/$_" } qw(tests conf doc contrib)), $dir) == 0 or die "cp: $?\n";
    if (-e "$build/tanist") {
        mkdir "$dir/build" or die "$dir/build: $!\n";
        system('cp', '-a', (grep { -e } map { "$build/$_" } qw(tanist consistency soak drivers diff classify_oracle)), "$dir/build/") == 0 or die "cp: $?\n";
    }
    system('chown', '-R', "$uid:$gid", $dir) == 0 or die "chown: $?\n";
    return $dir;
}

sub run_as_other
{
    my ($name, undef, $uid, $gid) = getpwnam('postgres');
    ($name, undef, $uid, $gid) = getpwnam('nobody') unless defined $uid;
    my @user = ("--reuid=$uid", "--regid=$gid", '--init-groups');
    my $script = abs_path($0);
    $ENV{TESTDIR} //= "$top/tmp_check/" . basename($0, '.t');

    my $staged;
    if (!reachable(\@user, $script, "$top/tests/lib/TestEnv.pm", "$build/tanist")) {
        $staged = stage($uid, $gid);
        $ENV{TANIST_BUILD} = "$staged/build";
        $ENV{TESTDIR} = "$staged/tmp_check/" . basename($0, '.t');
        $script =~ s/^\Q$top\E/$staged/ or die "$script is not below $top\n";
    }
    my $home = $staged // $top;
    system('mkdir', '-p', $ENV{TESTDIR}) == 0 or die "mkdir $ENV{TESTDIR}\n";
    system('chown', "$uid:$gid", dirname($ENV{TESTDIR}), $ENV{TESTDIR}) == 0 or die "chown\n";
    # Only paths that the other user can read: perl stops at a folder that it may not look into.
    $ENV{PERL5LIB} = "$home/tests/lib";
    $ENV{HOME} = $ENV{TESTDIR};
    $ENV{USER} = $ENV{LOGNAME} = $name;
    delete $ENV{XDG_RUNTIME_DIR};
    chdir $home or die "$home: $!\n";

    my @command = ('setpriv', @user, $^X, $script, @ARGV);
    exec @command or die "setpriv: $!\n" unless $staged;
    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        exec @command or die "setpriv: $!\n";
    }
    local @SIG{qw(INT TERM)} = (sub { kill $_[0], $pid }) x 2;
    1 while waitpid($pid, 0) < 0;
    my $status = $?;
    if ($status == 0) {
        system('rm', '-rf', $staged);
    } else {
        print STDERR "# kept: $staged\n";
    }
    POSIX::_exit($status & 127 ? 128 + ($status & 127) : $status >> 8);
}

BEGIN {
    $| = 1;
    $top    = abs_path(dirname(__FILE__) . '/../..');
    $build  = $ENV{TANIST_BUILD} // "$top/build";
    run_as_other() if $> == 0;
    $binary = "$build/tanist";

    $ENV{TESTDIR} //= "$top/tmp_check/" . basename($0, '.t');
    system('rm', '-rf', "$ENV{TESTDIR}/tmp_check") == 0 or die "rm\n";
    system('mkdir', '-p', $ENV{TESTDIR}) == 0 or die "mkdir $ENV{TESTDIR}\n";

    my ($pg_config) = grep { -x } $ENV{PG_CONFIG} // (), '/usr/lib/postgresql/15/bin/pg_config';
    $pg_config //= 'pg_config';
    chomp(my ($bindir, $pkglibdir) = `$pg_config --bindir --pkglibdir`);
    die "pg_config: no server installation; run 'make deps'\n" unless $pkglibdir && -x "$bindir/initdb";
    $ENV{PATH}       = "$bindir:$ENV{PATH}";
    $ENV{PG_REGRESS} = "$pkglibdir/pgxs/src/test/regress/pg_regress";
    unshift @INC, "$pkglibdir/pgxs/src/test/perl";

    # Sanitized builds and valgrind are several times slower.
    $slow = $build =~ /-(?:address|thread)$/ || $ENV{TANIST_WRAPPER} ? 3 : 1;
    $timeout  = $ENV{PG_TEST_TIMEOUT_DEFAULT} //= 60 * $slow;
    $test_max = $ENV{TANIST_TEST_MAX} // 900 * $slow;

    # A test that hangs must still stop its servers, so the alarm dies instead of killing.
    $SIG{ALRM} = sub { die "the test took longer than $test_max s (TANIST_TEST_MAX)\n" };
    $SIG{TERM} = $SIG{INT} = sub { die "stopped by SIG$_[0]\n" };
    alarm $test_max;
    delete @ENV{ grep { /^TANIST_/ && !/^TANIST_(?:BUILD|TEST_MAX|WRAPPER|KEEP|CONSISTENCY_READS)$/ } keys %ENV };
}

# Polls `$code` until it is true; returns that value, or nothing after `$seconds`.
sub poll_until
{
    my ($code, $seconds) = @_;
    my $end = time + ($seconds // $timeout);
    my $pause = 0.005;
    while (1) {
        my $r = $code->();
        return $r if $r;
        return if time > $end;
        sleep $pause;
        $pause = $pause * 1.5 if $pause < 0.1;
    }
}

# A function that says how many seconds are left of `$seconds`.
sub deadline
{
    my $end = time + ($_[0] // $timeout);
    return sub { my $left = $end - time; $left > 0 ? $left : 0 };
}

# Lines of a daemon's log that a sanitizer, valgrind or BUG_ON wrote.
sub sanitizer_reports
{
    my ($text) = @_;
    return grep {
        /ERROR: (?:Address|Leak|UndefinedBehavior)Sanitizer|WARNING: ThreadSanitizer|runtime error:|^BUG\b|event=bug\b|== ERROR SUMMARY: [1-9]/
    } split /\n/, $text;
}

1;
