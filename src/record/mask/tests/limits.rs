//! Limits: whatever is cut, by whom and where, what is written stays JSON and shows no secret.

use proptest::prelude::*;

use super::{PLACES, all_outputs, leaked_piece, placed, secrets};
use crate::output::LIMIT_BYTES_MIN;
use crate::{Mask, shape, unmasked};
use protocol::Scanner;

fn written(
    json: &[u8],
    write: impl FnOnce(protocol::Value<'_>, &mut String) -> bool,
) -> (String, bool) {
    let mut scanner = Scanner::new();
    let mut out = String::from("before");
    let is_truncated = write(scanner.scan(json).root().unwrap(), &mut out);
    (out.strip_prefix("before").unwrap().to_owned(), is_truncated)
}

fn masked(json: &str, limit_bytes: usize) -> (String, bool) {
    written(json.as_bytes(), |value, out| Mask::built_in().masked(value, limit_bytes, out))
}

#[test]
fn what_does_not_fit_is_said() {
    let text = "0123456789".repeat(20);
    let (string, is_truncated) = masked(&format!("\"{text}\""), 64);
    assert_eq!(
        (string.as_str(), is_truncated),
        ("\"01234567890123456789012345… 174 bytes more\"", true)
    );
    let (array, is_truncated) = masked(&format!("[{}1]", "7,".repeat(99)), 100);
    assert!(is_truncated && array.starts_with("[7,7,") && array.ends_with(" more\"]"), "{array}");
    let shown = array.matches(',').count();
    assert!(array.ends_with(&format!("\"… {} more\"]", 100 - shown)), "{array}");
    let members: Vec<_> = (0..50).map(|n| format!("\"k{n}\":{n}")).collect();
    let (object, is_truncated) = masked(&format!("{{{}}}", members.join(",")), 100);
    assert!(
        is_truncated && object.contains(r#","…":""#) && object.ends_with(" more\"}"),
        "{object}"
    );
    let digits = "9".repeat(1000);
    assert_eq!(masked(&digits, 500), ("\"…\"".to_owned(), true));
    assert_eq!(masked(&digits, 1000), (digits, false));
}

#[test]
fn a_cut_document_shows_where_it_was_cut() {
    for (json, expected) in [
        (r#"{"a":1,"b"#, r#"{"a":1,"…":"…"}"#),
        (r#"{"a":[1,2"#, r#"{"a":[1,"…","…"],"…":"…"}"#),
        (r#"{"a":"some te"#, r#"{"a":"some te…","…":"…"}"#),
        (r#"[tru"#, r#"["…","…"]"#),
        (r#"{"password":"abc"#, r#"{"password":"••••","…":"…"}"#),
    ] {
        assert_eq!(masked(json, 1000), (expected.to_owned(), true));
    }
}

#[test]
fn a_secret_that_the_end_cuts_is_masked() {
    for (json, expected) in [
        (r#"["my key is ghp_Zq7W"#, r#"["my key is ••••…","…"]"#),
        (r#"["card 4111 1111 1"#, r#"["card ••••…","…"]"#),
        (
            r#"["{\"password\":\"corr"#,
            "[\"{\\\"password\\\":\\\"••••\\\",\\\"…\\\":\\\"…\\\"}…\",\"…\"]",
        ),
        (r#"["postgres://bob:corre"#, r#"["postgres://bob:••••…","…"]"#),
        (r#"["eyJhbGciO"#, r#"["••••…","…"]"#),
    ] {
        assert_eq!(masked(json, 1000), (expected.to_owned(), true));
    }
}

#[test]
fn depth_is_bounded() {
    let deep = "[".repeat(100_000);
    let closed = format!("{}{}", "[{\"a\":".repeat(40_000), "1");
    for json in [&deep, &closed] {
        for output in all_outputs(json.as_bytes(), 1 << 20) {
            let _: serde_json::Value = serde_json::from_str(&output).unwrap();
            assert!(output.len() < 4096);
        }
    }
    let nested = format!("{}1{}", "[".repeat(60), "]".repeat(60));
    assert_eq!(masked(&nested, 1 << 20), (nested, false));
}

#[test]
fn what_lenient_parsers_read_is_written_as_json() {
    for (json, expected) in [
        (&b"[NaN,-Infinity,01,+1,1.]"[..], r#"["NaN","-Infinity","01","+1","1."]"#),
        (b"[\"a\xffb\",\"\\ud800x\"]", "[\"a\u{fffd}b\",\"\u{fffd}x\"]"),
        (b"[\"tab\there\"]", r#"["tab\there"]"#),
        (b"{\"a\":\"\x00\x1f\"}", r#"{"a":"\u0000\u001f"}"#),
        (b"{\"a\":1,\"a\":2}", r#"{"a":1,"a":2}"#),
    ] {
        let (output, _) = written(json, |value, out| Mask::built_in().masked(value, 1000, out));
        assert_eq!(output, expected);
        assert_eq!(written(json, |value, out| unmasked(value, 1000, out)).0, expected);
    }
}

#[test]
fn unmasked_hides_nothing_but_keeps_to_the_limit() {
    let json = r#"{"password":"x","card":"4111111111111111","t":"token=abc"}"#;
    assert_eq!(
        written(json.as_bytes(), |value, out| unmasked(value, 1000, out)),
        (json.to_owned(), false)
    );
    let long = format!("[\"{}\"]", "x".repeat(1000));
    let (output, is_truncated) = written(long.as_bytes(), |value, out| unmasked(value, 200, out));
    assert!(is_truncated && output.len() <= 200, "{output}");
}

#[test]
fn a_shape_has_structure_types_and_lengths() {
    let shaped = |json: &str| written(json.as_bytes(), |value, out| shape(value, 1 << 16, out));
    for (json, expected) in [
        (
            r#"{"text":"für","n":1.5,"b":true,"x":null}"#,
            r#"{"text":"string(4)","n":"number","b":"bool","x":null}"#,
        ),
        ("[1,2,3]", r#"["number","… 2 more"]"#),
        (r#"[{"a":1},{"a":2},{"b":1}]"#, r#"[{"a":"number"},{"b":"number"},"… 1 more"]"#),
        ("[]", "[]"),
        ("{}", "{}"),
    ] {
        assert_eq!(shaped(json), (expected.to_owned(), false));
    }
    let key = format!("ghp_{}", "Zq7Wn4Xk9Rv2Tb6Ym1Cd");
    assert_eq!(shaped(&format!("{{\"{key}\":1}}")).0, r#"{"••••":"number"}"#);
    let many: Vec<_> = (0..100).map(|n| format!("\"{n}\":0")).collect();
    let (output, is_truncated) = shaped(&format!("{{{}}}", many.join(",")));
    assert!(!is_truncated && output.ends_with(r#","…":"36 more"}"#), "{output}");
    let (output, _) = shaped(&format!("{{\"{}\":1}}", "k".repeat(5000)));
    assert!(output.len() < 300, "{output}");
}

/// A JSON value of strings in which secrets may stand.
fn any_json(strings: BoxedStrategy<String>) -> BoxedStrategy<serde_json::Value> {
    let leaf = prop_oneof![
        strings.clone().prop_map(serde_json::Value::from),
        any::<i32>().prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            proptest::collection::vec((strings.clone(), inner), 0..5)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
    .boxed()
}

fn check(output: &str, limit_bytes: usize) -> Result<(), TestCaseError> {
    prop_assert!(output.len() <= limit_bytes.max(LIMIT_BYTES_MIN), "{} {output}", output.len());
    let parsed = serde_json::from_str::<serde_json::Value>(output);
    prop_assert!(parsed.is_ok(), "{output}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_secret_is_written_at_any_limit_and_cut(
        (secret, json) in (0..secrets().len()).prop_flat_map(|index| {
            let secret = secrets()[index].clone();
            let inside = secret.clone();
            let strings = prop_oneof![
                2 => "[ a-zäé:=\"\\\\{}\\[\\],.]{0,20}".boxed(),
                // Without hexadecimal digits: a card number among them is taken for a hash.
                1 => ("[ g-zäé:.]{0,40}", 0..PLACES)
                    .prop_map(move |(text, place)| placed(&inside, &text, place)).boxed(),
            ];
            (Just(secret), any_json(strings.boxed()))
        }),
        limit_bytes in prop_oneof![0usize..300, 300usize..3000],
        cut in 0.0f64..1.3,
    ) {
        let bytes = json.to_string().into_bytes();
        let end = ((bytes.len() as f64 * cut) as usize).min(bytes.len());
        for output in all_outputs(&bytes[..end], limit_bytes) {
            check(&output, limit_bytes)?;
            prop_assert_eq!(leaked_piece(&output, &secret), None, "{}", output);
        }
    }

    #[test]
    fn any_bytes_are_written_as_json_within_the_limit(
        noise in proptest::collection::vec(prop_oneof![
            Just(b'{'), Just(b'}'), Just(b'['), Just(b']'), Just(b'"'), Just(b':'), Just(b','),
            Just(b'\\'), Just(b'u'), Just(b'd'), Just(b'8'), Just(b'='), Just(b'-'), any::<u8>(),
        ], 0..120),
        limit_bytes in 0usize..300,
    ) {
        let mut scanner = Scanner::new();
        if let Some(root) = scanner.scan(&noise).root() {
            let mut outputs = [String::new(), String::new(), String::new()];
            Mask::built_in().masked(root, limit_bytes, &mut outputs[0]);
            shape(root, limit_bytes, &mut outputs[1]);
            unmasked(root, limit_bytes, &mut outputs[2]);
            for output in &outputs {
                check(output, limit_bytes)?;
            }
        }
        let text = String::from_utf8_lossy(&noise);
        let _ = (Mask::built_in().text(&text), Mask::built_in().uri(&text));
    }

    #[test]
    fn without_secrets_and_limits_the_value_is_the_same(
        json in any_json("[ a-zäéß\"\\\\\n\u{1f600}]{0,12}".boxed()),
    ) {
        let (output, is_truncated) = masked(&json.to_string(), 1 << 20);
        prop_assert!(!is_truncated);
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&output).unwrap(), json);
    }
}
