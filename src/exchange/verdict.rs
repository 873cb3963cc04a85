//! What controls made of a request, on its way from where it was judged to where it is recorded.

use crate::controls::{Controls, Who};
use record::{Judged, Micros};
use std::sync::Arc;

/// What is said of a finding of another program.
const FOUND: &str = "found by mcp_attack";

/// One objection to one message. The texts are as they came, unmasked: whoever stores or shows
/// them masks them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Which of [`Verdict::sets`] holds the control.
    pub set: u16,
    /// Who objects.
    pub who: Who,
    /// Which message: its place in the batch, 0 for a single one and for a body that is none.
    pub message: u32,
    /// Which rule, in words.
    pub detail: String,
    /// Where: a JSON pointer into the message, `header NAME`, or nothing.
    pub point: String,
    /// What the rule wants there.
    pub expected: String,
    /// What stands there.
    pub found: String,
    /// The method of the call.
    pub method: String,
    /// What the call touches.
    pub primitive: String,
}

impl Denial {
    /// What another program has found in a request. It has the name of no message yet.
    pub(crate) fn external(set: u16, found: String) -> Self {
        Self {
            set,
            who: Who::External,
            message: 0,
            detail: FOUND.to_owned(),
            point: String::new(),
            expected: String::new(),
            found,
            method: String::new(),
            primitive: String::new(),
        }
    }
}

/// What one control made of one message that it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// As [`Denial::set`].
    pub set: u16,
    /// As [`Denial::who`].
    pub who: Who,
    /// What it made of it.
    pub judged: Judged,
}

/// What all controls of a location made of a request. A request that is led on to other locations
/// is judged by their controls as well, and all that goes in here.
#[derive(Debug, Default)]
pub struct Verdict {
    /// The controls that judged, one entry a location.
    pub sets: Vec<Arc<Controls>>,
    /// When.
    pub at: Micros,
    /// Whether the request did not go on.
    pub is_blocked: bool,
    /// Every objection.
    pub denials: Vec<Denial>,
    /// Objections beyond [`crate::limits::DENIALS_MAX`].
    pub left_out: u64,
    /// Every judgement, for the counts.
    pub tallies: Vec<Tally>,
}

impl Verdict {
    /// Whether nobody has judged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// Forgets everything, for the next request.
    pub fn clear(&mut self) {
        self.sets.clear();
        self.denials.clear();
        self.tallies.clear();
        self.is_blocked = false;
        self.left_out = 0;
    }

    /// Adds what another program has found.
    pub(crate) fn find(
        &mut self,
        controls: &Arc<Controls>,
        found: String,
        method: String,
        primitive: String,
    ) {
        let place = self.sets.iter().rposition(|set| Arc::ptr_eq(set, controls));
        let place = place.unwrap_or_else(|| {
            self.sets.push(Arc::clone(controls));
            self.sets.len() - 1
        });
        let Ok(set) = u16::try_from(place) else { return };
        self.tallies.push(Tally { set, who: Who::External, judged: Judged::Denied });
        self.denials.push(Denial { method, primitive, ..Denial::external(set, found) });
    }

    /// Becomes the same as another, in its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.clear();
        self.sets.extend(other.sets.iter().cloned());
        self.denials.extend(other.denials.iter().cloned());
        self.tallies.extend_from_slice(&other.tallies);
        self.at = other.at;
        self.is_blocked = other.is_blocked;
        self.left_out = other.left_out;
    }

    /// Bytes of memory it holds.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.tallies.capacity() * size_of::<Tally>() + self.denials.capacity() * size_of::<Denial>()
    }
}
