#!/usr/bin/perl

# Hostile requests pass byte for byte, crash nothing, and records (if any) say what was seen.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Encode qw(encode);
use FindBin;
use IO::Compress::Gzip qw(gzip);
use JSON::PP qw(decode_json);
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

# Answers any request as a tool's result with whatever id a simple look finds.
my $r = Test::Mcp::Recorder->new(
    http => 'large_client_header_buffers 4 64k;',
    server => 'mcp_body_limit 1m;',
    upstream => {
        '/mcp' => Test::Mcp::Upstream->mcp,
        '' => sub {
            my ($c, $request) = @_;
            my ($id) = $request->{body} =~ /"id"\s*:\s*(\d+)/;
            $c->reply(200, 'application/json', '{"jsonrpc":"2.0","id":' . ($id // 'null') . ',"result":{"content":[]}}');
        },
    },
);
my ($worker) = $r->worker_pids;

sub sends {
    my ($name, $body, %o) = @_;
    my $answer = $r->http('POST', '/mcp/any', timeout => 60,
        headers => $r->mcp_headers(%o), chunked => $o{chunked}, body => $body);
    is($answer->{status}, $o{status} // 200, "$name: answered");
    my $arrived = $r->upstream->requests->[-1];
    my $sent = $o{chunked} ? join '', @{ $o{chunked} } : $body;
    is($arrived->{length}, length $sent, "$name: its length arrived");
    is($arrived->{sha256}, sha256_hex($sent), "$name: its bytes arrived");
    return $answer;
}

my $call = $r->jsonrpc('tools/call', { name => 'echo', arguments => { a => 1 } }, 1);
my $deep = 100_000;

sub wide {
    my ($name) = @_;
    return $r->jsonrpc('tools/call', { name => $name, arguments => { a => "\x{20ac}\x{1f600}" } }, 1);
}

my %seen = (
    'truncated' => [substr($call, 0, -5)],
    'empty' => [''],
    'only white space' => [" \r\n\t " x 1000],
    'nested arrays' => [('[' x $deep) . (']' x $deep)],
    'nested objects' => [('{"a":' x $deep) . '1' . ('}' x $deep)],
    'nested arguments' => ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"deep","arguments":{"a":' . ('[' x $deep) . (']' x $deep) . '}}}'],
    'duplicate keys' => ['{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"tools/list","params":{"name":"one","name":"two"}}'],
    'invalid UTF-8' => [qq({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"bad\xff\xfe\xc0\x80"}})],
    'a lone surrogate' => ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\ud800"}}'],
    'a byte order mark' => ["\xef\xbb\xbf$call"],
    'NUL bytes' => ["{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\0\",\"params\":{\"name\":\"a\\u0000b\"}}"],
    'only NUL bytes' => ["\0" x 5000],
    'a number of 1,000 digits' => ['{"jsonrpc":"2.0","id":' . ('9' x 1000) . ',"method":"tools/list"}'],
    'a number with a huge exponent' => ['{"jsonrpc":"2.0","id":1e999999999,"method":"tools/list"}'],
    'NaN' => ['{"jsonrpc":"2.0","id":NaN,"method":"tools/list","params":{"a":Infinity}}'],
    # As Python's json tells them: by where the zero bytes stand, or by the mark.
    'UTF-16' => [encode('UTF-16LE', wide('utf-16le'))],
    'UTF-16, the high byte first' => [encode('UTF-16BE', wide('utf-16be'))],
    'UTF-16 with a mark' => [encode('UTF-16', wide('utf-16'))],
    'UTF-32' => [encode('UTF-32LE', wide('utf-32le'))],
    'UTF-32, the high byte first' => [encode('UTF-32BE', wide('utf-32be'))],
    'UTF-32 with a mark' => [encode('UTF-32', wide('utf-32'))],
    'UTF-16 of which a byte is missing' => [substr encode('UTF-16LE', wide('utf-16 cut')), 0, -1],
    'UTF-16 over the limit' => [encode('UTF-16LE', '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"utf-16 long","arguments":{"a":"' . ('x' x 2_000_000) . '"}}}')],
    'UTF-16 that is not MCP' => [encode('UTF-16LE', '{"name":"utf-16 other"}')],
    'folded keys' => ['{"JSONRPC":"2.0","Id":1,"Method":"tools/call","Params":{"Name":"folded"}}'],
    'Unicode folding' => [qq({"jsonrpc":"2.0","id":1,"method":"tools/call","param\xc5\xbf":{"name":"folded"}})],
    'trailing garbage' => ["$call}} trailing \x01\x02"],
    'two documents' => ["$call$call"],
    'comments' => ["/* a */ $call // b"],
    'a batch of 10,000' => ['[' . join(',', map { qq({"jsonrpc":"2.0","id":$_,"method":"ping"}) } 1 .. 10_000) . ']'],
    'a batch of nonsense' => ['[1,null,"a",[],{},{"jsonrpc":"2.0"},[[]]]'],
    'JSON-RPC that is not MCP' => ['{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'],
    'JSON-RPC 1.0' => ['{"method":"echo","params":["hi"],"id":1}'],
    'a method of 1 MB' => ['{"jsonrpc":"2.0","id":1,"method":"' . ('m' x 900_000) . '"}'],
    'a tool name of 900 kB' => ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"' . ('n' x 900_000) . '"}}'],
    'a tool name of HTML' => ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"<script>alert(1)</script>"}}'],
    'a tool name of SQL' => [q({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"'; drop table calls; --"}})],
    'a tool name with newlines' => ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a\r\nSet-Cookie: x=1\n"}}'],
    'params of every type' => ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[1,2]}'],
    'arguments of another type' => ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"typed","arguments":"text"}}'],
    'a body over the limit' => ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"large","arguments":{"a":"' . ('x' x 3_000_000) . '"}}}'],
    '10,000 keys' => ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"keys","arguments":{' . join(',', map { qq("k$_":$_) } 1 .. 10_000) . '}}}'],
    'escapes only' => ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"' . ('\u0041' x 20_000) . '"}}'],
);
for my $id ('1.5', '-1', '0', '"text"', '""', 'null', 'true', '[1]', '{"a":1}', '1e3', '9007199254740993', '-9223372036854775809', '"\u0000\n\""') {
    $seen{"the id $id"} = [qq({"jsonrpc":"2.0","id":$id,"method":"tools/list"})];
}
sends($_, @{ $seen{$_} }) for sort keys %seen;
for my $type ('text/plain', 'application/xml', 'application/json; charset=utf-16', 'APPLICATION/JSON', '', 'x' x 5000, "a\x80/\xff") {
    sends('content type ' . substr($type, 0, 30), $call, headers => ['Content-Type' => $type]);
}

# Ways to send it.
sends('chunked, a byte a chunk', undef, chunked => [split //, $call]);
sends('chunked in two', undef, chunked => [substr($call, 0, 20), substr($call, 20)]);
{
    my @bytes = split //, $r->request('POST', '/mcp/any', body => $call, headers => $r->mcp_headers);
    my $answer = Test::Mcp::Http::parse_response($r->http_raw([map { ($_, \0.0005) } @bytes]), 'POST');
    is($answer->{status}, 200, 'a byte a packet: answered');
    is($r->upstream->requests->[-1]{body}, $call, 'a byte a packet: arrived');
}
{
    # A length that promises more than comes: nginx waits, and we leave.
    my $request = $r->request('POST', '/mcp/any', body => $call, headers => [@{ $r->mcp_headers }, 'Content-Length' => 1 + length $call]);
    my $socket = $r->open_connection;
    syswrite $socket, $request;
    close $socket;
    # One that promises less: the rest is another, broken request.
    $request = $r->request('POST', '/mcp/any', keep => 1, body => $call, headers => [@{ $r->mcp_headers }, 'Content-Length' => 10]);
    my $raw = $r->http_raw($request);
    is($r->upstream->requests->[-1]{body}, substr($call, 0, 10), 'a length that is too short: so many bytes arrived');
    like($raw, qr/HTTP\/1\.1 400/, '... and the rest is refused by nginx');
}
{
    my $answer = Test::Mcp::Http::parse_response($r->http_raw(
        "POST /mcp/any HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: " . length($call) . "\r\n\r\n$call"), 'POST');
    is($answer->{status}, 200, 'HTTP/1.0');
}

# Codings.
{
    my $gzip = sub { my ($in) = @_; gzip(\$in => \my $out); $out };
    my @coding = (headers => ['Content-Encoding' => 'gzip']);
    sends('gzip', $gzip->($r->jsonrpc('tools/call', { name => 'zipped' }, 1)), @coding);
    sends('broken gzip', "\x1f\x8b\x08\0\0\0\0\0\0\3" . 'rubbish' x 100, @coding);
    sends('half a gzip', substr($gzip->($call x 100), 0, 60), @coding);
    sends('gzip that is none', $call, @coding);
    sends('an unknown coding', $call, headers => ['Content-Encoding' => 'zstd']);
    sends('codings on codings', $call, headers => ['Content-Encoding' => join ', ', ('gzip') x 100]);
}

# Headers.
{
    my %values = (
        'of 50 kB' => 's' x 50_000, 'with quotes' => q('";--), 'with non-ASCII bytes' => "\xff\xfe\x80",
        'with spaces' => 'a b  c', 'empty' => '', 'with a tab' => "a\tb",
    );
    for my $name (sort keys %values) {
        sends("a session id $name", $call, session => $values{$name});
    }
    sends('two session ids', $call, headers => ['Mcp-Session-Id' => 'one', 'Mcp-Session-Id' => 'two']);
    sends('strange versions', $call, headers => ['MCP-Protocol-Version' => '9999-99-99', 'Mcp-Method' => 'x' x 20_000, 'Mcp-Name' => '=?base64?!!!?=']);
    my $answer = Test::Mcp::Http::parse_response($r->http_raw("POST /mcp/any HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nMcp-Session-Id: " . 's' x (1 << 20) . "\r\nContent-Length: 2\r\n\r\n{}"), 'POST');
    is($answer->{status}, 400, 'a session id of 1 MB is refused by nginx');
}

# nginx still is the one it was, and says what it saw.
is(join(' ', $r->worker_pids), $worker, 'the worker is the one from before');
my $rows = $r->recorded('select * from calls');
my %by_name = map { ($_->{primitive} // '') => $_ } @$rows;
cmp_ok(scalar @$rows, '>', 20, 'many are recorded');
is($by_name{large}{coverage_request}, 'truncated', 'a body over the limit is recorded as truncated');
is($by_name{zipped}{coverage_request}, 'full', 'gzip is read');
for my $encoding (qw(utf-16le utf-16be utf-16 utf-32le utf-32be utf-32)) {
    my $row = $by_name{$encoding};
    is("$row->{method} $row->{rpc_id} $row->{coverage_request}", 'tools/call 1 full', "a call in $encoding is read");
    is(decode_json($row->{arguments})->{a}, "\x{20ac}\x{1f600}", '... with its arguments');
}
is($by_name{'utf-16 cut'}{method}, 'tools/call', 'a call in UTF-16 of which a byte is missing is read');
is($by_name{'utf-16 long'}{coverage_request}, 'truncated', 'UTF-16 over the limit is recorded as truncated');
is($by_name{deep}{method}, 'tools/call', 'nested arguments hide nothing');
is(scalar(grep { $_->{coverage_request} eq 'undecoded' } @$rows) >= 1, 1, 'an unknown coding is recorded as undecoded');
is(scalar(grep { $_->{method} && $_->{method} eq 'ping' && $_->{rpc_id} =~ /^\d+$/ } @$rows), 1000, 'of a batch, 1,000 calls are recorded');
is($by_name{"'; drop table calls; --"}{method}, 'tools/call', 'SQL in a name is a name');
is($by_name{'<script>alert(1)</script>'}{method}, 'tools/call', 'HTML in a name is a name');
is(scalar(grep { length($_->{primitive} // '') > 10_000 || length($_->{method} // '') > 10_000 } @$rows), 0, 'names are bounded');
$r->accounted('every exchange is accounted for', dropped => 0);
is($r->status->{panics}, 0, 'no bug was caught');
$r->stop;
$r->integrity;
unlike($r->error_log, qr/^(?!.*\[\w+\] \d+#\d+)/m, 'nothing from traffic begins a line of the log');

$r->done_testing;
