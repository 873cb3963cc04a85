//! Schemas and arguments that are made to hurt. What takes too long fails here by its steps, which
//! are the same on every machine; `t/fuzz` looks at the time.

use std::time::{Duration, Instant};

use super::*;

/// Compiling is not for the event loop; it must still end soon, also in a debug build on a busy
/// machine.
const COMPILE_TIME_MAX: Duration = Duration::from_secs(10);

fn refused(schema: &str) -> Refused {
    let begun = Instant::now();
    let refused = Schema::compile(schema.as_bytes()).unwrap_err();
    assert!(begun.elapsed() < COMPILE_TIME_MAX, "{refused} after {:?}", begun.elapsed());
    refused
}

fn chain(levels: usize, level: impl Fn(usize, &str) -> String) -> String {
    let levels: Vec<_> = (0..levels)
        .map(|at| format!(r#""d{at}":{}"#, level(at, &format!("#/$defs/d{}", at + 1))))
        .collect();
    format!(
        r##"{{"$ref":"#/$defs/d0","$defs":{{{},"d{}":{{"type":"object"}}}}}}"##,
        levels.join(","),
        levels.len()
    )
}

#[test]
fn references_that_double_at_every_level_are_refused() {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let schema = chain(30, |_, next| {
            format!(r#"{{"{keyword}":[{{"$ref":"{next}"}},{{"$ref":"{next}"}}]}}"#)
        });
        assert!(schema.len() < 2600);
        assert_eq!(refused(&schema), Refused::Cost, "{keyword}");
    }
    let schema = chain(30, |_, next| {
        format!(
            r#"{{"if":{{"$ref":"{next}"}},"then":{{"$ref":"{next}"}},"else":{{"$ref":"{next}"}}}}"#
        )
    });
    assert_eq!(refused(&schema), Refused::Cost);
}

#[test]
fn a_chain_that_doubles_with_every_level_of_the_arguments_uses_up_the_budget() {
    let schema = chain(40, |_, next| {
        let part = format!(r#"{{"properties":{{"a":{{"$ref":"{next}"}}}}}}"#);
        format!(r#"{{"allOf":[{part},{part}]}}"#)
    });
    let deep = |levels: usize| r#"{"a":"#.repeat(levels) + "{}" + &"}".repeat(levels);
    assert_eq!(judge(&schema, &deep(5)), SchemaVerdict::Valid);
    assert_eq!(judge(&schema, &deep(40)), SchemaVerdict::Unjudged(SchemaUnjudged::Budget));
}

#[test]
fn references_in_circles_are_refused_unless_they_step_into_the_value() {
    for schema in [
        r##"{"$ref":"#"}"##,
        r##"{"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"not":{"$ref":"#/$defs/b"}},"b":{"if":{"$ref":"#/$defs/a"},"then":true}}}"##,
        r##"{"dependentSchemas":{"a":{"$ref":"#"}}}"##,
    ] {
        assert_eq!(refused(schema), Refused::Cycle, "{schema}");
    }
    let tree = r##"{"type":"object","properties":{"left":{"$ref":"#"},"right":{"$ref":"#"},
        "all":{"type":"array","items":{"$ref":"#"}}},"additionalProperties":false}"##;
    assert_eq!(judge(tree, r#"{"left":{"right":{"all":[{},{"left":{}}]}}}"#), SchemaVerdict::Valid);
    let verdict = judge(tree, r#"{"left":{"right":{"all":[{},{"left":5}]}}}"#);
    let SchemaVerdict::Invalid(violation) = verdict else { panic!("{verdict:?}") };
    assert_eq!(violation.pointer, "/left/right/all/1/left");
}

#[test]
fn what_would_have_to_be_fetched_is_refused() {
    for (schema, expected) in [
        (r#"{"$ref":"http://127.0.0.1/s"}"#, Refused::RemoteRef),
        (r#"{"properties":{"a":{"$ref":"other.json#/a"}}}"#, Refused::RemoteRef),
        (r#"{"$ref":"file:///etc/passwd"}"#, Refused::RemoteRef),
        (r##"{"$ref":"#/$defs/none"}"##, Refused::UnknownRef),
        (r##"{"$ref":"#none"}"##, Refused::UnknownRef),
        (r#"{"$ref":5}"#, Refused::UnknownRef),
        (r##"{"$ref":"#/$defs/a","$defs":{"a":{"$id":"http://x/"}}}"##, Refused::EmbeddedDocument),
        ("", Refused::NotJson),
        ("{", Refused::NotJson),
        ("{} {}", Refused::NotJson),
        ("\u{feff}{}", Refused::NotJson),
        ("[]", Refused::NotASchema),
        ("null", Refused::NotASchema),
    ] {
        assert_eq!(refused(schema), expected, "{schema}");
    }
    let own =
        r##"{"$id":"http://x/s","$ref":"http://x/s#/$defs/a","$defs":{"a":{"required":["b"]}}}"##;
    assert!(matches!(judge(own, "{}"), SchemaVerdict::Invalid(_)));
}

#[test]
fn schemas_beyond_the_limits_are_refused() {
    let large = format!(r#"{{"description":"{}"}}"#, "x".repeat(10 << 20));
    assert_eq!(refused(&large), Refused::TooLarge);
    let deep = r#"{"not":"#.repeat(20_000) + "true" + &"}".repeat(20_000);
    assert_eq!(refused(&deep), Refused::TooDeep);
    let deep = chain(IN_PLACE_DEPTH_MAX + 1, |_, next| format!(r#"{{"$ref":"{next}"}}"#));
    assert_eq!(refused(&deep), Refused::TooDeep);
    let properties: Vec<_> = (0..100_000).map(|at| format!(r#""{at:x}":{{"a":1}}"#)).collect();
    let wide = format!(r#"{{"properties":{{{}}}}}"#, properties.join(","));
    assert!(matches!(refused(&wide), Refused::TooLarge | Refused::TooManyNodes));
    let references: Vec<_> =
        (0..10_000).map(|at| format!(r##"{{"$ref":"#/$defs/{at:x}"}}"##)).collect();
    let definitions: Vec<_> = (0..10_000).map(|at| format!(r#""{at:x}":{{"a":1}}"#)).collect();
    let wide =
        format!(r#"{{"anyOf":[{}],"$defs":{{{}}}}}"#, references.join(","), definitions.join(","));
    assert_eq!(refused(&wide), Refused::TooManyNodes);
}

#[test]
fn many_properties_within_the_limits_are_judged() {
    let properties: Vec<_> =
        (0..NODES_MAX - 10).map(|at| format!(r#""p{at}":{{"type":"null"}}"#)).collect();
    let schema = format!(r#"{{"properties":{{{}}}}}"#, properties.join(","));
    assert_eq!(judge(&schema, r#"{"p100":null,"p16000":null,"q":1}"#), SchemaVerdict::Valid);
    assert!(matches!(judge(&schema, r#"{"p100":null,"p16000":1}"#), SchemaVerdict::Invalid(_)));
}

#[test]
fn hostile_patterns_are_dropped_or_matched_within_the_budget() {
    let schema = |pattern: &str| {
        let pattern = pattern.replace('\\', "\\\\");
        format!(r#"{{"properties":{{"a":{{"type":"string","pattern":"{pattern}"}}}}}}"#)
    };
    let text = |text: &str| format!(r#"{{"a":"{text}"}}"#);
    let a = "a".repeat(30_000);
    assert!(matches!(
        judge(&schema("^(a+)+$"), &text(&(a.clone() + "!"))),
        SchemaVerdict::Invalid(_)
    ));
    assert_eq!(judge(&schema("(a+)+$"), &text(&a)), SchemaVerdict::Valid);
    let huge = "(x{1000}){1000}";
    let compiled = Schema::compile(schema(huge).as_bytes()).unwrap();
    assert_eq!(compiled.dropped(), 1);
    assert_eq!(judge(&schema(huge), &text("b")), SchemaVerdict::Valid);
    assert!(matches!(judge(&schema(huge), r#"{"a":1}"#), SchemaVerdict::Invalid(_)));
    let wide = judge(&schema("[ab]*a[ab]{500}c"), &text(&a));
    assert_eq!(wide, SchemaVerdict::Unjudged(SchemaUnjudged::Budget));
    let many: Vec<_> =
        (0..2000).map(|at| format!(r#""p{at}":{{"pattern":"[a-z{at}]{{1,90}}.{{9}}"}}"#)).collect();
    let many = format!(r#"{{"properties":{{{}}}}}"#, many.join(","));
    let compiled = Schema::compile(many.as_bytes()).unwrap();
    assert!(compiled.dropped() as usize >= 2000 - PATTERNS_MAX);
    assert!(compiled.memory_bytes() < 2 * PATTERNS_BYTES_MAX);
}

#[test]
fn what_a_dropped_pattern_decides_is_valid_also_where_it_is_turned_round() {
    let lookahead = r#"{"pattern":"^(?!x)"}"#;
    for schema in [
        format!(r#"{{"properties":{{"a":{lookahead}}}}}"#),
        format!(r#"{{"properties":{{"a":{{"not":{lookahead}}}}}}}"#),
        format!(r#"{{"properties":{{"a":{{"oneOf":[{lookahead},true]}}}}}}"#),
        format!(r#"{{"properties":{{"a":{{"if":{lookahead},"then":false}}}}}}"#),
        r#"{"patternProperties":{"^(?=a)":{"type":"string"}},"additionalProperties":false}"#
            .to_owned(),
        r#"{"patternProperties":{"^(?=a)":{"type":"string"}},"unevaluatedProperties":false}"#
            .to_owned(),
        r#"{"properties":{"a":{"type":"any"}}}"#.to_owned(),
    ] {
        assert_eq!(judge(&schema, r#"{"a":"x"}"#), SchemaVerdict::Valid, "{schema}");
        assert_eq!(Schema::compile(schema.as_bytes()).unwrap().dropped(), 1, "{schema}");
    }
    let certain =
        format!(r#"{{"properties":{{"a":{{"allOf":[{lookahead},{{"type":"string"}}]}}}}}}"#);
    assert!(matches!(judge(&certain, r#"{"a":1}"#), SchemaVerdict::Invalid(_)));
}

#[test]
fn unique_items_of_a_huge_array_are_found_out_in_linear_steps() {
    let schema = r#"{"properties":{"a":{"uniqueItems":true}}}"#;
    let array = |count: usize| {
        let items: Vec<_> = (0..count).map(|at| at.to_string()).collect();
        format!(r#"{{"a":[{}]}}"#, items.join(","))
    };
    let steps = |count: usize| {
        let schema = Schema::compile(schema.as_bytes()).unwrap();
        let mut scanner = Scanner::new();
        let arguments = array(count);
        let mut budget = Budget::new(u64::MAX);
        let document = scanner.scan(arguments.as_bytes());
        let verdict = schema.judge(document.root(), UnknownArguments::Schema, &mut budget);
        assert_eq!(verdict, SchemaVerdict::Valid);
        u64::MAX - budget.steps_left()
    };
    assert!(steps(20_000) < 25 * steps(1000));
    assert_eq!(judge(schema, &array(500_000)), SchemaVerdict::Unjudged(SchemaUnjudged::Budget));
    let verdict = judge(schema, r#"{"a":[{"x":1,"y":[2]},[],{"y":[2.0],"x":1e0}]}"#);
    let SchemaVerdict::Invalid(violation) = verdict else { panic!("{verdict:?}") };
    assert_eq!((violation.keyword, violation.pointer.as_str()), ("uniqueItems", "/a/2"));
}

#[test]
fn arguments_of_ten_megabytes_are_judged_or_given_up_within_the_budget() {
    let schema =
        |rule: &str| format!(r#"{{"properties":{{"a":{rule}}},"additionalProperties":false}}"#);
    let long = |text: String| format!(r#"{{"a":"{text}"}}"#);
    let plain = long("x".repeat(10 << 20));
    let unjudged = SchemaVerdict::Unjudged(SchemaUnjudged::Budget);
    // Nothing in it has to be read.
    assert_eq!(judge(&schema(r#"{"type":"string"}"#), &plain), SchemaVerdict::Valid);
    let short = judge(&schema(r#"{"type":"string","maxLength":100}"#), &plain);
    assert!(matches!(short, SchemaVerdict::Invalid(_)));
    assert!(matches!(judge(&schema(r#"{"enum":["a","b"]}"#), &plain), SchemaVerdict::Invalid(_)));
    for rule in [r#"{"minLength":1}"#, r#"{"pattern":"y"}"#, r#"{"maxLength":10000000}"#] {
        assert_eq!(judge(&schema(rule), &plain), unjudged, "{rule}");
    }
    assert_eq!(judge(&schema(r#"{"minLength":1}"#), &long("\\u00e9".repeat(1 << 20))), unjudged);
    let key = format!(r#"{{"{}":1}}"#, "k".repeat(10 << 20));
    assert_eq!(judge(&schema("true"), &key), unjudged);
    let number = format!(r#"{{"a":{}}}"#, "9".repeat(10 << 20));
    assert_eq!(judge(&schema(r#"{"multipleOf":7}"#), &number), unjudged);
    let items = format!(r#"{{"a":[{}0]}}"#, "0,".repeat(400_000));
    assert_eq!(judge(&schema(r#"{"items":{"type":"integer"}}"#), &items), unjudged);
    assert!(matches!(judge(&schema(r#"{"maxItems":5}"#), &items), SchemaVerdict::Invalid(_)));
    let members: Vec<_> = (0..100_000).map(|at| format!(r#""{at}":0"#)).collect();
    assert_eq!(judge("{\"minProperties\":1}", &format!("{{{}}}", members.join(","))), unjudged);
}

#[test]
fn deep_arguments_are_given_up_without_deep_recursion() {
    let deep = |levels: usize| r#"{"a":"#.repeat(levels) + "{}" + &"}".repeat(levels);
    let tree = r##"{"additionalProperties":{"$ref":"#"},"allOf":[{"minProperties":0},{"maxProperties":9}]}"##;
    assert_eq!(judge(tree, &deep(60)), SchemaVerdict::Valid);
    let verdict = judge(tree, &deep(500));
    assert!(matches!(verdict, SchemaVerdict::Unjudged(_)), "{verdict:?}");
    let same = format!(r#"{{"a":[{0},{0}]}}"#, deep(450));
    let verdict = judge(r#"{"properties":{"a":{"uniqueItems":true}}}"#, &same);
    assert_eq!(verdict, SchemaVerdict::Unjudged(SchemaUnjudged::TooDeep));
}

#[test]
fn arguments_that_were_cut_are_unjudged() {
    let schema = r#"{"properties":{"a":{"properties":{"b":{"type":"string"}}}}}"#;
    for cut in [r#"{"a""#, r#"{"a":{"b":"x"#, r#"{"a":{"b":"x"}"#] {
        assert_eq!(
            judge(schema, cut),
            SchemaVerdict::Unjudged(SchemaUnjudged::Incomplete),
            "{cut}"
        );
    }
    let schema = Schema::compile(schema.as_bytes()).unwrap();
    let limits = protocol::Limits { depth_max: 1, ..protocol::Limits::default() };
    let mut scanner = Scanner::with_limits(limits);
    let arguments = scanner.scan(br#"{"a":{"b":1}}"#).root();
    let mut budget = Budget::new(STEPS_MAX);
    let verdict = schema.judge(arguments, UnknownArguments::Schema, &mut budget);
    assert_eq!(verdict, SchemaVerdict::Unjudged(SchemaUnjudged::Incomplete));
}

#[test]
fn of_members_with_one_key_the_last_counts() {
    let schema = r#"{"properties":{"a":{"type":"string"}},"maxProperties":30}"#;
    assert_eq!(judge(schema, r#"{"a":1,"a":"x"}"#), SchemaVerdict::Valid);
    assert!(matches!(judge(schema, r#"{"a":"x","\u0061":1}"#), SchemaVerdict::Invalid(_)));
    let others: Vec<_> = (0..20).map(|at| format!(r#""k{at}":{at}"#)).collect();
    let many = format!(r#"{{"a":1,{0},{0},"a":"x"}}"#, others.join(","));
    assert_eq!(judge(schema, &many), SchemaVerdict::Valid);
    let many = format!(r#"{{"a":"x",{},"\u0061":1}}"#, others.join(","));
    assert!(matches!(judge(schema, &many), SchemaVerdict::Invalid(_)));
}
