//! A filter in the numbers of one day.

use super::filter::{Filter, Scope};
use super::limits::DayError;
use crate::rollup;
use record::{Action, Outcome};
use rusqlite::{Connection, params};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// A set of small numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    pub(crate) fn add(&mut self, number: i64) {
        let Ok(number) = usize::try_from(number) else { return };
        if number / 64 >= self.words.len() {
            self.words.resize(number / 64 + 1, 0);
        }
        if let Some(word) = self.words.get_mut(number / 64) {
            self.len += usize::from(*word & 1 << (number % 64) == 0);
            *word |= 1 << (number % 64);
        }
    }

    pub(crate) fn has(&self, number: i64) -> bool {
        let Ok(number) = usize::try_from(number) else { return false };
        self.words.get(number / 64).is_some_and(|word| word & 1 << (number % 64) != 0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = i64> {
        self.words.iter().zip(0_i64..).flat_map(|(word, index)| {
            (0..64).filter(move |bit| word & 1 << bit != 0).map(move |bit| index * 64 + bit)
        })
    }
}

/// `q`: of a call, the primitive, the user or the session id has to contain it.
#[derive(Debug)]
pub(crate) struct Text {
    /// In lower case.
    pub(crate) text: String,
    pub(crate) kinds: Bits,
    pub(crate) actors: Bits,
}

/// A filter in the numbers of one day.
#[derive(Debug)]
pub(crate) struct Selection<'f> {
    pub(crate) filter: &'f Filter,
    /// Servers that may be seen and are wanted, with their names.
    pub(crate) servers: FxHashMap<i64, String>,
    /// Whether some server of the day is not among them.
    pub(crate) is_server_bound: bool,
    /// `None`: any.
    pub(crate) kinds: Option<Bits>,
    /// `None`: any.
    pub(crate) actors: Option<Bits>,
    pub(crate) text: Option<Text>,
    /// The only calls there can be, by part: found by request id.
    pub(crate) calls: Option<BTreeMap<i64, Vec<i64>>>,
    /// Kinds whose outcome is an error.
    pub(crate) error_kinds: Bits,
    /// Controls whose attacks are wanted. `None`: any.
    pub(crate) controls: Option<Bits>,
    /// How many wanted attacks each call of a kind has; kinds with none are not in it.
    attack_kinds: FxHashMap<i64, u64>,
}

impl<'f> Selection<'f> {
    /// Of a day.
    pub(crate) fn of(
        day: &Connection,
        filter: &'f Filter,
        scope: &Scope,
    ) -> Result<Self, DayError> {
        let mut selection = Self {
            filter,
            servers: FxHashMap::default(),
            is_server_bound: false,
            kinds: None,
            actors: None,
            text: filter.q.as_ref().filter(|q| !q.is_empty()).map(|q| Text {
                text: q.to_ascii_lowercase(),
                kinds: Bits::default(),
                actors: Bits::default(),
            }),
            calls: None,
            error_kinds: Bits::default(),
            controls: None,
            attack_kinds: FxHashMap::default(),
        };
        selection.find_servers(day, scope)?;
        selection.find_controls(day)?;
        selection.find_kinds(day)?;
        selection.find_actors(day)?;
        selection.find_calls(day)?;
        Ok(selection)
    }

    fn find_servers(&mut self, day: &Connection, scope: &Scope) -> rusqlite::Result<()> {
        let mut statement = day.prepare_cached("SELECT server, name FROM servers")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(1)?;
            let is_wanted = self.filter.server.is_empty() || self.filter.server.contains(&name);
            if is_wanted && scope.has(&name) {
                self.servers.insert(row.get(0)?, name);
            } else {
                self.is_server_bound = true;
            }
        }
        Ok(())
    }

    /// The controls on which the filters hold, both of them on one and the same.
    fn find_controls(&mut self, day: &Connection) -> rusqlite::Result<()> {
        let filter = self.filter;
        if filter.attack.is_empty() && filter.control.is_empty() {
            return Ok(());
        }
        let is_any_attack = filter.attack.iter().any(|attack| attack == "any");
        let mut controls = Bits::default();
        let mut statement = day.prepare_cached("SELECT control, type, title FROM controls")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            if (is_any_attack || is_any(&filter.attack, text_of(row, 1)?))
                && is_any(&filter.control, text_of(row, 2)?)
            {
                controls.add(row.get(0)?);
            }
        }
        self.controls = Some(controls);
        Ok(())
    }

    /// Whether attacks that a control found are wanted.
    pub(crate) fn wants(&self, control: i64) -> bool {
        self.controls.as_ref().is_none_or(|controls| controls.has(control))
    }

    /// How many wanted attacks a call of a kind has.
    pub(crate) fn attacks_of(&self, kind: i64) -> u64 {
        if self.attack_kinds.is_empty() {
            return 0;
        }
        self.attack_kinds.get(&kind).copied().unwrap_or(0)
    }

    fn find_kinds(&mut self, day: &Connection) -> rusqlite::Result<()> {
        let filter = self.filter;
        let is_bound = !(filter.method.is_empty()
            && filter.primitive.is_empty()
            && filter.outcome.is_empty()
            && filter.status.is_empty()
            && filter.action.is_empty()
            && self.controls.is_none());
        let mut kinds = Bits::default();
        let mut statement = day.prepare_cached(
            "SELECT kind, method, primitive, outcome, status, attacks FROM kinds",
        )?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let kind: i64 = row.get(0)?;
            let outcome = text_of(row, 3)?;
            if Outcome::ALL.into_iter().any(|o| o.is_error() && o.as_str() == outcome) {
                self.error_kinds.add(kind);
            }
            let primitive = text_of(row, 2)?;
            if let Some(text) = self.text.as_mut().filter(|text| contains(primitive, &text.text)) {
                text.kinds.add(kind);
            }
            let attacks = text_of(row, 5)?;
            let attacks = match attacks {
                "" => 0,
                attacks => numbers_of(attacks).filter(|control| self.wants(*control)).count(),
            };
            if attacks > 0 {
                self.attack_kinds.insert(kind, attacks as u64);
            }
            if is_bound
                && (attacks > 0 || self.controls.is_none() && filter.action.is_empty())
                && is_any(&filter.action, action_of(outcome))
                && is_any(&filter.method, text_of(row, 1)?)
                && is_any(&filter.primitive, primitive)
                && is_any(&filter.outcome, outcome)
                && (filter.status.is_empty() || filter.status.contains(&row.get(4)?))
            {
                kinds.add(kind);
            }
        }
        self.kinds = is_bound.then_some(kinds);
        Ok(())
    }

    fn find_actors(&mut self, day: &Connection) -> rusqlite::Result<()> {
        let filter = self.filter;
        let is_bound = !(filter.user.is_empty()
            && filter.role.is_empty()
            && filter.client.is_empty()
            && filter.address.is_empty()
            && filter.param.is_empty());
        if !is_bound && self.text.is_none() {
            return Ok(());
        }
        let mut actors = Bits::default();
        let mut roles_seen: FxHashMap<String, bool> = FxHashMap::default();
        let mut statement =
            day.prepare_cached("SELECT actor, user, roles, client, address, params FROM actors")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let actor: i64 = row.get(0)?;
            let user = text_of(row, 1)?;
            if let Some(text) = self.text.as_mut().filter(|text| contains(user, &text.text)) {
                text.actors.add(actor);
            }
            if !is_bound || !is_user(&filter.user, user) {
                continue;
            }
            if !is_any(&filter.client, text_of(row, 3)?)
                || !is_any(&filter.address, text_of(row, 4)?)
            {
                continue;
            }
            let roles = text_of(row, 2)?;
            let has_role = filter.role.is_empty()
                || *roles_seen.entry(roles.to_owned()).or_insert_with_key(|roles| {
                    roles_of(roles).iter().any(|role| filter.role.contains(role))
                });
            if has_role && has_params(&filter.param, text_of(row, 5)?) {
                actors.add(actor);
            }
        }
        self.actors = is_bound.then_some(actors);
        Ok(())
    }

    /// Calls that are named outright.
    fn find_calls(&mut self, day: &Connection) -> Result<(), DayError> {
        if self.filter.request_id.is_empty() {
            return Ok(());
        }
        let calls = calls_of_requests(day, &self.filter.request_id)?;
        let mut by_part: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        let mut statement = day.prepare_cached("SELECT part FROM call_rows WHERE call = ?1")?;
        for call in calls {
            let mut rows = statement.query([call])?;
            if let Some(row) = rows.next()? {
                by_part.entry(row.get(0)?).or_default().push(call);
            }
        }
        for calls in by_part.values_mut() {
            calls.sort_unstable();
        }
        self.calls = Some(by_part);
        Ok(())
    }

    /// Whether there is a filter on calls.
    pub(crate) fn is_on_calls(&self) -> bool {
        self.kinds.is_some() || self.actors.is_some() || self.text.is_some() || self.calls.is_some()
    }

    /// Whether no call of the day can be selected.
    pub(crate) fn is_void(&self) -> bool {
        self.servers.is_empty()
            || self.kinds.as_ref().is_some_and(Bits::is_empty)
            || self.actors.as_ref().is_some_and(Bits::is_empty)
            || self.calls.as_ref().is_some_and(BTreeMap::is_empty)
    }

    /// Whether the filters hold on calls of this kind and actor, in a part whose session id does
    /// or does not contain the text.
    pub(crate) fn has(&self, kind: i64, actor: i64, has_text: bool) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.has(kind))
            && self.actors.as_ref().is_none_or(|actors| actors.has(actor))
            && (has_text
                || self
                    .text
                    .as_ref()
                    .is_none_or(|text| text.kinds.has(kind) || text.actors.has(actor)))
    }

    /// Whether a call may have begun at this time.
    pub(crate) fn has_time(&self, at: i64) -> bool {
        self.from() <= at && at < self.to()
    }

    pub(crate) fn from(&self) -> i64 {
        self.filter.from.unwrap_or(i64::MIN)
    }

    pub(crate) fn to(&self) -> i64 {
        self.filter.to.unwrap_or(i64::MAX)
    }
}

/// What was done about attacks, by the outcome of their call: a blocked call is blocked whichever
/// control wanted it, and its attacks with it.
pub(crate) fn action_of(outcome: &str) -> &'static str {
    let action =
        if outcome == Outcome::Blocked.as_str() { Action::Blocked } else { Action::Passed };
    action.as_str()
}

/// The controls in `kinds.attacks`.
pub(crate) fn numbers_of(attacks: &str) -> impl Iterator<Item = i64> {
    attacks.split(',').filter_map(|number| number.parse().ok())
}

/// Text of a column; empty for NULL.
pub(crate) fn text_of<'r>(row: &'r rusqlite::Row<'_>, index: usize) -> rusqlite::Result<&'r str> {
    Ok(row.get_ref(index)?.as_str_or_null()?.unwrap_or(""))
}

fn is_any(wanted: &[String], value: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| wanted == value)
}

fn is_user(wanted: &[String], user: &str) -> bool {
    is_any(wanted, user) || !user.is_empty() && wanted.iter().any(|wanted| wanted == "*")
}

/// Whether text contains text that is in lower case already, ASCII letters of either case.
pub(crate) fn contains(text: &str, lower: &str) -> bool {
    !text.is_empty() && text.to_ascii_lowercase().contains(lower)
}

/// Roles of an actor.
pub(crate) fn roles_of(json: &str) -> Vec<String> {
    if json.is_empty() {
        return Vec::new();
    }
    serde_json::from_str(json).unwrap_or_default()
}

/// Parameters of an actor.
pub(crate) fn params_of(json: &str) -> BTreeMap<String, String> {
    if json == "{}" || json.is_empty() {
        return BTreeMap::new();
    }
    serde_json::from_str(json).unwrap_or_default()
}

fn has_params(wanted: &[(String, Vec<String>)], json: &str) -> bool {
    if wanted.is_empty() {
        return true;
    }
    let params = params_of(json);
    wanted.iter().all(|(name, values)| params.get(name).is_some_and(|value| is_any(values, value)))
}

/// A request id as `call_rows` has it.
enum RequestId<'a> {
    Bytes([u8; 16]),
    Text(&'a str),
}

fn calls_of_requests(day: &Connection, ids: &[String]) -> rusqlite::Result<FxHashSet<i64>> {
    let ids: Vec<RequestId<'_>> = ids
        .iter()
        .map(|id| match crate::page::hex_bytes(&id.to_ascii_lowercase()) {
            Some(bytes) => RequestId::Bytes(bytes),
            None => RequestId::Text(id),
        })
        .collect();
    let mut blocks = Vec::new();
    let mut statement = day.prepare_cached("SELECT block, requests FROM blocks")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let requests = row.get_ref(1)?.as_blob_or_null()?;
        let may_hold = ids.iter().any(|id| match id {
            RequestId::Bytes(bytes) => rollup::may_hold(requests, bytes),
            RequestId::Text(text) => rollup::may_hold(requests, text.as_bytes()),
        });
        if may_hold {
            blocks.push(row.get::<_, i64>(0)?);
        }
    }
    let mut calls = FxHashSet::default();
    let mut statement = day.prepare_cached(
        "SELECT call FROM call_rows WHERE call BETWEEN ?1 AND ?2 AND request_id = ?3",
    )?;
    for block in blocks {
        let first = block * rollup::BLOCK_CALLS;
        let last = first + rollup::BLOCK_CALLS - 1;
        for id in &ids {
            let mut rows = match id {
                RequestId::Bytes(bytes) => statement.query(params![first, last, &bytes[..]])?,
                RequestId::Text(text) => statement.query(params![first, last, text])?,
            };
            while let Some(row) = rows.next()? {
                calls.insert(row.get(0)?);
            }
        }
    }
    Ok(calls)
}
