#!/usr/bin/perl

# A session that passes is recorded: who called what, with which arguments, and what came of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

for my $form ('json', 'sse') {
    my $r = Test::Mcp::Recorder->new(
        upstream => Test::Mcp::Upstream->mcp(sse => $form eq 'sse'),
        location => 'mcp_user $http_x_user; mcp_role $http_x_role separator=,; mcp_param tenant $http_x_tenant;',
    );
    my @who = (headers => ['X-User' => 'alice', 'X-Role' => 'admin,ops', 'X-Tenant' => 'acme', 'User-Agent' => 'tester']);
    my $session = $r->open_session(@who);
    is($session, 'session-1', "$form: the session's id passes");
    my $json = $r->jsonrpc('tools/call', { name => 'echo', arguments => { city => 'Oslo', password => 'hunter2' } }, 7);
    my $answer = $r->post($json, session => $session, @who);
    is($answer->{status}, 200, "$form: answered");
    is($r->upstream->requests->[-1]{body}, $json, "$form: the request arrived as it was sent");
    $r->call('fail', {}, id => 8, session => $session, @who);
    $r->post($r->jsonrpc('no/such', undef, 'x'), session => $session, @who);
    $r->http('DELETE', '/mcp', headers => ['Mcp-Session-Id' => $session, @{ $who[1] }]);

    my $calls = $r->records('select * from calls order by at, call', count => 5);
    is_deeply([map { $_->{method} } @$calls],
        [qw(initialize notifications/initialized tools/call tools/call no/such)], "$form: the methods");
    is_deeply([map { $_->{outcome} } @$calls], [qw(ok accepted ok tool_error rpc_error)], "$form: the outcomes");
    is($calls->[2]{primitive_kind} . ' ' . $calls->[2]{primitive}, 'tool echo', "$form: the tool");
    like($calls->[2]{arguments}, qr/"city":"Oslo"/, "$form: the arguments");
    unlike($calls->[2]{arguments}, qr/hunter2/, "$form: without the secret");
    is($calls->[4]{error_code}, -32601, "$form: the error's code");
    is($calls->[2]{status}, 200, "$form: the status");
    is($calls->[2]{http_method}, 'POST', "$form: the HTTP method");
    is($calls->[2]{bytes_in}, length $json, "$form: the size of the request");
    is($calls->[2]{coverage_request} . ' ' . $calls->[2]{coverage_response}, 'full full', "$form: all was seen");

    my $sessions = $r->records('select * from sessions', until => sub { @{ $_[0] } && $_[0][0]{ended} });
    is(scalar @$sessions, 1, "$form: one session");
    my $one = $sessions->[0];
    is($one->{session_id}, 'session-1', "$form: its id");
    is($one->{id_source}, 'header', "$form: and where it was found");
    is($one->{server}, 'localhost/mcp', "$form: the MCP server");
    is($one->{user}, 'alice', "$form: the user");
    is($one->{roles}, '["admin","ops"]', "$form: the roles");
    is($one->{client}, 'test-client', "$form: the client");
    is($one->{calls}, 5, "$form: its calls");
    is($one->{errors}, 2, "$form: its errors");
    like($one->{started_at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/, "$form: the time");
    $r->accounted("$form: accounted for", dropped => 0);
    $r->lacks("$form: the secret is nowhere", 'hunter2');
    $r->stop;
    $r->integrity;
}

Test::Mcp::done_testing();
