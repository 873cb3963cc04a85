#!/usr/bin/perl

# Midnight UTC passes while calls are recorded, and the clock jumps back and forth: every call is
# recorded once, durations are those that passed, and no day is taken for an old one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use POSIX 'strftime';
use Test::Mcp::Recorder;
use Time::HiRes qw(sleep time);

my ($faketime) = glob '/usr/lib/*/faketime/libfaketimeMT.so.1';
plan skip_all => 'libfaketime is not installed' unless $faketime;

# nginx with a wall clock of its own: as far from the real one as the file says at the moment.
my %clock = (FAKETIME_NO_CACHE => 1, FAKETIME_DONT_FAKE_MONOTONIC => 1);
my $r = Test::Mcp::Recorder->new(
    start => 0, workers => 2, main => join(' ', map { "env $_;" } 'FAKETIME_TIMESTAMP_FILE', sort keys %clock),
);
my $offset = 0;

sub jump {
    my ($seconds) = @_;
    $offset += $seconds;
    $r->write_file('clock.new', sprintf "%+.6f\n", $offset);
    rename $r->dir . '/clock.new', $r->dir . '/clock' or die "rename: $!\n";
    return;
}

sub wall { return time + $offset }
sub day { my ($days) = @_; return strftime('%Y-%m-%d', gmtime($days * 86_400)) }

# It begins shortly before the midnight that comes next, whatever the real time is.
my $midnight = 86_400 * (1 + int(time / 86_400));
jump($midnight - time - 2.5);
{
    my %before = map { $_ => 1 } glob '/dev/shm/*faketime*';
    local @ENV{ 'LD_PRELOAD', 'FAKETIME_TIMESTAMP_FILE', keys %clock } =
        ($faketime, $r->dir . '/clock', values %clock);
    $r->run;
    # The library leaves these behind; who has them open needs no name.
    unlink grep { !$before{$_} && -o $_ } glob '/dev/shm/*faketime*';
}
my $today = $midnight / 86_400 - 1;
my $id = 0;

sub call {
    my ($session) = @_;
    my $answer = $r->call('echo', {}, id => ++$id, session => $session);
    die "traffic stopped: $answer->{status}\n" unless $answer->{status} == 200;
    return;
}

my $session = $r->open_session;
# At least a second of them, and on a slow machine as many as are asked for below.
my $after = 0;
do { call($session); $after += wall() >= $midnight; sleep 0.01 } while wall() < $midnight + 1 || $after < 15;
$r->written($id + 2);
is_deeply([map { m{([^/]+)\.db$} } $r->days], [day($today), day($today + 1)], 'midnight began a new file');
my $rows = $r->query(q{select min(at) as first, max(at) as last, count(*) as n from calls});
is(substr($rows->[0]{first}, 0, 10), day($today), 'the first has the calls before it');
is(substr($rows->[0]{last}, 0, 10), day($today), 'and no others');
is(substr($rows->[1]{first}, 0, 10), day($today + 1), 'the second has those after it');
cmp_ok($rows->[1]{n}, '>', 10, 'some of them');
is($rows->[0]{n} + $rows->[1]{n}, $id + 2, 'none is lost');
$rows = $r->query('select session_id, calls from sessions');
is_deeply([map { $_->{session_id} } @$rows], [$session, $session], 'the session goes on in the new file');
is($rows->[0]{calls} + $rows->[1]{calls}, $id + 2, 'with the sums of each');
$r->accounted('every exchange is accounted for over midnight', dropped => 0);

# An hour and a day back and forth, and far into the future for a moment.
my $started = time;
my @jumps = (-3600, 3600, -86_400, 2 * 86_400, -86_400, 300 * 86_400, -300 * 86_400);
for my $jump (@jumps) {
    jump($jump);
    # Those that come at once, and those that come when the jump has been noticed everywhere.
    call($session) for 1 .. 15;
    sleep 1.1;
    call($session) for 1 .. 15;
    $r->written($id + 2);
}
$rows = $r->query('select count(*) as n, count(distinct rpc_id) as ids, max(duration_ms) as longest, '
    . 'min(duration_ms) as shortest from calls where rpc_id > 0');
my ($n, $ids, $longest, $shortest) = (0, 0, 0, 0);
for my $row (grep { $_->{n} } @$rows) {
    ($n, $ids) = ($n + $row->{n}, $ids + $row->{ids});
    $longest = $row->{longest} if $row->{longest} > $longest;
    $shortest = $row->{shortest} if $row->{shortest} < $shortest;
}
is($n, $id, 'however the clock jumps, every call is recorded');
is($ids, $id, 'and once');
cmp_ok($longest, '<', 1000 * (time - $started), 'none took longer than the test');
cmp_ok($shortest, '>=', 0, 'none took less than no time');
is(scalar(grep { -e $r->store . '/' . day($today + $_) . '.db' } 0 .. 2), 3, 'no day was taken for an old one');
is($r->status->{exchanges_written}, $id + 2, 'all are written');
$r->accounted('every exchange is still accounted for', dropped => 0);
$r->integrity;
unlike($r->error_log, qr/mcp_sessions: /, 'and there was nothing to tell');

Test::Mcp::done_testing();
