package Test::Mcp;

=head1 NAME

Test::Mcp - an nginx with the module, for one test file

=head1 SYNOPSIS

    use lib 't/lib';
    use Test::More;
    use Test::Mcp;

    my $t = Test::Mcp->new;
    $t->write_file_expand('nginx.conf', <<'CONF');
    %%TEST_GLOBALS%%
    events { }
    http {
        %%TEST_GLOBALS_HTTP%%
        mcp_sessions_store %%STORE%%;
        server {
            listen 127.0.0.1:%%PORT_1%%;
            location /mcp { mcp_sessions on; proxy_pass http://127.0.0.1:%%PORT_2%%; }
        }
    }
    CONF
    $t->run;
    is($t->http('GET', '/', port => $t->port(1))->{status}, 404, 'served');
    $t->done_testing;

Most test files want L<Test::Mcp::Recorder>, which adds the usual configuration and a scripted
upstream. The client side is in L<Test::Mcp::Http>, the database in L<Test::Mcp::Store>, upstreams
in L<Test::Mcp::Upstream>.

=head1 RULES

Nothing listens outside 127.0.0.1; ports are locked against other runs (C<port>). Tests wait for
events with a deadline (C<wait_until>), they do not sleep. Only processes of this run are ever sent
a signal. However a test ends, by a signal as well, what it started ends with it. C<done_testing> stops nginx and adds two tests of its own: the error log holds no alert
that was not announced with C<expect_log>, and no worker died that was not killed here.

=cut

use strict;
use warnings;

use Cwd qw(abs_path);
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX qw(:sys_wait_h);
use Test::More ();
use Time::HiRes qw(sleep time);

use Test::Mcp::Http;
use Test::Mcp::Store;

our @ISA = qw(Test::Mcp::Http Test::Mcp::Store);

our $ROOT = abs_path(dirname(abs_path(__FILE__)) . '/../../..');
our $BINARY = $ENV{TEST_MCP_NGINX_BINARY} || '/usr/sbin/nginx';
our $MODULE = $ENV{TEST_MCP_MODULE} || _newest_module();
our $PATIENCE = $ENV{TEST_MCP_PATIENCE} || 30;    # seconds until a wait is a failure

# nginx reads sockets to inherit from this variable; `make NGINX=...` may have left it behind.
delete $ENV{NGINX};
$SIG{PIPE} = 'IGNORE';

my @instances;
my $finished = 0;
my $owner = $$;

# The master daemonizes. As its subreaper we are its parent after that: its end can be waited for
# even where process 1 does not reap.
_prctl(36, 1);

sub _prctl {
    my ($option, $argument) = @_;
    my %prctl = (x86_64 => 157, aarch64 => 167);
    my $number = $prctl{ (POSIX::uname())[4] };
    syscall($number, $option, $argument, 0, 0, 0) if $number;
    return;
}

sub _newest_module {
    my $name = 'ngx_http_mcp_sessions_module.so';
    my ($newest) = sort { -M $a <=> -M $b } grep { -e }
        ("$ROOT/build/$name", glob("$ROOT/build/test/1.22*/$name"));
    return $newest || "$ROOT/build/$name";
}

=head1 METHODS

=head2 new

A folder of its own and nothing running. C<< new(keep => 1) >> or C<TEST_MCP_KEEP=1> in the
environment leaves the folder behind.

=cut

sub new {
    my ($class, %options) = @_;
    my $keep = $options{keep} || $ENV{TEST_MCP_KEEP};
    my $dir = tempdir('mcp-test-XXXXXXXX', TMPDIR => 1, CLEANUP => !$keep);
    chmod 0755, $dir;
    my $self = bless {
        dir => $dir, ports => {}, allowed => [], killed => {}, seen => 0, daemons => [],
    }, $class;
    $self->{user} = $> == 0 ? 'www-data' : undef;
    make_path("$dir/html", "$dir/logs");
    $self->make_store("$dir/store");
    $self->{guard} = $self->_guard($keep);
    push @instances, $self;
    return $self;
}

# A process that outlives the test, should that be killed, and then ends nginx: a daemon does not
# notice that who started it is gone. It knows nginx by the log that its processes hold open.
sub _guard {
    my ($self, $keep) = @_;
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    # Ctrl-C is meant for the test.
    setpgrp;
    $SIG{$_} = 'IGNORE' for qw(INT TERM HUP QUIT);
    close $_ for *STDIN, *STDOUT, *STDERR;
    sleep 0.1 while getppid == $owner;
    # Several looks, since nginx may be about to start.
    for (my $quiet = 0; $quiet < 4; $quiet++) {
        my @left = $self->_holders;
        $quiet = 0 if kill 'KILL', @left;
        sleep 0.05;
    }
    File::Path::remove_tree($self->{dir}, { safe => 0 }) unless $keep;
    POSIX::_exit(0);
}

# The nginx processes that have this test's error log open.
sub _holders {
    my ($self) = @_;
    my $log = "$self->{dir}/error.log";
    my @pids;
    for my $process (glob '/proc/[0-9]*') {
        open my $in, '<', "$process/comm" or next;
        next unless (<$in> // '') =~ /nginx/;
        # It may have been deleted meanwhile.
        push @pids, $process =~ /(\d+)$/ if grep { index(readlink($_) // '', $log) == 0 } glob "$process/fd/*";
    }
    return @pids;
}

=head2 dir, store

The test's folder, and the store's inside it (C<%%TESTDIR%%> and C<%%STORE%%> in files).

=cut

sub dir { return $_[0]{dir} }
sub store { return "$_[0]{dir}/store" }

=head2 make_store($path)

A folder that belongs to nginx's worker user, mode 0700.

=cut

sub make_store {
    my ($self, $path) = @_;
    make_path($path);
    chmod 0700, $path;
    chown +(getpwnam $self->{user})[2, 3], $path if $self->{user};
    return $path;
}

=head2 port($n)

The C<%%PORT_n%%> of this test: free, and locked against other test runs until the test ends. Taken
from below the range out of which the kernel gives ports to clients.

=cut

sub port {
    my ($self, $n) = @_;
    return $self->{ports}{$n} //= free_port();
}

my @locks;

sub free_port {
    my $locks = "/tmp/mcp-test-ports.$>";
    make_path($locks);
    for (1 .. 2000) {
        my $port = 10240 + int rand 21000;
        open my $lock, '>', "$locks/$port" or next;
        flock $lock, LOCK_EX | LOCK_NB or next;
        my $probe = IO::Socket::INET->new(
            Listen => 1, LocalAddr => '127.0.0.1', LocalPort => $port, Proto => 'tcp', ReuseAddr => 1,
        ) or next;
        close $probe;
        push @locks, $lock;
        return $port;
    }
    die "no free port\n";
}

=head2 write_file($name, $bytes), write_file_expand($name, $text), read_file($name)

Files in the test's folder. C<write_file_expand> replaces C<%%TEST_GLOBALS%%> (C<load_module>,
C<user>, C<pid>, C<error_log>), C<%%TEST_GLOBALS_HTTP%%> (temporary folders, access log),
C<%%TESTDIR%%>, C<%%STORE%%>, C<%%PORT_n%%>, and what C<vars> was given.

=cut

sub write_file {
    my ($self, $name, $bytes) = @_;
    my $path = $name =~ m{^/} ? $name : "$self->{dir}/$name";
    open my $out, '>:raw', $path or die "$path: $!\n";
    print {$out} $bytes;
    close $out or die "$path: $!\n";
    return $path;
}

sub write_file_expand {
    my ($self, $name, $text) = @_;
    return $self->write_file($name, $self->expand($text));
}

sub read_file {
    my ($self, $name) = @_;
    my $path = $name =~ m{^/} ? $name : "$self->{dir}/$name";
    open my $in, '<:raw', $path or return '';
    local $/;
    return <$in> // '';
}

sub expand {
    my ($self, $text) = @_;
    my $dir = $self->{dir};
    my $user = $self->{user} ? "user $self->{user};" : '';
    my $globals = "load_module $MODULE;\n$user\npid $dir/nginx.pid;\nerror_log $dir/error.log info;\n"
        . "lock_file $dir/nginx.lock;\n";
    my $http = "access_log $dir/access.log;\nroot $dir/html;\n"
        . join '', map { "${_}_temp_path $dir/tmp_$_;\n" } qw(client_body proxy fastcgi uwsgi scgi);
    $text =~ s/%%TEST_GLOBALS%%/$globals/g;
    $text =~ s/%%TEST_GLOBALS_HTTP%%/$http/g;
    $text =~ s/%%TESTDIR%%/$dir/g;
    $text =~ s/%%STORE%%/$self->store/ge;
    $text =~ s/%%PORT_(\d+)%%/$self->port($1)/ge;
    return $text;
}

=head2 nginx_t($conf)

What C<nginx -t> says to a configuration (expanded as above): exit status and output.

=cut

sub nginx_t {
    my ($self, $conf) = @_;
    my $path = $self->write_file_expand('t.conf', $conf);
    my $output = `$BINARY -t -p $self->{dir} -c $path 2>&1`;
    my $exit = $? >> 8;
    # Where its error_log is, messages go as well: they are expected here.
    $self->{seen} = -s "$self->{dir}/error.log" // 0 unless $self->{pid};
    return ($exit, $output);
}

=head2 run, run_fails

Starts nginx with F<nginx.conf>; when C<run> returns, it listens. C<run_fails> expects that it does
not start and returns what it said.

=cut

sub run {
    my ($self) = @_;
    my $said = $self->_start;
    die "nginx did not start:\n$said" . $self->read_file('error.log') if $?;
    $self->wait_until(sub { -s "$self->{dir}/nginx.pid" }, 'nginx.pid');
    ($self->{pid}) = $self->read_file('nginx.pid') =~ /(\d+)/;
    $self->wait_until(sub { $self->worker_pids }, 'a worker');
    return $self;
}

sub run_fails {
    my ($self) = @_;
    my $said = $self->_start;
    Test::More::isnt($?, 0, 'nginx refuses to start') or do {
        ($self->{pid}) = $self->read_file('nginx.pid') =~ /(\d+)/;
    };
    return $said;
}

sub _start {
    my ($self) = @_;
    unlink "$self->{dir}/nginx.pid";
    return scalar `$BINARY -p $self->{dir} -c $self->{dir}/nginx.conf 2>&1 </dev/null`;
}

=head2 pid, worker_pids(%options)

The master, and its workers that are not shutting down (C<< all => 1 >>: those too).

=cut

sub pid { return $_[0]{pid} }

sub worker_pids {
    my ($self, %options) = @_;
    return grep { _title($_) =~ ($options{all} ? qr/worker process/ : qr/worker process$/) }
        children($options{of} // $self->{pid});
}

# The children of a process.
sub children {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/task/$pid/children" or return;
    return split ' ', <$in> // '';
}

sub _title {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/cmdline" or return '';
    my $title = <$in> // '';
    $title =~ s/[\0 ]+$//;
    return $title;
}

=head2 reload

Sends HUP and waits until new workers run. Returns 0 if nginx refused the configuration (then the
C<[emerg]> is expected). With C<< wait_old => 1 >> waits until the old workers are gone.

=cut

sub reload {
    my ($self, %options) = @_;
    my %old = map { $_ => 1 } $self->worker_pids(all => 1);
    my $from = -s "$self->{dir}/error.log" // 0;
    my $refused;
    kill 'HUP', $self->{pid};
    $self->wait_until(sub {
        return 1 if grep { !$old{$_} } $self->worker_pids;
        return $refused = substr($self->read_file('error.log'), $from) =~ /\[emerg\]/;
    }, 'new workers');
    if ($refused) {
        $self->{seen} = -s "$self->{dir}/error.log";
        return 0;
    }
    $self->wait_until(sub { !grep { $old{$_} } $self->worker_pids(all => 1) }, 'end of the old workers')
        if $options{wait_old};
    return 1;
}

=head2 upgrade

Binary upgrade: USR2, wait for the new master and its worker, QUIT to the old one, wait for its end.
With a code reference, calls it while both run.

=cut

sub upgrade {
    my ($self, $between) = @_;
    my $old = $self->{pid};
    kill 'USR2', $old;
    my $new;
    $self->wait_until(sub {
        ($new) = $self->read_file('nginx.pid') =~ /(\d+)/;
        return $new && $new != $old && $self->worker_pids(of => $new);
    }, 'the new master');
    $self->{pid} = $new;
    $between->($old, $new) if $between;
    kill 'QUIT', $old;
    $self->_wait_exit($old, 'the old master');
    return $self;
}

=head2 stop, quit, kill_all, kill_worker($pid, $signal)

TERM (fast) or QUIT (graceful) to the master, and wait for its end; KILL to master and workers; a
signal (KILL) to one worker, waiting for its end and, for KILL, its successor.

=cut

sub stop { return $_[0]->_end('TERM') }
sub quit { return $_[0]->_end('QUIT') }

sub _end {
    my ($self, $signal) = @_;
    my $pid = delete $self->{pid} or return $self;
    my @workers = $self->worker_pids(all => 1, of => $pid);
    kill $signal, $pid;
    if (!eval { $self->_wait_exit($pid, "the end of nginx after $signal"); 1 }) {
        Test::More::ok(0, "nginx ends after $signal");
        $self->{pid} = $pid;
        $self->kill_all;
    }
    kill 'KILL', grep { alive($_) && _title($_) =~ /nginx/ } @workers;
    return $self;
}

sub kill_all {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return $self;
    # The master is stopped first, so that it starts no successors.
    kill 'STOP', $pid;
    my @all = ($pid, children($pid));
    kill 'KILL', @all;
    $self->_wait_exit($_, "the end of $_") for @all;
    return $self;
}

sub kill_worker {
    my ($self, $pid, $signal) = @_;
    $signal //= 'KILL';
    my %before = map { $_ => 1 } $self->worker_pids(all => 1);
    $self->{killed}{$pid} = 1;
    kill $signal, $pid;
    $self->_wait_exit($pid, "the end of worker $pid");
    $self->wait_until(sub { grep { !$before{$_} } $self->worker_pids }, 'a successor')
        if $signal eq 'KILL';
    return $self;
}

sub _wait_exit {
    my ($self, $pid, $what) = @_;
    return $self->wait_until(sub { !alive($pid) }, $what);
}

# Whether a process runs; one of ours that has ended is reaped.
sub alive {
    my ($pid) = @_;
    waitpid $pid, WNOHANG;
    open my $in, '<', "/proc/$pid/stat" or return 0;
    return (<$in> // '') =~ /\) [^ZX] /;
}

=head2 wait_until(\&condition, $what, $seconds), waitforfile($name), waitforsocket($port)

Waits until the condition is true and returns what it returned; dies, saying for what it waited,
after $seconds (default 30, C<TEST_MCP_PATIENCE>).

=cut

sub wait_until {
    my ($self, $condition, $what, $seconds) = @_;
    my $end = time + ($seconds // $PATIENCE);
    my $pause = 0.002;
    while (1) {
        my $value = $condition->();
        return $value if $value;
        die "waited in vain for $what\n" if time > $end;
        sleep $pause;
        $pause *= 1.5 if $pause < 0.05;
    }
}

sub waitforfile {
    my ($self, $name) = @_;
    return $self->wait_until(sub { -e ($name =~ m{^/} ? $name : "$self->{dir}/$name") }, $name);
}

sub waitforsocket {
    my ($self, $port) = @_;
    return $self->wait_until(
        sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }, "port $port");
}

=head2 run_daemon(\&sub, @arguments)

Runs a sub in a process of its own until the test ends; returns its pid.

=head2 Test::Mcp::end_with_parent($pid)

For a process that was forked otherwise: the kernel kills it when its parent, $pid, has ended.

=cut

sub end_with_parent {
    my ($parent) = @_;
    _prctl(1, POSIX::SIGKILL());
    # It may have ended before that was said.
    POSIX::_exit(1) if getppid != $parent;
    return;
}

sub run_daemon {
    my ($self, $sub, @arguments) = @_;
    my $parent = $$;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        # Its own group, so that what it forks ends with it; and no test of the parent's.
        setpgrp;
        end_with_parent($parent);
        $SIG{TERM} = 'DEFAULT';
        eval { $sub->(@arguments); 1 } or print STDERR "daemon: $@";
        POSIX::_exit(0);
    }
    push @{ $self->{daemons} }, $pid;
    return $pid;
}

sub stop_daemons {
    my ($self) = @_;
    for my $pid (splice @{ $self->{daemons} }) {
        kill 'KILL', -$pid;
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
    return;
}

=head2 error_log, expect_log($regex)

The error log's text. C<expect_log> announces alerts that this test causes on purpose.

=cut

sub error_log { return $_[0]->read_file('error.log') }

sub expect_log {
    my ($self, $regex) = @_;
    push @{ $self->{allowed} }, $regex;
    return $self;
}

sub _unexpected {
    my ($self) = @_;
    my @lines = split /\n/, substr($self->error_log, $self->{seen} || 0);
    my @alerts = grep { /\[(?:alert|emerg|crit)\]/ || /panicked at|Sanitizer|runtime error:/ } @lines;
    for my $allowed (@{ $self->{allowed} }, (map { qr/process $_ exited on signal/ } keys %{ $self->{killed} })) {
        @alerts = grep { $_ !~ $allowed } @alerts;
    }
    my @died = grep { /exited on signal|exited with fatal code|panicked at/ } @alerts;
    return (\@alerts, \@died);
}

=head2 done_testing

Ends the test file: stops every instance, adds the automatic tests, closes the plan.

=cut

sub done_testing {
    $finished = 1;
    for my $instance (@instances) {
        eval { $instance->quit; 1 } or Test::More::ok(0, "stop: $@");
        $instance->stop_daemons;
        my ($alerts, $died) = $instance->_unexpected;
        Test::More::is(join("\n", @$alerts[0 .. ($#$alerts > 19 ? 19 : $#$alerts)]), '', 'no alerts');
        Test::More::is(join("\n", @$died), '', 'no worker died');
    }
    Test::More::done_testing();
    return;
}

END {
    if ($$ == $owner) {
        my $status = $?;
        for my $instance (@instances) {
            eval { $instance->kill_all };
            $instance->stop_daemons;
            # Where the test was cut short there may be more than it knew of.
            kill 'KILL', $instance->{guard} if $finished;
        }
        if (!$finished && !Test::More->builder->{Skip_All}) {
            print STDERR "# done_testing was not reached\n";
            for my $instance (@instances) {
                my @tail = split /\n/, $instance->error_log;
                print STDERR map { "# $_\n" } @tail > 15 ? @tail[-15 .. -1] : @tail;
            }
            $status ||= 255;
        }
        $? = $status;
    }
}

1;
