#!/usr/bin/perl

# Without memory left under mcp_memory_limit, what a control cannot judge is unjudged: blocked where mcp_fail is
# closed, passed where it is open, and counted as dropped. What needs no memory is judged as always.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use DBI;
use Test::More;
use Test::Mcp::Recorder;

my $up = 'proxy_pass http://127.0.0.1:%%PORT_2%%;';
my $r = Test::Mcp::Recorder->new(http => 'mcp_memory_limit 1m;', location => 'mcp_capture limit=1m;', server => <<"SERVER");
        location /closed { mcp_sessions on; mcp_mode block; mcp_set \$tenant request /params/arguments/tenant; mcp_verify "our tenant" { methods tools/call; require \$tenant acme; } $up }
        location /open { mcp_sessions on; mcp_mode block; mcp_fail open; mcp_set \$tenant request /params/arguments/tenant; mcp_verify "our tenant" { methods tools/call; require \$tenant acme; } $up }
        location /names { mcp_sessions on; mcp_mode block; mcp_acl "no drops" { primitives drop*; deny all; } $up }
SERVER

my $id = 0;
sub arrived { return scalar @{ $r->upstream->requests } }
# A call; whether it was blocked, on which nginx and the upstream have to agree.
sub blocked {
    my ($path, $name, $tenant) = @_;
    my $before = arrived();
    my $answer = $r->post($r->jsonrpc('tools/call', { name => $name, arguments => { tenant => $tenant } }, ++$id), path => $path);
    my $is_blocked = $answer->{body} =~ /"id":$id,"error":\{"code":-32010/ ? 1 : 0;
    is(arrived() - $before, 1 - $is_blocked, "$path, $name, $tenant: the upstream's or nginx's") or diag($answer->{raw});
    return $is_blocked;
}
sub judges_all {
    for my $path (qw(/closed /open)) {
        is(blocked($path, 'echo', 'acme'), 0, "$path: what is allowed passes");
        is(blocked($path, 'echo', 'globex'), 1, '... and what is not is blocked');
    }
    is(blocked('/names', 'echo', 'x'), 0, 'a name that is allowed passes');
    is(blocked('/names', 'drop_all', 'x'), 1, '... and one that is not is blocked');
    return;
}

judges_all();

# With the day locked nothing is written, and what waits takes all memory.
$r->settled;
my ($day) = $r->days;
my $db = DBI->connect("dbi:SQLite:dbname=$day", '', '', { RaiseError => 1, PrintError => 0 });
$db->sqlite_busy_timeout(10_000);
$db->do('begin immediate');
my $dropped = sub { return $r->status->{exchanges_dropped}{memory_limit} };
# What waits may be written by another path, so the last room is filled with ever smaller calls.
my $pad = 100_000;
my $starved = sub {
    my $before = $dropped->();
    for (1 .. 3) {
        $r->post($r->jsonrpc('tools/call', { name => 'echo', arguments => { pad => 'p' x $pad } }, ++$id));
    }
    return 0 if $dropped->() - $before < 3;
    return 1 if $pad <= 10;
    $pad = int $pad / 10;
    return 0;
};
$r->wait_until($starved, 'a worker without memory', 60);

my $before = $dropped->();
is(blocked('/closed', 'echo', 'acme'), 1, 'without memory, what cannot be judged is blocked');
is(blocked('/closed', 'echo', 'globex'), 1, '... whatever it is');
is(blocked('/open', 'echo', 'globex'), 0, 'with mcp_fail open it passes');
is(blocked('/names', 'echo', 'x'), 0, 'what needs no memory is judged: it passes');
is(blocked('/names', 'drop_all', 'x'), 1, '... or is blocked');
is($dropped->() - $before, 5, 'all of them are counted as not recorded');

$db->do('rollback');
$db->disconnect;
$r->settled;
judges_all();
$r->accounted('every exchange is accounted for');
$r->done_testing;
