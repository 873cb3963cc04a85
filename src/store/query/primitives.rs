//! What MCP servers offer, as their lists and the calls to them know it.

use super::answer::{List, PageRequest};
use super::cursor::Cursor;
use super::filter::{Filter, matches};
use super::id::Time;
use super::limits::{DayError, Limits, QueryError};
use super::offered::{Offered, Texts, has_lists, offered, texts_of};
use super::parts::View;
use super::selection::Selection;
use super::servers::{Durations, each_load, rate};
use super::summary::{PrimitiveDay, PrimitiveStatus, PrimitiveSummary};
use super::{PAGE_ITEMS_MAX, Reader};
use crate::directory::{DAY_US, day_name, day_of};
use record::Micros;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// How long a primitive is new, how long it counts as changed, and after how long without a call
/// that went well as unused, in days.
const STATUS_DAYS: i32 = 7;
/// Bytes of texts and schemas on one page; the rest is on the next.
const PAGE_BYTES_MAX: usize = 8 << 20;

/// Resource templates of a server that resources are held against.
const TEMPLATES_MATCHED_MAX: usize = 100;

/// Kind and name, as calls have them.
type Name = (String, String);

/// What calls to a primitive add up to.
#[derive(Debug, Default)]
struct Sums {
    calls: u64,
    errors: u64,
    attacks: u64,
    durations: Durations,
    /// Calls and errors by day.
    days: BTreeMap<i32, (u64, u64)>,
}

/// A primitive on its way into the answer.
#[derive(Debug)]
struct Row {
    kind: String,
    name: String,
    offered: Option<Offered>,
    is_covered: bool,
    status: PrimitiveStatus,
    sums: Sums,
}

impl Reader {
    /// The primitives of a server: listed ones, and others that calls touched; the busiest first.
    /// Only those of the statuses that are named, if any is. A page has at most
    /// [`PAGE_ITEMS_MAX`] items, and fewer where their schemas are large.
    pub fn primitives(
        &mut self,
        id: &str,
        filter: &Filter,
        statuses: &[PrimitiveStatus],
        page: PageRequest<'_>,
        limits: &Limits<'_>,
    ) -> Result<List<PrimitiveSummary>, QueryError> {
        let filter = self.filter_of(id, filter)?;
        let list = format!("primitives {statuses:?}");
        let cursor = page.cursor.map(|text| Cursor::<1>::read(text, &list, &filter)).transpose()?;
        let from = cursor.map_or(Ok(0), |Cursor([from])| usize::try_from(from));
        let from = from.map_err(|_| QueryError::BadCursor)?;
        let mut warnings = Vec::new();
        let server = filter.server.first().cloned().unwrap_or_default();
        let called = self.called(&filter, limits, &mut warnings)?;
        let used = self.used(&filter, limits, &mut warnings)?;
        let offered = self
            .files
            .ask_catalog(&mut warnings, |catalog| match has_lists(catalog)? {
                true => offered(catalog, &server),
                false => Ok(Vec::new()),
            })
            .unwrap_or_default();
        let mut rows = rows(offered, called, &used, limits)?;
        rows.retain(|row| statuses.is_empty() || statuses.contains(&row.status));
        rows.sort_by(|a, b| {
            let key = |row: &Row| std::cmp::Reverse(row.sums.calls);
            (key(a), &a.kind, &a.name).cmp(&(key(b), &b.kind, &b.name))
        });
        let total = rows.len();
        let limit = page.limit.clamp(1, PAGE_ITEMS_MAX);
        let rows: Vec<Row> = rows.into_iter().skip(from).take(limit).collect();
        let versions: Vec<i64> =
            rows.iter().map(|row| row.offered.as_ref().map_or(0, |it| it.version)).collect();
        let texts = self
            .files
            .ask_catalog(&mut warnings, |catalog| texts_of(catalog, &versions, PAGE_BYTES_MAX))
            .unwrap_or_else(|| vec![Texts::default(); versions.len()]);
        // What the texts leave no room for is on the next page.
        let fit = if texts.len() < versions.len() { texts.len().max(1) } else { versions.len() };
        let mut items = Vec::new();
        let mut texts = texts.into_iter();
        for row in rows.into_iter().take(fit) {
            let texts = texts.next().unwrap_or_default();
            let seen = self.seen(&row, &filter, limits, &mut warnings)?;
            items.push(summary(row, texts, seen));
        }
        let next = from + items.len();
        let next = (next < total && !items.is_empty())
            .then(|| Cursor([i64::try_from(next).unwrap_or(i64::MAX)]).write(&list, &filter));
        Ok(List { items, next, warnings })
    }

    /// The primitives that calls in the range touched.
    fn called(
        &mut self,
        filter: &Filter,
        limits: &Limits<'_>,
        warnings: &mut Vec<super::Warning>,
    ) -> Result<HashMap<Name, Sums>, QueryError> {
        let scope = self.scope.clone();
        let mut all: HashMap<Name, Sums> = HashMap::new();
        for day in self.days_of(filter)? {
            let found = self.files.ask(day, limits, warnings, |connection| {
                let selection = Selection::of(connection, filter, &scope)?;
                called_on(&View::new(connection, day, &selection, limits))
            })?;
            for (name, sums) in found.into_iter().flatten() {
                let total = all.entry(name).or_default();
                total.calls += sums.calls;
                total.errors += sums.errors;
                total.attacks += sums.attacks;
                total.durations.add_all(sums.durations);
                total.days.extend(sums.days);
            }
        }
        Ok(all)
    }

    /// The primitives that were called within the last week and answered well, whatever range is
    /// asked for: the status is one of today.
    fn used(
        &mut self,
        filter: &Filter,
        limits: &Limits<'_>,
        warnings: &mut Vec<super::Warning>,
    ) -> Result<HashSet<Name>, QueryError> {
        let server = filter.server.first().cloned().unwrap_or_default();
        let today = day_of(limits.now);
        let week = Filter {
            from: Some(i64::from(today.saturating_sub(STATUS_DAYS)) * DAY_US),
            ..Filter::default()
        };
        let mut used = HashSet::new();
        for day in self.days_of(&week)? {
            let found = self
                .files
                .ask(day, limits, warnings, |connection| Ok(used_on(connection, &server)?))?;
            used.extend(found.into_iter().flatten());
        }
        Ok(used)
    }

    /// First and last sight: by its lists, else by the hours of its first and last calls.
    fn seen(
        &mut self,
        row: &Row,
        filter: &Filter,
        limits: &Limits<'_>,
        warnings: &mut Vec<super::Warning>,
    ) -> Result<Option<(Micros, Micros)>, QueryError> {
        if let Some(offered) = &row.offered {
            return Ok(Some((offered.first_seen_at, offered.last_seen_at)));
        }
        let server = filter.server.first().cloned().unwrap_or_default();
        let mut seen: Option<(Micros, Micros)> = None;
        let ends = [row.sums.days.first_key_value(), row.sums.days.last_key_value()];
        let days: BTreeSet<i32> = ends.into_iter().flatten().map(|(day, _)| *day).collect();
        for day in days {
            let found = self.files.ask(day, limits, warnings, |connection| {
                Ok(hours_of(connection, &server, &row.kind, &row.name)?)
            })?;
            if let Some((first, last)) = found.flatten() {
                let start = i64::from(day) * DAY_US;
                let hour = DAY_US / 24;
                let (first, last) = (start + first * hour, start + last * hour);
                let (from, to) = seen.unwrap_or((first, last));
                seen = Some((from.min(first), to.max(last)));
            }
        }
        Ok(seen)
    }
}

fn called_on(view: &View<'_>) -> Result<HashMap<Name, Sums>, DayError> {
    let mut found: HashMap<Name, Sums> = HashMap::new();
    each_load(view, &mut |load| {
        let Some(primitive) = load.primitive else { return };
        if !found.contains_key(primitive) {
            found.insert(primitive.clone(), Sums::default());
        }
        let Some(sums) = found.get_mut(primitive) else { return };
        sums.calls += load.calls;
        sums.errors += load.errors;
        sums.attacks += load.attacks;
        if let Some((bucket, calls)) = load.duration {
            sums.durations.add(bucket, calls);
        }
        let (calls, errors) = sums.days.entry(view.day).or_default();
        *calls += load.calls;
        *errors += load.errors;
    })?;
    Ok(found)
}

fn used_on(connection: &Connection, server: &str) -> rusqlite::Result<Vec<Name>> {
    connection
        .prepare_cached(
            "SELECT DISTINCT k.primitive_kind, k.primitive FROM loads l \
             JOIN servers s ON s.server = l.server JOIN kinds k ON k.kind = l.kind \
             WHERE s.name = ?1 AND l.calls > 0 AND k.outcome = 'ok' AND k.primitive IS NOT NULL",
        )?
        .query_map([server], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn hours_of(
    connection: &Connection,
    server: &str,
    kind: &str,
    name: &str,
) -> rusqlite::Result<Option<(i64, i64)>> {
    let (first, last): (Option<i64>, Option<i64>) = connection
        .prepare_cached(
            "SELECT min(t.hour), max(t.hour) FROM kinds k JOIN tallies t ON t.kind = k.kind \
             JOIN parts p ON p.part = t.part JOIN servers s ON s.server = p.server \
             WHERE k.primitive_kind = ?2 AND k.primitive = ?3 AND s.name = ?1 AND t.calls > 0",
        )?
        .query_row((server, kind, name), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(first.zip(last))
}

/// Lists and calls, side by side.
fn rows(
    offered: Vec<Offered>,
    mut called: HashMap<Name, Sums>,
    used: &HashSet<Name>,
    limits: &Limits<'_>,
) -> Result<Vec<Row>, QueryError> {
    let week = limits.now.saturating_sub(i64::from(STATUS_DAYS) * DAY_US);
    let templates: Vec<String> = offered
        .iter()
        .filter(|it| it.is_template)
        .take(TEMPLATES_MATCHED_MAX)
        .map(|it| pattern_of(&it.name))
        .collect();
    // Whether a template was used says any resource that it covers.
    let mut used_templates: HashSet<&str> = HashSet::new();
    for (_, name) in used.iter().filter(|(kind, _)| kind == "resource") {
        limits.check()?;
        let fitting = templates.iter().filter(|pattern| matches(pattern, name));
        used_templates.extend(fitting.map(String::as_str));
    }
    let mut rows: Vec<Row> = offered
        .into_iter()
        .map(|offered| {
            let key = (offered.kind.clone(), offered.name.clone());
            let is_used = match offered.is_template {
                true => used_templates.contains(pattern_of(&offered.name).as_str()),
                false => used.contains(&key),
            };
            let status = match () {
                () if offered.first_seen_at > week => PrimitiveStatus::New,
                () if offered.changed_at.is_some_and(|at| at > week) => PrimitiveStatus::Changed,
                () if !is_used => PrimitiveStatus::Unused,
                () => PrimitiveStatus::Active,
            };
            let sums = if offered.is_template { None } else { called.remove(&key) };
            Row {
                kind: if offered.is_template { TEMPLATE.to_owned() } else { key.0 },
                name: key.1,
                is_covered: true,
                status,
                sums: sums.unwrap_or_default(),
                offered: Some(offered),
            }
        })
        .collect();
    for ((kind, name), sums) in called {
        limits.check()?;
        let is_covered = match kind.as_str() {
            "resource" => templates.iter().any(|pattern| matches(pattern, &name)),
            "tool" | "prompt" => false,
            // There is no list of these.
            _ => true,
        };
        let is_used = || used.contains(&(kind.clone(), name.clone()));
        let status = match is_covered {
            false => PrimitiveStatus::Unlisted,
            true if is_used() => PrimitiveStatus::Active,
            true => PrimitiveStatus::Unused,
        };
        let is_covered = is_covered && kind == "resource";
        rows.push(Row { kind, name, offered: None, is_covered, status, sums });
    }
    Ok(rows)
}

/// The kind of resource templates in the API.
pub(crate) const TEMPLATE: &str = "template";

/// A URI template (RFC 6570) as a pattern: whatever stands for an expression.
fn pattern_of(template: &str) -> String {
    let mut pattern = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        pattern.push_str(before);
        pattern.push('*');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    pattern.push_str(rest);
    pattern
}

fn summary(row: Row, texts: Texts, seen: Option<(Micros, Micros)>) -> PrimitiveSummary {
    let Row { kind, name, offered, is_covered, status, sums } = row;
    PrimitiveSummary {
        kind,
        name,
        texts: texts.into(),
        listed: is_covered,
        status,
        first_seen: seen.map(|(first, _)| Time(first)),
        last_seen: seen.map(|(_, last)| Time(last)),
        changed_at: offered.as_ref().and_then(|it| it.changed_at).map(Time),
        calls: sums.calls,
        errors: sums.errors,
        attacks: sums.attacks,
        error_rate: rate(sums.errors, sums.calls),
        p50_ms: sums.durations.percentile_ms(0.5),
        p95_ms: sums.durations.percentile_ms(0.95),
        days: sums
            .days
            .into_iter()
            .map(|(day, (calls, errors))| PrimitiveDay { day: day_name(day), calls, errors })
            .collect(),
        versions: offered.as_ref().map_or(0, |it| it.versions),
        versions_in_force: offered.as_ref().map_or(0, |it| it.in_force),
    }
}
