package Test::Mcp::Load;

=head1 NAME

Test::Mcp::Load - calls one after the other from a process of its own, until it is told to stop

=head1 SYNOPSIS

    my $load = Test::Mcp::Load->start($r, session => $session);
    $r->wait_until(sub { $load->made >= 100 }, 'calls');
    my $made = $load->stop;

=head1 METHODS

=head2 start($recorder, %options), made, stop

Starts C<tools/call>s with ids from 1 on; the options are those of C<post>. C<made> are the calls
answered with 200 so far, C<stop> ends the process and returns them. A call that was not answered
is made again with the same id.

=cut

use strict;
use warnings;

use POSIX ();

sub start {
    my ($class, $r, %o) = @_;
    my $folder = $r->dir;
    my $self = bless { made => "$folder/load-made", end => "$folder/load-end" }, $class;
    unlink $self->{made}, $self->{end};
    my $parent = $$;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        Test::Mcp::end_with_parent($parent);
        my $id = 1;
        open my $out, '>', $self->{made} or POSIX::_exit(1);
        while (!-e $self->{end}) {
            my $answer = eval { $r->call('echo', { n => $id }, id => $id, %o) };
            next unless $answer && ($answer->{status} // 0) == 200;
            syswrite $out, '.';
            $id++;
        }
        POSIX::_exit(0);
    }
    $self->{pid} = $pid;
    return $self;
}

sub made { return -s $_[0]{made} || 0 }

sub stop {
    my ($self) = @_;
    open my $end, '>', $self->{end} or die "$self->{end}: $!\n";
    waitpid $self->{pid}, 0;
    return $self->made;
}

1;
