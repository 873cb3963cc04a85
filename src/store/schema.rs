//! The schema: versions, and how a file gets one.

use rusqlite::{Connection, Error, ErrorCode};

/// `application_id` of a day file: "MCPd".
pub(crate) const DAY_APPLICATION: i64 = 0x4d43_5064;
/// `application_id` of the catalogue: "MCPc".
pub(crate) const CATALOG_APPLICATION: i64 = 0x4d43_5063;
/// How a file of one kind comes to the newest version.
pub(crate) struct Schema {
    /// Its `application_id`.
    pub(crate) application: i64,
    /// `steps[n]` leads from version `n` to `n + 1`; the first one makes an empty file a database.
    /// Their number is the `user_version` of the files this program writes.
    pub(crate) steps: &'static [&'static str],
}

/// Of the day files.
pub(crate) const DAY: Schema =
    Schema { application: DAY_APPLICATION, steps: &[include_str!("schema/day.sql"), DAY_2, DAY_3] };
const DAY_2: &str = include_str!("schema/day_2.sql");
const DAY_3: &str = include_str!("schema/day_3.sql");
/// Of `catalog.db`.
pub(crate) const CATALOG: Schema = Schema {
    application: CATALOG_APPLICATION,
    steps: &[include_str!("schema/catalog.sql"), CATALOG_2],
};
const CATALOG_2: &str = include_str!("schema/catalog_2.sql");

/// What is wrong with a file's schema.
#[derive(Debug)]
pub(crate) enum SchemaError {
    /// It belongs to another program, or is damaged.
    Foreign,
    /// It was written by a newer version of this program.
    Newer(i64),
    /// SQLite failed.
    Sqlite(Error),
}

impl From<Error> for SchemaError {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

/// A connection's view of a day of version 1 as if it were of version 2, for readers.
pub(crate) const DAY_1_AS_2: &str = include_str!("schema/day_1_as_2.sql");
/// The same of a day of version 1 or 2 as if it were of version 3.
pub(crate) const DAY_2_AS_3: &str = include_str!("schema/day_2_as_3.sql");

impl Schema {
    /// The newest version.
    pub(crate) const fn version(&self) -> i64 {
        self.steps.len() as i64
    }

    /// Brings the file to the newest version, in one transaction; several programs may try at
    /// once. Returns whether the file was new. `fill` adds what a new file holds from the start.
    pub(crate) fn apply(
        &self,
        connection: &Connection,
        fill: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<bool, SchemaError> {
        if self.is_current(connection)? {
            return Ok(false);
        }
        connection.execute_batch("BEGIN IMMEDIATE")?;
        match self.steps_and_fill(connection, fill) {
            Ok(is_new) => {
                connection.execute_batch("COMMIT")?;
                Ok(is_new)
            }
            Err(error) => {
                let _ = connection.execute_batch("ROLLBACK");
                Err(error)
            }
        }
    }

    fn is_current(&self, connection: &Connection) -> Result<bool, SchemaError> {
        let version = pragma(connection, "PRAGMA user_version")?;
        let application = pragma(connection, "PRAGMA application_id")?;
        match (application == self.application, version) {
            (true, version) if version == self.version() => Ok(true),
            (true, version) if version > self.version() => Err(SchemaError::Newer(version)),
            (true, _) | (false, 0) => Ok(false),
            (false, _) => Err(SchemaError::Foreign),
        }
    }

    fn steps_and_fill(
        &self,
        connection: &Connection,
        fill: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<bool, SchemaError> {
        // Another program may have been faster.
        if self.is_current(connection)? {
            return Ok(false);
        }
        let version = pragma(connection, "PRAGMA user_version")?;
        if version == 0 && pragma(connection, "SELECT count(*) FROM sqlite_schema")? != 0 {
            return Err(SchemaError::Foreign);
        }
        for step in self.steps.iter().skip(usize::try_from(version).unwrap_or(0)) {
            connection.execute_batch(step)?;
        }
        connection.execute_batch(&format!(
            "PRAGMA application_id = {}; PRAGMA user_version = {}",
            self.application,
            self.version()
        ))?;
        if version == 0 {
            fill(connection)?;
        }
        Ok(version == 0)
    }
}

fn pragma(connection: &Connection, sql: &str) -> rusqlite::Result<i64> {
    connection.query_row(sql, (), |row| row.get(0))
}

/// Whether an error says that another connection holds a lock.
pub(crate) fn is_busy(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Whether an error says that the file is not, or no longer, a sound database.
pub(crate) fn is_damage(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
