//! What the event loop hands to the writer: bytes as they passed and facts about them, unparsed.
//!
//! A capture is recycled: the event loop takes it from a pool, fills it by appending, and gets it
//! back empty from the writer. Nothing in it points into nginx.

use crate::rules::{PARAMS_MAX, Rules};
use crate::verdict::Verdict;
use record::{Micros, Verified};
use std::sync::Arc;

/// A piece of [`Capture::text`]. Empty means absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of its first byte.
    pub start: u32,
    /// Its length in bytes.
    pub len: u32,
}

/// Which part of its exchange a capture is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// All of it. By far the usual one.
    #[default]
    Only,
    /// The beginning of an exchange that is still going on (an open event stream).
    First,
    /// A middle piece: only bytes since the piece before, no facts but times.
    Middle,
    /// The end: the remaining bytes, and all facts once more.
    Last,
}

/// The HTTP method, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// POST carries messages.
    #[default]
    Post,
    /// GET opens an event stream.
    Get,
    /// DELETE ends a session.
    Delete,
    /// Anything else; its text is in [`Facts::method_text`].
    Other,
}

/// How far a body was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyEnd {
    /// More may come (or there was none).
    #[default]
    Open,
    /// Seen to its end.
    Complete,
    /// The connection ended within it.
    Aborted,
    /// nginx answered without reading it.
    Discarded,
    /// It could not be watched.
    Unobserved,
}

/// A request's or answer's body.
#[derive(Debug, Default)]
pub struct Body {
    /// The bytes kept: from the body's start (of a `Middle` or `Last` part: from where the part
    /// before ended) up to the limit.
    pub bytes: Vec<u8>,
    /// Bytes that passed in this part, kept or not.
    pub passed: u64,
    /// Bytes that passed but were not kept: beyond the limit, or for want of memory. What is kept
    /// is then the beginning.
    pub lost: u64,
    /// How far it was seen.
    pub end: BodyEnd,
    /// `Content-Type`.
    pub content_type: Span,
    /// `Content-Encoding` as it passes our filters (before nginx's own gzip, gunzip).
    pub content_encoding: Span,
}

/// What is known of an exchange besides its bodies. Spans point into [`Capture::text`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    /// Wall clock of the request's first byte.
    pub at: Micros,
    /// Microseconds from there to the first byte of the answer's body; 0 for none yet.
    pub first_byte_us: u64,
    /// Microseconds from there to the newest byte of this part (`Only`, `Last`: to the end).
    pub now_us: u64,
    /// The HTTP method.
    pub method: Method,
    /// The method's text where it is `Method::Other`.
    pub method_text: Span,
    /// The status sent to the client; 0 before it is known. 499 where the client went away.
    pub status: u16,
    /// Whether the client went away before the answer's end.
    pub client_gone: bool,
    /// The host by which the MCP server is named: `$host` where it matches a `server_name`, else
    /// the server block's first name; lower case, no port.
    pub host: Span,
    /// The request's path, normalised by nginx, as it came first (no query, not rewritten).
    pub path: Span,
    /// The query string, as it came.
    pub query: Span,
    /// Request header `Mcp-Session-Id`.
    pub session_header: Span,
    /// Answer header `Mcp-Session-Id`.
    pub session_answer_header: Span,
    /// Request header `Last-Event-ID`.
    pub last_event_id: Span,
    /// Request header `MCP-Protocol-Version`.
    pub protocol_version: Span,
    /// Request header `Mcp-Method`.
    pub mcp_method: Span,
    /// Request header `Mcp-Name`.
    pub mcp_name: Span,
    /// Request header `Accept`.
    pub accept: Span,
    /// Request header `Authorization`, unmasked: only its keyed fingerprint goes further.
    pub authorization: Span,
    /// Request header `User-Agent`.
    pub user_agent: Span,
    /// The client's address as text.
    pub address: Span,
    /// 32 hex digits.
    pub request_id: Span,
    /// The first non-empty of the `mcp_session_id` values.
    pub session_value: Span,
    /// The `mcp_session_derive` values, joined by newlines.
    pub derive_value: Span,
    /// The first non-empty of the `mcp_user` values.
    pub user: Span,
    /// The first non-empty of the `mcp_role` values: a JSON array or one value.
    pub role: Span,
    /// The `mcp_param` values, in the order of [`Rules::params`].
    pub params: [Span; PARAMS_MAX],
    /// Whether the bearer token was verified.
    pub verified: Verified,
    /// The request line. Like all that follows, it is there only where controls need it.
    pub line: Span,
    /// The first non-empty of the `mcp_user` values, as controls may see it.
    pub control_user: Span,
    /// The first non-empty of the `mcp_role` values, as controls may see it.
    pub control_role: Span,
    /// The first non-empty of the `mcp_attack` values.
    pub external: Span,
    /// The session belongs to another verified user.
    pub is_foreign_session: bool,
}

/// One exchange, or a part of one, on its way to the writer.
#[derive(Debug, Default)]
pub struct Capture {
    /// Which part it is.
    pub part: Part,
    /// Tells the parts of one exchange from those of others; unique within a worker.
    pub stream: u64,
    /// The location's rules. `None` only while the capture lies in the pool.
    pub rules: Option<Arc<Rules>>,
    /// Text that [`Facts`] points into.
    pub text: Vec<u8>,
    /// What is known besides the bodies.
    pub facts: Facts,
    /// The request's body.
    pub request: Body,
    /// The answer's body.
    pub response: Body,
    /// What controls made of the request, where it was judged before it went on.
    pub verdict: Verdict,
    /// The request's headers, names and values, where they are needed to judge or as evidence.
    pub headers: Vec<(Span, Span)>,
    /// Values that controls judge by: each occurrence, with the number of its value among those of
    /// all controls in force.
    pub values: Vec<(u16, Span)>,
}

impl Capture {
    /// Appends text and returns where it stands. Text beyond 4 GiB is dropped; callers limit each.
    pub fn push(&mut self, text: &[u8]) -> Span {
        let (Ok(start), Ok(len)) = (u32::try_from(self.text.len()), u32::try_from(text.len()))
        else {
            return Span::default();
        };
        self.text.extend_from_slice(text);
        Span { start, len }
    }

    /// The text of a span; empty where it points nowhere.
    #[must_use]
    pub fn get(&self, span: Span) -> &[u8] {
        let start = span.start as usize;
        self.text.get(start..start.saturating_add(span.len as usize)).unwrap_or_default()
    }

    /// Bytes of memory it holds, for the worker's memory limit.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.text.capacity()
            + self.request.bytes.capacity()
            + self.response.bytes.capacity()
            + self.headers.capacity() * size_of::<(Span, Span)>()
            + self.verdict.memory_bytes()
    }

    /// Empties it for its next use. Buffers that grew beyond `keep_bytes_max` are given back.
    pub fn clear(&mut self, keep_bytes_max: usize) {
        self.part = Part::Only;
        self.stream = 0;
        self.rules = None;
        self.facts = Facts::default();
        self.verdict.clear();
        self.headers.clear();
        self.values.clear();
        for bytes in [&mut self.text, &mut self.request.bytes, &mut self.response.bytes] {
            bytes.clear();
            if bytes.capacity() > keep_bytes_max {
                *bytes = Vec::new();
            }
        }
        for body in [&mut self.request, &mut self.response] {
            *body = Body { bytes: std::mem::take(&mut body.bytes), ..Body::default() };
        }
    }
}
