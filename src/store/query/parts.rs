//! Which parts a selection may find, and how many of their calls.

use super::filter::State;
use super::limits::{DayError, Limits};
use super::selection::Selection;
use crate::directory::DAY_US;
use crate::rollup::BLOCK_CALLS;
use record::{IdSource, Micros};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use std::cell::OnceCell;
use std::collections::BTreeSet;

/// Up to this many rows of `tallies`, the parts are found through its index; with more, parts
/// are looked at one after another, the newest first, which then soon fills a page.
const RARE_ROWS_MAX: usize = 2_000;
pub(crate) const HOUR_US: i64 = DAY_US / 24;

const PARTS_OF_KIND: &str = "SELECT DISTINCT part FROM tallies WHERE kind = ?1 LIMIT ?2";
const PARTS_OF_ACTOR: &str = "SELECT part FROM part_actors WHERE actor = ?1 LIMIT ?2";

/// A session part that may be in the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) part: i64,
    pub(crate) server: i64,
    pub(crate) started_at: Micros,
    /// As of the list's snapshot.
    pub(crate) last_at: Micros,
    /// As it is now.
    pub(crate) ends_at: Micros,
    pub(crate) calls: i64,
    /// Whether its session id contains `q`.
    pub(crate) has_text: bool,
    pub(crate) state: State,
    /// Its place in `IdSource::ALL`.
    pub(crate) id_source: usize,
}

/// One day, asked with one selection.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) day: i32,
    pub(crate) selection: &'a Selection<'a>,
    pub(crate) limits: &'a Limits<'a>,
    /// First and last time of every block of calls.
    blocks: OnceCell<Vec<(i64, Micros, Micros)>>,
}

/// Calls of one part, or one call, that a selection finds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    /// Hour of the day.
    pub(crate) hour: i64,
    pub(crate) actor: i64,
    pub(crate) kind: i64,
    pub(crate) calls: i64,
    /// Which, and when it began, where it is one call.
    pub(crate) call: Option<(i64, Micros)>,
}

impl<'a> View<'a> {
    pub(crate) fn new(
        connection: &'a Connection,
        day: i32,
        selection: &'a Selection<'a>,
        limits: &'a Limits<'a>,
    ) -> Self {
        Self { connection, day, selection, limits, blocks: OnceCell::new() }
    }

    /// Parts that the filters on parts let through, the newest activity first. Of a list with a
    /// snapshot: as they were at that change.
    pub(crate) fn candidates(&self, snapshot: Option<i64>) -> Result<Vec<Candidate>, DayError> {
        let mut candidates = match self.rare_parts()? {
            Some(parts) => self.candidates_among(parts, snapshot)?,
            None => {
                let mut found = Vec::new();
                self.read_candidates(None, snapshot, &mut found)?;
                self.keep_texts(&mut found)?;
                found
            }
        };
        candidates.sort_unstable_by_key(|found| std::cmp::Reverse((found.last_at, found.part)));
        Ok(candidates)
    }

    fn candidates_among(
        &self,
        parts: BTreeSet<i64>,
        snapshot: Option<i64>,
    ) -> Result<Vec<Candidate>, DayError> {
        let mut found = Vec::new();
        for part in parts {
            self.read_candidates(Some(part), snapshot, &mut found)?;
        }
        Ok(found)
    }

    /// Parts that may hold selected calls, where these are few.
    pub(crate) fn rare_candidates(&self) -> Result<Option<Vec<Candidate>>, DayError> {
        let filter = self.selection.filter;
        let parts = match self.rare_parts()? {
            Some(parts) => parts,
            // A session's parts are found through their index.
            None if filter.session_id.is_empty() => return Ok(None),
            None => return self.candidates(None).map(Some),
        };
        self.candidates_among(parts, None).map(Some)
    }

    /// One part, if the filters on parts let it through.
    pub(crate) fn candidate(&self, part: i64) -> Result<Option<Candidate>, DayError> {
        let mut found = Vec::new();
        self.read_candidates(Some(part), None, &mut found)?;
        Ok(found.pop())
    }

    fn read_candidates(
        &self,
        part: Option<i64>,
        snapshot: Option<i64>,
        found: &mut Vec<Candidate>,
    ) -> Result<(), DayError> {
        let selection = self.selection;
        let filter = selection.filter;
        let mut sql = String::from(
            "SELECT part, server, started_at, last_at, calls, change, ended_at IS NOT NULL, \
             idle_us, session_id, id_source FROM parts WHERE started_at < ? AND last_at >= ?",
        );
        let mut values = vec![Value::Integer(selection.to()), Value::Integer(selection.from())];
        if let Some(part) = part {
            sql.push_str(" AND part = ?");
            values.push(Value::Integer(part));
        }
        any_of(&mut sql, &mut values, "session_id", &filter.session_id);
        any_of(&mut sql, &mut values, "id_source", &filter.id_source);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            let last_at = row.get(3)?;
            let id_source = super::selection::text_of(row, 9)?;
            let mut candidate = Candidate {
                part: row.get(0)?,
                server: row.get(1)?,
                started_at: row.get(2)?,
                last_at,
                ends_at: last_at,
                calls: row.get(4)?,
                has_text: false,
                state: State::of(row.get(6)?, last_at, row.get(7)?, self.limits.now),
                id_source: IdSource::ALL
                    .iter()
                    .position(|source| source.as_str() == id_source)
                    .unwrap_or(IdSource::None as usize),
            };
            if !selection.servers.contains_key(&candidate.server) {
                continue;
            }
            if !filter.state.is_empty() && !filter.state.contains(&candidate.state) {
                continue;
            }
            if let Some(text) = &selection.text {
                let id = super::selection::text_of(row, 8)?;
                candidate.has_text = super::selection::contains(id, &text.text);
            }
            if let Some(snapshot) = snapshot.filter(|at| row.get(5).is_ok_and(|of: i64| of > *at)) {
                match self.last_at_of(candidate.part, snapshot)? {
                    Some(last_at) if last_at >= selection.from() => candidate.last_at = last_at,
                    // It was not there yet.
                    _ => continue,
                }
            }
            found.push(candidate);
        }
        Ok(())
    }

    /// When a part was last heard of as of a change.
    fn last_at_of(&self, part: i64, change: i64) -> rusqlite::Result<Option<Micros>> {
        self.connection
            .prepare_cached("SELECT max(last_at) FROM runs WHERE part = ?1 AND change <= ?2")?
            .query_row((part, change), |row| row.get(0))
    }

    /// The parts that can hold a selected call, where these are few.
    fn rare_parts(&self) -> Result<Option<BTreeSet<i64>>, DayError> {
        let selection = self.selection;
        if let Some(calls) = &selection.calls {
            return Ok(Some(calls.keys().copied().collect()));
        }
        if let Some(kinds) = &selection.kinds
            && let Some(parts) = self.few_parts(PARTS_OF_KIND, kinds.iter())?
        {
            return Ok(Some(parts));
        }
        if let Some(actors) = &selection.actors
            && let Some(parts) = self.few_parts(PARTS_OF_ACTOR, actors.iter())?
        {
            return Ok(Some(parts));
        }
        Ok(None)
    }

    /// Drops parts in which nothing contains `q`, where that can be told cheaply.
    fn keep_texts(&self, found: &mut Vec<Candidate>) -> Result<(), DayError> {
        let Some(text) = &self.selection.text else { return Ok(()) };
        let Some(by_kind) = self.few_parts(PARTS_OF_KIND, text.kinds.iter())? else {
            return Ok(());
        };
        let Some(by_actor) = self.few_parts(PARTS_OF_ACTOR, text.actors.iter())? else {
            return Ok(());
        };
        found.retain(|candidate| {
            let part = candidate.part;
            candidate.has_text || by_kind.contains(&part) || by_actor.contains(&part)
        });
        Ok(())
    }

    fn few_parts(
        &self,
        sql: &str,
        numbers: impl Iterator<Item = i64>,
    ) -> rusqlite::Result<Option<BTreeSet<i64>>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let (mut parts, mut rows_seen, mut asked) = (BTreeSet::new(), 0, 0);
        for number in numbers {
            asked += 1;
            let limit = RARE_ROWS_MAX.saturating_sub(rows_seen);
            if limit == 0 || asked > RARE_ROWS_MAX {
                return Ok(None);
            }
            let mut rows = statement.query((number, i64::try_from(limit).unwrap_or(i64::MAX)))?;
            while let Some(row) = rows.next()? {
                rows_seen += 1;
                parts.insert(row.get(0)?);
            }
        }
        Ok((rows_seen < RARE_ROWS_MAX).then_some(parts))
    }

    /// How many calls of a part are selected.
    pub(crate) fn matched(&self, candidate: &Candidate) -> Result<u64, DayError> {
        if !self.selection.is_on_calls() {
            return Ok(candidate.calls.cast_unsigned());
        }
        let mut matched = 0;
        self.shares(candidate, &mut |share| matched += share.calls)?;
        Ok(matched.max(0).cast_unsigned())
    }

    /// All selected calls of a part: summed where whole hours are in the range, one by one in
    /// the hours that the range cuts.
    pub(crate) fn shares(
        &self,
        candidate: &Candidate,
        take: &mut dyn FnMut(&Share),
    ) -> Result<(), DayError> {
        let selection = self.selection;
        if let Some(calls) = &selection.calls {
            let calls = calls.get(&candidate.part).map_or(&[][..], Vec::as_slice);
            for call in calls {
                self.each_call(*call, *call, candidate, take)?;
            }
            return Ok(());
        }
        let is_inside = self.is_inside(candidate);
        let mut statement = self.connection.prepare_cached(
            "SELECT hour, actor, kind, calls FROM tallies WHERE part = ?1 AND calls > 0",
        )?;
        let mut rows = statement.query([candidate.part])?;
        let mut cut_hours = BTreeSet::new();
        while let Some(row) = rows.next()? {
            let share = Share {
                hour: row.get(0)?,
                actor: row.get(1)?,
                kind: row.get(2)?,
                calls: row.get(3)?,
                call: None,
            };
            if !selection.has(share.kind, share.actor, candidate.has_text) {
                continue;
            }
            match self.hour_in_range(share.hour) {
                _ if is_inside => take(&share),
                InRange::Whole => take(&share),
                InRange::Cut => {
                    cut_hours.insert(share.hour);
                }
                InRange::Not => {}
            }
        }
        for hour in cut_hours {
            self.calls_of_hour(candidate, hour, take)?;
        }
        Ok(())
    }

    /// Whether all calls of a part began in the range.
    pub(crate) fn is_inside(&self, candidate: &Candidate) -> bool {
        self.selection.from() <= candidate.started_at && candidate.ends_at < self.selection.to()
    }

    pub(crate) fn hour_in_range(&self, hour: i64) -> InRange {
        let first = i64::from(self.day) * DAY_US + hour * HOUR_US;
        let (from, to) = (self.selection.from(), self.selection.to());
        if from <= first && first + HOUR_US <= to {
            InRange::Whole
        } else if to <= first || first + HOUR_US <= from {
            InRange::Not
        } else {
            InRange::Cut
        }
    }

    /// Selected calls of one part and hour, one by one.
    pub(crate) fn calls_of_hour(
        &self,
        candidate: &Candidate,
        hour: i64,
        take: &mut dyn FnMut(&Share),
    ) -> Result<(), DayError> {
        for (first, last) in self.runs_of_hour(candidate.part, hour)? {
            self.each_call(first, last, candidate, &mut |share| {
                if share.hour == hour {
                    take(share);
                }
            })?;
        }
        Ok(())
    }

    /// Runs of a part that may hold calls of an hour.
    pub(crate) fn runs_of_hour(&self, part: i64, hour: i64) -> Result<Vec<(i64, i64)>, DayError> {
        let first_at = i64::from(self.day) * DAY_US + hour * HOUR_US;
        self.runs(part, first_at, first_at + HOUR_US)
    }

    /// Runs of a part in the blocks that hold calls of a time, in order.
    pub(crate) fn runs(
        &self,
        part: i64,
        from: Micros,
        to: Micros,
    ) -> Result<Vec<(i64, i64)>, DayError> {
        let blocks = self.blocks()?;
        let mut statement = self.connection.prepare_cached(
            "SELECT first_call, last_call FROM runs WHERE part = ?1 AND first_call > 0",
        )?;
        let mut rows = statement.query([part])?;
        let mut runs = Vec::new();
        while let Some(row) = rows.next()? {
            let (first, last): (i64, i64) = (row.get(0)?, row.get(1)?);
            let start = blocks.partition_point(|(block, ..)| *block < first / BLOCK_CALLS);
            let is_there = blocks
                .iter()
                .skip(start)
                .take_while(|(block, ..)| *block <= last / BLOCK_CALLS)
                .any(|(_, first_at, last_at)| *first_at < to && from <= *last_at);
            if is_there {
                runs.push((first, last));
            }
        }
        Ok(runs)
    }

    /// First and last time of every block of calls, by block.
    pub(crate) fn blocks(&self) -> Result<&[(i64, Micros, Micros)], DayError> {
        if self.blocks.get().is_none() {
            let mut statement =
                self.connection.prepare_cached("SELECT block, first_at, last_at FROM blocks")?;
            let rows =
                statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            let blocks = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            let _ = self.blocks.set(blocks);
        }
        Ok(self.blocks.get().map_or(&[], Vec::as_slice))
    }

    /// Selected calls of a part among these numbers, in order.
    pub(crate) fn each_call(
        &self,
        first: i64,
        last: i64,
        candidate: &Candidate,
        take: &mut dyn FnMut(&Share),
    ) -> Result<(), DayError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT at, actor, kind, call FROM call_rows WHERE call BETWEEN ?1 AND ?2 AND part = ?3",
        )?;
        let mut rows = statement.query((first, last, candidate.part))?;
        while let Some(row) = rows.next()? {
            let at: Micros = row.get(0)?;
            let share = Share {
                hour: at.rem_euclid(DAY_US) / HOUR_US,
                actor: row.get(1)?,
                kind: row.get(2)?,
                calls: 1,
                call: Some((row.get(3)?, at)),
            };
            if self.selection.has_time(at)
                && self.selection.has(share.kind, share.actor, candidate.has_text)
            {
                take(&share);
            }
        }
        Ok(())
    }

    /// Selected calls of all candidates: part by part, in the order of their numbers.
    pub(crate) fn all_shares(
        &self,
        candidates: &mut [Candidate],
        take: &mut dyn FnMut(&Candidate, &Share),
    ) -> Result<(), DayError> {
        candidates.sort_unstable_by_key(|candidate| candidate.part);
        let is_many = self.selection.calls.is_none() && candidates.len() > self.parts()? / 4;
        if !is_many {
            for candidate in candidates.iter() {
                self.shares(candidate, &mut |share| take(candidate, share))?;
            }
            return Ok(());
        }
        let mut statement = self
            .connection
            .prepare_cached("SELECT part, hour, actor, kind, calls FROM tallies ORDER BY part")?;
        let mut rows = statement.query(())?;
        let mut next = 0;
        let mut cut = Vec::new();
        while let Some(row) = rows.next()? {
            let part: i64 = row.get(0)?;
            while candidates.get(next).is_some_and(|candidate| candidate.part < part) {
                next += 1;
            }
            let Some(candidate) = candidates.get(next).filter(|found| found.part == part) else {
                continue;
            };
            if !self.is_inside(candidate) {
                if cut.last() != Some(&next) {
                    cut.push(next);
                }
                continue;
            }
            let share = Share {
                hour: row.get(1)?,
                actor: row.get(2)?,
                kind: row.get(3)?,
                calls: row.get(4)?,
                call: None,
            };
            if share.calls > 0 && self.selection.has(share.kind, share.actor, candidate.has_text) {
                take(candidate, &share);
            }
        }
        for candidate in cut.into_iter().filter_map(|index| candidates.get(index)) {
            self.shares(candidate, &mut |share| take(candidate, share))?;
        }
        Ok(())
    }

    /// About how many parts the day has.
    fn parts(&self) -> rusqlite::Result<usize> {
        let newest: Option<i64> = self
            .connection
            .prepare_cached("SELECT max(part) FROM parts")?
            .query_row((), |row| row.get(0))?;
        Ok(usize::try_from(newest.unwrap_or(0)).unwrap_or(0))
    }
}

/// How much of an hour lies in a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InRange {
    /// All of it.
    Whole,
    /// A part.
    Cut,
    /// Nothing.
    Not,
}

/// Adds `column IN (values)` where there are values.
fn any_of(sql: &mut String, values: &mut Vec<Value>, column: &str, wanted: &[String]) {
    if wanted.is_empty() {
        return;
    }
    sql.push_str(" AND ");
    sql.push_str(column);
    sql.push_str(" IN (?");
    for _ in 1..wanted.len() {
        sql.push_str(", ?");
    }
    sql.push(')');
    values.extend(wanted.iter().map(|value| Value::Text(value.clone())));
}
