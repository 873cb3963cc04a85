use proptest::prelude::*;

use super::*;

fn flaws(bytes: &[u8]) -> Flaws {
    Scanner::new().scan(bytes).flaws()
}

/// The document as this crate reads it, in serde_json's terms.
fn tree(value: Value<'_>) -> serde_json::Value {
    match value.kind() {
        ValueKind::Null => serde_json::Value::Null,
        ValueKind::Bool => value.as_bool().into(),
        ValueKind::String => value.as_str().unwrap().into_owned().into(),
        ValueKind::Number => serde_json::from_slice(value.raw()).unwrap(),
        ValueKind::Array => value.items().map(tree).collect(),
        ValueKind::Object => serde_json::Value::Object(
            value.members().map(|(key, value)| (key.as_str().into_owned(), tree(value))).collect(),
        ),
    }
}

#[test]
fn each_flaw_is_told_by_itself() {
    let cases: &[(&[u8], Flaws)] = &[
        (b"", Flaws::EMPTY),
        (b" \n\t\r", Flaws::EMPTY),
        (b"\xef\xbb\xbf", Flaws::EMPTY | Flaws::BOM),
        (b"\xef\xbb\xbf{}", Flaws::BOM),
        (b"{} {}", Flaws::TRAILING),
        (b"{}\0", Flaws::TRAILING),
        (b"{}/x", Flaws::TRAILING),
        (b"/x", Flaws::SYNTAX),
        (b"[/x]", Flaws::SYNTAX),
        (b"/*", Flaws::EMPTY | Flaws::COMMENT),
        (b"[/*", Flaws::TRUNCATED | Flaws::COMMENT),
        (b"[/", Flaws::TRUNCATED | Flaws::COMMENT),
        (b"{}\n\n", Flaws::empty()),
        (b"\"\xff\"", Flaws::INVALID_UTF8),
        (b"\"\xc0\x80\"", Flaws::INVALID_UTF8),
        (b"\"\xed\xa0\x80\"", Flaws::INVALID_UTF8),
        (br#""\ud800""#, Flaws::LONE_SURROGATE),
        (br#""\udc00\ud800""#, Flaws::LONE_SURROGATE),
        (br#""\ud800\u0041""#, Flaws::LONE_SURROGATE),
        (br#""\ud83d\ude00""#, Flaws::empty()),
        (br#"{"a":"\u0000"}"#, Flaws::empty()),
        (b"\"a\nb\"", Flaws::CONTROL_IN_STRING),
        (b"\"\x7f\"", Flaws::empty()),
        (b"01", Flaws::BAD_NUMBER),
        (b"[+1]", Flaws::BAD_NUMBER),
        (b"[.5]", Flaws::BAD_NUMBER),
        (b"[1.]", Flaws::BAD_NUMBER),
        (b"[1e]", Flaws::BAD_NUMBER),
        (b"[1e+]", Flaws::BAD_NUMBER),
        (b"[-]", Flaws::BAD_NUMBER),
        (b"[1-2]", Flaws::BAD_NUMBER),
        (b"[NaN, -Infinity, Infinity]", Flaws::NON_FINITE),
        (b"// c\n{} /* d */", Flaws::COMMENT),
        (b"{\"a\":/**/1}", Flaws::COMMENT),
        (b"{,}", Flaws::SYNTAX),
        (b"[1,]", Flaws::SYNTAX),
        (b"{\"a\":1,}", Flaws::SYNTAX),
        (b"[1 2]", Flaws::SYNTAX),
        (b"[}", Flaws::SYNTAX),
        (b"{a:1}", Flaws::SYNTAX),
        (b"'a'", Flaws::SYNTAX),
        (b"{\"a\" 1}", Flaws::SYNTAX),
        (b"truex", Flaws::TRAILING),
        (b"trux", Flaws::SYNTAX),
        (br#""\x""#, Flaws::SYNTAX),
        (br#""\u12g4""#, Flaws::SYNTAX),
        (b"\xa0{}", Flaws::SYNTAX | Flaws::INVALID_UTF8),
        (b"{\0\"\0a\0", Flaws::WIDE_ENCODING),
        (b"\xff\xfe{\0}\0", Flaws::WIDE_ENCODING | Flaws::INVALID_UTF8),
        (b"\0{\0}", Flaws::WIDE_ENCODING),
        (b"\0\0\0{", Flaws::WIDE_ENCODING),
        (b"\0", Flaws::SYNTAX),
    ];
    for (bytes, expected) in cases {
        assert_eq!(flaws(bytes), *expected, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_cut_document_is_truncated_and_nothing_else() {
    let json = "{\"jsonrpc\":\"2.0\",\"id\":-12.5e+3,\"m\\u00e9thod\":\"t\\ud83d\\ude00 ü€😀\",\
        \"params\":[true,false,null,{\"a\":[]}]}";
    let mut scanner = Scanner::new();
    for end in 1..json.len() {
        let cut = json.as_bytes().get(..end).unwrap();
        let document = scanner.scan(cut);
        assert_eq!(document.flaws(), Flaws::TRUNCATED, "{}", String::from_utf8_lossy(cut));
        let root = document.root().unwrap();
        assert!(!root.is_complete());
        assert_eq!(root.raw(), cut);
    }
    assert!(flaws(json.as_bytes()).is_empty());
}

#[test]
fn what_came_before_the_cut_is_understood() {
    let mut scanner = Scanner::new();
    let json =
        br#"{"method":"tools/call","id":7,"params":{"name":"sea\u0072ch","arguments":{"q":"lo\u00"#;
    let root = scanner.scan(json).root().unwrap();
    assert_eq!(root.get("id").unwrap().as_i64(), Some(7));
    let params = root.get("params").unwrap();
    assert!(!params.is_complete());
    assert_eq!(params.get("name").unwrap().as_str().unwrap(), "search");
    assert!(params.get("name").unwrap().is_complete());
    let text = params.pointer("/arguments/q").unwrap();
    assert_eq!(text.as_str().unwrap(), "lo");
    assert!(!text.is_complete() && !text.is_str("lo"));
    assert_eq!(text.raw(), br#""lo\u00"#);
}

#[test]
fn a_key_without_its_value_is_no_member() {
    let mut scanner = Scanner::new();
    for json in ["{\"a\":1,\"b\":", "{\"a\":1,\"b\"", "{\"a\":1,\"b", "{\"a\":1,\"b\" x"] {
        let root = scanner.scan(json.as_bytes()).root().unwrap();
        let keys: Vec<_> = root.members().map(|(key, _)| key.as_str().into_owned()).collect();
        assert_eq!(keys, ["a"], "{json}");
    }
}

#[test]
fn numbers_at_the_end_of_the_input_may_go_on() {
    let mut scanner = Scanner::new();
    assert_eq!(scanner.scan(b"12").root().unwrap().as_i64(), Some(12));
    let cut = scanner.scan(b"[12").root().unwrap().items().next().unwrap();
    assert_eq!((cut.as_i64(), cut.is_complete(), cut.raw()), (None, false, &b"12"[..]));
}

#[test]
fn words_that_are_cut_are_no_value() {
    let mut scanner = Scanner::new();
    for json in ["[t", "[tru", "[fals", "[n", "[nul", "[N", "[-Inf"] {
        let item = scanner.scan(json.as_bytes()).root().unwrap().items().next().unwrap();
        assert!(!item.is_complete() && item.as_bool().is_none() && !item.is_null(), "{json}");
        assert!(item.as_f64().is_none(), "{json}");
    }
}

#[test]
fn of_duplicate_keys_the_last_wins_and_they_are_found_at_any_depth() {
    let mut scanner = Scanner::new();
    let twice = br#"{"a":1,"\u0061":2}"#;
    let document = scanner.scan(twice);
    assert_eq!(document.root().unwrap().get("a").unwrap().as_i64(), Some(2));
    assert_eq!(document.root().unwrap().members().count(), 2);
    assert!(document.flaws().is_empty());
    assert_eq!(document.all_flaws(), Flaws::DUPLICATE_KEY);

    let deep = br#"{"x":[{"y":{"k":1,"l":{},"k":2}}],"k":0}"#;
    let document = scanner.scan(deep);
    assert_eq!(duplicate_key(document.root().unwrap()).unwrap().as_str(), "k");
    let many: String = (0..100).map(|n| format!("\"k{n}\":{n},")).collect();
    for (last, expected) in [("k50", true), ("k100", false)] {
        let json = format!("[{{{many}\"{last}\":0}}]");
        assert_eq!(scanner.scan(json.as_bytes()).has_duplicate_keys(), expected);
    }
    assert!(!scanner.scan(br#"[{"a":1},{"a":1,"A":2}]"#).has_duplicate_keys());
}

#[test]
fn deep_nesting_is_stepped_over_and_what_follows_is_found() {
    let mut scanner = Scanner::new();
    for (open, close) in [("[", "]"), ("{\"k\":", "}")] {
        let deep = format!("{}0{}", open.repeat(100_000), close.repeat(100_000));
        let json = format!("{{\"params\":{deep},\"id\":\"]}}\"}}");
        let document = scanner.scan(json.as_bytes());
        assert_eq!(document.flaws(), Flaws::TOO_DEEP);
        assert!(document.nodes() < 2000);
        let root = document.root().unwrap();
        assert_eq!(root.get("id").unwrap().as_str().unwrap(), "]}");
        assert_eq!(root.get("params").unwrap().raw(), deep.as_bytes());
    }
    let open = "[".repeat(100_000);
    assert_eq!(flaws(open.as_bytes()), Flaws::TOO_DEEP | Flaws::TRUNCATED);
}

#[test]
fn depth_is_allowed_up_to_the_limit() {
    let mut scanner = Scanner::with_limits(Limits { depth_max: 3, ..Limits::default() });
    assert!(scanner.scan(b"[[[0]]]").flaws().is_empty());
    let document = scanner.scan(b"[[[[0]]],1]");
    assert_eq!(document.flaws(), Flaws::TOO_DEEP);
    let root = document.root().unwrap();
    let deepest = root.pointer("/0/0/0").unwrap();
    assert_eq!(deepest.raw(), b"[0]");
    assert!(deepest.is_shortened() && deepest.is_complete() && deepest.items().count() == 0);
    assert_eq!(root.pointer("/1").unwrap().as_i64(), Some(1));
}

#[test]
fn a_member_of_a_million_values_does_not_hide_the_next() {
    let mut scanner = Scanner::with_limits(Limits { nodes_max: 10_000, ..Limits::default() });
    let json = format!("{{\"params\":{{\"a\":[{}1]}},\"id\":5}}", "[\"]\"],".repeat(20_000));
    let document = scanner.scan(json.as_bytes());
    assert_eq!(document.flaws(), Flaws::TOO_MANY_NODES);
    assert!(document.nodes() <= 10_000);
    let root = document.root().unwrap();
    assert_eq!(root.get("id").unwrap().as_i64(), Some(5));
    assert!(root.pointer("/params/a").unwrap().is_shortened());
    assert!(!root.is_shortened());
}

#[test]
fn a_document_of_outer_members_only_is_bounded_too() {
    let mut scanner = Scanner::with_limits(Limits { nodes_max: 100, ..Limits::default() });
    let cut = "[1,2,3,4,5,6,7,8,9,0,".repeat(100);
    let document = scanner.scan(cut.as_bytes());
    assert!(document.flaws().contains(Flaws::TOO_MANY_NODES) && document.nodes() <= 100);
    let many = format!("[{}1]", "1,".repeat(1000));
    let document = scanner.scan(many.as_bytes());
    assert_eq!(document.flaws(), Flaws::TOO_MANY_NODES);
    assert!(document.nodes() <= 100 && document.root().unwrap().is_shortened());
}

#[test]
fn numbers_of_a_thousand_digits_are_read() {
    let digits = "7".repeat(1000);
    let mut scanner = Scanner::new();
    let value = scanner.scan(digits.as_bytes()).root().unwrap();
    assert_eq!(value.as_i64(), None);
    assert_eq!(value.as_f64(), Some(f64::INFINITY));
    let fraction = format!("0.{digits}");
    let value = scanner.scan(fraction.as_bytes()).root().unwrap();
    assert!((value.as_f64().unwrap() - 7.0 / 9.0).abs() < 1e-15);
    assert_eq!(scanner.scan(b"-9223372036854775808").root().unwrap().as_i64(), Some(i64::MIN));
    assert_eq!(scanner.scan(b"9223372036854775808").root().unwrap().as_i64(), None);
}

#[test]
fn strings_are_unescaped() {
    let cases = [
        (r#""""#, ""),
        (r#""a\"\\\/\b\f\n\r\tz""#, "a\"\\/\u{8}\u{c}\n\r\tz"),
        (r#""\u0000\u00e9\u20AC""#, "\0é€"),
        (r#""\ud83d\ude00!""#, "😀!"),
        (r#""\ud83dx\ude00""#, "\u{fffd}x\u{fffd}"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
        (r#""\x\u00g0""#, "\\x\\u00g0"),
        ("\"ü\"", "ü"),
    ];
    let mut scanner = Scanner::new();
    for (json, text) in cases {
        let root = scanner.scan(json.as_bytes()).root().unwrap();
        assert_eq!(root.as_str().unwrap(), text, "{json}");
        assert!(root.is_str(text), "{json}");
    }
    let root = scanner.scan(b"[\"a\xffb\",\"plain\"]").root().unwrap();
    let texts: Vec<_> = root.items().map(|item| item.as_str().unwrap().into_owned()).collect();
    assert_eq!(texts, ["a\u{fffd}b", "plain"]);
}

#[test]
fn special_bytes_are_found_at_every_place() {
    for length in 0..300 {
        let mut bytes = vec![b'x'; length];
        assert_eq!(text::find_special(&bytes, 0), length);
        for at in 0..length {
            for special in [b'"', b'\\', 0, 0x1f] {
                bytes[at] = special;
                assert_eq!(text::find_special(&bytes, 0), at);
            }
            bytes[at] = [0x80, 0xff, 0x20, 0xa2][at % 4];
        }
    }
}

#[test]
fn pointers_lead_to_values() {
    let json = r#"{"a/b":{"~":[10,[20]]},"":1,"0":{"x":2}}"#;
    let mut scanner = Scanner::new();
    let root = scanner.scan(json.as_bytes()).root().unwrap();
    for (pointer, raw) in [
        ("", Some(json)),
        ("/a~1b/~0/1/0", Some("20")),
        ("/", Some("1")),
        ("/0/x", Some("2")),
        ("/a~1b/~0/2", None),
        ("/a~1b/~0/01", None),
        ("/a~1b/~0/-", None),
        ("/a~1b/~0/", None),
        ("/a~1b/~0/+1", None),
        ("/0/x/y", None),
        ("a", None),
    ] {
        let found = root.pointer(pointer).map(|value| value.raw());
        assert_eq!(found, raw.map(str::as_bytes), "{pointer}");
    }
}

#[test]
fn flaws_have_names_and_numbers() {
    let two = Flaws::BOM | Flaws::TRAILING;
    assert_eq!(two.to_string(), "trailing bom");
    assert_eq!(two.names().collect::<Vec<_>>(), ["trailing", "bom"]);
    assert!(two.intersects(Flaws::BOM) && !two.contains(Flaws::BOM | Flaws::SYNTAX));
    assert_eq!(two.without(Flaws::BOM), Flaws::TRAILING);
}

#[test]
fn memory_of_a_huge_document_is_given_back() {
    let mut scanner = Scanner::new();
    let huge = format!("[{}1]", "1,".repeat(500_000));
    assert!(scanner.scan(huge.as_bytes()).flaws().is_empty());
    scanner.scan(b"{}");
    assert!(scanner.nodes.capacity() <= 2 * NODES_KEPT_MAX);
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        number,
        ".*".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::from),
            proptest::collection::btree_map(".{0,6}", inner, 0..8)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Text that is nearly JSON, so that both sides of every rule are met often.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        proptest::sample::select(
            [
                "{", "}", "[", "]", ":", ",", "\"", "\"a\"", "\"a\":", "\\", "\\u", "\\ud800",
                "\\udc00", "\\n", "true", "false", "null", "0", "1", "-", ".", "e", "E+1", "12.5",
                " ", "\n", "\t", "\u{b}", "\0", "é", "\u{feff}", "/", "/*", "*/", "{\"a\":", "[1,",
                "]}", "\"}",
            ]
            .map(|token| token.as_bytes().to_vec())
            .to_vec()
        ),
        any::<u8>().prop_map(|byte| vec![byte]),
    ];
    proptest::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn every_prefix_of_a_document_is_read_without_other_flaws(value in json_value()) {
        let json = serde_json::to_vec(&serde_json::json!([value, {"a": value}])).unwrap();
        let mut scanner = Scanner::new();
        for end in 1..json.len() {
            let document = scanner.scan(&json[..end]);
            prop_assert_eq!(document.flaws(), Flaws::TRUNCATED);
            prop_assert_eq!(document.root().unwrap().raw(), &json[..end]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn values_are_those_of_serde_json(value in json_value(), pretty: bool) {
        let json = if pretty {
            serde_json::to_vec_pretty(&value).unwrap()
        } else {
            serde_json::to_vec(&value).unwrap()
        };
        let mut scanner = Scanner::new();
        let document = scanner.scan(&json);
        prop_assert!(document.flaws().is_empty());
        let again: serde_json::Value = serde_json::from_slice(&json).unwrap();
        prop_assert_eq!(tree(document.root().unwrap()), again);
    }

    #[test]
    fn accepts_exactly_what_serde_json_accepts(bytes in nearly_json()) {
        let theirs = serde_json::from_slice::<serde_json::Value>(&bytes);
        let mut scanner = Scanner::new();
        let document = scanner.scan(&bytes);
        prop_assert_eq!(document.flaws().is_empty(), theirs.is_ok(), "{:?} {:?}", theirs, document);
        if let Ok(theirs) = theirs {
            prop_assert_eq!(tree(document.root().unwrap()), theirs);
        }
    }

    #[test]
    fn any_bytes_and_their_prefixes_are_read(bytes in nearly_json(), depth_max in 0usize..4, nodes_max in 0usize..16) {
        let mut scanner = Scanner::with_limits(Limits { depth_max, nodes_max, ..Limits::default() });
        for end in 0..=bytes.len() {
            let document = scanner.scan(&bytes[..end]);
            prop_assert!(document.nodes() <= nodes_max.max(1));
            if let Some(root) = document.root() {
                check_spans(root);
            }
            document.all_flaws();
        }
    }
}

/// Children lie within their parents, in order.
fn check_spans(value: Value<'_>) {
    let mut at = value.span().start;
    for child in value.items().chain(value.members().map(|(_, value)| value)) {
        assert!(child.span().start >= at && child.span().end <= value.span().end);
        at = child.span().end;
        check_spans(child);
    }
    value.as_str();
    value.as_f64();
}

/// A text in UTF-16 and UTF-32, either byte order, without and with a byte order mark.
fn in_wide_encodings(text: &str) -> Vec<(Vec<u8>, bool)> {
    let mut found = Vec::new();
    for mark in ["", "\u{feff}"] {
        let text = format!("{mark}{text}");
        let all = [
            text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            text.chars().flat_map(|letter| u32::from(letter).to_le_bytes()).collect(),
            text.chars().flat_map(|letter| u32::from(letter).to_be_bytes()).collect(),
        ];
        found.extend(all.map(|bytes: Vec<u8>| (bytes, !mark.is_empty())));
    }
    found
}

#[test]
fn a_body_in_utf_16_or_32_is_read_like_any_other_and_flagged() {
    let json = r#" {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"zü€😀\u0041"}}"#;
    let mut scanner = Scanner::new();
    for (bytes, has_mark) in in_wide_encodings(json) {
        let document = scanner.scan_body(&bytes);
        let mark = if has_mark { Flaws::BOM } else { Flaws::empty() };
        assert_eq!(document.flaws(), Flaws::WIDE_ENCODING | mark, "{bytes:?}");
        assert_eq!(document.bytes(), json.as_bytes());
        let root = document.root().unwrap();
        assert_eq!(root.pointer("/params/name").unwrap().as_str().unwrap(), "zü€😀A");
        assert!(scanner.scan(&bytes).root().is_none());
    }
    assert!(scanner.scan_body(json.as_bytes()).flaws().is_empty());
}

#[test]
fn a_body_in_utf_16_or_32_may_be_cut_anywhere() {
    let json = "{\"id\":7,\"ü€😀\":\"😀ü€\"}";
    let mut scanner = Scanner::new();
    for (bytes, has_mark) in in_wide_encodings(json) {
        // The first character and its mark have to be there.
        for end in 8..bytes.len() {
            let flaws = scanner.scan_body(bytes.get(..end).unwrap()).flaws();
            let mark = if has_mark { Flaws::BOM } else { Flaws::empty() };
            let expected = Flaws::WIDE_ENCODING | Flaws::TRUNCATED | mark;
            let is_begun = !has_mark || end > 8;
            assert!(!is_begun || flaws == expected, "{end} of {bytes:?}: {flaws}");
        }
    }
}

#[test]
fn what_is_no_character_in_utf_16_or_32_is_no_utf_8() {
    let cases: &[(&[u8], Flaws)] = &[
        (b"[\0\"\0\x00\xd8a\0\"\0]\0", Flaws::INVALID_UTF8),
        (b"[\0\"\0\x00\xdc\"\0]\0", Flaws::INVALID_UTF8),
        (b"[\0]\0\x00\xd8", Flaws::INVALID_UTF8 | Flaws::TRAILING),
        (b"[\0]\0x", Flaws::INVALID_UTF8 | Flaws::TRAILING),
        (b"[\0\0\0\"\0\0\0\0\0\x11\0\"\0\0\0]\0\0\0", Flaws::INVALID_UTF8),
    ];
    for (bytes, expected) in cases {
        let flaws = Scanner::new().scan_body(bytes).flaws();
        assert_eq!(flaws, *expected | Flaws::WIDE_ENCODING, "{bytes:?}");
    }
}

#[test]
fn the_copy_of_a_body_is_bounded() {
    let json = format!("[\"{}\",2]", "€".repeat(1000));
    let mut scanner = Scanner::with_limits(Limits { copy_bytes_max: 100, ..Limits::default() });
    for (bytes, _) in in_wide_encodings(&json) {
        let document = scanner.scan_body(&bytes);
        assert!(document.flaws().contains(Flaws::TRUNCATED | Flaws::WIDE_ENCODING));
        assert!(document.bytes().len() <= 100 && document.bytes().len() > 90);
    }
}
