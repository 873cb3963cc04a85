//! What can be asked: endpoints and parameters, in one table from which requests are read and
//! `openapi.json` is made.

use crate::parameters::{FACET_VALUES_MAX, PAGE_ITEMS_DEFAULT, TEXT_BYTES_MAX};
use record::Outcome;
use serde_json::{Value, json};
use store::query::{FILTER_VALUE_BYTES_MAX, PAGE_ITEMS_MAX, PrimitiveStatus, State};

pub(crate) const ID_SOURCES: &[&str] = &["configured", "header", "query", "derived", "none"];
/// What was done about attacks.
pub(crate) const ACTIONS: &[&str] = &["passed", "blocked"];
pub(crate) const ATTACKS: &[&str] = &[
    "any",
    "ACL violation",
    "MCP request verification failure",
    "Invalid tool call",
    "Protocol violation",
    "External",
];
/// Kinds of primitives that are listed.
pub(crate) const PRIMITIVE_KINDS: &[&str] = &["tool", "resource", "template", "prompt"];
pub(crate) const SORTS: &[&str] = &["newest", "duration", "bytes"];
pub(crate) const FORMATS: &[&str] = &["json", "csv", "ndjson"];
pub(crate) const SWITCH: &[&str] = &["true", "false"];
/// Filters whose values are counted; any `param.NAME` as well.
pub(crate) const FIELDS: &[&str] = &[
    "server",
    "user",
    "role",
    "session_id",
    "id_source",
    "client",
    "address",
    "method",
    "primitive",
    "outcome",
    "status",
    "attack",
    "control",
    "action",
    "state",
];

/// The outcomes of calls.
pub(crate) fn outcomes() -> Vec<&'static str> {
    Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect()
}

/// A group of parameters that an endpoint accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepts {
    /// `from` and `to`.
    Range,
    /// All other filters.
    Filters,
    /// `limit` and `cursor`.
    Page,
    /// `format`.
    Format,
    /// `sort`.
    Sort,
    /// `payloads`.
    Payloads,
    /// What facets are asked with.
    Facets,
    /// What a timeline is asked with.
    Steps,
    /// `primitive_status`.
    Status,
    /// What names one primitive of a server.
    Named,
}

/// What a parameter's value is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    /// A time, as RFC 3339 writes it.
    Time,
    /// Text of at most so many bytes.
    Text(usize),
    /// A whole number.
    Number(usize, usize),
    /// One of these.
    Words(fn() -> Vec<&'static str>),
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) group: Accepts,
    pub(crate) takes: Takes,
    /// Whether it may be there several times; then any of its values may hold.
    pub(crate) is_list: bool,
    pub(crate) what: &'static str,
}

const fn filter(name: &'static str, takes: Takes, what: &'static str) -> Parameter {
    Parameter { name, group: Accepts::Filters, takes, is_list: true, what }
}

const fn single(name: &'static str, group: Accepts, takes: Takes, what: &'static str) -> Parameter {
    Parameter { name, group, takes, is_list: false, what }
}

const TEXT: Takes = Takes::Text(FILTER_VALUE_BYTES_MAX);

pub(crate) const PARAMETERS: &[Parameter] = &[
    single("from", Accepts::Range, Takes::Time, "From this time on."),
    single("to", Accepts::Range, Takes::Time, "Before this time."),
    filter("server", TEXT, "Name of the MCP server."),
    filter("user", TEXT, "User of the call; empty for none, * for any."),
    filter("role", TEXT, "A role of the call."),
    filter("session_id", TEXT, "Session id."),
    filter("id_source", Takes::Words(|| ID_SOURCES.to_vec()), "How the session was found."),
    filter("client", TEXT, "Name of the client."),
    filter("address", TEXT, "Address of the client."),
    filter("param.NAME", TEXT, "Value of the context parameter NAME (mcp_param)."),
    filter("request_id", TEXT, "nginx's $request_id."),
    filter("method", TEXT, "JSON-RPC method."),
    filter("primitive", TEXT, "Name of the tool or prompt, URI of the resource."),
    filter("outcome", Takes::Words(outcomes), "What came of the call."),
    filter("status", Takes::Number(100, 599), "HTTP status."),
    filter("attack", Takes::Words(|| ATTACKS.to_vec()), "Type of an attack, or any."),
    filter("control", TEXT, "Title of a control that objected."),
    filter(
        "action",
        Takes::Words(|| ACTIONS.to_vec()),
        "What was done about a call that a control objected to.",
    ),
    filter(
        "state",
        Takes::Words(|| State::ALL.map(State::as_str).to_vec()),
        "State of the session.",
    ),
    Parameter {
        name: "q",
        group: Accepts::Filters,
        takes: Takes::Text(TEXT_BYTES_MAX),
        is_list: false,
        what: "Text in primitive, user or session id.",
    },
    single(
        "limit",
        Accepts::Page,
        Takes::Number(1, PAGE_ITEMS_MAX),
        "The most items of a page; 50 where it is not said.",
    ),
    single("cursor", Accepts::Page, Takes::Text(4096), "next of the page before."),
    single("sort", Accepts::Sort, Takes::Words(|| SORTS.to_vec()), "The order."),
    single(
        "format",
        Accepts::Format,
        Takes::Words(|| FORMATS.to_vec()),
        "Other than json: all, as a file.",
    ),
    single(
        "payloads",
        Accepts::Payloads,
        Takes::Words(|| SWITCH.to_vec()),
        "false leaves arguments and results out.",
    ),
    Parameter {
        name: "field",
        group: Accepts::Facets,
        takes: Takes::Text(TEXT_BYTES_MAX),
        is_list: true,
        what: "Name of a filter whose values are wanted; all where none is named.",
    },
    single(
        "contains",
        Accepts::Facets,
        Takes::Text(TEXT_BYTES_MAX),
        "Only values with this text in them, in either case.",
    ),
    single(
        "limit",
        Accepts::Facets,
        Takes::Number(1, FACET_VALUES_MAX),
        "The most values of each filter; 50 where it is not said.",
    ),
    Parameter {
        name: "primitive_status",
        group: Accepts::Status,
        takes: Takes::Words(|| PrimitiveStatus::ALL.map(PrimitiveStatus::as_str).to_vec()),
        is_list: true,
        what: "How a primitive stands today.",
    },
    single(
        "kind",
        Accepts::Named,
        Takes::Words(|| PRIMITIVE_KINDS.to_vec()),
        "Kind of the primitive; has to be there.",
    ),
    single("name", Accepts::Named, TEXT, "Its name, URI or URI template; has to be there."),
    single(
        "steps",
        Accepts::Steps,
        Takes::Number(1, 1000),
        "The most steps; 120 where it is not said.",
    ),
];

/// The parameters of these groups.
pub(crate) fn parameters(accepts: &[Accepts]) -> impl Iterator<Item = &'static Parameter> {
    PARAMETERS.iter().filter(move |parameter| accepts.contains(&parameter.group))
}

/// The parameter of this name, if it is accepted.
pub(crate) fn parameter(name: &str, accepts: &[Accepts]) -> Option<&'static Parameter> {
    let name = if name.starts_with("param.") { "param.NAME" } else { name };
    parameters(accepts).find(|parameter| parameter.name == name)
}

impl Parameter {
    /// Its schema in OpenAPI.
    pub(crate) fn schema(&self) -> Value {
        let one = match self.takes {
            Takes::Time => json!({"type": "string", "format": "date-time"}),
            Takes::Text(bytes) => json!({"type": "string", "maxLength": bytes}),
            Takes::Number(low, high) => json!({"type": "integer", "minimum": low, "maximum": high}),
            Takes::Words(words) => json!({"type": "string", "enum": words()}),
        };
        if self.is_list { json!({"type": "array", "items": one}) } else { one }
    }
}

/// What an endpoint answers with, by the name of its schema.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gives {
    /// One object.
    One(&'static str),
    /// `{"items": […], "next": …}`
    List(&'static str),
    /// An event stream.
    Events,
    /// The description itself.
    Description,
}

/// An endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint {
    /// Below `api/v1/`; `{…}` stands for one segment.
    pub(crate) path: &'static str,
    pub(crate) what: &'static str,
    pub(crate) accepts: &'static [Accepts],
    pub(crate) gives: Gives,
    pub(crate) asks: Asks,
}

/// Which question it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    Sessions,
    Session,
    SessionCalls,
    Calls,
    Call,
    Attacks,
    Attack,
    Controls,
    Servers,
    Server,
    Primitives,
    History,
    Agents,
    Facets,
    Timeline,
    Stats,
    Live,
    Description,
}

use Accepts::{Facets, Filters, Format, Named, Page, Payloads, Range, Sort, Status, Steps};

const fn endpoint(
    path: &'static str,
    asks: Asks,
    accepts: &'static [Accepts],
    gives: Gives,
    what: &'static str,
) -> Endpoint {
    Endpoint { path, what, accepts, gives, asks }
}

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    endpoint(
        "sessions",
        Asks::Sessions,
        &[Range, Filters, Page, Format],
        Gives::List("SessionPart"),
        "Session parts, newest activity first.",
    ),
    endpoint(
        "sessions/{part}",
        Asks::Session,
        &[],
        Gives::One("Session"),
        "One session part, with facets, parameters and other days.",
    ),
    endpoint(
        "sessions/{part}/calls",
        Asks::SessionCalls,
        &[Range, Filters, Page, Payloads],
        Gives::List("Call"),
        "Its calls in order.",
    ),
    endpoint(
        "calls",
        Asks::Calls,
        &[Range, Filters, Page, Sort, Format, Payloads],
        Gives::List("Call"),
        "Calls, newest first.",
    ),
    endpoint(
        "calls/{call}",
        Asks::Call,
        &[],
        Gives::One("CallDetail"),
        "One call, with arguments, result and linked calls.",
    ),
    endpoint(
        "attacks",
        Asks::Attacks,
        &[Range, Filters, Page, Format],
        Gives::List("Attack"),
        "Attacks, newest first.",
    ),
    endpoint(
        "attacks/{attack}",
        Asks::Attack,
        &[],
        Gives::One("AttackDetail"),
        "One attack, with its evidence and the control's text as it was.",
    ),
    endpoint(
        "controls",
        Asks::Controls,
        &[Range],
        Gives::List("Control"),
        "Controls in force, and those that judged calls on the days of the time range.",
    ),
    endpoint(
        "servers",
        Asks::Servers,
        &[Range],
        Gives::List("ServerSummary"),
        "MCP servers, with counts of the time range.",
    ),
    endpoint(
        "servers/{server}",
        Asks::Server,
        &[Range],
        Gives::One("ServerDetail"),
        "One MCP server, with its configuration and what was found of its clients.",
    ),
    endpoint(
        "servers/{server}/primitives",
        Asks::Primitives,
        &[Range, Status, Page],
        Gives::List("PrimitiveSummary"),
        "Its primitives, as lists and calls know them, the busiest first; 500 where no limit is said.",
    ),
    endpoint(
        "servers/{server}/history",
        Asks::History,
        &[Named],
        Gives::List("PrimitiveVersion"),
        "Versions of one of its primitives, the newest first.",
    ),
    endpoint(
        "agents",
        Asks::Agents,
        &[Range, Filters],
        Gives::List("Agent"),
        "Users and clients across servers.",
    ),
    endpoint(
        "facets",
        Asks::Facets,
        &[Range, Filters, Facets],
        Gives::One("Facets"),
        "Distinct values of filters, with counts.",
    ),
    endpoint(
        "timeline",
        Asks::Timeline,
        &[Range, Filters, Steps],
        Gives::One("Timeline"),
        "Calls, errors and attacks over time.",
    ),
    endpoint("stats", Asks::Stats, &[], Gives::One("Stats"), "Health of the recorder."),
    endpoint(
        "live",
        Asks::Live,
        &[Filters],
        Gives::Events,
        "Session parts, calls and attacks as they are stored.",
    ),
    endpoint("openapi.json", Asks::Description, &[], Gives::Description, "This description."),
];

const _: () = assert!(PAGE_ITEMS_DEFAULT == 50);

/// The endpoint of a path below `api/v1/`, and what stands for its `{…}`.
pub(crate) fn find(path: &str) -> Option<(&'static Endpoint, Option<&str>)> {
    ENDPOINTS.iter().find_map(|endpoint| Some((endpoint, fits(endpoint.path, path)?)))
}

fn fits<'p>(pattern: &str, path: &'p str) -> Option<Option<&'p str>> {
    let (mut found, mut segments) = (None, path.split('/'));
    for wanted in pattern.split('/') {
        let segment = segments.next()?;
        if wanted.starts_with('{') {
            found = Some(segment).filter(|segment| !segment.is_empty());
            found?;
        } else if wanted != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(found)
}
