//! Hostile input is normal input: nothing panics, everything is bounded.

use crate::limits::{
    ERROR_MESSAGE_BYTES_MAX, HELD_MAX, MESSAGES_MAX, METHOD_BYTES_MAX, STREAMS_MAX,
};
use crate::testing::{Collector, Exchange, interpreter, recorded, rules};
use crate::{BodyEnd, Interpreter, Method, Part, Rules};
use proptest::prelude::*;
use record::Patience;
use std::sync::Arc;

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"}}"#;
const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;

#[test]
fn of_a_large_batch_the_first_messages_are_recorded_and_the_rest_is_counted() {
    let one = |id: usize| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
    let many = MESSAGES_MAX * 10;
    let batch = format!("[{}]", (0..many).map(one).collect::<Vec<_>>().join(","));
    let answers: Vec<String> = (0..many)
        .rev()
        .map(|id| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#))
        .collect();
    let answer = format!("[{}]", answers.join(","));
    let exchange = Exchange::post(&batch, 200, &answer).with("mcp-session-id", "s1");
    let rules = Arc::new(rules());
    let (mut interpreter, mut sink) = (interpreter(), Collector::default());
    exchange.take(&mut interpreter, &rules, &mut sink);
    let text = sink.text();
    assert_eq!(sink.calls(), MESSAGES_MAX + 1);
    assert_eq!(text.matches("-> ok {}").count(), MESSAGES_MAX);
    assert!(text.contains(r#"{"left_out":9000}"#), "{}", text.lines().last().unwrap());
    assert_eq!(interpreter.bounds().messages, 9000);
}

#[test]
fn long_names_and_messages_are_cut() {
    let long = "ä".repeat(1 << 20);
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":"{long}","method":"tools/{long}","params":{{"name":"{long}"}}}}"#
    );
    let error =
        format!(r#"{{"jsonrpc":"2.0","id":"{long}","error":{{"code":1,"message":"{long}"}}}}"#);
    let rules = Rules { body_bytes_max: 8 << 20, response_bytes_max: 8 << 20, ..rules() };
    let text = recorded(rules, &[Exchange::post(&call, 200, &error).with("mcp-session-id", "s1")]);
    assert!(text.contains("rpc_error 1"), "matched by its id all the same");
    let all = METHOD_BYTES_MAX + ERROR_MESSAGE_BYTES_MAX + (16 << 10) + 8192;
    assert!(text.len() < all, "{}", text.len());
}

#[test]
fn what_a_limit_cut_is_recorded_as_truncated() {
    let mut exchange = Exchange::post(CALL, 200, "").with("mcp-session-id", "s1");
    exchange.answer =
        br#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"aaa"#.to_vec();
    let rules = Arc::new(rules());
    let mut sink = Collector::default();
    let mut capture = exchange.part(&rules, Part::Only, 0..exchange.answer.len());
    capture.response.lost = 1000;
    interpreter().take(&mut capture, Patience::Decide, &mut sink);
    let text = sink.text();
    assert!(text.contains("-> unobserved {") && text.contains("[truncated "), "{text}");
    let mut sink = Collector::default();
    exchange.body = CALL.replace("tools/call", "resources/read").into_bytes();
    let mut capture = exchange.part(&rules, Part::Only, 0..exchange.answer.len());
    capture.response.lost = 1000;
    interpreter().take(&mut capture, Patience::Decide, &mut sink);
    assert!(sink.text().contains("-> ok {"), "{}", sink.text());
    let mut sink = Collector::default();
    let mut capture = exchange.part(&rules, Part::Only, 0..exchange.answer.len());
    capture.request.bytes.truncate(60);
    capture.request.lost = 20;
    interpreter().take(&mut capture, Patience::Decide, &mut sink);
    assert!(
        sink.text().contains("#1 resources/read {\"…\":\"…\"}… [truncated "),
        "{}",
        sink.text()
    );
}

#[test]
fn no_more_streams_are_followed_than_there_is_room_for() {
    let get = Exchange::get(200, "").with("mcp-session-id", "s1");
    let rules = Arc::new(rules());
    let (mut interpreter, mut sink) = (interpreter(), Nothing);
    for stream in 0..STREAMS_MAX as u64 + 10 {
        let mut capture = get.part(&rules, Part::First, 0..0);
        capture.stream = stream;
        interpreter.take(&mut capture, Patience::Decide, &mut sink);
    }
    assert_eq!(interpreter.open_streams(), STREAMS_MAX);
    assert_eq!(interpreter.bounds().streams, 10);
}

#[test]
fn no_more_beginnings_are_kept_back_than_there_is_room_for() {
    let post = Exchange::post(CALL, 200, RESULT).with("mcp-session-id", "s1");
    let rules = Arc::new(rules());
    let (mut interpreter, mut sink) = (interpreter(), Collector::default());
    for stream in 0..HELD_MAX as u64 {
        let mut capture = post.part(&rules, Part::First, 0..10);
        capture.stream = stream;
        interpreter.take(&mut capture, Patience::Decide, &mut sink);
    }
    assert_eq!((sink.calls(), interpreter.bounds().streams), (0, 0));
    let mut capture = post.part(&rules, Part::First, 0..10);
    capture.stream = u64::MAX;
    interpreter.take(&mut capture, Patience::Decide, &mut sink);
    assert_eq!((sink.calls(), interpreter.bounds().streams), (1, 1));
    assert!(sink.text().contains("-> unobserved [truncated"), "{}", sink.text());
    let mut capture = post.part(&rules, Part::Last, 10..post.answer.len());
    capture.stream = 7;
    interpreter.take(&mut capture, Patience::Decide, &mut sink);
    assert_eq!(interpreter.open_streams(), HELD_MAX - 1);
    assert!(sink.text().contains("-> ok"), "{}", sink.text());
}

#[test]
fn a_stream_without_a_newline_needs_no_more_than_its_limit() {
    let rules = Arc::new(Rules { response_bytes_max: 64 << 10, ..rules() });
    let mut exchange = Exchange::stream(CALL, "").with("mcp-session-id", "s1");
    exchange.answer = vec![b'x'; 1 << 20];
    let (mut interpreter, mut sink) = (interpreter(), Collector::default());
    let mut first = exchange.part(&rules, Part::First, 0..0);
    interpreter.take(&mut first, Patience::Decide, &mut sink);
    for _ in 0..100 {
        let mut middle = exchange.part(&rules, Part::Middle, 0..1 << 20);
        interpreter.take(&mut middle, Patience::Decide, &mut sink);
    }
    let mut last = exchange.part(&rules, Part::Last, 0..0);
    interpreter.take(&mut last, Patience::Decide, &mut sink);
    assert!(sink.text().contains("tools/call tool:search [full"), "{}", sink.text());
    assert!(sink.text().contains("out=104857600"), "{}", sink.text());
    assert_eq!(interpreter.open_streams(), 0);
}

#[test]
fn a_million_events_are_counted() {
    let rules = Arc::new(rules());
    let note = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n";
    let exchange = Exchange::get(200, &note.repeat(10_000)).with("mcp-session-id", "s1");
    let (mut interpreter, mut sink) = (interpreter(), Collector::default());
    let length = exchange.answer.len();
    let mut first = exchange.part(&rules, Part::First, 0..length);
    interpreter.take(&mut first, Patience::Decide, &mut sink);
    for _ in 0..98 {
        let mut middle = exchange.part(&rules, Part::Middle, 0..length);
        interpreter.take(&mut middle, Patience::Decide, &mut sink);
    }
    let mut last = exchange.part(&rules, Part::Last, 0..length);
    interpreter.take(&mut last, Patience::Decide, &mut sink);
    assert!(sink.text().ends_with("stream_closed 1000000\n"), "{}", sink.text());
}

#[test]
fn a_gzip_bomb_is_recorded_as_truncated() {
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(CALL.as_bytes().strip_suffix(b"}").unwrap()).unwrap();
    encoder.write_all(&vec![b' '; 64 << 20]).unwrap();
    let mut exchange = Exchange::post("", 200, RESULT).with("content-encoding", "gzip");
    exchange.body = encoder.finish().unwrap();
    let text = recorded(rules(), &[exchange.with("mcp-session-id", "s1")]);
    assert!(text.contains("#1 tools/call tool:search [truncated"), "{text}");
}

#[test]
fn after_a_reset_of_the_store_an_answer_looks_for_its_call_by_its_id() {
    let rules = Arc::new(rules());
    let exchange =
        Exchange::stream(CALL, &format!("data: {RESULT}\n\n")).with("mcp-session-id", "s1");
    rules.proven.add(b"/mcp");
    let (mut interpreter, mut sink) = (interpreter(), Collector::default());
    let mut first = exchange.part(&rules, Part::First, 0..0);
    interpreter.take(&mut first, Patience::Decide, &mut sink);
    interpreter.forget_all();
    // A sink that stores nothing twice: the reference of before must not be used.
    let mut sink = Collector::default();
    let mut last = exchange.part(&rules, Part::Last, 0..exchange.answer.len());
    interpreter.take(&mut last, Patience::Decide, &mut sink);
    assert!(sink.text().contains("unmatched in 0: Client 1 ok"), "{}", sink.text());
}

/// Takes anything, keeps nothing.
struct Nothing;

impl record::Sink for Nothing {
    fn place(&mut self, _: &record::Exchange<'_>, _: Patience) -> record::Place {
        record::Place::Part(record::PartRef(0))
    }
    fn call(
        &mut self,
        _: record::PartRef,
        _: &record::Exchange<'_>,
        _: &record::Call<'_>,
    ) -> Option<record::CallRef> {
        None
    }
    fn complete(&mut self, _: record::CallRef, _: &record::Answer<'_>) {}
    fn answer(
        &mut self,
        _: record::PartRef,
        _: record::Direction,
        _: &protocol::RpcId,
        _: &record::Answer<'_>,
    ) {
    }
    fn cancel(&mut self, _: record::PartRef, _: &protocol::RpcId, _: record::Micros) {}
    fn judged(&mut self, _: record::PartRef, _: &record::ControlRef<'_>, _: record::Judged) {}

    fn listed(&mut self, _: &record::Exchange<'_>, _: &record::Listing<'_>) {}

    fn event(&mut self, _: record::PartRef, _: &record::Exchange<'_>, _: &record::Event) {}
}

/// Text of JSON's and the event stream's own characters, so that much of it makes some sense.
fn wire() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(CALL.as_bytes().to_vec()),
        Just(RESULT.as_bytes().to_vec()),
        Just(b"data: ".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b"event: endpoint\ndata: /m?sessionId=7\n\n".to_vec()),
        Just(b"[".to_vec()),
        Just(b"]".to_vec()),
        Just(b",".to_vec()),
        Just(
            br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#
                .to_vec()
        ),
        Just(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.to_vec()),
        Just(br#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"x"}}"#.to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn any_end() -> impl Strategy<Value = BodyEnd> {
    prop_oneof![
        Just(BodyEnd::Open),
        Just(BodyEnd::Complete),
        Just(BodyEnd::Aborted),
        Just(BodyEnd::Discarded),
        Just(BodyEnd::Unobserved),
    ]
}

proptest! {
    #[test]
    fn whatever_passes_is_taken(
        (body, answer) in (wire(), wire()),
        cuts in proptest::collection::vec(0_usize..400, 0..4),
        status in prop_oneof![Just(200_u16), Just(202), Just(404), Just(401), any::<u16>()],
        method in 0_usize..4,
        (request_end, answer_end) in (any_end(), any_end()),
        session in proptest::option::of("[a-z\\PC]{1,10}"),
        content_type in prop_oneof![Just("text/event-stream"), Just("application/json"), Just("")],
        encoding in prop_oneof![Just(""), Just("gzip"), Just("br"), Just("deflate"), Just("zstd")],
        is_client_gone in any::<bool>(),
        lost in prop_oneof![Just(0_u64), Just(5)],
    ) {
        let methods = ["POST", "GET", "DELETE", "PATCH"];
        let mut exchange = Exchange::post("", status, "")
            .answered("content-type", content_type)
            .answered("content-encoding", encoding)
            .at("/mcp", "sessionId=%7");
        exchange.method = methods[method];
        exchange.body = body;
        exchange.answer = answer;
        exchange.request_end = request_end;
        exchange.answer_end = answer_end;
        exchange.is_client_gone = is_client_gone;
        if let Some(session) = session {
            exchange = exchange.with("mcp-session-id", &session);
        }
        let rules = Arc::new(rules());
        let mut interpreter: Interpreter = interpreter();
        let mut sink = Collector::default();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (exchange.answer.len() + 1)).collect();
        cuts.sort_unstable();
        if cuts.is_empty() {
            let mut capture = exchange.part(&rules, Part::Only, 0..exchange.answer.len());
            capture.response.lost = lost;
            prop_assert!(capture.facts.method != Method::Other || method == 3);
            interpreter.take(&mut capture, Patience::Decide, &mut sink);
        } else {
            exchange.take_cut(&cuts, &mut interpreter, &rules, &mut sink);
        }
        prop_assert_eq!(interpreter.open_streams(), 0);
    }
}

#[test]
fn an_idle_stream_is_small() {
    let get = Exchange::get(200, ": keepalive\n\n")
        .with("mcp-session-id", "0f1e2d3c4b5a69780f1e2d3c4b5a6978");
    let rules = Arc::new(rules());
    let (mut interpreter, mut sink) = (interpreter(), Nothing);
    for stream in 0..100 {
        for (part, range) in [(Part::First, 0..5), (Part::Middle, 5..get.answer.len())] {
            let mut capture = get.part(&rules, part, range);
            capture.stream = stream;
            interpreter.take(&mut capture, Patience::Decide, &mut sink);
        }
    }
    let bytes = interpreter.open_streams_bytes() / 100;
    assert!(bytes <= STREAM_BYTES_MAX, "{bytes} bytes a stream");
}

/// What a stream may cost here while nothing happens in it; nginx's side needs memory of its own.
const STREAM_BYTES_MAX: usize = 1024;
