//! From what was read to the sink.

use super::post::is_event_stream;
use super::{Interpreter, Taken};
use crate::context::{Moment, time};
use crate::draft::Kind;
use crate::emit::{Emitter, Reading};
use crate::listing;
use crate::request::{hints, is_shown};
use crate::session::{is_success, rung};
use crate::{Capture, Method, PARAMS_MAX, Rules};
use record::{CallRef, EventKind, IdSource, Micros, Outcome, Param, Patience, Place, Sink};

/// JSON-RPC's "method not found", which stateless servers answer with status 404.
const METHOD_NOT_FOUND: i64 = -32601;

/// What became of an exchange that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Done,
    /// The sink wants to see it later.
    Later,
    /// It belongs nowhere.
    Nowhere,
}

impl Written {
    pub(super) fn taken(self) -> Taken {
        match self {
            Written::Done => Taken::Recorded,
            Written::Later => Taken::Later,
            Written::Nowhere => Taken::Unrecorded,
        }
    }
}

/// When a part of an exchange was heard of, and what it weighs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    at: Micros,
    now_us: u64,
    first_event_us: Option<u64>,
    bytes_in: u64,
    bytes_out: u64,
    is_proven: bool,
}

impl Now {
    /// `first_byte_us` is 0 before the answer's first byte.
    pub(super) fn new(capture: &Capture, at: Micros, first_byte_us: u64, is_proven: bool) -> Self {
        Now {
            at: time(&capture.facts, at),
            now_us: capture.facts.now_us,
            first_event_us: Some(first_byte_us).filter(|first| *first > 0),
            bytes_in: capture.request.passed,
            bytes_out: capture.response.passed,
            is_proven,
        }
    }
}

impl Interpreter {
    /// Asks the sink where the exchange belongs and lets `write` tell it what was read.
    pub(super) fn write(
        &mut self,
        rules: &Rules,
        now: &Now,
        patience: Patience,
        sink: &mut dyn Sink,
        write: impl FnOnce(&mut Emitter<'_>, &mut Vec<(usize, CallRef)>),
    ) -> Written {
        self.stored.clear();
        let mut params = [Param { name: "", value: "" }; PARAMS_MAX];
        let count = self.context.params(rules, &mut params);
        let moment = Moment {
            last_at: now.at,
            bytes_in: now.bytes_in,
            bytes_out: now.bytes_out,
            is_proven: now.is_proven,
        };
        let params = params.get(..count).unwrap_or_default();
        let exchange = self.context.exchange(rules, &self.work, &moment, params);
        let (part, is_in_stream) = match sink.place(&exchange, patience) {
            Place::Part(part) => (part, false),
            Place::Stream(part) => (part, true),
            Place::Later => return Written::Later,
            Place::Nowhere => return Written::Nowhere,
        };
        let mut emitter = Emitter {
            sink,
            part,
            is_in_stream,
            event_ids: &mut self.event_ids,
            reading: Reading {
                exchange: &exchange,
                work: &self.work,
                key: &self.key,
                scope: self.context.scope(),
                at: now.at,
                now_us: now.now_us,
                first_event_us: now.first_event_us,
            },
        };
        write(&mut emitter, &mut self.stored);
        Written::Done
    }

    /// Writes the calls of a request and what its answer brought.
    pub(super) fn write_post(
        &mut self,
        capture: &Capture,
        rules: &Rules,
        patience: Patience,
        sink: &mut dyn Sink,
        is_whole: bool,
    ) -> Written {
        let is_stream = is_event_stream(capture) && self.work.marks.has_event;
        let first_byte_us = if is_stream { capture.facts.first_byte_us } else { 0 };
        let is_taken = is_success(capture.facts.status) && !self.work.marks.is_blocked;
        let is_proven = is_taken && self.work.marks.is_proof;
        let path = capture.get(capture.facts.path);
        let is_guess = self.context.is_guess();
        let is_query = self.context.source == IdSource::Query && !is_guess;
        if is_proven || capture.facts.status == 202 && is_query {
            rules.proven.add(path);
        }
        let now = Now::new(capture, capture.facts.at, first_byte_us, is_proven);
        let is_not_found = self.is_not_found(capture);
        let notifications = if is_whole { self.work.notifications } else { 0 };
        let is_written = self.write(rules, &now, patience, sink, |emitter, stored| {
            if emitter.is_in_stream && is_guess {
                rules.proven.add_session_path(path);
            }
            emitter.calls(stored);
            emitter.judged();
            if is_taken {
                emitter.posted();
            }
            emitter.outputs();
            emitter.listings();
            if notifications > 0 {
                emitter.event(EventKind::Notifications, notifications);
            }
            if is_not_found && (emitter.is_in_stream || !is_guess) {
                emitter.event(EventKind::NotFound, 0);
            }
        });
        if is_written == Written::Done {
            self.say_attacks(capture, rules);
        }
        for (index, reference) in self.stored.drain(..) {
            if let Some(call) = self.work.calls.get_mut(index) {
                call.stored = Some(reference);
            }
        }
        is_written
    }

    /// Whether a 404 says that the session is gone, rather than that a method is unknown.
    pub(super) fn is_not_found(&self, capture: &Capture) -> bool {
        let has_id = matches!(self.context.source, IdSource::Header | IdSource::Query);
        let is_method = self.work.answers.iter().any(|answer| {
            answer.outcome == Outcome::RpcError && answer.error_code == Some(METHOD_NOT_FOUND)
        });
        let is_plain = capture.facts.method != Method::Other;
        has_id && is_plain && capture.facts.status == 404 && !is_method
    }

    /// Leaves out all but the calls that are attacked; false if there are none.
    pub(super) fn keep_attacked(&mut self) -> bool {
        let work = &mut self.work;
        work.calls.iter_mut().for_each(|call| call.is_skipped = true);
        !work.attacks.is_empty()
    }

    /// Whether nothing of the exchange is to be stored, because `mcp_skip` names all of it.
    pub(super) fn is_skipped(&self) -> bool {
        let work = &self.work;
        if !work.attacks.is_empty() {
            return false;
        }
        work.calls.iter().all(|call| call.is_skipped && call.kind != Kind::Posted)
            && work.outputs.is_empty()
            && work.cancels.is_empty()
            && !work.marks.has_initialize
    }

    /// Learns from lists that are not recorded themselves (`mcp_skip`): controls need to know them.
    pub(super) fn learn(&mut self, capture: &Capture, rules: &Rules, sink: &mut dyn Sink) {
        let moment = Moment {
            last_at: time(&capture.facts, capture.facts.at),
            bytes_in: 0,
            bytes_out: 0,
            is_proven: self.work.marks.is_taken && self.work.marks.is_proof,
        };
        let exchange = self.context.exchange(rules, &self.work, &moment, &[]);
        listing::emit(sink, &exchange, &self.work, moment.last_at);
    }

    /// The end of a session, or the attempt.
    pub(super) fn delete(
        &mut self,
        capture: &Capture,
        rules: &Rules,
        patience: Patience,
        sink: &mut dyn Sink,
    ) -> Taken {
        let is_ours = hints(capture).has_mcp_header()
            || capture.facts.session_value.len > 0 && is_shown(capture, rules);
        if !is_ours {
            return Taken::Unrecorded;
        }
        let rung = rung(&self.signs(capture, false, None), rules.derive);
        self.fill_context(capture, rules, &rung);
        let has_id = !rung.id.is_empty();
        let is_deleted = has_id && is_success(capture.facts.status);
        let is_not_found = self.is_not_found(capture);
        self.context.forbid_opening();
        let now = Now::new(capture, capture.facts.at, 0, false);
        let is_written = self.write(rules, &now, patience, sink, |emitter, _| {
            let kind = if is_deleted { EventKind::Deleted } else { EventKind::DeleteRefused };
            emitter.event(kind, 0);
            if is_not_found {
                emitter.event(EventKind::NotFound, 0);
            }
        });
        is_written.taken()
    }
}
