//! Lists into the catalogue: short transactions of their own, after the day's.

use super::limits::Counts;
use super::pending::{Item, Keys};
use super::slice::Slice;
use super::{Catalog, GENERATION, sql};
use crate::failure::Failure;
use record::Micros;
use rusqlite::Connection;
use std::time::{Duration, Instant};

/// How long a writer stays at it before it goes back to its day.
const LEARN_TIME_MAX: Duration = Duration::from_millis(40);
/// The pause after another writer was found at work, in microseconds.
const BUSY_PAUSE_US: i64 = 50_000;
/// The pause after a failure, in microseconds.
const FAILED_PAUSE_US: i64 = 60_000_000;

impl Catalog {
    /// Writes what waits, as far as that goes quickly. Returns whether what is in force has
    /// changed. A catalogue that another writer has locked is left for the next time.
    pub(crate) fn learn(&mut self, now: Micros) -> Result<bool, Failure> {
        let is_paused = now < self.pause_until && self.pause_until - now <= FAILED_PAUSE_US;
        if is_paused || self.queue.is_empty() {
            return Ok(false);
        }
        let began = Instant::now();
        let mut has_changed = false;
        while !self.queue.is_empty() && began.elapsed() < LEARN_TIME_MAX {
            match self.slice(now) {
                Ok(changed) => has_changed |= changed,
                Err(error) if crate::schema::is_busy(&error) => {
                    self.pause_until = now.saturating_add(BUSY_PAUSE_US);
                    break;
                }
                Err(error) => {
                    self.pause_until = now.saturating_add(FAILED_PAUSE_US);
                    return Err(self.failure(&error));
                }
            }
        }
        Ok(has_changed)
    }

    /// One transaction.
    fn slice(&mut self, now: Micros) -> rusqlite::Result<bool> {
        self.connection.busy_timeout(Duration::ZERO)?;
        let begun = self.connection.execute_batch("BEGIN IMMEDIATE");
        self.connection.busy_timeout(super::LOCK_WAIT)?;
        begun?;
        let Self { connection, keyed, memory, queue, .. } = self;
        let mut slice = Slice::new(connection, now);
        let written = queue.lists.front().map_or(Ok((0, true)), |pending| {
            let keys = Keys::new(keyed, &pending.server, pending.kind, pending.is_template);
            slice.list(pending, &keys, memory)
        });
        let committed = written.and_then(|written| {
            let mut counts = queue.left_out;
            counts.add_all(&slice.left_out);
            write_left_out(slice.connection, &counts)?;
            if slice.changed {
                slice.connection.prepare_cached(sql::NEXT_GENERATION)?.execute(())?;
            }
            slice.connection.execute_batch("COMMIT")?;
            Ok(written)
        });
        let (changed, known) = (slice.changed, slice.known);
        match committed {
            Ok((items, is_done)) => {
                queue.left_out = Counts::default();
                for (key, item) in known {
                    memory.know_item(key, item);
                }
                if let Some(pending) = queue.lists.front_mut() {
                    pending.is_noted = true;
                    let written: Vec<Item> = pending.items.drain(..items).collect();
                    written.iter().for_each(|item| queue.forget_item(item));
                }
                if is_done {
                    queue.drop_first();
                }
                if changed {
                    self.generation = generation(&self.connection).unwrap_or(self.generation);
                    // What one user's list replaced, another's may bring back.
                    self.memory.forget_of_differing();
                }
                Ok(changed)
            }
            Err(error) => {
                let _ = self.connection.execute_batch("ROLLBACK");
                Err(error)
            }
        }
    }

    /// Writes down what was left out, if nothing else is to be written.
    pub(crate) fn count_left_out(&mut self) {
        let is_written = self.queue.left_out.iter().next().is_none()
            || write_left_out(&self.connection, &self.queue.left_out).is_ok();
        if is_written {
            self.queue.left_out = Counts::default();
        }
    }

    /// Forgets what this writer knows if another one has changed the catalogue since.
    pub(super) fn notice_changes(&mut self) {
        let version = self
            .connection
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut statement| statement.query_row((), |row| row.get(0)));
        let Ok(version) = version else { return };
        if std::mem::replace(&mut self.data_version, version) == version {
            return;
        }
        let generation = generation(&self.connection).unwrap_or(i64::MIN);
        if std::mem::replace(&mut self.generation, generation) != generation {
            self.memory.clear();
        }
    }
}

/// The number of the last change of what is in force.
pub(super) fn generation(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached(GENERATION)?.query_row((), |row| row.get(0))
}

fn write_left_out(connection: &Connection, counts: &Counts) -> rusqlite::Result<()> {
    for (reason, count) in counts.iter() {
        connection
            .prepare_cached(sql::ADD_LEFT_OUT)?
            .execute((reason.as_str(), crate::page::signed(count)))?;
    }
    Ok(())
}
