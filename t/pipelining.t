#!/usr/bin/perl

# Pipelined requests, MCP calls and others, however they are cut into segments: the answers are those
# of an nginx that records nothing, and each call is recorded once, in its order.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

# The same locations twice: the second server records nothing.
my $locations = <<'CONF';
    location = /file { alias %%TESTDIR%%/html/file; }
    location = /refused { return 403; }
    location = /discards { return 200 "no body is read"; }
CONF
my $r = Test::Mcp::Recorder->new(
    http => 'client_header_buffer_size 512; keepalive_requests 10000;',
    server => "mcp_sessions on; $locations",
    servers => "server { listen 127.0.0.1:%%PORT_3%%; server_name localhost; $locations
        proxy_http_version 1.1; proxy_set_header Connection ''; location / { proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /mcp { proxy_pass http://127.0.0.1:%%PORT_2%%; proxy_buffering off; } }",
    upstream => {
        '/mcp' => Test::Mcp::Upstream->mcp,
        '/mcp/sse' => Test::Mcp::Upstream->mcp(sse => 1),
        '/page' => sub { my ($c, $request) = @_; $c->reply(200, 'text/html', "<p>$request->{method} $request->{target} " . length $request->{body}) },
    },
);
$r->write_file('html/file', "a file\n" x 100);
my ($worker) = $r->worker_pids;
my $session = $r->open_session;

# Calls and others mixed; `id` is what a record of it is known by. Some are larger than nginx's buffer
# for headers, so that it has to move the beginning of the next request.
my $id = 0;
my @headers = @{ $r->mcp_headers(session => $session) };
sub call {
    my ($path, $pad, %o) = @_;
    $id++;
    my $body = $r->jsonrpc('tools/call', { name => "t$id", arguments => { pad => 'p' x $pad } }, $id);
    return { id => $id, bytes => $r->request('POST', $path, keep => 1, headers => \@headers,
        $o{chunked} ? (chunked => [unpack "(a$o{chunked})*", $body]) : (body => $body)) };
}

sub other {
    my ($method, $target, %o) = @_;
    return { bytes => $r->request($method, $target, keep => 1, %o) };
}

sub requests {
    return (
        call('/mcp', 0), call('/mcp', 10),
        other('GET', '/page?a=1'), call('/mcp/sse', 0), other('GET', '/file'), call('/mcp', 2000),
        other('POST', '/page', body => 'a=b&c=d', headers => ['Content-Type' => 'application/x-www-form-urlencoded']),
        other('POST', '/page', body => '{"query":"{ viewer { login } }"}', headers => ['Content-Type' => 'application/json']),
        call('/mcp/sse', 30_000), call('/mcp', 0, chunked => 1), other('HEAD', '/file'),
        other('POST', '/mcp', headers => \@headers, body => $r->jsonrpc('notifications/cancelled', { requestId => 'none' })),
        call('/mcp', 70_000, chunked => 5000), other('POST', '/discards', body => 'x' x 3000),
        call('/mcp', 1), other('POST', '/refused', headers => \@headers, body => $r->jsonrpc('ping', undef, 'refused')),
        other('GET', '/nothing/here'), call('/mcp', 0), other('POST', '/page', chunked => ['one', 'two']),
        call('/mcp/sse', 0, chunked => 40),
    );
}

# The answers to requests sent in these pieces, in their order: head without its date, and body
# without its framing, whose chunks are as nginx happens to read them.
sub answers {
    my ($port, $requests, @pieces) = @_;
    my $raw = $r->http_raw([@pieces, $r->request('GET', '/page')], port => $port);
    my @answers;
    for my $request (@$requests, { bytes => 'GET /page' }) {
        $raw =~ s/\A(HTTP\/1\.1 \d+ .*?\r\n\r\n)//s or last;
        my ($head, $body) = ($1, '');
        $head =~ s/^Date: [^\r\n]*\r\n//mg;
        if ($request->{bytes} =~ /^HEAD/) {
        } elsif ($head =~ /^Content-Length: (\d+)/m) {
            $body = substr $raw, 0, $1, '';
        } else {
            while ($raw =~ s/\A([0-9a-f]+)\r\n//) {
                my $size = hex $1;
                $body .= substr $raw, 0, $size, '';
                $raw =~ s/\A\r\n// or last;
                last unless $size;
            }
        }
        push @answers, $head . $body;
    }
    push @answers, "and behind that: $raw" if length $raw;
    return @answers;
}

my @want;
my $rounds = 0;
sub passes {
    my ($name, $cut) = @_;
    $rounds++;
    my @requests = requests();
    my $bytes = join '', map { $_->{bytes} } @requests;
    my @pieces = map { ($_, \0.004) } $cut->($bytes, @requests);
    my @plain = answers($r->port(3), \@requests, $bytes);
    my $from = @{ $r->upstream->requests };
    my @recorded = answers($r->port(1), \@requests, @pieces);
    is(scalar @recorded, @requests + 1, "$name: each has its answer");
    my @differs = grep { $recorded[$_] ne ($plain[$_] // '') } 0 .. $#recorded;
    is("@differs", '', "$name: the answers are those of an nginx that does not record")
        or diag(map { substr("$_\n", 0, 500) } map { ($plain[$_], $recorded[$_]) } $differs[0]);
    my @log = map { "$_->{method} $_->{target} $_->{length} $_->{sha256}" } @{ $r->upstream->requests };
    my @arrived = splice @log, $from;
    is(join("\n", @arrived), join("\n", @log[-@arrived .. -1]), "$name: upstream received the same");
    push @want, map { $_->{id} ? $_->{id} : () } @requests;
}

passes('in one segment', sub { $_[0] });
passes('a segment each', sub { my ($bytes, @requests) = @_; map { $_->{bytes} } @requests });
passes('two in a segment', sub {
    my ($bytes, @requests) = @_;
    map { join '', map { $_ ? $_->{bytes} : '' } @requests[2 * $_, 2 * $_ + 1] } 0 .. $#requests / 2;
});
# Where one segment ends and the next begins lies within a request.
for my $part (['a line', 3], ['a header', 60], ['the end of the head', undef], ['a body', -7], ['the last byte', -1]) {
    my ($where, $at) = @$part;
    passes("cut in $where of each", sub {
        my ($bytes, @requests) = @_;
        my ($end, @cuts) = (0);
        for (@requests) {
            my $here = $at // index($_->{bytes}, "\r\n\r\n") + 2;
            push @cuts, $end + ($here < 0 ? length($_->{bytes}) + $here : $here);
            $end += length $_->{bytes};
        }
        pieces($bytes, @cuts);
    });
}
srand 20261125;
passes("cut at random, $_", sub { my ($bytes) = @_; pieces($bytes, sort { $a <=> $b } map { int rand length $bytes } 1 .. 40) }) for 1 .. 4;

sub pieces {
    my ($bytes, @cuts) = @_;
    my $from = 0;
    return map { my $piece = substr $bytes, $from, $_ - $from; $from = $_; length $piece ? $piece : () } @cuts, length $bytes;
}

# A request that is none ends the connection: those before it are answered and recorded, those
# behind it are never seen.
{
    my @before = (call('/mcp', 0), call('/mcp/sse', 0));
    my $never = call('/mcp', 0);
    my $raw = $r->http_raw(join '', (map { $_->{bytes} } @before), "BROKEN\0 LINE\r\n\r\n", $never->{bytes});
    is(join(' ', $raw =~ /HTTP\/1\.1 (\d+)/g), '200 200 400', 'a broken request: those before it are answered');
    push @want, map { $_->{id} } @before;
}
# A client that leaves with answers outstanding: what was begun is recorded once, at most.
my @left = map { call('/mcp', 100)->{bytes} } 1 .. 20;
{
    my $socket = $r->open_connection;
    syswrite $socket, join '', @left;
    sysread $socket, my $some, 50;
    $r->reset_connection($socket);
}

is(join(' ', $r->worker_pids), $worker, 'the worker is the one from before');
# Numbers of calls grow in the order of recording within a session part; each path is a server.
my $rows = $r->recorded(q(select * from calls where method = 'tools/call' order by call));
my %is_wanted = map { $_ => 1 } @want;
for my $server ('localhost/mcp', 'localhost/mcp/sse') {
    my @ids = grep { $is_wanted{$_} } map { $_->{server} eq $server ? $_->{rpc_id} : () } @$rows;
    is("@ids", join(' ', sort { $a <=> $b } @ids), "$server: in their order");
}
my @ids = map { $_->{rpc_id} } @$rows;
is(join(' ', sort { $a <=> $b } grep { $is_wanted{$_} } @ids), "@want", 'every call is recorded, and once');
my %times;
$times{$_}++ for @ids;
is(join(' ', grep { $times{$_} > 1 } keys %times), '', 'those of the client that left not twice either');
is(join(' ', map { $_->{rpc_id} } grep { $is_wanted{ $_->{rpc_id} } && ($_->{outcome} ne 'ok' || $_->{primitive} ne "t$_->{rpc_id}"
    || $_->{coverage_request} ne 'full' || $_->{coverage_response} ne 'full') } @$rows), '', 'as what it was, whole');
my $others = $r->query(q(select method, outcome, coverage_request, count(*) as n from calls
    where method is not 'tools/call' and coalesce(rpc_id, '') not like 'sentinel%' group by 1, 2, 3 order by 1, 2, 3));
is(join("\n", map { join ' ', map { $_ // '-' } @$_{qw(method outcome coverage_request n)} } @$others), join("\n",
    "- http_error discarded $rounds", 'initialize ok full 1', "notifications/cancelled accepted full $rounds",
    'notifications/initialized accepted full 1'), 'and nothing but what is MCP');
is(join(' ', map { $_->{server} } @{ $r->query(q(select server from sessions where session_id = 'session-1' order by server)) }),
    'localhost/mcp localhost/mcp/sse', 'in one session with each server');
$r->accounted('every exchange is accounted for', dropped => 0);
is($r->status->{panics}, 0, 'no bug was caught');

$r->done_testing;
