//! The identity a request carries in a JSON Web Token: claims for variables, and whether they are
//! true.
//!
//! Keys are read when the configuration is, and again when their file has changed. Judgements are
//! remembered by each worker.

mod keys;

pub(crate) use keys::KeyFile;

use crate::conf::{LocConf, Source};
use crate::nginx::Request;
use control::{Claims, Requirements, TokenCache, decode_unverified};
use nginx_sys::ngx_time;
use record::Verified;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// The most tokens that a worker remembers.
const TOKENS_MAX: usize = 4096;

/// The `mcp_jwt_…` directives of a location.
#[derive(Default)]
pub(crate) struct JwtConf {
    /// `mcp_jwt_key_file`.
    pub(crate) keys: Option<Rc<KeyFile>>,
    /// `mcp_jwt_require`, `mcp_jwt_leeway`.
    pub(crate) requirements: Requirements,
    /// `mcp_jwt_unverified allow`.
    pub(crate) allows_unverified: bool,
    /// Controls judge here: until the answer has begun, claims that nobody verified are empty, so
    /// that no `map` or `set` carries them to a control.
    pub(crate) hides_unverified: bool,
}

/// What a worker remembers.
struct Remembered {
    tokens: TokenCache,
    /// The newest token: one request often asks for several of its claims.
    last: Option<Last>,
}

struct Last {
    token: String,
    scope: u64,
    /// The configuration it was judged by.
    conf: *const JwtConf,
    now: i64,
    claims: Option<Arc<Claims>>,
}

thread_local! {
    /// Values are being evaluated for controls.
    static FOR_CONTROLS: Cell<bool> = const { Cell::new(false) };
    static REMEMBERED: RefCell<Remembered> =
        RefCell::new(Remembered { tokens: TokenCache::new(TOKENS_MAX), last: None });
}

/// Runs `evaluate` as controls see the world: claims that nobody verified are empty to it, unless
/// `mcp_jwt_unverified allow` says that something in front has verified them.
pub(crate) fn without_unverified<T>(evaluate: impl FnOnce() -> T) -> T {
    struct Reset(bool);
    impl Drop for Reset {
        fn drop(&mut self) {
            FOR_CONTROLS.set(self.0);
        }
    }
    let _reset = Reset(FOR_CONTROLS.replace(true));
    evaluate()
}

/// Whether claims that nobody verified are empty just now.
fn hides_unverified(r: Request<'_>, conf: &JwtConf) -> bool {
    let is_early = || conf.hides_unverified && r.inner().header_sent() == 0;
    !conf.allows_unverified && (FOR_CONTROLS.get() || is_early())
}

/// The claims of a token that count: of a verified one, or where no keys are configured, of one
/// that can be read.
pub(crate) fn claims(r: Request<'_>, conf: &JwtConf, token: &[u8]) -> Option<Arc<Claims>> {
    let token = std::str::from_utf8(token).ok().filter(|token| !token.is_empty())?;
    // Keys are looked up first: reading them may write to the log, and so evaluate variables.
    let keys = conf.keys.as_ref().map(|file| file.current(r));
    if keys.is_none() && hides_unverified(r, conf) {
        return None;
    }
    let scope = keys.as_ref().map_or(0, |(_, scope)| *scope);
    let now = ngx_time();
    REMEMBERED.with(|remembered| {
        let mut remembered = remembered.try_borrow_mut().ok()?;
        if let Some(last) = &remembered.last
            && (last.scope, last.conf, last.now) == (scope, std::ptr::from_ref(conf), now)
            && last.token == token
        {
            return last.claims.clone();
        }
        let claims = match keys {
            Some((keys, scope)) => {
                remembered.tokens.verify(token, scope, &keys, &conf.requirements, now).ok()
            }
            None => decode_unverified(token).ok().map(Arc::new),
        };
        if token.len() <= LAST_BYTES_MAX {
            let token = token.to_owned();
            remembered.last = Some(Last { token, scope, conf, now, claims: claims.clone() });
        }
        claims
    })
}

/// Longer tokens are judged anew for each claim.
const LAST_BYTES_MAX: usize = 8 * 1024;

/// Whether the identity of a request was verified: by its bearer token; where there is none, by the
/// first token that an `mcp_set … jwt … from=` in force finds.
pub(crate) fn verified(r: Request<'_>, conf: &LocConf) -> Verified {
    let bearer = bearer(r);
    let token = if bearer.is_empty() { other_token(r, conf) } else { bearer };
    let jwt = conf.jwt();
    if token.is_empty() {
        return Verified::None;
    }
    if jwt.keys.is_none() && !jwt.allows_unverified {
        return Verified::No;
    }
    match (claims(r, jwt, token), &jwt.keys) {
        (None, _) => Verified::No,
        (Some(_), Some(_)) => Verified::Yes,
        (Some(_), None) => Verified::Front,
    }
}

fn other_token<'r>(r: Request<'r>, conf: &'r LocConf) -> &'r [u8] {
    let sets = conf.said().sets.iter().filter(|set| set.source == Source::Token);
    let mut tokens = sets.filter_map(|set| {
        // SAFETY: a live request in a location of this configuration.
        let token = unsafe { set.from.as_ref()?.evaluate(r.raw()) };
        Some(without_scheme(token)).filter(|token| !token.is_empty())
    });
    tokens.next().unwrap_or_default()
}

/// The token of `Authorization: Bearer …` (RFC 6750); empty where there is none.
pub(crate) fn bearer(r: Request<'_>) -> &[u8] {
    let header = r.known(r.inner().headers_in.authorization);
    let is_bearer = header.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
    if is_bearer { header.get(7..).unwrap_or_default().trim_ascii() } else { &[] }
}

/// A token as it stands in a header or cookie, with or without `Bearer`.
pub(crate) fn without_scheme(token: &[u8]) -> &[u8] {
    let token = token.trim_ascii();
    match token.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case(b"bearer ") => {
            token.get(7..).unwrap_or_default().trim_ascii()
        }
        _ => token,
    }
}
