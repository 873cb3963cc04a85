//! Controls as they judged: every distinct version is stored once a day and referred to by number.

use crate::dictionary::Keyed;
use record::{AttackKind, ControlRef, Mode};
use rusqlite::{Connection, OptionalExtension, params};
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::hash::BuildHasher;

/// The most bytes of a control's text that are kept. Two versions that differ only beyond it count
/// as one.
const CONTROL_TEXT_BYTES_MAX: usize = 64 << 10;
/// The most versions of controls that a day names. Further ones count as the newest known one of
/// the same kind and title, or of the same kind.
const CONTROLS_MAX: i64 = 10_000;
/// The most bytes of controls that a writer remembers; at the bound it begins anew.
const KNOWN_BYTES_MAX: usize = 16 << 20;

/// A control whose number is known.
#[derive(Debug)]
struct Known {
    kind: AttackKind,
    mode: Mode,
    title: String,
    place: String,
    text: String,
    number: i64,
}

/// The controls that a writer remembers of a day.
///
/// It is asked for every judgement: so a control is found by a hash of its title, and its text,
/// which may be long, is compared and not hashed.
#[derive(Debug, Default)]
pub(crate) struct Controls {
    known: FxHashMap<u64, Vec<Known>>,
    bytes: usize,
}

impl Controls {
    /// Forgets all: after a rollback, numbers given in it are void.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The number of a control in the day, found or given.
    pub(crate) fn number(
        &mut self,
        keyed: &Keyed,
        connection: &Connection,
        control: &ControlRef<'_>,
    ) -> rusqlite::Result<i64> {
        let text = cut(control.text);
        let ControlRef { kind, title, place, mode, .. } = *control;
        let hash = FxBuildHasher.hash_one((kind, mode, title, place));
        let known = self.known.get(&hash).into_iter().flatten().find(|known| {
            known.kind == kind
                && known.mode == mode
                && known.title == title
                && known.place == place
                && known.text == text
        });
        if let Some(known) = known {
            return Ok(known.number);
        }
        let number = find_or_give(keyed, connection, control, text)?;
        let bytes = title.len() + place.len() + text.len() + size_of::<Known>();
        if self.bytes + bytes > KNOWN_BYTES_MAX {
            self.clear();
        }
        self.bytes += bytes;
        let text = text.to_owned();
        let (title, place) = (title.to_owned(), place.to_owned());
        let known = Known { kind, mode, title, place, text, number };
        self.known.entry(hash).or_default().push(known);
        Ok(number)
    }
}

/// As much of a text as is kept.
fn cut(text: &str) -> &str {
    if text.len() <= CONTROL_TEXT_BYTES_MAX {
        return text;
    }
    (0..=CONTROL_TEXT_BYTES_MAX).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

fn find_or_give(
    keyed: &Keyed,
    connection: &Connection,
    control: &ControlRef<'_>,
    text: &str,
) -> rusqlite::Result<i64> {
    let kind = control.kind.as_str();
    let (title, place, mode) = (control.title, control.place, control.mode.as_str());
    let newest: Option<i64> = connection
        .prepare_cached("SELECT max(control) FROM controls")?
        .query_row((), |row| row.get(0))?;
    let is_full = newest.unwrap_or(0) >= CONTROLS_MAX;
    let text = match text_number(keyed, connection, text, is_full)? {
        Some(text) => text,
        None => return like(connection, kind, title, newest),
    };
    let mut hashing = keyed.begin();
    hashing.text(kind).text(title).text(place).text(mode).number(text);
    let row = params![hashing.finish().cast_signed(), kind, title, place, mode, text];
    let found = connection
        .prepare_cached(
            "SELECT control FROM controls WHERE hash = ?1 AND type = ?2 AND title = ?3 \
             AND place = ?4 AND mode = ?5 AND text = ?6",
        )?
        .query_row(row, |row| row.get(0))
        .optional()?;
    match found {
        Some(number) => Ok(number),
        None if is_full => like(connection, kind, title, newest),
        None => connection
            .prepare_cached(
                "INSERT INTO controls (hash, type, title, place, mode, text) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .insert(row),
    }
}

/// The number of a text, found or given; `None` where it is not there and none is to be given.
fn text_number(
    keyed: &Keyed,
    connection: &Connection,
    text: &str,
    is_full: bool,
) -> rusqlite::Result<Option<i64>> {
    let hash = keyed.begin().text(text).finish().cast_signed();
    let found = connection
        .prepare_cached("SELECT text FROM control_texts WHERE hash = ?1 AND lines = ?2")?
        .query_row((hash, text), |row| row.get(0))
        .optional()?;
    if found.is_some() || is_full {
        return Ok(found);
    }
    connection
        .prepare_cached("INSERT INTO control_texts (hash, lines) VALUES (?1, ?2)")?
        .insert((hash, text))
        .map(Some)
}

/// The control that a version stands for that the day has no room to name.
fn like(
    connection: &Connection,
    kind: &str,
    title: &str,
    newest: Option<i64>,
) -> rusqlite::Result<i64> {
    let found: Option<i64> = connection
        .prepare_cached(
            "SELECT control FROM controls WHERE type = ?1 \
             ORDER BY title = ?2 DESC, control DESC LIMIT 1",
        )?
        .query_row((kind, title), |row| row.get(0))
        .optional()?;
    Ok(found.or(newest).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{CONTROL_TEXT_BYTES_MAX, CONTROLS_MAX, Controls};
    use crate::dictionary::Keyed;
    use crate::schema;
    use record::{AttackKind, ControlRef, Mode};
    use rusqlite::Connection;

    fn day() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        assert!(schema::DAY.apply(&connection, |_| Ok(())).is_ok());
        connection
    }

    fn acl<'a>(title: &'a str, place: &'a str, text: &'a str) -> ControlRef<'a> {
        let (kind, mode) = (AttackKind::AclViolation, Mode::Block);
        ControlRef { kind, title, place, text, mode }
    }

    #[test]
    fn every_version_has_its_number_and_every_text_is_stored_once() {
        let (day, keyed) = (day(), Keyed::new(b"key"));
        let (mut one, mut other) = (Controls::default(), Controls::default());
        let long = "allow user=a;\n".repeat(CONTROL_TEXT_BYTES_MAX / 10);
        let longer = format!("{long}é");
        let monitoring = ControlRef { mode: Mode::Monitoring, ..acl("a", "x:1", "deny all;") };
        let versions = [
            (acl("a", "x:1", "deny all;"), 1),
            (acl("a", "x:1", "deny all;"), 1),
            (acl("a", "x:2", "deny all;"), 2),
            (acl("b", "x:1", "deny all;"), 3),
            (monitoring, 4),
            (acl("a", "x:1", "allow all"), 5),
            (acl("a", "x:1", &long), 6),
            (acl("a", "x:1", &longer), 6),
        ];
        for controls in [&mut one, &mut other] {
            for (control, number) in &versions {
                assert_eq!(controls.number(&keyed, &day, control).unwrap(), *number);
            }
        }
        let texts: (i64, i64) = day
            .query_row("SELECT count(*), max(length(lines)) FROM control_texts", (), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert_eq!(texts, (3, CONTROL_TEXT_BYTES_MAX as i64));
    }

    #[test]
    fn a_version_beyond_the_bound_counts_as_the_newest_of_its_title() {
        let (day, keyed, mut controls) = (day(), Keyed::new(b"key"), Controls::default());
        day.execute_batch("BEGIN").unwrap();
        for number in 1..=CONTROLS_MAX {
            let title = if number == 77 { "rare" } else { "often" };
            let place = format!("nginx.conf:{number}");
            let control = acl(title, &place, "deny all;");
            assert_eq!(controls.number(&keyed, &day, &control).unwrap(), number);
        }
        for (title, text, number) in [
            ("rare", "deny all;", 77),
            ("rare", "another", 77),
            ("often", "another", CONTROLS_MAX),
            ("never", "another", CONTROLS_MAX),
        ] {
            let control = acl(title, "elsewhere:1", text);
            assert_eq!(controls.number(&keyed, &day, &control).unwrap(), number, "{title}");
        }
        let count: i64 =
            day.query_row("SELECT count(*) FROM controls", (), |row| row.get(0)).unwrap();
        assert_eq!(count, CONTROLS_MAX);
    }
}
