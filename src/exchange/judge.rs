//! The judging of one request, by the same code wherever it happens: on the event loop before the
//! request goes on, where a control may block; at the writer afterwards, where none does.

mod coding;
mod form;
mod headers;
mod hearing;

pub use self::headers::{header_matches, is_variable_name};

use self::coding::{Coded, decode};
use self::headers::Headers;
use self::hearing::Hearing;
use crate::Rules;
use crate::arena::lossy;
use crate::tools::ToolsHere;
use crate::verdict::Verdict;
use protocol::{Document, MessageKind, Scanner};
use record::Micros;
use std::net::IpAddr;
use std::sync::Arc;

/// The longest id that an answer repeats, in bytes of JSON text.
const ECHOED_ID_BYTES_MAX: usize = 1024;
/// Capacity kept of the buffer for decoded bodies.
const DECODED_BYTES_KEPT_MAX: usize = 1 << 20;

/// How much of a request's body is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// All of it.
    Whole,
    /// It is longer than `mcp_body_limit`.
    OverLimit,
    /// Some of it is missing for another reason.
    Partly,
}

/// A request that is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What is in force where it is.
    pub rules: &'a Rules,
    /// Its body as it passed, up to the limit.
    pub body: &'a [u8],
    /// How much of it that is.
    pub seen: Seen,
    /// All headers.
    pub headers: &'a [(&'a [u8], &'a [u8])],
    /// The first non-empty `mcp_user` value, as controls may see it.
    pub user: &'a [u8],
    /// The first non-empty `mcp_role` value, as controls may see it.
    pub role: &'a [u8],
    /// The client's address as text.
    pub address: &'a [u8],
    /// Every occurrence of every value that controls judge by, in the order of the controls.
    pub values: &'a [Vec<&'a [u8]>],
    /// The first non-empty `mcp_attack` value.
    pub external: &'a [u8],
    /// Whether the session belongs to another verified user.
    pub is_foreign_session: bool,
    /// What tools are listed here.
    pub tools: ToolsHere<'a>,
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
    roles: Scanner,
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
        self.judge_read(case, None, verdict)
    }

    /// As [`Judge::judge`], where the body may have been read already: `read` is what
    /// [`Scanner::scan_body`] made of [`Case::body`], before any decoding.
    pub(crate) fn judge_read(
        &mut self,
        case: &Case<'_>,
        read: Option<&Document<'_>>,
        verdict: &mut Verdict,
    ) -> Option<Reply> {
        let controls = case.rules.controls.as_ref()?;
        let set = u16::try_from(verdict.sets.len()).ok()?;
        verdict.sets.push(Arc::clone(controls));
        verdict.at = case.now;
        let headers = Headers::of(case.headers);
        let limit = case.rules.body_bytes_max;
        let coded = decode(&headers.content_encoding, case.body, limit, &mut self.decoded);
        let bytes = if coded == Coded::Plain { case.body } else { self.decoded.as_slice() };
        let seen = match coded {
            Coded::TooLong => Seen::OverLimit,
            _ => case.seen,
        };
        let document = match read {
            Some(document) if coded == Coded::Plain => *document,
            _ => self.scanner.scan_body(bytes),
        };
        let roles = roles_of(case, &mut self.roles);
        let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
        let user = lossy(case.user);
        let address = std::str::from_utf8(case.address).ok().and_then(|it| it.parse().ok());
        let mut hearing = Hearing::new(case, controls, set, verdict, &user, &roles, address);
        hearing.form(&document, &headers, coded == Coded::Wrong, seen);
        if case.external.is_empty() {
            hearing.messages(&document, seen);
        } else {
            hearing.external();
            hearing.messages(&document, seen);
        }
        let is_blocked = hearing.close();
        let reply = is_blocked.then(|| reply_to(&document));
        if self.decoded.capacity() > DECODED_BYTES_KEPT_MAX {
            self.decoded = Vec::new();
        }
        reply
    }
}

fn roles_of(case: &Case<'_>, scanner: &mut Scanner) -> Vec<String> {
    let role = case.role.trim_ascii();
    if role.is_empty() {
        return Vec::new();
    }
    crate::roles::roles(role, case.rules.role_separator.as_deref(), scanner)
}

/// How to answer what a document holds: by its id where it is one request whose id cannot be
/// mistaken.
fn reply_to(document: &Document<'_>) -> Reply {
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

/// A client's address as controls want it.
pub(crate) type Address = Option<IpAddr>;

#[cfg(test)]
mod tests;
