//! What the client of a blocked request is told: nothing about the policy.

use crate::fill::{MCP_METHOD, MCP_PROTOCOL_VERSION, MCP_SESSION_ID};
use crate::nginx::each_header;
use crate::nginx::{Request, bytes, send_whole};
use exchange::{BLOCKED_CODE, Controls, Reply};
use nginx_sys::{ngx_http_discard_request_body, ngx_http_request_t, ngx_int_t};

const MESSAGE: &str = "Request blocked";

/// An answer to a blocked request.
pub(super) struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    /// 200 with a JSON-RPC error where a call waits for one, else 403.
    pub(super) fn new(
        r: Request<'_>,
        controls: &Controls,
        reply: &Reply,
        request_id: &str,
    ) -> Self {
        let (id, is_call) = match reply {
            Reply::Call(id) => (id.as_str(), true),
            Reply::Refusal => ("null", false),
        };
        let is_answered_here = is_call && !controls.answers_403 && !is_old_transport(r);
        // The id is JSON text, the request's id hexadecimal digits.
        let body = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":{BLOCKED_CODE},\
             \"message\":\"{MESSAGE}\",\"data\":{{\"request_id\":\"{request_id}\"}}}}}}"
        );
        Self { status: if is_answered_here { 200 } else { 403 }, body }
    }

    /// Sends it. nginx's `error_page` does not see it, since it is no status that a handler returns.
    ///
    /// # Safety
    /// A live request that nothing was sent for.
    pub(super) unsafe fn send(self, r: *mut ngx_http_request_t) -> ngx_int_t {
        // SAFETY: by the caller's promise.
        unsafe {
            // What nobody has read must not be taken for the next request.
            let rc = ngx_http_discard_request_body(r);
            if rc != nginx_sys::NGX_OK as ngx_int_t {
                return rc;
            }
            // An error that led here is not the answer any more.
            (*r).err_status = 0;
            (*r).headers_out.status_line.len = 0;
            send_whole(r, self.status, "application/json", std::iter::empty(), self.body.as_bytes())
        }
    }
}

/// Whether a request is the POST side of HTTP+SSE, whose answers come on another connection, so
/// that a body of its own answer would not be read: it has a session parameter and none of the
/// signs of Streamable HTTP.
fn is_old_transport(r: Request<'_>) -> bool {
    let mut is_streamable = false;
    // SAFETY: the request's own list.
    unsafe {
        each_header(&r.inner().headers_in.headers, |header| {
            is_streamable |= MCP_SESSION_ID.is(header)
                || MCP_PROTOCOL_VERSION.is(header)
                || MCP_METHOD.is(header)
                || crate::fill::ACCEPT.is(header)
                    && protocol::accepts(bytes(&header.value), "text/event-stream");
        });
    }
    !is_streamable && exchange::is_old_transport(r.query(), &r.path())
}
