//! Exchanges that are still going on, between their parts.

use crate::answer::Channel;
use crate::context::Context;
use crate::decode::{Decoded, StreamDecoder, is_plain};
use crate::draft::{Awaited, Marks};
use crate::limits::{HELD_BYTES_MAX, HELD_MAX, STREAM_RATIO_MAX, STREAMS_MAX};
use crate::{BodyEnd, Capture, Part, Rules, Span};
use protocol::{Event, EventReader};
use record::Coverage;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Reads the events of an answer, through its content coding.
#[derive(Debug)]
pub(crate) struct Events {
    reader: EventReader,
    decoder: Option<Box<StreamDecoder>>,
    /// Bytes were lost on the way.
    has_gap: bool,
}

impl Events {
    pub(crate) fn new(capture: &Capture, rules: &Rules) -> Self {
        let coding = capture.get(capture.response.content_encoding);
        let limit = rules.response_bytes_max;
        let decoder = (!is_plain(coding))
            .then(|| Box::new(StreamDecoder::new(coding, limit as u64, STREAM_RATIO_MAX)));
        Events { reader: EventReader::new(limit), decoder, has_gap: false }
    }

    /// Reads on.
    pub(crate) fn feed(&mut self, bytes: &[u8], on: &mut impl FnMut(Event<'_>)) {
        match &mut self.decoder {
            None => self.reader.feed(bytes, on),
            Some(decoder) => decoder.feed(bytes, |decoded| self.reader.feed(decoded, on)),
        }
    }

    /// Bytes are missing. Of an event that they cut, the beginning is better than nothing.
    pub(crate) fn gap(&mut self, bytes: u64, on: &mut impl FnMut(Event<'_>)) {
        self.has_gap = true;
        self.reader.gap(bytes, on);
        if let Some(decoder) = &mut self.decoder {
            decoder.gap();
        }
    }

    /// What the coding, or want of room, kept from being seen so far.
    pub(crate) fn coverage(&self) -> Coverage {
        match self.decoder.as_ref().map(|decoder| decoder.state()) {
            Some(Decoded::Undecoded) => Coverage::Undecoded,
            Some(Decoded::Truncated) => Coverage::Truncated,
            _ if self.has_gap => Coverage::Truncated,
            _ => Coverage::Full,
        }
    }
}

/// An exchange with an event stream that is open.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) rules: Arc<Rules>,
    pub(crate) context: Context,
    pub(crate) channel: Channel,
    pub(crate) events: Events,
    /// Calls that wait for their answer.
    pub(crate) calls: Vec<Awaited>,
    pub(crate) marks: Marks,
    /// Notifications that belong to no call.
    pub(crate) notifications: u32,
    /// Tells the ids of this session's events from those of others.
    pub(crate) event_scope: u64,
    /// To the first byte of the answer, in microseconds; 0 for none yet.
    pub(crate) first_byte_us: u64,
    /// Bytes were lost on the way: the stream's content is not all known.
    pub(crate) coverage: Coverage,
}

/// What is known of an exchange between its parts.
#[derive(Debug)]
pub(crate) enum Slot {
    /// Not yet what it is: all of it so far.
    Held(Box<Capture>),
    /// What it is, and what is still due.
    Open(Box<Stream>),
}

/// All exchanges that are going on, by [`Capture::stream`].
#[derive(Debug, Default)]
pub(crate) struct Streams {
    slots: FxHashMap<u64, Slot>,
    held: usize,
    held_bytes: usize,
}

impl Streams {
    /// Whether another stream may be followed.
    pub(crate) fn has_room(&self) -> bool {
        self.slots.len() < STREAMS_MAX
    }

    /// Whether this much more may be kept back.
    pub(crate) fn has_room_to_hold(&self, bytes: usize) -> bool {
        self.has_room()
            && self.held < HELD_MAX
            && self.held_bytes.saturating_add(bytes) <= HELD_BYTES_MAX
    }

    pub(crate) fn insert(&mut self, stream: u64, slot: Slot) {
        if let Slot::Held(capture) = &slot {
            self.held += 1;
            self.held_bytes += capture.memory_bytes();
        }
        if let Some(before) = self.slots.insert(stream, slot) {
            self.uncount(&before);
        }
    }

    pub(crate) fn take(&mut self, stream: u64) -> Option<Slot> {
        let slot = self.slots.remove(&stream)?;
        self.uncount(&slot);
        Some(slot)
    }

    fn uncount(&mut self, slot: &Slot) {
        if let Slot::Held(capture) = slot {
            self.held = self.held.saturating_sub(1);
            self.held_bytes = self.held_bytes.saturating_sub(capture.memory_bytes());
        }
    }

    /// How many are followed.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Bytes of memory that they take, without the windows of decoders.
    pub(crate) fn memory_bytes(&self) -> usize {
        let slots = self.slots.capacity() * size_of::<(u64, Slot)>();
        let each = self.slots.values().map(|slot| match slot {
            Slot::Held(capture) => size_of::<Capture>() + capture.memory_bytes(),
            Slot::Open(stream) => {
                let calls = stream.calls.capacity() * size_of::<Awaited>();
                let events = stream.events.reader.memory_bytes();
                size_of::<Stream>() + stream.context.memory_bytes() + calls + events
            }
        });
        slots + each.sum::<usize>()
    }

    /// Forgets where the calls that wait were stored.
    pub(crate) fn forget_stored(&mut self) {
        for slot in self.slots.values_mut() {
            if let Slot::Open(stream) = slot {
                stream.calls.clear();
            }
        }
    }
}

/// Adds a later part to an exchange that is held back. Bytes beyond the limits are counted as
/// lost.
pub(crate) fn append(held: &mut Capture, part: &Capture, request_max: usize, response_max: usize) {
    for (body, more, bytes_max) in [
        (&mut held.request, &part.request, request_max),
        (&mut held.response, &part.response, response_max),
    ] {
        let room = bytes_max.saturating_sub(body.bytes.len());
        // After a gap nothing can be appended: what is kept is the beginning.
        let room = if body.lost > 0 { 0 } else { room };
        let kept = more.bytes.get(..room).unwrap_or(&more.bytes);
        body.bytes.extend_from_slice(kept);
        body.passed = body.passed.saturating_add(more.passed);
        body.lost = body.lost.saturating_add(more.lost + (more.bytes.len() - kept.len()) as u64);
        if more.end != BodyEnd::Open {
            body.end = more.end;
        }
    }
    held.facts.now_us = part.facts.now_us;
    if held.facts.first_byte_us == 0 {
        held.facts.first_byte_us = part.facts.first_byte_us;
    }
}

/// Ends an exchange that was held back: its bytes with the facts of its last part.
pub(crate) fn complete(held: &mut Capture, last: &Capture) {
    let keep = |held: &Capture, span| held.get(span).to_vec();
    let request =
        (keep(held, held.request.content_type), keep(held, held.request.content_encoding));
    let response =
        (keep(held, held.response.content_type), keep(held, held.response.content_encoding));
    held.text.clear();
    held.text.extend_from_slice(&last.text);
    held.facts = last.facts;
    held.headers.clone_from(&last.headers);
    held.values.clone_from(&last.values);
    held.part = Part::Only;
    let mut span = |span: Span, before: &[u8]| match span.len {
        0 => held_push(&mut held.text, before),
        _ => span,
    };
    held.request.content_type = span(last.request.content_type, &request.0);
    held.request.content_encoding = span(last.request.content_encoding, &request.1);
    held.response.content_type = span(last.response.content_type, &response.0);
    held.response.content_encoding = span(last.response.content_encoding, &response.1);
}

fn held_push(text: &mut Vec<u8>, more: &[u8]) -> Span {
    let (Ok(start), Ok(len)) = (u32::try_from(text.len()), u32::try_from(more.len())) else {
        return Span::default();
    };
    text.extend_from_slice(more);
    Span { start, len }
}
