//! What is remembered: exchanges, calls, outcomes, coverage, attacks, lists; masking and hashing of values.
//!
//! The types here are the narrow door between the two towers: `exchange` makes them from traffic,
//! `store` writes them down. They borrow from the capture they were read from, so that a record
//! costs no allocation on its way to the store.

mod attack;
mod call;
mod exchange;
mod hash;
mod listing;
mod mask;
mod output;
mod payload;
mod reason;
mod shape;
mod sink;

pub use attack::{Action, Attack, AttackKind, ControlRef, Evidence, Judged, Mode};
pub use call::{Answer, Call, Coverage, Direction, Outcome, Payload, Primitive};
pub use exchange::{
    Claim, Client, Event, EventKind, Exchange, IdSource, Identity, Micros, Param, Server,
    Unannounced, Verified,
};
pub use hash::HashKey;
pub use listing::{Listed, Listing};
pub use mask::Mask;
pub use payload::unmasked;
pub use reason::Reason;
pub use shape::shape;
pub use sink::{CallRef, PartRef, Patience, Place, Sink};
