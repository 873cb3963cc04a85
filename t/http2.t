#!/usr/bin/perl

# HTTP/2, plain and over TLS, and HTTP/1.1 over TLS are recorded as HTTP/1.1 is.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

plan(skip_all => 'curl without HTTP/2') unless `curl --version` =~ /HTTP2/;

my $r = Test::Mcp::Recorder->new(start => 0, upstream => Test::Mcp::Upstream->mcp(sse => 1), servers => <<'CONF');
    server {
        listen 127.0.0.1:%%PORT_3%% http2;
        listen 127.0.0.1:%%PORT_4%% ssl http2;
        server_name localhost;
        ssl_certificate %%TESTDIR%%/cert.pem;
        ssl_certificate_key %%TESTDIR%%/key.pem;
        location / {
            mcp_sessions on;
            proxy_pass http://127.0.0.1:%%PORT_2%%; proxy_http_version 1.1; proxy_buffering off;
        }
    }
CONF
my $dir = $r->dir;
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout $dir/key.pem -out $dir/cert.pem 2>/dev/null") == 0
    or die "openssl failed\n";
$r->run;
my ($h2c, $tls) = ($r->port(3), $r->port(4));
my %ways = (
    'h2c' => "--http2-prior-knowledge http://localhost:$h2c", 'tls-1.1' => "--http1.1 https://localhost:$tls",
    'tls-2' => "--http2 https://localhost:$tls",
);

my $id = 0;
my %want;
for my $way (sort keys %ways) {
    my ($options, $url) = $ways{$way} =~ /^(\S+) (\S+)$/;
    for my $size (10, 20_000, 600_000) {
        my $json = $r->jsonrpc('tools/call', { name => $way, arguments => { pad => 'p' x $size } }, ++$id);
        $r->write_file('request.json', $json);
        my $command = "curl -sk $options --resolve localhost:$h2c:127.0.0.1 --resolve localhost:$tls:127.0.0.1"
            . " -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' -H 'Expect:'"
            . " -w '\\n%{http_version} %{http_code}' --data-binary \@$dir/request.json $url/way";
        my $said = `$command`;
        my ($version, $status) = $said =~ /\n([\d.]+) (\d+)$/;
        is($status, 200, "$way, $size bytes: answered");
        is($version, $way eq 'tls-1.1' ? '1.1' : '2', "$way, $size bytes: so");
        like($said, qr/"id":$id[,}]/, "$way, $size bytes: the answer passed");
        ok($r->upstream->requests->[-1]{body} eq $json, "$way, $size bytes: the request arrived as it was sent");
        $want{$id} = { way => $way, size => length $json };
    }
}
# A stream that the client resets.
my ($options, $url) = $ways{'h2c'} =~ /^(\S+) (\S+)$/;
my $said = `curl -s -m 1 $options --resolve localhost:$h2c:127.0.0.1 -H 'Accept: text/event-stream' -H 'Mcp-Session-Id: session-1' $url/way`;
like($said, qr/hello/, 'a stream over HTTP/2 has begun');
# Several requests on one connection.
$r->write_file('many.json', $r->jsonrpc('tools/call', { name => 'many', arguments => {} }, 1000));
my $all = `curl -skS --http2 -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' --resolve localhost:$tls:127.0.0.1 --data-binary \@$dir/many.json 'https://localhost:$tls/way?n=[1-10]' 2>&1`;
is(scalar(() = $all =~ /"id":1000/g), 10, 'ten requests on one connection') or diag($all);

my $rows = $r->recorded(q(select * from calls where method is not 'ping'));
for my $n (sort { $a <=> $b } keys %want) {
    my @rows = grep { ($_->{rpc_id} // '') eq $n } @$rows;
    is(scalar @rows, 1, "$want{$n}{way}, $want{$n}{size} bytes: recorded once") or next;
    is("$rows[0]{primitive} $rows[0]{outcome} $rows[0]{bytes_in}", "$want{$n}{way} ok $want{$n}{size}", '... as what it was');
    is($rows[0]{server}, 'localhost/way', '... of its server');
}
is(scalar(grep { ($_->{primitive} // '') eq 'many' && $_->{outcome} eq 'ok' } @$rows), 10, 'all ten are recorded');
$r->accounted('every exchange is accounted for', dropped => 0);

$r->done_testing;
