use super::{RequestView, ResponseFacts, ResponseView};
use crate::BodyEnd;
use crate::testing::rules;
use protocol::RpcId;
use record::Outcome;

const CALL: &[u8] = br#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"search",
    "arguments":{"tenant":"acme","n":7,"deep":{"x":[1,null]}},"_meta":{
    "io.modelcontextprotocol/protocolVersion":"2026-07-28",
    "io.modelcontextprotocol/clientInfo":{"name":"probe","version":"1"}}}}"#;

fn facts(content_type: &'static str, status: u16) -> ResponseFacts<'static> {
    ResponseFacts {
        content_type: content_type.as_bytes(),
        content_encoding: b"",
        status,
        end: BodyEnd::Complete,
        is_client_gone: false,
    }
}

#[test]
fn a_request_shows_what_it_asks_for() {
    let rules = rules();
    let view = RequestView::read(CALL, b"", &rules);
    assert_eq!(view.method, "tools/call");
    assert_eq!(view.primitive, "search");
    assert_eq!(view.rpc_id, RpcId::Text("a".to_owned()));
    assert_eq!(view.protocol_version, "2026-07-28");
    assert_eq!(view.client, "probe");
    assert_eq!(view.pointer("/params/arguments/tenant").as_deref(), Some("acme"));
    assert_eq!(view.pointer("/params/arguments/n").as_deref(), Some("7"));
    assert_eq!(view.pointer("/params/arguments/deep").as_deref(), Some(r#"{"x":[1,null]}"#));
    assert_eq!(view.pointer("/params/arguments/deep/x/1"), None);
    assert_eq!(view.pointer("/nothing"), None);
}

#[test]
fn bodies_in_utf_16_show_the_same() {
    let rules = rules();
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let body = wide(std::str::from_utf8(CALL).unwrap());
    let view = RequestView::read(&body, b"", &rules);
    assert_eq!((view.method.as_str(), view.primitive.as_str()), ("tools/call", "search"));
    assert_eq!(view.pointer("/params/arguments/tenant").as_deref(), Some("acme"));
    let answer = wide(r#"{"jsonrpc":"2.0","id":"a","result":{"x":1}}"#);
    let answer = ResponseView::read(&answer, &facts("application/json", 200), &view, &rules);
    assert_eq!(answer.outcome, Outcome::Ok);
    assert_eq!(answer.pointer("/result/x").as_deref(), Some("1"));
}

#[test]
fn of_a_batch_the_first_message_is_shown() {
    let rules = rules();
    let body =
        br#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"x"}]"#;
    let view = RequestView::read(body, b"", &rules);
    assert_eq!(view.method, "ping");
    let answers =
        br#"[{"jsonrpc":"2.0","id":2,"result":{"n":2}},{"jsonrpc":"2.0","id":1,"result":{"n":1}}]"#;
    let answer = ResponseView::read(answers, &facts("application/json", 200), &view, &rules);
    assert_eq!(answer.outcome, Outcome::Ok);
    assert_eq!(answer.pointer("/result/n").as_deref(), Some("1"));
}

#[test]
fn the_answer_is_found_in_a_stream_by_its_id() {
    let rules = rules();
    let view = RequestView::read(CALL, b"", &rules);
    let body = b"id: 1\ndata:\n\nevent: message\r\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\n\r\n\
        data: {\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32602,\"message\":\"no\"},\"id\":\"a\"}\n\n";
    let answer = ResponseView::read(body, &facts("text/event-stream", 200), &view, &rules);
    assert_eq!((answer.outcome, answer.error_code), (Outcome::RpcError, Some(-32602)));
}

#[test]
fn without_an_answer_the_status_decides() {
    let rules = rules();
    let view = RequestView::read(CALL, b"", &rules);
    let outcome =
        |status| ResponseView::read(b"<html>", &facts("text/html", status), &view, &rules).outcome;
    assert_eq!(outcome(502), Outcome::HttpError);
    assert_eq!(outcome(200), Outcome::Unobserved);
    assert_eq!(outcome(202), Outcome::Pending);
    assert_eq!(outcome(499), Outcome::Aborted);
    let note = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let view = RequestView::read(note, b"", &rules);
    let answer = ResponseView::read(b"", &facts("", 202), &view, &rules);
    assert_eq!(answer.outcome, Outcome::Accepted);
}

#[test]
fn what_is_no_json_shows_nothing() {
    let rules = rules();
    let method = b"{\"method\":\"GET\"}";
    for body in [&b""[..], b"{", b"hello", b"\xff\xfe{\0", b"[]", method] {
        let view = RequestView::read(body, b"", &rules);
        assert_eq!((view.method.as_str(), view.primitive.as_str()), ("", ""));
        assert_eq!(view.pointer("/method"), None);
    }
}
