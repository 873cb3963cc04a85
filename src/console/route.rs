//! From a request to an answer, or to work for a reader.

use crate::answer::{Answer, Head, Problem, shown};
use crate::parameters::Parameters;
use crate::request::Request;
use crate::table::{self, Asks};
use crate::work::{Known, Progress, Subject, Work, mark_of};
use crate::{assets, openapi};
use std::borrow::Cow;
use store::query::Scope;

const API: &[u8] = b"api/v1/";

/// One `mcp_console`.
#[derive(Clone, Debug)]
pub struct Console {
    scope: Scope,
    serves_any: bool,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Step {
    /// It is answered.
    Answer(Answer),
    /// A reader has to be asked.
    Work(Box<Work>),
}

impl Console {
    /// A console that shows servers whose names fit one of the patterns (all where there is none),
    /// to clients of this machine or to any.
    #[must_use]
    pub fn new(servers: Vec<String>, serves_any: bool) -> Self {
        Self { scope: Scope::servers(servers), serves_any }
    }

    /// Answers, or says what has to be read. `known` gives what only the caller knows.
    pub fn ask(&self, request: &Request<'_>, known: impl FnOnce() -> Known) -> Step {
        match self.route(request, known) {
            Ok(step) => step,
            Err(problem) => Step::Answer(problem.answer()),
        }
    }

    fn route(&self, request: &Request<'_>, known: impl FnOnce() -> Known) -> Result<Step, Problem> {
        let Some(path) = below(request) else {
            request.check(self.serves_any, true)?;
            return Ok(Step::Answer(to_folder(request)));
        };
        let is_page = !path.starts_with(API);
        request.check(self.serves_any, is_page && matches!(path, b"" | b"index.html"))?;
        if is_page {
            return assets::find(path, request.takes_gzip()).map(Step::Answer).ok_or_else(nothing);
        }
        let path = path.strip_prefix(API).and_then(|it| std::str::from_utf8(it).ok());
        let (endpoint, id) = path.and_then(table::find).ok_or_else(nothing)?;
        let subject = subject(endpoint.asks, id)?;
        let parameters = Parameters::read(request.query, endpoint.accepts)?;
        if endpoint.asks == Asks::Description {
            return Ok(Step::Answer(Answer::json(&openapi::description())));
        }
        let mark = match endpoint.asks {
            Asks::Live => mark_of(request.last_event_id),
            _ => None,
        };
        let known = if endpoint.asks == Asks::Stats { known() } else { Known::default() };
        let (scope, asks) = (self.scope.clone(), endpoint.asks);
        let work = Work {
            scope,
            asks,
            subject,
            parameters,
            known,
            mark,
            configuration: Vec::new(),
            configured: Vec::new(),
            progress: Progress::default(),
        };
        Ok(Step::Work(Box::new(work)))
    }
}

fn nothing() -> Problem {
    Problem::not_found("there is nothing here; the API is described at api/v1/openapi.json")
}

/// What is asked for below the console's place. `None` where the place itself is asked for without
/// the slash that relative addresses need.
fn below<'r>(request: &Request<'r>) -> Option<&'r [u8]> {
    let path = request.path;
    let rest = if request.place.is_empty() {
        // The place is a regular expression: what follows it is known by its names.
        let starts = [API, b"assets/"].into_iter().filter_map(|name| find(path, name));
        let end = path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
        path.get(starts.min().unwrap_or(end)..)
    } else {
        path.strip_prefix(request.place)
    };
    let rest = rest.unwrap_or_default();
    match (request.place.ends_with(b"/"), rest) {
        (false, b"") if !request.place.is_empty() => None,
        (false, rest) => Some(rest.strip_prefix(b"/").unwrap_or(rest)),
        (true, rest) => Some(rest),
    }
}

/// Where a name begins that follows a slash.
fn find(path: &[u8], name: &[u8]) -> Option<usize> {
    let found = path.windows(name.len() + 1).position(|it| it.split_first() == Some((&b'/', name)));
    found.map(|at| at + 1)
}

/// To the same address with a slash at its end, whatever stands before it.
fn to_folder(request: &Request<'_>) -> Answer {
    let name = request.place.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let name = percent_encoding::percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    let mut head = Head::data(308, "text/plain");
    // The dot keeps a name with a colon from being taken for a scheme.
    head.add("Location", format!("./{name}/"));
    Answer { head, body: Cow::Borrowed(b"") }
}

fn subject(asks: Asks, id: Option<&str>) -> Result<Subject, Problem> {
    let Some(id) = id else { return Ok(Subject::None) };
    let missing = |what: &str| Problem::not_found(format!("\"{}\" is no {what}", shown(id)));
    Ok(match asks {
        Asks::Session | Asks::SessionCalls => {
            Subject::Part(id.parse().map_err(|_| missing("session part"))?)
        }
        Asks::Call => Subject::Call(id.parse().map_err(|_| missing("call"))?),
        Asks::Attack => Subject::Attack(id.parse().map_err(|_| missing("attack"))?),
        _ => Subject::Server(id.to_owned()),
    })
}

#[cfg(test)]
mod tests;
