//! What reading one exchange costs: `cargo bench -p exchange`. Prints nanoseconds per exchange.
#![allow(clippy::print_stdout)]

use exchange::{
    BodyEnd, Capture, CaptureLevel, CaptureRules, Derive, Interpreter, ProvenPaths, Rules,
};
use protocol::RpcId;
use record::{
    Answer, Call, CallRef, Direction, Event, Exchange, HashKey, Mask, Micros, PartRef, Patience,
    Place, Sink,
};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const ROUNDS: u32 = 100_000;
const REPEATS: usize = 7;

/// Looks at what it is given and forgets it.
struct Nowhere;

impl Sink for Nowhere {
    fn place(&mut self, exchange: &Exchange<'_>, _: Patience) -> Place {
        black_box(exchange);
        Place::Part(PartRef(1))
    }
    fn call(&mut self, _: PartRef, _: &Exchange<'_>, call: &Call<'_>) -> Option<CallRef> {
        black_box(call);
        None
    }
    fn complete(&mut self, _: CallRef, _: &Answer<'_>) {}
    fn answer(&mut self, _: PartRef, _: Direction, _: &RpcId, _: &Answer<'_>) {}
    fn cancel(&mut self, _: PartRef, _: &RpcId, _: Micros) {}
    fn judged(&mut self, _: record::PartRef, _: &record::ControlRef<'_>, _: record::Judged) {}

    fn listed(&mut self, _: &Exchange<'_>, _: &record::Listing<'_>) {}

    fn event(&mut self, _: PartRef, _: &Exchange<'_>, _: &Event) {}
}

fn rules() -> Rules {
    Rules {
        server_name: None,
        session_hashed: false,
        derive: Derive::BuiltIn,
        idle_us: 1_800_000_000,
        user_hashed: false,
        role_separator: None,
        params: Vec::new(),
        capture: CaptureRules {
            arguments: CaptureLevel::Masked,
            results: CaptureLevel::Shape,
            limit_bytes: 16 << 10,
        },
        skip: Vec::new(),
        mask: Arc::new(Mask::built_in()),
        hash_key: None,
        body_bytes_max: 1 << 20,
        response_bytes_max: 1 << 20,
        proven: ProvenPaths::default(),
        records: true,
        controls: None,
    }
}

fn capture(rules: &Arc<Rules>, request: &str, answer: &str, content_type: &str) -> Capture {
    let mut capture = Capture { rules: Some(Arc::clone(rules)), ..Capture::default() };
    capture.facts.host = capture.push(b"crm.example.com");
    capture.facts.path = capture.push(b"/mcp");
    capture.facts.accept = capture.push(b"application/json, text/event-stream");
    capture.facts.session_header = capture.push(b"0f1e2d3c4b5a69780f1e2d3c4b5a6978");
    capture.facts.protocol_version = capture.push(b"2025-11-25");
    capture.facts.user_agent = capture.push(b"python-httpx2/2.16.2");
    capture.facts.address = capture.push(b"10.0.0.7");
    capture.facts.user = capture.push(b"alice@example.com");
    capture.facts.role = capture.push(b"[\"admin\"]");
    capture.facts.authorization = capture.push(&[b'x'; 700]);
    capture.facts.request_id = capture.push(b"0123456789abcdef0123456789abcdef");
    capture.facts.status = 200;
    capture.facts.now_us = 1200;
    capture.facts.first_byte_us = 1100;
    capture.request.content_type = capture.push(b"application/json");
    capture.response.content_type = capture.push(content_type.as_bytes());
    for (body, bytes) in [(&mut capture.request, request), (&mut capture.response, answer)] {
        body.bytes.extend_from_slice(bytes.as_bytes());
        body.passed = bytes.len() as u64;
        body.end = BodyEnd::Complete;
    }
    capture
}

fn main() {
    // A number as the argument asks for fewer rounds, for tools that count instructions.
    let rounds = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(ROUNDS);
    let request = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","arguments":{"query":"contacts in Berlin who have not been called since spring","limit":20,"sort":"last_seen"}}}"#;
    let answer = r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"{\"contacts\":[{\"name\":\"Ada\",\"id\":17},{\"name\":\"Grace\",\"id\":18}]}"}],"structuredContent":{"contacts":[{"name":"Ada","id":17},{"name":"Grace","id":18}]},"isError":false,"_meta":{"took_ms":12}}}"#;
    let stream = format!(
        "id: 6868061a-25dc-4db1\r\ndata: \r\n\r\nevent: message\r\nid: ee6e1745\r\ndata: {answer}\r\n\r\n"
    );
    let modern = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","arguments":{"query":"contacts"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"probe","version":"1.0.0"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    let other = r#"{"jsonrpc":"2.0","id":7,"method":"eth_call","params":[{"to":"0x00"},"latest"]}"#;
    let cases = [
        ("JSON answer", request, answer, "application/json"),
        ("stream answer", request, stream.as_str(), "text/event-stream"),
        ("stateless", modern, answer, "application/json"),
        ("not MCP", other, answer, "application/json"),
    ];
    for (name, request, answer, content_type) in cases {
        let rules = Arc::new(rules());
        let mut capture = capture(&rules, request, answer, content_type);
        if name == "not MCP" || name == "stateless" {
            capture.facts.session_header = exchange::Span::default();
            capture.facts.protocol_version = exchange::Span::default();
        }
        let mut interpreter = Interpreter::new(HashKey::new([7; 32]));
        let mut times: Vec<f64> = (0..REPEATS)
            .map(|_| {
                let start = Instant::now();
                for _ in 0..rounds {
                    let taken = interpreter.take(&mut capture, Patience::Decide, &mut Nowhere);
                    black_box(taken);
                }
                start.elapsed().as_nanos() as f64 / f64::from(rounds)
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let (lowest, median) = (times.first().copied(), times.get(REPEATS / 2).copied());
        println!(
            "{name:>14}: {:>4} + {:>4} bytes, median {:.0} ns, lowest {:.0} ns",
            request.len(),
            answer.len(),
            median.unwrap_or_default(),
            lowest.unwrap_or_default(),
        );
    }
}
