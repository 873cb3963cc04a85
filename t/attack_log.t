#!/usr/bin/perl

# Each attack is a line in the error log, at most ten a second; variables say what was objected to. Without a
# store controls work as well.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $http = <<'HTTP';
        log_format attacks '$mcp_attack|$mcp_control|$mcp_action|$mcp_method';
        access_log %%TESTDIR%%/attacks.log attacks;
HTTP
my $server = <<'SERVER';
        mcp_user $http_x_user;
        location /block {
            mcp_mode block;
            mcp_acl "nobody \"drops\"" { primitives drop*; deny all; }
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /watch {
            mcp_acl "watched" { primitives drop*; deny all; }
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location /found {
            mcp_attack $http_x_found;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
SERVER
my $r = Test::Mcp::Recorder->new(http => $http, server => "mcp_sessions on;\n$server");

sub drop {
    my ($path, $name, @headers) = @_;
    return $r->post($r->jsonrpc('tools/call', { name => $name // 'drop_all' }, 7), path => $path, headers => ['X-User' => 'alice', @headers]);
}
sub lines { return grep { /mcp_sessions: attack / } split /\n/, $r->read_file('error.log') }
sub wait_lines {
    my ($n, $what) = @_;
    $r->wait_until(sub { lines() >= $n }, $what);
    return (lines())[ $n - 1 ];
}

drop('/block');
my $line = wait_lines(1, 'a line about a blocked call');
like($line, qr/\[warn\]/, 'a warning');
like($line, qr/ type="ACL violation" control="nobody \\"drops\\"" place="nginx\.conf:\d+" action="blocked" rule="deny all, line \d+" server="localhost\/block" user="alice" method="tools\/call" primitive="drop_all" address="127\.0\.0\.1" request_id="[0-9a-f]{32}"/, 'what it says');
like($line, qr/client: 127\.0\.0\.1, server: localhost, request: "POST \/block HTTP\/1\.1"/, '... and what nginx adds');
drop('/watch');
$line = wait_lines(2, 'a line about a call that passed');
like($line, qr/control="watched" .*action="passed".*server="localhost\/watch" user="alice"/, 'what it says');
drop('/found', 'echo', 'X-Found' => 'rule 942100');
$line = wait_lines(3, 'a line about what another program found');
like($line, qr/type="External" control="" place="nginx\.conf:\d+" action="passed"/, 'what it says');
drop('/block', "drop\n\x{1b}[31m\x{e2}\x{80}\x{ae}\"x");
$line = wait_lines(4, 'a line about a hostile name');
like($line, qr/primitive="drop\\u\{a\}\\u\{1b\}\[31m\\u\{202e\}\\"x"|type="Protocol violation"/, 'nothing in it ends the line or the quotes');

# The access log is written before the next request of the connection.
my @log = split /\n/, $r->read_file('attacks.log');
is($log[0], 'ACL violation|nobody \x22drops\x22|blocked|tools/call', 'variables of a blocked call');
is($log[1], 'ACL violation|watched|passed|tools/call', 'variables of one that passed');
is($log[2], 'External||passed|tools/call', 'variables of what another program found');
drop('/watch', 'echo');
$r->wait_until(sub { () = $r->read_file('attacks.log') =~ /\n/g; (() = $r->read_file('attacks.log') =~ /\n/g) >= 5 }, 'the log');
is((split /\n/, $r->read_file('attacks.log'))[4], '|||tools/call', 'no objection, nothing to say');

# A flood.
my $before = lines();
drop('/block') for 1 .. 60;
$r->wait_until(sub { $r->read_file('error.log') =~ /mcp_sessions: \d+ more attacks/ }, 'the rest to be counted');
cmp_ok(lines() - $before, '<', 60, 'not every attack of a flood has a line');
my ($more) = $r->read_file('error.log') =~ /mcp_sessions: (\d+) more attacks/;
cmp_ok($more, '>', 0, '... the rest is counted');

# Without a store.
my $t = Test::Mcp->new;
my $upstream = Test::Mcp::Upstream->new($t, $t->port(2), Test::Mcp::Upstream->mcp);
$t->write_file_expand('nginx.conf', <<"CONF");
%%TEST_GLOBALS%%
events { }
http {
%%TEST_GLOBALS_HTTP%%
server {
listen 127.0.0.1:%%PORT_1%%;
server_name localhost;
$server
}
}
CONF
$t->run;
$r = $t;
like(drop('/block')->{body}, qr/-32010/, 'without a store a call is blocked');
is(scalar @{ $upstream->requests }, 0, '... and does not arrive');
like(wait_lines(1, 'its line'), qr/action="blocked".*user="alice"/, '... and logged');
is(drop('/watch')->{status}, 200, 'another is only watched');
like(wait_lines(2, 'its line'), qr/control="watched".*action="passed"/, '... and logged');
is(drop('/watch', 'echo')->{status}, 200, 'nothing to object');
is(scalar lines(), 2, '... nothing to log');

Test::Mcp::done_testing();
