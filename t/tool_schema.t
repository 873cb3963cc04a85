#!/usr/bin/perl

# mcp_tool_schema: calls are held against the schemas that the MCP server itself has listed: in every worker, after
# a restart, and however host and path are written.

use strict;
use warnings;

use FindBin;
use JSON::PP;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $JSON = JSON::PP->new->canonical;
my %schema = (
    delete_user => { type => 'object', properties => { user_id => { type => 'integer' } }, required => ['user_id'], additionalProperties => JSON::PP::false },
    search => { type => 'object', properties => { q => { type => 'string', maxLength => 10 } } },
);
my $mcp = Test::Mcp::Upstream->mcp;
my $handler = sub {
    my ($c, $request) = @_;
    if ($request->{body} =~ /"tools\/list"/) {
        my ($id) = $request->{body} =~ /"id":(\d+)/;
        my @tools = map { { name => $_, inputSchema => $schema{$_} } } sort keys %schema;
        return $c->reply(200, 'application/json', $JSON->encode({ jsonrpc => '2.0', id => 0 + $id, result => { tools => \@tools } }));
    }
    return $mcp->($c, $request);
};
my $r = Test::Mcp::Recorder->new(workers => 2, upstream => { '' => $handler }, server => <<'SERVER', location => <<'LOCATION');
        location /loose { mcp_sessions on; mcp_mode block; mcp_tool_schema "loose" { } proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /named { mcp_sessions on; mcp_server_name crm; mcp_mode block; mcp_tool_schema "as named" { undefined_tools deny; } proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /other { mcp_sessions off; mcp_server_name crm; mcp_mode block; mcp_tool_schema "as named" { undefined_tools deny; } proxy_pass http://127.0.0.1:%%PORT_2%%; }
SERVER
            mcp_mode block;
            mcp_tool_schema "as listed" { unknown_arguments deny; undefined_tools deny; grace 1s; }
LOCATION

my $id = 0;
sub blocked {
    my ($name, $arguments, %o) = @_;
    my $json = ref $arguments ? $r->jsonrpc('tools/call', { name => $name, arguments => $arguments }, ++$id)
        : sprintf '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"%s"%s}}', ++$id, $name, defined $arguments ? ",\"arguments\":$arguments" : '';
    return $r->post($json, %o)->{body} =~ /"code":-32010/ ? 1 : 0;
}
# Every worker knows it, within a second.
sub known {
    my ($what, $is) = @_;
    my $times = 0;
    $r->wait_until(sub { $times = $is->() ? $times + 1 : 0; $times >= 20 }, $what);
    pass($what);
}

is(blocked('search', { q => 'x' }), 1, 'before any list, undefined tools cannot be judged: mcp_fail closed');
is(blocked('search', { q => 'x' }, path => '/loose'), 0, 'where undefined tools are allowed, they pass');
$r->post($r->jsonrpc('tools/list', {}, ++$id));
known('a listed tool passes in all workers', sub { !blocked('search', { q => 'x' }) });
is(blocked('delete_user', { user_id => 17 }), 0, 'arguments of the schema');
is(blocked('delete_user', { user_id => '17' }), 1, 'a wrong type');
is(blocked('delete_user', '{"user_id":"123","__proto__":{"admin":true}}'), 1, 'a wrong type and a prototype');
is(blocked('delete_user', '{"user_id":17,"__proto__":{"admin":true}}'), 1, 'a prototype');
is(blocked('delete_user'), 1, 'missing arguments are judged as {}');
is(blocked('search'), 0, '... and may be right');
is(blocked('search', { q => 'x', more => 1 }), 1, 'an argument that the schema does not name');
is(blocked('drop_all', {}), 1, 'an undefined tool');
is(blocked('Search', {}), 1, '... is one in another case, too');

# No spelling of host or path escapes.
is(blocked('drop_all', {}, path => $_), 1, "$_ leads to the same catalogue") for qw(//mcp /mcp/ /%6dcp /mcp/x /mcp?a=b);
is(blocked('drop_all', {}, headers => [Host => 'elsewhere.example']), 1, 'a strange host, too');
is(blocked('search', { q => 'x' }, path => '/mcp/x'), 0, '... for what is allowed as well');

# A literal name is one catalogue, wherever it is served.
$r->post($r->jsonrpc('tools/list', {}, ++$id), path => '/named');
known('the catalogue of a name', sub { !blocked('search', { q => 'x' }, path => '/named') });
is(blocked('search', { q => 'x' }, path => '/other'), 0, '... in another location that has it');
is(blocked('drop_all', {}, path => '/other'), 1, '... which blocks without recording');

my $rows = $r->records(q{select * from attacks where control = 'as listed' and point = '/params/arguments/user_id'}, until => sub { @{ $_[0] } >= 1 });
is($rows->[0]{type}, 'Invalid tool call', 'the type of the attack');

# After a restart.
$r->stop;
$r->run;
is(blocked('drop_all', {}), 1, 'after a restart an undefined tool is blocked at once');
is(blocked('search', { q => 'x' }), 0, '... and a listed one passes');
$r->reload(wait_old => 1);
is(blocked('search', { q => 'x' }), 0, '... also after a reload');

$r->done_testing;
