//! Giving up arguments and results of a past day, to keep the rest of it.
//!
//! SQLite gives freed pages back to the file system only by rewriting the file. So the day is
//! copied without its payloads, slice by slice, into a second file that then takes its place: a
//! quarter of the room, and no moment at which the day is missing.

use crate::directory::{Directory, size_of_file, with_suffix};
use crate::failure::Failure;
use crate::schema;
use rusqlite::{Connection, OpenFlags, params};
use std::path::{Path, PathBuf};

/// Calls copied in one step: about 50 ms.
const CALLS_A_STEP: i64 = 10_000;
/// Tables that are copied as they are, in one step each.
const TABLES: [&str; 16] = [
    "servers",
    "actors",
    "kinds",
    "parts",
    "runs",
    "tallies",
    "part_actors",
    "blocks",
    "loads",
    "minutes",
    "events",
    "pending",
    "answers",
    "rounds",
    "attack_rows",
    "writers",
];

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is more to copy.
    More,
    /// Somebody wrote into the day meanwhile; begin anew.
    Again,
    /// The copy has taken the day's place.
    Done {
        /// Calls in it.
        calls: u64,
    },
}

/// A copy being made.
#[derive(Debug)]
pub(crate) struct Shedding {
    day: i32,
    path: PathBuf,
    copy_path: PathBuf,
    /// The copy, with the day attached as `old`.
    copy: Connection,
    data_version: i64,
    table: usize,
    last_call: i64,
    calls: u64,
}

/// Whether the day's payloads were given up before.
pub(crate) fn is_shed(path: &Path) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    Connection::open_with_flags(path, flags)
        .and_then(|connection| {
            connection
                .prepare("SELECT 1 FROM meta WHERE key = 'payloads_shed'")
                .and_then(|mut statement| statement.exists(()))
        })
        .unwrap_or(false)
}

impl Shedding {
    /// Begins with a day that nobody writes any more.
    pub(crate) fn begin(directory: &Directory, day: i32) -> Result<Self, Failure> {
        let path = directory.day_file(day);
        let copy_path = with_suffix(&path, ".shedding");
        let what = copy_path.display().to_string();
        for suffix in ["", "-journal"] {
            let _ = std::fs::remove_file(with_suffix(&copy_path, suffix));
        }
        directory.create(&copy_path).map_err(|error| Failure::io(&what, &error))?;
        let sqlite = |error: &rusqlite::Error| Failure::sqlite(&what, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let copy =
            Connection::open_with_flags(&copy_path, flags).map_err(|error| sqlite(&error))?;
        copy.execute_batch("PRAGMA page_size = 8192; PRAGMA synchronous = NORMAL")
            .map_err(|error| sqlite(&error))?;
        schema::DAY.apply(&copy, |_| Ok(())).map_err(|error| Failure::schema(&what, &error))?;
        // The tables are copied column by column, so both have to be of the same version.
        Connection::open_with_flags(&path, flags).map_err(|error| sqlite(&error)).and_then(
            |old| {
                let filled = schema::DAY.apply(&old, |_| Ok(()));
                filled.map_err(|error| Failure::schema(&what, &error))
            },
        )?;
        let old = path.to_str().unwrap_or_default();
        copy.execute("ATTACH ?1 AS old", [old]).map_err(|error| sqlite(&error))?;
        let data_version = version_of(&copy).map_err(|error| sqlite(&error))?;
        Ok(Self { day, path, copy_path, copy, data_version, table: 0, last_call: 0, calls: 0 })
    }

    /// The day.
    pub(crate) fn day(&self) -> i32 {
        self.day
    }

    /// Copies a slice; after the last one, the copy takes the day's place.
    pub(crate) fn step(&mut self, directory: &Directory) -> Result<Step, Failure> {
        let done = self.copy_slice();
        let is_copied = done.map_err(|error| {
            let failure = Failure::sqlite(&self.copy_path.display().to_string(), &error);
            let _ = std::fs::remove_file(&self.copy_path);
            failure
        })?;
        if !is_copied {
            return Ok(Step::More);
        }
        let is_same = version_of(&self.copy).is_ok_and(|version| version == self.data_version)
            && size_of_file(&with_suffix(&self.path, "-wal")) == 0
            && directory.is_same();
        let _ = self.copy.execute_batch("DETACH old");
        if !is_same {
            let _ = std::fs::remove_file(&self.copy_path);
            return Ok(Step::Again);
        }
        std::fs::rename(&self.copy_path, &self.path)
            .map_err(|error| Failure::io(&self.copy_path.display().to_string(), &error))?;
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(with_suffix(&self.path, suffix));
        }
        Ok(Step::Done { calls: self.calls })
    }

    fn copy_slice(&mut self) -> rusqlite::Result<bool> {
        if let Some(table) = TABLES.get(self.table) {
            self.copy
                .execute(&format!("INSERT INTO main.{table} SELECT * FROM old.{table}"), ())?;
            self.table += 1;
            return Ok(false);
        }
        // The columns by name: a file that was migrated may have them in another order.
        let copied = self.copy.execute(
            "INSERT INTO main.call_rows (call, part, actor, kind, step, at, duration_us, \
             first_event_us, notifications, bytes_in, bytes_out, flags, rpc_id, request_id, \
             continues, error_message, extra) \
             SELECT call, part, actor, kind, step, at, duration_us, first_event_us, \
             notifications, bytes_in, bytes_out, flags | 4, rpc_id, request_id, continues, \
             error_message, extra FROM old.call_rows WHERE call > ?1 ORDER BY call LIMIT ?2",
            params![self.last_call, CALLS_A_STEP],
        )?;
        if copied > 0 {
            self.calls += copied as u64;
            self.last_call =
                self.copy
                    .query_row("SELECT max(call) FROM main.call_rows", (), |row| row.get(0))?;
            return Ok(false);
        }
        self.copy.execute_batch(
            "INSERT OR REPLACE INTO main.meta SELECT * FROM old.meta; \
             INSERT OR REPLACE INTO main.meta (key, value) VALUES ('payloads_shed', 1)",
        )?;
        Ok(true)
    }
}

fn version_of(copy: &Connection) -> rusqlite::Result<i64> {
    copy.query_row("PRAGMA old.data_version", (), |row| row.get(0))
}
