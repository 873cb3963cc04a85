#!/usr/bin/perl

# Where nothing blocks, calls pass as they came, nothing is read early, and what controls object to is recorded with
# its evidence, masked; also where the calls themselves are skipped or not recorded.

use strict;
use warnings;

use FindBin;
use JSON::PP;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(server => <<'SERVER');
        mcp_user $http_x_user;
        mcp_acl "no drops" { primitives drop*; deny all; }
        location /watch { mcp_sessions on; proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /skip { mcp_sessions on; mcp_skip tools/call ping; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /off { proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /bare { mcp_sessions on; mcp_capture evidence=off; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /short { mcp_sessions on; mcp_capture evidence_limit=256; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /both {
            mcp_sessions on; mcp_mode block;
            mcp_acl "watched" { primitives drop*; deny all; mode monitoring; }
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /mild { mcp_sessions on; mcp_mode block; mcp_controls_inherit off; mcp_acl "watched only" { deny all; mode monitoring; } proxy_pass http://127.0.0.1:%%PORT_2%%; }
SERVER

my $id = 0;
sub drop_all {
    my ($path, %o) = @_;
    return $r->post($r->jsonrpc('tools/call', { name => $o{name} // 'drop_all', arguments => $o{arguments} // { a => 1 } }, ++$id), path => $path,
        headers => ['X-User' => 'alice', Authorization => 'Bearer secret-token-1234567890', Cookie => 'sid=topsecret', @{ $o{headers} // [] }]);
}
sub attacks {
    my ($server, $n) = @_;
    return $r->records("select a.*, c.rpc_id, c.outcome, c.status, c.method, c.server, c.user from attacks a join calls c on c.call = a.call where c.server = 'localhost$server' order by a.at",
        until => sub { @{ $_[0] } >= $n });
}

is(drop_all('/watch')->{status}, 200, 'a call that is objected to passes');
is(scalar @{ $r->upstream->requests }, 1, '... to the upstream');
my $row = attacks('/watch', 1)->[0];
is($row->{type}, 'ACL violation', 'it is an attack');
is($row->{control}, 'no drops', '... by the control');
like($row->{place}, qr/^nginx\.conf:\d+$/, '... with its place');
is($row->{verdict}, 'deny', '... whose verdict is kept');
is($row->{action}, 'passed', '... apart from what was done');
like($row->{detail}, qr/^deny all, line \d+$/, '... with the rule');
is("$row->{outcome} $row->{method} $row->{user}", 'ok tools/call alice', 'the call is in its session, as always');

# The request came in pieces, and went on as it came.
my $json = $r->jsonrpc('tools/call', { name => 'drop_slowly', arguments => { pad => 'x' x 3000 } }, ++$id);
my $socket = $r->open_connection;
print $socket $r->request('POST', '/watch', headers => [@{ $r->mcp_headers }, 'Content-Length' => length $json], body => substr $json, 0, 100);
$r->wait_until(sub { attacks('/watch', 1) }, 'the recorder');
print $socket substr $json, 100;
like(do { local $/; <$socket> }, qr/^HTTP\/1\.1 200/, 'a call in pieces passes');
ok($r->upstream->requests->[-1]{body} eq $json, '... as it was sent');
is(scalar @{ attacks('/watch', 2) }, 2, '... and is judged as a whole');

# Calls that are not recorded otherwise.
drop_all('/skip');
drop_all('/skip', name => 'echo');
is(scalar @{ attacks('/skip', 1) }, 1, 'a skipped call is recorded if it is attacked');
drop_all('/off', name => 'echo');
drop_all('/off');
is(attacks('/off', 1)->[0]{control}, 'no drops', 'where nothing is recorded, what is attacked is');
$r->settled;
is($r->records(q{select count(*) as n from calls where server = 'localhost/off'})->[0]{n}, 1, '... and nothing else');
is($r->records(q{select count(*) as n from calls where server = 'localhost/skip'})->[0]{n}, 1, '... nor of what is skipped');

# Several controls on one call.
drop_all('/both', name => 'echo');
my $before = @{ $r->upstream->requests };
like(drop_all('/both')->{body}, qr/-32010/, 'one that blocks is enough');
is(scalar @{ $r->upstream->requests }, $before, '... and nothing arrives');
my @both = @{ attacks('/both', 2) };
is_deeply([sort map { $_->{control} } @both], ['no drops', 'watched'], 'all that object are recorded');
is_deeply([map { $_->{action} } @both], ['blocked', 'blocked'], '... with what was done');
is($both[0]{outcome}, 'blocked', '... to the call');
is(drop_all('/mild')->{status}, 200, 'a control may be less strict than its level');
is(attacks('/mild', 1)->[0]{control}, 'watched only', '... and the outer ones can be dropped');

# Evidence.
drop_all('/bare');
drop_all('/watch', name => 'drop_passwords', arguments => { password => 'hunter2', n => 3 }, headers => ['X-Api-Key' => 'abc123secret']);
drop_all('/short', arguments => { pad => 'y' x 5000 });
attacks('/bare', 1);
attacks('/short', 1);
my $dumped = join "\n", map { JSON::PP->new->canonical->encode($_) } @{ attacks('/watch', 3) };
unlike($dumped, qr/hunter2|secret-token|topsecret|abc123secret/, 'secrets are in no attack');
my $found = join "\n", map { my $file = $_; open my $in, '<:raw', $file or (); local $/; $in ? scalar <$in> : '' } glob $r->store . '/*';
unlike($found, qr/hunter2|secret-token-1234567890|topsecret|abc123secret/, '... nor anywhere in the store');
like($found, qr{POST /watch HTTP/1\.1}, 'the request line is');

$r->accounted('every exchange is accounted for', dropped => 0, calls => 0);
$r->done_testing;
