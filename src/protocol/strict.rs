//! The recognition boundary: whether a request body has one meaning only.
//!
//! Servers read what strict parsers refuse: UTF-16, comments, a second document, keys in another
//! case, the first or the last of two members. A control that blocks may rely on what it read only
//! where every such reader reads the same. So this accepts strict JSON-RPC, and strict JSON in which
//! nobody could see a JSON-RPC request, and objects to everything else.
//! t/differential holds it against what real readers execute.

mod content;
mod headers;
mod key;
mod message;
mod objection;
mod params;

use crate::json::{Document, Flaws, Value, ValueKind};
use message::{Envelope, Place};

pub use headers::RequestHeaders;
pub use objection::{OBJECTIONS_MAX, Objection, Rule};
pub use params::primitives;

use objection::Objections;

/// What a request body is to a control that blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// Strict JSON-RPC: its messages are to be judged one by one. Answers to a server's requests
    /// are among them.
    Calls,
    /// Strict JSON that no lenient reader could take for a JSON-RPC request, or no body at all.
    Other,
    /// Neither.
    Refused(Objection),
}

/// Judges a request body. `document` is what
/// [`Scanner::scan_body`](crate::Scanner::scan_body) made of the decoded body, whole.
///
/// Linear in the body; allocates for escaped keys, for objects of more than eight members, and for
/// an objection.
pub fn boundary(document: &Document<'_>, headers: &RequestHeaders<'_>) -> Boundary {
    let mut found = Objections::at_most(1);
    let has_messages = check(document, headers, &mut found);
    match found.into_list().pop() {
        Some(objection) => Boundary::Refused(objection),
        None if has_messages => Boundary::Calls,
        None => Boundary::Other,
    }
}

/// All objections to a request's form, at most [`OBJECTIONS_MAX`]: none exactly where [`boundary`]
/// refuses nothing. Behind a first one they go by what was still understood of the body.
pub fn objections(document: &Document<'_>, headers: &RequestHeaders<'_>) -> Vec<Objection> {
    let mut found = Objections::at_most(OBJECTIONS_MAX);
    check(document, headers, &mut found);
    found.into_list()
}

/// True if there are messages.
fn check(document: &Document<'_>, headers: &RequestHeaders<'_>, found: &mut Objections) -> bool {
    if document.flaws() == Flaws::EMPTY {
        return false;
    }
    content::check(document.flaws(), headers, found);
    headers.check_repeated(found);
    let Some(root) = document.root().filter(|_| !found.is_full()) else { return false };
    check_lines(root, document.bytes(), found);
    match root.kind() {
        ValueKind::Object if is_request_like(root) => {
            message::check(root, Place::root(root), headers, found);
            return true;
        }
        ValueKind::Array if holds_request(root) || holds_string(root) => {
            check_batch(root, headers, found);
            return true;
        }
        ValueKind::String => check_wrapped(root, found),
        _ => {}
    }
    headers.check_without_message(found);
    false
}

fn check_batch(root: Value<'_>, headers: &RequestHeaders<'_>, found: &mut Objections) {
    headers.check_batch(found);
    for (index, item) in root.items().enumerate() {
        if found.is_full() {
            return;
        }
        let place = Place::item(root, index);
        if !item.is_object() {
            found.add(Rule::NotAMessage, place.pointer(&[]), "an object", item.raw());
            continue;
        }
        message::check(item, place, headers, found);
        message::check_in_batch(&Envelope::of(item), place, found);
    }
}

/// A request that a reader of lines finds within the document. Judged as messages, and so left out
/// here, are the root and the elements of its array.
fn check_lines(root: Value<'_>, bytes: &[u8], found: &mut Objections) {
    let has_lines = memchr::memchr2(b'\n', b'\r', root.raw()).is_some();
    if !has_lines {
        return;
    }
    let is_batch = root.kind() == ValueKind::Array;
    let messages: Vec<usize> =
        if is_batch { root.items().map(|item| item.span().start).collect() } else { Vec::new() };
    for value in root.containers().skip(1) {
        let is_message =
            is_batch && value.is_object() && messages.binary_search(&value.span().start).is_ok();
        if is_message || !begins_line(bytes, value.span().start) {
            continue;
        }
        let is_whole = memchr::memchr2(b'\n', b'\r', value.raw()).is_none();
        let is_request =
            if value.is_object() { is_request_like(value) } else { holds_request(value) };
        if is_whole && is_request {
            let point = Place::root(root).pointer_to_offset(value.span().start);
            found.add(Rule::OwnLine, point, "one message a line", value.raw());
        }
    }
}

fn begins_line(bytes: &[u8], start: usize) -> bool {
    let before = bytes.get(..start).unwrap_or_default();
    let last = before.iter().rposition(|byte| !matches!(byte, b' ' | b'\t'));
    last.is_some_and(|last| matches!(before.get(last), Some(b'\n' | b'\r')))
}

/// A string with a document in it: some servers parse a body that is still text once more.
fn check_wrapped(root: Value<'_>, found: &mut Objections) {
    if root.as_str().is_some_and(|text| text.contains(['{', '['])) {
        found.add(Rule::Wrapped, String::new(), "an object or an array", root.raw());
    }
}

/// Whether a lenient reader could find a request in this object: it has a member that could pass
/// for `method` or `jsonrpc`, or one that becomes its prototype where JavaScript copies it.
fn is_request_like(object: Value<'_>) -> bool {
    object.members().any(|(key, _)| {
        let key = key.as_bytes();
        key::is_prototype(&key) || key::folds_to(&key, key::REQUEST).is_some()
    })
}

/// Whether such an object stands in this array, or in arrays within it. As deep as the scanner's
/// `depth_max` allows.
fn holds_request(array: Value<'_>) -> bool {
    array.items().any(|item| match item.kind() {
        ValueKind::Object => is_request_like(item),
        ValueKind::Array => holds_request(item),
        _ => false,
    })
}

/// Whether there is a string in this array, or in arrays within it. Rust's serde reads an array as a
/// struct, member by member in their order: `["2.0", 1, "tools/call", …]` is a call to it.
fn holds_string(array: Value<'_>) -> bool {
    array.items().any(|item| match item.kind() {
        ValueKind::String => true,
        ValueKind::Array => holds_string(item),
        _ => false,
    })
}

#[cfg(test)]
mod tests;
