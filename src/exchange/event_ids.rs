//! Ids of stream events that were recorded already: a resumed stream replays them.

use crate::limits::EVENT_IDS_MAX;

/// A table of fingerprints in which a newer one may push out an older. What is pushed out is
/// recorded twice if it is replayed, no more.
#[derive(Debug, Default)]
pub(crate) struct EventIds(Vec<u64>);

impl EventIds {
    /// Whether an event was not seen before; it is now. 0 stands for an event without an id.
    pub(crate) fn is_new(&mut self, event: u64) -> bool {
        if event == 0 {
            return true;
        }
        if self.0.is_empty() {
            self.0.resize(EVENT_IDS_MAX, 0);
        }
        let at = event % EVENT_IDS_MAX as u64;
        let slot = usize::try_from(at).ok().and_then(|at| self.0.get_mut(at));
        slot.is_none_or(|slot| std::mem::replace(slot, event) != event)
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.0 = Vec::new();
    }
}
