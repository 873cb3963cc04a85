//! Regular expressions as schemas write them (ECMA-262), in the syntax of `regex-syntax`.

use std::iter::Peekable;
use std::str::Chars;

const DIGITS: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";
const SPACE: &str = r"\t\n\x0b\x0c\r\x{a0}\x{feff}\x{2028}\x{2029}\p{Zs}";
const NOT_LINE_END: &str = r"[^\n\r\x{2028}\x{2029}]";
/// A class that no character is in, and one that every character is in.
const NOTHING: &str = r"[^\x{0}-\x{10ffff}]";
const ANYTHING: &str = r"[\x{0}-\x{10ffff}]";

/// The same expression for `regex-syntax`, which takes Unicode's meaning of `\d`, `\w` and `\s` where
/// ECMA-262 has its own, nests classes, and wants braces escaped. `None` for what no automaton can do
/// (look-around, references to groups) and for syntax errors; others are found by `regex-syntax`.
///
/// Servers in Python and Rust write their own dialects: `(?i)`, `(?P<name>…)`, `\A` and `\Z` are taken
/// as these mean them.
pub(super) fn translated(pattern: &str) -> Option<String> {
    let has_flags = pattern.contains("(?i") || pattern.contains("(?s") || pattern.contains("(?m");
    let mut reader = Reader { rest: pattern.chars().peekable(), out: String::new() };
    while let Some(letter) = reader.rest.next() {
        match letter {
            '\\' => reader.escape()?,
            '[' => reader.class()?,
            '(' => reader.group()?,
            '{' => reader.brace(),
            '.' if !has_flags => reader.out.push_str(NOT_LINE_END),
            _ => reader.out.push(letter),
        }
    }
    Some(reader.out)
}

/// What an escape, or a single character, stands for.
enum Atom {
    One(u32),
    /// What stands between the brackets of a class, and whether all but that is meant.
    Set(&'static str, bool),
    /// A Unicode property, as it is written.
    Property(String),
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
}

impl Reader<'_> {
    fn starts_with(&self, text: &str) -> bool {
        let mut ahead = self.rest.clone();
        text.chars().all(|letter| ahead.next() == Some(letter))
    }

    fn group(&mut self) -> Option<()> {
        let cannot = ["?=", "?!", "?<=", "?<!", "?P=", "?>", "?(", "?#"];
        if cannot.iter().any(|start| self.starts_with(start)) {
            return None;
        }
        self.out.push('(');
        // The question mark is no quantifier of what stands before the group.
        if self.starts_with("?") {
            self.rest.next();
            self.out.push('?');
        }
        Some(())
    }

    /// A brace that begins no quantifier stands for itself.
    fn brace(&mut self) {
        let inner: String = self.rest.clone().take_while(|&letter| letter != '}').collect();
        let is_number =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_closed = self.rest.clone().any(|letter| letter == '}');
        let is_quantifier = is_closed
            && match inner.split_once(',') {
                None => is_number(&inner),
                Some((from, to)) => is_number(from) && (to.is_empty() || is_number(to)),
            };
        self.out.push_str(if is_quantifier { "{" } else { r"\{" });
    }

    /// An escape outside a class.
    fn escape(&mut self) -> Option<()> {
        let letter = *self.rest.peek()?;
        let verbatim = match letter {
            'b' => r"(?-u:\b)",
            'B' => r"(?-u:\B)",
            'A' => r"\A",
            'Z' | 'z' => r"\z",
            '1'..='9' | 'k' => return None,
            _ => "",
        };
        if !verbatim.is_empty() {
            self.rest.next();
            self.out.push_str(verbatim);
            return Some(());
        }
        let atom = self.escaped()?;
        self.out.push('[');
        self.push(&atom);
        self.out.push(']');
        Some(())
    }

    /// What follows a backslash, in a class or outside.
    fn escaped(&mut self) -> Option<Atom> {
        let letter = self.rest.next()?;
        Some(match letter {
            'd' => Atom::Set(DIGITS, false),
            'D' => Atom::Set(DIGITS, true),
            'w' => Atom::Set(WORD, false),
            'W' => Atom::Set(WORD, true),
            's' => Atom::Set(SPACE, false),
            'S' => Atom::Set(SPACE, true),
            't' => Atom::One(9),
            'n' => Atom::One(10),
            'v' => Atom::One(11),
            'f' => Atom::One(12),
            'r' => Atom::One(13),
            '0' if !self.rest.peek().is_some_and(char::is_ascii_digit) => Atom::One(0),
            'c' => {
                let control = self.rest.next().filter(char::is_ascii_alphabetic)?;
                Atom::One(u32::from(control) % 32)
            }
            'x' => Atom::One(self.hex(2)?),
            'u' => Atom::One(self.unicode()?),
            'p' | 'P' => self.property(letter)?,
            _ if letter.is_ascii_alphanumeric() => return None,
            _ => Atom::One(u32::from(letter)),
        })
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..digits {
            value = value * 16 + self.rest.next()?.to_digit(16)?;
        }
        Some(value)
    }

    /// The rest of `\u{1f600}`, `\u00e9` or `\ud83d\ude00`.
    fn unicode(&mut self) -> Option<u32> {
        if self.rest.next_if_eq(&'{').is_some() {
            let digits: String = self.rest.by_ref().take_while(|&letter| letter != '}').collect();
            return u32::from_str_radix(&digits, 16).ok();
        }
        let unit = self.hex(4)?;
        if !(0xd800..0xdc00).contains(&unit) || !self.starts_with("\\u") {
            return Some(unit);
        }
        self.rest.next();
        self.rest.next();
        let low = self.hex(4)?;
        (0xdc00..0xe000).contains(&low).then_some(0x10000 + ((unit & 0x3ff) << 10 | low & 0x3ff))
    }

    fn property(&mut self, letter: char) -> Option<Atom> {
        let mut text = format!("\\{letter}");
        let first = self.rest.next()?;
        text.push(first);
        if first == '{' {
            loop {
                let letter = self.rest.next()?;
                text.push(letter);
                if letter == '}' {
                    break;
                }
            }
        }
        Some(Atom::Property(text))
    }

    /// The rest of a class.
    fn class(&mut self) -> Option<()> {
        let is_negated = self.rest.next_if_eq(&'^').is_some();
        if self.rest.next_if_eq(&']').is_some() {
            self.out.push_str(if is_negated { ANYTHING } else { NOTHING });
            return Some(());
        }
        self.out.push_str(if is_negated { "[^" } else { "[" });
        while self.rest.next_if_eq(&']').is_none() {
            let from = self.class_atom()?;
            let mut ahead = self.rest.clone();
            let is_range = ahead.next() == Some('-') && ahead.next().is_some_and(|end| end != ']');
            if !is_range {
                self.push(&from);
                continue;
            }
            self.rest.next();
            let to = self.class_atom()?;
            match (&from, &to) {
                (&Atom::One(from), &Atom::One(to)) if from <= to => {
                    self.out.push_str(&format!("\\x{{{from:x}}}-\\x{{{to:x}}}"));
                }
                (Atom::One(_), Atom::One(_)) => return None,
                // `[\w-.]`: the hyphen stands for itself.
                _ => {
                    self.push(&from);
                    self.push(&Atom::One(u32::from('-')));
                    self.push(&to);
                }
            }
        }
        self.out.push(']');
        Some(())
    }

    fn class_atom(&mut self) -> Option<Atom> {
        match self.rest.next()? {
            '\\' if self.rest.next_if_eq(&'b').is_some() => Some(Atom::One(8)),
            '\\' => self.escaped(),
            letter => Some(Atom::One(u32::from(letter))),
        }
    }

    /// Writes an atom as part of a class.
    fn push(&mut self, atom: &Atom) {
        match atom {
            Atom::One(code) => self.out.push_str(&format!("\\x{{{code:x}}}")),
            Atom::Set(set, is_negated) => {
                self.out.push_str(if *is_negated { "[^" } else { "[" });
                self.out.push_str(set);
                self.out.push(']');
            }
            Atom::Property(property) => self.out.push_str(property),
        }
    }
}
