#!/usr/bin/perl

# Another program keeps a snapshot of the day open while traffic is recorded: nothing is lost and
# nobody else notices. The WAL grows meanwhile; once the reader has ended, it is begun anew and cut.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use DBI;
use Test::Mcp::Recorder;

my $call_bytes = 1_000_000;
# What a WAL is cut to: src/store/day.rs, WAL_BYTES_KEPT.
my $wal_bytes_kept = 2 * 5000 * 8192;
my $calls = int(1.2 * $wal_bytes_kept / $call_bytes);

my $upstream = sub {
    my ($c, $request) = @_;
    my ($id) = $request->{body} =~ /"id":(\d+)/ or return $c->reply(202, undef, '');
    return $c->reply(200, 'application/json', qq({"jsonrpc":"2.0","id":$id,"result":{"content":[]}}));
};
my $r = Test::Mcp::Recorder->new(
    upstream => $upstream, http => 'client_body_buffer_size 2m;',
    location => 'mcp_capture arguments=unmasked limit=1m;',
);
$r->call('echo', {}, id => 1);
$r->records('select 1 from calls', count => 1);
my ($day) = $r->days;
my $wal_bytes = sub { -s "$day-wal" // 0 };

# The reader: one transaction from here to there, in a process of its own.
my $count = q{select count(*) from calls};
my $reader = fork // die "fork: $!\n";
if (!$reader) {
    my $db = DBI->connect("dbi:SQLite:dbname=$day", '', '', { RaiseError => 1, PrintError => 0 });
    $db->do('begin');
    my ($before) = $db->selectrow_array($count);
    $r->write_file('reader-began', $before);
    $r->wait_until(sub { -e $r->dir . '/reader-may-end' }, 'the word to end', 300);
    my ($after) = $db->selectrow_array($count);
    $db->do('rollback');
    $db->disconnect;
    $r->write_file('reader-ended', "$before $after");
    POSIX::_exit(0);
}
$r->waitforfile('reader-began');

my $text = join '', map { chr(97 + $_ % 26) } 1 .. $call_bytes;
for my $id (2 .. $calls) {
    my $answer = $r->call('echo', { text => $text }, id => $id);
    die "traffic stopped: $answer->{status}\n" unless $answer->{status} == 200;
    $r->settled if $id % 10 == 0;
}
$r->written($calls);
cmp_ok($wal_bytes->(), '>', $wal_bytes_kept, 'while the reader stays, the WAL grows');
is($r->records('select count(*) as n from calls')->[0]{n}, $calls, 'who comes later reads all');
$r->accounted('every exchange is accounted for', dropped => 0);

$r->write_file('reader-may-end', '');
waitpid $reader, 0;
is($?, 0, 'the reader ends');
is($r->read_file('reader-ended'), '1 1', 'it has read the same all the while');
my $next = $calls;
$r->wait_until(sub {
    $r->call('echo', {}, id => ++$next);
    $r->written($next);
    return $wal_bytes->() <= $wal_bytes_kept;
}, 'a smaller WAL');
pass('after that the WAL is begun anew, and cut');
cmp_ok(-s $day, '>', 0.9 * $calls * $call_bytes, 'what was in it is in the file');
is($r->records('select count(*) as n from calls')->[0]{n}, $next, 'and can be read');
$r->accounted('every exchange is still accounted for', dropped => 0);
$r->integrity;

Test::Mcp::done_testing();
