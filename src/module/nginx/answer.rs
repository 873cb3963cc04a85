//! Answers that the module gives itself.

use nginx_sys::{
    NGX_ERROR, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_OK, ngx_buf_t, ngx_chain_t, ngx_create_temp_buf,
    ngx_http_output_filter, ngx_http_request_t, ngx_http_send_header, ngx_int_t, ngx_list_push,
    ngx_str_t, ngx_table_elt_t, ngx_uint_t, off_t,
};
use std::ptr::null_mut;

const FAILED: ngx_int_t = NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;

/// Sends status and headers. `length` is `None` where it is not known yet. Gives what nginx's own
/// `ngx_http_send_header` gives.
///
/// # Safety
/// `r` is a live request that nothing was sent for.
pub(crate) unsafe fn send_head<'h>(
    r: *mut ngx_http_request_t,
    status: u16,
    media_type: &str,
    length: Option<usize>,
    headers: impl Iterator<Item = (&'h str, &'h str)>,
) -> ngx_int_t {
    // SAFETY: a live request; what its headers point to is copied into its pool.
    unsafe {
        let Some(content_type) = ngx_str_t::from_bytes((*r).pool, media_type.as_bytes()) else {
            return FAILED;
        };
        let out = &mut (*r).headers_out;
        out.status = ngx_uint_t::from(status);
        out.content_length_n = length.map_or(-1, |it| off_t::try_from(it).unwrap_or(-1));
        out.content_type = content_type;
        out.content_type_len = media_type.len();
        out.content_type_lowcase = null_mut();
        for (name, value) in headers {
            if !add_header(r, name, value) {
                return FAILED;
            }
        }
        ngx_http_send_header(r)
    }
}

/// Sends a whole answer.
///
/// # Safety
/// As `send_head`.
pub(crate) unsafe fn send_whole<'h>(
    r: *mut ngx_http_request_t,
    status: u16,
    media_type: &str,
    headers: impl Iterator<Item = (&'h str, &'h str)>,
    body: &[u8],
) -> ngx_int_t {
    // SAFETY: a live request; the buffer is from its pool.
    unsafe {
        let Some(buffer) = buffer_of(r, body) else { return FAILED };
        let sent = send_head(r, status, media_type, Some(body.len()), headers);
        if sent == NGX_ERROR as ngx_int_t || sent > NGX_OK as ngx_int_t || (*r).header_only() != 0 {
            return sent;
        }
        let mut chain = ngx_chain_t { buf: buffer, next: null_mut() };
        ngx_http_output_filter(r, &raw mut chain)
    }
}

/// # Safety
/// A live request, and an answer whose headers are not sent.
unsafe fn add_header(r: *mut ngx_http_request_t, name: &str, value: &str) -> bool {
    // SAFETY: the answer's list of headers; a pushed place is written whole.
    unsafe {
        let header = ngx_list_push(&raw mut (*r).headers_out.headers).cast::<ngx_table_elt_t>();
        let pool = (*r).pool;
        let (Some(key), Some(text)) = (
            ngx_str_t::from_bytes(pool, name.as_bytes()),
            ngx_str_t::from_bytes(pool, value.as_bytes()),
        ) else {
            return false;
        };
        if header.is_null() {
            return false;
        }
        header.write(std::mem::zeroed());
        (*header).hash = 1;
        (*header).key = key;
        (*header).value = text;
        // nginx's own filters look for these two: not modified, and compressed already.
        match name {
            "ETag" => (*r).headers_out.etag = header,
            "Content-Encoding" => (*r).headers_out.content_encoding = header,
            _ => {}
        }
        true
    }
}

unsafe fn buffer_of(r: *mut ngx_http_request_t, body: &[u8]) -> Option<*mut ngx_buf_t> {
    // SAFETY: nginx allocates as many bytes as the body has.
    unsafe {
        let buffer = ngx_create_temp_buf((*r).pool, body.len().max(1));
        let here = buffer.as_mut()?;
        std::ptr::copy_nonoverlapping(body.as_ptr(), here.pos, body.len());
        here.last = here.pos.add(body.len());
        // A buffer in memory without a byte is an alert to nginx.
        here.set_temporary(u32::from(!body.is_empty()));
        let is_main = std::ptr::eq((*r).main, r);
        here.set_last_buf(u32::from(is_main));
        here.set_last_in_chain(1);
        Some(buffer)
    }
}
