//! The JSON scanner against serde_json, and against itself on every prefix.

use protocol::{Flaws, Limits, Scanner, Value, ValueKind};

pub(crate) const SEEDS: &[&[u8]] = &[
    br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"q":"a b","n":-1.5e3,"ok":[true,false,null,{}]}}}"#,
    br#"[{"a":1,"\u0061":"\ud83d\ude00\n"},[[[["deep"]]]],"\u0000",0,-0,1E+5]"#,
    b"\xef\xbb\xbf{\"a\":/* c */NaN} trailing",
    "{\"ключ\":\"значение €😀\",\"very long string\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}".as_bytes(),
    b"\xff\xfe{\0\"\0a\0\"\0:\0\"\0=\xd8\0\xde\"\0}\0",
    b"\0\0\0[\0\0\0\"\0\x01\xf6\0\0\0\xd8\0\0\0\0\"\0\0\0]",
    b"",
];

/// Strict JSON is accepted exactly where serde_json accepts it, with the same values; no bytes
/// and no prefix of them upset the scanner or break the order of its spans.
pub fn json_scan(bytes: &[u8]) {
    let mut scanner = Scanner::new();
    let document = scanner.scan(bytes);
    match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(theirs) => {
            assert_eq!(document.flaws(), Flaws::empty());
            assert!(same(document.root().expect("there is a document"), &theirs));
        }
        // serde_json's own limits, which the grammar does not know.
        Err(error)
            if error.to_string().starts_with("recursion limit")
                || error.to_string().starts_with("number out of range") => {}
        Err(error) => assert!(!document.flaws().is_empty(), "{error}"),
    }
    let is_clean = document.flaws().is_empty();
    let mut small =
        Scanner::with_limits(Limits { depth_max: 3, nodes_max: 16, copy_bytes_max: 64 });
    let step = bytes.len() / 64 + 1;
    for end in (0..=bytes.len()).step_by(step) {
        let prefix = &bytes[..end];
        for scanner in [&mut scanner, &mut small] {
            let document = scanner.scan(prefix);
            assert_eq!(document.bytes(), prefix);
            document.all_flaws();
            if let Some(root) = scanner.scan_body(prefix).root() {
                check(root);
            }
            let document = scanner.scan(prefix);
            let Some(root) = document.root() else { continue };
            check(root);
            if is_clean && root.raw().len() == end && !root.is_complete() {
                let harmless = Flaws::TRUNCATED | Flaws::TOO_DEEP | Flaws::TOO_MANY_NODES;
                assert!(document.flaws().without(harmless).is_empty(), "{:?}", document.flaws());
            }
        }
    }
}

/// Every accessor of every value; spans of children lie in order within their parent's.
fn check(value: Value<'_>) {
    let mut at = value.span().start;
    let children = value.members().map(|(key, value)| {
        assert!(key.eq(&key.as_str()) || std::str::from_utf8(key.raw()).is_err());
        (key.span().start, value)
    });
    for (start, child) in children.chain(value.items().map(|item| (item.span().start, item))) {
        assert!(start >= at && child.span().start >= start);
        at = child.span().end;
        assert!(at <= value.span().end);
        check(child);
    }
    let _ = (value.as_str(), value.as_bool(), value.as_i64(), value.as_f64(), value.get("a"));
    let _ = value.pointer("/a/0/~1");
}

fn same(ours: Value<'_>, theirs: &serde_json::Value) -> bool {
    match theirs {
        serde_json::Value::Null => ours.is_null(),
        serde_json::Value::Bool(truth) => ours.as_bool() == Some(*truth),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => ours.as_i64() == Some(number),
            None => {
                let (ours, theirs) = (ours.as_f64().unwrap(), number.as_f64().unwrap());
                // serde_json rounds less exactly unless asked to.
                (ours - theirs).abs() <= ours.abs() * 1e-15 || ours == theirs
            }
        },
        serde_json::Value::String(text) => {
            ours.as_str().as_deref() == Some(text) && ours.is_str(text)
        }
        serde_json::Value::Array(items) => {
            ours.kind() == ValueKind::Array
                && ours.items().count() == items.len()
                && ours.items().zip(items).all(|(ours, theirs)| same(ours, theirs))
        }
        serde_json::Value::Object(members) => {
            ours.is_object()
                && members
                    .iter()
                    .all(|(key, theirs)| ours.get(key).is_some_and(|ours| same(ours, theirs)))
                && ours.members().all(|(key, _)| members.contains_key(key.as_str().as_ref()))
        }
    }
}
