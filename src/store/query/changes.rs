//! The days there are, and what changed in them.

use super::Reader;
use super::answer::{Call, List, SessionPart};
use super::call::read_calls;
use super::filter::Filter;
use super::limits::{DayError, Limits, QueryError};
use super::parts::{Candidate, View};
use super::selection::Selection;
use super::sessions::{describe, newest_change};
use super::summary::{Changes, DaySummary, Mark};
use crate::directory::{day_name, day_of};
use rusqlite::Connection;
use rustc_hash::FxHashMap;

/// Calls that are looked at for one answer; more have come than anybody watches.
const LOOKED_AT_MAX: i64 = 10_000;

impl Reader {
    /// The days there are, the newest first. Counts are of the servers that may be seen; bytes
    /// are of whole files.
    pub fn days(&mut self, limits: &Limits<'_>) -> Result<List<DaySummary>, QueryError> {
        let (mut warnings, scope) = (Vec::new(), self.scope.clone());
        let mut items = Vec::new();
        for entry in self.files.days()? {
            let found = self.files.ask(entry.day, limits, &mut warnings, |connection| {
                let filter = Filter::default();
                let selection = Selection::of(connection, &filter, &scope)?;
                let (mut sessions, mut calls) = (0, 0);
                let mut statement = connection
                    .prepare_cached("SELECT server, count(*), sum(calls) FROM parts GROUP BY 1")?;
                let mut rows = statement.query(())?;
                while let Some(row) = rows.next()? {
                    if selection.servers.contains_key(&row.get(0)?) {
                        sessions += row.get::<_, i64>(1)?.cast_unsigned();
                        calls += row.get::<_, i64>(2)?.cast_unsigned();
                    }
                }
                let payloads_shed = connection
                    .prepare_cached("SELECT 1 FROM meta WHERE key = 'payloads_shed'")?
                    .exists(())?;
                Ok((sessions, calls, payloads_shed))
            })?;
            items.push(DaySummary {
                day: day_name(entry.day),
                bytes: entry.bytes,
                sessions: found.map(|(sessions, ..)| sessions),
                calls: found.map(|(_, calls, _)| calls),
                payloads_shed: found.is_some_and(|(.., payloads_shed)| payloads_shed),
            });
        }
        Ok(List { items, next: None, warnings })
    }

    /// What changed since a mark (`Mark::default()` says only where to begin), of those on which
    /// the filters hold; at most `limit` parts and as many calls. A call that gets its answer
    /// later shows as a change of its part.
    pub fn changes(
        &mut self,
        since: &Mark,
        filter: &Filter,
        limit: usize,
        limits: &Limits<'_>,
    ) -> Result<Changes, QueryError> {
        let (mut warnings, scope) = (Vec::new(), self.scope.clone());
        let mut changes = Changes {
            mark: Mark::default(),
            sessions: Vec::new(),
            calls: Vec::new(),
            is_cut: false,
        };
        // Only today and the days next to it are still written.
        let today = day_of(limits.now);
        let mut days: Vec<i32> = self.files.days()?.into_iter().map(|entry| entry.day).collect();
        days.retain(|day| day.abs_diff(today) <= 1);
        days.reverse();
        for day in days {
            let before = since.days.iter().find(|(of, ..)| *of == day).map(|(_, c, n)| (*c, *n));
            // A day that began after the mark is new from its first call on.
            let is_new = !since.days.is_empty() && before.is_none();
            let before = before.or(is_new.then_some((0, 0)));
            let found = self.files.ask(day, limits, &mut warnings, |connection| {
                let now = (newest_change(connection)?, newest_call(connection)?);
                let Some(before) = before.filter(|before| *before != now) else {
                    return Ok((now, Vec::new(), Vec::new(), false));
                };
                let selection = Selection::of(connection, filter, &scope)?;
                let view = View::new(connection, day, &selection, limits);
                let (sessions, is_cut) = changed_parts(&view, before.0, limit)?;
                let (calls, are_cut) = new_calls(&view, before.1, limit)?;
                Ok((now, sessions, calls, is_cut || are_cut))
            })?;
            match (found, before) {
                (Some((now, sessions, calls, is_cut)), _) => {
                    changes.mark.days.push((day, now.0, now.1));
                    changes.sessions.extend(sessions);
                    changes.calls.extend(calls);
                    changes.is_cut |= is_cut;
                }
                // It could not be read just now: the next question asks for the same.
                (None, Some((change, call))) => changes.mark.days.push((day, change, call)),
                (None, None) => {}
            }
        }
        if changes.mark.days.is_empty() {
            // Whatever comes is new.
            changes.mark.days.push((today, 0, 0));
        }
        Ok(changes)
    }
}

fn newest_call(connection: &Connection) -> rusqlite::Result<i64> {
    let newest: Option<i64> = connection
        .prepare_cached("SELECT max(call) FROM call_rows")?
        .query_row((), |row| row.get(0))?;
    Ok(newest.unwrap_or(0))
}

fn changed_parts(
    view: &View<'_>,
    since: i64,
    limit: usize,
) -> Result<(Vec<SessionPart>, bool), DayError> {
    if view.selection.is_void() {
        return Ok((Vec::new(), false));
    }
    let mut statement = view
        .connection
        .prepare_cached("SELECT part FROM parts WHERE change > ?1 ORDER BY change, part")?;
    let rows = statement.query_map([since], |row| row.get(0))?;
    let parts = rows.collect::<rusqlite::Result<Vec<i64>>>()?;
    let mut found = Vec::new();
    for part in parts {
        let Some(candidate) = view.candidate(part)? else { continue };
        let matched = view.matched(&candidate)?;
        if matched == 0 && view.selection.is_on_calls() {
            continue;
        }
        if found.len() == limit {
            return Ok((describe(view, found)?, true));
        }
        found.push((candidate, matched));
    }
    Ok((describe(view, found)?, false))
}

fn new_calls(view: &View<'_>, since: i64, limit: usize) -> Result<(Vec<Call>, bool), DayError> {
    let selection = view.selection;
    if selection.is_void() {
        return Ok((Vec::new(), false));
    }
    let mut parts: FxHashMap<i64, Option<Candidate>> = FxHashMap::default();
    let (mut calls, mut looked_at, mut is_cut) = (Vec::new(), 0, false);
    let mut statement = view.connection.prepare_cached(
        "SELECT call, part, actor, kind, at FROM call_rows WHERE call > ?1 ORDER BY call",
    )?;
    let mut rows = statement.query([since])?;
    while let Some(row) = rows.next()? {
        looked_at += 1;
        if looked_at > LOOKED_AT_MAX || calls.len() >= limit {
            is_cut = true;
            break;
        }
        let (call, part): (i64, i64) = (row.get(0)?, row.get(1)?);
        let candidate = match parts.get(&part) {
            Some(candidate) => *candidate,
            None => {
                let candidate = view.candidate(part)?;
                parts.insert(part, candidate);
                candidate
            }
        };
        let Some(candidate) = candidate else { continue };
        let is_named = selection
            .calls
            .as_ref()
            .is_none_or(|calls| calls.get(&part).is_some_and(|calls| calls.contains(&call)));
        if is_named
            && selection.has_time(row.get(4)?)
            && selection.has(row.get(3)?, row.get(2)?, candidate.has_text)
        {
            calls.push(call);
        }
    }
    Ok((read_calls(view.connection, view.day, calls, false)?, is_cut))
}
