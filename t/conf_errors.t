#!/usr/bin/perl

# Every wrong value of a directive is an [emerg] with file and line, and says what to write instead.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp;

my $t = Test::Mcp->new;
$t->write_file('short.key', 'abc');
$t->write_file('long.key', 'k' x 32);
$t->write_file('empty.jwks', '{"keys":[]}');
$t->write_file('broken.jwks', '{"keys":');

sub conf {
    my (%at) = @_;
    my $store = $at{store} // 'mcp_sessions_store %%STORE%%;';
    $at{$_} //= '' for qw(http server location);
    # One directive a line: the line number is checked.
    return <<"CONF";
%%TEST_GLOBALS%%
events { }
http {
%%TEST_GLOBALS_HTTP%%
$store
$at{http}
server {
listen 127.0.0.1:%%PORT_1%%;
$at{server}
location / {
$at{location}
}
}
}
CONF
}

# Of the last one, where there are two.
sub line_of {
    my ($conf, $directive) = @_;
    my @lines = split /\n/, $t->expand($conf);
    my $line = 0;
    for my $number (0 .. $#lines) {
        $line = $number + 1 if index($lines[$number], $t->expand($directive)) == 0;
    }
    return $line;
}

# [level, directive, what the message says]
my @wrong = (
    [location => 'mcp_sessions;', qr/invalid number of arguments/],
    [location => 'mcp_sessions maybe;', qr/"maybe"/],
    [location => 'mcp_sessions on off;', qr/invalid number of arguments/],
    [store => 'mcp_sessions_store;', qr/invalid number of arguments/],
    [store => 'mcp_sessions_store "";', qr/empty path/],
    [store => 'mcp_sessions_store %%STORE%% retention=0d;', qr/retention "0d": write (?:whole days|a time) from 1d to 365d/],
    [store => 'mcp_sessions_store %%STORE%% retention=366d;', qr/from 1d to 365d/],
    [store => 'mcp_sessions_store %%STORE%% retention=36h;', qr/whole days from 1d to 365d/],
    [store => 'mcp_sessions_store %%STORE%% retention=week;', qr/retention "week"/],
    [store => 'mcp_sessions_store %%STORE%% max_size=big;', qr/invalid max_size "big": write a size/],
    [store => 'mcp_sessions_store %%STORE%% min_free=-1;', qr/invalid min_free "-1": write a size/],
    [store => 'mcp_sessions_store %%STORE%% flush=1ms;', qr/invalid flush "1ms": write a time from 10ms to 10s/],
    [store => 'mcp_sessions_store %%STORE%% flush=11s;', qr/from 10ms to 10s/],
    [store => 'mcp_sessions_store %%STORE%% queue=1k;', qr/invalid queue "1k": write a size from 1m/],
    [store => 'mcp_sessions_store %%STORE%% sync=maybe;', qr/invalid sync "maybe": write normal or full/],
    [store => 'mcp_sessions_store %%STORE%% zone=tiny:1k;', qr/zone size "1k": write a size from \d+k/],
    [store => 'mcp_sessions_store %%STORE%% zone=noname;', qr/invalid zone "noname": write zone=name:size/],
    [store => 'mcp_sessions_store %%STORE%% color=red;', qr/invalid parameter "color=red": write/],
    [store => 'mcp_sessions_store %%STORE%% flush=1s flush=2s;', qr/"flush=2s" twice: write it once/],
    [http => 'mcp_sessions_store %%STORE%%;', qr/is duplicate/],
    [server => 'mcp_sessions_store %%STORE%%;', qr/is not allowed here/],
    [http => 'mcp_server_name crm;', qr/is not allowed here/],
    [location => 'mcp_server_name;', qr/invalid number of arguments/],
    [location => 'mcp_server_name "";', qr/mcp_server_name/],
    [location => 'mcp_session_id $no_such_variable_here;', qr/unknown "no_such_variable_here" variable/],
    [location => 'mcp_session_id stored=loud;', qr/"(?:stored=)?loud"/],
    [location => 'mcp_session_derive idle=0s;', qr/idle "0s": write a time from 1s to 1d/],
    [location => 'mcp_session_derive idle=2d;', qr/from 1s to 1d/],
    [location => 'mcp_user;', qr/invalid number of arguments/],
    [location => 'mcp_user $remote_user hashed;', qr/mcp_hash_key_file/],
    [location => 'mcp_user $no_such_variable_here;', qr/unknown "no_such_variable_here" variable/],
    [location => 'mcp_role;', qr/invalid number of arguments/],
    [location => 'mcp_role $remote_user separator=;', qr/separator/],
    [location => 'mcp_param tenant;', qr/mcp_param/],
    [location => 'mcp_param "a b" $host;', qr/"a b"/],
    [location => 'mcp_param tenant $host nonsense;', qr/"nonsense"/],
    [location => join("\n", map { "mcp_param p$_ \$host;" } 1 .. 21), qr/20/, 'mcp_param p21'],
    [location => 'mcp_set tenant request /params;', qr/"tenant"/],
    [location => 'mcp_set $tenant body /params;', qr/"body"/],
    [location => 'mcp_set $tenant request params;', qr{"params"}],
    [location => 'mcp_set $tenant request /params from=$host;', qr/from/],
    [location => 'mcp_set $mcp_method request /method;', qr/mcp_method/],
    [location => 'mcp_jwt_key_file %%TESTDIR%%/none.jwks;', qr/none\.jwks/],
    [location => 'mcp_jwt_key_file %%TESTDIR%%/broken.jwks;', qr/broken\.jwks/],
    [location => 'mcp_jwt_key_file %%TESTDIR%%/empty.jwks;', qr/empty\.jwks/],
    [location => 'mcp_jwt_require;', qr/invalid number of arguments/],
    [location => 'mcp_jwt_require sub=me;', qr/"sub=me"/],
    [location => 'mcp_jwt_require iss=;', qr/iss/],
    [location => 'mcp_jwt_leeway 2h;', qr/1h/],
    [location => 'mcp_jwt_leeway 500ms;', qr/write whole seconds/],
    [location => 'mcp_jwt_unverified perhaps;', qr/"perhaps": write allow or deny|"perhaps"/],
    [http => 'mcp_hash_key_file %%TESTDIR%%/none.key;', qr/none\.key" cannot be read/],
    [http => 'mcp_hash_key_file %%TESTDIR%%/short.key;', qr/less than \d+ bytes/],
    [server => 'mcp_hash_key_file %%TESTDIR%%/long.key;', qr/is not allowed here/],
    [location => 'mcp_capture;', qr/invalid number of arguments/],
    [location => 'mcp_capture arguments=loud;', qr/"(?:arguments=)?loud"/],
    [location => 'mcp_capture results=loud;', qr/"(?:results=)?loud"/],
    [location => 'mcp_capture limit=1;', qr/limit "1": write a size from 256 to 1m/],
    [location => 'mcp_capture limit=2m;', qr/from 256 to 1m/],
    [location => 'mcp_capture colour=red;', qr/"colour=red"/],
    [location => 'mcp_skip;', qr/invalid number of arguments/],
    [location => 'mcp_skip to*ols;', qr/to\*ols/],
    [location => 'mcp_mask;', qr/invalid number of arguments/],
    [location => 'mcp_body_limit 1;', qr/from 1k to 1g/],
    [location => 'mcp_body_limit 2g;', qr/from 1k to 1g/],
    [location => 'mcp_body_limit much;', qr/"much": write a size/],
    [location => 'mcp_response_limit 1;', qr/write a size from/],
    [http => 'mcp_memory_limit 1k;', qr/from 1m to 64g/],
    [location => 'mcp_memory_limit 64m;', qr/is not allowed here/],
    [location => 'mcp_status xml;', qr/"xml"/],
    [location => 'mcp_status clients=all;', qr/"clients=all"/],
    [server => 'mcp_status json;', qr/is not allowed here/],
    [server => 'mcp_console;', qr/is not allowed here/],
    [location => 'mcp_console on;', qr/"on": write clients=loopback\|any, and servers= before patterns/],
    [location => 'mcp_console clients=all;', qr/"clients=all": write clients=loopback or clients=any/],
    [location => 'mcp_console clients=;', qr/"clients=": write clients=/],
    [location => 'mcp_console clients=any clients=loopback;', qr/"clients=loopback" and another clients=: write it once/],
    [location => 'mcp_console crm;', qr/"crm": write .*servers= before patterns/],
    [location => 'mcp_console servers=;', qr/invalid pattern "": write the name of an MCP server/],
    [location => 'mcp_console servers=a "";', qr/invalid pattern ""/],
    [location => 'mcp_console servers=a clients=any b;', qr/"b": write .*servers= before patterns/],
    [location => 'mcp_console ' . join(' ', 'servers=p', map { "p$_" } 1 .. 100) . ';', qr/more than 100 patterns/],
    [location => 'mcp_console servers=' . 'x' x 2049 . ';', qr/invalid pattern/],
    [location => "mcp_console;\nmcp_console;", qr/is duplicate/, 'mcp_console;'],
    [location => "mcp_status;\nmcp_console;", qr/beside "mcp_status": give each a location/, 'mcp_console;'],
    [location => "mcp_console;\nmcp_status;", qr/beside "mcp_console": give each a location/, 'mcp_status;'],
    [location => "mcp_sessions on;\nmcp_sessions on;", qr/is duplicate/, 'mcp_sessions on;'],
    [location => "mcp_body_limit 1m;\nmcp_body_limit 2m;", qr/is duplicate/, 'mcp_body_limit 2m;'],
);

for my $case (@wrong) {
    my ($level, $directive, $says, $where) = @$case;
    my $conf = conf($level => $directive);
    my ($exit, $output) = $t->nginx_t($conf);
    (my $name = $directive) =~ s/\n.*//s;
    isnt($exit, 0, "$level: $name is refused");
    my ($emerg) = $output =~ /^(.*\[emerg\].*)$/m;
    like($emerg, $says, '... with advice');
    my $line = line_of($conf, $where // $directive) ;
    # nginx itself says of unknown variables only once it has read everything.
    next if $says =~ /unknown/;
    like($emerg, qr/ in \S+t\.conf:$line\b/, '... with file and line');
}

# What needs a store says so.
for my $directive ('mcp_sessions on;', 'mcp_status;', 'mcp_console;') {
    my ($exit, $output) = $t->nginx_t(conf(store => '', location => $directive));
    isnt($exit, 0, "$directive without a store is refused");
    like($output, qr/\[emerg\].*mcp_sessions_store/, '... and it says what is missing');
}

# What is right is taken without a word.
for my $case (
    [http => 'mcp_hash_key_file %%TESTDIR%%/long.key;'], [http => 'mcp_sessions on;'],
    [location => 'mcp_session_derive $remote_addr $http_user_agent idle=10m;'],
    [location => 'mcp_role $http_x_role separator=,;'], [location => 'mcp_capture arguments=shape results=off limit=1k;'],
    [location => 'mcp_skip ping notifications/*;'], [location => 'mcp_user off;'],
    [location => 'mcp_status prometheus clients=any;'],
    [location => 'mcp_console;'], [location => 'mcp_console servers=crm.example.com/* "a b" clients=any;'],
    [location => 'mcp_console clients=any servers=a b servers=c;'],
    [store => 'mcp_sessions_store %%STORE%% zone=other:1m retention=30d max_size=0 min_free=0 flush=10ms queue=1m sync=full;'],
) {
    my ($level, $directive) = @$case;
    my ($status, $said) = $t->nginx_t(conf($level => $directive));
    is($status, 0, "$level: $directive is taken") or diag($said);
    unlike($said, qr/\[(?:warn|emerg)\]/, '... without a word');
}

my ($status, $said) = $t->nginx_t(conf(location => 'mcp_capture arguments=unmasked;'));
is($status, 0, 'unmasked is taken');
like($said, qr/\[warn\].*unmasked/, '... with a warning');

# `nginx -t` leaves nothing behind in the store.
is(join(' ', glob $t->store . '/*'), '', 'nginx -t writes nothing into the store');

$t->done_testing;
