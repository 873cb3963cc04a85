//! A first look at a text: most texts have no sign of a secret, and need no second look.
//!
//! It looks at blocks of bytes by loops without branches, which the compiler turns into vector
//! instructions; bodies of prose spend most of their time here.

use std::ops::Range;

/// The shortest word that may be a secret by its own shape, the beginning included.
pub(crate) const LONG_WORD_BYTES: usize = 12;

/// What has been seen in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signs {
    /// `:`, so there may be a URL.
    pub(crate) has_colon: bool,
    /// `=`, `:`, `>` or `--`, so there may be a label.
    pub(crate) has_separator: bool,
    /// `--`, so there may be a PEM block.
    pub(crate) has_dashes: bool,
    /// A space after the last three letters of `Bearer` or `Basic`.
    pub(crate) has_scheme: bool,
    /// A run of at least [`LONG_WORD_BYTES`] of those that tokens are made of.
    pub(crate) has_long_word: bool,
    /// How many digits there are.
    pub(crate) digits: usize,
}

/// Bytes that are looked at together.
const BLOCK_BYTES: usize = 64;
/// A block, and what follows it as far as a sign that begins in the block can reach; of a text's end,
/// zeros.
const WINDOW_BYTES: usize = 80;
const _: () = assert!(WINDOW_BYTES >= BLOCK_BYTES + LONG_WORD_BYTES);

/// Shorter texts are looked at byte by byte, which is sooner done.
const SHORT_BYTES: usize = 32;

const WORD: u8 = 1;
const DIGIT: u8 = 2;
const COLON: u8 = 4;
const OTHER: u8 = 8;
const DASH: u8 = 16;
const SPACE: u8 = 32;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0u8;
    loop {
        let sign = match byte {
            b'0'..=b'9' => DIGIT,
            b':' => COLON,
            b'=' | b'>' => OTHER,
            b'-' => DASH,
            b' ' => SPACE,
            _ => 0,
        };
        #[allow(clippy::indexing_slicing, reason = "a byte is an index of 256 places")]
        {
            classes[byte as usize] = if is_in_word(byte) { sign | WORD } else { sign };
        }
        if byte == u8::MAX {
            return classes;
        }
        byte += 1;
    }
}

#[inline]
#[allow(clippy::indexing_slicing, reason = "a byte is an index of 256 places")]
fn class(byte: u8) -> u8 {
    CLASSES[byte as usize]
}

type Window = [u8; WINDOW_BYTES];

/// Whether tokens are made of this byte: letters, digits and `_`, `-`, `.`, `/`, `+`, `%`, `~`.
pub(crate) const fn is_in_word(byte: u8) -> bool {
    // One that stands between `-` and `9` is `.`, `/` or a digit.
    let is_low = byte.wrapping_sub(b'-') <= b'9' - b'-';
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let is_mark = (byte == b'_') | (byte == b'~') | (byte == b'+') | (byte == b'%');
    is_low | is_letter | is_mark
}

impl Signs {
    /// Looks at a text.
    pub(crate) fn of(text: &str) -> Signs {
        let mut signs = Signs::default();
        match text.len() < SHORT_BYTES {
            true => signs.look_at_each(text.as_bytes()),
            false => each_window(text.as_bytes(), |window| signs.look(window)),
        }
        signs
    }

    fn look_at_each(&mut self, bytes: &[u8]) {
        let (mut seen, mut pairs, mut before) = (0u8, 0u8, 0u8);
        let (mut word, mut longest, mut digits) = (0u32, 0u32, 0u32);
        for &byte in bytes {
            let class = class(byte);
            seen |= class;
            pairs |= before & class;
            before = class;
            word = (word + 1) & 0u32.wrapping_sub(u32::from(class & WORD));
            longest = longest.max(word);
            digits += u32::from((class & DIGIT) >> 1);
        }
        let is_scheme = |space: usize| {
            let before = bytes.get(..space).and_then(|before| before.last_chunk());
            before.is_some_and(|end: &[u8; 3]| {
                end.eq_ignore_ascii_case(b"rer") || end.eq_ignore_ascii_case(b"sic")
            })
        };
        *self = Signs {
            has_colon: seen & COLON != 0,
            has_separator: seen & (COLON | OTHER) != 0 || pairs & DASH != 0,
            has_dashes: pairs & DASH != 0,
            has_scheme: seen & SPACE != 0 && memchr::memchr_iter(b' ', bytes).any(is_scheme),
            has_long_word: longest as usize >= LONG_WORD_BYTES,
            digits: digits as usize,
        };
    }

    fn look(&mut self, window: &Window) {
        let [block, next, third, fourth] = [0, 1, 2, 3].map(|from| block_from(window, from));
        let (mut colon, mut other, mut dashes, mut digits) = (0u8, 0u8, 0u8, 0u8);
        for (&byte, &next) in block.iter().zip(next) {
            colon |= u8::from(byte == b':');
            other |= u8::from(byte == b'=') | u8::from(byte == b'>');
            dashes |= u8::from(byte == b'-') & u8::from(next == b'-');
            digits += u8::from(byte.wrapping_sub(b'0') < 10);
        }
        let mut scheme = 0u8;
        for (((a, b), c), &space) in block.iter().zip(next).zip(third).zip(fourth) {
            let (a, b, c) = (a | 0x20, b | 0x20, c | 0x20);
            let rer = u8::from(a == b'r') & u8::from(b == b'e') & u8::from(c == b'r');
            let sic = u8::from(a == b's') & u8::from(b == b'i') & u8::from(c == b'c');
            scheme |= (rer | sic) & u8::from(space == b' ');
        }
        self.has_colon |= colon != 0;
        self.has_separator |= (colon | other | dashes) != 0;
        self.has_dashes |= dashes != 0;
        self.has_scheme |= scheme != 0;
        self.has_long_word = self.has_long_word || begins_long_word(window);
        self.digits += usize::from(digits);
    }
}

/// Whether a run of [`LONG_WORD_BYTES`] begins in the block.
fn begins_long_word(window: &Window) -> bool {
    let mut run: Window = [0; WINDOW_BYTES];
    run.iter_mut().zip(window).for_each(|(run, &byte)| *run = u8::from(is_in_word(byte)));
    // Runs of 2, 4, 8 and at last 12 that begin here.
    both(&mut run, 1);
    both(&mut run, 2);
    let fours = run;
    both(&mut run, 4);
    let (eights, fours) = (block_from(&run, 0), block_from(&fours, 8));
    eights.iter().zip(fours).fold(0, |any, (eight, four)| any | (eight & four)) != 0
}

/// Keeps what is set here and so many bytes further on.
#[inline]
fn both(run: &mut Window, ahead: usize) {
    let before = *run;
    let ahead = before.get(ahead..).unwrap_or_default();
    run.iter_mut().zip(ahead).for_each(|(here, there)| *here &= there);
}

/// As many bytes as a block has, from there on. (Slices of a known length are what the compiler makes
/// vectors of.)
#[inline]
fn block_from(window: &Window, from: usize) -> &[u8; BLOCK_BYTES] {
    let block = window.get(from..).and_then(|rest| rest.first_chunk());
    block.unwrap_or(&[0; BLOCK_BYTES])
}

/// Calls `look` with every block and what follows it.
fn each_window(bytes: &[u8], mut look: impl FnMut(&Window)) {
    let mut rest = bytes;
    while let Some(window) = rest.first_chunk::<WINDOW_BYTES>() {
        look(window);
        rest = rest.get(BLOCK_BYTES..).unwrap_or_default();
    }
    while !rest.is_empty() {
        let mut window = [0; WINDOW_BYTES];
        window.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
        look(&window);
        rest = rest.get(BLOCK_BYTES..).unwrap_or_default();
    }
}

/// Calls `found` with every word of at least [`LONG_WORD_BYTES`], in their order.
pub(crate) fn each_long_word(bytes: &[u8], mut found: impl FnMut(Range<usize>)) {
    let (mut block, mut done) = (0, 0);
    each_window(bytes, |window| {
        let end = block + BLOCK_BYTES;
        if done < end && begins_long_word(window) {
            // Fewer than so many bytes before, or the block before would have been looked at.
            let mut at = word_start(bytes, done, block.max(done));
            while at < end {
                let word = at + run_bytes(bytes, at, is_in_word);
                if word - at >= LONG_WORD_BYTES {
                    found(at..word);
                }
                at = word + run_bytes(bytes, word, |byte| !is_in_word(byte)).max(1);
            }
            done = at;
        }
        block = end;
    });
}

/// Where the word begins that ends at `end`, not before `from`; `end` where there is none.
pub(crate) fn word_start(bytes: &[u8], from: usize, end: usize) -> usize {
    let before = bytes.get(from..end).unwrap_or_default();
    end - before.iter().rev().take_while(|&&byte| is_in_word(byte)).count()
}

fn run_bytes(bytes: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().take_while(|&&byte| belongs(byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_text_has_no_signs() {
        let signs = Signs::of("open invoices of 2026, at last");
        assert_eq!(signs, Signs { digits: 4, ..Signs::default() });
        assert_eq!(Signs::of(""), Signs::default());
    }

    #[test]
    fn every_sign_is_seen() {
        assert!(Signs::of("a:b").has_colon && Signs::of("a:b").has_separator);
        assert!(Signs::of("a=b").has_separator && Signs::of("<a>b").has_separator);
        assert!(Signs::of("a --b").has_separator && !Signs::of("a-b- -c").has_separator);
        assert!(Signs::of("BEARER x").has_scheme && Signs::of("basic x").has_scheme);
        assert!(!Signs::of("a bearer").has_scheme && !Signs::of("rer\tx").has_scheme);
        assert!(Signs::of("a abc-d_e.f/g+h%i~9 b").has_long_word);
        assert!(!Signs::of("a abc-d_e.f/g b").has_long_word);
        assert_eq!(Signs::of("1a2b 345").digits, 5);
    }

    /// Byte by byte.
    fn words(text: &str) -> Vec<Range<usize>> {
        let mut words = Vec::new();
        let mut start = 0;
        for (at, &byte) in text.as_bytes().iter().enumerate() {
            if !is_in_word(byte) {
                words.push(start..at);
                start = at + 1;
            }
        }
        words.push(start..text.len());
        words.retain(|word| word.len() >= LONG_WORD_BYTES);
        words
    }

    #[test]
    fn bytes_of_words_are_those_of_tokens() {
        for byte in 0..=u8::MAX {
            let is_one = byte.is_ascii_alphanumeric() || b"_-./+%~".contains(&byte);
            assert_eq!(is_in_word(byte), is_one, "{byte}");
        }
    }

    proptest! {
        #[test]
        fn signs_and_long_words_are_found_wherever_they_stand(
            parts in prop::collection::vec("[a-z0-9]{0,14}[ :=,é>\n]|--| bearer |RER |sic |[a-z]{60,90}", 0..40),
        ) {
            let text: String = parts.concat();
            let signs = Signs::of(&text);
            let lower = text.to_ascii_lowercase();
            prop_assert_eq!(signs.has_colon, text.contains(':'));
            prop_assert_eq!(signs.has_dashes, text.contains("--"));
            let has_separator = text.contains([':', '=', '>']) || text.contains("--");
            prop_assert_eq!(signs.has_separator, has_separator);
            prop_assert_eq!(signs.has_scheme, lower.contains("rer ") || lower.contains("sic "));
            prop_assert_eq!(signs.digits, text.bytes().filter(u8::is_ascii_digit).count());
            let mut found = Vec::new();
            each_long_word(text.as_bytes(), |word| found.push(word));
            prop_assert_eq!(signs.has_long_word, !found.is_empty());
            prop_assert_eq!(found, words(&text));
        }
    }
}
