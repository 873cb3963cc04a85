//! The days: partitions, writer, catalogue, retention.

mod report;
mod settings;
mod writer;

pub use report::{
    BeginError, CommitError, Committed, Notice, OUTCOMES, OpenError, Upkeep,
};
pub use settings::{SERVERS_MAX, Settings, Sync, WRITER_BYTES_MAX};
pub use writer::{Batch, Writer, committed_exchanges};
