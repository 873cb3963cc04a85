#!/usr/bin/perl

# Where a control blocks, auth_basic, auth_request, satisfy, limit_except, mirror, try_files, error_page, named
# locations and internal redirects keep their meaning.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $basic = 'Basic YWxpY2U6c2VjcmV0';
my $up = 'proxy_pass http://127.0.0.1:%%PORT_2%%;';
my $r = Test::Mcp::Recorder->new(start => 0, server => <<"SERVER", upstream => {
        mcp_sessions on;
        mcp_mode block;
        mcp_user \$remote_user;
        mcp_acl "no drops" { primitives drop*; deny all; }
        error_page 401 403 404 502 /page.html;
        location = /page.html { internal; root %%TESTDIR%%; }
        location /basic { auth_basic area; auth_basic_user_file %%TESTDIR%%/htpasswd; mcp_acl "alice only" { allow user=alice; deny all; } $up }
        location /request { auth_request /allowed; $up }
        location /refused { auth_request /forbidden; $up }
        location = /allowed { internal; proxy_pass http://127.0.0.1:%%PORT_2%%/allowed; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
        location = /forbidden { internal; return 403; }
        location /satisfy { satisfy any; deny all; auth_basic area; auth_basic_user_file %%TESTDIR%%/htpasswd; $up }
        location /open { satisfy any; allow 127.0.0.1; deny all; auth_basic area; auth_basic_user_file %%TESTDIR%%/htpasswd; $up }
        location /except { limit_except GET { deny all; } $up }
        location /limited { limit_except GET { allow 127.0.0.1; deny all; } $up }
        location /mirror { mirror /mirrored; $up }
        location = /mirrored { internal; proxy_pass http://127.0.0.1:%%PORT_2%%/mirrored; }
        location /try { try_files /none \@named; }
        location \@named { $up }
        location /looser { mcp_controls_inherit off; mcp_protocol_check off; try_files /none /stricter; }
        location /stricter { mcp_acl "no echo" { primitives echo; deny all; } $up }
        location /rewrite { rewrite ^ /stricter last; }
        location /if { if (\$http_x_up) { proxy_pass http://127.0.0.1:%%PORT_2%%; } $up }
        location /failing { error_page 502 = \@named; proxy_pass http://127.0.0.1:%%PORT_3%%; }
        location /early { return 204; }
        location /static { root %%TESTDIR%%; }
SERVER
    '' => Test::Mcp::Upstream->mcp,
    '/allowed' => sub { $_[0]->reply(200, undef, '') },
    '/mirrored' => sub { $_[0]->reply(200, undef, '') },
});
$r->write_file('htpasswd', "alice:{PLAIN}secret\nbob:{PLAIN}secret\n");
$r->write_file('page.html', 'the page');
$r->run;

my $id = 0;
sub arrived { return scalar grep { $_->{target} ne '/allowed' } @{ $r->upstream->requests } }
sub sent {
    my ($path, $name, @headers) = @_;
    return $r->post($r->jsonrpc('tools/call', { name => $name, arguments => {} }, ++$id), path => $path, headers => \@headers);
}
sub passes {
    my ($path, @headers) = @_;
    my $before = arrived();
    my $answer = sent($path, 'echo', @headers);
    is($answer->{status}, 200, "$path: a call passes") or diag $answer->{raw};
    like($answer->{body}, qr/"id":$id\b/, '... and is answered');
    return arrived() - $before;
}
sub blocks {
    my ($path, @headers) = @_;
    my $before = arrived();
    my $answer = sent($path, 'drop', @headers);
    is($answer->{status}, 200, "$path: a call is blocked");
    like($answer->{body}, qr/"id":$id,"error":\{"code":-32010/, '... with an error of its own');
    is(arrived(), $before, '... and nothing arrives');
    return;
}
sub refuses {
    my ($path, $status, @headers) = @_;
    my $before = arrived();
    for my $name (qw(echo drop)) {
        my $answer = sent($path, $name, @headers);
        is($answer->{status}, $status, "$path: nginx refuses $name");
        like($answer->{body}, qr/the page/, '... with its own page');
    }
    is(arrived(), $before, '... and nothing arrives');
    return;
}

passes('/basic', Authorization => $basic);
blocks('/basic', Authorization => $basic);
refuses('/basic', 401);
like(sent('/basic', 'echo', Authorization => 'Basic Ym9iOnNlY3JldA==')->{body}, qr/-32010/, 'nginx\'s own user is known to controls');
passes('/request');
blocks('/request');
refuses('/refused', 403);
passes('/satisfy', Authorization => $basic);
blocks('/satisfy', Authorization => $basic);
refuses('/satisfy', 401);
passes('/open');
blocks('/open');
refuses('/except', 403);
passes('/limited');
blocks('/limited');
my $before = arrived();
is(passes('/mirror'), 2, 'a call is mirrored');
blocks('/mirror');
for my $path (qw(/try /if /failing)) {
    is(passes($path), 1, "$path: the upstream gets it once");
    blocks($path);
}
blocks('/if', 'X-Up' => 1);
$before = arrived();
for my $path (qw(/looser /rewrite)) {
    like(sent($path, 'echo')->{body}, qr/-32010/, "$path: the controls of the location it is led to judge, too");
    is(arrived(), $before, '... and nothing arrives');
}
is(sent('/early', 'drop')->{status}, 204, 'return answers before controls are asked');
is(sent('/static/none', 'drop')->{status}, 200, 'a static location has controls, too');
is($r->http('GET', '/static/page.html')->{body}, 'the page', 'a GET has nothing to judge');
is($r->http('GET', '/mcp', body => $r->jsonrpc('tools/call', { name => 'drop' }, 5), headers => $r->mcp_headers)->{body} =~ /-32010/ ? 1 : 0, 1,
    'but a body is a body');
is($r->http('HEAD', '/static/page.html')->{status}, 404, 'nor has a HEAD');

$r->accounted('every exchange is accounted for', dropped => 0);
$r->done_testing;
