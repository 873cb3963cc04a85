#!/usr/bin/perl

# Another program holds the day's lock: traffic goes on, and what came meanwhile is written after it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use DBI;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(workers => 2);
my $session = $r->open_session;
$r->records('select 1 from calls', count => 2);

# For a minute where there is time, else until enough has piled up.
my $hold_seconds = $ENV{TEST_MCP_SLOW} ? 60 : 0;
my ($day) = $r->days;
my $db = DBI->connect("dbi:SQLite:dbname=$day", '', '', { RaiseError => 1, PrintError => 0 });
$db->sqlite_busy_timeout(10_000);
$db->do('begin immediate');
my $until = time + $hold_seconds;
my $made = 0;
do {
    is($r->call('echo', {}, id => ++$made, session => $session)->{status}, 200, "call $made passes") for 1 .. 20;
    select undef, undef, undef, 1 if $hold_seconds;
} while time < $until;
cmp_ok($r->status->{exchanges_queued}, '>', 0, 'calls wait');
$db->do('rollback');
$db->disconnect;

my $rows = $r->records(q{select count(*) as n, count(distinct rpc_id) as ids from calls where method = 'tools/call'},
    until => sub { $_[0][0]{n} >= $made });
is($rows->[0]{n}, $made, 'all are written once the lock is free');
is($rows->[0]{ids}, $made, 'and each once');
$r->accounted('every exchange is accounted for', dropped => 0);
$r->integrity;

Test::Mcp::done_testing();
