#!/usr/bin/perl

# A fast stop (TERM) under load: what was accepted is written at once, or within the bound of
# docs/operations.md counted as dropped for `shutdown`. The master never has to kill a worker.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use DBI;
use Test::Mcp::Recorder;
use Test::Mcp::Load;
use Time::HiRes 'time';

# A day that another program holds: nothing can be written until it lets go.
sub hold_day {
    my ($r) = @_;
    my ($day) = $r->days;
    my $db = DBI->connect("dbi:SQLite:dbname=$day", '', '', { RaiseError => 1, PrintError => 0 });
    $db->sqlite_busy_timeout(10_000);
    $db->do('begin immediate');
    return $db;
}

# An answer reaches the client a moment before its exchange is accepted.
sub queued {
    my ($r, $n) = @_;
    $r->wait_until(sub { $r->status->{exchanges_queued} == $n }, "$n exchanges in the queue");
    pass("$n exchanges are accepted and cannot be written");
    return;
}

# Nothing is flushed by time before the end.
my $r = Test::Mcp::Recorder->new(workers => 2, store => 'flush=10s min_free=0');
my $session = $r->open_session;
my $load = Test::Mcp::Load->start($r, session => $session);
my $status;
$r->wait_until(sub { ($status = $r->status)->{exchanges_queued} >= 40 }, 'some calls in the queue');
pass('calls are queued, and more come');
my $began = time;
$r->stop;
cmp_ok(time - $began, '<', 3, 'nginx ends at once');
my $made = $load->stop;
# nginx logs an access in the same breath in which the module accepts the exchange.
my $accepted = () = $r->read_file('access.log') =~ m{"POST /mcp}g;
cmp_ok($accepted, '>=', $made, 'calls were answered') or diag("$made made");
my $rows = $r->records(q{select count(*) as n, count(distinct rpc_id) as ids from calls}, until => sub { 1 });
my $more = $rows->[0]{n} - $accepted;
# nginx logs no access for the one that was under way.
ok($more == 0 || $more == 1, 'every exchange that was accepted is recorded') or diag("$rows->[0]{n}, $accepted accepted");
is($rows->[0]{ids}, $rows->[0]{n} - 1, 'and each once') or diag('the notification has no id');
$r->integrity;
unlike($r->error_log, qr/exchanges not recorded/, 'and nothing is said to be lost');

# The master's patience with its workers is 1.5 s: they have to be done before.
$r = Test::Mcp::Recorder->new(workers => 2, store => 'flush=10s min_free=0');
$session = $r->open_session;
$r->reload(wait_old => 1);
my $db = hold_day($r);
$r->call('echo', {}, id => $_, session => $session) for 1 .. 40;
queued($r, 40);
$r->stop;
my $lost = 0;
$lost += $_ for $r->error_log =~ /(\d+) exchanges not recorded, the last for: shutdown/g;
is($lost, 40, 'what could not be written is said in the error log, before nginx ends');
$db->rollback;
$db->disconnect;
$r->integrity;

# The same of one worker, after which the counters are still there.
$r = Test::Mcp::Recorder->new(store => 'flush=20ms min_free=0');
$session = $r->open_session;
$r->settled;
$db = hold_day($r);
$r->call('echo', {}, id => $_, session => $session) for 1 .. 40;
queued($r, 40);
$r->kill_worker($r->worker_pids, 'TERM');
$db->rollback;
$db->disconnect;
$r->call('echo', {}, id => 41, session => $session);
$status = $r->settled;
is($status->{exchanges_dropped}{shutdown}, 40, 'what could not be written is counted');
is($status->{exchanges_killed}, 0, 'and not as killed');
is($r->records(q{select group_concat(rpc_id) as ids from calls where method = 'tools/call'})->[0]{ids}, 41,
    'recording goes on with the next worker');
$r->accounted('every exchange is accounted for', dropped => 40);
$r->integrity;

Test::Mcp::done_testing();
