//! How far the judging of a request is. It lives in the request's pool, since internal redirects
//! clear everything else.

use exchange::{Controls, Verdict};
use nginx_sys::{ngx_http_request_t, ngx_pool_cleanup_add, ngx_pool_cleanup_t};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;

/// How far the judging is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing was done.
    #[default]
    New,
    /// The body is being read.
    Reading,
    /// The body is there.
    Read,
    /// The location's controls have judged.
    Judged,
}

/// One request's trial.
#[derive(Default)]
pub(crate) struct Trial {
    pub(super) stage: Stage,
    pub(super) verdict: Verdict,
    pub(super) finding: Finding,
}

const CLEANUP: unsafe extern "C" fn(*mut c_void) = cleanup;

/// nginx calls it when the request's pool goes.
unsafe extern "C" fn cleanup(data: *mut c_void) {
    // SAFETY: `of_or_new` wrote it there, and the pool frees without dropping.
    crate::guard::guard((), || unsafe { std::ptr::drop_in_place(data.cast::<Trial>()) });
}

impl Trial {
    /// A request's trial; null where there is none.
    ///
    /// # Safety
    /// A live request.
    pub(super) unsafe fn of(r: *mut ngx_http_request_t) -> *mut Self {
        // SAFETY: a live request's pool; its cleanups end with null.
        unsafe {
            let mut cleanup: *mut ngx_pool_cleanup_t = (*(*r).pool).cleanup;
            while let Some(here) = cleanup.as_ref() {
                if here.handler.is_some_and(|handler| std::ptr::fn_addr_eq(handler, CLEANUP)) {
                    return here.data.cast();
                }
                cleanup = here.next;
            }
        }
        null_mut()
    }

    /// A request's trial, begun if there is none; null where nginx has no memory.
    ///
    /// # Safety
    /// As `of`.
    pub(super) unsafe fn of_or_new(r: *mut ngx_http_request_t) -> *mut Self {
        // SAFETY: by the caller's promise; nginx gives as much memory as is asked for, aligned for
        // pointers.
        unsafe {
            let known = Self::of(r);
            if !known.is_null() {
                return known;
            }
            let Some(cleanup) = ngx_pool_cleanup_add((*r).pool, size_of::<Self>()).as_mut() else {
                return null_mut();
            };
            let trial = cleanup.data.cast::<Self>();
            trial.write(Self::default());
            cleanup.handler = Some(CLEANUP);
            trial
        }
    }

    /// Whether these controls have judged already.
    pub(super) fn is_judged_by(&self, controls: &Arc<Controls>) -> bool {
        self.verdict.sets.iter().any(|set| Arc::ptr_eq(set, controls))
    }
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Nobody has judged.
    #[default]
    None,
    /// Nothing to object.
    Fine,
    /// At least one objection.
    Attack,
}

/// What is known of a request so far.
///
/// # Safety
/// A live request, whose trial is borrowed nowhere.
pub(crate) unsafe fn found(r: *mut ngx_http_request_t) -> Finding {
    // SAFETY: by the caller's promise.
    match unsafe { Trial::of(r).as_ref() } {
        Some(trial) if trial.stage == Stage::Judged => trial.finding,
        _ => Finding::None,
    }
}

/// Takes the verdict on a request, to hand it over with its capture.
///
/// # Safety
/// A live request, whose trial is borrowed nowhere.
pub(crate) unsafe fn take_verdict(r: *mut ngx_http_request_t) -> Option<Verdict> {
    // SAFETY: by the caller's promise.
    let trial = unsafe { Trial::of(r).as_mut()? };
    Some(std::mem::take(&mut trial.verdict))
}

const _: () = assert!(align_of::<Trial>() <= nginx_sys::NGX_ALIGNMENT);
