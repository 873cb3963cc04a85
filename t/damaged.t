#!/usr/bin/perl

# A day's file that is damaged, before nginx starts or while it runs, and a store that may not be
# written for a while: traffic goes on, what is lost is counted and told without flooding the log,
# and recording heals by itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Healing;
use Test::Mcp::Recorder;

my $page_bytes = 8192;
my $workers = 2;

sub overwrite {
    my ($file, $from, $bytes) = @_;
    open my $out, '+<:raw', $file or die "$file: $!\n";
    seek $out, $from, 0;
    print {$out} 'Z' x $bytes;
    close $out or die "$file: $!\n";
    return;
}

my @damages = (
    'overwritten in the middle' => sub { overwrite($_[0], 2 * $page_bytes, (-s $_[0]) - 3 * $page_bytes) },
    'cut in half' => sub { truncate $_[0], int((-s $_[0]) / 2) },
    'without its header' => sub { overwrite($_[0], 0, 100) },
    'of length zero' => sub { truncate $_[0], 0 },
);

for my $when ('while nginx runs', 'before it starts') {
    my @all = @damages;
    while (my ($how, $damage) = splice @all, 0, 2) {
        my $what = "$how $when";
        my $r = Test::Mcp::Recorder->new(workers => $workers);
        $r->expect_log(qr/mcp_sessions/);
        my $session = $r->open_session;
        $r->call('echo', { text => 'y' x 2000 }, id => $_, session => $session) for 1 .. 60;
        $r->settled;
        my ($day) = $r->days;
        $r->quit if $when eq 'before it starts';
        is($r->checkpoint($day), 0, "$what: all is in the file, and nothing in the WAL that could stand in for it");
        cmp_ok(-s $day, '>', 20 * $page_bytes, "$what: a file of some pages");
        $damage->($day);
        $r->run if $when eq 'before it starts';
        heals($r, $what, $session, 61);
        # An empty file is as good as none.
        my $is_kept = $how ne 'of length zero' || $when eq 'while nginx runs';
        is(join(' ', map { s/.*damaged/damaged/r } glob "$day.damaged-*[0-9]"), $is_kept ? 'damaged-1' : '',
            "$what: the damaged file is kept, and only that one");
        quiet($r, $what);
        $r->stop;
        $r->integrity("$what: and sound at the end");
    }
}

Test::Mcp::done_testing();
