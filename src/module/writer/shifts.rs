//! Two threads take turns at one writer, at two priorities.
//!
//! The writer shares its core with the event loop. At the event loop's priority it holds the core
//! for milliseconds at a time, and the requests that arrive meanwhile wait. At the lowest it only
//! uses what is left, but starves on a full core, and a thread without privileges can never raise
//! its priority again. So a low thread writes for as long as it keeps up, in small batches, and
//! gives the writer to a normal one when the queue grows or a batch takes too long; that one keeps
//! it until the rush has been over for a while.

use super::{Pace, UPKEEP, Writer, Writing, priority};
use crate::handover::Link;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// How long nothing may have been late before the low thread writes again.
const CALM_AFTER: Duration = Duration::from_secs(1);

/// What both threads hold.
struct Shifts {
    writer: Mutex<Writer>,
    link: Arc<Link>,
}

/// The two threads.
pub(crate) struct Threads {
    low: JoinHandle<()>,
    normal: JoinHandle<()>,
}

/// Starts them; `spawn` makes a thread of a name and what it runs.
pub(crate) fn start(
    given: Writing,
    spawn: impl Fn(&str, Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>>,
) -> io::Result<Threads> {
    let link = Arc::clone(&given.link);
    let shifts = Arc::new(Shifts { writer: Mutex::new(Writer::new(given)), link });
    let theirs = Arc::clone(&shifts);
    let low = spawn("mcp-writer-low", Box::new(move || theirs.write_low()))?;
    let (theirs, other) = (Arc::clone(&shifts), low.thread().clone());
    let normal = spawn("mcp-writer", Box::new(move || theirs.write_normal(&other)));
    match normal {
        Ok(normal) => {
            shifts.link.set_normal(normal.thread().clone());
            Ok(Threads { low, normal })
        }
        Err(error) => {
            shifts.link.end(Duration::ZERO);
            low.thread().unpark();
            Err(error)
        }
    }
}

impl Threads {
    /// Wakes both, since the worker ends.
    pub(crate) fn wake(&self) {
        self.low.thread().unpark();
        self.normal.thread().unpark();
    }

    /// Whether both have ended.
    pub(crate) fn are_finished(&self) -> bool {
        self.low.is_finished() && self.normal.is_finished()
    }

    /// Frees what the system keeps of them.
    pub(crate) fn join(self) {
        let _ = self.low.join();
        let _ = self.normal.join();
    }
}

impl Shifts {
    /// A panic inside is caught before the lock would be poisoned.
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_low(&self) {
        priority::step_back();
        while !self.link.is_ending() {
            if self.link.is_behind() {
                thread::park();
                continue;
            }
            let pause = self.writer().write(Pace::Low);
            thread::park_timeout(pause);
        }
    }

    /// Looks after the store as well: a big file is not to be deleted by a thread that may starve.
    fn write_normal(&self, low: &Thread) {
        priority::give_way();
        while !self.link.is_ending() {
            if self.link.is_behind() {
                self.catch_up();
                low.unpark();
                // Whatever woke it meanwhile is to be seen before it sleeps.
                continue;
            }
            self.writer().look_after();
            thread::park_timeout(UPKEEP);
        }
        self.finish();
    }

    /// Writes until the rush is over, or the worker ends.
    fn catch_up(&self) {
        let mut writer = self.writer();
        let mut late_at = Instant::now();
        while !self.link.is_ending() {
            if writer.is_filling(Pace::Normal) {
                late_at = Instant::now();
            } else if late_at.elapsed() >= CALM_AFTER {
                self.link.calm_down();
                return;
            }
            let pause = writer.write(Pace::Normal);
            writer.look_after();
            thread::park_timeout(pause);
        }
    }

    /// Empties the queue, within its bound.
    fn finish(&self) {
        let within = self.link.ends_within().unwrap_or_default();
        let end_by = Instant::now() + within;
        let mut writer = self.writer();
        writer.prepare_end();
        loop {
            let pause = writer.write(Pace::Last);
            if writer.is_done() || Instant::now() >= end_by {
                break;
            }
            thread::park_timeout(pause);
        }
        writer.end();
    }
}
