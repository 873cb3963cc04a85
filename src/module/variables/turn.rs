//! Variables that are made of variables may be made of themselves. nginx finds such a cycle after a
//! hundred rounds; but a value that is empty is asked for twice in each of them, and no worker has
//! the time for 2 to the 100th.

use crate::nginx::log;
use nginx_sys::{NGX_LOG_ERR, ngx_http_request_t};
use std::cell::RefCell;

/// How many variables of this module may be made of one another.
const DEPTH_MAX: usize = 8;

thread_local! {
    /// The variables being evaluated, outermost first.
    static TURNS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// The evaluation of one variable; it ends when this is dropped.
pub(super) struct Turn;

impl Turn {
    /// Begins it. `None`, with a line in the error log, where the variable is being evaluated
    /// already, or too many are.
    ///
    /// # Safety
    /// `r` is a live request, on the event loop's thread.
    pub(super) unsafe fn take(r: *mut ngx_http_request_t, variable: usize) -> Option<Self> {
        let is_taken = TURNS.with(|turns| {
            let Ok(mut turns) = turns.try_borrow_mut() else { return false };
            let is_free = turns.len() < DEPTH_MAX && !turns.contains(&variable);
            if is_free {
                turns.push(variable);
            }
            is_free
        });
        if is_taken {
            return Some(Self);
        }
        // SAFETY: a live request has a connection with a log.
        unsafe {
            let log = (*(*r).connection).log;
            log!(NGX_LOG_ERR, log, "mcp_sessions: a variable is made of itself, it is left empty");
        }
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TURNS.with(|turns| {
            if let Ok(mut turns) = turns.try_borrow_mut() {
                turns.pop();
            }
        });
    }
}
