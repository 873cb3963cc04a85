//! Work for a reader thread: a question that is answered in steps.
//!
//! A step does a bounded amount of work and gives a bounded piece of the answer. Between steps the
//! thread is free for others; a slow client therefore holds no thread and no snapshot of a day.

mod controls;
mod directory;
mod export;
mod list;
mod live;
mod one;
mod session;

pub use controls::ConfiguredControl;
pub use directory::Directive;
pub(crate) use live::mark_of;

use crate::answer::{Answer, Head, Problem};
use crate::parameters::{Format, Parameters};
use crate::table::Asks;
use record::Micros;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use store::query::{
    AttackId, CallId, Control, Found, Limits, List, Memory, PartId, QueryError, Reader, Scope,
    ServerDetail, Session, Time,
};
use time::OffsetDateTime;

/// How long a step may take.
const STEP_MAX: Duration = Duration::from_secs(10);
/// Scopes whose readers a thread keeps: as many as there are consoles in most configurations.
const READERS_MAX: usize = 4;

/// What a step gave.
#[derive(Debug)]
pub struct Piece {
    /// The answer's beginning: with the first piece.
    pub head: Option<Head>,
    /// Bytes of the body.
    pub bytes: Vec<u8>,
    /// What comes next.
    pub next: Next,
}

/// What comes after a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the answer is whole.
    End,
    /// Another step, once the client has taken this piece.
    Step,
    /// Another step, once something was stored.
    Change,
    /// Nothing, and the client must notice: the answer cannot be brought to its end.
    Break,
}

impl From<Answer> for Piece {
    fn from(answer: Answer) -> Self {
        Self { head: Some(answer.head), bytes: answer.body.into_owned(), next: Next::End }
    }
}

/// How long an answer keeps those busy that give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One step, or a few.
    Query,
    /// Many steps.
    Export,
    /// Steps until somebody ends it.
    Live,
}

/// Whether the answer is still wanted. Copies are one.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// It is not wanted any more.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is not.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a reader thread keeps between steps: open days.
#[derive(Debug)]
pub struct Reading {
    store: PathBuf,
    memory: Memory,
    readers: Vec<Reader>,
    scopes: Vec<Scope>,
}

impl Reading {
    /// Of the store in this folder. Opens nothing.
    #[must_use]
    pub fn new(store: PathBuf) -> Self {
        Self::with(store, Memory::default())
    }

    /// The same, with what other threads have summed up of this store.
    #[must_use]
    pub fn with(store: PathBuf, memory: Memory) -> Self {
        Self { store, memory, readers: Vec::new(), scopes: Vec::new() }
    }

    fn of(&mut self, scope: &Scope) -> Option<&mut Reader> {
        let there = self.scopes.iter().position(|it| it == scope);
        let at = match there {
            Some(at) => at,
            None => {
                if self.scopes.len() == READERS_MAX {
                    self.scopes.clear();
                    self.readers.clear();
                }
                self.scopes.push(scope.clone());
                let memory = self.memory.clone();
                self.readers.push(Reader::open_with(&self.store, scope.clone(), memory));
                self.scopes.len() - 1
            }
        };
        self.readers.get_mut(at)
    }
}

/// What the question is about, besides its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    None,
    Part(PartId),
    Call(CallId),
    Attack(AttackId),
    Server(String),
}

/// What only the event loop knows, as JSON objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The recorder's counters, for `stats`.
    pub counters: String,
    /// Bounds of the store, for `stats`.
    pub limits: String,
}

/// A question under way.
#[derive(Debug)]
pub struct Work {
    pub(crate) scope: Scope,
    pub(crate) asks: Asks,
    pub(crate) subject: Subject,
    pub(crate) parameters: Parameters,
    pub(crate) known: Known,
    pub(crate) mark: Option<store::query::Mark>,
    pub(crate) configuration: Vec<Directive>,
    pub(crate) configured: Vec<ConfiguredControl>,
    pub(crate) progress: Progress,
}

/// How far an answer of several steps has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The first piece was given.
    pub(crate) has_begun: bool,
    /// Where the next step goes on.
    pub(crate) cursor: Option<String>,
    /// An MCP server whose configuration is asked for.
    pub(crate) server: Option<Found<ServerDetail>>,
    /// A session part, to be told what grouped its calls.
    pub(crate) session: Option<Found<Session>>,
    /// Controls as the days know them, to be completed by those in force.
    pub(crate) controls: Option<List<Control>>,
    pub(crate) items: usize,
    pub(crate) warnings: Vec<store::query::Warning>,
}

impl Work {
    /// How long it keeps others busy.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.asks {
            Asks::Live => Kind::Live,
            _ if self.parameters.format != Format::Json => Kind::Export,
            _ => Kind::Query,
        }
    }

    /// The name of the MCP server whose configuration the next step needs: only who reads nginx.conf
    /// has it. [`Work::tell`] it before the step is done.
    #[must_use]
    pub fn wants_configuration_of(&self) -> Option<&str> {
        let Progress { server, session, .. } = &self.progress;
        let server = server.as_ref().map(|found| &found.value.summary.name);
        server.or(session.as_ref().map(|found| &found.value.part.server)).map(String::as_str)
    }

    /// Says which directives are in force for the MCP server.
    pub fn tell(&mut self, configuration: Vec<Directive>) {
        self.configuration = configuration;
    }

    /// Whether the next step needs the controls of the configuration in force.
    /// [`Work::tell_controls`] it before the step is done.
    #[must_use]
    pub fn wants_controls(&self) -> bool {
        self.progress.controls.is_some()
    }

    /// Says which controls are in force.
    pub fn tell_controls(&mut self, configured: Vec<ConfiguredControl>) {
        self.configured = configured;
    }

    /// Does the next step.
    pub fn step(&mut self, reading: &mut Reading, cancel: &Cancel) -> Piece {
        let scope = self.scope.clone();
        let Some(reader) = reading.of(&scope) else {
            return self.broken(Problem::failed("the store cannot be read"));
        };
        let limits =
            Limits { now: now(), deadline: Instant::now() + STEP_MAX, cancelled: &cancel.0 };
        let done = match self.asks {
            Asks::Live => self.watch(reader, &limits),
            _ if self.kind() == Kind::Export => self.export(reader, &limits),
            Asks::Sessions | Asks::SessionCalls | Asks::Calls | Asks::Attacks => {
                self.list(reader, &limits)
            }
            Asks::Server => self.server(reader, &limits),
            Asks::Session => self.session(reader, &limits),
            Asks::Controls => self.controls(reader, &limits),
            _ => self.one(reader, &limits),
        };
        match done {
            Ok(piece) => {
                self.progress.has_begun |= piece.head.is_some();
                piece
            }
            Err(error) => self.broken(problem_of(error)),
        }
    }

    /// The answer cannot be given: says why, or breaks off where it has begun.
    pub fn broken(&self, problem: Problem) -> Piece {
        if self.progress.has_begun {
            return Piece { head: None, bytes: Vec::new(), next: Next::Break };
        }
        problem.answer().into()
    }
}

fn problem_of(error: QueryError) -> Problem {
    match error {
        QueryError::TimedOut => Problem::new(
            504,
            "took too long",
            "the question took too long: narrow the time range or add filters",
        ),
        QueryError::Cancelled => Problem::busy("the question was cancelled"),
        QueryError::NotFound => Problem::not_found("there is nothing of this id"),
        QueryError::BadCursor => {
            Problem::parameter("cursor", "it was not given by this list with these filters")
        }
        QueryError::Failed(why) => Problem::failed(format!("the store cannot be read: {why}")),
    }
}

/// The wall clock. Reading is no part of the traffic tower, which has none.
fn now() -> Micros {
    let now = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000;
    Micros::try_from(now).unwrap_or(0)
}

/// Puts JSON text behind what is there.
fn put<T: serde::Serialize>(into: &mut Vec<u8>, value: &T) -> Result<(), QueryError> {
    serde_json::to_writer(into, value)
        .map_err(|error| QueryError::Failed(format!("an answer is no JSON ({error})")))
}

/// Times in the API's format.
pub(crate) fn time_text(at: Time) -> String {
    at.to_string()
}

#[cfg(test)]
mod tests;
