//! Names of methods and primitives, with `*` for any text.

use crate::schema::Budget;
use memchr::memmem::Finder;
use std::collections::HashSet;

/// Bytes that are searched for the price of one step of the budget.
const BYTES_PER_STEP: usize = 16;

/// A set of names. A `*` anywhere in one stands for any text, also none; everything else is
/// compared byte by byte.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    exact: HashSet<Box<str>>,
    globs: Vec<Glob>,
    /// `*` is among them.
    is_any: bool,
}

#[derive(Debug)]
struct Glob {
    start: Box<str>,
    end: Box<str>,
    /// What stands between two `*`.
    between: Box<[Finder<'static>]>,
}

impl Patterns {
    /// Adds a name. False if it is in there already.
    pub(crate) fn add(&mut self, name: &str) -> bool {
        // A name with a star stands for itself too, so that this set can hold all of them.
        if !self.exact.insert(name.into()) {
            return false;
        }
        if let Some((start, rest)) = name.split_once('*') {
            let (between, end) = rest.rsplit_once('*').unwrap_or(("", rest));
            let between = between.split('*').filter(|text| !text.is_empty());
            let between: Box<[_]> = between.map(|text| Finder::new(text).into_owned()).collect();
            self.is_any |= start.is_empty() && end.is_empty() && between.is_empty();
            self.globs.push(Glob { start: start.into(), end: end.into(), between });
        }
        true
    }

    /// Whether one of the names stands for `text`; `None` if the budget does not suffice to know.
    pub(crate) fn matches(&self, text: &str, budget: &mut Budget) -> Option<bool> {
        if self.is_any || self.exact.contains(text) {
            return Some(true);
        }
        for glob in &self.globs {
            let steps = if glob.between.is_empty() { 1 } else { 1 + text.len() / BYTES_PER_STEP };
            if !budget.spend(steps as u64) {
                return None;
            }
            if glob.matches(text) {
                return Some(true);
            }
        }
        Some(false)
    }
}

impl Glob {
    /// Linear in the length of `text`: what stands between is taken where it comes first, which
    /// leaves the most for what follows.
    fn matches(&self, text: &str) -> bool {
        let text = text.as_bytes();
        let Some(rest) = text.strip_prefix(self.start.as_bytes()) else { return false };
        let Some(mut rest) = rest.strip_suffix(self.end.as_bytes()) else { return false };
        for piece in &self.between {
            let Some(at) = piece.find(rest) else { return false };
            rest = rest.get(at + piece.needle().len()..).unwrap_or_default();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, text: &str) -> bool {
        let mut patterns = Patterns::default();
        patterns.add(pattern);
        patterns.matches(text, &mut Budget::new(1 << 20)).expect("within the budget")
    }

    /// As one would write it down first: every way to share the text out, tried.
    fn reference(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|from| reference(rest, &text[from..])),
            Some((letter, rest)) => text
                .split_first()
                .is_some_and(|(first, text)| first == letter && reference(rest, text)),
        }
    }

    #[test]
    fn a_star_stands_for_any_text_anywhere() {
        assert!(matches("*", ""));
        assert!(matches("delete_*", "delete_account"));
        assert!(matches("delete_*", "delete_"));
        assert!(!matches("delete_*", "undelete_account"));
        assert!(matches("*://*/private/*", "file://host/private/x"));
        assert!(matches("a**b", "ab"));
        assert!(!matches("a*a", "a"), "start and end may not be the same letter");
        assert!(matches("a*a", "aa"));
        assert!(!matches("x*ab*ab*y", "xaby"));
    }

    #[test]
    fn all_but_the_star_is_compared_byte_by_byte() {
        assert!(!matches("Delete", "delete"));
        assert!(!matches("d?lete", "delete"));
        assert!(!matches("[a-z]*", "delete"));
        assert!(!matches("caf\u{e9}", "cafe\u{301}"));
        assert!(matches("löschen*", "löschen\0jetzt"));
        assert!(matches("delete_*", "delete_*"));
    }

    #[test]
    fn a_text_too_long_for_the_budget_is_not_decided() {
        let mut patterns = Patterns::default();
        patterns.add("*secret*");
        let text = "x".repeat(1 << 20);
        assert_eq!(patterns.matches(&text, &mut Budget::new(100)), None);
        assert_eq!(patterns.matches(&text, &mut Budget::new(1 << 20)), Some(false));
    }

    proptest! {
        #[test]
        fn a_pattern_matches_what_the_reference_matches(
            pattern in "[ab*ü]{0,8}",
            text in "[abü]{0,12}",
        ) {
            prop_assert_eq!(matches(&pattern, &text), reference(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
