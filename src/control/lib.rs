//! Who may do what: the identity a request carries, and what a tool takes as arguments.

pub mod catalogue;
mod identity;
pub mod schema;

pub use identity::{
    Claims, KEY_FILE_BYTES_MAX, KeyError, KeySet, Requirements, TOKEN_BYTES_MAX, TokenCache,
    TokenError, decode_unverified, verify,
};
