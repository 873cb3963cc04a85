package Test::Mcp::Http2;

=head1 NAME

Test::Mcp::Http2 - an HTTP/2 client that sends what others refuse to: headers of any size, resets

=head1 SYNOPSIS

    my $h2 = Test::Mcp::Http2->new($t, port => $t->port(3));
    my $stream = $h2->send('POST', '/mcp', body => $json, headers => ['Mcp-Session-Id' => 'x' x 1_000_000]);
    is($h2->answer($stream)->{status}, 200, 'answered');

Without TLS, with prior knowledge. Of an answer's headers only the status is read (RFC 7541's dynamic
table and Huffman code are not spoken), their size is told.

=head1 METHODS

=cut

use strict;
use warnings;

use Time::HiRes qw(time);

my %TYPE = (DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, PING => 6, GOAWAY => 7, WINDOW_UPDATE => 8, CONTINUATION => 9);
my $FRAME_MAX = 16_384;
my $WINDOW_MAX = 0x7fff_ffff;
# RFC 7541, appendix A: statuses of the static table.
my %STATUS = (8 => 200, 9 => 204, 10 => 206, 11 => 304, 12 => 400, 13 => 404, 14 => 500);

=head2 new($t, %options)

A connection; the options are those of C<open_connection>.

=cut

sub new {
    my ($class, $t, %o) = @_;
    my $self = bless { socket => $t->open_connection(%o), last => -1, buffer => '', streams => {} }, $class;
    # All windows as large as they can be.
    $self->_write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . _frame('SETTINGS', 0, 0, pack 'nN', 4, $WINDOW_MAX)
        . _frame('WINDOW_UPDATE', 0, 0, pack 'N', $WINDOW_MAX - 65_535));
    return $self;
}

=head2 send($method, $path, %options)

Sends a request with C<headers> (names and values) and a C<body> of up to 64 kB, and returns its
stream. C<< open => 1 >> leaves the body open; C<data> goes on, with C<< end => 1 >> to its end.

=cut

sub send {
    my ($self, $method, $path, %o) = @_;
    my @headers = (':method' => $method, ':scheme' => 'http', ':authority' => 'localhost', ':path' => $path, @{ $o{headers} // [] });
    my $block = '';
    while (my ($name, $value) = splice @headers, 0, 2) {
        # Literal without indexing, with a new name.
        $block .= "\0" . _integer(length $name) . lc($name) . _integer(length $value) . $value;
    }
    my $stream = $self->{last} += 2;
    $self->{streams}{$stream} = { status => 0, body => '', header_bytes => 0 };
    my @parts = unpack "(a$FRAME_MAX)*", $block;
    my $has_body = defined $o{body} || $o{open};
    my $bytes = '';
    for my $n (0 .. $#parts) {
        my $flags = ($n == $#parts ? 4 : 0) | (!$n && !$has_body ? 1 : 0);
        $bytes .= _frame($n ? 'CONTINUATION' : 'HEADERS', $flags, $stream, $parts[$n]);
    }
    $self->_write($bytes);
    $self->data($stream, $o{body} // '', end => !$o{open}) if $has_body;
    return $stream;
}

sub data {
    my ($self, $stream, $body, %o) = @_;
    my @parts = unpack "(a$FRAME_MAX)*", $body;
    @parts = ('') unless @parts;
    return $self->_write(join '', map { _frame('DATA', $o{end} && $_ == $#parts ? 1 : 0, $stream, $parts[$_]) } 0 .. $#parts);
}

=head2 reset($stream), close

Cancels one stream; closes the connection.

=cut

sub reset { my ($self, $stream) = @_; return $self->_write(_frame('RST_STREAM', 0, $stream, pack 'N', 8)) }
sub close { my ($self) = @_; return CORE::close $self->{socket} }

=head2 answer($stream, %until)

Reads until the stream, or the connection, has ended; or until its body matches C<until>. Returns
C<status>, C<body>, C<header_bytes>, and what ended it: C<ended>, C<reset> (an error code),
C<goaway> (an error code) or C<closed>.

=cut

sub answer {
    my ($self, $stream, %o) = @_;
    my $answer = $self->{streams}{$stream};
    my $end = time + $Test::Mcp::PATIENCE;
    while (!$answer->{ended} && !defined $answer->{reset} && !$self->{closed} && !($o{until} && $answer->{body} =~ $o{until})) {
        $self->_read($end - time);
    }
    return { %$answer, goaway => $self->{goaway}, closed => $self->{closed} };
}

sub _read {
    my ($self, $seconds) = @_;
    IO::Select->new($self->{socket})->can_read($seconds) or die "waited in vain for a frame\n";
    $self->{closed} = 1 unless sysread $self->{socket}, $self->{buffer}, 1 << 20, length $self->{buffer};
    while (length $self->{buffer} >= 9) {
        my ($high, $low, $type, $flags, $stream) = unpack 'CnCCN', $self->{buffer};
        my $length = $high << 16 | $low;
        last if length $self->{buffer} < 9 + $length;
        my $payload = substr $self->{buffer}, 9, $length;
        substr($self->{buffer}, 0, 9 + $length) = '';
        $self->_take($type, $flags, $payload, $self->{streams}{$stream} // {});
    }
    return;
}

sub _take {
    my ($self, $type, $flags, $payload, $answer) = @_;
    $answer->{body} .= $payload if $type == $TYPE{DATA};
    $answer->{ended} = 1 if $flags & 1 && ($type == $TYPE{DATA} || $type == $TYPE{HEADERS});
    $answer->{header_bytes} += length $payload if $type == $TYPE{HEADERS} || $type == $TYPE{CONTINUATION};
    $answer->{status} = _status($payload) if $type == $TYPE{HEADERS} && !$answer->{status};
    $answer->{reset} = unpack 'N', $payload if $type == $TYPE{RST_STREAM};
    $self->{goaway} = unpack 'x4N', $payload if $type == $TYPE{GOAWAY};
    $self->_write(_frame('SETTINGS', 1, 0, '')) if $type == $TYPE{SETTINGS} && !($flags & 1);
    $self->_write(_frame('PING', 1, 0, $payload)) if $type == $TYPE{PING} && !($flags & 1);
    return;
}

# nginx says the status first, behind a change of the table's size.
sub _status {
    my ($block) = @_;
    $block =~ s/\A[\x20-\x3f]+//;
    my $first = ord $block;
    return $STATUS{ $first & 0x7f } // 0 if $first & 0x80;
    return $block =~ /\A.\x03(\d\d\d)/s ? $1 : 0;
}

# RFC 7541, section 5.1, with a prefix of seven bits.
sub _integer {
    my ($n) = @_;
    return chr $n if $n < 127;
    $n -= 127;
    my $bytes = chr 127;
    while ($n >= 128) {
        $bytes .= chr(128 | $n & 127);
        $n >>= 7;
    }
    return $bytes . chr $n;
}

sub _frame {
    my ($type, $flags, $stream, $payload) = @_;
    my $length = length $payload;
    return pack('CnCCN', $length >> 16, $length & 0xffff, $TYPE{$type}, $flags, $stream) . $payload;
}

# What nginx does not take any more is not sent: its answer says why.
sub _write {
    my ($self, $bytes) = @_;
    my $at = 0;
    while ($at < length $bytes) {
        my $n = syswrite($self->{socket}, $bytes, length($bytes) - $at, $at) // return 0;
        $at += $n;
    }
    return 1;
}

1;
