//! Secrets that are told by the word before them: `password=…`, `"token": "…"`, `Cookie: …`,
//! `<secret>…`, `--api-key …`, in text of any kind.

use std::ops::Range;

use memchr::memmem;

use super::names::Names;
use super::spans::Spans;
use crate::output::char_ceil;

/// A label is at most that long.
const LABEL_BYTES_MAX: usize = 64;
/// That many spaces, quotes and brackets may stand between a label and its separator, or between
/// the separator and the value.
const PADDING_BYTES_MAX: usize = 16;
/// Labels after which the whole rest of the line is the secret.
const LINE_LABELS: [&str; 5] = ["authorization", "cookie", "passphrase", "phrase", "mnemonic"];
/// Labels that need the word before them to say what they are ("API key").
const SECOND_WORDS: [&str; 4] = ["key", "code", "number", "token"];
/// Values that are none.
const LITERALS: [&str; 7] = ["null", "true", "false", "None", "True", "False", "undefined"];

/// Adds the values in a text that stand behind one of the names; behind `?` or `&`, of the names
/// in queries.
pub(crate) fn find(text: &str, names: &Names, query_names: &Names, spans: &mut Spans) {
    let bytes = text.as_bytes();
    let mut masked_to = 0;
    for separator in memchr::memchr3_iter(b'=', b':', b'>', bytes) {
        // What stands within a masked value needs no look.
        if separator < masked_to || !is_separator(bytes, separator) {
            continue;
        }
        let Some(label) = label_before(bytes, separator) else { continue };
        let is_arrow = separator.checked_sub(1).and_then(|at| bytes.get(at)) == Some(&b'=');
        let is_tag = bytes.get(separator) == Some(&b'>') && !is_arrow;
        let before = label.start.checked_sub(1).and_then(|at| bytes.get(at));
        if is_tag && before != Some(&b'<') {
            continue;
        }
        let names = if matches!(before, Some(b'?' | b'&')) { query_names } else { names };
        if !is_secret_label(text, &label, names) {
            continue;
        }
        let value = match is_tag {
            true => separator + 1..find_from(bytes, separator + 1, |byte| byte == b'<'),
            false => value_after(text, separator + 1, &label),
        };
        masked_to = value.end.max(masked_to);
        spans.add(value);
    }
    if memmem::find(bytes, b"--").is_some() {
        find_flags(text, names, spans);
    }
}

/// `--api-key abc`: command lines separate by a space too.
fn find_flags(text: &str, names: &Names, spans: &mut Spans) {
    let bytes = text.as_bytes();
    for dashes in memmem::find_iter(bytes, b"--") {
        let start = dashes + 2;
        let end = find_from(bytes, start, |byte| !is_label(byte));
        let is_flag = end - start <= LABEL_BYTES_MAX && bytes.get(end) == Some(&b' ');
        if is_flag && text.get(start..end).is_some_and(|label| names.contains(label)) {
            spans.add(value_after(text, end, &(start..end)));
        }
    }
}

/// Not the colon of `https://`; of `=>`, `:=` and `==` the last character.
fn is_separator(bytes: &[u8], at: usize) -> bool {
    match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b':'), Some(b'/')) => bytes.get(at + 2) != Some(&b'/'),
        (Some(b'=' | b':'), Some(b'=' | b'>')) => false,
        _ => true,
    }
}

const fn is_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || byte >= 0x80
}

const fn is_padding(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'`' | b'\\' | b'[' | b']' | b'=' | b':')
}

/// The word before a separator.
fn label_before(bytes: &[u8], separator: usize) -> Option<Range<usize>> {
    let before = bytes.get(..separator)?;
    let padding = before.iter().rev().take_while(|&&byte| is_padding(byte)).count();
    let end = separator.checked_sub(padding)?;
    if padding > PADDING_BYTES_MAX {
        return None;
    }
    let word = bytes.get(..end)?.iter().rev();
    let length = word.take(LABEL_BYTES_MAX).take_while(|&&byte| is_label(byte)).count();
    (length > 0).then_some(end - length..end)
}

fn is_secret_label(text: &str, label: &Range<usize>, names: &Names) -> bool {
    let start = char_ceil(text, label.start);
    let Some(word) = text.get(start..label.end) else { return false };
    if names.contains(word) {
        return true;
    }
    // `config.pin`, `headers.cookie`
    if word.rsplit_once('.').is_some_and(|(_, last)| names.contains(last)) {
        return true;
    }
    if !SECOND_WORDS.iter().any(|second| word.eq_ignore_ascii_case(second)) {
        return false;
    }
    let first = text.get(..start).and_then(|before| before.strip_suffix(' ')).unwrap_or_default();
    let length = first.bytes().rev().take(LABEL_BYTES_MAX).take_while(u8::is_ascii_alphabetic);
    let start = first.len() - length.count();
    text.get(start..label.end).is_some_and(|words| names.contains(words))
}

/// The value that begins at `from`, without its quotes.
fn value_after(text: &str, from: usize, label: &Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let is_space = |byte| matches!(byte, b' ' | b'\t');
    let spaces = |from| find_from(bytes, from, |byte| !is_space(byte));
    let start = spaces(from);
    let unescaped = find_from(bytes, start, |byte| byte != b'\\');
    match bytes.get(unescaped) {
        Some(&quote @ (b'"' | b'\'' | b'`')) => {
            let start = unescaped + 1;
            start..closing_quote(bytes, start, quote, unescaped.saturating_sub(spaces(from)))
        }
        Some(b'{' | b'[') => start..closing_bracket(bytes, start),
        _ => start..bare_end(text, start, label),
    }
}

/// The quote that closes what `escapes` backslashes and a quote opened; more of them make a quote
/// within.
fn closing_quote(bytes: &[u8], start: usize, quote: u8, escapes: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    for at in memchr::memchr_iter(quote, rest) {
        let before = rest.get(..at).unwrap_or_default();
        let backslashes = before.iter().rev().take_while(|&&byte| byte == b'\\').count();
        if backslashes <= escapes {
            return start + at - backslashes;
        }
    }
    bytes.len()
}

fn closing_bracket(bytes: &[u8], start: usize) -> usize {
    let mut open = 0usize;
    let mut is_quoted = false;
    for (at, &byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'{' | b'[' if !is_quoted => open += 1,
            b'}' | b']' if !is_quoted => open = open.saturating_sub(1),
            _ => continue,
        }
        if open == 0 && !is_quoted {
            return at + 1;
        }
    }
    bytes.len()
}

/// The end of a value without quotes: a space, a quote or the next parameter, and not the
/// punctuation of the sentence it stands in.
fn bare_end(text: &str, start: usize, label: &Range<usize>) -> usize {
    let bytes = text.as_bytes();
    let word = bytes.get(label.clone()).unwrap_or_default();
    let is_line = LINE_LABELS.iter().any(|line| {
        let from = word.len().saturating_sub(line.len());
        word.get(from..).is_some_and(|end| end.eq_ignore_ascii_case(line.as_bytes()))
    });
    if is_line {
        return find_from(bytes, start, |byte| matches!(byte, b'\n' | b'\r'));
    }
    let end = find_from(bytes, start, |byte| {
        byte.is_ascii_whitespace()
            || matches!(byte, b'"' | b'\'' | b'`' | b'&' | b'<' | b'>' | b'{' | b'[')
    });
    let value = bytes.get(start..end).unwrap_or_default();
    let closing = |byte: &&u8| matches!(byte, b',' | b'.' | b';' | b')' | b']' | b'}' | b':');
    let end = end - value.iter().rev().take_while(closing).count();
    let is_none = text.get(start..end).is_some_and(|value| LITERALS.contains(&value));
    if is_none { start } else { end }
}

fn find_from(bytes: &[u8], from: usize, is_end: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().position(|&byte| is_end(byte)).map_or(bytes.len(), |at| from + at)
}
