//! What whole conversations are recorded as.

mod bounds;
mod conversations;
mod lists;
mod outcomes;
mod parts;
mod sessions;
