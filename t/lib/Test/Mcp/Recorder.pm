package Test::Mcp::Recorder;

=head1 NAME

Test::Mcp::Recorder - the usual set-up: a store, a location that records, a scripted upstream

=head1 SYNOPSIS

    my $r = Test::Mcp::Recorder->new;
    $r->post($r->jsonrpc('tools/call', { name => 'echo', arguments => { a => 1 } }, 7));
    is($r->records('select method from calls')->[0]{method}, 'tools/call', 'recorded');
    $r->done_testing;

It is a L<Test::Mcp> that has been started already.

=head1 METHODS

=head2 new(%options)

C<upstream> are the handlers of L<Test::Mcp::Upstream> (default: its MCP server on every path).
Configuration is added at each level by C<main>, C<events>, C<http>, C<server> and C<location>
(text, expanded); C<servers> holds more server blocks. C<store> is what follows the store's path,
C<workers> their number (1), C<connections> how many each may have (1024), C<pass> what stands in place of C<proxy_pass> and its settings.
C<< start => 0 >> only writes F<nginx.conf>.

C</mcp> and everything under C</> but C</status> goes to the upstream; only C</mcp> records.

=cut

use strict;
use warnings;

use Test::Mcp;
use Test::Mcp::Upstream;

our @ISA = ('Test::Mcp');

sub new {
    my ($class, %o) = @_;
    my $self = $class->SUPER::new(%o);
    $self->{recorder} = \%o;
    $self->{upstream} = Test::Mcp::Upstream->new($self, $self->port(2), $o{upstream} // Test::Mcp::Upstream->mcp);
    $self->configure;
    $self->run if $o{start} // 1;
    return $self;
}

=head2 upstream

The L<Test::Mcp::Upstream>, on C<%%PORT_2%%>.

=cut

sub upstream { return $_[0]{upstream} }

=head2 configure(%options)

Writes F<nginx.conf> again, with these options changed; C<reload> follows.

=cut

sub configure {
    my ($self, %changed) = @_;
    my %o = (%{ $self->{recorder} }, %changed);
    $self->{recorder} = \%o;
    $o{$_} //= '' for qw(main events http server location servers);
    $o{store} //= 'flush=20ms min_free=0';
    $o{workers} //= 1;
    $o{connections} //= 1024;
    $o{pass} //= 'proxy_pass http://127.0.0.1:%%PORT_2%%; proxy_http_version 1.1; '
        . 'proxy_set_header Connection ""; proxy_buffering off;';
    $self->write_file_expand('nginx.conf', <<"CONF");
%%TEST_GLOBALS%%
worker_processes $o{workers};
$o{main}
events { worker_connections $o{connections}; $o{events} }
http {
    %%TEST_GLOBALS_HTTP%%
    mcp_sessions_store %%STORE%% $o{store};
    client_max_body_size 200m;
    $o{http}
    server {
        listen 127.0.0.1:%%PORT_1%%;
        server_name localhost;
        $o{server}
        location / { proxy_pass http://127.0.0.1:%%PORT_2%%; proxy_http_version 1.1; proxy_set_header Connection ""; }
        location = /status { mcp_status json; }
        location /mcp {
            mcp_sessions on;
            $o{pass}
            $o{location}
        }
    }
    $o{servers}
}
CONF
    return $self;
}

=head2 open_session(%options)

C<initialize> and C<notifications/initialized> with the session id of the answer; returns the id.

=cut

sub open_session {
    my ($self, %o) = @_;
    my $answer = $self->post($self->jsonrpc('initialize', {
        protocolVersion => '2025-11-25', capabilities => {},
        clientInfo => { name => 'test-client', version => '0.1' }, %{ $o{params} // {} },
    }, 0), %o);
    my $session = $answer->{headers}{'mcp-session-id'};
    $self->post($self->jsonrpc('notifications/initialized'), %o, session => $session);
    return $session;
}

=head2 call($name, $arguments, %options)

C<tools/call>; C<id> (default 1) and the options of C<post>. Returns the answer.

=cut

sub call {
    my ($self, $name, $arguments, %o) = @_;
    return $self->post($self->jsonrpc('tools/call', { name => $name, arguments => $arguments // {} }, $o{id} // 1), %o);
}

=head2 recorded($sql)

Rows, after everything sent before has been recorded: sends a C<ping> with an id of its own, waits
until that is in the store (with one worker, all that ended before has been handed over then), and
until nothing is queued. The ping is in the store as well: ask for C<< method is not 'ping' >>.

=cut

my $sentinels = 0;

sub recorded {
    my ($self, $sql, %o) = @_;
    my $id = "sentinel-$$-" . ++$sentinels;
    my $answer = $self->post($self->jsonrpc('ping', undef, $id), path => $o{path});
    my $json = qq("$id");
    my $rows = $self->records('select rpc_id from calls where rpc_id in (?, ?)', bind => [$id, $json], count => 1);
    Test::More::diag("the sentinel was not recorded (status $answer->{status})") unless @$rows;
    # Exchanges that may belong to what another one tells are recorded a little later.
    $self->settled;
    return $self->query($sql);
}

1;
