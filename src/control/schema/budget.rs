//! What a judgement may cost.

/// Steps of one judgement. A step is what takes a few nanoseconds: a keyword, a member or an element
/// looked at, a few bytes compared. So many of them take less than a millisecond on the machine that
/// docs/performance.md describes, whatever the schema and the arguments are; `t/fuzz` looks for
/// counter-examples.
pub const STEPS_MAX: u64 = 25_000;

/// The steps that are left to a judgement. Judging is deterministic: the same schema and arguments
/// take the same number of steps everywhere, however long that is.
#[derive(Clone, Debug)]
pub struct Budget {
    steps_left: u64,
}

/// There were not enough steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

impl Budget {
    /// So many steps; [`STEPS_MAX`] where the event loop waits.
    #[must_use]
    pub const fn new(steps: u64) -> Self {
        Budget { steps_left: steps }
    }

    /// What is left. 0 after a judgement that was given up.
    #[must_use]
    pub const fn steps_left(&self) -> u64 {
        self.steps_left
    }

    /// Takes steps. False, and nothing is left from then on, if there are not so many.
    pub const fn spend(&mut self, steps: u64) -> bool {
        match self.steps_left.checked_sub(steps) {
            Some(left) => self.steps_left = left,
            None => {
                self.steps_left = 0;
                return false;
            }
        }
        true
    }

    /// [`Budget::spend`] for `?`.
    pub(super) fn take(&mut self, steps: u64) -> Result<(), Exhausted> {
        if self.spend(steps) { Ok(()) } else { Err(Exhausted) }
    }
}
