//! The configured values of a request: who acts, which session, what else is known.

use super::LocConf;
use crate::nginx::Value;
use exchange::{Capture, Span};
use nginx_sys::ngx_http_request_t;

/// The most bytes kept of one configured value. Longer ones are cut.
pub(crate) const VALUE_BYTES_MAX: usize = 4096;

/// What the log phase evaluates, once.
#[derive(Clone, Default)]
pub(crate) struct Values {
    /// `mcp_session_id`.
    pub(crate) session_id: Vec<Value>,
    /// `mcp_session_derive`.
    pub(crate) derive: Vec<Value>,
    /// `mcp_user`.
    pub(crate) user: Vec<Value>,
    /// `mcp_role`.
    pub(crate) role: Vec<Value>,
    /// In the order of `Rules::params`.
    pub(crate) params: Vec<Value>,
}

impl Values {
    /// Evaluates all of them and writes them into the capture.
    ///
    /// # Safety
    /// `r` is a live request, and these are the values of its location.
    pub(crate) unsafe fn evaluate(&self, r: *mut ngx_http_request_t, capture: &mut Capture) {
        // SAFETY: by the caller's promise, here and below.
        unsafe {
            capture.facts.session_value = push_first(capture, r, &self.session_id);
            capture.facts.user = push_first(capture, r, &self.user);
            capture.facts.role = push_first(capture, r, &self.role);
            capture.facts.derive_value = push_joined(capture, r, &self.derive);
            for (index, value) in self.params.iter().enumerate() {
                let text = cut(value.evaluate(r));
                let span = capture.push(text);
                if let Some(slot) = capture.facts.params.get_mut(index) {
                    *slot = span;
                }
            }
        }
    }
}

/// The first non-empty of some values.
///
/// # Safety
/// `r` is a live request, and these are values of its location.
pub(crate) unsafe fn first<'r>(r: *mut ngx_http_request_t, values: &'r [Value]) -> &'r [u8] {
    values
        .iter()
        // SAFETY: by the caller's promise.
        .map(|value| unsafe { value.evaluate(r) })
        .find(|text| !text.is_empty())
        .map_or(&[], cut)
}

unsafe fn push_first(capture: &mut Capture, r: *mut ngx_http_request_t, values: &[Value]) -> Span {
    // SAFETY: by the caller's promise.
    match unsafe { first(r, values) } {
        b"" => Span::default(),
        text => capture.push(text),
    }
}

/// Newlines inside a value would make two of one; they only group differently then.
unsafe fn push_joined(capture: &mut Capture, r: *mut ngx_http_request_t, values: &[Value]) -> Span {
    let mut joined = Span::default();
    let mut is_empty = true;
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            joined.len += capture.push(b"\n").len;
        }
        // SAFETY: by the caller's promise.
        let span = capture.push(cut(unsafe { value.evaluate(r) }));
        if index == 0 {
            joined.start = span.start;
        }
        joined.len += span.len;
        is_empty &= span.len == 0;
    }
    if is_empty { Span::default() } else { joined }
}

fn cut(text: &[u8]) -> &[u8] {
    text.get(..VALUE_BYTES_MAX).unwrap_or(text)
}

impl LocConf {
    /// The host by which this request's MCP server is named: `$host` where it matches a
    /// `server_name` of the server block, else the block's first name.
    ///
    /// # Safety
    /// `r` is a live request in this location.
    pub(crate) unsafe fn host_of<'a>(&'a self, r: *mut ngx_http_request_t) -> &'a [u8] {
        // SAFETY: by the caller's promise.
        self.names.as_ref().map_or(&[], |names| unsafe { names.host_of(r) })
    }
}
