//! Values and keys of a document that was read: small handles, the bytes stay where they are.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use super::text::unescape;
use super::{MARK_CUT, MARK_ESCAPED, MARK_SHORTENED, Node, NodeKind};

/// The largest whole number up to which an `f64` is exact.
const F64_INTEGER_MAX: f64 = 9_007_199_254_740_992.0;
/// Objects up to this many members are searched for duplicates by comparing each with each.
const MEMBERS_COMPARED_MAX: usize = 8;

/// The six kinds of JSON value. A number may be `NaN` or infinite where that flaw was found.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, of any length.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// A value in a [`Document`](crate::Document).
#[derive(Copy, Clone)]
pub struct Value<'a> {
    /// The value and what is in it, nothing else.
    nodes: &'a [Node],
    /// The document.
    bytes: &'a [u8],
}

/// Stands for the node that every value has.
const NO_NODE: Node = Node { start: 0, end: 0, count: 1, kind: NodeKind::Null, marks: MARK_CUT };

impl<'a> Value<'a> {
    /// The value that these nodes begin with.
    pub(super) fn first_of(nodes: &'a [Node], bytes: &'a [u8]) -> Option<Value<'a>> {
        let count = nodes.first()?.count as usize;
        Some(Value { nodes: nodes.get(..count)?, bytes })
    }

    fn node(&self) -> Node {
        self.nodes.first().copied().unwrap_or(NO_NODE)
    }

    /// What kind of value it is. Of a word cut by the end of the input, what it would become.
    pub fn kind(&self) -> ValueKind {
        match self.node().kind {
            NodeKind::Null => ValueKind::Null,
            NodeKind::True | NodeKind::False => ValueKind::Bool,
            NodeKind::Number => ValueKind::Number,
            NodeKind::String | NodeKind::Key => ValueKind::String,
            NodeKind::Array => ValueKind::Array,
            NodeKind::Object => ValueKind::Object,
        }
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        self.node().kind == NodeKind::Object
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        self.node().kind == NodeKind::Null && self.is_complete()
    }

    /// The exact bytes of the value, with its quotes or brackets; of one that is not complete,
    /// up to the end of the input.
    pub fn raw(&self) -> &'a [u8] {
        self.bytes.get(self.span()).unwrap_or_default()
    }

    /// Where [`Value::raw`] lies in the document's bytes.
    pub fn span(&self) -> Range<usize> {
        span(self.node())
    }

    /// False if the input ended, or stopped making sense, within the value. Its content is then
    /// what came before.
    pub fn is_complete(&self) -> bool {
        self.node().marks & MARK_CUT == 0
    }

    /// True if content is missing here because of [`Limits`](crate::Limits), though the bytes
    /// were there. Only containers can be shortened.
    pub fn is_shortened(&self) -> bool {
        self.node().marks & MARK_SHORTENED != 0
    }

    /// The text of a string, unescaped. Bytes that are not UTF-8 and lone surrogates become
    /// U+FFFD. Of a cut string, what there is.
    pub fn as_str(&self) -> Option<Cow<'a, str>> {
        (self.node().kind == NodeKind::String).then(|| string_text(self.bytes, self.node()))
    }

    /// Whether it is a complete string that says `text`, without allocating as a rule.
    pub fn is_str(&self, text: &str) -> bool {
        self.node().kind == NodeKind::String
            && self.is_complete()
            && string_equals(self.bytes, self.node(), text)
    }

    /// True or false.
    pub fn as_bool(&self) -> Option<bool> {
        match self.node().kind {
            _ if !self.is_complete() => None,
            NodeKind::True => Some(true),
            NodeKind::False => Some(false),
            _ => None,
        }
    }

    /// A number that is whole, also if written as `1.0` or `1e3`, within the range in which that
    /// is exact.
    pub fn as_i64(&self) -> Option<i64> {
        let text = self.number_text()?;
        if let Ok(number) = text.parse::<i64>() {
            return Some(number);
        }
        let number = text.parse::<f64>().ok()?;
        let is_exact = number.fract() == 0.0 && number.abs() <= F64_INTEGER_MAX;
        is_exact.then_some(number as i64)
    }

    /// A number, as near as an `f64` comes. Out of range it is infinite, as in Python and Node.
    pub fn as_f64(&self) -> Option<f64> {
        self.number_text()?.parse().ok()
    }

    fn number_text(&self) -> Option<&'a str> {
        if self.node().kind != NodeKind::Number || !self.is_complete() {
            return None;
        }
        std::str::from_utf8(self.raw()).ok()
    }

    /// The members of an object in the order of the document, duplicates too; nothing for any
    /// other kind.
    pub fn members(&self) -> Members<'a> {
        Members { rest: self.children(NodeKind::Object), bytes: self.bytes }
    }

    /// The elements of an array; nothing for any other kind.
    pub fn items(&self) -> Items<'a> {
        Items { rest: self.children(NodeKind::Array), bytes: self.bytes }
    }

    fn children(&self, kind: NodeKind) -> &'a [Node] {
        match self.nodes.split_first() {
            Some((node, content)) if node.kind == kind => content,
            _ => &[],
        }
    }

    /// The member with this key, unescaped. Of several the last, as Python, Node and serde_json
    /// read it.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        self.members().filter(|(name, _)| name.eq(key)).last().map(|(_, value)| value)
    }

    /// The value, if it is an object or an array, and all that are within it, at any depth, in the
    /// order of the document.
    pub(crate) fn containers(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        // The tape is flat: what is within is found by walking its nodes.
        let Value { nodes, bytes } = *self;
        (0..nodes.len()).filter_map(move |index| {
            let rest = nodes.get(index..)?;
            let is_container = matches!(rest.first()?.kind, NodeKind::Object | NodeKind::Array);
            Value::first_of(rest, bytes).filter(|_| is_container)
        })
    }

    /// The first key that the object has had before; `None` for any other kind.
    pub(crate) fn duplicate_member(&self) -> Option<Key<'a>> {
        duplicate_member(*self)
    }

    /// The value a JSON pointer (RFC 6901) leads to; `""` is the value itself.
    pub fn pointer(&self, pointer: &str) -> Option<Value<'a>> {
        if pointer.is_empty() {
            return Some(*self);
        }
        let mut value = *self;
        for token in pointer.strip_prefix('/')?.split('/') {
            value = match value.node().kind {
                NodeKind::Object if token.contains('~') => {
                    value.get(&token.replace("~1", "/").replace("~0", "~"))?
                }
                NodeKind::Object => value.get(token)?,
                NodeKind::Array => value.items().nth(array_index(token)?)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

/// `0`, or digits without a leading zero (RFC 6901 §4).
fn array_index(token: &str) -> Option<usize> {
    let is_plain = token.bytes().all(|byte| byte.is_ascii_digit());
    let is_canonical = token == "0" || !token.starts_with('0');
    (is_plain && is_canonical).then(|| token.parse().ok())?
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.kind(), self.span())
    }
}

/// A member's key.
#[derive(Copy, Clone)]
pub struct Key<'a> {
    node: Node,
    bytes: &'a [u8],
}

impl<'a> Key<'a> {
    /// The exact bytes of the key, with its quotes.
    pub fn raw(&self) -> &'a [u8] {
        self.bytes.get(self.span()).unwrap_or_default()
    }

    /// Where [`Key::raw`] lies in the document's bytes.
    pub fn span(&self) -> Range<usize> {
        span(self.node)
    }

    /// The text of the key, unescaped, as [`Value::as_str`].
    pub fn as_str(&self) -> Cow<'a, str> {
        string_text(self.bytes, self.node)
    }

    /// The text of the key as bytes: those of the document unless it has escapes, so they may not
    /// be UTF-8.
    pub fn as_bytes(&self) -> Cow<'a, [u8]> {
        let raw = content(self.bytes, self.node);
        if self.node.marks & MARK_ESCAPED == 0 {
            return Cow::Borrowed(raw);
        }
        Cow::Owned(unescape(raw).into_bytes())
    }

    /// Whether the key says `text`. Compares bytes unless it has escapes.
    #[allow(clippy::should_implement_trait)]
    pub fn eq(&self, text: &str) -> bool {
        string_equals(self.bytes, self.node, text)
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key {:?}", self.as_str())
    }
}

fn span(node: Node) -> Range<usize> {
    node.start as usize..node.end as usize
}

/// What stands between the quotes.
fn content(bytes: &[u8], node: Node) -> &[u8] {
    let start = node.start as usize + 1;
    let end = node.end as usize - usize::from(node.marks & MARK_CUT == 0);
    bytes.get(start..end).unwrap_or_default()
}

fn string_text(bytes: &[u8], node: Node) -> Cow<'_, str> {
    let raw = content(bytes, node);
    if node.marks & MARK_ESCAPED != 0 {
        return Cow::Owned(unescape(raw));
    }
    match simdutf8::basic::from_utf8(raw) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(raw),
    }
}

fn string_equals(bytes: &[u8], node: Node, text: &str) -> bool {
    let raw = content(bytes, node);
    if node.marks & MARK_ESCAPED == 0 {
        return raw == text.as_bytes();
    }
    // An escape is never shorter than what it stands for.
    raw.len() >= text.len() && unescape(raw) == text
}

/// Iterator of [`Value::members`].
#[derive(Clone)]
pub struct Members<'a> {
    rest: &'a [Node],
    bytes: &'a [u8],
}

impl<'a> Iterator for Members<'a> {
    type Item = (Key<'a>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (&node, rest) = self.rest.split_first()?;
        // A key whose value was cut off stands alone and is no member.
        let value = Value::first_of(rest, self.bytes)?;
        self.rest = rest.get(value.nodes.len()..).unwrap_or_default();
        Some((Key { node, bytes: self.bytes }, value))
    }
}

impl fmt::Debug for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}

/// Iterator of [`Value::items`].
#[derive(Clone)]
pub struct Items<'a> {
    rest: &'a [Node],
    bytes: &'a [u8],
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let value = Value::first_of(self.rest, self.bytes)?;
        self.rest = self.rest.get(value.nodes.len()..).unwrap_or_default();
        Some(value)
    }
}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// The first key in `value`, at any depth, that its object has had before; in the order of the
/// document's objects.
pub fn duplicate_key(value: Value<'_>) -> Option<Key<'_>> {
    value.containers().filter(Value::is_object).find_map(duplicate_member)
}

fn duplicate_member(object: Value<'_>) -> Option<Key<'_>> {
    let mut few: [Option<Key<'_>>; MEMBERS_COMPARED_MAX] = [None; MEMBERS_COMPARED_MAX];
    let mut slots = few.iter_mut();
    for (index, (key, _)) in object.members().enumerate() {
        let Some(slot) = slots.next() else { return duplicate_of_many(object) };
        *slot = Some(key);
        if index > 0 && object.members().take(index).any(|(earlier, _)| same_key(earlier, key)) {
            return Some(key);
        }
    }
    None
}

fn same_key(one: Key<'_>, other: Key<'_>) -> bool {
    let is_escaped = (one.node.marks | other.node.marks) & MARK_ESCAPED != 0;
    if is_escaped { one.as_str() == other.as_str() } else { one.raw() == other.raw() }
}

fn duplicate_of_many(object: Value<'_>) -> Option<Key<'_>> {
    let mut seen = HashSet::new();
    object.members().map(|(key, _)| key).find(|key| !seen.insert(key.as_str()))
}
