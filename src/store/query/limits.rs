//! How long a query may take, and why it gave none or only a part.

use record::Micros;
use rusqlite::{Connection, ErrorCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use thiserror::Error;

/// Steps of SQLite's virtual machine between two looks at the clock: some 50 µs.
const STEPS_A_LOOK: std::ffi::c_int = 2_000;

/// What bounds one query.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// The present time; what is `open` or `idle` depends on it.
    pub now: Micros,
    /// The query is given up when this time has come.
    pub deadline: Instant,
    /// The query is given up when this is true: the client went away, or the worker exits.
    pub cancelled: &'a Arc<AtomicBool>,
}

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// It took longer than it may.
    #[error("the query took too long")]
    TimedOut,
    /// Nobody wants the answer any more.
    #[error("the query was cancelled")]
    Cancelled,
    /// There is no such part, call or server, or the view may not see it.
    #[error("there is no such thing")]
    NotFound,
    /// The cursor was not made by this query, or was made with other filters.
    #[error("the cursor does not belong to this list")]
    BadCursor,
    /// The file system or SQLite failed in a way that concerns all days.
    #[error("{0}")]
    Failed(String),
}

impl Limits<'_> {
    /// The error of a limit that is reached.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(QueryError::Cancelled);
        }
        if Instant::now() >= self.deadline {
            return Err(QueryError::TimedOut);
        }
        Ok(())
    }
}

impl Limits<'_> {
    /// Has SQLite look at the limits while it works for this connection.
    pub(crate) fn watch(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let (deadline, cancelled) = (self.deadline, Arc::clone(self.cancelled));
        connection.progress_handler(
            STEPS_A_LOOK,
            Some(move || cancelled.load(Ordering::Relaxed) || Instant::now() >= deadline),
        )
    }

    /// Ends what [`Limits::watch`] began.
    pub(crate) fn unwatch(connection: &mut Connection) {
        let _ = connection.progress_handler(0, None::<fn() -> bool>);
    }
}

/// Why a day gave no answer.
#[derive(Debug)]
pub(crate) enum DayError {
    /// The query as a whole ends.
    Query(QueryError),
    /// This day's file failed.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for DayError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<QueryError> for DayError {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl DayError {
    /// Whether SQLite was stopped by [`Limits::watch`].
    pub(crate) fn is_interrupt(error: &rusqlite::Error) -> bool {
        error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
    }
}
