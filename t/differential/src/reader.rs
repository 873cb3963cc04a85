//! As readers/python.py: bodies from standard input, each behind its length in four bytes; a line
//! for each with the calls that Rust servers would execute.
//!
//! `reader VARIANT ...`

use std::io::{self, BufReader, Read, Write};

use serde::Deserialize;
use serde_json::Value;
use simd_json::prelude::{ValueAsArray, ValueAsScalar, ValueObjectAccess};

type Call = (String, Option<String>);

/// As a server declares it: serde refuses a member twice, and ignores others.
#[derive(Deserialize)]
struct Request {
    method: String,
    #[serde(default)]
    params: Option<Params>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    name: Option<String>,
    uri: Option<String>,
    task_id: Option<String>,
    r#ref: Option<Reference>,
    notifications: Option<Filter>,
}

#[derive(Deserialize)]
struct Reference {
    r#type: String,
    name: Option<String>,
    uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    resource_subscriptions: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    One(Request),
    Batch(Vec<Request>),
}

fn typed(body: Body) -> Vec<Call> {
    match body {
        Body::One(request) => one(request),
        Body::Batch(requests) => requests.into_iter().flat_map(one).collect(),
    }
}

fn one(request: Request) -> Vec<Call> {
    let method = request.method;
    let Some(params) = request.params else { return vec![(method, None)] };
    let name = match key(&method) {
        "name" => params.name,
        "uri" => params.uri,
        "taskId" => params.task_id,
        "ref" => params.r#ref.and_then(|reference| {
            if reference.r#type == "ref/resource" { reference.uri } else { reference.name }
        }),
        "notifications" => {
            let uris = params.notifications.and_then(|filter| filter.resource_subscriptions);
            return several(method, uris.unwrap_or_default());
        }
        _ => None,
    };
    vec![(method, name)]
}

fn several(method: String, uris: Vec<String>) -> Vec<Call> {
    if uris.is_empty() {
        return vec![(method, None)];
    }
    uris.into_iter().map(|uri| (method.clone(), Some(uri))).collect()
}

/// Where the method names what it touches.
fn key(method: &str) -> &'static str {
    match method {
        "tools/call" | "prompts/get" => "name",
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => "uri",
        "tasks/get" | "tasks/result" | "tasks/cancel" | "tasks/update" => "taskId",
        "completion/complete" => "ref",
        "subscriptions/listen" => "notifications",
        _ => "",
    }
}

fn untyped(value: &Value) -> Vec<Call> {
    if let Some(batch) = value.as_array() {
        return batch.iter().flat_map(untyped).collect();
    }
    let Some(method) = value["method"].as_str().map(str::to_owned) else { return vec![] };
    let params = &value["params"];
    let name = match key(&method) {
        "ref" if params["ref"]["type"] == "ref/resource" => &params["ref"]["uri"],
        "ref" => &params["ref"]["name"],
        "notifications" => {
            let uris = params["notifications"]["resourceSubscriptions"].as_array();
            let uris = uris.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
            return several(method, uris.collect());
        }
        key => &params[key],
    };
    let name = name.as_str().map(str::to_owned);
    vec![(method, name)]
}

fn simd(value: &simd_json::OwnedValue) -> Vec<Call> {
    if let Some(batch) = value.as_array() {
        return batch.iter().flat_map(simd).collect();
    }
    let Some(method) = value.get("method").and_then(|method| method.as_str()) else {
        return vec![];
    };
    let params = value.get("params");
    let name = match key(method) {
        "name" | "uri" | "taskId" => params.and_then(|params| params.get(key(method))),
        _ => None,
    };
    vec![(method.to_owned(), name.and_then(|name| name.as_str()).map(str::to_owned))]
}

fn read(variant: &str, body: &[u8]) -> Vec<Call> {
    match variant {
        "struct" => serde_json::from_slice(body).map(typed).unwrap_or_default(),
        "value" => serde_json::from_slice(body).map(|value| untyped(&value)).unwrap_or_default(),
        "documents" => serde_json::Deserializer::from_slice(body)
            .into_iter::<Value>()
            .map_while(Result::ok)
            .flat_map(|value| untyped(&value))
            .collect(),
        "simd" => {
            let mut body = body.to_vec();
            simd_json::to_owned_value(&mut body).map(|value| simd(&value)).unwrap_or_default()
        }
        "simdstruct" => {
            let mut body = body.to_vec();
            simd_json::serde::from_slice(&mut body).map(typed).unwrap_or_default()
        }
        _ => panic!("no such variant: {variant}"),
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn main() -> io::Result<()> {
    let variants: Vec<String> = std::env::args().skip(1).collect();
    let mut source = BufReader::with_capacity(1 << 20, io::stdin().lock());
    // Whoever waits for the answer to a single body gets it.
    let mut sink = io::LineWriter::new(io::stdout().lock());
    let mut head = [0; 4];
    while source.read_exact(&mut head).is_ok() {
        let mut body = vec![0; u32::from_be_bytes(head) as usize];
        source.read_exact(&mut body)?;
        let mut line = Vec::new();
        for variant in &variants {
            for (method, name) in read(variant, &body) {
                let name = name.as_deref().map_or_else(|| "-".to_owned(), hex);
                line.push(format!("{variant}:{}:{name}", hex(&method)));
            }
        }
        writeln!(sink, "{}", line.join(" "))?;
    }
    sink.flush()
}
