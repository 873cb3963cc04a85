//! The store's files, opened for reading.

use super::answer::Warning;
use super::limits::{DayError, Limits, QueryError};
use crate::directory::{DayEntry, Directory, FileIdentity, day_name, day_of, identity_of};
use crate::schema;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a query waits for a lock: a past day's file is locked while it is finished.
const LOCK_WAIT: Duration = Duration::from_millis(300);
/// Memory for pages, in kB, a day and reader.
const CACHE_KB: u32 = 4_096;
/// Prepared statements kept by a connection.
const STATEMENTS_MAX: usize = 64;

/// A day's file.
#[derive(Debug)]
struct DayFile {
    day: i32,
    identity: FileIdentity,
    connection: Connection,
    /// Of its schema when it was opened.
    version: i64,
    /// Whether nobody writes it any more: it has no WAL.
    is_finished: bool,
}

/// All of them; connections are kept.
#[derive(Debug)]
pub(crate) struct Files {
    path: PathBuf,
    open: Vec<DayFile>,
}

/// Why a file cannot be read, in words without its path.
#[derive(Debug)]
enum Unreadable {
    Gone,
    Because(String),
}

impl From<rusqlite::Error> for Unreadable {
    fn from(error: rusqlite::Error) -> Self {
        Self::Because(error.to_string())
    }
}

impl Files {
    /// Of a store's folder, which need not be there.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), open: Vec::new() }
    }

    /// The days on disk, the newest first.
    pub(crate) fn days(&mut self) -> Result<Vec<DayEntry>, QueryError> {
        let found = Directory::existing(&self.path).and_then(|directory| directory.days());
        let mut days = match found {
            Ok(days) => days,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(QueryError::Failed(format!("the store: {error}"))),
        };
        days.reverse();
        self.open.retain(|open| days.iter().any(|entry| entry.day == open.day));
        Ok(days)
    }

    /// Asks a day, in one transaction. `None`: it cannot be read; `warnings` says why.
    pub(crate) fn ask<T>(
        &mut self,
        day: i32,
        limits: &Limits<'_>,
        warnings: &mut Vec<Warning>,
        question: impl FnOnce(&Connection) -> Result<T, DayError>,
    ) -> Result<Option<T>, QueryError> {
        limits.check()?;
        let file = match self.file(day) {
            Ok(file) => file,
            Err(Unreadable::Gone) => return Ok(None),
            Err(Unreadable::Because(why)) => {
                warn(warnings, day, why);
                return Ok(None);
            }
        };
        let is_kept = file.is_finished || day >= day_of(limits.now);
        let answer = ask(file, limits, question);
        let is_failed = matches!(answer, Err(DayError::Sqlite(_)));
        if is_failed || !is_kept {
            // A past day that still has a WAL cannot be finished while it is open.
            self.open.retain(|open| open.day != day);
        }
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(DayError::Query(error)) => Err(error),
            Err(DayError::Sqlite(error)) if DayError::is_interrupt(&error) => {
                limits.check()?;
                Err(QueryError::TimedOut)
            }
            Err(DayError::Sqlite(error)) => {
                warn(warnings, day, error.to_string());
                Ok(None)
            }
        }
    }

    fn file(&mut self, day: i32) -> Result<&mut DayFile, Unreadable> {
        let path = self.path_of(day);
        let identity = identity_of(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Unreadable::Gone,
            _ => Unreadable::Because(error.to_string()),
        })?;
        self.open
            .retain(|open| open.day != day || open.identity == identity && !open.is_outdated());
        if !self.open.iter().any(|open| open.day == day) {
            let connection = connect(&path)?;
            let version = version_of(&connection)?;
            if version == 1 {
                connection.execute_batch(schema::DAY_1_AS_2)?;
            }
            if version <= 2 {
                connection.execute_batch(schema::DAY_2_AS_3)?;
            }
            let mode: String = connection.query_row("PRAGMA journal_mode", (), |row| row.get(0))?;
            let is_finished = !mode.eq_ignore_ascii_case("wal");
            self.open.push(DayFile { day, identity, connection, version, is_finished });
        }
        self.open.iter_mut().find(|open| open.day == day).ok_or(Unreadable::Gone)
    }

    /// Where a day's file is.
    pub(crate) fn path_of(&self, day: i32) -> PathBuf {
        self.path.join(format!("{}.db", day_name(day)))
    }

    /// Whether nobody writes a day any more that was just asked.
    pub(crate) fn is_finished(&self, day: i32) -> bool {
        self.open.iter().any(|open| open.day == day && open.is_finished)
    }

    /// Asks the catalogue. `None`: there is none, or it cannot be read.
    pub(crate) fn ask_catalog<T>(
        &self,
        warnings: &mut Vec<Warning>,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Option<T> {
        let path = self.path.join("catalog.db");
        if identity_of(&path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            return None;
        }
        let answer = connect(&path).and_then(|connection| question(&connection));
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                let warning = Warning { day: None, message: format!("the catalogue: {error}") };
                if !warnings.contains(&warning) {
                    warnings.push(warning);
                }
                None
            }
        }
    }
}

impl DayFile {
    /// Whether a writer has brought the file to a newer version meanwhile: what this connection
    /// made for itself would hide what is there now.
    fn is_outdated(&self) -> bool {
        self.version < schema::DAY.version()
            && version_of(&self.connection).is_ok_and(|version| version != self.version)
    }
}

fn ask<T>(
    file: &mut DayFile,
    limits: &Limits<'_>,
    question: impl FnOnce(&Connection) -> Result<T, DayError>,
) -> Result<T, DayError> {
    limits.watch(&mut file.connection)?;
    let answer = file
        .connection
        .execute_batch("BEGIN")
        .map_err(DayError::from)
        .and_then(|()| question(&file.connection));
    Limits::unwatch(&mut file.connection);
    // Reading leaves nothing to keep; an interrupted statement may have ended it already.
    let _ = file.connection.execute_batch("ROLLBACK");
    answer
}

fn warn(warnings: &mut Vec<Warning>, day: i32, message: String) {
    let warning = Warning { day: Some(day_name(day)), message };
    if !warnings.contains(&warning) {
        warnings.push(warning);
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.execute_batch(&format!(
        "PRAGMA cache_size = -{CACHE_KB}; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF"
    ))?;
    Ok(connection)
}

/// The version of a day's schema, if it is one that can be read.
fn version_of(connection: &Connection) -> Result<i64, Unreadable> {
    let pragma = |sql: &str| connection.query_row(sql, (), |row| row.get::<_, i64>(0));
    if pragma("PRAGMA application_id")? != schema::DAY_APPLICATION {
        return Err(Unreadable::Because("it is not a database of this program".to_owned()));
    }
    let version = pragma("PRAGMA user_version")?;
    if version > schema::DAY.version() {
        return Err(Unreadable::Because(format!(
            "it was written by a newer version of this program (schema {version})"
        )));
    }
    Ok(version)
}
