#!/usr/bin/perl

# The sample configuration is one that nginx takes and that records.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp;
use Test::Mcp::Upstream;

my $t = Test::Mcp->new;
my $conf = $t->read_file("$Test::Mcp::ROOT/nginx/sample.conf");
# Only paths, ports and the user are of this run.
my $globals = '%%TEST_GLOBALS%%';
$conf =~ s/^load_module .*\n/$globals\n/m;
$conf =~ s/^(?:user|pid|error_log) .*\n//mg;
$conf =~ s/^http \{/http { %%TEST_GLOBALS_HTTP%%/m;
$conf =~ s{/var/lib/nginx/mcp-sessions}{%%STORE%%};
$conf =~ s{/var/log/nginx}{%%TESTDIR%%}g;
$conf =~ s/min_free=\S+;/min_free=0 flush=20ms;/;
$conf =~ s/:8080/:%%PORT_1%%/;
$conf =~ s/:8000/:%%PORT_2%%/;
$t->write_file_expand('nginx.conf', $conf);
my $upstream = Test::Mcp::Upstream->new($t, $t->port(2), Test::Mcp::Upstream->mcp);
my ($exit, $said) = $t->nginx_t($conf);
is($exit, 0, 'nginx takes it') or diag($said);
unlike($said, qr/\[warn\]/, '... without a warning');
$t->run;
$t->post($t->jsonrpc('tools/call', { name => 'echo', arguments => { salary => 12345, city => 'Oslo' } }, 1));
my $calls = $t->records('select * from calls', count => 1);
is("$calls->[0]{server} $calls->[0]{method} $calls->[0]{primitive} $calls->[0]{outcome}", 'crm tools/call echo ok', 'a call is recorded');
unlike($calls->[0]{arguments}, qr/12345/, 'what it masks is masked');
is($t->status(path => '/mcp-status')->{exchanges_written}, 1, 'and counted');
like($t->read_file('mcp.log'), qr/"tools\/call" "echo" ok "" $/m, 'and logged');

$t->done_testing;
