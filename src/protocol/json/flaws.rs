//! What can be wrong with a JSON document, each thing by itself.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// A set of flaws of one document.
#[derive(Copy, Clone, Default, PartialEq, Eq, Hash)]
pub struct Flaws(u32);

impl Flaws {
    /// The input ended inside the document.
    pub const TRUNCATED: Flaws = Flaws(1);
    /// Nothing but space, a byte order mark or comments.
    pub const EMPTY: Flaws = Flaws(1 << 1);
    /// There are bytes after the document that are neither space nor comment.
    pub const TRAILING: Flaws = Flaws(1 << 2);
    /// Bytes that are not UTF-8, anywhere. A character cut by the end of the input is none.
    pub const INVALID_UTF8: Flaws = Flaws(1 << 3);
    /// A `\u` escape of one half of a surrogate pair.
    pub const LONE_SURROGATE: Flaws = Flaws(1 << 4);
    /// The document begins with U+FEFF, which RFC 8259 §8.1 forbids to send.
    pub const BOM: Flaws = Flaws(1 << 5);
    /// Anything the grammar has no place for; reading stopped there unless it was an unknown
    /// escape within a string.
    pub const SYNTAX: Flaws = Flaws(1 << 6);
    /// A byte below 0x20 in a string.
    pub const CONTROL_IN_STRING: Flaws = Flaws(1 << 7);
    /// A number such as `01`, `+1`, `.5`, `1.`, `1e`.
    pub const BAD_NUMBER: Flaws = Flaws(1 << 8);
    /// `NaN`, `Infinity` or `-Infinity`, which Python's json reads and writes.
    pub const NON_FINITE: Flaws = Flaws(1 << 9);
    /// `// …` or `/* … */` where space may stand.
    pub const COMMENT: Flaws = Flaws(1 << 10);
    /// An object with one key twice. Only [`Document::all_flaws`](crate::Document::all_flaws)
    /// looks for it.
    pub const DUPLICATE_KEY: Flaws = Flaws(1 << 11);
    /// Deeper than [`Limits::depth_max`](crate::Limits).
    pub const TOO_DEEP: Flaws = Flaws(1 << 12);
    /// More values than [`Limits::nodes_max`](crate::Limits).
    pub const TOO_MANY_NODES: Flaws = Flaws(1 << 13);
    /// UTF-16 or UTF-32, told by its zero bytes or its byte order mark as Python's
    /// `json.detect_encoding` does. Its content is read by [`Scanner::scan_body`](crate::Scanner)
    /// alone.
    pub const WIDE_ENCODING: Flaws = Flaws(1 << 14);

    const NAMES: [(Flaws, &'static str); 15] = [
        (Flaws::TRUNCATED, "truncated"),
        (Flaws::EMPTY, "empty"),
        (Flaws::TRAILING, "trailing"),
        (Flaws::INVALID_UTF8, "invalid_utf8"),
        (Flaws::LONE_SURROGATE, "lone_surrogate"),
        (Flaws::BOM, "bom"),
        (Flaws::SYNTAX, "syntax"),
        (Flaws::CONTROL_IN_STRING, "control_in_string"),
        (Flaws::BAD_NUMBER, "bad_number"),
        (Flaws::NON_FINITE, "non_finite"),
        (Flaws::COMMENT, "comment"),
        (Flaws::DUPLICATE_KEY, "duplicate_key"),
        (Flaws::TOO_DEEP, "too_deep"),
        (Flaws::TOO_MANY_NODES, "too_many_nodes"),
        (Flaws::WIDE_ENCODING, "wide_encoding"),
    ];

    /// The set without flaws.
    pub const fn empty() -> Flaws {
        Flaws(0)
    }

    /// Whether there is no flaw.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` are in this set.
    pub const fn contains(self, other: Flaws) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in this set.
    pub const fn intersects(self, other: Flaws) -> bool {
        self.0 & other.0 != 0
    }

    /// This set without `other`.
    pub const fn without(self, other: Flaws) -> Flaws {
        Flaws(self.0 & !other.0)
    }

    /// The bits, for keeping a set as a number. Their meaning is stable.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The names of the flaws in this set, such as `lone_surrogate`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Flaws::NAMES.into_iter().filter(move |(flaw, _)| self.contains(*flaw)).map(|(_, name)| name)
    }

    /// The flaws of this set one by one, with their names.
    pub fn iter(self) -> impl Iterator<Item = (Flaws, &'static str)> {
        Flaws::NAMES.into_iter().filter(move |(flaw, _)| self.contains(*flaw))
    }
}

impl BitOr for Flaws {
    type Output = Flaws;
    fn bitor(self, other: Flaws) -> Flaws {
        Flaws(self.0 | other.0)
    }
}

impl BitOrAssign for Flaws {
    fn bitor_assign(&mut self, other: Flaws) {
        self.0 |= other.0;
    }
}

/// The names, with spaces between them.
impl fmt::Display for Flaws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for name in self.names() {
            write!(f, "{separator}{name}")?;
            separator = " ";
        }
        Ok(())
    }
}

impl fmt::Debug for Flaws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flaws({self})")
    }
}
