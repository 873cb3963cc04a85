//! One HTTP exchange from its first byte to its last, turned into records.
//!
//! No I/O, no clock and no randomness but as arguments; and it never fails: it returns what it
//! understood and says what it did not.

mod answer;
mod arena;
mod capture;
mod context;
mod decode;
mod draft;
mod emit;
mod event_ids;
mod interpreter;
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
pub mod view;

pub use capture::{Body, BodyEnd, Capture, Facts, Method, Part, Span};
pub use interpreter::{Bounds, Interpreter, Taken};
pub use rules::{CaptureLevel, CaptureRules, Derive, PARAMS_MAX, ParamRule, ProvenPaths, Rules};
pub use session::session_parameter;
