#!/usr/bin/perl

# A question that takes longer than one may is given up, and its client is told so with 504. Meanwhile and
# afterwards others are answered.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use DBI;
use POSIX ();
use Test::More;
use Test::Mcp::Api;
use Test::Mcp::Recorder;
use Time::HiRes qw(time);

my $r = Test::Mcp::Recorder->new(server => 'location /c/ { mcp_console; }');
$r->call('echo', {}, id => 1);
$r->recorded('select 1');
my ($today) = $r->days;
# A day with names without end, so that no machine is done with them in time.
my $day = POSIX::strftime('%Y-%m-%d', gmtime time - 86_400);
my $other = $r->store . "/$day.db";
my $db = DBI->connect("dbi:SQLite:dbname=$today", '', '', { RaiseError => 1 });
$db->do("vacuum into '$other'");
$db = DBI->connect("dbi:SQLite:dbname=$other", '', '', { RaiseError => 1 });
my $columns = join ', ', map { "real_kinds.$_->[1]" } grep { $_->[1] !~ /^(?:kind|primitive)$/ } @{ $db->selectall_arrayref('pragma table_info(kinds)') };
$db->do('alter table kinds rename to real_kinds');
$db->do(<<"SQL");
    create view kinds as
    with recursive n(n) as (values (1000) union all select n + 1 from n)
    select n as kind, 'tool-' || n as primitive, $columns from n, (select * from real_kinds limit 1) as real_kinds
SQL
$db->disconnect;
chown +(getpwnam 'www-data')[2, 3], $other if $> == 0;

my $api = Test::Mcp::Api->new($r, '/c/');
my $socket = $r->open_connection;
my $began = time;
syswrite $socket, $r->request('GET', '/c/api/v1/sessions?q=nothing-of-this-name');
my ($id) = map { $today =~ m{([^/]+)\.db$} ? "calls/$1.$_->{part}.$_->{call}" : () } @{ $r->query('select part, call from calls limit 1') };
is($r->http('GET', $api->address($id))->{status}, 200, 'another question is answered meanwhile');
my $answer = Test::Mcp::Http::parse_response($r->http_raw('', socket => $socket, timeout => 4 * $Test::Mcp::PATIENCE), 'GET');
is($answer->{status}, 504, 'a question that takes too long is answered with 504');
cmp_ok(time - $began, '>=', 9, '... once it has had its time');
is($answer->{headers}{'content-type'}, 'application/problem+json', '... by a problem document');
my $problem = eval { JSON::PP->new->utf8->decode($answer->{body}) } // {};
is($problem->{status}, 504, '... of this status');
like($problem->{detail}, qr/narrow the time range/, '... that says what to do');
close $socket;
is($r->http('GET', $api->address($id))->{status}, 200, 'afterwards others are answered') for 1 .. 4;
my @errors = grep { /\[(?:error|crit|alert)\]/ } split /^/, $r->error_log;
is(scalar @errors, 1, 'the error log has one line about it');
like($errors[0], qr{took too long.*request: "GET /c/api/v1/sessions\?q=nothing}, '... with the question');

Test::Mcp::done_testing();
