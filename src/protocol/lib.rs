//! Bytes to MCP: JSON-RPC messages, event streams, methods and primitives, revisions, detection.
//!
//! Everything here is a pure function of bytes, or a small state machine fed with them: no input
//! makes it fail, it says what it understood and what it did not.

mod detect;
mod header;
mod json;
mod message;
mod meta;
mod method;
mod revision;
mod rpc_id;
mod sse;
mod strict;

pub use detect::{Detection, HeaderHints, detect, may_be_mcp_body};
pub use header::{accepts, decode_mcp_name, is_event_stream, is_json, is_media_type, media_type};
pub use json::{
    Document, Flaws, Items, Key, Limits, Members, Scanner, Value, ValueKind, duplicate_key,
    is_wide_encoding,
};
pub use message::{Message, MessageKind, Messages, messages};
pub use meta::{
    META_CLIENT_INFO, META_PROTOCOL_VERSION, META_SERVER_INFO, META_SUBSCRIPTION_ID, ResultType,
    client_info, is_error, meta, progress_token, protocol_version, request_state, result_type,
    server_info, task_id,
};
pub use method::{
    Direction, METHODS, MethodInfo, Place, Primitive, PrimitiveKind, arguments, is_known,
    is_mcp_family, method_info, primitive,
};
pub use revision::{Era, Revision, era};
pub use rpc_id::{RPC_ID_BYTES_MAX, RpcId};
pub use sse::{Event, EventReader, StreamStats};
pub use strict::{
    Boundary, OBJECTIONS_MAX, Objection, RequestHeaders, Rule, boundary, objections, primitives,
};

#[cfg(test)]
mod tests;
