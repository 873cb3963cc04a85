//! The protocol check: what is objected to in the form of a request.

use super::headers::Headers;
use protocol::{Boundary, Document, Objection, RequestHeaders};

/// What keeps a body from passing where a control blocks.
pub(super) fn refusal(document: &Document<'_>, headers: &Headers<'_>) -> Option<Objection> {
    match protocol::boundary(document, &of(headers)) {
        Boundary::Refused(objection) => Some(objection),
        Boundary::Calls | Boundary::Other => None,
    }
}

/// Everything that is objected to.
pub(super) fn objections(document: &Document<'_>, headers: &Headers<'_>) -> Vec<Objection> {
    protocol::objections(document, &of(headers))
}

fn of<'h>(headers: &'h Headers<'h>) -> RequestHeaders<'h> {
    RequestHeaders {
        content_type: &headers.content_type,
        content_encoding: &headers.content_encoding,
        mcp_method: &headers.mcp_method,
        mcp_name: &headers.mcp_name,
        protocol_version: &headers.protocol_version,
    }
}
