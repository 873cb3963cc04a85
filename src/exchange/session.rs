//! Which session an exchange belongs to: the ladder of product.md, 3.

use crate::arena::{Arena, Text};
use crate::limits::SESSION_ID_BYTES_MAX;
use crate::{Derive, Method, Rules};
use record::{HashKey, IdSource, Unannounced};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

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
    /// The path.
    pub(crate) path: &'a [u8],
    /// The id that an `endpoint` event announced.
    pub(crate) endpoint: Option<&'a [u8]>,
    /// Nothing but an id in the path speaks for MCP.
    pub(crate) needs_stream: bool,
}

/// What the ladder found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rung<'a> {
    pub(crate) source: IdSource,
    /// The id as it came; empty for `Derived` and `None`.
    pub(crate) id: Cow<'a, [u8]>,
    pub(crate) opens: bool,
    pub(crate) joins_stream: bool,
    pub(crate) unannounced: Unannounced,
}

/// Climbs the ladder: configured, header, query, derived, none.
pub(crate) fn rung<'a>(signs: &Signs<'a>, derive: Derive) -> Rung<'a> {
    let is_success = is_success(signs.status);
    let found = |source, id: Cow<'a, [u8]>, joins_stream| Rung {
        source,
        id,
        opens: is_success,
        joins_stream,
        unannounced: Unannounced::Kept,
    };
    let is_refused = matches!(signs.status, 401 | 403);
    let is_none = is_refused || signs.is_failed_probe || derive == Derive::Off;
    let without_id = if is_none { IdSource::None } else { IdSource::Derived };
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
        if may_join_by_path(signs.method, signs.status)
            && !(is_success && signs.is_answered)
            && let Some(id) = path_session(signs.path).and_then(|range| signs.path.get(range))
        {
            let unannounced = match signs.needs_stream {
                true => Unannounced::Dropped,
                false => Unannounced::By(without_id),
            };
            return Rung { unannounced, ..found(IdSource::Query, id.into(), true) };
        }
    }
    found(without_id, Cow::Borrowed(&[]), false)
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

/// Whether an exchange can be the POST side of an HTTP+SSE session that has its id in the path:
/// servers answer that with 202 or refuse it. (An answer with 200 that cannot be read is no sign.)
pub(crate) fn may_join_by_path(method: Method, status: u16) -> bool {
    matches!(method, Method::Post) && status != 200
}

/// Whether the target of a request that has no sign of Streamable HTTP is that of HTTP+SSE's POST
/// side: it names a session.
#[must_use]
pub fn is_old_transport(query: &[u8], path: &[u8]) -> bool {
    session_parameter(query).is_some() || path_session(path).is_some()
}

/// Ids are at least this long; so are few words in paths.
const PATH_ID_BYTES_MIN: usize = 16;

/// Where a path holds what looks like a session id (`/messages/0f1e2d3c4b5a69788796a5b4`): the
/// last segment of 16 letters or more, drawn from those of UUIDs, base64 and the like, with a digit
/// in it or more capitals than words have. Whether it is one says the stream that announced it.
pub(crate) fn path_session(path: &[u8]) -> Option<Range<usize>> {
    let mut end = path.len();
    loop {
        let start = memchr::memrchr(b'/', path.get(..end)?)? + 1;
        if path.get(start..end).is_some_and(looks_like_id) {
            return Some(start..end);
        }
        end = start - 1;
    }
}

fn looks_like_id(segment: &[u8]) -> bool {
    let is_letter = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'=' | b':')
    };
    let capitals = segment.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    segment.len() >= PATH_ID_BYTES_MIN
        && segment.iter().all(is_letter)
        && (segment.iter().any(u8::is_ascii_digit) || capitals * 4 >= segment.len())
}

/// What an `endpoint` event (HTTP+SSE) says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The session id, as it came.
    pub(crate) id: Vec<u8>,
    /// The path to post to; empty where it depends on the stream's own.
    pub(crate) path: Vec<u8>,
    /// The path has the id in it, not the query.
    pub(crate) is_in_path: bool,
}

impl Endpoint {
    /// Reads the URI of an `endpoint` event; `None` where there is no session id in it.
    pub(crate) fn read(uri: &[u8]) -> Option<Self> {
        let end = memchr::memchr(b'#', uri).unwrap_or(uri.len());
        let uri = uri.get(..end)?;
        let (path, query) = match memchr::memchr(b'?', uri) {
            Some(at) => (uri.get(..at)?, uri.get(at + 1..)?),
            None => (uri, &[][..]),
        };
        // Specification 2024-11-05: a URI, which may name scheme and host.
        let host = memchr::memmem::find(path, b"://").map(|at| at + 3);
        let path = match host.and_then(|at| path.get(at..)) {
            Some(rest) => rest.get(memchr::memchr(b'/', rest)?..)?,
            None => path,
        };
        let path = percent_decoded(path);
        let in_query = session_parameter(query);
        let is_in_path = in_query.is_none();
        let id = match in_query {
            Some(id) => id.into_owned(),
            None => path.get(path_session(&path)?)?.to_vec(),
        };
        let path = if path.starts_with(b"/") { path.into_owned() } else { Vec::new() };
        Some(Endpoint { id, path, is_in_path })
    }

    /// Whether what was taken for the id is but a part of the stream's own path.
    pub(crate) fn is_of_path(&self, path: &[u8]) -> bool {
        self.is_in_path && path.split(|&byte| byte == b'/').any(|segment| segment == self.id)
    }
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

#[cfg(test)]
mod tests {
    use super::{Endpoint, path_session};

    fn id(path: &str) -> &str {
        path_session(path.as_bytes()).map_or("", |range| &path[range])
    }

    #[test]
    fn what_looks_like_an_id_in_a_path_is_told_from_words() {
        for (path, expected) in [
            ("/messages/5ed53abe5fd94c2b8f0d6e3a1b2c4d5e", "5ed53abe5fd94c2b8f0d6e3a1b2c4d5e"),
            ("/m/1091cf14-1df7-4c55-9a4f-1c9b2d7e8f60/", "1091cf14-1df7-4c55-9a4f-1c9b2d7e8f60"),
            ("/s/V1StGXR8_Z5jdHi6B-myT/messages", "V1StGXR8_Z5jdHi6B-myT"),
            ("/s/AbCdEfGhIjKlMnOpQrStU", "AbCdEfGhIjKlMnOpQrStU"),
            ("/t/0a1b2c3d4e5f60718293/s/ffffffffffffffff0", "ffffffffffffffff0"),
            ("/mcp/messages", ""),
            ("/mcp/message-endpoint-handler", ""),
            ("/mcp/messageEndpointHandler", ""),
            ("/v1/2024-11-05/messages", ""),
            ("/a b c d e f g h 1 2 3 4", ""),
            ("no-slash-0123456789abcdef", ""),
            ("", ""),
        ] {
            assert_eq!(id(path), expected, "{path}");
        }
    }

    #[test]
    fn an_endpoint_names_its_session_in_the_query_or_in_the_path() {
        let read = |uri: &str| {
            let endpoint = Endpoint::read(uri.as_bytes())?;
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            Some((text(endpoint.id), text(endpoint.path), endpoint.is_in_path))
        };
        let found =
            |id: &str, path: &str, is_in_path| Some((id.to_owned(), path.to_owned(), is_in_path));
        let id = "0123456789abcdef";
        assert_eq!(read("/m?session_id=%61b"), found("ab", "/m", false));
        assert_eq!(read("http://h:1/m?a=1&sessionId=x#f"), found("x", "/m", false));
        assert_eq!(read(&format!("/m/{id}")), found(id, &format!("/m/{id}"), true));
        assert_eq!(read(&format!("//h/m/{id}?a=1")), found(id, &format!("//h/m/{id}"), true));
        assert_eq!(read("/m/%30123456789abcdef"), found(id, &format!("/m/{id}"), true));
        assert_eq!(read(&format!("m/{id}")), found(id, "", true));
        assert_eq!(read(&format!("/m/{id}?session_id=q")), found("q", &format!("/m/{id}"), false));
        for without in ["/m", "", "?", "http://h", "http://0123456789abcdef", "/m?session_id="] {
            assert_eq!(read(without), None, "{without}");
        }
    }
}
