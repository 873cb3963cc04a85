//! What the event loop and the writer share: captures going over and coming back, lines to log.

use control::catalogue::Catalogue;
use crossbeam_queue::ArrayQueue;
use exchange::{Capture, Snapshot};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;

/// A line for the error log: only the event loop may write there.
#[derive(Debug)]
pub(crate) struct LogLine {
    /// nginx's level.
    pub(crate) level: u32,
    /// One line without control bytes.
    pub(crate) text: String,
}

/// Tools that the writer has read, before the event loop has found out which locations they belong to.
#[derive(Debug, Default)]
pub(crate) struct Built {
    pub(crate) catalogue: Catalogue,
    /// The MCP servers in it.
    pub(crate) servers: Vec<String>,
}

/// Both sides hold it.
#[derive(Debug)]
pub(crate) struct Link {
    /// Emptied captures on their way back. As long as the queue, so that the writer never frees.
    pub(crate) recycled: ArrayQueue<Box<Capture>>,
    /// Bytes of captures in the queue.
    pub(crate) queued_bytes: AtomicUsize,
    /// What an ending worker gives its writer to empty the queue, in milliseconds; 0 while it does
    /// not end.
    end_within_ms: AtomicU64,
    /// The low thread does not keep up: the normal one writes.
    is_behind: AtomicBool,
    /// The writer's thread of normal priority.
    normal: OnceLock<Thread>,
    /// Batches begun and ended: odd while one is being written.
    batches: AtomicU64,
    lines: ArrayQueue<LogLine>,
    /// Attacks found by the writer, as lines.
    pub(crate) attacks: ArrayQueue<String>,
    /// Attacks for whose lines there was no room.
    pub(crate) attacks_left_out: AtomicU64,
    /// Tools on their way to the event loop.
    pub(crate) built: ArrayQueue<Built>,
    /// Tools on their way back to the writer, which judges by them as well.
    pub(crate) ready: ArrayQueue<Arc<Snapshot>>,
    /// Tools that the event loop has done with: the writer frees them.
    pub(crate) old: ArrayQueue<Arc<Snapshot>>,
    /// The tools were read once, or could not be.
    has_looked: AtomicBool,
}

impl Link {
    /// The most captures in the queue. With fewer than its bytes' bound allows they are small.
    pub(crate) const QUEUE_MAX: usize = 65_536;
    /// Buffers that grew beyond this are not recycled.
    pub(crate) const KEEP_BYTES_MAX: usize = 16 * 1024;
    /// The part of the queue's bytes that makes the writer hurry.
    pub(crate) const EARLY_SHARE: usize = 4;
    /// The part of the queue's bytes that attacks have beyond it.
    pub(crate) const ATTACK_SHARE: usize = 4;
    /// Lines that wait to be logged; more of them are dropped, since they would say the same.
    const LINES_MAX: usize = 16;
    /// Attacks that wait to be logged; further ones are counted.
    const ATTACKS_MAX: usize = 64;
    /// Old tools that wait to be freed.
    const OLD_MAX: usize = 4;

    pub(crate) fn new() -> Self {
        Self {
            recycled: ArrayQueue::new(Self::QUEUE_MAX),
            queued_bytes: AtomicUsize::new(0),
            end_within_ms: AtomicU64::new(0),
            is_behind: AtomicBool::new(false),
            normal: OnceLock::new(),
            batches: AtomicU64::new(0),
            lines: ArrayQueue::new(Self::LINES_MAX),
            attacks: ArrayQueue::new(Self::ATTACKS_MAX),
            attacks_left_out: AtomicU64::new(0),
            built: ArrayQueue::new(1),
            ready: ArrayQueue::new(1),
            old: ArrayQueue::new(Self::OLD_MAX),
            has_looked: AtomicBool::new(false),
        }
    }

    /// Names the writer's thread of normal priority, once.
    pub(crate) fn set_normal(&self, thread: Thread) {
        let _ = self.normal.set(thread);
    }

    /// The writer is behind: its normal thread takes over. Where it has already, this costs a load.
    #[inline]
    pub(crate) fn hurry(&self) {
        if !self.is_behind.load(Ordering::Relaxed)
            && !self.is_behind.swap(true, Ordering::AcqRel)
            && let Some(thread) = self.normal.get()
        {
            thread.unpark();
        }
    }

    /// The rush is over: the low thread writes again.
    pub(crate) fn calm_down(&self) {
        self.is_behind.store(false, Ordering::Release);
    }

    /// Whether the normal thread is to write.
    pub(crate) fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Acquire)
    }

    /// A batch begins.
    pub(crate) fn begin_batch(&self) {
        self.batches.fetch_add(1, Ordering::Relaxed);
    }

    /// A batch has ended, well or not.
    pub(crate) fn end_batch(&self) {
        self.batches.fetch_add(1, Ordering::Relaxed);
    }

    /// Batches begun and ended so far: odd while one is being written.
    pub(crate) fn batches(&self) -> u64 {
        self.batches.load(Ordering::Relaxed)
    }

    /// What a capture counts for in the queue.
    pub(crate) fn weight(capture: &Capture) -> usize {
        size_of::<Capture>() + capture.memory_bytes()
    }

    /// A capture has left the queue.
    pub(crate) fn forget_weight(&self, capture: &Capture) {
        self.queued_bytes.fetch_sub(Self::weight(capture), Ordering::Relaxed);
    }

    /// Gives a capture back, emptied.
    pub(crate) fn recycle(&self, mut capture: Box<Capture>) {
        capture.clear(Self::KEEP_BYTES_MAX);
        // There is room for every capture there is; should there not be, it is freed.
        let _ = self.recycled.push(capture);
    }

    /// The writer has looked for tools, and left what it found in `built`.
    pub(crate) fn looked(&self) {
        self.has_looked.store(true, Ordering::Release);
    }

    /// Whether the writer has looked for tools.
    pub(crate) fn has_looked(&self) -> bool {
        self.has_looked.load(Ordering::Acquire)
    }

    /// Leaves a line to be logged.
    pub(crate) fn say(&self, level: u32, text: String) {
        let _ = self.lines.push(LogLine { level, text });
    }

    /// Takes a line to be logged.
    pub(crate) fn next_line(&self) -> Option<LogLine> {
        self.lines.pop()
    }

    /// The worker ends: the writer is to write what is there, within this time, and to stop.
    pub(crate) fn end(&self, within: Duration) {
        let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        self.end_within_ms.store(within_ms.max(1), Ordering::Release);
    }

    /// What the writer has to write what is there; `None` while the worker does not end.
    pub(crate) fn ends_within(&self) -> Option<Duration> {
        let within_ms = self.end_within_ms.load(Ordering::Acquire);
        (within_ms > 0).then(|| Duration::from_millis(within_ms))
    }

    /// Whether the worker ends.
    pub(crate) fn is_ending(&self) -> bool {
        self.ends_within().is_some()
    }
}
