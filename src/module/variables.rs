//! The variables.

use nginx_sys::{NGX_OK, ngx_conf_t, ngx_int_t};

/// Adds them to the configuration being read.
///
/// # Safety
/// `cf` is the configuration context nginx passed.
pub(crate) unsafe fn add(_cf: *mut ngx_conf_t) -> ngx_int_t {
    NGX_OK as ngx_int_t
}
