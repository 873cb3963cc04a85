//! nginx's error log.

use nginx_sys::{ngx_log_error_core, ngx_log_t, ngx_str_t, ngx_uint_t};
use std::fmt::{self, Write};

/// Writes a line to an nginx log: `log!(NGX_LOG_WARN, log, "…{}", x)`, in an unsafe context.
macro_rules! log {
    ($level:expr, $log:expr, $($arg:tt)*) => {
        $crate::nginx::write_log($level, $log, format_args!($($arg)*))
    };
}
pub(crate) use log;

/// Writes a line, if the log's level lets it.
///
/// # Safety
/// `log` is null or a live log of this process, and this is the event loop's thread (or the
/// master's): nginx's logs are no thread's but its.
pub(crate) unsafe fn write_log(level: u32, log: *mut ngx_log_t, args: fmt::Arguments<'_>) {
    let level = level as ngx_uint_t;
    // SAFETY: by the caller's promise.
    let is_wanted = unsafe { log.as_ref() }.is_some_and(|log| log.log_level >= level);
    if !is_wanted {
        return;
    }
    let mut line = String::new();
    if line.write_fmt(args).is_err() {
        return;
    }
    let mut text = ngx_str_t { data: line.as_mut_ptr(), len: line.len() };
    // SAFETY: `%V` takes a pointer to a string, which lives until the call returns.
    unsafe { ngx_log_error_core(level, log, 0, c"%V".as_ptr(), &raw mut text) };
}
