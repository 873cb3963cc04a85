//! Users and clients across servers.

use super::answer::{List, NameCount, Software};
use super::filter::Filter;
use super::id::Time;
use super::limits::{DayError, Limits, QueryError};
use super::memory::{Question, Summed};
use super::parts::{Candidate, View};
use super::selection::roles_of;
use super::sessions::{Counts, Names, some};
use super::summary::Agent;
use super::{NAMES_MAX, PAGE_ITEMS_MAX, Reader};
use protocol::PrimitiveKind;
use record::{IdSource, Micros};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// The most agents that are told apart; calls of further ones are not counted.
const AGENTS_MAX: usize = 50_000;

/// What an agent takes in memory, and each name it is counted with, about.
const AGENT_BYTES: usize = 400;
const NAME_BYTES: usize = 64;

/// User and name of the client; empty where there is none.
type Key = (String, String);

#[derive(Clone, Debug, Default)]
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
#[derive(Default)]
struct OfDay {
    agents: Vec<(Key, DaySums)>,
    /// Agent of an actor, with version and roles.
    actors: FxHashMap<i64, (usize, String, String)>,
    by_key: FxHashMap<Key, usize>,
    by_actor: FxHashMap<i64, u64>,
    by_server: FxHashMap<(usize, i64), u64>,
    by_tool: FxHashMap<(usize, usize), u64>,
    /// Names of tools by their number in this day, and the tool of a kind.
    tools: Vec<String>,
    tool_numbers: FxHashMap<String, usize>,
    tools_of_kinds: FxHashMap<i64, Option<usize>>,
    names: Names,
}

impl Reader {
    /// Users and clients across servers, the busiest first; at most [`PAGE_ITEMS_MAX`] items.
    pub fn agents(
        &mut self,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<List<Agent>, QueryError> {
        let mut warnings = Vec::new();
        let question = Question::new("agents", &[], filter, &self.scope);
        let empty = ByAgent::default;
        let found = self.sum_up(question, filter, limits, &mut warnings, empty, |view| {
            let of_day = count(view)?;
            let mut agents = ByAgent::default();
            for (key, sums) in name(view, of_day) {
                agents.add(key, sums);
            }
            Ok(agents)
        })?;
        Ok(List { items: busiest(found), next: None, warnings })
    }
}

/// The busiest agents of all days; equally busy ones by name.
fn busiest(Summed { settled, live: ByAgent(mut live) }: Summed<ByAgent>) -> Vec<Agent> {
    let mut calls: Vec<(u64, &Key)> = Vec::with_capacity(settled.0.len());
    for (key, sums) in &settled.0 {
        let live = live.get(key).map_or(0, |live| live.calls);
        calls.push((sums.calls + live, key));
    }
    let live_keys: Vec<(u64, Key)> = live
        .iter()
        .filter(|(key, _)| !settled.0.contains_key(*key))
        .map(|(key, sums)| (sums.calls, key.clone()))
        .collect();
    calls.extend(live_keys.iter().map(|(calls, key)| (*calls, key)));
    calls.sort_unstable_by(|(a, left), (b, right)| b.cmp(a).then_with(|| left.cmp(right)));
    calls.truncate(PAGE_ITEMS_MAX);
    let agent = |(_, key): (u64, &Key)| {
        let mut sums = live.remove(key).unwrap_or_default();
        if let Some(settled) = settled.0.get(key) {
            sums.add(settled.clone());
        }
        sums.agent(key.clone())
    };
    calls.into_iter().map(agent).collect()
}

/// Agents of some days.
#[derive(Debug, Default)]
struct ByAgent(FxHashMap<Key, Sums>);

impl ByAgent {
    fn add(&mut self, key: Key, sums: Sums) {
        if self.0.len() < AGENTS_MAX || self.0.contains_key(&key) {
            self.0.entry(key).or_default().add(sums);
        }
    }
}

impl super::memory::Sums for ByAgent {
    fn merge(&mut self, other: Self) {
        for (key, sums) in other.0 {
            self.add(key, sums);
        }
    }

    fn bytes(&self) -> usize {
        let names = |counts: &Counts<String>| counts.len() as usize;
        self.0
            .values()
            .map(|sums| {
                let names = names(&sums.versions) + names(&sums.servers) + names(&sums.tools);
                AGENT_BYTES + NAME_BYTES * (names + sums.roles.len())
            })
            .sum()
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

    /// The tool that calls of a kind are of.
    fn tool(&mut self, view: &View<'_>, kind: i64) -> rusqlite::Result<Option<usize>> {
        if let Some(tool) = self.tools_of_kinds.get(&kind) {
            return Ok(*tool);
        }
        let (_, primitive) = self.names.kind(view.connection, kind)?;
        let tool = primitive.as_ref().filter(|(word, _)| word == PrimitiveKind::Tool.as_str());
        let tool = tool.map(|(_, name)| match self.tool_numbers.get(name) {
            Some(tool) => *tool,
            None => {
                let tool = self.tools.len();
                self.tools.push(name.clone());
                self.tool_numbers.insert(name.clone(), tool);
                tool
            }
        });
        self.tools_of_kinds.insert(kind, tool);
        Ok(tool)
    }

    fn add_run(&mut self, run: Option<Run>) {
        let Some(Run { actor, candidate, agent, calls }) = run else { return };
        *self.by_actor.entry(actor).or_default() += calls;
        *self.by_server.entry((agent, candidate.server)).or_default() += calls;
        let Some((_, sums)) = self.agents.get_mut(agent) else { return };
        sums.calls += calls;
        if sums.part != candidate.part {
            sums.part = candidate.part;
            sums.sessions += 1;
            let (first, last) = sums.seen.unwrap_or((candidate.started_at, candidate.last_at));
            sums.seen = Some((first.min(candidate.started_at), last.max(candidate.last_at)));
        }
    }
}

/// Consecutive calls of one actor in one part: rows come part by part, and mostly actor by actor.
struct Run {
    actor: i64,
    candidate: Candidate,
    agent: usize,
    calls: u64,
}

fn count(view: &View<'_>) -> Result<OfDay, DayError> {
    let selection = view.selection;
    let mut of_day = OfDay::default();
    if selection.is_void() {
        return Ok(of_day);
    }
    let mut candidates = view.candidates(None)?;
    let mut failure = None;
    let mut run: Option<Run> = None;
    view.all_shares(&mut candidates, &mut |candidate, share| {
        let is_same = |run: &Run| (run.actor, run.candidate.part) == (share.actor, candidate.part);
        if !run.as_ref().is_some_and(is_same) {
            match of_day.agent(view, share.actor) {
                Ok(agent) => {
                    let next = Run { actor: share.actor, candidate: *candidate, agent, calls: 0 };
                    of_day.add_run(run.replace(next));
                }
                Err(error) => {
                    failure.get_or_insert(error);
                    return;
                }
            }
        }
        let Some(run) = &mut run else { return };
        let calls = share.calls.cast_unsigned();
        run.calls += calls;
        match of_day.tool(view, share.kind) {
            Ok(Some(tool)) => *of_day.by_tool.entry((run.agent, tool)).or_default() += calls,
            Ok(None) => {}
            Err(error) => {
                failure.get_or_insert(error);
            }
        }
        let Some((_, sums)) = of_day.agents.get_mut(run.agent) else { return };
        sums.attacks += calls * selection.attacks_of(share.kind);
        let is_probing = candidate.id_source == IdSource::None as usize;
        if selection.error_kinds.has(share.kind) && !is_probing {
            sums.errors += calls;
        }
    })?;
    of_day.add_run(run);
    if let Some(error) = failure {
        return Err(error.into());
    }
    Ok(of_day)
}

/// The same in words.
fn name(view: &View<'_>, of_day: OfDay) -> Vec<(Key, Sums)> {
    let OfDay { agents, actors, by_actor, by_server, by_tool, tools, .. } = of_day;
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
    for ((agent, tool), calls) in by_tool {
        if let (Some((_, sums)), Some(name)) = (named.get_mut(agent), tools.get(tool)) {
            sums.tools.add(name, calls);
        }
    }
    named
}
