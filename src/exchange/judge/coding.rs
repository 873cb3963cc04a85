//! Content codings, strictly: a body that is judged must be what its coding says to the last byte.
//!
//! Servers differ. Many do not decode a request's body at all, others stop at the end of the first
//! coded stream or fall back to what they were sent. So nothing may follow the coded stream, it must
//! end, and the coded bytes themselves must not read as JSON. `deflate` is zlib's (RFC 9110
//! §8.4.1.2); the bare stream that some clients send would let other texts begin as JSON does.

use crate::limits::CODINGS_MAX;
use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use protocol::{Scanner, ValueKind};
use std::io::Read;

const STEP_BYTES: usize = 16 << 10;

/// What came of decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coded {
    /// It was no more than that.
    Plain,
    /// Decoded whole.
    Whole,
    /// It would be longer than the limit.
    TooLong,
    /// The coding is unknown, or the body is not coded so.
    Wrong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

/// Decodes a body into `out`, which is emptied first.
pub(super) fn decode(header: &[u8], body: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Coded {
    out.clear();
    let Some(codings) = codings(header) else { return Coded::Wrong };
    if codings.is_empty() {
        return Coded::Plain;
    }
    if body.is_empty() {
        return Coded::Whole;
    }
    let mut bytes = body.to_vec();
    // The one that was applied last is undone first.
    for coding in codings.into_iter().rev() {
        out.clear();
        let state = match coding {
            Coding::Gzip => read(MultiGzDecoder::new(bytes.as_slice()), bytes_max, out),
            Coding::Deflate => zlib(&bytes, bytes_max, out),
            Coding::Brotli if reads_as_json(&bytes) => Coded::Wrong,
            Coding::Brotli => brotli(&bytes, bytes_max, out),
        };
        if state != Coded::Whole {
            return state;
        }
        std::mem::swap(&mut bytes, out);
    }
    *out = bytes;
    Coded::Whole
}

/// The codings in the order in which they were applied. `None` where one is unknown, or where there
/// are too many.
fn codings(header: &[u8]) -> Option<Vec<Coding>> {
    let mut found = Vec::new();
    for word in header.split(|&byte| byte == b',') {
        let word = word.trim_ascii();
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        let coding = if word.is_empty() || is(b"identity") {
            continue;
        } else if is(b"gzip") || is(b"x-gzip") {
            Coding::Gzip
        } else if is(b"deflate") {
            Coding::Deflate
        } else if is(b"br") {
            Coding::Brotli
        } else {
            return None;
        };
        if found.len() == CODINGS_MAX {
            return None;
        }
        found.push(coding);
    }
    Some(found)
}

fn read(mut decoder: impl Read, bytes_max: usize, out: &mut Vec<u8>) -> Coded {
    let limit = u64::try_from(bytes_max).map_or(u64::MAX, |max| max.saturating_add(1));
    match decoder.by_ref().take(limit).read_to_end(out) {
        Err(_) => Coded::Wrong,
        Ok(_) if out.len() > bytes_max => Coded::TooLong,
        Ok(_) => Coded::Whole,
    }
}

fn zlib(bytes: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Coded {
    let mut decoder = ZlibDecoder::new(bytes);
    let state = read(&mut decoder, bytes_max, out);
    let is_all = usize::try_from(decoder.total_in()).is_ok_and(|total| total == bytes.len());
    if state == Coded::Whole && !is_all { Coded::Wrong } else { state }
}

fn brotli(bytes: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Coded {
    let alloc = StandardAlloc::default;
    let mut state = BrotliState::new(alloc(), alloc(), alloc());
    let (mut available_in, mut at, mut total) = (bytes.len(), 0, 0);
    let mut step = vec![0; STEP_BYTES];
    loop {
        let (mut available_out, mut filled) = (step.len(), 0);
        let result = BrotliDecompressStream(
            &mut available_in,
            &mut at,
            bytes,
            &mut available_out,
            &mut filled,
            &mut step,
            &mut total,
            &mut state,
        );
        out.extend_from_slice(step.get(..filled).unwrap_or_default());
        if out.len() > bytes_max {
            return Coded::TooLong;
        }
        match result {
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultSuccess if available_in == 0 => return Coded::Whole,
            _ => return Coded::Wrong,
        }
    }
}

/// Whether bytes that are said to be coded are JSON as they are.
fn reads_as_json(bytes: &[u8]) -> bool {
    let mut scanner = Scanner::new();
    let root = scanner.scan_body(bytes).root();
    root.is_some_and(|root| {
        matches!(root.kind(), ValueKind::Object | ValueKind::Array) && root.is_complete()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use std::io::Write as _;

    const JSON: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

    fn zlib_of(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn gzip_of(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate_of(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// A brotli stream of one uncompressed block (RFC 7932 §9.2) and an empty last one.
    fn brotli_of(bytes: &[u8]) -> Vec<u8> {
        // WBITS 16 (`0`), ISLAST 0, MNIBBLES 4 (`00`), MLEN-1 in 16 bits, ISUNCOMPRESSED 1
        let head = (bytes.len() as u32 - 1) << 4 | 1 << 20;
        let mut out = head.to_le_bytes()[..3].to_vec();
        out.extend_from_slice(bytes);
        out.push(3);
        out
    }

    fn decoded(header: &str, body: &[u8], max: usize) -> (Coded, Vec<u8>) {
        let mut out = Vec::new();
        let state = decode(header.as_bytes(), body, max, &mut out);
        (state, out)
    }

    #[test]
    fn each_coding_is_undone_and_several_in_their_order() {
        let both = gzip_of(&zlib_of(JSON));
        for (header, body) in [
            ("gzip", gzip_of(JSON)),
            ("X-GZIP, identity", gzip_of(JSON)),
            ("deflate", zlib_of(JSON)),
            ("br", brotli_of(JSON)),
            ("deflate, gzip", both),
        ] {
            assert_eq!(decoded(header, &body, 1000), (Coded::Whole, JSON.to_vec()), "{header}");
        }
        assert_eq!(decoded("identity", JSON, 1000).0, Coded::Plain);
        assert_eq!(decoded("", JSON, 1000).0, Coded::Plain);
    }

    #[test]
    fn what_is_not_so_coded_to_the_last_byte_is_refused() {
        for (header, body) in
            [("gzip", gzip_of(JSON)), ("deflate", zlib_of(JSON)), ("br", brotli_of(JSON))]
        {
            assert_eq!(decoded(header, JSON, 1000).0, Coded::Wrong, "{header}: plain");
            for cut in 1..body.len() {
                let state = decoded(header, &body[..cut], 1000).0;
                assert_eq!(state, Coded::Wrong, "{header}: cut to {cut}");
            }
            let longer = [&body[..], b" {}"].concat();
            assert_eq!(decoded(header, &longer, 1000).0, Coded::Wrong, "{header}: more follows");
        }
        assert_eq!(decoded("deflate", &deflate_of(JSON), 1000).0, Coded::Wrong, "a bare stream");
        assert_eq!(decoded("zstd", JSON, 1000).0, Coded::Wrong);
        assert_eq!(decoded("gzip, gzip, gzip, gzip", JSON, 1000).0, Coded::Wrong);
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        let bomb = vec![b' '; 1 << 20];
        for (header, body) in [("gzip", gzip_of(&bomb)), ("deflate", zlib_of(&bomb))] {
            let (state, out) = decoded(header, &body, 1000);
            assert_eq!(state, Coded::TooLong, "{header}");
            assert!(out.len() <= 1001);
        }
    }

    #[test]
    fn json_that_is_said_to_be_brotli_is_refused() {
        assert!(reads_as_json(b" {\"a\":1} \x00"));
        assert!(!reads_as_json(b"[\x00\x01"));
        assert!(!reads_as_json(&brotli_of(JSON)));
    }
}
