//! Captures in, records out.

mod judged;
mod listen;
mod post;
mod write;

use self::post::is_event_stream;
use crate::context::Context;
use crate::draft::Work;
use crate::event_ids::EventIds;
use crate::judge::Judge;
use crate::limits::HELD_STREAM_BYTES_MAX;
use crate::memo::Memo;
use crate::stream::{Slot, Stream, Streams, append, complete};
use crate::tools::Snapshot;
use crate::{Capture, Method, Part};
use protocol::Scanner;
use record::{CallRef, HashKey, Patience, Sink};
use std::sync::Arc;

/// Capacity kept of the buffer for decoded bodies.
const DECODED_BYTES_KEPT_MAX: usize = 1 << 20;

/// What became of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was recorded, or is kept for a record that its later parts will complete.
    Recorded,
    /// There was nothing in it to record.
    Unrecorded,
    /// The sink asks to see it again later: offer the same capture anew. Nothing was written.
    Later,
}

/// What the bounds of this crate kept out of the records so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Messages beyond [`crate::limits::MESSAGES_MAX`] and [`crate::limits::OUTPUTS_MAX`].
    pub messages: u64,
    /// Streams that could not be followed to their end, for want of room.
    pub streams: u64,
}

/// Turns captures into records. One a writer thread.
#[derive(Debug)]
pub struct Interpreter {
    key: HashKey,
    /// Read, context and buffers of the exchange at hand, used again for the next.
    work: Work,
    context: Context,
    scanner: Scanner,
    decoded: Vec<u8>,
    stored: Vec<(usize, CallRef)>,
    streams: Streams,
    event_ids: EventIds,
    memo: Memo,
    bounds: Bounds,
    judge: Judge,
    tools: Option<Arc<Snapshot>>,
    lines: Vec<String>,
    lines_left_out: u64,
}

/// How much of an exchange is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// All of it.
    Whole,
    /// Its beginning; nothing is written if more is needed to understand it.
    Begin,
    /// Its beginning, and there is no room to wait for more.
    BeginNow,
}

/// What came of reading an exchange.
enum Step {
    Done(Taken),
    /// More has to be seen before anything can be written.
    Unripe,
    /// It was written so far, and goes on.
    Open(Box<Stream>),
}

impl Interpreter {
    /// An interpreter whose fingerprints are made with this key, which must be the same for all
    /// that write to one store.
    #[must_use]
    pub fn new(fingerprint_key: HashKey) -> Self {
        Interpreter {
            memo: Memo::new(&fingerprint_key),
            key: fingerprint_key,
            work: Work::default(),
            context: Context::default(),
            scanner: Scanner::new(),
            decoded: Vec::new(),
            stored: Vec::new(),
            streams: Streams::default(),
            event_ids: EventIds::default(),
            bounds: Bounds::default(),
            judge: Judge::new(),
            tools: None,
            lines: Vec::new(),
            lines_left_out: 0,
        }
    }

    /// Gives it the tools that are listed, for controls that judge by them.
    pub fn set_tools(&mut self, tools: Option<Arc<Snapshot>>) {
        self.tools = tools;
    }

    /// Reads a capture and tells the sink what it says. The capture may be cleared and used again
    /// afterwards, unless [`Taken::Later`] asks for it once more. That happens to whole exchanges and
    /// to first parts only; the parts of a stream have to be offered in their order.
    pub fn take(
        &mut self,
        capture: &mut Capture,
        patience: Patience,
        sink: &mut dyn Sink,
    ) -> Taken {
        match capture.part {
            Part::Only => match self.read(capture, patience, sink, Stage::Whole) {
                Step::Done(taken) => taken,
                Step::Unripe | Step::Open(_) => Taken::Unrecorded,
            },
            Part::First => self.first(capture, patience, sink),
            Part::Middle | Part::Last => self.further(capture, sink),
        }
    }

    /// The store was reset: calls that were stored and wait for their answer are gone.
    pub fn forget_all(&mut self) {
        self.streams.forget_stored();
        self.event_ids.clear();
    }

    /// What the bounds of this crate kept out of the records so far.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// How many exchanges are being followed.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// Bytes of memory that they take.
    #[must_use]
    pub fn open_streams_bytes(&self) -> usize {
        self.streams.memory_bytes()
    }

    /// The beginning of an exchange that goes on.
    fn first(&mut self, capture: &mut Capture, patience: Patience, sink: &mut dyn Sink) -> Taken {
        let stream = capture.stream;
        // A number that is used again means that the end of the exchange before was lost.
        self.streams.take(stream);
        let bytes = capture.memory_bytes();
        let is_long =
            is_event_stream(capture) && capture.response.bytes.len() > HELD_STREAM_BYTES_MAX;
        let can_hold = !is_long && self.streams.has_room_to_hold(bytes);
        let stage = if can_hold { Stage::Begin } else { Stage::BeginNow };
        match self.read(capture, patience, sink, stage) {
            Step::Done(taken) => taken,
            Step::Unripe => {
                let held = std::mem::take(capture);
                self.streams.insert(stream, Slot::Held(Box::new(held)));
                Taken::Recorded
            }
            Step::Open(_) if !self.streams.has_room() => {
                self.bounds.streams += 1;
                Taken::Recorded
            }
            Step::Open(open) => {
                self.streams.insert(stream, Slot::Open(open));
                Taken::Recorded
            }
        }
    }

    /// A later part.
    fn further(&mut self, capture: &Capture, sink: &mut dyn Sink) -> Taken {
        let stream = capture.stream;
        match self.streams.take(stream) {
            None => Taken::Unrecorded,
            Some(Slot::Held(held)) => self.further_held(held, capture, sink),
            Some(Slot::Open(mut open)) => {
                self.go_on(&mut open, capture, sink);
                if capture.part == Part::Middle {
                    self.streams.insert(stream, Slot::Open(open));
                }
                Taken::Recorded
            }
        }
    }

    /// A later part of an exchange that was held back.
    fn further_held(
        &mut self,
        mut held: Box<Capture>,
        part: &Capture,
        sink: &mut dyn Sink,
    ) -> Taken {
        // The limit is one of each event: a stream that becomes too long to be held is read below.
        let is_stream = is_event_stream(&held);
        let limits = held.rules.as_ref().map_or((0, 0), |rules| {
            let response_max = if is_stream { usize::MAX } else { rules.response_bytes_max };
            (rules.body_bytes_max, response_max)
        });
        append(&mut held, part, limits.0, limits.1);
        if part.part == Part::Last {
            complete(&mut held, part);
            return match self.read(&held, Patience::Decide, sink, Stage::Whole) {
                Step::Done(taken) => taken,
                Step::Unripe | Step::Open(_) => Taken::Unrecorded,
            };
        }
        let is_long = is_stream && held.response.bytes.len() > HELD_STREAM_BYTES_MAX;
        let can_hold = !is_long && self.streams.has_room_to_hold(held.memory_bytes());
        if can_hold && !is_stream {
            self.streams.insert(part.stream, Slot::Held(held));
            return Taken::Recorded;
        }
        let stage = if can_hold { Stage::Begin } else { Stage::BeginNow };
        match self.read(&held, Patience::Decide, sink, stage) {
            Step::Done(taken) => taken,
            Step::Unripe => {
                self.streams.insert(part.stream, Slot::Held(held));
                Taken::Recorded
            }
            Step::Open(open) => {
                self.streams.insert(part.stream, Slot::Open(open));
                Taken::Recorded
            }
        }
    }

    fn read(
        &mut self,
        capture: &Capture,
        patience: Patience,
        sink: &mut dyn Sink,
        stage: Stage,
    ) -> Step {
        let Some(rules) = capture.rules.as_ref() else { return Step::Done(Taken::Unrecorded) };
        self.work.clear();
        self.memo.turn_to(rules);
        let step = match capture.facts.method {
            Method::Post | Method::Other => self.post(capture, rules, patience, sink, stage),
            // A request that a control blocked is recorded as a call, whatever it was.
            Method::Get | Method::Delete if capture.verdict.is_blocked => {
                self.post(capture, rules, patience, sink, stage)
            }
            Method::Get => self.get(capture, rules, patience, sink, stage),
            Method::Delete if stage == Stage::Begin => Step::Unripe,
            Method::Delete => Step::Done(self.delete(capture, rules, patience, sink)),
        };
        self.bounds.messages += std::mem::take(&mut self.work.left_out);
        if self.decoded.capacity() > DECODED_BYTES_KEPT_MAX {
            self.decoded = Vec::new();
        }
        step
    }
}

#[cfg(test)]
mod tests;
