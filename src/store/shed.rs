//! Giving up what counts least of a past day, to keep the rest of it: first arguments and results;
//! then everything but attacks, their calls and the session parts of these.
//!
//! SQLite gives freed pages back to the file system only by rewriting the file. So the day is
//! copied without what is given up, slice by slice, into a second file that then takes its place: a
//! quarter of the room, and no moment at which the day is missing.

use crate::directory::{Directory, size_of_file, with_suffix};
use crate::failure::Failure;
use crate::schema;
use rusqlite::{Connection, OpenFlags, params};
use std::path::{Path, PathBuf};

/// Calls copied in one step: about 50 ms.
const CALLS_A_STEP: i64 = 10_000;
/// Tables that are copied as they are, in one step each.
const TABLES: [&str; 22] = [
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
    "controls",
    "control_texts",
    "control_tallies",
    "attack_rows",
    "attack_calls",
    "attack_minutes",
    "evidence",
    "writers",
];
/// The same where only attacks stay.
const ATTACK_TABLES: [&str; 9] = [
    "servers",
    "controls",
    "control_texts",
    "control_tallies",
    "attack_rows",
    "attack_calls",
    "attack_minutes",
    "evidence",
    "writers",
];
/// What stays besides, in this order. Calls keep their numbers, so each is a run of its own. Sums
/// and rollups become those of the calls that stay; calls that were counted only stay counted.
const ATTACK_ROWS: [&str; 10] = [
    "INSERT INTO main.kinds SELECT * FROM old.kinds WHERE attacks <> ''",
    "INSERT INTO main.tallies SELECT * FROM old.tallies \
     WHERE kind IN (SELECT kind FROM main.kinds)",
    "INSERT INTO main.loads SELECT * FROM old.loads WHERE kind IN (SELECT kind FROM main.kinds)",
    "INSERT INTO main.parts SELECT * FROM old.parts WHERE part IN (SELECT part FROM main.tallies)",
    "INSERT INTO main.actors SELECT * FROM old.actors WHERE actor IN \
     (SELECT actor FROM main.tallies UNION SELECT actor FROM main.parts)",
    "INSERT INTO main.part_actors SELECT DISTINCT actor, part FROM main.tallies",
    "INSERT INTO main.call_rows (call, part, actor, kind, step, at, duration_us, first_event_us, \
     notifications, bytes_in, bytes_out, flags, rpc_id, request_id, error_message, extra) \
     SELECT call, part, actor, kind, 0, at, duration_us, first_event_us, notifications, bytes_in, \
     bytes_out, flags | 4, rpc_id, request_id, error_message, extra FROM old.call_rows \
     WHERE call IN (SELECT call FROM old.attack_calls)",
    "INSERT INTO main.runs (part, first_call, last_call, change, last_at) \
     SELECT c.part, c.call, c.call, 0, p.last_at FROM main.call_rows c \
     JOIN main.parts p ON p.part = c.part; \
     INSERT INTO main.blocks SELECT call / 1024, min(at), max(at), NULL FROM main.call_rows \
     GROUP BY 1",
    "INSERT INTO main.minutes \
     SELECT c.at / 60000000, p.server, count(*), \
     sum(k.outcome IN ('tool_error', 'rpc_error', 'http_error', 'aborted') \
     AND p.id_source <> 'none') FROM main.call_rows c JOIN main.parts p ON p.part = c.part \
     JOIN main.kinds k ON k.kind = c.kind GROUP BY 1, 2",
    "UPDATE main.parts SET (calls, errors) = (SELECT ifnull(sum(t.calls), 0), \
     ifnull(sum(t.calls * (k.outcome IN ('tool_error', 'rpc_error', 'http_error', 'aborted') \
     AND parts.id_source <> 'none')), 0) FROM main.tallies t JOIN main.kinds k \
     ON k.kind = t.kind WHERE t.part = parts.part)",
];

/// How much of a day is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// Arguments and results.
    Payloads,
    /// All but attacks, their calls and the session parts of these.
    Calls,
}

impl Share {
    /// What `meta` says of it.
    const fn note(self) -> &'static str {
        match self {
            Self::Payloads => "payloads_shed",
            Self::Calls => "calls_shed",
        }
    }

    const fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Payloads => &TABLES,
            Self::Calls => &ATTACK_TABLES,
        }
    }
}

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
        /// What it is without.
        share: Share,
    },
}

/// A copy being made.
#[derive(Debug)]
pub(crate) struct Shedding {
    day: i32,
    share: Share,
    path: PathBuf,
    copy_path: PathBuf,
    /// The copy, with the day attached as `old`.
    copy: Connection,
    data_version: i64,
    table: usize,
    last_call: i64,
    calls: u64,
}

/// Whether so much of the day was given up before.
pub(crate) fn is_shed(path: &Path, share: Share) -> bool {
    ask(path, |connection| {
        connection.prepare("SELECT 1 FROM meta WHERE key = ?1")?.exists([share.note()])
    })
}

/// Whether there are attacks in the day.
pub(crate) fn has_attacks(path: &Path) -> bool {
    ask(path, |connection| {
        // A day of an older version has a table of this name that is empty.
        connection.prepare("SELECT 1 FROM attack_rows LIMIT 1")?.exists(())
    })
}

fn ask(path: &Path, question: impl FnOnce(&Connection) -> rusqlite::Result<bool>) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    Connection::open_with_flags(path, flags)
        .and_then(|connection| question(&connection))
        .unwrap_or(false)
}

impl Shedding {
    /// Begins with a day that nobody writes any more.
    pub(crate) fn begin(directory: &Directory, day: i32, share: Share) -> Result<Self, Failure> {
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
        let (table, last_call, calls) = (0, 0, 0);
        Ok(Self { day, share, path, copy_path, copy, data_version, table, last_call, calls })
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
        Ok(Step::Done { calls: self.calls, share: self.share })
    }

    fn copy_slice(&mut self) -> rusqlite::Result<bool> {
        if let Some(table) = self.share.tables().get(self.table) {
            self.copy
                .execute(&format!("INSERT INTO main.{table} SELECT * FROM old.{table}"), ())?;
            self.table += 1;
            return Ok(false);
        }
        match self.share {
            Share::Payloads => {
                if self.copy_calls()? {
                    return Ok(false);
                }
            }
            Share::Calls => {
                let next = self.table - self.share.tables().len();
                if let Some(sql) = ATTACK_ROWS.get(next) {
                    self.copy.execute_batch(sql)?;
                    self.table += 1;
                    return Ok(false);
                }
            }
        }
        self.copy.execute_batch("INSERT OR REPLACE INTO main.meta SELECT * FROM old.meta")?;
        let note = "INSERT OR REPLACE INTO main.meta (key, value) VALUES (?1, 1)";
        self.copy.execute(note, [self.share.note()])?;
        Ok(true)
    }

    /// Copies some calls. `false`: there are no more.
    fn copy_calls(&mut self) -> rusqlite::Result<bool> {
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
        if copied == 0 {
            return Ok(false);
        }
        self.calls += copied as u64;
        self.last_call =
            self.copy.query_row("SELECT max(call) FROM main.call_rows", (), |row| row.get(0))?;
        Ok(true)
    }
}

fn version_of(copy: &Connection) -> rusqlite::Result<i64> {
    copy.query_row("PRAGMA old.data_version", (), |row| row.get(0))
}
