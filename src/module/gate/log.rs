//! Attacks in the error log: one line each, so many a second.

use super::trial::Trial;
use crate::conf::LocConf;
use crate::handover::Link;
use crate::nginx::{Request, log};
use crate::variables;
use exchange::AttackLine;
use nginx_sys::{NGX_LOG_WARN, ngx_log_t, ngx_time, time_t};
use std::cell::Cell;
use std::sync::atomic::Ordering;

/// Lines about attacks in one second, of one worker. Further ones are counted.
const LINES_A_SECOND_MAX: u32 = 10;

/// What this second has had, and what had no room.
#[derive(Clone, Copy, Default)]
struct Said {
    second: time_t,
    lines: u32,
    left_out: u64,
}

thread_local! {
    static SAID: Cell<Said> = const { Cell::new(Said { second: 0, lines: 0, left_out: 0 }) };
}

/// Writes a line, if this second has room for it.
///
/// # Safety
/// The event loop's thread, and a live log.
unsafe fn say(to: *mut ngx_log_t, line: &str) {
    let left_out = SAID.get();
    if left_out.left_out > 0 && left_out.second != ngx_time() {
        SAID.set(Said { left_out: 0, ..left_out });
        // SAFETY: by the caller's promise.
        unsafe { log!(NGX_LOG_WARN, to, "mcp_sessions: {} more attacks", left_out.left_out) };
    }
    if take_turn() {
        // SAFETY: by the caller's promise.
        unsafe { log!(NGX_LOG_WARN, to, "{line}") };
    }
}

fn take_turn() -> bool {
    let mut said = SAID.get();
    let now = ngx_time();
    if said.second != now {
        said = Said { second: now, lines: 0, ..said };
    }
    let has_room = said.lines < LINES_A_SECOND_MAX;
    if has_room {
        said.lines += 1;
    } else {
        said.left_out += 1;
    }
    SAID.set(said);
    has_room
}

/// Says what was objected to in a request, with what nginx adds of the request itself.
pub(super) fn say_verdict(r: Request<'_>, conf: &LocConf, request_id: &str) {
    let Some(rules) = &conf.rules else { return };
    // SAFETY: a live request, whose trial is borrowed for this question only.
    if unsafe { Trial::of(r.raw()).as_ref() }.is_none_or(|it| it.verdict.denials.is_empty()) {
        return;
    }
    // They may be variables of this very module.
    let (server, user) = variables::server_and_user(r, conf);
    let line = AttackLine {
        server: &String::from_utf8_lossy(&server),
        user: &String::from_utf8_lossy(&user),
        address: &String::from_utf8_lossy(r.address()),
        request_id,
    };
    // SAFETY: as above; a live request has a connection with a log.
    unsafe {
        let Some(trial) = Trial::of(r.raw()).as_mut() else { return };
        let to = (*(*r.raw()).connection).log;
        for denial in trial.verdict.denials.iter().skip(trial.said) {
            say(to, &line.text(denial, &trial.verdict, rules));
        }
        trial.said = trial.verdict.denials.len();
    }
}

/// Writes what the writer has found, and how much had no room.
///
/// # Safety
/// As `say`.
pub(crate) unsafe fn write(link: &Link, to: *mut ngx_log_t) {
    // SAFETY: by the caller's promise.
    unsafe {
        while let Some(line) = link.attacks.pop() {
            say(to, &line);
        }
        let mut said = SAID.get();
        said.left_out += link.attacks_left_out.swap(0, Ordering::Relaxed);
        if said.left_out > 0 && said.second != ngx_time() {
            log!(NGX_LOG_WARN, to, "mcp_sessions: {} more attacks", said.left_out);
            said.left_out = 0;
        }
        SAID.set(said);
    }
}
