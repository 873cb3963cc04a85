//! The writer: one thread a worker, which turns captures into records and puts them into the store.
//!
//! It sees nothing of nginx. What it has to say goes over the [`Link`] as lines that the event loop
//! logs; what it counts goes to the worker's slot in the zone.

mod priority;
mod round;

use crate::clock::wall_us;
use crate::handover::Link;
use crate::zone::{Counter, Shared, Side, Slot};
use crossbeam_channel::Receiver;
use exchange::{Capture, Interpreter, Part};
use nginx_sys::{NGX_LOG_ERR, NGX_LOG_NOTICE, NGX_LOG_WARN};
use record::Reason;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How often the queue is looked at while little happens.
const POLL: Duration = Duration::from_millis(25);
/// How often while it fills.
const POLL_BUSY: Duration = Duration::from_millis(2);
/// The pause after the store was busy or failed.
const RETRY: Duration = Duration::from_millis(50);
/// How often the store is opened again after it failed.
const REOPEN: Duration = Duration::from_secs(1);
/// How often it is looked after.
const UPKEEP: Duration = Duration::from_secs(1);
/// The shortest time between two lines about failures.
const SAY_AGAIN: Duration = Duration::from_secs(1);
/// The shortest time between two lines that say the same of a failure that lasts.
const SAY_SAME: Duration = Duration::from_secs(60);
/// How often dead workers are looked for.
const SWEEP: Duration = Duration::from_secs(10);
/// Captures in the queue that begin a batch before its time.
const BATCH_EARLY: usize = 4_096;

/// What a writer is given.
pub(crate) struct Writing {
    pub(crate) link: Arc<Link>,
    pub(crate) queue: Receiver<Box<Capture>>,
    pub(crate) shared: &'static Shared,
    pub(crate) slot: &'static Slot,
    pub(crate) settings: store::Settings,
    pub(crate) flush: Duration,
    pub(crate) queue_bytes_max: usize,
}

/// Exchanges taken into the batch at hand, which its commit or failure settles.
#[derive(Default)]
struct Taken {
    recorded: u64,
    unrecorded: u64,
    /// When the oldest of them ended; 0 for none.
    oldest: record::Micros,
}

/// A capture that belongs to what another worker is about to write.
struct Waiting {
    capture: Box<Capture>,
    until: Instant,
}

/// The thread's state.
pub(crate) struct Writer {
    given: Writing,
    store: Option<store::Writer>,
    interpreter: Option<Interpreter>,
    resets: u64,
    waiting: VecDeque<Waiting>,
    taken: Taken,
    began: Instant,
    retry_at: Instant,
    reopen_at: Instant,
    upkeep_at: Instant,
    sweep_at: Instant,
    said_at: Option<Instant>,
    say_drops_at: Instant,
    /// Drops since the last line about them.
    unsaid_drops: u64,
    said: String,
}

impl Writer {
    pub(crate) fn new(given: Writing) -> Self {
        let now = Instant::now();
        Self {
            given,
            store: None,
            interpreter: None,
            resets: 0,
            waiting: VecDeque::new(),
            taken: Taken::default(),
            began: now,
            retry_at: now,
            reopen_at: now,
            upkeep_at: now,
            sweep_at: now,
            said_at: None,
            say_drops_at: now,
            unsaid_drops: 0,
            said: String::new(),
        }
    }

    /// Works until the worker ends and the queue is empty, or its time is over.
    pub(crate) fn run(mut self) {
        priority::give_way();
        let mut end_by: Option<Instant> = None;
        loop {
            let ends_within = self.given.link.ends_within();
            let is_ending = ends_within.is_some();
            end_by = end_by.or_else(|| ends_within.map(|within| Instant::now() + within));
            if catch_unwind(AssertUnwindSafe(|| self.turn(is_ending))).is_err() {
                self.recover();
            }
            if let Some(end_by) = end_by {
                let is_done = self.given.queue.is_empty() && self.waiting.is_empty();
                if is_done || Instant::now() >= end_by {
                    break;
                }
            }
            thread::park_timeout(self.pause());
        }
        self.abandon(Reason::Shutdown);
        self.show();
    }

    fn turn(&mut self, is_ending: bool) {
        let now = Instant::now();
        if self.is_due(now, is_ending) {
            self.began = now;
            self.round(now, is_ending);
        }
        if now >= self.upkeep_at && !is_ending {
            self.upkeep_at = now + UPKEEP;
            // Days expire without traffic as well.
            if self.open(now) {
                self.upkeep();
            }
        }
        if now >= self.sweep_at && !is_ending {
            self.sweep_at = now + SWEEP;
            self.sweep();
        }
        self.show();
    }

    /// Whether a batch is to be begun: its time has come, or the queue fills.
    fn is_due(&self, now: Instant, is_ending: bool) -> bool {
        if now < self.retry_at {
            return false;
        }
        let is_empty = self.given.queue.is_empty() && self.waiting.is_empty();
        if is_ending {
            return !is_empty;
        }
        let is_time = now.saturating_duration_since(self.began) >= self.given.flush;
        (is_time && !is_empty) || self.is_filling()
    }

    fn is_filling(&self) -> bool {
        let queued_bytes = self.given.link.queued_bytes.load(std::sync::atomic::Ordering::Relaxed);
        self.given.queue.len() >= BATCH_EARLY || queued_bytes >= self.given.queue_bytes_max / 4
    }

    fn pause(&self) -> Duration {
        if self.given.link.is_ending() || self.is_filling() {
            return POLL_BUSY;
        }
        POLL.min(self.given.flush)
    }

    /// Opens the store, if it is not open. `false` where it cannot be now.
    fn open(&mut self, now: Instant) -> bool {
        if self.store.is_some() {
            return true;
        }
        if now < self.reopen_at {
            return false;
        }
        self.reopen_at = now + REOPEN;
        match store::Writer::open(self.given.settings.clone(), wall_us()) {
            Ok(writer) => {
                self.interpreter = Some(Interpreter::new(writer.fingerprint_key()));
                self.resets = writer.resets();
                self.store = Some(writer);
                true
            }
            Err(error) => {
                self.say(&error.message);
                self.abandon(error.reason);
                false
            }
        }
    }

    /// After a panic: what was in the batch was rolled back with it.
    fn recover(&mut self) {
        self.given.slot.add(Side::Writer, Counter::Panics, 1);
        let lost = std::mem::take(&mut self.taken);
        self.drop_exchanges(Reason::Panic, lost.recorded + lost.unrecorded);
        self.store = None;
        self.interpreter = None;
        self.reopen_at = Instant::now();
        self.say("a bug was caught while writing records");
    }

    /// Drops all that waits, for a reason.
    fn abandon(&mut self, reason: Reason) {
        let mut ended = 0;
        let waiting = std::mem::take(&mut self.waiting);
        for waiting in waiting {
            ended += u64::from(is_end(&waiting.capture));
            self.given.link.recycle(waiting.capture);
        }
        while let Ok(capture) = self.given.queue.try_recv() {
            self.given.link.forget_weight(&capture);
            ended += u64::from(is_end(&capture));
            self.given.link.recycle(capture);
        }
        self.drop_exchanges(reason, ended);
    }

    fn drop_exchanges(&mut self, reason: Reason, n: u64) {
        if n > 0 {
            self.given.slot.add_dropped(Side::Writer, reason, n);
            self.unsaid_drops += n;
            self.say_drops(reason);
        }
    }

    /// Leaves a line about what was dropped, at most one a second.
    fn say_drops(&mut self, reason: Reason) {
        let now = Instant::now();
        if now < self.say_drops_at && !self.given.link.is_ending() {
            return;
        }
        self.say_drops_at = now + SAY_AGAIN;
        let n = std::mem::take(&mut self.unsaid_drops);
        self.given.link.say(
            NGX_LOG_NOTICE,
            format!("mcp_sessions: {n} exchanges not recorded, the last for: {}", reason.as_str()),
        );
    }

    fn upkeep(&mut self) {
        let Some(store) = &mut self.store else { return };
        for notice in store.upkeep(wall_us()).notices {
            let level = if notice.is_warning { NGX_LOG_WARN } else { NGX_LOG_NOTICE };
            self.given.link.say(level, format!("mcp_sessions: {}", notice.text));
        }
        self.notice_resets();
    }

    /// A day file was given up: what was remembered of its calls is void.
    fn notice_resets(&mut self) {
        let resets = self.store.as_ref().map_or(self.resets, store::Writer::resets);
        if std::mem::replace(&mut self.resets, resets) != resets
            && let Some(interpreter) = &mut self.interpreter
        {
            interpreter.forget_all();
        }
    }

    fn sweep(&mut self) {
        let path: PathBuf = self.given.settings.path.clone();
        let killed = self
            .given
            .shared
            .sweep(|writer| store::committed_exchanges(&path, &writer_name(writer), wall_us()));
        if killed > 0 {
            self.given.link.say(
                NGX_LOG_NOTICE,
                format!("mcp_sessions: {killed} exchanges were lost with a killed worker"),
            );
        }
    }

    /// Leaves a line about a failure, at most one a second, and not the same one again and again.
    fn say(&mut self, text: &str) {
        let now = Instant::now();
        let pause = if text == self.said { SAY_SAME } else { SAY_AGAIN };
        if self.said_at.is_some_and(|said_at| now < said_at + pause) {
            return;
        }
        self.said_at = Some(now);
        self.said.clear();
        self.said.push_str(text);
        self.given.link.say(NGX_LOG_ERR, format!("mcp_sessions: {text}"));
    }

    fn show(&self) {
        let waiting = u64::try_from(self.waiting.len()).unwrap_or(u64::MAX);
        self.given.slot.show_waiting(waiting);
    }
}

/// The name a writer signs its transactions with.
pub(crate) fn writer_name(writer: u64) -> String {
    format!("{writer:016x}")
}

/// Whether the exchange ends with this capture, so that it counts as settled.
fn is_end(capture: &Capture) -> bool {
    matches!(capture.part, Part::Only | Part::Last)
}
