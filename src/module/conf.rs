//! Directives. (The first form: what the rest of the module asks of it.)

use crate::nginx::Value;
use exchange::Rules;
use nginx_sys::{ngx_command_t, ngx_conf_t, ngx_http_request_t, ngx_shm_zone_t};
use std::ffi::{c_char, c_void};
use std::path::PathBuf;
use std::ptr::null_mut;
use std::sync::Arc;

/// The directive table.
pub(crate) static mut COMMANDS: [ngx_command_t; 1] = [ngx_command_t::empty()];

/// `mcp_sessions_store`.
pub(crate) struct StoreConf {
    pub(crate) path: PathBuf,
    /// Added by `ngx_shared_memory_add` with `crate::zone::init` as its `init`.
    pub(crate) zone: *mut ngx_shm_zone_t,
    pub(crate) retention_days: u32,
    pub(crate) size_bytes_max: u64,
    pub(crate) free_bytes_min: u64,
    pub(crate) flush_ms: u64,
    pub(crate) queue_bytes_max: usize,
    pub(crate) sync_full: bool,
}

/// http level.
pub(crate) struct MainConf {
    pub(crate) store: Option<StoreConf>,
    /// `mcp_memory_limit`.
    pub(crate) memory_bytes_max: usize,
    /// `mcp_sessions on` somewhere.
    pub(crate) is_used: bool,
    /// `$request_id` appears in the configuration: records carry nginx's own then.
    pub(crate) uses_request_id: bool,
}

/// What the log phase evaluates, once.
#[derive(Default)]
pub(crate) struct Values {
    pub(crate) session_id: Vec<Value>,
    pub(crate) derive: Vec<Value>,
    pub(crate) user: Vec<Value>,
    pub(crate) role: Vec<Value>,
    /// In the order of `Rules::params`.
    pub(crate) params: Vec<Value>,
}

/// Location level.
pub(crate) struct LocConf {
    /// `None`: `mcp_sessions off`.
    pub(crate) rules: Option<Arc<Rules>>,
    pub(crate) values: Values,
}

impl MainConf {
    /// Of a configuration being read.
    pub(crate) unsafe fn from_cf<'a>(_cf: *mut ngx_conf_t) -> Option<&'a Self> {
        None
    }
}

impl LocConf {
    /// Of the location the request is in.
    pub(crate) unsafe fn of<'a>(_r: *mut ngx_http_request_t) -> Option<&'a Self> {
        None
    }
}

pub(crate) unsafe extern "C" fn create_main_conf(_cf: *mut ngx_conf_t) -> *mut c_void {
    null_mut()
}
pub(crate) unsafe extern "C" fn init_main_conf(
    _cf: *mut ngx_conf_t,
    _conf: *mut c_void,
) -> *mut c_char {
    null_mut()
}
pub(crate) unsafe extern "C" fn create_loc_conf(_cf: *mut ngx_conf_t) -> *mut c_void {
    null_mut()
}
pub(crate) unsafe extern "C" fn merge_loc_conf(
    _cf: *mut ngx_conf_t,
    _prev: *mut c_void,
    _conf: *mut c_void,
) -> *mut c_char {
    null_mut()
}
