#!/usr/bin/perl

# Bodies that come a byte at a time, and answers cut in two at every byte, are recorded as those that
# come in one piece; of streams that end at any byte, what clients can read of them is.

use strict;
use warnings;

use FindBin;
use IO::Select;
use JSON::PP;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

# What upstream answers: a result, or a stream with everything that a stream can bring.
my $result = '{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"d\u00f6ne ' . "\xc3\xb6" . '"}],"isError":false}}';
my $stream = join "\n", ': a comment', 'id: 1', 'data:', '', 'event: message', 'id: 2',
    'data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}', '',
    'data: {"jsonrpc":"2.0","id":"s","method":"roots/list"}', '', 'retry: 10',
    'data: {"jsonrpc":"2.0","id":7,', qq(data: "result":{"content":[{"text":"\xc3\xb6"}]}}), '', '';
my $short = qq(data: {"jsonrpc":"2.0","id":7,"result":{}}\n\n);
my %eol = (LF => "\n", CRLF => "\r\n", CR => "\r");
my %answers = (
    JSON => ['application/json', $result],
    (map { ("SSE $_" => ['text/event-stream', $stream =~ s/\n/$eol{$_}/gr]) } keys %eol),
    (map { ("short $_" => ['text/event-stream', $short =~ s/\n/$eol{$_}/gr]) } keys %eol),
);
my $pause_seconds = 0.03;

# The request says what it wants: X-Answer, and X-Way: how it is framed, and where cut.
my $r = Test::Mcp::Recorder->new(
    store => 'flush=10ms min_free=0',
    server => 'location /mcp/unbuffered { mcp_sessions on; proxy_request_buffering off; proxy_buffering off;
        proxy_http_version 1.1; proxy_pass http://127.0.0.1:%%PORT_2%%; }',
    upstream => sub {
        my ($c, $request) = @_;
        my ($type, $body) = @{ $answers{ $request->{header}{'x-answer'} // '' } // return Test::Mcp::Upstream->mcp->($c, $request) };
        my ($framing, $way, $at) = split / /, $request->{header}{'x-way'};
        $body = substr $body, 0, $at if $way eq 'ends';
        my $is_single = $way eq 'bytes' && $framing eq 'chunked';
        my $wire = $framing ne 'chunked' ? $body : $is_single ? join('', map { "1\r\n$_\r\n" } split //, $body) . "0\r\n\r\n"
            : length $body ? sprintf("%x\r\n%s\r\n0\r\n\r\n", length $body, $body) : "0\r\n\r\n";
        $c->send("HTTP/1.1 200 OK\r\nContent-Type: $type\r\n" . { chunked => "Transfer-Encoding: chunked\r\n\r\n",
            length => 'Content-Length: ' . length($body) . "\r\n\r\n", close => "Connection: close\r\n\r\n" }->{$framing});
        if ($way eq 'bytes') {
            for my $piece ($wire =~ /(\A1\r\n.\r\n|(?<=\n)1\r\n.\r\n|.)/gs) {
                $c->send($piece);
                $c->pause(0.0002);
            }
        } elsif ($way eq 'cut') {
            $c->send(substr $wire, 0, $at);
            $c->pause($pause_seconds);
            $c->send(substr $wire, $at);
        } else {
            $c->send($wire);
        }
        $c->close if $framing eq 'close';
    },
);
my ($worker) = $r->worker_pids;
# Proves both paths.
$r->call('first', {}, path => $_) for '/mcp', '/mcp/unbuffered';
my $call = $r->jsonrpc('tools/call', { name => "t\xf6\x{2192}ol", arguments => { a => [1, 'two', "\n"], password => 'hidden' } }, 7);
utf8::encode($call);

my $sessions = 0;
sub request {
    my ($answer, $way, %o) = @_;
    my $session = 's' . ++$sessions;
    my @body = $o{chunked} ? (chunked => $o{chunked}) : (body => $call);
    my $bytes = $r->request('POST', $o{path} // '/mcp', @body,
        headers => $r->mcp_headers(session => $session, headers => ['X-Answer' => $answer, 'X-Way' => $way]));
    return { session => $session, bytes => $bytes, answer => $answer, got => '' };
}

# Sends requests at the same time, each in the pieces that `cut` makes of it, and reads the answers.
sub exchange {
    my ($requests, $cut, $seconds) = @_;
    $cut //= sub { $_[0] };
    my @rest = @$requests;
    while (my @now = splice @rest, 0, 60) {
        my %of;
        my @pieces = map { [$cut->($_->{bytes})] } @now;
        for my $request (@now) {
            my $socket = $r->open_connection;
            $of{$socket} = $request;
            $request->{socket} = $socket;
        }
        while (grep { @$_ } @pieces) {
            for my $n (0 .. $#now) {
                syswrite $now[$n]{socket}, shift @{ $pieces[$n] } if @{ $pieces[$n] };
            }
            select undef, undef, undef, $seconds if $seconds;
        }
        my $select = IO::Select->new(map { $_->{socket} } @now);
        my $until = time + $Test::Mcp::PATIENCE;
        while ($select->count) {
            my @ready = $select->can_read($until - time) or die "waited in vain for an answer\n";
            for my $socket (@ready) {
                my $request = $of{$socket};
                next if sysread $socket, $request->{got}, 65536, length $request->{got};
                $select->remove($socket);
                close $socket;
            }
        }
    }
    for (@$requests) {
        my $response = Test::Mcp::Http::parse_response($_->{got}, 'POST');
        @$_{qw(status body)} = @$response{qw(status body)};
        # nginx makes a chunk of what it reads at a time.
        my ($framed) = $_->{got} =~ /\r\n\r\n(.*)/s;
        $_->{chunks} = $response->{head} =~ /chunked/i ? scalar(() = $framed =~ /^[0-9a-f]+\r\n/mg) - 1 : 1;
    }
    return;
}

# What is stored of a session, without what differs from one time to the next.
my %volatile = map { $_ => 1 } qw(call part at session_id request_id duration_ms first_event_ms started_at last_at day);
sub record_of {
    my ($sessions) = @_;
    my %records = map { ($_ => []) } @$sessions;
    my $in = join ',', map { "'$_'" } @$sessions;
    $r->recorded('select 1');
    for my $table ('calls', 'sessions') {
        for my $row (@{ $r->query("select * from $table where session_id in ($in) order by " . ($table eq 'calls' ? 'direction, call' : 'part')) }) {
            push @{ $records{ $row->{session_id} } }, { table => $table, map { $volatile{$_} ? () : ($_ => $row->{$_}) } keys %$row };
        }
    }
    return \%records;
}

my $canonical = JSON::PP->new->canonical->pretty;
sub text { return $canonical->encode($_[0]) }

# Tests that all were answered as they should be and recorded as the first was.
sub same {
    my ($name, $first, @others) = @_;
    my @wrong = grep { $_->{status} != 200 || $_->{body} ne $answers{ $_->{answer} }[1] } $first, @others;
    is(scalar @wrong, 0, "$name: every byte of the answer passes") or diag($wrong[0]{got});
    my $records = record_of([map { $_->{session} } $first, @others]);
    cmp_ok(scalar @{ $records->{ $first->{session} } }, '>=', 2, "$name: in one piece it is recorded");
    my $expected = text($records->{ $first->{session} });
    my @differs = grep { text($records->{$_}) ne $expected } map { $_->{session} } @others;
    is(scalar @differs, 0, "$name: recorded as in one piece") or diag(map { substr $_, 0, 1500 } $expected, text($records->{ $differs[0] }));
    return $records->{ $first->{session} };
}

# A byte at a time, on both sides.
for my $answer ('JSON', map { "SSE $_" } sort keys %eol) {
    for my $framing ('length', 'chunked', 'close') {
        my $whole = request($answer, "$framing whole");
        exchange([$whole]);
        my $bytes = request($answer, "$framing bytes");
        exchange([$bytes], sub { split //, $_[0] }, 0.0002);
        my $record = same("$answer, $framing, a byte at a time", $whole, $bytes);
        # A busy machine reads several at a time.
        cmp_ok($bytes->{chunks}, '>', 10, '... and so it came') if $framing eq 'chunked';
        my ($row) = grep { ($_->{rpc_id} // '') eq '7' } @$record;
        is("$row->{outcome} $row->{coverage_request} $row->{coverage_response}", 'ok full full', '... as what it was');
        is(scalar @$record, $answer eq 'JSON' ? 2 : 3, '... with what the stream brought');
    }
}
for my $path ('/mcp', '/mcp/unbuffered') {
    my @ways = map { request('JSON', 'length whole', path => $path, %$_) } {}, {}, { chunked => [$call] }, { chunked => [split //, $call] };
    exchange([$ways[0]]);
    exchange([@ways[1 .. 3]], sub { split //, $_[0] }, 0.0002);
    same("a request to $path, a byte at a time", @ways);
    my @arrived = grep { $_->{target} eq $path && $_->{body} !~ /"ping"/ } @{ $r->upstream->requests };
    is(scalar(grep { $_->{body} eq $call } @arrived[-4 .. -1]), 4, '... every byte arrives');
}

# Cut in two at every byte; the two parts are written apart as well, for the pause is longer than a
# flush.
for my $answer ('JSON', map { "SSE $_" } sort keys %eol) {
    my $body = $answers{$answer}[1];
    my $framed = length sprintf "%x\r\n%s\r\n0\r\n\r\n", length $body, $body;
    my $whole = request($answer, 'chunked whole');
    exchange([$whole]);
    my @todo = 1 .. $framed - 1;
    my @done;
    # Where the machine was so busy that both parts came at once, it is done again.
    for my $try (1 .. 10) {
        my @requests = map { request($answer, "chunked cut $_") } @todo;
        exchange(\@requests);
        push @done, @requests;
        my $inner = length sprintf "%x\r\n", length $body;
        @todo = map { $todo[$_] } grep { my $at = $todo[$_] - $inner; $at > 0 && $at < length $body && $requests[$_]{chunks} < 2 } 0 .. $#todo;
        last unless @todo;
    }
    is("@todo", '', "$answer, cut at every byte: so it came");
    same("$answer, cut at every byte", $whole, @done);
}
{
    my $whole = request('JSON', 'length whole');
    exchange([$whole]);
    my @requests = map { request('JSON', 'length whole') } 1 .. length $call;
    my $at = 0;
    exchange(\@requests, sub { my $cut = ++$at - 1 + index $_[0], "\r\n\r\n"; (substr($_[0], 0, $cut + 4), substr $_[0], $cut + 4) }, $pause_seconds);
    same('a request, cut at every byte', $whole, @requests);
}

# Streams that end at every byte, in an orderly way and in none.
for my $framing ('chunked', 'close') {
    for my $eol (sort keys %eol) {
        my $body = $answers{"short $eol"}[1];
        my @requests = map { request("short $eol", "$framing ends $_") } 0 .. length $body;
        exchange(\@requests);
        my @wrong = grep { $requests[$_]{body} ne substr $body, 0, $_ } 0 .. $#requests;
        is("@wrong", '', "$eol, $framing, ends at every byte: what came passes");
        my $records = record_of([map { $_->{session} } @requests]);
        # The LF of the last CRLF is not needed.
        my $enough = length($body) - ($eol eq 'CRLF');
        my @outcomes = map { join '+', map { $_->{outcome} // () } @{ $records->{ $_->{session} } } } @requests;
        is("@outcomes", join(' ', ('aborted') x $enough, ('ok') x (@requests - $enough)), "$eol, $framing, ends at every byte: an answer is one once its event ends");
    }
}

is(join(' ', $r->worker_pids), $worker, 'the worker is the one from before');
$r->accounted('every exchange is accounted for', dropped => 0);
is($r->status->{panics}, 0, 'no bug was caught');

$r->done_testing;
