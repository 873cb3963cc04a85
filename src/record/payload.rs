//! Arguments and results as they are stored: JSON values walked once, masked or not.

use std::borrow::Cow;

use protocol::{Key, Value, ValueKind};

use crate::Mask;
use crate::output::{Output, char_floor};

/// Containers within containers that are written, those of JSON inside strings included.
pub(crate) const DEPTH_MAX: usize = 96;
/// Of a key only that many bytes are shown.
pub(crate) const KEY_BYTES_MAX: usize = 256;
/// JSON inside strings inside strings is read that far; what is deeper is masked as text.
const NESTED_MAX: usize = 4;

/// Members that name what a sibling holds, as in `{"name": "password", "value": "…"}`: headers,
/// environments, forms, the `argument` of `completion/complete`.
const NAMING_KEYS: [&str; 6] = ["name", "key", "header", "field", "variable", "param"];
/// The siblings that hold it.
const HOLDING_KEYS: [&str; 5] = ["value", "values", "val", "default", "content"];

/// Writes a value as it is, but bounded and as valid JSON. Returns whether something was left out.
pub fn unmasked(value: Value<'_>, limit_bytes: usize, out: &mut String) -> bool {
    let mut walk = Walk { mask: None, output: Output::new(out, limit_bytes), nested: 0 };
    walk.value(value, 0);
    walk.output.is_truncated()
}

/// Writes a value masked.
pub(crate) fn masked(mask: &Mask, value: Value<'_>, limit_bytes: usize, out: &mut String) -> bool {
    masked_nested(mask, value, limit_bytes, out, 0)
}

/// Writes a value of JSON inside a string, or `nested` strings.
pub(crate) fn masked_nested(
    mask: &Mask,
    value: Value<'_>,
    limit_bytes: usize,
    out: &mut String,
    nested: usize,
) -> bool {
    let mut walk = Walk { mask: Some(mask), output: Output::new(out, limit_bytes), nested };
    walk.value(value, nested * (DEPTH_MAX / (NESTED_MAX + 1)));
    walk.output.is_truncated()
}

/// Whether JSON in a string that is itself in so many strings is still read.
pub(crate) const fn is_nested_read(nested: usize) -> bool {
    nested < NESTED_MAX
}

struct Walk<'m, 'o> {
    /// `None`: nothing is masked.
    mask: Option<&'m Mask>,
    output: Output<'o>,
    /// How many strings around the document are JSON themselves.
    nested: usize,
}

impl Walk<'_, '_> {
    /// Recursion is bounded by [`DEPTH_MAX`].
    fn value(&mut self, value: Value<'_>, depth: usize) {
        match value.kind() {
            ValueKind::Object if self.opens('{', depth) => self.object(value, depth),
            ValueKind::Array if self.opens('[', depth) => self.array(value, depth),
            ValueKind::Object | ValueKind::Array => self.output.omitted(),
            ValueKind::String => self.string(value),
            // What a cut number or word would have become is unknown.
            _ if !value.is_complete() => self.output.omitted(),
            ValueKind::Null => self.output.verbatim("null"),
            ValueKind::Bool if value.as_bool() == Some(true) => self.output.verbatim("true"),
            ValueKind::Bool => self.output.verbatim("false"),
            ValueKind::Number => self.number(value),
        }
    }

    fn opens(&mut self, bracket: char, depth: usize) -> bool {
        depth < DEPTH_MAX && self.output.open(bracket)
    }

    fn array(&mut self, array: Value<'_>, depth: usize) {
        let mut items = array.items();
        let mut is_first = true;
        loop {
            let rest = items.clone();
            let Some(item) = items.next() else { break };
            if !self.output.has_room(1) {
                self.output.truncate();
                self.output.missing_items(is_first, exact(array, rest.count()));
                return self.output.close(']');
            }
            self.output.comma(is_first);
            is_first = false;
            self.value(item, depth + 1);
        }
        if !array.is_complete() || array.is_shortened() {
            self.output.truncate();
            self.output.missing_items(is_first, None);
        }
        self.output.close(']');
    }

    fn object(&mut self, object: Value<'_>, depth: usize) {
        let mut members = object.members();
        let mut is_first = true;
        loop {
            let rest = members.clone();
            let Some((key, value)) = members.next() else { break };
            let text = self.key_text(key);
            if !self.output.has_room(crate::output::encoded_bytes(&text) + 4) {
                self.output.truncate();
                self.output.missing_members(is_first, exact(object, rest.count()));
                return self.output.close('}');
            }
            self.output.comma(is_first);
            is_first = false;
            self.output.key(&text);
            if self.is_masked(object, key, value) {
                self.output.masked();
            } else {
                self.value(value, depth + 1);
            }
        }
        if !object.is_complete() || object.is_shortened() {
            self.output.truncate();
            self.output.missing_members(is_first, None);
        }
        self.output.close('}');
    }

    /// Keys hold data where objects serve as maps.
    fn key_text<'v>(&mut self, key: Key<'v>) -> Cow<'v, str> {
        let text = match (key.as_str(), self.mask) {
            (text, None) => text,
            (Cow::Borrowed(text), Some(mask)) => mask.text(text),
            (Cow::Owned(text), Some(mask)) => Cow::Owned(mask.text(&text).into_owned()),
        };
        let (text, is_cut) = capped_key(text);
        if is_cut {
            self.output.truncate();
        }
        text
    }

    fn is_masked(&self, object: Value<'_>, key: Key<'_>, value: Value<'_>) -> bool {
        let Some(mask) = self.mask else { return false };
        if matches!(value.kind(), ValueKind::Null | ValueKind::Bool) {
            return false;
        }
        let name = key.as_str();
        mask.covers(&name) || (is_one_of(&HOLDING_KEYS, &name) && names_secret(mask, object))
    }

    fn number(&mut self, number: Value<'_>) {
        let text = String::from_utf8_lossy(number.raw());
        if self.mask.is_some() && crate::mask::is_card_number(&text) {
            self.output.masked();
        } else if is_json_number(text.as_bytes()) {
            self.output.verbatim(&text);
        } else {
            // `NaN`, `01` and what else lenient parsers read.
            self.output.string(&text, 0);
        }
    }

    fn string(&mut self, string: Value<'_>) {
        let text = string.as_str().unwrap_or_default();
        // No more of a long string is looked at than can be shown; what a secret needs to be
        // recognised may then be missing, as in a string that the end of the capture cut.
        let window_end = char_floor(&text, self.output.room());
        let window = text.get(..window_end).unwrap_or_default();
        let missing_bytes = text.len() - window.len();
        let is_cut = missing_bytes > 0 || !string.is_complete();
        let shown = match self.mask {
            Some(mask) => mask.string(window, is_cut, self.nested, self.output.room()),
            None => Cow::Borrowed(window),
        };
        if missing_bytes == 0 && is_cut {
            self.output.cut_string(&shown);
        } else {
            self.output.string(&shown, missing_bytes);
        }
    }
}

/// How many are missing, where that is known.
fn exact(container: Value<'_>, count: usize) -> Option<usize> {
    (container.is_complete() && !container.is_shortened()).then_some(count)
}

/// A key that is not longer than is shown, and whether that is less than it was.
pub(crate) fn capped_key(text: Cow<'_, str>) -> (Cow<'_, str>, bool) {
    if text.len() <= KEY_BYTES_MAX {
        return (text, false);
    }
    let end = char_floor(&text, KEY_BYTES_MAX);
    let shown = text.get(..end).unwrap_or_default();
    (Cow::Owned(format!("{shown}{}", crate::output::ELLIPSIS)), true)
}

fn is_one_of(keys: &[&str], name: &str) -> bool {
    keys.iter().any(|key| name.eq_ignore_ascii_case(key))
}

/// Whether a member of the object says that its sibling is a secret.
fn names_secret(mask: &Mask, object: Value<'_>) -> bool {
    object.members().any(|(key, value)| {
        value.kind() == ValueKind::String
            && is_one_of(&NAMING_KEYS, &key.as_str())
            && value.as_str().is_some_and(|name| mask.covers(&name))
    })
}

/// RFC 8259 §6.
fn is_json_number(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let (integer, rest) = digits(text);
    if integer.is_empty() || (integer.len() > 1 && integer.first() == Some(&b'0')) {
        return false;
    }
    let rest = match rest.strip_prefix(b".") {
        Some(fraction) => {
            let (fraction, rest) = digits(fraction);
            if fraction.is_empty() {
                return false;
            }
            rest
        }
        None => rest,
    };
    match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] => {
            let (exponent, rest) = digits(exponent);
            !exponent.is_empty() && rest.is_empty()
        }
        _ => false,
    }
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, &[]))
}
