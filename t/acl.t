#!/usr/bin/perl

# mcp_acl: who may call what, by user, role, address, client and variables; the first line that matches decides.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(http => <<'HTTP', server => <<'SERVER');
        map $http_x_night $is_night { default ""; yes 1; no 0; }
HTTP
        mcp_user $http_x_user;
        mcp_role $http_x_role separator=,;
        mcp_sessions on;
        mcp_mode block;
        location /admins {
            mcp_acl "only admins delete" {
                methods    tools/call;
                primitives delete_*;
                allow role=admin ip=127.0.0.0/8;
                allow user=root;
                deny  all;
            }
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /night {
            mcp_acl "by day" { deny if=$is_night; }
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /elsewhere {
            mcp_acl "from the office" { allow ip=10.0.0.0/8; deny all; }
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /client {
            mcp_acl "no robots" { methods initialize; deny client=robot; }
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /methods {
            mcp_acl "no lists" { methods */list; deny all; }
            mcp_acl "no secrets" { primitives file:///secret*; deny all; }
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
SERVER

my $id = 0;
sub arrived { return scalar @{ $r->upstream->requests } }
# Sends a call, and says whether it was blocked; what the upstream got has to agree.
sub blocked {
    my ($path, $method, $params, @headers) = @_;
    my $before = arrived();
    my $answer = $r->post($r->jsonrpc($method, $params, ++$id), path => $path, headers => \@headers);
    my $is_blocked = $answer->{body} =~ /"code":-32010/ ? 1 : 0;
    is(arrived() - $before, 1 - $is_blocked, "$path $method @headers: it is the upstream's or nginx's") or diag($answer->{raw});
    is($answer->{status}, 200, '... with 200') if $is_blocked;
    return $is_blocked;
}
sub tool { return { name => $_[0], arguments => {} } }

is(blocked('/admins', 'tools/call', tool('echo')), 0, 'a tool that is not listed passes');
is(blocked('/admins', 'tools/list', {}), 0, 'so does another method');
is(blocked('/admins', 'tools/call', tool('delete_all')), 1, 'a listed tool is denied to nobody in particular');
is(blocked('/admins', 'tools/call', tool('delete_all'), 'X-Role' => 'reader'), 1, '... and to other roles');
is(blocked('/admins', 'tools/call', tool('delete_all'), 'X-Role' => 'reader,admin'), 0, 'one role of several is enough');
is(blocked('/admins', 'tools/call', tool('delete_all'), 'X-Role' => '["reader","admin"]'), 0, '... also in JSON');
is(blocked('/admins', 'tools/call', tool('delete_all'), 'X-Role' => 'administrator'), 1, 'a role is no prefix');
is(blocked('/admins', 'tools/call', tool('delete_all'), 'X-User' => 'root'), 0, 'the next line is tried');
is(blocked('/admins', 'tools/call', { name => 'delete_all' }), 1, 'arguments are not needed');
is(blocked('/night', 'tools/call', tool('echo')), 0, 'a variable without a value');
is(blocked('/night', 'tools/call', tool('echo'), 'X-Night' => 'yes'), 1, 'a variable with one');
is(blocked('/night', 'tools/call', tool('echo'), 'X-Night' => 'no'), 0, 'a variable that is 0');
is(blocked('/elsewhere', 'ping', undef), 1, 'an address that is not in the network');
is(blocked('/client', 'initialize', { protocolVersion => '2025-11-25', clientInfo => { name => 'robot', version => '1' } }), 1,
    'a client by its name');
is(blocked('/client', 'initialize', { protocolVersion => '2025-11-25', clientInfo => { name => 'robot2', version => '1' } }), 0,
    '... by its whole name');
is(blocked('/methods', "$_/list", {}), 1, "$_/list by a wildcard") for qw(tools prompts);
is(blocked('/methods', 'resources/read', { uri => 'file:///secret/1' }), 1, 'a resource by a wildcard');
is(blocked('/methods', 'resources/read', { uri => 'file:///public' }), 0, 'another resource');

# One bad message blocks the batch.
my $before = arrived();
my $answer = $r->post('[' . join(',', map { $r->jsonrpc('tools/call', tool($_), ++$id) } qw(echo delete_all)) . ']', path => '/admins');
is($answer->{status}, 403, 'a batch with a bad call last is refused');
is(arrived(), $before, '... and no call of it arrives');

# A notification has no answer to come.
is($r->post($r->jsonrpc('tools/call', tool('delete_all')), path => '/admins')->{status}, 403, 'a notification is refused');
is(arrived(), $before, '... and does not arrive');

my $calls = $r->recorded(q{select * from calls where method is not 'ping' and outcome = 'blocked'});
cmp_ok(scalar @$calls, '>=', 10, 'blocked calls are recorded as such');
is(scalar(grep { $_->{error_code} != -32010 } @$calls), 0, '... with the error they were answered with');
$r->accounted('every exchange is accounted for', dropped => 0);

$r->done_testing;
