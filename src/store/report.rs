//! What the store reports to its caller.

use record::{AttackKind, Outcome, Reason};

/// How many outcomes there are.
pub const OUTCOMES: usize = Outcome::ALL.len();

/// How many types of attacks there are.
pub const ATTACK_KINDS: usize = AttackKind::ALL.len();

/// What a committed batch wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Exchanges counted by [`crate::Batch::count_exchange`].
    pub exchanges: u64,
    /// New calls. The sum of `by_outcome`.
    pub calls: u64,
    /// New calls by the outcome they had at the commit, in the order of [`Outcome::ALL`].
    pub by_outcome: [u64; OUTCOMES],
    /// Calls of earlier batches that were pending until this one, by what came of them.
    pub completed: [u64; OUTCOMES],
    /// Events of sessions.
    pub events: u64,
    /// Session parts that were opened.
    pub parts: u64,
    /// Whether what the catalogue holds in force has changed: [`crate::stored_tools`] gives more.
    pub catalog_changed: bool,
    /// Attacks, in the order of [`AttackKind::ALL`].
    pub attacks: [u64; ATTACK_KINDS],
    /// Attacks that are in no row: a call had too many of them, or the day has.
    pub attacks_left_out: u64,
    /// Attacks stored without their request, because there are too many already.
    pub evidence_left_out: u64,
}

impl Committed {
    /// Counts a new call.
    pub(crate) fn count_call(&mut self, outcome: Outcome) {
        self.calls += 1;
        if let Some(count) = self.by_outcome.get_mut(outcome as usize) {
            *count += 1;
        }
    }
}

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct OpenError {
    /// Its reason, as counted.
    pub reason: Reason,
    /// What was tried, and what the system or SQLite said.
    pub message: String,
}

/// Why a batch cannot begin. Nothing was written, nothing is lost: offer the records again.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// Another writer or program holds the day's lock.
    #[error("the day file is locked by another program")]
    Busy,
    /// The day cannot be written now.
    #[error("{message}")]
    Failed {
        /// Its reason, as counted.
        reason: Reason,
        /// What was tried, and what the system or SQLite said.
        message: String,
    },
}

/// Why a batch was not written. It was rolled back as a whole.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CommitError {
    /// Its reason, as counted.
    pub reason: Reason,
    /// What was tried, and what the system or SQLite said.
    pub message: String,
}

/// Something an administrator should read in the error log, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether something was lost or is wrong, rather than only told.
    pub is_warning: bool,
    /// One line without control bytes.
    pub text: String,
}

/// What a round of upkeep found and did.
#[derive(Clone, Debug, Default)]
pub struct Upkeep {
    /// Whether this writer did the shared work this time (one writer at a time does).
    pub is_keeper: bool,
    /// Day files there are.
    pub days: u32,
    /// Bytes of all day files, their WAL files included.
    pub bytes: u64,
    /// Bytes of the open day's WAL file.
    pub wal_bytes: u64,
    /// Bytes free on the file system.
    pub free_bytes: u64,
    /// Day files removed because they were older than the retention.
    pub days_expired: u32,
    /// Day files removed for `max_size` or `min_free`.
    pub days_shed: u32,
    /// Day files of which only attacks were kept, for `max_size` or `min_free`.
    pub days_reduced: u32,
    /// Calls whose arguments and results were removed for `max_size` or `min_free`.
    pub payloads_shed: u64,
    /// Whether `max_size` or `min_free` is passed with nothing left to give up: batches are
    /// refused with `Reason::DiskFull` until there is room.
    pub is_full: bool,
    /// How often a new MCP server was kept under its host for want of room (see `SERVERS_MAX`).
    pub servers_refused: u64,
    /// Whether what the catalogue holds in force has changed: [`crate::stored_tools`] gives more.
    pub catalog_changed: bool,
    /// To be logged.
    pub notices: Vec<Notice>,
}

impl Notice {
    /// A warning, its control bytes replaced.
    pub(crate) fn warning(text: String) -> Self {
        let text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self { is_warning: true, text }
    }
}
