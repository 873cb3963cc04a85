#!/usr/bin/perl

# However a test ends, nothing that it started stays: not nginx, no upstream, no folder.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;
use Test::Mcp::Load;

# Tests that start everything a test can, tell what, and then end in some way.
my $t = Test::Mcp->new;
my %ends = (
    'dies' => 'die "on purpose\n"',
    'exits' => 'exit 3',
    'is killed' => 'kill KILL => $$; sleep 60',
    'is terminated' => 'kill TERM => $$; sleep 60',
    'is interrupted' => 'kill INT => $$; sleep 60',
    'is killed after it forgot nginx' => 'undef $r->{pid}; kill KILL => $$; sleep 60',
    'dies with nginx forgotten' => 'undef $r->{pid}; die "on purpose\n"',
    'is killed after an upgrade' => '$stream->close; $r->upgrade; note_pids(); kill KILL => $$; sleep 60',
    'is killed while it starts nginx' => '$r->stop; if (!fork) { select undef, undef, undef, 0.02; kill KILL => getppid; POSIX::_exit(0) } $r->run; sleep 60',
);
my $n = 0;
for my $end (sort keys %ends) {
    my $told = $t->dir . '/told-' . ++$n;
    my $script = $t->write_file("ends-$n.pl", <<"PERL");
use strict; use warnings; use lib '$FindBin::Bin/lib';
use Test::More; use Test::Mcp::Recorder; use Test::Mcp::Load;
my \$r = Test::Mcp::Recorder->new(workers => 2, keep => 0);
my \$load = Test::Mcp::Load->start(\$r);
my \$stream = \$r->sse_open('GET', '/mcp', headers => [Accept => 'text/event-stream', 'Mcp-Session-Id' => 's']);
sub note_pids {
    open my \$out, '>', '$told.new' or die;
    print {\$out} join "\\n", \$r->dir, \$r->pid, \$r->worker_pids, \$r->upstream->{pid}, Test::Mcp::children(\$r->upstream->{pid}),
        \$load->{pid}, \$r->{guard};
    close \$out;
    rename '$told.new', '$told';
}
\$r->wait_until(sub { \$load->made > 3 }, 'calls');
note_pids();
$ends{$end};
PERL
    # Its folder is to be left to none but itself.
    delete local $ENV{TEST_MCP_KEEP};
    my $said = `$^X $script 2>&1`;
    isnt($?, 0, "a test $end");
    my ($dir, @pids) = split /\n/, $t->read_file($told);
    cmp_ok(scalar @pids, '>=', 6, '... after it had started this and that') or diag($said);
    my %left = map { $_ => 1 } @pids;
    ok(eval { $t->wait_until(sub { delete @left{ grep { !Test::Mcp::alive($_) } keys %left }; !%left }, 'its processes') },
        '... and no process of it is left')
        or diag(join "\n", map { "$_ " . Test::Mcp::_title($_) } sort keys %left);
    ok(eval { $t->wait_until(sub { !-e $dir }, 'its folder') }, '... nor its folder');
    my @holders = Test::Mcp::_holders({ dir => $dir });
    is("@holders", '', '... nor an nginx that it did not know of');
}

$t->done_testing;
