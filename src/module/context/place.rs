//! The place that nginx keeps for this module in each request.

use crate::nginx::Request;
use nginx_sys::ngx_uint_t;
use std::ffi::c_void;
use std::ptr::addr_of;

/// Stands in a request's place for a context where its body was looked at and is not MCP, so that
/// later pieces cost one comparison.
pub(super) static NOT_MCP: u8 = 0;

/// Remembers that a request is not MCP.
pub(crate) fn mark_not_mcp(r: Request<'_>) {
    // SAFETY: nginx allocates a place for each module; the mark is only ever compared.
    unsafe { place(r).write(addr_of!(NOT_MCP).cast_mut().cast()) };
}

/// Stands there where the exchange was counted as dropped.
static DROPPED: u8 = 1;

/// Remembers that a request passes unwatched and is counted.
pub(super) fn mark_dropped(r: Request<'_>) {
    // SAFETY: as above.
    unsafe { place(r).write(addr_of!(DROPPED).cast_mut().cast()) };
}

/// Whether it stands there: for every purpose but counting, such a request is not MCP.
#[inline]
pub(crate) fn is_dropped(r: Request<'_>) -> bool {
    // SAFETY: nginx allocates a place for each module.
    std::ptr::eq(unsafe { place(r).read() }.cast::<u8>(), addr_of!(DROPPED))
}

#[inline]
pub(super) fn place(r: Request<'_>) -> *mut *mut c_void {
    // SAFETY: a live request has a place for each module; the index is set when nginx loads it.
    unsafe {
        let index: ngx_uint_t = (&raw const crate::ngx_http_mcp_sessions_module.ctx_index).read();
        r.inner().ctx.add(index)
    }
}
