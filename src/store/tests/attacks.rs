//! Attacks: as they are stored, and their queries against the records.

use crate::fixture::{
    DAY, HOUR, NOON, SECOND, Store, TO_VERSION_2, alice, answer, call, exchange, place, write,
};
use crate::queries::{limits, pages, questions};
use crate::reference::{Group, Made};
use protocol::RpcId;
use record::{
    Action, Attack, AttackKind, ControlRef, Evidence, Exchange, Judged, Mode, Outcome, Sink,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::query::{Filter, Mark, PageRequest, QueryError, Reader, Scope};

pub(crate) const ACL: ControlRef<'static> = ControlRef {
    kind: AttackKind::AclViolation,
    title: "only admins delete",
    place: "nginx.conf:17",
    text: "allow role=admin;\ndeny all;",
    mode: Mode::Block,
};
const PROTOCOL: ControlRef<'static> = ControlRef {
    kind: AttackKind::ProtocolViolation,
    title: "",
    place: "nginx.conf:3",
    text: "mcp_protocol_check monitoring",
    mode: Mode::Monitoring,
};
pub(crate) const EVIDENCE: Evidence<'static> = Evidence {
    line: "POST /mcp HTTP/1.1",
    headers: "[[\"Host\",\"crm.example.com\"]]",
    body: "{\"jsonrpc\":\"2.0\"}",
    truncated: false,
};

pub(crate) fn attack(at: i64, control: ControlRef<'static>) -> Attack<'static> {
    Attack {
        at,
        control,
        action: if control.mode == Mode::Block { Action::Blocked } else { Action::Passed },
        detail: "deny all, line 21",
        point: "/params/name",
        expected: "",
        found: "delete_account",
        evidence: Some(EVIDENCE),
    }
}

/// Whether an attack that is stored once for several is to be found, and by which call it goes.
fn holds(made: &Made, group: &Group, filter: &Filter, selected: &BTreeSet<usize>) -> bool {
    let (kind, title) = group.control;
    let first = group.calls[0];
    let is_wanted = (filter.attack.iter().any(|wanted| wanted == "any" || wanted == kind)
        || filter.attack.is_empty())
        && (filter.control.is_empty() || filter.control.iter().any(|wanted| wanted == title));
    let is_named = filter.request_id.is_empty()
        || group.calls.iter().any(|call| filter.request_id.contains(&made.calls[*call].request_id));
    is_wanted && is_named && selected.contains(&first)
}

#[test]
fn attacks_agree_with_the_records() {
    let stop = Arc::default();
    let mut merged = 0;
    questions(88, |made, reader, filter, scope, _| {
        let groups = made.groups();
        merged += groups.iter().filter(|group| group.calls.len() > 1).count();
        let on_first = Filter { request_id: Vec::new(), ..filter.clone() };
        let selected = made.select(&on_first, scope).into_iter().flat_map(|(_, calls)| calls);
        let selected: BTreeSet<usize> = selected.collect();
        let mut wanted: Vec<(i64, String, u64)> = groups
            .iter()
            .filter(|group| holds(made, group, filter, &selected))
            .map(|group| {
                let first = &made.calls[group.calls[0]];
                let (kind, title) = group.control;
                (first.at, format!("{kind} {title}"), group.calls.len() as u64)
            })
            .collect();
        let found = pages(7, |page| reader.attacks(filter, page, &limits(&stop)));
        let by_day = |at: i64| (at.div_euclid(DAY), at);
        assert!(found.is_sorted_by_key(|it| std::cmp::Reverse((by_day(it.at.0), it.id))));
        let mut found: Vec<(i64, String, u64)> = found
            .into_iter()
            .map(|it| {
                let title = it.control.unwrap_or_default();
                (it.at.0, format!("{} {title}", it.kind), it.count)
            })
            .collect();
        wanted.sort();
        found.sort();
        assert_eq!(found, wanted, "{filter:?}");
    });
    assert!(merged > 20, "{merged}");
}

#[test]
fn calls_know_their_attacks() {
    let stop = Arc::default();
    questions(99, |made, reader, filter, _, _| {
        for found in pages(90, |page| {
            reader.calls(filter, store::query::Sort::Newest, page, false, &limits(&stop))
        }) {
            let id = found.request_id.as_deref().unwrap();
            let call = made.calls.iter().find(|call| call.request_id == id).unwrap();
            let mut wanted: Vec<(String, String)> = call
                .attacks_of(&Filter::default())
                .into_iter()
                .map(|(kind, title)| (kind.to_owned(), title.to_owned()))
                .collect();
            let mut found: Vec<(String, String)> = found
                .attacks
                .into_iter()
                .map(|it| (it.kind, it.control.unwrap_or_default()))
                .collect();
            wanted.sort();
            found.sort();
            // Twice the same in one call is one.
            wanted.dedup();
            found.dedup();
            assert_eq!(found, wanted, "{call:?}");
        }
    });
}

#[test]
fn controls_agree_with_the_records() {
    let stop = Arc::default();
    questions(11, |made, reader, filter, scope, _| {
        let days = |at: i64| at.div_euclid(DAY);
        let range = Filter { from: filter.from, to: filter.to, ..Filter::default() };
        let mut wanted: BTreeMap<(&str, &str), (u64, u64, i64)> = BTreeMap::new();
        for call in &made.calls {
            let is_in = filter.from.is_none_or(|from| days(from) <= days(call.at))
                && filter.to.is_none_or(|to| days(call.at) <= days(to - 1))
                && scope.has(made.sessions[call.session].server);
            for key in call.attacks_of(&Filter::default()).into_iter().filter(|_| is_in) {
                let control = wanted.entry(key).or_default();
                control.0 += 1;
                control.1 += u64::from(call.outcome == Outcome::Blocked);
                control.2 = control.2.max(call.at);
            }
        }
        let found = reader.controls(&range, &limits(&stop)).unwrap().items;
        let found: BTreeMap<(&str, &str), (u64, u64, i64)> = found
            .iter()
            .map(|it| {
                assert_eq!((it.judged, it.allowed, it.unjudged), (it.denied, 0, 0));
                assert_eq!(it.days.iter().map(|day| day.denied).sum::<u64>(), it.denied);
                let last = it.last_attack.unwrap().0;
                ((it.kind_of_attack.as_str(), it.title.as_str()), (it.denied, it.blocked, last))
            })
            .collect();
        assert_eq!(found, wanted, "{filter:?}");
    });
}

#[test]
fn an_attack_has_its_call_its_evidence_and_the_controls_text_as_it_was() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let request = Exchange { identity: alice(), ..exchange(NOON) };
    let mut batch = writer.begin(NOON).unwrap();
    let part = place(&mut batch, &request);
    let id = RpcId::Integer(1);
    let attacks = [attack(NOON + 10, ACL), attack(NOON + 10, PROTOCOL)];
    let blocked = call(NOON, &id, Outcome::Blocked);
    batch.judged(part, &ACL, Judged::Blocked);
    batch.judged(part, &PROTOCOL, Judged::Denied);
    batch.call(part, &request, &record::Call { attacks: &attacks, ..blocked });
    let committed = batch.commit().unwrap();
    assert_eq!(committed.attacks, [1, 0, 0, 1, 0]);
    // The text changes; the place does not.
    let later = ControlRef { text: "deny all;", ..ACL };
    let mut batch = writer.begin(NOON + HOUR).unwrap();
    let part = place(&mut batch, &exchange(NOON + HOUR));
    batch.judged(part, &later, Judged::Allowed);
    batch.judged(part, &later, Judged::UnjudgedBlocked);
    batch.commit().unwrap();

    let stop = Arc::default();
    let mut reader = Reader::open(&store.path(), Scope::all());
    let page = PageRequest { limit: 10, cursor: None };
    let list = reader.attacks(&Filter::default(), page, &limits(&stop)).unwrap().items;
    assert_eq!(list.len(), 2);
    let acl = list.iter().find(|it| it.kind == "ACL violation").unwrap();
    let one = reader.attack(acl.id, &limits(&stop)).unwrap().value;
    assert_eq!(&one.attack, acl);
    assert_eq!((one.text.as_str(), one.mode.as_str()), (ACL.text, "block"));
    let evidence = one.evidence.unwrap();
    assert_eq!(
        (evidence.line.as_str(), evidence.headers.get(), evidence.body.as_str()),
        (EVIDENCE.line, EVIDENCE.headers, EVIDENCE.body)
    );
    assert_eq!(acl.user.as_deref(), Some("alice@example.com"));
    assert_eq!((acl.action.as_str(), acl.verdict), ("blocked", "deny"));
    let call = reader.call(acl.call, &limits(&stop)).unwrap().value.call;
    assert_eq!(call.outcome, "blocked");
    assert_eq!(call.attacks.len(), 2);
    assert_eq!(call.attacks[0].id, acl.id);
    assert_eq!(call.attacks[1].control, None);
    // Both are about one request.
    assert_eq!(store.one("SELECT count(*) FROM evidence"), "1");
    assert_eq!(store.one("SELECT attacks || ' ' || blocked FROM sessions"), "2 1");
    let view = "SELECT type || ' ' || control || ' ' || action || ' ' || user || ' ' || point \
         FROM attacks WHERE control IS NOT NULL";
    let row = "ACL violation only admins delete blocked alice@example.com /params/name";
    assert_eq!(store.one(view), row);

    let controls = reader.controls(&Filter::default(), &limits(&stop)).unwrap().items;
    let acl = controls.iter().find(|it| it.kind == "acl").unwrap();
    assert_eq!((acl.judged, acl.allowed, acl.denied, acl.blocked), (2, 1, 1, 1));
    assert_eq!((acl.unjudged, acl.unjudged_blocked), (1, 1));
    assert_eq!(acl.text, "deny all;");
    assert_eq!(acl.last_attack.map(|at| at.0), Some(NOON + 10));

    let other = Scope::servers(vec!["other.example.com/*".into()]);
    let mut confined = Reader::open(&store.path(), other);
    let none = confined.attacks(&Filter::default(), page, &limits(&stop)).unwrap().items;
    assert!(none.is_empty());
    assert!(confined.controls(&Filter::default(), &limits(&stop)).unwrap().items.is_empty());
    let refused = confined.attack(one.attack.id, &limits(&stop)).map(|_| ());
    assert_eq!(refused, Err(QueryError::NotFound));
}

#[test]
fn a_new_attack_is_told_once() {
    let store = Store::new();
    let (mut writer, id) = (store.writer("w1"), RpcId::Integer(4));
    write(&mut writer, &exchange(NOON), Outcome::Ok);
    let (stop, mut mark) = (Arc::default(), Mark::default());
    let all = Filter::default();
    let acl = Filter { attack: vec!["ACL violation".into()], ..Filter::default() };
    let mut reader = Reader::open(&store.path(), Scope::all());
    // The second in a minute only adds to the first one's count.
    for (at, controls, told) in [
        (NOON, [].as_slice(), [0, 0]),
        (NOON + SECOND, &[ACL, PROTOCOL], [2, 1]),
        (NOON + 2 * SECOND, &[ACL], [0, 0]),
        (NOON + 61 * SECOND, &[PROTOCOL], [1, 0]),
    ] {
        let request = exchange(at);
        let mut batch = writer.begin(at).unwrap();
        let part = place(&mut batch, &request);
        let attacks: Vec<Attack<'_>> = controls.iter().map(|it| attack(at, *it)).collect();
        let denied = call(at, &id, Outcome::Ok);
        batch.call(part, &request, &record::Call { attacks: &attacks, ..denied });
        batch.commit().unwrap();
        let counts = [&all, &acl]
            .map(|filter| reader.changes(&mark, filter, 10, &limits(&stop)).unwrap().attacks.len());
        assert_eq!(counts, told, "{at}");
        mark = reader.changes(&mark, &all, 10, &limits(&stop)).unwrap().mark;
    }
}

#[test]
fn a_call_that_is_answered_later_keeps_its_attack() {
    let store = Store::new();
    let (mut writer, id) = (store.writer("w1"), RpcId::Integer(4));
    let request = exchange(NOON);
    let mut batch = writer.begin(NOON).unwrap();
    let part = place(&mut batch, &request);
    let attacks = [attack(NOON, PROTOCOL)];
    let pending = call(NOON, &id, Outcome::Pending);
    let pending =
        batch.call(part, &request, &record::Call { attacks: &attacks, ..pending }).unwrap();
    batch.commit().unwrap();
    let mut batch = writer.begin(NOON + SECOND).unwrap();
    batch.complete(pending, &answer(NOON + SECOND, Outcome::ToolError));
    batch.commit().unwrap();
    let stop = Arc::default();
    let mut reader = Reader::open(&store.path(), Scope::all());
    let page = PageRequest { limit: 10, cursor: None };
    for (outcome, count) in [("tool_error", 1), ("pending", 0)] {
        let filter = Filter {
            outcome: vec![outcome.into()],
            attack: vec!["any".into()],
            ..Filter::default()
        };
        assert_eq!(reader.attacks(&filter, page, &limits(&stop)).unwrap().items.len(), count);
        assert_eq!(reader.sessions(&filter, page, &limits(&stop)).unwrap().items.len(), count);
    }
    assert_eq!(store.one("SELECT sum(attacks) FROM attack_minutes"), "1");
}

#[test]
fn a_day_of_version_2_is_read_and_written() {
    let store = Store::new();
    let stop = Arc::default();
    let mut writer = store.writer("w1");
    write(&mut writer, &exchange(NOON), Outcome::Ok);
    drop(writer);
    store.read("2026-11-25.db").execute_batch(TO_VERSION_2).unwrap();
    let mut reader = Reader::open(&store.path(), Scope::all());
    let page = PageRequest { limit: 10, cursor: None };
    let all = Filter::default();
    let counts = |reader: &mut Reader| {
        let calls = reader.calls(&all, store::query::Sort::Newest, page, true, &limits(&stop));
        let attacks = reader.attacks(&all, page, &limits(&stop)).unwrap();
        assert_eq!(attacks.warnings, []);
        (calls.unwrap().items.len(), attacks.items.len())
    };
    assert_eq!(counts(&mut reader), (1, 0));
    let mut writer = store.writer("w2");
    let (request, id) = (exchange(NOON + SECOND), RpcId::Integer(1));
    let mut batch = writer.begin(NOON + SECOND).unwrap();
    let part = place(&mut batch, &request);
    let attacks = [attack(NOON + SECOND, ACL)];
    let blocked = call(NOON + SECOND, &id, Outcome::Blocked);
    batch.call(part, &request, &record::Call { attacks: &attacks, ..blocked });
    batch.commit().unwrap();
    assert_eq!(store.one("PRAGMA user_version"), "3");
    // The reader had the file open as it was before.
    assert_eq!(counts(&mut reader), (2, 1));
}

#[test]
fn pages_of_attacks_neither_repeat_nor_skip_while_attacks_come() {
    let store = Store::new();
    let stop = Arc::default();
    let mut writer = store.writer("w1");
    let mut add = |second: i64| {
        let at = NOON + second * SECOND;
        let (request, id) = (exchange(at), RpcId::Integer(second));
        let mut batch = writer.begin(at).unwrap();
        let part = place(&mut batch, &request);
        let points: [&'static str; 3] = ["/a", "/b", "/c"];
        let attacks = points.map(|point| Attack { point, ..attack(at, ACL) });
        let blocked = call(at, &id, Outcome::Blocked);
        batch.call(part, &request, &record::Call { attacks: &attacks, ..blocked });
        batch.commit().unwrap();
    };
    for minute in 0..20 {
        add(minute * 60);
    }
    let mut reader = Reader::open(&store.path(), Scope::all());
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    for page in 0.. {
        let request = PageRequest { limit: 4, cursor: cursor.as_deref() };
        let list = reader.attacks(&Filter::default(), request, &limits(&stop)).unwrap();
        seen.extend(list.items.into_iter().map(|it| it.id));
        cursor = list.next;
        if cursor.is_none() {
            break;
        }
        // New ones come, and old ones get another of their kind.
        add(1_200 + page * 60);
        add(page * 60 + 30);
    }
    assert_eq!(seen.len(), 60);
    let mut ids = seen.clone();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 60);
    let foreign = Filter { user: vec!["x".into()], ..Filter::default() };
    let list = reader
        .attacks(&Filter::default(), PageRequest { limit: 4, cursor: None }, &limits(&stop))
        .unwrap();
    let wrong = PageRequest { limit: 4, cursor: list.next.as_deref() };
    let refused = reader.attacks(&foreign, wrong, &limits(&stop)).map(|_| ());
    assert_eq!(refused, Err(QueryError::BadCursor));
}
