#!/usr/bin/perl

# mcp_attack: what another program or a map has found is an attack on the call, which is blocked where mcp_mode
# blocks; a value that is there only with the answer comes too late to block, and is recorded.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $mcp = Test::Mcp::Upstream->mcp;
my $up = 'proxy_pass http://127.0.0.1:%%PORT_2%%;';
my $r = Test::Mcp::Recorder->new(http => <<'HTTP', server => <<"SERVER", upstream => {
        map $http_user_agent $scanner { default ""; ~*sqlmap "a scanner"; }
HTTP
        mcp_sessions on;
        mcp_mode block;
        mcp_attack \$http_x_found\$scanner;
        location /block { $up }
        location /forbidden { mcp_block_status 403; $up }
        location /watch { mcp_mode monitoring; $up }
        location /off { mcp_attack off; $up }
        location /mode_off { mcp_mode off; $up }
        location /late { mcp_attack \$upstream_http_x_found; $up }
        location /both { mcp_acl "no drops" { primitives drop*; deny all; } $up }
        location /unrecorded { mcp_sessions off; $up }
SERVER
    '/late' => sub {
        my ($c, $request) = @_;
        my ($id) = $request->{body} =~ /"id":(\d+)/;
        return $c->reply(200, 'application/json', qq({"jsonrpc":"2.0","id":$id,"result":{"content":[]}}), 'X-Found' => 'rule 7');
    },
    '' => $mcp,
});

my $id = 0;
sub arrived { return scalar @{ $r->upstream->requests } }
sub call { return $r->jsonrpc('tools/call', { name => $_[0] // 'echo', arguments => {} }, ++$id) }
sub sent {
    my ($path, $body, @headers) = @_;
    return $r->post($body, path => $path, headers => \@headers);
}
sub passes {
    my ($path, $what, @headers) = @_;
    my $before = arrived();
    like(sent($path, call(), @headers)->{body}, qr/"id":$id,.*"result":/, "$path: $what passes");
    is(arrived(), $before + 1, '... to the upstream');
    return;
}
sub blocks {
    my ($path, $what, @headers) = @_;
    my $before = arrived();
    my $answer = sent($path, call(), @headers);
    like($answer->{body}, qr/^\{"jsonrpc":"2\.0","id":$id,"error":\{"code":-32010/, "$path: $what is blocked");
    unlike($answer->{raw}, qr/942100|scanner/, '... and the client is not told what was found');
    is(arrived(), $before, '... and nothing arrives');
    return $answer;
}

# First of all, since the error log takes ten attacks a second.
passes('/late', 'a value of the answer');
$r->wait_until(sub { $r->error_log =~ /attack type="External"[^\n]*action="passed"[^\n]*server="localhost\/late"[^\n]*method="tools\/call" primitive="echo"/ }, 'its line in the error log');
pass('... and is told in the error log');
passes('/block', 'a call that nothing was found in');
passes('/block', 'an empty value', 'X-Found' => '');
blocks('/block', 'a value', 'X-Found' => 'rule 942100');
blocks('/block', 'any value', 'X-Found' => '0');
blocks('/block', 'a value of a map', 'User-Agent' => 'sqlmap/1.7');
is(blocks('/forbidden', 'a value', 'X-Found' => 'rule 942100')->{status}, 403, 'mcp_block_status 403');
passes('/watch', 'in monitoring a value', 'X-Found' => 'rule 942100');
passes('/off', 'with mcp_attack off a value', 'X-Found' => 'rule 942100');
passes('/mode_off', 'with mcp_mode off a value', 'X-Found' => 'rule 942100');
passes('/unrecorded', 'nothing');
blocks('/unrecorded', 'what is not recorded otherwise', 'X-Found' => 'rule 942100');

my $before = arrived();
is(sent('/block', $r->jsonrpc('notifications/cancelled', { requestId => 1 }), 'X-Found' => 'x')->{status}, 403, 'a notification is refused');
is(sent('/block', '[' . call() . ',' . call() . ']', 'X-Found' => 'x')->{status}, 403, '... and so is a batch');
is(arrived(), $before, '... and nothing arrives');

# Beside a control both are attacks.
like(sent('/both', call('drop_all'), 'X-Found' => 'rule 3')->{body}, qr/-32010/, 'a call that a control objects to as well');
my $attacks = sub {
    my ($server, $n) = @_;
    return $r->records("select a.*, c.outcome from attacks a join calls c on c.call = a.call where a.place is not null and c.server = 'localhost$server' order by a.type, a.found",
        until => sub { @{ $_[0] } >= $n });
};
passes('/both', 'nothing');
is_deeply([map { $_->{type} } @{ $r->records(q{select type from attacks where found = 'rule 3' or control = 'no drops' order by type}, count => 2) }],
    ['ACL violation', 'External'], '... is both');

my $rows = $attacks->('/watch', 1);
is("@{$rows->[0]}{qw(type action outcome found detail)}", 'External passed ok rule 942100 found by mcp_attack', 'what passed is recorded with what was found');
like($rows->[0]{place}, qr/^nginx\.conf:\d+$/, '... and the place of the directive');
# Sessions that no server has confirmed are one, in which attacks that are the same are counted.
$rows = $attacks->('/block', 3);
is(scalar(grep { "@{$_}{qw(type action outcome)}" ne 'External blocked blocked' } @$rows), 0, 'what was blocked, too');
is_deeply([map { $_->{found} } @$rows], ['a scanner', 'rule 942100', 'x'], '... with what was found');
my $sum = 0;
$sum += $_->{count} for @$rows;
is($sum, 5, '... each of them counted');
$rows = $attacks->('/late', 1);
is("@{$rows->[0]}{qw(type action outcome found)}", 'External passed ok rule 7', 'what came with the answer, as passed');
is_deeply($r->recorded(q{select a.type from attacks a join calls c on c.call = a.call where c.server in ('localhost/off', 'localhost/mode_off')}), [], 'off is off');

$r->accounted('every exchange is accounted for', dropped => 0);
$r->done_testing;
