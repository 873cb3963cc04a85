//! The read side: questions about the days, answered by read-only connections.
//!
//! No list reads calls one by one: filters on calls are answered by `tallies`, which counts calls
//! by part, hour, actor and kind, so that they hold on one and the same call. Every query reads
//! each day in one short transaction of its own.

mod agents;
mod answer;
mod attacks;
mod call;
mod calls;
mod changes;
mod controls;
mod cursor;
mod facets;
mod files;
mod filter;
mod id;
mod limits;
mod memory;
mod offered;
mod parts;
mod primitives;
mod scan;
mod selection;
mod servers;
mod session;
mod sessions;
mod sorted;
mod summary;
mod timeline;

pub use answer::*;
pub use controls::control_kind;
pub use filter::{FILTER_VALUE_BYTES_MAX, FILTER_VALUES_MAX, Filter, Scope, State};
pub use id::{AttackId, CallId, NoId, PartId, Time};
pub use limits::{Limits, QueryError};
pub use memory::Memory;
pub use scan::{Carried, Recorded, ScannedActor, ScannedCall, ScannedKind, StoredDay};
pub use summary::*;

use crate::directory::day_of;
use std::path::Path;

/// The most items of a page.
pub const PAGE_ITEMS_MAX: usize = 500;
/// The most names in a row: users, methods, primitives of a session part.
pub const NAMES_MAX: usize = 10;
/// The most events of a session that are shown.
pub const EVENTS_MAX: usize = 200;
/// The most calls linked to one.
pub const LINKED_MAX: usize = 100;
/// Values of a facet where no number was given.
pub const FACET_VALUES_DEFAULT: usize = 50;

/// How calls are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The newest first, in the order of recording.
    #[default]
    Newest,
    /// The longest first.
    Duration,
    /// The most bytes (request and answer) first.
    Bytes,
}

/// Reads the days of a store. One thread uses it; it keeps its connections.
#[derive(Debug)]
pub struct Reader {
    files: files::Files,
    scope: Scope,
    memory: Memory,
}

impl Reader {
    /// A reader of the store in this folder, confined to some servers. The folder need not be
    /// there yet. Opens nothing.
    #[must_use]
    pub fn open(path: &Path, scope: Scope) -> Self {
        Self::open_with(path, scope, Memory::default())
    }

    /// The same, with what other readers of this store have summed up.
    #[must_use]
    pub fn open_with(path: &Path, scope: Scope, memory: Memory) -> Self {
        Self { files: files::Files::new(path), scope, memory }
    }

    /// The days on disk that may hold what lies in a filter's time, the newest first. The days
    /// next to it as well: a call may end, or a stream go on, after its day.
    fn days_of(&mut self, filter: &Filter) -> Result<Vec<i32>, QueryError> {
        let first = filter.from.map_or(i32::MIN, |from| day_of(from).saturating_sub(1));
        let last = filter.to.map_or(i32::MAX, |to| day_of(to).saturating_add(1));
        let days = self.files.days()?.into_iter().map(|entry| entry.day);
        Ok(days.filter(|day| (first..=last).contains(day)).collect())
    }
}
