//! The event loop's side of the console: which exchanges are under way, and who is to go on.
//!
//! It is made with the first question, so that a worker that nobody asks has neither threads nor
//! timer. While an exchange is under way a timer holds the worker, so that one that is told to quit
//! waits for answers, and ends streams by itself.

use super::exchange::Exchange;
use super::readers::{Job, Readers};
use crate::guard::guard;
use crate::nginx::{Timer, log};
use console::Kind;
use nginx_sys::{
    NGX_LOG_ERR, NGX_OK, ngx_close_connection, ngx_connection_t, ngx_cycle, ngx_event_t,
    ngx_exiting, ngx_get_connection, ngx_handle_read_event, ngx_int_t, ngx_quit, ngx_terminate,
};
use std::collections::HashMap;
use std::path::Path;

/// The most exchanges of a worker that are under way.
pub(super) const EXCHANGES_MAX: usize = 256;
/// The most questions that wait for a thread.
const WAITING_MAX: usize = 64;
/// The most exports of a worker.
const EXPORTS_MAX: usize = 8;
/// The most live streams of a worker.
const STREAMS_MAX: usize = 64;
/// How often streams are looked after.
const TICK_MS: usize = 100;

/// Which exchanges are under way.
pub(super) struct Desk {
    readers: Readers,
    wake: *mut ngx_connection_t,
    timer: Box<Timer>,
    open: HashMap<u64, *mut Exchange>,
    last_id: u64,
}

static mut DESK: Option<Desk> = None;

impl Desk {
    /// The desk of this worker; opens it. `None` where the system has no threads or descriptors to
    /// give.
    ///
    /// # Safety
    /// The event loop's thread, and no other borrow of it alive.
    pub(super) unsafe fn open<'a>(store: &Path) -> Option<&'a mut Self> {
        let place = &raw mut DESK;
        // SAFETY: by the caller's promise.
        unsafe {
            if (*place).is_none() {
                match Self::new(store) {
                    Ok(desk) => *place = Some(desk),
                    Err(error) => {
                        let log = (*ngx_cycle).log;
                        log!(NGX_LOG_ERR, log, "mcp_console: no reader threads: {error}");
                    }
                }
            }
            (*place).as_mut()
        }
    }

    /// The desk of this worker, if it is open.
    ///
    /// # Safety
    /// As `open`.
    pub(super) unsafe fn get<'a>() -> Option<&'a mut Self> {
        let place = &raw mut DESK;
        // SAFETY: by the caller's promise.
        unsafe { (*place).as_mut() }
    }

    unsafe fn new(store: &Path) -> std::io::Result<Self> {
        let mut readers = Readers::start(store.to_owned(), EXCHANGES_MAX)?;
        // SAFETY: the event loop's thread.
        let Some(wake) = (unsafe { listen(readers.wake_fd()) }) else {
            readers.stop();
            return Err(std::io::Error::other("no connection is free"));
        };
        let timer = Timer::new(Some(tick), false);
        Ok(Self { readers, wake, timer, open: HashMap::new(), last_id: 0 })
    }

    /// Whether another exchange of this kind may begin.
    pub(super) fn has_room_for(&self, kind: Kind) -> bool {
        let of_kind = || self.exchanges().filter(|it| it.kind() == kind).count();
        let has_place = match kind {
            Kind::Query => true,
            Kind::Export => of_kind() < EXPORTS_MAX,
            Kind::Live => of_kind() < STREAMS_MAX,
        };
        has_place && self.open.len() < EXCHANGES_MAX && self.readers.waiting() < WAITING_MAX
    }

    fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        // SAFETY: an exchange takes itself out before it goes, and only the event loop's thread
        // has them.
        self.open.values().map(|exchange| unsafe { &**exchange })
    }

    /// A number for an exchange.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Takes an exchange in.
    ///
    /// # Safety
    /// The event loop's thread.
    pub(super) unsafe fn admit(&mut self, id: u64, exchange: *mut Exchange) {
        self.open.insert(id, exchange);
        if !self.timer.is_set() {
            // SAFETY: by the caller's promise.
            unsafe { self.timer.set(TICK_MS) };
        }
    }

    /// An exchange is over.
    pub(super) fn forget(&mut self, id: u64) {
        self.open.remove(&id);
    }

    /// Asks for a step.
    pub(super) fn give(&self, job: Job) -> bool {
        self.readers.give(job)
    }
}

/// Cancels what the readers of a worker are at.
///
/// # Safety
/// In a worker's `exit_process`, before [`stop`].
pub(crate) unsafe fn cancel() {
    // SAFETY: the event loop's thread alone uses it, and requests are no more served.
    let Some(desk) = (unsafe { Desk::get() }) else { return };
    desk.exchanges().for_each(Exchange::cancel);
    desk.readers.end();
}

/// Ends the readers of a worker, which were cancelled before.
///
/// # Safety
/// In a worker's `exit_process`.
pub(crate) unsafe fn stop() {
    let place = &raw mut DESK;
    // SAFETY: the event loop's thread alone uses it, and requests are no more served.
    unsafe {
        let Some(mut desk) = (*place).take() else { return };
        if !desk.readers.stop() {
            let log = (*ngx_cycle).log;
            log!(NGX_LOG_ERR, log, "mcp_console: a reader did not end in time");
        }
        // The descriptor is closed with the readers.
        forget_connection(desk.wake);
    }
}

/// Has nginx listen to a descriptor.
///
/// # Safety
/// The event loop's thread.
unsafe fn listen(fd: std::os::fd::RawFd) -> Option<*mut ngx_connection_t> {
    // SAFETY: nginx gives a connection with its two events, or null.
    unsafe {
        let log = (*ngx_cycle).log;
        let connection = ngx_get_connection(fd, log);
        let here = connection.as_mut()?;
        let read = here.read.as_mut()?;
        read.handler = Some(wake);
        read.log = log;
        // It is none of the connections that an ending worker reports as left open.
        read.set_channel(1);
        if ngx_handle_read_event(here.read, 0) != NGX_OK as ngx_int_t {
            forget_connection(connection);
            return None;
        }
        Some(connection)
    }
}

/// # Safety
/// What `listen` gave, once.
unsafe fn forget_connection(connection: *mut ngx_connection_t) {
    // SAFETY: nginx closes the descriptor with its connection: it gets one of its own, since the
    // other has an owner.
    unsafe {
        let copy = libc::dup((*connection).fd);
        if copy >= 0 {
            (*connection).fd = copy;
            ngx_close_connection(connection);
        }
    }
}

/// nginx calls it when a step is done.
unsafe extern "C" fn wake(_event: *mut ngx_event_t) {
    guard((), || {
        // SAFETY: the event loop's thread; the desk is borrowed anew for every step, since sending
        // may end exchanges.
        unsafe {
            if let Some(desk) = Desk::get() {
                desk.readers.hear();
            }
            loop {
                let Some(desk) = Desk::get() else { return };
                let Some(done) = desk.readers.take() else { return };
                if let Some(exchange) = desk.open.get(&done.id).copied() {
                    Exchange::go_on(exchange, done);
                }
            }
        }
    });
}

/// nginx calls it while exchanges are under way.
unsafe extern "C" fn tick(_event: *mut ngx_event_t) {
    guard((), || {
        // SAFETY: as `wake`.
        unsafe {
            let is_ending = ngx_exiting != 0 || ngx_quit != 0 || ngx_terminate != 0;
            let Some(desk) = Desk::get() else { return };
            let streams: Vec<u64> = desk
                .open
                .iter()
                .filter(|(_, exchange)| (***exchange).kind() == Kind::Live)
                .map(|(id, _)| *id)
                .collect();
            let commits = desk.exchanges().next().map_or(0, Exchange::commits);
            for id in streams {
                // Sending to one may have ended others.
                let Some(exchange) = Desk::get().and_then(|desk| desk.open.get(&id).copied())
                else {
                    continue;
                };
                Exchange::tend(exchange, is_ending, commits);
            }
            let Some(desk) = Desk::get() else { return };
            if !desk.open.is_empty() && !desk.timer.is_set() {
                desk.timer.set(TICK_MS);
            }
        }
    });
}
