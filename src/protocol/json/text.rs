//! Strings: where they end, and what they say once their escapes are resolved.

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// Marks, in the high bit of each byte, the quotes, backslashes and control bytes of a word. Only
/// the lowest mark is exact (a borrow may spoil those above it), which is the one that is used.
fn special_marks(word: u64) -> u64 {
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = word ^ (ONES * b'"' as u64);
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = word ^ (ONES * b'\\' as u64);
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & HIGHS
}

const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The compiler turns this into vector instructions, which is why there is no early exit.
fn block_has_special(block: &[u8; 64]) -> bool {
    block.iter().fold(false, |found, &byte| found | is_special(byte))
}

/// Words that are searched before it pays to go on in blocks.
const SHORT_WORDS: usize = 8;

/// The offset of the first quote, backslash or control byte at or after `from`, or the length.
#[inline(always)]
pub(super) fn find_special(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    for _ in 0..SHORT_WORDS {
        let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) else {
            break;
        };
        let marks = special_marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return at + marks.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    find_special_far(bytes, at)
}

#[inline(never)]
fn find_special_far(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let (blocks, rest) = rest.as_chunks::<64>();
    let mut at = from;
    for block in blocks {
        if block_has_special(block) {
            return at + first_special(block);
        }
        at += block.len();
    }
    at + first_special(rest)
}

fn first_special(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| is_special(byte)).unwrap_or(bytes.len())
}

/// The value of four hexadecimal digits at the beginning of `bytes`.
pub(super) fn hex4(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.first_chunk::<4>()?;
    let mut value = 0u16;
    for &digit in digits {
        value = value << 4 | char::from(digit).to_digit(16)? as u16;
    }
    Some(value)
}

/// The unescaped text of what stands between a string's quotes. Bytes that are not UTF-8 and lone
/// surrogates become U+FFFD; an unknown escape stays as it is; an escape that the end of the
/// input cut is left out.
pub(super) fn unescape(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        push_lossy(&mut out, plain);
        let used = push_escape(&mut out, escape);
        rest = escape.get(used..).unwrap_or_default();
    }
    push_lossy(&mut out, rest);
    out
}

fn push_lossy(out: &mut String, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => out.push_str(text),
        Err(_) => out.push_str(&String::from_utf8_lossy(bytes)),
    }
}

/// Appends what an escape stands for and returns its length in bytes, at least one.
fn push_escape(out: &mut String, escape: &[u8]) -> usize {
    let Some(&letter) = escape.get(1) else { return 1 };
    let meaning = match letter {
        b'"' | b'\\' | b'/' => char::from(letter),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return push_unicode(out, escape),
        _ => {
            out.push('\\');
            return 1;
        }
    };
    out.push(meaning);
    2
}

fn push_unicode(out: &mut String, escape: &[u8]) -> usize {
    let Some(digits) = escape.get(2..).filter(|digits| digits.len() >= 4) else {
        // Cut by the end of the input, or followed by the closing quote too early.
        return escape.len();
    };
    let Some(unit) = hex4(digits) else {
        out.push('\\');
        return 1;
    };
    let (meaning, used) = match low_surrogate(unit, escape) {
        Some(low) => {
            let code = 0x10000 + ((u32::from(unit) & 0x3ff) << 10 | u32::from(low) & 0x3ff);
            (char::from_u32(code), 12)
        }
        None => (char::from_u32(u32::from(unit)), 6),
    };
    out.push(meaning.unwrap_or(char::REPLACEMENT_CHARACTER));
    used
}

/// The second half of the pair that begins with `unit`, if it follows the six bytes of `escape`.
fn low_surrogate(unit: u16, escape: &[u8]) -> Option<u16> {
    if !is_high_surrogate(unit) || escape.get(6..8) != Some(b"\\u") {
        return None;
    }
    hex4(escape.get(8..)?).filter(|&low| is_low_surrogate(low))
}

pub(super) const fn is_high_surrogate(unit: u16) -> bool {
    matches!(unit, 0xd800..=0xdbff)
}

pub(super) const fn is_low_surrogate(unit: u16) -> bool {
    matches!(unit, 0xdc00..=0xdfff)
}
