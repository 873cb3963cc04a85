//! Exchanges of random bytes: whatever is in them, and however the answer is cut, the records are
//! the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use exchange::{
    BodyEnd, Capture, CaptureLevel, CaptureRules, Derive, Interpreter, Method, Part, ProvenPaths,
    Rules,
};
use protocol::RpcId;
use record::{
    Answer, Call, CallRef, Direction, Event, Exchange, HashKey, Mask, Micros, Outcome, PartRef,
    Patience, Place, Sink,
};

/// What stands between the request and the answer in the input.
const BETWEEN: &[u8] = b"\n----\n";

/// The first byte chooses the circumstances; then come a request and an answer.
pub const SEEDS: &[&[u8]] = &[
    b"\x00{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"x\",\"arguments\":{\"password\":\"p\"}}}\n----\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[],\"isError\":true}}",
    b"\x01[{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"ping\"},{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}},7]\n----\nid: 1\ndata:\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\"}\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":1}}\r\n\r\ndata: {\"result\":{},\"id\":\"a\",\"jsonrpc\":\"2.0\"}\n\n",
    b"\x03\n----\nevent: endpoint\ndata: /m?sessionId=7\n\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2024-11-05\",\"capabilities\":{},\"serverInfo\":{\"name\":\"n\"}}}\n\n",
    b"\x05{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\",\"clientInfo\":{\"name\":\"c\"}}}\n----\ndata: {\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"no\"}}\n\n",
    b"\x09{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"x\",\"requestState\":\"s\",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}\n----\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resultType\":\"input_required\",\"requestState\":\"t\"}}\n\n",
];

/// Takes the exchange whole and in parts, and compares what the sink was told.
pub fn exchange(bytes: &[u8]) {
    let (&choice, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let at = rest.windows(BETWEEN.len()).position(|here| here == BETWEEN);
    let request = &rest[..at.unwrap_or(rest.len())];
    let answer = at.map_or(&[][..], |at| &rest[at + BETWEEN.len()..]);
    let whole = recorded(choice, request, answer, &[]);
    let length = answer.len();
    for cut in [0, length / 3, length / 2, length.saturating_sub(3), length] {
        assert_eq!(recorded(choice, request, answer, &[cut]), whole, "cut at {cut}");
    }
    let every: Vec<usize> = (0..=length.min(200)).collect();
    assert_eq!(recorded(choice, request, answer, &every), whole, "cut at every byte");
}

fn rules() -> Arc<Rules> {
    Arc::new(Rules {
        server_name: None,
        session_hashed: false,
        derive: Derive::BuiltIn,
        idle_us: 1_800_000_000,
        user_hashed: false,
        role_separator: None,
        params: Vec::new(),
        capture: CaptureRules {
            arguments: CaptureLevel::Masked,
            results: CaptureLevel::Masked,
            limit_bytes: 4096,
        },
        skip: Vec::new(),
        mask: Arc::new(Mask::built_in()),
        hash_key: None,
        body_bytes_max: 1 << 20,
        response_bytes_max: 1 << 20,
        proven: ProvenPaths::default(),
        records: true,
        controls: None,
    })
}

fn recorded(choice: u8, request: &[u8], answer: &[u8], cuts: &[usize]) -> String {
    let rules = rules();
    let mut interpreter = Interpreter::new(HashKey::new([7; 32]));
    let mut sink = Folding::default();
    let mut from = 0;
    for (index, &cut) in cuts.iter().enumerate() {
        let part = if index == 0 { Part::First } else { Part::Middle };
        let mut capture = capture(choice, &rules, part, request, &answer[from..cut]);
        interpreter.take(&mut capture, Patience::Decide, &mut sink);
        from = cut;
    }
    let part = if cuts.is_empty() { Part::Only } else { Part::Last };
    let mut capture = capture(choice, &rules, part, request, &answer[from..]);
    interpreter.take(&mut capture, Patience::Decide, &mut sink);
    assert_eq!(interpreter.open_streams(), 0);
    sink.text()
}

fn capture(choice: u8, rules: &Arc<Rules>, part: Part, request: &[u8], answer: &[u8]) -> Capture {
    let mut capture =
        Capture { part, stream: 1, rules: Some(Arc::clone(rules)), ..Capture::default() };
    let is_stream = choice & 1 != 0;
    let is_get = choice & 2 != 0;
    let is_end = matches!(part, Part::Only | Part::Last);
    if part != Part::Middle {
        capture.facts.method = if is_get { Method::Get } else { Method::Post };
        capture.facts.status = if choice & 16 != 0 { 400 } else { 200 };
        capture.facts.host = capture.push(b"h");
        capture.facts.path = capture.push(b"/mcp");
        capture.facts.accept = capture.push(b"application/json, text/event-stream");
        if choice & 4 != 0 || is_get {
            capture.facts.session_header = capture.push(b"s1");
        }
        if choice & 8 != 0 {
            capture.facts.protocol_version = capture.push(b"2026-07-28");
        }
        let coding: &[u8] = if choice & 32 != 0 { b"gzip" } else { b"" };
        capture.response.content_encoding = capture.push(coding);
        let media: &[u8] = if is_stream { b"text/event-stream" } else { b"application/json" };
        capture.response.content_type = capture.push(media);
        capture.facts.client_gone = is_end && choice & 64 != 0;
    }
    if matches!(part, Part::Only | Part::First) {
        capture.request.bytes.extend_from_slice(request);
        capture.request.passed = request.len() as u64;
        capture.request.end = BodyEnd::Complete;
    }
    capture.response.bytes.extend_from_slice(answer);
    capture.response.passed = answer.len() as u64;
    let end = if choice & 128 != 0 { BodyEnd::Aborted } else { BodyEnd::Complete };
    capture.response.end = if is_end { end } else { BodyEnd::Open };
    capture
}

/// Remembers what it was told as text, with later completions in their place.
#[derive(Default)]
struct Folding {
    sessions: BTreeMap<String, u64>,
    calls: Vec<(String, String)>,
    rest: Vec<String>,
    bytes: (u64, u64),
}

impl Folding {
    fn text(&self) -> String {
        format!("{:?}\n{:?}\n{:?}\n{:?}", self.sessions, self.calls, self.rest, self.bytes)
    }
}

fn words(answer: &Answer<'_>) -> String {
    let mut out = answer.outcome.as_str().to_owned();
    // What is still pending keeps the counts of its beginning.
    if answer.outcome != Outcome::Pending {
        let result = answer.result.map(|result| result.json);
        let _ = write!(
            out,
            " {result:?} {:?} {:?} {} {:?} {}",
            answer.error_code,
            answer.error_message,
            answer.notifications,
            answer.coverage,
            answer.bytes_out
        );
    }
    out
}

impl Sink for Folding {
    fn place(&mut self, exchange: &Exchange<'_>, _: Patience) -> Place {
        let claim = exchange.session;
        let key =
            format!("{} {:?} {} {}", exchange.server.name, claim.source, claim.id, claim.group);
        let next = self.sessions.len() as u64;
        self.bytes.0 += exchange.bytes_in;
        self.bytes.1 += exchange.bytes_out;
        Place::Part(PartRef(*self.sessions.entry(key).or_insert(next)))
    }

    fn call(&mut self, part: PartRef, _: &Exchange<'_>, call: &Call<'_>) -> Option<CallRef> {
        let words_of_call = format!(
            "{} {:?} {} {:?} {:?} {:?} {} {:?} {:?}",
            part.0,
            call.direction,
            call.rpc_id,
            call.method,
            call.primitive,
            call.arguments,
            call.bytes_in,
            call.coverage,
            call.continues
        );
        self.calls.push((words_of_call, words(&call.answer)));
        let row = self.calls.len() as i64 - 1;
        (call.answer.outcome == Outcome::Pending).then_some(CallRef { day: 0, row })
    }

    fn complete(&mut self, call: CallRef, answer: &Answer<'_>) {
        self.calls[call.row as usize].1 = words(answer);
    }

    fn answer(&mut self, part: PartRef, way: Direction, id: &RpcId, answer: &Answer<'_>) {
        self.rest.push(format!("{} {way:?} {id} {}", part.0, words(answer)));
    }

    fn cancel(&mut self, part: PartRef, id: &RpcId, _: Micros) {
        self.rest.push(format!("{} cancel {id}", part.0));
    }

    fn judged(&mut self, _: record::PartRef, _: &record::ControlRef<'_>, _: record::Judged) {}

    fn listed(&mut self, exchange: &Exchange<'_>, listing: &record::Listing<'_>) {
        self.rest.push(format!("{} {listing:?}", exchange.server.name));
    }

    fn event(&mut self, part: PartRef, _: &Exchange<'_>, event: &Event) {
        self.rest.push(format!("{} {:?} {}", part.0, event.kind, event.count));
    }
}
