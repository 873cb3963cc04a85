#!/usr/bin/perl

# Every endpoint of the API, every filter and cursor, against a reference that is computed from the
# calls in the database.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use List::Util qw(sum0 uniq max min);
use Test::More;
use Test::Mcp::Api;
use Test::Mcp::Recorder;
use Test::Mcp::Traffic;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);

my $r = Test::Mcp::Recorder->new(Test::Mcp::Traffic->options(server => <<'CONF'));
    location /c/ { mcp_console; }
CONF
Test::Mcp::Traffic->send($r);
my $api = Test::Mcp::Api->new($r, '/c/');
my @all = $api->reference;
cmp_ok(scalar @all, '>', 100, 'there is something to ask about');

my %is_error = map { $_ => 1 } qw(tool_error rpc_error http_error aborted);

# Filters on calls, as the API defines them.
my %value_of = (
    server => sub { $_[0]{server} }, session_id => sub { $_[0]{session_id} }, id_source => sub { $_[0]{id_source} },
    user => sub { $_[0]{user} // '' }, role => sub { @{ $_[0]{roles} } }, client => sub { $_[0]{client} // '' },
    address => sub { $_[0]{address} // '' }, request_id => sub { $_[0]{request_id} // () }, method => sub { $_[0]{method} // () },
    primitive => sub { $_[0]{primitive} // () }, outcome => sub { $_[0]{outcome} }, status => sub { $_[0]{status} // () },
    'param.tenant' => sub { $_[0]{params}{tenant} // () },
    state => sub { my $c = shift; defined $c->{ended_at} ? 'ended' : 'open' },
);

sub matching {
    my (%filter) = @_;
    my @calls = @all;
    for my $name (keys %filter) {
        my @wanted = ref $filter{$name} ? @{ $filter{$name} } : $filter{$name};
        if ($name eq 'q') {
            my $text = lc $wanted[0];
            @calls = grep { my $c = $_; grep { defined && index(lc, $text) >= 0 } @$c{qw(primitive user session_id)} } @calls;
        } elsif ($name eq 'from') {
            @calls = grep { $_->{at} ge $wanted[0] } @calls;
        } elsif ($name eq 'to') {
            @calls = grep { $_->{at} lt $wanted[0] } @calls;
        } else {
            my %is_wanted = map { $_ => 1 } @wanted;
            @calls = grep { my $c = $_; grep { $is_wanted{$_} || ($is_wanted{'*'} && length) } $value_of{$name}->($c) } @calls;
        }
    }
    return @calls;
}

sub bytes { my ($text) = @_; utf8::encode($text); return $text }

sub query_of {
    my (%filter) = @_;
    return map { my $v = $filter{$_}; ($_ => ref $v ? [map { bytes($_) } @$v] : bytes($v)) } sort keys %filter;
}

my %skipped_alone;

sub compare {
    my (%filter) = @_;
    my @query = query_of(%filter);
    my $name = join ' ', map { ref ? "[@$_]" : $_ } %filter{sort keys %filter};
    my @calls = matching(%filter);
    my $limit = 1 + @calls % 9;
    is_deeply([map { $_->{id} } $api->pages('calls', @query, limit => $limit, payloads => 'false')], [reverse map { $_->{id} } @calls], "calls: $name");
    my %matched;
    $matched{ $_->{session} }++ for @calls;
    my @sessions = $api->pages('sessions', @query, limit => $limit);
    is_deeply({ map { $_->{id} => $_->{matched} } @sessions }, \%matched, "sessions: $name");
    my @last = map { $_->{last_at} } @sessions;
    is_deeply(\@last, [sort { $b cmp $a } @last], '... newest activity first') if @last;
    my $timeline = $api->get('timeline', @query);
    is(sum0(map { $_->{calls} } @{ $timeline->{items} }), scalar @calls, '... in the timeline');
    is(sum0(map { $_->{errors} } @{ $timeline->{items} }), scalar(grep { $is_error{ $_->{outcome} } } @calls), '... and its errors');
    my $facets = $api->get('facets', @query);
    is("$facets->{calls} $facets->{sessions} $facets->{errors}",
        @calls . ' ' . keys(%matched) . ' ' . grep({ $is_error{ $_->{outcome} } } @calls), '... and the sums of facets');
    return;
}

# Each filter with each of its values.
my %values = map { my $of = $value_of{$_}; $_ => [sort(uniq(map { $of->($_) } @all))] } keys %value_of;
for my $name (sort keys %values) {
    my @values = @{ $values{$name} };
    cmp_ok(scalar @values, '>', 0, "$name has values");
    @values = @values[0 .. 3] if @values > 6;
    compare($name => $_) for @values;
    compare($name => [@values[0 .. min(1, $#values)]]);
    compare($name => 'zzz') unless $name =~ /^(?:id_source|outcome|status|state)$/;
}
compare(user => '*');
compare(user => ['', 'bob']);
compare(q => $_) for 'DELETE', 'alice', 'session-1', '%', '_', '<script>', 'zzz';

# Two and three at a time, on one and the same call.
my $chance = 42;
my $pick = sub { $chance = ($chance * 1103515245 + 12345) % 2147483648; return $_[int($chance / 65536) % @_] };
for (1 .. 25) {
    my @names = uniq(map { $pick->(sort keys %values) } 1 .. 3);
    compare(map { $_ => $pick->(@{ $values{$_} }) } @names);
}

# Time.
my @at = sort map { $_->{at} } @all;
compare(from => $at[20], to => $at[60], method => 'tools/call');
compare(from => $at[50], method => 'tools/call');
compare(to => $at[50], method => 'tools/call');
is_deeply($api->get('calls', to => $at[0])->{items}, [], 'nothing before the first call');
is_deeply($api->get('sessions', from => '2001-01-01T00:00:00Z', to => '2001-01-02T00:00:00Z'), { items => [], next => undef }, 'nothing in another year');

# Orders.
for my $sort ([duration => 'duration_ms'], [bytes => undef]) {
    my ($name, $member) = @$sort;
    my @sorted = $api->pages('calls', sort => $name, limit => 7, payloads => 'false');
    is_deeply([sort map { $_->{id} } @sorted], [sort map { $_->{id} } @all], "sort=$name shows all");
    my @numbers = map { $member ? $_->{$member} // -1 : $_->{bytes_in} + $_->{bytes_out} } @sorted;
    is_deeply(\@numbers, [sort { $b <=> $a } @numbers], '... the most first');
}
is_deeply([map { $_->{id} } $api->pages('calls', sort => 'newest')], [reverse map { $_->{id} } @all], 'sort=newest is the usual order');
is(scalar @{ $api->get('calls')->{items} }, 50, 'fifty where nothing is said');
is(scalar @{ $api->get('calls', limit => 500)->{items} }, min(500, scalar @all), 'up to five hundred');

# One session.
my %calls_of;
push @{ $calls_of{ $_->{session} } }, $_ for @all;
for my $id ((sort keys %calls_of)[0 .. 9]) {
    my @calls = @{ $calls_of{$id} };
    my $session = $api->get("sessions/$id");
    is("$session->{id} $session->{calls} $session->{session_id}", "$id " . @calls . " $calls[0]{session_id}", "session $id");
    my %counts;
    $counts{ $_->{method} // '' }++ for @calls;
    is_deeply({ map { $_->{value} => $_->{count} } @{ $session->{facets}{methods} } }, \%counts, '... its methods');
    my %outcomes;
    $outcomes{ $_->{outcome} }++ for @calls;
    is_deeply({ map { $_->{value} => $_->{count} } @{ $session->{facets}{outcomes} } }, \%outcomes, '... its outcomes');
    is_deeply([sort keys %{ $session->{facets} }], [qw(attacks methods outcomes primitives roles users)], '... all facets of the contract');
    is_deeply([map { $_->{id} } @{ $session->{days} }], [$id], '... its days');
    is_deeply([map { $_->{id} } $api->pages("sessions/$id/calls", limit => 3)], [map { $_->{id} } @calls], '... its calls in order');
    my @errors = grep { $is_error{ $_->{outcome} } } @calls;
    is_deeply([map { $_->{id} } $api->pages("sessions/$id/calls", outcome => [keys %is_error])], [map { $_->{id} } @errors], '... filtered');
}

# One call.
for my $call (@all[0 .. 30]) {
    my $shown = $api->get("calls/$call->{id}");
    my %same = map { $_ => 1 } qw(at direction method outcome server session_id user request_id);
    is_deeply({ map { $_ => $shown->{$_} } keys %same }, { map { $_ => $call->{$_} } keys %same }, "call $call->{id}");
    is_deeply($shown->{roles}, $call->{roles}, '... its roles');
    is_deeply($shown->{params}, $call->{params}, '... its parameters');
    my $json = JSON::PP->new->allow_nonref;
    for my $payload (qw(arguments result)) {
        is_deeply($shown->{$payload}, defined $call->{$payload} ? $json->decode($call->{$payload}) : undef, "... its $payload");
    }
    unlike($json->encode($shown), qr/hunter2/, '... masked');
}
my ($list) = $api->get('calls', limit => 1);
is_deeply($list->{items}[0], do { my %c = %{ $api->get("calls/$list->{items}[0]{id}") }; delete @c{qw(continued_by batch previous following)}; \%c },
    'a list shows the same of a call');
ok(!defined $api->get('calls', limit => 1, payloads => 'false', primitive => 'search')->{items}[0]{arguments}, 'payloads=false leaves arguments out');

# Facets.
my $facets = $api->get('facets', field => ['user', 'method'], limit => 500);
is_deeply([sort keys %{ $facets->{facets} }], ['method', 'user'], 'only the facets that were asked for');
for my $name (qw(method outcome server client address role status primitive)) {
    my %counts;
    $counts{$_}++ for map { $value_of{$name}->($_) } @all;
    my $facet = $api->get('facets', field => $name, limit => 500)->{facets}{$name};
    my %shown = map { $_->{value} => $_->{count} } @{ $facet->{values} };
    delete $counts{''};
    delete $shown{''};
    is_deeply(\%shown, \%counts, "values of $name");
}
my $some = $api->get('facets', field => 'primitive', contains => 'ELETE')->{facets}{primitive};
is_deeply([map { $_->{value} } @{ $some->{values} }], ['delete_account'], 'values with a text in them');
is(scalar @{ $api->get('facets', field => 'primitive', limit => 2)->{facets}{primitive}{values} }, 2, 'only so many');

# Servers, primitives, agents.
my $servers = $api->get('servers');
my %calls_on;
push @{ $calls_on{ $_->{server} } }, $_ for @all;
is_deeply({ map { $_->{name} => $_->{calls} } grep { $_->{calls} } @{ $servers->{items} } }, { map { $_ => scalar @{ $calls_on{$_} } } keys %calls_on }, 'servers with their calls');
for my $server (@{ $servers->{items} }) {
    my @calls = @{ $calls_on{ $server->{name} } // [] } or next;
    my $shown = $api->get("servers/$server->{id}");
    is($shown->{name}, $server->{name}, "server $server->{name}");
    my %found = map { $_->{name} => $_->{share} } @{ $shown->{found} };
    my $users = grep { defined $_->{user} && !($_->{carried} & 1) } @calls;
    cmp_ok(abs(($found{user} // 9) - $users / @calls), '<', 0.001, '... in which share of its calls a user was found');
    my %tools;
    $tools{ $_->{primitive} }++ for grep { defined $_->{primitive} } @calls;
    my $primitives = $api->get("servers/$server->{id}/primitives");
    is_deeply({ map { $_->{name} => $_->{calls} } grep { $_->{calls} } @{ $primitives->{items} } }, \%tools, '... its primitives');
}
my %by_user;
$by_user{ $_->{user} // '' }++ for @all;
my %agents;
$agents{ $_->{user} // '' } += $_->{calls} for @{ $api->get('agents')->{items} };
is_deeply(\%agents, \%by_user, 'agents with their calls');

# What there is none of.
is_deeply($api->get('attacks'), { items => [], next => undef }, 'no attacks');
my $controls = $api->get('controls')->{items};
is_deeply([map { "$_->{kind} $_->{mode} $_->{in_force}" } @$controls], ['protocol_check monitoring 1'], 'no control but the protocol check');
cmp_ok($controls->[0]{judged}, '>', 0, '... which has judged');
is($controls->[0]{denied}, 0, '... and objected to nothing');
is_deeply($api->get('calls', attack => 'any')->{items}, [], 'no call with an attack');
is($api->problem('attacks/2026-11-22.a9')->{status}, 404, 'nor one of this id');

# Health.
my $stats = $api->get('stats');
my $status = $r->status;
is($stats->{handed}, $status->{exchanges_handed}, 'the counters of mcp_status');
is_deeply($stats->{dropped}, $status->{exchanges_dropped}, '... by reason');
is_deeply([map { $_->{day} } @{ $stats->{days} }], [map { m{([^/]+)\.db$} } reverse $r->days], '... and the days');
is($stats->{days}[0]{calls}, scalar @all, '... with their calls');
is($stats->{limits}{retention_s}, 7 * 86400, '... and bounds');

# Problems.
for my $case (
    ['sessions/2026-11-22.999999' => 404], ['calls/2001-01-01.1.1' => 404], ['servers/nosuch' => 404], ['servers/nosuch/primitives' => 404],
    ['sessions/2001-01-01.1/calls' => 404],
) {
    is($api->problem($case->[0])->{status}, $case->[1], "$case->[0] is not there");
}
my $cursor = $api->get('calls', limit => 1)->{next};
for my $wrong ([cursor => 'x'], [cursor => "${cursor}x"], [cursor => $cursor, method => 'ping'], [cursor => substr $cursor, 1]) {
    my $problem = $api->problem('calls', @$wrong);
    is("$problem->{status} $problem->{parameter}", '400 cursor', 'a cursor of another list is refused');
}
is($api->problem('sessions', cursor => $cursor)->{status}, 400, '... of another endpoint too');

$r->done_testing;
