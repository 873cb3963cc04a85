//! The read side: questions about the days, answered by read-only connections.
//!
//! No list reads calls one by one: filters on calls are answered by `tallies`, which counts calls
//! by part, hour, actor and kind, so that they hold on one and the same call. Every query reads
//! each day in one short transaction of its own.

mod answer;
mod filter;
mod id;
mod limits;

pub use answer::*;
pub use filter::{FILTER_VALUE_BYTES_MAX, FILTER_VALUES_MAX, Filter, Scope, State};
pub use id::{AttackId, CallId, NoId, PartId, Time};
pub use limits::{Limits, QueryError};

use record::Micros;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

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
    path: PathBuf,
    scope: Scope,
}

impl Reader {
    /// A reader of the store in this folder, confined to some servers. The folder need not be
    /// there yet. Opens nothing.
    #[must_use]
    pub fn open(path: &Path, scope: Scope) -> Self {
        Self { path: path.to_owned(), scope }
    }

    /// Session parts: the newest day first, within a day the newest activity first. Pages neither
    /// repeat nor skip parts that move up meanwhile.
    pub fn sessions(
        &mut self,
        filter: &Filter,
        page: PageRequest<'_>,
        limits: &Limits<'_>,
    ) -> Result<List<SessionPart>, QueryError> {
        Err(QueryError::NotFound)
    }

    /// One session part.
    pub fn session(
        &mut self,
        id: PartId,
        limits: &Limits<'_>,
    ) -> Result<Found<Session>, QueryError> {
        Err(QueryError::NotFound)
    }

    /// The calls of a session part in order of recording, those on which the filters hold.
    /// `with_payloads`: with arguments and results.
    pub fn session_calls(
        &mut self,
        id: PartId,
        filter: &Filter,
        page: PageRequest<'_>,
        with_payloads: bool,
        limits: &Limits<'_>,
    ) -> Result<List<Call>, QueryError> {
        Err(QueryError::NotFound)
    }

    /// Calls.
    pub fn calls(
        &mut self,
        filter: &Filter,
        sort: Sort,
        page: PageRequest<'_>,
        with_payloads: bool,
        limits: &Limits<'_>,
    ) -> Result<List<Call>, QueryError> {
        Err(QueryError::NotFound)
    }

    /// One call.
    pub fn call(
        &mut self,
        id: CallId,
        limits: &Limits<'_>,
    ) -> Result<Found<CallDetail>, QueryError> {
        Err(QueryError::NotFound)
    }

    /// Attacks, the newest first.
    pub fn attacks(
        &mut self,
        filter: &Filter,
        page: PageRequest<'_>,
        limits: &Limits<'_>,
    ) -> Result<List<Attack>, QueryError> {
        Err(QueryError::NotFound)
    }

    /// One attack.
    pub fn attack(
        &mut self,
        id: AttackId,
        limits: &Limits<'_>,
    ) -> Result<Found<Attack>, QueryError> {
        Err(QueryError::NotFound)
    }

    /// Controls that objected in the range, by title.
    pub fn controls(
        &mut self,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<List<Control>, QueryError> {
        Err(QueryError::NotFound)
    }

    /// Distinct values with counts.
    pub fn facets(
        &mut self,
        filter: &Filter,
        request: &FacetRequest,
        limits: &Limits<'_>,
    ) -> Result<Found<Facets>, QueryError> {
        Err(QueryError::NotFound)
    }

    /// Calls over time, in at most `steps_max` steps of a round length. `from` and `to` of the
    /// filter should be set; else they are the first and the last day's bounds.
    pub fn timeline(
        &mut self,
        filter: &Filter,
        steps_max: usize,
        limits: &Limits<'_>,
    ) -> Result<Found<Timeline>, QueryError> {
        Err(QueryError::NotFound)
    }

    /// MCP servers by name, with counts of the filter's time range (its other filters are not
    /// used).
    pub fn servers(
        &mut self,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<List<ServerSummary>, QueryError> {
        Err(QueryError::NotFound)
    }

    /// One MCP server.
    pub fn server(
        &mut self,
        id: &str,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<Found<ServerDetail>, QueryError> {
        Err(QueryError::NotFound)
    }

    /// The primitives that calls to a server touched, the busiest first; at most
    /// [`PAGE_ITEMS_MAX`].
    pub fn primitives(
        &mut self,
        id: &str,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<List<PrimitiveSummary>, QueryError> {
        Err(QueryError::NotFound)
    }

    /// Users and clients across servers, the busiest first; at most [`PAGE_ITEMS_MAX`] items.
    pub fn agents(
        &mut self,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<List<Agent>, QueryError> {
        Err(QueryError::NotFound)
    }

    /// The days there are, the newest first. Counts are of the servers that may be seen.
    pub fn days(&mut self, limits: &Limits<'_>) -> Result<List<DaySummary>, QueryError> {
        Err(QueryError::NotFound)
    }

    /// What changed since a mark (`Mark::default()` says only where to begin), of those on which
    /// the filters hold.
    pub fn changes(
        &mut self,
        since: &Mark,
        filter: &Filter,
        limit: usize,
        limits: &Limits<'_>,
    ) -> Result<Changes, QueryError> {
        Err(QueryError::NotFound)
    }

    /// All session parts of a list, one after another, in the list's order. No transaction is
    /// open while `take` runs. Returns the days that are missing.
    pub fn each_session(
        &mut self,
        filter: &Filter,
        limits: &Limits<'_>,
        take: &mut dyn FnMut(SessionPart) -> ControlFlow<()>,
    ) -> Result<Vec<Warning>, QueryError> {
        Err(QueryError::NotFound)
    }

    /// All calls of a list, the newest first, one after another.
    pub fn each_call(
        &mut self,
        filter: &Filter,
        with_payloads: bool,
        limits: &Limits<'_>,
        take: &mut dyn FnMut(Call) -> ControlFlow<()>,
    ) -> Result<Vec<Warning>, QueryError> {
        Err(QueryError::NotFound)
    }
}
