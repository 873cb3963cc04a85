#!/usr/bin/perl

# servers= confines a console to some MCP servers: in every list, count, facet, export and id.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use List::Util qw(sum0);
use Test::More;
use Test::Mcp::Api;
use Test::Mcp::Recorder;
use Test::Mcp::Traffic;

my $r = Test::Mcp::Recorder->new(Test::Mcp::Traffic->options(server => <<'CONF'));
    location /all/ { mcp_console; }
    location /billing/ { mcp_console servers=billing; }
    location /host/ { mcp_console servers=localhost/* other; }
    location /none/ { mcp_console servers=nothing; }
CONF
Test::Mcp::Traffic->send($r);
my %api = map { $_ => Test::Mcp::Api->new($r, "/$_/") } qw(all billing host none);
my @all = $api{all}->reference;
my %seen = (
    billing => [grep { $_->{server} eq 'billing' } @all], host => [grep { $_->{server} =~ m{^localhost/} } @all], none => [],
);
cmp_ok(scalar @{ $seen{billing} }, '>', 10, 'there are calls of one server');
cmp_ok(scalar @{ $seen{host} }, '>', 10, '... and of others');

# What the confined console shows of a path, as text: none of the other servers' ids or names.
sub shown {
    my ($console, $path, @query) = @_;
    return $r->http('GET', $api{$console}->address($path, @query))->{body};
}

for my $console (qw(billing host none)) {
    my ($api, @calls) = ($api{$console}, @{ $seen{$console} });
    my %is_seen = map { $_->{id} => 1, $_->{session} => 1 } @calls;
    my ($hidden) = grep { !$is_seen{ $_->{id} } } @all;
    my @hidden_servers = grep { my $s = $_; !grep { $_->{server} eq $s } @calls } 'billing', 'localhost/mcp';
    is_deeply([map { $_->{id} } $api->pages('calls', payloads => 'false')], [reverse map { $_->{id} } @calls], "$console: calls");
    is_deeply([sort map { $_->{id} } $api->pages('sessions')], [sort keys %{ { map { $_->{session} => 1 } @calls } }], "$console: sessions");
    my $facets = $api->get('facets', limit => 500);
    is($facets->{calls}, scalar @calls, "$console: sums");
    my $timeline = $api->get('timeline');
    is(sum0(map { $_->{calls} } @{ $timeline->{items} }), scalar @calls, "$console: timeline");
    is(sum0(map { $_->{calls} } @{ $api->get('agents')->{items} }), scalar @calls, "$console: agents");
    is(sum0(map { $_->{calls} } @{ $api->get('servers')->{items} }), scalar @calls, "$console: servers");
    for my $path (qw(sessions calls facets servers agents attacks controls)) {
        my $body = shown($console, $path, $path =~ /^(?:sessions|calls)$/ ? (limit => 500) : ());
        unlike($body, qr/"\Q$_\E"/, "$console: $path names no $_") for @hidden_servers;
    }
    for my $format (qw(csv ndjson)) {
        for my $path (qw(sessions calls)) {
            my $body = shown($console, $path, format => $format);
            unlike($body, qr/[",]\Q$_\E[",]/, "$console: $path as $format has no $_") for @hidden_servers;
        }
    }
    # Asking for what is hidden by name, id or cursor.
    for my $path ("sessions/$hidden->{session}", "sessions/$hidden->{session}/calls", "calls/$hidden->{id}") {
        is($r->http('GET', "/all/api/v1/$path")->{status}, 200, "$path is there");
        is($api->problem($path)->{status}, 404, "$console: ... and not shown");
    }
    for my $server (@{ $api{all}->get('servers')->{items} }) {
        my $is_hidden = grep { $_ eq $server->{name} } @hidden_servers;
        for my $path ("servers/$server->{id}", "servers/$server->{id}/primitives") {
            is($r->http('GET', "/$console/api/v1/$path")->{status}, $is_hidden ? 404 : 200, "$console: $path of $server->{name}") if $is_hidden;
        }
    }
    for my $server (@hidden_servers) {
        is_deeply($api->get('calls', server => $server)->{items}, [], "$console: no filter shows $server");
        is($api->get('facets', server => $server)->{calls}, 0, '... nor counts it');
        is_deeply([$api->pages('sessions', server => $server)], [], '... nor lists it');
    }
    my $q = $api->get('calls', q => $hidden->{session_id});
    is(scalar(grep { !$is_seen{ $_->{id} } } @{ $q->{items} }), 0, "$console: no text finds more");
}
# A cursor of a wider console.
my $cursor = $api{all}->get('calls', limit => 1)->{next};
my $answer = $r->http('GET', $api{billing}->address('calls', cursor => $cursor));
my @beyond = $answer->{status} == 200 ? grep { $_->{server} ne 'billing' } @{ decode_json($answer->{body})->{items} } : ();
is_deeply(\@beyond, [], 'a cursor does not widen it');
# Payloads of hidden servers are in no answer.
unlike(shown('billing', 'calls', limit => 500), qr/localhost/, 'nothing of another server is in a list with payloads');

# What is in force for a server, with file and line.
my ($billing) = grep { $_->{name} eq 'billing' } @{ $api{all}->get('servers')->{items} };
my $shown = $api{all}->get("servers/$billing->{id}");
my @conf = split /\n/, $r->read_file('nginx.conf');
my %in_force = map { $_->{directive} => $_ } @{ $shown->{configuration} };
for my $directive (qw(mcp_sessions_store mcp_sessions mcp_server_name mcp_user mcp_role mcp_param)) {
    my $it = $in_force{$directive};
    ok($it, "$directive is in force") or next;
    my ($file, $line) = $it->{place} =~ /^(.*):(\d+)$/;
    is($file, $r->dir . '/nginx.conf', '... in its file');
    like($conf[$line - 1], qr/\Q$directive $it->{value}\E/, '... on its line, as written');
}
is($in_force{mcp_server_name}{location}, '/two', 'and its location');
ok(!$in_force{mcp_capture}, 'what another location says is not in force');
my ($mcp) = grep { $_->{name} eq 'localhost/mcp' } @{ $api{all}->get('servers')->{items} };
my @mcp = @{ $api{all}->get("servers/$mcp->{id}")->{configuration} };
is_deeply([sort { $a cmp $b } map { $_->{directive} } @mcp], [qw(mcp_capture mcp_param mcp_role mcp_sessions mcp_sessions_store mcp_user)], 'a server without a name is found by host and path');
like((map { $_->{lines} } @{ $shown->{advice} })[0] // '', qr/mcp_user .*agents|map \$http_x_api_key/s, 'lines that would find more are advised');

$r->done_testing;
