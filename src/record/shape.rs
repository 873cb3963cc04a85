//! The shape of a value: structure, types and lengths, and none of its content but keys.

use protocol::{Value, ValueKind};

use crate::Mask;
use crate::output::{Output, encoded_bytes};
use crate::payload::{DEPTH_MAX, capped_key};

/// Members of an object that are shown.
const MEMBERS_MAX: usize = 64;
/// Elements of an array that are shown, if they differ from one to the next.
const ITEMS_MAX: usize = 4;

/// Writes the shape of a value, in at most `limit_bytes` (of which less than 64 count as 64), as a
/// valid JSON document: `"string(12)"` (bytes), `"number"`, `"bool"`, `null`, objects with their
/// keys, of an array the elements that differ from the one before. What is left out is said as in
/// [`Mask::masked`]. Keys are masked as text. Returns whether something was left out because of
/// the limit, or because the value was not there as a whole.
pub fn shape(value: Value<'_>, limit_bytes: usize, out: &mut String) -> bool {
    let output = Output::new(out, limit_bytes);
    let mut walk = Walk { mask: Mask::built_in(), output, word: String::new() };
    walk.value(value, 0);
    walk.output.is_truncated()
}

struct Walk<'o> {
    mask: Mask,
    output: Output<'o>,
    /// Room for one word.
    word: String,
}

/// Writes a number. Formatting by the library costs more than all else about a string.
fn push_number(out: &mut String, number: usize) {
    let mut digits = [b'0'; 20];
    let mut rest = number;
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    let digits = digits.get(digits.len() - used..).unwrap_or_default();
    out.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

impl Walk<'_> {
    /// Recursion is bounded by [`DEPTH_MAX`].
    fn value(&mut self, value: Value<'_>, depth: usize) {
        let is_container = matches!(value.kind(), ValueKind::Object | ValueKind::Array);
        if !value.is_complete() && !is_container {
            return self.output.omitted();
        }
        match value.kind() {
            ValueKind::Null => self.output.verbatim("null"),
            ValueKind::Bool => self.output.verbatim("\"bool\""),
            ValueKind::Number => self.output.verbatim("\"number\""),
            ValueKind::String => {
                let length = value.as_str().map_or(0, |text| text.len());
                self.word.clear();
                self.word.push_str("\"string(");
                push_number(&mut self.word, length);
                self.word.push_str(")\"");
                self.output.verbatim(&self.word);
            }
            ValueKind::Object if self.opens('{', depth) => self.object(value, depth),
            ValueKind::Array if self.opens('[', depth) => self.array(value, depth),
            ValueKind::Object | ValueKind::Array => self.output.omitted(),
        }
    }

    fn opens(&mut self, bracket: char, depth: usize) -> bool {
        depth < DEPTH_MAX && self.output.open(bracket)
    }

    fn object(&mut self, object: Value<'_>, depth: usize) {
        let mut members = object.members();
        let mut shown = 0;
        loop {
            let rest = members.clone();
            let Some((key, value)) = members.next() else { break };
            let name = key.as_str();
            let (text, _) = capped_key(self.mask.text(&name));
            let has_room = self.output.has_room(encoded_bytes(&text) + 4);
            if !has_room || shown == MEMBERS_MAX {
                if !has_room {
                    self.output.truncate();
                }
                self.output.missing_members(shown == 0, Some(rest.count()));
                return self.output.close('}');
            }
            self.output.comma(shown == 0);
            shown += 1;
            self.output.key(&text);
            self.value(value, depth + 1);
        }
        if !object.is_complete() || object.is_shortened() {
            self.output.truncate();
            self.output.missing_members(shown == 0, None);
        }
        self.output.close('}');
    }

    fn array(&mut self, array: Value<'_>, depth: usize) {
        let mut items = array.items();
        let mut last = 0..0;
        let mut shown = 0;
        let mut left_out = 0;
        while shown < ITEMS_MAX {
            let Some(item) = items.next() else { break };
            if !self.output.has_room(1) {
                self.output.truncate();
                left_out += 1;
                break;
            }
            let before = self.output.len();
            self.output.comma(shown == 0);
            let start = self.output.len();
            self.value(item, depth + 1);
            if self.output.is_repeated(&last, start) {
                self.output.take_back(before);
                left_out += 1;
            } else {
                last = start..self.output.len();
                shown += 1;
            }
        }
        left_out += items.count();
        if left_out > 0 {
            self.output.missing_items(shown == 0, Some(left_out));
        } else if !array.is_complete() || array.is_shortened() {
            self.output.missing_items(shown == 0, None);
        }
        if !array.is_complete() || array.is_shortened() {
            self.output.truncate();
        }
        self.output.close(']');
    }
}
