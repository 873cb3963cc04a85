//! Writing JSON that stays valid and within a limit, whatever is written.
//!
//! Of what does not fit, something always remains to be seen: a long string ends with
//! `… 1234 bytes more`, an array with the element `"… 12 more"`, an object with the member
//! `"…":"12 more"`, and a value for which there was no room at all is `"…"`.

use std::fmt::Write as _;
use std::ops::Range;

/// The sign of everything that was left out.
pub(crate) const ELLIPSIS: &str = "…";
/// What stands in place of a masked value.
pub(crate) const MASKED: &str = "••••";

/// Limits below this count as this: the least room in which every marker fits.
pub(crate) const LIMIT_BYTES_MIN: usize = 64;
/// Room kept for what closes a container: `,"…":"18446744073709551615 more"}`.
const CLOSING_BYTES: usize = 40;
/// Room that a value needs at least: `"…"` and `"••••"` fit.
pub(crate) const VALUE_BYTES_MIN: usize = 16;
/// Room kept at the end of a shortened string: `… 18446744073709551615 bytes more`.
const NOTE_BYTES: usize = 36;

/// Appends JSON to a string, within a limit.
#[derive(Debug)]
pub(crate) struct Output<'o> {
    out: &'o mut String,
    /// The length that `out` may reach, less what the open containers need to close.
    end: usize,
    /// Whether something was left out.
    truncated: bool,
}

impl<'o> Output<'o> {
    pub(crate) fn new(out: &'o mut String, limit_bytes: usize) -> Self {
        let end = out.len().saturating_add(limit_bytes.max(LIMIT_BYTES_MIN));
        Output { out, end, truncated: false }
    }

    /// Whether something was left out.
    pub(crate) const fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Remembers that something was left out.
    pub(crate) const fn truncate(&mut self) {
        self.truncated = true;
    }

    /// Bytes that still fit at this level.
    pub(crate) fn room(&self) -> usize {
        self.end.saturating_sub(self.out.len())
    }

    /// Opens a container; false if it has no room, and then nothing was written.
    pub(crate) fn open(&mut self, bracket: char) -> bool {
        if self.room() < CLOSING_BYTES + 2 {
            return false;
        }
        self.end -= CLOSING_BYTES;
        self.out.push(bracket);
        true
    }

    /// Closes what was opened last.
    pub(crate) fn close(&mut self, bracket: char) {
        self.end += CLOSING_BYTES;
        self.out.push(bracket);
    }

    /// Whether another element, with a key of this many bytes or none, has room.
    pub(crate) fn has_room(&self, key_bytes: usize) -> bool {
        self.room() >= key_bytes + VALUE_BYTES_MIN
    }

    /// Bytes written so far, with what was there before.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether what was written from `start` on says the same as what lies at `last`.
    pub(crate) fn is_repeated(&self, last: &Range<usize>, start: usize) -> bool {
        !last.is_empty() && self.out.get(last.clone()) == self.out.get(start..)
    }

    /// Takes back what was written from `start` on.
    pub(crate) fn take_back(&mut self, start: usize) {
        self.out.truncate(start);
    }

    /// What separates elements.
    pub(crate) fn comma(&mut self, is_first: bool) {
        if !is_first {
            self.out.push(',');
        }
    }

    /// The last element of an array that is not shown as a whole; `None`: it is unknown how many
    /// are missing.
    pub(crate) fn missing_items(&mut self, is_first: bool, count: Option<usize>) {
        self.comma(is_first);
        let _ = match count {
            Some(count) => write!(self.out, "\"{ELLIPSIS} {count} more\""),
            None => write!(self.out, "\"{ELLIPSIS}\""),
        };
    }

    /// The last member of an object that is not shown as a whole.
    pub(crate) fn missing_members(&mut self, is_first: bool, count: Option<usize>) {
        self.comma(is_first);
        let _ = match count {
            Some(count) => write!(self.out, "\"{ELLIPSIS}\":\"{count} more\""),
            None => write!(self.out, "\"{ELLIPSIS}\":\"{ELLIPSIS}\""),
        };
    }

    /// A key whose [`encoded_bytes`] have room, and the colon.
    pub(crate) fn key(&mut self, text: &str) {
        self.quoted(text);
        self.out.push(':');
    }

    /// The mark for a value that is masked.
    pub(crate) fn masked(&mut self) {
        self.quoted(MASKED);
    }

    /// The mark for a value that is left out.
    pub(crate) fn omitted(&mut self) {
        self.truncated = true;
        self.quoted(ELLIPSIS);
    }

    /// JSON text that needs no escaping, or `"…"` where it does not fit.
    pub(crate) fn verbatim(&mut self, json: &str) {
        if json.len() <= self.room() { self.out.push_str(json) } else { self.omitted() }
    }

    /// A string. `missing_bytes` of it are not in `text`, because they were not looked at.
    pub(crate) fn string(&mut self, text: &str, missing_bytes: usize) {
        let room = self.room().saturating_sub(2);
        if missing_bytes == 0 && (encoded_bytes(text) <= room) {
            return self.quoted(text);
        }
        self.truncated = true;
        let shown = fitting(text, room.saturating_sub(NOTE_BYTES));
        if shown.is_empty() {
            return self.quoted(ELLIPSIS);
        }
        let missing = missing_bytes + text.len() - shown.len();
        self.out.push('"');
        push_escaped(self.out, shown);
        let _ = write!(self.out, "{ELLIPSIS} {missing} bytes more\"");
    }

    /// A string of which the end was never seen.
    pub(crate) fn cut_string(&mut self, text: &str) {
        self.truncated = true;
        let shown = fitting(text, self.room().saturating_sub(2 + ELLIPSIS.len()));
        self.out.push('"');
        push_escaped(self.out, shown);
        self.out.push_str(ELLIPSIS);
        self.out.push('"');
    }

    fn quoted(&mut self, text: &str) {
        self.out.push('"');
        push_escaped(self.out, text);
        self.out.push('"');
    }
}

/// Whether a byte cannot stand in a JSON string as it is.
const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Without an early exit, so that the compiler makes vector instructions of it.
fn is_plain(bytes: &[u8]) -> bool {
    !bytes.iter().fold(false, |found, &byte| found | needs_escape(byte))
}

const fn escape(byte: u8) -> Option<&'static str> {
    Some(match byte {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        b'\n' => "\\n",
        b'\r' => "\\r",
        b'\t' => "\\t",
        _ => return None,
    })
}

/// Bytes of a character that begins with this byte, once it is in a JSON string.
const fn encoded_len(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    }
}

/// The length of a text in a JSON string, without the quotes.
pub(crate) fn encoded_bytes(text: &str) -> usize {
    if is_plain(text.as_bytes()) {
        return text.len();
    }
    text.bytes().map(encoded_len).sum()
}

/// The longest beginning of a text that is no longer than this in a JSON string.
fn fitting(text: &str, encoded_bytes_max: usize) -> &str {
    let mut used = 0;
    let bytes = text.bytes().take_while(|&byte| {
        used += encoded_len(byte);
        used <= encoded_bytes_max
    });
    let end = bytes.count();
    text.get(..char_floor(text, end)).unwrap_or_default()
}

/// The last place not after `at` where a character begins, or the end.
pub(crate) fn char_floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The first place not before `at` where a character begins, or the end.
pub(crate) fn char_ceil(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

fn push_escaped(out: &mut String, text: &str) {
    if is_plain(text.as_bytes()) {
        return out.push_str(text);
    }
    let mut rest = text;
    while let Some(at) = rest.bytes().position(needs_escape) {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let byte = special.bytes().next().unwrap_or_default();
        match escape(byte) {
            Some(escaped) => out.push_str(escaped),
            None => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
        rest = special.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
}
