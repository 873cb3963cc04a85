#!/usr/bin/perl

# Evidence of attacks at its bound: line, headers and body are each cut to evidence_limit and said to be, what is
# left of JSON is JSON, and no secret is in it, not even the half that the cut leaves.

use strict;
use warnings;

use Encode ();
use FindBin;
use JSON::PP;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Api;
use Test::Mcp::Recorder;

my $limit = 256;
my $up = 'proxy_pass http://127.0.0.1:%%PORT_2%%;';
my $r = Test::Mcp::Recorder->new(start => 0, server => <<"SERVER");
        mcp_sessions on;
        mcp_acl "no drops" { primitives drop*; deny all; }
        mcp_mode block;
        location /small { mcp_capture evidence_limit=$limit; $up }
        location /usual { $up }
        location /off { mcp_capture evidence=off; $up }
        location /read { mcp_body_limit 1k; client_body_buffer_size 1k; $up }
        location /hashed { mcp_capture evidence_limit=$limit; mcp_user \$http_x_user hashed; $up }
        location /verified { mcp_user \$http_x_user hashed; mcp_verify "bob" { require \$http_x_user bob; } $up }
        location /c/ { mcp_console; }
SERVER
$r->write_file('hash.key', 'k' x 32);
$r->configure(http => 'mcp_hash_key_file %%TESTDIR%%/hash.key;');
$r->run;
my $api = Test::Mcp::Api->new($r, '/c/');

my $id = 0;
sub call {
    my ($arguments, $name) = @_;
    ++$id;
    # The same attack again would only be counted.
    return $r->jsonrpc('tools/call', { name => $name // "drop_$id", arguments => $arguments }, $id);
}
# Sends a body that is blocked; the evidence of its (newest) attack, as the console shows it.
my %seen;
sub evidence {
    my ($path, $body, %o) = @_;
    my $answer = $r->post($body, %o, path => $path . ($o{query} // ''));
    like($answer->{body}, qr/"code":-32010/, "$path: blocked");
    my $server = "localhost$path";
    my @new;
    $r->wait_until(sub {
        @new = grep { !$seen{ $_->{id} } } @{ $api->get('attacks', server => $server)->{items} };
        return scalar @new;
    }, 'the attack');
    $seen{ $_->{id} } = 1 for @new;
    return $api->get("attacks/$new[0]{id}")->{evidence};
}
sub fits { return ok(length(Encode::encode_utf8($_[0])) <= $limit, "$_[1] fits into the limit") || diag(length $_[0]) }

# A server has its name once it has answered.
is($r->post(call({}, 'echo'), path => $_)->{status}, 200, "$_ answers") for qw(/small /usual /off /read /hashed);

subtest 'what fits is whole' => sub {
    my $body = call({ n => 3, text => "\x{20ac}" });
    utf8::encode($body);
    my $evidence = evidence('/usual', $body, query => '?a=b', headers => ['X-One' => 'first', 'X-One' => 'second']);
    is($evidence->{line}, 'POST /usual?a=b HTTP/1.1', 'the line');
    is_deeply([map { $_->[1] } grep { $_->[0] eq 'X-One' } @{ $evidence->{headers} }], ['first', 'second'], 'headers, in order, also twice');
    is_deeply(JSON::PP->new->decode($evidence->{body}), JSON::PP->new->utf8->decode($body), 'the body');
    is($evidence->{truncated}, JSON::PP::false, 'nothing is cut');
};

subtest 'a long line' => sub {
    my $evidence = evidence('/small', call({}), query => '?q=' . 'x' x 400);
    fits($evidence->{line}, 'the line');
    like($evidence->{line}, qr/^POST \/small\?q=x+$/, '... from its beginning');
    is($evidence->{truncated}, JSON::PP::true, '... and is said to be cut');
};

subtest 'many headers' => sub {
    my $evidence = evidence('/small', call({}), headers => [map { ("X-Number-$_" => "value $_") } 1 .. 30]);
    fits(JSON::PP->new->encode($evidence->{headers}), 'the headers');
    is_deeply([grep { @$_ != 2 || !length $_->[1] } @{ $evidence->{headers} }], [], '... each of them whole');
    is($evidence->{truncated}, JSON::PP::true, '... and some are said to be missing');
};

subtest 'a long body' => sub {
    my $evidence = evidence('/small', call({ a => 'y' x 5000, z => 1 }));
    fits($evidence->{body}, 'the body');
    my $json = eval { JSON::PP->new->decode($evidence->{body}) };
    is(ref $json, 'HASH', '... is JSON') or diag($evidence->{body});
    is($json->{method}, 'tools/call', '... with what it says first');
    is($evidence->{truncated}, JSON::PP::true, '... and is said to be cut');
};

subtest 'a long body of text' => sub {
    my $body = '{"jsonrpc":"2.0","id":' . ++$id . ',"method":"tools/call","params":{"name":"drop","name":"x' . $id . '","arguments":{"token":"hunter2","pad":"' . 'y' x 5000 . '"}}}';
    my $evidence = evidence('/small', $body);
    fits($evidence->{body}, 'a body that is no strict JSON');
    unlike($evidence->{body}, qr/hunter2/, '... is masked, too');
    is($evidence->{truncated}, JSON::PP::true, '... and is said to be cut');
};

subtest 'a body of which not all was read' => sub {
    my $evidence = evidence('/read', call({ password => 'hunter2', pad => 'y' x 3000 }));
    cmp_ok(length $evidence->{body}, '<=', 1100, 'what was read is there');
    unlike($evidence->{body}, qr/hunter2/, '... masked');
    is($evidence->{truncated}, JSON::PP::true, '... and is said not to be all');
};

subtest 'secrets at the cut' => sub {
    my $token = 'ghp_' . 'A1b2C3d4E5' x 4;
    my $user = 'alice.hidden@example.com';
    # Of one session only some requests a minute are kept.
    my $send = sub {
        my ($path, $body, @headers) = @_;
        $r->post($body, path => $path, session => "session-$id-$path", headers => \@headers);
    };
    for my $at (0 .. 60) {
        # Strings are cut within JSON; text and lines are, where they end.
        my $text = sub { '{"jsonrpc":"2.0","id":' . ++$id . qq(,"method":"tools/call","params":{"name":"drop","name":"x$id","arguments":{"pad":") . 'y' x (110 + $at) . " $_[0] " . 'z' x 99 . '"}}}' };
        my $line = '?q=' . 'x' x (185 + $at);
        $send->('/small', $text->($token));
        $send->('/small', call({ pad => 'y' x $at . " $token " . 'z' x 999 }));
        $send->("/hashed$line$user", $text->($user), 'X-User' => $user);
        $send->('/hashed', call({ pad => 'y' x $at . " $user " . 'z' x 999 }), 'X-User' => $user);
    }
    $r->settled;
    $r->checkpoint($_) for $r->days;
    my $found = join "\n", map { $r->read_file($_) } glob $r->store . '/*.db*';
    my @leaks = $found =~ /(ghp_A1b2C3[A-Za-z0-9]*)/g;
    is("@leaks[0 .. ($#leaks > 2 ? 2 : $#leaks)]", '', 'no token, and no beginning of one');
    # Arguments of the call are recorded beside it.
    $found = join "\n", map { values %$_ } @{ $r->query('select line, headers, body from evidence') };
    cmp_ok(length $found, '>', 60 * $limit, 'there is evidence of them');
    @leaks = $found =~ /(alice\.h[a-z.@]*)/g;
    is("@leaks[0 .. ($#leaks > 2 ? 2 : $#leaks)]", '', 'no name that is stored as a hash, and no beginning of one');
};

subtest 'a value that is found wanting' => sub {
    $r->post(call({}, 'echo'), path => '/verified', headers => ['X-User' => 'carol.hidden@example.com']);
    my $rows = $r->records(q{select * from attacks where control = 'bob'});
    is($rows->[0]{point}, 'header x-user', 'its place is kept');
    is(scalar(grep { /carol/ } map { $_ // '' } values %{ $rows->[0] }), 0, '... but not the value, which is stored as a hash');
};

subtest 'none' => sub {
    is(evidence('/off', call({ a => 1 })), undef, 'evidence=off keeps none');
};

$r->accounted('every exchange is accounted for', dropped => 0);
$r->done_testing;
