#!/usr/bin/perl

# Days older than the retention are removed, also if nginx was down when they expired.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use POSIX 'strftime';
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(store => 'flush=20ms min_free=0 retention=2d');
my $session = $r->open_session;
$r->records('select 1 from calls', count => 2);
$r->quit;
my ($today) = $r->days;
my $name = sub { strftime('%Y-%m-%d', gmtime(time - 86400 * $_[0])) };
for my $age (1, 2, 3, 10) {
    my $file = $r->store . '/' . $name->($age) . '.db';
    system('cp', '-p', $today, $file) == 0 or die "cp: $!\n";
    utime time - 86400 * $age, time - 86400 * $age, $file;
}
open my $other, '>', $r->store . '/notes.txt' or die;
close $other;
$r->run;
my $there = sub { join ' ', map { m{([^/]+)\.db$} } grep { !/catalog/ } sort glob($r->store . '/*.db') };
my $kept = join ' ', sort map { $name->($_) } 0, 1, 2;
$r->wait_until(sub { $there->() eq $kept }, 'the removal of old days', 60);
is($there->(), $kept, 'today and two days before are kept, older ones are gone');
ok(-e $r->store . '/notes.txt', 'what is not ours stays');

Test::Mcp::done_testing();
