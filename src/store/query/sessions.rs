//! The list of session parts.

use super::answer::{List, NameCount, PageRequest, PrimitiveCount, SessionPart, Software, Warning};
use super::cursor::Cursor;
use super::filter::{Filter, State};
use super::id::{PartId, Time};
use super::limits::{DayError, Limits, QueryError};
use super::parts::{Candidate, View};
use super::selection::{Selection, roles_of};
use super::{NAMES_MAX, PAGE_ITEMS_MAX, Reader};
use crate::directory::day_name;
use rusqlite::{Connection, Row};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;

/// Items that an export reads at once.
const EXPORT_ITEMS: usize = 2_000;

/// Where a list goes on: after this part, with the day as it was at a change.
#[derive(Clone, Copy, Debug)]
struct After {
    day: i32,
    change: i64,
    last_at: i64,
    part: i64,
}

impl Reader {
    /// Session parts: the newest day first, within a day the newest activity first. Pages neither
    /// repeat nor skip parts that move up meanwhile; parts that are new meanwhile do not appear.
    pub fn sessions(
        &mut self,
        filter: &Filter,
        page: PageRequest<'_>,
        limits: &Limits<'_>,
    ) -> Result<List<SessionPart>, QueryError> {
        let after = page.cursor.map(|text| After::read(text, filter)).transpose()?;
        let limit = page.limit.clamp(1, PAGE_ITEMS_MAX);
        let mut warnings = Vec::new();
        let (items, next) = self.session_page(filter, after, limit, limits, &mut warnings)?;
        Ok(List { items, next: next.map(|after| after.write(filter)), warnings })
    }

    /// All session parts of a list, one after another, in the list's order. No transaction is
    /// open while `take` runs. Returns the days that are missing.
    pub fn each_session(
        &mut self,
        filter: &Filter,
        limits: &Limits<'_>,
        take: &mut dyn FnMut(SessionPart) -> ControlFlow<()>,
    ) -> Result<Vec<Warning>, QueryError> {
        let (mut after, mut warnings) = (None, Vec::new());
        loop {
            let (items, next) =
                self.session_page(filter, after, EXPORT_ITEMS, limits, &mut warnings)?;
            for item in items {
                if take(item).is_break() {
                    return Ok(warnings);
                }
            }
            after = next;
            if after.is_none() {
                return Ok(warnings);
            }
        }
    }

    fn session_page(
        &mut self,
        filter: &Filter,
        after: Option<After>,
        limit: usize,
        limits: &Limits<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<(Vec<SessionPart>, Option<After>), QueryError> {
        let mut items: Vec<SessionPart> = Vec::new();
        let mut last = None;
        let scope = self.scope.clone();
        for day in self.days_of(filter)? {
            if after.is_some_and(|after| day > after.day) {
                continue;
            }
            let after = after.filter(|after| after.day == day);
            let wanted = limit - items.len();
            let found = self.files.ask(day, limits, warnings, |connection| {
                let change = match after {
                    Some(after) => after.change,
                    None => newest_change(connection)?,
                };
                let selection = Selection::of(connection, filter, &scope)?;
                let view = View::new(connection, day, &selection, limits);
                let (found, has_more) = select(&view, change, after, wanted)?;
                let last = found.last().map(|(candidate, _)| After {
                    day,
                    change,
                    last_at: candidate.last_at,
                    part: candidate.part,
                });
                let parts = describe(&view, found)?;
                Ok((parts, last, has_more))
            })?;
            let Some((found, last_found, has_more)) = found else { continue };
            items.extend(found);
            last = last_found.or(last);
            if has_more {
                return Ok((items, last));
            }
        }
        Ok((items, None))
    }
}

impl After {
    fn write(&self, filter: &Filter) -> String {
        Cursor([i64::from(self.day), self.change, self.last_at, self.part])
            .write("sessions", filter)
    }

    fn read(text: &str, filter: &Filter) -> Result<Self, QueryError> {
        let Cursor([day, change, last_at, part]) = Cursor::read(text, "sessions", filter)?;
        let day = i32::try_from(day).map_err(|_| QueryError::BadCursor)?;
        Ok(Self { day, change, last_at, part })
    }
}

/// The number of a day's newest change.
pub(crate) fn newest_change(connection: &Connection) -> rusqlite::Result<i64> {
    let mut statement =
        connection.prepare_cached("SELECT value FROM meta WHERE key = 'changes'")?;
    let mut rows = statement.query(())?;
    rows.next()?.map_or(Ok(0), |row| row.get(0))
}

/// The next parts of a day, with how many calls of each are selected, and whether there are more.
fn select(
    view: &View<'_>,
    change: i64,
    after: Option<After>,
    wanted: usize,
) -> Result<(Vec<(Candidate, u64)>, bool), DayError> {
    let mut found = Vec::new();
    if view.selection.is_void() {
        return Ok((found, false));
    }
    for candidate in view.candidates(Some(change))? {
        let is_shown = after.is_some_and(|after| {
            (candidate.last_at, candidate.part) >= (after.last_at, after.part)
        });
        if is_shown {
            continue;
        }
        let matched = view.matched(&candidate)?;
        if matched == 0 && view.selection.is_on_calls() {
            continue;
        }
        if found.len() == wanted {
            return Ok((found, true));
        }
        found.push((candidate, matched));
    }
    Ok((found, false))
}

/// All that the list shows of some parts.
pub(crate) fn describe(
    view: &View<'_>,
    found: Vec<(Candidate, u64)>,
) -> Result<Vec<SessionPart>, DayError> {
    let mut names = Names::default();
    let mut statement = view.connection.prepare_cached(
        "SELECT p.session_id, p.id_source, p.server, p.last_at, p.ended_at, p.idle_us, \
         p.server_info, p.server_version, p.protocol_version, p.calls, p.errors, p.attacks, \
         p.blocked, p.notifications, p.bytes_in, p.bytes_out, a.user, a.roles, a.verified, \
         a.client, a.client_version, a.address, p.started_at, p.part \
         FROM parts p JOIN actors a ON a.actor = p.actor WHERE p.part = ?1",
    )?;
    let mut parts = Vec::with_capacity(found.len());
    for (candidate, matched) in found {
        let mut rows = statement.query([candidate.part])?;
        let Some(row) = rows.next()? else { continue };
        let mut part = read_part(view, row)?;
        part.matched = matched;
        names.fill(view.connection, candidate.part, &mut part)?;
        parts.push(part);
    }
    Ok(parts)
}

fn read_part(view: &View<'_>, row: &Row<'_>) -> rusqlite::Result<SessionPart> {
    let count = |index| row.get::<_, i64>(index).map(|count| count.max(0).cast_unsigned());
    let server: i64 = row.get(2)?;
    let last_at: i64 = row.get(3)?;
    let ended: Option<i64> = row.get(4)?;
    Ok(SessionPart {
        id: PartId { day: view.day, part: row.get(23)? },
        day: day_name(view.day),
        session_id: row.get(0)?,
        id_source: row.get(1)?,
        server: view.selection.servers.get(&server).cloned().unwrap_or_default(),
        user: some(row.get(16)?),
        users: Vec::new(),
        users_total: 0,
        roles: roles_of(super::selection::text_of(row, 17)?),
        verified: some(row.get(18)?),
        state: State::of(ended.is_some(), last_at, row.get(5)?, view.limits.now),
        matched: 0,
        client: software(row.get(19)?, row.get(20)?),
        server_info: software(row.get(6)?, row.get(7)?),
        protocol_version: some(row.get(8)?),
        address: some(row.get(21)?),
        started_at: Time(row.get(22)?),
        last_at: Time(last_at),
        ended: ended.map(Time),
        calls: count(9)?,
        errors: count(10)?,
        attacks: count(11)?,
        blocked: count(12)?,
        notifications: count(13)?,
        bytes_in: count(14)?,
        bytes_out: count(15)?,
        methods: Vec::new(),
        methods_total: 0,
        primitives: Vec::new(),
        primitives_total: 0,
    })
}

/// Text, if there is any.
pub(crate) fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Name and version, if there is a name.
pub(crate) fn software(name: String, version: String) -> Option<Software> {
    (!name.is_empty()).then_some(Software { name, version })
}

/// Method, and primitive by kind and name.
type Kind = (String, Option<(String, String)>);

/// Words of a day's numbers, as far as they were needed.
#[derive(Debug, Default)]
pub(crate) struct Names {
    kinds: FxHashMap<i64, Kind>,
    users: FxHashMap<i64, String>,
}

impl Names {
    /// Counts users, methods and primitives of a part.
    fn fill(
        &mut self,
        connection: &Connection,
        part: i64,
        into: &mut SessionPart,
    ) -> rusqlite::Result<()> {
        let mut by_kind: FxHashMap<i64, u64> = FxHashMap::default();
        let mut by_actor: FxHashMap<i64, u64> = FxHashMap::default();
        let mut statement = connection.prepare_cached(
            "SELECT actor, kind, calls FROM tallies WHERE part = ?1 AND calls > 0",
        )?;
        let mut rows = statement.query([part])?;
        while let Some(row) = rows.next()? {
            let calls = row.get::<_, i64>(2)?.cast_unsigned();
            *by_actor.entry(row.get(0)?).or_default() += calls;
            *by_kind.entry(row.get(1)?).or_default() += calls;
        }
        let mut users = Counts::default();
        for (actor, calls) in by_actor {
            let user = self.user(connection, actor)?;
            if !user.is_empty() {
                users.add(user, calls);
            }
        }
        let (mut methods, mut primitives) = (Counts::default(), Counts::default());
        for (kind, calls) in by_kind {
            let (method, primitive) = self.kind(connection, kind)?;
            if !method.is_empty() {
                methods.add(method, calls);
            }
            if let Some(primitive) = primitive {
                primitives.add(primitive, calls);
            }
        }
        (into.users_total, into.methods_total) = (users.len(), methods.len());
        into.primitives_total = primitives.len();
        into.users = users.top(NAMES_MAX).into_iter().map(|(user, _)| user.clone()).collect();
        into.methods = methods
            .top(NAMES_MAX)
            .into_iter()
            .map(|(name, count)| NameCount { name: name.clone(), count })
            .collect();
        into.primitives = primitives
            .top(NAMES_MAX)
            .into_iter()
            .map(|((kind, name), count)| PrimitiveCount {
                kind: kind.clone(),
                name: name.clone(),
                count,
            })
            .collect();
        Ok(())
    }

    fn user(&mut self, connection: &Connection, actor: i64) -> rusqlite::Result<&String> {
        match self.users.entry(actor) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => {
                let mut statement =
                    connection.prepare_cached("SELECT user FROM actors WHERE actor = ?1")?;
                Ok(new.insert(statement.query_row([actor], |row| row.get(0))?))
            }
        }
    }

    pub(crate) fn kind(&mut self, connection: &Connection, kind: i64) -> rusqlite::Result<&Kind> {
        match self.kinds.entry(kind) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => {
                let mut statement = connection.prepare_cached(
                    "SELECT method, primitive_kind, primitive FROM kinds WHERE kind = ?1",
                )?;
                let words = statement.query_row([kind], |row| {
                    let kind: Option<String> = row.get(1)?;
                    let name: Option<String> = row.get(2)?;
                    Ok((row.get(0)?, kind.zip(name)))
                })?;
                Ok(new.insert(words))
            }
        }
    }
}

/// How often each of some keys occurs.
#[derive(Clone, Debug)]
pub(crate) struct Counts<K>(FxHashMap<K, u64>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(FxHashMap::default())
    }
}

impl<K: std::hash::Hash + Eq + Ord + Clone> Counts<K> {
    pub(crate) fn add(&mut self, key: &K, count: u64) {
        match self.0.get_mut(key) {
            Some(sum) => *sum += count,
            None => {
                self.0.insert(key.clone(), count);
            }
        }
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        for (key, count) in &other.0 {
            self.add(key, *count);
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// The most frequent first; equals by key.
    pub(crate) fn top(&self, max: usize) -> Vec<(&K, u64)> {
        let mut all: Vec<(&K, u64)> = self.0.iter().map(|(key, count)| (key, *count)).collect();
        all.sort_unstable_by(|(a, left), (b, right)| right.cmp(left).then(a.cmp(b)));
        all.truncate(max);
        all
    }
}
