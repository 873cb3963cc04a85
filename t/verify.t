#!/usr/bin/perl

# mcp_verify: what a request must carry, in headers, tokens and other places; and identity is only what was verified.

use strict;
use warnings;

use FindBin;
use MIME::Base64 qw(encode_base64url);
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(http => <<'HTTP', server => <<'SERVER');
        underscores_in_headers on;
        map $mcp_jwt_role $is_admin { default ""; admin 1; }
HTTP
        mcp_sessions on;
        mcp_mode block;
        location /header {
            mcp_verify "our tenants" { methods tools/* resources/*; require $http_x_tenant acme globex; }
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /scope {
            mcp_verify "may write" { require_scope $http_x_scope all mcp:read mcp:write; }
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /token {
            mcp_verify "ours" { require $mcp_jwt_iss idp; }
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /front {
            mcp_jwt_unverified allow;
            mcp_verify "ours" { require $mcp_jwt_iss idp; }
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /map {
            if ($is_admin) { set $early yes; }
            mcp_acl "admins" { allow if=$is_admin; deny all; }
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /body {
            mcp_set $tenant request /params/arguments/tenant;
            mcp_verify "tenant in the call" { methods tools/call; require $tenant acme; }
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
SERVER

my $id = 0;
sub arrived { return scalar @{ $r->upstream->requests } }
sub blocked {
    my ($path, @headers) = @_;
    my $arguments = ref $headers[0] ? shift @headers : {};
    my $before = arrived();
    my $answer = $r->post($r->jsonrpc('tools/call', { name => 'echo', arguments => $arguments }, ++$id), path => $path, headers => \@headers);
    my $is_blocked = $answer->{body} =~ /"code":-32010/ ? 1 : 0;
    is(arrived() - $before, 1 - $is_blocked, "$path @headers: it is the upstream's or nginx's");
    return $is_blocked;
}

is(blocked('/header'), 1, 'a missing value fails');
is(blocked('/header', 'X-Tenant' => ''), 1, 'an empty one, too');
is(blocked('/header', 'X-Tenant' => 'acme'), 0, 'a listed one holds');
is(blocked('/header', 'X-Tenant' => 'ACME'), 1, '... byte by byte');
is(blocked('/header', 'X-Tenant' => 'acme', 'X-Tenant' => 'globex'), 0, 'every occurrence is listed');
is(blocked('/header', 'X-Tenant' => 'acme', 'X-Tenant' => 'initech'), 1, 'one occurrence is not');
is(blocked('/header', 'X-Tenant' => 'acme', 'X_Tenant' => 'initech'), 1, '... nor under the name that a gateway makes of it');
is(blocked('/scope', 'X-Scope' => 'mcp:read mcp:write'), 0, 'both scopes');
is(blocked('/scope', 'X-Scope' => '["mcp:write","mcp:read"]'), 0, 'both scopes in JSON');
is(blocked('/scope', 'X-Scope' => 'mcp:read'), 1, 'one scope');
is(blocked('/scope', 'X-Scope' => 'mcp:read mcp:writer'), 1, 'a scope that begins so');
is(blocked('/body', { tenant => 'acme' }), 0, 'a value of the body');
is(blocked('/body', { tenant => 'other' }), 1, 'another');
is(blocked('/body'), 1, 'none');

my $token = join '.', map { encode_base64url($_) } '{"alg":"HS256","typ":"JWT"}', '{"iss":"idp","role":"admin"}', 'nothing';
my @bearer = (Authorization => "Bearer $token");
is(blocked('/token', @bearer), 1, 'claims that nobody verified are empty to controls');
is(blocked('/front', @bearer), 0, '... unless something in front has verified them');
is(blocked('/map', @bearer), 1, '... and no map carries them there');

my $rows = $r->records(q{select * from attacks where control = 'our tenants'}, until => sub { @{ $_[0] } >= 1 });
is($rows->[0]{type}, 'MCP request verification failure', 'the type of the attack');
is($rows->[0]{action}, 'blocked', 'what was done');
$r->accounted('every exchange is accounted for', dropped => 0);

$r->done_testing;
