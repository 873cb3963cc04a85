#!/usr/bin/perl

# A session id that comes from another verified user than the one who opened the session: in any worker, also after
# a reload.

use strict;
use warnings;

use FindBin;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $mcp = Test::Mcp::Upstream->mcp;
my $next = 0;
my $r = Test::Mcp::Recorder->new(workers => 2, server => <<'SERVER', location => <<'LOCATION', upstream => {
        mcp_jwt_unverified allow;
        mcp_user $mcp_jwt_sub;
        location /watch { mcp_sessions on; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /unverified { mcp_sessions on; mcp_jwt_unverified deny; mcp_protocol_check block; proxy_pass http://127.0.0.1:%%PORT_2%%; }
SERVER
            mcp_protocol_check block;
LOCATION
    '' => $mcp, '/other' => Test::Mcp::Upstream->mcp(session => 'session-2'),
});

sub as {
    my ($user) = @_;
    return (headers => ['Authorization' => 'Bearer ' . join '.', map { encode_base64url($_) } '{"alg":"HS256","typ":"JWT"}', qq({"sub":"$user"}), 'x']);
}
sub arrived { return scalar @{ $r->upstream->requests } }
my $id = 0;
sub ping { my ($user, %o) = @_; return $r->post($r->jsonrpc('ping', undef, ++$id), session => 'session-1', as($user), %o) }

is($r->open_session(as('alice')), 'session-1', 'alice opens a session');
# The log phase, which notes it, comes right after the answer.
$r->wait_until(sub { ping('bob')->{body} =~ /-32010/ }, 'the session to be hers');
my $before = arrived();
like(ping('bob')->{body}, qr/-32010/, "bob cannot use alice's session in worker after worker") for 1 .. 10;
is(arrived(), $before, '... nothing of it arrives');
unlike(ping('alice')->{body}, qr/-32010/, 'alice can') for 1 .. 10;
is($r->http('DELETE', '/mcp', as('bob'), headers => ['Mcp-Session-Id' => 'session-1', @{ { as('bob') }->{headers} }])->{status}, 403,
    'nor can bob end it');
is($r->http('GET', '/mcp', headers => ['Mcp-Session-Id' => 'session-1', Accept => 'text/event-stream', @{ { as('bob') }->{headers} }])->{status}, 403,
    'nor listen to it');
is(arrived(), $before + 10, '... nothing of these arrives');
$r->reload(wait_old => 1);
like(ping('bob')->{body}, qr/-32010/, 'a reload forgets nothing');
unlike(ping('bob', path => '/watch')->{body}, qr/-32010/, 'where it is only watched, he passes');
my $rows = $r->records(q{select a.* from attacks a join calls c on c.call = a.call where c.server = 'localhost/watch'}, until => sub { @{ $_[0] } >= 1 });
is($rows->[0]{type}, 'Protocol violation', '... and is reported');
is($rows->[0]{point}, 'header Mcp-Session-Id', '... with the header');
unlike(ping('alice')->{body}, qr/-32010/, "... and the session is still hers");
unlike(ping('bob', path => '/unverified')->{body}, qr/-32010/, 'users that nobody has verified are not told apart');

my @old = (session => undef, path => '/mcp/messages?session_id=0f1e2d3c4b5a69788796a5b4c3d2e1f0');
unlike(ping('alice', @old)->{body}, qr/-32010/, 'of HTTP+SSE, alice posts to a session first');
$r->wait_until(sub { ping('bob', @old)->{body} =~ /-32010/ }, 'that session to be hers');
$before = arrived();
like(ping('bob', @old)->{body}, qr/-32010/, '... and bob cannot');
is(arrived(), $before, '... nothing of it arrives');
unlike(ping('alice', @old)->{body}, qr/-32010/, '... alice can');
$rows = $r->records(q{select * from attacks where point = 'query'}, until => sub { @{ $_[0] } >= 1 });
is($rows->[0]{action}, 'blocked', '... and it is told where the id stood');
$r->accounted('every exchange is accounted for', dropped => 0);

$r->done_testing;
