#!/usr/bin/perl

# Controls of outer levels apply too; a reload puts changed controls in force for the next call.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $up = 'proxy_pass http://127.0.0.1:%%PORT_2%%;';
my $r = Test::Mcp::Recorder->new(server => <<"SERVER");
        mcp_sessions on;
        mcp_mode block;
        mcp_acl "server" { primitives server*; deny all; }
        location /outer {
            mcp_acl "outer" { primitives outer*; deny all; }
            location /outer/inner { mcp_acl "inner" { primitives inner*; deny all; } $up }
            location /outer/alone { mcp_controls_inherit off; mcp_acl "outer" { primitives alone*; deny all; } $up }
            location /outer/none { mcp_controls_inherit off; location /outer/none/below { $up } $up }
            $up
        }
        location /milder { mcp_mode monitoring; $up }
        location /silent { mcp_mode off; $up }
        location /forbidden { mcp_block_status 403; location /forbidden/not { mcp_block_status 200; $up } $up }
SERVER

my $id = 0;
sub answer { return $r->post($r->jsonrpc('tools/call', { name => $_[1], arguments => {} }, ++$id), path => $_[0]) }
sub blocked { return answer(@_)->{body} =~ /-32010/ ? 1 : 0 }
sub is_blocked {
    my ($path, %want) = @_;
    is(blocked($path, $_), $want{$_}, "$path: $_ " . ($want{$_} ? 'is blocked' : 'passes')) for sort keys %want;
    return;
}

is_blocked('/mcp', server => 1, outer => 0);
is_blocked('/outer', server => 1, outer => 1, inner => 0);
is_blocked('/outer/inner', server => 1, outer => 1, inner => 1);
is_blocked('/outer/alone', server => 0, outer => 0, alone => 1);
is_blocked('/outer/none', server => 0, outer => 0);
is_blocked('/outer/none/below', server => 0, outer => 0);
is_blocked('/milder', server => 0);
is_blocked('/silent', server => 0);
is(answer('/forbidden', 'server')->{status}, 403, 'mcp_block_status is inherited');
is(answer('/forbidden/not', 'server')->{status}, 200, '... and changed');
$r->settled;
my %seen = map { ("$_->{server} $_->{control}" => $_->{action}) } @{ $r->records(
    q{select c.server, a.control, a.action from attacks a join calls c on c.call = a.call}, until => sub { @{ $_[0] } >= 8 }) };
is($seen{'localhost/milder server'}, 'passed', 'a milder level watches');
ok(!exists $seen{'localhost/silent server'}, 'and mode off does not even do that');

# Reload.
$r->configure(server => $r->{recorder}{server} =~ s/primitives server\*/primitives changed*/r);
$r->reload(wait_old => 1);
is_blocked('/mcp', server => 0, changed => 1);
$r->configure(server => 'mcp_sessions on;');
$r->reload(wait_old => 1);
is_blocked('/mcp', changed => 0);
$r->accounted('every exchange is accounted for', dropped => 0, calls => 0);

$r->done_testing;
