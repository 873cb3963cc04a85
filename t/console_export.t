#!/usr/bin/perl

# Exports are the lists, whole; CSV is CSV, and harmless in a spreadsheet.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Test::More;
use Test::Mcp::Api;
use Test::Mcp::Recorder;
use Test::Mcp::Traffic;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);

my $r = Test::Mcp::Recorder->new(Test::Mcp::Traffic->options(server => 'location /c/ { mcp_console; }'));
Test::Mcp::Traffic->send($r, sessions => 60);
my $api = Test::Mcp::Api->new($r, '/c/');

# RFC 4180, with line breaks only where they are quoted.
sub parsed {
    my ($text) = @_;
    utf8::decode($text) or die "not UTF-8\n";
    my (@rows, @row);
    pos($text) = 0;
    while (pos($text) < length $text) {
        my $field;
        if ($text =~ /\G"((?:[^"]|"")*)"/gc) {
            ($field = $1) =~ s/""/"/g;
        } elsif ($text =~ /\G([^",\r\n]*)/gc) {
            $field = $1;
        }
        push @row, $field;
        if ($text =~ /\G,/gc) {
            next;
        }
        $text =~ /\G\r\n/gc or die 'no CSV at ' . substr($text, pos $text, 40) . "\n";
        push @rows, [splice @row];
    }
    return @rows;
}

for my $list (qw(sessions calls)) {
    for my $query ([], [method => 'tools/call'], [outcome => ['tool_error', 'rpc_error'], server => 'localhost/mcp']) {
        my @items = $api->pages($list, @$query);
        my $answer = $api->raw($list, @$query, format => 'ndjson');
        is($answer->{headers}{'content-type'}, 'application/x-ndjson', "$list: lines of JSON");
        is($answer->{headers}{'content-disposition'}, qq(attachment; filename="mcp-$list.ndjson"), '... as a file');
        is($answer->{headers}{'cache-control'}, 'no-store', '... not to be kept');
        ok($answer->{complete}, '... whole');
        my @lines = map { decode_json($_) } split /\n/, $answer->{body};
        is_deeply([map { $_->{id} } @lines], [map { $_->{id} } @items], '... the list, in its order');
        is_deeply($lines[0], $items[0], '... with the same items');
        $answer = $api->raw($list, @$query, format => 'csv');
        is($answer->{headers}{'content-type'}, 'text/csv; charset=utf-8; header=present', "$list: CSV");
        my ($names, @rows) = parsed($answer->{body});
        is_deeply([map { $_->[0] } @rows], [map { $_->{id} } @items], '... the list, in its order');
        is_deeply([grep { @$_ != @$names } @rows], [], '... as many fields as names');
        my %at = map { $names->[$_] => $_ } 0 .. $#$names;
        for my $name (qw(server session_id started_at at method outcome duration_ms status user)) {
            next unless exists $at{$name} && exists $items[0]{$name};
            my @in_csv = map { $_->[$at{$name}] =~ s/^'(?=[=+\-@])//r } @rows;
            is_deeply(\@in_csv, [map { $_->{$name} // '' } @items], "... $name");
        }
        my @formulas = grep { /^\s*[=+@\x{ff1d}]/ || /^\s*-(?!\d+$)/ || /^[\t\r\n]/ } map { @$_ } @rows;
        is_deeply(\@formulas, [], '... nothing that a spreadsheet would run');
    }
}
my $answer = $api->raw('calls', format => 'csv');
like($answer->{body}, qr/'=cmd\|/, 'a formula is text');
is(scalar(parsed($api->raw('calls', method => 'zzz', format => 'csv')->{body})), 1, 'an empty list is a header alone');
is($api->raw('calls', method => 'zzz', format => 'ndjson')->{body}, '', '... or nothing');
my ($plain) = map { decode_json($_) } grep { /"search"/ } split /\n/, $api->raw('calls', format => 'ndjson', payloads => 'false')->{body};
is($plain->{arguments}, undef, 'payloads=false leaves arguments out');
unlike($api->raw('calls', format => $_)->{body}, qr/hunter2/, "$_: what is masked is masked") for qw(csv ndjson);
is($api->problem('servers', format => 'csv')->{parameter}, 'format', 'other lists have no export');
my $head = $r->http('HEAD', '/c/api/v1/calls?format=csv');
is("$head->{status} [$head->{body}]", '200 []', 'HEAD');

$r->done_testing;
