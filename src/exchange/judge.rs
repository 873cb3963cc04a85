//! The judging of one request, by the same code wherever it happens: on the event loop before the
//! request goes on, where a control may block; at the writer afterwards, where none does.

mod coding;

use self::coding::{Coded, decode};
use crate::controls::{Controls, Who};
use crate::verdict::{Denial, Tally, Verdict};
use protocol::{MessageKind, Scanner};
use record::{Judged, Micros, Mode};
use std::sync::Arc;

/// The longest id that an answer repeats, in bytes of JSON text.
const ECHOED_ID_BYTES_MAX: usize = 1024;
/// Capacity kept of the buffer for decoded bodies.
const DECODED_BYTES_KEPT_MAX: usize = 1 << 20;

/// A request that is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What is in force where it is.
    pub controls: &'a Arc<Controls>,
    /// Its body as it passed, up to the limit.
    pub body: &'a [u8],
    /// Whether that is all of it.
    pub is_whole: bool,
    /// All headers.
    pub headers: &'a [(&'a [u8], &'a [u8])],
    /// The most bytes that decoding may make.
    pub body_bytes_max: usize,
    /// Now.
    pub now: Micros,
    /// Whether it has not gone on yet, so that it can be blocked.
    pub can_block: bool,
}

/// How a blocked request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is a request with this id, as JSON text.
    Call(String),
    /// There is no id to answer to: a notification, a batch, or no message at all.
    Refusal,
}

/// Judges one request after the other, with the same buffers.
#[derive(Debug, Default)]
pub struct Judge {
    scanner: Scanner,
    decoded: Vec<u8>,
}

impl Judge {
    /// A judge without buffers yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Judges a request by all controls of its location and adds what they say to the verdict.
    /// Gives how to answer it where it is blocked; `None` where it may go on.
    pub fn judge(&mut self, case: &Case<'_>, verdict: &mut Verdict) -> Option<Reply> {
        verdict.sets.push(Arc::clone(case.controls));
        verdict.at = case.now;
        let coding = joined(case.headers, b"content-encoding");
        let coded = decode(&coding, case.body, case.body_bytes_max, &mut self.decoded);
        let bytes = if coded == Coded::Plain { case.body } else { &self.decoded };
        let document = self.scanner.scan_body(bytes);
        let set = u16::try_from(verdict.sets.len() - 1).unwrap_or(u16::MAX);
        let flaws = document.all_flaws();
        let is_refused = !case.is_whole
            || matches!(coded, Coded::TooLong | Coded::Wrong)
            || !flaws.is_empty() && document.root().is_some();
        if is_refused {
            verdict.denials.push(Denial {
                set,
                who: Who::Protocol,
                message: 0,
                detail: flaws.to_string(),
                point: String::new(),
                expected: String::new(),
                found: String::new(),
            });
        }
        let is_blocked =
            is_refused && case.can_block && case.controls.protocol_check == Mode::Block;
        verdict.tallies.push(Tally {
            set,
            who: Who::Protocol,
            judged: match (is_refused, is_blocked) {
                (false, _) => Judged::Allowed,
                (true, false) => Judged::Denied,
                (true, true) => Judged::Blocked,
            },
        });
        verdict.is_blocked |= is_blocked;
        let reply = is_blocked.then(|| reply_to(&document));
        if self.decoded.capacity() > DECODED_BYTES_KEPT_MAX {
            self.decoded = Vec::new();
        }
        reply
    }
}

/// How to answer what a document holds: by its id where it is one request whose id cannot be
/// mistaken.
fn reply_to(document: &protocol::Document<'_>) -> Reply {
    let mut messages = protocol::messages(document);
    if messages.is_batch() {
        return Reply::Refusal;
    }
    let Some(message) = messages.next() else { return Reply::Refusal };
    let ids = message.value.members().filter(|(key, _)| key.eq("id")).count();
    let id = message.id.filter(|id| ids == 1 && id.is_complete() && !id.is_null());
    let text = id.and_then(|id| std::str::from_utf8(id.raw()).ok());
    let is_scalar = |text: &&str| {
        text.len() <= ECHOED_ID_BYTES_MAX
            && text
                .starts_with(|first: char| first == '"' || first == '-' || first.is_ascii_digit())
    };
    match text.filter(is_scalar) {
        Some(text) if message.kind == MessageKind::Request => Reply::Call(text.to_owned()),
        _ => Reply::Refusal,
    }
}

/// All values of a header, joined as RFC 9110 §5.3 says.
fn joined(headers: &[(&[u8], &[u8])], name: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (_, value) in headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)) {
        if !out.is_empty() {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(value);
    }
    out
}
