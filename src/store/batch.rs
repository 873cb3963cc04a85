//! A batch: one transaction, filled through `record::Sink`.

use crate::day::Day;
use crate::failure::Failure;
use crate::page::Page;
use crate::{CommitError, Committed, Writer};
use record::{
    Answer, Call, CallRef, ControlRef, Direction, Event, EventKind, Exchange, Judged, Listing,
    Micros, PartRef, Patience, Place, Sink,
};

/// One transaction being filled. Dropped without [`Batch::commit`], it is rolled back.
#[derive(Debug)]
pub struct Batch<'w> {
    pub(crate) writer: &'w mut Writer,
    pub(crate) page: Page,
    pub(crate) now: Micros,
    /// The day the batch began with; an exchange that was not placed counts there.
    pub(crate) present_day: i32,
    pub(crate) last_day: i32,
    pub(crate) committed: Committed,
    pub(crate) failure: Option<Failure>,
}

impl Batch<'_> {
    /// Counts an exchange as settled by this batch: written, or found to hold nothing to record.
    /// Call it after the exchange's last record.
    pub fn count_exchange(&mut self) {
        self.committed.exchanges += 1;
        let day = std::mem::replace(&mut self.last_day, self.present_day);
        if let Some(day) = self.writer.days.open_mut(day) {
            day.exchanges += 1;
        }
    }

    /// Calls collected so far. A batch holds the day's lock, so end it before it grows long.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.page.rows.len() + self.page.unstored
    }

    /// Writes the batch. On failure all of it is undone.
    pub fn commit(mut self) -> Result<Committed, CommitError> {
        if self.failure.is_none() {
            self.failure = self.flush().err();
        }
        match self.failure.take() {
            None => {
                // The day counts more than the catalogue: its records are written already.
                self.committed.catalog_changed = self.writer.learn(self.now);
                Ok(std::mem::take(&mut self.committed))
            }
            Some(failure) => {
                self.writer.failed(&failure);
                Err(CommitError { reason: failure.reason, message: failure.message })
            }
        }
    }

    /// Remembers the first failure; the batch is then undone as a whole.
    pub(crate) fn check<T: Default>(&mut self, done: Result<T, Failure>) -> T {
        match done {
            Ok(value) => value,
            Err(failure) => {
                self.failure.get_or_insert(failure);
                T::default()
            }
        }
    }

    /// The day, with a transaction open on it. `None`: there is no file of it.
    pub(crate) fn open_day(&mut self, day: i32) -> Result<Option<&mut Day>, Failure> {
        self.writer.days.begin(day, self.present_day, self.now)
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.writer.days.rollback();
        self.writer.days.close_unfinished(self.present_day, self.now);
        self.page.clear();
        self.writer.page = std::mem::take(&mut self.page);
    }
}

impl Sink for Batch<'_> {
    fn place(&mut self, exchange: &Exchange<'_>, patience: Patience) -> Place {
        if self.failure.is_some() {
            return Place::Part(PartRef(u64::MAX));
        }
        let place = self.find_place(exchange, patience);
        self.check(place.map(Some)).unwrap_or(Place::Part(PartRef(u64::MAX)))
    }

    fn call(&mut self, part: PartRef, exchange: &Exchange<'_>, call: &Call<'_>) -> Option<CallRef> {
        if self.failure.is_some() {
            return None;
        }
        let stored = self.add_call(part, exchange, call);
        self.check(stored)
    }

    fn complete(&mut self, call: CallRef, answer: &Answer<'_>) {
        if self.failure.is_none() {
            let done = self.complete_call(call.day, call.row, &answer.into());
            self.check(done.map(|_| ()));
        }
    }

    fn answer(
        &mut self,
        part: PartRef,
        direction: Direction,
        rpc_id: &protocol::RpcId,
        answer: &Answer<'_>,
    ) {
        if self.failure.is_none() {
            let done = self.answer_call(part, direction, rpc_id, &answer.into(), true);
            self.check(done);
        }
    }

    fn cancel(&mut self, part: PartRef, rpc_id: &protocol::RpcId, at: Micros) {
        if self.failure.is_none() {
            let done = self.cancel_call(part, rpc_id, at);
            self.check(done);
        }
    }

    fn judged(&mut self, part: PartRef, control: &ControlRef<'_>, judged: Judged) {
        if self.failure.is_none() {
            let done = self.add_judged(part, control, judged);
            self.check(done);
        }
    }

    fn listed(&mut self, exchange: &Exchange<'_>, listing: &Listing<'_>) {
        let server = &exchange.server;
        if server.is_named || server.is_proven {
            self.writer.catalog.listed(server.name, listing, self.now);
        }
    }

    fn event(&mut self, part: PartRef, exchange: &Exchange<'_>, event: &Event) {
        if self.failure.is_none() {
            let done = self.add_event(part, exchange, event);
            self.check(done);
        }
    }
}

/// Whether an event is worth a row of its own; bare counts only add to the part's sum.
pub(crate) const fn has_row(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Notifications)
}
