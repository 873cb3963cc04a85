package Test::Mcp::Healing;

=head1 NAME

Test::Mcp::Healing - whether recording comes back after trouble with the store

=head1 SYNOPSIS

    use Test::Mcp::Healing;
    my $next = call_until_recorded($r, 'what', $session, $id);
    heals($r, 'what', $session, $id);
    quiet($r, 'what');

C<$r> is a L<Test::Mcp::Recorder>, C<$id> the first JSON-RPC id to be used, 'what' begins the names
of the tests.

=cut

use strict;
use warnings;

use Exporter qw(import);
use Test::More ();

our @EXPORT = qw(call_until_recorded heals quiet);

# Makes calls until one of them can be read from the store; returns the number of the next one.
sub call_until_recorded {
    my ($r, $what, $session, $id) = @_;
    my $first = $id;
    $r->wait_until(sub {
        my $answer = $r->call('echo', {}, id => $id++, session => $session);
        die "traffic stopped: $answer->{status}\n" unless $answer->{status} == 200;
        my $rows = eval { $r->query("select count(*) as n from calls where rpc_id >= $first") };
        return $rows && @$rows && $rows->[0]{n} > 0;
    }, "$what: recording again");
    Test::More::pass("$what: recording heals");
    return $id;
}

# From here on nothing is lost, and all of it is sound and counted.
sub heals {
    my ($r, $what, $session, $id) = @_;
    my $first = call_until_recorded($r, $what, $session, $id);
    $r->call('echo', {}, id => $first + $_, session => $session) for 0 .. 39;
    $r->settled;
    my $rows = $r->records("select count(*) as n from calls where rpc_id >= $first", until => sub { $_[0][0]{n} >= 40 },
        seconds => 5);
    Test::More::is($rows->[0]{n}, 40, "$what: and nothing is lost any more");
    $r->accounted("$what: every exchange is accounted for", calls => 0);
    $r->integrity("$what: the day's file is sound");
    return;
}

# A worker tells each kind of trouble at most once a second (it may be logged a little later).
sub quiet {
    my ($r, $what) = @_;
    my %lines;
    for (split /\n/, $r->error_log) {
        my ($second, $worker, $text) = /^(\S+ \S+) \[\w+\] (\d+)\S+ mcp_sessions: (.*)/ or next;
        $lines{"$second $worker " . $text =~ s/^\d+//r}++;
    }
    Test::More::is(join("\n", grep { $lines{$_} > 2 } sort keys %lines), '', "$what: the error log is not flooded");
    return;
}

1;
