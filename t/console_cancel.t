#!/usr/bin/perl

# A client that goes away cancels its question: no thread goes on working for it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use DBI;
use POSIX qw(sysconf _SC_CLK_TCK);
use Test::More;
use Test::Mcp::Recorder;

my $r = Test::Mcp::Recorder->new(
    server => 'location /c/ { mcp_console; }',
    servers => 'server { listen 127.0.0.1:%%PORT_3%% http2; location /c/ { mcp_console; } }',
);
$r->call('echo', {}, id => 1);
$r->recorded('select 1');
# A day with so many names that looking through them takes a while.
my ($today) = $r->days;
my $other = $r->store . '/' . POSIX::strftime('%Y-%m-%d', gmtime time - 86_400) . '.db';
my $db = DBI->connect("dbi:SQLite:dbname=$today", '', '', { RaiseError => 1 });
$db->do("vacuum into '$other'");
$db = DBI->connect("dbi:SQLite:dbname=$other", '', '', { RaiseError => 1 });
my $columns = join ', ', grep { !/^(?:kind|primitive)$/ } map { $_->[1] } @{ $db->selectall_arrayref('pragma table_info(kinds)') };
$db->do(<<"SQL");
    insert into kinds (kind, primitive, $columns)
    with recursive n(n) as (values (1000) union all select n + 1 from n where n < 1500000)
    select n, 'tool-' || n, $columns from n, (select * from kinds limit 1)
SQL
$db->disconnect;
chown +(getpwnam 'www-data')[2, 3], $other if $> == 0;

my $slow = '/c/api/v1/sessions?q=nothing-of-this-name';

# Seconds of processor time that the worker's readers have used.
sub used {
    my ($pid) = $r->worker_pids;
    my $ticks = 0;
    for my $task (glob "/proc/$pid/task/*") {
        next unless $r->read_file("$task/comm") eq "mcp-reader\n";
        my @fields = split ' ', $r->read_file("$task/stat") =~ s/.*\) //sr;
        $ticks += $fields[11] + $fields[12];
    }
    return $ticks / sysconf(_SC_CLK_TCK);
}

sub measured {
    my ($ask) = @_;
    my $before = used();
    $ask->();
    # Both threads have nothing to do when two short questions in a row are answered at once.
    my ($last, $same) = (used(), 0);
    $r->wait_until(sub { my $now = used(); $same = $now == $last ? $same + 1 : 0; $last = $now; return $same >= 8 }, 'idle readers');
    return $last - $before;
}

sub whole { return measured(sub { is($r->http('GET', $slow)->{status}, 200, 'a slow question has its answer') }) }

sub abandoned {
    my ($send) = @_;
    return measured(sub {
        my $before = used();
        my $end = $send->();
        $r->wait_until(sub { used() > $before }, 'a reader at work');
        $end->();
    });
}

whole();    # The files are in memory now.
my ($first, $second) = (whole(), whole());
my $least = $first < $second ? $first : $second;
cmp_ok($least, '>', 0.2, 'and takes a while') or diag($least);
for my $way (
    ['closes', sub {
        my $socket = $r->open_connection;
        syswrite $socket, $r->request('GET', $slow);
        return sub { close $socket };
    }],
    ['resets', sub {
        my $socket = $r->open_connection;
        syswrite $socket, $r->request('GET', $slow);
        return sub { $r->reset_connection($socket) };
    }],
    ['resets a stream of HTTP/2', sub {
        my $pid = fork // die;
        if (!$pid) {
            open STDOUT, '>', '/dev/null';
            exec 'curl', '-s', '--http2-prior-knowledge', 'http://127.0.0.1:' . $r->port(3) . $slow or POSIX::_exit(1);
        }
        return sub { kill 'KILL', $pid; waitpid $pid, 0 };
    }],
) {
    my ($name, $send) = @$way;
    my $used = abandoned($send);
    cmp_ok($used, '<', 0.6 * $least, "a client that $name lets go of it") or diag("$used of $least");
}
is($r->http('GET', '/c/api/v1/sessions')->{status}, 200, 'others are answered');

# A worker that is told to stop does not wait for it.
my $socket = $r->open_connection;
syswrite $socket, $r->request('GET', $slow);
my $before = used();
$r->wait_until(sub { used() > $before }, 'a reader at work');
$r->stop;
unlike($r->error_log, qr/did not end in time/, 'TERM ends readers in the middle of a question');

Test::Mcp::done_testing();
