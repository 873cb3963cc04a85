//! What went wrong, in the words the product counts in.

use crate::schema::{SchemaError, is_busy, is_damage};
use record::Reason;
use rusqlite::ErrorCode;

/// A failure of the store inside a batch or while opening.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// As counted.
    pub(crate) reason: Reason,
    /// What was tried, and what the system or SQLite said.
    pub(crate) message: String,
    /// Another connection holds the lock: trying again is all there is to do.
    pub(crate) is_busy: bool,
    /// The file is not, or no longer, a sound database.
    pub(crate) is_damage: bool,
}

impl Failure {
    /// Of SQLite, while doing `what`.
    pub(crate) fn sqlite(what: &str, error: &rusqlite::Error) -> Self {
        let reason = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Reason::DiskFull,
            _ => Reason::StoreFailed,
        };
        Self {
            reason,
            message: format!("{what}: {error}"),
            is_busy: is_busy(error),
            is_damage: is_damage(error),
        }
    }

    /// Of the file system, while doing `what`.
    pub(crate) fn io(what: &str, error: &std::io::Error) -> Self {
        let reason = match error.raw_os_error() {
            Some(libc::ENOSPC | libc::EDQUOT) => Reason::DiskFull,
            _ => Reason::StoreFailed,
        };
        let message = format!("{what}: {error}");
        Self { reason, message, is_busy: false, is_damage: false }
    }

    /// Of the schema, while doing `what`.
    pub(crate) fn schema(what: &str, error: &SchemaError) -> Self {
        let (message, is_damage) = match error {
            SchemaError::Sqlite(error) => return Self::sqlite(what, error),
            SchemaError::Foreign => (format!("{what}: is not a database of this program"), true),
            SchemaError::Newer(version) => (
                format!(
                    "{what}: was written by a newer version of this program (schema {version})"
                ),
                false,
            ),
        };
        Self { reason: Reason::StoreFailed, message, is_busy: false, is_damage }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}
