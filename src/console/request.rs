//! What is asked, and whether this client may ask it here.

use crate::answer::Problem;

/// HTTP's methods, as far as they matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// Any other.
    Other,
}

/// A request, as nginx has read it. All bytes come from the client.
#[derive(Debug)]
pub struct Request<'a> {
    /// Its method.
    pub method: Method,
    /// The path, decoded and tidied by nginx.
    pub path: &'a [u8],
    /// What of the path is the console's place; empty where the configuration does not say it (a
    /// location given as a regular expression).
    pub place: &'a [u8],
    /// The query, as it came.
    pub query: &'a [u8],
    /// Whether the client runs on this machine.
    pub is_local: bool,
    /// `Host`, in lower case and without the port.
    pub host: &'a [u8],
    /// Whether the host is one of the server block's names.
    pub is_host_named: bool,
    /// `Host` as it came.
    pub authority: &'a [u8],
    /// `https` or `http`.
    pub scheme: &'a [u8],
    /// `Origin`.
    pub origin: &'a [u8],
    /// `Sec-Fetch-Site`.
    pub fetch_site: &'a [u8],
    /// `Sec-Fetch-Mode`.
    pub fetch_mode: &'a [u8],
    /// `Sec-Fetch-Dest`.
    pub fetch_dest: &'a [u8],
    /// `Accept-Encoding`.
    pub accept_encoding: &'a [u8],
    /// `Last-Event-ID`.
    pub last_event_id: &'a [u8],
    /// The wall clock.
    pub now: record::Micros,
}

impl Request<'_> {
    /// Whether it may be answered at all. `is_page`: it asks for the page itself, which holds no
    /// data, so that a link on another site may lead there.
    pub(crate) fn check(&self, serves_any: bool, is_page: bool) -> Result<(), Problem> {
        if self.method == Method::Other {
            return Err(Problem::method());
        }
        if !serves_any && !self.is_local {
            return Err(Problem::forbidden(
                "this console answers clients on its own machine only: write clients=any, with \
                 access rules, to let others ask",
            ));
        }
        // A name that an attacker points to this machine's address (DNS rebinding) is none that the
        // server block has.
        if !self.is_host_named && !is_own_host(self.host) {
            return Err(Problem::misdirected(
                "this host is not one of the server's names: add it to server_name",
            ));
        }
        if self.is_from_other_site() && !(is_page && self.is_navigation()) {
            return Err(Problem::forbidden("requests of other sites are not answered"));
        }
        Ok(())
    }

    /// Browsers say where a request comes from in `Sec-Fetch-Site` (Fetch Metadata, section 2.4),
    /// and in `Origin` for what a script asks.
    fn is_from_other_site(&self) -> bool {
        let is_site_own = matches!(self.fetch_site, b"" | b"same-origin" | b"none");
        !is_site_own || !self.is_origin_own()
    }

    fn is_origin_own(&self) -> bool {
        if self.origin.is_empty() {
            return true;
        }
        let rest = self.origin.strip_prefix(self.scheme).and_then(|it| it.strip_prefix(b"://"));
        rest.is_some_and(|authority| authority.eq_ignore_ascii_case(self.authority))
    }

    /// A person follows a link, in a tab of its own.
    fn is_navigation(&self) -> bool {
        self.origin.is_empty() && self.fetch_mode == b"navigate" && self.fetch_dest == b"document"
    }

    /// Whether the client takes gzip (RFC 9110, section 12.5.3).
    pub(crate) fn takes_gzip(&self) -> bool {
        let mut takes_any = false;
        for coding in self.accept_encoding.split(|byte| *byte == b',') {
            let mut parts = coding.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            let name = parts.next().unwrap_or_default();
            let is_refused = parts.any(|part| {
                let weight = part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q="));
                weight.is_some_and(|it| it.iter().all(|byte| matches!(byte, b'0' | b'.')))
            });
            if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") {
                return !is_refused;
            }
            takes_any |= name == b"*" && !is_refused;
        }
        takes_any
    }
}

/// Hosts that no other site can have: addresses, and the names of this very machine (RFC 6761,
/// section 6.3).
fn is_own_host(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let is_address = bare.unwrap_or(host).parse::<std::net::IpAddr>().is_ok();
    is_address || host == "localhost" || host.ends_with(".localhost")
}
