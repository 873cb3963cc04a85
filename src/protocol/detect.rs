//! Whether what passes is MCP: a cheap look at a body's bytes, and the judgement of a message.

use std::sync::LazyLock;

use memchr::memchr2;
use memchr::memmem::Finder;

use crate::json::Value;
use crate::message::{Message, MessageKind};
use crate::meta::{META_PROTOCOL_VERSION, meta};
use crate::method::{is_known, is_mcp_family};
use crate::revision::is_date;

/// What an exchange's headers say in favour of MCP. They support a judgement, the body decides:
/// the first request of a legacy client has none of MCP's own headers.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderHints {
    /// `Mcp-Session-Id` on the request, or on the answer.
    pub has_session_id: bool,
    /// `MCP-Protocol-Version` on the request.
    pub has_protocol_version: bool,
    /// `Mcp-Method` or `Mcp-Name` on the request.
    pub has_method_or_name: bool,
    /// `Accept` lists both `application/json` and `text/event-stream`, as every Streamable HTTP
    /// client has to.
    pub accepts_event_stream: bool,
}

impl HeaderHints {
    /// Whether there is a header that only MCP has.
    pub const fn has_mcp_header(self) -> bool {
        self.has_session_id || self.has_protocol_version || self.has_method_or_name
    }
}

/// What a message was taken for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detection {
    /// No JSON-RPC message that could be MCP.
    No,
    /// JSON-RPC 2.0 without a sign of its own: MCP where the session or the location has shown
    /// itself to be MCP, not otherwise.
    Maybe,
    /// MCP.
    Mcp,
}

/// Judges one message by the rules of the official SDKs and, where other JSON-RPC protocols have
/// methods of the same name (`initialize` and `ping` of the Language Server Protocol, `tasks/*` of
/// A2A), by what MCP's have in them.
pub fn detect(message: &Message<'_>, headers: &HeaderHints) -> Detection {
    let supported = headers.has_mcp_header() || headers.accepts_event_stream;
    if message.kind == MessageKind::Invalid {
        return Detection::No;
    }
    if !message.is_jsonrpc_2() && message.is_complete() {
        return detect_sloppy(message, headers);
    }
    let Some(method) = message.method.as_deref() else {
        return detect_response(message, headers);
    };
    if headers.has_mcp_header() || meta(message, META_PROTOCOL_VERSION).is_some() {
        return Detection::Mcp;
    }
    let is_mcp = match method {
        "initialize" => has_version_date(message.params) || supported,
        "ping" => supported,
        _ if method.starts_with("tasks/") => {
            supported
                || method == "tasks/list"
                || message.params.is_some_and(|params| params.get("taskId").is_some())
        }
        _ if method.starts_with("server/") => is_known(method) || supported,
        _ => is_mcp_family(method) || is_known(method),
    };
    if is_mcp { Detection::Mcp } else { Detection::Maybe }
}

/// Without `"jsonrpc": "2.0"` it takes a header of MCP's own and a method of MCP's.
fn detect_sloppy(message: &Message<'_>, headers: &HeaderHints) -> Detection {
    let is_ours =
        message.method.as_deref().is_some_and(|name| is_known(name) || is_mcp_family(name));
    match (headers.has_mcp_header(), is_ours) {
        (true, true) => Detection::Mcp,
        (true, false) | (false, true) => Detection::Maybe,
        (false, false) => Detection::No,
    }
}

fn detect_response(message: &Message<'_>, headers: &HeaderHints) -> Detection {
    let is_handshake = message.result.is_some_and(|result| {
        has_version_date(Some(result)) || result.get("supportedVersions").is_some()
    });
    if headers.has_mcp_header() || is_handshake { Detection::Mcp } else { Detection::Maybe }
}

fn has_version_date(object: Option<Value<'_>>) -> bool {
    let version = object.and_then(|object| object.get("protocolVersion")?.as_str());
    version.is_some_and(|version| is_date(&version))
}

/// Candidates for the word that are compared one by one, which is cheapest as long as its first
/// letter is rare. A body full of that letter goes to a search that it cannot slow down.
const CANDIDATES_MAX: usize = 16;

const WORD: &[u8] = b"jsonrpc";
static WORD_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(WORD));
static ESCAPE_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\\u"));

/// Whether the word is there, or an escape that could hide it. One pass over most bodies.
fn has_word_or_escape(text: &[u8]) -> bool {
    let mut rest = text;
    for _ in 0..CANDIDATES_MAX {
        let Some(at) = memchr2(b'j', b'\\', rest) else { return false };
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with(WORD) || rest.starts_with(b"\\u") {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    WORD_FINDER.find(rest).is_some() || ESCAPE_FINDER.find(rest).is_some()
}

/// Whether a request body can be MCP, from its first bytes; `None` if more are needed. A body
/// whose first character is neither `{` nor `[` (nor `/`, for lenient servers read comments), or
/// that has neither the word `jsonrpc` nor a `\u` escape to hide it in, cannot. A byte order mark
/// is stepped over; UTF-16 and UTF-32 may be, since Python's json reads them.
///
/// Costs a search for one word as a rule. It begins anew with each call: ask once for the first
/// bytes that came and once for the whole.
pub fn may_be_mcp_body(prefix: &[u8], is_whole: bool) -> Option<bool> {
    if let [0xfe, 0xff, ..] | [0xff, 0xfe, ..] = prefix {
        return Some(true);
    }
    let text = prefix.strip_prefix(b"\xef\xbb\xbf").unwrap_or(prefix);
    match text.trim_ascii_start() {
        [] => is_whole.then_some(false),
        [b'{' | b'[', 0, ..] | [0, ..] => Some(true),
        [b'{' | b'[' | b'/', ..] => {
            if has_word_or_escape(text) {
                return Some(true);
            }
            is_whole.then_some(false)
        }
        // A byte order mark may still be incomplete.
        [0xef] | [0xef, 0xbb] | [0xfe] | [0xff] if !is_whole => None,
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scanner;

    fn detected(json: &str, headers: HeaderHints) -> Detection {
        let mut scanner = Scanner::new();
        let document = scanner.scan(json.as_bytes());
        detect(&Message::new(document.root().unwrap()), &headers)
    }

    const NONE: HeaderHints = HeaderHints {
        has_session_id: false,
        has_protocol_version: false,
        has_method_or_name: false,
        accepts_event_stream: false,
    };
    const ACCEPT: HeaderHints = HeaderHints { accepts_event_stream: true, ..NONE };
    const SESSION: HeaderHints = HeaderHints { has_session_id: true, ..NONE };

    #[test]
    fn mcp_is_known_by_its_body_alone() {
        for json in [
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"method":"initialize","id":0,"params":{"protocolVersion":"2025-11-25"},"jsonrpc":"2.0"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/directory/read"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"t"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"skills/run","params":{"_meta":
                {"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
            r#"{"result":{"protocolVersion":"2025-06-18"},"jsonrpc":"2.0","id":0}"#,
        ] {
            assert_eq!(detected(json, NONE), Detection::Mcp, "{json}");
        }
    }

    #[test]
    fn methods_that_other_protocols_have_too_need_support() {
        for json in [
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":1,"rootUri":"file:///"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"id":"t"}}"#,
        ] {
            assert_eq!(detected(json, NONE), Detection::Maybe, "{json}");
            assert_eq!(detected(json, ACCEPT), Detection::Mcp, "{json}");
            assert_eq!(detected(json, SESSION), Detection::Mcp, "{json}");
        }
    }

    #[test]
    fn other_json_rpc_is_at_most_a_maybe() {
        for json in [
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"textDocument/hover","params":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":7}"#,
        ] {
            assert_eq!(detected(json, ACCEPT), Detection::Maybe, "{json}");
            assert_eq!(detected(json, SESSION), Detection::Mcp, "{json}");
        }
    }

    #[test]
    fn what_is_no_json_rpc_is_no_mcp() {
        for json in ["{}", "7", r#"{"id":1}"#, r#"{"method":7,"jsonrpc":"2.0"}"#] {
            assert_eq!(detected(json, SESSION), Detection::No, "{json}");
        }
        assert_eq!(detected(r#"{"method":"eth_call","id":1}"#, ACCEPT), Detection::No);
        assert_eq!(detected(r#"{"method":"tools/call","id":1}"#, NONE), Detection::Maybe);
        assert_eq!(detected(r#"{"method":"tools/call","id":1}"#, SESSION), Detection::Mcp);
    }

    #[test]
    fn a_cut_message_counts_though_its_jsonrpc_member_was_not_seen() {
        let cut = r#"{"method":"tools/call","params":{"name":"search","arguments":{"q":"#;
        assert_eq!(detected(cut, NONE), Detection::Mcp);
    }

    #[test]
    fn the_first_character_or_the_missing_word_rules_a_body_out() {
        assert_eq!(may_be_mcp_body(b"", false), None);
        assert_eq!(may_be_mcp_body(b"", true), Some(false));
        assert_eq!(may_be_mcp_body(b" \r\n\t", false), None);
        assert_eq!(may_be_mcp_body(b"a=1&jsonrpc=2", false), Some(false));
        assert_eq!(may_be_mcp_body(b"\"jsonrpc\"", true), Some(false));
        assert_eq!(may_be_mcp_body(b"{\"a\":1}", false), None);
        assert_eq!(may_be_mcp_body(b"{\"a\":1}", true), Some(false));
        assert_eq!(may_be_mcp_body(b"\xff\x00", true), Some(false));
    }

    #[test]
    fn the_word_is_found_behind_any_number_of_its_first_letter() {
        for count in [0, 1, 15, 16, 17, 1000] {
            let body = format!("{{{}\"json\",\"jsonrpc\":\"2.0\"}}", "j js ".repeat(count));
            assert_eq!(may_be_mcp_body(body.as_bytes(), true), Some(true), "{count}");
            let other = body.replace("jsonrpc", "jsonrpd");
            assert_eq!(may_be_mcp_body(other.as_bytes(), true), Some(false), "{count}");
        }
        assert_eq!(may_be_mcp_body(br#"{"a\nb":"\\\n\u006a"}"#, true), Some(true));
        assert_eq!(may_be_mcp_body(br#"{"a\nb":"\\\n"}"#, true), Some(false));
    }

    #[test]
    fn the_word_an_escape_or_a_wide_encoding_keep_a_body_in() {
        assert_eq!(may_be_mcp_body(b" {\"jsonrpc\":", false), Some(true));
        assert_eq!(may_be_mcp_body(b"[{\"jsonrpc\":\"2.0\"}]", true), Some(true));
        assert_eq!(may_be_mcp_body(br#"{"\u006asonrpc":"2.0"}"#, true), Some(true));
        assert_eq!(may_be_mcp_body(b"\xef\xbb\xbf{\"jsonrpc\"", false), Some(true));
        assert_eq!(may_be_mcp_body(b"// c\n{\"jsonrpc\"", false), Some(true));
        assert_eq!(may_be_mcp_body(b"\xef\xbb", false), None);
        assert_eq!(may_be_mcp_body(b"\xef\xbb", true), Some(false));
        for wide in [&b"{\0\"\0"[..], b"\0{\0\"", b"\xff\xfe{\0", b"\xfe\xff\0{", b"\0\0\0{"] {
            assert_eq!(may_be_mcp_body(wide, false), Some(true), "{wide:?}");
        }
    }
}
