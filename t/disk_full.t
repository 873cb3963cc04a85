#!/usr/bin/perl

# The disk fills up: traffic goes on, what is lost is counted, and recording goes on once there is room.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

plan skip_all => 'a file system of its own takes root' if $>;

my $r = Test::Mcp::Recorder->new(start => 0, store => 'flush=20ms min_free=0');
my $store = $r->store;
my ($user, $group) = (stat $store)[4, 5];
plan skip_all => 'a tmpfs cannot be mounted here'
    if system('mount', '-t', 'tmpfs', '-o', "size=6m,mode=0700,uid=$user,gid=$group", 'mcp-test', $store) != 0;
my $owner = $$;
END { system('umount', '-l', $store) if $store && $owner && $$ == $owner }

$r->expect_log(qr/mcp_sessions/);
$r->run;
my $session = $r->open_session;
$r->records('select 1 from calls', count => 2);

# Most of the room goes to a file that is no one's; the rest to calls.
open my $ballast, '>', "$store/ballast" or die "ballast: $!\n";
1 while syswrite $ballast, 'x' x 65536;
close $ballast;
my $id = 0;
my $text = 'y' x 8000;
$r->wait_until(sub {
    my $answer = $r->call('echo', { text => $text . ++$id }, id => $id, session => $session);
    die "traffic stopped: $answer->{status}\n" unless $answer->{status} == 200;
    return $r->status->{exchanges_dropped}{disk_full} > 0;
}, 'a full disk', 30);
pass('what does not fit is counted as disk_full, and traffic goes on');

unlink "$store/ballast";
my $first = $id + 1;
$r->wait_until(sub {
    $r->call('echo', {}, id => ++$id, session => $session);
    my $rows = eval { $r->records("select count(*) as n from calls where rpc_id >= $first", until => sub { 1 }) };
    return $rows && $rows->[0]{n} > 0;
}, 'recording again', 30);
pass('recording goes on once there is room');
$r->accounted('every exchange is accounted for', calls => 0);
$r->stop;
$r->integrity;

Test::Mcp::done_testing();
