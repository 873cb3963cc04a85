//! Attacks, and the controls that found them.

use super::answer::{Attack, Control, Found, List, PageRequest};
use super::call::{read_attack, select_attacks};
use super::cursor::Cursor;
use super::filter::Filter;
use super::id::AttackId;
use super::limits::{DayError, Limits, QueryError};
use super::parts::{Candidate, View};
use super::selection::{Selection, text_of};
use super::{PAGE_ITEMS_MAX, Reader};
use rusqlite::OptionalExtension;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

impl Reader {
    /// Attacks, the newest first.
    pub fn attacks(
        &mut self,
        filter: &Filter,
        page: PageRequest<'_>,
        limits: &Limits<'_>,
    ) -> Result<List<Attack>, QueryError> {
        let before = page.cursor.map(|text| Cursor::<2>::read(text, "attacks", filter));
        let before = before.transpose()?.map(|Cursor([day, attack])| (day, attack));
        let limit = page.limit.clamp(1, PAGE_ITEMS_MAX);
        let (mut warnings, scope) = (Vec::new(), self.scope.clone());
        let mut items: Vec<Attack> = Vec::new();
        for day in self.days_of(filter)? {
            let found = self.files.ask(day, limits, &mut warnings, |connection| {
                let selection = Selection::of(connection, filter, &scope)?;
                selected(&View::new(connection, day, &selection, limits))
            })?;
            let found = found.unwrap_or_default().into_iter().rev();
            items.extend(found.filter(|attack| {
                before.is_none_or(|before| (i64::from(day), attack.id.attack) < before)
            }));
            if items.len() > limit {
                break;
            }
        }
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(|attack| {
            Cursor([i64::from(attack.id.day), attack.id.attack]).write("attacks", filter)
        });
        Ok(List { items, next, warnings })
    }

    /// One attack.
    pub fn attack(
        &mut self,
        id: AttackId,
        limits: &Limits<'_>,
    ) -> Result<Found<Attack>, QueryError> {
        let (mut warnings, scope) = (Vec::new(), self.scope.clone());
        let found = self.files.ask(id.day, limits, &mut warnings, |connection| {
            let attack = connection
                .prepare_cached(concat!(select_attacks!(), " WHERE attack = ?1"))?
                .query_row([id.attack], |row| read_attack(row, id.day))
                .optional()?
                .ok_or(QueryError::NotFound)?;
            super::session::server_of(connection, attack.session.part, &scope)?;
            Ok(attack)
        })?;
        Ok(Found { value: found.ok_or(QueryError::NotFound)?, warnings })
    }

    /// Controls that objected to calls on which the filters hold, by title.
    pub fn controls(
        &mut self,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<List<Control>, QueryError> {
        let (mut warnings, scope) = (Vec::new(), self.scope.clone());
        let mut controls: BTreeMap<(String, String), Control> = BTreeMap::new();
        for day in self.days_of(filter)? {
            let found = self.files.ask(day, limits, &mut warnings, |connection| {
                let selection = Selection::of(connection, filter, &scope)?;
                selected(&View::new(connection, day, &selection, limits))
            })?;
            for attack in found.unwrap_or_default() {
                let Some(title) = attack.control else { continue };
                let control =
                    controls.entry((title, attack.kind)).or_insert_with_key(|(title, kind)| {
                        Control {
                            title: title.clone(),
                            kind: kind.clone(),
                            place: None,
                            denied: 0,
                            blocked: 0,
                        }
                    });
                control.place = control.place.take().or(attack.place);
                control.denied += u64::from(attack.verdict == "deny");
                control.blocked += u64::from(attack.action == "blocked");
            }
        }
        Ok(List { items: controls.into_values().collect(), next: None, warnings })
    }
}

/// A day's attacks on which the filters hold, in order. Attacks without a call belong to no
/// filter on calls but their own.
pub(crate) fn selected(view: &View<'_>) -> Result<Vec<Attack>, DayError> {
    let (selection, filter) = (view.selection, view.selection.filter);
    let mut parts: FxHashMap<i64, Option<Candidate>> = FxHashMap::default();
    let mut found = Vec::new();
    let mut statement =
        view.connection.prepare_cached(concat!(select_attacks!(), " ORDER BY attack"))?;
    let mut call_row =
        view.connection.prepare_cached("SELECT actor, kind FROM call_rows WHERE call = ?1")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let (kind, control) = (text_of(row, 2)?, text_of(row, 3)?);
        let is_kind = filter.attack.is_empty()
            || filter.attack.iter().any(|attack| attack == "any" || attack == kind);
        let is_control =
            filter.control.is_empty() || filter.control.iter().any(|wanted| wanted == control);
        if !is_kind || !is_control || !selection.has_time(row.get(1)?) {
            continue;
        }
        let part: i64 = row.get(10)?;
        let candidate = match parts.get(&part) {
            Some(candidate) => *candidate,
            None => {
                let candidate = view.candidate(part)?;
                parts.insert(part, candidate);
                candidate
            }
        };
        let Some(candidate) = candidate else { continue };
        let call: Option<i64> = row.get(9)?;
        let has_call_filter =
            selection.kinds.is_some() || selection.actors.is_some() || selection.text.is_some();
        let is_selected = match call {
            Some(call) => {
                let is_named = filter.request_id.is_empty()
                    || selection.calls.as_ref().is_some_and(|calls| {
                        calls.get(&part).is_some_and(|calls| calls.contains(&call))
                    });
                let words: Option<(i64, i64)> =
                    call_row.query_row([call], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
                is_named
                    && words
                        .is_some_and(|(actor, kind)| selection.has(kind, actor, candidate.has_text))
            }
            None => !has_call_filter && filter.request_id.is_empty(),
        };
        if is_selected {
            found.push(read_attack(row, view.day)?);
        }
    }
    Ok(found)
}
