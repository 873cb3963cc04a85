//! Where a page begins: what `next` says, in text that means nothing to its reader.

use super::filter::Filter;
use super::limits::QueryError;

/// The most bytes of a cursor.
const CURSOR_BYTES_MAX: usize = 256;

/// Numbers of a cursor, bound to the list it was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor<const N: usize>(pub(crate) [i64; N]);

impl<const N: usize> Cursor<N> {
    /// In text, for a list of this name with this filter.
    pub(crate) fn write(&self, list: &str, filter: &Filter) -> String {
        let mut text = format!("{:016x}", mark_of(list, filter));
        for number in self.0 {
            text.push('.');
            text.push_str(&number.to_string());
        }
        text
    }

    /// From text.
    pub(crate) fn read(text: &str, list: &str, filter: &Filter) -> Result<Self, QueryError> {
        if text.len() > CURSOR_BYTES_MAX {
            return Err(QueryError::BadCursor);
        }
        let mut words = text.split('.');
        if words.next() != Some(format!("{:016x}", mark_of(list, filter)).as_str()) {
            return Err(QueryError::BadCursor);
        }
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number =
                words.next().and_then(|word| word.parse().ok()).ok_or(QueryError::BadCursor)?;
        }
        if words.next().is_some() {
            return Err(QueryError::BadCursor);
        }
        Ok(Self(numbers))
    }
}

/// Tells lists and filters apart; every worker of one program computes the same. Whoever forges
/// it gets a page of another list that is his to see anyway.
fn mark_of(list: &str, filter: &Filter) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in format!("{list} {filter:?}").bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash
}
