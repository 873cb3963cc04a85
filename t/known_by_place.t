#!/usr/bin/perl

# What says nothing of MCP by its body is recorded where the path or the headers say that it is meant
# as MCP, and nowhere else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my %ids = (query => '0f1e2d3c4b5a69788796a5b4c3d2e1f0', path => 'f0e1d2c3b4a5968778695a4b3c2d1e0f');
my $old = sub { # HTTP+SSE, with and without the id in the path
    my ($c, $request) = @_;
    return $c->reply(202, 'text/plain', 'Accepted') if $request->{body} =~ /^\{"/;
    $c->reply(400, 'text/plain', 'Could not parse message');
};
my $stream = sub { # It announces where to post to, and stays open until the test says so.
    my ($c, $request) = @_;
    my ($source) = $request->{target} =~ m{([^/]+)$};
    $c->head(200, 'text/event-stream');
    $c->event(event => 'endpoint', data => $source eq 'query' ? "/mcp/post?session_id=$ids{query}" : "/mcp/post/$ids{path}");
    $c->wait_flag('go');
};
my $r = Test::Mcp::Recorder->new(upstream => {
    '/mcp' => sub {
        my ($c, $request) = @_;
        return $c->reply(405, 'application/json', '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Method not allowed."}}')
            if $request->{method} eq 'PUT';
        return $c->reply(200, 'text/html', '<html>') if $request->{method} eq 'GET';
        Test::Mcp::Upstream->mcp->(@_);
    },
    '/mcp/open/query' => $stream, '/mcp/open/path' => $stream, '/mcp/post' => $old, "/mcp/post/$ids{path}" => $old,
    '' => sub { $_[0]->reply(200, 'text/plain', 'taken') },
});
my @stream = ('Accept' => 'text/event-stream');
my $call = $r->jsonrpc('tools/call', { name => 'put' }, 7);

# Before MCP is spoken nothing of this is MCP.
my @silent = ('/mcp/post', "/mcp/post/$ids{path}", '/mcp/other');
$r->http('POST', $_, body => 'rubbish') for @silent;
$r->http('PUT', $_, body => $call) for @silent;
$r->http('GET', '/mcp/other', headers => [@stream, 'Mcp-Session-Id' => 's']);
my $rows = $r->recorded(q(select * from calls where method is not 'ping'));
is(scalar @$rows, 0, 'rubbish, PUT and pages elsewhere are not recorded');

# HTTP+SSE: the endpoint that the stream announces is MCP from then on.
for my $source (qw(path query)) {
    my $open = $r->sse_open('GET', "/mcp/open/$source", headers => \@stream);
    my $path = $open->next->{data};
    my $is_known = sub { @{ $_[0] } == 1 };
    $r->records("select 1 from sessions where server like '%/open/$source'", until => $is_known);
    my @bodies = ('{oops', "\x1f\x8b" . 'x' x 50, 'name=a&b=c', '');
    $r->http('POST', $path, body => $_, headers => ['Content-Type' => 'text/plain']) for @bodies;
    $rows = $r->records("select http_method, status, method, outcome, coverage_request, session_id from calls where server like '%/open/$source'", count => scalar @bodies);
    is(scalar @$rows, @bodies, "the $source: what is no JSON on the POST side is recorded");
    is(scalar(grep { "$_->{http_method} $_->{status} $_->{outcome} $_->{session_id}" eq "POST 400 http_error $ids{$source}" } @$rows), scalar @$rows, '... as refused, in its session');
    $r->upstream->signal('go');
    1 while $open->next;
}
$r->http('POST', '/mcp/other', body => '{oops');

# Streamable HTTP: what comes by PUT, and a page instead of a stream.
$r->call('echo', {}, session => 's1');
$r->recorded('select 1');
$r->http('PUT', '/mcp', body => $call, headers => $r->mcp_headers(session => 's1'));
$r->http('PUT', '/mcp', body => $call);
$r->http('PUT', '/mcp', body => 'rubbish');
$r->http('PATCH', '/mcp/other', body => $call, headers => ['MCP-Protocol-Version' => '2025-06-18']);
$rows = $r->records(q(select http_method, status, primitive, outcome from calls where http_method <> 'POST' order by call), count => 3);
is(join(', ', map { join ' ', @$_{qw(http_method status primitive outcome)} } @$rows),
    'PUT 405 put rpc_error, PUT 405 put rpc_error, PATCH 200 put unobserved', 'a call by PUT is recorded where MCP is spoken, and where its headers are MCP\'s');
$r->http('GET', '/mcp', headers => [@stream, 'Mcp-Session-Id' => 's1']);
$r->http('GET', '/mcp', headers => [@stream, 'Mcp-Session-Id' => 'invented']);
$r->http('GET', '/mcp', headers => \@stream);
$r->http('GET', '/mcp/other', headers => [@stream, 'Mcp-Session-Id' => 's1']);
$rows = $r->records(q(select s.session_id, s.id_source from events e join sessions s using (part) where e.kind = 'stream_refused'), count => 2);
is(scalar @$rows, 2, 'a page instead of a stream is an event of the session that was asked for');
is(scalar(grep { $_->{session_id} eq 's1' } @$rows), 1, '... of that which is open');
is(scalar(grep { $_->{id_source} eq 'none' } @$rows), 1, '... and of none where it is invented');
$rows = $r->recorded(q(select * from calls where server like '%/other' and http_method = 'POST'));
is(scalar @$rows, 0, 'elsewhere in the location nothing has changed');

$r->accounted('every exchange is accounted for', dropped => 0);
$r->done_testing;
