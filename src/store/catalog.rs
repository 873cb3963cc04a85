//! `catalog.db`: what outlives a day. MCP servers that were seen, what they offer, and the store's
//! secret key.

mod forget;
mod learn;
mod limits;
mod pending;
mod slice;
mod sql;
mod tools;

pub use limits::{
    CATALOG_BYTES_MAX, CHANGES_AN_HOUR_MAX, DIFFER_DAYS, FORGOTTEN_AFTER_DAYS, LISTS_MAX, LeftOut,
    PENDING_BYTES_MAX, PRIMITIVES_MAX, SERVER_BYTES_MAX, VERSIONS_MAX,
};
pub(crate) use slice::is_differing;
pub use tools::{StoredTool, StoredTools, stored_tools};

use self::pending::{Memory, Queue};
use crate::dictionary::Keyed;
use crate::directory::{Directory, FileIdentity, identity_of};
use crate::failure::Failure;
use crate::{SERVERS_MAX, schema};
use record::{Listing, Micros};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

/// Bytes of the store's secret key.
pub(crate) const KEY_BYTES: usize = 32;
/// How often a server's last sight is written down, in microseconds.
const SEEN_EVERY_US: i64 = 3_600_000_000;
/// How long a look at the catalogue waits for another writer.
const LOCK_WAIT: Duration = Duration::from_millis(20);
/// How long opening waits: another writer may be making the file.
const OPEN_WAIT_MS: u64 = 2_000;
const GENERATION: &str = "SELECT value FROM meta WHERE key = 'generation'";

/// The open catalogue.
#[derive(Debug)]
pub(crate) struct Catalog {
    connection: Connection,
    path: PathBuf,
    identity: FileIdentity,
    key: [u8; KEY_BYTES],
    /// Servers known to exist, with the time their sight was last written down.
    known: HashMap<String, Micros>,
    /// Servers refused because there are [`SERVERS_MAX`] already.
    refused: u64,
    /// Hashes by the catalogue's own key, so that all its writers make the same.
    keyed: Keyed,
    memory: Memory,
    queue: Queue,
    /// When lists may be written again after the catalogue was locked or failed.
    pause_until: Micros,
    /// SQLite's, as of the last look.
    data_version: i64,
    /// The catalogue's, as far as this writer knows.
    generation: i64,
    /// When it was last looked for what is to be forgotten.
    forgot_at: Option<Micros>,
}

impl Catalog {
    /// Opens or makes it.
    pub(crate) fn open(directory: &Directory) -> Result<Self, Failure> {
        let path = directory.file("catalog.db");
        let what = path.display().to_string();
        let identity = directory.create(&path).map_err(|error| Failure::io(&what, &error))?;
        let sqlite = |error: &rusqlite::Error| Failure::sqlite(&what, error);
        let connection = connect(&path).map_err(|error| sqlite(&error))?;
        schema::CATALOG
            .apply(&connection, |connection| {
                // SQLite's generator is seeded by the system's.
                let key = "INSERT INTO meta (key, value) VALUES ('key', randomblob(32))";
                connection.execute(key, ()).map(|_| ())
            })
            .map_err(|error| Failure::schema(&what, &error))?;
        let key: Vec<u8> = connection
            .query_row("SELECT value FROM meta WHERE key = 'key'", (), |row| row.get(0))
            .map_err(|error| sqlite(&error))?;
        let key = key.try_into().map_err(|_| Failure {
            reason: record::Reason::StoreFailed,
            message: format!("{what}: its key is damaged"),
            is_busy: false,
            is_damage: true,
        })?;
        connection.busy_timeout(LOCK_WAIT).map_err(|error| sqlite(&error))?;
        Ok(Self {
            connection,
            path,
            identity,
            key,
            known: HashMap::new(),
            refused: 0,
            keyed: Keyed::new(&key),
            memory: Memory::default(),
            queue: Queue::default(),
            pause_until: Micros::MIN / 2,
            data_version: -1,
            generation: -1,
            forgot_at: None,
        })
    }

    /// The store's secret key.
    pub(crate) fn key(&self) -> [u8; KEY_BYTES] {
        self.key
    }

    /// Whether the path still leads to the file that was opened.
    pub(crate) fn is_same(&self) -> bool {
        identity_of(&self.path).is_ok_and(|identity| identity == self.identity)
    }

    /// Takes over what another catalogue, in whose place this one is, had not written yet.
    pub(crate) fn inherit(&mut self, before: &mut Self) {
        self.queue = std::mem::take(&mut before.queue);
        self.queue.begin_anew();
        self.refused = before.refused;
    }

    /// What went wrong, with the catalogue's path.
    pub(crate) fn failure(&self, error: &rusqlite::Error) -> Failure {
        Failure::sqlite(&self.path.display().to_string(), error)
    }

    /// Its path, and the file that was opened there.
    pub(crate) fn place(&self) -> (PathBuf, FileIdentity) {
        (self.path.clone(), self.identity)
    }

    /// Takes a list, to be written by [`Catalog::learn`].
    pub(crate) fn listed(&mut self, server: &str, listing: &Listing<'_>, now: Micros) {
        if !self.see(server, now) {
            return;
        }
        self.notice_changes();
        self.queue.take(&mut self.memory, &self.keyed, server, listing);
    }

    /// How many times a new server was refused for want of room.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    /// Whether a server of this name has proven itself, here or in another worker.
    pub(crate) fn knows(&mut self, name: &str) -> bool {
        if self.known.contains_key(name) {
            return true;
        }
        let seen = self
            .connection
            .prepare_cached("SELECT last_seen_at FROM servers WHERE name = ?1")
            .and_then(|mut statement| statement.query_row([name], |row| row.get(0)).optional());
        match seen {
            Ok(Some(seen_at)) => {
                self.known.insert(name.to_owned(), seen_at);
                true
            }
            _ => false,
        }
    }

    /// Notes that a server was seen. `false`: it is new and there is no room for another.
    pub(crate) fn see(&mut self, name: &str, now: Micros) -> bool {
        let seen_at = self.known.get(name).copied();
        if seen_at.is_some_and(|seen_at| now.saturating_sub(seen_at) < SEEN_EVERY_US) {
            return true;
        }
        if seen_at.is_none() && !self.knows(name) && self.is_full() {
            self.refused = self.refused.saturating_add(1);
            self.queue.left_out.add(LeftOut::Servers, 1);
            return false;
        }
        // A catalogue that cannot be written now must not cost a record: the server counts as
        // known here, and the next sight writes it down.
        let written = self
            .connection
            .prepare_cached(
                "INSERT INTO servers (name, first_seen_at, last_seen_at) VALUES (?1, ?2, ?2) \
                 ON CONFLICT (name) DO UPDATE SET last_seen_at = max(last_seen_at, ?2)",
            )
            .and_then(|mut statement| statement.execute(params![name, now]));
        let seen_at = if written.is_ok() { now } else { now - SEEN_EVERY_US + 1_000_000 };
        self.known.insert(name.to_owned(), seen_at);
        true
    }

    fn is_full(&self) -> bool {
        let max = usize::try_from(SERVERS_MAX).unwrap_or(usize::MAX);
        let count = self
            .connection
            .prepare_cached("SELECT count(*) FROM servers")
            .and_then(|mut statement| statement.query_row((), |row| row.get::<_, i64>(0)));
        self.known.len() >= max || count.is_ok_and(|count| count.unsigned_abs() >= SERVERS_MAX)
    }
}

fn connect(path: &std::path::Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_millis(OPEN_WAIT_MS))?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.execute_batch(
        "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF",
    )?;
    Ok(connection)
}
