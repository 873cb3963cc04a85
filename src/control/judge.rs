//! What a control is told of a call, and what it says.

use crate::catalogue::Tools;
use protocol::Value;
use record::Micros;
use std::net::IpAddr;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct CallFacts<'a> {
    /// The JSON-RPC method, unescaped.
    pub method: &'a str,
    /// The tool's or prompt's name or the resource's URI, unescaped.
    pub primitive: Option<&'a str>,
    /// `params.arguments` of a `tools/call`.
    pub arguments: Option<Value<'a>>,
    /// When it is asked for.
    pub now: Micros,
}

/// Who asks, as this very request says it: nothing carried over from earlier ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The user; empty for none.
    pub user: &'a str,
    /// The roles.
    pub roles: &'a [&'a str],
    /// The client's address; `None` for a unix socket.
    pub address: Option<IpAddr>,
    /// The name that the client gives itself in this request; empty for none.
    pub client: &'a str,
    /// Every occurrence of each of [`Control::values`](crate::Control::values), in their order. No
    /// occurrence, or one that is empty: the value is missing.
    pub values: &'a [&'a [&'a [u8]]],
}

/// What is not known of who asked, where a call is judged from its record.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unknown<'a> {
    /// The user.
    pub user: bool,
    /// The roles.
    pub roles: bool,
    /// Which of [`Control::values`](crate::Control::values), in their order.
    pub values: &'a [bool],
}

impl Unknown<'_> {
    pub(crate) fn value(&self, index: usize) -> bool {
        self.values.get(index).copied().unwrap_or_default()
    }
}

/// The tools of the MCP server that is called; `None` if it was never seen to list any.
#[derive(Clone, Copy, Debug)]
pub struct ToolsOf<'a>(pub Option<&'a Tools>);

/// What a control says of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is none of its business.
    NotCovered,
    /// Nothing to object.
    Allowed,
    /// It objects.
    Denied(Objection),
    /// It cannot say. `mcp_fail` decides.
    Unjudged(Unjudged),
}

/// Why, and where in the call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objection {
    /// The rule: `deny all, line 21`.
    pub detail: String,
    /// A JSON pointer into the message, `header NAME`, or `query`; empty for none.
    pub point: String,
    /// What the rule wants there; empty where that says nothing.
    pub expected: String,
    /// What stands there, not masked, at most [`FOUND_BYTES_MAX`]; empty where that says nothing.
    pub found: String,
}

/// The most bytes of [`Objection::found`].
pub const FOUND_BYTES_MAX: usize = 4096;

/// Why a call was not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unjudged {
    /// It would have taken more steps than there were.
    Budget,
    /// The tool's schema says nothing of these arguments: it was refused, they were cut, or there was
    /// no room for it.
    SchemaCost,
    /// Undefined tools are denied, and the MCP server has never listed its tools.
    NoSchema,
    /// It depends on what the record of the call does not say.
    NotRecorded,
}

impl Unjudged {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Budget, Self::SchemaCost, Self::NoSchema, Self::NotRecorded];

    /// The words used in counters and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::SchemaCost => "schema_cost",
            Self::NoSchema => "no_schema",
            Self::NotRecorded => "not_recorded",
        }
    }
}
