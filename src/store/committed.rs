//! What a dead writer had written.

use crate::directory::{Directory, day_of};
use record::Micros;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// How many days back a writer's last batches may lie.
const DAYS_BACK: i32 = 8;
/// How long the look waits for a lock, in milliseconds.
const LOCK_WAIT_MS: u64 = 200;

/// How many exchanges a writer has committed, for the count of what a killed worker had not
/// written. `None` where no day file knows the writer or they cannot be read.
#[must_use]
pub fn committed_exchanges(path: &Path, writer: &str, now: Micros) -> Option<u64> {
    let directory = Directory::open(path).ok()?;
    let today = day_of(now);
    let mut sum: Option<u64> = None;
    let oldest = today.saturating_sub(DAYS_BACK);
    for entry in directory.days().ok()? {
        if entry.day < oldest {
            continue;
        }
        if let Some(exchanges) = committed_in(&directory.day_file(entry.day), writer) {
            sum = Some(sum.unwrap_or(0).saturating_add(exchanges));
        }
    }
    sum
}

fn committed_in(path: &Path, writer: &str) -> Option<u64> {
    // Read-write, because a reader may have to recover the WAL that a killed worker left.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags).ok()?;
    connection.busy_timeout(Duration::from_millis(LOCK_WAIT_MS)).ok()?;
    let exchanges: i64 = connection
        .query_row("SELECT exchanges FROM writers WHERE writer = ?1", [writer], |row| row.get(0))
        .ok()?;
    u64::try_from(exchanges).ok()
}
