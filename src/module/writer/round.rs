//! One batch: from the queue through the interpreter into one transaction.

use super::{POLL, Pace, RETRY, Taken, Waiting, Writer, is_end};
use crate::clock::wall_us;
use crate::handover::Link;
use crate::zone::{Counter, Side};
use exchange::{Capture, Interpreter, Taken as Outcome};
use record::Patience;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use store::{Batch, BeginError, Committed};

/// The longest a batch holds the day's lock before it is committed.
const BATCH_TIME_MAX: Duration = Duration::from_millis(50);
/// Captures between two looks at the clock.
const CLOCK_EVERY: usize = 64;
/// How long an exchange may wait for what another worker is about to write.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// The same in a worker that ends, which after TERM has less than that in all.
pub(super) const WAIT_LAST_MAX: Duration = Duration::from_millis(250);
/// The most exchanges that wait at a time.
const WAITING_MAX: usize = 4_096;

impl Writer {
    /// Writes one batch.
    pub(super) fn round(&mut self, now: Instant, pace: Pace) {
        if !self.open(now) {
            self.retry_at = now + RETRY;
            return;
        }
        let (Some(store), Some(interpreter)) = (&mut self.store, &mut self.interpreter) else {
            return;
        };
        let begun = store.begin(wall_us()).map(|mut batch| {
            let mut desk = Desk {
                link: &self.given.link,
                interpreter,
                batch: &mut batch,
                waiting: &mut self.waiting,
                taken: &mut self.taken,
                now,
                wait_until: self.wait_until,
            };
            desk.look_again();
            desk.empty_queue(&self.given.queue, pace);
            batch.commit()
        });
        let taken = std::mem::take(&mut self.taken);
        match begun {
            Ok(Ok(committed)) => {
                self.failing_since = None;
                self.count(&taken, &committed);
                if committed.catalog_changed {
                    self.given.shared.announce_catalog();
                }
                self.said.clear();
            }
            Ok(Err(error)) => {
                self.retry_at = Instant::now() + RETRY;
                self.say(&error.message);
                self.drop_exchanges(error.reason, taken.recorded + taken.unrecorded);
                self.forget();
            }
            Err(BeginError::Busy) => self.retry_at = Instant::now() + RETRY,
            Err(BeginError::Failed { reason, message }) => {
                self.retry_at = Instant::now() + RETRY;
                if self.is_failing_for_long(now) {
                    self.say(&message);
                    self.abandon(reason);
                }
            }
        }
        if pace == Pace::Last && !self.waiting.is_empty() {
            // Other workers are ending too: what is waited for may be in their last batches.
            self.retry_at = Instant::now() + POLL;
        }
        self.pass_attacks_on();
        self.notice_resets();
    }

    /// Leaves lines about attacks for the event loop to log.
    fn pass_attacks_on(&mut self) {
        let Some(interpreter) = &mut self.interpreter else { return };
        let (lines, mut left_out) = interpreter.take_lines();
        for line in lines {
            left_out += u64::from(self.given.link.attacks.push(line).is_err());
        }
        self.given.link.attacks_left_out.fetch_add(left_out, Ordering::Relaxed);
    }

    fn count(&self, taken: &Taken, committed: &Committed) {
        let slot = self.given.slot;
        slot.add(Side::Writer, Counter::Written, taken.recorded);
        slot.add(Side::Writer, Counter::Unrecorded, taken.unrecorded);
        slot.add(Side::Writer, Counter::Commits, 1);
        slot.add_calls(&committed.by_outcome, &committed.completed);
        if taken.oldest > 0 {
            let lag = wall_us().saturating_sub(taken.oldest);
            slot.show_lag(u64::try_from(lag).unwrap_or(0));
        }
    }

    /// What the interpreter remembers of calls in a batch that was rolled back is void.
    fn forget(&mut self) {
        if let Some(interpreter) = &mut self.interpreter {
            interpreter.forget_all();
        }
    }
}

/// Where a batch is made.
struct Desk<'d, 'w> {
    link: &'d Link,
    interpreter: &'d mut Interpreter,
    batch: &'d mut Batch<'w>,
    waiting: &'d mut VecDeque<Waiting>,
    taken: &'d mut Taken,
    now: Instant,
    /// When nothing may wait any longer.
    wait_until: Option<Instant>,
}

impl Desk<'_, '_> {
    /// Offers what waits once more, in its order.
    fn look_again(&mut self) {
        for _ in 0..self.waiting.len() {
            let Some(Waiting { capture, until }) = self.waiting.pop_front() else { return };
            let is_over = self.now >= self.wait_until.map_or(until, |last| until.min(last));
            self.offer(capture, until, is_over);
        }
    }

    fn empty_queue(&mut self, queue: &crossbeam_channel::Receiver<Box<Capture>>, pace: Pace) {
        let until = self.now + WAIT_MAX;
        for n in 0..pace.batch_max() {
            let Ok(capture) = queue.try_recv() else { return };
            self.link.forget_weight(&capture);
            // Parts of one stream keep their order.
            if capture.stream != 0
                && self.waiting.iter().any(|other| other.capture.stream == capture.stream)
            {
                self.wait(capture, until);
                continue;
            }
            let is_over = self.waiting.len() >= WAITING_MAX
                || self.wait_until.is_some_and(|last| self.now >= last);
            self.offer(capture, until, is_over);
            if n % CLOCK_EVERY == CLOCK_EVERY - 1 && self.now.elapsed() >= BATCH_TIME_MAX {
                return;
            }
        }
    }

    fn offer(&mut self, mut capture: Box<Capture>, until: Instant, is_over: bool) {
        let patience = if is_over { Patience::Decide } else { Patience::MayWait };
        let ends = is_end(&capture);
        if ends {
            // Counted before the work: should that panic, it is counted as lost to the panic.
            self.taken.unrecorded += 1;
        }
        let outcome = self.interpreter.take(&mut capture, patience, self.batch);
        if matches!(outcome, Outcome::Later) && !is_over {
            self.taken.unrecorded -= u64::from(ends);
            self.wait(capture, until);
            return;
        }
        if ends {
            if matches!(outcome, Outcome::Recorded) {
                self.taken.unrecorded -= 1;
                self.taken.recorded += 1;
            }
            self.batch.count_exchange();
            let ended = capture.facts.at + i64::try_from(capture.facts.now_us).unwrap_or(0);
            if self.taken.oldest == 0 || ended < self.taken.oldest {
                self.taken.oldest = ended;
            }
        }
        self.link.recycle(capture);
    }

    fn wait(&mut self, capture: Box<Capture>, until: Instant) {
        self.waiting.push_back(Waiting { capture, until });
    }
}
