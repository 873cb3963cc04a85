//! A timer of the event loop.

use nginx_sys::{
    ngx_add_timer, ngx_connection_t, ngx_cycle, ngx_del_timer, ngx_event_handler_pt, ngx_event_t,
    ngx_msec_t,
};

/// A timer, with the connection that nginx's debug log wants behind every event. nginx keeps
/// pointers into it while it is set: it lives in a box, and stops when it is dropped.
pub(crate) struct Timer {
    event: ngx_event_t,
    dummy: ngx_connection_t,
}

impl Timer {
    /// Makes it, not set. A worker that ends waits for a timer that is set, unless it
    /// `is_cancelable`.
    pub(crate) fn new(handler: ngx_event_handler_pt, is_cancelable: bool) -> Box<Self> {
        // SAFETY: all-zero is valid for these C structures, as nginx's own static ones are.
        let (event, dummy) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        let mut timer = Box::new(Self { event, dummy });
        timer.dummy.fd = -1;
        timer.event.data = (&raw mut timer.dummy).cast();
        timer.event.handler = handler;
        timer.event.set_cancelable(u32::from(is_cancelable));
        timer
    }

    /// Sets it, once.
    ///
    /// # Safety
    /// The event loop's thread.
    pub(crate) unsafe fn set(&mut self, ms: ngx_msec_t) {
        // SAFETY: by the caller's promise; the box stays where it is until the timer is deleted.
        unsafe {
            self.event.log = (*ngx_cycle).log;
            ngx_add_timer(&raw mut self.event, ms);
        }
    }

    /// Whether it is set.
    pub(crate) fn is_set(&self) -> bool {
        self.event.timer_set() != 0
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if self.is_set() {
            // SAFETY: timers are made and dropped on the event loop's thread, and it is set.
            unsafe { ngx_del_timer(&raw mut self.event) };
        }
    }
}
