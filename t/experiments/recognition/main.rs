//! `recognition read` reads documents, one a line in hexadecimal digits, and writes what this
//! project's scanner and serde_json make of each, one JSON line a reader. `recognition throughput`
//! measures both.

mod throughput;

use std::io::{BufRead, Write};

use protocol::{Message, RpcId, Scanner, messages, primitive};
use serde_json::{Value, json};

fn main() -> std::io::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("read") => read(),
        Some("throughput") => throughput::measure(),
        _ => Err(std::io::Error::other("usage: recognition read|throughput")),
    }
}

fn read() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut scanner = Scanner::new();
    for line in std::io::stdin().lock().lines() {
        let bytes = unhex(line?.trim());
        writeln!(out, "{}\n{}", ours(&mut scanner, &bytes), theirs(&bytes))?;
    }
    out.flush()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
    text.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn ours(scanner: &mut Scanner, bytes: &[u8]) -> Value {
    let document = scanner.scan(bytes);
    let flaws: Vec<_> = document.all_flaws().names().collect();
    let message = messages(&document).next();
    let call = message.as_ref().map(call);
    json!({ "ok": flaws.is_empty(), "flaws": flaws, "call": call })
}

fn call(message: &Message<'_>) -> Value {
    let method = message.method.as_deref();
    let name = method.and_then(|method| primitive(method, message.params));
    json!([method, RpcId::from(message.id).to_json(), name.map(|primitive| primitive.name)])
}

fn theirs(bytes: &[u8]) -> Value {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => {
            let value = value.get(0).unwrap_or(&value);
            let id = value.get("id").map(Value::to_string);
            let method = value.get("method").filter(|method| method.is_string());
            json!({ "ok": true, "call": [method, id, value.pointer("/params/name")] })
        }
        Err(error) => json!({ "ok": false, "error": error.to_string() }),
    }
}
