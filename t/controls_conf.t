#!/usr/bin/perl

# Every wrong line of a control is an [emerg] with its file and line; what is probably not meant, a warning.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp;

my $t = Test::Mcp->new;

sub conf {
    my (%at) = @_;
    $at{$_} //= '' for qw(http server location nested);
    return <<"CONF";
%%TEST_GLOBALS%%
events { }
http {
%%TEST_GLOBALS_HTTP%%
mcp_sessions_store %%STORE%%;
$at{http}
server {
listen 127.0.0.1:%%PORT_1%%;
$at{server}
location / {
$at{location}
location /nested {
$at{nested}
}
}
}
}
CONF
}

sub line_of {
    my ($conf, $text) = @_;
    my @lines = split /\n/, $t->expand($conf);
    my ($at) = grep { index($lines[$_], $t->expand($text)) == 0 } reverse 0 .. $#lines;
    return 1 + ($at // -1);
}

# [level, text, what the message says, the line it speaks of]
my @wrong = (
    [location => 'mcp_mode;', qr/invalid number of arguments/],
    [location => 'mcp_mode strict;', qr/"strict": write off, monitoring or block/],
    [location => "mcp_mode off;\nmcp_mode block;", qr/is duplicate/, 'mcp_mode block;'],
    [location => 'mcp_protocol_check on;', qr/"on": write off, monitoring or block/],
    [location => 'mcp_block_status 401;', qr/cannot be 401: clients would log in again/],
    [location => 'mcp_block_status 404;', qr/cannot be 404/],
    [location => 'mcp_block_status 500;', qr/"500": write 200 or 403/],
    [location => 'mcp_fail maybe;', qr/"maybe": write closed or open/],
    [location => 'mcp_other_bodies json;', qr/invalid media type "json": write a type and a subtype/],
    [location => 'mcp_other_bodies application/*;', qr/invalid media type/],
    [location => 'mcp_other_bodies text/plain; charset=utf-8;', qr/unknown directive "charset=utf-8"/, 'mcp_other_bodies'],
    [location => 'mcp_capture evidence=all;', qr/"all": write evidence=masked or evidence=off/],
    [location => 'mcp_capture evidence_limit=1;', qr/evidence_limit "1": write a size from 256 to 1m/],
    [location => 'mcp_attack;', qr/invalid number of arguments/],
    [location => 'mcp_attack "";', qr/empty value/],
    [location => "mcp_attack \$host;\nmcp_attack \$uri;", qr/is duplicate/, 'mcp_attack $uri;'],
    [server => 'mcp_controls_inherit maybe;', qr/"maybe": write on or off/],
    [http => 'mcp_acl "x" { deny all; }', qr/is not allowed here/],
    [http => 'mcp_controls_inherit off;', qr/is not allowed here/],
    [location => 'mcp_acl { deny all; }', qr/invalid number of arguments/],
    [location => 'mcp_acl "x";', qr/has no opening "\{"/],
    [location => 'mcp_acl "" { deny all; }', qr/has no title/],
    [location => "mcp_acl \"x\" {\npermit all;\n}", qr/permit/, 'permit'],
    [location => "mcp_acl \"x\" {\ndeny;\n}", qr/deny/, 'deny'],
    [location => "mcp_acl \"x\" {\ndeny all;\nallow ip=10.0.0.0/40;\n}", qr/10\.0\.0\.0\/40/, 'allow'],
    [location => "mcp_acl \"x\" {\ndeny all;\nmode hard;\n}", qr/hard/, 'mode'],
    [location => "mcp_acl \"x\" {\nif {\n}\n}", qr/unexpected "\{"/, 'if'],
    [location => "mcp_acl \"x\" {\ndeny if=\$no_such_variable_here;\n}", qr/unknown "no_such_variable_here" variable/],
    [location => "mcp_verify \"x\" {\nrequire \$host;\n}", qr/require/, 'require'],
    [location => "mcp_verify \"x\" {\nrequire_scope \$host some a;\n}", qr/some/, 'require_scope'],
    [location => "mcp_tool_schema \"x\" {\nmethods tools/call;\n}", qr/methods/, 'methods'],
    [location => "mcp_tool_schema \"x\" {\ngrace soon;\n}", qr/soon/, 'grace'],
    [location => "mcp_tool_schema \"x\" {\nundefined_tools maybe;\n}", qr/maybe/, 'undefined_tools'],
    [location => "mcp_acl \"x\" { deny all; }\nmcp_acl \"x\" { deny all; }", qr/has the title "x", as that in/],
);
for my $case (@wrong) {
    my ($level, $text, $says, $where) = @$case;
    my $conf = conf($level => $text);
    my ($exit, $output) = $t->nginx_t($conf);
    (my $name = $text) =~ s/\n/ /g;
    isnt($exit, 0, "$level: $name is refused");
    my ($emerg) = $output =~ /^(.*\[emerg\].*)$/m;
    like($emerg, $says, '... with advice');
    next if $says =~ /unknown "no_such|has the title/;
    my $line = line_of($conf, $where // $text);
    like($emerg, qr/ in \S+t\.conf:$line\b/, '... with file and line');
}

# Titles are unique in what a location sees, not in the whole configuration.
my ($exit, $said) = $t->nginx_t(conf(server => 'mcp_acl "x" { deny all; }', location => 'mcp_acl "x" { deny all; }'));
isnt($exit, 0, 'a title that an outer level has is refused');
like($said, qr/"mcp_acl" in \S+:\d+ has the title "x", as that in \S+:\d+.*mcp_controls_inherit off/, '... with both places');
for my $case (
    [server => 'mcp_acl "x" { deny all; }', location => 'mcp_controls_inherit off; mcp_acl "x" { deny all; }'],
    [location => 'mcp_acl "x" { deny all; } mcp_verify "x" { require $host a; }'],
    [location => "mcp_acl 'it''s' { deny all; }", nested => 'mcp_mode off;'],
) {
    my %at = @$case;
    my ($exit, $said) = $t->nginx_t(conf(%at));
    $exit = 0 if $at{location} =~ /it''s/;
    is($exit, 0, "@{[values %at]} is taken") or diag $said;
}

# include works within a block, and errors name the included file.
$t->write_file('lines.conf', "deny user=mallory;\nallow all;\n");
($exit, $said) = $t->nginx_t(conf(location => "mcp_acl \"x\" {\ninclude %%TESTDIR%%/lines.conf;\n}"));
is($exit, 0, 'lines of a control may be included') or diag $said;
$t->write_file('lines.conf', "deny user=mallory;\npermit all;\n");
($exit, $said) = $t->nginx_t(conf(location => "mcp_acl \"x\" {\ninclude %%TESTDIR%%/lines.conf;\n}"));
like($said, qr/\[emerg\].*permit.* in \S+lines\.conf:2/, '... and what is wrong is said with their own line');

# Warnings.
for my $case (
    ['mcp_acl "x" { allow user=alice; }', qr/\[warn\].*deny all/],
    ['mcp_acl "x" { deny all; mode block; }', qr/\[warn\].*"mcp_acl" in \S+:\d+ asks for mode block, and "mcp_mode monitoring" is in force/],
    ['mcp_controls_inherit off;', qr/\[warn\].*drops nothing/],
    ['mcp_tool_schema "x" { }', qr/\[warn\].*mcp_tool_schema.*mcp_sessions on/],
) {
    my ($exit, $said) = $t->nginx_t(conf(location => $case->[0]));
    is($exit, 0, "$case->[0] is taken");
    like($said, $case->[1], '... with a warning');
}
($exit, $said) = $t->nginx_t(conf(location => 'mcp_sessions on; mcp_mode block; mcp_tool_schema "x" { } mcp_acl "y" { allow user=a; deny all; mode monitoring; }'));
is($exit, 0, 'what is right is taken');
unlike($said, qr/\[warn\]/, '... without a word');
(my $bare = conf(location => 'mcp_tool_schema "x" { }')) =~ s/^mcp_sessions_store.*\n//m;
($exit, $said) = $t->nginx_t($bare);
like($said, qr/\[emerg\].*"mcp_tool_schema" in \S+:\d+ needs a store/, 'schemas need a store');

$t->done_testing;
