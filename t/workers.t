#!/usr/bin/perl

# Sixteen workers write one day, and every call is there once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(workers => 16);
$r->wait_until(sub { $r->worker_pids == 16 }, 'sixteen workers');
my $session = $r->open_session;
my $made = 0;
for (1 .. 400) {
    $made++ if $r->call('echo', {}, id => $made + 1, session => $session)->{status} == 200;
}
is($made, 400, 'all were answered');
my $rows = $r->records(q{select count(*) as n, count(distinct rpc_id) as ids from calls where method = 'tools/call'},
    until => sub { $_[0][0]{n} >= $made });
is($rows->[0]{n}, $made, 'every call is recorded');
is($rows->[0]{ids}, $made, 'and each once');
my $parts = $r->records(q{select session_id, calls from sessions where id_source = 'header'}, until => sub { 1 });
is(scalar @$parts, 1, 'the session is one part');
is($parts->[0]{calls}, 402, 'which counts them all');
$r->accounted('every exchange is accounted for', dropped => 0);
$r->integrity;

Test::Mcp::done_testing();
