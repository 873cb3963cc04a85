//! What nginx calls when it reads its configuration, starts workers and ends them.

use crate::guard::guard;
use crate::{conf, variables};
use nginx_sys::{NGX_ERROR, NGX_OK, ngx_conf_t, ngx_cycle_t, ngx_int_t};

const OK: ngx_int_t = NGX_OK as ngx_int_t;
const ERROR: ngx_int_t = NGX_ERROR as ngx_int_t;

/// Adds the variables, before the configuration that may use them is read.
pub(crate) unsafe extern "C" fn preconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    // SAFETY: nginx passes a valid configuration context.
    guard(ERROR, || unsafe { variables::add(cf) })
}

/// Installs the request body filter and the log handler, if any location records.
pub(crate) unsafe extern "C" fn postconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    guard(ERROR, || {
        // SAFETY: nginx passes a valid configuration context, after init_main_conf.
        let Some(_main) = (unsafe { conf::MainConf::from_cf(cf) }) else { return OK };
        OK
    })
}

/// Installs the response filters, if any location records.
pub(crate) unsafe extern "C" fn filter_postconfiguration(_cf: *mut ngx_conf_t) -> ngx_int_t {
    guard(ERROR, || OK)
}

/// In the master, once the configuration stands: takes the store's lock.
pub(crate) unsafe extern "C" fn init_module(_cycle: *mut ngx_cycle_t) -> ngx_int_t {
    guard(ERROR, || OK)
}

/// In a worker (or the single process): starts the writer.
pub(crate) unsafe extern "C" fn init_process(_cycle: *mut ngx_cycle_t) -> ngx_int_t {
    guard(OK, || OK)
}

/// In a worker: ends the writer, within a bound.
pub(crate) unsafe extern "C" fn exit_process(_cycle: *mut ngx_cycle_t) {
    guard((), || ());
}

/// In the master, at its end.
pub(crate) unsafe extern "C" fn exit_master(_cycle: *mut ngx_cycle_t) {
    guard((), || ());
}
