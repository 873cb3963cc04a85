//! One question and its answer, on the event loop.
//!
//! A step's piece goes out as one buffer; the next step is asked for when the client has taken it,
//! so that a slow client costs one piece of memory and no thread.

use super::desk::Desk;
use super::readers::{Done, Job};
use crate::conf::{MainConf, Written};
use crate::guard::guard;
use crate::nginx::{log, send_head};
use crate::zone::Shared;
use console::{
    Answer, Cancel, ConfiguredControl, Directive, Head, Kind, Next, Piece, Problem, Work,
};
use nginx_sys::{
    NGX_AGAIN, NGX_ERROR, NGX_HTTP_REQUEST_TIME_OUT, NGX_LOG_ERR, NGX_OK, ngx_buf_t, ngx_chain_t,
    ngx_current_msec, ngx_handle_write_event, ngx_http_core_loc_conf_t, ngx_http_core_module,
    ngx_http_finalize_request, ngx_http_output_filter, ngx_http_request_empty_handler,
    ngx_http_request_t, ngx_http_run_posted_requests, ngx_http_test_reading, ngx_int_t, ngx_msec_t,
    ngx_pool_cleanup_add, ngx_uint_t,
};
use std::ffi::c_void;
use std::ptr::{addr_of_mut, null_mut};

/// How often a stream says that it lives when there is nothing else to say.
const BEAT_MS: ngx_msec_t = 15_000;
/// The shortest time between two looks into the store for one stream.
const LOOK_MS: ngx_msec_t = 300;

/// The most directives shown for one MCP server.
const DIRECTIVES_MAX: usize = 500;

/// Statuses of answers that are logged: failed, and took too long.
const FAILURES: [u16; 2] = [500, 504];

/// What it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// A reader's step.
    Step,
    /// The client, which has not taken all.
    Client,
    /// Something to be stored.
    Change,
}

/// One question under way. It lives in its request's pool.
pub(super) struct Exchange {
    r: *mut ngx_http_request_t,
    id: u64,
    kind: Kind,
    cancel: Cancel,
    shared: &'static Shared,
    waits: Waits,
    /// At home while no reader has it.
    work: Option<Box<Work>>,
    is_begun: bool,
    next: Next,
    /// What the buffer points to.
    bytes: Vec<u8>,
    buf: ngx_buf_t,
    /// Transactions of all writers when the last step was asked for.
    seen_commits: u64,
    asked_at: ngx_msec_t,
    sent_at: ngx_msec_t,
}

impl Exchange {
    /// Begins: the request stays open until the answer is sent. `false` where nginx has no memory.
    ///
    /// # Safety
    /// The content handler of a live main request, which returns `NGX_DONE` next.
    pub(super) unsafe fn begin(
        r: *mut ngx_http_request_t,
        desk: &mut Desk,
        work: Box<Work>,
        shared: &'static Shared,
    ) -> bool {
        // SAFETY: a live request's pool; the context lives in it until the cleanup runs.
        unsafe {
            let cleanup = ngx_pool_cleanup_add((*r).pool, size_of::<Self>());
            let Some(cleanup) = cleanup.as_mut() else { return false };
            let this = cleanup.data.cast::<Self>();
            let id = desk.next_id();
            this.write(Self {
                r,
                id,
                kind: work.kind(),
                cancel: Cancel::default(),
                shared,
                waits: Waits::Step,
                work: Some(work),
                is_begun: false,
                next: Next::Step,
                bytes: Vec::new(),
                buf: std::mem::zeroed(),
                seen_commits: 0,
                asked_at: 0,
                sent_at: ngx_current_msec,
            });
            cleanup.handler = Some(forget);
            place(r).write(this.cast());
            desk.admit(id, this);
            (*(*r).main).set_count((*(*r).main).count() + 1);
            (*r).read_event_handler = Some(ngx_http_test_reading);
            (*r).write_event_handler = Some(ngx_http_request_empty_handler);
            (*this).ask(desk);
            true
        }
    }

    /// Transactions of all writers until now.
    pub(super) fn commits(&self) -> u64 {
        self.shared.commits()
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Nobody wants the answer any more.
    pub(super) fn cancel(&self) {
        self.cancel.set();
    }

    /// Asks for the next step.
    fn ask(&mut self, desk: &Desk) {
        let Some(mut work) = self.work.take() else { return };
        if let Some(server) = work.wants_configuration_of() {
            // SAFETY: the request is live while its exchange is.
            let configuration = unsafe { configuration_of(self.r, server) };
            work.tell(configuration);
        }
        if work.wants_controls() {
            // SAFETY: as above.
            work.tell_controls(unsafe { controls_in_force(self.r) });
        }
        self.waits = Waits::Step;
        // Read before the store is: what is committed later is found by the next look.
        self.seen_commits = self.shared.commits();
        // SAFETY: nginx's clock, read on its own thread.
        self.asked_at = unsafe { ngx_current_msec };
        desk.give(Job { id: self.id, work, cancel: self.cancel.clone() });
    }

    /// A reader has done a step.
    ///
    /// # Safety
    /// An exchange that is at the desk, borrowed nowhere; it may be gone afterwards.
    pub(super) unsafe fn go_on(this: *mut Self, done: Done) {
        // SAFETY: by the caller's promise; a live request has a connection, which outlives it here.
        unsafe {
            let connection = (*(*this).r).connection;
            let Done { work, piece: Piece { head, bytes, next }, .. } = done;
            (*this).work = Some(work);
            Self::send(this, head, bytes, next);
            ngx_http_run_posted_requests(connection);
        }
    }

    /// Looks after a live stream. `commits` are the transactions of all writers until now.
    ///
    /// # Safety
    /// As `go_on`.
    pub(super) unsafe fn tend(this: *mut Self, is_ending: bool, commits: u64) {
        // SAFETY: as `go_on`.
        unsafe {
            if (*this).waits != Waits::Change && !is_ending {
                return;
            }
            let now = ngx_current_msec;
            let connection = (*(*this).r).connection;
            if is_ending {
                match (*this).waits {
                    // What is on its way is the last of it.
                    Waits::Step => return (*this).cancel(),
                    // A client that does not read does not keep the worker.
                    Waits::Client => ngx_http_finalize_request((*this).r, NGX_ERROR as ngx_int_t),
                    Waits::Change => Self::send(this, None, Vec::new(), Next::End),
                }
            } else if now.wrapping_sub((*this).asked_at) >= LOOK_MS
                && commits != (*this).seen_commits
            {
                if let Some(desk) = Desk::get() {
                    (*this).ask(desk);
                }
                return;
            } else if now.wrapping_sub((*this).sent_at) >= BEAT_MS {
                Self::send(this, None, b":\n\n".to_vec(), Next::Change);
            } else {
                return;
            }
            ngx_http_run_posted_requests(connection);
        }
    }

    /// Sends a piece.
    ///
    /// # Safety
    /// As `go_on`.
    unsafe fn send(this: *mut Self, head: Option<Head>, bytes: Vec<u8>, next: Next) {
        // SAFETY: as `go_on`. The buffer's bytes stay until it is empty, or the request's pool goes.
        unsafe {
            let r = (*this).r;
            let (head, bytes, next) = if next == Next::Break && !(*this).is_begun {
                let Answer { head, body } = Problem::busy("this worker is ending").answer();
                (Some(head), body.into_owned(), Next::End)
            } else {
                (head, bytes, next)
            };
            let is_broken = next == Next::Break && (*this).kind != Kind::Live;
            // A problem may come too late to be told.
            if is_broken || (head.is_some() && (*this).is_begun) {
                // The client sees that the end is missing.
                return ngx_http_finalize_request(r, NGX_ERROR as ngx_int_t);
            }
            let is_last = matches!(next, Next::End | Next::Break);
            if let Some(head) = head
                && !(*this).is_begun
            {
                (*this).is_begun = true;
                if FAILURES.contains(&head.status) {
                    let problem = String::from_utf8_lossy(&bytes);
                    log!(NGX_LOG_ERR, (*(*r).connection).log, "mcp_console: {problem}");
                }
                let length = is_last.then_some(bytes.len());
                let headers = head.headers.iter().map(|(name, value)| (*name, &**value));
                let sent = send_head(r, head.status, head.media_type, length, headers);
                if sent == NGX_ERROR as ngx_int_t
                    || sent > NGX_OK as ngx_int_t
                    || (*r).header_only() != 0
                {
                    return ngx_http_finalize_request(r, sent);
                }
            }
            (*this).next = if is_last { Next::End } else { next };
            if bytes.is_empty() && !is_last {
                return Self::after_sending(this, NGX_OK as ngx_int_t);
            }
            (*this).bytes = bytes;
            (*this).sent_at = ngx_current_msec;
            let buf = addr_of_mut!((*this).buf);
            let range = (*this).bytes.as_mut_ptr_range();
            buf.write(std::mem::zeroed());
            ((*buf).pos, (*buf).last) = (range.start, range.end);
            ((*buf).start, (*buf).end) = (range.start, range.end);
            (*buf).tag = (&raw mut crate::ngx_http_mcp_sessions_filter_module).cast();
            (*buf).set_memory(u32::from(!(*this).bytes.is_empty()));
            (*buf).set_flush(u32::from(!is_last));
            (*buf).set_last_buf(u32::from(is_last));
            (*buf).set_last_in_chain(u32::from(is_last));
            let mut chain = ngx_chain_t { buf, next: null_mut() };
            let sent = ngx_http_output_filter(r, &raw mut chain);
            Self::after_sending(this, sent);
        }
    }

    /// What nginx took of a piece decides what is next.
    ///
    /// # Safety
    /// As `go_on`.
    unsafe fn after_sending(this: *mut Self, sent: ngx_int_t) {
        // SAFETY: as `go_on`.
        unsafe {
            let r = (*this).r;
            if sent == NGX_ERROR as ngx_int_t || (*this).next == Next::End {
                // nginx itself sends what it has not sent yet.
                return ngx_http_finalize_request(r, sent);
            }
            let connection = (*r).connection;
            let is_taken = (*this).buf.pos == (*this).buf.last;
            let is_sent = (*r).buffered() == 0 && (*connection).buffered() == 0;
            if sent == NGX_AGAIN as ngx_int_t || !is_taken || !is_sent {
                (*this).waits = Waits::Client;
                (*r).write_event_handler = Some(write);
                let write = (*connection).write;
                let core = core_conf(r);
                if (*write).delayed() == 0 {
                    nginx_sys::ngx_add_timer(write, (*core).send_timeout);
                }
                if ngx_handle_write_event(write, (*core).send_lowat) != NGX_OK as ngx_int_t {
                    ngx_http_finalize_request(r, NGX_ERROR as ngx_int_t);
                }
                return;
            }
            (*r).write_event_handler = Some(ngx_http_request_empty_handler);
            (*this).bytes = Vec::new();
            (*this).waits = Waits::Change;
            if (*this).next == Next::Step
                && let Some(desk) = Desk::get()
            {
                (*this).ask(desk);
            }
        }
    }
}

/// nginx calls it when the client may take more.
unsafe extern "C" fn write(r: *mut ngx_http_request_t) {
    guard((), || {
        // SAFETY: nginx passes a live request; while this handler is set its exchange is there.
        unsafe {
            let connection = (*r).connection;
            let write = (*connection).write;
            if (*write).timedout() != 0 {
                (*connection).set_timedout(1);
                return ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT as ngx_int_t);
            }
            let this = place(r).read().cast::<Exchange>();
            if this.is_null() {
                return ngx_http_finalize_request(r, NGX_ERROR as ngx_int_t);
            }
            if (*write).delayed() != 0 {
                // `limit_rate` lets it wait; its timer is set.
                let core = core_conf(r);
                if ngx_handle_write_event(write, (*core).send_lowat) != NGX_OK as ngx_int_t {
                    ngx_http_finalize_request(r, NGX_ERROR as ngx_int_t);
                }
                return;
            }
            if (*write).timer_set() != 0 {
                nginx_sys::ngx_del_timer(write);
            }
            let sent = ngx_http_output_filter(r, null_mut());
            Exchange::after_sending(this, sent);
        }
    });
}

/// nginx calls it when the request's pool goes.
unsafe extern "C" fn forget(data: *mut c_void) {
    guard((), || {
        // SAFETY: the exchange of this pool; nothing uses it afterwards.
        unsafe {
            let this = data.cast::<Exchange>();
            (*this).cancel.set();
            if let Some(desk) = Desk::get() {
                desk.forget((*this).id);
            }
            std::ptr::drop_in_place(this);
        }
    });
}

/// Where a request keeps its exchange. The filter module has no other use for its place.
///
/// # Safety
/// A live request.
unsafe fn place(r: *mut ngx_http_request_t) -> *mut *mut c_void {
    // SAFETY: a live request has a place for each module; the index is set when nginx loads it.
    unsafe {
        let index: ngx_uint_t =
            (&raw const crate::ngx_http_mcp_sessions_filter_module.ctx_index).read();
        (*r).ctx.add(index)
    }
}

/// The directives in force for an MCP server.
///
/// # Safety
/// A live request.
unsafe fn configuration_of(r: *mut ngx_http_request_t, server: &str) -> Vec<Directive> {
    // SAFETY: by the caller's promise.
    let Some(main) = (unsafe { MainConf::of(r) }) else { return Vec::new() };
    let directive = |written: &Written, location: &str| Directive {
        directive: written.name.clone(),
        value: written.words.clone(),
        place: written.place.to_string(),
        location: location.to_owned(),
    };
    let recordings = main.recordings_of(server);
    let main = main.lines.iter().filter(|_| !recordings.is_empty());
    let mut all: Vec<Directive> = main.map(|it| directive(it, "")).collect();
    for recording in recordings {
        all.extend(recording.lines.iter().map(|it| directive(it, &recording.location)));
    }
    all.truncate(DIRECTIVES_MAX);
    all
}

/// The controls of the configuration that the request is served by.
///
/// # Safety
/// A live request.
unsafe fn controls_in_force(_r: *mut ngx_http_request_t) -> Vec<ConfiguredControl> {
    // No directive makes one yet.
    Vec::new()
}

/// # Safety
/// A live request.
unsafe fn core_conf(r: *mut ngx_http_request_t) -> *mut ngx_http_core_loc_conf_t {
    // SAFETY: as `place`.
    unsafe { (*r).loc_conf.add(ngx_http_core_module.ctx_index).read().cast() }
}

const _: () = assert!(align_of::<Exchange>() <= nginx_sys::NGX_ALIGNMENT);
