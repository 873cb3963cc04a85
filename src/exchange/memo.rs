//! Masked texts and fingerprints of what most exchanges have in common, worked out once.
//!
//! A user, an agent, a path or a token comes thousands of times. What is kept of it is a tag and
//! the masked text or the fingerprint, never the value itself. Whoever could make two values with
//! one tag could act under another's name in the records; so tags are SipHash, begun with a secret.

use crate::Rules;
use record::HashKey;
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

/// Places in each table. A newer value pushes out an older one.
const PLACES: usize = 512;
/// Rules that are told apart at a time.
const RULES_MAX: usize = 64;
/// Masked texts longer than this are not kept.
const TEXT_BYTES_MAX: usize = 512;

/// What a value is known by; 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tag(u64);

/// Remembers texts and fingerprints.
#[derive(Debug)]
pub(crate) struct Memo {
    /// A hasher that has taken in a secret of 128 bits.
    begun: DefaultHasher,
    /// The rules whose masks made the texts. Held, so that none is taken for another that came to
    /// lie at its address.
    rules: Vec<Arc<Rules>>,
    /// Which of them is in force, counted over all that ever were.
    current: u64,
    forgotten: u64,
    texts: Vec<(Tag, String)>,
    prints: Vec<(Tag, u64)>,
}

impl Memo {
    pub(crate) fn new(key: &HashKey) -> Self {
        let mut begun = DefaultHasher::new();
        begun.write_u64(key.fingerprint(&[b"memo", b"0"]));
        begun.write_u64(key.fingerprint(&[b"memo", b"1"]));
        Memo {
            begun,
            rules: Vec::new(),
            current: 0,
            forgotten: 0,
            texts: Vec::new(),
            prints: Vec::new(),
        }
    }

    /// From now on texts are made by these rules.
    pub(crate) fn turn_to(&mut self, rules: &Arc<Rules>) {
        let found = self.rules.iter().position(|other| Arc::ptr_eq(other, rules));
        let index = found.unwrap_or_else(|| {
            if self.rules.len() >= RULES_MAX {
                self.forgotten += self.rules.len() as u64;
                self.rules.clear();
            }
            self.rules.push(Arc::clone(rules));
            self.rules.len() - 1
        });
        self.current = self.forgotten + index as u64;
    }

    /// The tag of a value. `kind` tells uses of the same bytes apart.
    pub(crate) fn tag(&self, kind: u64, parts: &[&[u8]]) -> Tag {
        let mut hasher = self.begun.clone();
        hasher.write_u64(kind);
        hasher.write_u64(self.current);
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        Tag(hasher.finish().max(1))
    }

    /// The text that belongs to a tag, made by `make` if it is not remembered.
    pub(crate) fn text(&mut self, tag: Tag, make: impl FnOnce(&mut String)) -> &str {
        let place = place(tag, &mut self.texts);
        let Some((there, text)) = place else { return "" };
        if *there != tag {
            if text.capacity() > TEXT_BYTES_MAX {
                *text = String::new();
            }
            text.clear();
            make(text);
            *there = if text.len() <= TEXT_BYTES_MAX { tag } else { Tag::default() };
        }
        text
    }

    /// The fingerprint that belongs to a tag, made by `make` if it is not remembered.
    pub(crate) fn print(&mut self, tag: Tag, make: impl FnOnce() -> u64) -> u64 {
        let Some((there, print)) = place(tag, &mut self.prints) else { return make() };
        if *there != tag {
            *print = make();
            *there = tag;
        }
        *print
    }
}

fn place<T: Default + Clone>(tag: Tag, table: &mut Vec<(Tag, T)>) -> Option<&mut (Tag, T)> {
    if table.is_empty() {
        table.resize(PLACES, Default::default());
    }
    let at = usize::try_from(tag.0 % PLACES as u64).ok()?;
    table.get_mut(at)
}

#[cfg(test)]
mod tests {
    use super::{Memo, RULES_MAX};
    use crate::testing::rules;
    use record::HashKey;
    use std::sync::Arc;

    #[test]
    fn what_is_remembered_is_not_made_again() {
        let mut memo = Memo::new(&HashKey::new([1; 32]));
        let tag = memo.tag(1, &[b"alice"]);
        assert_eq!(memo.text(tag, |out| out.push('a')), "a");
        assert_eq!(memo.text(tag, |out| out.push('b')), "a");
        assert_eq!(memo.print(tag, || 1), 1);
        assert_eq!(memo.print(tag, || 2), 1);
        let other = memo.tag(2, &[b"alice"]);
        assert_ne!(other, tag);
        assert_ne!(memo.tag(1, &[b"al", b"ice"]), tag);
    }

    #[test]
    fn a_full_table_and_long_texts_are_made_anew() {
        let mut memo = Memo::new(&HashKey::new([1; 32]));
        for n in 0..5000_u32 {
            let tag = memo.tag(1, &[&n.to_le_bytes()]);
            assert_eq!(memo.text(tag, |out| out.push_str(&n.to_string())), n.to_string());
        }
        let tag = memo.tag(1, &[b"long"]);
        let long = "x".repeat(1000);
        assert_eq!(memo.text(tag, |out| out.push_str(&long)), long);
        assert_eq!(memo.text(tag, |out| out.push('y')), "y");
    }

    #[test]
    fn what_other_rules_masked_is_made_anew() {
        let mut memo = Memo::new(&HashKey::new([1; 32]));
        let mut seen = std::collections::HashSet::new();
        for _ in 0..3 * RULES_MAX {
            memo.turn_to(&Arc::new(rules()));
            let tag = memo.tag(1, &[b"alice"]);
            assert!(seen.insert(format!("{tag:?}")));
        }
        let kept = Arc::new(rules());
        memo.turn_to(&kept);
        let tag = memo.tag(1, &[b"alice"]);
        memo.turn_to(&Arc::new(rules()));
        memo.turn_to(&kept);
        assert_eq!(memo.tag(1, &[b"alice"]), tag);
    }
}
