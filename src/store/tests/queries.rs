//! Every query against the same question answered from the same records in plain Rust.

use crate::filters::random_filter;
use crate::fixture::Store;
use crate::reference::{Counted, Made, NOW, Random, SERVERS, facets, is_on_calls, make};
use record::IdSource;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use store::query::{
    Call, FacetRequest, Filter, Limits, List, PageRequest, QueryError, Reader, Scope, SessionPart,
    Sort,
};

const CALLS: usize = 2_000;
/// Filters a question is asked with.
const FILTERS: u64 = 80;

pub(crate) fn limits(stop: &Arc<AtomicBool>) -> Limits<'_> {
    Limits { now: NOW, deadline: Instant::now() + Duration::from_secs(60), cancelled: stop }
}

/// A store of random records, and random questions about them.
pub(crate) fn questions(
    seed: u64,
    mut ask: impl FnMut(&Made, &mut Reader, &Filter, &Scope, &mut Random),
) {
    let store = Store::new();
    let mut random = Random(seed);
    let made = make(&store, &mut random, CALLS);
    for _ in 0..FILTERS {
        let filter = random_filter(&mut random, &made);
        let scope = match random.below(3) {
            0 => Scope::servers(vec!["crm.test/*".into(), "search.example.org/a".into()]),
            _ => Scope::all(),
        };
        let mut reader = Reader::open(&store.path(), scope.clone());
        ask(&made, &mut reader, &filter, &scope, &mut random);
    }
}

/// All pages of a list.
pub(crate) fn pages<T>(
    limit: usize,
    mut ask: impl FnMut(PageRequest<'_>) -> Result<List<T>, QueryError>,
) -> Vec<T> {
    let (mut items, mut cursor): (Vec<T>, Option<String>) = (Vec::new(), None);
    loop {
        let page = ask(PageRequest { limit, cursor: cursor.as_deref() }).unwrap();
        assert!(page.items.len() <= limit);
        assert_eq!(page.warnings, []);
        items.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return items;
        }
    }
}

fn key(part: &SessionPart) -> (String, String, u64) {
    (part.day.clone(), part.session_id.clone(), part.matched)
}

#[test]
fn the_session_list_agrees_with_the_records() {
    let stop = Arc::default();
    questions(11, |made, reader, filter, scope, random| {
        let limit = usize::try_from(1 + random.below(30)).unwrap();
        let found = pages(limit, |page| reader.sessions(filter, page, &limits(&stop)));
        let mut wanted = made.select(filter, scope);
        wanted.sort_by_key(|(part, _)| std::cmp::Reverse((part.day, part.last_at)));
        let wanted: Vec<(String, String, u64)> = wanted
            .iter()
            .map(|(part, calls)| {
                let matched = if is_on_calls(filter) { calls.len() } else { part.calls.len() };
                let day = if part.day == NOW.div_euclid(86_400_000_000) { 25 } else { 24 };
                let id = made.id_on(part.session, part.day);
                (format!("2026-11-{day}"), id, matched as u64)
            })
            .collect();
        assert_eq!(found.iter().map(key).collect::<Vec<_>>(), wanted, "{filter:?}");
        let mut exported = Vec::new();
        reader
            .each_session(filter, &limits(&stop), &mut |part| {
                exported.push(key(&part));
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(exported, wanted, "{filter:?}");
        check_parts(made, &found);
    });
}

/// Everything else that the list says of a part.
fn check_parts(made: &Made, found: &[SessionPart]) {
    let parts = made.parts();
    for shown in found {
        let part = parts
            .iter()
            .find(|part| {
                made.id_on(part.session, part.day) == shown.session_id
                    && (part.day == NOW.div_euclid(86_400_000_000)) == (shown.day == "2026-11-25")
            })
            .unwrap();
        let session = &made.sessions[part.session];
        let calls: Vec<_> = part.calls.iter().map(|index| &made.calls[*index]).collect();
        assert_eq!(shown.server, session.server);
        assert_eq!(shown.state, made.state(part));
        assert_eq!((shown.started_at.0, shown.last_at.0), (part.started_at, part.last_at));
        assert_eq!(shown.calls, calls.len() as u64);
        let errors = calls.iter().filter(|call| made.is_error(call)).count();
        assert_eq!(shown.errors, errors as u64);
        let users: BTreeSet<&str> =
            calls.iter().map(|call| call.user).filter(|user| !user.is_empty()).collect();
        assert_eq!(shown.users_total, users.len() as u64);
        assert_eq!(shown.users.iter().map(String::as_str).collect::<BTreeSet<_>>(), users);
        let counted = |name: &dyn Fn(&crate::reference::MadeCall) -> Option<&'static str>| {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for name in calls.iter().filter_map(|call| name(call)) {
                *counts.entry(name.to_owned()).or_default() += 1;
            }
            counts
        };
        let methods = shown.methods.iter().map(|method| (method.name.clone(), method.count));
        assert_eq!(methods.collect::<BTreeMap<_, _>>(), counted(&|call| Some(call.method)));
        let mut primitives: BTreeMap<String, u64> = BTreeMap::new();
        for primitive in &shown.primitives {
            *primitives.entry(primitive.name.clone()).or_default() += primitive.count;
        }
        assert!(shown.primitives_total > 10 || primitives == counted(&|call| call.tool));
    }
}

fn request_ids(calls: &[Call]) -> BTreeSet<String> {
    calls.iter().map(|call| call.request_id.clone().unwrap()).collect()
}

fn wanted_ids(made: &Made, filter: &Filter, scope: &Scope) -> BTreeSet<String> {
    let selected = made.select(filter, scope);
    let calls = selected.iter().flat_map(|(_, calls)| calls);
    calls.map(|index| made.calls[*index].request_id.clone()).collect()
}

#[test]
fn the_call_lists_agree_with_the_records() {
    let stop = Arc::default();
    questions(22, |made, reader, filter, scope, random| {
        let limit = usize::try_from(20 + random.below(400)).unwrap();
        let wanted = wanted_ids(made, filter, scope);
        let found =
            pages(limit, |page| reader.calls(filter, Sort::Newest, page, false, &limits(&stop)));
        assert_eq!(request_ids(&found), wanted, "{filter:?}");
        assert!(found.is_sorted_by_key(|call| std::cmp::Reverse((call.id.day, call.id.call))));
        for sort in [Sort::Duration, Sort::Bytes] {
            let value = |call: &Call| match sort {
                Sort::Bytes => call.bytes_in + call.bytes_out,
                _ => (call.duration_ms.unwrap() * 1_000.0).round() as u64,
            };
            let found =
                pages(limit, |page| reader.calls(filter, sort, page, false, &limits(&stop)));
            assert_eq!(found.len(), wanted.len(), "{filter:?}");
            assert_eq!(request_ids(&found), wanted, "{filter:?}");
            assert!(found.is_sorted_by(|a, b| value(a) >= value(b)), "{filter:?}");
        }
        let mut exported = BTreeSet::new();
        reader
            .each_call(filter, true, &limits(&stop), &mut |call| {
                assert_eq!(call.arguments.as_ref().unwrap().get(), "{\"q\":[1,{}]}");
                assert!(exported.insert(call.request_id.unwrap()));
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(exported, wanted, "{filter:?}");
    });
}

#[test]
fn the_calls_of_a_session_agree_with_the_records() {
    let stop = Arc::default();
    questions(33, |made, reader, filter, scope, random| {
        let all = made.select(&Filter::default(), scope);
        let (part, _) = random.one(&all).clone();
        let id = made.id_on(part.session, part.day);
        let this = Filter { session_id: vec![id.clone()], ..Filter::default() };
        let page = PageRequest { limit: 2, cursor: None };
        let shown = reader.sessions(&this, page, &limits(&stop)).unwrap().items;
        let shown = shown.into_iter().find(|shown| i64::from(shown.id.day) == part.day).unwrap();
        let limit = usize::try_from(3 + random.below(40)).unwrap();
        let found = pages(limit, |page| {
            reader.session_calls(shown.id, filter, page, false, &limits(&stop))
        });
        let selected = made.select(filter, scope);
        let wanted: BTreeSet<String> = selected
            .iter()
            .filter(|(of, _)| (of.day, of.session) == (part.day, part.session))
            .flat_map(|(_, calls)| calls)
            .map(|index| made.calls[*index].request_id.clone())
            .collect();
        assert_eq!(request_ids(&found), wanted, "{filter:?}");
        assert!(found.is_sorted_by_key(|call| call.id.call));
        let detail = reader.session(shown.id, &limits(&stop)).unwrap().value;
        assert_eq!(detail.facets.calls, part.calls.len() as u64);
        let days: Vec<i64> = detail.parts.iter().map(|part| i64::from(part.id.day)).collect();
        let others = all.iter().filter(|(of, _)| made.id_on(of.session, of.day) == id);
        assert_eq!(
            days,
            others.map(|(of, _)| of.day).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        );
    });
}

#[test]
fn facets_agree_with_the_records() {
    let stop = Arc::default();
    questions(44, |made, reader, filter, scope, _| {
        let request = FacetRequest { limit: 500, ..FacetRequest::default() };
        let found = reader.facets(filter, &request, &limits(&stop)).unwrap().value;
        let selected = made.select(filter, scope);
        let wanted = facets(made, &selected);
        let found_facets: BTreeMap<String, Counted> = found
            .facets
            .iter()
            .filter(|facet| !facet.values.is_empty())
            .map(|facet| {
                let values = facet.values.iter();
                let counted =
                    values.map(|value| (value.value.clone(), (value.count, value.sessions)));
                (facet.name.clone(), counted.collect())
            })
            .collect();
        assert_eq!(found_facets, wanted, "{filter:?}");
        let calls = || selected.iter().flat_map(|(_, calls)| calls).map(|i| &made.calls[*i]);
        let errors = calls().filter(|call| made.is_error(call)).count() as u64;
        assert_eq!((found.calls, found.errors), (calls().count() as u64, errors), "{filter:?}");
        assert_eq!(found.sessions, selected.len() as u64, "{filter:?}");
    });
}

#[test]
fn the_timeline_agrees_with_the_records() {
    let stop = Arc::default();
    questions(55, |made, reader, filter, scope, random| {
        let steps_max = usize::try_from(2 + random.below(400)).unwrap();
        let found = reader.timeline(filter, steps_max, &limits(&stop)).unwrap().value;
        assert!(found.steps.len() <= steps_max);
        let step_us = i64::try_from(found.step_seconds).unwrap() * 1_000_000;
        let mut wanted: BTreeMap<i64, (u64, u64, u64)> = BTreeMap::new();
        let filter = Filter { to: filter.to.or(Some(NOW + 1)), ..filter.clone() };
        for (_, calls) in made.select(&filter, scope) {
            for call in calls.iter().map(|index| &made.calls[*index]) {
                let step = wanted.entry(call.at.div_euclid(step_us) * step_us).or_default();
                step.0 += 1;
                step.1 += u64::from(made.is_error(call));
                step.2 += call.attacks_of(&filter).len() as u64;
            }
        }
        let first = found.steps[0].at.0;
        assert!(found.steps.iter().zip(0..).all(|(step, n)| step.at.0 == first + n * step_us));
        let found: BTreeMap<i64, (u64, u64, u64)> = found
            .steps
            .iter()
            .map(|step| (step.at.0, (step.calls, step.errors, step.attacks)))
            .filter(|(_, counts)| *counts != (0, 0, 0))
            .collect();
        assert_eq!(found, wanted, "{filter:?}");
    });
}

#[test]
fn agents_and_servers_agree_with_the_records() {
    let stop = Arc::default();
    questions(66, |made, reader, filter, scope, _| {
        type Sums = (u64, u64, u64, BTreeSet<usize>);
        let mut wanted: BTreeMap<(String, String), Sums> = BTreeMap::new();
        for (number, (_, calls)) in made.select(filter, scope).iter().enumerate() {
            for call in calls.iter().map(|index| &made.calls[*index]) {
                let key = (call.user.to_owned(), call.client.to_owned());
                let agent = wanted.entry(key).or_default();
                agent.0 += 1;
                agent.1 += u64::from(made.is_error(call));
                agent.2 += call.attacks_of(filter).len() as u64;
                agent.3.insert(number);
            }
        }
        let wanted: BTreeMap<(String, String), (u64, u64, u64, u64)> = wanted
            .into_iter()
            .map(|(key, (calls, errors, attacks, parts))| {
                (key, (calls, errors, attacks, parts.len() as u64))
            })
            .collect();
        let found = reader.agents(filter, &limits(&stop)).unwrap().items;
        assert!(found.is_sorted_by(|a, b| a.calls >= b.calls));
        let found: BTreeMap<(String, String), (u64, u64, u64, u64)> = found
            .into_iter()
            .map(|agent| {
                let client = agent.client.map(|client| client.name).unwrap_or_default();
                let key = (agent.user.unwrap_or_default(), client);
                (key, (agent.calls, agent.errors, agent.attacks, agent.sessions))
            })
            .collect();
        assert_eq!(found, wanted, "{filter:?}");

        let times = Filter { from: filter.from, to: filter.to, ..Filter::default() };
        let selected = made.select(&times, scope);
        let found = reader.servers(&times, &limits(&stop)).unwrap().items;
        let names: BTreeSet<&str> = found.iter().map(|server| server.name.as_str()).collect();
        let known = SERVERS.iter().copied().filter(|server| scope.has(server));
        assert_eq!(names, known.collect());
        for server in found {
            let parts: Vec<_> = selected
                .iter()
                .filter(|(part, _)| made.sessions[part.session].server == server.name)
                .collect();
            let calls = || parts.iter().flat_map(|(_, calls)| calls).map(|i| &made.calls[*i]);
            let errors = calls().filter(|call| made.is_error(call)).count() as u64;
            let counts = (server.calls, server.errors, server.sessions);
            assert_eq!(counts, (calls().count() as u64, errors, parts.len() as u64), "{times:?}");
            let attacks: usize = calls().map(|call| call.attacks.len()).sum();
            assert_eq!(server.attacks, attacks as u64, "{times:?}");
            let tools: BTreeSet<_> =
                calls().filter_map(|call| call.tool.map(|tool| (call.method, tool))).collect();
            assert_eq!(server.primitives, tools.len() as u64, "{times:?}");
            let listed = reader
                .primitives(
                    &server.id,
                    &times,
                    &[],
                    PageRequest { limit: 500, cursor: None },
                    &limits(&stop),
                )
                .unwrap()
                .items;
            let sum: u64 = listed.iter().map(|primitive| primitive.calls).sum();
            assert_eq!(sum, calls().filter(|call| call.tool.is_some()).count() as u64);
        }
    });
}

#[test]
fn percentiles_are_those_of_the_durations() {
    let stop = Arc::default();
    let store = Store::new();
    let made = make(&store, &mut Random(77), CALLS);
    let mut reader = Reader::open(&store.path(), Scope::all());
    let servers = reader.servers(&Filter::default(), &limits(&stop)).unwrap().items;
    for server in servers {
        let mut durations: Vec<i64> = made
            .calls
            .iter()
            .filter(|call| {
                let session = &made.sessions[call.session];
                session.server == server.name && session.source != IdSource::None
            })
            .map(|call| call.duration_us)
            .collect();
        durations.sort_unstable();
        for (found, share) in [(server.p50_ms, 0.5), (server.p95_ms, 0.95)] {
            let rank = (durations.len() as f64 * share).ceil() as usize - 1;
            let exact_ms = durations[rank] as f64 / 1_000.0;
            let found = found.unwrap();
            assert!((found / exact_ms - 1.0).abs() < 0.13, "{found} {exact_ms}");
        }
    }
}
