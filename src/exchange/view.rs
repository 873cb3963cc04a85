//! Single values out of a request or its answer, for variables on the event loop.
//!
//! A view reads the bytes once and is thrown away; whoever asks often keeps the text.

use crate::answer::outcome_of;
use crate::arena::capped;
use crate::decode::{Decoded, decode, is_plain};
use crate::limits::{
    CLIENT_BYTES_MAX, METHOD_BYTES_MAX, PRIMITIVE_BYTES_MAX, VERSION_BYTES_MAX,
    VIEW_VALUE_BYTES_MAX,
};
use crate::request::window;
use crate::session::is_success;
use crate::{BodyEnd, Rules};
use protocol::{
    Detection, Document, EventReader, Flaws, HeaderHints, Message, MessageKind, PrimitiveKind,
    RpcId, Scanner, Value, ValueKind,
};
use record::Outcome;
use std::borrow::Cow;

/// The first message of a request.
#[derive(Debug, Default)]
pub struct RequestView<'b> {
    /// The JSON-RPC method; empty where there is none.
    pub method: String,
    /// What it touches, masked; empty where it touches nothing.
    pub primitive: String,
    /// Its JSON-RPC id.
    pub rpc_id: RpcId,
    /// The revision the message names itself; empty where it names none.
    pub protocol_version: String,
    /// The client's name, where the message gives it, masked.
    pub client: String,
    /// Whether it is a request, so that an answer with its id is due.
    pub is_request: bool,
    message: Cow<'b, [u8]>,
}

impl<'b> RequestView<'b> {
    /// Reads a body as it passed.
    #[must_use]
    pub fn read(body: &'b [u8], content_encoding: &[u8], rules: &Rules) -> Self {
        let bytes = plain(body, content_encoding, rules.body_bytes_max);
        let mut scanner = Scanner::new();
        let document = scanner.scan_body(&bytes);
        let mut view = RequestView::default();
        let message = protocol::messages(&document).next();
        // What could not be JSON-RPC has no method, whatever its members are called.
        let is_rpc = |message: &Message<'_>| {
            protocol::detect(message, &HeaderHints::default()) != Detection::No
        };
        let Some(message) = message.filter(is_rpc) else { return view };
        view.rpc_id = RpcId::from(message.id);
        view.is_request = message.kind == MessageKind::Request;
        if let Some(method) = message.method.as_deref() {
            view.method = capped(method, METHOD_BYTES_MAX).to_owned();
            if let Some(primitive) = protocol::primitive(method, message.params) {
                let name = window(&primitive.name, PRIMITIVE_BYTES_MAX);
                let masked = match primitive.kind {
                    PrimitiveKind::Resource => rules.mask.uri(name),
                    _ => rules.mask.text(name),
                };
                view.primitive = capped(&masked, PRIMITIVE_BYTES_MAX).to_owned();
            }
            let version = protocol::protocol_version(&message).unwrap_or_default();
            view.protocol_version = capped(&version, VERSION_BYTES_MAX).to_owned();
        }
        if let Some((name, _)) = protocol::client_info(&message) {
            let masked = rules.mask.text(window(&name, CLIENT_BYTES_MAX));
            view.client = capped(&masked, CLIENT_BYTES_MAX).to_owned();
        }
        let span = message.value.span();
        view.message = match &bytes {
            Cow::Borrowed(bytes) if !document.flaws().contains(Flaws::WIDE_ENCODING) => {
                Cow::Borrowed(bytes.get(span).unwrap_or_default())
            }
            _ => Cow::Owned(message.value.raw().to_vec()),
        };
        view
    }

    /// The value that a JSON pointer (RFC 6901) leads to in the message, unmasked: a string's
    /// text, a number or a boolean as it stands, an array or an object as JSON. `None` for `null`
    /// and for nothing.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<String> {
        value_at(&self.message, pointer)
    }
}

/// The answer to a call.
#[derive(Debug)]
pub struct ResponseView<'b> {
    /// What came of the call. `Pending` where the answer was not there yet.
    pub outcome: Outcome,
    /// The JSON-RPC error's code.
    pub error_code: Option<i64>,
    message: Cow<'b, [u8]>,
}

/// The answer of which a view is wanted.
#[derive(Clone, Copy, Debug)]
pub struct ResponseFacts<'f> {
    /// `Content-Type` of the answer.
    pub content_type: &'f [u8],
    /// `Content-Encoding` of the answer.
    pub content_encoding: &'f [u8],
    /// The status sent to the client; 0 for none.
    pub status: u16,
    /// How far the body was seen.
    pub end: BodyEnd,
    /// The client went away before the answer's end.
    pub is_client_gone: bool,
}

impl<'b> ResponseView<'b> {
    /// Finds the answer to `request` in a body as it passed.
    #[must_use]
    pub fn read(
        body: &'b [u8],
        facts: &ResponseFacts<'_>,
        request: &RequestView<'_>,
        rules: &Rules,
    ) -> Self {
        let bytes = plain(body, facts.content_encoding, rules.response_bytes_max);
        let mut finder = Finder { rpc_id: &request.rpc_id, found: None };
        let mut scanner = Scanner::new();
        if protocol::is_event_stream(facts.content_type) {
            let mut reader = EventReader::new(rules.response_bytes_max);
            reader.feed(&bytes, &mut |event| {
                if event.is_message() && finder.found.is_none() {
                    finder.look(&scanner.scan(event.data));
                }
            });
        } else {
            finder.look(&scanner.scan_body(&bytes));
        }
        match finder.found {
            Some((outcome, error_code, message)) => {
                ResponseView { outcome, error_code, message: Cow::Owned(message) }
            }
            None => ResponseView {
                outcome: unanswered(facts, request),
                error_code: None,
                message: Cow::Borrowed(&[]),
            },
        }
    }

    /// The value that a JSON pointer leads to in the answering message, as
    /// [`RequestView::pointer`]; for example `/result/structuredContent/id`.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<String> {
        value_at(&self.message, pointer)
    }
}

/// What came of a call that no message answered.
fn unanswered(facts: &ResponseFacts<'_>, request: &RequestView<'_>) -> Outcome {
    match facts.status {
        499 => Outcome::Aborted,
        400.. => Outcome::HttpError,
        status if is_success(status) && !request.is_request => Outcome::Accepted,
        202 => Outcome::Pending,
        _ if facts.is_client_gone || facts.end == BodyEnd::Aborted => Outcome::Aborted,
        _ if facts.end == BodyEnd::Open => Outcome::Pending,
        _ => Outcome::Unobserved,
    }
}

struct Finder<'r> {
    rpc_id: &'r RpcId,
    found: Option<(Outcome, Option<i64>, Vec<u8>)>,
}

impl Finder<'_> {
    fn look(&mut self, document: &Document<'_>) {
        for message in protocol::messages(document) {
            if message.kind == MessageKind::Response && self.is_it(&message) {
                let code = message.error.and_then(|error| error.get("code")?.as_i64());
                let raw = message.value.raw().to_vec();
                self.found = Some((outcome_of(&message), code, raw));
                return;
            }
        }
    }

    /// An error without an id answers whatever was asked.
    fn is_it(&self, message: &Message<'_>) -> bool {
        let id = RpcId::from(message.id);
        id == *self.rpc_id && id.is_usable() || !id.is_usable() && message.error.is_some()
    }
}

fn plain<'b>(body: &'b [u8], content_encoding: &[u8], bytes_max: usize) -> Cow<'b, [u8]> {
    if is_plain(content_encoding) {
        return Cow::Borrowed(body);
    }
    let mut out = Vec::new();
    if decode(content_encoding, body, bytes_max, &mut out) == Decoded::Undecoded {
        out.clear();
    }
    Cow::Owned(out)
}

fn value_at(message: &[u8], pointer: &str) -> Option<String> {
    let mut scanner = Scanner::new();
    let document = scanner.scan(message);
    text_of(document.root()?.pointer(pointer)?)
}

fn text_of(value: Value<'_>) -> Option<String> {
    if !value.is_complete() || value.kind() == ValueKind::Null {
        return None;
    }
    let text = value.as_str().unwrap_or_else(|| String::from_utf8_lossy(value.raw()));
    Some(capped(&text, VIEW_VALUE_BYTES_MAX).to_owned())
}

#[cfg(test)]
mod tests;
