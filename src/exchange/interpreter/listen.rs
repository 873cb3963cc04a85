//! Event streams: those a GET opens, and whatever goes on for longer than one part.

use super::post::{body_coverage, event_scope, is_event_stream, worse};
use super::write::{Now, Written};
use super::{Interpreter, Stage, Step, Taken};
use crate::answer::Channel;
use crate::context::Tools;
use crate::draft::Awaited;
use crate::request::{hints, is_shown};
use crate::session::{is_success, rung};
use crate::settle::{Ending, settle_all};
use crate::stream::{Events, Stream};
use crate::{Capture, Part, Rules};
use record::{EventKind, Patience, Sink};
use std::sync::Arc;

impl Interpreter {
    /// A GET: an event stream, or the attempt to open one.
    pub(super) fn get(
        &mut self,
        capture: &Capture,
        rules: &Arc<Rules>,
        patience: Patience,
        sink: &mut dyn Sink,
        stage: Stage,
    ) -> Step {
        let facts = &capture.facts;
        let is_stream = is_event_stream(capture) && is_success(facts.status);
        // How much was answered is known at the end.
        if !is_stream && stage == Stage::Begin {
            return Step::Unripe;
        }
        if !is_stream {
            return Step::Done(self.refused_stream(capture, rules, patience, sink));
        }
        self.work.marks.is_taken = true;
        let mut events = Events::new(capture, rules);
        let scope = event_scope(capture);
        self.feed(&mut events, &capture.response, rules, Channel::GetStream, scope);
        let has_id = facts.session_header.len > 0 || facts.session_value.len > 0;
        let marks = &self.work.marks;
        if !has_id && !marks.has_event && stage == Stage::Begin {
            return Step::Unripe;
        }
        let is_ours = marks.is_proof || hints(capture).has_mcp_header() || is_shown(capture, rules);
        if !is_ours {
            return Step::Done(Taken::Unrecorded);
        }
        let is_proven = marks.is_proof;
        if is_proven {
            rules.proven.add(capture.get(facts.path));
        }
        let endpoint = self.work.endpoint.take();
        let endpoint = endpoint.filter(|it| !it.is_of_path(capture.get(facts.path)));
        if let Some(endpoint) = endpoint.as_ref().filter(|endpoint| !endpoint.path.is_empty()) {
            // The POST side may be of this location too: then what comes there is known at once.
            match endpoint.is_in_path {
                true => rules.proven.add_session_path(&endpoint.path),
                false => rules.proven.add(&endpoint.path),
            }
        }
        let id = endpoint.as_ref().map(|endpoint| endpoint.id.as_slice());
        let rung = rung(&self.signs(capture, true, id), rules.derive);
        self.fill_context(capture, rules, &rung);
        let is_whole = stage == Stage::Whole;
        let count = self.work.notifications;
        let now = Now::new(capture, facts.at, facts.first_byte_us, is_proven);
        let is_written = self.write(rules, &now, patience, sink, |emitter, _| {
            emitter.event(EventKind::StreamOpened, 0);
            emitter.outputs();
            emitter.listings();
            if is_whole {
                emitter.event(EventKind::StreamClosed, count);
            }
        });
        match is_written {
            Written::Later => Step::Done(Taken::Later),
            Written::Nowhere => Step::Done(Taken::Unrecorded),
            Written::Done if is_whole => Step::Done(Taken::Recorded),
            Written::Done => Step::Open(self.open(capture, rules, Channel::GetStream, events)),
        }
    }

    /// A GET that opened no stream.
    fn refused_stream(
        &mut self,
        capture: &Capture,
        rules: &Rules,
        patience: Patience,
        sink: &mut dyn Sink,
    ) -> Taken {
        let facts = &capture.facts;
        let is_asked = protocol::accepts(capture.get(facts.accept), "text/event-stream");
        let is_ours = hints(capture).has_mcp_header() || is_shown(capture, rules);
        // A 2xx answer of another kind opens no stream either; that it concerns MCP says the id.
        let is_refused = match is_success(facts.status) {
            true => facts.session_header.len > 0,
            false => facts.status >= 400 && facts.status != 499,
        };
        if !is_asked || !is_ours || !is_refused {
            return Taken::Unrecorded;
        }
        let rung = rung(&self.signs(capture, false, None), rules.derive);
        self.fill_context(capture, rules, &rung);
        self.context.forbid_opening();
        let is_not_found = self.is_not_found(capture);
        let now = Now::new(capture, facts.at, 0, false);
        let is_written = self.write(rules, &now, patience, sink, |emitter, _| {
            emitter.event(EventKind::StreamRefused, 0);
            if is_not_found {
                emitter.event(EventKind::NotFound, 0);
            }
        });
        is_written.taken()
    }

    /// What to keep of an exchange until its next part.
    pub(super) fn open(
        &mut self,
        capture: &Capture,
        rules: &Arc<Rules>,
        channel: Channel,
        events: Events,
    ) -> Box<Stream> {
        let work = &mut self.work;
        let mut calls: Vec<Awaited> = Vec::new();
        calls.extend(work.calls.drain(..).filter(Awaited::is_open));
        Box::new(Stream {
            rules: Arc::clone(rules),
            context: self.context.kept(work.arena.get(work.said.version)),
            channel,
            events,
            calls,
            marks: work.marks,
            notifications: work.notifications,
            event_scope: event_scope(capture),
            first_byte_us: capture.facts.first_byte_us,
            coverage: body_coverage(&capture.response),
        })
    }

    /// A later part of a stream that was begun to be written.
    pub(super) fn go_on(&mut self, stream: &mut Stream, capture: &Capture, sink: &mut dyn Sink) {
        let rules = Arc::clone(&stream.rules);
        let is_last = capture.part == Part::Last;
        self.work.clear();
        self.work.marks = stream.marks;
        std::mem::swap(&mut self.work.calls, &mut stream.calls);
        std::mem::swap(&mut self.context, &mut stream.context);
        stream.coverage = worse(stream.coverage, body_coverage(&capture.response));
        if stream.first_byte_us == 0 {
            stream.first_byte_us = capture.facts.first_byte_us;
        }
        let body = &capture.response;
        self.feed(&mut stream.events, body, &rules, stream.channel, stream.event_scope);
        stream.notifications = stream.notifications.saturating_add(self.work.notifications);
        if is_last {
            self.memo.turn_to(&rules);
            let mut tools =
                Tools { key: &self.key, scanner: &mut self.scanner, memo: &mut self.memo };
            self.context.update(capture, &rules, &mut tools);
            let coverage = worse(stream.coverage, stream.events.coverage());
            let ending = Ending::new(capture, coverage, true, self.context.source);
            settle_all(&mut self.work, &ending);
        }
        self.write_part(stream, capture, &rules, sink);
        self.bounds.messages += std::mem::take(&mut self.work.left_out);
        stream.marks = self.work.marks;
        std::mem::swap(&mut self.context, &mut stream.context);
        self.work.calls.retain(Awaited::is_open);
        std::mem::swap(&mut self.work.calls, &mut stream.calls);
    }

    fn write_part(
        &mut self,
        stream: &Stream,
        capture: &Capture,
        rules: &Rules,
        sink: &mut dyn Sink,
    ) {
        let is_last = capture.part == Part::Last;
        let marks = &self.work.marks;
        let first_byte_us = if marks.has_event { stream.first_byte_us } else { 0 };
        let now = Now::new(capture, self.context.at, first_byte_us, marks.is_proof);
        let count = stream.notifications;
        let channel = stream.channel;
        self.write(rules, &now, Patience::Decide, sink, |emitter, _| {
            emitter.completions();
            emitter.outputs();
            emitter.listings();
            match channel {
                Channel::GetStream if is_last => emitter.event(EventKind::StreamClosed, count),
                Channel::PostStream if is_last && count > 0 => {
                    emitter.event(EventKind::Notifications, count);
                }
                _ => {}
            }
        });
    }
}
