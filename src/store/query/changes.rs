//! The days there are, and what changed in them.

use super::Reader;
use super::answer::{Attack, Call, List, SessionPart};
use super::attacks::{attacks_after, read_attacks};
use super::call::read_calls;
use super::filter::Filter;
use super::limits::{DayError, Limits, QueryError};
use super::parts::{Candidate, View};
use super::selection::Selection;
use super::sessions::{describe, newest_change};
use super::summary::{Changes, DayMark, DaySummary, Mark};
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
                let mut is_noted =
                    connection.prepare_cached("SELECT 1 FROM meta WHERE key = ?1")?;
                let shed = (is_noted.exists(["payloads_shed"])?, is_noted.exists(["calls_shed"])?);
                Ok((sessions, calls, shed))
            })?;
            items.push(DaySummary {
                day: day_name(entry.day),
                bytes: entry.bytes,
                sessions: found.map(|(sessions, ..)| sessions),
                calls: found.map(|(_, calls, _)| calls),
                payloads_shed: found.is_some_and(|(.., (payloads, _))| payloads),
                calls_shed: found.is_some_and(|(.., (_, calls))| calls),
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
            attacks: Vec::new(),
            is_cut: false,
        };
        // Only today and the days next to it are still written.
        let today = day_of(limits.now);
        let mut days: Vec<i32> = self.files.days()?.into_iter().map(|entry| entry.day).collect();
        days.retain(|day| day.abs_diff(today) <= 1);
        days.reverse();
        for day in days {
            let before = since.days.iter().find(|mark| mark.day == day).copied();
            // A day that began after the mark is new from its first call on.
            let is_new = !since.days.is_empty() && before.is_none();
            let start = DayMark { day, change: 0, call: 0, attack: 0 };
            let before = before.or(is_new.then_some(start));
            let found = self.files.ask(day, limits, &mut warnings, |connection| {
                let now = mark_now(connection, day)?;
                let mut of_day = OfDay::default();
                let Some(before) = before.filter(|before| *before != now) else {
                    return Ok((now, of_day));
                };
                let selection = Selection::of(connection, filter, &scope)?;
                let view = View::new(connection, day, &selection, limits);
                let (attacks, is_cut) = attacks_after(&view, before.attack, limit, LOOKED_AT_MAX)?;
                of_day.attacks = read_attacks(connection, day, &attacks)?;
                of_day.is_cut |= is_cut;
                let (sessions, is_cut) = changed_parts(&view, before.change, limit)?;
                of_day.sessions = sessions;
                of_day.is_cut |= is_cut;
                let (calls, is_cut) = new_calls(&view, before.call, limit)?;
                of_day.calls = calls;
                of_day.is_cut |= is_cut;
                Ok((now, of_day))
            })?;
            match (found, before) {
                (Some((now, of_day)), _) => {
                    changes.mark.days.push(now);
                    changes.sessions.extend(of_day.sessions);
                    changes.calls.extend(of_day.calls);
                    changes.attacks.extend(of_day.attacks);
                    changes.is_cut |= of_day.is_cut;
                }
                // It could not be read just now: the next question asks for the same.
                (None, Some(before)) => changes.mark.days.push(before),
                (None, None) => {}
            }
        }
        self.tell_listed(&mut changes.calls, &mut warnings);
        if changes.mark.days.is_empty() {
            // Whatever comes is new.
            changes.mark.days.push(DayMark { day: today, change: 0, call: 0, attack: 0 });
        }
        Ok(changes)
    }
}

/// What changed in a day.
#[derive(Default)]
struct OfDay {
    sessions: Vec<SessionPart>,
    calls: Vec<Call>,
    attacks: Vec<Attack>,
    is_cut: bool,
}

/// Where a day is now.
fn mark_now(connection: &Connection, day: i32) -> rusqlite::Result<DayMark> {
    let newest = |sql: &str| -> rusqlite::Result<i64> {
        let newest: Option<i64> =
            connection.prepare_cached(sql)?.query_row((), |row| row.get(0))?;
        Ok(newest.unwrap_or(0))
    };
    Ok(DayMark {
        day,
        change: newest_change(connection)?,
        call: newest("SELECT max(call) FROM call_rows")?,
        attack: newest("SELECT max(attack) FROM attack_rows")?,
    })
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
