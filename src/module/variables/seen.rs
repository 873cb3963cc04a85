//! What variables know of bodies: read once, when somebody asks, and kept for the request.

use super::Asked;
use crate::conf::{LocConf, SetVariable, Source};
use crate::context::{self, Context, Found};
use crate::fill::CONTENT_ENCODING;
use crate::guard::guard;
use crate::nginx::{Request, bytes, each_header};
use exchange::view::{RequestView, ResponseFacts, ResponseView};
use exchange::{BodyEnd, Capture, Rules};
use nginx_sys::{ngx_pool_cleanup_add, ngx_pool_cleanup_t};
use record::Outcome;
use std::ffi::c_void;

/// The values of `mcp_set` variables of one body, by their ids.
type Set = Vec<(usize, String)>;

/// What the request says.
pub(super) struct SeenRequest {
    /// Without the message itself.
    pub(super) view: RequestView<'static>,
    set: Set,
}

/// What the answer says.
pub(super) struct SeenAnswer {
    pub(super) outcome: Outcome,
    pub(super) error_code: Option<i64>,
    set: Set,
    /// Whether more bytes cannot change it.
    is_final: bool,
}

/// It lives in the request's pool.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) request: Option<SeenRequest>,
    pub(super) answer: Option<SeenAnswer>,
}

impl Seen {
    /// The value of an `mcp_set` variable.
    pub(super) fn set(&self, variable: &SetVariable) -> Option<&str> {
        let set = match variable.source {
            Source::Request => &self.request.as_ref()?.set,
            Source::Answer => &self.answer.as_ref()?.set,
            Source::Token => return None,
        };
        set.iter().find(|(id, _)| *id == variable.id).map(|(_, value)| value.as_str())
    }
}

/// Reads what of the request's body is known by now. `None` where the request is not watched.
pub(super) fn request<'r>(asked: Asked<'r>) -> Option<&'r SeenRequest> {
    look(asked, false).and_then(|seen| seen.request.as_ref())
}

/// Reads what of the answer is known by now, too.
pub(super) fn answer<'r>(asked: Asked<'r>) -> Option<&'r Seen> {
    look(asked, true)
}

/// What was read before.
pub(super) fn kept<'r>(asked: Asked<'r>) -> Option<&'r Seen> {
    // SAFETY: it lives in the request's pool; borrows of it do not outlive a getter.
    unsafe { seen(asked.r, false).as_ref() }
}

fn look<'r>(asked: Asked<'r>, with_answer: bool) -> Option<&'r Seen> {
    let seen = seen(asked.r, false);
    // SAFETY: it lives in the request's pool; borrows of it do not outlive a getter.
    if let Some(seen) = unsafe { seen.as_ref() } {
        let is_known = seen.request.is_some()
            && (!with_answer || seen.answer.as_ref().is_some_and(|answer| answer.is_final));
        if is_known {
            return Some(seen);
        }
    }
    if let Found::Context(context) = context::find(asked.r) {
        // SAFETY: the request's own context; nothing else borrows it while a variable is read.
        let context = unsafe { &*context };
        if let (Some(capture), conf) = (context.capture(), context.conf())
            && let Some(rules) = &conf.rules
        {
            read(asked.r, context, capture, conf, rules, with_answer);
        }
    }
    // SAFETY: as above.
    unsafe { self::seen(asked.r, false).as_ref() }
}

fn read(
    r: Request<'_>,
    context: &Context,
    capture: &Capture,
    conf: &LocConf,
    rules: &Rules,
    with_answer: bool,
) {
    // Of a body that is still coming nothing is known.
    if capture.request.end == BodyEnd::Open && !capture.request.bytes.is_empty() {
        return;
    }
    // SAFETY: it lives in the request's pool, and the borrow ends with this function, which
    // evaluates no variables.
    let Some(seen) = (unsafe { seen(r, true).as_mut() }) else { return };
    let view = RequestView::read(&capture.request.bytes, request_encoding(r), rules);
    if with_answer && seen.answer.as_ref().is_none_or(|answer| !answer.is_final) {
        let view = seen.request.as_ref().map_or(&view, |request| &request.view);
        seen.answer = Some(read_answer(r, context, capture, conf, rules, view));
    }
    if seen.request.is_none() {
        let set = set_of(conf, Source::Request, |pointer| view.pointer(pointer));
        let mut kept = RequestView::default();
        kept.method = view.method;
        kept.primitive = view.primitive;
        kept.rpc_id = view.rpc_id;
        kept.protocol_version = view.protocol_version;
        kept.client = view.client;
        kept.is_request = view.is_request;
        seen.request = Some(SeenRequest { view: kept, set });
    }
}

fn read_answer(
    r: Request<'_>,
    context: &Context,
    capture: &Capture,
    conf: &LocConf,
    rules: &Rules,
    request: &RequestView<'_>,
) -> SeenAnswer {
    // SAFETY: strings of the request's pool.
    let (content_type, content_encoding) =
        unsafe { (bytes(&r.inner().headers_out.content_type), bytes(&context.answer_encoding)) };
    let facts = ResponseFacts {
        content_type,
        content_encoding,
        status: r.status(),
        end: capture.response.end,
        is_client_gone: r.is_connection_broken(),
    };
    let view = ResponseView::read(&capture.response.bytes, &facts, request, rules);
    SeenAnswer {
        outcome: view.outcome,
        error_code: view.error_code,
        set: set_of(conf, Source::Answer, |pointer| view.pointer(pointer)),
        is_final: capture.response.end == BodyEnd::Complete || is_message(view.outcome),
    }
}

/// Whether an answering message was found.
fn is_message(outcome: Outcome) -> bool {
    use Outcome::{InputRequired, Ok, RpcError, ToolError};
    matches!(outcome, Ok | ToolError | RpcError | InputRequired)
}

/// What the location's `mcp_set` variables point to, masked.
fn set_of(conf: &LocConf, source: Source, find: impl Fn(&str) -> Option<String>) -> Set {
    let sets = conf.said().sets.iter().filter(|set| set.source == source);
    let values = sets.filter_map(|set| {
        let value = find(&set.pointer)?;
        let mask = conf.shown_mask()?;
        let mut keys = set.pointer.split('/').skip(1);
        let is_masked = keys.any(|key| mask.covers(&key.replace("~1", "/").replace("~0", "~")));
        Some((set.id, if is_masked { MASKED.to_owned() } else { mask.text(&value).into_owned() }))
    });
    values.collect()
}

/// What stands for a value whose key is masked.
const MASKED: &str = "••••";

fn request_encoding(r: Request<'_>) -> &[u8] {
    let mut encoding = &[][..];
    // SAFETY: the request's own list; a header's value lives as long as the request.
    unsafe {
        each_header(&r.inner().headers_in.headers, |header| {
            if CONTENT_ENCODING.is(header) {
                encoding = bytes(&header.value);
            }
        });
    }
    encoding
}

const CLEANUP: unsafe extern "C" fn(*mut c_void) = cleanup;

/// nginx calls it when the request's pool goes.
unsafe extern "C" fn cleanup(data: *mut c_void) {
    // SAFETY: `seen` wrote it there, and the pool frees without dropping.
    guard((), || unsafe { std::ptr::drop_in_place(data.cast::<Seen>()) });
}

/// Finds it by its cleanup, since internal redirects clear contexts; makes it if wanted. Null
/// where there is none.
fn seen(r: Request<'_>, make: bool) -> *mut Seen {
    // SAFETY: a live request's pool; its cleanups end with null, and nginx gives as much memory
    // as is asked for, aligned for pointers.
    unsafe {
        let pool = r.inner().pool;
        let mut cleanup: *mut ngx_pool_cleanup_t = (*pool).cleanup;
        while let Some(here) = cleanup.as_ref() {
            if here.handler.is_some_and(|handler| std::ptr::fn_addr_eq(handler, CLEANUP)) {
                return here.data.cast();
            }
            cleanup = here.next;
        }
        if !make {
            return std::ptr::null_mut();
        }
        let Some(cleanup) = ngx_pool_cleanup_add(pool, size_of::<Seen>()).as_mut() else {
            return std::ptr::null_mut();
        };
        let seen = cleanup.data.cast::<Seen>();
        seen.write(Seen::default());
        cleanup.handler = Some(CLEANUP);
        seen
    }
}
