#!/usr/bin/perl

# SIGKILL of a worker: what it had not written is counted as killed, and the file is intact.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(store => 'flush=10s min_free=0');
my $session = $r->open_session;
$r->call('echo', {}, id => $_, session => $session) for 1 .. 30;
is($r->status->{exchanges_queued}, 32, 'nothing is flushed yet');
$r->kill_worker($r->worker_pids);
my $status;
$r->wait_until(sub { ($status = $r->status)->{exchanges_killed} > 0 }, 'the successor to count');
is($status->{exchanges_killed}, 32, 'what was not written is counted as killed');
$r->configure(store => 'flush=20ms min_free=0');
$r->reload(wait_old => 1);
my $next = $r->open_session;
$r->call('echo', {}, id => $_, session => $next) for 1 .. 20;
$r->records(q{select count(*) as n from calls where method = 'tools/call'}, until => sub { $_[0][0]{n} >= 20 });
$r->settled;
$r->kill_worker($r->worker_pids);
$r->call('echo', {}, id => 21, session => $next);
is($r->records(q{select count(*) as n from calls where method = 'tools/call'}, until => sub { $_[0][0]{n} >= 21 })->[0]{n},
    21, 'what was written is there, and recording goes on');
is($r->settled->{exchanges_killed}, 32, 'what was written is not counted as killed');
$r->accounted('every exchange is accounted for', dropped => 0, calls => 0);
$r->integrity;

# Master and workers at once: the files are whole, and the next nginx goes on with the day.
$r->kill_all;
$r->run;
$r->integrity('the databases are intact after SIGKILL of all');
$r->call('echo', {}, id => 22, session => $next);
is($r->records(q{select count(*) as n from calls where method = 'tools/call'}, until => sub { $_[0][0]{n} >= 22 })->[0]{n},
    22, 'the day goes on');

Test::Mcp::done_testing();
