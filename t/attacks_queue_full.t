#!/usr/bin/perl

# A full queue has room left for attacks: while other exchanges are dropped, what a control objects to is recorded,
# until that room is full as well. What is dropped is counted, and blocked all the same.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use DBI;
use Test::More;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(store => 'flush=20ms min_free=0 queue=1m', server => <<'SERVER', location => 'mcp_mode block;');
        mcp_acl "no drops" { primitives drop*; deny all; }
        location /watch { mcp_sessions on; proxy_pass http://127.0.0.1:%%PORT_2%%; }
SERVER
my $session = $r->open_session;
$r->call('echo', {}, path => '/watch');
$r->records('select 1 from calls', count => 3);
my ($day) = $r->days;
my $db = DBI->connect("dbi:SQLite:dbname=$day", '', '', { RaiseError => 1, PrintError => 0 });
$db->sqlite_busy_timeout(10_000);
$db->do('begin immediate');

my $id = 10;
my $dropped = sub { return $r->status->{exchanges_dropped}{queue_full} };
my $pad = 50_000;
$r->wait_until(sub {
    my $before = $dropped->();
    $r->call('echo', { text => 'z' x $pad }, id => ++$id, session => $session) for 1 .. 5;
    # The last room is taken by smaller ones.
    return 0 if $dropped->() - $before < 5;
    return 1 if $pad <= 50;
    $pad = int $pad / 10;
    return 0;
}, 'a full queue', 60);

my $before = $dropped->();
my (@blocked, @watched);
for (1 .. 20) {
    # Each in a session of its own: the same attack again would only be counted.
    my $answer = $r->call('drop_all', { n => 1 }, id => ++$id, session => "blocked-$id");
    push @blocked, $id if $answer->{body} =~ /"code":-32010/;
    $answer = $r->call('drop_all', { n => 1 }, id => ++$id, session => "watched-$id", path => '/watch');
    push @watched, $id if $answer->{status} == 200;
}
is(@blocked, 20, 'while the queue is full, calls are blocked');
is($dropped->() - $before, 20, 'none of them is dropped, only what the writer would have found itself');

# Until that room is full, too.
my $count = 0;
$r->wait_until(sub {
    my $lost = $dropped->();
    my $answer = $r->call('drop_all', { text => 'z' x 20_000 }, id => ++$id, session => "flood-$id");
    die "a call passed: $answer->{raw}\n" unless $answer->{body} =~ /"code":-32010/;
    $count++;
    return $dropped->() > $lost;
}, 'the end of the room for attacks', 60);
cmp_ok($count, '<', 100, 'their room is bounded, and what is beyond is counted');

$db->do('rollback');
$db->disconnect;
$r->settled;
my $rows = $r->records(q{select rpc_id from calls where outcome = 'blocked' order by call}, until => sub { @{ $_[0] } >= 20 });
my %found = map { $_->{rpc_id} => 1 } @$rows;
is(scalar(grep { !$found{$_} } @blocked), 0, 'every blocked call of before is recorded');
is($r->query(q{select sum(count) as n from attacks where action = 'blocked'})->[0]{n}, @$rows, '... with its attack');
$r->accounted('every exchange is accounted for');
$r->integrity;
$r->done_testing;
