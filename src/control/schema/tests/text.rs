//! What an objection says.

use super::*;

const USER: &str = r#"{"type":"object","properties":{"user_id":{"type":"string","minLength":3},
    "age":{"type":"integer","minimum":0},"tags":{"type":"array","items":{"type":"string"}},
    "limit":{"anyOf":[{"type":"integer","maximum":100},{"type":"null"}]},
    "mode":{"enum":["a","b"]}},"required":["user_id"],"additionalProperties":false}"#;

/// `pointer keyword expected found`
fn objection(schema: &str, arguments: &str) -> String {
    match judge(schema, arguments) {
        SchemaVerdict::Invalid(it) => {
            format!("{} | {} | {} | {}", it.pointer, it.keyword, it.expected, it.found)
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn the_first_objection_names_its_place_and_reason() {
    for (arguments, expected) in [
        (r#"{}"#, r#" | required | member "user_id" | "#),
        (r#"{"user_id":5}"#, r#"/user_id | type | string | 5"#),
        (r#"{"user_id":"ab"}"#, r#"/user_id | minLength | at least 3 characters | "ab""#),
        (
            r#"{"user_id":"123","__proto__":{"admin":true}}"#,
            r#"/__proto__ | additionalProperties | no other members | {"admin":true}"#,
        ),
        (r#"{"user_id":"123","age":-1}"#, "/age | minimum | at least 0 | -1"),
        (r#"{"user_id":"123","tags":["a",{}]}"#, "/tags/1 | type | string | {}"),
        (r#"{"user_id":"123","limit":101}"#, "/limit | maximum | at most 100 | 101"),
        (r#"{"user_id":"123","limit":"1"}"#, "/limit | anyOf | integer or null | \"1\""),
        (r#"{"user_id":"123","mode":"c"}"#, r#"/mode | enum | ["a","b"] | "c""#),
        (r#"["user_id"]"#, r#" | type | object | ["user_id"]"#),
    ] {
        assert_eq!(objection(USER, arguments), expected, "{arguments}");
    }
}

#[test]
fn no_arguments_and_null_are_judged_as_an_empty_object() {
    let schema = Schema::compile(USER.as_bytes()).unwrap();
    let mut scanner = Scanner::new();
    for arguments in [None, scanner.scan(b"null").root()] {
        let mut budget = Budget::new(STEPS_MAX);
        let verdict = schema.judge(arguments, UnknownArguments::Schema, &mut budget);
        let SchemaVerdict::Invalid(violation) = verdict else { panic!("{verdict:?}") };
        assert_eq!(violation.keyword, "required");
    }
}

#[test]
fn a_pointer_escapes_and_texts_are_short_and_without_control_bytes() {
    let long = "x".repeat(10_000);
    let arguments = format!(r#"{{"a/b~c":"{long}"}}"#);
    let verdict = judge(r#"{"additionalProperties":{"type":"number"}}"#, &arguments);
    let SchemaVerdict::Invalid(violation) = verdict else { panic!("{verdict:?}") };
    assert_eq!(violation.pointer, "/a~1b~0c");
    assert!(violation.found.len() <= VIOLATION_TEXT_BYTES_MAX);
    assert!(violation.found.ends_with('…'));
    let verdict = judge(r#"{"additionalProperties":false}"#, &format!(r#"{{"{long}":1}}"#));
    let SchemaVerdict::Invalid(violation) = verdict else { panic!("{verdict:?}") };
    assert!(violation.pointer.len() <= VIOLATION_POINTER_BYTES_MAX);
    let verdict = judge(r#"{"additionalProperties":false}"#, "{\"\\u001b[2J\":\"\u{1b}\"}");
    let SchemaVerdict::Invalid(violation) = verdict else { panic!("{verdict:?}") };
    assert!(!violation.pointer.chars().chain(violation.found.chars()).any(char::is_control));
}

#[test]
fn numbers_in_objections_are_written_as_people_write_them() {
    for (limit, expected) in [
        ("0", "0"),
        ("100", "100"),
        ("-0.5", "-0.5"),
        ("1e3", "1000"),
        ("12.25", "12.25"),
        ("1e300", "0.1e301"),
    ] {
        let schema = format!(r#"{{"properties":{{"n":{{"exclusiveMaximum":{limit}}}}}}}"#);
        let found = objection(&schema, r#"{"n":1e400}"#);
        assert_eq!(found, format!("/n | exclusiveMaximum | less than {expected} | 1e400"));
    }
}

#[test]
fn schemas_share_the_automata_of_their_patterns() {
    let mut patterns = Patterns::default();
    let mut automata = |schema: &str| {
        let schema = Schema::compile_sharing(schema.as_bytes(), &mut patterns).unwrap();
        (schema.patterns.to_vec(), schema.dropped())
    };
    let (one, _) = automata(r#"{"properties":{"a":{"pattern":"^a+$"},"b":{"pattern":"(?=a)"}}}"#);
    let (other, dropped) =
        automata(r#"{"properties":{"c":{"pattern":"^a+$"},"d":{"pattern":"(?=a)"}}}"#);
    assert!(Arc::ptr_eq(&one[0], &other[0]));
    assert_eq!((one.len(), other.len(), dropped), (1, 1, 1));
}

#[test]
fn unknown_arguments_can_be_refused_whatever_the_schema_says() {
    let schema = r##"{"$ref":"#/$defs/base","properties":{"a":true},"$defs":{"base":{
        "anyOf":[{"properties":{"b":true}},{"required":["c"]}],"patternProperties":{"^x-":true},
        "not":{"properties":{"d":{"const":0}},"required":["d"]},"additionalProperties":{"type":"string"}}}}"##;
    let arguments = |name: &str| format!(r#"{{"{name}":"1"}}"#);
    for (name, is_known) in
        [("a", true), ("b", true), ("c", true), ("x-y", true), ("d", false), ("__proto__", false)]
    {
        assert_eq!(judge(schema, &arguments(name)), SchemaVerdict::Valid, "{name}");
        let verdict = judge_unknown(schema, &arguments(name), UnknownArguments::Deny);
        assert_eq!(verdict == SchemaVerdict::Valid, is_known, "{name}");
        if let SchemaVerdict::Invalid(violation) = verdict {
            assert_eq!(violation.keyword, "unknown_arguments");
            assert_eq!(violation.pointer, format!("/{name}"));
        }
    }
    let nothing = judge_unknown("{}", r#"{"a":1}"#, UnknownArguments::Deny);
    assert!(matches!(nothing, SchemaVerdict::Invalid(_)));
    assert_eq!(judge_unknown("{}", "{}", UnknownArguments::Deny), SchemaVerdict::Valid);
}
