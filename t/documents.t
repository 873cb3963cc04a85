#!/usr/bin/perl

# What the documents say of directives, variables and counters is what the code has.

use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));

use FindBin;
use Test::More;

my $root = "$FindBin::Bin/..";

sub slurp {
    my ($path) = @_;
    open my $file, '<:encoding(UTF-8)', "$root/$path" or die "$path: $!";
    local $/;
    return <$file>;
}

# The directive table of the code, as the document writes its entries.
my $table = slurp('src/module/conf/table.rs');
my %in_code;
while ($table =~ /name:\s*c"(mcp_\w+)",\s*syntax:\s*"((?:[^"\\]|\\.)*)",\s*default:\s*"([^"]*)",\s*context:\s*"([^"]*)",/g) {
    my ($name, $syntax, $default, $context) = ($1, $2, $3, $4);
    $syntax =~ s/\\"/"/g;
    $default = $default eq '' ? '—' : "$name $default;";
    my $end = $syntax =~ /\}$/ ? "" : ";";
    $in_code{$name} = "Syntax:  $name $syntax$end\nDefault: $default\nContext: $context\n";
}
my $names = () = $table =~ /^\s+name:\s*c"/mg;
is(scalar keys %in_code, $names, 'every directive of the code was read');
cmp_ok($names, '>', 15, 'there are directives');

my $directives = slurp('docs/directives.md');
my %in_document;
while ($directives =~ /^###? (mcp_\w+)\n\n```\n(.*?)```\n\n(\S)/msg) {
    $in_document{$1} = $2;
}
is_deeply([sort keys %in_document], [sort keys %in_code], 'the document has the directives of the code');
is($in_document{$_}, $in_code{$_}, "$_ is documented as it is") for sort keys %in_code;

# Variables.
my $code = slurp('src/module/variables.rs');
my ($list) = $code =~ /const VARIABLES: &\[Variable\] = &\[(.*?)\n\];/s;
my @variables = $list =~ /name:\s*"(mcp_\w+)"/g;
cmp_ok(scalar @variables, '>', 5, 'there are variables');
my @documented = slurp('docs/variables.md') =~ /^\| `\$(mcp_[a-z_]+)` \|/mg;
is_deeply([sort @documented], [sort @variables], 'the document has the variables of the code');

# Counters.
my @counters = slurp('src/module/status/metrics.rs') =~ /name:\s*"(mcp_sessions_\w+)"/g;
cmp_ok(scalar @counters, '>', 5, 'there are counters');
my @told = slurp('docs/operations.md') =~ /^\| `(mcp_sessions_\w+)/mg;
is_deeply([sort @told], [sort @counters], 'the document has the counters of the code');

done_testing();
