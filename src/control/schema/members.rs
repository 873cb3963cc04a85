//! What judging reads of arguments, each with its price.

use std::borrow::Cow;
use std::collections::HashMap;

use protocol::{Value, ValueKind};

use super::budget::{Budget, Exhausted};
use super::decimal::Decimal;

/// Objects up to this many members are searched for duplicates by comparing each with each.
const MEMBERS_COMPARED_MAX: usize = 8;
/// Bytes that are copied, compared or counted in a step.
pub(super) const BYTES_PER_STEP: u64 = 16;
/// The same, where escapes are to be resolved.
const ESCAPED_BYTES_PER_STEP: u64 = 2;
/// Steps for a member, which is noted with its key.
const STEPS_PER_MEMBER: u64 = 3;
/// More of them in an object that is too large for comparing.
const STEPS_PER_HASHED: u64 = 10;

/// Ends every string in a canonical form; UTF-8 has no such byte.
const STRING_END: u8 = 0xff;

/// A member of an object. Keys are bytes, as they may not be UTF-8.
pub(super) struct Member<'a> {
    pub(super) key: Cow<'a, [u8]>,
    /// The key with its quotes.
    pub(super) raw: &'a [u8],
    pub(super) value: Value<'a>,
}

/// The members of an object, in the order of the document. Of those with one key the last counts,
/// as for most servers.
pub(super) fn members<'a>(
    object: Value<'a>,
    budget: &mut Budget,
) -> Result<Vec<Member<'a>>, Exhausted> {
    let mut members: Vec<Member<'a>> = Vec::new();
    for (key, value) in object.members() {
        let raw = key.raw();
        budget.take(STEPS_PER_MEMBER)?;
        take_text(raw, budget)?;
        let key = key.as_bytes();
        if members.len() < MEMBERS_COMPARED_MAX
            && let Some(earlier) = members.iter_mut().find(|earlier| earlier.key == key)
        {
            earlier.value = value;
            continue;
        }
        members.push(Member { key, raw, value });
    }
    if members.len() <= MEMBERS_COMPARED_MAX {
        return Ok(members);
    }
    budget.take(members.len() as u64 * STEPS_PER_HASHED)?;
    let mut last = HashMap::with_capacity(members.len());
    for (index, member) in members.iter().enumerate() {
        budget.take(member.key.len() as u64 / BYTES_PER_STEP)?;
        last.insert(member.key.as_ref(), index);
    }
    if last.len() < members.len() {
        let mut is_last = vec![false; members.len()];
        last.into_values().for_each(|index| {
            if let Some(is_last) = is_last.get_mut(index) {
                *is_last = true;
            }
        });
        let mut is_last = is_last.into_iter();
        members.retain(|_| is_last.next().unwrap_or_default());
    }
    Ok(members)
}

/// Takes the steps for reading a string, by its raw bytes.
fn take_text(raw: &[u8], budget: &mut Budget) -> Result<(), Exhausted> {
    let bytes = raw.len() as u64;
    budget.take(bytes / BYTES_PER_STEP)?;
    // Looking for a backslash is far cheaper than what it costs.
    if raw.contains(&b'\\') { budget.take(bytes / ESCAPED_BYTES_PER_STEP) } else { Ok(()) }
}

/// The text of a string.
pub(super) fn text<'a>(string: Value<'a>, budget: &mut Budget) -> Result<Cow<'a, str>, Exhausted> {
    let raw = string.raw();
    take_text(raw, budget)?;
    Ok(string.as_str().unwrap_or_default())
}

/// A number; `None` for `NaN` and infinity.
pub(super) fn number<'a>(
    value: Value<'a>,
    budget: &mut Budget,
) -> Result<Option<Decimal<'a>>, Exhausted> {
    let raw = value.raw();
    budget.take(1 + raw.len() as u64 / 4)?;
    Ok(Decimal::read(raw))
}

/// Why there is no canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoForm {
    /// It would be longer than asked for.
    Long,
    /// Containers lie too deep in each other.
    Deep,
    Exhausted,
}

impl From<Exhausted> for NoForm {
    fn from(_: Exhausted) -> Self {
        NoForm::Exhausted
    }
}

/// Limits of a canonical form.
#[derive(Clone, Copy)]
pub(super) struct FormLimits {
    pub(super) bytes_max: usize,
    pub(super) depth_max: usize,
}

/// Appends bytes that are the same for values that JSON Schema takes as equal (`1` and `1.0`, objects
/// in any order), and for no others.
pub(super) fn write_form(
    value: Value<'_>,
    out: &mut Vec<u8>,
    limits: FormLimits,
    budget: &mut Budget,
) -> Result<(), NoForm> {
    budget.take(1)?;
    match value.kind() {
        ValueKind::Null => out.push(b'n'),
        ValueKind::Bool => out.push(if value.as_bool() == Some(true) { b't' } else { b'f' }),
        ValueKind::Number => match number(value, budget)? {
            Some(number) => number.write(out),
            None => out.push(b'N'),
        },
        ValueKind::String => {
            // Escapes make a string at most six times as long as what it says.
            if value.raw().len() / 6 > limits.bytes_max {
                return Err(NoForm::Long);
            }
            let text = text(value, budget)?;
            write_string(text.as_bytes(), out);
        }
        ValueKind::Array | ValueKind::Object => write_container(value, out, limits, budget)?,
    }
    if out.len() > limits.bytes_max { Err(NoForm::Long) } else { Ok(()) }
}

fn write_container(
    value: Value<'_>,
    out: &mut Vec<u8>,
    limits: FormLimits,
    budget: &mut Budget,
) -> Result<(), NoForm> {
    let Some(depth_max) = limits.depth_max.checked_sub(1) else { return Err(NoForm::Deep) };
    let limits = FormLimits { depth_max, ..limits };
    if !value.is_object() {
        out.push(b'[');
        for item in value.items() {
            write_form(item, out, limits, budget)?;
        }
        out.push(b']');
        return Ok(());
    }
    let mut members = members(value, budget)?;
    let comparisons = u64::from(members.len().max(1).ilog2());
    for member in &members {
        budget.take(comparisons * (1 + member.key.len() as u64 / BYTES_PER_STEP))?;
    }
    members.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    out.push(b'{');
    for member in &members {
        write_string(&member.key, out);
        write_form(member.value, out, limits, budget)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b's');
    out.extend_from_slice(text);
    out.push(STRING_END);
}
