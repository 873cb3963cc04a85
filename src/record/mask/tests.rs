//! What is masked and what is not, and that no secret of the corpus is ever written.

use protocol::Scanner;

use super::*;

fn masked(json: &str) -> String {
    masked_by(&Mask::built_in(), json)
}

fn masked_by(mask: &Mask, json: &str) -> String {
    let mut scanner = Scanner::new();
    let mut out = String::new();
    let is_truncated =
        mask.masked(scanner.scan(json.as_bytes()).root().unwrap(), 1 << 20, &mut out);
    assert!(!is_truncated, "{json}");
    out
}

#[test]
fn values_of_secret_keys_are_masked_at_any_depth() {
    for (json, expected) in [
        (r#"{"password":"x","user":"alice"}"#, r#"{"password":"••••","user":"alice"}"#),
        (r#"{"a":[{"b":{"API-Key":"x"}}]}"#, r#"{"a":[{"b":{"API-Key":"••••"}}]}"#),
        (
            r#"{"pin":1234,"secret":{"a":1},"credentials":[1]}"#,
            r#"{"pin":"••••","secret":"••••","credentials":"••••"}"#,
        ),
        (r#"{"token":null,"auth":true,"otp":""}"#, r#"{"token":null,"auth":true,"otp":"••••"}"#),
        (r#"{"p\u0061ssword":"x"}"#, r#"{"password":"••••"}"#),
        (r#"{"name":"DB_PASSWORD","value":"x"}"#, r#"{"name":"DB_PASSWORD","value":"••••"}"#),
        (r#"{"value":"x","name":"otp"}"#, r#"{"value":"••••","name":"otp"}"#),
        (r#"{"value":"x","name":"city"}"#, r#"{"value":"x","name":"city"}"#),
    ] {
        assert_eq!(masked(json), expected);
    }
}

#[test]
fn what_is_no_secret_is_written_as_it_is() {
    for json in [
        r#"{"q":"open invoices","limit":20,"tags":["a","b"],"deep":{"x":null,"y":1.5e3}}"#,
        r#"[]"#,
        r#"{}"#,
        r#""""#,
        r#""a\"b\\c\nd""#,
        "-0.5",
        "true",
        "12345678901234567890",
        r#"{"text":"He said: the bearer of this letter, see https://example.com:8080/a@b?c=d#e"}"#,
        r#"{"at":"2026-11-25T04:47:22.123456Z","id":"550e8400-e29b-41d4-a716-446655440000"}"#,
        r#"{"progressToken":7,"sessionId":"abc","max_tokens":100}"#,
        r#"{"code":"fn main() { let x: u32 = 5; }","sku":"risk-assessment-for-everybody"}"#,
        r#"{"note":"Bearer authentication is required, Basic information follows"}"#,
        r#"{"www":"Bearer realm=\"mcp\", error=\"invalid_token\""}"#,
    ] {
        assert_eq!(masked(json), json);
    }
}

#[test]
fn configured_names_add_to_the_list() {
    let mask = Mask::built_in().extended(["iban", "cust_*"]);
    let more = mask.extended(["Tax-Id"]);
    let json = r#"{"IBAN":"x","custName":"x","taxId":"x","password":"x","a":"iban=DE12 b"}"#;
    assert_eq!(
        masked_by(&mask, json),
        r#"{"IBAN":"••••","custName":"••••","taxId":"x","password":"••••","a":"iban=•••• b"}"#
    );
    assert!(masked_by(&more, json).contains(r#""taxId":"••••""#));
    assert!(mask.covers("iban") && !Mask::built_in().covers("iban"));
}
