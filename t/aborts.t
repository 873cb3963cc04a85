#!/usr/bin/perl

# Clients that leave and upstreams that die, at every stage: nothing crashes, nothing is lost from
# the books, and records say how far it came.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
my $answer = sub { '{"jsonrpc":"2.0","id":' . $_[0] . ',"result":{"content":[]}}' };
my ($id_of) = sub { my ($id) = $_[0]{body} =~ /"id":(\d+)/; $id // 0 };
my %handlers = (
    '' => Test::Mcp::Upstream->mcp,
    # Where an upstream dies.
    '/mcp/at-once' => sub { $_[0]->reset },
    '/mcp/closes' => sub { $_[0]->close },
    '/mcp/in-status' => sub { $_[0]->send('HTTP/1.1 2'); $_[0]->reset },
    '/mcp/in-head' => sub { $_[0]->send($head); $_[0]->close },
    '/mcp/after-head' => sub { $_[0]->send("${head}Content-Length: 50\r\n\r\n"); $_[0]->close },
    '/mcp/in-body' => sub { $_[0]->send("${head}Content-Length: 5000\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":"); $_[0]->reset },
    '/mcp/in-chunk' => sub { $_[0]->send("${head}Transfer-Encoding: chunked\r\n\r\nff\r\n{\"json"); $_[0]->close },
    '/mcp/broken-chunk' => sub { $_[0]->send("${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}"); $_[0]->close },
    '/mcp/in-stream' => sub {
        my ($c) = @_;
        $c->head(200, 'text/event-stream');
        $c->event(event => 'message', data => '{"jsonrpc":"2.0","method":"notifications/progress","params":{}}');
        $c->reset;
    },
    '/mcp/after-answer' => sub {
        my ($c, $request) = @_;
        $c->head(200, 'text/event-stream');
        $c->event(event => 'message', data => $answer->($id_of->($request)));
        $c->reset;
    },
    # Where a client can leave.
    '/mcp/waits' => sub {
        my ($c, $request) = @_;
        my $id = $id_of->($request);
        $c->signal("arrived-$id");
        $c->wait_flag("left-$id");
        $c->reply(200, 'application/json', $answer->($id));
    },
    '/mcp/streams' => sub {
        my ($c, $request) = @_;
        my $id = $id_of->($request);
        $c->head(200, 'text/event-stream');
        $c->event(event => 'message', data => '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}');
        $c->wait_flag("left-$id");
        eval { $c->event(event => 'message', data => $answer->($id)) for 1 .. 3; };
    },
    '/mcp/ends' => sub {
        my ($c, $request) = @_;
        $c->head(200, 'text/event-stream');
        $c->event(event => 'message', data => '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}');
        $c->wait_flag('left-' . $id_of->($request));
    },
    '/mcp/long' => sub {
        my ($c, $request) = @_;
        $c->head(200, 'application/json');
        my $piece = 'x' x 65536;
        eval { $c->chunk('{"jsonrpc":"2.0","id":' . $id_of->($request) . ',"result":"'); $c->chunk($piece) for 1 .. 800; $c->chunk('"}') };
    },
);
my $r = Test::Mcp::Recorder->new(upstream => \%handlers, location => 'send_timeout 2s;',
    http => 'proxy_next_upstream off; client_body_timeout 1s;');
my ($worker) = $r->worker_pids;
my $id = 0;
my %want;

for my $stage (qw(at-once closes in-status in-head after-head in-body in-chunk broken-chunk in-stream after-answer)) {
    my $got = $r->call("u-$stage", {}, id => ++$id, path => "/mcp/$stage");
    ok(!$got->{complete} || $got->{status} == 502, "upstream dies $stage: the client notices")
        if $stage ne 'after-answer';
    $want{"u-$stage"} = $stage eq 'after-answer' ? 'ok' : $stage =~ /^(?:at-once|closes|in-status|in-head)$/ ? 'http_error' : undef;
}

# Waits until nginx has seen that the client is gone, so that no answer overtakes it.
sub noticed {
    my ($name) = @_;
    return $r->records('select * from calls where primitive = ?', bind => [$name],
        until => sub { @{ $_[0] } && $_[0][0]{outcome} ne 'pending' });
}

# The client leaves while it sends.
my $json = sub { $r->jsonrpc('tools/call', { name => $_[0], arguments => { pad => 'p' x 20_000 } }, ++$id) };
for my $how (qw(close reset)) {
    for my $part (0.001, 0.02, 0.5, 0.999) {
        my $request = $r->request('POST', '/mcp', body => $json->("c-sending-$part"), headers => $r->mcp_headers);
        my $socket = $r->open_connection;
        syswrite $socket, substr $request, 0, int $part * length $request;
        $how eq 'reset' ? $r->reset_connection($socket) : close $socket;
    }
    # While the server works.
    my $body = $r->jsonrpc('tools/call', { name => "c-waiting-$how" }, ++$id);
    my $socket = $r->open_connection;
    syswrite $socket, $r->request('POST', '/mcp/waits', body => $body, headers => $r->mcp_headers);
    $r->upstream->wait_flag("arrived-$id");
    $how eq 'reset' ? $r->reset_connection($socket) : close $socket;
    noticed("c-waiting-$how");
    $r->upstream->signal("left-$id");
    $want{"c-waiting-$how"} = undef;
    # In the middle of a stream.
    my $stream = $r->sse_open('POST', '/mcp/streams', headers => $r->mcp_headers,
        body => $r->jsonrpc('tools/call', { name => "c-stream-$how" }, ++$id));
    like($stream->next->{data}, qr/progress/, "$how: the stream has begun");
    $how eq 'reset' ? $stream->reset : $stream->close;
    noticed("c-stream-$how");
    $r->upstream->signal("left-$id");
    $want{"c-stream-$how"} = undef;
    # In the middle of a stream of which all that came is written already.
    $stream = $r->sse_open('POST', '/mcp/streams', headers => $r->mcp_headers,
        body => $r->jsonrpc('tools/call', { name => "c-written-$how" }, ++$id));
    like($stream->next->{data}, qr/progress/, "$how: another stream has begun");
    $r->records('select * from calls where primitive = ?', bind => ["c-written-$how"], count => 1);
    $how eq 'reset' ? $stream->reset : $stream->close;
    noticed("c-written-$how");
    $r->upstream->signal("left-$id");
    $want{"c-written-$how"} = undef;
    # In the middle of a long answer.
    $socket = $r->open_connection(receive_buffer => 4096);
    syswrite $socket, $r->request('POST', '/mcp/long', headers => $r->mcp_headers,
        body => $r->jsonrpc('tools/call', { name => "c-long-$how" }, ++$id));
    sysread $socket, my $bytes, 1000;
    like($bytes, qr/200 OK/, "$how: the answer has begun");
    $how eq 'reset' ? $r->reset_connection($socket) : close $socket;
    $want{"c-long-$how"} = undef;
}

# A stream that ends as it should, without an answer, when all of it is written already.
{
    my $stream = $r->sse_open('POST', '/mcp/ends', headers => $r->mcp_headers,
        body => $r->jsonrpc('tools/call', { name => 'ends' }, ++$id));
    like($stream->next->{data}, qr/progress/, 'a stream without an answer has begun');
    $r->records('select * from calls where primitive = ?', bind => ['ends'], count => 1);
    $r->upstream->signal("left-$id");
    is($stream->next, undef, '... and ends');
    my $rows = noticed('ends');
    is("$rows->[0]{outcome} $rows->[0]{coverage_response}", 'aborted full', '... seen whole');
}

# A client that reads nothing until nginx gives up, and one that sends nothing more.
{
    my $socket = $r->open_connection(receive_buffer => 4096);
    syswrite $socket, $r->request('POST', '/mcp/long', headers => $r->mcp_headers,
        body => $r->jsonrpc('tools/call', { name => 'c-slow' }, ++$id));
    my $rows = $r->records(q(select * from calls where primitive = 'c-slow'), until => sub { @{ $_[0] } && $_[0][0]{outcome} ne 'pending' });
    like($rows->[0]{outcome}, qr/^(?:aborted|unobserved)$/, 'a client that does not read: no answer');
    close $socket;
    my $request = $r->request('POST', '/mcp', body => $json->('c-stalls'), headers => $r->mcp_headers);
    my $raw = $r->http_raw(substr $request, 0, 5000);
    like($raw, qr/^(?:HTTP\/1.1 408|$)/, 'a client that stops sending: nginx gives up');
}
# A slow reader that does read on gets everything.
{
    my $got = '';
    my $socket = $r->open_connection(receive_buffer => 8192);
    syswrite $socket, $r->request('POST', '/mcp/long', headers => $r->mcp_headers,
        body => $r->jsonrpc('tools/call', { name => 'c-reads-slowly' }, ++$id));
    while (sysread $socket, $got, 20_000, length $got) { select undef, undef, undef, 0.0001 }
    my $response = Test::Mcp::Http::parse_response($got);
    ok($response->{complete}, 'a slow reader gets the whole answer');
    cmp_ok(length $response->{body}, '>', 800 * 65536, '... every byte');
    $want{'c-reads-slowly'} = undef;
}

is(join(' ', $r->worker_pids), $worker, 'the worker is the one from before');
my $rows = $r->recorded(q(select * from calls where method is not 'ping'));
my %by_name;
push @{ $by_name{ $_->{primitive} // '' } }, $_ for @$rows;
for my $name (sort keys %want) {
    my @rows = @{ $by_name{$name} // [] };
    is(scalar @rows, 1, "$name: recorded once") or next;
    if ($want{$name}) {
        is($rows[0]{outcome}, $want{$name}, "$name: its outcome");
    } elsif ($name eq 'c-reads-slowly') {
        is($rows[0]{coverage_response}, 'truncated', "$name: over the limit, so truncated");
    } else {
        like($rows[0]{outcome}, qr/^(?:aborted|cancelled|unobserved)$/, "$name: not answered");
        isnt($rows[0]{coverage_response}, 'full', "$name: the answer was not seen whole");
    }
}
my @cut = grep { $_->{coverage_request} eq 'aborted' } @$rows;
cmp_ok(scalar @cut, '>=', 2, 'requests that were cut off are recorded as aborted');
$r->accounted('every exchange is accounted for', dropped => 0);
is($r->status->{panics}, 0, 'no bug was caught');

$r->done_testing;
