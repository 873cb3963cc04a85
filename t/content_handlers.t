#!/usr/bin/perl

# Whatever answers a location, an exchange is recorded once, with what could be seen of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(start => 0, servers => <<'CONF', server => <<'LOCATIONS');
    server {
        # An HTTP/2 upstream for grpc_pass, that answers from the scripted one.
        listen 127.0.0.1:%%PORT_5%% http2;
        location / { proxy_pass http://127.0.0.1:%%PORT_2%%/mcp; proxy_http_version 1.1; proxy_set_header Connection ""; }
    }
CONF
        mcp_sessions on;
        include /etc/nginx/fastcgi_params;
        include /etc/nginx/uwsgi_params;
        location /fastcgi { fastcgi_pass 127.0.0.1:%%PORT_3%%; }
        location /fastcgi-unbuffered { fastcgi_pass 127.0.0.1:%%PORT_3%%; fastcgi_buffering off; fastcgi_request_buffering off; }
        location /uwsgi { uwsgi_pass 127.0.0.1:%%PORT_4%%; }
        location /uwsgi-unbuffered { uwsgi_pass 127.0.0.1:%%PORT_4%%; uwsgi_buffering off; uwsgi_request_buffering off; }
        location /grpc { grpc_pass grpc://127.0.0.1:%%PORT_5%%; }
        location /proxy { proxy_pass http://127.0.0.1:%%PORT_2%%/mcp; }
        location /proxy-unbuffered { proxy_pass http://127.0.0.1:%%PORT_2%%/mcp; proxy_buffering off; proxy_request_buffering off; proxy_http_version 1.1; }
        location /proxy-1.0 { proxy_pass http://127.0.0.1:%%PORT_2%%/mcp; proxy_http_version 1.0; }
        location /return { return 200 '{"jsonrpc":"2.0","id":1,"result":{}}'; }
        location /refuse { return 403; }
        location /static { }
        location /dead { proxy_pass http://127.0.0.1:%%PORT_9%%; }
LOCATIONS
my %upstreams = (2 => $r->upstream);
$upstreams{3} = Test::Mcp::Upstream->new($r, $r->port(3), Test::Mcp::Upstream->mcp, protocol => 'fastcgi');
$upstreams{4} = Test::Mcp::Upstream->new($r, $r->port(4), Test::Mcp::Upstream->mcp, protocol => 'uwsgi');
$r->write_file('html/static', '{"jsonrpc":"2.0","id":1,"result":{}}');
$r->run;

my $pad = 'p' x 100_000;    # more than any buffer, so that bodies go through files
my %to = (
    '/fastcgi' => 3, '/fastcgi-unbuffered' => 3, '/uwsgi' => 4, '/uwsgi-unbuffered' => 4, '/grpc' => 2, '/proxy' => 2,
    '/proxy-unbuffered' => 2, '/proxy-1.0' => 2,
);
my $id = 0;
my %expected;
for my $path (sort keys %to) {
    for my $arguments ({ small => 1 }, { large => $pad }) {
        my $json = $r->jsonrpc('tools/call', { name => 'echo', arguments => $arguments }, ++$id);
        my $answer = $r->post($json, path => $path);
        my $name = "$path, " . (keys %$arguments)[0];
        is($answer->{status}, 200, "$name: answered");
        like($answer->{body}, qr/"id":$id,/, "$name: by the server");
        my $arrived = $upstreams{ $to{$path} }->requests->[-1];
        ok($arrived->{body} eq $json, "$name: the request arrived as it was sent");
        $expected{$id} = { name => $name, in => length $json, out => length $answer->{body}, path => $path };
    }
}

# nginx throws these bodies away unread: headers are all there is.
my @headers = (headers => ['Mcp-Method' => 'tools/call', 'Mcp-Name' => 'delete', 'MCP-Protocol-Version' => '2026-07-28']);
is($r->post($r->jsonrpc('tools/call', { name => 'delete' }, 1), path => '/return', @headers)->{status}, 200, 'return');
is($r->post($r->jsonrpc('tools/call', { name => 'delete' }, 1), path => '/refuse', @headers)->{status}, 403, 'return 403');
is($r->post($r->jsonrpc('tools/call', { name => 'delete' }, 1), path => '/static', @headers)->{status}, 405, 'a static file');
is($r->post($r->jsonrpc('tools/call', { name => 'echo' }, 'dead'), path => '/dead')->{status}, 502, 'no upstream');

my $rows = $r->recorded(q(select * from calls where method is not 'ping'));
my %by_id = map { $_->{rpc_id} // '' => $_ } @$rows;
for my $n (sort { $a <=> $b } keys %expected) {
    my ($want, $row) = ($expected{$n}, $by_id{$n});
    is(scalar(grep { ($_->{rpc_id} // '') eq $n } @$rows), 1, "$want->{name}: recorded once") or next;
    is("$row->{method} $row->{primitive} $row->{outcome}", 'tools/call echo ok', "$want->{name}: what it was");
    is("$row->{coverage_request} $row->{coverage_response}", 'full full', "$want->{name}: all was seen");
    is($row->{bytes_in}, $want->{in}, "$want->{name}: bytes in");
    is($row->{bytes_out}, $want->{out}, "$want->{name}: bytes out");
    is($row->{server}, "localhost$want->{path}", "$want->{name}: MCP server");
}
for my $case (['/return', 200], ['/refuse', 403], ['/static', 405]) {
    my ($path, $status) = @$case;
    my ($row) = grep { $_->{status} == $status && $_->{coverage_request} eq 'discarded' } @$rows;
    ok($row, "$path: recorded as discarded") or next;
    is($row->{method}, 'tools/call', "$path: the method its headers name");
    is($row->{primitive}, 'delete', "$path: the tool its headers name");
}
my ($dead) = grep { $_->{status} == 502 } @$rows;
is($dead->{outcome}, 'http_error', 'no upstream: an HTTP error') or diag(explain($rows));
is($dead->{method}, 'tools/call', 'no upstream: the call is known all the same');
is(scalar @$rows, 4 + keys %expected, 'nothing more');
$r->expect_log(qr/connect\(\) failed/);
$r->accounted('every exchange is accounted for', dropped => 0);

$r->done_testing;
