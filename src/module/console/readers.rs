//! The threads that read the store, and the two queues between them and the event loop.
//!
//! Neither side waits for the other: both queues have room for every exchange there can be, and
//! lock nothing. A thread works on one step of an answer at a time, so that no client holds it.

use crate::guard::guard;
use crate::thread::{join_within, spawn};
use console::{Cancel, Next, Piece, Problem, Reading, Work};
use crossbeam_queue::ArrayQueue;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, park_timeout};
use std::time::{Duration, Instant};
use store::query::Memory;

/// Threads of a worker: two, so that a long question does not keep short ones waiting.
const READERS: usize = 2;
/// Reading is not recursive.
const STACK_BYTES: usize = 1 << 20;
/// After so long without a question, files are closed: of days that have expired, too.
const REST: Duration = Duration::from_secs(5);
/// After so long, what settled days add up to is forgotten.
const FORGET: Duration = Duration::from_secs(900);
/// What an ending worker waits for each of its readers, whose work was cancelled before. On a fast stop
/// nginx's master gives a worker little time, and the writer has had most of it.
const JOIN_GRACE: Duration = Duration::from_millis(100);

/// A step to be done.
pub(super) struct Job {
    /// Of the exchange.
    pub(super) id: u64,
    pub(super) work: Box<Work>,
    /// Set when the client has gone.
    pub(super) cancel: Cancel,
}

/// A step that was done.
pub(super) struct Done {
    /// Of the exchange.
    pub(super) id: u64,
    pub(super) work: Box<Work>,
    pub(super) piece: Piece,
}

/// What both sides hold.
struct Link {
    jobs: ArrayQueue<Job>,
    done: ArrayQueue<Done>,
    wake: File,
    is_ending: AtomicBool,
    store: PathBuf,
    memory: Memory,
}

/// The event loop's side.
pub(super) struct Readers {
    link: Arc<Link>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Starts them, for a store. `exchanges_max` are the most steps that can be under way.
    pub(super) fn start(store: PathBuf, exchanges_max: usize) -> io::Result<Self> {
        // SAFETY: a plain system call.
        let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made, and nobody else owns it.
        let wake = unsafe { File::from_raw_fd(fd) };
        let link = Arc::new(Link {
            jobs: ArrayQueue::new(exchanges_max),
            done: ArrayQueue::new(exchanges_max),
            wake,
            is_ending: AtomicBool::new(false),
            store,
            memory: Memory::default(),
        });
        let mut readers = Self { link, threads: Vec::with_capacity(READERS) };
        for _ in 0..READERS {
            let link = Arc::clone(&readers.link);
            match spawn("mcp-reader", STACK_BYTES, move || run(&link)) {
                Ok(thread) => readers.threads.push(thread),
                Err(error) if readers.threads.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(readers)
    }

    /// What becomes readable when a step is done.
    pub(super) fn wake_fd(&self) -> RawFd {
        self.link.wake.as_raw_fd()
    }

    /// Steps that no thread has begun.
    pub(super) fn waiting(&self) -> usize {
        self.link.jobs.len()
    }

    /// Gives them a step. `false` where there is no room, which cannot be as long as there are no
    /// more exchanges than was said.
    pub(super) fn give(&self, job: Job) -> bool {
        let is_given = self.link.jobs.push(job).is_ok();
        for thread in &self.threads {
            thread.thread().unpark();
        }
        is_given
    }

    /// Takes note of the wake-up.
    pub(super) fn hear(&self) {
        let mut count = [0; 8];
        // Nothing to read is no error: another wake-up has taken it.
        let _ = (&self.link.wake).read(&mut count);
    }

    /// A step that was done.
    pub(super) fn take(&self) -> Option<Done> {
        self.link.done.pop()
    }

    /// Has them end after the step at hand, without waiting for it.
    pub(super) fn end(&self) {
        self.link.is_ending.store(true, Ordering::Release);
        for thread in &self.threads {
            thread.thread().unpark();
        }
    }

    /// Waits for their end. Whatever they work on must have been cancelled. `false` where one hangs in the
    /// file system; it goes with the process.
    pub(super) fn stop(&mut self) -> bool {
        self.end();
        let threads = std::mem::take(&mut self.threads);
        // Each is waited for, whatever becomes of the others.
        threads.into_iter().map(|it| join_within(it, JOIN_GRACE)).min() != Some(false)
    }
}

fn run(link: &Link) {
    let mut reading: Option<Reading> = None;
    let mut worked_at = Instant::now();
    while !link.is_ending.load(Ordering::Acquire) {
        let Some(job) = link.jobs.pop() else {
            // It is woken for steps that the other thread takes, too.
            park_timeout(REST);
            if worked_at.elapsed() >= REST {
                reading = None;
                link.memory.rest(FORGET);
            }
            continue;
        };
        let Job { id, mut work, cancel } = job;
        // Whose client has gone is not worked on, but told like the rest: it is counted there.
        let piece = if cancel.is_set() {
            Piece { head: None, bytes: Vec::new(), next: Next::Break }
        } else {
            let open = reading
                .get_or_insert_with(|| Reading::with(link.store.clone(), link.memory.clone()));
            match guard(None, || Some(work.step(open, &cancel))) {
                Some(piece) => piece,
                None => {
                    reading = None;
                    work.broken(Problem::failed("a bug was caught while reading"))
                }
            }
        };
        worked_at = Instant::now();
        // There is room for the steps of all exchanges.
        let _ = link.done.push(Done { id, work, piece });
        let _ = (&link.wake).write(&1_u64.to_ne_bytes());
    }
}
