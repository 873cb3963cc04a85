#!/usr/bin/perl

# A graceful quit writes everything that was accepted, at once after the last answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;
use Test::Mcp::Load;

# Nothing is flushed by time before the end.
my $r = Test::Mcp::Recorder->new(workers => 2, store => 'flush=10s min_free=0');
my $session = $r->open_session;
my $load = Test::Mcp::Load->start($r, session => $session);
$r->wait_until(sub { $load->made >= 200 }, '200 calls');
my $made = $load->stop;
$r->quit;
my $rows = $r->records(q{select count(*) as n, count(distinct rpc_id) as ids from calls where method = 'tools/call'},
    until => sub { 1 });
is($rows->[0]{n}, $made, 'every call is recorded when nginx has ended');
is($rows->[0]{ids}, $made, 'and each once');
$r->integrity;

Test::Mcp::done_testing();
