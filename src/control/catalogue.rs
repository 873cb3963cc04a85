//! The tools of MCP servers with their compiled schemas, as one snapshot.
//!
//! A snapshot is made from the catalogue's database off the event loop, shares what did not change with
//! the one before, and never changes: the event loop swaps an `Arc` and looks tools up in it. Drop the
//! last `Arc` of a snapshot off the event loop too: freeing the schemas of 10,000 tools takes
//! milliseconds.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use protocol::Value;
use record::Micros;

use crate::schema::{
    Budget, Patterns, Refused, Schema, SchemaUnjudged, SchemaVerdict, UnknownArguments,
};

/// MCP servers of a snapshot.
pub const SERVERS_MAX: usize = 4096;
/// Tools of an MCP server in a snapshot.
pub const TOOLS_PER_SERVER_MAX: usize = 10_000;
/// Schemas of a tool: its current one and those it had before, the latest.
pub const VERSIONS_MAX: usize = 8;
/// Memory of a snapshot. Schemas that do not fit judge nothing ([`Refused::CatalogueFull`]).
pub const CATALOGUE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Memory of an entry in a hash table besides what it holds.
const ENTRY_BYTES: usize = 16;

/// A schema, or why there is none.
#[derive(Debug)]
struct Compiled {
    schema: Result<Schema, Refused>,
}

impl Compiled {
    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.schema.as_ref().map_or(0, Schema::memory_bytes)
    }
}

/// Stands for every schema that has no room.
static NO_ROOM: LazyLock<Arc<Compiled>> =
    LazyLock::new(|| Arc::new(Compiled { schema: Err(Refused::CatalogueFull) }));

/// What is known of a text: 128 bits of its BLAKE3 hash.
type TextHash = [u8; 16];

/// A snapshot.
#[derive(Debug, Default)]
pub struct Catalogue {
    servers: HashMap<Box<str>, Tools>,
    schemas: HashMap<TextHash, Arc<Compiled>>,
    /// What is answered for servers that had no room.
    others: Tools,
    figures: Figures,
}

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// MCP servers.
    pub servers: usize,
    /// Tools of all of them.
    pub tools: usize,
    /// Different schemas.
    pub schemas: usize,
    /// Schemas among them that judge nothing.
    pub refused: usize,
    /// Keywords and patterns of all schemas that were dropped.
    pub dropped: u64,
    /// Tools that had no room, because of [`SERVERS_MAX`] or [`TOOLS_PER_SERVER_MAX`].
    pub left_out: u64,
    /// Schemas that had no room ([`CATALOGUE_BYTES_MAX`]).
    pub without_room: u64,
    /// Memory of the snapshot, including what it shares with others.
    pub memory_bytes: usize,
}

impl Catalogue {
    /// An empty snapshot to be filled.
    #[must_use]
    pub fn builder() -> Builder<'static> {
        Builder { before: None, catalogue: Catalogue::default(), patterns: Patterns::default() }
    }

    /// An empty snapshot to be filled, which takes compiled schemas from this one.
    #[must_use]
    pub fn next(&self) -> Builder<'_> {
        Builder {
            before: Some(self),
            catalogue: Catalogue::default(),
            patterns: Patterns::default(),
        }
    }

    /// The tools that an MCP server has listed; `None` if it never listed any.
    #[must_use]
    pub fn tools(&self, server: &str) -> Option<&Tools> {
        let others = (self.others.left_out > 0).then_some(&self.others);
        self.servers.get(server).or(others)
    }

    /// What it holds.
    #[must_use]
    pub const fn figures(&self) -> Figures {
        self.figures
    }

    /// Memory that it takes, including what it shares with others.
    #[must_use]
    pub const fn memory_bytes(&self) -> usize {
        self.figures.memory_bytes
    }
}

/// Fills a snapshot.
#[derive(Debug)]
pub struct Builder<'b> {
    before: Option<&'b Catalogue>,
    catalogue: Catalogue,
    patterns: Patterns,
}

impl Builder<'_> {
    /// Adds a tool: its current schema as JSON text, empty for none, and the schemas it had before with
    /// the time at which each was replaced. Of a tool that is added twice the last counts.
    ///
    /// Compiles what neither this snapshot nor the one before has compiled.
    pub fn tool(
        &mut self,
        server: &str,
        name: &str,
        input_schema: &str,
        replaced: &[(&str, Micros)],
    ) {
        let has_server = self.catalogue.servers.contains_key(server);
        if !has_server && self.catalogue.servers.len() >= SERVERS_MAX {
            self.catalogue.others.left_out += 1;
            self.catalogue.figures.left_out += 1;
            return;
        }
        let count = self.catalogue.servers.get(server).map_or(0, Tools::len);
        let has_tool = self.catalogue.servers.get(server).is_some_and(|it| it.get(name).is_some());
        if count >= TOOLS_PER_SERVER_MAX && !has_tool {
            self.catalogue.figures.left_out += 1;
            if let Some(tools) = self.catalogue.servers.get_mut(server) {
                tools.left_out += 1;
            }
            return;
        }
        let mut latest: Vec<_> = replaced.iter().filter(|(schema, _)| !schema.is_empty()).collect();
        latest.sort_by_key(|(_, at)| std::cmp::Reverse(*at));
        latest.truncate(VERSIONS_MAX - 1);
        let replaced: Vec<_> =
            latest.into_iter().map(|(schema, at)| (self.schema(schema), *at)).collect();
        let current = (!input_schema.is_empty()).then(|| self.schema(input_schema));
        let figures = &mut self.catalogue.figures;
        if !has_server {
            figures.memory_bytes += server.len() + size_of::<(Box<str>, Tools)>() + ENTRY_BYTES;
        }
        if !has_tool {
            figures.tools += 1;
            figures.memory_bytes +=
                name.len() + size_of::<(Box<str>, Tool)>() + size_of_val(&*replaced) + ENTRY_BYTES;
        }
        let tools = self.catalogue.servers.entry(server.into()).or_default();
        tools.tools.insert(name.into(), Tool { current, replaced: replaced.into() });
    }

    fn schema(&mut self, text: &str) -> Arc<Compiled> {
        let hash = blake3::hash(text.as_bytes());
        let hash: TextHash = hash.as_bytes().first_chunk().copied().unwrap_or_default();
        if let Some(known) = self.catalogue.schemas.get(&hash) {
            return Arc::clone(known);
        }
        let before = self.before.and_then(|before| before.schemas.get(&hash)).cloned();
        let compiled = before.unwrap_or_else(|| {
            Arc::new(Compiled {
                schema: Schema::compile_sharing(text.as_bytes(), &mut self.patterns),
            })
        });
        let figures = &mut self.catalogue.figures;
        let bytes = compiled.memory_bytes() + size_of::<(TextHash, Arc<Compiled>)>() + ENTRY_BYTES;
        if figures.memory_bytes + bytes > CATALOGUE_BYTES_MAX {
            figures.without_room += 1;
            return Arc::clone(&NO_ROOM);
        }
        figures.memory_bytes += bytes;
        figures.schemas += 1;
        match &compiled.schema {
            Ok(schema) => figures.dropped += u64::from(schema.dropped()),
            Err(_) => figures.refused += 1,
        }
        self.catalogue.schemas.insert(hash, Arc::clone(&compiled));
        compiled
    }

    /// The snapshot.
    #[must_use]
    pub fn build(self) -> Catalogue {
        let mut catalogue = self.catalogue;
        catalogue.figures.servers = catalogue.servers.len();
        catalogue
    }
}

/// The tools of an MCP server.
#[derive(Debug, Default)]
pub struct Tools {
    tools: HashMap<Box<str>, Tool>,
    left_out: u32,
}

impl Tools {
    /// The tool of that name. `None` means that it was never listed only if
    /// [`Tools::is_complete`].
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tool> {
        self.tools.get(name)
    }

    /// Number of tools.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tools.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    /// False if tools had no room: of a name that is missing nothing can be said.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.left_out == 0
    }
}

/// A tool.
#[derive(Debug)]
pub struct Tool {
    current: Option<Arc<Compiled>>,
    /// The latest first.
    replaced: Box<[(Arc<Compiled>, Micros)]>,
}

impl Tool {
    /// Judges the `arguments` of a call by the current schema, and by those that were replaced less
    /// than `grace_us` microseconds before `now` or are other users' (`Micros::MAX`): one that takes
    /// them is enough. If none does, the
    /// violation is the current one's; if one could not be judged, none is certain.
    pub fn judge(
        &self,
        arguments: Option<Value<'_>>,
        unknown: UnknownArguments,
        grace_us: u64,
        now: Micros,
        budget: &mut Budget,
    ) -> SchemaVerdict {
        let mut verdict = match &self.current {
            Some(current) => by(current, arguments, unknown, budget),
            None => SchemaVerdict::Unjudged(SchemaUnjudged::NoSchema),
        };
        for (schema, replaced_at) in &self.replaced {
            // What is in force for another user has no age.
            let is_in_force = *replaced_at == Micros::MAX;
            let age_us = u64::try_from(now.saturating_sub(*replaced_at)).unwrap_or(0);
            if verdict == SchemaVerdict::Valid || age_us >= grace_us && !is_in_force {
                break;
            }
            match by(schema, arguments, unknown, budget) {
                SchemaVerdict::Valid => verdict = SchemaVerdict::Valid,
                SchemaVerdict::Invalid(_) => {}
                unjudged => verdict = unjudged,
            }
        }
        verdict
    }

    /// Why the current schema judges nothing.
    #[must_use]
    pub fn unjudged(&self) -> Option<SchemaUnjudged> {
        match &self.current {
            None => Some(SchemaUnjudged::NoSchema),
            Some(current) => current.schema.as_ref().err().copied().map(SchemaUnjudged::Refused),
        }
    }
}

fn by(
    compiled: &Compiled,
    arguments: Option<Value<'_>>,
    unknown: UnknownArguments,
    budget: &mut Budget,
) -> SchemaVerdict {
    match &compiled.schema {
        Ok(schema) => schema.judge(arguments, unknown, budget),
        Err(refused) => SchemaVerdict::Unjudged(SchemaUnjudged::Refused(*refused)),
    }
}

#[cfg(test)]
mod tests;
