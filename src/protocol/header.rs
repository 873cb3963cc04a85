//! Header values: media types, and names in their encoded form.

use std::borrow::Cow;

use base64::Engine as _;

/// The media type of a `Content-Type` without its parameters and the space around it.
pub fn media_type(header: &[u8]) -> &[u8] {
    let end = memchr::memchr(b';', header).unwrap_or(header.len());
    header.get(..end).unwrap_or_default().trim_ascii()
}

/// Whether a `Content-Type` names this media type; case and parameters do not count.
pub fn is_media_type(header: &[u8], expected: &str) -> bool {
    media_type(header).eq_ignore_ascii_case(expected.as_bytes())
}

/// Whether a `Content-Type` is `application/json`.
pub fn is_json(header: &[u8]) -> bool {
    is_media_type(header, "application/json")
}

/// Whether a `Content-Type` is `text/event-stream`.
pub fn is_event_stream(header: &[u8]) -> bool {
    is_media_type(header, "text/event-stream")
}

/// Whether an `Accept` lists this media type by name. Ranges (`*/*`) and weights do not count:
/// the question is whether the client speaks it, not whether it would take it.
pub fn accepts(header: &[u8], expected: &str) -> bool {
    header.split(|&byte| byte == b',').any(|entry| is_media_type(entry, expected))
}

/// The text of an `Mcp-Name` or `Mcp-Param-*` header: `=?base64?…?=` (case-sensitive, standard
/// alphabet, with or without padding) is decoded, anything else is taken as it stands. Bytes that
/// are not UTF-8 become U+FFFD. What looks encoded but does not decode is taken as it stands too.
pub fn decode_mcp_name(header: &[u8]) -> Cow<'_, str> {
    let header = header.trim_ascii();
    let encoded = header.strip_prefix(b"=?base64?").and_then(|encoded| encoded.strip_suffix(b"?="));
    let decoded = encoded.and_then(|encoded| {
        let unpadded = encoded.iter().rposition(|&byte| byte != b'=').map_or(0, |last| last + 1);
        let padding = encoded.len() - unpadded;
        if padding > 2 {
            return None;
        }
        STANDARD_LENIENT.decode(encoded.get(..unpadded)?).ok()
    });
    match decoded {
        Some(decoded) => Cow::Owned(String::from_utf8_lossy(&decoded).into_owned()),
        None => String::from_utf8_lossy(header),
    }
}

const STANDARD_LENIENT: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::general_purpose::NO_PAD,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_is_told_whatever_its_case_and_parameters() {
        for header in
            ["application/json", "Application/JSON;charset=utf-8", " application/json ; x"]
        {
            assert!(is_json(header.as_bytes()), "{header}");
        }
        assert!(is_event_stream(b"text/event-stream; charset=utf-8"));
        assert!(!is_json(b"application/json-rpc") && !is_json(b"") && !is_json(b"text/json"));
    }

    #[test]
    fn an_accept_header_is_searched_entry_by_entry() {
        let both = b"application/json, text/event-stream;q=0.9";
        assert!(accepts(both, "text/event-stream") && accepts(both, "application/json"));
        assert!(!accepts(b"*/*", "text/event-stream") && !accepts(b"", "text/event-stream"));
    }

    #[test]
    fn plain_names_stand_for_themselves() {
        assert_eq!(decode_mcp_name(b"search"), "search");
        assert_eq!(decode_mcp_name(b" a b "), "a b");
        assert_eq!(decode_mcp_name(b"\xff"), "\u{fffd}");
        assert_eq!(decode_mcp_name(b""), "");
    }

    #[test]
    fn encoded_names_are_decoded() {
        let name = b"=?base64?dG9vbCB3aXRoIMO8bsOvY29kZQ==?=";
        assert_eq!(decode_mcp_name(name), "tool with ünïcode");
        assert_eq!(decode_mcp_name(b"=?base64?dG9vbA?="), "tool");
        assert_eq!(decode_mcp_name(b"=?base64??="), "");
    }

    #[test]
    fn what_does_not_decode_stands_for_itself() {
        for name in ["=?BASE64?dG9vbA==?=", "=?base64?d!?=", "=?base64?dG9vbA==", "=?base64?====?="]
        {
            assert_eq!(decode_mcp_name(name.as_bytes()), name);
        }
    }
}
