//! The configured values of a request: who acts, which session, what else is known.

use super::LocConf;
use crate::nginx::Value;
use nginx_sys::ngx_http_request_t;

/// What the log phase evaluates, once.
#[derive(Clone, Default)]
pub(crate) struct Values {
    /// `mcp_session_id`.
    pub(crate) session_id: Vec<Value>,
    /// `mcp_session_derive`.
    pub(crate) derive: Vec<Value>,
    /// `mcp_user`.
    pub(crate) user: Vec<Value>,
    /// `mcp_role`.
    pub(crate) role: Vec<Value>,
    /// In the order of `Rules::params`.
    pub(crate) params: Vec<Value>,
}

impl LocConf {
    /// The host by which this request's MCP server is named: `$host` where it matches a
    /// `server_name` of the server block, else the block's first name.
    ///
    /// # Safety
    /// `r` is a live request in this location.
    pub(crate) unsafe fn host_of(&self, r: *mut ngx_http_request_t) -> &[u8] {
        // SAFETY: by the caller's promise.
        self.names.as_ref().map_or(&[], |names| unsafe { names.host_of(r) })
    }

    /// Whether the host asked for is one of the server block's names.
    ///
    /// # Safety
    /// As `host_of`.
    pub(crate) unsafe fn has_host_of(&self, r: *mut ngx_http_request_t) -> bool {
        // SAFETY: by the caller's promise.
        self.names.as_ref().is_some_and(|names| unsafe { names.have_host_of(r) })
    }
}
