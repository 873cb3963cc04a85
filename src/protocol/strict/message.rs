//! One JSON-RPC message: its members, each once and of its type.

use std::fmt::Write as _;

use super::headers::{RequestHeaders, claim};
use super::objection::{Objections, Rule};
use super::{key, params};
use crate::json::{Key, Value, ValueKind, duplicate_key};
use crate::method::{is_known, is_mcp_family};
use crate::revision::Revision;

/// Bytes of a JSON pointer that an objection holds.
const POINTER_BYTES_MAX: usize = 256;

/// Where a message stands: it is the document, or an element of its array.
#[derive(Copy, Clone)]
pub(super) struct Place<'a> {
    root: Value<'a>,
    index: Option<usize>,
}

impl<'a> Place<'a> {
    pub(super) fn root(root: Value<'a>) -> Self {
        Place { root, index: None }
    }

    pub(super) fn item(root: Value<'a>, index: usize) -> Self {
        Place { root, index: Some(index) }
    }

    /// The pointer to what these keys, which need no escapes, lead to from the message.
    pub(super) fn pointer(self, keys: &[&str]) -> String {
        let mut pointer = self.index.map(|index| format!("/{index}")).unwrap_or_default();
        for key in keys {
            pointer.push('/');
            pointer.push_str(key);
        }
        pointer
    }

    /// The pointer to a member by its key.
    pub(super) fn pointer_to(self, key: Key<'_>) -> String {
        self.pointer_to_offset(key.span().start)
    }

    /// The pointer to the key or the value that begins here.
    #[cold]
    pub(super) fn pointer_to_offset(self, offset: usize) -> String {
        let mut pointer = String::new();
        let mut value = self.root;
        while pointer.len() < POINTER_BYTES_MAX {
            let is_around = |value: &Value<'_>| value.span().contains(&offset);
            let next = if value.is_object() {
                let member = value
                    .members()
                    .find(|(key, value)| key.span().start == offset || is_around(value));
                let Some((key, next)) = member else { break };
                push_token(&mut pointer, &key.as_str());
                next
            } else {
                let item = value.items().enumerate().find(|(_, item)| is_around(item));
                let Some((index, next)) = item else { break };
                let _ = write!(pointer, "/{index}");
                next
            };
            value = next;
            if value.span().start == offset {
                break;
            }
        }
        pointer
    }
}

fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    for letter in token.chars() {
        if pointer.len() >= POINTER_BYTES_MAX {
            return pointer.push('…');
        }
        match letter {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            _ => pointer.push(letter),
        }
    }
}

/// The members of a message, by their exact names. Of one that occurs twice the last.
#[derive(Copy, Clone, Default)]
pub(super) struct Envelope<'a> {
    jsonrpc: Option<Value<'a>>,
    id: Option<Value<'a>>,
    method: Option<Value<'a>>,
    params: Option<Value<'a>>,
    result: Option<Value<'a>>,
    error: Option<Value<'a>>,
}

impl<'a> Envelope<'a> {
    pub(super) fn of(message: Value<'a>) -> Self {
        let mut envelope = Envelope::default();
        for (key, value) in message.members() {
            if let Some(member) = envelope.member(&key.as_bytes()) {
                *member = Some(value);
            }
        }
        envelope
    }

    fn member(&mut self, key: &[u8]) -> Option<&mut Option<Value<'a>>> {
        Some(match key {
            b"jsonrpc" => &mut self.jsonrpc,
            b"id" => &mut self.id,
            b"method" => &mut self.method,
            b"params" => &mut self.params,
            b"result" => &mut self.result,
            b"error" => &mut self.error,
            _ => return None,
        })
    }
}

/// Checks a message: first its keys, then what they hold, then the headers that repeat it.
pub(super) fn check(
    message: Value<'_>,
    place: Place<'_>,
    headers: &RequestHeaders<'_>,
    found: &mut Objections,
) {
    let envelope = check_keys(message, place, found);
    check_members(&envelope, place, found);
    let method = envelope.method.and_then(|method| method.as_str());
    if let (Some(method), Some(params)) = (&method, envelope.params) {
        check_params(method, params, place, found);
    }
    if !found.is_full() {
        headers.check_message(method.as_deref(), envelope.params, found);
    }
}

fn check_keys<'a>(message: Value<'a>, place: Place<'_>, found: &mut Objections) -> Envelope<'a> {
    let mut envelope = Envelope::default();
    let mut others = 0;
    for (key, value) in message.members() {
        let name = key.as_bytes();
        if let Some(member) = envelope.member(&name) {
            if member.replace(value).is_some() {
                add_duplicate(key, place, found);
            }
            continue;
        }
        others += 1;
        params::check_key(key, &name, key::ENVELOPE, place, found);
    }
    if others > 1
        && let Some(key) = message.duplicate_member()
        && envelope.member(&key.as_bytes()).is_none()
    {
        add_duplicate(key, place, found);
    }
    envelope
}

fn check_members(envelope: &Envelope<'_>, place: Place<'_>, found: &mut Objections) {
    let mut add = |rule, key, expected, value: Option<Value<'_>>| {
        let raw = value.map_or(&b"nothing"[..], |value| value.raw());
        found.add(rule, place.pointer(&[key]), expected, raw);
    };
    if !envelope.jsonrpc.is_some_and(|version| version.is_str("2.0")) {
        add(Rule::Version, "jsonrpc", "\"2.0\"", envelope.jsonrpc);
    }
    if let Some(id) = envelope.id
        && matches!(id.kind(), ValueKind::Bool | ValueKind::Array | ValueKind::Object)
    {
        add(Rule::Id, "id", "a string or a number", envelope.id);
    }
    let answer = envelope.result.or(envelope.error);
    let key = if envelope.result.is_some() { "result" } else { "error" };
    match (envelope.method, answer) {
        (Some(_), Some(_)) => add(Rule::NotAMessage, key, "no answer beside a method", answer),
        (None, None) => add(Rule::NotAMessage, "method", "a method", None),
        (None, Some(_)) if envelope.result.is_some() && envelope.error.is_some() => {
            add(Rule::NotAMessage, "error", "a result or an error", envelope.error);
        }
        _ => {}
    }
    if let Some(method) = envelope.method {
        match method.as_str() {
            None => add(Rule::Method, "method", "a string", envelope.method),
            Some(text) if params::is_hidden(&text) => {
                add(Rule::HiddenInName, "method", params::PLAIN, envelope.method);
            }
            Some(_) => {}
        }
    }
}

fn check_params(method: &str, params: Value<'_>, place: Place<'_>, found: &mut Objections) {
    match params.kind() {
        ValueKind::Object => {
            params::check(method, params, place, found);
        }
        // Some servers read no params for null; nobody finds a name in it.
        ValueKind::Null => return,
        // By position, which JSON-RPC has and MCP has not: a name there is seen by no control.
        ValueKind::Array if !is_known(method) && !is_mcp_family(method) => {}
        _ => found.add(Rule::Params, place.pointer(&["params"]), "an object", params.raw()),
    }
    if let Some(key) = duplicate_key(params) {
        add_duplicate(key, place, found);
    }
}

fn add_duplicate(key: Key<'_>, place: Place<'_>, found: &mut Objections) {
    found.add(Rule::DuplicateKey, place.pointer_to(key), "each key once", key.raw());
}

/// What holds in batches only: `initialize` is no part of one (specification 2025-03-26,
/// basic/lifecycle), nor is a message of a revision that has none.
pub(super) fn check_in_batch(envelope: &Envelope<'_>, place: Place<'_>, found: &mut Objections) {
    if let Some(method) = envelope.method.filter(|method| method.is_str("initialize")) {
        found.add(Rule::Batch, place.pointer(&["method"]), "initialize alone", method.raw());
    }
    if let Some(claim) = claim(envelope.params)
        && !Revision::parse(&claim).is_some_and(Revision::has_batches)
    {
        let point = place.pointer(&["params", "_meta"]);
        found.add(Rule::Batch, point, Revision::V2025_03_26.as_str(), claim.as_bytes());
    }
}
