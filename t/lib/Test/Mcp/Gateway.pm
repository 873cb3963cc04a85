package Test::Mcp::Gateway;

=head1 NAME

Test::Mcp::Gateway - how L<Test::Mcp::Upstream> reads FastCGI and uwsgi requests

Each function reads one request of its protocol from a connection and returns it in the form that
handlers know: C<frame> makes answer bytes into the protocol's, C<end> follows the last one.

=cut

use strict;
use warnings;

sub _need {
    my ($c, $bytes) = @_;
    while (length $c->{buffer} < $bytes) {
        $c->more or return 0;
    }
    return 1;
}

sub _request {
    my ($vars, $body, %more) = @_;
    return {
        method => $vars->{REQUEST_METHOD} // '', target => $vars->{REQUEST_URI} // '', headers => [],
        header => { map { /^HTTP_(.*)/ ? (lc($1 =~ tr/_/-/r) => $vars->{$_}) : () } keys %$vars },
        body => $body, gateway => 1, %more,
    };
}

# FastCGI 1.0, section 3.3: records of version, type, id, length, padding.
sub read_fastcgi {
    my ($c) = @_;
    my ($params, $body, $id) = ('', '', 1);
    while (1) {
        _need($c, 8) or return;
        my (undef, $type, $record_id, $length, $padding) = unpack 'CCnnCx', substr $c->{buffer}, 0, 8, '';
        _need($c, $length + $padding) or return;
        my $content = substr $c->{buffer}, 0, $length, '';
        substr($c->{buffer}, 0, $padding) = '';
        $id = $record_id;
        $params .= $content if $type == 4;
        $body .= $content if $type == 5;
        last if $type == 5 && !$length;
    }
    my %vars;
    while (length $params) {
        my @lengths;
        for (1, 2) {
            my $length = unpack 'C', $params;
            if ($length & 0x80) {
                push @lengths, 0x7fffffff & unpack 'N', substr $params, 0, 4, '';
            } else {
                push @lengths, unpack 'C', substr $params, 0, 1, '';
            }
        }
        my $name = substr $params, 0, $lengths[0], '';
        $vars{$name} = substr $params, 0, $lengths[1], '';
    }
    my $record = sub { my ($type, $bytes) = @_; return pack('CCnnCC', 1, $type, $id, length $bytes, 0, 0) . $bytes };
    return _request(
        \%vars, $body, cgi => 1,
        frame => sub { join '', map { $record->(6, $_) } $_[0] =~ /(.{1,65000})/gs },
        end => $record->(6, '') . $record->(3, pack 'Nx4', 0),
    );
}

# uwsgi: one packet of variables (little-endian lengths), then the body.
sub read_uwsgi {
    my ($c) = @_;
    _need($c, 4) or return;
    my (undef, $length) = unpack 'CvC', substr $c->{buffer}, 0, 4, '';
    _need($c, $length) or return;
    my %vars = unpack '(v/a)*', substr $c->{buffer}, 0, $length, '';
    my $body_length = $vars{CONTENT_LENGTH} || 0;
    _need($c, $body_length) or return;
    return _request(\%vars, substr($c->{buffer}, 0, $body_length, ''));
}

1;
