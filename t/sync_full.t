#!/usr/bin/perl

# With sync=full a batch is on the disk before it counts as written; without it no batch waits for
# the disk. Shown by the worker's system calls, as strace sees them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my $strace = '/usr/bin/strace';
plan skip_all => 'strace is not installed' unless -x $strace;

# A recorder whose only worker is traced from now on; undef where that is not allowed.
sub trace {
    my ($r) = @_;
    my $out = $r->dir . '/trace';
    my ($worker) = $r->worker_pids;
    # -y: descriptors with their paths; -s: answers of mcp_status whole.
    my @command = ($strace, '-f', '-y', '-s', 1024, '-o', $out, '-p', $worker,
        '-e', 'trace=pwrite64,pwritev,write,writev,sendto,sendmsg,fsync,fdatasync,sync_file_range');
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDERR, '>', $r->dir . '/strace.log';
        exec @command or POSIX::_exit(127);
    }
    $r->wait_until(sub { !Test::Mcp::alive($pid) || $r->read_file('strace.log') =~ /attached/ }, 'strace');
    return Test::Mcp::alive($pid) ? $pid : undef;
}

# What the trace says of the day's WAL and of mcp_status, in order: W for writes, S for a sync that
# is over, a number of commits for an answer.
sub events {
    my ($r) = @_;
    my (@events, %begun);
    for my $line (split /\n/, $r->read_file('trace')) {
        my ($thread, $said) = $line =~ /^(\d+) +(.*)/ or next;
        $said =~ s/^<\.\.\. (\w+) resumed>/$begun{$thread} \/\/ ''/e;
        if ($said =~ /^(.*) <unfinished \.\.\.>$/) {
            $begun{$thread} = $1;
            next;
        }
        my $is_wal = $said =~ /^\w+\(\d+<[^>]*\d\d-\d\d\.db-wal>/;
        push @events, 'W' if $is_wal && $said =~ /^pwrite/;
        push @events, 'S' if $is_wal && $said =~ /^f(?:data)?sync\(.* = 0$/;
        push @events, $1 if $said =~ /^(?:write|send).*\\"commits\\": (\d+)/;
    }
    return @events;
}

for my $sync ('full', 'normal') {
    # The default is said by saying nothing.
    my $r = Test::Mcp::Recorder->new(store => 'flush=20ms min_free=0' . ($sync eq 'full' ? ' sync=full' : ''));
    my $session = $r->open_session;
    my $first = $r->written(2)->{commits};
    my $pid = trace($r);
    if (!$pid) {
        $r->stop;
        plan skip_all => 'strace may not trace here: ' . $r->read_file('strace.log');
    }
    my $batches = 12;
    for my $id (1 .. $batches) {
        $r->call('echo', {}, id => $id, session => $session);
        $r->wait_until(sub { $r->status->{commits} >= $first + $id }, "batch $id");
    }
    kill 'INT', $pid;
    waitpid $pid, 0;
    my @events = events($r);
    my $commits = $r->written($batches + 2)->{commits} - $first;
    cmp_ok($commits, '>=', $batches, "$sync: batches were written");
    my $shown = join ' ', @events;
    my $order = join '', map { /\d/ ? '' : $_ } @events;
    if ($sync eq 'full') {
        like($order, qr/^(?:W+S)+$/, 'full: every write of the WAL is followed by a sync of it') or diag($shown);
        my $synced = () = $order =~ /W+S/g;
        is($synced, $commits, 'full: one a batch');
        my ($done, $early) = (0, 0);
        for my $n (0 .. $#events) {
            $done++ if $events[$n] eq 'S' && $events[$n - 1] ne 'S';
            $early++ if $events[$n] =~ /\d/ && $events[$n] - $first > $done;
        }
        is($early, 0, 'full: no batch counted as written before its sync was over') or diag($shown);
        cmp_ok(scalar(grep { /\d/ } @events), '>=', $batches, 'full: as seen by mcp_status');
    } else {
        like($order, qr/^W+$/, "$sync: the WAL is written, and no batch waits for a sync") or diag($shown);
    }
    is($r->records(q{select count(*) as n from calls where method = 'tools/call'}, until => sub { 1 })->[0]{n},
        $batches, "$sync: all are recorded");
    $r->accounted("$sync: every exchange is accounted for", dropped => 0);
    $r->integrity;
}

Test::Mcp::done_testing();
