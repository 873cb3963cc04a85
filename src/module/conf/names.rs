//! The host part of an MCP server's name.
//!
//! A client writes what it likes into `Host`, and a default server takes it all. So the host counts
//! only where it matches a `server_name` of the server block; strangers cannot invent servers.

use crate::nginx::bytes;
use nginx_sys::{
    ngx_http_core_srv_conf_t, ngx_http_request_t, ngx_http_server_name_t, ngx_regex_exec,
    ngx_regex_t, ngx_str_t,
};
use std::ptr::null_mut;

/// Stands for a server block without any name, as `server_name _` does by custom.
const NAMELESS: &[u8] = b"_";

/// A server block's names. nginx's own list lies in a pool that is gone once all is read.
pub(crate) struct ServerNames {
    first: Box<[u8]>,
    literals: Vec<Box<[u8]>>,
    wildcards: Vec<Wildcard>,
    /// They live in the configuration's pool, as this structure does.
    regexes: Vec<*mut ngx_regex_t>,
}

enum Wildcard {
    /// `*.example.com` is `.example.com`.
    Tail(Box<[u8]>),
    /// `.example.com`: as above, and `example.com` itself.
    TailOrSelf(Box<[u8]>),
    /// `www.example.*` is `www.example.`.
    Head(Box<[u8]>),
}

impl ServerNames {
    /// The names of a server block.
    ///
    /// # Safety
    /// nginx is reading its configuration, and has merged the block's own settings.
    pub(crate) unsafe fn of(server: &ngx_http_core_srv_conf_t) -> Self {
        // SAFETY: the bytes live in the configuration's pool.
        let first = match unsafe { bytes(&server.server_name) } {
            b"" => NAMELESS,
            name => name,
        };
        let mut names = Self {
            first: first.into(),
            literals: Vec::new(),
            wildcards: Vec::new(),
            regexes: Vec::new(),
        };
        // SAFETY: nginx's array of names, alive as long as the configuration is being read.
        for name in unsafe { server.server_names.as_slice::<ngx_http_server_name_t>() } {
            // SAFETY: as above; a regex lives in the configuration's pool.
            match unsafe { name.regex.as_ref() } {
                Some(regex) => names.regexes.push(regex.regex),
                // SAFETY: as above.
                None => names.add(unsafe { bytes(&name.name) }),
            }
        }
        names
    }

    fn add(&mut self, name: &[u8]) {
        match name {
            [] => {}
            [b'*', tail @ ..] => self.wildcards.push(Wildcard::Tail(tail.into())),
            [b'.', ..] => self.wildcards.push(Wildcard::TailOrSelf(name.into())),
            [head @ .., b'*'] => self.wildcards.push(Wildcard::Head(head.into())),
            _ => self.literals.push(name.into()),
        }
    }

    /// The host by which the MCP server of this request is named: lower case, no port.
    ///
    /// # Safety
    /// `r` is a live request to this server block.
    pub(crate) unsafe fn host_of<'a>(&'a self, r: *mut ngx_http_request_t) -> &'a [u8] {
        // SAFETY: nginx made it lower case and cut the port off; it lives as long as the request.
        let asked = unsafe { (*r).headers_in.server };
        // SAFETY: as above.
        let host: &'a [u8] = unsafe { bytes(&asked) };
        if self.have(host, asked) { host } else { &self.first }
    }

    /// Whether the host of this request is one of the names.
    ///
    /// # Safety
    /// As `host_of`.
    pub(crate) unsafe fn have_host_of(&self, r: *mut ngx_http_request_t) -> bool {
        // SAFETY: by the caller's promise.
        let asked = unsafe { (*r).headers_in.server };
        // SAFETY: as above.
        self.have(unsafe { bytes(&asked) }, asked)
    }

    /// The first name.
    pub(crate) fn first(&self) -> String {
        String::from_utf8_lossy(&self.first).into_owned()
    }

    /// Whether MCP servers of this block are named by a host.
    pub(crate) fn name(&self, host: &str) -> bool {
        let raw = ngx_str_t { len: host.len(), data: host.as_ptr().cast_mut() };
        *self.first == *host.as_bytes() || self.have(host.as_bytes(), raw)
    }

    fn have(&self, host: &[u8], raw: ngx_str_t) -> bool {
        let is_literal = || self.literals.iter().any(|name| **name == *host);
        !host.is_empty() && (is_literal() || self.matches(host, raw))
    }

    fn matches(&self, host: &[u8], mut raw: ngx_str_t) -> bool {
        let is_wild = self.wildcards.iter().any(|wildcard| match wildcard {
            Wildcard::Tail(tail) => host.len() > tail.len() && host.ends_with(tail),
            Wildcard::TailOrSelf(tail) => {
                host.ends_with(tail) || tail.get(1..).is_some_and(|name| name == host)
            }
            Wildcard::Head(head) => host.len() > head.len() && host.starts_with(head),
        });
        is_wild
            || self.regexes.iter().any(|regex| {
                // SAFETY: nginx compiled the regex; without room for captures it only answers.
                unsafe { ngx_regex_exec(*regex, &raw mut raw, null_mut(), 0) >= 0 }
            })
    }
}
