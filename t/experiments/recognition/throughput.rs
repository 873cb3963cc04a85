//! Time a document takes, best of several rounds, since other work on the machine only adds.

use std::hint::black_box;
use std::time::Instant;

use protocol::{
    Boundary, HeaderHints, RequestHeaders, Scanner, boundary, detect, may_be_mcp_body, messages,
    primitive,
};

/// Bytes read in one round.
const ROUND_BYTES: usize = 500_000;
const ROUNDS: usize = 200;

fn call(arguments: &str) -> Vec<u8> {
    format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":17,\"method\":\"tools/call\",\"params\":{{\"name\":\"search\",\
         \"arguments\":{arguments},\"_meta\":{{\"progressToken\":17}}}}}}"
    )
    .into_bytes()
}

fn documents() -> Vec<(&'static str, Vec<u8>)> {
    let row = r#"{"id":4711,"name":"Alice Example","mail":"alice@example.com","balance":-12.5,"tags":["a","b"],"active":true}"#;
    let rows = |count: usize| call(&format!("{{\"rows\":[{}]}}", vec![row; count].join(",")));
    let text = "A line of a text that a model wrote, as long as they are. ".repeat(5300);
    vec![
        (
            "200 B, a call",
            call(
                r#"{"query":"open invoices","limit":25,"customer":"acme gmbh","since":"2026-01-01"}"#,
            ),
        ),
        ("10 kB, 86 small objects", rows(86)),
        ("300 kB, 2,600 small objects", rows(2600)),
        ("300 kB, one string", call(&format!("{{\"text\":\"{text}\"}}"))),
        (
            "300 kB, one string with \\n in every line",
            call(&format!("{{\"text\":\"{}\"}}", text.replace(". ", ".\\n"))),
        ),
    ]
}

/// Nanoseconds a call of `work` takes.
fn time(bytes: usize, mut work: impl FnMut()) -> f64 {
    let calls = (ROUND_BYTES / bytes).max(1);
    let rounds = (0..ROUNDS).map(|_| {
        let begun = Instant::now();
        (0..calls).for_each(|_| work());
        begun.elapsed().as_nanos() as f64 / calls as f64
    });
    rounds.fold(f64::INFINITY, f64::min)
}

pub(crate) fn measure() -> std::io::Result<()> {
    println!(
        "| document | scan | scan, message, primitive | scan, boundary | serde_json::Value | may_be_mcp_body |"
    );
    println!("|---|---|---|---|---|---|");
    for (name, bytes) in documents() {
        let mut scanner = Scanner::new();
        let mut times = Vec::new();
        times.push(time(bytes.len(), || {
            black_box(scanner.scan(black_box(&bytes)).flaws());
        }));
        times.push(time(bytes.len(), || {
            let document = scanner.scan(black_box(&bytes));
            for message in messages(&document) {
                let method = message.method.as_deref().unwrap_or_default();
                black_box(detect(&message, &HeaderHints::default()));
                black_box(primitive(method, message.params));
            }
        }));
        let headers = RequestHeaders { content_type: b"application/json", ..Default::default() };
        times.push(time(bytes.len(), || {
            let document = scanner.scan_body(black_box(&bytes));
            assert_eq!(boundary(&document, black_box(&headers)), Boundary::Calls);
        }));
        times.push(time(bytes.len(), || {
            black_box(serde_json::from_slice::<serde_json::Value>(black_box(&bytes)).ok());
        }));
        times.push(time(bytes.len(), || {
            black_box(may_be_mcp_body(black_box(&bytes), true));
        }));
        let cells: Vec<_> = times
            .iter()
            .map(|nanos| format!("{:.2} µs, {:.2} GB/s", nanos / 1e3, bytes.len() as f64 / nanos))
            .collect();
        println!("| {name} ({} B) | {} |", bytes.len(), cells.join(" | "));
    }
    Ok(())
}
