#!/usr/bin/perl

# Levels are merged as nginx users expect: what a level says replaces what is around it, masks add up.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(
    http => <<'HTTP',
        proxy_http_version 1.1;
        mcp_sessions on;
        mcp_user $http_x_user;
        mcp_role $http_x_role;
        mcp_param tenant $http_x_tenant;
        mcp_mask outer;
        mcp_capture arguments=masked results=off;
        mcp_set $order request /params/arguments/order;
        mcp_session_id $http_x_session;
HTTP
    server => <<'SERVER',
        mcp_mask middle;
        location /inherits { proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /off { mcp_sessions off; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /on-again { mcp_sessions off; location /on-again/inner { mcp_sessions on; proxy_pass http://127.0.0.1:%%PORT_2%%; } proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /own-user { mcp_user $http_x_other; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /no-user { mcp_user off; mcp_role off; mcp_param off; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /own-param { mcp_param order $order; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /mask { mcp_mask inner*; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /shape { mcp_capture arguments=shape; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /results { mcp_capture results=masked; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /no-arguments { mcp_capture arguments=off; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /skip { mcp_skip tools/*; location /skip/not { mcp_skip off; proxy_pass http://127.0.0.1:%%PORT_2%%; } proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /named { mcp_server_name crm; location /named/inner { proxy_pass http://127.0.0.1:%%PORT_2%%; } proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /header-id { mcp_session_id off; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /hashed-id { mcp_session_id stored=hashed; proxy_pass http://127.0.0.1:%%PORT_2%%; }
SERVER
    main => '',
    start => 0,
);
$r->write_file('hash.key', 'k' x 32);
$r->configure(http => $r->{recorder}{http} . ' mcp_hash_key_file %%TESTDIR%%/hash.key;');
$r->run;

my %arguments = (order => 17, city => 'Oslo', outer => 'secret-o', middle => 'secret-m', inner_one => 'secret-i', plain => 'seen');
my @headers = (headers => ['X-User' => 'alice', 'X-Other' => 'bob', 'X-Role' => 'admin', 'X-Tenant' => 'acme', 'X-Session' => 'mine']);
my $id = 0;
my %at;
for my $path (qw(/inherits /off /on-again /on-again/inner /own-user /no-user /own-param /mask /shape /results /no-arguments
    /skip /skip/not /named /named/inner /header-id /hashed-id)) {
    my $answer = $r->call('echo', \%arguments, id => ++$id, path => $path, session => 'of-header', @headers);
    is($answer->{status}, 200, "$path: answered");
    $at{$path} = $id;
}
my $rows = $r->recorded('select c.*, s.id_source from calls c join sessions s using (part)');
my %by_id = map { $_->{rpc_id} => $_ } @$rows;
my %row = map { $_ => $by_id{ $at{$_} } } keys %at;

ok($row{'/inherits'}, 'the http level is inherited');
is("$row{'/inherits'}{user} $row{'/inherits'}{roles}", 'alice ["admin"]', 'user and role are');
is("$row{'/inherits'}{session_id} $row{'/inherits'}{id_source}", 'mine configured', 'so is the session id');
is($row{'/inherits'}{result}, undef, 'results=off is');
unlike($row{'/inherits'}{arguments}, qr/secret-[om]/, 'masks of http and server are');
like($row{'/inherits'}{arguments}, qr/secret-i/, 'what only another location masks is seen');
is($row{'/off'}, undef, 'off records nothing');
is($row{'/on-again'}, undef, 'off above on records nothing');
ok($row{'/on-again/inner'}, 'on inside off records');
is($row{'/own-user'}{user}, 'bob', 'a user of its own replaces');
is($row{'/own-user'}{roles}, '["admin"]', '... and leaves the role');
is($row{'/no-user'}{user}, undef, 'off sets no user');
is($row{'/no-user'}{roles}, '[]', 'off sets no role');
unlike($row{'/mask'}{arguments}, qr/secret-[omi]/, 'masks add up inwards');
like($row{'/mask'}{arguments}, qr/seen/, '... and mask nothing else');
unlike($row{'/shape'}{arguments}, qr/Oslo|seen|17/, 'arguments by shape');
like($row{'/shape'}{arguments}, qr/city/, '... name the keys');
is($row{'/shape'}{result}, undef, '... and results stay off');
like($row{'/results'}{result}, qr/content/, 'results are captured where said');
like($row{'/results'}{arguments}, qr/Oslo/, '... and arguments stay masked');
is($row{'/no-arguments'}{arguments}, undef, 'arguments off');
is($row{'/skip'}, undef, 'skipped methods are not recorded');
ok($row{'/skip/not'}, 'off inside skips nothing');
is($row{'/named'}{server}, 'crm', 'a named server');
is($row{'/named/inner'}{server}, 'crm', '... named for locations inside');
is("$row{'/header-id'}{session_id} $row{'/header-id'}{id_source}", 'of-header header', 'session id off: the built-in places');
unlike($row{'/hashed-id'}{session_id}, qr/of-header|mine/, 'a hashed session id does not show it');
isnt($row{'/hashed-id'}{session_id}, undef, '... and is there');

# Reload with other rules: they hold from then on.
$r->configure(http => 'mcp_user $http_x_other; mcp_hash_key_file %%TESTDIR%%/hash.key; mcp_set $order request /params/arguments/order; mcp_sessions on; proxy_http_version 1.1;');
ok($r->reload(wait_old => 1), 'reloaded');
$r->call('echo', \%arguments, id => 'after', path => '/inherits', @headers);
my $after = $r->records(q(select * from calls where rpc_id in ('after', '"after"')), count => 1);
is($after->[0]{user}, 'bob', 'the new rules hold after a reload');
# A wrong configuration leaves the old one in force.
$r->write_file('nginx.conf', $r->read_file('nginx.conf') =~ s/mcp_user/mcp_usr/r);
ok(!$r->reload, 'a wrong configuration is refused');
$r->call('echo', {}, id => 'still', path => '/inherits', @headers);
is(scalar @{ $r->records(q(select * from calls where rpc_id in ('still', '"still"')), count => 1) }, 1, 'the old one stays in force');

$r->done_testing;
