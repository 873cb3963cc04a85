//! One UTC day's file, opened for writing.

use crate::controls::Controls;
use crate::dictionary::Numbers;
use crate::directory::{Directory, FileIdentity, day_name, identity_of, with_suffix};
use crate::failure::Failure;
use crate::flood::Flood;
use crate::part::Parts;
use crate::{Sync, schema};
use record::Micros;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, params};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a batch waits for another writer's transaction, in milliseconds.
pub(crate) const LOCK_WAIT_MS: u64 = 50;
/// How long it waits for the lock of a day that is not the one it began with.
const OTHER_DAY_WAIT_MS: u64 = 2_000;
/// How long opening waits: another writer may be making the file.
const OPEN_WAIT_MS: u64 = 1_000;
/// Prepared statements kept by a connection: more than the writer has.
const STATEMENTS_MAX: usize = 64;
/// Of 4, 8 and 16 kB, pages of 8 kB cost the least for rows of 500 bytes next to scattered small
/// ones (docs/experiments/store.md).
const PAGE_BYTES: u32 = 8192;
/// Memory for pages, in kB, a writer and day.
const CACHE_KB: u32 = 16_384;
/// Pages in the WAL after which a commit copies them into the file: 40 MB.
const CHECKPOINT_PAGES: u32 = 5_000;
/// What is left of a WAL that grew beyond this while a reader held it, once it is begun anew: twice
/// what it grows to without one.
const WAL_BYTES_KEPT: u32 = 2 * CHECKPOINT_PAGES * PAGE_BYTES;

/// An open day file.
#[derive(Debug)]
pub(crate) struct Day {
    /// Days since the epoch.
    pub(crate) day: i32,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Which file it was when it was opened.
    pub(crate) identity: FileIdentity,
    /// Which file its WAL was when it was first written.
    wal_identity: Option<FileIdentity>,
    /// The connection. One thread uses it.
    pub(crate) connection: Connection,
    /// Whether it has a WAL, that is, was not finished yet.
    pub(crate) has_wal: bool,
    /// Whether a transaction is open.
    pub(crate) in_transaction: bool,
    /// The row of the next call, within a transaction.
    pub(crate) next_call: i64,
    /// Exchanges settled in the open transaction.
    pub(crate) exchanges: u64,
    /// Calls written in the open transaction.
    pub(crate) calls: u64,
    /// Whether answers wait for their calls; `None` before it was looked up in this transaction.
    pub(crate) has_answers: Option<bool>,
    /// When a batch last used it.
    pub(crate) used_at: Micros,
    /// Numbers of `actors`.
    pub(crate) actors: Numbers,
    /// Numbers of `kinds`.
    pub(crate) kinds: Numbers,
    /// Numbers of `servers`.
    pub(crate) servers: Numbers,
    /// Session parts.
    pub(crate) parts: Parts,
    /// Numbers of `controls`.
    pub(crate) controls: Controls,
    /// What was stored of blocked calls a moment ago.
    pub(crate) flood: Flood,
}

/// How the file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The present day's: made if it is missing, in WAL mode.
    Present,
    /// Another day's: as it is, and only if it is there.
    Existing,
}

impl Day {
    /// Opens, makes or migrates the file. `Ok(None)`: it is not there and was not to be made.
    pub(crate) fn open(
        directory: &Directory,
        day: i32,
        mode: Mode,
        sync: Sync,
        now: Micros,
    ) -> Result<Option<Self>, Failure> {
        let path = directory.day_file(day);
        let what = path.display().to_string();
        let io = |error: &std::io::Error| Failure::io(&what, error);
        let identity = match mode {
            Mode::Present => directory.create(&path).map_err(|error| io(&error))?,
            Mode::Existing => match identity_of(&path) {
                Ok(identity) => identity,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(io(&error)),
            },
        };
        let connection = connect(&path, mode, sync)
            .map_err(|error| Failure::sqlite(&format!("{what} cannot be opened"), &error))?;
        schema::DAY
            .apply(&connection, |connection| {
                let row = params!["day", day_name(day)];
                connection.execute("INSERT INTO meta (key, value) VALUES (?1, ?2)", row)?;
                let row = params!["created_at", now];
                connection.execute("INSERT INTO meta (key, value) VALUES (?1, ?2)", row)?;
                Ok(())
            })
            .map_err(|error| Failure::schema(&what, &error))?;
        connection
            .busy_timeout(Duration::from_millis(match mode {
                Mode::Present => LOCK_WAIT_MS,
                Mode::Existing => OTHER_DAY_WAIT_MS,
            }))
            .map_err(|error| Failure::sqlite(&what, &error))?;
        let has_wal = journal_mode(&connection)
            .map_err(|error| Failure::sqlite(&what, &error))?
            .eq_ignore_ascii_case("wal");
        Ok(Some(Self {
            day,
            has_wal,
            path,
            identity,
            wal_identity: None,
            connection,
            in_transaction: false,
            next_call: 1,
            exchanges: 0,
            calls: 0,
            has_answers: None,
            used_at: now,
            actors: Numbers::default(),
            kinds: Numbers::default(),
            servers: Numbers::default(),
            parts: Parts::default(),
            controls: Controls::default(),
            flood: Flood::default(),
        }))
    }

    /// Takes the day's write lock.
    pub(crate) fn begin(&mut self, now: Micros) -> Result<(), Failure> {
        if self.in_transaction {
            return Ok(());
        }
        let begun = self
            .connection
            .prepare_cached("BEGIN IMMEDIATE")
            .and_then(|mut statement| statement.execute(()));
        begun.map_err(|error| self.failure(&error))?;
        self.in_transaction = true;
        self.used_at = now;
        if self.has_wal && self.wal_identity.is_none() {
            self.wal_identity = identity_of(&with_suffix(&self.path, "-wal")).ok();
        }
        self.exchanges = 0;
        self.calls = 0;
        self.has_answers = None;
        let newest = self
            .connection
            .prepare_cached("SELECT max(call) FROM call_rows")
            .and_then(|mut statement| statement.query_row((), |row| row.get::<_, Option<i64>>(0)));
        match newest {
            Ok(newest) => {
                self.next_call = newest.unwrap_or(0).saturating_add(1);
                Ok(())
            }
            Err(error) => {
                let failure = self.failure(&error);
                self.rollback();
                Err(failure)
            }
        }
    }

    /// Ends the transaction, keeping it.
    pub(crate) fn commit(&mut self) -> Result<(), Failure> {
        let committed = self
            .connection
            .prepare_cached("COMMIT")
            .and_then(|mut statement| statement.execute(()));
        committed.map_err(|error| self.failure(&error))?;
        self.in_transaction = false;
        Ok(())
    }

    /// Ends the transaction, undoing it. What was remembered of it is void.
    pub(crate) fn rollback(&mut self) {
        if self.in_transaction {
            // SQLite may have rolled back by itself (disk full); then this is refused.
            let _ = self.connection.execute_batch("ROLLBACK");
            self.in_transaction = false;
        }
        self.actors.clear();
        self.kinds.clear();
        self.servers.clear();
        self.parts.clear();
        self.controls.clear();
        self.flood.clear();
    }

    /// Begins the WAL anew, if no reader needs it just now.
    pub(crate) fn restart_wal(&mut self) {
        // Without waiting: this is tried again in a moment.
        let _ = self.connection.busy_timeout(Duration::ZERO);
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
        let _ = self.connection.busy_timeout(Duration::from_millis(LOCK_WAIT_MS));
    }

    /// Whether the path still leads to the file that was opened, and the WAL's to its WAL.
    pub(crate) fn is_same(&self) -> bool {
        let is_at = |path: &Path, identity| identity_of(path).is_ok_and(|found| found == identity);
        is_at(&self.path, self.identity)
            && self.wal_identity.is_none_or(|wal| is_at(&with_suffix(&self.path, "-wal"), wal))
    }

    /// A failure of this file.
    pub(crate) fn failure(&self, error: &rusqlite::Error) -> Failure {
        Failure::sqlite(&self.path.display().to_string(), error)
    }
}

impl Drop for Day {
    fn drop(&mut self) {
        // SQLite's last connection removes the WAL by its name: which may be that of the file that
        // took this one's place, where another worker writes.
        if !self.is_same() {
            let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }
}

fn connect(path: &Path, mode: Mode, sync: Sync) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_millis(OPEN_WAIT_MS))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // Without this guarantee SQLite plans a statement anew whenever its values change.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let synchronous = match sync {
        Sync::Normal => "NORMAL",
        Sync::Full => "FULL",
    };
    connection.execute_batch(&format!(
        "PRAGMA page_size = {PAGE_BYTES}; PRAGMA synchronous = {synchronous}; \
         PRAGMA cache_size = -{CACHE_KB}; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}; \
         PRAGMA journal_size_limit = {WAL_BYTES_KEPT}; PRAGMA temp_store = MEMORY; \
         PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF"
    ))?;
    if mode == Mode::Present {
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    }
    Ok(connection)
}

/// Leaves a past day's file in a state that a reader without write access can open: no WAL.
/// Fails while another connection has it open.
pub(crate) fn finish(path: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::ZERO)?;
    if journal_mode(&connection)?.eq_ignore_ascii_case("delete") {
        return Ok(());
    }
    connection.query_row("PRAGMA journal_mode = DELETE", (), |_| Ok(()))
}

fn journal_mode(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("PRAGMA journal_mode", (), |row| row.get(0))
}
