//! The filters and the log handler: what nginx calls for each request.
//!
//! They observe. Each passes on what it was given, unchanged and at once, whatever becomes of the
//! observing; a request that is none of ours costs a comparison or two.

use crate::conf::LocConf;
use crate::context::{self, Context, Found, State};
use crate::fill::{self, MCP_METHOD, MCP_NAME, MCP_PROTOCOL_VERSION, MCP_SESSION_ID};
use crate::guard::guard;
use crate::nginx::{HeaderName, Request, bytes, each_header, pieces};
use crate::worker::Worker;
use exchange::BodyEnd;
use nginx_sys::{
    NGX_OK, ngx_chain_t, ngx_http_output_body_filter_pt, ngx_http_output_header_filter_pt,
    ngx_http_request_body_filter_pt, ngx_http_request_t, ngx_http_top_body_filter,
    ngx_http_top_header_filter, ngx_http_top_request_body_filter, ngx_int_t, ngx_str_t,
};
use protocol::may_be_mcp_body;

/// Statuses from here on are refusals.
const REFUSED: u16 = 400;

static mut NEXT_REQUEST_BODY: ngx_http_request_body_filter_pt = None;
static mut NEXT_HEADER: ngx_http_output_header_filter_pt = None;
static mut NEXT_BODY: ngx_http_output_body_filter_pt = None;

/// Puts the request's filter in front of those that are there.
///
/// # Safety
/// While the configuration is read, once for each configuration.
pub(crate) unsafe fn install_request() {
    // SAFETY: nginx is single-threaded here.
    unsafe {
        NEXT_REQUEST_BODY = ngx_http_top_request_body_filter;
        ngx_http_top_request_body_filter = Some(request_body);
    }
}

/// Puts the answer's filters in front of those that are there.
///
/// # Safety
/// As `install_request`.
pub(crate) unsafe fn install_answer() {
    // SAFETY: nginx is single-threaded here.
    unsafe {
        NEXT_HEADER = ngx_http_top_header_filter;
        ngx_http_top_header_filter = Some(answer_head);
        NEXT_BODY = ngx_http_top_body_filter;
        ngx_http_top_body_filter = Some(answer_body);
    }
}

/// Sees a request's body as it comes from the client.
unsafe extern "C" fn request_body(
    r: *mut ngx_http_request_t,
    chain: *mut ngx_chain_t,
) -> ngx_int_t {
    // SAFETY: nginx passes a live request and a valid chain; there always is a next filter.
    unsafe {
        let request = Request::new(r);
        if request.may_bring_messages() && request.is_main() {
            guard((), || see_request(request, chain));
        }
        NEXT_REQUEST_BODY.map_or(NGX_OK as ngx_int_t, |next| next(r, chain))
    }
}

/// Sees an answer's status and headers.
unsafe extern "C" fn answer_head(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request; there always is a next filter.
    unsafe {
        let request = Request::new(r);
        if request.is_main() {
            match context::find(request) {
                Found::NotMcp => {}
                Found::Context(context) => guard((), || see_answer_head(request, context)),
                Found::Nothing => {
                    if may_be_known_by_headers(request) {
                        guard((), || admit_by_headers(request));
                    }
                }
            }
        }
        NEXT_HEADER.map_or(NGX_OK as ngx_int_t, |next| next(r))
    }
}

/// Sees an answer's body as it goes to the client.
unsafe extern "C" fn answer_body(r: *mut ngx_http_request_t, chain: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request and a valid chain; there always is a next filter.
    unsafe {
        let request = Request::new(r);
        if request.is_main()
            && let Found::Context(context) = context::find(request)
        {
            guard((), || see_answer(context, chain));
        }
        NEXT_BODY.map_or(NGX_OK as ngx_int_t, |next| next(r, chain))
    }
}

/// Ends an exchange: nginx runs it once for each request, aborted ones included.
pub(crate) unsafe extern "C" fn log(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request.
    let request = unsafe { Request::new(r) };
    if request.is_main() {
        match context::find(request) {
            Found::NotMcp => {}
            Found::Context(context) => guard((), || finish(request, context)),
            // Answers that never had a header: the client went away before.
            Found::Nothing if request.is_post() || request.is_delete() => guard((), || {
                admit_by_headers(request);
                if let Found::Context(context) = context::find(request) {
                    finish(request, context);
                }
            }),
            Found::Nothing => {}
        }
    }
    NGX_OK as ngx_int_t
}

fn see_request(r: Request<'_>, chain: *const ngx_chain_t) {
    let mut found = context::find(r);
    if matches!(found, Found::Nothing) {
        begin(r, chain);
        found = context::find(r);
    }
    let Found::Context(context) = found else { return };
    // SAFETY: the event loop's thread; the context is borrowed nowhere else.
    let (context, Some(worker)) = (unsafe { (&mut *context, Worker::get()) }) else { return };
    let mut is_last = false;
    // SAFETY: a chain as nginx passes it.
    unsafe {
        pieces(chain, |piece| {
            is_last |= piece.is_last;
            if !piece.bytes.is_empty() || piece.unseen > 0 {
                context.see_request(worker, piece.bytes, piece.unseen);
            }
        });
    }
    if is_last {
        context.end_request();
    }
    if context.state == State::Undecided {
        decide(r, context, worker, is_last);
    }
}

/// Looks at the first bytes of a body, in nginx's own buffer: most bodies are decided here, before
/// anything is allocated.
fn begin(r: Request<'_>, chain: *const ngx_chain_t) {
    let Some(conf) = r.loc_conf().filter(|conf| conf.rules.is_some()) else { return };
    let (mut first, mut others, mut is_last): (&[u8], bool, bool) = (&[], false, false);
    // SAFETY: a chain as nginx passes it.
    unsafe {
        pieces(chain, |piece| {
            is_last |= piece.is_last;
            if first.is_empty() {
                first = piece.bytes;
            } else {
                others |= !piece.bytes.is_empty();
            }
            others |= piece.unseen > 0;
        });
    }
    if first.is_empty() && !others && !is_last {
        return;
    }
    // Messages come by POST. What comes by PUT or PATCH is looked at only where MCP is spoken, for a
    // server may be lenient; elsewhere uploads go by.
    if !r.is_post() && !is_known_by_headers(r) {
        return context::mark_not_mcp(r);
    }
    let state = match may_be_mcp_body(first, is_last && !others) {
        Some(true) => State::Watching,
        None => State::Undecided,
        Some(false) if r.is_post() && is_known_by_headers(r) => State::Watching,
        Some(false) => return context::mark_not_mcp(r),
    };
    // SAFETY: the event loop's thread.
    if let Some(worker) = unsafe { Worker::get() } {
        let _ = Context::make(worker, r, conf, state);
    }
}

/// Decides when more of a body is there.
fn decide(r: Request<'_>, context: &mut Context, worker: &mut Worker, is_last: bool) {
    let Some(capture) = context.capture() else { return };
    // Asking begins anew each time: so it is asked for the whole, which most bodies soon are.
    let is_whole = is_last || capture.request.lost > 0;
    if !is_whole {
        return;
    }
    match may_be_mcp_body(&capture.request.bytes, true) {
        Some(true) => context.state = State::Watching,
        _ if r.is_post() && is_known_by_headers(r) => context.state = State::Watching,
        _ => {
            context.dismiss(worker);
            context::mark_not_mcp(r);
        }
    }
}

/// Whether it is worth looking at the headers of a request whose body says nothing: no body of it
/// was seen, or it has none.
#[inline]
fn may_be_known_by_headers(r: Request<'_>) -> bool {
    if r.is_get() {
        return r.status() >= REFUSED
            || is_event_stream(&r.inner().headers_out.content_type)
            || is_success(r.status()) && is_on_proven_path(r);
    }
    r.is_post() || r.is_delete()
}

/// Watches a request without a readable body, if its headers or its path speak for MCP.
fn admit_by_headers(r: Request<'_>) {
    let records = |conf: &&LocConf| conf.rules.as_ref().is_some_and(|rules| rules.records);
    let Some(conf) = r.loc_conf().filter(records) else { return };
    let is_stream = r.is_get() && is_event_stream(&r.inner().headers_out.content_type);
    // A page under the path of an MCP server is a page, unless a session is asked for it.
    let is_page = r.is_get() && !is_stream && is_success(r.status());
    let is_wanted = is_stream
        || if is_page { has_session(r) } else { is_known_by_headers(r) }
        || (r.is_delete() && !fill::first(r, &conf.values.session_id).is_empty());
    if !is_wanted {
        return;
    }
    // SAFETY: the event loop's thread.
    let Some(worker) = (unsafe { Worker::get() }) else { return };
    if let Some(context) = Context::make(worker, r, conf, State::Watching) {
        see_answer_head(r, context);
    }
}

/// Whether a request's headers are MCP's own, or its path has shown itself to be MCP.
fn is_known_by_headers(r: Request<'_>) -> bool {
    const NAMES: [HeaderName; 5] =
        [MCP_NAME, MCP_METHOD, fill::LAST_EVENT_ID, MCP_SESSION_ID, MCP_PROTOCOL_VERSION];
    // Most headers are ruled out by the length of their name.
    const LENGTHS: u64 = {
        let (mut lengths, mut rest): (u64, &[HeaderName]) = (0, &NAMES);
        while let [header, tail @ ..] = rest {
            lengths |= 1 << header.name.len();
            rest = tail;
        }
        lengths
    };
    let mut is_known = false;
    // SAFETY: the request's own list.
    unsafe {
        each_header(&r.inner().headers_in.headers, |header| {
            if LENGTHS >> (header.key.len & 63) & 1 != 0 {
                is_known |= NAMES.iter().any(|name| name.is(header));
            }
        });
    }
    is_known || is_on_proven_path(r)
}

/// Whether a request names a session in MCP's own header.
fn has_session(r: Request<'_>) -> bool {
    let mut has_session = false;
    // SAFETY: the request's own list.
    unsafe {
        each_header(&r.inner().headers_in.headers, |header| {
            has_session |= MCP_SESSION_ID.is(header);
        });
    }
    has_session
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// Whether its path has shown itself to be MCP. Where no path has, it costs a comparison.
#[inline]
fn is_on_proven_path(r: Request<'_>) -> bool {
    r.loc_conf()
        .and_then(|conf| conf.rules.as_ref())
        .is_some_and(|rules| !rules.proven.is_empty() && rules.proven.contains(&r.path()))
}

fn see_answer_head(r: Request<'_>, context: *mut Context) {
    let out = &r.inner().headers_out;
    let is_stream = is_event_stream(&out.content_type);
    let is_watched = is_stream || may_be_json(&out.content_type);
    // SAFETY: a context of this live request, borrowed nowhere else.
    let context = unsafe { &mut *context };
    context.see_answer_head(is_watched, is_stream);
    // SAFETY: known headers are null or point into the list.
    if let Some(encoding) = unsafe { out.content_encoding.as_ref() } {
        context.answer_encoding = encoding.value;
    }
    // SAFETY: the answer's own list.
    unsafe {
        each_header(&out.headers, |header| {
            if MCP_SESSION_ID.is_answer(header) && context.answer_session.len == 0 {
                context.answer_session = header.value;
            }
        });
    }
    if is_watched {
        // Files are read into memory then, instead of being sent by the kernel.
        // SAFETY: a live main request, on the event loop's thread; a flag that filters set.
        unsafe { (*r.raw()).set_filter_need_in_memory(1) };
    }
    if r.inner().header_only() != 0
        && let Some(capture) = context.capture_mut()
    {
        capture.response.end = BodyEnd::Complete;
    }
}

fn see_answer(context: *mut Context, chain: *const ngx_chain_t) {
    // SAFETY: the event loop's thread.
    let Some(worker) = (unsafe { Worker::get() }) else { return };
    let mut is_last = false;
    // SAFETY: a chain as nginx passes it; a context of a live request, which is borrowed nowhere
    // else, and not from one call to the next.
    unsafe {
        pieces(chain, |piece| {
            is_last |= piece.is_last;
            if !piece.bytes.is_empty() || piece.unseen > 0 {
                (*context).see_answer(worker, piece.bytes, piece.unseen);
            }
            if (*context).is_piece_full && !is_last {
                Context::hand_over_piece(context, worker);
            }
        });
        if is_last {
            (*context).end_answer();
        }
    }
}

/// Records what was seen of an exchange.
pub(crate) fn finish(r: Request<'_>, context: *mut Context) {
    // SAFETY: the event loop's thread.
    let Some(worker) = (unsafe { Worker::get() }) else { return };
    {
        // SAFETY: a context of this live request, borrowed nowhere else.
        let context = unsafe { &mut *context };
        if context.state == State::Undecided {
            decide(r, context, worker, true);
        }
        if context.state == State::Done {
            return;
        }
        context.close_bodies(r.has_body());
    }
    // SAFETY: as above.
    unsafe { Context::finish(context, worker) };
}

fn is_event_stream(content_type: &ngx_str_t) -> bool {
    // SAFETY: nginx's string.
    let text: &[u8] = unsafe { bytes(content_type) };
    text.len() >= 17
        && text.get(..17).is_some_and(|start| start.eq_ignore_ascii_case(b"text/event-stream"))
}

/// `application/json` and its kin (`…+json`), and what some servers send instead: no type at all,
/// or `text/plain`.
fn may_be_json(content_type: &ngx_str_t) -> bool {
    // SAFETY: nginx's string.
    let text: &[u8] = unsafe { bytes(content_type) };
    let media_type = memchr::memchr(b';', text).and_then(|end| text.get(..end)).unwrap_or(text);
    let media_type = media_type.trim_ascii_end();
    media_type.is_empty()
        || media_type.eq_ignore_ascii_case(b"text/plain")
        || media_type.last_chunk::<4>().is_some_and(|end| end.eq_ignore_ascii_case(b"json"))
}
