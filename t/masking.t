#!/usr/bin/perl

# Secrets in keys, values, JSON inside strings, URIs, errors and results pass unchanged, and are
# in no file of the store, no log and no variable.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use JSON::PP;
use Test::Mcp::Recorder;

# Made from pieces, so that no scanner takes them for leaked ones.
my @secrets = (
    'hunter2-' . 'correct-horse', 'AKIA' . 'IOSFODNN7QWERTYU', 'ghp_' . 'a1B2' x 9,
    'eyJhbGciOiJIUzI1NiJ9' . '.eyJzdWIiOiJhbGljZSJ9' . '.c2lnbmF0dXJlLXNpZ25hdHVyZQ',
    '4111' . '1111' . '1111' . '1111', 'sk-' . 'ant-' . 'api03-' . 'Zz9' x 12,
);
my ($password, $aws, $github, $jwt, $card, $key) = @secrets;

my $r = Test::Mcp::Recorder->new(
    http     => q{log_format seen '$mcp_method $mcp_primitive $mcp_user $mcp_session_id $mcp_outcome';},
    location => q{access_log %%TESTDIR%%/access.log seen; mcp_capture results=masked;},
);
my $session = $r->open_session;
my $answered = 0;
my $send = sub {
    my ($what, $method, $params) = @_;
    my $json = $r->jsonrpc($method, $params, ++$answered);
    my $answer = $r->post($json, session => $session, headers => ['Authorization' => "Bearer $jwt", 'Cookie' => "sid=$password"]);
    is($r->upstream->requests->[-1]{body}, $json, "$what: passes unchanged");
    return $answer;
};
$send->('a value under a telling key', 'tools/call', { name => 'echo', arguments => { password => $password, deep => [{ api_key => $key }] } });
$send->('a telling value', 'tools/call', { name => 'echo', arguments => { note => "use $aws and $github", list => [$jwt, $card] } });
$send->('JSON in a string', 'tools/call', { name => 'echo', arguments => { payload => encode_json({ token => $password, n => "$card" }) } });
$send->('a secret as a key', 'tools/call', { name => 'echo', arguments => { $github => 1 } });
$send->('a URI', 'resources/read', { uri => "https://alice:$password\@example.com/x?access_token=$key&q=1" });
$send->('an error', 'tools/call', { name => 'fail', arguments => { why => "token: $github" } });
$send->('a name', 'tools/call', { name => "tool $key", arguments => {} });

$r->records('select 1 from calls', count => $answered + 2);
$r->lacks('no secret is in a file of the store or in a log', @secrets);
$r->quit;
$r->lacks('nor when nginx has ended', @secrets);
my $rows = $r->records(q{select arguments from calls where rpc_id = 1}, until => sub { 1 });
like($rows->[0]{arguments}, qr/"password":"/, 'what is masked is shown as masked');

Test::Mcp::done_testing();
