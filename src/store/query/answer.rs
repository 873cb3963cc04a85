//! What queries answer with, shaped as the API shows it.

use super::filter::State;
use super::id::{AttackId, CallId, PartId, Time};
use serde::Serialize;
use serde_json::value::RawValue;

/// A day that is missing from an answer, or something else the reader should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// `YYYY-MM-DD`; none where it concerns the catalogue.
    pub day: Option<String>,
    /// Why, in a sentence without the store's path.
    pub message: String,
}

/// An answer, with the days that are missing in it.
#[derive(Clone, Debug, Serialize)]
pub struct Found<T> {
    /// The answer.
    #[serde(flatten)]
    pub value: T,
    /// What is missing in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// A page of a list.
#[derive(Clone, Debug, Serialize)]
pub struct List<T> {
    /// At most as many as were asked for.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
    /// Days that are missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// Which page of a list is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageRequest<'a> {
    /// The most items; 1 to [`super::PAGE_ITEMS_MAX`].
    pub limit: usize,
    /// `next` of the page before; `None` for the first.
    pub cursor: Option<&'a str>,
}

/// Name and version of a client or a server, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Software {
    /// Never empty.
    pub name: String,
    /// Empty where it is not known.
    pub version: String,
}

/// How often a name occurs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NameCount {
    /// The name.
    pub name: String,
    /// Calls.
    pub count: u64,
}

/// How often a primitive occurs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrimitiveCount {
    /// `tool`, `resource`, `prompt`, `task`, `other`.
    pub kind: String,
    /// Its name, URI or id.
    pub name: String,
    /// Calls.
    pub count: u64,
}

/// A session part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionPart {
    /// Its day and number.
    pub id: PartId,
    /// `YYYY-MM-DD`.
    pub day: String,
    /// As the database has it.
    pub session_id: String,
    /// `configured`, `header`, `query`, `derived`, `none`.
    pub id_source: String,
    /// The MCP server's name.
    pub server: String,
    /// As first said.
    pub user: Option<String>,
    /// Users of its calls, the busiest first; at most [`super::NAMES_MAX`].
    pub users: Vec<String>,
    /// How many there are.
    pub users_total: u64,
    /// As first said.
    pub roles: Vec<String>,
    /// `yes`, `no`, `front`, or none.
    pub verified: Option<String>,
    /// What it is doing.
    pub state: State,
    /// Its calls on which all filters hold.
    pub matched: u64,
    /// As first said.
    pub client: Option<Software>,
    /// As the MCP server says itself.
    pub server_info: Option<Software>,
    /// As negotiated.
    pub protocol_version: Option<String>,
    /// The client's, as first seen.
    pub address: Option<String>,
    /// First sign on this day.
    pub started_at: Time,
    /// Last sign on this day.
    pub last_at: Time,
    /// When it was ended.
    pub ended: Option<Time>,
    /// Calls.
    pub calls: u64,
    /// Of these: `tool_error`, `rpc_error`, `http_error`, `aborted`.
    pub errors: u64,
    /// Attacks.
    pub attacks: u64,
    /// Blocked calls.
    pub blocked: u64,
    /// Server notifications.
    pub notifications: u64,
    /// Of the bodies of all its exchanges.
    pub bytes_in: u64,
    /// Of the bodies of all its exchanges.
    pub bytes_out: u64,
    /// Methods of its calls, the most frequent first; at most [`super::NAMES_MAX`].
    pub methods: Vec<NameCount>,
    /// How many there are.
    pub methods_total: u64,
    /// Primitives of its calls, the most frequent first; at most [`super::NAMES_MAX`].
    pub primitives: Vec<PrimitiveCount>,
    /// How many there are.
    pub primitives_total: u64,
}

/// One session part with all that belongs to it.
#[derive(Clone, Debug, Serialize)]
pub struct Session {
    /// The part.
    #[serde(flatten)]
    pub part: SessionPart,
    /// Parameters (`mcp_param`), as first said: a JSON object.
    pub params: Box<RawValue>,
    /// What made its calls one session: `session_id`, or `param.NAME` where a parameter is the id;
    /// of a derived session, and of calls that belong to none, what their group is known by:
    /// `user`, `credential`, `address`, `user_agent`, `client`.
    pub grouped_by: Vec<String>,
    /// `User-Agent`, as first seen.
    pub user_agent: Option<String>,
    /// What of its calls is how frequent.
    pub facets: super::Facets,
    /// Its parts on other days, oldest first, this one included.
    pub parts: Vec<OtherPart>,
    /// What happened besides calls, in order; at most [`super::EVENTS_MAX`].
    pub events: Vec<SessionEvent>,
    /// How many there are.
    pub events_total: u64,
}

/// A part of the same session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OtherPart {
    /// Its day and number.
    pub id: PartId,
    /// `YYYY-MM-DD`.
    pub day: String,
    /// First sign on its day.
    pub started_at: Time,
    /// Last sign on its day.
    pub last_at: Time,
    /// Calls.
    pub calls: u64,
}

/// What happened to a session without being a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionEvent {
    /// When.
    pub at: Time,
    /// `stream_opened`, `stream_closed`, `stream_refused`, `deleted`, `delete_refused`, `not_found`.
    pub kind: String,
    /// Notifications that passed, of `stream_closed`.
    pub count: u64,
    /// HTTP status of the exchange.
    pub status: Option<u16>,
    /// nginx's `$request_id`.
    pub request_id: Option<String>,
}

/// The primitive of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Primitive {
    /// `tool`, `resource`, `prompt`, `task`, `other`.
    pub kind: String,
    /// Its name, URI or id.
    pub name: String,
}

/// A JSON-RPC error, or the text of a tool's error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RpcError {
    /// The JSON-RPC error's code; none for a tool's error.
    pub code: Option<i64>,
    /// Masked.
    pub message: Option<String>,
}

/// What of a call was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallCoverage {
    /// `full`, `truncated`, `undecoded`, `discarded`, `aborted`, `unobserved`.
    pub request: String,
    /// The same of the answer.
    pub response: String,
}

/// A call. In lists, `arguments` and `result` are left out unless they are asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// Its day, part and number.
    pub id: CallId,
    /// When its first byte was seen.
    pub at: Time,
    /// `client` or `server`: who sent it.
    pub direction: String,
    /// Of the exchange that brought it.
    pub http_method: String,
    /// HTTP status.
    pub status: Option<u16>,
    /// A JSON value; null for notifications.
    pub rpc_id: Option<Box<RawValue>>,
    /// The JSON-RPC method.
    pub method: Option<String>,
    /// What it touches.
    pub primitive: Option<Primitive>,
    /// Of a call to a tool, where its MCP server has listed tools: whether a list has this one.
    pub listed: Option<bool>,
    /// JSON, masked or reduced.
    pub arguments: Option<Box<RawValue>>,
    /// JSON, masked or reduced.
    pub result: Option<Box<RawValue>>,
    /// A limit cut the arguments.
    pub arguments_truncated: bool,
    /// A limit cut the result.
    pub result_truncated: bool,
    /// Arguments and result were given up for room.
    pub payloads_shed: bool,
    /// What came of it.
    pub outcome: String,
    /// Its error.
    pub error: Option<RpcError>,
    /// Whether the tool said `isError`.
    pub is_error: bool,
    /// From the first byte of the request to the answer.
    pub duration_ms: Option<f64>,
    /// From the first byte of the request to the first event of the answer's stream.
    pub first_event_ms: Option<f64>,
    /// Progress, logging and other notifications.
    pub notifications: u64,
    /// Of the message.
    pub bytes_in: u64,
    /// Of the answer's message.
    pub bytes_out: u64,
    /// nginx's `$request_id`.
    pub request_id: Option<String>,
    /// Its part.
    pub session: PartId,
    /// Its session.
    pub session_id: String,
    /// How the session was found.
    pub id_source: String,
    /// The MCP server's name.
    pub server: String,
    /// Who acts.
    pub user: Option<String>,
    /// A JSON array of strings.
    pub roles: Vec<String>,
    /// `yes`, `no`, `front`, or none.
    pub verified: Option<String>,
    /// The client's.
    pub address: Option<String>,
    /// What it says of itself.
    pub client: Option<Software>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// The protocol's revision.
    pub protocol_version: Option<String>,
    /// Parameters: a JSON object.
    pub params: Box<RawValue>,
    /// What was learned earlier in the session: `user`, `roles`, `client`, `params`,
    /// `protocol_version`.
    pub carried: Vec<&'static str>,
    /// What was seen of it.
    pub coverage: CallCoverage,
    /// What controls object to it.
    pub attacks: Vec<CallAttack>,
    /// The `input_required` call that this one answers.
    pub continues: Option<CallId>,
}

/// One call with all that belongs to it.
#[derive(Clone, Debug, Serialize)]
pub struct CallDetail {
    /// The call, with arguments and result.
    #[serde(flatten)]
    pub call: Call,
    /// The calls that answer this `input_required` one; at most [`super::LINKED_MAX`].
    pub continued_by: Vec<CallId>,
    /// Calls of the same exchange (a batch); at most [`super::LINKED_MAX`].
    pub batch: Vec<CallId>,
    /// The call before and after it in its session part.
    pub previous: Option<CallId>,
    /// The call after it in its session part.
    pub following: Option<CallId>,
}

/// An attack, as its call shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallAttack {
    /// Its day and number.
    pub id: AttackId,
    /// `ACL violation` and the others.
    #[serde(rename = "type")]
    pub kind: String,
    /// The control's title; none for the protocol check and for `mcp_attack`.
    pub control: Option<String>,
    /// Its place in nginx.conf.
    pub place: Option<String>,
    /// `deny`
    pub verdict: &'static str,
    /// `passed` or `blocked`.
    pub action: String,
    /// Which rule.
    pub detail: Option<String>,
    /// Where in the call.
    pub point: Option<String>,
    /// What the rule wants there.
    pub expected: Option<String>,
    /// What is there, masked.
    pub found: Option<String>,
    /// How many were the same within a minute; what is not the same in each is the first one's.
    pub count: u64,
}

/// An attack; or several within a minute that are the same: in session part, actor, method,
/// primitive, control, action, rule and place in the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attack {
    /// Its day and number.
    pub id: AttackId,
    /// When the first was judged.
    pub at: Time,
    /// `ACL violation` and the others.
    #[serde(rename = "type")]
    pub kind: String,
    /// The control's title; none for the protocol check and for `mcp_attack`.
    pub control: Option<String>,
    /// Its place in nginx.conf.
    pub place: Option<String>,
    /// `deny`
    pub verdict: &'static str,
    /// `passed` or `blocked`.
    pub action: String,
    /// Which rule.
    pub detail: Option<String>,
    /// Where in the call: a JSON pointer, `header NAME`, or `query`.
    pub point: Option<String>,
    /// What the rule wants there.
    pub expected: Option<String>,
    /// What is there, masked.
    pub found: Option<String>,
    /// How many.
    pub count: u64,
    /// When the last was judged.
    pub last_at: Time,
    /// The first call.
    pub call: CallId,
    /// Its session part.
    pub session: PartId,
    /// Its session.
    pub session_id: String,
    /// The MCP server's name.
    pub server: String,
    /// Of the call.
    pub user: Option<String>,
    /// Of the call.
    pub roles: Vec<String>,
    /// Of the call.
    pub client: Option<Software>,
    /// Of the call.
    pub address: Option<String>,
    /// Of the call.
    pub method: Option<String>,
    /// Of the call.
    pub primitive: Option<Primitive>,
}

/// The first request of an attack, masked.
#[derive(Clone, Debug, Serialize)]
pub struct EvidenceText {
    /// `POST /mcp HTTP/1.1`
    pub line: String,
    /// `[["Name", "value"], …]`
    pub headers: Box<RawValue>,
    /// The body.
    pub body: String,
    /// Whether a limit cut something.
    pub truncated: bool,
}

/// One attack.
#[derive(Clone, Debug, Serialize)]
pub struct AttackDetail {
    /// As in the list.
    #[serde(flatten)]
    pub attack: Attack,
    /// `monitoring` or `block`: how strict the control was.
    pub mode: String,
    /// The control's text as it was; its first 64 kB.
    pub text: String,
    /// None with `evidence=off`, or where there was no room.
    pub evidence: Option<EvidenceText>,
}

/// What a control made of the calls of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ControlDay {
    /// `YYYY-MM-DD`.
    pub day: String,
    /// Calls with a verdict.
    pub judged: u64,
    /// Of these, those it objects to.
    pub denied: u64,
    /// Of these, blocked ones.
    pub blocked: u64,
    /// Calls without a verdict.
    pub unjudged: u64,
    #[serde(skip)]
    pub(crate) unjudged_blocked: u64,
    #[serde(skip)]
    pub(crate) last_attack: Option<Time>,
}

/// A control, as the days kept know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Control {
    /// Its title; empty for the protocol check and for `mcp_attack`.
    pub title: String,
    /// `acl`, `verify`, `tool_schema`, `protocol_check`, `external`.
    pub kind: &'static str,
    /// The type of its attacks.
    #[serde(rename = "type")]
    pub kind_of_attack: String,
    /// Its place in nginx.conf, of its newest version.
    pub place: String,
    /// `monitoring` or `block`, of its newest version.
    pub mode: String,
    /// Its newest text; the first 64 kB.
    pub text: String,
    /// Calls with a verdict.
    pub judged: u64,
    /// Of these, those it has nothing to object to.
    pub allowed: u64,
    /// Of these, those it objects to.
    pub denied: u64,
    /// Of these, blocked ones.
    pub blocked: u64,
    /// Calls without a verdict.
    pub unjudged: u64,
    /// Of these, blocked ones (`mcp_fail closed`).
    pub unjudged_blocked: u64,
    /// When it objected last.
    pub last_attack: Option<Time>,
    /// The same by days, oldest first.
    pub days: Vec<ControlDay>,
}
