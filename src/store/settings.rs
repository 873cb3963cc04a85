//! What the store is told, and the limits it keeps by itself.

use std::path::PathBuf;

/// How much a commit waits for the disk (`sync=`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// A power cut may cost the newest commits; a killed process costs none.
    #[default]
    Normal,
    /// Every commit is on the disk before it counts as written.
    Full,
}

/// `mcp_sessions_store`, as one writer sees it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The store's directory. Made (0700) if it is missing and its parent is there.
    pub path: PathBuf,
    /// Whole days kept besides today.
    pub retention_days: u32,
    /// `max_size`: the most bytes all day files may have together; 0 for no bound.
    pub size_bytes_max: u64,
    /// `min_free`: the bytes to leave free on the file system; 0 for no bound.
    pub free_bytes_min: u64,
    /// `sync`.
    pub sync: Sync,
    /// This writer's id: unique among all writers that ever write to this store, for example
    /// host boot id, worker pid and start time. At most [`WRITER_BYTES_MAX`].
    pub writer: String,
}

/// The most bytes of a writer's id.
pub const WRITER_BYTES_MAX: usize = 128;

/// The most MCP servers a store knows. Further ones are kept under their bare host.
pub const SERVERS_MAX: u64 = 10_000;
