//! Masking: nothing is stored, logged, exported or shown before it.
//!
//! By key: the value of a key that is known to hold secrets becomes `"••••"`, at any depth,
//! whatever it is (but for `null`, `true` and `false`). By value: what looks like a secret is
//! masked wherever it stands, in keys, in text, in JSON inside strings, in URIs.

mod card;
mod labels;
mod names;
mod secrets;
mod signs;
mod spans;
mod uri;

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use protocol::{Flaws, Limits, Scanner, Value};

pub(crate) use card::is_card_number;
use names::{BUILT_IN, IN_QUERIES, Names};
use signs::Signs;
use spans::Spans;

/// What is read of JSON inside a string.
const NESTED_LIMITS: Limits = Limits { depth_max: 64, nodes_max: 1 << 16, copy_bytes_max: 0 };
/// The shortest text that holds a secret with its label (`pin=1`).
const TEXT_BYTES_MIN: usize = 5;

static BUILT_IN_MASK: LazyLock<Mask> = LazyLock::new(|| Mask::of(Vec::new()));

/// What is masked. Cheap to clone; making one with names of its own takes a few milliseconds.
#[derive(Clone, Debug)]
pub struct Mask(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    names: Names,
    /// As `names`, and what holds secrets in queries only.
    query_names: Names,
    /// What was configured.
    added: Vec<String>,
}

impl Mask {
    /// The mask of the built-in list.
    #[must_use]
    pub fn built_in() -> Mask {
        BUILT_IN_MASK.clone()
    }

    /// This mask with more keys (`mcp_mask`): any case, `*` for any text, anything but letters and
    /// digits ignored.
    #[must_use]
    pub fn extended(&self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Mask {
        let mut added = self.0.added.clone();
        added.extend(names.into_iter().map(|name| name.as_ref().to_owned()));
        if added.len() == self.0.added.len() { self.clone() } else { Mask::of(added) }
    }

    fn of(added: Vec<String>) -> Mask {
        let all = || BUILT_IN.iter().copied().chain(added.iter().map(String::as_str));
        let names = Names::new(all());
        let query_names = Names::new(all().chain(IN_QUERIES.iter().copied()));
        Mask(Arc::new(Rules { names, query_names, added }))
    }

    /// Whether the values of this key are masked.
    #[must_use]
    pub fn covers(&self, key: &str) -> bool {
        self.0.names.contains(key)
    }

    /// Writes a value, masked and in at most `limit_bytes` (of which less than 64 count as 64), as
    /// a valid JSON document. Returns whether something was left out; then a long string ends with
    /// `… 1234 bytes more`, an array with `"… 12 more"`, an object with `"…":"12 more"`, what the
    /// capture did not hold with `…`, and a value without any room is `"…"`.
    pub fn masked(&self, value: Value<'_>, limit_bytes: usize, out: &mut String) -> bool {
        crate::payload::masked(self, value, limit_bytes, out)
    }

    /// Masks text: what looks like a secret, what stands behind the name of one (`password=…`,
    /// `"token": "…"`, `Cookie: …`), and, if the text is JSON, what is masked in JSON.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.string(text, false, 0, usize::MAX)
    }

    /// Masks a URI: what [`Mask::text`] masks, also where it is percent-encoded, and the values of
    /// query parameters by their names.
    #[must_use]
    pub fn uri<'t>(&self, uri: &'t str) -> Cow<'t, str> {
        let mut spans = Spans::default();
        self.find(uri, false, &mut spans);
        uri::find(self, uri, &mut spans);
        spans.applied(uri)
    }

    /// Masks the text of a string that stands in `nested` strings that are JSON. `is_cut`: its end
    /// is missing. JSON in it is written in at most `limit_bytes`.
    pub(crate) fn string<'t>(
        &self,
        text: &'t str,
        is_cut: bool,
        nested: usize,
        limit_bytes: usize,
    ) -> Cow<'t, str> {
        if text.len() < TEXT_BYTES_MIN && !is_cut {
            return Cow::Borrowed(text);
        }
        if let Some(json) = self.nested_json(text, is_cut, nested, limit_bytes) {
            return Cow::Owned(json);
        }
        let mut spans = Spans::default();
        self.find(text, is_cut, &mut spans);
        if text.contains('%') && text.contains("://") && !text.contains(char::is_whitespace) {
            uri::find(self, text, &mut spans);
        }
        spans.applied(text)
    }

    /// The masked JSON of a text that is JSON: an object or an array, and nothing else.
    fn nested_json(
        &self,
        text: &str,
        is_cut: bool,
        nested: usize,
        limit_bytes: usize,
    ) -> Option<String> {
        if !matches!(text.trim_ascii_start().as_bytes(), [b'{' | b'[', _, ..]) {
            return None;
        }
        if !crate::payload::is_nested_read(nested) {
            return None;
        }
        let mut scanner = Scanner::with_limits(NESTED_LIMITS);
        let document = scanner.scan(text.as_bytes());
        let readable = if is_cut { Flaws::TRUNCATED } else { Flaws::empty() }
            | Flaws::LONE_SURROGATE
            | Flaws::CONTROL_IN_STRING
            | Flaws::BAD_NUMBER
            | Flaws::NON_FINITE
            | Flaws::TOO_DEEP
            | Flaws::TOO_MANY_NODES;
        if !document.flaws().without(readable).is_empty() {
            return None;
        }
        let mut json = String::with_capacity(text.len().min(limit_bytes));
        crate::payload::masked_nested(self, document.root()?, limit_bytes, &mut json, nested + 1);
        Some(json)
    }

    fn find(&self, text: &str, is_cut: bool, spans: &mut Spans) {
        let signs = Signs::of(text);
        secrets::find(text, signs, is_cut, spans);
        card::find(text, signs, is_cut, spans);
        if signs.has_separator {
            labels::find(text, &self.0.names, &self.0.query_names, spans);
        }
    }

    /// Whether anything in the text is masked.
    pub(crate) fn is_changed(&self, text: &str) -> bool {
        let mut spans = Spans::default();
        self.find(text, false, &mut spans);
        !spans.is_empty()
    }

    pub(crate) fn covers_in_query(&self, key: &str) -> bool {
        self.0.query_names.contains(key)
    }
}

#[cfg(test)]
mod tests;
