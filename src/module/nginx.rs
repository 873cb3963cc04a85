//! Thin wrappers over nginx's structures, so that raw pointers stay in few places.

mod value;

pub(crate) use value::Value;
