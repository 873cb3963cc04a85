//! The writer: one thread a worker, which turns captures into records and puts them into the store.
//!
//! It sees nothing of nginx. What it has to say goes over the [`Link`] as lines that the event loop
//! logs; what it counts goes to the worker's slot in the zone.

mod priority;
mod round;
mod shifts;
mod tools;

pub(crate) use shifts::{Threads, start};

use crate::clock::wall_us;
use crate::handover::Link;
use crate::zone::{Counter, Shared, Side, Slot};
use crossbeam_channel::Receiver;
use exchange::{Capture, Interpreter, Part, Snapshot};
use nginx_sys::{NGX_LOG_ERR, NGX_LOG_NOTICE, NGX_LOG_WARN};
use record::Reason;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often the queue is looked at while little happens.
const POLL: Duration = Duration::from_millis(25);
/// How often while it fills.
const POLL_BUSY: Duration = Duration::from_millis(2);
/// The pause after the store was busy or failed.
const RETRY: Duration = Duration::from_millis(50);
/// How often the store is opened again after it failed.
const REOPEN: Duration = Duration::from_secs(1);
/// How long the store may fail to open before what waits for it is dropped: a reader that runs as
/// root and comes or goes just now makes files which, for a moment, the worker may not open.
const FAILING_MAX: Duration = Duration::from_secs(1);
/// How often it is looked after.
const UPKEEP: Duration = Duration::from_secs(1);
/// The shortest time between two lines about failures.
const SAY_AGAIN: Duration = Duration::from_secs(1);
/// The shortest time between two lines that say the same of a failure that lasts.
const SAY_SAME: Duration = Duration::from_secs(60);
/// How often dead workers are looked for.
const SWEEP: Duration = Duration::from_secs(10);

/// What a writer is given.
pub(crate) struct Writing {
    pub(crate) link: Arc<Link>,
    pub(crate) queue: Receiver<Box<Capture>>,
    pub(crate) shared: &'static Shared,
    pub(crate) slot: &'static Slot,
    pub(crate) settings: store::Settings,
    pub(crate) flush: Duration,
    pub(crate) queue_bytes_max: usize,
    /// Controls judge by tools.
    pub(crate) uses_tools: bool,
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

/// How the writer works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// On what the core has left, in batches that are short enough to wait for.
    Low,
    /// On its share of the core, in batches that cost the least.
    Normal,
    /// To the end, since the worker ends.
    Last,
}

impl Pace {
    /// Captures in the queue that begin a batch before its time.
    const fn early(self) -> usize {
        match self {
            Self::Low => 1_024,
            Self::Normal | Self::Last => 4_096,
        }
    }

    /// The most captures in a batch.
    const fn batch_max(self) -> usize {
        match self {
            Self::Low => 1_024,
            Self::Normal | Self::Last => 16_384,
        }
    }
}

/// What writes, at one thread at a time.
struct Writer {
    given: Writing,
    store: Option<store::Writer>,
    interpreter: Option<Interpreter>,
    resets: u64,
    waiting: VecDeque<Waiting>,
    /// When nothing may wait any longer, since the worker ends.
    wait_until: Option<Instant>,
    taken: Taken,
    began: Instant,
    retry_at: Instant,
    reopen_at: Instant,
    /// Since when the store cannot be opened.
    failing_since: Option<Instant>,
    upkeep_at: Instant,
    sweep_at: Instant,
    said_at: Option<Instant>,
    say_drops_at: Instant,
    /// Drops since the last line about them.
    unsaid_drops: u64,
    said: String,
    /// The tools that are in force, if any control judges by them.
    snapshot: Option<Arc<Snapshot>>,
    /// The catalogue's generation in the newest of them.
    tools_known: Option<i64>,
    /// How often a change of the catalogue had been announced when it was last read.
    tools_announced: Option<u64>,
    /// When it is read again in any case.
    tools_at: Instant,
}

impl Writer {
    fn new(given: Writing) -> Self {
        let now = Instant::now();
        Self {
            given,
            store: None,
            interpreter: None,
            resets: 0,
            waiting: VecDeque::new(),
            wait_until: None,
            taken: Taken::default(),
            began: now,
            retry_at: now,
            reopen_at: now,
            failing_since: None,
            upkeep_at: now,
            sweep_at: now,
            said_at: None,
            say_drops_at: now,
            unsaid_drops: 0,
            said: String::new(),
            snapshot: None,
            tools_known: None,
            tools_announced: None,
            tools_at: now,
        }
    }

    /// Writes a batch, if one is due; returns how long there is nothing to do.
    fn write(&mut self, pace: Pace) -> Duration {
        if catch_unwind(AssertUnwindSafe(|| self.tend_tools())).is_err() {
            self.recover();
        }
        let now = Instant::now();
        if self.is_due(now, pace) {
            self.began = now;
            let link = Arc::clone(&self.given.link);
            link.begin_batch();
            if catch_unwind(AssertUnwindSafe(|| self.round(now, pace))).is_err() {
                self.recover();
            }
            link.end_batch();
        }
        self.show();
        if pace == Pace::Last || self.is_filling(pace) {
            return POLL_BUSY;
        }
        POLL.min(self.given.flush)
    }

    /// Looks after the store, and for dead workers, if it is time to.
    fn look_after(&mut self) {
        let now = Instant::now();
        if now >= self.upkeep_at {
            self.upkeep_at = now + UPKEEP;
            let is_over = catch_unwind(AssertUnwindSafe(|| {
                // Days expire without traffic as well.
                if self.open(now) {
                    self.upkeep();
                }
            }));
            if is_over.is_err() {
                self.recover();
            }
        }
        if now >= self.sweep_at {
            self.sweep_at = now + SWEEP;
            if catch_unwind(AssertUnwindSafe(|| self.sweep())).is_err() {
                self.recover();
            }
        }
        self.show();
    }

    /// Whether a batch is to be begun: its time has come, or the queue fills.
    fn is_due(&self, now: Instant, pace: Pace) -> bool {
        if now < self.retry_at {
            return false;
        }
        if pace == Pace::Last {
            return !self.is_done();
        }
        let is_time = now.saturating_duration_since(self.began) >= self.given.flush;
        (is_time && !self.is_done()) || self.is_filling(pace)
    }

    /// Whether the queue holds enough for a batch before its time.
    fn is_filling(&self, pace: Pace) -> bool {
        let early_bytes = self.given.queue_bytes_max / Link::EARLY_SHARE;
        self.given.queue.len() >= pace.early()
            || self.given.link.queued_bytes.load(Ordering::Relaxed) >= early_bytes
    }

    /// Whether nothing is left to write.
    fn is_done(&self) -> bool {
        self.given.queue.is_empty() && self.waiting.is_empty()
    }

    /// The worker begins to end.
    fn prepare_end(&mut self) {
        self.wait_until = Some(Instant::now() + round::WAIT_LAST_MAX);
    }

    /// The worker ends: what is left is lost.
    fn end(&mut self) {
        self.abandon(Reason::Shutdown);
        self.show();
    }

    /// Opens the store, if it is not open. `false` where it cannot be now.
    fn open(&mut self, now: Instant) -> bool {
        if self.store.is_some() {
            return true;
        }
        if now < self.reopen_at {
            return false;
        }
        match store::Writer::open(self.given.settings.clone(), wall_us()) {
            Ok(writer) => {
                let mut interpreter = Interpreter::new(writer.fingerprint_key());
                interpreter.set_tools(self.snapshot.clone());
                self.interpreter = Some(interpreter);
                self.resets = writer.resets();
                self.store = Some(writer);
                self.failing_since = None;
                true
            }
            Err(error) => {
                if self.is_failing_for_long(now) {
                    self.reopen_at = now + REOPEN;
                    self.say(&error.message);
                    self.abandon(error.reason);
                }
                false
            }
        }
    }

    /// Notes a failure to open; whether that has gone on for so long that what waits is dropped.
    fn is_failing_for_long(&mut self, now: Instant) -> bool {
        let since = *self.failing_since.get_or_insert(now);
        now.saturating_duration_since(since) >= FAILING_MAX
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
