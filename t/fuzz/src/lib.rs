//! What must hold for any bytes. Each target panics where it does not.

mod boundary;
mod exchange;
mod json;
mod message;
mod mutation;
mod schema;
mod sse;

pub use boundary::boundary_and_objections;
pub use exchange::exchange;
pub use json::json_scan;
pub use message::message;
pub use mutation::{Random, mutated};
pub use schema::schema;
pub use sse::sse_split;

/// A target: what must hold, and inputs that come near the interesting places.
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Panics if something does not hold.
    pub run: fn(&[u8]),
    /// Inputs to start from.
    pub seeds: &'static [&'static [u8]],
}

/// All targets.
pub const TARGETS: [Target; 6] = [
    Target { name: "boundary", run: boundary_and_objections, seeds: boundary::SEEDS },
    Target { name: "exchange", run: exchange, seeds: exchange::SEEDS },
    Target { name: "json_scan", run: json_scan, seeds: json::SEEDS },
    Target { name: "message", run: message, seeds: message::SEEDS },
    Target { name: "schema", run: schema, seeds: schema::SEEDS },
    Target { name: "sse_split", run: sse_split, seeds: sse::SEEDS },
];
