#!/usr/bin/perl

# The sample configuration of the console: nginx takes it, and each way lets in whom it should.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp;
use Test::Mcp::Upstream;

plan(skip_all => 'curl without HTTP/2') unless `curl --version` =~ /HTTP2/;

my $t = Test::Mcp->new;
my $dir = $t->dir;
my $conf = $t->read_file("$Test::Mcp::ROOT/nginx/console.conf");
# Only paths, ports and the user are of this run.
my $globals = '%%TEST_GLOBALS%%';
$conf =~ s/^load_module .*\n/$globals\n/m;
$conf =~ s/^(?:user|pid|error_log) .*\n//mg;
$conf =~ s/^http \{/http { %%TEST_GLOBALS_HTTP%% set_real_ip_from 127.0.0.1; real_ip_header X-Client;/m;
$conf =~ s{/var/lib/nginx/mcp-sessions;}{%%STORE%% min_free=0;};
$conf =~ s{/etc/nginx/}{%%TESTDIR%%/}g;
$conf =~ s/listen 127.0.0.1:8081/listen 127.0.0.1:%%PORT_1%%/;
$conf =~ s/listen 8443/listen 127.0.0.1:%%PORT_2%%/;
$conf =~ s/listen 8444/listen 127.0.0.1:%%PORT_3%%/;
$conf =~ s/:4180/:%%PORT_4%%/;
$t->write_file_expand('nginx.conf', $conf);

sub openssl {
    my (@arguments) = @_;
    system("cd $dir && openssl @arguments 2>/dev/null") == 0 or die "openssl @arguments\n";
    return;
}
openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$_ -keyout $_.key -out $_.pem") for 'mcp.example.com', 'analysts-ca', 'stranger';
openssl('req -newkey rsa:2048 -nodes -subj /CN=alice -keyout alice.key -out alice.csr');
openssl('x509 -req -days 2 -in alice.csr -CA analysts-ca.pem -CAkey analysts-ca.key -set_serial 1 -out alice.pem');
my $password = `openssl passwd -apr1 secret`;
$t->write_file($_, "alice:$password") for 'htpasswd', 'htpasswd-crm';
Test::Mcp::Upstream->new($t, $t->port(4), sub {
    my ($c, $request) = @_;
    return $c->reply(($request->{header}{cookie} // '') eq 'session=good' ? 202 : 401, 'text/plain', '');
});

my ($exit, $said) = $t->nginx_t($conf);
is($exit, 0, 'nginx takes it') or diag($said);
# Debian's nginx has no other way to say it; newer ones have.
$said =~ s/.*\[warn\].*"listen \.\.\. http2" directive is deprecated.*\n//g;
unlike($said, qr/\[warn\]/, '... without a warning');
$t->run;

my ($open, $tls, $mtls) = map { $t->port($_) } 1 .. 3;
sub status {
    my ($port, $path, $options) = @_;
    my $scheme = $port == $open ? 'http' : 'https';
    my $host = $port == $open ? '127.0.0.1' : 'mcp.example.com';
    return `curl -sk -o /dev/null -w '%{http_code}' --resolve $host:$port:127.0.0.1 $options $scheme://$host:$port$path/api/v1/stats`;
}
my $away = "-H 'X-Client: 10.1.2.3'";
my $stranger = "-H 'X-Client: 192.0.2.3'";

is(status($open, '', ''), 200, 'this machine is answered');
is(status($open, '', $stranger), 403, '... others are not');

is(status($tls, '/mcp-sessions', $stranger), 401, 'auth_basic: without a password nobody is answered');
is(status($tls, '/mcp-sessions', "$stranger -u alice:wrong"), 401, '... nor with a wrong one');
is(status($tls, '/mcp-sessions', "$stranger -u alice:secret"), 200, '... with the right one from anywhere');
is(status($tls, '/mcp-sessions', "$stranger -u alice:secret -H 'Host: evil.example'"), 421, '... for the right host');

is(status($tls, '/crm/mcp-sessions', "$away -u alice:secret"), 200, 'a team from its own network');
is(status($tls, '/crm/mcp-sessions', "$stranger -u alice:secret"), 403, '... and from no other');

is(status($tls, '/sso/mcp-sessions', $stranger), 302, 'auth_request: who is not logged in goes to log in');
is(status($tls, '/sso/mcp-sessions', "$stranger -b session=bad"), 302, '... with a bad session as well');
is(status($tls, '/sso/mcp-sessions', "$stranger -b session=good"), 200, '... who is, is answered');

is(status($mtls, '/mcp-sessions', $stranger), 400, 'mTLS: without a certificate nobody is answered');
is(status($mtls, '/mcp-sessions', "$stranger --cert $dir/stranger.pem --key $dir/stranger.key"), 400, '... nor with one of another authority');
is(status($mtls, '/mcp-sessions', "$stranger --cert $dir/alice.pem --key $dir/alice.key"), 200, '... with one of ours');

$t->done_testing;
