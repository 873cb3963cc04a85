//! A first look at a text, in one pass without branches: most texts have no sign of a secret, and
//! need no second look.

/// What has been seen in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signs {
    /// `:`, so there may be a URL.
    pub(crate) has_colon: bool,
    /// `=`, `:`, `>` or `--`, so there may be a label.
    pub(crate) has_separator: bool,
    /// A space after the last letter of `Bearer` or `Basic`.
    pub(crate) has_scheme: bool,
    /// Bytes of the longest run of those that tokens are made of.
    pub(crate) longest_word: usize,
    /// How many digits there are.
    pub(crate) digits: usize,
}

const WORD: u8 = 1;
const DIGIT: u8 = 2;
const COLON: u8 = 4;
const SEPARATOR: u8 = 8;
/// The last letter of a scheme; the bit below that of a space, see [`Signs::of`].
const SCHEME_END: u8 = 16;
const SPACE: u8 = 32;
/// The bit below that of the second of two dashes.
const DASH: u8 = 64;
const DASHES: u8 = 128;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0u8;
    loop {
        let mut class = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'.' | b'/' | b'+' | b'%' | b'~' => WORD,
            b'-' => WORD | DASH | DASHES,
            b'0'..=b'9' => WORD | DIGIT,
            b':' => COLON | SEPARATOR,
            b'=' | b'>' => SEPARATOR,
            b' ' => SPACE,
            _ => 0,
        };
        if matches!(byte, b'r' | b'R' | b'c' | b'C') {
            class |= SCHEME_END;
        }
        #[allow(clippy::indexing_slicing, reason = "a byte is an index of 256 places")]
        {
            classes[byte as usize] = class;
        }
        if byte == u8::MAX {
            return classes;
        }
        byte += 1;
    }
}

/// Whether tokens are made of this byte.
pub(crate) fn is_in_word(byte: u8) -> bool {
    class(byte) & WORD != 0
}

#[inline]
#[allow(clippy::indexing_slicing, reason = "a byte is an index of 256 places")]
fn class(byte: u8) -> u8 {
    CLASSES[byte as usize]
}

impl Signs {
    /// Looks at a text.
    pub(crate) fn of(text: &str) -> Signs {
        let (mut seen, mut pairs, mut before) = (0, 0, 0u8);
        let (mut word, mut longest, mut digits) = (0u32, 0u32, 0u32);
        for &byte in text.as_bytes() {
            let class = class(byte);
            seen |= class;
            pairs |= (before << 1) & class;
            before = class;
            word = (word + 1) & 0u32.wrapping_sub(u32::from(class & WORD));
            longest = longest.max(word);
            digits += u32::from((class & DIGIT) >> 1);
        }
        Signs {
            has_colon: seen & COLON != 0,
            has_separator: seen & SEPARATOR != 0 || pairs & DASHES != 0,
            has_scheme: pairs & SPACE != 0,
            longest_word: longest as usize,
            digits: digits as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_no_signs() {
        let signs = Signs::of("open invoices of 2026, at last");
        assert_eq!(signs, Signs { longest_word: 8, digits: 4, ..Signs::default() });
        assert_eq!(Signs::of(""), Signs::default());
    }

    #[test]
    fn every_sign_is_seen() {
        assert!(Signs::of("a:b").has_colon && Signs::of("a:b").has_separator);
        assert!(Signs::of("a=b").has_separator && Signs::of("<a>b").has_separator);
        assert!(Signs::of("a --b").has_separator && !Signs::of("a-b- -c").has_separator);
        assert!(Signs::of("BEARER x").has_scheme && Signs::of("basic x").has_scheme);
        assert!(!Signs::of("a bearer").has_scheme && !Signs::of("r\tx").has_scheme);
        assert_eq!(Signs::of("a abc-d_e.f/g+h%i~9 b").longest_word, 17);
        assert_eq!(Signs::of("1a2b 345").digits, 5);
    }
}
