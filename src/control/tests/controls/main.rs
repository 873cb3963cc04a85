//! Controls: how their lines are read, and what they say of calls.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stdout)]

mod judging;
mod reading;
mod reference;
mod size;
mod support;
