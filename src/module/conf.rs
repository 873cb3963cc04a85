//! The configuration: directives, levels, inheritance.
//!
//! Each level (`http`, `server`, `location`) holds what it says itself in [`Said`]; merging fills
//! in what it does not say from the level around it and makes what requests and the writer use: the
//! [`Rules`] and [`Values`] of a location.

mod block;
mod console;
mod controls;
mod identity;
mod line;
mod location;
mod merge;
mod names;
mod set;
mod store;
mod table;
mod values;
mod written;

pub(crate) use controls::{Judged, JudgedBy};
pub(crate) use location::Said;
pub(crate) use names::ServerNames;
pub(crate) use set::{SetVariable, Source};
pub(crate) use store::StoreConf;
pub(crate) use table::COMMANDS;
pub(crate) use values::Values;
pub(crate) use written::{Recording, Written};

use crate::guard::guard;
use crate::jwt::JwtConf;
use crate::status::StatusConf;
use crate::{ngx_http_mcp_sessions_module, variables, zone};
use ::console::Console;
use exchange::{Controls, Rules};
use nginx_sys::{
    ngx_array_t, ngx_conf_t, ngx_http_conf_ctx_t, ngx_http_core_main_conf_t, ngx_http_core_module,
    ngx_http_request_t, ngx_http_variable_t, ngx_int_t, ngx_pool_cleanup_add, ngx_pool_t,
};
use record::{HashKey, Mask};
use std::ffi::{c_char, c_void};
use std::ptr::{null_mut, without_provenance_mut};
use std::rc::Rc;
use std::sync::Arc;

/// nginx's `NGX_CONF_ERROR`, a cast that is not in the bindings.
const NGX_CONF_ERROR: *mut c_char = without_provenance_mut(usize::MAX);
const MEMORY_BYTES_MAX: usize = 256 << 20;

/// What nginx's slab allocator needs beside our own structure, with room to spare; and what sizes
/// are rounded up to, so that a message names one that is easy to write.
const SLAB_BYTES: u64 = 128 << 10;
const ZONE_STEP_BYTES: u64 = 64 << 10;

/// http level.
pub(crate) struct MainConf {
    /// `mcp_sessions_store`.
    pub(crate) store: Option<StoreConf>,
    /// `mcp_memory_limit`, once `init_main_conf` has run.
    pub(crate) memory_bytes_max: usize,
    /// `mcp_sessions on` or controls somewhere: known in postconfiguration.
    pub(crate) is_used: bool,
    /// A control may block somewhere: known in postconfiguration.
    pub(crate) may_block: bool,
    /// A control judges by tools somewhere: known in postconfiguration.
    pub(crate) uses_tools: bool,
    /// Variables are used that are made from bodies: only then are bodies read on the event loop.
    /// Known in postconfiguration.
    pub(crate) uses_bodies: bool,
    /// The names of `mcp_set` variables; their places are how their getters know them.
    pub(crate) set_names: Vec<String>,
    /// The directives of this level.
    pub(crate) lines: Vec<Written>,
    /// The locations that record.
    recordings: Vec<Recording>,
    /// Locations with controls, by their numbers.
    places: Vec<(usize, Recording)>,
    /// How many there are.
    locations: usize,
    memory_limit: Option<usize>,
    hash_key: Option<HashKey>,
}

/// Location level.
pub(crate) struct LocConf {
    /// `None`: nothing is looked at here: `mcp_sessions off`, and no controls.
    pub(crate) rules: Option<Arc<Rules>>,
    /// The controls in force.
    pub(crate) controls: Option<Arc<Controls>>,
    /// What they judge by.
    pub(crate) judged_by: JudgedBy,
    /// What the log phase evaluates.
    pub(crate) values: Values,
    /// What is asked of tokens.
    jwt: JwtConf,
    /// `None` only at the http level.
    names: Option<Rc<ServerNames>>,
    /// The mask of `said.masks`; `None` before it is needed.
    mask: Option<Arc<Mask>>,
    said: Said,
}

impl MainConf {
    /// Of a configuration being read.
    ///
    /// # Safety
    /// `cf` is the configuration context nginx passed while it reads the http block or after it.
    pub(crate) unsafe fn from_cf<'a>(cf: *mut ngx_conf_t) -> Option<&'a mut Self> {
        // SAFETY: by the caller's promise; nginx keeps one pointer a module.
        unsafe {
            let ctx = (*cf).ctx.cast::<ngx_http_conf_ctx_t>().as_ref()?;
            let main = (*ctx.main_conf.add(ngx_http_mcp_sessions_module.ctx_index)).cast::<Self>();
            main.as_mut()
        }
    }

    /// Of the configuration a request is served by.
    ///
    /// # Safety
    /// `r` is a live request.
    pub(crate) unsafe fn of<'a>(r: *mut ngx_http_request_t) -> Option<&'a Self> {
        // SAFETY: a live request has the main configuration, one pointer a module.
        unsafe {
            let conf = (*(*r).main_conf.add(ngx_http_mcp_sessions_module.ctx_index)).cast::<Self>();
            conf.as_ref()
        }
    }

    /// What can only be known once every module has read its configuration: whether variables are
    /// used whose values come from bodies.
    ///
    /// # Safety
    /// `cf` is the configuration context of a postconfiguration.
    pub(crate) unsafe fn settle(&mut self, cf: *mut ngx_conf_t) {
        // SAFETY: by the caller's promise.
        let uses_bodies = unsafe { uses_variable(cf, |name| variables::is_from_body(name, self)) };
        self.uses_bodies = uses_bodies;
    }

    /// The key of hashes (`mcp_hash_key_file`).
    pub(crate) fn hash_key(&self) -> Option<&HashKey> {
        self.hash_key.as_ref()
    }
}

impl LocConf {
    /// Of the location the request is in.
    ///
    /// # Safety
    /// `r` is a live request.
    #[inline]
    pub(crate) unsafe fn of<'a>(r: *mut ngx_http_request_t) -> Option<&'a Self> {
        // SAFETY: a live request has the configuration of its location, one pointer a module.
        unsafe {
            let conf = (*(*r).loc_conf.add(ngx_http_mcp_sessions_module.ctx_index)).cast::<Self>();
            conf.as_ref()
        }
    }
}

impl LocConf {
    /// What this level and those around it say.
    pub(crate) fn said(&self) -> &Said {
        &self.said
    }

    /// What is asked of tokens.
    pub(crate) fn jwt(&self) -> &JwtConf {
        &self.jwt
    }

    /// What values are masked with before they are shown. `None` only at the http level.
    pub(crate) fn shown_mask(&self) -> Option<&Mask> {
        self.mask.as_deref()
    }

    /// `mcp_console` of this very location.
    pub(crate) fn console(&self) -> Option<&Console> {
        self.said.console.as_ref()
    }

    /// `mcp_status` of this very location.
    pub(crate) fn status(&self) -> Option<StatusConf> {
        self.said.status
    }
}

/// Whether the configuration uses such a variable anywhere.
unsafe fn uses_variable(cf: *mut ngx_conf_t, is_such: impl Fn(&[u8]) -> bool) -> bool {
    // SAFETY: nginx's own main configuration and its array of variables in use.
    unsafe {
        let ctx = (*cf).ctx.cast::<ngx_http_conf_ctx_t>();
        let core = (*(*ctx).main_conf.add(ngx_http_core_module.ctx_index))
            .cast::<ngx_http_core_main_conf_t>();
        let variables: &ngx_array_t = &(*core).variables;
        variables
            .as_slice::<ngx_http_variable_t>()
            .iter()
            .any(|variable| is_such(variable.name.as_bytes()))
    }
}

/// The smallest zone that holds the counters.
fn zone_bytes_min() -> u64 {
    let shared = u64::try_from(size_of::<zone::Shared>()).unwrap_or(u64::MAX >> 1);
    (shared + SLAB_BYTES).next_multiple_of(ZONE_STEP_BYTES)
}

/// Puts a value into nginx's pool: it is dropped when the pool is destroyed.
unsafe fn keep<T>(pool: *mut ngx_pool_t, value: T) -> *mut c_void {
    unsafe extern "C" fn drop_it<T>(data: *mut c_void) {
        // SAFETY: `keep` put a box of this type there, and nginx runs a cleanup once.
        guard((), || drop(unsafe { Box::from_raw(data.cast::<T>()) }));
    }
    // SAFETY: the pool is nginx's.
    let Some(cleanup) = (unsafe { ngx_pool_cleanup_add(pool, 0).as_mut() }) else {
        return null_mut();
    };
    cleanup.data = Box::into_raw(Box::new(value)).cast();
    cleanup.handler = Some(drop_it::<T>);
    cleanup.data
}

/// nginx makes the http level.
pub(crate) unsafe extern "C" fn create_main_conf(cf: *mut ngx_conf_t) -> *mut c_void {
    guard(null_mut(), || {
        let main = MainConf {
            store: None,
            memory_bytes_max: MEMORY_BYTES_MAX,
            is_used: false,
            may_block: false,
            uses_tools: false,
            uses_bodies: false,
            set_names: Vec::new(),
            lines: Vec::new(),
            recordings: Vec::new(),
            places: Vec::new(),
            locations: 0,
            memory_limit: None,
            hash_key: None,
        };
        // SAFETY: nginx passes its configuration context.
        unsafe { keep((*cf).pool, main) }
    })
}

/// nginx has read the http block; levels are merged next.
pub(crate) unsafe extern "C" fn init_main_conf(
    _cf: *mut ngx_conf_t,
    conf: *mut c_void,
) -> *mut c_char {
    guard(NGX_CONF_ERROR, || {
        // SAFETY: nginx passes what `create_main_conf` made.
        let main = unsafe { &mut *conf.cast::<MainConf>() };
        main.memory_bytes_max = main.memory_limit.unwrap_or(MEMORY_BYTES_MAX);
        null_mut()
    })
}

/// nginx makes a level.
pub(crate) unsafe extern "C" fn create_loc_conf(cf: *mut ngx_conf_t) -> *mut c_void {
    guard(null_mut(), || {
        let level = LocConf {
            rules: None,
            controls: None,
            judged_by: JudgedBy::default(),
            values: Values::default(),
            jwt: JwtConf::default(),
            names: None,
            mask: None,
            said: Said::default(),
        };
        // SAFETY: nginx passes its configuration context.
        unsafe { keep((*cf).pool, level) }
    })
}

/// nginx merges a level with the one around it.
pub(crate) unsafe extern "C" fn merge_loc_conf(
    cf: *mut ngx_conf_t,
    around: *mut c_void,
    level: *mut c_void,
) -> *mut c_char {
    guard(NGX_CONF_ERROR, || {
        // SAFETY: nginx passes what `create_loc_conf` made, two different levels.
        let merged = unsafe {
            merge::merge(cf, &mut *around.cast::<LocConf>(), &mut *level.cast::<LocConf>())
        };
        match merged {
            Ok(()) => null_mut(),
            Err(said) => {
                // SAFETY: nginx passes its configuration context.
                unsafe { line::log(cf, nginx_sys::NGX_LOG_EMERG, &said) };
                NGX_CONF_ERROR
            }
        }
    })
}

const _: () = assert!(size_of::<ngx_int_t>() == size_of::<usize>());
