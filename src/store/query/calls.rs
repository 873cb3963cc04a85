//! Lists of calls.

use super::answer::{Call, CallDetail, Found, List, PageRequest, Warning};
use super::call::read_calls;
use super::cursor::Cursor;
use super::filter::Filter;
use super::id::{CallId, PartId};
use super::limits::{DayError, Limits, QueryError};
use super::parts::{Candidate, HOUR_US, InRange, View};
use super::selection::Selection;
use super::{LINKED_MAX, PAGE_ITEMS_MAX, Reader, Sort};
use crate::directory::DAY_US;
use crate::rollup::BLOCK_CALLS;
use rusqlite::{Connection, OptionalExtension};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;

/// Calls that a list looks at one by one, from the newest on, before it asks the rollups where
/// there are any.
const LOOKED_AT_MAX: usize = 20_000;
/// Rows around a call in which the rest of its batch is looked for.
const BATCH_ROWS: i64 = 1_100;

/// Where a list goes on: below this call of this day.
type Before = (i32, i64);

impl Reader {
    /// Calls: the newest day first, within a day the last recorded first; or the longest or the
    /// largest first, those without a known duration left out. `with_payloads`: with arguments
    /// and results.
    pub fn calls(
        &mut self,
        filter: &Filter,
        sort: Sort,
        page: PageRequest<'_>,
        with_payloads: bool,
        limits: &Limits<'_>,
    ) -> Result<List<Call>, QueryError> {
        let limit = page.limit.clamp(1, PAGE_ITEMS_MAX);
        let mut warnings = Vec::new();
        let (mut items, next) = match sort {
            Sort::Newest => {
                let before = page.cursor.map(|text| read_cursor(text, filter)).transpose()?;
                let (items, next) =
                    self.newest_calls(filter, before, limit, with_payloads, limits, &mut warnings)?;
                (
                    items,
                    next.map(|(day, call)| Cursor([i64::from(day), call]).write("calls", filter)),
                )
            }
            _ => self.sorted_calls(filter, sort, page, with_payloads, limits, &mut warnings)?,
        };
        self.tell_listed(&mut items, &mut warnings);
        Ok(List { items, next, warnings })
    }

    /// All calls of a list, the newest first, one after another. No transaction is open while
    /// `take` runs. Returns the days that are missing.
    pub fn each_call(
        &mut self,
        filter: &Filter,
        with_payloads: bool,
        limits: &Limits<'_>,
        take: &mut dyn FnMut(Call) -> ControlFlow<()>,
    ) -> Result<Vec<Warning>, QueryError> {
        let (mut before, mut warnings) = (None, Vec::new());
        loop {
            let (mut items, next) = self.newest_calls(
                filter,
                before,
                PAGE_ITEMS_MAX,
                with_payloads,
                limits,
                &mut warnings,
            )?;
            self.tell_listed(&mut items, &mut warnings);
            for item in items {
                if take(item).is_break() {
                    return Ok(warnings);
                }
            }
            before = next;
            if before.is_none() {
                return Ok(warnings);
            }
        }
    }

    fn newest_calls(
        &mut self,
        filter: &Filter,
        before: Option<Before>,
        limit: usize,
        with_payloads: bool,
        limits: &Limits<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<(Vec<Call>, Option<Before>), QueryError> {
        let mut items: Vec<Call> = Vec::new();
        let scope = self.scope.clone();
        for day in self.days_of(filter)? {
            if before.is_some_and(|(of, _)| day > of) {
                continue;
            }
            let bound = before.filter(|(of, _)| *of == day).map_or(i64::MAX, |(_, call)| call);
            let wanted = limit - items.len();
            let found = self.files.ask(day, limits, warnings, |connection| {
                let selection = Selection::of(connection, filter, &scope)?;
                let view = View::new(connection, day, &selection, limits);
                let mut calls = newest(&view, bound, wanted + 1)?;
                let has_more = calls.len() > wanted;
                calls.truncate(wanted);
                Ok((read_calls(connection, day, calls, with_payloads)?, has_more))
            })?;
            let Some((found, has_more)) = found else { continue };
            items.extend(found);
            if has_more {
                let next = items.last().map(|call| (call.id.day, call.id.call));
                return Ok((items, next.or(before)));
            }
        }
        Ok((items, None))
    }

    /// The calls of a session part in order of recording, those on which the filters hold.
    pub fn session_calls(
        &mut self,
        id: PartId,
        filter: &Filter,
        page: PageRequest<'_>,
        with_payloads: bool,
        limits: &Limits<'_>,
    ) -> Result<List<Call>, QueryError> {
        let list = format!("calls of {id}");
        let after = page.cursor.map(|text| Cursor::<1>::read(text, &list, filter)).transpose()?;
        let after = after.map_or(0, |Cursor([call])| call);
        let limit = page.limit.clamp(1, PAGE_ITEMS_MAX);
        let (mut warnings, scope) = (Vec::new(), self.scope.clone());
        let found = self.files.ask(id.day, limits, &mut warnings, |connection| {
            super::session::server_of(connection, id.part, &scope)?;
            let selection = Selection::of(connection, filter, &scope)?;
            let view = View::new(connection, id.day, &selection, limits);
            let Some(candidate) = view.candidate(id.part)? else {
                return Ok((Vec::new(), false));
            };
            let mut calls = calls_after(&view, &candidate, after, limit + 1)?;
            let has_more = calls.len() > limit;
            calls.truncate(limit);
            Ok((read_calls(connection, id.day, calls, with_payloads)?, has_more))
        })?;
        let (mut items, has_more) = found.ok_or(QueryError::NotFound)?;
        self.tell_listed(&mut items, &mut warnings);
        let next = items
            .last()
            .filter(|_| has_more)
            .map(|call: &Call| Cursor([call.id.call]).write(&list, filter));
        Ok(List { items, next, warnings })
    }

    /// One call.
    pub fn call(
        &mut self,
        id: CallId,
        limits: &Limits<'_>,
    ) -> Result<Found<CallDetail>, QueryError> {
        let (mut warnings, scope) = (Vec::new(), self.scope.clone());
        let found = self.files.ask(id.day, limits, &mut warnings, |connection| {
            super::session::server_of(connection, id.part, &scope)?;
            let call = read_calls(connection, id.day, [id.call], true)?
                .pop()
                .filter(|call| call.id == id)
                .ok_or(QueryError::NotFound)?;
            Ok(linked(connection, call)?)
        })?;
        let mut value = found.ok_or(QueryError::NotFound)?;
        self.tell_listed(std::slice::from_mut(&mut value.call), &mut warnings);
        Ok(Found { value, warnings })
    }
}

fn read_cursor(text: &str, filter: &Filter) -> Result<(i32, i64), QueryError> {
    let Cursor([day, call]) = Cursor::read(text, "calls", filter)?;
    Ok((i32::try_from(day).map_err(|_| QueryError::BadCursor)?, call))
}

/// Numbers of the newest selected calls below a bound, the newest first.
fn newest(view: &View<'_>, before: i64, wanted: usize) -> Result<Vec<i64>, DayError> {
    if view.selection.is_void() {
        return Ok(Vec::new());
    }
    let candidates = view.rare_candidates()?;
    if let Some(candidates) = candidates {
        return newest_of(view, &candidates, before, wanted);
    }
    let (mut calls, looked_to) = newest_by_looking(view, before, wanted)?;
    if let Some(before) = looked_to.filter(|_| calls.len() < wanted) {
        let candidates = view.candidates(None)?;
        calls.extend(newest_of(view, &candidates, before, wanted - calls.len())?);
    }
    Ok(calls)
}

/// Looks at calls one by one. Also says up to where it looked, if not to the end.
fn newest_by_looking(
    view: &View<'_>,
    before: i64,
    wanted: usize,
) -> Result<(Vec<i64>, Option<i64>), DayError> {
    let selection = view.selection;
    let mut parts: FxHashMap<i64, Option<Candidate>> = FxHashMap::default();
    let (mut calls, mut looked_at) = (Vec::new(), 0);
    let mut statement = view.connection.prepare_cached(
        "SELECT call, part, actor, kind, at FROM call_rows WHERE call BETWEEN ?1 AND ?2 \
         ORDER BY call DESC",
    )?;
    for (block, first_at, last_at) in view.blocks()?.iter().rev() {
        let first = block * BLOCK_CALLS;
        if first >= before || *first_at >= selection.to() || *last_at < selection.from() {
            continue;
        }
        if looked_at >= LOOKED_AT_MAX {
            return Ok((calls, Some(first + BLOCK_CALLS)));
        }
        let last = (first + BLOCK_CALLS - 1).min(before - 1);
        let mut rows = statement.query((first, last))?;
        while let Some(row) = rows.next()? {
            looked_at += 1;
            let part: i64 = row.get(1)?;
            if !selection.has_time(row.get(4)?) {
                continue;
            }
            let candidate = match parts.get(&part) {
                Some(candidate) => *candidate,
                None => {
                    let candidate = view.candidate(part)?;
                    parts.insert(part, candidate);
                    candidate
                }
            };
            let Some(candidate) = candidate else { continue };
            if selection.has(row.get(3)?, row.get(2)?, candidate.has_text) {
                calls.push(row.get(0)?);
                if calls.len() == wanted {
                    return Ok((calls, None));
                }
            }
        }
    }
    Ok((calls, None))
}

/// The newest selected calls of some parts.
fn newest_of(
    view: &View<'_>,
    candidates: &[Candidate],
    before: i64,
    wanted: usize,
) -> Result<Vec<i64>, DayError> {
    let mut newest: BinaryHeap<Reverse<i64>> = BinaryHeap::new();
    for candidate in candidates {
        let is_old = |newest: &BinaryHeap<Reverse<i64>>, last: i64| {
            newest.len() >= wanted && newest.peek().is_some_and(|old| old.0 > last)
        };
        // Most parts of a day end before the newest that were found already.
        if is_old(&newest, last_call(view, candidate)?) {
            continue;
        }
        let mut runs = runs_with_selected(view, candidate)?;
        runs.reverse();
        for (first, last) in runs {
            if is_old(&newest, last) {
                break;
            }
            if first >= before {
                continue;
            }
            view.each_call(first, last.min(before - 1), candidate, &mut |share| {
                newest.extend(share.call.map(|(call, _)| Reverse(call)));
            })?;
            while newest.len() > wanted {
                newest.pop();
            }
        }
    }
    let mut calls: Vec<i64> = newest.into_iter().map(|Reverse(call)| call).collect();
    calls.sort_unstable_by_key(|call| Reverse(*call));
    Ok(calls)
}

/// The last call of a part; of calls that are named outright, the last of these.
fn last_call(view: &View<'_>, candidate: &Candidate) -> Result<i64, DayError> {
    let last: Option<i64> = view
        .connection
        .prepare_cached(
            "SELECT last_call FROM runs WHERE part = ?1 ORDER BY first_call DESC LIMIT 1",
        )?
        .query_row([candidate.part], |row| row.get(0))
        .optional()?;
    Ok(last.unwrap_or(0))
}

/// Runs of a part between its first and last hour with selected calls, in order.
fn runs_with_selected(view: &View<'_>, candidate: &Candidate) -> Result<Vec<(i64, i64)>, DayError> {
    let selection = view.selection;
    if let Some(calls) = &selection.calls {
        let calls = calls.get(&candidate.part).map_or(&[][..], Vec::as_slice);
        return Ok(calls.iter().map(|call| (*call, *call)).collect());
    }
    if !selection.is_on_calls() {
        return view.runs(candidate.part, selection.from(), selection.to());
    }
    let mut hours: Option<(i64, i64)> = None;
    let mut statement = view
        .connection
        .prepare_cached("SELECT hour, actor, kind FROM tallies WHERE part = ?1 AND calls > 0")?;
    let mut rows = statement.query([candidate.part])?;
    while let Some(row) = rows.next()? {
        let hour: i64 = row.get(0)?;
        if selection.has(row.get(2)?, row.get(1)?, candidate.has_text)
            && (view.hour_in_range(hour) != InRange::Not || view.is_inside(candidate))
        {
            let (first, last) = hours.unwrap_or((hour, hour));
            hours = Some((first.min(hour), last.max(hour)));
        }
    }
    let Some((first, last)) = hours else { return Ok(Vec::new()) };
    let start = i64::from(view.day) * DAY_US;
    view.runs(candidate.part, start + first * HOUR_US, start + (last + 1) * HOUR_US)
}

/// Numbers of a part's selected calls after one, in order.
fn calls_after(
    view: &View<'_>,
    candidate: &Candidate,
    after: i64,
    wanted: usize,
) -> Result<Vec<i64>, DayError> {
    let mut calls = Vec::new();
    for (first, last) in runs_with_selected(view, candidate)? {
        if last <= after {
            continue;
        }
        if calls.len() >= wanted {
            break;
        }
        view.each_call(first.max(after + 1), last, candidate, &mut |share| {
            calls.extend(share.call.map(|(call, _)| call));
        })?;
    }
    calls.truncate(wanted);
    Ok(calls)
}

/// A call with those that belong to it.
fn linked(connection: &Connection, call: Call) -> rusqlite::Result<CallDetail> {
    let CallId { day, part, call: number } = call.id;
    let id = |call| CallId { day, part, call };
    let mut continued_by = Vec::new();
    if call.outcome == record::Outcome::InputRequired.as_str() {
        let mut statement = connection.prepare_cached(
            "SELECT c.call FROM runs r JOIN call_rows c \
             ON c.call BETWEEN r.first_call AND r.last_call \
             WHERE r.part = ?1 AND r.last_call > ?2 AND c.continues = ?2 LIMIT ?3",
        )?;
        let rows = statement.query_map((part, number, LINKED_MAX as i64), |row| row.get(0))?;
        continued_by = rows.map(|call| call.map(id)).collect::<rusqlite::Result<_>>()?;
    }
    let mut statement = connection.prepare_cached(
        "SELECT call FROM call_rows WHERE call BETWEEN ?1 - ?4 AND ?1 + ?4 AND call <> ?1 \
         AND part = ?2 AND request_id = (SELECT request_id FROM call_rows WHERE call = ?1) \
         LIMIT ?3",
    )?;
    let rows =
        statement.query_map((number, part, LINKED_MAX as i64, BATCH_ROWS), |row| row.get(0))?;
    let batch = rows.map(|call| call.map(id)).collect::<rusqlite::Result<_>>()?;
    let neighbour = |sql: &str| -> rusqlite::Result<Option<CallId>> {
        let found: Option<i64> =
            connection.prepare_cached(sql)?.query_row((part, number), |row| row.get(0))?;
        Ok(found.map(id))
    };
    let previous = neighbour(
        "SELECT max(min(last_call, ?2 - 1)) FROM runs \
         WHERE part = ?1 AND first_call > 0 AND first_call < ?2",
    )?;
    let following = neighbour(
        "SELECT min(max(first_call, ?2 + 1)) FROM runs \
         WHERE part = ?1 AND first_call > 0 AND last_call > ?2",
    )?;
    Ok(CallDetail { call, continued_by, batch, previous, following })
}
