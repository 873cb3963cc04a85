#!/usr/bin/perl

# Hostile answers pass byte for byte, crash nothing, and records say what was seen.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use FindBin;
use IO::Compress::Gzip qw(gzip);
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $result = '{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"done"}]}}';
my $gzip = sub { my ($in) = @_; gzip(\$in => \my $out); $out };
my $event = sub { "event: message\r\ndata: $_[0]\r\n\r\n" };

# name => [content type, bytes with %ID%, outcome that is recorded (undef: any), pieces, headers]
my %answers = (
    'truncated' => ['application/json', '{"jsonrpc":"2.0","id":%ID%,"result":{"cont', 'unobserved'],
    'empty' => ['application/json', '', 'unobserved'],
    'nested' => ['application/json', '{"jsonrpc":"2.0","id":%ID%,"result":' . ('[' x 100_000) . (']' x 100_000) . '}'],
    'deep garbage' => ['application/json', '[' x 200_000],
    'duplicate keys' => ['application/json', '{"jsonrpc":"2.0","id":%ID%,"id":99,"result":{},"result":{"isError":true},"error":{"code":1}}'],
    'invalid UTF-8' => ['application/json', qq({"jsonrpc":"2.0","id":%ID%,"result":{"content":[{"text":"\xff\xc0\x80"}]}})],
    'lone surrogate' => ['application/json', '{"jsonrpc":"2.0","id":%ID%,"result":{"content":"\udfff"}}'],
    'mark' => ['application/json', "\xef\xbb\xbf" . '{"jsonrpc":"2.0","id":%ID%,"result":{}}'],
    'nul' => ['application/json', "{\"jsonrpc\":\"2.0\",\"id\":%ID%,\"result\":{}}\0\0\0"],
    'NaN' => ['application/json', '{"jsonrpc":"2.0","id":%ID%,"result":{"a":NaN}}'],
    'another id' => ['application/json', '{"jsonrpc":"2.0","id":123456789,"result":{}}'],
    'an error' => ['application/json', '{"jsonrpc":"2.0","id":%ID%,"error":{"code":-32603,"message":"no"}}', 'rpc_error'],
    'an odd error' => ['application/json', '{"jsonrpc":"2.0","id":%ID%,"error":"text"}'],
    'a huge error code' => ['application/json', '{"jsonrpc":"2.0","id":%ID%,"error":{"code":1e400,"message":{}}}'],
    'html' => ['text/html', '<html>not here</html>', 'unobserved'],
    'no type' => [undef, $result],
    'lying type' => ['text/event-stream', $result],
    'lying stream' => ['application/json', $event->($result)],
    'large' => ['application/json', '{"jsonrpc":"2.0","id":%ID%,"result":{"content":[{"type":"text","text":"' . ('x' x 5_000_000) . '"}]}}'],
    'keys' => ['application/json', '{"jsonrpc":"2.0","id":%ID%,"result":{' . join(',', map { qq("k$_":[]) } 1 .. 20_000) . '}}', 'ok'],
    'batch' => ['application/json', '[' . join(',', map { qq({"jsonrpc":"2.0","id":"x$_","result":{}}) } 1 .. 10_000) . ',{"jsonrpc":"2.0","id":%ID%,"result":{}}]'],
    'a good one' => ['application/json', $result, 'ok'],
    'gzip' => ['application/json', $gzip->($result), 'ok', undef, ['Content-Encoding' => 'gzip']],
    'half gzip' => ['application/json', substr($gzip->($result), 0, 30), 'unobserved', undef, ['Content-Encoding' => 'gzip']],
    'unknown coding' => ['application/json', 'x' x 500, 'unobserved', undef, ['Content-Encoding' => 'zstd']],
    'stream' => ['text/event-stream', $event->($result), 'ok'],
    'stream, LF' => ['text/event-stream', "data: $result\n\n", 'ok'],
    'stream, CR' => ['text/event-stream', "data: $result\r\r", 'ok'],
    'stream by bytes' => ['text/event-stream', $event->($result), 'ok', 1],
    'stream, data in lines' => ['text/event-stream', join('', map { "data: $_\n" } '{"jsonrpc":"2.0",', '"id":%ID%,', '"result":{}}') . "\n", 'ok'],
    'stream, comments and empty events' => ['text/event-stream', ": hi\n\nid: 1\ndata:\n\n: there\n\n" . $event->($result), 'ok'],
    'stream with a mark' => ['text/event-stream', "\xef\xbb\xbf" . $event->($result), 'ok'],
    'stream, gzip' => ['text/event-stream', $gzip->($event->($result)), 'ok', undef, ['Content-Encoding' => 'gzip']],
    'stream cut in an event' => ['text/event-stream', "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":%ID%,\"resu", undef],
    'stream of nothing' => ['text/event-stream', '', undef],
    'stream, one event of 300 kB' => ['text/event-stream', $event->('{"jsonrpc":"2.0","id":%ID%,"result":{"content":[{"text":"' . ('x' x 300_000) . '"}]}}'), 'ok', 4096],
    'stream, an event over the limit' => ['text/event-stream', $event->('{"a":"' . ('x' x 3_000_000) . '"}') . $event->($result), 'ok', 65536],
    'stream, 8 MB without a newline' => ['text/event-stream', 'data: ' . ('x' x (8 << 20)), undef, 65536],
    'stream, 1,000,000 newlines' => ['text/event-stream', ("\n" x 1_000_000) . $event->($result), 'ok', 65536],
);
my @names = sort keys %answers;
my %number = map { $names[$_] => $_ + 1 } 0 .. $#names;

# Gzipped answers are made with their id in them.
sub bytes_of {
    my ($name) = @_;
    my (undef, $bytes, undef, undef, $headers) = @{ $answers{$name} };
    my $id = $number{$name};
    my $plain = $headers && $headers->[1] eq 'gzip' && $name !~ /half/;
    if ($plain) {
        IO::Uncompress::Gunzip::gunzip(\$bytes => \my $out);
        $bytes = $out;
    }
    $bytes =~ s/%d|%ID%/$id/g;
    return $plain ? $gzip->($bytes) : $bytes;
}
require IO::Uncompress::Gunzip;
my %bytes = map { $_ => bytes_of($_) } @names;

my $r = Test::Mcp::Recorder->new(upstream => {
    '' => sub {
        my ($c, $request) = @_;
        my ($number) = $request->{header}{'x-number'} // '';
        return Test::Mcp::Upstream->mcp->($c, $request) unless $number;
        my $name = $names[$number - 1];
        my ($type, undef, undef, $size, $headers) = @{ $answers{$name} };
        return $c->reply(200, $type, $bytes{$name}, @{ $headers // [] }) unless $size;
        $c->head(200, $type, @{ $headers // [] });
        $c->chunk($_) for unpack "(a$size)*", $bytes{$name};
    },
});
my ($worker) = $r->worker_pids;

for my $name (@names) {
    my $answer = $r->call("t$number{$name}", {}, id => $number{$name}, headers => ['X-Number' => $number{$name}], timeout => 60);
    is($answer->{status}, 200, "$name: answered");
    is(sha256_hex($answer->{body}), sha256_hex($bytes{$name}), "$name: its bytes passed");
    ok($answer->{complete}, "$name: to its end");
}

my $rows = $r->recorded('select * from calls');
my %by_id = map { ($_->{rpc_id} // '') => $_ } @$rows;
for my $name (@names) {
    my $row = $by_id{ $number{$name} };
    ok($row, "$name: recorded") or next;
    my $expected = $answers{$name}[2];
    is($row->{outcome}, $expected, "$name: its outcome") if $expected;
}
is($by_id{ $number{'large'} }{coverage_response}, 'truncated', 'a large answer is recorded as truncated');
is($by_id{ $number{'unknown coding'} }{coverage_response}, 'undecoded', 'an unknown coding as undecoded');
is($by_id{ $number{'an error'} }{error_code}, -32603, 'an error with its code');
isnt($by_id{ $number{'another id'} }{outcome}, 'ok', 'the answer to another id answers nothing');
is(scalar(@$rows), @names + 1, 'each exchange is one call');

is(join(' ', $r->worker_pids), $worker, 'the worker is the one from before');
$r->accounted('every exchange is accounted for', dropped => 0);
is($r->status->{panics}, 0, 'no bug was caught');
$r->stop;
$r->integrity;

$r->done_testing;
