//! The gate: where a control may block, a request is judged before it goes on.
//!
//! It stands in the precontent phase: nginx's own authentication is over, and neither `mirror`,
//! `try_files` nor a content handler has seen the request. (Handlers of one phase run in the reverse
//! order of their registration, and this module registers after nginx's own.) The body is read here
//! and then lies where nginx keeps it, so that the content handler finds it read; of a request that
//! is blocked not one byte goes on.

mod answer;
mod body;
pub(crate) mod log;
mod owners;
mod subject;
mod trial;

pub(crate) use owners::claim;
pub(crate) use subject::{Subject, external};
pub(crate) use trial::{Finding, Summary, found, summary, take_verdict};

use crate::conf::{LocConf, MainConf};
use crate::context::{self, Context, Found, State};
use crate::guard::guard;
use crate::nginx::Request;
use crate::worker::Worker;
use answer::Answer;
use exchange::{BodyEnd, Case, Controls, Judge, Reply, Seen, ToolsHere};
use nginx_sys::{
    NGX_DECLINED, NGX_DONE, NGX_ERROR, NGX_HTTP_SPECIAL_RESPONSE, ngx_http_core_run_phases,
    ngx_http_finalize_request, ngx_http_read_client_request_body, ngx_http_request_t, ngx_int_t,
};
use protocol::may_be_mcp_body;
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
        // Where `post_action` leads after the answer, there is nobody to tell.
        Step::Block(_) if request.inner().header_sent() != 0 => ERROR,
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
        _ => {}
    }
    judge(r, conf, controls)
}

fn judge(r: Request<'_>, conf: &LocConf, controls: &Arc<Controls>) -> Step {
    let Some(rules) = &conf.rules else { return Step::Pass };
    let body = body::of(r, rules.body_bytes_max);
    let seen = match body.is_whole {
        true if lacks_context(r, conf, &body.bytes) => Seen::Partly,
        true => Seen::Whole,
        false if body.bytes.len() >= rules.body_bytes_max => Seen::OverLimit,
        false => Seen::Partly,
    };
    let Some(reply) = hear(r, conf, &body.bytes, seen, true) else { return Step::Fail };
    let id = match &reply {
        Some(_) => keep(r, conf, &body),
        None => request_id(r),
    };
    log::say_verdict(r, conf, &id);
    match reply {
        Some(reply) => Step::Block(Answer::new(r, controls, &reply, &id)),
        None => Step::Pass,
    }
}

/// Whether values that controls judge by come from the body, and there is no memory to keep it.
fn lacks_context(r: Request<'_>, conf: &LocConf, body: &[u8]) -> bool {
    // SAFETY: a live request.
    let uses_bodies = unsafe { MainConf::of(r.raw()) }.is_some_and(|main| main.uses_bodies);
    uses_bodies
        && !(conf.judged_by.values.is_empty() && conf.judged_by.external.is_empty())
        && may_be_mcp_body(body, true) == Some(true)
        && !matches!(context::find(r), Found::Context(_))
}

/// Lets the location's controls judge a body. `None` where nginx has no memory.
fn hear(
    r: Request<'_>,
    conf: &LocConf,
    body: &[u8],
    seen: Seen,
    can_block: bool,
) -> Option<Option<Reply>> {
    let (rules, controls) = (conf.rules.as_ref()?, conf.controls.as_ref()?);
    let headers = subject::headers_of(r);
    // SAFETY: the event loop's thread; the borrow ends here.
    let tools = unsafe { Worker::get() }.and_then(|worker| worker.tools());
    let subject = Subject::with_headers(r, conf, &headers);
    let case = Case {
        rules,
        body,
        seen,
        headers: &headers,
        user: subject.user,
        role: subject.role,
        address: r.address(),
        values: &subject.values,
        external: subject.external,
        is_foreign_session: subject.is_foreign_session,
        tools: ToolsHere::new(tools.as_ref(), controls.location),
        now: crate::clock::wall_us(),
        can_block,
    };
    // SAFETY: a live request; its trial is borrowed nowhere else.
    let trial = unsafe { Trial::of_or_new(r.raw()).as_mut() }?;
    let was_blocked = trial.verdict.is_blocked;
    let reply = JUDGE.with_borrow_mut(|judge| judge.judge(&case, &mut trial.verdict));
    if r.inner().header_sent() != 0 {
        // Where `post_action` leads is refused, but the call has its answer.
        trial.verdict.is_blocked = was_blocked;
    }
    trial.stage = Stage::Judged;
    trial.summarize();
    Some(reply)
}

/// Judges a request that went on without being judged, as soon as its body is known: for variables,
/// and where no writer does it. It is too late to block it.
pub(crate) fn hear_late(r: Request<'_>, conf: &LocConf) {
    // SAFETY: a live request, whose trial is borrowed for this call only.
    let is_judged =
        unsafe { Trial::of(r.raw()).as_ref() }.is_some_and(|trial| trial.stage != Stage::New);
    if is_judged || conf.controls.is_none() {
        return;
    }
    let Found::Context(context) = context::find(r) else { return };
    // SAFETY: a context of this live request; it is borrowed until its body is copied.
    let body = unsafe { (*context).capture() }.filter(|it| it.request.end == BodyEnd::Complete);
    let Some((body, seen)) = body.map(|it| {
        let is_over =
            it.request.passed > conf.rules.as_ref().map_or(0, |rules| rules.body_bytes_max as u64);
        let seen = match it.request.lost {
            0 => Seen::Whole,
            _ if is_over => Seen::OverLimit,
            _ => Seen::Partly,
        };
        (it.request.bytes.clone(), seen)
    }) else {
        return;
    };
    if body.is_empty() {
        return;
    }
    if hear(r, conf, &body, seen, false).is_some() {
        log::say_verdict(r, conf, &request_id(r));
    }
}

/// The id of a request's record.
fn request_id(r: Request<'_>) -> String {
    let Found::Context(context) = context::find(r) else { return String::new() };
    // SAFETY: the event loop's thread; a context of this live request, borrowed nowhere else.
    let (number, worker) = unsafe { ((*context).request, Worker::get()) };
    let id = worker.map(|worker| crate::fill::request_id(r, number, worker));
    id.map(|id| String::from_utf8_lossy(&id).into_owned()).unwrap_or_default()
}

/// A context for a request that was not taken for MCP, with the body that is blocked.
fn make_context<'r>(
    worker: &mut Worker,
    r: Request<'_>,
    conf: &LocConf,
    body: &body::Bytes<'_>,
) -> Option<&'r mut Context> {
    let context = Context::make(worker, r, conf, State::Watching)?;
    context.see_request(worker, &body.bytes, body.beyond);
    context.end_request();
    Some(context)
}

/// Sees to it that a blocked request is recorded, and gives the id that its record will have.
fn keep(r: Request<'_>, conf: &LocConf, body: &body::Bytes<'_>) -> String {
    // SAFETY: the event loop's thread, and no other borrow alive.
    let Some(worker) = (unsafe { Worker::get() }) else { return String::new() };
    let context = match context::find(r) {
        // SAFETY: a context of this live request, borrowed nowhere else.
        Found::Context(context) => Some(unsafe { &mut *context }),
        _ if context::is_dropped(r) => None,
        _ => make_context(worker, r, conf, body),
    };
    // Without memory it is not recorded, and answered all the same.
    let number = match context {
        Some(context) => {
            context.state = State::Watching;
            context.request
        }
        None => worker.next_request(),
    };
    String::from_utf8_lossy(&crate::fill::request_id(r, number, worker)).into_owned()
}
