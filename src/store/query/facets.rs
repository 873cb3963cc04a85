//! Distinct values with counts.

use super::answer::Found;
use super::filter::Filter;
use super::limits::{DayError, Limits, QueryError};
use super::memory::{Question, Summed, Sums};
use super::parts::{Candidate, View};
use super::selection::{action_of, contains, numbers_of, params_of, roles_of, text_of};
use super::summary::{Facet, FacetRequest, FacetValue, Facets};
use super::{FACET_VALUES_DEFAULT, Reader};
use record::IdSource;
use rusqlite::Connection;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::collections::hash_map::Entry;

/// In how many places most actors and kinds are counted.
const PLACES_OFTEN: usize = 4;

/// The most names of parameters that are counted.
const PARAMS_MAX: usize = 32;

/// What a value takes, besides twice its own bytes.
const SLOT_BYTES: usize = 144;

const NAMES: [&str; 14] = [
    "server",
    "user",
    "role",
    "client",
    "address",
    "id_source",
    "state",
    "method",
    "primitive",
    "outcome",
    "status",
    "attack",
    "control",
    "action",
];
// Places in `NAMES`.
const SERVER: usize = 0;
const USER: usize = 1;
const ROLE: usize = 2;
const CLIENT: usize = 3;
const ADDRESS: usize = 4;
const ID_SOURCE: usize = 5;
const STATE: usize = 6;
const METHOD: usize = 7;
const PRIMITIVE: usize = 8;
const OUTCOME: usize = 9;
const STATUS: usize = 10;
const ATTACK: usize = 11;
const CONTROL: usize = 12;
const ACTION: usize = 13;

impl Reader {
    /// Distinct values of the calls on which the filters hold.
    pub fn facets(
        &mut self,
        filter: &Filter,
        request: &FacetRequest,
        limits: &Limits<'_>,
    ) -> Result<Found<Facets>, QueryError> {
        let mut warnings = Vec::new();
        let question = Question::new("facets", &request.names, filter, &self.scope);
        let empty = || Counting::new(request);
        let found = self.sum_up(question, filter, limits, &mut warnings, empty, |view| {
            let candidates =
                if view.selection.is_void() { Vec::new() } else { view.candidates(None)? };
            let mut of_day = Counting::new(request);
            of_day.count(view, candidates)?;
            Ok(of_day)
        })?;
        let Summed { settled, live: mut counting } = found;
        counting.add_all(&settled);
        Ok(Found { value: counting.finish(request), warnings })
    }
}

/// The facets of some parts of one day.
pub(crate) fn facets_of_day(
    view: &View<'_>,
    candidates: Vec<Candidate>,
    request: &FacetRequest,
) -> Result<Facets, DayError> {
    let mut counting = Counting::new(request);
    counting.count(view, candidates)?;
    Ok(counting.finish(request))
}

#[derive(Clone, Debug)]
struct Slot {
    value: String,
    calls: u64,
    sessions: u64,
    /// The part that was counted last.
    part: (i32, i64),
}

/// One facet being counted.
#[derive(Clone, Debug, Default)]
struct Counter {
    slots: Vec<Slot>,
    by_value: FxHashMap<String, usize>,
}

impl Counter {
    fn slot(&mut self, value: &str) -> usize {
        if let Some(slot) = self.by_value.get(value) {
            return *slot;
        }
        let slot = self.slots.len();
        self.slots.push(Slot { value: value.to_owned(), calls: 0, sessions: 0, part: (0, 0) });
        self.by_value.insert(value.to_owned(), slot);
        slot
    }

    fn add(&mut self, slot: usize, part: (i32, i64), calls: u64) {
        let Some(slot) = self.slots.get_mut(slot) else { return };
        slot.calls += calls;
        if slot.part != part {
            slot.part = part;
            slot.sessions += 1;
        }
    }

    fn add_all(&mut self, other: &Self) {
        for Slot { value, calls, sessions, .. } in &other.slots {
            let slot = self.slot(value);
            if let Some(slot) = self.slots.get_mut(slot) {
                slot.calls += calls;
                slot.sessions += sessions;
            }
        }
    }

    fn bytes(&self) -> usize {
        self.slots.iter().map(|slot| SLOT_BYTES + 2 * slot.value.len()).sum()
    }

    fn finish(self, name: String, request: &FacetRequest) -> Facet {
        let wanted = request.contains.as_ref().map(|text| text.to_ascii_lowercase());
        let mut slots: Vec<Slot> = self
            .slots
            .into_iter()
            .filter(|slot| slot.sessions > 0)
            .filter(|slot| wanted.as_ref().is_none_or(|wanted| contains(&slot.value, wanted)))
            .collect();
        slots.sort_unstable_by(|a, b| {
            (b.calls, b.sessions).cmp(&(a.calls, a.sessions)).then_with(|| a.value.cmp(&b.value))
        });
        let total = slots.len() as u64;
        let limit = if request.limit == 0 { FACET_VALUES_DEFAULT } else { request.limit };
        slots.truncate(limit);
        let values = slots
            .into_iter()
            .map(|Slot { value, calls, sessions, .. }| FacetValue { value, count: calls, sessions })
            .collect();
        Facet { name, values, total }
    }
}

/// Where the words of an actor or a kind are counted: facet and slot; of parameters, their index
/// among the parameters.
type Places = Vec<(usize, usize)>;

/// Of each actor: its places, and those of its parameters by name.
type ActorPlaces = FxHashMap<i64, (Places, Vec<(String, usize)>)>;

#[derive(Clone, Debug)]
struct Counting {
    facets: Vec<Counter>,
    /// Which of them are wanted.
    wanted: Vec<bool>,
    params: BTreeMap<String, Counter>,
    has_params: bool,
    calls: u64,
    errors: u64,
    sessions: u64,
}

impl Counting {
    fn new(request: &FacetRequest) -> Self {
        let is_wanted = |name: &str| {
            request.names.is_empty() || request.names.iter().any(|wanted| wanted == name)
        };
        Self {
            facets: vec![Counter::default(); NAMES.len()],
            wanted: NAMES.iter().map(|name| is_wanted(name)).collect(),
            params: BTreeMap::new(),
            has_params: request.names.is_empty()
                || request.names.iter().any(|name| name.starts_with("param.")),
            calls: 0,
            errors: 0,
            sessions: 0,
        }
    }

    /// Adds other days'.
    fn add_all(&mut self, other: &Self) {
        for (counter, other) in self.facets.iter_mut().zip(&other.facets) {
            counter.add_all(other);
        }
        for (name, other) in &other.params {
            if self.params.len() < PARAMS_MAX || self.params.contains_key(name) {
                self.params.entry(name.clone()).or_default().add_all(other);
            }
        }
        self.calls += other.calls;
        self.errors += other.errors;
        self.sessions += other.sessions;
    }

    fn is_wanted(&self, facet: usize) -> bool {
        self.wanted.get(facet).copied().unwrap_or(false)
    }

    fn place(&mut self, facet: usize, value: &str, places: &mut Places) {
        if value.is_empty() || !self.is_wanted(facet) {
            return;
        }
        if let Some(counter) = self.facets.get_mut(facet) {
            places.push((facet, counter.slot(value)));
        }
    }

    fn add(&mut self, places: &Places, part: (i32, i64), calls: u64) {
        for (facet, slot) in places {
            if let Some(counter) = self.facets.get_mut(*facet) {
                counter.add(*slot, part, calls);
            }
        }
    }

    /// The same for what parts have themselves. Without a filter on calls, all parts were counted
    /// before, those without a call in the range as well.
    fn add_of_part(&mut self, places: &Places, part: (i32, i64), calls: u64, is_on_calls: bool) {
        if is_on_calls {
            return self.add(places, part, calls);
        }
        for (facet, slot) in places {
            let counter = self.facets.get_mut(*facet);
            if let Some(slot) = counter.and_then(|counter| counter.slots.get_mut(*slot)) {
                slot.calls += calls;
            }
        }
    }

    fn count(&mut self, view: &View<'_>, mut candidates: Vec<Candidate>) -> Result<(), DayError> {
        let (connection, selection) = (view.connection, view.selection);
        let mut kinds: FxHashMap<i64, Places> = FxHashMap::default();
        let mut actors = ActorPlaces::default();
        let mut failure = None;
        let mut counted = 0_i64;
        if !selection.is_on_calls() {
            self.sessions += candidates.len() as u64;
            for candidate in &candidates {
                let places = self.part_places(view, candidate);
                self.add(&places, (view.day, candidate.part), 0);
            }
        }
        let mut part_places = Places::new();
        // Rows come part by part, and mostly actor by actor: each is counted once for all of them.
        let mut part_calls = 0;
        let mut actor_run: Option<(i64, (i32, i64), u64)> = None;
        view.all_shares(&mut candidates, &mut |candidate, share| {
            let (part, calls) = ((view.day, candidate.part), share.calls.cast_unsigned());
            self.calls += calls;
            // Probes and refused logins are kept together as what they are: no errors.
            if selection.error_kinds.has(share.kind)
                && candidate.id_source != IdSource::None as usize
            {
                self.errors += calls;
            }
            if counted != candidate.part {
                let before = (view.day, counted);
                self.add_of_part(&part_places, before, part_calls, selection.is_on_calls());
                counted = candidate.part;
                part_calls = 0;
                self.sessions += u64::from(selection.is_on_calls());
                part_places = self.part_places(view, candidate);
            }
            part_calls += calls;
            let places = match kinds.entry(share.kind) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let places = self.kind_places(connection, share.kind);
                    new.insert(keep(places, &mut failure))
                }
            };
            self.add(places, part, calls);
            match &mut actor_run {
                Some((actor, of, sum)) if (*actor, *of) == (share.actor, part) => *sum += calls,
                run => {
                    if let Some(run) = run.replace((share.actor, part, calls)) {
                        self.add_actor(connection, run, &mut actors, &mut failure);
                    }
                }
            }
        })?;
        let last = (view.day, counted);
        self.add_of_part(&part_places, last, part_calls, selection.is_on_calls());
        if let Some(run) = actor_run {
            self.add_actor(connection, run, &mut actors, &mut failure);
        }
        if let Some(error) = failure {
            return Err(error.into());
        }
        Ok(())
    }

    /// Counts some calls of an actor in a part.
    fn add_actor(
        &mut self,
        connection: &Connection,
        (actor, part, calls): (i64, (i32, i64), u64),
        actors: &mut ActorPlaces,
        failure: &mut Option<rusqlite::Error>,
    ) {
        let (places, params) = match actors.entry(actor) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let places = self.actor_places(connection, actor);
                new.insert(keep(places, failure))
            }
        };
        self.add(places, part, calls);
        for (name, slot) in params {
            if let Some(counter) = self.params.get_mut(name) {
                counter.add(*slot, part, calls);
            }
        }
    }

    fn part_places(&mut self, view: &View<'_>, candidate: &Candidate) -> Places {
        let mut places = Places::new();
        if let Some(name) = view.selection.servers.get(&candidate.server) {
            self.place(SERVER, name, &mut places);
        }
        let id_source = IdSource::ALL.get(candidate.id_source).map_or("", |source| source.as_str());
        self.place(ID_SOURCE, id_source, &mut places);
        self.place(STATE, candidate.state.as_str(), &mut places);
        places
    }

    fn kind_places(&mut self, connection: &Connection, kind: i64) -> rusqlite::Result<Places> {
        let mut statement = connection.prepare_cached(
            "SELECT method, primitive, outcome, status, attacks FROM kinds WHERE kind = ?1",
        )?;
        let mut rows = statement.query([kind])?;
        let mut places = Places::with_capacity(PLACES_OFTEN);
        if let Some(row) = rows.next()? {
            self.place(METHOD, text_of(row, 0)?, &mut places);
            self.place(PRIMITIVE, text_of(row, 1)?, &mut places);
            self.place(OUTCOME, text_of(row, 2)?, &mut places);
            let status: u16 = row.get(3)?;
            if status != 0 {
                self.place(STATUS, &status.to_string(), &mut places);
            }
            let attacks = text_of(row, 4)?;
            if !attacks.is_empty() {
                self.place(ACTION, action_of(text_of(row, 2)?), &mut places);
            }
            if !attacks.is_empty() && (self.is_wanted(ATTACK) || self.is_wanted(CONTROL)) {
                self.attack_places(connection, attacks, &mut places)?;
            }
        }
        Ok(places)
    }

    fn actor_places(
        &mut self,
        connection: &Connection,
        actor: i64,
    ) -> rusqlite::Result<(Places, Vec<(String, usize)>)> {
        let mut statement = connection.prepare_cached(
            "SELECT user, roles, client, address, params FROM actors WHERE actor = ?1",
        )?;
        let mut rows = statement.query([actor])?;
        let (mut places, mut params) = (Places::with_capacity(PLACES_OFTEN), Vec::new());
        if let Some(row) = rows.next()? {
            self.place(USER, text_of(row, 0)?, &mut places);
            if self.is_wanted(ROLE) {
                let mut roles = roles_of(text_of(row, 1)?);
                roles.sort_unstable();
                roles.dedup();
                for role in roles {
                    self.place(ROLE, &role, &mut places);
                }
            }
            self.place(CLIENT, text_of(row, 2)?, &mut places);
            self.place(ADDRESS, text_of(row, 3)?, &mut places);
            if self.has_params {
                for (name, value) in params_of(text_of(row, 4)?) {
                    if self.params.len() >= PARAMS_MAX && !self.params.contains_key(&name) {
                        continue;
                    }
                    let slot = self.params.entry(name.clone()).or_default().slot(&value);
                    params.push((name, slot));
                }
            }
        }
        Ok((places, params))
    }

    /// Types and titles of what objects to a call, each of them once.
    fn attack_places(
        &mut self,
        connection: &Connection,
        attacks: &str,
        places: &mut Places,
    ) -> rusqlite::Result<()> {
        let mut statement =
            connection.prepare_cached("SELECT type, title FROM controls WHERE control = ?1")?;
        let mut found = Places::new();
        for control in numbers_of(attacks) {
            let mut rows = statement.query([control])?;
            if let Some(row) = rows.next()? {
                self.place(ATTACK, text_of(row, 0)?, &mut found);
                self.place(CONTROL, text_of(row, 1)?, &mut found);
            }
        }
        found.sort_unstable();
        found.dedup();
        places.append(&mut found);
        Ok(())
    }

    fn finish(self, request: &FacetRequest) -> Facets {
        let mut facets = Vec::new();
        for ((name, counter), is_wanted) in NAMES.iter().zip(self.facets).zip(self.wanted) {
            if is_wanted {
                facets.push(counter.finish((*name).to_owned(), request));
            }
        }
        for (name, counter) in self.params {
            let name = format!("param.{name}");
            if request.names.is_empty() || request.names.contains(&name) {
                facets.push(counter.finish(name, request));
            }
        }
        Facets { calls: self.calls, errors: self.errors, sessions: self.sessions, facets }
    }
}

impl Sums for Counting {
    fn merge(&mut self, other: Self) {
        self.add_all(&other);
    }

    fn bytes(&self) -> usize {
        self.facets.iter().chain(self.params.values()).map(Counter::bytes).sum()
    }
}

/// A value, or its default and the first failure.
fn keep<T: Default>(value: rusqlite::Result<T>, failure: &mut Option<rusqlite::Error>) -> T {
    value.unwrap_or_else(|error| {
        failure.get_or_insert(error);
        T::default()
    })
}
