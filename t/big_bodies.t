#!/usr/bin/perl

# Bodies, streams, names and headers of any size pass unchanged; the worker's memory stays bounded, and
# records say how much was seen.

use strict;
use warnings;

use Compress::Raw::Zlib;
use Digest::SHA;
use FindBin;
use IO::Compress::Gzip qw(gzip);
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Http2;
use Test::Mcp::Recorder;

# On a busy machine hundreds of megabytes take their time.
$Test::Mcp::PATIENCE *= 4;
my $mb = 1 << 20;
my $flood_bytes = ($ENV{TEST_MCP_SLOW} ? 1024 : 100) * $mb;
my $events = 1_000_000;

# Bytes that repeat at an odd length, so that none can be lost or doubled unnoticed, without a newline.
my $period = 1_000_003;
srand 20261125;
my $pattern = join '', map { chr(97 + int rand 26) } 1 .. $period;
$pattern .= $pattern;
my $event = qq(data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}\n\n);
my $answer = qq(data: {"jsonrpc":"2.0","id":7,"result":{"content":[]}}\n\n);

# Gives any number of bytes of the pattern, piece by piece.
sub flood {
    my ($bytes, $to) = @_;
    for (my $at = 0; $at < $bytes; $at += $period) {
        $to->(substr $pattern, 0, $bytes - $at < $period ? $bytes - $at : $period);
    }
    return;
}

# 1 GB in 1 MB: a megabyte of x that is compressed by itself can stand there any number of times.
sub bomb {
    my ($before, $after) = @_;
    my ($crc, $length, $packed) = (crc32(''), 0, '');
    for ([$before, 1], ['x' x $mb, 1024], [$after, 1]) {
        my ($plain, $times) = @$_;
        my $deflate = Compress::Raw::Zlib::Deflate->new(-WindowBits => -MAX_WBITS, -AppendOutput => 1, -Level => 9);
        $deflate->deflate($plain, my $part);
        $deflate->flush($part, Z_FULL_FLUSH);
        $packed .= $part x $times;
        my $crc_of_part = crc32($plain);
        $crc = Compress::Raw::Zlib::crc32_combine($crc, $crc_of_part, length $plain) for 1 .. $times;
        $length += $times * length $plain;
    }
    return "\x1f\x8b\x08\0\0\0\0\0\0\3$packed\3\0" . pack 'VV', $crc, $length & 0xffff_ffff;
}
my $gzip = sub { my ($in) = @_; gzip(\$in => \my $out); $out };
my %bombs = (
    'a bomb as a result' => ['application/json', 'gzip', bomb('{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"', '"}]}}')],
    'a bomb as an event' => ['text/event-stream', 'gzip', bomb('data: {"jsonrpc":"2.0","id":7,"result":{"a":"', qq("}}\n\n))],
    'a bomb in a bomb' => ['application/json', 'gzip, gzip', $gzip->(bomb('{"jsonrpc":"2.0","id":7,"result":{"a":"', '"}}'))],
);

my $r = Test::Mcp::Recorder->new(
    store => 'flush=20ms min_free=0 queue=48m',
    http => 'mcp_memory_limit 96m;',
    server => 'large_client_header_buffers 4 2m; proxy_buffer_size 2m; proxy_buffers 4 2m; proxy_busy_buffers_size 2m;
        location /mcp/tight { mcp_sessions on; mcp_response_limit 1k; proxy_pass http://127.0.0.1:%%PORT_2%%; proxy_http_version 1.1; proxy_buffering off; }',
    servers => <<'CONF',
    server {
        listen 127.0.0.1:%%PORT_3%% http2;
        server_name localhost;
        large_client_header_buffers 4 2m; proxy_buffer_size 2m; proxy_buffers 4 2m; proxy_busy_buffers_size 2m;
        location / { mcp_sessions on; proxy_pass http://127.0.0.1:%%PORT_2%%; proxy_http_version 1.1; proxy_buffering off; }
    }
    server {
        listen 127.0.0.1:%%PORT_4%% http2;
        listen 127.0.0.1:%%PORT_5%%;
        location / { mcp_sessions on; proxy_pass http://127.0.0.1:%%PORT_2%%; }
    }
    server { listen 127.0.0.1:%%PORT_6%% http2; location / { proxy_pass http://127.0.0.1:%%PORT_2%%; } }
CONF
    upstream => {
        '/mcp' => Test::Mcp::Upstream->mcp,
        '/mcp/any' => sub { $_[0]->reply(200, 'application/json', '{"jsonrpc":"2.0","id":7,"result":{"content":[]}}') },
        '/mcp/flood' => sub {
            my ($c) = @_;
            $c->send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: " . (6 + $flood_bytes) . "\r\n\r\ndata: ");
            flood($flood_bytes, sub { $c->send($_[0]) });
        },
        '/mcp/events' => sub {
            my ($c) = @_;
            $c->send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: " . ($events * length($event) + length $answer) . "\r\n\r\n");
            $c->send($event x 10_000) for 1 .. $events / 10_000;
            $c->send($answer);
        },
        '/mcp/tight' => sub {
            my ($c) = @_;
            my $long = 'data: {"jsonrpc":"2.0","method":"notifications/message","params":"' . ('x' x 3000) . qq("}\n\n);
            $c->send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" . $event x 5000 . $long x 3 . $event x 5000 . $answer);
            $c->close;
        },
        '/mcp/bomb' => sub {
            my ($c, $request) = @_;
            my ($type, $coding, $body) = @{ $bombs{ $request->{header}{'x-bomb'} } };
            $c->reply(200, $type, $body, 'Content-Encoding' => $coding);
        },
        '/mcp/opens' => sub {
            my ($c, $request) = @_;
            $c->reply(200, 'application/json', '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"n","version":"1"}}}',
                'Mcp-Session-Id' => ('a' x $mb) . $request->{header}{'x-end'});
        },
    },
);

# How much larger the worker became, in MB, at its largest: the kernel keeps count.
my ($worker) = $r->worker_pids;
sub memory_mb {
    my ($name) = @_;
    my ($kb) = $r->read_file("/proc/$worker/status") =~ /$name:\s+(\d+)/;
    return $kb / 1024;
}
my $before_mb;
sub begin {
    $r->settled;
    $r->write_file("/proc/$worker/clear_refs", '5');
    $before_mb = memory_mb('VmRSS');
    return;
}

sub bounded {
    my ($name, $bound_mb) = @_;
    $r->settled;
    my $more = memory_mb('VmHWM') - $before_mb;
    cmp_ok($more, '<', $bound_mb, "$name: the worker's memory stays bounded");
    note(sprintf '%.0f MB more', $more);
    return;
}

# Sends a request and compares what comes with what should, as it comes.
sub streams {
    my ($name, $path, $tool, $check) = @_;
    my $socket = $r->open_connection;
    syswrite $socket, $r->request('POST', $path, body => $r->jsonrpc('tools/call', { name => $tool, arguments => {} }, 7), headers => $r->mcp_headers);
    my ($got, $length, $wrong, $seen) = ('', undef, 0, 0);
    while (sysread $socket, $got, $mb, length $got) {
        if (!defined $length) {
            $got =~ s/\A.*?Content-Length: (\d+).*?\r\n\r\n//s or next;
            $length = $1;
        }
        $wrong++ unless $check->($got, $seen);
        $seen += length $got;
        $got = '';
    }
    close $socket;
    is($seen, $length, "$name passes to its end");
    is($wrong, 0, '... byte by byte as it is');
    return;
}

sub row {
    my ($tool) = @_;
    my $rows = $r->recorded("select * from calls where primitive = '$tool'");
    is(scalar @$rows, 1, "$tool is recorded once");
    return $rows->[0];
}

# A stream without a newline.
begin();
streams("a stream of $flood_bytes bytes without a newline", '/mcp/flood', 'flood', sub {
    my ($got, $at) = @_;
    if ($at < 6) {
        return unless substr($got, 0, 6 - $at) eq substr 'data: ', $at, length $got;
        return 1 if length $got <= 6 - $at;
        $got = substr $got, 6 - $at;
        $at = 6;
    }
    my $from = ($at - 6) % $period;
    return length $got <= $period ? $got eq substr $pattern, $from, length $got
        : $got eq substr $pattern x 2, $from, length $got;
});
my $row = row('flood');
# Where the writer did not keep up, pieces are missing, and nobody knows what was in them.
my $expected = $r->status->{stream_pieces_lost} ? 'unobserved truncated' : 'aborted full';
is("$row->{outcome} $row->{coverage_response}", $expected, '... as a stream that ended without an answer');
bounded('a stream without a newline', 64);

# A limit far below what comes at a time is one of each event, not of the stream.
$r->call('tight', {}, id => 7, path => '/mcp/tight');
$row = row('tight');
is("$row->{outcome} $row->{coverage_response} $row->{notifications}", 'ok full 10003', 'many small events under a small limit: all are seen');

# A body of 100 MB, its length told and not.
for my $way ('length', 'chunked') {
    begin();
    my $head = qq({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"hundred $way","arguments":{"a":");
    my $bytes = length($head) + 100 * $mb + 4;
    my $socket = $r->open_connection;
    my $send = sub { Test::Mcp::Http::send_all($socket, $way eq 'length' ? $_[0] : sprintf("%x\r\n%s\r\n", length $_[0], $_[0]), \my $got) };
    syswrite $socket, $r->request('POST', '/mcp/any', headers => $r->mcp_headers(headers => [$way eq 'length' ? ('Content-Length' => $bytes) : ('Transfer-Encoding' => 'chunked')]));
    my $sha = Digest::SHA->new(256);
    my $both = sub { $sha->add($_[0]); $send->($_[0]) };
    $both->($head);
    flood(100 * $mb, $both);
    $both->('"}}}');
    my $got = Test::Mcp::Http::parse_response($r->http_raw($way eq 'length' ? '' : "0\r\n\r\n", socket => $socket));
    # Until then nginx lingers, and the exchange has not ended.
    close $socket;
    is($got->{status}, 200, "a body of 100 MB, $way: answered");
    is($r->upstream->requests->[-1]{sha256}, $sha->hexdigest, '... its bytes arrived');
    $row = row("hundred $way");
    is("$row->{outcome} $row->{coverage_request} $row->{bytes_in}", "ok truncated $bytes", '... as one that was not seen whole');
    bounded("a body of 100 MB, $way", 112);
}

# A name of 1 MB.
my $long_name = "long\n" . 'n' x $mb;
is($r->call($long_name, {}, id => 70)->{status}, 200, 'a tool name of 1 MB passes');
my $names = $r->recorded('select * from calls where rpc_id = 70');
is(scalar @$names, 1, '... is recorded once');
cmp_ok(length $names->[0]{primitive}, '<=', 2048, '... as its beginning');
like($names->[0]{primitive}, qr/^long\nn{500}/, '... which it is');
is("$names->[0]{outcome} $names->[0]{coverage_request}", 'ok full', '... of a call that was seen whole');

# Bombs that come, and bombs that are answered.
my $call = sub { qq({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"$_[0]","arguments":{"a":") };
my %requests = (
    'bomb' => ['gzip', bomb($call->('bomb'), '"}}}')],
    'bomb in bomb' => ['gzip, gzip', $gzip->(bomb($call->('bomb in bomb'), '"}}}'))],
    'bomb in bomb in bomb' => ['gzip, gzip, gzip', $gzip->($gzip->(bomb($call->('bomb in bomb in bomb'), '"}}}')))],
);
for my $tool (sort keys %requests) {
    my ($coding, $bytes) = @{ $requests{$tool} };
    begin();
    my $got = $r->http('POST', '/mcp', body => $bytes, headers => $r->mcp_headers(headers => ['Content-Encoding' => $coding]));
    is($got->{status}, 400, "a $tool of " . length($bytes) . ' bytes passes, and the server refuses it');
    ok($r->upstream->requests->[-1]{body} eq $bytes, '... as it was sent');
    $row = row($tool);
    is("$row->{method} $row->{coverage_request}", 'tools/call truncated', '... as far as it may be read');
    bounded("a $tool", 64);
}
for my $name (sort keys %bombs) {
    begin();
    my $got = $r->call($name, {}, id => 7, path => '/mcp/bomb', headers => ['X-Bomb' => $name]);
    ok($got->{body} eq $bombs{$name}[2], "$name of " . length($bombs{$name}[2]) . ' bytes passes');
    $row = row($name);
    is("$row->{outcome} $row->{coverage_response}", 'unobserved truncated', '... is read as far as it may be');
    bounded($name, 48);
}

# Session ids of 1 MB that differ in their last byte, where nginx lets them through.
begin();
my @ends = ('x', 'y');
for my $way ('HTTP/1.1', 'HTTP/2') {
    for my $end (@ends) {
        my $session = ('s' x ($mb - 1)) . $end;
        my $json = $r->jsonrpc('tools/call', { name => "$way $end" }, 7);
        my $status = $way eq 'HTTP/1.1' ? $r->post($json, session => $session)->{status} : do {
            my $h2 = Test::Mcp::Http2->new($r, port => $r->port(3));
            $h2->answer($h2->send('POST', '/mcp', body => $json, headers => $r->mcp_headers(session => $session)))->{status};
        };
        is($status, 200, "a session id of 1 MB over $way passes");
        my %headers = map { lc $_->[0] => $_->[1] } @{ $r->upstream->requests->[-1]{headers} };
        ok($headers{'mcp-session-id'} eq $session, '... as it is');
        row("$way $end");
    }
}
my $ids = $r->query(q(select session_id, group_concat(primitive) as calls from (select distinct session_id, primitive from calls
    where primitive like 'HTTP/%' order by primitive) group by 1 order by 2));
is(join(' | ', map { $_->{calls} } @$ids), 'HTTP/1.1 x,HTTP/2 x | HTTP/1.1 y,HTTP/2 y', 'ids that differ in their last byte are two sessions');
is(join(' ', grep { length > 256 } map { $_->{session_id} } @$ids), '', '... under names of bounded length');
for my $end (@ends) {
    my $got = $r->post($r->jsonrpc('initialize', { protocolVersion => '2025-11-25', capabilities => {}, clientInfo => { name => "opens-$end", version => '1' } }, 0),
        path => '/mcp/opens', headers => ['X-End' => $end]);
    ok($got->{headers}{'mcp-session-id'} eq ('a' x $mb) . $end, 'a session id of 1 MB in an answer passes');
    my $h2 = Test::Mcp::Http2->new($r, port => $r->port(3));
    my $stream = $h2->answer($h2->send('POST', '/mcp/opens', body => $r->jsonrpc('initialize', { protocolVersion => '2025-11-25', capabilities => {} }, 0),
        headers => $r->mcp_headers(headers => ['X-End' => $end])));
    cmp_ok($stream->{header_bytes}, '>', $mb / 2, '... over HTTP/2 as well');
}
$r->recorded('select 1');
is($r->query(q(select count(distinct session_id) as n from sessions where session_id like 'aaa%'))->[0]{n}, 2, 'they are two sessions too');
bounded('session ids of 1 MB', 32);

# Where nginx lets them through no further than it does by default: its own answer, and no record.
{
    my $handed = $r->status->{exchanges_handed};
    my @answers = map {
        my $h2 = Test::Mcp::Http2->new($r, port => $_);
        my $got = $h2->answer($h2->send('POST', '/mcp', body => $r->jsonrpc('ping', undef, 1), headers => $r->mcp_headers(session => 's' x $mb)));
        $h2->close;
        join ' ', map { $_ // '-' } @$got{qw(status goaway closed)};
    } $r->port(4), $r->port(6);
    is($answers[0], $answers[1], "a session id of 1 MB over HTTP/2 by default: nginx's own answer ($answers[1])");
    isnt($answers[0] =~ /^200/, 1, '... which is none of the server');
    is($r->status->{exchanges_handed}, $handed, '... and is not recorded');
}

# A million events; nothing of them is to be lost to the queue.
$r->configure(store => 'flush=20ms min_free=0 queue=512m', http => 'mcp_memory_limit 1g;');
$r->reload(wait_old => 1);
($worker) = $r->worker_pids;
my $end = $events * length $event;
my $many = $event x 20_000;
streams('a stream of a million events', '/mcp/events', 'million', sub {
    my ($got, $at) = @_;
    my $tail = $at + length($got) > $end ? substr $got, $at > $end ? 0 : $end - $at : '';
    return unless $tail eq substr $answer, $at > $end ? $at - $end : 0, length $tail;
    $got = substr $got, 0, length($got) - length $tail;
    return $got eq substr $many, $at % length $event, length $got;
});
$row = row('million');
is("$row->{notifications} $row->{outcome} $row->{coverage_response}", "$events ok full", '... each of which is counted');
is($r->query('select sum(notifications) as n from parts')->[0]{n}, $events + 10_003, '... in its session as well');

is(join(' ', $r->worker_pids), $worker, 'the worker is the one from before');
$r->accounted('every exchange is accounted for', dropped => 0);
is($r->status->{panics}, 0, 'no bug was caught');
$r->stop;
$r->integrity;

$r->done_testing;
