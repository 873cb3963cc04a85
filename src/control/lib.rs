//! Who may do what: the identity a request carries, and the mitigation controls that judge calls.

mod acl;
pub mod catalogue;
mod control;
mod duration;
mod enforcement;
mod identity;
mod judge;
mod lines;
mod pattern;
mod reading;
pub mod schema;
mod verify;

pub use acl::CONDITIONS_MAX;
pub use control::{Control, ControlKind, LINES_MAX, TITLE_BYTES_MAX};
pub use enforcement::{GRACE_US_DEFAULT, GRACE_US_MAX};
pub use identity::{
    Claims, KEY_FILE_BYTES_MAX, KeyError, KeySet, Requirements, TOKEN_BYTES_MAX, TokenCache,
    TokenError, decode_unverified, verify,
};
pub use judge::{
    CallFacts, FOUND_BYTES_MAX, Judgement, Objection, Subject, ToolsOf, Unjudged, Unknown,
};
pub use lines::{Line, LineError, WARNINGS_MAX, Warning};
pub use reading::{NAMES_MAX, VALUES_MAX};
