#!/usr/bin/perl

# mcp_memory_limit reached by many bodies at a time: they pass unchanged, what was not read is said
# in their records and counted, and what found no memory at all is dropped for `memory_limit`.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use DBI;
use Digest::SHA 'sha256_hex';
use Test::Mcp::Recorder;

my $limit_bytes = 1 << 20;
my $body_bytes = 200_000;
my $bodies = 64;

# Reads a body, and answers once it is told to.
my $upstream = sub {
    my ($c, $request) = @_;
    my ($id) = $request->{body} =~ /"id":"(\d+)"/ or return $c->reply(202, undef, '');
    $c->wait_flag('go');
    return $c->reply(200, 'application/json', answer($id));
};

sub answer {
    my ($id) = @_;
    return qq({"jsonrpc":"2.0","id":"$id","result":{"content":[{"type":"text","text":") . $id x 20_000 . '"}]}}';
}

sub body {
    my ($r, $id) = @_;
    return $r->jsonrpc('tools/call', { name => 'echo', arguments => { text => 'x' x $body_bytes } }, "$id");
}

# What a worker holds of its own: pages of code that it touches first are not kept bytes.
sub resident_bytes {
    my ($r) = @_;
    my ($worker) = $r->worker_pids;
    return 1024 * ($r->read_file("/proc/$worker/status") =~ /RssAnon:\s+(\d+)/)[0];
}

my $r = Test::Mcp::Recorder->new(
    http => "mcp_memory_limit $limit_bytes;", location => 'mcp_capture limit=1m;',
    upstream => { '/mcp' => $upstream, '' => Test::Mcp::Upstream->mcp },
);

my $resident_before = resident_bytes($r);
my %connections;
for my $id (1 .. $bodies) {
    $connections{$id} = $r->open_connection;
    my $sent = Test::Mcp::Http::send_all($connections{$id},
        $r->request('POST', '/mcp', body => body($r, $id), headers => $r->mcp_headers), \my $got);
    die "request $id was not taken\n" unless $sent;
}
$r->wait_until(sub { @{ $r->upstream->requests } == $bodies }, 'all bodies at the upstream');
my $resident = resident_bytes($r) - $resident_before;
cmp_ok($resident, '<', 6 * $limit_bytes, 'while ' . $bodies * $body_bytes . ' bytes pass, the worker keeps few of them');
my %arrived = map { $_->{sha256} => 1 } @{ $r->upstream->requests };
is(scalar(grep { !$arrived{ sha256_hex(body($r, $_)) } } 1 .. $bodies), 0, 'every request arrived as it was sent');
$r->upstream->signal('go');
my $wrong = grep {
    Test::Mcp::Http::parse_response($r->http_raw('', socket => $connections{$_}))->{body} ne answer($_)
} 1 .. $bodies;
is($wrong, 0, 'and every answer too');
%connections = ();

$r->wait_until(sub { $r->status->{exchanges_handed} == $bodies }, 'all exchanges');
my $status = $r->settled;
my $dropped = $status->{exchanges_dropped}{memory_limit};
my $calls = $r->records('select rpc_id, coverage_request, coverage_response, bytes_in, bytes_out from calls',
    count => $bodies - $dropped);
is(@$calls + $dropped, $bodies, 'every exchange is recorded, or counted as dropped for memory_limit');
my @cut = grep { $_->{coverage_request} eq 'truncated' } @$calls;
my @whole = grep { $_->{coverage_request} eq 'full' } @$calls;
is(@cut + @whole, @$calls, 'the coverage of a request is full or truncated');
cmp_ok(scalar @cut, '>', 0, 'some could not be kept');
cmp_ok(@whole * $body_bytes, '<=', $limit_bytes, 'and those that were fit into the limit');
is(scalar(grep { $_->{bytes_in} != length body($r, $_->{rpc_id}) } @$calls), 0, 'the size recorded is that which passed');
cmp_ok($status->{body_lost_bytes}, '>=', ($bodies - $dropped) * $body_bytes - $limit_bytes,
    'what passed unread is counted');
$r->accounted('every exchange is accounted for', dropped => $dropped);

# What waits for the writer counts as well: with the day locked, it fills up.
my ($day) = $r->days;
my $db = DBI->connect("dbi:SQLite:dbname=$day", '', '', { RaiseError => 1, PrintError => 0 });
$db->sqlite_busy_timeout(10_000);
$db->do('begin immediate');
my $made = $bodies;
$r->wait_until(sub {
    my $id = ++$made;
    my $answer = $r->post($r->jsonrpc('tools/call', { name => 'echo', arguments => { text => 'z' x 2_000 } }, "$id"));
    die "traffic stopped: $answer->{status}\n" unless $answer->{status} == 200 && $answer->{body} eq answer($id);
    return $r->status->{exchanges_dropped}{memory_limit} >= $dropped + 5;
}, 'a worker without memory');
pass('without memory exchanges are dropped and counted, and traffic goes on');
cmp_ok($r->status->{exchanges_queued}, '>', 0, 'what was taken before waits');
$db->do('rollback');
$db->disconnect;
$r->settled;
$r->wait_until(sub { $r->error_log =~ /\[notice\].*exchanges not recorded/ }, 'the line about it');
my %lines;
$lines{ substr $_, 0, 19 }++ for grep { /exchanges not recorded/ } split /\n/, $r->error_log;
is(join(' ', grep { $lines{$_} > 1 } sort keys %lines), '', 'it is said at most once a second');

# All of it is given back.
my $next = ++$made;
$r->post(body($r, $next));
is_deeply($r->records(q{select coverage_request, coverage_response from calls where rpc_id = ?}, bind => [$next]),
    [{ coverage_request => 'full', coverage_response => 'full' }], 'afterwards bodies are read as before');
$r->accounted('every exchange is still accounted for');
$r->integrity;

Test::Mcp::done_testing();
