//! The parts of a text that are masked.

use std::borrow::Cow;
use std::ops::Range;

use crate::output::{MASKED, char_ceil, char_floor};

/// Byte ranges of a text, in any order, overlapping or not. Costs nothing while it is empty.
#[derive(Debug, Default)]
pub(crate) struct Spans(Vec<Range<usize>>);

impl Spans {
    /// Adds a range; an empty one is none.
    pub(crate) fn add(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.0.push(range);
        }
    }

    /// Whether nothing is masked.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text with the mark in place of each range; of ranges that touch there is one mark.
    pub(crate) fn applied(mut self, text: &str) -> Cow<'_, str> {
        if self.0.is_empty() {
            return Cow::Borrowed(text);
        }
        self.0.sort_unstable_by_key(|range| range.start);
        let mut out = String::with_capacity(text.len());
        let mut shown_to = 0;
        let mut masked_to = None;
        for range in self.0 {
            // Ranges end where ASCII ends; one that did not would mask the character too.
            let start = char_floor(text, range.start);
            let end = char_ceil(text, range.end);
            if masked_to.is_none_or(|masked_to| start > masked_to) {
                out.push_str(text.get(shown_to..start).unwrap_or_default());
                out.push_str(MASKED);
            }
            shown_to = shown_to.max(end);
            masked_to = Some(shown_to);
        }
        out.push_str(text.get(shown_to..).unwrap_or_default());
        Cow::Owned(out)
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;

    fn applied<'t>(text: &'t str, ranges: &[Range<usize>]) -> Cow<'t, str> {
        let mut spans = Spans::default();
        ranges.iter().for_each(|range| spans.add(range.clone()));
        spans.applied(text)
    }

    #[test]
    fn ranges_are_replaced_and_the_rest_is_kept() {
        assert!(matches!(applied("abc", &[]), Cow::Borrowed("abc")));
        assert!(matches!(applied("abc", &[Range { start: 1, end: 1 }]), Cow::Borrowed("abc")));
        assert_eq!(applied("abcdef", &[1..3]), "a••••def");
        assert_eq!(applied("abcdef", &[4..6, 0..2]), "••••cd••••");
    }

    #[test]
    fn overlapping_ranges_make_one_mark() {
        assert_eq!(applied("abcdef", &[1..3, 2..5]), "a••••f");
        assert_eq!(applied("abcdef", &[1..5, 2..3, 5..6]), "a••••");
        assert_eq!(applied("aéf", &[2..3]), "a••••f");
    }
}
