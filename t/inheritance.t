#!/usr/bin/perl

# What inner levels take from outer ones.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $pass = 'proxy_pass http://127.0.0.1:%%PORT_2%%; proxy_http_version 1.1; proxy_set_header Connection "";';
my $r = Test::Mcp::Recorder->new(
    http => <<'CONF',
    mcp_sessions on;
    mcp_user $http_x_user;
    mcp_role $http_x_role separator=,;
    mcp_param outer $http_x_outer;
    mcp_skip ping;
    mcp_mask outer_colour;
    mcp_capture arguments=masked results=off limit=512;
    log_format user '[$mcp_user] [$mcp_role] [$outer] [$inner]';
    mcp_set $outer request /params/arguments/outer;
CONF
    server => <<"CONF",
    access_log %%TESTDIR%%/user.log user;
    mcp_mask server_colour;
    mcp_set \$inner request /params/arguments/inner;
    location /inherits { $pass }
    location /replaces {
        mcp_user \$http_x_other;
        mcp_role \$http_x_role;
        mcp_param inner \$http_x_inner hashed;
        mcp_skip tools/list;
        mcp_mask inner_colour;
        mcp_capture results=masked;
        mcp_set \$inner request /params/name;
        $pass
        location /replaces/deeper { $pass }
    }
    location /drops { mcp_user off; mcp_role off; mcp_param off; mcp_skip off; $pass }
    location /off { mcp_sessions off; $pass location /off/on { mcp_sessions on; $pass } }
    location /if { if (\$http_x_if) { mcp_sessions_if_marker; } $pass }
CONF
    start => 0,
);

# Not a directive of ours: an `if` block makes a level of its own, which inherits.
my $conf = $r->read_file('nginx.conf');
$conf =~ s/mcp_sessions_if_marker;/add_header X-If 1;/;
$conf =~ s/(mcp_sessions_store [^;]*;)/$1 mcp_hash_key_file secret;/;
$r->write_file('nginx.conf', $conf);
$r->write_file('secret', 'a secret of more than sixteen bytes');
$r->run;

my $n = 0;
my @headers = ('X-User' => 'alice', 'X-Other' => 'bob', 'X-Role' => 'a,b', 'X-Outer' => 'o', 'X-Inner' => 'i');
my %arguments = (outer => 'O', inner => 'I', map { $_ => 'visible' } qw(outer_colour server_colour inner_colour plain));

# Calls a tool, and returns what was recorded and what the variables were.
sub recorded_under {
    my ($path, @more) = @_;
    my $tool = 'tool' . ++$n;
    $r->call($tool, \%arguments, path => $path, headers => [@headers, @more]);
    my $row = $r->records('select user, roles, arguments, result from calls where primitive = ?', bind => [$tool])->[0];
    $r->wait_until(sub { (() = $r->read_file('user.log') =~ /\n/g) >= $n }, 'the log');
    return ($row, (split /\n/, $r->read_file('user.log'))[$n - 1]);
}

sub masked {
    my ($row) = @_;
    return join ' ', grep { $row->{arguments} !~ /"$_":"visible"/ } qw(outer_colour server_colour inner_colour plain);
}

my ($row, $line) = recorded_under('/inherits');
is_deeply([@$row{qw(user roles result)}], ['alice', '["a","b"]', undef], 'a location inherits');
is(masked($row), 'outer_colour server_colour', 'masks add up');
is($line, '[alice] [a,b] [O] [I]', 'mcp_set is inherited');

($row, $line) = recorded_under('/replaces');
is_deeply([@$row{qw(user roles)}], ['bob', '["a,b"]'], 'what a level says replaces, parameters too');
is(masked($row), 'outer_colour server_colour inner_colour', 'a location adds a mask, and takes none away');
ok($row->{result} && length $row->{arguments} < 600, 'mcp_capture: each parameter is inherited by itself');
is($line, "[bob] [a,b] [O] [tool$n]", 'mcp_set: variable by variable');

($row, $line) = recorded_under('/replaces/deeper');
is_deeply([$row->{user}, masked($row)], ['bob', 'outer_colour server_colour inner_colour'], 'a nested location inherits from its parent');

($row, $line) = recorded_under('/drops');
is_deeply([$row->{user} // '', $row->{roles}], ['', '[]'], 'off sets none');
is(masked($row), 'outer_colour server_colour', 'but masks stay');

($row, $line) = recorded_under('/if', 'X-If' => 1);
is_deeply([$row->{user}, masked($row)], ['alice', 'outer_colour server_colour'], 'an if block inherits');

# mcp_skip.

for my $path ('/inherits', '/replaces', '/drops') {
    for my $method ('ping', 'tools/list') {
        $r->post($r->jsonrpc($method, {}, "$path $method"), path => $path);
    }
}
recorded_under('/inherits');
my $rows = $r->settled && $r->query("select rpc_id from calls where method in ('ping', 'tools/list')");
is_deeply([sort map { $_->{rpc_id} =~ s/"//gr } @$rows],
    ['/drops ping', '/drops tools/list', '/inherits tools/list', '/replaces ping'], 'mcp_skip is inherited, replaced, dropped');

# mcp_sessions off.
$r->call('unseen', {}, path => '/off');
$r->call('seen', {}, path => '/off/on');
$r->records('select call from calls where primitive = ?', bind => ['seen']);
is(scalar @{ $r->query('select call from calls where primitive = ?', 'unseen') }, 0, 'off in a location records nothing');

$r->done_testing;
