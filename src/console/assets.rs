//! The page's files, which the build puts into the module.

use crate::answer::{Answer, Head};
use std::borrow::Cow;

/// A file of the page.
struct Asset {
    /// Its path below the console's place; the page itself is `index.html`.
    path: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
    /// The same, compressed; empty where that saves nothing.
    gzip: &'static [u8],
    /// Changes with the bytes.
    tag: &'static str,
}

// `ASSETS: &[Asset]`, made by build.rs.
include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Files whose name changes with what is in them may be kept; others are asked for anew, which
/// costs a 304.
const KEPT: &str = "private, max-age=31536000, immutable";
const ASKED: &str = "no-cache";

/// The file of this path.
pub(crate) fn find(path: &[u8], takes_gzip: bool) -> Option<Answer> {
    let path = if path.is_empty() { b"index.html" } else { path };
    let asset = ASSETS.iter().find(|asset| asset.path.as_bytes() == path)?;
    let is_kept = asset.path.starts_with("assets/");
    let mut head = Head::file(asset.media_type, if is_kept { KEPT } else { ASKED });
    head.add("Vary", "Accept-Encoding");
    let is_small = takes_gzip && !asset.gzip.is_empty();
    if is_small {
        head.add("Content-Encoding", "gzip");
        head.add("ETag", format!("\"{}-gzip\"", asset.tag));
    } else {
        head.add("ETag", format!("\"{}\"", asset.tag));
    }
    Some(Answer { head, body: Cow::Borrowed(if is_small { asset.gzip } else { asset.bytes }) })
}
