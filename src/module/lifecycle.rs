//! What nginx calls when it reads its configuration, starts workers and ends them.

use crate::conf::MainConf;
use crate::guard::guard;
use crate::{console, fill, filter, gate, lock, process, variables};
use nginx_sys::{
    NGX_ERROR, NGX_OK, NGX_PROCESS_SINGLE, NGX_PROCESS_WORKER, ngx_array_push, ngx_conf_t,
    ngx_cycle_t, ngx_http_conf_ctx_t, ngx_http_core_main_conf_t, ngx_http_core_module,
    ngx_http_handler_pt, ngx_http_module, ngx_http_phases_NGX_HTTP_LOG_PHASE,
    ngx_http_phases_NGX_HTTP_PRECONTENT_PHASE, ngx_http_variable_t, ngx_int_t, ngx_process,
    ngx_test_config, ngx_uint_t,
};

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
        // SAFETY: nginx passes a valid configuration context, with all levels merged.
        unsafe {
            let Some(main) = MainConf::from_cf(cf) else { return OK };
            main.settle(cf);
            if !main.is_used {
                return OK;
            }
            let core = core_conf(cf);
            let log = (*core).phases.get_mut(ngx_http_phases_NGX_HTTP_LOG_PHASE as usize);
            let Some(log) = log else { return ERROR };
            let handler = ngx_array_push(&raw mut log.handlers).cast::<ngx_http_handler_pt>();
            if handler.is_null() {
                return ERROR;
            }
            handler.write(Some(filter::log));
            if main.may_block {
                let gate =
                    (*core).phases.get_mut(ngx_http_phases_NGX_HTTP_PRECONTENT_PHASE as usize);
                let Some(gate) = gate else { return ERROR };
                let handler = ngx_array_push(&raw mut gate.handlers).cast::<ngx_http_handler_pt>();
                if handler.is_null() {
                    return ERROR;
                }
                handler.write(Some(gate::handler));
            }
            fill::use_request_id(index_of(core, b"request_id"));
            filter::install_request();
            OK
        }
    })
}

/// Installs the response filters, if any location records.
pub(crate) unsafe extern "C" fn filter_postconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    guard(ERROR, || {
        // SAFETY: nginx passes a valid configuration context, with all levels merged.
        unsafe {
            if MainConf::from_cf(cf).is_some_and(|main| main.is_used) {
                filter::install_answer();
            }
        }
        OK
    })
}

/// In the master, once the configuration is in force: lets go of stores it does not use.
pub(crate) unsafe extern "C" fn init_module(cycle: *mut ngx_cycle_t) -> ngx_int_t {
    guard(OK, || {
        // SAFETY: nginx passes the cycle that is now in force.
        unsafe {
            if ngx_test_config == 0 {
                let store = main_conf(cycle).and_then(|main| main.store.as_ref());
                lock::keep_only(store.map(|store| store.path.as_path()));
            }
        }
        OK
    })
}

/// In a worker (or the single process, and not in the cache's helpers): starts the writer.
pub(crate) unsafe extern "C" fn init_process(cycle: *mut ngx_cycle_t) -> ngx_int_t {
    guard(OK, || {
        // SAFETY: nginx passes the cycle in force, in a process that has just begun.
        unsafe {
            let kind = ngx_process;
            if kind != NGX_PROCESS_WORKER as ngx_uint_t && kind != NGX_PROCESS_SINGLE as ngx_uint_t
            {
                return OK;
            }
            let Some(main) = main_conf(cycle).filter(|main| main.is_used) else { return OK };
            if let Some(store) = &main.store {
                process::start(main, store, (*cycle).log);
            }
        }
        OK
    })
}

/// In a worker: ends the writer, within a bound.
pub(crate) unsafe extern "C" fn exit_process(_cycle: *mut ngx_cycle_t) {
    // The readers end while the writer does.
    // SAFETY: nginx calls it once, as the process ends.
    guard((), || unsafe { console::cancel() });
    // SAFETY: as above.
    guard((), || unsafe { process::stop() });
    // SAFETY: as above.
    guard((), || unsafe { console::stop() });
}

/// # Safety
/// A cycle whose configuration is read to its end.
unsafe fn main_conf<'c>(cycle: *mut ngx_cycle_t) -> Option<&'c MainConf> {
    // SAFETY: as `ngx_http_cycle_get_module_main_conf` finds it; null without an http block.
    unsafe {
        let http =
            (*cycle).conf_ctx.add(ngx_http_module.index).read().cast::<ngx_http_conf_ctx_t>();
        let index = (&raw const crate::ngx_http_mcp_sessions_module.ctx_index).read();
        http.as_ref()?.main_conf.add(index).read().cast::<MainConf>().as_ref()
    }
}

/// # Safety
/// The context of a postconfiguration.
unsafe fn core_conf(cf: *mut ngx_conf_t) -> *mut ngx_http_core_main_conf_t {
    // SAFETY: by the caller's promise.
    unsafe {
        let http = (*cf).ctx.cast::<ngx_http_conf_ctx_t>();
        (*http).main_conf.add(ngx_http_core_module.ctx_index).read().cast()
    }
}

/// Under which index nginx keeps a variable; `None` where nothing in the configuration uses it.
///
/// # Safety
/// nginx's own configuration, with all directives read.
unsafe fn index_of(core: *mut ngx_http_core_main_conf_t, name: &[u8]) -> Option<ngx_uint_t> {
    // SAFETY: by the caller's promise.
    let variables = unsafe { (*core).variables.as_slice::<ngx_http_variable_t>() };
    variables.iter().position(|variable| variable.name.as_bytes() == name)
}
