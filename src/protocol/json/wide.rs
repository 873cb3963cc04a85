//! JSON in UTF-16 and UTF-32, rewritten as UTF-8 for the scanner.
//!
//! RFC 8259 §8.1 wants UTF-8 between systems, and yet Python's `json.loads` takes bytes of either
//! and tells them by their zero bytes; so do the MCP servers built on it.

/// How far a body was rewritten.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Rewritten {
    Whole,
    /// But for its last bytes, which are a part of a character.
    CutCharacter,
    /// Up to the limit.
    Cut,
}

/// How the characters of a body are written.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Wide {
    Utf16Le,
    Utf16Be,
    Utf32Le,
    Utf32Be,
}

/// A byte that UTF-8 never has: it stands for a number that is no character.
const NO_CHARACTER: u8 = 0xff;
/// The most bytes that one character takes in UTF-8.
const CHARACTER_BYTES_MAX: usize = 4;

impl Wide {
    /// Tells the encoding by the first bytes, as Python's `json.detect_encoding` does: by a byte
    /// order mark, whose length is returned with it, or by where the zero bytes of an ASCII
    /// character stand, with which every JSON document begins. `None` for UTF-8.
    pub(super) fn of(bytes: &[u8]) -> Option<(Wide, usize)> {
        Some(match bytes {
            [0, 0, 0xfe, 0xff, ..] => (Wide::Utf32Be, 4),
            [0xff, 0xfe, 0, 0, ..] => (Wide::Utf32Le, 4),
            [0xfe, 0xff, ..] => (Wide::Utf16Be, 2),
            [0xff, 0xfe, ..] => (Wide::Utf16Le, 2),
            [0, 0, 0, 1..=0xff, ..] => (Wide::Utf32Be, 0),
            [0, 1..=0xff, ..] => (Wide::Utf16Be, 0),
            [1..=0x7f, 0, 0, 0, ..] => (Wide::Utf32Le, 0),
            [1..=0x7f, 0, ..] => (Wide::Utf16Le, 0),
            _ => return None,
        })
    }

    /// Writes `bytes` (without the byte order mark) as UTF-8 into `out`, which is emptied first and
    /// holds at most `bytes_max` after.
    ///
    /// Half a surrogate pair, which Python lets pass, becomes the three bytes it would take if it
    /// were a character, and what is no character at all one byte: neither is UTF-8, and the
    /// scanner says so.
    pub(super) fn rewrite(self, bytes: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Rewritten {
        out.clear();
        let units = match self {
            Wide::Utf16Le | Wide::Utf16Be => return self.rewrite_16(bytes, bytes_max, out),
            Wide::Utf32Le | Wide::Utf32Be => bytes.as_chunks::<4>(),
        };
        for unit in units.0 {
            if out.len() + CHARACTER_BYTES_MAX > bytes_max {
                return Rewritten::Cut;
            }
            push(
                match self {
                    Wide::Utf32Be => u32::from_be_bytes(*unit),
                    _ => u32::from_le_bytes(*unit),
                },
                out,
            );
        }
        if units.1.is_empty() { Rewritten::Whole } else { Rewritten::CutCharacter }
    }

    fn rewrite_16(self, bytes: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Rewritten {
        let (units, left) = bytes.as_chunks::<2>();
        let mut units = units.iter().map(|unit| match self {
            Wide::Utf16Be => u16::from_be_bytes(*unit),
            _ => u16::from_le_bytes(*unit),
        });
        let mut next = units.next();
        while let Some(unit) = next {
            if out.len() + CHARACTER_BYTES_MAX > bytes_max {
                return Rewritten::Cut;
            }
            next = units.next();
            let low = next.filter(|low| is_high(unit) && (0xdc00..=0xdfff).contains(low));
            let Some(low) = low else {
                if next.is_none() && is_high(unit) {
                    return Rewritten::CutCharacter;
                }
                push(u32::from(unit), out);
                continue;
            };
            push(0x1_0000 + ((u32::from(unit) & 0x3ff) << 10 | u32::from(low) & 0x3ff), out);
            next = units.next();
        }
        if left.is_empty() { Rewritten::Whole } else { Rewritten::CutCharacter }
    }
}

fn is_high(unit: u16) -> bool {
    (0xd800..=0xdbff).contains(&unit)
}

fn push(number: u32, out: &mut Vec<u8>) {
    if let Ok(ascii @ 0..=0x7f) = u8::try_from(number) {
        return out.push(ascii);
    }
    match char::from_u32(number) {
        Some(letter) => {
            out.extend_from_slice(letter.encode_utf8(&mut [0; CHARACTER_BYTES_MAX]).as_bytes());
        }
        None if number <= 0xffff => {
            let six = |shift: u32| 0x80 | u8::try_from(number >> shift & 0x3f).unwrap_or_default();
            out.extend_from_slice(&[0xed, six(6), six(0)]);
        }
        None => out.push(NO_CHARACTER),
    }
}
