//! `mcp_status`: what was handed over and what became of it, from the shared counters alone.

mod metrics;

use crate::conf::{LocConf, MainConf};
use crate::guard::guard;
use crate::zone;
use nginx_sys::{
    NGX_ERROR, NGX_HTTP_FORBIDDEN, NGX_HTTP_GET, NGX_HTTP_HEAD, NGX_HTTP_INTERNAL_SERVER_ERROR,
    NGX_HTTP_NOT_ALLOWED, NGX_HTTP_OK, NGX_OK, ngx_buf_t, ngx_chain_t, ngx_create_temp_buf,
    ngx_http_discard_request_body, ngx_http_output_filter, ngx_http_request_t,
    ngx_http_send_header, ngx_int_t, ngx_list_push, ngx_str_t, ngx_table_elt_t, ngx_uint_t, off_t,
};
use std::ffi::c_int;
use std::ptr::null_mut;

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
    if !conf.serves_any && !unsafe { is_from_here(r) } {
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
    // SAFETY: as above.
    unsafe {
        match conf.format {
            Format::Json => send(r, b"application/json", &metrics::json(&snapshot)),
            Format::Prometheus => {
                send(r, b"text/plain; version=0.0.4", &metrics::prometheus(&snapshot))
            }
        }
    }
}

/// Whether the client runs on this machine. With the realip module it is the client that a trusted
/// proxy names.
unsafe fn is_from_here(r: *mut ngx_http_request_t) -> bool {
    // SAFETY: a live request has a connection with the client's address.
    unsafe {
        let address = (*(*r).connection).sockaddr.cast::<libc::sockaddr>();
        match c_int::from((*address).sa_family) {
            libc::AF_UNIX => true,
            libc::AF_INET => {
                let address = address.cast::<libc::sockaddr_in>().read_unaligned();
                address.sin_addr.s_addr.to_ne_bytes().first() == Some(&127)
            }
            libc::AF_INET6 => {
                let address = address.cast::<libc::sockaddr_in6>().read_unaligned();
                let address = std::net::Ipv6Addr::from(address.sin6_addr.s6_addr);
                address.to_canonical().is_loopback()
            }
            _ => false,
        }
    }
}

unsafe fn send(r: *mut ngx_http_request_t, media_type: &'static [u8], body: &str) -> ngx_int_t {
    // SAFETY: a live request; what is pointed to is static or from its pool.
    unsafe {
        let Some(buffer) = buffer_of(r, body) else {
            return NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;
        };
        let headers = &mut (*r).headers_out;
        headers.status = NGX_HTTP_OK as ngx_uint_t;
        headers.content_length_n = off_t::try_from(body.len()).unwrap_or(-1);
        headers.content_type =
            ngx_str_t { len: media_type.len(), data: media_type.as_ptr().cast_mut() };
        headers.content_type_len = media_type.len();
        headers.content_type_lowcase = null_mut();
        if !forbid_storing(r) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;
        }
        let sent = ngx_http_send_header(r);
        if sent == NGX_ERROR as ngx_int_t || sent > NGX_OK as ngx_int_t || (*r).header_only() != 0 {
            return sent;
        }
        let mut chain = ngx_chain_t { buf: buffer, next: null_mut() };
        ngx_http_output_filter(r, &raw mut chain)
    }
}

/// Numbers are old the moment they are sent.
unsafe fn forbid_storing(r: *mut ngx_http_request_t) -> bool {
    // SAFETY: the answer's list of headers; a pushed place is written whole.
    unsafe {
        let header = ngx_list_push(&raw mut (*r).headers_out.headers).cast::<ngx_table_elt_t>();
        if header.is_null() {
            return false;
        }
        header.write(std::mem::zeroed());
        (*header).hash = 1;
        (*header).key = text(b"Cache-Control");
        (*header).value = text(b"no-store");
        true
    }
}

const fn text(text: &'static [u8]) -> ngx_str_t {
    ngx_str_t { len: text.len(), data: text.as_ptr().cast_mut() }
}

unsafe fn buffer_of(r: *mut ngx_http_request_t, body: &str) -> Option<*mut ngx_buf_t> {
    // SAFETY: nginx allocates as many bytes as the body has.
    unsafe {
        let buffer = ngx_create_temp_buf((*r).pool, body.len());
        let here = buffer.as_mut()?;
        std::ptr::copy_nonoverlapping(body.as_ptr(), here.pos, body.len());
        here.last = here.pos.add(body.len());
        let is_main = std::ptr::eq((*r).main, r);
        here.set_last_buf(u32::from(is_main));
        here.set_last_in_chain(1);
        Some(buffer)
    }
}
