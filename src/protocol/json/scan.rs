//! The pass over the bytes that lays out the tape.

use super::text::{find_special, hex4, is_high_surrogate, is_low_surrogate};
use super::wide::Wide;
use super::{Flaws, Limits, MARK_CUT, MARK_ESCAPED, MARK_SHORTENED, Node, NodeKind};

/// Nodes that are kept for the two outermost levels, so that a huge member cannot hide the
/// members after it (a message's `id` may follow megabytes of `params`).
const NODES_RESERVED: usize = 1024;
const OUTER_LEVELS: usize = 2;

/// Why reading ended before the document did.
enum Stop {
    Cut,
    Syntax,
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    flaws: Flaws,
    limits: Limits,
    nodes: &'a mut Vec<Node>,
    /// Indices of the containers that are open.
    stack: &'a mut Vec<u32>,
    /// Whether the innermost of them is an object.
    is_in_object: bool,
}

/// Reads `bytes` (less than 4 GiB) into `nodes`. Both vectors must be empty.
pub(super) fn scan(
    bytes: &[u8],
    limits: Limits,
    nodes: &mut Vec<Node>,
    stack: &mut Vec<u32>,
) -> Flaws {
    let mut machine =
        Machine { bytes, at: 0, flaws: Flaws::empty(), limits, nodes, stack, is_in_object: false };
    if Wide::of(bytes).is_some() {
        return Flaws::WIDE_ENCODING;
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        machine.flaws |= Flaws::BOM;
        machine.at = 3;
    }
    match machine.document() {
        Ok(()) => {}
        Err(Stop::Cut) => {
            machine.flaws |= Flaws::TRUNCATED;
            machine.close_all();
        }
        Err(Stop::Syntax) => {
            machine.flaws |= Flaws::SYNTAX;
            machine.close_all();
        }
    }
    machine.flaws
}

impl<'a> Machine<'a> {
    fn document(&mut self) -> Result<(), Stop> {
        let first = match self.space() {
            Ok(first) => first,
            Err(Stop::Syntax) => return Err(Stop::Syntax),
            // Within an unclosed comment there is still no document.
            Err(Stop::Cut) => {
                self.flaws |= Flaws::EMPTY;
                return Ok(());
            }
        };
        let mut is_fresh = self.value(first)?;
        while !self.stack.is_empty() {
            let is_object = self.is_in_object;
            let mut byte = self.space()?;
            if byte == if is_object { b'}' } else { b']' } {
                self.at += 1;
                self.close();
                is_fresh = false;
                continue;
            }
            if !is_fresh {
                if byte != b',' {
                    return Err(Stop::Syntax);
                }
                self.at += 1;
                byte = self.space()?;
            }
            if !self.has_room() {
                self.skip_rest_of_container()?;
                is_fresh = false;
                continue;
            }
            if is_object {
                byte = self.key(byte)?;
            }
            is_fresh = self.value(byte)?;
        }
        if !matches!(self.space(), Err(Stop::Cut)) {
            self.flaws |= Flaws::TRAILING;
        }
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is neither space nor part of a comment; stays before it.
    #[inline]
    fn space(&mut self) -> Result<u8, Stop> {
        loop {
            match self.peek() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(b'/') => self.comment()?,
                Some(byte) => return Ok(byte),
                None => return Err(Stop::Cut),
            }
        }
    }

    #[cold]
    fn comment(&mut self) -> Result<(), Stop> {
        let rest = self.rest();
        let length = match rest.get(1) {
            Some(b'/') => rest.iter().position(|&byte| byte == b'\n' || byte == b'\r'),
            Some(b'*') => {
                let body = rest.get(2..).unwrap_or_default();
                memchr::memmem::find(body, b"*/").map(|end| end + 4)
            }
            Some(_) => return Err(Stop::Syntax),
            None => None,
        };
        self.flaws |= Flaws::COMMENT;
        self.at = length.map_or(self.bytes.len(), |length| self.at + length);
        Ok(())
    }

    /// Whether a key and a value may still be added where we are.
    #[inline]
    fn has_room(&self) -> bool {
        let is_outer = self.stack.len() <= OUTER_LEVELS;
        let reserved = if is_outer { 0 } else { NODES_RESERVED.min(self.limits.nodes_max / 2) };
        self.nodes.len() + 2 <= self.limits.nodes_max - reserved
    }

    #[inline]
    fn push(&mut self, kind: NodeKind, end: usize, marks: u8) {
        self.nodes.push(Node { start: self.at as u32, end: end as u32, count: 1, kind, marks });
        self.at = end;
    }

    /// Reads a value that begins with `byte`. True if it opened a container, whose first element
    /// or end is due.
    #[inline(always)]
    fn value(&mut self, byte: u8) -> Result<bool, Stop> {
        match byte {
            b'"' => self.string(NodeKind::String)?,
            b'{' => return self.open(NodeKind::Object),
            b'[' => return self.open(NodeKind::Array),
            b'-' | b'0'..=b'9' | b'+' | b'.' => self.number()?,
            b't' => self.literal(b"true", NodeKind::True)?,
            b'f' => self.literal(b"false", NodeKind::False)?,
            b'n' => self.literal(b"null", NodeKind::Null)?,
            b'N' => self.non_finite(b"NaN")?,
            b'I' => self.non_finite(b"Infinity")?,
            _ => return Err(Stop::Syntax),
        }
        Ok(false)
    }

    fn open(&mut self, kind: NodeKind) -> Result<bool, Stop> {
        let index = self.nodes.len() as u32;
        self.push(kind, self.at + 1, 0);
        self.stack.push(index);
        self.is_in_object = kind == NodeKind::Object;
        if self.stack.len() > self.limits.depth_max {
            self.flaws |= Flaws::TOO_DEEP;
            self.skip_to_end_of_container()?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Ends the innermost container at the present place.
    fn close(&mut self) {
        let Some(index) = self.stack.pop() else { return };
        let count = self.nodes.len() as u32 - index;
        if let Some(node) = self.nodes.get_mut(index as usize) {
            node.end = self.at as u32;
            node.count = count;
        }
        let outer = self.stack.last().and_then(|&outer| self.nodes.get(outer as usize));
        self.is_in_object = outer.is_some_and(|outer| outer.kind == NodeKind::Object);
    }

    /// Ends every open container at the end of the input.
    fn close_all(&mut self) {
        self.at = self.bytes.len();
        while let Some(&index) = self.stack.last() {
            self.mark(index, MARK_CUT);
            self.close();
        }
    }

    fn mark(&mut self, index: u32, mark: u8) {
        if let Some(node) = self.nodes.get_mut(index as usize) {
            node.marks |= mark;
        }
    }

    #[cold]
    fn skip_rest_of_container(&mut self) -> Result<(), Stop> {
        self.flaws |= Flaws::TOO_MANY_NODES;
        self.skip_to_end_of_container()
    }

    /// Steps over what is left of the innermost container by counting brackets, whatever their
    /// kind, and closes it.
    #[cold]
    fn skip_to_end_of_container(&mut self) -> Result<(), Stop> {
        if let Some(&index) = self.stack.last() {
            self.mark(index, MARK_SHORTENED);
        }
        let mut depth = 1usize;
        while depth > 0 {
            let offset = self
                .rest()
                .iter()
                .position(|byte| matches!(byte, b'"' | b'[' | b'{' | b']' | b'}'));
            let Some(offset) = offset else { return Err(Stop::Cut) };
            self.at += offset;
            match self.peek() {
                Some(b'"') => {
                    let (end, _) = self.string_end(find_special(self.bytes, self.at + 1))?;
                    self.at = end;
                    continue;
                }
                Some(b'[' | b'{') => depth += 1,
                _ => depth -= 1,
            }
            self.at += 1;
        }
        self.close();
        Ok(())
    }

    /// Reads a key and its colon; returns the byte that its value begins with.
    #[inline(always)]
    fn key(&mut self, byte: u8) -> Result<u8, Stop> {
        if byte != b'"' {
            return Err(Stop::Syntax);
        }
        self.string(NodeKind::Key)?;
        // Without space as a rule, so that the common case is one comparison.
        if self.peek() != Some(b':') && self.space()? != b':' {
            return Err(Stop::Syntax);
        }
        self.at += 1;
        self.space()
    }

    #[inline(always)]
    fn string(&mut self, kind: NodeKind) -> Result<(), Stop> {
        let special = find_special(self.bytes, self.at + 1);
        if self.bytes.get(special) == Some(&b'"') {
            self.push(kind, special + 1, 0);
            return Ok(());
        }
        self.string_with_specials(kind, special)
    }

    #[inline(never)]
    fn string_with_specials(&mut self, kind: NodeKind, special: usize) -> Result<(), Stop> {
        match self.string_end(special) {
            Ok((end, marks)) => {
                self.push(kind, end, marks);
                Ok(())
            }
            Err(stop) => {
                // How far an escape counts is settled when the text is asked for.
                self.push(kind, self.bytes.len(), MARK_CUT | MARK_ESCAPED);
                Err(stop)
            }
        }
    }

    /// The offset after the closing quote of a string whose first quote, backslash or control
    /// byte is at `special`, and its marks.
    fn string_end(&mut self, special: usize) -> Result<(usize, u8), Stop> {
        let mut at = special;
        let mut marks = 0;
        loop {
            match self.bytes.get(at) {
                Some(b'"') => return Ok((at + 1, marks)),
                Some(b'\\') => {
                    marks |= MARK_ESCAPED;
                    at += self.escape(self.bytes.get(at..).unwrap_or_default())?;
                }
                Some(_) => {
                    self.flaws |= Flaws::CONTROL_IN_STRING;
                    at += 1;
                }
                None => return Err(Stop::Cut),
            }
            at = find_special(self.bytes, at);
        }
    }

    /// The length of the escape that `escape` begins with. A pair of surrogates is one.
    fn escape(&mut self, escape: &[u8]) -> Result<usize, Stop> {
        match escape.get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
            Some(b'u') => self.unicode_escape(escape),
            Some(_) => {
                self.flaws |= Flaws::SYNTAX;
                Ok(1)
            }
            None => Err(Stop::Cut),
        }
    }

    fn unicode_escape(&mut self, escape: &[u8]) -> Result<usize, Stop> {
        let Some(unit) = hex4(escape.get(2..).unwrap_or_default()) else {
            let digits = escape.get(2..).unwrap_or_default();
            if digits.len() < 4 && digits.iter().all(u8::is_ascii_hexdigit) {
                return Err(Stop::Cut);
            }
            self.flaws |= Flaws::SYNTAX;
            return Ok(2);
        };
        if is_low_surrogate(unit) {
            self.flaws |= Flaws::LONE_SURROGATE;
        } else if is_high_surrogate(unit) {
            let after = escape.get(6..).unwrap_or_default();
            let low = after.strip_prefix(b"\\u").and_then(hex4);
            if low.is_some_and(is_low_surrogate) {
                return Ok(12);
            }
            if after.len() < 6
                && b"\\u".starts_with(after.get(..2).unwrap_or(after))
                && is_hex_tail(after)
            {
                return Err(Stop::Cut);
            }
            self.flaws |= Flaws::LONE_SURROGATE;
        }
        Ok(6)
    }

    fn literal(&mut self, word: &[u8], kind: NodeKind) -> Result<(), Stop> {
        let rest = self.rest();
        if rest.starts_with(word) {
            self.push(kind, self.at + word.len(), 0);
            return Ok(());
        }
        if word.starts_with(rest) {
            self.push(kind, self.bytes.len(), MARK_CUT);
            return Err(Stop::Cut);
        }
        Err(Stop::Syntax)
    }

    #[cold]
    fn non_finite(&mut self, word: &[u8]) -> Result<(), Stop> {
        self.literal(word, NodeKind::Number)?;
        self.flaws |= Flaws::NON_FINITE;
        Ok(())
    }

    fn number(&mut self) -> Result<(), Stop> {
        let rest = self.rest();
        if rest.starts_with(b"-I") {
            return self.non_finite(b"-Infinity");
        }
        let length = rest
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .unwrap_or(rest.len());
        let digits = rest.get(..length).unwrap_or_default();
        let is_last = length == rest.len();
        let shape = number_shape(digits);
        // At the end of the input a number within a container may go on.
        let is_cut = is_last && (shape == Shape::Unfinished || !self.stack.is_empty());
        if shape == Shape::Wrong || (shape == Shape::Unfinished && !is_last) {
            self.flaws |= Flaws::BAD_NUMBER;
        }
        self.push(NodeKind::Number, self.at + length, if is_cut { MARK_CUT } else { 0 });
        if is_cut { Err(Stop::Cut) } else { Ok(()) }
    }
}

/// Whether the end of the input after a high surrogate may be the beginning of a low one.
fn is_hex_tail(after: &[u8]) -> bool {
    after.get(2..).unwrap_or_default().iter().all(u8::is_ascii_hexdigit)
}

#[derive(PartialEq, Eq)]
enum Shape {
    Whole,
    /// Right so far, but digits have to follow.
    Unfinished,
    Wrong,
}

/// Compares with RFC 8259 §6.
fn number_shape(digits: &[u8]) -> Shape {
    let rest = digits.strip_prefix(b"-").unwrap_or(digits);
    let (first, rest) = match rest.split_first() {
        None => return Shape::Unfinished,
        Some(split) => split,
    };
    let mut rest = match first {
        b'0' => rest,
        b'1'..=b'9' => skip_digits(rest),
        _ => return Shape::Wrong,
    };
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = skip_digits(fraction);
        if fraction.is_empty() {
            return Shape::Unfinished;
        }
        if rest.len() == fraction.len() {
            return Shape::Wrong;
        }
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let signless = match exponent {
            [b'+' | b'-', signless @ ..] => signless,
            _ => exponent,
        };
        rest = skip_digits(signless);
        if signless.is_empty() {
            return Shape::Unfinished;
        }
        if rest.len() == signless.len() {
            return Shape::Wrong;
        }
    }
    if rest.is_empty() { Shape::Whole } else { Shape::Wrong }
}

fn skip_digits(bytes: &[u8]) -> &[u8] {
    let length = bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
    bytes.get(length..).unwrap_or_default()
}
