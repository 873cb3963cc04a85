//! Threads beside the event loop.

use std::io;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Starts a thread with all signals blocked: nginx's are for the event loop, whose wait a signal to
/// another thread would not end.
pub(crate) fn spawn(
    name: &str,
    stack_bytes: usize,
    run: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    // SAFETY: all-zero is valid for signal sets, and the calls fill them in.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        for fault in [libc::SIGILL, libc::SIGFPE, libc::SIGSEGV, libc::SIGBUS] {
            libc::sigdelset(&raw mut all, fault);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before);
        let thread = Builder::new().name(name.to_owned()).stack_size(stack_bytes).spawn(run);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
        thread
    }
}

/// Waits for a thread's end, for so long; whether it came.
pub(crate) fn join_within(thread: JoinHandle<()>, patience: Duration) -> bool {
    let end_by = Instant::now() + patience;
    thread.thread().unpark();
    while !thread.is_finished() && Instant::now() < end_by {
        std::thread::sleep(Duration::from_millis(1));
    }
    let is_finished = thread.is_finished();
    if is_finished {
        // What it panicked with is of no use any more.
        let _ = thread.join();
    }
    is_finished
}
