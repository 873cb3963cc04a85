#!/usr/bin/perl

# A store that may not be written for a while: traffic goes on, what is lost is counted and told
# without flooding the log, and recording heals by itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Healing;
use Test::Mcp::Recorder;

my $workers = 2;

my @troubles = (
    'a store that cannot be entered' => sub { chmod 0000, $_[0]->store },
    'a store that may not be written' => sub { unlink $_[0]->days; chmod 0500, $_[0]->store },
    'a store that may not be written from the start' => sub {
        my ($r) = @_;
        $r->stop;
        unlink glob $r->store . '/*';
        chmod 0500, $r->store;
        $r->run;
    },
    'a damaged file that cannot be moved away' => sub {
        my ($r) = @_;
        my ($day) = $r->days;
        $r->stop;
        $r->checkpoint($day);
        $r->write_file($day, 'Z' x -s $day);
        chmod 0500, $r->store;
        $r->run;
    },
);
while (my ($what, $trouble) = splice @troubles, 0, 2) {
    my $r = Test::Mcp::Recorder->new(workers => $workers);
    $r->expect_log(qr/mcp_sessions/);
    my $session = $r->open_session;
    my $id = 1;
    $r->call('echo', {}, id => $id++, session => $session) for 1 .. 20;
    $r->settled;
    $trouble->($r);
    # Several of the seconds in which a line may be logged.
    my $lines = sub { scalar(() = $r->error_log =~ /exchanges not recorded/g) };
    $r->wait_until(sub {
        my $answer = $r->call('echo', {}, id => $id++, session => $session);
        die "traffic stopped: $answer->{status}\n" unless $answer->{status} == 200;
        return $r->status->{exchanges_dropped}{store_failed} > 0 && $lines->() >= 3;
    }, "$what: some seconds of it");
    pass("$what: traffic goes on, and what is lost is counted for store_failed and told");
    chmod 0700, $r->store;
    heals($r, $what, $session, $id);
    quiet($r, $what);
}

Test::Mcp::done_testing();
