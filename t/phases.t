#!/usr/bin/perl

# One exchange is recorded once, whatever subrequests, redirects and filters nginx runs for it.

use strict;
use warnings;

use FindBin;
use IO::Uncompress::Gunzip qw(gunzip);
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

# User "alice", password "secret"
my $htpasswd = 'alice:{PLAIN}secret';
my $basic = 'Basic YWxpY2U6c2VjcmV0';
my $gzipped = sub {
    my ($c, $request) = @_;
    my ($id) = $request->{body} =~ /"id"\s*:\s*(\d+)/;
    my $body = '{"jsonrpc":"2.0","id":' . $id . ',"result":{"content":[{"type":"text","text":"zipped"}]}}';
    require IO::Compress::Gzip;
    IO::Compress::Gzip::gzip(\$body => \my $out);
    return $c->reply(200, 'application/json', $out, 'Content-Encoding' => 'gzip');
};
my $r = Test::Mcp::Recorder->new(start => 0, http => <<'HTTP', server => <<'LOCATIONS', upstream => {
        proxy_cache_path %%TESTDIR%%/cache keys_zone=cache:1m;
        limit_req_zone $binary_remote_addr zone=limited:1m rate=1r/m;
        proxy_http_version 1.1;
        map $mcp_method $is_call { volatile; default no; tools/call yes; }
        log_format mcp '$mcp_method|$mcp_primitive|$mcp_outcome|$is_call|$mcp_rpc_id';
HTTP
        mcp_sessions on;
        access_log %%TESTDIR%%/mcp.log mcp;
        gunzip_static_dummy;
        location /plain { proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /auth-request { auth_request /allowed; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /auth-request-refused { auth_request /forbidden; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location = /allowed { internal; proxy_pass http://127.0.0.1:%%PORT_2%%; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
        location = /forbidden { internal; return 403; }
        location /auth-basic { auth_basic area; auth_basic_user_file %%TESTDIR%%/htpasswd; mcp_user $remote_user; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /mirror { mirror /mirrored; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location = /mirrored { internal; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /try-files { try_files /none @named; }
        location @named { proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /try-internal { try_files /none /plain/inner; }
        location /error-page { error_page 404 = @named; proxy_intercept_errors on; proxy_pass http://127.0.0.1:%%PORT_2%%/missing; }
        location /rewrite { rewrite ^ /plain/rewritten last; }
        location /rewrite-break { rewrite ^ /plain/broken break; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /limited { limit_req zone=limited; limit_req_status 429; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /gzip { gzip on; gzip_types application/json; gzip_min_length 1; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /gunzip { gunzip on; proxy_pass http://127.0.0.1:%%PORT_2%%/zipped; }
        location /sub-filter { sub_filter_types application/json; sub_filter text html; sub_filter_once off; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /cache { proxy_cache cache; proxy_cache_methods POST; proxy_cache_key $uri; proxy_cache_valid 200 1m; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /buffered { proxy_buffering on; proxy_request_buffering on; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /unbuffered { proxy_buffering off; proxy_request_buffering off; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /small-buffers { client_body_buffer_size 1k; proxy_buffer_size 4k; proxy_buffers 2 4k; proxy_busy_buffers_size 4k; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /in-file { client_body_in_file_only clean; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /satisfy { satisfy any; deny all; auth_basic area; auth_basic_user_file %%TESTDIR%%/htpasswd; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /too-large { client_max_body_size 10; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /add-header { add_header X-Method $mcp_method; add_header X-Id $mcp_rpc_id; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /set-header { proxy_set_header X-Primitive $mcp_primitive; proxy_pass http://127.0.0.1:%%PORT_2%%; }
LOCATIONS
    '' => Test::Mcp::Upstream->mcp,
    '/allowed' => sub { $_[0]->reply(200, undef, '') },
    '/missing' => sub { $_[0]->reply(404, 'text/plain', 'not here') },
    '/zipped' => $gzipped,
});
# The line that is no directive keeps this list honest: a configuration that nginx does not take
# must not look like one that was tested.
isnt(($r->nginx_t($r->read_file('nginx.conf')))[0], 0, 'a wrong line is noticed');
$r->configure(server => $r->{recorder}{server} =~ s/^\s*gunzip_static_dummy;\n//mr);
$r->write_file('htpasswd', "$htpasswd\n");
$r->run;

my $id = 100;
my %want;
sub passes {
    my ($path, %o) = @_;
    my $json = $r->jsonrpc('tools/call', { name => 'echo', arguments => $o{arguments} // { path => $path } }, ++$id);
    my $answer = $r->post($json, path => $path, %o);
    is($answer->{status}, $o{status} // 200, "$path: status");
    $want{$id} = { path => $path, %o } unless $o{status} && !$o{recorded};
    return $answer;
}

passes($_) for qw(/plain /auth-request /mirror /try-files /try-internal /error-page /rewrite /rewrite-break
    /buffered /unbuffered);
passes($_, arguments => { pad => 'x' x 50_000 }) for qw(/buffered /unbuffered /small-buffers /in-file /mirror /gzip);
passes('/auth-basic', headers => [Authorization => $basic], user => 'alice');
passes('/satisfy', headers => [Authorization => $basic]);
passes('/limited');
my $zipped = passes('/gzip', headers => ['Accept-Encoding' => 'gzip']);
is($zipped->{headers}{'content-encoding'}, 'gzip', 'nginx compressed the answer');
gunzip(\$zipped->{body} => \my $plain);
like($plain, qr/"id":$id,/, '... of the server');
like(passes('/gunzip')->{body}, qr/zipped/, 'nginx decompressed the answer');
like(passes('/gunzip', headers => ['Accept-Encoding' => 'gzip'])->{body}, qr/^\x1f\x8b/, 'or passed it');
like(passes('/sub-filter')->{body}, qr/"type":"html"/, 'sub_filter changed the answer');
passes('/cache') for 1 .. 2;
is(passes('/add-header')->{headers}{'x-method'}, 'tools/call', 'a variable of the body in a header of the answer');
passes('/set-header');
my ($seen) = grep { $_->{target} eq '/set-header' } @{ $r->upstream->requests };
is((map { $_->[1] } grep { lc $_->[0] eq 'x-primitive' } @{ $seen->{headers} })[0], 'echo', 'and in one to the upstream');

# What nginx refuses before the body was read.
# That it is MCP is known from headers, or because the path has shown itself to be MCP.
my @headers = (headers => ['MCP-Protocol-Version' => '2025-11-25']);
passes('/auth-request-refused', status => 403, @headers);
passes('/auth-basic', status => 401);
passes('/limited', status => 429);
passes('/too-large', status => 413, @headers);

my $rows = $r->recorded(q(select * from calls where method is not 'ping'));
my %by_id;
push @{ $by_id{ $_->{rpc_id} // '' } }, $_ for @$rows;
# The second answer out of the cache has the first one's id.
my ($stale) = (sort { $b <=> $a } grep { $want{$_}{path} eq '/cache' } keys %want);
for my $n (sort { $a <=> $b } keys %want) {
    my $path = $want{$n}{path};
    my @rows = @{ $by_id{$n} // [] };
    is(scalar @rows, 1, "$path ($n): recorded once") or next;
    is("$rows[0]{method} $rows[0]{primitive}", 'tools/call echo', "$path: what it was");
    is($rows[0]{coverage_request}, 'full', "$path: the request was seen");
    $n == $stale ? isnt($rows[0]{outcome}, 'ok', "$path: an answer with another call's id is none")
        : is($rows[0]{outcome}, 'ok', "$path: its outcome");
    is($rows[0]{user}, 'alice', "$path: the user of auth_basic") if $want{$n}{user};
}
for my $status (403, 401, 429, 413) {
    my @refused = grep { $_->{status} == $status } @$rows;
    is(scalar @refused, 1, "a refusal with $status is recorded once");
    is($refused[0]{outcome}, 'http_error', '... as an HTTP error');
    is($refused[0]{coverage_request}, 'discarded', '... with a body that nobody read');
}
is(scalar(@$rows), 4 + keys %want, 'mirrored and authorizing subrequests are not recorded');

my @log = grep { /^tools\/call\|echo\|ok\|yes\|\d+$/ } split /\n/, $r->read_file('mcp.log');
cmp_ok(scalar @log, '>=', 20, 'variables speak in the access log');
$r->accounted('every exchange is accounted for', dropped => 0);

$r->done_testing;
