//! Who asks, as controls may see it: claims that nobody has verified are empty.

use crate::conf::{Judged, LocConf};
use crate::jwt;
use crate::nginx::{Request, Value, bytes, each_header};
use exchange::header_matches;

/// The most bytes of one value that controls judge by. A longer one counts as missing where it is
/// required, and it is as good as none to a condition.
const VALUE_BYTES_MAX: usize = 64 << 10;

/// A request's headers, names and values.
pub(super) type Headers<'r> = Vec<(&'r [u8], &'r [u8])>;

/// What controls judge by, besides the messages.
pub(crate) struct Subject<'r> {
    /// The first non-empty `mcp_user` value.
    pub(crate) user: &'r [u8],
    /// The first non-empty `mcp_role` value.
    pub(crate) role: &'r [u8],
    /// Every occurrence of every value, in the order of the controls.
    pub(crate) values: Vec<Vec<&'r [u8]>>,
    /// The first non-empty `mcp_attack` value.
    pub(crate) external: &'r [u8],
    /// The session that it names belongs to another verified user.
    pub(crate) is_foreign_session: bool,
}

impl<'r> Subject<'r> {
    /// Evaluates it all. Nothing of this module may be borrowed: its own variables may be asked.
    pub(crate) fn of(r: Request<'r>, conf: &'r LocConf) -> Self {
        let is_header = |value: &Judged| matches!(value, Judged::Header(_));
        let headers = match conf.judged_by.values.iter().any(is_header) {
            true => headers_of(r),
            false => Headers::new(),
        };
        Self::with_headers(r, conf, &headers)
    }

    /// [`Subject::of`] where the request's headers are at hand.
    pub(super) fn with_headers(r: Request<'r>, conf: &'r LocConf, headers: &Headers<'r>) -> Self {
        jwt::without_unverified(|| {
            let judged_by = &conf.judged_by;
            let values = judged_by.values.iter().map(|value| occurrences(r, value, headers));
            let user = first(r, &conf.values.user);
            Self {
                is_foreign_session: super::owners::is_foreign(r, conf, user),
                user,
                role: first(r, &conf.values.role),
                values: values.collect(),
                external: first(r, &judged_by.external),
            }
        })
    }
}

/// What another program has found by now: perhaps only in the answer.
pub(crate) fn external<'r>(r: Request<'r>, conf: &'r LocConf) -> &'r [u8] {
    jwt::without_unverified(|| first(r, &conf.judged_by.external))
}

/// All headers of a request.
pub(super) fn headers_of<'r>(r: Request<'r>) -> Headers<'r> {
    let mut headers = Vec::with_capacity(16);
    // SAFETY: the request's own list, whose strings live as long as the request.
    unsafe {
        each_header(&r.inner().headers_in.headers, |header| {
            headers.push((bytes(&header.key), bytes(&header.value)));
        });
    }
    headers
}

fn occurrences<'r>(r: Request<'r>, value: &'r Judged, headers: &Headers<'r>) -> Vec<&'r [u8]> {
    match value {
        Judged::Header(name) => {
            let named = headers.iter().filter(|(key, _)| header_matches(key, name));
            named.map(|(_, value)| bounded(value)).collect()
        }
        // SAFETY: a live request of this configuration.
        Judged::Value(value) => match bounded(unsafe { value.evaluate(r.raw()) }) {
            [] => Vec::new(),
            value => vec![value],
        },
    }
}

fn first<'r>(r: Request<'r>, values: &'r [Value]) -> &'r [u8] {
    // SAFETY: a live request of this configuration.
    let mut all = values.iter().map(|value| unsafe { value.evaluate(r.raw()) });
    all.find(|value| !value.is_empty()).map_or(&[], bounded)
}

fn bounded(value: &[u8]) -> &[u8] {
    if value.len() > VALUE_BYTES_MAX { &[] } else { value }
}
