package Test::Mcp::Api;

=head1 NAME

Test::Mcp::Api - what a test asks the console's API, and a reference for its answers

=head1 SYNOPSIS

    my $api = Test::Mcp::Api->new($t, '/c/');
    my $list = $api->get('sessions', user => 'alice', limit => 10);
    my @all = $api->pages('calls', outcome => ['ok', 'tool_error']);
    my @rows = $api->reference(sub { $_->{user} eq 'alice' });

Every answer is held against C<openapi.json>; what does not fit it fails a test.

=head1 METHODS

=cut

use strict;
use warnings;

use B ();
use DBI;
use JSON::PP;
use Test::More ();

my $JSON = JSON::PP->new->utf8->allow_nonref->canonical;
my $TEXT = JSON::PP->new->allow_nonref;

=head2 new($t, $place, %options)

The API under a location. C<headers> go with every request.

=cut

sub new {
    my ($class, $t, $place, %o) = @_;
    my $self = bless { t => $t, place => $place, %o }, $class;
    $self->{description} = $JSON->decode($self->raw('openapi.json')->{body});
    return $self;
}

=head2 raw($path, %query), get($path, %query), problem($path, %query)

The answer as L<Test::Mcp::Http> gives it; its JSON, once it fits the description; the JSON of a
problem document. Values of the query may be arrays.

=cut

sub raw {
    my ($self, $path, @query) = @_;
    return $self->{t}->http('GET', $self->address($path, @query), headers => $self->{headers});
}

sub address {
    my ($self, $path, @query) = @_;
    my @pairs;
    while (my ($name, $value) = splice @query, 0, 2) {
        push @pairs, map { escaped($name) . '=' . escaped($_) } ref $value ? @$value : $value;
    }
    return "$self->{place}api/v1/$path" . (@pairs ? '?' . join '&', @pairs : '');
}

sub escaped {
    my ($text) = @_;
    $text =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ge;
    return $text;
}

sub get {
    my ($self, $path, @query) = @_;
    my $answer = $self->raw($path, @query);
    if ($answer->{status} != 200 || !$answer->{complete}) {
        Test::More::fail("$path @query: $answer->{status}");
        Test::More::diag($answer->{raw});
        return { items => [] };
    }
    my $value = $JSON->decode($answer->{body});
    my @wrong = $self->departures($path, $value);
    Test::More::is(join("; ", @wrong[0 .. ($#wrong > 4 ? 4 : $#wrong)]), '', "$path is as described") if @wrong;
    return $value;
}

sub problem {
    my ($self, $path, @query) = @_;
    my $answer = $self->raw($path, @query);
    Test::More::is($answer->{headers}{'content-type'}, 'application/problem+json', "$path: a problem document");
    my $value = $JSON->decode($answer->{body});
    Test::More::is($value->{status}, $answer->{status}, '... of this status');
    my @wrong = $self->_departs($self->_schema('Problem'), $value, 'problem');
    Test::More::is(join('; ', @wrong), '', '... as described');
    return $value;
}

=head2 pages($path, %query)

All items of a list, page by page.

=cut

sub pages {
    my ($self, $path, @query) = @_;
    my (@items, $next, $pages);
    do {
        my $list = $self->get($path, @query, defined $next ? (cursor => $next) : ());
        push @items, @{ $list->{items} };
        $next = $list->{next};
        die "the list does not end\n" if ++$pages > 2000;
    } while (defined $next);
    return @items;
}

=head2 departures($path, $value)

Where a value departs from what C<openapi.json> says of a path's answer.

=cut

sub departures {
    my ($self, $path, $value) = @_;
    my $paths = $self->{description}{paths};
    for my $pattern (sort { ($a =~ tr/{//) <=> ($b =~ tr/{//) } keys %$paths) {
        my $regex = join '[^/]+', map { quotemeta } split /\{\w+\}/, $pattern, -1;
        next unless "/$path" =~ /^$regex$/;
        my $schema = $paths->{$pattern}{get}{responses}{200}{content}{'application/json'}{schema};
        return $self->_departs($schema, $value, $path);
    }
    return "$path is not described";
}

sub _schema {
    my ($self, $name) = @_;
    return $self->{description}{components}{schemas}{$name} // die "no schema $name\n";
}

sub _departs {
    my ($self, $schema, $value, $at) = @_;
    if (my $reference = $schema->{'$ref'}) {
        return $self->_departs($self->_schema($reference =~ s{.*/}{}r), $value, $at);
    }
    if (my $choices = $schema->{oneOf}) {
        my @tried = map { [$self->_departs($_, $value, $at)] } @$choices;
        return (grep { !@$_ } @tried) ? () : @{ $tried[0] };
    }
    my @types = ref $schema->{type} ? @{ $schema->{type} } : $schema->{type} // return ();
    my $type = type_of($value);
    $type = 'number' if $type eq 'integer' && !grep { $_ eq 'integer' } @types;
    return "$at is $type, not @types" unless grep { $_ eq $type } @types;
    return "$at is no time: $value"
        if ($schema->{format} // '') eq 'date-time' && defined $value && $value !~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
    if ($type eq 'array') {
        return map { $self->_departs($schema->{items}, $value->[$_], "$at\[$_]") } 0 .. $#$value;
    }
    return unless $type eq 'object';
    my $properties = $schema->{properties} // {};
    my @wrong = map { exists $value->{$_} ? () : "$at lacks $_" } @{ $schema->{required} // [] };
    for my $name (sort keys %$value) {
        my $member = $properties->{$name} // $schema->{additionalProperties};
        push @wrong, !$member ? "$at has $name" : $self->_departs($member, $value->{$name}, "$at.$name");
    }
    return @wrong;
}

sub type_of {
    my ($value) = @_;
    return 'null' unless defined $value;
    return { HASH => 'object', ARRAY => 'array' }->{ ref $value } // 'boolean' if ref $value;
    my $flags = B::svref_2object(\$value)->FLAGS;
    return 'string' if $flags & B::SVp_POK;
    return $value =~ /^-?\d+$/ ? 'integer' : 'number';
}

=head2 reference

All calls of all days, straight from the database, in order of recording: the columns of the view
C<calls> and C<client>, C<address>, C<carried>, C<params> (a hash), C<id_source>, C<day>, C<id> and C<session>
(as the API writes them), C<at_us>. Roles are an array.

=cut

sub reference {
    my ($self) = @_;
    my @all;
    for my $file ($self->{t}->days) {
        my ($day) = $file =~ m{([^/]+)\.db$};
        my $db = DBI->connect("dbi:SQLite:dbname=$file", '', '', {
            RaiseError => 1, PrintError => 0, sqlite_unicode => 1, sqlite_open_flags => 1,    # read-only
        });
        my $rows = $db->selectall_arrayref(<<'SQL', { Slice => {} });
            select c.*, a.client, a.address, a.params, a.carried, a.user_agent, p.id_source, r.at as at_us,
                r.duration_us, p.ended_at, p.last_at as part_last_at, p.started_at as part_started_at, p.idle_us
            from calls c join call_rows r on r.call = c.call join actors a on a.actor = r.actor
                join parts p on p.part = r.part order by c.call
SQL
        for my $row (@$rows) {
            @$row{qw(day session id)} = ($day, "$day.$row->{part}", "$day.$row->{part}.$row->{call}");
            $row->{roles} = $row->{roles} ? $TEXT->decode($row->{roles}) : [];
            $row->{params} = $row->{params} ? $TEXT->decode($row->{params}) : {};
            push @all, $row;
        }
        $db->disconnect;
    }
    return @all;
}

1;
