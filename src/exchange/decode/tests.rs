use super::{Decoded, StreamDecoder, decode, is_plain};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use std::io::Write as _;

const TEXT: &[u8] =
    br#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"ok"}]}}"#;
/// `TEXT` as brotli: an uncompressed meta-block (RFC 7932 §9.2), so that no encoder is needed.
fn brotli(text: &[u8]) -> Vec<u8> {
    // WBITS 16, ISLAST 0, MNIBBLES 4, MLEN - 1, ISUNCOMPRESSED 1, padding, text, last empty block.
    let length = (text.len() - 1) as u32;
    let bits = length << 4 | 1 << 20;
    let mut out = vec![bits as u8, (bits >> 8) as u8, (bits >> 16) as u8];
    out.extend_from_slice(text);
    out.push(0x03);
    out
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn bare(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn cases() -> Vec<(&'static [u8], Vec<u8>)> {
    vec![
        (b"gzip", gzip(TEXT)),
        (b"X-GZIP", gzip(TEXT)),
        (b"deflate", zlib(TEXT)),
        (b"deflate", bare(TEXT)),
        (b"br", brotli(TEXT)),
        (b"identity, gzip", gzip(TEXT)),
        (b"deflate, gzip", gzip(&zlib(TEXT))),
        (b"gzip, deflate, br", brotli(&zlib(&gzip(TEXT)))),
    ]
}

#[test]
fn every_coding_and_their_layers_are_decoded() {
    for (header, bytes) in cases() {
        let mut out = Vec::new();
        let state = decode(header, &bytes, 1000, &mut out);
        let header = String::from_utf8_lossy(header);
        assert_eq!((state, out.as_slice()), (Decoded::Whole, TEXT), "{header}");
    }
}

#[test]
fn a_stream_is_decoded_whatever_its_cuts() {
    for (header, bytes) in cases() {
        for cut in 0..=bytes.len() {
            let mut decoder = StreamDecoder::new(header, 1000, 0);
            let mut out = Vec::new();
            decoder.feed(&bytes[..cut], |piece| out.extend_from_slice(piece));
            decoder.feed(&bytes[cut..], |piece| out.extend_from_slice(piece));
            assert_eq!(out, TEXT, "{} at {cut}", String::from_utf8_lossy(header));
        }
    }
}

#[test]
fn what_was_flushed_is_decoded_before_the_stream_ends() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(TEXT).unwrap();
    encoder.flush().unwrap();
    let mut decoder = StreamDecoder::new(b"gzip", 1000, 0);
    let mut out = Vec::new();
    decoder.feed(encoder.get_ref(), |piece| out.extend_from_slice(piece));
    assert_eq!(out, TEXT);
}

#[test]
fn a_bomb_is_defused_at_the_limit() {
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 100_000);
    let mut out = Vec::new();
    assert_eq!(decode(b"gzip", &bomb, 1 << 20, &mut out), Decoded::Truncated);
    assert_eq!(out.len(), 1 << 20);
    let twice = gzip(&bomb);
    assert_eq!(decode(b"gzip, gzip", &twice, 1 << 20, &mut out), Decoded::Truncated);
    assert!(out.len() <= 1 << 20);
    let mut decoder = StreamDecoder::new(b"gzip", 1 << 20, 100);
    let mut made = 0;
    decoder.feed(&bomb, |piece| made += piece.len());
    assert_eq!(decoder.state(), Decoded::Truncated);
    assert!(made as u64 <= (1 << 20) + 100 * bomb.len() as u64);
}

#[test]
fn what_cannot_be_decoded_says_so() {
    let mut out = Vec::new();
    for header in [&b"zstd"[..], b"gzip, zstd", b"gzip, gzip, gzip, gzip", b"\xff"] {
        assert_eq!(decode(header, TEXT, 1000, &mut out), Decoded::Undecoded);
    }
    // Bare deflate has no mark of its own: almost any bytes are some.
    for header in [&b"gzip"[..], b"br"] {
        assert_eq!(decode(header, b"{\"jsonrpc\":\"2.0\"}", 1000, &mut out), Decoded::Undecoded);
        assert_eq!(decode(header, b"", 1000, &mut out), Decoded::Whole);
    }
}

#[test]
fn a_body_without_a_coding_is_plain() {
    for header in [&b""[..], b"identity", b" , identity"] {
        assert!(is_plain(header));
    }
    assert!(!is_plain(b"gzip") && !is_plain(b"zstd"));
}
