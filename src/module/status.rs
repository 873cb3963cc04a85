//! `mcp_status`: what was handed over and what became of it, from the shared counters alone.

mod metrics;

pub(crate) use metrics::json;

use crate::conf::{LocConf, MainConf};
use crate::guard::guard;
use crate::nginx::{Request, send_whole};
use crate::zone;
use nginx_sys::{
    NGX_HTTP_FORBIDDEN, NGX_HTTP_GET, NGX_HTTP_HEAD, NGX_HTTP_INTERNAL_SERVER_ERROR,
    NGX_HTTP_NOT_ALLOWED, NGX_OK, ngx_http_discard_request_body, ngx_http_request_t, ngx_int_t,
    ngx_uint_t,
};

/// The two forms of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// One object.
    #[default]
    Json,
    /// The text format of Prometheus.
    Prometheus,
}

/// `mcp_status`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StatusConf {
    /// Which form.
    pub(crate) format: Format,
    /// `clients=any`: not the machine's own alone.
    pub(crate) serves_any: bool,
}

/// The content handler.
pub(crate) unsafe extern "C" fn handler(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request.
    guard(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t, || unsafe { answer(r) })
}

unsafe fn answer(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: a live request, here and below.
    let (conf, main, method) =
        unsafe { (LocConf::of(r).and_then(LocConf::status), MainConf::of(r), (*r).method) };
    let conf = conf.unwrap_or_default();
    if method & (NGX_HTTP_GET | NGX_HTTP_HEAD) as ngx_uint_t == 0 {
        return NGX_HTTP_NOT_ALLOWED as ngx_int_t;
    }
    // SAFETY: as above.
    if !conf.serves_any && !unsafe { Request::new(r) }.is_from_here() {
        return NGX_HTTP_FORBIDDEN as ngx_int_t;
    }
    // SAFETY: as above.
    let discarded = unsafe { ngx_http_discard_request_body(r) };
    if discarded != NGX_OK as ngx_int_t {
        return discarded;
    }
    let zone = main.and_then(|main| main.store.as_ref()).map(|store| store.zone);
    // SAFETY: the zone belongs to the configuration in force.
    let Some(shared) = zone.and_then(|zone| unsafe { zone::shared(zone) }) else {
        return NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;
    };
    let snapshot = shared.snapshot();
    let (media_type, body) = match conf.format {
        Format::Json => ("application/json", metrics::json(&snapshot)),
        Format::Prometheus => ("text/plain; version=0.0.4", metrics::prometheus(&snapshot)),
    };
    // Numbers are old the moment they are sent.
    let headers = [("Cache-Control", "no-store")];
    // SAFETY: as above.
    unsafe { send_whole(r, 200, media_type, headers.into_iter(), body.as_bytes()) }
}
