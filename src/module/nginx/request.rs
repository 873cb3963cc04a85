//! A request, read only.

use super::bytes;
use crate::conf::LocConf;
use nginx_sys::{
    NGX_HTTP_DELETE, NGX_HTTP_GET, NGX_HTTP_HEAD, NGX_HTTP_OPTIONS, NGX_HTTP_POST,
    ngx_http_request_t, ngx_table_elt_t, ngx_uint_t,
};
use std::borrow::Cow;
use std::ffi::c_int;

/// A live request of nginx.
#[derive(Clone, Copy)]
pub(crate) struct Request<'r> {
    raw: *mut ngx_http_request_t,
    inner: &'r ngx_http_request_t,
}

impl<'r> Request<'r> {
    /// Wraps it.
    ///
    /// # Safety
    /// `r` is a live request that lives for `'r`, on the event loop's thread.
    #[inline]
    pub(crate) unsafe fn new(r: *mut ngx_http_request_t) -> Self {
        // SAFETY: by the caller's promise.
        Self { raw: r, inner: unsafe { &*r } }
    }

    /// nginx's own pointer.
    #[inline]
    pub(crate) fn raw(self) -> *mut ngx_http_request_t {
        self.raw
    }

    /// nginx's own structure.
    #[inline]
    pub(crate) fn inner(self) -> &'r ngx_http_request_t {
        self.inner
    }

    #[inline]
    pub(crate) fn is_main(self) -> bool {
        self.inner.main == self.raw
    }

    #[inline]
    pub(crate) fn is_post(self) -> bool {
        self.inner.method == NGX_HTTP_POST as ngx_uint_t
    }

    #[inline]
    pub(crate) fn is_get(self) -> bool {
        self.inner.method == NGX_HTTP_GET as ngx_uint_t
    }

    #[inline]
    pub(crate) fn is_delete(self) -> bool {
        self.inner.method == NGX_HTTP_DELETE as ngx_uint_t
    }

    /// Whether its method is one whose body says what is asked: POST, or PUT, PATCH and others that
    /// MCP does not know.
    #[inline]
    pub(crate) fn may_bring_messages(self) -> bool {
        const NOT: u32 = NGX_HTTP_GET | NGX_HTTP_HEAD | NGX_HTTP_DELETE | NGX_HTTP_OPTIONS;
        self.inner.method & NOT as ngx_uint_t == 0
    }

    /// The configuration of the location it is in.
    #[inline]
    pub(crate) fn loc_conf(self) -> Option<&'r LocConf> {
        // SAFETY: a live request has the configuration of its location.
        unsafe { LocConf::of(self.raw) }
    }

    /// The path as it came first: normalised, without query, not rewritten.
    pub(crate) fn path(self) -> Cow<'r, [u8]> {
        let (path, _) = self.target();
        let is_plain = self.inner.complex_uri() == 0 && self.inner.quoted_uri() == 0;
        if is_plain { Cow::Borrowed(path) } else { Cow::Owned(normalised(path)) }
    }

    /// The query as it came first.
    pub(crate) fn query(self) -> &'r [u8] {
        self.target().1
    }

    fn target(self) -> (&'r [u8], &'r [u8]) {
        // SAFETY: nginx's string, which lives as long as the request.
        let target: &[u8] = unsafe { bytes(&self.inner.unparsed_uri) };
        let end = memchr::memchr2(b'?', b'#', target).unwrap_or(target.len());
        let (path, rest) = target.split_at(end);
        let query = rest.strip_prefix(b"?").unwrap_or_default();
        (path, query)
    }

    /// The host the MCP server is named by: the one asked for where it is one of the server's
    /// names, else the server's first name. A client cannot make one up.
    pub(crate) fn host(self) -> &'r [u8] {
        // SAFETY: a live request in this location.
        self.loc_conf().map_or(&[], |conf| unsafe { conf.host_of(self.raw) })
    }

    /// Whether the host asked for is one of the server's names.
    pub(crate) fn is_host_named(self) -> bool {
        // SAFETY: a live request in this location.
        self.loc_conf().is_some_and(|conf| unsafe { conf.has_host_of(self.raw) })
    }

    /// The value of one of nginx's known request headers; empty where it was not sent.
    pub(crate) fn known(self, header: *mut ngx_table_elt_t) -> &'r [u8] {
        // SAFETY: nginx's pointers to known headers are null or point into the header list.
        unsafe { header.as_ref().map_or(&[][..], |header| bytes(&header.value)) }
    }

    /// Whether it came with a body, read or not. (nginx's own count of it is gone once a body is
    /// discarded.)
    pub(crate) fn has_body(self) -> bool {
        let headers = &self.inner.headers_in;
        let length = self.known(headers.content_length);
        headers.chunked() != 0 || !(length.is_empty() || length == b"0")
    }

    /// The client's address as text.
    pub(crate) fn address(self) -> &'r [u8] {
        // SAFETY: a live request has a connection.
        unsafe { self.inner.connection.as_ref().map_or(&[][..], |c| bytes(&c.addr_text)) }
    }

    /// Whether the client runs on this machine. With the realip module it is the client that a
    /// trusted proxy names.
    pub(crate) fn is_from_here(self) -> bool {
        // SAFETY: a live request has a connection with the client's address.
        unsafe {
            let Some(connection) = self.inner.connection.as_ref() else { return false };
            let address = connection.sockaddr.cast::<libc::sockaddr>();
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

    /// Whether its connection broke.
    pub(crate) fn is_connection_broken(self) -> bool {
        // SAFETY: a live request has a connection.
        unsafe {
            self.inner.connection.as_ref().is_some_and(|c| c.error() != 0 || c.timedout() != 0)
        }
    }

    /// The status of the answer, as nginx's own log module finds it; 0 where there is none.
    pub(crate) fn status(self) -> u16 {
        let inner = self.inner;
        let status =
            if inner.err_status != 0 { inner.err_status } else { inner.headers_out.status };
        u16::try_from(status).unwrap_or(0)
    }
}

/// Decodes and tidies a path as nginx does when it parses a request: `%XX`, `//`, `/./`, `/../`.
fn normalised(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
        match (first, hex(tail.first()), hex(tail.get(1))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => decoded.push(*first),
        }
    }
    let mut out: Vec<u8> = Vec::with_capacity(decoded.len());
    let ends_in_folder =
        decoded.ends_with(b"/") || decoded.ends_with(b"/.") || decoded.ends_with(b"/..");
    for segment in decoded.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => out.truncate(out.iter().rposition(|byte| *byte == b'/').unwrap_or(0)),
            _ => {
                out.push(b'/');
                out.extend_from_slice(segment);
            }
        }
    }
    if out.is_empty() || ends_in_folder {
        out.push(b'/');
    }
    out
}
