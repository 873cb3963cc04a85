//! What is masked and what is not, and that no secret of the corpus is ever written.

mod limits;

use protocol::Scanner;

use super::*;
use crate::shape;

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

/// Secrets as they are found in the wild, put together here so that no scanner takes them for
/// leaked ones, and that no two share a beginning by which one could pass for the other.
fn secrets() -> Vec<String> {
    let tail = "Zq7Wn4Xk9Rv2Tb6Ym1Cd8Fg3Hj5Lp0";
    let mut secrets: Vec<String> = [
        "ghp_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "xoxp-",
        "xapp-",
        "AIza",
        "sk-ant-",
        "sk-proj-",
        "sk_live_",
        "rk_live_",
        "whsec_",
        "GOCSPX-",
        "shpat_",
        "dop_v1_",
    ]
    .iter()
    .map(|beginning| format!("{beginning}{tail}Ab12Cd34"))
    .collect();
    secrets.push(format!("AKIA{}", "Z7QWN4XK9RV2TB6Y"));
    secrets.push(format!("eyJhbGciOiJIUzI1NiJ9.{}.{tail}", "eyJzdWIiOiJtYXNrZWQtdXNlciJ9"));
    secrets.push("4111-1111-1111-1111".to_owned());
    secrets.push("5500 0000 0000 0004".to_owned());
    secrets.push("378282246310005".to_owned());
    secrets.push(format!("-----BEGIN {0}-----\n{tail}\n{tail}\n-----END {0}-----", "PRIVATE KEY"));
    secrets
}

/// What of a secret must not be seen: every piece of this length, but for the beginning by which
/// it is known.
fn leaked_piece<'s>(output: &str, secret: &'s str) -> Option<&'s str> {
    const PIECE_BYTES: usize = 9;
    let pieces = (0..=secret.len() - PIECE_BYTES).map(|at| &secret[at..at + PIECE_BYTES]);
    pieces.skip(6).find(|piece| !piece.starts_with("-----") && output.contains(*piece))
}

/// The secret alone, in text, and in what text is often made of.
fn placed(secret: &str, text: &str, place: usize) -> String {
    match place {
        0 => secret.to_owned(),
        1 => format!("{text} {secret} {text}"),
        2 => format!("{text}: {secret}"),
        3 => serde_json::json!({ "a": [text, { "b": secret }] }).to_string(),
        4 => serde_json::json!([{ "c": placed(secret, text, 3) }]).to_string(),
        5 => format!("see https://example.com/{secret}?a={secret}#{secret}"),
        6 => format!("<p>{secret}</p>"),
        7 => format!("{{'x': '{secret}', \"y\": \"{secret}\"}}"),
        8 => format!("[{text}] {secret}"),
        _ => format!("{}{secret}", text.repeat(40)),
    }
}
const PLACES: usize = 10;

fn all_outputs(json: &[u8], limit_bytes: usize) -> Vec<String> {
    let mut scanner = Scanner::new();
    let document = scanner.scan(json);
    let Some(root) = document.root() else { return Vec::new() };
    let (mut masked, mut shaped) = (String::new(), String::new());
    Mask::built_in().masked(root, limit_bytes, &mut masked);
    shape(root, limit_bytes, &mut shaped);
    vec![masked, shaped]
}

#[test]
fn every_secret_is_masked_in_every_place() {
    let mask = Mask::built_in();
    for secret in secrets() {
        for place in 0..PLACES {
            let text = placed(&secret, "Rechnung für März", place);
            for output in [mask.text(&text), mask.uri(&text)] {
                assert_eq!(leaked_piece(&output, &secret), None, "{output}");
                assert!(output.contains("••••"), "{output}");
            }
            let json = serde_json::json!({ "k": text, &text: [1, text] }).to_string();
            for output in all_outputs(json.as_bytes(), 1 << 20) {
                assert_eq!(leaked_piece(&output, &secret), None, "{output}");
            }
        }
    }
}

#[test]
fn what_stands_behind_a_label_is_masked_in_any_notation() {
    let mask = Mask::built_in();
    let secret = "correcthorse";
    for (text, rest) in [
        ("password=correcthorse", "password=••••"),
        ("DB_PASSWORD = correcthorse, next", "DB_PASSWORD = ••••, next"),
        ("url?a=1&token=correcthorse&b=2", "url?a=1&token=••••&b=2"),
        ("?sig=correcthorse", "?sig=••••"),
        (r#"{"password": "correcthorse", "a": 1"#, r#"{"password": "••••", "a": 1"#),
        (r#"x {\"password\":\"correcthorse\"} y"#, r#"x {\"password\":\"••••\"} y"#),
        (r#"x "secret": {"a": "correcthorse"} y"#, r#"x "secret": •••• y"#),
        ("{'api_key': 'correcthorse'}", "{'api_key': '••••'}"),
        ("<password>correcthorse</password>", "<password>••••</password>"),
        ("--api-key correcthorse run", "--api-key •••• run"),
        ("API key: correcthorse.", "API key: ••••."),
        ("Cookie: a=correcthorse; b=correcthorse\nHost: x", "Cookie: ••••\nHost: x"),
        ("Authorization: Digest username=\"correcthorse\"\nHost: x", ""),
        ("passphrase: correcthorse battery", "passphrase: ••••"),
        ("'secret' => 'correcthorse'", "'secret' => '••••'"),
        ("client_secret:=correcthorse", "client_secret:=••••"),
        ("postgres://bob:correcthorse@db:5432/x", "postgres://bob:••••@db:5432/x"),
        ("https://u:correct@horse/correcthorse@h", "https://u:••••@h"),
        ("Authorization: Bearer correcthorse", "Authorization: ••••"),
        ("sent Bearer correcthorse", "sent Bearer ••••"),
        ("sent Basic Ym9iOmNvcnJlY3Rob3JzZQ==", "sent Basic ••••"),
    ] {
        let masked = mask.text(text);
        assert!(!masked.contains(secret) && !masked.contains("Ym9iOm"), "{masked}");
        if !rest.is_empty() {
            assert_eq!(masked, rest);
        }
    }
}

#[test]
fn text_without_secrets_is_borrowed() {
    let mask = Mask::built_in();
    for text in [
        "",
        "a",
        "The invoice 4711 of 2026-11-25 is open: 20 EUR = 19 + 1",
        "http://localhost:8080/users/@me?page=2",
        "crm://customers/17",
        "password",
        "token:",
        "password: null",
        "é=ü",
        "Tokens: 17",
        "a:b:c=d",
        "{ not json",
        "[INFO] started",
        "git@example.com:org/repo.git",
        "ssh://git@example.com/x",
    ] {
        assert!(matches!(mask.text(text), Cow::Borrowed(_)), "{text} {}", mask.text(text));
        assert!(matches!(mask.uri(text), Cow::Borrowed(_)), "{text} {}", mask.uri(text));
    }
}

#[test]
fn json_inside_strings_is_masked_as_json() {
    let inner = r#"{"user":"bob","password":"correcthorse","n":[1,{"pin":1}]}"#;
    let expected = r#"{"user":"bob","password":"••••","n":[1,{"pin":"••••"}]}"#;
    assert_eq!(Mask::built_in().text(inner), expected);
    let (mut json, mut wanted) = (inner.to_owned(), expected.to_owned());
    for _ in 0..3 {
        json = serde_json::json!([{ "text": json }]).to_string();
        wanted = serde_json::json!([{ "text": wanted }]).to_string();
        assert_eq!(masked(&json), wanted);
    }
    for _ in 0..6 {
        json = serde_json::json!([{ "text": json }]).to_string();
        assert!(!masked(&json).contains("correcthorse"), "{json}");
    }
}

#[test]
fn uris_are_masked_also_where_they_are_encoded() {
    let mask = Mask::built_in().extended(["tenant"]);
    for (uri, expected) in [
        ("crm://a/b?token=x&id=1#code=y", "crm://a/b?token=••••&id=1#code=••••"),
        ("crm://a?T%65nant=x&id=1", "crm://a?T%65nant=••••&id=1"),
        ("crm://a/password%3Dhunter%32", "crm://a/••••"),
        ("crm://a?next=https%3A%2F%2Fu%3Apw%40h", "crm://a?next=••••"),
        ("crm://a?x=password%253Dhunter", "crm://a?x=••••"),
        ("crm://a/4111%201111%201111%201111/b", "crm://a/••••/b"),
        ("crm://u:pw@h/x%20y", "crm://u:••••@h/x%20y"),
        ("file:///tmp/a;jsessionid=77/b", "file:///tmp/a;jsessionid=••••"),
        ("crm://a?q=f%C3%BCr+M%C3%A4rz&page=2", "crm://a?q=f%C3%BCr+M%C3%A4rz&page=2"),
    ] {
        assert_eq!(mask.uri(uri), expected);
    }
}
