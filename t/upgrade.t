#!/usr/bin/perl

# A binary upgrade: the old nginx and the new one write the same day, and nothing is lost.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;
use Test::Mcp::Load;

my $r = Test::Mcp::Recorder->new(workers => 2);
my $session = $r->open_session;
my $load = Test::Mcp::Load->start($r, session => $session);
$r->wait_until(sub { $load->made >= 20 }, 'calls');
$r->upgrade(sub {
    my $before = $load->made;
    $r->wait_until(sub { $load->made > $before + 20 }, 'calls while both run');
});
my $before = $load->made;
$r->wait_until(sub { $load->made > $before + 20 }, 'calls to the new one');
my $made = $load->stop;
my $rows = $r->records(q{select count(*) as n, count(distinct rpc_id) as ids from calls where method = 'tools/call'},
    until => sub { $_[0][0]{n} >= $made });
is($rows->[0]{n}, $made, 'every call is recorded');
is($rows->[0]{ids}, $made, 'and each once');
is($r->records('select count(*) as n from sessions')->[0]{n}, 1, 'in one session');
$r->integrity;

Test::Mcp::done_testing();
