//! A draft of nginx's configuration: which controls there are, and where they are in force.

mod draft;
mod files;
mod level;
mod place;
mod tokens;

pub(crate) use draft::Draft;
pub(crate) use level::{Named, Said};
pub(crate) use place::InForce;

use thiserror::Error;

/// Why a draft cannot be used. Shown as nginx shows it: what, and in which file and line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message} in {file}:{line}")]
pub(crate) struct ConfError {
    /// What is wrong and what to write instead.
    pub(crate) message: String,
    /// The file, as the draft names it.
    pub(crate) file: String,
    /// The line; 0 where none is to blame.
    pub(crate) line: u32,
}
