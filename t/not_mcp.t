#!/usr/bin/perl

# What is not MCP passes byte for byte and leaves nothing in the store.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my %answers = (
    '/mcp/page' => ['text/html', '<html><body>hello</body></html>'],
    '/mcp/json' => ['application/json', '{"users":[{"id":1,"name":"a"},{"id":2,"name":"b"}]}'],
    '/mcp/bytes' => ['application/octet-stream', join '', map { chr } 0 .. 255],
    '/mcp/empty' => ['text/plain', ''],
    '/mcp/large' => ['application/json', '[' . join(',', 1 .. 100_000) . ']'],
);
my $events = join '', map { "event: tick\ndata: {\"n\":$_}\n\n" } 1 .. 50;
my %handlers = map { my $path = $_; ($path => sub { $_[0]->reply(200, @{ $answers{$path} }) }) } keys %answers;
$handlers{'/mcp/events'} = sub {
    my ($c) = @_;
    $c->head(200, 'text/event-stream');
    $c->chunk($_) for $events =~ /(.{1,7})/gs;
};
$handlers{''} = Test::Mcp::Upstream->mcp;
$handlers{'/mcp/form'} = sub { $_[0]->reply(200, 'text/plain', 'taken') };
my $r = Test::Mcp::Recorder->new(upstream => \%handlers);

for my $path (sort keys %answers) {
    my $answer = $r->http('GET', $path);
    is($answer->{status}, 200, "GET $path");
    ok($answer->{body} eq $answers{$path}[1], '... its bytes');
    is($answer->{headers}{'content-length'}, length $answers{$path}[1], '... its length');
}
my $stream = $r->http('GET', '/mcp/events');
ok($stream->{body} eq $events && $stream->{complete}, 'an event stream of something else');

my @bodies = (
    ['application/x-www-form-urlencoded', 'name=a&method=tools%2Fcall'],
    ['application/json', '{"user":"alice","method":"password"}'],
    ['application/json', '[{"op":"add","path":"/a","value":1}]'],
    ['application/json', '"text"'], ['application/json', '{}'], ['application/json', '[]'],
    ['application/json', '   '], ['application/json', ''],
    ['text/plain', 'jsonrpc'], ['application/xml', '<methodCall><methodName>a</methodName></methodCall>'],
    ['application/json', '{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'],
    ['application/json', '{"query":"{ users { id } }","variables":{}}'],
    ['multipart/form-data; boundary=x', "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n"],
    ['application/octet-stream', "\x1f\x8b" . 'x' x 100], ['application/json', 'x' x 300_000],
);
for my $index (0 .. $#bodies) {
    my ($type, $body) = @{ $bodies[$index] };
    my $answer = $r->http('POST', '/mcp/form', body => $body, headers => ['Content-Type' => $type]);
    is($answer->{body}, 'taken', "POST $index of $type is answered");
    ok($r->upstream->requests->[-1]{body} eq $body, '... its bytes arrived');
}
for my $method (qw(HEAD OPTIONS PUT DELETE PATCH)) {
    my $answer = $r->http($method, '/mcp/form', body => '{"a":1}', headers => ['Content-Type' => 'application/json']);
    is($answer->{status}, 200, "$method passes");
}

my $calls = $r->recorded(q(select * from calls where method is not 'ping'));
is(scalar @$calls, 0, 'nothing of it is recorded as a call') or diag(explain($calls));
my $sessions = $r->query('select * from sessions');
is(scalar @$sessions, 1, 'and there is only the session of the ping that is MCP');

# Where the module is off, MCP is not recorded either.
$r->post($r->jsonrpc('tools/list', {}, 1), path => '/elsewhere');
$calls = $r->recorded(q(select * from calls where method = 'tools/list'));
is(scalar @$calls, 0, 'a location without mcp_sessions on records nothing');
is($r->status->{exchanges_handed}, $r->status->{exchanges_written} + $r->status->{exchanges_unrecorded}, 'nothing is open');

$r->done_testing;
