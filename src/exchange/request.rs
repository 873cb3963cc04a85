//! What the client sent: its messages as calls.

use crate::answer::{answer_of, keep};
use crate::arena::{Arena, Text, capped, lossy};
use crate::draft::{Awaited, Draft, Kind, Work};
use crate::limits::{
    CLIENT_BYTES_MAX, MESSAGES_MAX, METHOD_BYTES_MAX, PRIMITIVE_BYTES_MAX, VERSION_BYTES_MAX,
};
use crate::listing::Asked;
use crate::session::{may_join_by_path, path_session, session_parameter};
use crate::{Capture, Method, Rules};
use protocol::{
    Detection, Document, Era, HeaderHints, Message, MessageKind, PrimitiveKind, RpcId, Value,
    ValueKind,
};
use record::Coverage;
use rustc_hash::FxHasher;
use std::fmt::Write as _;
use std::hash::Hasher as _;

/// What the headers of an exchange say in favour of MCP.
pub(crate) fn hints(capture: &Capture) -> HeaderHints {
    let facts = &capture.facts;
    let accept = capture.get(facts.accept);
    let hints = HeaderHints {
        has_session_id: facts.session_header.len > 0 || facts.session_answer_header.len > 0,
        has_protocol_version: facts.protocol_version.len > 0,
        has_method_or_name: facts.mcp_method.len > 0 || facts.mcp_name.len > 0,
        accepts_event_stream: false,
    };
    // A header of MCP's own says it already.
    let accepts_event_stream = !hints.has_mcp_header()
        && protocol::accepts(accept, "text/event-stream")
        && protocol::accepts(accept, "application/json");
    HeaderHints { accepts_event_stream, ..hints }
}

/// Whether the location, or what comes with the exchange, has shown that MCP is spoken here.
pub(crate) fn is_shown(capture: &Capture, rules: &Rules) -> bool {
    rules.proven.contains(capture.get(capture.facts.path))
}

/// What the messages of a batch are taken for: the best of them.
pub(crate) fn detection_in(document: &Document<'_>, hints: &HeaderHints) -> Detection {
    let mut detection = Detection::No;
    for message in protocol::messages(document).take(MESSAGES_MAX) {
        detection = detection.max(protocol::detect(&message, hints));
        if detection == Detection::Mcp {
            break;
        }
    }
    detection
}

/// Whether a request is worth a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    No,
    /// If an event stream announced the id in its path.
    InStream,
    /// It is MCP or, where MCP is spoken, a body that has to be recorded as it is.
    Yes,
}

/// Whether a request is worth a record.
pub(crate) fn worth(
    detection: Detection,
    hints: &HeaderHints,
    document: &Document<'_>,
    capture: &Capture,
    rules: &Rules,
) -> Worth {
    let facts = &capture.facts;
    let path = capture.get(facts.path);
    let has_session = || session_parameter(capture.get(facts.query)).is_some();
    let may_join = || may_join_by_path(facts.method, facts.status) && path_session(path).is_some();
    let is_worth = match detection {
        Detection::Mcp => true,
        Detection::Maybe => {
            rules.server_name.is_some() || is_shown(capture, rules) || has_session()
        }
        Detection::No => {
            matches!(facts.method, Method::Post)
                && (hints.has_mcp_header()
                    || is_shown(capture, rules)
                        && (has_session() || may_join() || !is_other_json(document)))
        }
    };
    match detection {
        _ if is_worth => Worth::Yes,
        Detection::Maybe if may_join() => Worth::InStream,
        _ => Worth::No,
    }
}

/// Whether a body is good JSON that does not even look like a message: another API beside MCP.
fn is_other_json(document: &Document<'_>) -> bool {
    document.flaws().is_empty()
        && document.root().is_some_and(|root| {
            root.kind() == ValueKind::Object
                && ["jsonrpc", "method", "id"].iter().all(|name| root.get(name).is_none())
        })
}

/// Reads the messages of a request into `work`.
pub(crate) struct RequestReader<'r> {
    pub(crate) work: &'r mut Work,
    pub(crate) rules: &'r Rules,
    /// The header `MCP-Protocol-Version`; empty if it is missing.
    pub(crate) version: &'r str,
    /// What of the body was seen.
    pub(crate) coverage: Coverage,
    /// Bytes of the body, as they passed.
    pub(crate) passed: u64,
}

impl RequestReader<'_> {
    /// Reads the only message of a request, if it is one.
    pub(crate) fn single(&mut self, message: &Message<'_>, capture: &Capture) {
        match message.kind {
            MessageKind::Invalid => self.unread(capture),
            _ => self.message(message, self.passed),
        }
    }

    /// Reads an array of messages, or what is no JSON at all.
    pub(crate) fn document(&mut self, document: &Document<'_>, capture: &Capture) {
        let messages = protocol::messages(document);
        self.work.marks.is_batch = messages.is_batch();
        let mut left_out = 0_u64;
        let mut left_out_bytes = 0_u64;
        let mut count = 0_usize;
        for message in messages {
            let size = message.value.raw().len() as u64;
            if count >= MESSAGES_MAX {
                left_out += 1;
                left_out_bytes += size;
                continue;
            }
            count += 1;
            self.message(&message, size);
        }
        if count == 0 {
            self.unread(capture);
        }
        if left_out > 0 {
            self.left_out(left_out, left_out_bytes);
        }
    }

    fn message(&mut self, message: &Message<'_>, bytes_in: u64) {
        let rpc_id = RpcId::from(message.id);
        let coverage = match message.is_complete() && !message.value.is_shortened() {
            true => self.coverage,
            false if self.coverage == Coverage::Full => Coverage::Truncated,
            false => self.coverage,
        };
        let mut draft = Draft { bytes_in, coverage, ..Draft::empty() };
        let mut call = Awaited::new(Kind::Unread, rpc_id);
        match message.kind {
            MessageKind::Request => call.kind = Kind::Request,
            MessageKind::Notification => call.kind = Kind::Notification,
            MessageKind::Response => {
                call.kind = Kind::Posted;
                let answer =
                    answer_of(message, bytes_in, coverage, &mut self.work.arena, self.rules);
                self.work.posted.push((call.rpc_id.clone(), answer));
            }
            MessageKind::Invalid => {}
        }
        call.is_modern = protocol::era(message, self.header_version()) == Era::Modern;
        if let Some(method) = message.method.as_deref() {
            self.method(message, method, &mut draft, &mut call);
        }
        self.work.marks.is_modern |= call.is_modern;
        self.work.calls.push(call);
        self.work.drafts.push(draft);
    }

    fn header_version(&self) -> Option<&str> {
        Some(self.version).filter(|version| !version.is_empty())
    }

    fn method(
        &mut self,
        message: &Message<'_>,
        method: &str,
        draft: &mut Draft,
        call: &mut Awaited,
    ) {
        let work = &mut *self.work;
        fill(draft, message, method, &mut work.arena, self.rules);
        call.is_skipped = self.rules.skips(method);
        call.is_tool = method == "tools/call";
        if call.kind == Kind::Request {
            call.lists = Asked::of(method, message.params);
        }
        if work.marks.is_batch {
            call.token = RpcId::from(protocol::progress_token(message));
        }
        match method {
            "initialize" => work.marks.has_initialize = true,
            "server/discover" => work.marks.has_discover = true,
            "notifications/cancelled" if !call.is_modern => {
                let id = RpcId::from(message.params.and_then(|params| params.get("requestId")));
                if id.is_usable() {
                    work.cancels.push(id);
                }
            }
            _ => {}
        }
        if call.is_modern {
            rounds(message, method, draft, call);
            draft.version = protocol::protocol_version(message)
                .map(|version| work.arena.push_capped(&version, VERSION_BYTES_MAX))
                .unwrap_or_default();
        }
        if work.said.client.0.is_empty()
            && (call.is_modern || method == "initialize")
            && let Some((name, version)) = protocol::client_info(message)
        {
            work.said.client = push_client(&mut work.arena, self.rules, &name, &version);
        }
        if work.said.version.is_empty() {
            work.said.version = match draft.version.is_empty() {
                false => draft.version,
                true if method == "initialize" => protocol::protocol_version(message)
                    .map(|version| work.arena.push_capped(&version, VERSION_BYTES_MAX))
                    .unwrap_or_default(),
                true => Text::default(),
            };
        }
    }

    /// A body that is no message: the headers may still name the method and what it touches.
    pub(crate) fn unread(&mut self, capture: &Capture) {
        let facts = &capture.facts;
        let mut call = Awaited::new(Kind::Unread, RpcId::None);
        call.is_modern = self.header_version().is_some_and(|version| {
            protocol::Revision::parse(version).is_some() && Era::of_version(version) == Era::Modern
        });
        let mut draft = Draft { bytes_in: self.passed, coverage: self.coverage, ..Draft::empty() };
        let method = lossy(capture.get(facts.mcp_method));
        if !method.is_empty() {
            let arena = &mut self.work.arena;
            draft.method = arena.push_capped(&method, METHOD_BYTES_MAX);
            call.is_skipped = self.rules.skips(&method);
            call.is_tool = method == "tools/call";
            self.work.marks.has_discover |= method == "server/discover";
            let name = protocol::decode_mcp_name(capture.get(facts.mcp_name));
            if !name.is_empty() {
                let kind = kind_of(&method);
                draft.primitive = Some((kind, push_primitive(arena, self.rules, kind, &name)));
            }
        }
        self.work.marks.is_modern |= call.is_modern;
        self.work.calls.push(call);
        self.work.drafts.push(draft);
    }

    fn left_out(&mut self, count: u64, bytes: u64) {
        let json = self.work.arena.append(|out| {
            // Writing to a string cannot fail.
            let _ = write!(out, "{{\"left_out\":{count}}}");
        });
        let kept = crate::draft::Kept { json, truncated: true };
        self.work.left_out += count;
        self.work.calls.push(Awaited::new(Kind::LeftOut, RpcId::None));
        self.work.drafts.push(Draft {
            bytes_in: bytes,
            coverage: Coverage::Truncated,
            arguments: Some(kept),
            ..Draft::empty()
        });
    }
}

/// Fills in what a request or notification of either direction is about.
pub(crate) fn fill(
    draft: &mut Draft,
    message: &Message<'_>,
    method: &str,
    arena: &mut Arena,
    rules: &Rules,
) {
    draft.method = arena.push_capped(method, METHOD_BYTES_MAX);
    if let Some(primitive) = protocol::primitive(method, message.params) {
        let name = push_primitive(arena, rules, primitive.kind, &primitive.name);
        draft.primitive = Some((primitive.kind, name));
    }
    draft.arguments = protocol::arguments(method, message.params)
        .filter(|value| !is_only_meta(*value))
        .and_then(|value| keep(value, rules.capture.arguments, arena, rules));
}

/// Whether params hold nothing but `_meta`, as those of most stateless requests: what it says of
/// client and version is stored by itself.
fn is_only_meta(params: Value<'_>) -> bool {
    let mut members = params.members();
    members.next().is_some_and(|(key, _)| key.eq("_meta")) && members.next().is_none()
}

/// What ties the rounds of a call together that needs input (2026-07-28).
fn rounds(message: &Message<'_>, method: &str, draft: &mut Draft, call: &mut Awaited) {
    let Some(params) = message.params else { return };
    let primitive = protocol::primitive(method, Some(params));
    let mut subject = FxHasher::default();
    subject.write(method.as_bytes());
    subject.write(primitive.as_ref().map_or(&[][..], |primitive| primitive.name.as_bytes()));
    call.subject = subject.finish();
    if let Some(arguments) = params.get("arguments").filter(|value| value.kind() != ValueKind::Null)
    {
        call.arguments = hash(arguments.raw());
    }
    let state = protocol::request_state(params);
    draft.state = state.map_or(0, |state| hash(state.raw()));
    draft.is_retry = state.is_some() || params.get("inputResponses").is_some();
}

/// A hash that is quick, not secret; never 0.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    hasher.finish().max(1)
}

/// What a method that is known by its header alone names in `Mcp-Name`.
fn kind_of(method: &str) -> PrimitiveKind {
    match protocol::method_info(method).map(|info| info.place) {
        Some(protocol::Place::Name(kind)) => kind,
        Some(protocol::Place::Uri | protocol::Place::Subscriptions) => PrimitiveKind::Resource,
        Some(protocol::Place::TaskId) => PrimitiveKind::Task,
        _ => PrimitiveKind::Other,
    }
}

/// A text that may be long is masked in a window of twice its limit, so that a secret at the
/// limit is seen whole or cut away.
pub(crate) fn window(text: &str, bytes_max: usize) -> &str {
    capped(text, bytes_max.saturating_mul(2))
}

fn push_primitive(arena: &mut Arena, rules: &Rules, kind: PrimitiveKind, name: &str) -> Text {
    let name = window(name, PRIMITIVE_BYTES_MAX);
    let masked = match kind {
        PrimitiveKind::Resource => rules.mask.uri(name),
        _ => rules.mask.text(name),
    };
    arena.push_capped(&masked, PRIMITIVE_BYTES_MAX)
}

/// A client's or a server's name and version.
pub(crate) fn push_client(
    arena: &mut Arena,
    rules: &Rules,
    name: &str,
    version: &str,
) -> (Text, Text) {
    let mut push = |text: &str| {
        let masked = rules.mask.text(window(text, CLIENT_BYTES_MAX));
        arena.push_capped(&masked, CLIENT_BYTES_MAX)
    };
    (push(name), push(version))
}
