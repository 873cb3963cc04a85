//! What controls think of a call, and what was done about it.

use crate::Micros;

/// The type of an attack (product.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum AttackKind {
    /// An ACL policy denied the call.
    AclViolation,
    /// A request verification failed.
    VerificationFailure,
    /// A tool's input schema does not allow the call.
    InvalidToolCall,
    /// The protocol check objects to the request's form.
    ProtocolViolation,
    /// Another program found it (`mcp_attack`).
    External,
}

impl AttackKind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 5] = [
        Self::AclViolation,
        Self::VerificationFailure,
        Self::InvalidToolCall,
        Self::ProtocolViolation,
        Self::External,
    ];

    /// The words used in the database, the API, logs and variables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AclViolation => "ACL violation",
            Self::VerificationFailure => "MCP request verification failure",
            Self::InvalidToolCall => "Invalid tool call",
            Self::ProtocolViolation => "Protocol violation",
            Self::External => "External",
        }
    }
}

/// How strict a control, or the location, is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Mode {
    /// Nothing is judged.
    Off,
    /// Calls are judged, and pass.
    #[default]
    Monitoring,
    /// Calls that are objected to do not reach the MCP server.
    Block,
}

impl Mode {
    /// Every mode, in the order of its number, the strictest last.
    pub const ALL: [Self; 3] = [Self::Off, Self::Monitoring, Self::Block];

    /// The word used in directives, the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Monitoring => "monitoring",
            Self::Block => "block",
        }
    }
}

/// What was done about a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Action {
    /// It went to the MCP server.
    #[default]
    Passed,
    /// It did not.
    Blocked,
}

impl Action {
    /// Every action, in the order of its number.
    pub const ALL: [Self; 2] = [Self::Passed, Self::Blocked];

    /// The word used in the database, the API, logs and variables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Blocked => "blocked",
        }
    }
}

/// A control as it was when it judged. The protocol check and `mcp_attack` count as controls
/// without a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ControlRef<'a> {
    /// The type of its attacks, which tells its kind.
    pub kind: AttackKind,
    /// Its title; empty for the protocol check and for `mcp_attack`.
    pub title: &'a str,
    /// File and line, `nginx.conf:17`; the file without its folder.
    pub place: &'a str,
    /// Its text as it stands in the configuration; for the API.
    pub text: &'a str,
    /// How strict it is where it judged.
    pub mode: Mode,
}

/// The request as it came, masked and within `mcp_capture evidence_limit=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence<'a> {
    /// `POST /mcp HTTP/1.1`, its query masked.
    pub line: &'a str,
    /// A JSON array of `["Name", "value"]`; credentials masked.
    pub headers: &'a str,
    /// The body: masked JSON where it could be read, else masked text.
    pub body: &'a str,
    /// Whether a limit cut something.
    pub truncated: bool,
}

/// One objection of one control to one call. All text is masked.
#[derive(Clone, Copy, Debug)]
pub struct Attack<'a> {
    /// When the call was judged.
    pub at: Micros,
    /// Who objects.
    pub control: ControlRef<'a>,
    /// What was done.
    pub action: Action,
    /// Which rule, in words: `deny all, line 21`.
    pub detail: &'a str,
    /// The place in the call: a JSON pointer into the message, `header NAME`, or `query`; empty for none.
    pub point: &'a str,
    /// What the rule wants there; empty where that says nothing.
    pub expected: &'a str,
    /// What stands there, masked; empty where that says nothing.
    pub found: &'a str,
    /// The request. `None` with `evidence=off`.
    pub evidence: Option<Evidence<'a>>,
}

/// What a control made of a call that it covers. Counted per control, MCP server and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Judged {
    /// Nothing to object.
    Allowed,
    /// It objects, and the call passed.
    Denied,
    /// It objects, and the call was blocked.
    Blocked,
    /// It could not be judged, and the call passed.
    Unjudged,
    /// It could not be judged, and was blocked for that (`mcp_fail closed`).
    UnjudgedBlocked,
}
