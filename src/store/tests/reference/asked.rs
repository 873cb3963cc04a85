//! The questions, answered from what was made.

use super::{ATTACKS, Group, Made, MadeCall, NOW, Part};
use crate::fixture::{DAY, NOON, SECOND};
use record::{IdSource, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use store::query::{Filter, Scope, State};

impl Made {
    /// The id of a session on a day.
    pub(crate) fn id_on(&self, session: usize, day: i64) -> String {
        let session = &self.sessions[session];
        if session.source != IdSource::None {
            return session.id.clone();
        }
        let name = if day == NOON.div_euclid(DAY) { "2026-11-25.db" } else { "2026-11-24.db" };
        let mut words = session.id.split(' ');
        words.by_ref().find(|word| *word == name);
        words.next().unwrap_or("").to_owned()
    }

    pub(crate) fn parts(&self) -> Vec<Part> {
        let mut parts: BTreeMap<(i64, usize), Part> = BTreeMap::new();
        for (index, call) in self.calls.iter().enumerate() {
            let day = call.at.div_euclid(DAY);
            let part = parts.entry((day, call.session)).or_insert_with(|| Part {
                day,
                session: call.session,
                started_at: i64::MAX,
                last_at: 0,
                is_ended: false,
                calls: Vec::new(),
            });
            part.started_at = part.started_at.min(call.at);
            part.last_at = part.last_at.max(call.at + call.duration_us);
            part.calls.push(index);
        }
        for (number, session) in self.sessions.iter().enumerate() {
            let Some(ended) = session.ended else { continue };
            let part = parts.get_mut(&(ended.div_euclid(DAY), number)).unwrap();
            part.last_at = part.last_at.max(ended);
            part.is_ended = true;
        }
        parts.into_values().collect()
    }

    pub(crate) fn state(&self, part: &Part) -> State {
        if part.is_ended {
            State::Ended
        } else if NOW - part.last_at > self.sessions[part.session].idle_us {
            State::Idle
        } else {
            State::Open
        }
    }

    /// Attacks that are stored as one: of the same minute, session part, actor and all that they
    /// say. Calls are in the order of their times.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let mut groups: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (index, call) in self.calls.iter().enumerate() {
            let minute = call.at.div_euclid(60 * SECOND);
            let is_blocked = call.outcome == Outcome::Blocked;
            for number in &call.attacks {
                let key = (minute, call.session, call.user, call.method, call.tool, is_blocked);
                groups.entry((key, *number)).or_default().push(index);
            }
        }
        let groups = groups.into_iter().map(|((_, number), calls)| {
            let (kind, title, _) = ATTACKS[number];
            Group { calls, control: (kind.as_str(), title) }
        });
        groups.collect()
    }

    pub(crate) fn is_error(&self, call: &MadeCall) -> bool {
        call.outcome.is_error() && self.sessions[call.session].source != IdSource::None
    }

    /// Parts on which the filters hold, with the calls they hold on.
    pub(crate) fn select(&self, filter: &Filter, scope: &Scope) -> Vec<(Part, Vec<usize>)> {
        let is_on_calls = is_on_calls(filter);
        let mut selected = Vec::new();
        for part in self.parts() {
            let session = &self.sessions[part.session];
            let id = self.id_on(part.session, part.day);
            let is_part = scope.has(session.server)
                && has(&filter.server, session.server)
                && has(&filter.session_id, &id)
                && has(&filter.id_source, session.source.as_str())
                && (filter.state.is_empty() || filter.state.contains(&self.state(&part)))
                && filter.from.is_none_or(|from| part.last_at >= from)
                && filter.to.is_none_or(|to| part.started_at < to);
            if !is_part {
                continue;
            }
            let calls: Vec<usize> = part
                .calls
                .iter()
                .copied()
                .filter(|index| self.holds(filter, &self.calls[*index], &id))
                .collect();
            if !is_on_calls || !calls.is_empty() {
                selected.push((part, calls));
            }
        }
        selected
    }

    fn holds(&self, filter: &Filter, call: &MadeCall, session_id: &str) -> bool {
        let roles: Vec<String> = serde_json::from_str(call.roles).unwrap_or_default();
        let q = filter.q.as_ref().map(|q| q.to_ascii_lowercase());
        let has_q = q.is_none_or(|q| {
            [call.tool.unwrap_or(""), call.user, session_id]
                .iter()
                .any(|text| text.to_ascii_lowercase().contains(&q))
        });
        let is_attack = [&filter.attack, &filter.control, &filter.action]
            .iter()
            .all(|wanted| wanted.is_empty())
            || !call.attacks_of(filter).is_empty();
        filter.from.is_none_or(|from| call.at >= from)
            && filter.to.is_none_or(|to| call.at < to)
            && (has(&filter.user, call.user)
                || !call.user.is_empty() && filter.user.iter().any(|user| user == "*"))
            && (filter.role.is_empty() || roles.iter().any(|role| filter.role.contains(role)))
            && has(&filter.client, call.client)
            && has(&filter.address, &call.address)
            && filter.param.iter().all(|(name, values)| {
                name == "tenant" && call.tenant.is_some_and(|tenant| has(values, tenant))
            })
            && has(&filter.request_id, &call.request_id)
            && has(&filter.method, call.method)
            && has(&filter.primitive, call.tool.unwrap_or(""))
            && has(&filter.outcome, call.outcome.as_str())
            && (filter.status.is_empty() || filter.status.contains(&call.status))
            && is_attack
            && has_q
    }
}

pub(super) fn has(wanted: &[String], value: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| wanted == value)
}

pub(crate) fn is_on_calls(filter: &Filter) -> bool {
    let lists = [
        &filter.user,
        &filter.role,
        &filter.client,
        &filter.address,
        &filter.request_id,
        &filter.method,
        &filter.primitive,
        &filter.outcome,
        &filter.attack,
        &filter.control,
        &filter.action,
    ];
    lists.iter().any(|list| !list.is_empty())
        || !filter.param.is_empty()
        || !filter.status.is_empty()
        || filter.q.is_some()
}

/// Distinct values and how many calls and parts have them.
pub(crate) type Counted = BTreeMap<String, (u64, u64)>;

/// The facets of a selection, by name.
pub(crate) fn facets(made: &Made, selected: &[(Part, Vec<usize>)]) -> BTreeMap<String, Counted> {
    let mut facets: BTreeMap<String, BTreeMap<String, (u64, BTreeSet<usize>)>> = BTreeMap::new();
    for (number, (part, calls)) in selected.iter().enumerate() {
        let mut add = |name: &str, value: &str, calls: u64| {
            if !value.is_empty() && value != "0" {
                let facet = facets.entry(name.to_owned()).or_default();
                let (count, parts) = facet.entry(value.to_owned()).or_default();
                *count += calls;
                parts.insert(number);
            }
        };
        let session = &made.sessions[part.session];
        add("server", session.server, calls.len() as u64);
        add("id_source", session.source.as_str(), calls.len() as u64);
        add("state", made.state(part).as_str(), calls.len() as u64);
        for call in calls.iter().map(|index| &made.calls[*index]) {
            add("user", call.user, 1);
            for role in serde_json::from_str::<Vec<String>>(call.roles).unwrap_or_default() {
                add("role", &role, 1);
            }
            add("client", call.client, 1);
            add("address", &call.address, 1);
            add("param.tenant", call.tenant.unwrap_or(""), 1);
            add("method", call.method, 1);
            add("primitive", call.tool.unwrap_or(""), 1);
            add("outcome", call.outcome.as_str(), 1);
            add("status", &call.status.to_string(), 1);
            let attacks = call.attacks_of(&Filter::default());
            for kind in attacks.iter().map(|(kind, _)| *kind).collect::<BTreeSet<_>>() {
                add("attack", kind, 1);
            }
            if !attacks.is_empty() {
                add("action", call.action(), 1);
            }
            for title in attacks.iter().map(|(_, title)| *title).collect::<BTreeSet<_>>() {
                add("control", title, 1);
            }
        }
    }
    let counted = |values: BTreeMap<String, (u64, BTreeSet<usize>)>| {
        values.into_iter().map(|(value, (calls, parts))| (value, (calls, parts.len() as u64)))
    };
    facets.into_iter().map(|(name, values)| (name, counted(values).collect())).collect()
}
