//! What nobody lists or calls any more is forgotten.

use super::Catalog;
use super::limits::FORGOTTEN_AFTER_DAYS;
use crate::directory::{DAY_US, Directory, day_of};
use crate::schema;
use record::Micros;
use rusqlite::{Connection, OpenFlags};
use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often it is looked for, in microseconds.
const FORGET_EVERY_US: i64 = 3_600_000_000;
/// How long the look waits for another writer.
const LOCK_WAIT: Duration = Duration::from_millis(200);
/// A call is written down for a primitive that was neither listed nor called for this long, in
/// microseconds.
const CALLED_EVERY_US: i64 = DAY_US;
/// How long a writer stays at it before it goes back to its day.
const FORGET_TIME_MAX: Duration = Duration::from_millis(40);
/// Primitives that go in one transaction.
const FORGET_A_SLICE: i64 = 500;

/// What calls are known by: server, kind, name.
type Called = (String, String, String);

const STALE: &str = "SELECT p.primitive, s.name, p.kind, p.name FROM primitives p \
     JOIN servers s ON s.server = p.server \
     WHERE max(p.last_seen_at, ifnull(p.called_at, 0)) < ?1";
const CALLED: &str = "SELECT DISTINCT s.name, k.primitive_kind, k.primitive FROM loads l \
     JOIN servers s ON s.server = l.server JOIN kinds k ON k.kind = l.kind \
     WHERE k.primitive IS NOT NULL AND k.direction = 'client'";
const FORGET_PRIMITIVES: &str = "DELETE FROM primitives WHERE primitive IN \
     (SELECT primitive FROM primitives WHERE max(last_seen_at, ifnull(called_at, 0)) < ?1 \
     LIMIT ?2) RETURNING primitive, server";

impl Catalog {
    /// Forgets what was neither listed nor called for [`FORGOTTEN_AFTER_DAYS`]. Looks once an hour;
    /// one writer of a store does. Returns whether anything in force was.
    pub(crate) fn forget(&mut self, directory: &Directory, now: Micros) -> bool {
        if self.forgot_at.is_some_and(|at| (now - at).abs() < FORGET_EVERY_US) {
            return false;
        }
        // A clock that is wrong for a moment forgets nothing: two looks have to agree.
        let before = self.forgot_at.replace(now);
        if self.note_calls(directory, now).is_err() {
            return false;
        }
        let Some(before) = before else { return false };
        let oldest =
            now.min(before.saturating_add(2 * FORGET_EVERY_US)) - FORGOTTEN_AFTER_DAYS * DAY_US;
        let (mut has_forgotten, began) = (false, Instant::now());
        loop {
            if began.elapsed() > FORGET_TIME_MAX {
                // The rest goes in the next round.
                self.forgot_at = Some(now.saturating_sub(FORGET_EVERY_US));
                return has_forgotten;
            }
            match self.forget_slice(oldest) {
                Ok(0) => return has_forgotten,
                Ok(_) => has_forgotten = true,
                // Another writer is at work: the rest goes the next time.
                Err(_) => return has_forgotten,
            }
        }
    }

    /// Writes down which primitives that nobody lists are still called.
    fn note_calls(&mut self, directory: &Directory, now: Micros) -> rusqlite::Result<()> {
        let stale: Vec<(i64, Called)> = self
            .connection
            .prepare_cached(STALE)?
            .query_map([now.saturating_sub(CALLED_EVERY_US)], |row| {
                Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?)))
            })?
            .collect::<rusqlite::Result<_>>()?;
        if stale.is_empty() {
            return Ok(());
        }
        let today = day_of(now);
        for day in [today.saturating_sub(1), today] {
            // A day that cannot be read now is read in an hour.
            let called = called_on(&directory.day_file(day)).unwrap_or_default();
            let at = now.min(i64::from(day).saturating_add(1) * DAY_US);
            for (primitive, _) in stale.iter().filter(|(_, names)| called.contains(names)) {
                self.connection
                    .prepare_cached("UPDATE primitives SET called_at = ?2 WHERE primitive = ?1")?
                    .execute((primitive, at))?;
            }
        }
        Ok(())
    }

    /// Forgets some; returns how many.
    fn forget_slice(&mut self, oldest: Micros) -> rusqlite::Result<usize> {
        self.connection.busy_timeout(LOCK_WAIT)?;
        let begun = self.connection.execute_batch("BEGIN IMMEDIATE");
        self.connection.busy_timeout(super::LOCK_WAIT)?;
        begun?;
        match forget_some(&self.connection, oldest) {
            Ok(count) => {
                self.connection.execute_batch("COMMIT")?;
                if count > 0 {
                    self.memory.clear();
                }
                Ok(count)
            }
            Err(error) => {
                let _ = self.connection.execute_batch("ROLLBACK");
                Err(error)
            }
        }
    }
}

fn forget_some(connection: &Connection, oldest: Micros) -> rusqlite::Result<usize> {
    let gone: Vec<(i64, i64)> = connection
        .prepare_cached(FORGET_PRIMITIVES)?
        .query_map((oldest, FORGET_A_SLICE), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (primitive, server) in &gone {
        let bytes: i64 = connection
            .prepare_cached("DELETE FROM versions WHERE primitive = ?1 RETURNING bytes")?
            .query_map([primitive], |row| row.get::<_, i64>(0))?
            .sum::<rusqlite::Result<i64>>()?;
        connection
            .prepare_cached("UPDATE servers SET bytes = bytes - ?2 WHERE server = ?1")?
            .execute((server, bytes))?;
    }
    connection.prepare_cached("DELETE FROM lists WHERE seen_at < ?1")?.execute([oldest])?;
    let servers = connection
        .prepare_cached(
            "DELETE FROM servers WHERE last_seen_at < ?1 AND NOT EXISTS \
             (SELECT 1 FROM primitives p WHERE p.server = servers.server)",
        )?
        .execute([oldest])?;
    if !gone.is_empty() {
        connection.prepare_cached(super::sql::NEXT_GENERATION)?.execute(())?;
    }
    Ok(gone.len() + servers)
}

/// What was called on a day.
fn called_on(path: &Path) -> rusqlite::Result<HashSet<Called>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_WAIT)?;
    let version: i64 = connection.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    if version == 1 {
        connection.execute_batch(schema::DAY_1_AS_2)?;
    }
    connection
        .prepare(CALLED)?
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect()
}
