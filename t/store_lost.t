#!/usr/bin/perl

# The day's file, or the whole store, is taken away or damaged while nginx runs: traffic goes on,
# the loss is noticed, and recording heals by itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use File::Path 'remove_tree';
use Test::Mcp::Recorder;

my %loss = (
    'the file is unlinked' => sub { unlink $_[0]->days },
    'the store is removed' => sub { remove_tree($_[0]->store) },
    'the store is replaced' => sub { my $store = $_[0]->store; rename $store, "$store.old"; $_[0]->make_store($store) },
);
for my $what (sort keys %loss) {
    my $r = Test::Mcp::Recorder->new(workers => 2);
    $r->expect_log(qr/mcp/);
    my $session = $r->open_session;
    $r->records('select 1 from calls', count => 2);
    $loss{$what}->($r);
    $r->make_store($r->store) unless -d $r->store;
    my ($id, @found) = 0;
    $r->wait_until(sub {
        my $answer = $r->call('echo', {}, id => ++$id, session => $session);
        die "traffic stopped: $answer->{status}\n" unless $answer->{status} == 200;
        @found = $r->days or return 0;
        my $rows = eval { $r->records(q{select count(*) as n from calls where method = 'tools/call'}, until => sub { 1 }) };
        return $rows && $rows->[0]{n} > 0;
    }, "$what: recording again", 20);
    pass("$what: recording goes on in a new file");
    $r->accounted("$what: every exchange is accounted for", calls => 0);
    my %lines;
    /^(\S+ \S+) \[\w+\] (\d+).*exchanges not recorded/ && $lines{"$1 $2"}++ for split /\n/, $r->error_log;
    is(join(' ', grep { $lines{$_} > 2 } sort keys %lines), '', "$what: a line a second, no more, about what was lost");
    $r->stop;
    $r->integrity("$what: the databases are intact");
}

Test::Mcp::done_testing();
