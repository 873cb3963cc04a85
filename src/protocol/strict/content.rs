//! How the body is written: its flaws as JSON, and what its headers say of it.

use super::headers::RequestHeaders;
use super::objection::{Objections, Rule};
use crate::header::media_type;
use crate::json::Flaws;

/// The rule that each flaw breaks, in the order in which they are named: first what explains most.
const FLAWS: [(Flaws, Rule); 14] = [
    (Flaws::WIDE_ENCODING, Rule::WideEncoding),
    (Flaws::BOM, Rule::ByteOrderMark),
    (Flaws::INVALID_UTF8, Rule::NotUtf8),
    (Flaws::COMMENT, Rule::Comment),
    (Flaws::SYNTAX, Rule::Syntax),
    (Flaws::EMPTY, Rule::Syntax),
    (Flaws::TRAILING, Rule::Trailing),
    (Flaws::TRUNCATED, Rule::Truncated),
    (Flaws::CONTROL_IN_STRING, Rule::ControlInString),
    (Flaws::NON_FINITE, Rule::NonFinite),
    (Flaws::BAD_NUMBER, Rule::BadNumber),
    (Flaws::LONE_SURROGATE, Rule::LoneSurrogate),
    (Flaws::TOO_DEEP, Rule::TooDeep),
    (Flaws::TOO_MANY_NODES, Rule::TooManyValues),
];
const EXPECTED: &str = "one JSON document in UTF-8";
/// Codings that are undone before a body is read.
const CODINGS: [&str; 5] = ["identity", "gzip", "x-gzip", "deflate", "br"];

pub(super) fn check(flaws: Flaws, headers: &RequestHeaders<'_>, found: &mut Objections) {
    if !flaws.is_empty() {
        for (flaw, rule) in FLAWS {
            if flaws.contains(flaw) {
                found.add(rule, String::new(), EXPECTED, rule.as_str().as_bytes());
            }
        }
    }
    if !headers.content_type.is_empty() {
        check_type(headers.content_type, found);
    }
    check_coding(headers.content_encoding, found);
}

/// A body of another type is read in another way, or refused, by a server that looks at it. One of
/// no type at all is JSON to a server that reads it.
fn check_type(header: &[u8], found: &mut Objections) {
    let point = || String::from("header Content-Type");
    if !is_json_type(media_type(header)) {
        found.add(Rule::ContentType, point(), "application/json", header);
    }
    // Express decodes a body in whatever charset it is told: UTF-7 hides quotes from all others.
    for parameter in header.split(|&byte| byte == b';').skip(1) {
        let mut parts = parameter.splitn(2, |&byte| byte == b'=').map(<[u8]>::trim_ascii);
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        let value = value.strip_suffix(b"\"").unwrap_or(value);
        let is_utf8 = value.eq_ignore_ascii_case(b"utf-8") || value.eq_ignore_ascii_case(b"utf8");
        if name.to_ascii_lowercase().starts_with(b"charset") && !is_utf8 {
            found.add(Rule::Charset, point(), "utf-8", header);
        }
    }
}

/// `application/json`, and every other type that ends in the word.
fn is_json_type(media_type: &[u8]) -> bool {
    const WORD: &[u8] = b"json";
    let is_token = media_type.iter().all(|byte| byte.is_ascii_graphic() && !b",;\"".contains(byte));
    let start = media_type.len().saturating_sub(WORD.len() + 1);
    let Some((separator, word)) = media_type.get(start..).and_then(<[u8]>::split_first) else {
        return false;
    };
    let is_json = word.eq_ignore_ascii_case(WORD) && matches!(separator, b'/' | b'+');
    is_token && (is_json || media_type.eq_ignore_ascii_case(b"application/json-rpc"))
}

/// The caller undoes the codings; of several, or of one written so that only some know it, a server
/// may undo others.
fn check_coding(header: &[u8], found: &mut Objections) {
    let coding = header.trim_ascii();
    let is_known = CODINGS.iter().any(|known| coding.eq_ignore_ascii_case(known.as_bytes()));
    if !coding.is_empty() && !is_known {
        let point = String::from("header Content-Encoding");
        found.add(Rule::ContentEncoding, point, "one of gzip, deflate, br", header);
    }
}
