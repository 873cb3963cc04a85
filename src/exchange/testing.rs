//! What the tests of this crate share: rules, captures, a sink that collects.

mod collector;
mod sample;

pub(crate) use collector::Collector;
pub(crate) use sample::{folder_path, folders, samples};

use crate::{
    BodyEnd, Capture, CaptureLevel, CaptureRules, Derive, Interpreter, Method, Part, ProvenPaths,
    Rules, Taken,
};
use record::{HashKey, Mask, Patience};
use std::sync::Arc;

/// The rules of a location that says no more than `mcp_sessions on`.
pub(crate) fn rules() -> Rules {
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

pub(crate) fn interpreter() -> Interpreter {
    Interpreter::new(HashKey::new([7; 32]))
}

/// An exchange, to be put into a capture.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) query: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) answer_headers: Vec<(String, Vec<u8>)>,
    pub(crate) answer: Vec<u8>,
    pub(crate) request_end: BodyEnd,
    pub(crate) answer_end: BodyEnd,
    pub(crate) is_client_gone: bool,
    pub(crate) values: Values,
}

/// What nginx would evaluate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    pub(crate) session: String,
    pub(crate) derive: String,
    pub(crate) user: String,
    pub(crate) role: String,
    pub(crate) params: Vec<String>,
    pub(crate) address: String,
}

impl Exchange {
    /// A POST to `/mcp` as clients of Streamable HTTP make it, answered with JSON.
    pub(crate) fn post(body: &str, status: u16, answer: &str) -> Self {
        Exchange {
            method: "POST",
            path: "/mcp".to_owned(),
            query: String::new(),
            headers: vec![
                header("content-type", "application/json"),
                header("accept", "application/json, text/event-stream"),
                header("user-agent", "probe/1"),
            ],
            body: body.as_bytes().to_vec(),
            status,
            answer_headers: vec![header("content-type", "application/json")],
            answer: answer.as_bytes().to_vec(),
            request_end: BodyEnd::Complete,
            answer_end: BodyEnd::Complete,
            is_client_gone: false,
            values: Values { address: "10.0.0.7".to_owned(), ..Values::default() },
        }
    }

    /// The same, answered with an event stream.
    pub(crate) fn stream(body: &str, answer: &str) -> Self {
        Exchange::post(body, 200, answer).answered("content-type", "text/event-stream")
    }

    /// A GET that asks for an event stream.
    pub(crate) fn get(status: u16, answer: &str) -> Self {
        Exchange { method: "GET", ..Exchange::post("", status, answer) }
            .answered("content-type", "text/event-stream")
            .with("accept", "text/event-stream")
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push(header(name, value));
        self
    }

    pub(crate) fn answered(mut self, name: &str, value: &str) -> Self {
        self.answer_headers.retain(|(other, _)| other != name);
        self.answer_headers.push(header(name, value));
        self
    }

    pub(crate) fn at(mut self, path: &str, query: &str) -> Self {
        self.path = path.to_owned();
        self.query = query.to_owned();
        self
    }

    /// The part of the exchange whose answer's bytes are `range`.
    pub(crate) fn part(
        &self,
        rules: &Arc<Rules>,
        part: Part,
        range: std::ops::Range<usize>,
    ) -> Capture {
        let mut capture = Capture { part, stream: 1, ..Capture::default() };
        capture.rules = Some(Arc::clone(rules));
        capture.facts.now_us = 5000;
        capture.facts.first_byte_us = if self.answer.is_empty() { 0 } else { 2000 };
        let is_end = matches!(part, Part::Only | Part::Last);
        if part != Part::Middle {
            self.fill(&mut capture, is_end);
        }
        if matches!(part, Part::Only | Part::First) {
            capture.request.bytes.extend_from_slice(&self.body);
            capture.request.passed = self.body.len() as u64;
            capture.request.end = self.request_end;
        }
        capture.response.bytes.extend_from_slice(&self.answer[range]);
        capture.response.passed = capture.response.bytes.len() as u64;
        capture.response.end = if is_end { self.answer_end } else { BodyEnd::Open };
        capture
    }

    fn fill(&self, capture: &mut Capture, is_end: bool) {
        let get = |headers: &[(String, Vec<u8>)], name: &str| {
            let found = headers.iter().find(|(other, _)| other == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let mut put = |name: &str| capture.push(&get(&self.headers, name));
        let (content_type, encoding) = (put("content-type"), put("content-encoding"));
        let (session, last, version) =
            (put("mcp-session-id"), put("last-event-id"), put("mcp-protocol-version"));
        let (method, name, accept) = (put("mcp-method"), put("mcp-name"), put("accept"));
        let (authorization, agent) = (put("authorization"), put("user-agent"));
        capture.request.content_type = content_type;
        capture.request.content_encoding = encoding;
        capture.response.content_type = capture.push(&get(&self.answer_headers, "content-type"));
        capture.response.content_encoding =
            capture.push(&get(&self.answer_headers, "content-encoding"));
        let answer_session = capture.push(&get(&self.answer_headers, "mcp-session-id"));
        let facts = &mut capture.facts;
        facts.session_answer_header = answer_session;
        facts.session_header = session;
        facts.last_event_id = last;
        facts.protocol_version = version;
        facts.mcp_method = method;
        facts.mcp_name = name;
        facts.accept = accept;
        facts.authorization = authorization;
        facts.user_agent = agent;
        facts.at = 1_000_000_000;
        facts.status = self.status;
        facts.client_gone = is_end && self.is_client_gone;
        facts.method = match self.method {
            "POST" => Method::Post,
            "GET" => Method::Get,
            "DELETE" => Method::Delete,
            _ => Method::Other,
        };
        let values = self.values.clone();
        capture.facts.method_text = capture.push(self.method.as_bytes());
        capture.facts.host = capture.push(b"crm.example.com");
        capture.facts.path = capture.push(self.path.as_bytes());
        capture.facts.query = capture.push(self.query.as_bytes());
        capture.facts.address = capture.push(values.address.as_bytes());
        capture.facts.request_id = capture.push(b"0123456789abcdef0123456789abcdef");
        capture.facts.session_value = capture.push(values.session.as_bytes());
        capture.facts.derive_value = capture.push(values.derive.as_bytes());
        capture.facts.user = capture.push(values.user.as_bytes());
        capture.facts.role = capture.push(values.role.as_bytes());
        for (index, value) in values.params.iter().enumerate() {
            capture.facts.params[index] = capture.push(value.as_bytes());
        }
    }

    /// Takes the exchange as a whole.
    pub(crate) fn take(
        &self,
        interpreter: &mut Interpreter,
        rules: &Arc<Rules>,
        sink: &mut Collector,
    ) -> Taken {
        let mut capture = self.part(rules, Part::Only, 0..self.answer.len());
        interpreter.take(&mut capture, Patience::Decide, sink)
    }

    /// Takes it in parts: its answer is cut at these offsets, of which there is at least one.
    pub(crate) fn take_cut(
        &self,
        cuts: &[usize],
        interpreter: &mut Interpreter,
        rules: &Arc<Rules>,
        sink: &mut Collector,
    ) {
        let mut from = 0;
        for (index, &cut) in cuts.iter().enumerate() {
            let part = if index == 0 { Part::First } else { Part::Middle };
            let mut capture = self.part(rules, part, from..cut);
            interpreter.take(&mut capture, Patience::Decide, sink);
            from = cut;
        }
        let mut capture = self.part(rules, Part::Last, from..self.answer.len());
        interpreter.take(&mut capture, Patience::Decide, sink);
    }
}

fn header(name: &str, value: &str) -> (String, Vec<u8>) {
    (name.to_owned(), value.as_bytes().to_vec())
}

/// What the exchanges, one after another, are recorded as.
pub(crate) fn recorded(rules: Rules, exchanges: &[Exchange]) -> String {
    let rules = Arc::new(rules);
    let mut interpreter = interpreter();
    let mut sink = Collector::default();
    for exchange in exchanges {
        exchange.take(&mut interpreter, &rules, &mut sink);
    }
    sink.text()
}
