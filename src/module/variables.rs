//! The variables.
//!
//! Variables are global in nginx, but what they say depends on the location; so every getter looks
//! its location's configuration up, and none is cached by nginx. What is costly is kept per request
//! here.

mod getters;
mod seen;
mod text;
mod turn;

use crate::conf::{LocConf, MainConf};
use crate::context::{self, Found};
use crate::gate;
use crate::guard::guard;
use crate::nginx::{Request, bytes};
use nginx_sys::{
    NGX_ERROR, NGX_HTTP_VAR_CHANGEABLE, NGX_HTTP_VAR_NOCACHEABLE, NGX_HTTP_VAR_PREFIX, NGX_OK,
    ngx_conf_t, ngx_http_add_variable, ngx_http_request_t, ngx_http_variable_value_t, ngx_int_t,
    ngx_pnalloc, ngx_str_t, ngx_uint_t,
};
use std::borrow::Cow;
use turn::Turn;

const OK: ngx_int_t = NGX_OK as ngx_int_t;
const ERROR: ngx_int_t = NGX_ERROR as ngx_int_t;

/// What a getter is asked about.
#[derive(Clone, Copy)]
struct Asked<'r> {
    r: Request<'r>,
    conf: &'r LocConf,
}

/// Finds a variable's value; empty where there is nothing to say.
type Getter = for<'r> fn(Asked<'r>) -> Cow<'r, [u8]>;

/// A variable with a fixed name.
struct Variable {
    name: &'static str,
    getter: Getter,
    /// Whether it needs the body of the request or of the answer.
    is_from_body: bool,
}

/// The variables with fixed names; docs/variables.md is checked against the names.
const VARIABLES: &[Variable] = &[
    Variable { name: "mcp_server", getter: getters::server, is_from_body: true },
    Variable { name: "mcp_session_id", getter: getters::session_id, is_from_body: true },
    Variable { name: "mcp_id_source", getter: getters::id_source, is_from_body: true },
    Variable { name: "mcp_method", getter: getters::method, is_from_body: true },
    Variable { name: "mcp_primitive", getter: getters::primitive, is_from_body: true },
    Variable { name: "mcp_rpc_id", getter: getters::rpc_id, is_from_body: true },
    Variable {
        name: "mcp_protocol_version",
        getter: getters::protocol_version,
        is_from_body: true,
    },
    Variable { name: "mcp_client", getter: getters::client, is_from_body: true },
    Variable { name: "mcp_user", getter: getters::user, is_from_body: false },
    Variable { name: "mcp_role", getter: getters::role, is_from_body: false },
    Variable { name: "mcp_outcome", getter: getters::outcome, is_from_body: true },
    Variable { name: "mcp_error_code", getter: getters::error_code, is_from_body: true },
    Variable { name: "mcp_attack", getter: getters::attack, is_from_body: true },
    Variable { name: "mcp_control", getter: getters::control, is_from_body: true },
    Variable { name: "mcp_action", getter: getters::action, is_from_body: true },
];

/// How the variables of top-level claims begin.
const CLAIM_PREFIX: &str = "mcp_jwt_";

/// Whether a variable's value comes from a body.
pub(crate) fn is_from_body(name: &[u8], main: &MainConf) -> bool {
    VARIABLES.iter().any(|it| it.is_from_body && it.name.as_bytes() == name)
        || main.set_names.iter().any(|set| set.as_bytes() == name)
}

/// Reads what variables may be asked for later, before a piece of an open stream is handed over
/// and its bytes are gone.
pub(crate) fn remember(r: Request<'_>) {
    // SAFETY: a live request.
    let main = unsafe { MainConf::of(r.raw()) };
    if main.is_some_and(|main| main.uses_bodies)
        && let Some(asked) = Asked::about(r)
    {
        let _ = seen::answer(asked);
        if main.is_some_and(|main| main.uses_attacks) {
            gate::hear_late(r, asked.conf);
        }
    }
}

/// Whether a variable says what controls object to.
pub(crate) fn is_of_attack(name: &[u8]) -> bool {
    matches!(name, b"mcp_attack" | b"mcp_control" | b"mcp_action")
}

/// The MCP server's name and the user, as they are stored, whether or not the request is MCP.
pub(crate) fn server_and_user<'r>(
    r: Request<'r>,
    conf: &'r LocConf,
) -> (Cow<'r, [u8]>, Cow<'r, [u8]>) {
    let asked = Asked { r, conf };
    (getters::server_name(asked), getters::user(asked))
}

/// Adds them to the configuration being read.
///
/// # Safety
/// `cf` is the configuration context nginx passed.
pub(crate) unsafe fn add(cf: *mut ngx_conf_t) -> ngx_int_t {
    let mut named = VARIABLES.iter().enumerate();
    // SAFETY: by the caller's promise.
    let is_added = unsafe {
        named.all(|(index, variable)| add_one(cf, variable.name, 0, get, index))
            && add_one(cf, CLAIM_PREFIX, NGX_HTTP_VAR_PREFIX, get_claim, 0)
    };
    if is_added { OK } else { ERROR }
}

/// Adds a variable of `mcp_set`; `false` where something else has it.
///
/// # Safety
/// As `add`.
pub(crate) unsafe fn add_set(cf: *mut ngx_conf_t, name: &str, id: usize) -> bool {
    // SAFETY: by the caller's promise.
    unsafe { add_one(cf, name, NGX_HTTP_VAR_CHANGEABLE, get_set, id) }
}

type Handler = unsafe extern "C" fn(
    *mut ngx_http_request_t,
    *mut ngx_http_variable_value_t,
    usize,
) -> ngx_int_t;

unsafe fn add_one(
    cf: *mut ngx_conf_t,
    name: &str,
    flags: u32,
    handler: Handler,
    data: usize,
) -> bool {
    let mut name = ngx_str_t { len: name.len(), data: name.as_ptr().cast_mut() };
    let flags = (flags | NGX_HTTP_VAR_NOCACHEABLE) as ngx_uint_t;
    // SAFETY: nginx copies the name; the variable lives in the configuration's pool.
    match unsafe { ngx_http_add_variable(cf, &raw mut name, flags).as_mut() } {
        Some(variable) if variable.get_handler.is_none() => {
            variable.get_handler = Some(handler);
            variable.data = data;
            true
        }
        _ => false,
    }
}

/// nginx asks for one of [`VARIABLES`]; `data` is its index.
unsafe extern "C" fn get(
    r: *mut ngx_http_request_t,
    value: *mut ngx_http_variable_value_t,
    data: usize,
) -> ngx_int_t {
    // SAFETY: nginx passes a live request and a place for the value.
    guard(ERROR, || unsafe {
        let Some(_turn) = Turn::take(r, data) else { return put(r, &mut *value, &[]) };
        let found = VARIABLES.get(data).zip(Asked::about(Request::new(r)));
        let text = found.map(|(variable, asked)| (variable.getter)(asked)).unwrap_or_default();
        put(r, &mut *value, &text)
    })
}

/// nginx asks for a variable of `mcp_set`; `data` is its id.
unsafe extern "C" fn get_set(
    r: *mut ngx_http_request_t,
    value: *mut ngx_http_variable_value_t,
    data: usize,
) -> ngx_int_t {
    // SAFETY: nginx passes a live request and a place for the value.
    guard(ERROR, || unsafe {
        let turn = Turn::take(r, VARIABLES.len() + data);
        let Some(_turn) = turn else { return put(r, &mut *value, &[]) };
        let asked = Asked::about(Request::new(r));
        let text = asked.map(|asked| getters::set(asked, data)).unwrap_or_default();
        put(r, &mut *value, &text)
    })
}

/// nginx asks for a claim; `data` is a pointer to the variable's whole name.
unsafe extern "C" fn get_claim(
    r: *mut ngx_http_request_t,
    value: *mut ngx_http_variable_value_t,
    data: usize,
) -> ngx_int_t {
    // SAFETY: nginx passes a live request, a place for the value, and for a variable that was found
    // by its prefix, a pointer to its name.
    guard(ERROR, || unsafe {
        let name = std::ptr::with_exposed_provenance::<ngx_str_t>(data).as_ref();
        let claim = name.and_then(|name| bytes(name).strip_prefix(CLAIM_PREFIX.as_bytes()));
        let claim = claim.and_then(|claim| std::str::from_utf8(claim).ok());
        let found = claim.zip(Asked::about(Request::new(r)));
        let text = found.map(|(claim, asked)| getters::claim(asked, claim)).unwrap_or_default();
        put(r, &mut *value, &text)
    })
}

impl<'r> Asked<'r> {
    /// With the configuration of the location where the exchange was first seen, which is in force
    /// for it wherever an internal redirect leads.
    fn about(r: Request<'r>) -> Option<Self> {
        let conf = match context::find(r) {
            // SAFETY: the request's own context, borrowed for this call only.
            Found::Context(context) => unsafe { (*context).conf() },
            _ => r.loc_conf()?,
        };
        Some(Self { r, conf })
    }

    /// Whether the request is, or may be, MCP in a location that records.
    fn is_watched(self) -> bool {
        matches!(context::find(self.r), Found::Context(_))
    }
}

/// Writes a value for nginx; its bytes live in the request's pool.
unsafe fn put(
    r: *mut ngx_http_request_t,
    value: &mut ngx_http_variable_value_t,
    text: &[u8],
) -> ngx_int_t {
    value.set_no_cacheable(1);
    value.set_not_found(0);
    if text.is_empty() {
        // Neither valid nor missing: nginx's log module, which asks for no fresh values, then asks
        // again for what was not known yet.
        value.set_valid(0);
        value.set_len(0);
        value.data = c"".as_ptr().cast_mut().cast();
        return OK;
    }
    let tidied = text::tidied(text);
    let text = tidied.as_deref().unwrap_or(text);
    // SAFETY: the pool is the live request's; as many bytes are allocated as are copied.
    let data = unsafe { ngx_pnalloc((*r).pool, text.len()).cast::<u8>() };
    let Ok(len) = u32::try_from(text.len()) else { return ERROR };
    if data.is_null() {
        return ERROR;
    }
    // SAFETY: as above.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), data, text.len()) };
    value.set_len(len);
    value.set_valid(1);
    value.data = data;
    OK
}
