//! What queries that count answer with, shaped as the API shows it.

use super::answer::{Attack, Call, NameCount, SessionPart, Software};
use super::id::Time;
use serde::Serialize;
use serde_json::value::RawValue;

/// A value of a filter, and how frequent it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FacetValue {
    /// The value to filter by.
    pub value: String,
    /// Calls with it.
    pub count: u64,
    /// Session parts with such a call.
    pub sessions: u64,
}

/// Values of one filter, the most frequent first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facet {
    /// The filter's name: `user`, `param.tenant`.
    pub name: String,
    /// At most as many as were asked for.
    pub values: Vec<FacetValue>,
    /// How many there are.
    pub total: u64,
}

/// Distinct values with counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facets {
    /// Calls on which all filters hold.
    pub calls: u64,
    /// Of these, errors.
    pub errors: u64,
    /// Session parts on which all filters hold.
    pub sessions: u64,
    /// One for each filter.
    pub facets: Vec<Facet>,
}

/// Which facets are wanted.
#[derive(Clone, Debug, Default)]
pub struct FacetRequest {
    /// Names of filters; empty for all.
    pub names: Vec<String>,
    /// The most values of each; 0 for [`super::FACET_VALUES_DEFAULT`].
    pub limit: usize,
    /// Only values that contain this text (ASCII letters of either case), for type-ahead.
    pub contains: Option<String>,
}

/// Calls in one step of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineStep {
    /// Its beginning.
    pub at: Time,
    /// Calls that began in it.
    pub calls: u64,
    /// Of these, errors.
    pub errors: u64,
    /// Attacks in it.
    pub attacks: u64,
}

/// Calls over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// Length of a step in seconds.
    pub step_seconds: u64,
    /// All steps of the range, empty ones too, oldest first.
    pub steps: Vec<TimelineStep>,
}

/// An MCP server, as the days kept know it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServerSummary {
    /// Opaque.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Calls in the range.
    pub calls: u64,
    /// Of these, errors.
    pub errors: u64,
    /// Session parts in the range.
    pub sessions: u64,
    /// Attacks in the range.
    pub attacks: u64,
    /// Different primitives, listed or seen in calls of the range.
    pub primitives: u64,
    /// Tools listed.
    pub tools: u64,
    /// Resources and resource templates listed.
    pub resources: u64,
    /// Prompts listed.
    pub prompts: u64,
    /// Whether its lists differ per user, as far as the last week showed: what is known of its
    /// primitives is then the union.
    pub lists_differ: bool,
    /// `errors` of `calls`, 0 to 1; none without calls.
    pub error_rate: Option<f64>,
    /// Median duration of the days in the range, to within 12 %.
    pub p50_ms: Option<f64>,
    /// 95th percentile of the durations of the days in the range, to within 12 %.
    pub p95_ms: Option<f64>,
    /// First seen, by the catalogue or the range.
    pub first_seen_at: Option<Time>,
    /// Last seen, by the catalogue or the range.
    pub last_seen_at: Option<Time>,
}

/// In how many of a server's calls what was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct IdentityShares {
    /// Calls in the range.
    pub calls: u64,
    /// Calls that carry a user themselves.
    pub with_user: u64,
    /// Calls that carry roles themselves.
    pub with_roles: u64,
    /// Calls of sessions with an id of their own (`configured`, `header`, `query`).
    pub with_session_id: u64,
    /// Examples of users, masked; at most 3.
    pub users: Vec<String>,
    /// Examples of roles; at most 3.
    pub roles: Vec<String>,
    /// Examples of session ids, masked; at most 3.
    pub session_ids: Vec<String>,
}

/// One MCP server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServerDetail {
    /// What the list shows.
    #[serde(flatten)]
    pub summary: ServerSummary,
    /// In how many calls user, roles and session id were found.
    pub shares: IdentityShares,
}

/// How a primitive stands today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PrimitiveStatus {
    /// First listed within the last week.
    New,
    /// Another version came within the last week.
    Changed,
    /// No call to it went well within the last week.
    Unused,
    /// None of these.
    Active,
    /// Called, but never listed.
    Unlisted,
}

impl PrimitiveStatus {
    /// Every status.
    pub const ALL: [Self; 5] =
        [Self::New, Self::Changed, Self::Unused, Self::Active, Self::Unlisted];

    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Unused => "unused",
            Self::Active => "active",
            Self::Unlisted => "unlisted",
        }
    }
}

/// What a list says of a primitive.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PrimitiveTexts {
    /// Its title; of a resource without one, its name.
    pub title: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Of a resource.
    pub mime_type: Option<String>,
    /// `inputSchema` of a tool, `arguments` of a prompt; a string where it is no JSON.
    pub input_schema: Option<Box<RawValue>>,
    /// `outputSchema` of a tool.
    pub output_schema: Option<Box<RawValue>>,
    /// `annotations`.
    pub annotations: Option<Box<RawValue>>,
    /// Whether a text was over its limit: it is cut, or, of JSON, left out.
    pub cut: bool,
}

/// Calls of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrimitiveDay {
    /// `YYYY-MM-DD`.
    pub day: String,
    /// Calls on it, in the range.
    pub calls: u64,
    /// Of these, errors.
    pub errors: u64,
}

/// A primitive, as lists and calls know it.
#[derive(Clone, Debug, Serialize)]
pub struct PrimitiveSummary {
    /// `tool`, `resource`, `template`, `prompt`, `task`, `other`.
    pub kind: String,
    /// Its name, URI, URI template or id.
    pub name: String,
    /// What the newest list says of it.
    #[serde(flatten)]
    pub texts: PrimitiveTexts,
    /// Whether a list has it, or a template that covers it.
    pub listed: bool,
    /// How it stands today.
    pub status: PrimitiveStatus,
    /// When it was first listed; where it never was, the hour in which it was first called in the
    /// range.
    pub first_seen: Option<Time>,
    /// When it was last listed, to within an hour; else last called.
    pub last_seen: Option<Time>,
    /// When its newest version came; none where it has only had one.
    pub changed_at: Option<Time>,
    /// Calls in the range.
    pub calls: u64,
    /// Of these, errors.
    pub errors: u64,
    /// Attacks in the range.
    pub attacks: u64,
    /// `errors` of `calls`, 0 to 1.
    pub error_rate: Option<f64>,
    /// Median duration of the days in the range, to within 12 %.
    pub p50_ms: Option<f64>,
    /// 95th percentile of the durations of the days in the range, to within 12 %.
    pub p95_ms: Option<f64>,
    /// Days of the range with calls, oldest first.
    pub days: Vec<PrimitiveDay>,
    /// Versions kept; 0 where it was never listed.
    pub versions: u64,
    /// Of these, in force: more than one where lists differ per user.
    pub versions_in_force: u64,
}

/// One version of a primitive.
#[derive(Clone, Debug, Serialize)]
pub struct PrimitiveVersion {
    /// When it was first listed.
    pub seen_at: Time,
    /// When it was last listed, to within an hour.
    pub last_seen_at: Time,
    /// When another took its place; none while it is in force.
    pub replaced_at: Option<Time>,
    /// What the list said.
    #[serde(flatten)]
    pub texts: PrimitiveTexts,
    /// What differs from the version before it, if that is kept: `title`, `description`,
    /// `mime_type`, `input_schema`, `output_schema`, `annotations`.
    pub changed: Vec<&'static str>,
}

/// What the catalogue holds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CatalogSummary {
    /// MCP servers.
    pub servers: u64,
    /// Tools, resources, templates and prompts.
    pub primitives: u64,
    /// Versions of them.
    pub versions: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// What had no room, by reason ([`crate::LeftOut`]).
    pub left_out: Vec<LeftOutCount>,
}

/// How often something was left out for a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOutCount {
    /// See [`crate::LeftOut`].
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// A user with a client, across servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Agent {
    /// None where nobody is named.
    pub user: Option<String>,
    /// None where no client is named.
    pub client: Option<Software>,
    /// Roles seen; at most [`super::NAMES_MAX`].
    pub roles: Vec<String>,
    /// Session parts.
    pub sessions: u64,
    /// Calls.
    pub calls: u64,
    /// Of these, errors.
    pub errors: u64,
    /// Attacks.
    pub attacks: u64,
    /// MCP servers, the busiest first; at most [`super::NAMES_MAX`].
    pub servers: Vec<NameCount>,
    /// How many there are.
    pub servers_total: u64,
    /// Tools, the busiest first; at most [`super::NAMES_MAX`].
    pub tools: Vec<NameCount>,
    /// How many there are.
    pub tools_total: u64,
    /// Beginning of its first part in the range.
    pub first_seen_at: Time,
    /// End of its last part in the range.
    pub last_seen_at: Time,
}

/// A day on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DaySummary {
    /// `YYYY-MM-DD`.
    pub day: String,
    /// Bytes on disk, the WAL included.
    pub bytes: u64,
    /// Session parts.
    pub sessions: Option<u64>,
    /// Calls.
    pub calls: Option<u64>,
    /// Whether arguments and results were given up for room.
    pub payloads_shed: bool,
    /// Whether all but the attacked calls was given up for room.
    pub calls_shed: bool,
}

/// What has changed since a mark.
#[derive(Clone, Debug, Serialize)]
pub struct Changes {
    /// Ask with this the next time.
    pub mark: Mark,
    /// Parts that changed, oldest change first; at most as many as were asked for.
    pub sessions: Vec<SessionPart>,
    /// Calls that came, oldest first; at most as many as were asked for.
    pub calls: Vec<Call>,
    /// Attacks that came, oldest first; at most as many as were asked for. One that is the same as
    /// one before it within a minute only adds to its count.
    pub attacks: Vec<Attack>,
    /// More changed than was asked for: the reader should load its lists anew.
    pub is_cut: bool,
}

/// Up to where changes are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// Of the days that may still be written.
    pub days: Vec<DayMark>,
}

/// Up to where changes of a day are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DayMark {
    /// Days since the epoch.
    pub day: i32,
    /// Number of its last change.
    pub change: i64,
    /// Its last call.
    pub call: i64,
    /// Its last attack.
    pub attack: i64,
}
