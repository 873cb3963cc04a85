//! Secrets in URIs: in the query by the parameter's name, anywhere by their shape, percent-encoded
//! or not.

use std::borrow::Cow;
use std::ops::Range;

use super::spans::Spans;
use crate::Mask;

/// How often a part is decoded: clients encode twice by mistake, and more often to hide.
const DECODINGS_MAX: usize = 3;

/// Adds what is masked in a URI, but for what stands in it in the clear.
pub(crate) fn find(mask: &Mask, uri: &str, spans: &mut Spans) {
    let path_end = uri.find(['?', '#']).unwrap_or(uri.len());
    for part in parts(uri, 0..path_end, &['/', ';']) {
        find_decoded(mask, uri, part, spans);
    }
    for part in parts(uri, path_end..uri.len(), &['?', '#', '&', ';']) {
        let pair = uri.get(part.clone()).unwrap_or_default();
        let Some(equals) = pair.find('=') else {
            find_decoded(mask, uri, part, spans);
            continue;
        };
        let value = part.start + equals + 1..part.end;
        let key = decoded(pair.get(..equals).unwrap_or_default());
        if mask.covers_in_query(&key) {
            spans.add(value);
        } else {
            find_decoded(mask, uri, part.start..part.start + equals, spans);
            find_decoded(mask, uri, value, spans);
        }
    }
}

/// The pieces of a range between separators.
fn parts<'u>(
    uri: &'u str,
    range: Range<usize>,
    separators: &'u [char],
) -> impl Iterator<Item = Range<usize>> + 'u {
    let mut start = range.start;
    let text = uri.get(range).unwrap_or_default();
    text.split(separators).map(move |part| {
        let part = start..start + part.len();
        // Every separator is one byte.
        start = part.end + 1;
        part
    })
}

/// Masks a whole part if a secret shows once it is decoded.
fn find_decoded(mask: &Mask, uri: &str, part: Range<usize>, spans: &mut Spans) {
    let text = uri.get(part.clone()).unwrap_or_default();
    if let Cow::Owned(decoded) = decoded(text)
        && mask.is_changed(&decoded)
    {
        spans.add(part);
    }
}

/// What percent-encoded text stands for; `+` is a space.
fn decoded(text: &str) -> Cow<'_, str> {
    let mut result = Cow::Borrowed(text);
    for _ in 0..DECODINGS_MAX {
        if !result.contains(['%', '+']) {
            break;
        }
        result = Cow::Owned(decoded_once(&result));
    }
    result
}

fn decoded_once(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let hex = |at: usize| after.get(at).and_then(|&digit| char::from(digit).to_digit(16));
        match (byte, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high << 4 | low) as u8);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _, _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
