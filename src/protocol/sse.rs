//! Event streams (WHATWG HTML §9.2.6), read as their bytes come, in bounded memory.

use memchr::{memchr, memchr2};

/// Bytes of an event's name, and of its id, that are kept.
const FIELD_BYTES_MAX: usize = 1024;
/// What a line needs beside its value: a byte order mark, the field's name, colon and space.
const FIELD_NAME_BYTES_MAX: usize = 16;
/// Capacity that a buffer may keep while no event is under way.
const IDLE_BYTES_MAX: usize = 512;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One event.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its type: the `event` field, or `message` where there is none.
    pub name: &'a str,
    /// Its `id` field, up to 1 KiB; `None` if it has none (the stream's last id then stays in
    /// force, which is not said here).
    pub id: Option<&'a [u8]>,
    /// Its `retry` field, in milliseconds.
    pub retry: Option<u64>,
    /// Its data: the lines joined by LF, up to the reader's limit. Empty for a priming event.
    pub data: &'a [u8],
    /// Whether `data` is less than there was.
    pub truncated: bool,
    /// Length of the whole data in bytes.
    pub size: u64,
}

impl Event<'_> {
    /// Whether MCP clients take its data for a JSON-RPC message: those of `message` events, but
    /// not the empty ones that only bring an id.
    pub fn is_message(&self) -> bool {
        self.name == "message" && !self.data.is_empty()
    }
}

/// What a stream had in it so far.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamStats {
    /// Bytes fed.
    pub bytes: u64,
    /// Events that were handed out.
    pub events: u64,
    /// Events whose data was cut at the limit.
    pub truncated: u64,
    /// Comment lines (keep-alive, as a rule).
    pub comments: u64,
    /// Lines of fields that no specification names.
    pub unknown_fields: u64,
}

/// The fields of the event under way, apart from data that still lies in the fed bytes.
#[derive(Debug, Default)]
struct Pending {
    name: Vec<u8>,
    id: Option<Vec<u8>>,
    retry: Option<u64>,
    data: Vec<u8>,
    /// Length of the data so far, with the line feeds between its lines.
    size: u64,
    has_data: bool,
    /// Any field that is known.
    has_fields: bool,
}

impl Pending {
    /// Adds a line of data, `size` long, of which `value` is what was kept. The first line is
    /// only remembered, in `borrowed`.
    fn add_data<'b>(
        &mut self,
        value: &'b [u8],
        size: u64,
        limit: usize,
        borrowed: &mut Option<&'b [u8]>,
    ) {
        if !self.has_data {
            self.has_data = true;
            self.size = size;
            *borrowed = Some(value.get(..limit).unwrap_or(value));
            return;
        }
        self.own(borrowed);
        self.size += 1 + size;
        let room = limit.saturating_sub(self.data.len());
        if room > 0 {
            self.data.push(b'\n');
            self.data.extend_from_slice(value.get(..room - 1).unwrap_or(value));
        }
    }

    /// Copies data that lies in bytes about to go.
    fn own(&mut self, borrowed: &mut Option<&[u8]>) {
        if let Some(data) = borrowed.take() {
            self.data.extend_from_slice(data);
        }
    }

    fn event<'e>(&'e self, borrowed: Option<&'e [u8]>) -> Event<'e> {
        let data = borrowed.unwrap_or(&self.data);
        let name = match self.name.as_slice() {
            [] => "message",
            name => std::str::from_utf8(name).unwrap_or("\u{fffd}"),
        };
        Event {
            name,
            id: self.id.as_deref(),
            retry: self.retry,
            data,
            truncated: (data.len() as u64) < self.size,
            size: self.size,
        }
    }

    /// Forgets the event; keeps small buffers for the next.
    fn clear(&mut self) {
        let Pending { name, data, .. } = std::mem::take(self);
        self.name = emptied(name);
        self.data = emptied(data);
    }
}

fn emptied(mut buffer: Vec<u8>) -> Vec<u8> {
    if buffer.capacity() > IDLE_BYTES_MAX {
        return Vec::new();
    }
    buffer.clear();
    buffer
}

/// How much of a stream is passed over, because its beginning was not seen.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Passing {
    Nothing,
    /// The rest of an event: up to an empty line.
    Event,
    /// The rest of a line, and then of its event.
    Line,
}

/// Reads one stream. Needs memory only while an event is under way that does not lie within one
/// fed slice, at most twice the limit; an event whose data is one line within the slice is handed
/// out from there, without a copy.
#[derive(Debug)]
pub struct EventReader {
    limit_bytes: usize,
    /// The beginning of a line whose end was not fed yet.
    line: Vec<u8>,
    /// Length of that line, of which `line` holds no more than the limit allows.
    line_size: u64,
    /// The last byte was a CR: an LF that follows belongs to it.
    is_after_cr: bool,
    /// No line was read so far, so that the next may begin with a byte order mark.
    is_at_start: bool,
    /// What is passed over after a gap.
    passing: Passing,
    pending: Pending,
    stats: StreamStats,
}

impl EventReader {
    /// A reader that keeps up to `limit_bytes` of each event's data. Allocates nothing yet.
    pub fn new(limit_bytes: usize) -> Self {
        EventReader {
            limit_bytes,
            line: Vec::new(),
            line_size: 0,
            is_after_cr: false,
            is_at_start: true,
            passing: Passing::Nothing,
            pending: Pending::default(),
            stats: StreamStats::default(),
        }
    }

    /// What was read so far.
    pub fn stats(&self) -> &StreamStats {
        &self.stats
    }

    /// Whether an event, or a line, has begun and not ended.
    pub fn is_within_event(&self) -> bool {
        self.pending.has_fields || self.line_size > 0
    }

    /// Bytes of memory held by the buffers.
    pub fn memory_bytes(&self) -> usize {
        let id = self.pending.id.as_ref().map_or(0, Vec::capacity);
        self.line.capacity() + self.pending.name.capacity() + self.pending.data.capacity() + id
    }

    /// Takes the next bytes of the stream and hands every event that they complete to `on`. The
    /// events do not depend on how the stream is cut into slices.
    pub fn feed(&mut self, bytes: &[u8], on: &mut impl FnMut(Event<'_>)) {
        self.stats.bytes += bytes.len() as u64;
        let mut rest = bytes;
        // Data of the event under way that still lies in `bytes`.
        let mut borrowed: Option<&[u8]> = None;
        while let Some(&first) = rest.first() {
            if std::mem::take(&mut self.is_after_cr) && first == b'\n' {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', rest) else {
                self.keep_line(rest);
                break;
            };
            let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            self.is_after_cr = after.first() == Some(&b'\r');
            rest = after.get(1..).unwrap_or_default();
            if self.line_size == 0 {
                self.end_line(line, line.len() as u64, &mut borrowed, on);
                continue;
            }
            self.keep_line(line);
            let kept = std::mem::take(&mut self.line);
            let size = std::mem::take(&mut self.line_size);
            self.pending.own(&mut borrowed);
            let mut borrowed = None;
            self.end_line(&kept, size, &mut borrowed, on);
            self.pending.own(&mut borrowed);
            self.line = emptied(kept);
        }
        self.pending.own(&mut borrowed);
    }

    /// Ends the stream. An event without the empty line at its end is no event for clients
    /// (WHATWG HTML §9.2.6); what was seen of it is returned, with `truncated` set, for whoever
    /// wants to know what was lost.
    pub fn finish(&mut self) -> Option<Event<'_>> {
        if self.line_size > 0 && self.passing == Passing::Nothing {
            let line = std::mem::take(&mut self.line);
            let size = std::mem::take(&mut self.line_size);
            let (line, size) = self.without_mark(&line, size);
            let mut borrowed = None;
            self.field(line, size, &mut borrowed);
            self.pending.own(&mut borrowed);
        }
        if !self.pending.has_fields {
            return None;
        }
        Some(Event { truncated: true, ..self.pending.event(None) })
    }

    /// Some bytes of the stream could not be fed. The event under way is handed out as one that is
    /// cut; what follows may be the rest of any event, and is passed over up to its end.
    pub fn gap(&mut self, bytes: u64, on: &mut impl FnMut(Event<'_>)) {
        if let Some(event) = self.finish() {
            on(event);
        }
        let limit_bytes = self.limit_bytes;
        let mut stats = self.stats;
        stats.bytes += bytes;
        let passing = Passing::Line;
        *self = EventReader { passing, stats, is_at_start: false, ..EventReader::new(limit_bytes) };
    }

    /// Adds to the line that has begun, as far as the limit allows.
    fn keep_line(&mut self, part: &[u8]) {
        self.line_size += part.len() as u64;
        let kept_max = self.limit_bytes.max(FIELD_BYTES_MAX).saturating_add(FIELD_NAME_BYTES_MAX);
        let room = kept_max.saturating_sub(self.line.len());
        self.line.extend_from_slice(part.get(..room).unwrap_or(part));
    }

    /// A whole line, `size` long, of which `line` is what was kept.
    fn end_line<'b>(
        &mut self,
        line: &'b [u8],
        size: u64,
        borrowed: &mut Option<&'b [u8]>,
        on: &mut impl FnMut(Event<'_>),
    ) {
        if self.passing != Passing::Nothing {
            let is_event = self.passing == Passing::Event;
            self.passing = if is_event && size == 0 { Passing::Nothing } else { Passing::Event };
            return;
        }
        let (line, size) = self.without_mark(line, size);
        if !line.is_empty() {
            return self.field(line, size, borrowed);
        }
        if self.pending.has_data {
            let event = self.pending.event(borrowed.take());
            self.stats.events += 1;
            self.stats.truncated += u64::from(event.truncated);
            on(event);
        }
        if self.pending.has_fields {
            self.pending.clear();
        }
    }

    /// The line without the byte order mark that the stream's first may begin with.
    fn without_mark<'b>(&mut self, line: &'b [u8], size: u64) -> (&'b [u8], u64) {
        if std::mem::take(&mut self.is_at_start)
            && let Some(stripped) = line.strip_prefix(BYTE_ORDER_MARK)
        {
            return (stripped, size - BYTE_ORDER_MARK.len() as u64);
        }
        (line, size)
    }

    fn field<'b>(&mut self, line: &'b [u8], size: u64, borrowed: &mut Option<&'b [u8]>) {
        let beginning = line.get(..FIELD_NAME_BYTES_MAX).unwrap_or(line);
        let (name, value) = match memchr(b':', beginning) {
            Some(colon) => line.split_at_checked(colon).unwrap_or((line, &[])),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let bounded = value.get(..FIELD_BYTES_MAX).unwrap_or(value);
        let pending = &mut self.pending;
        match name {
            b"data" => {
                let size = size - (line.len() - value.len()) as u64;
                pending.add_data(value, size, self.limit_bytes, borrowed);
            }
            b"event" => {
                pending.name.clear();
                pending.name.extend_from_slice(bounded);
            }
            b"id" if memchr(0, bounded).is_none() => pending.id = Some(bounded.to_vec()),
            b"retry" => {
                let digits = std::str::from_utf8(bounded).ok();
                let digits = digits.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
                pending.retry = digits.and_then(|text| text.parse().ok()).or(pending.retry);
            }
            b"" => {
                self.stats.comments += 1;
                return;
            }
            _ => {
                self.stats.unknown_fields += 1;
                return;
            }
        }
        self.pending.has_fields = true;
    }
}

#[cfg(test)]
mod tests;
