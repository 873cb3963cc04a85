//! The nginx edge: what passes through nginx is copied here, handed to a writer thread, and left
//! as it is.
//!
//! Two nginx modules live in one shared object. `ngx_http_mcp_sessions_module` holds directives,
//! variables, the request body filter and the log handler; `ngx_http_mcp_sessions_filter_module`
//! holds the response filters, because only its own place in nginx's order lets them see bodies in
//! memory (right after the copy filter).
//!
//! It is the only crate with `unsafe`: every raw pointer of nginx stays in here.

mod clock;
mod conf;
mod console;
mod context;
mod fill;
mod filter;
mod gate;
mod guard;
mod handover;
mod jwt;
mod lifecycle;
mod lock;
mod nginx;
mod process;
mod status;
mod thread;
mod variables;
mod worker;
mod writer;
mod zone;

use nginx_sys::{NGX_HTTP_MODULE, ngx_http_module_t, ngx_module_t, ngx_uint_t};
use std::ptr::{addr_of, addr_of_mut, null_mut};

/// Callbacks of the main module.
static MODULE_CTX: ngx_http_module_t = ngx_http_module_t {
    preconfiguration: Some(lifecycle::preconfiguration),
    postconfiguration: Some(lifecycle::postconfiguration),
    create_main_conf: Some(conf::create_main_conf),
    init_main_conf: Some(conf::init_main_conf),
    create_srv_conf: None,
    merge_srv_conf: None,
    create_loc_conf: Some(conf::create_loc_conf),
    merge_loc_conf: Some(conf::merge_loc_conf),
};

/// Callbacks of the filter module.
static FILTER_CTX: ngx_http_module_t = ngx_http_module_t {
    preconfiguration: None,
    postconfiguration: Some(lifecycle::filter_postconfiguration),
    create_main_conf: None,
    init_main_conf: None,
    create_srv_conf: None,
    merge_srv_conf: None,
    create_loc_conf: None,
    merge_loc_conf: None,
};

/// Directives, variables, request side, log phase, threads.
#[allow(non_upper_case_globals)]
#[cfg_attr(not(feature = "export-modules"), unsafe(no_mangle))]
pub static mut ngx_http_mcp_sessions_module: ngx_module_t = ngx_module_t {
    ctx: addr_of!(MODULE_CTX).cast_mut().cast(),
    commands: addr_of_mut!(conf::COMMANDS).cast(),
    type_: NGX_HTTP_MODULE as ngx_uint_t,
    init_module: Some(lifecycle::init_module),
    init_process: Some(lifecycle::init_process),
    exit_process: Some(lifecycle::exit_process),
    ..ngx_module_t::default()
};

/// Response side.
#[allow(non_upper_case_globals)]
#[cfg_attr(not(feature = "export-modules"), unsafe(no_mangle))]
pub static mut ngx_http_mcp_sessions_filter_module: ngx_module_t = ngx_module_t {
    ctx: addr_of!(FILTER_CTX).cast_mut().cast(),
    commands: null_mut(),
    type_: NGX_HTTP_MODULE as ngx_uint_t,
    ..ngx_module_t::default()
};

/// The tables that `load_module` looks for. `ngx::ngx_modules!` would export an empty order, and
/// an empty order puts the filters where files pass unread.
#[cfg(feature = "export-modules")]
#[allow(non_upper_case_globals)]
mod exports {
    use nginx_sys::ngx_module_t;
    use std::ffi::c_char;
    use std::ptr::{addr_of, null};

    #[unsafe(no_mangle)]
    static mut ngx_modules: [*const ngx_module_t; 3] = [
        addr_of!(super::ngx_http_mcp_sessions_module),
        addr_of!(super::ngx_http_mcp_sessions_filter_module),
        null(),
    ];
    #[unsafe(no_mangle)]
    static mut ngx_module_names: [*const c_char; 3] = [
        c"ngx_http_mcp_sessions_module".as_ptr(),
        c"ngx_http_mcp_sessions_filter_module".as_ptr(),
        null(),
    ];
    #[unsafe(no_mangle)]
    static mut ngx_module_order: [*const c_char; 3] = [
        c"ngx_http_mcp_sessions_filter_module".as_ptr(),
        c"ngx_http_copy_filter_module".as_ptr(),
        null(),
    ];
}
