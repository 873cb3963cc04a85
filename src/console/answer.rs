//! What goes back to a client: a status, headers, bytes.

use serde_json::{Map, Value};
use std::borrow::Cow;

/// The media type of answers.
pub(crate) const JSON: &str = "application/json";
/// The media type of problem documents (RFC 9457, section 3).
const PROBLEM: &str = "application/problem+json";

/// An answer's beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// HTTP's status.
    pub status: u16,
    /// Of the body.
    pub media_type: &'static str,
    /// Further headers. `Content-Length` is for who sends it.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its beginning.
    pub head: Head,
    /// Its body.
    pub body: Cow<'static, [u8]>,
}

/// What every answer says to browsers: take it for what it is, tell nobody where you were, let no
/// other site use it.
const SAFETY: [(&str, &str); 5] = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
];

/// The page loads its own files and asks its own API, nothing else; data, should it be taken for a
/// page, may do nothing at all.
pub(crate) const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const DATA_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; sandbox";

impl Head {
    /// Of data: not to be kept by anybody.
    #[must_use]
    pub fn data(status: u16, media_type: &'static str) -> Self {
        let mut head = Self { status, media_type, headers: Vec::with_capacity(10) };
        head.add("Cache-Control", "no-store");
        head.add("Content-Security-Policy", DATA_POLICY);
        head.be_safe();
        head
    }

    /// Of a file of the page.
    pub(crate) fn file(media_type: &'static str, caching: &'static str) -> Self {
        let mut head = Self { status: 200, media_type, headers: Vec::with_capacity(12) };
        head.add("Cache-Control", caching);
        head.add("Content-Security-Policy", PAGE_POLICY);
        head.be_safe();
        head
    }

    fn be_safe(&mut self) {
        for (name, value) in SAFETY {
            self.add(name, value);
        }
    }

    /// Adds a header.
    pub(crate) fn add(&mut self, name: &'static str, value: impl Into<Cow<'static, str>>) {
        self.headers.push((name, value.into()));
    }
}

impl Answer {
    /// JSON.
    #[must_use]
    pub fn json(value: &Value) -> Self {
        Self { head: Head::data(200, JSON), body: Cow::Owned(value.to_string().into_bytes()) }
    }
}

/// Why there is no answer: a problem document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: u16,
    title: &'static str,
    detail: String,
    parameter: Option<String>,
    header: Option<(&'static str, Cow<'static, str>)>,
}

impl Problem {
    /// A parameter is wrong.
    pub(crate) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(400, "invalid parameter", detail);
        problem.parameter = Some(shown(name));
        problem
    }

    /// There is nothing of this name.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, "not found", detail)
    }

    /// It may not be shown.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(403, "forbidden", detail)
    }

    /// The host is none of ours (RFC 9110, section 15.5.20).
    pub(crate) fn misdirected(detail: impl Into<String>) -> Self {
        Self::new(421, "misdirected request", detail)
    }

    /// GET and HEAD only.
    pub(crate) fn method() -> Self {
        let detail = "the console is read only: ask with GET or HEAD";
        let mut problem = Self::new(405, "method not allowed", detail);
        problem.header = Some(("Allow", "GET, HEAD".into()));
        problem
    }

    /// Too much is asked at a time.
    #[must_use]
    pub fn busy(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(503, "busy", detail);
        problem.header = Some(("Retry-After", "1".into()));
        problem
    }

    /// A bug, or a store that cannot be read.
    #[must_use]
    pub fn failed(detail: impl Into<String>) -> Self {
        Self::new(500, "failed", detail)
    }

    pub(crate) fn new(status: u16, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, title, detail: detail.into(), parameter: None, header: None }
    }

    /// As it is sent.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let mut members = Map::new();
        members.insert("type".to_owned(), "about:blank".into());
        members.insert("title".to_owned(), self.title.into());
        members.insert("status".to_owned(), self.status.into());
        members.insert("detail".to_owned(), self.detail.clone().into());
        if let Some(parameter) = &self.parameter {
            members.insert("parameter".to_owned(), parameter.clone().into());
        }
        let mut head = Head::data(self.status, PROBLEM);
        if let Some((name, value)) = &self.header {
            head.add(name, value.clone());
        }
        Answer { head, body: Cow::Owned(Value::Object(members).to_string().into_bytes()) }
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        problem.answer()
    }
}

/// The longest part of a request that a problem document repeats, in characters.
const SHOWN_CHARS_MAX: usize = 64;

/// A name or value of the request as it is repeated: not longer than need be.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
