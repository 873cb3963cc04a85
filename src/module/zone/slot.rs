//! One worker's counters.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many workers, old and new of reloads together, can count at a time.
pub(crate) const SLOTS_MAX: usize = 256;
const REASONS: usize = record::Reason::ALL.len();
const OUTCOMES: usize = record::Outcome::ALL.len();
const ATTACKS: usize = record::AttackKind::ALL.len();
/// Numbers a side holds.
pub(crate) const COUNTERS: usize = FIRST_ATTACK + ATTACKS;
const FIRST_ATTACK: usize = FIRST_OUTCOME + OUTCOMES;
const FIRST_REASON: usize = 8;
const FIRST_OUTCOME: usize = FIRST_REASON + REASONS;
/// In `owner`: a sweeper works on it, whose pid is in the low bits.
const SWEEPING: u64 = 1 << 40;

/// What is counted, besides drops (by reason) and calls (by outcome).
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub(crate) enum Counter {
    /// Exchanges the event loop found worth recording.
    Handed = 0,
    /// Of those, recorded.
    Written = 1,
    /// Of those, found to hold nothing to record.
    Unrecorded = 2,
    /// Of those, lost with a worker that was killed.
    Killed = 3,
    /// Pieces of open streams that did not fit into the queue, though their exchange goes on.
    PiecesLost = 4,
    /// Bytes of bodies that passed without being kept.
    BytesLost = 5,
    /// Panics caught.
    Panics = 6,
    /// Transactions.
    Commits = 7,
}

/// Who counts: each side has one writer only, so that counting needs no locked instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    /// The worker's event loop.
    EventLoop,
    /// The worker's writer thread.
    Writer,
}

/// The numbers of one side, on cache lines of their own.
#[repr(C, align(64))]
struct Numbers([AtomicU64; COUNTERS]);

/// One worker's place in the zone.
#[repr(C, align(64))]
pub(crate) struct Slot {
    /// The worker's pid; 0 where the slot is free.
    owner: AtomicU64,
    /// When that process started, in clock ticks since boot: tells it from a later one that got
    /// the same pid.
    started: AtomicU64,
    /// The unique number its writer signs its transactions with.
    writer: AtomicU64,
    /// Exchanges that wait for another worker's records.
    waiting: AtomicU64,
    /// How long ago the oldest exchange of the last transaction had ended, in microseconds.
    lag_us: AtomicU64,
    event_loop: Numbers,
    by_writer: Numbers,
}

impl Slot {
    /// One that nobody reads, where there is no zone.
    pub(crate) fn unshared() -> &'static Self {
        // SAFETY: all-zero is valid for atomics, as nginx's own shared memory is.
        Box::leak(Box::new(unsafe { std::mem::zeroed() }))
    }

    /// Counts.
    #[inline]
    pub(crate) fn add(&self, side: Side, counter: Counter, n: u64) {
        self.bump(side, counter as usize, n);
    }

    /// Counts exchanges that are dropped.
    pub(crate) fn add_dropped(&self, side: Side, reason: record::Reason, n: u64) {
        self.bump(side, FIRST_REASON + reason as usize, n);
    }

    /// Counts calls by outcome: new ones, and those that were pending until now.
    pub(crate) fn add_calls(&self, new: &[u64; OUTCOMES], completed: &[u64; OUTCOMES]) {
        for (index, (new, completed)) in new.iter().zip(completed).enumerate() {
            self.bump(Side::Writer, FIRST_OUTCOME + index, new + completed);
        }
        let no_longer_pending = completed.iter().sum::<u64>().wrapping_neg();
        let pending = FIRST_OUTCOME + record::Outcome::Pending as usize;
        self.bump(Side::Writer, pending, no_longer_pending);
    }

    /// Counts attacks that were stored, by type.
    pub(crate) fn add_attacks(&self, attacks: &[u64; ATTACKS]) {
        for (index, count) in attacks.iter().enumerate().filter(|(_, count)| **count > 0) {
            self.bump(Side::Writer, FIRST_ATTACK + index, *count);
        }
    }

    /// Shows how many exchanges wait for another worker's records.
    pub(crate) fn show_waiting(&self, waiting: u64) {
        self.waiting.store(waiting, Ordering::Relaxed);
    }

    /// Shows how long the oldest exchange of a transaction had ended before its commit.
    pub(crate) fn show_lag(&self, lag_us: u64) {
        self.lag_us.store(lag_us, Ordering::Relaxed);
    }

    #[inline]
    fn bump(&self, side: Side, index: usize, n: u64) {
        let numbers = match side {
            Side::EventLoop => &self.event_loop,
            Side::Writer => &self.by_writer,
        };
        if let Some(number) = numbers.0.get(index) {
            // There is one thread that counts on this side: no read-modify-write is needed.
            number.store(number.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
        }
    }

    /// Transactions of its writer.
    pub(super) fn commits(&self) -> u64 {
        let number = self.by_writer.0.get(Counter::Commits as usize);
        number.map_or(0, |number| number.load(Ordering::Acquire))
    }

    /// The number its writer signs with.
    pub(super) fn writer(&self) -> u64 {
        self.writer.load(Ordering::Relaxed)
    }

    pub(super) fn is_used(&self) -> bool {
        self.owner.load(Ordering::Acquire) != 0
    }

    pub(super) fn claim(&self, writer: u64) -> bool {
        let pid = u64::from(std::process::id());
        if self.owner.compare_exchange(0, pid, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return false;
        }
        self.started.store(started_at(pid).unwrap_or(0), Ordering::Relaxed);
        self.writer.store(writer, Ordering::Release);
        true
    }

    pub(super) fn free(&self) {
        self.show_waiting(0);
        self.show_lag(0);
        self.writer.store(0, Ordering::Relaxed);
        self.started.store(0, Ordering::Relaxed);
        self.owner.store(0, Ordering::Release);
    }

    /// Takes the slot for sweeping, if its worker (or a sweeper before) is dead.
    pub(super) fn take_if_dead(&self) -> bool {
        let owner = self.owner.load(Ordering::Acquire);
        if owner == 0 || is_alive(owner & (SWEEPING - 1), self.started.load(Ordering::Relaxed)) {
            return false;
        }
        let mine = SWEEPING | u64::from(std::process::id());
        let is_taken =
            self.owner.compare_exchange(owner, mine, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if is_taken {
            let started = started_at(u64::from(std::process::id())).unwrap_or(0);
            self.started.store(started, Ordering::Relaxed);
        }
        is_taken
    }

    /// Settles a dead worker's exchanges: those its store has committed beyond what it still could
    /// count are written, the rest is returned.
    pub(super) fn settle_dead(&self, committed: Option<u64>) -> u64 {
        let mut snapshot = Snapshot::default();
        self.add_to(&mut snapshot);
        let counted = snapshot.written + snapshot.unrecorded;
        let uncounted = committed.unwrap_or(0).saturating_sub(counted).min(snapshot.queued());
        self.add(Side::Writer, Counter::Written, uncounted);
        snapshot.queued() - uncounted
    }

    pub(super) fn add_to(&self, snapshot: &mut Snapshot) {
        for side in [&self.event_loop, &self.by_writer] {
            for (index, number) in side.0.iter().enumerate() {
                snapshot.add(index, number.load(Ordering::Relaxed));
            }
        }
        snapshot.workers += 1;
        snapshot.waiting += self.waiting.load(Ordering::Relaxed);
        snapshot.lag_us = snapshot.lag_us.max(self.lag_us.load(Ordering::Relaxed));
    }

    pub(super) fn fold_into(&self, totals: &[AtomicU64; COUNTERS]) {
        for side in [&self.event_loop, &self.by_writer] {
            for (number, total) in side.0.iter().zip(totals) {
                total.fetch_add(number.swap(0, Ordering::Relaxed), Ordering::Relaxed);
            }
        }
    }
}

/// What the zone says, summed up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    /// Exchanges handed over.
    pub(crate) handed: u64,
    /// Of those, recorded.
    pub(crate) written: u64,
    /// Of those, found to hold nothing to record.
    pub(crate) unrecorded: u64,
    /// Of those, lost with a killed worker.
    pub(crate) killed: u64,
    /// Of those, dropped, in the order of `Reason::ALL`.
    pub(crate) dropped: [u64; REASONS],
    /// Calls written, in the order of `Outcome::ALL`.
    pub(crate) calls: [u64; OUTCOMES],
    /// Attacks stored, in the order of `AttackKind::ALL`.
    pub(crate) attacks: [u64; ATTACKS],
    /// Pieces of streams that did not fit into the queue.
    pub(crate) pieces_lost: u64,
    /// Bytes of bodies that passed without being kept.
    pub(crate) bytes_lost: u64,
    /// Panics caught.
    pub(crate) panics: u64,
    /// Transactions.
    pub(crate) commits: u64,
    /// Workers that count at the moment.
    pub(crate) workers: u64,
    /// Exchanges that wait for another worker's records (part of `queued`).
    pub(crate) waiting: u64,
    /// The largest lag of a writer, in microseconds.
    pub(crate) lag_us: u64,
}

impl Snapshot {
    /// Exchanges handed over and not settled yet.
    pub(crate) fn queued(&self) -> u64 {
        let dropped = self.dropped.iter().sum::<u64>();
        self.handed.saturating_sub(self.written + self.unrecorded + self.killed + dropped)
    }

    pub(super) fn add(&mut self, index: usize, n: u64) {
        let number = match index {
            0 => &mut self.handed,
            1 => &mut self.written,
            2 => &mut self.unrecorded,
            3 => &mut self.killed,
            4 => &mut self.pieces_lost,
            5 => &mut self.bytes_lost,
            6 => &mut self.panics,
            7 => &mut self.commits,
            FIRST_REASON..FIRST_OUTCOME => {
                let Some(number) = self.dropped.get_mut(index - FIRST_REASON) else { return };
                number
            }
            FIRST_ATTACK.. => {
                let Some(number) = self.attacks.get_mut(index - FIRST_ATTACK) else { return };
                number
            }
            _ => {
                let Some(number) = self.calls.get_mut(index - FIRST_OUTCOME) else { return };
                number
            }
        };
        *number = number.wrapping_add(n);
    }
}

/// Whether the process that had this pid and start time still runs.
fn is_alive(pid: u64, started: u64) -> bool {
    let Ok(pid_t) = libc::pid_t::try_from(pid) else { return false };
    // SAFETY: signal 0 is only a question.
    let answer = unsafe { libc::kill(pid_t, 0) };
    if answer != 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH) {
        return false;
    }
    // Where there is no /proc, a process with this pid is taken for the worker.
    started == 0 || started_at(pid).is_none_or(|now| now == started)
}

/// Field 22 of `/proc/<pid>/stat`.
fn started_at(pid: u64) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name, in parentheses, may itself hold spaces and parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}
