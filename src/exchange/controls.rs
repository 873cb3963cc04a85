//! What controls are in force in a location, as plain values, frozen at start.

use record::Mode;

/// Who objects: a control by its place in [`Controls::controls`], or what has no title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// The protocol check, or the recognition boundary of controls that block.
    Protocol,
    /// `mcp_attack`.
    External,
    /// A control.
    Control(u16),
}

/// The controls in force in a location.
#[derive(Debug, Default)]
pub struct Controls {
    /// `mcp_mode`: no control is stricter.
    pub mode: Mode,
    /// `mcp_protocol_check`.
    pub protocol_check: Mode,
    /// `mcp_fail closed`: what cannot be judged is blocked where a control blocks.
    pub fails_closed: bool,
    /// `mcp_block_status 403`.
    pub answers_403: bool,
    /// `mcp_other_bodies`: media types, in lower case.
    pub other_bodies: Vec<String>,
}

impl Controls {
    /// Whether a request could be blocked here, so that it has to be judged before it goes on.
    #[must_use]
    pub fn may_block(&self) -> bool {
        self.protocol_check == Mode::Block
    }
}
