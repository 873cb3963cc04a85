//! The gate: where a control may block, a request is judged before it goes on.
//!
//! It stands in the precontent phase: nginx's own authentication is over, and neither `mirror`,
//! `try_files` nor a content handler has seen the request. (Handlers of one phase run in the reverse
//! order of their registration, and this module registers after nginx's own.) The body is read here
//! and then lies where nginx keeps it, so that the content handler finds it read; of a request that
//! is blocked not one byte goes on.

mod answer;
mod body;
mod subject;
mod trial;

pub(crate) use subject::{Headers, Subject, headers_of};
pub(crate) use trial::{Finding, found, take_verdict};

use crate::conf::LocConf;
use crate::context::{self, Context, Found, State};
use crate::guard::guard;
use crate::nginx::Request;
use crate::worker::Worker;
use answer::Answer;
use exchange::{Case, Controls, Judge, Reply, Seen, ToolsHere};
use nginx_sys::{
    NGX_DECLINED, NGX_DONE, NGX_ERROR, NGX_HTTP_SPECIAL_RESPONSE, ngx_http_core_run_phases,
    ngx_http_finalize_request, ngx_http_read_client_request_body, ngx_http_request_t, ngx_int_t,
};
use std::cell::RefCell;
use std::sync::Arc;
use trial::{Stage, Trial};

const DECLINED: ngx_int_t = NGX_DECLINED as ngx_int_t;
const DONE: ngx_int_t = NGX_DONE as ngx_int_t;
const ERROR: ngx_int_t = NGX_ERROR as ngx_int_t;
const SPECIAL: ngx_int_t = NGX_HTTP_SPECIAL_RESPONSE as ngx_int_t;

thread_local! {
    static JUDGE: RefCell<Judge> = RefCell::new(Judge::new());
}

/// What is to be done with a request.
enum Step {
    /// Nothing: the next handler takes it.
    Pass,
    /// Its body has to be read first.
    Read,
    /// Its body is being read.
    Wait,
    /// It is blocked.
    Block(Answer),
    /// nginx has no memory.
    Fail,
}

/// nginx calls it in the precontent phase, and again once the body is there.
pub(crate) unsafe extern "C" fn handler(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request.
    let request = unsafe { Request::new(r) };
    let Some((conf, controls)) = in_force(request) else { return DECLINED };
    let step = guard(None, || Some(step(request, conf, controls)));
    // A bug was caught: the request was not judged.
    let step = step.unwrap_or_else(|| match controls.fails_closed {
        true => Step::Block(Answer::new(request, controls, &Reply::Refusal, "")),
        false => Step::Pass,
    });
    match step {
        Step::Pass => DECLINED,
        Step::Wait => DONE,
        Step::Fail => ERROR,
        // SAFETY: a live request whose body nobody has read, as in nginx's mirror module.
        Step::Read => unsafe {
            let rc = ngx_http_read_client_request_body(r, Some(body_ready));
            if rc >= SPECIAL {
                return rc;
            }
            // It gives back what reading has taken.
            ngx_http_finalize_request(r, DONE);
            DONE
        },
        // SAFETY: a live request that nothing was sent for.
        Step::Block(answer) => unsafe {
            let rc = answer.send(r);
            ngx_http_finalize_request(r, rc);
            DONE
        },
    }
}

/// nginx calls it once the whole body is there.
unsafe extern "C" fn body_ready(r: *mut ngx_http_request_t) {
    guard((), || {
        // SAFETY: nginx passes the live request that the body was read for.
        if let Some(trial) = unsafe { Trial::of(r).as_mut() } {
            trial.stage = Stage::Read;
        }
    });
    // SAFETY: as above. The phases go on with the handler that waits; the request may be gone
    // afterwards.
    unsafe {
        (*r).write_event_handler = Some(ngx_http_core_run_phases);
        ngx_http_core_run_phases(r);
    }
}

/// The controls that may block a request where it is now.
#[inline]
fn in_force<'r>(r: Request<'r>) -> Option<(&'r LocConf, &'r Arc<Controls>)> {
    if !r.is_main() {
        return None;
    }
    let conf = r.loc_conf()?;
    let controls = conf.controls.as_ref().filter(|controls| controls.may_block())?;
    // The page of an error that nginx reads from a file: nothing goes to a server.
    let is_page = r.inner().error_page() != 0 && r.inner().content_handler.is_none();
    (!is_page).then_some((conf, controls))
}

fn step(r: Request<'_>, conf: &LocConf, controls: &Arc<Controls>) -> Step {
    // SAFETY: a live request; its trial is borrowed nowhere else.
    let Some(trial) = (unsafe { Trial::of_or_new(r.raw()).as_mut() }) else { return Step::Fail };
    match trial.stage {
        Stage::Reading => return Step::Wait,
        Stage::Judged if trial.is_judged_by(controls) => return Step::Pass,
        Stage::New if body::is_to_be_read(r) => {
            trial.stage = Stage::Reading;
            return Step::Read;
        }
        _ => trial.stage = Stage::Judged,
    }
    judge(r, conf, controls)
}

fn judge(r: Request<'_>, conf: &LocConf, controls: &Arc<Controls>) -> Step {
    let Some(rules) = &conf.rules else { return Step::Pass };
    let headers = subject::headers_of(r);
    // SAFETY: the event loop's thread; the borrow ends here.
    let tools = unsafe { Worker::get() }.and_then(|worker| worker.tools());
    let subject = Subject::of(r, conf, &headers);
    let body = body::of(r, rules.body_bytes_max);
    let case = Case {
        rules,
        body: &body.bytes,
        seen: match body.is_whole {
            true => Seen::Whole,
            false if body.bytes.len() >= rules.body_bytes_max => Seen::OverLimit,
            false => Seen::Partly,
        },
        headers: &headers,
        user: subject.user,
        role: subject.role,
        address: r.address(),
        values: &subject.values,
        external: subject.external,
        is_foreign_session: false,
        tools: ToolsHere::new(tools.as_ref(), controls.location),
        now: crate::clock::wall_us(),
        can_block: true,
    };
    // SAFETY: a live request; its trial is borrowed nowhere else.
    let Some(trial) = (unsafe { Trial::of(r.raw()).as_mut() }) else { return Step::Fail };
    let reply = JUDGE.with_borrow_mut(|judge| judge.judge(&case, &mut trial.verdict));
    trial.finding = match trial.verdict.denials.is_empty() && !trial.verdict.is_blocked {
        true => Finding::Fine,
        false => Finding::Attack,
    };
    let Some(reply) = reply else { return Step::Pass };
    let id = keep(r, conf, &body);
    Step::Block(Answer::new(r, controls, &reply, &id))
}

/// Sees to it that a blocked request is recorded, and gives the id that its record will have.
fn keep(r: Request<'_>, conf: &LocConf, body: &body::Bytes<'_>) -> String {
    // SAFETY: the event loop's thread, and no other borrow alive.
    let Some(worker) = (unsafe { Worker::get() }) else { return String::new() };
    let context = match context::find(r) {
        // SAFETY: a context of this live request, borrowed nowhere else.
        Found::Context(context) => Some(unsafe { &mut *context }),
        _ => Context::make(worker, r, conf, State::Watching).map(|context| {
            context.see_request(worker, &body.bytes, body.beyond);
            context.end_request();
            context
        }),
    };
    let Some(context) = context else { return String::new() };
    context.state = State::Watching;
    String::from_utf8_lossy(&crate::fill::request_id(r, context.request, worker)).into_owned()
}
