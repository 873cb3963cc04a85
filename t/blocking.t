#!/usr/bin/perl

# What a control blocks never reaches the upstream, not one byte; what it lets pass arrives as it was sent.

use strict;
use warnings;

use FindBin;
use IO::Compress::Gzip qw(gzip);
use IO::Compress::Deflate qw(deflate);
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(server => <<'LOCATIONS', servers => <<'SERVERS');
        mcp_sessions on;
        mcp_protocol_check block;
        location /unbuffered { proxy_request_buffering off; proxy_pass http://127.0.0.1:%%PORT_2%%; proxy_http_version 1.1; }
        location /small { client_body_buffer_size 1k; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /file { client_body_in_file_only clean; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /off { mcp_sessions off; client_body_buffer_size 1k; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /forbidden { mcp_block_status 403; error_page 403 = /page; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /page { return 200 page; }
LOCATIONS
    server {
        listen 127.0.0.1:%%PORT_3%% http2;
        server_name localhost;
        mcp_sessions on;
        mcp_protocol_check block;
        location / { proxy_pass http://127.0.0.1:%%PORT_2%%; }
    }
SERVERS

my $id = 0;
sub good {
    my ($size) = @_;
    return $r->jsonrpc('tools/call', { name => 'echo', arguments => { pad => 'x' x ($size // 10) } }, ++$id);
}
# Two members of one name.
sub bad {
    my ($size) = @_;
    return sprintf '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","name":"drop","arguments":{"pad":"%s"}}}',
        ++$id, 'x' x ($size // 10);
}
sub arrived { return scalar @{ $r->upstream->requests } }

# The way a body takes, and what is to come of it.
for my $path (qw(/mcp /unbuffered /small /file /off)) {
    for my $size (10, 5_000, 100_000) {
        for my $chunked (0, 1) {
            my $how = "$path, $size bytes" . ($chunked ? ', chunked' : '');
            my $send = sub {
                my ($json) = @_;
                my @way = $chunked ? (chunked => [unpack '(a7000)*', $json]) : (body => $json);
                return $r->http('POST', $path, @way, headers => $r->mcp_headers);
            };
            my $before = arrived();
            my $json = good($size);
            is($send->($json)->{status}, 200, "$how: a good call passes");
            is(arrived(), $before + 1, '... to the upstream');
            ok($r->upstream->requests->[-1]{body} eq $json, '... as it was sent');
            my $answer = $send->(bad($size));
            is($answer->{status}, 200, "$how: a blocked call is answered");
            like($answer->{body}, qr/^\{"jsonrpc":"2\.0","id":$id,"error":\{"code":-32010,"message":"[^"]+","data":\{"request_id":"[0-9a-f]{32}"\}\}\}$/,
                '... with an error for its id');
            is($answer->{headers}{'content-type'}, 'application/json', '... as JSON');
            is(arrived(), $before + 1, '... and nothing of it reached the upstream');
        }
    }
}

# Statuses.
my $before = arrived();
is($r->post(bad(), path => '/forbidden')->{status}, 403, 'mcp_block_status 403');
like($r->post(bad(), path => '/forbidden')->{body}, qr/"id":$id,"error":\{"code":-32010/, '... with the same body, whatever error_page says');
is($r->post('{"jsonrpc":"2.0","method":"notifications/x","method":"y"}')->{status}, 403, 'a notification is refused with 403');
is($r->post('[' . bad() . ']')->{status}, 403, '... and so is a batch');
is($r->post('{"jsonrpc":')->{status}, 403, '... and what is no message');
is($r->http('POST', '/messages?session_id=0f1e2d3c4b5a6978', body => bad(), headers => ['Content-Type' => 'application/json'])->{status},
    403, '... and a call of HTTP+SSE');
is($r->post(bad(), path => '/mcp?session_id=0f1e2d3c4b5a6978')->{status}, 200, 'a parameter alone makes no HTTP+SSE');
is(arrived(), $before, 'none of them reached the upstream');

# The connection goes on after a blocked call.
my $socket = $r->open_connection;
my ($blocked, $passed) = (bad(20_000), good());
print $socket $r->request('POST', '/mcp', keep => 1, body => $blocked, headers => $r->mcp_headers)
    . $r->request('POST', '/mcp', body => $passed, headers => $r->mcp_headers);
my $raw = do { local $/; <$socket> };
my @statuses = $raw =~ m{HTTP/1\.1 (\d+)}g;
is("@statuses", '200 200', 'both of two pipelined calls are answered');
like($raw, qr/-32010.*\\"pad\\"/s, '... the blocked one by nginx, the other by the upstream');
is(arrived(), $before + 1, '... which got one of them');

# Codings.
for my $coding (['gzip', \&gzip], ['deflate', \&deflate]) {
    my ($name, $code) = @$coding;
    my @headers = (headers => ['Content-Encoding' => $name]);
    $code->(\good(2000) => \my $good);
    my $answer = $r->post($good, @headers);
    ok($r->upstream->requests->[-1]{body} eq $good, "$name: a good call arrives as it was sent");
    $code->(\bad(2000) => \my $bad);
    my $before = arrived();
    is($r->post($bad, @headers)->{status}, 200, "$name: a bad one is answered");
    is(arrived(), $before, '... and does not arrive');
    is($r->post(good(), @headers)->{status}, 403, "$name: what is not so coded is refused");
    is(arrived(), $before, '... and does not arrive');
}
is($r->post(good(), headers => ['Content-Encoding' => 'zstd'])->{status}, 403, 'an unknown coding is refused');

# Expect: 100-continue
$socket = $r->open_connection;
my $json = bad();
print $socket $r->request('POST', '/mcp', body => '', headers => [@{ $r->mcp_headers }, Expect => '100-continue', 'Content-Length' => length $json]);
sysread $socket, my $continue, 4096;
like($continue, qr{^HTTP/1\.1 100 }, 'a client that waits is told to go on');
print $socket $json;
like(do { local $/; <$socket> }, qr/-32010/, '... and blocked');

SKIP: {
    skip 'curl without HTTP/2', 4 unless `curl --version` =~ /HTTP2/;
    for my $size (10, 20_000, 300_000) {
        $r->write_file('request.json', bad($size));
        my $before = arrived();
        my $said = `curl -s --http2-prior-knowledge -w '\\n%{http_version} %{http_code}' -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' --data-binary \@@{[$r->dir]}/request.json http://127.0.0.1:@{[$r->port(3)]}/mcp`;
        like($said, qr/"id":$id,"error":\{"code":-32010.*\n2 200$/s, "HTTP/2, $size bytes: blocked");
        is(arrived(), $before, '... and does not arrive');
        $r->write_file('request.json', my $good = good($size));
        $said = `curl -s --http2-prior-knowledge -w '\\n%{http_version} %{http_code}' -H 'Content-Type: application/json' --data-binary \@@{[$r->dir]}/request.json http://127.0.0.1:@{[$r->port(3)]}/mcp`;
        ok($r->upstream->requests->[-1]{body} eq $good, '... and a good call arrives as it was sent');
    }
}

$r->accounted('every exchange is accounted for', dropped => 0);
$r->done_testing;
