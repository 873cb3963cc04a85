package Test::Mcp::Store;

=head1 NAME

Test::Mcp::Store - what a test asks the store and C<mcp_status>

=head1 METHODS

All are methods of L<Test::Mcp>.

=cut

use strict;
use warnings;

use DBI;
use JSON::PP;
use Test::More ();

=head2 days

The day files, oldest first.

=cut

sub days {
    my ($self) = @_;
    return sort glob $self->store . '/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].db';
}

=head2 query($sql, @bind)

Rows (as hashes) of all day files as they are now. A file that is locked or not there yet gives
none.

=cut

sub query {
    my ($self, $sql, @bind) = @_;
    my @rows;
    for my $day ($self->days) {
        my $db = DBI->connect("dbi:SQLite:dbname=$day", '', '', {
            RaiseError => 1, PrintError => 0, sqlite_open_flags => 1,    # read-only
        });
        $db->sqlite_busy_timeout(5000);
        push @rows, @{ $db->selectall_arrayref($sql, { Slice => {} }, @bind) };
        $db->disconnect;
    }
    return \@rows;
}

=head2 checkpoint($day)

Has a day's WAL copied into the file and emptied, as any program may. True if that was not possible.

=cut

sub checkpoint {
    my ($self, $day) = @_;
    my $db = DBI->connect("dbi:SQLite:dbname=$day", '', '', { RaiseError => 1, PrintError => 0 });
    $db->sqlite_busy_timeout(10_000);
    my ($is_busy) = $db->selectrow_array('pragma wal_checkpoint(truncate)');
    $db->disconnect;
    return $is_busy;
}

=head2 records($sql, %until)

Waits until the query gives what is expected, then returns the rows: C<count> rows, or C<until>, a
sub that gets the rows and says whether they are all there. Without either: one row at least.
C<seconds> is the patience. On timeout it returns what is there, for the test to show.

=cut

sub records {
    my ($self, $sql, %o) = @_;
    my $enough = $o{until} // (defined $o{count} ? sub { @{ $_[0] } >= $o{count} } : sub { @{ $_[0] } });
    my ($rows, $error) = [];
    my $done = eval {
        $self->wait_until(sub {
            # A day that is just being made has no views yet.
            my $now = eval { $self->query($sql, @{ $o{bind} // [] }) };
            $error = $@;
            $rows = $now if $now;
            return $now && $enough->($now);
        }, 'records', $o{seconds});
        1;
    };
    Test::More::diag("records did not come: $sql ($error)") unless $done;
    return $rows;
}

=head2 status

C<mcp_status json> as a hash, from the location C</status> on C<port> (C<%%PORT_1%%>).

=cut

sub status {
    my ($self, %o) = @_;
    my $response = $self->http('GET', $o{path} // '/status', %o);
    die "status: $response->{status} $response->{body}\n" unless $response->{status} == 200;
    return decode_json($response->{body});
}

=head2 settled(%options)

Waits until nothing is queued and returns the status.

=cut

sub settled {
    my ($self, %o) = @_;
    my $status;
    $self->wait_until(sub { ($status = $self->status(%o))->{exchanges_queued} == 0 }, 'an empty queue', $o{seconds});
    return $status;
}

=head2 accounted($name, %options)

A test: exchanges handed over are those written, unrecorded, dropped by reason, killed and queued;
and the calls in the day files are those counted by outcome. With C<< dropped => 0 >> also that
nothing was dropped; with C<< calls => 0 >> without the comparison of calls, which holds only while
the store is as old as the counters (one nginx, no retention). It may take a moment until that is so: an
answer reaches the client before its exchange is handed over.

=cut

my $ACCOUNTED_SECONDS = 5;

sub accounted {
    my ($self, $name, %o) = @_;
    my ($good, $said);
    eval { $self->wait_until(sub { ($good, $said) = $self->_is_accounted(%o); $good }, 'sums', $ACCOUNTED_SECONDS) };
    Test::More::ok($good, $name // 'every exchange is accounted for') or Test::More::diag($said // $@);
    return $good;
}

sub _is_accounted {
    my ($self, %o) = @_;
    my $status = $self->settled(%o);
    my $dropped = 0;
    $dropped += $_ for values %{ $status->{exchanges_dropped} };
    my $sum = $dropped;
    $sum += $status->{"exchanges_$_"} for qw(written unrecorded killed queued);
    my $good = $sum == $status->{exchanges_handed};
    my $by_outcome = $status->{calls_written};
    my %counted = map { $_ => $by_outcome->{$_} } grep { $by_outcome->{$_} } keys %$by_outcome;
    my %stored;
    $stored{ $_->{outcome} } += $_->{n}
        for @{ $self->records('select outcome, count(*) as n from calls group by 1', until => sub { 1 }) };
    my $calls = $o{calls} // 1;
    my $json = JSON::PP->new->canonical;
    $good &&= $json->encode(\%counted) eq $json->encode({ map { $_ => 0 + $stored{$_} } keys %stored }) if $calls;
    $good &&= $dropped == $o{dropped} if defined $o{dropped};
    return ($good, 'status: ' . $json->pretty->encode($status) . 'stored: ' . $json->encode(\%stored));
}

=head2 written($n)

Waits until that many exchanges are written, and returns the status.

=cut

sub written {
    my ($self, $n) = @_;
    my $status;
    $self->wait_until(sub { ($status = $self->status)->{exchanges_written} >= $n }, "$n exchanges written");
    return $status;
}

=head2 integrity($name)

A test: SQLite finds every database of the store intact.

=cut

sub integrity {
    my ($self, $name) = @_;
    my @bad;
    for my $file ($self->days, glob $self->store . '/catalog.db') {
        my $db = DBI->connect("dbi:SQLite:dbname=$file", '', '', { RaiseError => 1, PrintError => 0 });
        $db->sqlite_busy_timeout(10_000);
        my ($said) = eval { $db->selectrow_array('pragma integrity_check') };
        push @bad, "$file: " . ($said // $@) if ($said // '') ne 'ok';
        $db->disconnect;
    }
    return Test::More::is(join("\n", @bad), '', $name // 'the databases are intact');
}

=head2 lacks($name, @secrets)

A test: none of the secrets is in any file of the store, in the error log or the access log.

=cut

sub lacks {
    my ($self, $name, @secrets) = @_;
    my @found;
    for my $file (glob($self->store . '/*'), "$self->{dir}/error.log", "$self->{dir}/access.log") {
        my $bytes = $self->read_file($file);
        push @found, grep { index($bytes, $_) >= 0 } map { "$_" } @secrets;
    }
    return Test::More::is(join(' ', @found), '', $name);
}

1;
