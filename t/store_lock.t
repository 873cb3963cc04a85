#!/usr/bin/perl

# A second nginx on the same store is refused with a sentence; what belongs to the first one is not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new;
my $session = $r->open_session;

my $other = Test::Mcp::Recorder->new(start => 0);
my ($own, $shared) = ($other->store, $r->store);
my $conf = $other->read_file('nginx.conf') =~ s/\Q$own\E/$shared/r;
$other->write_file('nginx.conf', $conf);
my $said = $other->run_fails;
like($said, qr/\[emerg\].*mcp_sessions_store.*\Q$shared\E/s, 'a second nginx is refused');
$other->expect_log(qr/mcp_sessions_store/);

my ($exit, $output) = $r->nginx_t($r->read_file('nginx.conf'));
is($exit, 0, 'nginx -t passes while nginx runs') or diag($output);
ok($r->reload, 'a reload passes');
$r->upgrade;
is($r->call('echo', {}, session => $session)->{status}, 200, 'a binary upgrade passes');
$r->quit;
$other->run;
pass('once the first has ended, the second may');

Test::Mcp::done_testing();
