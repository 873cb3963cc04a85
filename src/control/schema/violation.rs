//! What is wrong with arguments, in words.

use protocol::Value;

/// Bytes of [`Violation::expected`] and [`Violation::found`].
pub const VIOLATION_TEXT_BYTES_MAX: usize = 160;
/// Bytes of [`Violation::pointer`].
pub const VIOLATION_POINTER_BYTES_MAX: usize = 512;

/// The first thing that a schema objects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer (RFC 6901) into the arguments; empty for the arguments themselves. Its end is
    /// missing, marked by `…`, beyond [`VIOLATION_POINTER_BYTES_MAX`].
    pub pointer: String,
    /// The keyword of the schema, or `unknown_arguments`.
    pub keyword: &'static str,
    /// What the schema wants there: `integer`, `at least 3`. At most [`VIOLATION_TEXT_BYTES_MAX`].
    pub expected: String,
    /// What stands there, as JSON, not masked; empty where something is missing. At most
    /// [`VIOLATION_TEXT_BYTES_MAX`].
    pub found: String,
}

impl Violation {
    pub(super) fn not_an_object(value: Value<'_>) -> Violation {
        Violation {
            pointer: String::new(),
            keyword: "type",
            expected: "object".to_owned(),
            found: short(value.raw()),
        }
    }
}

/// The beginning of a text, marked where it is cut. What is no text, or controls a terminal, is
/// replaced.
pub(super) fn short(raw: &[u8]) -> String {
    let is_cut = raw.len() > VIOLATION_TEXT_BYTES_MAX;
    // Room for the mark, and for replacements, which are longer than what they replace.
    let end = if is_cut { VIOLATION_TEXT_BYTES_MAX - '…'.len_utf8() } else { raw.len() };
    let mut text = String::new();
    let lossy = String::from_utf8_lossy(raw.get(..end).unwrap_or(raw));
    for letter in lossy.chars() {
        let letter = if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter };
        if text.len() + letter.len_utf8() > end {
            break;
        }
        text.push(letter);
    }
    if is_cut {
        text.push('…');
    }
    text
}

/// Appends a token to a pointer.
pub(super) fn push_token(pointer: &mut String, token: &str) {
    if pointer.ends_with('…') {
        return;
    }
    if pointer.len() + token.len() + 4 > VIOLATION_POINTER_BYTES_MAX {
        pointer.push_str("/…");
        return;
    }
    pointer.push('/');
    for letter in token.chars() {
        match letter {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            _ if letter.is_control() => pointer.push(char::REPLACEMENT_CHARACTER),
            _ => pointer.push(letter),
        }
    }
}
