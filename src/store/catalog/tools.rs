//! The tools that MCP servers offer, for whoever judges calls to them.

use crate::OpenError;
use crate::directory::DAY_US;
use crate::failure::Failure;
use record::Micros;
use rusqlite::{Connection, OpenFlags};
use rustc_hash::FxHashMap;
use std::path::Path;
use std::time::Duration;

/// How long a version that was replaced is told, in microseconds: longer than any grace time.
const REPLACED_TOLD_US: i64 = DAY_US;
/// How long the look waits for a lock.
const LOCK_WAIT: Duration = Duration::from_millis(200);

/// A tool as the catalogue knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTool {
    /// The MCP server's name.
    pub server: String,
    /// Its name, as the server lists it.
    pub name: String,
    /// `inputSchema` as JSON text, as the server sent it; empty where it sent none, or one beyond
    /// the limit.
    pub input_schema: String,
    /// Other schemas with which it may still be called: those that were replaced within the last 24
    /// hours, with the time, the newest first; and, where lists differ per user, those of other
    /// users, with [`Micros::MAX`].
    pub replaced: Vec<(String, Micros)>,
}

/// All tools there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredTools {
    /// Grows with every change of what is in force.
    pub generation: i64,
    /// By server and name.
    pub tools: Vec<StoredTool>,
}

/// Reads the tools of a store, through a connection of its own: any thread may do so. `None` where
/// the catalogue is still at `known`, a generation that an earlier call gave, or there is none.
pub fn stored_tools(
    path: &Path,
    known: Option<i64>,
    now: Micros,
) -> Result<Option<StoredTools>, OpenError> {
    let path = path.join("catalog.db");
    let what = path.display().to_string();
    match crate::directory::identity_of(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::io(&what, &error).into()),
        Ok(_) => {}
    }
    read(&path, known, now).map_err(|error| Failure::sqlite(&what, &error).into())
}

fn read(path: &Path, known: Option<i64>, now: Micros) -> rusqlite::Result<Option<StoredTools>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.execute_batch("PRAGMA trusted_schema = OFF; BEGIN")?;
    let version: i64 = connection.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    if version < 2 {
        return Ok(None);
    }
    let generation = super::learn::generation(&connection)?;
    if known == Some(generation) {
        return Ok(None);
    }
    let tools = tools(&connection, now)?;
    Ok(Some(StoredTools { generation, tools }))
}

/// Versions of tools in force or replaced not long ago, those of one tool together, the current
/// one first.
const TOOLS: &str = "SELECT p.primitive, s.name, p.name, v.input_schema, v.replaced_at \
     FROM primitives p JOIN servers s ON s.server = p.server \
     JOIN versions v ON v.primitive = p.primitive \
     WHERE p.kind = 'tool' AND (v.version = p.version OR v.replaced_at IS NULL \
     OR v.replaced_at > ?1) \
     ORDER BY s.name, p.name, v.version = p.version DESC, v.version DESC";

fn tools(connection: &Connection, now: Micros) -> rusqlite::Result<Vec<StoredTool>> {
    let mut tools: Vec<StoredTool> = Vec::new();
    let mut index: FxHashMap<i64, usize> = FxHashMap::default();
    let mut statement = connection.prepare(TOOLS)?;
    let mut rows = statement.query([now.saturating_sub(REPLACED_TOLD_US)])?;
    while let Some(row) = rows.next()? {
        let primitive: i64 = row.get(0)?;
        let schema: String = row.get(3)?;
        let replaced_at: Option<Micros> = row.get(4)?;
        match index.get(&primitive).and_then(|at| tools.get_mut(*at)) {
            Some(tool) => {
                let is_told = tool.input_schema == schema
                    || tool.replaced.iter().any(|(other, _)| *other == schema);
                if !is_told {
                    tool.replaced.push((schema, replaced_at.unwrap_or(Micros::MAX)));
                }
            }
            None => {
                index.insert(primitive, tools.len());
                tools.push(StoredTool {
                    server: row.get(1)?,
                    name: row.get(2)?,
                    input_schema: schema,
                    replaced: Vec::new(),
                });
            }
        }
    }
    Ok(tools)
}
