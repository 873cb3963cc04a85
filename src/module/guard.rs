//! No panic crosses C: since Rust 1.81 one that leaves an `extern "C"` function aborts the worker,
//! with all its connections. Every such function runs its body in here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Panics caught in this process that the shared counters do not hold yet.
static CAUGHT: AtomicU64 = AtomicU64::new(0);

/// Runs `body`; gives `on_panic` where it panicked.
///
/// State behind the closure may be half changed after a panic: what it owned is marked dead by its
/// own code (an exchange's context is taken out before it is worked on), so nothing is reused.
#[inline]
pub(crate) fn guard<T>(on_panic: T, body: impl FnOnce() -> T) -> T {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(_) => {
            CAUGHT.fetch_add(1, Ordering::Relaxed);
            on_panic
        }
    }
}

/// Panics caught since this was asked last.
pub(crate) fn take_caught() -> u64 {
    CAUGHT.swap(0, Ordering::Relaxed)
}
