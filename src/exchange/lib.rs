//! One HTTP exchange from its first byte to its last, turned into records.
//!
//! No I/O, no clock and no randomness but as arguments; and it never fails: it returns what it
//! understood and says what it did not.

mod answer;
mod arena;
mod attack;
mod capture;
mod context;
mod controls;
mod decode;
mod draft;
mod emit;
mod event_ids;
mod interpreter;
mod judge;
pub mod limits;
mod listing;
mod memo;
mod request;
mod roles;
mod rules;
mod session;
mod settle;
mod stream;
#[cfg(test)]
mod testing;
mod tools;
mod verdict;
pub mod view;

pub use attack::AttackLine;
pub use capture::{Body, BodyEnd, Capture, Facts, Method, Part, Span};
pub use controls::{CONTROLS_MAX, Controls, InForce, Who};
pub use interpreter::{Bounds, Interpreter, Taken};
pub use judge::{Case, Judge, Reply, Seen, header_matches, is_variable_name};
pub use rules::{CaptureLevel, CaptureRules, Derive, PARAMS_MAX, ParamRule, ProvenPaths, Rules};
pub use session::{is_old_transport, session_parameter};
pub use settle::BLOCKED_CODE;
pub use tools::{Snapshot, ToolsHere};
pub use verdict::{Denial, Tally, Verdict};
