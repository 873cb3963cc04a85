#!/usr/bin/perl

# What the variables say, and from when.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Test::More;
use Test::Mcp::Recorder;

my @names = qw(server session_id id_source method primitive rpc_id protocol_version client user role
    outcome error_code);
my $format = join '|', map { "\$mcp_$_" } @names;

my $mcp = Test::Mcp::Upstream->mcp;
my $r = Test::Mcp::Recorder->new(
    upstream => {
        '/mcp' => sub {
            my ($c, $request) = @_;
            my $tool = $request->{body} =~ /"name":"(\w+)"/ ? $1 : '';
            if ($tool eq 'order') {
                my $id = $request->{body} =~ /"id":(\d+)/ ? $1 : 0;
                return $c->reply(200, 'application/json', qq({"jsonrpc":"2.0","id":$id,"result":)
                    . '{"content":[],"structuredContent":{"order":17,"password":"hunter2"}}}');
            }
            if ($tool eq 'stream') {
                $c->head(200, 'text/event-stream');
                $c->event(data => '{"jsonrpc":"2.0","method":"notifications/progress","params":{}}');
                $c->wait_flag('go-on');
                return $c->event(data => '{"jsonrpc":"2.0","id":1,"result":{"content":[],"isError":true}}');
            }
            return $c->reply(500, 'text/plain', 'no') if $tool eq 'broken';
            return $mcp->($c, $request);
        },
        '' => $mcp,
    },
    http => <<"CONF",
    mcp_hash_key_file %%TESTDIR%%/secret;
    log_format vars '$format';
    log_format set '[\$tenant] [\$order] [\$password]';
    map \$mcp_primitive \$is_echo { volatile; default no; echo yes; }
    log_format map '\$is_echo';
CONF
    server => 'server_name *.wild.test ~^r\d+\.test$;',
    location => <<'CONF',
    access_log %%TESTDIR%%/vars.log vars;
    access_log %%TESTDIR%%/set.log set;
    access_log %%TESTDIR%%/map.log map;
    mcp_user $http_x_user;
    mcp_role $http_x_role;
    mcp_set $tenant request /params/arguments/tenant;
    mcp_set $order response /result/structuredContent/order;
    mcp_set $password response /result/structuredContent/password;
    add_header X-Method "$mcp_method";
    proxy_set_header X-Primitive "$mcp_primitive";
CONF
    servers => <<'CONF',
    server {
        listen 127.0.0.1:%%PORT_3%%;
        access_log %%TESTDIR%%/vars.log vars;
        mcp_sessions on;
        proxy_http_version 1.1;
        location / { proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /named { mcp_server_name "the crm"; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /hashed {
            mcp_session_id $http_x_session stored=hashed;
            mcp_user $http_x_user hashed;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /cycle {
            mcp_user $mcp_user $mcp_outcome;
            mcp_session_id $mcp_session_id;
            mcp_set $tenant jwt /sub from=$tenant;
            mcp_role $tenant;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /return { return 200 "ok"; }
    }
CONF
    start => 0,
);
$r->write_file('secret', 'a secret of more than sixteen bytes');
$r->run;

my %lines;

# The next line of a log, once it is there.
sub line {
    my ($log) = @_;
    my $n = $lines{$log}++;
    return $r->wait_until(sub {
        my @lines = split /\n/, $r->read_file("$log.log");
        return $lines[$n];
    }, "line $n of $log.log");
}

sub variables {
    my %value;
    @value{@names} = split /\|/, line('vars'), -1;
    return \%value;
}

# The first requests.
my $answer = $r->post($r->jsonrpc('initialize', {
    protocolVersion => '2025-11-25', capabilities => {}, clientInfo => { name => 'agent', version => '1' },
}, 0), headers => ['X-User' => 'alice', 'X-Role' => '["admin"]']);
is_deeply(variables(), {
    server => 'localhost/mcp', session_id => 'session-1', id_source => 'header', method => 'initialize',
    primitive => '', rpc_id => '0', protocol_version => '2025-11-25', client => 'agent', user => 'alice',
    role => '[\x22admin\x22]', outcome => 'ok', error_code => '',
}, 'initialize: the session id is the answer\'s');
is($answer->{headers}{'x-method'}, 'initialize', 'the method is known to add_header');

$r->call('echo', { tenant => 'acme' }, session => 'session-1', id => 'x');
my $v = variables();
is_deeply([@$v{qw(session_id id_source method primitive rpc_id outcome)}],
    ['session-1', 'header', 'tools/call', 'echo', '\x22x\x22', 'ok'], 'a call');
is($r->upstream->requests->[-1]{body} && (grep { lc $_->[0] eq 'x-primitive' } @{ $r->upstream->requests->[-1]{headers} })[0][1],
    'echo', 'the primitive is known to proxy_set_header');
is((line('set'), line('set'))[1], '[acme] [] []', 'mcp_set takes a value of the request');
is((line('map'), line('map'))[1], 'yes', 'a map over the primitive');

# Outcomes.
for my $case (['fail', 'tool_error', ''], ['broken', 'http_error', '']) {
    $r->call($case->[0]);
    $v = variables();
    is_deeply([@$v{qw(outcome error_code)}], [@$case[1, 2]], "$case->[0]: $case->[1]");
}
$r->post($r->jsonrpc('no/such', {}, 5));
$v = variables();
is_deeply([@$v{qw(outcome error_code)}], ['rpc_error', '-32601'], 'a JSON-RPC error and its code');
$r->post($r->jsonrpc('notifications/initialized'));
$v = variables();
is_deeply([@$v{qw(method rpc_id outcome)}], ['notifications/initialized', '', 'accepted'], 'a notification');
is($v->{id_source}, 'derived', 'without an id the session is derived');
line($_) for ('set') x 4;
$r->call('order', {}, id => 9);
variables();
is(line('set'), '[] [17] [\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2]', 'values of the answer, masked by key');

# What is no MCP, and what is hostile.
$r->post('{"a":1}');
is_deeply([grep { $_ ne '' } @{ variables() }{qw(server session_id id_source method outcome)}], [], 'no MCP: empty');
$r->http('PUT', '/mcp/elsewhere', body => $r->jsonrpc('tools/call', { name => 'echo' }, 1));
is_deeply([grep { $_ ne '' } values %{ variables() }], [], 'MCP is not PUT, where nothing else says so: empty');
$r->call("a\r\nX-Evil: b\x01", {});
$v = variables();
is($v->{primitive}, 'a\x5Cx0D\x5Cx0AX-Evil: b\x5Cx01', 'control bytes are escaped');
is((grep { lc $_->[0] eq 'x-primitive' } @{ $r->upstream->requests->[-1]{headers} })[0][1],
    'a\x0D\x0AX-Evil: b\x01', 'and make no header of their own');
$r->call('n' x 1_000_000, {});
cmp_ok(length variables()->{primitive}, '<=', 4096, 'the length is capped');
$r->call('echo', { a => 'x' x 300_000 });
is(variables()->{primitive}, 'echo', 'a body that went through a file');

# An event stream: its first piece is handed over long before its end.
my $done = $r->run_daemon(sub { $r->call('stream', {}, id => 1) });
$r->records('select call from calls where primitive = ?', bind => ['stream']);
$r->upstream->signal('go-on');
$v = variables();
is_deeply([@$v{qw(method primitive outcome)}], ['tools/call', 'stream', 'tool_error'], 'a stream in pieces');

# Names of servers.
for my $case (
    ['a.wild.test', 'a.wild.test/mcp', 'a wildcard'], ['r12.test', 'r12.test/mcp', 'a regular expression'],
    ['evil.example', 'localhost/mcp', 'no server_name: the first name'], ['LOCALHOST:8080', 'localhost/mcp', 'case and port'],
) {
    $r->call('echo', {}, headers => [Host => $case->[0]]);
    is(variables()->{server}, $case->[1], $case->[2]);
}
$r->call('echo', {}, port => $r->port(3), path => '/x/../y//z/?q=1');
is(variables()->{server}, '_/y/z', 'a server block without a name, and a path to tidy');
$r->call('echo', {}, port => $r->port(3), path => '/named');
is(variables()->{server}, 'the crm', 'mcp_server_name');

$r->call('echo', {}, port => $r->port(3), path => '/hashed', headers => ['X-User' => 'alice', 'X-Session' => 's']);
$v = variables();
like($v->{user}, qr/^[0-9a-f]{32}$/, 'a hashed user');
like($v->{session_id}, qr/^[0-9a-f]{32}$/, 'a hashed session id');
is($v->{id_source}, 'configured', 'of a configured place');
my $stored = $r->records('select user, session_id from calls where user = ?', bind => [$v->{user}])->[0];
is_deeply($stored, { user => $v->{user}, session_id => $v->{session_id} }, 'the same is stored');

$r->call('echo', {}, port => $r->port(3), path => '/cycle');
$v = variables();
is_deeply([@$v{qw(user role session_id id_source)}], ['ok', '', '', 'derived'], 'a variable made of itself is empty');
like($r->error_log, qr/a variable is made of itself/, 'and the error log says so');

$r->call('echo', {}, port => $r->port(3), path => '/return');
is(variables()->{method}, '', 'return leaves the body unread');

$r->done_testing;
