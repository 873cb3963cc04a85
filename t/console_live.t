#!/usr/bin/perl

# The live stream: what any worker stores is told, filtered and confined; streams end with their
# worker, and a client that comes back misses nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Test::More;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(
    workers => 2,
    events => 'accept_mutex off; multi_accept off;',
    location => 'mcp_user $http_x_user;',
    server => <<'CONF',
    location /c/ { mcp_console; }
    location /other/ { mcp_console servers=other/*; }
    location /slow/ { mcp_console; limit_rate 1k; }
CONF
    servers => 'server { listen 127.0.0.1:%%PORT_3%% http2; location /c/ { mcp_console; } }',
);

sub call {
    my ($name, %o) = @_;
    return $r->call($name, {}, headers => ['X-User' => $o{user} // 'alice'], session => $o{session} // 's-1', id => 1);
}

# The next event that says something: a call's name, or the mark.
sub next_call {
    my ($stream) = @_;
    while (my $event = $stream->next) {
        next unless ($event->{event} // '') eq 'call';
        return decode_json($event->{data});
    }
    return;
}

sub next_of {
    my ($stream, $name) = @_;
    while (my $event = $stream->next) {
        return $event if ($event->{event} // '') eq $name;
    }
    return;
}

sub open_stream {
    my ($target, %o) = @_;
    my $stream = $r->sse_open('GET', $target, headers => $o{headers});
    # Once the first mark is there, all that is stored from now on is told.
    $stream->{mark} = next_of($stream, 'mark')->{id};
    return $stream;
}

call('before');
$r->records(q{select 1 from calls where primitive = 'before'});

my $stream = open_stream('/c/api/v1/live');
is($stream->status, 200, 'the stream is open');
is($stream->headers->{'content-type'}, 'text/event-stream', 'and one of events');
is($stream->headers->{'cache-control'}, 'no-store', '... not to be kept');
is($stream->headers->{'x-accel-buffering'}, 'no', '... nor buffered on its way');

# Several connections: both workers take calls, and both are told.
my %from;
for my $n (1 .. 12) {
    call("tool-$n");
}
my %told;
while (keys %told < 12) {
    my $call = next_call($stream) or last;
    $told{ $call->{primitive}{name} }++;
    is($call->{user}, 'alice', 'a call is told as the API shows it') if keys %told == 1;
}
is_deeply(\%told, { map { ("tool-$_" => 1) } 1 .. 12 }, 'every call is told once, whatever worker stored it');
my $part = next_of($stream, 'session');
$part = decode_json($part->{data});
is($part->{session_id}, 's-1', 'with its session part');

# Filters, and servers=.
my $bob = open_stream('/c/api/v1/live?user=bob');
my $other = open_stream('/other/api/v1/live');
call('of-alice');
call('of-bob', user => 'bob');
is(next_call($bob)->{primitive}{name}, 'of-bob', 'a filtered stream tells what its filters hold on');
# Two workers write in no order.
is_deeply([sort map { next_call($stream)->{primitive}{name} } 1, 2], ['of-alice', 'of-bob'], '... the other one all');
is($r->http('GET', '/c/api/v1/live?limit=5')->{status}, 400, 'a parameter it does not know is refused');
is($r->http('GET', '/c/api/v1/live?from=2026-11-22T00:00:00Z')->{status}, 400, '... time is one');

# A client that comes back.
my $mark = open_stream('/c/api/v1/live')->{mark};
call('while-away');
$r->records(q{select 1 from calls where primitive = 'while-away'});
my $back = $r->sse_open('GET', '/c/api/v1/live', headers => ['Last-Event-ID' => $mark]);
is(next_call($back)->{primitive}{name}, 'while-away', 'a client that comes back hears what it missed');
my $strange = open_stream('/c/api/v1/live', headers => ['Last-Event-ID' => "9'; drop table calls; --"]);
call('after-strange');
is(next_call($strange)->{primitive}{name}, 'after-strange', 'a mark that is none begins at the present');

# HTTP/2.
SKIP: {
    skip('curl without HTTP/2', 1) unless `curl --version` =~ /HTTP2/;
    my $port = $r->port(3);
    open my $curl, '-|', "curl -sN --http2-prior-knowledge http://127.0.0.1:$port/c/api/v1/live" or die;
    my $line;
    do { $line = <$curl> } until !defined $line || $line =~ /^event: mark/;
    call('over-h2');
    do { $line = <$curl> } until !defined $line || $line =~ /over-h2/;
    like($line // '', qr/over-h2/, 'the same over HTTP/2');
    # Closed by the reload below.
    $r->{curl} = $curl;
}

# HEAD does not stay.
my $head = $r->http('HEAD', '/c/api/v1/live');
is("$head->{status} [$head->{body}]", '200 []', 'HEAD is answered and over');

# A client that has not taken what was told: for a minute and more, at this rate.
my $slow = open_stream('/slow/api/v1/live');
call("slow-$_") for 1 .. 60;
$r->records(q{select 1 from calls where primitive = 'slow-60'});
is(scalar(grep { next_call($stream)->{primitive}{name} =~ /^(?:slow|after|while|over)-/ } 1 .. 60), 60, 'a client that takes little keeps no other');

# Streams end with their workers, and reading does not keep those.
my $began = time;
ok($r->reload(wait_old => 1), 'old workers end though streams were open');
cmp_ok(time - $began, '<', 20, '... and one of them behind');
for my $open ([all => $stream], [filtered => $bob], [confined => $other], [resumed => $back]) {
    my ($name, $it) = @$open;
    my $event;
    do { $event = $it->next } while $event;
    is($event, undef, "the $name stream came to its end");
    ok($it->{closed}, '... in order');
}
my $rest = $r->{curl} ? do { local $/; readline $r->{curl} } : '';
ok(!$r->{curl} || close($r->{curl}), 'over HTTP/2 too');
my $new = open_stream('/c/api/v1/live');
call('after-reload');
is(next_call($new)->{primitive}{name}, 'after-reload', 'new workers serve new streams');

# Streams have a bound, and give room when they end.
my @open;
my $refused;
for (1 .. 200) {
    my $one = $r->sse_open('GET', '/c/api/v1/live');
    if ($one->status == 503) {
        $refused = $one;
        last;
    }
    push @open, $one;
}
is($refused && $refused->headers->{'retry-after'}, 1, 'too many streams are told to come later') or diag(scalar @open);
cmp_ok(scalar @open, '>=', 63, '... after many');
is($r->http('GET', '/c/api/v1/stats')->{status}, 200, '... while questions are answered');
$_->reset for @open;
ok($r->wait_until(sub { my $s = $r->sse_open('GET', '/c/api/v1/live'); my $ok = $s->status == 200; $s->close; $ok }, 'room'), 'those that end give room');

# A graceful quit ends them as well, at once.
my $last = open_stream('/c/api/v1/live');
$r->quit;
my $event;
do { $event = $last->next } while $event;
is($event, undef, 'quit ends streams');
unlike($r->error_log, qr/open socket .* left/, 'and leaves none behind');

$r->done_testing;
