//! Users and clients across servers.

use super::answer::{List, NameCount, Software};
use super::filter::Filter;
use super::id::Time;
use super::limits::{DayError, Limits, QueryError};
use super::parts::View;
use super::selection::{Selection, roles_of};
use super::sessions::{Counts, Names, some};
use super::summary::Agent;
use super::{NAMES_MAX, PAGE_ITEMS_MAX, Reader};
use record::{IdSource, Micros};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// The most agents that are told apart; calls of further ones are not counted.
const AGENTS_MAX: usize = 50_000;

/// User and name of the client; empty where there is none.
type Key = (String, String);

#[derive(Debug, Default)]
struct Sums {
    versions: Counts<String>,
    roles: BTreeSet<String>,
    sessions: u64,
    calls: u64,
    errors: u64,
    attacks: u64,
    servers: Counts<String>,
    tools: Counts<String>,
    seen: Option<(Micros, Micros)>,
}

/// The same of one day, in its numbers.
#[derive(Debug, Default)]
struct DaySums {
    calls: u64,
    errors: u64,
    attacks: u64,
    sessions: u64,
    /// The part that was counted last.
    part: i64,
    seen: Option<(Micros, Micros)>,
}

/// What one day adds, by number of the agent in that day.
#[derive(Debug, Default)]
struct OfDay {
    agents: Vec<(Key, DaySums)>,
    /// Agent of an actor, with version and roles.
    actors: FxHashMap<i64, (usize, String, String)>,
    by_key: FxHashMap<Key, usize>,
    by_actor: FxHashMap<i64, u64>,
    by_server: FxHashMap<(usize, i64), u64>,
    by_kind: FxHashMap<(usize, i64), u64>,
}

impl Reader {
    /// Users and clients across servers, the busiest first; at most [`PAGE_ITEMS_MAX`] items.
    pub fn agents(
        &mut self,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<List<Agent>, QueryError> {
        let (mut warnings, scope) = (Vec::new(), self.scope.clone());
        let mut agents: BTreeMap<Key, Sums> = BTreeMap::new();
        for day in self.days_of(filter)? {
            let found = self.files.ask(day, limits, &mut warnings, |connection| {
                let selection = Selection::of(connection, filter, &scope)?;
                let view = View::new(connection, day, &selection, limits);
                let of_day = count(&view)?;
                name(&view, of_day)
            })?;
            for (key, sums) in found.unwrap_or_default() {
                if agents.len() >= AGENTS_MAX && !agents.contains_key(&key) {
                    continue;
                }
                agents.entry(key).or_default().add(sums);
            }
        }
        let mut items: Vec<Agent> = agents.into_iter().map(|(key, sums)| sums.agent(key)).collect();
        items.sort_by_key(|agent| std::cmp::Reverse(agent.calls));
        items.truncate(PAGE_ITEMS_MAX);
        Ok(List { items, next: None, warnings })
    }
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.versions.add_all(&other.versions);
        self.roles.extend(other.roles);
        self.sessions += other.sessions;
        self.calls += other.calls;
        self.errors += other.errors;
        self.attacks += other.attacks;
        self.servers.add_all(&other.servers);
        self.tools.add_all(&other.tools);
        if let Some((first, last)) = other.seen {
            let (from, to) = self.seen.unwrap_or((first, last));
            self.seen = Some((from.min(first), to.max(last)));
        }
    }

    fn agent(self, (user, client): Key) -> Agent {
        let names = |counts: &Counts<String>| {
            let top = counts.top(NAMES_MAX).into_iter();
            top.map(|(name, count)| NameCount { name: name.clone(), count }).collect()
        };
        let version = self.versions.top(1).first().map(|(version, _)| (*version).clone());
        let (first, last) = self.seen.unwrap_or_default();
        Agent {
            user: some(user),
            client: some(client)
                .map(|name| Software { name, version: version.unwrap_or_default() }),
            roles: self.roles.into_iter().take(NAMES_MAX).collect(),
            sessions: self.sessions,
            calls: self.calls,
            errors: self.errors,
            attacks: self.attacks,
            servers: names(&self.servers),
            servers_total: self.servers.len(),
            tools: names(&self.tools),
            tools_total: self.tools.len(),
            first_seen_at: Time(first),
            last_seen_at: Time(last),
        }
    }
}

impl OfDay {
    /// The agent of an actor.
    fn agent(&mut self, view: &View<'_>, actor: i64) -> rusqlite::Result<usize> {
        if let Some((agent, ..)) = self.actors.get(&actor) {
            return Ok(*agent);
        }
        let mut statement = view.connection.prepare_cached(
            "SELECT user, client, client_version, roles FROM actors WHERE actor = ?1",
        )?;
        let (key, version, roles): (Key, String, String) = statement
            .query_row([actor], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?, row.get(3)?)))?;
        let agent = match self.by_key.get(&key) {
            Some(agent) => *agent,
            None => {
                let agent = self.agents.len();
                self.by_key.insert(key.clone(), agent);
                self.agents.push((key, DaySums::default()));
                agent
            }
        };
        self.actors.insert(actor, (agent, version, roles));
        Ok(agent)
    }
}

fn count(view: &View<'_>) -> Result<OfDay, DayError> {
    let selection = view.selection;
    let mut of_day = OfDay::default();
    if selection.is_void() {
        return Ok(of_day);
    }
    let mut candidates = view.candidates(None)?;
    let mut failure = None;
    view.all_shares(&mut candidates, &mut |candidate, share| {
        let agent = match of_day.agent(view, share.actor) {
            Ok(agent) => agent,
            Err(error) => {
                failure.get_or_insert(error);
                return;
            }
        };
        let calls = share.calls.cast_unsigned();
        *of_day.by_actor.entry(share.actor).or_default() += calls;
        *of_day.by_server.entry((agent, candidate.server)).or_default() += calls;
        *of_day.by_kind.entry((agent, share.kind)).or_default() += calls;
        let Some((_, sums)) = of_day.agents.get_mut(agent) else { return };
        sums.calls += calls;
        sums.attacks += calls * selection.attacks_of(share.kind);
        let is_probing = candidate.id_source == IdSource::None as usize;
        if selection.error_kinds.has(share.kind) && !is_probing {
            sums.errors += calls;
        }
        if sums.part != candidate.part {
            sums.part = candidate.part;
            sums.sessions += 1;
            let (first, last) = sums.seen.unwrap_or((candidate.started_at, candidate.last_at));
            sums.seen = Some((first.min(candidate.started_at), last.max(candidate.last_at)));
        }
    })?;
    if let Some(error) = failure {
        return Err(error.into());
    }
    Ok(of_day)
}

/// The same in words.
fn name(view: &View<'_>, of_day: OfDay) -> Result<Vec<(Key, Sums)>, DayError> {
    let OfDay { agents, actors, by_actor, by_server, by_kind, .. } = of_day;
    let mut named: Vec<(Key, Sums)> = agents
        .into_iter()
        .map(|(key, DaySums { calls, errors, attacks, sessions, seen, .. })| {
            (key, Sums { calls, errors, attacks, sessions, seen, ..Sums::default() })
        })
        .collect();
    for (actor, (agent, version, roles)) in actors {
        let Some((_, sums)) = named.get_mut(agent) else { continue };
        sums.versions.add(&version, by_actor.get(&actor).copied().unwrap_or(0));
        sums.roles.extend(roles_of(&roles));
    }
    for ((agent, server), calls) in by_server {
        let name = view.selection.servers.get(&server);
        if let (Some((_, sums)), Some(name)) = (named.get_mut(agent), name) {
            sums.servers.add(name, calls);
        }
    }
    let mut names = Names::default();
    for ((agent, kind), calls) in by_kind {
        let (_, primitive) = names.kind(view.connection, kind)?;
        if let (Some((_, sums)), Some((word, name))) = (named.get_mut(agent), primitive)
            && word == protocol::PrimitiveKind::Tool.as_str()
        {
            sums.tools.add(name, calls);
        }
    }
    Ok(named)
}
