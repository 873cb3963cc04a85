//! The days: partitions, writer, catalogue, retention.

mod actor;
mod answers;
mod attacks;
mod batch;
mod calls;
mod catalog;
mod committed;
mod controls;
mod day;
mod days;
mod dictionary;
mod directory;
mod failure;
mod flood;
mod flush;
#[cfg(test)]
mod full_disk;
mod kind;
mod page;
mod part;
mod place;
pub mod query;
mod report;
mod rollup;
mod schema;
mod settings;
mod shed;
mod upkeep;
mod writer;

pub use batch::Batch;
pub use catalog::{
    CATALOG_BYTES_MAX, CHANGES_AN_HOUR_MAX, DIFFER_DAYS, FORGOTTEN_AFTER_DAYS, LISTS_MAX, LeftOut,
    PENDING_BYTES_MAX, PRIMITIVES_MAX, SERVER_BYTES_MAX, StoredTool, StoredTools, VERSIONS_MAX,
    stored_tools,
};
pub use committed::committed_exchanges;
pub use report::{
    ATTACK_KINDS, BeginError, CommitError, Committed, Notice, OUTCOMES, OpenError, Upkeep,
};
pub use settings::{SERVERS_MAX, Settings, Sync, WRITER_BYTES_MAX};
pub use writer::Writer;
