//! Content codings: a bounded decoded copy of what passed compressed.

use crate::limits::CODINGS_MAX;
use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::{self, Write};

/// Input is decoded in steps of this size, so that a bomb is noticed before it has grown.
const STEP_BYTES: usize = 1024;
/// What one step of an event stream may decode to. Deflate makes at most 1,032 bytes of one.
const STEP_OUTPUT_BYTES_MAX: usize = 2 << 20;
/// Buffer of the brotli decoder.
const BROTLI_BUFFER_BYTES: usize = 4096;

/// How far a body could be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// As far as its bytes went.
    Whole,
    /// Up to the limit.
    Truncated,
    /// Not at all, or only up to bytes that make no sense in its coding.
    Undecoded,
}

/// One coding of `Content-Encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

/// The codings of a `Content-Encoding`, in the order in which they were applied. `None` where one
/// of them cannot be read, or where there are too many.
fn codings(header: &[u8]) -> Option<Vec<Coding>> {
    let mut found = Vec::new();
    for word in header.split(|&byte| byte == b',') {
        let coding = match word.trim_ascii() {
            b"" => continue,
            word if word.eq_ignore_ascii_case(b"identity") => continue,
            word if word.eq_ignore_ascii_case(b"gzip") => Coding::Gzip,
            word if word.eq_ignore_ascii_case(b"x-gzip") => Coding::Gzip,
            word if word.eq_ignore_ascii_case(b"deflate") => Coding::Deflate,
            word if word.eq_ignore_ascii_case(b"br") => Coding::Brotli,
            _ => return None,
        };
        if found.len() >= CODINGS_MAX {
            return None;
        }
        found.push(coding);
    }
    Some(found)
}

/// Whether a `Content-Encoding` says that the bytes are as they are.
pub(crate) fn is_plain(header: &[u8]) -> bool {
    header.is_empty() || codings(header).is_some_and(|codings| codings.is_empty())
}

/// Decodes a whole body into `out`, which is emptied first and holds at most `bytes_max` after.
pub(crate) fn decode(header: &[u8], bytes: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Decoded {
    out.clear();
    let Some(mut decoder) = Decoder::new(header) else { return Decoded::Undecoded };
    let mut state = Decoded::Whole;
    for step in bytes.chunks(STEP_BYTES) {
        let room = bytes_max.saturating_sub(out.len());
        state = decoder.feed(step, room, |decoded| out.extend_from_slice(decoded));
        if state != Decoded::Whole {
            break;
        }
    }
    if state == Decoded::Undecoded && !out.is_empty() { Decoded::Truncated } else { state }
}

/// Decodes an event stream as its bytes come.
#[derive(Debug)]
pub(crate) struct StreamDecoder {
    decoder: Option<Decoder>,
    /// Bytes that it may still decode to.
    budget: u64,
    ratio_max: u64,
    state: Decoded,
}

impl StreamDecoder {
    /// A decoder that makes at most `bytes_max` bytes, and `ratio_max` more for each byte fed.
    pub(crate) fn new(header: &[u8], bytes_max: u64, ratio_max: u64) -> Self {
        let decoder = Decoder::new(header);
        let state = if decoder.is_some() { Decoded::Whole } else { Decoded::Undecoded };
        StreamDecoder { decoder, budget: bytes_max, ratio_max, state }
    }

    /// How far the stream could be decoded.
    pub(crate) fn state(&self) -> Decoded {
        self.state
    }

    /// Some bytes of the stream are missing: what follows cannot be decoded.
    pub(crate) fn gap(&mut self) {
        self.decoder = None;
        if self.state == Decoded::Whole {
            self.state = Decoded::Truncated;
        }
    }

    /// Decodes the next bytes and hands them over in pieces.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut on: impl FnMut(&[u8])) {
        for step in bytes.chunks(STEP_BYTES) {
            let Some(decoder) = self.decoder.as_mut().filter(|_| self.state == Decoded::Whole)
            else {
                return;
            };
            self.budget += self.ratio_max.saturating_mul(step.len() as u64);
            let room = usize::try_from(self.budget).unwrap_or(usize::MAX);
            let mut made = 0;
            self.state = decoder.feed(step, room.min(STEP_OUTPUT_BYTES_MAX), |decoded| {
                made += decoded.len() as u64;
                on(decoded);
            });
            self.budget = self.budget.saturating_sub(made);
        }
        if self.state != Decoded::Whole {
            // Its window is worth tens of kilobytes.
            self.decoder = None;
        }
    }
}

/// The layers of a body's codings, the outermost (applied last) first.
#[derive(Debug)]
struct Decoder {
    layers: Vec<Layer>,
}

impl Decoder {
    fn new(header: &[u8]) -> Option<Self> {
        let layers = codings(header)?.into_iter().rev().map(Layer::new).collect();
        Some(Decoder { layers })
    }

    /// Feeds a step; what comes out of the innermost layer, at most `room` bytes, goes to `on`.
    fn feed(&mut self, step: &[u8], room: usize, mut on: impl FnMut(&[u8])) -> Decoded {
        let mut state = Decoded::Whole;
        let mut bytes = step.to_vec();
        for layer in &mut self.layers {
            let layer_state = layer.feed(&bytes, room);
            if layer_state != Decoded::Whole {
                state = layer_state;
            }
            bytes = layer.take();
        }
        if !bytes.is_empty() {
            on(bytes.get(..room).unwrap_or(&bytes));
        }
        state
    }
}

enum Layer {
    Gzip(Box<MultiGzDecoder<Room>>),
    Zlib(Box<ZlibDecoder<Room>>),
    Deflate(Box<DeflateDecoder<Room>>),
    /// `deflate` of which too little was seen to tell zlib's header (RFC 9110 §8.4.1.2) from the
    /// bare stream that some servers send.
    Unsure(Vec<u8>),
    Brotli(Box<DecompressorWriter<Room>>),
}

impl std::fmt::Debug for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Layer::Gzip(_) => "Gzip",
            Layer::Zlib(_) => "Zlib",
            Layer::Deflate(_) => "Deflate",
            Layer::Unsure(_) => "Unsure",
            Layer::Brotli(_) => "Brotli",
        })
    }
}

impl Layer {
    fn new(coding: Coding) -> Self {
        match coding {
            Coding::Gzip => Layer::Gzip(Box::new(MultiGzDecoder::new(Room::default()))),
            Coding::Deflate => Layer::Unsure(Vec::new()),
            Coding::Brotli => {
                let writer = DecompressorWriter::new(Room::default(), BROTLI_BUFFER_BYTES);
                Layer::Brotli(Box::new(writer))
            }
        }
    }

    /// Decodes `bytes` into the layer's room, of `room_bytes` from now on.
    fn feed(&mut self, bytes: &[u8], room_bytes: usize) -> Decoded {
        if let Layer::Unsure(begun) = self {
            begun.extend_from_slice(bytes);
            let (Some(&first), Some(&second)) = (begun.first(), begun.get(1)) else {
                return Decoded::Whole;
            };
            let check = u16::from(first) << 8 | u16::from(second);
            let begun = std::mem::take(begun);
            *self = if first & 0x0f == 8 && check % 31 == 0 {
                Layer::Zlib(Box::new(ZlibDecoder::new(Room::default())))
            } else {
                Layer::Deflate(Box::new(DeflateDecoder::new(Room::default())))
            };
            return self.feed(&begun, room_bytes);
        }
        let Some(room) = self.room() else { return Decoded::Undecoded };
        room.left = room_bytes;
        room.is_full = false;
        let written = match self {
            Layer::Gzip(writer) => write(writer, bytes),
            Layer::Zlib(writer) => write(writer, bytes),
            Layer::Deflate(writer) => write(writer, bytes),
            Layer::Brotli(writer) => write(writer, bytes),
            Layer::Unsure(_) => Ok(()),
        };
        let is_full = self.room().is_some_and(|room| room.is_full);
        match written {
            _ if is_full => Decoded::Truncated,
            Ok(()) => Decoded::Whole,
            Err(_) => Decoded::Undecoded,
        }
    }

    fn room(&mut self) -> Option<&mut Room> {
        match self {
            Layer::Gzip(writer) => Some(writer.get_mut()),
            Layer::Zlib(writer) => Some(writer.get_mut()),
            Layer::Deflate(writer) => Some(writer.get_mut()),
            Layer::Brotli(writer) => Some(writer.get_mut()),
            Layer::Unsure(_) => None,
        }
    }

    fn take(&mut self) -> Vec<u8> {
        self.room().map(|room| std::mem::take(&mut room.bytes)).unwrap_or_default()
    }
}

/// Writes all and lets out what the decoder holds back.
fn write(writer: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = writer.write(rest)?;
        if written == 0 {
            // The coded stream has ended; what follows it is not read by clients either.
            break;
        }
        rest = rest.get(written..).unwrap_or_default();
    }
    writer.flush()
}

/// Takes decoded bytes up to a limit, and ends the decoding there.
#[derive(Debug, Default)]
struct Room {
    bytes: Vec<u8>,
    left: usize,
    is_full: bool,
}

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.get(..self.left).unwrap_or(bytes);
        if taken.is_empty() && !bytes.is_empty() {
            self.is_full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(taken);
        self.left -= taken.len();
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
