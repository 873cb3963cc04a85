//! One JSON-RPC message with its answer.

use crate::{Attack, Micros};
use protocol::{PrimitiveKind, RpcId};

/// Who sent the message that makes the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the MCP server.
    Client,
    /// From the MCP server to the client: sampling, elicitation, roots, ping.
    Server,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// A result.
    Ok,
    /// A result that says `isError`.
    ToolError,
    /// A JSON-RPC error.
    RpcError,
    /// An HTTP status of 4xx or 5xx without a JSON-RPC error for this call.
    HttpError,
    /// The server wants input first; the client retries (2026-07-28).
    InputRequired,
    /// 202: a notification or an answer was taken, and no answer is due.
    Accepted,
    /// Stopped by a control.
    Blocked,
    /// Cancelled by the client, by notification or (2026-07-28) by closing.
    Cancelled,
    /// The connection ended before the answer.
    Aborted,
    /// No answer yet.
    Pending,
    /// The answer passed but could not be read.
    Unobserved,
}

impl Outcome {
    /// Every outcome, in the order of its number.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::ToolError,
        Self::RpcError,
        Self::HttpError,
        Self::InputRequired,
        Self::Accepted,
        Self::Blocked,
        Self::Cancelled,
        Self::Aborted,
        Self::Pending,
        Self::Unobserved,
    ];

    /// The word used in the database, the API and variables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ToolError => "tool_error",
            Self::RpcError => "rpc_error",
            Self::HttpError => "http_error",
            Self::InputRequired => "input_required",
            Self::Accepted => "accepted",
            Self::Blocked => "blocked",
            Self::Cancelled => "cancelled",
            Self::Aborted => "aborted",
            Self::Pending => "pending",
            Self::Unobserved => "unobserved",
        }
    }

    /// Whether the session's count of errors includes it.
    #[must_use]
    pub const fn is_error(self) -> bool {
        matches!(self, Self::ToolError | Self::RpcError | Self::HttpError | Self::Aborted)
    }
}

/// What of the request or of the answer was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Coverage {
    /// All of it.
    #[default]
    Full,
    /// A part: a limit was reached.
    Truncated,
    /// It is in a content coding that cannot be read.
    Undecoded,
    /// nginx answered without reading it.
    Discarded,
    /// It ended before its end.
    Aborted,
    /// Nothing was seen of it.
    Unobserved,
}

impl Coverage {
    /// Every coverage, in the order of its number.
    pub const ALL: [Self; 6] = [
        Self::Full,
        Self::Truncated,
        Self::Undecoded,
        Self::Discarded,
        Self::Aborted,
        Self::Unobserved,
    ];

    /// The word used in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Truncated => "truncated",
            Self::Undecoded => "undecoded",
            Self::Discarded => "discarded",
            Self::Aborted => "aborted",
            Self::Unobserved => "unobserved",
        }
    }
}

/// A tool, resource, prompt or task that a call touches. The name is masked already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Primitive<'a> {
    /// What it is.
    pub kind: PrimitiveKind,
    /// The tool's or prompt's name, the resource's URI, the task's id.
    pub name: &'a str,
}

/// Arguments or a result as they are stored: masked or reduced to their shape, and within the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload<'a> {
    /// JSON text. Of a truncated payload, still a valid JSON document.
    pub json: &'a str,
    /// Whether something was left out because of a limit.
    pub truncated: bool,
}

/// The answer to a call, when it is known.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// When it was seen.
    pub at: Micros,
    /// What came of the call.
    pub outcome: Outcome,
    /// `None` for errors and where results are not captured.
    pub result: Option<Payload<'a>>,
    /// The JSON-RPC error's code.
    pub error_code: Option<i64>,
    /// The JSON-RPC error's message, masked; or, of a tool error, its text.
    pub error_message: Option<&'a str>,
    /// From the request's first byte to the answer, in microseconds. `None`: the store computes it
    /// from the call's time.
    pub duration_us: Option<u64>,
    /// From the request's first byte to the first event of the answer's stream, in microseconds.
    pub first_event_us: Option<u64>,
    /// How many notifications belonged to the call: progress, logging and others.
    pub notifications: u32,
    /// The size of the answer's message, in bytes as it passed.
    pub bytes_out: u64,
    /// What of it was seen.
    pub coverage: Coverage,
    /// Fingerprint under which a retry will link itself to this call (an `input_required` answer).
    pub continued_as: Option<u64>,
}

/// One JSON-RPC message of either direction, with its answer where that is known already.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// When its first byte was seen.
    pub at: Micros,
    /// Who sent it.
    pub direction: Direction,
    /// Its JSON-RPC id. `RpcId::None` for a notification.
    pub rpc_id: &'a RpcId,
    /// The JSON-RPC method as it was sent, control bytes included; empty where it is unknown.
    pub method: &'a str,
    /// What it touches.
    pub primitive: Option<Primitive<'a>>,
    /// What was passed.
    pub arguments: Option<Payload<'a>>,
    /// The size of the message, in bytes as it passed.
    pub bytes_in: u64,
    /// What of it was seen.
    pub coverage: Coverage,
    /// Fingerprint of the round this call continues (a retry after `input_required`).
    pub continues: Option<u64>,
    /// The protocol revision this message itself names, else the exchange's.
    pub protocol_version: &'a str,
    /// What controls object to it.
    pub attacks: &'a [Attack<'a>],
    /// Its answer; `outcome` is `Pending` where it may still come on this or another connection.
    pub answer: Answer<'a>,
}
