#!/usr/bin/perl

# Who may ask the console what: methods, clients, hosts, sites, locations; and what answers tell
# browsers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Uncompress::Gunzip qw(gunzip);
use JSON::PP;
use Test::More;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(server => <<'CONF', servers => <<'SERVERS');
    mcp_sessions on;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Client;
    location /c/ { mcp_console; }
    location /bare { mcp_console; }
    location ~ ^/re/[a-z]+/ { mcp_console; }
    location "/a place/" { mcp_console; }
    location /any/ { mcp_console clients=any; }
    location /denied/ { mcp_console clients=any; allow 10.0.0.0/8; deny all; }
    location /pages/ { mcp_console clients=loopback; error_page 400 403 404 405 = /elsewhere; }
    location = /sub.html { ssi on; }
CONF
    server {
        listen 127.0.0.1:%%PORT_1%%;
        server_name console.example *.many.example ~^re\d+\.example$;
        location / { mcp_console; }
    }
    server {
        listen 127.0.0.1:%%PORT_3%% http2;
        location /c/ { mcp_console; }
    }
SERVERS

my $stats = '/c/api/v1/stats';

sub get {
    my ($target, @headers) = @_;
    return $r->http('GET', $target, headers => \@headers);
}

# Methods.
is($r->http('GET', $stats)->{status}, 200, 'GET is answered');
my $head = $r->http('HEAD', $stats);
is("$head->{status} [$head->{body}]", '200 []', 'HEAD too, without a body');
cmp_ok($head->{headers}{'content-length'}, '>', 10, '... and with the length that GET has');
for my $method (qw(POST PUT DELETE OPTIONS PATCH PROPFIND)) {
    my $answer = $r->http($method, $stats, body => '{}');
    is($answer->{status}, 405, "$method is not");
    is($answer->{headers}{allow}, 'GET, HEAD', '... and told what is');
}
is($r->http('POST', '/c/')->{status}, 405, 'nor is the page posted to');

# Clients.
my @away = ('X-Client' => '192.0.2.1');
is(get($stats, @away)->{status}, 403, 'other machines are refused');
is(get('/c/', @away)->{status}, 403, '... the page too');
is(get('/any/api/v1/stats', @away)->{status}, 200, 'unless any may ask');
is(get('/denied/api/v1/stats', @away)->{status}, 403, "nginx's own rules hold");
is(get('/denied/api/v1/stats', 'X-Client' => '10.1.2.3')->{status}, 200, '... for those they let in too');
is(get($stats, 'X-Client' => '::1')->{status}, 200, 'IPv6 has a loopback too');

# Hosts: what an attacker's name server makes of this machine's address is none of them.
for my $host (qw(localhost localhost:1 LOCALHOST 127.0.0.1 [::1] [::1]:8080 192.0.2.9 a.localhost)) {
    is(get($stats, Host => $host)->{status}, 200, "host $host is known");
}
for my $host (qw(evil.example 127.0.0.1.evil.example localhost.evil.example console.example.evil.example)) {
    is(get($stats, Host => $host)->{status}, 421, "host $host is not");
    is(get('/c/', Host => $host)->{status}, 421, '... for the page neither');
}
for my $host (qw(console.example a.b.many.example re7.example)) {
    is(get('/api/v1/stats', Host => $host)->{status}, 200, "server_name makes $host known");
}
is($r->http('GET', $stats, version => '1.0', headers => [Connection => 'close', Host => 'localhost'])->{status}, 200, 'HTTP/1.0');
my $hostless = Test::Mcp::Http::parse_response($r->http_raw("GET $stats HTTP/1.0\r\n\r\n"), 'GET');
is($hostless->{status}, 421, 'without a host there is no answer');
my $absolute = Test::Mcp::Http::parse_response(
    $r->http_raw("GET http://evil.example$stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 'GET');
is($absolute->{status}, 421, 'the host of an absolute address counts');

# Sites.
my @navigate = ('Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document');
my $origin = 'http://localhost:' . $r->port(1);
my @own = (Host => 'localhost:' . $r->port(1));
for my $case (
    [200, 'same-origin'], [200, 'none', @navigate], [403, 'cross-site'], [403, 'same-site'], [403, 'cross-site', @navigate],
    [403, 'nonsense'],
) {
    my ($status, $site, @more) = @$case;
    is(get($stats, 'Sec-Fetch-Site' => $site, @more)->{status}, $status, "site $site" . (@more ? ', navigating' : ''));
}
is(get('/c/', 'Sec-Fetch-Site' => 'cross-site', @navigate)->{status}, 200, 'a link of another site leads to the page');
is(get('/c/', 'Sec-Fetch-Site' => 'cross-site')->{status}, 403, '... but the page cannot be fetched from there');
is(get('/c/', 'Sec-Fetch-Site' => 'cross-site', 'Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'iframe')->{status}, 403, '... nor framed');
is(get($stats, @own, Origin => $origin)->{status}, 200, 'its own origin');
is(get($stats, @own, Origin => "$_")->{status}, 403, "origin $_") for 'null', 'http://evil.example', 'http://localhost', "https://localhost:" . $r->port(1);

# Locations.
is(get("$_/api/v1/stats")->{status}, 200, "$_ serves the API") for '/c', '/bare', '/re/x', '/a%20place';
is(get("$_/api/v1/nothing")->{status}, 404, "$_: what is not there") for '/c', '/bare', '/re/x', '/a%20place';
like(get("$_/")->{body}, qr/<!doctype html>/i, "$_/ is the page") for '/c', '/bare', '/re/x', '/a%20place';
my $bare = get('/bare');
is("$bare->{status} $bare->{headers}{location}", '308 ./bare/', 'relative addresses get their slash');
is(get('/c/api/v1/sessions/../stats')->{status}, 200, 'paths are tidied before they are looked at');
is(get("/c/$_")->{status}, 404, "/c/$_ is nothing") for 'assets/', 'assets/../x', 'ui/package.json', 'api/', 'api/v1', 'api/v1/%ff';
is(get("/c/$_")->{status}, 400, "/c/$_ is refused by nginx") for '..%2f..%2fetc/passwd', '%00';
my $own = get('/pages/api/v1/nothing');
is("$own->{status} $own->{headers}{'content-type'}", '404 application/problem+json', 'error_page does not replace problems');
$r->write_file('html/sub.html', 'x<!--# include virtual="/c/api/v1/stats" -->');
my $included = get('/sub.html');
like($included->{body}, qr/^x(?!.*handed)/s, 'nothing of it is for subrequests');

# Headers.
my %safe = (
    'x-content-type-options' => 'nosniff', 'referrer-policy' => 'no-referrer', 'cross-origin-opener-policy' => 'same-origin',
    'cross-origin-embedder-policy' => 'require-corp', 'cross-origin-resource-policy' => 'same-origin',
);
for my $target ('/c/', $stats, '/c/api/v1/openapi.json', '/c/api/v1/nothing', '/c/api/v1/calls?limit=0', '/bare') {
    my $answer = get($target);
    is($answer->{headers}{$_}, $safe{$_}, "$target: $_") for sort keys %safe;
    like($answer->{headers}{'content-security-policy'}, qr/^default-src 'none';.*frame-ancestors 'none'/, "$target: policy");
    unlike($answer->{headers}{'content-security-policy'}, qr/unsafe|\*|http/, '... without holes');
    is($answer->{headers}{'cache-control'}, $target eq '/c/' ? 'no-cache' : 'no-store', "$target: caching");
    is($answer->{headers}{'access-control-allow-origin'}, undef, "$target: no other origin is let in");
}

# The page's files.
my $page = get('/c/');
is($page->{headers}{'content-type'}, 'text/html; charset=utf-8', 'the page is HTML');
like($page->{headers}{etag}, qr/^"[0-9a-f]{16}"$/, 'with a tag');
my $again = get('/c/', 'If-None-Match' => $page->{headers}{etag});
is("$again->{status} [$again->{body}]", '304 []', 'which saves it from being sent again');
is(get('/c/', 'If-None-Match' => "W/$page->{headers}{etag}, \"x\"")->{status}, 304, '... as one of several');
is(get('/c/', 'If-None-Match' => '"0123456789abcdef"')->{status}, 200, 'another tag does not');
my $small = get('/c/', 'Accept-Encoding' => 'br, gzip');
is($small->{headers}{'content-encoding'}, 'gzip', 'compressed for who takes it');
is($small->{headers}{vary}, 'Accept-Encoding', '... and said so');
isnt($small->{headers}{etag}, $page->{headers}{etag}, '... under a tag of its own');
my $plain;
gunzip(\$small->{body} => \$plain);
ok($plain eq $page->{body}, '... and the same');
is(get('/c/', 'Accept-Encoding' => 'gzip', 'If-None-Match' => $small->{headers}{etag})->{status}, 304, '... not sent again either');
is(get('/c/', 'Accept-Encoding' => 'gzip;q=0')->{headers}{'content-encoding'}, undef, 'not for who refuses it');
my @files = $page->{body} =~ m{(?:src|href)="(?:\./)?(assets/[^"]+)"}g;
for my $file (@files) {
    my $answer = get("/c/$file");
    is($answer->{status}, 200, "$file is there");
    like($answer->{headers}{'cache-control'}, qr/immutable/, '... and may be kept');
    is(get("/re/x/$file")->{status}, 200, '... under every location');
}

SKIP: {
    skip('curl without HTTP/2', 2) unless `curl --version` =~ /HTTP2/;
    my $said = `curl -s -i --http2-prior-knowledge http://127.0.0.1:${\$r->port(3)}$stats`;
    like($said, qr{^HTTP/2 200 .*\r\ncache-control: no-store\r\n.*"handed"}s, 'over HTTP/2');
    $said = `curl -s -i --http2-prior-knowledge -H 'Host: evil.example' http://127.0.0.1:${\$r->port(3)}$stats`;
    like($said, qr{^HTTP/2 421}, 'which is as careful');
}

# Nothing of all this was traffic to record.
$r->recorded('select 1');
is($r->status->{exchanges_handed}, 1, 'the console is not recorded');

$r->done_testing;
