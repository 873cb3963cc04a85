//! Exchanges whose request has a body: calls and their answers.

use super::judged::judge_now;
use super::write::Written;
use super::{Interpreter, Stage, Step, Taken};
use crate::answer::{AnswerReader, Channel};
use crate::arena::lossy;
use crate::context::Tools;
use crate::decode::{Decoded, decode, is_plain};
use crate::draft::{Awaited, Kind};
use crate::limits::VERSION_BYTES_MAX;
use crate::request::{RequestReader, Worth, detection_in, hash, hints, is_shown, worth};
use crate::session::{Rung, Signs, is_success, rung};
use crate::settle::{Ending, settle_accepted, settle_all, settle_blocked};
use crate::stream::Events;
use crate::{Body, BodyEnd, Capture, Method, Rules};
use record::{Coverage, Outcome, Patience, Sink, Unannounced};
use std::sync::Arc;

/// What the session's rule sees in place of a blocked request's status: neither a success nor a
/// refused login.
const BLOCKED_SIGN: u16 = 400;

impl Interpreter {
    /// A request with a body: calls.
    pub(super) fn post(
        &mut self,
        capture: &Capture,
        rules: &Arc<Rules>,
        patience: Patience,
        sink: &mut dyn Sink,
        stage: Stage,
    ) -> Step {
        let is_stream = is_event_stream(capture);
        if capture.request.end == BodyEnd::Open && stage == Stage::Begin {
            return Step::Unripe;
        }
        let is_ripe = is_stream || stage != Stage::Begin;
        if !self.read_request(capture, rules, is_ripe) {
            return Step::Done(Taken::Unrecorded);
        }
        if !is_ripe {
            return Step::Unripe;
        }
        self.hear(capture, rules);
        if !rules.records && !self.keep_attacked() {
            return Step::Done(Taken::Unrecorded);
        }
        let is_blocked = self.work.marks.is_blocked;
        self.work.marks.is_taken = is_success(capture.facts.status) && !is_blocked;
        let mut events = None;
        let mut coverage = body_coverage(&capture.response);
        if is_blocked {
            settle_blocked(&mut self.work);
        } else if is_stream {
            let scope = event_scope(capture);
            let mut reader = Events::new(capture, rules);
            self.feed(&mut reader, &capture.response, rules, Channel::PostStream, scope);
            coverage = worse(coverage, reader.coverage());
            events = Some(reader);
        } else {
            coverage = self.read_json(capture, rules, coverage);
        }
        if stage == Stage::Begin && !self.is_ripe(capture, rules) {
            return Step::Unripe;
        }
        let rung = rung(&self.signs(capture, is_stream, None), rules.derive);
        if self.work.marks.needs_stream && rung.unannounced != Unannounced::Dropped {
            return Step::Done(Taken::Unrecorded);
        }
        self.fill_context(capture, rules, &rung);
        let is_open = stage != Stage::Whole;
        let is_unfollowed = is_open && !is_stream;
        if is_unfollowed {
            self.bounds.streams += 1;
            coverage = worse(coverage, Coverage::Truncated);
        }
        let ending = Ending::new(capture, coverage, is_stream, rung.source);
        match is_open && is_stream {
            true => settle_accepted(&mut self.work, &ending),
            false => settle_all(&mut self.work, &ending),
        }
        if self.is_skipped() && !is_open {
            self.learn(capture, rules, sink);
            return Step::Done(Taken::Unrecorded);
        }
        match self.write_post(capture, rules, patience, sink, !is_open) {
            Written::Done => {}
            Written::Later => return Step::Done(Taken::Later),
            Written::Nowhere => return Step::Done(Taken::Unrecorded),
        }
        match events.filter(|_| is_open) {
            Some(events) => Step::Open(self.open(capture, rules, Channel::PostStream, events)),
            None => Step::Done(Taken::Recorded),
        }
    }

    /// Reads the request into `work`, and judges it at the same time where nobody has; false if it is
    /// nothing to record.
    fn read_request(&mut self, capture: &Capture, rules: &Rules, judges: bool) -> bool {
        let body = &capture.request;
        let coding = capture.get(body.content_encoding);
        let mut coverage = body_coverage(body);
        let bytes = match is_plain(coding) {
            true => body.bytes.as_slice(),
            false => {
                let state = decode(coding, &body.bytes, rules.body_bytes_max, &mut self.decoded);
                coverage = worse(coverage, of_decoded(state));
                self.decoded.as_slice()
            }
        };
        let document = self.scanner.scan_body(bytes);
        let mut messages = protocol::messages(&document);
        let single = if messages.is_batch() { None } else { messages.next() };
        let hints = hints(capture);
        let detection = match &single {
            Some(message) => protocol::detect(message, &hints),
            None => detection_in(&document, &hints),
        };
        let is_other = capture.facts.method == Method::Other;
        let worth = worth(detection, &hints, &document, capture, rules);
        let is_attacked = !capture.verdict.denials.is_empty();
        let worth = if is_attacked { Worth::Yes } else { worth };
        if is_other && bytes.is_empty() && !is_attacked || worth == Worth::No {
            return false;
        }
        self.work.marks.needs_stream = worth == Worth::InStream;
        if judges && capture.verdict.is_empty() && is_plain(coding) {
            let (judge, tools) = (&mut self.judge, self.tools.as_ref());
            judge_now(judge, tools, Some(&document), capture, rules, &mut self.work.verdict);
        }
        let version = lossy(capture.get(capture.facts.protocol_version));
        let mut reader = RequestReader {
            work: &mut self.work,
            rules,
            version: crate::arena::capped(&version, VERSION_BYTES_MAX),
            coverage,
            passed: body.passed,
        };
        match &single {
            Some(message) => reader.single(message, capture),
            None => reader.document(&document, capture),
        }
        true
    }

    /// Reads an answer that is no event stream; returns what of it was seen.
    fn read_json(&mut self, capture: &Capture, rules: &Rules, coverage: Coverage) -> Coverage {
        let body = &capture.response;
        let coding = capture.get(body.content_encoding);
        let mut coverage = coverage;
        let bytes = match is_plain(coding) {
            true => body.bytes.as_slice(),
            false => {
                let state =
                    decode(coding, &body.bytes, rules.response_bytes_max, &mut self.decoded);
                coverage = worse(coverage, of_decoded(state));
                self.decoded.as_slice()
            }
        };
        let is_json = protocol::is_json(capture.get(body.content_type))
            || matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
            || protocol::is_wide_encoding(bytes);
        if is_json && !bytes.is_empty() {
            let mut reader = AnswerReader {
                work: &mut self.work,
                rules,
                key: &self.key,
                channel: Channel::Json,
                scope: 0,
                seen: Coverage::Full,
            };
            reader.document(bytes, &mut self.scanner, Some(body.passed), coverage, 0);
        }
        coverage
    }

    /// Reads the events in a part of a stream.
    pub(super) fn feed(
        &mut self,
        events: &mut Events,
        body: &Body,
        rules: &Rules,
        channel: Channel,
        scope: u64,
    ) {
        let scanner = &mut self.scanner;
        let (work, key, seen) = (&mut self.work, &self.key, events.coverage());
        let mut reader = AnswerReader { work, rules, key, channel, scope, seen };
        events.feed(&body.bytes, &mut |event| reader.event(&event, scanner));
        // An event that the connection cut is none for clients either.
        if body.lost > 0 {
            events.gap(body.lost, &mut |event| reader.event(&event, scanner));
        }
    }

    /// Whether enough was seen of a stream's beginning to write it down: whether its server is
    /// one, and how it opened.
    fn is_ripe(&self, capture: &Capture, rules: &Rules) -> bool {
        let marks = &self.work.marks;
        let is_probe = marks.has_initialize || marks.has_discover;
        let is_answered =
            !self.work.calls.iter().any(|call| call.kind == Kind::Request && call.is_open());
        let is_known = marks.is_proof
            || rules.server_name.is_some()
            || is_shown(capture, rules)
            || !is_success(capture.facts.status);
        is_known && (is_answered || !is_probe)
    }

    pub(super) fn signs<'c>(
        &self,
        capture: &'c Capture,
        is_stream: bool,
        endpoint: Option<&'c [u8]>,
    ) -> Signs<'c> {
        let facts = &capture.facts;
        let work = &self.work;
        let is_failed = |call: &Awaited| {
            work.answer(call).or(work.general.as_ref()).is_some_and(|answer| {
                !matches!(answer.outcome, Outcome::Ok | Outcome::InputRequired)
            })
        };
        let is_any_failed = work.calls.iter().any(is_failed);
        let is_success = is_success(facts.status);
        let marks = &work.marks;
        Signs {
            method: facts.method,
            // A blocked request opens nothing and proves nothing, however it is answered.
            status: if marks.is_blocked { BLOCKED_SIGN } else { facts.status },
            is_modern: marks.is_modern,
            is_opening: marks.has_initialize && !is_any_failed && !marks.is_blocked,
            is_failed_probe: !marks.is_blocked
                && (marks.has_initialize || marks.has_discover)
                && (!is_success || is_any_failed),
            is_answered: is_stream || marks.has_message,
            configured: capture.get(facts.session_value),
            header: capture.get(facts.session_header),
            answer_header: capture.get(facts.session_answer_header),
            query: capture.get(facts.query),
            path: capture.get(facts.path),
            endpoint,
            needs_stream: marks.needs_stream,
        }
    }

    pub(super) fn fill_context(&mut self, capture: &Capture, rules: &Rules, rung: &Rung<'_>) {
        let client =
            self.work.marks.is_modern.then(|| self.work.arena.get(self.work.said.client.0));
        let mut tools = Tools { key: &self.key, scanner: &mut self.scanner, memo: &mut self.memo };
        self.context.fill(capture, rules, rung, client, &mut tools);
    }
}

/// Whether an answer is an event stream.
pub(super) fn is_event_stream(capture: &Capture) -> bool {
    protocol::is_event_stream(capture.get(capture.response.content_type))
}

/// What of a body passed here, before any decoding.
pub(super) fn body_coverage(body: &Body) -> Coverage {
    match body.end {
        BodyEnd::Discarded => Coverage::Discarded,
        BodyEnd::Unobserved => Coverage::Unobserved,
        BodyEnd::Aborted => Coverage::Aborted,
        _ if body.lost > 0 => Coverage::Truncated,
        BodyEnd::Open | BodyEnd::Complete => Coverage::Full,
    }
}

/// The one that says more of what is missing: any before `Full`, the first before the second.
pub(super) fn worse(one: Coverage, other: Coverage) -> Coverage {
    if one == Coverage::Full { other } else { one }
}

fn of_decoded(state: Decoded) -> Coverage {
    match state {
        Decoded::Whole => Coverage::Full,
        Decoded::Truncated => Coverage::Truncated,
        Decoded::Undecoded => Coverage::Undecoded,
    }
}

/// What tells the event ids of this exchange's session from those of others; 0 where there is no
/// id to go by.
pub(super) fn event_scope(capture: &Capture) -> u64 {
    let facts = &capture.facts;
    match (capture.get(facts.session_header), capture.get(facts.session_answer_header)) {
        ([], []) => 0,
        ([], id) | (id, _) => hash(id),
    }
}
