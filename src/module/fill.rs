//! The facts of an exchange, read once at its end (or before the first part of an open stream).

use crate::conf::LocConf;
use crate::context::Context;
use crate::gate;
use crate::jwt;
use crate::nginx::{HeaderName, Request, Value, bytes, each_header};
use crate::worker::Worker;
use exchange::{BodyEnd, Capture, Method, PARAMS_MAX, Span};
use nginx_sys::{ngx_http_get_indexed_variable, ngx_str_t, ngx_table_elt_t, ngx_uint_t};
use record::Verified;
use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most bytes kept of one configured value. Longer ones are cut.
pub(crate) const VALUE_BYTES_MAX: usize = 4096;
/// The most bytes kept of one header.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// The most bytes kept of what may hold a session id. Ids that differ only beyond them are one.
const SESSION_BYTES_MAX: usize = 4 << 20;
/// nginx's status for a client that went away (`NGX_HTTP_CLIENT_CLOSED_REQUEST`).
const CLIENT_CLOSED: u16 = 499;
/// Large enough for any index that nginx gives to a variable.
const NO_INDEX: usize = usize::MAX;

/// nginx's `$request_id`, where the configuration uses it: records carry the same id then.
static REQUEST_ID_INDEX: AtomicUsize = AtomicUsize::new(NO_INDEX);

pub(crate) const MCP_SESSION_ID: HeaderName = HeaderName::new("mcp-session-id");
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::new("last-event-id");
pub(crate) const MCP_PROTOCOL_VERSION: HeaderName = HeaderName::new("mcp-protocol-version");
pub(crate) const MCP_METHOD: HeaderName = HeaderName::new("mcp-method");
pub(crate) const MCP_NAME: HeaderName = HeaderName::new("mcp-name");
pub(crate) const ACCEPT: HeaderName = HeaderName::new("accept");
pub(crate) const CONTENT_ENCODING: HeaderName = HeaderName::new("content-encoding");

/// Tells under which index nginx keeps `$request_id`; `None` where nothing uses it.
pub(crate) fn use_request_id(index: Option<ngx_uint_t>) {
    REQUEST_ID_INDEX.store(index.unwrap_or(NO_INDEX), Ordering::Relaxed);
}

/// The configured values of one request.
///
/// They may be variables of this very module, which look at what was captured: so all are evaluated
/// before the capture is borrowed to be filled.
pub(crate) struct Evaluated<'r> {
    session: &'r [u8],
    derive: Vec<u8>,
    user: &'r [u8],
    role: &'r [u8],
    params: [&'r [u8]; PARAMS_MAX],
    verified: Verified,
    judged_by: Option<JudgedBy<'r>>,
}

/// What controls judge by, where the writer is to judge; what they may have for evidence, where they
/// have judged.
struct JudgedBy<'r> {
    subject: Option<gate::Subject<'r>>,
    /// The first non-empty `mcp_attack` value by now.
    external: &'r [u8],
}

impl<'r> Evaluated<'r> {
    /// Evaluates those of the location, and no others.
    pub(crate) fn new(r: Request<'r>, conf: &'r LocConf) -> Self {
        let values = &conf.values;
        let mut params = [&[][..]; PARAMS_MAX];
        for (param, value) in params.iter_mut().zip(&values.params) {
            // SAFETY: a live request of this configuration.
            *param = cut(unsafe { value.evaluate(r.raw()) });
        }
        let mut derive = Vec::new();
        for value in &values.derive {
            // SAFETY: a live request of this configuration.
            derive.extend_from_slice(cut(unsafe { value.evaluate(r.raw()) }));
            derive.push(b'\n');
        }
        derive.pop();
        Self {
            session: first(r, &values.session_id),
            derive,
            user: first(r, &values.user),
            role: first(r, &values.role),
            params,
            verified: jwt::verified(r, conf),
            judged_by: JudgedBy::of(r, conf),
        }
    }
}

impl Evaluated<'_> {
    /// The session that a server has taken the request in is the user's.
    pub(crate) fn claim_session(&self, r: Request<'_>, context: &Context) {
        if self.verified != Verified::None && context.conf().controls.is_some() {
            // SAFETY: a string of the request's pool.
            let answered = unsafe { bytes(&context.answer_session) };
            gate::claim(r, context.conf(), self.user, answered);
        }
    }
}

impl<'r> JudgedBy<'r> {
    fn of(r: Request<'r>, conf: &'r LocConf) -> Option<Self> {
        conf.controls.as_ref()?;
        // SAFETY: a live request, whose trial is borrowed nowhere.
        match unsafe { gate::found(r.raw()) } {
            gate::Finding::Fine => {
                let external = gate::external(r, conf);
                (!external.is_empty()).then_some(Self { subject: None, external })
            }
            gate::Finding::Attack => {
                Some(Self { subject: None, external: gate::external(r, conf) })
            }
            gate::Finding::None if !r.may_bring_messages() => None,
            gate::Finding::None => {
                let subject = gate::Subject::of(r, conf);
                let external = subject.external;
                Some(Self { subject: Some(subject), external })
            }
        }
    }

    fn put(&self, r: Request<'_>, head: Head, capture: &mut Capture) {
        // SAFETY: nginx's string, which lives as long as the request.
        capture.facts.line = head.put(capture, unsafe { bytes(&r.inner().request_line) });
        capture.facts.external = head.put(capture, self.external);
        let Some(subject) = &self.subject else { return };
        capture.facts.control_user = head.put(capture, subject.user);
        capture.facts.control_role = head.put(capture, subject.role);
        capture.facts.is_foreign_session = subject.is_foreign_session;
        for (index, occurrences) in subject.values.iter().enumerate() {
            let Ok(index) = u16::try_from(index) else { return };
            for value in occurrences {
                // A span without bytes is an occurrence, too: of a header that is empty.
                let span = head.put(capture, value);
                capture.values.push((index, span));
            }
        }
    }
}

/// Reads the facts into the context's capture.
pub(crate) fn fill(r: Request<'_>, context: &mut Context, worker: &Worker, values: &Evaluated<'_>) {
    let status = r.status();
    let request = context.request;
    let (encoding, session) = (context.answer_encoding, context.answer_session);
    if let Some(capture) = context.capture_mut() {
        let head = values.judged_by.as_ref().and_then(|_| Head::copy(r, capture));
        let head = head.unwrap_or_default();
        headers(r, head, capture, values.judged_by.is_some());
        line(r, head, capture);
        answer(r, capture, status);
        // SAFETY: strings of the request's pool.
        let (encoding, session) = unsafe { (bytes(&encoding), bytes(&session)) };
        capture.response.content_encoding = put(capture, encoding);
        capture.facts.session_answer_header = put_up_to(capture, session, SESSION_BYTES_MAX);
        capture.facts.request_id = put(capture, &request_id(r, request, worker));
        facts_of_values(head, capture, values);
        if let Some(judged_by) = &values.judged_by {
            judged_by.put(r, head, capture);
        }
    }
}

/// The request's line and headers where they lie in nginx's buffer, copied whole: what lies there
/// is in the capture already. Without a copy every text is put by itself.
#[derive(Clone, Copy, Default)]
struct Head {
    /// Address of its first byte in nginx's buffer.
    from: usize,
    bytes: usize,
    /// Where it lies in the capture's text.
    span: Span,
}

impl Head {
    /// From the request line to the last header, of a request that came in one buffer. There is none
    /// in HTTP/2, where nginx decodes each header by itself.
    fn copy(r: Request<'_>, capture: &mut Capture) -> Option<Self> {
        let r = r.inner();
        // SAFETY: a live request's buffer and list of headers; a list has a last part.
        let (buffer, part) =
            unsafe { (r.header_in.as_ref()?, r.headers_in.headers.last.as_ref()?) };
        let last = part.nelts.checked_sub(1)?;
        // SAFETY: the part has so many headers.
        let last = unsafe { part.elts.cast::<ngx_table_elt_t>().add(last).as_ref()? };
        let from = r.request_line.data as usize;
        let end = (last.value.data as usize).checked_add(last.value.len)?;
        let bytes = end.checked_sub(from).filter(|bytes| (1..=TEXT_BYTES_MAX).contains(bytes))?;
        if from < buffer.start as usize || end > buffer.last as usize {
            return None;
        }
        // SAFETY: both ends lie in what nginx has received into this one buffer.
        let text = unsafe { std::slice::from_raw_parts(r.request_line.data, bytes) };
        Some(Self { from, bytes, span: capture.push(text) })
    }

    /// Where a text lies in the capture: in the copy, or appended to it.
    #[inline]
    fn put(self, capture: &mut Capture, text: &[u8]) -> Span {
        self.put_up_to(capture, text, TEXT_BYTES_MAX)
    }

    #[inline]
    fn put_up_to(self, capture: &mut Capture, text: &[u8], bytes_max: usize) -> Span {
        let offset = (text.as_ptr() as usize).wrapping_sub(self.from);
        let is_inside = offset < self.bytes && text.len() <= self.bytes - offset;
        match (u32::try_from(offset), u32::try_from(text.len())) {
            (Ok(offset), Ok(len)) if is_inside && len > 0 => {
                Span { start: self.span.start + offset, len }
            }
            _ => put_up_to(capture, text, bytes_max),
        }
    }
}

/// One pass over the request's headers, each of which is kept where controls want them.
fn headers(r: Request<'_>, head: Head, capture: &mut Capture, keeps_all: bool) {
    // SAFETY: the request's own list, whose strings live as long as the request.
    unsafe {
        each_header(&r.inner().headers_in.headers, |header| {
            header_span(header, head, capture);
            if keeps_all {
                let name = head.put(capture, bytes(&header.key));
                let value = head.put(capture, bytes(&header.value));
                capture.headers.push((name, value));
            }
        });
    }
    let known = &r.inner().headers_in;
    capture.facts.authorization = head.put(capture, r.known(known.authorization));
    capture.facts.user_agent = head.put(capture, r.known(known.user_agent));
    capture.request.content_type = head.put(capture, r.known(known.content_type));
}

/// Keeps the headers that nginx has no pointer to. Sorted by length first: most need one
/// comparison of a number.
#[inline]
fn header_span(header: &ngx_table_elt_t, head: Head, capture: &mut Capture) {
    let wanted = match header.key.len {
        6 => ACCEPT,
        8 => MCP_NAME,
        10 => MCP_METHOD,
        13 => LAST_EVENT_ID,
        14 => MCP_SESSION_ID,
        16 => CONTENT_ENCODING,
        20 => MCP_PROTOCOL_VERSION,
        _ => return,
    };
    if !wanted.is(header) {
        return;
    }
    let bytes_max = match header.key.len {
        14 => SESSION_BYTES_MAX,
        _ => TEXT_BYTES_MAX,
    };
    // SAFETY: a header's value lives as long as the request.
    let span = head.put_up_to(capture, unsafe { bytes(&header.value) }, bytes_max);
    let facts = &mut capture.facts;
    let field = match header.key.len {
        6 => &mut facts.accept,
        8 => &mut facts.mcp_name,
        10 => &mut facts.mcp_method,
        13 => &mut facts.last_event_id,
        14 => &mut facts.session_header,
        16 => &mut capture.request.content_encoding,
        _ => &mut facts.protocol_version,
    };
    // The first of several counts.
    if field.len == 0 {
        *field = span;
    }
}

fn line(r: Request<'_>, head: Head, capture: &mut Capture) {
    capture.facts.method = match (r.is_post(), r.is_get(), r.is_delete()) {
        (true, ..) => Method::Post,
        (_, true, _) => Method::Get,
        (.., true) => Method::Delete,
        _ => Method::Other,
    };
    if capture.facts.method == Method::Other {
        // SAFETY: nginx's string, which lives as long as the request.
        capture.facts.method_text = head.put(capture, unsafe { bytes(&r.inner().method_name) });
    }
    capture.facts.host = head.put(capture, r.host());
    capture.facts.path = head.put(capture, &r.path());
    capture.facts.query = head.put_up_to(capture, r.query(), SESSION_BYTES_MAX);
    capture.facts.address = head.put(capture, r.address());
}

fn answer(r: Request<'_>, capture: &mut Capture, status: u16) {
    // SAFETY: nginx's string, which lives as long as the request.
    let content_type: &[u8] = unsafe { bytes(&r.inner().headers_out.content_type) };
    capture.response.content_type = put(capture, content_type);
    capture.facts.status = status;
    let is_over = capture.response.end == BodyEnd::Complete;
    capture.facts.client_gone = status == CLIENT_CLOSED || (!is_over && r.is_connection_broken());
}

/// The id that the record of a request carries.
pub(crate) fn request_id<'r>(r: Request<'r>, request: u64, worker: &Worker) -> Cow<'r, [u8]> {
    match nginx_request_id(r) {
        Some(id) => Cow::Borrowed(id),
        None => Cow::Owned(worker.request_id(request).to_vec()),
    }
}

fn nginx_request_id<'r>(r: Request<'r>) -> Option<&'r [u8]> {
    let index = REQUEST_ID_INDEX.load(Ordering::Relaxed);
    if index == NO_INDEX {
        return None;
    }
    // SAFETY: an index that nginx gave to this variable of this configuration.
    let value = unsafe { ngx_http_get_indexed_variable(r.raw(), index).as_ref()? };
    if value.not_found() != 0 || value.len() == 0 {
        return None;
    }
    // SAFETY: the variable's bytes live as long as the request.
    unsafe { Some(bytes(&ngx_str_t { data: value.data, len: value.len() as usize })) }
}

fn facts_of_values(head: Head, capture: &mut Capture, values: &Evaluated<'_>) {
    capture.facts.session_value = head.put(capture, values.session);
    capture.facts.derive_value = head.put(capture, &values.derive);
    capture.facts.user = head.put(capture, values.user);
    capture.facts.role = head.put(capture, values.role);
    capture.facts.verified = values.verified;
    for (index, value) in values.params.iter().enumerate().filter(|(_, value)| !value.is_empty()) {
        let span = head.put(capture, value);
        if let Some(param) = capture.facts.params.get_mut(index) {
            *param = span;
        }
    }
}

/// The first of some values that is not empty; empty where all are.
pub(crate) fn first<'r>(r: Request<'r>, values: &'r [Value]) -> &'r [u8] {
    // SAFETY: a live request of this configuration.
    let mut all = values.iter().map(|value| unsafe { value.evaluate(r.raw()) });
    all.find(|value| !value.is_empty()).map_or(&[], cut)
}

fn cut(value: &[u8]) -> &[u8] {
    value.get(..VALUE_BYTES_MAX).unwrap_or(value)
}

#[inline]
fn put(capture: &mut Capture, text: &[u8]) -> Span {
    put_up_to(capture, text, TEXT_BYTES_MAX)
}

#[inline]
fn put_up_to(capture: &mut Capture, text: &[u8], bytes_max: usize) -> Span {
    if text.is_empty() {
        return Span::default();
    }
    capture.push(text.get(..bytes_max).unwrap_or(text))
}
