#!/usr/bin/perl

# post_action beside controls: it runs after a call that passed and after one that was blocked, is not judged itself
# before it, and what a control of its location objects to does not reach its server, nor the client.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $up = 'proxy_pass http://127.0.0.1:%%PORT_2%%';
my $r = Test::Mcp::Recorder->new(server => <<"SERVER", upstream => {
        mcp_sessions on;
        mcp_mode block;
        location /told { mcp_acl "no drops" { primitives drop*; deny all; } post_action /after; $up; }
        location = /after { internal; mcp_controls_inherit off; mcp_protocol_check off; $up/after?of=\$request_id; }
        location /strict { post_action /judged; $up; }
        location = /judged { internal; mcp_acl "nothing" { deny all; } $up/judged; }
SERVER
    '' => Test::Mcp::Upstream->mcp,
    '/after' => sub { $_[0]->reply(200, 'text/plain', 'told') },
    '/judged' => sub { $_[0]->reply(200, 'text/plain', 'told') },
});

my $id = 0;
sub arrived { my ($path) = @_; return scalar grep { $_->{target} =~ /^\Q$path\E(?:\?|\z)/ } @{ $r->upstream->requests } }
sub call { my ($path, $name) = @_; return $r->post($r->jsonrpc('tools/call', { name => $name }, ++$id), path => $path) }

my $answer = call('/told', 'echo');
like($answer->{body}, qr/"id":$id,.*"result"/, 'a call passes');
ok($r->wait_until(sub { arrived('/after') == 1 }, 'the post_action'), '... and post_action runs after it');
is(arrived('/told'), 1, '... which arrives once');

$answer = call('/told', 'drop_all');
like($answer->{body}, qr/"id":$id,"error":\{"code":-32010/, 'a call is blocked');
ok($answer->{complete}, '... with a whole answer');
$r->recorded('select 1');
is(arrived('/told'), 1, '... and does not arrive');

$answer = call('/strict', 'echo');
like($answer->{body}, qr/"id":$id,.*"result"/, 'a call passes whose post_action is forbidden');
ok($answer->{complete}, '... with a whole answer');
unlike($answer->{raw}, qr/-32010/, '... and nothing behind it');
my $calls = $r->recorded(q{select method, outcome, primitive, server from calls where method = 'tools/call' order by call});
is(arrived('/judged'), 0, 'what is forbidden in it never arrives');
is(scalar(grep { $_->{primitive} eq 'echo' && $_->{outcome} eq 'ok' } @$calls), 2, 'calls that passed are recorded as such');
is(scalar(grep { $_->{outcome} eq 'blocked' && $_->{primitive} eq 'drop_all' } @$calls), 1, '... and the blocked one, once');
my $attacks = $r->query(q{select control, action from attacks order by at});
is_deeply([map { "$_->{control} $_->{action}" } @$attacks], ['no drops blocked', 'nothing passed'], 'the attacks of both');
is(call('/told', 'echo')->{status}, 200, 'nginx goes on');

$r->accounted('every exchange is accounted for', dropped => 0);
$r->done_testing;
