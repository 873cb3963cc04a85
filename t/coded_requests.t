#!/usr/bin/perl

# Compressed requests where a control blocks: the forbidden call is found in gzip, deflate and brotli, and a call that
# may pass arrives as it was sent. Several codings on one another, and what is not coded as it says, are refused.

use strict;
use warnings;

use FindBin;
use IO::Compress::Deflate qw(deflate);
use IO::Compress::Gzip qw(gzip);
use IO::Compress::RawDeflate qw(rawdeflate);
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

# It does not undo codings: the id comes in a header as well.
my $server = sub {
    my ($c, $request) = @_;
    my $id = $request->{header}{'x-id'} // return Test::Mcp::Upstream->mcp->($c, $request);
    return $c->reply(200, 'application/json', qq({"jsonrpc":"2.0","id":$id,"result":{"content":[]}}));
};
my $r = Test::Mcp::Recorder->new(upstream => $server, server => <<'SERVER');
        mcp_sessions on;
        mcp_mode block;
        mcp_acl "no drops" { methods tools/call; primitives drop*; deny all; }
        location /small { client_body_buffer_size 1k; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /limited { mcp_body_limit 64k; proxy_pass http://127.0.0.1:%%PORT_2%%; }
SERVER

# Brotli without compression, RFC 7932 section 9: meta-blocks that say their length, the bytes, an empty last one.
sub brotli {
    my ($bytes) = @_;
    my ($out, $is_first) = ('', 1);
    for my $piece (unpack '(a65536)*', $bytes) {
        # The first bit of all is the window; then: not the last, four nibbles of length, uncompressed.
        my $bits = (length($piece) - 1) << 3 | 1 << 19;
        $out .= substr(pack('V', $is_first ? $bits << 1 : $bits), 0, 3) . $piece;
        $is_first = 0;
    }
    return "$out\x03";
}
my %code = (
    gzip => sub { gzip(\$_[0] => \my $out); return $out },
    deflate => sub { deflate(\$_[0] => \my $out); return $out },
    br => \&brotli,
);

my $id = 0;
sub call { return $r->jsonrpc('tools/call', { name => $_[0], arguments => { pad => 'abc' x ($_[1] / 3) } }, ++$id) }
sub arrived { return scalar @{ $r->upstream->requests } }

for my $codings (qw(gzip deflate br)) {
    for my $path (qw(/mcp /small)) {
        for my $size (30, 150_000) {
            my $how = "$codings, $path, $size bytes";
            my $coded = sub {
                my ($body) = @_;
                return $code{$codings}->($body);
            };
            my $send = sub { $r->post($_[0], path => $path, headers => ['Content-Encoding' => $codings, 'X-Id' => $id], session => 'one') };
            my $before = arrived();
            my $bad = $send->($coded->(call('drop_all', $size)));
            is($bad->{status}, 200, "$how: a call that is forbidden is answered");
            like($bad->{body}, qr/"id":$id,"error":\{"code":-32010/, '... by nginx, for its id');
            is(arrived(), $before, '... and does not arrive');
            my $body = $coded->(call('echo', $size));
            $send->($body);
            is(arrived(), $before + 1, '... another arrives');
            ok($r->upstream->requests->[-1]{body} eq $body, '... as it was sent');
        }
    }
}

# Made by node's zlib: {"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"drop_all","arguments":{}}}
my $real = pack 'H*', '1b5900e08cd4624d99ee4490b7d42f1ba66851a068a6febe58749c72c01cb5b528eca703f2c163783b7e658584537dfedb1ab5e31e678119a5a87117ab9e815955e2651006353301';
my $before = arrived();
like($r->post($real, headers => ['Content-Encoding' => 'br'])->{body}, qr/"id":7,"error":\{"code":-32010/, 'what a real encoder makes is read');
is(arrived(), $before, '... and does not arrive');

# RFC 9110 wants zlib's wrapping. What is bare could begin as JSON does.
rawdeflate(\call('echo', 30) => \my $bare);
is($r->post($bare, headers => ['Content-Encoding' => 'deflate'])->{status}, 403, 'deflate without its wrapping is refused');
is(arrived(), $before, '... and does not arrive');

# Of several codings a server may undo the first only.
for my $codings ('gzip, br', 'br, deflate', 'deflate, gzip, br') {
    for my $name (qw(echo drop_all)) {
        my $body = call($name, 30);
        $body = $code{$_}->($body) for split /, /, $codings;
        ok($r->post($body, headers => ['Content-Encoding' => $codings])->{body} =~ /-32010/, "$codings: $name is blocked");
    }
}
is(arrived(), $before, '... and nothing arrives');

# What is broken, longer than it may be, or not all there, is no call that a control could know.
for my $codings (qw(deflate br)) {
    my $headers = ['Content-Encoding' => $codings];
    my $body = $code{$codings}->(call('echo', 3_000));
    for my $broken (substr($body, 0, length($body) - 20), "\xff" . $body, call('echo', 30), $body . $code{$codings}->(call('drop_all', 30))) {
        my $answer = $r->post($broken, headers => $headers);
        ok($answer->{status} == 403 || $answer->{body} =~ /-32010/, "$codings: what is broken is blocked") or diag($answer->{raw});
    }
    my $bomb = $code{$codings}->(call('echo', 3_000_000));
    ok($r->post($bomb, path => '/limited', headers => $headers)->{body} =~ /-32010/, "$codings: what is longer than mcp_body_limit decoded cannot be judged");
    is(arrived(), $before, '... and nothing arrives');
}

my $rows = $r->recorded(q{select primitive, coverage_request from calls where method = 'tools/call' and outcome is not 'blocked'});
is_deeply([map { "$_->{primitive} $_->{coverage_request}" } @$rows], [('echo full') x 12], 'what passed is recorded, read as a whole');
$r->accounted('every exchange is accounted for', dropped => 0);
$r->done_testing;
