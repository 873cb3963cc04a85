package Test::Mcp::Http;

=head1 NAME

Test::Mcp::Http - the client side of tests: requests, pieces, event streams

=head1 METHODS

All are methods of L<Test::Mcp>. C<port> is a port number, by default the one of C<%%PORT_1%%.

=cut

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Socket qw(SOL_SOCKET SO_LINGER SO_RCVBUF TCP_NODELAY IPPROTO_TCP);
use Time::HiRes qw(sleep time);

my $JSON = JSON::PP->new->canonical->allow_nonref;

=head2 http($method, $target, %options)

One request on a connection of its own. Options: C<body>, C<headers> (array of names and values, or
a hash), C<port>, C<version> (1.1), C<keep> (no C<Connection: close>), C<chunked> (a body in these
pieces), C<timeout>. The answer is a hash: C<status>, C<head>, C<headers> (names in lower case, the
last value), C<body> (without chunked framing), C<raw>.

=cut

sub http {
    my ($self, $method, $target, %o) = @_;
    return parse_response($self->http_raw([$self->request($method, $target, %o)], %o), $method);
}

=head2 request($method, $target, %options)

The bytes of a request, with the options of C<http>.

=cut

sub request {
    my ($self, $method, $target, %o) = @_;
    my $version = $o{version} // '1.1';
    my @given = ref $o{headers} eq 'HASH' ? %{ $o{headers} } : @{ $o{headers} // [] };
    my %has = map { lc $given[ 2 * $_ ] => 1 } 0 .. @given / 2 - 1;
    my @headers;
    push @headers, Host => 'localhost' unless $has{host};
    push @headers, Connection => 'close' unless $o{keep} || $has{connection};
    push @headers, @given;
    my $body = $o{body};
    if ($o{chunked}) {
        push @headers, 'Transfer-Encoding' => 'chunked';
        $body = join '', map({ sprintf "%x\r\n%s\r\n", length, $_ } @{ $o{chunked} }), "0\r\n\r\n";
    } elsif (defined $body && !$has{'content-length'} && !$has{'transfer-encoding'}) {
        push @headers, 'Content-Length' => length $body;
    }
    my $head = "$method $target HTTP/$version\r\n";
    while (my ($name, $value) = splice @headers, 0, 2) {
        $head .= "$name: $value\r\n";
    }
    return "$head\r\n" . ($body // '');
}

=head2 jsonrpc($method, $params, $id)

The text of a JSON-RPC request; without C<$id>, of a notification.

=cut

sub jsonrpc {
    my ($self, $method, $params, $id) = @_;
    my %message = (jsonrpc => '2.0', method => $method);
    $message{params} = $params if defined $params;
    $message{id} = $id if defined $id;
    return $JSON->encode(\%message);
}

=head2 post($json, %options)

C<http('POST', '/mcp', ...)> with an MCP client's headers. C<path>, C<session> and C<headers> as
needed.

=cut

sub post {
    my ($self, $json, %o) = @_;
    return $self->http('POST', $o{path} // '/mcp', %o, body => $json, headers => $self->mcp_headers(%o));
}

sub mcp_headers {
    my ($self, %o) = @_;
    my @headers = (
        'Content-Type' => 'application/json', Accept => 'application/json, text/event-stream',
        ref $o{headers} eq 'HASH' ? %{ $o{headers} } : @{ $o{headers} // [] },
    );
    push @headers, 'Mcp-Session-Id' => $o{session} if defined $o{session};
    return \@headers;
}

=head2 open_connection(%options)

A connected socket to C<port>. C<receive_buffer> makes it small, for slow readers.

=cut

sub open_connection {
    my ($self, %o) = @_;
    my $socket = IO::Socket::INET->new(Proto => 'tcp') or die "socket: $!\n";
    $socket->sockopt(SO_RCVBUF, $o{receive_buffer}) if $o{receive_buffer};
    my $port = $o{port} // $self->port(1);
    connect $socket, Socket::pack_sockaddr_in($port, Socket::inet_aton('127.0.0.1'))
        or die "connect to $port: $!\n";
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    binmode $socket;
    return $socket;
}

=head2 reset_connection($socket)

Closes it with a reset.

=cut

sub reset_connection {
    my ($self, $socket) = @_;
    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0;
    close $socket;
    return;
}

=head2 http_raw($pieces, %options)

Sends pieces (a string, or an array of strings, seconds to pause as C<\0.1>, and code to call with
the socket) and returns everything that comes back until the server closes, or until C<until> (a
regex) matches.

=cut

sub http_raw {
    my ($self, $pieces, %o) = @_;
    my $socket = $o{socket} // $self->open_connection(%o);
    my $got = '';
    for my $piece (ref $pieces eq 'ARRAY' ? @$pieces : $pieces) {
        if (ref $piece eq 'CODE') {
            $piece->($socket);
        } elsif (ref $piece) {
            sleep $$piece;
        } else {
            last unless send_all($socket, $piece, \$got);
        }
    }
    my $end = time + ($o{timeout} // $Test::Mcp::PATIENCE);
    my $select = IO::Select->new($socket);
    until ($o{until} && $got =~ $o{until}) {
        my $left = $end - time;
        $left > 0 && $select->can_read($left) or last;
        sysread($socket, $got, 65536, length $got) or last;
    }
    close $socket unless $o{socket};
    return $got;
}

# Sends, and reads what the server says meanwhile; false when it has closed.
sub send_all {
    my ($socket, $bytes, $got) = @_;
    my $select = IO::Select->new($socket);
    my $at = 0;
    my $end = time + $Test::Mcp::PATIENCE;
    while ($at < length $bytes) {
        my ($readable, $writable) = IO::Select->select($select, $select, undef, $end - time);
        return 0 unless $readable || $writable;
        if (@$writable) {
            my $n = syswrite $socket, $bytes, 262_144, $at;
            return 0 unless defined $n;
            $at += $n;
        } elsif (@$readable) {
            sysread($socket, $$got, 65536, length $$got) or return 0;
        }
    }
    return 1;
}

# Takes a raw HTTP/1 answer apart; interim answers are skipped.
sub parse_response {
    my ($raw, $method) = @_;
    my %response = (raw => $raw, status => 0, head => '', headers => {}, body => '');
    my $rest = $raw;
    while ($rest =~ s/\A(HTTP\/\d\.\d (\d+)[^\r\n]*\r\n.*?\r\n)(?:\r\n)//s
        || $rest =~ s/\A(HTTP\/\d\.\d (\d+)[^\r\n]*\r\n)\r\n//s) {
        @response{qw(head status)} = ($1, $2);
        last if $2 >= 200;
    }
    $response{headers} = { map { /^([^:]+):\s*(.*)$/ ? (lc $1 => $2) : () } split /\r\n/, $response{head} };
    if (lc($response{headers}{'transfer-encoding'} // '') eq 'chunked') {
        @response{qw(body complete)} = dechunk($rest);
    } else {
        $response{body} = $rest;
        my $length = $response{headers}{'content-length'};
        $response{complete} = $response{status} && (!defined $length || length $rest == $length);
    }
    return \%response;
}

# The payload of chunked framing, and whether its end was there.
sub dechunk {
    my ($bytes) = @_;
    my ($body, $at) = ('', 0);
    pos($bytes) = 0;
    while ($bytes =~ /\G([0-9a-fA-F]+)[^\r\n]*\r\n/gc) {
        my $size = hex $1;
        return ($body, 1) unless $size;
        $body .= substr $bytes, pos $bytes, $size;
        pos($bytes) = pos($bytes) + $size + 2 > length $bytes ? length $bytes : pos($bytes) + $size + 2;
    }
    return ($body, 0);
}

=head2 sse_open($method, $target, %options)

Sends a request and returns a L<stream|/STREAMS> once the answer's header is there.

=head1 STREAMS

=head2 status, headers, next, close, reset

C<next> waits for the next event and returns it as a hash (C<event>, C<data>, C<id>), undef at the
end of the stream. C<close> and C<reset> end the connection from our side.

=cut

sub sse_open {
    my ($self, $method, $target, %o) = @_;
    my $socket = $self->open_connection(%o);
    my $stream = bless { socket => $socket, buffer => '', raw => '', test => $self }, 'Test::Mcp::Http::Stream';
    my $ignored = '';
    send_all($socket, $self->request($method, $target, %o), \$stream->{raw});
    $stream->_fill until $stream->{raw} =~ /\r\n\r\n/ || $stream->{closed};
    my ($head, $rest) = split /\r\n\r\n/, $stream->{raw}, 2;
    my $response = parse_response(($head // '') . "\r\n\r\n");
    @$stream{qw(status headers)} = @$response{qw(status headers)};
    $stream->{chunked} = lc($response->{headers}{'transfer-encoding'} // '') eq 'chunked';
    $stream->{raw} = $rest // '';
    return $stream;
}

package Test::Mcp::Http::Stream;

use Time::HiRes qw(time);

sub status { return $_[0]{status} }
sub headers { return $_[0]{headers} }

sub _fill {
    my ($self, $seconds) = @_;
    my $left = $seconds // $Test::Mcp::PATIENCE;
    IO::Select->new($self->{socket})->can_read($left) or die "waited in vain for an event\n";
    sysread($self->{socket}, $self->{raw}, 65536, length $self->{raw}) or $self->{closed} = 1;
    return;
}

# Moves payload out of the framing.
sub _unframe {
    my ($self) = @_;
    if (!$self->{chunked}) {
        $self->{buffer} .= $self->{raw};
        $self->{raw} = '';
        return;
    }
    while ($self->{raw} =~ /\A([0-9a-fA-F]+)[^\r\n]*\r\n/) {
        my ($size, $head) = (hex $1, $+[0]);
        if (!$size) { $self->{closed} = 1; last; }
        last if length $self->{raw} < $head + $size + 2;
        $self->{buffer} .= substr $self->{raw}, $head, $size;
        substr($self->{raw}, 0, $head + $size + 2) = '';
    }
    return;
}

sub next {
    my ($self, $seconds) = @_;
    while (1) {
        $self->_unframe;
        while ($self->{buffer} =~ s/\A(.*?)(?:\r\n\r\n|\n\n|\r\r)//s) {
            my %event = (data => undef);
            for my $line (split /\r\n|\n|\r/, $1) {
                my ($name, $value) = $line =~ /^([^:]*):? ?(.*)$/s;
                next if $name eq '';
                $event{$name} = $name eq 'data' && defined $event{data} ? "$event{data}\n$value" : $value;
            }
            return \%event if grep { defined } values %event;
        }
        return if $self->{closed};
        $self->_fill($seconds);
    }
}

sub close {
    my ($self) = @_;
    return CORE::close $self->{socket};
}

sub reset {
    my ($self) = @_;
    return $self->{test}->reset_connection($self->{socket});
}

1;
