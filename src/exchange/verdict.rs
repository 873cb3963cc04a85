//! What controls made of a request, on its way from where it was judged to where it is recorded.

use crate::controls::{Controls, Who};
use record::{Judged, Micros};
use std::sync::Arc;

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
    }

    /// Bytes of memory it holds.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.tallies.capacity() * size_of::<Tally>() + self.denials.capacity() * size_of::<Denial>()
    }
}
