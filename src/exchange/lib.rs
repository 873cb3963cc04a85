//! One HTTP exchange from its first byte to its last, turned into records.
//!
//! No I/O, no clock and no randomness but as arguments; and it never fails: it returns what it
//! understood and says what it did not.

mod capture;
mod rules;

pub use capture::{Body, BodyEnd, Capture, Facts, Method, Part, Span};
pub use rules::{CaptureLevel, CaptureRules, Derive, ParamRule, ProvenPaths, Rules, PARAMS_MAX};
