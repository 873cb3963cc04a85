//! Bodies and what is made of them. How real readers take these and many others is compared in
//! t/differential.

use super::*;
use crate::Scanner;

const JSON: RequestHeaders<'_> = RequestHeaders {
    content_type: b"application/json",
    content_encoding: b"",
    mcp_method: &[],
    mcp_name: &[],
    protocol_version: &[],
};

fn judged(body: &[u8], headers: RequestHeaders<'_>) -> Boundary {
    let mut scanner = Scanner::new();
    let document = scanner.scan_body(body);
    let verdict = boundary(&document, &headers);
    let listed = objections(&document, &headers);
    match &verdict {
        Boundary::Refused(first) => assert_eq!(listed.first(), Some(first), "{body:?}"),
        _ => assert_eq!(listed, [], "{body:?}"),
    }
    verdict
}

/// `calls`, `other`, or the rule and the point.
fn said(body: &[u8], headers: RequestHeaders<'_>) -> String {
    match judged(body, headers) {
        Boundary::Calls => "calls".into(),
        Boundary::Other => "other".into(),
        Boundary::Refused(objection) => {
            format!("{} {}", objection.rule, objection.point).trim_end().to_owned()
        }
    }
}

fn check(cases: &[(&str, &str)]) {
    for (body, expected) in cases {
        assert_eq!(said(body.as_bytes(), JSON), *expected, "{body}");
    }
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wipe","arguments":{"a":{"b":1}}}}"#;

/// The call with one change.
fn call_with(old: &str, new: &str) -> String {
    assert!(CALL.contains(old), "{old}");
    CALL.replace(old, new)
}

#[test]
fn strict_messages_are_to_be_judged() {
    check(&[
        (CALL, "calls"),
        (
            r#" { "params" : { "name" : "x" } , "\u006dethod":"tools\/call","id":"a","jsonrpc":"2.0"}"#,
            "calls",
        ),
        (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, "calls"),
        (r#"{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}"#, "calls"),
        (r#"{"jsonrpc":"2.0","error":{"code":1,"message":""}}"#, "calls"),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping","params":null}"#, "calls"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["a"]}"#, "calls"),
        (
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"result":{}}]"#,
            "calls",
        ),
    ]);
}

#[test]
fn json_in_which_nobody_sees_a_request_is_left_alone() {
    check(&[
        ("", "other"),
        (" \r\n", "other"),
        ("{}", "other"),
        ("[]", "other"),
        ("[[],[{}],7]", "other"),
        ("7", "other"),
        ("null", "other"),
        (r#""text""#, "other"),
        (r#"{"redirect_uris":["http://127.0.0.1/"],"token_endpoint_auth_method":"none"}"#, "other"),
        (r#"{"id":1,"result":{"method":"x"}}"#, "other"),
        (r#"{"a":1,"a":2,"message":{"jsonrpc":"2.0","method":"tools/call"}}"#, "other"),
    ]);
}

#[test]
fn bytes_that_are_not_one_strict_document_are_refused() {
    let with_mark = format!("\u{feff}{CALL}");
    let twice = format!("{CALL}\n{CALL}");
    let deep = call_with("1}}", &format!("{}{}}}}}", "[".repeat(600), "]".repeat(600)));
    for (body, expected) in [
        (&with_mark[..], "byte_order_mark"),
        (&twice, "trailing"),
        (&CALL[..40], "truncated"),
        (&call_with("{\"name\"", "/**/{\"name\""), "comment"),
        (&call_with("1}}", "1,}}"), "syntax"),
        (&call_with("1}}", "NaN}}"), "non_finite"),
        (&call_with("1}}", "01}}"), "bad_number"),
        (&call_with("wipe", "wi\\ud800pe"), "lone_surrogate"),
        (&call_with("wipe", "wi\npe"), "control_in_string"),
        (&CALL.replace('"', "'"), "syntax"),
        ("a=b&c=d", "syntax"),
        ("jsonrpc: 2.0\nmethod: tools/call", "syntax"),
        (&deep, "too_deep"),
        (r#""{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\"}""#, "wrapped"),
    ] {
        assert_eq!(said(body.as_bytes(), JSON), expected, "{body}");
    }
    let wide: Vec<u8> = CALL.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(said(&wide, JSON), "wide_encoding");
    assert_eq!(said(&[CALL.as_bytes(), b"\0"].concat(), JSON), "trailing");
    assert_eq!(said(b"{\"method\xc1\x81\":1}", JSON), "not_utf8");
    let mut scanner = Scanner::with_limits(crate::Limits { nodes_max: 8, ..Default::default() });
    let document = scanner.scan_body(CALL.as_bytes());
    let Boundary::Refused(objection) = boundary(&document, &JSON) else { panic!() };
    assert_eq!(objection.rule, Rule::TooManyValues);
}

#[test]
fn keys_that_can_be_read_in_two_ways_are_refused() {
    for (old, new, expected) in [
        (r#""id":1"#, r#""method":"ping","id":1"#, "duplicate_key /method"),
        (r#""id":1"#, r#""\u006dethod":"ping","id":1"#, "duplicate_key /method"),
        (r#""id":1"#, r#""id":1,"x":1,"x":2"#, "duplicate_key /x"),
        (r#""name":"wipe""#, r#""name":"ping","name":"wipe""#, "duplicate_key /params/name"),
        (r#""b":1"#, r#""b":1,"b":2"#, "duplicate_key /params/arguments/a/b"),
        (r#""b":1"#, r#""b":[0,{"~/":1,"~/":2}]"#, "duplicate_key /params/arguments/a/b/1/~0~1"),
        (r#""method""#, r#""Method""#, "folded_key /Method"),
        (r#""id":1"#, r#""METHOD":"ping","id":1"#, "folded_key /METHOD"),
        (r#""id":1"#, r#""method\u0000":"ping","id":1"#, "folded_key /method\0"),
        (r#""params""#, r#""paramſ""#, "folded_key /paramſ"),
        (r#""name""#, r#""Name""#, "folded_key /params/Name"),
        (r#""name""#, r#""task_id":1,"name""#, "folded_key /params/task_id"),
        (r#""id":1"#, r#""__proto__":{},"id":1"#, "prototype_key /__proto__"),
        (r#""name""#, r#""constructor":{},"name""#, "prototype_key /params/constructor"),
        (r#""b":1"#, r#""__proto__":{}"#, "calls"),
        (r#""b":1"#, r#""B":1,"b":2,"Name":1"#, "calls"),
    ] {
        let body = call_with(old, new);
        assert_eq!(said(body.as_bytes(), JSON), expected, "{body}");
    }
    check(&[
        (r#"{"Method":"tools/call"}"#, "folded_key /Method"),
        (r#"{"__proto__":{"method":"tools/call"}}"#, "prototype_key /__proto__"),
        (r#"{"ＭＥＴＨＯＤ":"x"}"#, "folded_key /ＭＥＴＨＯＤ"),
    ]);
}

#[test]
fn shapes_that_are_no_message_are_refused() {
    for (old, new, expected) in [
        (r#""2.0""#, r#""1.0""#, "version /jsonrpc"),
        (r#""2.0""#, "2.0", "version /jsonrpc"),
        (r#""jsonrpc":"2.0","#, "", "version /jsonrpc"),
        (r#""tools/call""#, "7", "method /method"),
        (r#""tools/call""#, r#"["tools/call"]"#, "method /method"),
        (r#""tools/call""#, r#""tools/call\u0000""#, "hidden_in_name /method"),
        (r#""id":1"#, r#""id":{}"#, "id /id"),
        (r#""id":1"#, r#""id":true"#, "id /id"),
        (r#""id":1"#, r#""id":1,"result":{}"#, "not_a_message /result"),
        (r#""wipe""#, r#"["wipe"]"#, "name /params/name"),
        (r#""wipe""#, "null", "name /params/name"),
        (r#""wipe""#, r#"" wipe""#, "hidden_in_name /params/name"),
        (r#""wipe""#, "\"wipe\u{a0}\"", "hidden_in_name /params/name"),
    ] {
        let body = call_with(old, new);
        assert_eq!(said(body.as_bytes(), JSON), expected, "{body}");
    }
    check(&[
        (r#"{"jsonrpc":"2.0","id":1}"#, "not_a_message /method"),
        (r#"{"jsonrpc":"2.0","id":1,"result":1,"error":{}}"#, "not_a_message /error"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["wipe"]}"#, "params /params"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"eth_call","params":"wipe"}"#, "params /params"),
    ]);
}

#[test]
fn what_is_touched_is_named_once_and_in_full() {
    let with = |method: &str, params: &str| {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        said(body.as_bytes(), JSON)
    };
    let complete = "completion/complete";
    assert_eq!(with(complete, r#"{"ref":{"type":"ref/prompt","name":"a"}}"#), "calls");
    assert_eq!(with(complete, r#"{"ref":{"name":"a","uri":"b"}}"#), "ambiguous_name /params/ref");
    assert_eq!(with(complete, r#"{"ref":"a"}"#), "name /params/ref");
    assert_eq!(with(complete, r#"{"ref":{"Uri":"b"}}"#), "folded_key /params/ref/Uri");
    assert_eq!(with("resources/read", r#"{"uri":7}"#), "name /params/uri");
    assert_eq!(with("tools/describe", r#"{"name":["wipe"]}"#), "name /params/name");
    assert_eq!(with("users/create", r#"{"name":["x"]}"#), "calls");
    let listen = "subscriptions/listen";
    let point = "/params/notifications/resourceSubscriptions";
    let with_uris = |uris: &str| {
        with(listen, &format!(r#"{{"notifications":{{"resourceSubscriptions":{uris}}}}}"#))
    };
    assert_eq!(with_uris(r#"["a","b"]"#), "calls");
    assert_eq!(with_uris(r#"["a",7]"#), format!("name {point}"));
    assert_eq!(with_uris(r#"{"0":"a"}"#), format!("name {point}"));
    assert_eq!(with(listen, r#"{"notifications":["a"]}"#), "name /params/notifications");

    let mut scanner = Scanner::new();
    let params = br#"{"notifications":{"resourceSubscriptions":["a","b"]},"name":"x"}"#;
    let params = scanner.scan(params).root();
    let names = |method| -> Vec<_> {
        primitives(method, params).into_iter().map(|primitive| primitive.name).collect()
    };
    assert_eq!(names(listen), ["a", "b"]);
    assert_eq!(names("tools/call"), ["x"]);
    assert_eq!(names("tools/list"), [""; 0]);
}

#[test]
fn batches_belong_to_one_revision() {
    let batch = format!("[{CALL},{CALL}]");
    let of = |versions: &[&[u8]]| {
        said(batch.as_bytes(), RequestHeaders { protocol_version: versions, ..JSON })
    };
    assert_eq!(of(&[]), "calls");
    assert_eq!(of(&[b" 2025-03-26 "]), "calls");
    for version in ["2025-06-18", "2026-07-28", "2024-11-05", "2027-01-01", "", "x"] {
        assert_eq!(of(&[version.as_bytes()]), "batch header MCP-Protocol-Version", "{version}");
    }
    check(&[
        (r#"[{"jsonrpc":"2.0","id":1,"method":"initialize"}]"#, "batch /0/method"),
        (
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}]"#,
            "batch /0/params/_meta",
        ),
        (r#"[{"a":1},{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "version /0/jsonrpc"),
        (r#"[7,{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "not_a_message /0"),
        (r#"[[{"jsonrpc":"2.0","id":1,"method":"ping"}]]"#, "not_a_message /0"),
        (r#"[[[{"x":1},{"Method":"ping"}]]]"#, "not_a_message /0"),
        (
            r#"[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","method":"a","method":"b"}]"#,
            "duplicate_key /1/method",
        ),
    ]);
}

#[test]
fn a_request_on_a_line_of_its_own_within_another_is_refused() {
    let around = |inner: &str| call_with("{\"b\":1}", inner);
    for (body, expected) in [
        (around(&format!("\n{CALL}\n")), "own_line /params/arguments/a"),
        (around(&format!("[7,\r \t{CALL},\n8]")), "own_line /params/arguments/a/1"),
        (around("\n{\"Method\":1}"), "own_line /params/arguments/a"),
        (around(&format!("\n[{CALL}]")), "own_line /params/arguments/a"),
        (format!("{{\"message\":\n{CALL}\n}}"), "own_line /message"),
        (format!("[{{\"a\":[\n{CALL}]}}]"), "own_line /0/a/0"),
        (format!("[\n{CALL},\n{CALL}\n]\n"), "calls"),
        (around(&format!("[7, {CALL},\n8]")), "calls"),
        (around("\n{\n\"method\":1}"), "calls"),
        (around("\n{\"b\":{\"method\":1}}\n"), "calls"),
        (format!("\n{CALL}\n"), "calls"),
    ] {
        assert_eq!(said(body.as_bytes(), JSON), expected, "{body}");
    }
}

#[test]
fn headers_that_contradict_the_body_are_refused() {
    let call = |headers: RequestHeaders<'_>| said(CALL.as_bytes(), headers);
    let methods = |mcp_method: &[&[u8]]| call(RequestHeaders { mcp_method, ..JSON });
    assert_eq!(methods(&[b" tools/call "]), "calls");
    assert_eq!(methods(&[b"tools/list"]), "header_mismatch header Mcp-Method");
    assert_eq!(methods(&[b"Tools/call"]), "header_mismatch header Mcp-Method");
    assert_eq!(methods(&[b"tools/call", b"ping"]), "header_mismatch header Mcp-Method");
    let names = |mcp_name: &[&[u8]]| call(RequestHeaders { mcp_name, ..JSON });
    assert_eq!(names(&[b"wipe"]), "calls");
    assert_eq!(names(&[b"=?base64?d2lwZQ==?="]), "calls");
    assert_eq!(names(&[b"=?base64?bG9vaw==?="]), "header_mismatch header Mcp-Name");
    assert_eq!(names(&[b"wipe", b"look"]), "header_mismatch header Mcp-Name");
    let versions = |protocol_version: &[&[u8]]| call(RequestHeaders { protocol_version, ..JSON });
    assert_eq!(versions(&[b"2025-06-18", b"2025-06-18"]), "calls");
    assert_eq!(
        versions(&[b"2025-06-18", b"2026-07-28"]),
        "header_mismatch header MCP-Protocol-Version"
    );

    let claim = r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    let versions =
        |protocol_version| said(claim.as_bytes(), RequestHeaders { protocol_version, ..JSON });
    assert_eq!(versions(&[b"2026-07-28"]), "calls");
    assert_eq!(versions(&[b"2025-11-25"]), "header_mismatch header MCP-Protocol-Version");

    let with_method = RequestHeaders { mcp_method: &[b"tools/call"], ..JSON };
    assert_eq!(said(b"{\"x\":1}", with_method), "header_mismatch header Mcp-Method");
    assert_eq!(said(b"", with_method), "other");
    let with_name = RequestHeaders { mcp_name: &[b"wipe"], ..JSON };
    let answer = br#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    assert_eq!(said(answer, with_name), "header_mismatch header Mcp-Name");
    assert_eq!(
        said(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, with_name),
        "header_mismatch header Mcp-Name"
    );
}

#[test]
fn a_body_is_json_by_its_headers_too() {
    let of = |content_type: &str| {
        said(CALL.as_bytes(), RequestHeaders { content_type: content_type.as_bytes(), ..JSON })
    };
    for good in [
        "",
        "application/json",
        "Application/JSON; charset=UTF-8",
        "application/json;charset=\"utf-8\"; x=y",
        "application/vnd.api+json",
        "text/json",
        "application/json-rpc",
    ] {
        assert_eq!(of(good), "calls", "{good}");
    }
    for bad in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=json",
        "application/json, text/plain",
        "text/plain, application/json",
        "json",
        "xjson",
        "application/octet-stream;/json",
        ";",
    ] {
        assert_eq!(of(bad), "content_type header Content-Type", "{bad}");
        let headers = RequestHeaders { content_type: bad.as_bytes(), ..JSON };
        assert_eq!(said(b"", headers), "other");
    }
    for bad in [
        "application/json; charset=utf-7",
        "application/json;Charset = \"UTF-16\"",
        "application/json; charset=utf-8; charset=utf-7",
        "application/json; charset",
        "application/json; charset*=utf-7''x",
    ] {
        assert_eq!(of(bad), "charset header Content-Type", "{bad}");
    }
    let coded = |content_encoding: &str| {
        said(
            CALL.as_bytes(),
            RequestHeaders { content_encoding: content_encoding.as_bytes(), ..JSON },
        )
    };
    for good in ["", "identity", " GZIP ", "x-gzip", "deflate", "br"] {
        assert_eq!(coded(good), "calls", "{good}");
    }
    for bad in ["gzip, gzip", "gzip,", "zstd", "gzip; x", "utf-8"] {
        assert_eq!(coded(bad), "content_encoding header Content-Encoding", "{bad}");
    }
}

#[test]
fn objections_are_listed_up_to_a_number_and_of_bounded_size() {
    let keys = r#""Method":1,"#.repeat(100);
    let body = call_with("{\"jsonrpc\"", &format!("{{{keys}\"jsonrpc\""));
    let mut scanner = Scanner::new();
    let all = objections(&scanner.scan_body(body.as_bytes()), &JSON);
    assert_eq!(all.len(), OBJECTIONS_MAX);
    let long = call_with("\"wipe\"", &format!("[\"{}\"]", "é".repeat(1000)));
    let all = objections(&scanner.scan_body(long.as_bytes()), &JSON);
    assert!(all[0].found.len() <= 260 && all[0].found.ends_with("é…"), "{}", all[0].found);
    let key = "x".repeat(10_000);
    let twice = call_with("\"b\":1", &format!("\"{key}\":1,\"{key}\":2"));
    let all = objections(&scanner.scan_body(twice.as_bytes()), &JSON);
    assert!(all[0].point.len() < 300 && all[0].point.ends_with('…'));
    let several = call_with("\"2.0\"", "\"1.0\"").replace("\"wipe\"", "7,\"name\":8,}");
    let rules: Vec<_> = objections(&scanner.scan_body(several.as_bytes()), &JSON)
        .iter()
        .map(|objection| objection.rule.as_str())
        .collect();
    assert_eq!(rules, ["syntax", "version", "name", "duplicate_key"]);
}

#[test]
fn every_rule_has_a_word_of_its_own() {
    let mut words: Vec<_> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Rule::ALL.len());
    assert!(
        words
            .iter()
            .all(|word| word.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()))
    );
}
