#!/usr/bin/perl

# Several days are one list; a day that cannot be read is left out and named.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use DBI;
use JSON::PP;
use Test::More;
use Test::Mcp::Api;
use Test::Mcp::Recorder;
use Test::Mcp::Traffic;
use POSIX qw(strftime);

# No midnight in between.
my $until_midnight = 86_400 - time % 86_400;
plan(skip_all => 'midnight is near') if $until_midnight < 120;

my $r = Test::Mcp::Recorder->new(Test::Mcp::Traffic->options(server => 'location /c/ { mcp_console; }'));
Test::Mcp::Traffic->send($r, sessions => 10);
my $api = Test::Mcp::Api->new($r, '/c/');
my ($today) = map { m{([^/]+)\.db$} } $r->days;
my @today = $api->reference;

sub day { return strftime '%Y-%m-%d', gmtime time - 86_400 * $_[0] }
sub file { return $r->store . "/$_[0].db" }

# A day of today's calls, so many days earlier.
sub copy {
    my ($ago, $change) = @_;
    my $file = file(day($ago));
    my $db = DBI->connect('dbi:SQLite:dbname=' . file($today), '', '', { RaiseError => 1 });
    $db->do("vacuum into '$file'");
    $db->disconnect;
    $db = DBI->connect("dbi:SQLite:dbname=$file", '', '', { RaiseError => 1 });
    my $us = $ago * 86_400_000_000;
    $db->do("update call_rows set at = at - $us");
    $db->do("update parts set started_at = started_at - $us, last_at = last_at - $us, ended_at = ended_at - $us");
    $db->do("update meta set value = ? where key = 'day'", undef, day($ago));
    $change->($db) if $change;
    $db->disconnect;
    chown +(getpwnam 'www-data')[2, 3], $file if $> == 0;
    return;
}

copy(1);
copy(3);
my @all = ((map { $_->{id} } grep { $_->{day} ne $today } $api->reference), map { $_->{id} } @today);
is_deeply([map { $_->{id} } $api->pages('calls', limit => 13, payloads => 'false')], [reverse @all], 'three days are one list');
my @sessions = $api->pages('sessions', limit => 3);
is(scalar @sessions, 3 * keys(%{ { map { $_->{session} => 1 } @today } }), 'of session parts too');
is_deeply([map { $_->{day} } @sessions], [sort { $b cmp $a } map { $_->{day} } @sessions], '... the newest day first');
my ($session) = grep { $_->{session_id} eq 'session-2' } @sessions;
is($api->get('facets')->{calls}, scalar @all, 'and one sum');
my $yesterday = [from => day(1) . 'T00:00:00Z', to => "${today}T00:00:00Z"];
is($api->get('facets', @$yesterday, method => ['tools/call', 'initialize', 'ping', 'tools/list', 'prompts/get', 'resources/read', 'no/such/method'])->{calls},
    scalar @today, 'a range of time selects its days');
is(scalar @{ $api->get('stats')->{days} }, 3, 'all are on disk');

# Days that cannot be read.
$r->write_file(file(day(2)), "this is no database\n" x 1000);
copy(4, sub { $_[0]->do('pragma user_version = 99') });
$r->write_file(file(day(5)), '');
symlink '/etc/passwd', file(day(6));
my $list = $api->get('calls', limit => 500, payloads => 'false');
is_deeply([map { $_->{id} } @{ $list->{items} }], [reverse @all], 'what can be read is shown');
my %warned = map { ($_->{day} // '') => $_->{message} } @{ $list->{warnings} // [] };
ok($warned{ day(2) }, 'a damaged day is named');
like($warned{ day(4) } // '', qr/newer|version/, 'a newer one, and why');
my $dir = $r->dir;
unlike(join(' ', values %warned), qr/\Q$dir\E/, 'no path of the store is told');
for my $path (qw(sessions facets timeline servers agents)) {
    my %also = map { ($_->{day} // '') => 1 } @{ $api->get($path)->{warnings} // [] };
    ok($also{ day(2) } && $also{ day(4) }, "$path names them too") or diag(explain(\%also));
}
my $export = $api->raw('calls', format => 'ndjson', payloads => 'false');
is(scalar(() = $export->{body} =~ /\n/g), scalar @all, 'an export has the rest');
my $missing = join '|', map { quotemeta day($_) } 2, 4;
like($export->{headers}{'mcp-sessions-missing'} // '', qr/(?:$missing).*(?:$missing)/, '... and names them in a header');

# A store that is not there.
my $empty = Test::Mcp::Recorder->new(server => 'location /c/ { mcp_console; }');
my $nothing = Test::Mcp::Api->new($empty, '/c/');
for my $path (qw(sessions calls servers agents attacks)) {
    is_deeply($nothing->get($path)->{items}, [], "an empty store has no $path");
}
is($nothing->get('facets')->{calls}, 0, '... no facets');
is_deeply($nothing->get('stats')->{days}, [], '... no days');
$nothing->get('timeline');
is($nothing->problem('sessions/2026-11-22.1')->{status}, 404, '... and no session');

$r->done_testing;
