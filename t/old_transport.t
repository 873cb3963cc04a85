#!/usr/bin/perl

# HTTP+SSE: the stream is at one worker, the calls are posted to others, and each is completed in
# place by the answer on the stream.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use JSON::PP;
use Test::Mcp::Recorder;

my $id = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
# What is posted goes to the stream by a file: upstream's connections are processes of their own.
my $r = Test::Mcp::Recorder->new(workers => 4, upstream => {
    '/mcp/sse' => sub {
        my ($c) = @_;
        $c->head(200, 'text/event-stream');
        $c->event(event => 'endpoint', data => "/mcp/messages/?session_id=$id");
        my $sent = 0;
        my $until = time + 30;
        while (time < $until) {
            my @all;
            if (open my $in, '<', "$c->{upstream}{dir}/posted") { @all = <$in> }
            while ($sent < @all) {
                my $message = decode_json($all[$sent++]);
                next unless defined $message->{id};
                $c->event(event => 'message', data => encode_json({ jsonrpc => '2.0', id => $message->{id}, result =>
                    $message->{method} eq 'initialize' ? { protocolVersion => '2024-11-05', capabilities => {}, serverInfo => { name => 'old', version => '1' } }
                    : { content => [], isError => JSON::PP::false } }));
                return $c->finish if $message->{id} eq '30';
            }
            $c->pause(0.01);
        }
    },
    '/mcp/messages/' => sub {
        my ($c, $request) = @_;
        open my $out, '>>', "$c->{upstream}{dir}/posted" or die;
        syswrite $out, "$request->{body}\n";
        $c->reply(202, 'text/plain', 'Accepted');
    },
});
my $stream = $r->sse_open('GET', '/mcp/sse', headers => ['Accept' => 'text/event-stream']);
my $first = $stream->next;
like($first->{data}, qr/session_id=$id/, 'the stream announces the session');
my $path = "/mcp/messages/?session_id=$id";
$r->post($r->jsonrpc('initialize', { protocolVersion => '2024-11-05', capabilities => {}, clientInfo => { name => 'old-client', version => '1' } }, 1), path => $path);
$r->post($r->jsonrpc('notifications/initialized'), path => $path);
$r->post($r->jsonrpc('tools/call', { name => 'echo', arguments => { n => $_ } }, $_), path => $path) for 2 .. 30;
my $answers = 0;
while (my $event = $stream->next) {
    $answers++ if $event->{data} =~ /"result"/;
    last if $answers == 30;
}
is($answers, 30, 'all answers come on the stream');

my $rows = $r->records(q{select rpc_id, outcome, duration_ms from calls where method = 'tools/call'},
    until => sub { 29 == grep { $_->{outcome} ne 'pending' } @{ $_[0] } });
is(scalar @$rows, 29, 'every call is recorded once');
is(join(' ', map { $_->{rpc_id} } grep { $_->{outcome} ne 'ok' } @$rows), '', 'and completed by its answer');
is(scalar(grep { defined $_->{duration_ms} } @$rows), 29, 'with its duration');
my $parts = $r->records(q{select session_id, id_source, client, calls from sessions}, until => sub { 1 });
is(scalar @$parts, 1, 'in one session');
is("$parts->[0]{id_source} $parts->[0]{session_id}", "query $id", 'which the stream announced');
is($parts->[0]{calls}, 31, 'with all its calls');
$stream->close;
$r->accounted('every exchange is accounted for', dropped => 0);

Test::Mcp::done_testing();
