#!/usr/bin/perl

# HTTP+SSE: the stream is at one worker, the calls are posted to others, and each is completed in
# place by the answer on the stream. The stream announces where to post to, with the session in the
# query or in the path.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use JSON::PP;
use Test::Mcp::Recorder;

my %sessions = (
    # As fastmcp has it, and as Quarkus has it.
    query => { id => '0f1e2d3c4b5a69788796a5b4c3d2e1f0', path => '/mcp/messages/?session_id=0f1e2d3c4b5a69788796a5b4c3d2e1f0' },
    path => { id => 'NjA1NDkxOTQtMmU5YS00YjU0LWE4OTktZWZkYzg0MmI0NTE2', path => '/mcp/messages/NjA1NDkxOTQtMmU5YS00YjU0LWE4OTktZWZkYzg0MmI0NTE2' },
);

my $initialized = { protocolVersion => '2024-11-05', capabilities => {}, serverInfo => { name => 'old', version => '1' } };

# The stream of a session. What is posted comes to it by a file: upstream's connections are processes
# of their own.
sub answer {
    my ($c, $session) = @_;
    $c->head(200, 'text/event-stream');
    $c->event(event => 'endpoint', data => $session->{path});
    my $sent = 0;
    my $until = time + 30;
    while (time < $until) {
        my @all;
        if (open my $in, '<', "$c->{upstream}{dir}/$session->{id}") { @all = <$in> }
        while ($sent < @all) {
            my $message = decode_json($all[$sent++]);
            next unless defined $message->{id} && defined $message->{method};
            if ($message->{id} eq '15') {
                $c->event(event => 'message', data => encode_json({ jsonrpc => '2.0', id => 'q', method => 'roots/list' }));
            }
            $c->event(event => 'message', data => encode_json({ jsonrpc => '2.0', id => $message->{id},
                result => $message->{method} eq 'initialize' ? $initialized : { content => [], isError => JSON::PP::false } }));
            return $c->finish if $message->{id} eq '30';
        }
        $c->pause(0.01);
    }
}

sub take {
    my ($c, $request, $session) = @_;
    return $c->reply(400, 'text/plain', 'Could not parse message') unless eval { decode_json($request->{body}) };
    open my $out, '>>', "$c->{upstream}{dir}/$session->{id}" or die;
    syswrite $out, "$request->{body}\n";
    $c->reply(202, 'text/plain', 'Accepted');
}

my $r = Test::Mcp::Recorder->new(workers => 4, upstream => {
    (map {
        my ($source, $session) = ($_, $sessions{$_});
        my ($path) = split /\?/, $session->{path};
        ("/mcp/sse/$source" => sub { answer($_[0], $session) }, $path => sub { take(@_, $session) })
    } keys %sessions),
    '' => sub { $_[0]->reply(404, 'text/plain', 'Could not find session') },
});

for my $source (sort keys %sessions) {
    my ($id, $path) = @{ $sessions{$source} }{qw(id path)};
    my $stream = $r->sse_open('GET', "/mcp/sse/$source", headers => ['Accept' => 'text/event-stream']);
    is($stream->next->{data}, $path, "the $source: the stream announces the session");
    $r->post($r->jsonrpc('initialize', { protocolVersion => '2024-11-05', capabilities => {}, clientInfo => { name => 'old-client', version => '1' } }, 1), path => $path);
    $r->post($r->jsonrpc('notifications/initialized'), path => $path);
    $r->post($r->jsonrpc('tools/call', { name => 'echo', arguments => { n => $_ } }, $_), path => $path) for 2 .. 29;
    # A ping and the answer to the server's question speak for MCP by where they go alone.
    $r->post('{"jsonrpc":"2.0","id":"q","result":{"roots":[]}}', path => $path, headers => ['Accept' => '*/*']);
    $r->post($r->jsonrpc('ping', undef, 31), path => $path, headers => ['Accept' => '*/*']);
    $r->post($r->jsonrpc('tools/call', { name => 'echo' }, 30), path => $path);
    my $answers = 0;
    while (my $event = $stream->next) {
        $answers++ if $event->{data} =~ /"result"/;
        last if $answers == 31;
    }
    is($answers, 31, '... all answers come on the stream');

    my $rows = $r->records("select rpc_id, outcome, duration_ms from calls where method = 'tools/call' and session_id = '$id'",
        until => sub { 29 == grep { $_->{outcome} ne 'pending' } @{ $_[0] } });
    is(scalar @$rows, 29, '... every call is recorded once');
    is(join(' ', map { $_->{rpc_id} } grep { $_->{outcome} ne 'ok' } @$rows), '', '... and completed by its answer');
    is(scalar(grep { defined $_->{duration_ms} } @$rows), 29, '... with its duration');
    $rows = $r->records("select method, direction, outcome from calls where session_id = '$id' and (method in ('ping', 'roots/list') or method is null) order by direction, method",
        until => sub { 3 == @{ $_[0] } });
    is(join(', ', map { join ' ', grep defined, @$_{qw(direction method outcome)} } @$rows),
        'client accepted, client ping ok, server roots/list ok', '... with what is MCP only where MCP is spoken');
    my $parts = $r->records("select server, id_source, client, calls from sessions where session_id = '$id'", until => sub { 1 });
    is("$parts->[0]{server} $parts->[0]{id_source} $parts->[0]{client}", "localhost/mcp/sse/$source query old-client", '... in the session that the stream announced');
    is($parts->[0]{calls}, 34, '... with all its calls');
    $stream->close;
}
is(scalar @{ $r->records('select 1 from sessions', until => sub { 1 }) }, 2, 'each is one session');
$r->accounted('every exchange is accounted for', dropped => 0);

# The same without a stream: no session.
$r->post($r->jsonrpc('tools/call', { name => 'echo' }, 1), path => '/mcp/messages/TjA1NDkxOTQtMmU5YS00YjU0LWE4OTktZWZkYzg0MmI0NTE2');
my $strangers = $r->records("select s.id_source from calls c join sessions s using (part) where c.status = 404", count => 1);
isnt($strangers->[0]{id_source}, 'query', 'an id that no stream announced is no session');

Test::Mcp::done_testing();
