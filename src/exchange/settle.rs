//! What came of the calls that no message answered.

use crate::draft::{AnswerDraft, Awaited, Kind, Work};
use crate::session::is_success;
use crate::{BodyEnd, Capture};
use record::{Coverage, IdSource, Outcome};

/// How an exchange ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) status: u16,
    pub(crate) is_client_gone: bool,
    pub(crate) end: BodyEnd,
    pub(crate) coverage: Coverage,
    pub(crate) is_event_stream: bool,
    /// The session's source: by an id, an answer may still come by another connection.
    pub(crate) source: IdSource,
}

/// nginx's status for a client that went away before it was answered.
const CLIENT_CLOSED_REQUEST: u16 = 499;

impl Ending {
    pub(crate) fn new(
        capture: &Capture,
        coverage: Coverage,
        is_event_stream: bool,
        source: IdSource,
    ) -> Self {
        let facts = &capture.facts;
        Ending {
            status: facts.status,
            is_client_gone: facts.client_gone || facts.status == CLIENT_CLOSED_REQUEST,
            end: capture.response.end,
            coverage,
            is_event_stream,
            source,
        }
    }

    fn outcome(&self, call: &Awaited, is_resumable: bool) -> Outcome {
        let is_refused = self.status >= 400 && self.status != CLIENT_CLOSED_REQUEST;
        if is_refused {
            return Outcome::HttpError;
        }
        let is_unseen = !is_success(self.status);
        match call.kind {
            Kind::Request => self.request_outcome(call, is_resumable),
            _ if is_unseen && self.is_client_gone => Outcome::Aborted,
            _ if is_unseen => Outcome::Unobserved,
            Kind::Unread | Kind::LeftOut if self.status != 202 => Outcome::Unobserved,
            _ => Outcome::Accepted,
        }
    }

    fn request_outcome(&self, call: &Awaited, is_resumable: bool) -> Outcome {
        let has_id = !matches!(self.source, IdSource::Derived | IdSource::None);
        // A stream that can be resumed elsewhere brings its answer there.
        let is_elsewhere = is_resumable && has_id && !call.is_modern;
        // Once taken, a call goes on, whether or not the client waits for the end of that word.
        if self.status == 202 && !call.is_modern {
            return Outcome::Pending;
        }
        if self.is_client_gone {
            return match call.is_modern {
                true => Outcome::Cancelled,
                false if is_elsewhere => Outcome::Pending,
                false => Outcome::Aborted,
            };
        }
        if !is_success(self.status) {
            return if self.status == 0 { Outcome::Aborted } else { Outcome::Unobserved };
        }
        match self.end {
            _ if self.source == IdSource::Query && !self.is_event_stream => Outcome::Pending,
            _ if is_elsewhere => Outcome::Pending,
            BodyEnd::Unobserved | BodyEnd::Discarded => Outcome::Unobserved,
            BodyEnd::Aborted => Outcome::Aborted,
            _ if self.coverage != Coverage::Full => Outcome::Unobserved,
            _ if self.is_event_stream => Outcome::Aborted,
            _ => Outcome::Unobserved,
        }
    }
}

/// Whether an answer may come.
fn is_asked(kind: Kind) -> bool {
    matches!(kind, Kind::Request | Kind::Unread)
}

/// Settles every call that is open.
pub(crate) fn settle_all(work: &mut Work, ending: &Ending) {
    settle(work, ending, |_| true);
}

/// Settles what no answer is due for, while the answer's stream is still open.
pub(crate) fn settle_accepted(work: &mut Work, ending: &Ending) {
    settle(work, ending, |kind| !is_asked(kind));
}

/// The code of the JSON-RPC error that a blocked call is answered with.
pub const BLOCKED_CODE: i64 = -32010;

/// Settles every call of a request that a control blocked.
pub(crate) fn settle_blocked(work: &mut Work) {
    for index in 0..work.calls.len() {
        let mut answer = AnswerDraft::bare(Outcome::Blocked, Coverage::Full);
        answer.error_code = Some(BLOCKED_CODE);
        work.settle(index, answer);
    }
}

fn settle(work: &mut Work, ending: &Ending, is_due: impl Fn(Kind) -> bool) {
    let general = work.general;
    let is_resumable = work.marks.is_resumable;
    for index in 0..work.calls.len() {
        let Some(call) = work.calls.get(index) else { continue };
        if !call.is_open() || !is_due(call.kind) {
            continue;
        }
        let answer = general.unwrap_or_else(|| {
            let outcome = ending.outcome(call, is_resumable);
            let coverage = match outcome {
                Outcome::Pending => Coverage::Unobserved,
                // Nothing in the stream concerns it.
                _ if ending.is_event_stream && !is_asked(call.kind) => Coverage::Full,
                _ => ending.coverage,
            };
            AnswerDraft::bare(outcome, coverage)
        });
        work.settle(index, answer);
    }
}
