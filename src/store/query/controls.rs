//! Controls, as the days kept know them.

use super::Reader;
use super::answer::{Control, ControlDay, List};
use super::filter::Filter;
use super::id::Time;
use super::limits::{Limits, QueryError};
use super::selection::Selection;
use crate::directory::{day_name, day_of};
use record::AttackKind;
use std::collections::BTreeMap;

/// The most controls that are listed; by type and title.
const CONTROLS_MAX: usize = 2_000;

/// The word for what kind of control finds attacks of a type, in the API.
#[must_use]
pub const fn control_kind(kind: AttackKind) -> &'static str {
    match kind {
        AttackKind::AclViolation => "acl",
        AttackKind::VerificationFailure => "verify",
        AttackKind::InvalidToolCall => "tool_schema",
        AttackKind::ProtocolViolation => "protocol_check",
        AttackKind::External => "external",
    }
}

impl Reader {
    /// Controls that judged calls or found attacks on the days of the time range, by type and
    /// title: counted for whole days, and for the servers that may be seen. Of the other filters
    /// only `server` counts.
    pub fn controls(
        &mut self,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<List<Control>, QueryError> {
        let first = filter.from.map_or(i32::MIN, day_of);
        let last = filter.to.map_or(i32::MAX, |to| day_of(to.saturating_sub(1)));
        let only_servers = Filter { server: filter.server.clone(), ..Filter::default() };
        let (mut warnings, scope) = (Vec::new(), self.scope.clone());
        let mut controls: BTreeMap<(String, String), Control> = BTreeMap::new();
        let days: Vec<i32> = self.files.days()?.into_iter().map(|entry| entry.day).collect();
        for day in days.into_iter().filter(|day| (first..=last).contains(day)) {
            let found = self.files.ask(day, limits, &mut warnings, |connection| {
                let selection = Selection::of(connection, &only_servers, &scope)?;
                let mut found: Vec<(Control, ControlDay)> = Vec::new();
                // The newest version first: it is the one that is shown.
                let mut statement = connection.prepare_cached(
                    "SELECT c.type, c.title, c.place, c.mode, x.lines, t.server, t.allowed, \
                     t.denied, t.blocked, t.unjudged, t.unjudged_blocked, t.last_attack_at \
                     FROM control_tallies t JOIN controls c ON c.control = t.control \
                     JOIN control_texts x ON x.text = c.text ORDER BY t.control DESC",
                )?;
                let mut rows = statement.query(())?;
                while let Some(row) = rows.next()? {
                    if selection.servers.contains_key(&row.get(5)?) {
                        found.push(read(row, day)?);
                    }
                }
                Ok(found)
            })?;
            for (control, of_day) in found.into_iter().flatten() {
                let key = (control.kind_of_attack.clone(), control.title.clone());
                if controls.len() >= CONTROLS_MAX && !controls.contains_key(&key) {
                    continue;
                }
                controls.entry(key).or_insert(control).add(of_day);
            }
        }
        let mut items: Vec<Control> = controls.into_values().collect();
        items.iter_mut().for_each(|control| control.days.reverse());
        Ok(List { items, next: None, warnings })
    }
}

fn read(row: &rusqlite::Row<'_>, day: i32) -> rusqlite::Result<(Control, ControlDay)> {
    let count = |index| row.get::<_, i64>(index).map(i64::unsigned_abs);
    let kind_of_attack: String = row.get(0)?;
    let kind = AttackKind::ALL.into_iter().find(|kind| kind.as_str() == kind_of_attack);
    let of_day = ControlDay {
        day: day_name(day),
        judged: count(6)? + count(7)?,
        denied: count(7)?,
        blocked: count(8)?,
        unjudged: count(9)?,
        unjudged_blocked: count(10)?,
        last_attack: row.get::<_, Option<i64>>(11)?.map(Time),
    };
    let control = Control {
        title: row.get(1)?,
        kind: kind.map_or("", control_kind),
        kind_of_attack,
        place: row.get(2)?,
        mode: row.get(3)?,
        text: row.get(4)?,
        judged: 0,
        allowed: 0,
        denied: 0,
        blocked: 0,
        unjudged: 0,
        unjudged_blocked: 0,
        last_attack: None,
        days: Vec::new(),
    };
    Ok((control, of_day))
}

impl Control {
    fn add(&mut self, of_day: ControlDay) {
        self.judged += of_day.judged;
        self.allowed += of_day.judged - of_day.denied;
        self.denied += of_day.denied;
        self.blocked += of_day.blocked;
        self.unjudged += of_day.unjudged;
        self.unjudged_blocked += of_day.unjudged_blocked;
        self.last_attack = self.last_attack.max(of_day.last_attack);
        match self.days.last_mut().filter(|last| last.day == of_day.day) {
            Some(last) => {
                last.judged += of_day.judged;
                last.denied += of_day.denied;
                last.blocked += of_day.blocked;
                last.unjudged += of_day.unjudged;
                last.unjudged_blocked += of_day.unjudged_blocked;
            }
            None => self.days.push(of_day),
        }
    }
}
