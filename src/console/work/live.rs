//! The live stream: what was stored since the last look, as events.

use super::{Next, Piece, Work, put};
use crate::answer::Head;
use store::query::{DayMark, Limits, Mark, QueryError, Reader};

/// Session parts, calls, and attacks, told in one step; more than that is told as a gap.
const ITEMS_MAX: usize = 200;
/// After how long a client that lost the stream asks again, in milliseconds.
const RETRY_MS: u32 = 2_000;
/// The most days of a mark that a client sends back.
const MARK_DAYS_MAX: usize = 16;

impl Work {
    pub(super) fn watch(
        &mut self,
        reader: &mut Reader,
        limits: &Limits<'_>,
    ) -> Result<Piece, QueryError> {
        let is_first = !self.progress.has_begun;
        let since = self.mark.clone().unwrap_or_default();
        let changes = reader.changes(&since, &self.parameters.filter, ITEMS_MAX, limits)?;
        let mut bytes = Vec::new();
        if is_first {
            bytes.extend_from_slice(format!("retry: {RETRY_MS}\n\n").as_bytes());
        }
        for call in &changes.calls {
            put_event(&mut bytes, "call", None, call)?;
        }
        for attack in &changes.attacks {
            put_event(&mut bytes, "attack", None, attack)?;
        }
        for part in &changes.sessions {
            put_event(&mut bytes, "session", None, part)?;
        }
        if changes.is_cut {
            put_event(&mut bytes, "gap", None, &serde_json::Map::new())?;
        }
        let is_news = !(changes.calls.is_empty()
            && changes.sessions.is_empty()
            && changes.attacks.is_empty());
        if is_first || is_news || changes.is_cut {
            // A client that comes back says up to where it has heard.
            let id = mark_text(&changes.mark);
            put_event(&mut bytes, "mark", Some(&id), &serde_json::Map::new())?;
        }
        self.mark = Some(changes.mark);
        let head = is_first.then(|| {
            let mut head = Head::data(200, "text/event-stream");
            // Not to be held back by an nginx in front of this one.
            head.add("X-Accel-Buffering", "no");
            head
        });
        Ok(Piece { head, bytes, next: Next::Change })
    }
}

/// One event. JSON has no line breaks of its own.
fn put_event<T: serde::Serialize>(
    into: &mut Vec<u8>,
    name: &str,
    id: Option<&str>,
    data: &T,
) -> Result<(), QueryError> {
    if let Some(id) = id {
        into.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    into.extend_from_slice(format!("event: {name}\ndata: ").as_bytes());
    put(into, data)?;
    into.extend_from_slice(b"\n\n");
    Ok(())
}

fn mark_text(mark: &Mark) -> String {
    let days = mark
        .days
        .iter()
        .map(|DayMark { day, change, call, attack }| format!("{day}.{change}.{call}.{attack}"));
    days.collect::<Vec<_>>().join("_")
}

/// Reads what a client sends back. What is no mark is none: the stream begins at the present.
pub(crate) fn mark_of(text: &[u8]) -> Option<Mark> {
    let text = std::str::from_utf8(text).ok()?;
    let mut days = Vec::new();
    for day in text.split('_') {
        let mut numbers = day.split('.');
        let mut next = || numbers.next()?.parse::<i64>().ok().filter(|number| *number >= 0);
        let (day, change, call, attack) = (next()?, next()?, next()?, next()?);
        if next().is_some() || days.len() == MARK_DAYS_MAX {
            return None;
        }
        days.push(DayMark { day: i32::try_from(day).ok()?, change, call, attack });
    }
    Some(Mark { days })
}

#[cfg(test)]
mod tests {
    use super::{mark_of, mark_text};
    use store::query::{DayMark, Mark};

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let day = |day, change, call, attack| DayMark { day, change, call, attack };
        let mark = Mark { days: vec![day(20_782, 7, 9, 3), day(20_783, 1, 0, 0)] };
        assert_eq!(mark_of(mark_text(&mark).as_bytes()), Some(mark));
        for odd in [
            "",
            "1",
            "1.2.3",
            "1.2.3.x",
            "-1.2.3.4",
            "1.2.-3.4",
            "99999999999.1.1.1",
            "1.2.3.4_",
            "1.2.3.4.5",
            "\u{1}",
        ] {
            assert_eq!(mark_of(odd.as_bytes()), None, "{odd:?}");
        }
        assert_eq!(mark_of(&b"1.1.1.1_".repeat(17)), None);
        assert_eq!(mark_of(&[0xff]), None);
    }
}
