//! Thin wrappers over nginx's structures, so that raw pointers stay in few places.

mod answer;
mod buf;
mod headers;
mod log;
mod request;
mod timer;
mod value;

pub(crate) use answer::{send_head, send_whole};
pub(crate) use buf::pieces;
pub(crate) use headers::{HeaderName, each_header};
pub(crate) use log::{log, write_log};
pub(crate) use request::Request;
pub(crate) use timer::Timer;
pub(crate) use value::{Value, bytes};
