#!/usr/bin/perl

# What the API says of sessions, calls and attacks besides what was sent: what grouped a session's calls, whether
# a tool was ever listed, what was done about attacks and when they were.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use List::Util qw(sum0);
use Test::More;
use Test::Mcp::Api;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(start => 0, http => 'mcp_hash_key_file %%TESTDIR%%/hash.key;', server => <<'CONF');
    location /c/ { mcp_console; }
    mcp_sessions on;
    mcp_user $http_x_user;
    mcp_param chat $http_x_chat;
    mcp_param tenant $http_x_tenant;
    location /own { proxy_pass http://127.0.0.1:%%PORT_2%%; }
    location /chat { mcp_session_id $http_x_none $http_x_chat; proxy_pass http://127.0.0.1:%%PORT_2%%; }
    location /hashed { mcp_session_id $http_x_none $http_x_chat stored=hashed; proxy_pass http://127.0.0.1:%%PORT_2%%; }
    location /masked { mcp_session_id $http_x_token; mcp_param token $http_x_token; proxy_pass http://127.0.0.1:%%PORT_2%%; }
    location /tenant { mcp_session_derive $http_x_tenant $http_x_none idle=5m; proxy_pass http://127.0.0.1:%%PORT_2%%; }
    location /derived { mcp_session_derive idle=5m; proxy_pass http://127.0.0.1:%%PORT_2%%; }
    location /judged {
        mcp_mode block;
        mcp_acl "no drops" { primitives drop*; deny all; }
        mcp_acl "watched" { primitives drop* fail; deny all; mode monitoring; }
        proxy_pass http://127.0.0.1:%%PORT_2%%;
    }
CONF
$r->write_file('hash.key', 'k' x 32);
$r->run;
my $api = Test::Mcp::Api->new($r, '/c/');
my $id = 0;

sub call {
    my ($path, $tool, @headers) = @_;
    return $r->post($r->jsonrpc('tools/call', { name => $tool, arguments => {} }, ++$id), path => $path, headers => \@headers);
}

# What groups a session's calls.
my @who = ('X-User' => 'alice', 'X-Chat' => 'c-17', 'X-Tenant' => 'acme');
my %key = (
    '/chat' => ['param.chat'], '/hashed' => ['param.chat'], '/masked' => ['param.token'], '/tenant' => ['param.tenant', '$http_x_none'],
    '/derived' => ['user'], '/own' => ['session_id'],
);
call($_, 'echo', @who, 'X-Token' => 'sk-0123456789abcdef0123456789abcdef', $_ eq '/own' ? ('Mcp-Session-Id' => 's-1') : ()) for sort keys %key;
call('/derived', 'echo');
$r->settled;
for my $path (sort keys %key) {
    my ($part) = grep { ($_->{user} // '') eq 'alice' } @{ $api->get('sessions', server => "localhost$path")->{items} };
    my $session = $api->get("sessions/$part->{id}");
    is_deeply($session->{grouped_by}, $key{$path}, "$path, found by $session->{id_source}, is grouped by @{ $key{$path} }");
    my @params = map { s/^param\.//r } grep { /^param\./ } @{ $key{$path} };
    is_deeply([grep { !exists $session->{params}{$_} } @params], [], '... which is there');
}
my ($nobody) = grep { !defined $_->{user} } @{ $api->get('sessions', server => 'localhost/derived')->{items} };
is_deeply($api->get("sessions/$nobody->{id}")->{grouped_by}, ['address', 'user_agent'], 'nobody is grouped by address and user agent');

# Tools that were never listed.
my ($call) = @{ $api->get('calls', server => 'localhost/judged')->{items} };
is($call, undef, 'nothing was judged yet');
is_deeply([map { $_->{listed} } @{ $api->get('calls', server => 'localhost/own')->{items} }], [undef], 'where nothing is listed, nothing can be said');
$r->post($r->jsonrpc('tools/list', {}, ++$id), path => '/judged', headers => ['X-User' => 'alice']);
call('/judged', $_, 'X-User' => 'alice') for qw(echo secret drop_all drop_all fail);
$r->post($r->jsonrpc('ping', {}, ++$id), path => '/judged', headers => ['X-User' => 'alice']);
$r->settled;
$r->wait_until(sub { grep { $_->{name} eq 'localhost/judged' && $_->{tools} == 1 } @{ $api->get('servers')->{items} } }, 'the list');
my @calls = reverse @{ $api->get('calls', server => 'localhost/judged')->{items} };
my %listed = map { ($_->{primitive}{name} // $_->{method}) => $_->{listed} } @calls;
is_deeply({ map { $_ => defined $listed{$_} ? $listed{$_} ? 'yes' : 'no' : undef } keys %listed },
    { echo => 'yes', secret => 'no', drop_all => 'no', fail => 'no', 'tools/list' => undef, ping => undef }, 'calls tell whether their tool was listed');
is_deeply($api->get("calls/$_->{id}")->{listed}, $_->{listed}, '... and so does one alone') for @calls;
my $csv = $api->raw('calls', server => 'localhost/judged', format => 'csv')->{body};
like($csv, qr/^[^\r\n]*,primitive,listed,outcome,/, 'an export has it');
like($csv, qr/,tool,echo,true,ok,/, '... as true');
like($csv, qr/,tool,secret,false,ok,/, '... and false');

# Attacks by what was done, in lists, exports, facets and over time.
my %attacks = (blocked => ['no drops', 'no drops', 'watched', 'watched'], passed => ['watched']);
my %calls = (blocked => 2, passed => 1);
sub titles { return [sort map { ($_->{control}) x $_->{count} } @_] }
for my $action (sort keys %attacks) {
    my @found = $api->pages('attacks', action => $action, limit => 1);
    is_deeply(titles(@found), $attacks{$action}, "$action: attacks");
    is_deeply([grep { $_->{action} ne $action } @found], [], '... all of them');
    my $lines = $api->raw('attacks', action => $action, format => 'ndjson')->{body};
    is(scalar(() = $lines =~ /\n/g), scalar @found, '... exported');
    is(scalar @{ $api->get('calls', action => $action)->{items} }, $calls{$action}, '... calls');
    is(sum0(map { $_->{matched} } @{ $api->get('sessions', action => $action)->{items} }), $calls{$action}, '... in their session');
    for my $control (undef, 'no drops', 'watched', 'none such') {
        my @titles = grep { !defined $control || $_ eq $control } @{ $attacks{$action} };
        my $steps = $api->get('timeline', action => $action, defined $control ? (control => $control) : ())->{items};
        is(sum0(map { $_->{attacks} } @$steps), scalar @titles, '... over time' . (defined $control ? " of $control" : ''));
    }
}
is_deeply(titles($api->pages('attacks', action => ['passed', 'blocked'])), [sort map { @$_ } values %attacks], 'either of them is all');
my $facet = $api->get('facets', field => 'action')->{facets}{action};
is_deeply({ map { $_->{value} => $_->{count} } @{ $facet->{values} } }, \%calls, 'what was done is a facet');
is($api->problem('attacks', action => 'denied')->{parameter}, 'action', 'nothing else was done');

# A primitive's attacks are as many as its server's.
my ($server) = grep { $_->{name} eq 'localhost/judged' } @{ $api->get('servers')->{items} };
my %of = map { $_->{name} => $_->{attacks} } @{ $api->get("servers/$server->{id}/primitives")->{items} };
is_deeply(\%of, { echo => 0, secret => 0, drop_all => 4, fail => 1 }, 'attacks of primitives');
is($server->{attacks}, 5, '... and of their server');

$r->done_testing;
