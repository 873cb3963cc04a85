#!/usr/bin/perl

# Hundreds of open streams and waiting requests when the worker ends, in every way in which it does:
# each ends, each is recorded once, and the books balance.

use strict;
use warnings;

use FindBin;
use IO::Select;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $count = 500;
# What is open: POST and GET streams with an event, the same with nothing but their head, and
# requests that were not answered at all.
my @kinds = qw(post get quiet-post quiet-get waiting);
my $event = qq(data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"hello"}}\n\n);

# One process for all streams. With the flag "finish" it answers, and ends them.
sub serve {
    my ($listen, $flag) = @_;
    my $all = IO::Select->new($listen);
    my (%buffer, %open);
    my $chunk = sub { sprintf "%x\r\n%s\r\n", length $_[0], $_[0] };
    my $head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    while (1) {
        for my $socket ($all->can_read(0.05)) {
            if ($socket == $listen) {
                my $new = $listen->accept or next;
                $all->add($new);
                next;
            }
            if (!sysread $socket, $buffer{$socket}, 65536, length($buffer{$socket} // '')) {
                $all->remove($socket);
                delete $_->{$socket} for \%open, \%buffer;
                close $socket;
                next;
            }
            my ($length) = $buffer{$socket} =~ /\r\nContent-Length: (\d+)/i;
            my $end = index $buffer{$socket}, "\r\n\r\n";
            next if $end < 0 || length $buffer{$socket} < $end + 4 + ($length // 0);
            my ($kind) = $buffer{$socket} =~ /\r\nX-Kind: (\S+)/i;
            if (!$kind) {
                my ($id) = $buffer{$socket} =~ /"id":("[^"]*"|\d+)/;
                my $body = qq({"jsonrpc":"2.0","id":$id,"result":{}});
                syswrite $socket, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
                $buffer{$socket} = '';
                next;
            }
            my ($id) = $buffer{$socket} =~ /"id":(\d+)/;
            $open{$socket} = [$socket, $kind, $id];
            syswrite $socket, $head unless $kind eq 'waiting';
            syswrite $socket, $chunk->($event) if $kind eq 'post' || $kind eq 'get';
        }
        next unless -e $flag;
        unlink $flag;
        for (values %open) {
            my ($socket, $kind, $id) = @$_;
            syswrite $socket, $head if $kind eq 'waiting';
            syswrite $socket, $chunk->(qq(data: {"jsonrpc":"2.0","id":$id,"result":{"content":[]}}\n\n)) if defined $id;
            syswrite $socket, "0\r\n\r\n";
        }
        %open = ();
    }
}

my $r = Test::Mcp::Recorder->new(start => 0, connections => 4096, main => 'worker_shutdown_timeout 1s;',
    pass => 'proxy_pass http://127.0.0.1:%%PORT_3%%; proxy_http_version 1.1; proxy_buffering off;');
my $listen = IO::Socket::INET->new(Listen => 511, LocalAddr => '127.0.0.1', LocalPort => $r->port(3), ReuseAddr => 1) or die "listen: $!\n";
my $flag = $r->dir . '/finish';
$r->run_daemon(\&serve, $listen, $flag);
close $listen;

# Opens all, and waits until each has what it gets.
my $id = 0;
sub open_all {
    my ($round) = @_;
    my @streams;
    for my $n (1 .. $count) {
        my $kind = $kinds[$n % @kinds];
        my @headers = ('X-Kind' => $kind, 'Mcp-Session-Id' => "$round-" . $n % 20);
        my $socket = $r->open_connection;
        my $stream = { socket => $socket, kind => $kind, got => '' };
        if ($kind =~ /get/) {
            syswrite $socket, $r->request('GET', '/mcp', headers => ['Accept' => 'text/event-stream', @headers]);
        } else {
            $stream->{id} = ++$id;
            syswrite $socket, $r->request('POST', '/mcp', body => $r->jsonrpc('tools/call', { name => $round }, $id),
                headers => $r->mcp_headers(headers => \@headers));
        }
        push @streams, $stream;
    }
    read_all($round, \@streams, sub {
        my ($stream) = @_;
        return $stream->{kind} =~ /quiet/ ? $stream->{got} =~ /\r\n\r\n/ : $stream->{kind} eq 'waiting' || $stream->{got} =~ /hello/;
    });
    return \@streams;
}

# Reads until each has what is asked for, or has ended.
sub read_all {
    my ($what, $streams, $enough) = @_;
    my $until = time + $Test::Mcp::PATIENCE;
    my $select = IO::Select->new(map { $_->{socket} } grep { !$_->{ended} && !$enough->($_) } @$streams);
    my %of = map { ($_->{socket} => $_) } @$streams;
    while ($select->count) {
        my @ready = $select->can_read($until - time) or last;
        for my $socket (@ready) {
            my $stream = $of{$socket};
            $stream->{ended} = 1 unless sysread $socket, $stream->{got}, 65536, length $stream->{got};
            $select->remove($socket) if $stream->{ended} || $enough->($stream);
        }
    }
    is($select->count, 0, "$what: no stream hangs");
    return;
}

sub ends {
    my ($round, $streams) = @_;
    read_all("$round, the end", $streams, sub { 0 });
    close $_->{socket} for @$streams;
    return;
}

# What clients received, without chunk framing, by kind.
sub received {
    my ($streams) = @_;
    my %received;
    for my $stream (@$streams) {
        my ($body, $is_whole) = Test::Mcp::Http::dechunk($stream->{got} =~ s/\A.*?\r\n\r\n//sr);
        $body =~ s/"id":$stream->{id},/"id":N,/ if $stream->{id};
        $received{ $stream->{kind} }{ ($is_whole ? '' : 'cut ') . $body }++;
    }
    return \%received;
}

sub rows {
    my ($sql) = @_;
    return join ', ', map { join ' ', @$_{ sort keys %$_ } } @{ $r->query($sql) };
}

# In SQLite, what is there of a round: each call once, with its outcome, and streams opened and closed.
sub recorded_as {
    my ($round, $outcome) = @_;
    my $each = $count / @kinds;
    my $calls = 3 * $each;
    my $rows = $r->records("select outcome, count(*) as n, count(distinct rpc_id) as ids from calls where primitive = '$round' group by 1",
        until => sub { @{ $_[0] } && $_[0][0]{n} >= $calls });
    is(join(', ', map { "$_->{ids} of $_->{n} $_->{outcome}" } @$rows), "$calls of $calls $outcome", "$round: each call is recorded once");
    my $events = "select e.kind as a, count(*) as b from events e join parts p on p.part = e.part where p.session_id like '$round-%' and e.kind like 'stream_%' group by 1 order by 1";
    $r->records($events, until => sub { @{ $_[0] } == 2 && $_[0][0]{b} == 2 * $each });
    is(rows($events), 'stream_closed ' . 2 * $each . ', stream_opened ' . 2 * $each, "$round: each stream is recorded with its end");
    is(rows("select sum(notifications) as n from parts where session_id like '$round-%'"), 2 * $each, "$round: each notification is counted");
    return;
}

# As `accounted`, where several nginx instances have written one after the other.
my $handed = 0;
sub balances {
    my ($round) = @_;
    $r->accounted("$round: every exchange is accounted for", dropped => 0, calls => 0);
    my $rows = $r->query('select sum(exchanges) as n from writers');
    is($rows->[0]{n}, $handed += $count, "$round: as many exchanges are in the store as there were");
    return;
}

my %first = (
    post => { "cut $event" => 100 }, get => { "cut $event" => 100 },
    'quiet-post' => { 'cut ' => 100 }, 'quiet-get' => { 'cut ' => 100 }, waiting => { 'cut ' => 100 },
);
$r->run;
{
    my $streams = open_all('quit');
    $r->quit;
    ends('quit', $streams);
    is_deeply(received($streams), \%first, 'quit: what had come has passed');
    recorded_as('quit', 'aborted');
    is($r->query('select sum(exchanges) as n from writers')->[0]{n}, $handed += $count, 'quit: as many exchanges are in the store as there were');
}
$r->run;
{
    my $streams = open_all('term');
    $r->stop;
    ends('term', $streams);
    is_deeply(received($streams), \%first, 'term: what had come has passed');
    recorded_as('term', 'aborted');
    is($r->query('select sum(exchanges) as n from writers')->[0]{n}, $handed += $count, 'term: as many exchanges are in the store as there were');
}
$r->run;
{
    my $streams = open_all('cut');
    $r->reload(wait_old => 1);
    ends('cut', $streams);
    is_deeply(received($streams), \%first, 'reload with a timeout: what had come has passed');
    recorded_as('cut', 'aborted');
    balances('cut');
}
# Without the timeout an old worker serves them to their end.
$r->configure(main => '');
$r->reload(wait_old => 1);
{
    my $streams = open_all('reload');
    $r->reload;
    $r->write_file('finish', '');
    ends('reload', $streams);
    my $answer = qq(data: {"jsonrpc":"2.0","id":N,"result":{"content":[]}}\n\n);
    is_deeply(received($streams), {
        post => { $event . $answer => 100 }, get => { $event => 100 },
        'quiet-post' => { $answer => 100 }, 'quiet-get' => { '' => 100 }, waiting => { $answer => 100 },
    }, 'reload: everything passes to its end');
    recorded_as('reload', 'ok');
    balances('reload');
    $r->wait_until(sub { $r->worker_pids(all => 1) == 1 }, 'the end of the old worker');
}
$r->integrity;

$r->done_testing;
