# The binary as a user first meets it: version, help, exit codes, the sample configuration.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TestEnv qw($top $binary);
use Tanist;
use Test::More;

ok(-x $binary, 'the binary is built') or BAIL_OUT("no $binary: run 'make'");

my ($rc, $out, $err) = Tanist::run_cli('--version');
is($rc, 0, '--version: exit code');
like($out, qr/^tanist \d+\.\d+\S*\s/, '--version: name and number on stdout');
is($err, '', '--version: nothing on stderr');

($rc, $out, $err) = Tanist::run_cli('--help');
is($rc, 0, '--help: exit code');
for my $command (qw(serve check status topology events pools switchover failover reload stop config)) {
    like($out, qr/^\s+.*\b$command\b/m, "--help names $command");
}

($rc, $out, $err) = Tanist::run_cli('no-such-command');
is($rc, 1, 'an unknown command: exit code 1');
like($err, qr/no-such-command/, 'and it is named on stderr');
is($out, '', 'and stdout stays empty');

($rc, $out, $err) = Tanist::run_cli('config', 'sample');
is($rc, 0, 'config sample: exit code');
like($out, qr/^\[routing\]$/m, 'config sample has a [routing] section');
open my $in, '<', "$top/conf/tanist.conf.sample" or die "conf/tanist.conf.sample: $!\n";
is($out, do { local $/; <$in> }, 'conf/tanist.conf.sample is what config sample prints');

($rc, $out, $err) = Tanist::run_cli('check', '-c', "$top/conf/tanist.conf.sample");
is($rc, 0, 'check accepts the sample file') or diag($err);

my $dir  = PostgreSQL::Test::Utils::tempdir();
my $file = "$dir/bad.conf";
open my $w, '>', $file or die;
print $w "[routing]\nmax_lagg = 1s\nmax_lag_bytes = 16 parsecs\n[nonsense]\nx = 1\n";
close $w;
($rc, $out, $err) = Tanist::run_cli('check', '-c', $file);
is($rc, 1, 'check refuses a bad file with exit code 1');
like($err, qr/^\Q$file\E:2:\d+: .*max_lag/m, 'an unknown setting: file, line, column and a suggestion');
like($err, qr/^\Q$file\E:3:\d+: /m, 'a bad unit in the same run');
like($err, qr/^\Q$file\E:4:\d+: .*nonsense/m, 'an unknown section in the same run');

($rc, $out, $err) = Tanist::run_cli('check', '-c', "$dir/none.conf");
is($rc, 1, 'check: no such file');
like($err, qr/none\.conf/, 'and it is named');

done_testing();
