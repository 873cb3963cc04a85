//! MCP servers, as calls and the catalogue know them.

use super::Reader;
use super::answer::{Found, List, Warning};
use super::filter::Filter;
use super::id::Time;
use super::limits::{DayError, Limits, QueryError};
use super::memory::{Question, Summed};
use super::offered::{Known, known_servers, unlisted};
use super::parts::View;
use super::selection::Selection;
use super::sessions::Names;
use super::summary::{IdentityShares, ServerDetail, ServerSummary};
use crate::directory::DAY_US;
use crate::page::{NO_BUCKET, bucket_floor_us};
use crate::part::{CARRIED_ROLES, CARRIED_USER};
use record::Micros;
use rusqlite::Connection;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Examples of a value.
const EXAMPLES_MAX: usize = 3;

/// What a server takes in memory, and each bucket and primitive of it, about.
const SERVER_BYTES: usize = 300;
const NAME_BYTES: usize = 120;

/// How long calls took, by bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Durations(BTreeMap<i64, u64>);

impl Durations {
    pub(crate) fn add(&mut self, bucket: i64, calls: u64) {
        if bucket > NO_BUCKET {
            *self.0.entry(bucket).or_default() += calls;
        }
    }

    /// Adds others'.
    pub(crate) fn add_all(&mut self, other: Self) {
        for (bucket, calls) in other.0 {
            self.add(bucket, calls);
        }
    }

    /// The duration that this share of the calls does not exceed, in milliseconds: the middle of
    /// its bucket.
    pub(crate) fn percentile_ms(&self, share: f64) -> Option<f64> {
        let total: u64 = self.0.values().sum();
        let rank = ((total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, calls) in &self.0 {
            seen += calls;
            if seen >= rank {
                let (floor, next) = (bucket_floor_us(*bucket), bucket_floor_us(bucket + 1));
                return Some((floor + next - 1) as f64 / 2_000.0);
            }
        }
        None
    }
}

/// What a server's calls add up to.
#[derive(Clone, Debug, Default)]
struct Sums {
    calls: u64,
    errors: u64,
    sessions: u64,
    attacks: u64,
    durations: Durations,
    primitives: BTreeSet<(String, String)>,
    /// How many of these no list has, where a look at the lists said so.
    unlisted: Option<u64>,
    seen: Option<(Micros, Micros)>,
}

impl Sums {
    /// How many of its primitives no list has; all until the catalogue says otherwise.
    fn unlisted(&self) -> u64 {
        self.unlisted.unwrap_or(self.primitives.len() as u64)
    }

    /// Adds other days'.
    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.sessions += other.sessions;
        self.attacks += other.attacks;
        self.primitives.extend(other.primitives);
        self.durations.add_all(other.durations);
        if let Some((first, last)) = other.seen {
            self.see(first, last);
        }
    }

    fn see(&mut self, first: Micros, last: Micros) {
        let (from, to) = self.seen.unwrap_or((first, last));
        self.seen = Some((from.min(first), to.max(last)));
    }
}

/// Servers of some days.
#[derive(Debug, Default)]
struct ByServer(BTreeMap<String, Sums>);

impl super::memory::Sums for ByServer {
    fn merge(&mut self, other: Self) {
        for (name, sums) in other.0 {
            self.0.entry(name).or_default().add(sums);
        }
    }

    fn bytes(&self) -> usize {
        let names = |sums: &Sums| sums.durations.0.len() + sums.primitives.len();
        self.0.values().map(|sums| SERVER_BYTES + NAME_BYTES * names(sums)).sum()
    }
}

/// `part` of `all`, from 0 to 1.
pub(crate) fn rate(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

/// The id of a server: its name in hex, so that it stands in a path as it is and no two servers
/// have the same.
pub(crate) fn server_id(name: &str) -> String {
    name.bytes()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

fn server_name(id: &str) -> Option<String> {
    if !id.len().is_multiple_of(2) || !id.is_ascii() {
        return None;
    }
    let digit = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> = id
        .as_bytes()
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect();
    String::from_utf8(bytes?).ok().filter(|name| server_id(name) == id)
}

impl Reader {
    /// MCP servers by name, with counts of the filter's time range. Of its other filters only
    /// `server` counts.
    pub fn servers(
        &mut self,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<List<ServerSummary>, QueryError> {
        let mut warnings = Vec::new();
        let items = self.server_summaries(filter, limits, &mut warnings)?;
        Ok(List { items, next: None, warnings })
    }

    fn server_summaries(
        &mut self,
        filter: &Filter,
        limits: &Limits<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Vec<ServerSummary>, QueryError> {
        let filter = &only_servers(filter);
        let scope = self.scope.clone();
        let question = Question::new("servers", &[], filter, &scope);
        let empty = ByServer::default;
        let found = self.sum_up(question, filter, limits, warnings, empty, sums_of_day)?;
        let Summed { settled, live: ByServer(mut servers) } = found;
        for (name, sums) in &settled.0 {
            servers.entry(name.clone()).or_default().add(sums.clone());
        }
        let found = self
            .files
            .ask_catalog(warnings, |catalog| known_and_unlisted(catalog, &mut servers, limits.now));
        let mut known = found.unwrap_or_default();
        known.retain(|name, _| {
            let is_wanted = filter.server.is_empty() || filter.server.contains(name);
            is_wanted && scope.has(name)
        });
        for (name, known) in &known {
            let sums = servers.entry(name.clone()).or_default();
            if let Some((first, last)) = known.seen {
                sums.see(first, last);
            }
        }
        let summary = |(name, sums)| {
            let known = known.remove(&name).unwrap_or_default();
            summary(name, sums, &known)
        };
        Ok(servers.into_iter().map(summary).collect())
    }

    /// One MCP server.
    pub fn server(
        &mut self,
        id: &str,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<Found<ServerDetail>, QueryError> {
        let mut warnings = Vec::new();
        let filter = self.filter_of(id, filter)?;
        let summaries = self.server_summaries(&filter, limits, &mut warnings)?;
        let summary = summaries.into_iter().next().ok_or(QueryError::NotFound)?;
        let scope = self.scope.clone();
        let mut shares = IdentityShares::default();
        for day in self.days_of(&filter)? {
            let mut of_day = shares.clone();
            let found = self.files.ask(day, limits, &mut warnings, |connection| {
                let selection = Selection::of(connection, &filter, &scope)?;
                add_shares(&View::new(connection, day, &selection, limits), &mut of_day)
            })?;
            if found.is_some() {
                shares = of_day;
            }
        }
        Ok(Found { value: ServerDetail { summary, shares }, warnings })
    }

    /// The filter of one server and a time range.
    pub(crate) fn filter_of(&self, id: &str, filter: &Filter) -> Result<Filter, QueryError> {
        let name = server_name(id).filter(|name| self.scope.has(name));
        let name = name.ok_or(QueryError::NotFound)?;
        Ok(Filter { server: vec![name], ..only_servers(filter) })
    }
}

/// What the catalogue knows of servers; and of those there are, which primitives are unlisted.
fn known_and_unlisted(
    catalog: &Connection,
    servers: &mut BTreeMap<String, Sums>,
    now: Micros,
) -> rusqlite::Result<BTreeMap<String, Known>> {
    let known = known_servers(catalog, now)?;
    for (name, sums) in servers {
        if known.get(name).is_some_and(Known::lists_any) {
            sums.unlisted = Some(unlisted(catalog, name, sums.primitives.iter())?);
        }
    }
    Ok(known)
}

fn only_servers(filter: &Filter) -> Filter {
    Filter { from: filter.from, to: filter.to, server: filter.server.clone(), ..Filter::default() }
}

fn summary(name: String, sums: Sums, known: &Known) -> ServerSummary {
    ServerSummary {
        id: server_id(&name),
        name,
        calls: sums.calls,
        errors: sums.errors,
        sessions: sums.sessions,
        attacks: sums.attacks,
        primitives: sums.unlisted() + known.tools + known.resources + known.prompts,
        tools: known.tools,
        resources: known.resources,
        prompts: known.prompts,
        lists_differ: known.lists_differ,
        error_rate: rate(sums.errors, sums.calls),
        p50_ms: sums.durations.percentile_ms(0.5),
        p95_ms: sums.durations.percentile_ms(0.95),
        first_seen_at: sums.seen.map(|(first, _)| Time(first)),
        last_seen_at: sums.seen.map(|(_, last)| Time(last)),
    }
}

fn sums_of_day(view: &View<'_>) -> Result<ByServer, DayError> {
    let selection = view.selection;
    let mut servers: BTreeMap<i64, Sums> = BTreeMap::new();
    each_load(view, &mut |load| {
        let sums = servers.entry(load.server).or_default();
        sums.calls += load.calls;
        sums.errors += load.errors;
        sums.attacks += load.attacks;
        if let Some((bucket, calls)) = load.duration {
            sums.durations.add(bucket, calls);
        }
        // Every kind comes once without a duration.
        if let Some(primitive) = load.primitive.filter(|_| load.duration.is_none())
            && !sums.primitives.contains(primitive)
        {
            sums.primitives.insert(primitive.clone());
        }
    })?;
    for candidate in view.candidates(None)? {
        let sums = servers.entry(candidate.server).or_default();
        sums.sessions += 1;
        sums.see(candidate.started_at, candidate.last_at);
    }
    let named = servers.into_iter().filter_map(|(server, sums)| {
        selection.servers.get(&server).map(|name| (name.clone(), sums))
    });
    Ok(ByServer(named.collect()))
}

/// Calls of one server and kind.
pub(crate) struct Load<'a> {
    pub(crate) server: i64,
    /// A bucket of the whole day, and how many of its calls are in it; its other fields are 0.
    pub(crate) duration: Option<(i64, u64)>,
    pub(crate) calls: u64,
    pub(crate) errors: u64,
    pub(crate) attacks: u64,
    pub(crate) primitive: Option<&'a (String, String)>,
}

/// The calls of a day in the range by server and kind, and the day's durations of these.
pub(crate) fn each_load(view: &View<'_>, take: &mut dyn FnMut(&Load<'_>)) -> Result<(), DayError> {
    let selection = view.selection;
    // Calls and errors of a server and kind in the range.
    let mut sums: FxHashMap<(i64, i64), (u64, u64)> = FxHashMap::default();
    let start = i64::from(view.day) * DAY_US;
    let is_whole = selection.from() <= start && start + DAY_US <= selection.to();
    if !is_whole {
        let mut candidates = view.candidates(None)?;
        view.all_shares(&mut candidates, &mut |candidate, share| {
            let calls = share.calls.cast_unsigned();
            let is_error = candidate.id_source != record::IdSource::None as usize
                && selection.error_kinds.has(share.kind);
            let sums = sums.entry((candidate.server, share.kind)).or_default();
            *sums = (sums.0 + calls, sums.1 + if is_error { calls } else { 0 });
        })?;
    }
    let mut durations = Vec::new();
    let mut statement = view
        .connection
        .prepare_cached("SELECT kind, bucket, calls FROM loads WHERE server = ?1 AND calls > 0")?;
    for server in selection.servers.keys() {
        let mut rows = statement.query([server])?;
        while let Some(row) = rows.next()? {
            let (kind, bucket): (i64, i64) = (row.get(0)?, row.get(1)?);
            let calls = row.get::<_, i64>(2)?.cast_unsigned();
            if is_whole {
                // Failed probes are no errors of the server.
                let is_error = bucket >= NO_BUCKET && selection.error_kinds.has(kind);
                let sums = sums.entry((*server, kind)).or_default();
                *sums = (sums.0 + calls, sums.1 + if is_error { calls } else { 0 });
            }
            if bucket > NO_BUCKET {
                durations.push((*server, kind, bucket, calls));
            }
        }
    }
    let mut names = Names::default();
    for (server, kind, bucket, calls) in durations {
        if sums.contains_key(&(server, kind)) {
            let (_, primitive) = names.kind(view.connection, kind)?;
            let duration = Some((bucket, calls));
            let primitive = primitive.as_ref();
            take(&Load { server, duration, calls: 0, errors: 0, attacks: 0, primitive });
        }
    }
    for ((server, kind), (calls, errors)) in sums {
        let (_, primitive) = names.kind(view.connection, kind)?;
        let (attacks, primitive) = (calls * selection.attacks_of(kind), primitive.as_ref());
        take(&Load { server, duration: None, calls, errors, attacks, primitive });
    }
    Ok(())
}

/// In how many calls user, roles and session id were found, where the calls themselves say so.
fn add_shares(view: &View<'_>, shares: &mut IdentityShares) -> Result<(), DayError> {
    let mut by_actor: FxHashMap<i64, u64> = FxHashMap::default();
    let mut candidates = view.candidates(None)?;
    let mut ids = Vec::new();
    view.all_shares(&mut candidates, &mut |candidate, share| {
        let calls = share.calls.cast_unsigned();
        shares.calls += calls;
        *by_actor.entry(share.actor).or_default() += calls;
        // `configured`, `header` and `query` come first in `IdSource::ALL`.
        if candidate.id_source <= record::IdSource::Query as usize {
            shares.with_session_id += calls;
            if ids.len() < EXAMPLES_MAX && !ids.contains(&candidate.part) {
                ids.push(candidate.part);
            }
        }
    })?;
    let mut statement = view
        .connection
        .prepare_cached("SELECT user, roles, carried FROM actors WHERE actor = ?1")?;
    for (actor, calls) in by_actor {
        let (user, roles, carried): (String, String, i64) =
            statement.query_row([actor], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        if !user.is_empty() && carried & CARRIED_USER == 0 {
            shares.with_user += calls;
            example(&mut shares.users, masked(&user));
        }
        if !roles.is_empty() && carried & CARRIED_ROLES == 0 {
            shares.with_roles += calls;
            example(&mut shares.roles, roles);
        }
    }
    let mut statement =
        view.connection.prepare_cached("SELECT session_id FROM parts WHERE part = ?1")?;
    for part in ids {
        let id: String = statement.query_row([part], |row| row.get(0))?;
        example(&mut shares.session_ids, masked(&id));
    }
    Ok(())
}

fn example(examples: &mut Vec<String>, value: String) {
    if examples.len() < EXAMPLES_MAX && !examples.contains(&value) {
        examples.push(value);
    }
}

/// Two characters at each end, to recognise a value by.
fn masked(value: &str) -> String {
    let count = value.chars().count();
    if count <= 6 {
        return "•".repeat(count);
    }
    let first: String = value.chars().take(2).collect();
    let last: String = value.chars().skip(count - 2).collect();
    format!("{first}••••{last}")
}
