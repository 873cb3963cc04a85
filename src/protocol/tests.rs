//! What official servers and clients were seen to send, where it breaks naive readers. The bytes
//! are as captured (TypeScript SDK 1.32, Python SDK 2.3), shortened.

use crate::*;

/// The messages in the events of a stream that comes in slices of this size.
fn stream_messages(stream: &str, slice: usize) -> Vec<(MessageKind, RpcId)> {
    let mut scanner = Scanner::new();
    let mut reader = EventReader::new(1 << 20);
    let mut seen = Vec::new();
    for part in stream.as_bytes().chunks(slice) {
        reader.feed(part, &mut |event| {
            if event.is_message() {
                let document = scanner.scan(event.data);
                seen.extend(messages(&document).map(|found| (found.kind, found.id.into())));
            }
        });
    }
    assert!(reader.finish().is_none());
    seen
}

const TYPESCRIPT: &str = "id: 6868061a-25dc\ndata: \n\nevent: message\nid: ee6e1745\ndata: {\"method\":\
    \"notifications/progress\",\"params\":{\"progress\":1,\"progressToken\":\"tok-1\"},\"jsonrpc\":\"2.0\"}\n\n\
    event: message\nid: ee6e1746\ndata: {\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"a\\nb\"}]},\
    \"jsonrpc\":\"2.0\",\"id\":6}\n\n";
const PYTHON: &str = "id: 437\r\ndata: \r\nretry: 100\r\n\r\n: ping - 2026-11-22 07:22:35\r\n\r\nid: 438\r\n\
    event: message\r\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\
    \"progressToken\":\"tok-1\",\"progress\":0}}\r\n\r\nid: 441\r\nevent: message\r\ndata: {\"jsonrpc\":\
    \"2.0\",\"id\":6,\"result\":{\"content\":[]}}\r\n\r\n";

#[test]
fn the_answer_is_found_behind_priming_events_comments_and_progress() {
    let expected =
        [(MessageKind::Notification, RpcId::None), (MessageKind::Response, RpcId::Integer(6))];
    for stream in [TYPESCRIPT, PYTHON] {
        for slice in [1, 7, stream.len()] {
            assert_eq!(stream_messages(stream, slice), expected);
        }
    }
}

#[test]
fn a_servers_request_is_told_from_the_answer_with_the_same_id() {
    let stream = "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\",\"params\":{}}\n\n\
        data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n";
    let id = RpcId::Integer(1);
    assert_eq!(
        stream_messages(stream, 10),
        [(MessageKind::Request, id.clone()), (MessageKind::Response, id)]
    );
}

#[test]
fn the_endpoint_event_of_the_old_transport_is_no_message() {
    let mut seen = Vec::new();
    let stream = "event: endpoint\r\ndata: /messages/?session_id=5ed53abe5fd9\r\n\r\n";
    EventReader::new(1000).feed(stream.as_bytes(), &mut |event| {
        seen.push((event.name.to_owned(), event.data.to_vec(), event.is_message()));
    });
    let data = b"/messages/?session_id=5ed53abe5fd9".to_vec();
    assert_eq!(seen, [("endpoint".to_owned(), data, false)]);
}

#[test]
fn id_and_method_are_found_after_megabytes_of_params() {
    let rows = r#"{"name":"Alice","tags":["a","b\u00e9"]},"#.repeat(50_000);
    let json = format!(
        r#"{{"params":{{"arguments":{{"rows":[{rows}null]}},"name":"import"}},"jsonrpc":"2.0","id":9,"method":"tools/call"}}"#
    );
    assert!(json.len() > 2_000_000);
    let mut scanner = Scanner::new();
    let document = scanner.scan(json.as_bytes());
    assert!(document.flaws().is_empty());
    let message = messages(&document).next().unwrap();
    assert_eq!((message.kind, RpcId::from(message.id)), (MessageKind::Request, RpcId::Integer(9)));
    assert_eq!(primitive("tools/call", message.params).unwrap().name, "import");
}

#[test]
fn an_event_of_300_kb_comes_in_reads_of_64_kb() {
    let text = "x".repeat(300_000);
    let stream = format!(
        "event: message\r\ndata: {{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{{\"content\":[{{\"type\":\"text\",\
         \"text\":\"{text}\"}}],\"structuredContent\":{{\"result\":\"{text}\"}}}}}}\r\n\r\n"
    );
    assert_eq!(stream_messages(&stream, 65_536), [(MessageKind::Response, RpcId::Integer(2))]);
}

#[test]
fn a_batch_is_answered_by_an_array_or_by_an_event_for_each() {
    let first = r#"{"result":{},"jsonrpc":"2.0","id":30}"#;
    let second =
        r#"{"jsonrpc":"2.0","id":"31","error":{"code":-32601,"message":"Method not found"}}"#;
    let expected = [
        (MessageKind::Response, RpcId::Integer(30)),
        (MessageKind::Response, RpcId::Text("31".into())),
    ];
    let events = format!("event: message\ndata: {first}\n\nevent: message\ndata: {second}\n\n");
    assert_eq!(stream_messages(&events, 50), expected);
    let array = format!("data: [{first},{second}]\n\n");
    assert_eq!(stream_messages(&array, 50), expected);
}

#[test]
fn errors_without_an_id_are_answers_to_nothing_in_particular() {
    let mut scanner = Scanner::new();
    for json in [
        r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request"},"id":null}"#,
        r#"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Missing session ID"}}"#,
        r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"}}"#,
    ] {
        let document = scanner.scan(json.as_bytes());
        let message = messages(&document).next().unwrap();
        assert_eq!(message.kind, MessageKind::Response, "{json}");
        assert!(message.error.unwrap().get("code").unwrap().as_i64() < Some(0));
    }
}

#[test]
fn answers_that_are_no_json_are_no_messages() {
    let html =
        b"<!DOCTYPE html>\n<html lang=\"en\"><pre>SyntaxError: Unexpected token</pre></html>";
    for body in [&html[..], b"Accepted", b"Could not find session", b""] {
        let mut scanner = Scanner::new();
        let document = scanner.scan(body);
        assert!(!document.flaws().is_empty());
        assert_eq!(messages(&document).count(), 0);
        assert_eq!(may_be_mcp_body(body, true), Some(false));
    }
}

#[test]
fn the_same_text_raw_and_escaped_is_the_same() {
    let raw = r#"{"method":"tools/call","params":{"name":"käse €😀"}}"#;
    let escaped = r#"{"method":"tools\/call","params":{"name":"k\u00e4se \u20ac\ud83d\ude00"}}"#;
    let name = |json: &str| {
        let mut scanner = Scanner::new();
        let document = scanner.scan(json.as_bytes());
        let message = messages(&document).next().unwrap();
        primitive(message.method.as_deref().unwrap(), message.params).unwrap().name.into_owned()
    };
    assert_eq!(name(raw), name(escaped));
}

#[test]
fn hostile_names_are_kept_as_they_are() {
    let long = "n".repeat(1 << 20);
    for name in ["<script>alert(1)</script>", "'; DROP TABLE calls;--", "a\nb\r\n\u{0}", &long] {
        let json =
            serde_json::json!({"method": "tools/call", "params": {"name": name}}).to_string();
        let mut scanner = Scanner::new();
        let document = scanner.scan(json.as_bytes());
        let message = messages(&document).next().unwrap();
        assert_eq!(primitive("tools/call", message.params).unwrap().name, name);
    }
}

#[test]
fn a_batch_of_ten_thousand_is_read_message_by_message() {
    let one = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let json = format!("[{}]", vec![one; 10_000].join(","));
    let mut scanner = Scanner::new();
    let document = scanner.scan(json.as_bytes());
    assert!(messages(&document).is_batch());
    assert_eq!(messages(&document).filter(|one| one.kind == MessageKind::Request).count(), 10_000);
}
