//! What whole conversations are recorded as.

mod bounds;
mod outcomes;
mod parts;
mod sessions;
