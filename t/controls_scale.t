#!/usr/bin/perl

# Very many controls: 1,000 locations with all three, 10,000 lines of one policy, 10,000 tools of one server. They
# load, the last of each is enforced, and after a restart the first calls are judged already.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Mcp::Recorder;

my ($locations, $lines, $tools, $page) = (1_000, 10_000, 10_000, 500);

# The tools in pages. Each takes an argument of its own, so that no two schemas are the same.
sub tool {
    my ($n) = @_;
    return qq({"name":"tool_$n","inputSchema":{"type":"object","required":["of_$n"],"properties":{"of_$n":{"type":"integer"},)
        . qq("since":{"type":"string","pattern":"^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\d\$"}}}});
}
my $mcp = Test::Mcp::Upstream->mcp;
my $server = sub {
    my ($c, $request) = @_;
    return $mcp->($c, $request) if $request->{body} !~ /"tools\/list"/;
    my ($at) = $request->{body} =~ /"cursor":"(\d+)"/ ? $1 : 0;
    my ($id) = $request->{body} =~ /"id":(\d+)/;
    my $next = $at + $page < $tools ? sprintf '"nextCursor":"%d",', $at + $page : '';
    return $c->reply(200, 'application/json', qq({"jsonrpc":"2.0","id":$id,"result":{$next"tools":[) . join(',', map { tool($_) } $at .. $at + $page - 1) . ']}}');
};

# Lines by user, by role and by network in turn; two lines of one user, of which the first counts.
my $line = sub {
    my ($n) = @_;
    return ("allow user=user$n;", "deny user=guest role=role$n;", "deny ip=10." . int($n / 250) % 250 . '.' . $n % 250 . '.0/24;')[ $n % 3 ];
};
my @lines = ((map { $line->($_) } 0 .. $lines - 5), 'allow user=twice;', 'deny user=twice;', 'allow user=last;', 'deny all;');
my $proxy = 'proxy_pass http://127.0.0.1:%%PORT_2%%;';
my $all = join "\n", map { <<"LOCATION" } 1 .. $locations;
        location = /place/$_ {
            mcp_acl "who may $_" { methods tools/call; allow user=user$_; deny all; }
            mcp_verify "from where $_" { require \$http_x_place $_ everywhere; }
            mcp_tool_schema "as listed" { unknown_arguments deny; }
            $proxy
        }
LOCATION
my $r = Test::Mcp::Recorder->new(start => 0, upstream => { '' => $server }, server => <<"SERVER", location => 'mcp_tool_schema "as listed" { undefined_tools deny; }');
        mcp_sessions on;
        mcp_mode block;
        mcp_server_name crm;
        mcp_user \$http_x_user;
        mcp_role \$http_x_role;
$all
        location /many { mcp_acl "many" { @lines } $proxy }
SERVER
my ($exit, $said) = $r->nginx_t($r->read_file('nginx.conf'));
is($exit, 0, 'nginx -t takes it') or diag($said);
like($said, qr/this line is never reached, since line \d+ decides before/, '... and tells of the line that is never reached');
$r->run;

my $id = 0;
sub blocked {
    my ($path, $name, $arguments, @headers) = @_;
    my $answer = $r->post($r->jsonrpc('tools/call', { name => $name, arguments => $arguments }, ++$id), path => $path, headers => \@headers);
    is($answer->{status}, 200, "$path is answered");
    return $answer->{body} =~ /"code":-32010/ ? 1 : 0;
}

subtest 'lines' => sub {
    is(blocked('/many', 'echo', {}, 'X-User' => 'last'), 0, 'the last line but one decides');
    is(blocked('/many', 'echo', {}, 'X-User' => 'nobody'), 1, '... and the last');
    is(blocked('/many', 'echo', {}, 'X-User' => 'twice'), 0, 'of two lines the first');
    is(blocked('/many', 'echo', {}, 'X-User' => 'user0'), 0, 'the first line');
    is(blocked('/many', 'echo', {}, 'X-User' => 'user6000'), 0, 'one in the middle');
    is(blocked('/many', 'echo', {}, 'X-User' => 'user6000', 'X-Role' => 'role6001'), 0, '... by user before role');
};

subtest 'locations' => sub {
    for my $n (1, $locations / 2, $locations) {
        is(blocked("/place/$n", 'not_listed', {}, 'X-User' => "user$n", 'X-Place' => $n), 0, "what location $n allows");
        is(blocked("/place/$n", 'not_listed', {}, 'X-User' => 'user2', 'X-Place' => $n), 1, '... to its user alone');
        is(blocked("/place/$n", 'not_listed', {}, 'X-User' => "user$n", 'X-Place' => $n + 1), 1, '... with its value alone');
    }
};

sub judges_the_last {
    my $n = $tools - 1;
    my @right = ('X-User' => "user$locations", 'X-Place' => 'everywhere');
    is(blocked('/mcp', "tool_$n", { "of_$n" => 1 }), 0, 'the last tool may be called');
    is(blocked('/mcp', "tool_$n", { "of_$n" => 'one' }), 1, '... with arguments of its schema');
    is(blocked('/mcp', "tool_$n", { "of_$n" => 1, since => 'May' }), 1, '... and its pattern');
    is(blocked('/mcp', "tool_$tools", {}), 1, 'one beyond may not');
    is(blocked("/place/$locations", "tool_$n", { "of_$n" => 1 }, @right), 0, 'it is the same in the last location');
    is(blocked("/place/$locations", "tool_$n", { "of_$n" => 1, more => 1 }, @right), 1, '... with its own strictness');
    return;
}

subtest 'tools' => sub {
    for (my $at = 0; $at < $tools; $at += $page) {
        my $answer = $r->post($r->jsonrpc('tools/list', $at ? { cursor => "$at" } : {}, ++$id));
        die "no list\n" if $answer->{body} !~ /"tool_$at"/;
    }
    $r->wait_until(sub {
        my $n = $tools - 1;
        return $r->post($r->jsonrpc('tools/call', { name => "tool_$n", arguments => { "of_$n" => 1 } }, ++$id))->{body} !~ /-32010/;
    }, 'the last page', 4 * $Test::Mcp::PATIENCE);
    judges_the_last();
    $r->accounted('every exchange is accounted for', dropped => 0);
};

subtest 'the first calls after a restart are judged' => sub {
    $r->stop;
    $r->run;
    judges_the_last();
};

subtest 'and after a reload' => sub {
    $r->reload(wait_old => 1);
    judges_the_last();
};

$r->done_testing;
