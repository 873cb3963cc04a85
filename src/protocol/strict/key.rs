//! Keys that are not a known member, but that some reader takes for one.
//!
//! Go's encoding/json and C's cJSON compare keys without regard to case (Go folds U+017F and U+212A
//! to `s` and `k`), C's strings end at a NUL, pydantic's models may take `task_id` for `taskId`.

/// The members that make an object a request.
pub(super) const REQUEST: &[&str] = &["method", "jsonrpc"];
/// The members of a JSON-RPC message.
pub(super) const ENVELOPE: &[&str] = &["jsonrpc", "method", "params", "id", "result", "error"];
/// The members of `params` that say what is done, and to what (all revisions).
pub(super) const PARAMS: &[&str] = &[
    "name",
    "arguments",
    "_meta",
    "uri",
    "cursor",
    "taskId",
    "ref",
    "argument",
    "context",
    "task",
    "level",
    "notifications",
    "requestState",
    "inputResponses",
    "protocolVersion",
    "clientInfo",
    "capabilities",
    "requestId",
    "progressToken",
];
/// The members of `params.ref`.
pub(super) const REFERENCE: &[&str] = &["type", "name", "uri"];
/// The members of `params.notifications` that name something.
pub(super) const NOTIFICATIONS: &[&str] = &["resourceSubscriptions"];
/// None: where keys are data, only prototypes are looked for.
pub(super) const NONE: &[&str] = &[];

/// The longest known member is shorter.
const FOLDED_BYTES_MAX: usize = 24;

/// Whether the key changes an object's prototype, or reaches for it, in JavaScript that copies or
/// merges objects.
pub(super) fn is_prototype(key: &[u8]) -> bool {
    matches!(key, b"__proto__" | b"constructor" | b"prototype")
}

/// The known member that the key may pass for: itself, or one that it differs from only in what
/// [`Folded`] does away with.
pub(super) fn folds_to(key: &[u8], known: &[&'static str]) -> Option<&'static str> {
    // As a rule keys are written as they should be.
    if let Some(exact) = known.iter().find(|name| name.as_bytes() == key) {
        return Some(exact);
    }
    if known.is_empty() {
        return None;
    }
    let folded = Folded::of(key)?;
    known.iter().find(|name| folded.is(name)).copied()
}

/// A key in lower case, of letters and digits alone: without separators, control characters, space
/// and what is invisible, without combining accents, and without all that stands behind a NUL. Letters that
/// have a letter of ASCII for their other case, and full-width ones, are that letter.
struct Folded {
    bytes: [u8; FOLDED_BYTES_MAX],
    length: usize,
}

impl Folded {
    /// `None` if it is longer than any known member, or has letters beyond ASCII.
    fn of(key: &[u8]) -> Option<Folded> {
        let mut folded = Folded { bytes: [0; FOLDED_BYTES_MAX], length: 0 };
        if key.is_ascii() {
            for &byte in key.iter().take_while(|&&byte| byte != 0) {
                folded.push_ascii(byte)?;
            }
        } else {
            for letter in
                std::str::from_utf8(key).ok()?.chars().take_while(|&letter| letter != '\0')
            {
                folded.push(letter)?;
            }
        }
        Some(folded)
    }

    #[inline]
    fn push_ascii(&mut self, byte: u8) -> Option<()> {
        if byte.is_ascii_alphanumeric() {
            *self.bytes.get_mut(self.length)? = byte.to_ascii_lowercase();
            self.length += 1;
        }
        Some(())
    }

    #[cold]
    fn push(&mut self, letter: char) -> Option<()> {
        let letter = match letter {
            // Full-width forms stand in the order of ASCII.
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0)?,
            _ => letter,
        };
        for folded in letter.to_uppercase().flat_map(char::to_lowercase) {
            match u8::try_from(folded) {
                Ok(ascii @ 0..=0x7f) => self.push_ascii(ascii)?,
                _ if is_invisible(folded) => {}
                _ => return None,
            }
        }
        Some(())
    }

    fn is(&self, name: &str) -> bool {
        let folded = self.bytes.get(..self.length).unwrap_or_default();
        let name = name.trim_start_matches('_').as_bytes();
        folded.eq_ignore_ascii_case(name)
    }
}

/// Space, control and format characters, and accents that are characters of their own.
fn is_invisible(letter: char) -> bool {
    letter.is_whitespace()
        || letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_passes_for_a_member_whatever_its_case_and_what_hides_in_it() {
        for key in [
            "method",
            "Method",
            "METHOD",
            "method\0",
            "method\0x",
            "method ",
            "\tmethod",
            "me\u{200b}thod",
            "method\u{feff}",
            "ＭＥＴＨＯＤ",
            "me-thod",
            "me\u{307}thod",
            "\u{e0001}method",
        ] {
            assert_eq!(folds_to(key.as_bytes(), ENVELOPE), Some("method"), "{key:?}");
        }
        assert_eq!(folds_to("paramſ".as_bytes(), ENVELOPE), Some("params"));
        assert_eq!(folds_to("ıd".as_bytes(), ENVELOPE), Some("id"));
        assert_eq!(folds_to("İD".as_bytes(), ENVELOPE), Some("id"));
        assert_eq!(folds_to("tasK_id".as_bytes(), PARAMS), Some("taskId"));
        assert_eq!(folds_to(b"meta", PARAMS), Some("_meta"));
        assert_eq!(
            folds_to(b"resource_subscriptions", NOTIFICATIONS),
            Some("resourceSubscriptions")
        );
    }

    #[test]
    fn other_keys_pass_for_none() {
        for key in ["", "methods", "metho", "\0method", "мethod", "日本", "x", "mėthod"] {
            assert_eq!(folds_to(key.as_bytes(), ENVELOPE), None, "{key:?}");
        }
        assert_eq!(folds_to(&[b'm'; 1000], ENVELOPE), None);
        assert_eq!(folds_to(b"\xff", ENVELOPE), None);
        assert_eq!(folds_to(b"method", NONE), None);
    }

    #[test]
    fn every_known_member_passes_for_itself() {
        for known in [REQUEST, ENVELOPE, PARAMS, REFERENCE, NOTIFICATIONS] {
            for name in known {
                assert!(name.len() <= FOLDED_BYTES_MAX);
                assert_eq!(folds_to(name.as_bytes(), known), Some(*name));
            }
        }
    }
}
