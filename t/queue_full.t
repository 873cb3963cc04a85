#!/usr/bin/perl

# A queue that is full drops the newest exchanges, counted and said once; traffic does not notice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use DBI;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(store => 'flush=20ms min_free=0 queue=1m');
my $session = $r->open_session;
$r->records('select 1 from calls', count => 2);
my ($day) = $r->days;
my $db = DBI->connect("dbi:SQLite:dbname=$day", '', '', { RaiseError => 1, PrintError => 0 });
$db->sqlite_busy_timeout(10_000);
$db->do('begin immediate');
my $text = 'z' x 50_000;
my $made = 0;
$r->wait_until(sub {
    my $answer = $r->call('echo', { text => $text }, id => ++$made, session => $session);
    die "traffic stopped: $answer->{status}\n" unless $answer->{status} == 200;
    return $r->status->{exchanges_dropped}{queue_full} >= 5;
}, 'a full queue', 30);
pass('what does not fit is counted as queue_full, and traffic goes on');
$db->do('rollback');
$db->disconnect;
my $status = $r->settled;
my $dropped = $status->{exchanges_dropped}{queue_full};
my $rows = $r->records(q{select count(*) as n from calls where method = 'tools/call'}, until => sub { 1 });
is($rows->[0]{n}, $made - $dropped, 'the rest is recorded');
$r->accounted('every exchange is accounted for');
$r->wait_until(sub { $r->error_log =~ /\[notice\].*exchanges not recorded/ }, 'the line about it');
pass('and said in the error log');

Test::Mcp::done_testing();
