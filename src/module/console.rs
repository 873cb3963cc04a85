//! `mcp_console`: the page and its API, served by nginx itself.
//!
//! What needs no store is answered at once; the rest is read by threads, step by step, and sent as
//! clients take it.

mod desk;
mod exchange;
mod readers;

pub(crate) use desk::{cancel, stop};

use crate::conf::{LocConf, MainConf, StoreConf};
use crate::guard::guard;
use crate::nginx::{HeaderName, Request, bytes, each_header, send_whole};
use crate::status;
use crate::zone::{self, Shared};
use console::{Answer, Known, Method, Problem, Step, Work};
use desk::Desk;
use exchange::Exchange;
use nginx_sys::{
    NGX_DONE, NGX_HTTP_GET, NGX_HTTP_HEAD, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_HTTP_NOT_FOUND,
    NGX_OK, ngx_http_core_loc_conf_t, ngx_http_core_module, ngx_http_discard_request_body,
    ngx_http_request_t, ngx_int_t, ngx_uint_t,
};

const FAILED: ngx_int_t = NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;

/// The content handler.
pub(crate) unsafe extern "C" fn handler(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request.
    guard(FAILED, || unsafe { answer(r) })
}

unsafe fn answer(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: a live request, here and below.
    let (request, main) = unsafe { (Request::new(r), MainConf::of(r)) };
    if !request.is_main() {
        return NGX_HTTP_NOT_FOUND as ngx_int_t;
    }
    // SAFETY: as above.
    let discarded = unsafe { ngx_http_discard_request_body(r) };
    if discarded != NGX_OK as ngx_int_t {
        return discarded;
    }
    let console = request.loc_conf().and_then(LocConf::console);
    let store = main.and_then(|main| main.store.as_ref());
    let (Some(console), Some(store)) = (console, store) else { return FAILED };
    // SAFETY: the zone belongs to the configuration in force.
    let Some(shared) = (unsafe { zone::shared(store.zone) }) else { return FAILED };
    match console.ask(&asked(request), || known(store, shared)) {
        // SAFETY: as above.
        Step::Answer(answer) => unsafe { send(r, &answer) },
        // SAFETY: as above.
        Step::Work(work) => unsafe { begin(r, work, store, shared) },
    }
}

/// Gives a question to the readers, if they have room for it.
///
/// # Safety
/// `r` is a live main request.
unsafe fn begin(
    r: *mut ngx_http_request_t,
    work: Box<Work>,
    store: &StoreConf,
    shared: &'static Shared,
) -> ngx_int_t {
    // SAFETY: the event loop's thread; by the caller's promise.
    unsafe {
        let Some(desk) = Desk::open(&store.path) else {
            return send(r, &Problem::busy("there are no threads to read the store").answer());
        };
        if !desk.has_room_for(work.kind()) {
            let problem = Problem::busy("too many questions are being answered at the moment");
            return send(r, &problem.answer());
        }
        if Exchange::begin(r, desk, work, shared) { NGX_DONE as ngx_int_t } else { FAILED }
    }
}

/// # Safety
/// `r` is a live request that nothing was sent for.
unsafe fn send(r: *mut ngx_http_request_t, answer: &Answer) -> ngx_int_t {
    let head = &answer.head;
    let headers = head.headers.iter().map(|(name, value)| (*name, &**value));
    // SAFETY: by the caller's promise.
    unsafe { send_whole(r, head.status, head.media_type, headers, &answer.body) }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::new("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::new("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::new("sec-fetch-dest");
const ORIGIN: HeaderName = HeaderName::new("origin");
const ACCEPT_ENCODING: HeaderName = HeaderName::new("accept-encoding");
const LAST_EVENT_ID: HeaderName = HeaderName::new("last-event-id");

/// The request, in the console's words.
fn asked(request: Request<'_>) -> console::Request<'_> {
    let inner = request.inner();
    let mut asked = console::Request {
        method: method_of(inner.method),
        // SAFETY: nginx's strings, which live as long as the request.
        path: unsafe { bytes(&inner.uri) },
        place: place_of(request),
        // SAFETY: as above.
        query: unsafe { bytes(&inner.args) },
        is_local: request.is_from_here(),
        // SAFETY: as above.
        host: unsafe { bytes(&inner.headers_in.server) },
        is_host_named: request.is_host_named(),
        authority: request.known(inner.headers_in.host),
        scheme: if is_tls(request) { b"https" } else { b"http" },
        origin: b"",
        fetch_site: b"",
        fetch_mode: b"",
        fetch_dest: b"",
        accept_encoding: b"",
        last_event_id: b"",
        now: crate::clock::wall_us(),
    };
    let mut wanted = [
        (SEC_FETCH_SITE, &mut asked.fetch_site),
        (SEC_FETCH_MODE, &mut asked.fetch_mode),
        (SEC_FETCH_DEST, &mut asked.fetch_dest),
        (ORIGIN, &mut asked.origin),
        (ACCEPT_ENCODING, &mut asked.accept_encoding),
        (LAST_EVENT_ID, &mut asked.last_event_id),
    ];
    // SAFETY: a live request's list of headers.
    unsafe {
        each_header(&inner.headers_in.headers, |header| {
            for (name, place) in &mut wanted {
                if name.is(header) {
                    **place = bytes(&header.value);
                }
            }
        });
    }
    asked
}

fn method_of(method: ngx_uint_t) -> Method {
    if method == NGX_HTTP_GET as ngx_uint_t {
        Method::Get
    } else if method == NGX_HTTP_HEAD as ngx_uint_t {
        Method::Head
    } else {
        Method::Other
    }
}

/// The location's name, where it is the beginning of the path.
fn place_of<'r>(request: Request<'r>) -> &'r [u8] {
    let inner = request.inner();
    // SAFETY: a live request has the core module's configuration of its location, whose name lives
    // as long as the configuration.
    unsafe {
        let core = inner
            .loc_conf
            .add(ngx_http_core_module.ctx_index)
            .read()
            .cast::<ngx_http_core_loc_conf_t>();
        let name: &'r [u8] = bytes(&(*core).name);
        let path: &'r [u8] = bytes(&inner.uri);
        if path.starts_with(name) { name } else { b"" }
    }
}

fn is_tls(request: Request<'_>) -> bool {
    // SAFETY: a live request has the structure of its connection.
    unsafe { request.inner().http_connection.as_ref().is_some_and(|it| it.ssl() != 0) }
}

/// What only nginx's side knows of the recorder.
fn known(store: &StoreConf, shared: &Shared) -> Known {
    let limits = format!(
        "{{\"retention_s\":{},\"max_size_bytes\":{},\"min_free_bytes\":{},\"queue_bytes\":{}}}",
        u64::from(store.retention_days) * 86_400,
        store.size_bytes_max,
        store.free_bytes_min,
        store.queue_bytes_max
    );
    Known { counters: status::json(&shared.snapshot()), limits }
}
