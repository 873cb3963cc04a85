//! What is kept of one request while it passes.

mod keep;
mod list;
mod place;

use self::keep::keep;
pub(crate) use self::list::List;
use self::place::{NOT_MCP, mark_dropped, place};
pub(crate) use self::place::{is_dropped, mark_not_mcp};

use crate::clock::monotonic_us;
use crate::conf::LocConf;
use crate::fill::{Evaluated, fill};
use crate::gate;
use crate::nginx::Request;
use crate::variables;
use crate::worker::Worker;
use crate::zone::Counter;
use exchange::{BodyEnd, Capture, Part};
use nginx_sys::{ngx_http_request_t, ngx_pool_cleanup_add, ngx_pool_cleanup_t, ngx_str_t};
use record::Reason;
use std::ffi::c_void;
use std::ptr::addr_of;

/// Bytes of an event stream after which a piece is handed over without waiting for the timer.
const PIECE_BYTES: usize = 64 * 1024;

/// How far the decision is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The request's body may turn out to be MCP: it is kept until that is known.
    Undecided,
    /// Worth recording.
    Watching,
    /// Not MCP, or already handed over.
    Done,
}

/// One request's context. It lives in the request's pool.
pub(crate) struct Context {
    pub(crate) r: *mut ngx_http_request_t,
    /// The location where the exchange was first seen: its rules are in force for it, whatever
    /// location `error_page` or an internal redirect leads to afterwards.
    conf: *const LocConf,
    pub(crate) state: State,
    capture: Option<Box<Capture>>,
    /// Bytes accounted for with the worker.
    held_bytes: usize,
    /// Monotonic time of the request's first byte.
    started_us: u64,
    /// Monotonic time of the newest byte of the answer.
    newest_us: u64,
    first_byte_us: u64,
    at: record::Micros,
    /// What its request id is made of.
    pub(crate) request: u64,
    /// The number of its parts; 0 while none was handed over.
    stream: u64,
    /// Whether the answer's bytes are kept.
    pub(crate) watches_answer: bool,
    /// Whether the answer is an event stream.
    is_stream: bool,
    /// Whether the answer was seen to its end. All of a stream may have been handed over before.
    is_answer_whole: bool,
    /// Whether a piece is to be handed over without waiting for the timer.
    pub(crate) is_piece_full: bool,
    /// Its place in the worker's list of open exchanges.
    open_at: usize,
    /// Its place in the worker's list of dirty streams.
    dirty_at: usize,
    /// Bytes of a stream that passed while there was no memory for a capture.
    unseen_bytes: u64,
    /// `Content-Encoding` of the answer before nginx's own filters.
    pub(crate) answer_encoding: ngx_str_t,
    /// `Mcp-Session-Id` of the answer.
    pub(crate) answer_session: ngx_str_t,
}

/// What stands in a request's place for the context.
pub(crate) enum Found {
    /// Nothing was looked at yet.
    Nothing,
    /// Looked at: not MCP.
    NotMcp,
    /// A context.
    Context(*mut Context),
}

/// Finds a request's context.
///
/// A borrow of it must end before a value is evaluated, since this module's own variables find the
/// context too.
#[inline]
pub(crate) fn find(r: Request<'_>) -> Found {
    // SAFETY: nginx allocates a place for each module.
    let here = unsafe { place(r).read() }.cast::<Context>();
    if here.is_null() {
        // Internal redirects clear all places.
        return if r.inner().internal() == 0 { Found::Nothing } else { find_again(r) };
    }
    if std::ptr::eq(here.cast::<u8>(), addr_of!(NOT_MCP)) || is_dropped(r) {
        return Found::NotMcp;
    }
    // SAFETY: what else stands there is a context in the request's pool.
    unsafe { found(here) }
}

/// # Safety
/// A context of a live request.
#[inline]
unsafe fn found(context: *mut Context) -> Found {
    // SAFETY: by the caller's promise.
    if unsafe { (*context).state } == State::Done { Found::NotMcp } else { Found::Context(context) }
}

#[cold]
fn find_again(r: Request<'_>) -> Found {
    // SAFETY: a live request's pool; its cleanups end with null.
    unsafe {
        let mut cleanup: *mut ngx_pool_cleanup_t = (*r.inner().pool).cleanup;
        while let Some(here) = cleanup.as_ref() {
            if here.handler.is_some_and(|handler| std::ptr::fn_addr_eq(handler, CLEANUP)) {
                place(r).write(here.data);
                return found(here.data.cast());
            }
            cleanup = here.next;
        }
    }
    Found::Nothing
}

const CLEANUP: unsafe extern "C" fn(*mut c_void) = cleanup;

/// nginx calls it when the request's pool goes.
unsafe extern "C" fn cleanup(data: *mut c_void) {
    crate::guard::guard((), || {
        // SAFETY: the context registered for this pool; nothing uses it afterwards.
        let context = unsafe { &mut *data.cast::<Context>() };
        // SAFETY: the event loop's thread.
        if let Some(worker) = unsafe { Worker::get() } {
            context.forget(worker);
        }
        // SAFETY: it was written when the context was made, and the pool frees without dropping.
        unsafe { std::ptr::drop_in_place(context) };
    });
}

impl Context {
    /// Makes a context for a request, with a capture. Where the worker's memory is used up, or
    /// nginx has none, the request passes unwatched (and counts as dropped, if `counts`).
    pub(crate) fn make<'r>(
        worker: &mut Worker,
        r: Request<'_>,
        conf: &LocConf,
        state: State,
    ) -> Option<&'r mut Self> {
        let rules = conf.rules.as_ref()?;
        let Some(mut capture) = worker.take_capture() else {
            if state == State::Watching {
                worker.drop_exchange(Reason::MemoryLimit);
                mark_dropped(r);
            } else {
                mark_not_mcp(r);
            }
            return None;
        };
        capture.rules = Some(rules.clone());
        // SAFETY: a live request's pool.
        let cleanup = unsafe { ngx_pool_cleanup_add(r.inner().pool, size_of::<Self>()) };
        // SAFETY: null where nginx has no memory.
        let Some(cleanup) = (unsafe { cleanup.as_mut() }) else {
            worker.give_back(capture);
            return None;
        };
        let held_bytes = capture.memory_bytes();
        worker.account(0, held_bytes);
        let (at, started_us) = worker.clock.began(r);
        let context = cleanup.data.cast::<Self>();
        // SAFETY: nginx gave as much memory as was asked for, aligned for pointers.
        unsafe {
            context.write(Self {
                r: r.raw(),
                conf,
                state,
                capture: Some(capture),
                held_bytes,
                started_us,
                newest_us: started_us,
                first_byte_us: 0,
                at,
                request: worker.next_request(),
                stream: 0,
                watches_answer: false,
                is_stream: false,
                is_answer_whole: false,
                is_piece_full: false,
                open_at: list::NOWHERE,
                dirty_at: list::NOWHERE,
                unseen_bytes: 0,
                answer_encoding: ngx_str_t::empty(),
                answer_session: ngx_str_t::empty(),
            });
            cleanup.handler = Some(CLEANUP);
            place(r).write(context.cast());
            worker.open.add(&mut *context);
            Some(&mut *context)
        }
    }

    /// The location's configuration.
    pub(crate) fn conf<'c>(&self) -> &'c LocConf {
        // SAFETY: configurations outlive the requests that they serve.
        unsafe { &*self.conf }
    }

    /// What was captured so far; `None` after it was handed over.
    pub(crate) fn capture(&self) -> Option<&Capture> {
        self.capture.as_deref()
    }

    pub(crate) fn capture_mut(&mut self) -> Option<&mut Capture> {
        self.capture.as_deref_mut()
    }

    /// Says that the request is not MCP after all.
    pub(crate) fn dismiss(&mut self, worker: &mut Worker) {
        self.forget(worker);
    }

    /// Keeps a piece of the request's body. Without memory for its beginning, which says what it
    /// is, the exchange passes unwatched, as without memory for a capture.
    #[inline]
    pub(crate) fn see_request(&mut self, worker: &mut Worker, bytes: &[u8], unseen: u64) {
        let limit = self.conf().rules.as_ref().map_or(0, |rules| rules.body_bytes_max);
        let mut is_starved = false;
        if let Some(capture) = self.capture.as_deref_mut() {
            let is_refused = keep(worker, &mut capture.request, bytes, unseen, limit);
            is_starved = is_refused && capture.request.bytes.is_empty() && self.stream == 0;
        }
        self.account(worker);
        if is_starved {
            if self.state == State::Watching {
                worker.drop_exchange(Reason::MemoryLimit);
                // SAFETY: the live request that the context belongs to.
                mark_dropped(unsafe { Request::new(self.r) });
            }
            self.forget(worker);
        }
    }

    /// The request's body has ended.
    pub(crate) fn end_request(&mut self) {
        if let Some(capture) = self.capture.as_deref_mut() {
            capture.request.end = BodyEnd::Complete;
        }
    }

    /// Says what the answer is, before its body comes.
    pub(crate) fn see_answer_head(&mut self, is_watched: bool, is_stream: bool) {
        self.watches_answer = is_watched;
        self.is_stream = is_stream;
    }

    /// Keeps a piece of the answer's body.
    #[inline]
    pub(crate) fn see_answer(&mut self, worker: &mut Worker, bytes: &[u8], unseen: u64) {
        if !worker.has_writer {
            return;
        }
        if self.first_byte_us == 0 {
            self.newest_us = monotonic_us();
            self.first_byte_us = self.newest_us.saturating_sub(self.started_us).max(1);
        } else if self.is_stream {
            self.newest_us = monotonic_us();
        }
        let mut limit = self.conf().rules.as_ref().map_or(0, |rules| rules.response_bytes_max);
        let total = bytes.len() as u64 + unseen;
        if self.capture.is_none() && !self.begin_piece(worker) {
            self.unseen_bytes += total;
            return;
        }
        if let Some(capture) = self.capture.as_deref_mut() {
            if self.is_stream && capture.response.bytes.len() < PIECE_BYTES {
                // The limit is one of each event. A piece is handed over once it is full.
                limit = limit.max(PIECE_BYTES + bytes.len());
            }
            if self.watches_answer {
                keep(worker, &mut capture.response, bytes, unseen, limit);
            } else {
                capture.response.passed += total;
            }
        }
        self.account(worker);
        if self.is_stream {
            self.tend_stream(worker);
        }
    }

    /// The answer's body has ended.
    pub(crate) fn end_answer(&mut self) {
        self.is_answer_whole = true;
        if let Some(capture) = self.capture.as_deref_mut() {
            capture.response.end = BodyEnd::Complete;
        }
    }

    /// Takes a capture for the next part of a stream whose last part was handed over.
    fn begin_piece(&mut self, worker: &mut Worker) -> bool {
        let Some(mut capture) = worker.take_capture() else { return false };
        capture.rules = self.conf().rules.clone();
        capture.part = Part::Middle;
        capture.response.passed = self.unseen_bytes;
        capture.response.lost = self.unseen_bytes;
        self.unseen_bytes = 0;
        self.capture = Some(capture);
        self.account(worker);
        true
    }

    #[inline]
    fn account(&mut self, worker: &mut Worker) {
        let now = self.capture.as_ref().map_or(0, |capture| capture.memory_bytes());
        if now != self.held_bytes {
            worker.account(self.held_bytes, now);
            self.held_bytes = now;
        }
    }

    /// An event stream has new bytes: see to it that they are handed over before long.
    fn tend_stream(&mut self, worker: &mut Worker) {
        let bytes = self.capture.as_ref().map_or(0, |capture| capture.response.bytes.len());
        self.is_piece_full = bytes >= PIECE_BYTES;
        worker.dirty.add(self);
    }

    /// Hands over what an open stream has brought so far. Where the queue is full it is kept, up
    /// to the answer's limit, and offered again.
    ///
    /// # Safety
    /// A context of a live request, borrowed nowhere.
    pub(crate) unsafe fn hand_over_piece(this: *mut Self, worker: &mut Worker) {
        // SAFETY: by the caller's promise; nothing is borrowed while values are evaluated.
        unsafe {
            worker.dirty.remove(&mut *this);
            if (*this).state != State::Watching || (*this).capture.is_none() {
                return;
            }
            let r = Request::new((*this).r);
            variables::remember(r);
            let values = ((*this).stream == 0).then(|| Evaluated::new(r, (*this).conf()));
            (*this).hand_over_part(r, worker, values.as_ref());
        }
    }

    fn hand_over_part(
        &mut self,
        r: Request<'_>,
        worker: &mut Worker,
        values: Option<&Evaluated<'_>>,
    ) {
        self.is_piece_full = false;
        if let Some(values) = values {
            self.take_verdict(r);
            fill(r, self, worker, values);
            self.stream = worker.next_stream();
            self.set_part(Part::First);
        } else {
            self.set_part(Part::Middle);
        }
        let (stream, now_us) = (self.stream, self.newest_us.saturating_sub(self.started_us));
        let Some(mut capture) = self.capture.take() else { return };
        capture.stream = stream;
        capture.facts.at = self.at;
        capture.facts.first_byte_us = self.first_byte_us;
        capture.facts.now_us = now_us;
        let is_first = capture.part == Part::First;
        if let Some(mut refused) = worker.hand_over(capture) {
            worker.count(Counter::PiecesLost, 1);
            if is_first {
                // Nothing is begun yet: all facts are read again next time.
                refused.text.clear();
                self.stream = 0;
            }
            self.capture = Some(refused);
            worker.dirty.add(self);
        }
        self.account(worker);
    }

    fn set_part(&mut self, part: Part) {
        if let Some(capture) = self.capture.as_deref_mut() {
            capture.part = part;
        }
    }

    /// The exchange has ended: hands over all, or all that is left of it.
    ///
    /// # Safety
    /// A context of a live request, borrowed nowhere.
    pub(crate) unsafe fn finish(this: *mut Self, worker: &mut Worker) {
        // SAFETY: by the caller's promise; nothing is borrowed while values are evaluated.
        unsafe {
            worker.dirty.remove(&mut *this);
            if (*this).state != State::Watching {
                (*this).forget(worker);
                return;
            }
            let r = Request::new((*this).r);
            if !worker.has_writer {
                gate::hear_late(r, (*this).conf());
                (*this).forget(worker);
                return;
            }
            let values = Evaluated::new(r, (*this).conf());
            values.claim_session(r, &*this);
            (*this).hand_over_end(r, worker, &values);
        }
    }

    fn hand_over_end(&mut self, r: Request<'_>, worker: &mut Worker, values: &Evaluated<'_>) {
        if self.capture.is_none() && !self.begin_piece(worker) {
            // The end of a stream is small and frees what the writer keeps of it.
            let capture = Capture { rules: self.conf().rules.clone(), ..Capture::default() };
            self.capture = Some(Box::new(capture));
        }
        self.close_answer();
        self.take_verdict(r);
        fill(r, self, worker, values);
        self.end(worker);
        let Some(mut capture) = self.capture.take() else { return };
        capture.part = if self.stream == 0 { Part::Only } else { Part::Last };
        capture.stream = self.stream;
        capture.facts.at = self.at;
        capture.facts.first_byte_us = self.first_byte_us;
        capture.facts.now_us = monotonic_us().saturating_sub(self.started_us);
        let lost = capture.request.lost + capture.response.lost;
        if lost > 0 {
            worker.count(Counter::BytesLost, lost);
        }
        self.account(worker);
        // An exchange that has ended is never given back.
        let _ = worker.hand_over(capture);
    }

    /// Takes over what controls made of the request.
    fn take_verdict(&mut self, r: Request<'_>) {
        if let Some(capture) = self.capture.as_deref_mut()
            // SAFETY: a live request, whose trial is borrowed for this call only.
            && let Some(verdict) = unsafe { gate::take_verdict(r.raw()) }
            && !verdict.is_empty()
        {
            capture.verdict = verdict;
        }
    }

    /// Lets go of what it holds.
    fn forget(&mut self, worker: &mut Worker) {
        self.end(worker);
        if let Some(capture) = self.capture.take() {
            worker.give_back(capture);
        }
        self.account(worker);
    }

    /// The exchange is over: what has not come of its bodies never will.
    pub(crate) fn close_bodies(&mut self, has_request_body: bool) {
        self.close_answer();
        let Some(capture) = self.capture.as_deref_mut() else { return };
        let request = &mut capture.request;
        if self.stream == 0 && request.end == BodyEnd::Open {
            request.end = match (request.passed, has_request_body) {
                (0, false) => BodyEnd::Complete,
                (0, true) => BodyEnd::Discarded,
                _ => BodyEnd::Aborted,
            };
        }
    }

    /// The exchange is over: the last part says how its answer ended.
    fn close_answer(&mut self) {
        let end = if self.is_answer_whole { BodyEnd::Complete } else { BodyEnd::Aborted };
        if let Some(capture) = self.capture.as_deref_mut()
            && capture.response.end == BodyEnd::Open
        {
            capture.response.end = end;
        }
    }

    /// Nothing more is to be seen of it.
    fn end(&mut self, worker: &mut Worker) {
        worker.dirty.remove(self);
        worker.open.remove(self);
        self.state = State::Done;
    }
}

const _: () = assert!(align_of::<Context>() <= nginx_sys::NGX_ALIGNMENT);
