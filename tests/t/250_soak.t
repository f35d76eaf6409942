# The short soak: a hundred clients on twenty servers, every answer compared with what the client knows of its session.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use TanistCluster; # before the program, as its modules want to be loaded at compile time
use Tanist;

@ARGV = (15, 100) unless @ARGV;
my $done = do "$FindBin::RealBin/../soak/run";
die $@ || $! unless defined $done;
