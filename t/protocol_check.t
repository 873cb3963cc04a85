#!/usr/bin/perl

# mcp_protocol_check: bodies and headers that servers could read in different ways do not pass where a control
# blocks, and are reported where none does.

use strict;
use warnings;
use utf8;

use Encode qw(encode);
use FindBin;
use IO::Compress::Gzip qw(gzip);
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(server => <<'SERVER');
        mcp_sessions on;
        location /acl {
            mcp_mode block;
            mcp_protocol_check off;
            mcp_acl "no drops" { primitives drop*; deny all; }
            mcp_other_bodies application/x-www-form-urlencoded text/plain;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /strict { mcp_protocol_check block; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /watch { proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /limit { mcp_protocol_check block; mcp_body_limit 1k; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /open { mcp_protocol_check block; mcp_fail open; mcp_body_limit 1k; proxy_pass http://127.0.0.1:%%PORT_2%%; }
SERVER

sub arrived { return scalar @{ $r->upstream->requests } }
my $call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"drop","arguments":{}}}';
my $fine = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}';
my %bodies = (
    'a key twice' => '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"drop"}}',
    'a name twice' => '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"drop","name":"echo"}}',
    'a key in another case' => '{"jsonrpc":"2.0","id":1,"Method":"tools/call","method":"ping","params":{"name":"drop"}}',
    'a folded key' => encode('UTF-8', '{"jsonrpc":"2.0","id":1,"method":"tools/call","paramſ":{"name":"drop"}}'),
    'a key with a NUL' => '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name\u0000":"drop","name":"echo"}}',
    'a byte order mark' => "\x{ef}\x{bb}\x{bf}$call",
    'UTF-16' => encode('UTF-16LE', $call),
    'UTF-32' => encode('UTF-32BE', $call),
    'not UTF-8' => '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"dr' . "\x{c1}\x{af}" . 'p"}}',
    'a comment' => "/* x */$call",
    'a trailing comma' => '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"drop",}}',
    'two documents' => "$fine\n$call",
    'cut short' => substr($call, 0, -2),
    'NaN' => '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"drop","arguments":{"a":NaN}}}',
    'a form' => 'method=tools/call&name=drop',
    'multipart' => "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n$call\r\n--b--\r\n",
    'an envelope in a string' => '"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"drop\"}}"',
);
for my $path (qw(/acl /strict)) {
    my $before = arrived();
    for my $what (sort keys %bodies) {
        next if $path eq '/acl' && $what eq 'a form';
        my $answer = $r->post($bodies{$what}, path => $path);
        like($answer->{raw}, qr/-32010/, "$path: $what is refused");
        is(arrived(), $before, '... and does not arrive') or $before = arrived();
    }
    for my $case ([$fine, 'a call'], ['{"client_name":"x"}', 'other JSON'], ['', 'no body']) {
        unlike($r->post($case->[0], path => $path)->{raw}, qr/-32010/, "$path: $case->[1] passes");
        is(arrived(), ++$before, '... to the upstream');
    }
}
my $escaped = $call =~ s/drop/\\u0064ro\\u0070/r =~ s/method/m\\u0065thod/r;
like($r->post($escaped, path => '/acl')->{raw}, qr/-32010/, 'an escaped name is the name');

# Bodies of other kinds.
my $before = arrived();
my $form = sub { $r->http('POST', '/acl', body => $_[0], headers => ['Content-Type' => $_[1]]) };
unlike($form->('client_name=x', 'application/x-www-form-urlencoded; charset=utf-8')->{raw}, qr/-32010/, 'a kind of mcp_other_bodies passes');
is(arrived(), $before + 1, '... to the upstream');
is($form->('client_name=x', 'application/octet-stream')->{status}, 403, 'another kind does not');
like($form->($call, 'text/plain')->{raw}, qr/-32010/, 'what could be JSON is judged whatever it is called');
is(arrived(), $before + 1, 'none of these arrives');

# Headers that contradict the body.
for my $case (['Mcp-Method' => 'tools/list'], ['Mcp-Name' => 'drop']) {
    my @headers = ('MCP-Protocol-Version' => '2026-07-28', 'Mcp-Method' => 'tools/call', 'Mcp-Name' => 'echo');
    my %headers = (@headers, @$case);
    like($r->post($fine, path => '/strict', headers => [%headers])->{raw}, qr/-32010/, "@$case contradicts the body");
}
is(arrived(), $before + 1, 'none of these arrives');

# The limit.
my $long = $r->jsonrpc('tools/call', { name => 'echo', arguments => { pad => 'x' x 2000 } }, 9);
like($r->post($long, path => '/limit')->{raw}, qr/-32010/, 'a body over the limit is not judged: mcp_fail closed');
is(arrived(), $before + 1, '... and does not arrive');
is($r->post($long, path => '/open')->{status}, 200, 'mcp_fail open lets it pass');
is(arrived(), $before + 2, '... to the upstream');
gzip(\$long => \my $bomb);
like($r->post($bomb, path => '/limit', headers => ['Content-Encoding' => 'gzip'])->{raw}, qr/-32010/, 'one that is over it once decoded, too');

# Where nothing blocks, it is reported.
is($r->post($bodies{'a name twice'}, path => '/watch')->{status}, 200, 'where nothing blocks, it passes');
is(arrived(), $before + 3, '... to the upstream');
my $rows = $r->records(q{select a.*, c.method from attacks a join calls c on c.call = a.call where action = 'passed' and detail like '%duplicate%'},
    until => sub { @{ $_[0] } >= 1 });
is($rows->[0]{type}, 'Protocol violation', 'and is an attack on the call');
is($rows->[0]{point}, '/params/name', '... with its place');
is($rows->[0]{method}, 'tools/call', '... in the call');
$r->accounted('every exchange is accounted for', dropped => 0);

$r->done_testing;
