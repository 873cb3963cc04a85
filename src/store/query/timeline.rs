//! Calls over time, for the chart.

use super::Reader;
use super::answer::Found;
use super::attacks::Picking;
use super::filter::Filter;
use super::id::Time;
use super::limits::{DayError, Limits, QueryError};
use super::parts::{HOUR_US, View};
use super::selection::Selection;
use super::summary::{Timeline, TimelineStep};
use crate::directory::DAY_US;
use crate::page::MINUTE_US;
use crate::rollup::BLOCK_CALLS;
use record::{IdSource, Micros};

/// The most steps.
const STEPS_MAX: usize = 2_000;
/// Lengths of a step, in seconds.
const STEPS_SECONDS: [i64; 18] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400,
];
/// Attacks in one row of which all calls are stored.
const STORED_MAX: u32 = crate::flood::BLOCKED_CALLS_A_MINUTE_MAX;
const SECOND_US: i64 = 1_000_000;
/// Calls that are counted one by one for steps shorter than an hour; with more selected, steps
/// are hours.
const COUNTED_MAX: u64 = 100_000;
/// The most days of a chart.
const DAYS_MAX: i64 = 400;

/// The chart being counted.
#[derive(Clone, Debug)]
struct Steps {
    first_at: Micros,
    step_us: i64,
    steps: Vec<TimelineStep>,
}

impl Steps {
    fn new(from: Micros, to: Micros, steps_max: usize) -> Self {
        // Steps begin at round times, so even the longest may be cut in two by one.
        let max = i64::try_from(steps_max.clamp(2, STEPS_MAX)).unwrap_or(2);
        let seconds = STEPS_SECONDS
            .into_iter()
            .find(|seconds| count(from, to, seconds * SECOND_US) <= max)
            .unwrap_or_else(|| {
                let days = (2..=2 * DAYS_MAX).find(|days| count(from, to, days * DAY_US) <= max);
                days.unwrap_or(2 * DAYS_MAX) * 86_400
            });
        Self::of(from, to, seconds * SECOND_US)
    }

    fn of(from: Micros, to: Micros, step_us: i64) -> Self {
        let first_at = from.div_euclid(step_us) * step_us;
        let steps = (0..count(from, to, step_us))
            .map(|index| TimelineStep {
                at: Time(first_at + index * step_us),
                calls: 0,
                errors: 0,
                attacks: 0,
            })
            .collect();
        Self { first_at, step_us, steps }
    }

    fn step(&mut self, at: Micros) -> Option<&mut TimelineStep> {
        let index = usize::try_from((at - self.first_at).div_euclid(self.step_us)).ok()?;
        self.steps.get_mut(index)
    }

    fn add(&mut self, at: Micros, calls: i64, errors: i64, attacks: u64) {
        if let Some(step) = self.step(at) {
            step.attacks += attacks;
            step.calls += calls.max(0).cast_unsigned();
            step.errors += errors.max(0).cast_unsigned();
        }
    }
}

/// How many steps a range touches.
fn count(from: Micros, to: Micros, step_us: i64) -> i64 {
    (to - 1).div_euclid(step_us) - from.div_euclid(step_us) + 1
}

impl Reader {
    /// Calls over time, in at most `steps_max` steps (2 at least) of a round length. Where a filter on calls
    /// finds very many of them, steps are hours at least. Without `from` and `to`, the range is
    /// that of the days on disk, up to now.
    pub fn timeline(
        &mut self,
        filter: &Filter,
        steps_max: usize,
        limits: &Limits<'_>,
    ) -> Result<Found<Timeline>, QueryError> {
        let (mut warnings, scope) = (Vec::new(), self.scope.clone());
        let oldest = self.files.days()?.last().map(|entry| i64::from(entry.day) * DAY_US);
        let to = filter.to.unwrap_or(limits.now.saturating_add(1));
        let from = filter.from.or(oldest).unwrap_or(to);
        // A broken clock, or a parameter, must not ask for a million years.
        let from = from.clamp(i64::MIN / 4, i64::MAX / 4);
        let to = to.clamp(from, from.saturating_add(DAYS_MAX * DAY_US)).max(from + 1);
        let filter = &Filter { from: Some(from), to: Some(to), ..filter.clone() };
        let mut steps = Steps::new(from, to, steps_max);
        loop {
            let mut is_too_fine = false;
            let mut budget = COUNTED_MAX;
            for day in self.days_of(filter)? {
                let mut of_day = steps.clone();
                let found = self.files.ask(day, limits, &mut warnings, |connection| {
                    let selection = Selection::of(connection, filter, &scope)?;
                    let view = View::new(connection, day, &selection, limits);
                    add_day(&view, &mut of_day, &mut budget)
                })?;
                match found {
                    Some(true) => steps = of_day,
                    Some(false) => is_too_fine = true,
                    None => {}
                }
                if is_too_fine {
                    break;
                }
            }
            if !is_too_fine {
                break;
            }
            steps = Steps::of(from, to, HOUR_US);
        }
        let step_seconds = (steps.step_us / SECOND_US).cast_unsigned();
        Ok(Found { value: Timeline { step_seconds, steps: steps.steps }, warnings })
    }
}

/// Adds a day. `false`: there are too many calls for steps this short.
fn add_day(view: &View<'_>, steps: &mut Steps, budget: &mut u64) -> Result<bool, DayError> {
    let selection = view.selection;
    if selection.is_void() {
        return Ok(true);
    }
    let filter = selection.filter;
    let is_on_parts =
        !filter.session_id.is_empty() || !filter.id_source.is_empty() || !filter.state.is_empty();
    if !selection.is_on_calls() && !is_on_parts && steps.step_us % MINUTE_US == 0 {
        add_minutes(view, steps)?;
        return Ok(true);
    }
    let mut candidates = view.candidates(None)?;
    if steps.step_us >= HOUR_US {
        view.all_shares(&mut candidates, &mut |candidate, share| {
            let hour = i64::from(view.day) * DAY_US + share.hour * HOUR_US;
            let at = share.call.map_or(hour, |(_, at)| at);
            let is_error = selection.error_kinds.has(share.kind)
                && candidate.id_source != IdSource::None as usize;
            let attacks = share.calls.unsigned_abs() * selection.attacks_of(share.kind);
            steps.add(at, share.calls, if is_error { share.calls } else { 0 }, attacks);
        })?;
        return Ok(true);
    }
    for candidate in &candidates {
        let matched = view.matched(candidate)?;
        if matched == 0 {
            continue;
        }
        let calls = candidate.calls.max(0).cast_unsigned();
        if calls > *budget {
            return Ok(false);
        }
        *budget -= calls;
        for (first, last) in view.runs(candidate.part, selection.from(), selection.to())? {
            view.each_call(first, last, candidate, &mut |share| {
                let Some((call, at)) = share.call else { return };
                let is_named = selection.calls.as_ref().is_none_or(|calls| {
                    calls.get(&candidate.part).is_some_and(|calls| calls.contains(&call))
                });
                if is_named {
                    let is_error = selection.error_kinds.has(share.kind)
                        && candidate.id_source != IdSource::None as usize;
                    let attacks = selection.attacks_of(share.kind);
                    steps.add(at, 1, i64::from(is_error), attacks);
                }
            })?;
        }
    }
    add_unstored(view, steps)?;
    Ok(true)
}

/// Adds the attacks of blocked calls that were only counted, as there were too many of them: each
/// stands in the row of those before it, which is one of its minute.
fn add_unstored(view: &View<'_>, steps: &mut Steps) -> Result<(), DayError> {
    // What is named outright is stored.
    if view.selection.calls.is_some() {
        return Ok(());
    }
    let mut picking = Picking::new(view);
    let mut statement = view.connection.prepare_cached(
        "SELECT at, attack, server, part, actor, kind, control, last_at, count, call \
         FROM attack_rows WHERE at >= ?1 AND at < ?2 AND count > ?3",
    )?;
    let mut stored = view.connection.prepare_cached(
        "SELECT count(*) FROM attack_calls WHERE call BETWEEN ?1 AND ?2 AND attack = ?3",
    )?;
    let blocks = view.blocks()?;
    let mut rows = statement.query((view.selection.from(), view.selection.to(), STORED_MAX))?;
    while let Some(row) = rows.next()? {
        if !picking.takes(row)? {
            continue;
        }
        let (at, last_at): (Micros, Micros) = (row.get(0)?, row.get(7)?);
        let last = blocks.iter().rev().find(|(_, first_at, _)| *first_at <= last_at);
        let last_call = last.map_or(0, |(block, ..)| (block + 1) * BLOCK_CALLS - 1);
        let key = (row.get::<_, i64>(9)?, last_call, row.get::<_, i64>(1)?);
        let stored: i64 = stored.query_row(key, |row| row.get(0))?;
        let unstored = row.get::<_, i64>(8)?.saturating_sub(stored).max(0);
        steps.add(at, 0, 0, unstored.unsigned_abs());
    }
    Ok(())
}

/// Adds whole minutes from their rollup, and the calls of the two minutes that the range cuts.
fn add_minutes(view: &View<'_>, steps: &mut Steps) -> Result<(), DayError> {
    let selection = view.selection;
    let (from, to) = (selection.from(), selection.to());
    let first = from.div_euclid(MINUTE_US) + i64::from(from.rem_euclid(MINUTE_US) != 0);
    let end = to.div_euclid(MINUTE_US).max(first);
    if from < first * MINUTE_US {
        add_calls(view, from, to.min(first * MINUTE_US), steps)?;
    }
    if end * MINUTE_US < to && first * MINUTE_US < to {
        add_calls(view, end * MINUTE_US, to, steps)?;
    }
    let mut statement = view.connection.prepare_cached(
        "SELECT minute, server, calls, errors FROM minutes WHERE minute >= ?1 AND minute < ?2",
    )?;
    let mut rows = statement.query((first, end))?;
    while let Some(row) = rows.next()? {
        if selection.servers.contains_key(&row.get(1)?) {
            let minute: i64 = row.get(0)?;
            steps.add(minute * MINUTE_US, row.get(2)?, row.get(3)?, 0);
        }
    }
    let mut statement = view.connection.prepare_cached(
        "SELECT minute, server, attacks FROM attack_minutes WHERE minute >= ?1 AND minute < ?2",
    )?;
    let mut rows = statement.query((first, end))?;
    while let Some(row) = rows.next()? {
        if selection.servers.contains_key(&row.get(1)?) {
            let minute: i64 = row.get(0)?;
            steps.add(minute * MINUTE_US, 0, 0, row.get::<_, i64>(2)?.unsigned_abs());
        }
    }
    Ok(())
}

/// Adds the calls of a short time, one by one.
fn add_calls(view: &View<'_>, from: Micros, to: Micros, steps: &mut Steps) -> Result<(), DayError> {
    let selection = view.selection;
    let mut statement = view.connection.prepare_cached(
        "SELECT c.at, c.kind, p.server, p.id_source = 'none' FROM call_rows c \
         JOIN parts p ON p.part = c.part \
         WHERE c.call BETWEEN ?1 AND ?2 AND c.at >= ?3 AND c.at < ?4",
    )?;
    for (block, first_at, last_at) in view.blocks()? {
        if *first_at >= to || *last_at < from {
            continue;
        }
        let first = block * BLOCK_CALLS;
        let mut rows = statement.query((first, first + BLOCK_CALLS - 1, from, to))?;
        while let Some(row) = rows.next()? {
            let is_probing: bool = row.get(3)?;
            let kind: i64 = row.get(1)?;
            let is_error = !is_probing && selection.error_kinds.has(kind);
            if selection.servers.contains_key(&row.get(2)?) {
                steps.add(row.get(0)?, 1, i64::from(is_error), selection.attacks_of(kind));
            }
        }
    }
    Ok(())
}
