//! What has to be done besides writing.

use crate::{Upkeep, Writer};
use record::Micros;

impl Writer {
    /// Retention, size bounds, closing of past days, and whether the files are still the ones
    /// that were opened. Call it about once a second, between batches.
    pub fn upkeep(&mut self, now: Micros) -> Upkeep {
        self.look(now);
        self.days.close_idle(crate::directory::day_of(now), now);
        Upkeep { notices: std::mem::take(&mut self.notices), ..Upkeep::default() }
    }
}
