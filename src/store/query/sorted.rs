//! The longest and the largest calls.
//!
//! `tallies` knows the largest of each of its rows, so that only those parts and hours are read
//! that can still hold one of the wanted.

use super::answer::{Call, PageRequest, Warning};
use super::call::read_calls;
use super::cursor::Cursor;
use super::filter::Filter;
use super::limits::{DayError, Limits, QueryError};
use super::parts::{Candidate, InRange, View};
use super::selection::Selection;
use super::{PAGE_ITEMS_MAX, Reader, Sort};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// A call in the order of the list: value, day, number.
type Place = (i64, i32, i64);

impl Reader {
    pub(crate) fn sorted_calls(
        &mut self,
        filter: &Filter,
        sort: Sort,
        page: PageRequest<'_>,
        with_payloads: bool,
        limits: &Limits<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<(Vec<Call>, Option<String>), QueryError> {
        let list = format!("calls by {sort:?}");
        let below = page.cursor.map(|text| Cursor::<3>::read(text, &list, filter)).transpose()?;
        let below = match below {
            None => None,
            Some(Cursor([value, day, call])) => {
                let day = i32::try_from(day).map_err(|_| QueryError::BadCursor)?;
                Some((value, day, call))
            }
        };
        let limit = page.limit.clamp(1, PAGE_ITEMS_MAX);
        let scope = self.scope.clone();
        let mut places: Vec<Place> = Vec::new();
        for day in self.days_of(filter)? {
            let found = self.files.ask(day, limits, warnings, |connection| {
                let selection = Selection::of(connection, filter, &scope)?;
                let view = View::new(connection, day, &selection, limits);
                largest(&view, sort, below, limit + 1)
            })?;
            places.extend(found.unwrap_or_default());
        }
        places.sort_unstable_by_key(|place| Reverse(*place));
        let has_more = places.len() > limit;
        places.truncate(limit);
        let next = places.last().filter(|_| has_more).map(|(value, day, call)| {
            Cursor([*value, i64::from(*day), *call]).write(&list, filter)
        });
        let mut calls: FxHashMap<(i32, i64), Call> = FxHashMap::default();
        for day in places.iter().map(|(_, day, _)| *day).collect::<BTreeSet<i32>>() {
            let of_day = places.iter().filter(|(_, of, _)| *of == day).map(|(.., call)| *call);
            let found = self.files.ask(day, limits, warnings, |connection| {
                Ok(read_calls(connection, day, of_day, with_payloads)?)
            })?;
            let found = found.unwrap_or_default().into_iter();
            calls.extend(found.map(|call| ((call.id.day, call.id.call), call)));
        }
        let items =
            places.into_iter().filter_map(|(_, day, call)| calls.remove(&(day, call))).collect();
        Ok((items, next))
    }
}

/// The largest selected calls of a day below a place.
fn largest(
    view: &View<'_>,
    sort: Sort,
    below: Option<Place>,
    wanted: usize,
) -> Result<Vec<Place>, DayError> {
    if view.selection.is_void() {
        return Ok(Vec::new());
    }
    let (bound, value) = match sort {
        Sort::Bytes => ("bytes_max", "bytes_in + bytes_out"),
        _ => ("duration_max_us", "duration_us"),
    };
    let mut candidates = view.candidates(None)?;
    let mut spots = spots(view, &mut candidates, bound)?;
    spots.sort_unstable_by_key(|spot| Reverse(spot.0));
    let mut statement = view.connection.prepare_cached(&format!(
        "SELECT call, actor, kind, at, {value} FROM call_rows \
         WHERE call BETWEEN ?1 AND ?2 AND part = ?3",
    ))?;
    let mut largest: BinaryHeap<Reverse<Place>> = BinaryHeap::new();
    for (bound, index, hour) in spots {
        let is_over = largest.len() >= wanted
            && largest.peek().is_some_and(|Reverse((value, ..))| *value > bound);
        if is_over {
            break;
        }
        let Some(candidate) = candidates.get(index) else { continue };
        for (first, last) in ranges(view, candidate, hour)? {
            let mut rows = statement.query((first, last, candidate.part))?;
            while let Some(row) = rows.next()? {
                let (at, value): (i64, Option<i64>) = (row.get(3)?, row.get(4)?);
                let is_hour = hour.is_none_or(|hour| crate::calls::hour_of(at) == hour);
                let is_selected = is_hour
                    && view.selection.has_time(at)
                    && view.selection.has(row.get(2)?, row.get(1)?, candidate.has_text);
                let Some(value) = value.filter(|_| is_selected) else { continue };
                let place = (value, view.day, row.get(0)?);
                if below.is_none_or(|below| place < below) {
                    largest.push(Reverse(place));
                }
                if largest.len() > wanted {
                    largest.pop();
                }
            }
        }
    }
    Ok(largest.into_iter().map(|Reverse(place)| place).collect())
}

/// Ranges of call numbers that hold the calls of a part and hour.
fn ranges(
    view: &View<'_>,
    candidate: &Candidate,
    hour: Option<i64>,
) -> Result<Vec<(i64, i64)>, DayError> {
    match hour {
        Some(hour) => view.runs_of_hour(candidate.part, hour),
        None => Ok(view
            .selection
            .calls
            .as_ref()
            .and_then(|calls| calls.get(&candidate.part))
            .into_iter()
            .flatten()
            .map(|call| (*call, *call))
            .collect()),
    }
}

/// Where selected calls are: the largest value there can be, the index of the part, the hour.
fn spots(
    view: &View<'_>,
    candidates: &mut [Candidate],
    bound: &str,
) -> Result<Vec<(i64, usize, Option<i64>)>, DayError> {
    let selection = view.selection;
    if selection.calls.is_some() {
        return Ok((0..candidates.len()).map(|index| (i64::MAX, index, None)).collect());
    }
    candidates.sort_unstable_by_key(|candidate| candidate.part);
    let mut spots: FxHashMap<(usize, i64), i64> = FxHashMap::default();
    let mut statement = view.connection.prepare_cached(&format!(
        "SELECT hour, actor, kind, {bound} FROM tallies WHERE part = ?1 AND calls > 0",
    ))?;
    for (index, candidate) in candidates.iter().enumerate() {
        let is_inside = view.is_inside(candidate);
        let mut rows = statement.query([candidate.part])?;
        while let Some(row) = rows.next()? {
            let hour: i64 = row.get(0)?;
            if (is_inside || view.hour_in_range(hour) != InRange::Not)
                && selection.has(row.get(2)?, row.get(1)?, candidate.has_text)
            {
                let bound: i64 = row.get(3)?;
                let largest = spots.entry((index, hour)).or_insert(bound);
                *largest = bound.max(*largest);
            }
        }
    }
    Ok(spots.into_iter().map(|((index, hour), bound)| (bound, index, Some(hour))).collect())
}
