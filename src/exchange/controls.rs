//! What controls are in force in a location, as plain values, frozen at start.

use control::Control;
use record::{AttackKind, ControlRef, Mode};
use std::sync::Arc;

/// The most controls in force in one location.
pub const CONTROLS_MAX: usize = 1000;

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

/// A control, and how strict it is here.
#[derive(Clone, Debug)]
pub struct InForce {
    /// The control.
    pub control: Arc<Control>,
    /// Its mode in this location.
    pub mode: Mode,
}

/// The controls in force in a location.
#[derive(Debug, Default)]
pub struct Controls {
    /// `mcp_mode`: no control is stricter.
    pub mode: Mode,
    /// `mcp_protocol_check`.
    pub protocol_check: Mode,
    /// File and line of `mcp_protocol_check`; empty where it holds by default.
    pub protocol_place: String,
    /// Those of outer levels first, as they are written.
    pub controls: Vec<InForce>,
    /// File and line of `mcp_attack`, if it is in force.
    pub external_place: Option<String>,
    /// `mcp_fail closed`: what cannot be judged is blocked where a control blocks.
    pub fails_closed: bool,
    /// `mcp_block_status 403`.
    pub answers_403: bool,
    /// `mcp_other_bodies`: media types, in lower case.
    pub other_bodies: Vec<String>,
    /// `mcp_capture evidence_limit=`; `None` for `evidence=off`.
    pub evidence_bytes_max: Option<usize>,
    /// The number of the location, by which a snapshot of the catalogue knows its tools.
    pub location: usize,
}

impl Controls {
    /// Whether a request could be blocked here, so that it has to be judged before it goes on.
    #[must_use]
    pub fn may_block(&self) -> bool {
        self.protocol_check == Mode::Block
            || self.external_place.is_some() && self.mode == Mode::Block
            || self.controls.iter().any(|it| it.mode == Mode::Block)
    }

    /// Whether there is nothing to judge by.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.protocol_check == Mode::Off
            && (self.external_place.is_none() || self.mode == Mode::Off)
            && self.controls.iter().all(|it| it.mode == Mode::Off)
    }

    /// How records refer to one of them.
    #[must_use]
    pub fn reference(&self, who: Who) -> ControlRef<'_> {
        match who {
            Who::Control(index) => match self.controls.get(usize::from(index)) {
                Some(InForce { control, mode }) => ControlRef {
                    kind: control.kind().attack_kind(),
                    title: control.title(),
                    place: control.place(),
                    text: control.text(),
                    mode: *mode,
                },
                None => self.reference(Who::Protocol),
            },
            Who::External => ControlRef {
                kind: AttackKind::External,
                title: "",
                place: self.external_place.as_deref().unwrap_or_default(),
                text: "",
                mode: self.mode,
            },
            Who::Protocol => ControlRef {
                kind: AttackKind::ProtocolViolation,
                title: "",
                place: &self.protocol_place,
                text: "",
                mode: if self.may_block() { Mode::Block } else { self.protocol_check },
            },
        }
    }
}
