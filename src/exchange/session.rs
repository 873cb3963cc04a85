//! Which session an exchange belongs to: the ladder of product.md, 3.

use crate::arena::{Arena, Text};
use crate::limits::SESSION_ID_BYTES_MAX;
use crate::{Derive, Method, Rules};
use record::{HashKey, IdSource};
use std::borrow::Cow;
use std::fmt::Write as _;

/// What the ladder looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signs<'a> {
    pub(crate) method: Method,
    pub(crate) status: u16,
    /// Request and answer speak the stateless revision, in which session headers mean nothing.
    pub(crate) is_modern: bool,
    /// There is an `initialize`, and its answer is no error as far as it is known.
    pub(crate) is_opening: bool,
    /// The exchange was an attempt to find out what the server speaks, and it failed.
    pub(crate) is_failed_probe: bool,
    /// The answer is an event stream, or has a JSON-RPC message in it.
    pub(crate) is_answered: bool,
    /// First non-empty `mcp_session_id` value.
    pub(crate) configured: &'a [u8],
    /// Request header `Mcp-Session-Id`.
    pub(crate) header: &'a [u8],
    /// Answer header `Mcp-Session-Id`.
    pub(crate) answer_header: &'a [u8],
    /// The query string.
    pub(crate) query: &'a [u8],
    /// The id that an `endpoint` event announced.
    pub(crate) endpoint: Option<&'a [u8]>,
}

/// What the ladder found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rung<'a> {
    pub(crate) source: IdSource,
    /// The id as it came; empty for `Derived` and `None`.
    pub(crate) id: Cow<'a, [u8]>,
    pub(crate) opens: bool,
    pub(crate) joins_stream: bool,
}

/// Climbs the ladder: configured, header, query, derived, none.
pub(crate) fn rung<'a>(signs: &Signs<'a>, derive: Derive) -> Rung<'a> {
    let is_success = is_success(signs.status);
    let found = |source, id: Cow<'a, [u8]>, joins_stream| Rung {
        source,
        id,
        opens: is_success,
        joins_stream,
    };
    if !signs.configured.is_empty() {
        return found(IdSource::Configured, signs.configured.into(), false);
    }
    if !signs.is_modern {
        // Servers put ids of their own making on errors too; only the answer to `initialize`
        // brings one that is true.
        if signs.is_opening && is_success && !signs.answer_header.is_empty() {
            return found(IdSource::Header, signs.answer_header.into(), false);
        }
        if !signs.header.is_empty() {
            return found(IdSource::Header, signs.header.into(), false);
        }
        if let Some(id) = signs.endpoint {
            return found(IdSource::Query, id.into(), false);
        }
        // The POST side of HTTP+SSE is answered elsewhere. Where the answer came here, a parameter
        // of that name is something else.
        if matches!(signs.method, Method::Post)
            && !(is_success && signs.is_answered)
            && let Some(id) = session_parameter(signs.query)
        {
            return found(IdSource::Query, id, true);
        }
    }
    let is_refused = matches!(signs.status, 401 | 403);
    let is_none = is_refused || signs.is_failed_probe || derive == Derive::Off;
    let source = if is_none { IdSource::None } else { IdSource::Derived };
    found(source, Cow::Borrowed(&[]), false)
}

/// Whether a status is 2xx.
pub(crate) fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// The session parameter of HTTP+SSE in a query string: `sessionId` (TypeScript), `session_id`
/// (Python), in any case, with or without `_` and `-`. Percent-decoded; `None` where it is empty.
#[must_use]
pub fn session_parameter(query: &[u8]) -> Option<Cow<'_, [u8]>> {
    query.split(|&byte| byte == b'&').find_map(|pair| {
        let at = memchr::memchr(b'=', pair)?;
        let (name, value) = pair.split_at_checked(at)?;
        let value = value.get(1..).filter(|value| !value.is_empty())?;
        let letters = name.iter().filter(|byte| !matches!(byte, b'_' | b'-'));
        let is_session = letters.map(u8::to_ascii_lowercase).eq(*b"sessionid");
        is_session.then(|| percent_decoded(value))
    })
}

/// The session id in the URI of an `endpoint` event (HTTP+SSE).
pub(crate) fn endpoint_session(uri: &[u8]) -> Option<Cow<'_, [u8]>> {
    let query = uri.get(memchr::memchr(b'?', uri)? + 1..)?;
    let end = memchr::memchr(b'#', query).unwrap_or(query.len());
    session_parameter(query.get(..end).unwrap_or_default())
}

fn percent_decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| byte == b'%');
        let code = digits.and_then(|digits| {
            digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
            u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
        });
        out.push(code.unwrap_or(byte));
        rest = if code.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    Cow::Owned(out)
}

/// Writes an id as it is stored: hashed where the configuration says so, else as text of bounded
/// length in which bytes that are no text stand as `\x1f`.
pub(crate) fn push_id(arena: &mut Arena, id: &[u8], rules: &Rules, key: &HashKey) -> Text {
    if rules.session_hashed {
        return arena.push(&rules.hash_key.as_ref().unwrap_or(key).hex(id));
    }
    let text = visible(id);
    arena.append(|out| push_shortened(out, &text, SESSION_ID_BYTES_MAX, key))
}

/// Writes a text; of a longer one the beginning and a hash of the whole, so that different texts
/// stay different.
pub(crate) fn push_shortened(out: &mut String, text: &str, bytes_max: usize, key: &HashKey) {
    if text.len() <= bytes_max {
        return out.push_str(text);
    }
    let hash = key.fingerprint(&[text.as_bytes()]);
    out.push_str(crate::arena::capped(text, bytes_max.saturating_sub("…#0123456789abcdef".len())));
    // Writing to a string cannot fail.
    let _ = write!(out, "…#{hash:016x}");
}

/// Bytes as text: control bytes and bytes that are not UTF-8 as `\x1f`.
fn visible(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && !text.bytes().any(|byte| byte.is_ascii_control())
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter.is_ascii_control() {
                let _ = write!(out, "\\x{:02x}", u32::from(letter));
            } else {
                out.push(letter);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    Cow::Owned(out)
}
