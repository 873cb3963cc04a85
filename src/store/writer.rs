//! The writer: one a worker, one transaction a batch.

use crate::{BeginError, CommitError, Committed, OpenError, Settings, Upkeep};
use protocol::RpcId;
use record::{
    Answer, Call, CallRef, Direction, Event, Exchange, HashKey, Micros, PartRef, Patience, Place,
    Sink,
};
use std::path::Path;

/// Writes the days of one worker.
#[derive(Debug)]
pub struct Writer {
    settings: Settings,
    key: HashKey,
    resets: u64,
}

/// One transaction being filled. Dropped without [`Batch::commit`], it is rolled back.
#[derive(Debug)]
pub struct Batch<'w> {
    writer: &'w mut Writer,
    committed: Committed,
}

impl Writer {
    /// Opens the store; makes the directory and the catalogue where they are missing. Day files
    /// are opened by the first batch that needs them.
    pub fn open(settings: Settings, now: Micros) -> Result<Self, OpenError> {
        let _ = now;
        let message = format!("{}: not opened", settings.path.display());
        Err(OpenError { reason: record::Reason::StoreFailed, message })
    }

    /// The key of fingerprints and group ids: random, made with the store, the same for all its
    /// writers.
    #[must_use]
    pub fn fingerprint_key(&self) -> HashKey {
        self.key.clone()
    }

    /// How often a day file had to be given up (it was replaced, deleted or damaged). When it
    /// grows, [`CallRef`]s of before are void: forget them.
    #[must_use]
    pub fn resets(&self) -> u64 {
        self.resets
    }

    /// Begins a batch. Waits at most 50 ms for another writer.
    pub fn begin(&mut self, now: Micros) -> Result<Batch<'_>, BeginError> {
        let _ = now;
        Ok(Batch { writer: self, committed: Committed::default() })
    }

    /// Retention, size bounds, closing of past days, and whether the files are still the ones
    /// that were opened. Call it about once a second, between batches.
    pub fn upkeep(&mut self, now: Micros) -> Upkeep {
        let _ = (now, &self.settings);
        Upkeep::default()
    }
}

impl Batch<'_> {
    /// Counts an exchange as settled by this batch: written, or found to hold nothing to record.
    pub fn count_exchange(&mut self) {
        self.committed.exchanges += 1;
    }

    /// Writes the batch.
    pub fn commit(self) -> Result<Committed, CommitError> {
        let _ = &self.writer;
        Ok(self.committed)
    }
}

impl Sink for Batch<'_> {
    fn place(&mut self, _exchange: &Exchange<'_>, _patience: Patience) -> Place {
        Place::Later
    }
    fn call(&mut self, _part: PartRef, _: &Exchange<'_>, _call: &Call<'_>) -> Option<CallRef> {
        None
    }
    fn complete(&mut self, _call: CallRef, _answer: &Answer<'_>) {}
    fn answer(&mut self, _: PartRef, _: Direction, _: &RpcId, _: &Answer<'_>) {}
    fn cancel(&mut self, _part: PartRef, _rpc_id: &RpcId, _at: Micros) {}
    fn event(&mut self, _part: PartRef, _exchange: &Exchange<'_>, _event: &Event) {}
}

/// How many exchanges a writer has committed within the days kept, for the count of what a killed
/// worker had not written. `None` where the store does not know the writer or cannot be read.
#[must_use]
pub fn committed_exchanges(path: &Path, writer: &str, now: Micros) -> Option<u64> {
    let _ = (path, writer, now);
    None
}
