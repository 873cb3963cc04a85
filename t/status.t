#!/usr/bin/perl

# mcp_status in its two forms.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Test::More;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(server => <<'CONF');
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Client;
    location = /metrics { mcp_status prometheus; }
    location = /any { mcp_status clients=any; }
    location = /denied { mcp_status clients=any; allow 10.0.0.0/8; deny all; }
CONF

$r->call('echo', {}, id => 1);
$r->call('fail', {}, id => 2);
$r->recorded('select 1');

my $answer = $r->http('GET', '/status');
is($answer->{status}, 200, 'json is served');
is($answer->{headers}{'content-type'}, 'application/json', 'as JSON');
is($answer->{headers}{'cache-control'}, 'no-store', 'not to be kept');
my $status = decode_json($answer->{body});
is($status->{exchanges_handed}, 3, 'what was handed over');
is($status->{exchanges_handed},
    $status->{exchanges_written} + $status->{exchanges_unrecorded} + $status->{exchanges_killed}
        + $status->{exchanges_queued} + eval { my $n = 0; $n += $_ for values %{ $status->{exchanges_dropped} }; $n },
    'is accounted for');
is($status->{calls_written}{ok}, 2, 'calls by outcome');
is($status->{calls_written}{tool_error}, 1, 'those that failed');
is($status->{workers}, 1, 'workers');

$answer = $r->http('GET', '/metrics');
is($answer->{headers}{'content-type'}, 'text/plain; version=0.0.4', 'as Prometheus wants it');
my @lines = split /\n/, $answer->{body};
my @odd = grep { !/^# (?:HELP|TYPE) mcp_sessions_\w+ \S/ && !/^mcp_sessions_\w+(?:\{\w+="[^"\\]+"\})? \d+(?:\.\d+)?$/ } @lines;
is_deeply(\@odd, [], 'every line is one of the format');
ok((grep { $_ eq 'mcp_sessions_calls_written_total{outcome="tool_error"} 1' } @lines), 'the same numbers');
my %typed = map { /^# TYPE (\w+)/ ? ($1 => 1) : () } @lines;
my %named = map { /^(mcp_\w+)/ ? ($1 => 1) : () } @lines;
is_deeply(\%named, \%typed, 'every number has a type');

is($r->http('HEAD', '/metrics')->{status}, 200, 'HEAD');
is($r->http('HEAD', '/metrics')->{body}, '', 'without a body');
is($r->http('POST', '/status', body => 'x')->{status}, 405, 'no POST');
is($r->http('DELETE', '/status')->{status}, 405, 'no DELETE');

my @away = (headers => ['X-Client' => '192.0.2.1']);
is($r->http('GET', '/status', @away)->{status}, 403, 'other machines are refused');
is($r->http('GET', '/any', @away)->{status}, 200, 'unless any may ask');
is($r->http('GET', '/denied', @away)->{status}, 403, 'and access rules let them');
is($r->http('GET', '/denied', headers => ['X-Client' => '10.1.2.3'])->{status}, 200, 'which they do here');
is($r->http('GET', '/status', headers => ['X-Client' => '::1'])->{status}, 200, 'IPv6 has a loopback too');

ok($r->reload(wait_old => 1), 'reload');
is(decode_json($r->http('GET', '/status')->{body})->{exchanges_handed}, 3, 'counters survive it');

$r->done_testing;
