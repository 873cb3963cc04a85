//! JSON as it passes on the wire: exact spans, documents that are cut, every flaw by itself.
//!
//! Why not a library: a recorder must point at the exact bytes of a value, must make sense of a
//! document whose end it did not see, and must say *which* rule of RFC 8259 a document breaks,
//! because lenient servers read on where a strict parser stops. The parsers that exist build a
//! tree of copies and return the first error.

mod flaws;
mod scan;
mod text;
mod value;
mod wide;

use wide::{Rewritten, Wide};

pub use flaws::Flaws;
pub use value::{Items, Key, Members, Value, ValueKind, duplicate_key};

/// Whether a body is in UTF-16 or UTF-32, as [`Flaws::WIDE_ENCODING`] says.
pub fn is_wide_encoding(bytes: &[u8]) -> bool {
    Wide::of(bytes).is_some()
}

/// Capacity of the tape that a scanner keeps between documents, in nodes of 16 bytes. A document
/// with more is read as well; its memory is given back afterwards.
const NODES_KEPT_MAX: usize = 1 << 14;
/// Capacity of the copy of a body in UTF-16 or UTF-32 that a scanner keeps between documents.
const COPY_BYTES_KEPT_MAX: usize = 1 << 16;

/// What a scanner accepts before it stops describing a document in detail. Bytes beyond a limit
/// are still read, so that members after a too deep or too long one are found.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Containers within containers that are put on the tape; the root is the first level.
    /// What lies deeper is skipped by counting brackets ([`Flaws::TOO_DEEP`]).
    pub depth_max: usize,
    /// Nodes on the tape (a value or a key each, 16 bytes of memory). When they are used up the
    /// rest of the container is skipped ([`Flaws::TOO_MANY_NODES`]).
    pub nodes_max: usize,
    /// Bytes in UTF-8 to which a body in UTF-16 or UTF-32 is rewritten; what is beyond is not read
    /// ([`Flaws::TRUNCATED`]).
    pub copy_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { depth_max: 512, nodes_max: 1 << 20, copy_bytes_max: 64 << 20 }
    }
}

/// One value or key on the tape. A container is followed by its content; `count` is the number of
/// nodes from it to the end of its content, so that it can be stepped over.
#[derive(Copy, Clone, Debug)]
struct Node {
    start: u32,
    end: u32,
    count: u32,
    kind: NodeKind,
    marks: u8,
}

/// The input ended (or stopped making sense) inside this value.
const MARK_CUT: u8 = 1;
/// A string with at least one escape.
const MARK_ESCAPED: u8 = 2;
/// Content was left out because of [`Limits`].
const MARK_SHORTENED: u8 = 4;

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum NodeKind {
    Null,
    True,
    False,
    Number,
    String,
    Array,
    Object,
    Key,
}

/// Reads JSON documents one after another, with the same buffers. It cannot fail: it returns what
/// was understood and which [`Flaws`] stood in the way.
///
/// One pass, no recursion: time and memory are linear in the input, and the memory is at most
/// 16 bytes for each of `nodes_max` and 8 bytes for each of `depth_max`.
#[derive(Debug, Default)]
pub struct Scanner {
    limits: Limits,
    nodes: Vec<Node>,
    stack: Vec<u32>,
    /// A body in UTF-16 or UTF-32, in UTF-8.
    copy: Vec<u8>,
}

impl Scanner {
    /// A scanner with the default [`Limits`]. Allocates nothing until it is used.
    pub fn new() -> Self {
        Scanner::default()
    }

    /// A scanner with limits of its own.
    pub fn with_limits(limits: Limits) -> Self {
        Scanner { limits, ..Scanner::default() }
    }

    /// Reads one document that is a whole body: in UTF-8, or in UTF-16 or UTF-32, which Python's
    /// readers take as well ([`Flaws::WIDE_ENCODING`]). The bytes of the latter's values are those of
    /// a copy in UTF-8, at most half as long again as the body.
    pub fn scan_body<'s>(&'s mut self, bytes: &'s [u8]) -> Document<'s> {
        if self.copy.capacity() > COPY_BYTES_KEPT_MAX {
            self.copy = Vec::new();
        }
        match Wide::of(bytes) {
            None => self.scan(bytes),
            Some((wide, mark_bytes)) => self.scan_wide(bytes, wide, mark_bytes),
        }
    }

    #[cold]
    fn scan_wide(&mut self, bytes: &[u8], wide: Wide, mark_bytes: usize) -> Document<'_> {
        let mut copy = std::mem::take(&mut self.copy);
        let text = bytes.get(mark_bytes..).unwrap_or_default();
        let rewritten = wide.rewrite(text, self.limits.copy_bytes_max, &mut copy);
        let flaws = self.scan(&copy).flaws;
        self.copy = copy;
        let mut flaws = flaws | Flaws::WIDE_ENCODING;
        if mark_bytes > 0 {
            flaws |= Flaws::BOM;
        }
        match rewritten {
            Rewritten::Whole => {}
            Rewritten::Cut => flaws |= Flaws::TRUNCATED,
            Rewritten::CutCharacter if flaws.contains(Flaws::TRUNCATED) => {}
            Rewritten::CutCharacter => flaws |= Flaws::TRAILING | Flaws::INVALID_UTF8,
        }
        Document { nodes: &self.nodes, bytes: &self.copy, flaws }
    }

    /// Reads one document. Bytes beyond 4 GiB are not looked at ([`Flaws::TRUNCATED`]).
    pub fn scan<'s>(&'s mut self, bytes: &'s [u8]) -> Document<'s> {
        self.nodes.clear();
        self.stack.clear();
        if self.nodes.capacity() > NODES_KEPT_MAX {
            self.nodes.shrink_to(NODES_KEPT_MAX);
        }
        let seen = bytes.get(..u32::MAX as usize).unwrap_or(bytes);
        let mut flaws = scan::scan(seen, self.limits, &mut self.nodes, &mut self.stack);
        if seen.len() < bytes.len() {
            flaws |= Flaws::TRUNCATED;
        }
        if simdutf8::basic::from_utf8(seen).is_err() && !is_cut_character(seen, flaws) {
            flaws |= Flaws::INVALID_UTF8;
        }
        Document { nodes: &self.nodes, bytes: seen, flaws }
    }
}

/// Whether all that keeps the bytes from being UTF-8 is a character that the end of the input
/// went through, which is no flaw of the document.
#[cold]
fn is_cut_character(bytes: &[u8], flaws: Flaws) -> bool {
    let error = simdutf8::compat::from_utf8(bytes).err();
    flaws.contains(Flaws::TRUNCATED) && error.is_some_and(|error| error.error_len().is_none())
}

/// A document that was read. For one that is cut or broken it holds what was understood: open
/// containers with their members so far, and the string or number that the input ended in.
#[derive(Copy, Clone)]
pub struct Document<'a> {
    nodes: &'a [Node],
    bytes: &'a [u8],
    flaws: Flaws,
}

impl<'a> Document<'a> {
    /// The value, or its understood part; `None` if there is none (empty input, not JSON at all).
    pub fn root(&self) -> Option<Value<'a>> {
        Value::first_of(self.nodes, self.bytes)
    }

    /// What distinguishes the bytes from one strict RFC 8259 document. Empty exactly when a
    /// strict parser accepts them (but for duplicate keys, see [`Document::all_flaws`]).
    pub fn flaws(&self) -> Flaws {
        self.flaws
    }

    /// [`Document::flaws`], and [`Flaws::DUPLICATE_KEY`] if any object has a key twice. Costs a
    /// pass over all keys, with a hash set for objects of more than eight members.
    pub fn all_flaws(&self) -> Flaws {
        let is_twice = self.root().and_then(duplicate_key).is_some();
        if is_twice { self.flaws | Flaws::DUPLICATE_KEY } else { self.flaws }
    }

    /// Whether any object in the document has a key twice, after unescaping.
    pub fn has_duplicate_keys(&self) -> bool {
        self.root().and_then(duplicate_key).is_some()
    }

    /// The bytes that were read.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Number of values and keys that were kept.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }
}

impl std::fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document")
            .field("bytes", &self.bytes.len())
            .field("nodes", &self.nodes.len())
            .field("flaws", &self.flaws)
            .finish()
    }
}

#[cfg(test)]
mod tests;
