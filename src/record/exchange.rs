//! What all calls of one HTTP exchange have in common.

/// Time since the Unix epoch in microseconds, UTC.
pub type Micros = i64;

/// By which rule a session's id was found (product.md, 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum IdSource {
    /// The `mcp_session_id` values.
    Configured,
    /// The `Mcp-Session-Id` header.
    Header,
    /// The session that the `endpoint` event of HTTP+SSE announced: its query parameter, or the
    /// part of its path that is an id.
    Query,
    /// Nothing to go by: same MCP server, user or credential or address, client.
    Derived,
    /// Failed probes and refused logins, kept together per client and day.
    None,
}

impl IdSource {
    /// Every source, in the order of its number.
    pub const ALL: [Self; 5] =
        [Self::Configured, Self::Header, Self::Query, Self::Derived, Self::None];

    /// The word used in the database, the API and variables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::Header => "header",
            Self::Query => "query",
            Self::Derived => "derived",
            Self::None => "none",
        }
    }
}

/// Whether the identity was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Verified {
    /// There was no token.
    #[default]
    None,
    /// A token whose signature and claims were verified with a configured key.
    Yes,
    /// A token that was not verified: no key, or it failed.
    No,
    /// No key, but `mcp_jwt_unverified allow` says that something in front has verified it.
    Front,
}

impl Verified {
    /// Every value, in the order of its number.
    pub const ALL: [Self; 4] = [Self::None, Self::Yes, Self::No, Self::Front];

    /// The word used in the database and the API; empty for none.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Yes => "yes",
            Self::No => "no",
            Self::Front => "front",
        }
    }
}

/// The MCP server an exchange went to.
#[derive(Clone, Copy, Debug)]
pub struct Server<'a> {
    /// `mcp_server_name`, or host + normalised path.
    pub name: &'a str,
    /// Where calls are kept while the server has never answered as one: the host alone, of which
    /// there are only as many as `server_name`s in the configuration.
    pub unproven: &'a str,
    /// The name is configured, so it needs no proof.
    pub is_named: bool,
    /// This exchange is the proof: a 2xx answer that is MCP.
    pub is_proven: bool,
}

/// What becomes of an exchange that joins a stream, where no stream announced its id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unannounced {
    /// The id counts all the same: the request says by itself that it is one.
    #[default]
    Kept,
    /// The id was only taken for one; the session is to be found by this rule, with the claim's
    /// `group`.
    By(IdSource),
    /// Without a stream there is no sign that the exchange is MCP at all: it is not recorded.
    Dropped,
}

/// The session an exchange says, or seems, to belong to.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// By which rule.
    pub source: IdSource,
    /// The id as it is to be stored: already hashed where it is configured so. Empty for
    /// `Derived` and `None`.
    pub id: &'a str,
    /// What `Derived` and `None` sessions are grouped by: a keyed fingerprint. Of an id that opens
    /// nothing, that of the `None` session which takes the exchange if the id is not known. 0
    /// otherwise.
    pub group: u64,
    /// For `Derived`: a gap longer than this, in microseconds, begins another session. For ids:
    /// the time after which a session counts as idle.
    pub idle_us: i64,
    /// A 2xx answer: the id may open a session. Ids that no server confirmed open nothing.
    pub opens: bool,
    /// The POST side of HTTP+SSE: the session belongs to the server of the event stream that
    /// announced this id, whatever path this exchange went to.
    pub joins_stream: bool,
    /// What if there is no such stream.
    pub unannounced: Unannounced,
}

/// A context parameter (`mcp_param`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// Its configured name.
    pub name: &'a str,
    /// Its value, hashed where configured so; never empty.
    pub value: &'a str,
}

/// Who acts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity<'a> {
    /// Empty where there is none.
    pub user: &'a str,
    /// A JSON array of strings; empty where there is none.
    pub roles: &'a str,
    /// Whether it was checked.
    pub verified: Verified,
    /// Keyed fingerprint of `Authorization`, to tell credentials apart; 0 for none.
    pub credential: u64,
    /// Context parameters with a value.
    pub params: &'a [Param<'a>],
}

/// A client's or a server's name and version, as it says itself; empty where unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Client<'a> {
    /// For example `claude-code`.
    pub name: &'a str,
    /// For example `2.1.0`.
    pub version: &'a str,
}

/// What all calls of one HTTP exchange have in common. All text is masked and within its limits.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// When its first byte was seen.
    pub at: Micros,
    /// When it was last heard of (now, for an exchange that has ended: its end).
    pub last_at: Micros,
    /// Where it went.
    pub server: Server<'a>,
    /// Which session it belongs to.
    pub session: Claim<'a>,
    /// Who acts.
    pub identity: Identity<'a>,
    /// The client, where this exchange says it.
    pub client: Client<'a>,
    /// The MCP server's own name and version, where this exchange says it.
    pub server_info: Client<'a>,
    /// The protocol revision that this exchange names or negotiated; empty where unknown.
    pub protocol_version: &'a str,
    /// `POST`, `GET`, `DELETE` or what was sent.
    pub http_method: &'a str,
    /// The status sent to the client; 0 before it is known.
    pub status: u16,
    /// The client's address.
    pub address: &'a str,
    /// Its `User-Agent`.
    pub user_agent: &'a str,
    /// nginx's `$request_id`, or an id of the same form.
    pub request_id: &'a str,
    /// Bytes of the request's body since the last record of this exchange.
    pub bytes_in: u64,
    /// Bytes of the answer's body since the last record of this exchange.
    pub bytes_out: u64,
}

/// What happened to a session without being a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EventKind {
    /// A GET opened an event stream.
    StreamOpened,
    /// It closed; `count` notifications had passed.
    StreamClosed,
    /// A GET was refused (405 of a server without streams, 404, …).
    StreamRefused,
    /// A 2xx DELETE, which ends the session.
    Deleted,
    /// A DELETE that was refused.
    DeleteRefused,
    /// 404 for its id to the same user or credential, which ends the session.
    NotFound,
    /// Server notifications that belong to no call; `count` of them.
    Notifications,
}

impl EventKind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 7] = [
        Self::StreamOpened,
        Self::StreamClosed,
        Self::StreamRefused,
        Self::Deleted,
        Self::DeleteRefused,
        Self::NotFound,
        Self::Notifications,
    ];

    /// The word used in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StreamOpened => "stream_opened",
            Self::StreamClosed => "stream_closed",
            Self::StreamRefused => "stream_refused",
            Self::Deleted => "deleted",
            Self::DeleteRefused => "delete_refused",
            Self::NotFound => "not_found",
            Self::Notifications => "notifications",
        }
    }
}

/// An event of a session.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// When.
    pub at: Micros,
    /// What.
    pub kind: EventKind,
    /// How many, where the kind counts.
    pub count: u32,
}
