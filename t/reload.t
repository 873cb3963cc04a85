#!/usr/bin/perl

# A reload, again and again under load, loses no record and doubles none.

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
for my $round (1 .. 8) {
    my $before = $load->made;
    ok($r->reload, "reload $round");
    $r->wait_until(sub { $load->made > $before + 5 }, 'calls go on');
}
my $made = $load->stop;
cmp_ok($made, '>', 40, 'calls were made all the while');
my $rows = $r->records(q{select count(*) as n, count(distinct rpc_id) as ids from calls where method = 'tools/call'},
    until => sub { $_[0][0]{n} >= $made });
is($rows->[0]{n}, $made, 'every call is recorded');
is($rows->[0]{ids}, $made, 'and each once');
is($r->records('select count(*) as n from sessions')->[0]{n}, 1, 'in one session');
$r->accounted('every exchange is accounted for', dropped => 0);
$r->integrity;

Test::Mcp::done_testing();
