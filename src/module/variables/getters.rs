//! One function a variable.

use super::{Asked, seen};
use crate::conf::{MainConf, Source};
use crate::fill::{MCP_PROTOCOL_VERSION, MCP_SESSION_ID, first};
use crate::gate;
use crate::jwt;
use crate::nginx::{HeaderName, bytes, each_header};
use exchange::{Derive, session_parameter};
use nginx_sys::ngx_list_t;
use protocol::Era;
use record::{IdSource, Outcome};
use std::borrow::Cow;

const NOTHING: Cow<'static, [u8]> = Cow::Borrowed(&[]);

/// `$mcp_server`: the configured name, or host and path.
pub(super) fn server(asked: Asked<'_>) -> Cow<'_, [u8]> {
    if is_mcp(asked) { server_name(asked) } else { NOTHING }
}

/// The MCP server's name, if it is one.
pub(super) fn server_name(asked: Asked<'_>) -> Cow<'_, [u8]> {
    let Some(rules) = asked.conf.rules.as_ref() else { return NOTHING };
    if let Some(name) = &rules.server_name {
        return Cow::Borrowed(name.as_bytes());
    }
    let path = asked.r.path();
    let path = match path.strip_suffix(b"/") {
        Some(shorter) => shorter,
        None => &path,
    };
    let path = String::from_utf8_lossy(path);
    let mut name = asked.r.host().to_vec();
    name.extend_from_slice(rules.mask.uri(&path).as_bytes());
    Cow::Owned(name)
}

/// `$mcp_session_id`: as it is stored, so hashed where it is configured so.
pub(super) fn session_id(asked: Asked<'_>) -> Cow<'_, [u8]> {
    let Some((_, id)) = identified(asked).filter(|(_, id)| !id.is_empty()) else { return NOTHING };
    let is_hashed = asked.conf.rules.as_ref().is_some_and(|rules| rules.session_hashed);
    if is_hashed { hashed(asked, &id) } else { id }
}

/// `$mcp_id_source`: the rule by which the session was found.
pub(super) fn id_source(asked: Asked<'_>) -> Cow<'_, [u8]> {
    identified(asked).map_or(NOTHING, |(source, _)| Cow::Borrowed(source.as_str().as_bytes()))
}

/// `$mcp_method`: of a batch, the first call's, as all that follow.
pub(super) fn method(asked: Asked<'_>) -> Cow<'_, [u8]> {
    seen::request(asked).map_or(NOTHING, |it| Cow::Borrowed(it.view.method.as_bytes()))
}

/// `$mcp_primitive`: the tool's or prompt's name, the resource's URI.
pub(super) fn primitive(asked: Asked<'_>) -> Cow<'_, [u8]> {
    seen::request(asked).map_or(NOTHING, |it| Cow::Borrowed(it.view.primitive.as_bytes()))
}

/// `$mcp_rpc_id`: as JSON text.
pub(super) fn rpc_id(asked: Asked<'_>) -> Cow<'_, [u8]> {
    let id = seen::request(asked).and_then(|it| it.view.rpc_id.to_json());
    id.map_or(NOTHING, |id| Cow::Owned(id.into_bytes()))
}

/// `$mcp_protocol_version`: what the message says itself, else the header.
pub(super) fn protocol_version(asked: Asked<'_>) -> Cow<'_, [u8]> {
    let said = seen::request(asked).map(|it| it.view.protocol_version.as_bytes());
    match said.filter(|said| !said.is_empty()) {
        Some(said) => Cow::Borrowed(said),
        None if asked.is_watched() => Cow::Borrowed(asked.header(MCP_PROTOCOL_VERSION)),
        None => NOTHING,
    }
}

/// `$mcp_client`: its name, where the message gives it.
pub(super) fn client(asked: Asked<'_>) -> Cow<'_, [u8]> {
    seen::request(asked).map_or(NOTHING, |it| Cow::Borrowed(it.view.client.as_bytes()))
}

/// `$mcp_user`: as it is stored.
pub(super) fn user(asked: Asked<'_>) -> Cow<'_, [u8]> {
    let user = first(asked.r, &asked.conf.values.user);
    let is_hashed = asked.conf.said().user.as_ref().is_some_and(|user| user.is_hashed);
    if is_hashed && !user.is_empty() { hashed(asked, user) } else { masked(asked, user) }
}

/// `$mcp_role`: a JSON array, or text as it was found.
pub(super) fn role(asked: Asked<'_>) -> Cow<'_, [u8]> {
    masked(asked, first(asked.r, &asked.conf.values.role))
}

/// `$mcp_outcome`: empty while the answer may still come.
pub(super) fn outcome(asked: Asked<'_>) -> Cow<'_, [u8]> {
    let Some(answer) = answered(asked) else { return NOTHING };
    let outcome = match answer.outcome {
        // Of a stream the last piece may be gone already when the client is found to be.
        Outcome::Pending if asked.r.is_connection_broken() => Outcome::Aborted,
        Outcome::Pending if asked.r.status() != 202 => return NOTHING,
        outcome => outcome,
    };
    Cow::Borrowed(outcome.as_str().as_bytes())
}

/// `$mcp_error_code`: the JSON-RPC error's.
pub(super) fn error_code(asked: Asked<'_>) -> Cow<'_, [u8]> {
    let code = answered(asked).and_then(|answer| answer.error_code);
    code.map_or(NOTHING, |code| Cow::Owned(code.to_string().into_bytes()))
}

/// `$mcp_attack`: the type of the first objection.
pub(super) fn attack(asked: Asked<'_>) -> Cow<'_, [u8]> {
    objection(asked).map_or(NOTHING, |it| Cow::Borrowed(it.kind.as_str().as_bytes()))
}

/// `$mcp_control`: the title of the control that objects first.
pub(super) fn control(asked: Asked<'_>) -> Cow<'_, [u8]> {
    objection(asked).map_or(NOTHING, |it| Cow::Owned(it.title.into_bytes()))
}

/// `$mcp_action`: what was done about it.
pub(super) fn action(asked: Asked<'_>) -> Cow<'_, [u8]> {
    objection(asked).map_or(NOTHING, |it| Cow::Borrowed(it.action.as_str().as_bytes()))
}

fn objection(asked: Asked<'_>) -> Option<gate::Summary> {
    if is_mcp(asked) {
        gate::hear_late(asked.r, asked.conf);
    }
    // SAFETY: a live request, whose trial is borrowed nowhere while a variable is read.
    unsafe { gate::summary(asked.r.raw()) }
}

/// A top-level claim of the bearer token.
pub(super) fn claim<'r>(asked: Asked<'r>, name: &str) -> Cow<'r, [u8]> {
    let claims = jwt::claims(asked.r, asked.conf.jwt(), jwt::bearer(asked.r));
    let text = claims.and_then(|claims| claims.text(name));
    text.map_or(NOTHING, |text| Cow::Owned(text.into_bytes()))
}

/// A variable of `mcp_set`.
pub(super) fn set(asked: Asked<'_>, id: usize) -> Cow<'_, [u8]> {
    let Some(variable) = asked.conf.said().sets.iter().find(|set| set.id == id) else {
        return NOTHING;
    };
    let seen = match variable.source {
        Source::Request => seen::request(asked).and(seen::kept(asked)),
        Source::Answer => seen::answer(asked),
        Source::Token => {
            let token = match &variable.from {
                // SAFETY: a live request in a location of this configuration.
                Some(from) => jwt::without_scheme(unsafe { from.evaluate(asked.r.raw()) }),
                None => jwt::bearer(asked.r),
            };
            let claims = jwt::claims(asked.r, asked.conf.jwt(), token);
            let text = claims.and_then(|claims| claims.pointer_text(&variable.pointer));
            return text.map_or(NOTHING, |text| Cow::Owned(text.into_bytes()));
        }
    };
    let value = seen.and_then(|seen| seen.set(variable));
    value.map_or(NOTHING, |value| Cow::Borrowed(value.as_bytes()))
}

/// Whether the request is MCP as far as can be seen: its body, once it is there, has a message.
fn is_mcp(asked: Asked<'_>) -> bool {
    let is_message =
        |it: &seen::SeenRequest| !it.view.method.is_empty() || it.view.rpc_id.is_usable();
    asked.is_watched() && (!asked.r.is_post() || seen::request(asked).is_none_or(is_message))
}

fn answered(asked: Asked<'_>) -> Option<&seen::SeenAnswer> {
    let seen = seen::answer(asked)?;
    // Without a request there is no call to have an outcome.
    let request = seen.request.as_ref().filter(|request| !request.view.method.is_empty());
    request.and(seen.answer.as_ref())
}

/// The rule by which the session is found and its id, as far as the event loop can tell: the
/// writer, which knows streams and other exchanges, may know more. `None`: not known yet.
fn identified(asked: Asked<'_>) -> Option<(IdSource, Cow<'_, [u8]>)> {
    let rules = asked.conf.rules.as_ref()?;
    if !is_mcp(asked) {
        return None;
    }
    let configured = first(asked.r, &asked.conf.values.session_id);
    if !configured.is_empty() {
        return Some((IdSource::Configured, Cow::Borrowed(configured)));
    }
    let request = seen::request(asked);
    let status = asked.r.status();
    let is_success = (200..300).contains(&status);
    let version = protocol_version(asked);
    let is_modern = std::str::from_utf8(&version)
        .is_ok_and(|version| !version.is_empty() && Era::of_version(version) == Era::Modern);
    if !is_modern {
        let opens = request.is_some_and(|request| request.view.method == "initialize");
        if opens && status == 0 {
            return None;
        }
        let announced = asked.answer_header(MCP_SESSION_ID);
        if opens && is_success && !announced.is_empty() {
            return Some((IdSource::Header, Cow::Borrowed(announced)));
        }
        let header = asked.header(MCP_SESSION_ID);
        if !header.is_empty() {
            return Some((IdSource::Header, Cow::Borrowed(header)));
        }
        // Where HTTP+SSE is spoken, the answer to a POST comes on another connection.
        if asked.r.is_post()
            && status == 202
            && let Some(id) = session_parameter(asked.r.query())
        {
            return Some((IdSource::Query, id));
        }
    }
    match status {
        0 => None,
        401 | 403 => Some((IdSource::None, NOTHING)),
        _ if rules.derive == Derive::Off => Some((IdSource::None, NOTHING)),
        _ => Some((IdSource::Derived, NOTHING)),
    }
}

fn hashed<'r>(asked: Asked<'r>, value: &[u8]) -> Cow<'r, [u8]> {
    // SAFETY: a live request.
    let key = unsafe { MainConf::of(asked.r.raw()) }.and_then(MainConf::hash_key);
    key.map_or(NOTHING, |key| Cow::Owned(key.hex(value).into_bytes()))
}

fn masked<'r>(asked: Asked<'r>, value: &'r [u8]) -> Cow<'r, [u8]> {
    let Some(mask) = asked.conf.shown_mask().filter(|_| !value.is_empty()) else { return NOTHING };
    match String::from_utf8_lossy(value) {
        Cow::Borrowed(text) => match mask.text(text) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
        Cow::Owned(text) => Cow::Owned(mask.text(&text).into_owned().into_bytes()),
    }
}

impl<'r> Asked<'r> {
    fn header(self, name: HeaderName) -> &'r [u8] {
        find(&self.r.inner().headers_in.headers, |header| name.is(header))
    }

    fn answer_header(self, name: HeaderName) -> &'r [u8] {
        find(&self.r.inner().headers_out.headers, |header| name.is_text(header))
    }
}

fn find<'r>(
    headers: &'r ngx_list_t,
    is_it: impl Fn(&'r nginx_sys::ngx_table_elt_t) -> bool,
) -> &'r [u8] {
    let mut found = &[][..];
    // SAFETY: a live request's own list; a header's value lives as long as the request.
    unsafe {
        each_header(headers, |header| {
            if found.is_empty() && is_it(header) {
                found = bytes(&header.value);
            }
        });
    }
    found
}
