#!/usr/bin/perl

# What aborts.t leaves: upstreams that are not there, fall silent, die while the request still comes or
# answer before they read it; clients that close one direction, leave in a chunk or reset HTTP/2
# streams. Nothing crashes, nothing is lost from the books, and records say how far it came.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Http2;
use Test::Mcp::Recorder;

my $head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
my $note = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}';
my $answer = sub { my ($id) = $_[0]{body} =~ /"id":(\d+)/; '{"jsonrpc":"2.0","id":' . ($id // 0) . ',"result":{"content":[]}}' };
# Handlers get whole requests; these look at what is under way: a server of its own, which reads so
# many bytes and then does as the path says.
sub serve_early {
    my ($listen) = @_;
    while (my $socket = $listen->accept) {
        my $got = '';
        while (length $got < 20_000) { sysread $socket, $got, 20_000 - length $got, length $got or last }
        my $result = '{"jsonrpc":"2.0","id":' . ($got =~ /"id":(\d+)/ ? $1 : 0) . ',"result":{"content":[]}}';
        syswrite $socket, $head . 'Content-Length: ' . length($result) . "\r\n\r\n$result" if $got =~ m{^POST \S*/answers};
        syswrite $socket, 'HTTP/1.1 2' if $got =~ m{^POST \S*/in-status};
        setsockopt $socket, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack 'II', 1, 0 if $got =~ m{/resets};
        # Closing with bytes unread resets; the answer is to arrive before.
        select undef, undef, undef, 0.05 if $got =~ m{/answers};
        close $socket;
    }
}

my $proxy = 'mcp_sessions on; proxy_http_version 1.1; proxy_set_header Connection "";';
my $r = Test::Mcp::Recorder->new(
    start => 0,
    http => 'proxy_next_upstream off; client_body_timeout 5s;',
    server => join("\n", map { "location /mcp/$_->[0] { $proxy $_->[1] }" }
        ['nobody', 'proxy_pass http://127.0.0.1:%%PORT_5%%;'],
        ['buffered', 'proxy_pass http://127.0.0.1:%%PORT_4%%;'],
        ['unbuffered', 'proxy_request_buffering off; proxy_buffering off; proxy_pass http://127.0.0.1:%%PORT_4%%;'],
        ['patient', 'proxy_ignore_client_abort on; proxy_pass http://127.0.0.1:%%PORT_2%%;'],
        ['spooled', 'proxy_buffering on; proxy_pass http://127.0.0.1:%%PORT_2%%;'],
        ['silent', 'proxy_read_timeout 1s; proxy_pass http://127.0.0.1:%%PORT_2%%;'],
        ['stalls', 'proxy_read_timeout 1s; proxy_pass http://127.0.0.1:%%PORT_2%%;'],
    ),
    servers => "server { listen 127.0.0.1:%%PORT_3%% http2; server_name localhost; client_max_body_size 10m; location / { $proxy proxy_buffering off; proxy_pass http://127.0.0.1:%%PORT_2%%; } }",
    upstream => {
        '' => Test::Mcp::Upstream->mcp,
        '/mcp/silent' => sub { $_[0]->more; $_[0]->close },
        '/mcp/stalls' => sub { $_[0]->send("${head}Content-Length: 100\r\n\r\n{\"jsonrpc\":"); $_[0]->more; $_[0]->close },
        '/mcp/too-much' => sub { my $result = $answer->($_[1]); $_[0]->send("${head}Content-Length: " . length($result) . "\r\n\r\n$result and more"); $_[0]->close },
        '/mcp/patient' => sub { my ($c, $request) = @_; $c->signal('patient'); $c->wait_flag('left'); $c->reply(200, 'application/json', $answer->($request)) },
        '/mcp/waits' => sub { my ($c, $request) = @_; my ($id) = $request->{body} =~ /"id":(\d+)/; $c->signal("waits-$id"); $c->more; $c->close },
        '/mcp/streams' => sub { my ($c, $request) = @_; $c->head(200, 'text/event-stream'); $c->event(data => $note); $c->more; $c->close },
        (map { $_ => sub {
            my ($c, $request) = @_;
            $c->head(200, 'application/json');
            eval { $c->chunk('{"jsonrpc":"2.0","id":7,"result":"'); $c->chunk('x' x 65536) for 1 .. 300; $c->chunk('"}') };
        } } '/mcp/spooled', '/mcp/long'),
    },
);
my $listen = IO::Socket::INET->new(Listen => 100, LocalAddr => '127.0.0.1', LocalPort => $r->port(4), ReuseAddr => 1) or die "listen: $!\n";
$r->run_daemon(\&serve_early, $listen);
close $listen;
$r->run;
my ($worker) = $r->worker_pids;
my $id = 100;
my %want;

sub call {
    my ($name, $pad) = @_;
    $id++;
    # The name first: of a request that is cut, only its beginning is seen.
    return qq({"jsonrpc":"2.0","id":$id,"method":"tools/call","params":{"name":"$name","arguments":{"pad":") . 'p' x ($pad // 0) . '"}}}';
}

# Waits until nginx has noticed, and recorded it.
sub noticed {
    my ($name, $outcome) = @_;
    $want{$name} = $outcome;
    $r->records('select 1 from calls where primitive = ?', bind => [$name], count => 1);
    return;
}

# Upstreams.
for my $case (
    ['nobody', 'nobody', 502, 'http_error'], ['silent', 'silent', 504, 'http_error'], ['stalls', 'stalls', 200, 'aborted|unobserved'],
    ['too much', 'too-much', 200, 'ok'],
    (map { my $way = $_; map { ["$way $_", "$way/$_", 502, 'http_error'] } 'closes', 'resets', 'in-status' } 'buffered', 'unbuffered'),
    ['unbuffered answers', 'unbuffered/answers', 200, 'ok'], ['buffered answers', 'buffered/answers', 200, 'ok'],
) {
    my ($name, $path, $status, $outcome) = @$case;
    my $got = $r->post(call($name, $path =~ /buffered/ ? 3_000_000 : 10), path => "/mcp/$path");
    # Where upstream's reset overtakes its answer, nginx has none.
    like($got->{status}, $path =~ /answers/ ? qr/^(?:200|502)$/ : qr/^$status$/, "upstream, $name: the client is told");
    $want{$name} = $path =~ /answers/ && $got->{status} == 502 ? 'http_error' : $outcome;
}

# Clients.
{
    # One that closes the direction it sends in has gone, for nginx; unless that is to be ignored.
    for my $path ('patient', 'waits') {
        my $socket = $r->open_connection;
        syswrite $socket, $r->request('POST', "/mcp/$path", body => call("half-closed $path"), headers => $r->mcp_headers);
        $r->upstream->wait_flag($path eq 'waits' ? "waits-$id" : 'patient');
        shutdown $socket, 1;
        $r->upstream->signal('left') if $path eq 'patient';
        my $got = Test::Mcp::Http::parse_response($r->http_raw('', socket => $socket));
        close $socket;
        is($got->{status}, $path eq 'patient' ? 200 : 0, "half closed, $path: answered or not");
        noticed("half-closed $path", $path eq 'patient' ? 'ok' : 'aborted');
    }
    my $chunked = $r->request('POST', '/mcp', chunked => [unpack '(a100)*', call('in a chunk', 1000)], headers => $r->mcp_headers);
    my $socket = $r->open_connection;
    syswrite $socket, substr $chunked, 0, 700;
    close $socket;
    # nginx calls it a bad request.
    noticed('in a chunk', 'aborted|http_error');
    $socket = $r->open_connection(receive_buffer => 4096);
    syswrite $socket, $r->request('POST', '/mcp/spooled', body => call('left spooled'), headers => $r->mcp_headers);
    sysread $socket, my $some, 1000;
    $r->reset_connection($socket);
    noticed('left spooled', 'aborted|unobserved');
    $socket = $r->open_connection(receive_buffer => 4096);
    syswrite $socket, $r->request('POST', '/mcp/spooled', body => call('reads spooled'), headers => $r->mcp_headers);
    my $got = '';
    while (sysread $socket, $got, 50_000, length $got) { select undef, undef, undef, 0.0001 }
    my $response = Test::Mcp::Http::parse_response($got);
    ok($response->{complete}, 'a slow reader gets a spooled answer whole');
    is(length $response->{body}, 300 * 65536 + 36, '... every byte');
    $want{'reads spooled'} = 'unobserved';
}

# HTTP/2: one stream is reset, others on the same connection go on.
my @headers = (headers => $r->mcp_headers);
for my $how ('reset', 'close') {
    my $h2 = Test::Mcp::Http2->new($r, port => $r->port(3));
    my $sends = $h2->send('POST', '/mcp', open => 1, body => substr(call("h2 sends $how", 500), 0, 300), @headers);
    my $waits = $h2->send('POST', '/mcp/waits', body => call("h2 waits $how"), @headers);
    $r->upstream->wait_flag("waits-$id");
    my $streams = $h2->send('POST', '/mcp/streams', body => call("h2 streams $how"), @headers);
    like($h2->answer($streams, until => qr/progress/)->{body}, qr/progress/, "HTTP/2, $how: the stream has begun");
    my $long = $h2->send('POST', '/mcp/long', body => call("h2 long $how"), @headers);
    $h2->answer($long, until => qr/xxx/);
    if ($how eq 'reset') {
        $h2->reset($_) for $sends, $waits, $streams, $long;
        my $other = $h2->answer($h2->send('POST', '/mcp', body => call('h2 goes on'), @headers));
        is($other->{status}, 200, 'HTTP/2: another stream on the connection is answered');
        like($other->{body}, qr/"id":$id\b/, '... with its answer');
        $want{'h2 goes on'} = 'ok';
    }
    $h2->close;
    noticed("h2 $_ $how", 'aborted|unobserved') for 'sends', 'waits', 'streams', 'long';
}

is(join(' ', $r->worker_pids), $worker, 'the worker is the one from before');
my %rows;
push @{ $rows{ $_->{primitive} // '' } }, $_ for @{ $r->recorded(q(select * from calls where method is not 'ping')) };
for my $name (sort keys %want) {
    my @rows = @{ $rows{$name} // [] };
    is(scalar @rows, 1, "$name: recorded once") or next;
    like($rows[0]{outcome}, qr/^(?:$want{$name})$/, "$name: its outcome");
    # How much nginx took of a body that goes on to an upstream that does not, the sockets decide.
    my $seen = $name =~ /sends|chunk/ ? 'aborted' : $name =~ /unbuffered/ ? 'aborted|full' : 'full';
    like($rows[0]{coverage_request}, qr/^(?:$seen)$/, "$name: how much of the request was seen");
}
$r->accounted('every exchange is accounted for', dropped => 0);
is($r->status->{panics}, 0, 'no bug was caught');

$r->done_testing;
