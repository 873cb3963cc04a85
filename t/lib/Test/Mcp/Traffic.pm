package Test::Mcp::Traffic;

=head1 NAME

Test::Mcp::Traffic - varied sessions for tests of the console

=head1 SYNOPSIS

    my $r = Test::Mcp::Recorder->new(Test::Mcp::Traffic->options(server => $more));
    Test::Mcp::Traffic->send($r, sessions => 24);

Users, roles, clients, addresses, parameters, methods, primitives, outcomes and statuses that differ
from session to session, and text that would do harm where it is not escaped. The same every time.

=cut

use strict;
use warnings;

use JSON::PP;
use Test::Mcp::Upstream;

our $HOSTILE = qq{=cmd|'/c calc'!A0,"<img src=x onerror=alert(1)>\x{202e}};

=head1 METHODS

=head2 options(%more)

What L<Test::Mcp::Recorder/new> is given: C</mcp> and C</two> (named C<billing>) record.

=cut

sub options {
    my ($class, %more) = @_;
    my $identity = <<'CONF';
        mcp_user $http_x_user;
        mcp_role $http_x_roles separator=,;
        mcp_param tenant $http_x_tenant;
CONF
    my $mcp = Test::Mcp::Upstream->mcp;
    return (
        %more,
        upstream => {
            '' => sub {
                my ($c, $request) = @_;
                return $c->reply(500, 'text/plain', 'broken') if $request->{body} =~ /"broken"/;
                return $mcp->($c, $request);
            },
        },
        location => $identity . 'mcp_capture results=masked;' . ($more{location} // ''),
        server => <<"CONF" . ($more{server} // ''),
            set_real_ip_from 127.0.0.1;
            real_ip_header X-Real-IP;
            location /two {
                mcp_sessions on;
                mcp_server_name billing;
                $identity
                proxy_pass http://127.0.0.1:%%PORT_2%%;
            }
CONF
    );
}

=head2 send($r, %options)

Sends C<sessions> sessions (24) and waits until all is recorded.

=cut

sub send {
    my ($class, $r, %o) = @_;
    my @users = ('alice@example.com', 'bob', '', $HOSTILE);
    my @roles = ('admin', 'reader,writer', '');
    my @clients = (['claude-code', '2.1.0'], ['cursor', '1'], ['<b>bold</b>', '0']);
    my @calls = (
        ['tools/call', { name => 'search', arguments => { q => 'x', password => 'hunter2' } }],
        ['tools/call', { name => 'delete_account', arguments => { id => 17 } }],
        ['tools/call', { name => 'fail', arguments => {} }],
        ['tools/call', { name => 'broken', arguments => {} }],
        ['tools/call', { name => '<script>alert(1)</script>', arguments => { text => $HOSTILE } }],
        ['resources/read', { uri => 'file:///etc/hosts?a=1&b="2"' }],
        ['prompts/get', { name => 'summary' }],
        ['tools/list', {}],
        ['no/such/method', {}],
    );
    my $chance = 7;
    my $pick = sub { $chance = ($chance * 1103515245 + 12345) % 2147483648; return $_[int($chance / 65536) % @_] };
    for my $n (1 .. $o{sessions} // 24) {
        my ($user, $roles, $client) = ($pick->(@users), $pick->(@roles), $pick->(@clients));
        my $path = $n % 4 ? '/mcp' : '/two';
        my @headers = ('X-Real-IP' => '192.0.2.' . $n % 5, 'User-Agent' => "agent/$n");
        utf8::encode(my $name = $user);
        push @headers, 'X-User' => $name if length $name;
        push @headers, 'X-Roles' => $roles if length $roles;
        push @headers, 'X-Tenant' => $n % 2 ? 'acme' : 'globex' if $n % 3;
        my @to = (path => $path, session => "session-$n", headers => \@headers);
        my $id = 0;
        $r->post($r->jsonrpc('initialize', {
            protocolVersion => '2025-11-25', capabilities => {}, clientInfo => { name => $client->[0], version => $client->[1] },
        }, $id++), @to) if $n % 5;
        $r->post(JSON::PP->new->utf8->encode({ jsonrpc => '2.0', id => $id++, method => $_->[0], params => $_->[1] }), @to)
            for map { $pick->(@calls) } 1 .. 2 + $n % 6;
        $r->http('DELETE', $path, headers => ['Mcp-Session-Id' => "session-$n", @headers]) if $n % 7 == 0;
    }
    $r->recorded('select 1');
    return;
}

1;
