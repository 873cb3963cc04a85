package Test::Mcp::Upstream;

=head1 NAME

Test::Mcp::Upstream - a scripted server behind nginx

=head1 SYNOPSIS

    my $upstream = Test::Mcp::Upstream->new($t, $t->port(2), {
        '/mcp'  => Test::Mcp::Upstream->mcp,
        '/dies' => sub { my ($c, $request) = @_; $c->send("HTTP/1.1 200 OK\r\n"); $c->reset },
        ''      => sub { my ($c, $request) = @_; $c->reply(404, 'text/plain', 'no such path') },
    });
    ...
    is($upstream->requests->[0]{body}, $json, 'the body arrived as it was sent');

A raw TCP server in processes of its own, one a connection. Handlers are chosen by path (C<''> is
for every other one) and write what they like: bytes, answers, chunks, events; they cut, stall and
die where they are told to. Requests are logged, so that a test can compare what arrived with what
was sent. C<< protocol => 'fastcgi' >> and C<'uwsgi'> speak those instead of HTTP.

=cut

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER TCP_NODELAY IPPROTO_TCP);
use Storable qw(nfreeze thaw);
use Test::Mcp::Gateway;
use Time::HiRes qw(sleep time);

my $JSON = JSON::PP->new->canonical->allow_nonref->latin1;
my $BODY_KEPT_BYTES = 4 << 20;
my $names = 0;

=head1 METHODS

=head2 new($t, $port, $handlers, %options)

Starts it. C<$handlers> is a sub, or a hash from path to sub.

=cut

sub new {
    my ($class, $t, $port, $handlers, %o) = @_;
    $handlers = { '' => $handlers } if ref $handlers eq 'CODE';
    my $listen = IO::Socket::INET->new(
        Listen => 511, LocalAddr => '127.0.0.1', LocalPort => $port, Proto => 'tcp', ReuseAddr => 1,
    ) or die "upstream on $port: $!\n";
    my $self = bless {
        t => $t, dir => $t->dir, name => 'upstream-' . ++$names, handlers => $handlers,
        protocol => $o{protocol} // 'http', log_bodies => $o{log_bodies} // 1,
    }, $class;
    $t->write_file("$self->{name}.log", '');
    $self->{pid} = $t->run_daemon(sub { $self->_serve($listen) });
    close $listen;
    return $self;
}

=head2 requests

What arrived so far: hashes with C<method>, C<target>, C<headers> (an array of [name, value]),
C<length>, C<sha256>, and C<body> up to 4 MB. Of a request that was cut off, C<cut> is true.

=cut

sub requests {
    my ($self) = @_;
    open my $log, '<:raw', "$self->{dir}/$self->{name}.log" or return [];
    seek $log, $self->{read} //= 0, 0;
    local $/;
    my $new = <$log> // '';
    while (length $new >= 4 && length $new >= 4 + (my $length = unpack 'N', $new)) {
        push @{ $self->{requests} }, thaw(substr $new, 4, $length);
        substr($new, 0, 4 + $length) = '';
        $self->{read} += 4 + $length;
    }
    return $self->{requests} // [];
}

=head2 signal($flag), wait_flag($flag)

A handler waits with C<< $c->wait_flag('go') >> until the test says C<< $upstream->signal('go') >>;
the other way round with C<< $c->signal('reached') >> and C<< $upstream->wait_flag('reached') >>.

=cut

sub signal {
    my ($self, $flag) = @_;
    $self->{t}->write_file("flag-$flag", '1');
    return;
}

sub wait_flag {
    my ($self, $flag) = @_;
    return $self->{t}->waitforfile("flag-$flag");
}

sub _serve {
    my ($self, $listen) = @_;
    local $SIG{CHLD} = 'IGNORE';
    my $parent = $$;
    while (1) {
        my $socket = $listen->accept or next;
        my $pid = fork;
        if (defined $pid && !$pid) {
            Test::Mcp::end_with_parent($parent);
            close $listen;
            setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
            eval { $self->_connection($socket); 1 } or print STDERR $@ =~ /^gone/ ? '' : "# upstream: $@";
            POSIX::_exit(0);
        }
        close $socket;
    }
}

sub _connection {
    my ($self, $socket) = @_;
    my $c = bless { socket => $socket, buffer => '', upstream => $self }, 'Test::Mcp::Upstream::Connection';
    my $read = $self->{protocol} eq 'http' ? \&read_http : Test::Mcp::Gateway->can("read_$self->{protocol}");
    while (my $request = $read->($c)) {
        $c->{request} = $request;
        $self->_log($request);
        my ($path) = $request->{target} =~ /^([^?]*)/;
        my $handler = $self->{handlers}{$path} // $self->{handlers}{''} // sub { $_[0]->reply(404, 'text/plain', '') };
        $handler->($c, $request);
        $c->finish;
        last if $c->{closed} || $self->{protocol} ne 'http';
    }
    close $socket;
    return;
}

sub _log {
    my ($self, $request) = @_;
    my %entry = (
        (map { $_ => $request->{$_} } qw(method target headers cut)),
        length => length $request->{body}, sha256 => sha256_hex($request->{body}),
    );
    $entry{body} = $request->{body} if $self->{log_bodies} && length $request->{body} <= $BODY_KEPT_BYTES;
    open my $log, '>>:raw', "$self->{dir}/$self->{name}.log" or return;
    syswrite $log, pack 'N/a', nfreeze(\%entry);
    close $log;
    return;
}

# One HTTP/1 request, its body included; undef at the end of the connection.
sub read_http {
    my ($c) = @_;
    $c->more or return until $c->{buffer} =~ /\r\n\r\n/;
    $c->{buffer} =~ s/\A(.*?)\r\n\r\n//s;
    my ($line, @lines) = split /\r\n/, $1;
    my ($method, $target, $version) = split / /, $line;
    my @headers = map { [split /:\s*/, $_, 2] } @lines;
    my %request = (method => $method, target => $target, version => $version, headers => \@headers, body => '');
    my %header = map { lc $_->[0] => $_->[1] } @headers;
    $request{header} = \%header;
    if (lc($header{'transfer-encoding'} // '') eq 'chunked') {
        my ($body, $complete);
        while (1) {
            ($body, $complete) = Test::Mcp::Http::dechunk($c->{buffer});
            last if $complete && $c->{buffer} =~ /\r\n\r\n\z/ || !$c->more;
        }
        @request{qw(body cut)} = ($body, !$complete);
        $c->{buffer} = '';
    } elsif (my $length = $header{'content-length'}) {
        while (length $c->{buffer} < $length) {
            next if $c->more;
            $request{cut} = 1;
            last;
        }
        $request{body} = substr $c->{buffer}, 0, $length, '';
    }
    return \%request;
}

=head2 mcp(%options)

A handler that is a small MCP server of the revisions with sessions. C<initialize> opens a session;
C<tools/call> of C<echo> returns its arguments, of C<fail> says C<isError>, of C<slow> waits for the
flag of its argument C<flag>; C<tools/list>, C<resources/read>, C<prompts/get> and C<ping> are
answered; other methods get -32601; notifications and answers 202; DELETE 200; GET a stream that
stays open until the flag C<close-stream>. C<< sse => 1 >> answers with event streams, C<session>
is the session id it gives (default C<session-1>).

=cut

sub mcp {
    my ($class, %o) = @_;
    my $session = $o{session} // 'session-1';
    return sub {
        my ($c, $request) = @_;
        my @session = ('Mcp-Session-Id' => $session);
        if ($request->{method} eq 'DELETE') {
            return $c->reply(200, undef, '');
        }
        if ($request->{method} eq 'GET') {
            $c->head(200, 'text/event-stream', @session);
            $c->event(event => 'message', data => $JSON->encode({
                jsonrpc => '2.0', method => 'notifications/message', params => { level => 'info', data => 'hello' },
            }));
            $c->wait_flag('close-stream');
            return;
        }
        my $message = eval { $JSON->decode($request->{body}) };
        return $c->reply(400, 'application/json', '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}')
            if ref $message ne 'HASH';
        return $c->reply(202, undef, '', @session) if !exists $message->{id} || !exists $message->{method};
        my $answer = $JSON->encode(mcp_answer($c, $message));
        my @headers = $message->{method} eq 'initialize' ? @session : ();
        return $c->reply(200, 'application/json', $answer, @headers) unless $o{sse};
        $c->head(200, 'text/event-stream', @headers);
        $c->event(event => 'message', data => $answer);
        return;
    };
}

sub mcp_answer {
    my ($c, $message) = @_;
    my ($method, $params) = ($message->{method}, $message->{params} // {});
    my %answer = (jsonrpc => '2.0', id => $message->{id});
    my $text = sub { { content => [{ type => 'text', text => $_[0] }] } };
    if ($method eq 'initialize') {
        $answer{result} = {
            protocolVersion => $params->{protocolVersion} // '2025-11-25',
            capabilities => { tools => {} }, serverInfo => { name => 'mock', version => '1.0' },
        };
    } elsif ($method eq 'ping') {
        $answer{result} = {};
    } elsif ($method eq 'tools/list') {
        $answer{result} = { tools => [{ name => 'echo', inputSchema => { type => 'object' } }] };
    } elsif ($method eq 'tools/call' && ($params->{name} // '') eq 'fail') {
        $answer{result} = { %{ $text->('it failed') }, isError => JSON::PP::true };
    } elsif ($method eq 'tools/call') {
        $c->wait_flag($params->{arguments}{flag}) if ($params->{name} // '') eq 'slow';
        $answer{result} = $text->($JSON->encode($params->{arguments} // {}));
    } elsif ($method eq 'resources/read') {
        $answer{result} = { contents => [{ uri => $params->{uri}, text => 'text' }] };
    } elsif ($method eq 'prompts/get') {
        $answer{result} = { messages => [] };
    } else {
        $answer{error} = { code => -32601, message => "Method not found: $method" };
    }
    return \%answer;
}

package Test::Mcp::Upstream::Connection;

use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes ();

=head1 WHAT HANDLERS DO

A handler gets the connection and the request (C<method>, C<target>, C<headers>, C<header> by name
in lower case, C<body>).

=head2 reply($status, $type, $body, @headers)

A whole answer with its length.

=head2 head($status, $type, @headers), chunk($bytes), event(%fields)

The header of a chunked answer, then its pieces; C<event> is one event with C<event>, C<id>,
C<data>, in this order. The last chunk is sent when the handler returns.

=head2 send($bytes), pause($seconds), close, reset, wait_flag($flag), signal($flag)

Raw bytes, as they are; time; the end of the connection, orderly or with a reset.

=cut

my %REASON = (200 => 'OK', 202 => 'Accepted', 400 => 'Bad Request', 401 => 'Unauthorized', 404 => 'Not Found');

sub more {
    my ($c) = @_;
    return sysread $c->{socket}, $c->{buffer}, 65536, length $c->{buffer};
}

sub send {
    my ($c, $bytes) = @_;
    my $at = 0;
    while ($at < length $bytes) {
        my $n = syswrite $c->{socket}, $bytes, 262_144, $at;
        die "gone: $!\n" unless defined $n;
        $at += $n;
    }
    return;
}

sub _write {
    my ($c, $bytes) = @_;
    my $frame = $c->{request}{frame};
    return $c->send($frame ? $frame->($bytes) : $bytes);
}

sub _status_line {
    my ($c, $status) = @_;
    my $reason = $REASON{$status} // 'Status';
    return $c->{request}{cgi} ? "Status: $status $reason\r\n" : "HTTP/1.1 $status $reason\r\n";
}

sub reply {
    my ($c, $status, $type, $body, @headers) = @_;
    my $head = $c->_status_line($status);
    unshift @headers, 'Content-Type' => $type if defined $type;
    push @headers, 'Content-Length' => length $body;
    while (my ($name, $value) = splice @headers, 0, 2) {
        $head .= "$name: $value\r\n";
    }
    return $c->_write("$head\r\n" . ($c->{request}{method} eq 'HEAD' ? '' : $body));
}

sub head {
    my ($c, $status, $type, @headers) = @_;
    my $head = $c->_status_line($status);
    unshift @headers, 'Content-Type' => $type if defined $type;
    $c->{chunked} = !$c->{request}{gateway};
    push @headers, 'Transfer-Encoding' => 'chunked' if $c->{chunked};
    while (my ($name, $value) = splice @headers, 0, 2) {
        $head .= "$name: $value\r\n";
    }
    return $c->_write("$head\r\n");
}

sub chunk {
    my ($c, $bytes) = @_;
    return $c->_write($c->{chunked} ? sprintf("%x\r\n%s\r\n", length $bytes, $bytes) : $bytes);
}

sub event {
    my ($c, %fields) = @_;
    return $c->chunk(join('', map { defined $fields{$_} ? "$_: $fields{$_}\r\n" : () } qw(event id data)) . "\r\n");
}

sub finish {
    my ($c) = @_;
    return if $c->{closed};
    $c->send("0\r\n\r\n") if delete $c->{chunked};
    my $end = $c->{request}{end};
    $c->send($end) if $end;
    return;
}

sub pause { return Time::HiRes::sleep($_[1]) }

sub close {
    my ($c) = @_;
    $c->{closed} = 1;
    return CORE::close $c->{socket};
}

sub reset {
    my ($c) = @_;
    setsockopt $c->{socket}, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0;
    return $c->close;
}

sub signal { my ($c, $flag) = @_; return $c->{upstream}->signal($flag) }
sub wait_flag { my ($c, $flag) = @_; return $c->{upstream}->wait_flag($flag) }

1;
