#!/usr/bin/perl

# Clients that are slow, stall, go away or come in crowds: exports wait for them, threads and the event
# loop do not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Test::More;
use Test::Mcp::Api;
use Test::Mcp::Recorder;
use Test::Mcp::Load;
use Time::HiRes qw(time);

my $r = Test::Mcp::Recorder->new(
    # Perl reads large JSON slowly.
    upstream => sub {
        my ($c, $request) = @_;
        my ($id) = $request->{body} =~ /"id":("[^"]*"|\d+)/;
        return $c->reply(200, 'application/json', qq({"jsonrpc":"2.0","id":$id,"result":{"content":[{"type":"text","text":") . 'r' x 8_000 . '"}]}}');
    },
    location => 'mcp_capture results=masked;',
    server => <<'CONF',
    location /c/ { mcp_console; }
    location /limited/ { mcp_console; limit_rate 2m; }
    location /gzip/ { mcp_console; gzip on; gzip_types *; gzip_proxied any; }
CONF
    http => 'send_timeout 60s;',
    servers => 'server { listen 127.0.0.1:%%PORT_3%% http2; location /c/ { mcp_console; } }',
);
# Some 20 MB to export.
my $calls = 1_500;
my $socket;
my $pad = 'p' x 8_000;
for my $id (1 .. $calls) {
    # nginx closes a connection after a thousand requests.
    $socket = $r->open_connection if $id % 500 == 1;
    $r->http_raw($r->request('POST', '/mcp', keep => 1, headers => $r->mcp_headers(session => 's-' . $id % 5),
        body => qq({"jsonrpc":"2.0","id":$id,"method":"tools/call","params":{"name":"echo","arguments":{"pad":"$pad"}}})),
        socket => $socket, until => qr/\]\}\}\z/);
}
close $socket;
$r->recorded('select 1');
my ($stored) = map { $_->{n} } @{ $r->query('select count(*) as n from calls') };
cmp_ok($stored, '>=', $calls, 'there is something to export');
my $export = '/c/api/v1/calls?format=ndjson';

sub lines { return scalar(() = $_[0] =~ /\n/g) }

sub memory_kib {
    my ($pid) = $r->worker_pids;
    my ($kib) = $r->read_file("/proc/$pid/status") =~ /VmRSS:\s+(\d+)/;
    return $kib;
}

# Whole exports.
my $whole = $r->http('GET', $export);
is(lines($whole->{body}), $stored, 'every call is exported');
ok($whole->{complete}, '... to the end');
cmp_ok(length $whole->{body}, '>', 15 << 20, '... which is much');
# Files that were opened are kept open, with their pages.
my $before = memory_kib();
$r->http('GET', $export) for 1 .. 3;
cmp_ok(memory_kib() - $before, '<', 12 << 10, '... with little memory');
my @lines = split /\n/, $whole->{body};
is(scalar(grep { !/^\{"id":"[^"]+".*\}$/ } @lines), 0, '... a call a line');
ok(eval { decode_json($_) }, '... which is JSON') for @lines[0, 700, -1];
my $again = $r->http('GET', $export);
ok($again->{body} eq $whole->{body}, '... the same the second time');
my $limited = $r->http('GET', '/limited/api/v1/calls?format=ndjson');
ok($limited->{body} eq $whole->{body}, 'limit_rate slows it down, no more');
my $small = $r->http('GET', '/gzip/api/v1/calls?format=ndjson', headers => ['Accept-Encoding' => 'gzip']);
is($small->{headers}{'content-encoding'}, 'gzip', 'nginx may compress it');
$r->write_file('small.gz', $small->{body});
is(scalar(`gunzip -c < ${\$r->dir}/small.gz` =~ tr/\n//), $stored, '... as a stream');

SKIP: {
    skip('curl without HTTP/2', 2) unless `curl --version` =~ /HTTP2/;
    my $url = 'http://127.0.0.1:' . $r->port(3) . $export;
    is(scalar(`curl -s --http2-prior-knowledge '$url'` =~ tr/\n//), $stored, 'the same over HTTP/2');
    is(scalar(`curl -s --http2-prior-knowledge --limit-rate 20M '$url'` =~ tr/\n//), $stored, '... for a slow client');
}

# A client that reads nothing.
my @stalled = map {
    my $socket = $r->open_connection(receive_buffer => 4096);
    syswrite $socket, $r->request('GET', $export);
    $socket;
} 1 .. 8;
my $busy;
$r->wait_until(sub { $busy = $r->http('GET', $export, timeout => 5); $busy->{status} == 503 }, 'the bound of exports');
is($busy->{headers}{'retry-after'}, 1, 'when as many exports as may be are under way, others come later');
is($busy->{headers}{'content-type'}, 'application/problem+json', '... and are told why');
my $began = time;
is($r->http('GET', '/c/api/v1/sessions')->{status}, 200, 'stalled clients keep nobody waiting') for 1 .. 10;
cmp_ok(time - $began, '<', 5, '... who asks for a list');
is($r->call('echo', {}, id => 1)->{status}, 200, '... nor the traffic');
# One of them wakes up.
my $late = shift @stalled;
my $got = $r->http_raw('', socket => $late);
is(lines(Test::Mcp::Http::parse_response($got, 'GET')->{body}), $stored, 'one that wakes up gets all of it');
close $late;
$r->reset_connection($_) for @stalled;
ok($r->wait_until(sub { $r->http('HEAD', $export)->{status} == 200 }, 'room for exports'), 'those that go give room');

# Crowds: more questions than may wait are told to come later, the others are answered.
my @crowd = map { $r->open_connection } 1 .. 200;
my $slow = '/c/api/v1/sessions?limit=500&q=' . 'x' x 200;
syswrite $_, $r->request('GET', $slow) for @crowd;
my %statuses;
for my $one (@crowd) {
    my $answer = Test::Mcp::Http::parse_response($r->http_raw('', socket => $one), 'GET');
    $statuses{ $answer->{status} }++;
    close $one;
}
is_deeply([grep { $_ != 200 && $_ != 503 } keys %statuses], [], 'a crowd is answered or told to come later') or diag(explain(\%statuses));
cmp_ok($statuses{200} // 0, '>=', 64, '... most are answered');
is($r->http('GET', '/c/api/v1/stats')->{status}, 200, 'and all is well afterwards');

# Whole crowds that go away before they are answered.
for (1 .. 3) {
    my @gone = map { $r->open_connection } 1 .. 60;
    syswrite $_, $r->request('GET', $slow) for @gone;
    $r->reset_connection($_) for @gone;
}
ok($r->wait_until(sub { $r->http('GET', $slow)->{status} == 200 }, 'an answer'), 'clients that go away leave nothing behind');

# TERM in the middle of exports.
my $cut = $r->open_connection(receive_buffer => 4096);
syswrite $cut, $r->request('GET', $export);
sysread $cut, my $beginning, 100;
$began = time;
$r->stop;
cmp_ok(time - $began, '<', 8, 'exports do not keep a worker that is told to stop');

Test::Mcp::done_testing();
