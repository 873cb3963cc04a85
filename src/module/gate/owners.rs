//! Whose a session is: the verified user who opened it, or was first seen in it, in any worker.
//!
//! The table lies in the zone. It holds fingerprints only, and a bounded number of them: a newer
//! session takes an older one's place, so that it may forget, and never takes one user for another.

use crate::conf::{LocConf, MainConf};
use crate::fill::MCP_SESSION_ID;
use crate::jwt;
use crate::nginx::{Request, bytes, each_header};
use crate::zone::{self, Shared};
use record::Verified;
use std::borrow::Cow;

/// Whether the session that a request names belongs to another verified user.
pub(super) fn is_foreign(r: Request<'_>, conf: &LocConf, user: &[u8]) -> bool {
    let is_checked =
        conf.controls.as_ref().is_some_and(|it| it.protocol_check != record::Mode::Off);
    if !is_checked || user.is_empty() || !is_verified(r, conf) {
        return false;
    }
    let session = session_of(r);
    if session.is_empty() {
        return false;
    }
    shared(r).is_some_and(|shared| {
        shared.owners().find(&session).is_some_and(|owner| owner != shared.owners().user(user))
    })
}

/// A server has taken a request: who made it owns its session, unless another does.
pub(crate) fn claim(r: Request<'_>, conf: &LocConf, user: &[u8], answered: &[u8]) {
    let is_success = (200..300).contains(&r.status());
    // SAFETY: a live request, whose trial is borrowed nowhere.
    let is_blocked = unsafe { super::summary(r.raw()) }
        .is_some_and(|summary| summary.action == record::Action::Blocked);
    if !is_success || is_blocked || user.is_empty() || !is_verified(r, conf) {
        return;
    }
    let Some(shared) = shared(r) else { return };
    let session = if answered.is_empty() { session_of(r) } else { Cow::Borrowed(answered) };
    if !session.is_empty() {
        shared.owners().claim(&session, user);
    }
}

fn is_verified(r: Request<'_>, conf: &LocConf) -> bool {
    matches!(jwt::verified(r, conf), Verified::Yes | Verified::Front)
}

/// The session that a request names: in its header, or, on the POST side of HTTP+SSE, in its query.
fn session_of(r: Request<'_>) -> Cow<'_, [u8]> {
    let mut session: &[u8] = &[];
    // SAFETY: the request's own list, whose strings live as long as the request.
    unsafe {
        each_header(&r.inner().headers_in.headers, |header| {
            if MCP_SESSION_ID.is(header) {
                session = bytes(&header.value);
            }
        });
    }
    match session {
        [] if r.is_post() => exchange::session_parameter(r.query()).unwrap_or_default(),
        _ => Cow::Borrowed(session),
    }
}

fn shared(r: Request<'_>) -> Option<&'static Shared> {
    // SAFETY: a live request; the zone of the configuration in force.
    unsafe { MainConf::of(r.raw()).and_then(|main| zone::shared(main.store.as_ref()?.zone)) }
}
