#!/usr/bin/perl

# JSON Web Tokens: whose claims count, and what the record says of them.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use Test::More;
use Test::Mcp::Recorder;

my $json = JSON::PP->new->canonical;
my $now = time;

# Keys: an RSA pair by openssl, and a shared secret in a JWKS.
my $r = Test::Mcp::Recorder->new(start => 0);
my $dir = $r->dir;
chmod 0755, $dir;
for my $name ('first', 'second') {
    system("openssl genrsa -out $dir/$name.key 2048 2>/dev/null && openssl rsa -in $dir/$name.key -pubout -out $dir/$name.pem 2>/dev/null") == 0
        or plan skip_all => 'openssl is not there';
}
my $secret = 'a shared secret of 32 bytes.....';
sub oct_jwks { return $json->encode({ keys => [{ kty => 'oct', k => encode_base64url($_[0]), alg => 'HS256' }] }) }

sub unsigned {
    my ($alg, $claims) = @_;
    return join '.', map { encode_base64url($json->encode($_)) } { alg => $alg, typ => 'JWT' }, $claims;
}

sub rs256 {
    my ($claims, $key) = @_;
    my $text = unsigned('RS256', $claims);
    $r->write_file('to-sign', $text);
    my $signature = `openssl dgst -sha256 -sign $dir/$key.key $dir/to-sign`;
    return "$text." . encode_base64url($signature);
}

sub hs256 {
    my ($claims, $key) = @_;
    my $text = unsigned('HS256', $claims);
    return "$text." . encode_base64url(hmac_sha256($text, $key));
}

$r->write_file('rsa.pem', $r->read_file('first.pem'));
$r->write_file('oct.jwks', oct_jwks($secret));
my $location = sub {
    my ($name, $text) = @_;
    return "location = /$name { mcp_sessions on; mcp_user \$mcp_jwt_sub; mcp_role \$roles; add_header X-Other \$other; $text "
        . 'proxy_pass http://127.0.0.1:%%PORT_2%%; proxy_http_version 1.1; proxy_set_header Connection ""; }';
};
$r->configure(
    http => 'large_client_header_buffers 4 128k;',
    server => join("\n",
        'mcp_set $roles jwt /realm/roles; mcp_set $other jwt /sub from=$cookie_other;',
        $location->('rsa', 'mcp_jwt_key_file rsa.pem; mcp_jwt_require iss=me aud=crm;'),
        $location->('oct', 'mcp_jwt_key_file oct.jwks; mcp_jwt_leeway 0;'),
        $location->('open', ''),
        $location->('front', 'mcp_jwt_unverified allow;'),
    ),
);
$r->run;

my $n = 0;

# What the record says of a call with this token.
sub identity {
    my ($path, $token, @headers) = @_;
    my $tool = 'tool' . ++$n;
    my @token = defined $token ? (Authorization => "Bearer $token") : ();
    my $answer = $r->call($tool, {}, path => "/$path", headers => [@token, @headers]);
    is($answer->{status}, 200, "$tool passed");
    my $row = $r->records('select user, roles from calls where primitive = ?', bind => [$tool])->[0];
    return ($row->{user} // '', $row->{roles} // '');
}

sub verified {
    my ($user) = @_;
    return join ' ', map { $_->{verified} } @{ $r->records('select distinct verified from sessions where user = ?', bind => [$user]) };
}

my %good = (iss => 'me', aud => ['crm', 'x'], exp => $now + 3600, realm => { roles => ['admin', 'ops'] });
is_deeply([identity('rsa', rs256({ %good, sub => 'alice' }, 'first'))], ['alice', '["admin","ops"]'], 'a good token');
is(verified('alice'), 'yes', 'is verified');

for my $case (
    ['the wrong key', rs256({ %good, sub => 'x1' }, 'second')],
    ['expired', rs256({ %good, sub => 'x2', exp => $now - 120 }, 'first')],
    ['not yet valid', rs256({ %good, sub => 'x3', nbf => $now + 3600 }, 'first')],
    ['another issuer', rs256({ %good, sub => 'x4', iss => 'you' }, 'first')],
    ['another audience', rs256({ %good, sub => 'x5', aud => 'hr' }, 'first')],
    ['no algorithm', unsigned('none', { %good, sub => 'x6' }) . '.'],
    ['the public key as a secret', hs256({ %good, sub => 'x7' }, $r->read_file('first.pem'))],
    ['no signature', unsigned('RS256', { %good, sub => 'x8' }) . '.'],
    ['five parts', 'a.b.c.d.e'],
    ['no token at all', 'opaque'],
    ['64 kB of token', rs256({ %good, sub => 'x9', pad => 'x' x 50_000 }, 'first') . 'A'],
) {
    is_deeply([identity('rsa', $case->[1])], ['', '[]'], "$case->[0]: no claims");
}
is_deeply([identity('rsa', rs256({ %good, sub => 'late', exp => $now - 30 }, 'first'))]->[0], 'late', 'within the leeway');
is_deeply([identity('oct', hs256({ sub => 'late2', exp => $now - 30 }, $secret))]->[0], '', 'without leeway');
is_deeply([identity('oct', hs256({ sub => 'bob' }, $secret))]->[0], 'bob', 'a shared secret in a JWKS');
is_deeply([identity('oct', rs256({ sub => 'eve' }, 'first'))]->[0], '', 'and no other key');

is_deeply([identity('open', unsigned('RS256', { sub => 'carol' }) . '.AAAA')]->[0], 'carol', 'no keys: for display');
is(verified('carol'), 'no', 'not verified');
is_deeply([identity('front', unsigned('RS256', { sub => 'dave' }) . '.AAAA')]->[0], 'dave', 'verified in front');
is(verified('dave'), 'front', 'is said so');
is_deeply([identity('open', undef)]->[0], '', 'no token: nobody');

my $answer = $r->call('echo', {}, path => '/open', headers => [
    Authorization => 'Bearer ' . unsigned('RS256', { sub => 'erin' }) . '.AAAA',
    Cookie => 'other=' . unsigned('RS256', { sub => 'frank' }) . '.AAAA',
]);
is($answer->{headers}{'x-other'}, 'frank', 'a second token, in a cookie');

# Keys that change.
my $second = rs256({ %good, sub => 'second' }, 'second');
is_deeply([identity('rsa', $second)]->[0], '', 'the second key is not known yet');
$r->write_file('rsa.pem', $r->read_file('second.pem'));
$r->wait_until(sub { [identity_quietly('rsa', $second)]->[0] eq 'second' }, 'the second key');
pass('a key file that changed is read again');
$r->write_file('rsa.pem', 'half a key');
$r->wait_until(sub { identity_quietly('rsa', $second); $r->error_log =~ /rsa\.pem changed and gives no keys/ }, 'the refusal');
is_deeply([identity('rsa', $second)]->[0], 'second', 'a bad one leaves the keys that are there');
identity_quietly('rsa', $second) for 1 .. 3;
is(scalar(() = $r->error_log =~ /rsa\.pem changed and gives no keys/g), 1, 'and is told once');

sub identity_quietly {
    my ($path, $token) = @_;
    my $tool = 'tool' . ++$n;
    $r->call($tool, {}, path => "/$path", headers => [Authorization => "Bearer $token"]);
    my $row = $r->records('select user from calls where primitive = ?', bind => [$tool])->[0];
    return $row->{user} // '';
}

unlike($r->read_file('access.log') . $r->error_log, qr/eyJ/, 'no token in a log');
$r->lacks('no token in the store', $second);
$r->done_testing;
