//! What keeps a flood of blocked calls from filling the disk.

use rustc_hash::{FxHashMap, FxHashSet};

/// Of blocked calls that are the same in all that lists filter by (session part, who, method,
/// primitive, outcome, what objected), a worker stores so many a minute. Further ones are counted:
/// in the sums of their part, in the rollups, and in the attacks of those before them.
pub(crate) const BLOCKED_CALLS_A_MINUTE_MAX: u32 = 100;
/// Attacks of a session part whose request a worker keeps in a minute.
pub(crate) const EVIDENCE_A_MINUTE_MAX: u32 = 20;
/// The most entries of each of these maps; at the bound they begin anew.
const ENTRIES_MAX: usize = 65_536;

/// Attacks that are the same: minute, session part, control, and a hash of who, what and why.
pub(crate) type Same = (i64, i64, i64, i64);

/// What a writer has stored of a day in this minute and the one before.
#[derive(Debug, Default)]
pub(crate) struct Flood {
    newest: i64,
    /// Stored blocked calls by minute, part, actor and kind.
    calls: FxHashMap<(i64, i64, i64, i64), u32>,
    /// Evidence by minute and part.
    evidence: FxHashMap<(i64, i64), u32>,
    /// Attacks that have a row already.
    attacks: FxHashSet<Same>,
}

impl Flood {
    /// Forgets all: after a rollback, nothing of it was stored.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether one more blocked call is stored.
    pub(crate) fn takes_call(&mut self, minute: i64, part: i64, actor: i64, kind: i64) -> bool {
        self.look(minute);
        takes(&mut self.calls, (minute, part, actor, kind), BLOCKED_CALLS_A_MINUTE_MAX)
    }

    /// Whether one more request is kept.
    pub(crate) fn takes_evidence(&mut self, minute: i64, part: i64) -> bool {
        self.look(minute);
        takes(&mut self.evidence, (minute, part), EVIDENCE_A_MINUTE_MAX)
    }

    /// Whether such an attack has no row yet, as far as this writer knows.
    pub(crate) fn is_new(&mut self, same: Same) -> bool {
        self.look(same.0);
        if self.attacks.len() >= ENTRIES_MAX {
            self.attacks.clear();
        }
        self.attacks.insert(same)
    }

    fn look(&mut self, minute: i64) {
        if minute > self.newest {
            self.newest = minute;
            self.calls.retain(|(of, ..), _| *of >= minute - 1);
            self.evidence.retain(|(of, _), _| *of >= minute - 1);
            self.attacks.retain(|(of, ..)| *of >= minute - 1);
        }
    }
}

fn takes<K: std::hash::Hash + Eq>(counts: &mut FxHashMap<K, u32>, key: K, max: u32) -> bool {
    if counts.len() >= ENTRIES_MAX {
        counts.clear();
    }
    let count = counts.entry(key).or_default();
    if *count >= max {
        return false;
    }
    *count += 1;
    true
}

#[cfg(test)]
mod tests {
    use super::{BLOCKED_CALLS_A_MINUTE_MAX, ENTRIES_MAX, Flood};

    #[test]
    fn so_many_the_same_are_stored_a_minute() {
        let mut flood = Flood::default();
        let mut taken = |minute, kind| {
            (0..1_000).filter(|_| flood.takes_call(minute, 1, 1, kind)).count() as u32
        };
        assert_eq!(taken(7, 1), BLOCKED_CALLS_A_MINUTE_MAX);
        assert_eq!(taken(7, 2), BLOCKED_CALLS_A_MINUTE_MAX);
        assert_eq!(taken(8, 1), BLOCKED_CALLS_A_MINUTE_MAX);
        assert_eq!(taken(7, 1), 0);
    }

    #[test]
    fn it_remembers_two_minutes_and_only_so_much() {
        let mut flood = Flood::default();
        for minute in 0..10 {
            for part in 0..1_000 {
                flood.takes_call(minute, part, 1, 1);
                flood.takes_evidence(minute, part);
                assert!(flood.is_new((minute, part, 1, 1)));
                assert!(!flood.is_new((minute, part, 1, 1)));
            }
        }
        assert_eq!((flood.calls.len(), flood.attacks.len()), (2_000, 2_000));
        for part in 0..200_000 {
            flood.takes_call(10, part, 1, 1);
        }
        assert!(flood.calls.len() <= ENTRIES_MAX);
    }
}
