//! Attacks: lists of them, and one with its evidence.

use super::answer::{Attack, AttackDetail, EvidenceText, Found, List, PageRequest, Primitive};
use super::call::raw;
use super::cursor::Cursor;
use super::filter::Filter;
use super::id::{AttackId, CallId, PartId, Time};
use super::limits::{DayError, Limits, QueryError};
use super::parts::{Candidate, View};
use super::selection::{Selection, roles_of, text_of};
use super::sessions::{software, some};
use super::{PAGE_ITEMS_MAX, Reader};
use rusqlite::{Connection, OptionalExtension, Row, Statement};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// Where a list of a day goes on: before this time and number.
type Before = (i64, i64);
/// Before nothing: from the newest on.
const NEWEST: Before = (i64::MAX, i64::MAX);

/// All of an index: rows are read for the page only.
const WALK: &str = "SELECT at, attack, server, part, actor, kind, control FROM attack_rows \
     WHERE (at, attack) < (?1, ?2) AND at >= ?3 ORDER BY at DESC, attack DESC";
const OF_PART: &str = "SELECT at, attack, server, part, actor, kind, control FROM attack_rows \
     WHERE part = ?1";
const ONE: &str = "SELECT at, attack, server, part, actor, kind, control FROM attack_rows \
     WHERE attack = ?1";
const SELECT: &str = "SELECT a.attack, a.at, a.last_at, a.count, c.type, c.title, c.place, \
     a.action, a.detail, a.point, a.expected, a.found, a.call, a.part, s.name, p.session_id, \
     w.user, w.roles, w.client, w.client_version, w.address, k.method, k.primitive_kind, \
     k.primitive, r.extra, c.mode, c.text, a.evidence FROM attack_rows a \
     JOIN controls c ON c.control = a.control JOIN servers s ON s.server = a.server \
     JOIN parts p ON p.part = a.part JOIN actors w ON w.actor = a.actor \
     JOIN kinds k ON k.kind = a.kind LEFT JOIN call_rows r ON r.call = a.call \
     WHERE a.attack = ?1";

impl Reader {
    /// Attacks: the newest day first, within a day the newest first. Filters on calls hold on the
    /// first call of an attack that has several; `attack` and `control` on the attack itself.
    pub fn attacks(
        &mut self,
        filter: &Filter,
        page: PageRequest<'_>,
        limits: &Limits<'_>,
    ) -> Result<List<Attack>, QueryError> {
        let before = page.cursor.map(|text| Cursor::<3>::read(text, "attacks", filter));
        let before = before.transpose()?.map(|Cursor([day, at, attack])| (day, (at, attack)));
        let limit = page.limit.clamp(1, PAGE_ITEMS_MAX);
        let (mut warnings, scope) = (Vec::new(), self.scope.clone());
        let mut items: Vec<Attack> = Vec::new();
        for day in self.days_of(filter)? {
            if before.is_some_and(|(of, _)| i64::from(day) > of) {
                continue;
            }
            let of_day = before.filter(|(of, _)| *of == i64::from(day));
            let bound = of_day.map_or(NEWEST, |(_, bound)| bound);
            let wanted = limit - items.len();
            let found = self.files.ask(day, limits, &mut warnings, |connection| {
                let selection = Selection::of(connection, filter, &scope)?;
                let view = View::new(connection, day, &selection, limits);
                let mut attacks = newest(&view, bound, wanted + 1)?;
                let has_more = attacks.len() > wanted;
                attacks.truncate(wanted);
                Ok((read_attacks(connection, day, &attacks)?, has_more))
            })?;
            let Some((found, has_more)) = found else { continue };
            items.extend(found);
            if has_more {
                let next = items.last().map(|last| {
                    let AttackId { day, attack } = last.id;
                    Cursor([i64::from(day), last.at.0, attack]).write("attacks", filter)
                });
                return Ok(List { items, next: next.or(page.cursor.map(str::to_owned)), warnings });
            }
        }
        Ok(List { items, next: None, warnings })
    }

    /// One attack, with its evidence and the control's text as it was.
    pub fn attack(
        &mut self,
        id: AttackId,
        limits: &Limits<'_>,
    ) -> Result<Found<AttackDetail>, QueryError> {
        let (mut warnings, scope) = (Vec::new(), self.scope.clone());
        let found = self.files.ask(id.day, limits, &mut warnings, |connection| {
            let found = connection
                .prepare_cached(SELECT)?
                .query_row([id.attack], |row| {
                    let attack = read_attack(row, id.day)?;
                    let (mode, text): (String, i64) = (row.get(25)?, row.get(26)?);
                    Ok((attack, mode, text, row.get::<_, Option<i64>>(27)?))
                })
                .optional()?;
            let (attack, mode, text, evidence) = found.ok_or(QueryError::NotFound)?;
            super::session::server_of(connection, attack.session.part, &scope)?;
            let text = connection
                .prepare_cached("SELECT lines FROM control_texts WHERE text = ?1")?
                .query_row([text], |row| row.get::<_, String>(0))
                .optional()?
                .unwrap_or_default();
            let evidence = evidence.map(|evidence| read_evidence(connection, evidence));
            let evidence = evidence.transpose()?.flatten();
            Ok(AttackDetail { attack, mode, text, evidence })
        })?;
        Ok(Found { value: found.ok_or(QueryError::NotFound)?, warnings })
    }
}

/// Numbers of a day's newest selected attacks before a bound, the newest first.
fn newest(view: &View<'_>, before: Before, wanted: usize) -> Result<Vec<i64>, DayError> {
    let selection = view.selection;
    if selection.is_void() {
        return Ok(Vec::new());
    }
    // Rows of attacks are cut by `to` as by a cursor.
    let before = before.min((selection.to(), i64::MIN));
    let mut picking = Picking::new(view);
    if let Some(calls) = &selection.calls {
        let mut attacks = BTreeSet::new();
        let mut statement =
            view.connection.prepare_cached("SELECT attack FROM attack_calls WHERE call = ?1")?;
        for call in calls.values().flatten() {
            for attack in statement.query_map([call], |row| row.get::<_, i64>(0))? {
                attacks.insert(attack?);
            }
        }
        return of_each(view, ONE, attacks, &mut picking, before, wanted);
    }
    if !selection.filter.session_id.is_empty() {
        let parts = view.candidates(None)?.into_iter().map(|candidate| candidate.part).collect();
        return of_each(view, OF_PART, parts, &mut picking, before, wanted);
    }
    let mut found = Vec::new();
    let mut statement = view.connection.prepare_cached(WALK)?;
    let mut rows = statement.query((before.0, before.1, selection.from()))?;
    while let Some(row) = rows.next()? {
        if picking.takes(row)? {
            found.push(row.get(1)?);
            if found.len() == wanted {
                break;
            }
        }
    }
    Ok(found)
}

/// The same of a few parts, or attacks.
fn of_each(
    view: &View<'_>,
    sql: &str,
    numbers: BTreeSet<i64>,
    picking: &mut Picking<'_>,
    before: Before,
    wanted: usize,
) -> Result<Vec<i64>, DayError> {
    let mut found: Vec<Before> = Vec::new();
    let mut statement: rusqlite::CachedStatement<'_> = view.connection.prepare_cached(sql)?;
    let statement: &mut Statement<'_> = &mut statement;
    for number in numbers {
        let mut rows = statement.query([number])?;
        while let Some(row) = rows.next()? {
            let key: Before = (row.get(0)?, row.get(1)?);
            if key < before && key.0 >= view.selection.from() && picking.takes(row)? {
                found.push(key);
            }
        }
    }
    found.sort_unstable_by_key(|key| std::cmp::Reverse(*key));
    found.truncate(wanted);
    Ok(found.into_iter().map(|(_, attack)| attack).collect())
}

/// Tells whether the filters hold on an attack.
pub(crate) struct Picking<'a> {
    view: &'a View<'a>,
    /// Whether there are filters on its session part.
    is_on_parts: bool,
    parts: FxHashMap<i64, Option<Candidate>>,
}

impl<'a> Picking<'a> {
    pub(crate) fn new(view: &'a View<'a>) -> Self {
        let filter = view.selection.filter;
        let is_on_parts = !filter.session_id.is_empty()
            || !filter.id_source.is_empty()
            || !filter.state.is_empty()
            || view.selection.text.is_some();
        Self { view, is_on_parts, parts: FxHashMap::default() }
    }

    /// Of a row that begins with `at`, `attack`, `server`, `part`, `actor`, `kind`, `control`.
    pub(crate) fn takes(&mut self, row: &Row<'_>) -> Result<bool, DayError> {
        let selection = self.view.selection;
        if !selection.servers.contains_key(&row.get(2)?) || !selection.wants(row.get(6)?) {
            return Ok(false);
        }
        let mut has_text = false;
        if self.is_on_parts {
            let part: i64 = row.get(3)?;
            let candidate = match self.parts.get(&part) {
                Some(candidate) => *candidate,
                None => {
                    let candidate = self.view.candidate(part)?;
                    self.parts.insert(part, candidate);
                    candidate
                }
            };
            let Some(candidate) = candidate else { return Ok(false) };
            has_text = candidate.has_text;
        }
        Ok(selection.has(row.get(5)?, row.get(4)?, has_text))
    }
}

/// Some attacks of a day, by their numbers, in this order.
pub(crate) fn read_attacks(
    connection: &Connection,
    day: i32,
    attacks: &[i64],
) -> rusqlite::Result<Vec<Attack>> {
    let mut statement = connection.prepare_cached(SELECT)?;
    let mut found = Vec::with_capacity(attacks.len());
    for attack in attacks {
        let row = statement.query_row([attack], |row| read_attack(row, day)).optional()?;
        found.extend(row);
    }
    Ok(found)
}

/// Numbers of a day's selected attacks that came after one, in order; and whether there are more.
pub(crate) fn attacks_after(
    view: &View<'_>,
    since: i64,
    limit: usize,
    looked_at_max: i64,
) -> Result<(Vec<i64>, bool), DayError> {
    if view.selection.is_void() {
        return Ok((Vec::new(), false));
    }
    let mut picking = Picking::new(view);
    let mut statement = view.connection.prepare_cached(
        "SELECT at, attack, server, part, actor, kind, control FROM attack_rows \
         WHERE attack > ?1 ORDER BY attack LIMIT ?2",
    )?;
    let mut rows = statement.query((since, looked_at_max))?;
    let (mut found, mut looked_at) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        looked_at += 1;
        let attack: i64 = row.get(1)?;
        if !view.selection.has_time(row.get(0)?) || !picking.takes(row)? {
            continue;
        }
        let is_named = match &view.selection.calls {
            Some(calls) => is_of(view.connection, attack, calls.values().flatten())?,
            None => true,
        };
        if is_named {
            if found.len() == limit {
                return Ok((found, true));
            }
            found.push(attack);
        }
    }
    Ok((found, looked_at >= looked_at_max))
}

fn is_of<'c>(
    connection: &Connection,
    attack: i64,
    calls: impl Iterator<Item = &'c i64>,
) -> rusqlite::Result<bool> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM attack_calls WHERE call = ?1 AND attack = ?2")?;
    for call in calls {
        if statement.exists((call, attack))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An attack from [`SELECT`].
fn read_attack(row: &Row<'_>, day: i32) -> rusqlite::Result<Attack> {
    let session = PartId { day, part: row.get(13)? };
    let primitive_kind: Option<String> = row.get(22)?;
    let mut attack = Attack {
        id: AttackId { day, attack: row.get(0)? },
        at: Time(row.get(1)?),
        kind: row.get(4)?,
        control: some(row.get(5)?),
        place: some(row.get(6)?),
        verdict: DENY,
        action: row.get(7)?,
        detail: row.get(8)?,
        point: row.get(9)?,
        expected: row.get(10)?,
        found: row.get(11)?,
        count: row.get::<_, i64>(3)?.max(0).cast_unsigned(),
        last_at: Time(row.get(2)?),
        call: CallId { day, part: session.part, call: row.get(12)? },
        session,
        session_id: row.get(15)?,
        server: row.get(14)?,
        user: some(row.get(16)?),
        roles: roles_of(text_of(row, 17)?),
        client: software(row.get(18)?, row.get(19)?),
        address: some(row.get(20)?),
        method: some(row.get(21)?),
        primitive: primitive_kind
            .zip(row.get::<_, Option<String>>(23)?)
            .map(|(kind, name)| Primitive { kind, name }),
    };
    if let Some(extra) = row.get::<_, Option<String>>(24)? {
        take_extra(&mut attack, &extra);
    }
    Ok(attack)
}

/// An attack is an objection: no control stores that it allows a call.
pub(crate) const DENY: &str = "deny";

/// What the day's dictionaries had no room for.
fn take_extra(attack: &mut Attack, extra: &str) {
    let extra: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(extra).unwrap_or_default();
    let text = |name: &str| extra.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    attack.method = text("method").or(attack.method.take());
    if let (Some(primitive), Some(name)) = (&mut attack.primitive, text("primitive")) {
        primitive.name = name;
    }
    attack.user = text("user").or(attack.user.take());
    if let Some(roles) = text("roles") {
        attack.roles = roles_of(&roles);
    }
    if let Some(name) = text("client") {
        attack.client = software(name, text("client_version").unwrap_or_default());
    }
    attack.address = text("address").or(attack.address.take());
}

fn read_evidence(connection: &Connection, evidence: i64) -> rusqlite::Result<Option<EvidenceText>> {
    connection
        .prepare_cached("SELECT line, headers, body, truncated FROM evidence WHERE evidence = ?1")?
        .query_row([evidence], |row| {
            Ok(EvidenceText {
                line: row.get(0)?,
                headers: raw(row.get(1)?),
                body: row.get(2)?,
                truncated: row.get(3)?,
            })
        })
        .optional()
}
