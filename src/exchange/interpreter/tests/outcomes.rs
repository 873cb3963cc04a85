//! What came of a call, and what else an exchange says.

use crate::testing::{Collector, Exchange, interpreter, recorded, rules};
use crate::{BodyEnd, CaptureLevel, Part, Rules, Taken};
use record::Patience;
use std::sync::Arc;

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"q":"x"}}}"#;
const MODERN: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"book","arguments":{"q":"x"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;
const PROGRESS: &str =
    r#"data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1}}"#;

/// The calls and events of an exchange in a session.
fn lines(exchange: Exchange) -> Vec<String> {
    let text = recorded(rules(), &[exchange.with("mcp-session-id", "s1")]);
    text.lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

/// What came of the only call of an exchange in a session.
fn outcome(exchange: Exchange) -> String {
    let lines = lines(exchange);
    let (_, answer) = lines[0].split_once(" -> ").unwrap();
    answer.split(" [").next().unwrap().to_owned()
}

#[test]
fn the_answer_says_what_came_of_a_call() {
    let answer = |rest: &str| format!(r#"{{{rest},"id":1,"jsonrpc":"2.0"}}"#);
    let cases = [
        (r#""result":{"content":[]}"#, r#"ok {"content":[]}"#),
        (
            r#""result":{"content":[{"type":"text","text":"boom"}],"isError":true}"#,
            r#"tool_error "boom" {"content":[{"type":"string(4)","text":"string(4)"}],"isError":"bool"}"#,
        ),
        (
            r#""error":{"code":-32602,"message":"bad arguments"}"#,
            r#"rpc_error -32602 "bad arguments""#,
        ),
        (r#""error":{"code":1.5}"#, "rpc_error"),
        (r#""result":null"#, "ok null"),
    ];
    for (rest, expected) in cases {
        let found = outcome(Exchange::post(CALL, 200, &answer(rest)));
        assert_eq!(found, expected, "{rest}");
    }
}

#[test]
fn bodies_in_utf_16_and_32_are_recorded_like_any_other() {
    let plain = lines(Exchange::post(CALL, 200, RESULT));
    let wide: [fn(&str) -> Vec<u8>; 3] = [
        |text| text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        |text| format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect(),
        |text| text.chars().flat_map(|letter| u32::from(letter).to_be_bytes()).collect(),
    ];
    for encode in wide {
        let mut exchange = Exchange::post(CALL, 200, RESULT);
        exchange.body = encode(CALL);
        exchange.answer = encode(RESULT);
        let found = lines(exchange);
        let sizes = |line: &str| line.split(" [").next().unwrap().to_owned();
        assert_eq!(sizes(&found[0]), sizes(&plain[0]));
        assert!(found[0].contains("-> ok"), "{found:?}");
        assert!(found[0].contains(&format!("[full {}]", encode(CALL).len())), "{found:?}");
        // Event streams are UTF-8.
        let mut exchange = Exchange::stream(CALL, "");
        exchange.answer = encode(&format!("data: {RESULT}\n\n"));
        assert!(lines(exchange)[0].contains("-> aborted"));
    }
}

#[test]
fn without_an_answer_the_exchange_says_what_came_of_a_call() {
    let post = |status, answer: &str| Exchange::post(CALL, status, answer);
    let cut = |exchange: Exchange| Exchange { answer_end: BodyEnd::Aborted, ..exchange };
    let gone = |exchange: Exchange| Exchange { is_client_gone: true, ..cut(exchange) };
    let other = r#"{"jsonrpc":"2.0","id":"1","result":{}}"#;
    let cases = [
        (post(502, "<html>"), "http_error"),
        (post(401, ""), "http_error"),
        (post(200, "<html>"), "unobserved"),
        (post(200, other), "unobserved"),
        (post(202, ""), "pending"),
        (gone(post(202, "Accep")), "pending"),
        (post(307, ""), "unobserved"),
        (post(499, ""), "aborted"),
        (post(0, ""), "aborted"),
        (cut(post(200, "{\"jsonrpc\":\"2.0\",")), "aborted"),
        (gone(Exchange::stream(CALL, "data: \n\n")), "aborted"),
        (Exchange::stream(CALL, ": keepalive\n\n"), "aborted"),
        (gone(Exchange::stream(CALL, "id: 1\ndata: \n\n")), "pending"),
        (Exchange::stream(CALL, "id: 1\nretry: 5\ndata: \n\n"), "pending"),
        (gone(Exchange::stream(MODERN, ": keepalive\n\n")), "cancelled"),
        (Exchange::stream(MODERN, ": keepalive\n\n"), "aborted"),
    ];
    for (exchange, expected) in cases {
        let words = format!("{exchange:?}");
        assert_eq!(outcome(exchange), expected, "{words}");
    }
}

#[test]
fn an_error_without_an_id_answers_all_that_was_asked() {
    let error =
        r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Not initialized"},"id":null}"#;
    let batch = format!("[{CALL},{}]", CALL.replace("\"id\":1", "\"id\":2"));
    let found = lines(Exchange::post(&batch, 400, error));
    assert_eq!(found.len(), 2);
    assert!(
        found.iter().all(|line| line.contains(r#"rpc_error -32000 "Not initialized""#)),
        "{found:?}"
    );
}

#[test]
fn an_oauth_error_is_no_json_rpc_error() {
    let body = r#"{"error":"invalid_token","error_description":"x"}"#;
    assert_eq!(outcome(Exchange::post(CALL, 401, body)), "http_error");
}

#[test]
fn answers_are_matched_by_id_whatever_their_order() {
    let two = CALL.replace("\"id\":1", "\"id\":\"1\"");
    let batch = format!("[{CALL},{two}]");
    let answer = r#"[{"jsonrpc":"2.0","id":"1","result":{"b":1}},{"result":{"a":1},"jsonrpc":"2.0","id":1.0}]"#;
    let found = lines(Exchange::post(&batch, 200, answer));
    assert!(found[0].contains("#1 ") && found[0].contains(r#"ok {"a""#), "{found:?}");
    assert!(found[1].contains("#\"1\" ") && found[1].contains(r#"ok {"b""#), "{found:?}");
}

#[test]
fn the_id_spaces_of_the_two_directions_do_not_mix() {
    let stream = "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\",\"params\":{\"maxTokens\":5}}\n\n\
        data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n";
    let ask = Exchange::stream(CALL, stream).with("mcp-session-id", "s1");
    let reply = r#"{"jsonrpc":"2.0","id":1,"result":{"role":"assistant"}}"#;
    let mut reply = Exchange::post(reply, 202, "").with("mcp-session-id", "s1");
    reply.answer_headers.clear();
    let text = recorded(rules(), &[ask, reply]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].contains("#1 tools/call") && lines[1].contains("-> ok {}"), "{text}");
    assert!(lines[2].contains("server #1 sampling/createMessage"), "{text}");
    assert!(lines[2].contains(r#"-> ok {"role":"string(9)"}"#), "{text}");
    assert!(lines[3].contains("POST 202 #1 ") && lines[3].contains("-> accepted"), "{text}");
    assert_eq!(lines.len(), 4, "{text}");
}

#[test]
fn a_reply_that_was_refused_answers_nothing() {
    let reply = r#"{"jsonrpc":"2.0","id":1,"result":{"role":"assistant"}}"#;
    let text = recorded(rules(), &[Exchange::post(reply, 400, "").with("mcp-session-id", "s1")]);
    assert!(text.contains("http_error") && !text.contains("unmatched"), "{text}");
}

#[test]
fn notifications_are_counted_on_the_call_whose_token_they_name() {
    let ask = |id: u32| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"x","_meta":{{"progressToken":{id}}}}}}}"#
        )
    };
    let note =
        |token: u32| PROGRESS.replace("\"progressToken\":1", &format!("\"progressToken\":{token}"));
    let stream = format!(
        "{}\n\n{}\n\n{}\n\ndata: {{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{{}}}}\n\ndata: {{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{{}}}}\n\n{}\n\n",
        note(2),
        note(1),
        note(2),
        note(2)
    );
    let found = lines(Exchange::stream(&format!("[{},{}]", ask(1), ask(2)), &stream));
    assert!(found[0].contains(" n=1 ") && found[1].contains(" n=2 "), "{found:?}");
    assert_eq!(found[2], "notifications 1");
}

#[test]
fn a_cancelled_call_is_cancelled_by_its_id() {
    let mut cancel = Exchange::post(
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
        202,
        "",
    )
    .with("mcp-session-id", "s1");
    cancel.answer_headers.clear();
    let call = Exchange::stream(CALL, "id: 1\ndata:\n\n").with("mcp-session-id", "s1");
    let text = recorded(rules(), &[call.clone(), cancel.clone()]);
    assert!(text.contains("tools/call tool:search") && text.contains("-> cancelled\n"), "{text}");
    let refused = Exchange { status: 400, ..cancel };
    assert!(!recorded(rules(), &[call, refused]).contains("-> cancelled"));
}

#[test]
fn rounds_of_a_call_that_needs_input_are_linked() {
    let needs = |state: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"result":{{"resultType":"input_required","inputRequests":{{}}{state}}}}}"#
        )
    };
    let retry = |more: &str| {
        MODERN.replace(r#""_meta""#, &format!(r#""inputResponses":{{}}{more},"_meta""#))
    };
    let with_state = [
        Exchange::post(MODERN, 200, &needs(r#","requestState":"s-1""#)),
        Exchange::post(&retry(r#","requestState":"s-1""#), 200, &needs(r#","requestState":"s-2""#)),
        Exchange::post(&retry(r#","requestState":"s-2""#), 200, RESULT),
        Exchange::post(&retry(r#","requestState":"s-9""#), 200, RESULT),
    ];
    let text = recorded(rules(), &with_state);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].contains("input_required") && !lines[1].contains("continues"), "{text}");
    assert!(lines[2].contains(" continues #0") && lines[3].contains(" continues #1"), "{text}");
    assert!(lines[4].contains(" continues ?"), "{text}");
    assert!(!text.contains("s-1"), "{text}");
    let without = [
        Exchange::post(MODERN, 200, &needs("")),
        Exchange::post(&retry(""), 200, RESULT),
        Exchange::post(&retry("").replace("\"q\":\"x\"", "\"q\":\"y\""), 200, RESULT),
    ];
    let text = recorded(rules(), &without);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[2].contains(" continues #0") && lines[3].contains(" continues ?"), "{text}");
}

#[test]
fn a_resumed_stream_completes_the_call_and_replays_are_not_recorded_twice() {
    let begun =
        "id: e1\ndata:\n\nid: e2\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}\n\n";
    let rest = format!(
        "id: e2\ndata: {{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}}\n\nid: e3\ndata: {RESULT}\n\n"
    );
    let call = Exchange::stream(CALL, begun).with("mcp-session-id", "s1");
    let resume = Exchange::get(200, &rest).with("mcp-session-id", "s1").with("last-event-id", "e1");
    let text = recorded(rules(), &[call, resume.clone(), resume]);
    assert_eq!(text.matches("server #7 ping").count(), 1, "{text}");
    assert!(text.contains("tools/call") && text.contains(r#"-> ok {"content":[]}"#), "{text}");
    assert!(!text.contains("unmatched"), "{text}");
}

#[test]
fn what_nginx_refused_unread_is_kept_with_what_its_headers_say() {
    let refused = Exchange { request_end: BodyEnd::Discarded, ..Exchange::post("", 413, "<html>") };
    let text = recorded(rules(), std::slice::from_ref(&refused));
    assert_eq!(text, "", "nothing says that this is MCP");
    let named = refused
        .clone()
        .with("mcp-protocol-version", "2026-07-28")
        .with("mcp-method", "tools/call")
        .with("mcp-name", "=?base64?dG9vbMO8?=");
    let text = recorded(rules(), &[named]);
    assert!(
        text.contains("POST 413 # tools/call tool:toolü [discarded 0] -> http_error"),
        "{text}"
    );
    let proof = Exchange::post(CALL, 200, RESULT);
    let text = recorded(rules(), &[proof, refused]);
    assert!(text.contains("POST 413 #  [discarded 0] -> http_error"), "{text}");
}

#[test]
fn a_body_that_cannot_be_read_is_recorded_where_mcp_is_spoken() {
    let bodies = [
        ("garbage", ""),
        ("{\"jsonrpc\":", ""),
        ("x", "zstd"),
        ("not gzip at all", "gzip"),
        ("", ""),
    ];
    for (body, encoding) in bodies {
        let exchange = Exchange::post(body, 200, RESULT).with("content-encoding", encoding);
        assert_eq!(recorded(rules(), std::slice::from_ref(&exchange)), "", "{body}");
        let proof = Exchange::post(CALL, 200, RESULT);
        let text = recorded(rules(), &[proof, exchange]);
        let line = text.lines().nth(2).unwrap();
        let coverage = if encoding.is_empty() { "[full" } else { "[undecoded" };
        assert!(line.contains(coverage) && line.contains("#  ["), "{line}");
        assert!(line.contains(r#"-> ok {"content":[]}"#), "{line}");
    }
}

#[test]
fn another_json_api_beside_mcp_is_not_recorded() {
    let proof = Exchange::post(CALL, 200, RESULT);
    let other = Exchange::post(r#"{"operation":"search"}"#, 200, r#"{"found":1}"#);
    let text = recorded(rules(), &[proof, other]);
    assert!(!text.contains("#  ["), "{text}");
}

#[test]
fn compressed_bodies_are_read() {
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;
    let gzip = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let mut json = Exchange::post("", 200, "").with("content-encoding", "gzip");
    json.body = gzip(CALL);
    json = json.answered("content-encoding", "gzip");
    json.answer = gzip(RESULT);
    assert_eq!(outcome(json), r#"ok {"content":[]}"#);
    let mut stream = Exchange::stream(CALL, "").answered("content-encoding", "gzip");
    stream.answer = gzip(&format!("id: 1\ndata:\n\ndata: {RESULT}\n\n"));
    let whole = outcome(stream.clone());
    assert_eq!(whole, r#"ok {"content":[]}"#);
    let rules = Arc::new(rules());
    for cut in 0..stream.answer.len() {
        let mut sink = Collector::default();
        stream.take_cut(&[cut], &mut interpreter(), &rules, &mut sink);
        assert!(sink.text().contains(&whole), "cut at {cut}: {}", sink.text());
    }
}

#[test]
fn json_rpc_that_is_no_mcp_leaves_no_trace() {
    let other = r#"{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]}"#;
    for body in [other, "{\"a\":1}", "[1,2]", "null", "hello=world"] {
        assert_eq!(recorded(rules(), &[Exchange::post(body, 200, RESULT)]), "", "{body}");
    }
    let get = Exchange::get(200, "event: tick\ndata: {\"price\":1}\n\n").at("/ticker", "");
    assert_eq!(recorded(rules(), std::slice::from_ref(&get)), "");
    let rules = Arc::new(rules());
    let (mut interpreter, mut sink) = (interpreter(), Collector::default());
    let mut first = get.part(&rules, Part::First, 0..10);
    interpreter.take(&mut first, Patience::Decide, &mut sink);
    let mut rest = get.part(&rules, Part::Middle, 10..get.answer.len());
    assert_eq!(interpreter.take(&mut rest, Patience::Decide, &mut sink), Taken::Unrecorded);
    assert_eq!(interpreter.open_streams(), 0);
}

#[test]
fn an_unknown_method_is_recorded_as_it_came_where_mcp_is_spoken() {
    let other = r#"{"jsonrpc":"2.0","id":2,"method":"skills\n/run","params":{"name":"tidy"}}"#;
    let text =
        recorded(rules(), &[Exchange::post(CALL, 200, RESULT), Exchange::post(other, 200, RESULT)]);
    assert!(text.contains(r#"#2 skills\n/run other:tidy {"name":"tidy"}"#), "{text}");
}

#[test]
fn skipped_methods_are_not_recorded() {
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let rules = || Rules { skip: vec!["ping".to_owned(), "notifications/*".to_owned()], ..rules() };
    assert_eq!(recorded(rules(), &[Exchange::post(ping, 200, RESULT)]), "");
    let batch = format!(
        r#"[{ping},{},{{"jsonrpc":"2.0","method":"notifications/x"}}]"#,
        CALL.replace("\"id\":1", "\"id\":2")
    );
    let text = recorded(rules(), &[Exchange::post(&batch, 200, RESULT)]);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("#2 tools/call"), "{text}");
}

#[test]
fn what_is_kept_of_arguments_and_results_follows_the_configuration() {
    let call = CALL.replace(r#""q":"x""#, r#""q":"x","password":"hunter2""#);
    let kept = |arguments, results| {
        let mut rules = rules();
        rules.capture.arguments = arguments;
        rules.capture.results = results;
        recorded(rules, &[Exchange::post(&call, 200, RESULT)])
    };
    let masked = kept(CaptureLevel::Masked, CaptureLevel::Off);
    assert!(masked.contains(r#"{"q":"x","password":"••••"}"#), "{masked}");
    assert!(masked.contains("-> ok ["), "{masked}");
    let shape = kept(CaptureLevel::Shape, CaptureLevel::Masked);
    assert!(shape.contains(r#""q":"string(1)""#) && !shape.contains("hunter2"), "{shape}");
    let plain = kept(CaptureLevel::Unmasked, CaptureLevel::Unmasked);
    assert!(plain.contains("hunter2"), "{plain}");
}

#[test]
fn errors_names_and_uris_are_masked() {
    let secret = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
    let read = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{{"uri":"crm://x?token={secret}"}}}}"#
    );
    let error = format!(
        r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":1,"message":"bad token {secret}"}}}}"#
    );
    let mut exchange = Exchange::post(&read, 200, &error).at(&format!("/s/{secret}/mcp"), "");
    exchange.values.user = secret.to_owned();
    exchange.values.role = secret.to_owned();
    let exchange = exchange.with("user-agent", secret);
    let text = recorded(rules(), &[exchange]);
    assert!(!text.contains(secret), "{text}");
    assert!(text.contains("resources/read resource:crm://x?token="), "{text}");
}
